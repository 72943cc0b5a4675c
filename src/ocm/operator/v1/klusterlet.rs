//! Klusterlet: what runs on a managed cluster.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    FeatureGate, NodePlacement, OperatorStatus, RegistrationAuthType, ResourceRequirement,
};
use crate::ocm::resource::resource;
use crate::ocm::{is_default, names, schema};

/// The status of a Klusterlet.
pub type KlusterletStatus = OperatorStatus;

resource! {
    /// The agent on a managed cluster: its parts and how they are to run.
    Klusterlet {
        group: "operator.open-cluster-management.io", version: "v1", plural: "klusterlets",
        scope: Cluster,
        spec: KlusterletSpec,
        status: OperatorStatus,
    }
}

/// How the agent is to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KlusterletSpec {
    /// The namespace of the agent; open-cluster-management-agent when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 57), extend("pattern" = "^open-cluster-management-[-a-z0-9]*[a-z0-9]$"))]
    pub namespace: Option<String>,
    /// The image of the registration agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_image_pull_spec: Option<String>,
    /// The image of the work agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_image_pull_spec: Option<String>,
    /// The image of the agent that is both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_spec: Option<String>,
    /// What the cluster is called on the hub; the agent makes a name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), extend("pattern" = schema::DNS_LABEL))]
    pub cluster_name: Option<String>,
    /// How the hub may reach the cluster's API server.
    #[serde(
        default,
        rename = "externalServerURLs",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub external_server_urls: Vec<ServerUrl>,
    /// Where the agent's pods may be scheduled.
    #[serde(default, skip_serializing_if = "is_default")]
    pub node_placement: NodePlacement,
    /// On which cluster the agent runs, and in how many parts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deploy_option: KlusterletDeployOption,
    /// How the cluster registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_configuration: Option<RegistrationConfiguration>,
    /// How works are applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_configuration: Option<WorkAgentConfiguration>,
    /// A host name of the hub and its address, where name service lacks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_api_server_host_alias: Option<HubApiServerHostAlias>,
    /// Resources of the agent's containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_requirement: Option<ResourceRequirement>,
    /// The priority of the agent's pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_class_name: Option<String>,
}

impl KlusterletSpec {
    /// The namespace of the agent.
    pub fn agent_namespace(&self) -> &str {
        self.namespace
            .as_deref()
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or(names::AGENT_NAMESPACE)
    }
}

/// An address of the cluster's API server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerUrl {
    /// The address, with scheme.
    pub url: String,
    /// The authorities that signed its certificate, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::bytes")]
    pub ca_bundle: Option<ByteString>,
}

/// On which cluster the agent runs, and in how many parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KlusterletDeployOption {
    /// Default, Singleton, Hosted or SingletonHosted; Default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// A host name of the hub and its address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HubApiServerHostAlias {
    /// The address.
    #[schemars(extend("pattern" = schema::IPV4))]
    pub ip: String,
    /// The host name.
    #[schemars(extend("pattern" = schema::HOST_NAME))]
    pub hostname: String,
}

/// How the cluster registers with the hub.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationConfiguration {
    /// How long client certificates are asked for; the signer decides when 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert_expiration_seconds: Option<i32>,
    /// Features switched on or off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<FeatureGate>,
    /// Annotations of the ManagedCluster; their keys begin with
    /// `agent.open-cluster-management.io`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cluster_annotations: BTreeMap<String, String>,
    /// Labels of the ManagedCluster when it is created.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cluster_labels: BTreeMap<String, String>,
    /// Requests a second to the managed cluster.
    #[serde(
        default,
        rename = "kubeAPIQPS",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = 50))]
    pub kube_api_qps: Option<i32>,
    /// Requests at once to the managed cluster.
    #[serde(
        default,
        rename = "kubeAPIBurst",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = 100))]
    pub kube_api_burst: Option<i32>,
    /// Several hubs to choose from, with the gate MultipleHubs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_kube_configs: Option<BootstrapKubeConfigs>,
    /// How the agent proves who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_driver: Option<RegistrationDriver>,
    /// How add-ons prove who they are.
    #[serde(
        default,
        rename = "addOnKubeClientRegistrationDriver",
        skip_serializing_if = "Option::is_none"
    )]
    pub addon_kube_client_registration_driver: Option<AddOnRegistrationDriver>,
    /// Which claims are reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_claim_configuration: Option<ClusterClaimConfiguration>,
}

