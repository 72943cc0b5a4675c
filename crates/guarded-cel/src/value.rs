//! Values of CEL.

use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};

/// A text.
#[must_use]
pub fn text(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

/// A JSON value as CEL sees it; whole numbers are int.
#[must_use]
pub fn from_json(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            Value::Int,
        ),
        Json::String(string) => text(string),
        Json::Array(list) => Value::List(Arc::new(list.iter().map(from_json).collect())),
        Json::Object(map) => Value::Map(Map {
            map: Arc::new(
                map.iter()
                    .map(|(name, value)| (Key::String(Arc::new(name.clone())), from_json(value)))
                    .collect(),
            ),
        }),
    }
}

/// The name of a value's type.
#[must_use]
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::Bool(_) => "bool",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Null => "null_type",
        _ => "dyn",
    }
}

/// The values of a sequence: a list's, or the keys of a map in order.
pub(crate) fn items(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::List(list) => Some(list.to_vec()),
        Value::Map(map) => {
            let mut keys: Vec<&Key> = map.map.keys().collect();
            keys.sort();
            Some(keys.into_iter().map(Value::from).collect())
        }
        _ => None,
    }
}

/// The key that a value is.
pub(crate) fn key(value: &Value) -> Option<Key> {
    match value {
        Value::String(text) => Some(Key::String(Arc::clone(text))),
        Value::Int(number) => Some(Key::Int(*number)),
        Value::UInt(number) => Some(Key::Uint(*number)),
        Value::Bool(truth) => Some(Key::Bool(*truth)),
        _ => None,
    }
}
