//! `cluster.open-cluster-management.io/v1beta2`: cluster sets and their bindings.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

/// Condition: no cluster is in the set.
pub const CONDITION_CLUSTER_SET_EMPTY: &str = "ClusterSetEmpty";
/// Condition: the set that is bound exists.
pub const CONDITION_BOUND: &str = "Bound";

resource! {
    /// A named group of clusters, the unit of access for placements.
    ManagedClusterSet {
        group: "cluster.open-cluster-management.io", version: "v1beta2", plural: "managedclustersets",
        scope: Cluster,
        short_names: ["mclset", "mclsets"],
        spec: ManagedClusterSetSpec,
        status: ManagedClusterSetStatus,
        columns: [
            ("Empty", "string", r#".status.conditions[?(@.type=="ClusterSetEmpty")].status"#),
            ("Age", "date", ".metadata.creationTimestamp"),
        ],
    }
}

/// Which clusters are in the set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-ocm-default" = {"clusterSelector": {"selectorType": "ExclusiveClusterSetLabel"}}))]
pub struct ManagedClusterSetSpec {
    /// How clusters become members.
    #[serde(default)]
    #[schemars(extend("x-ocm-default" = {"selectorType": "ExclusiveClusterSetLabel"}))]
    pub cluster_selector: ManagedClusterSelector,
    /// Namespaces to keep on every member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"]
    ))]
    pub managed_namespaces: Vec<ManagedNamespaceConfig>,
}

/// How clusters become members of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterSelector {
    /// By the label that names one set, or by any labels.
    #[schemars(extend("x-ocm-default" = "ExclusiveClusterSetLabel"))]
    pub selector_type: SelectorType,
    /// With LabelSelector: which labels members have; empty selects all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub label_selector: Option<LabelSelector>,
}

/// How clusters become members of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectorType {
    /// By the label `cluster.open-cluster-management.io/clusterset`.
    #[default]
    ExclusiveClusterSetLabel,
    /// By any labels; a cluster can be in several such sets.
    LabelSelector,
}

/// A namespace that members of a set have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedNamespaceConfig {
    /// The namespace.
    #[schemars(length(max = 63), extend("pattern" = schema::DNS_LABEL))]
    pub name: String,
}

/// What is known about a cluster set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterSetStatus {
    /// What is known about the set's state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions_replaced")]
    pub conditions: Vec<Condition>,
}

resource! {
    /// Lets placements of a namespace choose from a cluster set.
    ManagedClusterSetBinding {
        group: "cluster.open-cluster-management.io", version: "v1beta2", plural: "managedclustersetbindings",
        scope: Namespaced,
        short_names: ["mclsetbinding", "mclsetbindings"],
        spec: ManagedClusterSetBindingSpec,
        status: ManagedClusterSetBindingStatus,
    }
}

/// Which set the namespace may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterSetBindingSpec {
    /// The set; the binding has the same name.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(min = 1))]
    pub cluster_set: String,
}

/// What is known about a binding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterSetBindingStatus {
    /// What is known about the binding's state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions_replaced")]
    pub conditions: Vec<Condition>,
}
