//! Where add-ons are, and how they go.

use serde_json::{Value, json};

use super::bed::{
    V1ALPHA1, addon, bed, carried_out, choose, configured, message, offer, placement, reconfigured,
    template, told, work,
};
use crate::harness::{eventually, until};
use crate::hub::support::{Hub, finalizers};

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
async fn addon_18_of_two_placements_that_choose_a_cluster_the_last_configures_it() {
    let hub = bed(&["c1", "c2"]).await;
    placement(&hub, "p", &["c1", "c2"]).await;
    placement(&hub, "q", &["c1"]).await;
    configured(&hub, "info").await;
    hub.side
        .create(
            json!({"apiVersion": V1ALPHA1, "kind": "AddOnDeploymentConfig",
            "metadata": {"name": "b", "namespace": "default"},
            "spec": {"customizedVariables": [{"name": "LEVEL", "value": "debug"}]}}),
        )
        .await;
    hub.side.create(template("a", &json!([]))).await;
    let mut both = offer("a");
    both["spec"]["installStrategy"]["placements"] = json!([
        {"namespace": "default", "name": "p"},
        {"namespace": "default", "name": "q", "configs": [{
            "group": "addon.open-cluster-management.io", "resource": "addondeploymentconfigs",
            "namespace": "default", "name": "b"}]},
    ]);
    hub.side.create(both).await;
    let level = async |cluster: &str, wanted: &str| {
        until(&format!("{cluster} has level {wanted}"), || async {
            let work = work(&hub, cluster, "addon-a-deploy-0").await;
            let manifests = work["spec"]["workload"]["manifests"].as_array().cloned();
            manifests
                .iter()
                .flatten()
                .any(|m| m["data"]["level"] == wanted)
        })
        .await;
    };
    level("c1", "debug").await;
    level("c2", "info").await;
    let before = addon(&hub, "c1", "a").await.unwrap();
    // Without the second, the first counts, and it is the same installation.
    choose(&hub, "q", &[]).await;
    level("c1", "info").await;
    let after = addon(&hub, "c1", "a").await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    choose(&hub, "q", &["c1"]).await;
    choose(&hub, "p", &["c2"]).await;
    level("c1", "debug").await;
    choose(&hub, "q", &[]).await;
    until("a has left c1", || async {
        addon(&hub, "c1", "a").await.is_none()
    })
    .await;
    assert!(addon(&hub, "c2", "a").await.is_some());
}

#[tokio::test]
async fn addon_25_hooks_run_before_an_addon_goes() {
    let hub = bed(&["c1"]).await;
    placement(&hub, "p", &["c1"]).await;
    configured(&hub, "info").await;
    hub.side.create(with_hook()).await;
    hub.side.create(offer("a")).await;
    let deployed = work(&hub, "c1", "addon-a-deploy-0").await;
    let manifests = deployed["spec"]["workload"]["manifests"]
        .as_array()
        .unwrap();
    assert!(
        manifests.iter().all(|m| m["kind"] != "Job"),
        "{manifests:?}"
    );
    held(&hub, "c1").await;
    choose(&hub, "p", &[]).await;
    let hook = work(&hub, "c1", "addon-a-pre-delete").await;
    let manifests: &Value = &hook["spec"]["workload"]["manifests"];
    assert_eq!(manifests.as_array().unwrap().len(), 1);
    let kind = ("False", "HookManifestIsNotCompleted");
    told(&hub, ("c1", "a"), "HookManifestCompleted", kind).await;
    // What it takes leave from is still there.
    work(&hub, "c1", "addon-a-deploy-0").await;
    // A job that has given up is told, with what to do.
    carried_out(&hub, "c1", "addon-a-pre-delete", job("JobFailed")).await;
    until("the failure is told", || async {
        let addon = addon(&hub, "c1", "a").await.unwrap();
        let kind = ("False", "HookManifestIsNotCompleted");
        let text = message(&addon, "HookManifestCompleted", kind).unwrap();
        text.contains("farewell has failed") && text.contains("remove the finalizer")
    })
    .await;
    has_left(&hub, "c1").await;
}

