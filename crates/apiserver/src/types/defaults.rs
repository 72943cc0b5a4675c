//! The defaults that Kubernetes sets in Go code (`pkg/apis/*/v1/defaults.go`).

use serde_json::Value;

use super::ResourceType;

/// Fills in the defaults of a built-in kind; nothing for custom resources.
pub fn apply(resource: &ResourceType, object: &mut Value) {
    if resource.custom.is_some() {
        return;
    }
    crate::schema::apply_defaults(&resource.schema, object);
}
