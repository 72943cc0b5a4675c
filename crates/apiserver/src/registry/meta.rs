//! `metadata`: what the server fills in, keeps and checks for every kind.

use std::cmp::Ordering;

use ring::rand::SecureRandom;
use serde_json::{Map, Value, json};

use crate::api::GroupResource;
use crate::status::{Cause, Status};
use crate::types::ResourceType;

/// Why an update on an old version conflicts.
pub(super) const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// Now, as Kubernetes writes times: whole seconds, UTC.
pub(super) fn now() -> String {
    time(0)
}

/// So many seconds from now.
pub(super) fn time(seconds: i64) -> String {
    let at = jiff::Timestamp::now().as_second().saturating_add(seconds);
    jiff::Timestamp::from_second(at)
        .unwrap_or_default()
        .to_string()
}

fn random<const N: usize>() -> Result<[u8; N], Status> {
    let mut bytes = [0; N];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Status::internal("no random numbers"))?;
    Ok(bytes)
}

/// A random UUID.
pub(super) fn uid() -> Result<String, Status> {
    let mut bytes: [u8; 16] = random()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    Ok(text)
}

/// A name out of `generateName`.
pub(super) fn generate_name(prefix: &str) -> Result<String, Status> {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let bytes: [u8; 5] = random()?;
    let end = prefix
        .char_indices()
        .map(|(at, _)| at)
        .take_while(|at| *at <= 58)
        .last();
    let mut name = if prefix.len() > 58 {
        prefix[..end.unwrap_or(0)].to_owned()
    } else {
        prefix.to_owned()
    };
    for byte in bytes {
        name.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    }
    Ok(name)
}

/// `metadata` as a map; made when it is missing.
pub(super) fn metadata(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    match &mut object["metadata"] {
        Value::Object(map) => map,
        // Made an object above.
        _ => unreachable!("metadata is an object"),
    }
}

/// A text of `metadata`, empty when it is missing.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// `metadata.resourceVersion` as a number.
pub(super) fn revision(object: &Value) -> u64 {
    text(object, "resourceVersion").parse().unwrap_or(0)
}

/// Whether an object has finalizers (a namespace's own included).
pub(super) fn has_finalizers(gr: &GroupResource, object: &Value) -> bool {
    let some = |list: &Value| list.as_array().is_some_and(|list| !list.is_empty());
    some(&object["metadata"]["finalizers"])
        || (gr.group.is_empty()
            && gr.resource == "namespaces"
            && some(&object["spec"]["finalizers"]))
}

/// Whether `metadata.generation` counts the changes of a kind's spec.
fn has_generation(resource: &ResourceType) -> bool {
    resource.custom.is_some()
        || matches!(
            (resource.gr.group.as_str(), resource.gr.resource.as_str()),
            (
                "apps",
                "deployments" | "replicasets" | "statefulsets" | "daemonsets"
            ) | ("", "replicationcontrollers" | "pods")
                | ("batch", "jobs" | "cronjobs")
                | ("policy", "poddisruptionbudgets")
                | (
                    "networking.k8s.io",
                    "networkpolicies" | "ingresses" | "ingressclasses"
                )
                | ("apiextensions.k8s.io", "customresourcedefinitions")
                | (
                    "admissionregistration.k8s.io",
                    "validatingwebhookconfigurations"
                        | "mutatingwebhookconfigurations"
                        | "validatingadmissionpolicies"
                        | "validatingadmissionpolicybindings"
                )
        )
}

/// What only the server writes in a new object.
pub(super) fn fill_new(resource: &ResourceType, object: &mut Value) -> Result<(), Status> {
    let generation = has_generation(resource);
    let metadata = metadata(object);
    for field in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "resourceVersion",
    ] {
        metadata.remove(field);
    }
    metadata.insert("uid".to_owned(), uid()?.into());
    metadata.insert("creationTimestamp".to_owned(), now().into());
    if generation {
        metadata.insert("generation".to_owned(), 1.into());
    } else {
        metadata.remove("generation");
    }
    drop_empty(metadata);
    Ok(())
}

