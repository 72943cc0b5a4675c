//! Applies the manifests of a work that have to be looked at: all of them after
//! a change of the work, else those whose resource changed.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::runtime::wait::{await_condition, conditions};
use tokio::time::Instant;

use super::agent::{Agent, spread};
use super::apply::{Live, Memory, Outcome, Retry, Task};
use super::config::{self, Settings};
use super::executor::{self, Denied};
use super::late::{self, Applying, Done};
use super::local::{Item, Local};
use super::manifest::{self, Decoded};
use super::model::{AppliedResource, AppliedWork, Condition, Manifest, ResourceMeta, Work};
use super::owner::Owner;
use super::record;
use super::status::{self, Failure as ApplyFailure};
use super::watch::{ObjectKey, Wanted};
use crate::k8s::apply::unserved;
use crate::runtime::{Failure, Next};

/// Manifests of one rank that are applied at the same time.
const CONCURRENCY: usize = 8;
/// Everything is looked at again after this long, should an event be lost.
const RESYNC: Duration = Duration::from_secs(1800);
/// A definition that takes longer to be served leaves its objects to a retry.
const ESTABLISHED: Duration = Duration::from_secs(3);

fn text_hash(manifest: &Manifest) -> u64 {
    let mut hasher = DefaultHasher::new();
    manifest.text().hash(&mut hasher);
    hasher.finish()
}

/// How a manifest is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Apply,
    /// Someone undid the last corrections at once: wait with the next one.
    Observe(Option<Instant>),
}

/// Everything that applying one manifest takes, so that it can go on by itself.
struct Job {
    work: Arc<Work>,
    record: Arc<AppliedWork>,
    owner: Owner,
    ordinal: usize,
    text: u64,
    memory: Memory,
    mode: Mode,
    applied: Result<(), ApplyFailure>,
}

impl Agent {
    /// Applies what is due. Returns the record as it is then.
    pub(super) async fn apply_items(
        self: &Arc<Self>,
        work: &Arc<Work>,
        record: &Arc<AppliedWork>,
        owner: &Owner,
        local: &mut Local,
        everything: bool,
        complete: bool,
    ) -> Result<Arc<AppliedWork>, Failure> {
        let mut record = Arc::clone(record);
        let manifests = &work.spec.workload.manifests;
        let now = Instant::now();
        let name = work.metadata.name.as_deref().unwrap_or_default();
        self.take_landed(name, work, local);
        let mut chosen: Vec<Decoded> = Vec::new();
        if everything {
            for (i, manifest) in manifests.iter().enumerate() {
                chosen.push(manifest::decode(&self.discovery, i, manifest).await);
            }
            self.renew_items(work, &chosen, &record, local);
            local.resync_at = Some(now + spread(RESYNC, 0.5));
        } else {
            for (i, manifest) in manifests.iter().enumerate() {
                if local.items.get(i).is_some_and(|item| item.due(now)) {
                    chosen.push(manifest::decode(&self.discovery, i, manifest).await);
                }
            }
        }
        self.expect(name, &chosen);
        if !complete {
            record = self.record_intents(work, &chosen, record).await?;
        }
        let stages = manifest::stages(chosen.iter().map(Decoded::rank));
        let mut todo: Vec<Option<Decoded>> = chosen.into_iter().map(Some).collect();
        for stage in stages {
            let mut jobs = Vec::with_capacity(stage.len());
            for i in stage {
                let Some(mut decoded) = todo[i].take() else {
                    continue;
                };
                let ordinal = usize::try_from(decoded.meta.ordinal).unwrap_or_default();
                if decoded.unknown_kind {
                    // Its definition may have come with an earlier rank.
                    decoded = manifest::decode(&self.discovery, ordinal, &manifests[ordinal]).await;
                    self.expect(name, std::slice::from_ref(&decoded));
                }
                let Some(item) = local.items.get_mut(ordinal) else {
                    continue;
                };
                let done = status::complete_manifest(&work.status, &decoded.meta);
                let mode = match (complete || done, item.calming(now)) {
                    (true, _) => Mode::Observe(None),
                    (false, Some(until)) if !everything => Mode::Observe(Some(until)),
                    _ => Mode::Apply,
                };
                if self.late.is_flying(name, &decoded.meta) {
                    // When that has ended, it is its turn.
                    item.unanswered();
                    item.dirty = true;
                    continue;
                }
                // A complete manifest counts as applied.
                let applied = if done {
                    Ok(())
                } else {
                    item.observed.applied.clone()
                };
                let job = Job {
                    work: Arc::clone(work),
                    record: Arc::clone(&record),
                    owner: owner.clone(),
                    ordinal,
                    text: item.text,
                    memory: std::mem::take(&mut item.memory),
                    mode,
                    applied,
                };
                let meta = decoded.meta.clone();
                let this = Arc::clone(self);
                let applying: Applying =
                    Box::pin(async move { this.carry_out(job, decoded).await });
                jobs.push(self.in_time(name, ordinal, meta, applying));
            }
            let ended: Vec<_> = stream::iter(jobs)
                .buffer_unordered(CONCURRENCY)
                .collect()
                .await;
            let mut done = Vec::with_capacity(ended.len());
            for one in ended {
                match one {
                    Ok(one) => done.push(one),
                    Err(ordinal) => {
                        if let Some(item) = local.items.get_mut(ordinal) {
                            item.unanswered();
                        }
                    }
                }
            }
            for Done {
                decoded, outcome, ..
            } in &done
            {
                if decoded.meta.kind == "CustomResourceDefinition" && outcome.wrote {
                    let waited_for = todo.iter().flatten().any(|d| d.unknown_kind);
                    self.served(decoded, waited_for).await;
                }
            }
            for one in done {
                self.take_note(work, one, local, !everything);
            }
        }
        Ok(record)
    }

