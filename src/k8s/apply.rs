//! Many objects at once: applied in the order in which a cluster needs them,
//! deleted in the reverse order.
//!
//! Objects are applied by server-side apply, stage by stage (see [`rank`]),
//! the objects of a stage concurrently. A stage with CustomResourceDefinitions
//! ends when they are served. Every step is reported through a callback.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use tokio::time::Instant;

use super::discovery::{Discovery, DiscoveryError, Mapping};
use super::wait::{self, State, WaitError};

/// When an object of this kind is applied relative to others: lower first.
///
/// The order is that of Open Cluster Management's work agent.
pub fn rank(kind: &str) -> u16 {
    match kind {
        "PriorityClass"
        | "Namespace"
        | "CustomResourceDefinition"
        | "StorageClass"
        | "PersistentVolume"
        | "PodSecurityPolicy" => 0,
        "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding" => 1,
        "NetworkPolicy"
        | "ResourceQuota"
        | "LimitRange"
        | "PodDisruptionBudget"
        | "ServiceAccount" => 2,
        "Secret" | "ConfigMap" | "PersistentVolumeClaim" => 3,
        "Service" => 4,
        "DaemonSet"
        | "Pod"
        | "ReplicationController"
        | "ReplicaSet"
        | "Deployment"
        | "HorizontalPodAutoscaler"
        | "StatefulSet"
        | "Job"
        | "CronJob" => 5,
        "APIService"
        | "MutatingWebhookConfiguration"
        | "ValidatingWebhookConfiguration"
        | "ValidatingAdmissionPolicy"
        | "ValidatingAdmissionPolicyBinding" => 6,
        _ => 1000,
    }
}

/// Names an object in reports and errors.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// `v1`, `apps/v1`, …
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// Names `object`.
    pub fn of(object: &DynamicObject) -> Self {
        let types = object.types.clone().unwrap_or_default();
        Self {
            api_version: types.api_version,
            kind: types.kind,
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// What applying an object did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did not exist.
    Created,
    /// It existed and changed.
    Configured,
    /// It existed and is as it was.
    Unchanged,
}

impl Outcome {
    /// The word kubectl prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One applied object.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Which one.
    pub object: ObjectRef,
    /// What happened to it.
    pub outcome: Outcome,
    /// As the server has it now.
    pub live: DynamicObject,
    /// As it was before, if it was there.
    pub before: Option<DynamicObject>,
}

/// What is going on; told to the callback.
#[derive(Clone, Debug)]
pub enum Event {
    /// An object was applied.
    Applied(ObjectRef, Outcome),
    /// A definition must be served, or an object gone, before the next one; and
    /// what keeps it.
    Waiting(ObjectRef, String),
    /// An object is gone (or was not there: `false`).
    Deleted(ObjectRef, bool),
}

/// Why the objects are not (all) applied or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The server does not serve the object's kind, or discovery failed.
    #[error("cannot find the resource of {object}")]
    Discovery {
        /// Which object.
        object: ObjectRef,
        /// Why.
        #[source]
        source: DiscoveryError,
    },
    /// The server refused the object.
    #[error("cannot {verb} {object}")]
    Request {
        /// `apply` or `delete`.
        verb: &'static str,
        /// Which object.
        object: ObjectRef,
        /// What the server says.
        #[source]
        source: kube::Error,
    },
    /// Waiting took too long.
    #[error("{object} is not {what} after {} s: {detail}", .after.as_secs())]
    Timeout {
        /// Which object.
        object: ObjectRef,
        /// `served` or `gone`.
        what: &'static str,
        /// How long was waited.
        after: Duration,
        /// What was still missing, or in the way.
        detail: String,
    },
    /// An object lacks what is needed to name it.
    #[error("{object} has no name")]
    NoName {
        /// What is known of it.
        object: ObjectRef,
    },
}

/// Applies and deletes objects; cheap to clone.
#[derive(Clone)]
pub struct Applier {
    client: Client,
    discovery: Discovery,
    manager: Arc<str>,
    force: bool,
    dry_run: bool,
    concurrency: usize,
    timeout: Duration,
    deadline: Option<Instant>,
}

impl Applier {
    /// Applies as the field manager `manager`, taking over fields of others.
    pub fn new(client: Client, discovery: Discovery, manager: &str) -> Self {
        Self {
            client,
            discovery,
            manager: manager.into(),
            force: true,
            dry_run: false,
            concurrency: 8,
            timeout: Duration::from_secs(60),
            deadline: None,
        }
    }

