//! Services: cluster addresses, node ports, ports.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::status_part::remove;
use super::{Operation, Write, text};
use crate::api::GroupResource;
use crate::registry::View;
use crate::schema::cause;
use crate::status::{Cause, Status};

/// The service network is 10.96.0.0/16; its first address is `kubernetes`.
pub(crate) const FIRST: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
const NETWORK: u32 = u32::from_be_bytes([10, 96, 0, 0]);
const SIZE: u32 = 1 << 16;
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

fn resource() -> GroupResource {
    GroupResource::new("", "services")
}

/// Addresses and ports that other services have not.
pub(super) fn prepare(view: &dyn View, write: &mut Write<'_>) -> Result<(), Status> {
    if write.operation == Operation::Delete || write.subresource == "status" {
        return Ok(());
    }
    if write.operation == Operation::Create {
        write.new["status"] = json!({"loadBalancer": {}});
    }
    let name = text(write.new, "/metadata/name").to_owned();
    let namespace = text(write.new, "/metadata/namespace").to_owned();
    let kind = text(write.new, "/spec/type").to_owned();
    let kind = if kind.is_empty() {
        "ClusterIP".to_owned()
    } else {
        kind
    };
    let old = write.old;
    let spec = &mut write.new["spec"];
    spec["type"] = json!(kind);
    if kind == "ExternalName" {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            remove(spec, field);
        }
        return Ok(());
    }
    if let Some(old) = old {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if spec[field].is_null() || spec[field] == "" {
                match old["spec"].get(field) {
                    Some(value) => spec[field] = value.clone(),
                    None => remove(spec, field),
                }
            }
        }
        for (index, port) in spec["ports"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let before = &old["spec"]["ports"][index]["nodePort"];
            if kind != "ClusterIP" && port["nodePort"].is_null() && !before.is_null() {
                port["nodePort"] = before.clone();
            }
        }
    }
    let others = || {
        view.read_all(&resource(), None)
            .into_iter()
            .filter(|other| {
                other["metadata"]["name"] != name || other["metadata"]["namespace"] != namespace
            })
            .collect::<Vec<_>>()
    };
    if text(spec, "/clusterIP").is_empty() {
        let taken: BTreeSet<String> = others()
            .iter()
            .map(|other| text(other, "/spec/clusterIP").to_owned())
            .collect();
        let address = free_address(&namespace, &name, &taken)
            .ok_or_else(|| Status::internal("the service network has no free address"))?;
        spec["clusterIP"] = json!(address);
    }
    if spec["clusterIPs"].as_array().is_none_or(Vec::is_empty) {
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }
    // Without a selector its endpoints may be of any family.
    let any = spec["clusterIP"] == "None" && spec["selector"].is_null();
    if any && spec["ipFamilies"].is_null() && spec["ipFamilyPolicy"].is_null() {
        spec["ipFamilies"] = json!(["IPv4", "IPv6"]);
        spec["ipFamilyPolicy"] = json!("RequireDualStack");
    }
    if spec["ipFamilies"].is_null() {
        spec["ipFamilies"] = json!(["IPv4"]);
    }
    if spec["ipFamilyPolicy"].is_null() {
        spec["ipFamilyPolicy"] = json!("SingleStack");
    }
    if kind == "NodePort" || kind == "LoadBalancer" {
        node_ports(spec, &others())?;
    }
    Ok(())
}

/// An address that depends on the name as long as it is free.
fn free_address(namespace: &str, name: &str, taken: &BTreeSet<String>) -> Option<String> {
    // FNV-1a: stable between versions of this program.
    let hash = namespace
        .bytes()
        .chain([b'/'])
        .chain(name.bytes())
        .fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
    // .0 is the network, .1 is `kubernetes`, .10 is where clusters have their DNS.
    let usable = SIZE - 257;
    (0..usable)
        .map(|step| Ipv4Addr::from(NETWORK + 256 + (hash.wrapping_add(step)) % usable).to_string())
        .find(|address| !taken.contains(address))
}

