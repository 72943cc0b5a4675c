//! `ocmadm hub` (hidden): the hub's controllers, as `init` starts them.

use std::net::SocketAddr;

use crate::cmd::args::GlobalArgs;
use crate::cmd::serve;
use crate::error::CommandError;
use crate::hub::{self, admission};
use crate::runtime::process;

/// Arguments of `ocmadm hub`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Serve health and metrics here; in a sandbox on any free port
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Serve admission webhooks here; in a sandbox on any free port
    #[arg(long, value_name = "ADDRESS")]
    webhooks: Option<SocketAddr>,

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
        listen: args.listen.map(serve::listen),
        webhooks: args.webhooks.map(webhooks),
        leader_election: !args.no_leader_election,
        ..hub::Options::default()
    };
    if let Some(namespace) = &args.namespace {
        options.namespace.clone_from(namespace);
    }
    Ok(hub::run(started.client, options, started.shutdown).await?)
}

/// A sandbox has no Services, and several hubs on one machine.
fn webhooks(listen: SocketAddr) -> admission::Options {
    let reach = match process::is_supervised() {
        true => admission::Reach::Address,
        false => admission::Reach::Service,
    };
    admission::Options {
        listen: serve::listen(listen),
        reach,
    }
}
