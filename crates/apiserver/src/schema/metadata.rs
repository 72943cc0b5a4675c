//! What `metadata` must be, whatever the kind.

use serde_json::{Value, json};

use super::{cause, names};
use crate::status::Cause;

/// The bytes of all annotations together.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// A rule about names; see [`names`].
pub type NameRule = fn(&str) -> Vec<String>;

/// What is wrong with the metadata of an object that is about to be stored,
/// its name generated already.
pub fn validate_metadata(meta: &Value, namespaced: bool, rule: NameRule) -> Vec<Cause> {
    let mut causes = Vec::new();
    let text = |key: &str| meta.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = text("name");
    if name.is_empty() {
        causes.push(cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        for why in rule(name) {
            causes.push(cause::invalid("metadata.name", &json!(name), &why));
        }
    }
    let namespace = text("namespace");
    if !namespaced && !namespace.is_empty() {
        causes.push(cause::forbidden(
            "metadata.namespace",
            "not allowed on this type",
        ));
    } else if namespaced {
        if namespace.is_empty() {
            causes.push(cause::required("metadata.namespace", ""));
        }
        for why in names::dns_1123_label(namespace) {
            if !namespace.is_empty() {
                causes.push(cause::invalid(
                    "metadata.namespace",
                    &json!(namespace),
                    &why,
                ));
            }
        }
    }
    if let Some(labels) = meta.get("labels") {
        validate_labels(labels, "metadata.labels", &mut causes);
    }
    annotations(meta, &mut causes);
    finalizers(meta, &mut causes);
    owners(meta, &mut causes);
    causes
}

/// What is wrong with a map of labels.
pub fn validate_labels(labels: &Value, path: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        for why in names::qualified_name(key) {
            causes.push(cause::invalid(path, &json!(key), &why));
        }
        for why in names::label_value(value.as_str().unwrap_or_default()) {
            causes.push(cause::invalid(path, value, &why));
        }
    }
}

fn annotations(meta: &Value, causes: &mut Vec<Cause>) {
    const PATH: &str = "metadata.annotations";
    let mut size = 0;
    for (key, value) in meta["annotations"].as_object().into_iter().flatten() {
        for why in names::qualified_name(&key.to_lowercase()) {
            causes.push(cause::invalid(PATH, &json!(key), &why));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_LIMIT {
        causes.push(cause::too_long(PATH, ANNOTATIONS_LIMIT as u64));
    }
}

fn finalizers(meta: &Value, causes: &mut Vec<Cause>) {
    const PATH: &str = "metadata.finalizers";
    let list = meta["finalizers"].as_array().map_or(&[][..], Vec::as_slice);
    for finalizer in list {
        for why in names::qualified_name(finalizer.as_str().unwrap_or_default()) {
            causes.push(cause::invalid(PATH, finalizer, &why));
        }
    }
    let has = |name: &str| list.iter().any(|f| f == name);
    if has("orphan") && has("foregroundDeletion") {
        causes.push(cause::invalid(
            PATH,
            &meta["finalizers"],
            "finalizer orphan and foregroundDeletion cannot be both set",
        ));
    }
}

fn owners(meta: &Value, causes: &mut Vec<Cause>) {
    const PATH: &str = "metadata.ownerReferences";
    let mut controller: Option<String> = None;
    let all = meta["ownerReferences"].as_array();
    for (index, owner) in all.into_iter().flatten().enumerate() {
        let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        let at = |key: &str| format!("{PATH}[{index}].{key}");
        let version = text("apiVersion");
        let malformed = version.matches('/').count() > 1 || version.ends_with('/');
        if malformed {
            let why = "must be <group>/<version> or <version>";
            causes.push(cause::invalid(&at("apiVersion"), &json!(version), why));
        }
        for key in ["apiVersion", "kind", "name", "uid"] {
            if text(key).is_empty() {
                causes.push(cause::required(&at(key), "must not be empty"));
            }
        }
        if version == "v1" && text("kind") == "Event" {
            let why = "/v1, Kind=Event is disallowed from being an owner";
            causes.push(cause::invalid(&format!("{PATH}[{index}]"), owner, why));
        }
        if owner["controller"] == true {
            let name = format!("{}/{}", text("kind"), text("name"));
            if let Some(first) = &controller {
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                causes.push(cause::invalid(PATH, &meta["ownerReferences"], &why));
            } else {
                controller = Some(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(meta: &Value, namespaced: bool) -> Vec<String> {
        validate_metadata(meta, namespaced, names::dns_1123_subdomain)
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    }

    #[test]
    fn good_metadata_passes() {
        let meta = json!({
            "name": "a.b", "namespace": "ns", "labels": {"a/b": "c"},
            "annotations": {"UPPER": "anything goes"}, "finalizers": ["example.com/x"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": true}],
        });
        assert_eq!(messages(&meta, true), Vec::<String>::new());
    }

    #[test]
    fn bad_metadata_is_named() {
        let found = messages(&json!({"namespace": "ns"}), false);
        assert_eq!(
            found,
            [
                "metadata.name: Required value: name or generateName is required",
                "metadata.namespace: Forbidden: not allowed on this type",
            ]
        );
        let owner =
            json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "", "controller": true});
        let found = messages(
            &json!({
                "name": "A", "labels": {"a b": "-"}, "finalizers": ["orphan", "foregroundDeletion"],
                "ownerReferences": [owner, owner],
            }),
            false,
        );
        assert_eq!(found.len(), 7, "{found:#?}");
        assert!(
            found[0]
                .starts_with("metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain")
        );
    }
}
