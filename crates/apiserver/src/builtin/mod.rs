//! The rules of single kinds: what is filled in, kept, refused on a write, and
//! the resources that answer without being stored.

mod answer;
pub(crate) mod csr;
mod data;
pub(crate) mod events;
mod metadata;
pub mod names;
pub(crate) mod namespaces;
pub(crate) mod pods;
mod rbac;
pub(crate) mod services;
mod status_part;
mod token;
mod webhooks;
pub(crate) mod workloads;

use serde_json::{Value, json};

use crate::api::{GroupResource, UserInfo};
use crate::registry::View;
use crate::schema::cause;
use crate::status::{Cause, Status};
use crate::types::ResourceType;

pub use answer::{Question, answer};

/// What a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object, by update or patch.
    Update,
    /// An object that goes; `new` is empty.
    Delete,
}

/// A write on its way to the store, after patching, before it is stored.
/// `metadata` (uid, creationTimestamp, generation, managedFields) is the
/// registry's work; unknown fields are pruned, structural defaults filled in.
pub struct Write<'a> {
    /// What happens.
    pub operation: Operation,
    /// To which resource and version.
    pub resource: &'a ResourceType,
    /// `status`, `approval`, … or empty.
    pub subresource: &'a str,
    /// By whom.
    pub user: &'a UserInfo,
    /// The stored object.
    pub old: Option<&'a Value>,
    /// What will be stored; `Null` for a delete.
    pub new: &'a mut Value,
    /// Sent to the client as `Warning` headers.
    pub warnings: &'a mut Vec<String>,
}

/// Fills in and keeps what the kind demands, and refuses what admission
/// refuses: namespaces that do not live, approval without the right to it.
pub fn prepare(view: &dyn View, write: &mut Write<'_>) -> Result<(), Status> {
    if write.operation != Operation::Delete {
        namespaces::admit(view, write)?;
        status_part::keep(write);
    }
    if write.resource.custom.is_some() {
        return Ok(());
    }
    let gr = &write.resource.gr;
    match (gr.group.as_str(), gr.resource.as_str()) {
        ("", "namespaces") => namespaces::prepare(write)?,
        ("", "secrets") => data::prepare_secret(write),
        ("", "services") => services::prepare(view, write)?,
        ("", "pods") => pods::prepare_pod(view, write)?,
        ("", "persistentvolumes" | "persistentvolumeclaims")
            if write.operation == Operation::Create =>
        {
            write.new["status"] = json!({"phase": "Pending"});
        }
        ("" | "events.k8s.io", "events") => events::prepare(write),
        ("batch", "jobs") => workloads::prepare_job(write),
        ("rbac.authorization.k8s.io", _) if write.operation != Operation::Delete => {
            rbac::prepare(write);
        }
        ("certificates.k8s.io", "certificatesigningrequests") => csr::prepare(view, write)?,
        _ => {}
    }
    Ok(())
}

/// Refuses roles and bindings that hand out more than their writer holds.
pub fn escalate(view: &dyn View, write: &Write<'_>) -> Result<(), Status> {
    match write.resource.gr.group.as_str() {
        "rbac.authorization.k8s.io" => rbac::admit(view, write),
        _ => Ok(()),
    }
}

