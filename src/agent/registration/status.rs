//! What the agent tells the hub about its cluster. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::ocm::cluster::v1::{
    CONDITION_AVAILABLE, CONDITION_CLOCK_SYNCED, CONDITION_HUB_ACCEPTED, CONDITION_JOINED,
};
use crate::ocm::{conditions, names};

use super::settings::Settings;
use crate::k8s::quantity::Quantity;

/// For how long the API server may be unwell before the hub is told.
pub const TOLERANCE: Duration = Duration::from_secs(20);

/// What is kept of the ManagedCluster at the hub.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Its uid.
    pub uid: String,
    /// Guards writes.
    pub resource_version: String,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// Whether the hub's administrator wants it (the spec, not the condition).
    pub wanted: bool,
    /// How often the lease has to be renewed.
    pub lease_duration_seconds: i64,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// The rest of the status, as far as the agent writes it.
    pub reported: Reported,
}

/// The part of the status that is the agent's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Reported {
    /// What all nodes have.
    pub capacity: BTreeMap<String, Value>,
    /// What the nodes that take pods can give.
    pub allocatable: BTreeMap<String, Value>,
    /// Versions.
    pub version: Value,
    /// Claims, reserved ones first.
    pub cluster_claims: Vec<Claim>,
    /// The namespaces that cluster sets manage here.
    pub managed_namespaces: Vec<Value>,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Claim {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What is claimed.
    #[serde(default)]
    pub value: String,
}

impl Cluster {
    /// Reads a ManagedCluster.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Body {
            spec: Spec,
            status: Value,
        }
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "camelCase")]
        struct Spec {
            hub_accepts_client: bool,
            lease_duration_seconds: i64,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Conditions {
            conditions: Vec<Condition>,
        }
        let uid = object.uid().unwrap_or_default();
        let resource_version = object.resource_version().unwrap_or_default();
        let deleting = object.metadata.deletion_timestamp.is_some();
        let body: Body = serde_json::from_value(object.data)?;
        let (conditions, reported) = if body.status.is_null() {
            (Conditions::default(), Reported::default())
        } else {
            (
                serde_json::from_value(body.status.clone())?,
                serde_json::from_value(body.status)?,
            )
        };
        Ok(Self {
            uid,
            resource_version,
            deleting,
            wanted: body.spec.hub_accepts_client,
            lease_duration_seconds: body.spec.lease_duration_seconds,
            conditions: conditions.conditions,
            reported,
        })
    }

    /// Whether the hub has accepted the cluster, and prepared it.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        conditions::is_true(&self.conditions, CONDITION_HUB_ACCEPTED)
    }

    /// How often the lease has to be renewed.
    #[must_use]
    pub fn lease_duration(&self) -> Duration {
        let seconds = u64::try_from(self.lease_duration_seconds).unwrap_or(0);
        Duration::from_secs(if seconds == 0 { 60 } else { seconds })
    }
}

/// What is kept of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// What it has.
    pub capacity: BTreeMap<String, String>,
    /// What it can give to pods.
    pub allocatable: BTreeMap<String, String>,
    /// Whether it takes no new pods.
    pub unschedulable: bool,
}

impl Node {
    /// Reads a Node.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Body {
            spec: Spec,
            status: Status,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Spec {
            unschedulable: bool,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Status {
            capacity: BTreeMap<String, String>,
            allocatable: BTreeMap<String, String>,
        }
        let body: Body = serde_json::from_value(object.data)?;
        Ok(Self {
            capacity: body.status.capacity,
            allocatable: body.status.allocatable,
            unschedulable: body.spec.unschedulable,
        })
    }
}

/// The longest fact that a hub takes, in characters.
const LONGEST_FACT: usize = 1024;

/// What is kept of a ClusterClaim, or a ClusterProperty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterClaim {
    /// What is claimed.
    pub value: String,
    /// Whether the hub shall not know.
    pub hidden: bool,
}

impl ClusterClaim {
    /// Reads a ClusterClaim or a ClusterProperty. One too long for the hub is
    /// not told: it would take nothing else either.
    ///
    /// # Errors
    /// Never; the signature is that of a parser.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "parsers own the object; a string is all that is kept"
    )]
    pub fn parse(object: DynamicObject) -> Result<Self, std::convert::Infallible> {
        let value = object.data["spec"]["value"].as_str().unwrap_or_default();
        let long = value.chars().count() > LONGEST_FACT;
        if long {
            tracing::warn!(name = %object.name_any(), "too long for the hub: not told");
        }
        Ok(Self {
            value: if long {
                String::new()
            } else {
                value.to_owned()
            },
            hidden: long || object.labels().contains_key(names::LABEL_SPOKE_ONLY),
        })
    }
}

/// What the API server of the managed cluster said about its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is well.
    Well,
    /// It is not, since so long: status code (0: none) and body or error.
    Unwell {
        /// For how long already.
        since: Duration,
        /// The status code; 500 when it did not answer.
        code: u16,
        /// What it said.
        text: String,
    },
}

/// What the agent knows of its cluster.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The ManagedCluster as the hub has it.
    pub cluster: &'a Cluster,
    /// The API server's health.
    pub health: &'a Health,
    /// The API server's version.
    pub version: &'a str,
    /// All nodes.
    pub nodes: &'a [Node],
    /// All claims; nothing while they are not known.
    pub claims: Option<&'a BTreeMap<String, ClusterClaim>>,
    /// What the Klusterlet asks for.
    pub settings: &'a Settings,
    /// The managed namespaces with their conditions, when those differ.
    pub namespaces: Option<Vec<Value>>,
}

