//! Which works a replica set should have now. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::view::{Content, Decision, Placement, Work};
use crate::ocm::names;
use crate::ocm::rollout::{self, Group, Known, State};
use crate::ocm::work::v1alpha1::ManifestWorkReplicaSet;

/// The longest value of a label.
const MAX_LABEL: usize = 63;
/// As much of a set's name as names of works begin with.
const MAX_BASE: usize = 58;

/// A placement that a set refers to, as far as it exists.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The placement; `None` when there is none of that name.
    pub placement: Option<Placement>,
    /// Its decisions.
    pub decisions: Vec<Arc<Decision>>,
}

/// A work to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// On which cluster.
    pub cluster: String,
    /// The work's name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What is to be done for one placement, and what there is.
#[derive(Debug, Default)]
pub struct PlacementPlan {
    /// The placement.
    pub name: String,
    /// Why nothing can be said of it: reason and message.
    pub problem: Option<(&'static str, String)>,
    /// Works to create.
    pub create: Vec<Target>,
    /// Works to bring to the present content, and their labels.
    pub update: Vec<(Arc<Work>, BTreeMap<String, String>)>,
    /// Works to delete.
    pub delete: Vec<Arc<Work>>,
    /// Works that stay, whatever their content.
    pub existing: usize,
    /// Those of them with the present content.
    pub current: Vec<Arc<Work>>,
    /// Number of decision groups.
    pub groups: usize,
    /// How many clusters it has chosen.
    pub selected: usize,
    /// How many of them are done.
    pub succeeded: usize,
    /// More failed than allowed.
    pub breached: bool,
}

/// What is to be done for a set.
#[derive(Debug, Default)]
pub struct Plan {
    /// Works of no placement of the set.
    pub delete: Vec<Arc<Work>>,
    /// By placement, in the order of the set.
    pub placements: Vec<PlacementPlan>,
    /// When to look again, without any change.
    pub recheck: Option<Duration>,
}

/// Value of the label by which works name their set.
///
/// # Errors
/// It would be too long for a label.
pub fn owner_label(namespace: &str, name: &str) -> Result<String, String> {
    let value = format!("{namespace}.{name}");
    if value.len() > MAX_LABEL {
        return Err(format!(
            "works carry \"<namespace>.<name>\" of their set as a label, which has at most \
             {MAX_LABEL} characters; {value} has {}: create the set under a shorter name",
            value.len()
        ));
    }
    Ok(value)
}

/// The name of a set's work for a placement: begins with the set's name, and is
/// always the same, so that no second one comes to be.
fn work_name(namespace: &str, set: &str, placement: &str) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = format!("{namespace}/{set}/{placement}");
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let suffix = digest.as_ref().iter().take(5);
    let suffix = suffix.map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    let base = set.get(..MAX_BASE).unwrap_or(set);
    base.chars().chain(suffix).collect()
}

/// Decides for one set. `works` are all that carry its label.
#[must_use]
pub fn plan(
    set: &ManifestWorkReplicaSet,
    works: &[Arc<Work>],
    placements: &BTreeMap<String, Seen>,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let content = Content::of(&set.spec.manifest_work_template);
    let mut seen = BTreeSet::new();
    let refs: Vec<_> = set
        .spec
        .placement_refs
        .iter()
        .filter(|reference| seen.insert(reference.name.as_str()))
        .collect();
    plan.delete = works
        .iter()
        .filter(|work| !work.deleting)
        .filter(|work| work.placement().is_none_or(|name| !seen.contains(name)))
        .cloned()
        .collect();
    for reference in refs {
        let empty = Seen::default();
        let here = placements.get(&reference.name).unwrap_or(&empty);
        let mut of = PlacementPlan {
            name: reference.name.clone(),
            ..PlacementPlan::default()
        };
        let mine: Vec<&Arc<Work>> = works
            .iter()
            .filter(|work| work.placement() == Some(&reference.name))
            .collect();
        match groups(set, &reference.name, here) {
            Err(problem) => {
                of.existing = mine.iter().filter(|work| !work.deleting).count();
                of.problem = Some(problem);
            }
            Ok(groups) => {
                let recheck = one(
                    set,
                    &reference.rollout_strategy,
                    &groups,
                    &mine,
                    content,
                    now,
                    &mut of,
                );
                plan.recheck = match (plan.recheck, recheck) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                of.selected = here
                    .placement
                    .and_then(|placement| placement.selected)
                    .and_then(|selected| usize::try_from(selected).ok())
                    .unwrap_or(of.selected);
            }
        }
        plan.placements.push(of);
    }
    plan
}

