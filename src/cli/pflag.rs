//! What scripts that were written for clusteradm may type. It reads flags with
//! Go's pflag: the last of a flag counts, a switch takes `=true` and `=false`,
//! `_` in a name stands for `-`, and nothing for a name is as good as no flag.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cmd::args::parse_bool;

/// Flags of clusteradm that are taken and do nothing.
struct Ignored {
    /// Where they are; nowhere: everywhere.
    command: &'static str,
    flags: &'static [&'static str],
    /// Whether they are switches.
    switch: bool,
    why: &'static str,
}

const LOG: &str = "logs go to stderr, as -v and OCMADM_LOG say";
const SERVER: &str = "nothing depends on the minor version of the server";
const SINGLETON: &str = "OCM has given up the multicluster-controlplane, which it is about";
const NO_FILE: &str = "clusteradm ignores it here, too";
const IGNORED: &[Ignored] = &[
    Ignored {
        command: "",
        flags: &[
            "add-dir-header",
            "alsologtostderr",
            "legacy-stderr-threshold-behavior",
            "logtostderr",
            "one-output",
            "skip-headers",
            "skip-log-headers",
        ],
        switch: true,
        why: LOG,
    },
    Ignored {
        command: "",
        flags: &[
            "alsologtostderrthreshold",
            "log-backtrace-at",
            "log-dir",
            "log-file",
            "log-file-max-size",
            "stderrthreshold",
            "vmodule",
        ],
        switch: false,
        why: LOG,
    },
    Ignored {
        command: "",
        flags: &["match-server-version"],
        switch: true,
        why: SERVER,
    },
    Ignored {
        command: "init",
        flags: &[
            "values",
            "set",
            "set-file",
            "set-json",
            "set-literal",
            "set-string",
        ],
        switch: false,
        why: SINGLETON,
    },
    Ignored {
        command: "addon enable",
        flags: &["output-file"],
        switch: false,
        why: NO_FILE,
    },
    Ignored {
        command: "clean",
        flags: &["output-file"],
        switch: false,
        why: NO_FILE,
    },
    Ignored {
        command: "create sampleapp",
        flags: &["output-file"],
        switch: false,
        why: NO_FILE,
    },
    Ignored {
        command: "get token",
        flags: &["output-file"],
        switch: false,
        why: NO_FILE,
    },
    Ignored {
        command: "unjoin",
        flags: &["output-file"],
        switch: false,
        why: NO_FILE,
    },
];

/// Flags of text to which an empty one is something else than none.
const EMPTY_COUNTS: &[&str] = &["image-registry"];

/// The command tree as pflag would read it. Its help is not for people: every
/// switch has a value in it.
#[must_use]
pub(super) fn lenient(command: Command) -> Command {
    with_ignored(switches(command).args_override_self(true), "")
}

/// Every switch of the tree takes `=true` and `=false`.
fn switches(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let is_bool = argument.get_value_parser().type_id() == TypeId::of::<bool>();
            match argument.get_action() {
                ArgAction::SetTrue => switch(argument),
                // `--dry-run` has words of its own.
                ArgAction::Set if is_bool && argument.get_id() != "dry_run" => {
                    argument.value_parser(ValueParser::new(parse_bool))
                }
                _ => argument,
            }
        })
        .mut_subcommands(switches)
}

fn switch(argument: Arg) -> Arg {
    argument
        .action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .value_name("BOOL")
        .default_value("false")
        .default_missing_value("true")
        .value_parser(ValueParser::new(parse_bool))
}

fn with_ignored(mut command: Command, path: &str) -> Command {
    for group in IGNORED.iter().filter(|group| group.command == path) {
        for &flag in group.flags {
            let mut argument = Arg::new(flag).long(flag).hide(true).global(path.is_empty());
            if flag == "values" {
                argument = argument.short('f');
            }
            command = command.arg(match group.switch {
                true => switch(argument),
                // Some of them may be repeated.
                false => argument.action(ArgAction::Append),
            });
        }
    }
    command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        with_ignored(sub, path.trim_start())
    })
}

