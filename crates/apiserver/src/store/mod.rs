//! Objects, revisions and the watch log: all in memory, and behind it one redb
//! file when the data must outlive the process. Objects are kept as the JSON
//! that clients get (see `object`), and parsed for those who look into them.
//!
//! One revision counts every write of the whole server. A write checks what it
//! expects under the lock and gets its revision there; in memory mode it is
//! visible at once, on disk as soon as its transaction is (see `disk`): nobody
//! reads or watches what a crash could take back. Writers of one object see
//! each other's pending writes, so optimistic concurrency holds in between.

mod disk;
mod event;
mod object;
mod recent;
mod state;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::api::GroupResource;
pub use event::{Event, EventKind, write_line};
pub use object::{MAX_DEPTH, Object};
use recent::Recent;
use state::{Pending, State, Watcher, key_of};

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// No object of this name.
    Absent,
    /// The object as it was at this `resourceVersion`.
    Revision(u64),
}

/// Why a write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is an object where none was expected.
    #[error("the object exists")]
    Exists(Object),
    /// There is none where one was expected.
    #[error("the object does not exist")]
    Missing,
    /// It changed since it was read.
    #[error("the object has been modified")]
    Changed(Object),
    /// It cannot be kept on disk.
    #[error("cannot write to disk: {0}")]
    Disk(Arc<str>),
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened, or another process has it open.
    #[error("cannot open {path}")]
    Open {
        /// Which file.
        path: String,
        /// Why.
        source: Box<redb::DatabaseError>,
    },
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        source: Box<redb::Error>,
    },
    /// Its content is not what this program writes.
    #[error("{path} holds an object that is no JSON: {key}")]
    Corrupt {
        /// Which file.
        path: String,
        /// Which object.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The writer could not be started.
    #[error("cannot start the thread that writes to disk")]
    Thread(#[source] std::io::Error),
}

/// The log does not reach back (or forward) to a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionError {
    /// Compacted away.
    #[error("too old resource version: {asked} ({oldest})")]
    Expired {
        /// What was asked for.
        asked: u64,
        /// The oldest one that is served.
        oldest: u64,
    },
    /// Not reached yet.
    #[error("Too large resource version: {asked}, current: {current}")]
    Future {
        /// What was asked for.
        asked: u64,
        /// The newest one.
        current: u64,
    },
}

/// Objects of a resource at one revision.
#[derive(Debug)]
pub struct Snapshot {
    /// In key order: namespace, then name.
    pub items: Vec<Object>,
    /// At which revision they are all of them.
    pub revision: u64,
}

/// Which objects a watch is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// Only of this namespace.
    pub namespace: Option<&'a str>,
    /// Only of this name.
    pub name: Option<&'a str>,
}

/// A running watch: what had happened when it began, and what happens since.
#[derive(Debug)]
pub struct Watch {
    /// Events between the revision asked for and the start.
    pub backlog: Vec<Arc<Event>>,
    /// Later events. It closes when the watcher is too slow to keep up, or at
    /// shutdown.
    pub live: mpsc::Receiver<Arc<Event>>,
    /// The revision at the start.
    pub revision: u64,
}

/// How many events a slow watcher may be behind before it is cut off.
const WATCH_BUFFER: usize = 4096;

/// The objects of a server. Clones share them.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Arc<RwLock<State>>,
    disk: Option<disk::Disk>,
    recent: Recent,
}

