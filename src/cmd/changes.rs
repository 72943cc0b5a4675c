//! `-o` of commands that change something: instead of lines, the objects as the
//! server has them then, as data. Lines go to stderr.

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

use crate::cmd::resources;
use crate::error::CommandError;
use crate::k8s::record::Record;
use crate::ui::{OutputFormat, Ui, format};

/// What the argument is called among clap's.
const ID: &str = "changes_output";

/// The commands that get the flag, by their words.
const COMMANDS: [&str; 24] = [
    "join",
    "accept",
    "unaccept",
    "detach",
    "unjoin",
    "clean",
    "upgrade clustermanager",
    "upgrade klusterlet",
    "create clusterset",
    "create sampleapp",
    "delete clusterset",
    "delete placement",
    "delete replicaset",
    "delete token",
    "delete work",
    "clusterset bind",
    "clusterset set",
    "clusterset unbind",
    "clusterset unset",
    "addon create",
    "addon disable",
    "addon enable",
    "install hub-addon",
    "uninstall hub-addon",
];

/// Adds the flag where it belongs.
#[must_use]
pub fn add_to(command: Command) -> Command {
    COMMANDS.iter().fold(command, |command, words| {
        let words: Vec<&str> = words.split(' ').collect();
        below(command, &words)
    })
}

fn below(command: Command, words: &[&str]) -> Command {
    match words {
        [] => command.arg(
            Arg::new(ID)
                .long("output")
                .short('o')
                .value_name("FORMAT")
                .value_parser(parse)
                .help("Print the objects that were changed, as json, yaml, name, jsonpath=… or custom-columns=…; lines go to stderr"),
        ),
        [first, rest @ ..] => {
            let (first, rest) = ((*first).to_owned(), rest.to_vec());
            command.mut_subcommand(first, move |sub| below(sub, &rest))
        }
    }
}

fn parse(text: &str) -> Result<OutputFormat, String> {
    match text.parse::<OutputFormat>()? {
        OutputFormat::Wide | OutputFormat::Tree => Err(
            "valid are json, yaml, name, jsonpath=TEMPLATE, custom-columns=HEADER:PATH,…"
                .to_owned(),
        ),
        format => Ok(format),
    }
}

/// What the user asked for on this line; nothing where it is for people.
#[must_use]
pub fn asked(matches: &ArgMatches) -> Option<OutputFormat> {
    let mut leaf = matches;
    while let Some((_, below)) = leaf.subcommand() {
        leaf = below;
    }
    let found = leaf.try_get_one::<OutputFormat>(ID).ok().flatten();
    found.copied().filter(|format| format.is_structured())
}

/// Prints what was changed; also when not everything came through.
///
/// # Errors
/// stdout cannot be written, or a template does not fit.
pub fn print(record: &Record, output: OutputFormat, ui: &Ui) -> Result<(), CommandError> {
    let objects: Vec<Value> = record.objects();
    let text = format::objects(output, &objects, false, resources::resource_name)?;
    ui.document(&text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_named_here_exists_and_has_the_flag() {
        let command = crate::cli::command();
        for words in COMMANDS {
            let mut at = &command;
            for word in words.split(' ') {
                at = at
                    .find_subcommand(word)
                    .unwrap_or_else(|| panic!("{words}"));
            }
            assert!(
                at.get_arguments().any(|argument| argument.get_id() == ID),
                "{words}"
            );
        }
        let asked_for = |line: &str| {
            let matches = crate::cli::command().try_get_matches_from(line.split(' '));
            matches
                .map(|matches| asked(&matches))
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            asked_for("ocmadm accept -c c -o json"),
            Ok(Some(OutputFormat::Json))
        );
        assert_eq!(asked_for("ocmadm accept -c c -o text"), Ok(None));
        assert_eq!(asked_for("ocmadm get clusters -o json"), Ok(None));
        assert!(asked_for("ocmadm accept -c c -o tree").is_err());
    }
}
