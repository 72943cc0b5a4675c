//! spreadPolicy: clusters chosen evenly over the values of labels or claims.
//!
//! Upstream has the field and ignores it. Here the best cluster is taken again
//! and again among those that no DoNotSchedule constraint forbids; among them,
//! those go first that no ScheduleAnyway constraint advises against, earlier
//! constraints being more important.

use std::collections::{BTreeMap, VecDeque};

use crate::ocm::cluster::v1beta1::{SpreadConstraint, TopologyKeyType, UnsatisfiableMaxSkewAction};

use super::schedule::Ranked;
use super::spec::Placement;
use super::view::Cluster;

fn value<'a>(constraint: &SpreadConstraint, cluster: &'a Cluster) -> Option<&'a str> {
    match constraint.topology_key_type {
        TopologyKeyType::Label => cluster.labels.get(&constraint.topology_key),
        TopologyKeyType::Claim => cluster.claims.get(&constraint.topology_key),
    }
}

fn is_hard(constraint: &SpreadConstraint) -> bool {
    constraint.when_unsatisfiable == Some(UnsatisfiableMaxSkewAction::DoNotSchedule)
}

/// Chooses at most `number` of `ranked` (best first); the others are the rest.
/// A cluster without the key of a DoNotSchedule constraint is not chosen.
pub(super) fn choose(
    constraints: &[SpreadConstraint],
    ranked: Vec<Ranked>,
    number: usize,
) -> (Vec<Ranked>, Vec<Ranked>) {
    // How many are chosen per value, for each constraint.
    let mut counts: Vec<BTreeMap<String, usize>> = constraints
        .iter()
        .map(|constraint| {
            let values = ranked
                .iter()
                .filter_map(|one| value(constraint, &one.cluster));
            values.map(|value| (value.to_owned(), 0)).collect()
        })
        .collect();
    // Clusters that are alike for all constraints, the best of each in front.
    let mut alike: BTreeMap<Vec<Option<String>>, VecDeque<(usize, Ranked)>> = BTreeMap::new();
    for (at, one) in ranked.into_iter().enumerate() {
        let values = constraints
            .iter()
            .map(|constraint| value(constraint, &one.cluster).map(str::to_owned))
            .collect();
        alike.entry(values).or_default().push_back((at, one));
    }
    let mut chosen = Vec::new();
    while chosen.len() < number {
        let best = alike
            .iter()
            .filter_map(|(values, waiting)| {
                let (at, _) = waiting.front()?;
                let skewed: Vec<bool> = constraints
                    .iter()
                    .zip(values)
                    .zip(&counts)
                    .map(|((constraint, value), counts)| skews(constraint, value.as_ref(), counts))
                    .collect();
                let forbidden = constraints
                    .iter()
                    .zip(&skewed)
                    .any(|(constraint, skewed)| *skewed && is_hard(constraint));
                (!forbidden).then_some((skewed, *at, values))
            })
            .min()
            .map(|(_, _, values)| values.clone());
        let Some(values) = best else { break };
        for (counts, value) in counts.iter_mut().zip(&values) {
            if let Some(count) = value.as_ref().and_then(|value| counts.get_mut(value)) {
                *count += 1;
            }
        }
        chosen.extend(
            alike
                .get_mut(&values)
                .and_then(VecDeque::pop_front)
                .map(|(_, one)| one),
        );
    }
    let mut rest: Vec<(usize, Ranked)> = alike.into_values().flatten().collect();
    rest.sort_by_key(|(at, _)| *at);
    (chosen, rest.into_iter().map(|(_, one)| one).collect())
}

/// Whether one more of that value differs by more than maxSkew from the least.
fn skews(
    constraint: &SpreadConstraint,
    value: Option<&String>,
    counts: &BTreeMap<String, usize>,
) -> bool {
    let Some(count) = value.and_then(|value| counts.get(value)) else {
        return true;
    };
    let least = counts.values().copied().min().unwrap_or_default();
    let allowed = usize::try_from(constraint.max_skew.unwrap_or(1)).unwrap_or(1);
    count + 1 - least > allowed
}

/// Tells which constraints kept clusters out.
pub(super) fn note(placement: &Placement, chosen: &[Ranked]) -> Option<String> {
    let wanted = placement.spec.number_of_clusters;
    let wanted = wanted.map_or(usize::MAX, |number| usize::try_from(number).unwrap_or(0));
    let hard: Vec<&str> = placement
        .spec
        .spread_policy
        .spread_constraints
        .iter()
        .filter(|constraint| is_hard(constraint))
        .map(|constraint| constraint.topology_key.as_str())
        .collect();
    (chosen.len() < wanted && !hard.is_empty()).then(|| {
        format!(
            "more clusters fit, but choosing them would spread unevenly over {}",
            hard.join(", ")
        )
    })
}
