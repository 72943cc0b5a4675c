//! `cluster.open-cluster-management.io`: clusters, sets, placements.

pub mod rollout;
pub mod v1;
pub mod v1alpha1;
pub mod v1beta1;
pub mod v1beta2;

/// The API group.
pub const GROUP: &str = "cluster.open-cluster-management.io";
