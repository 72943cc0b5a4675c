//! Accepts, prepares, watches and cleans up after managed clusters.
//!
//! One worker looks at one cluster at a time, with everything that is known
//! about it: `cluster` decides about rights and clean-up, `lease` about what
//! the lease tells, `taints` about taints; `apply` writes. `csr` decides about
//! certificate requests, `sets` about the cluster sets.

pub mod apply;
mod bindings;
pub mod cluster;
pub mod csr;
pub mod importer;
pub mod lease;
mod metrics;
pub mod namespaces;
pub mod profile;
pub mod rbac;
mod reconcile;
mod requests;
pub mod sets;
pub mod settings;
pub mod taints;
pub mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use kube::api::{ApiResource, DynamicObject};

use crate::ocm::names;
use crate::runtime::{Backoff, Change, Context, Informer, Key, Queue, Scope, Tasks};

use cluster::Remaining;
use lease::Renewal;
use rbac::Kind;
use settings::Settings;
use view::{Cluster, ClusterLease, Remainder, Shaped};

use names::{
    ANNOTATION_AUTOMATICALLY_ACCEPTED as AUTO_ACCEPTED_ANNOTATION,
    ANNOTATION_CLEANUP_PRIORITY as CLEANUP_PRIORITY_ANNOTATION,
    FINALIZER_MANAGED_CLUSTER as API_RESOURCE_FINALIZER, FINALIZER_MANIFEST_WORK as WORK_FINALIZER,
    FINALIZER_RESOURCE_CLEANUP as RESOURCE_FINALIZER,
};

use crate::ocm::cluster::v1::{
    CONDITION_AVAILABLE, CONDITION_CLOCK_SYNCED, CONDITION_DELETING,
    CONDITION_HUB_ACCEPTED as CONDITION_ACCEPTED, TAINT_UNAVAILABLE, TAINT_UNREACHABLE,
};

/// Objects of clusters, but not of their add-ons.
const SELECTOR: &str =
    "open-cluster-management.io/cluster-name,!open-cluster-management.io/addon-name";

/// How many clusters are worked on at a time.
const WORKERS: usize = 16;

/// The caches and queues of the registration controllers.
struct Hub {
    context: Context,
    counts: metrics::Counts,
    clusters: Informer<Cluster>,
    leases: Informer<ClusterLease>,
    shaped: Vec<(Kind, Informer<Shaped>)>,
    works: Informer<Remainder>,
    addons: Informer<Remainder>,
    requests: Informer<csr::Request>,
    sets: Informer<sets::ClusterSet>,
    settings: RwLock<Arc<Settings>>,
    /// The last renewal of each cluster's lease that was seen as it happened.
    renewals: Mutex<HashMap<String, Renewal>>,
    /// Clusters whose lease exists without our label, since when.
    foreign_leases: Mutex<HashMap<String, Instant>>,
    cluster_queue: Queue<String>,
    common_queue: Queue<String>,
    request_queue: Queue<String>,
}

impl Hub {
    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn shaped(&self, kind: Kind) -> &Informer<Shaped> {
        let found = self.shaped.iter().find(|(k, _)| *k == kind);
        // All four kinds are there from the start.
        &found.unwrap_or(&self.shaped[0]).1
    }
}

