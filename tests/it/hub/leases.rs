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
    assert_eq!(event["action"], "AvailableUnknown");
    assert_eq!(
        event["note"],
        "The c1 is successfully imported. However, the connection check from the managed cluster to the hub cluster has failed"
    );
    // A renewal alone does not make it available. The clock's condition tells
    // that the hub has seen the renewal.
    renew(&hub, 0).await;
    hub.wait_condition("c1", "ManagedClusterConditionClockSynced", "True")
        .await;
    assert_eq!(
        condition(&hub.cluster("c1").await, AVAILABLE).unwrap().0,
        "Unknown"
    );
    // Told once, however often it was looked at.
    let events = hub.side.list("Event", "c1").await;
    let unknown = events.iter().filter(|e| e["reason"] == "AvailableUnknown");
    assert_eq!(unknown.count(), 1);
}

/// Quirk 12.4, too: upstream's hub ends at a lease without time.
#[tokio::test]
async fn registration_13_without_duration_the_grace_is_five_minutes() {
    let hub = Hub::start().await;
    for (cluster, duration) in [("c1", 0), ("c2", 30), ("c3", 60)] {
        hub.accepted(cluster).await;
        let spec = json!({"spec": {"leaseDurationSeconds": duration}});
        hub.side.merge("ManagedCluster", "", cluster, spec).await;
        hub.set_available(cluster, "True").await;
    }
    let renewed = |seconds: i64| {
        let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
        json!({"spec": {"renewTime": format!("{time:.6}")}})
    };
    let lease = async |cluster: &str, patch| {
        let name = "managed-cluster-lease";
        hub.side.merge("Lease", cluster, name, patch).await;
    };
    lease("c3", json!({"spec": {"renewTime": null}})).await;
    lease("c1", renewed(240)).await;
    // Looked at after them, and past its 150 seconds.
    lease("c2", renewed(240)).await;
    hub.wait_condition("c2", AVAILABLE, "Unknown").await;
    for cluster in ["c1", "c3"] {
        let cluster = hub.cluster(cluster).await;
        assert_eq!(condition(&cluster, AVAILABLE).unwrap().0, "True");
    }
    lease("c1", renewed(301)).await;
    hub.wait_condition("c1", AVAILABLE, "Unknown").await;
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
