//! Objects in a map, seen as a `View`: for unit tests of what reads one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::View;
use crate::api::{Attributes, GroupResource, UserInfo};
use crate::authz::Authorizer;
use crate::types::Catalog;

/// Stored objects of a test, with RBAC that follows them.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) objects: BTreeMap<(GroupResource, String, String), Arc<Value>>,
    pub(crate) authorizer: Authorizer,
    pub(crate) catalog: Arc<Catalog>,
}

impl Objects {
    /// Stores an object under its own name.
    pub(crate) fn put(&mut self, group: &str, resource: &str, object: Value) {
        let gr = GroupResource::new(group, resource);
        let field = |name: &str| {
            object["metadata"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let key = (gr.clone(), field("namespace"), field("name"));
        self.authorizer.observe(&gr, Some(&object), &object);
        self.objects.insert(key, Arc::new(object));
    }

    /// Forgets one.
    pub(crate) fn remove(&mut self, group: &str, resource: &str, namespace: &str, name: &str) {
        let gr = GroupResource::new(group, resource);
        let key = (gr.clone(), namespace.to_owned(), name.to_owned());
        if let Some(old) = self.objects.remove(&key) {
            self.authorizer.observe(&gr, None, &old);
        }
    }
}

impl View for Objects {
    fn read(&self, gr: &GroupResource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects
            .get(&(gr.clone(), namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    fn read_all(&self, gr: &GroupResource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.objects
            .iter()
            .filter(|((of, within, _), _)| of == gr && namespace.is_none_or(|n| n == within))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> (bool, String) {
        let decision = self.authorizer.authorize(user, attributes);
        (decision.allowed, decision.reason)
    }

    fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }
}
