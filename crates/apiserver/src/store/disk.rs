//! The redb file behind the store. Writers queue; one thread writes all that
//! has queued up in one transaction (many writes share one fsync), makes it
//! visible, and only then lets the writers go.
//!
//! Every transaction is committed as redb does it unless told otherwise
//! (`Durability::Immediate`): the file is synced (`fsync`) before the commit
//! returns. So a write that was acknowledged is on the disk: it outlives `kill -9`
//! (`tests/properties/crashes.rs`) and, as far as the disk keeps what it has
//! synced, the machine. What was queued and not acknowledged may be lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::state::{Pending, State};
use super::{EventKind, Object, OpenError, WriteError};
use crate::api::GroupResource;

/// `group NUL resource NUL namespace/name` → revision (8 bytes, big-endian), JSON.
const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
/// `revision` → the last one; `last NUL group NUL resource` → that of its last change.
const REVISIONS: TableDefinition<'_, &str, u64> = TableDefinition::new("revisions");

/// Memory for redb's pages: everything is in memory already.
const CACHE_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Disk {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    inner: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    waiting: Vec<Pending>,
    closing: Option<Vec<tokio::sync::oneshot::Sender<()>>>,
    closed: bool,
}

impl Disk {
    pub(super) fn open(path: &Path) -> Result<(Arc<RwLock<State>>, Self), OpenError> {
        make_private(path);
        let database = open(path).map_err(|source| OpenError::Open {
            path: path.display().to_string(),
            source: Box::new(source),
        })?;
        let state = Arc::new(RwLock::new(load(path, &database)?));
        let queue = Arc::new(Queue::default());
        let (thread_queue, thread_state) = (queue.clone(), state.clone());
        let path = path.to_owned();
        thread::Builder::new()
            .name("apiserver-disk".to_owned())
            .spawn(move || run(&path, database, &thread_queue, &thread_state))
            .map_err(OpenError::Thread)?;
        Ok((state, Self { queue }))
    }

    /// Called under the lock of the state, so that the queue is in the order of
    /// revisions.
    pub(super) fn enqueue(&self, pending: Pending) {
        let mut queue = self
            .queue
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            drop(queue);
            let error = WriteError::Disk("the server is shutting down".into());
            // A writer that went away does not mind.
            drop(pending.done.send(Err(error)));
            return;
        }
        queue.waiting.push(pending);
        drop(queue);
        self.queue.changed.notify_one();
    }

    /// Returns when all that was queued is on disk and the file is closed.
    pub(super) async fn close(&self) {
        let (sender, done) = tokio::sync::oneshot::channel();
        {
            let mut queue = self
                .queue
                .inner
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if queue.closed {
                return;
            }
            queue.closing.get_or_insert_default().push(sender);
        }
        self.queue.changed.notify_one();
        // An error means that the thread is gone, and the file with it.
        drop(done.await);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut queue = self
            .queue
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        queue.closing.get_or_insert_default();
        drop(queue);
        self.queue.changed.notify_one();
    }
}

fn load(path: &Path, database: &Database) -> Result<State, OpenError> {
    let failed = |source: redb::Error| OpenError::Read {
        path: path.display().to_string(),
        source: Box::new(source),
    };
    let mut state = State::default();
    // Makes the tables of a new file.
    let begin = database.begin_write().map_err(|e| failed(e.into()))?;
    begin.open_table(OBJECTS).map_err(|e| failed(e.into()))?;
    begin.open_table(REVISIONS).map_err(|e| failed(e.into()))?;
    begin.commit().map_err(|e| failed(e.into()))?;

    let transaction = database.begin_read().map_err(|e| failed(e.into()))?;
    let objects = transaction
        .open_table(OBJECTS)
        .map_err(|e| failed(e.into()))?;
    let mut newest = 0;
    for entry in objects.iter().map_err(|e| failed(e.into()))? {
        let (key, value) = entry.map_err(|e| failed(e.into()))?;
        let (key, bytes) = (key.value(), value.value());
        let mut parts = key.splitn(3, '\0');
        let gr = GroupResource::new(parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let object_key = parts.next().unwrap_or("");
        let (revision, json) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], b""));
        let object = Object::from_json(json).map_err(|source| OpenError::Corrupt {
            path: path.display().to_string(),
            key: key.replace('\0', " "),
            source,
        })?;
        let revision = u64::from_be_bytes(*revision);
        newest = newest.max(revision);
        state.restore(&gr, object_key.into(), revision, object);
    }
    let revisions = transaction
        .open_table(REVISIONS)
        .map_err(|e| failed(e.into()))?;
    let mut last = Vec::new();
    for entry in revisions.iter().map_err(|e| failed(e.into()))? {
        let (key, value) = entry.map_err(|e| failed(e.into()))?;
        let mut parts = key.value().splitn(3, '\0');
        if parts.next() == Some("last") {
            let gr = GroupResource::new(parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            last.push((gr, value.value()));
        } else {
            newest = newest.max(value.value());
        }
    }
    state.restore_revisions(newest, &last);
    Ok(state)
}

