//! `operator.open-cluster-management.io/v1`: ClusterManager and Klusterlet.

mod cluster_manager;
mod klusterlet;
mod server;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cluster_manager::*;
pub use klusterlet::*;
pub use server::*;

use crate::ocm::{is_default, schema};

/// Condition of both: everything the spec asks for was applied.
pub const CONDITION_APPLIED: &str = "Applied";
/// Condition of both: all feature gates in the spec are known.
pub const CONDITION_VALID_FEATURE_GATES: &str = "ValidFeatureGates";
/// Condition of ClusterManagers: a component is being rolled out.
pub const CONDITION_PROGRESSING: &str = "Progressing";
/// Condition of ClusterManagers: registration does not work as it should.
pub const CONDITION_HUB_REGISTRATION_DEGRADED: &str = "HubRegistrationDegraded";
/// Condition of ClusterManagers: placement does not work as it should.
pub const CONDITION_HUB_PLACEMENT_DEGRADED: &str = "HubPlacementDegraded";
/// Condition of Klusterlets: the agent runs.
pub const CONDITION_AVAILABLE: &str = "Available";
/// Condition of Klusterlets: the hub cannot be worked with.
pub const CONDITION_HUB_CONNECTION_DEGRADED: &str = "HubConnectionDegraded";
/// Condition of Klusterlets: registration has fewer instances than it should.
pub const CONDITION_REGISTRATION_DESIRED_DEGRADED: &str = "RegistrationDesiredDegraded";
/// Condition of Klusterlets: work has fewer instances than it should.
pub const CONDITION_WORK_DESIRED_DEGRADED: &str = "WorkDesiredDegraded";

/// Where pods may be scheduled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePlacement {
    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tolerations")]
    pub tolerations: Vec<Toleration>,
}

/// One feature switched on or off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureGate {
    /// The feature.
    pub feature: String,
    /// On or off.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("x-ocm-default" = "Disable"))]
    pub mode: FeatureGateMode,
}

/// On or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FeatureGateMode {
    /// On.
    Enable,
    /// Off.
    #[default]
    Disable,
}

/// A component that has nothing to configure but its features.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureGatesConfiguration {
    /// Features switched on or off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<FeatureGate>,
}

/// Resources of the components' containers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRequirement {
    /// Small requests, none at all, or the given ones.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "Default"))]
    pub type_: Option<ResourceQosClass>,
    /// With ResourceRequirement: the requests and limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::resource_requirements")]
    pub resource_requirements: Option<ResourceRequirements>,
}

/// Which resources containers get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ResourceQosClass {
    /// Small requests, no limits.
    #[default]
    Default,
    /// Neither requests nor limits.
    BestEffort,
    /// The given ones.
    ResourceRequirement,
}

/// What is known about a ClusterManager or a Klusterlet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorStatus {
    /// The metadata.generation that was last dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is known about the object's state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The generations of the workloads as they were last written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generations: Vec<GenerationStatus>,
    /// Everything that was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related_resources: Vec<RelatedResourceMeta>,
}

/// The generation of an object as it was last written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenerationStatus {
    /// The API group; empty for the core group.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The plural of the kind.
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Its metadata.generation after the write.
    pub last_generation: i64,
}

/// One object that was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelatedResourceMeta {
    /// The API group; empty for the core group.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The plural of the kind.
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name.
    pub name: String,
}
