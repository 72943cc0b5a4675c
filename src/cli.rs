//! The command line: global flags, the `Command` enum and the one match.

mod examples;
mod pflag;

use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cmd;
use crate::cmd::args::GlobalArgs;
use crate::error::{CommandError, Kind};
use crate::k8s::record::Record;
use crate::ui::{OutputFormat, Ui};

/// Open Cluster Management in one binary
///
/// Registers Kubernetes clusters with a hub and distributes work to them: this
/// program is the admin command line, and, started by `init` and `join`, also
/// the hub's controllers and the managed cluster's agent.
#[derive(Parser, Debug)]
#[command(
    name = "ocmadm",
    version,
    propagate_version = false,
    max_term_width = 100
)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How what was changed is printed, if it is asked for as data; set after parsing.
    #[arg(skip)]
    pub changes: Option<OutputFormat>,
}

/// What ocmadm can do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a cluster a hub
    Init(Box<cmd::init::Args>),
    /// Join a cluster to a hub
    Join(Box<cmd::join::Args>),
    /// Accept clusters that asked to join the hub
    Accept(cmd::accept::Args),
    /// Take back that clusters are accepted; they stay on the list
    Unaccept(cmd::unaccept::Args),
    /// Make works, cluster sets and samples
    Create(cmd::create::Args),
    /// Delete works, cluster sets and join tokens
    Delete(cmd::delete::Args),
    /// List clusters, works and more, print join tokens
    Get(cmd::get::Args),
    /// Show all that is known of a cluster
    Describe(cmd::describe::Args),
    /// Find out why a cluster does not join or work, and what mends it
    Doctor(cmd::doctor::Args),
    /// Bring hub or agent to another version
    Upgrade(cmd::upgrade::Args),
    /// Install add-ons for the hub
    Install(cmd::hub_addon::InstallArgs),
    /// Take add-ons off the hub
    Uninstall(cmd::hub_addon::UninstallArgs),
    /// Group clusters, and let namespaces use the groups
    Clusterset(cmd::clusterset::Args),
    /// Create add-ons, enable and disable them on managed clusters
    #[command(visible_alias = "addons")]
    Addon(cmd::addon::Args),
    /// Reach managed clusters through the cluster-proxy add-on
    Proxy(cmd::proxy::Args),
    /// Take clusters off the hub, with their works and add-ons
    Detach(cmd::detach::Args),
    /// Take a cluster out of its hub
    Unjoin(cmd::unjoin::Args),
    /// Make a hub an ordinary cluster again
    Clean(cmd::clean::Args),
    /// Run a local hub and managed clusters, without Docker
    Sandbox(cmd::sandbox::Args),
    /// Print the versions of this program and of the hub
    Version(cmd::version::Args),
    /// Print a shell completion script
    Completion(cmd::completion::Args),
    /// Explain a command, as its --help does
    Help(cmd::help::HelpArgs),
    /// Print the flags that every command takes
    Options,
    /// Say which plugins there are
    #[command(hide = true)]
    Plugin(cmd::help::PluginArgs),
    /// Run the hub's controllers
    #[command(hide = true)]
    Hub(cmd::hub::Args),
    /// Run the managed cluster's agent
    #[command(hide = true)]
    Agent(cmd::agent::Args),
}

/// The whole command tree, for completions and man pages.
#[must_use]
pub fn command() -> clap::Command {
    called("ocmadm")
}

/// The same, with the name it was called by in its examples.
fn called(program: &str) -> clap::Command {
    examples::add_to(cmd::changes::add_to(Cli::command()), program)
}

/// Parses the arguments, runs the command, renders its error.
pub fn main() -> ExitCode {
    if cmd::completion::asked() {
        return cmd::completion::answer(command);
    }
    let (cli, warnings) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and --version come here too, with exit code 0. Nobody
            // listens when the stream is closed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let ui = Ui::new(cli.global.ui_settings());
    for warning in warnings {
        ui.warning(&warning);
    }
    let result = panic::catch_unwind(AssertUnwindSafe(|| told(dispatch(&cli, &ui), &cli, &ui)));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            if !matches!(error.kind(), Kind::BrokenPipe | Kind::Passed(_)) {
                ui.failure(&error.render());
            }
            error.exit_code()
        }
        // The panic's message is on stderr already.
        Err(_) => {
            let bug = CommandError::internal("this is a bug in ocmadm")
                .hint("please report it with the lines above and the command you typed");
            ui.failure(&bug.render());
            bug.exit_code()
        }
    }
}

