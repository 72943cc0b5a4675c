//! ClusterProfiles (gate ClusterProfile; protocol, section 4.11): in each
//! namespace that cluster sets are bound to, one for each of their clusters.

pub mod decide;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::core::ApiResource;
use serde_json::Value;

use crate::hub::gated;
use crate::runtime::{Context, Failure, Informer, Next, Queue, Scope, Tasks};

use super::sets::ClusterSet;
use super::{apply, bindings, cluster_sets};
use bindings::Binding;
use decide::{Cluster, Plan, Profile};

/// Runs until the context's shutdown, while the gate is on.
pub async fn run(context: Context) {
    let wanted = |manager: &DynamicObject| gated::registers(manager, "ClusterProfile");
    gated::run(context, wanted, |wanted, context, tasks| {
        if *wanted {
            tasks.spawn(keep(context.clone()));
        }
    })
    .await;
}

/// The resource of ClusterProfiles.
#[must_use]
pub fn profiles() -> ApiResource {
    apply::resource(
        "multicluster.x-k8s.io",
        "v1alpha1",
        "ClusterProfile",
        "clusterprofiles",
    )
}

struct Caches {
    client: Client,
    clusters: Informer<Cluster>,
    sets: Informer<ClusterSet>,
    bindings: Informer<Binding>,
    profiles: Informer<Profile>,
}

async fn keep(context: Context) {
    let caches = Arc::new(Caches {
        client: context.client.clone(),
        clusters: Informer::new(Scope::all(apply::clusters())),
        sets: Informer::new(Scope::all(cluster_sets())),
        bindings: Informer::new(Scope::all(bindings::resource())),
        profiles: Informer::new(Scope::all(profiles())),
    });
    let queue: Queue<String> = Queue::default();
    wire(&caches, &queue);
    let mut tasks = Tasks::new(context.shutdown.clone());
    let (metrics, shutdown) = (&context.metrics, &context.shutdown);
    macro_rules! follow {
        ($informer:expr, $parse:expr) => {
            tasks.spawn($informer.clone().run(
                context.client.clone(),
                $parse,
                metrics.clone(),
                shutdown.clone(),
            ));
        };
    }
    follow!(caches.clusters, Cluster::parse);
    follow!(caches.sets, ClusterSet::parse);
    follow!(caches.bindings, Binding::parse);
    follow!(caches.profiles, Profile::parse);
    let synced = async {
        caches.clusters.synced().await;
        caches.sets.synced().await;
        caches.bindings.synced().await;
        caches.profiles.synced().await;
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = synced => {
            let this = Arc::clone(&caches);
            tasks.controller("clusterprofile", &queue, 2, metrics, move |namespace: String| {
                let caches = Arc::clone(&this);
                async move { caches.reconcile(&namespace).await }
            });
        }
    }
    tasks.join().await;
}

fn wire(caches: &Arc<Caches>, queue: &Queue<String>) {
    let to = queue.clone();
    caches
        .bindings
        .on_change(move |key, _| to.add(key.namespace.clone()));
    let to = queue.clone();
    caches
        .profiles
        .on_change(move |key, _| to.add(key.namespace.clone()));
    // Few namespaces have bindings; what has changed for whom is told by looking.
    let all = |caches: &Arc<Caches>, to: &Queue<String>| {
        let (caches, to) = (Arc::downgrade(caches), to.clone());
        move || {
            let Some(caches) = caches.upgrade() else {
                return;
            };
            for (key, _) in caches.bindings.filter(|_, _| true) {
                to.add(key.namespace);
            }
        }
    };
    let tell = all(caches, queue);
    caches.sets.on_change(move |_, _| tell());
    let tell = all(caches, queue);
    caches.clusters.on_change(move |_, change| {
        // Its heartbeat and the like are none of it.
        if let crate::runtime::Change::Applied {
            old: Some(old),
            new,
        } = change
            && old == new
        {
            return;
        }
        tell();
    });
}

impl Caches {
    /// The live clusters of the sets that are bound to a namespace.
    fn wanted(&self, namespace: &str) -> BTreeSet<String> {
        let bound = self
            .bindings
            .filter(|key, binding| key.namespace == namespace && binding.is_bound());
        let mut wanted = BTreeSet::new();
        for (_, binding) in bound {
            let Some(set) = self.sets.get("", &binding.set) else {
                continue;
            };
            let members = self.clusters.filter(|_, cluster| {
                !cluster.deleting && set.members.has(&binding.set, &cluster.labels)
            });
            wanted.extend(members.into_iter().map(|(key, _)| key.name));
        }
        wanted
    }

    async fn reconcile(&self, namespace: &str) -> Result<Next, Failure> {
        let wanted = self.wanted(namespace);
        let profiles = self.profiles.filter(|key, _| key.namespace == namespace);
        let present: BTreeMap<String, &Profile> = profiles
            .iter()
            .map(|(key, profile)| (key.name.clone(), &**profile))
            .collect();
        let clusters: BTreeMap<&String, Arc<Cluster>> = wanted
            .iter()
            .filter_map(|name| Some((name, self.clusters.get("", name)?)))
            .collect();
        let of = |name: &str| clusters.get(&name.to_owned()).map(|cluster| &**cluster);
        let plan = decide::decide(&wanted, of, &present);
        self.carry_out(namespace, plan).await?;
        Ok(Next::OnChange)
    }

    async fn carry_out(&self, namespace: &str, plan: Plan) -> Result<(), kube::Error> {
        let resource = profiles();
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &resource);
        for (name, content) in plan.create {
            let mut object = DynamicObject::new(&name, &resource);
            object.metadata.labels = labels(&content["metadata"]["labels"]);
            object.data = serde_json::json!({"spec": content["spec"]});
            match api.create(&PostParams::default(), &object).await {
                // The cache is late, or the namespace goes.
                Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 409) => {
                    tracing::debug!(namespace, profile = %name, message = %status.message, "not created");
                }
                result => {
                    result?;
                }
            }
        }
        let params = PatchParams::default();
        for (name, patch) in plan.patch {
            let patched = api.patch(&name, &params, &Patch::Merge(&patch)).await;
            ignore_missing(patched)?;
        }
        for (name, patch) in plan.status {
            let patched = api
                .patch_status(&name, &params, &Patch::Merge(&patch))
                .await;
            ignore_missing(patched)?;
        }
        for (name, uid) in plan.delete {
            let only = DeleteParams {
                preconditions: Some(Preconditions {
                    uid: Some(uid),
                    resource_version: None,
                }),
                ..DeleteParams::default()
            };
            ignore_missing(api.delete(&name, &only).await)?;
        }
        Ok(())
    }
}

/// Labels that are there: absent ones are null in a patch.
fn labels(value: &Value) -> Option<BTreeMap<String, String>> {
    let all = value.as_object()?.iter();
    Some(
        all.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    )
}

fn ignore_missing<T>(result: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match result {
        Err(error) if apply::is_not_found(&error) => Ok(()),
        result => result.map(|_| ()),
    }
}
