//! A simulated node, and the controllers of workloads where the control plane
//! has none. Works through a `kube::Client` only, so against any API server:
//! on a real control plane (with kube-controller-manager) only the node and its
//! pods are simulated.
//!
//! `object` keeps what is known, one file per kind decides, `action` writes,
//! `engine` drives it all by watches; `process` runs the pods that are ours.

pub mod action;
pub mod daemonset;
pub mod deployment;
pub mod deployment_status;
pub mod engine;
pub mod environment;
pub mod job;
pub mod object;
pub mod pod;
pub mod process;
pub mod register;
pub mod replicaset;
pub mod report;
pub mod rollout;
pub mod statefulset;
pub mod status;
pub mod template;

use kube::Client;
use tokio_util::sync::CancellationToken;

pub use environment::Surroundings;
pub use template::Facts;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node.
    pub facts: Facts,
    /// Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs too: for a
    /// control plane without kube-controller-manager.
    pub controllers: bool,
    /// Pods that have no node yet are put on this one (a control plane without
    /// kube-scheduler).
    pub schedules: bool,
    /// For the pods that really run.
    pub surroundings: Surroundings,
}

impl Options {
    /// Everything simulated, on a node called `node`.
    pub fn new(node: &str, surroundings: Surroundings) -> Self {
        Self {
            facts: Facts {
                node: node.to_owned(),
                address: surroundings.server.ip().to_string(),
                labels: register::labels(node),
            },
            controllers: true,
            schedules: true,
            surroundings,
        }
    }
}

/// Registers the node.
///
/// # Errors
/// The API server refused.
pub async fn register(client: &Client, options: &Options) -> Result<(), kube::Error> {
    register::register(client, &options.facts).await
}

/// Simulates a registered node until told to stop; then its processes have ended.
pub async fn run(client: Client, options: Options, shutdown: CancellationToken) {
    let facts = options.facts.clone();
    let engine = engine::Engine::new(client.clone(), options);
    tokio::join!(
        engine.run(shutdown.clone()),
        register::keep(&client, &facts, &shutdown),
    );
}
