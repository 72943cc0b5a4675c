//! Works on the hub: one for every cluster that a replica set's placements
//! choose ([`sets`]), and the end of works that are finished ([`garbage`]).
//!
//! Both are behind gates of the ClusterManager (`workConfiguration`), as
//! upstream: they run while their gate is on. [`validate`] is what the hub
//! demands of a work before it is stored.

pub mod garbage;
pub mod plan;
pub mod report;
pub mod sets;
pub mod validate;
pub mod view;

use kube::api::DynamicObject;

use crate::ocm::gates::{self, HUB_WORK};
use crate::ocm::operator::v1::FeatureGate;
use crate::runtime::Context;

/// Which parts are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// Gate ManifestWorkReplicaSet.
    pub replica_sets: bool,
    /// Gate CleanUpCompletedManifestWork.
    pub clean_up: bool,
    /// Gate NilExecutorValidating: works without executor need permission too.
    pub nil_executor: bool,
}

impl Gates {
    /// Reads the ClusterManager's work configuration. What is not understood is off.
    #[must_use]
    pub fn of(manager: &DynamicObject) -> Self {
        let configured = &manager.data["spec"]["workConfiguration"]["featureGates"];
        let gates: Vec<FeatureGate> =
            serde_json::from_value(configured.clone()).unwrap_or_default();
        let on = |name: &str| gates::enabled(HUB_WORK, &gates, name);
        Self {
            replica_sets: on("ManifestWorkReplicaSet"),
            clean_up: on("CleanUpCompletedManifestWork"),
            nil_executor: on("NilExecutorValidating"),
        }
    }
}

/// Runs the work controllers until the context's shutdown.
pub async fn run(context: Context) {
    super::gated::run(context, Gates::of, |gates, context, tasks| {
        if gates.replica_sets {
            tasks.spawn(sets::run(context.clone()));
        }
        if gates.clean_up {
            tasks.spawn(garbage::run(context.clone()));
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gates_are_off_until_they_are_enabled() {
        let manager = |configuration: serde_json::Value| {
            serde_json::from_value(json!({
                "apiVersion": "operator.open-cluster-management.io/v1", "kind": "ClusterManager",
                "metadata": {"name": "cluster-manager"}, "spec": {"workConfiguration": configuration},
            }))
            .unwrap()
        };
        assert_eq!(Gates::of(&manager(json!(null))), Gates::default());
        assert_eq!(Gates::of(&manager(json!("x"))), Gates::default());
        let some = json!({"featureGates": [
            {"feature": "ManifestWorkReplicaSet", "mode": "Enable"},
            {"feature": "CleanUpCompletedManifestWork", "mode": "Disable"}]});
        assert_eq!(
            Gates::of(&manager(some)),
            Gates {
                replica_sets: true,
                ..Gates::default()
            }
        );
    }
}
