//! `ocmadm unaccept`: takes back that clusters are accepted. They stay on the
//! list, and may do nothing on the hub until they are accepted again.

use futures::StreamExt as _;
use kube::api::Patch;
use serde_json::{Value, json};

use crate::cmd::args::{Choice, ClustersArgs, GlobalArgs};
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::Doing;
use crate::cmd::{CONCURRENCY, connect, program, resources, same_cluster};
use crate::error::{CommandError, Kind};
use crate::k8s::client::Connection;
use crate::ui::Ui;

/// Arguments of `ocmadm unaccept`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    clusters: ClustersArgs,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, unknown clusters, no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() {
        return Err(Choice::missing());
    }
    let hub = connect(global).await?;
    let chosen = choice.find(&hub).await?;
    args.confirm.ask(
        global,
        ui,
        &format!(
            "Take back that {} may work with this hub?",
            chosen.names.join(", ")
        ),
    )?;
    let hub = &hub;
    let mut results = futures::stream::iter(&chosen.names)
        .map(|name| {
            let known = chosen.clusters.iter().find(|cluster| {
                cluster.metadata.name.as_deref() == Some(name)
                    && cluster.data.pointer("/spec/hubAcceptsClient") != Some(&Value::Bool(true))
            });
            async move {
                match known {
                    Some(_) => Ok(format!("managed cluster {name} is not accepted")),
                    None => unaccept(hub, name, global).await,
                }
            }
        })
        .buffered(CONCURRENCY);
    let mut failed: Vec<CommandError> = Vec::new();
    while let Some(result) = results.next().await {
        match result {
            Ok(line) => ui.result_line(&line)?,
            Err(error) => failed.push(error),
        }
    }
    drop(results);
    match failed.len() {
        0 => {}
        1 => return Err(failed.remove(0)),
        count => {
            for error in &failed {
                ui.failure(&error.render());
            }
            let kind = failed.first().map_or(Kind::User, CommandError::kind);
            let all = chosen.names.len();
            return Err(CommandError::new(
                kind,
                format!("{count} of {all} clusters failed"),
            ));
        }
    }
    if !global.dry_run {
        ui.hint(&format!(
            "to let them in again: `{} accept --clusters {}{}`; to remove them for good: `{} detach`",
            program(),
            chosen.names.join(","),
            same_cluster(global),
            program()
        ));
    }
    Ok(())
}

async fn unaccept(
    hub: &Connection,
    name: &str,
    global: &GlobalArgs,
) -> Result<String, CommandError> {
    if global.dry_run && !global.dry_run_on_server {
        return Ok(format!(
            "set hubAcceptsClient to false for managed cluster {name} (dry run)"
        ));
    }
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let patch = Patch::Merge(json!({"spec": {"hubAcceptsClient": false}}));
    hub.call(api.patch(name, &resources::patching(global.dry_run), &patch))
        .await
        .doing(&format!("take back that {name} is accepted"))?;
    Ok(match global.dry_run {
        true => {
            format!("set hubAcceptsClient to false for managed cluster {name} (server dry run)")
        }
        false => format!("set hubAcceptsClient to false for managed cluster {name}"),
    })
}
