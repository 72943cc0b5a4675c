//! JSON patch (RFC 6902) as Kubernetes carries it out: a member that is not
//! there counts as null where it is tested, replaced or copied, and indexes may
//! count from the end of a list.

use serde_json::Value;

use super::unprocessable;
use crate::golang;
use crate::status::Status;

/// More operations than this in one JSON patch are refused, as Kubernetes does.
const MAX_OPERATIONS: usize = 10_000;
/// How much `copy` may add to an object, in bytes of JSON: what Kubernetes lets
/// an object have.
const COPY_BYTES: usize = 3 * 1024 * 1024;

/// Applies a JSON patch.
///
/// # Errors
/// 400 when it is not a list of objects, 413 when there are too many, 422 when
/// an operation cannot be carried out (a failed `test` too).
pub fn json_patch(original: &Value, patch: &Value) -> Result<Value, Status> {
    let operations = patch
        .as_array()
        .filter(|operations| operations.iter().all(Value::is_object))
        .ok_or_else(|| {
            let (found, expected) = match patch.as_array() {
                None => (patch, "[]handlers.jsonPatchOp"),
                Some(list) => (
                    list.iter().find(|op| !op.is_object()).unwrap_or(patch),
                    "handlers.jsonPatchOp",
                ),
            };
            Status::bad_request(format!(
                "error decoding patch: json: cannot unmarshal {} into Go value of type {expected}",
                golang::kind(found)
            ))
        })?;
    if operations.len() > MAX_OPERATIONS {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            operations.len()
        );
        return Err(Status::new(413, "RequestEntityTooLarge", message));
    }
    let mut patched = original.clone();
    let mut copied = 0;
    for operation in operations {
        perform(&mut patched, operation, &mut copied).ok_or_else(unprocessable)?;
    }
    Ok(patched)
}

/// Applies the patch of a webhook; the error says what does not fit, as the
/// library of Kubernetes does for the common cases.
pub fn json_patch_or_why(original: &Value, patch: &Value) -> Result<Value, String> {
    let mut patched = original.clone();
    let mut copied = 0;
    for operation in patch.as_array().into_iter().flatten() {
        if perform(&mut patched, operation, &mut copied).is_some() {
            continue;
        }
        let text = |field: &str| operation[field].as_str().unwrap_or_default();
        let (op, path) = (text("op"), text("path"));
        let key = path.rsplit('/').next().unwrap_or_default();
        let held = Path::parse(path).and_then(|path| path.container(&mut patched).map(drop));
        return Err(match (op, held) {
            ("test", _) => format!("testing value {path} failed: test failed"),
            ("remove", Some(())) => format!(
                "error in remove for path: '{path}': Unable to remove nonexistent key: {key}: missing value"
            ),
            ("add" | "remove" | "replace", _) => format!(
                "{op} operation does not apply: doc is missing path: \"{path}\": missing value"
            ),
            _ => format!("Unexpected kind: {op}"),
        });
    }
    Ok(patched)
}

/// One operation; `None` when it does not fit the document.
fn perform(document: &mut Value, operation: &Value, copied: &mut usize) -> Option<()> {
    let text = |field: &str| operation.get(field).and_then(Value::as_str);
    let value = || operation.get("value").cloned().unwrap_or_default();
    let path = Path::parse(text("path")?)?;
    match text("op")? {
        "add" => put(document, &path, value(), Mode::Insert),
        "replace" => put(document, &path, value(), Mode::Replace),
        "remove" => take(document, &path).map(drop),
        "test" => (look(document, &path)? == value()).then_some(()),
        "move" => {
            let from = Path::parse(text("from")?)?;
            let moved = take(document, &from)?;
            put(document, &path, moved, Mode::Insert)
        }
        "copy" => {
            let from = Path::parse(text("from")?)?;
            let copy = look(document, &from)?;
            *copied += copy.to_string().len();
            if *copied > COPY_BYTES {
                return None;
            }
            put(document, &path, copy, Mode::Insert)
        }
        _ => None,
    }
}

/// A JSON pointer, with its last part apart; `None` of a part is the whole document.
struct Path {
    parents: Vec<String>,
    last: Option<String>,
}

impl Path {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self {
                parents: Vec::new(),
                last: None,
            });
        }
        let mut parts: Vec<String> = text
            .strip_prefix('/')?
            .split('/')
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect();
        let last = parts.pop();
        Some(Self {
            parents: parts,
            last,
        })
    }

    /// What holds the last part.
    fn container<'a>(&self, document: &'a mut Value) -> Option<&'a mut Value> {
        let mut at = document;
        for part in &self.parents {
            at = match at {
                Value::Object(map) => map.get_mut(part)?,
                Value::Array(list) => {
                    let index = index(part, list.len())?;
                    list.get_mut(index)?
                }
                _ => return None,
            };
        }
        Some(at)
    }
}

