//! What a value must be, and the words Kubernetes has for what it is not.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use regex::Regex;
use serde_json::{Map, Value, json};

use super::{Limits, ListType, NodeType, Schema, cause, formats};
use crate::status::Cause;

/// What is wrong with `new`. Parts that an update leaves as they were are not
/// complained about, so that a stricter schema does not block other changes.
///
/// CEL rules are `crd::cel`'s affair.
pub fn validate(schema: &Schema, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    node(schema, new, old, "", &mut causes);
    causes
}

/// Lists that must not hold the same entry twice (`x-kubernetes-list-type`).
pub fn validate_lists(schema: &Schema, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    lists(schema, new, old, "", &mut causes);
    causes
}

/// The entry of the old list that is the same one as `item` of the new list.
pub fn correlate<'a>(schema: &Schema, item: &Value, old: Option<&'a Value>) -> Option<&'a Value> {
    let ListType::Map(keys) = &schema.list else {
        return None;
    };
    let same = |candidate: &&Value| keys.iter().all(|key| candidate.get(key) == item.get(key));
    old?.as_array()?.iter().find(same)
}

fn child_path(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn node(schema: &Schema, new: &Value, old: Option<&Value>, path: &str, causes: &mut Vec<Cause>) {
    let before = causes.len();
    check(schema, new, old, path, causes);
    if causes.len() > before && old == Some(new) {
        causes.truncate(before);
    }
}

fn check(schema: &Schema, new: &Value, old: Option<&Value>, path: &str, causes: &mut Vec<Cause>) {
    if let Some(detail) = wrong_type(schema, new) {
        let (expected, found) = detail;
        let message = format!(
            "{path} in body must be of type {expected}: {}",
            cause::quote(found)
        );
        causes.push(cause::type_invalid(path, &json!(found), &message));
    }
    let limits = schema.limits.as_deref();
    if new.is_null() {
        if let Some(limits) = limits {
            one_of_values(limits, new, path, causes);
        }
        return;
    }
    if let Some(limits) = limits {
        combinations(limits, new, path, causes);
    }
    match new {
        Value::String(text) => {
            if let Some(limits) = limits {
                string(limits, text, path, causes);
            }
            if let Some(format) = schema.format.as_deref()
                && (schema.node != NodeType::IntOrString || is_quantity(schema))
                && !formats::matches(format, text)
            {
                let message = format!(
                    "{path} in body must be of type {format}: {}",
                    cause::quote(text)
                );
                causes.push(cause::type_invalid(path, new, &message));
            }
        }
        Value::Number(_) => number(schema, limits, new, path, causes),
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for (index, item) in list.iter().enumerate() {
                    let old = correlate(schema, item, old);
                    node(items, item, old, &format!("{path}[{index}]"), causes);
                }
            }
            if let Some(limits) = limits {
                array(limits, list, path, causes);
            }
        }
        Value::Object(_) | Value::Bool(_) | Value::Null => {}
    }
    if let Some(limits) = limits {
        one_of_values(limits, new, path, causes);
    }
    if let Value::Object(map) = new {
        object(schema, map, old, path, causes);
    }
}

/// What JSON calls the value, as a schema does.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Quantities are numbers or texts, and may have fractions.
fn is_quantity(schema: &Schema) -> bool {
    schema.format.as_deref() == Some("quantity")
}

/// The expected and the found type, where they differ.
fn wrong_type(schema: &Schema, value: &Value) -> Option<(Cow<'static, str>, &'static str)> {
    let expected = match schema.node {
        NodeType::Any => return None,
        NodeType::Object => "object",
        NodeType::Array => "array",
        NodeType::String => "string",
        NodeType::Integer => "integer",
        NodeType::Number => "number",
        NodeType::Boolean => "boolean",
        NodeType::IntOrString => "integer,string",
    };
    let found = type_name(value);
    let fits = match (schema.node, value) {
        (_, Value::Null) => schema.nullable,
        (NodeType::IntOrString, Value::Number(_)) if is_quantity(schema) => true,
        (NodeType::IntOrString, Value::String(_)) | (NodeType::Number, Value::Number(_)) => true,
        (NodeType::IntOrString | NodeType::Integer, Value::Number(n)) => {
            !n.is_f64() || n.as_f64().is_some_and(|f| f.fract() == 0.0)
        }
        _ => expected == found,
    };
    (!fits).then_some((Cow::Borrowed(expected), found))
}

