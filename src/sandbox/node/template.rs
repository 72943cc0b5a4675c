//! Pods made from a template: their names, labels, owner and node.

use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::{Value, json};

use super::action::Action;
use super::object::Kind;

/// Letters and digits that form no words, as Kubernetes uses them in names.
const ALPHANUMERICS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// What the simulated node tells about itself.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The node's name.
    pub node: String,
    /// The address that pods and node report.
    pub address: String,
    /// The node's labels, for node selectors.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// What a pod made from a template is called.
pub enum Naming {
    /// The server appends a random suffix.
    Generate(String),
    /// Exactly this.
    Fixed(String),
}

/// The owner that controls a new object.
pub fn owner_reference(api_version: &str, kind: &str, metadata: &ObjectMeta) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The write that creates a pod for `owner` (its metadata and reference).
/// `labels` are added to the template's.
pub fn create_pod(
    owner: &ObjectMeta,
    reference: &Value,
    naming: Naming,
    template: &PodTemplateSpec,
    labels: &[(&str, &str)],
    facts: &Facts,
) -> Action {
    let template_metadata = template.metadata.clone().unwrap_or_default();
    let mut all_labels = template_metadata.labels.unwrap_or_default();
    for (key, value) in labels {
        all_labels.insert((*key).to_owned(), (*value).to_owned());
    }
    let mut metadata = json!({
        "namespace": owner.namespace,
        "labels": all_labels,
        "ownerReferences": [reference],
    });
    if let Some(annotations) = template_metadata.annotations {
        metadata["annotations"] = json!(annotations);
    }
    if let Some(finalizers) = template_metadata.finalizers {
        metadata["finalizers"] = json!(finalizers);
    }
    match naming {
        Naming::Generate(prefix) => metadata["generateName"] = json!(prefix),
        Naming::Fixed(name) => metadata["name"] = json!(name),
    }
    let mut spec = template.spec.clone().unwrap_or_default();
    if spec.node_name.is_none() && fits(&spec, facts) {
        // Saves the scheduler's round trip.
        spec.node_name = Some(facts.node.clone());
    }
    Action::Create {
        kind: Kind::Pod,
        namespace: owner.namespace.clone().unwrap_or_default(),
        body: json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}),
    }
}

/// Whether the node selector admits the node.
pub fn fits(spec: &PodSpec, facts: &Facts) -> bool {
    spec.node_selector
        .iter()
        .flatten()
        .all(|(key, value)| facts.labels.get(key) == Some(value))
}

/// A short, stable hash of a value, fit for a label or a name. `salt` makes
/// another one when the first is taken.
pub fn hash<T: Serialize>(value: &T, salt: Option<i32>) -> String {
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut hash: u32 = 0x811c_9dc5;
    let salt = salt.map(i32::to_le_bytes);
    for byte in json.iter().chain(salt.iter().flatten()) {
        hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    }
    hash.to_string()
        .bytes()
        .map(|digit| char::from(ALPHANUMERICS[usize::from(digit) % ALPHANUMERICS.len()]))
        .collect()
}

/// Whether two templates make the same pods; `label` is what a controller added
/// to one of them.
pub fn same(a: &PodTemplateSpec, b: &PodTemplateSpec, label: &str) -> bool {
    without_label(a, label) == without_label(b, label)
}

fn without_label(template: &PodTemplateSpec, label: &str) -> PodTemplateSpec {
    let mut template = template.clone();
    if let Some(metadata) = &mut template.metadata {
        metadata.creation_timestamp = None;
        if let Some(labels) = &mut metadata.labels {
            labels.remove(label);
            if labels.is_empty() {
                metadata.labels = None;
            }
        }
    }
    template.metadata.get_or_insert_default();
    template
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A node named `node`.
    pub(in crate::sandbox::node) fn facts() -> Facts {
        Facts {
            node: "node".to_owned(),
            address: "127.0.0.1".to_owned(),
            labels: [("kubernetes.io/os".to_owned(), "linux".to_owned())].into(),
        }
    }

    fn template(image: &str, labels: &Value) -> PodTemplateSpec {
        serde_json::from_value(json!({
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "a", "image": image}]},
        }))
        .unwrap()
    }

    #[test]
    fn the_hash_is_stable_and_salted() {
        let a = template("a", &json!({"app": "a"}));
        assert_eq!(hash(&a, None), hash(&a.clone(), None));
        assert_ne!(hash(&a, None), hash(&a, Some(1)));
        assert_ne!(hash(&a, None), hash(&template("b", &json!({})), None));
    }

    #[test]
    fn templates_are_compared_without_the_controllers_label() {
        let with = template("a", &json!({"app": "a", "pod-template-hash": "x"}));
        let without = template("a", &json!({"app": "a"}));
        assert!(same(&with, &without, "pod-template-hash"));
        assert!(!same(
            &template("b", &json!({"app": "a"})),
            &without,
            "pod-template-hash"
        ));
    }

    #[test]
    fn a_pod_that_does_not_fit_is_left_to_the_scheduler() {
        let mut template = template("a", &json!({}));
        let owner = ObjectMeta {
            namespace: Some("ns".to_owned()),
            ..ObjectMeta::default()
        };
        let node_of = |template: &PodTemplateSpec| match create_pod(
            &owner,
            &json!({}),
            Naming::Fixed("p".to_owned()),
            template,
            &[],
            &facts(),
        ) {
            Action::Create { body, .. } => body["spec"]["nodeName"].clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(node_of(&template), json!("node"));
        template.spec.as_mut().unwrap().node_selector =
            Some([("zone".to_owned(), "b".to_owned())].into());
        assert_eq!(node_of(&template), Value::Null);
    }
}
