//! What a managed cluster's lease says about it: reachable or not, clocks
//! together or apart. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::ocm::{conditions, names};

use super::view::{Cluster, ClusterLease};
use super::{CONDITION_ACCEPTED, CONDITION_AVAILABLE, CONDITION_CLOCK_SYNCED};

/// How many renewals may fail before a cluster is unreachable.
const RENEWALS: i64 = 5;
/// The lease duration of clusters that name none, in seconds.
const DEFAULT_DURATION: i64 = 60;

/// For how long a lease counts after its renewal.
#[must_use]
pub fn grace(lease_duration_seconds: i64) -> Duration {
    let duration = if lease_duration_seconds <= 0 {
        DEFAULT_DURATION
    } else {
        lease_duration_seconds
    };
    let seconds = duration.saturating_mul(RENEWALS);
    // A year is for ever here, and keeps timers in range.
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(31_536_000))
}

/// What a cluster's lease asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Whether the lease has to be created.
    pub create: bool,
    /// The conditions the ManagedCluster must have, when they differ.
    pub conditions: Option<Vec<Condition>>,
    /// Whether the cluster just turned unreachable.
    pub lost: bool,
    /// When to look again.
    pub again: Option<Duration>,
}

/// A renewal that was seen as it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// What the agent's clock said.
    pub renewed: Timestamp,
    /// What the hub's clock said.
    pub seen: Timestamp,
}

/// Decides what the lease asks for. `renewal` is the last renewal seen.
#[must_use]
pub fn decide(
    cluster: &Cluster,
    lease: Option<&ClusterLease>,
    renewal: Option<Renewal>,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    if conditions::find(&cluster.conditions, CONDITION_ACCEPTED).is_none() {
        return plan;
    }
    let grace = grace(cluster.lease_duration_seconds);
    let mut conditions = cluster.conditions.clone();
    let lost = match lease {
        None if cluster.meta.deleting => true,
        None => {
            plan.create = true;
            false
        }
        Some(lease) => {
            let expiry = lease.renewed.and_then(|renewed| {
                renewed
                    .checked_add(jiff::SignedDuration::try_from(grace).ok()?)
                    .ok()
            });
            match expiry.map(|expiry| expiry.duration_since(now)) {
                Some(rest) if rest.is_positive() => {
                    // Not a moment too early: the clock may be read again then.
                    plan.again = Some(rest.unsigned_abs() + Duration::from_millis(1));
                    false
                }
                _ => {
                    plan.again = Some(grace);
                    true
                }
            }
        }
    };
    let mut changed = false;
    if lost {
        plan.lost = conditions::status(&conditions, CONDITION_AVAILABLE) != conditions::UNKNOWN
            || conditions::find(&conditions, CONDITION_AVAILABLE).is_none();
        changed |= conditions::set(
            &mut conditions,
            conditions::condition(
                CONDITION_AVAILABLE,
                conditions::UNKNOWN,
                "ManagedClusterLeaseUpdateStopped",
                "Registration agent stopped updating its lease.",
            ),
        );
    }
    if let Some(renewal) = renewal
        && cluster
            .annotations
            .get(names::ANNOTATION_SKIP_CLOCK_SYNC)
            .is_none_or(|skip| skip != "true")
    {
        changed |= clock(&mut conditions, renewal, grace);
    }
    if changed {
        plan.conditions = Some(conditions);
    }
    plan
}

