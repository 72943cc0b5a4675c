//! What the hub does as the manager of an add-on from templates, on one cluster
//! (protocol, sections 9 to 11). Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;

use crate::ocm::addon::v1alpha1::{
    CONDITION_MANIFEST_APPLIED, CONDITION_REGISTRATION_APPLIED, ConfigGroupResource,
    ConfigReference, HealthCheck, HealthCheckMode, ManagedClusterAddOnStatus,
};
use crate::ocm::addon::{GROUP, names};
use crate::ocm::conditions::{self, FALSE, TRUE, UNKNOWN, condition};
use crate::ocm::work::v1 as work;
use crate::runtime::Key;

use super::former::Found;
use super::mca::{Plan, Seen};
use super::template::{self, Input, Rendered};
use super::view::{DeploymentConfig, ManifestId, Template, Work};
use super::{config, health, registration, works};

/// The message of a `RegistrationApplied` that is True.
const REGISTERED: &str = "Registration of the addon agent is configured";
/// Condition of add-ons: whether the cluster that is to host them can.
const CONDITION_HOSTING: &str = "HostingClusterValidity";
/// What a label's value may have.
const LABEL_LIMIT: usize = 63;

/// The parts that the hub plays for add-ons from templates.
pub(super) struct Templated<'a> {
    pub(super) seen: &'a Seen<'a>,
}

/// A template and what it is rendered with.
pub(super) struct Chosen {
    name: String,
    template: Arc<Template>,
    configs: Vec<Arc<DeploymentConfig>>,
}

/// What an installation is configured with.
pub(super) enum Choice {
    /// Nothing yet.
    Nothing,
    /// With exactly this.
    Exact(Chosen),
    /// With a version that is not known; this is what there is now.
    Ahead(Chosen),
    /// Something is gone, as the text says; this is what it was, if that is known.
    Gone(String, Option<Chosen>),
}

