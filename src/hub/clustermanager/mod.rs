//! Reconciles the ClusterManager.
