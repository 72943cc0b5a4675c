//! Many objects applied and deleted at once (`k8s::apply`).

use std::sync::Mutex;

use kube::api::DynamicObject;
use ocmadm::k8s::apply::{Applier, ApplyError, Event, Outcome};
use ocmadm::k8s::discovery::Discovery;
use serde_json::{Value, json};

use super::bed::*;

fn objects(values: &[Value]) -> Vec<DynamicObject> {
    values
        .iter()
        .map(|v| serde_json::from_value(v.clone()).unwrap())
        .collect()
}

fn set() -> Vec<Value> {
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}});
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x", "namespace": "fresh"}, "spec": {"a": 1}});
    let mut map = config_map("c", "1");
    map["metadata"]["namespace"] = "fresh".into();
    // What needs something stands before it.
    vec![widget, map, namespace, definition]
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_created_configured_unchanged_and_deleted_in_order() {
    let bed = Bed::without_agent().await;
    let client = bed.spoke.client.clone();
    let applier = Applier::new(client.clone(), Discovery::new(client), "test");
    let outcomes = |applied: Vec<ocmadm::k8s::apply::Applied>| -> Vec<Outcome> {
        applied.iter().map(|a| a.outcome).collect()
    };
    let first = applier.apply(&objects(&set()), |_| {}).await.unwrap();
    assert_eq!(outcomes(first), [Outcome::Created; 4]);
    let second = applier.apply(&objects(&set()), |_| {}).await.unwrap();
    assert_eq!(outcomes(second), [Outcome::Unchanged; 4]);
    let mut changed = set();
    changed[1]["data"]["key"] = "2".into();
    let third = applier.apply(&objects(&changed), |_| {}).await.unwrap();
    assert_eq!(
        outcomes(third),
        [
            Outcome::Unchanged,
            Outcome::Configured,
            Outcome::Unchanged,
            Outcome::Unchanged
        ]
    );
    let told = Mutex::new(Vec::new());
    applier
        .delete(&objects(&set()), true, |event| {
            told.lock().unwrap().push(event);
        })
        .await
        .unwrap();
    let told = told.into_inner().unwrap();
    assert!(matches!(&told[0], Event::Deleted(object, true) if object.kind == "Widget"));
    assert!(matches!(&told[1], Event::Deleted(object, true) if object.kind == "ConfigMap"));
    for object in set().iter().skip(2) {
        assert!(bed.spoke.get(object).await.is_none(), "{object}");
    }
    // What is gone already is fine.
    applier
        .delete(&objects(&set()), true, |_| {})
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_object_is_named_and_a_dry_run_changes_nothing() {
    let bed = Bed::without_agent().await;
    let client = bed.spoke.client.clone();
    let applier = Applier::new(client.clone(), Discovery::new(client), "test");
    applier
        .clone()
        .dry_run(true)
        .apply(&objects(&[config_map("c", "1")]), |_| {})
        .await
        .unwrap();
    assert!(bed.spoke.get(&config_map("c", "1")).await.is_none());
    let mut lost = config_map("c", "1");
    lost["metadata"]["namespace"] = "nowhere".into();
    let error = applier.apply(&objects(&[lost]), |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot apply ConfigMap nowhere/c");
    let odd = json!({"apiVersion": "example.com/v1", "kind": "Odd", "metadata": {"name": "x"}});
    let error = applier.apply(&objects(&[odd]), |_| {}).await.unwrap_err();
    assert!(matches!(error, ApplyError::Discovery { .. }), "{error}");
}
