//! Leader election by a Lease: one of several replicas works, the others wait.
//!
//! The holder renews the lease; a candidate takes it when it is free, when it
//! was given up, or when it did not change for its whole duration by the
//! candidate's own clock (the clocks of machines are not compared).

use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::runtime::watcher;
use kube::{Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, between};
use super::informer::source_chain;
use super::metrics::Metrics;

/// Which lease, and for whom.
#[derive(Clone, Debug)]
pub struct Election {
    /// The lease's namespace.
    pub namespace: String,
    /// The lease's name.
    pub name: String,
    /// Who this process is.
    pub identity: String,
    /// How long a lease counts without a renewal.
    pub duration: Duration,
    /// How often it is renewed.
    pub renew_every: Duration,
}

impl Election {
    /// An election with Kubernetes' usual times (15 s, renewed every 2 s).
    #[must_use]
    pub fn new(namespace: &str, name: &str, identity: String) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity,
            duration: Duration::from_secs(15),
            renew_every: Duration::from_secs(2),
        }
    }
}

/// Who this process is: the pod's name where there is one. A restarted
/// container of a pod thus takes its own lease up again at once.
#[must_use]
pub fn identity() -> String {
    for variable in ["POD_NAME", "HOSTNAME"] {
        if let Ok(name) = std::env::var(variable)
            && !name.is_empty()
        {
            return name;
        }
    }
    format!("ocmadm-{:x}", (super::backoff::fraction() * 1e9) as u64)
}

/// What a candidate does with the lease that it sees.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Create,
    Take,
    Wait(Duration),
}

/// Pure: the lease as seen, and for how long it has not changed.
fn decide(lease: Option<&Lease>, unchanged_for: Duration, election: &Election) -> Step {
    let Some(lease) = lease else {
        return Step::Create;
    };
    let spec = lease.spec.as_ref();
    let holder = spec
        .and_then(|s| s.holder_identity.as_deref())
        .unwrap_or_default();
    if holder.is_empty() || holder == election.identity {
        return Step::Take;
    }
    let duration = spec
        .and_then(|s| s.lease_duration_seconds)
        .and_then(|s| u64::try_from(s).ok())
        .map_or(election.duration, Duration::from_secs);
    match duration.checked_sub(unchanged_for) {
        Some(rest) if !rest.is_zero() => Step::Wait(rest),
        _ => Step::Take,
    }
}

fn held(lease: Option<Lease>, election: &Election, now: Timestamp) -> Lease {
    let mut lease = lease.unwrap_or_else(|| Lease {
        metadata: ObjectMeta {
            name: Some(election.name.clone()),
            namespace: Some(election.namespace.clone()),
            ..ObjectMeta::default()
        },
        spec: None,
    });
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if spec.holder_identity.as_deref() != Some(election.identity.as_str()) {
        spec.lease_transitions = Some(
            spec.holder_identity
                .as_ref()
                .map_or(0, |_| spec.lease_transitions.unwrap_or(0) + 1),
        );
        spec.acquire_time = Some(MicroTime(now));
        spec.holder_identity = Some(election.identity.clone());
    }
    spec.renew_time = Some(MicroTime(now));
    spec.lease_duration_seconds = Some(i32::try_from(election.duration.as_secs()).unwrap_or(15));
    lease
}

/// A lease that this process holds.
#[derive(Debug)]
pub struct Leadership {
    api: Api<Lease>,
    election: Election,
    lease: Lease,
    metrics: Metrics,
}

/// Waits until this process leads. `None` after `shutdown`.
pub async fn acquire(
    client: &Client,
    election: Election,
    metrics: &Metrics,
    shutdown: &CancellationToken,
) -> Option<Leadership> {
    tokio::select! {
        () = shutdown.cancelled() => None,
        leadership = campaign(client, election, metrics.clone()) => Some(leadership),
    }
}

async fn campaign(client: &Client, election: Election, metrics: Metrics) -> Leadership {
    let api: Api<Lease> = Api::namespaced(client.clone(), &election.namespace);
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    let mut failures = 0;
    // What was seen last, and since when.
    let mut seen: Option<(String, Instant)> = None;
    let mut told = false;
    loop {
        let attempt = async {
            let lease = api.get_opt(&election.name).await?;
            let version = lease
                .as_ref()
                .and_then(ResourceExt::resource_version)
                .unwrap_or_default();
            let since = match &seen {
                Some((seen, since)) if *seen == version => *since,
                _ => Instant::now(),
            };
            seen = Some((version, since));
            match decide(lease.as_ref(), since.elapsed(), &election) {
                Step::Create => {
                    let lease = held(None, &election, Timestamp::now());
                    api.create(&PostParams::default(), &lease).await.map(Ok)
                }
                Step::Take => {
                    let lease = held(lease, &election, Timestamp::now());
                    api.replace(&election.name, &PostParams::default(), &lease)
                        .await
                        .map(Ok)
                }
                Step::Wait(rest) => Ok(Err(rest)),
            }
        };
        match attempt.await {
            Ok(Ok(lease)) => {
                tracing::info!(lease = %election.name, identity = %election.identity, "leading");
                metrics.leads(true);
                return Leadership {
                    api,
                    election,
                    lease,
                    metrics,
                };
            }
            Ok(Err(rest)) => {
                failures = 0;
                if !told {
                    tracing::info!(lease = %election.name, "another replica leads; waiting");
                    told = true;
                }
                wait_for_change(&api, &election.name, seen.as_ref().map(|s| &*s.0), rest).await;
            }
            Err(error) => {
                failures += 1;
                tracing::debug!(lease = %election.name, error = %source_chain(&error), "cannot take the lease yet");
                tokio::time::sleep(backoff.delay(failures)).await;
            }
        }
    }
}

