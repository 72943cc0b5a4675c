//! How the add-on's proxy server is reached, and managed clusters through it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueHint;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::ListParams;
use kube::client::ConfigExt as _;
use kube::{Api, Config, ResourceExt as _};
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::ClientConfig;
use thiserror::Error;
use tokio::io::DuplexStream;
use tokio::net::TcpStream;

use crate::cmd::explain::Doing as _;
use crate::cmd::resources;
use crate::error::CommandError;
use crate::k8s::client::{self, Connection, Failure};
use crate::k8s::tunnel::{self, TunnelError};

/// The add-on, and the one object of its configuration.
pub(super) const ADDON: &str = "cluster-proxy";

/// Where the proxy server is found by default: through a port that is forwarded.
const HERE: &str = "127.0.0.1";

/// The proxy server's pods.
const PODS: &str = "proxy.open-cluster-management.io/component-name=proxy-server";

/// Where the proxy server is, and who we are to it.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct ServerArgs {
    /// Take the proxy's certificates from its Secrets on the hub
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    in_cluster_proxy_cert_lookup: bool,

    /// File with the CA of the proxy server (PEM); with --proxy-cert and --proxy-key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["proxy_cert", "proxy_key"])]
    proxy_ca_cert: Option<PathBuf>,

    /// File with a client certificate for the proxy server (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "proxy_ca_cert")]
    proxy_cert: Option<PathBuf>,

    /// File with the key of --proxy-cert (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "proxy_ca_cert")]
    proxy_key: Option<PathBuf>,

    /// Host of the proxy server; a port of its pods is forwarded where nothing is said
    #[arg(long, value_name = "HOST", default_value = HERE)]
    proxy_server_host: String,

    /// Port of the proxy server
    #[arg(long, value_name = "PORT", default_value_t = 8090)]
    proxy_server_port: u16,
}

/// A proxy server, and the way to it.
pub(super) struct Reach {
    tls: Arc<ClientConfig>,
    place: Place,
    port: u16,
}

enum Place {
    Host(String),
    Pod { pods: Box<Api<Pod>>, name: String },
}

