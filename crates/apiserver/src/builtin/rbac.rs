//! Roles and bindings: nobody hands out more than they hold.

use serde_json::{Value, json};

use super::{Operation, Write, text};
use crate::api::Attributes;
use crate::authz::{GROUP, MASTERS, Rule, missing, quoted};
use crate::registry::View;
use crate::schema::cause;
use crate::status::{Cause, Status};

/// Defaults of subjects and references.
pub(super) fn prepare(write: &mut Write<'_>) {
    // Somebody owns them, but an empty list is stored as none.
    if write.new["rules"].as_array().is_some_and(Vec::is_empty) {
        super::status_part::remove(write.new, "rules");
    }
    if !write.resource.gr.resource.ends_with("bindings") && write.operation != Operation::Delete {
        // They are shown, even when there are none.
        if let Some(map) = write.new.as_object_mut() {
            map.entry("rules").or_insert(Value::Null);
        }
    }
    if !write.new["roleRef"].is_null() && text(write.new, "/roleRef/apiGroup").is_empty() {
        write.new["roleRef"]["apiGroup"] = json!(GROUP);
    }
    let subjects = write.new.get_mut("subjects").and_then(Value::as_array_mut);
    for subject in subjects.into_iter().flatten() {
        match subject["kind"].as_str() {
            Some("User" | "Group") if text(subject, "/apiGroup").is_empty() => {
                subject["apiGroup"] = json!(GROUP);
            }
            _ => {}
        }
    }
}

/// Escalation and bind checks.
pub(super) fn admit(view: &dyn View, write: &Write<'_>) -> Result<(), Status> {
    if write.operation == Operation::Delete || write.user.groups.iter().any(|g| g == MASTERS) {
        return Ok(());
    }
    if write.resource.gr.resource.ends_with("bindings") {
        bind(view, write)
    } else {
        grant(view, write)
    }
}

fn may(view: &dyn View, write: &Write<'_>, verb: &str, resource: &str, name: &str) -> bool {
    let wanted = Attributes {
        verb: verb.to_owned(),
        group: GROUP.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        namespace: text(write.new, "/metadata/namespace").to_owned(),
        name: name.to_owned(),
        ..Attributes::default()
    };
    view.authorize(write.user, &wanted).0
}

fn grant(view: &dyn View, write: &Write<'_>) -> Result<(), Status> {
    let resource = &write.resource.gr.resource;
    let name = text(write.new, "/metadata/name");
    let nothing = Value::Null;
    let old = write.old.unwrap_or(&nothing);
    let same = |field: &str| {
        old.get(field).unwrap_or(&nothing) == write.new.get(field).unwrap_or(&nothing)
    };
    if write.operation == Operation::Update && same("rules") && same("aggregationRule") {
        return Ok(());
    }
    if may(view, write, "escalate", resource, name) {
        return Ok(());
    }
    let new_aggregation = !write.new["aggregationRule"].is_null() && !same("aggregationRule");
    let refused = if new_aggregation {
        let all = Rule::of(&json!({"rules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            {"verbs": ["*"], "nonResourceURLs": ["*"]},
        ]}));
        held(view, write, &all)
            .map_err(|_| "must have cluster-admin privileges to use the aggregationRule".to_owned())
    } else {
        held(view, write, &Rule::of(write.new))
    };
    refused.map_err(|why| Status::forbidden(&write.resource.gr, name, &why))
}

fn bind(view: &dyn View, write: &Write<'_>) -> Result<(), Status> {
    let name = text(write.new, "/metadata/name");
    if let Some(old) = write.old
        && old["roleRef"] == write.new["roleRef"]
        && old.get("subjects") == write.new.get("subjects")
    {
        return Ok(());
    }
    let role = text(write.new, "/roleRef/name");
    let (resource, namespace) = match text(write.new, "/roleRef/kind") {
        "ClusterRole" => ("clusterroles", ""),
        "Role" => ("roles", text(write.new, "/metadata/namespace")),
        // Refused by the validation.
        _ => return Ok(()),
    };
    if may(view, write, "bind", resource, role) {
        return Ok(());
    }
    let Some(rules) = view.authorizer().role(namespace, role) else {
        // As Kubernetes does, under the resource of the binding.
        return Err(Status::not_found(&write.resource.gr, role));
    };
    held(view, write, &rules).map_err(|why| Status::forbidden(&write.resource.gr, name, &why))
}

/// Whether the user holds the rules, in the words of the refusal.
fn held(view: &dyn View, write: &Write<'_>, wanted: &[Rule]) -> Result<(), String> {
    let namespace = text(write.new, "/metadata/namespace");
    let (held, errors) = view.authorizer().rules(write.user, namespace);
    let missing = missing(&held, wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = missing.into_iter().collect();
    let mut why = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        write.user.username,
        quoted(&write.user.groups),
        lines.join("\n")
    );
    if !errors.is_empty() {
        why.push_str(&format!("; resolution errors: [{}]", errors.join(", ")));
    }
    Err(why)
}

