//! What a write added, changed and removed, as sets of paths.

use std::collections::BTreeMap;

use serde_json::Value;

use super::set::{Set, Shape, child_schema, shape};
use crate::schema::Schema;

/// The difference of two objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Only in the new one.
    pub added: Set,
    /// In both, with other values.
    pub modified: Set,
    /// Only in the old one.
    pub removed: Set,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// What the writer now answers for.
    pub fn written(&self) -> Set {
        self.added.union(&self.modified)
    }

    fn put(&mut self, element: &str, child: Comparison) {
        self.added.put(element, child.added);
        self.modified.put(element, child.modified);
        self.removed.put(element, child.removed);
    }
}

/// Compares two objects of one type, without what identifies them.
pub fn compare(schema: &Schema, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut result = node(Some(schema), old, new);
    for set in [&mut result.added, &mut result.modified, &mut result.removed] {
        set.owned = false;
        set.strip_identity();
    }
    result
}

fn node(schema: Option<&Schema>, old: Option<&Value>, new: Option<&Value>) -> Comparison {
    let mut result = Comparison::default();
    match (old, new) {
        (None, None) => {}
        (Some(old), Some(new)) if old == new => {}
        // A list that was there, without entries.
        (Some(Value::Null), Some(new)) if !matches!(shape(schema, new), Shape::Leaf) => {
            result.added = whole(schema, new);
            result.added.owned = false;
        }
        (Some(old), Some(new)) => match (shape(schema, old), shape(schema, new)) {
            (Shape::Fields(old), Shape::Fields(new)) => {
                for (name, value) in old {
                    let element = format!("f:{name}");
                    let child = part(schema, &element, Some(value), new.get(name));
                    result.put(&element, child);
                }
                for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                    let element = format!("f:{name}");
                    result.put(&element, part(schema, &element, None, Some(value)));
                }
            }
            (Shape::Entries(old), Shape::Entries(new)) => {
                let before: BTreeMap<&str, &Value> =
                    old.iter().map(|(e, value)| (e.as_str(), *value)).collect();
                let after: BTreeMap<&str, &Value> =
                    new.iter().map(|(e, value)| (e.as_str(), *value)).collect();
                for (element, value) in &before {
                    let other = after.get(element).copied();
                    result.put(element, part(schema, element, Some(value), other));
                }
                for (element, value) in after.iter().filter(|(e, _)| !before.contains_key(*e)) {
                    result.put(element, part(schema, element, None, Some(value)));
                }
            }
            _ => result.modified.owned = true,
        },
        (None, Some(new)) => result.added = whole(schema, new),
        (Some(old), None) => result.removed = whole(schema, old),
    }
    result
}

/// Compares a part.
fn part(
    parent: Option<&Schema>,
    element: &str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Comparison {
    node(child_schema(parent, element), old, new)
}

/// Every path of a value that is new or gone as a whole.
fn whole(schema: Option<&Schema>, value: &Value) -> Set {
    let mut set = Set::leaf();
    match shape(schema, value) {
        Shape::Leaf => {}
        Shape::Fields(fields) => {
            for (name, value) in fields {
                let element = format!("f:{name}");
                set.put(&element, whole(child_schema(schema, &element), value));
            }
        }
        Shape::Entries(entries) => {
            for (element, value) in entries {
                set.put(&element, whole(child_schema(schema, &element), value));
            }
        }
    }
    set
}
