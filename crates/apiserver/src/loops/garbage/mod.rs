//! Garbage collection: objects go when all their owners are gone, owners that
//! are deleted in the foreground wait for what blocks them, and orphans lose
//! their references.

mod graph;

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::follow::{Outcome, follow};
use super::hand::{Hand, unless};
use crate::api::GroupResource;
use crate::registry::{Event, EventKind, Registry};
use crate::status::Status;
use graph::{Action, Graph, Place};

pub(super) async fn run(registry: Registry, stop: CancellationToken) {
    let events = registry.subscribe(&[], true);
    let hand = Hand::new(registry, "garbage-collector");
    let graph = Arc::new(Mutex::new(Graph::default()));
    let observe = |event: &Event| {
        if is_ignored(event.gr()) {
            return Vec::new();
        }
        let mut graph = graph.lock().unwrap_or_else(PoisonError::into_inner);
        match event.kind() {
            EventKind::Deleted => graph.remove(event.object()),
            _ => graph.insert(event.gr(), event.object()),
        }
    };
    let reconcile = |uid: Arc<str>| {
        let actions = graph
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .decide(&uid);
        let hand = hand.clone();
        async move {
            let results =
                futures::future::join_all(actions.into_iter().map(|action| act(&hand, action)))
                    .await;
            results.into_iter().collect::<Result<(), Status>>()?;
            Outcome::Ok(None)
        }
    };
    follow("garbage", stop, events, observe, reconcile).await;
}

/// Nothing owns events, and there are many.
fn is_ignored(gr: &GroupResource) -> bool {
    gr.resource == "events" && matches!(gr.group.as_str(), "" | "events.k8s.io")
}

async fn act(hand: &Hand, action: Action) -> Result<(), Status> {
    let result = match action {
        Action::Delete { place, policy } => {
            let Some(object) = live(hand, &place) else {
                return Ok(());
            };
            return hand.delete(&place.gr, &object, policy).await;
        }
        Action::Disown { place, owners } => {
            let Some(object) = live(hand, &place) else {
                return Ok(());
            };
            let mut new = (*object).clone();
            let Some(references) = new["metadata"]["ownerReferences"].as_array_mut() else {
                return Ok(());
            };
            let before = references.len();
            references.retain(|r| !owners.iter().any(|owner| r["uid"] == **owner));
            if references.len() == before {
                return Ok(());
            }
            let body = json!({"metadata": {
                "uid": object["metadata"]["uid"],
                "resourceVersion": object["metadata"]["resourceVersion"],
                "ownerReferences": references,
            }});
            hand.merge(&place.gr, &place.namespace, &place.name, body)
                .await
        }
        Action::Finish { place, finalizer } => {
            let Some(object) = live(hand, &place) else {
                return Ok(());
            };
            let left: Vec<&Value> = object["metadata"]["finalizers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|f| **f != finalizer)
                .collect();
            let body = json!({"metadata": {
                "uid": object["metadata"]["uid"],
                "resourceVersion": object["metadata"]["resourceVersion"],
                "finalizers": left,
            }});
            hand.merge(&place.gr, &place.namespace, &place.name, body)
                .await
        }
    };
    unless(result, &[404])
}

/// The stored object, if it is still the one in the graph.
fn live(hand: &Hand, place: &Place) -> Option<Arc<Value>> {
    hand.read(&place.gr, &place.namespace, &place.name)
        .filter(|object| object["metadata"]["uid"] == *place.uid)
}
