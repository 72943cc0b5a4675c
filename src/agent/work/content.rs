//! What is content of an object, kind by kind, for the strategy Update. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::model::hex;

/// Annotation with the hash of the spec of Services and CSIDrivers.
const SPEC_HASH: &str = "operator.openshift.io/spec-hash";
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
const TOKEN_SECRET: &str = "kubernetes.io/service-account-token";

/// How a kind is updated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Only metadata.
    Metadata,
    /// These top-level fields.
    Fields(&'static [&'static str]),
    ConfigMap,
    Secret,
    Service,
    Role,
    Binding,
    Definition,
    StorageClass,
    CsiDriver,
    Webhooks,
    /// Everything but metadata and status.
    Everything,
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn rule(object: &Value) -> Rule {
    match (text(object, "apiVersion"), text(object, "kind")) {
        ("v1", "Namespace" | "Pod" | "ServiceAccount") => Rule::Metadata,
        ("v1", "ConfigMap") => Rule::ConfigMap,
        ("v1", "Secret") => Rule::Secret,
        ("v1", "Service") => Rule::Service,
        ("networking.k8s.io/v1", "NetworkPolicy")
        | ("policy/v1", "PodDisruptionBudget")
        | (
            "admissionregistration.k8s.io/v1" | "admissionregistration.k8s.io/v1beta1",
            "ValidatingAdmissionPolicy" | "ValidatingAdmissionPolicyBinding",
        )
        | (
            "monitoring.coreos.com/v1",
            "ServiceMonitor" | "PrometheusRule" | "Alertmanager" | "Prometheus",
        ) => Rule::Fields(&["spec"]),
        ("rbac.authorization.k8s.io/v1", "Role" | "ClusterRole") => Rule::Role,
        ("rbac.authorization.k8s.io/v1", "RoleBinding" | "ClusterRoleBinding") => Rule::Binding,
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition") => Rule::Definition,
        ("storage.k8s.io/v1", "StorageClass") => Rule::StorageClass,
        ("storage.k8s.io/v1", "CSIDriver") => Rule::CsiDriver,
        (
            "admissionregistration.k8s.io/v1",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => Rule::Webhooks,
        _ => Rule::Everything,
    }
}

/// The manifest with what its kind adds (folded stringData, defaults, hashes).
///
/// # Errors
/// A Secret says two things of one key.
pub fn prepare(manifest: &Value) -> Result<Value, String> {
    let mut object = manifest.clone();
    match rule(manifest) {
        Rule::Secret => fold_string_data(&mut object)?,
        Rule::Service | Rule::CsiDriver => {
            let hash = spec_hash(&manifest["spec"]);
            if !object["metadata"]["annotations"].is_object() {
                object["metadata"]["annotations"] = json!({});
            }
            object["metadata"]["annotations"][SPEC_HASH] = hash.into();
        }
        Rule::Binding => default_api_groups(&mut object),
        Rule::Definition => default_definition(&mut object),
        _ => {}
    }
    Ok(object)
}

/// Puts the content of `manifest` into `target` (a copy of `live` with merged
/// metadata); whether it differs.
pub fn replace(target: &mut Value, manifest: &Value, live: &Value, metadata_differs: bool) -> bool {
    match rule(manifest) {
        Rule::Metadata => false,
        Rule::Fields(fields) => take(target, manifest, fields),
        Rule::ConfigMap => config_map(target, manifest, live),
        Rule::Secret => secret(target, manifest, live),
        Rule::Service => {
            let spec = &manifest["spec"];
            let kind = |s: &Value| s["type"].as_str().unwrap_or("ClusterIP").to_owned();
            let differs = metadata_differs
                || !same(&spec["selector"], &live["spec"]["selector"])
                || kind(spec) != kind(&live["spec"]);
            if differs {
                target["spec"] = service_spec(spec, &live["spec"]);
            }
            differs
        }
        Rule::Role => {
            let aggregated = !manifest["aggregationRule"].is_null();
            let fields: &[&str] = if aggregated {
                &["aggregationRule"]
            } else {
                &["rules", "aggregationRule"]
            };
            take(target, manifest, fields)
        }
        Rule::Binding => take(target, manifest, &["subjects", "roleRef"]),
        Rule::Definition | Rule::CsiDriver => take(target, manifest, &["spec"]),
        Rule::StorageClass => {
            if let Some(class) = live["metadata"]["annotations"].get(DEFAULT_CLASS) {
                target["metadata"]["annotations"][DEFAULT_CLASS] = class.clone();
            }
            everything(target, manifest, live)
        }
        Rule::Webhooks => {
            let mut wanted = manifest["webhooks"].clone();
            for webhook in wanted.as_array_mut().into_iter().flatten() {
                let bundle = live["webhooks"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|l| l["name"] == webhook["name"])
                    .and_then(|l| l["clientConfig"].get("caBundle"));
                if webhook["clientConfig"]["caBundle"].is_null()
                    && let Some(bundle) = bundle
                {
                    webhook["clientConfig"]["caBundle"] = bundle.clone();
                }
            }
            put(target, "webhooks", &wanted)
        }
        Rule::Everything => everything(target, manifest, live),
    }
}

/// Whether `live` has all that a manifest of a generic kind says, and more only
/// where a server fills in.
pub fn defaults_only(manifest: &Value, live: &Value) -> bool {
    matches!(rule(manifest), Rule::Everything)
        && manifest
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"))
            .all(|(key, value)| contains(&live[key], value))
}

/// Whether `whole` has everything of `part`; lists have the same length.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (_, Value::Null) => true,
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| contains(whole.get(key).unwrap_or(&Value::Null), value)),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(w, p)| contains(w, p))
        }
        _ => same(whole, part),
    }
}

