//! Statements 1 to 17 of the protocol as pure tests, and what holds for all
//! states of the world.

#![expect(
    clippy::needless_pass_by_value,
    reason = "objects of tests are written where they are handed over"
)]

mod dear;
mod expressions;
mod properties;
mod statements;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::runtime::Key;

use super::decide::{self, Changes, pages};
use super::schedule::{Explanation, Outcome, Why};
use super::spec::Placement;
use super::view::{Binding, Cluster, Decision, Score, Set};
use super::world::World;

/// Noon of some day.
fn noon() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    noon()
        .checked_add(SignedDuration::from_secs(seconds))
        .unwrap()
}

fn key(name: &str) -> Key {
    Key::new("ns", name)
}

fn object(kind: &str, namespace: &str, name: &str, body: Value) -> kube::api::DynamicObject {
    let mut object = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1", "kind": kind,
        "metadata": {"name": name, "uid": format!("uid-{name}")},
    });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    merge(&mut object, body);
    serde_json::from_value(object).unwrap()
}

fn merge(into: &mut Value, from: Value) {
    match from {
        Value::Object(map) if into.is_object() => {
            for (key, value) in map {
                merge(&mut into[key.as_str()], value);
            }
        }
        other => *into = other,
    }
}

/// A world with the set `global` bound to the namespace `ns`.
struct Bed {
    world: World,
}

impl Bed {
    fn new() -> Self {
        let mut bed = Self {
            world: World::default(),
        };
        bed.set(
            "global",
            json!({"selectorType": "LabelSelector", "labelSelector": {}}),
        );
        bed.bind("global");
        bed
    }

    fn empty() -> Self {
        Self {
            world: World::default(),
        }
    }

    fn set(&mut self, name: &str, selector: Value) {
        let set = object(
            "ManagedClusterSet",
            "",
            name,
            json!({"spec": {"clusterSelector": selector}}),
        );
        self.world.set_set(&Set::parse(set).unwrap());
    }

    fn bind(&mut self, set: &str) {
        self.world.set_binding(&Binding {
            namespace: "ns".into(),
            set: set.into(),
        });
    }

    fn cluster(&mut self, name: &str, body: Value) {
        self.cluster_at(name, body, noon());
    }

    fn cluster_at(&mut self, name: &str, body: Value, now: Timestamp) {
        let cluster = Cluster::parse(object("ManagedCluster", "", name, body)).unwrap();
        self.world.set_cluster(&Arc::new(cluster), now);
    }

    fn clusters(&mut self, names: &[&str]) {
        for name in names {
            self.cluster(name, json!({}));
        }
    }

    fn placement(&mut self, name: &str, spec: Value) {
        self.placement_with(name, json!({"spec": spec}));
    }

    fn placement_with(&mut self, name: &str, body: Value) {
        let object = object("Placement", "ns", name, body);
        let typed = crate::runtime::informer::typed(object).unwrap();
        self.world.set_placement(&Arc::new(Placement::of(typed)));
    }

    fn score(&mut self, cluster: &str, name: &str, body: Value) {
        let score = Score::parse(object("AddOnPlacementScore", cluster, name, body)).unwrap();
        self.world.set_score(&Arc::new(score));
    }

    fn schedule(&mut self, name: &str) -> Outcome {
        self.world.schedule(&key(name), noon()).unwrap()
    }

    /// What is decided at a time, and that is written.
    fn settle(&mut self, name: &str, now: Timestamp) -> (Outcome, Changes) {
        let placement = self.world.placement(&key(name)).unwrap();
        let outcome = self.world.schedule(&key(name), now).unwrap();
        let changes = decide::decide(&placement, &outcome, &self.world.decisions(&key(name)));
        for gone in &changes.delete {
            self.world.remove_decision(&key(name), gone);
        }
        for page in pages(name, &outcome).0 {
            self.decision(
                name,
                &page.name,
                &page.clusters,
                page.group_index,
                &page.group_name,
            );
        }
        (outcome, changes)
    }

    fn decision(
        &mut self,
        placement: &str,
        name: &str,
        clusters: &[Arc<str>],
        index: usize,
        group: &str,
    ) {
        self.world.set_decision(&Arc::new(Decision {
            namespace: "ns".into(),
            name: name.into(),
            placement: placement.into(),
            group_name: Some(group.into()),
            group_index: Some(index.to_string()),
            owner: format!("uid-{placement}"),
            clusters: clusters.iter().map(ToString::to_string).collect(),
            ..Decision::default()
        }));
    }

    fn explain(&mut self, name: &str) -> Explanation {
        self.world.explain(&key(name), noon()).unwrap()
    }
}

/// A Placement by these expressions together.
fn cel(expressions: &[&str]) -> Value {
    json!({"predicates": [{"requiredClusterSelector": {"celSelector": {"celExpressions": expressions}}}]})
}

/// A score named `speed`, valid for so many seconds from noon.
fn speed(value: i64, until: Option<i64>) -> Value {
    let mut status = json!({"scores": [{"name": "speed", "value": value}]});
    if let Some(until) = until {
        status["validUntil"] = at(until).to_string().into();
    }
    json!({"status": status})
}

fn names(outcome: &Outcome) -> Vec<&str> {
    let clusters = outcome.groups.iter().flat_map(|group| &group.clusters);
    clusters.map(|name| &**name).collect()
}

/// The scores of one prioritizer, by cluster.
fn scores(explanation: &Explanation, prioritizer: &str) -> Vec<i64> {
    let at = explanation
        .prioritizers
        .iter()
        .position(|(name, _)| name == prioritizer)
        .unwrap();
    explanation
        .clusters
        .iter()
        .filter_map(|(_, why)| match why {
            Why::Scored { scores, .. } => Some(scores[at]),
            _ => None,
        })
        .collect()
}

fn labels(labels: Value) -> Value {
    json!({"metadata": {"labels": labels}})
}

fn reason(outcome: &Outcome) -> (bool, &str, &str) {
    (
        outcome.satisfied.0,
        outcome.satisfied.1,
        &outcome.satisfied.2,
    )
}