fn one_of_values(limits: &Limits, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let allowed = &limits.one_of_values;
    if allowed.is_empty() || allowed.iter().any(|one| same(one, value)) {
        return;
    }
    let names: Vec<String> = allowed
        .iter()
        .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
        .collect();
    causes.push(cause::not_supported(path, value, &names));
}

/// Equality that sees 1 and 1.0 as the same number.
fn same(a: &Value, b: &Value) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64())
}

fn string(limits: &Limits, text: &str, path: &str, causes: &mut Vec<Cause>) {
    let length = text.chars().count() as u64;
    if let Some(max) = limits.max_length
        && length > max
    {
        causes.push(cause::too_long(path, max));
        return;
    }
    let value = || json!(text);
    if let Some(min) = limits.min_length
        && length < min
    {
        let message = format!("{path} in body should be at least {min} chars long");
        causes.push(cause::invalid(path, &value(), &message));
        return;
    }
    if let Some(pattern) = &limits.pattern
        && !pattern_matches(pattern, text)
    {
        let message = format!("{path} in body should match '{pattern}'");
        causes.push(cause::invalid(path, &value(), &message));
    }
}

/// Whether a text matches a pattern, which is compiled once a process. A
/// pattern that is none matches nothing.
fn pattern_matches(pattern: &str, text: &str) -> bool {
    /// How many are kept; then all are forgotten.
    const LARGEST: usize = 4096;
    static KNOWN: LazyLock<RwLock<HashMap<String, Option<Regex>>>> = LazyLock::new(RwLock::default);
    {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = known.get(pattern) {
            return regex.as_ref().is_some_and(|regex| regex.is_match(text));
        }
    }
    let regex = Regex::new(pattern).ok();
    let answer = regex.as_ref().is_some_and(|regex| regex.is_match(text));
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= LARGEST {
        known.clear();
    }
    known.insert(pattern.to_owned(), regex);
    answer
}

fn number(
    schema: &Schema,
    limits: Option<&Limits>,
    value: &Value,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    let Some(float) = value.as_f64() else {
        return;
    };
    let mut complain = |message: String| causes.push(cause::invalid(path, value, &message));
    if let Some(limits) = limits {
        let show = cause::float_text;
        if let Some(factor) = limits.multiple_of
            && !is_multiple(float, factor)
        {
            complain(format!(
                "{path} in body should be a multiple of {}",
                show(factor)
            ));
        }
        if let Some((min, exclusive)) = limits.minimum
            && (float < min || (exclusive && float <= min))
        {
            let or_equal = if exclusive { "" } else { " or equal to" };
            let min = show(min);
            complain(format!(
                "{path} in body should be greater than{or_equal} {min}"
            ));
        }
        if let Some((max, exclusive)) = limits.maximum
            && (float > max || (exclusive && float >= max))
        {
            let or_equal = if exclusive { "" } else { " or equal to" };
            let max = show(max);
            complain(format!(
                "{path} in body should be less than{or_equal} {max}"
            ));
        }
    }
    let small = value.as_i64().is_some_and(|n| i32::try_from(n).is_ok());
    if schema.node == NodeType::Integer && schema.format.as_deref() == Some("int32") && !small {
        let message = format!("Checked value must be of type integer with format int32 in {path}");
        causes.push(cause::invalid("", &json!(""), &message));
    }
}

fn is_multiple(value: f64, factor: f64) -> bool {
    if factor <= 0.0 {
        return false;
    }
    let quotient = value / factor;
    (quotient - quotient.round()).abs() < 1e-9
}

fn array(limits: &Limits, list: &[Value], path: &str, causes: &mut Vec<Cause>) {
    let size = list.len() as u64;
    if let Some(min) = limits.min_items
        && size < min
    {
        let message = format!("{path} in body should have at least {min} items");
        causes.push(cause::invalid(path, &json!(size), &message));
    }
    if let Some(max) = limits.max_items
        && size > max
    {
        causes.push(cause::too_many(path, list.len(), max));
    }
    if limits.unique_items && (1..list.len()).any(|i| list[..i].contains(&list[i])) {
        let message = format!("{path} in body shouldn't contain duplicates");
        causes.push(cause::invalid(path, &json!(""), &message));
    }
}

