//! Works, in plain words: what is not as it should be, of which manifest, and why.

use kube::core::DynamicObject;
use serde_json::Value;

use crate::cmd::resources;
use crate::k8s::wait::State;

/// Conditions by rules that could not be evaluated have these reasons.
const RULE_FAILURES: &[&str] = &[
    "ConditionRuleExpressionError",
    "ConditionRuleInvalid",
    "ConditionRuleInternalError",
];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn conditions(value: &Value) -> impl Iterator<Item = &Value> {
    value["conditions"].as_array().into_iter().flatten()
}

/// What the agent reported of each manifest.
fn reported(data: &Value) -> &[Value] {
    data.pointer("/status/resourceStatus/manifests")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Why a manifest is not applied, or its resource not there; in one line.
fn failure(manifest: &Value) -> Option<String> {
    let find = |kind: &str| resources::find_condition(manifest, kind);
    find("Applied")
        .filter(|c| c["status"] == "False")
        .or_else(|| find("Available").filter(|c| c["status"] != "True"))
        .map(|c| one_line(text(c, "message")))
}

/// What else is wrong with a manifest that is applied: values or conditions that
/// could not be made.
fn flaw(manifest: &Value) -> Option<String> {
    if let Some(feedback) = resources::find_condition(manifest, "StatusFeedbackSynced")
        .filter(|c| c["status"] == "False")
    {
        return Some(one_line(text(feedback, "message")));
    }
    conditions(manifest)
        .find(|c| RULE_FAILURES.contains(&text(c, "reason")))
        .map(|c| {
            format!(
                "condition {}: {}",
                text(c, "type"),
                one_line(text(c, "message"))
            )
        })
}

/// What is wrong with one manifest; empty when all is well.
#[must_use]
pub fn of_manifest(manifest: &Value) -> String {
    failure(manifest)
        .or_else(|| flaw(manifest))
        .unwrap_or_default()
}

/// The manifest for people: `ConfigMap default/a`.
fn name(manifest: &Value) -> String {
    let meta = &manifest["resourceMeta"];
    let (kind, namespace, name) = (
        text(meta, "kind"),
        text(meta, "namespace"),
        text(meta, "name"),
    );
    match (kind, namespace) {
        ("", _) => format!("manifest {}", meta["ordinal"].as_u64().unwrap_or_default()),
        (_, "") => format!("{kind} {name}"),
        _ => format!("{kind} {namespace}/{name}"),
    }
}

/// The first manifest of which `what` has something to say, and how many more.
fn first(data: &Value, what: impl Fn(&Value) -> Option<String>) -> Option<String> {
    let mut found = reported(data)
        .iter()
        .filter_map(|manifest| Some((manifest, what(manifest)?)));
    let (manifest, why) = found.next()?;
    let more = found.count();
    let mut line = format!("{}: {why}", name(manifest));
    if more > 0 {
        line.push_str(&format!("; and {more} more"));
    }
    Some(line)
}

/// Why not everything is well with a work: which manifest, and why. Empty when
/// all is well.
#[must_use]
pub fn message(data: &Value) -> String {
    let find = |kind: &str| resources::find_condition(data, kind);
    let says = |kind: &str, status: &str| {
        find(kind)
            .filter(|c| c["status"] == status)
            .map(|c| one_line(text(c, "message")))
    };
    says("Deleting", "True")
        .or_else(|| {
            ["Applied", "Available"]
                .iter()
                .filter_map(|kind| find(kind))
                .find(|c| c["status"] != "True")
                .map(|c| first(data, failure).unwrap_or_else(|| one_line(text(c, "message"))))
        })
        .or_else(|| says("Pruned", "False"))
        .or_else(|| says("StatusTruncated", "True"))
        .or_else(|| first(data, flaw))
        .unwrap_or_default()
}

/// Whether the agent has seen the current content and it is all there; else what
/// is waited for.
#[must_use]
pub fn readiness(work: &DynamicObject) -> State<()> {
    if work.metadata.deletion_timestamp.is_some() {
        return State::Failed("it is being deleted".to_owned());
    }
    for (kind, absent) in [
        ("Applied", "the agent has not applied it yet"),
        ("Available", "not everything is available yet"),
    ] {
        let Some(condition) = resources::find_condition(&work.data, kind) else {
            return State::Waiting(absent.to_owned());
        };
        let seen = condition["observedGeneration"].as_i64().unwrap_or(i64::MAX);
        if seen < work.metadata.generation.unwrap_or_default() {
            return State::Waiting(absent.to_owned());
        }
        if condition["status"] != "True" {
            let why = first(&work.data, failure)
                .or_else(|| condition["message"].as_str().map(one_line))
                .filter(|why| !why.is_empty());
            return State::Waiting(why.unwrap_or_else(|| absent.to_owned()));
        }
    }
    State::Met(())
}

/// A line per condition that a rule made.
#[must_use]
pub fn rule_conditions(work: &DynamicObject, cluster: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for manifest in reported(&work.data) {
        for condition in
            conditions(manifest).filter(|c| text(c, "reason").starts_with("ConditionRule"))
        {
            lines.push(format!(
                "{cluster} {}: {} is {}: {}",
                name(manifest),
                text(condition, "type"),
                text(condition, "status"),
                one_line(text(condition, "message"))
            ));
        }
    }
    lines
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1})
    }

    fn manifest(name: &str, more: &[Value]) -> Value {
        let mut conditions = vec![
            condition("Applied", "True", "R", "Apply manifest complete"),
            condition("Available", "True", "R", "Resource is available"),
        ];
        for new in more {
            conditions.retain(|c| c["type"] != new["type"]);
            conditions.push(new.clone());
        }
        json!({"resourceMeta": {"ordinal": 3, "kind": "ConfigMap", "namespace": "default", "name": name},
               "conditions": conditions})
    }

    fn work(conditions: &[Value], manifests: &[Value]) -> DynamicObject {
        let mut all = vec![
            condition("Applied", "True", "R", "done"),
            condition("Available", "True", "R", "there"),
        ];
        for new in conditions {
            all.retain(|c| c["type"] != new["type"]);
            all.push(new.clone());
        }
        serde_json::from_value(json!({
            "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": "w", "generation": 1},
            "status": {"conditions": all, "resourceStatus": {"manifests": manifests}},
        }))
        .unwrap()
    }

    fn waits_for(work: &DynamicObject) -> String {
        match readiness(work) {
            State::Waiting(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_well_is_named_with_its_reason() {
        let bad = condition("Applied", "False", "R", "admission webhook \"x\"\n denied");
        let lost = condition(
            "Available",
            "Unknown",
            "R",
            "Failed to fetch resource: forbidden",
        );
        let all = [
            manifest("a", &[]),
            manifest("b", &[bad]),
            manifest("c", &[lost]),
        ];
        let failed = condition("Applied", "False", "R", "Failed to apply manifest work");
        let work = work(&[failed], &all);
        let expected = "ConfigMap default/b: admission webhook \"x\" denied; and 1 more";
        assert_eq!(message(&work.data), expected);
        assert_eq!(waits_for(&work), expected);
        assert_eq!(of_manifest(&all[2]), "Failed to fetch resource: forbidden");
        assert_eq!(of_manifest(&all[0]), "");
    }

    #[test]
    fn what_the_work_itself_says_is_told_too() {
        let gone = condition("Deleting", "True", "R", "still there: configmaps default/a");
        let kept = condition("Pruned", "False", "R", "Not deleted: configmaps default/b");
        let long = condition("StatusTruncated", "True", "R", "too large");
        let all = [gone, kept, long];
        for (from, expected) in [
            (0, "still there: configmaps default/a"),
            (1, "Not deleted: configmaps default/b"),
            (2, "too large"),
            (3, ""),
        ] {
            assert_eq!(message(&work(&all[from..], &[]).data), expected);
        }
        // A work of which nothing could be applied has no manifests to name.
        let refused = condition("Applied", "False", "R", "its name is too long");
        assert_eq!(waits_for(&work(&[refused], &[])), "its name is too long");
    }

    #[test]
    fn values_and_rules_that_fail_are_told_though_all_is_applied() {
        let fed = condition("StatusFeedbackSynced", "False", "R", "bad path");
        let odd = condition(
            "Ready",
            "False",
            "ConditionRuleExpressionError",
            "no such key: x",
        );
        let fine = condition("Done", "True", "ConditionRuleEvaluated", "Manifest is Done");
        let all = [
            manifest("a", &[fine]),
            manifest("b", &[odd]),
            manifest("c", &[fed]),
        ];
        let work = work(&[], &all);
        assert_eq!(
            message(&work.data),
            "ConfigMap default/b: condition Ready: no such key: x; and 1 more"
        );
        assert_eq!(readiness(&work), State::Met(()));
        assert_eq!(
            rule_conditions(&work, "c1"),
            [
                "c1 ConfigMap default/a: Done is True: Manifest is Done",
                "c1 ConfigMap default/b: Ready is False: no such key: x"
            ]
        );
    }

    #[test]
    fn readiness_is_of_the_current_generation() {
        let half = condition("Available", "False", "R", "1 of 2");
        assert_eq!(waits_for(&work(&[half], &[])), "1 of 2");
        let mut newer = work(&[], &[]);
        newer.metadata.generation = Some(2);
        assert_eq!(waits_for(&newer), "the agent has not applied it yet");
    }
}
