//! Dropping what a type does not have, and filling in defaults.

use std::fmt;

use serde_json::{Map, Value};

use super::{NodeType, Schema};
use crate::types;

/// A place in an object, as Kubernetes writes it: `spec.containers[0].image`.
/// It costs nothing until it is printed.
#[derive(Clone, Copy, Debug)]
pub enum Path<'a> {
    /// The object itself.
    Root,
    /// A named field.
    Field(&'a Path<'a>, &'a str),
    /// An entry of a map, `[key]`.
    Key(&'a Path<'a>, &'a str),
    /// An entry of a list.
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Key(parent, key) => write!(f, "{parent}[{key}]"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Drops the fields a type does not have and returns their paths, such as
/// `spec.foo` or `spec.containers[0].imge`, in order.
///
/// The schema of a custom resource says nothing about `apiVersion`, `kind` and
/// `metadata`; these are known at the root and in embedded resources.
pub fn prune(schema: &Schema, value: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    walk(schema, value, true, &Path::Root, &mut unknown);
    unknown
}

/// The sentence of strict field validation about a path of [`prune`].
pub fn unknown_field(path: &str) -> String {
    format!("unknown field \"{path}\"")
}

fn walk(
    schema: &Schema,
    value: &mut Value,
    root: bool,
    path: &Path<'_>,
    unknown: &mut Vec<String>,
) {
    match value {
        Value::Object(map) => object(schema, map, root, path, unknown),
        Value::Array(list) => {
            let Some(items) = &schema.items else {
                return;
            };
            for (index, item) in list.iter_mut().enumerate() {
                let path = Path::Index(path, index);
                walk(items, item, false, &path, unknown);
            }
        }
        _ => {}
    }
}

fn object(
    schema: &Schema,
    map: &mut Map<String, Value>,
    root: bool,
    path: &Path<'_>,
    unknown: &mut Vec<String>,
) {
    if schema.node != NodeType::Object && schema.node != NodeType::Any {
        return; // a type error, which validation reports
    }
    let whole = root || schema.embedded_resource;
    let keep = schema.preserve_unknown;
    map.retain(|name, child| {
        let path = Path::Field(path, name);
        if let Some(field) = schema.properties.get(name) {
            walk(field, child, false, &path, unknown);
            return true;
        }
        if whole && matches!(name.as_str(), "apiVersion" | "kind") {
            return true;
        }
        if whole && name == "metadata" {
            walk(&types::object_meta(), child, false, &path, unknown);
            return true;
        }
        if let Some(additional) = &schema.additional {
            walk(additional, child, false, &path, unknown);
            return true;
        }
        if keep || (schema.node == NodeType::Any && schema.properties.is_empty()) {
            return true;
        }
        unknown.push(path.to_string());
        false
    });
}

/// Fills in the defaults of absent fields, also within what a default adds.
/// A `null` where null is not allowed counts as absent if there is a default.
pub fn apply_defaults(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, field) in &schema.properties {
                match map.get_mut(name) {
                    Some(child) if !child.is_null() || field.nullable => {
                        apply_defaults(field, child);
                    }
                    present => {
                        let Some(default) = &field.default else {
                            continue;
                        };
                        let mut filled = default.clone();
                        apply_defaults(field, &mut filled);
                        match present {
                            Some(null) => *null = filled,
                            None => {
                                map.insert(name.clone(), filled);
                            }
                        }
                    }
                }
            }
            if let Some(additional) = &schema.additional {
                for (name, child) in map.iter_mut() {
                    if schema.properties.contains_key(name) {
                        continue;
                    }
                    if child.is_null()
                        && !additional.nullable
                        && let Some(default) = &additional.default
                    {
                        *child = default.clone();
                    }
                    apply_defaults(additional, child);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = &schema.items else {
                return;
            };
            for child in list {
                if child.is_null()
                    && !items.nullable
                    && let Some(default) = &items.default
                {
                    *child = default.clone();
                }
                apply_defaults(items, child);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn string() -> Schema {
        Schema {
            node: NodeType::String,
            ..Schema::default()
        }
    }

    fn object_of(fields: Vec<(&str, Schema)>) -> Schema {
        Schema {
            node: NodeType::Object,
            properties: fields
                .into_iter()
                .map(|(name, schema)| (name.to_owned(), Arc::new(schema)))
                .collect(),
            ..Schema::default()
        }
    }

    #[test]
    fn unknown_fields_are_dropped_and_named() {
        let inner = object_of(vec![("name", string())]);
        let list = Schema {
            node: NodeType::Array,
            items: Some(Arc::new(inner)),
            ..Schema::default()
        };
        let free = Schema {
            node: NodeType::Object,
            preserve_unknown: true,
            ..Schema::default()
        };
        let schema = object_of(vec![(
            "spec",
            object_of(vec![("list", list), ("free", free)]),
        )]);
        let mut value = json!({
            "apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "nme": 1},
            "spec": {"list": [{"name": "x"}, {"name": "y", "other": 1}], "free": {"a": 1}, "foo": {}},
            "extra": true,
        });
        let unknown = prune(&schema, &mut value);
        assert_eq!(
            unknown,
            ["extra", "metadata.nme", "spec.foo", "spec.list[1].other"]
        );
        assert_eq!(
            value,
            json!({
                "apiVersion": "v1", "kind": "X", "metadata": {"name": "a"},
                "spec": {"list": [{"name": "x"}, {"name": "y"}], "free": {"a": 1}},
            })
        );
    }

    #[test]
    fn an_embedded_resource_keeps_its_metadata() {
        let mut embedded = object_of(vec![]);
        embedded.embedded_resource = true;
        let schema = object_of(vec![("manifest", embedded)]);
        let mut value = json!({"manifest": {
            "apiVersion": "v1", "kind": "X", "metadata": {"labels": {"a": "b"}, "foo": 1}, "spec": {},
        }});
        assert_eq!(
            prune(&schema, &mut value),
            ["manifest.metadata.foo", "manifest.spec"]
        );
    }

    #[test]
    fn defaults_fill_absent_fields_and_forbidden_nulls() {
        let mut leaf = string();
        leaf.default = Some(json!("x"));
        let mut nullable = leaf.clone();
        nullable.nullable = true;
        let mut outer = object_of(vec![("leaf", leaf), ("nullable", nullable)]);
        outer.default = Some(json!({}));
        let absent = object_of(vec![("leaf", string())]);
        let schema = object_of(vec![("outer", outer), ("absent", absent)]);
        let mut value = json!({});
        apply_defaults(&schema, &mut value);
        assert_eq!(value, json!({"outer": {"leaf": "x", "nullable": "x"}}));
        let mut value = json!({"outer": {"leaf": null, "nullable": null}});
        apply_defaults(&schema, &mut value);
        assert_eq!(value, json!({"outer": {"leaf": "x", "nullable": null}}));
    }
}
