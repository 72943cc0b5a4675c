//! `ocmadm delete clusterset`.

use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use kube::core::DynamicObject;

use crate::cmd::args::GlobalArgs;
use crate::cmd::args::choose::unknown_set;
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::get::list::text;
use crate::cmd::{connect, deadline, program, resources};
use crate::error::CommandError;
use crate::k8s::wait;
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm delete clusterset`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The cluster set's name
    #[arg(value_name = "NAME", add = crate::cmd::completion::sets())]
    name: String,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs the command.
///
/// # Errors
/// A set that must stay, is bound, does not exist or does not go in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let name = args.name.as_str();
    if name == names::DEFAULT_CLUSTER_SET || name == names::GLOBAL_CLUSTER_SET {
        return Err(CommandError::user(format!(
            "Clusterset {name} can not be deleted: the hub makes it by itself"
        ))
        .hint(format!(
            "`{} clusterset set OTHER --clusters NAME,...` puts clusters into another one",
            program()
        )));
    }
    let hub = connect(global).await?;
    let bindings = resources::all(&hub.client, &resources::cluster_set_binding());
    let bound: Vec<String> = hub
        .call(bindings.list(&ListParams::default()))
        .await
        .doing("list the bindings of cluster sets")?
        .items
        .iter()
        .filter(|binding| text(binding, "/spec/clusterSet") == name)
        .filter_map(ResourceExt::namespace)
        .collect();
    if let Some(first) = bound.first() {
        return Err(CommandError::user(format!(
            "Clusterset {name} still bind to a namespace! Please unbind before deleted: {}",
            bound.join(", ")
        ))
        .hint(format!(
            "`{} clusterset unbind {name} --namespace {first}`",
            program()
        )));
    }
    args.confirm
        .ask(global, ui, &format!("Delete cluster set {name}?"))?;
    let api = resources::all(&hub.client, &resources::cluster_set());
    if global.dry_run && !global.dry_run_on_server {
        return match hub
            .call_opt(api.get(name))
            .await
            .doing("read the cluster set")?
        {
            Some(_) => {
                ui.result_line(&format!("Clusterset {name} would be deleted (dry run)"))?;
                Ok(())
            }
            None => Err(unknown_set(&hub, name).await),
        };
    }
    let params = DeleteParams {
        dry_run: global.dry_run,
        ..DeleteParams::default()
    };
    let answer = hub
        .call_opt(api.delete(name, &params))
        .await
        .doing(&format!("delete cluster set {name}"))?;
    let Some(answer) = answer else {
        return Err(unknown_set(&hub, name).await);
    };
    if global.dry_run {
        ui.result_line(&format!(
            "Clusterset {name} would be deleted (server dry run)"
        ))?;
        return Ok(());
    }
    if answer.is_left() {
        let progress = ui.progress();
        let step = progress.step(format!("Deleting cluster set {name}"));
        wait::until_gone::<DynamicObject>(api, name, deadline(global.timeout), |detail| {
            step.waiting(detail);
        })
        .await
        .map_err(|error| wait_error(error, &hub, &format!("cluster set {name} to be gone")))?;
        step.done();
    }
    ui.result_line(&format!("Clusterset {name} is deleted"))?;
    Ok(())
}
