//! Replica sets through the binary, against the hub's controller of works.

use kube::ResourceExt;
use kube::api::DynamicObject;
use ocmadm::cmd::resources;
use ocmadm::ocm::names;
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::World;
use crate::harness::until;

/// Two clusters that the placement default/both has chosen, and the controller.
async fn world() -> (World, DropGuard) {
    let world = World::hub().await;
    for cluster in ["c1", "c2"] {
        world.cluster(cluster, true).await;
    }
    let gates = json!([{"feature": "ManifestWorkReplicaSet", "mode": "Enable"}]);
    let configuration = json!({"spec": {"workConfiguration": {"featureGates": gates}}});
    let side = &world.cluster;
    side.merge("ClusterManager", "", "cluster-manager", configuration)
        .await;
    side.create(
        json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement",
        "metadata": {"name": "both", "namespace": "default"}, "spec": {}}),
    )
    .await;
    side.create(json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "PlacementDecision",
        "metadata": {"name": "both-1", "namespace": "default", "labels": {
            "cluster.open-cluster-management.io/placement": "both",
            "cluster.open-cluster-management.io/decision-group-index": "0",
            "cluster.open-cluster-management.io/decision-group-name": ""}}}))
        .await;
    let chosen = json!([{"clusterName": "c1", "reason": ""}, {"clusterName": "c2", "reason": ""}]);
    let decided = json!({"status": {"decisions": chosen}});
    side.merge_status("PlacementDecision", "default", "both-1", decided)
        .await;
    let status =
        json!({"status": {"numberOfSelectedClusters": 2, "decisionGroups": [], "conditions": []}});
    side.merge_status("Placement", "default", "both", status)
        .await;
    let stop = CancellationToken::new();
    let client = side.service_account("open-cluster-management", "cluster-manager");
    tokio::spawn(ocmadm::hub::work::run(Context::new(client, stop.clone())));
    (world, stop.drop_guard())
}

async fn works(world: &World) -> Vec<DynamicObject> {
    let api = resources::all(&world.client, &resources::manifest_work());
    let mut works = api.list(&Default::default()).await.unwrap().items;
    works.sort_by_key(ResourceExt::namespace);
    works
}

/// Says what an agent would.
async fn report(world: &World, work: &DynamicObject, available: bool, message: &str) {
    let generation = work.metadata.generation;
    let condition = |kind: &str, well: bool| {
        json!({"type": kind, "status": if well { "True" } else { "False" },
        "reason": "Test", "message": message, "observedGeneration": generation,
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
    };
    let status = json!({"status": {"conditions": [condition("Applied", true), condition("Available", available)]}});
    let cluster = work.namespace().unwrap();
    world
        .cluster
        .merge_status("ManifestWork", &cluster, &work.name_any(), status)
        .await;
}

/// The name that the controller made up, as `web-1`.
fn plain(text: &str, works: &[DynamicObject]) -> String {
    text.replace(&works[0].name_any(), "web-1")
}

#[tokio::test]
async fn a_replica_set_is_followed_to_every_cluster() {
    let (world, _guard) = world().await;
    let file = world.write(
        "map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: default}\n",
    );
    let file = file.display().to_string();
    let create = [
        "create",
        "work",
        "web",
        "-f",
        &file,
        "--placement",
        "default/both",
        "--replicaset",
        "--wait",
    ];
    let agents = async {
        until("a work in each cluster", async || {
            works(&world).await.len() == 2
        })
        .await;
        for work in works(&world).await {
            report(&world, &work, true, "").await;
        }
    };
    let (said, ()) = tokio::join!(world.run(&create), agents);
    let works = works(&world).await;
    let said = plain(&said, &works);
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(
        said.contains("c1: work web-1 available\nc2: work web-1 available\n"),
        "{said}"
    );
    // One of them is not well any more.
    report(&world, &works[1], false, "web is missing").await;
    until("the set says so", async || {
        let set = world
            .cluster
            .get("ManifestWorkReplicaSet", "default", "web")
            .await;
        set.is_some_and(|set| set["status"]["summary"]["available"] == 1)
    })
    .await;
    let said = plain(&world.run(&["get", "works", "web"]).await, &works);
    assert!(
        said.contains("web-1   c1        1                     True      True\n"),
        "{said}"
    );
    assert!(
        said.contains("web-1   c2        1                     True      False\n"),
        "{said}"
    );
    assert!(
        said.contains("Replica set default/web of placement both: "),
        "{said}"
    );
    // The same where no name is given, and as JSON: the set, then its works.
    let all = world.run(&["get", "works"]).await;
    assert!(
        all.contains("Replica set default/web of placement both: "),
        "{all}"
    );
    let json = world.run(&["get", "works", "web", "-o", "json"]).await;
    let json = json.split("--- stdout\n").nth(1).unwrap();
    let list: Value = serde_json::from_str(json.split("--- stderr").next().unwrap()).unwrap();
    let items = list["items"].as_array().unwrap();
    let kinds: Vec<&str> = items.iter().filter_map(|i| i["kind"].as_str()).collect();
    assert_eq!(
        kinds,
        ["ManifestWorkReplicaSet", "ManifestWork", "ManifestWork"]
    );
    let label = &items[1]["metadata"]["labels"][names::LABEL_MANIFEST_WORK_REPLICA_SET];
    assert_eq!(label, "default.web");
    // In one cluster only.
    let one = plain(
        &world
            .run(&["get", "works", "web", "--clusters", "c2"])
            .await,
        &works,
    );
    assert!(one.contains("c2 ") && !one.contains("c1 "), "{one}");
    let none = world.run(&["get", "works", "nothing"]).await;
    assert!(none.starts_with("exit 1\n"), "{none}");
}
