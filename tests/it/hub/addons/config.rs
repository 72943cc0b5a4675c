//! What add-ons are configured with, and how a change gets there.

use serde_json::json;

use super::bed::{
    addon, bed, carried_out, configured, desired, message, offer, placement, reconfigured,
    template, told, work,
};
use crate::harness::{eventually, until};

const HASHES: &str = "open-cluster-management.io/config-spec-hash";
const PROGRESSING: &str = "Progressing";

#[tokio::test]
async fn addon_20_26_a_change_is_delivered_and_told() {
    let hub = bed(&["c1"]).await;
    placement(&hub, "p", &["c1"]).await;
    configured(&hub, "info").await;
    hub.side.create(template("a", &json!([]))).await;
    hub.side.create(offer("a")).await;
    let first = work(&hub, "c1", "addon-a-deploy-0").await;
    let data = &first["spec"]["workload"]["manifests"][0]["data"];
    assert_eq!(*data, json!({"cluster": "c1", "level": "info"}));
    let waits = ("False", "WaitingForManifestApplied");
    told(&hub, ("c1", "a"), PROGRESSING, waits).await;
    carried_out(&hub, "c1", "addon-a-deploy-0", json!([])).await;
    // No replicas are wanted: it is as available as can be.
    let text = told(&hub, ("c1", "a"), "Available", ("True", "ProbeAvailable")).await;
    assert_eq!(text, "a add-on is available.");
    let text = told(&hub, ("c1", "a"), PROGRESSING, ("False", "Completed")).await;
    assert_eq!(text, "completed with no errors.");
    let whole = |object: serde_json::Value| {
        let progression = &object["status"]["installProgressions"][0];
        message(
            &json!({"status": progression}),
            PROGRESSING,
            ("False", "Completed"),
        )
    };
    let text = eventually("the add-on is complete", || async {
        whole(hub.side.get("ClusterManagementAddOn", "", "a").await?)
    })
    .await;
    assert_eq!(
        text,
        "selected clusters 1. configured addons 1/1 completed with no errors, 0 failed 0 timeout."
    );
    let before = desired(&hub, "c1", "a").await.unwrap();
    reconfigured(&hub, "debug").await;
    let changed = eventually("the work is another", || async {
        let work = work(&hub, "c1", "addon-a-deploy-0").await;
        let level = &work["spec"]["workload"]["manifests"][0]["data"]["level"];
        (level == "debug").then_some(work)
    })
    .await;
    // The status is written after the work.
    let after = eventually("another hash is wanted", || async {
        desired(&hub, "c1", "a")
            .await
            .filter(|hash| *hash != before)
    })
    .await;
    let annotation = |work: &serde_json::Value| {
        let hashes = &work["metadata"]["annotations"][HASHES];
        hashes.as_str().unwrap().to_owned()
    };
    assert!(annotation(&first).contains(&before), "{first}");
    assert!(annotation(&changed).contains(&after), "{changed}");
    told(&hub, ("c1", "a"), PROGRESSING, ("True", PROGRESSING)).await;
    carried_out(&hub, "c1", "addon-a-deploy-0", json!([])).await;
    told(&hub, ("c1", "a"), PROGRESSING, ("False", "Completed")).await;
    let addon = addon(&hub, "c1", "a").await.unwrap();
    for reference in addon["status"]["configReferences"].as_array().unwrap() {
        assert_eq!(reference["desiredConfig"], reference["lastAppliedConfig"]);
    }
}

#[tokio::test]
async fn addon_21_an_unsupported_configuration_and_a_template_that_does_not_render() {
    let hub = bed(&["c1"]).await;
    placement(&hub, "p", &["c1"]).await;
    configured(&hub, "info").await;
    let mut broken = template("a", &json!([]));
    broken["spec"]["agentSpec"]["workload"]["manifests"][0]["metadata"]["name"] = "{{NONE}}".into();
    hub.side.create(broken).await;
    hub.side.create(offer("a")).await;
    let text = told(&hub, ("c1", "a"), PROGRESSING, ("False", "Failed")).await;
    assert!(text.contains("of AddOnTemplate a has no name"), "{text}");
    hub.side
        .merge(
            "ManagedClusterAddOn",
            "c1",
            "a",
            json!({"spec": {"configs": [{"group": "example.io", "resource": "things", "name": "x"}]}}),
        )
        .await;
    let kind = ("False", "ConfigurationUnsupported");
    let text = told(&hub, ("c1", "a"), PROGRESSING, kind).await;
    assert_eq!(
        text,
        "Configuration with gvr example.io/things is not supported for this addon"
    );
    // Both are mended.
    let spec = json!({"spec": {"configs": null}});
    hub.side.merge("ManagedClusterAddOn", "c1", "a", spec).await;
    let good = template("a", &json!([]));
    let spec = json!({"spec": good["spec"]});
    hub.side.merge("AddOnTemplate", "", "a", spec).await;
    work(&hub, "c1", "addon-a-deploy-0").await;
    carried_out(&hub, "c1", "addon-a-deploy-0", json!([])).await;
    told(&hub, ("c1", "a"), PROGRESSING, ("False", "Completed")).await;
}

#[tokio::test]
async fn addon_22_one_cluster_after_the_other() {
    let hub = bed(&["c1", "c2"]).await;
    placement(&hub, "p", &["c1", "c2"]).await;
    configured(&hub, "info").await;
    hub.side.create(template("a", &json!([]))).await;
    let mut one_by_one = offer("a");
    one_by_one["spec"]["installStrategy"]["placements"][0]["rolloutStrategy"] =
        json!({"type": "Progressive", "progressive": {"maxConcurrency": 1}});
    hub.side.create(one_by_one).await;
    for cluster in ["c1", "c2"] {
        carried_out(&hub, cluster, "addon-a-deploy-0", json!([])).await;
        told(&hub, (cluster, "a"), PROGRESSING, ("False", "Completed")).await;
    }
    let before = desired(&hub, "c1", "a").await.unwrap();
    assert_eq!(desired(&hub, "c2", "a").await.unwrap(), before);
    reconfigured(&hub, "debug").await;
    let kind = ("False", "ConfigurationsNotConfigured");
    told(&hub, ("c2", "a"), "Configured", kind).await;
    until("c1 shall have the new one", || async {
        desired(&hub, "c1", "a").await.unwrap() != before
    })
    .await;
    told(&hub, ("c1", "a"), PROGRESSING, ("True", PROGRESSING)).await;
    assert_eq!(desired(&hub, "c2", "a").await.unwrap(), before);
    until("c1's work is another", || async {
        let work = work(&hub, "c1", "addon-a-deploy-0").await;
        work["spec"]["workload"]["manifests"][0]["data"]["level"] == "debug"
    })
    .await;
    carried_out(&hub, "c1", "addon-a-deploy-0", json!([])).await;
    until("then c2", || async {
        desired(&hub, "c2", "a").await.unwrap() != before
    })
    .await;
    told(&hub, ("c1", "a"), PROGRESSING, ("False", "Completed")).await;
}
