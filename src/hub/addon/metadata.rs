//! Owner, annotations and finalizers of installations (protocol, sections 7
//! and 8). Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use serde_json::{Map, Value, json};

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    ClusterManagementAddOn, InstallStrategyType, ManagedClusterAddOn,
};

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

/// The merge patch that mends an installation's metadata, if any is due. `hooks`
/// is whether any run before it goes; `None` where that is not the hub's matter.
#[must_use]
pub fn patch(
    addon: &ManagedClusterAddOn,
    offer: &ClusterManagementAddOn,
    cluster: Option<&Cluster>,
    hooks: Option<bool>,
) -> Option<Value> {
    let mut patch = Map::new();
    if let Some(owners) = owners(addon, offer) {
        patch.insert("ownerReferences".to_owned(), owners);
    }
    if let Some(annotations) = annotations(addon, offer, cluster) {
        patch.insert("annotations".to_owned(), annotations);
    }
    if let Some(hooks) = hooks {
        let present = addon.finalizers();
        let mut finalizers: Vec<&str> = present
            .iter()
            .map(String::as_str)
            .filter(|finalizer| !OLD_FINALIZERS.contains(finalizer))
            .filter(|finalizer| hooks || *finalizer != names::FINALIZER_PRE_DELETE)
            .collect();
        if hooks && !finalizers.contains(&names::FINALIZER_PRE_DELETE) {
            finalizers.push(names::FINALIZER_PRE_DELETE);
        }
        if finalizers != *present {
            patch.insert("finalizers".to_owned(), json!(finalizers));
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn owners(addon: &ManagedClusterAddOn, offer: &ClusterManagementAddOn) -> Option<Value> {
    if !super::offer::is_managed(offer) {
        return None;
    }
    let uid = offer.uid().unwrap_or_default();
    let present: &[OwnerReference] = addon.owner_references();
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
    let mut own = owner(offer);
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
fn annotations(
    addon: &ManagedClusterAddOn,
    offer: &ClusterManagementAddOn,
    cluster: Option<&Cluster>,
) -> Option<Value> {
    let strategy = offer.spec.install_strategy.type_;
    if strategy == InstallStrategyType::Manual || !super::offer::is_managed(offer) {
        return None;
    }
    let present = addon.annotations();
    let missing: Map<String, Value> = cluster?
        .annotations
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    (!missing.is_empty()).then_some(Value::Object(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOKS: &str = "addon.open-cluster-management.io/addon-pre-delete";

    fn offer(strategy: &str, lifecycle: &Value) -> ClusterManagementAddOn {
        serde_json::from_value(json!({
            "metadata": {"name": "a", "uid": "o",
                "annotations": {(names::ANNOTATION_LIFECYCLE): lifecycle}},
            "spec": {"installStrategy": {"type": strategy}},
        }))
        .unwrap()
    }

    fn managed(strategy: &str) -> ClusterManagementAddOn {
        offer(strategy, &json!("addon-manager"))
    }

    fn addon(metadata: Value) -> ManagedClusterAddOn {
        let mut metadata = metadata;
        metadata["name"] = "a".into();
        serde_json::from_value(json!({"metadata": metadata, "spec": {}})).unwrap()
    }

    fn cluster() -> Cluster {
        let key = "addon.open-cluster-management.io/x".to_owned();
        Cluster {
            annotations: [(key, "1".to_owned())].into(),
            ..Cluster::default()
        }
    }

    /// One field of the patch.
    fn field(
        (addon, offer): (Value, &ClusterManagementAddOn),
        hooks: Option<bool>,
        field: &str,
    ) -> Option<Value> {
        let patch = patch(&self::addon(addon), offer, Some(&cluster()), hooks);
        patch?.get(field).cloned()
    }

    #[test]
    fn addon_18_an_installation_is_owned_by_its_addon() {
        let offer = managed("Placements");
        let own = owner(&offer);
        let owners = |present: &[Value]| {
            let metadata = json!({"ownerReferences": present});
            field((metadata, &offer), None, "ownerReferences")
        };
        assert_eq!(owners(&[]), Some(json!([own])));
        assert_eq!(owners(std::slice::from_ref(&own)), None);
        // An earlier add-on of this name is gone; others stay.
        let mut earlier = own.clone();
        earlier["uid"] = "before".into();
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "m", "uid": "m"});
        assert_eq!(owners(&[earlier, other.clone()]), Some(json!([other, own])));
        // There is one controller at most.
        let mut controller = other;
        controller["controller"] = true.into();
        let mut second = own;
        second["controller"] = false.into();
        let both = json!([controller, second]);
        assert_eq!(owners(&[controller.clone()]), Some(both.clone()));
        assert_eq!(owners(both.as_array().unwrap()), None);
        // Somebody else's installations are owned by whom that one says.
        for lifecycle in ["self", ""] {
            let offer = self::offer("Placements", &json!(lifecycle));
            assert_eq!(field((json!({}), &offer), None, "ownerReferences"), None);
        }
    }

    #[test]
    fn addon_18_clusters_hand_annotations_on_but_not_by_hand() {
        let key = "addon.open-cluster-management.io/x";
        let handed = |strategy: &str, present: Value| {
            let offer = managed(strategy);
            field(
                (json!({"annotations": present}), &offer),
                None,
                "annotations",
            )
        };
        assert_eq!(handed("Placements", json!({})), Some(json!({(key): "1"})));
        assert_eq!(
            handed("Placements", json!({(key): "0"})),
            Some(json!({(key): "1"}))
        );
        assert_eq!(handed("Placements", json!({(key): "1", "own": "2"})), None);
        assert_eq!(handed("Manual", json!({})), None);
        let offer = offer("Placements", &json!("self"));
        assert_eq!(field((json!({}), &offer), None, "annotations"), None);
        let new = of_new(&managed("Placements"), Some(&cluster()));
        assert_eq!(new["annotations"], json!({(key): "1"}));
    }

    #[test]
    fn addon_25_the_finalizer_is_there_while_there_are_hooks() {
        let offer = managed("Manual");
        let old = "cluster.open-cluster-management.io/addon-pre-delete";
        let finalizers = |present: &[&str], hooks| {
            field(
                (json!({"finalizers": present}), &offer),
                hooks,
                "finalizers",
            )
        };
        assert_eq!(finalizers(&["x"], Some(true)), Some(json!(["x", HOOKS])));
        assert_eq!(finalizers(&["x", HOOKS], Some(true)), None);
        assert_eq!(finalizers(&["x", HOOKS], Some(false)), Some(json!(["x"])));
        // What nobody removes any more goes.
        assert_eq!(
            finalizers(&[old, "x"], Some(true)),
            Some(json!(["x", HOOKS]))
        );
        // What is another manager's stays.
        assert_eq!(finalizers(&[old, HOOKS], None), None);
    }
}
