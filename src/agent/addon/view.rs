//! What the agent keeps of a ManagedClusterAddOn.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;

use crate::ocm::addon::names::install_namespace;
use crate::ocm::addon::shared::HealthCheckMode;
use crate::ocm::addon::v1alpha1::{
    CONDITION_AVAILABLE, KubeClientDriver, ManagedClusterAddOn, RegistrationConfig,
};
use crate::ocm::conditions;
use crate::runtime::informer::typed;

/// Condition of add-ons: the service account of their agents is there.
const CONDITION_TOKEN_READY: &str = "TokenInfrastructureReady";

/// A ManagedClusterAddOn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Addon {
    /// Tells it from a later one of the same name.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub version: Option<String>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// The namespace of its agent on the managed cluster.
    pub namespace: String,
    /// Whether its lease says how it is.
    pub leased: bool,
    /// Whether it is available, as the hub knows.
    pub available: Option<Condition>,
    /// The access that it is to get.
    pub registrations: Vec<RegistrationConfig>,
    /// By certificate or by token.
    pub driver: Option<KubeClientDriver>,
    /// The uid of the service account whose tokens it may have.
    pub account: Option<String>,
}

impl Addon {
    /// Reads a ManagedClusterAddOn.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let addon: ManagedClusterAddOn = typed(object)?;
        let (uid, version, none) = (addon.uid(), addon.resource_version(), BTreeMap::new());
        let status = addon.status.unwrap_or_default();
        let namespace = if status.namespace.is_empty() {
            let field = addon.spec.install_namespace.as_deref();
            install_namespace(field, addon.metadata.annotations.as_ref().unwrap_or(&none))
                .to_owned()
        } else {
            status.namespace
        };
        Ok(Self {
            uid,
            version,
            deleting: addon.metadata.deletion_timestamp.is_some(),
            namespace,
            leased: status.health_check.mode.unwrap_or_default() == HealthCheckMode::Lease,
            available: conditions::find(&status.conditions, CONDITION_AVAILABLE).cloned(),
            account: conditions::find(&status.conditions, CONDITION_TOKEN_READY)
                .filter(|ready| ready.status == conditions::TRUE)
                .and_then(|ready| uid_in(&ready.message)),
            registrations: status.registrations,
            driver: status.kube_client_driver,
        })
    }
}

/// The uid in `ServiceAccount … (UID: …) is ready`.
fn uid_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("(UID: ")?;
    let (uid, _) = rest.split_once(')')?;
    (!uid.is_empty()).then(|| uid.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn addon(spec: &Value, status: &Value) -> Addon {
        let object = json!({
            "apiVersion": "addon.open-cluster-management.io/v1alpha1",
            "kind": "ManagedClusterAddOn", "metadata": {"name": "a", "namespace": "c1"},
            "spec": spec, "status": status,
        });
        Addon::parse(serde_json::from_value(object).unwrap()).unwrap()
    }

    #[test]
    fn the_namespace_of_its_agent() {
        let annotated = json!({
            "apiVersion": "addon.open-cluster-management.io/v1alpha1",
            "kind": "ManagedClusterAddOn", "metadata": {"name": "a", "namespace": "c1",
                "annotations": {"addon.open-cluster-management.io/v1alpha1-install-namespace": "d"}},
            "spec": {"installNamespace": "open-cluster-management-agent-addon"},
        });
        let parsed = Addon::parse(serde_json::from_value(annotated).unwrap()).unwrap();
        assert_eq!(parsed.namespace, "d");
        for (spec, status, expected) in [
            (json!({}), json!({}), "open-cluster-management-agent-addon"),
            (json!({"installNamespace": "b"}), json!({}), "b"),
            (
                json!({"installNamespace": "b"}),
                json!({"namespace": "c"}),
                "c",
            ),
        ] {
            assert_eq!(addon(&spec, &status).namespace, expected);
        }
    }

    #[test]
    fn its_service_account_is_the_one_that_is_ready() {
        let said = |status: &str, message: &str| {
            addon(
                &json!({}),
                &json!({"conditions": [{"type": "TokenInfrastructureReady", "status": status,
                    "reason": "r", "message": message,
                    "lastTransitionTime": "2026-01-01T00:00:00Z"}]}),
            )
            .account
        };
        let ready = "ServiceAccount c1/a-agent (UID: 12-34) is ready";
        assert_eq!(said("True", ready).as_deref(), Some("12-34"));
        assert_eq!(said("False", ready), None);
        assert_eq!(said("True", "ready"), None);
    }
}
