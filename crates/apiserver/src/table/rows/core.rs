//! Rows of the core group, and of events.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::human::{age, labels, or_none, some, strings};
use super::{containers, default, int, list, or, text};
use crate::types::ResourceType;

pub(super) fn core(resource: &ResourceType, object: &Value, created: Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let name = object["metadata"]["name"].clone();
    let deleted = !object["metadata"]["deletionTimestamp"].is_null();
    let phase = || {
        if deleted {
            json!("Terminating")
        } else {
            or(&status["phase"], "")
        }
    };
    let size = |value: &Value| json!(value.as_object().map_or(0, serde_json::Map::len));
    match resource.gr.resource.as_str() {
        "namespaces" => vec![name, or(&status["phase"], ""), created],
        "secrets" => vec![
            name,
            or(&object["type"], ""),
            size(&object["data"]),
            created,
        ],
        "configmaps" => {
            let count = [&object["data"], &object["binaryData"]]
                .iter()
                .map(|data| data.as_object().map_or(0, serde_json::Map::len))
                .sum::<usize>();
            vec![name, json!(count), created]
        }
        "serviceaccounts" => vec![name, created],
        "services" => vec![
            name,
            or(&spec["type"], ""),
            or(&spec["clusterIPs"][0], "<none>"),
            json!(external_ip(object)),
            json!(or_none(ports(&spec["ports"]))),
            created,
            json!(labels(&spec["selector"])),
        ],
        "endpoints" => vec![name, json!(endpoints(object)), created],
        "nodes" => node(object, created),
        "persistentvolumes" => {
            let claim = &spec["claimRef"];
            let claim = if claim.is_object() {
                format!("{}/{}", text(&claim["namespace"]), text(&claim["name"]))
            } else {
                String::new()
            };
            vec![
                name,
                json!(quantity(&spec["capacity"]["storage"])),
                json!(access_modes(&spec["accessModes"])),
                or(&spec["persistentVolumeReclaimPolicy"], ""),
                phase(),
                json!(claim),
                or(&spec["storageClassName"], ""),
                or(&spec["volumeAttributesClassName"], "<unset>"),
                or(&status["reason"], ""),
                created,
                or(&spec["volumeMode"], "<unset>"),
            ]
        }
        "persistentvolumeclaims" => {
            let bound = !text(&spec["volumeName"]).is_empty();
            let (capacity, modes) = if bound {
                (
                    quantity(&status["capacity"]["storage"]),
                    access_modes(&status["accessModes"]),
                )
            } else {
                (String::new(), String::new())
            };
            vec![
                name,
                phase(),
                or(&spec["volumeName"], ""),
                json!(capacity),
                json!(modes),
                or(&spec["storageClassName"], ""),
                or(&spec["volumeAttributesClassName"], "<unset>"),
                created,
                or(&spec["volumeMode"], "<unset>"),
            ]
        }
        "podtemplates" => {
            let template = &object["template"];
            let [names, images] = containers(template);
            let pod_labels = json!(labels(&template["metadata"]["labels"]));
            vec![name, names, images, pod_labels]
        }
        "resourcequotas" => {
            let (mut requests, mut limits) = (Vec::new(), Vec::new());
            for (key, hard) in status["hard"].as_object().into_iter().flatten() {
                let line = format!(
                    "{key}: {}/{}",
                    quantity(&status["used"][key]),
                    quantity(hard)
                );
                if key.starts_with("limits.") {
                    limits.push(line);
                } else {
                    requests.push(line);
                }
            }
            vec![
                name,
                json!(requests.join(", ")),
                json!(limits.join(", ")),
                created,
            ]
        }
        "componentstatuses" => {
            let healthy = list(&object["conditions"])
                .iter()
                .find(|one| one["type"] == "Healthy");
            let part = |key: &str| healthy.map_or(json!(""), |one| or(&one[key], ""));
            let state = match healthy.map(|one| text(&one["status"])) {
                Some("True") => "Healthy",
                Some("False") => "Unhealthy",
                _ => "Unknown",
            };
            vec![name, json!(state), part("message"), part("error")]
        }
        _ => default(object),
    }
}

pub(super) fn quantity(value: &Value) -> String {
    value.as_str().unwrap_or("0").to_owned()
}

fn access_modes(modes: &Value) -> String {
    let short: Vec<&str> = strings(modes)
        .into_iter()
        .map(|mode| match mode {
            "ReadWriteOnce" => "RWO",
            "ReadOnlyMany" => "ROX",
            "ReadWriteMany" => "RWX",
            "ReadWriteOncePod" => "RWOP",
            other => other,
        })
        .collect();
    short.join(",")
}

