//! What the store holds in memory: tables, their logs, their watchers.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::event::Change;
use super::{Event, EventKind, Expect, Object, RevisionError, Scope, WriteError};
use crate::api::GroupResource;

/// How far back a log reaches at most: events, bytes and time.
const LOG_EVENTS: usize = 4096;
const LOG_BYTES: usize = 32 << 20;
const LOG_AGE: Duration = Duration::from_secs(300);

/// `namespace/name`; the order of keys is that of etcd.
pub(super) fn key_of(namespace: &str, name: &str) -> Arc<str> {
    let mut key = String::with_capacity(namespace.len() + 1 + name.len());
    key.push_str(namespace);
    key.push('/');
    key.push_str(name);
    key.into()
}

/// A write on its way to the disk.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) event: Arc<Event>,
    pub(super) done: oneshot::Sender<Result<Arc<Value>, WriteError>>,
}

#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) name: Option<Box<str>>,
    sender: mpsc::Sender<Arc<Event>>,
}

#[derive(Debug)]
struct Subscriber {
    resources: Option<HashSet<GroupResource>>,
    sender: mpsc::UnboundedSender<Arc<Event>>,
}

#[derive(Clone, Debug)]
struct Stored {
    revision: u64,
    object: Object,
}

#[derive(Debug)]
struct Table {
    gr: Arc<GroupResource>,
    objects: BTreeMap<Arc<str>, Stored>,
    log: VecDeque<(Instant, Change)>,
    log_bytes: usize,
    /// The revision of the newest event that is no longer in the log.
    compacted: u64,
    everywhere: Vec<Watcher>,
    by_namespace: HashMap<Box<str>, Vec<Watcher>>,
}

/// A write that is not on disk yet: its revision, and the object or its absence.
type Head = (u64, Option<Object>);

/// Sees every change under the lock.
pub(super) type Observer = Box<dyn Fn(&Event) + Send + Sync>;

#[derive(Default)]
struct Observers(Vec<Observer>);

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}

/// All tables. Revisions up to `published` are visible; those up to `assigned`
/// are taken.
#[derive(Debug, Default)]
pub(super) struct State {
    assigned: u64,
    pub(super) published: u64,
    /// Nothing is known of revisions before this one.
    compacted: u64,
    tables: HashMap<GroupResource, Table>,
    /// Writes that are not on disk yet.
    pending: HashMap<(Arc<GroupResource>, Arc<str>), Head>,
    subscribers: Vec<Subscriber>,
    observers: Observers,
    closed: bool,
}

impl Table {
    fn new(gr: &GroupResource, compacted: u64) -> Self {
        Self {
            gr: Arc::new(gr.clone()),
            objects: BTreeMap::new(),
            log: VecDeque::new(),
            log_bytes: 0,
            compacted,
            everywhere: Vec::new(),
            by_namespace: HashMap::new(),
        }
    }

    fn range(
        &self,
        namespace: Option<&str>,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&Arc<str>, &Stored)> {
        let (low, high) = bounds(namespace);
        let low = match after {
            Some(after) if low.as_deref().is_none_or(|low| after >= low) => {
                Bound::Excluded(after.to_owned())
            }
            _ => low.map_or(Bound::Unbounded, Bound::Included),
        };
        let high = high.map_or(Bound::Unbounded, Bound::Excluded);
        let empty = match (&low, &high) {
            (Bound::Excluded(low) | Bound::Included(low), Bound::Excluded(high)) => low >= high,
            _ => false,
        };
        let range: (Bound<&str>, Bound<&str>) = if empty {
            (Bound::Included(""), Bound::Excluded(""))
        } else {
            (as_str(&low), as_str(&high))
        };
        self.objects.range::<str, _>(range)
    }