/// A template with a hook.
fn with_hook() -> Value {
    let mut template = template("a", &json!([]));
    let manifests = template["spec"]["agentSpec"]["workload"]["manifests"].as_array_mut();
    manifests.unwrap().push(json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "farewell", "namespace": "default",
            "annotations": {"addon.open-cluster-management.io/addon-pre-delete": ""}},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "i"}]}}},
    }));
    template
}

/// What is known of the hook's job: this is true of it.
fn job(what: &str) -> Value {
    json!([{"conditions": [], "resourceMeta": {"ordinal": 0, "group": "batch",
        "version": "v1", "kind": "Job", "resource": "jobs",
        // The configuration moves everything there.
        "namespace": "open-cluster-management-agent-addon",
        "name": "farewell"},
        "statusFeedback": {"values": [{"name": what,
            "fieldValue": {"type": "String", "string": "True"}}]}}])
}

/// Waits until the add-on does not go without its hooks.
async fn held(hub: &Hub, cluster: &str) {
    until("the finalizer", || async {
        let finalizer = "addon.open-cluster-management.io/addon-pre-delete";
        let addon = addon(hub, cluster, "a").await;
        addon.is_some_and(|addon| finalizers(&addon).contains(&finalizer))
    })
    .await;
}

/// Asks for the end of an installation, as the garbage collector would.
async fn delete(hub: &Hub, kind: &str, namespace: &str, name: &str) {
    let api = hub.side.api(kind, namespace);
    let params = kube::api::DeleteParams::background();
    api.delete(name, &params).await.unwrap();
}

/// Its hook has not gone before, is done now, and then all of it goes.
async fn has_left(hub: &Hub, cluster: &str) {
    let hook = work(hub, cluster, "addon-a-pre-delete").await;
    let manifests = &hook["spec"]["workload"]["manifests"];
    assert_eq!(manifests[0]["metadata"]["name"], "farewell");
    assert!(addon(hub, cluster, "a").await.is_some());
    carried_out(hub, cluster, "addon-a-pre-delete", job("JobComplete")).await;
    until("a has gone, with its works", || async {
        let works = hub.side.list("ManifestWork", cluster).await;
        addon(hub, cluster, "a").await.is_none() && works.is_empty()
    })
    .await;
}

#[tokio::test]
async fn addon_25_hooks_run_also_where_a_change_has_not_come_to_its_turn() {
    let mut hub = bed(&["c1", "c2", "c3"]).await;
    placement(&hub, "p", &["c1", "c2", "c3"]).await;
    configured(&hub, "info").await;
    hub.side.create(with_hook()).await;
    let mut one_by_one = offer("a");
    one_by_one["spec"]["installStrategy"]["placements"][0]["rolloutStrategy"] =
        json!({"type": "Progressive", "progressive": {"maxConcurrency": 1}});
    hub.side.create(one_by_one).await;
    for cluster in ["c1", "c2", "c3"] {
        carried_out(&hub, cluster, "addon-a-deploy-0", json!([])).await;
        told(&hub, (cluster, "a"), "Progressing", ("False", "Completed")).await;
        held(&hub, cluster).await;
    }
    reconfigured(&hub, "debug").await;
    let kind = ("False", "ConfigurationsNotConfigured");
    told(&hub, ("c2", "a"), "Configured", kind).await;
    choose(&hub, "p", &["c1", "c3"]).await;
    has_left(&hub, "c2").await;
    // Another process does not know what was before the change.
    hub.only_addons();
    choose(&hub, "p", &["c1"]).await;
    has_left(&hub, "c3").await;
}

/// An add-on with a hook, installed by hand in these clusters.
async fn by_hand(clusters: &[&str]) -> Hub {
    let hub = bed(clusters).await;
    configured(&hub, "info").await;
    hub.side.create(with_hook()).await;
    let mut by_hand = offer("a");
    by_hand["spec"]["installStrategy"] = json!({"type": "Manual"});
    hub.side.create(by_hand).await;
    for cluster in clusters {
        let name = json!({"name": "a", "namespace": cluster});
        hub.side
            .create(
                json!({"apiVersion": V1ALPHA1, "kind": "ManagedClusterAddOn",
                "metadata": name, "spec": {}}),
            )
            .await;
        carried_out(&hub, cluster, "addon-a-deploy-0", json!([])).await;
        held(&hub, cluster).await;
    }
    hub
}

