//! The simulated node on an API server in this process.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::wait::{Condition, await_condition, conditions};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::binary::PATIENCE;
use crate::harness;

/// A cluster with a node; both end with it.
struct Cluster {
    _server: harness::Cluster,
    client: Client,
    node: harness::Node,
}

impl Cluster {
    async fn start() -> Self {
        Self::with_executable(PathBuf::from("/nonexistent")).await
    }

    async fn with_executable(executable: PathBuf) -> Self {
        let server = harness::Cluster::start("node").await;
        Self {
            client: server.client.clone(),
            node: harness::Node::start(&server, executable).await,
            _server: server,
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), "default")
    }

    async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned
            + Serialize,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api()
            .create(&PostParams::default(), &object)
            .await
            .unwrap()
    }

    async fn wait<K>(&self, name: &str, condition: impl Condition<K>) -> Option<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + Send
            + DeserializeOwned
            + 'static,
    {
        tokio::time::timeout(PATIENCE, await_condition(self.api::<K>(), name, condition))
            .await
            .unwrap_or_else(|_| panic!("{name} never came to that"))
            .unwrap()
    }

    async fn pods(&self) -> Vec<Pod> {
        let pods = self
            .api::<Pod>()
            .list(&ListParams::default())
            .await
            .unwrap();
        pods.items
    }
}

fn workload(kind: &str, api_version: &str, name: &str, replicas: Option<i32>) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "nginx:1"}]},
            },
        },
    });
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = json!(replicas);
    }
    object
}

/// What `kubectl rollout status` waits for.
fn rolled_out(replicas: i32) -> impl Condition<Deployment> {
    move |deployment: Option<&Deployment>| {
        deployment.is_some_and(|d| {
            let status = d.status.clone().unwrap_or_default();
            status.observed_generation == d.metadata.generation
                && status.updated_replicas.unwrap_or(0) == replicas
                && status.replicas.unwrap_or(0) == replicas
                && status.available_replicas.unwrap_or(0) == replicas
        })
    }
}

#[tokio::test]
async fn a_deployment_rolls_out_and_changes() {
    let cluster = Cluster::start().await;
    let object = workload("Deployment", "apps/v1", "web", Some(3));
    cluster.create::<Deployment>(object).await;
    cluster.wait("web", rolled_out(3)).await;
    let before = cluster.pods().await;
    assert_eq!(before.len(), 3);
    for pod in &before {
        let status = pod.status.as_ref().unwrap();
        assert_eq!(status.phase.as_deref(), Some("Running"));
        assert!(status.pod_ip.is_some());
        assert!(
            pod.metadata
                .labels
                .as_ref()
                .unwrap()
                .contains_key("pod-template-hash")
        );
        assert_eq!(
            pod.spec.as_ref().unwrap().node_name.as_deref(),
            Some("the-node")
        );
    }
    let change = json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}});
    cluster
        .api::<Deployment>()
        .patch("web", &PatchParams::default(), &Patch::Merge(change))
        .await
        .unwrap();
    let changed = cluster.wait("web", rolled_out(3)).await.unwrap();
    let annotations = changed.metadata.annotations.unwrap();
    assert_eq!(annotations["deployment.kubernetes.io/revision"], "2");
    let sets = cluster
        .api::<ReplicaSet>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let mut sizes: Vec<i32> = sets
        .iter()
        .map(|s| s.spec.as_ref().unwrap().replicas.unwrap())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 3], "the old set stays for an undo");
    for pod in before {
        cluster
            .wait(
                pod.metadata.name.as_deref().unwrap(),
                conditions::is_deleted::<Pod>(pod.metadata.uid.as_deref().unwrap()),
            )
            .await;
    }
    let images: Vec<_> = cluster
        .pods()
        .await
        .into_iter()
        .map(|pod| pod.spec.unwrap().containers[0].image.clone().unwrap())
        .collect();
    assert_eq!(images, ["nginx:2"; 3]);
}

#[tokio::test]
async fn scaling_down_removes_pods() {
    let cluster = Cluster::start().await;
    let object = workload("Deployment", "apps/v1", "web", Some(5));
    cluster.create::<Deployment>(object).await;
    cluster.wait("web", rolled_out(5)).await;
    let scale = json!({"spec": {"replicas": 1}});
    cluster
        .api::<Deployment>()
        .patch("web", &PatchParams::default(), &Patch::Merge(scale))
        .await
        .unwrap();
    cluster.wait("web", rolled_out(1)).await;
}

