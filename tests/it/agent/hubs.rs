//! What an agent may do at its hub, and which of several hubs it works with.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use kube::api::{Api, PostParams};
use ocmadm::agent::certificate::credentials::{Credentials, Data};
use serde_json::{Value, json};

use super::support::{AGENT_NAMESPACE, Bed, c1, kubeconfig, text};
use crate::harness::{Gate, eventually, until};
use crate::hub::support::{AVAILABLE, Hub, JOINED};

#[tokio::test]
async fn registration_61_an_agent_works_without_rights_that_upstream_does_not_give() {
    let bed = Bed::joined(c1()).await;
    let secret = bed.secret().await.unwrap();
    let data: Data = serde_json::from_value(secret["data"].clone()).unwrap();
    let client = Credentials::read(&data).unwrap().client().await.unwrap();
    let api: Api<SelfSubjectAccessReview> = Api::all(client);
    let may = async |attributes: Value| {
        let review = json!({"spec": {"resourceAttributes": attributes}});
        let review = serde_json::from_value(review).unwrap();
        let answer = api.create(&PostParams::default(), &review).await.unwrap();
        answer.status.unwrap().allowed
    };
    let cluster = |verb: &str, name: Option<&str>| {
        json!({"group": "cluster.open-cluster-management.io", "resource": "managedclusters",
            "verb": verb, "name": name})
    };
    let lease = |verb: &str| {
        json!({"group": "coordination.k8s.io", "resource": "leases", "verb": verb,
            "namespace": "c1", "name": "managed-cluster-lease"})
    };
    // What it is denied here it has joined and reports without.
    assert!(!may(cluster("patch", Some("c1"))).await);
    assert!(!may(cluster("list", None)).await);
    assert!(!may(cluster("create", None)).await);
    assert!(!may(lease("create")).await);
    assert!(may(cluster("list", Some("c1"))).await);
    assert!(may(lease("update")).await);
}

/// The Secret of a bootstrap kubeconfig that leads to this hub.
async fn bootstrap(bed: &Bed, name: &str, hub: &Hub, address: SocketAddr) {
    let kubeconfig = kubeconfig(hub, name, address).await;
    bed.spoke
        .create(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": AGENT_NAMESPACE},
            "data": {"kubeconfig": STANDARD.encode(kubeconfig)}}))
        .await;
}

/// Both yeses of a hub.
async fn accept(hub: &Hub) {
    let name = eventually("a certificate request", || async {
        let requests = hub.side.list("CertificateSigningRequest", "").await;
        let name = requests.first()?["metadata"]["name"].as_str()?.to_owned();
        Some(name)
    })
    .await;
    super::support::decide(hub, &name, "Approved").await;
    eventually("the managed cluster", || {
        hub.side.get("ManagedCluster", "", "c1")
    })
    .await;
    hub.accept("c1", true).await;
    hub.wait_condition("c1", JOINED, "True").await;
    hub.wait_condition("c1", AVAILABLE, "True").await;
}

/// An agent with two hubs to choose from, that has joined the first.
async fn between_two() -> (Bed, Hub, Gate) {
    let spec = json!({"clusterName": "c1", "registrationConfiguration": {
        "featureGates": [{"feature": "MultipleHubs", "mode": "Enable"}],
        "bootstrapKubeConfigs": {"type": "LocalSecrets", "localSecretsConfig": {
            "kubeConfigSecrets": [{"name": "none"}, {"name": "hub1"}, {"name": "hub2"}]}}}});
    let (mut bed, second) = tokio::join!(Bed::prepare(spec), Hub::start());
    let gate = Gate::before(bed.hub.side.address().await).await;
    bootstrap(&bed, "hub1", &bed.hub, gate.address()).await;
    let address = second.side.address().await;
    bootstrap(&bed, "hub2", &second, address).await;
    bed.start_agent();
    // The first that can be used: there is no Secret `none`.
    accept(&bed.hub).await;
    assert!(second.side.list("ManagedCluster", "").await.is_empty());
    (bed, second, gate)
}

/// The hub of the identity.
async fn server(bed: &Bed) -> String {
    let kubeconfig = text(&bed.secret().await.unwrap(), "kubeconfig");
    let kubeconfig: Value = serde_saphyr::from_str(&kubeconfig).unwrap();
    kubeconfig["clusters"][0]["cluster"]["server"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn registration_60_a_hub_that_denies_is_left_for_the_next() {
    let (mut bed, second, _gate) = between_two().await;
    let first = server(&bed).await;
    // With an identity of the first one that is where it stays.
    bed.stop_agent().await;
    bed.start_agent();
    until("it works with the first", async || {
        bed.health.failures().is_empty()
    })
    .await;
    bed.hub.set_available("c1", "Unknown").await;
    bed.hub.wait_condition("c1", AVAILABLE, "True").await;
    // What its administrator wants counts, whatever its status still says.
    bed.hub.stop_controllers();
    bed.hub.accept("c1", false).await;
    accept(&second).await;
    until("the identity is the second hub's", || async {
        server(&bed).await != first
    })
    .await;
    let cluster = bed.hub.cluster("c1").await;
    let accepted = crate::hub::support::condition(&cluster, "HubAcceptedManagedCluster");
    assert_eq!(accepted.unwrap().0, "True");
}

#[tokio::test]
async fn registration_60_a_hub_that_is_silent_is_left_for_the_next() {
    let (mut bed, second, mut gate) = between_two().await;
    let first = server(&bed).await;
    let beat = json!({"spec": {"leaseDurationSeconds": 1}});
    bed.hub.side.merge("ManagedCluster", "", "c1", beat).await;
    // Three minutes are the least that a Klusterlet may say; here it may say less.
    let definition = "klusterlets.operator.open-cluster-management.io";
    let of = "CustomResourceDefinition";
    let mut klusterlets = bed.spoke.get(of, "", definition).await.unwrap();
    let least = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/\
        registrationConfiguration/properties/bootstrapKubeConfigs/properties/\
        localSecretsConfig/properties/hubConnectionTimeoutSeconds/minimum";
    *klusterlets
        .pointer_mut(least)
        .expect("there is a least time") = 1.into();
    let versions = json!({"spec": {"versions": klusterlets["spec"]["versions"]}});
    bed.spoke.merge(of, "", definition, versions).await;
    let timeout = json!({"spec": {"registrationConfiguration": {"bootstrapKubeConfigs": {
        "localSecretsConfig": {"hubConnectionTimeoutSeconds": 4}}}}});
    eventually("the time is taken", || async {
        let params = kube::api::PatchParams::default();
        let patch = kube::api::Patch::Merge(&timeout);
        let klusterlets = bed.spoke.api("Klusterlet", "");
        klusterlets.patch("klusterlet", &params, &patch).await.ok()
    })
    .await;
    bed.stop_agent().await;
    bed.start_agent();
    bed.hub.set_available("c1", "Unknown").await;
    bed.hub.wait_condition("c1", AVAILABLE, "True").await;
    gate.shut();
    accept(&second).await;
    until("the identity is the second hub's", || async {
        server(&bed).await != first
    })
    .await;
}
