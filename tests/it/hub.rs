//! Tests of: hub.
