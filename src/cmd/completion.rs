//! `ocmadm completion`: scripts for shells, and the names they offer.
//!
//! The scripts ask this program what fits: names of clusters, cluster sets,
//! works and contexts come from the kubeconfig and the hub that the command
//! line typed so far leads to. Nothing is said when they cannot be had.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ArgAction;
use clap_complete::env::Shells;
use clap_complete::{ArgValueCandidates, CompletionCandidate, Shell};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ApiResource, ListParams};

use crate::cmd::resources;
use crate::error::CommandError;
use crate::k8s::client;
use crate::k8s::kubeconfig::{self, Places};
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

/// The environment variable that makes this program answer a shell.
pub const VARIABLE: &str = "COMPLETE";

/// How long the hub may take: a key press must not hang.
const PATIENCE: Duration = Duration::from_secs(1);

/// More names than this are no help.
const MOST: u32 = 500;

fn parse_shell(text: &str) -> Result<Shell, String> {
    SHELLS
        .into_iter()
        .find(|shell| shell.to_string() == text)
        .ok_or_else(|| "valid shells are bash, zsh, fish, powershell".to_owned())
}

/// The completion script of a shell, with the commands and flags in it: for
/// packages.
#[must_use]
pub fn script(shell: Shell, mut command: clap::Command) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command, "ocmadm", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Prints the script that asks this program.
///
/// # Errors
/// stdout cannot be written.
pub fn run(args: &Args, command: clap::Command, ui: &Ui) -> Result<(), CommandError> {
    let shells = Shells::builtins();
    let mut bytes = Vec::new();
    let program = std::env::current_exe()
        .map_or_else(|_| "ocmadm".to_owned(), |path| path.display().to_string());
    let name = called();
    let written = shells
        .completer(&args.shell.to_string())
        .map(|shell| shell.write_registration(VARIABLE, &name, &name, &program, &mut bytes));
    match written {
        Some(Ok(())) => ui.result(&String::from_utf8_lossy(&bytes))?,
        _ => ui.result(&script(args.shell, command))?,
    }
    Ok(())
}

/// The command whose arguments the shell completes: this program by the name it
/// was called, as `clusteradm` where it is linked so.
fn called() -> String {
    let path = std::env::args_os().next().map(PathBuf::from);
    let file = path.as_deref().and_then(Path::file_name);
    let name = file.map(|name| name.to_string_lossy().into_owned());
    name.map(|name| name.trim_end_matches(".exe").to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "ocmadm".to_owned())
}

/// What kubectl calls the program that completes a plugin's arguments.
const KUBECTL: &str = "kubectl_complete-";

/// Whether a shell, or kubectl for one, wants to know what fits.
#[must_use]
pub fn asked() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty() && shell != *"0")
        || for_kubectl()
}

fn for_kubectl() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    let file = name.as_deref().and_then(Path::file_name);
    file.is_some_and(|file| file.to_string_lossy().starts_with(KUBECTL))
}

/// Answers it.
#[must_use]
pub fn answer(command: fn() -> clap::Command) -> ExitCode {
    let arguments = with_values_hidden(&command(), std::env::args_os().collect());
    let answered = if for_kubectl() {
        answer_kubectl(command(), arguments)
    } else {
        clap_complete::CompleteEnv::with_factory(command)
            .var(VARIABLE)
            .try_complete(arguments, std::env::current_dir().ok().as_deref())
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    // Nobody reads an error in the middle of a line.
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What fits, a line each, and cobra's directive that these are no files. The
/// last argument is the word to complete.
fn answer_kubectl(mut command: clap::Command, arguments: Vec<OsString>) -> Result<(), String> {
    let at = arguments.len().saturating_sub(1);
    let found = clap_complete::engine::complete(&mut command, arguments, at, None);
    let mut text = String::new();
    for candidate in found.map_err(|error| error.to_string())? {
        if candidate.is_hide_set() {
            continue;
        }
        text.push_str(&candidate.get_value().to_string_lossy());
        if let Some(help) = candidate.get_help() {
            text.push('\t');
            text.push_str(help.to_string().lines().next().unwrap_or_default());
        }
        text.push('\n');
    }
    text.push_str(":4\n");
    let ui = Ui::new(crate::ui::Settings::default());
    ui.result(&text).map_err(|error| error.to_string())
}

/// The line with a word that means nothing in place of each global flag's
/// value: clap_complete takes the value of `--context join` for the command
/// `join`. Those who look for names read the real line.
fn with_values_hidden(command: &clap::Command, mut words: Vec<OsString>) -> Vec<OsString> {
    let takes_a_value = |word: &OsString| {
        command.get_arguments().any(|argument| {
            let long = argument.get_long().map(|long| format!("--{long}"));
            let values = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
            values && !argument.is_require_equals_set() && long.is_some_and(|long| *word == *long)
        })
    };
    // The last word is the one to complete.
    for at in 1..words.len().saturating_sub(1) {
        if takes_a_value(&words[at - 1]) && !words[at].is_empty() {
            words[at] = OsString::from("+");
        }
    }
    words
}

/// Names of managed clusters.
#[must_use]
pub fn clusters() -> ArgValueCandidates {
    ArgValueCandidates::new(|| names(&resources::managed_cluster()))
}

/// Names of cluster sets.
#[must_use]
pub fn sets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| names(&resources::cluster_set()))
}

