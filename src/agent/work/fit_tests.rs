//! Statuses are made to fit.

use super::super::model::{FeedbackValue, FieldValue, ResourceMeta};
use super::super::status::{Failure, Feedback, report};
use super::*;

fn observed(ordinal: i32) -> Observed {
    Observed {
        meta: ResourceMeta {
            ordinal,
            version: "v1".into(),
            kind: "ConfigMap".into(),
            resource: "configmaps".into(),
            name: format!("map-{ordinal}"),
            namespace: "default".into(),
            ..ResourceMeta::default()
        },
        applied: Ok(()),
        availability: Availability::Exists,
        feedback: Feedback::default(),
        rules: Vec::new(),
    }
}

fn with_value(ordinal: i32, length: usize) -> Observed {
    let mut one = observed(ordinal);
    one.feedback = Feedback {
        wanted: true,
        values: vec![FeedbackValue {
            name: "v".into(),
            field_value: FieldValue {
                kind: "String".into(),
                string: Some("x".repeat(length)),
                ..FieldValue::default()
            },
        }],
        errors: Vec::new(),
    };
    one
}

fn rule(kind: &str) -> RuleCondition {
    RuleCondition {
        kind: kind.into(),
        status: "True",
        reason: "ConditionRuleEvaluated",
        message: "m".into(),
    }
}

fn made(all: Vec<Observed>, old: &WorkStatus, now: &str) -> WorkStatus {
    report(old, 1, &fit(all, LIMIT), false, &[], now)
}

fn size(status: &WorkStatus) -> usize {
    serde_json::to_string(status).unwrap().len()
}

fn truncated(status: &WorkStatus) -> &str {
    let said = status.conditions.iter().find(|c| c.kind == TRUNCATED);
    said.map_or("", |c| &c.message)
}

#[test]
fn what_fits_is_left_as_it_is() {
    let all: Vec<_> = (0..1000).map(observed).collect();
    let (same, left_out) = fit(all.clone(), LIMIT);
    assert_eq!((same, left_out.told(1000)), (all, None));
}

#[test]
fn the_estimate_is_no_less_than_the_truth() {
    let mut all: Vec<_> = (0..50).map(|i| with_value(i, 100)).collect();
    all[1].applied = Err(Failure::apply("a \"quoted\"\nline\u{1}"));
    all[2].availability = Availability::Unknown("\t\\".repeat(100));
    all[3].rules = vec![rule("Ready"), rule("example.com/Done")];
    let weight: usize = all.iter().map(weight).sum();
    let truth = size(&made(all, &WorkStatus::default(), "2026-01-01T00:00:00Z"));
    assert!(weight + 1000 > truth, "{weight} {truth}");
    assert!(weight < truth * 3 / 2, "{weight} {truth}");
}

#[test]
fn the_largest_values_go_first_and_stay_away() {
    let all = vec![
        with_value(0, 10),
        with_value(1, 700_000),
        with_value(2, 250_000),
        observed(3),
    ];
    let first = made(all.clone(), &WorkStatus::default(), "t1");
    assert!(size(&first) < LIMIT);
    let values = |i: usize| {
        first.resource_status.manifests[i]
            .status_feedback
            .values
            .len()
    };
    assert_eq!([values(0), values(1), values(2)], [1, 0, 1]);
    let synced = |i: usize| {
        let conditions = &first.resource_status.manifests[i].conditions;
        let synced = conditions.iter().find(|c| c.kind == "StatusFeedbackSynced");
        let synced = synced.unwrap();
        (synced.status.clone(), synced.message.contains("left out"))
    };
    assert_eq!(synced(1), ("False".into(), true));
    assert_eq!(synced(2), ("True".into(), false));
    assert!(
        truncated(&first).contains("the feedback of 1 of them"),
        "{}",
        truncated(&first)
    );
    // The next round writes nothing.
    assert_eq!(made(all, &first, "t2"), first);
    // And when it fits again, nothing is left of it.
    let well = made(vec![observed(0)], &first, "t3");
    assert_eq!(truncated(&well), "");
}