    fn append(&mut self, change: Change) {
        let now = Instant::now();
        self.log_bytes += change.bytes();
        self.log.push_back((now, change));
        while let Some((at, oldest)) = self.log.front() {
            if self.log.len() <= LOG_EVENTS
                && self.log_bytes <= LOG_BYTES
                && now.duration_since(*at) < LOG_AGE
            {
                break;
            }
            self.compacted = oldest.revision;
            self.log_bytes -= oldest.bytes();
            self.log.pop_front();
        }
    }

    fn notify(&mut self, event: &Arc<Event>) {
        let name = event.name();
        // A full buffer means a watcher that does not keep up: it is cut off
        // and resumes by itself from what it saw last.
        let deliver = |watcher: &Watcher| {
            if watcher.wants(name) {
                watcher.sender.try_send(event.clone()).is_ok()
            } else {
                !watcher.sender.is_closed()
            }
        };
        self.everywhere.retain(deliver);
        if let Some(watchers) = self.by_namespace.get_mut(event.namespace()) {
            watchers.retain(deliver);
            if watchers.is_empty() {
                self.by_namespace.remove(event.namespace());
            }
        }
    }

    fn reaches_back_to(&self, revision: u64) -> Result<(), RevisionError> {
        if revision < self.compacted {
            return Err(RevisionError::Expired {
                asked: revision,
                oldest: self.compacted,
            });
        }
        Ok(())
    }
}

/// The first key of a namespace and the first one after it.
fn bounds(namespace: Option<&str>) -> (Option<String>, Option<String>) {
    match namespace {
        // '0' is the character after '/'.
        Some(namespace) => (Some(format!("{namespace}/")), Some(format!("{namespace}0"))),
        None => (None, None),
    }
}

fn as_str(bound: &Bound<String>) -> Bound<&str> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

fn set_revision(object: &mut Value, revision: u64) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert(
            "resourceVersion".to_owned(),
            Value::String(revision.to_string()),
        );
    }
}

impl State {
    /// Puts back what a disk held, before anyone looks.
    pub(super) fn restore(
        &mut self,
        gr: &GroupResource,
        key: Arc<str>,
        revision: u64,
        object: Object,
    ) {
        self.table(gr)
            .objects
            .insert(key, Stored { revision, object });
    }

    /// Puts back the revision counter, and the revision of each resource's last
    /// change: a watch from there on has missed nothing.
    pub(super) fn restore_revisions(&mut self, revision: u64, last: &[(GroupResource, u64)]) {
        self.assigned = revision;
        self.published = revision;
        for (gr, last) in last {
            self.table(gr).compacted = *last;
        }
    }

    fn table(&mut self, gr: &GroupResource) -> &mut Table {
        let compacted = self.compacted;
        if !self.tables.contains_key(gr) {
            self.tables.insert(gr.clone(), Table::new(gr, compacted));
        }
        self.tables
            .entry(gr.clone())
            .or_insert_with(|| Table::new(gr, compacted))
    }

    pub(super) fn get(&self, gr: &GroupResource, key: &str) -> Option<Object> {
        let stored = self.tables.get(gr)?.objects.get(key)?;
        Some(stored.object.clone())
    }

    /// The object with pending writes, and its revision.
    pub(super) fn head(&self, gr: &GroupResource, key: &str) -> Option<(Object, u64)> {
        let table = self.tables.get(gr)?;
        if !self.pending.is_empty()
            && let Some((revision, object)) = self.pending.get(&(table.gr.clone(), key.into()))
        {
            return object.as_ref().map(|object| (object.clone(), *revision));
        }
        let stored = table.objects.get(key)?;
        Some((stored.object.clone(), stored.revision))
    }

    pub(super) fn list(&self, gr: &GroupResource, namespace: Option<&str>) -> Vec<Object> {
        let Some(table) = self.tables.get(gr) else {
            return Vec::new();
        };
        table
            .range(namespace, None)
            .map(|(_, stored)| stored.object.clone())
            .collect()
    }

