//! Pods: put on the node, reported running, really run where the image is
//! ours, finished when deleted.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use serde_json::{Value, json};

use super::action::{Action, Decision, status_action};
use super::object::{Kind, Name, controller};
use super::report::{Ended, PodReport, Run};
use super::status::{Condition, as_json, conditions, phase, set_condition, stamp};
use super::template::{Facts, fits};

/// The image (last path segment, any tag or digest) whose containers are
/// processes of this binary.
const NATIVE_IMAGE: &str = "ocmadm";

/// What to do with a pod's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// Leave them as they are.
    Leave,
    /// There must be some.
    Start,
    /// There must be none.
    Stop,
}

/// What a decision looks at.
pub struct Observed<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// What its processes do, if it has any.
    pub report: Option<&'a PodReport>,
    /// Whether pods without a node are ours to place.
    pub schedules: bool,
    /// The node.
    pub facts: &'a Facts,
}

/// What the pod needs.
pub fn decide(observed: &Observed<'_>, now: Timestamp) -> (Decision, Processes) {
    let mut decision = Decision::default();
    let pod = observed.pod;
    let Some(spec) = &pod.spec else {
        return (decision, Processes::Leave);
    };
    let Some(node) = &spec.node_name else {
        if observed.schedules && pod.metadata.deletion_timestamp.is_none() {
            decision.actions.extend(schedule(observed, spec, now));
        }
        return (decision, Processes::Leave);
    };
    if *node != observed.facts.node {
        return (decision, Processes::Leave);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        if observed.report.is_some_and(|report| !report.gone) {
            return (decision, Processes::Stop);
        }
        decision.actions.push(Action::Delete {
            kind: Kind::Pod,
            name: Name::of(&pod.metadata),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            grace: Some(0),
        });
        return (decision, Processes::Stop);
    }
    if phase(pod) == "Succeeded" || phase(pod) == "Failed" {
        return (decision, Processes::Leave);
    }
    let old = as_json(pod.status.as_ref());
    let status = status(observed, spec, &old, now);
    decision
        .actions
        .extend(status_action(Kind::Pod, &pod.metadata, &old, &status));
    let processes = if spec.containers.iter().any(is_native) {
        Processes::Start
    } else {
        Processes::Leave
    };
    (decision, processes)
}

/// Whether the container is a process of this binary.
pub fn is_native(container: &Container) -> bool {
    let image = container.image.as_deref().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    let name = last.split(['@', ':']).next().unwrap_or_default();
    name == NATIVE_IMAGE
}

fn schedule(observed: &Observed<'_>, spec: &PodSpec, now: Timestamp) -> Option<Action> {
    let pod = observed.pod;
    if spec
        .scheduler_name
        .as_deref()
        .unwrap_or("default-scheduler")
        != "default-scheduler"
    {
        return None;
    }
    if spec
        .scheduling_gates
        .as_ref()
        .is_some_and(|gates| !gates.is_empty())
    {
        return None;
    }
    if fits(spec, observed.facts) {
        return Some(Action::Bind {
            name: Name::of(&pod.metadata),
            uid: pod.metadata.uid.clone().unwrap_or_default(),
            node: observed.facts.node.clone(),
        });
    }
    let old = as_json(pod.status.as_ref());
    let mut new = old.clone();
    let mut all = conditions(&old);
    let condition = Condition {
        kind: "PodScheduled",
        status: false,
        reason: "Unschedulable",
        message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    };
    set_condition(&mut all, &condition, false, now);
    new["conditions"] = Value::Array(all);
    status_action(Kind::Pod, &pod.metadata, &old, &new)
}

/// What one container does.
enum Doing {
    Runs { since: Value },
    Waits { reason: String, message: String },
    Ended(Ended),
}

struct Seen {
    doing: Doing,
    last: Option<Ended>,
    restarts: i32,
}

