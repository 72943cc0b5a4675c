//! `ocmadm delete token`: takes back what clusters join with.

use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{DeleteParams, ListParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};

use crate::cmd::args::GlobalArgs;
use crate::cmd::connect;
use crate::cmd::explain::Doing;
use crate::error::CommandError;
use crate::k8s::client::{Connection, ServerError};
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm delete token`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {}

/// The bindings of bootstrap credentials.
const BINDINGS: [&str; 3] = [
    "open-cluster-management:bootstrap:agent-registration",
    "open-cluster-management:bootstrap:managedcluster",
    "agent-registration-bootstrap",
];

/// Runs the command.
///
/// # Errors
/// No permission.
pub async fn run(_args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let doing = "delete the bootstrap credentials";
    let params = DeleteParams {
        dry_run: global.dry_run,
        ..DeleteParams::default()
    };
    let mut gone = 0;
    let bindings: Api<ClusterRoleBinding> = Api::all(hub.client.clone());
    for name in BINDINGS {
        gone += delete(&hub, &bindings, name, &params).await.doing(doing)?;
    }
    let roles: Api<ClusterRole> = Api::all(hub.client.clone());
    gone += delete(&hub, &roles, names::ROLE_BOOTSTRAP, &params)
        .await
        .doing(doing)?;
    let accounts: Api<ServiceAccount> = namespaced(&hub, names::OPERATOR_NAMESPACE);
    gone += delete(&hub, &accounts, names::BOOTSTRAP_SERVICE_ACCOUNT, &params)
        .await
        .doing(doing)?;
    let secrets: Api<Secret> = namespaced(&hub, "kube-system");
    let label = format!("app={}", names::CLUSTER_MANAGER);
    let found = hub
        .call(secrets.list(&ListParams::default().labels(&label)))
        .await
        .doing(doing)?;
    for secret in found {
        let name = secret.metadata.name.unwrap_or_default();
        if secret.type_.as_deref() == Some("bootstrap.kubernetes.io/token") {
            gone += delete(&hub, &secrets, &name, &params).await.doing(doing)?;
        }
    }
    ui.status(&match (gone, global.dry_run) {
        (0, _) => "There are no bootstrap credentials.".to_owned(),
        (count, true) => format!("{count} objects would be deleted (dry run)."),
        (count, false) => format!("{count} objects deleted: no cluster can join any more."),
    });
    Ok(())
}

fn namespaced<K>(hub: &Connection, namespace: &str) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    Api::namespaced(hub.client.clone(), namespace)
}

/// 1 if it was there.
async fn delete<K>(
    hub: &Connection,
    api: &Api<K>,
    name: &str,
    params: &DeleteParams,
) -> Result<usize, ServerError>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let answer = hub.call_opt(api.delete(name, params)).await?;
    Ok(usize::from(answer.is_some()))
}
