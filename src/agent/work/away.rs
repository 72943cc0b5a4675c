//! The hub is away since before this agent started: what was applied is looked
//! after by the copies. Nothing is deleted, pruned or reported until it is back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::agent::Agent;
use super::local::{Applied, Local};
use super::model::AppliedWork;
use super::owner::Owner;
use super::{record, status};
use crate::runtime::{Failure, Next};

/// How long the hub is waited for before copies are used.
pub const PATIENCE: Duration = Duration::from_secs(5);

impl Agent {
    /// Corrects drift of the work that the record is of.
    pub(super) async fn drive_away(
        self: &Arc<Self>,
        name: &str,
        record: Option<Arc<AppliedWork>>,
        local: &mut Local,
    ) -> Result<Next, Failure> {
        let Some(record) = record.filter(|record| {
            record.metadata.deletion_timestamp.is_none()
                && record.spec.agent_id == self.options.agent_id
        }) else {
            self.forget(name, local);
            return Ok(Next::OnChange);
        };
        let work = match &local.work {
            Some(work) => Arc::clone(work),
            None => match self.copies.read(&record).await? {
                Some(work) => work,
                None => return Ok(Next::OnChange),
            },
        };
        let owner = Owner {
            name: self.record_name(name),
            uid: record.metadata.uid.clone().unwrap_or_default(),
        };
        let applied = Applied::of(&work, &record);
        let resync = local.resync_at.is_some_and(|at| at <= Instant::now());
        let everything = local.applied.as_ref() != Some(&applied) || resync;
        let complete = status::complete(&work.status.conditions);
        let record = self
            .apply_items(&work, &record, &owner, local, everything, complete)
            .await?;
        local.applied = Some(applied);
        local.work = Some(work);
        // What is made anew has another UID; what the work lost is for later.
        let (mut resources, stale) =
            super::local::tracked(&local.items, &record::recorded(&record));
        resources.extend(stale);
        let start = record.status.eviction_start_time.clone();
        let recorded = self
            .write_record_status(&record, record::status(resources, start))
            .await?;
        local.record = Some(recorded);
        let unwatched = self.watch_items(name, local, &[]);
        Ok(self.next_of(local, false, unwatched))
    }
}
