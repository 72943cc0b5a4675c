//! One model of a type for built-in kinds and custom resources: what its
//! fields are, what they default to, what is valid, how lists merge.

pub mod cause;
mod formats;
mod metadata;
pub mod names;
mod prune;
mod typed;
mod validate;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use metadata::{NameRule, validate_labels, validate_metadata};
pub use prune::{Path, apply_defaults, prune, unknown_field};
pub use typed::mistyped;
pub use validate::{correlate, validate, validate_lists};

/// What a JSON value at a node must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeType {
    /// Anything (also where a recursive built-in type is cut).
    #[default]
    Any,
    /// An object: `properties`, or a map when `additional` is set.
    Object,
    /// A list of `items`.
    Array,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// `x-kubernetes-int-or-string`, and built-in IntOrString.
    IntOrString,
}

/// How server-side apply and strategic merge see a list
/// (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// Replaced as a whole.
    #[default]
    Atomic,
    /// Scalars that are unique.
    Set,
    /// Objects keyed by these fields (`x-kubernetes-list-map-keys`).
    Map(Vec<String>),
}

/// A node of a type's structure. Cheap to share: children are `Arc`s.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// What the value must be.
    pub node: NodeType,
    /// Whether `null` is a value.
    pub nullable: bool,
    /// Filled in where the field is absent.
    pub default: Option<Value>,
    /// Named fields of an object.
    pub properties: BTreeMap<String, Arc<Schema>>,
    /// The values of a map.
    pub additional: Option<Arc<Schema>>,
    /// The entries of a list.
    pub items: Option<Arc<Schema>>,
    /// Fields that must be there.
    pub required: Vec<String>,
    /// Fields that are there in every object of a built-in kind, if only as
    /// `{}`: structs that Go does not leave out.
    pub always: Vec<String>,
    /// A structure of Kubernetes' own types: required texts and numbers that
    /// are left out are empty, and 0.
    pub go: bool,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`: has apiVersion, kind, metadata.
    pub embedded_resource: bool,
    /// How a list merges.
    pub list: ListType,
    /// `x-kubernetes-map-type: atomic`: owned and replaced as a whole.
    pub atomic_map: bool,
    /// `x-kubernetes-patch-merge-key`, for strategic merge patches.
    pub merge_key: Option<String>,
    /// `x-kubernetes-patch-strategy` contains `merge`.
    pub patch_merge: bool,
    /// `x-kubernetes-patch-strategy` contains `retainKeys`.
    pub retain_keys: bool,
    /// For `kubectl explain`.
    pub description: Option<Arc<str>>,
    /// `format`, such as `int32`, `date-time`, `byte`.
    pub format: Option<Arc<str>>,
    /// Value validations; `None` where the node has none.
    pub limits: Option<Box<Limits>>,
    /// `x-kubernetes-validations`.
    pub rules: Vec<Rule>,
}

/// The value validations of an OpenAPI schema.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// `enum`.
    pub one_of_values: Vec<Value>,
    /// `pattern`, uncompiled.
    pub pattern: Option<String>,
    /// `minLength`, in code points.
    pub min_length: Option<u64>,
    /// `maxLength`, in code points.
    pub max_length: Option<u64>,
    /// `minimum`, and whether it is exclusive.
    pub minimum: Option<(f64, bool)>,
    /// `maximum`, and whether it is exclusive.
    pub maximum: Option<(f64, bool)>,
    /// `multipleOf`.
    pub multiple_of: Option<f64>,
    /// `minItems`.
    pub min_items: Option<u64>,
    /// `maxItems`.
    pub max_items: Option<u64>,
    /// `uniqueItems`.
    pub unique_items: bool,
    /// `minProperties`.
    pub min_properties: Option<u64>,
    /// `maxProperties`.
    pub max_properties: Option<u64>,
    /// `allOf`.
    pub all_of: Vec<Schema>,
    /// `anyOf`.
    pub any_of: Vec<Schema>,
    /// `oneOf`.
    pub one_of: Vec<Schema>,
    /// `not`.
    pub not: Option<Schema>,
}

/// One entry of `x-kubernetes-validations`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// A CEL expression over `self` and `oldSelf`.
    pub rule: String,
    /// What is said when it is false.
    pub message: String,
    /// A CEL expression that makes the message.
    pub message_expression: String,
    /// For example `FieldValueInvalid`.
    pub reason: String,
    /// Relative to the node, such as `.replicas`.
    pub field_path: String,
    /// `optionalOldSelf`.
    pub optional_old_self: bool,
}

impl Schema {
    /// What a required field of one of Kubernetes' own structures is when it is
    /// left out.
    pub fn zero_of(&self, field: &str) -> Option<Value> {
        if !self.go || !self.required.iter().any(|name| name == field) {
            return None;
        }
        match self.properties.get(field)?.node {
            NodeType::String => Some(Value::String(String::new())),
            NodeType::Integer => Some(0.into()),
            _ => None,
        }
    }

    /// The schema of a field: a property, or the value type of a map.
    pub fn field(&self, name: &str) -> Option<&Arc<Schema>> {
        self.properties.get(name).or(self.additional.as_ref())
    }
}
