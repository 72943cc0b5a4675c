//! Add-ons: where they are installed, what they are configured with, and, for
//! those that come from an AddOnTemplate, everything an add-on's own manager
//! would do (protocol, sections 6 to 11).
//!
//! `offer` decides about an add-on on all clusters, `mca` about it on one of
//! them (with `templated`, `leave` and `progress`); `template`, `substitute` and
//! `decorate` render, `works` packs, `health` reads what comes back, `registration`, `csr` and `sign` are about the agent's
//! identity and rights, `token` about the service account of those that use
//! one; `feature` is about what a cluster and its add-ons tell of each other.
//! `apply` and `reconcile` write.
//!
//! Everything is read and written as v1alpha1, the version that is stored: so
//! these controllers never wait for the conversion that the hub itself serves.

pub mod apply;
pub mod config;
pub mod csr;
mod decorate;
mod feature;
pub mod former;
pub mod hash;
pub mod health;
mod leave;
pub mod mca;
pub mod metadata;
pub mod offer;
mod progress;
mod reconcile;
pub mod registration;
pub mod rollout;
pub mod sign;
pub mod substitute;
pub mod template;
mod templated;
pub mod token;
pub mod view;
mod wire;
pub mod works;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::DynamicObject;

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    AddOnDeploymentConfig, AddOnDeploymentConfigSpec, AddOnTemplate, AddOnTemplateSpec,
    ClusterManagementAddOn, ManagedClusterAddOn,
};
use crate::ocm::cluster::v1::ManagedCluster;
use crate::ocm::cluster::v1beta1::{Placement, PlacementDecision};
use crate::ocm::gates::{self, HUB_ADDON};
use crate::ocm::names::{LABEL_ADDON_NAME, LABEL_CLUSTER_NAME};
use crate::ocm::operator::v1::FeatureGate;
use crate::ocm::work::v1::ManifestWork;
use crate::runtime::informer::typed;
use crate::runtime::{Backoff, Context, Index, Informer, Key, Queue, Scope, Tasks};

use former::Former;
use offer::Assignment;
use view::{Cluster, Decision, DeploymentConfig, Template, Work};

/// How many installations are worked on at a time.
const WORKERS: usize = 8;

/// The caches and queues of the add-on controllers.
struct Hub {
    context: Context,
    offers: Informer<ClusterManagementAddOn>,
    addons: Informer<ManagedClusterAddOn>,
    templates: Informer<Template>,
    configs: Informer<DeploymentConfig>,
    placements: Informer<()>,
    decisions: Informer<Decision>,
    clusters: Informer<Cluster>,
    works: Informer<Work>,
    bindings: Informer<RoleBinding>,
    /// Service accounts of agents, with the names of their add-ons.
    accounts: Informer<String>,
    requests: Informer<csr::Request>,
    /// Installations by add-on.
    addons_of: Index<ManagedClusterAddOn, String>,
    /// Installations by cluster.
    addons_on: Index<ManagedClusterAddOn, String>,
    /// Works by the installation they are of.
    works_of: Index<Work, Key>,
    /// Decisions by their placement.
    decisions_of: Index<Decision, Key>,
    /// Permissions of agents by namespace.
    bindings_in: Index<RoleBinding, String>,
    former_templates: Former<AddOnTemplateSpec>,
    former_configs: Former<AddOnDeploymentConfigSpec>,
    /// What each add-on's installations are to be configured with, by cluster.
    assignments: RwLock<HashMap<String, BTreeMap<String, Assignment>>>,
    /// What was wanted of a work and what the API server made of it, where it
    /// made something else: not to be written again and again.
    differing: Mutex<HashMap<Key, (String, String)>>,
    /// What was told as an event already.
    told: Mutex<HashSet<String>>,
    offer_queue: Queue<String>,
    addon_queue: Queue<Key>,
    request_queue: Queue<String>,
    feature_queue: Queue<String>,
}

impl Hub {
    fn assignment(&self, key: &Key) -> Option<Assignment> {
        let assignments = self
            .assignments
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        assignments.get(&key.name)?.get(&key.namespace).cloned()
    }
}

/// Gate AddonManagement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Managed(bool);

impl Default for Managed {
    fn default() -> Self {
        Self(gates::enabled(HUB_ADDON, &[], "AddonManagement"))
    }
}

impl Managed {
    /// Reads the ClusterManager's configuration of add-ons. What is not
    /// understood says nothing.
    fn of(manager: &DynamicObject) -> Self {
        let configured = &manager.data["spec"]["addOnManagerConfiguration"]["featureGates"];
        let gates: Vec<FeatureGate> =
            serde_json::from_value(configured.clone()).unwrap_or_default();
        Self(gates::enabled(HUB_ADDON, &gates, "AddonManagement"))
    }
}

/// Runs the add-on controllers until the context's shutdown, while the gate
/// AddonManagement of the ClusterManager is on.
pub async fn run(context: Context) {
    super::gated::run(context, Managed::of, |managed, context, tasks| {
        if managed.0 {
            tasks.spawn(controllers(context.clone()));
        }
    })
    .await;
}

