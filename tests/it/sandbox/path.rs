//! The whole path on a sandbox: the tutorial, and what happens when a part of it
//! stops in the middle.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::binary::{PATIENCE, Sandbox, ocmadm, stderr, succeeds};

#[test]
fn the_tutorial_plays_to_its_end_and_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let output = ocmadm()
        .args(["sandbox", "demo"])
        .env("TMPDIR", temporary.path())
        .output()
        .unwrap();
    let shown = succeeds(&output);
    for line in [
        "$ ocmadm init --context hub --wait",
        "$ ocmadm accept --context hub --clusters cluster1,cluster2 --wait",
        "runs nginx:1.29, 3/3 ready",
        "runs nginx:1.30, 3/3 ready",
        "Deployment default/nginx-deployment and ServiceAccount default/my-sa are gone",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with("total"), "{last}");
    empty(temporary.path());
}

/// What a team has that changes one link: `tests/scripts/*.sh` know clusteradm alone.
#[test]
fn scripts_written_for_clusteradm_run() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    for entry in fs::read_dir(scripts).unwrap() {
        let script = entry.unwrap().path();
        let text = fs::read_to_string(&script).unwrap();
        let commands = text.lines().filter(|line| !line.starts_with('#'));
        assert!(!commands.collect::<String>().contains("ocmadm"));
        let sandbox = Sandbox::new();
        sandbox.up(1);
        let bin = sandbox.folder().join("bin");
        fs::create_dir(&bin).unwrap();
        let ours = env!("CARGO_BIN_EXE_ocmadm");
        std::os::unix::fs::symlink(ours, bin.join("clusteradm")).unwrap();
        let mut path = vec![bin];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let output = std::process::Command::new("bash")
            .arg(&script)
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("KUBECONFIG", sandbox.dir().join("kubeconfig"))
            .current_dir(sandbox.folder())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = succeeds(&output);
        assert!(said.ends_with("all done\n"), "{}: {said}", script.display());
    }
}

#[test]
fn one_command_joins_and_the_doctor_finds_nothing() {
    let sandbox = Sandbox::new();
    sandbox.up(1);
    succeeds(&sandbox.ocmadm(&["init", "--context", "hub", "--wait"]));
    let way = ["--context", "cluster1", "--hub-context", "hub"];
    let join = [&["join", "--accept", "--wait"][..], &way].concat();
    let said = succeeds(&sandbox.ocmadm(&join));
    assert_eq!(said, "cluster1 is accepted by the hub and available\n");
    let doctor = [
        "doctor",
        "--context",
        "hub",
        "--managed-context",
        "cluster1",
    ];
    let said = succeeds(&sandbox.ocmadm(&doctor));
    assert!(!said.contains('✗'), "{said}");
    assert!(said.contains("✓ heartbeat"), "{said}");
    assert!(said.contains("✓ certificate: valid for another"), "{said}");
}

