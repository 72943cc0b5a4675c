//! The command line: global flags, the `Command` enum and the one match.

use std::process::ExitCode;

/// Parses the arguments, runs the command, renders its error.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
