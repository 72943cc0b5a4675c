//! Replica sets of works, in plain words.

use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;

use crate::cmd::resources;
use crate::k8s::client::Connection;
use crate::ocm::names;

/// Whether the works of a set are everywhere and available, else what is
/// missing.
///
/// # Errors
/// What is missing.
pub fn readiness(set: &DynamicObject) -> Result<(), String> {
    let find = |kind: &str| resources::find_condition(&set.data, kind);
    let (Some(verified), Some(applied)) = (find("PlacementVerified"), find("ManifestworkApplied"))
    else {
        return Err("the hub has not looked at it yet".to_owned());
    };
    if verified["status"] != "True" {
        let reason = verified["reason"].as_str().unwrap_or_default();
        let message = verified["message"].as_str().unwrap_or_default();
        return Err(match (reason, message) {
            ("PlacementDecisionEmpty", _) => "the placement has chosen no clusters".to_owned(),
            (reason, "") => reason.to_owned(),
            (_, message) => message.to_owned(),
        });
    }
    let summary = &set.data["status"]["summary"];
    let number = |key: &str| summary[key].as_i64().unwrap_or_default();
    if applied["status"] == "True" && number("total") > 0 {
        return Ok(());
    }
    let mut text = format!("{} of {} available", number("available"), number("total"));
    if number("degraded") > 0 {
        text.push_str(&format!(", {} degraded", number("degraded")));
    }
    if let Some(message) = applied["message"].as_str().filter(|m| !m.is_empty()) {
        text.push_str(&format!("; {message}"));
    }
    Err(text)
}

/// A line about a set: whose placements it follows and how far it is.
#[must_use]
pub fn line(set: &DynamicObject) -> String {
    let placements: Vec<&str> = set.data["spec"]["placementRefs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reference| reference["name"].as_str())
        .collect();
    let summary = &set.data["status"]["summary"];
    let number = |key: &str| summary[key].as_i64().unwrap_or_default();
    let state = match readiness(set) {
        Ok(()) => format!("{} of {} available", number("available"), number("total")),
        Err(missing) => missing,
    };
    let rolling = resources::find_condition(&set.data, "PlacementRolledOut")
        .is_some_and(|condition| condition["status"] == "False");
    format!(
        "Replica set {}/{} of placement {}: {state}{}",
        set.namespace().unwrap_or_default(),
        set.name_any(),
        placements.join(", "),
        if rolling { ", rolling out" } else { "" }
    )
}

/// The replica sets, all or those of one name. None where they cannot be listed:
/// they are told beside works, which matter more.
pub async fn sets(hub: &Connection, name: Option<&str>) -> Vec<DynamicObject> {
    let api = resources::all(&hub.client, &resources::replica_set());
    let mut params = ListParams::default();
    if let Some(name) = name {
        params = params.fields(&format!("metadata.name={name}"));
    }
    match hub.list_all(&api, &params).await {
        Ok(sets) => sets,
        Err(error) => {
            tracing::debug!(%error, "replica sets cannot be listed");
            Vec::new()
        }
    }
}

/// The label selector of the works of a set.
#[must_use]
pub fn selector(set: &DynamicObject) -> String {
    format!(
        "{}={}.{}",
        names::LABEL_MANIFEST_WORK_REPLICA_SET,
        set.namespace().unwrap_or_default(),
        set.name_any()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(status: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "metadata": {"name": "s", "namespace": "n"},
            "spec": {"placementRefs": [{"name": "p"}, {"name": "q"}]},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_set_says_in_plain_words_what_it_waits_for() {
        let missing = |status: Value| readiness(&set(&status)).unwrap_err();
        let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "reason": reason, "message": message});
        let fine = condition("PlacementVerified", "True", "AsExpected", "");
        assert_eq!(missing(json!({})), "the hub has not looked at it yet");
        let empty = condition("PlacementVerified", "False", "PlacementDecisionEmpty", "");
        let applied = |status: &str, message: &str| {
            condition("ManifestworkApplied", status, "NotAsExpected", message)
        };
        assert_eq!(
            missing(json!({"conditions": [empty, applied("False", "")]})),
            "the placement has chosen no clusters"
        );
        let summary = json!({"total": 3, "available": 1, "degraded": 1});
        let rolling = condition("PlacementRolledOut", "False", "Progressing", "");
        let status = json!({"conditions": [fine, applied("False", "cannot create"), rolling], "summary": summary});
        assert_eq!(
            line(&set(&status)),
            "Replica set n/s of placement p, q: 1 of 3 available, 1 degraded; cannot create, rolling out"
        );
        let done = set(
            &json!({"conditions": [fine, applied("True", "")], "summary": {"total": 1, "available": 1}}),
        );
        assert_eq!(readiness(&done), Ok(()));
        assert_eq!(
            line(&done),
            "Replica set n/s of placement p, q: 1 of 1 available"
        );
        assert!(selector(&done).ends_with("/manifestworkreplicaset=n.s"));
    }
}
