//! The ClusterManager's and the Klusterlet's controllers, as the service
//! accounts that `init` and `join` make and with no other rights.

use kube::api::DynamicObject;
use ocmadm::agent::klusterlet;
use ocmadm::bundle::{self, AgentValues, HubValues};
use ocmadm::hub::clustermanager;
use ocmadm::ocm::names;
use ocmadm::ocm::operator::v1::KlusterletSpec;
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::harness::{Cluster, until};

fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == type_)
}

async fn has_condition(side: &Cluster, kind: &str, name: &str, type_: &str, reason: &str) -> bool {
    let Some(object) = side.get(kind, "", name).await else {
        return false;
    };
    condition(&object, type_).is_some_and(|condition| condition["reason"] == reason)
}

/// A hub with the ClusterManager's controller, until the guard goes.
async fn hub(values: &HubValues) -> (Cluster, DropGuard) {
    let side = Cluster::start("hub").await;
    side.apply(&bundle::hub(values).unwrap()).await;
    let shutdown = CancellationToken::new();
    let client = side.service_account("open-cluster-management", "cluster-manager");
    tokio::spawn(clustermanager::run(
        Context::new(client, shutdown.clone()),
        None,
    ));
    (side, shutdown.drop_guard())
}

async fn hub_is_applied(side: &Cluster) {
    until("the ClusterManager is applied", async || {
        has_condition(
            side,
            "ClusterManager",
            "cluster-manager",
            "Applied",
            "ClusterManagerApplied",
        )
        .await
    })
    .await;
}

#[tokio::test]
async fn operator_03_hub_definitions_and_namespace_are_made_and_kept() {
    let (side, _guard) = hub(&HubValues::default()).await;
    hub_is_applied(&side).await;
    let manager = side
        .get("ClusterManager", "", "cluster-manager")
        .await
        .unwrap();
    assert_eq!(
        manager["metadata"]["finalizers"],
        json!([names::FINALIZER_CLUSTER_MANAGER])
    );
    assert_eq!(
        manager["status"]["observedGeneration"],
        manager["metadata"]["generation"]
    );
    assert_eq!(
        condition(&manager, "Progressing").unwrap()["status"],
        "False"
    );
    assert_eq!(
        condition(&manager, "ValidFeatureGates").unwrap()["status"],
        "True"
    );
    assert_eq!(
        manager["status"]["relatedResources"]
            .as_array()
            .unwrap()
            .len(),
        14
    );
    let mut definitions = 0;
    for definition in side.list("CustomResourceDefinition", "").await {
        let label = &definition["metadata"]["labels"][names::LABEL_CREATED_BY_CLUSTER_MANAGER];
        if label == "cluster-manager" {
            assert_eq!(
                condition(&definition, "Established").unwrap()["status"],
                "True"
            );
            definitions += 1;
        }
    }
    assert_eq!(definitions, 12);
    assert!(
        side.get("Namespace", "", "open-cluster-management-hub")
            .await
            .is_some()
    );
    // What is deleted comes back.
    side.delete(
        "CustomResourceDefinition",
        "",
        "placements.cluster.open-cluster-management.io",
    )
    .await;
    side.delete("Namespace", "", "open-cluster-management-hub")
        .await;
    until("the definition and the namespace are back", async || {
        let name = "placements.cluster.open-cluster-management.io";
        let definition = side.get("CustomResourceDefinition", "", name).await;
        let namespace = side
            .get("Namespace", "", "open-cluster-management-hub")
            .await;
        [definition, namespace].iter().all(|object| {
            object
                .as_ref()
                .is_some_and(|object| object["metadata"]["deletionTimestamp"].is_null())
        })
    })
    .await;
}

