//! What server-side apply says of values that are not of their field's type.

use serde_json::Value;

use super::{ListType, NodeType, Schema};
use crate::golang;

/// Every value of a wrong type, such as `.data.a: expected string, got …`.
pub fn mistyped(schema: &Schema, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(schema, value, "", &mut found);
    found
}

fn walk(schema: &Schema, value: &Value, path: &str, found: &mut Vec<String>) {
    let boxed = || format!("&{{{}}}", golang::plain(value));
    let wrong = match (schema.node, value) {
        (_, Value::Null)
        | (NodeType::Any | NodeType::IntOrString, _)
        | (NodeType::String, Value::String(_))
        | (NodeType::Integer | NodeType::Number, Value::Number(_))
        | (NodeType::Boolean, Value::Bool(_)) => return,
        (NodeType::Object, Value::Object(map)) => {
            for (name, child) in map {
                if let Some(field) = schema.field(name) {
                    walk(field, child, &format!("{path}.{name}"), found);
                }
            }
            return;
        }
        (NodeType::Array, Value::Array(list)) => {
            if let Some(items) = &schema.items {
                for (index, item) in list.iter().enumerate() {
                    let at = element(&schema.list, index, item);
                    walk(items, item, &format!("{path}[{at}]"), found);
                }
            }
            return;
        }
        (NodeType::String, _) => format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            golang::typed(value)
        ),
        (NodeType::Integer | NodeType::Number, _) => {
            format!("expected numeric (int or float), got {}", go_type(value))
        }
        (NodeType::Boolean, _) => format!("expected boolean, got {}", boxed()),
        (NodeType::Object, _) => format!("expected map, got {}", boxed()),
        (NodeType::Array, _) => format!("expected list, got {}", boxed()),
    };
    found.push(format!("{path}: {wrong}"));
}

/// An entry of a list in a path: by its keys, its value or its place.
fn element(list: &ListType, index: usize, item: &Value) -> String {
    match list {
        ListType::Map(keys) => {
            let keys = keys.iter().filter_map(|key| {
                let value = item.get(key)?;
                Some(format!("{key}={value}"))
            });
            keys.collect::<Vec<_>>().join(",")
        }
        ListType::Set => format!("={item}"),
        ListType::Atomic => index.to_string(),
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