    /// What came out of one manifest; its ordinal when there is no answer yet.
    async fn in_time(
        &self,
        work: &str,
        ordinal: usize,
        meta: ResourceMeta,
        mut applying: Applying,
    ) -> Result<Done, usize> {
        if let Ok(done) = tokio::time::timeout(late::SLOW, &mut applying).await {
            return Ok(done);
        }
        match self.late.leave(work, &meta, applying) {
            Ok(()) => Err(ordinal),
            // Too many hang already: this one is waited for.
            Err(applying) => Ok(applying.await),
        }
    }

    /// What came out of requests that were left to themselves.
    fn take_landed(&self, name: &str, work: &Work, local: &mut Local) {
        for done in self.late.landed(name) {
            let same = local
                .items
                .get(done.ordinal)
                .is_some_and(|item| item.is(&done.decoded.meta, done.text));
            if same {
                self.take_note(work, done, local, false);
            } else if let Some(item) = local
                .items
                .iter_mut()
                .find(|item| item.observed.meta.name == done.decoded.meta.name)
            {
                item.dirty = true;
            }
        }
        for item in &mut local.items {
            if item.flying && !self.late.is_flying(name, &item.observed.meta) {
                // It broke off.
                item.flying = false;
                item.dirty = true;
            }
        }
    }

    fn take_note(&self, work: &Work, done: Done, local: &mut Local, correction: bool) {
        let (decoded, outcome) = (&done.decoded, &done.outcome);
        if outcome
            .applied
            .as_ref()
            .is_err_and(|f| unserved(&f.message))
        {
            // Its definition went: look anew next time.
            self.discovery.forget(&decoded.meta.group);
        }
        let settings = config::settings(&work.spec.manifest_configs, &decoded.meta);
        if let Some(item) = local.items.get_mut(done.ordinal) {
            item.memory = done.memory;
            item.note(decoded, outcome, &settings, self.limits, correction);
        }
    }

