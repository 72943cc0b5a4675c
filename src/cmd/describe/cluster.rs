//! `ocmadm describe cluster`: the cluster, its heartbeat, works, add-ons, open
//! requests and events, in one view.

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::core::{DynamicObject, ObjectList};
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::view::{self, Fields, ago, entries, last_seen};
use crate::cmd::args::GlobalArgs;
use crate::cmd::get::clusters::read_names;
use crate::cmd::get::works::{manifests, state};
use crate::cmd::works::message as works_said;
use crate::cmd::{CONCURRENCY, connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::{Connection, ServerError};
use crate::ocm::names;
use crate::ui::{Table, Ui};

/// How many events are shown.
const EVENTS: usize = 10;

/// Arguments of `ocmadm describe cluster`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The clusters
    #[arg(value_name = "NAME", required = true, add = crate::cmd::completion::clusters())]
    names: Vec<String>,
}

/// Objects, or why they cannot be read.
type Seen<T> = Result<Vec<T>, String>;

/// What is known of a cluster.
#[derive(Debug)]
struct Known {
    lease: Option<Lease>,
    works: Seen<DynamicObject>,
    addons: Seen<DynamicObject>,
    requests: Seen<CertificateSigningRequest>,
    events: Seen<Event>,
}

/// Runs the command.
///
/// # Errors
/// No hub there, an unknown cluster, or no permission to read clusters.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let clusters = read_names(&hub, &args.names).await?;
    let described: Vec<String> = futures::stream::iter(&clusters)
        .map(|cluster| {
            let hub = &hub;
            async move {
                let known = look(hub, &cluster.name_any()).await;
                text(cluster, &known, Timestamp::now())
            }
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    ui.result_line(&described.join("\n\n"))?;
    for cluster in &clusters {
        let name = cluster.name_any();
        let well = resources::condition(&cluster.data, "ManagedClusterConditionAvailable");
        if well != "True" {
            ui.hint(&format!(
                "to see what is missing: `{} doctor --cluster {name}{}`",
                program(),
                same_cluster(global)
            ));
        }
    }
    Ok(())
}

async fn look(hub: &Connection, name: &str) -> Known {
    let leases: Api<Lease> = Api::namespaced(hub.client.clone(), name);
    let works = resources::within(&hub.client, &resources::manifest_work(), name);
    let addons = resources::within(&hub.client, &resources::managed_cluster_addon(), name);
    let events: Api<Event> = Api::namespaced(hub.client.clone(), name);
    let requests: Api<CertificateSigningRequest> = Api::all(hub.client.clone());
    let all = ListParams::default();
    let of_cluster = ListParams::default().labels(&format!("{}={name}", names::LABEL_CLUSTER_NAME));
    let (lease, works, addons, events, requests) = futures::join!(
        hub.call_opt(leases.get(names::CLUSTER_LEASE)),
        hub.call(works.list(&all)),
        hub.call(addons.list(&all)),
        hub.call(events.list(&all)),
        hub.call(requests.list(&of_cluster)),
    );
    let mut events = seen(events);
    if let Ok(events) = &mut events {
        events.sort_by_key(|event| std::cmp::Reverse(last_seen(event)));
        events.truncate(EVENTS);
    }
    let mut requests = seen(requests);
    if let Ok(requests) = &mut requests {
        requests.retain(is_open);
    }
    Known {
        lease: lease.ok().flatten(),
        works: seen(works),
        addons: seen(addons),
        requests,
        events,
    }
}

fn seen<T: Clone>(list: Result<ObjectList<T>, ServerError>) -> Seen<T> {
    list.map(|list| list.items)
        .map_err(|error| error.to_string())
}

fn is_open(request: &CertificateSigningRequest) -> bool {
    let conditions = request.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.is_none_or(Vec::is_empty)
}

/// The whole view, without a line break at its end.
fn text(cluster: &DynamicObject, known: &Known, now: Timestamp) -> String {
    let mut out = Fields::default();
    let data = &cluster.data;
    let at = |pointer: &str| {
        let value = data.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let condition = |kind: &str| resources::condition(data, kind).to_owned();
    out.field("Name", cluster.name_any());
    let set = cluster.labels().get(names::LABEL_CLUSTER_SET);
    out.field("Cluster set", set.cloned().unwrap_or_default());
    let accepted = data.pointer("/spec/hubAcceptsClient") == Some(&Value::Bool(true));
    out.field("Accepted", accepted.to_string());
    out.field("Joined", condition("ManagedClusterJoined"));
    out.field("Available", condition("ManagedClusterConditionAvailable"));
    out.field("Kubernetes", at("/status/version/kubernetes"));
    out.field("URL", at("/spec/managedClusterClientConfigs/0/url"));
    out.field("Age", resources::age(cluster, now));
    if cluster.metadata.deletion_timestamp.is_some() {
        out.field(
            "Being deleted",
            format!("held by {}", cluster.finalizers().join(", ")),
        );
    }
    out.field("Last heard of", heartbeat(known.lease.as_ref(), now));
    let sum = |of: &str| {
        let resources = data.pointer(of).and_then(Value::as_object);
        let one = |key: &str| {
            let value = resources?.get(key)?.as_str()?;
            Some(format!("{key} {value}"))
        };
        let shown: Vec<String> = ["cpu", "memory", "pods"]
            .iter()
            .filter_map(|key| one(key))
            .collect();
        shown.join(", ")
    };
    out.field("Capacity", sum("/status/capacity"));
    out.field("Allocatable", sum("/status/allocatable"));
    out.listed("Labels", view::pairs(cluster.labels()));
    let taints = entries(data, "/spec/taints").map(|taint| {
        let of = |key: &str| taint[key].as_str().unwrap_or_default().to_owned();
        match of("value") {
            value if value.is_empty() => format!("{}:{}", of("key"), of("effect")),
            value => format!("{}={value}:{}", of("key"), of("effect")),
        }
    });
    out.listed("Taints", taints);
    let claims = entries(data, "/status/clusterClaims").map(|claim| {
        let of = |key: &str| claim[key].as_str().unwrap_or_default();
        format!("{}={}", of("name"), of("value"))
    });
    out.listed("Claims", claims);
    out.section("Conditions", Ok(view::conditions(data, now)));
    let works = known.works.as_deref().map(works);
    out.section("Works", works.map_err(String::as_str));
    let addons = known.addons.as_deref().map(addons);
    out.section("Add-ons", addons.map_err(String::as_str));
    if !matches!(&known.requests, Ok(none) if none.is_empty()) {
        let requests = known.requests.as_deref().map(|all| requests(all, now));
        let name = "Requests that wait for a yes";
        out.section(name, requests.map_err(String::as_str));
    }
    let events = known.events.as_deref().map(|all| view::events(all, now));
    out.section("Events", events.map_err(String::as_str));
    out.text()
}

fn heartbeat(lease: Option<&Lease>, now: Timestamp) -> String {
    let Some(spec) = lease.and_then(|lease| lease.spec.as_ref()) else {
        return String::new();
    };
    let Some(renewed) = &spec.renew_time else {
        return "never".to_owned();
    };
    let every = spec.lease_duration_seconds.unwrap_or(60);
    format!(
        "{} ago (to be heard every {every}s)",
        ago(Some(renewed.0), now)
    )
}

fn works(works: &[DynamicObject]) -> Table {
    let mut table = Table::new(&["name", "manifests", "applied", "available", "message"]);
    for work in works {
        table.row([
            work.name_any(),
            manifests(work).len().to_string(),
            state(&work.data, "Applied", work),
            state(&work.data, "Available", work),
            works_said(&work.data),
        ]);
    }
    table
}

fn addons(addons: &[DynamicObject]) -> Table {
    let mut table = Table::new(&["name", "available", "message"]);
    for addon in addons {
        let available = resources::find_condition(&addon.data, "Available");
        let of = |key: &str| {
            let value = available.and_then(|condition| condition[key].as_str());
            value.unwrap_or_default().to_owned()
        };
        table.row([addon.name_any(), of("status"), of("message")]);
    }
    table
}

fn requests(requests: &[CertificateSigningRequest], now: Timestamp) -> Table {
    let mut table = Table::new(&["name", "asked by", "age"]);
    for request in requests {
        let created = request.metadata.creation_timestamp.as_ref();
        table.row([
            request.name_any(),
            request.spec.username.clone().unwrap_or_default(),
            ago(created.map(|time| time.0), now),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_called_none() {
        let cluster = DynamicObject::new("c1", &resources::managed_cluster());
        let known = Known {
            lease: None,
            works: Err("works is forbidden".to_owned()),
            addons: Ok(Vec::new()),
            requests: Ok(Vec::new()),
            events: Err("no answer".to_owned()),
        };
        let shown = text(&cluster, &known, Timestamp::now());
        for line in [
            "Works:           cannot be read: works is forbidden",
            "Add-ons:         <none>",
            "Events:          cannot be read: no answer",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{shown}");
        }
        assert!(!shown.contains("Requests"), "{shown}");
    }
}
