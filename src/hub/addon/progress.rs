//! How far a configuration has come on one cluster (protocol, section 8;
//! statements 20 and 21). Pure.

use std::sync::Arc;

use kube::ResourceExt;
use serde_json::Value;

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    CONDITION_CONFIGURED, CONDITION_MANIFEST_APPLIED, CONDITION_PROGRESSING,
    ManagedClusterAddOnStatus,
};
use crate::ocm::conditions::{self, FALSE, TRUE, condition};
use crate::ocm::work::v1 as work;
use crate::runtime::Key;

use super::config;
use super::mca::{Plan, Seen};
use super::view::Work;

/// Tells how far the configuration has come; `templated` is whether the hub
/// delivers the add-on itself.
pub(super) fn tell(
    seen: &Seen<'_>,
    templated: bool,
    plan: &Plan,
    status: &mut ManagedClusterAddOnStatus,
) {
    let (state, reason, message) = of(seen, templated, plan, status);
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

fn of(
    seen: &Seen<'_>,
    templated: bool,
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
    // What comes from a template is hosted nowhere: nobody would tell.
    let hosted = !templated && names::hosting_cluster(seen.addon.annotations()).is_some();
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
    let nothing = templated
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
