//! `ocmadm proxy health`: each managed cluster's API server is asked for its
//! health through the proxy, all at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kube::api::ListParams;
use kube::client::ConfigExt as _;
use kube::{Config, ResourceExt as _};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;

use super::reach::{ADDON, Reach, ServerArgs, is_missing};
use crate::cmd::args::{GlobalArgs, OfClustersArgs};
use crate::cmd::explain::Doing as _;
use crate::cmd::{CONCURRENCY, connect, resources};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ui::{OutputFormat, Table, Ui, format};

/// How long a cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Arguments of `ocmadm proxy health`.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    clusters: OfClustersArgs,

    #[command(flatten)]
    server: ServerArgs,

    /// Output format: a table where nothing is said
    #[arg(long, short, value_name = "json|yaml", value_parser = ["json", "yaml"])]
    output: Option<String>,
}

/// What a cluster's API server says of itself.
enum Health {
    /// `ok`, after this time.
    Well(Duration),
    /// Something else.
    Ill(String),
    /// Nothing, in time.
    Late,
    /// It was not reached.
    Unknown(String),
}

/// Runs the command.
///
/// # Errors
/// No add-on, no permission; never that a cluster is not well.
pub(super) async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let reach = Reach::find(&args.server, &hub).await?;
    let (names, addons) = tokio::try_join!(clusters(args, &hub), addons(&hub))?;
    let tls = unverified()?;
    let patience = global.timeout.min(PATIENCE);
    let found: Vec<(String, Health)> = futures::stream::iter(names)
        .map(|name| {
            let (reach, tls) = (&reach, tls.clone());
            async move {
                let asked = tokio::time::timeout(patience, ask(reach, tls, &name));
                let health = asked.await.unwrap_or(Health::Late);
                (name, health)
            }
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    match args.output.as_deref() {
        None => {
            let headers = [
                "cluster name",
                "installed",
                "available",
                "probed health",
                "latency",
            ];
            let mut table = Table::new(&headers);
            for (name, health) in &found {
                let [installed, available] = installed(&addons, name);
                let (health, latency) = health.cells();
                table.row([name.clone(), installed, available, health, latency]);
            }
            ui.result(&table.render())?;
        }
        Some(output) => {
            let all: Vec<Value> = found
                .iter()
                .map(|(name, health)| {
                    let [installed, available] = installed(&addons, name);
                    let (word, _) = health.cells();
                    let latency = match health {
                        Health::Well(took) => Some(took.as_secs_f64()),
                        _ => None,
                    };
                    json!({"cluster": name, "installed": installed, "available": available,
                        "health": word, "latencySeconds": latency, "reason": health.reason()})
                })
                .collect();
            let output = match output {
                "json" => OutputFormat::Json,
                _ => OutputFormat::Yaml,
            };
            ui.result(&format::document(output, &json!({"clusters": all}))?)?;
        }
    }
    for (name, health) in &found {
        if let Some(reason) = health.reason() {
            ui.warning(&format!("{name}: {reason}"));
        }
    }
    Ok(())
}

impl Health {
    fn cells(&self) -> (String, String) {
        let (health, latency) = match self {
            Self::Well(took) => {
                return (
                    "True".to_owned(),
                    format!("{:.1}ms", took.as_secs_f64() * 1e3),
                );
            }
            Self::Ill(_) => ("False", "<none>"),
            Self::Late => ("Unknown", "<timeout>"),
            Self::Unknown(_) => ("Unknown", "<none>"),
        };
        (health.to_owned(), latency.to_owned())
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Well(_) => None,
            Self::Ill(why) | Self::Unknown(why) => Some(why.clone()),
            Self::Late => Some("no answer in time".to_owned()),
        }
    }
}

/// The clusters meant, by name.
async fn clusters(args: &Args, hub: &Connection) -> Result<Vec<String>, CommandError> {
    let choice = args.clusters.choice();
    if !choice.is_empty() {
        return Ok(choice.find(hub).await?.names);
    }
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let found = hub.list_all_metadata(&api, &ListParams::default()).await;
    let found = found.doing("list managed clusters")?;
    Ok(found.iter().map(kube::ResourceExt::name_any).collect())
}

/// Whether the add-on is available, by cluster.
async fn addons(hub: &Connection) -> Result<BTreeMap<String, bool>, CommandError> {
    let api = resources::all(&hub.client, &resources::managed_cluster_addon());
    let params = ListParams::default().fields(&format!("metadata.name={ADDON}"));
    let found = match hub.list_all(&api, &params).await {
        Err(error) if is_missing(&error.failure) => Vec::new(),
        found => found.doing("list the clusters' add-ons")?,
    };
    Ok(found
        .iter()
        .filter_map(|addon| {
            let available = resources::condition(&addon.data, "Available") == "True";
            Some((addon.namespace()?, available))
        })
        .collect())
}

fn installed(addons: &BTreeMap<String, bool>, cluster: &str) -> [String; 2] {
    let word = |yes: bool| if yes { "True" } else { "False" }.to_owned();
    let addon = addons.get(cluster);
    [word(addon.is_some()), word(addon == Some(&true))]
}

/// The name that is asked for is that of the managed cluster, which no API
/// server's certificate has. Nothing is told to it but a path.
fn unverified() -> Result<Arc<ClientConfig>, CommandError> {
    let mut config = Config::new(http::Uri::from_static("https://managed"));
    config.accept_invalid_certs = true;
    let tls = config
        .rustls_client_config()
        .map_err(|error| CommandError::user("TLS cannot be used on this machine").because(error))?;
    Ok(Arc::new(tls))
}

async fn ask(reach: &Reach, tls: Arc<ClientConfig>, cluster: &str) -> Health {
    let begun = Instant::now();
    let stream = match reach.dial(cluster).await {
        Ok(stream) => stream,
        Err(error) => return Health::Unknown(error.whole()),
    };
    match healthz(stream, tls, cluster).await {
        Ok(answer) if answer == "ok" => Health::Well(begun.elapsed()),
        Ok(answer) => Health::Ill(answer),
        Err(error) => Health::Unknown(crate::runtime::source_chain(&*error)),
    }
}

/// What `/healthz` answers; the status where that is not 200.
async fn healthz(
    stream: tokio::io::DuplexStream,
    tls: Arc<ClientConfig>,
    cluster: &str,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    const LONGEST: usize = 4096;
    let name = ServerName::try_from(cluster.to_owned())?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = http::Request::get("/healthz")
        .header(http::header::HOST, cluster)
        .body(Empty::<bytes::Bytes>::new())?;
    let answer = requests.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST).collect().await?;
    let text = String::from_utf8_lossy(&body.to_bytes()).trim().to_owned();
    Ok(if status.is_success() {
        text
    } else {
        format!("{status}: {text}")
    })
}
