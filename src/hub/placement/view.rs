//! What the placement controller keeps of each object: what it decides on.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::Value;

use crate::hub::registration::sets::Members;
use crate::k8s::quantity::Quantity;
use crate::ocm::cluster::v1beta1::{LABEL_DECISION_GROUP_INDEX, LABEL_DECISION_GROUP_NAME};
use crate::ocm::intern::Labels;

/// A taint of a ManagedCluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    /// Names it.
    pub key: String,
    /// Refines the key.
    pub value: String,
    /// NoSelect, PreferNoSelect or NoSelectIfNew.
    pub effect: String,
    /// Since when, if its object says.
    pub added: Option<Timestamp>,
    /// When the hub first saw it without a time.
    pub seen: Option<Timestamp>,
}

/// A ManagedCluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: Arc<str>,
    /// Its labels.
    pub labels: Labels,
    /// Its claims.
    pub claims: Labels,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// Cores that pods may use; nothing unless capacity tells cores, too.
    pub cpu: Option<f64>,
    /// Bytes that pods may use; nothing unless capacity tells bytes, too.
    pub memory: Option<f64>,
    /// The whole object as JSON, for expressions.
    pub whole: Box<str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClusterBody {
    spec: ClusterSpec,
    status: ClusterStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClusterSpec {
    taints: Vec<TaintBody>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct TaintBody {
    key: String,
    value: String,
    effect: String,
    time_added: Value,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ClusterStatus {
    cluster_claims: Vec<Claim>,
    allocatable: BTreeMap<String, Value>,
    capacity: BTreeMap<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Claim {
    name: String,
    value: String,
}

fn quantity(of: &BTreeMap<String, Value>, name: &str) -> Option<f64> {
    match of.get(name)? {
        Value::String(text) => text.parse::<Quantity>().ok().map(Quantity::as_f64),
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

impl Cluster {
    /// Reads a ManagedCluster.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let whole = serde_json::to_string(&object)?.into_boxed_str();
        let name = Arc::from(object.name_any());
        let labels = Labels::from(object.labels());
        let deleting = object.metadata.deletion_timestamp.is_some();
        let body: ClusterBody = match object.data {
            Value::Null => ClusterBody::default(),
            data => serde_json::from_value(data)?,
        };
        let usable = |name: &str| {
            quantity(&body.status.capacity, name)?;
            quantity(&body.status.allocatable, name)
        };
        Ok(Self {
            name,
            labels,
            deleting,
            cpu: usable("cpu"),
            memory: usable("memory"),
            whole,
            taints: body
                .spec
                .taints
                .into_iter()
                .map(|taint| Taint {
                    added: time(&taint.time_added),
                    seen: None,
                    key: taint.key,
                    value: taint.value,
                    effect: taint.effect,
                })
                .collect(),
            claims: body
                .status
                .cluster_claims
                .into_iter()
                .map(|claim| (claim.name, claim.value))
                .collect(),
        })
    }
}

/// A ManagedClusterSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// Who is in it.
    pub members: Members,
}

impl Set {
    /// Reads a ManagedClusterSet.
    ///
    /// # Errors
    /// Never; the signature is that of a parser.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parsers own the object; there is nothing else to keep of it"
    )]
    pub fn parse(object: DynamicObject) -> Result<Self, std::convert::Infallible> {
        Ok(Self {
            name: object.name_any(),
            members: Members::of(&object.data["spec"]["clusterSelector"]),
        })
    }
}

/// A ManagedClusterSetBinding: its namespace and name are all that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The namespace that may use the set.
    pub namespace: String,
    /// The set, named like the binding.
    pub set: String,
}

impl Binding {
    /// Reads a ManagedClusterSetBinding.
    ///
    /// # Errors
    /// Never; the signature is that of a parser.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parsers own the object; there is nothing else to keep of it"
    )]
    pub fn parse(object: DynamicObject) -> Result<Self, std::convert::Infallible> {
        Ok(Self {
            namespace: object.namespace().unwrap_or_default(),
            set: object.name_any(),
        })
    }
}

/// An AddOnPlacementScore.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// The cluster: the namespace it is in.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// The values by name.
    pub values: BTreeMap<String, i64>,
    /// When they expire.
    pub valid_until: Option<Timestamp>,
}

impl Score {
    /// Reads an AddOnPlacementScore.
    ///
    /// # Errors
    /// It does not have the shape of one.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parsers own the object; there is little to keep of it"
    )]
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "camelCase")]
        struct Status {
            scores: Vec<Item>,
            valid_until: Value,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Item {
            name: String,
            value: i64,
        }
        let (cluster, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let status: Status = match object.data.get("status") {
            None | Some(Value::Null) => Status::default(),
            Some(status) => serde_json::from_value(status.clone())?,
        };
        Ok(Self {
            cluster,
            name,
            valid_until: time(&status.valid_until),
            values: status
                .scores
                .into_iter()
                .map(|item| (item.name, item.value))
                .collect(),
        })
    }
}

/// A PlacementDecision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The placement its label names.
    pub placement: String,
    /// Tells its state from an older one.
    pub resource_version: String,
    /// Its group's name.
    pub group_name: Option<String>,
    /// Its group's index.
    pub group_index: Option<String>,
    /// The uid of the placement that owns it; empty when none does.
    pub owner: String,
    /// The clusters in it, in their order.
    pub clusters: Vec<String>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
}

impl Decision {
    /// Reads a PlacementDecision.
    ///
    /// # Errors
    /// It does not have the shape of one.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parsers own the object; there is little to keep of it"
    )]
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        Self::of(&object)
    }

    /// Reads a PlacementDecision.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn of(object: &DynamicObject) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Body {
            status: Status,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Status {
            decisions: Vec<One>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "camelCase")]
        struct One {
            cluster_name: String,
        }
        let label = |name: &str| object.labels().get(name).cloned();
        let body: Body = match &object.data {
            Value::Null => Body::default(),
            data => Body::deserialize(data)?,
        };
        Ok(Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            placement: label(crate::ocm::cluster::v1beta1::LABEL_PLACEMENT).unwrap_or_default(),
            resource_version: object.resource_version().unwrap_or_default(),
            group_name: label(LABEL_DECISION_GROUP_NAME),
            group_index: label(LABEL_DECISION_GROUP_INDEX),
            owner: object
                .owner_references()
                .iter()
                .find(|owner| owner.kind == "Placement")
                .map(|owner| owner.uid.clone())
                .unwrap_or_default(),
            clusters: body
                .status
                .decisions
                .into_iter()
                .map(|one| one.cluster_name)
                .collect(),
            deleting: object.metadata.deletion_timestamp.is_some(),
        })
    }
}
