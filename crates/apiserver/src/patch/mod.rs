//! What a PATCH body means for an object: JSON patch (RFC 6902), merge patch
//! (RFC 7386) and Kubernetes' strategic merge patch. Server-side apply is in
//! `managedfields`.

mod strategic;

use serde_json::Value;

pub use strategic::strategic_merge_patch;

use crate::status::Status;

/// More operations than this in one JSON patch are refused, as Kubernetes does.
const MAX_OPERATIONS: usize = 10_000;

/// Applies a JSON patch.
///
/// # Errors
/// 400 when it is not a list of operations, 413 when there are too many, 422
/// when an operation cannot be carried out (a failed `test` too).
pub fn json_patch(original: &Value, patch: &Value) -> Result<Value, Status> {
    let operations: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    if operations.0.len() > MAX_OPERATIONS {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            operations.0.len()
        );
        return Err(Status::new(413, "RequestEntityTooLarge", message));
    }
    let mut patched = original.clone();
    // Nothing needs to be undone in a copy (and undoing can panic).
    json_patch::patch_unsafe(&mut patched, &operations).map_err(|_| unprocessable())?;
    Ok(patched)
}

/// Applies a merge patch: null removes a field, objects merge, all else replaces.
///
/// # Errors
/// 400 when the patch is no object.
pub fn merge_patch(original: &Value, patch: &Value) -> Result<Value, Status> {
    if !patch.is_object() {
        return Err(Status::bad_request(
            "error decoding patch: a merge patch is a JSON object",
        ));
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
    fn json_patches() {
        let object = json!({"a": {"b": [1, 2]}});
        let cases = [
            (
                json!([{"op": "add", "path": "/a/b/-", "value": 3}]),
                Ok(json!({"a": {"b": [1, 2, 3]}})),
            ),
            (
                json!([{"op": "remove", "path": "/a/b/0"}]),
                Ok(json!({"a": {"b": [2]}})),
            ),
            (
                json!([{"op": "test", "path": "/a/b/0", "value": 9}]),
                Err(422),
            ),
            (json!([{"op": "remove", "path": "/x"}]), Err(422)),
            (json!([{"op": "jump", "path": "/x"}]), Err(400)),
            (json!({"op": "add"}), Err(400)),
        ];
        for (patch, expected) in cases {
            let result = json_patch(&object, &patch).map_err(|status| status.code);
            assert_eq!(result, expected, "{patch}");
        }
        let many = Value::Array(vec![
            json!({"op": "test", "path": "/a/b/0", "value": 1});
            10_001
        ]);
        assert_eq!(json_patch(&object, &many).unwrap_err().code, 413);
    }

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
