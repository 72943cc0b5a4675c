//! What an AddOnTemplate is for one cluster (protocol, section 11). Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{AddOnDeploymentConfigSpec, AddOnTemplateSpec, RegistrationType};
use crate::ocm::names::AGENT_ADDON_NAMESPACE;
use crate::ocm::work::v1::{
    DeleteOption, DeletePropagationPolicy, FeedbackRule, FeedbackRuleType, ManifestConfigOption,
    ManifestWorkExecutor, OrphaningRule, ResourceIdentifier, SelectivelyOrphan,
};

use super::decorate;
use super::substitute::{self, SubstituteError};
use super::view::ManifestId;

/// Why a template does not render.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    /// A placeholder is wrong.
    #[error("manifest {ordinal} ({manifest}) of AddOnTemplate {template}: {source}")]
    Placeholder {
        /// The template.
        template: String,
        /// Which manifest, from 0.
        ordinal: usize,
        /// Its kind and name.
        manifest: ManifestId,
        /// What is wrong.
        source: SubstituteError,
    },
    /// A manifest has no kind or no name once its variables have values.
    #[error(
        "manifest {ordinal} ({manifest}) of AddOnTemplate {template} has no {what} once its variables have values; define them in customizedVariables of an AddOnDeploymentConfig"
    )]
    Incomplete {
        /// The template.
        template: String,
        /// Which manifest, from 0.
        ordinal: usize,
        /// What is left of its kind and name.
        manifest: ManifestId,
        /// What is missing.
        what: &'static str,
    },
    /// Two manifests are the same object, with different content.
    #[error(
        "AddOnTemplate {template} has two different manifests for {manifest}; give them different names"
    )]
    Twice {
        /// The template.
        template: String,
        /// The object.
        manifest: ManifestId,
    },
    /// A name that follows from another one is too long.
    #[error(
        "the {what} \"{name}\" has {length} characters, {limit} are allowed; {hint}",
        length = name.len()
    )]
    TooLong {
        /// What has the name.
        what: &'static str,
        /// The name.
        name: String,
        /// How many characters it may have.
        limit: usize,
        /// What to do.
        hint: &'static str,
    },
    /// A manifest does not fit into a work.
    #[error(
        "{manifest} has {size} bytes; a ManifestWork takes {limit}: split it into smaller objects"
    )]
    TooBig {
        /// The object.
        manifest: ManifestId,
        /// Its size.
        size: usize,
        /// How much fits.
        limit: usize,
    },
    /// The cluster's image registries cannot be read.
    #[error("annotation open-cluster-management.io/image-registries of the ManagedCluster: {0}")]
    Registries(String),
}

/// What a template is rendered with.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The add-on.
    pub addon: &'a str,
    /// The cluster.
    pub cluster: &'a str,
    /// The template's name.
    pub name: &'a str,
    /// The template.
    pub template: &'a AddOnTemplateSpec,
    /// How the agents are deployed; the last one counts where several say something.
    pub configs: &'a [&'a AddOnDeploymentConfigSpec],
    /// The cluster's image registries, as its annotation has them.
    pub registries: Option<&'a str>,
}

/// A template rendered for one cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// What the agent consists of.
    pub manifests: Vec<Value>,
    /// Jobs and pods that run before it goes.
    pub hooks: Vec<Value>,
    /// How the manifests are treated.
    pub configs: Vec<ManifestConfigOption>,
    /// What stays when they are removed.
    pub delete_option: Option<DeleteOption>,
    /// As whom they are applied.
    pub executor: Option<ManifestWorkExecutor>,
}

impl Input<'_> {
    /// The namespace that an AddOnDeploymentConfig moves everything to.
    fn moved_to(&self) -> Option<&str> {
        let mut namespaces = self.configs.iter().map(|config| {
            config
                .agent_install_namespace
                .as_deref()
                .unwrap_or(AGENT_ADDON_NAMESPACE)
        });
        namespaces
            .next_back()
            .filter(|namespace| !namespace.is_empty())
    }

    /// The variables of placeholders and containers.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::from([(
            "HUB_KUBECONFIG".to_owned(),
            "/managed/hub-kubeconfig/kubeconfig".to_owned(),
        )]);
        for variable in self.configs.iter().flat_map(|c| &c.customized_variables) {
            variables.insert(variable.name.clone(), variable.value.clone());
        }
        variables.insert("CLUSTER_NAME".to_owned(), self.cluster.to_owned());
        if let Some(namespace) = self.moved_to() {
            variables.insert("INSTALL_NAMESPACE".to_owned(), namespace.to_owned());
        }
        variables
    }
}

