//! `cluster.open-cluster-management.io/v1beta1`: placements and decisions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition, LabelSelector, LabelSelectorRequirement, Time,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::v1::TaintEffect;
use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

/// Condition: the placement found as many clusters as it wants.
pub const CONDITION_PLACEMENT_SATISFIED: &str = "PlacementSatisfied";
/// Condition: the placement contradicts itself.
pub const CONDITION_PLACEMENT_MISCONFIGURED: &str = "PlacementMisconfigured";
/// Label of decisions: the placement they belong to.
pub const LABEL_PLACEMENT: &str = "cluster.open-cluster-management.io/placement";
/// Label of decisions: the index of their group.
pub const LABEL_DECISION_GROUP_INDEX: &str =
    "cluster.open-cluster-management.io/decision-group-index";
/// Label of decisions: the name of their group.
pub const LABEL_DECISION_GROUP_NAME: &str =
    "cluster.open-cluster-management.io/decision-group-name";

resource! {
    /// Chooses clusters out of the sets its namespace is bound to.
    Placement {
        group: "cluster.open-cluster-management.io", version: "v1beta1", plural: "placements",
        scope: Namespaced,
        spec: PlacementSpec,
        status: PlacementStatus,
        spec_required: true,
        columns: [
            ("Succeeded", "string", r#".status.conditions[?(@.type=="PlacementSatisfied")].status"#),
            ("Reason", "string", r#".status.conditions[?(@.type=="PlacementSatisfied")].reason"#),
            ("SelectedClusters", "integer", ".status.numberOfSelectedClusters"),
        ],
    }
}

/// Which clusters to choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementSpec {
    /// The sets to choose from; all bound ones when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_sets: Vec<String>,
    /// How many clusters; all that fit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_clusters: Option<i32>,
    /// What clusters must be like; one of the entries must fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predicates: Vec<ClusterPredicate>,
    /// Which of the fitting clusters are preferred.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prioritizer_policy: PrioritizerPolicy,
    /// How the clusters are spread over topologies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spread_policy: SpreadPolicy,
    /// Taints of clusters that do not matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// How the decisions are grouped.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decision_strategy: DecisionStrategy,
    /// In which order clusters stand in the decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "ClusterName"))]
    pub sort_by: Option<SortBy>,
    /// How often changed scores may change the decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "1m", "pattern" = "^[0-9]+[hms]$"))]
    pub score_rate_limit: Option<String>,
}

/// In which order clusters stand in the decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SortBy {
    /// By name.
    #[default]
    ClusterName,
    /// The best first.
    Score,
}

/// What a cluster must be like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPredicate {
    /// All of its selectors must choose the cluster.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required_cluster_selector: ClusterSelector,
}

/// Selects clusters by labels, claims and expressions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSelector {
    /// By labels.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::label_selector")]
    pub label_selector: LabelSelector,
    /// By claims.
    #[serde(default, skip_serializing_if = "is_default")]
    pub claim_selector: ClusterClaimSelector,
    /// By expressions over the ManagedCluster.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cel_selector: ClusterCelSelector,
}

/// Selects clusters by labels and claims.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupClusterSelector {
    /// By labels.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(schema_with = "schema::label_selector")]
    pub label_selector: LabelSelector,
    /// By claims.
    #[serde(default, skip_serializing_if = "is_default")]
    pub claim_selector: ClusterClaimSelector,
}

/// Selects clusters by claims.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterClaimSelector {
    /// Requirements on claims; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::requirements")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// Selects clusters by expressions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCelSelector {
    /// CEL expressions over `managedCluster`; all must be true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cel_expressions: Vec<String>,
}

/// Which clusters are preferred.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrioritizerPolicy {
    /// Additive (to the built-in weights) or Exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "Additive"))]
    pub mode: Option<String>,
    /// The weights of the scores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<PrioritizerConfig>,
}

/// The weight of one score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrioritizerConfig {
    /// The score.
    pub score_coordinate: ScoreCoordinate,
    /// From -10 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -10, max = 10), extend("x-ocm-default" = 1))]
    pub weight: Option<i32>,
}