async fn controllers(context: Context) {
    let backoff = || Backoff::new(Duration::from_millis(20), Duration::from_secs(30));
    let addons: Informer<ManagedClusterAddOn> = Informer::new(Scope::of::<ManagedClusterAddOn>());
    let works: Informer<Work> = Informer::new(Scope::of::<ManifestWork>().labels(LABEL_ADDON_NAME));
    let decisions: Informer<Decision> =
        Informer::new(Scope::of::<PlacementDecision>().labels(names::LABEL_PLACEMENT));
    let bindings: Informer<RoleBinding> =
        Informer::new(Scope::of::<RoleBinding>().labels(names::LABEL_TEMPLATE_NAME));
    let hub = Arc::new(Hub {
        offers: Informer::new(Scope::of::<ClusterManagementAddOn>()),
        addons_of: Index::new(&addons, |key, _| key.name.clone()),
        addons_on: Index::new(&addons, |key, _| key.namespace.clone()),
        addons,
        templates: Informer::new(Scope::of::<AddOnTemplate>()),
        configs: Informer::new(Scope::of::<AddOnDeploymentConfig>()),
        placements: Informer::new(Scope::of::<Placement>().metadata_only()),
        decisions_of: Index::new(&decisions, |key, decision| {
            Key::new(&key.namespace, &decision.placement)
        }),
        decisions,
        clusters: Informer::new(Scope::of::<ManagedCluster>()),
        works_of: Index::new(&works, Work::installation),
        works,
        bindings_in: Index::new(&bindings, |key, _| key.namespace.clone()),
        bindings,
        accounts: Informer::new(
            Scope::of::<ServiceAccount>()
                .labels(names::LABEL_TOKEN_INFRASTRUCTURE)
                .metadata_only(),
        ),
        requests: Informer::new(
            Scope::of::<CertificateSigningRequest>()
                .labels(&format!("{LABEL_ADDON_NAME},{LABEL_CLUSTER_NAME}")),
        ),
        former_templates: Former::default(),
        former_configs: Former::default(),
        assignments: RwLock::default(),
        differing: Mutex::default(),
        told: Mutex::default(),
        offer_queue: Queue::new(backoff()),
        addon_queue: Queue::new(backoff()),
        request_queue: Queue::new(backoff()),
        feature_queue: Queue::new(backoff()),
        context,
    });
    wire::wire(&hub);
    let mut tasks = Tasks::new(hub.context.shutdown.clone());
    start(&mut tasks, &hub, hub.offers.clone(), typed);
    start(&mut tasks, &hub, hub.addons.clone(), view::installation);
    start(&mut tasks, &hub, hub.templates.clone(), Template::parse);
    start(
        &mut tasks,
        &hub,
        hub.configs.clone(),
        DeploymentConfig::parse,
    );
    start(&mut tasks, &hub, hub.placements.clone(), nothing);
    start(&mut tasks, &hub, hub.decisions.clone(), Decision::parse);
    start(&mut tasks, &hub, hub.clusters.clone(), Cluster::parse);
    start(&mut tasks, &hub, hub.works.clone(), Work::parse);
    start(&mut tasks, &hub, hub.bindings.clone(), typed);
    start(&mut tasks, &hub, hub.accounts.clone(), token::addon_of);
    start(&mut tasks, &hub, hub.requests.clone(), csr::Request::parse);
    let synced = async {
        hub.offers.synced().await;
        hub.addons.synced().await;
        hub.templates.synced().await;
        hub.configs.synced().await;
        hub.placements.synced().await;
        hub.decisions.synced().await;
        hub.clusters.synced().await;
        hub.works.synced().await;
        hub.bindings.synced().await;
        hub.accounts.synced().await;
        hub.requests.synced().await;
    };
    tokio::select! {
        () = hub.context.shutdown.cancelled() => {}
        () = synced => {
            tracing::info!(addons = hub.addons.len(), "add-on controllers started");
            let metrics = &hub.context.metrics;
            let this = Arc::clone(&hub);
            tasks.controller("clustermanagementaddon", &hub.offer_queue, 1, metrics, move |name| {
                let hub = Arc::clone(&this);
                async move { reconcile::offer(&hub, &name).await }
            });
            let this = Arc::clone(&hub);
            tasks.controller("managedclusteraddon", &hub.addon_queue, WORKERS, metrics, move |key| {
                let hub = Arc::clone(&this);
                async move { reconcile::addon(&hub, &key).await }
            });
            let this = Arc::clone(&hub);
            tasks.controller("addon-csr", &hub.request_queue, 4, metrics, move |name| {
                let hub = Arc::clone(&this);
                async move { csr::reconcile(&hub, &name).await }
            });
            let this = Arc::clone(&hub);
            tasks.controller("addon-features", &hub.feature_queue, 4, metrics, move |name| {
                let hub = Arc::clone(&this);
                async move { feature::reconcile(&hub, &name).await }
            });
        }
    }
    tasks.join().await;
}

/// That it exists is all that is kept.
fn nothing(_: DynamicObject) -> Result<(), std::convert::Infallible> {
    Ok(())
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn addons_are_managed_unless_somebody_says_no() {
        let managed = |configuration: Value| {
            let manager = json!({
                "apiVersion": "operator.open-cluster-management.io/v1", "kind": "ClusterManager",
                "metadata": {"name": "cluster-manager"},
                "spec": {"addOnManagerConfiguration": configuration},
            });
            Managed::of(&serde_json::from_value(manager).unwrap()).0
        };
        let gate =
            |mode: &str| json!({"featureGates": [{"feature": "AddonManagement", "mode": mode}]});
        assert!(Managed::default().0);
        assert!(managed(json!(null)) && managed(json!("x")) && managed(gate("Enable")));
        assert!(!managed(gate("Disable")));
    }
}
