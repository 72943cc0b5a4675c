//! `ocmadm util` (hidden): writes the files that are generated out of the code.

use std::fs;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

use super::completion::{SHELLS, script};
use crate::error::CommandError;
use crate::ocm::crds;
use crate::ui::Ui;

/// Arguments of `ocmadm util`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Command {
    /// Write completions/ and man/
    Docs {
        /// The folder that holds them
        #[arg(value_name = "DIR", default_value = ".")]
        root: PathBuf,
    },
    /// Write embedded-manifests/crds/
    Crds {
        /// The folder that holds them
        #[arg(long, value_name = "DIR", default_value = "embedded-manifests/crds")]
        write: PathBuf,
    },
}

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
    files.push((Path::new("man").join(format!("{name}.1")), text));
    for sub in command.get_subcommands() {
        if sub.is_hide_set() || sub.get_name() == "help" {
            continue;
        }
        pages(sub, &format!("{name}-{}", sub.get_name()), files);
    }
}

/// Every CustomResourceDefinition, generated from the types.
fn definitions() -> Result<Vec<Generated>, CommandError> {
    crds::all()
        .iter()
        .map(|definition| {
            let yaml = crds::to_yaml(definition)
                .map_err(|error| CommandError::internal("cannot generate").because(error))?;
            Ok((
                PathBuf::from(crds::file_name(definition)),
                yaml.into_bytes(),
            ))
        })
        .collect()
}

/// Writes the files.
///
/// # Errors
/// A file cannot be written.
pub fn run(args: &Args, command: &clap::Command, ui: &Ui) -> Result<(), CommandError> {
    let (root, files) = match &args.command {
        Command::Docs { root } => (root, docs(command)),
        Command::Crds { write } => (write, definitions()?),
    };
    for (path, content) in files {
        let target = root.join(&path);
        let write = || {
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&target, &content)
        };
        write().map_err(|error| {
            CommandError::user(format!("cannot write {}", target.display())).because(error)
        })?;
        ui.status(&format!("wrote {}", target.display()));
    }
    Ok(())
}