/// Runs the registration controllers until the context's shutdown.
pub async fn run(context: Context) {
    let queue = || {
        Queue::new(Backoff::new(
            Duration::from_millis(20),
            Duration::from_secs(30),
        ))
    };
    let managers: Informer<Settings> = Informer::new(Scope::all(apply::resource(
        "operator.open-cluster-management.io",
        "v1",
        "ClusterManager",
        "clustermanagers",
    )));
    let hub = Arc::new(Hub {
        counts: metrics::Counts::shown(&context.metrics),
        clusters: Informer::new(Scope::all(apply::clusters())),
        leases: Informer::new(
            Scope::of::<k8s_openapi::api::coordination::v1::Lease>()
                .labels(SELECTOR)
                .named(names::CLUSTER_LEASE),
        ),
        shaped: [
            Kind::Namespace,
            Kind::ClusterRole,
            Kind::ClusterRoleBinding,
            Kind::RoleBinding,
        ]
        .map(|kind| {
            let scope = Scope::all(kind.resource()).labels(SELECTOR);
            (kind, Informer::new(scope))
        })
        .into(),
        works: Informer::new(Scope::all(apply::remaining(Remaining::Works)).metadata_only()),
        addons: Informer::new(Scope::all(apply::remaining(Remaining::Addons)).metadata_only()),
        requests: Informer::new(
            Scope::of::<k8s_openapi::api::certificates::v1::CertificateSigningRequest>()
                .labels(SELECTOR),
        ),
        sets: Informer::new(Scope::all(cluster_sets())),
        settings: RwLock::new(Arc::new(Settings::default())),
        renewals: Mutex::default(),
        foreign_leases: Mutex::default(),
        cluster_queue: queue(),
        common_queue: queue(),
        request_queue: queue(),
        context,
    });
    wire(&hub);
    follow_sets(&hub);
    let mut tasks = Tasks::new(hub.context.shutdown.clone());
    follow_manager(&hub, &managers);
    start(
        &mut tasks,
        &hub,
        managers.clone(),
        |object: DynamicObject| Ok::<_, std::convert::Infallible>(Settings::of(&object)),
    );
    start(&mut tasks, &hub, hub.clusters.clone(), Cluster::parse);
    start(&mut tasks, &hub, hub.leases.clone(), ClusterLease::parse);
    for (_, informer) in &hub.shaped {
        start(&mut tasks, &hub, informer.clone(), Shaped::parse);
    }
    start(&mut tasks, &hub, hub.works.clone(), Remainder::parse);
    start(&mut tasks, &hub, hub.addons.clone(), Remainder::parse);
    start(&mut tasks, &hub, hub.requests.clone(), csr::Request::parse);
    sets::start(&mut tasks, &hub);
    bindings::start(&mut tasks, &hub);

    let synced = async {
        managers.synced().await;
        hub.clusters.synced().await;
        hub.leases.synced().await;
        for (_, informer) in &hub.shaped {
            informer.synced().await;
        }
        hub.works.synced().await;
        hub.addons.synced().await;
        hub.requests.synced().await;
        hub.sets.synced().await;
    };
    tokio::select! {
        () = hub.context.shutdown.cancelled() => {}
        () = synced => {
            tracing::info!(clusters = hub.clusters.len(), "registration controllers started");
            let metrics = &hub.context.metrics;
            let this = Arc::clone(&hub);
            tasks.controller("managedcluster", &hub.cluster_queue, WORKERS, metrics, move |name| {
                let hub = Arc::clone(&this);
                async move { reconcile::cluster(&hub, &name).await }
            });
            let this = Arc::clone(&hub);
            tasks.controller("clusterroles", &hub.common_queue, 1, metrics, move |_| {
                let hub = Arc::clone(&this);
                async move { reconcile::common_roles(&hub).await }
            });
            let this = Arc::clone(&hub);
            tasks.controller("csr", &hub.request_queue, 4, metrics, move |name| {
                let hub = Arc::clone(&this);
                async move { requests::reconcile(&hub, &name).await }
            });
        }
    }
    tasks.join().await;
}

