//! The objects that commands read and write, untyped: what `-o json` prints is
//! what the server said, fields of other versions included.

use kube::api::{ApiResource, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use super::install::FIELD_MANAGER;
use crate::ocm::names;

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// The type of ManagedClusters.
#[must_use]
pub fn managed_cluster() -> ApiResource {
    resource(
        "cluster.open-cluster-management.io",
        "v1",
        "ManagedCluster",
        "managedclusters",
    )
}

/// The type of ManifestWorks.
#[must_use]
pub fn manifest_work() -> ApiResource {
    resource(
        "work.open-cluster-management.io",
        "v1",
        "ManifestWork",
        "manifestworks",
    )
}

/// The type of AppliedManifestWorks.
#[must_use]
pub fn applied_manifest_work() -> ApiResource {
    resource(
        "work.open-cluster-management.io",
        "v1",
        "AppliedManifestWork",
        "appliedmanifestworks",
    )
}

/// The type of ClusterClaims.
#[must_use]
pub fn cluster_claim() -> ApiResource {
    resource(
        "cluster.open-cluster-management.io",
        "v1alpha1",
        "ClusterClaim",
        "clusterclaims",
    )
}

/// The type of ManifestWorkReplicaSets.
#[must_use]
pub fn replica_set() -> ApiResource {
    resource(
        "work.open-cluster-management.io",
        "v1alpha1",
        "ManifestWorkReplicaSet",
        "manifestworkreplicasets",
    )
}

/// The type of Placements.
#[must_use]
pub fn placement() -> ApiResource {
    resource(
        "cluster.open-cluster-management.io",
        "v1beta1",
        "Placement",
        "placements",
    )
}

/// The type of PlacementDecisions.
#[must_use]
pub fn placement_decision() -> ApiResource {
    resource(
        "cluster.open-cluster-management.io",
        "v1beta1",
        "PlacementDecision",
        "placementdecisions",
    )
}

/// The type of ClusterManagers.
#[must_use]
pub fn cluster_manager() -> ApiResource {
    resource(
        "operator.open-cluster-management.io",
        "v1",
        "ClusterManager",
        "clustermanagers",
    )
}

/// The type of Klusterlets.
#[must_use]
pub fn klusterlet() -> ApiResource {
    resource(
        "operator.open-cluster-management.io",
        "v1",
        "Klusterlet",
        "klusterlets",
    )
}

/// The type of ManagedClusterSets.
#[must_use]
pub fn cluster_set() -> ApiResource {
    resource(
        "cluster.open-cluster-management.io",
        "v1beta2",
        "ManagedClusterSet",
        "managedclustersets",
    )
}

/// The type of ManagedClusterSetBindings.
#[must_use]
pub fn cluster_set_binding() -> ApiResource {
    resource(
        "cluster.open-cluster-management.io",
        "v1beta2",
        "ManagedClusterSetBinding",
        "managedclustersetbindings",
    )
}

/// The type of ManagedClusterAddOns.
#[must_use]
pub fn managed_cluster_addon() -> ApiResource {
    resource(
        "addon.open-cluster-management.io",
        "v1alpha1",
        "ManagedClusterAddOn",
        "managedclusteraddons",
    )
}

/// The type of ClusterManagementAddOns.
#[must_use]
pub fn cluster_management_addon() -> ApiResource {
    resource(
        "addon.open-cluster-management.io",
        "v1alpha1",
        "ClusterManagementAddOn",
        "clustermanagementaddons",
    )
}

/// The type of AddOnTemplates.
#[must_use]
pub fn addon_template() -> ApiResource {
    resource(
        "addon.open-cluster-management.io",
        "v1alpha1",
        "AddOnTemplate",
        "addontemplates",
    )
}

/// The type of the cluster-proxy add-on's configuration.
#[must_use]
pub fn managed_proxy_configuration() -> ApiResource {
    resource(
        "proxy.open-cluster-management.io",
        "v1alpha1",
        "ManagedProxyConfiguration",
        "managedproxyconfigurations",
    )
}

/// The type of ManagedServiceAccounts.
#[must_use]
pub fn managed_service_account() -> ApiResource {
    resource(
        "authentication.open-cluster-management.io",
        "v1beta1",
        "ManagedServiceAccount",
        "managedserviceaccounts",
    )
}

/// How the command line creates: under its name, or for checks alone.
#[must_use]
pub fn posting(dry_run: bool) -> PostParams {
    PostParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    }
}

