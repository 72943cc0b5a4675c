//! One add-on on one cluster (protocol, sections 8 to 11): what is known of it,
//! and what is to be done. Pure.
//!
//! `templated` is the part that the hub plays as the manager of add-ons from
//! templates, `leave` how those go, `progress` what is told of a configuration.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::Value;

use crate::ocm::addon::v1alpha1::{
    AddOnDeploymentConfigSpec, AddOnTemplateSpec, CONDITION_CONFIGURED, ClusterManagementAddOn,
    ConfigReference, ManagedClusterAddOn, ManagedClusterAddOnStatus, Subject,
};
use crate::ocm::addon::{GROUP, names};
use crate::ocm::conditions::{self, FALSE, TRUE, condition};
use crate::runtime::Key;

use super::former::Found;
use super::offer::{Assignment, is_configured};
use super::registration::Binding;
use super::templated::Templated;
use super::view::{Cluster, Work};
use super::works::Wanted;
use super::{config, metadata, progress};

/// What is known about an installation.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The installation.
    pub addon: &'a ManagedClusterAddOn,
    /// What it is an installation of, while that is there.
    pub offer: Option<&'a ClusterManagementAddOn>,
    /// Its cluster, if that is known.
    pub cluster: Option<&'a Cluster>,
    /// What it is to be configured with; `None` when somebody else says so.
    pub assignment: Option<&'a Assignment>,
    /// The works of the add-on for this cluster, wherever they are.
    pub works: &'a [(Key, Arc<Work>)],
    /// The identities of the add-on's agents on the other clusters.
    pub others: &'a dyn Fn() -> Vec<Subject>,
    /// Templates by name and hash.
    pub template: &'a dyn Fn(&str, &str) -> Found<AddOnTemplateSpec>,
    /// AddOnDeploymentConfigs by namespace, name and hash.
    pub config: &'a dyn Fn(&str, &str, &str) -> Found<AddOnDeploymentConfigSpec>,
}

impl Seen<'_> {
    /// Whether its hooks are still to run before it goes.
    pub(super) fn has_finalizer(&self) -> bool {
        let finalizers = self.addon.finalizers();
        finalizers.iter().any(|f| f == names::FINALIZER_PRE_DELETE)
    }
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
    /// Why it goes without its hooks, if it does.
    pub unhooked: Option<String>,
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

/// Whether an installation is configured with a template.
fn has_template(references: &[ConfigReference]) -> bool {
    let mut references = references.iter();
    references.any(|reference| reference.group == GROUP && reference.resource == names::TEMPLATES)
}

/// Decides about an installation.
#[must_use]
pub fn decide(seen: &Seen<'_>) -> Plan {
    let mut status = seen.addon.status.clone().unwrap_or_default();
    for reference in &mut status.config_references {
        // Written as v1beta1 without a conversion, it has lost this.
        if reference.name.is_empty()
            && let Some(desired) = &reference.desired_config
        {
            reference.name.clone_from(&desired.name);
            reference.namespace.clone_from(&desired.namespace);
        }
    }
    let mut plan = Plan::default();
    let templated = seen.offer.is_some_and(is_templated);
    let had_template = has_template(&status.config_references);
    if seen.addon.metadata.deletion_timestamp.is_some() {
        // Who has put the finalizer there takes it away, whatever has become of
        // the add-on meanwhile.
        if seen.has_finalizer() && (templated || had_template) {
            Templated { seen }.leave(&mut status, &mut plan);
        }
        plan.status = status;
        return plan;
    }
    if let Some(assignment) = seen.assignment {
        configure(seen.addon, assignment, &mut status);
    }
    let mut hooks = None;
    if templated {
        hooks = Some(Templated { seen }.decide(&mut status, &mut plan));
    } else if had_template && !has_template(&status.config_references) {
        // It comes from templates no more: nobody would know what to run.
        hooks = Some(false);
    }
    if seen.assignment.is_some() {
        progress::tell(seen, templated, &plan, &mut status);
    }
    if let Some(offer) = seen.offer {
        plan.metadata = metadata::patch(seen.addon, offer, seen.cluster, hooks);
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

#[cfg(test)]
#[path = "mca_tests.rs"]
mod tests;
