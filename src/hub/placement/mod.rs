//! Chooses clusters for placements (`cluster.open-cluster-management.io`
//! Placement, protocol sections 1 to 4).
//!
//! Watches feed a [`World`]; it knows which placements a change concerns.
//! `schedule` decides which clusters a placement has, `decide` what has to be
//! written for that, `apply` writes. Nothing is done on a timer but what time
//! itself changes: tolerations that end and scores that expire.

mod apply;
pub mod cel;
mod counts;
pub mod decide;
mod decisions;
mod predicates;
pub mod schedule;
mod score;
pub mod spec;
mod spread;
#[cfg(test)]
mod tests;
pub mod view;
mod warm;
pub mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::api::DynamicObject;

use crate::ocm::cluster::v1::ManagedCluster;
use crate::ocm::cluster::v1alpha1::AddOnPlacementScore;
use crate::ocm::cluster::v1beta1::{self, LABEL_PLACEMENT, PlacementDecision};
use crate::ocm::cluster::v1beta2::{ManagedClusterSet, ManagedClusterSetBinding};
use crate::runtime::informer::typed;
use crate::runtime::{Backoff, Change, Context, Failure, Informer, Key, Next, Queue, Scope, Tasks};

pub use spec::Placement;
pub use world::World;

/// How many placements are written at a time.
const WORKERS: usize = 8;
/// How many events may wait to be written.
const EVENTS: usize = 4096;

struct Controller {
    context: Context,
    world: Mutex<World>,
    queue: Queue<Key>,
    events: apply::Events,
    warm: warm::Warm,
}

impl Controller {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world and queues whom it concerns.
    fn change(&self, change: impl FnOnce(&mut World)) {
        let dirty = {
            let mut world = self.world();
            change(&mut world);
            world.take_dirty()
        };
        for key in dirty {
            self.queue.add(key);
        }
    }

    async fn reconcile(self: &Arc<Self>, key: &Key) -> Result<Next, Failure> {
        let questions = self.world().questions(key);
        if !questions.is_empty() {
            warm::answer(self, key, questions);
            return Ok(Next::OnChange);
        }
        let (placement, outcome, changes) = {
            let mut world = self.world();
            let Some(placement) = world.placement(key) else {
                return Ok(Next::OnChange);
            };
            let Some(outcome) = world.schedule(key, Timestamp::now()) else {
                return Ok(Next::OnChange);
            };
            let changes = decide::decide(&placement, &outcome, &world.decisions(key));
            if !changes.is_empty() {
                world.writes(key);
            }
            (placement, outcome, changes)
        };
        let next = outcome.again.map_or(Next::OnChange, |wait| {
            // A timer may wake a little early.
            Next::After(wait + Duration::from_millis(1))
        });
        if changes.is_empty() {
            return Ok(next);
        }
        tracing::debug!(
            placement = %key, selected = outcome.selected, reason = outcome.satisfied.1,
            misconfigured = outcome.misconfigured, "decided"
        );
        let mut written = Vec::new();
        let client = &self.context.client;
        let result = apply::apply(
            client,
            &placement,
            &outcome,
            &changes,
            &mut written,
            &self.events,
        )
        .await;
        {
            let mut world = self.world();
            let all = apply::note(&mut world, &placement, written);
            let mut dirty = world.take_dirty();
            if all {
                // What was just written is what was meant.
                dirty.remove(key);
            } else {
                dirty.insert(key.clone());
            }
            drop(world);
            for other in dirty {
                self.queue.add(other);
            }
        }
        result.map(|()| next)
    }
}