/// The namespace in which the agent of a template add-on lives: what an
/// AddOnDeploymentConfig says, else that of the first Deployment, else of the
/// first DaemonSet, else `fallback`.
///
/// # Errors
/// A placeholder in that namespace is wrong.
pub fn install_namespace(input: &Input<'_>, fallback: &str) -> Result<String, SubstituteError> {
    if let Some(namespace) = input.moved_to() {
        return Ok(namespace.to_owned());
    }
    let manifests = &input.template.agent_spec.workload.manifests;
    let workload = |kind: &str| {
        let mut all = manifests.iter().filter(|m| decorate::is_workload(m));
        all.find(|manifest| manifest["kind"] == kind)
    };
    let namespace = workload("Deployment")
        .or_else(|| workload("DaemonSet"))
        .and_then(|manifest| manifest.pointer("/metadata/namespace")?.as_str())
        .unwrap_or_default();
    let namespace = substitute::in_text(namespace, &input.variables())?;
    Ok(if namespace.is_empty() {
        fallback.to_owned()
    } else {
        namespace
    })
}

/// Renders a template.
///
/// # Errors
/// It does not render: what is wrong, and with which manifest.
pub fn render(input: &Input<'_>) -> Result<Rendered, RenderError> {
    let variables = input.variables();
    let mut pod = decorate::Pod::of(input, &variables)?;
    let spec = &input.template.agent_spec;
    let mut rendered = Rendered {
        executor: spec.executor.clone(),
        configs: spec.manifest_configs.clone(),
        ..Rendered::default()
    };
    let mut orphans = Vec::new();
    let mut seen: BTreeMap<ManifestId, Value> = BTreeMap::new();
    for (ordinal, manifest) in spec.workload.manifests.iter().enumerate() {
        let template = input.name.to_owned();
        let mut manifest = substitute::in_value(manifest, &variables).map_err(|source| {
            RenderError::Placeholder {
                template: template.clone(),
                ordinal,
                manifest: ManifestId::of(manifest),
                source,
            }
        })?;
        if let Some(namespace) = input.moved_to() {
            decorate::move_to(&mut manifest, namespace);
        }
        let id = ManifestId::of(&manifest);
        let missing = [("kind", id.kind.is_empty()), ("name", id.name.is_empty())];
        if let Some((what, _)) = missing.into_iter().find(|(_, missing)| *missing) {
            return Err(RenderError::Incomplete {
                template,
                ordinal,
                manifest: id,
                what,
            });
        }
        if decorate::is_workload(&manifest) {
            pod.decorate(&mut manifest);
            probe(&mut rendered.configs, &id);
        }
        match seen.get(&id) {
            Some(same) if *same == manifest => continue,
            Some(_) => {
                return Err(RenderError::Twice {
                    template,
                    manifest: id,
                });
            }
            None => {}
        }
        seen.insert(id.clone(), manifest.clone());
        if is_hook(&manifest) {
            rendered.hooks.push(manifest);
            continue;
        }
        if marked(&manifest, "annotations", names::ANNOTATION_DELETION_ORPHAN) {
            orphans.push(OrphaningRule {
                group: id.group,
                resource: plural(&id.kind),
                namespace: id.namespace,
                name: id.name,
            });
        }
        rendered.manifests.push(manifest);
    }
    rendered.manifests.extend(pod.extra());
    if let Some(namespace) = input.moved_to() {
        for config in &mut rendered.configs {
            let identifier = &mut config.resource_identifier;
            if !identifier.namespace.is_empty() {
                namespace.clone_into(&mut identifier.namespace);
            }
        }
        merge_same(&mut rendered.configs);
    }
    rendered.delete_option = delete_option(spec.delete_option.as_ref(), orphans);
    Ok(rendered)
}

