//! Reconciles the Klusterlet.
