//! What a joined agent tells the hub.

use serde_json::{Value, json};

use super::support::{Bed, c1};
use crate::harness::eventually;

async fn renewed(bed: &Bed) -> Option<String> {
    let lease = bed
        .hub
        .side
        .get("Lease", "c1", "managed-cluster-lease")
        .await?;
    lease["spec"]["renewTime"].as_str().map(str::to_owned)
}

/// Returns when the agent has renewed the lease `times` times more.
async fn renewals(bed: &Bed, times: usize) {
    for _ in 0..times {
        let last = renewed(bed).await;
        eventually("a renewal", || async {
            (renewed(bed).await != last).then_some(())
        })
        .await;
    }
}

async fn node(bed: &Bed, name: &str, cpu: &str, unschedulable: bool) {
    bed.spoke
        .create(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
            "spec": {"unschedulable": unschedulable}}),
        )
        .await;
    bed.spoke
        .merge_status(
            "Node",
            "",
            name,
            json!({"status": {
                "capacity": {"cpu": cpu, "memory": "1Gi"},
                "allocatable": {"cpu": cpu, "memory": "1Gi"},
            }}),
        )
        .await;
}

#[tokio::test]
async fn registration_50_and_51_the_lease_is_renewed_while_accepted() {
    let bed = Bed::joined(c1()).await;
    bed.hub
        .side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"leaseDurationSeconds": 1}}),
        )
        .await;
    // A changed duration takes effect without waiting for the old one.
    renewals(&bed, 2).await;
    bed.hub.accept("c1", false).await;
    bed.hub
        .wait_condition("c1", "HubAcceptedManagedCluster", "False")
        .await;
    bed.hub.accept("c1", true).await;
    bed.hub
        .wait_condition("c1", "HubAcceptedManagedCluster", "True")
        .await;
    renewals(&bed, 2).await;
}

#[tokio::test]
async fn registration_53_and_54_resources_and_claims_are_told() {
    let bed = Bed::joined(c1()).await;
    node(&bed, "n1", "4", false).await;
    node(&bed, "n2", "500m", false).await;
    node(&bed, "n3", "2", true).await;
    for (name, labels) in [
        ("id.k8s.io", json!({})),
        ("custom", json!({})),
        (
            "hidden",
            json!({"open-cluster-management.io/spoke-only": ""}),
        ),
    ] {
        bed.spoke
            .create(json!({
                "apiVersion": "cluster.open-cluster-management.io/v1alpha1", "kind": "ClusterClaim",
                "metadata": {"name": name, "labels": labels}, "spec": {"value": "v"}}))
            .await;
    }
    let status: Value = eventually("sums and claims", || async {
        let cluster = bed.hub.cluster("c1").await;
        let status = cluster["status"].clone();
        (status["capacity"]["cpu"] == "6500m" && status["clusterClaims"].as_array()?.len() == 2)
            .then_some(status)
    })
    .await;
    assert_eq!(status["capacity"]["memory"], "3Gi");
    assert_eq!(
        status["allocatable"],
        json!({"cpu": "4500m", "memory": "2Gi"})
    );
    assert_eq!(status["clusterClaims"][0]["name"], "id.k8s.io");
    assert_eq!(status["clusterClaims"][1]["name"], "custom");
    assert!(
        status["version"]["kubernetes"]
            .as_str()
            .unwrap()
            .starts_with('v')
    );
    // A capacity that no node knows of is left alone.
    bed.hub
        .side
        .merge_status(
            "ManagedCluster",
            "",
            "c1",
            json!({"status": {"capacity": {"foreign": "7"}}}),
        )
        .await;
    bed.spoke.delete("Node", "", "n3").await;
    eventually("the node's part is gone", || async {
        let cluster = bed.hub.cluster("c1").await;
        (cluster["status"]["capacity"]["cpu"] == "4500m"
            && cluster["status"]["capacity"]["foreign"] == "7")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn registration_56_managed_namespaces_are_taken_and_let_go() {
    let bed = Bed::joined(c1()).await;
    bed.hub
        .side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSet", "metadata": {"name": "team"},
            "spec": {"managedNamespaces": [{"name": "a"}]},
        }))
        .await;
    let label = |set: &str| json!({"metadata": {"labels": {"cluster.open-cluster-management.io/clusterset": set}}});
    bed.hub
        .side
        .merge("ManagedCluster", "", "c1", label("team"))
        .await;
    let key =
        ocmadm::agent::registration::namespaces::label(&format!("https://{}", bed.gate.address()));
    let labelled = |wanted: &'static str| {
        let (bed, key) = (&bed, &key);
        eventually("the label", move || async move {
            let namespace = bed.spoke.get("Namespace", "", "a").await?;
            (namespace["metadata"]["labels"][key] == wanted).then_some(())
        })
    };
    labelled("true").await;
    eventually("the condition", || async {
        let cluster = bed.hub.cluster("c1").await;
        let entry = &cluster["status"]["managedNamespaces"][0];
        (entry["conditions"][0]["reason"] == "NamespaceApplied").then_some(())
    })
    .await;
    bed.hub
        .side
        .merge("ManagedCluster", "", "c1", label("default"))
        .await;
    labelled("false").await;
}