fn object(
    schema: &Schema,
    map: &Map<String, Value>,
    old: Option<&Value>,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    if let Some(limits) = schema.limits.as_deref() {
        let size = map.len() as u64;
        if let Some(min) = limits.min_properties
            && size < min
        {
            let message = format!("{path} in body should have at least {min} properties");
            causes.push(cause::invalid(path, &json!(size), &message));
        }
        if let Some(max) = limits.max_properties
            && size > max
        {
            causes.push(cause::too_many(path, map.len(), max));
        }
    }
    for (name, value) in map {
        if let Some(field) = schema.field(name) {
            let old = old.and_then(|old| old.get(name));
            node(field, value, old, &child_path(path, name), causes);
        }
    }
    for name in &schema.required {
        if !map.contains_key(name) {
            causes.push(cause::required(&child_path(path, name), ""));
        }
    }
}

/// `allOf`, `anyOf`, `oneOf` and `not`.
fn combinations(limits: &Limits, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let try_one = |schema: &Schema| {
        let mut found = Vec::new();
        check(schema, value, None, path, &mut found);
        found
    };
    let quoted = cause::quote(path);
    let complain = |message: String| cause::invalid("", &json!(""), &message);
    if !limits.any_of.is_empty() {
        let tries: Vec<Vec<Cause>> = limits.any_of.iter().map(try_one).collect();
        if tries.iter().all(|found| !found.is_empty()) {
            causes.push(complain(format!(
                "{quoted} must validate at least one schema (anyOf)"
            )));
            causes.extend(tries.into_iter().min_by_key(Vec::len).unwrap_or_default());
        }
    }
    if !limits.one_of.is_empty() {
        let tries: Vec<Vec<Cause>> = limits.one_of.iter().map(try_one).collect();
        let valid = tries.iter().filter(|found| found.is_empty()).count();
        if valid != 1 {
            let why = if valid == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {valid} valid alternatives")
            };
            causes.push(complain(format!(
                "{quoted} must validate one and only one schema (oneOf). {why}"
            )));
            if valid == 0 {
                causes.extend(tries.into_iter().min_by_key(Vec::len).unwrap_or_default());
            }
        }
    }
    if !limits.all_of.is_empty() {
        let tries: Vec<Vec<Cause>> = limits.all_of.iter().map(try_one).collect();
        let valid = tries.iter().filter(|found| found.is_empty()).count();
        causes.extend(tries.into_iter().flatten());
        if valid != limits.all_of.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            causes.push(complain(format!(
                "{quoted} must validate all the schemas (allOf){none}"
            )));
        }
    }
    if let Some(not) = &limits.not
        && try_one(not).is_empty()
    {
        causes.push(complain(format!(
            "{quoted} must not validate the schema (not)"
        )));
    }
}

fn lists(schema: &Schema, new: &Value, old: Option<&Value>, path: &str, causes: &mut Vec<Cause>) {
    match new {
        Value::Object(map) => {
            for (name, value) in map {
                if let Some(field) = schema.field(name) {
                    let old = old.and_then(|old| old.get(name));
                    lists(field, value, old, &child_path(path, name), causes);
                }
            }
        }
        Value::Array(list) => {
            if old == Some(new) {
                return;
            }
            for (index, item) in list.iter().enumerate() {
                let place = || format!("{path}[{index}]");
                match &schema.list {
                    ListType::Atomic => {}
                    ListType::Set => {
                        if list[..index].contains(item) {
                            causes.push(cause::duplicate(&place(), item));
                        }
                    }
                    ListType::Map(keys) => {
                        let key_of = |item: &Value| -> Value {
                            let pairs = keys
                                .iter()
                                .filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
                            Value::Object(pairs.collect())
                        };
                        let key = key_of(item);
                        if list[..index].iter().any(|other| key_of(other) == key) {
                            causes.push(cause::duplicate(&place(), &key));
                        }
                    }
                }
                if let Some(items) = &schema.items {
                    lists(items, item, correlate(schema, item, old), &place(), causes);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
