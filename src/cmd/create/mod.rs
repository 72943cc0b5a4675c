//! `ocmadm create`: makes objects on the hub.

pub mod clusterset;
pub mod placement;
pub mod sampleapp;
pub mod work;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm create`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to create.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be created.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// Make a cluster set
    #[command(visible_alias = "managedclusterset")]
    Clusterset(clusterset::Args),
    /// Make a sample application for Argo CD
    Sampleapp(sampleapp::Args),
    /// Send manifests to managed clusters
    #[command(visible_alias = "manifestwork")]
    Work(Box<work::Args>),
    /// Choose managed clusters
    Placement(Box<placement::Args>),
}

/// Runs the command.
///
/// # Errors
/// Those of what is created.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Clusterset(args) => clusterset::run(args, global, ui).await,
        Command::Sampleapp(args) => sampleapp::run(args, global, ui).await,
        Command::Work(args) => work::run(args, global, ui).await,
        Command::Placement(args) => placement::run(args, global, ui).await,
    }
}
