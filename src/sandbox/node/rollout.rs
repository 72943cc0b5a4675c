//! How far a rolling update may go in one step.

use k8s_openapi::api::apps::v1::{DeploymentSpec, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::status::scaled;

/// What the strategy allows, in pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pods asked for.
    pub desired: i32,
    /// Pods allowed on top.
    pub surge: i32,
    /// Pods that may be missing.
    pub unavailable: i32,
    /// All old pods go before the first new one comes.
    pub recreate: bool,
}

impl Limits {
    /// The limits of a Deployment, percentages resolved.
    pub fn of(spec: &DeploymentSpec) -> Self {
        let desired = spec.replicas.unwrap_or(1);
        let strategy = spec.strategy.as_ref();
        let recreate = strategy.and_then(|s| s.type_.as_deref()) == Some("Recreate");
        if recreate {
            return Self {
                desired,
                surge: 0,
                unavailable: desired,
                recreate,
            };
        }
        let rolling = strategy.and_then(|s| s.rolling_update.as_ref());
        let quarter = IntOrString::String("25%".to_owned());
        let surge = rolling.and_then(|r| r.max_surge.as_ref());
        let unavailable = rolling.and_then(|r| r.max_unavailable.as_ref());
        let surge = scaled(surge.unwrap_or(&quarter), desired, true);
        let mut unavailable = scaled(unavailable.unwrap_or(&quarter), desired, false);
        if surge == 0 && unavailable == 0 {
            // Nothing could ever move.
            unavailable = 1;
        }
        Self {
            desired,
            surge,
            unavailable: unavailable.min(desired),
            recreate,
        }
    }
}

/// What counts of a ReplicaSet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Pods it is asked to have.
    pub replicas: i32,
    /// Pods of it that are available.
    pub available: i32,
}

impl Set {
    /// The counts of a ReplicaSet.
    pub fn of(set: &ReplicaSet) -> Self {
        let status = set.status.as_ref();
        Self {
            replicas: replicas(set),
            available: status.and_then(|s| s.available_replicas).unwrap_or(0),
        }
    }
}

/// Pods a ReplicaSet is asked to have.
pub fn replicas(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1)
}

/// The size the new set may have now.
pub fn grow(limits: &Limits, new: &Set, old: &[Set]) -> i32 {
    if new.replicas >= limits.desired {
        return limits.desired;
    }
    let total = new.replicas + old.iter().map(|set| set.replicas).sum::<i32>();
    let room = limits.desired + limits.surge - total;
    new.replicas + room.clamp(0, limits.desired - new.replicas)
}

/// The sizes the old sets (oldest first) may have now.
pub fn shrink(limits: &Limits, new: &Set, old: &[Set]) -> Vec<i32> {
    let mut sizes: Vec<i32> = old.iter().map(|set| set.replicas).collect();
    let total = new.replicas + sizes.iter().sum::<i32>();
    let minimum = limits.desired - limits.unavailable;
    let new_unavailable = new.replicas - new.available;
    let mut allowed = total - minimum - new_unavailable;
    // What is broken anyway goes first.
    for (size, set) in sizes.iter_mut().zip(old) {
        let step = (*size - set.available).min(allowed).max(0);
        *size -= step;
        allowed -= step;
    }
    let available = new.available
        + sizes
            .iter()
            .zip(old)
            .map(|(size, set)| set.available.min(*size))
            .sum::<i32>();
    let mut surplus = available - minimum;
    for size in &mut sizes {
        let step = (*size).min(surplus).max(0);
        *size -= step;
        surplus -= step;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(desired: i32, surge: i32, unavailable: i32) -> Limits {
        Limits {
            desired,
            surge,
            unavailable,
            recreate: false,
        }
    }

    fn set(replicas: i32, available: i32) -> Set {
        Set {
            replicas,
            available,
        }
    }

    #[test]
    fn steps_of_a_rolling_update() {
        let three = limits(3, 1, 0);
        assert_eq!(grow(&three, &Set::default(), &[]), 3, "a first rollout");
        assert_eq!(grow(&three, &set(0, 0), &[set(3, 3)]), 1);
        assert_eq!(
            shrink(&three, &set(1, 0), &[set(3, 3)]),
            [3],
            "not ready yet"
        );
        assert_eq!(shrink(&three, &set(1, 1), &[set(3, 3)]), [2]);
        assert_eq!(grow(&three, &set(3, 3), &[set(1, 1)]), 3);
        assert_eq!(shrink(&three, &set(3, 3), &[set(1, 1)]), [0]);
        assert_eq!(grow(&three, &set(5, 5), &[]), 3, "scaled down");
        assert_eq!(
            shrink(&three, &set(1, 1), &[set(2, 2), set(1, 0)]),
            [2, 0],
            "broken pods go first"
        );
    }

    #[test]
    fn default_limits_of_three_replicas() {
        let spec: DeploymentSpec = serde_json::from_value(serde_json::json!({
            "replicas": 3, "selector": {}, "template": {},
        }))
        .unwrap();
        assert_eq!(Limits::of(&spec), limits(3, 1, 0));
    }

    proptest! {
        /// Whatever the limits, a rollout whose pods become available ends, and
        /// never has fewer or more pods than allowed.
        #[test]
        fn a_rollout_ends_within_its_limits(desired in 0..20i32, surge in 0..5i32, unavailable in 0..5i32) {
            let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
            let limits = limits(desired, surge, unavailable.min(desired));
            let mut new = set(0, 0);
            let mut old = vec![set(desired, desired)];
            for _ in 0..200 {
                let grown = grow(&limits, &new, &old);
                if grown == new.replicas {
                    let sizes = shrink(&limits, &new, &old);
                    for (set, size) in old.iter_mut().zip(sizes) {
                        set.replicas = size;
                        set.available = set.available.min(size);
                    }
                } else {
                    new.replicas = grown;
                }
                let total = new.replicas + old[0].replicas;
                let available = new.available + old[0].available;
                prop_assert!(total <= desired + surge);
                prop_assert!(available >= desired - limits.unavailable);
                new.available = new.replicas;
            }
            prop_assert_eq!(new.replicas, desired);
            prop_assert_eq!(old[0].replicas, 0);
        }
    }
}