#[tokio::test]
async fn an_agent_whose_klusterlet_is_deleted_rests() {
    let mut bed = Bed::joined(c1()).await;
    bed.hub
        .side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"leaseDurationSeconds": 1}}),
        )
        .await;
    renewals(&bed, 1).await;
    bed.spoke.delete("Klusterlet", "", "klusterlet").await;
    // The token of what ran for it is cancelled: the agent ends at once.
    eventually("the beat stops", || async {
        let last = renewed(&bed).await;
        tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
        (renewed(&bed).await == last).then_some(())
    })
    .await;
    bed.stop_agent().await;
}

#[tokio::test]
async fn the_status_catches_up_when_a_denied_cluster_is_accepted_again() {
    let bed = Bed::joined(c1()).await;
    bed.hub.accept("c1", false).await;
    bed.hub
        .wait_condition("c1", "HubAcceptedManagedCluster", "False")
        .await;
    node(&bed, "n1", "4", false).await;
    bed.hub.accept("c1", true).await;
    eventually("the status catches up", || async {
        let cluster = bed.hub.cluster("c1").await;
        (cluster["status"]["capacity"]["cpu"] == "4").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_hub_may_go_away_and_come_back() {
    let mut bed = Bed::joined(c1()).await;
    bed.hub.stop_controllers();
    bed.gate.shut();
    node(&bed, "n1", "4", false).await;
    bed.gate.open().await;
    bed.hub.start_controllers();
    eventually("the status catches up", || async {
        let cluster = bed.hub.cluster("c1").await;
        (cluster["status"]["capacity"]["cpu"] == "4").then_some(())
    })
    .await;
    // With the identity it had.
    assert_eq!(bed.requests().await.len(), 1);
}

fn property(name: &str, value: &str, labels: &Value) -> Value {
    json!({"apiVersion": "about.k8s.io/v1alpha1", "kind": "ClusterProperty",
        "metadata": {"name": name, "labels": labels}, "spec": {"value": value}})
}

/// With the gate ClusterProperty, beside claims.
#[tokio::test]
async fn registration_54_a_property_beats_a_claim_of_its_name() {
    let spec = json!({"clusterName": "c1", "registrationConfiguration": {"featureGates": [
        {"feature": "ClusterProperty", "mode": "Enable"}]}});
    let mut bed = Bed::prepare(spec).await;
    let properties = ocmadm::bundle::cluster_properties().unwrap();
    bed.spoke.install(properties).await;
    bed.start_agent();
    bed.accept("c1").await;
    bed.wait_joined("c1").await;
    for (name, value) in [("both", "claim"), ("claim", "claim"), ("hidden", "claim")] {
        bed.spoke
            .create(json!({
                "apiVersion": "cluster.open-cluster-management.io/v1alpha1", "kind": "ClusterClaim",
                "metadata": {"name": name}, "spec": {"value": value}}))
            .await;
    }
    let (hidden, none) = (
        json!({"open-cluster-management.io/spoke-only": ""}),
        json!({}),
    );
    for property in [
        property("both", "property", &none),
        property("cluster.clusterset.k8s.io", "property", &none),
        property("hidden", "property", &hidden),
        property("long", &"x".repeat(1025), &none),
    ] {
        bed.spoke.create(property).await;
    }
    let told = |name: &str, value: &str| json!({"name": name, "value": value});
    let wanted = json!([
        told("both", "property"),
        told("claim", "claim"),
        told("cluster.clusterset.k8s.io", "property"),
        told("hidden", "claim"),
    ]);
    eventually("claims and properties", || async {
        let cluster = bed.hub.cluster("c1").await;
        (cluster["status"]["clusterClaims"] == wanted).then_some(())
    })
    .await;
    // Both gates off: nothing is told.
    let gates = json!({"spec": {"registrationConfiguration": {"featureGates": [
        {"feature": "ClusterClaim", "mode": "Disable"}]}}});
    bed.spoke.merge("Klusterlet", "", "klusterlet", gates).await;
    eventually("nothing is told", || async {
        let cluster = bed.hub.cluster("c1").await;
        let claims = cluster["status"]["clusterClaims"].as_array();
        claims.is_none_or(Vec::is_empty).then_some(())
    })
    .await;
}
