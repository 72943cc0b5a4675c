//! A hub and a binary to run against it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use apiserver::api::UserInfo;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use ocmadm::bundle;
use ocmadm::cmd::resources;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::harness::Cluster;
pub(super) use crate::harness::{admin, user};

/// A server that listens, and a folder with a kubeconfig for it.
pub(super) struct World {
    /// The server.
    pub(super) cluster: Cluster,
    /// As an administrator.
    pub(super) client: Client,
    /// Its URL.
    pub(super) url: String,
    folder: tempfile::TempDir,
}

impl World {
    /// A cluster that is nothing yet.
    pub(super) async fn bare() -> Self {
        let cluster = Cluster::start("hub").await;
        let world = Self {
            url: cluster.url().await,
            folder: tempfile::tempdir().unwrap(),
            client: cluster.client.clone(),
            cluster,
        };
        let contexts = [("hub", admin()), ("guest", user("guest", &[]))];
        fs::write(world.kubeconfig(), world.config(&contexts).await).unwrap();
        world
    }

    /// A cluster with the hub's definitions, but no controllers.
    pub(super) async fn hub() -> Self {
        let world = Self::bare().await;
        let mut objects = bundle::hub(&bundle::HubValues::default()).unwrap();
        objects.extend(bundle::hub_crds().unwrap());
        world.cluster.install(objects).await;
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
    pub(super) async fn config(&self, contexts: &[(&str, UserInfo)]) -> String {
        self.cluster.config(contexts).await
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

    /// Runs it under another name.
    pub(super) async fn run_as(&self, name: &str, args: &[&str]) -> String {
        let kubeconfig = self.kubeconfig();
        let ran = run_as(name, self.folder.path(), Some(&kubeconfig), args, "").await;
        ran.replace(&self.url, "https://HUB")
    }

    /// Runs `ocmadm` with more in its environment.
    pub(super) async fn run_in(&self, environment: &[(&str, &str)], args: &[&str]) -> String {
        let kubeconfig = self.kubeconfig();
        let mut command = command("ocmadm", self.folder.path(), Some(&kubeconfig), args);
        command.envs(environment.iter().copied());
        let said = said(command, "").await;
        said.replace(&self.url, "https://HUB")
            .replace(&self.folder.path().display().to_string(), "DIR")
    }

    /// Runs `ocmadm` with something on standard input.
    pub(super) async fn run_with(&self, args: &[&str], stdin: &str) -> String {
        let kubeconfig = self.kubeconfig();
        let ran = run(self.folder.path(), Some(&kubeconfig), args, stdin).await;
        ran.replace(&self.url, "https://HUB")
            .replace(&self.folder.path().display().to_string(), "DIR")
    }
}

/// Runs the binary; everything it said as one text.
pub(super) async fn run(
    folder: &Path,
    kubeconfig: Option<&Path>,
    args: &[&str],
    stdin: &str,
) -> String {
    run_as("ocmadm", folder, kubeconfig, args, stdin).await
}

/// Runs the binary under a name; everything it said as one text.
pub(super) async fn run_as(
    name: &str,
    folder: &Path,
    kubeconfig: Option<&Path>,
    args: &[&str],
    stdin: &str,
) -> String {
    said(command(name, folder, kubeconfig, args), stdin).await
}

fn command(name: &str, folder: &Path, kubeconfig: Option<&Path>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocmadm"));
    command
        .arg0(name)
        .args(args)
        .env_clear()
        .env("HOME", folder)
        // What is looked for without a PATH, and what a test puts into `bin`.
        .env("PATH", format!("{}/bin:/bin:/usr/bin", folder.display()))
        .env("COLUMNS", "100")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    command
}

/// Runs it; everything it said as one text.
async fn said(mut command: Command, stdin: &str) -> String {
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
