//! What the hub's webhooks refuse, word for word. (`attacks` tries it with the
//! attackers' own credentials.)

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::support::Hub;
use crate::harness::{create, eventually, user};

const SET: &str = "cluster.open-cluster-management.io/clusterset";
const CLUSTERS: &str = "admission webhook \"managedclustervalidators.admission.cluster.open-cluster-management.io\" denied the request: ";
const BINDINGS: &str = "admission webhook \"managedclustersetbindingvalidators.admission.cluster.open-cluster-management.io\" denied the request: ";

/// Code and message of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> (u16, String) {
    match result.unwrap_err() {
        kube::Error::Api(status) => (status.code, status.message),
        error => panic!("no answer: {error}"),
    }
}

fn cluster(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
        "metadata": {"name": name}, "spec": spec,
    })
}

/// May write clusters and bindings, and join the set `default`; nothing more.
async fn eve(hub: &Hub) -> Client {
    hub.side
        .create(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "eve"},
            "rules": [
                {"apiGroups": ["cluster.open-cluster-management.io"],
                 "resources": ["managedclusters", "managedclustersetbindings"],
                 "verbs": ["get", "create", "update", "patch"]},
                {"apiGroups": ["cluster.open-cluster-management.io"],
                 "resources": ["managedclustersets/join"], "resourceNames": ["default"],
                 "verbs": ["create"]},
            ],
        }))
        .await;
    hub.side
        .create(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "eve"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "eve"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}],
        }))
        .await;
    let client = hub.side.client_as(&user("eve", &["system:authenticated"]));
    eventually("eve may read clusters", || async {
        let answer = clusters(&client).get_opt("c1").await;
        answer.is_ok().then_some(())
    })
    .await;
    client
}

fn clusters(client: &Client) -> Api<DynamicObject> {
    Api::all_with(
        client.clone(),
        &ocmadm::hub::registration::apply::clusters(),
    )
}

async fn merge(client: &Client, name: &str, patch: Value) -> Result<DynamicObject, kube::Error> {
    let patch = Patch::Merge(&patch);
    clusters(client)
        .patch(name, &PatchParams::default(), &patch)
        .await
}

#[tokio::test]
async fn registration_26_and_30_who_may_not_accept_or_move_a_cluster() {
    let hub = Hub::guarded(json!({})).await;
    let eve = eve(&hub).await;
    let accepted = (
        403,
        format!(
            "{CLUSTERS}managedclusters/accept.cluster.open-cluster-management.io \"c1\" is forbidden: user \"eve\" cannot update the HubAcceptsClient field"
        ),
    );
    let wanted = cluster("c1", &json!({"hubAcceptsClient": true}));
    assert_eq!(refusal(create(&eve, wanted).await), accepted);
    let asked = cluster("c1", &json!({"hubAcceptsClient": false}));
    let created = create(&eve, asked).await.unwrap();
    assert_eq!(created["metadata"]["labels"][SET], "default");
    let yes = json!({"spec": {"hubAcceptsClient": true}});
    assert_eq!(refusal(merge(&eve, "c1", yes).await), accepted);
    // To say no needs no permission.
    hub.accept("c1", true).await;
    let no = json!({"spec": {"hubAcceptsClient": false}});
    merge(&eve, "c1", no).await.unwrap();
    // Into a set, and out of one.
    let moved = |set: &str| json!({"metadata": {"labels": {SET: set}}});
    let forbidden = |set: &str| {
        (
            403,
            format!(
                "{CLUSTERS}managedclustersets/join.cluster.open-cluster-management.io \"{set}\" is forbidden: user \"eve\" cannot add/remove a ManagedCluster to/from ManagedClusterSet \"{set}\""
            ),
        )
    };
    assert_eq!(
        refusal(merge(&eve, "c1", moved("prod")).await),
        forbidden("prod")
    );
    merge(&hub.side.client, "c1", moved("prod")).await.unwrap();
    assert_eq!(
        refusal(merge(&eve, "c1", moved("default")).await),
        forbidden("prod")
    );
}

