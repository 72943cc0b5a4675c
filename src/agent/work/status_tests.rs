//! Statuses of works.

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
                field_value: crate::agent::work::model::FieldValue {
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
    let status = deleting(&WorkStatus::default(), 3, None, "t1");
    assert_eq!(
        (
            &*status.conditions[0].reason,
            status.conditions[0].observed_generation
        ),
        ("WorkDeleting", Some(3))
    );
}

#[test]
fn what_cannot_be_deleted_is_said_while_it_is_so() {
    let fitted = (vec![observed(0, "a")], LeftOut::default());
    let words = |n: usize| -> Vec<String> { (0..n).map(|i| format!("w{i}")).collect() };
    let first = report(&WorkStatus::default(), 1, &fitted, false, &words(7), "t1");
    let pruned = find(&first.conditions, "Pruned");
    assert_eq!(
        (&*pruned.status, &*pruned.reason, &*pruned.message),
        (
            "False",
            "ResourcesNotDeleted",
            "Not deleted: w0; w1; w2; w3; w4; and 2 more"
        )
    );
    assert_eq!(find(&first.conditions, "Applied").status, "True");
    assert_eq!(report(&first, 1, &fitted, false, &words(7), "t2"), first);
    let gone = report(&first, 1, &fitted, false, &[], "t2");
    assert_eq!(kinds(&gone.conditions), ["Applied", "Available"]);
}

#[test]
fn deleting_names_what_is_still_there() {
    let first = deleting(&WorkStatus::default(), 3, None, "t1");
    assert_eq!(first.conditions[0].message, "ManifestWork is being deleted");
    let held = ["configmaps default/a (finalizers: x)".to_owned()];
    let told = deleting(&first, 3, Some(&held), "t2");
    assert_eq!(
        told.conditions[0].message,
        "ManifestWork is being deleted; still there: configmaps default/a (finalizers: x)"
    );
    assert_eq!(told.conditions[0].last_transition_time, "t1");
    // The next round does not take the words back before it has looked.
    assert_eq!(deleting(&told, 3, None, "t3"), told);
    assert_eq!(deleting(&told, 3, Some(&[]), "t3"), first);
}

#[test]
fn long_messages_are_cut() {
    let mut one = observed(0, "a");
    one.availability = Availability::Unknown("x".repeat(100_000));
    let status = build(&WorkStatus::default(), 1, &[one], false, "t1");
    let conditions = &status.resource_status.manifests[0].conditions;
    assert!(find(conditions, "Available").message.len() <= MAX_MESSAGE);
}
