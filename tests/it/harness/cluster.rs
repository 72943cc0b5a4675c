//! One cluster of whichever server this run is about.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::given::Given;
use super::{Kind, kinds, real};

/// One cluster, empty when the test gets it.
pub(crate) struct Cluster {
    /// An administrator's.
    pub(crate) client: Client,
    server: Server,
    folder: tempfile::TempDir,
}

enum Server {
    Embedded {
        server: ApiServer,
        address: tokio::sync::OnceCell<SocketAddr>,
    },
    Real(Box<real::Lease>),
    Given(Box<Given>),
}

/// Who may do everything.
pub(crate) fn admin() -> UserInfo {
    user("admin", &["system:masters"])
}

/// Somebody.
pub(crate) fn user(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        username: name.to_owned(),
        uid: String::new(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        extra: BTreeMap::new(),
    }
}

impl Cluster {
    /// An empty cluster. The name is for messages.
    pub(crate) async fn start(name: &str) -> Self {
        ocmadm::cli::install_crypto_provider();
        match Kind::of_this_run() {
            Kind::Embedded => Self::embedded(name).await,
            Kind::Real => {
                let lease = real::lease().await;
                Self::of(lease.client(), Server::Real(Box::new(lease)))
            }
            Kind::Given => match Given::take().await {
                Some(given) => Self::of(given.client.clone(), Server::Given(Box::new(given))),
                None => Self::embedded(name).await,
            },
        }
    }

    /// One in this process, whatever the run is about.
    pub(crate) async fn embedded(name: &str) -> Self {
        Self::in_process(name, None).await
    }

    /// The same, with what it holds in a folder.
    pub(crate) async fn kept(name: &str, folder: &Path) -> Self {
        Self::in_process(name, Some(folder.to_owned())).await
    }

    /// Stops a server of this process; others live on.
    pub(crate) async fn stop(&self) {
        if let Server::Embedded { server, .. } = &self.server {
            server.shutdown().await;
        }
    }

    async fn in_process(name: &str, data_dir: Option<PathBuf>) -> Self {
        ocmadm::cli::install_crypto_provider();
        let server = ApiServer::start(Options {
            name: name.to_owned(),
            data_dir,
            ..Options::default()
        })
        .await
        .unwrap();
        let client = Client::new(server.service(admin()), "default");
        Self::of(
            client,
            Server::Embedded {
                server,
                address: tokio::sync::OnceCell::new(),
            },
        )
    }

