//! DaemonSets: one pod on the one node, if its selector admits the node.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::action::{Decision, status_action};
use super::object::Kind;
use super::replicaset::delete_pod;
use super::status::{as_json, is_active, phase, readiness};
use super::template::{Facts, Naming, create_pod, fits, hash, owner_reference};

const REVISION_LABEL: &str = "controller-revision-hash";

/// What a DaemonSet and the pods it controls need.
pub fn decide(set: &DaemonSet, pods: &[Arc<Pod>], facts: &Facts, now: Timestamp) -> Decision {
    let mut decision = Decision::default();
    let Some(spec) = &set.spec else {
        return decision;
    };
    let revision = hash(&spec.template, None);
    let wanted = spec.template.spec.as_ref().is_some_and(|s| fits(s, facts));
    let is_updated = |pod: &Pod| {
        let labels = pod.metadata.labels.as_ref();
        labels.and_then(|l| l.get(REVISION_LABEL)) == Some(&revision)
    };
    let active: Vec<&Pod> = pods
        .iter()
        .map(AsRef::as_ref)
        .filter(|p| is_active(p))
        .collect();
    if set.metadata.deletion_timestamp.is_none() {
        for pod in pods.iter().filter(|pod| {
            let ended = phase(pod) == "Failed" || phase(pod) == "Succeeded";
            ended && pod.metadata.deletion_timestamp.is_none()
        }) {
            decision.actions.push(delete_pod(pod));
        }
        let on_delete = spec
            .update_strategy
            .as_ref()
            .and_then(|s| s.type_.as_deref())
            == Some("OnDelete");
        if !wanted {
            decision
                .actions
                .extend(active.iter().map(|pod| delete_pod(pod)));
        } else if active.is_empty() {
            // A pod on its way out still holds the node.
            if pods.is_empty() {
                let prefix = format!("{}-", set.metadata.name.as_deref().unwrap_or_default());
                decision.actions.push(create_pod(
                    &set.metadata,
                    &owner_reference("apps/v1", "DaemonSet", &set.metadata),
                    Naming::Generate(prefix),
                    &spec.template,
                    &[
                        (REVISION_LABEL, &revision),
                        (
                            "pod-template-generation",
                            &set.metadata.generation.unwrap_or(1).to_string(),
                        ),
                    ],
                    facts,
                ));
            }
        } else {
            let surplus = active.iter().skip(1);
            let outdated = active
                .iter()
                .take(1)
                .filter(|p| !on_delete && !is_updated(p));
            decision
                .actions
                .extend(surplus.chain(outdated).map(|pod| delete_pod(pod)));
        }
    }
    let counted = readiness(active.iter().copied(), spec.min_ready_seconds, now);
    if let Some(delay) = counted.next {
        decision.look_again(delay);
    }
    let desired = i32::from(wanted);
    let present = i32::from(!active.is_empty());
    let updated = i32::from(active.iter().any(|pod| is_updated(pod)));
    let mut status = json!({
        "currentNumberScheduled": present.min(desired),
        "numberMisscheduled": present - present.min(desired),
        "desiredNumberScheduled": desired,
        "numberReady": counted.ready.min(desired),
        "observedGeneration": set.metadata.generation,
    });
    let available = counted.available.min(desired);
    for (field, count) in [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", desired - available),
    ] {
        if count != 0 {
            status[field] = json!(count);
        }
    }
    let old = as_json(set.status.as_ref());
    for kept in ["conditions", "collisionCount"] {
        if let Some(value) = old.get(kept) {
            status[kept] = value.clone();
        }
    }
    decision
        .actions
        .extend(status_action(Kind::DaemonSet, &set.metadata, &old, &status));
    decision
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::super::template::tests::facts;
    use super::*;

    fn set(selector: &serde_json::Value) -> DaemonSet {
        serde_json::from_value(json!({
            "metadata": {"namespace": "ns", "name": "log", "uid": "d", "generation": 1},
            "spec": {
                "selector": {},
                "template": {"spec": {
                    "containers": [{"name": "a", "image": "b"}], "nodeSelector": selector,
                }},
            },
        }))
        .unwrap()
    }

    #[test]
    fn one_pod_where_the_selector_admits_the_node() {
        let created = |set: &DaemonSet| {
            let decision = decide(set, &[], &facts(), Timestamp::now());
            let is_create = |action: &&Action| matches!(action, Action::Create { .. });
            decision.actions.iter().filter(is_create).count()
        };
        assert_eq!(created(&set(&json!({"kubernetes.io/os": "linux"}))), 1);
        assert_eq!(created(&set(&json!({"zone": "b"}))), 0);
    }

    #[test]
    fn an_outdated_pod_makes_place() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"namespace": "ns", "name": "log-1", "uid": "p", "labels": {REVISION_LABEL: "x"}},
            "status": {"phase": "Running"},
        }))
        .unwrap();
        let decision = decide(
            &set(&json!({})),
            &[Arc::new(pod)],
            &facts(),
            Timestamp::now(),
        );
        assert!(
            matches!(&decision.actions[0], Action::Delete { name, .. } if name.name == "log-1")
        );
    }
}
