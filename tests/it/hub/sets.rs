//! Bindings of sets, and the namespaces that sets manage.

use serde_json::{Value, json};

use super::support::{Hub, condition};
use crate::harness::eventually;

async fn namespaces(hub: &Hub) -> Vec<(String, String)> {
    let cluster = hub.cluster("c1").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    cluster["status"]["managedNamespaces"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| (text(&entry["clusterSet"]), text(&entry["name"])))
        .collect()
}

#[tokio::test]
async fn registration_33_bindings_tell_whether_their_set_exists() {
    let hub = Hub::start().await;
    hub.side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSetBinding",
            "metadata": {"name": "team", "namespace": "default"}, "spec": {"clusterSet": "team"},
        }))
        .await;
    let bound = |wanted: (&'static str, &'static str)| {
        let hub = &hub;
        eventually("the condition", move || async move {
            let binding = hub
                .side
                .get("ManagedClusterSetBinding", "default", "team")
                .await?;
            let (status, reason) = condition(&binding, "Bound")?;
            ((status.as_str(), reason.as_str()) == wanted).then_some(())
        })
    };
    bound(("False", "ClusterSetNotFound")).await;
    hub.side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSet", "metadata": {"name": "team"}, "spec": {},
        }))
        .await;
    bound(("True", "ClusterSetBound")).await;
}

#[tokio::test]
async fn registration_34_members_list_the_namespaces_of_their_set() {
    let hub = Hub::start().await;
    hub.asks("c1").await;
    hub.side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSet", "metadata": {"name": "team"},
            "spec": {"managedNamespaces": [{"name": "b"}, {"name": "a"}]},
        }))
        .await;
    let label = |set: &str| json!({"metadata": {"labels": {"cluster.open-cluster-management.io/clusterset": set}}});
    hub.side
        .merge("ManagedCluster", "", "c1", label("team"))
        .await;
    let wanted: Vec<(String, String)> = ["a", "b"]
        .map(|name| ("team".to_owned(), name.to_owned()))
        .into();
    eventually("both namespaces", || async {
        (namespaces(&hub).await == wanted).then_some(())
    })
    .await;
    hub.side
        .merge("ManagedCluster", "", "c1", label("default"))
        .await;
    eventually("none", || async {
        namespaces(&hub).await.is_empty().then_some(())
    })
    .await;
}
