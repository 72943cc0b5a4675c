//! What hub and agent share: controller harness, leader election, metrics, health, shutdown.
//!
//! An [`Informer`] watches one resource and keeps what is needed of it. Its
//! changes put keys into a [`Queue`]; [`controller::run`] reconciles the keys
//! with a bounded number of workers. [`Context`] carries what every part of a
//! process shares.

pub mod backoff;
pub mod bounded;
pub mod clock;
pub mod controller;
pub mod events;
pub mod index;
pub mod informer;
pub mod leader;
pub mod metrics;
pub mod process;
pub mod queue;
pub mod serve;

use std::future::Future;

use kube::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use backoff::Backoff;
pub use clock::Clock;
pub use controller::{Failure, Next};
pub use index::Index;
pub use informer::{Change, Informer, Key, Scope, source_chain};
pub use metrics::Metrics;
pub use queue::Queue;
pub use serve::Health;

/// What the parts of a process share. Clones share it.
#[derive(Clone)]
pub struct Context {
    /// The API server that the part works on.
    pub client: Client,
    /// What is counted.
    pub metrics: Metrics,
    /// What is unwell.
    pub health: Health,
    /// What time it is.
    pub clock: Clock,
    /// Cancelled when the part has to end.
    pub shutdown: CancellationToken,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Context")
    }
}

impl Context {
    /// A context with fresh metrics and health.
    #[must_use]
    pub fn new(client: Client, shutdown: CancellationToken) -> Self {
        Self {
            client,
            metrics: Metrics::default(),
            health: Health::default(),
            clock: Clock::default(),
            shutdown,
        }
    }

    /// The same for another API server.
    #[must_use]
    pub fn with_client(&self, client: Client) -> Self {
        Self {
            client,
            ..self.clone()
        }
    }

    /// The same with a token of its own below the present one: cancelling it
    /// ends only what was started with it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            shutdown: self.shutdown.child_token(),
            ..self.clone()
        }
    }
}

/// Tasks that end together: when one panics the token is cancelled, so that no
/// part silently goes missing.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<()>,
    shutdown: CancellationToken,
}

impl Tasks {
    /// No tasks yet; they end when `shutdown` is cancelled.
    #[must_use]
    pub fn new(shutdown: CancellationToken) -> Self {
        Self {
            set: JoinSet::new(),
            shutdown,
        }
    }

    /// Starts a task.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.set.spawn(task);
    }

    /// Starts a controller ([`controller::run`]).
    pub fn controller<K, F, Fut>(
        &mut self,
        name: &'static str,
        queue: &Queue<K>,
        workers: usize,
        metrics: &Metrics,
        reconcile: F,
    ) where
        K: Clone + Eq + std::hash::Hash + std::fmt::Display + Send + Sync + 'static,
        F: Fn(K) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Next, Failure>> + Send + 'static,
    {
        let (queue, metrics) = (queue.clone(), metrics.clone());
        let shutdown = self.shutdown.clone();
        self.spawn(async move {
            controller::run(name, queue, workers, metrics, shutdown, reconcile).await;
        });
    }

    /// Waits for all tasks.
    pub async fn join(mut self) {
        while let Some(ended) = self.set.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!("a part of the process panicked");
                self.shutdown.cancel();
            }
        }
    }
}
