//! The background process: all control planes of one sandbox, until a signal.
//! It says on standard output when it is ready, or why it will not be.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use futures::future::try_join_all;
use jiff::Timestamp;
use rustix::fs::Mode;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::error::{Failure, SandboxError, on_file};
use super::layout::{Config, Layout, State};
use super::plan::{Wish, plan};
use super::plane::Plane;
use super::{files, kubeconfig, ports};
use crate::runtime::source_chain;

/// The one line on standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Word {
    /// Usable.
    Ready(State),
    /// It gives up.
    Failed(Failure),
}

/// Serves the sandbox until SIGTERM or SIGINT. Whoever started it is told on
/// standard output; a failure is told there too and is no failure of this call.
///
/// # Errors
/// Signals cannot be handled.
pub async fn supervise(layout: &Layout, wish: &Wish, executable: PathBuf) -> io::Result<()> {
    // A session of its own: no terminal takes it along. Fails where it has one.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "no session of its own");
    }
    // Whatever it writes is for its owner alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let stop = stop_on_signals()?;
    let started = start(layout, wish, executable).await;
    let (planes, _lock) = match started {
        Ok((planes, state, lock)) => {
            tracing::info!(pid = state.pid, "ready");
            say(&Word::Ready(state));
            (planes, lock)
        }
        Err(error) => {
            tracing::error!(error = source_chain(&error), "cannot start");
            say(&Word::Failed(Failure {
                message: source_chain(&error),
                hint: error.hint(),
            }));
            return Ok(());
        }
    };
    let mut running = JoinSet::new();
    for plane in planes {
        running.spawn(plane.run(stop.clone()));
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a control plane broke");
            stop.cancel();
        }
    }
    layout.clear_state();
    tracing::info!("stopped");
    Ok(())
}

async fn start(
    layout: &Layout,
    wish: &Wish,
    executable: PathBuf,
) -> Result<(Vec<Plane>, State, fs::File), SandboxError> {
    let lock = layout.try_serve()?.ok_or(SandboxError::Locked)?;
    let known = layout.config()?;
    let config = with_ports(plan(known.as_ref(), wish)?, layout)?;
    // From here on the folder is ours, and its ports are kept.
    layout.save_config(&config)?;
    // Each on a thread of its own: opening data and making keys takes a core.
    let planes = try_join_all(config.members.iter().filter_map(|member| {
        let (layout, name) = (layout.clone(), member.name.clone());
        let (port, executable) = (member.port?, executable.clone());
        let starting =
            tokio::spawn(async move { Plane::start(&layout, &name, port, executable).await });
        Some(async {
            match starting.await {
                Ok(plane) => plane,
                Err(error) => Err(SandboxError::Spawn(io::Error::other(error))),
            }
        })
    }))
    .await?;
    write_kubeconfig(layout, &planes)?;
    let state = State {
        pid: std::process::id(),
        started: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        dir: layout.dir().to_owned(),
        kubeconfig: layout.kubeconfig(),
        control_planes: planes.iter().map(Plane::serving).collect(),
    };
    layout.save_state(&state)?;
    Ok((planes, state, lock))
}

/// Gives a port to who has none, and checks those that are known.
fn with_ports(mut config: Config, layout: &Layout) -> Result<Config, SandboxError> {
    let mut taken: Vec<u16> = config.members.iter().filter_map(|m| m.port).collect();
    let seed = layout.dir().display().to_string();
    for member in &mut config.members {
        if let Some(port) = member.port {
            ports::check(&member.name, port)?;
        } else {
            let port = ports::free(&seed, &taken)?;
            taken.push(port);
            member.port = Some(port);
        }
    }
    Ok(config)
}

fn write_kubeconfig(layout: &Layout, planes: &[Plane]) -> Result<(), SandboxError> {
    let path = layout.kubeconfig();
    let known = fs::read_to_string(&path)
        .ok()
        .and_then(|text| serde_saphyr::from_str(&text).ok());
    let all = planes
        .iter()
        .map(Plane::access)
        .collect::<Result<Vec<_>, _>>()?;
    let built = kubeconfig::build(&all, known.as_ref());
    let text = serde_saphyr::to_string(&built)
        .map_err(|error| on_file("write", &path)(io::Error::other(error)))?;
    files::write_private(&path, text.as_bytes()).map_err(on_file("write", path))
}

/// Tells the one who waits at the other end; nobody may.
fn say(word: &Word) {
    let mut line = serde_json::to_string(word).unwrap_or_default();
    line.push('\n');
    let mut output = io::stdout().lock();
    if let Err(error) = output
        .write_all(line.as_bytes())
        .and_then(|()| output.flush())
    {
        tracing::warn!(%error, "nobody listens");
    }
}

/// Cancelled by SIGTERM or SIGINT; a terminal that goes away is none of them.
fn stop_on_signals() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {}
            }
        }
        tracing::info!("told to stop");
        token.cancel();
    });
    Ok(stop)
}
