//! What the add-on controllers keep of the objects they watch.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::Value;

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    AddOnDeploymentConfigSpec, AddOnTemplateSpec, ManagedClusterAddOn,
};
use crate::ocm::cluster::v1::CONDITION_AVAILABLE;
use crate::ocm::work::v1::{FeedbackValue, ManifestWorkSpec, ManifestWorkStatus};
use crate::runtime::Key;
use crate::runtime::informer::typed;

use super::{decorate, feature, hash};

/// An AddOnTemplate or an AddOnDeploymentConfig.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config<S> {
    /// The hash of its spec, as `specHash` tells it.
    pub hash: String,
    /// Its generation.
    pub generation: i64,
    /// Its spec.
    pub spec: S,
}

/// An AddOnTemplate.
pub type Template = Config<AddOnTemplateSpec>;
/// An AddOnDeploymentConfig.
pub type DeploymentConfig = Config<AddOnDeploymentConfigSpec>;

impl<S: for<'de> Deserialize<'de> + Default> Config<S> {
    /// Reads one.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(mut object: DynamicObject) -> Result<Self, serde_json::Error> {
        let hash = hash::spec_hash(&object.data);
        let spec = match object.data.get_mut("spec") {
            Some(spec) => serde_json::from_value(spec.take())?,
            None => S::default(),
        };
        Ok(Self {
            hash,
            generation: object.metadata.generation.unwrap_or_default(),
            spec,
        })
    }
}

/// Reads a ManagedClusterAddOn. Where it was written as v1beta1 without being
/// converted its status has lost what v1beta1 does not know: a configuration
/// gets its name back from what is desired ([`super::mca::decide`]), and what
/// nobody can know is left out, to be made anew.
///
/// # Errors
/// It does not have the shape of one.
pub fn installation(mut object: DynamicObject) -> Result<ManagedClusterAddOn, serde_json::Error> {
    let mut entries = |list: &str| {
        let list = object.data.pointer_mut(&format!("/status/{list}"));
        list.and_then(Value::as_array_mut).map(std::mem::take)
    };
    let references = entries("configReferences").map(|entries| {
        let named = entries.into_iter().filter_map(|mut entry| {
            if !entry["name"].is_string() {
                entry["desiredConfig"]["name"].as_str()?;
                entry["name"] = "".into();
            }
            Some(entry)
        });
        named.collect::<Vec<_>>()
    });
    let registrations = entries("registrations").map(|mut entries| {
        entries.retain(|entry| entry["signerName"].is_string());
        entries
    });
    for (list, entries) in [
        ("configReferences", references),
        ("registrations", registrations),
    ] {
        if let Some(entries) = entries {
            object.data["status"][list] = entries.into();
        }
    }
    typed(object)
}

/// A PlacementDecision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The placement it is of; empty when it says none.
    pub placement: String,
    /// The name of its group.
    pub group: String,
    /// The number of its group.
    pub index: i32,
    /// The clusters.
    pub clusters: Vec<String>,
}

impl Decision {
    /// Reads a PlacementDecision.
    ///
    /// # Errors
    /// It does not have the shape of one.
    #[expect(clippy::needless_pass_by_value, reason = "informers give objects away")]
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Status {
            decisions: Vec<Entry>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry {
            cluster_name: String,
        }
        let label = |key| object.labels().get(key).cloned().unwrap_or_default();
        let (placement, group) = (
            label(names::LABEL_PLACEMENT),
            label(names::LABEL_DECISION_GROUP_NAME),
        );
        let index = label(names::LABEL_DECISION_GROUP_INDEX)
            .parse()
            .unwrap_or_default();
        let status: Status = match object.data.get("status") {
            Some(status) => serde_json::from_value(status.clone())?,
            None => Status::default(),
        };
        Ok(Self {
            placement,
            group,
            index,
            clusters: status
                .decisions
                .into_iter()
                .map(|d| d.cluster_name)
                .collect(),
        })
    }
}

/// A ManagedCluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Which cluster of this name it is.
    pub uid: String,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// When it was created.
    pub created: Option<jiff::Timestamp>,
    /// Whether an administrator accepts it.
    pub accepted: bool,
    /// Its annotations for add-ons.
    pub annotations: BTreeMap<String, String>,
    /// Its image registries, as JSON.
    pub registries: Option<String>,
    /// Whether it is available, as far as the hub knows.
    pub available: Option<Condition>,
    /// Its labels about add-ons.
    pub features: BTreeMap<String, String>,
}

impl Cluster {
    /// Whether its add-ons are to be as they were.
    #[must_use]
    pub fn same_for_addons(&self, other: &Self) -> bool {
        self.deleting == other.deleting
            && self.annotations == other.annotations
            && self.registries == other.registries
            && self.available == other.available
    }

