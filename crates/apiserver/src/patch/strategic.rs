//! Strategic merge patch: a merge patch that knows which lists merge by key,
//! with the directives `$patch`, `$retainKeys`, `$setElementOrder/<list>` and
//! `$deleteFromPrimitiveList/<list>`.

use serde_json::{Map, Value};

use super::unprocessable;
use crate::golang;
use crate::schema::Schema;
use crate::status::Status;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE_PRIMITIVES: &str = "$deleteFromPrimitiveList/";

/// Applies a strategic merge patch to an object of this type.
///
/// # Errors
/// 400 for directives that are malformed, 500 (as Kubernetes) for unknown ones
/// and for list entries without their merge key.
pub fn strategic_merge_patch(
    schema: &Schema,
    original: &Value,
    patch: &Value,
) -> Result<Value, Status> {
    if patch.is_null() {
        return Ok(original.clone());
    }
    let (Value::Object(original), Value::Object(patch)) = (original, patch) else {
        return Err(Status::bad_request(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            golang::kind(patch)
        )));
    };
    Ok(Value::Object(merge_object(
        Some(schema),
        original.clone(),
        patch,
    )?))
}

fn merge_object(
    schema: Option<&Schema>,
    mut original: Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, Status> {
    match patch.get(DIRECTIVE).map(|directive| directive.as_str()) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => return Ok(without_directives(patch)),
        Some(Some("delete")) => return Ok(Map::new()),
        Some(other) => {
            let name = other.unwrap_or_default();
            return Err(unknown_directive(name, &Value::Object(patch.clone())));
        }
    }
    if let Some(retained) = patch.get(RETAIN_KEYS) {
        let Some(retained) = retained.as_array() else {
            return Err(Status::bad_request("invalid patch format of retainKeys"));
        };
        for key in patch.keys().filter(|key| !key.starts_with('$')) {
            if !patch[key].is_null() && !retained.iter().any(|kept| kept == key) {
                return Err(Status::bad_request("invalid patch format of retainKeys"));
            }
        }
        original.retain(|key, _| retained.iter().any(|kept| kept == key));
    }
    // Lists that are only reordered or shortened have no entry of their own.
    let touched = patch.keys().map(|key| {
        key.strip_prefix(ORDER)
            .or_else(|| key.strip_prefix(DELETE_PRIMITIVES))
            .unwrap_or(key)
    });
    let mut names: Vec<&str> = touched
        .filter(|key| *key != DIRECTIVE && *key != RETAIN_KEYS)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let child = schema.and_then(|schema| schema.field(name)).map(|s| &**s);
        let list = ListPatch {
            entries: patch.get(name),
            order: directive_list(patch, ORDER, name)?,
            deleted: directive_list(patch, DELETE_PRIMITIVES, name)?,
        };
        match (original.remove(name), list.entries) {
            (_, Some(Value::Null)) => {}
            (Some(Value::Object(before)), Some(Value::Object(patch))) => {
                let merged = merge_object(child, before, patch)?;
                original.insert(name.to_owned(), Value::Object(merged));
            }
            (Some(Value::Array(before)), Some(Value::Array(_)) | None) => {
                let merged = merge_list(child, before, &list)?;
                original.insert(name.to_owned(), Value::Array(merged));
            }
            (_, Some(value)) => {
                original.insert(name.to_owned(), without_directives_in(value));
            }
            (before, None) => {
                if let Some(before) = before {
                    original.insert(name.to_owned(), before);
                }
            }
        }
    }
    Ok(original)
}

/// Kubernetes answers 500 here, and so do we.
fn unknown_directive(name: &str, map: &Value) -> Status {
    let map = golang::plain(map);
    Status::new(500, "", format!("unknown patch type: {name} in map: {map}"))
}

/// What a patch says of one list.
struct ListPatch<'a> {
    entries: Option<&'a Value>,
    order: Option<&'a [Value]>,
    deleted: Option<&'a [Value]>,
}

fn directive_list<'a>(
    patch: &'a Map<String, Value>,
    prefix: &str,
    name: &str,
) -> Result<Option<&'a [Value]>, Status> {
    match patch.get(&format!("{prefix}{name}")) {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(_) if prefix == ORDER => Err(Status::bad_request(
            "invalid patch format of setElementOrder list",
        )),
        Some(_) => Err(Status::bad_request(
            "invalid patch format of primitive list",
        )),
    }
}