impl Templated<'_> {
    pub(super) fn addon(&self) -> String {
        self.seen.addon.name_any()
    }

    pub(super) fn cluster(&self) -> String {
        self.seen.addon.namespace().unwrap_or_default()
    }

    /// Decides about one that stays. Returns whether there are hooks.
    pub(super) fn decide(&self, status: &mut ManagedClusterAddOnStatus, plan: &mut Plan) -> bool {
        status.supported_configs = [names::DEPLOYMENT_CONFIGS, names::TEMPLATES]
            .map(|resource| ConfigGroupResource {
                group: GROUP.to_owned(),
                resource: resource.to_owned(),
            })
            .into();
        status.health_check = HealthCheck {
            mode: Some(HealthCheckMode::Customized),
        };
        self.hosting(status);
        let mut hooks = self.seen.has_finalizer();
        match self.choose(&mut status.config_references) {
            Choice::Nothing | Choice::Ahead(_) => {}
            Choice::Gone(error, _) => failed(&error, status),
            Choice::Exact(chosen) => {
                self.register(&chosen, status, plan);
                match self.deploy(&chosen, status, plan) {
                    Ok(some) => hooks = some,
                    Err(error) => failed(&error, status),
                }
            }
        }
        // Whatever becomes of the configuration, what runs is well or is not.
        self.health(status);
        hooks
    }

    /// Says that it is not hosted, where somebody asks for that.
    fn hosting(&self, status: &mut ManagedClusterAddOnStatus) {
        match names::hosting_cluster(self.seen.addon.annotations()) {
            Some(cluster) => {
                let message = format!(
                    "add-ons from templates are not hosted: the agent is deployed on {} itself, not on {cluster}; remove the annotation {}",
                    self.cluster(),
                    names::ANNOTATION_HOSTING_CLUSTER
                );
                let told = condition(CONDITION_HOSTING, FALSE, "HostingClusterInvalid", message);
                conditions::set(&mut status.conditions, told);
            }
            None => {
                conditions::remove(&mut status.conditions, CONDITION_HOSTING);
            }
        }
    }

    /// The template and the AddOnDeploymentConfigs that the installation is
    /// configured with.
    pub(super) fn choose(&self, references: &mut [ConfigReference]) -> Choice {
        let (mut template, mut configs) = (None, Vec::new());
        let (mut exact, mut gone, mut lost) = (true, None, false);
        for reference in references.iter_mut().filter(|r| r.group == GROUP) {
            let Some(desired) = reference.desired_config.clone() else {
                continue;
            };
            let known = match reference.resource.as_str() {
                names::TEMPLATES => {
                    let found = (self.seen.template)(&desired.name, &desired.spec_hash);
                    let what = || format!("AddOnTemplate {}", desired.name);
                    let found = take(found, &mut exact, &mut gone, what);
                    lost |= found.is_none();
                    template = found.map(|found| (desired.name.clone(), found));
                    let found = template.as_ref().map(|(_, found)| found);
                    found.map(|found| (found.hash.clone(), found.generation))
                }
                names::DEPLOYMENT_CONFIGS => {
                    let (namespace, name) = (&desired.namespace, &desired.name);
                    let found = (self.seen.config)(namespace, name, &desired.spec_hash);
                    let what = || format!("AddOnDeploymentConfig {namespace}/{name}");
                    let found = take(found, &mut exact, &mut gone, what);
                    lost |= found.is_none();
                    let known = found.as_ref().map(|f| (f.hash.clone(), f.generation));
                    configs.extend(found);
                    known
                }
                _ => continue,
            };
            if let Some((hash, generation)) = known
                && hash == desired.spec_hash
            {
                reference.last_observed_generation = generation;
            }
        }
        let chosen = template.map(|(name, template)| Chosen {
            name,
            template,
            configs,
        });
        match (gone, chosen) {
            (Some(gone), chosen) => Choice::Gone(gone, chosen.filter(|_| !lost)),
            (None, None) => Choice::Nothing,
            (None, Some(chosen)) if exact => Choice::Exact(chosen),
            (None, Some(chosen)) => Choice::Ahead(chosen),
        }
    }

    fn with_input<T>(&self, chosen: &Chosen, then: impl FnOnce(&Input<'_>) -> T) -> T {
        let (addon, cluster) = (self.addon(), self.cluster());
        let configs: Vec<_> = chosen.configs.iter().map(|config| &config.spec).collect();
        then(&Input {
            addon: &addon,
            cluster: &cluster,
            name: &chosen.name,
            template: &chosen.template.spec,
            configs: &configs,
            registries: self.seen.cluster.and_then(|c| c.registries.as_deref()),
        })
    }

    fn register(&self, chosen: &Chosen, status: &mut ManagedClusterAddOnStatus, plan: &mut Plan) {
        let (addon, cluster) = (self.addon(), self.cluster());
        let template = &chosen.template.spec;
        let own = self.seen.addon;
        let fallback =
            names::install_namespace(own.spec.install_namespace.as_deref(), own.annotations());
        // A placeholder that is wrong is told when all of it is rendered.
        status.namespace = self
            .with_input(chosen, |input| template::install_namespace(input, fallback))
            .unwrap_or_else(|_| fallback.to_owned());
        status.registrations = registration::registrations(template, &cluster, &addon, status);
        let (kube_client, _) = template::credentials(template);
        let condition = match registration::subject(&status.registrations) {
            _ if !kube_client => {
                plan.bindings = Some(Vec::new());
                condition(
                    CONDITION_REGISTRATION_APPLIED,
                    TRUE,
                    "NilRegistration",
                    REGISTERED,
                )
            }
            None => condition(
                CONDITION_REGISTRATION_APPLIED,
                FALSE,
                "PermissionConfigPending",
                "registration subject not ready",
            ),
            Some(subject) => {
                let mut all = vec![subject.clone()];
                if registration::is_shared(template) {
                    all.extend((self.seen.others)());
                }
                let bindings = registration::bindings(template, &cluster, &addon, subject, &all);
                plan.bindings = Some(bindings);
                condition(
                    CONDITION_REGISTRATION_APPLIED,
                    TRUE,
                    "SetPermissionApplied",
                    REGISTERED,
                )
            }
        };
        conditions::set(&mut status.conditions, condition);
    }

    /// The works of this cluster that deploy it, with their numbers.
    pub(super) fn deployed(&self) -> impl Iterator<Item = (usize, &(Key, Arc<Work>))> {
        let (addon, cluster) = (self.addon(), self.cluster());
        let works = self.seen.works.iter();
        works
            .filter(move |(key, _)| key.namespace == cluster)
            .filter_map(move |work| Some((works::number(&addon, &work.0.name)?, work)))
    }

    pub(super) fn render(&self, chosen: &Chosen) -> Result<Rendered, String> {
        let addon = self.addon();
        if addon.len() > LABEL_LIMIT {
            return Err(format!(
                "the add-on's name has {} characters; as a label of works it may have {LABEL_LIMIT}: give the ClusterManagementAddOn a shorter name",
                addon.len()
            ));
        }
        self.with_input(chosen, template::render)
            .map_err(|error| error.to_string())
    }

    /// Returns whether there are hooks.
    fn deploy(
        &self,
        chosen: &Chosen,
        status: &mut ManagedClusterAddOnStatus,
        plan: &mut Plan,
    ) -> Result<bool, String> {
        let addon = self.addon();
        let rendered = self.render(chosen)?;
        let hashes = config::annotation(&status.config_references);
        let present: BTreeMap<usize, &[ManifestId]> = self
            .deployed()
            .map(|(n, (_, work))| (n, work.manifests.as_slice()))
            .collect();
        plan.works = works::deploy(&addon, &rendered, hashes.as_deref(), &present)
            .map_err(|error| error.to_string())?;
        plan.remove = self
            .deployed()
            .map(|(_, (key, _))| key.name.clone())
            .filter(|name| plan.works.iter().all(|wanted| wanted.name != *name))
            .collect();
        self.applied(&rendered, plan, status);
        Ok(!rendered.hooks.is_empty())
    }

    /// What the works tell about the manifests.
    fn applied(&self, rendered: &Rendered, plan: &Plan, status: &mut ManagedClusterAddOnStatus) {
        let told = |status, reason, message: &str| {
            condition(CONDITION_MANIFEST_APPLIED, status, reason, message)
        };
        let condition = if rendered.manifests.is_empty() {
            told(TRUE, "AddonManifestApplied", "no manifest need to apply")
        } else {
            let works = plan.works.iter().map(|wanted| {
                let (_, work) = self
                    .seen
                    .works
                    .iter()
                    .find(|(key, _)| key.name == wanted.name)?;
                conditions::find(&work.conditions, work::CONDITION_APPLIED)
            });
            let works: Vec<_> = works.collect();
            if let Some(bad) = works.iter().flatten().find(|c| c.status == FALSE) {
                told(FALSE, "AddonManifestAppliedFailed", &bad.message)
            } else if works.iter().all(|c| c.is_some_and(|c| c.status == TRUE)) {
                let message = "manifests of addon are applied successfully";
                told(TRUE, "AddonManifestApplied", message)
            } else {
                // Nothing is known of these works: what was false may be mended.
                let old = conditions::find(&status.conditions, CONDITION_MANIFEST_APPLIED);
                if old.is_some_and(|old| old.status == FALSE) {
                    conditions::remove(&mut status.conditions, CONDITION_MANIFEST_APPLIED);
                }
                return;
            }
        };
        conditions::set(&mut status.conditions, condition);
    }

    fn health(&self, status: &mut ManagedClusterAddOnStatus) {
        // Of a cluster that is not heard of nothing is known (statement 28).
        let heard = self
            .seen
            .cluster
            .and_then(|cluster| cluster.available.as_ref());
        if heard.is_some_and(|available| available.status == UNKNOWN) {
            return;
        }
        let works: Vec<&Work> = self.deployed().map(|(_, (_, work))| &**work).collect();
        let available = health::available(&self.addon(), &works);
        conditions::set(&mut status.conditions, available);
    }
}

/// What there is of a configuration, noting whether it is another version or
/// gone.
fn take<S>(
    found: Found<S>,
    exact: &mut bool,
    gone: &mut Option<String>,
    what: impl Fn() -> String,
) -> Option<Arc<super::view::Config<S>>> {
    match found {
        Found::Exact(found) => Some(found),
        Found::Ahead(found) => {
            *exact = false;
            Some(found)
        }
        Found::Gone(was) => {
            gone.get_or_insert_with(|| format!("{} does not exist", what()));
            was
        }
    }
}

fn failed(error: &str, status: &mut ManagedClusterAddOnStatus) {
    let told = condition(
        CONDITION_MANIFEST_APPLIED,
        FALSE,
        "AddonManifestAppliedFailed",
        error,
    );
    conditions::set(&mut status.conditions, told);
}
