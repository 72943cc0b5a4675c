//! What an object says that it is: `apiVersion` and `kind`.
//!
//! An object of a built-in resource may leave out either; of a custom resource, neither.

use serde_json::{Value, json};

use super::create::as_decoding;
use super::meta;
use super::update::unregistered_kind;
use crate::golang;
use crate::status::{Cause, Status};
use crate::types::{ResourceType, decode};

/// Versions that Kubernetes still reads, but serves no longer.
const RETIRED: [(&str, &[&str]); 3] = [
    (
        "extensions/v1beta1",
        &[
            "DaemonSet",
            "Deployment",
            "Ingress",
            "NetworkPolicy",
            "ReplicaSet",
        ],
    ),
    (
        "apps/v1beta1",
        &["ControllerRevision", "Deployment", "StatefulSet"],
    ),
    (
        "apps/v1beta2",
        &[
            "ControllerRevision",
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
        ],
    ),
];

/// Kinds that every version has, for what goes along with a request.
const OF_EVERY_VERSION: [&str; 6] = [
    "CreateOptions",
    "DeleteOptions",
    "ListOptions",
    "PatchOptions",
    "UpdateOptions",
    "WatchEvent",
];

/// Why a body that was sent to a custom resource cannot be told to be anything; `sent`
/// is the body.
pub(crate) fn unrecognised(object: &Value, custom: bool, sent: &[u8]) -> Option<String> {
    for field in ["apiVersion", "kind"] {
        match &object[field] {
            Value::Null | Value::String(_) => {}
            other => {
                let kind = golang::kind(other);
                return Some(format!(
                    "couldn't get version/kind; json parse error: json: cannot unmarshal {kind} into Go struct field .{field} of type string"
                ));
            }
        }
    }
    let version = said(object, "apiVersion");
    if version.matches('/').count() > 1 {
        return Some(format!("unexpected GroupVersion string: {version}"));
    }
    (custom && said(object, "kind").is_empty()).then(|| kindless(&String::from_utf8_lossy(sent)))
}

/// The sentence about an object without a kind.
fn kindless(shown: &str) -> String {
    format!("Object 'Kind' is missing in '{shown}'")
}

fn said<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

/// `apiVersion` and `kind` must be those of the URL; what is missing of them is filled
/// in. Whether the kind of a custom object is right, its validation says.
pub(super) fn check(resource: &ResourceType, object: &mut Value) -> Result<(), Status> {
    let gvk = &resource.gvk;
    if !object.is_object() {
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): it is no object",
            gvk.kind
        )));
    }
    let expected = gvk.api_version();
    let version = match said(object, "apiVersion") {
        "" if resource.custom.is_none() => expected.as_str(),
        version => version,
    };
    let kind = match said(object, "kind") {
        "" => gvk.kind.as_str(),
        kind => kind,
    };
    let unlike = || {
        format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        )
    };
    if version != expected || kind != gvk.kind {
        let wrong = if resource.custom.is_some() {
            (version != expected).then(unlike)
        } else if retired(version, kind) && kind == gvk.kind {
            Some(unlike())
        } else {
            Some(unconvertible(resource, version, kind))
        };
        if let Some(wrong) = wrong {
            return Err(Status::bad_request(wrong));
        }
    }
    object["kind"] = kind.to_owned().into();
    object["apiVersion"] = expected.into();
    match &object["metadata"] {
        Value::Null => {
            object["metadata"] = json!({});
            Ok(())
        }
        Value::Object(_) => Ok(()),
        _ => Err(as_decoding(
            resource,
            Status::bad_request("json: cannot unmarshal metadata: it is no object"),
        )),
    }
}

fn retired(version: &str, kind: &str) -> bool {
    RETIRED
        .iter()
        .any(|(retired, kinds)| *retired == version && kinds.contains(&kind))
}

/// Why an object of this kind is none of a built-in resource.
fn unconvertible(resource: &ResourceType, version: &str, kind: &str) -> String {
    let own = &resource.gvk.kind;
    let short = version.rsplit('/').next().unwrap_or_default();
    let common = (version == "v1" && kind == "List")
        || (version == resource.gvk.api_version() && OF_EVERY_VERSION.contains(&kind));
    let why = if common || retired(version, kind) || decode::knows(version, kind) {
        let internal = match resource.gvk.group.split('.').next() {
            None | Some("") => "core",
            Some(group) => group,
        };
        format!("converting ({short}.{kind}) to ({internal}.{own}): unknown conversion")
    } else {
        unregistered_kind(kind, version)
    };
    format!("{kind} in version {short:?} cannot be handled as a {own}: {why}")
}

/// What a patch made of a custom object still has to say what it is.
pub(super) fn check_patched(patched: &Value) -> Result<(), Status> {
    if said(patched, "kind").is_empty() {
        return Err(Status::bad_request(kindless(&patched.to_string())));
    }
    if said(patched, "apiVersion").is_empty() {
        return Err(Status::internal(
            "Object 'apiVersion' is missing in 'object has no apiVersion field'",
        ));
    }
    Ok(())
}

/// Refuses a custom object that says that it is something else; it is named so, too.
pub(super) fn validate(resource: &ResourceType, object: &Value) -> Result<(), Status> {
    if resource.custom.is_none() {
        return Ok(());
    }
    let mut gvk = resource.gvk.clone();
    let version = gvk.api_version();
    let causes: Vec<Cause> = [("kind", gvk.kind.as_str()), ("apiVersion", &version)]
        .into_iter()
        .filter(|(field, expected)| object[*field] != **expected)
        .map(|(field, expected)| Cause {
            reason: "FieldValueInvalid".to_owned(),
            message: format!(
                "Invalid value: {:?}: must be {expected}",
                said(object, field)
            ),
            field: field.to_owned(),
        })
        .collect();
    if causes.is_empty() {
        return Ok(());
    }
    said(object, "kind").clone_into(&mut gvk.kind);
    Err(Status::invalid(&gvk, meta::text(object, "name"), causes))
}
