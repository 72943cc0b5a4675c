//! Pods, and the templates of those that make them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::metadata;
use super::names;
use super::{Operation, Write, text};
use crate::api::GroupResource;
use crate::registry::View;
use crate::schema::cause;
use crate::status::{Cause, Status};
use crate::types::quantity::milli;

pub(super) const RESTART_POLICIES: [&str; 3] = ["Always", "OnFailure", "Never"];

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

pub(super) fn pod_template(
    field: &str,
    template: &Value,
    policies: &[&str],
    causes: &mut Vec<Cause>,
) {
    metadata::labels(
        &format!("{field}.labels"),
        &template["metadata"]["labels"],
        causes,
    );
    let spec = format!("{field}.spec");
    pod_spec(&spec, &template["spec"], causes);
    let policy = &template["spec"]["restartPolicy"];
    let given = policy.as_str().unwrap_or("Always");
    if !policies.contains(&given) && RESTART_POLICIES.contains(&given) {
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
    volumes(&format!("{field}.volumes"), &spec["volumes"], causes);
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
            ports(&at("ports"), &container["ports"], causes);
            resources(&at("resources"), &container["resources"], causes);
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
    let policy = &spec["restartPolicy"];
    if policy
        .as_str()
        .is_some_and(|given| !RESTART_POLICIES.contains(&given))
    {
        causes.push(cause::not_supported(
            &format!("{field}.restartPolicy"),
            policy,
            &RESTART_POLICIES,
        ));
    }
}

/// Numbers and protocols of ports.
fn ports(field: &str, ports: &Value, causes: &mut Vec<Cause>) {
    for (index, port) in ports.as_array().into_iter().flatten().enumerate() {
        let at = format!("{field}[{index}].containerPort");
        match port["containerPort"].as_i64() {
            None | Some(0) => causes.push(cause::required(&at, "")),
            Some(1..=65535) => {}
            Some(_) => causes.push(cause::invalid(
                &at,
                &port["containerPort"],
                "must be between 1 and 65535, inclusive",
            )),
        }
        let protocol = &port["protocol"];
        let known = ["SCTP", "TCP", "UDP"];
        if protocol.as_str().is_some_and(|name| !known.contains(&name)) {
            let at = format!("{field}[{index}].protocol");
            causes.push(cause::not_supported(&at, protocol, &known));
        }
    }
}

/// No more is requested than the limit.
fn resources(field: &str, resources: &Value, causes: &mut Vec<Cause>) {
    let quantity = |value: &Value| value.as_str().and_then(milli);
    for (name, wanted) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name];
        if let (Some(wants), Some(may)) = (quantity(wanted), quantity(limit))
            && wants > may
        {
            causes.push(cause::invalid(
                &format!("{field}.requests"),
                wanted,
                &format!(
                    "must be less than or equal to {name} limit of {}",
                    limit.as_str().unwrap_or_default()
                ),
            ));
        }
    }
}

/// The kinds of volumes in the order Kubernetes looks at them; others come last.
const VOLUME_KINDS: [&str; 16] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "secret",
    "nfs",
    "iscsi",
    "persistentVolumeClaim",
    "downwardAPI",
    "fc",
    "azureFile",
    "configMap",
    "azureDisk",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

/// A volume is of one kind.
fn volumes(field: &str, volumes: &Value, causes: &mut Vec<Cause>) {
    for (index, volume) in volumes.as_array().into_iter().flatten().enumerate() {
        let kinds = volume.as_object().into_iter().flatten();
        let mut kinds: Vec<&str> = kinds
            .filter(|(key, value)| *key != "name" && !value.is_null())
            .map(|(key, _)| key.as_str())
            .collect();
        kinds.sort_by_key(|kind| {
            let place = VOLUME_KINDS.iter().position(|known| known == kind);
            place.unwrap_or(VOLUME_KINDS.len())
        });
        for kind in kinds.iter().skip(1) {
            causes.push(cause::forbidden(
                &format!("{field}[{index}].{kind}"),
                "may not specify more than 1 volume type",
            ));
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