/// Returns when the lease is another than `version`, or after `rest`.
async fn wait_for_change(api: &Api<Lease>, name: &str, version: Option<&str>, rest: Duration) {
    let stream = watcher::watch_object(api.clone(), name);
    let changed = async {
        let mut stream = std::pin::pin!(stream);
        while let Some(event) = stream.next().await {
            match event {
                Ok(Some(lease)) if lease.resource_version().as_deref() == version => {}
                Ok(_) => return,
                Err(_) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout(rest, changed).await;
}

impl Leadership {
    /// Renews the lease until `shutdown`, then gives it up so that another
    /// replica need not wait. Returns early, with `false`, when the lease was
    /// lost: the caller must stop its work at once.
    pub async fn keep(mut self, shutdown: CancellationToken) -> bool {
        let mut renewed = Instant::now();
        loop {
            let pause = between(self.election.renew_every / 2, self.election.renew_every);
            tokio::select! {
                () = shutdown.cancelled() => {
                    self.release().await;
                    return true;
                }
                () = tokio::time::sleep(pause) => {}
            }
            match self.renew().await {
                Ok(()) => renewed = Instant::now(),
                Err(error) => {
                    tracing::debug!(lease = %self.election.name, error = %source_chain(&error), "lease not renewed");
                    let lost = self.taken_by_another().await
                        || renewed.elapsed() >= self.election.duration * 2 / 3;
                    if lost {
                        tracing::error!(lease = %self.election.name, "leadership lost");
                        self.metrics.leads(false);
                        return false;
                    }
                }
            }
        }
    }

    async fn renew(&mut self) -> Result<(), kube::Error> {
        let wanted = held(Some(self.lease.clone()), &self.election, Timestamp::now());
        let limit = self.election.renew_every.max(Duration::from_secs(1));
        let params = PostParams::default();
        let replace = self.api.replace(&self.election.name, &params, &wanted);
        match tokio::time::timeout(limit, replace).await {
            Ok(result) => self.lease = result?,
            Err(_) => {
                return Err(kube::Error::Service("the API server did not answer".into()));
            }
        }
        Ok(())
    }

    /// After a failed renewal: reads the lease anew; true when it has another holder.
    async fn taken_by_another(&mut self) -> bool {
        match self.api.get_opt(&self.election.name).await {
            Ok(Some(lease)) => {
                let holder = lease.spec.as_ref().and_then(|s| s.holder_identity.clone());
                if holder.is_some_and(|h| !h.is_empty() && h != self.election.identity) {
                    return true;
                }
                self.lease = lease;
                false
            }
            // Gone or out of reach: only time tells.
            _ => false,
        }
    }

    async fn release(mut self) {
        self.metrics.leads(false);
        if let Some(spec) = &mut self.lease.spec {
            spec.holder_identity = Some(String::new());
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            spec.lease_duration_seconds = Some(1);
        }
        let params = PostParams::default();
        let write = self.api.replace(&self.election.name, &params, &self.lease);
        let _ = tokio::time::timeout(Duration::from_secs(2), write).await;
    }
}

/// Another replica took the lease, or it could not be renewed in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("leadership lost: another replica may have taken over")]
pub struct Lost;

/// Runs `work` once this process leads (at once without an election), and
/// keeps the lease until it ends. Cancels the context's shutdown when the
/// lease is lost, and when the work has ended.
///
/// # Errors
/// The lease was lost.
pub async fn lead(
    context: &super::Context,
    election: Option<Election>,
    work: impl Future<Output = ()>,
) -> Result<(), Lost> {
    let stop = &context.shutdown;
    let work = async {
        work.await;
        // Nothing left to do: the lease goes too.
        stop.cancel();
    };
    let Some(election) = election else {
        work.await;
        return Ok(());
    };
    let Some(leadership) = acquire(&context.client, election, &context.metrics, stop).await else {
        return Ok(());
    };
    let keep = async {
        let kept = leadership.keep(stop.clone()).await;
        stop.cancel();
        kept
    };
    let ((), kept) = tokio::join!(work, keep);
    if kept { Ok(()) } else { Err(Lost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn election() -> Election {
        Election::new("ns", "lock", "me".into())
    }

    fn lease(holder: &str) -> Lease {
        let mut other = election();
        other.identity = holder.into();
        held(None, &other, Timestamp::now())
    }

    #[test]
    fn candidates_take_only_what_is_free() {
        let e = election();
        let fresh = Duration::from_secs(1);
        let cases = [
            (None, fresh, Step::Create),
            (Some(lease("")), fresh, Step::Take),
            (Some(lease("me")), fresh, Step::Take),
            (
                Some(lease("other")),
                fresh,
                Step::Wait(Duration::from_secs(14)),
            ),
            (Some(lease("other")), Duration::from_secs(15), Step::Take),
        ];
        for (lease, unchanged, expected) in cases {
            assert_eq!(decide(lease.as_ref(), unchanged, &e), expected);
        }
    }

    #[test]
    fn taking_over_counts_a_transition() {
        let taken = held(Some(lease("other")), &election(), Timestamp::now());
        let spec = taken.spec.unwrap();
        assert_eq!(spec.holder_identity.as_deref(), Some("me"));
        assert_eq!(spec.lease_transitions, Some(1));
    }
}