/// The decision groups of a placement, or why there are none.
fn groups(
    set: &ManifestWorkReplicaSet,
    name: &str,
    seen: &Seen,
) -> Result<Vec<Group>, (&'static str, String)> {
    if seen.placement.is_none() {
        let namespace = set.namespace().unwrap_or_default();
        return Err((
            "PlacementDecisionNotFound",
            format!("there is no placement {name} in namespace {namespace}"),
        ));
    }
    if name.len() > MAX_LABEL {
        return Err((
            "NotAsExpected",
            format!(
                "works carry their placement's name as a label, which has at most {MAX_LABEL} \
                 characters; {name} has {}",
                name.len()
            ),
        ));
    }
    let mut groups = BTreeMap::<i32, Group>::new();
    for decision in &seen.decisions {
        let Some(index) = decision.index else {
            return Err((
                "NotAsExpected",
                format!("decisions of placement {name} lack the number of their group"),
            ));
        };
        let group = groups.entry(index).or_insert_with(|| Group {
            index,
            name: decision.group.clone(),
            ..Group::default()
        });
        group.clusters.extend(decision.clusters.iter().cloned());
    }
    let mut numbered = groups.keys().enumerate();
    if let Some((at, index)) = numbered.find(|(at, index)| i32::try_from(*at) != Ok(**index)) {
        return Err((
            "NotAsExpected",
            format!("decision group {at} of placement {name} is missing; the next is {index}"),
        ));
    }
    Ok(groups.into_values().collect())
}

/// Decides for one placement. When time alone may allow more.
fn one(
    set: &ManifestWorkReplicaSet,
    strategy: &crate::ocm::cluster::rollout::RolloutStrategy,
    groups: &[Group],
    mine: &[&Arc<Work>],
    content: Content,
    now: Timestamp,
    of: &mut PlacementPlan,
) -> Option<Duration> {
    let clusters: BTreeSet<&String> = groups.iter().flat_map(|group| &group.clusters).collect();
    of.groups = groups.len();
    of.selected = clusters.len();
    let mut present: BTreeMap<&str, &Arc<Work>> = BTreeMap::new();
    let mut leaving: BTreeSet<&str> = BTreeSet::new();
    for &work in mine {
        if work.deleting {
            leaving.insert(&work.namespace);
        } else if clusters.contains(&work.namespace) && !present.contains_key(&*work.namespace) {
            present.insert(&work.namespace, work);
        } else {
            // The cluster was left, or has one already.
            of.delete.push(Arc::clone(work));
        }
    }
    of.existing = present.len();
    let current = present
        .iter()
        .filter(|(_, work)| work.content == Some(content));
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    for (cluster, work) in current {
        let state = work.known();
        of.succeeded += usize::from(state.state == State::Succeeded);
        of.current.push(Arc::clone(work));
        known.insert((*cluster).to_owned(), state);
    }
    let step = match rollout::step(strategy, groups, &known, now) {
        Ok(step) => step,
        Err(error) => {
            of.problem = Some(("NotAsExpected", error.to_string()));
            return None;
        }
    };
    of.breached = step.breached;
    let (namespace, name) = (set.namespace().unwrap_or_default(), set.name_any());
    let mut labels = set.metadata.labels.clone().unwrap_or_default();
    labels.insert(
        names::LABEL_MANIFEST_WORK_REPLICA_SET.to_owned(),
        format!("{namespace}.{name}"),
    );
    labels.insert(names::LABEL_PLACEMENT_NAME.to_owned(), of.name.clone());
    for cluster in step.apply {
        match present.get(cluster.as_str()) {
            Some(work) => {
                let same = work.content == Some(content) && work.plain && work.labels == labels;
                if !same {
                    of.update.push((Arc::clone(work), labels.clone()));
                }
            }
            // The last one has to be gone first.
            None if leaving.contains(cluster.as_str()) => {}
            None => of.create.push(Target {
                name: work_name(&namespace, &name, &of.name),
                cluster,
                labels: labels.clone(),
            }),
        }
    }
    step.recheck
}
