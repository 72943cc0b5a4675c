//! The agent's side of add-ons (registration protocol, sections 5.4 and 5.5):
//! it tells the hub whether they live, and gets them access to it.
//!
//! `decide` says, without I/O, what has to run for an add-on: its lease is
//! watched (`health`), certificates (`crate::agent::certificate`) or a token
//! (`token`) are kept in Secrets of its namespace. This module starts and stops
//! that as the ManagedClusterAddOns at the hub say, and removes the Secrets of
//! what is gone.

pub mod decide;
pub mod health;
pub mod token;
pub mod view;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::json;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::agent::certificate::credentials::Credentials;
use crate::agent::certificate::follow::follow_secret;
use crate::agent::certificate::keeper::Keeper;
use crate::ocm::addon::v1alpha1::{KubeClientDriver, ManagedClusterAddOn};
use crate::runtime::{Backoff, Change, Context, Failure, Informer, Next, Queue, Scope, Tasks};

use decide::Part;
use view::Addon;

/// What add-ons get access with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster's name: the namespace at the hub.
    pub cluster: String,
    /// The hub, as the agent's own kubeconfig names it.
    pub hub_as: Credentials,
    /// By certificate or by token.
    pub driver: KubeClientDriver,
    /// How long tokens shall last, in seconds.
    pub token_seconds: i64,
}

/// What runs for one part of an add-on.
struct Running {
    part: Part,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            tracing::error!("a part of the agent panicked");
        }
    }
}

struct Agent {
    context: Context,
    hub: Client,
    options: Options,
    addons: Informer<Addon>,
    running: Mutex<HashMap<String, Vec<Running>>>,
    /// Secrets, by add-on, that nobody keeps any more and that are still there.
    doomed: Mutex<HashMap<String, HashSet<(String, String)>>>,
}

