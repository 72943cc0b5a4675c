//! What is served, as clients ask for it: the legacy documents, and the
//! aggregated one that saves them a request for every group version.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::types::{Catalog, ResourceType};

/// The order in which the real server lists its own groups. Those of custom
/// resources follow by name.
const ORDER: &[&str] = &[
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
];

/// The names of all groups but the core one, in the order of the documents.
fn group_names(catalog: &Catalog) -> Vec<&str> {
    let mut names: Vec<&str> = catalog
        .versions
        .iter()
        .filter(|(name, versions)| !name.is_empty() && !versions.is_empty())
        .map(|(name, _)| name.as_str())
        .collect();
    let rank = |name: &&str| ORDER.iter().position(|known| known == name);
    names.sort_by_key(|name| (rank(name).unwrap_or(ORDER.len()), *name));
    names
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// `/api`: `APIVersions`. The address is `host:port`, empty if not known.
pub fn legacy_core(catalog: &Catalog, address: &str) -> Value {
    let versions = catalog.versions.get("").cloned().unwrap_or_default();
    json!({
        "kind": "APIVersions",
        "versions": versions,
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`: `APIGroupList`.
pub fn groups(catalog: &Catalog) -> Value {
    let groups: Vec<Value> = group_names(catalog)
        .into_iter()
        .filter_map(|name| group_entry(catalog, name))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`: `APIGroup`, if the group is served.
pub fn group(catalog: &Catalog, name: &str) -> Option<Value> {
    let mut entry = group_entry(catalog, name)?;
    entry["kind"] = json!("APIGroup");
    entry["apiVersion"] = json!("v1");
    Some(entry)
}

fn group_entry(catalog: &Catalog, name: &str) -> Option<Value> {
    let versions = catalog.versions.get(name).filter(|_| !name.is_empty())?;
    let entries: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": group_version(name, version), "version": version}))
        .collect();
    let preferred = entries.first()?.clone();
    Some(json!({"name": name, "versions": entries, "preferredVersion": preferred}))
}

/// The resources of a group version.
fn members<'a>(
    catalog: &'a Catalog,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a ResourceType> {
    let start = (group.to_owned(), version.to_owned(), String::new());
    catalog
        .resources
        .range(start..)
        .take_while(move |((g, v, _), _)| g == group && v == version)
        .map(|(_, resource)| resource.as_ref())
}

/// `/api/v1` and `/apis/GROUP/VERSION`: `APIResourceList`, if it is served.
pub fn resources(catalog: &Catalog, group: &str, version: &str) -> Option<Value> {
    let served = catalog.versions.get(group)?;
    if !served.iter().any(|known| known == version) {
        return None;
    }
    let mut list = Vec::new();
    for resource in members(catalog, group, version) {
        let mut entry = json!({
            "name": resource.gr.resource,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.gvk.kind,
            "verbs": resource.verbs,
        });
        lists(&mut entry, resource);
        if resource.verbs.iter().any(|verb| verb == "list") {
            entry["storageVersionHash"] = json!(storage_hash(resource));
        }
        list.push(entry);
        for sub in &resource.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", resource.gr.resource, sub.name),
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": sub.gvk.kind,
                "verbs": sub.verbs,
            });
            if sub.gvk.group != resource.gvk.group || sub.gvk.version != resource.gvk.version {
                entry["group"] = json!(sub.gvk.group);
                entry["version"] = json!(sub.gvk.version);
            }
            list.push(entry);
        }
    }
    let mut document = json!({
        "kind": "APIResourceList",
        "groupVersion": group_version(group, version),
        "resources": list,
    });
    if !group.is_empty() {
        document["apiVersion"] = json!("v1");
    }
    Some(document)
}

/// Tells whether the version that objects are stored in is still the same: the
/// first bytes of a digest of its name.
fn storage_hash(resource: &ResourceType) -> String {
    let gvk = &resource.gvk;
    let (group, version) = match (&resource.custom, gvk.group.as_str()) {
        (Some(custom), group) => (group, custom.storage_version.as_str()),
        (None, "autoscaling") => ("autoscaling", "v2"),
        (None, "events.k8s.io") => ("", "v1"),
        (None, group) => (group, gvk.version.as_str()),
    };
    let name = format!("{group}/{version}/{}", gvk.kind);
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(&digest.as_ref()[..8])
}

