//! Resources that answer a question and are not stored: reviews of access and
//! of tokens.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{now, text, token};
use crate::api::{Attributes, UserInfo};
use crate::authn::Authenticator;
use crate::authz::Rule;
use crate::pki::ISSUER;
use crate::registry::View;
use crate::schema::cause;
use crate::status::{Cause, Status};
use crate::types::ResourceType;

/// A create that is a question.
pub struct Question<'a> {
    /// Who asks.
    pub user: &'a UserInfo,
    /// Of which resource.
    pub resource: &'a ResourceType,
    /// `token`, or empty.
    pub subresource: &'a str,
    /// Of the URL; empty for cluster-scoped questions.
    pub namespace: &'a str,
    /// Of the URL; empty without a subresource.
    pub name: &'a str,
    /// What is sent.
    pub body: &'a Value,
}

/// The answer, with 201; `None` when the resource is one that is stored.
pub fn answer(
    view: &dyn View,
    authenticator: &Authenticator,
    question: &Question<'_>,
) -> Option<Result<Value, Status>> {
    let gr = &question.resource.gr;
    let mut body = question.body.clone();
    let status = match (
        gr.group.as_str(),
        gr.resource.as_str(),
        question.subresource,
    ) {
        ("", "serviceaccounts", "token") => {
            token::request(view, authenticator, question, &mut body)
        }
        ("authentication.k8s.io", "tokenreviews", "") => {
            token_review(view, authenticator, question)
        }
        ("authentication.k8s.io", "selfsubjectreviews", "") => {
            Ok(json!({"userInfo": question.user}))
        }
        ("authorization.k8s.io", "subjectaccessreviews", "") => {
            subject_review(view, question, None)
        }
        ("authorization.k8s.io", "localsubjectaccessreviews", "") => {
            subject_review(view, question, Some(question.namespace))
        }
        ("authorization.k8s.io", "selfsubjectaccessreviews", "") => {
            review(view, question, question.user, None)
        }
        ("authorization.k8s.io", "selfsubjectrulesreviews", "") => rules_review(view, question),
        _ => return None,
    };
    Some(status.map(|status| {
        if !body["metadata"].is_object() {
            body["metadata"] = json!({});
        }
        if gr.resource == "localsubjectaccessreviews" {
            body["metadata"]["namespace"] = json!(question.namespace);
        }
        if gr.resource == "selfsubjectrulesreviews" {
            // It answers with no more than the status.
            body["metadata"] = json!({});
            body["spec"] = json!({});
        }
        if gr.resource == "selfsubjectreviews" {
            body["metadata"]["creationTimestamp"] = json!(now());
        }
        body["status"] = status;
        body
    }))
}

/// A question has no name: it is not stored.
fn nameless(question: &Question<'_>) -> Result<(), Status> {
    let metadata = &question.body["metadata"];
    let empty = metadata.as_object().is_none_or(|map| {
        map.iter()
            .all(|(key, _)| matches!(key.as_str(), "managedFields" | "namespace"))
    });
    if empty {
        return Ok(());
    }
    Err(refuse(
        question,
        cause::invalid("metadata", metadata, "must be empty"),
    ))
}

/// Kubernetes names no kind here.
fn refuse(question: &Question<'_>, cause: Cause) -> Status {
    let mut gvk = question.resource.gvk.clone();
    gvk.kind.clear();
    Status::invalid(&gvk, "", vec![cause])
}

fn token_review(
    view: &dyn View,
    authenticator: &Authenticator,
    question: &Question<'_>,
) -> Result<Value, Status> {
    let token = text(question.body, "/spec/token");
    if token.is_empty() {
        return Err(Status::bad_request(
            "token is required for TokenReview in authentication",
        ));
    }
    let audiences =
        Vec::<String>::deserialize(&question.body["spec"]["audiences"]).unwrap_or_default();
    let wanted = if audiences.is_empty() {
        vec![ISSUER.to_owned()]
    } else {
        audiences
    };
    Ok(match authenticator.token_user(view, token, &wanted) {
        Ok((user, audiences)) => {
            json!({"authenticated": true, "user": user, "audiences": audiences})
        }
        Err(error) => json!({"user": {}, "error": error}),
    })
}