#[test]
fn very_many_manifests_keep_those_that_are_unwell() {
    let mut all: Vec<_> = (0..5000).map(observed).collect();
    for i in (0..5000).step_by(10) {
        all[i].applied = Err(Failure::apply("x".repeat(3000)));
        all[i].availability = Availability::Missing;
    }
    let first = made(all.clone(), &WorkStatus::default(), "2026-01-01T00:00:00Z");
    assert!(size(&first) < 1_200_000, "{}", size(&first));
    let said = truncated(&first);
    assert!(said.contains("beyond 200 bytes"), "{said}");
    assert!(said.contains("those that are well"), "{said}");
    let of = |i: usize| &first.resource_status.manifests[i].conditions;
    assert!(of(1).is_empty());
    assert!(
        of(10)
            .iter()
            .any(|c| c.kind == "Applied" && c.status == "False")
    );
    // The work is judged by all of them.
    let available = first.conditions.iter().find(|c| c.kind == "Available");
    assert_eq!(
        available.unwrap().message,
        "500 of 5000 resources are not available"
    );
    assert_eq!(made(all, &first, "2026-01-02T00:00:00Z"), first);
}

#[test]
fn rules_with_impossible_types_are_named() {
    let mut one = observed(0);
    one.rules = [
        "Good",
        "example.com/Good",
        "My check",
        "Applied",
        "",
        "UP.example/x",
    ]
    .map(rule)
    .to_vec();
    let (fitted, _) = fit(vec![one], LIMIT);
    let kinds: Vec<_> = fitted[0].rules.iter().map(|r| r.kind.as_str()).collect();
    assert_eq!(kinds, ["Good", "example.com/Good", "ConditionRulesValid"]);
    let told = &fitted[0].rules[2];
    assert_eq!(
        (told.status, told.reason),
        ("False", "ConditionRuleInvalid")
    );
    for part in [
        "\"My check\" cannot be the type of a condition",
        "\"Applied\" is a condition of the agent itself",
        "\"UP.example/x\" cannot",
    ] {
        assert!(told.message.contains(part), "{}", told.message);
    }
    for (kind, good) in [("a", true), ("a-", false), ("a/b/c", false), ("/a", false)] {
        assert_eq!(is_type(kind), good, "{kind}");
    }
    assert!(is_type(&"x".repeat(316)) && !is_type(&"x".repeat(317)));
}

#[test]
fn a_refused_status_shrinks_and_says_why() {
    let mut all = vec![with_value(0, 100), observed(1)];
    all[0].rules = vec![rule("Complete"), rule("Other")];
    all[1].applied = Err(Failure::apply("x".repeat(3000)));
    let wanted = made(all.clone(), &WorkStatus::default(), "t1");
    let less = minimal(
        &WorkStatus::default(),
        &wanted,
        "it is invalid",
        false,
        "t1",
    );
    let kinds = |conditions: &[Condition]| -> Vec<String> {
        conditions.iter().map(|c| c.kind.to_string()).collect()
    };
    let manifests = &less.resource_status.manifests;
    assert_eq!(
        kinds(&manifests[0].conditions),
        ["Applied", "Available", "Complete"]
    );
    assert!(manifests[0].status_feedback.values.is_empty());
    assert_eq!(manifests[1].conditions[0].message.len(), SHORTEST);
    assert_eq!(
        kinds(&less.conditions),
        ["Applied", "Available", "Complete", "StatusTruncated"]
    );
    assert!(truncated(&less).contains("The hub refuses the status: it is invalid"));
    // Refused once more, it is the same: nothing is written again and again.
    let again = made(all, &less, "t2");
    assert_eq!(minimal(&less, &again, "it is invalid", false, "t2"), less);
    let least = minimal(&less, &again, "still", true, "t2");
    assert!(least.resource_status.manifests.is_empty());
    assert_eq!(kinds(&least.conditions).len(), 4);
}

#[test]
fn texts_are_cut_between_characters() {
    let mut text = "äöü".repeat(100);
    cut(&mut text, 10);
    assert_eq!((text.len(), text.ends_with('…')), (9, true));
    cut(&mut text, 10);
    assert_eq!(text.len(), 9);
}
