//! Deployments: the ReplicaSet of the current template grows while the others
//! shrink, within the limits of the strategy; `rollout` has the arithmetic.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
use serde_json::{Value, json};

use super::action::{Action, Decision};
use super::object::{Kind, Name};
use super::rollout::{self, Limits, Set};
use super::template::{hash, owner_reference, same};

/// The label that tells the pods of one template from another's.
pub const TEMPLATE_HASH: &str = "pod-template-hash";
/// The annotation that numbers templates.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations of a Deployment that its ReplicaSets do not inherit.
const OWN_ANNOTATIONS: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
];

/// What a decision looks at.
pub struct Observed<'a> {
    /// The Deployment.
    pub deployment: &'a Deployment,
    /// The ReplicaSets it controls.
    pub sets: &'a [Arc<ReplicaSet>],
    /// Whether a ReplicaSet of another owner or template has this name.
    pub name_taken: &'a dyn Fn(&str) -> bool,
    /// Pods (ended ones too) of a ReplicaSet, by its UID.
    pub pods_of: &'a dyn Fn(&str) -> usize,
}

/// What the Deployment needs.
pub fn decide(observed: &Observed<'_>, now: Timestamp) -> Decision {
    let deployment = observed.deployment;
    let Some(spec) = &deployment.spec else {
        return Decision::default();
    };
    let mut sets: Vec<&ReplicaSet> = observed.sets.iter().map(AsRef::as_ref).collect();
    sets.sort_by_key(|set| {
        (
            set.metadata.creation_timestamp.clone(),
            set.metadata.name.clone(),
        )
    });
    let current = sets.iter().copied().find(|set| {
        let template = set.spec.as_ref().and_then(|s| s.template.as_ref());
        template.is_some_and(|template| same(template, &spec.template, TEMPLATE_HASH))
    });
    let old: Vec<&ReplicaSet> = sets
        .iter()
        .copied()
        .filter(|set| current.is_none_or(|c| c.metadata.uid != set.metadata.uid))
        .collect();
    let mut decision = Decision::default();
    if deployment.metadata.deletion_timestamp.is_none() {
        let plan = Plan {
            observed,
            spec,
            current,
            old: &old,
            limits: Limits::of(spec),
        };
        plan.fill(&mut decision);
    }
    super::deployment_status::decide(deployment, spec, current, &sets, now, &mut decision);
    decision
}

struct Plan<'a> {
    observed: &'a Observed<'a>,
    spec: &'a DeploymentSpec,
    current: Option<&'a ReplicaSet>,
    old: &'a [&'a ReplicaSet],
    limits: Limits,
}

