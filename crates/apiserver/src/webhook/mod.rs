//! Admission webhooks: who is asked about a write, what they are sent, and what
//! becomes of their answers.

mod call;
mod conditions;
pub mod convert;
mod matching;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{GroupResource, UserInfo};
use crate::builtin::{Operation, text};
use crate::pki::uuid;
use crate::registry::View;
use crate::status::Status;
use crate::types::ResourceType;

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
}

/// What webhooks said besides yes.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether the object was changed; it must be validated again.
    pub changed: bool,
    /// For the client.
    pub warnings: Vec<String>,
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

/// The webhooks of one kind that want to see a write, in the order of the names
/// of their configurations.
fn hooks(view: &dyn View, kind: &str, request: &Request<'_>, new: &Value) -> Vec<Hook> {
    let gr = GroupResource::new(GROUP, kind);
    let mut found = Vec::new();
    for config in view.read_all(&gr, None) {
        let count = config["webhooks"].as_array().map_or(0, Vec::len);
        for index in 0..count {
            if matching::wants(view, &config["webhooks"][index], request, new) {
                found.push(Hook {
                    config: config.clone(),
                    index,
                });
            }
        }
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

/// Lets the mutating webhooks change the object, one after another.
pub async fn mutate(
    view: &dyn View,
    request: &Request<'_>,
    new: &mut Value,
) -> Result<Outcome, Status> {
    let mut outcome = Outcome::default();
    for hook in hooks(view, "mutatingwebhookconfigurations", request, new) {
        let review = review(request, new)?;
        let Some(response) = ask(&hook, &review).await? else {
            continue;
        };
        judge(&hook, &response, &mut outcome)?;
        if let Some(patch) = response["patch"].as_str() {
            let bad = |why: String| failure(&hook, &why);
            let bytes = STANDARD.decode(patch).map_err(|e| bad(e.to_string()))?;
            let patch: json_patch::Patch =
                serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
            json_patch::patch(new, &patch).map_err(|e| bad(e.to_string()))?;
            outcome.changed = true;
        }
    }
    Ok(outcome)
}

/// Asks the validating webhooks, all at once.
pub async fn validate(
    view: &dyn View,
    request: &Request<'_>,
    new: &Value,
) -> Result<Outcome, Status> {
    let mut outcome = Outcome::default();
    let hooks = hooks(view, "validatingwebhookconfigurations", request, new);
    if hooks.is_empty() {
        return Ok(outcome);
    }
    let review = review(request, new)?;
    let answers = futures::future::join_all(hooks.iter().map(|hook| ask(hook, &review))).await;
    for (hook, answer) in hooks.iter().zip(answers) {
        if let Some(response) = answer? {
            judge(hook, &response, &mut outcome)?;
        }
    }
    Ok(outcome)
}

/// The AdmissionReview of a write.
fn review(request: &Request<'_>, new: &Value) -> Result<Value, Status> {
    let gvk = &request.resource.gvk;
    let kind = json!({"group": gvk.group, "version": gvk.version, "kind": gvk.kind});
    let resource = json!({
        "group": gvk.group,
        "version": gvk.version,
        "resource": request.resource.gr.resource,
    });
    let (operation, options) = match request.operation {
        Operation::Create => ("CREATE", "CreateOptions"),
        Operation::Update => ("UPDATE", "UpdateOptions"),
        Operation::Delete => ("DELETE", "DeleteOptions"),
    };
    let mut sent = json!({
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
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": options},
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

fn failure(hook: &Hook, why: &str) -> Status {
    Status::internal(format!("failed calling webhook {:?}: {why}", hook.name()))
}

/// The answer of a webhook; `None` when its conditions do not hold, or when it
/// cannot be reached and that is to be ignored.
async fn ask(hook: &Hook, review: &Value) -> Result<Option<Value>, Status> {
    let value = hook.value();
    let seconds = value["timeoutSeconds"].as_u64().unwrap_or(USUAL_TIMEOUT);
    let answer = match conditions::hold(value, &review["request"]) {
        Ok(false) => return Ok(None),
        Err(why) if value["failurePolicy"] == "Ignore" => Err(why),
        Err(why) => {
            let request = &review["request"];
            let gr = GroupResource::new(
                text(request, "/resource/group"),
                text(request, "/resource/resource"),
            );
            return Err(Status::forbidden(&gr, text(request, "/name"), &why));
        }
        Ok(true) => {
            let limit = Duration::from_secs(seconds);
            call::post(&value["clientConfig"], limit, review)
                .await
                .map_err(|why| format!("failed to call webhook: {why}"))
        }
    };
    let answer = answer.and_then(|answer| {
        let response = &answer["response"];
        if response["uid"] != review["request"]["uid"] {
            return Err("the answer has no response with the UID of the request".to_owned());
        }
        Ok(response.clone())
    });
    match answer {
        Ok(response) => Ok(Some(response)),
        Err(why) if value["failurePolicy"] == "Ignore" => {
            tracing::warn!(webhook = hook.name(), why, "webhook ignored");
            Ok(None)
        }
        Err(why) => Err(failure(hook, &why)),
    }
}

/// Takes the warnings; a refusal becomes an error.
fn judge(hook: &Hook, response: &Value, outcome: &mut Outcome) -> Result<(), Status> {
    let warnings = Vec::<String>::deserialize(&response["warnings"]).unwrap_or_default();
    outcome.warnings.extend(warnings);
    if response["allowed"] == true {
        return Ok(());
    }
    let status = &response["status"];
    let code = status["code"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..600).contains(code))
        .unwrap_or(403);
    let said = [text(status, "/message"), text(status, "/reason")];
    let why = match said.iter().find(|text| !text.is_empty()) {
        Some(why) => format!("denied the request: {why}"),
        None => "denied the request without explanation".to_owned(),
    };
    let reason = match text(status, "/reason") {
        "" if code == 403 => "Forbidden",
        reason => reason,
    };
    let message = format!("admission webhook {:?} {why}", hook.name());
    Err(Status::new(code, reason, message))
}

#[cfg(test)]
mod tests;
