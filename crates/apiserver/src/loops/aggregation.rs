//! Cluster roles with an aggregation rule hold the rules of those it selects.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::follow::{Outcome, follow};
use super::hand::{Hand, unless};
use crate::api::GroupResource;
use crate::builtin::text;
use crate::builtin::workloads::matches;
use crate::registry::{Event, EventKind, Registry, View};

fn resource() -> GroupResource {
    GroupResource::new(crate::authz::GROUP, "clusterroles")
}

pub(super) async fn run(registry: Registry, stop: CancellationToken) {
    let events = registry.subscribe(&[resource()], true);
    let hand = Hand::new(registry, "clusterrole-aggregation-controller");
    let mut selectors = BTreeMap::new();
    let observe = |event: &Event| observe(&mut selectors, event);
    let reconcile = |name: String| {
        let hand = hand.clone();
        async move { reconcile(&hand, &name).await }
    };
    follow("aggregated roles", stop, events, observe, reconcile).await;
}

/// Which aggregated roles a change of a role is about. `selectors` are those of
/// all aggregated roles.
fn observe(selectors: &mut BTreeMap<String, Value>, event: &Event) -> Vec<String> {
    let name = event.name().to_owned();
    let rule = &event.object()["aggregationRule"]["clusterRoleSelectors"];
    let mut about = Vec::new();
    if event.kind() == EventKind::Deleted || !rule.is_array() {
        selectors.remove(&name);
    } else {
        selectors.insert(name.clone(), rule.clone());
        about.push(name.clone());
    }
    let states = [Some(event.object()), event.old()];
    for (aggregated, rule) in &*selectors {
        if *aggregated != name && states.iter().flatten().any(|role| selects(rule, role)) {
            about.push(aggregated.clone());
        }
    }
    about
}

fn selects(selectors: &Value, role: &Value) -> bool {
    selectors
        .as_array()
        .into_iter()
        .flatten()
        .any(|selector| matches(selector, &role["metadata"]["labels"]))
}

/// The rules an aggregated role should have: in the order of the selectors, then
/// of the names, each once.
fn aggregate(name: &str, selectors: &Value, roles: &[std::sync::Arc<Value>]) -> Value {
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors.as_array().into_iter().flatten() {
        for role in roles {
            let own = text(role, "/metadata/name") == name;
            if own || !matches(selector, &role["metadata"]["labels"]) {
                continue;
            }
            for rule in role["rules"].as_array().into_iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    json!(rules)
}

async fn reconcile(hand: &Hand, name: &str) -> Outcome {
    let Some(role) = hand.read(&resource(), "", name) else {
        return Ok(None);
    };
    let selectors = &role["aggregationRule"]["clusterRoleSelectors"];
    if !selectors.is_array() {
        return Ok(None);
    }
    let rules = aggregate(name, selectors, &hand.registry.read_all(&resource(), None));
    let empty = |rules: &Value| rules.as_array().is_none_or(Vec::is_empty);
    if role["rules"] == rules || (empty(&role["rules"]) && empty(&rules)) {
        return Ok(None);
    }
    // As Kubernetes' controller does, by an apply that owns the rules: without
    // any it leaves alone what others wrote.
    let mut wanted = json!({
        "apiVersion": format!("{}/v1", crate::authz::GROUP),
        "kind": "ClusterRole",
        "metadata": {"name": name},
    });
    if !empty(&rules) {
        wanted["rules"] = rules;
    }
    unless(hand.apply(&resource(), wanted).await, &[404])?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn rules_come_together_once_and_in_order() {
        let role = |name: &str, label: &str, verb: &str| {
            Arc::new(
                json!({"metadata": {"name": name, "labels": {label: "true"}}, "rules": [{"verbs": [verb]}]}),
            )
        };
        let roles = [
            role("a", "x", "get"),
            role("b", "y", "list"),
            role("c", "x", "get"),
            role("self", "x", "bind"),
        ];
        let selectors = json!([{"matchLabels": {"x": "true"}}, {"matchLabels": {"y": "true"}}]);
        assert_eq!(
            aggregate("self", &selectors, &roles),
            json!([{"verbs": ["get"]}, {"verbs": ["list"]}])
        );
    }
}
