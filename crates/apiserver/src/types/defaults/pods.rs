//! Defaults of the core group: pods and what they are made of, services,
//! volumes, namespaces, nodes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{child, default, default_number, default_text, each, text};

type Object = Map<String, Value>;

/// 0644 and 0600 would be written so in YAML; JSON has decimals.
const READABLE: i64 = 0o644;

pub(super) fn set(name: &str, map: &mut Object) {
    match name {
        "Pod" => pod(map),
        "PodSpec" => pod_spec(map),
        "Container" | "EphemeralContainer" => container(map),
        "Probe" => probe(map),
        "HTTPGetAction" => {
            default_text(map, "path", "/");
            default_text(map, "scheme", "HTTP");
        }
        "GRPCAction" => default(map, "service", json!("")),
        // A volume that has only a name.
        "Volume" if map.len() <= 1 => {
            map.insert("emptyDir".to_owned(), json!({}));
        }
        "SecretVolumeSource"
        | "ConfigMapVolumeSource"
        | "DownwardAPIVolumeSource"
        | "ProjectedVolumeSource" => default(map, "defaultMode", json!(READABLE)),
        "ServiceAccountTokenProjection" => default(map, "expirationSeconds", json!(3600)),
        "HostPathVolumeSource" => default(map, "type", json!("")),
        "ImageVolumeSource" => {
            let policy = pull_policy(text(map, "reference"));
            default_text(map, "pullPolicy", policy);
        }
        "ObjectFieldSelector" => default_text(map, "apiVersion", "v1"),
        "PodStatus" => pod_ips(map),
        "Service" => service(map),
        "EndpointPort" => default_text(map, "protocol", "TCP"),
        "ReplicationController" => replication_controller(map),
        "Secret" => secret(map),
        "PersistentVolume" => {
            if let Some(spec) = child(map, "spec") {
                default_text(spec, "persistentVolumeReclaimPolicy", "Retain");
                default(spec, "volumeMode", json!("Filesystem"));
            }
            phase(map, "Pending");
        }
        "PersistentVolumeClaim" => phase(map, "Pending"),
        "PersistentVolumeClaimSpec" => default(map, "volumeMode", json!("Filesystem")),
        "Namespace" => namespace(map),
        "NodeStatus" => {
            if let Some(capacity) = map.get("capacity").cloned() {
                default(map, "allocatable", capacity);
            }
        }
        "LimitRangeItem" => limit_range(map),
        _ => {}
    }
}

fn phase(map: &mut Object, initial: &str) {
    if let Some(status) = child(map, "status") {
        default_text(status, "phase", initial);
    }
}

fn pod(map: &mut Object) {
    let Some(spec) = child(map, "spec") else {
        return;
    };
    if spec
        .get("terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .is_some_and(|seconds| seconds < 0)
    {
        spec.insert("terminationGracePeriodSeconds".to_owned(), json!(1));
    }
    default(spec, "enableServiceLinks", json!(true));
    let host_network = spec.get("hostNetwork") == Some(&json!(true));
    for list in ["containers", "initContainers"] {
        each(spec, list, |container| {
            limits_are_requests(container);
            if host_network {
                each(container, "ports", |port| {
                    let number = port.get("containerPort").and_then(Value::as_i64);
                    default_number(port, "hostPort", number.unwrap_or_default());
                });
            }
        });
    }
}

/// What is limited and not requested is requested up to the limit.
fn limits_are_requests(container: &mut Object) {
    let Some(resources) = container
        .get_mut("resources")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else {
        return;
    };
    if let Some(requests) = child(resources, "requests") {
        for (name, limit) in limits {
            default(requests, &name, limit);
        }
    }
}

fn pod_spec(map: &mut Object) {
    let account = match text(map, "serviceAccountName") {
        "" => text(map, "serviceAccount"),
        name => name,
    };
    if !account.is_empty() {
        let account = json!(account);
        map.insert("serviceAccountName".to_owned(), account.clone());
        map.insert("serviceAccount".to_owned(), account);
    }
    default_text(map, "dnsPolicy", "ClusterFirst");
    default_text(map, "restartPolicy", "Always");
    default(map, "securityContext", json!({}));
    default(map, "terminationGracePeriodSeconds", json!(30));
    default_text(map, "schedulerName", "default-scheduler");
}

fn container(map: &mut Object) {
    let policy = pull_policy(text(map, "image"));
    default_text(map, "imagePullPolicy", policy);
    default_text(map, "terminationMessagePath", "/dev/termination-log");
    default_text(map, "terminationMessagePolicy", "File");
}

/// The latest image is always pulled; `latest` is also the tag of an image
/// with neither tag nor digest.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or(image);
    let latest = if last.contains('@') {
        last.split('@')
            .next()
            .is_some_and(|name| name.ends_with(":latest"))
    } else {
        last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
    };
    if latest && !image.is_empty() {
        "Always"
    } else {
        "IfNotPresent"
    }
}

