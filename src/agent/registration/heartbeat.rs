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

use crate::ocm::names;
use crate::runtime::backoff::between;
use crate::runtime::{Backoff, Informer, source_chain};

use super::hubs::{Known, Leave};
use super::status::Cluster;

/// How long the hub may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Renews until `shutdown`. `changed` ticks when the ManagedCluster changes.
/// Where there are several hubs, one that refuses or is silent is left.
pub async fn run(
    hub: Client,
    name: String,
    clusters: Informer<Cluster>,
    mut changed: watch::Receiver<()>,
    leave: Option<Leave>,
    shutdown: CancellationToken,
) {
    let api: Api<Lease> = Api::namespaced(hub, &name);
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let mut failures = 0;
    let mut heard = Instant::now();
    let mut was_accepted = false;
    loop {
        changed.mark_unchanged();
        let duration = accepted(&clusters, &name);
        was_accepted |= duration.is_some();
        if let Some(leave) = &leave {
            let known = Known {
                was_accepted,
                accepted: clusters.get("", &name).map(|cluster| cluster.is_accepted()),
                // Nothing is to be heard where nothing is asked.
                silent: if duration.is_some() {
                    heard.elapsed()
                } else {
                    Duration::ZERO
                },
            };
            if let Some(reason) = leave.why(known) {
                tracing::warn!(cluster = %name, reason, "this hub is left");
                leave.token.cancel();
                return;
            }
        }
        let Some(duration) = duration else {
            failures = 0;
            heard = Instant::now();
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = changed.changed() => if changed.is_err() { return },
            }
            continue;
        };
        // A hub that does not answer must not stop the beat.
        let renewed = match tokio::time::timeout(PATIENCE, renew(&api)).await {
            Ok(result) => result,
            Err(_) => Err(kube::Error::Service("the hub did not answer".into())),
        };
        let pause = match renewed {
            Ok(()) => {
                failures = 0;
                heard = Instant::now();
                between(duration, duration.mul_f64(1.25))
            }
            Err(error) => {
                failures += 1;
                // Just after acceptance the lease may not be there yet.
                let pause = backoff.delay(failures).min(duration);
                if failures > 3 {
                    tracing::warn!(cluster = %name, error = %source_chain(&error), "lease not renewed");
                } else {
                    tracing::debug!(cluster = %name, error = %source_chain(&error), "lease not renewed");
                }
                pause
            }
        };
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
                    if accepted(&clusters, &name) != Some(duration) {
                        break;
                    }
                }
            }
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

async fn renew(api: &Api<Lease>) -> Result<(), kube::Error> {
    let mut lease = api.get(names::CLUSTER_LEASE).await?;
    lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
    api.replace(names::CLUSTER_LEASE, &PostParams::default(), &lease)
        .await?;
    Ok(())
}
