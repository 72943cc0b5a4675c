//! Those who were agents: denied, deleted, expired, of an earlier cluster.

use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};

use super::requests::{approved, ask, renewal};
use super::{clusters, send};
use crate::harness::{eventually, until};
use crate::hub::support::{ACCEPTED, Hub, agent};

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/c1/leases/managed-cluster-lease";
const WORKS: &str = "/apis/work.open-cluster-management.io/v1/namespaces/c1/manifestworks";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// Waits until the agent has all rights.
async fn is_agent(client: &Client) {
    until("the agent has its rights", || async {
        send(client, "GET", LEASE, &Value::Null).await.0 == 200
            && send(client, "GET", WORKS, &Value::Null).await.0 == 200
            && send(client, "GET", REQUESTS, &Value::Null).await.0 == 200
    })
    .await;
}

/// Waits until the rights are gone, then tries them all.
async fn has_lost_its_rights(client: &Client) {
    until("the agent's rights are gone", || async {
        let answers = [
            send(client, "GET", LEASE, &Value::Null).await.0,
            send(client, "GET", WORKS, &Value::Null).await.0,
            send(client, "GET", REQUESTS, &Value::Null).await.0,
        ];
        answers == [403; 3]
    })
    .await;
    for (verb, path, body) in [
        ("PUT", LEASE, json!({})),
        ("PATCH", &*clusters("/c1/status"), json!({"status": {}})),
        (
            "PUT",
            &*clusters("/c1"),
            json!({"spec": {"hubAcceptsClient": true}}),
        ),
        ("POST", REQUESTS, renewal("c1").0),
        ("PATCH", &*format!("{WORKS}/w/status"), json!({})),
        (
            "POST",
            "/apis/events.k8s.io/v1/namespaces/c1/events",
            json!({}),
        ),
    ] {
        let (status, message) = send(client, verb, path, &body).await;
        assert_eq!(status, 403, "{verb} {path}: {message}");
    }
}

#[tokio::test]
async fn a_denied_agent_loses_its_rights_at_once_and_a_deleted_one_too() {
    let hub = Hub::guarded(json!({})).await;
    hub.accepted("c1").await;
    let agent = hub.agent("c1").await;
    is_agent(&agent).await;
    hub.accept("c1", false).await;
    has_lost_its_rights(&agent).await;
    // It sees that it is denied, and nothing more.
    assert_eq!(
        send(&agent, "GET", &clusters("/c1"), &Value::Null).await.0,
        200
    );
    hub.accept("c1", true).await;
    is_agent(&agent).await;
    hub.side.delete("ManagedCluster", "", "c1").await;
    has_lost_its_rights(&agent).await;
    assert_eq!(
        send(&agent, "GET", &clusters("/c1"), &Value::Null).await.0,
        403
    );
}

/// The status is the agent's to write: what it says of its acceptance there
/// saves it nothing.
#[tokio::test]
async fn registration_08_a_forged_status_keeps_no_rights() {
    let mut hub = Hub::start().await;
    hub.accepted("c1").await;
    let agent = hub.agent("c1").await;
    is_agent(&agent).await;
    hub.stop_controllers();
    hub.accept("c1", false).await;
    let forged = json!({"status": {"conditions": []}});
    let (status, message) = send(&agent, "PATCH", &clusters("/c1/status"), &forged).await;
    assert_eq!(status, 200, "{message}");
    hub.start_controllers();
    has_lost_its_rights(&agent).await;
    let cluster = hub.wait_condition("c1", ACCEPTED, "False").await;
    let reason = crate::hub::support::condition(&cluster, ACCEPTED)
        .unwrap()
        .1;
    assert_eq!(reason, "HubClusterAdminDenied");
}

/// Statement 20: rights go a moment after the acceptance, and the request was
/// there before.
#[tokio::test]
async fn registration_20_a_request_from_before_the_denial() {
    let mut hub = Hub::start().await;
    for cluster in ["c1", "c2"] {
        hub.accepted(cluster).await;
    }
    let (c1, c2) = (hub.agent("c1").await, hub.agent("c2").await);
    is_agent(&c1).await;
    hub.stop_controllers();
    let late = ask(&c1, renewal("c1").0).await;
    hub.accept("c1", false).await;
    hub.start_controllers();
    has_lost_its_rights(&c1).await;
    let good = ask(&c2, renewal("c2").0).await;
    eventually("another cluster's renewal", || approved(&hub, &good)).await;
    assert!(approved(&hub, &late).await.is_none());
}

/// Rights are by group, so they come back with the name: what was asked for
/// before is another cluster's all the same.
#[tokio::test]
async fn registration_20_a_request_older_than_its_cluster_is_nobodys() {
    let mut hub = Hub::start().await;
    hub.accepted("c1").await;
    let c1 = hub.agent("c1").await;
    is_agent(&c1).await;
    hub.stop_controllers();
    let old = ask(&c1, renewal("c1").0).await;
    let csr = hub.side.get("CertificateSigningRequest", "", &old).await;
    let made = csr.unwrap()["metadata"]["creationTimestamp"].clone();
    hub.side.delete("ManagedCluster", "", "c1").await;
    let free = json!({"metadata": {"finalizers": null}});
    hub.side.merge("ManagedCluster", "", "c1", free).await;
    // Times are in whole seconds: the new cluster has to be of a later one.
    until("a cluster of a later second", || async {
        hub.asks("c1").await;
        if hub.cluster("c1").await["metadata"]["creationTimestamp"] != made {
            return true;
        }
        hub.side.delete("ManagedCluster", "", "c1").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        false
    })
    .await;
    hub.accept("c1", true).await;
    hub.start_controllers();
    hub.wait_condition("c1", ACCEPTED, "True").await;
    is_agent(&c1).await;
    let new = ask(&c1, renewal("c1").0).await;
    eventually("a renewal for the new one", || approved(&hub, &new)).await;
    assert!(approved(&hub, &old).await.is_none());
}

#[tokio::test]
async fn an_expired_certificate_is_nobodys() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    let good = hub.agent("c1").await;
    is_agent(&good).await;
    let short = hub
        .side
        .client_for(&agent("c1"), Duration::from_secs(1))
        .await;
    // Its end is what time drives. A connection that stands may go on.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let request = http::Request::get(LEASE).body(kube::client::Body::empty());
    match short.send(request.unwrap()).await {
        Ok(answer) => assert_eq!(answer.status(), 401),
        // Some servers refuse it before it has asked anything.
        Err(error) => assert!(!matches!(error, kube::Error::Api(_)), "{error}"),
    }
}
