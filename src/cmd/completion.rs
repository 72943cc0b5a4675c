//! `ocmadm completion`: scripts for shells.

use clap_complete::Shell;

use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm completion`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The shell to complete for
    #[arg(value_name = "SHELL", value_parser = parse_shell, hide_possible_values = true)]
    shell: Shell,
}

/// The shells a script exists for.
pub const SHELLS: [Shell; 4] = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell];

fn parse_shell(text: &str) -> Result<Shell, String> {
    SHELLS
        .into_iter()
        .find(|shell| shell.to_string() == text)
        .ok_or_else(|| "valid shells are bash, zsh, fish, powershell".to_owned())
}

/// The completion script of a shell.
#[must_use]
pub fn script(shell: Shell, mut command: clap::Command) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command, "ocmadm", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Prints the script.
///
/// # Errors
/// stdout cannot be written.
pub fn run(args: &Args, command: clap::Command, ui: &Ui) -> Result<(), CommandError> {
    ui.result(&script(args.shell, command))?;
    Ok(())
}
