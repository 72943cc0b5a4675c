//! What the predicates of placements say of clusters, remembered until the
//! cluster changes. Expressions are evaluated here only if they are known to be
//! cheap; those that are not are handed out as questions, so that nobody waits
//! for them but the placements that have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ocm::labels;
use crate::runtime::Key;

use super::cel;
use super::spec::{Placement, Predicate};
use super::view::{Cluster, Score};
use super::world::{Placed, World};

/// How many questions are asked at a time.
const QUESTIONS: usize = 256;

impl World {
    /// Whether the predicates of a placement choose the cluster of a slot;
    /// whatever has to be evaluated for that is evaluated now.
    pub(super) fn matches(&mut self, key: &Key, slot: usize) -> bool {
        let verdict = loop {
            let Some(placed) = self.placements.get(key) else {
                return false;
            };
            if placed.placement.predicates.is_empty() {
                return true;
            }
            match self.verdict(placed, slot) {
                Ok(verdict) => break verdict,
                Err(question) => self.cel.learn(&question.answer()),
            }
        };
        if let Some(placed) = self.placements.get_mut(key)
            && let Some(Some(taken)) = self.slots.get(slot)
        {
            placed.note_verdict(slot, taken.version, verdict);
        }
        verdict
    }

    /// The expressions that have to be evaluated before a placement can be
    /// scheduled, so many at a time; nothing when all is known. Evaluate them
    /// without holding the world, [`Self::learn`] what they say, and ask again.
    #[must_use]
    pub fn questions(&self, key: &Key) -> Vec<cel::Question> {
        let Some(placed) = self.placements.get(key) else {
            return Vec::new();
        };
        let placement = &placed.placement;
        if placed.fitting.is_some()
            || !placement.active
            || placement.expressions().next().is_none()
            || placement.predicate_error.is_some()
            || placement.name_error.is_some()
            || self.expression_error(placement).is_some()
        {
            return Vec::new();
        }
        let mut sets = self.bound_sets(&key.namespace);
        sets.retain(|set| placement.wants_set(set));
        let slots = self.candidates(&sets).into_iter();
        slots
            .filter_map(|slot| self.verdict(placed, slot).err())
            .take(QUESTIONS)
            .collect()
    }

    /// What the predicates say of the cluster of a slot, or what has to be
    /// evaluated first.
    fn verdict(&self, placed: &Placed, slot: usize) -> Result<bool, cel::Question> {
        let Some(taken) = self.slot(slot) else {
            return Ok(false);
        };
        if let Some(known) = placed.verdict(slot, taken.version) {
            return Ok(known);
        }
        let place = (slot, taken.version);
        for predicate in &placed.placement.predicates {
            let scores = || expression_scores(&self.scores, &taken.cluster.name);
            if by_labels(predicate, &taken.cluster)
                && self
                    .cel
                    .ask(&predicate.expressions, place, &taken.cluster, scores)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keeps what expressions say.
    pub fn learn(&mut self, answers: impl IntoIterator<Item = cel::Answer>) {
        for answer in answers {
            self.cel.learn(&answer);
        }
    }

    /// Whether others would wait for the expressions of a placement.
    pub(super) fn is_dear(&self, placement: &Placement) -> bool {
        placement.expressions().any(|text| self.cel.is_dear(text))
    }

    /// Why the predicates do not choose a cluster, for people.
    pub(super) fn why_not(&self, placement: &Placement, slot: usize) -> String {
        let Some(slot) = self.slot(slot) else {
            return String::new();
        };
        let reasons = placement
            .predicates
            .iter()
            .enumerate()
            .map(|(number, predicate)| {
                let reason = mismatch(predicate, &slot.cluster, || {
                    expression_scores(&self.scores, &slot.cluster.name)
                });
                if placement.predicates.len() > 1 {
                    format!("predicate {number}: {reason}")
                } else {
                    reason
                }
            });
        reasons.collect::<Vec<_>>().join("; ")
    }
}

fn expression_scores(
    scores: &BTreeMap<String, BTreeMap<String, Arc<Score>>>,
    cluster: &str,
) -> cel::Scores {
    let known = scores.get(cluster).into_iter().flatten();
    known
        .map(|(name, score)| (name.clone(), score.values.clone()))
        .collect()
}

fn by_labels(predicate: &Predicate, cluster: &Cluster) -> bool {
    labels::matches(&predicate.labels, &cluster.labels) == Ok(true)
        && labels::matches(&predicate.claims, &cluster.claims) == Ok(true)
}

fn mismatch(predicate: &Predicate, cluster: &Cluster, scores: impl Fn() -> cel::Scores) -> String {
    for (what, selector, has) in [
        ("label", &predicate.labels, &cluster.labels),
        ("claim", &predicate.claims, &cluster.claims),
    ] {
        for (key, value) in selector.match_labels.iter().flatten() {
            match has.get(key) {
                Some(other) if other != value => {
                    return format!("{what} {key} is {other:?}, not {value:?}");
                }
                None => return format!("{what} {key} is missing ({value:?} is required)"),
                Some(_) => {}
            }
        }
        for requirement in selector.match_expressions.iter().flatten() {
            let one = k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector {
                match_expressions: Some(vec![requirement.clone()]),
                match_labels: None,
            };
            if labels::matches(&one, has) != Ok(true) {
                let values = requirement.values.iter().flatten();
                let values: Vec<&str> = values.map(String::as_str).collect();
                let values = values.join(",");
                let is = has
                    .get(&requirement.key)
                    .map_or_else(|| "missing".to_owned(), |value| format!("{value:?}"));
                let not = match requirement.operator.as_str() {
                    "In" => format!(", not in ({values})"),
                    "NotIn" => format!(", which is in ({values})"),
                    "Exists" => String::new(),
                    "DoesNotExist" => " and should not be there".to_owned(),
                    other => format!(", not {other} {values}"),
                };
                return format!("{what} {} is {is}{not}", requirement.key);
            }
        }
    }
    for text in &predicate.expressions {
        let verdict = match cel::compile(text) {
            Ok(expression) => cel::evaluate(&expression, &cluster.whole, &scores).0,
            Err(error) => Err(error),
        };
        match verdict {
            Ok(true) => {}
            Ok(false) => return format!("expression {text:?} is false"),
            Err(error) => return format!("expression {text:?}: {error}"),
        }
    }
    "the expressions together cost more than they may".to_owned()
}
