//! Writes decisions, status and events: thin, and safe to repeat.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::ApiResource;
use kube::{Client, Resource};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::ocm::cluster::v1beta1::{
    LABEL_DECISION_GROUP_INDEX, LABEL_DECISION_GROUP_NAME, LABEL_PLACEMENT, Placement as Object,
    PlacementDecision, PlacementStatus,
};
use crate::runtime::{Failure, leader, source_chain};

use super::decide::{self, Changes, Wanted};
use super::schedule::Outcome;
use super::spec::Placement;
use super::view::Decision;
use super::world::World;

/// What was written, for the world to know at once.
#[derive(Debug)]
pub(super) enum Written {
    Decision(Decision),
    Deleted(String),
    Placement(Box<Object>),
}

struct Applier<'a> {
    client: &'a Client,
    placement: &'a Placement,
    api: Api<DynamicObject>,
    written: &'a mut Vec<Written>,
    events: Vec<Value>,
}

fn resource() -> ApiResource {
    ApiResource::erase::<PlacementDecision>(&())
}

/// Carries the changes out. What was written before a failure is told, too, and
/// so are the events about it.
///
/// # Errors
/// The API server refuses, or is away.
pub(super) async fn apply(
    client: &Client,
    placement: &Placement,
    outcome: &Outcome,
    changes: &Changes,
    written: &mut Vec<Written>,
    events: &Events,
) -> Result<(), Failure> {
    let namespace = &placement.key.namespace;
    let mut applier = Applier {
        client,
        placement,
        api: Api::namespaced_with(client.clone(), namespace, &resource()),
        written,
        events: Vec::new(),
    };
    let result = applier.all(outcome, changes).await;
    for event in applier.events {
        // A server that is slow gets fewer events, not later decisions.
        if events.try_send(event).is_err() {
            tracing::debug!(placement = %placement.key, "too many events wait, one is left out");
        }
    }
    result
}

/// Events that wait to be written.
pub(super) type Events = mpsc::Sender<Value>;

