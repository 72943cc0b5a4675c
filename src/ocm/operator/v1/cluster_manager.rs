//! ClusterManager: what runs on a hub.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    FeatureGate, FeatureGatesConfiguration, NodePlacement, OperatorStatus, ResourceRequirement,
    ServerConfiguration,
};
use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

/// The status of a ClusterManager.
pub type ClusterManagerStatus = OperatorStatus;

resource! {
    /// The hub: its components and how they are to run.
    ClusterManager {
        group: "operator.open-cluster-management.io", version: "v1", plural: "clustermanagers",
        scope: Cluster,
        spec: ClusterManagerSpec,
        status: OperatorStatus,
    }
}

/// How the hub's components are to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-ocm-default" = {"deployOption": {"mode": "Default"}}))]
pub struct ClusterManagerSpec {
    /// The image of the registration components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "quay.io/open-cluster-management/registration"))]
    pub registration_image_pull_spec: Option<String>,
    /// The image of the work components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "quay.io/open-cluster-management/work"))]
    pub work_image_pull_spec: Option<String>,
    /// The image of the placement component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "quay.io/open-cluster-management/placement"))]
    pub placement_image_pull_spec: Option<String>,
    /// The image of the add-on components.
    #[serde(
        default,
        rename = "addOnManagerImagePullSpec",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = "quay.io/open-cluster-management/addon-manager"))]
    pub addon_manager_image_pull_spec: Option<String>,
    /// Where the components' pods may be scheduled.
    #[serde(default, skip_serializing_if = "is_default")]
    pub node_placement: NodePlacement,
    /// On which cluster the components run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = {"mode": "Default"}))]
    pub deploy_option: Option<ClusterManagerDeployOption>,
    /// How clusters register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_configuration: Option<RegistrationHubConfiguration>,
    /// How works are distributed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = {"workDriver": "kube"}))]
    pub work_configuration: Option<WorkHubConfiguration>,
    /// How placements are decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement_configuration: Option<FeatureGatesConfiguration>,
    /// How add-ons are managed.
    #[serde(
        default,
        rename = "addOnManagerConfiguration",
        skip_serializing_if = "Option::is_none"
    )]
    pub addon_manager_configuration: Option<FeatureGatesConfiguration>,
    /// How agents that speak gRPC are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_configuration: Option<ServerConfiguration>,
    /// Resources of the components' containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirement: Option<ResourceRequirement>,
}

/// On which cluster the hub's components run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterManagerDeployOption {
    /// On the hub itself, or on another cluster.
    #[schemars(extend("x-ocm-default" = "Default"))]
    pub mode: InstallMode,
    /// With Default: its options.
    #[serde(default, rename = "default", skip_serializing_if = "Option::is_none")]
    pub default_: Option<DefaultClusterManagerConfiguration>,
    /// With Hosted: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted: Option<HostedClusterManagerConfiguration>,
}

/// On which cluster the hub's components run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InstallMode {
    /// On the hub itself.
    #[default]
    Default,
    /// On another cluster.
    Hosted,
}

/// Options of components that run on the hub itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultClusterManagerConfiguration {
    /// The webhook of registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_webhook_configuration: Option<DefaultWebhookConfiguration>,
    /// The webhook of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_webhook_configuration: Option<DefaultWebhookConfiguration>,
    /// The webhook of add-ons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon_webhook_configuration: Option<DefaultWebhookConfiguration>,
}

/// A webhook that runs on the hub itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultWebhookConfiguration {
    /// Where it listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_configuration: Option<BindConfiguration>,
}

/// Where a webhook listens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindConfiguration {
    /// The port of the webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65535), extend("x-ocm-default" = 9443))]
    pub port: Option<i32>,
    /// The port of the health probe; 0 turns it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65535), extend("x-ocm-default" = 8000))]
    pub health_probe_port: Option<i32>,
    /// The port of the metrics; 0 turns them off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65535), extend("x-ocm-default" = 8080))]
    pub metrics_port: Option<i32>,
    /// Whether it listens in the node's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_network: Option<bool>,
}

/// Options of components that run on another cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostedClusterManagerConfiguration {
    /// The webhook of registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_webhook_configuration: Option<HostedWebhookConfiguration>,
    /// The webhook of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_webhook_configuration: Option<HostedWebhookConfiguration>,
}

/// A webhook that runs on another cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostedWebhookConfiguration {
    /// Its address as the hub reaches it.
    #[schemars(extend("pattern" = schema::HOST_NAME))]
    pub address: String,
    /// Its port as the hub reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 65535), extend("x-ocm-default" = 443))]
    pub port: Option<i32>,
    /// Where it listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_configuration: Option<BindConfiguration>,
}

/// How clusters register with the hub.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationHubConfiguration {
    /// Users whose clusters are accepted without asking, with the gate
    /// ManagedClusterAutoApproval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auto_approve_users: Vec<String>,
    /// Features switched on or off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<FeatureGate>,
    /// How agents may prove who they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["authType"]
    ))]
    pub registration_drivers: Vec<RegistrationDriverHub>,
    /// How clusters of other managers are imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importer_configuration: Option<ImporterConfiguration>,
}

/// How clusters of other managers are imported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImporterConfiguration {
    /// What the import's configuration is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renderers: Vec<String>,
}

/// One way for agents to prove who they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationDriverHub {
    /// The way.
    #[schemars(extend("x-ocm-default" = "csr"))]
    pub auth_type: RegistrationAuthType,
    /// With csr: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<AutoApproval>,
    /// With grpc: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<AutoApproval>,
    /// With awsirsa: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awsirsa: Option<AwsIrsaHub>,
}

/// How an agent proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationAuthType {
    /// By a client certificate.
    #[default]
    Csr,
    /// By an AWS role.
    AwsIrsa,
    /// By a client certificate for the hub's gRPC server.
    Grpc,
}

/// Identities that are accepted without asking.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoApproval {
    /// The identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auto_approved_identities: Vec<String>,
}

/// Options of registration by AWS roles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsIrsaHub {
    /// The hub's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = schema::EKS_ARN))]
    pub hub_cluster_arn: Option<String>,
    /// Patterns of roles that are accepted without asking.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auto_approved_identities: Vec<String>,
    /// Tags of the roles that are created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// How works are distributed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkHubConfiguration {
    /// Features switched on or off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<FeatureGate>,
    /// By which way works reach the agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-ocm-default" = "kube"))]
    pub work_driver: Option<WorkDriver>,
}

/// By which way works reach the agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkDriver {
    /// By the Kubernetes API.
    #[default]
    Kube,
    /// By events over MQTT.
    Mqtt,
    /// By events over gRPC.
    Grpc,
}
