//! The processes of our pods: started with what `environment` prepares, watched,
//! started again with back-off, stopped with their pod.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Client;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::environment::{EnvironmentError, Home, Surroundings, invocation};
use super::object::Name;
use super::pod::is_native;
use super::report::{Ended, PodReport, Run};
use super::status::as_json;
use crate::runtime::source_chain;
use crate::sandbox::files;

/// The first wait before a process is started again; it doubles.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// The longest wait.
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// A process that lived this long starts the back-off anew.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// A larger log file is emptied before the next start.
const LOG_LIMIT: u64 = 16 << 20;
/// What a process gets to end when the whole sandbox stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// What the node learns about the processes of a pod.
pub struct Told {
    /// The pod's UID.
    pub uid: String,
    /// Its name.
    pub name: Name,
    /// All its containers.
    pub report: PodReport,
}

struct Life {
    name: Name,
    stop: CancellationToken,
    grace: Arc<Mutex<Duration>>,
}

/// All processes of one node.
pub struct Processes {
    client: Client,
    surroundings: Arc<Surroundings>,
    tell: UnboundedSender<Told>,
    pods: HashMap<String, Life>,
    tasks: TaskTracker,
}

impl Processes {
    /// None yet; what happens is sent to `tell`.
    pub fn new(client: Client, surroundings: Surroundings, tell: UnboundedSender<Told>) -> Self {
        Self {
            client,
            surroundings: Arc::new(surroundings),
            tell,
            pods: HashMap::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// Makes sure the pod's processes are there. Answers their first report if
    /// they were not.
    pub fn start(&mut self, pod: &Arc<Pod>) -> Option<PodReport> {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        if self.pods.contains_key(&uid) {
            return None;
        }
        let containers: Vec<Container> = pod
            .spec
            .iter()
            .flat_map(|spec| spec.containers.iter())
            .filter(|container| is_native(container))
            .cloned()
            .collect();
        let names = containers.iter().map(|container| container.name.clone());
        let report = PodReport::starting(names, &as_json(pod.status.as_ref()));
        let seconds = pod
            .spec
            .as_ref()
            .and_then(|spec| spec.termination_grace_period_seconds)
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(30);
        let life = Life {
            name: Name::of(&pod.metadata),
            stop: CancellationToken::new(),
            grace: Arc::new(Mutex::new(Duration::from_secs(seconds))),
        };
        let runner = Runner {
            client: self.client.clone(),
            surroundings: Arc::clone(&self.surroundings),
            pod: Arc::clone(pod),
            uid: uid.clone(),
            tell: self.tell.clone(),
            report: Mutex::new(report.clone()),
            stop: life.stop.clone(),
            grace: Arc::clone(&life.grace),
        };
        self.tasks
            .spawn(async move { runner.run(&containers).await });
        self.pods.insert(uid, life);
        Some(report)
    }

    /// Ends the pod's processes, if there are any, within `grace`.
    pub fn stop(&mut self, uid: &str, grace: Option<Duration>) {
        if let Some(life) = self.pods.get(uid) {
            if let Some(grace) = grace {
                *life.grace.lock().unwrap_or_else(PoisonError::into_inner) = grace;
            }
            life.stop.cancel();
        }
    }

    /// Forgets processes that have ended for good.
    pub fn forget(&mut self, uid: &str) {
        self.pods.remove(uid);
    }

    /// The pods of this name that have processes.
    pub fn of_name(&self, name: &Name) -> Vec<String> {
        let of_name = |(uid, life): (&String, &Life)| (life.name == *name).then(|| uid.clone());
        self.pods.iter().filter_map(of_name).collect()
    }

    /// Ends all processes.
    pub async fn shut_down(&mut self) {
        let all: Vec<String> = self.pods.keys().cloned().collect();
        for uid in all {
            self.stop(&uid, Some(SHUTDOWN_GRACE));
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The processes of one pod.
struct Runner {
    client: Client,
    surroundings: Arc<Surroundings>,
    pod: Arc<Pod>,
    uid: String,
    tell: UnboundedSender<Told>,
    report: Mutex<PodReport>,
    stop: CancellationToken,
    grace: Arc<Mutex<Duration>>,
}

impl Runner {
    async fn run(&self, containers: &[Container]) {
        let home = self.stop.run_until_cancelled(self.prepare()).await;
        if let Some((home, renewal)) = &home {
            let renewing = self.keep_token(home, *renewal);
            let running = join_all(containers.iter().map(|c| self.keep_running(home, c)));
            tokio::pin!(renewing);
            tokio::select! {
                _ = running => {}
                () = &mut renewing => {}
            }
            home.remove();
        }
        self.change(|report| report.gone = true);
    }

    /// The pod's folder with a token; tried until it is there.
    async fn prepare(&self) -> (Home, Duration) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let made = async {
                let home = Home::make(&self.surroundings, &self.pod)?;
                let renewal = home.renew_token(&self.client, &self.pod).await?;
                Ok::<_, EnvironmentError>((home, renewal))
            };
            match made.await {
                Ok(made) => return made,
                Err(error) => self.waiting(None, "ContainerCreating", &error),
            }
            sleep(backoff).await;
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
    }

    async fn keep_token(&self, home: &Home, first: Duration) {
        let mut renewal = first;
        loop {
            sleep(renewal).await;
            renewal = match home.renew_token(&self.client, &self.pod).await {
                Ok(renewal) => renewal,
                Err(error) => {
                    tracing::warn!(pod = %self.name(), error = %source_chain(&error), "cannot renew a token");
                    LAST_BACKOFF
                }
            };
        }
    }

    async fn keep_running(&self, home: &Home, container: &Container) {
        let policy = self
            .pod
            .spec
            .as_ref()
            .and_then(|s| s.restart_policy.as_deref());
        let policy = policy.unwrap_or("Always");
        let mut backoff = FIRST_BACKOFF;
        while !self.stop.is_cancelled() {
            let started = Instant::now();
            let Some(ended) = self.run_once(home, container).await else {
                return;
            };
            tracing::info!(
                pod = %self.name(), container = container.name, code = ended.code, "a process ended"
            );
            let again = policy == "Always" || (policy == "OnFailure" && ended.code != 0);
            if !again {
                self.change(|report| report.set(&container.name, Run::Ended(ended)));
                // Stays known until its pod goes.
                self.stop.cancelled().await;
                return;
            }
            self.change(|report| report.crashed(&container.name, ended));
            if started.elapsed() >= HEALTHY_AFTER {
                backoff = FIRST_BACKOFF;
            }
            if self
                .stop
                .run_until_cancelled(sleep(backoff))
                .await
                .is_none()
            {
                return;
            }
            backoff = (backoff * 2).min(LAST_BACKOFF);
            self.change(|report| report.restarted(&container.name));
        }
    }

    /// Starts the process and waits for its end; `None` when it was stopped.
    async fn run_once(&self, home: &Home, container: &Container) -> Option<Ended> {
        let mut child = match self.spawn(home, container).await {
            Ok(child) => child,
            Err(error) => {
                self.waiting(Some(&container.name), "CreateContainerError", &error);
                return Some(Ended::failed(Timestamp::now(), &source_chain(&error)));
            }
        };
        // Held here: waiting for a child would close it.
        let _lifeline = child.stdin.take();
        let since = Timestamp::now();
        self.change(|report| report.set(&container.name, Run::Running { since }));
        // Waiting closes it, and its end tells the process to stop.
        let _input = child.stdin.take();
        tokio::select! {
            status = child.wait() => Some(match status {
                Ok(status) => ended(status, since),
                Err(error) => Ended::failed(Timestamp::now(), &error.to_string()),
            }),
            () = self.stop.cancelled() => {
                self.end(child).await;
                None
            }
        }
    }

    async fn spawn(&self, home: &Home, container: &Container) -> Result<Child, EnvironmentError> {
        let account = home.account();
        let surroundings = &self.surroundings;
        let invocation =
            invocation(&self.client, surroundings, &account, &self.pod, container).await?;
        let name = self.name();
        let log = surroundings.logs.join(format!(
            "{}_{}_{}.log",
            name.namespace, name.name, container.name
        ));
        let on_log = |source| EnvironmentError::File {
            path: log.clone(),
            source,
        };
        let file = files::open_log(&log).map_err(on_log)?;
        if file
            .metadata()
            .is_ok_and(|metadata| metadata.len() > LOG_LIMIT)
        {
            file.set_len(0).map_err(on_log)?;
        }
        let errors = file.try_clone().map_err(on_log)?;
        Command::new(&surroundings.executable)
            .args(&invocation.args)
            .env_clear()
            .envs(&invocation.env)
            .current_dir(&account)
            // Its end tells the process that its supervisor is no more.
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| EnvironmentError::File {
                path: surroundings.executable.clone(),
                source,
            })
    }

    async fn end(&self, mut child: Child) {
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && let Err(error) = kill_process(pid, Signal::TERM)
        {
            tracing::debug!(%error, "a process had ended before it was told to");
        }
        let grace = *self.grace.lock().unwrap_or_else(PoisonError::into_inner);
        if timeout(grace, child.wait()).await.is_err() {
            tracing::warn!(pod = %self.name(), "killing a process that did not end in time");
            if let Err(error) = child.kill().await {
                tracing::warn!(%error, "cannot kill a process");
            }
        }
    }

    fn name(&self) -> Name {
        Name::of(&self.pod.metadata)
    }

    fn waiting(&self, container: Option<&str>, reason: &'static str, error: &EnvironmentError) {
        let message = source_chain(error);
        tracing::warn!(pod = %self.name(), error = message, "cannot start a pod's process yet");
        self.change(|report| {
            for (name, known) in &mut report.containers {
                if container.is_none_or(|container| container == name) {
                    known.run = Run::Waiting {
                        reason,
                        message: message.clone(),
                    };
                }
            }
        });
    }

    /// Changes the report and tells the node.
    fn change(&self, change: impl FnOnce(&mut PodReport)) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut report);
        let told = Told {
            uid: self.uid.clone(),
            name: self.name(),
            report: report.clone(),
        };
        // Nobody listens any more when the sandbox stops.
        self.tell.send(told).ok();
    }
}

fn ended(status: ExitStatus, started: Timestamp) -> Ended {
    let signal = status.signal();
    Ended {
        code: status.code().or(signal.map(|s| 128 + s)).unwrap_or(255),
        signal,
        started,
        finished: Timestamp::now(),
        message: String::new(),
    }
}
