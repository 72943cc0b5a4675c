//! Manifests checked and put into a work. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::k8s::yaml::Manifest;

/// What the hub's webhook accepts, in bytes.
pub const SIZE_LIMIT: usize = 512_000;

/// Manifests that may be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifests {
    /// The objects, in the order given.
    pub objects: Vec<Value>,
    /// What was decided for the user, a sentence each.
    pub notes: Vec<String>,
}

/// Checks everything and tells everything that is wrong.
///
/// # Errors
/// A line for every manifest that cannot be sent.
pub fn check(manifests: Vec<Manifest>, namespace: &str) -> Result<Manifests, Vec<String>> {
    let mut errors = Vec::new();
    let mut notes = Vec::new();
    let mut seen: BTreeMap<[String; 4], String> = BTreeMap::new();
    let mut objects = Vec::with_capacity(manifests.len());
    for manifest in manifests {
        let place = manifest.place();
        let mut object = manifest.object;
        let problems = problems(&object);
        if !problems.is_empty() {
            errors.extend(problems.into_iter().map(|what| format!("{place}: {what}")));
            continue;
        }
        let name = text(&object, "/metadata/name").to_owned();
        let kind = text(&object, "/kind").to_owned();
        let api_version = text(&object, "/apiVersion").to_owned();
        if text(&object, "/metadata/namespace").is_empty() && is_namespaced(&api_version, &kind) {
            object["metadata"]["namespace"] = namespace.into();
            notes.push(format!(
                "{place}: {kind} {name:?} names no namespace, {namespace:?} will be used"
            ));
        }
        if kind == "ManifestWork" {
            notes.push(format!(
                "{place}: a ManifestWork inside a work is sent as it is"
            ));
        }
        let namespace = text(&object, "/metadata/namespace").to_owned();
        let key = [api_version, kind.clone(), namespace.clone(), name.clone()];
        if let Some(first) = seen.get(&key) {
            let full = if namespace.is_empty() {
                name
            } else {
                format!("{namespace}/{name}")
            };
            errors.push(format!(
                "{place}: {kind} {full} stands twice, first at {first}"
            ));
            continue;
        }
        seen.insert(key, place);
        objects.push(object);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let size = size(&objects);
    if size > SIZE_LIMIT {
        return Err(vec![too_large(&objects, size)]);
    }
    Ok(Manifests { objects, notes })
}

fn problems(object: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (pointer, field) in [("/apiVersion", "apiVersion"), ("/kind", "kind")] {
        match object.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => {}
            None | Some(Value::Null | Value::String(_)) => {
                problems.push(format!("{field} is missing"));
            }
            Some(_) => problems.push(format!("{field} is no text")),
        }
    }
    match object.get("metadata") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(_) => {
            problems.push("metadata is no mapping".to_owned());
            return problems;
        }
    }
    match object.pointer("/metadata/name") {
        Some(Value::String(name)) if !name.is_empty() => {
            if let Some(what) = wrong_name(name) {
                problems.push(format!("metadata.name {name:?} {what}"));
            }
        }
        Some(value) if !value.is_null() && !value.is_string() => {
            problems.push("metadata.name is no text (put it in quotes)".to_owned());
        }
        _ if object.pointer("/metadata/generateName").is_some() => {
            problems
                .push("metadata.generateName cannot be used in a work, give it a name".to_owned());
        }
        _ => problems.push("metadata.name is missing".to_owned()),
    }
    match object.pointer("/metadata/namespace") {
        None | Some(Value::Null | Value::String(_)) => {}
        Some(_) => problems.push("metadata.namespace is no text".to_owned()),
    }
    problems
}

/// What no API server accepts in a path; RBAC names may hold anything else.
fn wrong_name(name: &str) -> Option<&'static str> {
    if name == "." || name == ".." {
        Some("is no name")
    } else if name.contains('/') || name.contains('%') {
        Some("must not hold / or %")
    } else {
        None
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Built-in kinds that live in a namespace. Custom kinds are not known here.
fn is_namespaced(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kinds: &[&str] = match group {
        "" => &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
        "apps" => &[
            "ControllerRevision",
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
        ],
        "batch" => &["CronJob", "Job"],
        "autoscaling" => &["HorizontalPodAutoscaler"],
        "coordination.k8s.io" => &["Lease"],
        "discovery.k8s.io" => &["EndpointSlice"],
        "networking.k8s.io" => &["Ingress", "NetworkPolicy"],
        "policy" => &["PodDisruptionBudget"],
        "rbac.authorization.k8s.io" => &["Role", "RoleBinding"],
        _ => &[],
    };
    kinds.contains(&kind)
}

/// The size the hub's webhook counts: that of each object's JSON in a protobuf
/// field (a tag and a length before it).
fn size(objects: &[Value]) -> usize {
    objects.iter().map(|object| field(json_len(object))).sum()
}

fn json_len(object: &Value) -> usize {
    object.to_string().len()
}

fn field(len: usize) -> usize {
    let mut varint = 1;
    let mut rest = len >> 7;
    while rest > 0 {
        varint += 1;
        rest >>= 7;
    }
    len + 1 + varint
}

fn too_large(objects: &[Value], size: usize) -> String {
    let largest = objects.iter().max_by_key(|object| json_len(object));
    let named = largest.map_or_else(String::new, |object| {
        format!(
            "; the largest is {} {:?} with {} bytes",
            text(object, "/kind"),
            text(object, "/metadata/name"),
            json_len(object)
        )
    });
    format!("the manifests are {size} bytes, a work may hold {SIZE_LIMIT}{named}")
}

/// The ManifestWork to create.
#[must_use]
pub fn work(
    name: &str,
    cluster: &str,
    manifests: &[Value],
    executor: Option<(&str, &str)>,
) -> Value {
    let mut spec = json!({"workload": {"manifests": manifests}});
    if let Some((namespace, name)) = executor {
        spec["executor"] = json!({
            "subject": {
                "type": "ServiceAccount",
                "serviceAccount": {"namespace": namespace, "name": name},
            },
        });
    }
    json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name, "namespace": cluster},
        "spec": spec,
    })
}

