//! From nothing to a joined cluster.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{AGENT_NAMESPACE, BOOTSTRAP, Bed, c1, text};
use crate::harness::eventually;
use crate::hub::support::{AVAILABLE, Hub, JOINED, condition};

/// That nothing happens takes time to see; what would happen takes less.
const QUIET: Duration = Duration::from_secs(2);

#[tokio::test]
async fn registration_37_and_38_an_agent_asks_for_cluster_and_certificate() {
    let bed = Bed::start(json!({
        "clusterName": "c1",
        "externalServerURLs": [{"url": "https://a:6443"}],
        "registrationConfiguration": {"clusterAnnotations": {
            "agent.open-cluster-management.io/x": "y", "foo": "bar"}},
    }))
    .await;
    let name = bed.first_request().await;
    assert!(name.starts_with("c1-"), "{name}");
    let csr = bed.requests().await.remove(0);
    assert_eq!(
        csr["metadata"]["labels"],
        json!({"open-cluster-management.io/cluster-name": "c1"})
    );
    assert_eq!(
        csr["spec"]["signerName"],
        "kubernetes.io/kube-apiserver-client"
    );
    assert_eq!(
        csr["spec"]["username"],
        "system:serviceaccount:open-cluster-management:agent-registration-bootstrap"
    );
    let cluster = eventually("the cluster", || {
        bed.hub.side.get("ManagedCluster", "", "c1")
    })
    .await;
    let accepted = &cluster["spec"]["hubAcceptsClient"];
    assert!(!accepted.as_bool().unwrap_or_default());
    assert_eq!(
        cluster["spec"]["managedClusterClientConfigs"][0]["url"],
        "https://a:6443"
    );
    let annotations = &cluster["metadata"]["annotations"];
    assert_eq!(annotations["agent.open-cluster-management.io/x"], "y");
    assert_eq!(annotations.get("foo"), None);
}

#[tokio::test]
async fn registration_40_and_41_both_yeses_make_a_joined_cluster() {
    let bed = Bed::start(c1()).await;
    let name = bed.first_request().await;
    bed.decide(&name, "Approved").await;
    let secret = bed.wait_secret().await;
    let keys: Vec<&String> = secret["data"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "agent-name",
            "cluster-name",
            "kubeconfig",
            "tls.crt",
            "tls.key"
        ]
    );
    assert_eq!(secret["type"], "Opaque");
    assert_eq!(text(&secret, "cluster-name"), "c1");
    let klusterlet = bed.spoke.get("Klusterlet", "", "klusterlet").await.unwrap();
    assert_eq!(text(&secret, "agent-name"), klusterlet["metadata"]["uid"]);
    let kubeconfig: Value = serde_saphyr::from_str(&text(&secret, "kubeconfig")).unwrap();
    assert_eq!(kubeconfig["current-context"], "default-context");
    assert!(text(&secret, "tls.key").starts_with("-----BEGIN EC PRIVATE KEY-----"));
    // The agent has a certificate, but no rights yet: it keeps trying.
    let cluster = eventually("the managed cluster", || {
        bed.hub.side.get("ManagedCluster", "", "c1")
    })
    .await;
    assert_eq!(condition(&cluster, JOINED), None);
    bed.hub.accept("c1", true).await;
    let cluster = bed.wait_joined("c1").await;
    assert_eq!(
        condition(&cluster, AVAILABLE).unwrap().1,
        "ManagedClusterAvailable"
    );
    eventually("an event", || async {
        let events = bed.hub.side.list("Event", "c1").await;
        events
            .into_iter()
            .find(|e| e["reason"] == "Available" && e["type"] == "Normal")
    })
    .await;
}

#[tokio::test]
async fn registration_39_a_present_cluster_is_left_alone() {
    let mut bed = Bed::prepare(c1()).await;
    bed.hub.asks("c1").await;
    bed.hub
        .side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"leaseDurationSeconds": 7}}),
        )
        .await;
    bed.start_agent();
    bed.accept("c1").await;
    let cluster = bed.wait_joined("c1").await;
    assert_eq!(cluster["spec"]["leaseDurationSeconds"], 7);
}