fn read(state: &RwLock<State>) -> RwLockReadGuard<'_, State> {
    state.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(state: &RwLock<State>) -> RwLockWriteGuard<'_, State> {
    state.write().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// An empty store that dies with the process.
    pub fn memory() -> Self {
        Self(Arc::new(Inner {
            state: Arc::new(RwLock::new(State::default())),
            disk: None,
            recent: Recent::default(),
        }))
    }

    /// The store in this file, which is made when it does not exist.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let (state, disk) = disk::Disk::open(path)?;
        Ok(Self(Arc::new(Inner {
            state,
            disk: Some(disk),
            recent: Recent::default(),
        })))
    }

    /// The revision of the last visible write.
    pub fn revision(&self) -> u64 {
        read(&self.0.state).published
    }

    /// One object; `namespace` is empty for cluster-scoped ones.
    pub fn get(&self, gr: &GroupResource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let object = self.get_stored(gr, namespace, name)?;
        Some(self.0.recent.value(&object))
    }

    /// The same, as it is kept.
    pub fn get_stored(&self, gr: &GroupResource, namespace: &str, name: &str) -> Option<Object> {
        read(&self.0.state).get(gr, &key_of(namespace, name))
    }

    /// One object as a writer must see it: with writes that are on their way
    /// to the disk.
    pub fn head(&self, gr: &GroupResource, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let head = read(&self.0.state).head(gr, &key_of(namespace, name));
        head.map(|(object, _)| self.0.recent.value(&object))
    }

    /// All objects now.
    pub fn list(&self, gr: &GroupResource, namespace: Option<&str>) -> Snapshot {
        let state = read(&self.0.state);
        Snapshot {
            items: state.list(gr, namespace),
            revision: state.published,
        }
    }

    /// All objects as they were at a revision, those after a key.
    pub fn list_at(
        &self,
        gr: &GroupResource,
        namespace: Option<&str>,
        revision: u64,
        after: Option<(&str, &str)>,
    ) -> Result<Snapshot, RevisionError> {
        let state = read(&self.0.state);
        let after = after.map(|(namespace, name)| key_of(namespace, name));
        Ok(Snapshot {
            items: state.list_at(gr, namespace, revision, after.as_deref())?,
            revision,
        })
    }

    /// Forgets all changes up to the present revision.
    pub fn compact(&self) {
        write(&self.0.state).compact();
    }

    /// How many objects there are, by resource.
    pub fn counts(&self) -> Vec<(GroupResource, usize)> {
        read(&self.0.state).counts()
    }

    /// Whether there is such an object, as a writer must see it.
    pub fn exists(&self, gr: &GroupResource, namespace: &str, name: &str) -> bool {
        read(&self.0.state)
            .head(gr, &key_of(namespace, name))
            .is_some()
    }

    /// Stores `new`, or deletes when it is `None`. Sets `resourceVersion`, and
    /// returns when the write is visible and, with a disk, on it. Answers the
    /// stored object; of a deletion, the last state with its new revision.
    pub async fn write(
        &self,
        gr: &GroupResource,
        namespace: &str,
        name: &str,
        expect: Expect,
        new: Option<Value>,
    ) -> Result<Arc<Value>, WriteError> {
        let key = key_of(namespace, name);
        let waiting = {
            let mut state = write(&self.0.state);
            let event = state.prepare(gr, key, expect, new)?;
            let object = event.object().clone();
            self.0.recent.keep(event.stored(), &object);
            let Some(disk) = &self.0.disk else {
                state.publish(&event);
                return Ok(object);
            };
            let (done, waiting) = oneshot::channel();
            state.hold(&event);
            disk.enqueue(Pending { event, done });
            waiting
        };
        waiting
            .await
            .unwrap_or_else(|_| Err(WriteError::Disk("the server is shutting down".into())))
    }

    /// Watches from just after a revision; `None` means from now on.
    pub fn watch(
        &self,
        gr: &GroupResource,
        scope: Scope<'_>,
        from: Option<u64>,
    ) -> Result<Watch, RevisionError> {
        let mut state = write(&self.0.state);
        let backlog = match from {
            Some(revision) => state.since(gr, scope, revision)?,
            None => Vec::new(),
        };
        let (sender, live) = mpsc::channel(WATCH_BUFFER);
        state.add_watcher(gr, scope, sender);
        Ok(Watch {
            backlog,
            live,
            revision: state.published,
        })
    }

    /// The present objects and, without a gap, what happens next.
    pub fn list_watch(&self, gr: &GroupResource, scope: Scope<'_>) -> (Vec<Object>, Watch) {
        let mut state = write(&self.0.state);
        let items = match (scope.namespace, scope.name) {
            (Some(namespace), Some(name)) => state
                .get(gr, &key_of(namespace, name))
                .into_iter()
                .collect(),
            (namespace, name) => {
                let mut items = state.list(gr, namespace);
                if let Some(name) = name {
                    items.retain(|item| item.header()["metadata"]["name"] == name);
                }
                items
            }
        };
        let (sender, live) = mpsc::channel(WATCH_BUFFER);
        state.add_watcher(gr, scope, sender);
        let watch = Watch {
            backlog: Vec::new(),
            live,
            revision: state.published,
        };
        (items, watch)
    }

    /// Every change of these resources (of all when none are given) in commit
    /// order, never cut off; with `replay`, first the present objects as
    /// `Added`.
    pub fn subscribe(
        &self,
        resources: &[GroupResource],
        replay: bool,
    ) -> mpsc::UnboundedReceiver<Arc<Event>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        write(&self.0.state).subscribe(resources, replay, sender);
        receiver
    }

    /// Calls this with every change before anyone else sees it.
    pub fn observe(&self, observer: impl Fn(&Event) + Send + Sync + 'static) {
        write(&self.0.state).observe(Box::new(observer));
    }

    /// Ends all watches and subscriptions, and returns when all accepted
    /// writes are on disk.
    pub async fn close(&self) {
        if let Some(disk) = &self.0.disk {
            disk.close().await;
        }
        write(&self.0.state).disconnect();
    }
}

impl Watcher {
    fn wants(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|wanted| wanted == name)
    }
}
