//! Admission webhooks: who is asked about a write, what they are sent, and what
//! becomes of their answers.

mod call;
mod conditions;
pub mod convert;
mod matching;
mod mutate;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{GroupResource, UserInfo};
use crate::builtin::{Operation, text};
use crate::pki::uuid;
use crate::registry::View;
use crate::request::{DeleteOptions, RequestContext};
use crate::status::Status;
use crate::types::ResourceType;

pub use mutate::mutate;

const GROUP: &str = "admissionregistration.k8s.io";
const USUAL_TIMEOUT: u64 = 10;

/// A write that webhooks may judge.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What happens.
    pub operation: Operation,
    /// To which resource and version.
    pub resource: &'a ResourceType,
    /// `status`, … or empty.
    pub subresource: &'a str,
    /// Empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Of the object.
    pub name: &'a str,
    /// By whom.
    pub user: &'a UserInfo,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The stored object.
    pub old: Option<&'a Value>,
    /// How it is deleted.
    pub delete: Option<&'a DeleteOptions>,
}

/// A webhook of a configuration.
struct Hook {
    config: Arc<Value>,
    index: usize,
}

impl Hook {
    fn value(&self) -> &Value {
        &self.config["webhooks"][self.index]
    }

    fn name(&self) -> &str {
        text(self.value(), "/name")
    }
}

/// All webhooks of one kind, in the order of the names of their configurations.
fn configured(view: &dyn View, kind: &str) -> Vec<Hook> {
    let mut found = Vec::new();
    for config in view.read_all(&GroupResource::new(GROUP, kind), None) {
        let count = config["webhooks"].as_array().map_or(0, Vec::len);
        found.extend((0..count).map(|index| Hook {
            config: config.clone(),
            index,
        }));
    }
    found
}

/// Whether any webhook is configured at all.
pub fn is_needed(view: &dyn View, request: &Request<'_>) -> bool {
    // Nobody locks themselves out of changing the webhooks.
    request.resource.gr.group != GROUP
        && [
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
        ]
        .iter()
        .any(|kind| {
            !view
                .read_all(&GroupResource::new(GROUP, kind), None)
                .is_empty()
        })
}

/// Asks the validating webhooks, all at once.
///
/// # Errors
/// A refusal, or 500 for a webhook that fails.
pub async fn validate(
    view: &dyn View,
    context: &RequestContext,
    request: &Request<'_>,
    new: &Value,
) -> Result<(), Status> {
    let mut hooks = configured(view, "validatingwebhookconfigurations");
    hooks.retain(|hook| matching::wants(view, hook.value(), request, new));
    if hooks.is_empty() {
        return Ok(());
    }
    let review = review(context, request, new)?;
    let asked = hooks.iter().map(|hook| ask(hook, &review, false));
    let answers = futures::future::join_all(asked).await;
    for (hook, answer) in hooks.iter().zip(answers) {
        if let Some(response) = answer? {
            verdict::judge(hook.name(), &response, context)?;
        }
    }
    Ok(())
}

/// The AdmissionReview of a write.
fn review(context: &RequestContext, request: &Request<'_>, new: &Value) -> Result<Value, Status> {
    let gvk = &request.resource.gvk;
    let kind = json!({"group": gvk.group, "version": gvk.version, "kind": gvk.kind});
    let resource = json!({
        "group": gvk.group,
        "version": gvk.version,
        "resource": request.resource.gr.resource,
    });
    let (operation, options_kind) = match request.operation {
        Operation::Create => ("CREATE", "CreateOptions"),
        Operation::Update => ("UPDATE", "UpdateOptions"),
        Operation::Delete => ("DELETE", "DeleteOptions"),
    };
    let mut sent = json!({
        "options": options(context, request, options_kind),
        "uid": uuid().map_err(Status::internal)?,
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "operation": operation,
        "userInfo": request.user,
        "object": new,
        "oldObject": request.old,
        "dryRun": request.dry_run,
    });
    for (field, value) in [
        ("subResource", request.subresource),
        ("requestSubResource", request.subresource),
        ("name", request.name),
        ("namespace", request.namespace),
    ] {
        if !value.is_empty() {
            sent[field] = json!(value);
        }
    }
    Ok(json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": sent,
    }))
}

/// How the write was meant, as far as the query says it.
fn options(context: &RequestContext, request: &Request<'_>, kind: &str) -> Value {
    let mut options = json!({"apiVersion": "meta.k8s.io/v1", "kind": kind});
    if let Some(delete) = request.delete {
        if let Some(policy) = &delete.propagation {
            options["propagationPolicy"] = json!(policy);
        }
        if let Some(seconds) = delete.grace_period_seconds {
            options["gracePeriodSeconds"] = json!(seconds);
        }
        for (field, value) in [
            ("uid", &delete.uid),
            ("resourceVersion", &delete.resource_version),
        ] {
            if let Some(value) = value {
                options["preconditions"][field] = json!(value);
            }
        }
    }
    if request.dry_run {
        options["dryRun"] = json!(["All"]);
    }
    if request.operation != Operation::Delete {
        let asked = &context.asked;
        for (field, value) in [
            ("fieldManager", &asked.field_manager),
            ("fieldValidation", &asked.field_validation),
        ] {
            if !value.is_empty() {
                options[field] = json!(value);
            }
        }
    }
    options
}

fn failure(hook: &Hook, why: &str) -> Status {
    Status::internal(format!("failed calling webhook {:?}: {why}", hook.name()))
}

/// The answer of a webhook; `None` when its conditions do not hold, or when it
/// fails and that is to be ignored.
async fn ask(hook: &Hook, review: &Value, mutating: bool) -> Result<Option<Value>, Status> {
    let value = hook.value();
    let request = &review["request"];
    let ignored = value["failurePolicy"] == "Ignore";
    match conditions::hold(value, request) {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(_) if ignored => return Ok(None),
        Err(why) => {
            let gr = GroupResource::new(
                text(request, "/resource/group"),
                text(request, "/resource/resource"),
            );
            return Err(Status::forbidden(&gr, text(request, "/name"), &why));
        }
    }
    let seconds = value["timeoutSeconds"].as_u64().unwrap_or(USUAL_TIMEOUT);
    let limit = Duration::from_secs(seconds);
    let answer = call::post(&value["clientConfig"], limit, review)
        .await
        .and_then(verdict::decoded)
        .map_err(|why| format!("failed to call webhook: {why}"))
        .and_then(|answer| {
            verdict::read(&answer, text(request, "/uid"), mutating)
                .cloned()
                .map_err(|why| format!("received invalid webhook response: {why}"))
        });
    match answer {
        Ok(response) => Ok(Some(response)),
        Err(why) if ignored => {
            tracing::warn!(webhook = hook.name(), why, "webhook ignored");
            Ok(None)
        }
        Err(why) => Err(failure(hook, &why)),
    }
}

#[cfg(test)]
mod tests;
