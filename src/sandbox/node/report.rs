//! What a pod's processes do, as they tell the node.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// A process that ended, or could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; 128 plus the signal when killed.
    pub code: i32,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// What else is known, or empty.
    pub message: String,
}

impl Ended {
    /// Ended well.
    pub fn completed(now: Timestamp) -> Self {
        Self {
            code: 0,
            signal: None,
            started: now,
            finished: now,
            message: String::new(),
        }
    }

    /// Never started.
    pub fn failed(now: Timestamp, message: &str) -> Self {
        Self {
            code: 128,
            signal: None,
            started: now,
            finished: now,
            message: message.to_owned(),
        }
    }

    /// The reason that goes with the exit code.
    pub fn reason(&self) -> &'static str {
        if self.code == 0 { "Completed" } else { "Error" }
    }
}

/// The state of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Not running, will be.
    Waiting {
        /// `ContainerCreating`, `CrashLoopBackOff`, …
        reason: &'static str,
        /// A sentence, or empty.
        message: String,
    },
    /// A process is there.
    Running {
        /// When it began.
        since: Timestamp,
    },
    /// Ended for good.
    Ended(Ended),
}

/// One container's processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerReport {
    /// Now.
    pub run: Run,
    /// The one before.
    pub last: Option<Ended>,
    /// How often it was started again.
    pub restarts: i32,
}

/// The processes of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodReport {
    /// By container name.
    pub containers: BTreeMap<String, ContainerReport>,
    /// After a stop: every process has ended.
    pub gone: bool,
}

impl PodReport {
    /// Containers about to start. What the pod's status tells of an earlier
    /// life (before this supervisor) counts as a restart.
    pub fn starting(containers: impl IntoIterator<Item = String>, status: &Value) -> Self {
        let containers = containers.into_iter().map(|name| {
            let known = status["containerStatuses"]
                .as_array()
                .and_then(|all| all.iter().find(|c| c["name"] == name.as_str()));
            let lived = known.is_some_and(|c| c["containerID"].is_string());
            let restarts = known
                .and_then(|c| c["restartCount"].as_i64())
                .and_then(|count| i32::try_from(count).ok())
                .unwrap_or(0)
                + i32::from(lived);
            let report = ContainerReport {
                run: Run::Waiting {
                    reason: "ContainerCreating",
                    message: String::new(),
                },
                last: None,
                restarts,
            };
            (name, report)
        });
        Self {
            containers: containers.collect(),
            gone: false,
        }
    }

    /// Sets what a container does.
    pub fn set(&mut self, container: &str, run: Run) {
        if let Some(report) = self.containers.get_mut(container) {
            report.run = run;
        }
    }

    /// A container ended and will be started again after a while.
    pub fn crashed(&mut self, container: &str, ended: Ended) {
        if let Some(report) = self.containers.get_mut(container) {
            report.last = Some(ended);
            report.run = Run::Waiting {
                reason: "CrashLoopBackOff",
                message: format!("back-off restarting failed container {container}"),
            };
        }
    }

    /// A container is started again.
    pub fn restarted(&mut self, container: &str) {
        if let Some(report) = self.containers.get_mut(container) {
            report.restarts += 1;
        }
    }
}
