//! `cluster.open-cluster-management.io/v1alpha1`: claims and scores.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

resource! {
    /// A fact a managed cluster tells the hub about itself, named by the object.
    ClusterClaim {
        group: "cluster.open-cluster-management.io", version: "v1alpha1", plural: "clusterclaims",
        scope: Cluster,
        spec: ClusterClaimSpec,
    }
}

/// What is claimed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterClaimSpec {
    /// The fact.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(min = 1, max = 1024))]
    pub value: String,
}

resource! {
    /// Scores an add-on gives a cluster, for placements to prioritize by.
    AddOnPlacementScore {
        group: "cluster.open-cluster-management.io", version: "v1alpha1", plural: "addonplacementscores",
        scope: Namespaced,
        status: AddOnPlacementScoreStatus,
    }
}

/// The scores of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnPlacementScoreStatus {
    /// What is known about the scores' state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The scores by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"]
    ))]
    pub scores: Vec<AddOnPlacementScoreItem>,
    /// When the scores expire; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Time>,
}

/// One score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnPlacementScoreItem {
    /// Names the score.
    pub name: String,
    /// From -100 (avoid) to 100 (prefer).
    #[schemars(range(min = -100, max = 100))]
    pub value: i32,
}
