//! All that placements depend on, indexed, and who has to be scheduled again
//! after a change.
//!
//! A change of a cluster reaches only placements that may choose it, and of
//! those only the ones for which it makes a difference; what predicates say of
//! a cluster is remembered until the cluster changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::hub::registration::sets::Members;
use crate::runtime::Key;

use super::cel;
use super::decisions::Decisions;
use super::spec::{Placement, Prioritizer};
use super::view::{Binding, Cluster, Score, Set};

/// A cluster and its place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) cluster: Arc<Cluster>,
    /// Changes with the cluster and with its scores; never 0.
    pub(super) version: u32,
}

#[derive(Debug)]
struct Membership {
    rule: Members,
    clusters: BTreeMap<Arc<str>, usize>,
}

/// A placement, and what its predicates say of clusters.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) placement: Arc<Placement>,
    /// By slot: the cluster's version and, in the lowest bit, the verdict.
    verdicts: Vec<u64>,
    /// The slots of the clusters that fit, by the clusters' names; nothing when
    /// they have to be found anew.
    pub(super) fitting: Option<Vec<usize>>,
}

impl Placed {
    /// What the predicates are known to say of a cluster of a version.
    pub(super) fn verdict(&self, slot: usize, version: u32) -> Option<bool> {
        let known = *self.verdicts.get(slot)?;
        (known >> 1 == u64::from(version)).then_some(known & 1 == 1)
    }

    /// Remembers what they say.
    pub(super) fn note_verdict(&mut self, slot: usize, version: u32, verdict: bool) {
        if self.verdicts.len() <= slot {
            self.verdicts.resize(slot + 1, 0);
        }
        self.verdicts[slot] = u64::from(version) << 1 | u64::from(verdict);
    }
}

/// What is known of a cluster, for each placement that may choose it.
#[derive(Debug, Default)]
struct Facts {
    /// Whether it fits.
    fits: Vec<(Key, bool)>,
    /// Those whose expressions cost too much to look now.
    later: Vec<Key>,
}

/// The state of the hub as placements see it.
#[derive(Debug, Default)]
pub struct World {
    pub(super) slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    index: BTreeMap<Arc<str>, usize>,
    versions: u32,
    sets: BTreeMap<String, Membership>,
    bindings: BTreeMap<String, BTreeSet<String>>,
    pub(super) scores: BTreeMap<String, BTreeMap<String, Arc<Score>>>,
    pub(super) placements: BTreeMap<Key, Placed>,
    pub(super) decided: Decisions,
    pub(super) cel: cel::Cache,
    pub(super) dirty: BTreeSet<Key>,
    /// Whether changes are only collected.
    loading: bool,
}

impl World {
    /// A world that collects what there is, until [`Self::loaded`].
    #[must_use]
    pub fn loading() -> Self {
        Self {
            loading: true,
            ..Self::default()
        }
    }

    /// Everything is there: all placements have to be scheduled.
    pub fn loaded(&mut self) {
        self.loading = false;
        self.dirty = self.placements.keys().cloned().collect();
    }

    /// The placements that have to be scheduled again, since the last call.
    pub fn take_dirty(&mut self) -> BTreeSet<Key> {
        if self.loading {
            return BTreeSet::new();
        }
        std::mem::take(&mut self.dirty)
    }

    /// The placement of that key.
    #[must_use]
    pub fn placement(&self, key: &Key) -> Option<Arc<Placement>> {
        self.placements
            .get(key)
            .map(|placed| Arc::clone(&placed.placement))
    }

    /// The keys of all placements.
    pub fn placements(&self) -> impl Iterator<Item = &Key> {
        self.placements.keys()
    }

    /// How often an expression had to be evaluated.
    #[must_use]
    pub fn evaluations(&self) -> u64 {
        self.cel.evaluations
    }

    /// All clusters by name.
    pub(super) fn clusters(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.index.iter().map(|(name, slot)| (name, *slot))
    }

    /// The cluster of a slot that is taken.
    pub(super) fn slot(&self, slot: usize) -> Option<&Slot> {
        self.slots.get(slot)?.as_ref()
    }

    pub(super) fn score(&self, cluster: &str, resource: &str) -> Option<&Arc<Score>> {
        self.scores.get(cluster)?.get(resource)
    }