/// With the hub's webhooks, which an agent's own writes pass.
#[tokio::test]
async fn registration_37_an_agent_joins_a_guarded_hub() {
    let spec = json!({
        "clusterName": "c1",
        "externalServerURLs": [{"url": "https://c1.example"}],
        "registrationConfiguration": {
            "clusterAnnotations": {"agent.open-cluster-management.io/x": "y"},
        },
    });
    let mut bed = Bed::at(Hub::guarded(json!({})), spec).await;
    bed.start_agent();
    bed.accept("c1").await;
    let cluster = bed.wait_joined("c1").await;
    let annotations = &cluster["metadata"]["annotations"];
    assert_eq!(annotations["agent.open-cluster-management.io/x"], "y");
    let configs = &cluster["spec"]["managedClusterClientConfigs"];
    assert_eq!(configs[0]["url"], "https://c1.example");
}

/// Its bootstrap credential cannot complete what is there (403), and that is
/// no reason not to join.
#[tokio::test]
async fn registration_39_what_an_agent_may_not_complete_is_not_fatal() {
    let spec = json!({
        "clusterName": "c1", "externalServerURLs": [{"url": "https://c1.example"}]});
    let mut bed = Bed::prepare(spec).await;
    bed.hub.asks("c1").await;
    bed.start_agent();
    bed.accept("c1").await;
    let cluster = bed.wait_joined("c1").await;
    assert_eq!(cluster["spec"].get("managedClusterClientConfigs"), None);
}

#[tokio::test]
async fn registration_42_a_denied_request_is_waited_for() {
    let bed = Bed::start(c1()).await;
    let name = bed.first_request().await;
    bed.decide(&name, "Denied").await;
    // Nothing may follow the denial, which an agent sees within milliseconds:
    // that nothing comes is what only time tells. What follows its deletion is
    // the proof that the agent still looks.
    tokio::time::sleep(QUIET).await;
    assert_eq!(bed.requests().await.len(), 1, "the denial was answered");
    bed.hub
        .side
        .delete("CertificateSigningRequest", "", &name)
        .await;
    let second = eventually("a new request", || async {
        let requests = bed.requests().await;
        assert!(requests.len() <= 1, "more than one request");
        let found = requests.first()?["metadata"]["name"].as_str()?.to_owned();
        (found != name).then_some(found)
    })
    .await;
    bed.decide(&second, "Approved").await;
    bed.wait_secret().await;
}

#[tokio::test]
async fn registration_43_ten_requests_are_enough() {
    let mut bed = Bed::prepare(c1()).await;
    let names = ocmadm::agent::registration::identity::Names {
        cluster: "c1".into(),
        agent: "other".into(),
    };
    for _ in 0..10 {
        let object = ocmadm::agent::certificate::request::make(
            &ocmadm::agent::registration::order::ask(&names, None),
        )
        .unwrap()
        .object;
        bed.hub.side.create(object).await;
    }
    bed.start_agent();
    // The cluster is created by the same mode: when it is there, the agent is at work.
    eventually("the cluster", || {
        bed.hub.side.get("ManagedCluster", "", "c1")
    })
    .await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(bed.requests().await.len(), 10);
    let first = bed.first_request().await;
    bed.hub
        .side
        .delete("CertificateSigningRequest", "", &first)
        .await;
    let boot = "system:serviceaccount:open-cluster-management:agent-registration-bootstrap";
    eventually("the agent's request", || async {
        let requests = bed.requests().await;
        requests
            .iter()
            .any(|request| request["spec"]["username"] == boot)
            .then_some(())
    })
    .await;
    assert_eq!(bed.requests().await.len(), 10);
}

