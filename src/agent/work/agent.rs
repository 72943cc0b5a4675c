//! The agent: one reconciliation per work, which applies, records, prunes and
//! reports in one go, so that nobody else writes the same status.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::Instant;

use super::Options;
use super::copies::Copies;
use super::delete::Rest;
use super::executor::Executors;
use super::feedback::Limits;
use super::fit;
use super::hub::{Hub, HubError};
use super::late::Late;
use super::local::{Applied, Local};
use super::model::{
    API_VERSION, APPLIED_FINALIZER, APPLIED_KIND, AppliedResource, AppliedWork, FIELD_MANAGER,
    WORK_FINALIZER, Work, has_finalizer, now,
};
use super::owner::Owner;
use super::record;
use super::rest;
use super::status;
use super::watch::{ObjectKey, Wanted, Watches, version};
use crate::k8s::discovery::Discovery;
use crate::ocm::names::LONGEST_WORK_NAME;
use crate::runtime::{Failure, Informer, Next, Queue};

/// When a copy that failed is tried again.
const COPY_RETRY: Duration = Duration::from_secs(60);
/// When a work is looked at again whose status waits for the hub (it is woken
/// when the hub is back).
const HELD: Duration = Duration::from_secs(5);

/// What is reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A work of the hub and its record.
    Work(String),
    /// A record of another hub (by its own name).
    Foreign(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Work(name) | Self::Foreign(name)) = self;
        f.write_str(name)
    }
}

/// What happened since the last reconciliation of a work.
#[derive(Default)]
struct Notes {
    /// Resources that changed, and their version.
    dirty: HashMap<ObjectKey, u64>,
    /// UID of its record, which was deleted.
    record_gone: Option<String>,
    /// The hub deleted it over the agent's finalizer.
    deleted: bool,
    /// Groups whose kinds changed.
    kinds: HashSet<String>,
    /// What its executor may do has changed.
    executor: bool,
    /// The work or its record was listed again.
    listed: bool,
}

/// Everything the agent works with.
pub struct Agent {
    pub(super) options: Options,
    pub(super) hub_hash: String,
    pub(super) spoke: Client,
    pub(super) works_api: Api<Work>,
    pub(super) hub: Hub,
    pub(super) late: Late,
    pub(super) records_api: Api<AppliedWork>,
    pub(super) discovery: Discovery,
    pub(super) executors: Executors,
    pub(super) limits: Limits,
    pub(super) copies: Copies,
    works: Informer<Work>,
    records: Informer<AppliedWork>,
    queue: Queue<Key>,
    pub(super) watches: Watches,
    locals: Mutex<HashMap<String, Local>>,
    notes: Arc<Mutex<HashMap<String, Notes>>>,
    /// Works that wait for a kind, by its group.
    waiting: Mutex<HashMap<String, HashSet<String>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The newer of what was answered and what was watched.
fn newest<T: kube::Resource>(answered: Option<&Arc<T>>, watched: Option<Arc<T>>) -> Option<Arc<T>> {
    match (answered, watched) {
        (Some(a), w) if w.is_none() || is_ahead(Some(a), w.as_ref()) => Some(Arc::clone(a)),
        (_, watched) => watched,
    }
}

/// Whether the answer is of the object that is watched, and newer. After a list it
/// may be of a past that is no more: then what was listed counts (a list that began
/// before the answer costs a conflict).
fn is_ahead<T: kube::Resource>(answered: Option<&Arc<T>>, watched: Option<&Arc<T>>) -> bool {
    let of = |object: &Arc<T>| version(object.meta().resource_version.as_deref());
    let (Some(answered), Some(watched)) = (answered, watched) else {
        return false;
    };
    answered.meta().uid == watched.meta().uid && of(answered) > of(watched)
}

impl Agent {
    /// An agent over these stores.
    pub fn new(
        options: Options,
        hub: &Client,
        spoke: Client,
        works: Informer<Work>,
        records: Informer<AppliedWork>,
        queue: Queue<Key>,
        watches: impl FnOnce(Box<dyn Fn(&str, &ObjectKey, u64) + Send + Sync>) -> Watches,
    ) -> Self {
        let hub_hash = super::model::hub_hash(&options.hub_server);
        let notes: Arc<Mutex<HashMap<String, Notes>>> = Arc::default();
        let told = (Arc::clone(&notes), queue.clone());
        let watches = watches(Box::new(move |work, key, version| {
            let (notes, queue) = &told;
            let mut notes = lock(notes);
            let seen = notes
                .entry(work.to_owned())
                .or_default()
                .dirty
                .entry(key.clone())
                .or_default();
            *seen = version.max(*seen);
            queue.add(Key::Work(work.to_owned()));
        }));
        Self {
            works_api: Api::namespaced(hub.clone(), &options.cluster_name),
            hub: Hub::new(queue.clone()),
            late: Late::new(queue.clone()),
            records_api: Api::all(spoke.clone()),
            discovery: Discovery::new(spoke.clone()),
            executors: Executors::new(options.executor_caches),
            limits: Limits {
                raw_json: options.raw_feedback,
                max_raw_length: 1024,
            },
            copies: Copies::new(&spoke, options.copies.as_deref()),
            options,
            hub_hash,
            spoke,
            works,
            records,
            queue,
            watches,
            locals: Mutex::default(),
            notes,
            waiting: Mutex::default(),
        }
    }

