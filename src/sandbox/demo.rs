//! The tutorial, played by the real binary in a sandbox of its own.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::{Condition, await_condition};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::control;
use super::error::SandboxError;
use super::layout::Layout;
use crate::k8s::client::{ConnectError, connect};

const DEPLOYMENT: &str = include_str!("../../examples/nginx/deployment.yaml");
const SERVICE_ACCOUNT: &str = include_str!("../../examples/nginx/serviceaccount.yaml");
/// The image of the example, and what the tutorial changes it to.
const IMAGE: (&str, &str) = ("nginx:1.29", "nginx:1.30");
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What happens, for whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command is about to run, as one would type it.
    Command(String),
    /// A line that it printed.
    Output(String),
    /// Something was looked up and found as it should be.
    Observed(String),
    /// A step is over.
    Done {
        /// Which.
        step: &'static str,
        /// How long it took.
        took: Duration,
    },
}

/// Why the tutorial did not come to its end.
#[derive(Debug, Error)]
pub enum DemoError {
    /// A command failed; what it printed was shown.
    #[error("`{command}` failed ({status})")]
    Command {
        /// As typed.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A command could not be run.
    #[error("cannot run `{command}`")]
    Run {
        /// As typed.
        command: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A command printed something else than the tutorial expects.
    #[error("`{command}` did not print {missing}")]
    Unexpected {
        /// As typed.
        command: String,
        /// What was looked for.
        missing: String,
    },
    /// A file of the example.
    #[error("cannot write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No client for one of the clusters.
    #[error("cannot use the sandbox's kubeconfig")]
    Connect(#[source] Box<ConnectError>),
    /// The cluster did not get there.
    #[error("waited {} s in vain for {what}", PATIENCE.as_secs())]
    Late {
        /// What was waited for.
        what: String,
    },
    /// A cluster could not be watched.
    #[error("cannot watch for {what}")]
    Watch {
        /// What was waited for.
        what: String,
        /// Why.
        #[source]
        source: Box<kube::runtime::wait::Error>,
    },
    /// The sandbox could not be removed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// A tutorial and the folder it is played in.
pub struct Demo {
    executable: PathBuf,
    folder: tempfile::TempDir,
    events: UnboundedSender<Event>,
}

impl Demo {
    /// In a new folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(executable: PathBuf, events: UnboundedSender<Event>) -> io::Result<Self> {
        Ok(Self {
            executable,
            folder: tempfile::Builder::new().prefix("ocmadm-demo-").tempdir()?,
            events,
        })
    }

    fn sandbox(&self) -> PathBuf {
        self.folder.path().join("sandbox")
    }

    /// Plays the tutorial. Whatever its end, call [`Demo::clean_up`] afterwards.
    ///
    /// # Errors
    /// A step failed.
    pub async fn play(&self) -> Result<(), DemoError> {
        self.write_example("nginx", DEPLOYMENT)?;
        let (before, after) = IMAGE;
        self.write_example("nginx-changed", &DEPLOYMENT.replace(before, after))?;

        let step = self.step("sandbox up");
        let dir = self.sandbox().display().to_string();
        self.run(&["sandbox", "up", "--clusters", "2", "--dir", &dir])
            .await?;
        step.done();

        let step = self.step("init");
        let init = self.run(&["init", "--context", "hub", "--wait"]).await?;
        let (token, server) = join_flags("ocmadm init", &init)?;
        step.done();

        let step = self.step("join");
        for cluster in ["cluster1", "cluster2"] {
            self.run(&[
                "join",
                "--context",
                cluster,
                "--hub-token",
                &token,
                "--hub-apiserver",
                &server,
                "--cluster-name",
                cluster,
            ])
            .await?;
        }
        step.done();

        let step = self.step("accept");
        self.run(&[
            "accept",
            "--context",
            "hub",
            "--clusters",
            "cluster1,cluster2",
            "--wait",
        ])
        .await?;
        step.done();

        let hub = self.client("hub").await?;
        let step = self.step("clusters available");
        for cluster in ["cluster1", "cluster2"] {
            let api = cluster_api(
                &hub,
                "cluster.open-cluster-management.io",
                "v1",
                "ManagedCluster",
            );
            let available = all_true(&["ManagedClusterJoined", "ManagedClusterConditionAvailable"]);
            wait(
                &format!("{cluster} to be joined and available"),
                api,
                cluster,
                available,
            )
            .await?;
        }
        let clusters = self.run(&["get", "clusters", "--context", "hub"]).await?;
        for cluster in ["cluster1", "cluster2"] {
            joined_and_available(&clusters, cluster)?;
        }
        step.done();

        let managed = self.client("cluster1").await?;
        let step = self.step("create work");
        self.run(&[
            "create",
            "work",
            "nginx",
            "-f",
            "nginx",
            "--clusters",
            "cluster1",
            "--context",
            "hub",
        ])
        .await?;
        self.rolled_out(&managed, before).await?;
        self.work_available(&hub).await?;
        self.run(&[
            "get",
            "works",
            "nginx",
            "--cluster",
            "cluster1",
            "--context",
            "hub",
        ])
        .await?;
        step.done();

        let step = self.step("create work --overwrite");
        self.run(&[
            "create",
            "work",
            "nginx",
            "-f",
            "nginx-changed",
            "--clusters",
            "cluster1",
            "--overwrite",
            "--context",
            "hub",
        ])
        .await?;
        self.rolled_out(&managed, after).await?;
        self.work_available(&hub).await?;
        self.run(&[
            "get",
            "works",
            "nginx",
            "--cluster",
            "cluster1",
            "--context",
            "hub",
        ])
        .await?;
        step.done();

        let step = self.step("delete work");
        self.run(&[
            "delete",
            "work",
            "nginx",
            "--cluster",
            "cluster1",
            "--context",
            "hub",
        ])
        .await?;
        let deployments = Api::<Deployment>::namespaced(managed.clone(), "default");
        let accounts = Api::<ServiceAccount>::namespaced(managed, "default");
        wait(
            "the Deployment to be gone",
            deployments,
            "nginx-deployment",
            gone,
        )
        .await?;
        wait("the ServiceAccount to be gone", accounts, "my-sa", gone).await?;
        wait("the ManifestWork to be gone", works(&hub), "nginx", gone).await?;
        self.observed("cluster1: Deployment default/nginx-deployment and ServiceAccount default/my-sa are gone");
        step.done();

        let step = self.step("sandbox down");
        self.run(&["sandbox", "down", "--delete-data", "--dir", &dir])
            .await?;
        step.done();
        Ok(())
    }

    /// Stops what still runs and removes the folder.
    ///
    /// # Errors
    /// Something could not be removed.
    pub async fn clean_up(self) -> Result<(), DemoError> {
        let layout = Layout::find(Some(&self.sandbox()))?;
        if matches!(layout.config(), Ok(Some(_))) {
            control::down(&layout, true).await?;
        }
        let path = self.folder.path().to_owned();
        self.folder
            .close()
            .map_err(|source| DemoError::File { path, source })
    }

    fn write_example(&self, name: &str, deployment: &str) -> Result<(), DemoError> {
        let dir = self.folder.path().join(name);
        let write = |path: PathBuf, text: &str| {
            std::fs::write(&path, text).map_err(|source| DemoError::File { path, source })
        };
        std::fs::create_dir(&dir).map_err(|source| DemoError::File {
            path: dir.clone(),
            source,
        })?;
        write(dir.join("serviceaccount.yaml"), SERVICE_ACCOUNT)?;
        write(dir.join("deployment.yaml"), deployment)
    }

    /// Runs the binary, shows what it prints, answers its standard output.
    async fn run(&self, args: &[&str]) -> Result<String, DemoError> {
        let command = typed(args);
        self.tell(Event::Command(command.clone()));
        let failed = |source| DemoError::Run {
            command: command.clone(),
            source,
        };
        let kubeconfig: OsString = self.sandbox().join("kubeconfig").into();
        let mut child = Command::new(&self.executable)
            // What it tells to type next should read as typed here.
            .arg0("ocmadm")
            .args(args)
            .current_dir(self.folder.path())
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let ended = async { tokio::join!(self.show(output), self.show(errors), child.wait()) };
        // Past that time the child is dropped, and with that killed.
        let Ok((printed, _, status)) = timeout(PATIENCE, ended).await else {
            return Err(DemoError::Late { what: command });
        };
        let status = status.map_err(failed)?;
        if status.success() {
            Ok(printed)
        } else {
            Err(DemoError::Command { command, status })
        }
    }

    async fn show(&self, stream: Option<impl AsyncRead + Unpin>) -> String {
        let mut all = String::new();
        let Some(stream) = stream else {
            return all;
        };
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            all.push_str(&line);
            all.push('\n');
            self.tell(Event::Output(line));
        }
        all
    }

    async fn client(&self, context: &str) -> Result<Client, DemoError> {
        let kubeconfig = self.sandbox().join("kubeconfig");
        let connection = connect(Some(&kubeconfig), Some(context)).await;
        connection
            .map(|connection| connection.client)
            .map_err(|error| DemoError::Connect(Box::new(error)))
    }

    async fn rolled_out(&self, cluster: &Client, image: &str) -> Result<(), DemoError> {
        let api = Api::<Deployment>::namespaced(cluster.clone(), "default");
        let wanted = image.to_owned();
        let what = format!("3/3 pods of {image} on cluster1");
        let ready = move |deployment: Option<&Deployment>| {
            deployment.is_some_and(|d| is_rolled_out(d, &wanted))
        };
        wait(&what, api, "nginx-deployment", ready).await?;
        self.observed(&format!(
            "cluster1: Deployment default/nginx-deployment runs {image}, 3/3 ready"
        ));
        Ok(())
    }

    async fn work_available(&self, hub: &Client) -> Result<(), DemoError> {
        let available = all_true(&["Applied", "Available"]);
        wait("the work to be available", works(hub), "nginx", available).await
    }

    fn step(&self, name: &'static str) -> Step<'_> {
        Step {
            demo: self,
            name,
            since: Instant::now(),
        }
    }

    fn observed(&self, text: &str) {
        self.tell(Event::Observed(text.to_owned()));
    }

    fn tell(&self, event: Event) {
        // Nobody looks any more when the demo is interrupted.
        self.events.send(event).ok();
    }
}

struct Step<'a> {
    demo: &'a Demo,
    name: &'static str,
    since: Instant,
}

impl Step<'_> {
    fn done(self) {
        self.demo.tell(Event::Done {
            step: self.name,
            took: self.since.elapsed(),
        });
    }
}

/// Plays the tutorial and hands every event to `show`.
///
/// # Errors
/// A step failed.
pub async fn play(
    demo: &Demo,
    events: &mut Events,
    mut show: impl FnMut(Event),
) -> Result<(), DemoError> {
    let playing = demo.play();
    tokio::pin!(playing);
    let result = loop {
        tokio::select! {
            biased;
            Some(event) = events.0.recv() => show(event),
            result = &mut playing => break result,
        }
    };
    while let Ok(event) = events.0.try_recv() {
        show(event);
    }
    result
}

/// Where the events of a tutorial arrive.
pub struct Events(tokio::sync::mpsc::UnboundedReceiver<Event>);

/// A way for events.
pub fn events() -> (UnboundedSender<Event>, Events) {
    let (sender, receiver) = unbounded_channel();
    (sender, Events(receiver))
}

/// The command as one would type it, its token cut short.
fn typed(args: &[&str]) -> String {
    let mut text = "ocmadm".to_owned();
    let mut secret = false;
    for arg in args {
        text.push(' ');
        if secret {
            text.extend(arg.chars().take(8));
            text.push('…');
        } else {
            text.push_str(arg);
        }
        secret = *arg == "--hub-token";
    }
    text
}

/// Token and server from the join command that `init` printed.
fn join_flags(command: &str, printed: &str) -> Result<(String, String), DemoError> {
    let words: Vec<&str> = printed.split_whitespace().collect();
    let after = |flag: &str| {
        words
            .windows(2)
            .find(|pair| pair[0] == flag)
            .map(|pair| pair[1].to_owned())
            .ok_or_else(|| DemoError::Unexpected {
                command: command.to_owned(),
                missing: format!("a join command with {flag}"),
            })
    };
    Ok((after("--hub-token")?, after("--hub-apiserver")?))
}

/// The row of a cluster says `True` for ACCEPTED, JOINED and AVAILABLE.
fn joined_and_available(table: &str, cluster: &str) -> Result<(), DemoError> {
    let lines = || {
        table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
    };
    let header = lines().next().unwrap_or_default();
    let row = lines()
        .find(|row| row.first() == Some(&cluster))
        .unwrap_or_default();
    let is_true = |column: &str| {
        let at = header.iter().position(|name| *name == column);
        at.and_then(|at| row.get(at))
            .is_some_and(|cell| *cell == "True" || *cell == "true")
    };
    for column in ["JOINED", "AVAILABLE"] {
        if !is_true(column) {
            return Err(DemoError::Unexpected {
                command: "ocmadm get clusters".to_owned(),
                missing: format!("{column} True for {cluster}"),
            });
        }
    }
    Ok(())
}

fn is_rolled_out(deployment: &Deployment, image: &str) -> bool {
    let template = deployment
        .spec
        .as_ref()
        .and_then(|s| s.template.spec.as_ref());
    let runs = template.is_some_and(|spec| {
        spec.containers
            .iter()
            .all(|c| c.image.as_deref() == Some(image))
    });
    let Some(status) = &deployment.status else {
        return false;
    };
    runs && status.observed_generation == deployment.metadata.generation
        && status.replicas == Some(3)
        && status.updated_replicas == Some(3)
        && status.available_replicas == Some(3)
}

fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

fn cluster_api(client: &Client, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource(group, version, kind))
}

