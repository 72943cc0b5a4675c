//! The cells of the built-in kinds, in the order of `columns`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::human::{age, duration, labels, or_none, selector, some, strings};
use super::pod;
use crate::types::ResourceType;

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// A scalar as text; int-or-string fields are either.
fn scalar(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A text, or what stands for an absent one.
fn or(value: &Value, other: &str) -> Value {
    json!(value.as_str().unwrap_or(other))
}

fn containers(template: &Value) -> [Value; 2] {
    let column = |key: &str| {
        let names: Vec<&str> = list(&template["spec"]["containers"])
            .iter()
            .map(|container| text(&container[key]))
            .collect();
        json!(names.join(","))
    };
    [column("name"), column("image")]
}

/// The cells of a built-in kind.
pub(super) fn cells(resource: &ResourceType, object: &Value, now: Timestamp) -> Vec<Value> {
    let meta = &object["metadata"];
    let name = meta["name"].clone();
    let created = json!(age(&meta["creationTimestamp"], now));
    let middle: Vec<Value> = match (resource.gr.group.as_str(), resource.gr.resource.as_str()) {
        ("", "pods") => return pod::cells(object, now),
        ("" | "events.k8s.io", "events") => return event(object, now),
        ("certificates.k8s.io", "certificatesigningrequests") => {
            return certificate_request(object, created);
        }
        ("apps" | "batch", _) | ("", "replicationcontrollers") | ("autoscaling" | "policy", _) => {
            return workload(resource, object, now);
        }
        ("", _) => return core(resource, object, created),
        ("networking.k8s.io", plural) => match network(plural, object) {
            Some(middle) => middle,
            None => return default(object),
        },
        ("storage.k8s.io", "csistoragecapacities") => {
            return vec![
                name,
                or(&object["storageClassName"], ""),
                json!(quantity(&object["capacity"])),
            ];
        }
        ("storage.k8s.io", plural) => match storage(plural, object) {
            Some(middle) => middle,
            None => return default(object),
        },
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            return binding(object, created);
        }
        ("coordination.k8s.io", "leases") => vec![or(&object["spec"]["holderIdentity"], "")],
        ("certificates.k8s.io", "clustertrustbundles") => {
            let signer = or_none(text(&object["spec"]["signerName"]).to_owned());
            return vec![name, json!(signer)];
        }
        ("scheduling.k8s.io", "priorityclasses") => {
            return vec![
                name,
                json!(int(&object["value"])),
                json!(object["globalDefault"] == true),
                created,
                or(&object["preemptionPolicy"], ""),
            ];
        }
        ("node.k8s.io", "runtimeclasses") => vec![or(&object["handler"], "")],
        ("discovery.k8s.io", "endpointslices") => endpoint_slice(object),
        ("admissionregistration.k8s.io", plural) => admission(plural, object),
        ("apiregistration.k8s.io", "apiservices") => api_service(object),
        _ => return default(object),
    };
    let mut cells = vec![name];
    cells.extend(middle);
    cells.push(created);
    cells
}

/// Name and creation time.
fn default(object: &Value) -> Vec<Value> {
    let meta = &object["metadata"];
    vec![meta["name"].clone(), meta["creationTimestamp"].clone()]
}

