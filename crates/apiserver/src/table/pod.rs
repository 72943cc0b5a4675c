//! The row of a pod: its state in one word is the work of this file.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::human::{age, or_none};

/// Restarts and when the last of them was.
#[derive(Default)]
struct Restarts {
    count: i64,
    last: Option<String>,
}

impl Restarts {
    fn add(&mut self, status: &Value) {
        self.count += status["restartCount"].as_i64().unwrap_or_default();
        let finished = status["lastState"]["terminated"]["finishedAt"].as_str();
        // RFC 3339 times in UTC sort as text.
        if let Some(finished) = finished
            && self.last.as_deref().is_none_or(|last| last < finished)
        {
            self.last = Some(finished.to_owned());
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn condition(pod: &Value, type_: &str) -> bool {
    list(&pod["status"]["conditions"])
        .iter()
        .any(|one| one["type"] == type_ && one["status"] == "True")
}

/// Why a container ended, with what to say if it does not tell.
fn ended(terminated: &Value) -> String {
    let reason = text(&terminated["reason"]);
    if !reason.is_empty() {
        return reason.to_owned();
    }
    match terminated["signal"].as_i64() {
        Some(signal) if signal != 0 => format!("Signal:{signal}"),
        _ => format!(
            "ExitCode:{}",
            terminated["exitCode"].as_i64().unwrap_or_default()
        ),
    }
}

pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let restartable = |name: &Value| {
        list(&spec["initContainers"])
            .iter()
            .any(|c| c["name"] == *name && c["restartPolicy"] == "Always")
    };
    let mut total = list(&spec["containers"]).len();
    let sidecars = list(&spec["initContainers"]).iter();
    total += sidecars.filter(|c| c["restartPolicy"] == "Always").count();

    let phase = text(&status["phase"]);
    let mut reason = match text(&status["reason"]) {
        "" => phase.to_owned(),
        reason => reason.to_owned(),
    };
    let gated = list(&status["conditions"])
        .iter()
        .any(|one| one["type"] == "PodScheduled" && one["reason"] == "SchedulingGated");
    if gated {
        "SchedulingGated".clone_into(&mut reason);
    }

    let mut ready = 0;
    let mut all = Restarts::default();
    let mut sidecar = Restarts::default();
    let mut initializing = false;
    let inits = list(&spec["initContainers"]).len();
    for (index, container) in list(&status["initContainerStatuses"]).iter().enumerate() {
        all.add(container);
        let stays = restartable(&container["name"]);
        if stays {
            sidecar.add(container);
        }
        let terminated = &container["state"]["terminated"];
        if terminated.is_object() && terminated["exitCode"].as_i64().unwrap_or_default() == 0 {
            continue;
        }
        if stays && container["started"] == true {
            ready += usize::from(container["ready"] == true);
            continue;
        }
        let waiting = text(&container["state"]["waiting"]["reason"]);
        reason = if terminated.is_object() {
            format!("Init:{}", ended(terminated))
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{index}/{inits}")
        };
        initializing = true;
        break;
    }

    if !initializing || condition(pod, "Initialized") {
        all = sidecar;
        let mut running = false;
        let mut failed = None;
        for container in list(&status["containerStatuses"]).iter().rev() {
            all.add(container);
            let state = &container["state"];
            let waiting = text(&state["waiting"]["reason"]);
            let terminated = &state["terminated"];
            if !waiting.is_empty() {
                waiting.clone_into(&mut reason);
            } else if terminated.is_object() {
                reason = ended(terminated);
                if terminated["exitCode"].as_i64().unwrap_or_default() != 0 {
                    failed = Some(reason.clone());
                }
            } else if container["ready"] == true && state["running"].is_object() {
                running = true;
                ready += 1;
            }
        }
        if reason == "Completed" {
            if running && condition(pod, "Ready") {
                "Running".clone_into(&mut reason);
            } else if let Some(failed) = failed {
                reason = failed;
            } else if running {
                "NotReady".clone_into(&mut reason);
            }
        }
    }

    if !pod["metadata"]["deletionTimestamp"].is_null() {
        if status["reason"] == "NodeLost" {
            "Unknown".clone_into(&mut reason);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut reason);
        }
    }
    let restarts = match &all.last {
        Some(last) if all.count != 0 => {
            format!("{} ({} ago)", all.count, age(&json!(last), now))
        }
        _ => all.count.to_string(),
    };

    let gates = list(&spec["readinessGates"]);
    let open = gates
        .iter()
        .filter(|gate| condition(pod, text(&gate["conditionType"])))
        .count();
    let gates = if gates.is_empty() {
        "<none>".to_owned()
    } else {
        format!("{open}/{}", gates.len())
    };
    let named = |value: &Value| json!(or_none(text(value).to_owned()));
    vec![
        pod["metadata"]["name"].clone(),
        json!(format!("{ready}/{total}")),
        json!(reason),
        json!(restarts),
        json!(age(&pod["metadata"]["creationTimestamp"], now)),
        named(&status["podIPs"][0]["ip"]),
        named(&spec["nodeName"]),
        named(&status["nominatedNodeName"]),
        json!(gates),
    ]
}
