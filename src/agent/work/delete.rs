//! How works, and records whose work is gone, come to their end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, Preconditions};
use serde_json::json;
use tokio::time::timeout;

use super::agent::{Agent, manager};
use super::hub::HubError;
use super::local::Local;
use super::model::{
    APPLIED_FINALIZER, APPLIED_KIND, AppliedResource, AppliedWork, WORK_FINALIZER, Work,
    has_finalizer, now,
};
use super::owner::Owner;
use super::prune::{self, Sole};
use super::record::{self, Eviction};
use super::rest;
use crate::runtime::{Failure, Next};

/// What goes faster than this is not said to be going: that is a write, and nobody
/// could read it.
const AT_ONCE: Duration = Duration::from_millis(500);

/// What of a deleted record is still there.
#[derive(Debug, Default)]
pub struct Rest {
    /// The resources.
    pub entries: Vec<AppliedResource>,
    /// The same in words, with what holds each of them.
    pub words: Vec<String>,
    /// Some could not be deleted at all.
    pub failed: bool,
}

impl Rest {
    /// Whether everything is gone.
    pub const fn is_nothing(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Agent {
    /// Lets everything go that belongs to a work that is being deleted, then the work.
    pub(super) async fn delete_work(
        &self,
        name: &str,
        work: &Arc<Work>,
        record: Option<Arc<AppliedWork>>,
        local: &mut Local,
    ) -> Result<Next, Failure> {
        let flying = self.late.of(name);
        if !flying.is_empty() && has_finalizer(&work.metadata, WORK_FINALIZER) {
            // What may be created any moment cannot be deleted yet.
            local.work = Some(self.say_deleting(name, work, Some(&flying)).await?);
            local.record = record;
            return Ok(Next::OnChange);
        }
        self.late.landed(name);
        let sole = super::local::sole(&local.items);
        local.items.clear();
        local.applied = None;
        if !has_finalizer(&work.metadata, WORK_FINALIZER) {
            self.forget(name, local);
            return Ok(Next::OnChange);
        }
        local.work = Some(Arc::clone(work));
        if let Some(record) = record {
            let mut going = std::pin::pin!(self.let_go(name, &record, &sole));
            let gone = match timeout(AT_ONCE, &mut going).await {
                Ok(gone) => gone,
                Err(_) => {
                    let (said, gone) = tokio::join!(self.say_deleting(name, work, None), going);
                    local.work = Some(said?);
                    gone
                }
            };
            if let Some((record, left)) = gone? {
                local.record = Some(record);
                let next = self.wait_for(name, local, &left);
                let said = local.work.take().unwrap_or_else(|| Arc::clone(work));
                local.work = Some(self.say_deleting(name, &said, Some(&left.words)).await?);
                return Ok(next);
            }
        }
        let work = local.work.take().unwrap_or_else(|| Arc::clone(work));
        match self.remove_finalizer(name, &work).await {
            Ok(()) => {
                self.forget(name, local);
                Ok(Next::OnChange)
            }
            Err(HubError::Silent) => Ok(super::agent::held()),
            Err(error) => {
                self.forget(name, local);
                Err(error.into())
            }
        }
    }

    /// Deletes the record, its resources and its copy. The record and what is still
    /// there, if not all of it goes at once.
    async fn let_go(
        &self,
        name: &str,
        record: &Arc<AppliedWork>,
        sole: &HashMap<AppliedResource, Sole>,
    ) -> Result<Option<(Arc<AppliedWork>, Rest)>, Failure> {
        let deleted = self.delete_record(record).await?;
        self.copies.remove_later(&self.record_name(name));
        let Some(record) = deleted else {
            return Ok(None);
        };
        let left = self.finalize(&record, sole).await?;
        Ok((!left.is_nothing()).then_some((record, left)))
    }

    /// Deletes the record; what is left of it while its finalizer holds it.
    async fn delete_record(
        &self,
        record: &Arc<AppliedWork>,
    ) -> Result<Option<Arc<AppliedWork>>, Failure> {
        if record.metadata.deletion_timestamp.is_some() {
            return Ok(Some(Arc::clone(record)));
        }
        let name = record.metadata.name.as_deref().unwrap_or_default();
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: record.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        match self.records_api.delete(name, &params).await {
            Ok(answer) => Ok(answer
                .left()
                .map(|record| Arc::new(record::trimmed(record)))),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the resources of a deleted record go, then the record. What is still there.
    pub(super) async fn finalize(
        &self,
        record: &Arc<AppliedWork>,
        sole: &HashMap<AppliedResource, Sole>,
    ) -> Result<Rest, Failure> {
        if !has_finalizer(&record.metadata, APPLIED_FINALIZER) {
            return Ok(Rest::default());
        }
        let owner = Owner {
            name: record.metadata.name.clone().unwrap_or_default(),
            uid: record.metadata.uid.clone().unwrap_or_default(),
        };
        let entries = record::recorded(record).into_owned();
        let mut left = prune::prune(&self.spoke, &self.discovery, entries, &owner, |entry| {
            sole.get(entry).cloned()
        })
        .await;
        left.failed.retain(|(entry, error)| {
            let forbidden = prune::is_forbidden(error);
            if forbidden {
                // Garbage collection deletes it with its owner.
                tracing::warn!(resource = %entry.resource, name = %entry.name, %error, "left to garbage collection");
            }
            !forbidden
        });
        if !left.pending.is_empty() || !left.failed.is_empty() {
            let mut words = left.unpruned();
            words.extend(left.held);
            let rest = Rest {
                failed: !left.failed.is_empty(),
                entries: left
                    .pending
                    .into_iter()
                    .chain(left.failed.into_iter().map(|(entry, _)| entry))
                    .collect(),
                words,
            };
            let status = record::status(
                rest.entries.clone(),
                record.status.eviction_start_time.clone(),
            );
            self.write_record_status(record, status).await?;
            return Ok(rest);
        }
        match self.free_record(record).await {
            Ok(()) => Ok(Rest::default()),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.code == 409 => {
                Ok(Rest::default())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the agent's finalizer from a record that is being deleted.
    async fn free_record(&self, record: &AppliedWork) -> Result<(), kube::Error> {
        let name = record.metadata.name.as_deref().unwrap_or_default();
        let mut finalizers = record.metadata.finalizers.clone().unwrap_or_default();
        finalizers.retain(|f| f != APPLIED_FINALIZER);
        if finalizers.is_empty() {
            // Nothing stays of it: to replace it is less work for the API server.
            let stripped = rest::strip(
                &self.records_api,
                APPLIED_KIND,
                &record.metadata,
                &record.spec,
            );
            match stripped.await {
                // Of another version by now.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                other => return other.map(drop),
            }
        }
        let patch = json!({"metadata": {"uid": record.metadata.uid, "finalizers": finalizers}});
        self.records_api
            .patch(name, &manager(), &Patch::Merge(&patch))
            .await
            .map(drop)
    }

    /// Whether the record is of a work that is gone from the hub and was never said to
    /// be applied: nobody counts on its resources, so there is no grace for them.
    ///
    /// Kubernetes deletes an object over a finalizer that is added at the same moment
    /// (what a deletion found is not looked at again when it is repeated after a
    /// conflict), and what an agent that was killed had sent may arrive late.
    pub(super) fn never_finished(&self, record: &AppliedWork) -> bool {
        record::is_unfinished(record) && self.options.eviction_grace_period < record::NEVER
    }

    /// Lets the record go of a work that is gone for good.
    pub(super) async fn end(
        &self,
        name: &str,
        record: &Arc<AppliedWork>,
        local: &mut Local,
    ) -> Result<Next, Failure> {
        tracing::info!(work = %name, "the work went without being let go; its resources go now");
        Ok(match self.let_go(name, record, &HashMap::new()).await? {
            Some((record, left)) => {
                local.record = Some(record);
                self.wait_for(name, local, &left)
            }
            None => Next::OnChange,
        })
    }

    /// A record whose work is not (any more) on the hub.
    pub(super) async fn evict(
        &self,
        record: &Arc<AppliedWork>,
        work: Option<&Work>,
    ) -> Result<Next, Failure> {
        let start = record.status.eviction_start_time.as_deref();
        match record::evict(
            work.is_some(),
            start,
            self.options.eviction_grace_period,
            jiff::Timestamp::now(),
        ) {
            Eviction::Keep => {
                let status = record::status(record.status.applied_resources.clone(), None);
                self.write_record_status(record, status).await?;
                Ok(Next::OnChange)
            }
            Eviction::Start => {
                let status = record::status(record.status.applied_resources.clone(), Some(now()));
                self.write_record_status(record, status).await?;
                Ok(Next::After(self.options.eviction_grace_period))
            }
            Eviction::Wait(left) => Ok(Next::After(left)),
            Eviction::Delete => {
                self.delete_record(record).await?;
                Ok(Next::OnChange)
            }
        }
    }
}