/// Whether content that differs cannot be changed in place.
pub fn must_recreate(manifest: &Value, live: &Value) -> bool {
    match rule(manifest) {
        Rule::Secret => secret_type(manifest) != secret_type(live),
        Rule::StorageClass => [
            "parameters",
            "provisioner",
            "reclaimPolicy",
            "volumeBindingMode",
        ]
        .iter()
        .any(|f| !manifest[f].is_null() && !same(&manifest[f], &live[f])),
        Rule::CsiDriver => true,
        _ => false,
    }
}

/// Whether a PUT refused with this message is answered by a new object.
pub fn recreate_on(manifest: &Value, message: &str) -> bool {
    rule(manifest) == Rule::Secret && message.contains("field is immutable")
}

fn take(target: &mut Value, manifest: &Value, fields: &[&str]) -> bool {
    let mut differs = false;
    for field in fields {
        differs |= put(target, field, &manifest[*field]);
    }
    differs
}

fn put(target: &mut Value, field: &str, wanted: &Value) -> bool {
    if same(wanted, &target[field]) {
        return false;
    }
    if wanted.is_null() {
        if let Some(target) = target.as_object_mut() {
            target.remove(field);
        }
    } else {
        target[field] = wanted.clone();
    }
    true
}

fn everything(target: &mut Value, manifest: &Value, live: &Value) -> bool {
    let content = |object: &Value| -> Map<String, Value> {
        object
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    let wanted = content(manifest);
    if wanted == content(live) {
        return false;
    }
    if let Some(target) = target.as_object_mut() {
        target.retain(|key, _| matches!(key.as_str(), "metadata" | "status"));
        target.extend(wanted);
    }
    true
}

fn config_map(target: &mut Value, manifest: &Value, live: &Value) -> bool {
    let mut wanted = manifest["data"].clone();
    let set = |field: &str, key: &str| manifest["metadata"][field][key] == "true";
    let mut keep = |key: &str| {
        if let Some(value) = live["data"].get(key) {
            if !wanted.is_object() {
                wanted = json!({});
            }
            wanted[key] = value.clone();
        }
    };
    if set("labels", "config.openshift.io/inject-trusted-cabundle") {
        keep("ca-bundle.crt");
    }
    if set("annotations", "service.beta.openshift.io/inject-cabundle") {
        keep("service-ca.crt");
    }
    let differs = put(target, "data", &wanted);
    put(target, "binaryData", &manifest["binaryData"]) || differs
}

fn secret_type(secret: &Value) -> &str {
    match text(secret, "type") {
        "" => "Opaque",
        kind => kind,
    }
}

fn secret(target: &mut Value, manifest: &Value, live: &Value) -> bool {
    let mut wanted = manifest["data"].clone();
    if secret_type(live) == TOKEN_SECRET {
        let mut merged = live["data"].as_object().cloned().unwrap_or_default();
        merged.extend(wanted.as_object().cloned().unwrap_or_default());
        wanted = Value::Object(merged);
    }
    let differs = put(target, "data", &wanted);
    differs || secret_type(manifest) != secret_type(live)
}

fn fold_string_data(secret: &mut Value) -> Result<(), String> {
    let Some(strings) = secret["stringData"].as_object().cloned() else {
        return Ok(());
    };
    if let Some(object) = secret.as_object_mut() {
        object.remove("stringData");
    }
    for (key, value) in strings {
        let encoded = Value::String(STANDARD.encode(value.as_str().unwrap_or_default()));
        let present = &mut secret["data"][&key];
        if !present.is_null() && *present != encoded {
            return Err(format!(
                "Secret.stringData[{key}] conflicts with Secret.data[{key}]"
            ));
        }
        *present = encoded;
    }
    Ok(())
}

/// The manifest's spec with what the server allocated.
fn service_spec(wanted: &Value, live: &Value) -> Value {
    let mut spec = wanted.clone();
    if wanted["type"] != "ExternalName" && live["type"] != "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if spec[field].is_null() && !live[field].is_null() {
                spec[field] = live[field].clone();
            } else if spec[field].is_null()
                && let Some(spec) = spec.as_object_mut()
            {
                spec.remove(field);
            }
        }
    }
    spec
}

