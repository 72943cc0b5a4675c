//! Approved certificate requests are signed when their signer is one of
//! Kubernetes' own; old ones are cleaned away. Those of nodes are approved for who
//! may have nodes join.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Host;
use super::follow::{Outcome, follow, until};
use super::hand::{Hand, unless};
use crate::api::{Attributes, UserInfo};
use crate::builtin::csr::{has, request, resource, stale_at};
use crate::builtin::{now, text};
use crate::pki::{CertificateRequest, San, Usage};
use crate::registry::{Event, EventKind, View};

const A_YEAR: u64 = 365 * 24 * 3600;
const SHORTEST: u64 = 600;
const SHORT: u64 = 8 * 3600;
const BACKDATE: u64 = 300;

pub(super) async fn run(host: Host, stop: CancellationToken) {
    let events = host.registry.subscribe(&[resource()], true);
    let hand = Hand::new(host.registry.clone(), "csrsigning");
    let observe = |event: &Event| match event.kind() {
        EventKind::Deleted => Vec::new(),
        _ => vec![event.name().to_owned()],
    };
    let reconcile = |name: String| {
        let (hand, host) = (hand.clone(), &host);
        async move { reconcile(&hand, host, &name).await }
    };
    follow("certificate requests", stop, events, observe, reconcile).await;
}

async fn reconcile(hand: &Hand, host: &Host, name: &str) -> Outcome {
    let Some(csr) = hand.read(&resource(), "", name) else {
        return Ok(None);
    };
    if let Some(at) = stale_at(&csr)
        && at <= jiff::Timestamp::now()
    {
        hand.delete(&resource(), &csr, "Background").await?;
        return Ok(None);
    }
    if let Some(why) = approval(&hand.registry, &csr) {
        let mut new = (*csr).clone();
        let approved = json!({
            "type": "Approved",
            "status": "True",
            "reason": "AutoApproved",
            "message": why,
        });
        match new["status"]["conditions"].as_array_mut() {
            Some(conditions) => conditions.push(approved),
            None => new["status"]["conditions"] = json!([approved]),
        }
        unless(hand.update(&resource(), "approval", new).await, &[404])?;
        // It comes again, approved.
        return Ok(None);
    }
    if let Some(verdict) = decide(&csr) {
        let mut new = (*csr).clone();
        let signed = verdict.and_then(|(request, usages, lifetime)| {
            host.authority
                .sign_request(&request, &usages, lifetime)
                .map_err(|error| error.to_string())
        });
        match signed {
            Ok(pem) => new["status"]["certificate"] = json!(STANDARD.encode(pem)),
            Err(why) => fail(&mut new, &why),
        }
        unless(hand.update(&resource(), "status", new).await, &[404])?;
    }
    Ok(stale_at(&csr).map(until))
}

fn fail(csr: &mut Value, why: &str) {
    let failed = json!({
        "type": "Failed",
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": why,
        "lastUpdateTime": now(),
        "lastTransitionTime": now(),
    });
    match csr["status"]["conditions"].as_array_mut() {
        Some(conditions) => conditions.push(failed),
        None => csr["status"]["conditions"] = json!([failed]),
    }
}

type Order = (CertificateRequest, Vec<Usage>, Duration);

/// What to sign, or why it cannot be signed; `None`: nothing to do here.
fn decide(csr: &Value) -> Option<Result<Order, String>> {
    let signed = !text(csr, "/status/certificate").is_empty();
    if signed || !has(csr, "Approved") || has(csr, "Denied") || has(csr, "Failed") {
        return None;
    }
    let rules: fn(&CertificateRequest, &[Usage]) -> Result<(), String> =
        match text(csr, "/spec/signerName") {
            "kubernetes.io/kube-apiserver-client" => api_client,
            "kubernetes.io/kube-apiserver-client-kubelet" => kubelet_client,
            "kubernetes.io/kubelet-serving" => kubelet_serving,
            _ => return None,
        };
    let order = request(csr).and_then(|request| {
        let usages = usages(csr);
        rules(&request, &usages)?;
        let seconds = csr["spec"]["expirationSeconds"].as_u64().unwrap_or(A_YEAR);
        let seconds = seconds.clamp(SHORTEST, A_YEAR);
        // A certificate begins five minutes ago; a long one ends as much earlier.
        let seconds = if seconds < SHORT {
            seconds
        } else {
            seconds - BACKDATE
        };
        let lifetime = Duration::from_secs(seconds);
        Ok((request, usages, lifetime))
    });
    Some(order)
}

