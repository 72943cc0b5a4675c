//! `operator.open-cluster-management.io`: ClusterManager and Klusterlet.

pub mod v1;

/// The API group.
pub const GROUP: &str = "operator.open-cluster-management.io";
