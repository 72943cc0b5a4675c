//! A queue of keys: each key waits once, runs in one worker at a time, and may
//! ask to come back later.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::backoff::Backoff;

/// The queue. Clones share it.
#[derive(Debug)]
pub struct Queue<K> {
    inner: Arc<Inner<K>>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

#[derive(Debug)]
struct Inner<K> {
    state: Mutex<State<K>>,
    changed: Notify,
    idle: Notify,
    backoff: Backoff,
}

#[derive(Debug)]
struct State<K> {
    /// Keys to run, oldest first.
    ready: VecDeque<K>,
    /// What `ready` holds.
    waiting: HashSet<K>,
    /// Keys in a worker; true when they were added meanwhile.
    running: HashMap<K, bool>,
    /// Keys that come back at a time.
    later: BTreeMap<(Instant, u64), K>,
    /// Where a key stands in `later`.
    due: HashMap<K, (Instant, u64)>,
    /// Failures in a row.
    failures: HashMap<K, u32>,
    /// Tells equal times apart.
    serial: u64,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        Self::new(Backoff::default())
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// An empty queue whose failed keys come back after `backoff`.
    #[must_use]
    pub fn new(backoff: Backoff) -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State {
                    ready: VecDeque::new(),
                    waiting: HashSet::new(),
                    running: HashMap::new(),
                    later: BTreeMap::new(),
                    due: HashMap::new(),
                    failures: HashMap::new(),
                    serial: 0,
                }),
                changed: Notify::new(),
                idle: Notify::new(),
                backoff,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `key` as soon as a worker is free. A key that waits already waits
    /// once; one that runs is run once more.
    pub fn add(&self, key: K) {
        self.state().push(key);
        self.inner.changed.notify_one();
    }

    /// Runs `key` after `delay`, unless it is added (or due) earlier.
    pub fn add_after(&self, key: K, delay: Duration) {
        let at = Instant::now() + delay;
        let mut state = self.state();
        match state.due.get(&key) {
            Some((earlier, _)) if *earlier <= at => return,
            _ => state.forget_delay(&key),
        }
        state.serial += 1;
        let slot = (at, state.serial);
        state.due.insert(key.clone(), slot);
        state.later.insert(slot, key);
        drop(state);
        self.inner.changed.notify_one();
    }

    /// The next key to run; it belongs to the caller until [`Self::done`].
    pub async fn next(&self) -> K {
        loop {
            let wait = {
                let mut state = self.state();
                let now = Instant::now();
                while let Some(entry) = state.later.first_entry() {
                    if entry.key().0 > now {
                        break;
                    }
                    let key = entry.remove();
                    state.due.remove(&key);
                    state.push(key);
                }
                if let Some(key) = state.ready.pop_front() {
                    state.waiting.remove(&key);
                    state.forget_delay(&key);
                    state.running.insert(key.clone(), false);
                    if !state.ready.is_empty() {
                        // Another worker may be waiting too.
                        self.inner.changed.notify_one();
                    }
                    return key;
                }
                state.later.keys().next().map(|(at, _)| *at)
            };
            let changed = self.inner.changed.notified();
            match wait {
                Some(at) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// `key` was run with success; it comes back after `again`, if any.
    pub fn done(&self, key: &K, again: Option<Duration>) {
        let mut state = self.state();
        state.failures.remove(key);
        let added = state.finish(key);
        let idle = state.is_idle();
        drop(state);
        if idle {
            self.inner.idle.notify_waiters();
        }
        if added {
            self.inner.changed.notify_one();
        } else if let Some(delay) = again {
            self.add_after(key.clone(), delay);
        }
    }

    /// Running `key` failed; it comes back after the back-off. Returns how
    /// often it failed in a row, and the wait.
    pub fn failed(&self, key: &K) -> (u32, Duration) {
        let mut state = self.state();
        let failures = state.failures.entry(key.clone()).or_insert(0);
        *failures = failures.saturating_add(1);
        let failures = *failures;
        // Changes that came while it ran wait for the back-off too.
        state.running.remove(key);
        let idle = state.is_idle();
        drop(state);
        if idle {
            self.inner.idle.notify_waiters();
        }
        let delay = self.inner.backoff.delay(failures);
        self.add_after(key.clone(), delay);
        (failures, delay)
    }

    /// Waits until no key waits for a worker, and none is in one.
    pub async fn idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.inner.idle.notified());
            idle.as_mut().enable();
            if self.state().is_idle() {
                return;
            }
            idle.await;
        }
    }

    /// How many keys wait for a worker.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().ready.len()
    }

    /// Whether no key waits for a worker.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    fn push(&mut self, key: K) {
        if let Some(again) = self.running.get_mut(&key) {
            *again = true;
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.running.is_empty()
    }

    fn forget_delay(&mut self, key: &K) {
        if let Some(slot) = self.due.remove(key) {
            self.later.remove(&slot);
        }
    }

    /// Takes `key` out of its worker; true when it must run again.
    fn finish(&mut self, key: &K) -> bool {
        let again = self.running.remove(key).unwrap_or(false);
        if again {
            self.push(key.clone());
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_waits_once() {
        let queue = Queue::default();
        queue.add("a");
        queue.add("b");
        queue.add("a");
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.next().await, "a");
        assert_eq!(queue.next().await, "b");
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn a_running_key_runs_again_only_after_it_is_done() {
        let queue = Queue::default();
        queue.add("a");
        let key = queue.next().await;
        queue.add("a");
        assert!(queue.is_empty(), "it must not run twice at a time");
        queue.done(&key, None);
        assert_eq!(queue.next().await, "a");
    }

    #[tokio::test]
    async fn it_is_idle_when_nothing_waits_or_runs() {
        let queue = Queue::default();
        queue.idle().await;
        queue.add("a");
        let mut idle = std::pin::pin!(queue.idle());
        assert!(futures::poll!(idle.as_mut()).is_pending());
        let key = queue.next().await;
        queue.add_after("later", Duration::from_secs(60));
        assert!(futures::poll!(idle.as_mut()).is_pending());
        queue.add("a");
        queue.done(&key, None);
        assert!(futures::poll!(idle.as_mut()).is_pending());
        let key = queue.next().await;
        queue.failed(&key);
        idle.await;
    }

    #[tokio::test]
    async fn later_keys_come_in_order_of_time() {
        let queue = Queue::default();
        queue.add_after("late", Duration::from_millis(30));
        queue.add_after("soon", Duration::from_millis(5));
        queue.add_after("late", Duration::from_secs(60));
        let start = Instant::now();
        assert_eq!(queue.next().await, "soon");
        assert_eq!(queue.next().await, "late");
        assert!(start.elapsed() < Duration::from_secs(10), "earliest wins");
    }

    #[tokio::test]
    async fn failures_back_off_and_success_forgets_them() {
        let queue = Queue::new(Backoff::new(
            Duration::from_millis(2),
            Duration::from_secs(1),
        ));
        queue.add("a");
        let key = queue.next().await;
        assert_eq!(queue.failed(&key).0, 1);
        let key = queue.next().await;
        let (count, delay) = queue.failed(&key);
        assert_eq!(count, 2);
        assert!(delay >= Duration::from_millis(2) && delay <= Duration::from_millis(4));
        let key = queue.next().await;
        queue.done(&key, None);
        queue.add("a");
        let key = queue.next().await;
        assert_eq!(queue.failed(&key).0, 1);
    }
}
