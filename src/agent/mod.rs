//! The native agent: registration, lease, works, add-ons and the Klusterlet.
//!
//! [`run`] is the whole of `ocmadm agent`: it waits until this replica leads,
//! then reconciles the Klusterlet and keeps the cluster registered; the works
//! are applied as soon as the hub has granted an identity.

pub mod addon;
pub mod certificate;
pub mod klusterlet;
pub mod registration;
pub mod work;

use std::net::SocketAddr;

use anyhow::Context as _;
use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::ocm::names;
use crate::runtime::leader::{self, Election};
use crate::runtime::{Context, Tasks, serve};

/// How the agent runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where health and metrics are served; nowhere when `None`.
    pub listen: Option<SocketAddr>,
    /// The namespace of the agent's own process: leader election.
    pub namespace: String,
    /// Whether one of several replicas works at a time.
    pub leader_election: bool,
    /// The Klusterlet that says how.
    pub klusterlet: String,
    /// The CA (PEM) of the managed cluster's API server, for the hub.
    pub spoke_ca: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: None,
            namespace: crate::k8s::incluster::namespace()
                .unwrap_or_else(|| names::OPERATOR_NAMESPACE.to_owned()),
            leader_election: true,
            klusterlet: names::KLUSTERLET.to_owned(),
            spoke_ca: None,
        }
    }
}

/// Runs the agent on the cluster of `client` until `shutdown`.
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
    let election = options
        .leader_election
        .then(|| Election::new(&options.namespace, "ocmadm-agent-lock", leader::identity()));
    let parts = {
        let context = context.clone();
        async move {
            let mut tasks = Tasks::new(context.shutdown.clone());
            let (told, hub_news) = tokio::sync::watch::channel(());
            tasks.spawn(klusterlet::run(
                context.clone(),
                klusterlet::Options {
                    klusterlet: options.klusterlet.clone(),
                    namespace: options.namespace,
                    hub_news: Some(hub_news),
                },
            ));
            tasks.spawn(registration::run(
                context.clone(),
                registration::Options {
                    klusterlet: options.klusterlet,
                    spoke_ca: options.spoke_ca,
                    hub_news: told,
                },
            ));
            tasks.join().await;
        }
    };
    leader::lead(&context, election, parts).await?;
    // A panic in a part stops everything, but not because somebody asked for it.
    anyhow::ensure!(
        shutdown.is_cancelled(),
        "a part of the agent ended unexpectedly"
    );
    Ok(())
}