fn status(observed: &Observed<'_>, spec: &PodSpec, old: &Value, now: Timestamp) -> Value {
    let pod = observed.pod;
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let of_job = controller(&pod.metadata).is_some_and(|owner| owner.kind == "Job");
    let seen: Vec<Seen> = spec
        .containers
        .iter()
        .map(|container| see(container, observed, old, of_job, now))
        .collect();
    let always = spec.restart_policy.as_deref().unwrap_or("Always") == "Always";
    let phase = phase_of(&seen, always);
    let native = spec.containers.iter().any(is_native);
    let ip = if native {
        observed.facts.address.clone()
    } else {
        address(uid)
    };
    let mut status = old.clone();
    if status.is_null() {
        status = json!({});
    }
    status["phase"] = json!(phase);
    status["hostIP"] = json!(observed.facts.address);
    status["hostIPs"] = json!([{"ip": observed.facts.address}]);
    status["podIP"] = json!(ip);
    status["podIPs"] = json!([{"ip": ip}]);
    if old["startTime"].is_null() {
        status["startTime"] = stamp(now);
    }
    status["containerStatuses"] = spec
        .containers
        .iter()
        .zip(&seen)
        .map(|(container, seen)| container_status(container, seen, uid))
        .collect();
    if let Some(containers) = spec.init_containers.as_ref().filter(|c| !c.is_empty()) {
        let known = &old["initContainerStatuses"];
        status["initContainerStatuses"] = if known.is_array() {
            known.clone()
        } else {
            containers
                .iter()
                .map(|container| {
                    let seen = Seen {
                        doing: Doing::Ended(Ended::completed(now)),
                        last: None,
                        restarts: 0,
                    };
                    let mut status = container_status(container, &seen, uid);
                    status["ready"] = json!(true);
                    status
                })
                .collect()
        };
    }
    status["conditions"] = pod_conditions(spec, &seen, phase, old, now);
    status
}

fn see(
    container: &Container,
    observed: &Observed<'_>,
    old: &Value,
    of_job: bool,
    now: Timestamp,
) -> Seen {
    if is_native(container) {
        let report = observed
            .report
            .and_then(|r| r.containers.get(&container.name));
        let Some(report) = report else {
            return Seen {
                doing: Doing::Waits {
                    reason: "ContainerCreating".to_owned(),
                    message: String::new(),
                },
                last: None,
                restarts: known(old, container)["restartCount"]
                    .as_i64()
                    .and_then(|count| i32::try_from(count).ok())
                    .unwrap_or(0),
            };
        };
        return Seen {
            doing: match &report.run {
                Run::Running { since } => Doing::Runs {
                    since: stamp(*since),
                },
                Run::Waiting { reason, message } => Doing::Waits {
                    reason: (*reason).to_owned(),
                    message: message.clone(),
                },
                Run::Ended(ended) => Doing::Ended(ended.clone()),
            },
            last: report.last.clone(),
            restarts: report.restarts,
        };
    }
    let doing = if of_job {
        Doing::Ended(Ended::completed(now))
    } else {
        let since = &known(old, container)["state"]["running"]["startedAt"];
        Doing::Runs {
            since: if since.is_string() {
                since.clone()
            } else {
                stamp(now)
            },
        }
    };
    Seen {
        doing,
        last: None,
        restarts: 0,
    }
}

fn known<'a>(status: &'a Value, container: &Container) -> &'a Value {
    status["containerStatuses"]
        .as_array()
        .and_then(|all| all.iter().find(|c| c["name"] == container.name))
        .unwrap_or(&Value::Null)
}

fn phase_of(seen: &[Seen], always: bool) -> &'static str {
    let ended = || {
        seen.iter().map(|seen| match &seen.doing {
            Doing::Ended(ended) => Some(ended.code),
            Doing::Runs { .. } | Doing::Waits { .. } => None,
        })
    };
    if !always && ended().all(|code| code.is_some()) {
        if ended().all(|code| code == Some(0)) {
            "Succeeded"
        } else {
            "Failed"
        }
    } else if seen.iter().all(|seen| {
        // Something that never ran is still starting.
        matches!(seen.doing, Doing::Waits { .. }) && seen.last.is_none()
    }) {
        "Pending"
    } else {
        "Running"
    }
}

