//! Upstream's agents at our hub.

use std::path::Path;

use serde_json::{Value, json};

use super::programs::{Program, there};
use crate::agent::support::{AGENT_NAMESPACE, Bed, c1, text};
use crate::harness::{eventually, until};
use crate::hub::support::condition;

/// Upstream's registration and work agents for cluster c1.
struct Agents {
    /// In the order in which they end.
    _work: Program,
    _registration: Program,
}

impl Agents {
    async fn start(bed: &Bed, upstream: &Path, folder: &Path) -> Self {
        let bootstrap = folder.join("bootstrap");
        std::fs::write(&bootstrap, bed.bootstrap("hub").await).unwrap();
        let stored = folder.join("hub-kubeconfig");
        let flags = [
            "--cluster-name=c1".to_owned(),
            format!("--namespace={AGENT_NAMESPACE}"),
            format!("--bootstrap-kubeconfig={}", bootstrap.display()),
            format!("--hub-kubeconfig-dir={}", stored.display()),
            "--feature-gates=AddonManagement=true".to_owned(),
        ];
        let words = ["registration", "agent"];
        let registration = Program::start(upstream, &words, &bed.spoke, folder, &flags).await;
        if bed.secret().await.is_none() {
            // With a certificate it would create no cluster any more (ours would).
            eventually("the managed cluster", || {
                bed.hub.side.get("ManagedCluster", "", "c1")
            })
            .await;
            bed.accept("c1").await;
        }
        // It writes what the Secret has into the folder, as a mount would.
        until("the hub kubeconfig is a file", || async {
            ["kubeconfig", "tls.crt", "tls.key"]
                .iter()
                .all(|name| stored.join(name).is_file())
        })
        .await;
        let flags = [
            "--spoke-cluster-name=c1".to_owned(),
            format!("--namespace={AGENT_NAMESPACE}"),
            "--workload-source-driver=kube".to_owned(),
            format!(
                "--workload-source-config={}",
                stored.join("kubeconfig").display()
            ),
        ];
        let words = ["work", "agent"];
        let work = Program::start(upstream, &words, &bed.spoke, folder, &flags).await;
        Self {
            _work: work,
            _registration: registration,
        }
    }
}

fn work(name: &str, data: &str) -> Value {
    json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": name, "namespace": "c1"},
        "spec": {"workload": {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default"}, "data": {"key": data}}]}}})
}

/// Waits until the work's object is there with this data, and told of.
async fn until_applied(bed: &Bed, name: &str, data: &str) {
    until(&format!("{name} has {data}"), || async {
        let object = bed.spoke.get("ConfigMap", "default", name).await;
        object.is_some_and(|object| object["data"]["key"] == data)
    })
    .await;
    eventually(&format!("{name} is told to be available"), || async {
        let work = bed.hub.side.get("ManifestWork", "c1", name).await?;
        let generation = work["metadata"]["generation"].clone();
        let told = work["status"]["conditions"].as_array()?;
        ["Applied", "Available"]
            .iter()
            .all(|kind| {
                told.iter().any(|condition| {
                    condition["type"] == *kind
                        && condition["status"] == "True"
                        && condition["observedGeneration"] == generation
                })
            })
            .then_some(())
    })
    .await;
}

async fn change(bed: &Bed, name: &str, data: &str) {
    let manifests = work(name, data)["spec"].take();
    bed.hub
        .side
        .merge("ManifestWork", "c1", name, json!({"spec": manifests}))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstream_agents_join_our_hub_and_hand_over_to_ours_and_back() {
    let Some(upstream) = there() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut bed = Bed::prepare(c1()).await;
    let agents = Agents::start(&bed, &upstream, folder.path()).await;
    let cluster = bed.wait_joined("c1").await;
    let told = |kind: &str| condition(&cluster, kind).unwrap_or_default();
    assert_eq!(
        told("HubAcceptedManagedCluster").1,
        "HubClusterAdminAccepted"
    );
    bed.hub.side.create(work("one", "1")).await;
    until_applied(&bed, "one", "1").await;
    let identity = text(&bed.secret().await.unwrap(), "tls.crt");
    drop(agents);

    // Ours takes over with the identity and the records that it finds.
    bed.start_agent();
    change(&bed, "one", "2").await;
    until_applied(&bed, "one", "2").await;
    bed.hub.side.create(work("two", "1")).await;
    until_applied(&bed, "two", "1").await;
    bed.wait_joined("c1").await;
    assert_eq!(text(&bed.secret().await.unwrap(), "tls.crt"), identity);
    assert_eq!(
        bed.requests().await.len(),
        1,
        "no new identity was asked for"
    );
    bed.stop_agent().await;

    // And back.
    let agents = Agents::start(&bed, &upstream, folder.path()).await;
    change(&bed, "two", "2").await;
    until_applied(&bed, "two", "2").await;
    for name in ["one", "two"] {
        bed.hub.side.delete("ManifestWork", "c1", name).await;
    }
    until("what was applied is gone", || async {
        let left = bed.spoke.list("ConfigMap", "default").await;
        let works = bed.hub.side.list("ManifestWork", "c1").await;
        works.is_empty()
            && left
                .iter()
                .all(|o| o["metadata"]["name"] == "kube-root-ca.crt")
    })
    .await;
    // A cluster can be denied, whoever its agent is.
    bed.hub.accept("c1", false).await;
    let kind = "HubAcceptedManagedCluster";
    bed.hub.wait_condition("c1", kind, "False").await;
    drop(agents);
}
