//! What the ClusterManager asks of the registration controllers.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

/// Settings read from the ClusterManager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Users whose first certificate requests are approved without a person.
    pub auto_approved_users: BTreeSet<String>,
    /// Gate ManagedClusterAutoApproval: clusters are accepted, and the users
    /// above approved, without a person.
    pub auto_approval: bool,
    /// Gate DefaultClusterSet: clusters are in the set `default` unless they
    /// name another.
    pub default_cluster_set: bool,
    /// Gate ResourceCleanup: works and add-ons go before their cluster.
    pub resource_cleanup: bool,
    /// Labels for everything that is made for a cluster.
    pub labels: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto_approved_users: BTreeSet::new(),
            auto_approval: false,
            default_cluster_set: true,
            resource_cleanup: true,
            labels: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Reads the ClusterManager's registration configuration. What it does not
    /// say, or says in a shape that is not understood, has its default.
    #[must_use]
    pub fn of(manager: &DynamicObject) -> Self {
        let mut settings = Self {
            labels: passed_on(manager.labels()),
            ..Self::default()
        };
        let configuration = &manager.data["spec"]["registrationConfiguration"];
        for gate in list(&configuration["featureGates"]) {
            let on = gate["mode"] == "Enable";
            match gate["feature"].as_str() {
                Some("ManagedClusterAutoApproval") => settings.auto_approval = on,
                Some("DefaultClusterSet") => settings.default_cluster_set = on,
                Some("ResourceCleanup") => settings.resource_cleanup = on,
                _ => {}
            }
        }
        let users = |value: &Value| -> BTreeSet<String> {
            list(value)
                .iter()
                .filter_map(|user| user.as_str().map(str::to_owned))
                .collect()
        };
        // The driver's list, when there is one, replaces the older field.
        let by_driver: BTreeSet<String> = list(&configuration["registrationDrivers"])
            .iter()
            .filter(|driver| driver["authType"].as_str().unwrap_or("csr") == "csr")
            .flat_map(|driver| users(&driver["csr"]["autoApprovedIdentities"]))
            .collect();
        settings.auto_approved_users = if by_driver.is_empty() {
            users(&configuration["autoApproveUsers"])
        } else {
            by_driver
        };
        settings
    }
}

/// The labels of the ClusterManager that everything made for a cluster gets:
/// not those that say what the ClusterManager itself is, nor the protocol's.
fn passed_on(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = |key: &str| key == "app" || key.contains("open-cluster-management.io");
    let labels = labels.iter().filter(|(key, _)| !own(key));
    labels
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manager(configuration: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "operator.open-cluster-management.io/v1", "kind": "ClusterManager",
            "metadata": {"name": "cluster-manager"},
            "spec": {"registrationConfiguration": configuration},
        }))
        .unwrap()
    }

    #[test]
    fn gates_and_users_are_read() {
        let settings = Settings::of(&manager(&json!({
            "featureGates": [{"feature": "ManagedClusterAutoApproval", "mode": "Enable"},
                             {"feature": "DefaultClusterSet", "mode": "Disable"}],
            "autoApproveUsers": ["old"],
        })));
        assert!(settings.auto_approval && !settings.default_cluster_set);
        assert!(settings.resource_cleanup);
        assert!(settings.auto_approved_users.contains("old"));
    }

    #[test]
    fn registration_07_labels_of_the_cluster_manager_are_passed_on() {
        let mut manager = manager(&json!({}));
        for (key, value) in [
            ("team", "a"),
            ("app", "cluster-manager"),
            ("open-cluster-management.io/cluster-name", "forged"),
            ("feature.open-cluster-management.io/addon-x", "available"),
        ] {
            manager.labels_mut().insert(key.into(), value.into());
        }
        let expected = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        assert_eq!(Settings::of(&manager).labels, expected);
    }

    #[test]
    fn the_drivers_list_replaces_the_older_one() {
        let settings = Settings::of(&manager(&json!({
            "autoApproveUsers": ["old"],
            "registrationDrivers": [{"authType": "csr", "csr": {"autoApprovedIdentities": ["new"]}}],
        })));
        assert_eq!(
            settings.auto_approved_users,
            BTreeSet::from(["new".to_owned()])
        );
    }

    #[test]
    fn nonsense_is_the_default() {
        assert_eq!(Settings::of(&manager(&json!("x"))), Settings::default());
    }
}
