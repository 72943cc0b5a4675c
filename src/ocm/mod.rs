//! The domain, without I/O: API types, names, labels, conditions, CRDs.
//!
//! The sixteen kinds of Open Cluster Management are Rust types with full
//! schemas; `crds` turns the types into the CustomResourceDefinitions that
//! `embedded-manifests/crds/` holds, so type and schema cannot drift apart.

pub mod addon;
pub mod cluster;
pub mod conditions;
pub mod crds;
pub mod gates;
pub mod intern;
pub mod labels;
pub mod names;
pub mod operator;
pub mod releases;
pub(crate) mod resource;
pub mod rollout;
pub(crate) mod schema;
pub mod work;

/// Whether a value is its type's default: what `omitempty` does in Go.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
