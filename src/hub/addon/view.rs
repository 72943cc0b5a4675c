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
use crate::runtime::informer::typed;

use super::{feature, hash};

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

/// Reads a ManagedClusterAddOn. Entries of its status that have lost what
/// v1beta1 does not know, because it was written in that version without being
/// converted, are left out: they are made anew.
///
/// # Errors
/// It does not have the shape of one.
pub fn installation(mut object: DynamicObject) -> Result<ManagedClusterAddOn, serde_json::Error> {
    for (list, key) in [
        ("configReferences", "name"),
        ("registrations", "signerName"),
    ] {
        let list = object.data.pointer_mut(&format!("/status/{list}"));
        if let Some(entries) = list.and_then(Value::as_array_mut) {
            entries.retain(|entry| entry[key].is_string());
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

    /// Whether this condition is True for the present generation.
    #[must_use]
    pub fn holds(&self, condition: &str) -> bool {
        crate::ocm::conditions::find(&self.conditions, condition).is_some_and(|condition| {
            condition.status == crate::ocm::conditions::TRUE
                && condition.observed_generation == Some(self.generation)
        })
    }
}
