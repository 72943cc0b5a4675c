//! `work.open-cluster-management.io/v1alpha1`: ManifestWorkReplicaSet.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::v1::ManifestWorkSpec;
use crate::ocm::cluster::rollout::RolloutStrategy;
use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

/// Condition: the placements were found.
pub const CONDITION_PLACEMENT_VERIFIED: &str = "PlacementVerified";
/// Condition: the placements' rollouts have come to their end.
pub const CONDITION_PLACEMENT_ROLLED_OUT: &str = "PlacementRolledOut";
/// Condition: the works were applied on their clusters.
pub const CONDITION_MANIFEST_WORK_APPLIED: &str = "ManifestworkApplied";

resource! {
    /// One work for every cluster that placements choose.
    ManifestWorkReplicaSet {
        group: "work.open-cluster-management.io", version: "v1alpha1", plural: "manifestworkreplicasets",
        scope: Namespaced,
        short_names: ["mwrs"],
        spec: ManifestWorkReplicaSetSpec,
        status: ManifestWorkReplicaSetStatus,
        columns: [
            ("Placement", "string", r#".status.conditions[?(@.type=="PlacementVerified")].reason"#),
            ("Found", "string", r#".status.conditions[?(@.type=="PlacementVerified")].status"#),
            ("ManifestWorks", "string", r#".status.conditions[?(@.type=="ManifestworkApplied")].reason"#),
            ("Applied", "string", r#".status.conditions[?(@.type=="ManifestworkApplied")].status"#),
        ],
    }
}

/// Which work goes where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkReplicaSetSpec {
    /// The work.
    #[serde(default, skip_serializing_if = "is_default")]
    pub manifest_work_template: ManifestWorkSpec,
    /// The placements that choose the clusters.
    #[schemars(length(min = 1))]
    pub placement_refs: Vec<LocalPlacementReference>,
    /// Whether the works are gone before the set is.
    #[schemars(extend("x-ocm-default" = "Background"))]
    pub cascade_deletion_policy: CascadeDeletionPolicy,
}

/// Whether the works are gone before the set is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CascadeDeletionPolicy {
    /// They go after it.
    #[default]
    Background,
    /// They go before it.
    Foreground,
}

/// A placement in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalPlacementReference {
    /// The placement.
    #[schemars(length(min = 1))]
    pub name: String,
    /// How the work reaches its clusters.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("x-ocm-default" = {"type": "All", "all": {"progressDeadline": "None"}}))]
    pub rollout_strategy: RolloutStrategy,
}

/// What became of a replica set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkReplicaSetStatus {
    /// What is known about the set's state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// How many works there are, in which state.
    #[serde(default, skip_serializing_if = "is_default")]
    pub summary: ManifestWorkReplicaSetSummary,
    /// The same for each placement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "placementSummary")]
    pub placements_summary: Vec<PlacementSummary>,
}

/// How many works there are, in which state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestWorkReplicaSetSummary {
    /// How many there should be.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::count")]
    pub desired_total: i64,
    /// How many there are.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::count")]
    pub total: i64,
    /// How many were applied.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::count")]
    pub applied: i64,
    /// How many are available.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::count")]
    pub available: i64,
    /// How many are degraded.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::count")]
    pub degraded: i64,
    /// How many are progressing.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::count")]
    pub progressing: i64,
    /// How many have the present content.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::count")]
    pub updated: i64,
}

/// The works of one placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementSummary {
    /// The placement.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: String,
    /// How many of its decision groups have the work, in words.
    #[serde(default, skip_serializing_if = "is_default")]
    pub available_decision_groups: String,
    /// How many works there are, in which state.
    #[serde(default, skip_serializing_if = "is_default")]
    pub summary: ManifestWorkReplicaSetSummary,
}
