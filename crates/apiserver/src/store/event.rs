//! One change, as watchers and loops see it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

use super::Object;
use crate::api::GroupResource;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It is new.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the event carries its last state.
    Deleted,
}

impl EventKind {
    /// As watches write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// A change that has happened: all of it as bytes, which is how the log keeps it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) gr: Arc<GroupResource>,
    pub(super) kind: EventKind,
    pub(super) key: Arc<str>,
    pub(super) object: Object,
    pub(super) old: Option<Object>,
}

impl Change {
    pub(super) fn namespace(&self) -> &str {
        self.key
            .split_once('/')
            .map_or("", |(namespace, _)| namespace)
    }

    pub(super) fn name(&self) -> &str {
        self.key.split_once('/').map_or(&self.key, |(_, name)| name)
    }

    /// What is kept for it.
    pub(super) fn bytes(&self) -> usize {
        self.object.json().len() + self.old.as_ref().map_or(0, |old| old.json().len())
    }
}

/// One change, as watchers and loops see it. What is parsed or written for one
/// of them is shared by all.
#[derive(Debug)]
pub struct Event {
    pub(super) change: Change,
    object: OnceLock<Arc<Value>>,
    old: OnceLock<Arc<Value>>,
    line: OnceLock<Bytes>,
}

impl Event {
    pub(super) fn new(change: Change, object: Option<Arc<Value>>) -> Self {
        Self {
            change,
            object: object.map_or_else(OnceLock::new, OnceLock::from),
            old: OnceLock::new(),
            line: OnceLock::new(),
        }
    }

    /// The revision of the change; also the `resourceVersion` of the object.
    pub fn revision(&self) -> u64 {
        self.change.revision
    }

    /// Of which resource.
    pub fn gr(&self) -> &Arc<GroupResource> {
        &self.change.gr
    }

    /// What happened.
    pub fn kind(&self) -> EventKind {
        self.change.kind
    }

    /// The object after the change (of a deleted one: its last state).
    pub fn object(&self) -> &Arc<Value> {
        self.object.get_or_init(|| self.change.object.value())
    }

    /// The object before the change.
    pub fn old(&self) -> Option<&Arc<Value>> {
        let old = self.change.old.as_ref()?;
        Some(self.old.get_or_init(|| old.value()))
    }

    /// The object after the change, as it is kept.
    pub fn stored(&self) -> &Object {
        &self.change.object
    }

    /// The object before the change, as it is kept.
    pub fn stored_old(&self) -> Option<&Object> {
        self.change.old.as_ref()
    }

    /// The line of a watch that says all this.
    pub fn line(&self) -> Bytes {
        self.line
            .get_or_init(|| {
                let mut out = Vec::new();
                write_line(&mut out, self.kind().as_str(), self.stored().json());
                out.into()
            })
            .clone()
    }

    /// Its namespace, empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.change.namespace()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.change.name()
    }
}

/// One line of a watch: what happened, and the JSON of an object.
pub fn write_line(out: &mut Vec<u8>, kind: &str, object: &[u8]) {
    out.reserve(object.len() + 40);
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
}
