//! The prioritizers (section 2.5): each gives clusters -100 to 100.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::schedule::Ranked;
use super::spec::{Placement, Prioritizer};
use super::view::Cluster;
use super::world::World;

/// Clusters with their scores, in the order they came.
pub(super) struct Scored {
    pub(super) ranked: Vec<Ranked>,
    /// What prioritizers found amiss.
    pub(super) warnings: Vec<(String, String)>,
    /// When scores expire that are good now.
    pub(super) again: Option<Duration>,
}

pub(super) fn score(
    world: &World,
    placement: &Placement,
    weights: &[(Prioritizer, i64)],
    decided: &BTreeSet<String>,
    clusters: &[Arc<Cluster>],
    now: Timestamp,
) -> Scored {
    let mut scored = Scored {
        ranked: clusters
            .iter()
            .map(|cluster| Ranked {
                cluster: Arc::clone(cluster),
                scores: Vec::with_capacity(weights.len()),
                total: 0,
            })
            .collect(),
        warnings: Vec::new(),
        again: None,
    };
    for (prioritizer, weight) in weights {
        let values = match prioritizer {
            Prioritizer::Balance => balance(world, placement, clusters),
            Prioritizer::Steady => {
                let steady = |cluster: &Cluster| match decided.contains(&*cluster.name) {
                    true => 100,
                    false => 0,
                };
                clusters.iter().map(|cluster| steady(cluster)).collect()
            }
            Prioritizer::Cpu => resource(clusters, |cluster| cluster.cpu),
            Prioritizer::Memory => resource(clusters, |cluster| cluster.memory),
            Prioritizer::AddOn { resource, score } => {
                let values = addon(world, resource, score, clusters, now);
                scored.again = scored.again.into_iter().chain(values.again).min();
                if let Some(expired) = values.expired {
                    let warning = (prioritizer.name(), expired);
                    if !scored.warnings.contains(&warning) {
                        scored.warnings.push(warning);
                    }
                }
                values.scores
            }
        };
        for (one, value) in scored.ranked.iter_mut().zip(values) {
            one.scores.push(value);
            one.total += weight * value;
        }
    }
    scored
}

#[expect(clippy::cast_possible_truncation, reason = "scores are small")]
fn truncated(value: f64) -> i64 {
    value.trunc() as i64
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn ratio(count: usize, max: usize) -> f64 {
    count as f64 / max as f64
}

/// Statement 12. Own decisions do not count.
fn balance(world: &World, placement: &Placement, clusters: &[Arc<Cluster>]) -> Vec<i64> {
    let own = world.decisions(&placement.key);
    let own = own.iter().flat_map(|decision| &decision.clusters);
    let others = world.counts().without(own.map(String::as_str));
    let one = |cluster: &Cluster| match others.get(&cluster.name) {
        0 => 100,
        count => 2 * truncated(100.0 * (0.5 - ratio(count, others.most()))),
    };
    clusters.iter().map(|cluster| one(cluster)).collect()
}

/// Statement 11.
fn resource(clusters: &[Arc<Cluster>], of: impl Fn(&Cluster) -> Option<f64>) -> Vec<i64> {
    let known = || clusters.iter().filter_map(|cluster| of(cluster));
    let min = known().fold(f64::INFINITY, f64::min);
    let max = known().fold(f64::NEG_INFINITY, f64::max);
    let one = |cluster: &Cluster| match of(cluster) {
        None => 0,
        Some(_) if max <= min => 100,
        Some(value) => truncated(((value - min) / (max - min) - 0.5) * 200.0),
    };
    clusters.iter().map(|cluster| one(cluster)).collect()
}

/// How many expired scores are named; of more only the number is told.
const TOLD: usize = 5;

struct AddOnScores {
    scores: Vec<i64>,
    expired: Option<String>,
    again: Option<Duration>,
}

/// Statement 13: what has expired counts nothing and is told.
fn addon(
    world: &World,
    resource: &str,
    name: &str,
    clusters: &[Arc<Cluster>],
    now: Timestamp,
) -> AddOnScores {
    let mut found = AddOnScores {
        scores: Vec::with_capacity(clusters.len()),
        expired: None,
        again: None,
    };
    let mut expired = Vec::new();
    for cluster in clusters {
        let score = world.score(&cluster.name, resource);
        let good = score.filter(|score| {
            let Some(end) = score.valid_until else {
                return true;
            };
            let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
            if left.is_zero() {
                expired.push(format!("{}/{resource}", cluster.name));
                return false;
            }
            found.again = found.again.into_iter().chain([left]).min();
            true
        });
        let value = good.and_then(|score| score.values.get(name).copied());
        found.scores.push(value.unwrap_or_default());
    }
    if !expired.is_empty() {
        // An event holds 1,024 characters.
        let more = match expired.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        expired.truncate(TOLD);
        let which = expired.join(" ");
        found.expired = Some(format!("AddOnPlacementScores {which}{more} expired"));
    }
    found
}
