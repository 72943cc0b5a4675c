//! What the rules of single kinds, the authorizer and the loops may see of the
//! server: cheap, synchronous reads of what is stored now.

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Attributes, GroupResource, UserInfo};
use crate::authz::Authorizer;
use crate::types::Catalog;

/// A read-only view of the stored objects. Objects are in their storage
/// version.
pub trait View: Send + Sync {
    /// One object; `namespace` is empty for cluster-scoped ones.
    fn read(&self, gr: &GroupResource, namespace: &str, name: &str) -> Option<Arc<Value>>;

    /// All objects of a resource, of one namespace or of all, in key order.
    fn read_all(&self, gr: &GroupResource, namespace: Option<&str>) -> Vec<Arc<Value>>;

    /// What is served now.
    fn catalog(&self) -> Arc<Catalog>;

    /// Whether RBAC lets this user do this, for escalation and bind checks and
    /// access reviews: the answer and its reason.
    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> (bool, String);

    /// The index behind `authorize`, for the rules of a user and of a role.
    fn authorizer(&self) -> &Authorizer;
}
