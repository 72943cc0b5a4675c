//! From the JSON schema in a definition to a [`Schema`], refusing what is not
//! structural in the words of the real server.

mod costs;
mod extensions;
mod rules;
mod values;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::schema::{ListType, NodeType, Schema, cause};
use crate::status::Cause;
use crate::types;

pub(super) use costs::Looks;
use costs::{Expressions, growth};
pub(super) use extensions::strings;
use extensions::{extensions, list_type, root_fields, unsupported};
use rules::rules;
use values::{defaults, limits};

/// Where a node stands; some sentences depend on it.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    Root,
    Field,
    Item,
}

impl Level {
    fn no_type(self) -> &'static str {
        match self {
            Self::Root => "must not be empty at the root",
            Self::Field => "must not be empty for specified object fields",
            Self::Item => "must not be empty for specified array items",
        }
    }
}

/// What a node inherits from those above it.
#[derive(Clone, Copy)]
struct Scope<'a> {
    level: Level,
    /// Why defaults are forbidden here.
    no_defaults: Option<&'a str>,
    /// The outermost node within which old and new values cannot be matched.
    no_old_self: Option<&'a str>,
    inside_meta: bool,
    /// How many values of this node an object has at most; none where nothing limits it.
    times: Option<u64>,
}

impl Scope<'_> {
    /// Of a node with none above it.
    fn of(level: Level) -> Self {
        Self {
            level,
            no_defaults: None,
            no_old_self: None,
            inside_meta: false,
            times: Some(1),
        }
    }
}

/// Compiles the schema of one version. What is wrong with it is added to
/// `causes`, under `path`.
pub(super) fn compile(
    raw: &Value,
    path: &str,
    status: bool,
    looks: Looks,
    causes: &mut Vec<Cause>,
) -> Schema {
    if status {
        root_fields(raw, path, causes);
    }
    if raw["nullable"] == true {
        causes.push(cause::forbidden(
            &format!("{path}.nullable"),
            "nullable cannot be true at the root",
        ));
    }
    let scope = Scope::of(Level::Root);
    let mut expressions = Expressions::new(looks);
    let mut schema = node(raw, path, scope, causes, &mut expressions);
    if causes.is_empty() {
        defaults(&schema, path, causes);
        if causes.is_empty() {
            causes.extend(expressions.judged(path));
        }
    } else {
        causes.extend(expressions.judged(path));
    }
    complete(&mut schema);
    schema
}

/// Adds what every object has and no definition says: `apiVersion`, `kind`,
/// `metadata` (with the definition's rules for names, if any).
fn complete(schema: &mut Schema) {
    let string = Arc::new(Schema {
        node: NodeType::String,
        ..Schema::default()
    });
    for name in ["apiVersion", "kind"] {
        let known = schema.properties.entry(name.to_owned());
        known.or_insert_with(|| Arc::clone(&string));
    }
    let standard = types::object_meta();
    let rules = schema
        .properties
        .get("metadata")
        .filter(|own| !own.properties.is_empty());
    let metadata = match rules {
        None => standard,
        Some(own) => {
            let mut merged = (*standard).clone();
            for (name, rule) in &own.properties {
                merged.properties.insert(name.clone(), Arc::clone(rule));
            }
            Arc::new(merged)
        }
    };
    schema.properties.insert("metadata".to_owned(), metadata);
}

fn node(
    raw: &Value,
    path: &str,
    scope: Scope<'_>,
    causes: &mut Vec<Cause>,
    expressions: &mut Expressions,
) -> Schema {
    let at = |key: &str| format!("{path}.{key}");
    let flag = |key: &str| raw[key] == true;
    let int_or_string = flag("x-kubernetes-int-or-string");
    let preserve = flag("x-kubernetes-preserve-unknown-fields");
    let embedded = flag("x-kubernetes-embedded-resource");
    let before = causes.len();
    unsupported(raw, path, causes);
    extensions(raw, path, causes);
    let kind = raw["type"].as_str().unwrap_or_default();
    if embedded && kind != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        causes.push(if kind.is_empty() {
            cause::required(&at("type"), detail)
        } else {
            cause::invalid(&at("type"), &raw["type"], detail)
        });
    } else if kind.is_empty() && !int_or_string && !preserve {
        causes.push(cause::required(&at("type"), scope.level.no_type()));
    }
    if scope.level == Level::Root && !kind.is_empty() && kind != "object" {
        let detail = "must be object at the root";
        causes.push(cause::invalid(&at("type"), &raw["type"], detail));
    }
    let mut schema = Schema {
        node: match kind {
            _ if int_or_string => NodeType::IntOrString,
            "object" => NodeType::Object,
            "array" => NodeType::Array,
            "string" => NodeType::String,
            "integer" => NodeType::Integer,
            "number" => NodeType::Number,
            "boolean" => NodeType::Boolean,
            _ => NodeType::Any,
        },
        nullable: flag("nullable"),
        preserve_unknown: preserve,
        embedded_resource: embedded,
        atomic_map: raw["x-kubernetes-map-type"] == "atomic",
        list: list_type(raw),
        required: strings(&raw["required"]),
        description: raw["description"].as_str().map(Into::into),
        format: raw["format"].as_str().map(Into::into),
        ..Schema::default()
    };
    default(raw, &mut schema, path, scope, causes);
    children(raw, &mut schema, path, scope, causes, expressions);
    schema.limits = limits(raw, path, int_or_string, causes).map(Box::new);
    if embedded && !preserve && schema.properties.is_empty() {
        causes.push(cause::required(
            &at("properties"),
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        ));
    }
    let right = causes.len() == before;
    schema.rules = rules(raw, &schema, path, scope, right, causes, expressions);
    schema
}

