//! Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs, and the
//! pods they make.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::metadata;
use super::names;
use super::{Operation, Write, text};
use crate::api::GroupResource;
use crate::registry::View;
use crate::schema::cause;
use crate::status::{Cause, Status};

/// A pod starts pending, under a service account that exists.
pub(super) fn prepare_pod(view: &dyn View, write: &mut Write<'_>) -> Result<(), Status> {
    if write.operation != Operation::Create || !write.subresource.is_empty() {
        return Ok(());
    }
    let quality = quality(&write.new["spec"]);
    write.new["status"] = json!({"phase": "Pending", "qosClass": quality});
    let spec = &mut write.new["spec"];
    if text(spec, "/serviceAccountName").is_empty() {
        let older = text(spec, "/serviceAccount");
        let name = if older.is_empty() { "default" } else { older };
        spec["serviceAccountName"] = json!(name);
    }
    spec["serviceAccount"] = spec["serviceAccountName"].clone();
    if spec["priority"].is_null() && text(spec, "/priorityClassName").is_empty() {
        spec["priority"] = json!(0);
        spec["preemptionPolicy"] = json!("PreemptLowerPriority");
    }
    tolerate(spec);
    let account = text(spec, "/serviceAccountName").to_owned();
    let metadata = &write.new["metadata"];
    let namespace = text(metadata, "/namespace");
    let accounts = GroupResource::new("", "serviceaccounts");
    if view.read(&accounts, namespace, &account).is_none() {
        return Err(Status::forbidden(
            &write.resource.gr,
            text(metadata, "/name"),
            &format!(
                "error looking up service account {namespace}/{account}: serviceaccount {account:?} not found"
            ),
        ));
    }
    Ok(())
}

/// How long a pod stays on a node that is gone, unless it says so itself.
fn tolerate(spec: &mut Value) {
    for taint in ["not-ready", "unreachable"] {
        let key = format!("node.kubernetes.io/{taint}");
        let tolerations = spec["tolerations"].as_array();
        let told = tolerations.into_iter().flatten().any(|toleration| {
            let (for_key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
            (for_key == key || for_key.is_empty()) && matches!(effect, "" | "NoExecute")
        });
        if told {
            continue;
        }
        let toleration = json!({
            "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
        });
        match &mut spec["tolerations"] {
            Value::Array(list) => list.push(toleration),
            absent => *absent = json!([toleration]),
        }
    }
}

fn quality(spec: &Value) -> &'static str {
    let lists = ["containers", "initContainers"];
    let resources: Vec<&Value> = lists
        .iter()
        .filter_map(|list| spec[*list].as_array())
        .flatten()
        .map(|container| &container["resources"])
        .collect();
    let set = |resources: &Value, kind: &str| {
        resources[kind]
            .as_object()
            .is_some_and(|map| !map.is_empty())
    };
    if resources
        .iter()
        .all(|r| !set(r, "limits") && !set(r, "requests"))
    {
        return "BestEffort";
    }
    let guaranteed = resources.iter().all(|r| {
        ["cpu", "memory"].iter().all(|what| {
            let limit = &r["limits"][what];
            !limit.is_null() && (r["requests"][what].is_null() || r["requests"][what] == *limit)
        })
    });
    if guaranteed {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// A job counts its pods by a label that is its own.
pub(super) fn prepare_job(write: &mut Write<'_>) {
    if write.operation != Operation::Create || write.new["spec"]["manualSelector"] == true {
        return;
    }
    let uid = write.new["metadata"]["uid"].clone();
    let name = write.new["metadata"]["name"].clone();
    let labels = &mut write.new["spec"]["template"]["metadata"]["labels"];
    if !labels.is_object() {
        *labels = json!({});
    }
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("job-name", &name),
    ] {
        labels[key] = value.clone();
    }
    write.new["spec"]["selector"] =
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
}

/// The rules of `apps/v1` and `batch/v1`.
pub(super) fn validate(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let new = &*write.new;
    let resource = write.resource.gr.resource.as_str();
    if resource == "cronjobs" {
        let schedule = &new["spec"]["schedule"];
        if schedule.as_str().is_none_or(str::is_empty) {
            causes.push(cause::required("spec.schedule", ""));
        }
        let template = &new["spec"]["jobTemplate"]["spec"]["template"];
        let field = "spec.jobTemplate.spec.template";
        pod_template(field, template, &["OnFailure", "Never"], causes);
        return;
    }
    for field in [
        "replicas",
        "minReadySeconds",
        "revisionHistoryLimit",
        "parallelism",
        "completions",
    ] {
        let value = &new["spec"][field];
        if value.as_i64().is_some_and(|number| number < 0) {
            causes.push(cause::invalid(
                &format!("spec.{field}"),
                value,
                "must be greater than or equal to 0",
            ));
        }
    }
    let selector = &new["spec"]["selector"];
    let template = &new["spec"]["template"];
    if resource == "replicationcontrollers" {
        pod_template("spec.template", template, &["Always"], causes);
        return;
    }
    if selector.is_null() {
        causes.push(cause::required("spec.selector", ""));
    } else if is_empty(selector) {
        causes.push(cause::invalid(
            "spec.selector",
            selector,
            &format!("empty selector is invalid for {}", singular(resource)),
        ));
    }
    if selector.is_null() || !matches(selector, &template["metadata"]["labels"]) {
        causes.push(cause::invalid(
            "spec.template.metadata.labels",
            &template["metadata"]["labels"],
            "`selector` does not match template `labels`",
        ));
    }
    let policies: &[&str] = if resource == "jobs" {
        &["OnFailure", "Never"]
    } else {
        &["Always"]
    };
    pod_template("spec.template", template, policies, causes);
    let Some(old) = write.old else { return };
    if old["spec"]["selector"] != *selector {
        causes.push(cause::invalid(
            "spec.selector",
            selector,
            "field is immutable",
        ));
    }
    if resource == "jobs" && old["spec"]["template"] != *template && old["spec"]["suspend"] != true
    {
        causes.push(cause::invalid(
            "spec.template",
            template,
            "field is immutable",
        ));
    }
    if resource == "statefulsets" {
        let writable = [
            "minReadySeconds",
            "ordinals",
            "persistentVolumeClaimRetentionPolicy",
            "replicas",
            "revisionHistoryLimit",
            "selector",
            "template",
            "updateStrategy",
        ];
        let rest = |object: &Value| {
            let mut spec = object["spec"].clone();
            if let Some(map) = spec.as_object_mut() {
                map.retain(|key, _| !writable.contains(&key.as_str()));
            }
            spec
        };
        if rest(old) != rest(new) {
            causes.push(cause::forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
            ));
        }
    }
}