fn container_status(container: &Container, seen: &Seen, uid: &str) -> Value {
    let id = format!("sandbox://{uid}/{}/{}", container.name, seen.restarts);
    let running = matches!(seen.doing, Doing::Runs { .. });
    let state = match &seen.doing {
        Doing::Runs { since } => json!({"running": {"startedAt": since}}),
        Doing::Waits { reason, message } => {
            let mut waiting = json!({"reason": reason});
            if !message.is_empty() {
                waiting["message"] = json!(message);
            }
            json!({"waiting": waiting})
        }
        Doing::Ended(ended) => json!({"terminated": terminated(ended)}),
    };
    let mut status = json!({
        "name": container.name,
        "image": container.image.clone().unwrap_or_default(),
        "imageID": format!("sandbox://{}", container.image.as_deref().unwrap_or_default()),
        "ready": running,
        "started": running,
        "restartCount": seen.restarts,
        "state": state,
        "lastState": match &seen.last {
            Some(last) => json!({"terminated": terminated(last)}),
            None => json!({}),
        },
    });
    if !matches!(seen.doing, Doing::Waits { .. }) {
        status["containerID"] = json!(id);
    }
    status
}

fn terminated(ended: &Ended) -> Value {
    let mut state = json!({
        "exitCode": ended.code,
        "reason": ended.reason(),
        "startedAt": stamp(ended.started),
        "finishedAt": stamp(ended.finished),
    });
    if let Some(signal) = ended.signal {
        state["signal"] = json!(signal);
    }
    if !ended.message.is_empty() {
        state["message"] = json!(ended.message);
    }
    state
}

fn pod_conditions(
    spec: &PodSpec,
    seen: &[Seen],
    phase: &str,
    old: &Value,
    now: Timestamp,
) -> Value {
    let mut all = conditions(old);
    let unready: Vec<&str> = spec
        .containers
        .iter()
        .zip(seen)
        .filter(|(_, seen)| !matches!(seen.doing, Doing::Runs { .. }))
        .map(|(container, _)| container.name.as_str())
        .collect();
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    let (ready, reason, message) = match phase {
        "Succeeded" => (false, "PodCompleted", ""),
        "Failed" => (false, "PodFailed", ""),
        _ if unready.is_empty() => (true, "", ""),
        _ => (false, "ContainersNotReady", message.as_str()),
    };
    let done = phase == "Succeeded";
    let fixed = |reason| if done { reason } else { "" };
    for (kind, status, reason, message) in [
        ("PodReadyToStartContainers", true, "", ""),
        ("Initialized", true, fixed("PodCompleted"), ""),
        ("Ready", ready && gates_open(spec, old), reason, message),
        ("ContainersReady", ready, reason, message),
        ("PodScheduled", true, "", ""),
    ] {
        let condition = Condition {
            kind,
            status,
            reason,
            message,
        };
        set_condition(&mut all, &condition, false, now);
    }
    Value::Array(all)
}

/// Whether every readiness gate's condition is true.
fn gates_open(spec: &PodSpec, status: &Value) -> bool {
    spec.readiness_gates.iter().flatten().all(|gate| {
        status["conditions"].as_array().is_some_and(|all| {
            all.iter()
                .any(|c| c["type"] == gate.condition_type && c["status"] == "True")
        })
    })
}

/// A stable address out of 10.244.0.0/16 for a pod that has no processes.
fn address(uid: &str) -> String {
    let hash = uid.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [high, _, _, low] = hash.to_be_bytes();
    format!("10.244.{high}.{}", low.clamp(1, 254))
}

#[cfg(test)]
mod tests {
    use super::super::template::tests::facts;
    use super::*;

