//! The files of this repository that are generated out of the code. `cargo run
//! --example generate` writes them; the program itself has no need for this.

use std::path::{Path, PathBuf};

use clap_complete::Shell;

use super::completion::{SHELLS, script};
use crate::ocm::crds::{self, WriteError};

/// A generated file: its path below the repository, and its content.
pub type Generated = (PathBuf, Vec<u8>);

/// Every completion script and man page, ordered by path.
#[must_use]
pub fn docs(command: &clap::Command) -> Vec<Generated> {
    let mut files: Vec<Generated> = SHELLS
        .into_iter()
        .map(|shell| {
            let name = match shell {
                Shell::Zsh => "_ocmadm".to_owned(),
                Shell::Fish => "ocmadm.fish".to_owned(),
                Shell::PowerShell => "ocmadm.ps1".to_owned(),
                _ => "ocmadm.bash".to_owned(),
            };
            let script = script(shell, command.clone());
            (Path::new("completions").join(name), script.into_bytes())
        })
        .collect();
    let mut built = command.clone();
    built.build();
    pages(&built, "ocmadm", &mut files);
    files.sort();
    files
}

fn pages(command: &clap::Command, name: &str, files: &mut Vec<Generated>) {
    let mut text = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = clap_mangen::Man::new(command.clone()).render(&mut text);
    // What clap calls extra are the examples.
    let text = String::from_utf8_lossy(&text).replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n");
    let path = Path::new("man").join(format!("{name}.1"));
    files.push((path, text.into_bytes()));
    for sub in command.get_subcommands() {
        if sub.is_hide_set() || sub.get_name() == "help" {
            continue;
        }
        pages(sub, &format!("{name}-{}", sub.get_name()), files);
    }
}

/// Every CustomResourceDefinition, generated from the types.
///
/// # Errors
/// One cannot be written as YAML.
pub fn definitions() -> Result<Vec<Generated>, WriteError> {
    let folder = Path::new("embedded-manifests/crds");
    crds::all()
        .iter()
        .map(|definition| {
            let yaml = crds::to_yaml(definition)?;
            Ok((folder.join(crds::file_name(definition)), yaml.into_bytes()))
        })
        .collect()
}
