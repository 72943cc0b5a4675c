//! The user behind a service-account token, as long as the account and what
//! the token is bound to are there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{AUTHENTICATED, CREDENTIAL_ID};
use crate::api::{GroupResource, UserInfo};
use crate::pki::{Bound, Claims, service_account_user};
use crate::registry::View;

/// What is said of a token whose object is gone.
const INVALIDATED: &str = "service account token has been invalidated";

/// The groups of the accounts of a namespace.
pub(super) fn groups(namespace: &str) -> Vec<String> {
    vec![
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ]
}

/// Checks the claims against the stored objects.
pub(super) fn user(view: &dyn View, claims: &Claims) -> Result<UserInfo, String> {
    let Claims {
        namespace, account, ..
    } = claims;
    let live = |resource: &str, namespace: &str, bound: &Bound| -> Result<(), String> {
        let object = view.read(&GroupResource::new("", resource), namespace, &bound.name);
        let why = match object {
            None if resource == "serviceaccounts" => {
                format!("serviceaccounts {:?} not found", bound.name)
            }
            None => INVALIDATED.to_owned(),
            Some(object) if !bound.uid.is_empty() && object["metadata"]["uid"] != bound.uid => {
                match resource {
                    "serviceaccounts" => format!(
                        "service account UID ({}) does not match claim ({})",
                        object["metadata"]["uid"].as_str().unwrap_or_default(),
                        bound.uid
                    ),
                    _ => INVALIDATED.to_owned(),
                }
            }
            Some(object) if deleted(&object) => INVALIDATED.to_owned(),
            Some(_) => return Ok(()),
        };
        Err(format!("[invalid bearer token, {why}]"))
    };
    live("serviceaccounts", namespace, account)?;
    let mut extra = BTreeMap::new();
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            extra.insert(
                format!("authentication.kubernetes.io/{key}"),
                vec![value.to_owned()],
            );
        }
    };
    if let Some(secret) = &claims.secret {
        live("secrets", namespace, secret)?;
    }
    if let Some(pod) = &claims.pod {
        live("pods", namespace, pod)?;
        add("pod-name", &pod.name);
        add("pod-uid", &pod.uid);
    }
    if let Some(node) = &claims.node {
        if claims.pod.is_none() {
            live("nodes", "", node)?;
        }
        add("node-name", &node.name);
        add("node-uid", &node.uid);
    }
    if !claims.id.is_empty() {
        extra.insert(CREDENTIAL_ID.to_owned(), vec![format!("JTI={}", claims.id)]);
    }
    let mut groups = groups(namespace);
    groups.push(AUTHENTICATED.to_owned());
    Ok(UserInfo {
        username: service_account_user(namespace, &account.name),
        uid: account.uid.clone(),
        groups,
        extra,
    })
}

/// A minute after its deletion a lingering object no longer vouches for tokens.
fn deleted(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"]
        .as_str()
        .and_then(|at| at.parse::<Timestamp>().ok())
        .is_some_and(|at| Timestamp::now().as_second() > at.as_second() + 60)
}
