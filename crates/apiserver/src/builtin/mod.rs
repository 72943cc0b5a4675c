//! The rules of single kinds: what is filled in, kept, refused on a write, and
//! the resources that answer without being stored.

use serde_json::Value;

use crate::api::UserInfo;
use crate::types::ResourceType;

/// What a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object, by update or patch.
    Update,
    /// An object that goes; `new` is empty.
    Delete,
}

/// A write on its way to the store, after patching, before it is stored.
/// `metadata` (uid, creationTimestamp, generation, managedFields) is the
/// registry's work; unknown fields are pruned, structural defaults filled in.
pub struct Write<'a> {
    /// What happens.
    pub operation: Operation,
    /// To which resource and version.
    pub resource: &'a ResourceType,
    /// `status`, `approval`, … or empty.
    pub subresource: &'a str,
    /// By whom.
    pub user: &'a UserInfo,
    /// The stored object.
    pub old: Option<&'a Value>,
    /// What will be stored; `Null` for a delete.
    pub new: &'a mut Value,
    /// Sent to the client as `Warning` headers.
    pub warnings: &'a mut Vec<String>,
}