fn probe(map: &mut Object) {
    for (field, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        default_number(map, field, value);
    }
}

/// `podIP` and `podIPs` say the same; the former wins.
fn pod_ips(map: &mut Object) {
    let first = map
        .get("podIPs")
        .and_then(|list| list[0]["ip"].as_str())
        .unwrap_or_default()
        .to_owned();
    let single = text(map, "podIP").to_owned();
    if single.is_empty() {
        if !first.is_empty() {
            map.insert("podIP".to_owned(), json!(first));
        }
    } else if first != single {
        map.insert("podIPs".to_owned(), json!([{"ip": single}]));
    }
}

fn service(map: &mut Object) {
    let Some(spec) = child(map, "spec") else {
        return;
    };
    default_text(spec, "sessionAffinity", "None");
    match text(spec, "sessionAffinity") {
        "None" => {
            spec.remove("sessionAffinityConfig");
        }
        "ClientIP" => {
            let client = child(spec, "sessionAffinityConfig").and_then(|c| child(c, "clientIP"));
            if let Some(client) = client {
                default(client, "timeoutSeconds", json!(10800));
            }
        }
        _ => {}
    }
    default_text(spec, "type", "ClusterIP");
    each(spec, "ports", |port| {
        default_text(port, "protocol", "TCP");
        let target = port.get("targetPort");
        let unset = target.is_none_or(|target| *target == 0 || *target == "");
        if unset && let Some(number) = port.get("port").cloned() {
            port.insert("targetPort".to_owned(), number);
        }
    });
    let kind = text(spec, "type").to_owned();
    let external_ips = spec
        .get("externalIPs")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    let outside = matches!(kind.as_str(), "LoadBalancer" | "NodePort");
    if outside || (kind == "ClusterIP" && external_ips) {
        default_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if outside || kind == "ClusterIP" {
        default(spec, "internalTrafficPolicy", json!("Cluster"));
    }
    if kind == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
}

fn replication_controller(map: &mut Object) {
    let labels = map
        .get("spec")
        .and_then(|spec| spec.pointer("/template/metadata/labels"))
        .cloned();
    let Some(labels) = labels else {
        return;
    };
    if let Some(spec) = child(map, "spec") {
        default(spec, "selector", labels.clone());
    }
    if let Some(meta) = child(map, "metadata") {
        default(meta, "labels", labels);
    }
}

/// `stringData` is only for writing: it ends up in `data`.
fn secret(map: &mut Object) {
    default_text(map, "type", "Opaque");
    let Some(Value::Object(plain)) = map.remove("stringData") else {
        return;
    };
    if plain.is_empty() {
        return;
    }
    if let Some(data) = child(map, "data") {
        for (key, value) in plain {
            let text = value.as_str().unwrap_or_default();
            data.insert(key, json!(STANDARD.encode(text)));
        }
    }
}

fn namespace(map: &mut Object) {
    let name = map
        .get("metadata")
        .and_then(|meta| meta["name"].as_str())
        .unwrap_or_default()
        .to_owned();
    if !name.is_empty()
        && let Some(labels) = child(map, "metadata").and_then(|meta| child(meta, "labels"))
    {
        labels.insert("kubernetes.io/metadata.name".to_owned(), json!(name));
    }
    phase(map, "Active");
}

fn limit_range(map: &mut Object) {
    if text(map, "type") != "Container" {
        return;
    }
    for (to, from) in [
        ("default", "max"),
        ("defaultRequest", "default"),
        ("defaultRequest", "min"),
    ] {
        let Some(source) = map.get(from).and_then(Value::as_object).cloned() else {
            continue;
        };
        if let Some(target) = child(map, to) {
            for (name, value) in source {
                default(target, &name, value);
            }
        }
    }
}
