//! `ocmadm join`: makes a cluster a managed one.

pub mod agent;
pub mod capi;
pub mod hub;
mod onboard;
pub mod pin;
pub mod token;

use std::path::PathBuf;

use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;
use tokio::time::Instant;

use self::hub::Wish;
use self::pin::Pin;
use crate::cmd::accept::mark::MarkArgs;
use crate::cmd::args::GlobalArgs;
use crate::cmd::components::{Choice, ComponentArgs};
use crate::cmd::create::work::plan::is_dns_label;
use crate::cmd::explain::server_error;
use crate::cmd::install::{self, FeatureArgs, ShowArgs};
use crate::cmd::{deadline, preview, program, resources};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm join`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The token to join with, from `get token` on the hub
    #[arg(
        long,
        value_name = "TOKEN",
        required_unless_present = "hub_context",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    hub_token: String,

    /// URL of the hub's API server
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "hub_context",
        default_value = "",
        hide_default_value = true
    )]
    hub_apiserver: String,

    /// The name the cluster gets on the hub; with --hub-context, its context's name if left out
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "hub_context",
        default_value = "",
        hide_default_value = true
    )]
    cluster_name: String,

    /// Context of the hub: the token, its address and its CA come from there; --context may then name several clusters (a,b,c)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["hub_token", "hub_apiserver"], add = crate::cmd::completion::contexts())]
    hub_context: Option<String>,

    /// Accept on the hub, too; with --wait, wait until the cluster is available
    #[arg(long, requires_if("true", "hub_context"))]
    accept: bool,

    #[command(flatten)]
    marks: MarkArgs,

    /// File with the hub's CA (PEM) [default: what the hub publishes]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ca_file: Option<PathBuf>,

    /// What the key of the hub's CA hashes to, as `get token` prints it: nothing is told to any other server
    #[arg(long, value_name = "sha256:HEX", value_parser = pin::parse)]
    ca_hash: Option<Pin>,

    /// Wait until the cluster has registered with the hub
    #[arg(long)]
    wait: bool,

    /// Let the agent use the address that the hub itself names (kind, NAT)
    #[arg(long)]
    force_internal_endpoint_lookup: bool,

    /// Proxy on the agent's way to the hub; this command goes through it, too, where it can
    #[arg(long, value_name = "URL")]
    proxy_url: Option<String>,

    /// File with the proxy's CA (PEM), trusted in addition to the hub's
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    proxy_ca_file: Option<PathBuf>,

    /// Where the agent runs: default, on the cluster itself; hosted, on this cluster for another one (upstream components)
    #[arg(long, short, value_name = "MODE", default_value = "default", ignore_case = true, value_parser = ["default", "hosted"])]
    mode: String,

    /// Run registration and work in one process (native components always do)
    #[arg(long)]
    singleton: bool,

    /// Hosted mode: kubeconfig file of the managed cluster
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    managed_cluster_kubeconfig: Option<PathBuf>,

    /// Hosted mode: let the agent use the address that the managed cluster itself names (kind, NAT)
    #[arg(long)]
    force_internal_endpoint_lookup_managed: bool,

    /// Create the namespace open-cluster-management
    #[arg(
        long,
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    create_namespace: bool,

    /// Lifetime to ask for of the agent's client certificate, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "31536000", value_parser = clap::value_parser!(i32).range(600..))]
    client_cert_expiration_seconds: i32,

    /// Annotation for the ManagedCluster (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_annotation)]
    klusterlet_annotation: Vec<(String, String)>,

    /// How the cluster registers (awsirsa and grpc: upstream components)
    #[arg(long, value_name = "NAME", default_value = "csr", value_parser = ["csr", "awsirsa", "grpc"])]
    registration_auth: String,

    /// ARN of the hub's EKS cluster (awsirsa)
    #[arg(long, value_name = "ARN")]
    hub_cluster_arn: Option<String>,

    /// ARN of this EKS cluster (awsirsa) [default: the kubeconfig's name of the cluster]
    #[arg(long, value_name = "ARN")]
    managed_cluster_arn: Option<String>,

    /// URL of the hub's gRPC server (grpc)
    #[arg(long, value_name = "URL")]
    grpc_server: Option<String>,

    /// File with the CA of the gRPC server (PEM) [default: what the hub publishes]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    grpc_ca_file: Option<PathBuf>,

    /// How add-ons get their credentials for the hub
    #[arg(long, value_name = "NAME", default_value = "csr", value_parser = ["csr", "token"])]
    addon_kubeclient_registration_auth: String,

    /// Lifetime of add-ons' tokens, in seconds; 0: the default (token)
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    addon_token_expiration_seconds: i64,

    /// Values of clusteradm's chart (YAML) that are laid over the flags
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    klusterlet_values_file: Option<PathBuf>,

    /// Also write the manifests, the token among them, to a file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output_file: Option<PathBuf>,

    #[command(flatten)]
    capi: capi::CapiArgs,

    #[command(flatten)]
    show: ShowArgs,

    #[command(flatten)]
    features: FeatureArgs,

    #[command(flatten)]
    components: ComponentArgs,
}

fn parse_annotation(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            let prefix = format!("{}/", names::ANNOTATION_AGENT_PREFIX);
            let key = if key.starts_with(&prefix) {
                key.to_owned()
            } else {
                format!("{prefix}{key}")
            };
            Ok((key, value.to_owned()))
        }
        _ => Err("write it as key=value".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// Wrong flags, an unusable token, an unreachable hub or cluster, a cluster
/// that has joined under another name.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    if let Some(hub) = &args.hub_context {
        return onboard::run(args, hub, global, ui).await;
    }
    if !args.marks.is_empty() {
        return Err(
            CommandError::usage("--labels, --taints and --into-set are set on the hub")
                .hint("pass --hub-context NAME --accept, or pass them to `accept` on the hub"),
        );
    }
    check(args)?;
    hub::check_token(&args.hub_token)?;
    agent::check(args)?;
    let until = deadline(global.timeout);
    install_agent(args, Via::Token, global, until, ui).await?;
    if global.dry_run {
        return Ok(());
    }
    ui.result(&format!(
        "Please log onto the hub cluster and run the following command:\n\n    \
         {} accept --clusters {}\n\n\
         This is not needed when the ManagedClusterAutoApproval feature is enabled\n",
        program(),
        args.cluster_name
    ))?;
    Ok(())
}

/// Who shows the way to the hub.
#[derive(Clone, Copy)]
enum Via<'a> {
    /// The token and the address that the flags hold.
    Token,
    /// An administrator's context.
    Admin(&'a Connection),
}

/// Installs the agent, or shows in a dry run what would be installed; with
/// --wait, waits until it has registered, unless it will be accepted, too. The
/// cluster it runs on.
async fn install_agent(
    args: &Args,
    via: Via<'_>,
    global: &GlobalArgs,
    until: Instant,
    ui: &Ui,
) -> Result<Connection, CommandError> {
    let cluster = capi::connect(&args.capi, global).await?;
    let before = klusterlet(&cluster, args).await?;
    if let Some(before) = &before {
        already_joined(args, before)?;
    }
    let choice = args.components.choose(&cluster, names::KLUSTERLET).await?;
    match &choice {
        Choice::Native { .. } => agent::check_native(args)?,
        Choice::Upstream(_) => args.components.bundle.tell_components(ui),
    }
    let wish = Wish {
        server: args.hub_apiserver.trim_end_matches('/'),
        token: &args.hub_token,
        ca_file: args.ca_file.as_deref(),
        ca_hash: args.ca_hash.as_ref(),
        internal_endpoint: args.force_internal_endpoint_lookup,
        proxy: args.proxy_url.as_deref().map(|url| hub::Proxy {
            url,
            ca_file: args.proxy_ca_file.as_deref(),
        }),
    };
    let hub = match via {
        Via::Token => hub::find(&wish, ui).await?,
        Via::Admin(admin) => hub::seen_by(admin, &wish).await?,
    };
    let known = hub.probe(&args.cluster_name, until, &ui.progress()).await?;
    match (&before, &known) {
        (Some(_), _) => ui.status(&format!(
            "This cluster has joined as {} already: its settings and its join token are renewed.",
            args.cluster_name
        )),
        (None, Some(_)) => ui.warning(&format!(
            "the hub knows a cluster {0} already; if that is another cluster, choose another name \
             (`{1} unjoin --cluster-name {0}` here takes this back)",
            args.cluster_name,
            program()
        )),
        (None, None) => {}
    }
    let objects = agent::objects(args, choice, before.as_ref(), &cluster, &hub, ui).await?;
    if let Some(path) = &args.output_file {
        install::write_private(path, &install::manifests(&objects), false)?;
    }
    if global.dry_run_on_server {
        preview::preview(&cluster, &objects, "the agent", ui).await?;
        return Ok(cluster);
    }
    if global.dry_run {
        install::dry_run_note(ui);
        args.show.print(&objects, ui)?;
        return Ok(cluster);
    }
    install::apply(&cluster, &objects, "the agent", until, ui).await?;
    // What is accepted and available has registered.
    if args.wait && !args.accept {
        let progress = ui.progress();
        install::until_available(
            &cluster,
            names::OPERATOR_NAMESPACE,
            names::KLUSTERLET,
            until,
            &progress,
        )
        .await?;
        hub.until_registered(&args.cluster_name, until, &progress)
            .await?;
    }
    Ok(cluster)
}

/// What can be wrong with the flags alone.
fn check(args: &Args) -> Result<(), CommandError> {
    for (value, what, flag) in [
        (&args.hub_token, "token is missing", "pass --hub-token"),
        (
            &args.hub_apiserver,
            "hub-server is missing",
            "pass --hub-apiserver",
        ),
        (
            &args.cluster_name,
            "cluster-name is missing",
            "pass --cluster-name",
        ),
    ] {
        if value.is_empty() {
            return Err(CommandError::usage(what).hint(format!(
                "{flag}; `{} get token` on the hub prints the whole command",
                program()
            )));
        }
    }
    if !is_dns_label(&args.cluster_name) {
        return Err(CommandError::usage(format!(
            "{:?} cannot be the name of a cluster",
            args.cluster_name
        ))
        .hint(
            "use at most 63 small letters, digits and dashes, with a letter or digit at both ends",
        ));
    }
    if !args.hub_apiserver.starts_with("https://") && !args.hub_apiserver.starts_with("http://") {
        return Err(CommandError::usage(
            "--hub-apiserver should start with http:// or https://",
        ));
    }
    Ok(())
}

/// The Klusterlet that is there; in hosted mode the one of the managed cluster,
/// since a cluster may host the agents of many.
async fn klusterlet(
    cluster: &Connection,
    args: &Args,
) -> Result<Option<DynamicObject>, CommandError> {
    let api = resources::all(&cluster.client, &resources::klusterlet());
    let found = if args.hosted() {
        let all = cluster.call(api.list(&ListParams::default())).await;
        all.map(|all| all.items.into_iter().find(|k| agent::hosts(k, args)))
    } else {
        cluster.call(api.get(names::KLUSTERLET)).await.map(Some)
    };
    match found {
        Ok(found) => Ok(found),
        // Without its definition there is none either.
        Err(error) if matches!(error.failure, Failure::NotFound(_)) => Ok(None),
        Err(error) => Err(server_error(error, "read the cluster's Klusterlet")),
    }
}

impl Args {
    /// Whether the agent is to run on another cluster than the one it manages.
    fn hosted(&self) -> bool {
        self.mode.eq_ignore_ascii_case("hosted")
    }
}

/// A cluster has one name.
fn already_joined(args: &Args, klusterlet: &DynamicObject) -> Result<(), CommandError> {
    let name = klusterlet
        .data
        .pointer("/spec/clusterName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if klusterlet.metadata.deletion_timestamp.is_some() {
        return Err(CommandError::user(format!(
            "this cluster is just leaving the hub it had joined as {name}"
        ))
        .hint(format!(
            "`{} unjoin --cluster-name {name}` waits for it",
            program()
        )));
    }
    if name.is_empty() || name == args.cluster_name {
        return Ok(());
    }
    Err(
        CommandError::user(format!("this cluster has joined a hub already, as {name}"))
            .hint(format!(
                "to give it another name: `{} unjoin --cluster-name {name}`, then join again",
                program()
            ))
            .hint("to join another cluster, choose it with --context or --kubeconfig"),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn args(name: &str, server: &str) -> Args {
        let flags = [
            "x",
            "--hub-token=abcdef.0123456789abcdef",
            &format!("--hub-apiserver={server}"),
            &format!("--cluster-name={name}"),
        ];
        Line::parse_from(flags).args
    }

    #[test]
    fn flags_are_checked_before_anything_is_asked() {
        assert!(check(&args("cluster1", "https://hub:6443")).is_ok());
        for name in ["Cluster1", "a.b", "-a", "a_b", &"a".repeat(64)] {
            let error = check(&args(name, "https://hub")).unwrap_err();
            assert!(error.message().contains("cannot be the name"), "{name}");
        }
        let error = check(&args("c", "hub:6443")).unwrap_err();
        assert!(error.message().contains("should start with"));
        assert_eq!(
            check(&args("", "https://hub")).unwrap_err().message(),
            "cluster-name is missing"
        );
    }

    #[test]
    fn a_cluster_has_one_name() {
        let klusterlet: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "operator.open-cluster-management.io/v1", "kind": "Klusterlet",
            "metadata": {"name": "klusterlet"}, "spec": {"clusterName": "c1"},
        }))
        .unwrap();
        assert!(already_joined(&args("c1", "https://hub"), &klusterlet).is_ok());
        let error = already_joined(&args("c2", "https://hub"), &klusterlet).unwrap_err();
        assert_eq!(
            error.message(),
            "this cluster has joined a hub already, as c1"
        );
        assert!(error.hints()[0].contains("unjoin --cluster-name c1"));
    }

    #[test]
    fn annotations_get_their_prefix() {
        let prefixed = (
            "agent.open-cluster-management.io/a".to_owned(),
            "b=c".to_owned(),
        );
        assert_eq!(parse_annotation("a=b=c"), Ok(prefixed.clone()));
        assert_eq!(
            parse_annotation("agent.open-cluster-management.io/a=b=c"),
            Ok(prefixed)
        );
        assert!(parse_annotation("a").is_err());
    }
}
