//! The status of a work from what was observed of its manifests. Pure.
//!
//! Reasons, messages and the order of conditions are those of upstream's agent:
//! tools and tests read them.

use std::borrow::Cow;

use super::fit::{self, LeftOut};
use super::model::{
    Condition, FeedbackValue, ManifestStatus, ResourceMeta, ResourceStatus, WorkStatus,
};

/// Condition types.
const APPLIED: &str = "Applied";
const AVAILABLE: &str = "Available";
const FEEDBACK: &str = "StatusFeedbackSynced";
/// Longer messages are cut: the API allows 32 KiB.
const MAX_MESSAGE: usize = 16 * 1024;
/// Type of the condition that says what could not be deleted.
pub const PRUNED: &str = "Pruned";
/// Conditions made by rules have reasons that begin so.
const RULE_REASON: &str = "ConditionRule";

/// Why a manifest is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Reason of the condition.
    pub reason: &'static str,
    /// Its message.
    pub message: String,
}

impl Failure {
    /// The usual failure to apply.
    pub fn apply(error: impl std::fmt::Display) -> Self {
        let mut message = format!("Failed to apply manifest: {error}");
        fit::cut(&mut message, MAX_MESSAGE);
        Self {
            reason: "AppliedManifestFailed",
            message,
        }
    }

    /// The same, saying when it is tried again without anybody's doing.
    #[must_use]
    pub fn retried(mut self, when: &str) -> Self {
        // The executor's denial says so itself, in upstream's words.
        if !self.message.ends_with(when) && !self.message.contains("will try again in") {
            self.message.push_str(when);
        }
        self
    }
}

/// Whether the resource of a manifest is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It exists.
    Exists,
    /// It does not.
    Missing,
    /// The manifest does not say enough to look.
    Incomplete,
    /// Looking failed.
    Unknown(String),
}

/// What the feedback rules gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feedback {
    /// There are rules.
    pub wanted: bool,
    /// Values that were found.
    pub values: Vec<FeedbackValue>,
    /// What went wrong with others.
    pub errors: Vec<String>,
}

/// A condition that a rule gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCondition {
    /// Its type.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// Its reason.
    pub reason: &'static str,
    /// Its message.
    pub message: String,
}

/// What is known of one manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Which one.
    pub meta: ResourceMeta,
    /// Whether it is applied.
    pub applied: Result<(), Failure>,
    /// Whether its resource exists.
    pub availability: Availability,
    /// What it says of itself; kept as it was when unknown.
    pub feedback: Feedback,
    /// Conditions by rules.
    pub rules: Vec<RuleCondition>,
}

/// The status of the work, continuing `old`. A `frozen` work is complete: nothing
/// is applied any more, and what is said of applying stays as it is.
pub fn build(
    old: &WorkStatus,
    generation: i64,
    all: &[Observed],
    frozen: bool,
    now: &str,
) -> WorkStatus {
    let manifests: Vec<ManifestStatus> = all
        .iter()
        .map(|observed| {
            manifest(
                previous(&old.resource_status.manifests, &observed.meta),
                generation,
                observed,
                frozen,
                now,
            )
        })
        .collect();
    let mut conditions = old.conditions.clone();
    if !frozen {
        let failed = all.iter().any(|o| o.applied.is_err());
        set(&mut conditions, work_applied(failed, generation), now);
    }
    set(&mut conditions, work_available(&manifests, generation), now);
    aggregate_rules(&mut conditions, &manifests, generation, now);
    WorkStatus {
        conditions,
        resource_status: ResourceStatus { manifests },
    }
}

/// [`build`] of what was made to fit, with what does not belong to a single
/// manifest: what had to be left out, and what could not be deleted (`unpruned`).
pub fn report(
    old: &WorkStatus,
    generation: i64,
    fitted: &(Vec<Observed>, LeftOut),
    frozen: bool,
    unpruned: &[String],
    now: &str,
) -> WorkStatus {
    let (observed, left_out) = fitted;
    let mut status = build(old, generation, observed, frozen, now);
    if left_out.healthy {
        let manifests = status.resource_status.manifests.iter_mut();
        for (manifest, _) in manifests.zip(observed).filter(|(_, one)| is_well(one)) {
            let standard = [APPLIED, AVAILABLE, FEEDBACK];
            manifest
                .conditions
                .retain(|c| !standard.contains(&c.kind.as_ref()));
        }
    }
    let mut extra = |kind: &'static str, value, reason, message: Option<String>| match message {
        Some(message) => set(
            &mut status.conditions,
            condition(kind, value, reason, message, Some(generation)),
            now,
        ),
        None => status.conditions.retain(|c| c.kind != kind),
    };
    let said = left_out.told(observed.len());
    extra(fit::TRUNCATED, "True", "StatusTooLarge", said);
    let said = several(unpruned).map(|what| format!("Not deleted: {what}"));
    extra(PRUNED, "False", "ResourcesNotDeleted", said);
    status
}

