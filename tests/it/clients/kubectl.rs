//! kubectl: the commands people and scripts type (`tests/clients/*.sh`), and
//! every word that it prints. Skipped, saying so, where it is not installed.
//!
//! Its words change from version to version. With another one than that of the
//! transcripts the run on a real server compares the two servers alone.

use std::path::PathBuf;
use std::process::Command;

use super::transcript::{compare, folder, play, same};
use crate::harness::{Cluster, Kind, Node, tell};

/// The minor version that the transcripts were recorded with.
const RECORDED: &str = "32";

/// The minor version of the one in `PATH`.
fn version() -> Option<String> {
    let mut kubectl = Command::new("kubectl");
    let output = kubectl.args(["version", "--client", "-o", "json"]).output();
    let said: serde_json::Value = serde_json::from_slice(&output.ok()?.stdout).ok()?;
    let minor = said.pointer("/clientVersion/minor")?.as_str()?;
    Some(minor.trim_end_matches('+').to_owned())
}

/// Plays a script; pods run where `node` says so.
async fn on(cluster: Cluster, script: String, node: bool) -> String {
    let _node = match node {
        true => Some(Node::start(&cluster, PathBuf::from("/nonexistent")).await),
        false => None,
    };
    let kubeconfig = cluster.kubeconfig().await;
    // Ends before its cluster does.
    tokio::task::spawn_blocking(move || {
        let home = tempfile::tempdir().unwrap();
        play(&script, &kubeconfig, home.path())
    })
    .await
    .unwrap()
}

async fn script(name: &str) {
    let Some(version) = version() else {
        return tell(&format!("skipped: kubectl is not installed ({name}.sh)"));
    };
    let script = std::fs::read_to_string(folder().join(format!("{name}.sh"))).unwrap();
    let node = name == "workloads";
    if version == RECORDED {
        return compare(name, &on(Cluster::start(name).await, script, node).await);
    }
    if Kind::of_this_run() == Kind::Embedded {
        return tell(&format!(
            "skipped: {name}.sh was recorded with kubectl 1.{RECORDED}, here is 1.{version}"
        ));
    }
    let real = on(Cluster::start(name).await, script.clone(), node).await;
    let embedded = on(Cluster::embedded(name).await, script, node).await;
    same(name, &real, &embedded);
}

/// One test a script, so that they run beside each other.
macro_rules! scripts {
    ($($name:ident),*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            script(stringify!($name)).await;
        })*

        #[test]
        fn every_script_is_played() {
            let mut files: Vec<String> = std::fs::read_dir(folder())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter_map(|name| Some(name.strip_suffix(".sh")?.to_owned()))
                .collect();
            files.sort();
            assert_eq!(files, [$(stringify!($name)),*]);
        }
    };
}

scripts!(access, apply, definitions, objects, watching, workloads);
