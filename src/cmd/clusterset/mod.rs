//! `ocmadm clusterset`: who is in a cluster set, and which namespaces may use it.

pub mod bind;
pub mod set;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm clusterset`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done with cluster sets.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// Put clusters into a cluster set, or have namespaces on its members
    Set(set::Args),
    /// Take clusters out of their cluster set
    Unset(set::UnsetArgs),
    /// Let placements of a namespace choose from a cluster set
    Bind(bind::Args),
    /// Take a cluster set away from a namespace
    Unbind(bind::UnbindArgs),
}

/// Runs the command.
///
/// # Errors
/// Those of what is done.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Set(args) => set::run(args, global, ui).await,
        Command::Unset(args) => set::unset(args, global, ui).await,
        Command::Bind(args) => bind::bind(args, global, ui).await,
        Command::Unbind(args) => bind::unbind(args, global, ui).await,
    }
}
