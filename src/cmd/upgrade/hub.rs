//! `ocmadm upgrade clustermanager`.

use std::path::PathBuf;

use kube::core::DynamicObject;

use super::{Common, only, tell};
use crate::bundle::{self, HubValues, UpstreamHub};
use crate::cmd::args::GlobalArgs;
use crate::cmd::components::{Installed, installed};
use crate::cmd::explain::server_error;
use crate::cmd::values::Values;
use crate::cmd::{connect, deadline, init, install, preview, program, resources};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ocm::operator::v1::ClusterManagerSpec;
use crate::ui::Ui;

/// Arguments of `ocmadm upgrade clustermanager`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Values of clusteradm's chart (YAML) that are laid over what is there
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    cluster_manager_values_file: Option<PathBuf>,

    #[command(flatten)]
    common: Common,
}

/// Runs the command.
///
/// # Errors
/// No hub, an unknown or older version, or what the cluster refuses.
pub(super) async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let mut values = Values::of(args.cluster_manager_values_file.as_deref())?;
    let hub = connect(global).await?;
    let until = deadline(global.timeout);
    let (manager, before) = present(&hub).await?;
    let mut spec: ClusterManagerSpec = serde_json::from_value(manager.data["spec"].clone())
        .map_err(|error| CommandError::user("the ClusterManager cannot be read").because(error))?;
    let mut objects = if before.native {
        values.lay("clusterManager", &mut spec)?;
        values.finish(ui);
        let image = args.common.image(&before)?;
        tell(ui, "cluster-manager", &before.image, &image);
        bundle::hub(&HubValues {
            image,
            replicas: before.replicas,
            cluster_manager: spec,
            arguments: before.arguments.clone(),
            ..HubValues::default()
        })?
    } else {
        args.common.bundle.tell_components(ui);
        let images = args.common.images(&before)?;
        let upstream = init::laid(
            UpstreamHub {
                images,
                replicas: Some(before.replicas),
                cluster_manager: spec,
                sync_labels: before.arguments.iter().any(|a| a == "--enable-sync-labels"),
                ..UpstreamHub::default()
            },
            values,
            ui,
        )?;
        tell(
            ui,
            "cluster-manager",
            &before.image,
            &upstream.images.operator(),
        );
        bundle::upstream_hub(&upstream)?
    };
    only(&mut objects, names::CLUSTER_MANAGER, "ClusterManager");
    if global.dry_run_on_server {
        return preview::preview(&hub, &objects, "the hub", ui).await;
    }
    if global.dry_run {
        install::dry_run_note(ui);
        ui.result(&install::manifests(&objects))?;
        return Ok(());
    }
    ui.result_line("clustermanager installed. starting upgrade")?;
    install::apply(&hub, &objects, "the hub", until, ui).await?;
    if args.common.wait {
        init::until_ready(&hub, !before.native, until, ui).await?;
    }
    ui.result_line("upgraded completed successfully")?;
    if !args.common.wait {
        ui.hint(&format!(
            "`{} get hub-info` shows how far it is; --wait waits for it",
            program()
        ));
    }
    Ok(())
}

/// The hub as it is.
async fn present(hub: &Connection) -> Result<(DynamicObject, Installed), CommandError> {
    let missing = || {
        CommandError::user("clustermanager is not installed")
            .hint(format!("`{} init` makes this cluster a hub", program()))
    };
    let api = resources::all(&hub.client, &resources::cluster_manager());
    let manager = match hub.call(api.get(names::CLUSTER_MANAGER)).await {
        Ok(manager) => manager,
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => return Err(missing()),
        Err(error) => return Err(server_error(error, "read the ClusterManager")),
    };
    let before = installed(hub, names::CLUSTER_MANAGER)
        .await?
        .ok_or_else(missing)?;
    Ok((manager, before))
}
