//! The AdmissionReview: what the API server asks, and how it is answered.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// A write that is judged.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// Repeated in the answer.
    pub uid: String,
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub operation: String,
    /// The object's name; may be empty for one that is created.
    pub name: String,
    /// Its namespace; empty when it has none.
    pub namespace: String,
    /// Who writes.
    pub user_info: UserInfo,
    /// The object as it will be; null for a deletion.
    pub object: Value,
    /// The object as it is; null for a creation.
    pub old_object: Value,
}

/// Who writes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    /// The user's name.
    pub username: String,
    /// The user's id.
    pub uid: String,
    /// The user's groups.
    pub groups: Vec<String>,
    /// What else the API server knows.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Request {
    /// Whether the object is new.
    #[must_use]
    pub fn creates(&self) -> bool {
        self.operation == "CREATE"
    }

    /// The object's name.
    #[must_use]
    pub fn object_name(&self) -> &str {
        match self.name.as_str() {
            "" => self.object["metadata"]["name"].as_str().unwrap_or_default(),
            name => name,
        }
    }
}

/// What a judge says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// As it is.
    Allow,
    /// Like this instead (the whole object).
    Change(Value),
    /// Not at all.
    Refuse(Refusal),
}

/// Why a write is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// Kubernetes' word for it.
    pub reason: &'static str,
    /// For the person who tried.
    pub message: String,
}

impl Refusal {
    /// 400: the object is wrong, whoever writes it.
    #[must_use]
    pub fn bad(message: impl Into<String>) -> Self {
        Self {
            code: 400,
            reason: "BadRequest",
            message: message.into(),
        }
    }

    /// 403: this user may not write it.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self {
            code: 403,
            reason: "Forbidden",
            message: message.into(),
        }
    }
}

/// The question in a review, and the review's version.
pub(super) fn read(body: &[u8]) -> Option<(String, Request)> {
    let mut review: Value = serde_json::from_slice(body).ok()?;
    let version = review["apiVersion"].as_str()?.to_owned();
    if review["kind"] != "AdmissionReview" {
        return None;
    }
    let request = Request::deserialize(review["request"].take()).ok()?;
    (!request.uid.is_empty()).then_some((version, request))
}

/// The answer.
pub(super) fn answer(version: &str, request: &Request, verdict: &Verdict) -> Value {
    let mut response = json!({"uid": request.uid, "allowed": true});
    match verdict {
        Verdict::Allow => {}
        Verdict::Change(object) => {
            let patch = json_patch::diff(&request.object, object);
            if !patch.0.is_empty() {
                response["patchType"] = "JSONPatch".into();
                response["patch"] = STANDARD.encode(json!(patch).to_string()).into();
            }
        }
        Verdict::Refuse(refusal) => {
            response["allowed"] = false.into();
            response["status"] = json!({
                "code": refusal.code,
                "reason": refusal.reason,
                "message": refusal.message,
            });
        }
    }
    json!({"apiVersion": version, "kind": "AdmissionReview", "response": response})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_read_and_answered_in_its_own_version() {
        let body = json!({
            "apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview",
            "request": {"uid": "u", "operation": "CREATE", "oldObject": null,
                "userInfo": {"username": "a", "groups": ["g"]},
                "object": {"metadata": {"name": "n"}}},
        });
        let (version, request) = read(body.to_string().as_bytes()).unwrap();
        assert!(request.creates());
        assert_eq!(request.object_name(), "n");
        let changed = json!({"metadata": {"name": "n", "labels": {"a": "b"}}});
        let said = answer(&version, &request, &Verdict::Change(changed));
        assert_eq!(said["apiVersion"], "admission.k8s.io/v1beta1");
        assert_eq!(said["response"]["uid"], "u");
        let patch = STANDARD
            .decode(said["response"]["patch"].as_str().unwrap())
            .unwrap();
        let patch: Value = serde_json::from_slice(&patch).unwrap();
        assert_eq!(
            patch,
            json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}])
        );
        let said = answer(&version, &request, &Verdict::Refuse(Refusal::bad("no")));
        assert_eq!(said["response"]["allowed"], false);
        assert_eq!(said["response"]["status"]["code"], 400);
    }

    #[test]
    fn nonsense_is_no_review() {
        for body in ["", "{}", r#"{"apiVersion":"v1","kind":"AdmissionReview"}"#] {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
