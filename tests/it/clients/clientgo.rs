//! client-go, which controllers are written with: one program
//! (`tests/apiserver/clientgo`) that does what they do. Skipped, saying so, where
//! Go is not installed.

use std::process::{Command, Stdio};

use super::transcript::compare;
use crate::harness::{Cluster, real, tell};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_controllers_do() {
    let program = match tokio::task::spawn_blocking(|| real::program("clientgo")).await {
        Ok(Ok(program)) => program,
        Ok(Err(why)) => return tell(&format!("skipped: the client-go program: {why}")),
        Err(error) => panic!("{error}"),
    };
    let cluster = Cluster::start("client-go").await;
    let kubeconfig = cluster.kubeconfig().await;
    let run = move || {
        Command::new(program)
            .arg(kubeconfig)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let mut transcript = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        transcript.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    compare("client-go", &transcript);
}
