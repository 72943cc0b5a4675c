//! StatefulSets: numbered pods, one after the other. Claims of
//! `volumeClaimTemplates` are not made: simulated pods have no volumes.

use std::cmp::Reverse;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::action::{Decision, status_action};
use super::object::Kind;
use super::replicaset::delete_pod;
use super::status::{as_json, is_active, phase, readiness};
use super::template::{Facts, Naming, create_pod, hash, owner_reference};

const REVISION_LABEL: &str = "controller-revision-hash";

/// What a StatefulSet and the pods it controls need.
pub fn decide(set: &StatefulSet, pods: &[Arc<Pod>], facts: &Facts, now: Timestamp) -> Decision {
    let mut decision = Decision::default();
    let Some(spec) = &set.spec else {
        return decision;
    };
    let name = set.metadata.name.as_deref().unwrap_or_default();
    let update = format!("{name}-{}", hash(&spec.template, None));
    let old = as_json(set.status.as_ref());
    let view = View {
        set,
        spec,
        name,
        pods,
        update: &update,
        facts,
        now,
    };
    if set.metadata.deletion_timestamp.is_none() {
        view.pods(&mut decision);
    }
    let status = view.status(&old, &mut decision);
    decision.actions.extend(status_action(
        Kind::StatefulSet,
        &set.metadata,
        &old,
        &status,
    ));
    decision
}

struct View<'a> {
    set: &'a StatefulSet,
    spec: &'a StatefulSetSpec,
    name: &'a str,
    pods: &'a [Arc<Pod>],
    update: &'a str,
    facts: &'a Facts,
    now: Timestamp,
}