fn lists(entry: &mut Value, resource: &ResourceType) {
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
}

/// The version of `apidiscovery.k8s.io` that is spoken.
pub const AGGREGATED: &str = "v2";

/// `/api` (`core`) and `/apis` for clients that accept `APIGroupDiscoveryList`
/// of `apidiscovery.k8s.io`.
pub fn aggregated(catalog: &Catalog, core: bool) -> Value {
    let names = if core { vec![""] } else { group_names(catalog) };
    let items: Vec<Value> = names
        .into_iter()
        .map(|name| {
            let versions: Vec<Value> = catalog
                .versions
                .get(name)
                .into_iter()
                .flatten()
                .map(|version| {
                    let resources: Vec<Value> =
                        members(catalog, name, version).map(discovered).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if name.is_empty() {
                json!({})
            } else {
                json!({"name": name})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{AGGREGATED}"),
        "metadata": {},
        "items": items,
    })
}

fn discovered(resource: &ResourceType) -> Value {
    // What is built in is named with its group and version only where these are
    // not those of the document's entry.
    let implied = |gvk: &crate::api::GroupVersionKind| {
        resource.custom.is_none()
            && gvk.group == resource.gvk.group
            && gvk.version == resource.gvk.version
    };
    let kind = |gvk: &crate::api::GroupVersionKind| match implied(gvk) {
        true => json!({"group": "", "version": "", "kind": gvk.kind}),
        false => json!({"group": gvk.group, "version": gvk.version, "kind": gvk.kind}),
    };
    let mut entry = json!({
        "resource": resource.gr.resource,
        "responseKind": kind(&resource.gvk),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    lists(&mut entry, resource);
    if !resource.subresources.is_empty() {
        entry["subresources"] = resource
            .subresources
            .iter()
            .map(|sub| {
                json!({
                    "subresource": sub.name,
                    "responseKind": kind(&sub.gvk),
                    "verbs": sub.verbs,
                })
            })
            .collect();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::builtin;

    #[test]
    fn legacy_documents_name_groups_and_resources() {
        let catalog = builtin();
        assert_eq!(legacy_core(&catalog, "")["versions"], json!(["v1"]));
        let list = groups(&catalog);
        let names: Vec<&str> = list["groups"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|group| group["name"].as_str())
            .collect();
        assert_eq!(names, ORDER);
        let autoscaling = group(&catalog, "autoscaling").unwrap();
        assert_eq!(
            autoscaling["preferredVersion"]["groupVersion"],
            "autoscaling/v2"
        );
        assert_eq!(autoscaling["versions"].as_array().unwrap().len(), 2);
        assert!(group(&catalog, "").is_none());
        assert!(group(&catalog, "example.com").is_none());

        let apps = resources(&catalog, "apps", "v1").unwrap();
        let entry = |name: &str| {
            let list = apps["resources"].as_array().unwrap();
            list.iter().find(|r| r["name"] == name).unwrap().clone()
        };
        assert_eq!(entry("deployments")["shortNames"], json!(["deploy"]));
        assert_eq!(entry("deployments/scale")["group"], "autoscaling");
        assert!(entry("deployments/status").get("group").is_none());
        assert_eq!(entry("deployments")["storageVersionHash"], "8aSe+NMegvE=");
        assert!(resources(&catalog, "apps", "v2").is_none());
    }

    #[test]
    fn the_aggregated_document_has_it_all() {
        let catalog = builtin();
        let core = aggregated(&catalog, true);
        assert_eq!(core["apiVersion"], "apidiscovery.k8s.io/v2");
        let pods = core["items"][0]["versions"][0]["resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["resource"] == "pods")
            .unwrap();
        assert_eq!(pods["scope"], "Namespaced");
        assert_eq!(
            pods["responseKind"],
            json!({"group": "", "version": "", "kind": "Pod"})
        );
        let subs = pods["subresources"].as_array().unwrap();
        assert!(
            subs.iter()
                .any(|s| s["subresource"] == "eviction" && s["responseKind"]["group"] == "policy")
        );
        let rest = aggregated(&catalog, false);
        assert_eq!(rest["items"].as_array().unwrap().len(), ORDER.len());
    }
}