/// What to write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// A merge patch of the status; nothing when it is right.
    pub patch: Option<Value>,
    /// Whether Available changed, and to what.
    pub available: Option<bool>,
    /// Whether to look again soon: the API server is unwell, but not for long.
    pub soon: bool,
    /// Why nothing may be written although something differs.
    pub blocked: Option<&'static str>,
}

/// Decides what to tell the hub.
#[must_use]
pub fn decide(observed: &Observed<'_>) -> Plan {
    let mut plan = Plan::default();
    let cluster = observed.cluster;
    if !cluster.is_accepted() {
        return plan;
    }
    let mut new = cluster.conditions.clone();
    let mut status = Map::new();
    conditions::set(
        &mut new,
        conditions::condition(
            CONDITION_JOINED,
            conditions::TRUE,
            "ManagedClusterJoined",
            "Managed cluster joined",
        ),
    );
    let was = conditions::status(&new, CONDITION_AVAILABLE).to_owned();
    match observed.health {
        Health::Well => {
            conditions::set(
                &mut new,
                conditions::condition(
                    CONDITION_AVAILABLE,
                    conditions::TRUE,
                    "ManagedClusterAvailable",
                    "Managed cluster is available",
                ),
            );
            resources(observed, &mut status);
            if let Some(namespaces) = &observed.namespaces {
                status.insert("managedNamespaces".into(), json!(namespaces));
            }
        }
        Health::Unwell { since, code, text } => {
            plan.soon = true;
            if *since >= TOLERANCE {
                conditions::set(
                    &mut new,
                    conditions::condition(
                        CONDITION_AVAILABLE,
                        conditions::FALSE,
                        "ManagedClusterKubeAPIServerUnavailable",
                        format!("The kube-apiserver is not ok, status code: {code}, {text}"),
                    ),
                );
            }
        }
    }
    let is = conditions::status(&new, CONDITION_AVAILABLE);
    if is != was {
        plan.available = Some(is == conditions::TRUE);
    }
    if new != cluster.conditions {
        status.insert("conditions".into(), json!(new));
    }
    if status.is_empty() {
        plan.available = None;
        return plan;
    }
    if conditions::is_false(&cluster.conditions, CONDITION_CLOCK_SYNCED) {
        plan.available = None;
        plan.blocked = Some("the clocks of hub and cluster differ too much");
        return plan;
    }
    plan.patch = Some(json!({
        "metadata": {"uid": cluster.uid, "resourceVersion": cluster.resource_version},
        "status": status,
    }));
    plan
}

/// Version, resources, claims, as far as they differ.
fn resources(observed: &Observed<'_>, status: &mut Map<String, Value>) {
    let reported = &observed.cluster.reported;
    if reported.version["kubernetes"] != observed.version {
        status.insert("version".into(), json!({"kubernetes": observed.version}));
    }
    // Capacity that no node knows of is somebody else's.
    let capacity = sum(observed.nodes.iter().map(|node| &node.capacity));
    let changed: Map<String, Value> = capacity
        .iter()
        .filter(|(name, value)| reported.capacity.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !changed.is_empty() {
        status.insert("capacity".into(), changed.into());
    }
    let allocatable = sum(observed
        .nodes
        .iter()
        .filter(|node| !node.unschedulable)
        .map(|node| &node.allocatable));
    if allocatable != reported.allocatable {
        let mut changed: Map<String, Value> = allocatable.clone().into_iter().collect();
        for name in reported.allocatable.keys() {
            changed.entry(name.clone()).or_insert(Value::Null);
        }
        status.insert("allocatable".into(), changed.into());
    }
    if let Some(known) = observed.claims {
        let claims = claims(known, observed.settings);
        if claims != reported.cluster_claims {
            status.insert("clusterClaims".into(), json!(claims));
        }
    }
}

/// The sums of all resources; what cannot be read counts nothing.
fn sum<'a>(nodes: impl Iterator<Item = &'a BTreeMap<String, String>>) -> BTreeMap<String, Value> {
    let mut sums: BTreeMap<&str, Quantity> = BTreeMap::new();
    for resources in nodes {
        for (name, text) in resources {
            if let Ok(quantity) = text.parse::<Quantity>() {
                sums.entry(name)
                    .and_modify(|sum| *sum = sum.plus(quantity))
                    .or_insert(quantity);
            }
        }
    }
    sums.into_iter()
        .map(|(name, sum)| (name.to_owned(), sum.to_string().into()))
        .collect()
}

/// Claims that everybody knows.
const RESERVED: [&str; 4] = [
    "id.k8s.io",
    "kubeversion.open-cluster-management.io",
    "platform.open-cluster-management.io",
    "product.open-cluster-management.io",
];

/// The claims for the hub: reserved ones first, then as many others as may be.
fn claims(all: &BTreeMap<String, ClusterClaim>, settings: &Settings) -> Vec<Claim> {
    if !settings.claims && !settings.properties {
        return Vec::new();
    }
    let suffixes: BTreeSet<&str> = settings
        .reserved_claim_suffixes
        .iter()
        .map(String::as_str)
        .collect();
    let reserved = |name: &str| {
        RESERVED.contains(&name) || suffixes.iter().any(|suffix| name.ends_with(suffix))
    };
    let visible = || all.iter().filter(|(_, claim)| !claim.hidden);
    let claim = |(name, claim): (&String, &ClusterClaim)| Claim {
        name: name.clone(),
        value: claim.value.clone(),
    };
    // The map is sorted by name.
    visible()
        .filter(|(name, _)| reserved(name))
        .map(claim)
        .chain(
            visible()
                .filter(|(name, _)| !reserved(name))
                .take(settings.max_custom_claims)
                .map(claim),
        )
        .collect()
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