    pub(super) fn list_at(
        &self,
        gr: &GroupResource,
        namespace: Option<&str>,
        revision: u64,
        after: Option<&str>,
    ) -> Result<Vec<Object>, RevisionError> {
        if revision > self.published {
            return Err(RevisionError::Future {
                asked: revision,
                current: self.published,
            });
        }
        let Some(table) = self.tables.get(gr) else {
            return Ok(Vec::new());
        };
        table.reaches_back_to(revision)?;
        if table
            .log
            .back()
            .is_none_or(|(_, last)| last.revision <= revision)
        {
            let items = table.range(namespace, after);
            return Ok(items.map(|(_, stored)| stored.object.clone()).collect());
        }
        let mut items: BTreeMap<&str, &Object> = table
            .range(namespace, after)
            .map(|(key, stored)| (&**key, &stored.object))
            .collect();
        // What happened since is undone, newest first.
        let (low, high) = bounds(namespace);
        for (_, change) in table.log.iter().rev() {
            if change.revision <= revision {
                break;
            }
            let key = &*change.key;
            if low.as_deref().is_some_and(|low| key < low)
                || high.as_deref().is_some_and(|high| key >= high)
                || after.is_some_and(|after| key <= after)
            {
                continue;
            }
            match &change.old {
                Some(old) => items.insert(key, old),
                None => items.remove(key),
            };
        }
        Ok(items.into_values().cloned().collect())
    }

    pub(super) fn compact(&mut self) {
        let revision = self.published;
        self.compacted = revision;
        for table in self.tables.values_mut() {
            table.compacted = revision;
            table.log_bytes = 0;
            table.log.clear();
        }
    }

    pub(super) fn counts(&self) -> Vec<(GroupResource, usize)> {
        self.tables
            .iter()
            .map(|(gr, table)| (gr.clone(), table.objects.len()))
            .collect()
    }

    /// Checks a write and gives it its revision.
    pub(super) fn prepare(
        &mut self,
        gr: &GroupResource,
        key: Arc<str>,
        expect: Expect,
        new: Option<Value>,
    ) -> Result<Arc<Event>, WriteError> {
        if self.closed {
            return Err(WriteError::Disk("the server is shutting down".into()));
        }
        let head = self.head(gr, &key);
        match (expect, &head) {
            (Expect::Absent, Some((object, _))) => return Err(WriteError::Exists(object.clone())),
            (Expect::Revision(_), None) => return Err(WriteError::Missing),
            (Expect::Revision(expected), Some((object, revision))) if expected != *revision => {
                return Err(WriteError::Changed(object.clone()));
            }
            _ => {}
        }
        let old = head.map(|(object, _)| object);
        let kind = match (&old, &new) {
            (None, None) => return Err(WriteError::Missing),
            (Some(_), None) => EventKind::Deleted,
            (None, Some(_)) => EventKind::Added,
            (Some(_), Some(_)) => EventKind::Modified,
        };
        let Some(mut object) = new.or_else(|| old.as_ref().map(|old| (*old.value()).clone()))
        else {
            return Err(WriteError::Missing);
        };
        self.assigned += 1;
        set_revision(&mut object, self.assigned);
        let object = Arc::new(object);
        let change = Change {
            revision: self.assigned,
            gr: self.table(gr).gr.clone(),
            kind,
            key,
            object: Object::new(&object),
            old,
        };
        Ok(Arc::new(Event::new(change, Some(object))))
    }

    /// Remembers a write until it is on disk.
    pub(super) fn hold(&mut self, event: &Event) {
        let change = &event.change;
        let object = (change.kind != EventKind::Deleted).then(|| change.object.clone());
        self.pending.insert(
            (change.gr.clone(), change.key.clone()),
            (change.revision, object),
        );
    }

    /// Gives up all writes that are not on disk.
    pub(super) fn abandon(&mut self) {
        self.pending.clear();
    }

