//! A sandbox, the release binary, and looks at its processes.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// What may go wrong with a measurement.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The binary under measurement: this build's, or `$OCMADM_BENCH_BINARY`.
pub(crate) fn binary() -> OsString {
    std::env::var_os("OCMADM_BENCH_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_ocmadm").into())
}

/// A sandbox that goes with its value.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A folder; nothing runs yet.
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            folder: tempfile::tempdir()?,
        })
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("sandbox")
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> Result<String, Failure> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// Runs the binary on the sandbox; its standard output.
    pub(crate) fn ocmadm(&self, args: &[&str]) -> Result<String, Failure> {
        let output: Output = Command::new(binary())
            .args(args)
            .env("KUBECONFIG", self.dir().join("kubeconfig"))
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`ocmadm {}`: {why}", args.join(" ")).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(crate) fn up(&self, clusters: usize) -> Result<(), Failure> {
        let dir = self.dir().display().to_string();
        self.ocmadm(&[
            "sandbox",
            "up",
            &format!("--clusters={clusters}"),
            "--dir",
            &dir,
        ])?;
        Ok(())
    }

    /// The hub with these clusters joined and accepted.
    pub(crate) fn join(&self, clusters: &[&str]) -> Result<(), Failure> {
        let init = self.ocmadm(&["init", "--context", "hub", "--wait"])?;
        let words: Vec<&str> = init.split_whitespace().collect();
        let flag = |name: &str| {
            let found = words.windows(2).find(|pair| pair[0] == name);
            found
                .map(|pair| pair[1])
                .ok_or(format!("init printed no {name}"))
        };
        let (token, server) = (flag("--hub-token")?, flag("--hub-apiserver")?);
        for cluster in clusters {
            self.ocmadm(&[
                "join",
                "--context",
                cluster,
                "--hub-token",
                token,
                "--hub-apiserver",
                server,
                "--cluster-name",
                cluster,
            ])?;
        }
        self.ocmadm(&[
            "accept",
            "--context",
            "hub",
            "--clusters",
            &clusters.join(","),
            "--wait",
        ])?;
        Ok(())
    }

    pub(crate) async fn client(&self, context: &str) -> Result<Client, Failure> {
        let kubeconfig = Kubeconfig::read_from(self.dir().join("kubeconfig"))?;
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        Ok(Client::try_from(config)?)
    }

    /// Resident memory in MiB of the sandbox's `ocmadm <component>` process
    /// (the first, for several clusters).
    pub(crate) fn resident(&self, component: &str) -> Result<f64, Failure> {
        let supervisor: serde_json::Value =
            serde_json::from_slice(&fs::read(self.dir().join("state.json"))?)?;
        let parent = supervisor["pid"].to_string();
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            let Ok(status) = fs::read_to_string(path.join("status")) else {
                continue;
            };
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
            };
            let command = fs::read(path.join("cmdline")).unwrap_or_default();
            let mut words = command.split(|byte| *byte == 0).skip(1);
            let is_component = words.next() == Some(component.as_bytes());
            if is_component && field("PPid:") == Some(parent.clone()) {
                let kibibytes: f64 = field("VmRSS:").ok_or("no VmRSS")?.parse()?;
                return Ok(kibibytes / 1024.0);
            }
        }
        Err(format!("no process `ocmadm {component}` in the sandbox").into())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let dir = self.dir().display().to_string();
        // Nothing to stop is no failure.
        self.ocmadm(&["sandbox", "down", "--delete-data", "--dir", &dir])
            .ok();
    }
}

/// The median of several runs.
pub(crate) fn median(
    runs: usize,
    mut run: impl FnMut() -> Result<Duration, Failure>,
) -> Result<Duration, Failure> {
    let mut times = (0..runs).map(|_| run()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    times.get(runs / 2).copied().ok_or_else(|| "no runs".into())
}

/// How long something takes.
pub(crate) fn timed(work: impl FnOnce() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let since = Instant::now();
    work()?;
    Ok(since.elapsed())
}
