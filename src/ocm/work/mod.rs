//! `work.open-cluster-management.io`: what the hub distributes.

pub mod v1;
pub mod v1alpha1;

/// The API group.
pub const GROUP: &str = "work.open-cluster-management.io";
