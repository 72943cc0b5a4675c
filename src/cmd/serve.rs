//! What `hub` and `agent` share: their client and how they end.

use std::net::SocketAddr;

use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::k8s::{client, incluster, transport};
use crate::runtime::process;

/// A process that has found its cluster.
pub struct Started {
    /// For the pod's cluster or, with flags, for a kubeconfig's.
    pub client: Client,
    /// The CA (PEM) of that cluster's API server, where it is known.
    pub ca: Option<Vec<u8>>,
    /// Cancelled when the process shall end.
    pub shutdown: CancellationToken,
}

/// Finds the cluster and listens for signals.
///
/// # Errors
/// The process runs neither in a pod nor with a kubeconfig.
pub async fn start(global: &GlobalArgs) -> Result<Started, CommandError> {
    let shutdown = process::shutdown_on_signals()?;
    if global.kubeconfig.is_some() || global.context.is_some() {
        let outside =
            client::connect(global.kubeconfig.as_deref(), global.context.as_deref()).await?;
        return Ok(Started {
            client: outside.client,
            ca: outside.ca,
            shutdown,
        });
    }
    let config = incluster::config().map_err(|error| {
        CommandError::user("this command runs in a pod")
            .because(error)
            .hint("outside of one, pass --kubeconfig or --context")
    })?;
    let client = transport::client(config).map_err(|error| {
        CommandError::user("the pod's credentials cannot be used").because(error)
    })?;
    Ok(Started {
        client,
        ca: std::fs::read(incluster::directory().join("ca.crt")).ok(),
        shutdown,
    })
}

/// Where to serve: several hubs and agents of a sandbox share one machine.
#[must_use]
pub fn listen(wanted: SocketAddr) -> SocketAddr {
    match process::is_supervised() {
        true => SocketAddr::from(([127, 0, 0, 1], 0)),
        false => wanted,
    }
}
