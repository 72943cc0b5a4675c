//! The strategy ServerSideApply: what to apply when fields are left to the
//! cluster. Pure.

use serde_json::Value;

use super::jq;
use super::jsonpath;
use super::md5;
use super::model::IgnoreField;

/// Annotation with the hash of the manifest without the ignored fields.
pub const CONFIG_HASH: &str = "open-cluster-management.io/config-spec-hash";

/// What to apply; nothing when the manifest did not change since it was applied.
///
/// # Errors
/// An expression cannot be evaluated.
pub fn target(
    manifest: &Value,
    ignored: &[IgnoreField],
    live: Option<&Value>,
) -> Result<Option<Value>, String> {
    let mut full = manifest.clone();
    without_null_times(&mut full);
    if ignored.is_empty() {
        return Ok(Some(full));
    }
    let mut reduced = full.clone();
    for field in ignored.iter().filter(|f| f.condition != "OnSpokeChange") {
        remove(&mut reduced, field)?;
    }
    let hash = md5::hex(go_text(&reduced).as_bytes());
    let annotated = |mut object: Value| {
        object["metadata"]["annotations"][CONFIG_HASH] = hash.as_str().into();
        object
    };
    Ok(match live {
        None => Some(annotated(full)),
        Some(live) if live["metadata"]["annotations"][CONFIG_HASH] == hash.as_str() => None,
        Some(_) => Some(annotated(reduced)),
    })
}

fn remove(object: &mut Value, field: &IgnoreField) -> Result<(), String> {
    for path in &field.json_paths {
        let Some((parents, last)) = path.rsplit_once('.') else {
            continue;
        };
        let places = match jsonpath::locate(object, parents) {
            Ok(places) => places,
            Err(error) => {
                tracing::warn!(%path, %error, "ignored field cannot be found");
                continue;
            }
        };
        for place in places {
            if let Some(parent) = jsonpath::get_mut(object, &place).and_then(Value::as_object_mut) {
                parent.remove(last);
            }
        }
    }
    for pointer in &field.json_pointers {
        remove_pointer(object, pointer)
            .map_err(|error| format!("JSON Pointer error in '{pointer}': {error}"))?;
    }
    for expression in &field.jq_path_expressions {
        jq::delete(object, expression)
            .map_err(|error| format!("JQ expression error in '{expression}': {error}"))?;
    }
    Ok(())
}

/// Removes what a JSON pointer names; nothing there is fine.
fn remove_pointer(object: &mut Value, pointer: &str) -> Result<(), String> {
    let Some((parent, last)) = pointer
        .rsplit_once('/')
        .filter(|_| pointer.starts_with('/'))
    else {
        return Err("a pointer begins with a slash and names a field".to_owned());
    };
    let last = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.remove(&last);
        }
        Some(Value::Array(items)) => {
            if let Ok(index) = last.parse::<usize>()
                && index < items.len()
            {
                items.remove(index);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Drops `creationTimestamp: null` everywhere: applying it would make a change each time.
fn without_null_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| key != "creationTimestamp" || !value.is_null());
            map.values_mut().for_each(without_null_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null_times),
        _ => {}
    }
}

/// The text that Go prints for the object: input of upstream's hash.
fn go_text(object: &Value) -> String {
    let mut out = String::from("&{");
    go_value(object, &mut out);
    out.push('}');
    out
}

fn go_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&n.to_string()),
        Value::String(s) => out.push_str(s),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                go_value(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push_str("map[");
            for (i, (key, value)) in map.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                go_value(value, out);
            }
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(replicas: i64, image: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "creationTimestamp": null},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "a", "image": image}]}}}})
    }

    fn ignore(condition: &str, more: &Value) -> Vec<IgnoreField> {
        let mut field = json!({"condition": condition});
        for (key, value) in more.as_object().unwrap() {
            field[key] = value.clone();
        }
        vec![serde_json::from_value(field).unwrap()]
    }

    #[test]
    fn go_prints_objects_so() {
        let value = json!({"b": [1, "x", null, true, 1.5], "a": {"k": "v"}});
        assert_eq!(go_text(&value), "&{map[a:map[k:v] b:[1 x <nil> true 1.5]]}");
    }

    #[test]
    fn null_creation_timestamps_are_dropped() {
        let target = target(&deployment(1, "i"), &[], None).unwrap().unwrap();
        assert!(target["metadata"].get("creationTimestamp").is_none());
    }

    #[test]
    fn work_22_fields_ignored_when_present_are_only_created() {
        for how in [
            json!({"jsonPaths": [".spec.replicas"]}),
            json!({"jsonPointers": ["/spec/replicas"]}),
            json!({"jqPathExpressions": [".spec.replicas"]}),
        ] {
            let ignored = ignore("OnSpokePresent", &how);
            let first = target(&deployment(1, "i"), &ignored, None)
                .unwrap()
                .unwrap();
            assert_eq!(first["spec"]["replicas"], 1, "{how}");
            // The hub changes only the ignored field: nothing to apply.
            assert_eq!(
                target(&deployment(2, "i"), &ignored, Some(&first)).unwrap(),
                None,
                "{how}"
            );
            // Another field changes: applied without the ignored one.
            let second = target(&deployment(2, "j"), &ignored, Some(&first))
                .unwrap()
                .unwrap();
            assert!(second["spec"].get("replicas").is_none(), "{how}");
        }
    }

    #[test]
    fn work_23_and_24_fields_ignored_on_change_return_with_the_next_change() {
        let ignored = ignore("OnSpokeChange", &json!({"jsonPaths": [".spec.replicas"]}));
        let mut live = target(&deployment(1, "i"), &ignored, None)
            .unwrap()
            .unwrap();
        assert_eq!(
            live["metadata"]["annotations"][CONFIG_HASH]
                .as_str()
                .map(str::len),
            Some(32)
        );
        live["spec"]["replicas"] = 9.into();
        assert_eq!(
            target(&deployment(1, "i"), &ignored, Some(&live)).unwrap(),
            None
        );
        let next = target(&deployment(1, "j"), &ignored, Some(&live))
            .unwrap()
            .unwrap();
        assert_eq!(next["spec"]["replicas"], 1);
    }

    #[test]
    fn work_25_an_invalid_expression_is_named() {
        let ignored = ignore("OnSpokePresent", &json!({"jqPathExpressions": ["[[["]}));
        let error = target(&deployment(1, "i"), &ignored, None).unwrap_err();
        assert!(
            error.starts_with("JQ expression error in '[[[': "),
            "{error}"
        );
        let bad = ignore("OnSpokePresent", &json!({"jsonPointers": ["spec"]}));
        assert!(
            target(&deployment(1, "i"), &bad, None)
                .unwrap_err()
                .starts_with("JSON Pointer error in 'spec': ")
        );
    }
}
