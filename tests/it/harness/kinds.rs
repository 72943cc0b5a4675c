//! What kinds are called in URLs.

use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};

/// Kinds that tests name without their group.
const KINDS: &[(&str, &str)] = &[
    ("Namespace", "v1"),
    ("Node", "v1"),
    ("Pod", "v1"),
    ("Secret", "v1"),
    ("ConfigMap", "v1"),
    ("ServiceAccount", "v1"),
    ("Lease", "coordination.k8s.io/v1"),
    ("Event", "events.k8s.io/v1"),
    ("Deployment", "apps/v1"),
    ("ClusterRole", "rbac.authorization.k8s.io/v1"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1"),
    ("Role", "rbac.authorization.k8s.io/v1"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1"),
    ("CertificateSigningRequest", "certificates.k8s.io/v1"),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
    ("ManagedCluster", "cluster.open-cluster-management.io/v1"),
    (
        "ManagedClusterSet",
        "cluster.open-cluster-management.io/v1beta2",
    ),
    (
        "ManagedClusterSetBinding",
        "cluster.open-cluster-management.io/v1beta2",
    ),
    (
        "ClusterClaim",
        "cluster.open-cluster-management.io/v1alpha1",
    ),
    (
        "AddOnPlacementScore",
        "cluster.open-cluster-management.io/v1alpha1",
    ),
    ("Placement", "cluster.open-cluster-management.io/v1beta1"),
    (
        "PlacementDecision",
        "cluster.open-cluster-management.io/v1beta1",
    ),
    ("AppliedManifestWork", "work.open-cluster-management.io/v1"),
    ("ManifestWork", "work.open-cluster-management.io/v1"),
    (
        "ManifestWorkReplicaSet",
        "work.open-cluster-management.io/v1alpha1",
    ),
    ("Placement", "cluster.open-cluster-management.io/v1beta1"),
    (
        "PlacementDecision",
        "cluster.open-cluster-management.io/v1beta1",
    ),
    (
        "ManagedClusterAddOn",
        "addon.open-cluster-management.io/v1beta1",
    ),
    (
        "ClusterManagementAddOn",
        "addon.open-cluster-management.io/v1alpha1",
    ),
    (
        "AddOnDeploymentConfig",
        "addon.open-cluster-management.io/v1alpha1",
    ),
    ("AddOnTemplate", "addon.open-cluster-management.io/v1alpha1"),
    ("ClusterManager", "operator.open-cluster-management.io/v1"),
    ("Klusterlet", "operator.open-cluster-management.io/v1"),
    (
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
    ),
    (
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
    ),
];

/// A kind by its API version, with a plural as English has it.
pub(super) fn resource(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let lower = kind.to_lowercase();
    let plural = match lower.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{lower}s"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural)
}

/// The API of a kind of the table; of all namespaces when `namespace` is empty.
pub(crate) fn api(client: &Client, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let (_, version) = KINDS
        .iter()
        .find(|(name, _)| *name == kind)
        .unwrap_or_else(|| panic!("{kind} is not in the table"));
    within(client, &resource(version, kind), namespace)
}

/// An API of one namespace, or of all.
pub(super) fn within(
    client: &Client,
    resource: &ApiResource,
    namespace: &str,
) -> Api<DynamicObject> {
    if namespace.is_empty() {
        Api::all_with(client.clone(), resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, resource)
    }
}
