//! A hub and a binary to run against it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use ocmadm::bundle;
use ocmadm::cmd::resources;
use ocmadm::k8s::apply::Applier;
use ocmadm::k8s::discovery::Discovery;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A server that listens, and a folder with a kubeconfig for it.
pub(super) struct World {
    /// The server.
    pub(super) server: ApiServer,
    /// As an administrator.
    pub(super) client: Client,
    /// Its URL.
    pub(super) url: String,
    folder: tempfile::TempDir,
}

impl World {
    /// A cluster that is nothing yet.
    pub(super) async fn bare() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = ApiServer::start(Options::default()).await.unwrap();
        let address = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let client = Client::new(server.service(admin()), "default");
        let world = Self {
            url: format!("https://{address}"),
            folder: tempfile::tempdir().unwrap(),
            server,
            client,
        };
        let contexts = [("hub", admin()), ("guest", user("guest", &[]))];
        fs::write(world.kubeconfig(), world.config(&contexts)).unwrap();
        world
    }

    /// A cluster with the hub's definitions, but no controllers.
    pub(super) async fn hub() -> Self {
        let world = Self::bare().await;
        let mut objects = bundle::hub(&bundle::HubValues::default()).unwrap();
        objects.retain(|object| object.types.as_ref().unwrap().kind != "Deployment");
        objects.extend(bundle::hub_crds().unwrap());
        Applier::new(
            world.client.clone(),
            Discovery::new(world.client.clone()),
            "test",
        )
        .apply(&objects, |_| {})
        .await
        .unwrap();
        world
    }

    /// A ManagedCluster with its namespace, accepted or not.
    pub(super) async fn cluster(&self, name: &str, accepted: bool) {
        let cluster = json!({
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name},
            "spec": {"hubAcceptsClient": accepted, "leaseDurationSeconds": 60},
        });
        self.create(&resources::managed_cluster(), None, cluster)
            .await;
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .unwrap();
    }

    /// Creates an object of ours.
    pub(super) async fn create(
        &self,
        resource: &kube::api::ApiResource,
        namespace: Option<&str>,
        value: Value,
    ) -> DynamicObject {
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => resources::within(&self.client, resource, namespace),
            None => resources::all(&self.client, resource),
        };
        let object: DynamicObject = serde_json::from_value(value).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap()
    }

    /// Sets a status.
    pub(super) async fn status(&self, api: &Api<DynamicObject>, name: &str, status: Value) {
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// A kubeconfig with a client certificate for each context.
    pub(super) fn config(&self, contexts: &[(&str, UserInfo)]) -> String {
        let encode =
            |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        let mut users = Vec::new();
        let mut named = Vec::new();
        for (name, user) in contexts {
            let (certificate, key) = self
                .server
                .issue_client_certificate(user, Duration::from_secs(3600))
                .unwrap();
            users.push(json!({"name": name, "user": {
                "client-certificate-data": encode(&certificate),
                "client-key-data": encode(&key),
            }}));
            named.push(json!({"name": name, "context": {"cluster": "c", "user": name}}));
        }
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {
                "server": self.url,
                "certificate-authority-data": encode(&self.server.ca_pem()),
            }}],
            "users": users,
            "contexts": named,
            "current-context": contexts[0].0,
        })
        .to_string()
    }

    /// The kubeconfig's path.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// Writes a file into the folder commands run in.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs `ocmadm` with these arguments.
    pub(super) async fn run(&self, args: &[&str]) -> String {
        self.run_with(args, "").await
    }

    /// Runs `ocmadm` with something on standard input.
    pub(super) async fn run_with(&self, args: &[&str], stdin: &str) -> String {
        let kubeconfig = self.kubeconfig();
        let ran = run(self.folder.path(), Some(&kubeconfig), args, stdin).await;
        ran.replace(&self.url, "https://HUB")
            .replace(&self.folder.path().display().to_string(), "DIR")
    }
}

/// Who may do everything.
pub(super) fn admin() -> UserInfo {
    user("admin", &["system:masters"])
}

/// Somebody.
pub(super) fn user(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        username: name.to_owned(),
        uid: String::new(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        extra: std::collections::BTreeMap::new(),
    }
}

/// Runs the binary; everything it said as one text.
pub(super) async fn run(
    folder: &Path,
    kubeconfig: Option<&Path>,
    args: &[&str],
    stdin: &str,
) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocmadm"));
    command
        .arg0("ocmadm")
        .args(args)
        .env_clear()
        .env("HOME", folder)
        .env("COLUMNS", "100")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A command that does not read may be gone already.
    let _ = input.write_all(stdin.as_bytes()).await;
    drop(input);
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output())
        .await
        .expect("ocmadm ends")
        .unwrap();
    let mut text = format!("exit {}\n", output.status.code().unwrap_or(-1));
    for (name, bytes) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        let said = String::from_utf8(bytes).unwrap();
        if !said.is_empty() {
            let _ = write!(text, "--- {name}\n{said}");
        }
    }
    text
}
