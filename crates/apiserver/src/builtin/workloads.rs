//! Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and CronJobs.

use serde_json::{Value, json};

use super::metadata;
use super::names;
use super::pods::pod_template;
use super::{Operation, Write, text};
use crate::schema::cause;
use crate::status::Cause;

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
        match schedule.as_str().unwrap_or_default() {
            "" => causes.push(cause::required("spec.schedule", "")),
            text => {
                if let Some(why) = wrong_schedule(text) {
                    causes.push(cause::invalid("spec.schedule", schedule, &why));
                }
            }
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
        if resource != "daemonsets" {
            causes.push(cause::required("spec.selector", ""));
        }
    } else {
        label_selector("spec.selector", selector, causes);
        if is_empty(selector) {
            causes.push(cause::invalid(
                "spec.selector",
                selector,
                &format!("empty selector is invalid for {}", singular(resource)),
            ));
        }
    }
    let readable = is_readable(selector);
    if !readable {
        let why = if resource == "statefulsets" {
            ""
        } else {
            "invalid label selector"
        };
        causes.push(cause::invalid("spec.selector", selector, why));
    } else if selector.is_null()
        || !is_empty(selector) && !matches(selector, &template["metadata"]["labels"])
    {
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
    if readable {
        pod_template("spec.template", template, policies, causes);
    }
    if resource == "deployments" {
        strategy(&new["spec"]["strategy"], causes);
    }
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

/// What is wrong with a schedule of cron; its fields are left to the one who
/// runs it.
fn wrong_schedule(schedule: &str) -> Option<String> {
    const KNOWN: [&str; 7] = [
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    if schedule.contains("TZ=") {
        return Some("cannot use TZ or CRON_TZ in schedule, use timeZone field instead".to_owned());
    }
    if schedule.starts_with('@') {
        let known = KNOWN.contains(&schedule) || schedule.starts_with("@every ");
        return (!known).then(|| format!("unrecognized descriptor: {schedule}"));
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    (fields.len() != 5).then(|| {
        format!(
            "expected exactly 5 fields, found {}: [{}]",
            fields.len(),
            fields.join(" ")
        )
    })
}

/// How a Deployment replaces its pods.
fn strategy(strategy: &Value, causes: &mut Vec<Cause>) {
    const FIELD: &str = "spec.strategy";
    let rolling = &strategy["rollingUpdate"];
    match text(strategy, "/type") {
        "Recreate" if rolling.is_object() => causes.push(cause::forbidden(
            &format!("{FIELD}.rollingUpdate"),
            "may not be specified when strategy `type` is 'Recreate'",
        )),
        "" | "Recreate" => {}
        "RollingUpdate" => {
            let none = |value: &Value| {
                value.as_i64() == Some(0) || matches!(value.as_str(), Some("0%" | "0"))
            };
            if none(&rolling["maxSurge"]) && none(&rolling["maxUnavailable"]) {
                causes.push(cause::invalid(
                    &format!("{FIELD}.rollingUpdate.maxUnavailable"),
                    &rolling["maxUnavailable"],
                    "may not be 0 when `maxSurge` is 0",
                ));
            }
        }
        other => {
            // Shown by the fields of Kubernetes' own type.
            let shown = format!(
                "{{\"Type\":{},\"RollingUpdate\":{}}}",
                json!(other),
                if rolling.is_object() { "{}" } else { "null" }
            );
            let mut wrong =
                cause::not_supported(FIELD, &Value::Null, &["Recreate", "RollingUpdate"]);
            wrong.message = wrong.message.replacen("null", &shown, 1);
            causes.push(wrong);
        }
    }
}

/// Keys, operators and values of a label selector.
pub(super) fn label_selector(field: &str, selector: &Value, causes: &mut Vec<Cause>) {
    metadata::labels(
        &format!("{field}.matchLabels"),
        &selector["matchLabels"],
        causes,
    );
    let expressions = selector["matchExpressions"].as_array();
    for (index, expression) in expressions.into_iter().flatten().enumerate() {
        let at = |name: &str| format!("{field}.matchExpressions[{index}].{name}");
        let values = expression["values"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        match text(expression, "/operator") {
            "In" | "NotIn" if values.is_empty() => causes.push(cause::required(
                &at("values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            )),
            "Exists" | "DoesNotExist" if !values.is_empty() => causes.push(cause::forbidden(
                &at("values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => causes.push(cause::invalid(
                &at("operator"),
                &expression["operator"],
                "not a valid selector operator",
            )),
        }
        for complaint in names::qualified(text(expression, "/key")) {
            causes.push(cause::invalid(&at("key"), &expression["key"], &complaint));
        }
        for (index, value) in values.iter().enumerate() {
            for complaint in names::LABEL_VALUE.complaints(value.as_str().unwrap_or_default()) {
                causes.push(cause::invalid(
                    &at(&format!("values[{index}]")),
                    value,
                    &complaint,
                ));
            }
        }
    }
}

/// Whether a selector can be matched at all: with known operators that have
/// their values.
fn is_readable(selector: &Value) -> bool {
    let expressions = selector["matchExpressions"].as_array();
    expressions.into_iter().flatten().all(|expression| {
        let some = expression["values"]
            .as_array()
            .is_some_and(|values| !values.is_empty());
        match text(expression, "/operator") {
            "In" | "NotIn" => some,
            "Exists" | "DoesNotExist" => !some,
            _ => false,
        }
    })
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
