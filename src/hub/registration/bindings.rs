//! Whether the sets exist that bindings are for.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde::Deserialize;
use serde_json::json;

use crate::ocm::conditions;
use crate::runtime::{Failure, Informer, Key, Next, Queue, Scope, Tasks};

use super::view::Meta;
use super::{Hub, apply};

const CONDITION_BOUND: &str = "Bound";

/// What is kept of a ManagedClusterSetBinding.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binding {
    meta: Meta,
    /// The set that is bound.
    pub(super) set: String,
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    cluster_set: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

impl Binding {
    pub(super) fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let meta = Meta::of(&object);
        let body: Body = serde_json::from_value(object.data)?;
        Ok(Self {
            meta,
            set: body.spec.cluster_set,
            conditions: body.status.conditions,
        })
    }

    /// Whether its set is there, and it is not going.
    pub(super) fn is_bound(&self) -> bool {
        !self.meta.deleting && conditions::is_true(&self.conditions, CONDITION_BOUND)
    }
}

fn bound(exists: bool) -> Condition {
    if exists {
        conditions::condition(CONDITION_BOUND, conditions::TRUE, "ClusterSetBound", "")
    } else {
        conditions::condition(CONDITION_BOUND, conditions::FALSE, "ClusterSetNotFound", "")
    }
}

pub(super) fn resource() -> kube::api::ApiResource {
    apply::resource(
        "cluster.open-cluster-management.io",
        "v1beta2",
        "ManagedClusterSetBinding",
        "managedclustersetbindings",
    )
}

/// Starts watching the bindings.
pub(super) fn start(tasks: &mut Tasks, hub: &Arc<Hub>) {
    let bindings: Informer<Binding> = Informer::new(Scope::all(resource()));
    let queue: Queue<Key> = Queue::default();
    let on_binding = queue.clone();
    bindings.on_change(move |key, _| on_binding.add(key.clone()));
    let (on_set, known) = (queue.clone(), bindings.clone());
    hub.sets.on_change(move |set, _| {
        for (key, _) in known.filter(|_, binding| binding.set == set.name) {
            on_set.add(key);
        }
    });
    super::start(tasks, hub, bindings.clone(), Binding::parse);
    let this = Arc::clone(hub);
    let (metrics, shutdown) = (hub.context.metrics.clone(), hub.context.shutdown.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = this.sets.synced() => {}
        }
        crate::runtime::controller::run("setbinding", queue, 2, metrics, shutdown, move |key| {
            let (hub, bindings) = (Arc::clone(&this), bindings.clone());
            async move { reconcile(&hub, &bindings, &key).await }
        })
        .await;
    });
}

async fn reconcile(hub: &Hub, bindings: &Informer<Binding>, key: &Key) -> Result<Next, Failure> {
    let Some(binding) = bindings.get(&key.namespace, &key.name) else {
        return Ok(Next::OnChange);
    };
    let mut new = binding.conditions.clone();
    let exists = hub.sets.get("", &binding.set).is_some();
    if !binding.meta.deleting && conditions::set(&mut new, bound(exists)) {
        let patch = json!({
            "metadata": {"uid": binding.meta.uid, "resourceVersion": binding.meta.resource_version},
            "status": {"conditions": new},
        });
        let api: Api<DynamicObject> =
            Api::namespaced_with(hub.context.client.clone(), &key.namespace, &resource());
        match api
            .patch_status(&key.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Err(error) if apply::is_not_found(&error) => {}
            result => {
                result?;
            }
        }
    }
    Ok(Next::OnChange)
}
