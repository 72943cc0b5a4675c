//! Admission webhooks: the API server asks the hub before a cluster, a binding
//! or a work is written (protocol §9, and §1.6 of works).
//!
//! A [`Judge`] answers for one path. Every replica serves all judges
//! (`serve`) with one certificate that the hub makes and rotates itself
//! (`certificate`); the leader keeps the webhook configurations
//! (`configuration`).
//!
//! To add a webhook: a judge in [`judges`], its entry in
//! `embedded-manifests/hub/components/webhooks.yaml`, and the configuration's
//! name in the hub's role.

mod access;
mod bindings;
mod certificate;
mod clusters;
mod configuration;
mod review;
mod serve;
mod works;

use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::runtime::Context;

pub use access::{World, may};
pub use review::{Refusal, Request, UserInfo, Verdict};

/// Decides about the writes of one webhook.
pub trait Judge: Send + Sync + 'static {
    /// The path of its URL.
    fn path(&self) -> &'static str;

    /// What it says about a write. An error means that it could not find out:
    /// the write is refused and may be tried again.
    fn judge<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Verdict, kube::Error>>;
}

/// All judges of the hub.
fn judges(world: &Arc<World>) -> Vec<Arc<dyn Judge>> {
    vec![
        Arc::new(clusters::Mutating(Arc::clone(world))),
        Arc::new(clusters::Validating(Arc::clone(world))),
        Arc::new(bindings::Validating(Arc::clone(world))),
        Arc::new(works::Validating(Arc::clone(world))),
    ]
}

/// How the webhooks are served.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The address that is listened on.
    pub listen: SocketAddr,
    /// How the API server gets there.
    pub reach: Reach,
}

/// How the API server reaches the webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Through the Service in the hub's namespace.
    Service,
    /// At the address itself: it runs on the same machine, or the cluster has
    /// no network of its own.
    Address,
}

/// Webhooks that are served.
#[derive(Clone, Debug)]
pub struct Served {
    /// `https://<address>`, unless they are reached through the Service.
    base: Option<String>,
    /// The authorities (PEM) that vouch for the present certificate and for
    /// the one before.
    authorities: watch::Receiver<Option<String>>,
}

/// Serves the webhooks until the context's shutdown. `namespace` is the hub's.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(
    context: &Context,
    namespace: &str,
    options: Options,
) -> std::io::Result<Served> {
    let (shown, authorities) = watch::channel(None);
    let current = Arc::new(certificate::Current::default());
    let world = World::start(context, namespace);
    let bound = serve::listen(
        options.listen,
        Arc::clone(&current),
        judges(&world),
        context.shutdown.clone(),
    )
    .await?;
    tracing::info!(%bound, "admission webhooks");
    tokio::spawn(certificate::run(
        context.clone(),
        namespace.to_owned(),
        current,
        shown,
    ));
    Ok(Served {
        base: (options.reach == Reach::Address).then(|| format!("https://{bound}")),
        authorities,
    })
}

/// Keeps the webhook configurations, for as long as there is a ClusterManager;
/// until the context's shutdown. For the leader.
pub async fn keep(context: Context, namespace: String, served: Served) {
    configuration::run(context, namespace, served).await;
}
