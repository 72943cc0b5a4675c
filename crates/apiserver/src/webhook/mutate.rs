//! Mutating webhooks: one after the other, each sees what those before it made of
//! the object.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Hook, Request, ask, configured, failure, matching, review, verdict};
use crate::builtin::Operation;
use crate::golang;
use crate::registry::View;
use crate::request::RequestContext;
use crate::status::Status;

/// Set by the server after the webhooks have been asked.
const LATER: &[&str] = &["uid", "creationTimestamp", "generation", "name"];

/// Lets the mutating webhooks change the object; tells whether one did. Those that
/// want to be asked again when somebody came after them are.
///
/// # Errors
/// A refusal, or 500 for a webhook that fails.
pub async fn mutate(
    view: &dyn View,
    context: &RequestContext,
    request: &Request<'_>,
    new: &mut Value,
) -> Result<bool, Status> {
    let hooks = configured(view, "mutatingwebhookconfigurations");
    if hooks.is_empty() {
        return Ok(false);
    }
    let kept = take_out(request, new);
    let result = rounds(view, context, request, &hooks, new).await;
    if let Some(metadata) = new["metadata"].as_object_mut() {
        for (field, value) in kept {
            // A name that was not drawn yet may be given.
            if field != "name" || !metadata.contains_key("name") {
                metadata.insert(field, value);
            }
        }
    }
    result
}

/// A new object has no identity yet when it is shown.
fn take_out(request: &Request<'_>, new: &mut Value) -> Map<String, Value> {
    let metadata = new.get_mut("metadata").and_then(Value::as_object_mut);
    match metadata {
        Some(metadata) if request.operation == Operation::Create => LATER
            .iter()
            .filter(|field| **field != "name" || request.name.is_empty())
            .filter_map(|field| metadata.remove_entry(*field))
            .collect(),
        _ => Map::new(),
    }
}

async fn rounds(
    view: &dyn View,
    context: &RequestContext,
    request: &Request<'_>,
    hooks: &[Hook],
    new: &mut Value,
) -> Result<bool, Status> {
    let mut changed = false;
    // Those that may be asked again, and those of them that must.
    let (mut asked, mut again) = (BTreeSet::new(), BTreeSet::new());
    for second in [false, true] {
        let due = std::mem::take(&mut again);
        for (at, hook) in hooks.iter().enumerate() {
            if second && !due.contains(&at) || !matching::wants(view, hook.value(), request, new) {
                continue;
            }
            if one(context, request, hook, new).await? {
                changed = true;
                again.append(&mut asked);
            }
            if hook.value()["reinvocationPolicy"] == "IfNeeded" {
                asked.insert(at);
            }
        }
    }
    Ok(changed)
}

/// Asks one webhook; whether it changed the object.
async fn one(
    context: &RequestContext,
    request: &Request<'_>,
    hook: &Hook,
    new: &mut Value,
) -> Result<bool, Status> {
    let ignored = hook.value()["failurePolicy"] == "Ignore";
    let review = review(context, request, new)?;
    let Some(response) = ask(hook, &review, true).await? else {
        return Ok(false);
    };
    verdict::judge(hook.name(), &response, context)?;
    let patch = response["patch"].as_str().unwrap_or_default();
    if patch.is_empty() {
        return Ok(false);
    }
    let read = STANDARD
        .decode(patch)
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            let failed = |error: serde_json::Error| {
                golang::json_error(&bytes).unwrap_or_else(|| error.to_string())
            };
            serde_json::from_slice(&bytes).map_err(failed)
        });
    let patch: Value = match read {
        Ok(patch) => patch,
        Err(_) if ignored => return Ok(false),
        Err(why) => {
            let why = format!("received undecodable patch in webhook response: {why}");
            return Err(failure(hook, &why));
        }
    };
    if patch.as_array().is_some_and(Vec::is_empty) {
        return Ok(false);
    }
    if new.is_null() {
        return Err(Status::internal(format!(
            "admission webhook {:?} attempted to modify the object, which is not supported for this operation",
            hook.name()
        )));
    }
    let kind = response["patchType"].as_str().unwrap_or_default();
    if kind != "JSONPatch" {
        return match ignored {
            true => Ok(false),
            false => Err(failure(hook, &format!("unsupported patch type {kind:?}"))),
        };
    }
    let patched = crate::patch::json_patch_or_why(new, &patch).map_err(Status::internal)?;
    let changed = patched != *new;
    *new = patched;
    Ok(changed)
}
