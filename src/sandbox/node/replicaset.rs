//! ReplicaSets: as many pods as asked for.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::action::{Action, Decision, status_action};
use super::object::{Kind, Name};
use super::status::{as_json, is_active, phase, readiness, ready_since};
use super::template::{Facts, Naming, create_pod, owner_reference};

/// At most this many pods are created or deleted in one go.
const BURST: usize = 500;

/// What a ReplicaSet and the pods it controls need.
pub fn decide(set: &ReplicaSet, pods: &[Arc<Pod>], facts: &Facts, now: Timestamp) -> Decision {
    let mut decision = Decision::default();
    let Some(spec) = &set.spec else {
        return decision;
    };
    let active: Vec<&Pod> = pods
        .iter()
        .map(AsRef::as_ref)
        .filter(|p| is_active(p))
        .collect();
    let desired = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    if set.metadata.deletion_timestamp.is_none() {
        if active.len() < desired {
            let reference = owner_reference("apps/v1", "ReplicaSet", &set.metadata);
            let prefix = format!("{}-", set.metadata.name.as_deref().unwrap_or_default());
            let template = spec.template.clone().unwrap_or_default();
            for _ in 0..(desired - active.len()).min(BURST) {
                decision.actions.push(create_pod(
                    &set.metadata,
                    &reference,
                    Naming::Generate(prefix.clone()),
                    &template,
                    &[],
                    facts,
                ));
            }
        } else {
            for pod in surplus(&active, active.len() - desired) {
                decision.actions.push(delete_pod(pod));
            }
        }
    }
    let counted = readiness(active.iter().copied(), spec.min_ready_seconds, now);
    if let Some(delay) = counted.next {
        decision.look_again(delay);
    }
    let labels = spec
        .template
        .as_ref()
        .and_then(|t| t.metadata.as_ref()?.labels.as_ref());
    let fully_labeled = active
        .iter()
        .filter(|pod| {
            labels.into_iter().flatten().all(|(key, value)| {
                pod.metadata.labels.as_ref().and_then(|l| l.get(key)) == Some(value)
            })
        })
        .count();
    let old = as_json(set.status.as_ref());
    let mut status = json!({
        "replicas": active.len(),
        "observedGeneration": set.metadata.generation,
    });
    for (field, count) in [
        (
            "fullyLabeledReplicas",
            i32::try_from(fully_labeled).unwrap_or(i32::MAX),
        ),
        ("readyReplicas", counted.ready),
        ("availableReplicas", counted.available),
    ] {
        if count != 0 {
            status[field] = json!(count);
        }
    }
    if let Some(conditions) = old.get("conditions") {
        status["conditions"] = conditions.clone();
    }
    decision.actions.extend(status_action(
        Kind::ReplicaSet,
        &set.metadata,
        &old,
        &status,
    ));
    decision
}

/// The deletion of one pod.
pub fn delete_pod(pod: &Pod) -> Action {
    Action::Delete {
        kind: Kind::Pod,
        name: Name::of(&pod.metadata),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        grace: None,
    }
}

/// The pods that go first: not scheduled, pending, not ready, youngest.
fn surplus<'a>(active: &[&'a Pod], count: usize) -> Vec<&'a Pod> {
    let mut ranked = active.to_vec();
    ranked.sort_by_key(|pod| {
        (
            pod.spec
                .as_ref()
                .and_then(|s| s.node_name.as_ref())
                .is_some(),
            phase(pod) == "Running",
            ready_since(pod).is_some(),
            Reverse(pod.metadata.creation_timestamp.clone()),
            pod.metadata.name.clone(),
        )
    });
    ranked.truncate(count.min(BURST));
    ranked
}

#[cfg(test)]
mod tests {
    use super::super::template::tests::facts;
    use super::*;
    use serde_json::Value;

    fn set(replicas: i32, status: &Value) -> ReplicaSet {
        serde_json::from_value(json!({
            "metadata": {"namespace": "ns", "name": "web-1", "uid": "rs", "generation": 3},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "a", "image": "b"}]},
                },
            },
            "status": status,
        }))
        .unwrap()
    }

    fn pod(name: &str, ready: bool, created: &str) -> Arc<Pod> {
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {
                    "namespace": "ns", "name": name, "uid": name, "labels": {"app": "web"},
                    "creationTimestamp": created,
                },
                "spec": {"nodeName": "node", "containers": []},
                "status": {"phase": "Running", "conditions": [
                    {"type": "Ready", "status": if ready { "True" } else { "False" },
                     "lastTransitionTime": created},
                ]},
            }))
            .unwrap(),
        )
    }

    fn now() -> Timestamp {
        "2026-01-01T00:01:00Z".parse().unwrap()
    }

    #[test]
    fn creates_what_is_missing_with_owner_and_labels() {
        let decision = decide(&set(2, &Value::Null), &[], &facts(), now());
        let created: Vec<&Value> = decision
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Create { body, .. } => Some(body),
                _ => None,
            })
            .collect();
        assert_eq!(created.len(), 2);
        let metadata = &created[0]["metadata"];
        assert_eq!(metadata["generateName"], "web-1-");
        assert_eq!(metadata["labels"]["app"], "web");
        assert_eq!(metadata["ownerReferences"][0]["uid"], "rs");
        assert_eq!(metadata["ownerReferences"][0]["controller"], true);
    }

    #[test]
    fn the_unready_and_the_youngest_go_first() {
        let pods = [
            pod("old", true, "2026-01-01T00:00:00Z"),
            pod("young", true, "2026-01-01T00:00:30Z"),
            pod("unready", false, "2026-01-01T00:00:00Z"),
        ];
        let decision = decide(&set(1, &Value::Null), &pods, &facts(), now());
        let deleted: Vec<&str> = decision
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Delete { name, .. } => Some(name.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(deleted, ["unready", "young"]);
    }

    #[test]
    fn a_settled_set_needs_nothing() {
        let pods = [pod("a", true, "2026-01-01T00:00:00Z")];
        let status = json!({
            "replicas": 1, "fullyLabeledReplicas": 1, "readyReplicas": 1,
            "availableReplicas": 1, "observedGeneration": 3,
        });
        let decision = decide(&set(1, &status), &pods, &facts(), now());
        assert_eq!(decision, Decision::default());
    }
}
