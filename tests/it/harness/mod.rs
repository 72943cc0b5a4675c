//! What the integration tests share: clusters of whichever API server this run
//! is about, clients for them, and waiting for a condition.
//!
//! A test says `Cluster::start(name)` and runs on both servers: on the embedded
//! one in this process, and, where a real control plane is at hand, once more
//! on that one in a second process (`real_half`). By hand:
//! `OCMADM_TEST_SERVER=real cargo test --test it NAME`.

mod cluster;
mod gate;
mod given;
mod kinds;
mod node;
pub(crate) mod real;

use std::future::Future;
use std::time::{Duration, Instant};

pub(crate) use cluster::{Cluster, admin, create, user};
pub(crate) use gate::Gate;
pub(crate) use node::Node;

/// How long a test waits for what must happen. Generous: it is only reached
/// when the test fails, and kube-apiserver may take a minute until it looks again
/// at a definition that goes ("storage is (re)initializing").
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Which API server a test's clusters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The one in this process.
    Embedded,
    /// kube-apiserver with etcd and kube-controller-manager.
    Real,
    /// A cluster that exists (`OCMADM_TEST_KUBECONFIG`); a test's further ones
    /// are embedded.
    Given,
}

impl Kind {
    /// What `OCMADM_TEST_SERVER` says; the embedded one when it says nothing.
    pub(crate) fn of_this_run() -> Self {
        match std::env::var("OCMADM_TEST_SERVER").as_deref() {
            Err(_) | Ok("" | "embedded") => Self::Embedded,
            Ok("real") => Self::Real,
            Ok("given") => Self::Given,
            Ok(other) => panic!("OCMADM_TEST_SERVER is {other:?}: embedded, real or given"),
        }
    }
}

/// Waits until `check` gives something; says what it waited for when it never does.
pub(crate) async fn eventually<T, F, Fut>(what: &str, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the condition holds.
pub(crate) async fn until<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    eventually(what, || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
    .await;
}

/// Tells something on the terminal although libtest captures what passes.
pub(crate) fn tell(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Copies what a folder holds into another that exists.
pub(crate) fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Numbers that look random; the same for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        // Knuth's constants.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