    /// The key of a record, if it is ours.
    pub fn key_of(&self, record: &AppliedWork) -> Option<Key> {
        if record.spec.agent_id != self.options.agent_id {
            return None;
        }
        let name = record.metadata.name.as_deref()?;
        let prefix = format!("{}-", self.hub_hash);
        Some(match name.strip_prefix(&prefix) {
            Some(work) => Key::Work(work.to_owned()),
            None => Key::Foreign(name.to_owned()),
        })
    }

    /// A record was deleted.
    pub fn record_gone(&self, work: &str, record: &AppliedWork) {
        lock(&self.notes)
            .entry(work.to_owned())
            .or_default()
            .record_gone = record.metadata.uid.clone();
    }

    /// The hub deleted the work although the agent's finalizer was on it.
    pub fn deleted_unasked(&self, work: &str) {
        lock(&self.notes)
            .entry(work.to_owned())
            .or_default()
            .deleted = true;
    }

    /// The work or its record was listed again, and may be older than it was: a
    /// server may have been put back to a backup.
    pub fn listed_again(&self, work: &str) {
        lock(&self.notes).entry(work.to_owned()).or_default().listed = true;
    }

    /// The work has a manifest of a kind in `group` that is not served.
    pub(super) fn wait_for_kind(&self, work: &str, group: &str) {
        lock(&self.waiting)
            .entry(group.to_owned())
            .or_default()
            .insert(work.to_owned());
    }

    /// A definition of `group` came, changed or went: works that wait for a kind
    /// of it look again.
    pub fn kinds_changed(&self, group: &str) {
        let Some(works) = lock(&self.waiting).remove(group) else {
            return;
        };
        self.discovery.forget(group);
        for work in works {
            lock(&self.notes)
                .entry(work.clone())
                .or_default()
                .kinds
                .insert(group.to_owned());
            self.queue.add(Key::Work(work));
        }
    }

