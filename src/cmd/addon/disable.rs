//! `ocmadm addon disable`.

use futures::StreamExt;
use kube::ResourceExt as _;
use kube::api::DeleteParams;

use super::wait::{self, Until};
use crate::cmd::args::{Choice, ClustersArgs, GlobalArgs};
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::server_error;
use crate::cmd::{CONCURRENCY, connect, offers, resources};
use crate::error::{CommandError, Kind};
use crate::ui::Ui;

/// Arguments of `ocmadm addon disable`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Add-ons, separated by commas (repeatable)
    #[arg(
        long,
        alias = "name",
        value_name = "NAME,...",
        value_delimiter = ',',
        required = true,
        add = crate::cmd::completion::addons()
    )]
    names: Vec<String>,

    #[command(flatten)]
    clusters: ClustersArgs,

    #[command(flatten)]
    confirm: ConfirmArgs,

    /// Wait until the add-ons are gone
    #[arg(long)]
    wait: bool,
}

/// Runs the command.
///
/// # Errors
/// No clusters named, unknown ones, or no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() {
        return Err(Choice::missing()
            .hint("clusteradm takes this for all clusters; here that is said: --all"));
    }
    let hub = connect(global).await?;
    let names: Vec<String> = args
        .names
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    let (chosen, offered) =
        futures::future::join(choice.find(&hub), offers::named(&hub, &names)).await;
    let chosen = chosen?;
    for offer in &offered {
        if let Some(placements) = offers::placed(offer) {
            ui.warning(&format!(
                "add-on {} is installed where its placements say ({placements}): on clusters that these choose the hub installs it again",
                offer.name_any()
            ));
        }
    }
    args.confirm.ask(
        global,
        ui,
        &format!(
            "Disable {} on {} clusters?",
            args.names.join(", "),
            chosen.names.len()
        ),
    )?;
    let params = DeleteParams {
        dry_run: global.dry_run,
        ..DeleteParams::default()
    };
    let wanted: Vec<(&str, &str)> = chosen
        .names
        .iter()
        .flat_map(|cluster| {
            args.names
                .iter()
                .map(move |addon| (addon.trim(), cluster.as_str()))
        })
        .collect();
    let mut results = futures::stream::iter(&wanted)
        .map(|(addon, cluster)| {
            let api = resources::within(&hub.client, &resources::managed_cluster_addon(), cluster);
            let (hub, params) = (&hub, &params);
            async move {
                let gone = hub.call_opt(api.delete(addon, params)).await;
                match gone {
                    Ok(Some(_)) => Ok(format!(
                        "Undeploying {addon} add-on in managed cluster: {cluster}."
                    )),
                    Ok(None) => Ok(format!("{addon} add-on not found in cluster: {cluster}.")),
                    Err(error) => Err(server_error(
                        error,
                        &format!("disable add-on {addon} on {cluster}"),
                    )),
                }
            }
        })
        .buffered(CONCURRENCY);
    let mut failed = 0;
    while let Some(result) = results.next().await {
        match result {
            Ok(line) => ui.result_line(&line)?,
            Err(error) => {
                ui.failure(&error.render());
                failed += 1;
            }
        }
    }
    if global.dry_run {
        ui.status("Nothing was changed (dry run).");
    }
    if failed == 0 {
        return match args.wait && !global.dry_run {
            true => wait::wait(&hub, &wanted, Until::Gone, global, ui).await,
            false => Ok(()),
        };
    }
    Err(CommandError::new(
        Kind::User,
        format!("{failed} add-ons were not disabled"),
    ))
}
