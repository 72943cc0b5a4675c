//! What an agent with an identity does: certificate, lease, status, works,
//! add-ons.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use kube::Client;
use kube::api::Api;
use kube::core::{ApiResource, GroupVersionKind};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::runtime::{Backoff, Change, Context, Informer, Queue, Scope, Tasks, source_chain};

use super::hubs::Leave;
use super::identity::Names;
use super::metrics::Counts;
use super::report::Reporter;
use super::settings::Settings;
use super::status::{Cluster, ClusterClaim, Node};
use super::{heartbeat, join, order};
use crate::agent::certificate::credentials::{Credentials, Data};
use crate::agent::certificate::keeper::Keeper;
use crate::agent::work;

/// How long one report may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the work agent looks at what it cannot watch.
const STATUS_SYNC_INTERVAL: Duration = Duration::from_secs(10);
/// How long resources stay whose work vanished from the hub.
const EVICTION_GRACE_PERIOD: Duration = Duration::from_secs(3600);

/// What the mode is made of.
#[derive(Clone)]
pub struct Parts {
    /// The namespace of the Secrets.
    pub namespace: String,
    /// How to leave this hub for another, where there are several.
    pub leave: Option<Leave>,
    /// Who the agent is.
    pub names: Names,
    /// What the Klusterlet asks for.
    pub settings: Settings,
    /// The hub as the bootstrap kubeconfig names it.
    pub hub_as: Credentials,
    /// The identity.
    pub hub: Credentials,
    /// The Secret it is from, as it changes.
    pub secret: watch::Receiver<Option<Arc<Data>>>,
    /// Cancelled when the hub does not take a request for a renewal.
    pub refused: CancellationToken,
    /// What is counted of it.
    pub counts: Counts,
    /// Told when the hub begins or ceases to take renewals of the lease.
    pub news: watch::Sender<()>,
}

/// Runs until the context's shutdown; anew when the connections to the hub may
/// be dead.
pub async fn run(context: Context, parts: Parts) {
    loop {
        let round = context.child();
        let stale = CancellationToken::new();
        let stop = round.shutdown.clone();
        let work = async {
            once(round, parts.clone(), stale.clone()).await;
            stop.cancel();
        };
        let watch = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = stale.cancelled() => stop.cancel(),
            }
        };
        tokio::join!(work, watch);
        if context.shutdown.is_cancelled() || !stale.is_cancelled() {
            return;
        }
    }
}

