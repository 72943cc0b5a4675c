//! The names that the add-on protocol fixes (protocol, section 7).

use std::collections::BTreeMap;

use crate::ocm::names::AGENT_ADDON_NAMESPACE;

/// On a ClusterManagementAddOn: who runs its installation and configuration.
pub const ANNOTATION_LIFECYCLE: &str = "addon.open-cluster-management.io/lifecycle";
/// The value of [`ANNOTATION_LIFECYCLE`] with which the hub runs them.
pub const LIFECYCLE_ADDON_MANAGER: &str = "addon-manager";
/// On a ManagedClusterAddOn: the cluster that its agent runs on, if not its own.
pub const ANNOTATION_HOSTING_CLUSTER: &str =
    "addon.open-cluster-management.io/hosting-cluster-name";
/// On a ManagedClusterAddOn: v1alpha1's `installNamespace`, as v1beta1 carries it.
pub const ANNOTATION_INSTALL_NAMESPACE: &str =
    "addon.open-cluster-management.io/v1alpha1-install-namespace";
/// On a Job or Pod: it runs before the add-on goes.
pub const ANNOTATION_PRE_DELETE: &str = "addon.open-cluster-management.io/addon-pre-delete";
/// On a manifest: it stays on the cluster when the add-on goes.
pub const ANNOTATION_DELETION_ORPHAN: &str = "addon.open-cluster-management.io/deletion-orphan";
/// The prefix of annotations that a ManagedCluster hands on to its add-ons.
pub const ANNOTATION_PREFIX: &str = "addon.open-cluster-management.io";
/// On a ManagedCluster: registries that its images come from instead.
pub const ANNOTATION_IMAGE_REGISTRIES: &str = "open-cluster-management.io/image-registries";
/// On a ManifestWork: what its add-on was configured with, as JSON.
pub const ANNOTATION_CONFIG_SPEC_HASH: &str = "open-cluster-management.io/config-spec-hash";

/// On a ManagedCluster: before the name of an add-on; the value says how it is.
pub const FEATURE_PREFIX: &str = "feature.open-cluster-management.io/addon-";
/// On works of hosted add-ons: the namespace of the ManagedClusterAddOn.
pub const LABEL_ADDON_NAMESPACE: &str = "open-cluster-management.io/addon-namespace";
/// On RoleBindings of template add-ons; its value is empty.
pub const LABEL_TEMPLATE_NAME: &str = "open-cluster-management.io/addon-template-name";
/// On a token's ServiceAccount, Role and RoleBinding: the add-on.
pub const LABEL_TOKEN_ADDON: &str = "addon.open-cluster-management.io/name";
/// On the same: what they are for; its value is `true`.
pub const LABEL_TOKEN_INFRASTRUCTURE: &str =
    "addon.open-cluster-management.io/token-infrastructure";
/// On PlacementDecisions: their placement.
pub const LABEL_PLACEMENT: &str = "cluster.open-cluster-management.io/placement";
/// On PlacementDecisions: the name of their group.
pub const LABEL_DECISION_GROUP_NAME: &str =
    "cluster.open-cluster-management.io/decision-group-name";
/// On PlacementDecisions: the number of their group.
pub const LABEL_DECISION_GROUP_INDEX: &str =
    "cluster.open-cluster-management.io/decision-group-index";

/// On a ManagedClusterAddOn: its hooks run before it goes.
pub const FINALIZER_PRE_DELETE: &str = "addon.open-cluster-management.io/addon-pre-delete";

/// The name that stands for "no default" where v1beta1 cannot say it.
pub const NO_DEFAULT_CONFIG: &str = "__reserved_no_default__";
/// The plural of AddOnTemplate.
pub const TEMPLATES: &str = "addontemplates";
/// The plural of AddOnDeploymentConfig.
pub const DEPLOYMENT_CONFIGS: &str = "addondeploymentconfigs";

/// The user that an add-on's agent is by default (protocol, section 9).
#[must_use]
pub fn default_user(cluster: &str, addon: &str) -> String {
    format!(
        "{}:agent:{addon}-agent",
        cluster_addon_group(cluster, addon)
    )
}

/// The groups that an add-on's agent is in by default.
#[must_use]
pub fn default_groups(cluster: &str, addon: &str) -> [String; 2] {
    [
        cluster_addon_group(cluster, addon),
        format!("system:open-cluster-management:addon:{addon}"),
    ]
}

fn cluster_addon_group(cluster: &str, addon: &str) -> String {
    format!("system:open-cluster-management:cluster:{cluster}:addon:{addon}")
}

/// The label of a ManagedCluster that says how an add-on is; `None` when the
/// add-on's name is too long for one.
#[must_use]
pub fn feature_label(addon: &str) -> Option<String> {
    // A label's name has 63 characters at most.
    (addon.len() <= 63 - "addon-".len()).then(|| format!("{FEATURE_PREFIX}{addon}"))
}

/// The cluster that is to host an add-on's agent, if another one than its own.
#[must_use]
pub fn hosting_cluster(annotations: &BTreeMap<String, String>) -> Option<&str> {
    let hosting = annotations.get(ANNOTATION_HOSTING_CLUSTER)?;
    Some(hosting.as_str()).filter(|cluster| !cluster.is_empty())
}

/// The namespace that a ManagedClusterAddOn asks for: what v1alpha1's
/// `installNamespace` says, else what v1beta1's annotation says. The default of
/// v1alpha1 says nothing: an object that was written as v1beta1 has it too where
/// nobody converts.
#[must_use]
pub fn install_namespace<'a>(
    field: Option<&'a str>,
    annotations: &'a BTreeMap<String, String>,
) -> &'a str {
    let annotation = annotations.get(ANNOTATION_INSTALL_NAMESPACE);
    field
        .filter(|namespace| *namespace != AGENT_ADDON_NAMESPACE)
        .into_iter()
        .chain(annotation.map(String::as_str))
        .find(|namespace| !namespace.is_empty())
        .unwrap_or(AGENT_ADDON_NAMESPACE)
}

/// The `n`th work that deploys an add-on.
#[must_use]
pub fn deploy_work(addon: &str, n: usize) -> String {
    format!("addon-{addon}-deploy-{n}")
}

/// The work of an add-on's hooks.
#[must_use]
pub fn pre_delete_work(addon: &str) -> String {
    format!("addon-{addon}-pre-delete")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_the_fields_or_the_annotations() {
        let none = BTreeMap::new();
        let said = BTreeMap::from([(ANNOTATION_INSTALL_NAMESPACE.to_owned(), "b".to_owned())]);
        for (field, annotations, expected) in [
            (None, &none, AGENT_ADDON_NAMESPACE),
            (Some(""), &none, AGENT_ADDON_NAMESPACE),
            (Some("a"), &none, "a"),
            (Some("a"), &said, "a"),
            (None, &said, "b"),
            (Some(""), &said, "b"),
            // What the API server puts there says nothing.
            (Some(AGENT_ADDON_NAMESPACE), &said, "b"),
        ] {
            assert_eq!(install_namespace(field, annotations), expected, "{field:?}");
        }
    }
}