    /// Whether fields of other managers are taken over (default) or are conflicts.
    #[must_use]
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Lets the server check everything and change nothing.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// How many requests run at once (8).
    #[must_use]
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// When all waits end, however many there are; else each may take 60 s.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    fn until(&self) -> Instant {
        self.deadline
            .unwrap_or_else(|| Instant::now() + self.timeout)
    }

    /// The cache of resources that this applier uses.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// Applies `objects`; the answer is in their order. The first failure ends it
    /// after the requests that run already.
    pub async fn apply(
        &self,
        objects: &[DynamicObject],
        on_event: impl Fn(Event),
    ) -> Result<Vec<Applied>, ApplyError> {
        let mut done: Vec<Option<Applied>> = objects.iter().map(|_| None).collect();
        for stage in stages(objects) {
            let applied: Vec<(usize, Applied)> = stream::iter(stage)
                .map(|i| {
                    let on_event = &on_event;
                    async move {
                        let applied = self.apply_one(&objects[i]).await?;
                        on_event(Event::Applied(applied.object.clone(), applied.outcome));
                        Ok::<_, ApplyError>((i, applied))
                    }
                })
                .buffer_unordered(self.concurrency)
                .try_collect()
                .await?;
            let definitions = applied
                .iter()
                .map(|(_, a)| a)
                .filter(|a| a.object.kind == "CustomResourceDefinition" && !self.dry_run);
            for definition in definitions {
                self.until_served(definition, &on_event).await?;
            }
            for (i, applied) in applied {
                done[i] = Some(applied);
            }
        }
        Ok(done.into_iter().flatten().collect())
    }

    /// Deletes `objects` in the reverse order, each stage gone before the next
    /// when `wait` is set. What does not exist is fine.
    pub async fn delete(
        &self,
        objects: &[DynamicObject],
        wait: bool,
        on_event: impl Fn(Event),
    ) -> Result<(), ApplyError> {
        let mut all: Vec<Vec<usize>> = stages(objects).collect();
        all.reverse();
        // A controller of the cluster applies an aggregating role whenever a role
        // it gathers goes, and so would bring back one that goes at the same time.
        let all = all.into_iter().flat_map(|stage| {
            let (aggregating, rest): (Vec<_>, Vec<_>) = stage
                .into_iter()
                .partition(|i| objects[*i].data.get("aggregationRule").is_some());
            [aggregating, rest]
        });
        for stage in all {
            stream::iter(stage)
                .map(|i| {
                    let on_event = &on_event;
                    async move {
                        let named = ObjectRef::of(&objects[i]);
                        let tell = |detail: &str| {
                            on_event(Event::Waiting(named.clone(), detail.to_owned()));
                        };
                        let existed = self.delete_telling(&objects[i], wait, tell).await?;
                        on_event(Event::Deleted(ObjectRef::of(&objects[i]), existed));
                        Ok::<_, ApplyError>(())
                    }
                })
                .buffer_unordered(self.concurrency)
                .try_collect::<()>()
                .await?;
        }
        Ok(())
    }

    /// Applies one object now, wherever it belongs in the order.
    pub async fn apply_one(&self, object: &DynamicObject) -> Result<Applied, ApplyError> {
        let named = ObjectRef::of(object);
        if named.name.is_empty() {
            return Err(ApplyError::NoName { object: named });
        }
        let failed = |source| ApplyError::Request {
            verb: "apply",
            object: named.clone(),
            source,
        };
        let params = PatchParams {
            dry_run: self.dry_run,
            force: self.force,
            field_manager: Some(self.manager.to_string()),
            ..PatchParams::default()
        };
        let mut pause = Duration::from_millis(20);
        let deadline = self.until().min(Instant::now() + Duration::from_secs(10));
        loop {
            let mapping = self.mapping(object, &named).await?;
            let api = api(&self.client, &mapping, object);
            let before = api.get_opt(&named.name).await.map_err(failed)?;
            let answer = api.patch(&named.name, &params, &Patch::Apply(object)).await;
            match answer {
                Ok(live) => {
                    let outcome = match &before {
                        None => Outcome::Created,
                        Some(before) if self.left_alone(before, &live) => Outcome::Unchanged,
                        Some(_) => Outcome::Configured,
                    };
                    return Ok(Applied {
                        object: named,
                        outcome,
                        live,
                        before,
                    });
                }
                // A definition that is established may take a moment to be served,
                // and another writer may come between.
                Err(kube::Error::Api(status))
                    if transient(status.code, &status.message, &mapping)
                        && Instant::now() + pause < deadline =>
                {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                Err(source) => return Err(failed(source)),
            }
        }
    }

    /// Whether applying changed nothing. A dry run never moves the version.
    fn left_alone(&self, before: &DynamicObject, after: &DynamicObject) -> bool {
        let moved = before.metadata.resource_version != after.metadata.resource_version;
        (!moved && !self.dry_run) || same(before, after)
    }

    /// Deletes one object; whether it existed.
    pub async fn delete_one(&self, object: &DynamicObject, wait: bool) -> Result<bool, ApplyError> {
        self.delete_telling(object, wait, |_| ()).await
    }

    /// [`Self::delete_one`]; `tell` hears what keeps the object while it goes.
    pub async fn delete_telling(
        &self,
        object: &DynamicObject,
        wait: bool,
        tell: impl FnMut(&str),
    ) -> Result<bool, ApplyError> {
        let named = ObjectRef::of(object);
        if named.name.is_empty() {
            return Err(ApplyError::NoName { object: named });
        }
        let mapping = match self.mapping(object, &named).await {
            Ok(mapping) => mapping,
            Err(ApplyError::Discovery { source, .. }) if source.is_unknown_kind() => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let api = api(&self.client, &mapping, object);
        let params = DeleteParams {
            dry_run: self.dry_run,
            ..DeleteParams::background()
        };
        let answer = match api.delete(&named.name, &params).await {
            // Also when the kind itself went: that answer has no reason.
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(false),
            Err(source) => {
                return Err(ApplyError::Request {
                    verb: "delete",
                    object: named,
                    source,
                });
            }
            Ok(answer) => answer,
        };
        let uid: Option<String> = answer.either(
            |live| live.metadata.uid,
            |status| status.details.map(|d| d.uid).filter(|uid| !uid.is_empty()),
        );
        if wait
            && !self.dry_run
            && let Some(uid) = uid
        {
            // Another one of its name is not it.
            let check = |found: Option<&DynamicObject>| match found {
                Some(object) if object.metadata.uid.as_ref() == Some(&uid) => {
                    State::Waiting(held(object))
                }
                _ => State::Met(()),
            };
            let waited = wait::until_object(api, &named.name, self.until(), check, tell).await;
            waited.map_err(|error| wait_failed(error, named, "gone"))?;
        }
        Ok(true)
    }

    async fn mapping(
        &self,
        object: &DynamicObject,
        named: &ObjectRef,
    ) -> Result<Arc<Mapping>, ApplyError> {
        self.discovery
            .resolve_types(object.types.as_ref())
            .await
            .map_err(|source| ApplyError::Discovery {
                object: named.clone(),
                source,
            })
    }

    async fn until_served(
        &self,
        definition: &Applied,
        on_event: &impl Fn(Event),
    ) -> Result<(), ApplyError> {
        let established = |object: &DynamicObject| {
            object.data["status"]["conditions"]
                .as_array()
                .is_some_and(|all| {
                    all.iter()
                        .any(|c| c["type"] == "Established" && c["status"] == "True")
                })
        };
        if !established(&definition.live) {
            let named = &definition.object;
            on_event(Event::Waiting(named.clone(), "not served yet".to_owned()));
            let api: Api<DynamicObject> = Api::all_with(
                self.client.clone(),
                &ApiResource::erase::<CustomResourceDefinition>(&()),
            );
            let check = |found: Option<&DynamicObject>| match found {
                Some(object) if established(object) => State::Met(()),
                Some(object) => State::Waiting(refusal(object)),
                None => State::Waiting("it is not there".to_owned()),
            };
            let tell = |detail: &str| {
                on_event(Event::Waiting(named.clone(), detail.to_owned()));
            };
            let waited = wait::until_object(api, &named.name, self.until(), check, tell).await;
            waited.map_err(|error| wait_failed(error, named.clone(), "served"))?;
        }
        if let Some(group) = definition.live.data["spec"]["group"].as_str()
            && definition.outcome != Outcome::Unchanged
        {
            self.discovery.forget(group);
        }
        Ok(())
    }
}

/// What keeps an object that shall go; of a namespace also what is still in it.
fn held(object: &DynamicObject) -> String {
    let mut text = wait::leaving(object);
    for condition in true_conditions(object, "Namespace") {
        text.push_str("; ");
        text.push_str(condition);
    }
    text
}

/// Why a definition is not served, as far as it says so.
fn refusal(object: &DynamicObject) -> String {
    let refused = object.data["status"]["conditions"].as_array();
    let message = refused
        .into_iter()
        .flatten()
        .find(|c| c["type"] == "NamesAccepted" && c["status"] == "False")
        .and_then(|c| c["message"].as_str());
    message.unwrap_or("it is not established").to_owned()
}

/// The messages of conditions that hold and whose type begins so.
fn true_conditions<'a>(
    object: &'a DynamicObject,
    prefix: &'static str,
) -> impl Iterator<Item = &'a str> {
    let all = object.data["status"]["conditions"].as_array();
    all.into_iter().flatten().filter_map(move |condition| {
        let kind = condition["type"].as_str()?;
        let holds = kind.starts_with(prefix) && condition["status"] == "True";
        condition["message"].as_str().filter(|_| holds)
    })
}

