//! One file per command: help text, arguments, run.

pub mod accept;
pub mod addon;
pub mod agent;
pub mod args;
pub mod changes;
pub mod clean;
pub mod clusterset;
pub mod completion;
pub mod components;
pub mod confirm;
pub mod create;
pub mod delete;
pub mod describe;
pub mod detach;
pub mod diff;
pub mod doctor;
pub mod drain;
pub mod explain;
pub mod generate;
pub mod get;
pub mod help;
pub mod hub;
pub mod hub_addon;
pub mod images;
pub mod init;
pub mod install;
pub mod join;
pub mod offers;
pub mod placement;
pub mod preview;
pub mod proxy;
pub mod remove;
pub mod replicas;
pub mod resources;
pub mod sandbox;
pub mod serve;
pub mod trouble;
pub mod unaccept;
pub mod unjoin;
pub mod upgrade;
pub mod values;
pub mod version;
pub mod works;

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;

use crate::cmd::args::GlobalArgs;
use crate::error::CommandError;
use crate::k8s::client::{self, Connection};

/// How many requests a command has under way at once.
pub const CONCURRENCY: usize = 16;

/// A client for the context the user chose. Nothing is sent yet.
///
/// # Errors
/// What is wrong with the kubeconfig, and what to do about it.
pub async fn connect(global: &GlobalArgs) -> Result<Connection, CommandError> {
    let connection = client::connect(global.kubeconfig.as_deref(), global.context.as_deref());
    Ok(connection.await?.recorded(global.record.as_ref())?)
}

/// When the command must have ended its waits.
#[must_use]
pub fn deadline(timeout: Duration) -> Instant {
    // Far enough, and no overflow.
    Instant::now() + timeout.min(Duration::from_secs(10 * 365 * 86_400))
}

/// This program as the user called it: commands that are printed must work
/// when they are typed. A plugin of kubectl is `kubectl NAME`.
#[must_use]
pub fn program() -> String {
    let name = std::env::args_os().next();
    called(&name.map_or_else(String::new, |name| name.to_string_lossy().into_owned()))
}

/// What to type for a program that was started under this name. kubectl starts
/// its plugins by their path; `_` in their names stands for `-`.
fn called(argument: &str) -> String {
    let file = argument.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.strip_suffix(".exe").unwrap_or(file);
    for host in ["kubectl", "oc"] {
        let plugin = stem
            .strip_prefix(host)
            .and_then(|rest| rest.strip_prefix('-'));
        if let Some(name) = plugin.filter(|name| !name.is_empty()) {
            return format!("{host} {}", name.replace('-', " ").replace('_', "-"));
        }
    }
    match argument {
        "" => "ocmadm".to_owned(),
        other => other.to_owned(),
    }
}

/// The flags that lead to the same cluster again, for commands that are
/// suggested; with a blank before them.
#[must_use]
pub fn same_cluster(global: &GlobalArgs) -> String {
    let mut flags = String::new();
    if let Some(path) = &global.kubeconfig {
        flags.push_str(&format!(" --kubeconfig {}", path.display()));
    }
    if let Some(context) = &global.context {
        flags.push_str(&format!(" --context {context}"));
    }
    flags
}

/// Small letters and digits out of the system's random source.
///
/// # Errors
/// The system gives none.
pub fn random_text(length: usize) -> Result<String, CommandError> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz0234567";
    let mut bytes = vec![0_u8; length];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| CommandError::user("the system gives no random numbers"))?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_called_through_kubectl() {
        for (argument, typed) in [
            ("", "ocmadm"),
            ("ocmadm", "ocmadm"),
            ("./target/debug/ocmadm", "./target/debug/ocmadm"),
            ("/usr/bin/clusteradm", "/usr/bin/clusteradm"),
            ("/home/u/.krew/bin/kubectl-ocm", "kubectl ocm"),
            ("kubectl-ocmadm", "kubectl ocmadm"),
            ("/p/kubectl-ocm_adm", "kubectl ocm-adm"),
            (r"C:\bin\kubectl-ocm.exe", "kubectl ocm"),
            ("/usr/bin/oc-ocm", "oc ocm"),
            ("/usr/bin/oc", "/usr/bin/oc"),
        ] {
            assert_eq!(called(argument), typed, "{argument}");
        }
    }

    #[test]
    fn random_text_is_of_the_alphabet_of_bootstrap_tokens() {
        let text = random_text(16).unwrap();
        assert_eq!(text.len(), 16);
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        );
        assert_ne!(text, random_text(16).unwrap());
    }
}