/// Why there is no connection to a managed cluster.
#[derive(Debug, Error)]
pub(super) enum DialError {
    #[error("the proxy server cannot be reached")]
    Connect(#[source] std::io::Error),
    #[error("no port of the proxy server's pod {0} can be forwarded")]
    Forward(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
}

impl DialError {
    /// The whole chain, as one sentence for a table or a log.
    pub(super) fn whole(&self) -> String {
        crate::runtime::source_chain(self)
    }
}

impl Reach {
    /// Finds the proxy server and what it takes to speak with it.
    ///
    /// # Errors
    /// The add-on is not there, or not ready; files that cannot be used.
    pub(super) async fn find(args: &ServerArgs, hub: &Connection) -> Result<Self, CommandError> {
        let files = match (&args.proxy_ca_cert, &args.proxy_cert, &args.proxy_key) {
            (Some(ca), Some(cert), Some(key)) => Some([ca, cert, key]),
            _ => None,
        };
        if files.is_none() && !args.in_cluster_proxy_cert_lookup {
            return Err(CommandError::usage(
                "without the certificates on the hub, --proxy-ca-cert, --proxy-cert and --proxy-key must be given",
            ));
        }
        let namespace = namespace(hub).await?;
        let [ca, cert, key] = match files {
            Some(files) => {
                let [ca, cert, key] = files.map(|path| read(path));
                [ca?, cert?, key?]
            }
            None => secrets(hub, &namespace).await?,
        };
        let place = if files.is_some() || args.proxy_server_host != HERE {
            Place::Host(args.proxy_server_host.clone())
        } else {
            let pods: Api<Pod> = Api::namespaced(hub.client.clone(), &namespace);
            let name = pod(hub, &pods, &namespace).await?;
            Place::Pod {
                pods: Box::new(pods),
                name,
            }
        };
        Ok(Self {
            tls: Arc::new(identity(&ca, &cert, &key)?),
            place,
            port: args.proxy_server_port,
        })
    }

    /// A connection to the API server of a managed cluster.
    ///
    /// # Errors
    /// The proxy server, or the agent behind it, does not open it.
    pub(super) async fn dial(&self, cluster: &str) -> Result<DuplexStream, DialError> {
        let address = format!("{cluster}:443");
        let random = random();
        let tls = self.tls.clone();
        Ok(match &self.place {
            Place::Host(host) => {
                let stream = TcpStream::connect((host.as_str(), self.port))
                    .await
                    .map_err(DialError::Connect)?;
                stream.set_nodelay(true).map_err(DialError::Connect)?;
                tunnel::dial(stream, tls, host, &address, random).await?
            }
            Place::Pod { pods, name } => {
                let closed = "it closed at once";
                let mut forwarded = pods
                    .portforward(name, &[self.port])
                    .await
                    .map_err(|error| DialError::Forward(name.clone(), Box::new(error)))?;
                let stream = forwarded
                    .take_stream(self.port)
                    .ok_or_else(|| DialError::Forward(name.clone(), closed.into()))?;
                tunnel::dial(stream, tls, "localhost", &address, random).await?
            }
        })
    }
}

/// Names a request until it has a connection.
fn random() -> i64 {
    let mut bytes = [0; 8];
    // Two requests never share a stream: any number would do.
    let _ = SystemRandom::new().fill(&mut bytes);
    i64::from_le_bytes(bytes) & i64::MAX
}

/// Whether the add-on is there, and where its proxy server is.
async fn namespace(hub: &Connection) -> Result<String, CommandError> {
    const GUIDE: &str =
        "https://open-cluster-management.io/docs/getting-started/integration/cluster-proxy";
    let missing = || {
        CommandError::user("Cluster-Proxy addon is not installed.")
            .hint(format!("Consider following the guide: {GUIDE}"))
    };
    let addons = resources::all(&hub.client, &resources::cluster_management_addon());
    hub.call_opt(addons.get(ADDON))
        .await
        .doing("look for the add-on cluster-proxy")?
        .ok_or_else(missing)?;
    let configurations = resources::all(&hub.client, &resources::managed_proxy_configuration());
    let found = hub
        .call_opt(configurations.get(ADDON))
        .await
        .doing("read ManagedProxyConfiguration cluster-proxy")?;
    let namespace = found.as_ref().and_then(|found| {
        let namespace = found.data.pointer("/spec/proxyServer/namespace")?;
        namespace.as_str().filter(|text| !text.is_empty())
    });
    namespace.map(ToOwned::to_owned).ok_or_else(|| {
        CommandError::user("the add-on cluster-proxy has no configuration yet")
            .hint("ManagedProxyConfiguration cluster-proxy names the namespace of its proxy server")
    })
}

/// CA, certificate and key of the hub's own client of the proxy.
async fn secrets(hub: &Connection, namespace: &str) -> Result<[Vec<u8>; 3], CommandError> {
    let api: Api<Secret> = Api::namespaced(hub.client.clone(), namespace);
    let get = async |name: &str| {
        hub.call(api.get(name))
            .await
            .doing(&format!("read Secret {namespace}/{name}"))
    };
    let (authority, client) = tokio::try_join!(get("proxy-server-ca"), get("proxy-client"))?;
    let part = |secret: &Secret, key: &str| {
        let data = secret.data.as_ref().and_then(|data| data.get(key));
        data.map(|bytes| bytes.0.clone()).ok_or_else(|| {
            let name = secret.name_any();
            CommandError::user(format!("Secret {namespace}/{name} holds no {key}"))
                .hint("the add-on's manager on the hub writes it: see its logs")
        })
    };
    Ok([
        part(&authority, "ca.crt")?,
        part(&client, "tls.crt")?,
        part(&client, "tls.key")?,
    ])
}

/// A pod of the proxy server that takes connections.
async fn pod(hub: &Connection, pods: &Api<Pod>, namespace: &str) -> Result<String, CommandError> {
    let found = hub
        .call(pods.list(&ListParams::default().labels(PODS)))
        .await
        .doing(&format!("look for the proxy server's pods in {namespace}"))?;
    let ready = |pod: &&Pod| {
        let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_deref());
        let mut conditions = conditions.unwrap_or_default().iter();
        conditions.any(|one| one.type_ == "Ready" && one.status == "True")
    };
    found
        .iter()
        .find(ready)
        .map(kube::ResourceExt::name_any)
        .ok_or_else(|| {
            CommandError::user(format!(
                "no pod of the proxy server in namespace {namespace} is ready ({} there)",
                found.items.len()
            ))
            .hint(format!("`kubectl get pods -n {namespace} -l {PODS}`"))
        })
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(path).map_err(|error| {
        CommandError::user(format!("cannot read {}", path.display())).because(error)
    })
}

/// Our certificate, and whose we trust.
fn identity(ca: &[u8], cert: &[u8], key: &[u8]) -> Result<ClientConfig, CommandError> {
    let unusable = |error: kube::Error| {
        CommandError::user("the certificates for the proxy server cannot be used").because(error)
    };
    let mut config = Config::new(http::Uri::from_static("https://proxy-server"));
    config.root_cert = Some(client::certificates(ca));
    config.auth_info.client_certificate_data = Some(STANDARD.encode(cert));
    config.auth_info.client_key_data = Some(STANDARD.encode(key).into());
    config.rustls_client_config().map_err(unusable)
}

/// Whether the object, or its type, does not exist.
pub(super) fn is_missing(failure: &Failure) -> bool {
    matches!(failure, Failure::NotFound(_))
}