#[tokio::test]
async fn registration_27_a_namespace_that_ends_takes_no_cluster() {
    let hub = Hub::guarded(json!({})).await;
    hub.asks("c1").await;
    hub.side
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c1"}}))
        .await;
    hub.side
        .create(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "holds", "namespace": "c1", "finalizers": ["example.com/holds"]}}),
        )
        .await;
    hub.side.delete("Namespace", "", "c1").await;
    let yes = json!({"spec": {"hubAcceptsClient": true}});
    assert_eq!(
        refusal(merge(&hub.side.client, "c1", yes.clone()).await),
        (
            403,
            format!("{CLUSTERS}cluster namespace \"c1\" is terminating")
        )
    );
    // Once it is gone the same yes is heard.
    let free = json!({"metadata": {"finalizers": null}});
    hub.side.merge("ConfigMap", "c1", "holds", free).await;
    eventually("the namespace is gone", || async {
        let gone = hub.side.get("Namespace", "", "c1").await.is_none();
        gone.then_some(())
    })
    .await;
    merge(&hub.side.client, "c1", yes).await.unwrap();
}

#[tokio::test]
async fn registration_28_29_and_31_what_a_cluster_must_look_like() {
    let hub = Hub::guarded(json!({})).await;
    let admin = &hub.side.client;
    let configs =
        json!({"managedClusterClientConfigs": [{"url": "http://x"}, {"url": "https://y"}]});
    assert_eq!(
        refusal(create(admin, cluster("c1", &configs)).await),
        (
            400,
            format!("{CLUSTERS}url \"http://x\" is invalid in client configs")
        )
    );
    let (code, message) = refusal(create(admin, cluster("a.b", &json!({}))).await);
    assert_eq!(code, 400);
    assert!(message.contains("metadata.name format is not correct: "));
    // Attack 36: the group of its agents would be everybody's.
    let reserved = cluster("managed-clusters", &json!({}));
    assert_eq!(refusal(create(admin, reserved).await).0, 400);
    // A taint's time is not what its writer says.
    let then = "2020-01-01T00:00:00Z";
    let taint = |key: &str| json!({"key": key, "effect": "NoSelect", "timeAdded": then});
    let tainted = cluster("c1", &json!({"taints": [taint("a")]}));
    let created = create(admin, tainted).await.unwrap();
    assert_eq!(created["spec"]["taints"][0]["key"], "a");
    assert_ne!(created["spec"]["taints"][0]["timeAdded"], then);
    let (code, message) = eventually("an update that nobody was before", || async {
        let mut now = clusters(admin).get("c1").await.unwrap();
        now.data["spec"]["taints"].as_array_mut()?.push(taint("b"));
        let answer = clusters(admin)
            .replace("c1", &PostParams::default(), &now)
            .await;
        Some(refusal(answer)).filter(|(code, _)| *code != 409)
    })
    .await;
    assert_eq!(code, 400);
    assert!(
        message.ends_with("It is not allowed to set TimeAdded of Taint \"b\"."),
        "{message}"
    );
    // The hub's own controllers still stamp theirs.
    eventually("the hub's taint", || async {
        let cluster = hub.cluster("c1").await;
        let taints = cluster["spec"]["taints"].as_array()?.clone();
        taints
            .iter()
            .any(|taint| taint["key"] == "cluster.open-cluster-management.io/unreachable")
            .then_some(())
    })
    .await;
    let cleared = merge(admin, "c1", json!({"metadata": {"labels": {SET: null}}}))
        .await
        .unwrap();
    assert_eq!(cleared.metadata.labels.unwrap()[SET], "default");
}

#[tokio::test]
async fn registration_32_a_binding_needs_its_sets_name_and_permission() {
    let hub = Hub::guarded(json!({})).await;
    let eve = eve(&hub).await;
    let binding = |name: &str, set: &str| {
        json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSetBinding",
            "metadata": {"name": name, "namespace": "default"}, "spec": {"clusterSet": set},
        })
    };
    let named = (
        400,
        format!(
            "{BINDINGS}The ManagedClusterSetBinding must have the same name as the target ManagedClusterSet"
        ),
    );
    assert_eq!(
        refusal(create(&hub.side.client, binding("a", "b")).await),
        named
    );
    assert_eq!(
        refusal(create(&eve, binding("prod", "prod")).await),
        (
            403,
            format!(
                "{BINDINGS}managedclustersets/bind.apps \"prod\" is forbidden: user \"eve\" is not allowed to bind cluster set \"prod\""
            )
        )
    );
    hub.side.create(binding("prod", "prod")).await;
    // A label is not the binding.
    let api: Api<DynamicObject> = Api::namespaced_with(
        eve,
        "default",
        &kube::core::ApiResource::from_gvk_with_plural(
            &kube::core::GroupVersionKind::gvk(
                "cluster.open-cluster-management.io",
                "v1beta2",
                "ManagedClusterSetBinding",
            ),
            "managedclustersetbindings",
        ),
    );
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    api.patch("prod", &PatchParams::default(), &Patch::Merge(&label))
        .await
        .unwrap();
}

