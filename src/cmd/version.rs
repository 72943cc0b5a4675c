//! `ocmadm version`: of this program, and of the hub it talks to.

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm version`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only this program's version; no server is asked
    #[arg(long)]
    client: bool,
}

/// The OCM release whose API and protocol this build speaks.
pub const OCM_RELEASE: &str = "1.3.1";

/// Prints the versions.
///
/// # Errors
/// stdout cannot be written.
#[expect(clippy::unused_async, reason = "the shape of every command")]
pub async fn run(_args: &Args, _global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    ui.result_line(&format!("ocmadm\tversion\t:v{}", env!("CARGO_PKG_VERSION")))?;
    ui.result_line(&format!("default bundle\tversion\t:{OCM_RELEASE}"))?;
    Ok(())
}