    async fn carry_out(&self, job: Job, decoded: Decoded) -> Done {
        let mut memory = job.memory;
        let settings = config::settings(&job.work.spec.manifest_configs, &decoded.meta);
        let outcome = self
            .apply_item(
                &job.work,
                &decoded,
                settings,
                &job.owner,
                &job.record,
                &mut memory,
                job.mode,
                job.applied,
            )
            .await;
        Done {
            ordinal: job.ordinal,
            decoded,
            text: job.text,
            memory,
            outcome,
        }
    }

    /// Hears of what is about to be written from before it is.
    fn expect(&self, work: &str, chosen: &[Decoded]) {
        for decoded in chosen.iter().filter(|d| d.unknown_kind) {
            self.wait_for_kind(work, &decoded.meta.group);
        }
        let wanted = chosen.iter().filter_map(|decoded| {
            let mapping = decoded.mapping.as_ref().ok()?;
            let meta = &decoded.meta;
            Some(Wanted {
                mapping: Arc::clone(mapping),
                key: ObjectKey::new(mapping, &meta.namespace, &meta.name),
                seen: 0,
            })
        });
        self.watches.expect(work, wanted.collect());
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all of them differ from manifest to manifest"
    )]
    async fn apply_item(
        &self,
        work: &Work,
        decoded: &Decoded,
        settings: Settings<'_>,
        owner: &Owner,
        record: &AppliedWork,
        memory: &mut Memory,
        mode: Mode,
        applied: Result<(), ApplyFailure>,
    ) -> Outcome {
        let owned = config::owned(&work.spec, &decoded.meta);
        let entry = decoded.resource();
        let recorded = entry.as_ref().is_some_and(|entry| {
            record
                .status
                .applied_resources
                .iter()
                .any(|r| r.key() == entry.key() && !r.uid.is_empty())
        });
        let task = Task {
            decoded,
            settings,
            owned,
            owner,
            fresh: !recorded && memory.settled.is_none(),
        };
        if let Mode::Observe(until) = mode {
            let mut outcome = task.observe(&self.spoke, applied).await;
            if let Some(until) = until {
                outcome.retry = Retry::After(until.saturating_duration_since(Instant::now()));
                if let Live::Exists(live) = &outcome.live {
                    // Whoever looks at the status has to see that it is not so now.
                    outcome.applied = match task.contested(live, memory) {
                        Some(who) => Err(ApplyFailure::apply(who)),
                        None => Ok(()),
                    };
                }
            }
            return outcome;
        }
        if decoded.mapping.is_ok()
            && let Err(denied) = self
                .executors
                .check(
                    &self.spoke,
                    work.metadata.name.as_deref().unwrap_or_default(),
                    work.spec.executor.as_ref(),
                    decoded,
                    owned,
                )
                .await
        {
            let (message, retry) = match denied {
                Denied::Forbidden(message) => (
                    format!("{message}, will try again in 1m0s"),
                    Retry::After(executor::RETRY),
                ),
                Denied::Unknown(message) => (message, Retry::Backoff),
            };
            return task
                .not_applied(&self.spoke, ApplyFailure::apply(message), retry)
                .await;
        }
        task.apply(&self.spoke, memory).await
    }

    /// The items of a work that changed: what is known of manifests that stay, stays.
    fn renew_items(
        &self,
        work: &Work,
        decoded: &[Decoded],
        record: &AppliedWork,
        local: &mut Local,
    ) {
        let mut old: Vec<Option<Item>> = std::mem::take(&mut local.items)
            .into_iter()
            .map(Some)
            .collect();
        let applied_before = |meta: &ResourceMeta| {
            let status = work
                .status
                .resource_status
                .manifests
                .iter()
                .find(|m| m.resource_meta == *meta);
            status.is_some_and(|m| {
                m.conditions
                    .iter()
                    .any(|c| is_applied(c, work.metadata.generation))
            }) && record
                .status
                .applied_resources
                .iter()
                .any(|r| r.name == meta.name && r.resource == meta.resource)
        };
        for (i, decoded) in decoded.iter().enumerate() {
            let text = text_hash(&work.spec.workload.manifests[i]);
            let known = old
                .iter_mut()
                .find(|item| {
                    item.as_ref()
                        .is_some_and(|item| item.is(&decoded.meta, text))
                })
                .and_then(Option::take);
            local.items.push(known.unwrap_or_else(|| {
                let mut item = Item::new(decoded, text);
                item.memory.applied_before = applied_before(&decoded.meta);
                item
            }));
        }
    }

    /// What a work that has no record yet is going to create.
    pub(super) async fn intended(&self, work: &Work) -> Vec<AppliedResource> {
        let mut decoded = Vec::new();
        for (i, manifest) in work.spec.workload.manifests.iter().enumerate() {
            decoded.push(manifest::decode(&self.discovery, i, manifest).await);
        }
        let mut known = HashSet::new();
        let mut entries: Vec<AppliedResource> = intents(work, &decoded).collect();
        entries.retain(|entry| known.insert(entry.clone()));
        entries
    }

    /// Writes into the record what is going to be created, before it is: an
    /// agent that dies in between leaves nothing behind that nobody knows of.
    async fn record_intents(
        &self,
        work: &Work,
        chosen: &[Decoded],
        record: Arc<AppliedWork>,
    ) -> Result<Arc<AppliedWork>, Failure> {
        let recorded = record::recorded(&record);
        let mut known: HashSet<_> = recorded.iter().map(AppliedResource::key).collect();
        let entries: Vec<_> = intents(work, chosen).collect();
        let fresh: Vec<_> = entries
            .iter()
            .filter(|e| known.insert(e.key()))
            .cloned()
            .collect();
        if fresh.is_empty() {
            return Ok(record);
        }
        let mut resources = recorded.to_vec();
        resources.extend(fresh);
        self.write_record_status(&record, record::status(resources, None))
            .await
    }

    /// A definition was written: what it defines is looked up anew.
    async fn served(&self, definition: &Decoded, waited_for: bool) {
        if waited_for {
            let api: Api<CustomResourceDefinition> = Api::all(self.spoke.clone());
            let established =
                await_condition(api, &definition.meta.name, conditions::is_crd_established());
            if tokio::time::timeout(ESTABLISHED, established)
                .await
                .is_err()
            {
                tracing::debug!(name = %definition.meta.name, "not served yet");
            }
        }
        if let Some(group) = definition.object["spec"]["group"].as_str() {
            self.discovery.forget(group);
        }
    }
}

