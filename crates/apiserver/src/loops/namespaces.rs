//! The end of namespaces: what is in them is deleted, and when nothing is left
//! the finalizer goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::follow::{Outcome, follow};
use super::hand::{Hand, unless};
use crate::api::GroupResource;
use crate::builtin::namespaces::{is_held, resource};
use crate::builtin::{now, text};
use crate::registry::{Event, EventKind, Registry, View};

pub(super) async fn run(registry: Registry, stop: CancellationToken) {
    let events = registry.subscribe(&[], true);
    let hand = Hand::new(registry.clone(), "namespace-controller");
    let ending = Arc::new(Mutex::new(BTreeSet::new()));
    let observe = |event: &Event| {
        let mut ending = ending.lock().unwrap_or_else(PoisonError::into_inner);
        observe(&registry, &mut ending, event)
    };
    let reconcile = |name: String| {
        let hand = hand.clone();
        async move { reconcile(&hand, &name).await }
    };
    follow("namespaces", stop, events, observe, reconcile).await;
}

/// Which namespace an event is about, if it ends or is not there at all.
fn observe(view: &dyn View, ending: &mut BTreeSet<String>, event: &Event) -> Vec<String> {
    let namespace = event.namespace();
    if **event.gr() == resource() {
        let name = event.name().to_owned();
        if event.kind() == EventKind::Deleted {
            ending.remove(&name);
            return vec![name];
        }
        if event.object()["metadata"]["deletionTimestamp"].is_null() {
            return Vec::new();
        }
        ending.insert(name.clone());
        return vec![name];
    }
    let stray =
        || event.kind() == EventKind::Added && view.read(&resource(), "", namespace).is_none();
    if !namespace.is_empty() && (ending.contains(namespace) || stray()) {
        return vec![namespace.to_owned()];
    }
    Vec::new()
}

type Found = Vec<(GroupResource, Arc<Value>)>;

/// Everything in a namespace.
fn content(view: &dyn View, namespace: &str) -> Found {
    let catalog = view.catalog();
    let resources: BTreeSet<&GroupResource> = catalog
        .resources
        .values()
        .filter(|resource| resource.namespaced && resource.verbs.iter().any(|v| v == "delete"))
        .map(|resource| &resource.gr)
        .collect();
    resources
        .into_iter()
        .flat_map(|gr| {
            let objects = view.read_all(gr, Some(namespace));
            objects.into_iter().map(|object| (gr.clone(), object))
        })
        .collect()
}

async fn reconcile(hand: &Hand, name: &str) -> Outcome {
    let namespace = hand.read(&resource(), "", name);
    if namespace
        .as_ref()
        .is_some_and(|namespace| namespace["metadata"]["deletionTimestamp"].is_null())
    {
        return Ok(None);
    }
    let doomed: Found = content(&hand.registry, name)
        .into_iter()
        .filter(|(_, object)| object["metadata"]["deletionTimestamp"].is_null())
        .collect();
    let deleted = hand.delete_all(doomed).await;
    let Some(namespace) = hand.read(&resource(), "", name) else {
        return deleted.map(|()| None);
    };
    let left = content(&hand.registry, name);
    deleted?;
    let mut new = (*namespace).clone();
    if left.is_empty() {
        if !is_held(&namespace) {
            return Ok(None);
        }
        if let Some(finalizers) = new["spec"]["finalizers"].as_array_mut() {
            finalizers.retain(|finalizer| finalizer != "kubernetes");
        }
        let result = hand.update(&resource(), "finalize", new).await;
        return unless(result, &[404]).map(|()| None);
    }
    let conditions = conditions(&namespace, &left);
    if namespace["status"]["conditions"] != conditions {
        new["status"]["conditions"] = conditions;
        unless(hand.update(&resource(), "status", new).await, &[404])?;
    }
    // What is left says itself when it goes.
    Ok(None)
}

/// The conditions of a namespace that cannot go yet.
fn conditions(namespace: &Value, left: &Found) -> Value {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
    for (gr, object) in left {
        *kinds
            .entry(format!("{}.{}", gr.resource, gr.group))
            .or_default() += 1;
        for finalizer in object["metadata"]["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let finalizer = finalizer.as_str().unwrap_or_default();
            *finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    let list = |counts: &BTreeMap<String, usize>, what: &str| {
        let entries: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name} {what}{count} resource instances"))
            .collect();
        entries.join(", ")
    };
    let mut wanted = vec![
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered".to_owned(),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        (
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            format!("Some resources are remaining: {}", list(&kinds, "has ")),
        ),
    ];
    wanted.push(if finalizers.is_empty() {
        (
            "NamespaceFinalizersRemaining",
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished".to_owned(),
        )
    } else {
        (
            "NamespaceFinalizersRemaining",
            "True",
            "SomeFinalizersRemain",
            format!(
                "Some content in the namespace has finalizers remaining: {}",
                list(&finalizers, "in ")
            ),
        )
    });
    let before = namespace["status"]["conditions"].as_array();
    let conditions = wanted.into_iter().map(|(kind, status, reason, message)| {
        let since = before
            .into_iter()
            .flatten()
            .find(|old| old["type"] == kind && old["status"] == status)
            .map_or_else(now, |old| text(old, "/lastTransitionTime").to_owned());
        json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": since,
        })
    });
    Value::Array(conditions.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_say_what_is_left_and_why() {
        let left = vec![
            (
                GroupResource::new("", "pods"),
                Arc::new(json!({"metadata": {"finalizers": ["a/b"]}})),
            ),
            (
                GroupResource::new("", "pods"),
                Arc::new(json!({"metadata": {}})),
            ),
        ];
        let first = conditions(&json!({}), &left);
        assert_eq!(
            first[3]["message"],
            "Some resources are remaining: pods. has 2 resource instances"
        );
        assert_eq!(
            first[4]["message"],
            "Some content in the namespace has finalizers remaining: a/b in 1 resource instances"
        );
        let old = json!({"status": {"conditions": [{"type": "NamespaceContentRemaining", "status": "True", "lastTransitionTime": "then"}]}});
        assert_eq!(conditions(&old, &left)[3]["lastTransitionTime"], "then");
    }
}
