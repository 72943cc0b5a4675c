//! `ocmadm doctor`: follows handshake and works from both sides, and says for
//! each thing that is not well what mends it.

mod checks;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use self::checks::{Check, Facts, Hub, Managed, Seen};
use crate::cmd::args::GlobalArgs;
use crate::cmd::{connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::{Connection, ServerError};
use crate::ocm::names;
use crate::ui::color::Style;
use crate::ui::{OutputFormat, Ui, format};

/// Arguments of `ocmadm doctor`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only this managed cluster
    #[arg(long, value_name = "NAME", add = crate::cmd::completion::clusters())]
    cluster: Option<String>,

    /// Context of the managed cluster, to look at its side, too
    #[arg(long, value_name = "NAME", add = crate::cmd::completion::contexts())]
    managed_context: Option<String>,

    /// Output format: a list where nothing is said
    #[arg(long, short, value_name = "json|yaml", value_parser = ["json", "yaml"])]
    output: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// An unusable kubeconfig; or something is not well (exit code 1).
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let there = args.managed_context.clone().map(|context| GlobalArgs {
        context: Some(context),
        ..global.clone()
    });
    let hub = connect(global).await?;
    let managed = match &there {
        Some(there) => Some(connect(there).await?),
        None => None,
    };
    let of_managed = async {
        match &managed {
            Some(managed) => Some(look_at_managed(managed).await),
            None => None,
        }
    };
    let (of_hub, of_managed) = tokio::join!(look_at_hub(&hub), of_managed);
    let facts = Facts {
        hub: of_hub,
        managed: of_managed,
        cluster: args.cluster.clone(),
        to_hub: same_cluster(global),
        to_managed: there.as_ref().map(same_cluster),
        now: jiff::Timestamp::now().as_second(),
        program: program(),
    };
    let checks = checks::judge(&facts);
    let ill = checks.iter().filter(|check| !check.well).count();
    match args.output.as_deref() {
        Some(output) => {
            let format = match output {
                "json" => OutputFormat::Json,
                _ => OutputFormat::Yaml,
            };
            let all: Vec<_> = checks.iter().map(Check::value).collect();
            let value = json!({"ok": ill == 0, "checks": all});
            ui.result(&format::document(format, &value)?)?;
        }
        None => ui.result(&list(&checks, ui))?,
    }
    match ill {
        0 => Ok(()),
        _ => Err(CommandError::user(format!(
            "{ill} of {} checks failed",
            checks.len()
        ))),
    }
}

fn list(checks: &[Check], ui: &Ui) -> String {
    let mut text = String::new();
    let mut of = "";
    for check in checks {
        if check.of != of {
            of = &check.of;
            text.push_str(&format!("{of}\n"));
        }
        let mark = match check.well {
            true => ui.paint(Style::Good, "✓"),
            false => ui.paint(Style::Bad, "✗"),
        };
        let detail = match check.detail.as_str() {
            "" => String::new(),
            detail => format!(": {detail}"),
        };
        text.push_str(&format!("  {mark} {}{detail}\n", check.what));
        if let Some(mend) = &check.mend {
            text.push_str(&format!("      {mend}\n"));
        }
    }
    text
}

fn seen<T>(answer: Result<T, ServerError>) -> Seen<T> {
    answer.map_err(|error| error.to_string())
}

async fn version(cluster: &Connection) -> Seen<String> {
    let version = cluster.call(cluster.client.apiserver_version()).await;
    seen(version).map(|version| version.git_version)
}

async fn look_at_hub(hub: &Connection) -> (String, Seen<String>, Hub) {
    let version = version(hub).await;
    if version.is_err() {
        return (hub.url.clone(), version, Hub::default());
    }
    let all = ListParams::default();
    let (clusters, works) = (
        resources::all(&hub.client, &resources::managed_cluster()),
        resources::all(&hub.client, &resources::manifest_work()),
    );
    let requests: Api<CertificateSigningRequest> = Api::all(hub.client.clone());
    let of_clusters = ListParams::default().labels(names::LABEL_CLUSTER_NAME);
    let leases: Api<Lease> = Api::all(hub.client.clone());
    let reports = ListParams::default().fields(&format!("metadata.name={}", names::CLUSTER_LEASE));
    let (clusters, works, requests, leases, manager) = tokio::join!(
        hub.call_opt(clusters.list(&all)),
        hub.call_opt(works.list(&all)),
        hub.call(requests.list(&of_clusters)),
        hub.call(leases.list(&reports)),
        one::<Deployment>(hub, names::OPERATOR_NAMESPACE, names::CLUSTER_MANAGER),
    );
    let seen_leases = seen(leases).map(|list| {
        let renewed = |lease: &Lease| Some(lease.spec.as_ref()?.renew_time.as_ref()?.0.as_second());
        list.iter()
            .filter_map(|lease| Some((lease.namespace()?, renewed(lease)?)))
            .collect::<BTreeMap<_, _>>()
    });
    let facts = Hub {
        clusters: Some(seen(clusters).map(|found| found.map(|list| values(&list.items)))),
        manager: Some(manager),
        requests: Some(seen(requests).map(|list| values(&list.items))),
        leases: Some(seen_leases),
        works: Some(seen(works).map(|found| found.map_or_else(Vec::new, |l| values(&l.items)))),
    };
    (hub.url.clone(), version, facts)
}

async fn look_at_managed(cluster: &Connection) -> (String, Seen<String>, Managed) {
    let version = version(cluster).await;
    if version.is_err() {
        return (cluster.url.clone(), version, Managed::default());
    }
    let klusterlets = resources::all(&cluster.client, &resources::klusterlet());
    let (klusterlet, agent, bootstrap, credentials) = tokio::join!(
        cluster.call_opt(klusterlets.get(names::KLUSTERLET)),
        one::<Deployment>(cluster, names::OPERATOR_NAMESPACE, names::KLUSTERLET),
        one::<Secret>(
            cluster,
            names::AGENT_NAMESPACE,
            names::BOOTSTRAP_KUBECONFIG_SECRET
        ),
        one::<Secret>(
            cluster,
            names::AGENT_NAMESPACE,
            names::HUB_KUBECONFIG_SECRET
        ),
    );
    let facts = Managed {
        klusterlet: Some(seen(klusterlet).map(|k| k.and_then(|k| serde_json::to_value(k).ok()))),
        agent: Some(agent),
        bootstrap: Some(bootstrap),
        credentials: Some(credentials),
    };
    (cluster.url.clone(), version, facts)
}

/// One object, if it is there.
async fn one<K>(
    cluster: &Connection,
    namespace: &str,
    name: &str,
) -> Seen<Option<serde_json::Value>>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + serde::Serialize,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), namespace);
    let found = seen(cluster.call_opt(api.get(name)).await)?;
    Ok(found.and_then(|object| serde_json::to_value(object).ok()))
}

fn values<T: serde::Serialize>(items: &[T]) -> Vec<serde_json::Value> {
    items
        .iter()
        .filter_map(|item| serde_json::to_value(item).ok())
        .collect()
}
