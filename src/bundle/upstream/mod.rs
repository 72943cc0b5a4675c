//! What `init` and `join` install where the components are upstream's: their
//! operators, the objects of clusteradm's charts (clusteradm reference §3.5, §4.5).

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::agent::check_name;
use super::hub::bootstrap;
use super::{BootstrapToken, BundleError, crds, load, overlay};
use crate::ocm::gates::{self, Known};
use crate::ocm::names;
use crate::ocm::operator::v1::{
    ClusterManagerSpec, FeatureGate, FeatureGateMode, FeatureGatesConfiguration, KlusterletSpec,
    WorkDriver,
};
use crate::ocm::releases::Images;

/// What `init` decides.
#[derive(Clone, Debug, Default)]
pub struct UpstreamHub {
    /// Which images.
    pub images: Images,
    /// How many of the operator run; three when nothing is said.
    pub replicas: Option<i32>,
    /// Whether the namespace of the operators is created too.
    pub create_namespace: bool,
    /// Credentials for images: a docker configuration in JSON.
    pub image_pull_credentials: Option<Vec<u8>>,
    /// Clusters join with this bootstrap token instead of a service account's.
    pub bootstrap_token: Option<BootstrapToken>,
    /// What the hub is asked to be; images and the gates of placement are added.
    pub cluster_manager: ClusterManagerSpec,
    /// Labels of the ClusterManager go to what the operator makes of it.
    pub sync_labels: bool,
}

/// Everything `init` applies, the definition of ClusterManagers included.
///
/// # Errors
/// An invalid value.
pub fn upstream_hub(values: &UpstreamHub) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = crds(&["clustermanagers.operator.open-cluster-management.io"])?;
    if values.create_namespace {
        objects.extend(load(&["hub/namespace.yaml"])?);
    }
    objects.extend(load(&[
        "upstream-hub/role.yaml",
        "upstream-hub/service-account.yaml",
    ])?);
    objects.push(pull_secret(
        names::OPERATOR_NAMESPACE,
        names::CLUSTER_MANAGER,
        values.image_pull_credentials.as_deref(),
    )?);
    objects.extend(bootstrap_of_chart(values.bootstrap_token.as_ref())?);
    objects.extend(load(&[
        "upstream-hub/deployment.yaml",
        "hub/cluster-manager.yaml",
    ])?);
    for object in &mut objects {
        if overlay::is(object, "Deployment", names::CLUSTER_MANAGER) {
            operator(object, &values.images, values.replicas, values.sync_labels);
        } else if overlay::is(object, "ClusterManager", names::CLUSTER_MANAGER) {
            object.data["spec"] = serde_json::to_value(cluster_manager(values))?;
        }
    }
    Ok(objects)
}

/// The way in as upstream's chart has it: one role that reads every ConfigMap.
fn bootstrap_of_chart(token: Option<&BootstrapToken>) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = bootstrap(token)?;
    objects.retain(|object| !["Role", "RoleBinding"].contains(&overlay::kind(object)));
    for object in &mut objects {
        if overlay::kind(object) == "ClusterRole"
            && let Some(rules) = object.data["rules"].as_array_mut()
        {
            let rule = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]});
            // Nor does it name the set that new clusters may join.
            for rule in rules.iter_mut() {
                if let Some(rule) = rule.as_object_mut() {
                    rule.remove("resourceNames");
                }
            }
            rules.insert(0, rule);
        }
    }
    Ok(objects)
}

/// The spec with what the chart always says.
fn cluster_manager(values: &UpstreamHub) -> ClusterManagerSpec {
    let mut spec = values.cluster_manager.clone();
    let images = &values.images;
    spec.registration_image_pull_spec = Some(images.registration());
    spec.work_image_pull_spec = Some(images.work());
    spec.placement_image_pull_spec = Some(images.placement());
    spec.addon_manager_image_pull_spec = Some(images.addon_manager());
    spec.deploy_option.get_or_insert_default();
    spec.resource_requirement
        .get_or_insert_default()
        .type_
        .get_or_insert_default();
    let registration = spec.registration_configuration.get_or_insert_default();
    registration.feature_gates = said(gates::HUB_REGISTRATION, &registration.feature_gates);
    let work = spec.work_configuration.get_or_insert_default();
    work.work_driver.get_or_insert(WorkDriver::Kube);
    work.feature_gates = said(gates::HUB_WORK, &work.feature_gates);
    let addons = spec.addon_manager_configuration.get_or_insert_default();
    addons.feature_gates = said(gates::HUB_ADDON, &addons.feature_gates);
    spec.placement_configuration
        .get_or_insert_with(|| FeatureGatesConfiguration {
            feature_gates: vec![gate("PlacementDebugServer", FeatureGateMode::Enable)],
        });
    spec
}

