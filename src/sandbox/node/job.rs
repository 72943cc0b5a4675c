//! Jobs: pods until enough of them succeeded or too many failed.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::action::{Action, Decision, status_action};
use super::object::{Kind, Name};
use super::replicaset::delete_pod;
use super::status::{
    Condition, as_json, conditions, is_active, phase, readiness, set_condition, stamp,
};
use super::template::{Facts, Naming, create_pod, owner_reference};

/// What a Job and the pods it controls need.
pub fn decide(job: &Job, pods: &[Arc<Pod>], facts: &Facts, now: Timestamp) -> Decision {
    let mut decision = Decision::default();
    let Some(spec) = &job.spec else {
        return decision;
    };
    let old = as_json(job.status.as_ref());
    if let Some(finished) = finished_at(&old) {
        clean_up(job, spec, finished, now, &mut decision);
        return decision;
    }
    if job.metadata.deletion_timestamp.is_some() {
        return decision;
    }
    let active: Vec<&Pod> = pods
        .iter()
        .map(AsRef::as_ref)
        .filter(|p| is_active(p))
        .collect();
    let ended = |wanted: &str| pods.iter().filter(|pod| phase(pod) == wanted).count();
    let (succeeded, failed) = (ended("Succeeded"), ended("Failed"));
    let size = |value: Option<i32>| value.and_then(|v| usize::try_from(v).ok());
    let parallelism = size(spec.parallelism).unwrap_or(1);
    let completions = size(spec.completions);
    let suspended = spec.suspend == Some(true);
    let complete = match completions {
        Some(completions) => succeeded >= completions,
        None => succeeded > 0 && active.is_empty(),
    };
    let exceeded = failed > size(spec.backoff_limit).unwrap_or(6);
    let mut live = active.len();
    let mut all = conditions(&old);
    if suspended || complete || exceeded {
        decision
            .actions
            .extend(active.iter().map(|pod| delete_pod(pod)));
        live = 0;
    } else {
        let wanted = match completions {
            Some(completions) => parallelism.min(completions - succeeded),
            // A work queue: after the first success no more pods are started.
            None if succeeded > 0 => active.len(),
            None => parallelism,
        };
        let indexes = free_indexes(spec, pods);
        for index in indexes.take(wanted.saturating_sub(active.len())) {
            decision.actions.push(create(job, spec, index, facts));
        }
        for pod in active.iter().skip(wanted) {
            decision.actions.push(delete_pod(pod));
        }
    }
    let counted = readiness(active.iter().copied(), None, now);
    let mut status = json!({
        "ready": if live == 0 { 0 } else { counted.ready },
        "terminating": 0,
        "uncountedTerminatedPods": {},
    });
    for (field, count) in [
        ("active", live),
        ("succeeded", succeeded),
        ("failed", failed),
    ] {
        if count != 0 {
            status[field] = json!(count);
        }
    }
    if !suspended {
        status["startTime"] = match &old["startTime"] {
            Value::Null => stamp(now),
            known => known.clone(),
        };
    }
    let (kind, reason, message) = if complete {
        status["completionTime"] = stamp(now);
        let message = "Reached expected number of succeeded pods";
        ("Complete", "CompletionsReached", message)
    } else {
        let message = "Job has reached the specified backoff limit";
        ("Failed", "BackoffLimitExceeded", message)
    };
    if complete || exceeded {
        let target = if complete {
            "SuccessCriteriaMet"
        } else {
            "FailureTarget"
        };
        for kind in [target, kind] {
            let condition = Condition {
                kind,
                status: true,
                reason,
                message,
            };
            set_condition(&mut all, &condition, false, now);
        }
    }
    let was_suspended = all.iter().any(|c| c["type"] == "Suspended");
    if suspended || was_suspended {
        let (reason, message) = if suspended {
            ("JobSuspended", "Job suspended")
        } else {
            ("JobResumed", "Job resumed")
        };
        let condition = Condition {
            kind: "Suspended",
            status: suspended,
            reason,
            message,
        };
        set_condition(&mut all, &condition, false, now);
    }
    if !all.is_empty() {
        status["conditions"] = Value::Array(all);
    }
    decision
        .actions
        .extend(status_action(Kind::Job, &job.metadata, &old, &status));
    decision
}

fn finished_at(status: &Value) -> Option<Timestamp> {
    let conditions = status["conditions"].as_array()?;
    let finished = conditions
        .iter()
        .find(|c| (c["type"] == "Complete" || c["type"] == "Failed") && c["status"] == "True")?;
    finished["lastTransitionTime"].as_str()?.parse().ok()
}