/// A list in words; the first few of many.
fn several(what: &[String]) -> Option<String> {
    const NAMED: usize = 5;
    let named = what.iter().take(NAMED).cloned().collect::<Vec<_>>();
    let more = what.len().saturating_sub(NAMED);
    (!what.is_empty()).then(|| {
        let list = named.join("; ");
        if more > 0 {
            format!("{list}; and {more} more")
        } else {
            list
        }
    })
}

fn is_well(one: &Observed) -> bool {
    one.applied.is_ok()
        && one.availability == Availability::Exists
        && one.feedback.errors.is_empty()
}

/// The conditions of a work that is being deleted. `held` says what is still
/// there and why, once that is known.
pub fn deleting(
    old: &WorkStatus,
    generation: i64,
    held: Option<&[String]>,
    now: &str,
) -> WorkStatus {
    const WORDS: &str = "ManifestWork is being deleted";
    let mut status = old.clone();
    let before = status.conditions.iter().find(|c| c.kind == "Deleting");
    let message = match held {
        Some(held) => several(held).map_or_else(
            || Cow::Borrowed(WORDS),
            |what| format!("{WORDS}; still there: {what}").into(),
        ),
        // What was said last still holds.
        None => before.map_or(Cow::Borrowed(WORDS), |c| c.message.clone()),
    };
    let condition = condition(
        "Deleting",
        "True",
        "WorkDeleting",
        message,
        Some(generation),
    );
    set(&mut status.conditions, condition, now);
    status
}

/// The status of a work of which nothing can be applied, for this reason.
pub fn refused(old: &WorkStatus, generation: i64, why: String, now: &str) -> WorkStatus {
    let mut status = old.clone();
    let condition = condition(
        APPLIED,
        "False",
        "AppliedManifestWorkFailed",
        why,
        Some(generation),
    );
    set(&mut status.conditions, condition, now);
    status
}

/// Whether the work is complete, so that nothing is applied any more.
pub fn complete(conditions: &[Condition]) -> bool {
    conditions
        .iter()
        .any(|c| c.kind == "Complete" && c.status == "True")
}

/// Whether this manifest is complete, so that it is not applied any more.
pub fn complete_manifest(status: &WorkStatus, meta: &ResourceMeta) -> bool {
    previous(&status.resource_status.manifests, meta).is_some_and(|m| complete(&m.conditions))
}

