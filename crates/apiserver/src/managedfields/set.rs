//! Sets of field paths, in the form `metadata.managedFields[].fieldsV1` has:
//! a tree whose edges are `f:<field>`, `k:<keys of a list entry>` and
//! `v:<value of a set>`, and `.` where a node with children is itself a member.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::schema::{ListType, NodeType, Schema};

/// A node of a set of paths; the root stands for the whole object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Whether this very path is a member.
    pub owned: bool,
    /// Deeper paths by their encoded element. None of them is empty.
    pub children: BTreeMap<String, Set>,
}

impl Set {
    /// Only the path itself.
    pub fn leaf() -> Self {
        Self {
            owned: true,
            children: BTreeMap::new(),
        }
    }

    /// Whether it has no member at all.
    pub fn is_empty(&self) -> bool {
        !self.owned && self.children.is_empty()
    }

    /// Puts a set below an element; an empty one leaves no trace.
    pub fn put(&mut self, element: &str, child: Set) {
        if !child.is_empty() {
            self.children.insert(element.to_owned(), child);
        }
    }

    /// Members of either.
    #[must_use]
    pub fn union(&self, other: &Set) -> Set {
        let mut result = self.clone();
        result.owned |= other.owned;
        for (element, child) in &other.children {
            let merged = match result.children.get(element) {
                Some(mine) => mine.union(child),
                None => child.clone(),
            };
            result.children.insert(element.clone(), merged);
        }
        result
    }

    /// Members of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Set) -> Set {
        let mut result = Set {
            owned: self.owned && !other.owned,
            children: BTreeMap::new(),
        };
        for (element, child) in &self.children {
            let left = match other.children.get(element) {
                Some(theirs) => child.difference(theirs),
                None => child.clone(),
            };
            result.put(element, left);
        }
        result
    }

    /// Members of both.
    #[must_use]
    pub fn intersection(&self, other: &Set) -> Set {
        let mut result = Set {
            owned: self.owned && other.owned,
            children: BTreeMap::new(),
        };
        for (element, child) in &self.children {
            if let Some(theirs) = other.children.get(element) {
                result.put(element, child.intersection(theirs));
            }
        }
        result
    }

    /// Without the paths of `metadata` and the object that nobody owns.
    pub fn strip_identity(&mut self) {
        for element in ["f:apiVersion", "f:kind"] {
            self.children.remove(element);
        }
        if let Some(metadata) = self.children.get_mut("f:metadata") {
            metadata.owned = false;
            for field in [
                "name",
                "namespace",
                "creationTimestamp",
                "selfLink",
                "uid",
                "generation",
                "managedFields",
                "resourceVersion",
            ] {
                metadata.children.remove(&format!("f:{field}"));
            }
            if metadata.is_empty() {
                self.children.remove("f:metadata");
            }
        }
    }

    /// As `fieldsV1`.
    pub fn to_fields_v1(&self) -> Value {
        let mut map = Map::new();
        if self.owned && !self.children.is_empty() {
            map.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (element, child) in &self.children {
            map.insert(element.clone(), child.to_fields_v1());
        }
        Value::Object(map)
    }

    /// From `fieldsV1`; what is malformed is left out.
    pub fn from_fields_v1(fields: &Value) -> Set {
        fn node(fields: &Map<String, Value>) -> Set {
            let mut set = Set {
                owned: fields.is_empty() || fields.contains_key("."),
                children: BTreeMap::new(),
            };
            for (element, child) in fields {
                if let (true, Value::Object(child)) = (element != ".", child) {
                    set.put(&canonical(element), node(child));
                }
            }
            set
        }
        let mut set = fields.as_object().map(node).unwrap_or_default();
        set.owned = false;
        set
    }

    /// Every member as Kubernetes prints it: `.spec.containers[name="a"].image`.
    pub fn paths(&self) -> Vec<String> {
        fn walk(set: &Set, at: &str, out: &mut Vec<String>) {
            let path = |element: &str| format!("{at}{}", readable(element));
            // In Kubernetes' order: the members of a level before what is deeper.
            let members = set.children.iter().filter(|(_, child)| child.owned);
            out.extend(members.map(|(element, _)| path(element)));
            for (element, child) in &set.children {
                walk(child, &path(element), out);
            }
        }
        let mut out = Vec::new();
        walk(self, "", &mut out);
        out
    }
}

/// Keys are JSON objects: written in one way, whoever wrote them.
fn canonical(element: &str) -> String {
    if let Some((kind @ ("k" | "v"), json)) = element.split_once(':')
        && let Ok(value) = serde_json::from_str::<Value>(json)
    {
        return format!("{kind}:{value}");
    }
    element.to_owned()
}

