//! One add-on on one cluster (protocol, sections 8 to 11). Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::ResourceExt;
use serde_json::Value;

use crate::ocm::addon::v1alpha1::{
    CONDITION_CONFIGURED, CONDITION_MANIFEST_APPLIED, CONDITION_PROGRESSING,
    CONDITION_REGISTRATION_APPLIED, ClusterManagementAddOn, ConfigGroupResource, ConfigReference,
    HealthCheck, HealthCheckMode, ManagedClusterAddOn, ManagedClusterAddOnStatus, Subject,
};
use crate::ocm::addon::{GROUP, names};
use crate::ocm::conditions::{self, FALSE, TRUE, UNKNOWN, condition};
use crate::ocm::names::AGENT_ADDON_NAMESPACE;
use crate::ocm::work::v1 as work;
use crate::runtime::Key;

use super::health;
use super::offer::{Assignment, is_configured};
use super::registration::{self, Binding};
use super::template::{self, Input, Rendered};
use super::view::{Cluster, DeploymentConfig, ManifestId, Template, Work};
use super::works::{self, Wanted};
use super::{config, metadata};

/// The message of a `RegistrationApplied` that is True.
const REGISTERED: &str = "Registration of the addon agent is configured";
/// What a label's value may have.
const LABEL_LIMIT: usize = 63;

/// What is known about an installation.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The installation.
    pub addon: &'a ManagedClusterAddOn,
    /// What it is an installation of.
    pub offer: &'a ClusterManagementAddOn,
    /// Its cluster, if that is known.
    pub cluster: Option<&'a Cluster>,
    /// What it is to be configured with; `None` when somebody else says so.
    pub assignment: Option<&'a Assignment>,
    /// The works of the add-on for this cluster, wherever they are.
    pub works: &'a [(Key, Arc<Work>)],
    /// The identities of the add-on's agents on the other clusters.
    pub others: &'a dyn Fn() -> Vec<Subject>,
    /// Templates by name.
    pub template: &'a dyn Fn(&str) -> Option<Arc<Template>>,
    /// AddOnDeploymentConfigs by namespace and name.
    pub config: &'a dyn Fn(&str, &str) -> Option<Arc<DeploymentConfig>>,
}

/// What to do, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// A merge patch of its metadata.
    pub metadata: Option<Value>,
    /// Permissions of its agent; `None` leaves alone what there is.
    pub bindings: Option<Vec<Binding>>,
    /// Works that must be there, as they should be.
    pub works: Vec<Wanted>,
    /// Works that must go.
    pub remove: Vec<String>,
    /// What its status is to say when all of that succeeds.
    pub status: ManagedClusterAddOnStatus,
    /// Whether the finalizer goes after all of that.
    pub release: bool,
}

/// Whether the hub itself is the manager of this add-on: it comes from templates.
#[must_use]
pub fn is_templated(offer: &ClusterManagementAddOn) -> bool {
    super::offer::is_managed(offer)
        && offer
            .spec
            .supported_configs
            .iter()
            .any(|config| config.group == GROUP && config.resource == names::TEMPLATES)
}

/// Decides about an installation.
#[must_use]
pub fn decide(seen: &Seen<'_>) -> Plan {
    let mut status = seen.addon.status.clone().unwrap_or_default();
    let deleting = seen.addon.metadata.deletion_timestamp.is_some();
    let templated = is_templated(seen.offer);
    let mut plan = Plan::default();
    if let Some(assignment) = seen.assignment.filter(|_| !deleting) {
        configure(seen.addon, assignment, &mut status);
    }
    let mut hooks = false;
    if templated {
        hooks = Templated { seen }.decide(deleting, &mut status, &mut plan);
    }
    if seen.assignment.is_some() && !deleting {
        progress(seen, &plan, &mut status);
    }
    if !deleting {
        plan.metadata = metadata::patch(seen, templated, hooks);
    }
    plan.status = status;
    plan
}

