//! What a PATCH body means for an object: JSON patch (RFC 6902), merge patch
//! (RFC 7386) and Kubernetes' strategic merge patch. Server-side apply is in
//! `managedfields`.

mod json;
mod strategic;

use serde_json::Value;

pub use json::{json_patch, json_patch_or_why};
pub use strategic::strategic_merge_patch;

use crate::golang;
use crate::status::Status;

/// Applies a merge patch: null removes a field, objects merge, all else replaces.
///
/// # Errors
/// 400 when the patch is no object.
pub fn merge_patch(original: &Value, patch: &Value) -> Result<Value, Status> {
    if patch.is_null() {
        return Err(Status::bad_request("Invalid JSON Patch"));
    }
    if !patch.is_object() {
        let found = golang::kind(patch);
        return Err(Status::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        )));
    }
    let mut patched = original.clone();
    json_patch::merge(&mut patched, patch);
    Ok(patched)
}

/// What Kubernetes says of patches that do not fit the object.
fn unprocessable() -> Status {
    Status::generic(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
    )
    .about_nothing()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patches() {
        let object = json!({"a": {"b": 1, "c": 2}, "l": [1]});
        let patch = json!({"a": {"b": null, "d": {"e": null, "f": 1}}, "l": [2]});
        assert_eq!(
            merge_patch(&object, &patch).unwrap(),
            json!({"a": {"c": 2, "d": {"f": 1}}, "l": [2]})
        );
        assert_eq!(merge_patch(&object, &json!([])).unwrap_err().code, 400);
    }
}