/// Names of works.
#[must_use]
pub fn works() -> ArgValueCandidates {
    ArgValueCandidates::new(|| names(&resources::manifest_work()))
}

/// Names of add-ons that the hub offers.
#[must_use]
pub fn addons() -> ArgValueCandidates {
    ArgValueCandidates::new(|| names(&resources::cluster_management_addon()))
}

/// Names of placements, of the namespace typed so far or of all.
#[must_use]
pub fn placements() -> ArgValueCandidates {
    ArgValueCandidates::new(|| names(&resources::placement()))
}

/// Names of replica sets, of the namespace typed so far or of all.
#[must_use]
pub fn replica_sets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| names(&resources::replica_set()))
}

/// Names of namespaces.
#[must_use]
pub fn namespaces() -> ArgValueCandidates {
    ArgValueCandidates::new(|| names(&ApiResource::erase::<Namespace>(&())))
}

/// Names of contexts.
#[must_use]
pub fn contexts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let (path, _) = typed(std::env::args_os());
        let Ok(loaded) = kubeconfig::load(&Places::find(path.as_deref())) else {
            return Vec::new();
        };
        let contexts = loaded.config.contexts.into_iter();
        let mut names: Vec<String> = contexts.map(|context| context.name).collect();
        names.sort();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// `--kubeconfig` and `--context` of the line typed so far.
fn typed(line: impl Iterator<Item = OsString>) -> (Option<PathBuf>, Option<String>) {
    let words: Vec<String> = line
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let of = |flag: &str| {
        let with = format!("{flag}=");
        words.iter().enumerate().find_map(|(at, word)| {
            if word == flag {
                return words.get(at + 1).cloned();
            }
            word.strip_prefix(&with).map(str::to_owned)
        })
    };
    let known = |value: &String| !value.is_empty();
    (
        of("--kubeconfig").filter(known).map(PathBuf::from),
        of("--context").filter(known),
    )
}

/// The names of all objects of a type, from the hub.
fn names(resource: &ApiResource) -> Vec<CompletionCandidate> {
    let (kubeconfig, context) = typed(std::env::args_os());
    crate::cli::install_crypto_provider();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return Vec::new();
    };
    let found = runtime.block_on(async {
        let ask = async {
            let hub = client::connect(kubeconfig.as_deref(), context.as_deref())
                .await
                .ok()?;
            let api = resources::all(&hub.client, resource);
            let params = ListParams::default().limit(MOST);
            api.list_metadata(&params).await.ok()
        };
        tokio::time::timeout(PATIENCE, ask).await.ok().flatten()
    });
    runtime.shutdown_background();
    let mut names: Vec<String> = found
        .into_iter()
        .flat_map(|list| list.items)
        .filter_map(|object| object.metadata.name)
        .collect();
    names.sort();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_global_flags_are_no_commands() {
        let command = crate::cli::command();
        let hidden = |line: &str| {
            let words = line.split(' ').map(OsString::from).collect();
            let words = with_values_hidden(&command, words);
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        };
        assert_eq!(
            hidden("ocmadm --context hub accept --clusters c"),
            "ocmadm --context + accept --clusters c"
        );
        assert_eq!(
            hidden("ocmadm --quiet get --context h"),
            "ocmadm --quiet get --context h"
        );
        assert_eq!(hidden("ocmadm --dry-run join x"), "ocmadm --dry-run join x");
    }

    #[test]
    fn the_line_typed_so_far_leads_to_the_hub() {
        let line = |words: &[&str]| typed(words.iter().map(OsString::from));
        assert_eq!(
            line(&["ocmadm", "--context", "hub", "--kubeconfig=/k", "get"]),
            (Some(PathBuf::from("/k")), Some("hub".to_owned()))
        );
        assert_eq!(line(&["ocmadm", "get", "--context"]), (None, None));
    }
}