#[tokio::test]
async fn stateful_daemon_and_job_become_ready() {
    let cluster = Cluster::start().await;
    let mut set = workload("StatefulSet", "apps/v1", "db", Some(2));
    set["spec"]["serviceName"] = json!("db");
    cluster.create::<StatefulSet>(set).await;
    cluster
        .create::<DaemonSet>(workload("DaemonSet", "apps/v1", "log", None))
        .await;
    let mut job = workload("Job", "batch/v1", "once", None);
    job["spec"]["selector"].take();
    job["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    job["spec"]["completions"] = json!(2);
    cluster.create::<Job>(job).await;
    cluster
        .wait("db", |set: Option<&StatefulSet>| {
            set.and_then(|s| s.status.as_ref())
                .is_some_and(|s| s.ready_replicas == Some(2))
        })
        .await;
    cluster
        .wait("log", |set: Option<&DaemonSet>| {
            set.and_then(|s| s.status.as_ref())
                .is_some_and(|s| s.number_ready == 1)
        })
        .await;
    cluster.wait("once", conditions::is_job_completed()).await;
    let names: Vec<_> = cluster
        .pods()
        .await
        .into_iter()
        .filter_map(|p| p.metadata.name)
        .collect();
    assert!(
        names.contains(&"db-0".to_owned()) && names.contains(&"db-1".to_owned()),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_bare_pod_is_scheduled_and_finished() {
    let cluster = Cluster::start().await;
    let pod = cluster
        .create::<Pod>(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "bare", "namespace": "default"},
            "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        }))
        .await;
    cluster.wait("bare", conditions::is_pod_running()).await;
    cluster
        .api::<Pod>()
        .delete("bare", &Default::default())
        .await
        .unwrap();
    cluster
        .wait(
            "bare",
            conditions::is_deleted::<Pod>(pod.metadata.uid.as_deref().unwrap()),
        )
        .await;
}

#[tokio::test]
async fn the_node_is_ready_and_known_as_a_sandbox() {
    let cluster = Cluster::start().await;
    let nodes = Api::<Node>::all(cluster.client.clone());
    let node = nodes.get("the-node").await.unwrap();
    assert_eq!(node.metadata.labels.unwrap()["ocmadm.dev/sandbox"], "true");
    let status = node.status.unwrap();
    let ready = status
        .conditions
        .unwrap()
        .into_iter()
        .find(|c| c.type_ == "Ready")
        .unwrap();
    assert_eq!(ready.status, "True");
    assert!(status.allocatable.unwrap().contains_key("cpu"));
    let info = status.node_info.unwrap();
    assert!(info.kubelet_version.starts_with("v1."), "{info:?}");
}

/// A script in the place of the binary: it must get a token, and die when told.
fn script(folder: &std::path::Path, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("program");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn our_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "serviceAccountName": "default",
            "containers": [{"name": "main", "image": "quay.io/x/ocmadm:v1", "args": ["$(GREETING)", "2"],
                "env": [
                    {"name": "GREETING", "value": "hello"},
                    {"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ]}],
        },
    })
}

#[tokio::test]
async fn our_pods_are_processes_with_a_token() {
    let programs = tempfile::tempdir().unwrap();
    let program = script(
        programs.path(),
        "echo \"$1 $2 $ME $OCMADM_SUPERVISED $(cat $OCMADM_SERVICEACCOUNT_DIR/namespace)\"
         stat -c '%a' $OCMADM_SERVICEACCOUNT_DIR/token $OCMADM_SERVICEACCOUNT_DIR
         cat
         echo the supervisor is gone",
    );
    let cluster = Cluster::with_executable(program).await;
    let pod = cluster.create::<Pod>(our_pod("ours")).await;
    cluster.wait("ours", conditions::is_pod_running()).await;
    let log = cluster
        .node
        .folder
        .path()
        .join("logs/default_ours_main.log");
    let text = read_until(&log, 3).await;
    assert_eq!(text, "hello 2 ours 1 default\n600\n700\n");
    // `cat` ends by SIGTERM, long before its grace is over.
    cluster
        .api::<Pod>()
        .delete("ours", &Default::default())
        .await
        .unwrap();
    cluster
        .wait(
            "ours",
            conditions::is_deleted::<Pod>(pod.metadata.uid.as_deref().unwrap()),
        )
        .await;
    let homes = std::fs::read_dir(cluster.node.folder.path().join("pods")).unwrap();
    assert_eq!(homes.count(), 0, "the token goes with the pod");
}

#[tokio::test]
async fn a_crashing_process_is_started_again_with_back_off() {
    let programs = tempfile::tempdir().unwrap();
    let program = script(programs.path(), "exit 3");
    let cluster = Cluster::with_executable(program).await;
    cluster.create::<Pod>(our_pod("crashes")).await;
    cluster
        .wait("crashes", |pod: Option<&Pod>| {
            let status = pod.and_then(|p| p.status.as_ref()?.container_statuses.as_ref()?.first());
            status.is_some_and(|status| {
                let state = status.state.clone().unwrap_or_default();
                let last = status.last_state.clone().unwrap_or_default();
                status.restart_count >= 1
                    && state.waiting.and_then(|w| w.reason).as_deref() == Some("CrashLoopBackOff")
                    && last.terminated.is_some_and(|t| t.exit_code == 3)
            })
        })
        .await;
}

/// The file's text once it has this many lines.
async fn read_until(path: &std::path::Path, lines: usize) -> String {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= lines || tokio::time::Instant::now() > deadline {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
