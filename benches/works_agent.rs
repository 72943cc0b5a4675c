//! The agent that is measured, its requests counted: in a process of its own where
//! the servers are real ones, so that its memory is its own. With
//! `OCMADM_BENCH_AGENT=upstream` it is upstream's, as `tests/upstream/build` has
//! built it, to compare with.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use ocmadm::agent::work;
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The word that makes this program an agent; two kubeconfigs follow.
const AGENT: &str = "--agent";

/// What has been asked and is taken so far.
pub(crate) struct Figures {
    pub(crate) requests: Option<u64>,
    /// Resident memory, MiB.
    pub(crate) resident: f64,
}

/// A running agent; it ends with this value.
pub(crate) enum Agent {
    Process(Child, ChildStdin, BufReader<ChildStdout>),
    Upstream(Child),
    Task(CancellationToken, Arc<AtomicU64>),
}

impl Agent {
    /// Another process, between two servers with kubeconfigs.
    pub(crate) fn process(hub: &str, spoke: &str) -> Result<Self, Failure> {
        if std::env::var("OCMADM_BENCH_AGENT").is_ok_and(|agent| agent == "upstream") {
            return Self::upstream(hub, spoke);
        }
        let mut child = Command::new(std::env::current_exe()?)
            .args([AGENT, hub, spoke])
            // As in the agent's Deployment.
            .env("MALLOC_ARENA_MAX", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".into());
        };
        Ok(Self::Process(child, stdin, BufReader::new(stdout)))
    }

    /// Upstream's, with its defaults.
    fn upstream(hub: &str, spoke: &str) -> Result<Self, Failure> {
        let build = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/upstream/build");
        let output = Command::new(build).arg("--where").output()?;
        let program = String::from_utf8(output.stdout)?;
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new(program.trim())
            .args([
                "work",
                "agent",
                "--disable-leader-election",
                "--namespace=default",
            ])
            .args(["--workload-source-driver=kube"])
            .arg(format!("--spoke-cluster-name={}", super::CLUSTER))
            .arg(format!("--workload-source-config={hub}"))
            .arg(format!("--kubeconfig={spoke}"))
            .arg(format!("--listen={free}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                format!("upstream's agent: {error} (tests/upstream/build builds it)")
            })?;
        Ok(Self::Upstream(child))
    }

    /// In this process.
    pub(crate) fn task(hub: &Client, spoke: &Client) -> Self {
        let (stop, requests) = (CancellationToken::new(), Arc::default());
        let agent = run(hub, spoke, &requests, &stop);
        tokio::spawn(agent);
        Self::Task(stop, requests)
    }

    pub(crate) fn figures(&mut self) -> Result<Figures, Failure> {
        match self {
            Self::Task(_, requests) => Ok(Figures {
                requests: Some(requests.load(Ordering::Relaxed)),
                resident: resident(std::process::id())?,
            }),
            Self::Upstream(child) => Ok(Figures {
                requests: None,
                resident: resident(child.id())?,
            }),
            Self::Process(child, stdin, stdout) => {
                writeln!(stdin)?;
                let mut line = String::new();
                stdout.read_line(&mut line)?;
                Ok(Figures {
                    requests: Some(line.trim().parse()?),
                    resident: resident(child.id())?,
                })
            }
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        match self {
            Self::Task(stop, _) => stop.cancel(),
            Self::Process(child, ..) | Self::Upstream(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Resident memory of a process, MiB.
fn resident(process: u32) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("no VmRSS")?.parse::<f64>()? / 1024.0)
}

/// The same client, its requests counted.
fn counted(client: &Client, count: &Arc<AtomicU64>) -> Client {
    let (client, count) = (client.clone(), Arc::clone(count));
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        count.fetch_add(1, Ordering::Relaxed);
        let client = client.clone();
        async move { client.send(request).await }
    });
    Client::new(service, "default")
}

fn run(
    hub: &Client,
    spoke: &Client,
    requests: &Arc<AtomicU64>,
    stop: &CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + Send + use<> {
    let options = work::Options {
        cluster_name: super::CLUSTER.to_owned(),
        hub_server: "https://hub.example:6443".to_owned(),
        agent_id: "bench".to_owned(),
        status_sync_interval: Duration::from_secs(60),
        eviction_grace_period: Duration::from_secs(3600),
        raw_feedback: false,
        executor_caches: false,
        copies: Some("default".to_owned()),
    };
    let (hub, spoke) = (counted(hub, requests), counted(spoke, requests));
    work::run(hub, spoke, options, stop.clone())
}

/// A client of the cluster that a kubeconfig leads to.
pub(crate) async fn client(kubeconfig: impl AsRef<Path>) -> Result<Client, Failure> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options).await?;
    Ok(ocmadm::k8s::transport::client(config)?)
}

/// The agent, if this process is to be one; it ends with its standard input.
pub(crate) fn if_asked() -> Option<Result<(), Failure>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != AGENT {
        return None;
    }
    let (hub, spoke) = (arguments.next()?, arguments.next()?);
    Some((|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let requests: Arc<AtomicU64> = Arc::default();
        let stop = CancellationToken::new();
        let agent = async {
            let (hub, spoke) = (client(hub).await?, client(spoke).await?);
            Ok::<_, Failure>(run(&hub, &spoke, &requests, &stop))
        };
        let agent = runtime.block_on(agent)?;
        runtime.spawn(agent);
        for line in std::io::stdin().lines() {
            line?;
            let mut out = std::io::stdout();
            writeln!(out, "{}", requests.load(Ordering::Relaxed))?;
            out.flush()?;
        }
        Ok(())
    })())
}
