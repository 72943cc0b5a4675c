//! From the JSON schema in a definition to a [`Schema`], refusing what is not
//! structural in the words of the real server.

use std::sync::Arc;

use regex::Regex;
use serde_json::{Value, json};

use super::cel;
use crate::schema::{self, Limits, ListType, NodeType, Rule, Schema, cause};
use crate::status::Cause;
use crate::types;

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
}

/// Compiles the schema of one version. What is wrong with it is added to
/// `causes`, under `path`.
pub(super) fn compile(raw: &Value, path: &str, status: bool, causes: &mut Vec<Cause>) -> Schema {
    if status {
        root_fields(raw, path, causes);
    }
    if raw["nullable"] == true {
        causes.push(cause::forbidden(
            &format!("{path}.nullable"),
            "nullable cannot be true at the root",
        ));
    }
    let scope = Scope {
        level: Level::Root,
        no_defaults: None,
        no_old_self: None,
        inside_meta: false,
    };
    let mut schema = node(raw, path, scope, causes);
    if causes.is_empty() {
        defaults(&schema, path, causes);
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

fn root_fields(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
    const ALLOWED: &str = "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]";
    if raw["type"] != "object" && !raw["type"].is_null() {
        causes.push(cause::invalid(
            &format!("{path}.type"),
            &raw["type"],
            "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled",
        ));
    }
    let refused = [
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "enum",
        "default",
        "additionalProperties",
        "maxProperties",
        "minProperties",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
    ];
    if refused.iter().any(|key| raw.get(key).is_some()) {
        let detail = format!(
            "only {ALLOWED} fields are allowed at the root of the schema if the status subresource is enabled"
        );
        causes.push(cause::invalid(path, raw, &detail));
    }
}

fn node(raw: &Value, path: &str, scope: Scope<'_>, causes: &mut Vec<Cause>) -> Schema {
    let at = |key: &str| format!("{path}.{key}");
    let flag = |key: &str| raw[key] == true;
    let int_or_string = flag("x-kubernetes-int-or-string");
    let preserve = flag("x-kubernetes-preserve-unknown-fields");
    let embedded = flag("x-kubernetes-embedded-resource");
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
    children(raw, &mut schema, path, scope, causes);
    schema.limits = limits(raw, path, int_or_string, causes).map(Box::new);
    schema.rules = rules(raw, path, scope, causes);
    if embedded && !preserve && schema.properties.is_empty() {
        causes.push(cause::required(
            &at("properties"),
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        ));
    }
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
) {
    let root = scope.level == Level::Root;
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
            };
            let compiled = node(child, &child_path, child_scope, causes);
            schema.properties.insert(name.clone(), Arc::new(compiled));
        }
    }
    additional(raw, schema, path, scope, causes);
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
        let compiled = node(items, &format!("{path}.items"), child_scope, causes);
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
        let compiled = node(value, &place, child_scope, causes);
        schema.additional = Some(Arc::new(compiled));
    } else if *value == true {
        schema.additional = Some(Arc::new(Schema {
            preserve_unknown: true,
            ..Schema::default()
        }));
    }
}

