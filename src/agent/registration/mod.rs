//! Joins the hub and keeps the registration alive.
//!
//! `identity` decides, from the Klusterlet and two Secrets, whether the agent
//! asks the hub for an identity (bootstrap) or works with the one it has. This
//! module runs what that mode needs, and starts anew when the mode changes:
//! other credentials, another cluster name, an expired certificate. An identity
//! outlives its Secret: who deletes that gets it back, renewed.

pub mod heartbeat;
pub mod hubs;
pub mod identity;
pub mod join;
pub mod main_mode;
pub mod metrics;
pub mod namespaces;
pub mod order;
pub mod report;
pub mod settings;
pub mod status;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::agent::certificate::credentials::{Credentials, Data};
use crate::agent::certificate::follow::follow_secret;
use crate::agent::certificate::keeper::Keeper;
use crate::ocm::names;
use crate::runtime::{Change, Context, Informer, Scope, Tasks};

use hubs::{Hubs, Leave};
use identity::{Mode, Names, Observed};
use metrics::Counts;
use settings::Settings;

/// How long until hubs are looked at anew when none is good.
const NO_HUB: Duration = Duration::from_secs(10);
/// Whether there is an identity that the hub knows.
const HUB_KUBECONFIG: &str = "hub-kube-config";
/// Whether there is a hub among several.
const CHECK_HUBS: &str = "hubs";

/// How the registration agent runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Klusterlet that says how.
    pub klusterlet: String,
    /// The CA (PEM) of the managed cluster's API server, for the hub.
    pub spoke_ca: Option<Vec<u8>>,
    /// Told when the hub begins or ceases to take renewals of the lease.
    pub hub_news: watch::Sender<()>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            klusterlet: names::KLUSTERLET.to_owned(),
            spoke_ca: None,
            hub_news: watch::Sender::new(()),
        }
    }
}

/// What the agent's Secrets and its Klusterlet say, as it changes.
struct Inputs {
    settings: watch::Receiver<Option<Settings>>,
    bootstrap: watch::Receiver<Option<Arc<Data>>>,
    hub: watch::Receiver<Option<Arc<Data>>>,
}

/// Runs the registration agent on the context's cluster until its shutdown.
pub async fn run(context: Context, options: Options) {
    let mut tasks = Tasks::new(context.shutdown.clone());
    let mut settings = follow_klusterlet(&mut tasks, &context, &options.klusterlet);
    let fallback = identity::fallback();
    let counts = Counts::shown(&context.metrics);
    let work = async {
        loop {
            let Some(now) = settings.borrow_and_update().clone() else {
                tokio::select! {
                    () = context.shutdown.cancelled() => return,
                    changed = settings.changed() => if changed.is_err() { return },
                }
                continue;
            };
            let Some(place) = place(&context, &now, &fallback).await else {
                tracing::warn!(retry_in = ?NO_HUB, "none of the hubs can be used");
                context
                    .health
                    .fail(CHECK_HUBS, "none of the hubs can be used");
                tokio::select! {
                    () = context.shutdown.cancelled() => return,
                    () = tokio::time::sleep(NO_HUB) => {}
                    changed = settings.changed() => if changed.is_err() { return },
                }
                continue;
            };
            context.health.pass(CHECK_HUBS);
            in_place(
                &context,
                &options,
                &place,
                settings.clone(),
                &fallback,
                &counts,
            )
            .await;
            if context.shutdown.is_cancelled() {
                return;
            }
        }
    };
    work.await;
    tasks.join().await;
}

