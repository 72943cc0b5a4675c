//! `docs/parity.md` has a row for every command and flag: of ours, read off
//! clap's definitions, and of clusteradm's. Rows of what is not there say so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ocmadm::cli;

/// The third column.
const STATES: [&str; 6] = ["same", "better", "different", "not yet", "left out", "ours"];

/// Command and flag (or argument), state, note.
fn rows() -> Vec<(String, String, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md");
    let text = fs::read_to_string(path).unwrap();
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "four columns: {line}");
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        rows.push((
            plain(cells[0]),
            plain(cells[1]),
            cells[2].to_owned(),
            cells[3].to_owned(),
        ));
    }
    rows
}

/// Every visible command and each of its own flags and arguments.
fn ours() -> BTreeSet<(String, String)> {
    fn walk(
        command: &clap::Command,
        path: &str,
        globals: &[String],
        out: &mut BTreeSet<(String, String)>,
    ) {
        out.insert((path.to_owned(), String::new()));
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            // Those that clap adds; `addon create` has a --version of its own.
            let of_clap = id == "help" || (id == "version" && path.is_empty());
            if argument.is_hide_set() || of_clap {
                continue;
            }
            let name = match argument.get_long() {
                Some(long) => format!("--{long}"),
                None => argument.get_id().as_str().to_uppercase(),
            };
            if path != "(all)" && globals.contains(&name) {
                continue;
            }
            out.insert((path.to_owned(), name));
        }
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let name = sub.get_name();
            let path = match path {
                "(all)" => name.to_owned(),
                path => format!("{path} {name}"),
            };
            walk(sub, &path, globals, out);
        }
    }
    let command = cli::command();
    let globals: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect();
    let mut out = BTreeSet::new();
    walk(&command, "(all)", &globals, &mut out);
    out.remove(&("(all)".to_owned(), String::new()));
    out
}

#[test]
fn every_command_and_flag_has_a_row_and_every_row_is_true() {
    let (rows, ours) = (rows(), ours());
    let mut wrong = Vec::new();
    for (command, flag) in &ours {
        if !rows.iter().any(|row| row.0 == *command && row.1 == *flag) {
            wrong.push(format!("add a row: | `{command}` | `{flag}` | ours | |"));
        }
    }
    let mut seen = BTreeSet::new();
    for (command, flag, state, note) in &rows {
        let there = ours.contains(&(command.clone(), flag.clone()));
        let absent = ["not yet", "left out"].contains(&state.as_str());
        if !STATES.contains(&state.as_str()) {
            wrong.push(format!(
                "{command} {flag}: the state {state:?} is none of {STATES:?}"
            ));
        } else if there == absent {
            let is = if there { "is there" } else { "does not exist" };
            wrong.push(format!(
                "{command} {flag}: the row says {state:?}, but it {is}"
            ));
        }
        if ["better", "different", "left out"].contains(&state.as_str()) && note.is_empty() {
            wrong.push(format!(
                "{command} {flag}: {state} needs a word in the last column"
            ));
        }
        if !seen.insert((command, flag)) {
            wrong.push(format!("{command} {flag}: two rows"));
        }
    }
    assert!(wrong.is_empty(), "docs/parity.md:\n{}", wrong.join("\n"));
}
