//! `ocmadm hub` (hidden): the hub's controllers, as `init` starts them.

use std::net::SocketAddr;

use crate::cmd::args::GlobalArgs;
use crate::cmd::serve;
use crate::error::CommandError;
use crate::hub;

/// Arguments of `ocmadm hub`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Serve health and metrics here
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Namespace of the hub's own objects [default: the pod's]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,

    /// Work at once, without asking whether another replica does
    #[arg(long)]
    no_leader_election: bool,
}

/// Runs the hub until it is told to stop.
///
/// # Errors
/// What keeps it from working.
pub async fn run(args: &Args, global: &GlobalArgs) -> Result<(), CommandError> {
    let started = serve::start(global).await?;
    let mut options = hub::Options {
        listen: args.listen,
        leader_election: !args.no_leader_election,
        ..hub::Options::default()
    };
    if let Some(namespace) = &args.namespace {
        options.namespace.clone_from(namespace);
    }
    Ok(hub::run(started.client, options, started.shutdown).await?)
}