/// The command line, read as pflag reads it, and what to say of its words.
fn parse() -> Result<(Cli, Vec<String>), clap::Error> {
    // Usage lines name the program as hints do.
    let named = |command: clap::Command| match cmd::program() {
        program if program.contains(' ') => command.bin_name(program),
        _ => command,
    };
    let command = || called(&cmd::program());
    let lenient = named(pflag::lenient(command()));
    let (words, mut warnings) = pflag::words(&lenient, std::env::args_os());
    let matches = lenient.try_get_matches_from(&words).map_err(|error| {
        // In help for people a switch is a switch.
        let plain = named(command()).args_override_self(true);
        match plain.try_get_matches_from(&words) {
            Err(plain) if plain.kind() == error.kind() => plain,
            _ => error,
        }
    })?;
    warnings.extend(pflag::ignored(&matches));
    let mut cli = Cli::from_arg_matches(&matches)?;
    let dry_run = matches.get_raw("dry_run").into_iter().flatten();
    cli.changes = cmd::changes::asked(&matches);
    cli.global.record = cli.changes.map(|_| Record::default());
    cli.global.dry_run_on_server = dry_run.last().is_some_and(|how| how == "server");
    Ok((cli, warnings))
}

/// What was changed, as data, if that was asked for: also when not all came through.
fn told(result: Result<(), CommandError>, cli: &Cli, ui: &Ui) -> Result<(), CommandError> {
    if let (Some(output), Some(record)) = (cli.changes, &cli.global.record) {
        let usage = matches!(&result, Err(error) if error.kind() == Kind::Usage);
        if !usage {
            cmd::changes::print(record, output, ui)?;
        }
    }
    result
}

/// The one match. Runtime, logging and TLS start only for who needs them.
fn dispatch(cli: &Cli, ui: &Ui) -> Result<(), CommandError> {
    let global = &cli.global;
    if global.dry_run_on_server {
        ask_server(&cli.command)?;
    }
    match &cli.command {
        Command::Completion(args) => cmd::completion::run(args, command(), ui),
        Command::Help(args) => cmd::help::run(args, called(&cmd::program()), ui),
        Command::Options => cmd::help::options(command(), ui),
        Command::Plugin(args) => cmd::help::plugins(args, ui),
        Command::Version(args) => client(global, || cmd::version::run(args, global, ui)),
        Command::Init(args) => client(global, || cmd::init::run(args, global, ui)),
        Command::Join(args) => client(global, || cmd::join::run(args, global, ui)),
        Command::Accept(args) => client(global, || cmd::accept::run(args, global, ui)),
        Command::Unaccept(args) => client(global, || cmd::unaccept::run(args, global, ui)),
        Command::Create(args) => client(global, || cmd::create::run(args, global, ui)),
        Command::Delete(args) => client(global, || cmd::delete::run(args, global, ui)),
        Command::Get(args) => client(global, || cmd::get::run(args, global, ui)),
        Command::Describe(args) => client(global, || cmd::describe::run(args, global, ui)),
        Command::Doctor(args) => client(global, || cmd::doctor::run(args, global, ui)),
        Command::Upgrade(args) => client(global, || cmd::upgrade::run(args, global, ui)),
        Command::Install(args) => client(global, || cmd::hub_addon::install(args, global, ui)),
        Command::Uninstall(args) => client(global, || cmd::hub_addon::uninstall(args, global, ui)),
        Command::Clusterset(args) => client(global, || cmd::clusterset::run(args, global, ui)),
        Command::Addon(args) => client(global, || cmd::addon::run(args, global, ui)),
        Command::Proxy(args) => client(global, || cmd::proxy::run(args, global, ui)),
        Command::Detach(args) => client(global, || cmd::detach::run(args, global, ui)),
        Command::Unjoin(args) => client(global, || cmd::unjoin::run(args, global, ui)),
        Command::Clean(args) => client(global, || cmd::clean::run(args, global, ui)),
        Command::Hub(args) => controller(global, || cmd::hub::run(args, global)),
        Command::Agent(args) => controller(global, || cmd::agent::run(args, global)),
        Command::Sandbox(args) => server(global, || cmd::sandbox::run(args, global, ui)),
    }
}

