//! The status of a replica set. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::plan::{PlacementPlan, Plan};
use crate::ocm::conditions::{self, FALSE, TRUE, condition};
use crate::ocm::work::v1alpha1::{
    CONDITION_MANIFEST_WORK_APPLIED, CONDITION_PLACEMENT_ROLLED_OUT, CONDITION_PLACEMENT_VERIFIED,
    ManifestWorkReplicaSetStatus, ManifestWorkReplicaSetSummary, PlacementSummary,
};

/// What became of a plan, by placement.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// Works that were created.
    pub created: usize,
    /// Works that were brought to the present content and had another.
    pub updated: usize,
    /// What went wrong.
    pub errors: Vec<String>,
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The status after `plan`, of whose placements `done` tells in the same order.
#[must_use]
pub fn status(
    old: &ManifestWorkReplicaSetStatus,
    plan: &Plan,
    done: &[Done],
) -> ManifestWorkReplicaSetStatus {
    let nothing = Done::default();
    let summaries: Vec<PlacementSummary> = plan
        .placements
        .iter()
        .enumerate()
        .map(|(i, placement)| summary(placement, done.get(i).unwrap_or(&nothing)))
        .collect();
    let mut sum = ManifestWorkReplicaSetSummary::default();
    for PlacementSummary { summary, .. } in &summaries {
        sum.total += summary.total;
        sum.applied += summary.applied;
        sum.progressing += summary.progressing;
        sum.available += summary.available;
        sum.degraded += summary.degraded;
    }
    let mut status = ManifestWorkReplicaSetStatus {
        conditions: old.conditions.clone(),
        summary: sum.clone(),
        placements_summary: summaries,
    };
    let verified = verified(plan);
    let errors = done.iter().flat_map(|done| &done.errors);
    let errors: Vec<&String> = errors.collect();
    let applied = applied(&sum, &errors);
    for new in [verified, rolled_out(plan), applied] {
        conditions::set(&mut status.conditions, new);
    }
    status
}

fn summary(placement: &PlacementPlan, done: &Done) -> PlacementSummary {
    let mut summary = ManifestWorkReplicaSetSummary {
        total: count(placement.existing + done.created),
        ..ManifestWorkReplicaSetSummary::default()
    };
    for work in &placement.current {
        let [applied, progressing, available, degraded] = work.holding().map(i64::from);
        summary.applied += applied;
        summary.progressing += progressing;
        summary.available += available;
        summary.degraded += degraded;
    }
    PlacementSummary {
        name: placement.name.clone(),
        available_decision_groups: format!(
            "{} ({} / {} clusters applied)",
            placement.groups,
            placement.current.len() + done.created + done.updated,
            placement.selected
        ),
        summary,
    }
}

fn verified(plan: &Plan) -> Condition {
    let problem = plan.placements.iter().find_map(|p| p.problem.as_ref());
    let (status, reason, message) = match problem {
        Some((reason, message)) => (FALSE, *reason, message.clone()),
        None if plan.placements.iter().all(|p| p.selected == 0) => {
            (FALSE, "PlacementDecisionEmpty", String::new())
        }
        None => (TRUE, "AsExpected", String::new()),
    };
    condition(CONDITION_PLACEMENT_VERIFIED, status, reason, message)
}

fn rolled_out(plan: &Plan) -> Condition {
    let selected: usize = plan.placements.iter().map(|p| p.selected).sum();
    let succeeded: usize = plan.placements.iter().map(|p| p.succeeded).sum();
    // Nothing chosen is nothing rolled out.
    let complete = selected > 0
        && selected == succeeded
        && plan.placements.iter().all(|p| p.problem.is_none());
    let breached: Vec<&str> = plan
        .placements
        .iter()
        .filter(|p| p.breached)
        .map(|p| p.name.as_str())
        .collect();
    let message = if breached.is_empty() {
        String::new()
    } else {
        format!(
            "stopped for placement {}: more clusters failed than maxFailures allows",
            breached.join(", ")
        )
    };
    if complete {
        condition(CONDITION_PLACEMENT_ROLLED_OUT, TRUE, "Complete", "")
    } else {
        condition(
            CONDITION_PLACEMENT_ROLLED_OUT,
            FALSE,
            "Progressing",
            message,
        )
    }
}

fn applied(sum: &ManifestWorkReplicaSetSummary, errors: &[&String]) -> Condition {
    let (status, reason) = if sum.total == 0 && errors.is_empty() {
        (FALSE, "PlacementDecisionEmpty")
    } else if sum.available == sum.total
        && sum.progressing == 0
        && sum.degraded == 0
        && errors.is_empty()
    {
        (TRUE, "AsExpected")
    } else if sum.progressing > 0 && sum.degraded == 0 {
        (FALSE, "Processing")
    } else {
        (FALSE, "NotAsExpected")
    };
    let message = match errors {
        [] => String::new(),
        [one] => format!("{one}; it is tried again"),
        [first, rest @ ..] => format!("{first}, and {} more; they are tried again", rest.len()),
    };
    condition(CONDITION_MANIFEST_WORK_APPLIED, status, reason, message)
}

/// The status of a set whose name is too long for its works.
#[must_use]
pub fn invalid_name(
    old: &ManifestWorkReplicaSetStatus,
    message: String,
) -> ManifestWorkReplicaSetStatus {
    let mut status = old.clone();
    let new = condition(
        CONDITION_MANIFEST_WORK_APPLIED,
        FALSE,
        "InvalidManifestWorkName",
        message,
    );
    conditions::set(&mut status.conditions, new);
    status
}