fn gate(feature: &str, mode: FeatureGateMode) -> FeatureGate {
    FeatureGate {
        feature: feature.to_owned(),
        mode,
    }
}

/// Every gate that is on, and those that are off though they are on elsewhere:
/// so the object says what holds, whatever the defaults of a later release.
fn said(known: &[Known], wanted: &[FeatureGate]) -> Vec<FeatureGate> {
    known
        .iter()
        .filter_map(
            |&(name, default)| match gates::enabled(known, wanted, name) {
                true => Some(gate(name, FeatureGateMode::Enable)),
                false if default => Some(gate(name, FeatureGateMode::Disable)),
                false => None,
            },
        )
        .collect()
}

/// Credentials for images; without any the Secret is there, and empty, since
/// the accounts name it.
fn pull_secret(
    namespace: &str,
    app: &str,
    credentials: Option<&[u8]>,
) -> Result<DynamicObject, BundleError> {
    overlay::pull_secret(namespace, app, credentials.unwrap_or(b"{}"))
}

/// Overlays the Deployment of an operator.
fn operator(object: &mut DynamicObject, images: &Images, replicas: Option<i32>, sync_labels: bool) {
    if let Some(replicas) = replicas {
        object.data["spec"]["replicas"] = replicas.into();
    }
    let container = &mut object.data["spec"]["template"]["spec"]["containers"][0];
    let image = Value::from(images.operator());
    for variable in container["env"].as_array_mut().into_iter().flatten() {
        if variable["name"] == "AGENT_IMAGE" {
            variable["value"] = image.clone();
        }
    }
    container["image"] = image;
    if sync_labels && let Some(arguments) = container["args"].as_array_mut() {
        arguments.push("--enable-sync-labels".into());
    }
}

/// A kubeconfig and the Secret that holds it.
#[derive(Clone)]
pub struct Bootstrap {
    /// The Secret's name.
    pub secret: String,
    /// Key and content of its data.
    pub data: BTreeMap<String, Vec<u8>>,
}

/// Without the credentials.
impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bootstrap({})", self.secret)
    }
}

impl Bootstrap {
    /// The kubeconfig of the one hub.
    pub fn kubeconfig(kubeconfig: &str) -> Self {
        Self {
            secret: names::BOOTSTRAP_KUBECONFIG_SECRET.to_owned(),
            data: BTreeMap::from([(
                names::KEY_KUBECONFIG.to_owned(),
                kubeconfig.as_bytes().to_vec(),
            )]),
        }
    }
}

/// What `join` decides.
#[derive(Clone, Debug, Default)]
pub struct UpstreamAgent {
    /// Which images.
    pub images: Images,
    /// How many of the operator run; one when nothing is said.
    pub replicas: Option<i32>,
    /// Whether the namespace of the operators is created too. That of the
    /// agent always is.
    pub create_namespace: bool,
    /// Whether the operator is installed. A hosting cluster that has one keeps it.
    pub operator: bool,
    /// Credentials for images: a docker configuration in JSON.
    pub image_pull_credentials: Option<Vec<u8>>,
    /// The ways to join a hub; one, or one for each of several hubs.
    pub bootstraps: Vec<Bootstrap>,
    /// In hosted mode: the kubeconfig of the managed cluster.
    pub external_managed_kubeconfig: Option<ExternalKubeconfig>,
    /// What the Klusterlet is called.
    pub klusterlet_name: String,
    /// What the agent is asked to be; images are added.
    pub klusterlet: KlusterletSpec,
    /// Labels of the Klusterlet go to what the operator makes of it.
    pub sync_labels: bool,
}

/// A kubeconfig that stays out of logs.
#[derive(Clone)]
pub struct ExternalKubeconfig(pub Vec<u8>);

/// Without the credentials.
impl fmt::Debug for ExternalKubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalKubeconfig(…)")
    }
}

