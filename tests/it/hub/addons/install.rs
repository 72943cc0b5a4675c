//! Where add-ons are, and how they go.

use serde_json::{Value, json};

use super::bed::{
    addon, bed, carried_out, choose, configured, offer, placement, template, told, work,
};
use crate::harness::{eventually, until};

#[tokio::test]
async fn addon_18_19_installations_follow_placements_unless_somebody_else_installs() {
    let hub = bed(&["c1", "c2"]).await;
    placement(&hub, "p", &["c1"]).await;
    let created = hub.side.create(offer("a")).await;
    let installed = eventually("a is in c1", || addon(&hub, "c1", "a")).await;
    let owner = &installed["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], created["metadata"]["uid"]);
    assert_eq!(owner["kind"], "ClusterManagementAddOn");
    assert_eq!(owner["controller"], true);
    choose(&hub, "p", &["c2"]).await;
    eventually("a is in c2", || addon(&hub, "c2", "a")).await;
    until("a has left c1", || async {
        addon(&hub, "c1", "a").await.is_none()
    })
    .await;
    // Somebody else runs it: another add-on of the placement tells that the
    // change was seen.
    hub.side
        .merge(
            "ClusterManagementAddOn",
            "",
            "a",
            json!({"metadata": {"annotations": {
                "addon.open-cluster-management.io/lifecycle": "self"}}}),
        )
        .await;
    hub.side.create(offer("b")).await;
    eventually("b is in c2", || addon(&hub, "c2", "b")).await;
    choose(&hub, "p", &["c1"]).await;
    eventually("b is in c1", || addon(&hub, "c1", "b")).await;
    until("b has left c2", || async {
        addon(&hub, "c2", "b").await.is_none()
    })
    .await;
    assert!(addon(&hub, "c1", "a").await.is_none());
    assert!(addon(&hub, "c2", "a").await.is_some());
}

#[tokio::test]
async fn addon_25_hooks_run_before_an_addon_goes() {
    let hub = bed(&["c1"]).await;
    placement(&hub, "p", &["c1"]).await;
    configured(&hub, "info").await;
    let mut with_hook = template("a", &json!([]));
    let manifests = with_hook["spec"]["agentSpec"]["workload"]["manifests"]
        .as_array_mut()
        .unwrap();
    manifests.push(json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "farewell", "namespace": "default",
            "annotations": {"addon.open-cluster-management.io/addon-pre-delete": ""}},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "i"}]}}},
    }));
    hub.side.create(with_hook).await;
    hub.side.create(offer("a")).await;
    let deployed = work(&hub, "c1", "addon-a-deploy-0").await;
    let manifests = deployed["spec"]["workload"]["manifests"]
        .as_array()
        .unwrap();
    assert!(
        manifests.iter().all(|m| m["kind"] != "Job"),
        "{manifests:?}"
    );
    let finalizer = "addon.open-cluster-management.io/addon-pre-delete";
    until("the finalizer", || async {
        let addon = addon(&hub, "c1", "a").await.unwrap();
        crate::hub::support::finalizers(&addon).contains(&finalizer)
    })
    .await;
    choose(&hub, "p", &[]).await;
    let hook = work(&hub, "c1", "addon-a-pre-delete").await;
    let manifests: &Value = &hook["spec"]["workload"]["manifests"];
    assert_eq!(manifests[0]["metadata"]["name"], "farewell");
    let message = told(
        &hub,
        ("c1", "a"),
        "HookManifestCompleted",
        ("False", "HookManifestIsNotCompleted"),
    )
    .await;
    assert!(!message.is_empty());
    // What it takes leave from is still there.
    work(&hub, "c1", "addon-a-deploy-0").await;
    let done = json!([{"conditions": [], "resourceMeta": {"ordinal": 0, "group": "batch",
        "version": "v1", "kind": "Job", "resource": "jobs",
        // The configuration moves everything there.
        "namespace": "open-cluster-management-agent-addon",
        "name": "farewell"},
        "statusFeedback": {"values": [{"name": "JobComplete",
            "fieldValue": {"type": "String", "string": "True"}}]}}]);
    carried_out(&hub, "c1", "addon-a-pre-delete", done).await;
    until("a has gone, with its works", || async {
        let works = hub.side.list("ManifestWork", "c1").await;
        addon(&hub, "c1", "a").await.is_none() && works.is_empty()
    })
    .await;
}
