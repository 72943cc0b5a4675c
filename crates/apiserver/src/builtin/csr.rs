//! Certificate signing requests: who asks is written by the server, who may
//! approve and sign is asked of RBAC.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::names;
use super::status_part::{copy, remove, set};
use super::{Operation, Write, now, text};
use crate::api::{Attributes, GroupResource};
use crate::pki::{CertificateRequest, Usage};
use crate::registry::View;
use crate::schema::cause;
use crate::status::{Cause, Status};

const GROUP: &str = "certificates.k8s.io";
const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
const APPROVAL: [&str; 2] = ["Approved", "Denied"];
const SHORTEST: i64 = 600;

/// The resource.
pub(crate) fn resource() -> GroupResource {
    GroupResource::new(GROUP, "certificatesigningrequests")
}

/// The request in `spec.request`.
pub(crate) fn request(object: &Value) -> Result<CertificateRequest, String> {
    let bytes = STANDARD
        .decode(text(object, "/spec/request"))
        .map_err(|_| "illegal base64 data".to_owned())?;
    let pem = String::from_utf8(bytes).map_err(|_| "no PEM".to_owned())?;
    CertificateRequest::parse(&pem).map_err(|error| error.to_string())
}

/// The conditions of a request.
fn conditions(object: &Value) -> &[Value] {
    object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether it has a condition.
pub(crate) fn has(object: &Value, condition: &str) -> bool {
    conditions(object).iter().any(|c| c["type"] == condition)
}

/// Fills in who asks; keeps what a door does not write; asks RBAC.
pub(super) fn prepare(view: &dyn View, write: &mut Write<'_>) -> Result<(), Status> {
    match (write.operation, write.subresource, write.old) {
        (Operation::Create, ..) => {
            let spec = &mut write.new["spec"];
            for name in ["username", "uid", "groups", "extra"] {
                remove(spec, name);
            }
            set(spec, "username", json!(write.user.username));
            if !write.user.uid.is_empty() {
                spec["uid"] = json!(write.user.uid);
            }
            if !write.user.groups.is_empty() {
                spec["groups"] = json!(write.user.groups);
            }
            if !write.user.extra.is_empty() {
                spec["extra"] = json!(write.user.extra);
            }
            write.new["status"] = json!({});
            masters(write)
        }
        (Operation::Update, "", Some(old)) => {
            copy(write.new, old, "spec");
            copy(write.new, old, "status");
            Ok(())
        }
        (Operation::Update, "approval", Some(old)) => {
            copy(write.new, old, "spec");
            let mut status = old["status"].clone();
            let wanted = conditions(write.new).to_vec();
            set(&mut status, "conditions", merge(old, wanted, true));
            write.new["status"] = status;
            stamp(write.new, old);
            if APPROVAL.iter().any(|name| changed(old, write.new, name)) {
                allowed(view, write, "approve")?;
            }
            Ok(())
        }
        (Operation::Update, "status", Some(old)) => {
            copy(write.new, old, "spec");
            let wanted = conditions(write.new).to_vec();
            let merged = merge(old, wanted, false);
            set(&mut write.new["status"], "conditions", merged);
            stamp(write.new, old);
            let signed =
                old.pointer("/status/certificate") != write.new.pointer("/status/certificate");
            if signed || changed(old, write.new, "Failed") {
                allowed(view, write, "sign")?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The approval door writes Approved and Denied, the status door the others.
fn merge(old: &Value, wanted: Vec<Value>, approval: bool) -> Value {
    let approves = |c: &Value| APPROVAL.iter().any(|name| c["type"] == *name);
    let mut all: Vec<Value> = wanted
        .into_iter()
        .filter(|c| {
            approves(c) == approval || text(c, "/type").is_empty() || conditions(old).contains(c)
        })
        .collect();
    for kept in conditions(old) {
        if approves(kept) != approval && !all.contains(kept) {
            all.retain(|c| c["type"] != kept["type"]);
            all.push(kept.clone());
        }
    }
    Value::Array(all)
}

fn changed(old: &Value, new: &Value, condition: &str) -> bool {
    let pick = |object: &Value| {
        conditions(object)
            .iter()
            .find(|c| c["type"] == condition)
            .cloned()
    };
    pick(old) != pick(new)
}

/// Times of conditions that their writer left out.
fn stamp(new: &mut Value, old: &Value) {
    let at = json!(now());
    let list = new
        .pointer_mut("/status/conditions")
        .and_then(Value::as_array_mut);
    for condition in list.into_iter().flatten() {
        if text(condition, "/status").is_empty() {
            condition["status"] = json!("True");
        }
        if condition["lastUpdateTime"].is_null() {
            condition["lastUpdateTime"] = at.clone();
        }
        if condition["lastTransitionTime"].is_null() {
            let before = conditions(old)
                .iter()
                .find(|c| c["type"] == condition["type"] && c["status"] == condition["status"]);
            let since = before.map_or(&at, |c| &c["lastTransitionTime"]);
            condition["lastTransitionTime"] = if since.is_null() {
                at.clone()
            } else {
                since.clone()
            };
        }
    }
    if let Some(status) = new.get_mut("status")
        && status["conditions"].as_array().is_some_and(Vec::is_empty)
    {
        remove(status, "conditions");
    }
}

/// Nobody becomes a master by asking for a certificate.
fn masters(write: &Write<'_>) -> Result<(), Status> {
    if text(write.new, "/spec/signerName") != CLIENT {
        return Ok(());
    }
    match request(write.new) {
        Ok(request) if request.organizations.iter().any(|o| o == "system:masters") => {
            Err(Status::forbidden(
                &resource(),
                text(write.new, "/metadata/name"),
                "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed",
            ))
        }
        // What cannot be read is refused by the validation.
        _ => Ok(()),
    }
}

/// Whether RBAC lets the user approve or sign for the signer, or for all of its
/// domain.
fn allowed(view: &dyn View, write: &Write<'_>, verb: &str) -> Result<(), Status> {
    let signer = text(write.new, "/spec/signerName");
    let domain = signer.split('/').next().unwrap_or_default();
    let may = |name: String| {
        let wanted = Attributes {
            verb: verb.to_owned(),
            group: GROUP.to_owned(),
            version: "*".to_owned(),
            resource: "signers".to_owned(),
            name,
            ..Attributes::default()
        };
        view.authorize(write.user, &wanted).0
    };
    if may(signer.to_owned()) || may(format!("{domain}/*")) {
        return Ok(());
    }
    Err(Status::forbidden(
        &resource(),
        text(write.new, "/metadata/name"),
        &format!("user not permitted to {verb} requests with signerName {signer:?}"),
    ))
}

/// The request itself, its signer and usages; approvals are for good.
pub(super) fn validate(write: &Write<'_>, causes: &mut Vec<Cause>) {
    let new = &*write.new;
    if write.operation == Operation::Create {
        if let Err(why) = request(new) {
            causes.push(cause::invalid(
                "spec.request",
                &new["spec"]["request"],
                &why,
            ));
        }
        let usages = new["spec"]["usages"].as_array();
        if usages.is_none_or(Vec::is_empty) {
            causes.push(cause::required("spec.usages", ""));
        }
        for (index, usage) in usages.into_iter().flatten().enumerate() {
            if usage.as_str().and_then(Usage::parse).is_none() {
                let at = format!("spec.usages[{index}]");
                causes.push(cause::not_supported(&at, usage, &Usage::NAMES));
            }
        }
        for (index, usage) in usages.into_iter().flatten().enumerate() {
            if usages.is_some_and(|all| all[..index].contains(usage)) {
                let at = format!("spec.usages[{index}]");
                causes.push(cause::duplicate(&at, usage));
            }
        }
        signer(&new["spec"]["signerName"], causes);
        if let Some(seconds) = new["spec"]["expirationSeconds"].as_i64()
            && seconds < SHORTEST
        {
            causes.push(cause::invalid(
                "spec.expirationSeconds",
                &json!(seconds),
                "may not specify a duration less than 600 seconds (10 minutes)",
            ));
        }
    }
    let field = "status.conditions";
    if has(new, "Approved") && has(new, "Denied") {
        causes.push(cause::invalid(
            field,
            &json!(r#"{conditions[{"type": "Approved"}], conditions[{"type": "Denied"}]}"#),
            r#"must specify at most one of: `conditions[{"type": "Approved"}]`, `conditions[{"type": "Denied"}]`"#,
        ));
    }
    if let Some(old) = write.old {
        for name in ["Approved", "Denied", "Failed"] {
            if has(old, name) && !has(new, name) {
                causes.push(cause::forbidden(
                    field,
                    &format!("updates may not remove a condition of type {name:?}"),
                ));
            }
        }
        let certificate = |object: &Value| text(object, "/status/certificate").to_owned();
        if !certificate(old).is_empty() && certificate(old) != certificate(new) {
            causes.push(cause::forbidden(
                "status.certificate",
                "updates may not modify existing certificate content",
            ));
        }
    }
    if !is_certificate(text(new, "/status/certificate")) {
        causes.push(cause::invalid(
            "status.certificate",
            &json!("<certificate data>"),
            "must contain at least one CERTIFICATE PEM block",
        ));
    }
    for (index, condition) in conditions(new).iter().enumerate() {
        let at = |name: &str| format!("{field}[{index}].{name}");
        if text(condition, "/type").is_empty() {
            causes.push(cause::required(&at("type"), ""));
        }
        let state = text(condition, "/status");
        let forever = ["Approved", "Denied", "Failed"].contains(&text(condition, "/type"));
        if forever && state != "True" {
            causes.push(cause::not_supported(
                &at("status"),
                &json!(state),
                &["True"],
            ));
        } else if !["True", "False", "Unknown"].contains(&state) {
            causes.push(cause::not_supported(
                &at("status"),
                &json!(state),
                &["True", "False", "Unknown"],
            ));
        }
    }
}

/// Whether this is nothing, or PEM of certificates in base64.
fn is_certificate(encoded: &str) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    encoded.is_empty()
        || STANDARD
            .decode(encoded)
            .is_ok_and(|pem| pem.windows(BEGIN.len()).any(|window| window == BEGIN))
}

fn signer(name: &Value, causes: &mut Vec<Cause>) {
    let field = "spec.signerName";
    let Some(text) = name.as_str().filter(|text| !text.is_empty()) else {
        causes.push(cause::required(field, ""));
        return;
    };
    if text == "kubernetes.io/legacy-unknown" {
        causes.push(cause::invalid(
            field,
            name,
            "the legacy signerName is not allowed via this API version",
        ));
        return;
    }
    match text.split_once('/') {
        Some((domain, path))
            if !path.is_empty() && names::SUBDOMAIN.fits(domain) && domain.contains('.') => {}
        _ => causes.push(cause::invalid(
            field,
            name,
            "must be a fully qualified domain and path of the form 'example.com/signer-name'",
        )),
    }
}

/// When a request may be cleaned away, by kube-controller-manager's times:
/// approved or denied ones after an hour, failed or pending after a day, signed
/// ones whose certificate has expired at once.
pub(crate) fn stale_at(object: &Value) -> Option<Timestamp> {
    let created: Timestamp = text(object, "/metadata/creationTimestamp").parse().ok()?;
    let updated = |name: &str| -> Option<Timestamp> {
        conditions(object)
            .iter()
            .find(|c| c["type"] == name)
            .and_then(|c| text(c, "/lastUpdateTime").parse().ok())
    };
    let hour = jiff::SignedDuration::from_hours(1);
    let day = jiff::SignedDuration::from_hours(24);
    let issued = !text(object, "/status/certificate").is_empty();
    if let Some(denied) = updated("Denied") {
        return Some(denied + hour);
    }
    if let Some(failed) = updated("Failed") {
        return Some(failed + hour);
    }
    match updated("Approved") {
        Some(approved) if issued => Some(approved + hour),
        _ => Some(created + day),
    }
}
