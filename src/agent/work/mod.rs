//! Applies ManifestWorks of the hub on the managed cluster and reports what
//! became of them, as upstream's work agent does.
//!
//! A work is reconciled as a whole, by one worker at a time ([`agent`]): its
//! record (AppliedManifestWork) is written first, then its manifests are
//! applied ([`items`], [`apply`]), what it lost is pruned ([`prune`]), and its
//! status is reported. What is decided is decided in pure modules: [`update`]
//! and [`content`] (what to write), [`status`], [`feedback`], [`rules`], [`record`].
//! [`watch`] brings changes of applied resources back in milliseconds.

pub mod agent;
pub mod apply;
pub mod config;
pub mod content;
pub mod executor;
pub mod feedback;
pub mod items;
pub mod jq;
pub mod jsonpath;
pub mod local;
pub mod manifest;
pub mod md5;
pub mod model;
pub mod owner;
pub mod prune;
pub mod record;
pub mod rest;
pub mod rules;
pub mod ssa;
pub mod status;
pub mod update;
pub mod watch;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::runtime::{Backoff, Change, Informer, Metrics, Queue, Scope};
use agent::{Agent, Key};
use model::{AppliedWork, Work};

/// Works that are reconciled at the same time.
const WORKERS: usize = 16;

/// What the work agent has to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the managed cluster: the namespace of its works on the hub.
    pub cluster_name: String,
    /// The `server` of the hub kubeconfig, byte for byte: names of records begin with its hash.
    pub hub_server: String,
    /// Which agent this is; records of others are left alone.
    pub agent_id: String,
    /// How often resources are looked at that cannot be watched.
    pub status_sync_interval: Duration,
    /// How long resources stay whose work vanished from the hub.
    pub eviction_grace_period: Duration,
    /// Gate RawFeedbackJsonString: lists and maps are reported as JSON.
    pub raw_feedback: bool,
}

/// Runs the work agent until `shutdown`; lets what it is doing finish.
///
/// # Errors
/// None at present: servers that cannot be reached are waited for.
pub async fn run(
    hub: Client,
    spoke: Client,
    mut options: Options,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if options.agent_id.is_empty() {
        options.agent_id = model::hub_hash(&options.hub_server);
    }
    let metrics = Metrics::default();
    let queue: Queue<Key> = Queue::new(Backoff::new(
        Duration::from_millis(20),
        Duration::from_secs(15),
    ));
    let works: Informer<Work> = Informer::new(Scope::of::<Work>().namespace(&options.cluster_name));
    let records: Informer<AppliedWork> = Informer::new(Scope::of::<AppliedWork>());
    let agent = Arc::new(Agent::new(
        options,
        &hub,
        spoke.clone(),
        works.clone(),
        records.clone(),
        queue.clone(),
        |notify| watch::Watches::new(spoke.clone(), metrics.clone(), shutdown.clone(), notify),
    ));

    let woken = queue.clone();
    works.on_change(move |key, _| woken.add(Key::Work(key.name.clone())));
    let (woken, of) = (queue.clone(), Arc::clone(&agent));
    records.on_change(move |_, change| {
        let Some(key) = of.key_of(change.object()) else {
            return;
        };
        if let (Change::Deleted(record), Key::Work(work)) = (change, &key) {
            of.record_gone(work, record);
        }
        woken.add(key);
    });

    let mut tasks = crate::runtime::Tasks::new(shutdown.clone());
    tasks.spawn(
        works
            .clone()
            .run_typed(hub, metrics.clone(), shutdown.clone()),
    );
    tasks.spawn(
        records
            .clone()
            .run_typed(spoke, metrics.clone(), shutdown.clone()),
    );
    // Nothing is decided before both sides are known.
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = async { works.synced().await; records.synced().await; } => {
            tracing::info!(works = works.len(), records = records.len(), "work agent started");
            tasks.controller("work", &queue, WORKERS, &metrics, move |key| {
                let agent = Arc::clone(&agent);
                async move { agent.reconcile(key).await }
            });
        }
    }
    tasks.join().await;
    Ok(())
}