fn open(path: &Path) -> Result<Database, redb::DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create(path)
}

fn run(path: &Path, database: Database, queue: &Queue, state: &RwLock<State>) {
    let mut database = Some(database);
    loop {
        let batch = {
            let mut inner = queue.inner.lock().unwrap_or_else(PoisonError::into_inner);
            while inner.waiting.is_empty() && inner.closing.is_none() {
                inner = queue
                    .changed
                    .wait(inner)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if inner.waiting.is_empty() {
                inner.closed = true;
                break;
            }
            std::mem::take(&mut inner.waiting)
        };
        // After a failure redb wants the file opened anew; perhaps the disk has
        // room again.
        let result = match database.take() {
            Some(open) => Ok(open),
            None => open(path).map_err(redb::Error::from),
        };
        let result = result.and_then(|open| commit(&open, &batch).map(|()| open));
        match result {
            Ok(open) => {
                database = Some(open);
                publish(state, batch);
            }
            Err(error) => {
                tracing::error!(%error, "cannot write to disk");
                refuse(queue, state, batch, &error);
            }
        }
    }
    drop(database);
    let mut inner = queue.inner.lock().unwrap_or_else(PoisonError::into_inner);
    for done in inner.closing.take().into_iter().flatten() {
        // Nobody waits any more: fine.
        let _gone = done.send(());
    }
}

fn publish(state: &RwLock<State>, batch: Vec<Pending>) {
    let mut state = super::write(state);
    let mut writers = Vec::with_capacity(batch.len());
    for pending in batch {
        writers.push((pending.done, pending.event.object().clone()));
        state.publish(&pending.event);
    }
    drop(state);
    for (done, object) in writers {
        // A writer that went away does not mind.
        drop(done.send(Ok(object)));
    }
}

/// All writes that are not on disk fail together: later ones may build on
/// those of the batch.
fn refuse(queue: &Queue, state: &RwLock<State>, batch: Vec<Pending>, error: &redb::Error) {
    let reason: Arc<str> = error.to_string().into();
    let mut state = super::write(state);
    let later = {
        let mut inner = queue.inner.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut inner.waiting)
    };
    state.abandon();
    drop(state);
    for pending in batch.into_iter().chain(later) {
        // A writer that went away does not mind.
        drop(pending.done.send(Err(WriteError::Disk(reason.clone()))));
    }
}

fn commit(database: &Database, batch: &[Pending]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut objects = transaction.open_table(OBJECTS)?;
        let mut revisions = transaction.open_table(REVISIONS)?;
        let mut last: BTreeMap<&GroupResource, u64> = BTreeMap::new();
        // Of several writes of one object only the last one counts.
        let mut newest = BTreeMap::new();
        for pending in batch {
            let change = &pending.event.change;
            last.insert(&*change.gr, change.revision);
            newest.insert((&*change.gr, &*change.key), change);
        }
        let mut value = Vec::new();
        for ((gr, object_key), change) in newest {
            let key = format!("{}\0{}\0{object_key}", gr.group, gr.resource);
            if change.kind == EventKind::Deleted {
                objects.remove(key.as_str())?;
            } else {
                value.clear();
                value.extend_from_slice(&change.revision.to_be_bytes());
                value.extend_from_slice(change.object.json());
                objects.insert(key.as_str(), value.as_slice())?;
            }
        }
        for (gr, revision) in last {
            revisions.insert(
                format!("last\0{}\0{}", gr.group, gr.resource).as_str(),
                revision,
            )?;
        }
        if let Some(pending) = batch.last() {
            revisions.insert("revision", pending.event.revision())?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// There are secrets among the objects: nobody but the owner reads the file.
/// What goes wrong here goes wrong again when it is opened, with a better error.
fn make_private(path: &Path) {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        if path.exists() {
            let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
        }
    }
    let _ = options.open(path);
}