#[tokio::test]
async fn operator_07_unknown_feature_gates_are_told() {
    let (side, _guard) = hub(&HubValues::default()).await;
    hub_is_applied(&side).await;
    side.merge(
        "ClusterManager",
        "",
        "cluster-manager",
        json!({"spec": {"registrationConfiguration": {"featureGates": [{"feature": "Foo", "mode": "Enable"}]}}}),
    )
    .await;
    until("the gate is named", async || {
        let manager = side
            .get("ClusterManager", "", "cluster-manager")
            .await
            .unwrap();
        condition(&manager, "ValidFeatureGates").is_some_and(|condition| {
            condition["reason"] == "InvalidFeatureGatesExisting"
                && condition["message"]
                    .as_str()
                    .unwrap()
                    .contains("Registration: [Foo]")
        })
    })
    .await;
}

#[tokio::test]
async fn operator_18_a_newer_definition_is_left_alone() {
    let side = Cluster::start("hub").await;
    let name = "placements.cluster.open-cluster-management.io";
    let mut newer: Vec<DynamicObject> = bundle::hub_crds()
        .unwrap()
        .into_iter()
        .filter(|object| object.metadata.name.as_deref() == Some(name))
        .collect();
    newer[0].metadata.annotations = Some(std::collections::BTreeMap::from([(
        names::ANNOTATION_OPERATOR_VERSION.to_owned(),
        "99.0.0".to_owned(),
    )]));
    side.apply(&newer).await;
    side.apply(&bundle::hub(&HubValues::default()).unwrap())
        .await;
    let shutdown = CancellationToken::new();
    let client = side.service_account("open-cluster-management", "cluster-manager");
    tokio::spawn(clustermanager::run(
        Context::new(client, shutdown.clone()),
        None,
    ));
    let _guard = shutdown.drop_guard();
    hub_is_applied(&side).await;
    let definition = side
        .get("CustomResourceDefinition", "", name)
        .await
        .unwrap();
    assert_eq!(
        definition["metadata"]["annotations"][names::ANNOTATION_OPERATOR_VERSION],
        "99.0.0"
    );
    assert!(
        definition["metadata"]["labels"].is_null(),
        "{}",
        definition["metadata"]
    );
}

#[tokio::test]
async fn operator_21_clean_up_waits_for_works() {
    let (side, _guard) = hub(&HubValues::default()).await;
    hub_is_applied(&side).await;
    side.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c1"}}))
        .await;
    side.create(json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": "w", "namespace": "c1", "finalizers": [names::FINALIZER_MANIFEST_WORK]},
        "spec": {"workload": {"manifests": []}},
    }))
    .await;
    side.delete("ClusterManager", "", "cluster-manager").await;
    let works = "manifestworks.work.open-cluster-management.io";
    until("the definition of works is being deleted", async || {
        let definition = side.get("CustomResourceDefinition", "", works).await;
        definition.is_some_and(|definition| definition["metadata"]["deletionTimestamp"].is_string())
    })
    .await;
    // What comes after it is still there.
    let clusters = "managedclusters.cluster.open-cluster-management.io";
    let definition = side
        .get("CustomResourceDefinition", "", clusters)
        .await
        .unwrap();
    assert!(definition["metadata"]["deletionTimestamp"].is_null());
    assert!(
        side.get("ClusterManager", "", "cluster-manager")
            .await
            .is_some()
    );
    side.merge(
        "ManifestWork",
        "c1",
        "w",
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    until("the ClusterManager is gone", async || {
        side.get("ClusterManager", "", "cluster-manager")
            .await
            .is_none()
    })
    .await;
    let left = side.list("CustomResourceDefinition", "").await;
    let left: Vec<&str> = left
        .iter()
        .filter_map(|definition| definition["metadata"]["name"].as_str())
        .collect();
    assert_eq!(
        left,
        ["clustermanagers.operator.open-cluster-management.io"]
    );
}