fn core(resource: &ResourceType, object: &Value, created: Value) -> Vec<Value> {
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

fn quantity(value: &Value) -> String {
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

fn load_balancer(status: &Value) -> String {
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

fn event(object: &Value, now: Timestamp) -> Vec<Value> {
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

fn certificate_request(object: &Value, created: Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let has = |type_: &str| {
        list(&status["conditions"])
            .iter()
            .any(|one| one["type"] == type_)
    };
    let mut state = if has("Denied") {
        "Denied".to_owned()
    } else if has("Approved") {
        "Approved".to_owned()
    } else {
        "Pending".to_owned()
    };
    if has("Failed") {
        state.push_str(",Failed");
    }
    if !text(&status["certificate"]).is_empty() {
        state.push_str(",Issued");
    }
    let lifetime = spec["expirationSeconds"]
        .as_i64()
        .map_or_else(|| "<none>".to_owned(), duration);
    vec![
        object["metadata"]["name"].clone(),
        created,
        json!(or_none(text(&spec["signerName"]).to_owned())),
        or(&spec["username"], ""),
        json!(lifetime),
        json!(state),
    ]
}

fn workload(resource: &ResourceType, object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let name = object["metadata"]["name"].clone();
    let created = json!(age(&object["metadata"]["creationTimestamp"], now));
    let count = |key: &str| json!(int(&status[key]));
    let ready = || {
        json!(format!(
            "{}/{}",
            int(&status["readyReplicas"]),
            int(&spec["replicas"])
        ))
    };
    let [names, images] = containers(&spec["template"]);
    let chosen = json!(selector(&spec["selector"]));
    match resource.gr.resource.as_str() {
        "deployments" => vec![
            name,
            ready(),
            count("updatedReplicas"),
            count("availableReplicas"),
            created,
            names,
            images,
            chosen,
        ],
        "replicasets" | "replicationcontrollers" => {
            let chosen = if resource.gr.group.is_empty() {
                json!(labels(&spec["selector"]))
            } else {
                chosen
            };
            let desired = json!(int(&spec["replicas"]));
            let (current, ready) = (count("replicas"), count("readyReplicas"));
            vec![
                name, desired, current, ready, created, names, images, chosen,
            ]
        }
        "statefulsets" => vec![name, ready(), created, names, images],
        "daemonsets" => vec![
            name,
            count("desiredNumberScheduled"),
            count("currentNumberScheduled"),
            count("numberReady"),
            count("updatedNumberScheduled"),
            count("numberAvailable"),
            json!(labels(&spec["template"]["spec"]["nodeSelector"])),
            created,
            names,
            images,
            chosen,
        ],
        "jobs" => job(object, now, [name, created, names, images, chosen]),
        "cronjobs" => {
            let job = &spec["jobTemplate"]["spec"];
            let [names, images] = containers(&job["template"]);
            let last = &status["lastScheduleTime"];
            let last = if last.is_null() {
                "<none>".to_owned()
            } else {
                age(last, now)
            };
            vec![
                name,
                or(&spec["schedule"], ""),
                or(&spec["timeZone"], "<none>"),
                json!(if spec["suspend"] == true {
                    "True"
                } else {
                    "False"
                }),
                json!(list(&status["active"]).len()),
                json!(last),
                created,
                names,
                images,
                json!(selector(&job["selector"])),
            ]
        }
        "controllerrevisions" => {
            let owner = list(&object["metadata"]["ownerReferences"])
                .iter()
                .find(|owner| owner["controller"] == true);
            let owner = owner.map_or_else(
                || "<none>".to_owned(),
                |owner| {
                    let group = text(&owner["apiVersion"])
                        .split_once('/')
                        .map(|(group, _)| group);
                    let kind = text(&owner["kind"]).to_lowercase();
                    let kind = group.map_or(kind.clone(), |group| format!("{kind}.{group}"));
                    format!("{kind}/{}", text(&owner["name"]))
                },
            );
            vec![name, json!(owner), json!(int(&object["revision"])), created]
        }
        "horizontalpodautoscalers" => vec![
            name,
            json!(format!(
                "{}/{}",
                text(&spec["scaleTargetRef"]["kind"]),
                text(&spec["scaleTargetRef"]["name"])
            )),
            json!(metrics(object)),
            spec["minReplicas"]
                .as_i64()
                .map_or(json!("<unset>"), |n| json!(n.to_string())),
            json!(int(&spec["maxReplicas"])),
            count("currentReplicas"),
            created,
        ],
        "poddisruptionbudgets" => {
            let bound = |value: &Value| {
                if value.is_null() {
                    json!("N/A")
                } else {
                    json!(scalar(value))
                }
            };
            vec![
                name,
                bound(&spec["minAvailable"]),
                bound(&spec["maxUnavailable"]),
                count("disruptionsAllowed"),
                created,
            ]
        }
        _ => default(object),
    }
}

fn job(object: &Value, now: Timestamp, common: [Value; 5]) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let [name, created, names, images, chosen] = common;
    let done = int(&status["succeeded"]);
    let completions = match (spec["completions"].as_i64(), int(&spec["parallelism"])) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
        _ => format!("{done}/1"),
    };
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    let took = time(&status["startTime"]).map_or_else(String::new, |start| {
        let end = time(&status["completionTime"]).unwrap_or(now);
        duration(end.as_second() - start.as_second())
    });
    let has = |type_: &str| {
        list(&status["conditions"])
            .iter()
            .any(|one| one["type"] == type_ && one["status"] == "True")
    };
    let deleted = !object["metadata"]["deletionTimestamp"].is_null();
    let state = match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if deleted => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    };
    vec![
        name,
        json!(state),
        json!(completions),
        json!(took),
        created,
        names,
        images,
        chosen,
    ]
}

fn metrics(autoscaler: &Value) -> String {
    let (spec, status) = (&autoscaler["spec"], &autoscaler["status"]);
    if let Some(target) = spec["targetCPUUtilizationPercentage"].as_i64() {
        let current = status["currentCPUUtilizationPercentage"]
            .as_i64()
            .map_or_else(|| "<unknown>".to_owned(), |n| format!("{n}%"));
        return format!("cpu: {current}/{target}%");
    }
    let wanted = list(&spec["metrics"]);
    if wanted.is_empty() {
        return "<none>".to_owned();
    }
    let line = |(index, metric): (usize, &Value)| {
        let (key, named) = match text(&metric["type"]) {
            "Resource" => ("resource", true),
            "ContainerResource" => ("containerResource", true),
            "Pods" => ("pods", false),
            "Object" => ("object", false),
            "External" => ("external", false),
            _ => return "<unknown type>".to_owned(),
        };
        let target = &metric[key]["target"];
        let current = &status["currentMetrics"][index][key]["current"];
        let show = |value: &Value, unit: &str| {
            if value.is_null() {
                "<unknown>".to_owned()
            } else {
                format!("{}{unit}", scalar(value))
            }
        };
        let (field, unit) = match () {
            () if !target["averageValue"].is_null() => ("averageValue", ""),
            () if named => ("averageUtilization", "%"),
            () => ("value", ""),
        };
        let average = field == "averageValue" && matches!(key, "object" | "external");
        let prefix = if named {
            format!("{}: ", text(&metric[key]["name"]))
        } else {
            String::new()
        };
        let goal = if named && field == "averageUtilization" && target[field].is_null() {
            "<auto>".to_owned()
        } else {
            show(&target[field], unit)
        };
        let suffix = if average { " (avg)" } else { "" };
        format!("{prefix}{}/{goal}{suffix}", show(&current[field], unit))
    };
    let lines: Vec<String> = wanted.iter().enumerate().map(line).collect();
    let shown = lines.iter().take(2).cloned().collect::<Vec<_>>().join(", ");
    if lines.len() > 2 {
        format!("{shown} + {} more...", lines.len() - 2)
    } else {
        shown
    }
}

fn network(plural: &str, object: &Value) -> Option<Vec<Value>> {
    let spec = &object["spec"];
    Some(match plural {
        "ingresses" => {
            let rules = list(&spec["rules"]);
            let hosts: Vec<&str> = rules
                .iter()
                .map(|rule| text(&rule["host"]))
                .filter(|host| !host.is_empty())
                .collect();
            let hosts = if hosts.is_empty() {
                "*".to_owned()
            } else {
                some(&hosts, 3)
            };
            let secure = !list(&spec["tls"]).is_empty();
            vec![
                or(&spec["ingressClassName"], "<none>"),
                json!(hosts),
                json!(load_balancer(&object["status"])),
                json!(if secure { "80, 443" } else { "80" }),
            ]
        }
        "ingressclasses" => {
            let parameters = &spec["parameters"];
            let shown = if parameters.is_object() {
                let group = match text(&parameters["apiGroup"]) {
                    "" => String::new(),
                    group => format!(".{group}"),
                };
                format!(
                    "{}{group}/{}",
                    text(&parameters["kind"]),
                    text(&parameters["name"])
                )
            } else {
                "<none>".to_owned()
            };
            vec![or(&spec["controller"], ""), json!(shown)]
        }
        "networkpolicies" => vec![json!(selector(&spec["podSelector"]))],
        "servicecidrs" => vec![json!(strings(&spec["cidrs"]).join(","))],
        "ipaddresses" => {
            let parent = &spec["parentRef"];
            let shown = if parent.is_object() {
                let mut shown = text(&parent["resource"]).to_lowercase();
                for (key, sign) in [("group", '.'), ("namespace", '/'), ("name", '/')] {
                    let part = text(&parent[key]);
                    if !part.is_empty() {
                        shown.push(sign);
                        shown.push_str(part);
                    }
                }
                shown
            } else {
                "<none>".to_owned()
            };
            vec![json!(shown)]
        }
        _ => return None,
    })
}

fn storage(plural: &str, object: &Value) -> Option<Vec<Value>> {
    let spec = &object["spec"];
    Some(match plural {
        "storageclasses" => vec![
            or(&object["provisioner"], ""),
            or(&object["reclaimPolicy"], "Delete"),
            or(&object["volumeBindingMode"], "Immediate"),
            json!(object["allowVolumeExpansion"] == true),
        ],
        "volumeattributesclasses" => vec![or(&object["driverName"], "")],
        "volumeattachments" => vec![
            or(&spec["attacher"], ""),
            or(&spec["source"]["persistentVolumeName"], ""),
            or(&spec["nodeName"], ""),
            json!(object["status"]["attached"] == true),
        ],
        "csinodes" => vec![json!(list(&spec["drivers"]).len())],
        "csidrivers" => {
            let audiences: Vec<&str> = list(&spec["tokenRequests"])
                .iter()
                .map(|one| text(&one["audience"]))
                .collect();
            let audiences = if spec["tokenRequests"].is_null() {
                "<unset>".to_owned()
            } else {
                audiences.join(",")
            };
            vec![
                json!(spec["attachRequired"] != false),
                json!(spec["podInfoOnMount"] == true),
                json!(spec["storageCapacity"] == true),
                json!(audiences),
                json!(spec["requiresRepublish"] == true),
                json!(or_none(strings(&spec["volumeLifecycleModes"]).join(","))),
            ]
        }
        _ => return None,
    })
}

fn binding(object: &Value, created: Value) -> Vec<Value> {
    let role = &object["roleRef"];
    let of = |kind: &str| {
        let names: Vec<String> = list(&object["subjects"])
            .iter()
            .filter(|subject| subject["kind"] == kind)
            .map(|subject| match text(&subject["namespace"]) {
                "" => text(&subject["name"]).to_owned(),
                namespace => format!("{namespace}/{}", text(&subject["name"])),
            })
            .collect();
        json!(names.join(", "))
    };
    vec![
        object["metadata"]["name"].clone(),
        json!(format!("{}/{}", text(&role["kind"]), text(&role["name"]))),
        created,
        of("User"),
        of("Group"),
        of("ServiceAccount"),
    ]
}

fn endpoint_slice(object: &Value) -> Vec<Value> {
    let ports: Vec<String> = list(&object["ports"])
        .iter()
        .map(|port| match port["port"].as_i64() {
            Some(number) => number.to_string(),
            None => port["name"].as_str().unwrap_or("*").to_owned(),
        })
        .collect();
    let addresses: Vec<&str> = list(&object["endpoints"])
        .iter()
        .flat_map(|endpoint| strings(&endpoint["addresses"]))
        .collect();
    let shown = |text: String| {
        json!(if text.is_empty() {
            "<unset>".to_owned()
        } else {
            text
        })
    };
    vec![
        or(&object["addressType"], ""),
        shown(some(&ports, 3)),
        shown(some(&addresses, 3)),
    ]
}

fn admission(plural: &str, object: &Value) -> Vec<Value> {
    let spec = &object["spec"];
    let kind = || {
        let kind = &spec["paramKind"];
        if kind.is_object() {
            json!(format!(
                "{}/{}",
                text(&kind["apiVersion"]),
                text(&kind["kind"])
            ))
        } else {
            json!("<unset>")
        }
    };
    match plural {
        "validatingadmissionpolicies" => vec![json!(list(&spec["validations"]).len()), kind()],
        "mutatingadmissionpolicies" => vec![json!(list(&spec["mutations"]).len()), kind()],
        "validatingadmissionpolicybindings" | "mutatingadmissionpolicybindings" => {
            let parameters = &spec["paramRef"];
            let shown = match (text(&parameters["namespace"]), text(&parameters["name"])) {
                (_, "") => "<unset>".to_owned(),
                ("", name) => format!("*/{name}"),
                (namespace, name) => format!("{namespace}/{name}"),
            };
            vec![or(&spec["policyName"], ""), json!(shown)]
        }
        _ => vec![json!(list(&object["webhooks"]).len())],
    }
}

fn api_service(object: &Value) -> Vec<Value> {
    let service = &object["spec"]["service"];
    let served = if service.is_object() {
        format!("{}/{}", text(&service["namespace"]), text(&service["name"]))
    } else {
        "Local".to_owned()
    };
    let condition = list(&object["status"]["conditions"])
        .iter()
        .find(|one| one["type"] == "Available");
    let available = match condition {
        Some(one) if one["status"] == "True" => "True".to_owned(),
        Some(one) => format!("{} ({})", text(&one["status"]), text(&one["reason"])),
        None => "Unknown".to_owned(),
    };
    vec![json!(served), json!(available)]
}