fn wait_failed(error: WaitError, object: ObjectRef, what: &'static str) -> ApplyError {
    match error {
        WaitError::Timeout { after, detail } => ApplyError::Timeout {
            object,
            what,
            after,
            detail,
        },
        WaitError::Failed(detail) => ApplyError::Timeout {
            object,
            what,
            after: Duration::ZERO,
            detail,
        },
        WaitError::Watch(source) => ApplyError::Request {
            verb: "watch",
            object,
            source: *source,
        },
    }
}

/// The API of an object's resource, in the object's namespace where it has one.
pub fn api(client: &Client, mapping: &Mapping, object: &DynamicObject) -> Api<DynamicObject> {
    let namespace = object.metadata.namespace.as_deref();
    match namespace {
        Some(namespace) if mapping.namespaced => {
            Api::namespaced_with(client.clone(), namespace, &mapping.resource)
        }
        None if mapping.namespaced => {
            Api::default_namespaced_with(client.clone(), &mapping.resource)
        }
        _ => Api::all_with(client.clone(), &mapping.resource),
    }
}

/// Whether applying changed nothing that was applied: the version may move
/// because of a status or of who owns which field.
fn same(before: &DynamicObject, after: &DynamicObject) -> bool {
    let content = |object: &DynamicObject| {
        let mut object = object.clone();
        object.metadata.resource_version = None;
        object.metadata.managed_fields = None;
        // A dry run may count on.
        object.metadata.generation = None;
        if let Some(data) = object.data.as_object_mut() {
            data.remove("status");
        }
        object
    };
    content(before) == content(after)
}

