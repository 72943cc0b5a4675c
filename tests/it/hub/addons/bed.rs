//! A hub whose add-on controllers run, and what they act on.

use serde_json::{Value, json};

use crate::harness::{eventually, until};
use crate::hub::support::{Hub, condition};

pub(super) const V1ALPHA1: &str = "addon.open-cluster-management.io/v1alpha1";
const GROUP: &str = "addon.open-cluster-management.io";

/// A hub with these clusters.
pub(super) async fn bed(clusters: &[&str]) -> Hub {
    let mut hub = Hub::start().await;
    hub.only_addons();
    for name in clusters {
        for object in [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            json!({"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
                "metadata": {"name": name}, "spec": {"hubAcceptsClient": true}}),
        ] {
            hub.side.create(object).await;
        }
    }
    hub
}

/// A placement in `default` that chose these clusters.
pub(super) async fn placement(hub: &Hub, name: &str, clusters: &[&str]) {
    let v1beta1 = "cluster.open-cluster-management.io/v1beta1";
    hub.side
        .create(json!({"apiVersion": v1beta1, "kind": "Placement",
            "metadata": {"name": name, "namespace": "default"}, "spec": {}}))
        .await;
    hub.side
        .create(
            json!({"apiVersion": v1beta1, "kind": "PlacementDecision", "metadata": {
            "name": format!("{name}-decision-1"), "namespace": "default", "labels": {
                "cluster.open-cluster-management.io/placement": name,
                "cluster.open-cluster-management.io/decision-group-index": "0",
                "cluster.open-cluster-management.io/decision-group-name": "",
            }}}),
        )
        .await;
    choose(hub, name, clusters).await;
}

/// Lets a placement choose others.
pub(super) async fn choose(hub: &Hub, placement: &str, clusters: &[&str]) {
    let decisions: Vec<Value> = clusters
        .iter()
        .map(|name| json!({"clusterName": name, "reason": ""}))
        .collect();
    hub.side
        .merge_status(
            "PlacementDecision",
            "default",
            &format!("{placement}-decision-1"),
            json!({"status": {"decisions": decisions}}),
        )
        .await;
}

/// An add-on that the placement `p` installs, from the template of its name and
/// with AddOnDeploymentConfig `default/a`.
pub(super) fn offer(name: &str) -> Value {
    json!({
        "apiVersion": V1ALPHA1, "kind": "ClusterManagementAddOn", "metadata": {"name": name},
        "spec": {
            "supportedConfigs": [
                {"group": GROUP, "resource": "addontemplates", "defaultConfig": {"name": name}},
                {"group": GROUP, "resource": "addondeploymentconfigs",
                 "defaultConfig": {"namespace": "default", "name": "a"}},
            ],
            "installStrategy": {"type": "Placements",
                "placements": [{"namespace": "default", "name": "p"}]},
        },
    })
}

/// A template with a Deployment that has no replicas, and these registrations.
pub(super) fn template(name: &str, registration: &Value) -> Value {
    json!({
        "apiVersion": V1ALPHA1, "kind": "AddOnTemplate", "metadata": {"name": name},
        "spec": {"addonName": name, "registration": registration,
            "agentSpec": {"workload": {"manifests": [
                {"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": "settings", "namespace": "default"},
                 "data": {"cluster": "{{CLUSTER_NAME}}", "level": "{{LEVEL}}"}},
                {"apiVersion": "apps/v1", "kind": "Deployment",
                 "metadata": {"name": "agent", "namespace": "default"},
                 "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "a"}},
                    "template": {"metadata": {"labels": {"app": "a"}},
                        "spec": {"containers": [{"name": "c", "image": "i"}]}}}},
            ]}}},
    })
}

/// The AddOnDeploymentConfig that [`offer`] names; `LEVEL` is `level`.
pub(super) async fn configured(hub: &Hub, level: &str) {
    hub.side
        .create(
            json!({"apiVersion": V1ALPHA1, "kind": "AddOnDeploymentConfig",
            "metadata": {"name": "a", "namespace": "default"},
            "spec": {"customizedVariables": [{"name": "LEVEL", "value": level}]}}),
        )
        .await;
}

/// Changes [`configured`].
pub(super) async fn reconfigured(hub: &Hub, level: &str) {
    hub.side
        .merge(
            "AddOnDeploymentConfig",
            "default",
            "a",
            json!({"spec": {"customizedVariables": [{"name": "LEVEL", "value": level}]}}),
        )
        .await;
}

pub(super) async fn addon(hub: &Hub, cluster: &str, name: &str) -> Option<Value> {
    hub.side.get("ManagedClusterAddOn", cluster, name).await
}

/// Waits for a condition of an installation; gives its message.
pub(super) async fn told(
    hub: &Hub,
    (cluster, name): (&str, &str),
    kind: &str,
    (status, reason): (&str, &str),
) -> String {
    let what = format!("{cluster}/{name}: {kind} {status} {reason}");
    eventually(&what, || async {
        message(&addon(hub, cluster, name).await?, kind, (status, reason))
    })
    .await
}

/// The message of a condition that has this status and reason.
pub(super) fn message(
    object: &Value,
    kind: &str,
    (status, reason): (&str, &str),
) -> Option<String> {
    let found = condition(object, kind)?;
    let conditions = object["status"]["conditions"].as_array()?;
    let condition = conditions.iter().find(|c| c["type"] == kind)?;
    (found == (status.to_owned(), reason.to_owned()))
        .then(|| condition["message"].as_str().unwrap_or_default().to_owned())
}

/// Waits for a work.
pub(super) async fn work(hub: &Hub, cluster: &str, name: &str) -> Value {
    eventually(&format!("work {cluster}/{name}"), || {
        hub.side.get("ManifestWork", cluster, name)
    })
    .await
}

/// What the work agent would say of a work: everything is applied and there.
/// `manifests` is what it knows of them.
pub(super) async fn carried_out(hub: &Hub, cluster: &str, name: &str, manifests: Value) {
    until(&format!("{cluster}/{name} is told of"), || async {
        let work = work(hub, cluster, name).await;
        let condition = |kind: &str| {
            json!({"type": kind, "status": "True", "reason": "Test", "message": "m",
                "observedGeneration": work["metadata"]["generation"],
                "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        let patch = json!({
            "metadata": {"resourceVersion": work["metadata"]["resourceVersion"]},
            "status": {
                "conditions": [condition("Applied"), condition("Available")],
                "resourceStatus": {"manifests": manifests},
            },
        });
        let api = hub.side.api("ManifestWork", cluster);
        let params = kube::api::PatchParams::default();
        api.patch_status(name, &params, &kube::api::Patch::Merge(patch))
            .await
            .is_ok()
    })
    .await;
}

/// The hash of the AddOnDeploymentConfig that an installation shall have.
pub(super) async fn desired(hub: &Hub, cluster: &str, name: &str) -> Option<String> {
    let addon = addon(hub, cluster, name).await?;
    let references = addon["status"]["configReferences"].as_array()?;
    let reference = references
        .iter()
        .find(|r| r["resource"] == "addondeploymentconfigs")?;
    let hash = reference["desiredConfig"]["specHash"].as_str()?;
    Some(hash.to_owned())
}

/// Installations as they are stored.
pub(super) fn addons_v1alpha1(hub: &Hub, cluster: &str) -> kube::Api<kube::api::DynamicObject> {
    hub.side.api_of(
        &json!({"apiVersion": V1ALPHA1, "kind": "ManagedClusterAddOn",
        "metadata": {"namespace": cluster}}),
    )
}
