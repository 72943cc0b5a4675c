//! Add-ons in both versions of their API.

use serde_json::json;

use super::bed::{V1ALPHA1, addon, offer};
use crate::harness::{eventually, until};
use crate::hub::support::Hub;

const V1BETA1: &str = "addon.open-cluster-management.io/v1beta1";
const NAMESPACE: &str = "addon.open-cluster-management.io/v1alpha1-install-namespace";

#[tokio::test]
async fn addon_29_what_one_version_says_the_other_says_too() {
    let hub = Hub::guarded(json!({})).await;
    hub.side
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "c1"}}))
        .await;
    hub.side.create(offer("a")).await;
    let of = |version: &str, kind: &str, namespace: &str| {
        hub.side.api_of(&json!({"apiVersion": version, "kind": kind,
            "metadata": {"namespace": namespace}}))
    };
    // Until the API server heard of the conversion it changes the version only.
    let offers = of(V1BETA1, "ClusterManagementAddOn", "");
    let converted = eventually("offers are converted", || async {
        let found = offers.get("a").await.ok()?;
        found.data["spec"]["defaultConfigs"]
            .is_array()
            .then_some(found)
    })
    .await;
    assert_eq!(
        converted.data["spec"]["defaultConfigs"][0],
        json!({"group": "addon.open-cluster-management.io", "resource": "addontemplates", "name": "a"})
    );
    hub.side
        .create(
            json!({"apiVersion": V1ALPHA1, "kind": "ManagedClusterAddOn",
            "metadata": {"name": "a", "namespace": "c1"}, "spec": {"installNamespace": "n"}}),
        )
        .await;
    let installed = of(V1BETA1, "ManagedClusterAddOn", "c1");
    let found = installed.get("a").await.unwrap();
    assert_eq!(found.metadata.annotations.as_ref().unwrap()[NAMESPACE], "n");
    assert!(found.data["spec"].get("installNamespace").is_none());
    // Written back as it was read, with a status of an agent that speaks v1beta1.
    let status = json!({"status": {"registrations": [{"type": "kubeClient",
        "kubeClient": {"driver": "token", "subject": {"user": "u", "groups": ["g"]}}}]}});
    let params = kube::api::PatchParams::default();
    installed
        .patch_status("a", &params, &kube::api::Patch::Merge(status))
        .await
        .unwrap();
    let stored = of(V1ALPHA1, "ManagedClusterAddOn", "c1")
        .get("a")
        .await
        .unwrap();
    let annotations = stored.metadata.annotations.unwrap_or_default();
    assert!(!annotations.contains_key(NAMESPACE), "{annotations:?}");
    assert_eq!(stored.data["spec"]["installNamespace"], "n");
    assert_eq!(stored.data["status"]["kubeClientDriver"], "token");
    assert_eq!(
        stored.data["status"]["registrations"],
        json!([{"signerName": "kubernetes.io/kube-apiserver-client",
            "subject": {"user": "u", "groups": ["g"]}}])
    );
    // A list is converted as well, and both are the same object.
    let listed = installed.list(&Default::default()).await.unwrap();
    assert_eq!(listed.items[0].metadata.uid, stored.metadata.uid);
    hub.side.delete("ManagedClusterAddOn", "c1", "a").await;
    until("a has gone", || async {
        addon(&hub, "c1", "a").await.is_none()
    })
    .await;
}
