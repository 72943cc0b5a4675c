//! What registration counts: clusters by how they are, decisions about
//! certificate requests, clusters that fell silent.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::ocm::conditions;
use crate::runtime::{Change, Metrics};

use super::CONDITION_AVAILABLE;
use super::view::Cluster;

/// How a cluster is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    accepted: &'static str,
    available: &'static str,
}

impl State {
    fn of(cluster: &Cluster) -> Self {
        let available = match conditions::status(&cluster.conditions, CONDITION_AVAILABLE) {
            conditions::TRUE => "true",
            conditions::FALSE => "false",
            _ => "unknown",
        };
        Self {
            accepted: if cluster.accepted { "true" } else { "false" },
            available,
        }
    }
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decision {
    decision: &'static str,
}

/// The counts. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    clusters: Family<State, Gauge>,
    requests: Family<Decision, Counter>,
    lost: Counter,
}

impl Counts {
    /// Counts that the process's metrics show.
    pub(super) fn shown(metrics: &Metrics) -> Self {
        let counts = Self::default();
        metrics.register(|registry| {
            registry.register(
                "managed_clusters",
                "ManagedClusters by whether they are accepted and available",
                counts.clusters.clone(),
            );
            registry.register(
                "certificate_requests",
                "Looks at certificate requests of agents by what was decided",
                counts.requests.clone(),
            );
            registry.register(
                "managed_clusters_lost",
                "Clusters that stopped renewing their lease",
                counts.lost.clone(),
            );
        });
        counts
    }

    /// A cluster came, changed or went.
    pub(super) fn cluster(&self, change: &Change<Cluster>) {
        let (before, after) = match change {
            Change::Applied { old, new } => (old.as_deref(), Some(&**new)),
            Change::Deleted(old) => (Some(&**old), None),
        };
        let [before, after] = [before, after].map(|cluster| cluster.map(State::of));
        if before == after {
            return;
        }
        if let Some(state) = before {
            self.clusters.get_or_create(&state).dec();
        }
        if let Some(state) = after {
            self.clusters.get_or_create(&state).inc();
        }
    }

    /// A request was approved, is refused for now, or waits for a person.
    pub(super) fn request(&self, decision: &'static str) {
        self.requests.get_or_create(&Decision { decision }).inc();
    }

    /// A cluster fell silent.
    pub(super) fn lost(&self) {
        self.lost.inc();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn each_cluster_counts_once_as_it_is() {
        let metrics = Metrics::default();
        let counts = Counts::shown(&metrics);
        let new = Arc::new(Cluster::default());
        let accepted = Arc::new(Cluster {
            accepted: true,
            ..Cluster::default()
        });
        counts.cluster(&Change::Applied {
            old: None,
            new: Arc::clone(&new),
        });
        counts.cluster(&Change::Applied {
            old: Some(new),
            new: Arc::clone(&accepted),
        });
        let text = metrics.text();
        let line = |accepted, number| {
            format!(
                "ocmadm_managed_clusters{{accepted=\"{accepted}\",available=\"unknown\"}} {number}\n"
            )
        };
        assert!(
            text.contains(&line(true, 1)) && text.contains(&line(false, 0)),
            "{text}"
        );
        counts.cluster(&Change::Deleted(accepted));
        assert!(metrics.text().contains(&line(true, 0)));
    }
}
