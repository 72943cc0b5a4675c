//! The pipeline: candidates, filters, prioritizers, choice (section 2 of the
//! protocol). It reads the world and decides; it writes nothing.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::ocm::cluster::v1beta1::Toleration;
use crate::ocm::labels;
use crate::runtime::Key;

use super::score;
use super::spec::Placement;
use super::spread;
use super::view::{Cluster, Taint};
use super::world::World;

/// What a placement chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The clusters in groups, in the order of the groups.
    pub groups: Vec<Group>,
    /// How many clusters are chosen.
    pub selected: usize,
    /// What is wrong with the placement.
    pub misconfigured: Option<String>,
    /// Reason and message of PlacementSatisfied, and whether it is.
    pub satisfied: (bool, &'static str, String),
    /// Total scores for people: `c1:100 c2:0 `.
    pub scores: String,
    /// What was not as it should be, with the prioritizer that found it.
    pub warning: Option<(String, String)>,
    /// What has no effect or cannot be as meant.
    pub advice: Vec<String>,
    /// When time alone changes the outcome.
    pub again: Option<Duration>,
}

/// Clusters that are decided together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The name of the decision group; empty for those in none.
    pub name: String,
    /// The clusters, as they stand in the decisions.
    pub clusters: Vec<Arc<str>>,
}

/// Why each cluster is chosen or is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// The sets bound to the namespace.
    pub bound: Vec<String>,
    /// The sets that are chosen from.
    pub sets: Vec<String>,
    /// The prioritizers with their weights, in the order of the scores.
    pub prioritizers: Vec<(String, i64)>,
    /// All clusters of the hub, by name.
    pub clusters: Vec<(String, Why)>,
    /// What was decided.
    pub outcome: Outcome,
}

/// Why a cluster is chosen or is not.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It is in none of the sets, or is being deleted.
    NotCandidate(String),
    /// No predicate chooses it.
    Predicate(String),
    /// A taint is not tolerated.
    Taint(String),
    /// Nothing is known against it, but the placement is misconfigured.
    NotScored,
    /// It fits.
    Scored {
        /// What each prioritizer says.
        scores: Vec<i64>,
        /// Their weighted sum.
        total: i64,
        /// Its rank among those that fit, from 1.
        rank: usize,
        /// Why it is not chosen although it fits.
        dropped: Option<String>,
    },
}

/// A cluster that fits.
pub(super) struct Ranked {
    pub(super) cluster: Arc<Cluster>,
    pub(super) scores: Vec<i64>,
    pub(super) total: i64,
}

impl World {
    /// Schedules a placement; `None` when it is not there or not to be scheduled.
    pub fn schedule(&mut self, key: &Key, now: Timestamp) -> Option<Outcome> {
        let placement = self.placement(key)?;
        placement
            .active
            .then(|| self.pipeline(&placement, now, None))
    }

    /// What [`Self::schedule`] decides, with the reason for every cluster.
    pub fn explain(&mut self, key: &Key, now: Timestamp) -> Option<Explanation> {
        let placement = self.placement(key)?;
        let mut explanation = Explanation::default();
        explanation.outcome = self.pipeline(&placement, now, Some(&mut explanation));
        explanation.clusters.sort_by(|a, b| a.0.cmp(&b.0));
        Some(explanation)
    }