fn subject_review(
    view: &dyn View,
    question: &Question<'_>,
    within: Option<&str>,
) -> Result<Value, Status> {
    let spec = &question.body["spec"];
    let list = |field: &str| Vec::<String>::deserialize(&spec[field]).unwrap_or_default();
    let user = UserInfo {
        username: text(spec, "/user").to_owned(),
        uid: text(spec, "/uid").to_owned(),
        groups: list("groups"),
        extra: BTreeMap::deserialize(&spec["extra"]).unwrap_or_default(),
    };
    if user.username.is_empty() && user.groups.is_empty() {
        let why = "at least one of user or group must be specified";
        return Err(refuse(
            question,
            cause::invalid("spec.user", &json!(""), why),
        ));
    }
    review(view, question, &user, within)
}

fn review(
    view: &dyn View,
    question: &Question<'_>,
    user: &UserInfo,
    within: Option<&str>,
) -> Result<Value, Status> {
    nameless(question)?;
    let spec = &question.body["spec"];
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let wanted = match (resource.is_object(), path.is_object()) {
        (true, false) => {
            let of = |field: &str| resource[field].as_str().unwrap_or_default().to_owned();
            Attributes {
                verb: of("verb"),
                group: of("group"),
                version: of("version"),
                resource: of("resource"),
                subresource: of("subresource"),
                namespace: of("namespace"),
                name: of("name"),
                path: String::new(),
            }
        }
        (false, true) => Attributes {
            verb: text(path, "/verb").to_owned(),
            path: text(path, "/path").to_owned(),
            ..Attributes::default()
        },
        _ => {
            let why =
                "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let cause = if path.is_object() {
                cause::invalid_shown("spec", &as_go(path), why)
            } else {
                cause::invalid("spec", &Value::Null, why)
            };
            return Err(refuse(question, cause));
        }
    };
    if within.is_some() && path.is_object() {
        let why = "disallowed on this kind of request";
        let field = "spec.nonResourceAttributes";
        return Err(refuse(
            question,
            cause::invalid_shown(field, &as_go(path), why),
        ));
    }
    if let Some(namespace) = within
        && wanted.namespace != namespace
    {
        let why = "must match metadata.namespace";
        let field = "spec.resourceAttributes.namespace";
        return Err(refuse(
            question,
            cause::invalid(field, &json!(wanted.namespace), why),
        ));
    }
    let (allowed, reason) = view.authorize(user, &wanted);
    let mut status = json!({"allowed": allowed});
    if !reason.is_empty() {
        status["reason"] = json!(reason);
    }
    Ok(status)
}

/// A path as Kubernetes shows it: by the fields of its own type.
fn as_go(path: &Value) -> String {
    format!(
        "{{\"Path\":{},\"Verb\":{}}}",
        json!(text(path, "/path")),
        json!(text(path, "/verb"))
    )
}

fn rules_review(view: &dyn View, question: &Question<'_>) -> Result<Value, Status> {
    let namespace = text(question.body, "/spec/namespace");
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let (mut rules, errors) = view.authorizer().rules(question.user, namespace);
    let mut seen = Vec::new();
    rules.retain(|rule| {
        let new = !seen.contains(rule);
        if new {
            seen.push(rule.clone());
        }
        new
    });
    let (paths, resources): (Vec<Rule>, Vec<Rule>) = rules
        .into_iter()
        .partition(|rule| !rule.non_resource_urls.is_empty());
    let mut status = json!({
        "resourceRules": resources,
        "nonResourceRules": paths,
        "incomplete": !errors.is_empty(),
    });
    if !errors.is_empty() {
        status["evaluationError"] = json!(errors.join(", "));
    }
    Ok(status)
}
