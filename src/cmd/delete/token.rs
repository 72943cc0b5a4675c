//! `ocmadm delete token`: takes back what clusters join with, or one bootstrap
//! token of it.

use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::DeleteParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};

use crate::cmd::args::GlobalArgs;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::Doing;
use crate::cmd::get::token::{bootstrap_secrets, token_id};
use crate::cmd::{connect, program};
use crate::error::CommandError;
use crate::k8s::client::{Connection, ServerError};
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm delete token`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these bootstrap tokens, by id (`get token --list` shows them)
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// The bindings of bootstrap credentials.
const BINDINGS: [&str; 3] = [
    "open-cluster-management:bootstrap:agent-registration",
    "open-cluster-management:bootstrap:managedcluster",
    "agent-registration-bootstrap",
];

/// Runs the command.
///
/// # Errors
/// No permission, or an id that is unknown.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let doing = "delete the bootstrap credentials";
    let params = DeleteParams {
        dry_run: global.dry_run,
        ..DeleteParams::default()
    };
    if !args.ids.is_empty() {
        return delete_ids(&hub, &args.ids, &params, ui).await;
    }
    args.confirm.ask(
        global,
        ui,
        &format!(
            "Delete the bootstrap roles, the service account {} and all bootstrap tokens of {}? No cluster can join then.",
            names::BOOTSTRAP_SERVICE_ACCOUNT,
            hub.url
        ),
    )?;
    let mut gone = 0;
    let bindings: Api<ClusterRoleBinding> = Api::all(hub.client.clone());
    for name in BINDINGS {
        gone += delete(&hub, &bindings, name, &params).await.doing(doing)?;
    }
    let roles: Api<ClusterRole> = Api::all(hub.client.clone());
    gone += delete(&hub, &roles, names::ROLE_BOOTSTRAP, &params)
        .await
        .doing(doing)?;
    let bindings: Api<RoleBinding> = namespaced(&hub, "kube-public");
    gone += delete(&hub, &bindings, names::ROLE_BOOTSTRAP, &params)
        .await
        .doing(doing)?;
    let roles: Api<Role> = namespaced(&hub, "kube-public");
    gone += delete(&hub, &roles, names::ROLE_BOOTSTRAP, &params)
        .await
        .doing(doing)?;
    let accounts: Api<ServiceAccount> = namespaced(&hub, names::OPERATOR_NAMESPACE);
    gone += delete(&hub, &accounts, names::BOOTSTRAP_SERVICE_ACCOUNT, &params)
        .await
        .doing(doing)?;
    let secrets: Api<Secret> = namespaced(&hub, "kube-system");
    for secret in bootstrap_secrets(&hub).await? {
        let name = secret.metadata.name.unwrap_or_default();
        gone += delete(&hub, &secrets, &name, &params).await.doing(doing)?;
    }
    ui.status(&match (gone, global.dry_run) {
        (0, _) => "There are no bootstrap credentials.".to_owned(),
        (count, true) => format!("{count} objects would be deleted (dry run)."),
        (count, false) => format!("{count} objects deleted: no cluster can join any more."),
    });
    Ok(())
}

/// All ids must be known before the first token goes.
async fn delete_ids(
    hub: &Connection,
    ids: &[String],
    params: &DeleteParams,
    ui: &Ui,
) -> Result<(), CommandError> {
    let found = bootstrap_secrets(hub).await?;
    let mut names = Vec::new();
    for id in ids {
        let secret = found
            .iter()
            .find(|secret| token_id(secret).as_ref() == Some(id));
        let name = secret.and_then(|secret| secret.metadata.name.as_ref());
        names.push(name.ok_or_else(|| {
            CommandError::user(format!("there is no bootstrap token {id:?}"))
                .hint(format!("`{} get token --list` shows them", program()))
        })?);
    }
    let secrets: Api<Secret> = namespaced(hub, "kube-system");
    for (id, name) in ids.iter().zip(names) {
        delete(hub, &secrets, name, params)
            .await
            .doing(&format!("delete the bootstrap token {id}"))?;
        ui.result_line(&match params.dry_run {
            true => format!("bootstrap token {id} would be deleted (dry run)"),
            false => format!("bootstrap token {id} deleted"),
        })?;
    }
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
