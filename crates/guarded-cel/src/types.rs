//! The types of values.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Not known here: it fits everywhere.
    Unknown,
    /// Whatever it turns out to be.
    Dyn,
    /// `null`.
    Null,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A whole number without a sign.
    Uint,
    /// A number.
    Double,
    /// A text.
    String,
    /// Bytes.
    Bytes,
    /// A point in time.
    Timestamp,
    /// A span of time.
    Duration,
    /// A list of these.
    List(Arc<Self>),
    /// A map from these to those.
    Map(Arc<Self>, Arc<Self>),
    /// An object with these fields, and no others.
    Object(Arc<BTreeMap<String, Self>>),
    /// One of these, or none.
    Optional(Arc<Self>),
    /// One of Kubernetes' own, by its name there.
    Other(&'static str),
}

pub(crate) const QUANTITY: &str = "kubernetes.Quantity";
pub(crate) const URL: &str = "kubernetes.URL";
pub(crate) const SEMVER: &str = "kubernetes.Semver";
pub(crate) const FORMAT: &str = "kubernetes.NamedFormat";
pub(crate) const IP: &str = "net.IP";
pub(crate) const CIDR: &str = "net.CIDR";

use Type::{
    Bool, Bytes, Double, Duration, Dyn, Int, List, Map, Null, Object, Optional, Other,
    String as Text, Timestamp, Uint, Unknown,
};

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unknown | Dyn => "dyn",
            Null => "null",
            Bool => "bool",
            Int => "int",
            Uint => "uint",
            Double => "double",
            Text => "string",
            Bytes => "bytes",
            Timestamp => "timestamp",
            Duration => "duration",
            Object(_) => "object",
            Other(name) => name,
            List(of) => return write!(f, "list({of})"),
            Map(key, value) => return write!(f, "map({key}, {value})"),
            Optional(of) => return write!(f, "optional_type({of})"),
        })
    }
}

impl Type {
    /// A list of these.
    #[must_use]
    pub fn list(of: Self) -> Self {
        List(Arc::new(of))
    }

    /// A map from texts to these.
    #[must_use]
    pub fn map(to: Self) -> Self {
        Map(Arc::new(Text), Arc::new(to))
    }

    /// Whether it may be of any type.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Unknown | Dyn)
    }

    pub(crate) const fn is_number(&self) -> bool {
        matches!(self, Int | Uint | Double)
    }

    /// Whether a value may be of both.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (one, other) if one.is_open() || other.is_open() => true,
            (Null, other) | (other, Null) => {
                matches!(
                    other,
                    Null | Object(_) | Timestamp | Duration | Optional(_) | Other(_)
                )
            }
            (List(one), List(other)) | (Optional(one), Optional(other)) => one.agrees(other),
            (Map(key, value), Map(other_key, other_value)) => {
                key.agrees(other_key) && value.agrees(other_value)
            }
            // Two are the same only where one was taken from the other: not told apart.
            (Object(_), Object(_)) => true,
            (one, other) => one == other,
        }
    }

    /// Whether they are one type, as far as is known.
    pub(crate) fn is_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Unknown, _) | (_, Unknown) => true,
            (List(one), List(other)) | (Optional(one), Optional(other)) => one.is_the_same(other),
            (Map(key, value), Map(other_key, other_value)) => {
                key.is_the_same(other_key) && value.is_the_same(other_value)
            }
            (one, other) => one == other,
        }
    }

    /// What a value is that may be of both.
    pub(crate) fn joined(self, other: Self) -> Self {
        match (self, other) {
            (List(one), List(other)) => Self::list((*one).clone().joined((*other).clone())),
            (Null | Dyn, other) => other,
            (one, Null | Dyn) => one,
            (one, other) if one == other => one,
            _ => Unknown,
        }
    }
}
