//! The embedded files.

macro_rules! embedded {
    ($path:literal) => {
        (
            $path,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/embedded-manifests/",
                $path
            )),
        )
    };
}

/// Path below `embedded-manifests/` and content of each file.
pub(super) const FILES: &[(&str, &str)] = &[
    embedded!("agent/bootstrap.yaml"),
    embedded!("agent/components/namespaces.yaml"),
    embedded!("agent/components/registration.yaml"),
    embedded!("agent/components/work.yaml"),
    embedded!("agent/deployment.yaml"),
    embedded!("agent/klusterlet.yaml"),
    embedded!("agent/namespace.yaml"),
    embedded!("agent/role.yaml"),
    embedded!("agent/service-account.yaml"),
    embedded!("crds/addondeploymentconfigs.addon.open-cluster-management.io.yaml"),
    embedded!("crds/addonplacementscores.cluster.open-cluster-management.io.yaml"),
    embedded!("crds/addontemplates.addon.open-cluster-management.io.yaml"),
    embedded!("crds/appliedmanifestworks.work.open-cluster-management.io.yaml"),
    embedded!("crds/clusterclaims.cluster.open-cluster-management.io.yaml"),
    embedded!("crds/clustermanagementaddons.addon.open-cluster-management.io.yaml"),
    embedded!("crds/clustermanagers.operator.open-cluster-management.io.yaml"),
    embedded!("crds/klusterlets.operator.open-cluster-management.io.yaml"),
    embedded!("crds/managedclusteraddons.addon.open-cluster-management.io.yaml"),
    embedded!("crds/managedclusters.cluster.open-cluster-management.io.yaml"),
    embedded!("crds/managedclustersetbindings.cluster.open-cluster-management.io.yaml"),
    embedded!("crds/managedclustersets.cluster.open-cluster-management.io.yaml"),
    embedded!("crds/manifestworkreplicasets.work.open-cluster-management.io.yaml"),
    embedded!("crds/manifestworks.work.open-cluster-management.io.yaml"),
    embedded!("crds/placementdecisions.cluster.open-cluster-management.io.yaml"),
    embedded!("crds/placements.cluster.open-cluster-management.io.yaml"),
    embedded!("gated/clusterprofiles.multicluster.x-k8s.io.yaml"),
    embedded!("gated/clusterproperties.about.k8s.io.yaml"),
    embedded!("hub/bootstrap-token.yaml"),
    embedded!("hub/bootstrap.yaml"),
    embedded!("hub/cluster-manager.yaml"),
    embedded!("hub/components/namespace.yaml"),
    embedded!("hub/components/webhooks.yaml"),
    embedded!("hub/components/work-executor.yaml"),
    embedded!("hub/deployment.yaml"),
    embedded!("hub/importer.yaml"),
    embedded!("hub/namespace.yaml"),
    embedded!("hub/role.yaml"),
    embedded!("hub/service-account.yaml"),
    embedded!("hub/service.yaml"),
    embedded!("policy/addon-controller.yaml"),
    embedded!("policy/addons.yaml"),
    embedded!("policy/placementbindings.policy.open-cluster-management.io.yaml"),
    embedded!("policy/placementrules.apps.open-cluster-management.io.yaml"),
    embedded!("policy/policies.policy.open-cluster-management.io.yaml"),
    embedded!("policy/policyautomations.policy.open-cluster-management.io.yaml"),
    embedded!("policy/policysets.policy.open-cluster-management.io.yaml"),
    embedded!("policy/propagator.yaml"),
    embedded!("upstream-agent/deployment.yaml"),
    embedded!("upstream-agent/namespace.yaml"),
    embedded!("upstream-agent/priority-class.yaml"),
    embedded!("upstream-agent/role.yaml"),
    embedded!("upstream-agent/service-account.yaml"),
    embedded!("upstream-hub/deployment.yaml"),
    embedded!("upstream-hub/role.yaml"),
    embedded!("upstream-hub/service-account.yaml"),
];

/// The content of a file; empty when there is none, which a test excludes.
pub(super) fn content(path: &str) -> &'static str {
    FILES
        .binary_search_by_key(&path, |(path, _)| path)
        .map_or("", |index| FILES[index].1)
}
