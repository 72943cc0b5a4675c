//! The Node object and its Lease.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::action::FIELD_MANAGER;
use super::status::stamp;
use super::template::Facts;
use crate::runtime::{Backoff, source_chain};

/// The label by which commands recognise a sandbox.
pub const SANDBOX_LABEL: &str = "ocmadm.dev/sandbox";
/// How often the Lease is renewed, as a kubelet does.
const RENEW: Duration = Duration::from_secs(10);
const LEASE_SECONDS: i32 = 40;
const LEASES: &str = "kube-node-lease";

/// What the labels of a node called `name` are.
pub fn labels(name: &str) -> BTreeMap<String, String> {
    [
        ("kubernetes.io/hostname", name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", architecture()),
        (SANDBOX_LABEL, "true"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Makes sure that the Node is there and Ready.
///
/// # Errors
/// The API server refused.
pub async fn register(client: &Client, facts: &Facts) -> Result<(), kube::Error> {
    let version = client.apiserver_version().await?.git_version;
    let nodes = Api::<Node>::all(client.clone());
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": facts.node, "labels": facts.labels},
        "spec": {},
    });
    let node = serde_json::from_value(node).map_err(kube::Error::SerdeError)?;
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    match nodes.create(&PostParams::default(), &node).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let labels = json!({"metadata": {"labels": facts.labels}});
            nodes
                .patch(&facts.node, &params, &Patch::Merge(labels))
                .await?;
        }
        Err(error) => return Err(error),
    }
    let status = json!({"status": status(facts, &version, Timestamp::now())});
    nodes
        .patch_status(&facts.node, &params, &Patch::Merge(status))
        .await?;
    renew(client, facts).await
}

/// Renews the Lease until told to stop; a Node that went missing comes back.
pub async fn keep(client: &Client, facts: &Facts, shutdown: &CancellationToken) {
    let backoff = Backoff::new(Duration::from_millis(500), RENEW);
    let mut failures = 0;
    loop {
        let delay = if failures == 0 {
            RENEW
        } else {
            backoff.delay(failures)
        };
        if shutdown
            .run_until_cancelled(tokio::time::sleep(delay))
            .await
            .is_none()
        {
            return;
        }
        let nodes = Api::<Node>::all(client.clone());
        let renewed = match nodes.get_metadata_opt(&facts.node).await {
            Ok(Some(_)) => renew(client, facts).await,
            Ok(None) => register(client, facts).await,
            Err(error) => Err(error),
        };
        failures = match renewed {
            Ok(()) => 0,
            Err(error) => {
                tracing::warn!(
                    node = facts.node,
                    error = source_chain(&error),
                    "cannot renew the node's lease"
                );
                failures + 1
            }
        };
    }
}

async fn renew(client: &Client, facts: &Facts) -> Result<(), kube::Error> {
    let leases = Api::<Lease>::namespaced(client.clone(), LEASES);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": facts.node},
        "spec": {
            "holderIdentity": facts.node,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        },
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    match leases
        .patch(&facts.node, &params, &Patch::Apply(lease))
        .await
    {
        Ok(_) => Ok(()),
        // The namespace is made by the cluster a moment after its start.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}

fn status(facts: &Facts, version: &str, now: Timestamp) -> Value {
    let resources = json!({
        "cpu": std::thread::available_parallelism().map_or(1, usize::from).to_string(),
        "memory": format!("{}Ki", memory_kibibytes()),
        "ephemeral-storage": "100Gi",
        "pods": "1000",
    });
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": stamp(now), "lastHeartbeatTime": stamp(now),
        })
    };
    json!({
        "capacity": resources,
        "allocatable": resources,
        "addresses": [
            {"type": "InternalIP", "address": facts.address},
            {"type": "Hostname", "address": facts.node},
        ],
        "conditions": [
            condition("MemoryPressure", "False", "SandboxHasSufficientMemory", "the node is simulated"),
            condition("DiskPressure", "False", "SandboxHasNoDiskPressure", "the node is simulated"),
            condition("PIDPressure", "False", "SandboxHasSufficientPID", "the node is simulated"),
            condition("Ready", "True", "SandboxReady", "the node is simulated"),
        ],
        "nodeInfo": {
            "architecture": architecture(),
            "bootID": "", "machineID": "", "systemUUID": "",
            "containerRuntimeVersion": concat!("ocmadm://", env!("CARGO_PKG_VERSION")),
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "kubeletVersion": version,
            "operatingSystem": "linux",
            "osImage": "ocmadm sandbox",
        },
    })
}

/// The machine's memory, or 8 GiB where it is not told.
fn memory_kibibytes() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    info.lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(8 << 20)
}