/// What manifests of the work are going to create, or may have.
fn intents(work: &Work, decoded: &[Decoded]) -> impl Iterator<Item = AppliedResource> {
    decoded
        .iter()
        .filter(|d| d.mapping.is_ok() && config::owned(&work.spec, &d.meta))
        .filter(|d| {
            config::settings(&work.spec.manifest_configs, &d.meta)
                .strategy
                .is_none_or(|s| s.kind != "ReadOnly")
        })
        .filter_map(Decoded::resource)
}

fn is_applied(condition: &Condition, generation: Option<i64>) -> bool {
    condition.kind == "Applied"
        && condition.status == "True"
        && condition.observed_generation == generation
}

impl Local {
    /// When something has to be looked at without an event.
    pub(super) fn next_look(&mut self, pending: bool) -> Next {
        let now = Instant::now();
        let after = |at: Instant| Next::After(at.saturating_duration_since(now));
        let mut next = self.resync_at.map_or(Next::OnChange, after);
        for item in &self.items {
            if let Some(at) = item.retry_at {
                next = next.min(after(at));
            }
        }
        if pending {
            next = next.min(self.next_wait());
        }
        next
    }

    /// Rounds of waiting for resources to go get longer; watches end them early.
    pub(super) fn next_wait(&mut self) -> Next {
        self.waits = self.waits.saturating_add(1);
        let backoff =
            crate::runtime::Backoff::new(Duration::from_millis(20), Duration::from_secs(30));
        Next::After(backoff.delay(self.waits))
    }
}
