//! Our agent at upstream's hub.

use serde_json::{Value, json};

use super::programs::{Program, there};
use crate::agent::support::{Bed, c1};
use crate::harness::{eventually, until};
use crate::hub::support::condition;

const HUB_NAMESPACE: &str = "open-cluster-management-hub";

/// Upstream's controllers on the hub of a bed, instead of ours.
async fn controllers(
    bed: &Bed,
    upstream: &std::path::Path,
    folder: &std::path::Path,
) -> Vec<Program> {
    bed.hub.stop_controllers();
    if bed
        .hub
        .side
        .get("Namespace", "", HUB_NAMESPACE)
        .await
        .is_none()
    {
        bed.hub
            .side
            .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HUB_NAMESPACE}}))
            .await;
    }
    let namespace = format!("--namespace={HUB_NAMESPACE}");
    let gates = "--feature-gates=ManifestWorkReplicaSet=true".to_owned();
    let mut programs = Vec::new();
    for (words, more) in [
        (["registration", "controller"], None),
        (["placement", "controller"], None),
        (["work", "manager"], Some(gates)),
        (["addon", "manager"], None),
    ] {
        let flags: Vec<String> = [Some(namespace.clone()), more]
            .into_iter()
            .flatten()
            .collect();
        let side = &bed.hub.side;
        programs.push(Program::start(upstream, &words, side, folder, &flags).await);
    }
    programs
}

fn of(version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": version, "kind": kind,
        "metadata": {"name": name, "namespace": "default"}, "spec": spec})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_agent_joins_an_upstream_hub_and_gets_what_its_controllers_choose() {
    let Some(upstream) = there() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut bed = Bed::prepare(c1()).await;
    let programs = controllers(&bed, &upstream, folder.path()).await;
    bed.start_agent();
    bed.accept("c1").await;
    bed.wait_joined("c1").await;

    // An application by placement.
    let side = &bed.hub.side;
    let (cluster, sets) = (
        "cluster.open-cluster-management.io/v1beta1",
        "cluster.open-cluster-management.io/v1beta2",
    );
    let bound = json!({"clusterSet": "global"});
    side.create(of(sets, "ManagedClusterSetBinding", "global", &bound))
        .await;
    side.create(of(
        cluster,
        "Placement",
        "p",
        &json!({"clusterSets": ["global"]}),
    ))
    .await;
    let template = |data: &str| {
        json!({"workload": {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "app", "namespace": "default"}, "data": {"key": data}}]}})
    };
    let spec = json!({"placementRefs": [{"name": "p"}], "manifestWorkTemplate": template("1")});
    let version = "work.open-cluster-management.io/v1alpha1";
    side.create(of(version, "ManifestWorkReplicaSet", "app", &spec))
        .await;
    let applied = async |data: &str| {
        until(&format!("the application has {data}"), || async {
            let object = bed.spoke.get("ConfigMap", "default", "app").await;
            object.is_some_and(|object| object["data"]["key"] == data)
        })
        .await;
    };
    applied("1").await;
    eventually("it is told to be applied", || async {
        let set = side.get("ManifestWorkReplicaSet", "default", "app").await?;
        let (status, _) = condition(&set, "ManifestworkApplied")?;
        (status == "True").then_some(())
    })
    .await;
    let next = json!({"spec": {"manifestWorkTemplate": template("2")}});
    side.merge("ManifestWorkReplicaSet", "default", "app", next)
        .await;
    applied("2").await;

    // The cluster is detached: what was applied goes first.
    side.delete("ManifestWorkReplicaSet", "default", "app")
        .await;
    side.delete("ManagedCluster", "", "c1").await;
    until("the cluster is gone", || async {
        side.get("ManagedCluster", "", "c1").await.is_none()
    })
    .await;
    assert!(bed.spoke.get("ConfigMap", "default", "app").await.is_none());
    drop(programs);
}
