//! `addon.open-cluster-management.io/v1beta1`, served beside v1alpha1.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::shared::*;
use crate::ocm::resource::resource;
use crate::ocm::{is_default, schema};

resource! {
    /// An add-on that the hub offers.
    ClusterManagementAddOn {
        group: "addon.open-cluster-management.io", version: "v1beta1", plural: "clustermanagementaddons",
        scope: Cluster,
        short_names: ["cma", "cmas"],
        spec: ClusterManagementAddOnSpec,
        status: ClusterManagementAddOnStatus,
        stored: false,
        spec_required: true,
        columns: [
            ("DISPLAY NAME", "string", ".spec.addOnMeta.displayName"),
        ],
    }
}

/// What an add-on is, and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterManagementAddOnSpec {
    /// How people call it.
    #[serde(default, rename = "addOnMeta", skip_serializing_if = "is_default")]
    pub addon_meta: AddOnMeta,
    /// What configures it where nothing else is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["group", "resource"]
    ))]
    pub default_configs: Vec<AddOnConfig>,
    /// Where it is installed.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("x-ocm-default" = {"type": "Manual"}))]
    pub install_strategy: InstallStrategy,
}

/// How far an add-on has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterManagementAddOnStatus {
    /// The default configurations, as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_config_references: Vec<DefaultConfigReference>,
    /// How far it has reached the clusters of each placement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub install_progressions: Vec<InstallProgression>,
}

resource! {
    /// An add-on on the managed cluster whose namespace it is in.
    ManagedClusterAddOn {
        group: "addon.open-cluster-management.io", version: "v1beta1", plural: "managedclusteraddons",
        scope: Namespaced,
        short_names: ["mca", "mcas"],
        spec: ManagedClusterAddOnSpec,
        status: ManagedClusterAddOnStatus,
        stored: false,
        spec_required: true,
        columns: [
            ("Available", "string", r#".status.conditions[?(@.type=="Available")].status"#),
            ("Degraded", "string", r#".status.conditions[?(@.type=="Degraded")].status"#),
            ("Progressing", "string", r#".status.conditions[?(@.type=="Progressing")].status"#),
        ],
    }
}

/// How the add-on is to be on this cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterAddOnSpec {
    /// What configures it here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<AddOnConfig>,
}

/// What is known about an add-on on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedClusterAddOnStatus {
    /// What is known about the add-on's state, one entry per type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Objects that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related_objects: Vec<RelatedObject>,
    /// How people call it.
    #[serde(default, rename = "addOnMeta", skip_serializing_if = "is_default")]
    pub addon_meta: AddOnMeta,
    /// Kinds that configure it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["group", "resource"]
    ))]
    pub supported_configs: Vec<ConfigGroupResource>,
    /// The configurations and how far each of them is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config_references: Vec<ConfigReference>,
    /// The namespace of the agent on the cluster.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: String,
    /// How the agent gets access.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registrations: Vec<RegistrationConfig>,
    /// How its health is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub health_check: HealthCheck,
}

/// How far a configuration is on a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigReference {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The plural of the kind.
    #[schemars(length(min = 1))]
    pub resource: String,
    /// The generation that was last seen.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_observed_generation: i64,
    /// What is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_config: Option<ConfigSpecHash>,
    /// What the cluster has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_config: Option<ConfigSpecHash>,
}

/// One way for an agent to get access.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationConfig {
    /// To the hub's API server, or with a signer of its own.
    #[serde(rename = "type")]
    pub type_: RegistrationType,
    /// With kubeClient: how and as whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kube_client: Option<KubeClientConfig>,
    /// With customSigner: the signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_signer: Option<CustomSignerConfig>,
}

/// To what an agent gets access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RegistrationType {
    /// To the hub's API server.
    KubeClient,
    /// To something with a signer of its own.
    CustomSigner,
}

/// Access to the hub's API server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeClientConfig {
    /// As whom.
    #[serde(default, skip_serializing_if = "is_default")]
    pub subject: KubeClientSubject,
    /// By certificate or by token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<KubeClientDriver>,
}

/// Who an agent is on the hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeClientSubject {
    /// The user.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user: String,
    /// The user's groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// Access by certificates of a signer of one's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomSignerConfig {
    /// The signer.
    #[schemars(length(min = 5, max = 571), extend("pattern" = schema::SIGNER_NAME))]
    pub signer_name: String,
    /// Whom the certificates are for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub subject: Subject,
}

/// Whom a certificate is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The user.
    #[serde(default, skip_serializing_if = "is_default")]
    pub user: String,
    /// The user's groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The organization units in the certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organization_units: Vec<String>,
}

resource! {
    /// How the agents of add-ons are deployed.
    AddOnDeploymentConfig {
        group: "addon.open-cluster-management.io", version: "v1beta1", plural: "addondeploymentconfigs",
        scope: Namespaced,
        spec: AddOnDeploymentConfigSpec,
        stored: false,
        spec_required: true,
    }
}
