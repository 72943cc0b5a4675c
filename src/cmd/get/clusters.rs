//! `ocmadm get clusters`.

use std::collections::BTreeMap;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::list::{ListArgs, View, text};
use crate::cmd::args::GlobalArgs;
use crate::cmd::args::choose::selector_of_set;
use crate::cmd::explain::Doing;
use crate::cmd::{connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::k8s::kubeconfig::nearest;
use crate::ocm::names;
use crate::ui::Ui;
use crate::ui::tree::Node;

/// Arguments of `ocmadm get clusters`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these clusters
    #[arg(value_name = "NAME", add = crate::cmd::completion::clusters())]
    names: Vec<String>,

    /// Only clusters of this set
    #[arg(long, value_name = "SET", add = crate::cmd::completion::sets())]
    clusterset: Option<String>,

    #[command(flatten)]
    list: ListArgs,
}

/// When each cluster's agent was last heard of, in seconds since 1970.
type Heartbeats = BTreeMap<String, i64>;

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or an unknown name.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let mut list = args.list.clone();
    if let Some(set) = &args.clusterset
        && let Some(members) = selector_of_set(&hub, set).await?
    {
        list.selector = Some(match list.selector {
            Some(labels) => format!("{labels},{members}"),
            None => members,
        });
    }
    let api = resources::all(&hub.client, &resources::managed_cluster());
    if list.watch {
        let view = view(heartbeats(&hub, &list).await);
        let keep = |cluster: &DynamicObject| {
            args.names.is_empty() || args.names.contains(&cluster.name_any())
        };
        return list.follow(&hub, vec![api], &view, keep, ui).await;
    }
    let (found, heartbeats) = futures::future::join(
        list.list(&hub, vec![api], "managed clusters"),
        heartbeats(&hub, &list),
    )
    .await;
    let mut found = found?;
    for name in &args.names {
        if !found.iter().any(|cluster| cluster.name_any() == *name) {
            return Err(unknown_cluster(name, &found));
        }
    }
    if !args.names.is_empty() {
        found.retain(|cluster| args.names.contains(&cluster.name_any()));
    }
    list.print(ui, &view(heartbeats), &found, args.names.len() == 1)?;
    if list.output.is_structured() {
        return Ok(());
    }
    if found.is_empty() {
        ui.status("There are no managed clusters.");
        ui.hint(&format!(
            "`{} get token{}` prints the command that joins one",
            program(),
            same_cluster(global)
        ));
    } else if let Some(waiting) = found.iter().find(|cluster| !accepted(&cluster.data)) {
        ui.hint(&format!(
            "to accept a cluster: `{} accept --clusters {}{}`",
            program(),
            waiting.name_any(),
            same_cluster(global)
        ));
    }
    Ok(())
}

/// The leases of all agents in one request; only a wide table shows them, and
/// it goes without where they may not be read.
async fn heartbeats(hub: &Connection, list: &ListArgs) -> Heartbeats {
    if !list.wide() {
        return Heartbeats::new();
    }
    let leases: Api<Lease> = Api::all(hub.client.clone());
    let params = ListParams::default().fields(&format!("metadata.name={}", names::CLUSTER_LEASE));
    let found = hub.list_all(&leases, &params).await;
    found
        .into_iter()
        .flatten()
        .filter_map(|lease| {
            let renewed = lease.spec.as_ref()?.renew_time.as_ref()?.0.as_second();
            Some((lease.namespace()?, renewed))
        })
        .collect()
}

fn accepted(cluster: &Value) -> bool {
    cluster.pointer("/spec/hubAcceptsClient") == Some(&Value::Bool(true))
}

fn view(heartbeats: Heartbeats) -> View<'static> {
    View {
        resource: resources::managed_cluster(),
        what: "managed clusters",
        headers: &[
            "name",
            "accepted",
            "joined",
            "available",
            "clusterset",
            "cpu",
            "memory",
            "kubernetes version",
        ],
        wide: &["url", "last heartbeat", "age"],
        row: Box::new(move |cluster, now| {
            let data = &cluster.data;
            let set = cluster.labels().get(names::LABEL_CLUSTER_SET);
            let heartbeat = heartbeats
                .get(&cluster.name_any())
                .map(|renewed| format!("{} ago", resources::human(now.as_second() - renewed)));
            (
                vec![
                    cluster.name_any(),
                    accepted(data).to_string(),
                    resources::condition(data, "ManagedClusterJoined").to_owned(),
                    resources::condition(data, "ManagedClusterConditionAvailable").to_owned(),
                    set.cloned().unwrap_or_default(),
                    text(cluster, "/status/capacity/cpu"),
                    text(cluster, "/status/capacity/memory"),
                    text(cluster, "/status/version/kubernetes"),
                ],
                vec![
                    text(cluster, "/spec/managedClusterClientConfigs/0/url"),
                    heartbeat.unwrap_or_default(),
                    resources::age(cluster, now),
                ],
            )
        }),
        tree: Box::new(|clusters| {
            Node::pair("ManagedCluster", "").over(clusters.iter().map(branch))
        }),
    }
}