#[test]
fn ctrl_c_in_the_tutorial_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = ocmadm()
        .args(["sandbox", "demo"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    lines
        .by_ref()
        .find(|line| line.as_ref().unwrap().starts_with("$ ocmadm init"))
        .unwrap()
        .unwrap();
    let folder = fs::read_dir(temporary.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let state = fs::read(folder.path().join("sandbox/state.json")).unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    let supervisor = state["pid"].as_u64().unwrap();
    assert!(lives(supervisor));
    let pid = Pid::from_raw(i32::try_from(demo.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    drop(lines);
    let output = demo.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    empty(temporary.path());
    assert!(!lives(supervisor), "the sandbox's process is gone");
}

/// Whether the process is there, and not only waits to be collected.
fn lives(pid: u64) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find(|line| line.starts_with("State:"));
    state.is_some_and(|state| !state.contains('Z'))
}

fn empty(folder: &Path) {
    let left: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A hub and a managed cluster in sandboxes of their own, joined and accepted.
pub(super) struct Pair {
    pub(super) hub: Sandbox,
    pub(super) managed: Sandbox,
}

impl Pair {
    pub(super) fn new() -> Self {
        let pair = Self {
            hub: Sandbox::new(),
            managed: Sandbox::new(),
        };
        pair.hub.up(0);
        pair.managed.up(1);
        let init = succeeds(&pair.hub.ocmadm(&["init", "--context", "hub", "--wait"]));
        let words: Vec<&str> = init.split_whitespace().collect();
        let flag = |name: &str| words[words.iter().position(|word| *word == name).unwrap() + 1];
        succeeds(&pair.managed.ocmadm(&[
            "join",
            "--context",
            "cluster1",
            "--hub-token",
            flag("--hub-token"),
            "--hub-apiserver",
            flag("--hub-apiserver"),
            "--cluster-name",
            "cluster1",
        ]));
        succeeds(
            &pair
                .hub
                .ocmadm(&["accept", "--clusters", "cluster1", "--wait"]),
        );
        pair
    }

    fn apply(&self, work: &str, manifests: &str, overwrite: bool) {
        let file = self.hub.folder().join(format!("{work}.yaml"));
        fs::write(&file, manifests).unwrap();
        let file = file.display().to_string();
        let mut args = vec![
            "create",
            "work",
            work,
            "-f",
            &file,
            "--clusters",
            "cluster1",
        ];
        if overwrite {
            args.push("--overwrite");
        }
        succeeds(&self.hub.ocmadm(&args));
    }

    pub(super) async fn works(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("work.open-cluster-management.io", "v1", "ManifestWork");
        let resource = ApiResource::from_gvk(&kind);
        Api::namespaced_with(self.hub.client("hub").await, "cluster1", &resource)
    }

    pub(super) async fn on_cluster(&self) -> Client {
        self.managed.client("cluster1").await
    }
}

/// Applied and Available, as the work is now.
pub(super) fn is_available(work: Option<&DynamicObject>) -> bool {
    work.is_some_and(|work| {
        let conditions = work.data["status"]["conditions"].as_array();
        ["Applied", "Available"].iter().all(|kind| {
            conditions.into_iter().flatten().any(|condition| {
                condition["type"] == *kind
                    && condition["status"] == "True"
                    && condition["observedGeneration"].as_i64() >= work.metadata.generation
            })
        })
    })
}

pub(super) async fn wait<K>(api: Api<K>, name: &str, condition: impl Condition<K>)
where
    K: kube::Resource + Clone + std::fmt::Debug + Send + serde::de::DeserializeOwned + 'static,
{
    tokio::time::timeout(PATIENCE, await_condition(api, name, condition))
        .await
        .unwrap_or_else(|_| panic!("{name} never came to that"))
        .unwrap();
}

fn config_map(name: &str, value: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\ndata: {{value: \"{value}\"}}\n"
    )
}

#[tokio::test]
async fn the_workload_outlives_its_hub_and_status_catches_up() {
    let pair = Pair::new();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\n\
         spec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
         spec: {containers: [{name: web, image: nginx}]}\n";
    pair.apply(
        "web",
        &format!("{deployment}{}", config_map("web", "1")),
        false,
    );
    wait(pair.works().await, "web", is_available).await;
    let deployments: Api<Deployment> = Api::default_namespaced(pair.on_cluster().await);
    let maps: Api<ConfigMap> = Api::default_namespaced(pair.on_cluster().await);
    let uid = deployments.get("web").await.unwrap().metadata.uid;

    succeeds(&pair.hub.run(&["down"]));
    // What the hub asked for while it was there is kept.
    let running = |d: Option<&Deployment>| {
        d.and_then(|d| d.status.as_ref())
            .is_some_and(|s| s.available_replicas == Some(2))
    };
    wait(deployments.clone(), "web", running).await;
    assert_eq!(deployments.get("web").await.unwrap().metadata.uid, uid);
    assert_eq!(maps.get("web").await.unwrap().data.unwrap()["value"], "1");
    // Even by an agent that starts without it.
    kill_process(pair.managed.process("agent"), Signal::KILL).unwrap();
    maps.delete("web", &DeleteParams::default()).await.unwrap();
    let as_wanted = |map: Option<&ConfigMap>| {
        map.and_then(|m| m.data.as_ref())
            .is_some_and(|data| data["value"] == "1")
    };
    wait(maps.clone(), "web", as_wanted).await;

    pair.hub.up(0);
    pair.apply(
        "web",
        &format!("{deployment}{}", config_map("web", "2")),
        true,
    );
    let changed = |map: Option<&ConfigMap>| {
        map.and_then(|m| m.data.as_ref())
            .is_some_and(|data| data["value"] == "2")
    };
    wait(maps, "web", changed).await;
    wait(pair.works().await, "web", is_available).await;
    assert_eq!(
        deployments.get("web").await.unwrap().metadata.uid,
        uid,
        "never made anew"
    );
}

#[tokio::test]
async fn an_agent_killed_in_the_middle_finishes_afterwards() {
    let pair = Pair::new();
    let many: String = (0..40).fold(String::new(), |mut text, number| {
        write!(text, "{}", config_map(&format!("map-{number}"), "x")).unwrap();
        text
    });
    let works = pair.works().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(pair.on_cluster().await);
    let agent = pair.managed.process("agent");
    pair.apply("many", &many, false);
    // Some of it may be there, some not.
    wait(maps.clone(), "map-0", |map: Option<&ConfigMap>| {
        map.is_some()
    })
    .await;
    kill_process(agent, Signal::KILL).unwrap();
    wait(works.clone(), "many", is_available).await;
    for number in 0..40 {
        assert!(
            maps.get(&format!("map-{number}")).await.is_ok(),
            "map-{number}"
        );
    }
    let pods: Api<Pod> = Api::namespaced(pair.on_cluster().await, "open-cluster-management");
    let restarted = pods.list(&ListParams::default()).await.unwrap();
    let restarts = |pod: &Pod| -> i32 {
        let statuses = pod
            .status
            .as_ref()
            .and_then(|s| s.container_statuses.as_ref());
        statuses
            .into_iter()
            .flatten()
            .map(|s| s.restart_count)
            .sum()
    };
    assert!(restarted.iter().map(restarts).sum::<i32>() >= 1);

    // The whole managed cluster dies and comes back: the agent goes on.
    pair.managed.kill();
    let work = json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": "late"},
        "spec": {"workload": {"manifests": [{
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "late", "namespace": "default"},
        }]}},
    });
    let work = serde_json::from_value(work).unwrap();
    works.create(&PostParams::default(), &work).await.unwrap();
    pair.managed.up(1);
    wait(works.clone(), "late", is_available).await;
    succeeds(
        &pair
            .hub
            .ocmadm(&["delete", "work", "many", "--clusters", "cluster1"]),
    );
    wait(maps, "map-39", |map: Option<&ConfigMap>| map.is_none()).await;
}
