//! The `ocmadm` binary: installs the crypto provider, runs the CLI, exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    ocmadm::cli::main()
}
