//! Whose turn it is to get a changed configuration: the rollout library, asked
//! about installations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::ocm::cluster::rollout::RolloutStrategy;
use crate::ocm::rollout::{self, Group, Known, RolloutError, State};

/// An installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its cluster.
    pub cluster: String,
    /// How far it is with the configuration that is wanted now.
    pub state: State,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// The next step of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Clusters whose turn it is.
    pub turn: BTreeSet<String>,
    /// How many took too long.
    pub timeouts: usize,
    /// When time alone changes something.
    pub recheck: Option<Duration>,
}

/// The next step of a rollout over `nodes`.
///
/// # Errors
/// The strategy has a number or a time that is none.
pub fn step(
    strategy: &RolloutStrategy,
    groups: &[Group],
    nodes: &[Node],
    now: Timestamp,
) -> Result<Step, RolloutError> {
    // A cluster without the add-on has no part in it and holds no slot.
    let groups: Vec<Group> = groups
        .iter()
        .map(|group| Group {
            clusters: nodes
                .iter()
                .filter(|node| group.clusters.contains(&node.cluster))
                .map(|node| node.cluster.clone())
                .collect(),
            ..group.clone()
        })
        .collect();
    let known: BTreeMap<String, Known> = nodes
        .iter()
        .filter(|node| node.state != State::ToApply)
        .map(|node| {
            let known = Known {
                state: node.state,
                since: node.since,
            };
            (node.cluster.clone(), known)
        })
        .collect();
    let step = rollout::step(strategy, &groups, &known, now)?;
    Ok(Step {
        turn: step.apply.into_iter().collect(),
        timeouts: step.timed_out.len(),
        recheck: step.recheck,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_000_000;

    fn group(index: i32, clusters: &[&str]) -> Group {
        Group {
            index,
            name: format!("g{index}"),
            clusters: clusters.iter().map(|&c| c.to_owned()).collect(),
        }
    }

    fn step_of(strategy: &Value, groups: &[Group], nodes: &[(&str, State, i64)]) -> Step {
        let strategy = serde_json::from_value(strategy.clone()).unwrap();
        let nodes: Vec<Node> = nodes
            .iter()
            .map(|(cluster, state, ago)| Node {
                cluster: (*cluster).to_owned(),
                state: *state,
                since: Some(Timestamp::from_second(NOW - ago).unwrap()),
            })
            .collect();
        step(
            &strategy,
            groups,
            &nodes,
            Timestamp::from_second(NOW).unwrap(),
        )
        .unwrap()
    }

    fn turn(step: &Step) -> Vec<&str> {
        step.turn.iter().map(String::as_str).collect()
    }

    #[test]
    fn addon_22_clusters_without_the_addon_hold_no_slot() {
        let strategy = json!({"type": "Progressive", "progressive": {"maxConcurrency": 2}});
        let groups = [group(0, &["c1", "c2", "c3", "c4"])];
        let nodes = [("c2", State::ToApply, 0), ("c4", State::ToApply, 0)];
        assert_eq!(turn(&step_of(&strategy, &groups, &nodes)), ["c2", "c4"]);
        // Nothing said is all of them.
        let all = json!({"type": "Progressive"});
        let nodes: Vec<_> = ["c1", "c2", "c3"].map(|c| (c, State::ToApply, 0)).into();
        assert_eq!(turn(&step_of(&all, &groups, &nodes)), ["c1", "c2", "c3"]);
    }

    #[test]
    fn addon_22_a_slot_is_free_after_the_time_of_success_and_the_deadline() {
        let strategy = |deadline: &str, failures: i64| {
            json!({"type": "Progressive", "progressive": {"maxConcurrency": 1,
                "minSuccessTime": "60s", "progressDeadline": deadline, "maxFailures": failures}})
        };
        let groups = [group(0, &["c1", "c2"])];
        let after = |state: State, ago: i64, strategy: &Value| {
            let nodes = [("c1", state, ago), ("c2", State::ToApply, 0)];
            step_of(strategy, &groups, &nodes)
        };
        let young = after(State::Succeeded, 20, &strategy("None", 0));
        assert!(!young.turn.contains("c2"));
        assert_eq!(young.recheck, Some(Duration::from_secs(40)));
        let old = after(State::Succeeded, 61, &strategy("None", 0));
        assert!(old.turn.contains("c2"));
        // Too slow: over the deadline it is a failure, and stops the rollout or not.
        let slow = after(State::Progressing, 20, &strategy("30s", 1));
        assert!(!slow.turn.contains("c2"));
        assert_eq!(
            (slow.timeouts, slow.recheck),
            (0, Some(Duration::from_secs(10)))
        );
        let late = after(State::Progressing, 31, &strategy("30s", 1));
        assert_eq!(late.timeouts, 1);
        assert!(late.turn.contains("c2"));
        let stopped = after(State::Progressing, 31, &strategy("30s", 0));
        assert_eq!(stopped.timeouts, 1);
        assert!(!stopped.turn.contains("c2"));
    }

    #[test]
    fn addon_22_group_after_group_the_mandatory_first() {
        let strategy = json!({"type": "ProgressivePerGroup", "progressivePerGroup": {
            "mandatoryDecisionGroups": [{"groupName": "g1"}]}});
        let groups = [group(0, &["c1"]), group(1, &["c2"]), group(2, &["c3"])];
        let at = |c1: State, c2: State| {
            let nodes = [("c1", c1, 0), ("c2", c2, 0), ("c3", State::ToApply, 0)];
            let step = step_of(&strategy, &groups, &nodes);
            let fresh = step.turn.into_iter().filter(|c| {
                let state = match c.as_str() {
                    "c1" => c1,
                    "c2" => c2,
                    _ => State::ToApply,
                };
                state == State::ToApply
            });
            fresh.collect::<Vec<_>>()
        };
        assert_eq!(at(State::ToApply, State::ToApply), ["c2"]);
        assert_eq!(at(State::ToApply, State::Progressing), [""; 0]);
        assert_eq!(at(State::ToApply, State::Succeeded), ["c1"]);
        assert_eq!(at(State::Succeeded, State::Succeeded), ["c3"]);
        assert_eq!(at(State::ToApply, State::Failed), [""; 0]);
    }
}