/// Takes the desired configurations over when it is this cluster's turn.
fn configure(
    addon: &ManagedClusterAddOn,
    assignment: &Assignment,
    status: &mut ManagedClusterAddOnStatus,
) {
    let configured = is_configured(addon, &assignment.desired);
    if assignment.turn && !configured {
        status.config_references = config::merged(&assignment.desired, &status.config_references);
    }
    let condition = if assignment.turn || configured {
        condition(
            CONDITION_CONFIGURED,
            TRUE,
            "ConfigurationsConfigured",
            "Configurations configured",
        )
    } else {
        condition(
            CONDITION_CONFIGURED,
            FALSE,
            "ConfigurationsNotConfigured",
            "Configurations updated and not configured yet",
        )
    };
    conditions::set(&mut status.conditions, condition);
}

/// The parts that the hub plays for add-ons from templates.
struct Templated<'a> {
    seen: &'a Seen<'a>,
}

/// A template and what it is rendered with.
struct Chosen {
    name: String,
    template: Arc<Template>,
    configs: Vec<Arc<DeploymentConfig>>,
}

impl Templated<'_> {
    fn addon(&self) -> String {
        self.seen.addon.name_any()
    }

    fn cluster(&self) -> String {
        self.seen.addon.namespace().unwrap_or_default()
    }

    /// Returns whether there are hooks.
    fn decide(
        &self,
        deleting: bool,
        status: &mut ManagedClusterAddOnStatus,
        plan: &mut Plan,
    ) -> bool {
        status.supported_configs = [names::DEPLOYMENT_CONFIGS, names::TEMPLATES]
            .map(|resource| ConfigGroupResource {
                group: GROUP.to_owned(),
                resource: resource.to_owned(),
            })
            .into();
        status.health_check = HealthCheck {
            mode: Some(HealthCheckMode::Customized),
        };
        let chosen = self.choose(&mut status.config_references);
        if deleting {
            self.leave(chosen, status, plan);
            return false;
        }
        let chosen = match chosen {
            Ok(Some(chosen)) => chosen,
            Ok(None) => return self.has_finalizer(),
            Err(error) => {
                self.failed(&error, status);
                return self.has_finalizer();
            }
        };
        self.register(&chosen, status, plan);
        if !conditions::is_true(&status.conditions, CONDITION_CONFIGURED) {
            return self.has_finalizer();
        }
        match self.deploy(&chosen, status, plan) {
            Ok(hooks) => hooks,
            Err(error) => {
                self.failed(&error, status);
                self.has_finalizer()
            }
        }
    }

    fn has_finalizer(&self) -> bool {
        let finalizers = self.seen.addon.finalizers();
        finalizers.iter().any(|f| f == names::FINALIZER_PRE_DELETE)
    }

    fn failed(&self, error: &str, status: &mut ManagedClusterAddOnStatus) {
        conditions::set(
            &mut status.conditions,
            condition(
                CONDITION_MANIFEST_APPLIED,
                FALSE,
                "AddonManifestAppliedFailed",
                error,
            ),
        );
        self.health(&Rendered::default(), status);
    }

    /// The template and the AddOnDeploymentConfigs that the installation is
    /// configured with; `None` until it is, or while they are ahead of it.
    fn choose(&self, references: &mut [ConfigReference]) -> Result<Option<Chosen>, String> {
        let (mut template, mut configs) = (None, Vec::new());
        let mut current = true;
        for reference in references.iter_mut().filter(|r| r.group == GROUP) {
            let Some(desired) = reference.desired_config.clone() else {
                continue;
            };
            let (hash, generation) = match reference.resource.as_str() {
                names::TEMPLATES => {
                    let found = (self.seen.template)(&desired.name)
                        .ok_or_else(|| format!("AddOnTemplate {} does not exist", desired.name))?;
                    let known = (found.hash.clone(), found.generation);
                    template = Some((desired.name.clone(), found));
                    known
                }
                names::DEPLOYMENT_CONFIGS => {
                    let found =
                        (self.seen.config)(&desired.namespace, &desired.name).ok_or_else(|| {
                            format!(
                                "AddOnDeploymentConfig {}/{} does not exist",
                                desired.namespace, desired.name
                            )
                        })?;
                    let known = (found.hash.clone(), found.generation);
                    configs.push(found);
                    known
                }
                _ => continue,
            };
            if hash == desired.spec_hash {
                reference.last_observed_generation = generation;
            } else {
                current = false;
            }
        }
        Ok(template.filter(|_| current).map(|(name, template)| Chosen {
            name,
            template,
            configs,
        }))
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
        let annotations = self.seen.addon.annotations();
        let own = annotations.get(names::ANNOTATION_INSTALL_NAMESPACE);
        let fallback = self
            .seen
            .addon
            .spec
            .install_namespace
            .as_deref()
            .or(own.map(String::as_str))
            .unwrap_or(AGENT_ADDON_NAMESPACE);
        status.namespace =
            self.with_input(chosen, |input| template::install_namespace(input, fallback));
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
    fn deployed(&self) -> impl Iterator<Item = (usize, &(Key, Arc<Work>))> {
        let (addon, cluster) = (self.addon(), self.cluster());
        let works = self.seen.works.iter();
        works
            .filter(move |(key, _)| key.namespace == cluster)
            .filter_map(move |work| Some((works::number(&addon, &work.0.name)?, work)))
    }

    fn render(&self, chosen: &Chosen) -> Result<Rendered, String> {
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
        self.health(&rendered, status);
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

    fn health(&self, rendered: &Rendered, status: &mut ManagedClusterAddOnStatus) {
        // Of a cluster that is not heard of nothing is known (statement 28).
        let heard = self
            .seen
            .cluster
            .and_then(|cluster| cluster.available.as_ref());
        if heard.is_some_and(|available| available.status == UNKNOWN) {
            return;
        }
        let works: Vec<&Work> = self.deployed().map(|(_, (_, work))| &**work).collect();
        let available = health::available(&self.addon(), &works, &rendered.manifests);
        conditions::set(&mut status.conditions, available);
    }

    /// Its hooks run, then it goes (statement 25).
    fn leave(
        &self,
        chosen: Result<Option<Chosen>, String>,
        status: &mut ManagedClusterAddOnStatus,
        plan: &mut Plan,
    ) {
        if !self.has_finalizer() {
            return;
        }
        let addon = self.addon();
        let name = names::pre_delete_work(&addon);
        let running = self
            .seen
            .works
            .iter()
            .find(|(key, _)| key.namespace == self.cluster() && key.name == name)
            .map(|(_, work)| &**work);
        let wanted = chosen.and_then(|chosen| match chosen {
            Some(chosen) => Ok(works::pre_delete(&addon, &self.render(&chosen)?)),
            None => Ok(None),
        });
        let hooks: Vec<ManifestId> = match (&wanted, running) {
            // Nobody is left who could run them.
            _ if self.seen.cluster.is_none() => Vec::new(),
            (Ok(Some(wanted)), _) => {
                let manifests = &wanted.spec.workload.manifests;
                manifests.iter().map(ManifestId::of).collect()
            }
            // The template has changed or gone meanwhile: what runs may finish.
            (_, Some(running)) => running.manifests.clone(),
            (Ok(None), None) => Vec::new(),
            (Err(error), None) => {
                let condition = condition(
                    health::CONDITION_HOOKS,
                    FALSE,
                    "HookManifestIsNotCompleted",
                    format!(
                        "{error}; to go without the hooks, remove the finalizer {}",
                        names::FINALIZER_PRE_DELETE
                    ),
                );
                conditions::set(&mut status.conditions, condition);
                return;
            }
        };
        let state = health::hooks(running, &hooks);
        if hooks.is_empty() || state.status == TRUE {
            plan.remove = self
                .deployed()
                .map(|(_, (key, _))| key.name.clone())
                .collect();
            if running.is_some() {
                plan.remove.push(name);
            }
            plan.release = true;
        } else if running.is_none() {
            plan.works.extend(wanted.ok().flatten());
        }
        if !hooks.is_empty() {
            conditions::set(&mut status.conditions, state);
        }
    }
}

/// How far the configuration has come (protocol, section 8; statements 20, 21).
fn progress(seen: &Seen<'_>, plan: &Plan, status: &mut ManagedClusterAddOnStatus) {
    let (state, reason, message) = progress_of(seen, plan, status);
    if reason == "Completed" {
        for reference in &mut status.config_references {
            reference
                .last_applied_config
                .clone_from(&reference.desired_config);
        }
    }
    conditions::set(
        &mut status.conditions,
        condition(CONDITION_PROGRESSING, state, reason, message),
    );
}

fn progress_of(
    seen: &Seen<'_>,
    plan: &Plan,
    status: &ManagedClusterAddOnStatus,
) -> (&'static str, &'static str, String) {
    let progressing = |why: &str| (TRUE, "Progressing", format!("progressing... {why}"));
    let unsupported = seen.addon.spec.configs.iter().find(|config| {
        let mut supported = status.supported_configs.iter();
        !supported.any(|s| s.group == config.group && s.resource == config.resource)
    });
    if let Some(config) = unsupported {
        let message = format!(
            "Configuration with gvr {}/{} is not supported for this addon",
            config.group, config.resource
        );
        return (FALSE, "ConfigurationUnsupported", message);
    }
    let hosted = seen
        .addon
        .annotations()
        .get(names::ANNOTATION_HOSTING_CLUSTER)
        .is_some_and(|cluster| !cluster.is_empty());
    let mut failed = None;
    for (needed, kind, reason) in [
        (
            true,
            CONDITION_MANIFEST_APPLIED,
            "WaitingForManifestApplied",
        ),
        (
            hosted,
            "HostingManifestApplied",
            "WaitingForHostingManifestApplied",
        ),
    ] {
        match conditions::find(&status.conditions, kind) {
            _ if !needed => {}
            None => {
                let message = format!("Waiting for ManagedClusterAddOn {kind} condition");
                return (FALSE, reason, message);
            }
            Some(condition) if condition.status == FALSE => {
                failed = Some(condition.message.clone());
            }
            Some(_) => {}
        }
    }
    if let Some(message) = failed {
        return (FALSE, "Failed", message);
    }
    let pre_delete = names::pre_delete_work(&seen.addon.name_any());
    let works: Vec<&(Key, Arc<Work>)> = seen
        .works
        .iter()
        .filter(|(key, _)| !key.name.starts_with(&pre_delete))
        .filter(|(key, _)| !plan.remove.contains(&key.name))
        .collect();
    let nothing = is_templated(seen.offer)
        && plan.works.is_empty()
        && conditions::is_true(&status.conditions, CONDITION_CONFIGURED);
    if works.is_empty() && !nothing {
        return progressing("no addon works");
    }
    let expected: Option<Value> = config::annotation(&status.config_references)
        .and_then(|annotation| serde_json::from_str(&annotation).ok());
    let has_empty = |hashes: &Value| {
        let mut values = hashes.as_object().into_iter().flatten();
        values.any(|(_, hash)| hash.as_str() == Some(""))
    };
    let matches = |work: &Work| {
        let found: Option<Value> = work
            .config_hashes
            .as_deref()
            .and_then(|annotation| serde_json::from_str(annotation).ok());
        found == expected && !expected.as_ref().is_some_and(has_empty)
    };
    if !works.iter().all(|(_, work)| matches(work)) {
        return progressing("mca and work configs mismatch");
    }
    let as_wanted = |key: &Key, work: &Work| {
        let mut wanted = plan.works.iter();
        wanted
            .find(|wanted| wanted.name == key.name)
            .is_none_or(|wanted| super::hash::work_spec(&wanted.spec) == work.fingerprint)
    };
    let ready = works.iter().all(|(key, work)| {
        work.holds(work::CONDITION_APPLIED)
            && work.holds(work::CONDITION_AVAILABLE)
            && as_wanted(key, work)
    }) && plan
        .works
        .iter()
        .all(|wanted| works.iter().any(|(key, _)| key.name == wanted.name));
    if !ready {
        return progressing("work is not ready");
    }
    (FALSE, "Completed", "completed with no errors.".to_owned())
}