/// `--dry-run=server` of a command whose later steps need what its earlier ones
/// would have made: a server cannot check them, and nothing less is passed off as it.
fn ask_server(command: &Command) -> Result<(), CommandError> {
    let name = match command {
        Command::Uninstall(_) => "uninstall",
        Command::Detach(_) => "detach",
        Command::Unjoin(_) => "unjoin",
        Command::Clean(_) => "clean",
        Command::Sandbox(_) => "sandbox",
        Command::Proxy(_) => "proxy",
        _ => return Ok(()),
    };
    Err(
        CommandError::usage(format!("{name} cannot be tried out on the server")).hint(
            "its later steps need what the earlier ones make: --dry-run shows the whole plan",
        ),
    )
}

// What these three run is made in their own frames: in one of `dispatch` all commands
// would lie beside each other, 400 KB of stack that hub and agent keep for good.

/// Runs a command that asks servers: one thread is enough, and quick to start.
#[inline(never)]
fn client<F>(global: &GlobalArgs, command: impl FnOnce() -> F) -> Result<(), CommandError>
where
    F: Future<Output = Result<(), CommandError>>,
{
    if global.verbosity > 0 {
        start_log(global.verbosity);
    }
    run(tokio::runtime::Builder::new_current_thread(), command())
}

/// Runs what serves or controls, with a thread per core.
#[inline(never)]
fn server<F>(global: &GlobalArgs, command: impl FnOnce() -> F) -> Result<(), CommandError>
where
    F: Future<Output = Result<(), CommandError>>,
{
    if global.verbosity > 0 {
        start_log(global.verbosity);
    }
    run(tokio::runtime::Builder::new_multi_thread(), command())
}

/// Runs what works on its own and tells a log about it.
#[inline(never)]
fn controller<F>(global: &GlobalArgs, command: impl FnOnce() -> F) -> Result<(), CommandError>
where
    F: Future<Output = Result<(), CommandError>>,
{
    start_log(global.verbosity.max(1));
    run(tokio::runtime::Builder::new_multi_thread(), command())
}

fn run<F>(mut builder: tokio::runtime::Builder, command: F) -> Result<(), CommandError>
where
    F: Future<Output = Result<(), CommandError>>,
{
    install_crypto_provider();
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| CommandError::user("cannot start").because(error))?;
    let result = runtime.block_on(command);
    // Do not wait for idle connections or blocked reads of stdin.
    runtime.shutdown_background();
    result
}

/// One TLS implementation for every client and server of the process.
pub fn install_crypto_provider() {
    // An error only says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Logs to stderr; `OCMADM_LOG` refines the level (as `RUST_LOG` does elsewhere).
pub fn start_log(verbosity: u8) {
    let level = match verbosity {
        0 => "warn",
        1..=3 => "info",
        4..=5 => "debug",
        _ => "trace",
    };
    // What kube warns of, our own watches tell better, and not every time.
    let filter = std::env::var("OCMADM_LOG")
        .unwrap_or_else(|_| format!("{level},kube_runtime::watcher=error"));
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // Fails only when a log is there already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn what_the_server_cannot_try_out_is_refused() {
        for line in ["clean", "unjoin --cluster-name c", "detach --clusters c"] {
            let cli = Cli::parse_from(["ocmadm"].into_iter().chain(line.split(' ')));
            let error = ask_server(&cli.command).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{line}");
            assert!(error.hints()[0].contains("--dry-run shows"), "{line}");
        }
        let cli = Cli::parse_from(["ocmadm", "create", "clusterset", "s"]);
        assert!(ask_server(&cli.command).is_ok());
    }

    #[test]
    fn first_lines_of_help_have_no_full_stop() {
        fn walk(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let about = command.get_about().map(ToString::to_string);
            let about = about.unwrap_or_else(|| panic!("{path} has no help"));
            assert!(!about.ends_with('.'), "{path}: {about}");
            for sub in command.get_subcommands() {
                walk(sub, &path);
            }
        }
        walk(&command(), "");
    }
}
