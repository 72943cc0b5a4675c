//! Flag groups shared by commands.

pub mod choose;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

pub use self::choose::{Choice, Chosen, ClustersArgs, OfClustersArgs};
use crate::k8s::record::Record;
use crate::ui::{ColorChoice, Settings};

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Kubeconfig file to use instead of $KUBECONFIG and ~/.kube/config
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,

    /// Kubeconfig context to use instead of the current one
    #[arg(long, global = true, value_name = "NAME", add = crate::cmd::completion::contexts())]
    pub context: Option<String>,

    /// Show what would be done, change nothing; with =server the server checks it too
    #[arg(
        long,
        global = true,
        value_name = "client|server",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "client",
        hide_default_value = true,
        value_parser = parse_dry_run
    )]
    pub dry_run: bool,

    /// Whether it was `--dry-run=server`; set after parsing.
    #[arg(skip)]
    pub dry_run_on_server: bool,

    /// Where what is changed is kept, if it is asked for as data; set after parsing.
    #[arg(skip)]
    pub record: Option<Record>,

    /// How long to wait, in seconds or as 90s, 5m, 1h
    #[arg(long, global = true, value_name = "DURATION", default_value = "300", value_parser = parse_duration)]
    pub timeout: Duration,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,

    /// No status lines, hints or progress
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Log what happens to stderr: 1 decisions, 4 details, 6 requests
    #[arg(
        long = "v",
        short = 'v',
        alias = "verbosity",
        global = true,
        value_name = "LEVEL",
        default_value = "0",
        hide_default_value = true
    )]
    pub verbosity: u8,
}

impl GlobalArgs {
    /// What `ui` needs to know.
    #[must_use]
    pub fn ui_settings(&self) -> Settings {
        Settings {
            color: match self.color {
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            },
            quiet: self.quiet,
            lines_aside: self.record.is_some(),
        }
    }
}

/// The value of `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `client`, `server`, `none`; and what scripts write: `true`, `false`.
///
/// # Errors
/// What is valid.
fn parse_dry_run(text: &str) -> Result<bool, String> {
    match text {
        "client" | "server" => Ok(true),
        "none" => Ok(false),
        _ => parse_bool(text).map_err(|_| "write client, server or none".to_owned()),
    }
}

/// A switch's value, as Go writes it.
///
/// # Errors
/// What is valid.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// `300`, `90s`, `5m`, `1h30m`.
///
/// # Errors
/// The text, if it is no duration.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write seconds (300) or 90s, 5m, 1h");
    if text.is_empty() {
        return Err(wrong());
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .filter(|at| *at > 0)
            .ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..unit_end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(wrong()),
        };
        let number = u32::try_from(number).map_err(|_| wrong())?;
        total = unit
            .checked_mul(number)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
        rest = &rest[unit_end..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_units() {
        let seconds = |s| Ok(Duration::from_secs(s));
        assert_eq!(parse_duration("300"), seconds(300));
        assert_eq!(parse_duration("90s"), seconds(90));
        assert_eq!(parse_duration("1h30m"), seconds(5400));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "s", "5x", "-1", "1.5h", "m5", "99999999999h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_dry_run_is_of_the_client_or_of_the_server() {
        for (text, on) in [
            ("client", true),
            ("server", true),
            ("true", true),
            ("none", false),
            ("false", false),
            ("1", true),
            ("F", false),
        ] {
            assert_eq!(parse_dry_run(text), Ok(on), "{text}");
        }
        assert!(parse_dry_run("maybe").is_err());
    }
}