#[tokio::test]
async fn registration_43_an_agent_that_joined_says_why_it_stops() {
    let bed = Bed::joined(c1()).await;
    let secret = bed.secret().await.unwrap();
    let agent = text(&secret, "agent-name");
    let names = ocmadm::agent::registration::identity::Names {
        cluster: "c1".into(),
        agent: "other".into(),
    };
    for _ in 0..9 {
        let object = ocmadm::agent::certificate::request::make(
            &ocmadm::agent::registration::order::ask(&names, None),
        )
        .unwrap()
        .object;
        bed.hub.side.create(object).await;
    }
    // Soon less than a fifth of its life is left: a renewal is due.
    let group = "system:open-cluster-management:c1";
    let common = "system:open-cluster-management:managed-clusters";
    let user = format!("{group}:{agent}");
    bed.reissue(&user, &[group, common], Duration::from_secs(10))
        .await;
    let rotated = "ClusterCertificateRotated";
    let cluster = bed.hub.wait_condition("c1", rotated, "False").await;
    let conditions = cluster["status"]["conditions"].as_array().unwrap();
    let told = conditions.iter().find(|c| c["type"] == rotated).unwrap();
    assert_eq!(told["reason"], "ClientCertificateUpdateFailed");
    assert_eq!(
        told["message"],
        "Stop creating csr since there are too many csr created already on hub"
    );
    assert_eq!(bed.requests().await.len(), 10);
}

#[tokio::test]
async fn registration_45_a_restarted_agent_goes_on() {
    let mut bed = Bed::joined(c1()).await;
    let before = bed.secret().await.unwrap();
    bed.stop_agent().await;
    let renewed = |lease: Value| lease["spec"]["renewTime"].as_str().map(str::to_owned);
    let lease = || bed.hub.side.get("Lease", "c1", "managed-cluster-lease");
    let last = renewed(lease().await.unwrap());
    bed.start_agent();
    let lease = || bed.hub.side.get("Lease", "c1", "managed-cluster-lease");
    eventually("a renewal", || async {
        (renewed(lease().await?) != last).then_some(())
    })
    .await;
    assert_eq!(
        bed.requests().await.len(),
        1,
        "a restart needs no new certificate"
    );
    assert_eq!(bed.secret().await.unwrap()["data"], before["data"]);
}

#[tokio::test]
async fn registration_59_a_cluster_that_the_hub_deleted_is_not_created_again() {
    let mut bed = Bed::joined(c1()).await;
    bed.hub.side.delete("ManagedCluster", "", "c1").await;
    eventually("the cluster is gone", || async {
        let gone = bed.hub.side.get("ManagedCluster", "", "c1").await.is_none();
        gone.then_some(())
    })
    .await;
    bed.stop_agent().await;
    bed.start_agent();
    // When an administrator brings it back, the agent is still there, with its
    // old identity, and has asked for nothing meanwhile.
    tokio::time::sleep(QUIET).await;
    let refused = bed.hub.side.get("ManagedCluster", "", "c1").await;
    assert_eq!(refused, None);
    bed.hub.accepted("c1").await;
    bed.wait_joined("c1").await;
    assert_eq!(bed.requests().await.len(), 1);
}

#[tokio::test]
async fn registration_49_another_hub_entry_bootstraps_anew() {
    let bed = Bed::joined(c1()).await;
    let kubeconfig = bed.bootstrap("renamed").await;
    bed.spoke
        .merge(
            "Secret",
            AGENT_NAMESPACE,
            BOOTSTRAP,
            json!({"stringData": null, "data": {
            "kubeconfig": base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD, kubeconfig)}}),
        )
        .await;
    let second = eventually("a second request", || async {
        let requests = bed.requests().await;
        (requests.len() == 2).then_some(requests)
    })
    .await;
    for request in &second {
        if request["status"]["conditions"].is_null() {
            bed.decide(request["metadata"]["name"].as_str().unwrap(), "Approved")
                .await;
        }
    }
    eventually("the secret names the new entry", || async {
        let secret = bed.secret().await?;
        text(&secret, "kubeconfig")
            .contains("renamed")
            .then_some(())
    })
    .await;
}