/// What to say of flags that were given and do nothing.
#[must_use]
pub(super) fn ignored(matches: &ArgMatches) -> Vec<String> {
    let (mut path, mut leaf) = (String::new(), matches);
    while let Some((name, below)) = leaf.subcommand() {
        path = format!("{path} {name}").trim_start().to_owned();
        leaf = below;
    }
    IGNORED
        .iter()
        .filter(|group| group.command.is_empty() || group.command == path)
        .flat_map(|group| group.flags.iter().map(|flag| (*flag, group.why)))
        .filter(|(flag, _)| leaf.value_source(flag) == Some(ValueSource::CommandLine))
        .map(|(flag, why)| format!("--{flag} has no effect: {why}"))
        .collect()
}

/// The words of a command line as clap reads them, and what to say of those
/// that were written differently. The first one is the program.
#[must_use]
pub(super) fn words(
    command: &Command,
    given: impl IntoIterator<Item = OsString>,
) -> (Vec<OsString>, Vec<String>) {
    let mut given = given.into_iter().peekable();
    let mut words: Vec<OsString> = given.next().into_iter().collect();
    let (mut path, mut warnings) = (vec![command], Vec::new());
    while let Some(word) = given.next() {
        let text = word.to_str().unwrap_or_default();
        if text == "--" {
            words.push(word);
            words.extend(given);
            break;
        }
        if let Some(flag) = text.strip_prefix("--") {
            let (typed, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let name = typed.replace('_', "-");
            if name != typed {
                warnings.push(format!("the flag --{typed} is written --{name}"));
            }
            let argument = long(&path, &name);
            let next = match (&value, argument.is_some_and(needs_value)) {
                (None, true) => given.next(),
                _ => None,
            };
            let empty = value.as_deref() == Some("") || next.as_ref().is_some_and(|v| v.is_empty());
            if empty && argument.is_some_and(empty_is_none) {
                continue;
            }
            words.push(match value {
                Some(value) => format!("--{name}={value}").into(),
                None => format!("--{name}").into(),
            });
            words.extend(next);
            continue;
        }
        if let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            // `-n NAME`: the value is no command.
            let last = letters.chars().last().filter(|_| !letters.contains('='));
            let first = letters
                .chars()
                .find(|letter| short(&path, *letter).is_none_or(needs_value));
            let open = first == last && first.and_then(|l| short(&path, l)).is_some();
            words.push(word);
            if open {
                words.extend(given.next());
            }
            continue;
        }
        let here = path[path.len() - 1];
        if let Some(below) = here.find_subcommand(&word) {
            path.push(below);
        }
        words.push(word);
    }
    (words, warnings)
}

/// The flag of this name, of a command or of all below one before it.
fn long<'a>(path: &[&'a Command], name: &str) -> Option<&'a Arg> {
    flag(path, |argument| {
        argument.get_long() == Some(name)
            || argument
                .get_all_aliases()
                .is_some_and(|aliases| aliases.contains(&name))
    })
}

fn short<'a>(path: &[&'a Command], letter: char) -> Option<&'a Arg> {
    flag(path, |argument| {
        argument.get_short() == Some(letter)
            || argument
                .get_all_short_aliases()
                .is_some_and(|aliases| aliases.contains(&letter))
    })
}

fn flag<'a>(path: &[&'a Command], fits: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
    let last = path.len().saturating_sub(1);
    path.iter().enumerate().rev().find_map(|(at, command)| {
        command
            .get_arguments()
            .find(|argument| (at == last || argument.is_global_set()) && fits(argument))
    })
}

/// Whether the next word belongs to this flag.
fn needs_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
        && argument
            .get_num_args()
            .is_none_or(|range| range.min_values() > 0)
}