/// Where a score comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScoreCoordinate {
    /// From the hub itself, or from an add-on.
    #[serde(rename = "type")]
    #[schemars(extend("x-ocm-default" = "BuiltIn"))]
    pub type_: ScoreCoordinateType,
    /// With BuiltIn: Balance, Steady, ResourceAllocatableCPU or
    /// ResourceAllocatableMemory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_in: Option<String>,
    /// With AddOn: the score.
    #[serde(default, rename = "addOn", skip_serializing_if = "Option::is_none")]
    pub addon: Option<AddOnScore>,
}

/// Where a score comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScoreCoordinateType {
    /// From the hub itself.
    #[default]
    BuiltIn,
    /// From an AddOnPlacementScore.
    AddOn,
}

/// A score of an add-on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnScore {
    /// The AddOnPlacementScore.
    pub resource_name: String,
    /// The score's name in it.
    pub score_name: String,
}

/// How clusters are spread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpreadPolicy {
    /// At most eight constraints, the first being the most important.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub spread_constraints: Vec<SpreadConstraint>,
}

/// How clusters are spread over one topology.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpreadConstraint {
    /// The label or claim whose values are the topology.
    #[schemars(length(max = 316), extend("pattern" = schema::TOPOLOGY_KEY))]
    pub topology_key: String,
    /// Whether the key is of a label or of a claim.
    pub topology_key_type: TopologyKeyType,
    /// How much the numbers of clusters may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("x-ocm-default" = 1))]
    pub max_skew: Option<i32>,
    /// What to do when it cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "ScheduleAnyway"))]
    pub when_unsatisfiable: Option<UnsatisfiableMaxSkewAction>,
}

/// Whether a topology is of labels or of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TopologyKeyType {
    /// Of labels.
    Label,
    /// Of claims.
    Claim,
}

/// What to do when clusters cannot be spread as wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnsatisfiableMaxSkewAction {
    /// Choose fewer.
    DoNotSchedule,
    /// Choose nevertheless.
    #[default]
    ScheduleAnyway,
}

/// A taint that does not matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key; any when absent, with the operator Exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316), extend("pattern" = schema::QUALIFIED_NAME))]
    pub key: Option<String>,
    /// Exists or Equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "Equal"))]
    pub operator: Option<String>,
    /// With Equal: the taint's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub value: Option<String>,
    /// The taint's effect; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
    /// For how long after the taint was added; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// How the decisions are grouped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionStrategy {
    /// The groups.
    #[serde(default, skip_serializing_if = "is_default")]
    pub group_strategy: GroupStrategy,
}

/// How clusters are put in groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupStrategy {
    /// Groups by what clusters are like, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decision_groups: Vec<DecisionGroup>,
    /// Clusters in one decision group, as a number or a percentage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::group_size")]
    pub clusters_per_decision_group: Option<IntOrString>,
}

/// A group of clusters that are alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionGroup {
    /// Names the group.
    #[schemars(extend("pattern" = "^[a-zA-Z0-9][-A-Za-z0-9_.]{0,61}[a-zA-Z0-9]$"))]
    pub group_name: String,
    /// What the clusters are like.
    pub group_cluster_selector: GroupClusterSelector,
}

/// What a placement has found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementStatus {
    /// How many clusters were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_of_selected_clusters: Option<i32>,
    /// The groups of decisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decision_groups: Vec<DecisionGroupStatus>,
    /// What is known about the placement's state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// When the scores were last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_score_update_time: Option<Time>,
}

/// One group of decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionGroupStatus {
    /// Its place among the groups, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_group_index: Option<i32>,
    /// Its name; empty for groups by size only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_group_name: Option<String>,
    /// The PlacementDecisions it is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<String>,
    /// How many clusters it has.
    #[serde(
        default,
        rename = "clusterCount",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = 0))]
    pub clusters_count: Option<i32>,
}

resource! {
    /// Clusters that a placement chose; a placement has as many of them as it takes.
    PlacementDecision {
        group: "cluster.open-cluster-management.io", version: "v1beta1", plural: "placementdecisions",
        scope: Namespaced,
        status: PlacementDecisionStatus,
    }
}

/// The chosen clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementDecisionStatus {
    /// The clusters.
    pub decisions: Vec<ClusterDecision>,
}

/// One chosen cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDecision {
    /// The cluster.
    pub cluster_name: String,
    /// Why it was chosen.
    pub reason: String,
    /// Its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
}
