//! What all loops share: events become keys, keys are worked on one at a time
//! each and many at once, failures are tried again later and later.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::registry::Event;
use crate::status::Status;

/// How many keys are worked on at once.
const AT_ONCE: usize = 64;
const FIRST_RETRY: Duration = Duration::from_millis(5);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// When a key is due again without any event; `None`: never.
pub(super) type Outcome = Result<Option<Duration>, Status>;

/// Runs a loop until `stop` or the end of the events. `observe` sees every
/// event in order and names the keys to work on; what is there at the start is
/// observed completely before the first `reconcile`.
pub(super) async fn follow<K, O, R, F>(
    name: &'static str,
    stop: CancellationToken,
    mut events: UnboundedReceiver<Arc<Event>>,
    mut observe: O,
    reconcile: R,
) where
    K: Clone + Ord + Debug,
    O: FnMut(&Event) -> Vec<K>,
    R: Fn(K) -> F,
    F: Future<Output = Outcome>,
{
    let mut queue = Queue::default();
    loop {
        // All that is known by now, before anything is decided.
        while let Ok(event) = events.try_recv() {
            queue.add_all(observe(&event));
        }
        while queue.working.len() < AT_ONCE
            && let Some(key) = queue.next()
        {
            let work = reconcile(key.clone());
            queue.jobs.push(async move { (key, work.await) });
        }
        let due = queue.timers.first().map(|(at, _)| *at);
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some((key, outcome)) = queue.jobs.next(), if !queue.jobs.is_empty() => {
                queue.done(name, key, outcome);
            }
            event = events.recv() => match event {
                Some(event) => queue.add_all(observe(&event)),
                None => return,
            },
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                queue.ring();
            }
        }
    }
}

struct Queue<K, J> {
    waiting: VecDeque<K>,
    queued: BTreeSet<K>,
    working: BTreeSet<K>,
    /// Changed while worked on.
    again: BTreeSet<K>,
    failures: BTreeMap<K, u32>,
    timers: BTreeSet<(Instant, K)>,
    jobs: FuturesUnordered<J>,
}

impl<K, J> Default for Queue<K, J> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            queued: BTreeSet::new(),
            working: BTreeSet::new(),
            again: BTreeSet::new(),
            failures: BTreeMap::new(),
            timers: BTreeSet::new(),
            jobs: FuturesUnordered::new(),
        }
    }
}

impl<K: Clone + Ord + Debug, J> Queue<K, J> {
    fn add_all(&mut self, keys: Vec<K>) {
        for key in keys {
            self.add(key);
        }
    }

    fn add(&mut self, key: K) {
        if self.working.contains(&key) {
            self.again.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.waiting.push_back(key);
        }
    }

    fn next(&mut self) -> Option<K> {
        let key = self.waiting.pop_front()?;
        self.queued.remove(&key);
        self.working.insert(key.clone());
        Some(key)
    }

    fn done(&mut self, name: &'static str, key: K, outcome: Outcome) {
        self.working.remove(&key);
        let again = self.again.remove(&key);
        self.timers.retain(|(_, waiting)| *waiting != key);
        match outcome {
            Ok(due) => {
                self.failures.remove(&key);
                if let Some(after) = due {
                    self.timers.insert((Instant::now() + after, key.clone()));
                }
            }
            Err(status) => {
                let failures = self.failures.entry(key.clone()).or_default();
                *failures = failures.saturating_add(1);
                if *failures > 5 {
                    tracing::warn!(controller = name, ?key, %status, failures, "will be tried again");
                } else {
                    tracing::debug!(controller = name, ?key, %status, failures, "will be tried again");
                }
                let wait = FIRST_RETRY
                    .saturating_mul(2_u32.saturating_pow((*failures - 1).min(20)))
                    .min(LAST_RETRY);
                self.timers.insert((Instant::now() + wait, key.clone()));
            }
        }
        if again {
            self.add(key);
        }
    }

    /// Queues what is due.
    fn ring(&mut self) {
        let now = Instant::now();
        while let Some((at, _)) = self.timers.first()
            && *at <= now
        {
            if let Some((_, key)) = self.timers.pop_first() {
                self.add(key);
            }
        }
    }
}

/// A long time as a timer can hold it; what is due later is looked at before.
pub(super) fn until(at: jiff::Timestamp) -> Duration {
    let left = at.duration_since(jiff::Timestamp::now());
    Duration::try_from(left)
        .unwrap_or_default()
        .min(Duration::from_secs(24 * 3600))
}
