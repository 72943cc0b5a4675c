//! Owner, annotations and finalizers of installations (protocol, sections 7
//! and 8). Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use serde_json::{Map, Value, json};

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{ClusterManagementAddOn, InstallStrategyType};

use super::mca::Seen;
use super::view::Cluster;

/// Finalizers of older versions, which nobody removes any more.
const OLD_FINALIZERS: &[&str] = &[
    "cluster.open-cluster-management.io/addon-pre-delete",
    "cluster.open-cluster-management.io/hosting-addon-pre-delete",
    "cluster.open-cluster-management.io/hosting-manifests-cleanup",
];

/// The reference by which an add-on owns its installations.
#[must_use]
pub fn owner(offer: &ClusterManagementAddOn) -> Value {
    json!({
        "apiVersion": "addon.open-cluster-management.io/v1alpha1",
        "kind": "ClusterManagementAddOn",
        "name": offer.name_any(),
        "uid": offer.uid().unwrap_or_default(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// What a new installation is, besides its name and namespace.
#[must_use]
pub fn of_new(offer: &ClusterManagementAddOn, cluster: Option<&Cluster>) -> Value {
    let annotations: BTreeMap<String, String> = cluster
        .map(|cluster| cluster.annotations.clone())
        .unwrap_or_default();
    json!({"ownerReferences": [owner(offer)], "annotations": annotations})
}

/// The merge patch that mends an installation's metadata, if any is due.
#[must_use]
pub fn patch(seen: &Seen<'_>, templated: bool, hooks: bool) -> Option<Value> {
    let mut patch = Map::new();
    if let Some(owners) = owners(seen) {
        patch.insert("ownerReferences".to_owned(), owners);
    }
    if let Some(annotations) = annotations(seen) {
        patch.insert("annotations".to_owned(), annotations);
    }
    let present = seen.addon.finalizers();
    let mut finalizers: Vec<&str> = present
        .iter()
        .map(String::as_str)
        .filter(|finalizer| !templated || !OLD_FINALIZERS.contains(finalizer))
        .filter(|finalizer| !templated || hooks || *finalizer != names::FINALIZER_PRE_DELETE)
        .collect();
    if hooks && !finalizers.contains(&names::FINALIZER_PRE_DELETE) {
        finalizers.push(names::FINALIZER_PRE_DELETE);
    }
    if finalizers != *present {
        patch.insert("finalizers".to_owned(), json!(finalizers));
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn owners(seen: &Seen<'_>) -> Option<Value> {
    if !super::offer::is_managed(seen.offer) {
        return None;
    }
    let uid = seen.offer.uid().unwrap_or_default();
    let present: &[OwnerReference] = seen.addon.owner_references();
    if present
        .iter()
        .any(|owner| owner.uid == uid && owner.controller == Some(true))
    {
        return None;
    }
    // An add-on of this name that is gone owns nothing; another controller does
    // not give way.
    let mut owners: Vec<Value> = present
        .iter()
        .filter(|owner| owner.kind != "ClusterManagementAddOn")
        .map(|owner| json!(owner))
        .collect();
    let mut own = owner(seen.offer);
    if owners.iter().any(|owner| owner["controller"] == true) {
        own["controller"] = false.into();
        if present.iter().any(|owner| owner.uid == uid) {
            return None;
        }
    }
    owners.push(own);
    Some(Value::Array(owners))
}

/// A cluster hands its annotations for add-ons on, except to those that are
/// installed by hand.
fn annotations(seen: &Seen<'_>) -> Option<Value> {
    let strategy = seen.offer.spec.install_strategy.type_;
    if strategy == InstallStrategyType::Manual || !super::offer::is_managed(seen.offer) {
        return None;
    }
    let present = seen.addon.annotations();
    let missing: Map<String, Value> = seen
        .cluster?
        .annotations
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    (!missing.is_empty()).then_some(Value::Object(missing))
}
