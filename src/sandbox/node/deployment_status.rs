//! The status of a Deployment, as `kubectl rollout status` reads it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
use serde_json::{Value, json};

use super::action::{Decision, status_action};
use super::object::Kind;
use super::rollout::{Limits, replicas};
use super::status::{Condition, as_json, conditions, set_condition};

#[derive(Default)]
struct Counts {
    replicas: i32,
    updated: i32,
    ready: i32,
    available: i32,
    asked: i32,
}

/// Adds the status write, if the status differs.
pub fn decide(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    current: Option<&ReplicaSet>,
    sets: &[&ReplicaSet],
    now: Timestamp,
    decision: &mut Decision,
) {
    let old = as_json(deployment.status.as_ref());
    let counts = count(current, sets);
    let limits = Limits::of(spec);
    let mut status = json!({"observedGeneration": deployment.metadata.generation});
    for (field, count) in [
        ("replicas", counts.replicas),
        ("updatedReplicas", counts.updated),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
        (
            "unavailableReplicas",
            (counts.asked - counts.available).max(0),
        ),
    ] {
        if count != 0 {
            status[field] = json!(count);
        }
    }
    if let Some(collisions) = old.get("collisionCount") {
        status["collisionCount"] = collisions.clone();
    }
    let mut all = conditions(&old);
    available(&mut all, &counts, &limits, now);
    if spec.progress_deadline_seconds != Some(i32::MAX) {
        progressing(deployment, spec, current, &counts, &mut all, now, decision);
    }
    status["conditions"] = Value::Array(all);
    decision.actions.extend(status_action(
        Kind::Deployment,
        &deployment.metadata,
        &old,
        &status,
    ));
}

fn count(current: Option<&ReplicaSet>, sets: &[&ReplicaSet]) -> Counts {
    let mut counts = Counts::default();
    for set in sets {
        counts.asked += replicas(set);
        if let Some(status) = &set.status {
            counts.replicas += status.replicas;
            counts.ready += status.ready_replicas.unwrap_or(0);
            counts.available += status.available_replicas.unwrap_or(0);
        }
    }
    counts.updated = current
        .and_then(|set| set.status.as_ref())
        .map_or(0, |status| status.replicas);
    counts
}

fn available(all: &mut Vec<Value>, counts: &Counts, limits: &Limits, now: Timestamp) {
    let enough = counts.available >= limits.desired - limits.unavailable;
    let condition = if enough {
        Condition {
            kind: "Available",
            status: true,
            reason: "MinimumReplicasAvailable",
            message: "Deployment has minimum availability.",
        }
    } else {
        Condition {
            kind: "Available",
            status: false,
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability.",
        }
    };
    set_condition(all, &condition, true, now);
}

/// The condition `Progressing`: since when nothing moved, and whether that is
/// too long.
fn progressing(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    current: Option<&ReplicaSet>,
    counts: &Counts,
    all: &mut Vec<Value>,
    now: Timestamp,
    decision: &mut Decision,
) {
    let desired = spec.replicas.unwrap_or(1);
    let Some(current) = current else {
        return;
    };
    let name = current.metadata.name.as_deref().unwrap_or_default();
    let set = |all: &mut Vec<Value>, status, reason: &str, message: &str| {
        let condition = Condition {
            kind: "Progressing",
            status,
            reason,
            message,
        };
        set_condition(all, &condition, true, now);
    };
    let complete =
        counts.updated == desired && counts.replicas == desired && counts.available == desired;
    if complete {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        set(all, true, "NewReplicaSetAvailable", &message);
        return;
    }
    let known = all.iter().position(|c| c["type"] == "Progressing");
    let message = format!("ReplicaSet \"{name}\" is progressing.");
    let Some(known) = known else {
        let message = format!("Created new replica set \"{name}\"");
        set(all, true, "NewReplicaSetCreated", &message);
        return;
    };
    let before = deployment.status.clone().unwrap_or_default();
    let moved = counts.updated > before.updated_replicas.unwrap_or(0)
        || counts.ready > before.ready_replicas.unwrap_or(0)
        || counts.available > before.available_replicas.unwrap_or(0)
        || counts.replicas - counts.updated
            < before.replicas.unwrap_or(0) - before.updated_replicas.unwrap_or(0);
    if moved || all[known]["reason"] == "NewReplicaSetAvailable" {
        // A new clock starts, even if the words stay the same.
        all[known]["reason"] = Value::Null;
        set(all, true, "ReplicaSetUpdated", &message);
        return;
    }
    if spec.paused == Some(true) {
        return;
    }
    let since = all[known]["lastUpdateTime"]
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .unwrap_or(now);
    let deadline =
        SignedDuration::from_secs(i64::from(spec.progress_deadline_seconds.unwrap_or(600)));
    let left = deadline - now.duration_since(since);
    if left > SignedDuration::ZERO {
        decision.look_again(left.unsigned_abs() + Duration::from_millis(10));
    } else {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        set(all, false, "ProgressDeadlineExceeded", &message);
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::*;

    fn deployment(status: &Value) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"namespace": "ns", "name": "web", "uid": "d", "generation": 2},
            "spec": {"replicas": 3, "selector": {}, "template": {}, "progressDeadlineSeconds": 60},
            "status": status,
        }))
        .unwrap()
    }

    fn set(ready: i32) -> ReplicaSet {
        serde_json::from_value(json!({
            "metadata": {"name": "web-1", "uid": "r"},
            "spec": {"replicas": 3, "selector": {}},
            "status": {"replicas": 3, "readyReplicas": ready, "availableReplicas": ready},
        }))
        .unwrap()
    }

    fn status(deployment: &Deployment, set: &ReplicaSet, now: &str) -> (Value, Decision) {
        let mut decision = Decision::default();
        let spec = deployment.spec.clone().unwrap();
        decide(
            deployment,
            &spec,
            Some(set),
            &[set],
            now.parse().unwrap(),
            &mut decision,
        );
        let body = match decision.actions.first() {
            Some(Action::Merge { body, .. }) => body["status"].clone(),
            None => Value::Null,
            other => panic!("{other:?}"),
        };
        (body, decision)
    }

    #[test]
    fn complete_as_rollout_status_expects() {
        let (patch, _) = status(&deployment(&Value::Null), &set(3), "2026-01-01T00:00:00Z");
        assert_eq!(patch["observedGeneration"], 2);
        for field in [
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
        ] {
            assert_eq!(patch[field], 3, "{field}");
        }
        assert_eq!(patch.get("unavailableReplicas"), None);
        assert_eq!(patch["conditions"][0]["status"], "True");
        assert_eq!(patch["conditions"][1]["reason"], "NewReplicaSetAvailable");
        let (again, _) = status(&deployment(&patch), &set(3), "2026-01-01T01:00:00Z");
        assert_eq!(again, Value::Null, "nothing differs, nothing is written");
    }

    #[test]
    fn a_rollout_that_stands_still_times_out() {
        let (first, _) = status(&deployment(&Value::Null), &set(1), "2026-01-01T00:00:00Z");
        assert_eq!(first["conditions"][0]["status"], "False");
        let waiting = deployment(&first);
        let (patch, decision) = status(&waiting, &set(1), "2026-01-01T00:00:59Z");
        assert_eq!(patch, Value::Null);
        assert!(decision.again.is_some());
        let (patch, _) = status(&waiting, &set(1), "2026-01-01T00:01:00Z");
        assert_eq!(patch["conditions"][1]["reason"], "ProgressDeadlineExceeded");
        assert_eq!(patch["conditions"][1]["status"], "False");
    }
}