    fn pipeline(
        &mut self,
        placement: &Placement,
        now: Timestamp,
        mut explain: Option<&mut Explanation>,
    ) -> Outcome {
        let mut outcome = Outcome {
            advice: placement.advice.clone(),
            // Without clusters there is one decision without clusters, too.
            groups: vec![Group::default()],
            misconfigured: placement
                .group_error
                .as_ref()
                .map(|error| format!(":{error}")),
            ..Outcome::default()
        };
        let bound = self.bound_sets(&placement.key.namespace);
        let sets: Vec<String> = bound
            .iter()
            .filter(|set| placement.wants_set(set))
            .cloned()
            .collect();
        if let Some(explain) = &mut explain {
            explain.bound.clone_from(&bound);
            explain.sets.clone_from(&sets);
        }
        // All of them only where each has to be told of.
        let candidates = match explain {
            Some(_) => self.candidates(&sets),
            None => Vec::new(),
        };
        if let Some(explain) = &mut explain {
            let inside: HashSet<usize> = candidates.iter().copied().collect();
            for (name, slot) in self.clusters().filter(|(_, slot)| !inside.contains(slot)) {
                let deleting = self.slot(slot).is_some_and(|slot| slot.cluster.deleting);
                let why = match (deleting, sets.as_slice()) {
                    (true, _) => "it is being deleted".to_owned(),
                    (false, []) => "no set to choose from".to_owned(),
                    (false, sets) => format!("in none of the sets {}", sets.join(", ")),
                };
                explain
                    .clusters
                    .push((name.to_string(), Why::NotCandidate(why)));
            }
        }
        if let Some(error) = &placement.name_error {
            outcome.groups.clear();
            return self.misconfigured(outcome, format!(":{error}"), &candidates, explain);
        }
        let some = self.has_candidates(&sets);
        if let Some(reason) = nothing_to_choose(placement, &bound, &sets, some) {
            outcome.satisfied = reason;
            return outcome;
        }
        let error = self
            .expression_error(placement)
            .or_else(|| placement.predicate_error.clone())
            .map(|error| format!("Predicate:{error}"));
        if let Some(error) = error {
            return self.misconfigured(outcome, error, &candidates, explain);
        }
        let matching = match &mut explain {
            Some(explain) => self.filter_predicates(placement, candidates, explain),
            None => self.fitting(&placement.key, &sets),
        };
        if !matching.is_empty()
            && let Some(error) = &placement.toleration_error
        {
            let error = format!("TaintToleration:{error}");
            return self.misconfigured(outcome, error, &matching, explain);
        }
        let decided = self.decided(&placement.key);
        let feasible = self.filter_taints(placement, &decided, matching, now, &mut explain);
        let weights = match &placement.weights {
            Ok(weights) => weights,
            Err(error) => {
                return self.misconfigured(outcome, format!(":{error}"), &feasible, explain);
            }
        };
        let clusters: Vec<Arc<Cluster>> = feasible
            .iter()
            .filter_map(|slot| Some(Arc::clone(&self.slot(*slot)?.cluster)))
            .collect();
        let scored = score::score(self, placement, weights, &decided, &clusters, now);
        // Told whether a decision changes or not; events tell only of those.
        let warnings = scored.warnings.iter().map(|(_, text)| text.clone());
        outcome.advice.extend(warnings);
        outcome.warning = scored.warnings.into_iter().next_back();
        outcome.scores = listed(&scored.ranked);
        // Who is not chosen counts, too: for what is the least and the most.
        let tolerated = clusters.iter();
        let tolerated = tolerated.filter_map(|cluster| {
            let is_new = !decided.contains(&*cluster.name);
            until(&cluster.taints, is_new, placement, now)
        });
        outcome.again = scored.again.into_iter().chain(tolerated).min();
        let (chosen, dropped) = choose(placement, scored.ranked);
        outcome.selected = chosen.len();
        outcome.satisfied = satisfied(placement, chosen.len());
        if let Some(explain) = explain {
            explain.prioritizers = weights
                .iter()
                .map(|(prioritizer, weight)| (prioritizer.name(), *weight))
                .collect();
            explain_ranks(explain, placement, &chosen, &dropped);
        }
        if !dropped.is_empty()
            && let Some(note) = spread::note(placement, &chosen)
        {
            outcome.advice.push(note);
        }
        outcome.groups = grouped(placement, chosen);
        outcome
    }

    /// Nothing is chosen; these clusters could have been.
    fn misconfigured(
        &self,
        mut outcome: Outcome,
        error: String,
        left: &[usize],
        explain: Option<&mut Explanation>,
    ) -> Outcome {
        if let Some(explain) = explain {
            let names = left.iter().filter_map(|slot| self.slot(*slot));
            let names = names.map(|slot| slot.cluster.name.to_string());
            explain
                .clusters
                .extend(names.map(|name| (name, Why::NotScored)));
        }
        outcome.misconfigured = Some(error);
        outcome.satisfied = (false, "NoManagedClusterMatched", NO_MATCH.to_owned());
        outcome
    }

    /// The clusters in the placement's decisions.
    fn decided(&self, key: &Key) -> BTreeSet<String> {
        let decisions = self.decisions(key);
        decisions
            .iter()
            .flat_map(|decision| decision.clusters.iter().cloned())
            .collect()
    }

    fn filter_predicates(
        &mut self,
        placement: &Placement,
        candidates: Vec<usize>,
        explain: &mut Explanation,
    ) -> Vec<usize> {
        let (fit, rest): (Vec<usize>, Vec<usize>) = candidates
            .into_iter()
            .partition(|slot| self.matches(&placement.key, *slot));
        for slot in rest {
            let why = Why::Predicate(self.why_not(placement, slot));
            let name = self.slot(slot).map(|slot| slot.cluster.name.to_string());
            explain.clusters.extend(name.map(|name| (name, why)));
        }
        fit
    }