/// Several hubs to choose from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapKubeConfigs {
    /// Where the choice comes from.
    #[serde(rename = "type")]
    #[schemars(extend("x-ocm-default" = "None"))]
    pub type_: BootstrapKubeConfigsType,
    /// With LocalSecrets: the secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_secrets_config: Option<LocalSecretsConfig>,
}

/// Where the choice of hubs comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BootstrapKubeConfigsType {
    /// There is one hub.
    #[default]
    None,
    /// From secrets in the agent's namespace.
    LocalSecrets,
}

/// Secrets with the kubeconfigs of several hubs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalSecretsConfig {
    /// The secrets.
    pub kube_config_secrets: Vec<KubeConfigSecret>,
    /// After this time without a hub the next one is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 180), extend("x-ocm-default" = 600))]
    pub hub_connection_timeout_seconds: Option<i32>,
}

/// A secret with a kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeConfigSecret {
    /// Its name.
    pub name: String,
}

/// How the agent proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationDriver {
    /// The way.
    #[schemars(extend("x-ocm-default" = "csr"))]
    pub auth_type: RegistrationAuthType,
    /// With awsirsa: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_irsa: Option<AwsIrsa>,
}

/// Options of registration by AWS roles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsIrsa {
    /// The hub's cluster.
    #[schemars(length(min = 1), extend("pattern" = schema::EKS_ARN))]
    pub hub_cluster_arn: String,
    /// The managed cluster.
    #[schemars(length(min = 1), extend("pattern" = schema::EKS_ARN))]
    pub managed_cluster_arn: String,
}

/// How add-ons prove who they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnRegistrationDriver {
    /// The way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AddOnAuthType>,
    /// With token: its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenConfig>,
}

/// How an add-on proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddOnAuthType {
    /// By a client certificate.
    #[default]
    Csr,
    /// By a token of a service account.
    Token,
}

/// Options of tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenConfig {
    /// How long tokens are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_seconds: Option<i64>,
}

/// Which claims are reported to the hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterClaimConfiguration {
    /// How many claims besides the reserved ones.
    #[schemars(extend("x-ocm-default" = 20))]
    pub max_custom_cluster_claims: i32,
    /// Claims with these endings are always reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 64)))]
    pub reserved_cluster_claim_suffixes: Vec<String>,
}

/// How works are applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkAgentConfiguration {
    /// Features switched on or off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feature_gates: Vec<FeatureGate>,
    /// Requests a second to the managed cluster.
    #[serde(
        default,
        rename = "kubeAPIQPS",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = 50))]
    pub kube_api_qps: Option<i32>,
    /// Requests at once to the managed cluster.
    #[serde(
        default,
        rename = "kubeAPIBurst",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = 100))]
    pub kube_api_burst: Option<i32>,
    /// Requests a second to the hub.
    #[serde(
        default,
        rename = "hubKubeAPIQPS",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = 50))]
    pub hub_kube_api_qps: Option<i32>,
    /// Requests at once to the hub.
    #[serde(
        default,
        rename = "hubKubeAPIBurst",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("x-ocm-default" = 100))]
    pub hub_kube_api_burst: Option<i32>,
    /// After this time what works of a vanished hub left is removed.
    #[serde(
        default,
        rename = "appliedManifestWorkEvictionGracePeriod",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("pattern" = schema::DURATION))]
    pub applied_manifest_work_eviction_grace_period: Option<String>,
    /// At which interval the state of applied objects is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("pattern" = schema::DURATION))]
    pub status_sync_interval: Option<String>,
}