/// What an update cannot change, whatever it sends.
pub(super) fn keep(old: &Value, new: &mut Value) {
    let metadata = metadata(new);
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "resourceVersion",
        "name",
        "namespace",
    ] {
        match old["metadata"].get(field) {
            Some(value) if !(field == "generateName" && metadata.contains_key(field)) => {
                metadata.insert(field.to_owned(), value.clone());
            }
            Some(_) => {}
            None => {
                metadata.remove(field);
            }
        }
    }
    metadata.remove("selfLink");
    drop_empty(metadata);
}

/// As `omitempty` does.
fn drop_empty(metadata: &mut Map<String, Value>) {
    for field in [
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "managedFields",
        "generateName",
    ] {
        let empty = match metadata.get(field) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if empty {
            metadata.remove(field);
        }
    }
}

/// Whether the part of an object that `generation` counts differs.
fn desired_state_differs(resource: &ResourceType, old: &Value, new: &Value) -> bool {
    if resource.custom.is_none() && resource.gr.group != "admissionregistration.k8s.io" {
        return old["spec"] != new["spec"];
    }
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return false;
    };
    let has_status = has_subresource(resource, "status");
    let counts = |field: &str| {
        !(matches!(field, "metadata" | "apiVersion" | "kind") || has_status && field == "status")
    };
    old.iter()
        .any(|(field, value)| counts(field) && new.get(field) != Some(value))
        || new
            .keys()
            .any(|field| counts(field) && !old.contains_key(field))
}

/// Counts `generation` up when the spec changed.
pub(super) fn bump_generation(resource: &ResourceType, old: &Value, new: &mut Value) {
    if has_generation(resource) && desired_state_differs(resource, old, new) {
        add_generation(new);
    }
}

/// Counts `generation` up where there is one.
pub(super) fn add_generation(object: &mut Value) {
    if let Some(generation) = object["metadata"]["generation"].as_i64() {
        object["metadata"]["generation"] = json!(generation + 1);
    }
}

/// Whether a resource has such a subresource.
pub(super) fn has_subresource(resource: &ResourceType, name: &str) -> bool {
    resource
        .subresources
        .iter()
        .any(|subresource| subresource.name == name)
}

/// Whether two objects differ in more than the times in `managedFields`.
pub(super) fn same(old: &Value, new: &Value) -> bool {
    if old == new {
        return true;
    }
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
        return false;
    };
    if old.len() != new.len()
        || old
            .iter()
            .any(|(k, v)| k != "metadata" && new.get(k) != Some(v))
    {
        return false;
    }
    let strip = |object: &Map<String, Value>| {
        let mut metadata = object.get("metadata").cloned().unwrap_or_default();
        if let Some(entries) = metadata
            .get_mut("managedFields")
            .and_then(Value::as_array_mut)
        {
            for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                entry.remove("time");
            }
        }
        metadata
    };
    strip(old) == strip(new)
}