#[tokio::test]
async fn addon_25_hooks_run_also_when_the_addon_itself_has_gone() {
    let hub = by_hand(&["c1", "c2"]).await;
    let lifecycle = "addon.open-cluster-management.io/lifecycle";
    let own = json!({"metadata": {"annotations": {lifecycle: "self"}}});
    let kind = "ClusterManagementAddOn";
    hub.side.merge(kind, "", "a", own).await;
    delete(&hub, "ManagedClusterAddOn", "c1", "a").await;
    has_left(&hub, "c1").await;
    // The owner first, in the background; its installations after it.
    delete(&hub, kind, "", "a").await;
    until("the offer has gone", || async {
        hub.side.get(kind, "", "a").await.is_none()
    })
    .await;
    delete(&hub, "ManagedClusterAddOn", "c2", "a").await;
    has_left(&hub, "c2").await;
}

#[tokio::test]
async fn addon_25_hooks_run_after_their_template_while_anybody_knows_them() {
    let mut hub = by_hand(&["c1", "c2"]).await;
    // As `kubectl delete -f` does: all of it goes, in any order.
    delete(&hub, "AddOnTemplate", "", "a").await;
    delete(&hub, "AddOnDeploymentConfig", "default", "a").await;
    told(&hub, ("c1", "a"), "Progressing", ("False", "Failed")).await;
    delete(&hub, "ManagedClusterAddOn", "c1", "a").await;
    has_left(&hub, "c1").await;
    // Another process does not know them: nothing waits, and that is told.
    hub.stop_controllers();
    delete(&hub, "ClusterManagementAddOn", "", "a").await;
    delete(&hub, "ManagedClusterAddOn", "c2", "a").await;
    hub.only_addons();
    until("a has left c2", || async {
        addon(&hub, "c2", "a").await.is_none()
    })
    .await;
    let events = hub.side.list("Event", "c2").await;
    let skipped = events.iter().find(|e| e["reason"] == "HooksSkipped");
    let note = skipped.unwrap()["note"].as_str().unwrap();
    assert!(note.contains(" does not exist"), "{note}");
}

#[tokio::test]
async fn addon_25_a_cluster_that_goes_and_is_not_heard_of_is_not_held_up() {
    let hub = bed(&["c1"]).await;
    placement(&hub, "p", &["c1"]).await;
    configured(&hub, "info").await;
    hub.side.create(with_hook()).await;
    hub.side.create(offer("a")).await;
    held(&hub, "c1").await;
    let keep = json!({"metadata": {"finalizers": ["example.io/keep"]}});
    hub.side.merge("ManagedCluster", "", "c1", keep).await;
    let available = json!([{"type": "ManagedClusterConditionAvailable", "status": "True",
        "reason": "r", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let heard = json!({"status": {"conditions": available}});
    hub.side
        .merge_status("ManagedCluster", "", "c1", heard)
        .await;
    delete(&hub, "ManagedCluster", "", "c1").await;
    choose(&hub, "p", &[]).await;
    // It may still run them.
    work(&hub, "c1", "addon-a-pre-delete").await;
    let mut unheard = available;
    unheard[0]["status"] = "Unknown".into();
    let unheard = json!({"status": {"conditions": unheard}});
    assert!(addon(&hub, "c1", "a").await.is_some());
    hub.side
        .merge_status("ManagedCluster", "", "c1", unheard)
        .await;
    until("a has gone", || async {
        addon(&hub, "c1", "a").await.is_none()
    })
    .await;
}

#[tokio::test]
async fn the_gate_of_addons_turns_them_off_and_on() {
    let mut hub = bed(&["c1"]).await;
    let gate = |mode: &str| {
        json!({"spec": {"addOnManagerConfiguration": {"featureGates": [
            {"feature": "AddonManagement", "mode": mode}]}}})
    };
    let (kind, name) = ("ClusterManager", "cluster-manager");
    hub.side.merge(kind, "", name, gate("Disable")).await;
    hub.only_addons();
    placement(&hub, "p", &["c1"]).await;
    configured(&hub, "info").await;
    hub.side.create(template("a", &json!([]))).await;
    hub.side.create(offer("a")).await;
    assert!(addon(&hub, "c1", "a").await.is_none());
    hub.side.merge(kind, "", name, gate("Enable")).await;
    work(&hub, "c1", "addon-a-deploy-0").await;
}
