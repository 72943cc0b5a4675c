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

use crate::cmd::args::GlobalArgs;
use crate::cmd::get::clusters::require_names;
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
    let clusters = require_names(&hub, &args.names).await?;
    if clusters.is_empty() {
        return Err(CommandError::user("you may not read managed clusters")
            .hint("use credentials that may, or have `get` on managedclusters granted"));
    }
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
    ui.result(&described.join("\n\n"))?;
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

fn last_seen(event: &Event) -> Option<Timestamp> {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref())
        .map(|time| time.0);
    last.or(series)
        .or(event.event_time.as_ref().map(|time| time.0))
        .or(event
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0))
}

fn ago(time: Option<Timestamp>, now: Timestamp) -> String {
    time.map(|time| resources::human(now.as_second() - time.as_second()))
        .unwrap_or_default()
}

/// The whole view, without a line break at its end.
fn text(cluster: &DynamicObject, known: &Known, now: Timestamp) -> String {
    let mut out = String::new();
    let data = &cluster.data;
    let at = |pointer: &str| {
        let value = data.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let condition = |kind: &str| resources::condition(data, kind).to_owned();
    let mut field = |name: &str, value: String| {
        let value = if value.is_empty() { "<none>" } else { &value };
        out.push_str(&format!("{:<17}{value}\n", format!("{name}:")));
    };
    field("Name", cluster.name_any());
    let set = cluster.labels().get(names::LABEL_CLUSTER_SET);
    field("Cluster set", set.cloned().unwrap_or_default());
    let accepted = data.pointer("/spec/hubAcceptsClient") == Some(&Value::Bool(true));
    field("Accepted", accepted.to_string());
    field("Joined", condition("ManagedClusterJoined"));
    field("Available", condition("ManagedClusterConditionAvailable"));
    field("Kubernetes", at("/status/version/kubernetes"));
    field("URL", at("/spec/managedClusterClientConfigs/0/url"));
    field("Age", resources::age(cluster, now));
    if cluster.metadata.deletion_timestamp.is_some() {
        field(
            "Being deleted",
            format!("held by {}", cluster.finalizers().join(", ")),
        );
    }
    field("Last heard of", heartbeat(known.lease.as_ref(), now));
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
    field("Capacity", sum("/status/capacity"));
    field("Allocatable", sum("/status/allocatable"));
    let labels = cluster
        .labels()
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    listed(&mut out, "Labels", labels);
    let taints = entries(data, "/spec/taints").map(|taint| {
        let of = |key: &str| taint[key].as_str().unwrap_or_default().to_owned();
        match of("value") {
            value if value.is_empty() => format!("{}:{}", of("key"), of("effect")),
            value => format!("{}={value}:{}", of("key"), of("effect")),
        }
    });
    listed(&mut out, "Taints", taints);
    let claims = entries(data, "/status/clusterClaims").map(|claim| {
        let of = |key: &str| claim[key].as_str().unwrap_or_default();
        format!("{}={}", of("name"), of("value"))
    });
    listed(&mut out, "Claims", claims);
    let mut table = Table::new(&["type", "status", "reason", "since", "message"]);
    for condition in entries(data, "/status/conditions") {
        let of = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        let since = of("lastTransitionTime").parse().ok();
        table.row([
            of("type"),
            of("status"),
            of("reason"),
            ago(since, now),
            of("message"),
        ]);
    }
    section(&mut out, "Conditions", Ok(table));
    let works = known.works.as_deref().map(works);
    section(&mut out, "Works", works.map_err(String::as_str));
    let addons = known.addons.as_deref().map(addons);
    section(&mut out, "Add-ons", addons.map_err(String::as_str));
    if !matches!(&known.requests, Ok(none) if none.is_empty()) {
        let requests = known.requests.as_deref().map(|all| requests(all, now));
        let name = "Requests that wait for a yes";
        section(&mut out, name, requests.map_err(String::as_str));
    }
    let events = known.events.as_deref().map(|all| events(all, now));
    section(&mut out, "Events", events.map_err(String::as_str));
    out.trim_end().to_owned()
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

fn entries<'a>(data: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let list = data.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn listed(out: &mut String, name: &str, values: impl Iterator<Item = String>) {
    let mut first = true;
    for value in values {
        let name = if first {
            format!("{name}:")
        } else {
            String::new()
        };
        out.push_str(&format!("{name:<17}{value}\n"));
        first = false;
    }
    if first {
        out.push_str(&format!("{:<17}<none>\n", format!("{name}:")));
    }
}

/// A table under its name, or why there is none.
fn section(out: &mut String, name: &str, table: Result<Table, &str>) {
    match table {
        Err(why) => {
            out.push_str(&format!(
                "{:<17}cannot be read: {why}\n",
                format!("{name}:")
            ));
        }
        Ok(table) if table.is_empty() => {
            out.push_str(&format!("{:<17}<none>\n", format!("{name}:")));
        }
        Ok(table) => {
            out.push_str(&format!("{name}:\n"));
            for line in table.render().lines() {
                out.push_str(&format!("  {line}\n"));
            }
        }
    }
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

fn events(events: &[Event], now: Timestamp) -> Table {
    let mut table = Table::new(&["last seen", "type", "reason", "message"]);
    for event in events {
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        table.row([
            ago(last_seen(event), now),
            of(&event.type_),
            of(&event.reason),
            of(&event.message),
        ]);
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
