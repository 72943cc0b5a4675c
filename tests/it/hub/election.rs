//! One of several replicas works.

use crate::harness::{Cluster, eventually};
use ocmadm::runtime::leader::{Election, acquire};
use ocmadm::runtime::metrics::Metrics;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_replica_that_stops_hands_over_at_once() {
    let side = Cluster::start("hub").await;
    let never = CancellationToken::new();
    let election = |who: &str| Election::new("default", "lock", who.to_owned());
    let first = acquire(&side.client, election("one"), &Metrics::default(), &never)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let kept = tokio::spawn(first.keep(stop.clone()));
    let client = side.client.clone();
    let waiting = tokio::spawn({
        let never = never.clone();
        async move { acquire(&client, election("two"), &Metrics::default(), &never).await }
    });
    let holder = || async {
        let lease = side.get("Lease", "default", "lock").await?;
        lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
    };
    eventually("the first holds the lease", || async {
        (holder().await? == "one").then_some(())
    })
    .await;
    assert!(!waiting.is_finished(), "two lead at a time");
    let start = std::time::Instant::now();
    stop.cancel();
    assert!(kept.await.unwrap(), "giving up is not losing");
    waiting.await.unwrap().unwrap();
    assert_eq!(holder().await.as_deref(), Some("two"));
    // Less than the lease's fifteen seconds: the watch told, not the clock.
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn a_replica_whose_lease_is_taken_stops() {
    let side = Cluster::start("hub").await;
    let never = CancellationToken::new();
    let election = Election {
        renew_every: std::time::Duration::from_millis(50),
        ..Election::new("default", "lock", "one".to_owned())
    };
    let first = acquire(&side.client, election, &Metrics::default(), &never)
        .await
        .unwrap();
    side.merge(
        "Lease",
        "default",
        "lock",
        serde_json::json!({"spec": {"holderIdentity": "thief"}}),
    )
    .await;
    assert!(!first.keep(never).await, "the loss went unnoticed");
}
