//! What the work controllers keep of the objects that they look at: hashes
//! instead of contents, and what conditions say.

use std::collections::BTreeMap;
use std::convert::Infallible;

use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::ocm::cluster::v1beta1::{
    LABEL_DECISION_GROUP_INDEX, LABEL_DECISION_GROUP_NAME, LABEL_PLACEMENT,
};
use crate::ocm::names;
use crate::ocm::rollout::{Known, State};
use crate::ocm::work::v1::{
    CONDITION_APPLIED, CONDITION_AVAILABLE, CONDITION_COMPLETE, CONDITION_DEGRADED,
    CONDITION_PROGRESSING, ManifestWorkSpec,
};

/// The content of a work, hashed: equal for equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content([u8; 32]);

impl Content {
    /// Of a spec; times of creation in manifests, which some tools write as
    /// `null`, are no content.
    #[must_use]
    pub fn of(spec: &ManifestWorkSpec) -> Self {
        let mut value = serde_json::to_value(spec).unwrap_or_default();
        let manifests = value["workload"]["manifests"].as_array_mut();
        for manifest in manifests.into_iter().flatten() {
            for pointer in ["/metadata", "/spec/template/metadata"] {
                if let Some(metadata) = manifest.pointer_mut(pointer).and_then(Value::as_object_mut)
                {
                    metadata.remove("creationTimestamp");
                }
            }
        }
        // Maps of serde_json are sorted: equal values have equal texts.
        let digest = ring::digest::digest(&ring::digest::SHA256, value.to_string().as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.as_ref());
        Self(hash)
    }
}

/// One condition of a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    /// True, False, or neither.
    holds: Option<bool>,
    /// It is about the present generation.
    current: bool,
    since: Option<Timestamp>,
}

/// A work of a replica set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Its cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its version, for writes.
    pub version: String,
    /// It is being deleted.
    pub deleting: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It has neither annotations nor owners, as it should.
    pub plain: bool,
    /// What it has.
    pub content: Option<Content>,
    applied: Option<Said>,
    available: Option<Said>,
    progressing: Option<Said>,
    degraded: Option<Said>,
}

impl Work {
    /// Reads what is needed.
    ///
    /// # Errors
    /// None: what is not understood is another content.
    pub fn parse(object: DynamicObject) -> Result<Self, Infallible> {
        let metadata = object.metadata;
        let generation = metadata.generation.unwrap_or_default();
        let conditions = &object.data["status"]["conditions"];
        let said = |kind: &str| said(conditions, kind, generation);
        let spec: Option<ManifestWorkSpec> =
            serde_json::from_value(object.data["spec"].clone()).ok();
        Ok(Self {
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            version: metadata.resource_version.unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            labels: metadata.labels.unwrap_or_default(),
            plain: metadata.annotations.unwrap_or_default().is_empty()
                && metadata.owner_references.unwrap_or_default().is_empty(),
            content: spec.as_ref().map(Content::of),
            applied: said(CONDITION_APPLIED),
            available: said(CONDITION_AVAILABLE),
            progressing: said(CONDITION_PROGRESSING),
            degraded: said(CONDITION_DEGRADED),
        })
    }

    /// The replica set it is of: namespace and name.
    #[must_use]
    pub fn set(&self) -> Option<(&str, &str)> {
        // Namespaces have no dots; names may.
        self.labels
            .get(names::LABEL_MANIFEST_WORK_REPLICA_SET)?
            .split_once('.')
    }

    /// The placement that chose its cluster.
    #[must_use]
    pub fn placement(&self) -> Option<&str> {
        self.labels
            .get(names::LABEL_PLACEMENT_NAME)
            .map(String::as_str)
    }

    /// How far its rollout is.
    #[must_use]
    pub fn known(&self) -> Known {
        let fresh = |said: Option<Said>| said.filter(|said| said.current);
        let stale_degraded = self.degraded.is_some_and(|said| !said.current);
        let applied = fresh(self.applied).is_some_and(|said| said.holds == Some(true));
        let (state, since) = match fresh(self.progressing) {
            Some(progressing) if applied && !stale_degraded => {
                let degraded = self.degraded.is_some_and(|said| said.holds == Some(true));
                let state = match progressing.holds {
                    Some(true) if degraded => State::Failed,
                    Some(true) | None => State::Progressing,
                    Some(false) => State::Succeeded,
                };
                (state, progressing.since)
            }
            _ => (State::ToApply, None),
        };
        Known { state, since }
    }

    /// Which conditions hold: applied, progressing, available, degraded.
    #[must_use]
    pub fn holding(&self) -> [bool; 4] {
        [
            self.applied,
            self.progressing,
            self.available,
            self.degraded,
        ]
        .map(|said| said.is_some_and(|said| said.holds == Some(true)))
    }
}

fn said(conditions: &Value, kind: &str, generation: i64) -> Option<Said> {
    let condition = conditions.as_array()?.iter().find(|c| c["type"] == kind)?;
    Some(Said {
        holds: match condition["status"].as_str() {
            Some("True") => Some(true),
            Some("False") => Some(false),
            _ => None,
        },
        current: condition["observedGeneration"].as_i64().unwrap_or_default() == generation,
        since: condition["lastTransitionTime"]
            .as_str()
            .and_then(|time| time.parse().ok()),
    })
}

/// A work that may go when it is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its UID.
    pub uid: String,
    /// It is being deleted.
    pub deleting: bool,
    /// How long it stays, in seconds; `None` is for ever.
    pub ttl: Option<i64>,
    /// Since when it is complete.
    pub complete: Option<Timestamp>,
}

impl Finished {
    /// Reads what is needed.
    ///
    /// # Errors
    /// None.
    pub fn parse(object: DynamicObject) -> Result<Self, Infallible> {
        let complete = said(&object.data["status"]["conditions"], CONDITION_COMPLETE, 0);
        Ok(Self {
            uid: object.metadata.uid.unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            ttl: object.data["spec"]["deleteOption"]["ttlSecondsAfterFinished"].as_i64(),
            complete: complete
                .filter(|said| said.holds == Some(true))
                .and_then(|said| said.since),
        })
    }
}

/// A placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// How many clusters it says to have chosen.
    pub selected: Option<i64>,
}

impl Placement {
    /// Reads what is needed.
    #[must_use]
    pub fn of(object: &DynamicObject) -> Self {
        Self {
            selected: object.data["status"]["numberOfSelectedClusters"].as_i64(),
        }
    }
}

/// A part of a placement's decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whose it is.
    pub placement: String,
    /// Its group's place; `None` when its label is missing or no number.
    pub index: Option<i32>,
    /// Its group's name.
    pub group: String,
    /// The clusters.
    pub clusters: Vec<String>,
}

impl Decision {
    /// Reads what is needed.
    ///
    /// # Errors
    /// None.
    pub fn parse(object: DynamicObject) -> Result<Self, Infallible> {
        let labels = object.metadata.labels.unwrap_or_default();
        let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
        let decisions = object.data["status"]["decisions"].as_array();
        Ok(Self {
            placement: label(LABEL_PLACEMENT),
            index: label(LABEL_DECISION_GROUP_INDEX).parse().ok(),
            group: label(LABEL_DECISION_GROUP_NAME),
            clusters: decisions
                .into_iter()
                .flatten()
                .filter_map(|decision| decision["clusterName"].as_str())
                .map(str::to_owned)
                .collect(),
        })
    }
}
