//! The sandbox through the real binary.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use kube::api::PostParams;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use super::binary::{PATIENCE, Sandbox, fails, ocmadm, stderr, succeeds};

#[tokio::test]
async fn up_serves_every_context_on_loopback_with_private_keys() {
    let sandbox = Sandbox::new();
    let up = succeeds(&sandbox.run(&["up", "--clusters", "1", "--name-prefix", "edge"]));
    assert!(up.contains("hub") && up.contains("edge1"), "{up}");
    for context in ["hub", "edge1"] {
        let client = sandbox.client(context).await;
        let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(client);
        assert!(nodes.get(&format!("{context}-node")).await.is_ok());
    }
    for plane in sandbox.state()["controlPlanes"].as_array().unwrap() {
        let port = plane["server"]
            .as_str()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap();
        listens_on_loopback_only(port.parse().unwrap());
    }
    private(&sandbox.dir());
}

/// No listening socket of this port has another address than 127.0.0.1.
fn listens_on_loopback_only(port: u16) {
    let suffix = format!(":{port:04X}");
    let mut found = 0;
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table)
            .unwrap_or_default()
            .lines()
            .skip(1)
        {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if columns[1].ends_with(&suffix) && columns[3] == "0A" {
                assert_eq!(columns[1], format!("0100007F{suffix}"), "{table}");
                found += 1;
            }
        }
    }
    if Path::new("/proc/net/tcp").exists() {
        assert_eq!(found, 1, "port {port}");
    }
}

/// Nothing below is readable by anyone else.
fn private(path: &Path) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            private(&entry.unwrap().path());
        }
    } else {
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

#[test]
fn a_second_up_says_so_and_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.up(1);
    let before = sandbox.state();
    let again = sandbox.run(&["up"]);
    succeeds(&again);
    assert!(
        stderr(&again).contains("already running"),
        "{}",
        stderr(&again)
    );
    assert_eq!(sandbox.state(), before);
    let message = fails(&sandbox.run(&["up", "--clusters=3"]), 1);
    // What is suggested leads to this sandbox, not to the default one.
    let folder = sandbox.state()["kubeconfig"]
        .as_str()
        .and_then(|path| path.strip_suffix("/kubeconfig"))
        .unwrap()
        .to_owned();
    assert!(
        message.contains(&format!(
            "`ocmadm sandbox down --dir {folder} && ocmadm sandbox up --clusters 3 --dir {folder}`"
        )),
        "{message}"
    );
    let message = fails(&sandbox.run(&["up", "--clusters=0"]), 1);
    assert!(message.contains("cluster1"), "{message}");
    assert_eq!(sandbox.state(), before);
}

#[tokio::test]
async fn objects_survive_a_kill_and_a_restart() {
    let sandbox = Sandbox::new();
    sandbox.up(1);
    let kubeconfig = fs::read_to_string(sandbox.dir().join("kubeconfig")).unwrap();
    let client = sandbox.client("cluster1").await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let map =
        serde_json::from_value(json!({"metadata": {"name": "kept"}, "data": {"a": "1"}})).unwrap();
    let created = maps.create(&PostParams::default(), &map).await.unwrap();
    sandbox.kill();
    assert!(maps.get("kept").await.is_err(), "it is really gone");
    let status = succeeds(&sandbox.run(&["status"]));
    assert!(status.contains("Stopped"), "{status}");
    // It grows while it is stopped; what was there keeps its place.
    sandbox.up(2);
    let kept = maps.get("kept").await.unwrap();
    assert_eq!(kept.metadata.uid, created.metadata.uid);
    assert_eq!(kept.data.unwrap()["a"], "1");
    let now = fs::read_to_string(sandbox.dir().join("kubeconfig")).unwrap();
    let servers = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("server:"));
        lines.map(str::to_owned).collect()
    };
    assert!(servers(&now).starts_with(&servers(&kubeconfig)));
    assert_eq!(servers(&now).len(), 3);
}

#[test]
fn down_keeps_the_data_unless_told_otherwise() {
    let sandbox = Sandbox::new();
    let message = fails(&sandbox.run(&["down"]), 1);
    assert!(message.contains("no sandbox"), "{message}");
    sandbox.up(0);
    let running: Value =
        serde_json::from_str(&succeeds(&sandbox.run(&["status", "-o", "json"]))).unwrap();
    assert_eq!(running["controlPlanes"][0]["status"], "Ready");
    assert_eq!(succeeds(&sandbox.run(&["down"])), "sandbox stopped\n");
    assert!(!sandbox.dir().join("state.json").exists());
    assert_eq!(
        succeeds(&sandbox.run(&["down"])),
        "sandbox was not running\n"
    );
    let stopped: Value =
        serde_json::from_str(&succeeds(&sandbox.run(&["status", "-o", "json"]))).unwrap();
    assert_eq!(stopped["running"], false);
    assert_eq!(stopped["controlPlanes"][0]["status"], "Stopped");
    assert_eq!(
        stopped["controlPlanes"][0]["server"],
        running["controlPlanes"][0]["server"]
    );
    let removed = succeeds(&sandbox.run(&["down", "--delete-data"]));
    assert_eq!(removed, "sandbox removed\n");
    assert!(!sandbox.dir().exists());
}

