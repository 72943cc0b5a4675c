//! Bootstrap tokens sign `kube-public/cluster-info`, and are deleted when their
//! time is over.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::hmac;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::follow::{Outcome, follow, until};
use super::hand::{Hand, unless};
use crate::api::GroupResource;
use crate::authn::{TOKEN_TYPE, TokenSecret};
use crate::registry::{Event, Registry, View};

const SYSTEM: &str = "kube-system";
const PUBLIC: &str = "kube-public";
const INFO: &str = "cluster-info";
const SIGNATURE: &str = "jws-kubeconfig-";

fn secrets() -> GroupResource {
    GroupResource::new("", "secrets")
}

fn maps() -> GroupResource {
    GroupResource::new("", "configmaps")
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Sign,
    Expire(String),
}

pub(super) async fn run(registry: Registry, stop: CancellationToken) {
    let events = registry.subscribe(&[secrets(), maps()], true);
    let hand = Hand::new(registry, "bootstrap-signer");
    let observe = |event: &Event| {
        let place = (event.namespace(), event.name());
        if **event.gr() == maps() {
            return if place == (PUBLIC, INFO) {
                vec![Task::Sign]
            } else {
                Vec::new()
            };
        }
        if place.0 == SYSTEM && event.object()["type"] == TOKEN_TYPE {
            return vec![Task::Sign, Task::Expire(place.1.to_owned())];
        }
        Vec::new()
    };
    let reconcile = |task: Task| {
        let hand = hand.clone();
        async move {
            match task {
                Task::Sign => sign(&hand).await,
                Task::Expire(name) => expire(&hand, &name).await,
            }
        }
    };
    follow("bootstrap tokens", stop, events, observe, reconcile).await;
}

async fn expire(hand: &Hand, name: &str) -> Outcome {
    let Some(secret) = hand.read(&secrets(), SYSTEM, name) else {
        return Ok(None);
    };
    let Some(token) = TokenSecret::of(&secret) else {
        return Ok(None);
    };
    let Some(end) = token.expiration() else {
        return Ok(None);
    };
    if token.is_valid(Timestamp::now()) {
        return Ok(Some(until(end)));
    }
    hand.delete(&secrets(), &secret, "Background").await?;
    Ok(None)
}

async fn sign(hand: &Hand) -> Outcome {
    let Some(info) = hand.read(&maps(), PUBLIC, INFO) else {
        return Ok(None);
    };
    let tokens = hand.registry.read_all(&secrets(), Some(SYSTEM));
    let wanted = signatures(
        &info,
        tokens.iter().map(|secret| &**secret),
        Timestamp::now(),
    );
    let mut new = (*info).clone();
    let Some(data) = new["data"].as_object_mut() else {
        return Ok(None);
    };
    data.retain(|key, _| !key.starts_with(SIGNATURE));
    data.extend(wanted);
    if new != *info {
        unless(hand.update(&maps(), "", new).await, &[404])?;
    }
    Ok(None)
}

/// The signatures that `cluster-info` should carry: one a valid token.
fn signatures<'a>(
    info: &Value,
    secrets: impl Iterator<Item = &'a Value>,
    now: Timestamp,
) -> BTreeMap<String, Value> {
    let Some(kubeconfig) = info["data"]["kubeconfig"].as_str() else {
        return BTreeMap::new();
    };
    secrets
        .filter_map(TokenSecret::of)
        .filter(|token| token.is_valid(now) && token.usable_for("signing"))
        .filter_map(|token| {
            let (id, secret) = (token.field("token-id")?, token.field("token-secret")?);
            let jws = detached(kubeconfig, &id, &secret);
            Some((format!("{SIGNATURE}{id}"), json!(jws)))
        })
        .collect()
}

/// A JSON Web Signature (HS256) without its content.
fn detached(content: &str, id: &str, secret: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "kid": id}).to_string());
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(content));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn every_valid_signing_token_signs() {
        let secret = |id: &str, usage: &str, end: &str| {
            let encode = |text: &str| json!(STANDARD.encode(text));
            json!({
                "type": TOKEN_TYPE,
                "metadata": {"namespace": SYSTEM, "name": format!("bootstrap-token-{id}")},
                "data": {
                    "token-id": encode(id),
                    "token-secret": encode("0123456789abcdef"),
                    "usage-bootstrap-signing": encode(usage),
                    "expiration": encode(end),
                },
            })
        };
        let secrets = [
            secret("aaaaaa", "true", "2999-01-01T00:00:00Z"),
            secret("bbbbbb", "false", "2999-01-01T00:00:00Z"),
            secret("cccccc", "true", "2001-01-01T00:00:00Z"),
        ];
        let info = json!({"data": {"kubeconfig": "content"}});
        let signatures = signatures(&info, secrets.iter(), Timestamp::now());
        assert_eq!(
            signatures.keys().collect::<Vec<_>>(),
            ["jws-kubeconfig-aaaaaa"]
        );
        let jws = signatures["jws-kubeconfig-aaaaaa"].as_str().unwrap();
        let parts: Vec<&str> = jws.split('.').collect();
        assert_eq!(
            URL_SAFE_NO_PAD.decode(parts[0]).unwrap(),
            br#"{"alg":"HS256","kid":"aaaaaa"}"#
        );
        let signed = format!("{}.{}", parts[0], URL_SAFE_NO_PAD.encode("content"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef");
        hmac::verify(
            &key,
            signed.as_bytes(),
            &URL_SAFE_NO_PAD.decode(parts[2]).unwrap(),
        )
        .unwrap();
        assert_eq!(parts[1], "");
    }
}