pub(super) fn readable(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some(("i", index)) => format!("[{index}]"),
        Some(("k", keys)) => match serde_json::from_str::<Map<String, Value>>(keys) {
            Ok(keys) => {
                let pairs: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("[{}]", pairs.join(","))
            }
            Err(_) => format!("[{keys}]"),
        },
        _ => format!(".{element}"),
    }
}

/// How a value divides into parts that have owners of their own.
pub(super) enum Shape<'a> {
    /// Owned as a whole.
    Leaf,
    /// Fields by name; `None` where the type is not known (custom data).
    Fields(&'a Map<String, Value>),
    /// List entries with their path elements, in order.
    Entries(Vec<(String, &'a Value)>),
}

/// The shape of a value of this type. A list whose entries lack their keys, or
/// have them twice, is a leaf: nobody can tell its entries apart.
pub(super) fn shape<'a>(schema: Option<&Schema>, value: &'a Value) -> Shape<'a> {
    match value {
        Value::Object(fields) => match schema {
            Some(schema) if schema.atomic_map => Shape::Leaf,
            Some(schema) if !matches!(schema.node, NodeType::Object | NodeType::Any) => Shape::Leaf,
            _ => Shape::Fields(fields),
        },
        Value::Array(entries) => {
            let Some(schema) = schema else {
                return Shape::Leaf;
            };
            match list_elements(schema, entries) {
                Ok(elements) => Shape::Entries(elements.into_iter().zip(entries).collect()),
                Err(_) => Shape::Leaf,
            }
        }
        _ => Shape::Leaf,
    }
}

/// Why the entries of a list cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ListError {
    /// It merges as a whole.
    Atomic,
    /// An entry lacks this key field, which has no default.
    MissingKey(String),
    /// Two entries are the same; their element.
    Duplicate(String),
}

/// The path elements of a list's entries.
///
/// # Errors
/// See [`ListError`].
pub(super) fn list_elements(schema: &Schema, entries: &[Value]) -> Result<Vec<String>, ListError> {
    if schema.list == ListType::Atomic {
        return Err(ListError::Atomic);
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut elements = Vec::with_capacity(entries.len());
    for entry in entries {
        let element = match &schema.list {
            ListType::Atomic => return Err(ListError::Atomic),
            ListType::Set => format!("v:{entry}"),
            ListType::Map(keys) => {
                let mut values = Map::new();
                for key in keys {
                    let value = entry.get(key).cloned().or_else(|| {
                        let items = schema.items.as_ref()?;
                        let field = items.properties.get(key)?;
                        field.default.clone().or_else(|| items.zero_of(key))
                    });
                    match value {
                        Some(value) => {
                            values.insert(key.clone(), value);
                        }
                        // A part of a compound key may be left out; a single key may not.
                        None if keys.len() > 1 => {}
                        None => return Err(ListError::MissingKey(key.clone())),
                    }
                }
                format!("k:{}", Value::Object(values))
            }
        };
        if !seen.insert(element.clone()) {
            return Err(ListError::Duplicate(element));
        }
        elements.push(element);
    }
    Ok(elements)
}

/// The type of a part.
pub(super) fn child_schema<'s>(schema: Option<&'s Schema>, element: &str) -> Option<&'s Schema> {
    let schema = schema?;
    match element.split_once(':') {
        Some(("f", name)) => schema.field(name).map(|child| &**child),
        _ => schema.items.as_deref(),
    }
}

/// Whether an element names a declared field of a structure (and not a key of
/// a map or a list entry).
pub(super) fn is_struct_field(schema: Option<&Schema>, element: &str) -> bool {
    schema.is_some_and(|schema| {
        element
            .strip_prefix("f:")
            .is_some_and(|name| schema.properties.contains_key(name))
    })
}

/// What somebody who applies this value owns.
pub fn fields_of(schema: Option<&Schema>, value: &Value) -> Set {
    let mut set = Set::default();
    match shape(schema, value) {
        Shape::Leaf => {
            // A list that merges by entry and has none owns nothing.
            let empty_list = value.as_array().is_some_and(Vec::is_empty)
                && schema.is_some_and(|s| s.list != ListType::Atomic);
            set.owned = !empty_list;
        }
        Shape::Fields(fields) => {
            for (name, value) in fields {
                let element = format!("f:{name}");
                let mut child = fields_of(child_schema(schema, &element), value);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                child.owned |= empty || !is_struct_field(schema, &element);
                set.put(&element, child);
            }
        }
        Shape::Entries(entries) => {
            for (element, value) in entries {
                let mut child = fields_of(child_schema(schema, &element), value);
                child.owned = true;
                set.put(&element, child);
            }
        }
    }
    set
}
