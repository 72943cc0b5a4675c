//! What registration counts: renewals of the lease, and until when the identity
//! at the hub holds.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::runtime::Metrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

/// The counts. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    renewals: Family<Outcome, Counter>,
    expiry: Gauge<f64, AtomicU64>,
    joined: Gauge,
}

impl Counts {
    /// Counts that the process's metrics show.
    #[must_use]
    pub fn shown(metrics: &Metrics) -> Self {
        let counts = Self::default();
        metrics.register(|registry| {
            registry.register(
                "lease_renewals",
                "Renewals of the cluster's lease at the hub by result",
                counts.renewals.clone(),
            );
            registry.register(
                "hub_certificate_expiry_timestamp_seconds",
                "When the certificate for the hub ends; 0 without one",
                counts.expiry.clone(),
            );
            registry.register(
                "hub_identity",
                "1 while the agent works with an identity of the hub, 0 while it asks for one",
                counts.joined.clone(),
            );
        });
        counts
    }

    /// A renewal was taken, or not.
    pub(super) fn renewal(&self, taken: bool) {
        let result = if taken { "success" } else { "error" };
        self.renewals.get_or_create(&Outcome { result }).inc();
    }

    /// There is an identity until this time, or none.
    pub(super) fn identity(&self, until: Option<Timestamp>) {
        #[expect(clippy::cast_precision_loss, reason = "seconds of centuries fit")]
        let second = until.map_or(0.0, |until| until.as_second() as f64);
        self.expiry.set(second);
        self.joined.set(i64::from(until.is_some()));
    }
}
