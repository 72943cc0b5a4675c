//! ClusterProfiles, with the gate ClusterProfile.

use kube::api::{Api, DynamicObject};
use ocmadm::hub::registration::profile::{self, profiles};
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::support::Hub;
use crate::harness::{eventually, until};

fn gate(mode: &str) -> Value {
    json!({"featureGates": [{"feature": "ClusterProfile", "mode": mode}]})
}

fn api(hub: &Hub) -> Api<DynamicObject> {
    Api::namespaced_with(hub.side.client.clone(), "team", &profiles())
}

async fn profile(hub: &Hub, name: &str) -> Option<Value> {
    let found = api(hub).get_opt(name).await.unwrap()?;
    Some(serde_json::to_value(found).unwrap())
}

#[tokio::test]
async fn clusters_of_bound_sets_have_profiles_while_they_are_bound() {
    let hub = Hub::with(gate("Enable")).await;
    let definition = ocmadm::bundle::cluster_profiles().unwrap();
    hub.side.install(definition).await;
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let client = hub
        .side
        .service_account("open-cluster-management", "cluster-manager");
    tokio::spawn(profile::run(Context::new(client, stop)));
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    hub.side.create(namespace).await;
    hub.accepted("c1").await;
    hub.asks("c2").await;
    let label = |set: &str| json!({"metadata": {"labels": {"cluster.open-cluster-management.io/clusterset": set}}});
    hub.side.merge("ManagedCluster", "", "c1", label("s")).await;
    let binding = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSetBinding",
        "metadata": {"name": "s", "namespace": "team"}, "spec": {"clusterSet": "s"},
    });
    hub.side.create(binding).await;
    let set = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSet", "metadata": {"name": "s"}, "spec": {}});
    hub.side.create(set).await;
    let live = eventually("its profile", || profile(&hub, "c1")).await;
    assert_eq!(
        live["metadata"]["labels"],
        json!({
            "x-k8s.io/cluster-manager": "open-cluster-management",
            "open-cluster-management.io/cluster-name": "c1",
            "multicluster.x-k8s.io/clusterset": "s",
        })
    );
    assert_eq!(
        live["spec"],
        json!({"displayName": "c1", "clusterManager": {"name": "open-cluster-management"}})
    );
    assert!(profile(&hub, "c2").await.is_none(), "not in the set");
    // Its status follows the cluster's.
    hub.side
        .merge_status(
            "ManagedCluster",
            "",
            "c1",
            json!({"status": {"version": {"kubernetes": "v1.36.0"},
                "clusterClaims": [{"name": "id.k8s.io", "value": "x"}]}}),
        )
        .await;
    hub.set_available("c1", "True").await;
    until("the status is told", || async {
        let status = profile(&hub, "c1").await.unwrap()["status"].clone();
        status["version"]["kubernetes"] == "v1.36.0"
            && status["properties"] == json!([{"name": "id.k8s.io", "value": "x"}])
            && status["conditions"].as_array().is_some_and(|all| {
                all.iter()
                    .any(|c| c["type"] == "ControlPlaneHealthy" && c["status"] == "True")
            })
    })
    .await;
    // Deleted, it comes back; another cluster comes, this one leaves the set.
    api(&hub).delete("c1", &Default::default()).await.unwrap();
    let uid = live["metadata"]["uid"].clone();
    until("another of its name", || async {
        let live = profile(&hub, "c1").await;
        live.is_some_and(|live| live["metadata"]["uid"] != uid)
    })
    .await;
    hub.side.merge("ManagedCluster", "", "c2", label("s")).await;
    eventually("the other's profile", || profile(&hub, "c2")).await;
    hub.side
        .merge("ManagedCluster", "", "c1", label("default"))
        .await;
    until("it goes with the set", || async {
        profile(&hub, "c1").await.is_none()
    })
    .await;
    // The gate is shut: what is there stays, nothing more happens.
    let gates = json!({"spec": {"registrationConfiguration": gate("Disable")}});
    hub.side
        .merge("ClusterManager", "", "cluster-manager", gates)
        .await;
    let gates = json!({"spec": {"registrationConfiguration": gate("Enable")}});
    hub.side
        .merge("ClusterManager", "", "cluster-manager", gates)
        .await;
    hub.side
        .delete("ManagedClusterSetBinding", "team", "s")
        .await;
    until("it goes with the binding", || async {
        profile(&hub, "c2").await.is_none()
    })
    .await;
}
