//! Clusters that are deleted.

use serde_json::json;

use super::support::{Hub, condition};
use crate::harness::eventually;

const HOLD: &str = "test/hold";

async fn hold(hub: &Hub, kind: &str, api_version: &str, name: &str, priority: Option<&str>) {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": "c1", "finalizers": [HOLD]},
        "spec": {},
    });
    if let Some(priority) = priority {
        object["metadata"]["annotations"] =
            json!({"open-cluster-management.io/cleanup-priority": priority});
    }
    hub.side.create(object).await;
}

async fn release(hub: &Hub, kind: &str, name: &str) {
    hub.side
        .merge(kind, "c1", name, json!({"metadata": {"finalizers": []}}))
        .await;
}

async fn is_deleting(hub: &Hub, kind: &str, name: &str) -> bool {
    let object = hub.side.get(kind, "c1", name).await.unwrap();
    object["metadata"]["deletionTimestamp"].is_string()
}

async fn wait_deleting(hub: &Hub, kind: &str, name: &str) {
    eventually(&format!("{name} is being deleted"), || async {
        is_deleting(hub, kind, name).await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn registration_23_to_25_a_deleted_cluster_is_cleaned_up_in_order() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    let work = "work.open-cluster-management.io/v1";
    hold(
        &hub,
        "ManagedClusterAddOn",
        "addon.open-cluster-management.io/v1beta1",
        "addon",
        None,
    )
    .await;
    hold(&hub, "ManifestWork", work, "first", None).await;
    hold(&hub, "ManifestWork", work, "last", Some("50")).await;
    hub.side.delete("ManagedCluster", "", "c1").await;

    wait_deleting(&hub, "ManagedClusterAddOn", "addon").await;
    assert!(!is_deleting(&hub, "ManifestWork", "first").await);
    let message = eventually("the condition", || async {
        let cluster = hub.cluster("c1").await;
        let conditions = cluster["status"]["conditions"].as_array()?.clone();
        let deleting = conditions.into_iter().find(|c| c["type"] == "Deleting")?;
        let message = deleting["message"].as_str()?.to_owned();
        message.ends_with("count is 1").then_some(message)
    })
    .await;
    assert_eq!(
        message,
        "The resource managedclusteraddons is remaning, the remaining count is 1, the finalizer pending count is 1"
    );
    // Its rights are gone at once, but for the works.
    eventually("only the work binding is left", || async {
        let bindings = hub.side.list("RoleBinding", "c1").await;
        let role = "open-cluster-management:managedcluster:c1";
        let gone = hub.side.get("ClusterRole", "", role).await.is_none()
            && hub.side.get("ClusterRoleBinding", "", role).await.is_none();
        (gone && bindings.len() == 1).then_some(())
    })
    .await;
    release(&hub, "ManagedClusterAddOn", "addon").await;
    wait_deleting(&hub, "ManifestWork", "first").await;
    assert!(!is_deleting(&hub, "ManifestWork", "last").await);
    release(&hub, "ManifestWork", "first").await;
    wait_deleting(&hub, "ManifestWork", "last").await;
    assert_eq!(hub.side.list("RoleBinding", "c1").await.len(), 1);
    let cluster = hub.cluster("c1").await;
    assert_eq!(
        condition(&cluster, "Deleting").unwrap(),
        ("False".into(), "ResourceRemaining".into())
    );
    release(&hub, "ManifestWork", "last").await;
    eventually("the cluster is gone", || async {
        let gone = hub.side.get("ManagedCluster", "", "c1").await.is_none();
        gone.then_some(())
    })
    .await;
    eventually("so is the last right", || async {
        let bindings = hub.side.list("RoleBinding", "c1").await;
        bindings.is_empty().then_some(())
    })
    .await;
    assert!(hub.side.get("Namespace", "", "c1").await.is_some());
    assert!(
        hub.side
            .get("Lease", "c1", "managed-cluster-lease")
            .await
            .is_some()
    );
}

#[tokio::test]
async fn what_cannot_be_deleted_is_told() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    let work = "work.open-cluster-management.io/v1";
    hold(&hub, "ManifestWork", work, "w", None).await;
    release(&hub, "ManifestWork", "w").await;
    // The hub may not delete works for a while.
    let name = "cluster-manager";
    let role = hub.side.get("ClusterRole", "", name).await.unwrap();
    let mut rules = role["rules"].clone();
    for rule in rules.as_array_mut().unwrap() {
        let of_works = rule["resources"]
            .as_array()
            .is_some_and(|resources| resources.iter().any(|resource| resource == "manifestworks"));
        if of_works {
            rule["verbs"]
                .as_array_mut()
                .unwrap()
                .retain(|verb| verb != "delete");
        }
    }
    hub.side
        .merge("ClusterRole", "", name, json!({"rules": rules}))
        .await;
    hub.side.delete("ManagedCluster", "", "c1").await;
    let message = eventually("the condition", || async {
        let cluster = hub.cluster("c1").await;
        let conditions = cluster["status"]["conditions"].as_array()?.clone();
        let deleting = conditions.into_iter().find(|c| c["type"] == "Deleting")?;
        let told = deleting["status"] == "False" && deleting["reason"] == "DeletingError";
        told.then(|| deleting["message"].as_str().unwrap().to_owned())
    })
    .await;
    assert!(message.starts_with("manifestworks c1/w: "), "{message}");
    assert!(message.contains("cannot delete"), "{message}");
    let rules = json!({"rules": role["rules"]});
    hub.side.merge("ClusterRole", "", name, rules).await;
    eventually("the cluster is gone", || async {
        let gone = hub.side.get("ManagedCluster", "", "c1").await.is_none();
        gone.then_some(())
    })
    .await;
}
