//! The status of a work from what was observed of its manifests. Pure.
//!
//! Reasons, messages and the order of conditions are those of upstream's agent:
//! tools and tests read them.

use std::borrow::Cow;

use super::model::{
    Condition, FeedbackValue, ManifestStatus, ResourceMeta, ResourceStatus, WorkStatus,
};

/// Condition types.
const APPLIED: &str = "Applied";
const AVAILABLE: &str = "Available";
const FEEDBACK: &str = "StatusFeedbackSynced";
/// Longer messages are cut: the API allows 32 KiB.
const MAX_MESSAGE: usize = 16 * 1024;
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
        if message.len() > MAX_MESSAGE {
            let end = (0..=MAX_MESSAGE)
                .rev()
                .find(|i| message.is_char_boundary(*i));
            message.truncate(end.unwrap_or_default());
        }
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

/// The conditions of a work that is being deleted.
pub fn deleting(old: &WorkStatus, generation: i64, now: &str) -> WorkStatus {
    let mut status = old.clone();
    let condition = condition(
        "Deleting",
        "True",
        "WorkDeleting",
        "ManifestWork is being deleted",
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
    Condition {
        kind: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
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
mod tests {
    use super::*;

    fn observed(ordinal: i32, name: &str) -> Observed {
        Observed {
            meta: ResourceMeta {
                ordinal,
                kind: "ConfigMap".into(),
                name: name.into(),
                ..ResourceMeta::default()
            },
            applied: Ok(()),
            availability: Availability::Exists,
            feedback: Feedback::default(),
            rules: Vec::new(),
        }
    }

    fn kinds(conditions: &[Condition]) -> Vec<&str> {
        conditions.iter().map(|c| c.kind.as_ref()).collect()
    }

    fn find<'a>(conditions: &'a [Condition], kind: &str) -> &'a Condition {
        conditions.iter().find(|c| c.kind == kind).unwrap()
    }

    #[test]
    fn a_healthy_work_has_upstreams_words() {
        let status = build(&WorkStatus::default(), 1, &[observed(0, "a")], false, "t1");
        let applied = &status.conditions[0];
        assert_eq!(
            (
                &*applied.kind,
                &*applied.status,
                &*applied.reason,
                &*applied.message,
                applied.observed_generation
            ),
            (
                "Applied",
                "True",
                "AppliedManifestWorkComplete",
                "Apply manifest work complete",
                Some(1)
            )
        );
        let available = &status.conditions[1];
        assert_eq!(
            (
                &*available.kind,
                &*available.status,
                &*available.reason,
                &*available.message
            ),
            (
                "Available",
                "True",
                "ResourcesAvailable",
                "All resources are available"
            )
        );
        let one = &status.resource_status.manifests[0];
        assert_eq!(
            kinds(&one.conditions),
            ["Applied", "Available", "StatusFeedbackSynced"]
        );
        assert_eq!(one.conditions[1].observed_generation, None);
    }

    #[test]
    fn work_11_one_failing_manifest_fails_the_work_alone() {
        let mut bad = observed(1, "b");
        bad.applied = Err(Failure::apply("namespaces \"x\" not found"));
        bad.availability = Availability::Missing;
        let status = build(
            &WorkStatus::default(),
            1,
            &[observed(0, "a"), bad, observed(2, "c")],
            false,
            "t1",
        );
        let applied: Vec<_> = status
            .resource_status
            .manifests
            .iter()
            .map(|m| &*find(&m.conditions, "Applied").status)
            .collect();
        assert_eq!(applied, ["True", "False", "True"]);
        assert_eq!(
            find(&status.conditions, "Applied").reason,
            "AppliedManifestWorkFailed"
        );
        assert_eq!(
            find(&status.conditions, "Available").message,
            "1 of 3 resources are not available"
        );
        assert_eq!(
            find(&status.resource_status.manifests[1].conditions, "Applied").message,
            "Failed to apply manifest: namespaces \"x\" not found"
        );
    }

    #[test]
    fn work_12_an_unknown_kind_is_available_unknown() {
        let mut bad = observed(0, "b");
        bad.availability = Availability::Incomplete;
        let status = build(&WorkStatus::default(), 1, &[bad], false, "t1");
        let available = find(&status.resource_status.manifests[0].conditions, "Available");
        assert_eq!(
            (&*available.status, &*available.reason),
            ("Unknown", "IncompleteResourceMeta")
        );
        assert_eq!(
            find(&status.conditions, "Available").message,
            "1 of 1 resources have unknown status"
        );
        let empty = build(&WorkStatus::default(), 1, &[], false, "t1");
        assert_eq!(
            find(&empty.conditions, "Available").message,
            "cannot get any available resource "
        );
        assert_eq!(find(&empty.conditions, "Applied").status, "True");
    }

    #[test]
    fn work_44_and_45_a_new_generation_moves_applied_to_the_end() {
        let first = build(&WorkStatus::default(), 1, &[observed(0, "a")], false, "t1");
        let second = build(&first, 2, &[observed(0, "a")], false, "t2");
        for kind in ["Applied", "Available"] {
            let condition = find(&second.conditions, kind);
            assert_eq!(
                (
                    condition.observed_generation,
                    condition.last_transition_time.as_str()
                ),
                (Some(2), "t1")
            );
        }
        let one = &second.resource_status.manifests[0].conditions;
        assert_eq!(kinds(one), ["Available", "StatusFeedbackSynced", "Applied"]);
        assert_eq!(one[0].last_transition_time, "t1");
        assert_eq!(
            (
                one[2].last_transition_time.as_str(),
                one[2].observed_generation
            ),
            ("t2", Some(2))
        );
    }

    #[test]
    fn work_46_and_54_no_rules_and_no_change_change_nothing() {
        let first = build(&WorkStatus::default(), 1, &[observed(0, "a")], false, "t1");
        let synced = find(
            &first.resource_status.manifests[0].conditions,
            "StatusFeedbackSynced",
        );
        assert_eq!(
            (&*synced.status, &*synced.reason, &*synced.message),
            ("True", "NoStatusFeedbackSynced", "")
        );
        assert_eq!(build(&first, 1, &[observed(0, "a")], false, "t2"), first);
    }

    #[test]
    fn work_47_changed_values_renew_the_feedback_condition() {
        let with = |n: i64| {
            let mut o = observed(0, "a");
            o.feedback = Feedback {
                wanted: true,
                values: vec![FeedbackValue {
                    name: "n".into(),
                    field_value: super::super::model::FieldValue {
                        kind: "Integer".into(),
                        integer: Some(n),
                        ..Default::default()
                    },
                }],
                errors: Vec::new(),
            };
            o
        };
        let first = build(&WorkStatus::default(), 1, &[with(1)], false, "t1");
        let same = build(&first, 1, &[with(1)], false, "t2");
        let changed = build(&same, 1, &[with(2)], false, "t3");
        let time = |s: &WorkStatus| {
            find(
                &s.resource_status.manifests[0].conditions,
                "StatusFeedbackSynced",
            )
            .last_transition_time
            .clone()
        };
        assert_eq!(
            (time(&first), time(&same), time(&changed)),
            ("t1".into(), "t1".into(), "t3".into())
        );
        // While the object cannot be read, the last values stay.
        let mut lost = with(7);
        lost.availability = Availability::Unknown("timeout".into());
        let kept = build(&changed, 1, &[lost], false, "t4");
        assert_eq!(
            kept.resource_status.manifests[0].status_feedback.values[0]
                .field_value
                .integer,
            Some(2)
        );
    }

    #[test]
    fn status_follows_a_manifest_that_moves() {
        let first = build(
            &WorkStatus::default(),
            1,
            &[observed(0, "a"), observed(1, "b")],
            false,
            "t1",
        );
        let second = build(
            &first,
            2,
            &[observed(0, "b"), observed(1, "c")],
            false,
            "t2",
        );
        let available = |i: usize| {
            find(&second.resource_status.manifests[i].conditions, "Available")
                .last_transition_time
                .clone()
        };
        assert_eq!((available(0), available(1)), ("t1".into(), "t2".into()));
        assert_eq!(second.resource_status.manifests.len(), 2);
    }

    #[test]
    fn work_52_and_53_rule_conditions_aggregate_and_disappear() {
        let rule = |ordinal: i32, kind: &str, status: &'static str| {
            let mut o = observed(ordinal, &ordinal.to_string());
            o.rules.push(RuleCondition {
                kind: kind.into(),
                status,
                reason: "ConditionRuleEvaluated",
                message: "m".into(),
            });
            o
        };
        let both = |kind: &str| {
            build(
                &WorkStatus::default(),
                1,
                &[rule(0, kind, "True"), rule(1, kind, "False")],
                false,
                "t1",
            )
        };
        assert_eq!(
            find(&both("Progressing").conditions, "Progressing").status,
            "True"
        );
        let ready = both("Ready");
        assert_eq!(find(&ready.conditions, "Ready").status, "False");
        assert_eq!(
            find(&ready.conditions, "Ready").message,
            "Aggregated from 2 manifest conditions"
        );
        let gone = build(
            &ready,
            2,
            &[observed(0, "0"), observed(1, "1")],
            false,
            "t2",
        );
        assert_eq!(kinds(&gone.conditions), ["Applied", "Available"]);
        assert_eq!(gone.resource_status.manifests[0].conditions.len(), 3);
    }

    #[test]
    fn work_38_deleting_is_said() {
        let status = deleting(&WorkStatus::default(), 3, "t1");
        assert_eq!(
            (
                &*status.conditions[0].reason,
                status.conditions[0].observed_generation
            ),
            ("WorkDeleting", Some(3))
        );
    }
}
