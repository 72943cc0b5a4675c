//! `ocmadm clean`: makes a hub an ordinary cluster again.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams};
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};

use crate::cmd::args::GlobalArgs;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::remove::{self, Removal};
use crate::cmd::{connect, deadline, program, resources};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::k8s::wait;
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm clean`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The ClusterManager's name
    #[arg(long, value_name = "NAME", default_value = names::CLUSTER_MANAGER)]
    name: String,

    /// Remove the operator too
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    purge_operator: bool,

    /// Clean up even if managed clusters are still available
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// What clusters join with.
const BOOTSTRAP_BINDINGS: [&str; 2] = [
    "open-cluster-management:bootstrap:agent-registration",
    "open-cluster-management:bootstrap:managedcluster",
];

/// Runs the command.
///
/// # Errors
/// No hub there, clusters that are still managed, no permission, or a hub that
/// does not end in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let until = deadline(global.timeout);
    let managers = resources::all(&hub.client, &resources::cluster_manager());
    match hub.call(managers.list(&ListParams::default())).await {
        Ok(_) => {}
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => {
            return Err(
                CommandError::user("hub has not been initialized").hint(format!(
                    "{} has no ClusterManager; --context chooses another cluster",
                    hub.url
                )),
            );
        }
        Err(error) => return Err(error).doing("read the ClusterManager"),
    }
    if !args.force {
        detached(&hub).await?;
    }
    args.confirm
        .ask(global, ui, &format!("Remove the hub on {}?", hub.url))?;
    let mut removal = Removal::new(&hub, until, global.dry_run, ui);
    bootstrap(&hub, &mut removal, global.dry_run).await?;
    if global.dry_run {
        removal.would(&format!("ClusterManager {}", args.name))?;
    } else {
        let progress = ui.progress();
        let step = progress.step(format!("Deleting ClusterManager {}", args.name));
        hub.call_opt(managers.delete(&args.name, &DeleteParams::default()))
            .await
            .doing("delete the ClusterManager")?;
        wait::until_gone::<DynamicObject>(managers, &args.name, until, |detail| {
            step.waiting(detail);
        })
        .await
        .map_err(|error| {
            wait_error(error, &hub, "the ClusterManager to be gone")
                .hint("is deployment open-cluster-management/cluster-manager running? It cleans up")
        })?;
        step.done();
    }
    if args.purge_operator {
        remove::operator(&mut removal, names::CLUSTER_MANAGER).await?;
        // Of the native hub only.
        let rbac = "rbac.authorization.k8s.io/v1";
        for (version, kind, name) in [
            ("v1", "Service", names::WEBHOOK_SERVICE),
            ("v1", "Secret", names::WEBHOOK_SECRET),
            (rbac, "RoleBinding", names::CLUSTER_MANAGER),
            (rbac, "Role", names::CLUSTER_MANAGER),
        ] {
            let namespace = names::OPERATOR_NAMESPACE;
            removal.object(version, kind, namespace, name).await?;
        }
        let crd = "clustermanagers.operator.open-cluster-management.io";
        removal
            .object(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                "",
                crd,
            )
            .await?;
        remove::operator_namespace(&mut removal, names::KLUSTERLET).await?;
    }
    if !global.dry_run {
        ui.result_line("The multicluster hub control plane has been clean up successfully!")?;
    }
    Ok(())
}

/// Clusters that are available would lose their hub without knowing.
async fn detached(hub: &Connection) -> Result<(), CommandError> {
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let clusters = match hub.list_all(&api, &ListParams::default()).await {
        Ok(found) => found,
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error).doing("list managed clusters"),
    };
    let attached: Vec<String> = clusters
        .iter()
        .filter(|cluster| {
            resources::condition(&cluster.data, "ManagedClusterConditionAvailable") == "True"
        })
        .map(ResourceExt::name_any)
        .collect();
    let Some(first) = attached.first() else {
        return Ok(());
    };
    Err(CommandError::user(format!(
        "Please detach all managed clusters from the hub control plane: {}",
        attached.join(", ")
    ))
    .hint(format!(
        "run `{} unjoin --cluster-name {first}` on it",
        program()
    ))
    .hint(
        "a cluster that has left counts as attached until its lease runs out; \
         delete its ManagedCluster, or pass --force",
    ))
}

/// First of all nobody can join any more.
async fn bootstrap(
    hub: &Connection,
    removal: &mut Removal<'_>,
    dry_run: bool,
) -> Result<(), CommandError> {
    let rbac = "rbac.authorization.k8s.io/v1";
    for binding in BOOTSTRAP_BINDINGS {
        removal
            .object(rbac, "ClusterRoleBinding", "", binding)
            .await?;
    }
    removal
        .object(rbac, "ClusterRole", "", names::ROLE_BOOTSTRAP)
        .await?;
    for kind in ["RoleBinding", "Role"] {
        removal
            .object(rbac, kind, "kube-public", names::ROLE_BOOTSTRAP)
            .await?;
    }
    let namespace = names::OPERATOR_NAMESPACE;
    removal
        .object(
            "v1",
            "ServiceAccount",
            namespace,
            names::BOOTSTRAP_SERVICE_ACCOUNT,
        )
        .await?;
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), "kube-system");
    let label = format!("app={}", names::CLUSTER_MANAGER);
    let found = hub
        .call(secrets.list(&ListParams::default().labels(&label)))
        .await
        .doing("read the bootstrap tokens")?;
    for secret in found {
        let name = secret.name_any();
        if dry_run {
            removal.would(&format!("Secret kube-system/{name}"))?;
        } else {
            removal.object("v1", "Secret", "kube-system", &name).await?;
        }
    }
    Ok(())
}