fn works(hub: &Client) -> Api<DynamicObject> {
    let resource = resource("work.open-cluster-management.io", "v1", "ManifestWork");
    Api::namespaced_with(hub.clone(), "cluster1", &resource)
}

/// Whether these conditions are true, of the object as it is now.
fn all_true(types: &'static [&'static str]) -> impl Condition<DynamicObject> {
    move |object: Option<&DynamicObject>| {
        let Some(object) = object else {
            return false;
        };
        let conditions = object.data["status"]["conditions"].as_array();
        types.iter().all(|kind| {
            conditions.into_iter().flatten().any(|condition| {
                let observed = condition["observedGeneration"].as_i64();
                condition["type"] == *kind
                    && condition["status"] == "True"
                    && (observed.is_none() || observed >= object.metadata.generation)
            })
        })
    }
}

fn gone<K>(object: Option<&K>) -> bool {
    object.is_none()
}

async fn wait<K>(
    what: &str,
    api: Api<K>,
    name: &str,
    condition: impl Condition<K>,
) -> Result<(), DemoError>
where
    K: Clone + std::fmt::Debug + Send + DeserializeOwned + Resource + 'static,
{
    match timeout(PATIENCE, await_condition(api, name, condition)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(source)) => Err(DemoError::Watch {
            what: what.to_owned(),
            source: Box::new(source),
        }),
        Err(_) => Err(DemoError::Late {
            what: what.to_owned(),
        }),
    }
}

