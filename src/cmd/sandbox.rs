//! `ocmadm sandbox`: local control planes to try and to test on.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueHint;
use futures::future::join_all;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::cmd::args::GlobalArgs;
use crate::error::{CommandError, Kind};
use crate::k8s::client::connect;
use crate::runtime::process;
use crate::sandbox::control::{self, Status, Up};
use crate::sandbox::demo::{self, Demo, Event};
use crate::sandbox::layout::{HUB, Member};
use crate::sandbox::logs::{self, Log, Tail};
use crate::sandbox::plan::{Wish, plan};
use crate::sandbox::{Layout, SandboxError, files, node, supervise};
use crate::ui::{OutputFormat, Style, Table, Ui, format};

/// Arguments of `ocmadm sandbox`.
///
/// A sandbox is one background process with an API server for a hub and for
/// each managed cluster, and a simulated node in each. It needs no Docker.
/// Hub and agents installed into it really run, as processes of this program;
/// other pods are only reported Running. `kubectl` works on all of it.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Folder of the sandbox [default: $XDG_DATA_HOME/ocmadm/sandbox]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum Command {
    /// Start it, with all it held when it last ran
    Up(UpArgs),
    /// Stop it; its data stays
    Down(DownArgs),
    /// Show its clusters
    Status(StatusArgs),
    /// Print its kubeconfig
    Kubeconfig(KubeconfigArgs),
    /// Print logs of the sandbox or of what runs in its clusters
    Logs(LogsArgs),
    /// Play the whole tutorial in a sandbox of its own, then remove it
    Demo,
    /// Serve the sandbox: what `up` starts in the background
    #[command(hide = true)]
    Supervise(UpArgs),
    /// Simulate a node in the cluster of a kubeconfig, to test on
    #[command(hide = true)]
    Node(NodeArgs),
}

#[derive(clap::Args, Clone, Debug)]
struct NodeArgs {
    /// Name of the node
    #[arg(long, value_name = "NAME", default_value = "sandbox-node")]
    name: String,
    /// Simulate the workload controllers too: the cluster has none
    #[arg(long)]
    controllers: bool,
}

#[derive(clap::Args, Clone, Debug)]
struct UpArgs {
    /// How many managed clusters [default: those it has, or 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=200))]
    clusters: Option<u16>,
    /// Name of the managed clusters, before their number [default: cluster]
    #[arg(long, value_name = "NAME")]
    name_prefix: Option<String>,
    /// Port of a new hub; new clusters get the following ones [default: free ones]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    first_port: Option<u16>,
}

#[derive(clap::Args, Clone, Debug)]
struct DownArgs {
    /// Remove its folder, with all clusters and keys
    #[arg(long, visible_aliases = ["delete", "purge"])]
    delete_data: bool,
}

#[derive(clap::Args, Clone, Debug)]
struct StatusArgs {
    /// Output format: table, json or yaml
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    output: String,
}

#[derive(clap::Args, Clone, Debug)]
struct KubeconfigArgs {
    /// Print the path of the file instead of its content
    #[arg(long)]
    path: bool,
}

#[derive(clap::Args, Clone, Debug)]
struct LogsArgs {
    /// Cluster whose containers are meant [default: the sandbox itself]
    cluster: Option<String>,
    /// Component: a part of `<pod>/<container>`
    component: Option<String>,
    /// Go on printing what is added
    #[arg(long, short)]
    follow: bool,
}

impl From<SandboxError> for CommandError {
    fn from(error: SandboxError) -> Self {
        let hint = error.hint();
        let message = error.to_string();
        Self::user(message).because(error).hint_if(hint)
    }
}