/// Whether a name may be that of a work: a DNS subdomain.
#[must_use]
pub fn is_dns_subdomain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 253 && name.split('.').all(is_dns_label_of_any_length)
}

/// Whether a name may be that of a cluster (and of its namespace): a DNS label.
#[must_use]
pub fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_dns_label_of_any_length(name)
}

fn is_dns_label_of_any_length(part: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !part.is_empty()
        && part.chars().all(|c| inner(c) || c == '-')
        && part.starts_with(inner)
        && part.ends_with(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::yaml;

    fn checked(text: &str) -> Result<Manifests, Vec<String>> {
        check(yaml::read("f.yaml", text.as_bytes()).unwrap(), "default")
    }

    #[test]
    fn every_problem_is_told_with_its_place() {
        let text = "apiVersion: v1\nmetadata: {name: a}\n---\nkind: X\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a/b}\n";
        assert_eq!(
            checked(text).unwrap_err(),
            [
                "f.yaml:1: kind is missing",
                "f.yaml:4: apiVersion is missing",
                "f.yaml:4: metadata.name is missing",
                "f.yaml:6: metadata.generateName cannot be used in a work, give it a name",
                "f.yaml:10: metadata.name is no text (put it in quotes)",
                "f.yaml:14: metadata.name \"a/b\" must not hold / or %",
            ]
        );
    }

    #[test]
    fn duplicates_are_found_after_the_namespace_is_known() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n";
        assert_eq!(
            checked(text).unwrap_err(),
            ["f.yaml:5: ConfigMap default/a stands twice, first at f.yaml:1"]
        );
    }

    #[test]
    fn only_namespaced_kinds_get_a_namespace_and_it_is_told() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\
                    apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n\
                    apiVersion: example.com/v1\nkind: Secret\nmetadata: {name: a}\n";
        let got = checked(text).unwrap();
        assert_eq!(
            got.notes,
            ["f.yaml:1: ConfigMap \"a\" names no namespace, \"default\" will be used"]
        );
        let namespaces: Vec<_> = got
            .objects
            .iter()
            .map(|o| text_of(o, "/metadata/namespace"))
            .collect();
        assert_eq!(namespaces, ["default", "", ""]);
    }

    fn text_of(object: &Value, pointer: &str) -> String {
        text(object, pointer).to_owned()
    }

    #[test]
    fn the_size_is_counted_as_the_webhook_counts() {
        // One byte of tag, two of length for 128..16383 bytes, three beyond.
        assert_eq!(field(127), 129);
        assert_eq!(field(128), 131);
        assert_eq!(field(16_384), 16_388);
        let object = |len: usize| {
            let empty = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, "data": {"k": ""}});
            let fill = len - empty.to_string().len();
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}, "data": {"k": "x".repeat(fill)}})
        };
        let manifest = |len| Manifest {
            object: object(len),
            file: "f".to_owned(),
            line: 1,
        };
        assert!(check(vec![manifest(SIZE_LIMIT - 4)], "n").is_ok());
        let error = check(vec![manifest(SIZE_LIMIT - 3)], "n").unwrap_err();
        assert!(error[0].starts_with("the manifests are 512001 bytes, a work may hold 512000; the largest is ConfigMap \"a\""), "{error:?}");
    }

    #[test]
    fn names_are_dns_names() {
        for good in ["a", "my-first-work", "0", "a.b-c.d"] {
            assert!(is_dns_subdomain(good), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", ".a"] {
            assert!(!is_dns_subdomain(bad), "{bad}");
        }
        assert!(is_dns_label(&"a".repeat(63)));
        assert!(!is_dns_label(&"a".repeat(64)));
        assert!(!is_dns_label("a.b"));
    }
}