    /// Makes a write visible.
    pub(super) fn publish(&mut self, event: &Arc<Event>) {
        let change = &event.change;
        if !self.pending.is_empty() {
            let pending_key = (change.gr.clone(), change.key.clone());
            if self
                .pending
                .get(&pending_key)
                .is_some_and(|(revision, _)| *revision == change.revision)
            {
                self.pending.remove(&pending_key);
            }
        }
        self.published = change.revision;
        for observer in &self.observers.0 {
            observer(event);
        }
        let table = self.table(&change.gr);
        if change.kind == EventKind::Deleted {
            table.objects.remove(&change.key);
        } else {
            table.objects.insert(
                change.key.clone(),
                Stored {
                    revision: change.revision,
                    object: change.object.clone(),
                },
            );
        }
        table.append(change.clone());
        table.notify(event);
        self.subscribers.retain(|subscriber| {
            if subscriber
                .resources
                .as_ref()
                .is_none_or(|wanted| wanted.contains(&*change.gr))
            {
                subscriber.sender.send(event.clone()).is_ok()
            } else {
                !subscriber.sender.is_closed()
            }
        });
    }

    /// What happened after a revision.
    pub(super) fn since(
        &self,
        gr: &GroupResource,
        scope: Scope<'_>,
        revision: u64,
    ) -> Result<Vec<Arc<Event>>, RevisionError> {
        if revision > self.published {
            return Err(RevisionError::Future {
                asked: revision,
                current: self.published,
            });
        }
        let Some(table) = self.tables.get(gr) else {
            return Ok(Vec::new());
        };
        table.reaches_back_to(revision)?;
        let start = table
            .log
            .partition_point(|(_, change)| change.revision <= revision);
        Ok(table
            .log
            .range(start..)
            .map(|(_, change)| change)
            .filter(|change| {
                scope
                    .namespace
                    .is_none_or(|namespace| namespace == change.namespace())
                    && scope.name.is_none_or(|name| name == change.name())
            })
            .map(|change| Arc::new(Event::new(change.clone(), None)))
            .collect())
    }

    pub(super) fn add_watcher(
        &mut self,
        gr: &GroupResource,
        scope: Scope<'_>,
        sender: mpsc::Sender<Arc<Event>>,
    ) {
        if self.closed {
            return;
        }
        let watcher = Watcher {
            name: scope.name.map(Into::into),
            sender,
        };
        let table = self.table(gr);
        let watchers = match scope.namespace {
            Some(namespace) => table.by_namespace.entry(namespace.into()).or_default(),
            None => &mut table.everywhere,
        };
        watchers.retain(|watcher| !watcher.sender.is_closed());
        watchers.push(watcher);
    }

    pub(super) fn observe(&mut self, observer: Observer) {
        self.observers.0.push(observer);
    }

    pub(super) fn subscribe(
        &mut self,
        resources: &[GroupResource],
        replay: bool,
        sender: mpsc::UnboundedSender<Arc<Event>>,
    ) {
        if self.closed {
            return;
        }
        let resources: Option<HashSet<GroupResource>> =
            (!resources.is_empty()).then(|| resources.iter().cloned().collect());
        if replay {
            let mut events: Vec<Arc<Event>> = self
                .tables
                .values()
                .filter(|table| {
                    resources
                        .as_ref()
                        .is_none_or(|wanted| wanted.contains(&*table.gr))
                })
                .flat_map(|table| {
                    table.objects.iter().map(|(key, stored)| {
                        let change = Change {
                            revision: stored.revision,
                            gr: table.gr.clone(),
                            kind: EventKind::Added,
                            key: key.clone(),
                            object: stored.object.clone(),
                            old: None,
                        };
                        Arc::new(Event::new(change, None))
                    })
                })
                .collect();
            events.sort_by_key(|event| event.revision());
            for event in events {
                if sender.send(event).is_err() {
                    return;
                }
            }
        }
        self.subscribers.push(Subscriber { resources, sender });
    }

    /// Ends all watches and subscriptions, and takes no more writes.
    pub(super) fn disconnect(&mut self) {
        self.closed = true;
        self.subscribers.clear();
        for table in self.tables.values_mut() {
            table.everywhere.clear();
            table.by_namespace.clear();
        }
    }
}