impl From<&UpArgs> for Wish {
    fn from(args: &UpArgs) -> Self {
        Self {
            clusters: args.clusters.map(usize::from),
            name_prefix: args.name_prefix.clone(),
            first_port: args.first_port,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What went wrong, and what to type next.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    if let Command::Demo = args.command {
        return run_demo(global, ui).await;
    }
    let layout = Layout::find(args.dir.as_deref())?;
    match &args.command {
        Command::Up(up) => run_up(&layout, &up.into(), global, ui).await,
        Command::Down(down) => run_down(&layout, down, global, ui).await,
        Command::Status(status) => run_status(&layout, status, ui).await,
        Command::Kubeconfig(kubeconfig) => run_kubeconfig(&layout, kubeconfig, ui),
        Command::Logs(logs) => run_logs(&layout, logs, ui).await,
        Command::Supervise(up) => {
            // Its standard error is the sandbox's log.
            crate::cli::start_log(global.verbosity.max(1));
            Ok(supervise::supervise(&layout, &up.into(), executable()?).await?)
        }
        Command::Node(node) => run_node(&layout, node, global, ui).await,
        Command::Demo => Ok(()),
    }
}

fn executable() -> Result<PathBuf, CommandError> {
    std::env::current_exe()
        .map_err(|error| CommandError::user("cannot find this program's own file").because(error))
}

async fn run_up(
    layout: &Layout,
    wish: &Wish,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    if global.dry_run {
        let config = plan(layout.config()?.as_ref(), wish)?;
        let names: Vec<&str> = config.members.iter().map(|m| m.name.as_str()).collect();
        let folder = layout.dir().display();
        ui.result_line(&format!("would start {} in {folder}", names.join(", ")))?;
        return Ok(());
    }
    let since = Instant::now();
    let up = control::up(layout, wish, &executable()?).await?;
    let state = match up {
        Up::Started(state) => {
            let seconds = since.elapsed().as_secs_f64();
            ui.status(&format!("The sandbox is ready after {seconds:.1} s."));
            state
        }
        Up::Running(state) => {
            ui.status("The sandbox is already running; nothing was changed.");
            state
        }
    };
    let mut table = Table::new(&["context", "server", "node"]);
    for plane in &state.control_planes {
        table.row([&plane.name, &plane.server, &plane.node]);
    }
    ui.result(&table.render())?;
    ui.hint(&format!(
        "type `export KUBECONFIG={}`, then `ocmadm init --context hub --wait`",
        state.kubeconfig.display()
    ));
    Ok(())
}

async fn run_down(
    layout: &Layout,
    args: &DownArgs,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let folder = layout.dir().display();
    if global.dry_run {
        control::status(layout)?;
        let what = if args.delete_data {
            "stop and remove"
        } else {
            "stop"
        };
        ui.result_line(&format!("would {what} the sandbox in {folder}"))?;
        return Ok(());
    }
    let down = control::down(layout, args.delete_data).await?;
    ui.result_line(match (down.stopped, down.deleted) {
        (true, true) => "sandbox stopped and removed",
        (false, true) => "sandbox removed",
        (true, false) => "sandbox stopped",
        (false, false) => "sandbox was not running",
    })?;
    if !down.deleted {
        ui.hint(&format!(
            "its data stays in {folder}: `{}` starts it again, `{}` removes it",
            layout.command("up"),
            layout.command("down --delete-data")
        ));
    }
    Ok(())
}

/// How long a control plane has to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

async fn run_status(layout: &Layout, args: &StatusArgs, ui: &Ui) -> Result<(), CommandError> {
    let output: OutputFormat = args.output.parse().map_err(CommandError::usage)?;
    if matches!(output, OutputFormat::Wide | OutputFormat::Tree) {
        return Err(CommandError::usage(format!(
            "a sandbox has no output format {}: valid are table, json, yaml",
            args.output
        ))
        .hint("leave -o out for the table"));
    }
    let status = control::status(layout)?;
    let health = join_all(
        status
            .config
            .members
            .iter()
            .map(|m| health(layout, &status, m)),
    )
    .await;
    let rows = status.config.members.iter().zip(&health);
    if output.is_structured() {
        let planes: Vec<_> = rows
            .map(|(member, health)| {
                json!({
                    "name": member.name,
                    "context": member.name,
                    "role": if member.name == HUB { "hub" } else { "managed" },
                    "server": server(member),
                    "status": health,
                    "data": layout.member(&member.name),
                })
            })
            .collect();
        let value = json!({
            "dir": layout.dir(),
            "kubeconfig": layout.kubeconfig(),
            "running": status.state.is_some(),
            "pid": status.state.as_ref().map(|state| state.pid),
            "controlPlanes": planes,
        });
        ui.result(&format::document(output, &value)?)?;
        return Ok(());
    }
    let mut table = Table::new(&["name", "status", "server"]);
    for (member, health) in rows {
        table.row([member.name.clone(), (*health).to_owned(), server(member)]);
    }
    ui.result(&table.render())?;
    if status.state.is_none() {
        ui.hint(&format!("start it with `{}`", layout.command("up")));
    }
    Ok(())
}

fn server(member: &Member) -> String {
    member
        .port
        .map_or_else(String::new, |port| format!("https://127.0.0.1:{port}"))
}

async fn health(layout: &Layout, status: &Status, member: &Member) -> &'static str {
    if status.state.is_none() {
        return "Stopped";
    }
    let asked = async {
        let connection = connect(Some(&layout.kubeconfig()), Some(&member.name))
            .await
            .ok()?;
        let request = http::Request::get("/readyz").body(Vec::new()).ok()?;
        connection.client.request_text(request).await.ok()
    };
    match tokio::time::timeout(ANSWER_WITHIN, asked).await {
        Ok(Some(_)) => "Ready",
        _ => "NotReady",
    }
}

fn run_kubeconfig(layout: &Layout, args: &KubeconfigArgs, ui: &Ui) -> Result<(), CommandError> {
    control::status(layout)?;
    let path = layout.kubeconfig();
    if args.path {
        ui.result_line(&path.display().to_string())?;
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(|error| {
        CommandError::user(format!("cannot read {}", path.display()))
            .because(error)
            .hint(format!("`{}` writes it anew", layout.command("up")))
    })?;
    ui.result(&text)?;
    Ok(())
}

async fn run_logs(layout: &Layout, args: &LogsArgs, ui: &Ui) -> Result<(), CommandError> {
    let status = control::status(layout)?;
    let (cluster, component) = (args.cluster.as_deref(), args.component.as_deref());
    let found = logs::find(layout, &status.config.members, cluster, component)?;
    if found.is_empty() {
        ui.status("Nothing has run there yet.");
        return Ok(());
    }
    let follow = |log: Log| async move {
        let mut tail = Tail::new(&log.path);
        loop {
            let text = tail.read()?;
            ui.result(&text)?;
            if !args.follow {
                return Ok::<_, CommandError>(());
            }
            tail.more().await?;
        }
    };
    if args.follow {
        for result in join_all(found.into_iter().map(follow)).await {
            result?;
        }
        return Ok(());
    }
    for log in found {
        if cluster.is_some() {
            ui.status(&format!("==> {} <==", log.component));
        }
        follow(log).await?;
    }
    Ok(())
}

/// Simulates a node elsewhere, in the foreground; `--dir` is for its pods.
async fn run_node(
    layout: &Layout,
    args: &NodeArgs,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    crate::cli::start_log(global.verbosity.max(1));
    let connection = connect(global.kubeconfig.as_deref(), global.context.as_deref())
        .await
        .map_err(|error| CommandError::user("cannot reach the cluster").because(error))?;
    let server = connection.url.trim_start_matches("https://").parse();
    let server = server.map_err(|_| {
        CommandError::user(format!("{} is not https://<IP>:<port>", connection.url))
    })?;
    let surroundings = node::Surroundings {
        server,
        ca: String::from_utf8_lossy(&connection.ca.unwrap_or_default()).into_owned(),
        executable: executable()?,
        pods: layout.member(&args.name).join("pods"),
        logs: layout.logs(&args.name),
    };
    for folder in [&surroundings.pods, &surroundings.logs] {
        files::private_dir(folder)
            .map_err(|error| CommandError::user("cannot make the node's folder").because(error))?;
    }
    let options = node::Options {
        controllers: args.controllers,
        ..node::Options::new(&args.name, surroundings)
    };
    node::register(&connection.client, &options)
        .await
        .map_err(|error| CommandError::user("cannot register the node").because(error))?;
    ui.result_line("ready")?;
    let shutdown = process::shutdown_on_signals()?;
    node::run(connection.client, options, shutdown).await;
    Ok(())
}

async fn run_demo(global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    if global.dry_run {
        ui.result_line("would play the tutorial in a sandbox of its own")?;
        return Ok(());
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (sender, mut events) = demo::events();
    let demo = Demo::new(executable()?, sender)
        .map_err(|error| CommandError::user("cannot make a temporary folder").because(error))?;
    let mut steps = Vec::new();
    let mut closed = None;
    let played = {
        let show = |event: Event| {
            if let Err(error) = show_event(ui, event, &mut steps) {
                closed.get_or_insert(error);
            }
        };
        tokio::select! {
            result = demo::play(&demo, &mut events, show) => Some(result),
            _ = interrupt.recv() => None,
            _ = terminate.recv() => None,
        }
    };
    if played.as_ref().is_none_or(Result::is_err) {
        ui.status("Cleaning up.");
    }
    let cleaned = demo.clean_up().await;
    let Some(played) = played else {
        return Err(CommandError::new(
            Kind::Interrupted,
            "interrupted; everything was removed",
        ));
    };
    let failed = |error: demo::DemoError| CommandError::user(error.to_string()).because(error);
    played.map_err(failed)?;
    cleaned.map_err(failed)?;
    if let Some(error) = closed {
        return Err(error.into());
    }
    let mut table = Table::new(&["step", "seconds"]);
    let mut total = Duration::ZERO;
    for (step, took) in steps {
        total += took;
        table.row([step.to_owned(), format!("{:.2}", took.as_secs_f64())]);
    }
    table.row(["total".to_owned(), format!("{:.2}", total.as_secs_f64())]);
    ui.result_line("")?;
    ui.result(&table.render())?;
    Ok(())
}

fn show_event(
    ui: &Ui,
    event: Event,
    steps: &mut Vec<(&'static str, Duration)>,
) -> std::io::Result<()> {
    match event {
        Event::Command(command) => {
            ui.result_line("")?;
            ui.result_line(&ui.paint(Style::Hint, &format!("$ {command}")))
        }
        Event::Output(line) => ui.result_line(&line),
        Event::Observed(text) => ui.result_line(&ui.paint(Style::Good, &format!("✓ {text}"))),
        Event::Done { step, took } => {
            steps.push((step, took));
            Ok(())
        }
    }
}
