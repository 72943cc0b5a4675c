//! `ocmadm sandbox`: local control planes to try and to test on.

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm sandbox`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// The sandbox is not part of this build yet.
#[expect(clippy::unused_async, reason = "the shape of every command")]
pub async fn run(_args: &Args, _global: &GlobalArgs, _ui: &Ui) -> Result<(), CommandError> {
    Err(CommandError::user(
        "the sandbox is not part of this build yet",
    ))
}
