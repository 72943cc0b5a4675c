//! Clusters that Cluster API made are given an agent, with the gate ClusterImporter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::api::{DynamicObject, Patch, PatchParams};
use ocmadm::bundle::{self, HubValues};
use ocmadm::hub::registration::importer;
use ocmadm::k8s::client::connect_with;
use ocmadm::k8s::kubeconfig;
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::support::{Hub, condition};
use crate::harness::{Cluster, admin, create, eventually};

const IMPORTED: &str = "ManagedClusterImportSucceeded";
const IMAGE: &str = "registry.example/ocmadm:1";

/// The definition, as far as the hub reads it.
fn definition() -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "clusters.cluster.x-k8s.io", "annotations":
            {"api-approved.kubernetes.io": "https://github.com/kubernetes/community/pull/1"}},
        "spec": {
            "group": "cluster.x-k8s.io", "scope": "Namespaced",
            "names": {"kind": "Cluster", "plural": "clusters", "singular": "cluster", "listKind": "ClusterList"},
            "versions": [{"name": "v1beta1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object",
                    "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    }))
    .unwrap()
}

/// A hub whose gate is on, and who ends its importer.
async fn importing() -> (Hub, impl Drop) {
    let gates = json!({"featureGates": [{"feature": "ClusterImporter", "mode": "Enable"}]});
    let hub = Hub::with(gates.clone()).await;
    let manager = json!({"registrationConfiguration": gates});
    let values = HubValues {
        image: IMAGE.to_owned(),
        // The test is what it would run.
        replicas: 0,
        cluster_manager: serde_json::from_value(manager).unwrap(),
        ..HubValues::default()
    };
    hub.side.apply(&bundle::hub(&values).unwrap()).await;
    hub.side.apply(&[definition()]).await;
    let mut info: Value = serde_json::from_str(&hub.side.config(&[("x", admin())]).await).unwrap();
    info["users"] = json!([]);
    info["contexts"] = json!([]);
    let made = create(
        &hub.side.client,
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "cluster-info", "namespace": "kube-public"},
            "data": {"kubeconfig": info.to_string()}}),
    )
    .await;
    // The embedded server, and kubeadm, have made it.
    assert!(
        made.is_ok()
            || hub
                .side
                .get("ConfigMap", "kube-public", "cluster-info")
                .await
                .is_some()
    );
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    let client = hub
        .side
        .service_account("open-cluster-management", "cluster-manager");
    tokio::spawn(importer::run(Context::new(client, stop)));
    (hub, guard)
}

fn cluster(name: &str) -> Value {
    json!({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster",
        "metadata": {"name": name, "namespace": "made"}})
}

/// Cluster API makes the cluster, with this kubeconfig if it has one.
async fn make(hub: &Hub, name: &str, kubeconfig: Option<&str>) {
    hub.side.create(cluster(name)).await;
    if let Some(text) = kubeconfig {
        hub.side
            .create(json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": format!("{name}-kubeconfig"), "namespace": "made"},
                "data": {"value": STANDARD.encode(text)}}))
            .await;
    }
    hub.side
        .api_of(&cluster(name))
        .patch_status(
            name,
            &PatchParams::default(),
            &Patch::Merge(json!({"status": {"phase": "Provisioned"}})),
        )
        .await
        .unwrap();
}

/// A ManagedCluster that is this cluster.
async fn asks(hub: &Hub, name: &str, of: &str) {
    hub.side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": {"name": name, "annotations": {"cluster.x-k8s.io/cluster": format!("made/{of}")}},
            "spec": {"hubAcceptsClient": false},
        }))
        .await;
}

async fn klusterlet(spoke: &Cluster) -> Value {
    let wanted =
        json!({"apiVersion": "operator.open-cluster-management.io/v1", "kind": "Klusterlet"});
    let live = spoke.api_of(&wanted).get("klusterlet").await.unwrap();
    serde_json::to_value(live).unwrap()
}

async fn namespace(hub: &Hub) {
    hub.side
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made"}}))
        .await;
}

#[tokio::test]
async fn a_cluster_of_cluster_api_gets_an_agent_that_may_join() {
    let (hub, _guard) = importing().await;
    namespace(&hub).await;
    let spoke = Cluster::start("c1").await;
    // It waits until the cluster is there.
    asks(&hub, "c1", "one").await;
    make(&hub, "one", Some(&spoke.config(&[("x", admin())]).await)).await;
    let live = hub.wait_condition("c1", IMPORTED, "True").await;
    assert_eq!(condition(&live, IMPORTED).unwrap().1, "ImportSucceed");
    let klusterlet = klusterlet(&spoke).await;
    assert_eq!(klusterlet["spec"]["clusterName"], "c1");
    let deployment = spoke
        .get("Deployment", "open-cluster-management", "klusterlet")
        .await
        .unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], IMAGE, "the hub's own");
    // Its bootstrap kubeconfig leads to the hub and may ask there.
    let secret = spoke
        .get(
            "Secret",
            "open-cluster-management-agent",
            "bootstrap-hub-kubeconfig",
        )
        .await
        .unwrap();
    let text = STANDARD
        .decode(secret["data"]["kubeconfig"].as_str().unwrap())
        .unwrap();
    let config = kubeconfig::from_text(std::str::from_utf8(&text).unwrap()).unwrap();
    let agent = connect_with(config, None).await.unwrap().client;
    let review = create(
        &agent,
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "metadata": {}, "spec": {"resourceAttributes": {"verb": "create",
                "group": "certificates.k8s.io", "resource": "certificatesigningrequests"}}}),
    )
    .await
    .unwrap();
    assert_eq!(review["status"]["allowed"], true);
}

#[tokio::test]
async fn what_cannot_be_imported_is_told_and_comes_when_it_can() {
    let (hub, _guard) = importing().await;
    namespace(&hub).await;
    let spoke = Cluster::start("late").await;
    let good = spoke.config(&[("x", admin())]).await;
    let runs = json!({
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "touch"}}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    let mut away = runs.clone();
    away["users"][0]["user"] = json!({"token": "t"});
    for (name, kubeconfig, reason) in [
        ("absent", None, "KubeConfigNotFound"),
        ("programs", Some(runs.to_string()), "KubeConfigGetFailed"),
        ("away", Some(away.to_string()), "ImportFailed"),
        ("unrendered", Some(good.clone()), "ConfigRendererFailed"),
    ] {
        if reason == "ConfigRendererFailed" {
            let namespace =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            hub.side.create(namespace).await;
            hub.side
                .create(json!({"apiVersion": "v1", "kind": "Secret",
                    "metadata": {"name": "cluster-import-config", "namespace": name},
                    "stringData": {"values.yaml": "klusterlet: {clusterName: [x]}"}}))
                .await;
        }
        asks(&hub, name, name).await;
        make(&hub, name, kubeconfig.as_deref()).await;
        eventually(&format!("{name}: {reason}"), || async {
            let live = hub.side.get("ManagedCluster", "", name).await?;
            (condition(&live, IMPORTED)? == ("False".to_owned(), reason.to_owned())).then_some(())
        })
        .await;
    }
    // What was wrong is put right: it comes by itself.
    hub.side
        .merge("Secret", "unrendered", "cluster-import-config",
            json!({"stringData": {"values.yaml": "klusterlet: {registrationConfiguration: {clientCertExpirationSeconds: 7200}}"}}))
        .await;
    hub.wait_condition("unrendered", IMPORTED, "True").await;
    let klusterlet = klusterlet(&spoke).await;
    let registration = &klusterlet["spec"]["registrationConfiguration"];
    assert_eq!(registration["clientCertExpirationSeconds"], 7200);
}
