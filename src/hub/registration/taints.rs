//! The taints that say whether a cluster can be worked with.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::Value;

use crate::ocm::conditions;

use super::view::Taint;
use super::{CONDITION_AVAILABLE, TAINT_UNAVAILABLE, TAINT_UNREACHABLE};

/// The effect of the hub's taints.
const NO_SELECT: &str = "NoSelect";

/// The taints that a cluster with these conditions must have, when they are
/// not those it has. Foreign taints stay as they are.
#[must_use]
pub fn decide(taints: &[Taint], conditions: &[Condition], now: &str) -> Option<Vec<Taint>> {
    let wanted = match conditions::status(conditions, CONDITION_AVAILABLE) {
        conditions::TRUE => None,
        conditions::FALSE => Some(TAINT_UNAVAILABLE),
        _ => Some(TAINT_UNREACHABLE),
    };
    let ours = |taint: &Taint| {
        [TAINT_UNAVAILABLE, TAINT_UNREACHABLE].contains(&taint.key.as_str())
            && taint.value.is_empty()
            && taint.effect == NO_SELECT
    };
    let mut new: Vec<Taint> = taints
        .iter()
        .filter(|taint| !ours(taint) || Some(taint.key.as_str()) == wanted)
        .cloned()
        .collect();
    if let Some(key) = wanted
        && !new.iter().any(|taint| ours(taint) && taint.key == key)
    {
        new.push(Taint {
            key: key.to_owned(),
            value: String::new(),
            effect: NO_SELECT.to_owned(),
            time_added: Some(Value::from(now)),
        });
    }
    (new != taints).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str) -> Taint {
        Taint {
            key: key.into(),
            value: String::new(),
            effect: NO_SELECT.into(),
            time_added: Some("then".into()),
        }
    }

    #[test]
    fn registration_15_taints_follow_the_available_condition() {
        let foreign = Taint {
            value: "v".into(),
            ..taint(TAINT_UNREACHABLE)
        };
        let cases = [
            (conditions::FALSE, Some(TAINT_UNAVAILABLE)),
            (conditions::TRUE, None),
            (conditions::UNKNOWN, Some(TAINT_UNREACHABLE)),
        ];
        for (status, expected) in cases {
            for before in [TAINT_UNAVAILABLE, TAINT_UNREACHABLE] {
                let present = vec![foreign.clone(), taint(before)];
                let conditions = [conditions::condition(CONDITION_AVAILABLE, status, "R", "")];
                let after = decide(&present, &conditions, "now").unwrap_or(present.clone());
                assert!(after.contains(&foreign), "foreign taint lost");
                let ours: Vec<&str> = after[1..].iter().map(|t| t.key.as_str()).collect();
                assert_eq!(ours, expected.into_iter().collect::<Vec<_>>(), "{status}");
            }
        }
    }

    #[test]
    fn registration_03_a_cluster_nobody_heard_of_is_unreachable() {
        let taints = decide(&[], &[], "now").unwrap();
        assert_eq!(taints[0].key, TAINT_UNREACHABLE);
        assert_eq!(taints[0].time_added, Some("now".into()));
        assert_eq!(decide(&taints, &[], "later"), None, "no change, no write");
    }
}
