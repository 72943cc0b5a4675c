//! What a webhook answered: whether it is an answer to what was asked, what it
//! says to the client, and what a refusal becomes.

use serde_json::Value;

use crate::builtin::text;
use crate::request::RequestContext;
use crate::status::{Cause, Status};

/// An answer that is an `AdmissionReview` of the version that was asked in.
///
/// # Errors
/// Why it cannot be taken for one.
pub(super) fn decoded(answer: Value) -> Result<Value, String> {
    match text(&answer, "/apiVersion") {
        "admission.k8s.io/v1beta1" if answer["kind"] == "AdmissionReview" => Err(
            "converting (v1beta1.AdmissionReview) to (v1.AdmissionReview): unknown conversion"
                .to_owned(),
        ),
        _ => Ok(answer),
    }
}

/// The response within an `AdmissionReview`, if it is one to this request. A
/// mutating webhook says how its patch is meant.
///
/// # Errors
/// What is wrong with it, as Kubernetes says it.
pub(super) fn read<'a>(answer: &'a Value, uid: &str, mutating: bool) -> Result<&'a Value, String> {
    let response = answer
        .get("response")
        .filter(|response| response.is_object())
        .ok_or("webhook response was absent")?;
    // Who answers without a version answers in that of the question.
    let (version, kind) = (text(answer, "/apiVersion"), text(answer, "/kind"));
    if (version, kind) != ("admission.k8s.io/v1", "AdmissionReview") {
        return Err(format!(
            "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {version}, Kind={kind}"
        ));
    }
    let answered = text(response, "/uid");
    if answered != uid {
        return Err(format!("expected response.uid={uid:?}, got {answered:?}"));
    }
    if !mutating {
        for field in ["patch", "patchType"] {
            if !text(response, &format!("/{field}")).is_empty() {
                return Err(format!(
                    "validating webhook may not return response.{field}"
                ));
            }
        }
    } else {
        let patched = !text(response, "/patch").is_empty();
        match response["patchType"].as_str() {
            None if patched => {
                return Err("webhook returned response.patch but not response.patchType".to_owned());
            }
            Some(_) if !patched => {
                return Err("webhook returned response.patchType but not response.patch".to_owned());
            }
            Some("") => {
                return Err("webhook returned invalid response.patchType of \"\"".to_owned());
            }
            _ => {}
        }
    }
    Ok(response)
}

/// Hands on the warnings.
///
/// # Errors
/// A refusal, with all that the webhook says of it.
pub(super) fn judge(name: &str, response: &Value, context: &RequestContext) -> Result<(), Status> {
    let warnings = response["warnings"].as_array().into_iter().flatten();
    for warning in warnings.filter_map(Value::as_str) {
        context.warn(warning);
    }
    if response["allowed"] == true {
        return Ok(());
    }
    let said = &response["status"];
    // No refusal is a success.
    let code = said["code"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| (400..1000).contains(code))
        .unwrap_or(400);
    let words = [text(said, "/message"), text(said, "/reason")];
    let why = match words.iter().find(|text| !text.is_empty()) {
        Some(why) => format!(": {why}"),
        None => " without explanation".to_owned(),
    };
    let message = format!("admission webhook {name:?} denied the request{why}");
    let mut status = Status::new(code, text(said, "/reason"), message);
    let details = &said["details"];
    if details.is_object() {
        status.subject = Some(
            ["/group", "/kind", "/name"]
                .map(|at| text(details, at).to_owned())
                .into(),
        );
        status.retry_after = details["retryAfterSeconds"]
            .as_u64()
            .and_then(|seconds| u32::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0);
        let causes = details["causes"].as_array().into_iter().flatten();
        status.causes = causes
            .map(|cause| Cause {
                reason: text(cause, "/reason").to_owned(),
                message: text(cause, "/message").to_owned(),
                field: text(cause, "/field").to_owned(),
            })
            .collect();
    }
    Err(status)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_checked() {
        let answer = |response: Value| json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        let good = answer(json!({"uid": "1", "allowed": true}));
        assert!(read(&good, "1", true).is_ok());
        for (answer, wrong) in [
            (json!({}), "absent"),
            (
                json!({"response": {"uid": "1"}}),
                "expected webhook response of",
            ),
            (
                answer(json!({"uid": "2"})),
                "expected response.uid=\"1\", got \"2\"",
            ),
            (
                answer(json!({"uid": "1", "patch": "W10="})),
                "but not response.patchType",
            ),
            (
                answer(json!({"uid": "1", "patchType": "JSONPatch"})),
                "but not response.patch",
            ),
        ] {
            let why = read(&answer, "1", true).unwrap_err();
            assert!(why.contains(wrong), "{why}");
        }
        let why = read(&answer(json!({"uid": "1", "patch": "W10="})), "1", false).unwrap_err();
        assert_eq!(why, "validating webhook may not return response.patch");
        let older = json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"});
        assert!(decoded(older).is_err() && decoded(good).is_ok());
    }

    #[test]
    fn refusals_say_what_the_webhook_says() {
        let context = RequestContext::default();
        let refused = |response: Value| judge("w", &response, &context).unwrap_err();
        let bare = refused(json!({"allowed": false, "warnings": ["look"]}));
        assert_eq!((bare.code, bare.reason.as_str()), (400, ""));
        assert_eq!(
            bare.message,
            "admission webhook \"w\" denied the request without explanation"
        );
        assert_eq!(context.take_warnings(), ["look"]);
        let success = refused(json!({"status": {"code": 200, "reason": "Because"}}));
        assert_eq!((success.code, success.reason.as_str()), (400, "Because"));
        assert!(success.message.ends_with("denied the request: Because"));
        let full = refused(
            json!({"status": {"code": 409, "reason": "Conflict", "message": "m",
            "details": {"kind": "k", "causes": [{"field": "f", "message": "no"}]}}}),
        );
        assert_eq!(full.code, 409);
        assert_eq!(
            full.to_json()["details"],
            json!({"kind": "k", "causes": [{"field": "f", "message": "no"}]})
        );
    }
}
