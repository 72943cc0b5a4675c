//! The verbs: what happens between a parsed, authorized request and the store.

mod convert;
mod create;
mod delete;
mod list;
#[cfg(test)]
pub(crate) mod memory;
mod meta;
mod scale;
mod stages;
pub(crate) mod typemeta;
mod update;
pub mod view;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::api::{Attributes, GroupResource, UserInfo};
use crate::authz::{Authorizer, Decision};
use crate::builtin::events;
use crate::status::Status;
pub use crate::store::{Event, EventKind};
use crate::store::{Object, Store, WriteError};
use crate::types::{Catalog, ResourceType};

pub use crate::request::{DeleteOptions, FieldValidation, ListOptions, RequestContext};
pub use delete::Deleted;
pub use list::List;
pub(crate) use meta::uid;
pub use scale::scale_type;
pub use update::{Patch, PatchKind};
pub use view::View;
pub use watch::{WatchEvent, WatchStream};

/// All objects and the rules for changing them. Clones share them.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    authorizer: Arc<Authorizer>,
    builtin: Arc<Catalog>,
    catalog: RwLock<Arc<Catalog>>,
    custom: Mutex<BTreeMap<String, Vec<Arc<ResourceType>>>>,
    /// Of definitions that changed: their generation, and the revision at which it
    /// was first served.
    forms: Mutex<BTreeMap<String, (i64, u64)>>,
}

/// What a URL names: an object, or with an empty name a collection.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// One version of a resource.
    pub resource: &'a ResourceType,
    /// Empty for cluster-scoped objects and all namespaces.
    pub namespace: &'a str,
    /// Empty for collections.
    pub name: &'a str,
    /// `status`, … or empty.
    pub subresource: &'a str,
}

impl Registry {
    /// A registry over a store: reads the custom resource definitions and the
    /// roles in it.
    pub fn new(store: Store) -> Self {
        let builtin = crate::types::builtin();
        let authorizer = Arc::new(Authorizer::default());
        let registry = Self(Arc::new(Inner {
            store,
            authorizer: authorizer.clone(),
            catalog: RwLock::new(builtin.clone()),
            builtin,
            custom: Mutex::default(),
            forms: Mutex::default(),
        }));
        registry.0.store.observe(move |event| {
            let now = (event.kind() != EventKind::Deleted).then_some(&**event.object());
            authorizer.observe(event.gr(), now, event.object());
        });
        registry.0.authorizer.load(&registry);
        for definition in registry.read_all(&stages::crd_resource(), None) {
            registry.serve_definition(&definition);
        }
        registry
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Whether RBAC lets this user do this.
    pub fn decide(&self, user: &UserInfo, attributes: &Attributes) -> Decision {
        self.0.authorizer.authorize(user, attributes)
    }

    /// Every change of these resources (of all when none are given) in commit
    /// order; with `replay`, first the present objects as `Added`.
    pub fn subscribe(
        &self,
        resources: &[GroupResource],
        replay: bool,
    ) -> mpsc::UnboundedReceiver<Arc<Event>> {
        self.0.store.subscribe(resources, replay)
    }

    /// Serves these types for a custom resource definition, or none any more.
    pub fn set_custom(&self, definition: &str, types: Option<Vec<Arc<ResourceType>>>) {
        let mut custom = self.0.custom.lock().unwrap_or_else(PoisonError::into_inner);
        match types {
            Some(types) => custom.insert(definition.to_owned(), types),
            None => custom.remove(definition),
        };
        let mut catalog = (*self.0.builtin).clone();
        for resource in custom.values().flatten() {
            let gvk = &resource.gvk;
            let key = (
                gvk.group.clone(),
                gvk.version.clone(),
                resource.gr.resource.clone(),
            );
            catalog
                .resources
                .entry(key)
                .or_insert_with(|| resource.clone());
            let versions = catalog.versions.entry(gvk.group.clone()).or_default();
            if !versions.contains(&gvk.version) {
                versions.push(gvk.version.clone());
                versions.sort_by(|a, b| meta::version_order(a, b));
            }
        }
        *self
            .0
            .catalog
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
    }

    /// Whether a group is one of Kubernetes' own.
    pub fn is_builtin(&self, group: &str) -> bool {
        self.0.builtin.versions.contains_key(group)
    }

    /// Serves what a stored definition says, if it can be compiled.
    fn serve_definition(&self, definition: &Value) {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        let generation = definition["metadata"]["generation"].as_i64().unwrap_or(1);
        let mut types = stages::compile(definition);
        if generation > 1 {
            let mut forms = self.0.forms.lock().unwrap_or_else(PoisonError::into_inner);
            let (known, since) = forms.entry(name.to_owned()).or_default();
            if *known != generation {
                (*known, *since) = (generation, self.0.store.revision());
            }
            for resource in types.iter_mut().flatten() {
                if let Some(custom) = Arc::make_mut(resource).custom.as_mut() {
                    custom.since = *since;
                }
            }
        }
        self.set_custom(name, types);
    }

    /// One object, as it is stored.
    pub async fn get(
        &self,
        _context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        subresource: &str,
    ) -> Result<Object, Status> {
        let object = self
            .0
            .store
            .get_stored(resource.storage(), namespace, name)
            .ok_or_else(|| Status::not_found(&resource.gr, name))?;
        let object = match subresource {
            "scale" => object,
            _ => convert::show_stored(resource, object).await?,
        };
        if subresource == "scale" {
            let scale = scale::read(resource, &object.value())?;
            return Ok(Object::new(&Arc::new(scale)));
        }
        Ok(object)
    }
}

impl View for Registry {
    fn read(&self, gr: &GroupResource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.0.store.get(gr, namespace, name)
    }

    fn read_all(&self, gr: &GroupResource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let snapshot = self.0.store.list(gr, namespace);
        snapshot.items.iter().map(Object::value).collect()
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.0
            .catalog
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn authorize(&self, user: &UserInfo, attributes: &Attributes) -> (bool, String) {
        let decision = self.decide(user, attributes);
        (decision.allowed, decision.reason)
    }

    fn authorizer(&self) -> &Authorizer {
        &self.0.authorizer
    }
}

/// What `apiVersion` an object must get to be shown in this version; `None`
/// when it has it.
pub(crate) fn shown_version(resource: &ResourceType, object: &Value) -> Option<String> {
    let stored = object["apiVersion"].as_str().unwrap_or_default();
    let gvk = &resource.gvk;
    let same = match stored.split_once('/') {
        Some((group, version)) => group == gvk.group && version == gvk.version,
        None => gvk.group.is_empty() && stored == gvk.version,
    };
    (!same).then(|| gvk.api_version())
}

/// A stored object in the version of the URL.
pub(crate) fn present(resource: &ResourceType, object: Arc<Value>) -> Arc<Value> {
    match shown_version(resource, &object) {
        None => object,
        Some(version) => {
            let mut shown = (*object).clone();
            if resource.storage() == &resource.gr {
                shown["apiVersion"] = Value::String(version);
            } else {
                events::to_new(&mut shown);
            }
            Arc::new(shown)
        }
    }
}

/// The answer to a write that the store refused.
fn refused(resource: &ResourceType, name: &str, error: WriteError) -> Status {
    match error {
        WriteError::Exists(_) => Status::already_exists(&resource.gr, name),
        WriteError::Missing => Status::not_found(&resource.gr, name),
        WriteError::Changed(_) => Status::conflict(&resource.gr, name, meta::MODIFIED),
        WriteError::Disk(_) => Status::internal(error),
    }
}
