//! The service account of agents that use a token (protocol, section 9;
//! statement 30).

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::ResourceExt;
use kube::api::{ApiResource, DynamicObject};
use serde_json::{Value, json};

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    KubeClientDriver, ManagedClusterAddOn, ManagedClusterAddOnStatus,
};
use crate::ocm::conditions::{self, FALSE, TRUE, condition};
use crate::ocm::names::{SIGNER_KUBE_CLIENT, cluster_group};

use super::{Hub, apply};

/// Condition of add-ons: the service account is there.
pub const CONDITION_READY: &str = "TokenInfrastructureReady";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Whether an add-on's agent uses a token.
#[must_use]
pub fn is_wanted(status: &ManagedClusterAddOnStatus) -> bool {
    status.kube_client_driver == Some(KubeClientDriver::Token)
        && status
            .registrations
            .iter()
            .any(|registration| registration.signer_name == SIGNER_KUBE_CLIENT)
}

/// ServiceAccount, Role and RoleBinding, in this order.
#[must_use]
pub fn objects(cluster: &str, addon: &str, owner: &Value) -> [(ApiResource, Value); 3] {
    let account = format!("{addon}-agent");
    let role = format!("{addon}-token-role");
    let metadata = |name: &str| {
        json!({
            "name": name,
            "namespace": cluster,
            "labels": {
                (names::LABEL_TOKEN_ADDON): addon,
                (names::LABEL_TOKEN_INFRASTRUCTURE): "true",
            },
            "ownerReferences": [owner],
        })
    };
    let group = |name: &str| json!({"apiGroup": RBAC, "kind": "Group", "name": name});
    [
        (
            ApiResource::erase::<ServiceAccount>(&()),
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(&account)}),
        ),
        (
            ApiResource::erase::<Role>(&()),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                "metadata": metadata(&role),
                "rules": [
                    {"apiGroups": [""], "resources": ["serviceaccounts/token"],
                     "resourceNames": [account], "verbs": ["create"]},
                    {"apiGroups": [""], "resources": ["serviceaccounts/token"],
                     "verbs": ["subscribe"]},
                ],
            }),
        ),
        (
            ApiResource::erase::<RoleBinding>(&()),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": metadata(&role),
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role},
                "subjects": [
                    group(&cluster_group(cluster)),
                    group(&format!("open-cluster-management:{cluster}")),
                ],
            }),
        ),
    ]
}

/// The add-on that a service account is for.
///
/// # Errors
/// None; all that is known of it are labels.
#[expect(clippy::needless_pass_by_value, reason = "informers give objects away")]
pub(super) fn addon_of(account: DynamicObject) -> Result<String, std::convert::Infallible> {
    let addon = account.labels().get(names::LABEL_TOKEN_ADDON);
    Ok(addon.cloned().unwrap_or_default())
}

/// Keeps what an agent with a token needs, or removes it, and says so in the
/// status.
pub(super) async fn keep(
    hub: &Hub,
    addon: &ManagedClusterAddOn,
    status: &mut ManagedClusterAddOnStatus,
) -> Result<(), kube::Error> {
    let client = &hub.context.client;
    let (cluster, name) = (addon.namespace().unwrap_or_default(), addon.name_any());
    let objects = objects(&cluster, &name, &owner(addon));
    if !is_wanted(status) {
        let present = hub.accounts.get(&cluster, &format!("{name}-agent"));
        if present.is_none() && conditions::find(&status.conditions, CONDITION_READY).is_none() {
            return Ok(());
        }
        for (resource, object) in objects.iter().rev() {
            let api = apply::api(client, resource, &cluster);
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            apply::delete(&api, name, None).await?;
        }
        conditions::remove(&mut status.conditions, CONDITION_READY);
        return Ok(());
    }
    let mut uid = None;
    let mut result = Ok(());
    for (resource, object) in &objects {
        match apply::ensure(client, resource, object).await {
            Ok(object) => uid = uid.or(object.uid()),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    let condition = match &result {
        Ok(()) => condition(
            CONDITION_READY,
            TRUE,
            "TokenInfrastructureReady",
            format!(
                "ServiceAccount {cluster}/{name}-agent (UID: {}) is ready",
                uid.unwrap_or_default()
            ),
        ),
        Err(error) => condition(
            CONDITION_READY,
            FALSE,
            "TokenInfrastructureApplyFailed",
            crate::runtime::source_chain(error),
        ),
    };
    conditions::set(&mut status.conditions, condition);
    result
}

/// The reference by which an installation owns what it needs.
pub(super) fn owner(addon: &ManagedClusterAddOn) -> Value {
    json!({
        "apiVersion": "addon.open-cluster-management.io/v1alpha1",
        "kind": "ManagedClusterAddOn",
        "name": addon.name_any(),
        "uid": addon.uid().unwrap_or_default(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocm::addon::v1alpha1::RegistrationConfig;

    #[test]
    fn addon_30_a_token_may_be_asked_for_by_the_clusters_agent_alone() {
        let mut status = ManagedClusterAddOnStatus {
            registrations: vec![RegistrationConfig {
                signer_name: SIGNER_KUBE_CLIENT.into(),
                ..RegistrationConfig::default()
            }],
            ..ManagedClusterAddOnStatus::default()
        };
        assert!(!is_wanted(&status));
        status.kube_client_driver = Some(KubeClientDriver::Token);
        assert!(is_wanted(&status));
        status.registrations[0].signer_name = "e.io/s".into();
        assert!(!is_wanted(&status));
        let [(_, account), (_, role), (_, binding)] = objects("c1", "a", &json!({}));
        assert_eq!(account["metadata"]["name"], "a-agent");
        assert_eq!(role["metadata"]["name"], "a-token-role");
        assert_eq!(role["rules"][0]["resourceNames"], json!(["a-agent"]));
        let groups: Vec<&Value> = binding["subjects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| &s["name"])
            .collect();
        assert_eq!(
            groups,
            [
                "system:open-cluster-management:c1",
                "open-cluster-management:c1"
            ]
        );
    }
}