pub(super) fn load_balancer(status: &Value) -> String {
    let mut found: Vec<&str> = list(&status["loadBalancer"]["ingress"])
        .iter()
        .map(|one| one["ip"].as_str().unwrap_or_else(|| text(&one["hostname"])))
        .filter(|address| !address.is_empty())
        .collect();
    found.sort_unstable();
    found.dedup();
    found.join(",")
}

fn external_ip(service: &Value) -> String {
    let spec = &service["spec"];
    let own = strings(&spec["externalIPs"]).join(",");
    match text(&spec["type"]) {
        "ClusterIP" | "NodePort" => or_none(own),
        "LoadBalancer" => {
            let balancer = load_balancer(&service["status"]);
            match (balancer.is_empty(), own.is_empty()) {
                (true, true) => "<pending>".to_owned(),
                (false, true) => balancer,
                (true, false) => own,
                (false, false) => format!("{balancer},{own}"),
            }
        }
        "ExternalName" => text(&spec["externalName"]).to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

fn ports(ports: &Value) -> String {
    let pieces: Vec<String> = list(ports)
        .iter()
        .map(|port| {
            let (number, protocol) = (int(&port["port"]), text(&port["protocol"]));
            match int(&port["nodePort"]) {
                0 => format!("{number}/{protocol}"),
                node => format!("{number}:{node}/{protocol}"),
            }
        })
        .collect();
    pieces.join(",")
}

fn endpoints(object: &Value) -> String {
    let mut found = Vec::new();
    for subset in list(&object["subsets"]) {
        let addresses = || list(&subset["addresses"]).iter().map(|a| text(&a["ip"]));
        if list(&subset["ports"]).is_empty() {
            found.extend(addresses().map(str::to_owned));
        }
        for port in list(&subset["ports"]) {
            found.extend(addresses().map(|ip| format!("{ip}:{}", int(&port["port"]))));
        }
    }
    or_none(some(&found, 3))
}

fn node(object: &Value, created: Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let ready = list(&status["conditions"])
        .iter()
        .find(|one| one["type"] == "Ready");
    let mut state = match ready {
        Some(one) if one["status"] == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if spec["unschedulable"] == true {
        state.push_str(",SchedulingDisabled");
    }
    let mut roles: Vec<&str> = object["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role),
                None if key == "kubernetes.io/role" => value.as_str(),
                None => None,
            },
        )
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    let address = |kind: &str| {
        let found = list(&status["addresses"])
            .iter()
            .find(|one| one["type"] == kind);
        found.map_or(json!("<none>"), |one| or(&one["address"], "<none>"))
    };
    let info = &status["nodeInfo"];
    let known = |key: &str| match text(&info[key]) {
        "" => "<unknown>".to_owned(),
        value => value.to_owned(),
    };
    let mut kernel = known("kernelVersion");
    let architecture = text(&info["architecture"]);
    if !architecture.is_empty() {
        kernel.push_str(&format!(" ({architecture})"));
    }
    vec![
        object["metadata"]["name"].clone(),
        json!(state),
        json!(or_none(roles.join(","))),
        created,
        or(&info["kubeletVersion"], ""),
        address("InternalIP"),
        address("ExternalIP"),
        json!(known("osImage")),
        json!(kernel),
        json!(known("containerRuntimeVersion")),
    ]
}

pub(super) fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    // The two APIs of events name the same fields differently.
    let either = |old: &str, new: &str| {
        let found = &object[old];
        if found.is_null() { &object[new] } else { found }
    };
    let about = either("involvedObject", "regarding");
    let first = either("firstTimestamp", "deprecatedFirstTimestamp");
    let first = age(
        if first.is_null() {
            &object["eventTime"]
        } else {
            first
        },
        now,
    );
    let last = either("lastTimestamp", "deprecatedLastTimestamp");
    let mut last = if last.is_null() {
        first.clone()
    } else {
        age(last, now)
    };
    let mut count = int(either("count", "deprecatedCount")).max(1);
    let series = &object["series"];
    if series.is_object() {
        last = age(&series["lastObservedTime"], now);
        count = int(&series["count"]);
    }
    let kind = text(&about["kind"]).to_lowercase();
    let target = match text(&about["name"]) {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let source = either("source", "deprecatedSource");
    let pick = |first: &Value, second: &Value| match text(first) {
        "" => text(second).to_owned(),
        found => found.to_owned(),
    };
    let controller = either("reportingComponent", "reportingController");
    let component = pick(&source["component"], controller);
    let source = match pick(&source["host"], &object["reportingInstance"]) {
        host if host.is_empty() => component,
        host => format!("{component}, {host}"),
    };
    vec![
        json!(last),
        or(&object["type"], ""),
        or(&object["reason"], ""),
        json!(target),
        or(&about["fieldPath"], ""),
        json!(source),
        json!(text(either("message", "note")).trim()),
        json!(first),
        json!(count),
        object["metadata"]["name"].clone(),
    ]
}
