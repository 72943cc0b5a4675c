//! The cells of the built-in kinds, in the order of `columns`.

mod core;
mod workloads;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::human::{age, duration, or_none, selector, some, strings};
use super::pod;
use crate::types::ResourceType;

use self::core::{core, event, load_balancer, quantity};
use workloads::workload;

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
        ("apiextensions.k8s.io", "customresourcedefinitions") => return definition(object),
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

fn definition(object: &Value) -> Vec<Value> {
    let spec = &object["spec"];
    let served = list(&spec["versions"])
        .iter()
        .filter(|version| version["served"] == true)
        .map(|version| match version["storage"] == true {
            true => format!("{}(storage)", text(&version["name"])),
            false => text(&version["name"]).to_owned(),
        });
    let short: Vec<&str> = list(&spec["names"]["shortNames"])
        .iter()
        .map(text)
        .collect();
    let established = list(&object["status"]["conditions"])
        .iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    let [name, created] = <[Value; 2]>::try_from(default(object)).unwrap_or_default();
    vec![
        name,
        spec["scope"].clone(),
        json!(served.collect::<Vec<_>>().join(",")),
        created,
        spec["group"].clone(),
        spec["names"]["kind"].clone(),
        json!(short.join(",")),
        json!(established),
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
