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
    let failed = |why: String| {
        let gvk = &resource.gvk;
        let from = objects
            .first()
            .map_or("", |object| text(object, "/apiVersion"));
        // Kubernetes gives no reason here.
        let message = format!(
            "conversion webhook for {from}, Kind={} failed: {why}",
            gvk.kind
        );
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
        .map_err(failed)?;
    read(&answer["response"], &uid, to, objects).map_err(failed)
}

/// The objects of an answer, if it is one to what was asked.
fn read(
    response: &Value,
    uid: &str,
    to: &str,
    objects: &[Arc<Value>],
) -> Result<Vec<Arc<Value>>, String> {
    if response["uid"] != uid {
        return Err("the answer has no response with the UID of the request".to_owned());
    }
    let result = &response["result"];
    if result["status"] != "Success" {
        let said = text(result, "/message");
        return Err(if said.is_empty() {
            "it refused without a reason".to_owned()
        } else {
            said.to_owned()
        });
    }
    let converted = response["convertedObjects"].as_array();
    let converted = converted
        .filter(|list| list.len() == objects.len())
        .ok_or_else(|| {
            format!(
                "it returned {} objects, expected {}",
                converted.map_or(0, Vec::len),
                objects.len()
            )
        })?;
    let pairs = objects.iter().zip(converted);
    pairs
        .map(|(before, after)| one(before, after, to).map(Arc::new))
        .collect()
}

fn one(before: &Value, after: &Value, to: &str) -> Result<Value, String> {
    if after["apiVersion"] != to || after["kind"] != before["kind"] {
        return Err(format!(
            "it returned a {} of {:?} instead of a {} of {to:?}",
            text(after, "/kind"),
            text(after, "/apiVersion"),
            text(before, "/kind"),
        ));
    }
    for field in ["name", "namespace", "uid"] {
        if after["metadata"][field] != before["metadata"][field] {
            return Err(format!("it changed metadata.{field}"));
        }
    }
    let mut object = after.clone();
    object["metadata"] = before["metadata"].clone();
    for field in ["labels", "annotations"] {
        match after["metadata"].get(field) {
            Some(value) => object["metadata"][field] = value.clone(),
            None => {
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
            json!([object])
        };
        let success = json!({"status": "Success"});
        let table = [
            ("1", success.clone(), json!([good]), ""),
            ("2", success.clone(), json!([good]), "the UID"),
            (
                "1",
                json!({"status": "Failure", "message": "no"}),
                json!([good]),
                "no",
            ),
            ("1", json!({}), json!([good]), "without a reason"),
            (
                "1",
                success.clone(),
                json!([]),
                "returned 0 objects, expected 1",
            ),
            (
                "1",
                success.clone(),
                with("/apiVersion", json!("a/v3")),
                "instead of",
            ),
            (
                "1",
                success.clone(),
                with("/metadata/name", json!("x")),
                "metadata.name",
            ),
        ];
        for (uid, result, objects, expected) in table {
            let response = json!({"uid": uid, "result": result, "convertedObjects": objects});
            match read(&response, "1", "a/v2", &[Arc::new(before.clone())]) {
                Ok(objects) => {
                    assert_eq!(expected, "");
                    let metadata = &objects[0]["metadata"];
                    assert_eq!(metadata["generation"], 2);
                    assert_eq!(metadata["annotations"]["c"], "d");
                    assert!(metadata.get("labels").is_none());
                }
                Err(error) => assert!(!expected.is_empty() && error.contains(expected), "{error}"),
            }
        }
    }
}
