//! `ocmadm delete work`.

use futures::StreamExt;
use kube::api::{DeleteParams, Patch};
use kube::core::DynamicObject;
use serde_json::json;
use tokio::time::Instant;

use crate::cmd::args::{Choice, ClustersArgs, GlobalArgs};
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::{CONCURRENCY, connect, deadline, program, resources};
use crate::error::{CommandError, Kind};
use crate::k8s::client::Connection;
use crate::k8s::wait;
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// Arguments of `ocmadm delete work`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The work's name
    #[arg(value_name = "NAME", add = crate::cmd::completion::works())]
    name: String,

    #[command(flatten)]
    clusters: ClustersArgs,

    /// Wait until the work and its resources are gone
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    wait: bool,

    /// Do not wait for the agent: its resources stay on the managed cluster
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Runs the command.
///
/// # Errors
/// Unknown clusters, no permission, or an agent that does not answer in time.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() {
        return Err(Choice::missing().hint(format!(
            "`{} get works {}` shows where it is",
            program(),
            args.name
        )));
    }
    let hub = connect(global).await?;
    let clusters = choice.find(&hub).await?.names;
    args.confirm.ask(
        global,
        ui,
        &format!(
            "Delete work {} with what it made, in {}?",
            args.name,
            clusters.join(", ")
        ),
    )?;
    let mut failed: Vec<(&str, CommandError)> = Vec::new();
    {
        let progress = ui.progress();
        let job = Job {
            hub: &hub,
            args,
            dry_run: global.dry_run,
            until: deadline(global.timeout),
            progress: &progress,
        };
        let job = &job;
        let mut results = futures::stream::iter(&clusters)
            .map(|cluster| async move { (cluster.as_str(), job.delete(cluster).await) })
            .buffered(CONCURRENCY.max(clusters.len()));
        while let Some((cluster, result)) = results.next().await {
            match result {
                Ok(line) => ui.result_line(&line)?,
                Err(error) => failed.push((cluster, error)),
            }
        }
    }
    match failed.len() {
        0 => Ok(()),
        1 if clusters.len() == 1 => Err(failed.remove(0).1),
        count => {
            for (_, error) in &failed {
                ui.failure(&error.render());
            }
            let names: Vec<&str> = failed.iter().map(|(name, _)| *name).collect();
            Err(CommandError::new(
                failed.first().map_or(Kind::User, |(_, error)| error.kind()),
                format!(
                    "work {}: {count} of {} clusters failed: {}",
                    args.name,
                    clusters.len(),
                    names.join(", ")
                ),
            ))
        }
    }
}

struct Job<'a> {
    hub: &'a Connection,
    args: &'a Args,
    dry_run: bool,
    until: Instant,
    progress: &'a Progress<'a>,
}

impl Job<'_> {
    async fn delete(&self, cluster: &str) -> Result<String, CommandError> {
        let name = &self.args.name;
        let doing = format!("delete work {name} in cluster {cluster}");
        let api = resources::within(&self.hub.client, &resources::manifest_work(), cluster);
        let params = DeleteParams {
            dry_run: self.dry_run,
            ..DeleteParams::default()
        };
        let answer = self
            .hub
            .call_opt(api.delete(name, &params))
            .await
            .doing(&doing)?;
        let Some(answer) = answer else {
            return Ok(format!("work {name} not found or is already deleted"));
        };
        if self.dry_run {
            return Ok(format!(
                "work {name} in cluster {cluster} would be deleted (dry run)"
            ));
        }
        if self.args.force {
            let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            // Gone already is fine.
            self.hub
                .call_opt(api.patch(name, &resources::patching(false), &patch))
                .await
                .doing(&doing)?;
        }
        let gone_at_once = answer.is_right();
        if self.args.wait && !gone_at_once {
            let step = self
                .progress
                .step(format!("Deleting work {name} in {cluster}"));
            step.waiting("the agent removes its resources");
            wait::until_gone::<DynamicObject>(api, name, self.until, |detail| {
                step.waiting(detail);
            })
            .await
            .map_err(|error| {
                wait_error(
                    error,
                    self.hub,
                    &format!("work {name} in {cluster} to be gone"),
                )
                .hint(
                    "is the agent of the cluster running? --force deletes the work \
                     and leaves its resources there",
                )
            })?;
            step.done();
        } else if !self.args.wait {
            return Ok(format!("work {name} in cluster {cluster} is being deleted"));
        }
        Ok(format!("work {name} in cluster {cluster} is deleted"))
    }
}
