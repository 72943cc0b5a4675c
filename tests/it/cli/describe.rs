//! Everything that is known of one cluster.

use insta::assert_snapshot;
use kube::api::{Api, Patch, PatchParams, PostParams};
use ocmadm::cmd::resources;
use serde_json::{Value, json};

use super::world::World;

fn condition(kind: &str, status: &str) -> Value {
    json!({"type": kind, "status": status, "reason": "Reason", "message": "what is known",
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

/// Ages change from run to run.
fn masked(said: &str) -> String {
    let mut out = String::new();
    for line in said.lines() {
        let line = match line.split_once("Age:") {
            Some((before, _)) => format!("{before}Age:             <age>"),
            None => line.to_owned(),
        };
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let age = word.len() > 1
                    && word.ends_with('d')
                    && word[..word.len() - 1].bytes().all(|b| b.is_ascii_digit());
                if age {
                    "<age>".to_owned()
                } else {
                    word.to_owned()
                }
            })
            .collect();
        // Columns are as wide as the ages in them.
        let line = words.join(" ");
        let line = line
            .split("   ")
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>();
        out.push_str(&line.join("   "));
        out.push('\n');
    }
    out
}

#[tokio::test]
async fn a_cluster_is_described_with_what_it_does() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let clusters = resources::all(&world.client, &resources::managed_cluster());
    let spec = json!({
        "metadata": {"labels": {"cluster.open-cluster-management.io/clusterset": "eu"}},
        "spec": {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSelect"}]}});
    clusters
        .patch("c1", &PatchParams::default(), &Patch::Merge(spec))
        .await
        .unwrap();
    world
        .status(
            &clusters,
            "c1",
            json!({
                "conditions": [condition("ManagedClusterJoined", "True"),
                    condition("ManagedClusterConditionAvailable", "True")],
                "version": {"kubernetes": "v1.36.0"},
                "capacity": {"cpu": "4", "memory": "8Gi"}, "allocatable": {"cpu": "3"},
                "clusterClaims": [{"name": "region", "value": "west"}],
            }),
        )
        .await;
    let work = json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": "web", "namespace": "c1"},
        "spec": {"workload": {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "default"}}]}}});
    world
        .create(&resources::manifest_work(), Some("c1"), work)
        .await;
    let event = json!({"metadata": {"name": "e", "namespace": "c1"}, "type": "Normal",
        "reason": "Available", "message": "it is imported",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "involvedObject": {"kind": "ManagedCluster", "name": "c1", "namespace": "c1"}});
    let events: Api<k8s_openapi::api::core::v1::Event> =
        Api::namespaced(world.client.clone(), "c1");
    events
        .create(
            &PostParams::default(),
            &serde_json::from_value(event).unwrap(),
        )
        .await
        .unwrap();
    assert_snapshot!(masked(&world.run(&["describe", "cluster", "c1"]).await));
}

#[tokio::test]
async fn what_cannot_be_described_is_told() {
    let world = World::hub().await;
    world.cluster("cluster1", false).await;
    assert_snapshot!(world.run(&["describe", "cluster", "clutser1"]).await);
    assert_snapshot!(
        world
            .run(&["describe", "cluster", "cluster1", "--context", "guest"])
            .await
    );
    let waiting = world.run(&["describe", "cluster", "cluster1"]).await;
    assert!(waiting.contains("doctor --cluster cluster1"), "{waiting}");
}