fn clean_up(
    job: &Job,
    spec: &JobSpec,
    finished: Timestamp,
    now: Timestamp,
    decision: &mut Decision,
) {
    let Some(seconds) = spec.ttl_seconds_after_finished else {
        return;
    };
    let left = SignedDuration::from_secs(i64::from(seconds)) - now.duration_since(finished);
    if left > SignedDuration::ZERO {
        decision.look_again(left.unsigned_abs());
    } else if job.metadata.deletion_timestamp.is_none() {
        decision.actions.push(Action::Delete {
            kind: Kind::Job,
            name: Name::of(&job.metadata),
            uid: job.metadata.uid.clone().unwrap_or_default(),
            grace: None,
        });
    }
}

/// The completion indexes that no pod has or had with success; endless `None`
/// where the Job has none.
fn free_indexes<'a>(
    spec: &JobSpec,
    pods: &'a [Arc<Pod>],
) -> Box<dyn Iterator<Item = Option<i32>> + 'a> {
    if spec.completion_mode.as_deref() != Some("Indexed") {
        return Box::new(std::iter::repeat(None));
    }
    let taken: Vec<&str> = pods
        .iter()
        .filter(|pod| phase(pod) != "Failed" && pod.metadata.deletion_timestamp.is_none())
        .filter_map(|pod| pod.metadata.labels.as_ref()?.get(INDEX).map(String::as_str))
        .collect();
    let all = 0..spec.completions.unwrap_or(0);
    Box::new(
        all.filter(move |index| !taken.contains(&index.to_string().as_str()))
            .map(Some),
    )
}

const INDEX: &str = "batch.kubernetes.io/job-completion-index";

fn create(job: &Job, spec: &JobSpec, index: Option<i32>, facts: &Facts) -> Action {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let uid = job.metadata.uid.as_deref().unwrap_or_default();
    let index = index.map(|index| index.to_string());
    let mut labels = vec![
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
        ("controller-uid", uid),
        ("job-name", name),
    ];
    labels.extend(index.as_deref().map(|index| (INDEX, index)));
    let prefix = match &index {
        Some(index) => format!("{name}-{index}-"),
        None => format!("{name}-"),
    };
    create_pod(
        &job.metadata,
        &owner_reference("batch/v1", "Job", &job.metadata),
        Naming::Generate(prefix),
        &spec.template,
        &labels,
        facts,
    )
}

#[cfg(test)]
mod tests {
    use super::super::template::tests::facts;
    use super::*;

    fn job(spec: &Value, status: &Value) -> Job {
        let mut spec = spec.clone();
        spec["template"] = json!({"spec": {"containers": [{"name": "a", "image": "b"}]}});
        serde_json::from_value(json!({
            "metadata": {"namespace": "ns", "name": "once", "uid": "j"},
            "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn pod(phase: &str) -> Arc<Pod> {
        Arc::new(serde_json::from_value(json!({"status": {"phase": phase}})).unwrap())
    }

    fn creates(decision: &Decision) -> usize {
        let is_create = |action: &&Action| matches!(action, Action::Create { .. });
        decision.actions.iter().filter(is_create).count()
    }

    fn status(decision: &Decision) -> Value {
        match decision.actions.last() {
            Some(Action::Merge { body, .. }) => body["status"].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_job_completes_when_enough_pods_succeeded() {
        let two = job(&json!({"completions": 2, "parallelism": 1}), &json!({}));
        let now = Timestamp::now();
        assert_eq!(creates(&decide(&two, &[], &facts(), now)), 1);
        assert_eq!(
            creates(&decide(&two, &[pod("Succeeded")], &facts(), now)),
            1
        );
        let done = decide(&two, &[pod("Succeeded"), pod("Succeeded")], &facts(), now);
        let status = status(&done);
        assert_eq!(status["succeeded"], 2);
        assert_eq!(status["conditions"][1]["type"], "Complete");
        assert!(status["completionTime"].is_string());
    }

    #[test]
    fn too_many_failures_end_a_job() {
        let job = job(&json!({"completions": 1, "backoffLimit": 1}), &json!({}));
        let now = Timestamp::now();
        assert_eq!(creates(&decide(&job, &[pod("Failed")], &facts(), now)), 1);
        let decision = decide(&job, &[pod("Failed"), pod("Failed")], &facts(), now);
        assert_eq!(creates(&decision), 0);
        assert_eq!(status(&decision)["conditions"][1]["type"], "Failed");
    }

    #[test]
    fn a_finished_job_goes_after_its_time_to_live() {
        let finished = json!({"conditions": [
            {"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]});
        let job = job(&json!({"ttlSecondsAfterFinished": 10}), &finished);
        let early = decide(&job, &[], &facts(), "2026-01-01T00:00:05Z".parse().unwrap());
        assert!(early.actions.is_empty() && early.again.is_some());
        let late = decide(&job, &[], &facts(), "2026-01-01T00:00:10Z".parse().unwrap());
        assert!(matches!(
            late.actions[0],
            Action::Delete {
                kind: Kind::Job,
                ..
            }
        ));
    }
}
