//! `ocmadm proxy`: managed clusters through the cluster-proxy add-on.

mod health;
mod kubectl;
mod reach;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm proxy`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Command {
    /// Ask the API servers of managed clusters, through the proxy, how they are
    Health(health::Args),
    /// Run kubectl on a managed cluster, through the proxy
    Kubectl(kubectl::Args),
}

/// Runs the command.
///
/// # Errors
/// Those of what is done.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Health(args) => health::run(args, global, ui).await,
        Command::Kubectl(args) => kubectl::run(args, global, ui).await,
    }
}
