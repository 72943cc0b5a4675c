//! Works as a tree: cluster, work, resource, and below a resource what the
//! agent says of it.

use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::core::DynamicObject;
use serde_json::Value;

use super::works::{manifests, state};
use crate::cmd::resources;
use crate::cmd::works::message as works_said;
use crate::ui::tree::Node;

/// All works, ordered by cluster.
#[must_use]
pub fn of_works(works: &[DynamicObject]) -> Node {
    let mut clusters: BTreeMap<String, Vec<&DynamicObject>> = BTreeMap::new();
    for work in works {
        let cluster = work.namespace().unwrap_or_default();
        clusters.entry(cluster).or_default().push(work);
    }
    let clusters = clusters
        .into_iter()
        .map(|(cluster, works)| Node::new(cluster).over(works.into_iter().map(of_work)));
    Node::pair("ManifestWork", "").over(clusters)
}

fn of_work(work: &DynamicObject) -> Node {
    let mut node = Node::new(work.name_any());
    let number = manifests(work).len();
    node.push(Node::new(format!("Number of Manifests {number}")));
    for kind in ["Applied", "Available"] {
        let status = match state(&work.data, kind, work) {
            status if status.is_empty() => "Unknown".to_owned(),
            status => status,
        };
        node.push(Node::new(format!("{kind} {status}")));
    }
    if work.metadata.deletion_timestamp.is_some() {
        let held = work.finalizers().join(", ");
        node.push(Node::new(format!("Being deleted, held by {held}")));
    }
    let why = works_said(&work.data);
    if !why.is_empty() {
        node.push(Node::new(format!("Reason {}", one_line(&why))));
    }
    let mut all = Node::new("Resources");
    for (ordinal, manifest) in manifests(work).iter().enumerate() {
        all.push(of_manifest(work, ordinal, manifest));
    }
    node.push(all);
    node
}

fn of_manifest(work: &DynamicObject, ordinal: usize, manifest: &Value) -> Node {
    let text = |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name").unwrap_or_default();
    let place = match text("/metadata/namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    };
    let kind = text("/kind").unwrap_or_default();
    let reported = work
        .data
        .pointer("/status/resourceStatus/manifests")
        .and_then(Value::as_array)
        .and_then(|all| {
            all.iter()
                .find(|one| one["resourceMeta"]["ordinal"].as_u64() == u64::try_from(ordinal).ok())
        });
    let Some(reported) = reported else {
        return Node::new(format!(
            "{kind} {place} unknown: not reported by the agent yet"
        ));
    };
    let word = match resources::condition(reported, "Applied") {
        "True" => "applied",
        "False" => "not-applied",
        _ => "unknown",
    };
    let mut node = Node::new(format!("{kind} {place} {word}"));
    let conditions = reported["conditions"].as_array();
    for condition in conditions.into_iter().flatten() {
        let of = |key: &str| condition[key].as_str().unwrap_or_default();
        let mut line = format!("{} {}", of("type"), of("status"));
        // What is well needs no words.
        if of("status") != "True" && !of("message").is_empty() {
            line.push_str(&format!(": {}", one_line(of("message"))));
        }
        node.push(Node::new(line));
    }
    let values = reported.pointer("/statusFeedback/values");
    for value in values.and_then(Value::as_array).into_iter().flatten() {
        node.push(Node::new(format!(
            "{} = {}",
            value["name"].as_str().unwrap_or_default(),
            super::works::field_value(value)
        )));
    }
    node
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_resource_has_its_place_and_reason() {
        let work: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "w", "namespace": "c1", "generation": 1},
            "spec": {"workload": {"manifests": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}},
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}},
            ]}},
            "status": {
                "conditions": [
                    {"type": "Applied", "status": "False", "observedGeneration": 1, "message": "1 of 2 failed"},
                ],
                "resourceStatus": {"manifests": [{
                    "resourceMeta": {"ordinal": 0},
                    "conditions": [{"type": "Applied", "status": "False", "message": "no permission"}],
                    "statusFeedback": {"values": [{"name": "x", "fieldValue": {"type": "Integer", "integer": 3}}]},
                }]},
            },
        }))
        .unwrap();
        assert_eq!(
            of_works(&[work]).render(),
            "<ManifestWork>\n\
             └── c1\n\
             \u{20}   └── w\n\
             \u{20}       ├── Number of Manifests 2\n\
             \u{20}       ├── Applied False\n\
             \u{20}       ├── Available Unknown\n\
             \u{20}       ├── Reason manifest 0: no permission\n\
             \u{20}       └── Resources\n\
             \u{20}           ├── ConfigMap default/a not-applied\n\
             \u{20}           │   ├── Applied False: no permission\n\
             \u{20}           │   └── x = 3\n\
             \u{20}           └── Namespace n unknown: not reported by the agent yet\n"
        );
    }
}
