//! `ocmadm describe`: everything that is known of one thing.

pub mod cluster;
pub mod view;
pub mod work;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm describe`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to describe.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be described.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// Show all that the hub knows of managed clusters
    #[command(visible_aliases = ["clusters", "managedcluster"])]
    Cluster(cluster::Args),
    /// Show a work with every resource, what was reported of it, and what happened
    #[command(visible_aliases = ["works", "manifestwork"])]
    Work(work::Args),
}

/// Runs the command.
///
/// # Errors
/// Those of what is described.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Cluster(args) => cluster::run(args, global, ui).await,
        Command::Work(args) => work::run(args, global, ui).await,
    }
}