fn default_api_groups(binding: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if text(&binding["roleRef"], "apiGroup").is_empty() && binding["roleRef"].is_object() {
        binding["roleRef"]["apiGroup"] = GROUP.into();
    }
    for subject in binding["subjects"].as_array_mut().into_iter().flatten() {
        if subject["kind"] == "ServiceAccount" {
            if let Some(subject) = subject.as_object_mut() {
                subject.retain(|key, value| key != "apiGroup" || *value != "");
            }
        } else if text(subject, "apiGroup").is_empty() {
            subject["apiGroup"] = GROUP.into();
        }
    }
}

fn default_definition(definition: &mut Value) {
    let kind = text(&definition["spec"]["names"], "kind").to_owned();
    let names = &mut definition["spec"]["names"];
    if text(names, "singular").is_empty() {
        names["singular"] = kind.to_lowercase().into();
    }
    if text(names, "listKind").is_empty() {
        names["listKind"] = format!("{kind}List").into();
    }
    let conversion = &mut definition["spec"]["conversion"];
    if conversion.is_null() {
        *conversion = json!({"strategy": "None"});
    }
    let service = &mut conversion["webhook"]["clientConfig"]["service"];
    if service.is_object() && service["port"].is_null() {
        service["port"] = 443.into();
    } else if conversion["webhook"]["clientConfig"]["service"].is_null()
        && let Some(conversion) = conversion.as_object_mut()
        && conversion.get("strategy") == Some(&json!("None"))
    {
        conversion.remove("webhook");
    }
}

/// Equality where a missing field, null and an empty list or map are one.
pub fn same(a: &Value, b: &Value) -> bool {
    let empty = |v: &Value| match v {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(key, value)| match b.get(key) {
                Some(other) => same(value, other),
                None => empty(value),
            }) && b
                .iter()
                .all(|(key, value)| a.contains_key(key) || empty(value))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ => a == b || (empty(a) && empty(b)),
    }
}

/// Hex SHA-256 of the spec's JSON with the keys in the order of Kubernetes' Go type.
fn spec_hash(spec: &Value) -> String {
    let mut json = String::new();
    write_ordered(spec, SERVICE_SPEC, &mut json);
    hex(ring::digest::digest(&ring::digest::SHA256, json.as_bytes()).as_ref())
}

/// Fields of ServiceSpec and of what it holds, in the order of the Go types.
const SERVICE_SPEC: &[&str] = &[
    "name",
    "protocol",
    "appProtocol",
    "port",
    "targetPort",
    "nodePort",
    "ports",
    "selector",
    "clusterIP",
    "clusterIPs",
    "type",
    "externalIPs",
    "sessionAffinity",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "externalName",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "publishNotReadyAddresses",
    "sessionAffinityConfig",
    "ipFamilies",
    "ipFamilyPolicy",
    "allocateLoadBalancerNodePorts",
    "loadBalancerClass",
    "internalTrafficPolicy",
    "trafficDistribution",
];

