//! `ocmadm clusterset bind` and `unbind`: ManagedClusterSetBindings.

use kube::api::DeleteParams;
use kube::core::DynamicObject;
use serde_json::json;

use crate::cmd::args::GlobalArgs;
use crate::cmd::args::choose::unknown_set;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, server_error};
use crate::cmd::{connect, resources};
use crate::error::CommandError;
use crate::k8s::client::Failure;
use crate::ui::Ui;

/// Arguments of `ocmadm clusterset bind` and `unbind`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The cluster set's name
    #[arg(value_name = "SET", add = crate::cmd::completion::sets())]
    name: String,

    /// The namespace
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    namespace: String,
}

/// Arguments of `ocmadm clusterset unbind`.
#[derive(clap::Args, Clone, Debug)]
pub struct UnbindArgs {
    #[command(flatten)]
    binding: Args,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Binds.
///
/// # Errors
/// No such set or namespace, or no permission.
pub async fn bind(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let (set, namespace) = (&args.name, &args.namespace);
    let hub = connect(global).await?;
    let sets = resources::all(&hub.client, &resources::cluster_set());
    let found = hub
        .call_opt(sets.get_metadata(set))
        .await
        .doing(&format!("read cluster set {set}"))?;
    if found.is_none() {
        return Err(unknown_set(&hub, set).await);
    }
    if global.dry_run && !global.dry_run_on_server {
        ui.result_line(&format!(
            "Clusterset {set} would be bound to Namespace {namespace} (dry run)"
        ))?;
        return Ok(());
    }
    let binding: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSetBinding",
        "metadata": {"name": set, "namespace": namespace},
        "spec": {"clusterSet": set},
    }))
    .map_err(|error| CommandError::internal("a binding could not be built").because(error))?;
    let api = resources::within(&hub.client, &resources::cluster_set_binding(), namespace);
    let params = resources::posting(global.dry_run);
    let doing = format!("bind cluster set {set} to namespace {namespace}");
    match hub.call(api.create(&params, &binding)).await {
        Ok(_) if global.dry_run => ui.result_line(&format!(
            "Clusterset {set} would be bound to Namespace {namespace} (server dry run)"
        ))?,
        Ok(_) => ui.result_line(&format!(
            "Clusterset {set} is bound to Namespace {namespace}"
        ))?,
        Err(error) if matches!(&error.failure, Failure::Conflict(text) if text.contains("exists")) =>
        {
            ui.result_line(&format!(
                "Clusterset {set} is already bound to Namespace {namespace}"
            ))?;
        }
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => {
            return Err(server_error(error, &doing).hint(format!(
                "`kubectl create namespace {namespace}` makes the namespace"
            )));
        }
        Err(error) => return Err(server_error(error, &doing)),
    }
    Ok(())
}

/// Unbinds.
///
/// # Errors
/// No permission.
pub async fn unbind(args: &UnbindArgs, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let (set, namespace) = (&args.binding.name, &args.binding.namespace);
    args.confirm.ask(
        global,
        ui,
        &format!("Take clusters of set {set} from the placements of namespace {namespace}?"),
    )?;
    let hub = connect(global).await?;
    let api = resources::within(&hub.client, &resources::cluster_set_binding(), namespace);
    if global.dry_run && !global.dry_run_on_server {
        ui.result_line(&format!(
            "Clusterset {set} would be unbound from Namespace {namespace} (dry run)"
        ))?;
        return Ok(());
    }
    let params = DeleteParams {
        dry_run: global.dry_run,
        ..DeleteParams::default()
    };
    let gone = hub
        .call_opt(api.delete(set, &params))
        .await
        .doing(&format!(
            "unbind cluster set {set} from namespace {namespace}"
        ))?;
    if gone.is_none() {
        ui.status(&format!(
            "Clusterset {set} was not bound to Namespace {namespace}."
        ));
    }
    ui.result_line(&format!(
        "Clusterset {set} is unbind from namespace {namespace}"
    ))?;
    Ok(())
}