    fn filter_taints(
        &self,
        placement: &Placement,
        decided: &BTreeSet<String>,
        candidates: Vec<usize>,
        now: Timestamp,
        explain: &mut Option<&mut Explanation>,
    ) -> Vec<usize> {
        let mut fit = candidates;
        fit.retain(|slot| {
            let Some(slot) = self.slot(*slot) else {
                return false;
            };
            let cluster = &slot.cluster;
            let Some(taint) = cluster.taints.iter().find(|taint| {
                let stays = taint.effect == "NoSelectIfNew" && decided.contains(&*cluster.name);
                !stays && !is_tolerated(taint, &placement.spec.tolerations, now)
            }) else {
                return true;
            };
            if let Some(explain) = explain {
                let why = Why::Taint(untolerated(taint, &placement.spec.tolerations, now));
                explain.clusters.push((cluster.name.to_string(), why));
            }
            false
        });
        fit
    }
}

const NO_MATCH: &str = "No ManagedCluster matches any of the cluster predicate";

/// Statements 1 to 3.
fn nothing_to_choose(
    placement: &Placement,
    bound: &[String],
    sets: &[String],
    has_candidates: bool,
) -> Option<(bool, &'static str, String)> {
    let reason = |reason, message: String| Some((false, reason, message));
    if bound.is_empty() {
        reason(
            "NoManagedClusterSetBindings",
            "No valid ManagedClusterSetBindings found in placement namespace".to_owned(),
        )
    } else if sets.is_empty() {
        let wanted = placement.spec.cluster_sets.join(",");
        reason(
            "NoIntersection",
            format!("None of ManagedClusterSets [{wanted}] is bound to placement namespace"),
        )
    } else if !has_candidates {
        let sets = sets.join(",");
        reason(
            "AllManagedClusterSetsEmpty",
            format!("All ManagedClusterSets [{sets}] have no member ManagedCluster"),
        )
    } else {
        None
    }
}

fn satisfied(placement: &Placement, selected: usize) -> (bool, &'static str, String) {
    let wanted = placement
        .spec
        .number_of_clusters
        .map_or(selected, |number| usize::try_from(number).unwrap_or(0));
    if selected == 0 {
        (false, "NoManagedClusterMatched", NO_MATCH.to_owned())
    } else if selected >= wanted {
        (
            true,
            "AllDecisionsScheduled",
            "All cluster decisions scheduled".to_owned(),
        )
    } else {
        let missing = wanted - selected;
        (
            false,
            "NotAllDecisionsScheduled",
            format!("{missing} cluster decisions unscheduled"),
        )
    }
}

// Taints.

/// When a toleration ends for a taint; `None` for never.
fn end(toleration: &Toleration, taint: &Taint) -> Option<Timestamp> {
    let seconds = toleration.toleration_seconds?;
    let added = taint.added.or(taint.seen).unwrap_or(Timestamp::MIN);
    let end = added.checked_add(jiff::SignedDuration::from_secs(seconds));
    Some(end.unwrap_or(Timestamp::MAX))
}

fn is_for(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.map(|effect| format!("{effect:?}"));
    let key = toleration.key.as_deref().unwrap_or_default();
    effect.is_none_or(|effect| effect == taint.effect)
        && (key.is_empty() || key == taint.key)
        && match toleration.operator.as_deref().unwrap_or_default() {
            "" | "Equal" => toleration.value.as_deref().unwrap_or_default() == taint.value,
            "Exists" => true,
            _ => false,
        }
}

fn is_tolerated(taint: &Taint, tolerations: &[Toleration], now: Timestamp) -> bool {
    taint.effect == "PreferNoSelect"
        || tolerations.iter().any(|toleration| {
            is_for(toleration, taint) && end(toleration, taint).is_none_or(|end| now < end)
        })
}

/// How long all taints of a cluster stay tolerated; `None` for ever.
fn until(
    taints: &[Taint],
    is_new: bool,
    placement: &Placement,
    now: Timestamp,
) -> Option<Duration> {
    let ends = taints
        .iter()
        .filter(|taint| taint.effect == "NoSelect" || is_new && taint.effect == "NoSelectIfNew")
        .filter_map(|taint| {
            let fitting: Vec<Option<Timestamp>> = placement
                .spec
                .tolerations
                .iter()
                .filter(|toleration| is_for(toleration, taint))
                .map(|toleration| end(toleration, taint))
                .collect();
            // One without an end tolerates for ever.
            fitting
                .into_iter()
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .max()
        });
    let end = ends.min()?;
    Some(Duration::try_from(end.duration_since(now)).unwrap_or_default())
}

