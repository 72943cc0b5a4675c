//! Waiting until works are applied and available, and what to say where they are not.

use futures::StreamExt;
use kube::core::DynamicObject;
use serde_json::Value;

use super::Job;
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::wait_error;
use crate::cmd::{deadline, program, resources, works};
use crate::error::CommandError;
use crate::k8s::wait::{self, State};
use crate::ui::Ui;
use crate::ui::progress::Step;

impl Job<'_> {
    /// Until the agent of every cluster says that all is applied and available.
    pub(super) async fn wait(
        &self,
        clusters: &[String],
        global: &GlobalArgs,
        ui: &Ui,
    ) -> Result<(), CommandError> {
        let progress = ui.progress();
        let until = deadline(global.timeout);
        let mut waits = futures::stream::iter(clusters)
            .map(|cluster| {
                let step = progress.step(format!("Work {} in {cluster}", self.args.name));
                async move { (cluster, self.wait_in(cluster, until, step).await) }
            })
            .buffered(clusters.len().max(1));
        let mut failed: Vec<(&str, CommandError)> = Vec::new();
        while let Some((cluster, result)) = waits.next().await {
            failed.extend(result.err().map(|error| (cluster.as_str(), error)));
        }
        drop(waits);
        match failed.len() {
            0 => Ok(()),
            1 => Err(failed.remove(0).1),
            _ => Err(self.not_everywhere(failed, clusters.len())),
        }
    }

    /// Several clusters that a wait ended without: who, and what the first lacks.
    fn not_everywhere(&self, mut failed: Vec<(&str, CommandError)>, of: usize) -> CommandError {
        let mut names: Vec<&str> = failed.iter().take(TOLD).map(|(name, _)| *name).collect();
        let more = format!("{} more", failed.len() - names.len());
        if failed.len() > TOLD {
            names.push(&more);
        }
        let name = &self.args.name;
        let message = format!(
            "work {name} is not available in {} of {of} clusters: {}",
            failed.len(),
            names.join(", ")
        );
        let (_, first) = failed.swap_remove(0);
        CommandError::new(first.kind(), message)
            .because(first)
            .hint("wait longer with --timeout")
            .hint(format!(
                "`{} get works {name} -o tree` shows every resource",
                program()
            ))
    }

    async fn wait_in(
        &self,
        cluster: &str,
        until: tokio::time::Instant,
        step: Step<'_>,
    ) -> Result<(), CommandError> {
        let name = &self.args.name;
        let api = resources::within(&self.hub.client, &resources::manifest_work(), cluster);
        let ready = wait::until_object(
            api,
            name,
            until,
            |work: Option<&DynamicObject>| match work {
                None => State::Failed("it was deleted".to_owned()),
                Some(work) => works::readiness(work),
            },
            |detail| step.waiting(detail),
        )
        .await;
        let Err(error) = ready else {
            step.done_with("available");
            return Ok(());
        };
        let api = resources::within(&self.hub.client, &resources::manifest_work(), cluster);
        let bad = match self.hub.call_opt(api.get(name)).await {
            Ok(Some(work)) => bad_manifests(&work),
            _ => Vec::new(),
        };
        let mut error = wait_error(error, self.hub, &format!("work {name} in {cluster}"));
        for line in bad {
            error = error.hint(line);
        }
        Err(error.hint(format!(
            "`{} get works {name} --clusters {cluster}` shows every resource",
            program()
        )))
    }
}

/// How many manifests that are not well are told.
const TOLD: usize = 5;

/// What is wrong with each manifest that is not well, a line each.
fn bad_manifests(work: &DynamicObject) -> Vec<String> {
    let reported = work.data.pointer("/status/resourceStatus/manifests");
    let reported = reported.and_then(Value::as_array).into_iter().flatten();
    let mut lines: Vec<String> = reported
        .filter_map(|one| {
            let bad = ["Applied", "Available"].into_iter().find_map(|kind| {
                resources::find_condition(one, kind).filter(|found| found["status"] == "False")
            })?;
            let of = |key: &str| one["resourceMeta"][key].as_str().unwrap_or_default();
            let place = match of("namespace") {
                "" => of("name").to_owned(),
                namespace => format!("{namespace}/{}", of("name")),
            };
            let why = bad["message"].as_str().unwrap_or_default().trim();
            Some(format!("{} {place}: {why}", of("kind")))
        })
        .collect();
    let more = lines.len().saturating_sub(TOLD);
    if more > 0 {
        lines.truncate(TOLD);
        lines.push(format!("and {more} manifests more"));
    }
    lines
}