    /// What is wrong with the first wrong expression of a placement.
    pub(super) fn expression_error(&self, placement: &Placement) -> Option<String> {
        let mut texts = placement.expressions();
        texts.find_map(|text| self.cel.error(text).map(str::to_owned))
    }

    /// Sets that are bound to a namespace and exist, by name.
    #[must_use]
    pub fn bound_sets(&self, namespace: &str) -> Vec<String> {
        let bound = self.bindings.get(namespace).into_iter().flatten();
        bound
            .filter(|set| self.sets.contains_key(*set))
            .cloned()
            .collect()
    }

    /// The members of these sets that are not being deleted, by name.
    pub(super) fn candidates(&self, sets: &[String]) -> Vec<usize> {
        let alive = |slot: &usize| self.slot(*slot).is_some_and(|slot| !slot.cluster.deleting);
        let mut members = sets.iter().filter_map(|set| self.sets.get(set));
        match (members.next(), members.next()) {
            (None, _) => Vec::new(),
            (Some(one), None) => one.clusters.values().copied().filter(alive).collect(),
            _ => {
                let all = sets.iter().filter_map(|set| self.sets.get(set));
                let all: BTreeMap<&Arc<str>, usize> = all
                    .flat_map(|set| set.clusters.iter().map(|(n, s)| (n, *s)))
                    .collect();
                all.into_values().filter(alive).collect()
            }
        }
    }

    /// Whether these sets have a member that is not being deleted.
    pub(super) fn has_candidates(&self, sets: &[String]) -> bool {
        let mut members = sets
            .iter()
            .filter_map(|set| self.sets.get(set))
            .flat_map(|set| set.clusters.values());
        members.any(|slot| self.slot(*slot).is_some_and(|slot| !slot.cluster.deleting))
    }

    /// The candidates of a placement that its predicates choose, by name. They
    /// are remembered, and each change of a cluster changes them.
    pub(super) fn fitting(&mut self, key: &Key, sets: &[String]) -> Vec<usize> {
        let known = self.placements.get(key);
        if let Some(fitting) = known.and_then(|placed| placed.fitting.as_ref()) {
            return fitting.clone();
        }
        let mut fitting = self.candidates(sets);
        fitting.retain(|slot| self.matches(key, *slot));
        // While loading, changes are only collected.
        if !self.loading
            && let Some(placed) = self.placements.get_mut(key)
        {
            placed.fitting = Some(fitting.clone());
        }
        fitting
    }

    /// Notes whether a cluster fits, where that is remembered.
    fn note_fit(&mut self, key: &Key, name: &str, slot: usize, fits: bool) {
        let Some(placed) = self.placements.get_mut(key) else {
            return;
        };
        let Some(fitting) = placed.fitting.as_mut() else {
            return;
        };
        if !fits {
            fitting.retain(|known| *known != slot);
            return;
        }
        let slots = &self.slots;
        let name_of = |slot: usize| slots.get(slot)?.as_ref().map(|slot| &*slot.cluster.name);
        if let Err(at) = fitting.binary_search_by(|known| name_of(*known).cmp(&Some(name))) {
            fitting.insert(at, slot);
        }
    }

    // Changes.

    /// A ManagedCluster is there, or changed. Taints that do not say since when
    /// count from `now`.
    pub fn set_cluster(&mut self, cluster: &Arc<Cluster>, now: Timestamp) {
        let old_slot = self.index.get(&cluster.name).copied();
        let old = old_slot
            .and_then(|slot| self.slot(slot))
            .map(|slot| Arc::clone(&slot.cluster));
        let cluster = &since(cluster, old.as_deref(), now);
        if let Some(old) = &old
            && self.cel.is_empty()
            && same(old, cluster)
        {
            // What changed concerns nobody; the text is kept for expressions to come.
            if let Some(slot) = old_slot.and_then(|slot| self.slots[slot].as_mut()) {
                slot.cluster = Arc::clone(cluster);
            }
            return;
        }
        let before = old_slot.map_or_else(Facts::default, |slot| self.facts(&cluster.name, slot));
        let slot = old_slot.unwrap_or_else(|| {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            self.index.insert(Arc::clone(&cluster.name), slot);
            slot
        });
        let version = next(&mut self.versions);
        self.slots[slot] = Some(Slot {
            cluster: Arc::clone(cluster),
            version,
        });
        for (name, set) in &mut self.sets {
            if set.rule.has(name, &cluster.labels) {
                set.clusters.insert(Arc::clone(&cluster.name), slot);
            } else {
                set.clusters.remove(&cluster.name);
            }
        }
        self.compare(&cluster.name, slot, old.as_deref(), before);
    }

