//! What the integration tests share: an API server in this process, clients
//! for it, and waiting for a condition.

pub(crate) mod real;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use serde_json::json;

/// How long a test waits for what must happen. Generous: it is only reached
/// when the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// One cluster: an API server with its controllers, its data in memory.
pub(crate) struct Cluster {
    /// The server.
    pub(crate) server: ApiServer,
    /// For files of the test.
    pub(crate) dir: tempfile::TempDir,
}

impl Cluster {
    /// Starts an empty cluster.
    pub(crate) async fn start() -> Self {
        Self::start_named("cluster").await
    }

    /// Starts an empty cluster of this name.
    pub(crate) async fn start_named(name: &str) -> Self {
        let server = ApiServer::start(Options {
            name: name.to_owned(),
            controllers: true,
            ..Options::default()
        })
        .await
        .unwrap();
        Self {
            server,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A client that may do everything, without network.
    pub(crate) fn client(&self) -> kube::Client {
        self.client_as(&UserInfo::admin())
    }

    /// A client of this user, without network.
    pub(crate) fn client_as(&self, user: &UserInfo) -> kube::Client {
        kube::Client::new(self.server.service(user.clone()), "default")
    }

    /// Listens on loopback and writes an admin kubeconfig.
    pub(crate) async fn kubeconfig(&self) -> PathBuf {
        let address = self
            .server
            .listen(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let (certificate, key) = self
            .server
            .issue_client_certificate(&UserInfo::admin(), Duration::from_secs(3600))
            .unwrap();
        let encode = |pem: &str| {
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem.as_bytes())
        };
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {
                "server": format!("https://{address}"),
                "certificate-authority-data": encode(&self.server.ca_pem()),
            }}],
            "users": [{"name": "test", "user": {
                "client-certificate-data": encode(&certificate),
                "client-key-data": encode(&key),
            }}],
        });
        let path = self.dir.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }
}

/// Waits until the condition holds; says what it waited for when it does not.
pub(crate) async fn eventually<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
