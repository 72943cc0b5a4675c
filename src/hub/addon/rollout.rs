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
