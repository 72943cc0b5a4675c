//! What makes a cluster a hub.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::overlay::{self, Workload};
use super::{BundleError, DEFAULT_IMAGE, crds, load};
use crate::ocm::operator::v1::{ClusterManagerSpec, InstallMode};
use crate::ocm::{gates, names};

/// What `init` decides.
#[derive(Clone, Debug)]
pub struct HubValues {
    /// The image of this program.
    pub image: String,
    /// How many instances of the hub run; one of them leads.
    pub replicas: i32,
    /// Whether the namespace of the operators is created too.
    pub create_namespace: bool,
    /// Credentials for images: a docker configuration in JSON.
    pub image_pull_credentials: Option<Vec<u8>>,
    /// Clusters join with this bootstrap token instead of a service account's.
    pub bootstrap_token: Option<BootstrapToken>,
    /// What the hub is asked to be.
    pub cluster_manager: ClusterManagerSpec,
    /// Labels of the ClusterManager.
    pub labels: BTreeMap<String, String>,
    /// Arguments after `hub`.
    pub arguments: Vec<String>,
}

impl Default for HubValues {
    fn default() -> Self {
        Self {
            image: DEFAULT_IMAGE.to_owned(),
            replicas: 1,
            create_namespace: true,
            image_pull_credentials: None,
            bootstrap_token: None,
            cluster_manager: ClusterManagerSpec::default(),
            labels: BTreeMap::new(),
            arguments: Vec::new(),
        }
    }
}

/// A bootstrap token: `<id>.<secret>`.
#[derive(Clone)]
pub struct BootstrapToken {
    /// Six letters or digits.
    pub id: String,
    /// Sixteen letters or digits.
    pub secret: String,
    /// When it ends (RFC 3339), if ever.
    pub expiration: Option<String>,
}

impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootstrapToken({}.…)", self.id)
    }
}

impl BootstrapToken {
    fn check(&self) -> Result<(), BundleError> {
        let plain = |text: &str, length: usize| {
            text.len() == length
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if !plain(&self.id, 6) {
            return Err(BundleError::Value {
                what: "bootstrap token id",
                value: self.id.clone(),
                reason: "it has six lower-case letters or digits",
            });
        }
        if !plain(&self.secret, 16) {
            return Err(BundleError::Value {
                what: "bootstrap token",
                // The secret stays out of errors.
                value: format!("{}.…", self.id),
                reason: "its secret has sixteen lower-case letters or digits",
            });
        }
        Ok(())
    }
}

/// Everything `init` applies, the definition of ClusterManagers included.
///
/// # Errors
/// A mode the native hub does not have, or an invalid value.
pub fn hub(values: &HubValues) -> Result<Vec<DynamicObject>, BundleError> {
    let mode = values
        .cluster_manager
        .deploy_option
        .as_ref()
        .map(|option| option.mode);
    if mode == Some(InstallMode::Hosted) {
        return Err(BundleError::Mode {
            mode: "Hosted".to_owned(),
        });
    }
    let mut objects = crds(&["clustermanagers.operator.open-cluster-management.io"])?;
    if values.create_namespace {
        objects.extend(load(&["hub/namespace.yaml"])?);
    }
    objects.extend(load(&["hub/role.yaml", "hub/service-account.yaml"])?);
    if let Some(credentials) = &values.image_pull_credentials {
        objects.push(overlay::pull_secret(
            names::OPERATOR_NAMESPACE,
            names::CLUSTER_MANAGER,
            credentials,
        )?);
    }
    objects.extend(bootstrap(values.bootstrap_token.as_ref())?);
    objects.extend(load(&[
        "hub/service.yaml",
        "hub/deployment.yaml",
        "hub/cluster-manager.yaml",
    ])?);
    let more = match imports(&values.cluster_manager) {
        true => load(&["hub/importer.yaml"])?,
        false => Vec::new(),
    };
    for object in &mut objects {
        if overlay::is(object, "ClusterRole", names::CLUSTER_MANAGER) {
            for role in &more {
                overlay::add_rules(object, role);
            }
        } else if overlay::is(object, "ServiceAccount", names::CLUSTER_MANAGER)
            && values.image_pull_credentials.is_some()
        {
            overlay::pull_with_secret(object);
        } else if overlay::is(object, "Deployment", names::CLUSTER_MANAGER) {
            overlay::deployment(
                object,
                &Workload {
                    image: &values.image,
                    replicas: values.replicas,
                    resources: values.cluster_manager.resource_requirement.as_ref(),
                    placement: &values.cluster_manager.node_placement,
                    arguments: &values.arguments,
                    priority_class: None,
                },
            )?;
        } else if overlay::is(object, "ClusterManager", names::CLUSTER_MANAGER) {
            let mut spec = values.cluster_manager.clone();
            spec.deploy_option.get_or_insert_default();
            object.data["spec"] = serde_json::to_value(spec)?;
            overlay::label(object, &values.labels);
        }
    }
    Ok(objects)
}

/// Whether clusters of Cluster API are imported, which takes more permissions.
fn imports(manager: &ClusterManagerSpec) -> bool {
    let registration = manager.registration_configuration.as_ref();
    let configured = registration.map_or(&[][..], |r| &r.feature_gates);
    gates::enabled(gates::HUB_REGISTRATION, configured, "ClusterImporter")
}

/// The way in for new clusters: a service account, or a bootstrap token.
pub(super) fn bootstrap(token: Option<&BootstrapToken>) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = load(&["hub/bootstrap.yaml"])?;
    let Some(token) = token else {
        return Ok(objects);
    };
    token.check()?;
    objects
        .retain(|object| ["ClusterRole", "Role", "RoleBinding"].contains(&overlay::kind(object)));
    let mut with_token = load(&["hub/bootstrap-token.yaml"])?;
    for object in &mut with_token {
        if overlay::kind(object) == "Secret" {
            object.metadata.name = Some(format!("bootstrap-token-{}", token.id));
            object.data["stringData"]["token-id"] = token.id.as_str().into();
            object.data["stringData"]["token-secret"] = token.secret.as_str().into();
            if let Some(expiration) = &token.expiration {
                object.data["stringData"]["expiration"] = expiration.as_str().into();
            }
        }
    }
    objects.extend(with_token);
    Ok(objects)
}

