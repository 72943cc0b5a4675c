//! What leases tell, and the taints that follow.

use serde_json::json;

use super::support::{AVAILABLE, Hub, condition, taints};
use crate::harness::eventually;

const UNREACHABLE: &str = "cluster.open-cluster-management.io/unreachable";
const UNAVAILABLE: &str = "cluster.open-cluster-management.io/unavailable";

fn in_minutes(minutes: i64) -> String {
    let time = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
    format!("{time:.6}")
}

async fn renew(hub: &Hub, minutes: i64) {
    hub.side
        .merge(
            "Lease",
            "c1",
            "managed-cluster-lease",
            json!({"spec": {"renewTime": in_minutes(minutes)}}),
        )
        .await;
}

#[tokio::test]
async fn registration_12_and_14_a_stale_lease_makes_the_cluster_unknown() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    hub.set_available("c1", "True").await;
    eventually("no taints", || async {
        taints(&hub.cluster("c1").await).is_empty().then_some(())
    })
    .await;
    renew(&hub, -10).await;
    let cluster = hub.wait_condition("c1", AVAILABLE, "Unknown").await;
    assert_eq!(
        condition(&cluster, AVAILABLE).unwrap().1,
        "ManagedClusterLeaseUpdateStopped"
    );
    eventually("the taint", || async {
        (taints(&hub.cluster("c1").await) == [UNREACHABLE]).then_some(())
    })
    .await;
    let event = eventually("an event", || async {
        let events = hub.side.list("Event", "c1").await;
        events
            .into_iter()
            .find(|e| e["reason"] == "AvailableUnknown")
    })
    .await;
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["reportingController"], "registration-controller");
    // A renewal alone does not make it available. The clock's condition tells
    // that the hub has seen the renewal.
    renew(&hub, 0).await;
    hub.wait_condition("c1", "ManagedClusterConditionClockSynced", "True")
        .await;
    assert_eq!(
        condition(&hub.cluster("c1").await, AVAILABLE).unwrap().0,
        "Unknown"
    );
}

#[tokio::test]
async fn a_lease_that_nobody_renews_expires_by_itself() {
    let hub = Hub::start().await;
    hub.asks("c1").await;
    hub.side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {
            "hubAcceptsClient": true, "leaseDurationSeconds": 1}}),
        )
        .await;
    // Five seconds after the lease was made; no change tells the hub.
    hub.wait_condition("c1", AVAILABLE, "Unknown").await;
}

#[tokio::test]
async fn registration_15_taints_follow_available() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    hub.side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"taints": [
            {"key": "mine", "effect": "NoSelect"}]}}),
        )
        .await;
    for (status, wanted) in [
        ("False", vec!["mine", UNAVAILABLE]),
        ("Unknown", vec!["mine", UNREACHABLE]),
        ("True", vec!["mine"]),
    ] {
        hub.set_available("c1", status).await;
        eventually("the right taints", || async {
            (taints(&hub.cluster("c1").await) == wanted).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn registration_16_clocks_apart_and_together() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    renew(&hub, 10).await;
    hub.wait_condition("c1", "ManagedClusterConditionClockSynced", "False")
        .await;
    renew(&hub, 0).await;
    hub.wait_condition("c1", "ManagedClusterConditionClockSynced", "True")
        .await;
}

#[tokio::test]
async fn registration_17_renewals_of_a_lease_without_label_do_not_count() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    hub.side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"leaseDurationSeconds": 1}}),
        )
        .await;
    hub.set_available("c1", "True").await;
    hub.side
        .merge(
            "Lease",
            "c1",
            "managed-cluster-lease",
            json!({"metadata": {"labels": {"open-cluster-management.io/cluster-name": null}}}),
        )
        .await;
    // However often it is renewed.
    eventually("unknown", || async {
        renew(&hub, 0).await;
        let cluster = hub.cluster("c1").await;
        (condition(&cluster, AVAILABLE)?.0 == "Unknown").then_some(())
    })
    .await;
}
