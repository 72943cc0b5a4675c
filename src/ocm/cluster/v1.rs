//! `cluster.open-cluster-management.io/v1`: ManagedCluster.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

/// Condition: an administrator of the hub accepted the cluster.
pub const CONDITION_HUB_ACCEPTED: &str = "HubAcceptedManagedCluster";
/// Condition: the agent has its own credentials.
pub const CONDITION_JOINED: &str = "ManagedClusterJoined";
/// Condition: the agent's lease is fresh and its API server answers.
pub const CONDITION_AVAILABLE: &str = "ManagedClusterConditionAvailable";
/// Condition: the hub could not grant the cluster what it needs.
pub const CONDITION_HUB_DENIED: &str = "HubDeniedManagedCluster";
/// Condition: the clocks of hub and cluster agree.
pub const CONDITION_CLOCK_SYNCED: &str = "ManagedClusterConditionClockSynced";
/// Condition: the cluster is being removed, and what still stands in the way.
pub const CONDITION_DELETING: &str = "Deleting";

/// Taint: the agent says its API server does not answer.
pub const TAINT_UNAVAILABLE: &str = "cluster.open-cluster-management.io/unavailable";
/// Taint: the agent's lease is stale.
pub const TAINT_UNREACHABLE: &str = "cluster.open-cluster-management.io/unreachable";

resource! {
    /// A cluster that the hub manages, or that asks to be managed.
    ManagedCluster {
        group: "cluster.open-cluster-management.io", version: "v1", plural: "managedclusters",
        scope: Cluster,
        short_names: ["mcl", "mcls"],
        spec: ManagedClusterSpec,
        status: ManagedClusterStatus,
        columns: [
            ("Hub Accepted", "boolean", ".spec.hubAcceptsClient"),
            ("Managed Cluster URLs", "string", ".spec.managedClusterClientConfigs[*].url"),
            ("Joined", "string", r#".status.conditions[?(@.type=="ManagedClusterJoined")].status"#),
            ("Available", "string", r#".status.conditions[?(@.type=="ManagedClusterConditionAvailable")].status"#),
            ("Age", "date", ".metadata.creationTimestamp"),
        ],
    }
}

/// What the hub's administrator and the cluster's say about a managed cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterSpec {
    /// How the hub may reach the cluster's API server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managed_cluster_client_configs: Vec<ClientConfig>,
    /// Whether the hub lets the cluster's agent in. Setting it takes the
    /// permission `update` on `managedclusters/accept`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hub_accepts_client: bool,
    /// How long the agent's lease is good for; the agent renews it that often.
    #[serde(default = "sixty")]
    pub lease_duration_seconds: i32,
    /// Properties that keep placements away unless they tolerate them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

impl Default for ManagedClusterSpec {
    fn default() -> Self {
        Self {
            managed_cluster_client_configs: Vec::new(),
            hub_accepts_client: false,
            lease_duration_seconds: sixty(),
            taints: Vec::new(),
        }
    }
}

fn sixty() -> i32 {
    60
}

/// One address of a cluster's API server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientConfig {
    /// The address, with scheme.
    pub url: String,
    /// The authorities that signed its certificate, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bytes")]
    pub ca_bundle: Option<ByteString>,
}

/// A property of a cluster that placements must tolerate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Names the taint.
    #[schemars(length(max = 316), extend("pattern" = schema::QUALIFIED_NAME))]
    pub key: String,
    /// Refines the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub value: Option<String>,
    /// What happens to placements that do not tolerate it.
    pub effect: TaintEffect,
    /// When the taint was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-nullable" = true))]
    pub time_added: Option<Time>,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// The cluster is not selected, and deselected where it was.
    NoSelect,
    /// The cluster is selected only when others do not suffice.
    PreferNoSelect,
    /// The cluster stays where it is but is not newly selected.
    NoSelectIfNew,
}

/// What is known about a managed cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterStatus {
    /// What is known about the cluster's state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// What all nodes together have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::quantities")]
    pub capacity: BTreeMap<String, Quantity>,
    /// What all nodes together can give to pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::quantities")]
    pub allocatable: BTreeMap<String, Quantity>,
    /// The versions that run on the cluster.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: ManagedClusterVersion,
    /// What the cluster claims about itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_claims: Vec<ManagedClusterClaim>,
    /// Namespaces that the cluster's sets manage on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["clusterSet", "name"]
    ))]
    pub managed_namespaces: Vec<ClusterSetManagedNamespaceStatus>,
}

/// The versions that run on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterVersion {
    /// The version of Kubernetes, for example `v1.36.1`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kubernetes: String,
}

/// One claim a cluster makes about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterClaim {
    /// Names the claim.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// What is claimed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(min = 1, max = 1024))]
    pub value: String,
}

/// The state of one managed namespace on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSetManagedNamespaceStatus {
    /// The namespace.
    #[schemars(length(max = 63), extend("pattern" = schema::DNS_LABEL))]
    pub name: String,
    /// The set that asked for it.
    pub cluster_set: String,
    /// What is known about the namespace, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
