//! What add-ons are configured with, and how a change gets there.

use serde_json::{Value, json};

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
    let whole = |object: Value| {
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
    let annotation = |work: &Value| {
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

/// What is known of the agent's Deployment.
fn deployment(ready: i64) -> Value {
    let number = |name: &str, value: i64| json!({"name": name, "fieldValue": {"type": "Integer", "integer": value}});
    json!([{"conditions": [], "resourceMeta": {"ordinal": 1, "group": "apps", "version": "v1",
        "kind": "Deployment", "resource": "deployments", "name": "agent",
        "namespace": "open-cluster-management-agent-addon"},
        "statusFeedback": {"values": [number("Replicas", 1), number("ReadyReplicas", ready)]}}])
}

#[tokio::test]
async fn addon_22_26_what_waits_for_its_turn_is_looked_after_meanwhile() {
    const WORK: &str = "addon-a-deploy-0";
    let mut hub = bed(&["c1", "c2"]).await;
    placement(&hub, "p", &["c1", "c2"]).await;
    configured(&hub, "info").await;
    let mut with_pods = template("a", &json!([]));
    let manifests = &mut with_pods["spec"]["agentSpec"]["workload"]["manifests"];
    manifests[1]["spec"]["replicas"] = 1.into();
    let good = with_pods.clone();
    hub.side.create(with_pods).await;
    let mut one_by_one = offer("a");
    one_by_one["spec"]["installStrategy"]["placements"][0]["rolloutStrategy"] =
        json!({"type": "Progressive", "progressive": {"maxConcurrency": 1}});
    hub.side.create(one_by_one).await;
    let (well, ill) = (("True", "ProbeAvailable"), ("False", "ProbeUnavailable"));
    for cluster in ["c1", "c2"] {
        carried_out(&hub, cluster, WORK, deployment(1)).await;
        told(&hub, (cluster, "a"), PROGRESSING, ("False", "Completed")).await;
        told(&hub, (cluster, "a"), "Available", well).await;
    }
    // A change comes to c1, which does not carry it out: c2 waits.
    reconfigured(&hub, "debug").await;
    let kind = ("False", "ConfigurationsNotConfigured");
    told(&hub, ("c2", "a"), "Configured", kind).await;
    carried_out(&hub, "c2", WORK, deployment(0)).await;
    told(&hub, ("c2", "a"), "Available", ill).await;
    carried_out(&hub, "c2", WORK, deployment(1)).await;
    told(&hub, ("c2", "a"), "Available", well).await;
    // What is lost is made again, as it was.
    let lost = work(&hub, "c2", WORK).await;
    let params = kube::api::DeleteParams::default();
    let works = hub.side.api("ManifestWork", "c2");
    works.delete(WORK, &params).await.unwrap();
    let again = eventually("the work is there again", || async {
        let work = hub.side.get("ManifestWork", "c2", WORK).await?;
        (work["metadata"]["uid"] != lost["metadata"]["uid"]).then_some(work)
    })
    .await;
    assert_eq!(again["spec"], lost["spec"]);
    told(
        &hub,
        ("c2", "a"),
        "Available",
        ("Unknown", "WorkNotApplied"),
    )
    .await;
    // Another process does not know how it was, but how it is.
    hub.only_addons();
    carried_out(&hub, "c2", WORK, deployment(1)).await;
    told(&hub, ("c2", "a"), "Available", well).await;
    carried_out(&hub, "c2", WORK, deployment(0)).await;
    told(&hub, ("c2", "a"), "Available", ill).await;
    // A template that does not render says nothing of what is there.
    let mut broken = good.clone();
    broken["spec"]["agentSpec"]["workload"]["manifests"][1]["metadata"]["name"] = "{{NONE}}".into();
    let spec = json!({"spec": broken["spec"]});
    hub.side.merge("AddOnTemplate", "", "a", spec).await;
    told(&hub, ("c1", "a"), PROGRESSING, ("False", "Failed")).await;
    carried_out(&hub, "c1", WORK, deployment(0)).await;
    told(&hub, ("c1", "a"), "Available", ill).await;
    let spec = json!({"spec": good["spec"]});
    hub.side.merge("AddOnTemplate", "", "a", spec).await;
    carried_out(&hub, "c1", WORK, deployment(1)).await;
    told(&hub, ("c1", "a"), "Available", well).await;
}