fn merge_list(
    schema: Option<&Schema>,
    original: Vec<Value>,
    patch: &ListPatch<'_>,
) -> Result<Vec<Value>, Status> {
    let empty = Vec::new();
    let entries = patch.entries.and_then(Value::as_array).unwrap_or(&empty);
    let merges = schema.is_some_and(|schema| schema.patch_merge);
    if !merges {
        return Ok(match patch.entries {
            Some(_) => entries.iter().map(without_directives_in).collect(),
            None => original,
        });
    }
    let live_order = original.clone();
    let Some(key) = schema.and_then(|schema| schema.merge_key.as_deref()) else {
        let mut merged = original;
        for entry in entries {
            if !merged.contains(entry) {
                merged.push(entry.clone());
            }
        }
        if let Some(deleted) = patch.deleted {
            merged.retain(|entry| !deleted.contains(entry));
        }
        let order = patch.order.unwrap_or(entries);
        return Ok(arrange(merged, order, &live_order, Clone::clone));
    };
    let items = schema.and_then(|schema| schema.items.as_deref());
    let identity = |entry: &Value| entry.get(key).cloned().unwrap_or(Value::Null);
    if entries
        .iter()
        .any(|entry| directive(entry) == Some("replace"))
    {
        return Ok(entries
            .iter()
            .filter(|entry| directive(entry) != Some("replace"))
            .map(without_directives_in)
            .collect());
    }
    let mut merged = original;
    for entry in entries {
        let Value::Object(fields) = entry else {
            return Err(unprocessable());
        };
        let Some(wanted) = fields.get(key) else {
            let map = golang::plain(entry);
            let message = format!("map: {map} does not contain declared merge key: {key}");
            return Err(Status::new(500, "", message));
        };
        match directive(entry) {
            Some("delete") => merged.retain(|old| old.get(key) != Some(wanted)),
            None | Some("merge") => {
                let at = merged.iter().position(|old| old.get(key) == Some(wanted));
                match at.map(|at| (at, merged[at].take())) {
                    Some((at, Value::Object(before))) => {
                        merged[at] = Value::Object(merge_object(items, before, fields)?);
                    }
                    Some((at, _)) => merged[at] = without_directives_in(entry),
                    None => merged.push(without_directives_in(entry)),
                }
            }
            Some(other) => {
                return Err(unknown_directive(other, entry));
            }
        }
    }
    let order = patch.order.unwrap_or(entries);
    let order: Vec<Value> = order.iter().map(identity).collect();
    // Those to be deleted need no place.
    let placed = entries
        .iter()
        .filter(|entry| directive(entry) != Some("delete"));
    if placed.map(identity).any(|id| !order.contains(&id)) {
        let shown = |list: &[Value]| golang::plain(&Value::Array(list.to_vec()));
        let message = format!(
            "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
            shown(entries),
            shown(patch.order.unwrap_or(entries)),
        );
        return Err(Status::new(500, "", message));
    }
    let live: Vec<Value> = live_order.iter().map(identity).collect();
    Ok(arrange(merged, &order, &live, identity))
}

fn directive(entry: &Value) -> Option<&str> {
    entry.get(DIRECTIVE).and_then(Value::as_str)
}

/// Puts entries in the wanted order. Those the order does not name keep their
/// order among themselves and stand before the first named entry that the live
/// list had behind them.
fn arrange(
    entries: Vec<Value>,
    order: &[Value],
    live: &[Value],
    identity: impl Fn(&Value) -> Value,
) -> Vec<Value> {
    let place = |list: &[Value], entry: &Value| {
        let id = identity(entry);
        list.iter().position(|other| *other == id)
    };
    let (mut named, others): (Vec<Value>, Vec<Value>) = entries
        .into_iter()
        .partition(|entry| place(order, entry).is_some());
    named.sort_by_key(|entry| place(order, entry));
    let mut from = 0;
    for other in others {
        let mine = place(live, &other);
        let at = (from..named.len())
            .find(|at| match (mine, place(live, &named[*at])) {
                (Some(mine), Some(theirs)) => theirs > mine,
                _ => false,
            })
            .unwrap_or(named.len());
        named.insert(at, other);
        from = at + 1;
    }
    named
}

fn without_directives(patch: &Map<String, Value>) -> Map<String, Value> {
    patch
        .iter()
        .filter(|(key, value)| {
            !value.is_null()
                && *key != DIRECTIVE
                && *key != RETAIN_KEYS
                && !key.starts_with(ORDER)
                && !key.starts_with(DELETE_PRIMITIVES)
        })
        .map(|(key, value)| (key.clone(), without_directives_in(value)))
        .collect()
}

