//! `ocmadm agent` (hidden): the managed cluster's agent, as `join` starts it.

use std::net::SocketAddr;

use crate::agent;
use crate::cmd::args::GlobalArgs;
use crate::cmd::serve;
use crate::error::CommandError;

/// Arguments of `ocmadm agent`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Serve health and metrics here; in a sandbox on any free port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Namespace of the agent's own process [default: the pod's]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,

    /// The Klusterlet to serve [default: klusterlet]
    #[arg(long, value_name = "NAME")]
    klusterlet: Option<String>,

    /// Work at once, without asking whether another replica does
    #[arg(long)]
    no_leader_election: bool,
}

/// Runs the agent until it is told to stop.
///
/// # Errors
/// What keeps it from working.
pub async fn run(args: &Args, global: &GlobalArgs) -> Result<(), CommandError> {
    let started = serve::start(global).await?;
    let mut options = agent::Options {
        listen: args.listen.map(serve::listen),
        leader_election: !args.no_leader_election,
        spoke_ca: started.ca,
        ..agent::Options::default()
    };
    if let Some(namespace) = &args.namespace {
        options.namespace.clone_from(namespace);
    }
    if let Some(klusterlet) = &args.klusterlet {
        options.klusterlet.clone_from(klusterlet);
    }
    Ok(agent::run(started.client, options, started.shutdown).await?)
}
