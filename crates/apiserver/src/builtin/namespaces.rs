//! Namespaces: their life, and nothing new in those that do not live.

use serde_json::{Value, json};

use super::status_part::{copy, remove};
use super::{Operation, Write};
use crate::api::GroupResource;
use crate::registry::View;
use crate::status::{Cause, Status};

const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// Namespaces that a cluster needs.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// The resource.
pub(crate) fn resource() -> GroupResource {
    GroupResource::new("", "namespaces")
}

/// Whether a deleted namespace has to stay: its own finalizers are done last.
pub(crate) fn is_held(namespace: &Value) -> bool {
    namespace["spec"]["finalizers"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
}

/// A namespaced object can be created only where a living namespace is.
pub(super) fn admit(view: &dyn View, write: &Write<'_>) -> Result<(), Status> {
    if !write.resource.namespaced
        || write.operation != Operation::Create
        || !write.subresource.is_empty()
    {
        return Ok(());
    }
    let metadata = &write.new["metadata"];
    living(
        view,
        &write.resource.gr,
        metadata["namespace"].as_str().unwrap_or_default(),
        metadata["name"].as_str().unwrap_or_default(),
    )
}

/// The namespace is there and stays; what is made in it goes by this name.
pub(super) fn living(
    view: &dyn View,
    gr: &GroupResource,
    namespace: &str,
    name: &str,
) -> Result<(), Status> {
    let Some(found) = view.read(&resource(), "", namespace) else {
        return Err(Status::not_found(&resource(), namespace));
    };
    if found["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    let mut status = Status::forbidden(gr, name, &why);
    status.causes.push(Cause {
        reason: "NamespaceTerminating".to_owned(),
        message: format!("namespace {namespace} is being terminated"),
        field: "metadata.namespace".to_owned(),
    });
    Err(status)
}

/// Finalizers, phase, the label with its name.
pub(super) fn prepare(write: &mut Write<'_>) -> Result<(), Status> {
    match (write.operation, write.subresource) {
        (Operation::Create, _) => {
            let sent = write.new["spec"]["finalizers"].take();
            let mut finalizers = vec![json!("kubernetes")];
            for finalizer in sent.as_array().into_iter().flatten() {
                if !finalizers.contains(finalizer) {
                    finalizers.push(finalizer.clone());
                }
            }
            write.new["spec"] = json!({"finalizers": finalizers});
            write.new["status"] = json!({"phase": "Active"});
        }
        (Operation::Update, "finalize") => {
            if let Some(old) = write.old {
                copy(write.new, old, "status");
            }
        }
        (Operation::Update, _) => {
            if let Some(old) = write.old {
                copy(write.new, old, "spec");
            }
        }
        (Operation::Delete, _) => {
            let name = write
                .old
                .and_then(|old| old["metadata"]["name"].as_str())
                .unwrap_or_default();
            if IMMORTAL.contains(&name) {
                return Err(Status::forbidden(
                    &resource(),
                    name,
                    "this namespace may not be deleted",
                ));
            }
            return Ok(());
        }
    }
    let spec = &mut write.new["spec"];
    if is_empty_list(&spec["finalizers"]) {
        remove(spec, "finalizers");
    }
    if !write.new["metadata"]["deletionTimestamp"].is_null() {
        write.new["status"]["phase"] = json!("Terminating");
    }
    let name = write.new["metadata"]["name"].clone();
    let labels = &mut write.new["metadata"]["labels"];
    if !labels.is_object() {
        *labels = json!({});
    }
    labels[NAME_LABEL] = name;
    Ok(())
}

/// Finalizers have a domain, or are Kubernetes' own.
pub(super) fn validate(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let finalizers = write.new["spec"]["finalizers"].as_array();
    for finalizer in finalizers.into_iter().flatten() {
        super::metadata::finalizer("spec.finalizers", finalizer, causes);
    }
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// What a namespace looks like when its deletion begins.
pub(crate) fn terminate(namespace: &mut Value) {
    if namespace["status"]["phase"] != "Terminating" {
        namespace["status"]["phase"] = json!("Terminating");
    }
}
