//! The sandbox's simulated node on a cluster of the tests, so that pods run on
//! both servers.

use std::path::PathBuf;

use ocmadm::sandbox::node;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Cluster;

/// A node named `the-node`; it ends with this.
pub(crate) struct Node {
    /// Holds `logs` and `pods`.
    pub(crate) folder: tempfile::TempDir,
    _stop: DropGuard,
}

impl Node {
    /// Registers and runs it; pods of the image `ocmadm` run `executable`.
    pub(crate) async fn start(cluster: &Cluster, executable: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("logs")).unwrap();
        let surroundings = node::Surroundings {
            server: cluster.address().await,
            ca: cluster.ca_pem(),
            executable,
            pods: folder.path().join("pods"),
            logs: folder.path().join("logs"),
        };
        let mut options = node::Options::new("the-node", surroundings);
        options.controllers = !cluster.runs_workloads();
        node::register(&cluster.client, &options).await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(node::run(cluster.client.clone(), options, stop.clone()));
        let node = Self {
            folder,
            _stop: stop.drop_guard(),
        };
        // Pods are refused before their account is there.
        super::until("a default service account", || async {
            let account = cluster.get("ServiceAccount", "default", "default").await;
            account.is_some()
        })
        .await;
        node
    }
}
