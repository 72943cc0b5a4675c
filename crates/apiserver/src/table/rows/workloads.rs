//! Rows of what runs pods: deployments, jobs, autoscalers, …

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::human::{age, duration, labels, selector};
use super::{containers, default, int, list, or, scalar, text};
use crate::types::ResourceType;

pub(super) fn workload(resource: &ResourceType, object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let name = object["metadata"]["name"].clone();
    let created = json!(age(&object["metadata"]["creationTimestamp"], now));
    let count = |key: &str| json!(int(&status[key]));
    let ready = || {
        json!(format!(
            "{}/{}",
            int(&status["readyReplicas"]),
            int(&spec["replicas"])
        ))
    };
    let [names, images] = containers(&spec["template"]);
    let chosen = json!(selector(&spec["selector"]));
    match resource.gr.resource.as_str() {
        "deployments" => vec![
            name,
            ready(),
            count("updatedReplicas"),
            count("availableReplicas"),
            created,
            names,
            images,
            chosen,
        ],
        "replicasets" | "replicationcontrollers" => {
            let chosen = if resource.gr.group.is_empty() {
                json!(labels(&spec["selector"]))
            } else {
                chosen
            };
            let desired = json!(int(&spec["replicas"]));
            let (current, ready) = (count("replicas"), count("readyReplicas"));
            vec![
                name, desired, current, ready, created, names, images, chosen,
            ]
        }
        "statefulsets" => vec![name, ready(), created, names, images],
        "daemonsets" => vec![
            name,
            count("desiredNumberScheduled"),
            count("currentNumberScheduled"),
            count("numberReady"),
            count("updatedNumberScheduled"),
            count("numberAvailable"),
            json!(labels(&spec["template"]["spec"]["nodeSelector"])),
            created,
            names,
            images,
            chosen,
        ],
        "jobs" => job(object, now, [name, created, names, images, chosen]),
        "cronjobs" => {
            let job = &spec["jobTemplate"]["spec"];
            let [names, images] = containers(&job["template"]);
            let last = &status["lastScheduleTime"];
            let last = if last.is_null() {
                "<none>".to_owned()
            } else {
                age(last, now)
            };
            vec![
                name,
                or(&spec["schedule"], ""),
                or(&spec["timeZone"], "<none>"),
                json!(if spec["suspend"] == true {
                    "True"
                } else {
                    "False"
                }),
                json!(list(&status["active"]).len()),
                json!(last),
                created,
                names,
                images,
                json!(selector(&job["selector"])),
            ]
        }
        "controllerrevisions" => {
            let owner = list(&object["metadata"]["ownerReferences"])
                .iter()
                .find(|owner| owner["controller"] == true);
            let owner = owner.map_or_else(
                || "<none>".to_owned(),
                |owner| {
                    let group = text(&owner["apiVersion"])
                        .split_once('/')
                        .map(|(group, _)| group);
                    let kind = text(&owner["kind"]).to_lowercase();
                    let kind = group.map_or(kind.clone(), |group| format!("{kind}.{group}"));
                    format!("{kind}/{}", text(&owner["name"]))
                },
            );
            vec![name, json!(owner), json!(int(&object["revision"])), created]
        }
        "horizontalpodautoscalers" => vec![
            name,
            json!(format!(
                "{}/{}",
                text(&spec["scaleTargetRef"]["kind"]),
                text(&spec["scaleTargetRef"]["name"])
            )),
            json!(metrics(object)),
            spec["minReplicas"]
                .as_i64()
                .map_or(json!("<unset>"), |n| json!(n.to_string())),
            json!(int(&spec["maxReplicas"])),
            count("currentReplicas"),
            created,
        ],
        "poddisruptionbudgets" => {
            let bound = |value: &Value| {
                if value.is_null() {
                    json!("N/A")
                } else {
                    json!(scalar(value))
                }
            };
            vec![
                name,
                bound(&spec["minAvailable"]),
                bound(&spec["maxUnavailable"]),
                count("disruptionsAllowed"),
                created,
            ]
        }
        _ => default(object),
    }
}

fn job(object: &Value, now: Timestamp, common: [Value; 5]) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let [name, created, names, images, chosen] = common;
    let done = int(&status["succeeded"]);
    let completions = match (spec["completions"].as_i64(), int(&spec["parallelism"])) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
        _ => format!("{done}/1"),
    };
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    let took = time(&status["startTime"]).map_or_else(String::new, |start| {
        let end = time(&status["completionTime"]).unwrap_or(now);
        duration(end.as_second() - start.as_second())
    });
    let has = |type_: &str| {
        list(&status["conditions"])
            .iter()
            .any(|one| one["type"] == type_ && one["status"] == "True")
    };
    let deleted = !object["metadata"]["deletionTimestamp"].is_null();
    let state = match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if deleted => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    };
    vec![
        name,
        json!(state),
        json!(completions),
        json!(took),
        created,
        names,
        images,
        chosen,
    ]
}

fn metrics(autoscaler: &Value) -> String {
    let (spec, status) = (&autoscaler["spec"], &autoscaler["status"]);
    if let Some(target) = spec["targetCPUUtilizationPercentage"].as_i64() {
        let current = status["currentCPUUtilizationPercentage"]
            .as_i64()
            .map_or_else(|| "<unknown>".to_owned(), |n| format!("{n}%"));
        return format!("cpu: {current}/{target}%");
    }
    let wanted = list(&spec["metrics"]);
    if wanted.is_empty() {
        return "<none>".to_owned();
    }
    let line = |(index, metric): (usize, &Value)| {
        let (key, named) = match text(&metric["type"]) {
            "Resource" => ("resource", true),
            "ContainerResource" => ("containerResource", true),
            "Pods" => ("pods", false),
            "Object" => ("object", false),
            "External" => ("external", false),
            _ => return "<unknown type>".to_owned(),
        };
        let target = &metric[key]["target"];
        let current = &status["currentMetrics"][index][key]["current"];
        let show = |value: &Value, unit: &str| {
            if value.is_null() {
                "<unknown>".to_owned()
            } else {
                format!("{}{unit}", scalar(value))
            }
        };
        let (field, unit) = match () {
            () if !target["averageValue"].is_null() => ("averageValue", ""),
            () if named => ("averageUtilization", "%"),
            () => ("value", ""),
        };
        let average = field == "averageValue" && matches!(key, "object" | "external");
        let prefix = if named {
            format!("{}: ", text(&metric[key]["name"]))
        } else {
            String::new()
        };
        let goal = if named && field == "averageUtilization" && target[field].is_null() {
            "<auto>".to_owned()
        } else {
            show(&target[field], unit)
        };
        let suffix = if average { " (avg)" } else { "" };
        format!("{prefix}{}/{goal}{suffix}", show(&current[field], unit))
    };
    let lines: Vec<String> = wanted.iter().enumerate().map(line).collect();
    let shown = lines.iter().take(2).cloned().collect::<Vec<_>>().join(", ");
    if lines.len() > 2 {
        format!("{shown} + {} more...", lines.len() - 2)
    } else {
        shown
    }
}
