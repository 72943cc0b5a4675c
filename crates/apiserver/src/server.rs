//! The server as a whole: options, start, in-process and TLS access, shutdown.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::UserInfo;
use crate::authn::Authenticator;
use crate::http::{self, Handler, Service};
use crate::loops::{self, Host};
use crate::pki::{Authority, PkiError, ServiceAccountKeys};
use crate::registry::{Registry, RequestContext, View};
use crate::status::Status;
use crate::store::{OpenError, Store};

/// How long connections may take to end at shutdown.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// For people and logs.
    pub name: String,
    /// Where objects, keys and certificates are kept; `None`: only in memory.
    pub data_dir: Option<PathBuf>,
    /// Whether the loops run that a cluster needs to live: namespaces, garbage
    /// collection, service accounts, certificates.
    pub controllers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "apiserver".to_owned(),
            data_dir: None,
            controllers: true,
        }
    }
}

/// Why a server did not start or listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its folder cannot be made.
    #[error("cannot create the folder {path}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its objects cannot be read.
    #[error("cannot open the stored objects")]
    Store(#[from] OpenError),
    /// Its keys or certificates cannot be made or read.
    #[error("cannot set up keys and certificates")]
    Pki(#[from] PkiError),
    /// It cannot listen there.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// An object that every server has cannot be stored.
    #[error("cannot create {what}")]
    Bootstrap {
        /// Which one.
        what: String,
        /// Why.
        source: Status,
    },
}

/// A running server. Clones are the same server; it runs until
/// [`ApiServer::shutdown`] or the end of the process.
#[derive(Clone, Debug)]
pub struct ApiServer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    registry: Registry,
    handler: Handler,
    authority: Arc<Authority>,
    keys: Arc<ServiceAccountKeys>,
    /// Ends listeners and loops.
    stop: CancellationToken,
    tasks: TaskTracker,
    addresses: Mutex<Vec<SocketAddr>>,
}

impl Inner {
    fn host(&self) -> Host {
        Host {
            registry: self.registry.clone(),
            authority: self.authority.clone(),
            keys: self.keys.clone(),
        }
    }
}

/// Makes a folder that only its owner can look into: it holds keys and secrets.
fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl ApiServer {
    /// Starts a server: when this returns, its default namespaces and roles are
    /// there and requests are answered.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let store = match &options.data_dir {
            None => Store::memory(),
            Some(folder) => {
                private_folder(folder).map_err(|source| Error::Folder {
                    path: folder.clone(),
                    source,
                })?;
                Store::open(&folder.join("objects.redb"))?
            }
        };
        let folder = options.data_dir.as_deref();
        let authority = Arc::new(Authority::open(folder)?);
        let keys = Arc::new(ServiceAccountKeys::open(folder)?);
        let registry = Registry::new(store);
        let authenticator = Authenticator::new(&authority, keys.clone())?;
        let handler = Handler::new(registry.clone(), authenticator, keys.clone());
        let server = Self(Arc::new(Inner {
            options,
            registry,
            handler,
            authority,
            keys,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            addresses: Mutex::default(),
        }));
        server.bootstrap().await?;
        let inner = &server.0;
        if inner.options.controllers {
            loops::start(&inner.host(), &inner.tasks, &inner.stop);
        }
        Ok(server)
    }

    /// Creates what every server has: namespaces, default roles and bindings.
    async fn bootstrap(&self) -> Result<(), Error> {
        let mut objects: Vec<Value> = ["default", "kube-system", "kube-public", "kube-node-lease"]
            .iter()
            .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}))
            .collect();
        self.create_missing(&objects).await?;
        // How servers of further APIs know the clients of this one.
        objects = vec![json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
            "data": {"client-ca-file": self.ca_pem()},
        })];
        self.create_missing(&objects).await?;
        loops::reconcile_roles(&self.0.registry)
            .await
            .map_err(|source| Error::Bootstrap {
                what: "the default roles".to_owned(),
                source,
            })
    }

    async fn create_missing(&self, objects: &[Value]) -> Result<(), Error> {
        let registry = &self.0.registry;
        let context = RequestContext::system("bootstrap");
        let catalog = registry.catalog();
        let creations = objects.iter().filter_map(|object| {
            let api_version = object["apiVersion"].as_str().unwrap_or_default();
            let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
            let gvk = crate::api::GroupVersionKind::new(
                group,
                version,
                object["kind"].as_str().unwrap_or_default(),
            );
            let resource = catalog.find_kind(&gvk)?.clone();
            let namespace = object["metadata"]["namespace"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let name = object["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if registry.read(&resource.gr, &namespace, &name).is_some() {
                return None;
            }
            let (context, object) = (&context, object.clone());
            Some(async move {
                registry
                    .create(context, &resource, &namespace, object)
                    .await
                    .map(drop)
                    .map_err(|source| Error::Bootstrap {
                        what: format!("{} {name}", resource.gvk.kind),
                        source,
                    })
            })
        });
        join_all(creations).await.into_iter().collect()
    }

    /// The server for a client in this process: `kube::Client::new(server.service(user), "default")`.
    /// The user is taken as authenticated; RBAC applies.
    pub fn service(&self, user: UserInfo) -> Service {
        Service::new(self.0.handler.clone(), user)
    }

    /// Listens with TLS, on port 0 wherever there is room; answers where. May
    /// be called several times.
    pub async fn listen(&self, address: SocketAddr) -> Result<SocketAddr, Error> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| Error::Listen { address, source })?;
        let bound = listener
            .local_addr()
            .map_err(|source| Error::Listen { address, source })?;
        let tls = self.0.authority.server_config(&[bound.ip()])?;
        let inner = &self.0;
        inner.tasks.spawn(http::serve(
            listener,
            Arc::new(tls),
            inner.handler.clone(),
            inner.stop.clone(),
            inner.tasks.clone(),
        ));
        inner
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(bound);
        if inner.options.controllers {
            loops::publish(&inner.host(), bound)
                .await
                .map_err(|source| Error::Bootstrap {
                    what: "the kubernetes service".to_owned(),
                    source,
                })?;
        }
        tracing::info!(server = inner.options.name, %bound, "listening");
        Ok(bound)
    }

    /// The certificate of its authority.
    pub fn ca_pem(&self) -> String {
        self.0.authority.pem()
    }

    /// A client certificate and its key, both PEM.
    pub fn issue_client_certificate(
        &self,
        user: &UserInfo,
        lifetime: Duration,
    ) -> Result<(String, String), Error> {
        Ok(self.0.authority.issue_client(user, lifetime)?)
    }

    /// Forgets what was: watches, lists and pages of versions before the present
    /// one answer 410, as after a compaction of etcd.
    pub fn compact(&self) {
        self.registry().store().compact();
    }

    /// The verbs without HTTP.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The keys that sign service-account tokens.
    pub fn service_account_keys(&self) -> &Arc<ServiceAccountKeys> {
        &self.0.keys
    }

    /// Ends loops, watches and connections, and returns when all writes are on
    /// disk.
    pub async fn shutdown(&self) {
        let inner = &self.0;
        inner.stop.cancel();
        inner.registry.store().close().await;
        inner.tasks.close();
        if tokio::time::timeout(PATIENCE, inner.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(server = inner.options.name, "connections are still open");
        }
    }
}