/// Health is known by what a workload's status says.
fn probe(configs: &mut Vec<ManifestConfigOption>, id: &ManifestId) {
    let identifier = ResourceIdentifier {
        group: id.group.clone(),
        resource: plural(&id.kind),
        namespace: id.namespace.clone(),
        name: id.name.clone(),
    };
    let rule = FeedbackRule {
        type_: FeedbackRuleType::WellKnownStatus,
        json_paths: Vec::new(),
    };
    match configs
        .iter_mut()
        .find(|config| config.resource_identifier == identifier)
    {
        Some(config) => {
            if !config
                .feedback_rules
                .iter()
                .any(|rule| rule.type_ == FeedbackRuleType::WellKnownStatus)
            {
                config.feedback_rules.push(rule);
            }
        }
        None => configs.push(ManifestConfigOption {
            resource_identifier: identifier,
            feedback_rules: vec![rule],
            ..ManifestConfigOption::default()
        }),
    }
}

/// Two entries for one object become one: moving may have made them equal.
fn merge_same(configs: &mut Vec<ManifestConfigOption>) {
    let mut merged: Vec<ManifestConfigOption> = Vec::with_capacity(configs.len());
    for config in configs.drain(..) {
        match merged
            .iter_mut()
            .find(|known| known.resource_identifier == config.resource_identifier)
        {
            Some(known) => {
                for rule in config.feedback_rules {
                    if !known.feedback_rules.contains(&rule) {
                        known.feedback_rules.push(rule);
                    }
                }
                known.update_strategy = known.update_strategy.take().or(config.update_strategy);
                known.condition_rules.extend(config.condition_rules);
            }
            None => merged.push(config),
        }
    }
    *configs = merged;
}

fn delete_option(
    template: Option<&DeleteOption>,
    orphans: Vec<OrphaningRule>,
) -> Option<DeleteOption> {
    if orphans.is_empty() {
        return template.cloned();
    }
    let mut option = template.cloned().unwrap_or_default();
    if option.propagation_policy == Some(DeletePropagationPolicy::Orphan) {
        return Some(option);
    }
    option.propagation_policy = Some(DeletePropagationPolicy::SelectivelyOrphan);
    option
        .selectively_orphans
        .get_or_insert_with(SelectivelyOrphan::default)
        .orphaning_rules
        .extend(orphans);
    Some(option)
}

/// Whether a Job or Pod runs before the add-on goes.
fn is_hook(manifest: &Value) -> bool {
    let job = manifest["apiVersion"] == "batch/v1" && manifest["kind"] == "Job";
    let pod = manifest["apiVersion"] == "v1" && manifest["kind"] == "Pod";
    (job || pod)
        && ["annotations", "labels"]
            .iter()
            .any(|map| marked(manifest, map, names::ANNOTATION_PRE_DELETE))
}

fn marked(manifest: &Value, map: &str, key: &str) -> bool {
    manifest["metadata"][map].get(key).is_some()
}

/// The plural of a kind, guessed as Kubernetes guesses it, but for "gateways".
pub(super) fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    if lower == "endpoints" {
        lower
    } else if lower.ends_with('s') {
        format!("{lower}es")
    } else if let Some(stem) = lower.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'o', 'u'])
    {
        format!("{stem}ies")
    } else {
        format!("{lower}s")
    }
}

/// The signers and whether there is a client for the hub, of a template.
pub(super) fn credentials(template: &AddOnTemplateSpec) -> (bool, Vec<&str>) {
    let kube_client = template
        .registration
        .iter()
        .any(|registration| registration.type_ == RegistrationType::KubeClient);
    let signers = template
        .registration
        .iter()
        .filter(|registration| registration.type_ == RegistrationType::CustomSigner)
        .filter_map(|registration| registration.custom_signer.as_ref())
        .map(|signer| signer.signer_name.as_str())
        .collect();
    (kube_client, signers)
}

/// A ConfigMap with the authorities of the proxy.
pub(super) fn proxy_authorities(addon: &str, namespace: &str, bundle: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": format!("{addon}-proxy-ca"), "namespace": namespace},
        "data": {"ca-bundle.crt": bundle},
    })
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
