//! Merging an applied configuration into a live object, and removing what its
//! manager no longer wants.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::set::{
    ListError, Set, Shape, child_schema, is_struct_field, list_elements, readable, shape,
};
use crate::schema::{ListType, NodeType, Schema};

/// Takes down why a configuration cannot be applied, place and reason: fields that the type
/// has not, and lists whose entries cannot be told apart.
pub(super) fn check(
    schema: Option<&Schema>,
    value: &Value,
    at: &str,
    problems: &mut BTreeSet<String>,
) {
    match value {
        Value::Object(fields) => {
            let closed = schema.is_some_and(|schema| {
                schema.node == NodeType::Object
                    && !schema.preserve_unknown
                    && !schema.embedded_resource
                    && schema.additional.is_none()
                    && !schema.properties.is_empty()
            });
            for (name, value) in fields {
                let child = child_schema(schema, &format!("f:{name}"));
                let at = format!("{at}.{name}");
                match child {
                    None if closed => {
                        problems.insert(format!("{at}: field not declared in schema"));
                    }
                    child => check(child, value, &at, problems),
                }
            }
        }
        Value::Array(entries) => {
            let Some(schema) = schema else { return };
            match list_elements(schema, entries) {
                Ok(_) | Err(ListError::Atomic) => {}
                Err(ListError::MissingKey(key)) => {
                    problems.insert(format!(
                        "{at}: element 0: associative list with keys has an element that omits key field {key:?} (and doesn't have default value)"
                    ));
                    return;
                }
                Err(ListError::Duplicate(element)) => {
                    let key = readable(&element);
                    problems.insert(format!("{at}: duplicate entries for key {key}"));
                }
            }
            for entry in entries {
                check(schema.items.as_deref(), entry, at, problems);
            }
        }
        _ => {}
    }
}

/// The live value with the applied one laid over it.
#[must_use]
pub(super) fn merge(schema: Option<&Schema>, live: Option<&Value>, applied: &Value) -> Value {
    let Some(live) = live else {
        return applied.clone();
    };
    match (shape(schema, live), shape(schema, applied)) {
        (Shape::Fields(live), Shape::Fields(applied)) => {
            let mut result: Map<String, Value> = live.clone();
            for (name, value) in applied {
                let child = child_schema(schema, &format!("f:{name}"));
                let merged = merge(child, live.get(name), value);
                result.insert(name.clone(), merged);
            }
            Value::Object(result)
        }
        (Shape::Entries(live), Shape::Entries(applied)) => {
            let items = schema.and_then(|schema| schema.items.as_deref());
            Value::Array(merge_entries(items, &live, &applied))
        }
        // Null has no parts to lay over those that are there.
        (Shape::Fields(_) | Shape::Entries(_), Shape::Leaf) if applied.is_null() => live.clone(),
        _ => applied.clone(),
    }
}

/// The applied order wins; entries only the live list has keep their place
/// before the entry they stood in front of.
fn merge_entries(
    items: Option<&Schema>,
    live: &[(String, &Value)],
    applied: &[(String, &Value)],
) -> Vec<Value> {
    let wanted: BTreeSet<&str> = applied.iter().map(|(e, _)| e.as_str()).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut result = Vec::with_capacity(live.len() + applied.len());
    let (mut l, mut a) = (0, 0);
    while l < live.len() || a < applied.len() {
        if let Some((element, value)) = live.get(l) {
            if !wanted.contains(element.as_str()) {
                result.push((*value).clone());
                l += 1;
                continue;
            }
            if done.contains(element.as_str()) {
                l += 1;
                continue;
            }
        }
        if let Some((element, value)) = applied.get(a) {
            let before = live.iter().find(|(e, _)| e == element).map(|(_, v)| *v);
            result.push(merge(items, before, value));
            done.insert(element);
            a += 1;
        }
    }
    result
}

/// Removes what `last` owned and nobody in `managed` owns now.
pub(super) fn remove(schema: Option<&Schema>, value: &mut Value, last: &Set, managed: &Set) {
    let goes = |parent: Option<&Schema>, element: &str| -> bool {
        let named = is_struct_field(parent, element);
        let has = |set: &Set| {
            set.children
                .get(element)
                .is_some_and(|child| child.owned || (named && !child.children.is_empty()))
        };
        // Of the metadata of an object there is more than anybody owns.
        let identity = element == "f:metadata"
            && parent.is_some_and(|parent| parent.properties.contains_key("apiVersion"));
        !identity && has(last) && !has(managed)
    };
    let empty = Set::default();
    let below = |element: &str| -> Option<(&Set, &Set)> {
        let last = last.children.get(element)?;
        Some((last, managed.children.get(element).unwrap_or(&empty)))
    };
    match value {
        Value::Object(fields) => {
            if schema.is_some_and(|s| {
                s.atomic_map || !matches!(s.node, NodeType::Object | NodeType::Any)
            }) {
                return;
            }
            fields.retain(|name, _| !goes(schema, &format!("f:{name}")));
            for (name, value) in fields.iter_mut() {
                let element = format!("f:{name}");
                if let Some((last, managed)) = below(&element) {
                    remove(child_schema(schema, &element), value, last, managed);
                }
            }
        }
        Value::Array(entries) => {
            let Some(schema) = schema.filter(|schema| schema.list != ListType::Atomic) else {
                return;
            };
            let Ok(elements) = list_elements(schema, entries) else {
                return;
            };
            let mut kept = Vec::with_capacity(entries.len());
            for (element, mut entry) in elements.into_iter().zip(std::mem::take(entries)) {
                if goes(Some(schema), &element) {
                    continue;
                }
                if let Some((last, managed)) = below(&element) {
                    remove(schema.items.as_deref(), &mut entry, last, managed);
                }
                kept.push(entry);
            }
            *entries = kept;
        }
        _ => {}
    }
}
