//! A hub, a managed cluster and a work agent between them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use ocmadm::agent::work;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(super) use crate::harness::until;
use crate::harness::{Cluster, PATIENCE};

pub(super) const CLUSTER: &str = "cluster1";
pub(super) const HUB: &str = "https://hub.example:6443";

/// One cluster with the definitions of works.
pub(super) struct Side {
    pub(super) client: Client,
    pub(super) cluster: Cluster,
    /// What switchable clients lead to.
    behind: Arc<Mutex<Client>>,
}

impl Side {
    async fn on(cluster: impl Future<Output = Cluster>, definitions: &[&str]) -> Self {
        let cluster = cluster.await;
        let wanted = |object: &DynamicObject| {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            definitions.contains(&name.split('.').next().unwrap_or_default())
        };
        let mut objects = ocmadm::bundle::hub_crds().unwrap();
        objects.extend(ocmadm::bundle::agent_crds().unwrap());
        objects.retain(wanted);
        objects.dedup_by(|a, b| a.metadata.name == b.metadata.name);
        cluster.install(objects).await;
        let client = cluster.client.clone();
        Self {
            behind: Arc::new(Mutex::new(client.clone())),
            client,
            cluster,
        }
    }

    /// Another server takes over, with what a folder holds.
    pub(super) async fn start_over(&mut self, folder: &std::path::Path) {
        self.cluster = Cluster::kept("again", folder).await;
        self.client = self.cluster.client.clone();
        *self.behind.lock().unwrap() = self.client.clone();
    }