    /// A ManagedCluster is gone.
    pub fn remove_cluster(&mut self, name: &str) {
        let Some((key, slot)) = self
            .index
            .get_key_value(name)
            .map(|(k, s)| (Arc::clone(k), *s))
        else {
            return;
        };
        let old = self.slot(slot).map(|slot| Arc::clone(&slot.cluster));
        let before = self.facts(&key, slot);
        for set in self.sets.values_mut() {
            set.clusters.remove(&key);
        }
        self.index.remove(&key);
        self.slots[slot] = None;
        self.free.push(slot);
        self.compare(&key, slot, old.as_deref(), before);
    }

    /// A ManagedClusterSet is there, or changed.
    pub fn set_set(&mut self, set: &Set) {
        if self
            .sets
            .get(&set.name)
            .is_some_and(|known| known.rule == set.members)
        {
            return;
        }
        let clusters = self
            .index
            .iter()
            .filter(|(_, slot)| {
                self.slot(**slot)
                    .is_some_and(|slot| set.members.has(&set.name, &slot.cluster.labels))
            })
            .map(|(name, slot)| (Arc::clone(name), *slot))
            .collect();
        let rule = set.members.clone();
        self.sets
            .insert(set.name.clone(), Membership { rule, clusters });
        self.mark_set(&set.name);
    }

    /// A ManagedClusterSet is gone.
    pub fn remove_set(&mut self, name: &str) {
        if self.sets.remove(name).is_some() {
            self.mark_set(name);
        }
    }

    /// A binding is there.
    pub fn set_binding(&mut self, binding: &Binding) {
        let bound = self.bindings.entry(binding.namespace.clone()).or_default();
        if bound.insert(binding.set.clone()) {
            self.mark_bound(&binding.namespace);
        }
    }

    /// A binding is gone.
    pub fn remove_binding(&mut self, binding: &Binding) {
        if let Some(bound) = self.bindings.get_mut(&binding.namespace)
            && bound.remove(&binding.set)
        {
            if bound.is_empty() {
                self.bindings.remove(&binding.namespace);
            }
            self.mark_bound(&binding.namespace);
        }
    }

    /// Scores are there, or changed.
    pub fn set_score(&mut self, score: &Arc<Score>) {
        let of = self.scores.entry(score.cluster.clone()).or_default();
        let old = of.insert(score.name.clone(), Arc::clone(score));
        if old.is_none_or(|old| old != *score) {
            self.score_changed(&score.cluster, &score.name);
        }
    }

    /// Scores are gone.
    pub fn remove_score(&mut self, cluster: &str, name: &str) {
        let Some(of) = self.scores.get_mut(cluster) else {
            return;
        };
        if of.remove(name).is_some() {
            if of.is_empty() {
                self.scores.remove(cluster);
            }
            self.score_changed(cluster, name);
        }
    }

    fn score_changed(&mut self, cluster: &str, name: &str) {
        let Some((key, slot)) = self
            .index
            .get_key_value(cluster)
            .map(|(key, slot)| (Arc::clone(key), *slot))
        else {
            return;
        };
        let uses = |placed: &Placed| {
            placed
                .placement
                .prioritizers()
                .any(|p| matches!(p, Prioritizer::AddOn { resource, .. } if resource == name))
        };
        let concerned = self.concerned(&key).into_iter();
        let users: Vec<Key> = concerned
            .filter(|(_, placed)| uses(placed))
            .map(|(key, _)| key)
            .collect();
        self.dirty.extend(users);
        if !self.cel.is_empty() {
            let before = self.facts(&key, slot);
            let version = next(&mut self.versions);
            if let Some(taken) = self.slots[slot].as_mut() {
                taken.version = version;
            }
            let old = self.slot(slot).map(|slot| Arc::clone(&slot.cluster));
            self.compare(&key, slot, old.as_deref(), before);
        }
    }

