//! `ocmadm create clusterset`.

use kube::core::DynamicObject;
use serde_json::json;

use crate::cmd::args::GlobalArgs;
use crate::cmd::create::work::plan::is_dns_subdomain;
use crate::cmd::explain::server_error;
use crate::cmd::{connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Failure;
use crate::ui::Ui;

/// Arguments of `ocmadm create clusterset`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The cluster set's name
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// No hub there, a name that cannot be one, or no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let name = &args.name;
    if !is_dns_subdomain(name) {
        return Err(
            CommandError::usage(format!("{name:?} cannot be the name of a cluster set")).hint(
                "use small letters, digits, - and . only, with a letter or digit at both ends",
            ),
        );
    }
    let hub = connect(global).await?;
    if global.dry_run && !global.dry_run_on_server {
        ui.result_line(&format!("Clusterset {name} would be created (dry run)"))?;
        return Ok(());
    }
    let api = resources::all(&hub.client, &resources::cluster_set());
    let set: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta2",
        "kind": "ManagedClusterSet",
        "metadata": {"name": name},
        "spec": {},
    }))
    .map_err(|error| CommandError::internal("a cluster set could not be built").because(error))?;
    let params = resources::posting(global.dry_run);
    match hub.call(api.create(&params, &set)).await {
        Ok(_) if global.dry_run => {
            ui.result_line(&format!(
                "Clusterset {name} would be created (server dry run)"
            ))?;
        }
        Ok(_) => {
            ui.result_line(&format!("Clusterset {name} is created"))?;
            ui.hint(&format!(
                "to put clusters into it: `{} clusterset set {name} --clusters NAME,...{}`",
                program(),
                same_cluster(global)
            ));
        }
        Err(error) if matches!(&error.failure, Failure::Conflict(_)) => {
            ui.result_line(&format!("Clusterset {name} is already created"))?;
        }
        Err(error) => return Err(server_error(error, &format!("create cluster set {name}"))),
    }
    Ok(())
}