impl View<'_> {
    fn start(&self) -> i32 {
        self.spec
            .ordinals
            .as_ref()
            .and_then(|o| o.start)
            .unwrap_or(0)
    }

    fn end(&self) -> i32 {
        self.start() + self.spec.replicas.unwrap_or(1)
    }

    fn ordinal(&self, pod: &Pod) -> Option<i32> {
        let name = pod.metadata.name.as_deref()?;
        name.strip_prefix(self.name)?
            .strip_prefix('-')?
            .parse()
            .ok()
    }

    fn is_available(&self, pod: &Pod) -> bool {
        readiness([pod], self.spec.min_ready_seconds, self.now).available == 1
    }

    fn pods(&self, decision: &mut Decision) {
        let parallel = self.spec.pod_management_policy.as_deref() == Some("Parallel");
        let mut settled = true;
        for ordinal in self.start()..self.end() {
            let pod = self
                .pods
                .iter()
                .find(|pod| self.ordinal(pod) == Some(ordinal));
            match pod {
                None => {
                    decision.actions.push(create_pod(
                        &self.set.metadata,
                        &owner_reference("apps/v1", "StatefulSet", &self.set.metadata),
                        Naming::Fixed(format!("{}-{ordinal}", self.name)),
                        &self.spec.template,
                        &[
                            (REVISION_LABEL, self.update),
                            (
                                "statefulset.kubernetes.io/pod-name",
                                &format!("{}-{ordinal}", self.name),
                            ),
                            ("apps.kubernetes.io/pod-index", &ordinal.to_string()),
                        ],
                        self.facts,
                    ));
                    settled = false;
                }
                Some(pod) if phase(pod) == "Failed" || phase(pod) == "Succeeded" => {
                    if pod.metadata.deletion_timestamp.is_none() {
                        decision.actions.push(delete_pod(pod));
                    }
                    settled = false;
                }
                Some(pod) => {
                    settled &= pod.metadata.deletion_timestamp.is_none() && self.is_available(pod);
                }
            }
            if !settled && !parallel {
                return;
            }
        }
        let mut surplus: Vec<&Arc<Pod>> = self
            .pods
            .iter()
            .filter(|pod| {
                let inside = |ordinal| (self.start()..self.end()).contains(&ordinal);
                !self.ordinal(pod).is_some_and(inside)
            })
            .collect();
        surplus.sort_by_key(|pod| Reverse(self.ordinal(pod)));
        if !surplus.is_empty() {
            let batch = if parallel { surplus.len() } else { 1 };
            let going = surplus.iter().take(batch);
            let going = going.filter(|pod| pod.metadata.deletion_timestamp.is_none());
            decision.actions.extend(going.map(|pod| delete_pod(pod)));
            return;
        }
        if settled {
            self.update(decision);
        }
    }

    /// One pod of an old template makes place, the highest first.
    fn update(&self, decision: &mut Decision) {
        let strategy = self.spec.update_strategy.as_ref();
        if strategy.and_then(|s| s.type_.as_deref()) == Some("OnDelete") {
            return;
        }
        let partition = strategy
            .and_then(|s| s.rolling_update.as_ref()?.partition)
            .unwrap_or(0);
        let outdated = self
            .pods
            .iter()
            .filter(|pod| !self.is_updated(pod))
            .filter(|pod| self.ordinal(pod).is_some_and(|o| o >= partition))
            .max_by_key(|pod| self.ordinal(pod));
        decision.actions.extend(outdated.map(|pod| delete_pod(pod)));
    }

    fn is_updated(&self, pod: &Pod) -> bool {
        let labels = pod.metadata.labels.as_ref();
        labels
            .and_then(|l| l.get(REVISION_LABEL))
            .map(String::as_str)
            == Some(self.update)
    }

    fn status(&self, old: &Value, decision: &mut Decision) -> Value {
        let live: Vec<&Pod> = self
            .pods
            .iter()
            .map(AsRef::as_ref)
            .filter(|pod| is_active(pod))
            .collect();
        let counted = readiness(live.iter().copied(), self.spec.min_ready_seconds, self.now);
        if let Some(delay) = counted.next {
            decision.look_again(delay);
        }
        let updated = live.iter().filter(|pod| self.is_updated(pod)).count();
        let complete = updated == live.len()
            && i32::try_from(live.len()).ok() == self.spec.replicas.or(Some(1))
            && i32::try_from(live.len()).ok() == Some(counted.ready);
        let current = if complete {
            self.update
        } else {
            old["currentRevision"].as_str().unwrap_or(self.update)
        };
        let mut status = json!({
            "replicas": live.len(),
            "availableReplicas": counted.available,
            "observedGeneration": self.set.metadata.generation,
            "currentRevision": current,
            "updateRevision": self.update,
            "collisionCount": 0,
        });
        let currents = live.len() - if current == self.update { 0 } else { updated };
        for (field, count) in [("updatedReplicas", updated), ("currentReplicas", currents)] {
            if count != 0 {
                status[field] = json!(count);
            }
        }
        if counted.ready != 0 {
            status["readyReplicas"] = json!(counted.ready);
        }
        if let Some(conditions) = old.get("conditions") {
            status["conditions"] = conditions.clone();
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::super::template::tests::facts;
    use super::*;

    fn set(replicas: i32, image: &str) -> StatefulSet {
        serde_json::from_value(json!({
            "metadata": {"namespace": "ns", "name": "db", "uid": "s", "generation": 1},
            "spec": {
                "replicas": replicas, "serviceName": "db", "selector": {},
                "template": {"spec": {"containers": [{"name": "a", "image": image}]}},
            },
        }))
        .unwrap()
    }

    fn pod(set: &StatefulSet, ordinal: i32, ready: bool) -> Arc<Pod> {
        let revision = format!("db-{}", hash(&set.spec.as_ref().unwrap().template, None));
        Arc::new(
            serde_json::from_value(json!({
                "metadata": {
                    "namespace": "ns", "name": format!("db-{ordinal}"), "uid": "p",
                    "labels": {REVISION_LABEL: revision},
                },
                "status": {"phase": "Running", "conditions": [
                    {"type": "Ready", "status": if ready { "True" } else { "False" }},
                ]},
            }))
            .unwrap(),
        )
    }

    /// `+name` for a created pod, `-name` for a deleted one.
    fn steps(set: &StatefulSet, pods: &[Arc<Pod>]) -> Vec<String> {
        decide(set, pods, &facts(), Timestamp::now())
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::Create { body, .. } => {
                    Some(format!("+{}", body["metadata"]["name"].as_str().unwrap()))
                }
                Action::Delete { name, .. } => Some(format!("-{}", name.name)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn pods_come_one_after_the_other_and_go_backwards() {
        let three = set(3, "x");
        assert_eq!(steps(&three, &[]), ["+db-0"]);
        assert!(steps(&three, &[pod(&three, 0, false)]).is_empty());
        assert_eq!(steps(&three, &[pod(&three, 0, true)]), ["+db-1"]);
        let one = set(1, "x");
        let all: Vec<_> = (0..3).map(|ordinal| pod(&one, ordinal, true)).collect();
        assert_eq!(steps(&one, &all), ["-db-2"]);
    }

    #[test]
    fn a_new_template_replaces_the_highest_pod_first() {
        let before = set(2, "x");
        let pods = [pod(&before, 0, true), pod(&before, 1, true)];
        assert_eq!(steps(&set(2, "y"), &pods), ["-db-1"]);
        assert!(steps(&before, &pods).is_empty());
    }
}