/// Sets the clock condition, but only when its status flips.
fn clock(conditions: &mut Vec<Condition>, renewal: Renewal, grace: Duration) -> bool {
    let apart = renewal.seen.duration_since(renewal.renewed).unsigned_abs();
    let new = if apart < grace {
        conditions::condition(
            CONDITION_CLOCK_SYNCED,
            conditions::TRUE,
            "ManagedClusterClockSynced",
            "The clock of the managed cluster is synced with the hub.",
        )
    } else {
        conditions::condition(
            CONDITION_CLOCK_SYNCED,
            conditions::FALSE,
            "ManagedClusterClockOutOfSync",
            "The clock of hub and agent is out of sync. This may cause the Unknown status and affect agent functionalities.",
        )
    };
    if conditions::find(conditions, CONDITION_CLOCK_SYNCED)
        .is_some_and(|old| old.status == new.status)
    {
        return false;
    }
    conditions::set(conditions, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn cluster(duration: i64) -> Cluster {
        Cluster {
            lease_duration_seconds: duration,
            conditions: vec![
                conditions::condition(CONDITION_ACCEPTED, conditions::TRUE, "R", ""),
                conditions::condition(CONDITION_AVAILABLE, conditions::TRUE, "R", ""),
            ],
            ..Cluster::default()
        }
    }

    fn lease(second: i64) -> ClusterLease {
        ClusterLease {
            renewed: Some(at(second)),
        }
    }

    #[test]
    fn registration_12_five_missed_renewals_make_it_unknown() {
        let c = cluster(60);
        let plan = decide(&c, Some(&lease(1000)), None, at(1299));
        assert_eq!(plan.conditions, None);
        let again = plan.again.unwrap();
        assert!(again > Duration::from_secs(1) && again < Duration::from_secs(2));
        let plan = decide(&c, Some(&lease(1000)), None, at(1300));
        let condition = conditions::find(plan.conditions.as_ref().unwrap(), CONDITION_AVAILABLE)
            .unwrap()
            .clone();
        assert_eq!(condition.status, "Unknown");
        assert_eq!(condition.reason, "ManagedClusterLeaseUpdateStopped");
        assert_eq!(
            condition.message,
            "Registration agent stopped updating its lease."
        );
        assert!(plan.lost, "one Warning Event");
        assert_eq!(plan.again, Some(Duration::from_secs(300)));
        // The second look changes nothing and tells nobody.
        let mut unknown = c;
        unknown.conditions = plan.conditions.unwrap();
        let plan = decide(&unknown, Some(&lease(1000)), None, at(1700));
        assert!(plan.conditions.is_none() && !plan.lost);
    }

    #[test]
    fn registration_13_a_duration_of_zero_means_sixty_seconds() {
        assert_eq!(grace(0), Duration::from_secs(300));
        assert_eq!(grace(-7), Duration::from_secs(300));
        assert_eq!(grace(1), Duration::from_secs(5));
        assert_eq!(grace(i64::MAX), Duration::from_secs(31_536_000));
    }

    #[test]
    fn registration_14_a_renewal_alone_does_not_make_it_available() {
        let mut c = cluster(60);
        conditions::set(
            &mut c.conditions,
            conditions::condition(
                CONDITION_AVAILABLE,
                conditions::UNKNOWN,
                "ManagedClusterLeaseUpdateStopped",
                "Registration agent stopped updating its lease.",
            ),
        );
        let plan = decide(&c, Some(&lease(2000)), None, at(2001));
        assert_eq!(plan.conditions, None);
    }

    #[test]
    fn registration_16_clocks_apart_are_told_when_the_state_flips() {
        let c = cluster(60);
        let renewal = |renewed, seen| {
            Some(Renewal {
                renewed: at(renewed),
                seen: at(seen),
            })
        };
        let plan = decide(&c, Some(&lease(1600)), renewal(1600, 1000), at(1000));
        let conditions = plan.conditions.unwrap();
        assert!(conditions::is_false(&conditions, CONDITION_CLOCK_SYNCED));
        let apart = Cluster { conditions, ..c };
        let plan = decide(&apart, Some(&lease(1600)), renewal(1601, 1001), at(1001));
        assert_eq!(plan.conditions, None, "still apart");
        let plan = decide(&apart, Some(&lease(1060)), renewal(1060, 1060), at(1060));
        assert!(conditions::is_true(
            &plan.conditions.unwrap(),
            CONDITION_CLOCK_SYNCED
        ));
        // Strictly less than the grace.
        let plan = decide(&apart, Some(&lease(1300)), renewal(1300, 1000), at(1000));
        assert_eq!(plan.conditions, None);
    }

    #[test]
    fn the_lease_is_made_after_acceptance_only() {
        let never = Cluster::default();
        assert_eq!(decide(&never, None, None, at(0)), Plan::default());
        assert!(decide(&cluster(60), None, None, at(0)).create);
        let mut deleting = cluster(60);
        deleting.meta.deleting = true;
        let plan = decide(&deleting, None, None, at(0));
        assert!(!plan.create && plan.lost);
    }

    #[test]
    fn a_lease_without_renewal_time_counts_as_expired() {
        let plan = decide(
            &cluster(60),
            Some(&ClusterLease { renewed: None }),
            None,
            at(0),
        );
        assert!(plan.lost);
    }
}
