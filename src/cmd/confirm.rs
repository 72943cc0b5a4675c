//! Confirmation before what destroys. A person at a terminal is asked; scripts
//! of clusteradm, which have no terminal, run on as before.

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::prompt::{self, Answer};

/// `--yes`.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct ConfirmArgs {
    /// Do not ask before deleting or overwriting
    #[arg(long, short)]
    pub yes: bool,
}

impl ConfirmArgs {
    /// Goes on only if the user wants it.
    ///
    /// # Errors
    /// The user does not.
    pub fn ask(self, global: &GlobalArgs, ui: &Ui, question: &str) -> Result<(), CommandError> {
        if self.yes || global.dry_run {
            return Ok(());
        }
        match prompt::confirm(ui, question)? {
            Answer::Yes | Answer::NoTerminal => Ok(()),
            Answer::No => {
                Err(CommandError::user("nothing was changed")
                    .hint("pass --yes to skip the question"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn scripts_are_not_asked() {
        let global = crate::cli::Cli::parse_from(["ocmadm", "clean"]).global;
        let ask = ConfirmArgs::default().ask(&global, &Ui::captured(), "Sure?");
        assert!(ask.is_ok());
    }
}
