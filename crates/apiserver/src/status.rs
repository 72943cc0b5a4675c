//! `metav1.Status`: the one error type of the server. Every stage returns it;
//! `http` writes it.

use serde_json::{Value, json};

use crate::api::{GroupResource, GroupVersionKind};

/// One entry of `details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// For example `FieldValueInvalid`.
    pub reason: String,
    /// For people.
    pub message: String,
    /// Path such as `spec.replicas`.
    pub field: String,
}

/// A failed request, as Kubernetes words it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// For example `NotFound`; empty when Kubernetes sends none.
    pub reason: String,
    /// For people.
    pub message: String,
    /// `details.group`, `details.kind` (the plural, except for `Invalid`, which has the kind), `details.name`.
    pub subject: Option<(String, String, String)>,
    /// `details.causes`.
    pub causes: Vec<Cause>,
    /// `details.retryAfterSeconds`; also the `Retry-After` header.
    pub retry_after: Option<u32>,
    /// `metadata.continue`: where a list can go on whose version is gone.
    pub continue_token: Option<Box<str>>,
}

impl Status {
    /// A status without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            subject: None,
            causes: Vec::new(),
            retry_after: None,
            continue_token: None,
        }
    }

    fn about(mut self, gr: &GroupResource, name: &str) -> Self {
        self.subject = Some((gr.group.clone(), gr.resource.clone(), name.to_owned()));
        self
    }

    /// With empty `details`, as Kubernetes sends where a request as such fails.
    #[must_use]
    pub fn about_nothing(mut self) -> Self {
        self.subject = Some(Default::default());
        self
    }

    /// A status with details that say nothing, as Kubernetes sends where no
    /// object is concerned.
    pub fn generic(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self::new(code, reason, message).about_nothing()
    }

    /// 400 BadRequest.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 for an object that does not exist.
    pub fn not_found(gr: &GroupResource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{gr} \"{name}\" not found")).about(gr, name)
    }

    /// 409 for a name that is taken.
    pub fn already_exists(gr: &GroupResource, name: &str) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("{gr} \"{name}\" already exists"),
        )
        .about(gr, name)
    }

    /// 409 for a write on an old version.
    pub fn conflict(gr: &GroupResource, name: &str, why: &str) -> Self {
        Self::new(
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {gr} \"{name}\": {why}"),
        )
        .about(gr, name)
    }

    /// 403; `why` is the authorizer's or admission's sentence.
    pub fn forbidden(gr: &GroupResource, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{gr} is forbidden: {why}")
        } else {
            format!("{gr} \"{name}\" is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message).about(gr, name)
    }

    /// 422 for an object that breaks the rules of its kind.
    pub fn invalid(gvk: &GroupVersionKind, name: &str, causes: Vec<Cause>) -> Self {
        let kind = GroupResource::new(&gvk.group, &gvk.kind);
        let sentences: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let sentences = match sentences.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut status = Self::new(
            422,
            "Invalid",
            format!("{kind} \"{name}\" is invalid: {sentences}"),
        )
        .about(&kind, name);
        status.causes = causes;
        status
    }

    /// 500 for what should not happen.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        let mut status = Self::new(
            500,
            "InternalError",
            format!("Internal error occurred: {message}"),
        );
        status.causes.push(Cause {
            reason: String::new(),
            message: message.to_string(),
            field: String::new(),
        });
        status
    }

    /// The body of the response.
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            body["reason"] = json!(self.reason);
        }
        if let Some(token) = &self.continue_token {
            body["metadata"]["continue"] = json!(token);
        }
        let mut details = serde_json::Map::new();
        if let Some((group, kind, name)) = &self.subject {
            for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
                if !value.is_empty() {
                    details.insert(key.to_owned(), json!(value));
                }
            }
        }
        if !self.causes.is_empty() {
            let causes: Vec<Value> = self
                .causes
                .iter()
                .map(|cause| {
                    let mut entry = json!({"message": cause.message});
                    if !cause.reason.is_empty() {
                        entry["reason"] = json!(cause.reason);
                    }
                    if !cause.field.is_empty() {
                        entry["field"] = json!(cause.field);
                    }
                    entry
                })
                .collect();
            details.insert("causes".to_owned(), Value::Array(causes));
        }
        if let Some(seconds) = self.retry_after {
            details.insert("retryAfterSeconds".to_owned(), json!(seconds));
        }
        if !details.is_empty() || self.subject.is_some() {
            body["details"] = Value::Object(details);
        }
        body
    }
}
