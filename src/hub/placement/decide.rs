//! What has to be written for an outcome: decisions in pages, status, events
//! (section 3 of the protocol).

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::ocm::cluster::v1beta1::{
    CONDITION_PLACEMENT_MISCONFIGURED, CONDITION_PLACEMENT_SATISFIED, DecisionGroupStatus,
    PlacementStatus,
};
use crate::ocm::conditions;

use super::schedule::Outcome;
use super::spec::Placement;
use super::view::Decision;

/// Clusters in one PlacementDecision.
pub const PAGE: usize = 100;
/// Condition of ours, only while there is something to say: what has no effect
/// or cannot be as meant.
pub const CONDITION_ADVICE: &str = "PlacementAdvice";

/// A PlacementDecision as it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The name of its group.
    pub group_name: String,
    /// The index of its group.
    pub group_index: usize,
    /// Its clusters.
    pub clusters: Vec<Arc<str>>,
}

/// What has to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// PlacementDecisions to create.
    pub create: Vec<Wanted>,
    /// PlacementDecisions whose labels or owner differ.
    pub relabel: Vec<Wanted>,
    /// PlacementDecisions with other clusters.
    pub update: Vec<Wanted>,
    /// Names of PlacementDecisions that are too many.
    pub delete: Vec<String>,
    /// The status, when it differs.
    pub status: Option<PlacementStatus>,
}

impl Changes {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The PlacementDecisions of an outcome, and the status of the groups
/// (statements 6 and 7).
#[must_use]
pub fn pages(placement: &str, outcome: &Outcome) -> (Vec<Wanted>, Vec<DecisionGroupStatus>) {
    let mut pages: Vec<Wanted> = Vec::new();
    let mut groups = Vec::new();
    for (index, group) in outcome.groups.iter().enumerate() {
        let first = pages.len();
        let mut slices: Vec<&[Arc<str>]> = group.clusters.chunks(PAGE).collect();
        if slices.is_empty() {
            slices.push(&[]);
        }
        for slice in slices {
            pages.push(Wanted {
                name: format!("{placement}-decision-{}", pages.len() + 1),
                group_name: group.name.clone(),
                group_index: index,
                clusters: slice.to_vec(),
            });
        }
        groups.push(DecisionGroupStatus {
            decision_group_index: i32::try_from(index).ok(),
            decision_group_name: Some(group.name.clone()),
            decisions: pages[first..]
                .iter()
                .map(|page| page.name.clone())
                .collect(),
            clusters_count: i32::try_from(group.clusters.len()).ok(),
        });
    }
    (pages, groups)
}

/// The conditions of an outcome.
#[must_use]
pub fn outcome_conditions(outcome: &Outcome) -> Vec<Condition> {
    let configured = match &outcome.misconfigured {
        Some(error) => conditions::condition(
            CONDITION_PLACEMENT_MISCONFIGURED,
            conditions::TRUE,
            "Misconfigured",
            error,
        ),
        None => conditions::condition(
            CONDITION_PLACEMENT_MISCONFIGURED,
            conditions::FALSE,
            "Succeedconfigured",
            "Placement configurations check pass",
        ),
    };
    let (satisfied, reason, message) = &outcome.satisfied;
    let status = match satisfied {
        true => conditions::TRUE,
        false => conditions::FALSE,
    };
    let mut all = vec![
        configured,
        conditions::condition(CONDITION_PLACEMENT_SATISFIED, status, reason, message),
    ];
    if !outcome.advice.is_empty() {
        let advice = outcome.advice.join("; ");
        all.push(conditions::condition(
            CONDITION_ADVICE,
            conditions::TRUE,
            "NotAsMeant",
            advice,
        ));
    }
    all
}

/// What has to be written so that the decisions are those of the outcome.
#[must_use]
pub fn decide(placement: &Placement, outcome: &Outcome, existing: &[Arc<Decision>]) -> Changes {
    let (pages, groups) = pages(&placement.key.name, outcome);
    let mut changes = Changes {
        delete: existing
            .iter()
            .filter(|decision| !pages.iter().any(|page| page.name == decision.name))
            .filter(|decision| !decision.deleting)
            .map(|decision| decision.name.clone())
            .collect(),
        ..Changes::default()
    };
    for page in pages {
        let Some(known) = existing.iter().find(|known| known.name == page.name) else {
            changes.create.push(page);
            continue;
        };
        let index = page.group_index.to_string();
        if known.group_name.as_deref() != Some(page.group_name.as_str())
            || known.group_index.as_deref() != Some(index.as_str())
            || known.owner != placement.uid
        {
            changes.relabel.push(page.clone());
        }
        let same = known.clusters.len() == page.clusters.len()
            && known
                .clusters
                .iter()
                .zip(&page.clusters)
                .all(|(a, b)| **a == **b);
        if !same {
            changes.update.push(page);
        }
    }
    changes.status = status(placement, outcome, groups);
    changes
}

/// The status of an outcome, when it differs from the present one.
#[must_use]
pub fn status(
    placement: &Placement,
    outcome: &Outcome,
    groups: Vec<DecisionGroupStatus>,
) -> Option<PlacementStatus> {
    let mut status = placement.status.clone();
    status.number_of_selected_clusters = i32::try_from(outcome.selected).ok();
    status.decision_groups = groups;
    if outcome.advice.is_empty() {
        conditions::remove(&mut status.conditions, CONDITION_ADVICE);
    }
    for condition in outcome_conditions(outcome) {
        conditions::set(&mut status.conditions, condition);
    }
    (status != placement.status).then_some(status)
}