fn agent_values() -> AgentValues {
    AgentValues {
        bootstrap_kubeconfig: "not a kubeconfig".to_owned(),
        klusterlet: KlusterletSpec {
            cluster_name: Some("cluster1".to_owned()),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// A managed cluster with the Klusterlet's controller, until the guard goes.
async fn managed(values: &AgentValues) -> (Cluster, DropGuard) {
    let side = Cluster::start("cluster1").await;
    side.apply(&bundle::agent(values).unwrap()).await;
    let shutdown = CancellationToken::new();
    let client = side.service_account("open-cluster-management", "klusterlet");
    tokio::spawn(klusterlet::run(
        Context::new(client, shutdown.clone()),
        klusterlet::Options::default(),
    ));
    until("the Klusterlet is applied", async || {
        has_condition(
            &side,
            "Klusterlet",
            "klusterlet",
            "Applied",
            "KlusterletApplied",
        )
        .await
    })
    .await;
    (side, shutdown.drop_guard())
}

#[tokio::test]
async fn operator_24_the_klusterlet_is_applied_and_kept() {
    let (side, _guard) = managed(&agent_values()).await;
    let klusterlet = side.get("Klusterlet", "", "klusterlet").await.unwrap();
    assert_eq!(
        klusterlet["metadata"]["finalizers"],
        json!([names::FINALIZER_KLUSTERLET])
    );
    for type_ in ["Available", "ValidFeatureGates"] {
        assert_eq!(
            condition(&klusterlet, type_).unwrap()["status"],
            "True",
            "{type_}"
        );
    }
    for type_ in ["RegistrationDesiredDegraded", "WorkDesiredDegraded"] {
        assert_eq!(
            condition(&klusterlet, type_).unwrap()["status"],
            "False",
            "{type_}"
        );
    }
    for name in [
        "appliedmanifestworks.work.open-cluster-management.io",
        "clusterclaims.cluster.open-cluster-management.io",
    ] {
        let definition = side
            .get("CustomResourceDefinition", "", name)
            .await
            .unwrap();
        assert_eq!(
            condition(&definition, "Established").unwrap()["status"],
            "True"
        );
    }
    assert!(
        side.get("Namespace", "", "open-cluster-management-agent-addon")
            .await
            .is_some()
    );
    // A role that is deleted or changed is put right.
    let role = "open-cluster-management:klusterlet-work:agent";
    let rules = side.get("ClusterRole", "", role).await.unwrap()["rules"].clone();
    side.merge("ClusterRole", "", role, json!({"rules": []}))
        .await;
    until("the role is right again", async || {
        side.get("ClusterRole", "", role)
            .await
            .is_some_and(|live| live["rules"] == rules)
    })
    .await;
    side.delete("ClusterRoleBinding", "", role).await;
    until("the binding is back", async || {
        side.get("ClusterRoleBinding", "", role).await.is_some()
    })
    .await;
}

#[tokio::test]
async fn operator_28_the_hub_connection_is_told() {
    let (side, _guard) = managed(&agent_values()).await;
    let namespace = "open-cluster-management-agent";
    let degraded = "HubConnectionDegraded";
    until("both secrets are judged", async || {
        let reason = "BootstrapSecretError,HubKubeConfigSecretMissing";
        has_condition(&side, "Klusterlet", "klusterlet", degraded, reason).await
    })
    .await;
    side.delete("Secret", namespace, "bootstrap-hub-kubeconfig")
        .await;
    until("the missing secret is noticed", async || {
        let reason = "BootstrapSecretMissing,HubKubeConfigSecretMissing";
        has_condition(&side, "Klusterlet", "klusterlet", degraded, reason).await
    })
    .await;
    let klusterlet = side.get("Klusterlet", "", "klusterlet").await.unwrap();
    let message = condition(&klusterlet, degraded).unwrap()["message"].to_string();
    assert!(!message.contains("not a kubeconfig"), "{message}");
}

#[tokio::test]
async fn operator_33_the_old_namespace_goes_after_a_move() {
    let (side, _guard) = managed(&agent_values()).await;
    let patch = json!({"spec": {"namespace": "open-cluster-management-moved"}});
    side.merge("Klusterlet", "", "klusterlet", patch).await;
    until("the old namespace is gone", async || {
        let old = side
            .get("Namespace", "", "open-cluster-management-agent")
            .await;
        let new = side
            .get("Namespace", "", "open-cluster-management-moved")
            .await;
        let role = "open-cluster-management:management:klusterlet-registration:agent";
        let role = side
            .get("Role", "open-cluster-management-moved", role)
            .await;
        old.is_none() && new.is_some() && role.is_some()
    })
    .await;
}

fn applied_work(name: &str, agent: &str) -> Value {
    json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "AppliedManifestWork",
        "metadata": {"name": name, "finalizers": [names::FINALIZER_APPLIED_MANIFEST_WORK]},
        "spec": {"hubHash": "h", "manifestWorkName": name, "agentID": agent},
    })
}

#[tokio::test]
async fn operator_36_clean_up_leaves_what_works_applied() {
    let (side, _guard) = managed(&agent_values()).await;
    let klusterlet = side.get("Klusterlet", "", "klusterlet").await.unwrap();
    let uid = klusterlet["metadata"]["uid"].as_str().unwrap().to_owned();
    let works: Vec<DynamicObject> = [applied_work("ours", &uid), applied_work("theirs", "other")]
        .into_iter()
        .map(|work| serde_json::from_value(work).unwrap())
        .collect();
    side.apply(&works).await;
    side.create(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "hub-kubeconfig-secret", "namespace": "open-cluster-management-agent"},
    }))
    .await;
    side.delete("Klusterlet", "", "klusterlet").await;
    until("the Klusterlet is gone", async || {
        side.get("Klusterlet", "", "klusterlet").await.is_none()
    })
    .await;
    let ours = side.get("AppliedManifestWork", "", "ours").await.unwrap();
    assert!(ours["metadata"]["finalizers"].is_null());
    let theirs = side.get("AppliedManifestWork", "", "theirs").await.unwrap();
    assert!(theirs["metadata"]["finalizers"].is_array());
    for (kind, name) in [
        (
            "ClusterRole",
            "open-cluster-management:klusterlet-work:agent",
        ),
        (
            "ClusterRole",
            "open-cluster-management:klusterlet-work:aggregate",
        ),
        (
            "ClusterRoleBinding",
            "open-cluster-management:klusterlet-work:execution-admin",
        ),
    ] {
        assert!(side.get(kind, "", name).await.is_none(), "{name}");
    }
    until("the namespaces are gone", async || {
        side.get("Namespace", "", "open-cluster-management-agent")
            .await
            .is_none()
            && side
                .get("Namespace", "", "open-cluster-management-agent-addon")
                .await
                .is_none()
    })
    .await;
    let definition = "appliedmanifestworks.work.open-cluster-management.io";
    let definition = side
        .get("CustomResourceDefinition", "", definition)
        .await
        .unwrap();
    assert!(definition["metadata"]["annotations"][names::ANNOTATION_OPERATOR_VERSION].is_null());
}

#[tokio::test]
async fn operator_37_another_klusterlet_keeps_the_addon_namespace() {
    let (side, _guard) = managed(&agent_values()).await;
    side.create(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "open-cluster-management-other",
            "labels": {(names::LABEL_KLUSTERLET): "other"},
        }}),
    )
    .await;
    side.delete("Klusterlet", "", "klusterlet").await;
    until("the Klusterlet and its namespace are gone", async || {
        side.get("Klusterlet", "", "klusterlet").await.is_none()
            && side
                .get("Namespace", "", "open-cluster-management-agent")
                .await
                .is_none()
    })
    .await;
    let addons = side
        .get("Namespace", "", "open-cluster-management-agent-addon")
        .await
        .unwrap();
    assert!(addons["metadata"]["deletionTimestamp"].is_null());
}
