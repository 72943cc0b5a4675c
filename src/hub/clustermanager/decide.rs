//! What a ClusterManager needs next; without I/O.

use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::api::DynamicObject;

use crate::ocm::operator::v1::{
    ClusterManager, InstallMode, RegistrationAuthType, RelatedResourceMeta,
};
use crate::ocm::{gates, names};

/// Definitions whose objects others clean up after: they go first, one after
/// the other, while everything still runs.
pub(super) const AWAITED: &[&str] = &[
    "managedclusteraddons.addon.open-cluster-management.io",
    "manifestworks.work.open-cluster-management.io",
    "managedclusters.cluster.open-cluster-management.io",
    "manifestworkreplicasets.work.open-cluster-management.io",
];

/// The other definitions.
pub(super) const OTHERS: &[&str] = &[
    "addondeploymentconfigs.addon.open-cluster-management.io",
    "addonplacementscores.cluster.open-cluster-management.io",
    "addontemplates.addon.open-cluster-management.io",
    "clustermanagementaddons.addon.open-cluster-management.io",
    "managedclustersetbindings.cluster.open-cluster-management.io",
    "managedclustersets.cluster.open-cluster-management.io",
    "placementdecisions.cluster.open-cluster-management.io",
    "placements.cluster.open-cluster-management.io",
];

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It goes, and others still hold it.
    Nothing,
    /// Add the finalizer, before anything is made.
    Finalize,
    /// Make what it asks for.
    Apply,
    /// It asks for what there is not.
    Refuse(&'static str),
    /// It goes: clear the ground, then take the finalizer off.
    Clean,
}

/// Whether clusters are to be known by ClusterProfiles.
pub(super) fn has_profiles(manager: &ClusterManager) -> bool {
    let registration = manager.spec.registration_configuration.as_ref();
    let gates = registration.map_or(&[][..], |r| &r.feature_gates);
    gates::enabled(gates::HUB_REGISTRATION, gates, "ClusterProfile")
}

/// What to do with a ClusterManager.
pub(super) fn decide(manager: &ClusterManager) -> Step {
    let finalizer = names::FINALIZER_CLUSTER_MANAGER;
    let finalized = manager.finalizers().iter().any(|f| f == finalizer);
    if manager.metadata.deletion_timestamp.is_some() {
        return if finalized {
            Step::Clean
        } else {
            Step::Nothing
        };
    }
    if !finalized {
        return Step::Finalize;
    }
    let mode = manager
        .spec
        .deploy_option
        .as_ref()
        .map(|option| option.mode);
    if mode == Some(InstallMode::Hosted) {
        return Step::Refuse(
            "mode Hosted needs the upstream components: this hub runs on the cluster itself",
        );
    }
    let registration = manager.spec.registration_configuration.as_ref();
    let mut drivers = registration
        .into_iter()
        .flat_map(|configuration| &configuration.registration_drivers);
    if drivers.any(|driver| driver.auth_type != RegistrationAuthType::Csr) {
        return Step::Refuse(
            "the registration drivers awsirsa and grpc need the upstream components: clusters register here by certificate request (csr)",
        );
    }
    Step::Apply
}

/// Labels of the definitions: all of the ClusterManager's, and whose they are.
pub(super) fn crd_labels(manager: &ClusterManager) -> BTreeMap<String, String> {
    let mut labels = manager.labels().clone();
    labels.insert(
        names::LABEL_CREATED_BY_CLUSTER_MANAGER.to_owned(),
        manager.name_any(),
    );
    labels
}

/// The definitions, as the status lists them.
pub(super) fn related_definitions() -> Vec<RelatedResourceMeta> {
    let mut all: Vec<&str> = AWAITED.iter().chain(OTHERS).copied().collect();
    all.sort_unstable();
    all.into_iter()
        .map(|name| RelatedResourceMeta {
            group: "apiextensions.k8s.io".to_owned(),
            version: "v1".to_owned(),
            resource: "customresourcedefinitions".to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
        })
        .collect()
}

/// An object, as the status lists it.
pub(super) fn related(object: &DynamicObject, resource: &str) -> RelatedResourceMeta {
    let api_version = object.types.as_ref().map_or("", |types| &types.api_version);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    RelatedResourceMeta {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.to_owned(),
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::bundle;
    use crate::ocm::conditions;
    use crate::ocm::operator::v1::ClusterManagerDeployOption;

    fn manager() -> ClusterManager {
        ClusterManager::named("cluster-manager")
    }

    fn finalized() -> ClusterManager {
        let mut manager = manager();
        manager.metadata.finalizers = Some(vec![names::FINALIZER_CLUSTER_MANAGER.to_owned()]);
        manager
    }

    #[test]
    fn operator_01_the_finalizer_comes_first() {
        assert_eq!(decide(&manager()), Step::Finalize);
        assert_eq!(decide(&finalized()), Step::Apply);
    }

    #[test]
    fn hosted_is_refused_but_still_cleaned() {
        let mut manager = finalized();
        manager.spec.deploy_option = Some(ClusterManagerDeployOption {
            mode: InstallMode::Hosted,
            ..Default::default()
        });
        assert!(matches!(decide(&manager), Step::Refuse(_)));
        manager.metadata.deletion_timestamp = Some(conditions::now());
        assert_eq!(decide(&manager), Step::Clean);
    }

    #[test]
    fn drivers_that_are_not_here_are_refused() {
        let with = |drivers: serde_json::Value| {
            let mut manager = finalized();
            manager.spec.registration_configuration = Some(
                serde_json::from_value(serde_json::json!({"registrationDrivers": drivers}))
                    .unwrap(),
            );
            decide(&manager)
        };
        assert_eq!(with(serde_json::json!([{"authType": "csr"}])), Step::Apply);
        for name in ["grpc", "awsirsa"] {
            let drivers = serde_json::json!([{"authType": "csr"}, {"authType": name}]);
            assert!(matches!(with(drivers), Step::Refuse(_)), "{name}");
        }
    }

    #[test]
    fn somebody_elses_finalizer_is_none_of_ours() {
        let mut manager = manager();
        manager.metadata.finalizers = Some(vec!["example.com/x".to_owned()]);
        manager.metadata.deletion_timestamp = Some(conditions::now());
        assert_eq!(decide(&manager), Step::Nothing);
    }

    #[test]
    fn operator_03_the_twelve_definitions_are_those_of_the_bundle() {
        let listed: BTreeSet<&str> = AWAITED.iter().chain(OTHERS).copied().collect();
        let bundled = bundle::hub_crds().unwrap();
        let bundled: BTreeSet<&str> = bundled
            .iter()
            .filter_map(|object| object.metadata.name.as_deref())
            .collect();
        assert_eq!(listed, bundled);
        assert_eq!(listed.len(), 12);
    }

    #[test]
    fn definitions_have_the_labels_of_the_cluster_manager() {
        let mut manager = manager();
        manager
            .labels_mut()
            .insert("team".to_owned(), "a".to_owned());
        let labels = crd_labels(&manager);
        assert_eq!(labels["team"], "a");
        assert_eq!(
            labels[names::LABEL_CREATED_BY_CLUSTER_MANAGER],
            "cluster-manager"
        );
    }
}
