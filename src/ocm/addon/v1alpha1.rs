//! `addon.open-cluster-management.io/v1alpha1`, the version that is stored.

use k8s_openapi::api::rbac::v1::RoleRef;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::shared::*;
use crate::ocm::resource::resource;
use crate::ocm::work::v1::ManifestWorkSpec;
use crate::ocm::{is_default, schema};

resource! {
    /// An add-on that the hub offers.
    ClusterManagementAddOn {
        group: "addon.open-cluster-management.io", version: "v1alpha1", plural: "clustermanagementaddons",
        scope: Cluster,
        short_names: ["cma", "cmas"],
        spec: ClusterManagementAddOnSpec,
        status: ClusterManagementAddOnStatus,
        spec_required: true,
        columns: [
            ("DISPLAY NAME", "string", ".spec.addOnMeta.displayName"),
            ("CRD NAME", "string", ".spec.addOnConfiguration.crdName"),
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
    /// An older way to configure it.
    #[serde(
        default,
        rename = "addOnConfiguration",
        skip_serializing_if = "is_default"
    )]
    pub addon_configuration: ConfigCoordinates,
    /// Kinds that configure it, with their defaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["group", "resource"]
    ))]
    pub supported_configs: Vec<ConfigMeta>,
    /// Where it is installed.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(extend("x-ocm-default" = {"type": "Manual"}))]
    pub install_strategy: InstallStrategy,
}

/// An older way to point to a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigCoordinates {
    /// The definition of the kind.
    #[serde(default, rename = "crdName", skip_serializing_if = "is_default")]
    pub crd_name: String,
    /// The object.
    #[serde(default, rename = "crName", skip_serializing_if = "is_default")]
    pub cr_name: String,
    /// The object's generation that was last seen.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_observed_generation: i64,
}

/// A kind that configures an add-on, with its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMeta {
    /// The API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// The plural of the kind.
    #[schemars(length(min = 1))]
    pub resource: String,
    /// The object that is used where no other is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_config: Option<ConfigReferent>,
}

/// How far an add-on has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterManagementAddOnStatus {
    /// The default configurations, as they are now.
    #[serde(
        default,
        rename = "defaultconfigReferences",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub default_config_references: Vec<DefaultConfigReference>,
    /// How far it has reached the clusters of each placement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub install_progressions: Vec<InstallProgression>,
}

resource! {
    /// An add-on on the managed cluster whose namespace it is in.
    ManagedClusterAddOn {
        group: "addon.open-cluster-management.io", version: "v1alpha1", plural: "managedclusteraddons",
        scope: Namespaced,
        short_names: ["mca", "mcas"],
        spec: ManagedClusterAddOnSpec,
        status: ManagedClusterAddOnStatus,
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
    /// The namespace of the agent on the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), extend(
        "x-ocm-default" = "open-cluster-management-agent-addon",
        "pattern" = schema::DNS_LABEL
    ))]
    pub install_namespace: Option<String>,
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
    /// An older way to configure it.
    #[serde(
        default,
        rename = "addOnConfiguration",
        skip_serializing_if = "is_default"
    )]
    pub addon_configuration: ConfigCoordinates,
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
    /// The client certificates the agent is to get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registrations: Vec<RegistrationConfig>,
    /// How its health is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub health_check: HealthCheck,
    /// How the agent proves to the hub who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kube_client_driver: Option<KubeClientDriver>,
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
    /// The namespace; see the desired configuration.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: String,
    /// The name; see the desired configuration.
    #[schemars(length(min = 1))]
    pub name: String,
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

/// A client certificate an agent is to get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationConfig {
    /// Who signs it.
    #[schemars(length(min = 5, max = 571), extend("pattern" = schema::SIGNER_NAME))]
    pub signer_name: String,
    /// Whom it is for.
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
    #[serde(
        default,
        rename = "organizationUnit",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub organization_units: Vec<String>,
}

resource! {
    /// How the agents of add-ons are deployed.
    AddOnDeploymentConfig {
        group: "addon.open-cluster-management.io", version: "v1alpha1", plural: "addondeploymentconfigs",
        scope: Namespaced,
        spec: AddOnDeploymentConfigSpec,
        spec_required: true,
    }
}

resource! {
    /// An add-on that needs no manager of its own: a work and registrations.
    AddOnTemplate {
        group: "addon.open-cluster-management.io", version: "v1alpha1", plural: "addontemplates",
        scope: Cluster,
        spec: AddOnTemplateSpec,
        spec_required: true,
        columns: [
            ("ADDON NAME", "string", ".spec.addonName"),
        ],
    }
}

/// What an add-on consists of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddOnTemplateSpec {
    /// The add-on.
    pub addon_name: String,
    /// The work that every cluster gets.
    pub agent_spec: ManifestWorkSpec,
    /// How the agent gets access to the hub.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registration: Vec<RegistrationSpec>,
}

/// One way for an agent to get access.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationSpec {
    /// To the hub's API server, or with a signer of its own.
    #[serde(rename = "type")]
    pub type_: RegistrationType,
    /// With KubeClient: the permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kube_client: Option<KubeClientRegistrationConfig>,
    /// With CustomSigner: the signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_signer: Option<CustomSignerRegistrationConfig>,
}

/// To what an agent gets access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RegistrationType {
    /// To the hub's API server.
    KubeClient,
    /// To something with a signer of its own.
    CustomSigner,
}

/// Access to the hub's API server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeClientRegistrationConfig {
    /// What the agent may do on the hub.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hub_permissions: Vec<HubPermissionConfig>,
}

/// Something an agent may do on the hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HubPermissionConfig {
    /// In the cluster's namespace, or in one that is named.
    #[serde(rename = "type")]
    pub type_: HubPermissionType,
    /// With CurrentCluster: the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_cluster: Option<CurrentClusterBindingConfig>,
    /// With SingleNamespace: the namespace and the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_namespace: Option<SingleNamespaceBindingConfig>,
}

/// Where an agent may do something on the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HubPermissionType {
    /// In its cluster's namespace.
    CurrentCluster,
    /// In a namespace that is named.
    SingleNamespace,
}

/// A role in the cluster's namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentClusterBindingConfig {
    /// The ClusterRole.
    pub cluster_role_name: String,
}

/// A role in a namespace that is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SingleNamespaceBindingConfig {
    /// The namespace.
    pub namespace: String,
    /// The role.
    #[schemars(schema_with = "schema::role_ref")]
    pub role_ref: RoleRef,
}

/// Access by certificates of a signer of one's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomSignerRegistrationConfig {
    /// The signer.
    #[schemars(length(min = 5, max = 571), extend("pattern" = schema::SIGNER_NAME))]
    pub signer_name: String,
    /// Whom the certificates are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// The Secret with the authority's certificate and key.
    #[serde(rename = "signingCA")]
    pub signing_ca: SigningCaRef,
}

/// A Secret with an authority's certificate and key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningCaRef {
    /// Its namespace; that of the add-on manager when empty.
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: String,
    /// Its name.
    pub name: String,
}