    /// A client that can be cut off.
    pub(super) fn switchable(&self) -> (Client, Switch) {
        let switch = Switch::default();
        let (away, behind) = (switch.clone(), Arc::clone(&self.behind));
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (away, client) = (away.clone(), behind.lock().unwrap().clone());
            async move {
                away.count(&request);
                match away.state() {
                    AWAY => return Err(tower_error("the hub is away")),
                    SILENT => std::future::pending().await,
                    REFUSES if request.method() == http::Method::PATCH => {
                        let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure",
                            "code": 403, "reason": "Forbidden", "message": "no changes today"});
                        let body =
                            http_body_util::Full::new(bytes::Bytes::from(status.to_string()))
                                .map_err(tower_never)
                                .boxed_unsync();
                        let answer = http::Response::builder().status(403).body(body);
                        return answer.map_err(|e| tower_error(&e.to_string()));
                    }
                    _ => {}
                }
                let answer = client
                    .send(request)
                    .await
                    .map_err(|e| tower_error(&e.to_string()))?;
                let (parts, body) = answer.into_parts();
                // What streams ends with the connection, or stands still with it.
                let (cut, still) = (away.clone(), away.clone());
                let body = http_body_util::BodyStream::new(body)
                    .take_while(move |_| std::future::ready(cut.state() != AWAY))
                    .then(move |frame| {
                        let still = still.clone();
                        async move {
                            while still.state() == SILENT {
                                tokio::time::sleep(Duration::from_millis(20)).await;
                            }
                            frame
                        }
                    });
                let body = http_body_util::StreamBody::new(body)
                    .map_err(|error| tower_error(&error.to_string()))
                    .boxed_unsync();
                Ok(http::Response::from_parts(parts, body))
            }
        });
        (Client::new(service, "default"), switch)
    }

    /// A client whose answers say `to` where the server says `from`.
    pub(super) fn saying(&self, from: &'static str, to: String) -> Client {
        let client = self.client.clone();
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (client, to) = (client.clone(), to.clone());
            async move {
                let answer = client
                    .send(request)
                    .await
                    .map_err(|e| tower_error(&e.to_string()))?;
                let (mut parts, body) = answer.into_parts();
                parts.headers.remove(http::header::CONTENT_LENGTH);
                let body = http_body_util::BodyStream::new(body).map(move |frame| {
                    frame.map(|frame| {
                        frame.map_data(|data| {
                            let text = String::from_utf8(data.to_vec()).unwrap();
                            bytes::Bytes::from(text.replace(from, &to))
                        })
                    })
                });
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(http::Response::from_parts(
                    parts,
                    http_body_util::StreamBody::new(body),
                ))
            }
        });
        Client::new(service, "default")
    }

    /// Changes the schema of a definition of this side at `pointer`.
    pub(super) async fn change_schema(&self, plural: &str, pointer: &str, schema: Value) {
        let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": plural}});
        let mut versions = self.get(&definition).await.unwrap()["spec"]["versions"].take();
        let root = &mut versions[0]["schema"]["openAPIV3Schema"];
        *root.pointer_mut(pointer).expect("the schema has it") = schema;
        self.merge(&definition, json!({"spec": {"versions": versions}}))
            .await;
    }

    fn api_of(&self, object: &Value) -> Api<DynamicObject> {
        self.cluster.api_of(object)
    }

    pub(super) async fn create(&self, object: Value) -> Value {
        self.cluster.create(object).await
    }

    /// Whether the API server takes it.
    pub(super) async fn try_create(&self, object: Value) -> bool {
        crate::harness::create(&self.client, object).await.is_ok()
    }

    pub(super) async fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        self.cluster.list(kind, namespace).await
    }

    pub(super) async fn get(&self, like: &Value) -> Option<Value> {
        let found = self
            .api_of(like)
            .get_opt(like["metadata"]["name"].as_str().unwrap())
            .await
            .unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    pub(super) async fn merge(&self, like: &Value, patch: Value) -> Value {
        let name = like["metadata"]["name"].as_str().unwrap();
        let patched = self
            .api_of(like)
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        serde_json::to_value(patched).unwrap()
    }

    /// The same; `None` when the API server refuses it.
    pub(super) async fn try_merge(&self, like: &Value, patch: Value) -> Option<Value> {
        let name = like["metadata"]["name"].as_str().unwrap();
        let patched = self
            .api_of(like)
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        match patched {
            Ok(patched) => Some(serde_json::to_value(patched).unwrap()),
            Err(kube::Error::Api(status)) if status.code == 422 => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn merge_status(&self, like: &Value, patch: Value) -> Value {
        let name = like["metadata"]["name"].as_str().unwrap();
        let patched = self
            .api_of(like)
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        serde_json::to_value(patched).unwrap()
    }

    pub(super) async fn delete(&self, like: &Value) {
        let name = like["metadata"]["name"].as_str().unwrap();
        self.api_of(like)
            .delete(name, &DeleteParams::background())
            .await
            .unwrap();
    }

    /// Whether the API server lets it be deleted.
    pub(super) async fn try_delete(&self, like: &Value) -> bool {
        let name = like["metadata"]["name"].as_str().unwrap();
        let params = DeleteParams::background();
        self.api_of(like).delete(name, &params).await.is_ok()
    }

    pub(super) async fn namespace(&self, name: &str) {
        self.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await;
    }
}

const AWAY: u8 = 1;
const SILENT: u8 = 2;
const REFUSES: u8 = 3;

/// Cuts a client off, and counts what it sends.
#[derive(Clone, Default)]
pub(super) struct Switch {
    state: Arc<AtomicU8>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Switch {
    /// Requests fail at once.
    pub(super) fn set(&self, away: bool) {
        self.state.store(u8::from(away), Ordering::SeqCst);
    }

    /// Requests get no answer, and watches hear nothing.
    pub(super) fn silence(&self) {
        self.state.store(SILENT, Ordering::SeqCst);
    }

    /// Changes of what there is are forbidden.
    pub(super) fn refuse_changes(&self) {
        self.state.store(REFUSES, Ordering::SeqCst);
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::SeqCst)
    }

    fn count(&self, request: &http::Request<kube::client::Body>) {
        let line = format!("{} {}", request.method(), request.uri());
        self.sent.lock().unwrap().push(line);
    }

    /// What was sent since the last call: method and path.
    pub(super) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

fn tower_never(never: std::convert::Infallible) -> Box<dyn std::error::Error + Send + Sync> {
    match never {}
}

fn tower_error(text: &str) -> Box<dyn std::error::Error + Send + Sync> {
    text.to_owned().into()
}

/// A hub, a managed cluster, and (mostly) an agent.
pub(super) struct Bed {
    pub(super) hub: Side,
    pub(super) spoke: Side,
    agent: Option<(
        CancellationToken,
        tokio::task::JoinHandle<anyhow::Result<()>>,
    )>,
}

pub(super) fn options() -> work::Options {
    work::Options {
        cluster_name: CLUSTER.to_owned(),
        hub_server: HUB.to_owned(),
        agent_id: "agent-1".to_owned(),
        status_sync_interval: Duration::from_secs(5),
        eviction_grace_period: Duration::from_secs(3600),
        raw_feedback: false,
        executor_caches: false,
        copies: None,
    }
}

impl Bed {
    /// Both servers, no agent yet.
    pub(super) async fn without_agent() -> Self {
        Self::between(Cluster::start("hub"), Cluster::start("spoke")).await
    }

    pub(super) async fn between(
        hub: impl Future<Output = Cluster>,
        spoke: impl Future<Output = Cluster>,
    ) -> Self {
        let (hub, spoke) = tokio::join!(
            Side::on(hub, &["manifestworks"]),
            Side::on(spoke, &["appliedmanifestworks"])
        );
        hub.namespace(CLUSTER).await;
        Self {
            hub,
            spoke,
            agent: None,
        }
    }

    pub(super) async fn start() -> Self {
        let mut bed = Self::without_agent().await;
        bed.start_agent(options());
        bed
    }

    pub(super) fn start_agent(&mut self, options: work::Options) {
        let (hub, spoke) = (self.hub.client.clone(), self.spoke.client.clone());
        self.start_agent_with(options, hub, spoke);
    }

    pub(super) fn start_agent_with(&mut self, options: work::Options, hub: Client, spoke: Client) {
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(work::run(hub, spoke, options, shutdown.clone()));
        self.agent = Some((shutdown, task));
    }

    /// What somebody with few rights may do on the managed cluster, from now on.
    pub(super) async fn allow_agent(&self, rules: Value) {
        let group = "rbac.authorization.k8s.io";
        let of = |kind: &str| json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": "limited"}});
        if self.spoke.get(&of("ClusterRole")).await.is_some() {
            self.spoke
                .merge(&of("ClusterRole"), json!({"rules": rules}))
                .await;
            return;
        }
        let mut role = of("ClusterRole");
        role["rules"] = rules;
        self.spoke.create(role).await;
        let mut binding = of("ClusterRoleBinding");
        binding["roleRef"] = json!({"apiGroup": group, "kind": "ClusterRole", "name": "limited"});
        binding["subjects"] = json!([{"kind": "User", "name": "limited", "apiGroup": group}]);
        self.spoke.create(binding).await;
    }

    /// Their client.
    pub(super) fn limited_spoke(&self) -> Client {
        let user = crate::harness::user("limited", &["system:authenticated"]);
        self.spoke.cluster.client_as(&user)
    }

    /// Ends the agent at once, whatever it is doing.
    pub(super) async fn kill_agent(&mut self) {
        let (shutdown, task) = self.agent.take().unwrap();
        task.abort();
        let _ = task.await;
        shutdown.cancel();
    }

    pub(super) async fn stop_agent(&mut self) {
        let (shutdown, task) = self.agent.take().unwrap();
        shutdown.cancel();
        task.await.unwrap().unwrap();
    }

    pub(super) async fn create_work(&self, name: &str, manifests: Vec<Value>) -> Value {
        self.create_work_with(name, manifests, json!({})).await
    }

    /// A work with further fields in its spec.
    pub(super) async fn create_work_with(
        &self,
        name: &str,
        manifests: Vec<Value>,
        more: Value,
    ) -> Value {
        let mut object = work(name);
        object["spec"] = more;
        object["spec"]["workload"] = json!({"manifests": manifests});
        self.hub.create(object).await
    }

    pub(super) async fn set_manifests(&self, name: &str, manifests: Vec<Value>) {
        self.hub
            .merge(
                &work(name),
                json!({"spec": {"workload": {"manifests": manifests}}}),
            )
            .await;
    }

    pub(super) async fn work(&self, name: &str) -> Value {
        self.hub.get(&work(name)).await.expect("the work exists")
    }

    /// Waits until the work is as `condition` says; it is shown when that never happens.
    pub(super) async fn until_work(&self, name: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            last = self.work(name).await;
            if condition(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!(
            "the work {name} never came to be so:\n{}",
            serde_json::to_string_pretty(&last).unwrap()
        );
    }

    /// Waits until the status of the present generation is Applied and Available.
    pub(super) async fn until_available(&self, name: &str) -> Value {
        self.until_work(name, |work| {
            is(work, "Applied", "True") && is(work, "Available", "True")
        })
        .await
    }

    pub(super) async fn until_gone(&self, name: &str) {
        until("the work is gone", || async {
            self.hub.get(&work(name)).await.is_none()
        })
        .await;
    }

    /// The record of a work.
    pub(super) async fn record(&self, name: &str) -> Option<Value> {
        self.spoke.get(&record(name)).await
    }

    pub(super) async fn records(&self) -> usize {
        let records = self.spoke.list("AppliedManifestWork", "").await;
        records.len()
    }
}

/// Whether a condition of the present generation has this status.
pub(super) fn is(object: &Value, kind: &str, status: &str) -> bool {
    let generation = &object["metadata"]["generation"];
    condition(object, kind)
        .is_some_and(|c| c["status"] == status && c["observedGeneration"] == *generation)
}

pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    find_condition(&object["status"]["conditions"], kind)
}

pub(super) fn manifest_condition<'a>(
    work: &'a Value,
    ordinal: usize,
    kind: &str,
) -> Option<&'a Value> {
    find_condition(
        &work["status"]["resourceStatus"]["manifests"][ordinal]["conditions"],
        kind,
    )
}

fn find_condition<'a>(conditions: &'a Value, kind: &str) -> Option<&'a Value> {
    conditions.as_array()?.iter().find(|c| c["type"] == kind)
}

/// Statuses of one condition of all manifests.
pub(super) fn statuses<'a>(work: &'a Value, kind: &str) -> Vec<&'a str> {
    let manifests = work["status"]["resourceStatus"]["manifests"]
        .as_array()
        .map_or(0, Vec::len);
    (0..manifests)
        .map(|i| {
            manifest_condition(work, i, kind)
                .and_then(|c| c["status"].as_str())
                .unwrap_or("")
        })
        .collect()
}

pub(super) fn work(name: &str) -> Value {
    json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork", "metadata": {"name": name, "namespace": CLUSTER}})
}

pub(super) fn record(name: &str) -> Value {
    let name = format!("{}-{name}", work::model::hub_hash(HUB));
    json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "AppliedManifestWork", "metadata": {"name": name}})
}

pub(super) fn config_map(name: &str, data: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {"key": data}})
}

pub(super) fn owners(object: &Value) -> Vec<&str> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|r| r["name"].as_str())
        .collect()
}
