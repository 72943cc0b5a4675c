//! `ocmadm detach`: takes clusters off the hub. Works and add-ons go first, while
//! the agent can clean up after them; then the cluster, and, with a way to it,
//! its agent.

use futures::StreamExt as _;
use kube::api::{DeleteParams, Patch};
use kube::core::DynamicObject;
use serde_json::json;
use tokio::time::Instant;

use crate::cmd::args::{Choice, ClustersArgs, GlobalArgs};
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::{connect, deadline, drain, program, resources, unjoin};
use crate::error::{CommandError, Kind};
use crate::k8s::client::Connection;
use crate::k8s::wait;
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// How many clusters go at once.
const CONCURRENCY: usize = 8;

/// Arguments of `ocmadm detach`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    clusters: ClustersArgs,

    /// Context of the managed cluster: its agent is removed, too (one cluster at a time)
    #[arg(long, value_name = "NAME", add = crate::cmd::completion::contexts())]
    managed_context: Option<String>,

    /// Do not wait for agents: resources of works stay on the managed clusters
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs the command.
///
/// # Errors
/// Unknown clusters, no permission, or an agent that does not clean up in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() {
        return Err(Choice::missing());
    }
    let hub = connect(global).await?;
    let clusters = choice.find(&hub).await?.names;
    if args.managed_context.is_some() && clusters.len() > 1 {
        return Err(CommandError::usage(format!(
            "--managed-context is for one cluster, and {} are chosen",
            clusters.len()
        )));
    }
    let until = deadline(global.timeout);
    for cluster in &clusters {
        let load = drain::load(&hub, cluster).await?;
        load.tell(cluster, global.dry_run, ui);
    }
    if global.dry_run {
        for cluster in &clusters {
            ui.result_line(&format!(
                "managed cluster {cluster} would be detached (dry run)"
            ))?;
        }
    } else {
        let question = format!("Take {} off the hub {}?", clusters.join(", "), hub.url);
        args.confirm.ask(global, ui, &question)?;
        all(&hub, &clusters, args.force, until, ui).await?;
    }
    match (&args.managed_context, clusters.as_slice()) {
        (Some(context), [cluster]) => {
            let there = GlobalArgs {
                context: Some(context.clone()),
                ..global.clone()
            };
            unjoin::run(&unjoin::Args::all_of(cluster, args.force), &there, ui).await
        }
        (_, clusters) if !global.dry_run => {
            for cluster in clusters {
                ui.hint(&format!(
                    "its agent asks to join again until it is removed: \
                     `{} unjoin --cluster-name {cluster} --context CONTEXT` on the managed cluster",
                    program()
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Clusters go concurrently; what fails of one does not stop the others.
async fn all(
    hub: &Connection,
    clusters: &[String],
    force: bool,
    until: Instant,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut failed: Vec<CommandError> = Vec::new();
    {
        let progress = ui.progress();
        let progress = &progress;
        let mut results = futures::stream::iter(clusters)
            .map(|cluster| async move {
                drain::drain(hub, cluster, force, until, progress).await?;
                remove(hub, cluster, force, until, progress).await?;
                Ok(format!("managed cluster {cluster} is detached"))
            })
            .buffered(CONCURRENCY);
        while let Some(result) = results.next().await {
            match result {
                Ok(line) => ui.result_line(&line)?,
                Err(error) => failed.push(error),
            }
        }
    }
    if failed.len() <= 1 {
        return failed.pop().map_or(Ok(()), Err);
    }
    for error in &failed {
        ui.failure(&error.render());
    }
    let kind = failed.first().map_or(Kind::User, CommandError::kind);
    Err(CommandError::new(
        kind,
        format!(
            "{} of {} clusters are not detached",
            failed.len(),
            clusters.len()
        ),
    ))
}

/// The ManagedCluster goes; the hub removes its namespace and rights.
async fn remove(
    hub: &Connection,
    cluster: &str,
    force: bool,
    until: Instant,
    progress: &Progress<'_>,
) -> Result<(), CommandError> {
    let doing = format!("delete managed cluster {cluster}");
    let step = progress.step(format!("Deleting managed cluster {cluster}"));
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let params = DeleteParams::default();
    let answer = hub.call_opt(api.delete(cluster, &params)).await;
    let answer = answer.doing(&doing)?;
    if force && answer.is_some_and(|answer| answer.is_left()) {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        hub.call_opt(api.patch(cluster, &resources::patching(false), &patch))
            .await
            .doing(&doing)?;
    }
    wait::until_gone::<DynamicObject>(api, cluster, until, |detail| step.waiting(detail))
        .await
        .map_err(|error| {
            wait_error(error, hub, &format!("managed cluster {cluster} to be gone")).hint(
                "are the hub's controllers running? They clean up; --force does not wait for them",
            )
        })?;
    step.done();
    Ok(())
}
