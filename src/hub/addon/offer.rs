//! One add-on on all clusters: where it is installed, and how a change of its
//! configuration reaches the clusters (protocol, section 8; statements 18 to
//! 22). Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    AddOnConfig, CONDITION_PROGRESSING, ClusterManagementAddOn, ClusterManagementAddOnStatus,
    ConfigReference, DefaultConfigReference, InstallConfigReference, InstallProgression,
    InstallStrategyType, ManagedClusterAddOn, PlacementStrategy,
};
use crate::ocm::conditions::{self, FALSE, TRUE, condition};
use crate::ocm::rollout::{Group, State};

use super::config::{self, Reference, SpecHash};
use super::rollout::{self, Node, Step};

/// What is known about an add-on.
pub struct Seen<'a> {
    /// The add-on.
    pub offer: &'a ClusterManagementAddOn,
    /// What the placements of its strategy decided, in the strategy's order;
    /// `None` for one that does not exist.
    pub placements: &'a [Option<Vec<Group>>],
    /// Its installations, by cluster.
    pub addons: &'a BTreeMap<String, Arc<ManagedClusterAddOn>>,
    /// The hashes of configurations.
    pub hash: &'a dyn Fn(&AddOnConfig) -> SpecHash,
    /// The present.
    pub now: Timestamp,
}

/// What one installation is to be configured with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The configurations.
    pub desired: Vec<Reference>,
    /// Whether it is its turn.
    pub turn: bool,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Clusters that lack the add-on.
    pub create: BTreeSet<String>,
    /// Clusters that have it and shall not.
    pub delete: BTreeSet<String>,
    /// What the add-on's status is to say.
    pub status: ClusterManagementAddOnStatus,
    /// What each installation is to be configured with.
    pub assignments: BTreeMap<String, Assignment>,
    /// When time alone changes something.
    pub recheck: Option<Duration>,
}

/// Whether the hub installs and configures this add-on: unless somebody else
/// is named (statement 19).
#[must_use]
pub fn is_managed(offer: &ClusterManagementAddOn) -> bool {
    offer
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(names::ANNOTATION_LIFECYCLE))
        .is_none_or(|value| value == names::LIFECYCLE_ADDON_MANAGER)
}

/// Decides about an add-on that [`is_managed`].
#[must_use]
pub fn decide(seen: &Seen<'_>) -> Plan {
    let spec = &seen.offer.spec;
    let status = seen.offer.status.clone().unwrap_or_default();
    let defaults = config::defaults(spec);
    let mut plan = Plan {
        status: ClusterManagementAddOnStatus {
            default_config_references: default_references(seen, &status, &defaults),
            install_progressions: Vec::new(),
        },
        ..Plan::default()
    };
    let strategies: &[PlacementStrategy] = match spec.install_strategy.type_ {
        InstallStrategyType::Manual => &[],
        InstallStrategyType::Placements => &spec.install_strategy.placements,
    };
    // The last placement that chose a cluster counts.
    let mut chosen: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, groups) in seen.placements.iter().enumerate().take(strategies.len()) {
        for cluster in groups.iter().flatten().flat_map(|group| &group.clusters) {
            chosen.insert(cluster, number);
        }
    }
    if spec.install_strategy.type_ == InstallStrategyType::Placements {
        let present = |cluster: &str| seen.addons.contains_key(cluster);
        plan.create = chosen
            .keys()
            .filter(|cluster| !present(cluster))
            .map(|&cluster| cluster.to_owned())
            .collect();
        plan.delete = seen
            .addons
            .iter()
            .filter(|(cluster, addon)| {
                !chosen.contains_key(cluster.as_str())
                    && addon.metadata.deletion_timestamp.is_none()
            })
            .map(|(cluster, _)| cluster.clone())
            .collect();
    }
    // Installations that no placement chose have the defaults and their own.
    for (cluster, addon) in seen.addons {
        if !chosen.contains_key(cluster.as_str()) {
            let desired = desired(seen, addon, &defaults);
            plan.assignments.insert(
                cluster.clone(),
                Assignment {
                    desired,
                    turn: true,
                },
            );
        }
    }
    for (number, strategy) in strategies.iter().enumerate() {
        let groups = seen.placements.get(number).and_then(Option::as_deref);
        let progression = placement(
            seen,
            &status,
            &defaults,
            strategy,
            groups,
            &mut plan,
            |cluster| chosen.get(cluster) == Some(&number),
        );
        plan.status.install_progressions.push(progression);
    }
    plan
}