/// The definitions that the hub keeps for its ClusterManager.
///
/// # Errors
/// Only by a fault of this program.
pub fn hub_crds() -> Result<Vec<DynamicObject>, BundleError> {
    crds(&[
        "addondeploymentconfigs.addon.open-cluster-management.io",
        "addonplacementscores.cluster.open-cluster-management.io",
        "addontemplates.addon.open-cluster-management.io",
        "clustermanagementaddons.addon.open-cluster-management.io",
        "managedclusteraddons.addon.open-cluster-management.io",
        "managedclusters.cluster.open-cluster-management.io",
        "managedclustersetbindings.cluster.open-cluster-management.io",
        "managedclustersets.cluster.open-cluster-management.io",
        "manifestworkreplicasets.work.open-cluster-management.io",
        "manifestworks.work.open-cluster-management.io",
        "placementdecisions.cluster.open-cluster-management.io",
        "placements.cluster.open-cluster-management.io",
    ])
}

/// The definitions whose two versions differ, and that are converted.
const CONVERTED: [&str; 2] = [
    "clustermanagementaddons.addon.open-cluster-management.io",
    "managedclusteraddons.addon.open-cluster-management.io",
];

/// The same, converted by the hub between their versions where that says.
///
/// # Errors
/// Only by a fault of this program.
pub fn hub_crds_with(
    endpoint: Option<&WebhookEndpoint>,
) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = hub_crds()?;
    let Some(endpoint) = endpoint else {
        return Ok(objects);
    };
    for object in &mut objects {
        if CONVERTED.contains(&object.name_any().as_str()) {
            let mut client = json!({"service": {
                "name": names::WEBHOOK_SERVICE, "path": "/convert", "port": 9443,
            }});
            endpoint.overlay(&mut client);
            object.data["spec"]["conversion"] = json!({
                "strategy": "Webhook",
                "webhook": {
                    "conversionReviewVersions": ["v1", "v1beta1"],
                    "clientConfig": client,
                },
            });
        }
    }
    Ok(objects)
}

/// The role of who may make works without executor, as its file names it.
const EXECUTOR_ROLE: &str = "open-cluster-management:cluster-manager-work-executor-admin:webhook";

/// The other objects that the hub keeps for its ClusterManager.
///
/// # Errors
/// Only by a fault of this program.
pub fn hub_components(cluster_manager: &str) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = load(&[
        "hub/components/namespace.yaml",
        "hub/components/work-executor.yaml",
    ])?;
    let created_by = BTreeMap::from([(
        names::LABEL_CREATED_BY_CLUSTER_MANAGER.to_owned(),
        cluster_manager.to_owned(),
    )]);
    for object in &mut objects {
        overlay::label(object, &created_by);
        if overlay::is(object, "ClusterRole", EXECUTOR_ROLE) {
            object.metadata.name = Some(format!(
                "open-cluster-management:{cluster_manager}-work-executor-admin:webhook"
            ));
        }
    }
    Ok(objects)
}

/// How the API server reaches the hub's webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookEndpoint {
    /// Whom it trusts there: certificates, PEM.
    pub authorities: String,
    /// The namespace of the Service.
    pub namespace: String,
    /// `https://<address>` instead of the Service.
    pub base: Option<String>,
}

impl WebhookEndpoint {
    /// Completes a clientConfig that names the Service, its path and port.
    fn overlay(&self, client: &mut Value) {
        if let Some(base) = &self.base {
            let path = client["service"]["path"].as_str().unwrap_or_default();
            *client = json!({"url": format!("{base}{path}")});
        } else {
            client["service"]["namespace"] = self.namespace.as_str().into();
        }
        client["caBundle"] = STANDARD.encode(&self.authorities).into();
    }
}

/// The webhook configurations that the hub keeps for its ClusterManager.
///
/// # Errors
/// Only by a fault of this program.
pub fn hub_webhooks(
    cluster_manager: &str,
    uid: &str,
    endpoint: &WebhookEndpoint,
) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = load(&["hub/components/webhooks.yaml"])?;
    let created_by = BTreeMap::from([(
        names::LABEL_CREATED_BY_CLUSTER_MANAGER.to_owned(),
        cluster_manager.to_owned(),
    )]);
    for object in &mut objects {
        overlay::label(object, &created_by);
        // Should the hub be gone for good, they would refuse every write.
        object.metadata.owner_references = Some(vec![OwnerReference {
            api_version: "operator.open-cluster-management.io/v1".to_owned(),
            kind: "ClusterManager".to_owned(),
            name: cluster_manager.to_owned(),
            uid: uid.to_owned(),
            ..OwnerReference::default()
        }]);
        for webhook in object.data["webhooks"].as_array_mut().into_iter().flatten() {
            endpoint.overlay(&mut webhook["clientConfig"]);
        }
    }
    Ok(objects)
}