fn default(
    raw: &Value,
    schema: &mut Schema,
    path: &str,
    scope: Scope<'_>,
    causes: &mut Vec<Cause>,
) {
    // A null default is none.
    let Some(value) = raw.get("default").filter(|value| !value.is_null()) else {
        return;
    };
    if let Some(reason) = scope.no_defaults {
        causes.push(cause::forbidden(
            &format!("{path}.default"),
            &format!("must not be set {reason}"),
        ));
    }
    schema.default = Some(value.clone());
}

fn children(
    raw: &Value,
    schema: &mut Schema,
    path: &str,
    scope: Scope<'_>,
    causes: &mut Vec<Cause>,
    expressions: &mut Expressions,
) {
    let root = scope.level == Level::Root;
    let scope = Scope {
        times: scope
            .times
            .zip(growth(raw))
            .map(|(times, more)| times.saturating_mul(more)),
        ..scope
    };
    if let Some(properties) = raw["properties"].as_object() {
        let no_old_self = if schema.atomic_map {
            scope.no_old_self.or(Some(path))
        } else {
            scope.no_old_self
        };
        for (name, child) in properties {
            let child_path = format!("{path}.properties[{name}]");
            let meta = (root || schema.embedded_resource)
                && matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
            if meta {
                type_of_meta(name, child, root, &child_path, causes);
            }
            let reason = format!("in top-level {name}");
            let child_scope = Scope {
                level: Level::Field,
                no_defaults: if meta && root {
                    Some(reason.as_str())
                } else {
                    scope.no_defaults
                },
                no_old_self,
                inside_meta: scope.inside_meta || meta,
                times: scope.times,
            };
            let compiled = node(child, &child_path, child_scope, causes, expressions);
            schema.properties.insert(name.clone(), Arc::new(compiled));
        }
    }
    additional(raw, schema, path, scope, causes, expressions);
    let items = &raw["items"];
    if items.is_object() {
        let no_old_self = if matches!(schema.list, ListType::Map(_)) {
            scope.no_old_self
        } else {
            scope.no_old_self.or(Some(path))
        };
        let child_scope = Scope {
            level: Level::Item,
            no_old_self,
            ..scope
        };
        let place = format!("{path}.items");
        let compiled = node(items, &place, child_scope, causes, expressions);
        schema.items = Some(Arc::new(compiled));
    } else if schema.node == NodeType::Array && items.is_null() {
        causes.push(cause::required(
            &format!("{path}.items"),
            "must be specified",
        ));
    }
}

fn type_of_meta(name: &str, child: &Value, root: bool, path: &str, causes: &mut Vec<Cause>) {
    let expected = if name == "metadata" {
        "object"
    } else {
        "string"
    };
    if child["type"] != expected {
        let detail = format!("must be {expected}");
        let found = json!(child["type"].as_str().unwrap_or_default());
        causes.push(cause::invalid(&format!("{path}.type"), &found, &detail));
    }
    if name == "metadata" && root {
        let only_names = child["properties"]
            .as_object()
            .is_none_or(|p| p.keys().all(|k| k == "name" || k == "generateName"));
        let plain = child.as_object().is_some_and(|m| {
            m.keys()
                .all(|k| matches!(k.as_str(), "type" | "properties" | "description"))
        });
        if !only_names || !plain {
            causes.push(cause::forbidden(
                path,
                "must not specify anything other than name and generateName, but metadata is implicitly specified",
            ));
        }
    }
}

fn additional(
    raw: &Value,
    schema: &mut Schema,
    path: &str,
    scope: Scope<'_>,
    causes: &mut Vec<Cause>,
    expressions: &mut Expressions,
) {
    let value = &raw["additionalProperties"];
    if value.is_null() {
        return;
    }
    let place = format!("{path}.additionalProperties");
    if !schema.properties.is_empty() && *value != true {
        causes.push(cause::forbidden(
            &place,
            "additionalProperties and properties are mutual exclusive",
        ));
    }
    if scope.level == Level::Root {
        causes.push(cause::forbidden(&place, "must not be used at the root"));
    }
    if schema.embedded_resource {
        causes.push(cause::forbidden(
            &place,
            "must not be used if x-kubernetes-embedded-resource is set",
        ));
    }
    if value.is_object() {
        let child_scope = Scope {
            level: Level::Field,
            no_defaults: if scope.inside_meta {
                Some("inside additionalProperties applying to object metadata")
            } else {
                scope.no_defaults
            },
            ..scope
        };
        let compiled = node(value, &place, child_scope, causes, expressions);
        schema.additional = Some(Arc::new(compiled));
    } else if *value == true {
        schema.additional = Some(Arc::new(Schema {
            preserve_unknown: true,
            ..Schema::default()
        }));
    }
}