fn default_references(
    seen: &Seen<'_>,
    status: &ClusterManagementAddOnStatus,
    defaults: &[AddOnConfig],
) -> Vec<DefaultConfigReference> {
    let known = |config: &AddOnConfig| {
        status
            .default_config_references
            .iter()
            .filter(|known| known.group == config.group && known.resource == config.resource)
            .find_map(|known| config::hash_in(known.desired_config.as_ref(), config))
    };
    config::references(defaults, seen.hash, &known)
        .into_iter()
        .map(|reference| DefaultConfigReference {
            desired_config: Some(reference.desired()),
            group: reference.group,
            resource: reference.resource,
        })
        .collect()
}

/// What an installation is to be configured with, `base` being what its
/// placement says.
fn desired(seen: &Seen<'_>, addon: &ManagedClusterAddOn, base: &[AddOnConfig]) -> Vec<Reference> {
    let effective = config::override_with(base, &addon.spec.configs);
    let known = |config: &AddOnConfig| known_hash(seen.offer, addon, config);
    config::references(&effective, seen.hash, &known)
}

/// The hash of a configuration of a kind that the hub does not read, as the
/// add-on's own manager told it.
fn known_hash(
    offer: &ClusterManagementAddOn,
    addon: &ManagedClusterAddOn,
    config: &AddOnConfig,
) -> Option<String> {
    let same = |group: &str, resource: &str| group == config.group && resource == config.resource;
    let addon_status = addon.status.iter();
    let own = addon_status
        .flat_map(|status| &status.config_references)
        .filter(|known| same(&known.group, &known.resource))
        .find_map(|known| config::hash_in(known.desired_config.as_ref(), config));
    let offered = || {
        let status = offer.status.as_ref()?;
        let of_placements = status
            .install_progressions
            .iter()
            .flat_map(|progression| &progression.config_references)
            .filter(|known| same(&known.group, &known.resource))
            .map(|known| known.desired_config.as_ref());
        let defaults = status
            .default_config_references
            .iter()
            .filter(|known| same(&known.group, &known.resource))
            .map(|known| known.desired_config.as_ref());
        of_placements
            .chain(defaults)
            .find_map(|known| config::hash_in(known, config))
    };
    // What the add-on's manager wrote last into the installation itself counts
    // for the installation's own configurations.
    if addon.spec.configs.contains(config) {
        own.or_else(offered)
    } else {
        offered().or(own)
    }
}

fn placement(
    seen: &Seen<'_>,
    status: &ClusterManagementAddOnStatus,
    defaults: &[AddOnConfig],
    strategy: &PlacementStrategy,
    groups: Option<&[Group]>,
    plan: &mut Plan,
    is_ours: impl Fn(&str) -> bool,
) -> InstallProgression {
    let base = config::override_with(defaults, &strategy.configs);
    let old = status
        .install_progressions
        .iter()
        .find(|old| old.name == strategy.name && old.namespace == strategy.namespace);
    let mut progression = InstallProgression {
        name: strategy.name.clone(),
        namespace: strategy.namespace.clone(),
        config_references: install_references(seen, &base, old),
        conditions: old.map(|old| old.conditions.clone()).unwrap_or_default(),
    };
    let missing = groups.is_none();
    let groups = groups.unwrap_or_default();
    let mut nodes = Vec::new();
    for group in groups {
        for cluster in group.clusters.iter().filter(|cluster| is_ours(cluster)) {
            let Some(addon) = seen.addons.get(cluster) else {
                continue;
            };
            let desired = desired(seen, addon, &base);
            let (state, since) = state(addon, &desired);
            nodes.push(Node {
                cluster: cluster.clone(),
                state,
                since,
            });
            let assignment = Assignment {
                desired,
                turn: false,
            };
            plan.assignments.insert(cluster.clone(), assignment);
        }
    }
    // A strategy that cannot be read moves nothing, and says so.
    let (step, wrong) = match rollout::step(&strategy.rollout_strategy, groups, &nodes, seen.now) {
        Ok(step) => (step, None),
        Err(error) => (Step::default(), Some(error.to_string())),
    };
    for cluster in &step.turn {
        if let Some(assignment) = plan.assignments.get_mut(cluster) {
            assignment.turn = true;
        }
    }
    plan.recheck = match (plan.recheck, step.recheck) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let selected: BTreeSet<&String> = groups.iter().flat_map(|group| &group.clusters).collect();
    let done = nodes.iter().filter(|n| n.state == State::Succeeded).count();
    let failed = nodes.iter().filter(|n| n.state == State::Failed).count();
    let completed = done == nodes.len() && done > 0 && wrong.is_none();
    if completed {
        for reference in &mut progression.config_references {
            reference
                .last_applied_config
                .clone_from(&reference.desired_config);
            reference
                .last_known_good_config
                .clone_from(&reference.desired_config);
        }
    }
    let counts = format!(
        "selected clusters {}. configured addons {done}/{}",
        selected.len(),
        nodes.len()
    );
    let wrong = wrong.map_or(String::new(), |error| format!(" rolloutStrategy: {error}"));
    let missing = if missing {
        format!(
            " Placement {}/{} does not exist.",
            strategy.namespace, strategy.name
        )
    } else {
        String::new()
    };
    let rest = format!("{failed} failed {} timeout.{wrong}{missing}", step.timeouts);
    let progressing = if completed {
        condition(
            CONDITION_PROGRESSING,
            FALSE,
            "Completed",
            format!("{counts} completed with no errors, {rest}"),
        )
    } else {
        condition(
            CONDITION_PROGRESSING,
            TRUE,
            "Progressing",
            format!("{counts} progressing..., {rest}"),
        )
    };
    conditions::set(&mut progression.conditions, progressing);
    progression
}

