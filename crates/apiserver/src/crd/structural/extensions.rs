//! What a schema may not hold, and the extensions of Kubernetes in it.

use serde_json::{Value, json};

use crate::schema::{ListType, cause};
use crate::status::Cause;

pub(super) fn root_fields(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
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

pub(super) fn unsupported(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
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

pub(super) fn extensions(raw: &Value, path: &str, causes: &mut Vec<Cause>) {
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

pub(super) fn list_type(raw: &Value) -> ListType {
    match raw["x-kubernetes-list-type"].as_str() {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(strings(&raw["x-kubernetes-list-map-keys"])),
        _ => ListType::Atomic,
    }
}

/// The strings of a list; none where there is no list.
pub(in crate::crd) fn strings(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}
