//! One control plane: an API server in this process and its simulated node.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::error::{SandboxError, on_file};
use super::files;
use super::kubeconfig::Access;
use super::layout::{Layout, Serving};
use super::node;
use super::ports::loopback;

/// How long the administrator's certificate is valid; every start makes a new one.
const ADMIN_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a new namespace waits for its service account.
const ACCOUNTS_WITHIN: Duration = Duration::from_secs(20);

/// A control plane that serves.
pub struct Plane {
    name: String,
    server: ApiServer,
    address: SocketAddr,
    client: Client,
    node: node::Options,
}

impl Plane {
    /// Starts the API server on its port and registers the node.
    ///
    /// # Errors
    /// Its data cannot be opened, or its port not be listened on.
    pub async fn start(
        layout: &Layout,
        name: &str,
        port: u16,
        executable: PathBuf,
    ) -> Result<Self, SandboxError> {
        let member = layout.member(name);
        for folder in ["data", "pods", "logs"] {
            let folder = member.join(folder);
            files::private_dir(&folder).map_err(on_file("make the folder", folder))?;
        }
        clear_pods(&member.join("pods"))?;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| SandboxError::Start {
            cluster: name.to_owned(),
            source,
        };
        let server = ApiServer::start(Options {
            name: name.to_owned(),
            data_dir: Some(member.join("data")),
            controllers: true,
        })
        .await
        .map_err(|error| failed(Box::new(error)))?;
        let address = server
            .listen(loopback(port))
            .await
            .map_err(|error| failed(Box::new(error)))?;
        let client = Client::new(server.service(UserInfo::admin()), "default");
        let surroundings = node::Surroundings {
            server: address,
            ca: server.ca_pem(),
            executable,
            pods: member.join("pods"),
            logs: layout.logs(name),
        };
        let node = node::Options::new(&format!("{name}-node"), surroundings);
        node::register(&client, &node)
            .await
            .map_err(|error| failed(Box::new(error)))?;
        wait_for_accounts(&client).await.map_err(failed)?;
        Ok(Self {
            name: name.to_owned(),
            server,
            address,
            client,
            node,
        })
    }

    /// How an administrator reaches it.
    ///
    /// # Errors
    /// No certificate can be made.
    pub fn access(&self) -> Result<Access, SandboxError> {
        let (certificate, key) = self
            .server
            .issue_client_certificate(&UserInfo::admin(), ADMIN_LIFETIME)
            .map_err(|error| SandboxError::Start {
                cluster: self.name.clone(),
                source: Box::new(error),
            })?;
        Ok(Access {
            name: self.name.clone(),
            server: self.url(),
            ca: self.server.ca_pem(),
            certificate,
            key,
        })
    }

    /// What others are told.
    pub fn serving(&self) -> Serving {
        Serving {
            name: self.name.clone(),
            server: self.url(),
            node: self.node.facts.node.clone(),
        }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Simulates the node until told to stop, then stops serving.
    pub async fn run(self, shutdown: CancellationToken) {
        node::run(self.client, self.node, shutdown).await;
        self.server.shutdown().await;
        tracing::info!(cluster = self.name, "stopped");
    }
}

/// A namespace takes pods once it has its service account, which a loop of the
/// server makes a moment after the start.
async fn wait_for_accounts(
    client: &Client,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
    let there = |account: Option<&ServiceAccount>| account.is_some();
    tokio::time::timeout(ACCOUNTS_WITHIN, await_condition(accounts, "default", there)).await??;
    Ok(())
}

/// Folders of pods whose processes ended with the supervisor before.
fn clear_pods(dir: &std::path::Path) -> Result<(), SandboxError> {
    for entry in std::fs::read_dir(dir).map_err(on_file("read", dir))? {
        let path = entry.map_err(on_file("read", dir))?.path();
        std::fs::remove_dir_all(&path).map_err(on_file("remove", path))?;
    }
    Ok(())
}