fn singular(resource: &str) -> &str {
    match resource {
        "deployments" => "deployment",
        "daemonsets" => "daemonset",
        "statefulsets" => "statefulset",
        "replicasets" => "replica set",
        other => other,
    }
}

fn is_empty(selector: &Value) -> bool {
    ["matchLabels", "matchExpressions"].iter().all(|field| {
        let part = &selector[*field];
        part.as_object().is_none_or(serde_json::Map::is_empty)
            && part.as_array().is_none_or(Vec::is_empty)
    })
}

/// Whether a label selector matches labels.
pub(crate) fn matches(selector: &Value, labels: &Value) -> bool {
    let exact = selector["matchLabels"]
        .as_object()
        .is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value));
    let expressions = selector["matchExpressions"].as_array();
    exact
        && expressions.into_iter().flatten().all(|expression| {
            let found = &labels[text(expression, "/key")];
            let listed = expression["values"]
                .as_array()
                .is_some_and(|values| values.contains(found));
            match text(expression, "/operator") {
                "In" => !found.is_null() && listed,
                "NotIn" => found.is_null() || !listed,
                "Exists" => !found.is_null(),
                "DoesNotExist" => found.is_null(),
                _ => false,
            }
        })
}

fn pod_template(field: &str, template: &Value, policies: &[&str], causes: &mut Vec<Cause>) {
    metadata::labels(
        &format!("{field}.labels"),
        &template["metadata"]["labels"],
        causes,
    );
    let spec = format!("{field}.spec");
    pod_spec(&spec, &template["spec"], causes);
    let policy = &template["spec"]["restartPolicy"];
    let given = policy.as_str().unwrap_or("Always");
    if !policies.contains(&given) {
        if given == "Always" {
            causes.push(cause::required(
                &format!("{spec}.restartPolicy"),
                "valid values: \"OnFailure\", \"Never\"",
            ));
        } else {
            let at = format!("{spec}.restartPolicy");
            causes.push(cause::not_supported(&at, policy, policies));
        }
    }
}

fn pod_spec(field: &str, spec: &Value, causes: &mut Vec<Cause>) {
    let containers = spec["containers"].as_array();
    if containers.is_none_or(Vec::is_empty) {
        causes.push(cause::required(&format!("{field}.containers"), ""));
    }
    let mut seen = BTreeSet::new();
    for list in ["initContainers", "containers"] {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let at = |name: &str| format!("{field}.{list}[{index}].{name}");
            let name = text(container, "/name");
            if name.is_empty() {
                causes.push(cause::required(&at("name"), ""));
            } else {
                for complaint in names::LABEL.complaints(name) {
                    causes.push(cause::invalid(&at("name"), &json!(name), &complaint));
                }
                if !seen.insert(name) {
                    causes.push(cause::duplicate(&at("name"), &json!(name)));
                }
            }
            if text(container, "/image").is_empty() {
                causes.push(cause::required(&at("image"), ""));
            }
            let volumes = spec["volumes"].as_array();
            for (mount_index, mount) in container["volumeMounts"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                let known = volumes
                    .into_iter()
                    .flatten()
                    .any(|volume| volume["name"] == mount["name"]);
                if !known {
                    causes.push(cause::not_found(
                        &at(&format!("volumeMounts[{mount_index}].name")),
                        &mount["name"],
                    ));
                }
            }
        }
    }
}

/// A pod is what it was made; its images may change.
pub(super) fn validate_pod(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let new = &*write.new;
    let Some(old) = write.old else {
        pod_spec("spec", &new["spec"], causes);
        return;
    };
    if !write.subresource.is_empty() {
        return;
    }
    let rest = |object: &Value| {
        let mut spec = object["spec"].clone();
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
            if spec[list].is_null() {
                super::status_part::remove(&mut spec, list);
            }
        }
        for field in [
            "activeDeadlineSeconds",
            "tolerations",
            "terminationGracePeriodSeconds",
            "schedulingGates",
            "nodeSelector",
            "affinity",
        ] {
            super::status_part::remove(&mut spec, field);
        }
        spec
    };
    if rest(old) != rest(new) {
        causes.push(cause::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ));
    }
}
