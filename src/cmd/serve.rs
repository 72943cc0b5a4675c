//! What `hub` and `agent` share: their client and how they end.

use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::k8s::{client, incluster};
use crate::runtime::process;

/// A client for the pod's cluster (or, with flags, for a kubeconfig's), and a
/// token that is cancelled when the process shall end.
///
/// # Errors
/// The process runs neither in a pod nor with a kubeconfig.
pub async fn start(global: &GlobalArgs) -> Result<(Client, CancellationToken), CommandError> {
    let shutdown = process::shutdown_on_signals()?;
    let outside = global.kubeconfig.is_some() || global.context.is_some();
    let client = if outside {
        client::connect(global.kubeconfig.as_deref(), global.context.as_deref())
            .await?
            .client
    } else {
        let config = incluster::config().map_err(|error| {
            CommandError::user("this command runs in a pod")
                .because(error)
                .hint("outside of one, pass --kubeconfig or --context")
        })?;
        Client::try_from(config).map_err(|error| {
            CommandError::user("the pod's credentials cannot be used").because(error)
        })?
    };
    Ok((client, shutdown))
}