    /// A Placement is there, or changed.
    pub fn set_placement(&mut self, placement: &Arc<Placement>) {
        let old = self.placements.get(&placement.key);
        if old.is_some_and(|old| old.placement == *placement) {
            return;
        }
        for text in placement.expressions() {
            self.cel.hold(text);
        }
        // The verdicts hold as long as the predicates do.
        let (verdicts, fitting) = match self.placements.remove(&placement.key) {
            None => (Vec::new(), None),
            Some(old) => {
                for text in old.placement.expressions() {
                    self.cel.release(text);
                }
                if old.placement.predicates == placement.predicates {
                    let sets = &old.placement.spec.cluster_sets;
                    let same = *sets == placement.spec.cluster_sets;
                    (old.verdicts, old.fitting.filter(|_| same))
                } else {
                    (Vec::new(), None)
                }
            }
        };
        let placement = Arc::clone(placement);
        self.dirty.insert(placement.key.clone());
        self.placements.insert(
            placement.key.clone(),
            Placed {
                placement,
                verdicts,
                fitting,
            },
        );
    }

    /// The status of a Placement was written: known, and nothing to schedule.
    pub fn note_placement(&mut self, placement: &Arc<Placement>) {
        if let Some(placed) = self.placements.get_mut(&placement.key)
            && placed.placement.uid == placement.uid
            && placed.placement.spec == placement.spec
            && placed.placement.active == placement.active
        {
            placed.placement = Arc::clone(placement);
        }
    }

    /// A Placement is gone.
    pub fn remove_placement(&mut self, key: &Key) {
        if let Some(old) = self.placements.remove(key) {
            for text in old.placement.expressions() {
                self.cel.release(text);
            }
            self.dirty.insert(key.clone());
        }
    }

    // Who is concerned.

    fn mark_set(&mut self, set: &str) {
        let namespaces = self.bindings.iter().filter(|(_, sets)| sets.contains(set));
        let namespaces: Vec<String> = namespaces.map(|(name, _)| name.clone()).collect();
        for namespace in namespaces {
            self.mark_bound(&namespace);
        }
    }

    /// All placements of the namespace: those that do not want the set may tell
    /// now that others are bound.
    fn mark_bound(&mut self, namespace: &str) {
        let placed = self.placements.range_mut(Key::new(namespace, "")..);
        for (key, placed) in placed.take_while(|(key, _)| key.namespace == namespace) {
            placed.fitting = None;
            self.dirty.insert(key.clone());
        }
    }

    /// The placements that may choose a cluster, as it is known now.
    fn concerned(&self, cluster: &str) -> Vec<(Key, &Placed)> {
        let sets: Vec<&String> = self
            .sets
            .iter()
            .filter(|(_, set)| set.clusters.contains_key(cluster))
            .map(|(name, _)| name)
            .collect();
        let mut found = Vec::new();
        for (namespace, bound) in &self.bindings {
            let here: Vec<&&String> = sets.iter().filter(|set| bound.contains(**set)).collect();
            if here.is_empty() {
                continue;
            }
            let placed = in_namespace(&self.placements, namespace)
                .filter(|(_, placed)| here.iter().any(|set| placed.placement.wants_set(set)));
            found.extend(placed.map(|(key, placed)| (key.clone(), placed)));
        }
        found
    }

    /// For each placement that may choose the cluster: whether it fits, as far as
    /// that can be told without holding others up.
    fn facts(&mut self, cluster: &str, slot: usize) -> Facts {
        let mut facts = Facts::default();
        if self.loading {
            return facts;
        }
        let concerned = self.concerned(cluster).into_iter();
        let keys: Vec<(Key, bool)> = concerned
            .map(|(key, placed)| (key, self.is_dear(&placed.placement)))
            .collect();
        let before = self.cel.spent;
        for (key, dear) in keys {
            if dear || self.cel.spent - before > u64::from(cel::CHEAP) * 4 {
                facts.later.push(key);
            } else {
                let fits = self.fits(&key, slot);
                facts.fits.push((key, fits));
            }
        }
        facts
    }

    fn fits(&mut self, key: &Key, slot: usize) -> bool {
        let alive = self.slot(slot).is_some_and(|slot| !slot.cluster.deleting);
        alive && self.matches(key, slot)
    }