async fn once(context: Context, parts: Parts, stale: CancellationToken) {
    let hub = match parts.hub.client_until(stale.clone()).await {
        Ok(client) => client,
        Err(error) => {
            // Only another Secret can help.
            let error = source_chain(&error);
            tracing::error!(%error, "the hub kubeconfig cannot be used");
            context.health.fail(super::HUB_KUBECONFIG, error);
            context.shutdown.cancelled().await;
            return;
        }
    };
    context.health.pass(super::HUB_KUBECONFIG);
    let name = parts.names.cluster.clone();
    let shutdown = context.shutdown.clone();
    let metrics = context.metrics.clone();
    let mut tasks = Tasks::new(shutdown.clone());

    let clusters: Informer<Cluster> = Informer::new(Scope::all(join::clusters()).named(&name));
    let nodes: Informer<Node> = Informer::new(Scope::of::<core::Node>());
    let claims: Informer<ClusterClaim> = Informer::new(Scope::all(cluster_claims()));
    let properties: Informer<ClusterClaim> = Informer::new(Scope::all(cluster_properties()));
    let namespace_label = super::namespaces::label(parts.hub.server());
    let namespaces: Informer<bool> = Informer::new(
        Scope::of::<core::Namespace>()
            .labels(&namespace_label)
            .metadata_only(),
    );
    let queue: Queue<String> = Queue::new(Backoff::default());
    let (ticks, ticked) = watch::channel(());

    let (on_cluster, key) = (queue.clone(), name.clone());
    clusters.on_change(move |_, change| {
        if let Change::Applied { .. } = change {
            on_cluster.add(key.clone());
        }
        ticks.send_replace(());
    });
    on_news(&nodes, &queue, &name);
    on_news(&claims, &queue, &name);
    on_news(&properties, &queue, &name);
    on_news(&namespaces, &queue, &name);

    tasks.spawn(clusters.clone().run(
        hub.clone(),
        Cluster::parse,
        metrics.clone(),
        shutdown.clone(),
    ));
    let spoke = context.client.clone();
    tasks.spawn(nodes.clone().run(
        spoke.clone(),
        Node::parse,
        metrics.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(claims.clone().run(
        spoke.clone(),
        ClusterClaim::parse,
        metrics.clone(),
        shutdown.clone(),
    ));
    if parts.settings.properties {
        tasks.spawn(properties.clone().run(
            spoke.clone(),
            ClusterClaim::parse,
            metrics.clone(),
            shutdown.clone(),
        ));
    }
    let label = namespace_label.clone();
    tasks.spawn(namespaces.clone().run(
        spoke.clone(),
        move |object| super::namespaces::is_managed(object, &label),
        metrics.clone(),
        shutdown.clone(),
    ));
    tasks.spawn(heartbeat::run(
        hub.clone(),
        parts.hub.clone(),
        name.clone(),
        clusters.clone(),
        ticked,
        heartbeat::Listeners {
            leave: parts.leave.clone(),
            news: parts.news.clone(),
            stale,
            clock: context.clock.clone(),
            counts: parts.counts.clone(),
        },
        shutdown.clone(),
    ));
    let reporter = Arc::new(Reporter {
        hub: hub.clone(),
        spoke: spoke.clone(),
        name: name.clone(),
        settings: parts.settings.clone(),
        clusters,
        nodes: nodes.clone(),
        claims,
        properties,
        namespaces,
        namespace_label,
        unwell: Mutex::new(None),
    });
    let (stop, counts) = (shutdown.clone(), metrics.clone());
    tasks.spawn(async move {
        // Sums over half a list of nodes would be wrong.
        tokio::select! {
            () = stop.cancelled() => return,
            () = nodes.synced() => {}
        }
        crate::runtime::controller::run("status", queue, 1, counts, stop, move |_| {
            let reporter = Arc::clone(&reporter);
            async move {
                match tokio::time::timeout(PATIENCE, reporter.report()).await {
                    Ok(result) => result,
                    Err(_) => Err("hub or cluster did not answer".into()),
                }
            }
        })
        .await;
    });
    let work = works_of(&parts.names, &parts.settings, &parts.hub, &parts.namespace);
    tasks.spawn(works(hub.clone(), spoke.clone(), work, shutdown.clone()));
    if parts.settings.addons {
        let options = crate::agent::addon::Options {
            cluster: name.clone(),
            hub_as: parts.hub.clone(),
            driver: parts.settings.addon_driver,
            token_seconds: parts.settings.addon_token_seconds,
        };
        tasks.spawn(crate::agent::addon::run(
            context.clone(),
            hub.clone(),
            options,
        ));
    }
    let report = Api::all_with(hub.clone(), &join::clusters());
    let keeper = Keeper {
        hub,
        spoke,
        order: order::order(
            &parts.names,
            parts.settings.certificate_seconds,
            &parts.namespace,
            &parts.hub_as,
        ),
        secret: parts.secret,
        report: Some((report, name)),
        refused: Some(parts.refused),
        metrics,
        clock: context.clock.clone(),
    };
    tasks.spawn(keeper.run(shutdown));
    tasks.join().await;
}

/// How works are applied by an agent with these settings.
pub fn works_of(
    names: &Names,
    settings: &Settings,
    hub: &Credentials,
    namespace: &str,
) -> work::Options {
    work::Options {
        cluster_name: names.cluster.clone(),
        hub_server: hub.server().to_owned(),
        // Empty: records are told apart by the hub alone.
        agent_id: settings.agent_id.clone().unwrap_or_default(),
        status_sync_interval: settings
            .status_sync_interval
            .unwrap_or(STATUS_SYNC_INTERVAL),
        eviction_grace_period: settings
            .eviction_grace_period
            .unwrap_or(EVICTION_GRACE_PERIOD),
        raw_feedback: settings.raw_feedback,
        executor_caches: settings.executor_caches,
        copies: Some(namespace.to_owned()),
    }
}

/// Applies works until `shutdown`.
pub async fn works(
    hub: Client,
    spoke: Client,
    options: work::Options,
    shutdown: CancellationToken,
) {
    if let Err(error) = work::run(hub, spoke, options, shutdown).await {
        let error = source_chain(error.as_ref());
        tracing::error!(%error, "the work agent ended");
    }
}

/// Changes of what is kept, and no others, put the key into the queue.
fn on_news<T: PartialEq + Send + Sync + 'static>(
    informer: &Informer<T>,
    queue: &Queue<String>,
    name: &str,
) {
    let (queue, name) = (queue.clone(), name.to_owned());
    informer.on_change(move |_, change| {
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && old == new
        {
            return;
        }
        queue.add(name.clone());
    });
}

fn cluster_properties() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("about.k8s.io", "v1alpha1", "ClusterProperty"),
        "clusterproperties",
    )
}

fn cluster_claims() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk(
            "cluster.open-cluster-management.io",
            "v1alpha1",
            "ClusterClaim",
        ),
        "clusterclaims",
    )
}