/// Runs the placement controller until the context's shutdown.
pub async fn run(context: Context) {
    let (events, waiting) = tokio::sync::mpsc::channel(EVENTS);
    let controller = Arc::new(Controller {
        events,
        warm: warm::Warm::default(),
        world: Mutex::new(World::loading()),
        queue: Queue::new(Backoff::new(
            Duration::from_millis(20),
            Duration::from_secs(30),
        )),
        context,
    });
    let mut tasks = Tasks::new(controller.context.shutdown.clone());
    let (client, shutdown) = (
        controller.context.client.clone(),
        controller.context.shutdown.clone(),
    );
    tasks.spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = apply::write_events(client, waiting) => {}
        }
    });
    let clusters = Informer::new(Scope::of::<ManagedCluster>());
    let sets = Informer::new(Scope::of::<ManagedClusterSet>());
    let bindings = Informer::new(Scope::of::<ManagedClusterSetBinding>());
    let scores = Informer::new(Scope::of::<AddOnPlacementScore>());
    let placements = Informer::new(Scope::of::<v1beta1::Placement>());
    let decisions: Informer<view::Decision> =
        Informer::new(Scope::of::<PlacementDecision>().labels(LABEL_PLACEMENT));

    follow(&controller, &clusters, |world, _, change| match change {
        Change::Applied { new, .. } => world.set_cluster(new, Timestamp::now()),
        Change::Deleted(old) => world.remove_cluster(&old.name),
    });
    follow(&controller, &sets, |world, _, change| match change {
        Change::Applied { new, .. } => world.set_set(new),
        Change::Deleted(old) => world.remove_set(&old.name),
    });
    follow(&controller, &bindings, |world, _, change| match change {
        Change::Applied { new, .. } => world.set_binding(new),
        Change::Deleted(old) => world.remove_binding(old),
    });
    follow(&controller, &scores, |world, _, change| match change {
        Change::Applied { new, .. } => world.set_score(new),
        Change::Deleted(old) => world.remove_score(&old.cluster, &old.name),
    });
    follow(
        &controller,
        &placements,
        |world, key, change| match change {
            Change::Applied { new, .. } => world.set_placement(new),
            Change::Deleted(_) => world.remove_placement(key),
        },
    );
    follow(&controller, &decisions, |world, key, change| {
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && old.placement != new.placement
        {
            world.remove_decision(&Key::new(&key.namespace, &old.placement), &key.name);
        }
        match change {
            Change::Applied { new, .. } => world.set_decision(new),
            Change::Deleted(old) => {
                world.remove_decision(&Key::new(&key.namespace, &old.placement), &key.name);
            }
        }
    });
    start(&mut tasks, &controller, &clusters, view::Cluster::parse);
    start(&mut tasks, &controller, &sets, view::Set::parse);
    start(&mut tasks, &controller, &bindings, view::Binding::parse);
    start(&mut tasks, &controller, &scores, view::Score::parse);
    start(&mut tasks, &controller, &placements, |object| {
        typed::<v1beta1::Placement>(object).map(Placement::of)
    });
    start(&mut tasks, &controller, &decisions, view::Decision::parse);

    let synced = async {
        clusters.synced().await;
        sets.synced().await;
        bindings.synced().await;
        scores.synced().await;
        placements.synced().await;
        decisions.synced().await;
    };
    tokio::select! {
        () = controller.context.shutdown.cancelled() => {}
        () = synced => {
            tracing::info!(
                clusters = clusters.len(), placements = placements.len(),
                "placement controller started"
            );
            controller.change(World::loaded);
            let this = Arc::clone(&controller);
            let metrics = &controller.context.metrics;
            tasks.controller("placement", &controller.queue, WORKERS, metrics, move |key| {
                let controller = Arc::clone(&this);
                async move { controller.reconcile(&key).await }
            });
        }
    }
    tasks.join().await;
}

fn follow<T: Send + Sync + 'static>(
    controller: &Arc<Controller>,
    informer: &Informer<T>,
    change: fn(&mut World, &Key, &Change<T>),
) {
    let this = Arc::downgrade(controller);
    informer.on_change(move |key, event| {
        if let Some(controller) = this.upgrade() {
            controller.change(|world| change(world, key, event));
        }
    });
}

fn start<T, E>(
    tasks: &mut Tasks,
    controller: &Arc<Controller>,
    informer: &Informer<T>,
    parse: fn(DynamicObject) -> Result<T, E>,
) where
    T: Send + Sync + 'static,
    E: std::fmt::Display + 'static,
{
    let context = &controller.context;
    tasks.spawn(informer.clone().run(
        context.client.clone(),
        parse,
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
}
