//! The policy framework of Open Cluster Management on the hub: what clusteradm installs
//! as the add-on `governance-policy-framework` (clusteradm reference §13).

use kube::api::DynamicObject;
use serde_json::Value;

use super::{BundleError, load};
use crate::ocm::releases::Images;

/// The definitions of policies and of what goes with them.
///
/// # Errors
/// Only by a fault of this program.
pub fn policy_framework_definitions() -> Result<Vec<DynamicObject>, BundleError> {
    load(&[
        "policy/placementbindings.policy.open-cluster-management.io.yaml",
        "policy/policies.policy.open-cluster-management.io.yaml",
        "policy/policyautomations.policy.open-cluster-management.io.yaml",
        "policy/policysets.policy.open-cluster-management.io.yaml",
        "policy/placementrules.apps.open-cluster-management.io.yaml",
    ])
}

/// Its two controllers in `namespace`, what they may do, and the add-ons that
/// clusters can have.
///
/// # Errors
/// Only by a fault of this program.
pub fn policy_framework(
    namespace: &str,
    images: &Images,
) -> Result<Vec<DynamicObject>, BundleError> {
    let mut objects = load(&[
        "policy/addon-controller.yaml",
        "policy/propagator.yaml",
        "policy/addons.yaml",
    ])?;
    for object in &mut objects {
        if object.metadata.namespace.is_some() {
            object.metadata.namespace = Some(namespace.to_owned());
        }
        for subject in list(&mut object.data, "/subjects") {
            subject["namespace"] = namespace.into();
        }
        for container in list(&mut object.data, "/spec/template/spec/containers") {
            image(&mut container["image"], images);
            for variable in list(container, "/env") {
                let name = variable["name"].as_str().unwrap_or_default();
                if name.ends_with("_IMAGE") {
                    image(&mut variable["value"], images);
                }
            }
        }
    }
    Ok(objects)
}

/// The entries of a list, where there is one.
fn list<'a>(value: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = value.pointer_mut(pointer).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// From the name of an image to where it is.
fn image(name: &mut Value, images: &Images) {
    *name = images.image(name.as_str().unwrap_or_default()).into();
}

#[cfg(test)]
mod tests {
    use super::super::overlay;
    use super::*;

    fn images() -> Images {
        Images {
            registry: "mirror.example/ocm".to_owned(),
            tag: "v9".to_owned(),
        }
    }

    #[test]
    fn everything_is_in_the_namespace_and_of_the_registry() {
        let objects = policy_framework("policies", &images()).unwrap();
        let text = serde_json::to_string(&objects).unwrap();
        assert!(!text.contains("\"namespace\":\"open-cluster-management\""));
        assert!(
            !text.contains("null"),
            "no field that was not there: {text}"
        );
        for name in [
            "governance-policy-addon-controller",
            "config-policy-controller",
            "governance-policy-framework-addon",
            "governance-policy-propagator",
        ] {
            let image = format!("\"mirror.example/ocm/{name}:v9\"");
            assert_eq!(text.matches(&image).count(), 1, "{image}");
        }
    }

    /// Kinds and names as the reference lists them.
    #[test]
    fn the_objects_are_clusteradms() {
        let mut all = policy_framework_definitions().unwrap();
        all.extend(policy_framework("n", &images()).unwrap());
        let mut names: Vec<String> = all
            .iter()
            .map(|object| {
                let name = object.metadata.name.as_deref().unwrap_or_default();
                format!("{} {name}", overlay::kind(object))
            })
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "ClusterManagementAddOn config-policy-controller",
                "ClusterManagementAddOn governance-policy-framework",
                "ClusterRole governance-policy-propagator",
                "ClusterRole policy-addon-ctrl-manager-role",
                "ClusterRoleBinding governance-policy-propagator-global",
                "ClusterRoleBinding policy-addon-ctrl-manager-rolebinding",
                "CustomResourceDefinition placementbindings.policy.open-cluster-management.io",
                "CustomResourceDefinition placementrules.apps.open-cluster-management.io",
                "CustomResourceDefinition policies.policy.open-cluster-management.io",
                "CustomResourceDefinition policyautomations.policy.open-cluster-management.io",
                "CustomResourceDefinition policysets.policy.open-cluster-management.io",
                "Deployment governance-policy-addon-controller",
                "Deployment governance-policy-propagator",
                "Role governance-policy-propagator-leader-election-role",
                "Role policy-addon-ctrl-leader-election-role",
                "RoleBinding governance-policy-propagator-leader-election-rolebinding",
                "RoleBinding policy-addon-ctrl-leader-election-rolebinding",
                "ServiceAccount governance-policy-propagator",
                "ServiceAccount policy-addon-ctrl-controller-manager",
            ]
        );
    }
}