#[test]
fn a_port_taken_by_another_program_is_named() {
    let sandbox = Sandbox::new();
    sandbox.up(0);
    let server = sandbox.state()["controlPlanes"][0]["server"]
        .as_str()
        .unwrap()
        .to_owned();
    succeeds(&sandbox.run(&["down"]));
    let port: u16 = server.rsplit(':').next().unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let message = fails(&sandbox.run(&["up"]), 1);
    assert!(
        message.contains(&format!("port {port} of hub is taken")),
        "{message}"
    );
    assert!(message.contains("Hint: "), "{message}");
    drop(listener);
    succeeds(&sandbox.run(&["up"]));
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.dir()).unwrap();
    let letter = sandbox.dir().join("letter.txt");
    fs::write(&letter, "dear").unwrap();
    for args in [&["up"][..], &["down", "--delete-data"], &["status"]] {
        let message = fails(&sandbox.run(args), 1);
        assert!(
            message.contains("is not empty and holds no sandbox"),
            "{message}"
        );
        assert!(message.contains("--dir"), "{message}");
    }
    assert_eq!(fs::read_to_string(letter).unwrap(), "dear");
    assert_eq!(fs::read_dir(sandbox.dir()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.dir(), "a file").unwrap();
    let message = fails(&sandbox.run(&["up"]), 1);
    assert!(
        message.contains(&sandbox.dir().display().to_string()),
        "{message}"
    );
    // Read-only for everyone, root too.
    if Path::new("/sys/kernel").exists() {
        let output = ocmadm()
            .args(["sandbox", "up", "--dir", "/sys/kernel/ocmadm"])
            .output()
            .unwrap();
        let message = fails(&output, 1);
        assert!(message.contains("/sys/kernel/ocmadm"), "{message}");
    }
}

#[test]
fn a_disk_that_takes_no_more_is_told() {
    let sandbox = Sandbox::new();
    // No file may grow beyond 512 bytes, and writes fail instead of killing.
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 1; exec \"$0\" sandbox up --dir \"$1\"")
        .arg(env!("CARGO_BIN_EXE_ocmadm"))
        .arg(sandbox.dir())
        .output()
        .unwrap();
    let message = fails(&output, 1);
    assert!(message.contains("File too large"), "{message}");
    assert!(!message.contains("panicked"), "{message}");
}

#[tokio::test]
async fn our_pods_run_this_binary_and_their_logs_are_shown() {
    let sandbox = Sandbox::new();
    sandbox.up(0);
    let pods: Api<Pod> = Api::default_namespaced(sandbox.client("hub").await);
    let pod = serde_json::from_value(json!({
        "metadata": {"name": "speaker"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "ocmadm", "args": ["version", "--client"]}],
        },
    }))
    .unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let ended = |pod: Option<&Pod>| {
        pod.and_then(|p| p.status.as_ref()?.phase.as_deref()) == Some("Succeeded")
    };
    tokio::time::timeout(PATIENCE, await_condition(pods, "speaker", ended))
        .await
        .expect("the pod never succeeded")
        .unwrap();
    let logs = succeeds(&sandbox.run(&["logs", "hub", "speaker"]));
    assert!(logs.contains(env!("CARGO_PKG_VERSION")), "{logs}");
    let message = fails(&sandbox.run(&["logs", "hub", "nobody"]), 1);
    assert!(message.contains("speaker/main"), "{message}");
    let message = fails(&sandbox.run(&["logs", "cluster7"]), 1);
    assert!(message.contains("it has hub"), "{message}");
    let log = succeeds(&sandbox.run(&["logs"]));
    assert!(log.contains("ready"), "{log}");
}

#[test]
fn usage_errors_have_their_own_exit_code() {
    let sandbox = Sandbox::new();
    fails(&sandbox.run(&["up", "--clusters", "many"]), 2);
    fails(&sandbox.run(&["status", "-o", "xml"]), 2);
    let message = fails(&sandbox.run(&["up", "--name-prefix", "Big"]), 1);
    assert!(message.contains("cluster name"), "{message}");
    assert!(!sandbox.dir().exists(), "nothing was touched");
}