/// Rules, references, subjects.
pub(super) fn validate(write: &Write<'_>, causes: &mut Vec<Cause>) {
    if write.resource.gr.resource.ends_with("bindings") {
        validate_binding(write, causes);
    } else {
        validate_rules(write, causes);
    }
}

fn validate_rules(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let rules = write.new["rules"].as_array();
    // Kubernetes finds missing verbs last.
    let mut verbless = Vec::new();
    for (index, rule) in rules.into_iter().flatten().enumerate() {
        let at = |field: &str| format!("rules[{index}].{field}");
        let empty = |field: &str| rule[field].as_array().is_none_or(Vec::is_empty);
        if empty("verbs") {
            verbless.push(cause::required(&at("verbs"), ""));
        }
        if !empty("nonResourceURLs") {
            let urls = &rule["nonResourceURLs"];
            let why = if write.resource.namespaced {
                "namespaced rules cannot apply to non-resource URLs"
            } else if !empty("apiGroups") || !empty("resources") || !empty("resourceNames") {
                "rules cannot apply to both regular resources and non-resource URLs"
            } else {
                continue;
            };
            causes.push(cause::invalid(&at("nonResourceURLs"), urls, why));
            continue;
        }
        if empty("apiGroups") {
            causes.push(cause::required(
                &at("apiGroups"),
                "resource rules must supply at least one api group",
            ));
        }
        if empty("resources") {
            causes.push(cause::required(
                &at("resources"),
                "resource rules must supply at least one resource",
            ));
        }
    }
    causes.append(&mut verbless);
    validate_aggregation(&write.new["aggregationRule"], causes);
}

/// An aggregation rule selects something, by labels that can be.
fn validate_aggregation(rule: &Value, causes: &mut Vec<Cause>) {
    let at = "aggregationRule.clusterRoleSelectors";
    if rule.is_null() {
        return;
    }
    let selectors = rule["clusterRoleSelectors"].as_array();
    if selectors.is_none_or(Vec::is_empty) {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        causes.push(cause::required(at, why));
    }
    for (index, selector) in selectors.into_iter().flatten().enumerate() {
        let at = format!("{at}[{index}]");
        let before = causes.len();
        super::workloads::label_selector(&at, selector, causes);
        if causes.len() > before {
            causes.push(cause::invalid(&at, &Value::Null, "invalid label selector."));
        }
    }
}

fn validate_binding(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let reference = &write.new["roleRef"];
    if reference["apiGroup"] != GROUP {
        causes.push(cause::not_supported(
            "roleRef.apiGroup",
            &reference["apiGroup"],
            &[GROUP],
        ));
    }
    let kinds: &[&str] = if write.resource.namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    if !kinds.contains(&text(reference, "/kind")) {
        let kind = json!(text(reference, "/kind"));
        causes.push(cause::not_supported("roleRef.kind", &kind, kinds));
    }
    if let Some(old) = write.old
        && old["roleRef"] != *reference
    {
        let shown = json!({
            "APIGroup": reference["apiGroup"],
            "Kind": reference["kind"],
            "Name": reference["name"],
        });
        causes.push(cause::invalid("roleRef", &shown, "field is immutable"));
    }
    // Kubernetes finds missing names last.
    let mut nameless = Vec::new();
    let subjects = write.new["subjects"].as_array();
    for (index, subject) in subjects.into_iter().flatten().enumerate() {
        let at = |field: &str| format!("subjects[{index}].{field}");
        if text(subject, "/name").is_empty() {
            nameless.push(cause::required(&at("name"), ""));
        }
        let group = json!(text(subject, "/apiGroup"));
        match text(subject, "/kind") {
            "ServiceAccount" => {
                // Without one it is of the namespace of the binding.
                if !write.resource.namespaced && text(subject, "/namespace").is_empty() {
                    causes.push(cause::required(&at("namespace"), ""));
                }
                if group != "" {
                    causes.push(cause::not_supported(&at("apiGroup"), &group, &[""]));
                }
            }
            "User" | "Group" => {
                if group != GROUP {
                    causes.push(cause::not_supported(&at("apiGroup"), &group, &[GROUP]));
                }
            }
            other => causes.push(cause::not_supported(
                &at("kind"),
                &json!(other),
                &["ServiceAccount", "User", "Group"],
            )),
        }
    }
    causes.append(&mut nameless);
    if text(reference, "/name").is_empty() {
        causes.push(cause::required("roleRef.name", ""));
    }
}
