//! What `delete placement` and `delete replicaset` share: objects of one
//! namespace, by name.

use futures::StreamExt as _;
use kube::Api;
use kube::api::DeleteParams;
use kube::core::DynamicObject;
use tokio::time::Instant;

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::{CONCURRENCY, deadline};
use crate::error::{CommandError, Kind};
use crate::k8s::client::Connection;
use crate::k8s::wait;
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// Objects to delete.
pub(super) struct Targets<'a> {
    pub(super) hub: &'a Connection,
    pub(super) api: Api<DynamicObject>,
    /// What one is called.
    pub(super) what: &'static str,
    pub(super) namespace: &'a str,
    pub(super) names: &'a [String],
    /// Whether to wait until they are gone.
    pub(super) wait: bool,
}

impl Targets<'_> {
    /// All at once; results in the order given.
    ///
    /// # Errors
    /// No permission, or what does not go in time.
    pub(super) async fn delete(&self, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
        let until = deadline(global.timeout);
        let progress = ui.progress();
        let mut failed: Vec<CommandError> = Vec::new();
        let progress = &progress;
        let mut results = futures::stream::iter(self.names)
            .map(|name| async move { self.one(name, global, until, progress).await })
            .buffered(CONCURRENCY);
        while let Some(result) = results.next().await {
            match result {
                Ok(line) => ui.result_line(&line)?,
                Err(error) => failed.push(error),
            }
        }
        if failed.len() <= 1 {
            return failed.pop().map_or(Ok(()), Err);
        }
        for error in &failed {
            ui.failure(&error.render());
        }
        let kind = failed.first().map_or(Kind::User, CommandError::kind);
        let (count, all) = (failed.len(), self.names.len());
        Err(CommandError::new(kind, format!("{count} of {all} failed")))
    }

    async fn one(
        &self,
        name: &str,
        global: &GlobalArgs,
        until: Instant,
        progress: &Progress<'_>,
    ) -> Result<String, CommandError> {
        let (what, namespace) = (self.what, self.namespace);
        let shown = format!("{what} {namespace}/{name}");
        if global.dry_run && !global.dry_run_on_server {
            let found = self.hub.call_opt(self.api.get(name)).await;
            return Ok(match found.doing(&format!("read {shown}"))? {
                Some(_) => format!("{shown} would be deleted (dry run)"),
                None => format!("{shown} not found or is already deleted"),
            });
        }
        let params = DeleteParams {
            dry_run: global.dry_run,
            ..DeleteParams::default()
        };
        let answer = self.hub.call_opt(self.api.delete(name, &params)).await;
        let Some(answer) = answer.doing(&format!("delete {shown}"))? else {
            return Ok(format!("{shown} not found or is already deleted"));
        };
        if global.dry_run {
            return Ok(format!("{shown} would be deleted (server dry run)"));
        }
        if answer.is_left() {
            if !self.wait {
                return Ok(format!("{shown} is being deleted"));
            }
            let step = progress.step(format!("Deleting {shown}"));
            wait::until_gone::<DynamicObject>(self.api.clone(), name, until, |detail| {
                step.waiting(detail);
            })
            .await
            .map_err(|error| wait_error(error, self.hub, &format!("{shown} to be gone")))?;
            step.done();
        }
        Ok(format!("{shown} is deleted"))
    }
}