/// Runs until the context's shutdown. The context's cluster is the managed one.
pub async fn run(context: Context, hub: Client, options: Options) {
    let scope = Scope::of::<ManagedClusterAddOn>().namespace(&options.cluster);
    let agent = Arc::new(Agent {
        addons: Informer::new(scope),
        running: Mutex::default(),
        doomed: Mutex::default(),
        hub,
        options,
        context,
    });
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
    let queue: Queue<String> = Queue::new(backoff);
    let to = queue.clone();
    agent
        .addons
        .on_change(move |key, _| to.add(key.name.clone()));
    let context = &agent.context;
    let mut tasks = Tasks::new(context.shutdown.clone());
    tasks.spawn(agent.addons.clone().run(
        agent.hub.clone(),
        Addon::parse,
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    let this = Arc::clone(&agent);
    tasks.controller("addon", &queue, 4, &context.metrics, move |name: String| {
        let agent = Arc::clone(&this);
        async move { agent.reconcile(&name).await }
    });
    tasks.join().await;
    let mut running = agent.running.lock().await;
    for (_, parts) in running.drain() {
        for part in parts {
            part.end().await;
        }
    }
}

impl Agent {
    fn api(&self) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<ManagedClusterAddOn>(&());
        Api::namespaced_with(self.hub.clone(), &self.options.cluster, &resource)
    }

    async fn reconcile(&self, name: &str) -> Result<Next, Failure> {
        let addon = self.addons.get(&self.options.cluster, name);
        if let Some(addon) = &addon {
            if addon.deleting {
                // Its hooks may still need what it has.
                return Ok(Next::OnChange);
            }
            if let Some(status) = decide::says(addon, name, &self.options) {
                let patch = json!({
                    "metadata": {"uid": addon.uid, "resourceVersion": addon.version},
                    "status": status,
                });
                let params = PatchParams::default();
                self.api()
                    .patch_status(name, &params, &Patch::Merge(patch))
                    .await?;
                // What it means comes back by the watch.
                return Ok(Next::OnChange);
            }
        }
        let wanted = addon
            .map(|addon| decide::parts(&addon, name, &self.options))
            .unwrap_or_default();
        let present = self.running.lock().await.remove(name).unwrap_or_default();
        let (mut stays, ends): (Vec<Running>, Vec<Running>) = present
            .into_iter()
            .partition(|running| wanted.contains(&running.part) && !running.task.is_finished());
        // What could not be removed the last time is tried again.
        let mut doomed = self.doomed.lock().await.remove(name).unwrap_or_default();
        for running in ends {
            let secret = running.part.secret();
            doomed.extend(secret.map(|(n, s)| (n.to_owned(), s.to_owned())));
            running.end().await;
        }
        doomed.retain(|(namespace, secret)| {
            let kept = Some((namespace.as_str(), secret.as_str()));
            !wanted.iter().any(|part| part.secret() == kept)
        });
        let mut failed = None;
        let mut left = HashSet::new();
        for (namespace, secret) in doomed {
            if let Err(error) = self.remove(&namespace, &secret).await {
                failed = Some(error);
                left.insert((namespace, secret));
            }
        }
        if !left.is_empty() {
            self.doomed.lock().await.insert(name.to_owned(), left);
        }
        for part in wanted {
            if !stays.iter().any(|running| running.part == part) {
                stays.push(self.start(name, part));
            }
        }
        if !stays.is_empty() {
            self.running.lock().await.insert(name.to_owned(), stays);
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(Next::OnChange),
        }
    }

    async fn remove(&self, namespace: &str, secret: &str) -> Result<(), kube::Error> {
        let api: Api<Secret> = Api::namespaced(self.context.client.clone(), namespace);
        tracing::info!(
            namespace,
            secret,
            "removed: the add-on has no such registration"
        );
        match api.delete(secret, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            result => result.map(|_| ()),
        }
    }

    fn start(&self, name: &str, part: Part) -> Running {
        let context = self.context.child();
        let stop = context.shutdown.clone();
        let (hub, api, name) = (self.hub.clone(), self.api(), name.to_owned());
        let task = match part.clone() {
            Part::Health { namespace } => {
                let addons = self.addons.clone();
                let cluster = self.options.cluster.clone();
                tokio::spawn(async move {
                    health::run(context, addons, api, (cluster, name), namespace).await;
                })
            }
            Part::Certificate(order) => tokio::spawn(async move {
                let mut tasks = Tasks::new(context.shutdown.clone());
                let namespace = order.namespace.clone();
                if !exists(&mut tasks, &context, &namespace).await {
                    return;
                }
                let (known, secret) =
                    follow_secret(&mut tasks, &context, &namespace, &order.secret);
                let keeper = Keeper {
                    hub,
                    spoke: context.client.clone(),
                    order,
                    secret,
                    report: Some((api, name)),
                    refused: None,
                    metrics: context.metrics.clone(),
                    clock: context.clock.clone(),
                };
                let shutdown = context.shutdown.clone();
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    // Without a look nobody knows what there is.
                    () = known.synced() => keeper.run(shutdown).await,
                }
                tasks.join().await;
            }),
            Part::Token(order) => tokio::spawn(async move {
                let mut tasks = Tasks::new(context.shutdown.clone());
                if !exists(&mut tasks, &context, &order.namespace).await {
                    return;
                }
                let (known, secret) =
                    follow_secret(&mut tasks, &context, &order.namespace, &order.secret);
                let keeper = token::Keeper {
                    hub,
                    spoke: context.client.clone(),
                    order,
                    secret,
                    report: (api, name),
                };
                let shutdown = context.shutdown.clone();
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = known.synced() => keeper.run(shutdown).await,
                }
                tasks.join().await;
            }),
        };
        Running { part, stop, task }
    }
}

/// Waits for a namespace: a Secret for one that is not there would be lost, and
/// the request for it in vain. False when the agent ends first.
async fn exists(tasks: &mut Tasks, context: &Context, namespace: &str) -> bool {
    // Whether it is being deleted: one that ends takes no Secrets.
    let informer: Informer<bool> =
        Informer::new(Scope::of::<Namespace>().named(namespace).metadata_only());
    let (there, mut is_there) = watch::channel(false);
    informer.on_change(move |_, change| {
        let found = matches!(change, Change::Applied { new, .. } if !**new);
        there.send_replace(found);
    });
    let looks = context.child();
    tasks.spawn(informer.run(
        looks.client.clone(),
        |object: DynamicObject| {
            Ok::<_, std::convert::Infallible>(object.metadata.deletion_timestamp.is_some())
        },
        looks.metrics.clone(),
        looks.shutdown.clone(),
    ));
    let found = tokio::select! {
        () = context.shutdown.cancelled() => false,
        found = is_there.wait_for(|there| *there) => found.is_ok(),
    };
    looks.shutdown.cancel();
    found
}
