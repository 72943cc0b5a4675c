//! Examples at the end of each command's `--help`. A test reads them as they
//! would be typed.

use clap::Command;

/// Commands by their words, and what can be typed after the program's name.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "init",
        &[
            "init --context hub --wait",
            "init --context hub --feature-gates ManifestWorkReplicaSet=true --dry-run=server",
            "init --context hub --output-file hub.yaml --dry-run",
        ],
    ),
    (
        "join",
        &[
            "join --context c1 --hub-token TOKEN --hub-apiserver https://hub:6443 --cluster-name c1",
            "join --context c1,c2,c3 --hub-context hub --accept --wait",
            "join --context c1 --hub-context hub --dry-run --show-token",
        ],
    ),
    (
        "accept",
        &[
            "accept --clusters c1,c2 --wait",
            "accept --clusters c1 --labels region=eu --into-set prod",
        ],
    ),
    ("unaccept", &["unaccept --clusters c1"]),
    ("create clusterset", &["create clusterset prod"]),
    (
        "create placement",
        &[
            "create placement everywhere --clustersets prod",
            "create placement two --clustersets prod --count 2 -l region=eu --dry-run",
        ],
    ),
    ("create sampleapp", &["create sampleapp hello"]),
    (
        "create work",
        &[
            "create work hello -f manifests/ --clusters c1,c2 --wait",
            "create work hello -f manifests/ --clusterset prod --overwrite",
            "create work hello -k overlays/prod --placement default/everywhere --replicaset",
        ],
    ),
    ("delete clusterset", &["delete clusterset prod"]),
    (
        "delete placement",
        &["delete placement everywhere -n default"],
    ),
    (
        "delete replicaset",
        &["delete replicaset hello -n default --wait"],
    ),
    ("delete token", &["delete token", "delete token ocmhub"]),
    (
        "delete work",
        &[
            "delete work hello --clusters c1",
            "delete work hello --all --yes",
        ],
    ),
    (
        "get token",
        &[
            "get token --context hub",
            "get token --ttl 24h -o json",
            "get token --list",
        ],
    ),
    (
        "get clusters",
        &[
            "get clusters -o wide",
            "get clusters -l region=eu --watch",
            "get clusters c1 -o yaml",
        ],
    ),
    ("get hub-info", &["get hub-info --context hub"]),
    ("get klusterlet-info", &["get klusterlet-info --context c1"]),
    ("get clustersets", &["get clustersets prod -o tree"]),
    (
        "get addons",
        &["get addons", "get addons cluster-proxy -o tree"],
    ),
    (
        "get works",
        &[
            "get works --clusters c1",
            "get works hello -o tree",
            "get works --watch",
        ],
    ),
    (
        "get placements",
        &[
            "get placements -A",
            "get placements everywhere -n default --explain",
        ],
    ),
    ("get replicasets", &["get replicasets -A -o wide"]),
    ("describe cluster", &["describe cluster c1"]),
    ("describe work", &["describe work hello --clusters c1"]),
    (
        "doctor",
        &[
            "doctor --context hub",
            "doctor --context hub --cluster c1 --managed-context c1",
        ],
    ),
    (
        "upgrade clustermanager",
        &[
            "upgrade clustermanager --context hub --wait",
            "upgrade clustermanager --bundle-version 1.3.1 --dry-run=server",
        ],
    ),
    (
        "upgrade klusterlet",
        &["upgrade klusterlet --context c1 --hub-context hub --wait"],
    ),
    (
        "install hub-addon",
        &[
            "install hub-addon --names argocd --context hub",
            "install hub-addon --names governance-policy-framework --context hub",
        ],
    ),
    (
        "uninstall hub-addon",
        &["uninstall hub-addon --names argocd --context hub"],
    ),
    (
        "clusterset bind",
        &["clusterset bind prod --namespace default"],
    ),
    (
        "clusterset set",
        &[
            "clusterset set prod --clusters c1,c2",
            "clusterset set prod -l region=eu",
        ],
    ),
    (
        "clusterset unbind",
        &["clusterset unbind prod --namespace default"],
    ),
    ("clusterset unset", &["clusterset unset --clusters c1"]),
    (
        "addon create",
        &["addon create hello -f manifests/ --version 1.0.0"],
    ),
    (
        "addon disable",
        &["addon disable --names hello --clusters c1"],
    ),
    (
        "addon enable",
        &[
            "addon enable --names hello --clusters c1,c2",
            "addon enable --names hello --clusterset prod",
        ],
    ),
    (
        "proxy health",
        &["proxy health", "proxy health --clusters c1,c2 -o json"],
    ),
    (
        "proxy kubectl",
        &[
            "proxy kubectl --cluster c1 --sa reader -- get pods -A",
            "proxy kubectl --cluster c1 --sa reader -i",
        ],
    ),
    (
        "detach",
        &["detach --clusters c1 --context hub --managed-context c1"],
    ),
    (
        "unjoin",
        &[
            "unjoin --cluster-name c1 --context c1",
            "unjoin --cluster-name c1 --context c1 --hub-context hub --drain",
        ],
    ),
    (
        "clean",
        &["clean --context hub --dry-run", "clean --context hub --yes"],
    ),
    (
        "sandbox up",
        &[
            "sandbox up --clusters 2",
            "sandbox up --dir ./sandbox --first-port 7000",
        ],
    ),
    (
        "sandbox down",
        &["sandbox down", "sandbox down --delete-data"],
    ),
    ("sandbox status", &["sandbox status -o json"]),
    ("sandbox kubeconfig", &["sandbox kubeconfig --path"]),
    (
        "sandbox logs",
        &["sandbox logs --follow", "sandbox logs hub cluster-manager"],
    ),
    ("sandbox demo", &["sandbox demo"]),
    ("completion", &["completion bash"]),
    ("version", &["version --context hub", "version --client"]),
];

/// Adds them to the help.
#[must_use]
pub(super) fn add_to(command: Command, program: &str) -> Command {
    EXAMPLES.iter().fold(command, |command, (words, lines)| {
        let mut text = String::from("Examples:");
        for line in *lines {
            text.push_str(&format!("\n  {program} {line}"));
        }
        let words: Vec<&str> = words.split(' ').collect();
        below(command, &words, text)
    })
}

fn below(command: Command, words: &[&str], text: String) -> Command {
    match words {
        [] => command.after_long_help(text),
        [first, rest @ ..] => {
            let rest = rest.to_vec();
            command.mut_subcommand(*first, move |sub| below(sub, &rest, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_can_be_typed() {
        let command = crate::cli::command();
        for (words, lines) in EXAMPLES {
            assert!(!lines.is_empty());
            for line in *lines {
                assert!(line.starts_with(words), "{line}");
                assert!(line.len() < 90, "{line}");
                let typed = ["ocmadm"].into_iter().chain(line.split(' '));
                let read = command.clone().try_get_matches_from(typed);
                assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
            }
        }
    }

    #[test]
    fn every_command_has_an_example() {
        fn walk(command: &Command, words: &str) {
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let words = format!("{words} {}", sub.get_name());
                let words = words.trim();
                if sub.has_subcommands() {
                    walk(sub, words);
                } else if !["help", "options"].contains(&words) {
                    let text = sub.get_after_long_help().map(ToString::to_string);
                    assert!(text.is_some_and(|text| text.contains(words)), "{words}");
                }
            }
        }
        walk(&crate::cli::command(), "");
    }
}