fn install_references(
    seen: &Seen<'_>,
    base: &[AddOnConfig],
    old: Option<&InstallProgression>,
) -> Vec<InstallConfigReference> {
    let old = || old.into_iter().flat_map(|old| &old.config_references);
    let known = |config: &AddOnConfig| {
        old()
            .filter(|known| known.group == config.group && known.resource == config.resource)
            .find_map(|known| config::hash_in(known.desired_config.as_ref(), config))
    };
    config::references(base, seen.hash, &known)
        .into_iter()
        .map(|reference| {
            let before = old().find(|known| {
                known.group == reference.group
                    && known.resource == reference.resource
                    && known.desired_config.as_ref().is_some_and(|desired| {
                        desired.namespace == reference.namespace && desired.name == reference.name
                    })
            });
            InstallConfigReference {
                desired_config: Some(reference.desired()),
                last_known_good_config: before.and_then(|b| b.last_known_good_config.clone()),
                last_applied_config: before.and_then(|b| b.last_applied_config.clone()),
                group: reference.group,
                resource: reference.resource,
            }
        })
        .collect()
}

/// Whether two states of an installation are the same to its add-on.
#[must_use]
pub fn same(old: &ManagedClusterAddOn, new: &ManagedClusterAddOn) -> bool {
    fn seen(addon: &ManagedClusterAddOn) -> (Option<&[ConfigReference]>, Option<&Condition>) {
        let status = addon.status.as_ref();
        (
            status.map(|status| status.config_references.as_slice()),
            status.and_then(|s| conditions::find(&s.conditions, CONDITION_PROGRESSING)),
        )
    }
    old.metadata.uid == new.metadata.uid
        && old.metadata.deletion_timestamp == new.metadata.deletion_timestamp
        && old.spec == new.spec
        && seen(old) == seen(new)
}

/// How far an installation is, and since when.
fn state(addon: &ManagedClusterAddOn, desired: &[Reference]) -> (State, Option<Timestamp>) {
    let status = addon.status.clone().unwrap_or_default();
    let progressing: Option<&Condition> =
        conditions::find(&status.conditions, CONDITION_PROGRESSING);
    let since = progressing.map(|condition| condition.last_transition_time.0);
    if !is_configured(addon, desired) {
        return (State::ToApply, None);
    }
    let applied = status
        .config_references
        .iter()
        .all(|reference| reference.last_applied_config == reference.desired_config);
    if applied {
        (State::Succeeded, since)
    } else if progressing.is_some_and(|condition| condition.reason == "Failed") {
        (State::Failed, since)
    } else {
        (State::Progressing, since)
    }
}

/// Whether an installation's status names exactly these configurations.
#[must_use]
pub fn is_configured(addon: &ManagedClusterAddOn, desired: &[Reference]) -> bool {
    let present = addon
        .status
        .as_ref()
        .map(|status| status.config_references.as_slice())
        .unwrap_or_default();
    present.len() == desired.len()
        && desired
            .iter()
            .zip(present)
            .all(|(desired, present)| desired.is(present))
}

#[cfg(test)]
#[path = "offer_tests.rs"]
mod tests;