fn node_ports(spec: &mut Value, others: &[std::sync::Arc<Value>]) -> Result<(), Status> {
    let ports = |spec: &Value| -> Vec<i64> {
        spec["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|port| port["nodePort"].as_i64())
            .collect()
    };
    let mut taken: BTreeSet<i64> = others.iter().flat_map(|o| ports(&o["spec"])).collect();
    taken.extend(ports(spec));
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        if port["nodePort"].as_i64().is_none_or(|port| port == 0) {
            let free = NODE_PORTS
                .clone()
                .find(|candidate| !taken.contains(candidate))
                .ok_or_else(|| Status::internal("no node port is free"))?;
            taken.insert(free);
            port["nodePort"] = json!(free);
        }
    }
    Ok(())
}

/// Ports, types, addresses that stay.
pub(super) fn validate(view: &dyn View, write: &Write<'_>, causes: &mut Vec<Cause>) {
    let spec = &write.new["spec"];
    let kind = text(spec, "/type");
    if kind == "ExternalName" && text(spec, "/externalName").is_empty() {
        causes.push(cause::required("spec.externalName", ""));
    }
    let headless = spec["clusterIP"] == "None";
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    if ports.is_empty() && !headless && kind != "ExternalName" {
        causes.push(cause::required("spec.ports", ""));
    }
    let mut seen = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = |field: &str| format!("spec.ports[{index}].{field}");
        let name = text(port, "/name");
        if name.is_empty() && ports.len() > 1 {
            causes.push(cause::required(&at("name"), ""));
        }
        if !name.is_empty() && !seen.insert(name) {
            causes.push(cause::duplicate(&at("name"), &port["name"]));
        }
        if !port["port"]
            .as_i64()
            .is_some_and(|p| (1..=65_535).contains(&p))
        {
            causes.push(cause::invalid(
                &at("port"),
                &port["port"],
                "must be between 1 and 65535, inclusive",
            ));
        }
        let target = &port["targetPort"];
        if target.as_i64().is_some_and(|p| !(1..=65_535).contains(&p)) {
            causes.push(cause::invalid(
                &at("targetPort"),
                target,
                "must be between 1 and 65535, inclusive",
            ));
        }
        let protocols = ["SCTP", "TCP", "UDP"];
        let protocol = text(port, "/protocol");
        if !protocol.is_empty() && !protocols.contains(&protocol) {
            causes.push(cause::not_supported(
                &at("protocol"),
                &port["protocol"],
                &protocols,
            ));
        }
    }
    let affinities = ["ClientIP", "None"];
    let affinity = text(spec, "/sessionAffinity");
    if !affinity.is_empty() && !affinities.contains(&affinity) {
        causes.push(cause::not_supported(
            "spec.sessionAffinity",
            &spec["sessionAffinity"],
            &affinities,
        ));
    }
    let mut pairs = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let pair = (text(port, "/protocol"), port["port"].as_i64());
        if !pairs.insert(pair) {
            // Kubernetes shows the fields of its own type.
            let shown = format!(
                r#"{{"Name":"","Protocol":"{}","AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}}"#,
                pair.0,
                pair.1.unwrap_or_default(),
            );
            causes.push(cause::duplicate_shown(
                &format!("spec.ports[{index}]"),
                &shown,
            ));
        }
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !kinds.contains(&kind) {
        causes.push(cause::not_supported("spec.type", &spec["type"], &kinds));
    }
    let address = text(spec, "/clusterIP");
    if write.operation == Operation::Create && !matches!(address, "" | "None") {
        let metadata = &write.new["metadata"];
        let clash = view.read_all(&resource(), None).iter().any(|other| {
            other["spec"]["clusterIP"] == address
                && (other["metadata"]["name"] != metadata["name"]
                    || other["metadata"]["namespace"] != metadata["namespace"])
        });
        if clash {
            causes.push(cause::invalid(
                "spec.clusterIPs",
                &json!([address]),
                "failed to allocate IP: provided IP is already allocated",
            ));
        }
    }
    if let Some(old) = write.old {
        let before = text(old, "/spec/clusterIP");
        if kind != "ExternalName" && !before.is_empty() && before != address {
            causes.push(cause::invalid(
                "spec.clusterIPs[0]",
                &spec["clusterIPs"],
                "may not change once set",
            ));
        }
    }
}