impl UpstreamAgent {
    /// Whether the agent runs on another cluster than the one it manages.
    pub fn hosted(&self) -> bool {
        let mode = self.klusterlet.deploy_option.mode.as_deref();
        matches!(mode, Some("Hosted" | "SingletonHosted"))
    }

    /// Where the agent runs: in hosted mode in a namespace of the Klusterlet's
    /// name, else in that of its spec (operator reference §9).
    pub fn namespace(&self) -> &str {
        if self.hosted() {
            &self.klusterlet_name
        } else {
            self.klusterlet.agent_namespace()
        }
    }
}

/// Everything `join` applies, the definition of Klusterlets included.
///
/// # Errors
/// An invalid value.
pub fn upstream_agent(values: &UpstreamAgent) -> Result<Vec<DynamicObject>, BundleError> {
    check_name(&values.klusterlet_name)?;
    let namespace = values.namespace();
    let mut objects = crds(&["klusterlets.operator.open-cluster-management.io"])?;
    if values.create_namespace {
        objects.extend(load(&["agent/namespace.yaml"])?);
    }
    objects.extend(load(&["upstream-agent/namespace.yaml"])?);
    // Those of Kubernetes itself are there, and have that prefix to themselves.
    let class = values.klusterlet.priority_class_name.as_ref();
    if let Some(name) = class.filter(|name| !name.starts_with("system-")) {
        let mut classes = load(&["upstream-agent/priority-class.yaml"])?;
        for class in &mut classes {
            class.metadata.name = Some(name.clone());
        }
        objects.extend(classes);
    }
    let credentials = values.image_pull_credentials.as_deref();
    if values.operator {
        objects.extend(load(&[
            "upstream-agent/role.yaml",
            "upstream-agent/service-account.yaml",
        ])?);
        objects.push(pull_secret(
            names::OPERATOR_NAMESPACE,
            names::KLUSTERLET,
            credentials,
        )?);
    }
    for bootstrap in &values.bootstraps {
        objects.push(secret(namespace, &bootstrap.secret, &bootstrap.data)?);
    }
    if let Some(ExternalKubeconfig(kubeconfig)) = &values.external_managed_kubeconfig {
        let data = BTreeMap::from([(names::KEY_KUBECONFIG.to_owned(), kubeconfig.clone())]);
        objects.push(secret(namespace, "external-managed-kubeconfig", &data)?);
    }
    if values.operator {
        objects.extend(load(&["upstream-agent/deployment.yaml"])?);
    }
    objects.extend(load(&["agent/klusterlet.yaml"])?);
    for object in &mut objects {
        if overlay::is(object, "Namespace", names::AGENT_NAMESPACE) {
            object.metadata.name = Some(namespace.to_owned());
        } else if overlay::is(object, "Deployment", names::KLUSTERLET) {
            operator(object, &values.images, values.replicas, values.sync_labels);
        } else if overlay::kind(object) == "Klusterlet" {
            object.metadata.name = Some(values.klusterlet_name.clone());
            object.data["spec"] = serde_json::to_value(klusterlet(values))?;
        }
    }
    Ok(objects)
}

/// The spec with what the chart always says.
fn klusterlet(values: &UpstreamAgent) -> KlusterletSpec {
    let mut spec = values.klusterlet.clone();
    spec.registration_image_pull_spec = Some(values.images.registration());
    spec.work_image_pull_spec = Some(values.images.work());
    spec.image_pull_spec = Some(values.images.operator());
    spec.namespace = Some(spec.agent_namespace().to_owned());
    spec.deploy_option
        .mode
        .get_or_insert_with(|| "Default".to_owned());
    spec.resource_requirement
        .get_or_insert_default()
        .type_
        .get_or_insert_default();
    let registration = spec.registration_configuration.get_or_insert_default();
    registration.feature_gates = said(gates::AGENT_REGISTRATION, &registration.feature_gates);
    let work = spec.work_configuration.get_or_insert_default();
    work.feature_gates = said(gates::AGENT_WORK, &work.feature_gates);
    spec
}

/// An opaque Secret.
fn secret(
    namespace: &str,
    name: &str,
    data: &BTreeMap<String, Vec<u8>>,
) -> Result<DynamicObject, BundleError> {
    let data: BTreeMap<&String, ByteString> = data
        .iter()
        .map(|(key, content)| (key, ByteString(content.clone())))
        .collect();
    Ok(serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "data": data,
    }))?)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