    /// Permissions of accounts changed: works that act as one of them are looked
    /// at again, now and when the API server is sure to know of it.
    pub fn permissions_changed(self: &Arc<Self>, whose: &[super::rbac::Accounts]) {
        let works = self.executors.changed(whose);
        if works.is_empty() {
            return;
        }
        self.look_again(&works);
        let this = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(super::executor::SETTLED).await;
            this.look_again(&works);
        });
    }

    fn look_again(&self, works: &[String]) {
        for work in works {
            lock(&self.notes).entry(work.clone()).or_default().executor = true;
            self.queue.add(Key::Work(work.clone()));
        }
    }

    /// Name of the record of a work.
    pub(super) fn record_name(&self, work: &str) -> String {
        format!("{}-{work}", self.hub_hash)
    }

    /// Brings one work, or one foreign record, to where it should be.
    pub async fn reconcile(self: &Arc<Self>, key: Key) -> Result<Next, Failure> {
        match key {
            Key::Foreign(name) => match self.records.get("", &name) {
                None => {
                    self.copies.remove_later(&name);
                    Ok(Next::OnChange)
                }
                // Of which hub, will be known when this agent's is back.
                Some(_) if !self.works.is_synced() => Ok(Next::OnChange),
                Some(record) if record.metadata.deletion_timestamp.is_some() => {
                    let left = self.finalize(&record, &HashMap::new()).await?;
                    Ok(if left.is_nothing() {
                        Next::OnChange
                    } else if left.failed {
                        Next::After(spread(Duration::from_secs(15), 1.0))
                    } else {
                        Next::After(Duration::from_secs(1))
                    })
                }
                Some(record) => self.evict(&record, None).await,
            },
            Key::Work(name) => {
                let mut local = lock(&self.locals).remove(&name).unwrap_or_default();
                let result = self.drive(&name, &mut local).await;
                if !local.is_nothing() {
                    lock(&self.locals).insert(name, local);
                }
                result
            }
        }
    }

    async fn drive(self: &Arc<Self>, name: &str, local: &mut Local) -> Result<Next, Failure> {
        let notes = lock(&self.notes).remove(name).unwrap_or_default();
        for item in &mut local.items {
            item.dirty |= notes.executor;
            if let Some(mapping) = &item.mapping {
                let meta = &item.observed.meta;
                let key = ObjectKey::new(mapping, &meta.namespace, &meta.name);
                item.dirty |= notes
                    .dirty
                    .get(&key)
                    .is_some_and(|version| *version > item.seen);
            }
            let kind_came = item.unknown_kind && notes.kinds.contains(&item.observed.meta.group);
            let home = || namespace(&item.observed.meta.namespace).key;
            if kind_came || (item.homeless && notes.dirty.contains_key(&home())) {
                item.hurry();
            }
        }
        if notes.record_gone.is_some()
            && local
                .record
                .as_ref()
                .is_some_and(|r| r.metadata.uid == notes.record_gone)
        {
            local.record = None;
        }
        let listed = self.records.get("", &self.record_name(name));
        if notes.listed && is_ahead(local.record.as_ref(), listed.as_ref()) {
            local.record = None;
        }
        if !self.works.is_synced() {
            let record = newest(local.record.as_ref(), listed);
            local.record = None;
            return self.drive_away(name, record, local).await;
        }
        // The hub's answer about a work counts only while the work is seen there.
        let watched = self.works.get(&self.options.cluster_name, name);
        if watched.is_none() || (notes.listed && is_ahead(local.work.as_ref(), watched.as_ref())) {
            local.work = None;
        }
        let work = newest(local.work.as_ref(), watched);
        let record = newest(local.record.as_ref(), listed);
        local.work = None;
        local.record = None;
        local.deleted = work.is_none() && (local.deleted || notes.deleted);
        match (work, record) {
            (None, None) => {
                self.forget(name, local);
                self.copies.remove_later(&self.record_name(name));
                Ok(Next::OnChange)
            }
            (None, Some(_)) if !self.late.of(name).is_empty() => Ok(Next::OnChange),
            (None, Some(record)) => {
                let deleted = local.deleted;
                self.forget(name, local);
                if record.spec.agent_id != self.options.agent_id {
                    return Ok(Next::OnChange);
                }
                if record.metadata.deletion_timestamp.is_some() {
                    let left = self.finalize(&record, &HashMap::new()).await?;
                    return Ok(self.wait_for(name, local, &left));
                }
                if deleted || self.never_finished(&record) {
                    local.deleted = deleted;
                    return self.end(name, &record, local).await;
                }
                self.evict(&record, None).await
            }
            (Some(work), record) if work.metadata.deletion_timestamp.is_some() => {
                self.delete_work(name, &work, record, local).await
            }
            (Some(_), Some(record))
                if record.metadata.deletion_timestamp.is_some()
                    && !self.late.of(name).is_empty() =>
            {
                Ok(Next::OnChange)
            }
            (Some(_), Some(record)) if record.metadata.deletion_timestamp.is_some() => {
                // Someone deletes the record: its resources go with it, and come back after it.
                local.items.clear();
                local.applied = None;
                let left = self.finalize(&record, &HashMap::new()).await?;
                Ok(self.wait_for(name, local, &left))
            }
            (Some(work), record) => self.apply_work(name, work, record, local).await,
        }
    }

    pub(super) fn forget(&self, name: &str, local: &mut Local) {
        *local = Local::default();
        self.late.landed(name);
        self.watches.track(name, Vec::new());
    }

    async fn apply_work(
        self: &Arc<Self>,
        name: &str,
        mut work: Arc<Work>,
        record: Option<Arc<AppliedWork>>,
        local: &mut Local,
    ) -> Result<Next, Failure> {
        let unreadable = |error: &String| {
            format!("Nothing is applied: the spec of the work cannot be read: {error}")
        };
        if let Some(why) = too_long(name).or_else(|| work.unreadable.as_ref().map(unreadable)) {
            return self.refuse(name, &work, why, local).await;
        }
        if !has_finalizer(&work.metadata, WORK_FINALIZER) {
            work = match self.add_finalizer(name, &work).await {
                Ok(work) => Arc::new(work),
                Err(HubError::Silent) => return Ok(held()),
                Err(error) => return Err(error.into()),
            };
        }
        local.work = Some(Arc::clone(&work));
        let record = self.ensure_record(name, &work, record).await?;
        local.record = Some(Arc::clone(&record));
        if record.metadata.deletion_timestamp.is_some() {
            return Ok(Next::After(Duration::from_millis(100)));
        }
        let owner = Owner {
            name: self.record_name(name),
            uid: record.metadata.uid.clone().unwrap_or_default(),
        };
        let applied = Applied::of(&work, &record);
        let resync = local.resync_at.is_some_and(|at| at <= Instant::now());
        let everything = local.applied.as_ref() != Some(&applied) || resync;
        let complete = status::complete(&work.status.conditions);
        // An older copy must not outlive what is applied now.
        let copied = self.copies.keep(&record, &work).await;
        let record = self
            .apply_items(&work, &record, &owner, local, everything, complete)
            .await?;
        local.record = Some(Arc::clone(&record));
        local.applied = Some(applied);

        let mut left = super::prune::Left::default();
        let mut resources = record::recorded(&record).into_owned();
        if !complete {
            let (mut current, stale) = super::local::tracked(&local.items, &resources);
            // What may be created any moment is pruned when that has ended.
            let (flying, stale): (Vec<_>, Vec<_>) = stale
                .into_iter()
                .partition(|entry| self.late.has(name, entry));
            current.extend(flying);
            left = super::prune::prune(&self.spoke, &self.discovery, stale, &owner, |_| None).await;
            resources = current;
            resources.extend(left.pending.iter().cloned());
            resources.extend(left.failed.iter().map(|(entry, _)| entry.clone()));
        }
        let unwatched = self.watch_items(name, local, &left.pending);
        let generation = work.metadata.generation.unwrap_or_default();
        let observed: Vec<_> = local.items.iter().map(|i| i.observed.clone()).collect();
        let fitted = fit::fit(observed, fit::LIMIT);
        let unpruned = left.unpruned();
        let desired = |work: &Work| {
            status::report(
                &work.status,
                generation,
                &fitted,
                complete,
                &unpruned,
                &now(),
            )
        };
        let writes = self.write_record_status(&record, record::status(resources, None));
        let (reported, recorded) = if record::is_unfinished(&record) {
            // The hub first: if the work is gone there, the record goes unfinished.
            let reported = self.report(name, &work, desired).await;
            if let Err(HubError::Said(kube::Error::Api(status))) = &reported
                && status.is_not_found()
            {
                return reported.map(|_| Next::OnChange).map_err(Into::into);
            }
            (reported, writes.await)
        } else {
            tokio::join!(self.report(name, &work, desired), writes)
        };
        let mut unsaid = false;
        match reported {
            Ok(reported) => {
                if complete && !status::complete(&reported.status.conditions) {
                    // No longer so: what was held back is applied now.
                    local.applied = None;
                    self.queue.add(Key::Work(name.to_owned()));
                }
                local.work = Some(reported);
            }
            Err(HubError::Silent) => unsaid = true,
            Err(error) => return Err(error.into()),
        }
        local.record = Some(recorded?);
        let unfinished = !left.pending.is_empty() || !left.failed.is_empty();
        if !unfinished {
            local.waits = 0;
        }
        let mut next = self.next_of(local, unfinished, unwatched);
        if unsaid {
            next = next.min(held());
        }
        if !copied {
            next = next.min(Next::After(spread(COPY_RETRY, 0.9)));
        }
        Ok(next)
    }

    /// When to come back without an event.
    pub(super) fn next_of(&self, local: &mut Local, pending: bool, unwatched: bool) -> Next {
        let next = local.next_look(pending);
        if unwatched {
            return next.min(Next::After(spread(self.options.status_sync_interval, 0.9)));
        }
        next
    }

    /// Watches the resources of the work; whether some have to be polled.
    pub(super) fn watch_items(
        &self,
        name: &str,
        local: &mut Local,
        pending: &[AppliedResource],
    ) -> bool {
        let mut wanted: Vec<Wanted> = local
            .items
            .iter()
            .filter_map(|item| {
                let mapping = item.mapping.as_ref()?;
                let meta = &item.observed.meta;
                Some(Wanted {
                    mapping: Arc::clone(mapping),
                    key: ObjectKey::new(mapping, &meta.namespace, &meta.name),
                    seen: item.seen,
                })
            })
            .collect();
        let homeless = local.items.iter().filter(|item| item.homeless);
        wanted.extend(homeless.map(|item| namespace(&item.observed.meta.namespace)));
        wanted.extend(pending.iter().map(waited_for));
        let unwatched = self.watches.track(name, wanted);
        // Looked at again when the time comes.
        for item in &mut local.items {
            if let Some(mapping) = &item.mapping {
                let meta = &item.observed.meta;
                if unwatched.contains(&ObjectKey::new(mapping, &meta.namespace, &meta.name)) {
                    let at = Instant::now() + self.options.status_sync_interval;
                    item.retry_at = Some(item.retry_at.map_or(at, |earlier| earlier.min(at)));
                }
            }
        }
        !unwatched.is_empty()
    }

    /// Comes back when the resources that are still there change, or after a while.
    pub(super) fn wait_for(&self, name: &str, local: &mut Local, left: &Rest) -> Next {
        if left.is_nothing() {
            local.waits = 0;
            self.watches.track(name, Vec::new());
            return Next::OnChange;
        }
        self.watches
            .track(name, left.entries.iter().map(waited_for).collect());
        local.next_wait()
    }

    async fn create_record(&self, record: &AppliedWork) -> Result<AppliedWork, kube::Error> {
        // The lean types do not say what they are; a definition's server wants to hear it.
        let body = json!({
            "apiVersion": API_VERSION,
            "kind": APPLIED_KIND,
            "metadata": record.metadata,
            "spec": record.spec,
        });
        let bytes = serde_json::to_vec(&body).map_err(kube::Error::SerdeError)?;
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let request = kube::core::Request::new(self.records_api.resource_url())
            .create(&params, bytes)
            .map_err(kube::Error::BuildRequest)?;
        self.spoke.request(request).await
    }

    /// The record of the work, created before anything is applied.
    async fn ensure_record(
        &self,
        name: &str,
        work: &Work,
        record: Option<Arc<AppliedWork>>,
    ) -> Result<Arc<AppliedWork>, Failure> {
        let intended = match record {
            Some(_) => Vec::new(),
            None => self.intended(work).await,
        };
        let wanted = record::new(
            self.record_name(name),
            &self.hub_hash,
            &self.options.agent_id,
            name,
            work,
            &intended,
        );
        let record = match record {
            Some(record) => record,
            None => match self.create_record(&wanted).await {
                Ok(created) => return Ok(Arc::new(record::trimmed(created))),
                Err(kube::Error::Api(status)) if status.is_already_exists() => Arc::new(
                    record::trimmed(self.records_api.get(&self.record_name(name)).await?),
                ),
                Err(error) => return Err(error.into()),
            },
        };
        let labels_differ = super::model::labels(&work.metadata)
            .iter()
            .any(|(key, value)| super::model::labels(&record.metadata).get(key) != Some(value));
        let finalizer = has_finalizer(&record.metadata, APPLIED_FINALIZER);
        if record.metadata.deletion_timestamp.is_some()
            || (record.spec == wanted.spec && finalizer && !labels_differ)
        {
            return Ok(record);
        }
        let mut finalizers = record.metadata.finalizers.clone().unwrap_or_default();
        if !finalizer {
            finalizers.push(APPLIED_FINALIZER.to_owned());
        }
        let patch = json!({
            "metadata": {
                "uid": record.metadata.uid, "resourceVersion": record.metadata.resource_version,
                "finalizers": finalizers, "labels": work.metadata.labels,
            },
            "spec": wanted.spec,
        });
        let patched = self
            .records_api
            .patch(&self.record_name(name), &manager(), &Patch::Merge(&patch))
            .await?;
        Ok(Arc::new(record::trimmed(patched)))
    }

    /// Writes the status of the record where it differs.
    pub(super) async fn write_record_status(
        &self,
        record: &Arc<AppliedWork>,
        wanted: super::model::AppliedStatus,
    ) -> Result<Arc<AppliedWork>, Failure> {
        if record.status == wanted {
            return Ok(Arc::clone(record));
        }
        let replaced =
            rest::replace_status(&self.records_api, APPLIED_KIND, &record.metadata, &wanted).await;
        let written = match replaced {
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                // Somebody labelled it, for one. Nobody else writes its status.
                let patch = json!({
                    "metadata": {"uid": record.metadata.uid},
                    "status": {
                        "appliedResources": wanted.applied_resources,
                        "evictionStartTime": wanted.eviction_start_time,
                    },
                });
                let name = record.metadata.name.as_deref().unwrap_or_default();
                let patch = Patch::Merge(&patch);
                self.records_api
                    .patch_status(name, &manager(), &patch)
                    .await?
            }
            other => other?,
        };
        Ok(Arc::new(record::trimmed(written)))
    }

    /// Looks at all records again: the hub is back, and may have lost works.
    pub fn wake_all(&self) {
        for record in self.records.list() {
            if let Some(key) = self.key_of(&record) {
                self.queue.add(key);
            }
        }
    }
}

