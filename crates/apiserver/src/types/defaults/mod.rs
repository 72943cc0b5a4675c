//! The defaults that Kubernetes sets in Go code (`pkg/apis/*/v1/defaults.go`),
//! and what decoding into Go types does besides: a `null` is no value, a
//! quantity is written the one way, structs are there if only as `{}`.

mod kinds;
mod pods;

use serde_json::{Map, Value, json};

use super::definitions::{Definitions, OBJECT_META, QUANTITY};
use super::{ResourceType, quantity};
use crate::crd;
use crate::schema::{self, Schema};

/// Fills in the defaults of a built-in kind. Of custom resources, whose
/// defaults are in their schemas, only the metadata is put right.
pub fn apply(resource: &ResourceType, object: &mut Value) {
    if resource.custom.is_some() {
        if let Some(metadata) = object.get_mut("metadata") {
            visit(OBJECT_META, metadata);
        }
        return;
    }
    apply_kind(&resource.gvk, object);
    schema::apply_defaults(&resource.schema, object);
}

/// Drops fields that are `null` where that is no value: everywhere in built-in
/// kinds, which Go reads so; in custom resources where a field is neither
/// nullable nor has a default that takes its place. For objects as they come
/// in, before their types are checked.
pub fn drop_nulls(resource: &ResourceType, object: &mut Value) {
    let (schema, custom) = (&resource.schema, resource.custom.is_some());
    // What every object has is of Go's types in custom resources, too.
    let metadata = object.get_mut("metadata").map(Value::take);
    without_nulls(schema, object, custom);
    if let Some(mut metadata) = metadata.filter(|metadata| !metadata.is_null()) {
        if let Some(schema) = schema.field("metadata") {
            without_nulls(schema, &mut metadata, false);
        }
        object["metadata"] = metadata;
    }
}

fn without_nulls(schema: &Schema, value: &mut Value, custom: bool) {
    match value {
        Value::Object(map) => {
            if schema.properties.is_empty() && schema.additional.is_none() {
                return;
            }
            map.retain(|name, child| {
                if !child.is_null() {
                    return true;
                }
                if custom {
                    let field = schema.field(name);
                    field.is_none_or(|field| field.nullable || field.default.is_some())
                } else {
                    !schema.properties.contains_key(name)
                }
            });
            for (name, child) in map.iter_mut() {
                if let Some(field) = schema.field(name) {
                    without_nulls(field, child, custom);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                list.iter_mut()
                    .for_each(|item| without_nulls(items, item, custom));
            }
        }
        _ => {}
    }
}

/// The defaults of a kind that need not be a resource, such as the body of a
/// subresource.
pub fn apply_kind(gvk: &crate::api::GroupVersionKind, object: &mut Value) {
    if let Some(name) = Definitions::get().name_of(gvk) {
        visit(name, object);
    }
    if gvk.kind == "CustomResourceDefinition" {
        crd::apply_defaults(object);
    }
}

/// Puts a value of a type right, then its parts.
fn visit(name: &'static str, value: &mut Value) {
    if name == QUANTITY {
        let text = match value {
            Value::String(text) => quantity::canonical(text),
            Value::Number(number) => quantity::canonical(&number.to_string()),
            _ => None,
        };
        // What is no quantity is left for validation to complain about.
        if let Some(text) = text {
            *value = Value::String(text);
        }
        return;
    }
    let Some(definition) = Definitions::get().by_name.get(name) else {
        return;
    };
    let Value::Object(map) = value else {
        return;
    };
    if definition.fields.is_empty() {
        return;
    }
    map.retain(|field, child| {
        // Go leaves out lists and maps that are empty, unless they are required.
        // Nobody's fields, though, are a wish: that the owners be forgotten.
        let empty = match &*child {
            Value::Null => return false,
            Value::Array(list) => list.is_empty() && field != "managedFields",
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        !empty || !definition.omits_empty(field)
    });
    for line in definition.fields.iter().filter(|line| line.always()) {
        default(map, line.name, json!({}));
    }
    set(name, map);
    for (field, child) in map.iter_mut() {
        let found = definition
            .fields
            .binary_search_by(|line| line.name.cmp(field));
        if let Ok(index) = found {
            descend(definition.fields[index].token, child);
        }
    }
}

fn descend(token: &'static str, value: &mut Value) {
    let (first, rest) = token.split_at(1);
    match (first, value) {
        ("@", value) => visit(rest, value),
        ("[", Value::Array(list)) if rest.len() > 1 => {
            list.iter_mut().for_each(|item| descend(rest, item));
        }
        ("{", Value::Object(map)) if rest.len() > 1 => {
            map.values_mut().for_each(|item| descend(rest, item));
        }
        ("{", Value::Object(map)) if rest == "s" => {
            for item in map.values_mut().filter(|item| item.is_null()) {
                *item = json!("");
            }
        }
        _ => {}
    }
}

/// The defaults of one type. Parts come after the whole they are part of.
fn set(name: &str, map: &mut Map<String, Value>) {
    if let Some(name) = name.strip_prefix("api.core.v1.") {
        pods::set(name, map);
    } else {
        kinds::set(name, map);
    }
}

/// Sets a field that is absent.
fn default(map: &mut Map<String, Value>, field: &str, value: Value) {
    if !map.contains_key(field) {
        map.insert(field.to_owned(), value);
    }
}

/// Sets a text that is absent or empty.
fn default_text(map: &mut Map<String, Value>, field: &str, value: &str) {
    if text(map, field).is_empty() {
        map.insert(field.to_owned(), json!(value));
    }
}

/// Sets a number that is absent or 0.
fn default_number(map: &mut Map<String, Value>, field: &str, value: i64) {
    if map.get(field).and_then(Value::as_f64).unwrap_or_default() == 0.0 {
        map.insert(field.to_owned(), json!(value));
    }
}

/// A text field; empty where it is absent.
fn text<'a>(map: &'a Map<String, Value>, field: &str) -> &'a str {
    map.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The object in a field, made if it is absent; `None` if the field is
/// something else.
fn child<'a>(map: &'a mut Map<String, Value>, field: &str) -> Option<&'a mut Map<String, Value>> {
    map.entry(field)
        .or_insert_with(|| json!({}))
        .as_object_mut()
}

/// The objects of a list.
fn each(
    map: &mut Map<String, Value>,
    field: &str,
    mut change: impl FnMut(&mut Map<String, Value>),
) {
    let list = map.get_mut(field).and_then(Value::as_array_mut);
    for item in list.into_iter().flatten() {
        if let Some(item) = item.as_object_mut() {
            change(item);
        }
    }
}

#[cfg(test)]
mod tests;
