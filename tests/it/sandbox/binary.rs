//! The real binary and a sandbox of one test's own, removed with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long anything may take on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a sandbox in it.
pub(super) struct Sandbox {
    folder: tempfile::TempDir,
}

/// The binary with nothing of the developer's environment.
pub(super) fn ocmadm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocmadm"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null());
    command
}

impl Sandbox {
    /// A folder; nothing runs yet.
    pub(super) fn new() -> Self {
        ocmadm::cli::install_crypto_provider();
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.folder.path().join("sandbox")
    }

    /// `ocmadm sandbox <args> --dir <ours>`, run to its end.
    pub(super) fn run(&self, args: &[&str]) -> Output {
        ocmadm()
            .arg("sandbox")
            .args(args)
            .arg("--dir")
            .arg(self.dir())
            .output()
            .unwrap()
    }

    /// `ocmadm <args>` with this sandbox's kubeconfig.
    pub(super) fn ocmadm(&self, args: &[&str]) -> Output {
        ocmadm()
            .env("KUBECONFIG", self.dir().join("kubeconfig"))
            .args(args)
            .output()
            .unwrap()
    }

    /// Runs with this many managed clusters.
    pub(super) fn up(&self, clusters: usize) {
        succeeds(&self.run(&["up", &format!("--clusters={clusters}")]));
    }

    /// What the background process told of itself.
    pub(super) fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.dir().join("state.json")).unwrap()).unwrap()
    }

    /// `kill -9` of the background process; returns when it is no more.
    pub(super) fn kill(&self) {
        let pid = i32::try_from(self.state()["pid"].as_i64().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        // Its lock ends with it.
        let lock = fs::File::open(self.dir().join("supervisor.lock")).unwrap();
        lock.lock().unwrap();
    }

    /// The process `ocmadm <component>` of one of its pods, once it is there.
    pub(super) fn process(&self, component: &str) -> Pid {
        let parent = self.state()["pid"].to_string();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            for entry in fs::read_dir("/proc").unwrap() {
                let path = entry.unwrap().path();
                let status = fs::read_to_string(path.join("status")).unwrap_or_default();
                let command = fs::read(path.join("cmdline")).unwrap_or_default();
                let is_child = status
                    .lines()
                    .filter_map(|line| line.strip_prefix("PPid:"))
                    .any(|pid| pid.trim() == parent);
                let mut words = command.split(|byte| *byte == 0).skip(1);
                if is_child && words.next() == Some(component.as_bytes()) {
                    let pid = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
                    return Pid::from_raw(pid).unwrap();
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no process `ocmadm {component}`");
    }

    /// An administrator's client, by the kubeconfig.
    pub(super) async fn client(&self, context: &str) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.dir().join("kubeconfig")).unwrap();
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        Client::try_from(config).unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.dir().join("sandbox.json").exists() {
            let output = self.run(&["down", "--delete-data"]);
            if !output.status.success() && !std::thread::panicking() {
                panic!("{}", stderr(&output));
            }
        }
    }
}

pub(super) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Its standard output; it must have ended well.
#[track_caller]
pub(super) fn succeeds(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        stdout(output),
        stderr(output)
    );
    stdout(output)
}

/// Its standard error; it must have ended with this exit code.
#[track_caller]
pub(super) fn fails(output: &Output, code: i32) -> String {
    assert_eq!(
        output.status.code(),
        Some(code),
        "{}{}",
        stdout(output),
        stderr(output)
    );
    stderr(output)
}