#[tokio::test]
async fn webhook_configurations_are_kept_and_go_with_the_cluster_manager() {
    let hub = Hub::guarded(json!({})).await;
    let name = "managedclustervalidators.admission.cluster.open-cluster-management.io";
    let kind = "ValidatingWebhookConfiguration";
    let first = hub.side.get(kind, "", name).await.unwrap();
    let bundle = &first["webhooks"][0]["clientConfig"]["caBundle"];
    // Edited: put right. Deleted: made anew.
    let edit = json!({"webhooks": []});
    hub.side.merge(kind, "", name, edit).await;
    eventually("the webhook is back", || async {
        let now = hub.side.get(kind, "", name).await?;
        (now["webhooks"][0]["clientConfig"]["caBundle"] == *bundle).then_some(())
    })
    .await;
    hub.side.delete(kind, "", name).await;
    eventually("the configuration is back", || hub.side.get(kind, "", name)).await;
    // Another certificate: the API server hears of its authority.
    hub.side
        .delete("Secret", "open-cluster-management", "webhook-serving-cert")
        .await;
    eventually("another authority", || async {
        let now = hub.side.get(kind, "", name).await?;
        (now["webhooks"][0]["clientConfig"]["caBundle"] != *bundle).then_some(())
    })
    .await;
    // The key that may be in other hands is served no longer, and writes go on:
    // a moment without (500: not reached) is all.
    let told = std::time::Instant::now();
    eventually("a cluster is written", || async {
        match create(&hub.side.client, cluster("after", &json!({}))).await {
            Ok(_) => Some(()),
            Err(kube::Error::Api(status)) if status.code == 500 => None,
            Err(error) => panic!("{error}"),
        }
    })
    .await;
    assert!(
        told.elapsed() < std::time::Duration::from_secs(10),
        "the old certificate was served for {:?}",
        told.elapsed()
    );
    hub.side
        .delete("ClusterManager", "", "cluster-manager")
        .await;
    eventually("nothing is left that would refuse writes", || async {
        let validating = hub.side.list(kind, "").await;
        let mutating = hub.side.list("MutatingWebhookConfiguration", "").await;
        (validating.is_empty() && mutating.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_hub_that_starts_again_is_asked_where_it_was() {
    let mut hub = Hub::guarded(json!({})).await;
    let before = hub.webhook_url().await;
    hub.restart_guarded().await;
    assert_eq!(hub.webhook_url().await, before);
}

/// Quirk 12.7: upstream's hub cannot patch a cluster that came without a set
/// before the webhooks, since it may not join one.
#[tokio::test]
async fn clusters_from_before_the_webhooks_are_taken_over() {
    let hub = Hub::with(json!({
        "featureGates": [{"feature": "DefaultClusterSet", "mode": "Disable"},
                         {"feature": "ResourceCleanup", "mode": "Disable"}],
    }))
    .await;
    hub.asks("c1").await;
    eventually("the hub's taint", || async {
        let cluster = hub.cluster("c1").await;
        let taints = cluster["spec"]["taints"].as_array()?.len();
        (taints == 1).then_some(())
    })
    .await;
    // With both gates off it is neither in a set nor held.
    let cluster = hub.cluster("c1").await;
    assert_eq!(cluster["metadata"].get("labels"), None);
    assert_eq!(cluster["metadata"].get("finalizers"), None);
    assert_eq!(hub.side.get("ManagedClusterSet", "", "default").await, None);
    // The gates come back, and the webhooks are there from now on.
    let on = json!({"spec": {"registrationConfiguration": {"featureGates": []}}});
    let kind = "ClusterManager";
    hub.side.merge(kind, "", "cluster-manager", on).await;
    hub.serve_webhooks().await;
    hub.accept("c1", true).await;
    eventually("it is in the set, held and accepted", || async {
        let cluster = hub.cluster("c1").await;
        let labelled = cluster["metadata"]["labels"][SET] == "default";
        let held = super::support::finalizers(&cluster).len() == 2;
        let accepted = super::support::condition(&cluster, super::support::ACCEPTED);
        (labelled && held && accepted?.0 == "True").then_some(())
    })
    .await;
}