    /// Reads a ManagedCluster.
    ///
    /// # Errors
    /// It does not have the shape of one.
    #[expect(clippy::needless_pass_by_value, reason = "informers give objects away")]
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let deleting = object.metadata.deletion_timestamp.is_some();
        let registries = object
            .annotations()
            .get(names::ANNOTATION_IMAGE_REGISTRIES)
            .cloned();
        let annotations = object
            .annotations()
            .iter()
            .filter(|(key, _)| key.starts_with(names::ANNOTATION_PREFIX))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let conditions: Vec<Condition> = match object.data.pointer("/status/conditions") {
            Some(conditions) => serde_json::from_value(conditions.clone())?,
            None => Vec::new(),
        };
        Ok(Self {
            uid: object.uid().unwrap_or_default(),
            created: object.creation_timestamp().map(|time| time.0),
            accepted: object.data["spec"]["hubAcceptsClient"] == true,
            features: feature::of(object.labels()),
            deleting,
            annotations,
            registries,
            available: conditions
                .into_iter()
                .find(|condition| condition.type_ == CONDITION_AVAILABLE),
        })
    }
}

/// Which object a manifest is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManifestId {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty when there is none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ManifestId {
    /// The identity of a manifest.
    #[must_use]
    pub fn of(manifest: &Value) -> Self {
        let text = |pointer| {
            let value = manifest.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let api_version = text("/apiVersion");
        Self {
            group: api_version
                .split_once('/')
                .map_or(String::new(), |(group, _)| group.to_owned()),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }
}

impl std::fmt::Display for ManifestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// A Deployment or DaemonSet that a work brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Which one.
    pub id: ManifestId,
    /// Whether it is to have no pods.
    pub idle: bool,
}

/// What a work tells about one of its manifests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reported {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural of the kind.
    pub resource: String,
    /// The namespace; empty when there is none.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The values that were asked for.
    pub values: Vec<FeedbackValue>,
}

fn workloads(manifests: &[Value]) -> Vec<Workload> {
    manifests
        .iter()
        .filter(|manifest| decorate::is_workload(manifest))
        .map(|manifest| Workload {
            id: ManifestId::of(manifest),
            idle: manifest.pointer("/spec/replicas") == Some(&Value::from(0)),
        })
        .collect()
}

/// A ManifestWork of an add-on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Tells it from a later one of the same name.
    pub uid: String,
    /// The add-on it is of.
    pub addon: String,
    /// The namespace of the ManagedClusterAddOn, when it is another one.
    pub addon_namespace: Option<String>,
    /// What the add-on was configured with.
    pub config_hashes: Option<String>,
    /// The controller that owns it.
    pub owner: Option<String>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// Its generation.
    pub generation: i64,
    /// The fingerprint of its spec ([`hash::work_spec`]).
    pub fingerprint: String,
    /// Its manifests.
    pub manifests: Vec<ManifestId>,
    /// Those of them by which an add-on's health is known.
    pub workloads: Vec<Workload>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// What is known of its manifests.
    pub reported: Vec<Reported>,
}

