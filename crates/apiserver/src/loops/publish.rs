//! What a server says about itself to its cluster: the `kubernetes` service,
//! `kube-public/cluster-info`, and the default roles brought up to date.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Host;
use super::hand::Hand;
use crate::api::{GroupResource, GroupVersionKind};
use crate::authz::{Rule, bootstrap_roles, missing};
use crate::builtin::{services, text};
use crate::registry::{Registry, View};
use crate::status::Status;

const RBAC: &str = crate::authz::GROUP;
const AUTO: &str = "/metadata/annotations/rbac.authorization.kubernetes.io~1autoupdate";
const CLUSTER_INFO_ROLE: &str = "kubeadm:bootstrap-signer-clusterinfo";

/// Publishes the address under which the server is reached: the service
/// `default/kubernetes` with its endpoints, and `kube-public/cluster-info`,
/// which anyone may read.
pub async fn publish(host: &Host, address: SocketAddr) -> Result<(), Status> {
    let hand = Hand::new(host.registry.clone(), "kube-apiserver");
    let core = |resource: &str| GroupResource::new("", resource);
    let slices = GroupResource::new("discovery.k8s.io", "endpointslices");
    let [role, binding] = cluster_info_access();
    let (roles, bindings) = ["roles", "rolebindings"]
        .map(|r| GroupResource::new(RBAC, r))
        .into();
    let (services, points, maps) = ["services", "endpoints", "configmaps"].map(core).into();
    let info = cluster_info(&host.authority.pem(), address);
    // All at once: each waits for the disk.
    futures::try_join!(
        hand.create(&services, service()),
        put(&hand, &points, "subsets", endpoints(address)),
        put(&hand, &slices, "endpoints", slice(address)),
        put(&hand, &maps, "data", info),
        hand.create(&roles, role),
        hand.create(&bindings, binding),
    )
    .map(drop)
}

/// Creates an object, or makes one field of it what it should be.
async fn put(hand: &Hand, gr: &GroupResource, field: &str, wanted: Value) -> Result<(), Status> {
    let namespace = text(&wanted, "/metadata/namespace");
    let name = text(&wanted, "/metadata/name");
    loop {
        let Some(live) = hand.read(gr, namespace, name) else {
            return hand.create(gr, wanted).await;
        };
        let mut new = (*live).clone();
        match (&mut new[field], &wanted[field]) {
            // The signatures of cluster-info stay until their loop renews them.
            (Value::Object(old), Value::Object(fields)) => old.extend(fields.clone()),
            (old, fields) => *old = fields.clone(),
        }
        if field == "endpoints" {
            new["ports"] = wanted["ports"].clone();
        }
        if new == *live {
            return Ok(());
        }
        match hand.update(gr, "", new).await {
            Err(status) if status.code == 409 => {}
            result => return result,
        }
    }
}

fn service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": services::FIRST.to_string(),
            "sessionAffinity": "None",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 443}],
        },
    })
}

fn endpoints(address: SocketAddr) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "subsets": [{
            "addresses": [{"ip": address.ip().to_string()}],
            "ports": [{"name": "https", "port": address.port(), "protocol": "TCP"}],
        }],
    })
}

fn slice(address: SocketAddr) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
        "endpoints": [{"addresses": [address.ip().to_string()], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": address.port(), "protocol": "TCP"}],
    })
}

fn cluster_info(ca: &str, address: SocketAddr) -> Value {
    let ca = STANDARD.encode(ca);
    let kubeconfig = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: https://{address}\n  name: \"\"\ncontexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {{}}\nusers: null\n"
    );
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cluster-info", "namespace": "kube-public"},
        "data": {"kubeconfig": kubeconfig},
    })
}

/// Lets everyone read `cluster-info`, as kubeadm does.
fn cluster_info_access() -> [Value; 2] {
    let metadata = json!({"name": CLUSTER_INFO_ROLE, "namespace": "kube-public"});
    [
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [{
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": ["cluster-info"],
                "verbs": ["get"],
            }],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": CLUSTER_INFO_ROLE},
            "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "system:anonymous"}],
        }),
    ]
}