fn previous<'a>(old: &'a [ManifestStatus], meta: &ResourceMeta) -> Option<&'a ManifestStatus> {
    if let Some(same) = old.iter().find(|m| m.resource_meta == *meta) {
        return Some(same);
    }
    let mut alike = old.iter().filter(|m| {
        ResourceMeta {
            ordinal: meta.ordinal,
            ..m.resource_meta.clone()
        } == *meta
    });
    match (alike.next(), alike.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

fn manifest(
    old: Option<&ManifestStatus>,
    generation: i64,
    observed: &Observed,
    frozen: bool,
    now: &str,
) -> ManifestStatus {
    let mut status = ManifestStatus {
        resource_meta: observed.meta.clone(),
        ..old.cloned().unwrap_or_default()
    };
    let conditions = &mut status.conditions;
    conditions.retain(|c| {
        !c.reason.starts_with(RULE_REASON) || c.observed_generation == Some(generation)
    });
    let applied = match &observed.applied {
        Ok(()) => condition(
            APPLIED,
            "True",
            "AppliedManifestComplete",
            "Apply manifest complete",
            Some(generation),
        ),
        Err(failure) => condition(
            APPLIED,
            "False",
            failure.reason,
            failure.message.clone(),
            Some(generation),
        ),
    };
    if !frozen {
        // A new generation moves the condition to the end, with a new time.
        conditions.retain(|c| c.kind != APPLIED || c.observed_generation == Some(generation));
        set(conditions, applied, now);
    }

    let (known, available) = match &observed.availability {
        Availability::Exists => (
            true,
            condition(
                AVAILABLE,
                "True",
                "ResourceAvailable",
                "Resource is available",
                None,
            ),
        ),
        Availability::Missing => (
            false,
            condition(
                AVAILABLE,
                "False",
                "ResourceNotAvailable",
                "Resource is not available",
                None,
            ),
        ),
        Availability::Incomplete => (
            false,
            condition(
                AVAILABLE,
                "Unknown",
                "IncompleteResourceMeta",
                "Resource meta is incomplete",
                None,
            ),
        ),
        Availability::Unknown(error) => (
            false,
            condition(
                AVAILABLE,
                "Unknown",
                "FetchingResourceFailed",
                format!("Failed to fetch resource: {error}"),
                None,
            ),
        ),
    };
    set(conditions, available, now);
    if !known {
        return status;
    }
    let feedback = &observed.feedback;
    let synced = if !feedback.wanted {
        condition(FEEDBACK, "True", "NoStatusFeedbackSynced", "", None)
    } else if feedback.errors.is_empty() {
        condition(FEEDBACK, "True", "StatusFeedbackSynced", "", None)
    } else {
        let errors = match feedback.errors.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        condition(
            FEEDBACK,
            "False",
            "StatusFeedbackSyncFailed",
            format!("Sync status feedback failed with error {errors}"),
            None,
        )
    };
    if status.status_feedback.values != feedback.values {
        status.status_feedback.values.clone_from(&feedback.values);
        conditions.retain(|c| c.kind != FEEDBACK);
    }
    set(conditions, synced, now);
    for rule in &observed.rules {
        let made = condition(
            rule.kind.clone(),
            rule.status,
            rule.reason,
            rule.message.clone(),
            Some(generation),
        );
        set(conditions, made, now);
    }
    conditions.retain(|c| {
        !c.reason.starts_with(RULE_REASON) || observed.rules.iter().any(|rule| rule.kind == c.kind)
    });
    status
}

fn work_applied(failed: bool, generation: i64) -> Condition {
    if failed {
        condition(
            APPLIED,
            "False",
            "AppliedManifestWorkFailed",
            "Failed to apply manifest work",
            Some(generation),
        )
    } else {
        condition(
            APPLIED,
            "True",
            "AppliedManifestWorkComplete",
            "Apply manifest work complete",
            Some(generation),
        )
    }
}

fn work_available(manifests: &[ManifestStatus], generation: i64) -> Condition {
    let count = |wanted: &str| {
        manifests
            .iter()
            .filter(|m| {
                m.conditions
                    .iter()
                    .any(|c| c.kind == AVAILABLE && c.status == wanted)
            })
            .count()
    };
    let (missing, unknown, total) = (count("False"), count("Unknown"), manifests.len());
    let generation = Some(generation);
    if missing > 0 {
        let message = format!("{missing} of {total} resources are not available");
        condition(
            AVAILABLE,
            "False",
            "ResourcesNotAvailable",
            message,
            generation,
        )
    } else if unknown > 0 {
        let message = format!("{unknown} of {total} resources have unknown status");
        condition(
            AVAILABLE,
            "Unknown",
            "ResourcesStatusUnknown",
            message,
            generation,
        )
    } else if total == 0 {
        condition(
            AVAILABLE,
            "Unknown",
            "ResourcesStatusUnknown",
            "cannot get any available resource ",
            generation,
        )
    } else {
        condition(
            AVAILABLE,
            "True",
            "ResourcesAvailable",
            "All resources are available",
            generation,
        )
    }
}

/// Conditions of manifests by rules, aggregated per type.
fn aggregate_rules(
    conditions: &mut Vec<Condition>,
    manifests: &[ManifestStatus],
    generation: i64,
    now: &str,
) {
    let mut by_kind = std::collections::BTreeMap::<&str, Vec<&Condition>>::new();
    let made = manifests
        .iter()
        .flat_map(|m| &m.conditions)
        .filter(|c| c.reason.starts_with(RULE_REASON) && c.kind != APPLIED && c.kind != AVAILABLE);
    for condition in made {
        by_kind.entry(&condition.kind).or_default().push(condition);
    }
    conditions
        .retain(|c| !c.reason.starts_with(RULE_REASON) || by_kind.contains_key(c.kind.as_ref()));
    for (kind, all) in by_kind {
        let any = |wanted: &str| all.iter().any(|c| c.status == wanted);
        let (first, last) = if kind == "Progressing" {
            ("True", "False")
        } else {
            ("False", "True")
        };
        let status = if any(first) {
            first
        } else if any("Unknown") {
            "Unknown"
        } else {
            last
        };
        let message = match all.as_slice() {
            [one] => one.message.clone(),
            several => format!("Aggregated from {} manifest conditions", several.len()).into(),
        };
        set(
            conditions,
            condition(
                kind.to_owned(),
                status,
                "ConditionRulesAggregated",
                message,
                Some(generation),
            ),
            now,
        );
    }
}

fn condition(
    kind: impl Into<Cow<'static, str>>,
    status: &'static str,
    reason: &'static str,
    message: impl Into<Cow<'static, str>>,
    observed_generation: Option<i64>,
) -> Condition {
    let mut message: Cow<'static, str> = message.into();
    if message.len() > MAX_MESSAGE {
        fit::cut(message.to_mut(), MAX_MESSAGE);
    }
    Condition {
        kind: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message,
        last_transition_time: String::new(),
        observed_generation,
    }
}

/// Sets a condition in place; its time moves only with its status.
fn set(conditions: &mut Vec<Condition>, mut new: Condition, now: &str) {
    match conditions.iter_mut().find(|c| c.kind == new.kind) {
        Some(old) => {
            new.last_transition_time = if old.status == new.status {
                std::mem::take(&mut old.last_transition_time)
            } else {
                now.to_owned()
            };
            *old = new;
        }
        None => {
            now.clone_into(&mut new.last_transition_time);
            conditions.push(new);
        }
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