/// The folder the tutorial is played in.
impl AsRef<Path> for Demo {
    fn as_ref(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_can_be_changed() {
        assert!(
            DEPLOYMENT.contains(IMAGE.0),
            "the tutorial changes this image"
        );
        assert!(DEPLOYMENT.contains("replicas: 3"));
        assert!(DEPLOYMENT.contains("serviceAccountName: my-sa"));
    }

    #[test]
    fn the_join_command_is_read_and_its_token_not_shown() {
        let printed = "run:\n\n    ocmadm join --hub-token abcdefghijkl --hub-apiserver https://x:1 --cluster-name <cluster_name>\n";
        let (token, server) = join_flags("ocmadm init", printed).unwrap();
        assert_eq!(
            (token.as_str(), server.as_str()),
            ("abcdefghijkl", "https://x:1")
        );
        assert!(join_flags("ocmadm init", "nothing").is_err());
        let shown = typed(&["join", "--hub-token", &token, "--cluster-name", "c"]);
        assert_eq!(shown, "ocmadm join --hub-token abcdefgh… --cluster-name c");
    }

    #[test]
    fn the_table_of_clusters_is_checked() {
        let table = "NAME       ACCEPTED   JOINED   AVAILABLE\ncluster1   true   True   True\ncluster2   true   True   Unknown\n";
        joined_and_available(table, "cluster1").unwrap();
        assert!(joined_and_available(table, "cluster2").is_err());
        assert!(joined_and_available(table, "cluster3").is_err());
    }
}