/// Whether an empty value says no more than the flag's absence.
fn empty_is_none(argument: &Arg) -> bool {
    let kind = argument.get_value_parser().type_id();
    let text = kind == TypeId::of::<String>() || kind == TypeId::of::<PathBuf>();
    text && matches!(argument.get_action(), ArgAction::Set)
        && argument.get_default_values().is_empty()
        && !argument.is_required_set()
        && !EMPTY_COUNTS.contains(&argument.get_long().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    fn read(line: &str) -> (String, Vec<String>) {
        let command = lenient(command());
        let given = line.split(' ').map(|word| match word {
            "''" => OsString::new(),
            word => word.into(),
        });
        let (words, warnings) = words(&command, given);
        let words: Vec<String> = words
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        (words.join(" "), warnings)
    }

    #[test]
    fn words_are_read_as_pflag_reads_them() {
        for (given, wanted) in [
            ("x get clusters --dry_run", "x get clusters --dry-run"),
            ("x join --cluster_name=a_b", "x join --cluster-name=a_b"),
            ("x join --cluster-name --a_b", "x join --cluster-name --a_b"),
            ("x --context '' get clusters", "x get clusters"),
            ("x get clusters --kubeconfig= --context=", "x get clusters"),
            ("x join --ca-file '' --hub-token ''", "x join --hub-token "),
            ("x init --image-registry ''", "x init --image-registry "),
            // A value is no command, and what follows `--` is none of ours.
            (
                "x get works -l get --no_such",
                "x get works -l get --no-such",
            ),
            ("x create -- --a_b ''", "x create -- --a_b "),
            ("x get placements -n '' p", "x get placements -n  p"),
        ] {
            assert_eq!(read(given).0, wanted, "{given}");
        }
        assert_eq!(
            read("x init --dry_run").1,
            ["the flag --dry_run is written --dry-run"]
        );
        assert!(read("x init --dry-run").1.is_empty());
    }

    #[test]
    fn what_does_nothing_says_so() {
        let said = |line: &str| {
            let matches = lenient(command())
                .try_get_matches_from(line.split(' '))
                .unwrap();
            ignored(&matches)
        };
        assert!(said("x get clusters")[..].is_empty());
        assert_eq!(
            said("x --logtostderr=true get clusters --log-dir=d"),
            [
                "--logtostderr has no effect: logs go to stderr, as -v and OCMADM_LOG say",
                "--log-dir has no effect: logs go to stderr, as -v and OCMADM_LOG say",
            ]
        );
        assert_eq!(
            said("x clean --output-file f"),
            ["--output-file has no effect: clusteradm ignores it here, too"]
        );
        // That of join is one of ours.
        let join = "x join --hub-token t --hub-apiserver u --cluster-name c --output-file f";
        assert!(said(join).is_empty());
    }

    /// Whatever clap's definitions hold: a flag may come twice, a switch has a value.
    #[test]
    fn every_flag_may_be_repeated_and_every_switch_has_a_value() {
        fn walk(command: &Command, path: &[String], seen: &mut (usize, usize)) {
            for argument in command.get_arguments() {
                let (Some(name), ArgAction::Set) = (argument.get_long(), argument.get_action())
                else {
                    continue;
                };
                let is_switch = argument.get_value_parser().type_id() == TypeId::of::<bool>();
                let values: &[&str] = match is_switch {
                    true if name == "dry-run" => &["=1", "=f", "=client", ""],
                    true => &["=1", "=f", "=True", "=FALSE", ""],
                    false => &["=x"],
                };
                for value in values {
                    let twice = format!("--{name}{value}");
                    let line = [path, &[twice.clone(), twice]].concat();
                    let error = lenient(crate::cli::command()).try_get_matches_from(&line);
                    let kind = error.err().map(|error| error.kind());
                    use clap::error::ErrorKind as Kind;
                    let bad = [Kind::UnknownArgument, Kind::TooManyValues, Kind::NoEquals];
                    assert!(
                        !kind.is_some_and(|kind| bad.contains(&kind)),
                        "{line:?} {kind:?}"
                    );
                    if is_switch {
                        // Another flag may be missing; the value itself is one.
                        assert_ne!(kind, Some(Kind::InvalidValue), "{line:?}");
                        assert_ne!(kind, Some(Kind::ValueValidation), "{line:?}");
                    }
                    // Twice the same is no conflict with itself.
                    if kind == Some(Kind::ArgumentConflict) {
                        panic!("{line:?}");
                    }
                }
                seen.0 += 1;
                seen.1 += usize::from(is_switch);
            }
            for sub in command.get_subcommands() {
                walk(sub, &[path, &[sub.get_name().to_owned()]].concat(), seen);
            }
        }
        let mut seen = (0, 0);
        walk(&lenient(command()), &["x".to_owned()], &mut seen);
        assert!(seen.0 > 120 && seen.1 > 40, "{seen:?}");
    }
}
