//! The native hub: one folder per controller.
//!
//! [`run`] is the whole of `ocmadm hub`: it waits until this replica leads,
//! then runs all controllers over one client until it is told to stop.

pub mod addon;
pub mod admission;
pub mod clustermanager;
mod gated;
pub mod placement;
pub mod registration;
pub mod work;

use std::net::SocketAddr;

use anyhow::Context as _;
use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::ocm::names;
use crate::runtime::leader::{self, Election};
use crate::runtime::{Context, Tasks, serve};

/// How the hub runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where health and metrics are served; nowhere when `None`.
    pub listen: Option<SocketAddr>,
    /// The namespace of the hub's own objects: leader election, ServiceAccount.
    pub namespace: String,
    /// Where admission webhooks are served; nowhere when `None`.
    pub webhooks: Option<admission::Options>,
    /// Whether one of several replicas works at a time.
    pub leader_election: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: None,
            webhooks: None,
            namespace: crate::k8s::incluster::namespace()
                .unwrap_or_else(|| names::OPERATOR_NAMESPACE.to_owned()),
            leader_election: true,
        }
    }
}

/// Runs the hub until `shutdown`.
///
/// # Errors
/// The health endpoint cannot be bound, or leadership was lost.
pub async fn run(
    client: Client,
    options: Options,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let context = Context::new(client, shutdown.child_token());
    if let Some(address) = options.listen {
        let bound = serve::listen(
            address,
            context.health.clone(),
            context.metrics.clone(),
            context.shutdown.clone(),
        )
        .await
        .with_context(|| format!("cannot serve health and metrics on {address}"))?;
        tracing::info!(%bound, "health and metrics");
    }
    // Every replica answers; only the leader says where.
    let served = match options.webhooks {
        Some(webhooks) => Some(
            admission::serve(&context, &options.namespace, webhooks)
                .await
                .with_context(|| format!("cannot serve webhooks on {}", webhooks.listen))?,
        ),
        None => None,
    };
    let election = options
        .leader_election
        .then(|| Election::new(&options.namespace, "ocmadm-hub-lock", leader::identity()));
    let parts = {
        let context = context.clone();
        async move {
            let mut tasks = Tasks::new(context.shutdown.clone());
            tasks.spawn(clustermanager::run(context.clone(), served.clone()));
            tasks.spawn(registration::run(context.clone()));
            tasks.spawn(registration::profile::run(context.clone()));
            tasks.spawn(registration::importer::run(context.clone()));
            tasks.spawn(work::run(context.clone()));
            tasks.spawn(placement::run(context.clone()));
            tasks.spawn(addon::run(context.clone()));
            if let Some(served) = served {
                tasks.spawn(admission::keep(context.clone(), served));
            }
            tasks.join().await;
        }
    };
    leader::lead(&context, election, parts).await?;
    // A panic in a part stops everything, but not because somebody asked for it.
    anyhow::ensure!(
        shutdown.is_cancelled(),
        "a part of the hub ended unexpectedly"
    );
    Ok(())
}
