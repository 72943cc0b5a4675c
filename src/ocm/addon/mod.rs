//! `addon.open-cluster-management.io`: add-ons, their configuration, templates.

pub mod names;
pub mod shared;
pub mod v1alpha1;
pub mod v1beta1;

/// The API group.
pub const GROUP: &str = "addon.open-cluster-management.io";