fn start<T, E>(
    tasks: &mut Tasks,
    hub: &Arc<Hub>,
    informer: Informer<T>,
    parse: fn(DynamicObject) -> Result<T, E>,
) where
    T: Send + Sync + 'static,
    E: std::fmt::Display + 'static,
{
    let context = &hub.context;
    tasks.spawn(informer.run(
        context.client.clone(),
        parse,
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
}

/// Changed settings concern every cluster and every request.
fn follow_manager(hub: &Arc<Hub>, managers: &Informer<Settings>) {
    let this = Arc::downgrade(hub);
    managers.on_change(move |_, change| {
        let Some(hub) = this.upgrade() else { return };
        let new = match change {
            Change::Applied { new, .. } => Arc::clone(new),
            Change::Deleted(_) => Arc::default(),
        };
        let changed = {
            let mut settings = hub.settings.write().unwrap_or_else(PoisonError::into_inner);
            let changed = **settings != *new;
            *settings = new;
            changed
        };
        if changed {
            for (key, _) in hub.clusters.filter(|_, _| true) {
                hub.cluster_queue.add(key.name);
            }
            for (key, _) in hub.requests.filter(|_, request| !request.decided) {
                hub.request_queue.add(key.name);
            }
            hub.common_queue.add("roles".into());
        }
    });
}

/// Which change concerns which key.
fn wire(hub: &Arc<Hub>) {
    let this = Arc::downgrade(hub);
    hub.clusters.on_change(move |key, change| {
        let Some(hub) = this.upgrade() else { return };
        hub.counts.cluster(change);
        hub.cluster_queue.add(key.name.clone());
        if matches!(
            change,
            Change::Applied { old: None, .. } | Change::Deleted(_)
        ) {
            hub.common_queue.add("roles".into());
        }
        if decides_about_requests(change) {
            look_at_requests(&hub, &key.name);
        }
        if matches!(change, Change::Deleted(_)) {
            forget(&hub, &key.name);
        }
    });
    let this = Arc::downgrade(hub);
    hub.leases.on_change(move |key, change| {
        let Some(hub) = this.upgrade() else { return };
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && old.renewed != new.renewed
            && let Some(renewed) = new.renewed
        {
            let seen = hub.context.clock.now();
            hub.renewals
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key.namespace.clone(), Renewal { renewed, seen });
        }
        hub.cluster_queue.add(key.namespace.clone());
    });
    for (kind, informer) in &hub.shaped {
        let this = Arc::downgrade(hub);
        let kind = *kind;
        informer.on_change(move |_, change| {
            let Some(hub) = this.upgrade() else { return };
            match change.object().meta.cluster() {
                Some("") if kind == Kind::ClusterRole => hub.common_queue.add("roles".into()),
                Some(cluster) if !cluster.is_empty() => {
                    hub.cluster_queue.add(cluster.to_owned());
                }
                _ => {}
            }
        });
    }
    for informer in [&hub.works, &hub.addons] {
        let this = Arc::downgrade(hub);
        informer.on_change(move |key, _| {
            let Some(hub) = this.upgrade() else { return };
            // Works of healthy clusters are none of our business.
            let waits = hub
                .clusters
                .get("", &key.namespace)
                .is_none_or(|cluster| cluster.meta.deleting || !cluster.accepted);
            if waits {
                hub.cluster_queue.add(key.namespace.clone());
            }
        });
    }
    let this = Arc::downgrade(hub);
    hub.requests.on_change(move |key, change| {
        let Some(hub) = this.upgrade() else { return };
        match change {
            Change::Applied { new, .. } if !new.decided => hub.request_queue.add(key.name.clone()),
            // One agent's certificate stands in the way of another's.
            Change::Deleted(old) if old.given.is_some() => look_at_requests(&hub, &old.cluster),
            _ => {}
        }
    });
}

/// Whether a cluster's change is one that certificate requests wait for.
fn decides_about_requests(change: &Change<Cluster>) -> bool {
    match change {
        Change::Applied {
            old: Some(old),
            new,
        } => {
            let accepted = |cluster: &Cluster| {
                let conditions = &cluster.conditions;
                crate::ocm::conditions::find(conditions, CONDITION_ACCEPTED).cloned()
            };
            old.accepted != new.accepted || accepted(old) != accepted(new)
        }
        _ => true,
    }
}

/// Looks again at the requests of a cluster that wait.
fn look_at_requests(hub: &Hub, cluster: &str) {
    for (request, _) in hub
        .requests
        .filter(|_, request| !request.decided && request.cluster == cluster)
    {
        hub.request_queue.add(request.name);
    }
}

/// A set that manages other namespaces, or has other members, concerns clusters.
fn follow_sets(hub: &Arc<Hub>) {
    let this = Arc::downgrade(hub);
    hub.sets.on_change(move |_, change| {
        let Some(hub) = this.upgrade() else { return };
        let concerned = match change {
            Change::Applied {
                old: Some(old),
                new,
            } => {
                old.managed != new.managed
                    || (old.members != new.members || old.meta.deleting != new.meta.deleting)
                        && !new.managed.is_empty()
            }
            Change::Applied { old: None, new } => !new.managed.is_empty(),
            Change::Deleted(old) => !old.managed.is_empty(),
        };
        if concerned {
            for (key, _) in hub.clusters.filter(|_, _| true) {
                hub.cluster_queue.add(key.name);
            }
        }
    });
}

fn forget(hub: &Hub, cluster: &str) {
    hub.renewals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(cluster);
    hub.foreign_leases
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(cluster);
}

/// The objects of a namespace in a cache.
fn in_namespace(informer: &Informer<Remainder>, namespace: &str) -> Vec<(Key, Remainder)> {
    informer
        .filter(|key, _| key.namespace == namespace)
        .into_iter()
        .map(|(key, remainder)| (key, (*remainder).clone()))
        .collect()
}

/// The resource of cluster sets.
fn cluster_sets() -> ApiResource {
    apply::resource(
        "cluster.open-cluster-management.io",
        "v1beta2",
        "ManagedClusterSet",
        "managedclustersets",
    )
}