fn without_directives_in(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(without_directives(fields)),
        Value::Array(entries) => Value::Array(
            entries
                .iter()
                .filter(|entry| !matches!(directive(entry), Some("delete" | "replace")))
                .map(without_directives_in)
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    /// `containers` merges by name, with `env` in it; `finalizers` merges as
    /// values; `args` is replaced.
    fn pod() -> Schema {
        let list = |merge: bool, key: Option<&str>, items: Schema| {
            Arc::new(Schema {
                patch_merge: merge,
                merge_key: key.map(str::to_owned),
                items: Some(Arc::new(items)),
                ..Schema::default()
            })
        };
        let fields = |fields: &[(&str, Arc<Schema>)]| Schema {
            properties: fields
                .iter()
                .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
                .collect(),
            ..Schema::default()
        };
        let container = fields(&[
            ("env", list(true, Some("name"), Schema::default())),
            ("args", list(false, None, Schema::default())),
        ]);
        fields(&[
            ("containers", list(true, Some("name"), container)),
            ("finalizers", list(true, None, Schema::default())),
        ])
    }

    #[test]
    fn patches() {
        let object = json!({
            "containers": [
                {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}], "args": ["x"]},
                {"name": "b", "image": "1"}
            ],
            "finalizers": ["f1", "f2"],
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"max": 1}}
        });
        let cases = [
            (
                "an entry merges by its key",
                json!({"containers": [{"name": "a", "image": "2", "env": [{"name": "Y"}], "args": ["y"]}]}),
                "/containers",
                json!([{"name": "a", "image": "2", "env": [{"name": "Y"}, {"name": "X", "value": "1"}], "args": ["y"]},
                    {"name": "b", "image": "1"}]),
            ),
            (
                "an entry is deleted",
                json!({"containers": [{"name": "a", "$patch": "delete"}]}),
                "/containers",
                json!([{"name": "b", "image": "1"}]),
            ),
            (
                "a deleted entry that does not exist leaves no trace",
                json!({"containers": [{"name": "z", "$patch": "delete"}]}),
                "/containers/2",
                json!(null),
            ),
            (
                "the list is replaced",
                json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}),
                "/containers",
                json!([{"name": "c"}]),
            ),
            (
                "the order is set",
                json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "b", "image": "3"}]}),
                "/containers/0",
                json!({"name": "b", "image": "3"}),
            ),
            (
                "values merge",
                json!({"finalizers": ["f2", "f3"]}),
                "/finalizers",
                json!(["f1", "f2", "f3"]),
            ),
            (
                "values are deleted",
                json!({"$deleteFromPrimitiveList/finalizers": ["f1"]}),
                "/finalizers",
                json!(["f2"]),
            ),
            (
                "only the retained keys stay",
                json!({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}),
                "/strategy",
                json!({"type": "Recreate"}),
            ),
            (
                "an object is replaced",
                json!({"strategy": {"$patch": "replace", "type": "Recreate"}}),
                "/strategy",
                json!({"type": "Recreate"}),
            ),
            (
                "null removes",
                json!({"strategy": null}),
                "/strategy",
                json!(null),
            ),
            (
                "what is new loses its nulls and directives",
                json!({"new": {"a": null, "b": 1, "$retainKeys": ["b"]}}),
                "/new",
                json!({"b": 1}),
            ),
        ];
        for (what, patch, at, expected) in cases {
            let result = strategic_merge_patch(&pod(), &object, &patch).unwrap();
            let found = result.pointer(at).cloned().unwrap_or(Value::Null);
            assert_eq!(found, expected, "{what}");
        }
    }

    #[test]
    fn bad_patches() {
        let object = json!({"containers": [{"name": "a"}], "strategy": {}});
        for (patch, code) in [
            (json!({"containers": [{"image": "x"}]}), 500),
            (json!({"$patch": "jump"}), 500),
            (json!({"strategy": {"$retainKeys": ["a"], "b": 1}}), 400),
            (json!({"$setElementOrder/containers": {}}), 400),
        ] {
            let error = strategic_merge_patch(&pod(), &object, &patch).unwrap_err();
            assert_eq!(error.code, code, "{patch}: {error}");
        }
    }

    #[test]
    fn unnamed_entries_stay_where_the_live_list_had_them() {
        let named = |names: &[&str]| -> Vec<Value> { names.iter().map(|n| json!(n)).collect() };
        let result = arrange(
            named(&["a", "sidecar", "b", "c"]),
            &named(&["c", "b", "a"]),
            &named(&["a", "sidecar", "b"]),
            Clone::clone,
        );
        assert_eq!(result, named(&["c", "sidecar", "b", "a"]));
    }
}