    fn of(client: Client, server: Server) -> Self {
        Self {
            client,
            server,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Whether controllers of workloads run here already.
    pub(crate) fn runs_workloads(&self) -> bool {
        !matches!(self.server, Server::Embedded { .. })
    }

    /// A client of this user, by impersonation where there is no other way.
    pub(crate) fn client_as(&self, user: &UserInfo) -> Client {
        if let Server::Embedded { server, .. } = &self.server {
            return Client::new(server.service(user.clone()), "default");
        }
        let (client, user) = (self.client.clone(), user.clone());
        let service = tower::service_fn(move |mut request: http::Request<kube::client::Body>| {
            let client = client.clone();
            let headers = request.headers_mut();
            headers.insert("impersonate-user", user.username.parse().unwrap());
            for group in &user.groups {
                headers.append("impersonate-group", group.parse().unwrap());
            }
            async move { client.send(request).await }
        });
        Client::new(service, "default")
    }

    /// A client with a certificate of its own: what such a user really has.
    pub(crate) async fn client_of(&self, user: &UserInfo) -> Client {
        self.client_for(user, Duration::from_secs(3600)).await
    }

    /// The same for as long as the certificate lives.
    pub(crate) async fn client_for(&self, user: &UserInfo, lifetime: Duration) -> Client {
        let own = self.certificate(user, lifetime).await;
        client_from(&self.kubeconfig_of(&[("own".into(), own)]).await).await
    }

    async fn certificate(&self, user: &UserInfo, lifetime: Duration) -> Value {
        let (certificate, key) = self.issue(user, lifetime).await;
        json!({
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        })
    }

    /// A client with a token, or with nothing.
    pub(crate) async fn client_with(&self, token: Option<&str>) -> Client {
        let user = token.map_or(json!({}), |token| json!({"token": token}));
        client_from(&self.kubeconfig_of(&[("own".into(), user)]).await).await
    }

    /// A client that is this service account.
    pub(crate) fn service_account(&self, namespace: &str, name: &str) -> Client {
        self.client_as(&account(namespace, name))
    }

    /// A kubeconfig of a service account: for clients that share no connection
    /// with others, as those of another process.
    pub(crate) async fn account_config(&self, namespace: &str, name: &str) -> String {
        self.config(&[("account", account(namespace, name))]).await
    }

    /// Where it listens.
    pub(crate) async fn address(&self) -> SocketAddr {
        match &self.server {
            Server::Embedded { server, address } => {
                let listen = || async {
                    let any = SocketAddr::from(([127, 0, 0, 1], 0));
                    server.listen(any).await.unwrap()
                };
                *address.get_or_init(listen).await
            }
            Server::Real(lease) => lease.address(),
            Server::Given(given) => given.address(),
        }
    }

    /// Its URL.
    pub(crate) async fn url(&self) -> String {
        match &self.server {
            Server::Given(given) => given.url.clone(),
            _ => format!("https://{}", self.address().await),
        }
    }

    /// A client that trusts the server, and has no credentials.
    pub(crate) async fn bare(&self) -> Client {
        let mut config = kube::Config::new(self.url().await.parse().unwrap());
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.ca_pem().as_bytes()).unwrap();
        config.root_cert = Some(vec![pem.contents]);
        Client::try_from(config).unwrap()
    }

    /// The certificate authority of its server.
    pub(crate) fn ca_pem(&self) -> String {
        match &self.server {
            Server::Embedded { server, .. } => server.ca_pem(),
            Server::Real(lease) => lease.authority().pem(),
            Server::Given(given) => given.ca_pem.clone(),
        }
    }

    /// A client certificate and its key.
    pub(crate) async fn issue(&self, user: &UserInfo, lifetime: Duration) -> (String, String) {
        match &self.server {
            Server::Embedded { server, .. } => {
                server.issue_client_certificate(user, lifetime).unwrap()
            }
            Server::Real(lease) => lease.authority().issue_client(user, lifetime).unwrap(),
            Server::Given(given) => given.issue(user, lifetime).await,
        }
    }

    /// What a kubeconfig says of this user.
    async fn credentials(&self, user: &UserInfo) -> Value {
        match &self.server {
            Server::Given(given) if user.groups.iter().any(|g| g == "system:masters") => {
                given.credentials.clone()
            }
            _ => self.certificate(user, Duration::from_secs(3600)).await,
        }
    }

    /// A kubeconfig with a context for each user; the first is the current one.
    pub(crate) async fn config(&self, contexts: &[(&str, UserInfo)]) -> String {
        let mut credentials = Vec::new();
        for (name, user) in contexts {
            credentials.push(((*name).to_owned(), self.credentials(user).await));
        }
        self.kubeconfig_of(&credentials).await
    }

    async fn kubeconfig_of(&self, credentials: &[(String, Value)]) -> String {
        let mut users = Vec::new();
        let mut named = Vec::new();
        for (name, user) in credentials {
            users.push(json!({"name": name, "user": user}));
            named.push(json!({"name": name, "context": {"cluster": "c", "user": name}}));
        }
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {
                "server": self.url().await,
                "certificate-authority-data": STANDARD.encode(self.ca_pem()),
            }}],
            "users": users,
            "contexts": named,
            "current-context": credentials[0].0,
        })
        .to_string()
    }

    /// The path of an administrator's kubeconfig.
    pub(crate) async fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.path().join("kubeconfig");
        let config = self.config(&[("test", admin())]).await;
        std::fs::write(&path, config).unwrap();
        path
    }

    pub(crate) fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        kinds::api(&self.client, kind, namespace)
    }

    pub(crate) async fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let object = self.api(kind, namespace).get_opt(name).await.unwrap()?;
        Some(serde_json::to_value(object).unwrap())
    }

    pub(crate) async fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let list = self.api(kind, namespace).list(&Default::default()).await;
        list.unwrap()
            .items
            .into_iter()
            .map(|object| serde_json::to_value(object).unwrap())
            .collect()
    }

    pub(crate) async fn create(&self, object: Value) -> Value {
        create(&self.client, object).await.unwrap()
    }

    pub(crate) async fn merge(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Value {
        let patched = self
            .api(kind, namespace)
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        serde_json::to_value(patched).unwrap()
    }

    pub(crate) async fn merge_status(&self, kind: &str, namespace: &str, name: &str, patch: Value) {
        self.api(kind, namespace)
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub(crate) async fn delete(&self, kind: &str, namespace: &str, name: &str) {
        self.api(kind, namespace)
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// The API an object belongs to.
    pub(crate) fn api_of(&self, object: &Value) -> Api<DynamicObject> {
        api_of(&self.client, object)
    }

    /// Applies as an administrator, by server-side apply, as `init` and `join` do.
    pub(crate) async fn apply(&self, objects: &[DynamicObject]) {
        let discovery = ocmadm::k8s::discovery::Discovery::new(self.client.clone());
        ocmadm::k8s::apply::Applier::new(self.client.clone(), discovery, "test")
            .apply(objects, |_| {})
            .await
            .unwrap_or_else(|error| panic!("{}", ocmadm::runtime::source_chain(&error)));
    }

    /// Applies all but Deployments: the test itself is what they would run.
    pub(crate) async fn install(&self, mut objects: Vec<DynamicObject>) {
        objects.retain(|object| object.types.as_ref().unwrap().kind != "Deployment");
        self.apply(&objects).await;
    }
}

fn api_of(client: &Client, object: &Value) -> Api<DynamicObject> {
    let version = object["apiVersion"].as_str().unwrap();
    let resource = kinds::resource(version, object["kind"].as_str().unwrap());
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    kinds::within(client, &resource, namespace)
}

/// Creates an object as whoever the client is.
pub(crate) async fn create(client: &Client, object: Value) -> Result<Value, kube::Error> {
    let api = api_of(client, &object);
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let created = api.create(&PostParams::default(), &object).await?;
    Ok(serde_json::to_value(created).unwrap())
}

async fn client_from(kubeconfig: &str) -> Client {
    let kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.unwrap()).unwrap()
}

fn account(namespace: &str, name: &str) -> UserInfo {
    user(
        &format!("system:serviceaccount:{namespace}:{name}"),
        &[
            "system:serviceaccounts",
            &format!("system:serviceaccounts:{namespace}"),
            "system:authenticated",
        ],
    )
}