/// Creates the default roles and bindings that are missing, and gives back what
/// is missing in those that are there, unless their annotation `autoupdate`
/// says `false`. More than the default is left alone.
pub async fn reconcile_roles(registry: &Registry) -> Result<(), Status> {
    let hand = Hand::new(registry.clone(), "kube-apiserver");
    let jobs = bootstrap_roles().into_iter().map(|wanted| {
        let hand = hand.clone();
        async move { reconcile_role(&hand, wanted).await }
    });
    futures::future::join_all(jobs).await.into_iter().collect()
}

async fn reconcile_role(hand: &Hand, wanted: Value) -> Result<(), Status> {
    let gvk = GroupVersionKind::new(RBAC, "v1", text(&wanted, "/kind"));
    let Some(resource) = hand.registry.catalog().find_kind(&gvk).cloned() else {
        return Err(Status::internal(format!("{} is not served", gvk.kind)));
    };
    let namespace = text(&wanted, "/metadata/namespace").to_owned();
    let name = text(&wanted, "/metadata/name").to_owned();
    loop {
        let Some(live) = hand.read(&resource.gr, &namespace, &name) else {
            return hand.create(&resource.gr, wanted).await;
        };
        if text(&live, AUTO) == "false" {
            return Ok(());
        }
        let Some(new) = extended(&live, &wanted) else {
            return Ok(());
        };
        match hand.update(&resource.gr, "", new).await {
            Err(status) if status.code == 409 => {}
            result => return result,
        }
    }
}

/// The stored role with what it misses; `None` when it misses nothing.
fn extended(live: &Value, wanted: &Value) -> Option<Value> {
    let mut new = live.clone();
    if wanted["aggregationRule"].is_null() && wanted["roleRef"].is_null() {
        let held = Rule::of(live);
        let lacking = wanted["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|rule| {
                let rule = Rule::of(&json!({"rules": [rule]}));
                !missing(&held, &rule).is_empty()
            });
        let lacking: Vec<Value> = lacking.cloned().collect();
        if let Some(rules) = new["rules"].as_array_mut() {
            rules.extend(lacking);
        } else if !lacking.is_empty() {
            new["rules"] = Value::Array(lacking);
        }
    } else if wanted["roleRef"].is_null() && new["aggregationRule"].is_null() {
        new["aggregationRule"] = wanted["aggregationRule"].clone();
    }
    for subject in wanted["subjects"].as_array().into_iter().flatten() {
        let same = |s: &Value| {
            ["kind", "name", "namespace"]
                .iter()
                .all(|f| s[*f] == subject[*f])
        };
        match new["subjects"].as_array_mut() {
            Some(subjects) if subjects.iter().any(same) => {}
            Some(subjects) => subjects.push(subject.clone()),
            None => new["subjects"] = json!([subject]),
        }
    }
    for part in ["labels", "annotations"] {
        for (key, value) in wanted["metadata"][part].as_object().into_iter().flatten() {
            if new["metadata"][part][key].is_null() {
                new["metadata"][part][key] = value.clone();
            }
        }
    }
    (new != *live).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_roles_get_back_what_they_miss_and_keep_what_they_have_more() {
        let rule = |verb: &str| json!({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]});
        let wanted = json!({"metadata": {"name": "r"}, "rules": [rule("get"), rule("list")]});
        let live = json!({"metadata": {"name": "r"}, "rules": [rule("watch"), rule("get")]});
        let new = extended(&live, &wanted).unwrap();
        assert_eq!(
            new["rules"],
            json!([rule("watch"), rule("get"), rule("list")])
        );
        assert_eq!(extended(&new, &wanted), None);
        let wanted = json!({"metadata": {}, "roleRef": {"name": "r"}, "subjects": [{"kind": "Group", "name": "g"}]});
        let mut live = wanted.clone();
        live["subjects"] = json!([{"kind": "User", "name": "u"}]);
        assert_eq!(
            extended(&live, &wanted).unwrap()["subjects"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
}
