//! Conversion webhooks: how objects of a custom resource get from one version
//! to another.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::call;
use crate::builtin::text;
use crate::pki::uuid;
use crate::status::Status;
use crate::types::ResourceType;

/// How long a webhook may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks the webhook of a definition (`spec.conversion.webhook`) for objects in
/// the version `to`. Of their metadata only labels and annotations may change.
///
/// # Errors
/// 500, as Kubernetes answers, when the webhook cannot be asked, refuses, or
/// answers something else.
pub async fn convert(
    resource: &ResourceType,
    webhook: &Value,
    to: &str,
    objects: &[Arc<Value>],
) -> Result<Vec<Arc<Value>>, Status> {
    // Kubernetes gives no reason here.
    let failed = |why: String| {
        let kind = &resource.gvk.kind;
        let from = objects.first().map_or("", |one| text(one, "/apiVersion"));
        let message = format!("conversion webhook for {from}, Kind={kind} {why}");
        Status::new(500, "", message)
    };
    let uid = uuid().map_err(Status::internal)?;
    let sent: Vec<&Value> = objects.iter().map(|object| &**object).collect();
    let review = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": {"uid": uid, "desiredAPIVersion": to, "objects": sent},
    });
    let answer = call::post(&webhook["clientConfig"], TIMEOUT, &review)
        .await
        .map_err(|why| failed(format!("failed: {why}")))?;
    let converted = read(&answer, &uid).map_err(|why| failed(format!("failed: {why}")))?;
    if converted.len() != objects.len() {
        let (returned, expected) = (converted.len(), objects.len());
        let why = format!("returned {returned} objects, expected {expected}");
        return Err(failed(why));
    }
    let pairs = objects.iter().zip(converted);
    pairs
        .map(|(before, after)| one(before, after, to).map(Arc::new))
        .collect::<Result<_, _>>()
        .map_err(|why| failed(format!("returned invalid {why}")))
}

/// The objects of an answer, if it is one to what was asked.
fn read<'a>(answer: &'a Value, uid: &str) -> Result<&'a [Value], String> {
    let (version, kind) = (text(answer, "/apiVersion"), text(answer, "/kind"));
    if (version, kind) != ("apiextensions.k8s.io/v1", "ConversionReview") {
        return Err(format!(
            "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got {version}, Kind={kind}"
        ));
    }
    let response = answer
        .get("response")
        .filter(|response| response.is_object())
        .ok_or("no response provided")?;
    let answered = text(response, "/uid");
    if answered != uid {
        return Err(format!("expected response.uid={uid:?}, got {answered:?}"));
    }
    let result = &response["result"];
    if result["status"] != "Success" {
        let (said, status) = (text(result, "/message"), text(result, "/status"));
        return Err(match said.is_empty() {
            true => format!("response.result.status was '{status}', not 'Success'"),
            false => said.to_owned(),
        });
    }
    Ok(response["convertedObjects"]
        .as_array()
        .map_or(&[], Vec::as_slice))
}

fn one(before: &Value, after: &Value, to: &str) -> Result<Value, String> {
    let version = text(after, "/apiVersion");
    if version != to {
        return Err(format!(
            "object at index 0: invalid groupVersion (expected {to}, received {version})"
        ));
    }
    let (expected, kind) = (text(before, "/kind"), text(after, "/kind"));
    if kind != expected {
        return Err(format!(
            "object at index 0: invalid kind (expected {expected}, received {kind})"
        ));
    }
    for (field, called) in [("name", "name"), ("namespace", "namespace"), ("uid", "UID")] {
        let of = |object| text(object, &format!("/metadata/{field}"));
        let (expected, found) = (of(before), of(after));
        if found != expected {
            return Err(format!(
                "object: must have the same {called}: {expected} != {found}"
            ));
        }
    }
    let mut object = after.clone();
    object["metadata"] = before["metadata"].clone();
    for field in ["labels", "annotations"] {
        match after["metadata"].get(field) {
            Some(value) if !value.is_null() => object["metadata"][field] = value.clone(),
            _ => {
                if let Some(metadata) = object["metadata"].as_object_mut() {
                    metadata.remove(field);
                }
            }
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked() {
        let before = json!({"apiVersion": "a/v1", "kind": "K", "metadata": {"name": "n", "uid": "u", "generation": 2, "labels": {"a": "b"}}});
        let good = json!({"apiVersion": "a/v2", "kind": "K", "metadata": {"name": "n", "uid": "u", "generation": 9, "annotations": {"c": "d"}}, "spec": {}});
        let with = |field: &str, value: Value| {
            let mut object = good.clone();
            *object.pointer_mut(field).unwrap() = value;
            object
        };
        let success = json!({"status": "Success"});
        let failure = json!({"status": "Failure", "message": "no"});
        let table = [
            ("1", success.clone(), ""),
            (
                "2",
                success.clone(),
                "expected response.uid=\"1\", got \"2\"",
            ),
            ("1", failure, "no"),
            ("1", json!({}), "status was '', not 'Success'"),
        ];
        for (uid, result, expected) in table {
            let response = json!({"uid": uid, "result": result, "convertedObjects": [good]});
            let answer = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": response});
            match read(&answer, "1") {
                Ok(objects) => assert_eq!((objects.len(), expected), (1, "")),
                Err(why) => assert!(!expected.is_empty() && why.contains(expected), "{why}"),
            }
        }
        assert!(
            read(&json!({}), "1")
                .unwrap_err()
                .contains("expected webhook response of")
        );
        let converted = one(&before, &good, "a/v2").unwrap();
        let metadata = &converted["metadata"];
        assert_eq!(metadata["generation"], 2);
        assert_eq!(metadata["annotations"]["c"], "d");
        assert!(metadata.get("labels").is_none());
        for (at, value, wrong) in [
            (
                "/apiVersion",
                "a/v3",
                "invalid groupVersion (expected a/v2, received a/v3)",
            ),
            ("/kind", "L", "invalid kind (expected K, received L)"),
            ("/metadata/name", "x", "must have the same name: n != x"),
            ("/metadata/uid", "x", "must have the same UID: u != x"),
        ] {
            let why = one(&before, &with(at, json!(value)), "a/v2").unwrap_err();
            assert!(why.ends_with(wrong), "{why}");
        }
    }
}
