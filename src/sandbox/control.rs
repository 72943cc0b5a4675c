//! Starting, stopping and looking at a sandbox from outside its process.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::{SandboxError, on_file};
use super::files;
use super::layout::{Config, Layout, State};
use super::plan::{Wish, plan};
use super::supervise::Word;

/// How long a sandbox may take to start.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is killed.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);

/// What `up` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Up {
    /// It runs now.
    Started(State),
    /// It ran already; nothing changed.
    Running(State),
}

/// Starts the sandbox, unless it runs.
///
/// # Errors
/// It cannot be what was asked for, or its process does not become ready.
pub async fn up(layout: &Layout, wish: &Wish, executable: &Path) -> Result<Up, SandboxError> {
    let known = layout.config()?;
    plan(known.as_ref(), wish)?;
    layout.make()?;
    let _command = command_lock(layout).await?;
    // Somebody may have been quicker.
    let known = layout.config()?;
    let config = plan(known.as_ref(), wish)?;
    if layout.is_served()? {
        let Some(state) = layout.state() else {
            return Err(SandboxError::Locked);
        };
        if config.members.len() != state.control_planes.len() {
            return Err(SandboxError::Grow {
                running: state.control_planes.len().saturating_sub(1),
                wanted: config.members.len() - 1,
                dir: layout.dir().to_owned(),
            });
        }
        return Ok(Up::Running(state));
    }
    start(layout, &config, wish, executable)
        .await
        .map(Up::Started)
}

async fn start(
    layout: &Layout,
    config: &Config,
    wish: &Wish,
    executable: &Path,
) -> Result<State, SandboxError> {
    let log = layout.supervisor_log();
    let errors = files::open_log(&log).map_err(on_file("write", &log))?;
    let mut command = Command::new(executable);
    command
        .args(["sandbox", "supervise", "--dir"])
        .arg(layout.dir())
        .arg(format!("--clusters={}", config.members.len() - 1))
        .arg(format!("--name-prefix={}", config.name_prefix));
    if let Some(port) = wish.first_port {
        command.arg(format!("--first-port={port}"));
    }
    let mut child = command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .map_err(SandboxError::Spawn)?;
    let Some(output) = child.stdout.take() else {
        return Err(SandboxError::Spawn(io::ErrorKind::BrokenPipe.into()));
    };
    let mut line = String::new();
    let mut reader = BufReader::new(output);
    let read = timeout(READY_WITHIN, reader.read_line(&mut line)).await;
    let Ok(read) = read else {
        // It must not become ready behind the back of who gave up.
        if let Err(error) = child.kill().await {
            tracing::warn!(%error, "cannot kill the sandbox's process");
        }
        return Err(SandboxError::Late {
            seconds: READY_WITHIN.as_secs(),
            log,
        });
    };
    read.map_err(SandboxError::Spawn)?;
    let error = match serde_json::from_str(&line) {
        Ok(Word::Ready(state)) => return Ok(state),
        Ok(Word::Failed(failure)) => SandboxError::Supervisor(failure),
        Err(_) => SandboxError::Died {
            last: last_line(&log),
            log,
        },
    };
    // Nothing of it is left when its failure is told: another try, or the
    // removal of its folder, does not meet it.
    if timeout(STOPPED_WITHIN, child.wait()).await.is_err() {
        child.kill().await.map_err(SandboxError::Spawn)?;
    }
    Err(error)
}

fn last_line(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().last().unwrap_or("(empty log)").to_owned()
}

async fn command_lock(layout: &Layout) -> Result<fs::File, SandboxError> {
    let layout = layout.clone();
    blocking(move || layout.command_lock()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SandboxError> + Send + 'static,
) -> Result<T, SandboxError> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(SandboxError::Spawn(io::Error::other(error))),
    }
}

/// What `down` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// It was running.
    pub stopped: bool,
    /// Its folder is gone.
    pub deleted: bool,
}

/// Stops the sandbox; `delete` removes its folder too.
///
/// # Errors
/// There is none, it does not stop, or its folder cannot be removed.
pub async fn down(layout: &Layout, delete: bool) -> Result<Down, SandboxError> {
    match layout.config() {
        Ok(Some(_)) => {}
        Ok(None) => return Err(SandboxError::Absent(layout.dir().to_owned())),
        // What cannot be read can still be removed.
        Err(SandboxError::Damaged(..)) if delete => {}
        Err(error) => return Err(error),
    }
    let _command = command_lock(layout).await?;
    let stopped = stop(layout).await?;
    if delete {
        let dir = layout.dir();
        fs::remove_dir_all(dir).map_err(on_file("remove", dir))?;
    }
    Ok(Down {
        stopped,
        deleted: delete,
    })
}

async fn stop(layout: &Layout) -> Result<bool, SandboxError> {
    if !layout.is_served()? {
        return Ok(false);
    }
    let Some(state) = layout.state() else {
        return Err(SandboxError::Locked);
    };
    signal(&state, Signal::TERM)?;
    let waiting = {
        let layout = layout.clone();
        spawn_blocking(move || layout.wait_unserved())
    };
    tokio::pin!(waiting);
    if timeout(STOPPED_WITHIN, &mut waiting).await.is_err() {
        signal(&state, Signal::KILL)?;
        match waiting.await {
            Ok(free) => drop(free?),
            Err(error) => return Err(SandboxError::Spawn(io::Error::other(error))),
        }
        layout.clear_state();
    }
    Ok(true)
}

/// The process holds the lock, so the number is its own and no successor's.
fn signal(state: &State, signal: Signal) -> Result<(), SandboxError> {
    let pid = i32::try_from(state.pid).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return Err(SandboxError::Locked);
    };
    kill_process(pid, signal).map_err(|error| SandboxError::Spawn(error.into()))
}

/// What is known of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What its folder remembers.
    pub config: Config,
    /// Who serves it, if anybody does.
    pub state: Option<State>,
}

/// Looks at a sandbox.
///
/// # Errors
/// There is none.
pub fn status(layout: &Layout) -> Result<Status, SandboxError> {
    let config = layout
        .config()?
        .ok_or_else(|| SandboxError::Absent(layout.dir().to_owned()))?;
    let state = if layout.is_served()? {
        layout.state()
    } else {
        None
    };
    Ok(Status { config, state })
}
