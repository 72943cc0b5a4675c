//! What every object's metadata must be.

use serde_json::{Value, json};

use super::names::{self, Form};
use super::{Operation, Write};
use crate::schema::cause;
use crate::status::Cause;

const ANNOTATIONS_MAX: u64 = 256 * 1024;

/// How the names of a resource are formed; `None`: as parts of a path.
fn form(group: &str, resource: &str) -> Option<&'static Form> {
    match (group, resource) {
        ("", "namespaces" | "services") => Some(&names::LABEL),
        ("rbac.authorization.k8s.io", _) => None,
        _ => Some(&names::SUBDOMAIN),
    }
}

/// Name, labels, annotations, finalizers, owners.
pub(super) fn validate(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let metadata = &write.new["metadata"];
    let gr = &write.resource.gr;
    let complain = |name: &str| match form(&gr.group, &gr.resource) {
        Some(form) => form.complaints(name),
        None => names::path_segment(name),
    };
    if write.operation == Operation::Create {
        let prefix = metadata["generateName"].as_str().unwrap_or_default();
        if !prefix.is_empty() {
            // A dash at its end is followed by letters.
            let masked = match prefix.strip_suffix('-') {
                Some(front) if prefix.len() > 1 => format!("{front}a"),
                _ => prefix.to_owned(),
            };
            for complaint in complain(&masked) {
                causes.push(cause::invalid(
                    "metadata.generateName",
                    &json!(prefix),
                    &complaint,
                ));
            }
        }
        let name = metadata["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(cause::required(
                "metadata.name",
                "name or generateName is required",
            ));
        } else {
            for complaint in complain(name) {
                causes.push(cause::invalid("metadata.name", &json!(name), &complaint));
            }
        }
    }
    labels("metadata.labels", &metadata["labels"], causes);
    annotations(&metadata["annotations"], causes);
    finalizers(&metadata["finalizers"], causes);
    owners(&metadata["ownerReferences"], causes);
    if write.resource.custom.is_none() {
        standard(&metadata["finalizers"], causes);
    }
}

/// Keys and values of labels, wherever they stand.
pub(super) fn labels(field: &str, labels: &Value, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        for complaint in names::qualified(key) {
            causes.push(cause::invalid(field, &json!(key), &complaint));
        }
        for complaint in names::LABEL_VALUE.complaints(value.as_str().unwrap_or_default()) {
            causes.push(cause::invalid(field, value, &complaint));
        }
    }
}

fn annotations(annotations: &Value, causes: &mut Vec<Cause>) {
    let field = "metadata.annotations";
    let mut size = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        for complaint in names::qualified(&key.to_lowercase()) {
            causes.push(cause::invalid(field, &json!(key), &complaint));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if u64::try_from(size).is_ok_and(|size| size > ANNOTATIONS_MAX) {
        causes.push(cause::too_long(field, ANNOTATIONS_MAX));
    }
}

fn finalizers(finalizers: &Value, causes: &mut Vec<Cause>) {
    for finalizer in finalizers.as_array().into_iter().flatten() {
        for complaint in names::qualified(finalizer.as_str().unwrap_or_default()) {
            causes.push(cause::invalid("metadata.finalizers", finalizer, &complaint));
        }
    }
    let has = |name: &str| {
        finalizers
            .as_array()
            .is_some_and(|all| all.iter().any(|f| f == name))
    };
    if has("orphan") && has("foregroundDeletion") {
        causes.push(cause::invalid(
            "metadata.finalizers",
            finalizers,
            "finalizer orphan and foregroundDeletion cannot be both set",
        ));
    }
}

/// Finalizers of built-in kinds have a domain, or are Kubernetes' own.
fn standard(finalizers: &Value, causes: &mut Vec<Cause>) {
    for (index, value) in finalizers.as_array().into_iter().flatten().enumerate() {
        finalizer(&format!("metadata.finalizers[{index}]"), value, causes);
    }
}

/// One of them.
pub(super) fn finalizer(field: &str, finalizer: &Value, causes: &mut Vec<Cause>) {
    let text = finalizer.as_str().unwrap_or_default();
    if !text.contains('/') && !matches!(text, "orphan" | "foregroundDeletion" | "kubernetes") {
        causes.push(cause::invalid(
            field,
            finalizer,
            "name is neither a standard finalizer name nor is it fully qualified",
        ));
    }
}

fn owners(owners: &Value, causes: &mut Vec<Cause>) {
    let base = "metadata.ownerReferences";
    let mut controller: Option<String> = None;
    for (index, owner) in owners.as_array().into_iter().flatten().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(owner, field).is_empty() {
                let at = format!("{base}[{index}].{field}");
                causes.push(cause::required(&at, "must not be empty"));
            }
        }
        if text(owner, "apiVersion") == "v1" && text(owner, "kind") == "Event" {
            causes.push(cause::invalid(
                &format!("{base}[{index}]"),
                owner,
                "/v1, Kind=Event is disallowed from being an owner",
            ));
        }
        if owner["controller"] == true {
            let name = format!("{}/{}", text(owner, "kind"), text(owner, "name"));
            if let Some(first) = &controller {
                causes.push(cause::invalid_shown(
                    base,
                    &as_go(owners),
                    &format!("Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"),
                ));
            } else {
                controller = Some(name);
            }
        }
    }
}

/// Owners with their fields in the order of Kubernetes' type.
fn as_go(owners: &Value) -> String {
    let fields = [
        "apiVersion",
        "kind",
        "name",
        "uid",
        "controller",
        "blockOwnerDeletion",
    ];
    let one = |owner: &Value| {
        let shown = fields.iter().filter_map(|field| {
            let value = owner.get(*field)?;
            Some(format!("{}:{value}", json!(field)))
        });
        format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
    };
    let all = owners.as_array().into_iter().flatten().map(one);
    format!("[{}]", all.collect::<Vec<_>>().join(","))
}

fn text<'a>(owner: &'a Value, field: &str) -> &'a str {
    owner[field].as_str().unwrap_or_default()
}