/// The Klusterlet's settings; nothing while there is none, or it is being deleted.
fn follow_klusterlet(
    tasks: &mut Tasks,
    context: &Context,
    name: &str,
) -> watch::Receiver<Option<Settings>> {
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("operator.open-cluster-management.io", "v1", "Klusterlet"),
        "klusterlets",
    );
    let informer: Informer<Option<Settings>> = Informer::new(Scope::all(resource).named(name));
    let (sender, receiver) = watch::channel(None);
    informer.on_change(move |_, change| {
        let new = match change {
            Change::Applied { new, .. } => (**new).clone(),
            Change::Deleted(_) => None,
        };
        sender.send_if_modified(|old| {
            let changed = *old != new;
            *old = new;
            changed
        });
    });
    tasks.spawn(informer.run(
        context.client.clone(),
        |object: DynamicObject| {
            let deleting = object.metadata.deletion_timestamp.is_some();
            Ok::<_, Infallible>((!deleting).then(|| Settings::of(&object)))
        },
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    receiver
}

/// Where the agent's Secrets are, and which of several hubs is worked with.
struct Place {
    namespace: String,
    /// The Secret to ask with.
    bootstrap: String,
    hubs: Option<Hubs>,
    leave: CancellationToken,
}

impl Place {
    /// Whether the Klusterlet wants another one.
    fn is_left(&self, settings: Option<&Settings>) -> bool {
        self.leave.is_cancelled()
            || settings.is_some_and(|settings| {
                settings.namespace != self.namespace || settings.hubs != self.hubs
            })
    }
}

/// The place that the Klusterlet wants; `None` when none of its hubs is good.
async fn place(context: &Context, settings: &Settings, fallback: &Names) -> Option<Place> {
    let bootstrap = match &settings.hubs {
        None => names::BOOTSTRAP_KUBECONFIG_SECRET.to_owned(),
        Some(hubs) => {
            let chosen = hubs::choose(context, hubs, settings, fallback).await?;
            tracing::info!(secret = %chosen, "this hub is worked with");
            chosen
        }
    };
    Some(Place {
        namespace: settings.namespace.clone(),
        bootstrap,
        hubs: settings.hubs.clone(),
        leave: CancellationToken::new(),
    })
}

/// Runs with the Secrets of one place until the Klusterlet wants another, or
/// the hub is left.
async fn in_place(
    context: &Context,
    options: &Options,
    place: &Place,
    settings: watch::Receiver<Option<Settings>>,
    fallback: &Names,
    counts: &Counts,
) {
    let context = context.child();
    let mut tasks = Tasks::new(context.shutdown.clone());
    let follow = |tasks: &mut Tasks, name| follow_secret(tasks, &context, &place.namespace, name);
    let (first, bootstrap) = follow(&mut tasks, &place.bootstrap);
    let (second, hub) = follow(&mut tasks, names::HUB_KUBECONFIG_SECRET);
    let mut inputs = Inputs {
        settings,
        bootstrap,
        hub,
    };
    tokio::select! {
        () = context.shutdown.cancelled() => {}
        () = async { first.synced().await; second.synced().await; } => {
            modes(&context, options, place, &mut inputs, fallback, counts).await;
        }
    }
    context.shutdown.cancel();
    tasks.join().await;
}

/// What runs in a mode, and how to end it.
struct Running {
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

/// The identity that was last in the hub kubeconfig Secret.
struct Held {
    data: Arc<Data>,
    /// Cancelled when the hub would not renew it.
    refused: CancellationToken,
}

impl Held {
    /// What to work with: the Secret's identity, or the one it had as long as
    /// the hub takes it (registration 5.1: who has lost the Secret asks for
    /// another one as whoever it is).
    fn known(held: &mut Option<Self>, stored: Option<Arc<Data>>) -> Option<Arc<Data>> {
        match stored {
            Some(data) => {
                if held.as_ref().is_none_or(|held| held.data != data) {
                    *held = Some(Self {
                        data: Arc::clone(&data),
                        refused: CancellationToken::new(),
                    });
                }
                Some(data)
            }
            None => held
                .as_ref()
                .filter(|held| !held.refused.is_cancelled())
                .map(|held| Arc::clone(&held.data)),
        }
    }
}

async fn modes(
    context: &Context,
    options: &Options,
    place: &Place,
    inputs: &mut Inputs,
    fallback: &Names,
    counts: &Counts,
) {
    let mut current: Option<(Mode, Option<Settings>)> = None;
    let mut running: Option<Running> = None;
    let mut held: Option<Held> = None;
    loop {
        let settings = inputs.settings.borrow_and_update().clone();
        let bootstrap = inputs.bootstrap.borrow_and_update().clone();
        let stored = inputs.hub.borrow_and_update().clone();
        let is_lost = stored.is_none();
        let hub = Held::known(&mut held, stored);
        let refused = held.as_ref().map(|held| held.refused.clone());
        // With a Secret the keeper goes on asking.
        let given_up = refused.clone().filter(|_| is_lost && hub.is_some());
        let moved = place.is_left(settings.as_ref());
        let mode = match &settings {
            None => Mode::Wait("there is no Klusterlet, or it is being deleted".to_owned()),
            Some(settings) => identity::decide(&Observed {
                bootstrap: bootstrap.as_deref(),
                hub: hub.as_deref(),
                settings,
                fallback,
                now: context.clock.now(),
            }),
        };
        let until = match &mode {
            Mode::Main { not_after, .. } => not_after.duration_since(context.clock.now()),
            _ => jiff::SignedDuration::from_hours(1),
        };
        let wanted = (mode, settings);
        if moved || current.as_ref() != Some(&wanted) {
            if let Some(running) = running.take() {
                running.end().await;
            }
            if moved || context.shutdown.is_cancelled() {
                return;
            }
            counts.identity(match &wanted.0 {
                Mode::Main { not_after, .. } => Some(*not_after),
                _ => None,
            });
            let with = With {
                counts: counts.clone(),
                hub: read(hub.as_deref()),
                refused: refused.clone().unwrap_or_default(),
            };
            running = start(context, options, place, inputs, &wanted, with);
            current = Some(wanted);
        }
        // A clock that jumps is noticed within the minute.
        let pause = Duration::try_from(until)
            .unwrap_or_default()
            .clamp(Duration::from_secs(1), Duration::from_secs(60));
        let broken = async {
            match running.as_mut() {
                // An end that nobody asked for; of what came, the log tells.
                Some(running) => drop((&mut running.task).await),
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            biased;
            () = context.shutdown.cancelled() => true,
            () = broken => {
                tracing::error!("the agent's work broke off; starting it again");
                running = None;
                current = None;
                tokio::time::sleep(Duration::from_secs(2)).await;
                false
            }
            changed = inputs.settings.changed() => changed.is_err(),
            changed = inputs.bootstrap.changed() => changed.is_err(),
            changed = inputs.hub.changed() => changed.is_err(),
            () = place.leave.cancelled() => false,
            () = cancelled(given_up.as_ref()) => {
                tracing::warn!("the hub does not renew the identity whose Secret is gone");
                false
            }
            () = context.clock.sleep(pause) => false,
        };
        if ended {
            if let Some(running) = running.take() {
                running.end().await;
            }
            return;
        }
    }
}

/// Returns when the token is cancelled.
async fn cancelled(token: Option<&CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => std::future::pending().await,
    }
}

/// The identity to work with.
struct With {
    counts: Counts,
    hub: Option<Credentials>,
    /// To be cancelled when the hub does not renew it.
    refused: CancellationToken,
}

/// Starts what the mode needs.
fn start(
    context: &Context,
    options: &Options,
    place: &Place,
    inputs: &Inputs,
    wanted: &(Mode, Option<Settings>),
    with: With,
) -> Option<Running> {
    let (mode, settings) = wanted;
    let settings = settings.clone().unwrap_or_default();
    let inner = context.child();
    let stop = inner.shutdown.clone();
    let secret = inputs.hub.clone();
    let bootstrap = read(inputs.bootstrap.borrow().as_deref());
    let task = match mode {
        Mode::Wait(reason) => {
            tracing::warn!(reason, "the agent waits");
            return None;
        }
        Mode::Bootstrap {
            names,
            reason,
            expired,
            ..
        } => {
            tracing::info!(cluster = %names.cluster, agent = %names.agent, reason, "asking the hub for an identity");
            let bootstrap = bootstrap?;
            if *expired {
                // As upstream's check is called, which ends its process.
                context.health.fail(HUB_KUBECONFIG, reason.clone());
            }
            let (names, ca) = (names.clone(), options.spoke_ca.clone());
            let namespace = place.namespace.clone();
            let old = if *expired { with.hub } else { None };
            tokio::spawn(async move {
                tokio::join!(
                    look_after_works(&inner, &namespace, &names, &settings, old),
                    bootstrap_mode(
                        inner.clone(),
                        namespace.clone(),
                        names.clone(),
                        settings.clone(),
                        bootstrap,
                        ca,
                        secret
                    ),
                );
            })
        }
        Mode::Main { names, .. } => {
            tracing::info!(cluster = %names.cluster, agent = %names.agent, "working with the hub's identity");
            let hub = with.hub?;
            let keeper = main_mode::Parts {
                namespace: place.namespace.clone(),
                leave: place.hubs.as_ref().map(|hubs| Leave {
                    token: place.leave.clone(),
                    timeout: hubs.timeout,
                }),
                names: names.clone(),
                settings,
                hub_as: bootstrap.unwrap_or_else(|| hub.clone()),
                hub,
                secret,
                refused: with.refused,
                counts: with.counts,
                news: options.hub_news.clone(),
            };
            tokio::spawn(main_mode::run(inner, keeper))
        }
    };
    Some(Running { stop, task })
}

fn read(data: Option<&Data>) -> Option<Credentials> {
    data.and_then(|data| Credentials::read(data).ok())
}

/// Corrects drift of what was applied with an identity that has expired: the
/// hub does not listen to it any more, so that works are known by their copies.
async fn look_after_works(
    context: &Context,
    namespace: &str,
    names: &Names,
    settings: &Settings,
    old: Option<Credentials>,
) {
    let Some(old) = old else { return };
    match old.client().await {
        Ok(hub) => {
            let options = main_mode::works_of(names, settings, &old, namespace);
            let spoke = context.client.clone();
            main_mode::works(hub, spoke, options, context.shutdown.clone()).await;
        }
        Err(error) => {
            let error = crate::runtime::source_chain(&error);
            tracing::warn!(%error, "works are not looked after until there is a new identity");
        }
    }
}

async fn bootstrap_mode(
    context: Context,
    namespace: String,
    names: Names,
    settings: Settings,
    bootstrap: Credentials,
    ca: Option<Vec<u8>>,
    secret: watch::Receiver<Option<Arc<Data>>>,
) {
    let hub = match bootstrap.client().await {
        Ok(client) => client,
        Err(error) => {
            // Only another Secret can help.
            let error = crate::runtime::source_chain(&error);
            tracing::error!(%error, "the bootstrap kubeconfig cannot be used");
            context.shutdown.cancelled().await;
            return;
        }
    };
    let mut tasks = Tasks::new(context.shutdown.clone());
    let (known, is_known) = oneshot::channel();
    tasks.spawn(join::run(
        hub.clone(),
        names.cluster.clone(),
        settings.clone(),
        ca,
        known,
        context.shutdown.clone(),
    ));
    let keeper = Keeper {
        hub,
        spoke: context.client.clone(),
        order: order::order(&names, settings.certificate_seconds, &namespace, &bootstrap),
        secret,
        report: None,
        refused: None,
        metrics: context.metrics.clone(),
        clock: context.clock.clone(),
    };
    let shutdown = context.shutdown.clone();
    tasks.spawn(async move {
        // With a certificate the agent would leave this mode, and nobody would
        // create the cluster any more.
        if is_known.await.is_ok() {
            keeper.run(shutdown).await;
        }
    });
    tasks.join().await;
}