/// A cluster in a tree, with the keys of clusteradm's.
fn branch(cluster: &DynamicObject) -> Node {
    let set = cluster.labels().get(names::LABEL_CLUSTER_SET);
    let available = resources::condition(&cluster.data, "ManagedClusterConditionAvailable");
    let joined = resources::condition(&cluster.data, "ManagedClusterJoined");
    let at = |key: &str, pointer: &str| Node::pair(key, &text(cluster, pointer));
    Node::pair(&cluster.name_any(), "").over([
        Node::pair("Accepted", &accepted(&cluster.data).to_string()),
        Node::pair("Joined", joined),
        Node::pair("Available", available),
        Node::pair("ClusterSet", set.map_or("", String::as_str)),
        at("KubernetesVersion", "/status/version/kubernetes"),
        Node::pair("Capacity", "").over([
            at("Cpu", "/status/capacity/cpu"),
            at("Memory", "/status/capacity/memory"),
        ]),
    ])
}

/// There is no such cluster; says which one was meant.
#[must_use]
pub fn unknown_cluster(name: &str, known: &[DynamicObject]) -> CommandError {
    let names: Vec<String> = known.iter().map(ResourceExt::name_any).collect();
    let similar = nearest(name, names.iter().map(String::as_str));
    CommandError::user(format!("the hub knows no managed cluster {name:?}"))
        .hint_if(similar.map(|similar| format!("did you mean {similar:?}?")))
        .hint(format!("`{} get clusters` lists them", program()))
}

/// The ManagedClusters of these names; without names, none are asked for. Who
/// may not read managed clusters (a tenant of one namespace) gets none, and is
/// not stopped here.
///
/// # Errors
/// One of them does not exist (names a similar one), or the hub cannot be asked.
pub async fn require_names(
    hub: &Connection,
    wanted: &[String],
) -> Result<Vec<DynamicObject>, CommandError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let api = resources::all(&hub.client, &resources::managed_cluster());
    // One request for few, one list for many.
    if let [one] = wanted {
        match hub.call_opt(api.get(one)).await {
            Ok(Some(cluster)) => return Ok(vec![cluster]),
            Ok(None) => {}
            Err(error) if matches!(error.failure, Failure::Forbidden(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error).doing("read the managed cluster"),
        }
    }
    let known = match hub.list_all(&api, &ListParams::default()).await {
        Ok(found) => found,
        Err(error) if matches!(error.failure, Failure::Forbidden(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error).doing("list managed clusters"),
    };
    wanted
        .iter()
        .map(|name| {
            known
                .iter()
                .find(|cluster| cluster.name_any() == *name)
                .cloned()
                .ok_or_else(|| unknown_cluster(name, &known))
        })
        .collect()
}

/// [`require_names`] of whoever may read them; nobody else gets any further.
///
/// # Errors
/// One of them does not exist, or may not be read.
pub async fn read_names(
    hub: &Connection,
    wanted: &[String],
) -> Result<Vec<DynamicObject>, CommandError> {
    let found = require_names(hub, wanted).await?;
    let (Some(first), true) = (wanted.first(), found.is_empty()) else {
        return Ok(found);
    };
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let cluster = hub.call(api.get(first)).await;
    Ok(vec![
        cluster.doing(&format!("read managed cluster {first}"))?,
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(name: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name, "labels": {"cluster.open-cluster-management.io/clusterset": "default"}},
            "spec": {"hubAcceptsClient": true, "managedClusterClientConfigs": [{"url": "https://c"}]},
            "status": {
                "capacity": {"cpu": "4", "memory": "8Gi"},
                "version": {"kubernetes": "v1.36.0"},
                "conditions": [{"type": "ManagedClusterJoined", "status": "True"}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_cluster_in_a_table() {
        assert_eq!(
            view(Heartbeats::new())
                .table(&[cluster("cluster1")], false)
                .render(),
            "NAME       ACCEPTED   JOINED   AVAILABLE   CLUSTERSET   CPU   MEMORY   KUBERNETES VERSION\n\
             cluster1   true       True     <none>      default      4     8Gi      v1.36.0\n"
        );
        let now = jiff::Timestamp::now().as_second();
        let wide = view(Heartbeats::from([("a".to_owned(), now - 3)]));
        let wide = wide.table(&[cluster("a")], true).render();
        assert!(
            wide.contains("https://c   3s ago") || wide.contains("https://c   4s ago"),
            "{wide}"
        );
    }

    #[test]
    fn a_cluster_in_a_tree() {
        assert_eq!(
            (view(Heartbeats::new()).tree)(&[cluster("my.cluster")]).render(),
            "<ManagedCluster>\n\
             └── <my.cluster>\n\
             \u{20}   ├── <Accepted> true\n\
             \u{20}   ├── <Joined> True\n\
             \u{20}   ├── <Available>\n\
             \u{20}   ├── <ClusterSet> default\n\
             \u{20}   ├── <KubernetesVersion> v1.36.0\n\
             \u{20}   └── <Capacity>\n\
             \u{20}       ├── <Cpu> 4\n\
             \u{20}       └── <Memory> 8Gi\n"
        );
    }

    #[test]
    fn an_unknown_cluster_has_a_neighbour() {
        let error = unknown_cluster("clutser1", &[cluster("cluster1")]);
        assert_eq!(error.hints()[0], "did you mean \"cluster1\"?");
    }
}
