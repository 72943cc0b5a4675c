//! `metadata`: what the server fills in, keeps and checks for every kind.

use std::cmp::Ordering;

use ring::rand::SecureRandom;
use serde_json::{Map, Value, json};

use crate::api::GroupResource;
use crate::builtin;
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
pub(crate) fn uid() -> Result<String, Status> {
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

/// Whether something keeps a deleted object.
pub(super) fn has_finalizers(gr: &GroupResource, object: &Value) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|list| !list.is_empty())
        || builtin::is_held(gr, object)
}

/// Whether `metadata.generation` counts the changes of a kind's spec.
fn has_generation(resource: &ResourceType) -> bool {
    resource.custom.is_some()
        || matches!(
            (resource.gr.group.as_str(), resource.gr.resource.as_str()),
            (
                "apps",
                "deployments" | "replicasets" | "statefulsets" | "daemonsets"
            ) | ("", "replicationcontrollers" | "pods" | "podtemplates")
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
        // Pod templates have their template in the place of a spec.
        return old["spec"] != new["spec"] || old["template"] != new["template"];
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

/// Finalizers that appear while an object is being deleted.
pub(super) fn late_finalizers(old: &Value, new: &Value) -> Option<Cause> {
    old["metadata"].get("deletionTimestamp")?;
    let before = old["metadata"]["finalizers"].as_array();
    let late: Vec<String> = new["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|name| !before.is_some_and(|list| list.contains(name)))
        .map(Value::to_string)
        .collect();
    if late.is_empty() {
        return None;
    }
    Some(Cause {
        reason: "FieldValueForbidden".to_owned(),
        message: format!(
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            late.join(", ")
        ),
        field: "metadata.finalizers".to_owned(),
    })
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
    fn finalizers_come_before_the_deletion() {
        let old = json!({"metadata": {"finalizers": ["a"], "deletionTimestamp": "now"}});
        let new = json!({"metadata": {"finalizers": ["a", "b"], "deletionTimestamp": "now"}});
        assert!(
            late_finalizers(&old, &new)
                .unwrap()
                .message
                .ends_with("[]string{\"b\"}")
        );
        assert_eq!(late_finalizers(&new, &old), None);
    }
}
