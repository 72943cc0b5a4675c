//! What both versions of the add-on API have in common.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ocm::cluster::rollout::RolloutStrategy;
use crate::ocm::{is_default, schema};

/// Condition of add-ons: the agent works.
pub const CONDITION_AVAILABLE: &str = "Available";
/// Condition of add-ons: something does not work as it should.
pub const CONDITION_DEGRADED: &str = "Degraded";
/// Condition of add-ons: a change is being rolled out.
pub const CONDITION_PROGRESSING: &str = "Progressing";
/// Condition of add-ons: the configuration was resolved.
pub const CONDITION_CONFIGURED: &str = "Configured";
/// Condition of add-ons: the agent's permissions on the hub were granted.
pub const CONDITION_REGISTRATION_APPLIED: &str = "RegistrationApplied";
/// Condition of add-ons: the agent's manifests were applied.
pub const CONDITION_MANIFEST_APPLIED: &str = "ManifestApplied";

/// How people call an add-on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnMeta {
    /// Its name for people.
    #[serde(default, skip_serializing_if = "is_default")]
    pub display_name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub description: String,
}

/// A kind of configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigGroupResource {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The plural of the kind.
    #[schemars(length(min = 1))]
    pub resource: String,
}

/// One object that configures an add-on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnConfig {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The plural of the kind.
    #[schemars(length(min = 1))]
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The object's name.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// An object of a kind that is known from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigReferent {
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The object's name.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// An object and the hash of its spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigSpecHash {
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The object's name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The hash of its spec.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spec_hash: String,
}

/// The default configuration of one kind, as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultConfigReference {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The plural of the kind.
    #[schemars(length(min = 1))]
    pub resource: String,
    /// The object and the hash of its spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_config: Option<ConfigSpecHash>,
}

/// Where an add-on is installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstallStrategy {
    /// By hand, or by placements.
    #[serde(default, rename = "type", skip_serializing_if = "is_default")]
    #[schemars(extend("x-ocm-default" = "Manual"))]
    pub type_: InstallStrategyType,
    /// With Placements: the placements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["namespace", "name"]
    ))]
    pub placements: Vec<PlacementStrategy>,
}

/// Where an add-on is installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InstallStrategyType {
    /// Where somebody creates a ManagedClusterAddOn.
    #[default]
    Manual,
    /// On the clusters that placements choose.
    Placements,
}

/// How an add-on is installed on the clusters of a placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacementStrategy {
    /// The placement's name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The placement's namespace.
    #[schemars(length(min = 1))]
    pub namespace: String,
    /// What configures the add-on on these clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<AddOnConfig>,
    /// How a change reaches these clusters.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("x-ocm-default" = {"type": "All"}))]
    pub rollout_strategy: RolloutStrategy,
}

/// How far an add-on has reached the clusters of a placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstallProgression {
    /// The placement's name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The placement's namespace.
    #[schemars(length(min = 1))]
    pub namespace: String,
    /// The configurations and how far each of them is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_references: Vec<InstallConfigReference>,
    /// What is known about it, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// How far a configuration has reached the clusters of a placement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstallConfigReference {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The plural of the kind.
    #[schemars(length(min = 1))]
    pub resource: String,
    /// What is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_config: Option<ConfigSpecHash>,
    /// What every cluster has had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_known_good_config: Option<ConfigSpecHash>,
    /// What every cluster has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_config: Option<ConfigSpecHash>,
}

/// How an add-on's health is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// By the agent's lease, or by the add-on itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "Lease"))]
    pub mode: Option<HealthCheckMode>,
}

/// How an add-on's health is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HealthCheckMode {
    /// By the agent's lease on its cluster.
    #[default]
    Lease,
    /// The add-on's manager says.
    Customized,
}

/// An object that belongs to an add-on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelatedObject {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural of the kind.
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

/// How an add-on's agent proves to the hub who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KubeClientDriver {
    /// By a client certificate.
    Csr,
    /// By a token of a service account.
    Token,
}

/// How the agents of an add-on are deployed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnDeploymentConfigSpec {
    /// Values for the add-on's own variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"]
    ))]
    pub customized_variables: Vec<CustomizedVariable>,
    /// Where the agents' pods may be scheduled.
    #[serde(default, skip_serializing_if = "is_default")]
    pub node_placement: AddOnNodePlacement,
    /// Registries to take images from instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<ImageMirror>,
    /// How the agents reach the world.
    #[serde(default, skip_serializing_if = "is_default")]
    pub proxy_config: ProxyConfig,
    /// The namespace of the agents on their clusters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), extend(
        "x-ocm-default" = "open-cluster-management-agent-addon",
        "pattern" = schema::DNS_LABEL_OR_EMPTY
    ))]
    pub agent_install_namespace: Option<String>,
    /// Resources of containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["containerID"]
    ))]
    pub resource_requirements: Vec<ContainerResourceRequirements>,
}

/// Where an add-on's pods may be scheduled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnNodePlacement {
    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tolerations")]
    pub tolerations: Vec<Toleration>,
}

/// A value of one variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomizedVariable {
    /// The variable.
    #[schemars(length(max = 255), extend("pattern" = "^[a-zA-Z_][_a-zA-Z0-9]*$"))]
    pub name: String,
    /// Its value.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 1024))]
    pub value: String,
}

/// A registry to take images from instead of another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageMirror {
    /// The registry to take images from.
    pub mirror: String,
    /// The registry it replaces; any when empty.
    #[serde(default, skip_serializing_if = "is_default")]
    pub source: String,
}

/// How agents reach the world.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// The proxy of HTTP.
    #[serde(default, skip_serializing_if = "is_default")]
    pub http_proxy: String,
    /// The proxy of HTTPS.
    #[serde(default, skip_serializing_if = "is_default")]
    pub https_proxy: String,
    /// The authorities that signed the proxy's certificate, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bytes")]
    pub ca_bundle: Option<ByteString>,
    /// Hosts that are reached without a proxy, separated by commas.
    #[serde(default, skip_serializing_if = "is_default")]
    pub no_proxy: String,
}

/// Resources of some containers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerResourceRequirements {
    /// The containers, as `resource:name:container`, with `*` for any.
    #[serde(rename = "containerID")]
    #[schemars(extend(
        "pattern" = r"^(deployments|daemonsets|statefulsets|replicasets|jobs|cronjobs|pods|\*):.+:.+$"
    ))]
    pub container_id: String,
    /// Their requests and limits.
    #[schemars(schema_with = "schema::resource_requirements")]
    pub resources: ResourceRequirements,
}
