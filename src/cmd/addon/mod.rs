//! `ocmadm addon`: add-ons on managed clusters.

pub mod create;
pub mod disable;
pub mod enable;
mod wait;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm addon`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done with add-ons.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// Create an add-on from manifests
    Create(create::Args),
    /// Enable add-ons on managed clusters
    Enable(enable::Args),
    /// Disable add-ons on managed clusters
    Disable(disable::Args),
}

/// Runs the command.
///
/// # Errors
/// Those of what is done.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    match &args.command {
        Command::Create(args) => create::run(args, global, ui).await,
        Command::Enable(args) => enable::run(args, global, ui).await,
        Command::Disable(args) => disable::run(args, global, ui).await,
    }
}

/// A label or annotation on the command line.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as key=value".to_owned()),
    }
}
