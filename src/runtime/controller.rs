//! Workers over a queue: bounded, one key at a time each, back-off on failure.

use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::informer::source_chain;
use super::metrics::Metrics;
use super::queue::Queue;

/// When a reconciled key has to be looked at again, without any change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Only when something changes.
    OnChange,
    /// After a while, unless something changes earlier.
    After(Duration),
}

impl Next {
    /// The earlier of both.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        match (self, other) {
            (Self::OnChange, next) | (next, Self::OnChange) => next,
            (Self::After(a), Self::After(b)) => Self::After(a.min(b)),
        }
    }
}

/// Why a reconciliation failed: the error, kept with its causes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs `reconcile` for the keys of `queue` with at most `workers` at a time,
/// until `shutdown`; then lets the running ones finish.
pub async fn run<K, F, Fut>(
    name: &str,
    queue: Queue<K>,
    workers: usize,
    metrics: Metrics,
    shutdown: CancellationToken,
    reconcile: F,
) where
    K: Clone + Eq + Hash + fmt::Display + Send + Sync + 'static,
    F: Fn(K) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Next, Failure>> + Send + 'static,
{
    let worker = Arc::new(Worker {
        name: name.to_owned(),
        queue,
        metrics,
        shutdown: shutdown.clone(),
        // Boxed, so that what goes on around is there once in the program, and
        // not once for every controller.
        reconcile: Box::new(move |key| Box::pin(reconcile(key))),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..workers.max(1) {
        tasks.spawn(work(Arc::clone(&worker)));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            // A worker that panicked has lost its key: the process must not
            // go on as if nothing had happened.
            tracing::error!(controller = %name, "worker panicked");
            shutdown.cancel();
        }
    }
}

type Reconcile<K> = Box<dyn Fn(K) -> BoxFuture<'static, Result<Next, Failure>> + Send + Sync>;

/// What the workers of a controller share.
struct Worker<K> {
    name: String,
    queue: Queue<K>,
    metrics: Metrics,
    shutdown: CancellationToken,
    reconcile: Reconcile<K>,
}

async fn work<K>(worker: Arc<Worker<K>>)
where
    K: Clone + Eq + Hash + fmt::Display + Send + Sync + 'static,
{
    let Worker {
        name,
        queue,
        metrics,
        shutdown,
        reconcile,
    } = &*worker;
    loop {
        let key = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            key = queue.next() => key,
        };
        metrics.queued(name, queue.len());
        let start = Instant::now();
        let result = reconcile(key.clone()).await;
        metrics.reconciled(name, result.is_ok(), start.elapsed());
        match result {
            Ok(Next::OnChange) => queue.done(&key, None),
            Ok(Next::After(delay)) => queue.done(&key, Some(delay)),
            Err(error) => {
                let (failures, retry_in) = queue.failed(&key);
                let error = source_chain(error.as_ref());
                // One conflict or a server that just starts is no news.
                if failures > 3 {
                    tracing::warn!(controller = %name, %key, failures, ?retry_in, %error, "reconcile failed");
                } else {
                    tracing::debug!(controller = %name, %key, failures, ?retry_in, %error, "reconcile failed");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn concurrency_is_bounded_and_failures_come_back() {
        let queue = Queue::default();
        for key in 0..20 {
            queue.add(key.to_string());
        }
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicUsize::new(0));
        let failed_once = Arc::new(AtomicUsize::new(0));
        let shutdown = CancellationToken::new();
        let (r, m, e, f, s) = (
            running,
            Arc::clone(&most),
            Arc::clone(&ended),
            failed_once,
            shutdown.clone(),
        );
        run(
            "test",
            queue,
            3,
            Metrics::default(),
            shutdown,
            move |key: String| {
                let (r, m, e, f, s) = (r.clone(), m.clone(), e.clone(), f.clone(), s.clone());
                async move {
                    let now = r.fetch_add(1, Ordering::SeqCst) + 1;
                    m.fetch_max(now, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    r.fetch_sub(1, Ordering::SeqCst);
                    if key == "7" && f.fetch_add(1, Ordering::SeqCst) == 0 {
                        return Err("not yet".into());
                    }
                    if e.fetch_add(1, Ordering::SeqCst) == 19 {
                        s.cancel();
                    }
                    Ok(Next::OnChange)
                }
            },
        )
        .await;
        assert_eq!(ended.load(Ordering::SeqCst), 20);
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn the_earlier_wins() {
        let soon = Next::After(Duration::from_secs(1));
        assert_eq!(soon.min(Next::OnChange), soon);
        assert_eq!(Next::After(Duration::from_secs(2)).min(soon), soon);
    }
}
