//! What commands take on a real kube-apiserver, through the release binary:
//! `cargo bench --bench commands`. It needs `tests/apiserver/build`.

#![expect(clippy::print_stdout, reason = "its output is the figures")]

mod plane;

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use ocmadm::k8s::apply::Applier;
use ocmadm::k8s::discovery::Discovery;
use serde_json::{Value, json};

use crate::plane::Plane;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const CLUSTERS: usize = 100;

fn binary() -> std::ffi::OsString {
    std::env::var_os("OCMADM_BENCH_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_ocmadm").into())
}

/// A hub's definitions, and clusters with their namespaces.
async fn prepare(kubeconfig: &str) -> Result<(), Failure> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await?;
    let client = Client::try_from(config)?;
    Applier::new(client.clone(), Discovery::new(client.clone()), "bench")
        .apply(&ocmadm::bundle::hub_crds()?, |_| {})
        .await?;
    let group = "cluster.open-cluster-management.io";
    let kind =
        |group, version, kind| ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let clusters =
        Api::<DynamicObject>::all_with(client.clone(), &kind(group, "v1", "ManagedCluster"));
    let namespaces = Api::<DynamicObject>::all_with(client, &kind("", "v1", "Namespace"));
    for number in 0..CLUSTERS {
        let object = |value: Value| serde_json::from_value::<DynamicObject>(value);
        let name = format!("fleet-{number}");
        let cluster = json!({"apiVersion": format!("{group}/v1"), "kind": "ManagedCluster",
            "metadata": {"name": name},
            "spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 60}});
        clusters
            .create(&PostParams::default(), &object(cluster)?)
            .await?;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        namespaces
            .create(&PostParams::default(), &object(namespace)?)
            .await?;
    }
    Ok(())
}

struct World {
    plane: Plane,
    folder: tempfile::TempDir,
}

impl World {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(words)
            .env("KUBECONFIG", self.plane.kubeconfig())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Seconds of the median of several runs. Each prints something of each cluster.
    fn time(&self, runs: usize, mut command: impl FnMut(usize) -> Command) -> Result<f64, Failure> {
        let mut times = Vec::new();
        for run in 0..runs {
            let mut command = command(run);
            let since = Instant::now();
            let output = command.output()?;
            times.push(since.elapsed().as_secs_f64());
            let said = String::from_utf8_lossy(&output.stdout)
                .matches("fleet-")
                .count();
            if !output.status.success() || said < CLUSTERS {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(format!("{command:?}: {said} of {CLUSTERS} clusters; {why}").into());
            }
        }
        times.sort_by(f64::total_cmp);
        Ok(times[runs / 2])
    }

    fn measure(&self) -> Result<(), Failure> {
        std::fs::write(self.folder.path().join("a.yaml"), map("a"))?;
        std::fs::write(self.folder.path().join("b.yaml"), map("b"))?;
        let work = |run: usize, file: &str| {
            self.command(&[
                "create",
                "work",
                &format!("w{run}"),
                "-f",
                file,
                "--all",
                "--overwrite",
            ])
        };
        print(
            "create work to 100 clusters",
            self.time(5, |run| work(run, "a.yaml"))?,
            Some(1.5),
        );
        print(
            "the same once more, unchanged",
            self.time(5, |run| work(run, "a.yaml"))?,
            None,
        );
        print(
            "the same with other manifests",
            self.time(5, |run| work(run, "b.yaml"))?,
            None,
        );
        let get = |_| self.command(&["get", "works", "w0"]);
        print("get works NAME, of 100 clusters", self.time(5, get)?, None);
        let delete = |run| self.command(&["delete", "work", &format!("w{run}"), "--all", "--yes"]);
        print("delete work in 100 clusters", self.time(5, delete)?, None);
        let list = |_| self.command(&["get", "clusters"]);
        print("get clusters", self.time(21, list)?, Some(0.04));
        let complete = |_| {
            let mut command = self.command(&["--", "ocmadm", "get", "works", "--clusters", ""]);
            command
                .env("COMPLETE", "bash")
                .env("_CLAP_COMPLETE_INDEX", "4")
                .env("_CLAP_COMPLETE_COMP_TYPE", "9")
                .env("_CLAP_IFS", "\n");
            command
        };
        print(
            "names of clusters, completed",
            self.time(21, complete)?,
            Some(0.05),
        );
        Ok(())
    }
}

fn map(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: default}}\ndata: {{k: {value}}}\n"
    )
}

fn print(name: &str, seconds: f64, must: Option<f64>) {
    let milliseconds = seconds * 1e3;
    match must {
        Some(must) => println!(
            "{name:<36} {milliseconds:>8.1} ms   must {:>6.0}   {}",
            must * 1e3,
            if seconds <= must { "reached" } else { "MISSED" }
        ),
        None => println!("{name:<36} {milliseconds:>8.1} ms"),
    }
}

fn run() -> Result<(), Failure> {
    let Some(program) = Plane::program() else {
        println!("no real control plane: tests/apiserver/build builds it");
        return Ok(());
    };
    let world = World {
        plane: Plane::start(&program)?,
        folder: tempfile::tempdir()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(prepare(world.plane.kubeconfig()))?;
    world.measure()
}

fn main() -> ExitCode {
    ocmadm::cli::install_crypto_provider();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
