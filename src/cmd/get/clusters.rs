//! `ocmadm get clusters`.

use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::{connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::{Connection, Failure};
use crate::k8s::kubeconfig::nearest;
use crate::ocm::names;
use crate::ui::{OutputFormat, Table, Ui, format};

/// Arguments of `ocmadm get clusters`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these clusters
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Only clusters of this set
    #[arg(long, value_name = "SET")]
    clusterset: Option<String>,

    /// Only clusters with these labels
    #[arg(long, short = 'l', value_name = "SELECTOR")]
    selector: Option<String>,

    /// Output format: table, wide, json, yaml or name
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    output: OutputFormat,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or an unknown name.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let resource = resources::managed_cluster();
    let mut selectors: Vec<String> = args.selector.iter().cloned().collect();
    if let Some(set) = args
        .clusterset
        .as_ref()
        .filter(|set| *set != names::GLOBAL_CLUSTER_SET)
    {
        selectors.push(format!("{}={set}", names::LABEL_CLUSTER_SET));
    }
    let params = ListParams::default().labels(&selectors.join(","));
    let mut found = hub
        .call(resources::all(&hub.client, &resource).list(&params))
        .await
        .doing("list managed clusters")?
        .items;
    found.sort_by_key(ResourceExt::name_any);
    for name in &args.names {
        if !found.iter().any(|cluster| cluster.name_any() == *name) {
            return Err(unknown_cluster(name, &found));
        }
    }
    if !args.names.is_empty() {
        found.retain(|cluster| args.names.contains(&cluster.name_any()));
    }
    if args.output.is_structured() {
        let values: Vec<Value> = found
            .iter()
            .map(|cluster| resources::printable(cluster, &resource))
            .collect();
        let single = args.names.len() == 1;
        ui.result(&format::objects(
            args.output,
            &values,
            single,
            resources::resource_name,
        ))?;
        return Ok(());
    }
    ui.result(&table(&found, args.output == OutputFormat::Wide).render())?;
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

fn accepted(cluster: &Value) -> bool {
    cluster.pointer("/spec/hubAcceptsClient") == Some(&Value::Bool(true))
}

fn table(clusters: &[DynamicObject], wide: bool) -> Table {
    let mut headers = vec![
        "name",
        "accepted",
        "joined",
        "available",
        "clusterset",
        "cpu",
        "memory",
        "kubernetes version",
    ];
    if wide {
        headers.extend(["url", "age"]);
    }
    let mut table = Table::new(&headers);
    let now = jiff::Timestamp::now();
    for cluster in clusters {
        let data = &cluster.data;
        let text = |pointer: &str| {
            data.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let mut row = vec![
            cluster.name_any(),
            accepted(data).to_string(),
            resources::condition(data, "ManagedClusterJoined").to_owned(),
            resources::condition(data, "ManagedClusterConditionAvailable").to_owned(),
            cluster
                .labels()
                .get(names::LABEL_CLUSTER_SET)
                .cloned()
                .unwrap_or_default(),
            text("/status/capacity/cpu"),
            text("/status/capacity/memory"),
            text("/status/version/kubernetes"),
        ];
        if wide {
            row.push(text("/spec/managedClusterClientConfigs/0/url"));
            row.push(resources::age(cluster, now));
        }
        table.row(row);
    }
    table
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
    let known = match hub.call(api.list(&ListParams::default())).await {
        Ok(found) => found.items,
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
            table(&[cluster("cluster1")], false).render(),
            "NAME       ACCEPTED   JOINED   AVAILABLE   CLUSTERSET   CPU   MEMORY   KUBERNETES VERSION\n\
             cluster1   true       True     <none>      default      4     8Gi      v1.36.0\n"
        );
        assert!(table(&[cluster("a")], true).render().contains("https://c"));
    }

    #[test]
    fn an_unknown_cluster_has_a_neighbour() {
        let error = unknown_cluster("clutser1", &[cluster("cluster1")]);
        assert_eq!(error.hints()[0], "did you mean \"cluster1\"?");
    }
}
