//! The end of custom resource definitions: their objects go first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::follow::{Outcome, follow};
use super::hand::{Hand, unless};
use crate::api::GroupResource;
use crate::builtin::{CRD_FINALIZER, text};
use crate::registry::{Event, EventKind, Registry, View};

fn resource() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// What a definition defines.
fn defined(definition: &Value) -> GroupResource {
    GroupResource::new(
        text(definition, "/spec/group"),
        text(definition, "/spec/names/plural"),
    )
}

fn is_ending(definition: &Value) -> bool {
    !definition["metadata"]["deletionTimestamp"].is_null()
        && definition["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|all| all.iter().any(|f| f == CRD_FINALIZER))
}

pub(super) async fn run(registry: Registry, stop: CancellationToken) {
    let events = registry.subscribe(&[], true);
    let hand = Hand::new(registry, "customresource-cleanup");
    let ending: Arc<Mutex<BTreeMap<GroupResource, String>>> = Arc::default();
    let observe = |event: &Event| {
        let mut ending = ending.lock().unwrap_or_else(PoisonError::into_inner);
        if **event.gr() != resource() {
            return ending.get(&**event.gr()).cloned().into_iter().collect();
        }
        if event.kind() == EventKind::Deleted || !is_ending(event.object()) {
            ending.remove(&defined(event.object()));
            return Vec::new();
        }
        let name = event.name().to_owned();
        ending.insert(defined(event.object()), name.clone());
        vec![name]
    };
    let reconcile = |name: String| {
        let hand = hand.clone();
        async move { reconcile(&hand, &name).await }
    };
    follow("definitions", stop, events, observe, reconcile).await;
}

async fn reconcile(hand: &Hand, name: &str) -> Outcome {
    let Some(definition) = hand.read(&resource(), "", name) else {
        return Ok(None);
    };
    if !is_ending(&definition) {
        return Ok(None);
    }
    let gr = defined(&definition);
    let doomed: Vec<(GroupResource, Arc<Value>)> = hand
        .registry
        .read_all(&gr, None)
        .into_iter()
        .filter(|object| object["metadata"]["deletionTimestamp"].is_null())
        .map(|object| (gr.clone(), object))
        .collect();
    hand.delete_all(doomed).await?;
    if !hand.registry.read_all(&gr, None).is_empty() {
        // They wait for their finalizers, and say when they are gone.
        return Ok(None);
    }
    let mut new = (*definition).clone();
    if let Some(finalizers) = new["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|finalizer| finalizer != CRD_FINALIZER);
    }
    unless(hand.update(&resource(), "", new).await, &[404])?;
    Ok(None)
}
