//! Whether an add-on lives, as its lease on the managed cluster says
//! (registration protocol 5.4, statement 58; placement protocol, statement 27).

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject};
use tokio::sync::watch;

use crate::agent::certificate::keeper::write_condition;
use crate::ocm::addon::v1alpha1::CONDITION_AVAILABLE;
use crate::ocm::conditions::{FALSE, TRUE, UNKNOWN, condition};
use crate::runtime::{Context, Informer, Scope, Tasks, source_chain};

use super::view::Addon;

/// How old a lease may be.
const GRACE: Duration = Duration::from_secs(300);
/// How soon the condition is put right when others wrote it, or when the hub was
/// away. Not at once: a hub that hears nothing of the cluster says Unknown again.
const RECHECK: Duration = Duration::from_secs(30);

/// What a lease that was renewed at this time says; `None` when there is none.
fn said(addon: &str, renewed: Option<Timestamp>, now: Timestamp) -> Condition {
    let (status, reason, message) = match renewed {
        None => (
            UNKNOWN,
            "ManagedClusterAddOnLeaseNotFound",
            format!("The status of {addon} add-on is unknown."),
        ),
        Some(renewed) if left(renewed, now).is_zero() => (
            FALSE,
            "ManagedClusterAddOnLeaseUpdateStopped",
            format!("{addon} add-on is not available."),
        ),
        Some(_) => (
            TRUE,
            "ManagedClusterAddOnLeaseUpdated",
            format!("{addon} add-on is available."),
        ),
    };
    condition(CONDITION_AVAILABLE, status, reason, message)
}

/// How long a lease still counts.
fn left(renewed: Timestamp, now: Timestamp) -> Duration {
    let age = Duration::try_from(now.duration_since(renewed)).unwrap_or_default();
    GRACE.saturating_sub(age)
}

fn same(a: &Condition, b: &Condition) -> bool {
    (&a.status, &a.reason, &a.message) == (&b.status, &b.reason, &b.message)
}

/// Tells until the context's shutdown how the add-on is. `key` is its namespace
/// and name at the hub, `api` leads there; `namespace` has the lease.
pub(super) async fn run(
    context: Context,
    addons: Informer<Addon>,
    api: Api<DynamicObject>,
    key: (String, String),
    namespace: String,
) {
    let (cluster, name) = key;
    let leases: Informer<Option<Timestamp>> =
        Informer::new(Scope::of::<Lease>().namespace(&namespace).named(&name));
    let (changed, mut changes) = watch::channel(());
    leases.on_change(move |_, _| {
        changed.send_replace(());
    });
    let mut tasks = Tasks::new(context.shutdown.clone());
    tasks.spawn(leases.clone().run(
        context.client.clone(),
        |object: DynamicObject| {
            let renewed = object.data["spec"]["renewTime"].as_str();
            Ok::<_, Infallible>(renewed.and_then(|time| time.parse().ok()))
        },
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    tokio::select! {
        () = context.shutdown.cancelled() => return tasks.join().await,
        () = leases.synced() => {}
    }
    loop {
        changes.mark_unchanged();
        let now = Timestamp::now();
        // A lease that nobody ever renewed is as good as none.
        let renewed = leases.get(&namespace, &name).and_then(|renewed| *renewed);
        let new = said(&name, renewed, now);
        let known = addons.get(&cluster, &name);
        let differs =
            known.is_some_and(|addon| !addon.available.as_ref().is_some_and(|old| same(old, &new)));
        if differs {
            // A hub that does not answer must not hold up the end.
            let told = tokio::select! {
                () = context.shutdown.cancelled() => break,
                told = write_condition(&api, &name, &new) => told,
            };
            if let Err(error) = told {
                tracing::debug!(addon = %name, error = %source_chain(&error), "health not told yet");
            }
        }
        let pause = renewed
            .map(|renewed| left(renewed, now))
            .filter(|left| !left.is_zero())
            .map_or(RECHECK, |left| {
                RECHECK.min(left + Duration::from_millis(10))
            });
        tokio::select! {
            () = context.shutdown.cancelled() => break,
            changed = changes.changed() => if changed.is_err() { break },
            () = tokio::time::sleep(pause) => {}
        }
    }
    tasks.join().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_58_and_addon_27_what_leases_say() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        for (renewed, status, reason) in [
            (None, "Unknown", "ManagedClusterAddOnLeaseNotFound"),
            (
                Some("2026-01-01T00:09:00Z"),
                "True",
                "ManagedClusterAddOnLeaseUpdated",
            ),
            (
                Some("2026-01-01T00:05:01Z"),
                "True",
                "ManagedClusterAddOnLeaseUpdated",
            ),
            (
                Some("2026-01-01T00:05:00Z"),
                "False",
                "ManagedClusterAddOnLeaseUpdateStopped",
            ),
            // A clock that is ahead.
            (
                Some("2026-01-01T00:11:00Z"),
                "True",
                "ManagedClusterAddOnLeaseUpdated",
            ),
        ] {
            let renewed = renewed.map(|time| time.parse().unwrap());
            let condition = said("a", renewed, now);
            assert_eq!(
                (condition.status.as_str(), condition.reason.as_str()),
                (status, reason),
                "{renewed:?}"
            );
        }
        assert_eq!(
            said("a", None, now).message,
            "The status of a add-on is unknown."
        );
    }
}