fn waited_for(entry: &AppliedResource) -> Wanted {
    let mapping = Arc::new(crate::k8s::discovery::Mapping {
        resource: kube::core::ApiResource {
            group: entry.group.clone(),
            version: entry.version.clone(),
            api_version: if entry.group.is_empty() {
                entry.version.clone()
            } else {
                format!("{}/{}", entry.group, entry.version)
            },
            kind: String::new(),
            plural: entry.resource.clone(),
        },
        namespaced: !entry.namespace.is_empty(),
        watchable: true,
    });
    Wanted {
        key: ObjectKey::new(&mapping, &entry.namespace, &entry.name),
        mapping,
        // Present: its disappearance is news.
        seen: 1,
    }
}

/// A namespace that manifests wait for.
fn namespace(name: &str) -> Wanted {
    let entry = AppliedResource {
        version: "v1".to_owned(),
        resource: "namespaces".to_owned(),
        name: name.to_owned(),
        ..AppliedResource::default()
    };
    Wanted {
        seen: 0,
        ..waited_for(&entry)
    }
}

pub(super) fn manager() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// When to look again at a work that has something to say to a silent hub.
pub(super) fn held() -> Next {
    Next::After(spread(HELD, 1.0))
}

/// Why a work of this name has no record: the names of records hold a hash beside it.
fn too_long(name: &str) -> Option<String> {
    let length = name.len();
    (length > LONGEST_WORK_NAME).then(|| {
        format!(
            "Nothing is applied: the name of the work has {length} characters, and the agent can keep a record of names with up to {LONGEST_WORK_NAME}. Create the work with a shorter name"
        )
    })
}

/// `base`, up to `share` of it longer.
pub(super) fn spread(base: Duration, share: f64) -> Duration {
    crate::runtime::backoff::between(base, base.mul_f64(1.0 + share))
}
