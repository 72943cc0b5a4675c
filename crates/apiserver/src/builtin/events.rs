//! Events: one storage behind two APIs, `v1` and `events.k8s.io/v1`, that name
//! seven of the fields differently. They are stored as core/v1 has them.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Operation, Write, names, text};
use crate::api::GroupResource;
use crate::schema::cause;
use crate::status::Cause;

/// In core/v1, and in events.k8s.io/v1.
const RENAMED: [(&str, &str); 7] = [
    ("message", "note"),
    ("involvedObject", "regarding"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];
/// Texts that core/v1 shows even when they are empty.
const SHOWN: [&str; 2] = ["reportingComponent", "reportingInstance"];
/// The longest name of an action, a reason and an instance.
const LONGEST: usize = 128;
const LONGEST_NOTE: usize = 1024;

/// Where events are stored, if these are events.
pub(crate) fn storage(gr: &GroupResource) -> Option<&'static GroupResource> {
    static CORE: LazyLock<GroupResource> = LazyLock::new(|| GroupResource::new("", "events"));
    (gr.resource == "events" && gr.group == "events.k8s.io").then(|| &*CORE)
}

/// An event as events.k8s.io/v1 shows it.
pub(crate) fn to_new(event: &mut Value) {
    let Some(map) = event.as_object_mut() else {
        return;
    };
    for (core, new) in RENAMED {
        if let Some(value) = map.remove(core) {
            map.insert(new.to_owned(), value);
        }
    }
    for field in ["reportingController", "reportingInstance"] {
        if map.get(field).is_some_and(|value| value == "") {
            map.remove(field);
        }
    }
    map.insert("apiVersion".to_owned(), json!("events.k8s.io/v1"));
}

/// An event of events.k8s.io/v1 as it is stored.
pub(crate) fn to_core(event: &mut Value) {
    let Some(map) = event.as_object_mut() else {
        return;
    };
    for (core, new) in RENAMED {
        if let Some(value) = map.remove(new) {
            map.insert(core.to_owned(), value);
        }
    }
    map.insert("apiVersion".to_owned(), json!("v1"));
    show(event);
}

/// What core/v1 shows of every event.
fn show(event: &mut Value) {
    for field in SHOWN {
        if event[field].is_null() {
            event[field] = json!("");
        }
    }
    // Times that Go does not leave out.
    if let Some(map) = event.as_object_mut() {
        for field in ["firstTimestamp", "lastTimestamp", "eventTime"] {
            map.entry(field).or_insert(Value::Null);
        }
    }
}

/// Fills in what every event has.
pub(super) fn prepare(write: &mut Write<'_>) {
    if write.operation != Operation::Delete && write.resource.gr.group.is_empty() {
        show(write.new);
    }
}

/// The rules of events; those of the old API are looser.
pub(super) fn validate(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let new_api = !write.resource.gr.group.is_empty();
    let mut event = write.new.clone();
    if new_api {
        to_core(&mut event);
    }
    if write.operation == Operation::Update {
        return;
    }
    let namespace = text(&event, "/metadata/namespace");
    let of = text(&event, "/involvedObject/namespace");
    let timed = !event["eventTime"].is_null();
    let homeless = if timed {
        ["default", "kube-system"].as_slice()
    } else {
        ["default"].as_slice()
    };
    let fits = match of {
        "" => namespace.is_empty() || homeless.contains(&namespace),
        of => timed || of == namespace,
    };
    if !fits {
        causes.push(cause::invalid(
            "involvedObject.namespace",
            &json!(of),
            "does not match event.namespace",
        ));
    }
    if timed {
        attributed(&event, new_api, causes);
    }
    if new_api {
        of_new_api(&event, timed, causes);
    }
}

/// An event with a time says who reports it, and why.
fn attributed(event: &Value, new_api: bool, causes: &mut Vec<Cause>) {
    let controller = if new_api {
        "reportingController"
    } else {
        "reportingComponent"
    };
    let reporter = text(event, "/reportingComponent");
    if reporter.is_empty() {
        causes.push(cause::required(controller, ""));
    }
    for complaint in names::qualified(reporter) {
        if !reporter.is_empty() {
            causes.push(cause::invalid(controller, &json!(reporter), &complaint));
        }
    }
    for field in ["reportingInstance", "action", "reason"] {
        let value = event[field].as_str().unwrap_or_default();
        if value.is_empty() {
            causes.push(cause::required(field, ""));
        } else if value.len() > LONGEST {
            let why = format!("can have at most {LONGEST} characters");
            causes.push(cause::invalid(field, &json!(""), &why));
        }
    }
    if text(event, "/message").len() > LONGEST_NOTE {
        let why = format!("can have at most {LONGEST_NOTE} characters");
        causes.push(cause::invalid("message", &json!(""), &why));
    }
}

/// What only the new API demands.
fn of_new_api(event: &Value, timed: bool, causes: &mut Vec<Cause>) {
    if !timed {
        causes.push(cause::required("eventTime", ""));
    }
    let kind = text(event, "/type");
    if !matches!(kind, "Normal" | "Warning") {
        let why = format!("has invalid value: {kind}");
        causes.push(cause::invalid("type", &json!(""), &why));
    }
    let unset = [
        ("firstTimestamp", !event["firstTimestamp"].is_null()),
        ("lastTimestamp", !event["lastTimestamp"].is_null()),
        ("count", event["count"].as_i64().unwrap_or_default() != 0),
        (
            "source",
            ["component", "host"].iter().any(|part| {
                event["source"][part]
                    .as_str()
                    .is_some_and(|s| !s.is_empty())
            }),
        ),
    ];
    for (field, _) in unset.iter().filter(|(_, set)| *set) {
        causes.push(cause::invalid(field, &json!(""), "needs to be unset"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_same_in_both_apis() {
        let core = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"},
            "involvedObject": {"name": "p"}, "message": "m", "source": {"component": "c"},
            "count": 2, "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": null, "eventTime": null,
            "reportingComponent": "", "reportingInstance": "",
        });
        let mut event = core.clone();
        to_new(&mut event);
        let new = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "a"},
            "regarding": {"name": "p"}, "note": "m", "deprecatedSource": {"component": "c"},
            "deprecatedCount": 2, "deprecatedFirstTimestamp": "2026-01-01T00:00:00Z",
            "deprecatedLastTimestamp": null, "eventTime": null,
        });
        assert_eq!(event, new);
        to_core(&mut event);
        assert_eq!(event, core);
    }
}
