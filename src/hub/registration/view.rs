//! What the registration controllers keep of each object: no more than they
//! decide on, so that a thousand clusters are a few megabytes.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ocm::intern::Labels;
use crate::ocm::names;

/// What all kept objects have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// Tells it from a later object of the same name.
    pub uid: String,
    /// Guards writes.
    pub resource_version: String,
    /// Its labels.
    pub labels: Labels,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// When it was created.
    pub created: Option<Timestamp>,
}

impl Meta {
    /// The metadata of `object`.
    #[must_use]
    pub fn of(object: &DynamicObject) -> Self {
        Self {
            uid: object.uid().unwrap_or_default(),
            resource_version: object.resource_version().unwrap_or_default(),
            labels: Labels::from(object.labels()),
            finalizers: object.finalizers().to_vec(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            created: object.creation_timestamp().map(|time| time.0),
        }
    }

    /// The value of the label that names the managed cluster.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.labels.get(names::LABEL_CLUSTER_NAME)
    }
}

/// One taint of a ManagedCluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// What it is about.
    pub key: String,
    /// Its value; empty for the hub's own taints.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What it does to placements.
    pub effect: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_added: Option<Value>,
}

/// A ManagedCluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Its metadata.
    pub meta: Meta,
    /// The annotations that the hub looks at.
    pub annotations: BTreeMap<String, String>,
    /// Whether an administrator accepts it.
    pub accepted: bool,
    /// How often its agent renews the lease.
    pub lease_duration_seconds: i64,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// The namespaces its sets ask for, as they stand in the status.
    pub managed_namespaces: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ClusterBody {
    spec: ClusterSpec,
    status: ClusterStatus,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ClusterSpec {
    hub_accepts_client: bool,
    lease_duration_seconds: i64,
    taints: Vec<Taint>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ClusterStatus {
    conditions: Vec<Condition>,
    managed_namespaces: Vec<Value>,
}

/// The annotations kept of a ManagedCluster.
const KEPT_ANNOTATIONS: &[&str] = &[
    super::AUTO_ACCEPTED_ANNOTATION,
    names::ANNOTATION_SKIP_CLOCK_SYNC,
    names::ANNOTATION_CREATED_BY,
];

impl Cluster {
    /// Reads a ManagedCluster.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let meta = Meta::of(&object);
        let annotations = object
            .annotations()
            .iter()
            .filter(|(key, _)| KEPT_ANNOTATIONS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let body: ClusterBody = serde_json::from_value(object.data)?;
        Ok(Self {
            meta,
            annotations,
            accepted: body.spec.hub_accepts_client,
            lease_duration_seconds: body.spec.lease_duration_seconds,
            taints: body.spec.taints,
            conditions: body.status.conditions,
            managed_namespaces: body.status.managed_namespaces,
        })
    }
}

/// A managed cluster's lease.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterLease {
    /// When it was renewed last; its creation when it never was.
    pub renewed: Option<Timestamp>,
}

impl ClusterLease {
    /// Reads a Lease.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let created = object.creation_timestamp().map(|time| time.0);
        let lease: k8s_openapi::api::coordination::v1::Lease =
            crate::runtime::informer::typed(object)?;
        Ok(Self {
            renewed: lease
                .spec
                .and_then(|spec| spec.renew_time)
                .map(|time| time.0)
                .or(created),
        })
    }
}

/// An object that stands in the way of a cluster's deletion: a work or an add-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remainder {
    /// Its uid.
    pub uid: String,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// Whether finalizers hold it.
    pub held: bool,
    /// Lower goes first.
    pub priority: u8,
}

impl Remainder {
    /// Reads the metadata of a work or an add-on.
    ///
    /// # Errors
    /// Never; the signature is that of a parser.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parsers own the object; there is nothing else to keep of it"
    )]
    pub fn parse(object: DynamicObject) -> Result<Self, std::convert::Infallible> {
        Ok(Self {
            uid: object.uid().unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            held: !object.finalizers().is_empty(),
            priority: priority(
                object
                    .annotations()
                    .get(super::CLEANUP_PRIORITY_ANNOTATION)
                    .map(String::as_str),
            ),
        })
    }
}

/// The clean-up priority an annotation asks for: 0 to 100; anything else is 0.
fn priority(annotation: Option<&str>) -> u8 {
    annotation
        .and_then(|value| value.parse::<u8>().ok())
        .filter(|value| *value <= 100)
        .unwrap_or(0)
}

/// An object that the hub keeps in shape (RBAC, Namespace): its metadata and
/// the fingerprints of what the shape is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shaped {
    /// Its metadata.
    pub meta: Meta,
    /// Fingerprint of `rules`.
    pub rules: u64,
    /// Fingerprint of `subjects`.
    pub subjects: u64,
    /// Fingerprint of kind and name of `roleRef`.
    pub role: u64,
}

impl Shaped {
    /// Reads any object.
    ///
    /// # Errors
    /// Never; the signature is that of a parser.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parsers own the object; fingerprints are all that is kept"
    )]
    pub fn parse(object: DynamicObject) -> Result<Self, std::convert::Infallible> {
        Ok(Self::of(Meta::of(&object), &object.data))
    }

    /// The shape of an object with this metadata and these fields.
    #[must_use]
    pub fn of(meta: Meta, body: &Value) -> Self {
        let role = body
            .get("roleRef")
            .map(|role| serde_json::json!([role.get("kind"), role.get("name")]));
        Self {
            meta,
            rules: fingerprint(body.get("rules")),
            subjects: fingerprint(body.get("subjects")),
            role: fingerprint(role.as_ref()),
        }
    }
}

/// A number that stands for a value in this process; 0 for none.
fn fingerprint(value: Option<&Value>) -> u64 {
    static STATE: OnceLock<RandomState> = OnceLock::new();
    value.map_or(0, |value| {
        STATE
            .get_or_init(RandomState::new)
            .hash_one(value.to_string())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cluster_is_read_and_a_malformed_one_refused() {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": {"name": "c1", "uid": "u", "annotations": {"a": "b"}},
            "spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 7},
        }))
        .unwrap();
        let cluster = Cluster::parse(object).unwrap();
        assert!(cluster.accepted && cluster.annotations.is_empty());
        assert_eq!(cluster.lease_duration_seconds, 7);
        let object: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "c1"}, "spec": {"hubAcceptsClient": "yes"},
        }))
        .unwrap();
        assert!(Cluster::parse(object).is_err());
    }

    #[test]
    fn priorities_are_between_0_and_100() {
        for (annotation, expected) in [
            (None, 0),
            (Some("100"), 100),
            (Some("101"), 0),
            (Some("-1"), 0),
            (Some("x"), 0),
        ] {
            assert_eq!(priority(annotation), expected);
        }
    }
}
