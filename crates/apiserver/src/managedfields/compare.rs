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

/// Compares a part. A container that comes or goes is itself a member, unless
/// its type always has it.
fn part(
    parent: Option<&Schema>,
    element: &str,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Comparison {
    let schema = child_schema(parent, element);
    let mut result = node(schema, old, new);
    if always_there(parent, element) {
        let container = |value: Option<&Value>| {
            value.is_some_and(|value| {
                !matches!(shape(schema, value), Shape::Leaf)
                    && !value.as_object().is_some_and(serde_json::Map::is_empty)
            })
        };
        if old.is_none() && container(new) {
            result.added.owned = false;
        }
        if new.is_none() && container(old) {
            result.removed.owned = false;
        }
    }
    result
}

/// Required fields, and structures that Kubernetes' own types hold by value, are
/// there even when empty.
fn always_there(parent: Option<&Schema>, element: &str) -> bool {
    let name = element.strip_prefix("f:").unwrap_or_default();
    parent.is_some_and(|parent| {
        let mut names = parent.always.iter().chain(&parent.required);
        names.any(|known| known == name)
    })
}

/// Every path of a value that is new or gone as a whole.
fn whole(schema: Option<&Schema>, value: &Value) -> Set {
    let mut set = Set::leaf();
    match shape(schema, value) {
        Shape::Leaf => {}
        Shape::Fields(fields) => {
            for (name, value) in fields {
                let element = format!("f:{name}");
                let mut child = whole(child_schema(schema, &element), value);
                if always_there(schema, &element) && !child.children.is_empty() {
                    child.owned = false;
                }
                set.put(&element, child);
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
