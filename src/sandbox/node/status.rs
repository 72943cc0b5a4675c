//! Conditions and counts that several statuses share.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;
use serde_json::{Value, json};

/// A status as JSON; `Null` where there is none.
pub fn as_json<T: Serialize>(status: Option<&T>) -> Value {
    status
        .and_then(|status| serde_json::to_value(status).ok())
        .unwrap_or(Value::Null)
}

/// A time as Kubernetes writes it: whole seconds.
pub fn stamp(time: Timestamp) -> Value {
    json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A condition to set.
pub struct Condition<'a> {
    /// For example `Ready`.
    pub kind: &'a str,
    /// True or False.
    pub status: bool,
    /// One CamelCase word, or empty.
    pub reason: &'a str,
    /// A sentence, or empty.
    pub message: &'a str,
}

/// `conditions` with one set: its transition time changes with its status, its
/// update time (where `updates` asks for one) with anything.
pub fn set_condition(
    conditions: &mut Vec<Value>,
    condition: &Condition<'_>,
    updates: bool,
    now: Timestamp,
) {
    let status = if condition.status { "True" } else { "False" };
    let position = conditions.iter().position(|c| c["type"] == condition.kind);
    let old = position.map(|at| conditions[at].clone());
    let mut new = json!({
        "type": condition.kind,
        "status": status,
        "lastTransitionTime": stamp(now),
    });
    if !condition.reason.is_empty() {
        new["reason"] = json!(condition.reason);
    }
    if !condition.message.is_empty() {
        new["message"] = json!(condition.message);
    }
    if updates {
        new["lastUpdateTime"] = stamp(now);
    }
    if let Some(old) = &old {
        if old["status"] == status {
            new["lastTransitionTime"] = old["lastTransitionTime"].clone();
        }
        let same = ["status", "reason", "message"]
            .iter()
            .all(|field| old[*field] == new[*field]);
        if same {
            return;
        }
        if let Some(generation) = old.get("observedGeneration") {
            new["observedGeneration"] = generation.clone();
        }
    }
    match position {
        Some(at) => conditions[at] = new,
        None => conditions.push(new),
    }
}

/// The conditions of a status.
pub fn conditions(status: &Value) -> Vec<Value> {
    status["conditions"].as_array().cloned().unwrap_or_default()
}

/// A number or a percentage of `total`, rounded up or down.
pub fn scaled(value: &IntOrString, total: i32, round_up: bool) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let product = i64::from(total) * percent;
            let scaled = if round_up {
                (product + 99).div_euclid(100)
            } else {
                product.div_euclid(100)
            };
            i32::try_from(scaled).unwrap_or(i32::MAX)
        }
    }
}

/// Whether the pod counts for a controller: neither ended nor on its way out.
pub fn is_active(pod: &Pod) -> bool {
    let ended = phase(pod) == "Succeeded" || phase(pod) == "Failed";
    !ended && pod.metadata.deletion_timestamp.is_none()
}

/// The pod's phase, empty before the first status.
pub fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

/// Since when the pod is Ready.
pub fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let ready = conditions.iter().find(|c| c.type_ == "Ready")?;
    (ready.status == "True").then(|| {
        ready
            .last_transition_time
            .as_ref()
            .map_or(Timestamp::UNIX_EPOCH, |time| time.0)
    })
}

/// How many of the pods are ready, how many for long enough, and when the next
/// one will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Pods whose Ready condition is true.
    pub ready: i32,
    /// Those that have been ready for `minReadySeconds`.
    pub available: i32,
    /// Until the next ready pod becomes available.
    pub next: Option<Duration>,
}

/// Counts readiness.
pub fn readiness<'a>(
    pods: impl IntoIterator<Item = &'a Pod>,
    min_ready_seconds: Option<i32>,
    now: Timestamp,
) -> Readiness {
    let minimum = SignedDuration::from_secs(i64::from(min_ready_seconds.unwrap_or(0)));
    let mut result = Readiness::default();
    for since in pods.into_iter().filter_map(ready_since) {
        result.ready += 1;
        let left = minimum - now.duration_since(since);
        if left <= SignedDuration::ZERO || minimum.is_zero() {
            result.available += 1;
        } else {
            let left = left.unsigned_abs();
            result.next = Some(result.next.map_or(left, |next: Duration| next.min(left)));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let mut all = Vec::new();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let condition = |status, reason| Condition {
            kind: "Ready",
            status,
            reason,
            message: "",
        };
        set_condition(&mut all, &condition(false, "A"), true, at(0));
        set_condition(&mut all, &condition(false, "B"), true, at(10));
        assert_eq!(all[0]["lastTransitionTime"], "1970-01-01T00:00:00Z");
        assert_eq!(all[0]["lastUpdateTime"], "1970-01-01T00:00:10Z");
        set_condition(&mut all, &condition(true, "B"), true, at(20));
        assert_eq!(all[0]["lastTransitionTime"], "1970-01-01T00:00:20Z");
        let before = all.clone();
        set_condition(&mut all, &condition(true, "B"), true, at(30));
        assert_eq!(all, before);
    }

    #[test]
    fn percentages_round_as_asked() {
        let quarter = IntOrString::String("25%".to_owned());
        assert_eq!(scaled(&quarter, 3, true), 1);
        assert_eq!(scaled(&quarter, 3, false), 0);
        assert_eq!(scaled(&quarter, 8, true), 2);
        assert_eq!(scaled(&IntOrString::Int(4), 3, false), 4);
    }

    #[test]
    fn availability_takes_its_time() {
        let pod: Pod = serde_json::from_value(json!({"status": {"conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:00:00Z"},
        ]}}))
        .unwrap();
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let counted = readiness([&pod], Some(10), at(4));
        assert_eq!((counted.ready, counted.available), (1, 0));
        assert_eq!(counted.next, Some(Duration::from_secs(6)));
        assert_eq!(readiness([&pod], Some(10), at(10)).available, 1);
        assert_eq!(readiness([&pod], None, at(0)).available, 1);
    }
}