impl Plan<'_> {
    fn fill(&self, decision: &mut Decision) {
        let paused = self.spec.paused == Some(true);
        let Some(current) = self.current else {
            if paused {
                self.scale_the_only_active(decision);
            } else if self.limits.recreate && self.old_pods_live() {
                self.scale_old(decision, |_| 0);
            } else {
                self.create(decision);
            }
            return;
        };
        self.annotate(current, decision);
        if paused {
            self.scale_the_only_active(decision);
            return;
        }
        if self.limits.recreate {
            if self.old_pods_live() {
                self.scale_old(decision, |_| 0);
            } else if rollout::replicas(current) != self.limits.desired {
                self.scale(current, self.limits.desired, decision);
            }
        } else {
            self.roll(current, decision);
        }
        self.clean_up(current, decision);
    }

    /// A rolling update: first the new set grows as far as it may, then the
    /// others shrink as far as they may.
    fn roll(&self, current: &ReplicaSet, decision: &mut Decision) {
        let new = Set::of(current);
        let old: Vec<Set> = self.old.iter().map(|set| Set::of(set)).collect();
        let grown = rollout::grow(&self.limits, &new, &old);
        if grown != new.replicas {
            self.scale(current, grown, decision);
            return;
        }
        let shrunk = rollout::shrink(&self.limits, &new, &old);
        for (set, replicas) in self.old.iter().zip(shrunk) {
            if rollout::replicas(set) != replicas {
                self.scale(set, replicas, decision);
            }
        }
    }

    fn scale_old(&self, decision: &mut Decision, to: impl Fn(&ReplicaSet) -> i32) {
        for set in self.old {
            let replicas = to(set);
            if rollout::replicas(set) != replicas {
                self.scale(set, replicas, decision);
            }
        }
    }

    /// A paused Deployment only follows its number of replicas.
    fn scale_the_only_active(&self, decision: &mut Decision) {
        let mut active: Vec<&ReplicaSet> = self
            .old
            .iter()
            .copied()
            .chain(self.current)
            .filter(|set| rollout::replicas(set) > 0)
            .collect();
        if active.is_empty() {
            active.extend(self.current);
        }
        if let [only] = active[..]
            && rollout::replicas(only) != self.limits.desired
        {
            self.scale(only, self.limits.desired, decision);
        }
    }

    fn old_pods_live(&self) -> bool {
        self.old.iter().any(|set| {
            rollout::replicas(set) > 0
                || (self.observed.pods_of)(set.metadata.uid.as_deref().unwrap_or_default()) > 0
        })
    }

    fn create(&self, decision: &mut Decision) {
        let deployment = self.observed.deployment;
        let collisions = deployment.status.as_ref().and_then(|s| s.collision_count);
        let hash = hash(&self.spec.template, collisions);
        let owner = deployment.metadata.name.as_deref().unwrap_or_default();
        let name = format!("{owner}-{hash}");
        if (self.observed.name_taken)(&name) {
            decision.actions.push(Action::Merge {
                kind: Kind::Deployment,
                name: Name::of(&deployment.metadata),
                status: true,
                body: json!({
                    "metadata": {"uid": deployment.metadata.uid},
                    "status": {"collisionCount": collisions.unwrap_or(0) + 1},
                }),
            });
            return;
        }
        let mut template = self.spec.template.clone();
        let labels = template
            .metadata
            .get_or_insert_default()
            .labels
            .get_or_insert_default();
        labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        let labels = labels.clone();
        let mut selector = self.spec.selector.clone();
        selector
            .match_labels
            .get_or_insert_default()
            .insert(TEMPLATE_HASH.to_owned(), hash);
        let old: Vec<Set> = self.old.iter().map(|set| Set::of(set)).collect();
        let replicas = if self.limits.recreate {
            self.limits.desired
        } else {
            rollout::grow(&self.limits, &Set::default(), &old)
        };
        let revision = (self.last_revision() + 1).to_string();
        let mut annotations = self.inherited();
        annotations.insert(REVISION.to_owned(), revision.clone());
        let mut spec = json!({
            "replicas": replicas,
            "selector": selector,
            "template": template,
        });
        if let Some(seconds) = self.spec.min_ready_seconds {
            spec["minReadySeconds"] = json!(seconds);
        }
        decision.actions.push(Action::Create {
            kind: Kind::ReplicaSet,
            namespace: deployment.metadata.namespace.clone().unwrap_or_default(),
            body: json!({
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": name,
                    "namespace": deployment.metadata.namespace,
                    "labels": labels,
                    "annotations": annotations,
                    "ownerReferences": [owner_reference("apps/v1", "Deployment", &deployment.metadata)],
                },
                "spec": spec,
            }),
        });
        self.set_revision(&revision, decision);
    }

    /// Keeps revision and inherited annotations of the current set right; a
    /// template that comes back gets a new revision.
    fn annotate(&self, current: &ReplicaSet, decision: &mut Decision) {
        let last = self.last_revision();
        let mine = revision(current);
        let wanted = if mine > last { mine } else { last + 1 };
        let mut annotations = self.inherited();
        annotations.insert(REVISION.to_owned(), wanted.to_string());
        if wanted != mine && mine > 0 {
            let known = annotation(current, REVISION_HISTORY);
            let history = match known {
                Some(known) if !known.is_empty() => format!("{known},{mine}"),
                _ => mine.to_string(),
            };
            annotations.insert(REVISION_HISTORY.to_owned(), history);
        }
        let changed: BTreeMap<&String, &String> = annotations
            .iter()
            .filter(|(key, value)| annotation(current, key) != Some(value.as_str()))
            .collect();
        let min_ready = current.spec.as_ref().and_then(|s| s.min_ready_seconds);
        let mut body = serde_json::Map::new();
        if !changed.is_empty() {
            body.insert("metadata".to_owned(), json!({"annotations": changed}));
        }
        if min_ready.unwrap_or(0) != self.spec.min_ready_seconds.unwrap_or(0) {
            body.insert(
                "spec".to_owned(),
                json!({"minReadySeconds": self.spec.min_ready_seconds.unwrap_or(0)}),
            );
        }
        if !body.is_empty() {
            decision.actions.push(Action::Merge {
                kind: Kind::ReplicaSet,
                name: Name::of(&current.metadata),
                status: false,
                body: Value::Object(body),
            });
        }
        self.set_revision(&wanted.to_string(), decision);
    }

    fn set_revision(&self, revision: &str, decision: &mut Decision) {
        let metadata = &self.observed.deployment.metadata;
        let known = metadata.annotations.as_ref().and_then(|a| a.get(REVISION));
        if known.map(String::as_str) != Some(revision) {
            decision.actions.push(Action::Merge {
                kind: Kind::Deployment,
                name: Name::of(metadata),
                status: false,
                body: json!({"metadata": {"uid": metadata.uid, "annotations": {REVISION: revision}}}),
            });
        }
    }

    /// The highest revision of the other sets.
    fn last_revision(&self) -> i64 {
        self.old.iter().map(|set| revision(set)).max().unwrap_or(0)
    }

    fn inherited(&self) -> BTreeMap<String, String> {
        let own = self.observed.deployment.metadata.annotations.clone();
        let mut annotations: BTreeMap<String, String> = own
            .unwrap_or_default()
            .into_iter()
            .filter(|(key, _)| !OWN_ANNOTATIONS.contains(&key.as_str()))
            .collect();
        annotations.insert(DESIRED.to_owned(), self.limits.desired.to_string());
        let maximum = self.limits.desired + self.limits.surge;
        annotations.insert(MAXIMUM.to_owned(), maximum.to_string());
        annotations
    }

    fn scale(&self, set: &ReplicaSet, replicas: i32, decision: &mut Decision) {
        decision.actions.push(Action::Merge {
            kind: Kind::ReplicaSet,
            name: Name::of(&set.metadata),
            status: false,
            body: json!({
                "metadata": {"uid": set.metadata.uid},
                "spec": {"replicas": replicas},
            }),
        });
    }

    /// Deletes the oldest empty sets beyond the history limit, once the rollout
    /// is complete.
    fn clean_up(&self, current: &ReplicaSet, decision: &mut Decision) {
        let new = Set::of(current);
        if new.available < self.limits.desired {
            return;
        }
        let limit = self.spec.revision_history_limit.unwrap_or(10);
        let keep = usize::try_from(limit).unwrap_or(0);
        let mut empty: Vec<&&ReplicaSet> = self
            .old
            .iter()
            .filter(|set| {
                let status = set.status.as_ref();
                rollout::replicas(set) == 0
                    && status.is_none_or(|s| s.replicas == 0)
                    && set.metadata.deletion_timestamp.is_none()
                    && status.and_then(|s| s.observed_generation) == set.metadata.generation
            })
            .collect();
        empty.sort_by_key(|set| revision(set));
        let surplus = empty.len().saturating_sub(keep);
        for set in &empty[..surplus] {
            decision.actions.push(Action::Delete {
                kind: Kind::ReplicaSet,
                name: Name::of(&set.metadata),
                uid: set.metadata.uid.clone().unwrap_or_default(),
                grace: None,
            });
        }
    }
}

fn annotation<'a>(set: &'a ReplicaSet, key: &str) -> Option<&'a str> {
    let annotations = set.metadata.annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}

fn revision(set: &ReplicaSet) -> i64 {
    annotation(set, REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