/// Whether a 404 is about the kind, not about the object.
pub fn unserved(message: &str) -> bool {
    message.contains("could not find the requested") || message.contains("page not found")
}

/// Answers that a moment later may be another.
fn transient(code: u16, message: &str, mapping: &Mapping) -> bool {
    match code {
        // No route yet: a freshly established definition. A missing namespace says its name.
        404 => mapping.resource.group.contains('.') && unserved(message),
        409 => message.contains("please apply your changes to the latest version"),
        429 | 503 => true,
        _ => false,
    }
}

/// The indices of `objects`, those of one rank together, lowest rank first.
fn stages(objects: &[DynamicObject]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let mut by_rank = std::collections::BTreeMap::<u16, Vec<usize>>::new();
    for (i, object) in objects.iter().enumerate() {
        let kind = object.types.as_ref().map_or("", |t| t.kind.as_str());
        by_rank.entry(rank(kind)).or_default().push(i);
    }
    by_rank.into_values()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, name: &str) -> DynamicObject {
        serde_json::from_value(
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}),
        )
        .unwrap()
    }

    #[test]
    fn stages_are_ordered_by_rank_and_stable() {
        let objects = [
            object("Widget", "w"),
            object("Deployment", "d"),
            object("ConfigMap", "b"),
            object("ConfigMap", "a"),
            object("Namespace", "n"),
            object("CustomResourceDefinition", "c"),
        ];
        let all: Vec<_> = stages(&objects).collect();
        assert_eq!(all, [vec![4, 5], vec![2, 3], vec![1], vec![0]]);
    }

    /// A server that deletes a namespace slowly; every `broken`th answer about it
    /// is none.
    fn slow(broken: usize, gone_after: usize) -> Applier {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let asked = Arc::new(AtomicUsize::new(0));
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let asked = Arc::clone(&asked);
            async move {
                let leaving = json!({"apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": "n", "uid": "1", "resourceVersion": "5",
                        "deletionTimestamp": "2026-01-01T00:00:00Z"},
                    "status": {"conditions": [
                        {"type": "NamespaceFinalizersRemaining", "status": "True",
                         "message": "x/y in 1 resource instances"},
                        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "no"}]}});
                let path = request.uri().path();
                let (code, body) = if path == "/api/v1" {
                    let resource = json!({"name": "namespaces", "singularName": "", "kind": "Namespace",
                        "namespaced": false, "verbs": ["list", "watch"]});
                    (
                        200,
                        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1",
                        "resources": [resource]}),
                    )
                } else if request.method() == http::Method::DELETE {
                    (200, leaving)
                } else if request.uri().query().is_some_and(|q| q.contains("watch=")) {
                    (
                        200,
                        json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1",
                        "status": "Failure", "code": 410, "reason": "Expired", "message": "too old"}}),
                    )
                } else {
                    let n = asked.fetch_add(1, Ordering::SeqCst) + 1;
                    let items = if n > gone_after {
                        json!([])
                    } else {
                        json!([leaving])
                    };
                    match n.is_multiple_of(broken) {
                        true => (
                            500,
                            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                            "code": 500, "reason": "InternalError", "message": "weak network"}),
                        ),
                        false => (
                            200,
                            json!({"kind": "NamespaceList", "apiVersion": "v1",
                            "metadata": {"resourceVersion": "5"}, "items": items}),
                        ),
                    }
                };
                http::Response::builder()
                    .status(code)
                    .body(kube::client::Body::from(format!("{body}\n").into_bytes()))
            }
        });
        let client = Client::new(service, "default");
        Applier::new(client.clone(), Discovery::new(client), "test")
    }

    #[tokio::test]
    async fn a_wait_outlives_failed_lists_and_closed_watches() {
        let told = std::cell::RefCell::new(Vec::new());
        let namespace = object("Namespace", "n");
        let existed = slow(1, 0)
            .deadline(Instant::now() + Duration::from_millis(300))
            .delete_telling(&namespace, true, |detail| {
                told.borrow_mut().push(detail.to_owned());
            })
            .await;
        // Never an answer: the deadline ends it, not the first failure.
        assert!(
            matches!(existed, Err(ApplyError::Timeout { .. })),
            "{existed:?}"
        );
        told.take();
        let existed = slow(2, 2)
            .delete_telling(&namespace, true, |detail| {
                told.borrow_mut().push(detail.to_owned());
            })
            .await;
        assert!(existed.unwrap());
        assert_eq!(
            told.take(),
            ["n is being deleted; x/y in 1 resource instances"]
        );
    }

    #[tokio::test]
    async fn a_namespace_that_hangs_says_what_is_in_it() {
        let namespace = object("Namespace", "n");
        let error = slow(usize::MAX, usize::MAX)
            .deadline(Instant::now() + Duration::from_millis(200))
            .delete_telling(&namespace, true, |_| ())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "Namespace n is not gone after 0 s: n is being deleted; x/y in 1 resource instances"
        );
    }

    #[test]
    fn a_status_or_other_owners_of_fields_are_no_change() {
        let mut before = object("Namespace", "n");
        before.metadata.resource_version = Some("1".into());
        before.data = json!({"spec": {"a": 1}, "status": {"phase": "Active"}});
        let mut after = before.clone();
        after.metadata.resource_version = Some("2".into());
        after.metadata.managed_fields = Some(Vec::new());
        after.data["status"]["phase"] = "Terminating".into();
        assert!(same(&before, &after));
        after.data["spec"]["a"] = 2.into();
        assert!(!same(&before, &after));
    }

    #[test]
    fn objects_are_named_as_people_name_them() {
        let mut d = object("Deployment", "d");
        assert_eq!(ObjectRef::of(&d).to_string(), "Deployment d");
        d.metadata.namespace = Some("n".into());
        assert_eq!(ObjectRef::of(&d).to_string(), "Deployment n/d");
        assert_eq!(Outcome::Unchanged.to_string(), "unchanged");
    }
}
