//! What the process counts, in Prometheus' text format.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Run {
    controller: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Controller {
    controller: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Plural {
    resource: String,
}

/// The process's metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    runs: Family<Run, Counter>,
    seconds: Family<Controller, Histogram, fn() -> Histogram>,
    depth: Family<Controller, Gauge>,
    cached: Family<Plural, Gauge>,
    watch_failures: Family<Plural, Counter>,
    leader: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn histogram() -> Histogram {
    Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ocmadm");
        let runs = Family::<Run, Counter>::default();
        let seconds = Family::<Controller, Histogram, fn() -> Histogram>::new_with_constructor(
            histogram as fn() -> Histogram,
        );
        let depth = Family::<Controller, Gauge>::default();
        let cached = Family::<Plural, Gauge>::default();
        let watch_failures = Family::<Plural, Counter>::default();
        let leader = Gauge::default();
        registry.register(
            "reconciles",
            "Reconciliations by controller and result",
            runs.clone(),
        );
        registry.register(
            "reconcile_seconds",
            "Duration of reconciliations",
            seconds.clone(),
        );
        registry.register("queue_depth", "Keys that wait for a worker", depth.clone());
        registry.register("cached_objects", "Objects in the caches", cached.clone());
        registry.register(
            "watch_failures",
            "Failed lists and watches",
            watch_failures.clone(),
        );
        registry.register("leader", "1 while this process leads", leader.clone());
        Self {
            registry: Arc::new(Mutex::new(registry)),
            runs,
            seconds,
            depth,
            cached,
            watch_failures,
            leader,
        }
    }
}

impl Metrics {
    /// One reconciliation ended.
    pub fn reconciled(&self, controller: &str, ok: bool, took: Duration) {
        self.runs
            .get_or_create(&Run {
                controller: controller.to_owned(),
                result: if ok { "success" } else { "error" },
            })
            .inc();
        self.seconds
            .get_or_create(&Controller {
                controller: controller.to_owned(),
            })
            .observe(took.as_secs_f64());
    }

    /// How many keys wait in a controller's queue.
    pub fn queued(&self, controller: &str, keys: usize) {
        self.depth
            .get_or_create(&Controller {
                controller: controller.to_owned(),
            })
            .set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// How many objects of a resource are cached.
    pub fn cached(&self, resource: &str, objects: usize) {
        self.cached
            .get_or_create(&Plural {
                resource: resource.to_owned(),
            })
            .set(i64::try_from(objects).unwrap_or(i64::MAX));
    }

    /// A list or watch failed.
    pub fn watch_failed(&self, resource: &str) {
        self.watch_failures
            .get_or_create(&Plural {
                resource: resource.to_owned(),
            })
            .inc();
    }

    /// Whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Lets another part add metrics of its own.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Everything as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if encode(&mut text, &registry).is_err() {
            // Writing to a String does not fail.
            text.clear();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_in_the_text() {
        let metrics = Metrics::default();
        metrics.reconciled("works", true, Duration::from_millis(3));
        metrics.reconciled("works", false, Duration::from_millis(3));
        metrics.cached("managedclusters", 7);
        let text = metrics.text();
        assert!(
            text.contains(r#"ocmadm_reconciles_total{controller="works",result="error"} 1"#),
            "{text}"
        );
        assert!(text.contains(r#"ocmadm_cached_objects{resource="managedclusters"} 7"#));
    }
}
