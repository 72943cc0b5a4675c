//! Secrets of type `kubernetes.io/service-account-token`: filled with a token,
//! deleted with their account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Host;
use super::follow::{Outcome, follow};
use super::hand::{Hand, unless};
use crate::api::GroupResource;
use crate::builtin::text;
use crate::pki::Bound;
use crate::registry::{Event, EventKind, View};
use crate::status::Status;

const TYPE: &str = "kubernetes.io/service-account-token";
const NAME: &str = "kubernetes.io/service-account.name";
const UID: &str = "kubernetes.io/service-account.uid";

fn secrets() -> GroupResource {
    GroupResource::new("", "secrets")
}

fn accounts() -> GroupResource {
    GroupResource::new("", "serviceaccounts")
}

pub(super) async fn run(host: Host, stop: CancellationToken) {
    let events = host.registry.subscribe(&[secrets(), accounts()], true);
    let hand = Hand::new(host.registry.clone(), "kube-controller-manager");
    let observe = |event: &Event| observe(&host.registry, event);
    let reconcile = |(namespace, name): (String, String)| {
        let (hand, host) = (hand.clone(), &host);
        async move { reconcile(&hand, host, &namespace, &name).await }
    };
    follow("token secrets", stop, events, observe, reconcile).await;
}

fn observe(view: &dyn View, event: &Event) -> Vec<(String, String)> {
    let namespace = event.namespace();
    if **event.gr() == secrets() {
        return if event.kind() != EventKind::Deleted && event.object()["type"] == TYPE {
            vec![(namespace.to_owned(), event.name().to_owned())]
        } else {
            Vec::new()
        };
    }
    if event.kind() != EventKind::Deleted {
        return Vec::new();
    }
    view.read_all(&secrets(), Some(namespace))
        .iter()
        .filter(|secret| {
            secret["type"] == TYPE && secret["metadata"]["annotations"][NAME] == event.name()
        })
        .map(|secret| {
            (
                namespace.to_owned(),
                text(secret, "/metadata/name").to_owned(),
            )
        })
        .collect()
}

async fn reconcile(hand: &Hand, host: &Host, namespace: &str, name: &str) -> Outcome {
    let Some(secret) = hand.read(&secrets(), namespace, name) else {
        return Ok(None);
    };
    if secret["type"] != TYPE || !secret["metadata"]["deletionTimestamp"].is_null() {
        return Ok(None);
    }
    let annotations = &secret["metadata"]["annotations"];
    let wanted = annotations[NAME].as_str().unwrap_or_default();
    let account = hand.read(&accounts(), namespace, wanted);
    let uid = annotations[UID].as_str().unwrap_or_default();
    let Some(account) = account.filter(|a| uid.is_empty() || a["metadata"]["uid"] == uid) else {
        hand.delete(&secrets(), &secret, "Background").await?;
        return Ok(None);
    };
    let mut new = (*secret).clone();
    if fill(host, namespace, name, &account, &mut new)? {
        unless(hand.update(&secrets(), "", new).await, &[404])?;
    }
    Ok(None)
}

/// Adds what the secret misses; whether it missed anything.
fn fill(
    host: &Host,
    namespace: &str,
    name: &str,
    account: &Value,
    secret: &mut Value,
) -> Result<bool, Status> {
    let mut changed = false;
    let uid = account["metadata"]["uid"].clone();
    if secret["metadata"]["annotations"][UID] != uid {
        secret["metadata"]["annotations"][UID] = uid;
        changed = true;
    }
    if !secret["data"].is_object() {
        secret["data"] = json!({});
    }
    for (key, text) in [
        ("ca.crt", host.authority.pem()),
        ("namespace", namespace.to_owned()),
    ] {
        let encoded = json!(STANDARD.encode(text));
        if secret["data"][key] != encoded {
            secret["data"][key] = encoded;
            changed = true;
        }
    }
    if secret["data"]["token"].as_str().is_none_or(str::is_empty) {
        let bound = Bound {
            name: text(account, "/metadata/name").to_owned(),
            uid: text(account, "/metadata/uid").to_owned(),
        };
        let token = host
            .keys
            .issue_for_secret(namespace, &bound, name)
            .map_err(Status::internal)?;
        secret["data"]["token"] = json!(STANDARD.encode(token));
        changed = true;
    }
    Ok(changed)
}
