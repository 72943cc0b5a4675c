//! `ocmadm delete`: removes objects from the hub.

pub mod clusterset;
mod objects;
pub mod placement;
pub mod replicaset;
pub mod token;
pub mod work;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm delete`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to delete.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be deleted.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// Delete a cluster set; its clusters stay
    #[command(visible_alias = "managedclusterset")]
    Clusterset(clusterset::Args),
    /// Delete placements; what was put by them may end
    Placement(placement::Args),
    /// Delete replica sets of works, and with them their works
    #[command(visible_alias = "manifestworkreplicaset")]
    Replicaset(replicaset::Args),
    /// Delete a work, and with it its resources on the managed clusters
    #[command(visible_alias = "manifestwork")]
    Work(work::Args),
    /// Delete what clusters join with: no more can join until `init` is run again
    Token(token::Args),
}

/// Runs the command.
///
/// # Errors
/// Those of what is deleted.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Clusterset(args) => clusterset::run(args, global, ui).await,
        Command::Placement(args) => placement::run(args, global, ui).await,
        Command::Replicaset(args) => replicaset::run(args, global, ui).await,
        Command::Work(args) => work::run(args, global, ui).await,
        Command::Token(args) => token::run(args, global, ui).await,
    }
}
