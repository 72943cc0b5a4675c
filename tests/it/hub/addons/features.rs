//! What a cluster tells of its add-ons, and what they are told of it.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::bed::{addon, bed, configured, offer, placement, template, told};
use crate::harness::{eventually, until};
use crate::hub::support::Hub;

const LABEL: &str = "feature.open-cluster-management.io/addon-a";

async fn wait_label(hub: &Hub, cluster: &str, expected: Option<&str>) {
    until(&format!("{cluster} is labelled {expected:?}"), || async {
        hub.cluster(cluster).await["metadata"]["labels"][LABEL].as_str() == expected
    })
    .await;
}

/// What an add-on's own agent or manager says.
async fn says(hub: &Hub, cluster: &str, status: &str) {
    eventually("the add-on's condition is written", || async {
        let found = addon(hub, cluster, "a").await?;
        let mut conditions = found["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        conditions.retain(|c| c["type"] != "Available");
        conditions.push(
            json!({"type": "Available", "status": status, "reason": "Test",
            "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}),
        );
        let patch = json!({
            "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]},
            "status": {"conditions": conditions},
        });
        hub.side
            .api("ManagedClusterAddOn", cluster)
            .patch_status("a", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .ok()
    })
    .await;
}

#[tokio::test]
async fn registration_35_and_addon_28_clusters_and_their_addons_tell_of_each_other() {
    let hub = bed(&["c1"]).await;
    hub.set_available("c1", "True").await;
    // Installed by somebody else's manager: nobody here says how it is.
    hub.side
        .create(
            json!({"apiVersion": super::bed::V1ALPHA1, "kind": "ManagedClusterAddOn",
            "metadata": {"name": "a", "namespace": "c1"}, "spec": {}}),
        )
        .await;
    wait_label(&hub, "c1", Some("unreachable")).await;
    for (status, label) in [
        ("True", "available"),
        ("False", "unhealthy"),
        ("Unknown", "unreachable"),
    ] {
        says(&hub, "c1", status).await;
        wait_label(&hub, "c1", Some(label)).await;
    }
    says(&hub, "c1", "True").await;
    wait_label(&hub, "c1", Some("available")).await;
    hub.set_available("c1", "Unknown").await;
    let message = told(&hub, ("c1", "a"), "Available", ("Unknown", "Test")).await;
    assert_eq!(message, "m");
    wait_label(&hub, "c1", Some("unreachable")).await;
    hub.side.delete("ManagedClusterAddOn", "c1", "a").await;
    wait_label(&hub, "c1", None).await;
}

#[tokio::test]
async fn addon_28_a_template_addon_is_unknown_as_long_as_its_cluster_is() {
    let hub = bed(&["c1"]).await;
    hub.set_available("c1", "True").await;
    placement(&hub, "p", &["c1"]).await;
    configured(&hub, "info").await;
    hub.side.create(template("a", &json!([]))).await;
    hub.side.create(offer("a")).await;
    told(
        &hub,
        ("c1", "a"),
        "Available",
        ("Unknown", "WorkNotApplied"),
    )
    .await;
    hub.set_available("c1", "Unknown").await;
    told(&hub, ("c1", "a"), "Available", ("Unknown", "Test")).await;
    wait_label(&hub, "c1", Some("unreachable")).await;
    hub.set_available("c1", "True").await;
    told(
        &hub,
        ("c1", "a"),
        "Available",
        ("Unknown", "WorkNotApplied"),
    )
    .await;
}