fn write_ordered(value: &Value, order: &[&str], out: &mut String) {
    match value {
        Value::Object(map) => {
            out.push('{');
            let mut keys: Vec<&String> = map
                .iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, _)| k)
                .collect();
            keys.sort_by_key(|key| order.iter().position(|o| o == key).unwrap_or(usize::MAX));
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                // Labels sort by name.
                write_ordered(&map[key], if key == "selector" { &[] } else { order }, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_ordered(item, order, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(api_version: &str, kind: &str, more: Value) -> Value {
        let mut object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}});
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        object
    }

    /// Whether content differs, and what it becomes.
    fn run(manifest: &Value, live: &Value) -> (bool, Value) {
        let manifest = prepare(manifest).unwrap();
        let mut target = live.clone();
        let differs = replace(&mut target, &manifest, live, false);
        (differs, target)
    }

    #[test]
    fn pods_namespaces_and_service_accounts_keep_their_content() {
        for kind in ["Namespace", "Pod", "ServiceAccount"] {
            let (differs, _) = run(
                &object("v1", kind, json!({"spec": {"a": 1}})),
                &object("v1", kind, json!({"spec": {"a": 2}})),
            );
            assert!(!differs, "{kind}");
        }
    }

    #[test]
    fn nothing_and_empty_are_the_same() {
        assert!(same(&json!({"a": null, "b": [], "c": {}}), &json!({})));
        assert!(!same(&json!([{}]), &json!([])));
        assert!(same(&json!([{"x": []}]), &json!([{}])));
        assert!(!same(&json!({"a": ""}), &json!({})));
    }

    #[test]
    fn secrets_fold_string_data_and_refuse_contradictions() {
        let secret = object("v1", "Secret", json!({"stringData": {"a": "v"}}));
        assert_eq!(prepare(&secret).unwrap()["data"], json!({"a": "dg=="}));
        let twice = object(
            "v1",
            "Secret",
            json!({"stringData": {"a": "v"}, "data": {"a": "eA=="}}),
        );
        assert!(prepare(&twice).is_err());
        let live = object(
            "v1",
            "Secret",
            json!({"type": TOKEN_SECRET, "data": {"token": "dA=="}}),
        );
        let token = object(
            "v1",
            "Secret",
            json!({"type": TOKEN_SECRET, "data": {"more": "bQ=="}}),
        );
        assert_eq!(
            run(&token, &live).1["data"],
            json!({"more": "bQ==", "token": "dA=="})
        );
    }

    #[test]
    fn services_keep_what_the_server_allocated() {
        let manifest = object(
            "v1",
            "Service",
            json!({"spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}),
        );
        let prepared = prepare(&manifest).unwrap();
        assert_eq!(
            prepared["metadata"]["annotations"][SPEC_HASH]
                .as_str()
                .map(str::len),
            Some(64)
        );
        let live = object(
            "v1",
            "Service",
            json!({"spec": {"selector": {"a": "c"}, "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]}}),
        );
        let (differs, target) = run(&manifest, &live);
        assert!(differs);
        assert_eq!(target["spec"]["clusterIP"], "10.0.0.1");
        assert_eq!(target["spec"]["selector"], json!({"a": "b"}));
    }

    #[test]
    fn the_spec_hash_has_gos_key_order() {
        let mut json = String::new();
        write_ordered(
            &json!({"type": "ClusterIP", "selector": {"b": "1", "a": "2"}, "ports": [{"targetPort": 8080, "port": 80, "name": "http"}]}),
            SERVICE_SPEC,
            &mut json,
        );
        assert_eq!(
            json,
            r#"{"ports":[{"name":"http","port":80,"targetPort":8080}],"selector":{"a":"2","b":"1"},"type":"ClusterIP"}"#
        );
    }

    #[test]
    fn bindings_compare_with_default_groups() {
        let rbac = "rbac.authorization.k8s.io/v1";
        let manifest = object(
            rbac,
            "RoleBinding",
            json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]}),
        );
        let live = object(
            rbac,
            "RoleBinding",
            json!({
            "roleRef": {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"},
            "subjects": [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}]}),
        );
        assert!(!run(&manifest, &live).0);
        let mut other = manifest.clone();
        other["roleRef"]["name"] = "other".into();
        assert!(run(&other, &live).0);
    }

    #[test]
    fn aggregated_cluster_roles_keep_their_rules() {
        let rbac = "rbac.authorization.k8s.io/v1";
        let live = object(
            rbac,
            "ClusterRole",
            json!({"aggregationRule": {"a": 1}, "rules": [{"verbs": ["get"]}]}),
        );
        assert!(
            !run(
                &object(
                    rbac,
                    "ClusterRole",
                    json!({"aggregationRule": {"a": 1}, "rules": []})
                ),
                &live
            )
            .0
        );
        assert!(run(&object(rbac, "ClusterRole", json!({"rules": []})), &live).0);
    }

    #[test]
    fn definitions_are_defaulted_and_webhooks_keep_their_bundle() {
        let crd = prepare(&object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            json!({"spec": {"names": {"kind": "Widget"}}}),
        ))
        .unwrap();
        assert_eq!(
            crd["spec"]["names"],
            json!({"kind": "Widget", "singular": "widget", "listKind": "WidgetList"})
        );
        assert_eq!(crd["spec"]["conversion"], json!({"strategy": "None"}));
        let group = "admissionregistration.k8s.io/v1";
        let live = object(
            group,
            "ValidatingWebhookConfiguration",
            json!({"webhooks": [{"name": "a", "clientConfig": {"url": "u", "caBundle": "b"}}]}),
        );
        let manifest = object(
            group,
            "ValidatingWebhookConfiguration",
            json!({"webhooks": [{"name": "a", "clientConfig": {"url": "u"}}]}),
        );
        assert!(!run(&manifest, &live).0);
    }

    #[test]
    fn storage_classes_are_recreated_when_their_provisioner_changes() {
        let class = |p: &str| {
            object(
                "storage.k8s.io/v1",
                "StorageClass",
                json!({"provisioner": p}),
            )
        };
        assert!(must_recreate(&class("a"), &class("b")));
        assert!(!must_recreate(&class("a"), &class("a")));
    }
}