/// How the command line changes: under its name, or for checks alone.
#[must_use]
pub fn patching(dry_run: bool) -> PatchParams {
    PatchParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// All objects of a type.
#[must_use]
pub fn all(client: &Client, resource: &ApiResource) -> Api<DynamicObject> {
    Api::all_with(client.clone(), resource)
}

/// The objects of a type in a namespace.
#[must_use]
pub fn within(client: &Client, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, resource)
}

/// An object as it is printed: with its type, without the server's bookkeeping
/// of field managers.
#[must_use]
pub fn printable(object: &DynamicObject, resource: &ApiResource) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        // Items of a list come without their type.
        fields.insert("apiVersion".to_owned(), resource.api_version.clone().into());
        fields.insert("kind".to_owned(), resource.kind.clone().into());
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    value
}

/// `managedcluster.cluster.open-cluster-management.io/name`, as kubectl's `-o name`.
#[must_use]
pub fn resource_name(value: &Value) -> String {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let kind = text("/kind").to_lowercase();
    match text("/apiVersion").split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{}", text("/metadata/name")),
        None => format!("{kind}/{}", text("/metadata/name")),
    }
}

/// The `status` of a condition: `True`, `False` or `Unknown`; empty if absent.
#[must_use]
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    find_condition(object, kind)
        .and_then(|condition| condition.get("status")?.as_str())
        .unwrap_or("")
}

/// A condition below `status.conditions`.
#[must_use]
pub fn find_condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object
        .pointer("/status/conditions")
        .or_else(|| object.get("conditions"))?
        .as_array()?
        .iter()
        .find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))
}

/// How long ago, as kubectl says it.
#[must_use]
pub fn age(object: &DynamicObject, now: jiff::Timestamp) -> String {
    object
        .metadata
        .creation_timestamp
        .as_ref()
        .map_or_else(String::new, |created| {
            human(now.as_second() - created.0.as_second())
        })
}

/// A span of seconds, as kubectl says it.
#[must_use]
pub fn human(seconds: i64) -> String {
    match seconds.max(0) {
        s if s < 120 => format!("{s}s"),
        s if s < 600 => format!("{}m{}s", s / 60, s % 60),
        s if s < 3 * 3600 => format!("{}m", s / 60),
        s if s < 48 * 3600 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// Whether a Klusterlet's agents manage another cluster than the one they run on.
#[must_use]
pub fn is_hosted(klusterlet: &DynamicObject) -> bool {
    let mode = klusterlet.data["spec"]["deployOption"]["mode"].as_str();
    mode.is_some_and(|mode| mode.ends_with("Hosted"))
}

/// Where a Klusterlet's agents run: `spec.namespace` is on the managed cluster, on
/// a hosting one it is the namespace of the Klusterlet's name.
#[must_use]
pub fn agent_namespace(klusterlet: &DynamicObject) -> String {
    if is_hosted(klusterlet) {
        return klusterlet.name_any();
    }
    klusterlet.data["spec"]["namespace"]
        .as_str()
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or(names::AGENT_NAMESPACE)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ages_read_like_kubectls() {
        let table = [
            (-5, "0s"),
            (119, "119s"),
            (121, "2m1s"),
            (700, "11m"),
            (7200, "120m"),
            (4 * 3600, "4h"),
            (72 * 3600, "3d"),
        ];
        for (seconds, expected) in table {
            assert_eq!(human(seconds), expected);
        }
    }

    #[test]
    fn names_carry_their_group() {
        let work = json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork", "metadata": {"name": "w"}});
        assert_eq!(
            resource_name(&work),
            "manifestwork.work.open-cluster-management.io/w"
        );
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}});
        assert_eq!(resource_name(&map), "configmap/m");
    }

    #[test]
    fn conditions_are_found_in_objects_and_manifests() {
        let object = json!({"status": {"conditions": [{"type": "Applied", "status": "True"}]}});
        assert_eq!(condition(&object, "Applied"), "True");
        assert_eq!(condition(&object, "Available"), "");
        let manifest = json!({"conditions": [{"type": "Applied", "status": "False"}]});
        assert_eq!(condition(&manifest, "Applied"), "False");
    }
}
