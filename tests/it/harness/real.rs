//! A real control plane: etcd, kube-apiserver and kube-controller-manager,
//! built by `tests/apiserver/build`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A running control plane; it ends with this value.
pub(crate) struct ControlPlane {
    /// An administrator.
    pub(crate) client: kube::Client,
    _process: Child,
    _dir: tempfile::TempDir,
}

impl ControlPlane {
    /// Builds it where that has not been done, starts it and waits until it
    /// answers.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Command::new(program())
            .arg("--dir")
            .arg(dir.path())
            // It stops with this process, however that ends.
            .arg("--until-eof")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let kubeconfig = lines.next_line().await.unwrap().unwrap();
        let config = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = kube::Config::from_custom_kubeconfig(
            config,
            &kube::config::KubeConfigOptions::default(),
        )
        .await
        .unwrap();
        let client = kube::Client::try_from(config).unwrap();
        super::eventually("a control plane that answers", || async {
            client.apiserver_version().await.is_ok()
        })
        .await;
        Self {
            client,
            _process: process,
            _dir: dir,
        }
    }
}

fn program() -> PathBuf {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apiserver/build");
    let output = std::process::Command::new(build)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "tests/apiserver/build failed");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}