/// Refuses what breaks the rules of the kind, all of it at once (422).
pub fn validate(view: &dyn View, write: &Write<'_>) -> Result<(), Status> {
    if write.operation == Operation::Delete {
        return Ok(());
    }
    let mut causes: Vec<Cause> = Vec::new();
    metadata::validate(write, &mut causes);
    if write.resource.custom.is_none() {
        let gr = &write.resource.gr;
        match (gr.group.as_str(), gr.resource.as_str()) {
            ("", "secrets") => data::validate_secret(write, &mut causes),
            ("", "configmaps") => data::validate_config_map(write, &mut causes),
            ("", "services") => services::validate(view, write, &mut causes),
            (
                "admissionregistration.k8s.io",
                "mutatingwebhookconfigurations" | "validatingwebhookconfigurations",
            ) => webhooks::validate(write, &mut causes),
            ("", "podtemplates") => {
                pods::pod_template(
                    "template",
                    &write.new["template"],
                    &pods::RESTART_POLICIES,
                    &mut causes,
                );
            }
            ("" | "events.k8s.io", "events") => events::validate(write, &mut causes),
            ("", "pods") => pods::validate_pod(write, &mut causes),
            ("apps", "controllerrevisions") => {}
            ("apps" | "batch", _) | ("", "replicationcontrollers") => {
                workloads::validate(write, &mut causes);
            }
            ("rbac.authorization.k8s.io", _) => rbac::validate(write, &mut causes),
            ("certificates.k8s.io", "certificatesigningrequests") => {
                csr::validate(write, &mut causes);
            }
            ("coordination.k8s.io", "leases") => lease(write, &mut causes),
            ("", "namespaces") => namespaces::validate(write, &mut causes),
            ("", "nodes") => taints(write, &mut causes),
            ("", "resourcequotas") => quota(write, &mut causes),
            _ => {}
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    let name = text(write.new, "/metadata/name");
    let mut gvk = write.resource.gvk.clone();
    if write.resource.storage() != &write.resource.gr {
        gvk.group.clone_from(&write.resource.storage().group);
    }
    Err(Status::invalid(&gvk, name, causes))
}

fn taints(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let taints = write.new["spec"]["taints"].as_array();
    for (index, taint) in taints.into_iter().flatten().enumerate() {
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !known.contains(&text(taint, "/effect")) {
            // Kubernetes' own slip: taints are in `spec`.
            let at = format!("metadata.taints[{index}].effect");
            causes.push(cause::not_supported(&at, &taint["effect"], &known));
        }
    }
}

fn quota(write: &Write<'_>, causes: &mut Vec<Cause>) {
    for (name, amount) in write.new["spec"]["hard"].as_object().into_iter().flatten() {
        if amount.as_str().is_some_and(|text| text.starts_with('-')) {
            causes.push(cause::invalid(
                &format!("spec.hard[{name}]"),
                amount,
                "must be greater than or equal to 0",
            ));
        }
    }
}

fn lease(write: &Write<'_>, causes: &mut Vec<Cause>) {
    for (field, least) in [("leaseDurationSeconds", 1), ("leaseTransitions", 0)] {
        let value = &write.new["spec"][field];
        if value.as_i64().is_some_and(|number| number < least) {
            let detail = if least == 1 {
                "must be greater than 0"
            } else {
                "must be greater than or equal to 0"
            };
            causes.push(cause::invalid(&format!("spec.{field}"), value, detail));
        }
    }
}

/// Whether a deleted object without finalizers has to stay: a namespace with
/// its own kind of finalizers.
pub fn is_held(gr: &GroupResource, object: &Value) -> bool {
    *gr == namespaces::resource() && namespaces::is_held(object)
}

/// Held by a definition until its objects are gone.
pub(crate) const CRD_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Changes an object when its deletion begins, before its finalizers are
/// counted: a namespace says so, a definition waits for its objects.
pub fn on_deletion(gr: &GroupResource, object: &mut Value) {
    if *gr == namespaces::resource() {
        namespaces::terminate(object);
    }
    let definitions =
        gr.group == "apiextensions.k8s.io" && gr.resource == "customresourcedefinitions";
    if definitions && object["metadata"]["deletionTimestamp"].is_null() {
        crate::crd::terminate(object, &now());
        match object["metadata"]["finalizers"].as_array_mut() {
            Some(all) if all.iter().any(|f| f == CRD_FINALIZER) => {}
            Some(all) => all.push(json!(CRD_FINALIZER)),
            None => object["metadata"]["finalizers"] = json!([CRD_FINALIZER]),
        }
    }
}

/// The string at a JSON pointer, or an empty one.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Now, as `metav1.Time` prints it.
pub(crate) fn now() -> String {
    timestamp(jiff::Timestamp::now())
}

/// A time, as `metav1.Time` prints it.
pub(crate) fn timestamp(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