/// The order of versions as clients prefer them: v2, v1, v1beta2, v1alpha1, others.
pub(super) fn version_order(a: &str, b: &str) -> Ordering {
    fn rank(version: &str) -> Option<(u32, u64, u64)> {
        let rest = version.strip_prefix('v')?;
        let split = |text: &str| -> Option<(u64, String)> {
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            Some((text[..end].parse().ok()?, text[end..].to_owned()))
        };
        let (major, rest) = split(rest)?;
        if rest.is_empty() {
            return Some((3, major, 0));
        }
        let (stage, minor) = if let Some(minor) = rest.strip_prefix("beta") {
            (2, minor)
        } else {
            (1, rest.strip_prefix("alpha")?)
        };
        Some((stage, major, minor.parse().ok()?))
    }
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

fn cause(reason: &str, field: &str, message: String) -> Cause {
    Cause {
        reason: reason.to_owned(),
        message,
        field: field.to_owned(),
    }
}

fn invalid_value(field: &str, value: &str, why: &str) -> Cause {
    cause(
        "FieldValueInvalid",
        field,
        format!("Invalid value: {value:?}: {why}"),
    )
}

/// 422 of an object; `causes` are not empty.
pub(super) fn invalid(resource: &ResourceType, name: &str, causes: Vec<Cause>) -> Status {
    let texts: Vec<String> = causes
        .iter()
        .map(|cause| {
            if cause.field.is_empty() {
                cause.message.clone()
            } else {
                format!("{}: {}", cause.field, cause.message)
            }
        })
        .collect();
    let list = match texts.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let gvk = &resource.gvk;
    let kind = if gvk.group.is_empty() {
        gvk.kind.clone()
    } else {
        format!("{}.{}", gvk.kind, gvk.group)
    };
    let mut status = Status::new(
        422,
        "Invalid",
        format!("{kind} {name:?} is invalid: {list}"),
    );
    status.subject = Some((gvk.group.clone(), gvk.kind.clone(), name.to_owned()));
    status.causes = causes;
    status
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const ANNOTATIONS_BYTES: usize = 256 * 1024;

fn is_dns_label(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !text.is_empty()
        && text.chars().all(|c| edge(c) || c == '-')
        && text.starts_with(edge)
        && text.ends_with(edge)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn is_word(text: &str) -> bool {
    text.len() <= 63
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_qualified(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && prefix.len() <= 253 && is_word(name),
        None => is_word(text),
    }
}

/// What is wrong with the name of a new object, as an end of a sentence.
fn name_problem(resource: &ResourceType, name: &str) -> Option<&'static str> {
    let gr = &resource.gr;
    match (gr.group.as_str(), gr.resource.as_str()) {
        ("rbac.authorization.k8s.io", _) => match name {
            "." => Some("may not be '.'"),
            ".." => Some("may not be '..'"),
            _ if name.contains('/') => Some("may not contain '/'"),
            _ if name.contains('%') => Some("may not contain '%'"),
            _ => None,
        },
        // These have rules of their own.
        ("", "services") | ("flowcontrol.apiserver.k8s.io", _) => None,
        ("", "namespaces") => {
            (!is_dns_label(name) || name.len() > 63).then_some(if name.len() > 63 {
                "must be no more than 63 characters"
            } else {
                LABEL
            })
        }
        _ => (!is_subdomain(name) || name.len() > 253).then_some(if name.len() > 253 {
            "must be no more than 253 characters"
        } else {
            SUBDOMAIN
        }),
    }
}

/// Checks the `metadata` of a write.
pub(super) fn validate(resource: &ResourceType, old: Option<&Value>, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let metadata = &new["metadata"];
    if old.is_none()
        && let Some(problem) = name_problem(resource, text(new, "name"))
    {
        causes.push(invalid_value("metadata.name", text(new, "name"), problem));
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if !is_qualified(key) {
            causes.push(invalid_value("metadata.labels", key, QUALIFIED));
        }
        match value.as_str() {
            Some(text) if text.len() > 63 => {
                causes.push(invalid_value(
                    "metadata.labels",
                    text,
                    "must be no more than 63 bytes",
                ));
            }
            Some(text) if text.is_empty() || is_word(text) => {}
            Some(text) => causes.push(invalid_value("metadata.labels", text, LABEL_VALUE)),
            None => causes.push(invalid_value(
                "metadata.labels",
                &value.to_string(),
                "must be a string",
            )),
        }
    }
    let mut bytes = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        bytes += key.len() + value.as_str().map_or(0, str::len);
        if !is_qualified(&key.to_ascii_lowercase()) {
            causes.push(invalid_value("metadata.annotations", key, QUALIFIED));
        }
        if !value.is_string() {
            causes.push(invalid_value(
                "metadata.annotations",
                &value.to_string(),
                "must be a string",
            ));
        }
    }
    if bytes > ANNOTATIONS_BYTES {
        causes.push(cause(
            "FieldValueTooLong",
            "metadata.annotations",
            format!("Too long: may not be more than {ANNOTATIONS_BYTES} bytes"),
        ));
    }
    owner_references(metadata, &mut causes);
    let finalizers: Vec<&str> = metadata["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for finalizer in &finalizers {
        if !is_qualified(finalizer) {
            causes.push(invalid_value("metadata.finalizers", finalizer, QUALIFIED));
        }
    }
    if let Some(old) = old.filter(|old| old["metadata"].get("deletionTimestamp").is_some()) {
        let before = old["metadata"]["finalizers"].as_array();
        let new: Vec<&str> = finalizers
            .iter()
            .copied()
            .filter(|name| !before.is_some_and(|list| list.iter().any(|old| old == name)))
            .collect();
        if !new.is_empty() {
            let list: Vec<String> = new.iter().map(|name| format!("{name:?}")).collect();
            causes.push(cause(
                "FieldValueForbidden",
                "metadata.finalizers",
                format!("Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}", list.join(", ")),
            ));
        }
    }
    causes
}

fn owner_references(metadata: &Value, causes: &mut Vec<Cause>) {
    let mut controllers = 0;
    for (at, owner) in metadata["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        for (field, what) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner[field].as_str().is_none_or(str::is_empty) {
                causes.push(invalid_value(
                    &format!("metadata.ownerReferences[{at}].{field}"),
                    "",
                    what,
                ));
            }
        }
        if owner["controller"] == true {
            controllers += 1;
        }
    }
    if controllers > 1 {
        causes.push(invalid_value(
            "metadata.ownerReferences",
            "",
            "Only one reference can have Controller set to true",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_clients_prefer_them() {
        let mut versions = vec![
            "v1alpha1", "foo", "v1", "v10", "v2beta1", "v1beta2", "v2", "v1beta10",
        ];
        versions.sort_by(|a, b| version_order(a, b));
        assert_eq!(
            versions,
            [
                "v10", "v2", "v1", "v2beta1", "v1beta10", "v1beta2", "v1alpha1", "foo"
            ]
        );
    }

    #[test]
    fn generated_names_and_uids() {
        let name = generate_name("web-").unwrap();
        assert_eq!(name.len(), 9);
        assert_ne!(name, generate_name("web-").unwrap());
        assert!(generate_name(&"x".repeat(90)).unwrap().len() <= 63);
        assert_eq!(uid().unwrap().len(), 36);
    }

    #[test]
    fn times_of_managed_fields_are_no_difference() {
        let a = json!({"metadata": {"managedFields": [{"manager": "m", "time": "1"}]}, "data": {}});
        let b = json!({"metadata": {"managedFields": [{"manager": "m", "time": "2"}]}, "data": {}});
        let c = json!({"metadata": {"managedFields": [{"manager": "n", "time": "2"}]}, "data": {}});
        assert!(same(&a, &b));
        assert!(!same(&a, &c));
    }

    #[test]
    fn names_labels_and_owners_are_checked() {
        let catalog = crate::types::builtin();
        let config_maps = catalog.find("", "v1", "configmaps").unwrap();
        let roles = catalog
            .find("rbac.authorization.k8s.io", "v1", "clusterroles")
            .unwrap();
        let namespaces = catalog.find("", "v1", "namespaces").unwrap();
        let named = |name: &str| json!({"metadata": {"name": name}});
        assert!(validate(config_maps, None, &named("a.b-c")).is_empty());
        assert_eq!(
            validate(config_maps, None, &named("A"))[0].field,
            "metadata.name"
        );
        assert!(validate(roles, None, &named("system:node")).is_empty());
        assert_eq!(validate(namespaces, None, &named("a.b")).len(), 1);
        let bad = json!({"metadata": {"name": "a", "labels": {"a b": "c", "d": "-"}, "ownerReferences": [{"kind": "K"}]}});
        assert_eq!(validate(config_maps, None, &bad).len(), 5);
    }
}