impl Work {
    /// Reads a ManifestWork.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let work: crate::ocm::work::v1::ManifestWork = typed(object)?;
        Ok(Self::of(&work))
    }

    /// What is kept of a ManifestWork.
    #[must_use]
    pub fn of(work: &crate::ocm::work::v1::ManifestWork) -> Self {
        let label = |key: &str| work.labels().get(key).cloned();
        let status: ManifestWorkStatus = work.status.clone().unwrap_or_default();
        let spec: &ManifestWorkSpec = &work.spec;
        Self {
            uid: work.uid().unwrap_or_default(),
            addon: label(crate::ocm::names::LABEL_ADDON_NAME).unwrap_or_default(),
            addon_namespace: label(names::LABEL_ADDON_NAMESPACE).filter(|ns| !ns.is_empty()),
            config_hashes: work
                .annotations()
                .get(names::ANNOTATION_CONFIG_SPEC_HASH)
                .cloned(),
            owner: work
                .owner_references()
                .iter()
                .find(|owner| owner.controller == Some(true))
                .map(|owner| owner.uid.clone()),
            deleting: work.metadata.deletion_timestamp.is_some(),
            generation: work.metadata.generation.unwrap_or_default(),
            fingerprint: hash::work_spec(spec),
            manifests: spec.workload.manifests.iter().map(ManifestId::of).collect(),
            workloads: workloads(&spec.workload.manifests),
            conditions: status.conditions,
            reported: status
                .resource_status
                .manifests
                .into_iter()
                .map(|manifest| Reported {
                    group: manifest.resource_meta.group,
                    resource: manifest.resource_meta.resource,
                    namespace: manifest.resource_meta.namespace,
                    name: manifest.resource_meta.name,
                    values: manifest.status_feedback.values,
                })
                .collect(),
        }
    }

    /// The ManagedClusterAddOn that a work of this key is of.
    pub(super) fn installation(key: &Key, work: &Self) -> Key {
        let namespace = work.addon_namespace.as_ref().unwrap_or(&key.namespace);
        Key::new(namespace, &work.addon)
    }

    /// Whether this condition is True for the present generation.
    #[must_use]
    pub fn holds(&self, condition: &str) -> bool {
        crate::ocm::conditions::find(&self.conditions, condition).is_some_and(|condition| {
            condition.status == crate::ocm::conditions::TRUE
                && condition.observed_generation == Some(self.generation)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_cluster_keeps_what_concerns_addons() {
        let cluster = Cluster::parse(object(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": {"name": "c1", "uid": "u", "annotations": {
                "addon.open-cluster-management.io/x": "1", "other.io/y": "2",
                "open-cluster-management.io/image-registries": "{}"},
                "labels": {"feature.open-cluster-management.io/addon-a": "available", "l": "v"}},
            "status": {"conditions": [{"type": "ManagedClusterConditionAvailable",
                "status": "True", "reason": "r", "message": "m",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        })))
        .unwrap();
        let keys: Vec<&str> = cluster.annotations.keys().map(String::as_str).collect();
        assert_eq!(keys, ["addon.open-cluster-management.io/x"]);
        assert_eq!(cluster.registries.as_deref(), Some("{}"));
        assert_eq!(cluster.features.len(), 1);
        assert_eq!(cluster.available.as_ref().unwrap().status, "True");
        let mut other = cluster.clone();
        other.features.clear();
        assert!(
            cluster.same_for_addons(&other),
            "labels are not for add-ons"
        );
        other.available = None;
        assert!(!cluster.same_for_addons(&other));
    }

    #[test]
    fn entries_of_a_status_that_lost_something_are_left_out() {
        let found = installation(object(json!({
            "apiVersion": "addon.open-cluster-management.io/v1alpha1",
            "kind": "ManagedClusterAddOn", "metadata": {"name": "a"}, "spec": {},
            "status": {
                "configReferences": [{"group": "g", "resource": "r"},
                    {"group": "g", "resource": "r", "desiredConfig": {"name": "y", "specHash": "1"}},
                    {"group": "g", "resource": "r", "namespace": "", "name": "x"}],
                "registrations": [{"type": "kubeClient"}, {"signerName": "s", "subject": {}}],
            },
        })))
        .unwrap();
        let status = found.status.unwrap();
        let names: Vec<&str> = status
            .config_references
            .iter()
            .map(|reference| reference.name.as_str())
            .collect();
        assert_eq!(names, ["", "x"]);
        assert_eq!(status.registrations.len(), 1);
    }

    #[test]
    fn a_decision_names_its_placement_and_group() {
        let decision = |labels: Value, status: Value| {
            Decision::parse(object(json!({
                "apiVersion": "cluster.open-cluster-management.io/v1beta1",
                "kind": "PlacementDecision", "metadata": {"name": "d", "labels": labels},
                "status": status})))
            .unwrap()
        };
        let found = decision(
            json!({"cluster.open-cluster-management.io/placement": "p",
                "cluster.open-cluster-management.io/decision-group-name": "canary",
                "cluster.open-cluster-management.io/decision-group-index": "3"}),
            json!({"decisions": [{"clusterName": "c1", "reason": ""}]}),
        );
        let expected = Decision {
            placement: "p".into(),
            group: "canary".into(),
            index: 3,
            clusters: vec!["c1".into()],
        };
        assert_eq!(found, expected);
        let label = "cluster.open-cluster-management.io/decision-group-index";
        let bare = decision(json!({(label): "x"}), json!({}));
        assert_eq!(bare, Decision::default());
    }

    #[test]
    fn addon_26_a_work_keeps_what_health_is_known_by() {
        let manifest = |api: &str, kind: &str, spec: Value| {
            json!({"apiVersion": api, "kind": kind, "spec": spec,
                "metadata": {"name": kind.to_lowercase(), "namespace": "n"}})
        };
        let work = Work::parse(object(json!({
            "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": "w", "generation": 2, "labels": {
                "open-cluster-management.io/addon-name": "a",
                "open-cluster-management.io/addon-namespace": ""},
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": "K", "name": "x", "uid": "1"},
                    {"apiVersion": "v1", "kind": "K", "name": "y", "uid": "2", "controller": true}]},
            "spec": {"workload": {"manifests": [
                manifest("apps/v1", "Deployment", json!({"replicas": 0})),
                manifest("apps/v1", "DaemonSet", json!({})),
                manifest("e.io/v1", "Deployment", json!({})),
                manifest("v1", "ConfigMap", json!({})),
            ]}},
            "status": {"conditions": [{"type": "Applied", "status": "True", "reason": "r",
                "message": "m", "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        })))
        .unwrap();
        assert_eq!(
            (work.addon.as_str(), work.addon_namespace.as_deref()),
            ("a", None)
        );
        assert_eq!(work.owner.as_deref(), Some("2"));
        assert_eq!(work.manifests.len(), 4);
        let workloads: Vec<(&str, bool)> = work
            .workloads
            .iter()
            .map(|workload| (workload.id.name.as_str(), workload.idle))
            .collect();
        assert_eq!(workloads, [("deployment", true), ("daemonset", false)]);
        // What is known of an earlier generation does not hold.
        assert!(!work.holds("Applied"));
        let now = Work {
            generation: 1,
            ..work
        };
        assert!(now.holds("Applied") && !now.holds("Available"));
    }
}
