//! `kill -9` of hub and agent in the middle of the handshake, real processes,
//! at another moment each time; the cluster joins all the same. Twenty seeds on
//! the embedded server, four on a real one; `OCMADM_SEEDS=7` for another number.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::support::{Bed, c1};
use crate::harness::{Cluster, Kind, until};

/// A process that is killed when its time is over.
struct Mortal(Child);

impl Mortal {
    fn run(side: &str, kubeconfig: &PathBuf) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_ocmadm"))
            .env_clear()
            .args([side, "--no-leader-election"])
            .args(["--namespace", "open-cluster-management", "--kubeconfig"])
            .arg(kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(process)
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file with what a process of ours is on a cluster.
async fn kubeconfig(folder: &tempfile::TempDir, side: &Cluster, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    let config = side.account_config("open-cluster-management", name).await;
    std::fs::write(&path, config).unwrap();
    path
}

/// A cluster whose administrator says yes while both sides come and go.
async fn seed(number: u64) {
    let bed = Bed::prepare(c1()).await;
    bed.hub.stop_controllers();
    let folder = tempfile::tempdir().unwrap();
    let hub = kubeconfig(&folder, &bed.hub.side, "cluster-manager").await;
    let agent = kubeconfig(&folder, &bed.spoke, "klusterlet").await;
    // Moments that differ from seed to seed, and the same in every run.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut moment = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_millis(state % 400)
    };
    for round in 0..3 {
        let (hub, agent) = (Mortal::run("hub", &hub), Mortal::run("agent", &agent));
        tokio::time::sleep(moment()).await;
        // What there is to say yes to, there is; the rest comes in a later round.
        if round > 0 {
            bed.accept_what_there_is("c1").await;
        }
        tokio::time::sleep(moment()).await;
        let (first, second) = match number.is_multiple_of(2) {
            true => (agent, hub),
            false => (hub, agent),
        };
        drop(first);
        tokio::time::sleep(moment()).await;
        drop(second);
    }
    let _live = (Mortal::run("hub", &hub), Mortal::run("agent", &agent));
    until(&format!("seed {number}: joined"), || async {
        bed.accept_what_there_is("c1").await;
        bed.is_joined("c1").await
    })
    .await;
    // One for each agent that began anew, at most.
    let requests = bed.requests().await.len();
    assert!(requests <= 4, "seed {number}: {requests} requests");
    println!("seed {number}: joined, {requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_survives_kill_9_of_either_side() {
    let given = std::env::var("OCMADM_SEEDS").ok();
    let seeds = given.and_then(|seeds| seeds.parse().ok());
    // Each takes seconds of a real control plane.
    let seeds = seeds.unwrap_or(match Kind::of_this_run() {
        Kind::Embedded => 20,
        Kind::Real | Kind::Given => 4,
    });
    for number in 0..seeds {
        seed(number).await;
    }
}
