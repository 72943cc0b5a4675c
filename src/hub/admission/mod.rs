//! Webhooks: the API server asks the hub before a cluster, a binding or a work
//! is written (protocol §9, and §1.6 of works), and when somebody wants an
//! add-on in the version that is not stored (`convert`).
//!
//! A [`Judge`] answers for one path. Every replica serves all judges
//! (`serve`) with one certificate that the hub makes and rotates itself
//! (`certificate`); the leader keeps the webhook configurations
//! (`configuration`), and the definitions that name `convert` (`clustermanager`).
//!
//! To add a webhook: a judge in [`judges`], its entry in
//! `embedded-manifests/hub/components/webhooks.yaml`, and the configuration's
//! name in the hub's role.

mod access;
mod bindings;
mod certificate;
mod clusters;
mod configuration;
mod convert;
mod review;
mod serve;
mod works;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::{Api, Client};
use tokio::sync::watch;

use crate::bundle::WebhookEndpoint;
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

/// The configuration that tells where the hub was asked before.
const MUTATING: &str = "managedclustermutators.admission.cluster.open-cluster-management.io";
/// How long looking for that may take.
const LOOK: Duration = Duration::from_secs(3);

/// Webhooks that are served.
#[derive(Clone, Debug)]
pub struct Served {
    /// The hub's namespace.
    namespace: String,
    /// `https://<address>`, unless they are reached through the Service.
    base: Option<String>,
    /// The authorities (PEM) that vouch for the present certificate and for
    /// the one before.
    authorities: watch::Receiver<Option<String>>,
}

impl Served {
    /// Where the API server is to ask; `None` until there is a certificate.
    #[must_use]
    pub fn endpoint(&self) -> Option<WebhookEndpoint> {
        Some(WebhookEndpoint {
            authorities: self.authorities.borrow().clone()?,
            namespace: self.namespace.clone(),
            base: self.base.clone(),
        })
    }

    /// Ends when [`Served::endpoint`] is another one; never, once nobody makes
    /// certificates any more.
    pub async fn changed(&mut self) {
        if self.authorities.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
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
    let listen = async |address| {
        serve::listen(
            address,
            Arc::clone(&current),
            judges(&world),
            context.shutdown.clone(),
        )
        .await
    };
    // A hub that comes back where it was is asked at once: until the
    // configurations name another address, every write would be refused.
    let before = match options {
        Options {
            listen,
            reach: Reach::Address,
        } if listen.port() == 0 => last_address(&context.client, listen.ip()).await,
        _ => None,
    };
    let again = match before {
        Some(before) => listen(before).await.ok(),
        None => None,
    };
    let bound = match again {
        Some(bound) => bound,
        None => listen(options.listen).await?,
    };
    tracing::info!(%bound, "admission webhooks");
    tokio::spawn(certificate::run(
        context.clone(),
        namespace.to_owned(),
        current,
        shown,
    ));
    Ok(Served {
        namespace: namespace.to_owned(),
        base: (options.reach == Reach::Address).then(|| format!("https://{bound}")),
        authorities,
    })
}

/// Where the hub's webhooks were served before, if that was at `ip`.
async fn last_address(client: &Client, ip: IpAddr) -> Option<SocketAddr> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let found = tokio::time::timeout(LOOK, api.get_opt(MUTATING)).await;
    let webhook = found.ok()?.ok()??.webhooks?.into_iter().next()?;
    let url: http::Uri = webhook.client_config.url?.parse().ok()?;
    let address: SocketAddr = url.authority()?.as_str().parse().ok()?;
    (address.ip() == ip).then_some(address)
}

/// Keeps the webhook configurations, for as long as there is a ClusterManager;
/// until the context's shutdown. For the leader.
pub async fn keep(context: Context, served: Served) {
    configuration::run(context, served).await;
}
