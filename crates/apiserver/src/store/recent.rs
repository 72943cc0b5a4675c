//! The objects that were parsed last: those that are read again and again
//! (namespaces, roles, what a controller works on) stay parsed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::Object;

/// How many, and how long their JSON may be in sum. Parsed, they need about
/// eight times that.
const COUNT: usize = 256;
const BYTES: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    values: VecDeque<(usize, Arc<Value>)>,
    bytes: usize,
}

impl Recent {
    /// The parsed object, which stays so for a while.
    pub(super) fn value(&self, object: &Object) -> Arc<Value> {
        if let Some(value) = object.parsed() {
            return value;
        }
        let value = object.value();
        self.keep(object, &value);
        value
    }

    /// Keeps this one for a while.
    pub(super) fn keep(&self, object: &Object, value: &Arc<Value>) {
        let bytes = object.json().len();
        let mut gone = Vec::new();
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.bytes += bytes;
        ring.values.push_back((bytes, value.clone()));
        while ring.values.len() > COUNT || ring.bytes > BYTES {
            let Some((bytes, value)) = ring.values.pop_front() else {
                break;
            };
            ring.bytes -= bytes;
            gone.push(value);
        }
        // Freed without the lock.
        drop(ring);
        drop(gone);
    }
}
