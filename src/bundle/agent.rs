//! What makes a cluster a managed one.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use kube::api::DynamicObject;

use super::overlay::{self, Workload};
use super::{BundleError, DEFAULT_IMAGE, crds, load};
use crate::ocm::names;
use crate::ocm::operator::v1::KlusterletSpec;

/// What `join` decides.
#[derive(Clone)]
pub struct AgentValues {
    /// The image of this program.
    pub image: String,
    /// How many instances of the agent run; one of them leads.
    pub replicas: i32,
    /// Whether the namespace of the operators is created too. That of the
    /// agent always is.
    pub create_namespace: bool,
    /// Credentials for images: a docker configuration in JSON.
    pub image_pull_credentials: Option<Vec<u8>>,
    /// The kubeconfig to join with, as YAML.
    pub bootstrap_kubeconfig: String,
    /// What the Klusterlet is called.
    pub klusterlet_name: String,
    /// What the agent is asked to be; the cluster's name is in here.
    pub klusterlet: KlusterletSpec,
    /// Labels of the Klusterlet.
    pub labels: BTreeMap<String, String>,
    /// Arguments after `agent`.
    pub arguments: Vec<String>,
}

impl Default for AgentValues {
    fn default() -> Self {
        Self {
            image: DEFAULT_IMAGE.to_owned(),
            replicas: 1,
            create_namespace: true,
            image_pull_credentials: None,
            bootstrap_kubeconfig: String::new(),
            klusterlet_name: names::KLUSTERLET.to_owned(),
            klusterlet: KlusterletSpec::default(),
            labels: BTreeMap::new(),
            arguments: Vec::new(),
        }
    }
}

/// Without the credentials.
impl fmt::Debug for AgentValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentValues")
            .field("image", &self.image)
            .field("replicas", &self.replicas)
            .field("klusterlet_name", &self.klusterlet_name)
            .field("klusterlet", &self.klusterlet)
            .field("labels", &self.labels)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// Everything `join` applies, the definition of Klusterlets included.
///
/// # Errors
/// A mode the native agent does not have, or an invalid value.
pub fn agent(values: &AgentValues) -> Result<Vec<DynamicObject>, BundleError> {
    check(values)?;
    let namespace = values.klusterlet.agent_namespace();
    let mut objects = crds(&["klusterlets.operator.open-cluster-management.io"])?;
    if values.create_namespace {
        objects.extend(load(&["agent/namespace.yaml"])?);
    }
    // Applied by `join` too, so that no part of the agent waits for another;
    // from then on the agent keeps them.
    objects.extend(agent_components(&values.klusterlet_name, namespace)?);
    objects.extend(load(&["agent/role.yaml", "agent/service-account.yaml"])?);
    if let Some(credentials) = &values.image_pull_credentials {
        for namespace in [names::OPERATOR_NAMESPACE, namespace] {
            objects.push(overlay::pull_secret(
                namespace,
                names::KLUSTERLET,
                credentials,
            )?);
        }
    }
    objects.extend(load(&[
        "agent/bootstrap.yaml",
        "agent/deployment.yaml",
        "agent/klusterlet.yaml",
    ])?);
    for object in &mut objects {
        if overlay::is(object, "ServiceAccount", names::KLUSTERLET)
            && values.image_pull_credentials.is_some()
        {
            overlay::pull_with_secret(object);
        } else if overlay::is(object, "Secret", names::BOOTSTRAP_KUBECONFIG_SECRET) {
            object.metadata.namespace = Some(namespace.to_owned());
            let kubeconfig = ByteString(values.bootstrap_kubeconfig.clone().into_bytes());
            object.data["data"] =
                serde_json::to_value(BTreeMap::from([(names::KEY_KUBECONFIG, kubeconfig)]))?;
        } else if overlay::is(object, "Deployment", names::KLUSTERLET) {
            overlay::deployment(
                object,
                &Workload {
                    image: &values.image,
                    replicas: values.replicas,
                    resources: values.klusterlet.resource_requirement.as_ref(),
                    placement: &values.klusterlet.node_placement,
                    arguments: &values.arguments,
                    priority_class: values.klusterlet.priority_class_name.as_deref(),
                },
            )?;
        } else if overlay::kind(object) == "Klusterlet" {
            let mut spec = values.klusterlet.clone();
            spec.namespace = Some(namespace.to_owned());
            spec.deploy_option
                .mode
                .get_or_insert_with(|| "Default".to_owned());
            object.metadata.name = Some(values.klusterlet_name.clone());
            object.data["spec"] = serde_json::to_value(spec)?;
            overlay::label(object, &values.labels);
        }
    }
    Ok(objects)
}

fn check(values: &AgentValues) -> Result<(), BundleError> {
    match values.klusterlet.deploy_option.mode.as_deref() {
        // One process has both parts, so these two are the same here.
        None | Some("" | "Default" | "Singleton") => {}
        Some(mode) => {
            return Err(BundleError::Mode {
                mode: mode.to_owned(),
            });
        }
    }
    if values.bootstrap_kubeconfig.is_empty() {
        return Err(BundleError::Value {
            what: "bootstrap kubeconfig",
            value: String::new(),
            reason: "it is empty",
        });
    }
    check_name(&values.klusterlet_name)
}

/// A Klusterlet's name is part of other names.
pub(super) fn check_name(name: &str) -> Result<(), BundleError> {
    let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty()
        || name.len() > 63
        || !name.bytes().all(label)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        return Err(BundleError::Value {
            what: "klusterlet name",
            value: name.to_owned(),
            reason: "it has lower-case letters, digits and dashes, at most 63",
        });
    }
    Ok(())
}

/// The definitions that the agent keeps for its Klusterlet.
///
/// # Errors
/// Only by a fault of this program.
pub fn agent_crds() -> Result<Vec<DynamicObject>, BundleError> {
    crds(&[
        "appliedmanifestworks.work.open-cluster-management.io",
        "clusterclaims.cluster.open-cluster-management.io",
    ])
}

/// The other objects that the agent keeps for its Klusterlet: namespaces and
/// permissions.
///
/// # Errors
/// Only by a fault of this program.
pub fn agent_components(
    klusterlet: &str,
    namespace: &str,
) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = load(&[
        "agent/components/namespaces.yaml",
        "agent/components/registration.yaml",
        "agent/components/work.yaml",
    ])?;
    let created_by = BTreeMap::from([(
        names::LABEL_CREATED_BY_KLUSTERLET.to_owned(),
        klusterlet.to_owned(),
    )]);
    let of_klusterlet =
        BTreeMap::from([(names::LABEL_KLUSTERLET.to_owned(), klusterlet.to_owned())]);
    for object in &mut objects {
        overlay::label(object, &created_by);
        if overlay::is(object, "Namespace", names::AGENT_NAMESPACE) {
            object.metadata.name = Some(namespace.to_owned());
            overlay::label(object, &of_klusterlet);
            continue;
        }
        if let Some(name) = &mut object.metadata.name {
            *name = renamed(name, klusterlet);
        }
        if object.metadata.namespace.as_deref() == Some(names::AGENT_NAMESPACE) {
            object.metadata.namespace = Some(namespace.to_owned());
        }
        if let Some(role) = object.data["roleRef"]["name"].as_str() {
            let role = renamed(role, klusterlet);
            object.data["roleRef"]["name"] = role.into();
        }
    }
    Ok(objects)
}

/// A component's name with the Klusterlet's in the place of the default one.
fn renamed(name: &str, klusterlet: &str) -> String {
    name.replacen(
        &format!(":{}-", names::KLUSTERLET),
        &format!(":{klusterlet}-"),
        1,
    )
}