    fn pod(extra: &[(&str, Value)]) -> Pod {
        let mut object = json!({
            "metadata": {"namespace": "ns", "name": "p", "uid": "u"},
            "spec": {"nodeName": "node", "containers": [{"name": "a", "image": "nginx:1"}]},
        });
        for (pointer, value) in extra {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            object.pointer_mut(parent).unwrap()[key] = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    fn decided(pod: &Pod, report: Option<&PodReport>) -> (Decision, Processes) {
        let observed = Observed {
            pod,
            report,
            schedules: true,
            facts: &facts(),
        };
        decide(&observed, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn status(decision: &Decision) -> &Value {
        match &decision.actions[0] {
            Action::Merge { body, status, .. } => {
                assert!(status);
                &body["status"]
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn images_of_ours() {
        for (image, native) in [
            ("ocmadm", true),
            ("ocmadm:v1", true),
            ("quay.io:443/x/ocmadm@sha256:00", true),
            ("ocmadm/other", false),
            ("my-ocmadm", false),
        ] {
            let container = Container {
                image: Some(image.to_owned()),
                ..Container::default()
            };
            assert_eq!(is_native(&container), native, "{image}");
        }
    }

    #[test]
    fn a_foreign_pod_is_reported_running_once() {
        let (decision, processes) = decided(&pod(&[]), None);
        assert_eq!(processes, Processes::Leave);
        let patch = status(&decision);
        assert_eq!(patch["phase"], "Running");
        assert_eq!(patch["containerStatuses"][0]["ready"], true);
        assert!(patch["podIP"].as_str().unwrap().starts_with("10.244."));
        let (again, _) = decided(&pod(&[("/status", patch.clone())]), None);
        assert_eq!(again, Decision::default());
    }

    #[test]
    fn a_foreign_pod_of_a_job_succeeds() {
        let owner = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "j", "controller": true}]);
        let pod = pod(&[
            ("/metadata/ownerReferences", owner),
            ("/spec/restartPolicy", json!("Never")),
        ]);
        let (decision, _) = decided(&pod, None);
        assert_eq!(status(&decision)["phase"], "Succeeded");
    }

    #[test]
    fn a_pod_without_node_is_bound_where_it_fits() {
        let (decision, _) = decided(&pod(&[("/spec/nodeName", Value::Null)]), None);
        assert!(matches!(&decision.actions[0], Action::Bind { node, .. } if node == "node"));
        let (decision, _) = decided(
            &pod(&[
                ("/spec/nodeName", Value::Null),
                ("/spec/nodeSelector", json!({"zone": "b"})),
            ]),
            None,
        );
        assert_eq!(
            status(&decision)["conditions"][0]["reason"],
            "Unschedulable"
        );
        let (decision, _) = decided(&pod(&[("/spec/nodeName", json!("other"))]), None);
        assert!(decision.actions.is_empty());
    }

    #[test]
    fn our_pod_follows_its_process() {
        let pod = pod(&[("/spec/containers/0/image", json!("ocmadm"))]);
        let (decision, processes) = decided(&pod, None);
        assert_eq!(processes, Processes::Start);
        assert_eq!(status(&decision)["phase"], "Pending");
        let now = Timestamp::UNIX_EPOCH;
        let mut report = PodReport::starting(["a".to_owned()], &Value::Null);
        report.set("a", Run::Running { since: now });
        let (decision, _) = decided(&pod, Some(&report));
        assert_eq!(status(&decision)["phase"], "Running");
        report.crashed("a", Ended::failed(now, "gone"));
        let (decision, _) = decided(&pod, Some(&report));
        let container = &status(&decision)["containerStatuses"][0];
        assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(container["lastState"]["terminated"]["message"], "gone");
        assert_eq!(container["ready"], false);
    }

    #[test]
    fn a_deleted_pod_is_finished_after_its_processes() {
        let pod = pod(&[("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"))]);
        let mut report = PodReport::starting(["a".to_owned()], &Value::Null);
        let (decision, processes) = decided(&pod, Some(&report));
        assert_eq!(processes, Processes::Stop);
        assert!(decision.actions.is_empty());
        report.gone = true;
        let (decision, _) = decided(&pod, Some(&report));
        assert!(matches!(
            &decision.actions[0],
            Action::Delete { grace: Some(0), .. }
        ));
    }
}