    /// Marks the placements for which a change of a cluster makes a difference.
    fn compare(&mut self, name: &str, slot: usize, old: Option<&Cluster>, before: Facts) {
        let new = self.slot(slot).map(|slot| Arc::clone(&slot.cluster));
        let after = match new {
            Some(_) => self.facts(name, slot),
            None => Facts::default(),
        };
        let later: BTreeSet<Key> = before.later.into_iter().chain(after.later).collect();
        let told = |facts: Vec<(Key, bool)>| -> BTreeMap<Key, bool> {
            let facts = facts.into_iter();
            facts.filter(|(key, _)| !later.contains(key)).collect()
        };
        let (before, after) = (told(before.fits), told(after.fits));
        for key in later {
            if let Some(placed) = self.placements.get_mut(&key) {
                placed.fitting = None;
                self.dirty.insert(key);
            }
        }
        for key in before.keys().filter(|key| !after.contains_key(*key)) {
            self.note_fit(key, name, slot, false);
            self.left_or_joined(key, before[key]);
        }
        for (key, fits) in after {
            self.note_fit(&key, name, slot, fits);
            match before.get(&key) {
                None => self.left_or_joined(&key, fits),
                Some(fitted) if *fitted != fits => {
                    self.dirty.insert(key);
                }
                Some(_) => {
                    let (Some(old), Some(new)) = (old, new.as_deref()) else {
                        continue;
                    };
                    if old.deleting != new.deleting {
                        self.left_or_joined(&key, fits);
                    } else if fits
                        && self
                            .placements
                            .get(&key)
                            .is_some_and(|placed| counts_for(&placed.placement, old, new))
                    {
                        self.dirty.insert(key);
                    }
                }
            }
        }
    }

    /// A candidate more or less counts when it fits, or when the placement has
    /// hardly any: then its message changes.
    fn left_or_joined(&mut self, key: &Key, fits: bool) {
        let few = || {
            let placed = self.placements.get(key)?;
            let sets = self.bound_sets(&key.namespace);
            let mut members = sets
                .iter()
                .filter(|set| placed.placement.wants_set(set))
                .filter_map(|set| self.sets.get(set))
                .flat_map(|set| set.clusters.values().copied())
                .filter(|slot| self.slot(*slot).is_some_and(|slot| !slot.cluster.deleting));
            let first = members.next();
            Some(!members.any(|member| Some(member) != first))
        };
        if fits || few() == Some(true) {
            self.dirty.insert(key.clone());
        }
    }
}

fn in_namespace<'a>(
    placements: &'a BTreeMap<Key, Placed>,
    namespace: &'a str,
) -> impl Iterator<Item = (&'a Key, &'a Placed)> {
    placements
        .range(Key::new(namespace, "")..)
        .take_while(move |(key, _)| key.namespace == namespace)
}

/// Whether a change of a cluster that fits before and after counts.
fn counts_for(placement: &Placement, old: &Cluster, new: &Cluster) -> bool {
    let mut by_resources = false;
    for prioritizer in placement.prioritizers() {
        by_resources |= match prioritizer {
            Prioritizer::Cpu => old.cpu != new.cpu,
            Prioritizer::Memory => old.memory != new.memory,
            _ => false,
        };
    }
    by_resources
        || old.taints != new.taints
        || placement.looks_at_labels() && (old.labels != new.labels || old.claims != new.claims)
}

/// Whether nothing changed but what only expressions see.
fn same(old: &Cluster, new: &Cluster) -> bool {
    old.labels == new.labels
        && old.claims == new.claims
        && old.taints == new.taints
        && old.deleting == new.deleting
        && old.cpu == new.cpu
        && old.memory == new.memory
}

/// The cluster, with when each taint without a time was first seen. What an
/// earlier state of the taint said does not count: equal states, equal decisions.
fn since(cluster: &Arc<Cluster>, old: Option<&Cluster>, now: Timestamp) -> Arc<Cluster> {
    if cluster.taints.iter().all(|taint| taint.added.is_some()) {
        return Arc::clone(cluster);
    }
    let mut timed = (**cluster).clone();
    for taint in timed
        .taints
        .iter_mut()
        .filter(|taint| taint.added.is_none())
    {
        let mut known = old.iter().flat_map(|old| &old.taints).filter(|known| {
            (&known.key, &known.value, &known.effect) == (&taint.key, &taint.value, &taint.effect)
        });
        taint.seen = known.find_map(|known| known.seen).or(Some(now));
    }
    Arc::new(timed)
}

fn next(versions: &mut u32) -> u32 {
    *versions = versions.wrapping_add(1).max(1);
    *versions
}
