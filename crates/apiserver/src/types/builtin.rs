//! The built-in kinds, made of the generated data once a process.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::Deserialize;

use super::definitions::{Builder, Definitions, LIST_META, OBJECT_META};
use super::{Catalog, ResourceType, Subresource};
use crate::api::{GroupResource, GroupVersionKind};
use crate::schema::{NodeType, Schema};

static RESOURCES: &str = include_str!("data/resources.json");

/// An entry of `data/resources.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    group: String,
    version: String,
    name: String,
    kind: String,
    singular: String,
    namespaced: bool,
    verbs: Vec<String>,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    subresources: Vec<SubEntry>,
}

#[derive(Deserialize)]
struct SubEntry {
    name: String,
    kind: String,
    #[serde(default)]
    group: String,
    /// Absent where group and version are those of the resource.
    version: Option<String>,
    verbs: Vec<String>,
}

/// The built-in kinds. All servers of a process share them.
pub fn builtin() -> Arc<Catalog> {
    static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(build()));
    Arc::clone(&CATALOG)
}

fn build() -> Catalog {
    let mut builder = Builder::default();
    let mut catalog = Catalog::default();
    // The data is part of the program and read by the tests below.
    let entries: Vec<Entry> = serde_json::from_str(RESOURCES).unwrap_or_default();
    for entry in entries {
        let versions = catalog.versions.entry(entry.group.clone()).or_default();
        if !versions.contains(&entry.version) {
            versions.push(entry.version.clone());
        }
        let key = (
            entry.group.clone(),
            entry.version.clone(),
            entry.name.clone(),
        );
        let resource = resource(&mut builder, entry);
        catalog.resources.insert(key, Arc::new(resource));
    }
    catalog
}

fn resource(builder: &mut Builder, entry: Entry) -> ResourceType {
    let gvk = GroupVersionKind::new(&entry.group, &entry.version, &entry.kind);
    let subresources = entry
        .subresources
        .into_iter()
        .map(|sub| Subresource {
            gvk: match sub.version {
                Some(version) => GroupVersionKind::new(&sub.group, &version, &sub.kind),
                None => GroupVersionKind::new(&entry.group, &entry.version, &sub.kind),
            },
            name: sub.name,
            verbs: sub.verbs,
        })
        .collect();
    ResourceType {
        schema: kind(builder, &gvk),
        gr: GroupResource::new(&entry.group, &entry.name),
        list_kind: format!("{}List", entry.kind),
        gvk,
        singular: entry.singular,
        namespaced: entry.namespaced,
        short_names: entry.short_names,
        categories: entry.categories,
        verbs: entry.verbs,
        subresources,
        columns: Vec::new(),
        custom: None,
    }
}

fn kind(builder: &mut Builder, gvk: &GroupVersionKind) -> Arc<Schema> {
    match Definitions::get().name_of(gvk) {
        Some(name) => builder.definition(name),
        None => Arc::new(Schema {
            node: NodeType::Object,
            preserve_unknown: true,
            ..Schema::default()
        }),
    }
}

/// The schema of a built-in kind, also of those that are only the body of a
/// subresource (`Scale`, `TokenRequest`, `Eviction`) and of lists.
pub fn schema_of(gvk: &GroupVersionKind) -> Option<Arc<Schema>> {
    static KNOWN: LazyLock<Mutex<HashMap<&'static str, Arc<Schema>>>> =
        LazyLock::new(Mutex::default);
    let name = Definitions::get().name_of(gvk)?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let schema = known
        .entry(name)
        .or_insert_with(|| Builder::default().definition(name));
    Some(Arc::clone(schema))
}

/// The schema of `metadata`.
pub fn object_meta() -> Arc<Schema> {
    static META: LazyLock<Arc<Schema>> =
        LazyLock::new(|| Builder::default().definition(OBJECT_META));
    Arc::clone(&META)
}

/// The schema of a list's `metadata`.
pub fn list_meta() -> Arc<Schema> {
    static META: LazyLock<Arc<Schema>> = LazyLock::new(|| Builder::default().definition(LIST_META));
    Arc::clone(&META)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::schema::ListType;

    fn find(group: &str, plural: &str) -> Arc<ResourceType> {
        let catalog = builtin();
        let found = catalog.find(group, "v1", plural);
        Arc::clone(found.unwrap_or_else(|| panic!("{plural}.{group} is not served")))
    }

    fn at(schema: &Arc<Schema>, path: &str) -> Arc<Schema> {
        path.split('.').fold(Arc::clone(schema), |schema, step| {
            let next = match step {
                "[]" => schema.items.as_ref(),
                name => schema.field(name),
            };
            Arc::clone(next.unwrap_or_else(|| panic!("{step} of {path}")))
        })
    }

    #[test]
    fn every_resource_has_a_schema_with_metadata() {
        for ((_, _, name), resource) in &builtin().resources {
            assert!(resource.schema.properties.contains_key("kind"), "{name}");
            if resource.verbs.iter().any(|v| v == "list") {
                let meta = resource.schema.field("metadata");
                assert!(
                    meta.is_some_and(|m| m.properties.contains_key("uid")),
                    "{name}"
                );
            }
            for sub in &resource.subresources {
                let known = schema_of(&sub.gvk).is_some();
                let options = sub.gvk.kind.ends_with("Options");
                assert!(known || options, "{name}/{} {:?}", sub.name, sub.gvk);
            }
        }
    }

    #[test]
    fn facts_of_kubernetes_are_there() {
        let deployments = find("apps", "deployments");
        assert_eq!(deployments.short_names, ["deploy"]);
        assert_eq!(deployments.categories, ["all"]);
        assert!(deployments.namespaced);
        let scale = deployments.subresources.iter().find(|s| s.name == "scale");
        assert_eq!(
            scale.map(|s| s.gvk.clone()),
            Some(GroupVersionKind::new("autoscaling", "v1", "Scale"))
        );
        let containers = at(&deployments.schema, "spec.template.spec.containers");
        assert_eq!(containers.list, ListType::Map(vec!["name".into()]));
        assert_eq!(containers.merge_key.as_deref(), Some("name"));
        assert!(containers.patch_merge && !containers.retain_keys);
        let ports = at(&containers, "[].ports");
        assert_eq!(
            ports.list,
            ListType::Map(vec!["containerPort".into(), "protocol".into()])
        );
        assert_eq!(ports.merge_key.as_deref(), Some("containerPort"));
        assert_eq!(at(&ports, "[].protocol").default, Some(json!("TCP")));
        let limits = at(&containers, "[].resources.limits.cpu");
        assert_eq!(limits.node, NodeType::IntOrString);
        let volumes = at(&deployments.schema, "spec.template.spec.volumes");
        assert!(volumes.retain_keys && volumes.patch_merge);
        assert!(at(&deployments.schema, "spec.selector").atomic_map);
        let crds = find("apiextensions.k8s.io", "customresourcedefinitions");
        let nested = at(
            &crds.schema,
            "spec.versions.[].schema.openAPIV3Schema.properties.spec",
        );
        assert!(nested.preserve_unknown, "a recursive type is cut");
        assert_eq!(
            builtin().versions.get("autoscaling"),
            Some(&vec!["v2".to_owned(), "v1".to_owned()])
        );
    }

    #[test]
    fn is_shared_and_built_once() {
        assert!(Arc::ptr_eq(&builtin(), &builtin()));
        let start = Instant::now();
        let all = build();
        // Generous: this is a debug build on a busy machine.
        assert!(start.elapsed().as_secs() < 2, "{:?}", start.elapsed());
        assert!(all.resources.len() > 60);
    }
}
