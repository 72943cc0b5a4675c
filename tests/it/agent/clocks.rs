//! Clocks that are moved, the agent's and the hub's: what they say of leases and
//! certificates, and that it all comes right when they do.

use std::time::Duration;

use jiff::SignedDuration;
use kube::api::{Api, DynamicObject};
use ocmadm::agent::certificate::credentials::{Credentials, Data};
use ocmadm::agent::registration::join::clusters;
use serde_json::json;

use super::support::{Bed, c1, text};
use crate::harness::{eventually, until};
use crate::hub::support::AVAILABLE;

const SYNCED: &str = "ManagedClusterConditionClockSynced";
const BOOTSTRAP: &str =
    "system:serviceaccount:open-cluster-management:agent-registration-bootstrap";

/// A joined cluster whose agent renews its lease every second.
async fn lively() -> Bed {
    let bed = Bed::joined(c1()).await;
    let beat = json!({"spec": {"leaseDurationSeconds": 1}});
    bed.hub.side.merge("ManagedCluster", "", "c1", beat).await;
    bed.hub.wait_condition("c1", SYNCED, "True").await;
    bed
}

#[tokio::test]
async fn registration_16_an_agent_whose_clock_is_moved_is_out_of_sync_until_it_is_right() {
    let bed = lively().await;
    for ahead in [
        SignedDuration::from_mins(10),
        SignedDuration::from_mins(-10),
    ] {
        bed.clock.set_ahead(ahead);
        bed.hub.wait_condition("c1", SYNCED, "False").await;
        bed.clock.set_ahead(SignedDuration::ZERO);
        bed.hub.wait_condition("c1", SYNCED, "True").await;
        bed.wait_joined("c1").await;
    }
    assert_eq!(bed.requests().await.len(), 1);
}

#[tokio::test]
async fn a_hub_whose_clock_is_moved_misses_its_clusters_until_it_is_right() {
    let bed = lively().await;
    bed.hub.clock.set_ahead(SignedDuration::from_hours(1));
    bed.hub.wait_condition("c1", AVAILABLE, "Unknown").await;
    bed.hub.wait_condition("c1", SYNCED, "False").await;
    bed.hub.clock.set_ahead(SignedDuration::ZERO);
    bed.hub.wait_condition("c1", SYNCED, "True").await;
    bed.wait_joined("c1").await;
}

/// Beyond the end of its certificate the agent asks anew, as a stranger; when
/// its clock is right again the certificate is, too.
#[tokio::test]
async fn registration_47_a_clock_beyond_the_end_of_a_certificate() {
    let bed = lively().await;
    let first = bed.first_request().await;
    let before = text(&bed.secret().await.unwrap(), "tls.crt");
    bed.clock.set_ahead(SignedDuration::from_hours(24 * 3660));
    let asked = eventually("a request", || async {
        let requests = bed.requests().await;
        requests
            .into_iter()
            .find(|request| request["metadata"]["name"] != first.as_str())
    })
    .await;
    assert_eq!(asked["spec"]["username"], BOOTSTRAP);
    let failures = bed.health.failures();
    assert!(
        failures
            .iter()
            .any(|told| told.starts_with("hub-kube-config: ")),
        "{failures:?}"
    );
    bed.clock.set_ahead(SignedDuration::ZERO);
    until("the old certificate is good", async || {
        bed.health.failures().is_empty()
    })
    .await;
    bed.hub.set_available("c1", "Unknown").await;
    bed.wait_joined("c1").await;
    assert_eq!(text(&bed.secret().await.unwrap(), "tls.crt"), before);
}

/// The public key of the Secret's certificate, and how far its life is spent at
/// this time ahead of now.
fn life(pem: &str) -> (Vec<u8>, impl Fn(f64) -> SignedDuration + use<>) {
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let certificate = block.parse_x509().unwrap();
    let validity = certificate.validity();
    let (from, to) = (
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    );
    let at = move |part: f64| {
        let second = from + ((to - from) as f64 * part) as i64;
        SignedDuration::from_secs(second - jiff::Timestamp::now().as_second())
    };
    (certificate.public_key().raw.to_vec(), at)
}

#[tokio::test]
async fn registration_44_a_quarter_of_its_life_is_enough_and_a_fifth_is_not() {
    let bed = Bed::joined(c1()).await;
    let secret = bed.secret().await.unwrap();
    let user = format!(
        "system:open-cluster-management:c1:{}",
        text(&secret, "agent-name")
    );
    let (key, at) = life(&text(&secret, "tls.crt"));
    bed.clock.set_ahead(at(0.745));
    // That nothing comes is what only time tells.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bed.requests().await.len(), 1, "a quarter is left");
    bed.clock.set_ahead(at(0.805));
    let renewal = eventually("a renewal", || async {
        let requests = bed.requests().await;
        requests
            .into_iter()
            .find(|request| request["spec"]["username"] != BOOTSTRAP)
    })
    .await;
    // The new one is dated by the hub: at this time it would soon be due again.
    bed.clock.set_ahead(SignedDuration::ZERO);
    assert_eq!(renewal["spec"]["username"], user.as_str());
    let renewed = eventually("another certificate", || async {
        let secret = bed.secret().await?;
        let pem = text(&secret, "tls.crt");
        (life(&pem).0 != key).then_some((secret, pem))
    })
    .await;
    let (secret, pem) = renewed;
    // Another key, the same name.
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let certificate = block.parse_x509().unwrap();
    let mut names = certificate.subject().iter_common_name();
    assert_eq!(names.next().unwrap().as_str().unwrap(), user);
    let data: Data = serde_json::from_value(secret["data"].clone()).unwrap();
    let client = Credentials::read(&data).unwrap().client().await.unwrap();
    let own: Api<DynamicObject> = Api::all_with(client, &clusters());
    own.get("c1")
        .await
        .expect("the new pair is good at the hub");
}