fn untolerated(taint: &Taint, tolerations: &[Toleration], now: Timestamp) -> String {
    let value = if taint.value.is_empty() {
        String::new()
    } else {
        format!("={}", taint.value)
    };
    let name = format!("taint {}{value}:{}", taint.key, taint.effect);
    let ended = tolerations
        .iter()
        .filter(|toleration| is_for(toleration, taint))
        .filter_map(|toleration| end(toleration, taint))
        .max();
    match ended {
        Some(end) if end <= now => format!("{name} was tolerated until {end:.0}"),
        _ => format!("{name} is not tolerated"),
    }
}

// Choice.

fn listed(ranked: &[Ranked]) -> String {
    let mut text = String::new();
    for one in ranked {
        let next = format!("{}:{} ", one.cluster.name, one.total);
        if text.len() + next.len() > 1000 {
            text.push_str("......");
            break;
        }
        text.push_str(&next);
    }
    text
}

/// The chosen clusters, best first, and the rest.
fn choose(placement: &Placement, mut ranked: Vec<Ranked>) -> (Vec<Ranked>, Vec<Ranked>) {
    // They come by name, and a stable sort keeps that order among equals.
    ranked.sort_by_key(|one| std::cmp::Reverse(one.total));
    let number = placement
        .spec
        .number_of_clusters
        .map_or(ranked.len(), |number| usize::try_from(number).unwrap_or(0));
    let constraints = &placement.spec.spread_policy.spread_constraints;
    if !constraints.is_empty() {
        return spread::choose(constraints, ranked, number);
    }
    let rest = ranked.split_off(number.min(ranked.len()));
    (ranked, rest)
}

fn explain_ranks(
    explain: &mut Explanation,
    placement: &Placement,
    chosen: &[Ranked],
    dropped: &[Ranked],
) {
    let mut all: Vec<(&Ranked, bool)> = chosen.iter().map(|one| (one, true)).collect();
    all.extend(dropped.iter().map(|one| (one, false)));
    all.sort_by(|(a, _), (b, _)| {
        b.total
            .cmp(&a.total)
            .then_with(|| a.cluster.name.cmp(&b.cluster.name))
    });
    let (best, fit) = (chosen.len(), all.len());
    let wanted = placement.spec.number_of_clusters;
    let wanted = wanted.map_or(fit, |number| usize::try_from(number).unwrap_or(0));
    for (at, (one, is_chosen)) in all.into_iter().enumerate() {
        let rank = at + 1;
        let dropped = (!is_chosen).then(|| {
            if rank <= best || best < wanted {
                "it would upset the spread".to_owned()
            } else {
                let are = if best == 1 { "is" } else { "are" };
                format!("rank {rank} of {fit}, {best} {are} chosen")
            }
        });
        let why = Why::Scored {
            scores: one.scores.clone(),
            total: one.total,
            rank,
            dropped,
        };
        explain.clusters.push((one.cluster.name.to_string(), why));
    }
}

/// The chosen clusters in groups (section 3, statement 7).
fn grouped(placement: &Placement, mut chosen: Vec<Ranked>) -> Vec<Group> {
    let length = placement.group_length(chosen.len()).max(1);
    if !placement.sorts_by_score() {
        chosen.sort_by(|a, b| a.cluster.name.cmp(&b.cluster.name));
    }
    let mut groups = Vec::new();
    let cut = |name: &str, clusters: Vec<Arc<str>>, groups: &mut Vec<Group>| {
        groups.extend(clusters.chunks(length).map(|chunk| Group {
            name: name.to_owned(),
            clusters: chunk.to_vec(),
        }));
    };
    for (name, by_labels, by_claims) in &placement.groups {
        let (inside, rest): (Vec<Ranked>, Vec<Ranked>) = chosen.into_iter().partition(|one| {
            labels::matches(by_labels, &one.cluster.labels) == Ok(true)
                && labels::matches(by_claims, &one.cluster.claims) == Ok(true)
        });
        chosen = rest;
        let names = inside
            .into_iter()
            .map(|one| Arc::clone(&one.cluster.name))
            .collect();
        cut(name, names, &mut groups);
    }
    if placement.group_error.is_none() {
        let names = chosen
            .into_iter()
            .map(|one| Arc::clone(&one.cluster.name))
            .collect();
        cut("", names, &mut groups);
    }
    if groups.is_empty() {
        groups.push(Group::default());
    }
    groups
}
