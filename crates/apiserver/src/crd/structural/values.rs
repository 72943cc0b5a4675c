//! Value validations, CEL rules and defaults of a schema.

use std::sync::Arc;

use regex::Regex;
use serde_json::{Value, json};

use super::super::cel;
use super::strings;
use crate::schema::{self, Limits, NodeType, Schema, cause};
use crate::status::Cause;

pub(super) fn limits(
    raw: &Value,
    path: &str,
    int_or_string: bool,
    causes: &mut Vec<Cause>,
) -> Option<Limits> {
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

/// Defaults must be valid themselves and without unknown fields.
pub(super) fn defaults(schema: &Schema, path: &str, causes: &mut Vec<Cause>) {
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
