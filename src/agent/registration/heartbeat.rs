//! Renews the cluster's lease at the hub, as long as the hub accepts the cluster.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::agent::certificate::credentials::Credentials;
use crate::ocm::names;
use crate::runtime::backoff::between;
use crate::runtime::{Backoff, Clock, Informer, bounded, source_chain};

use super::hubs::{Known, Leave};
use super::metrics::Counts;
use super::status::Cluster;

/// What others learn from the beat.
#[derive(Clone, Debug)]
pub struct Listeners {
    /// How to leave this hub for another, where there are several.
    pub leave: Option<Leave>,
    /// Told when the hub begins or ceases to take renewals.
    pub news: watch::Sender<()>,
    /// Cancelled when the hub answers again after it was silent: what else is
    /// connected to it may wait for ever, and is better begun anew.
    pub stale: CancellationToken,
    /// What the lease is dated with.
    pub clock: Clock,
    /// What is counted of it.
    pub counts: Counts,
}

/// What is known of the beat.
struct Beat {
    failures: u32,
    /// When a renewal was taken last; at first the beginning.
    heard: Instant,
    /// Whether the last one was taken, as far as `news` have told.
    taken: Option<bool>,
    /// Whether one was not answered since the last that was.
    unanswered: bool,
}

impl Beat {
    /// A renewal was taken, or not (any longer).
    fn tell(&mut self, taken: bool, listeners: &Listeners) {
        if self.taken.replace(taken) != Some(taken) {
            listeners.news.send_replace(());
        }
    }
}

/// Renews until `shutdown`. `changed` ticks when the ManagedCluster changes.
/// Where there are several hubs, one that refuses or is silent is left. After a
/// renewal that was not answered the next goes over connections of its own, made
/// of the `credentials`: of those that there are, each may be dead.
pub async fn run(
    hub: Client,
    credentials: Credentials,
    name: String,
    clusters: Informer<Cluster>,
    mut changed: watch::Receiver<()>,
    listeners: Listeners,
    shutdown: CancellationToken,
) {
    let mut api: Api<Lease> = Api::namespaced(hub, &name);
    let mut beat = Beat {
        failures: 0,
        heard: Instant::now(),
        taken: None,
        unanswered: false,
    };
    let mut was_wanted = false;
    loop {
        changed.mark_unchanged();
        let cluster = clusters.get("", &name);
        let wanted = cluster.as_ref().map(|cluster| cluster.wanted);
        was_wanted |= wanted == Some(true);
        if let Some(leave) = &listeners.leave {
            let silent = beat.heard.elapsed();
            let known = Known {
                was_wanted,
                wanted,
                silent,
            };
            if let Some(reason) = leave.why(known) {
                tracing::warn!(cluster = %name, reason, "this hub is left");
                leave.token.cancel();
                return;
            }
        }
        let Some(duration) = accepted(&clusters, &name) else {
            beat.failures = 0;
            if cluster.is_some() {
                beat.tell(false, &listeners);
            }
            // A hub that never accepts is as good as one that is silent.
            let patience = listeners
                .leave
                .as_ref()
                .map(|leave| beat.heard + leave.timeout);
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = changed.changed() => if changed.is_err() { return },
                () = at(patience) => {}
            }
            continue;
        };
        let pause = renewal(&api, &name, duration, &mut beat, &listeners).await;
        if listeners.stale.is_cancelled() {
            return;
        }
        if beat.unanswered
            && let Ok(fresh) = credentials.client().await
        {
            api = Api::namespaced(fresh, &name);
        }
        let due = Instant::now() + pause;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep_until(due) => break,
                changed = changed.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Only another duration, or a denial, is news.
                    let now = clusters.get("", &name).map(|cluster| cluster.wanted);
                    if accepted(&clusters, &name) != Some(duration) || now != wanted {
                        break;
                    }
                }
            }
        }
    }
}

/// Returns a moment after that time; never without one.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time + Duration::from_millis(10)).await,
        None => std::future::pending().await,
    }
}

/// Renews once; how long until the next time.
async fn renewal(
    api: &Api<Lease>,
    name: &str,
    duration: Duration,
    beat: &mut Beat,
    listeners: &Listeners,
) -> Duration {
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let renewed = renew(api, listeners.clock.now()).await;
    listeners.counts.renewal(renewed.is_ok());
    match renewed {
        Ok(()) => {
            beat.failures = 0;
            beat.heard = Instant::now();
            beat.tell(true, listeners);
            if beat.unanswered {
                tracing::info!(cluster = %name, "the hub answers again; looking at it anew");
                listeners.stale.cancel();
            }
            between(duration, duration.mul_f64(1.25))
        }
        Err(error) => {
            beat.unanswered |= bounded::is_silence(&error);
            beat.failures += 1;
            if beat.failures > 3 {
                beat.tell(false, listeners);
                tracing::warn!(cluster = %name, error = %source_chain(&error), "lease not renewed");
            } else {
                tracing::debug!(cluster = %name, error = %source_chain(&error), "lease not renewed");
            }
            // Just after acceptance the lease may not be there yet.
            backoff.delay(beat.failures).min(duration)
        }
    }
}

/// How often to renew, if the hub accepts the cluster.
fn accepted(clusters: &Informer<Cluster>, name: &str) -> Option<Duration> {
    clusters
        .get("", name)
        .filter(|cluster| cluster.is_accepted())
        .map(|cluster| cluster.lease_duration())
}

async fn renew(api: &Api<Lease>, now: Timestamp) -> Result<(), kube::Error> {
    let mut lease = api.get(names::CLUSTER_LEASE).await?;
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(now));
    api.replace(names::CLUSTER_LEASE, &PostParams::default(), &lease)
        .await?;
    Ok(())
}
