//! Applies ManifestWorks of the hub on the managed cluster and reports what
//! became of them, as upstream's work agent does.
//!
//! A work is reconciled as a whole, by one worker at a time ([`agent`]): its
//! record (AppliedManifestWork) is written first, then its manifests are
//! applied ([`items`], [`apply`]), what it lost is pruned ([`prune`]), and its
//! status is reported. What is decided is decided in pure modules: [`update`]
//! and [`content`] (what to write), [`status`], [`feedback`], [`rules`], [`record`].
//! Requests that hang are [`late`]; nothing else waits for them.
//! What is said to the hub goes through [`hub`] and is made to [`fit`].
//! [`watch`] brings changes of applied resources back in milliseconds; [`copies`]
//! let an agent that starts without its hub go on ([`away`]).

pub mod agent;
pub mod apply;
pub mod away;
pub mod config;
pub mod content;
pub mod copies;
pub mod delete;
pub mod executor;
pub mod feedback;
pub mod fit;
pub mod hub;
pub mod items;
pub mod jq;
pub mod jsonpath;
pub mod late;
pub mod local;
pub mod manifest;
pub mod md5;
pub mod model;
pub mod owner;
pub mod prune;
pub mod rbac;
pub mod record;
pub mod report;
pub mod rest;
pub mod rules;
pub mod shallow;
pub mod ssa;
pub mod status;
pub mod update;
pub mod watch;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::runtime::informer::typed;
use crate::runtime::{Backoff, Change, Informer, Metrics, Queue, Scope};
use agent::{Agent, Key};
use model::{AppliedWork, WORK_FINALIZER, Work, has_finalizer};

/// Works that are reconciled at the same time.
const WORKERS: usize = 16;

/// How long a watch of the hub's works lasts: a connection that died without a
/// word is noticed soon after.
const WATCH_SECONDS: u32 = 180;

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
    /// Gate ExecutorValidatingCaches: what executors may do is asked once, and
    /// again when roles or bindings change, which are watched.
    pub executor_caches: bool,
    /// The namespace on the managed cluster where works are copied to, for a
    /// start without the hub; they are not copied when `None`.
    pub copies: Option<String>,
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
    let hub = shallow::client(hub);
    let queue: Queue<Key> = Queue::new(Backoff::new(
        Duration::from_millis(20),
        Duration::from_secs(15),
    ));
    let works: Informer<Work> = Informer::new(
        Scope::of::<Work>()
            .namespace(&options.cluster_name)
            .watch_seconds(WATCH_SECONDS),
    );
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

    let (woken, of) = (queue.clone(), Arc::clone(&agent));
    works.on_change(move |key, change| {
        if change.is_no_news() {
            of.listed_again(&key.name);
        }
        woken.add(Key::Work(key.name.clone()));
    });
    let of = Arc::clone(&agent);
    works.on_deleted(move |key, work| {
        let metadata = &work.metadata;
        if metadata.deletion_timestamp.is_none() && has_finalizer(metadata, WORK_FINALIZER) {
            of.deleted_unasked(&key.name);
        }
    });
    let (woken, of) = (queue.clone(), Arc::clone(&agent));
    records.on_change(move |_, change| {
        let Some(key) = of.key_of(change.object()) else {
            return;
        };
        if let Key::Work(work) = &key {
            if let Change::Deleted(record) = change {
                of.record_gone(work, record);
            }
            if change.is_no_news() {
                of.listed_again(work);
            }
        }
        woken.add(key);
    });

    // What hangs ends with this, however it ends.
    let _end = EndLate(Arc::clone(&agent));
    let kinds: Informer<()> =
        Informer::new(Scope::of::<CustomResourceDefinition>().metadata_only());
    let of = Arc::clone(&agent);
    kinds.on_change(move |key, _| {
        // Definitions are called after their resource and its group.
        if let Some((_, group)) = key.name.split_once('.') {
            of.kinds_changed(group);
        }
    });

    let mut tasks = crate::runtime::Tasks::new(shutdown.clone());
    tasks.spawn(kinds.run(
        spoke.clone(),
        |_| Ok::<_, Infallible>(()),
        metrics.clone(),
        shutdown.clone(),
    ));
    if agent.options.executor_caches {
        let (known, of) = (agent.executors.watched(), Arc::clone(&agent));
        tasks.spawn(rbac::watch(
            spoke.clone(),
            metrics.clone(),
            shutdown.clone(),
            known,
            move |whose| of.permissions_changed(whose),
        ));
    }
    tasks.spawn(
        works
            .clone()
            .run_typed(hub, metrics.clone(), shutdown.clone()),
    );
    tasks.spawn(records.clone().run(
        spoke,
        |object| typed::<AppliedWork>(object).map(record::trimmed),
        metrics.clone(),
        shutdown.clone(),
    ));
    // Nothing is decided before both sides are known, unless the hub is away.
    let known = async {
        records.synced().await;
        let has = |name: &str| records.get("", name).is_some();
        if let Err(error) = agent.copies.look(has).await {
            tracing::warn!(%error, "the copies of works cannot be listed");
        }
        tokio::time::timeout(away::PATIENCE, works.synced())
            .await
            .is_ok()
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        present = known => {
            tracing::info!(works = works.len(), records = records.len(), hub = present, "work agent started");
            let this = Arc::clone(&agent);
            tasks.controller("work", &queue, WORKERS, &metrics, move |key| {
                let agent = Arc::clone(&this);
                async move { agent.reconcile(key).await }
            });
            let (of, works_of) = (Arc::clone(&agent), queue.clone());
            let errands = agent.copies.errands();
            tasks.controller("work-copy", errands, 1, &metrics, move |name| {
                let (agent, works) = (Arc::clone(&of), works_of.clone());
                async move { agent.copies.run_errand(name, works.idle()).await }
            });
            if !present {
                let stop = shutdown.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = works.synced() => agent.wake_all(),
                    }
                });
            }
        }
    }
    tasks.join().await;
    Ok(())
}

struct EndLate(Arc<Agent>);

impl Drop for EndLate {
    fn drop(&mut self) {
        self.0.late.stop();
    }
}