/// Whether the usages are these, with or without `key encipherment`.
fn exactly(usages: &[Usage], needed: Usage) -> bool {
    let fine = [needed, Usage::DigitalSignature, Usage::KeyEncipherment];
    fine[..2].iter().all(|usage| usages.contains(usage))
        && usages.iter().all(|usage| fine.contains(usage))
}

fn api_client(_: &CertificateRequest, usages: &[Usage]) -> Result<(), String> {
    let fine = [
        Usage::ClientAuth,
        Usage::DigitalSignature,
        Usage::KeyEncipherment,
    ];
    if let Some(other) = usages.iter().find(|usage| !fine.contains(usage)) {
        return Err(format!(
            "invalid usage for client certificate: {}",
            other.name()
        ));
    }
    if !usages.contains(&Usage::ClientAuth) {
        return Err("missing required usage for client certificate: client auth".to_owned());
    }
    Ok(())
}

fn of_nodes(request: &CertificateRequest) -> Result<(), String> {
    match request
        .organizations
        .iter()
        .map(String::as_str)
        .eq(["system:nodes"])
    {
        true => Ok(()),
        false => Err("subject organization is not system:nodes".to_owned()),
    }
}

fn named_as_node(request: &CertificateRequest) -> Result<(), String> {
    match request.common_name.starts_with("system:node:") {
        true => Ok(()),
        false => Err("subject common name does not begin with system:node:".to_owned()),
    }
}

/// Refuses the first kind of these names that there is.
fn without(request: &CertificateRequest, kinds: &[&str]) -> Result<(), String> {
    let kind = |name: &San| match name {
        San::Dns(_) => "DNS",
        San::Email(_) => "Email",
        San::Ip(_) => "IP",
        San::Uri(_) => "URI",
    };
    for wanted in kinds {
        if request.names.iter().any(|name| kind(name) == *wanted) {
            return Err(format!("{wanted} subjectAltNames are not allowed"));
        }
    }
    Ok(())
}

// The order in which Kubernetes looks decides what is said.
fn kubelet_client(request: &CertificateRequest, usages: &[Usage]) -> Result<(), String> {
    of_nodes(request)?;
    without(request, &["DNS", "Email", "IP", "URI"])?;
    named_as_node(request)?;
    if !exactly(usages, Usage::ClientAuth) {
        return Err(
            "usages did not match [client auth digital signature key encipherment]".to_owned(),
        );
    }
    Ok(())
}

fn kubelet_serving(request: &CertificateRequest, usages: &[Usage]) -> Result<(), String> {
    of_nodes(request)?;
    if !request
        .names
        .iter()
        .any(|name| matches!(name, San::Dns(_) | San::Ip(_)))
    {
        return Err("DNS or IP subjectAltName is required".to_owned());
    }
    without(request, &["Email", "URI"])?;
    if !exactly(usages, Usage::ServerAuth) {
        return Err(
            "usages did not match [digital signature key encipherment server auth]".to_owned(),
        );
    }
    named_as_node(request)
}

