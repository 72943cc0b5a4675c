//! Kinds that are served later.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bed::*;

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "latecomers.late.example.com"},
        "spec": {"group": "late.example.com", "scope": "Namespaced", "names": {"plural": "latecomers", "kind": "Latecomer", "singular": "latecomer", "listKind": "LatecomerList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_served_later_is_applied_at_once() {
    let bed = Bed::start().await;
    let late = json!({"apiVersion": "late.example.com/v1", "kind": "Latecomer", "metadata": {"name": "x", "namespace": "default"}, "spec": {"a": 1}});
    bed.create_work("w", vec![late.clone(), config_map("a", "1")])
        .await;
    bed.until_work("w", |w| statuses(w, "Applied") == ["False", "True"])
        .await;
    // By now it is looked at every few seconds only.
    tokio::time::sleep(Duration::from_secs(8)).await;
    bed.spoke.create(definition()).await;
    let start = Instant::now();
    bed.until_available("w").await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(bed.spoke.get(&late).await.is_some());
}
