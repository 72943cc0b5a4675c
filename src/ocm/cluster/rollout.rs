//! How a change reaches many clusters; part of replica sets and add-ons.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ocm::{is_default, schema};

/// How a change reaches the clusters of a placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStrategy {
    /// All at once, a few at a time, or group by group.
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    #[schemars(extend("x-ocm-default" = "All"))]
    pub type_: RolloutType,
    /// With All: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<RolloutAll>,
    /// With Progressive: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressive: Option<RolloutProgressive>,
    /// With ProgressivePerGroup: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressive_per_group: Option<RolloutProgressivePerGroup>,
}

/// How a change reaches the clusters of a placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RolloutType {
    /// All at once.
    #[default]
    All,
    /// A few at a time.
    Progressive,
    /// One decision group after the other.
    ProgressivePerGroup,
}

/// When a cluster counts as done or failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutAll {
    /// How long a cluster must be well before it counts as done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "0"))]
    pub min_success_time: Option<String>,
    /// After which time a cluster counts as failed; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "None", "pattern" = schema::PROGRESS_DEADLINE))]
    pub progress_deadline: Option<String>,
    /// How many clusters may fail before the rollout stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::max_failures")]
    pub max_failures: Option<IntOrString>,
}

/// How a change goes through the clusters, a few at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutProgressive {
    /// How long a cluster must be well before it counts as done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "0"))]
    pub min_success_time: Option<String>,
    /// After which time a cluster counts as failed; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "None", "pattern" = schema::PROGRESS_DEADLINE))]
    pub progress_deadline: Option<String>,
    /// How many clusters may fail before the rollout stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::max_failures")]
    pub max_failures: Option<IntOrString>,
    /// Groups that come first; all must be done before the rest begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mandatory_decision_groups: Vec<MandatoryDecisionGroup>,
    /// How many clusters may be in rollout at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::max_concurrency")]
    pub max_concurrency: Option<IntOrString>,
}

/// How a change goes through the decision groups.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutProgressivePerGroup {
    /// How long a cluster must be well before it counts as done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "0"))]
    pub min_success_time: Option<String>,
    /// After which time a cluster counts as failed; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "None", "pattern" = schema::PROGRESS_DEADLINE))]
    pub progress_deadline: Option<String>,
    /// How many clusters may fail before the rollout stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::max_failures")]
    pub max_failures: Option<IntOrString>,
    /// Groups that come first; all must be done before the rest begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mandatory_decision_groups: Vec<MandatoryDecisionGroup>,
}

/// A decision group that comes first, by name or by index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MandatoryDecisionGroup {
    /// The group's name; goes before the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// The group's index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_index: Option<i32>,
}
