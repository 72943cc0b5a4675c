//! What kinds the server serves: the built-in ones, read from generated data,
//! and those that custom resource definitions add.

mod builtin;
pub mod decode;
pub mod defaults;
pub mod definitions;
pub mod quantity;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{GroupResource, GroupVersionKind};
use crate::schema::Schema;

pub use builtin::{builtin, list_meta, object_meta, schema_of};

/// One version of a resource.
#[derive(Clone, Debug)]
pub struct ResourceType {
    /// Group, version and kind.
    pub gvk: GroupVersionKind,
    /// Group and plural, whatever the version.
    pub gr: GroupResource,
    /// Lower-case singular.
    pub singular: String,
    /// For example `PodList`.
    pub list_kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// For example `po`.
    pub short_names: Vec<String>,
    /// For example `all`.
    pub categories: Vec<String>,
    /// What discovery lists: `get`, `list`, `watch`, `create`, …
    pub verbs: Vec<String>,
    /// `status`, `scale`, `token`, `approval`, …
    pub subresources: Vec<Subresource>,
    /// The structure of its objects, `metadata` included.
    pub schema: Arc<Schema>,
    /// The columns of its tables, after Name and before Age for custom
    /// resources; built-in kinds are printed by `table`.
    pub columns: Vec<Column>,
    /// Set for a custom resource.
    pub custom: Option<Custom>,
}

impl ResourceType {
    /// Where its objects are stored: for one API of two behind which there is
    /// one storage, that of the other.
    pub fn storage(&self) -> &GroupResource {
        crate::builtin::events::storage(&self.gr).unwrap_or(&self.gr)
    }

    /// Fields of a custom resource that field selectors may name.
    pub fn selectable(&self) -> Option<&[String]> {
        self.custom
            .as_ref()
            .map(|custom| custom.selectable.as_slice())
    }
}

/// What a custom resource has and a built-in one has not.
#[derive(Clone, Debug, Default)]
pub struct Custom {
    /// The version its objects are stored in.
    pub storage_version: String,
    /// The schema of that version, where this is another one.
    pub stored_schema: Option<Arc<Schema>>,
    /// `.spec.replicas`, `.status.replicas`, `.status.selector` paths.
    pub scale: Option<(String, String, String)>,
    /// Sent as a warning with every answer of a deprecated version.
    pub deprecation: Option<String>,
    /// Fields that field selectors may name, such as `spec.color`.
    pub selectable: Vec<String>,
    /// `spec.conversion.webhook`, where a webhook converts between versions.
    pub conversion: Option<Arc<serde_json::Value>>,
    /// The UID of its definition: objects die with it.
    pub crd_uid: String,
    /// Objects up to this revision may be of an older form of the definition: they
    /// are pruned and get their defaults when they are read.
    pub since: u64,
}

/// A part of an object with a URL of its own.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// For example `status`.
    pub name: String,
    /// What it takes and answers; `Scale`, `TokenRequest` differ from the resource.
    pub gvk: GroupVersionKind,
    /// What discovery lists.
    pub verbs: Vec<String>,
}

/// One `additionalPrinterColumns` entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// The heading.
    pub name: String,
    /// `string`, `integer`, `boolean`, `date`.
    pub type_: String,
    /// `name`, `password`, …
    pub format: String,
    /// For people.
    pub description: String,
    /// Above 0 it is shown by `-o wide` only.
    pub priority: i64,
    /// For example `.spec.replicas`.
    pub json_path: String,
}

/// All that is served at one moment. Immutable; a change makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// By group, version, plural.
    pub resources: BTreeMap<(String, String, String), Arc<ResourceType>>,
    /// Versions of a group, the preferred one first.
    pub versions: BTreeMap<String, Vec<String>>,
}

impl Catalog {
    /// The resource of a URL.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<ResourceType>> {
        self.resources
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// The resource of an object.
    pub fn find_kind(&self, gvk: &GroupVersionKind) -> Option<&Arc<ResourceType>> {
        self.resources.values().find(|r| r.gvk == *gvk)
    }

    /// Any served version of a stored resource, the preferred one first.
    pub fn find_resource(&self, gr: &GroupResource) -> Option<&Arc<ResourceType>> {
        self.versions
            .get(&gr.group)?
            .iter()
            .find_map(|version| self.find(&gr.group, version, &gr.resource))
    }
}
