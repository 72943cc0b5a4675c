//! Certificates that near their end, or are past it.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{AGENT_NAMESPACE, Bed, SECRET, c1, text};
use crate::harness::{eventually, until};
use crate::hub::support::{ACCEPTED, condition};

const C1: &str = "system:open-cluster-management:c1";
const COMMON: &str = "system:open-cluster-management:managed-clusters";

async fn user(bed: &Bed) -> String {
    let secret = bed.secret().await.unwrap();
    format!("{C1}:{}", text(&secret, "agent-name"))
}

#[tokio::test]
async fn registration_44_a_certificate_is_renewed_as_its_own_identity() {
    let bed = Bed::joined(c1()).await;
    let user = user(&bed).await;
    let first = bed.first_request().await;
    // The server dates certificates back a little; what is left of this one's
    // life is soon less than a fifth.
    bed.reissue(&user, &[C1, COMMON], Duration::from_secs(5))
        .await;
    let short = text(&bed.secret().await.unwrap(), "tls.crt");
    let renewal: Value = eventually("a renewal", || async {
        let requests = bed.requests().await;
        requests
            .into_iter()
            .find(|request| request["metadata"]["name"] != first.as_str())
    })
    .await;
    if renewal["spec"]["username"] == user.as_str() {
        // The hub approves it by itself.
        eventually("the new certificate is stored", || async {
            let secret = bed.secret().await?;
            (text(&secret, "tls.crt") != short).then_some(())
        })
        .await;
        let cluster = bed
            .hub
            .wait_condition("c1", "ClusterCertificateRotated", "True")
            .await;
        assert_eq!(
            condition(&cluster, "ClusterCertificateRotated").unwrap().1,
            "ClientCertificateUpdated"
        );
        let secret = bed.secret().await.unwrap();
        assert_eq!(format!("{C1}:{}", text(&secret, "agent-name")), user);
    } else {
        panic!(
            "the renewal was asked for by {}",
            renewal["spec"]["username"]
        );
    }
}

#[tokio::test]
async fn registration_47_an_expired_certificate_leads_back_to_the_bootstrap() {
    let mut bed = Bed::joined(c1()).await;
    let user = user(&bed).await;
    let first = bed.first_request().await;
    bed.stop_agent().await;
    bed.reissue(&user, &[C1, COMMON], Duration::from_secs(1))
        .await;
    // The end of a certificate is what time drives.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    bed.start_agent();
    let again = eventually("a request", || async {
        let requests = bed.requests().await;
        requests
            .into_iter()
            .find(|request| request["metadata"]["name"] != first.as_str())
    })
    .await;
    assert_eq!(again["spec"]["username"], BOOTSTRAP);
    bed.decide(again["metadata"]["name"].as_str().unwrap(), "Approved")
        .await;
    bed.wait_joined("c1").await;
}

#[tokio::test]
async fn works_are_looked_after_while_the_certificate_is_expired_and_the_hub_gone() {
    let mut bed = Bed::joined(c1()).await;
    let user = user(&bed).await;
    let map = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "default"}, "data": {"key": value}})
    };
    let work = |value: &str| {
        json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": "w", "namespace": "c1"}, "spec": {"workload": {"manifests": [map(value)]}}})
    };
    bed.hub.side.create(work("1")).await;
    let is = async |bed: &Bed, value: &str| {
        let live = bed.spoke.get("ConfigMap", "default", "a").await;
        live.is_some_and(|live| live["data"]["key"] == value)
    };
    until("it is applied", async || is(&bed, "1").await).await;
    until("it is copied", async || {
        let secrets = bed.spoke.list("Secret", AGENT_NAMESPACE).await;
        secrets
            .iter()
            .any(|s| s["type"] == "ocmadm.io/manifestwork")
    })
    .await;
    bed.stop_agent().await;
    bed.gate.shut();
    bed.reissue(&user, &[C1, COMMON], Duration::from_secs(1))
        .await;
    // The end of a certificate is what time drives.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    bed.start_agent();
    bed.spoke
        .merge(
            "ConfigMap",
            "default",
            "a",
            json!({"data": {"key": "drift"}}),
        )
        .await;
    until("the drift is corrected", async || is(&bed, "1").await).await;
    // With a new identity works are the hub's again.
    let before = bed.requests().await.len();
    bed.gate.open().await;
    let again = eventually("a request", || async {
        let requests = bed.requests().await;
        let pending = requests
            .iter()
            .find(|request| request["status"]["conditions"].is_null())?;
        (requests.len() > before).then(|| pending["metadata"]["name"].as_str().unwrap().to_owned())
    })
    .await;
    bed.decide(&again, "Approved").await;
    bed.hub
        .side
        .merge("ManifestWork", "c1", "w", work("2"))
        .await;
    until("the new content is applied", async || is(&bed, "2").await).await;
}

const BOOTSTRAP: &str =
    "system:serviceaccount:open-cluster-management:agent-registration-bootstrap";

/// Who asked after the first request.
async fn asked_since(bed: &Bed, first: &str) -> Vec<Value> {
    let requests = bed.requests().await;
    let later = requests
        .into_iter()
        .filter(|request| request["metadata"]["name"] != first);
    later
        .map(|request| request["spec"]["username"].clone())
        .collect()
}

#[tokio::test]
async fn a_secret_that_is_deleted_comes_back_without_a_person() {
    let bed = Bed::joined(c1()).await;
    let user = user(&bed).await;
    let first = bed.first_request().await;
    let before = text(&bed.secret().await.unwrap(), "tls.crt");
    bed.spoke.delete("Secret", AGENT_NAMESPACE, SECRET).await;
    let secret = bed.wait_secret().await;
    assert_ne!(text(&secret, "tls.crt"), before);
    assert_eq!(format!("{C1}:{}", text(&secret, "agent-name")), user);
    assert_eq!(asked_since(&bed, &first).await, [user.as_str()]);
    // It goes on with what came: the lease is renewed, and a change is seen.
    bed.hub.set_available("c1", "Unknown").await;
    bed.wait_joined("c1").await;
}

#[tokio::test]
async fn an_identity_without_secret_that_the_hub_refuses_is_given_up() {
    let bed = Bed::joined(c1()).await;
    let first = bed.first_request().await;
    bed.hub.accept("c1", false).await;
    bed.hub.wait_condition("c1", ACCEPTED, "False").await;
    bed.spoke.delete("Secret", AGENT_NAMESPACE, SECRET).await;
    eventually("a request of the bootstrap account", || async {
        let asked = asked_since(&bed, &first).await;
        (asked == [BOOTSTRAP]).then_some(())
    })
    .await;
}
