//! What can go wrong with a sandbox, and what to type then.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::layout::command;

/// Why a sandbox command failed.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// Neither `--dir` nor a home to put it in.
    #[error("no folder for the sandbox: neither $XDG_DATA_HOME nor $HOME is set")]
    NoHome,
    /// The folder holds something else.
    #[error("{} is not empty and holds no sandbox", .0.display())]
    Foreign(PathBuf),
    /// The folder's own description cannot be understood.
    #[error("{} is damaged, or was written by a newer version", .0.display())]
    Damaged(PathBuf, #[source] serde_json::Error),
    /// A file cannot be read or written.
    #[error("cannot {verb} {}", path.display())]
    File {
        /// `read`, `write`, …
        verb: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A name that no cluster can have.
    #[error("{0:?} cannot be part of a cluster name: {1}")]
    Name(String, &'static str),
    /// It runs with fewer clusters than asked for.
    #[error("the sandbox is running with {running} managed clusters, not {wanted}")]
    Grow {
        /// Now.
        running: usize,
        /// Asked for.
        wanted: usize,
        /// Its folder.
        dir: PathBuf,
    },
    /// It has more clusters, or others, than asked for.
    #[error("the sandbox has the managed clusters {}; they cannot become {wanted}", have.join(", "))]
    Differs {
        /// Those there are.
        have: Vec<String>,
        /// What was asked for, in words.
        wanted: String,
    },
    /// Another program listens there.
    #[error("port {port} of {cluster} is taken by another program")]
    PortTaken {
        /// Whose port.
        cluster: String,
        /// Which.
        port: u16,
    },
    /// No free port at all.
    #[error("no free port between {from} and {to} on 127.0.0.1")]
    NoPort {
        /// The first tried.
        from: u16,
        /// The last tried.
        to: u16,
    },
    /// There is none.
    #[error("there is no sandbox in {}", .0.display())]
    Absent(PathBuf),
    /// It does not run.
    #[error("the sandbox in {} is not running", .0.display())]
    Stopped(PathBuf),
    /// It has no such cluster.
    #[error("the sandbox has no cluster {name:?}; it has {}", known.join(", "))]
    UnknownCluster {
        /// Asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// No log has such a name.
    #[error("{cluster} has no log of {component:?}")]
    UnknownLog {
        /// Where it was looked for.
        cluster: String,
        /// Asked for.
        component: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A control plane did not start.
    #[error("cannot start the control plane of {cluster}")]
    Start {
        /// Whose.
        cluster: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another supervisor holds the folder.
    #[error("another process is already serving this sandbox")]
    Locked,
    /// The background process could not be started, or ended at once.
    #[error("the sandbox's background process did not start")]
    Spawn(#[source] io::Error),
    /// The background process said why it cannot go on.
    #[error("{}", .0.message)]
    Supervisor(Failure),
    /// The background process ended without a word.
    #[error("the sandbox's background process ended before it was ready: {last}")]
    Died {
        /// The last line of its log.
        last: String,
        /// Its log.
        log: PathBuf,
    },
    /// It took too long.
    #[error("the sandbox was not ready after {seconds} s")]
    Late {
        /// How long it had.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
}

/// A failure on its way from the background process to the command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What failed, with its causes.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl SandboxError {
    /// What to type next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("name a folder with --dir".to_owned()),
            Self::Foreign(_) => Some("name an empty or a new folder with --dir".to_owned()),
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => Some(
                "the disk is full: free some space, or name a folder on another one with --dir"
                    .to_owned(),
            ),
            Self::File { source, .. } if is_refusal(source) => {
                Some("name a folder that you may write to with --dir".to_owned())
            }
            Self::Damaged(file, _) => Some(format!(
                "remove it with `{}`, then start anew",
                command(file.parent().unwrap_or(file), "down --delete-data")
            )),
            Self::Grow { wanted, dir, .. } => Some(format!(
                "its data stays when it grows: `{} && {}`",
                command(dir, "down"),
                command(dir, &format!("up --clusters {wanted}"))
            )),
            Self::Differs { .. } => Some(
                "use another --dir, or remove this one: `ocmadm sandbox down --delete-data` with the same --dir"
                    .to_owned(),
            ),
            Self::PortTaken { port, .. } => Some(format!(
                "see who listens with `ss -ltnp 'sport = :{port}'` and stop it; the clusters know each other by this port, so it cannot change"
            )),
            Self::UnknownCluster { .. } => Some(
                "leave the name out for the log of the sandbox itself".to_owned(),
            ),
            Self::Absent(dir) | Self::Stopped(dir) => {
                Some(format!("start it with `{}`", command(dir, "up")))
            }
            Self::UnknownLog { known, .. } if !known.is_empty() => {
                Some(format!("it has {}", known.join(", ")))
            }
            Self::Died { log, .. } | Self::Late { log, .. } => {
                Some(format!("its log is {}", log.display()))
            }
            Self::Supervisor(failure) => failure.hint.clone(),
            _ => None,
        }
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Names the file of an I/O error.
pub fn on_file(
    verb: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> SandboxError {
    let path = path.into();
    move |source| SandboxError::File { verb, path, source }
}