fn unsupported(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
    const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    if let Some(kind) = raw["type"].as_str() {
        let place = format!("{path}.type");
        if kind == "null" {
            causes.push(cause::forbidden(
                &place,
                "type cannot be set to null, use nullable as an alternative",
            ));
        } else if !kind.is_empty() && !TYPES.contains(&kind) {
            causes.push(cause::not_supported(&place, &raw["type"], &TYPES));
        }
    }
    for key in [
        "id",
        "additionalItems",
        "patternProperties",
        "definitions",
        "dependencies",
        "$ref",
    ] {
        if raw.get(key).is_some_and(|value| !value.is_null()) {
            causes.push(cause::forbidden(
                &format!("{path}.{key}"),
                &format!("{key} is not supported"),
            ));
        }
    }
    if raw["items"].is_array() {
        causes.push(cause::forbidden(
            &format!("{path}.items"),
            "items must be a schema object and not an array",
        ));
    }
    if raw["uniqueItems"] == true {
        causes.push(cause::forbidden(
            &format!("{path}.uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        ));
    }
}

fn extensions(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
    let place = |key: &str| format!("{path}.{key}");
    let kind = &raw["type"];
    let must_be = |expected: &str, detail: &str, causes: &mut Vec<Cause>| {
        if kind.as_str().unwrap_or_default().is_empty() {
            causes.push(cause::required(&place("type"), detail));
        } else if kind != expected {
            causes.push(cause::invalid(&place("type"), kind, detail));
        }
    };
    let preserve = "x-kubernetes-preserve-unknown-fields";
    if raw[preserve] == false {
        let detail = "must be true or undefined";
        causes.push(cause::invalid(&place(preserve), &json!(false), detail));
    }
    if raw["x-kubernetes-int-or-string"] == true {
        for key in [preserve, "x-kubernetes-embedded-resource"] {
            if raw[key] == true {
                let detail = "must be false if x-kubernetes-int-or-string is true";
                causes.push(cause::invalid(&place(key), &json!(true), detail));
            }
        }
    }
    if let Some(map_type) = raw["x-kubernetes-map-type"].as_str() {
        let detail = "must be object if x-kubernetes-map-type is specified";
        must_be("object", detail, causes);
        if !matches!(map_type, "atomic" | "granular") {
            let key = place("x-kubernetes-map-type");
            let value = json!(map_type);
            causes.push(cause::not_supported(&key, &value, &["atomic", "granular"]));
        }
    }
    if let Some(list_type) = raw["x-kubernetes-list-type"].as_str() {
        let detail = "must be array if x-kubernetes-list-type is specified";
        must_be("array", detail, causes);
        if !matches!(list_type, "atomic" | "set" | "map") {
            let key = place("x-kubernetes-list-type");
            let value = json!(list_type);
            let known = ["atomic", "set", "map"];
            causes.push(cause::not_supported(&key, &value, &known));
        }
    }
    list_rules(raw, path, causes);
}

fn list_rules(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
    let place = |key: &str| format!("{path}.{key}");
    let list_type = raw["x-kubernetes-list-type"].as_str().unwrap_or_default();
    let keys = strings(&raw["x-kubernetes-list-map-keys"]);
    let items = &raw["items"];
    if !keys.is_empty() && list_type != "map" {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        let key = place("x-kubernetes-list-type");
        causes.push(if list_type.is_empty() {
            cause::required(&key, detail)
        } else {
            cause::invalid(&key, &json!(list_type), detail)
        });
    }
    if matches!(list_type, "map" | "set") && items["nullable"] == true {
        causes.push(cause::forbidden(
            &place("items.nullable"),
            &format!("cannot be nullable when x-kubernetes-list-type is {list_type}"),
        ));
    }
    if list_type == "set" {
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let inner = items["type"].as_str().unwrap_or_default();
        let list = &items["x-kubernetes-list-type"];
        if inner == "array" && !list.is_null() && list != "atomic" {
            let key = place("items.x-kubernetes-list-type");
            causes.push(cause::invalid(&key, list, detail));
        }
        let map = &items["x-kubernetes-map-type"];
        if inner == "object" && map != "atomic" {
            let key = place("items.x-kubernetes-map-type");
            causes.push(cause::invalid(&key, map, detail));
        }
    }
    if list_type != "map" {
        return;
    }
    let keys_path = place("x-kubernetes-list-map-keys");
    if keys.is_empty() {
        causes.push(cause::required(
            &keys_path,
            "must not be empty if x-kubernetes-list-type is map",
        ));
    }
    if items.is_null() {
        causes.push(cause::required(
            &place("items"),
            "must have a schema if x-kubernetes-list-type is map",
        ));
        return;
    }
    if items["type"] != "object" {
        causes.push(cause::invalid(
            &place("items.type"),
            &json!(items["type"].as_str().unwrap_or_default()),
            "must be object if parent array's x-kubernetes-list-type is map",
        ));
    }
    let required = strings(&items["required"]);
    for (index, key) in keys.iter().enumerate() {
        let property = &items["properties"][key];
        let key_path = format!("{path}.items.properties[{key}]");
        if property.is_null() {
            causes.push(cause::invalid(
                &keys_path,
                &raw["x-kubernetes-list-map-keys"],
                "entries must all be names of item properties",
            ));
            continue;
        }
        if matches!(property["type"].as_str(), Some("object" | "array")) {
            causes.push(cause::invalid(
                &format!("{key_path}.type"),
                &items["type"],
                "must be a scalar type if parent array's x-kubernetes-list-type is map",
            ));
        }
        if keys[..index].contains(key) {
            causes.push(cause::invalid(
                &keys_path,
                &raw["x-kubernetes-list-map-keys"],
                "must not contain duplicate entries",
            ));
        }
        if !required.contains(key) && property["default"].is_null() {
            causes.push(cause::required(
                &format!("{key_path}.default"),
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            ));
        }
        if property["nullable"] == true {
            causes.push(cause::forbidden(
                &format!("{key_path}.nullable"),
                "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
            ));
        }
    }
}

fn list_type(raw: &Value) -> ListType {
    match raw["x-kubernetes-list-type"].as_str() {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(strings(&raw["x-kubernetes-list-map-keys"])),
        _ => ListType::Atomic,
    }
}

/// The strings of a list; none where there is no list.
pub(super) fn strings(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn limits(raw: &Value, path: &str, int_or_string: bool, causes: &mut Vec<Cause>) -> Option<Limits> {
    let number = |key: &str| raw[key].as_f64();
    let count = |key: &str| raw[key].as_u64();
    let pattern = raw["pattern"].as_str().filter(|p| !p.is_empty());
    if let Some(pattern) = pattern
        && let Err(error) = Regex::new(pattern)
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        let place = format!("{path}.pattern");
        causes.push(cause::invalid(&place, &json!(pattern), &detail));
    }
    let mut nested = |key: &str| -> Vec<Schema> {
        let list = raw[key].as_array().map_or(&[][..], Vec::as_slice);
        list.iter()
            .enumerate()
            .filter(|(index, one)| {
                // The two spellings of int-or-string may name its types.
                let first = key == "anyOf" || *index == 0;
                !(int_or_string
                    && first
                    && (key == "anyOf" && is_types(list) || is_types_within(one)))
            })
            .map(|(index, one)| within(one, &format!("{path}.{key}[{index}]"), causes))
            .collect()
    };
    let all_of = nested("allOf");
    let any_of = nested("anyOf");
    let one_of = nested("oneOf");
    let not = raw["not"]
        .is_object()
        .then(|| within(&raw["not"], &format!("{path}.not"), causes));
    let limits = Limits {
        one_of_values: raw["enum"].as_array().cloned().unwrap_or_default(),
        pattern: pattern.map(str::to_owned),
        min_length: count("minLength"),
        max_length: count("maxLength"),
        minimum: number("minimum").map(|n| (n, raw["exclusiveMinimum"] == true)),
        maximum: number("maximum").map(|n| (n, raw["exclusiveMaximum"] == true)),
        multiple_of: number("multipleOf"),
        min_items: count("minItems"),
        max_items: count("maxItems"),
        unique_items: raw["uniqueItems"] == true,
        min_properties: count("minProperties"),
        max_properties: count("maxProperties"),
        all_of,
        any_of,
        one_of,
        not,
    };
    let is_empty = limits.one_of_values.is_empty()
        && limits.pattern.is_none()
        && limits.min_length.is_none()
        && limits.max_length.is_none()
        && limits.minimum.is_none()
        && limits.maximum.is_none()
        && limits.multiple_of.is_none()
        && limits.min_items.is_none()
        && limits.max_items.is_none()
        && !limits.unique_items
        && limits.min_properties.is_none()
        && limits.max_properties.is_none()
        && limits.all_of.is_empty()
        && limits.any_of.is_empty()
        && limits.one_of.is_empty()
        && limits.not.is_none();
    (!is_empty).then_some(limits)
}

/// `[{type: integer}, {type: string}]`, which int-or-string fields may spell out.
fn is_types(list: &[Value]) -> bool {
    list == [json!({"type": "integer"}), json!({"type": "string"})]
}

fn is_types_within(one: &Value) -> bool {
    one["anyOf"].as_array().is_some_and(|list| is_types(list))
}

/// A schema under `allOf`, `anyOf`, `oneOf` or `not`: only value validations.
fn within(raw: &Value, path: &str, causes: &mut Vec<Cause>) -> Schema {
    let forbid = [
        ("type", "must be empty to be structural"),
        ("additionalProperties", "must be undefined to be structural"),
        ("default", "must be undefined to be structural"),
        ("title", "must be empty to be structural"),
        ("description", "must be empty to be structural"),
        ("nullable", "must be false to be structural"),
        (
            "x-kubernetes-preserve-unknown-fields",
            "must be false to be structural",
        ),
        (
            "x-kubernetes-embedded-resource",
            "must be false to be structural",
        ),
        (
            "x-kubernetes-int-or-string",
            "must be false to be structural",
        ),
        (
            "x-kubernetes-list-map-keys",
            "must be empty to be structural",
        ),
        (
            "x-kubernetes-list-type",
            "must be undefined to be structural",
        ),
        (
            "x-kubernetes-map-type",
            "must be undefined to be structural",
        ),
        ("x-kubernetes-validations", "must be empty to be structural"),
    ];
    for (key, detail) in forbid {
        let value = &raw[key];
        let empty = value.is_null() || *value == false || *value == "";
        if !empty {
            causes.push(cause::forbidden(&format!("{path}.{key}"), detail));
        }
    }
    let mut schema = Schema {
        required: strings(&raw["required"]),
        format: raw["format"].as_str().map(Into::into),
        nullable: true,
        ..Schema::default()
    };
    if let Some(properties) = raw["properties"].as_object() {
        for (name, child) in properties {
            let place = format!("{path}.properties[{name}]");
            if name == "metadata" {
                let detail = "must not be specified in a nested context";
                causes.push(cause::forbidden(&place, detail));
            }
            let child = within(child, &place, causes);
            schema.properties.insert(name.clone(), Arc::new(child));
        }
    }
    if raw["items"].is_object() {
        let child = within(&raw["items"], &format!("{path}.items"), causes);
        schema.items = Some(Arc::new(child));
    }
    schema.limits = limits(raw, path, false, causes).map(Box::new);
    schema
}

fn rules(raw: &Value, path: &str, scope: Scope<'_>, causes: &mut Vec<Cause>) -> Vec<Rule> {
    const REASONS: [&str; 4] = [
        "FieldValueDuplicate",
        "FieldValueForbidden",
        "FieldValueInvalid",
        "FieldValueRequired",
    ];
    let list = raw["x-kubernetes-validations"].as_array();
    let entries = list.into_iter().flatten().enumerate();
    entries
        .map(|(index, entry)| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let place = |key: &str| format!("{path}.x-kubernetes-validations[{index}].{key}");
            let rule = Rule {
                rule: text("rule"),
                message: text("message"),
                message_expression: text("messageExpression"),
                reason: text("reason"),
                field_path: text("fieldPath"),
                optional_old_self: entry["optionalOldSelf"] == true,
            };
            if rule.rule.trim().is_empty() {
                causes.push(cause::required(&place("rule"), "rule is not specified"));
            } else if let Err(error) = cel::compile(&rule.rule) {
                let detail = format!("compilation failed: {error}");
                causes.push(cause::invalid(&place("rule"), entry, &detail));
            } else if !rule.optional_old_self && cel::mentions_old_self(&rule.rule) {
                if let Some(outer) = scope.no_old_self {
                    let detail = format!(
                        "oldSelf cannot be used on the uncorrelatable portion of the schema within {outer}"
                    );
                    let value = json!(rule.rule);
                    causes.push(cause::invalid(&place("rule"), &value, &detail));
                }
            } else if rule.optional_old_self && !cel::mentions_old_self(&rule.rule) {
                causes.push(cause::invalid(
                    &place("optionalOldSelf"),
                    &json!(true),
                    "may not be set if oldSelf is not used in rule",
                ));
            }
            message_rules(entry, &rule, &place, causes);
            if !rule.reason.is_empty() && !REASONS.contains(&rule.reason.as_str()) {
                let value = json!(rule.reason);
                causes.push(cause::not_supported(&place("reason"), &value, &REASONS));
            }
            rule
        })
        .collect()
}

fn message_rules(
    entry: &Value,
    rule: &Rule,
    place: &dyn Fn(&str) -> String,
    causes: &mut Vec<Cause>,
) {
    let message = entry["message"].as_str();
    let value = json!(rule.message);
    if message.is_some_and(|text| text.trim().is_empty()) && !rule.message.is_empty() {
        let detail = "must be non-empty if specified";
        causes.push(cause::invalid(&place("message"), &value, detail));
    } else if rule.message.contains(['\n', '\r']) {
        let detail = "must not contain line breaks";
        causes.push(cause::invalid(&place("message"), &value, detail));
    } else if rule.rule.contains(['\n', '\r']) && rule.message.is_empty() {
        causes.push(cause::required(
            &place("message"),
            "message must be specified if rule contains line breaks",
        ));
    }
    if !rule.message_expression.is_empty() {
        if rule.message_expression.trim().is_empty() {
            causes.push(cause::required(
                &place("messageExpression"),
                "messageExpression must be non-empty if specified",
            ));
        } else if let Err(error) = cel::compile(&rule.message_expression) {
            let detail = format!("messageExpression compilation failed: {error}");
            causes.push(cause::invalid(&place("messageExpression"), entry, &detail));
        }
    }
}

/// Defaults must be valid themselves and without unknown fields.
fn defaults(schema: &Schema, path: &str, causes: &mut Vec<Cause>) {
    if let Some(default) = &schema.default {
        let place = format!("{path}.default");
        let mut pruned = json!({ "value": default });
        let holder = Schema {
            node: NodeType::Object,
            properties: [("value".to_owned(), Arc::new(schema.clone()))].into(),
            ..Schema::default()
        };
        if !schema::prune(&holder, &mut pruned).is_empty() {
            let detail = "must not have unknown fields";
            causes.push(cause::invalid(&place, default, detail));
        }
        let mut filled = default.clone();
        schema::apply_defaults(schema, &mut filled);
        let mut found = schema::validate(schema, &filled, None);
        if found.is_empty() {
            found = cel::validate(schema, &filled, Some(&filled));
        }
        for mut one in found {
            one.field = match one.field.as_str() {
                "<nil>" => place.clone(),
                field => format!("{place}.{field}"),
            };
            causes.push(one);
        }
    }
    for (name, child) in &schema.properties {
        defaults(child, &format!("{path}.properties[{name}]"), causes);
    }
    if let Some(items) = &schema.items {
        defaults(items, &format!("{path}.items"), causes);
    }
}