/// Why a node's request for a client certificate is approved by itself, if it is:
/// whoever asks may have nodes join, or be the node again.
fn approval(view: &dyn View, csr: &Value) -> Option<&'static str> {
    let settled =
        !text(csr, "/status/certificate").is_empty() || has(csr, "Approved") || has(csr, "Denied");
    if settled || text(csr, "/spec/signerName") != "kubernetes.io/kube-apiserver-client-kubelet" {
        return None;
    }
    let request = request(csr).ok()?;
    kubelet_client(&request, &usages(csr)).ok()?;
    let spec = &csr["spec"];
    let user = UserInfo {
        username: text(spec, "/username").to_owned(),
        uid: text(spec, "/uid").to_owned(),
        groups: Vec::deserialize(&spec["groups"]).unwrap_or_default(),
        extra: BTreeMap::deserialize(&spec["extra"]).unwrap_or_default(),
    };
    let may = |subresource: &str| {
        let wanted = Attributes {
            verb: "create".to_owned(),
            group: resource().group,
            version: "*".to_owned(),
            resource: resource().resource,
            subresource: subresource.to_owned(),
            ..Attributes::default()
        };
        view.authorize(&user, &wanted).0
    };
    if user.username == request.common_name && may("selfnodeclient") {
        Some("Auto approving self kubelet client certificate after SubjectAccessReview.")
    } else if may("nodeclient") {
        Some("Auto approving kubelet client certificate after SubjectAccessReview.")
    } else {
        None
    }
}

fn usages(csr: &Value) -> Vec<Usage> {
    let usages = csr["spec"]["usages"].as_array();
    let named = usages.into_iter().flatten().filter_map(Value::as_str);
    named.filter_map(Usage::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csr(signer: &str, usages: &[&str], organization: &str, name: &str) -> Value {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params
            .distinguished_name
            .push(rcgen::DnType::OrganizationName, organization);
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        json!({
            "spec": {
                "request": STANDARD.encode(pem),
                "signerName": format!("kubernetes.io/{signer}"),
                "usages": usages,
            },
            "status": {"conditions": [{"type": "Approved", "status": "True"}]},
        })
    }

    #[test]
    fn rules_of_the_signers() {
        let (client, kubelet) = ("kube-apiserver-client", "kube-apiserver-client-kubelet");
        for (signer, usages, organization, name, signs) in [
            (client, &["client auth"][..], "dev", "jane", Some(true)),
            (
                client,
                &["digital signature", "key encipherment", "client auth"],
                "dev",
                "jane",
                Some(true),
            ),
            (client, &["digital signature"], "dev", "jane", Some(false)),
            (
                client,
                &["client auth", "server auth"],
                "dev",
                "jane",
                Some(false),
            ),
            (
                kubelet,
                &["digital signature", "client auth"],
                "system:nodes",
                "system:node:a",
                Some(true),
            ),
            (
                kubelet,
                &["digital signature", "client auth"],
                "dev",
                "system:node:a",
                Some(false),
            ),
            (
                kubelet,
                &["digital signature", "client auth"],
                "system:nodes",
                "a",
                Some(false),
            ),
            (
                "kubelet-serving",
                &["digital signature", "server auth"],
                "system:nodes",
                "system:node:a",
                Some(false),
            ),
            ("other", &["client auth"], "dev", "jane", None),
        ] {
            let verdict = decide(&csr(signer, usages, organization, name));
            assert_eq!(
                verdict.map(|v| v.is_ok()),
                signs,
                "{signer} {usages:?} {organization} {name}"
            );
        }
    }

    #[test]
    fn only_what_is_approved_and_open_is_signed() {
        let approved = csr("kube-apiserver-client", &["client auth"], "dev", "jane");
        for (change, signs) in [
            (json!([]), false),
            (json!([{"type": "Approved"}]), true),
            (json!([{"type": "Approved"}, {"type": "Denied"}]), false),
            (json!([{"type": "Approved"}, {"type": "Failed"}]), false),
        ] {
            let mut csr = approved.clone();
            csr["status"]["conditions"] = change;
            assert_eq!(decide(&csr).is_some(), signs);
        }
        let mut long = approved.clone();
        long["spec"]["expirationSeconds"] = json!(10 * A_YEAR);
        assert_eq!(
            decide(&long).unwrap().unwrap().2,
            Duration::from_secs(A_YEAR - BACKDATE)
        );
        long["spec"]["expirationSeconds"] = json!(3600);
        assert_eq!(decide(&long).unwrap().unwrap().2, Duration::from_secs(3600));
    }
}