/// Writes events, one after another, until nobody sends any: they are for
/// people, decisions go before them, and their failure fails nothing.
pub(super) async fn write_events(client: Client, mut events: mpsc::Receiver<Value>) {
    while let Some(event) = events.recv().await {
        let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(client.clone(), namespace);
        let created = match serde_json::from_value::<Event>(event) {
            Ok(event) => api
                .create(&PostParams::default(), &event)
                .await
                .map_err(|error| source_chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = created {
            tracing::debug!(%error, "event not written");
        }
    }
}

impl Applier<'_> {
    /// The status is written even when the decisions cannot be; then it says so.
    async fn all(&mut self, outcome: &Outcome, changes: &Changes) -> Result<(), Failure> {
        let decided = self.decisions(outcome, changes).await;
        let told = match decided.as_ref().err().and_then(refusal) {
            None => self.status(changes.status.as_ref()).await,
            Some(refusal) => {
                let mut outcome = outcome.clone();
                let advice = format!("the decisions could not be written: {refusal}");
                outcome.advice.push(advice);
                let groups = decide::pages(&self.placement.key.name, &outcome).1;
                let status = decide::status(self.placement, &outcome, groups);
                self.status(status.as_ref()).await
            }
        };
        decided.and(told)
    }

    async fn decisions(&mut self, outcome: &Outcome, changes: &Changes) -> Result<(), Failure> {
        for wanted in &changes.create {
            self.create(wanted).await?;
            self.tell(
                "DecisionCreate",
                "DecisionCreated",
                "created",
                &wanted.name,
                outcome,
            );
            self.scores(&wanted.name, outcome);
        }
        for wanted in &changes.relabel {
            let patch = json!({"metadata": self.metadata(wanted)});
            let patched = self
                .api
                .patch(&wanted.name, &PatchParams::default(), &Patch::Merge(&patch))
                .await;
            self.patched(&wanted.name, patched)?;
        }
        for wanted in &changes.update {
            self.fill(wanted).await?;
            self.tell(
                "DecisionUpdate",
                "DecisionUpdated",
                "updated",
                &wanted.name,
                outcome,
            );
            self.scores(&wanted.name, outcome);
        }
        for name in &changes.delete {
            match self.api.delete(name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    self.tell(
                        "DecisionDelete",
                        "DecisionDeleted",
                        "deleted",
                        name,
                        outcome,
                    );
                }
            }
            self.written.push(Written::Deleted(name.clone()));
        }
        Ok(())
    }

    async fn status(&mut self, status: Option<&PlacementStatus>) -> Result<(), Failure> {
        if let Some(status) = status {
            let api: Api<Object> =
                Api::namespaced(self.client.clone(), &self.placement.key.namespace);
            let patch = json!({"metadata": {"uid": self.placement.uid}, "status": status});
            let name = &self.placement.key.name;
            match api
                .patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))
                .await
            {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error.into()),
                Ok(object) => self.written.push(Written::Placement(Box::new(object))),
            }
        }
        Ok(())
    }

    fn metadata(&self, wanted: &Wanted) -> Value {
        json!({
            "labels": {
                LABEL_PLACEMENT: self.placement.key.name,
                LABEL_DECISION_GROUP_NAME: wanted.group_name,
                LABEL_DECISION_GROUP_INDEX: wanted.group_index.to_string(),
            },
            "ownerReferences": [{
                "apiVersion": Object::api_version(&()), "kind": "Placement",
                "name": self.placement.key.name, "uid": self.placement.uid,
                "controller": true, "blockOwnerDeletion": true,
            }],
        })
    }

    async fn create(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        let mut metadata = self.metadata(wanted);
        metadata["name"] = json!(wanted.name);
        metadata["namespace"] = json!(self.placement.key.namespace);
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": PlacementDecision::api_version(&()), "kind": "PlacementDecision",
            "metadata": metadata,
        }))?;
        let created = match self.api.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                // It is there: newer than the cache, or without our label.
                let patch = json!({"metadata": self.metadata(wanted)});
                let params = PatchParams::default();
                self.api
                    .patch(&wanted.name, &params, &Patch::Merge(&patch))
                    .await?
            }
            result => result?,
        };
        self.note(&created);
        let there = Decision::of(&created)?.clusters;
        let same = there.len() == wanted.clusters.len()
            && there.iter().zip(&wanted.clusters).all(|(a, b)| **a == **b);
        if same {
            Ok(())
        } else {
            self.fill(wanted).await
        }
    }

    async fn fill(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        let decisions: Vec<Value> = wanted
            .clusters
            .iter()
            .map(|cluster| json!({"clusterName": **cluster, "reason": ""}))
            .collect();
        let patch = json!({"status": {"decisions": decisions}});
        let patched = self
            .api
            .patch_status(&wanted.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        self.patched(&wanted.name, patched)
    }

    /// What a patch of a PlacementDecision led to. One that is not there is known
    /// as gone when this is tried again.
    fn patched(
        &mut self,
        name: &str,
        patched: Result<DynamicObject, kube::Error>,
    ) -> Result<(), Failure> {
        match patched {
            Ok(patched) => {
                self.note(&patched);
                Ok(())
            }
            Err(error) => {
                if matches!(&error, kube::Error::Api(status) if status.code == 404) {
                    self.written.push(Written::Deleted(name.to_owned()));
                }
                Err(error.into())
            }
        }
    }

    fn note(&mut self, object: &DynamicObject) {
        if let Ok(decision) = Decision::of(object) {
            self.written.push(Written::Decision(decision));
        }
    }

    fn tell(&mut self, reason: &str, action: &str, done: &str, decision: &str, outcome: &Outcome) {
        let key = &self.placement.key;
        let mut note = format!(
            "Decision {decision} is {done} with placement {} in namespace {}",
            key.name, key.namespace
        );
        let mut kind = "Normal";
        if let Some((plugin, warning)) = outcome.warning.as_ref().filter(|_| done == "updated") {
            kind = "Warning";
            note.push_str(&format!(": {warning} in plugin {plugin}"));
        }
        self.event(kind, reason, action, &note, decision);
    }

    fn scores(&mut self, decision: &str, outcome: &Outcome) {
        if !outcome.scores.is_empty() {
            let note = &outcome.scores;
            self.event("Normal", "ScoreUpdate", "ScoreUpdated", note, decision);
        }
    }

    fn event(&mut self, kind: &str, reason: &str, action: &str, note: &str, decision: &str) {
        let key = &self.placement.key;
        let now = Timestamp::now();
        // Several may be made within one tick of the clock.
        let serial = now.as_nanosecond() + i128::try_from(self.events.len()).unwrap_or_default();
        let version = Object::api_version(&());
        self.events.push(json!({
            "metadata": {"namespace": key.namespace, "name": format!("{}.{serial:x}", key.name)},
            "eventTime": format!("{now:.6}"),
            "type": kind, "reason": reason, "action": action, "note": note,
            "reportingController": "placement-controller",
            "reportingInstance": leader::identity(),
            "regarding": {
                "apiVersion": version, "kind": "Placement", "namespace": key.namespace,
                "name": key.name, "uid": self.placement.uid,
            },
            "related": {
                "apiVersion": version, "kind": "PlacementDecision",
                "namespace": key.namespace, "name": decision,
            },
        }));
    }
}

/// Tells the world what was written, before the watch does. Whether all of it is
/// still there.
pub(super) fn note(world: &mut World, placement: &Placement, written: Vec<Written>) -> bool {
    let (mut decisions, mut gone) = (Vec::new(), Vec::new());
    for one in written {
        match one {
            Written::Decision(decision) => decisions.push(decision),
            Written::Deleted(name) => gone.push(name),
            Written::Placement(object) => {
                let same_spec = object.spec == placement.spec;
                if same_spec {
                    world.note_placement(&Arc::new(Placement::of(*object)));
                }
            }
        }
    }
    let all = world.wrote(&placement.key, decisions);
    for name in gone {
        world.remove_decision(&placement.key, &name);
    }
    all
}

/// What the API server says when it will never take what it was sent; nothing
/// when it may help to try again.
fn refusal(failure: &Failure) -> Option<String> {
    match failure.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 413 | 422) => {
            Some(status.message.clone())
        }
        _ => None,
    }
}