/// Where in a list of this length; negative ones count from the end.
fn index(part: &str, length: usize) -> Option<usize> {
    let index: i64 = part.parse().ok()?;
    if index < 0 {
        length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    } else {
        usize::try_from(index).ok().filter(|index| *index < length)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Insert,
    Replace,
}

fn put(document: &mut Value, path: &Path, value: Value, mode: Mode) -> Option<()> {
    let Some(last) = &path.last else {
        // A document stays an object or a list.
        *document = Some(value).filter(|value| value.is_object() || value.is_array())?;
        return Some(());
    };
    match path.container(document)? {
        Value::Object(map) => {
            map.insert(last.clone(), value);
        }
        Value::Array(list) if mode == Mode::Replace => {
            let index = index(last, list.len())?;
            list[index] = value;
        }
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => {
            // Behind the last one, too.
            let index = index(last, list.len() + 1)?;
            list.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(document: &mut Value, path: &Path) -> Option<Value> {
    let last = path.last.as_ref()?;
    match path.container(document)? {
        Value::Object(map) => map.remove(last),
        Value::Array(list) => {
            let index = index(last, list.len())?;
            Some(list.remove(index))
        }
        _ => None,
    }
}

/// What is there: null for a member that is not.
fn look(document: &mut Value, path: &Path) -> Option<Value> {
    let Some(last) = &path.last else {
        return Some(document.clone());
    };
    match path.container(document)? {
        Value::Object(map) => Some(map.get(last).cloned().unwrap_or_default()),
        Value::Array(list) => {
            let index = index(last, list.len())?;
            list.get(index).cloned()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations() {
        let object = json!({"a": {"b": [1, 2]}});
        let add = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
        let cases = [
            (add("/a/b/-", json!(3)), Ok(json!({"a": {"b": [1, 2, 3]}}))),
            (add("/a/b/2", json!(3)), Ok(json!({"a": {"b": [1, 2, 3]}}))),
            (add("/a/b/0", json!(3)), Ok(json!({"a": {"b": [3, 1, 2]}}))),
            (add("/a/b/-1", json!(3)), Ok(json!({"a": {"b": [1, 2, 3]}}))),
            (add("/a/b/3", json!(3)), Err(422)),
            (add("/x/y", json!(3)), Err(422)),
            (add("x", json!(3)), Err(422)),
            (add("", json!({"c": 1})), Ok(json!({"c": 1}))),
            (add("", json!(1)), Err(422)),
            (
                add("/a/x~1y~0z", json!(3)),
                Ok(json!({"a": {"b": [1, 2], "x/y~z": 3}})),
            ),
            (
                json!([{"op": "remove", "path": "/a/b/0"}]),
                Ok(json!({"a": {"b": [2]}})),
            ),
            (
                json!([{"op": "remove", "path": "/a/b/-1"}]),
                Ok(json!({"a": {"b": [1]}})),
            ),
            (json!([{"op": "remove", "path": "/x"}]), Err(422)),
            (json!([{"op": "remove", "path": ""}]), Err(422)),
            (
                json!([{"op": "replace", "path": "/a/x", "value": 1}]),
                Ok(json!({"a": {"b": [1, 2], "x": 1}})),
            ),
            (
                json!([{"op": "replace", "path": "/a/b/2", "value": 1}]),
                Err(422),
            ),
            (
                json!([{"op": "test", "path": "/a/b/0", "value": 9}]),
                Err(422),
            ),
            (
                json!([{"op": "test", "path": "/x", "value": null}, {"op": "test", "path": "/x"}]),
                Ok(object.clone()),
            ),
            (
                json!([{"op": "move", "from": "/a/b", "path": "/c"}]),
                Ok(json!({"a": {}, "c": [1, 2]})),
            ),
            (
                json!([{"op": "copy", "from": "/a/b/1", "path": "/a/b/0"}]),
                Ok(json!({"a": {"b": [2, 1, 2]}})),
            ),
            (
                json!([{"op": "move", "from": "/x", "path": "/c"}]),
                Err(422),
            ),
            (json!([{"op": "jump", "path": "/x"}]), Err(422)),
            (json!([{"op": "add"}]), Err(422)),
            (json!([{"path": "/x"}]), Err(422)),
            (json!([1]), Err(400)),
            (json!({"op": "add"}), Err(400)),
            (Value::Null, Err(400)),
        ];
        for (patch, expected) in cases {
            let result = json_patch(&object, &patch).map_err(|status| status.code);
            assert_eq!(result, expected, "{patch}");
        }
    }

    /// Neither many operations nor copies of copies use up the server.
    #[test]
    fn patches_are_bounded() {
        let object = json!({"a": {"b": "x".repeat(1000)}});
        let test = json!({"op": "test", "path": "/x", "value": null});
        let many = Value::Array(vec![test; 10_001]);
        assert_eq!(json_patch(&object, &many).unwrap_err().code, 413);
        let doubling: Vec<Value> = (0..40)
            .map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/{n}")}))
            .collect();
        assert_eq!(json_patch(&object, &doubling.into()).unwrap_err().code, 422);
    }
}
