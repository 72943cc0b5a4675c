//! `ocmadm clusterset set` and `unset`: the label that makes a cluster a
//! member, and the namespaces that members have.

use futures::StreamExt;
use kube::ResourceExt;
use kube::api::Patch;
use serde_json::{Value, json};

use crate::cmd::args::choose::unknown_set;
use crate::cmd::args::{Choice, Chosen, ClustersArgs, GlobalArgs};
use crate::cmd::confirm::ConfirmArgs;
use crate::cmd::explain::{Doing, server_error};
use crate::cmd::{CONCURRENCY, connect, program, resources};
use crate::error::{CommandError, Kind};
use crate::k8s::client::{Connection, Failure};
use crate::ocm::names;
use crate::ui::Ui;

/// Arguments of `ocmadm clusterset set`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The cluster set's name
    #[arg(value_name = "SET", add = crate::cmd::completion::sets())]
    name: String,

    #[command(flatten)]
    clusters: ClustersArgs,

    /// Namespaces that every member shall have, separated by commas (repeatable)
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    namespaces: Vec<String>,
}

/// Arguments of `ocmadm clusterset unset`.
#[derive(clap::Args, Clone, Debug)]
pub struct UnsetArgs {
    #[command(flatten)]
    clusters: ClustersArgs,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Puts clusters into a set.
///
/// # Errors
/// Unknown set or clusters, or no permission.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() && args.namespaces.is_empty() {
        return Err(CommandError::usage(
            "what to set? Pass --clusters NAME,... (or --clusterset, -l, --all) or --namespaces NAME,...",
        ));
    }
    let set = args.name.as_str();
    let hub = connect(global).await?;
    let sets = resources::all(&hub.client, &resources::cluster_set());
    let found = hub
        .call_opt(sets.get(set))
        .await
        .doing(&format!("read cluster set {set}"))?;
    let Some(found) = found else {
        return Err(unknown_set(&hub, set).await);
    };
    let by_labels = found.data.pointer("/spec/clusterSelector/selectorType")
        == Some(&Value::String("LabelSelector".to_owned()));
    if by_labels && !choice.is_empty() {
        return Err(CommandError::user(format!(
            "cluster set {set} chooses its members by labels; none can be put into it by name"
        ))
        .hint(format!(
            "`{} get clustersets {set} -o wide` shows its selector",
            program()
        )));
    }
    if !choice.is_empty() {
        label(&hub, choice.find(&hub).await?, Some(set), global, ui).await?;
    }
    if !args.namespaces.is_empty() {
        namespaces(&hub, args, global, ui).await?;
    }
    Ok(())
}

/// Takes clusters out of their set.
///
/// # Errors
/// Unknown clusters, or no permission.
pub async fn unset(args: &UnsetArgs, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let choice = args.clusters.choice();
    if choice.is_empty() {
        return Err(Choice::missing());
    }
    let hub = connect(global).await?;
    let chosen = choice.find(&hub).await?;
    args.confirm.ask(
        global,
        ui,
        &format!(
            "Take {} out of their cluster sets? Placements may let them go.",
            chosen.names.join(", ")
        ),
    )?;
    label(&hub, chosen, None, global, ui).await
}

/// Sets or removes the label, concurrently; a line for every cluster.
async fn label(
    hub: &Connection,
    chosen: Chosen,
    set: Option<&str>,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let params = resources::patching(global.dry_run);
    let asked = chosen.names.len();
    let mut results = futures::stream::iter(chosen.names)
        .map(|cluster| {
            let mut clusters = chosen.clusters.iter();
            let found = clusters.find(|found| found.name_any() == cluster);
            // Who may not read clusters may be allowed to label them.
            let seen = found.is_some();
            let before =
                found.and_then(|found| found.labels().get(names::LABEL_CLUSTER_SET).cloned());
            let (api, params) = (api.clone(), params.clone());
            async move {
                let line = match (seen, set) {
                    (false, None) => format!("Cluster {cluster} is taken out of its Clusterset"),
                    _ => line(&cluster, before.as_deref(), set),
                };
                if (seen && before.as_deref() == set)
                    || (global.dry_run && !global.dry_run_on_server)
                {
                    return (cluster, Ok(line));
                }
                let patch = json!({"metadata": {"labels": {names::LABEL_CLUSTER_SET: set}}});
                let sent = hub
                    .call(api.patch(&cluster, &params, &Patch::Merge(patch)))
                    .await;
                let sent = sent
                    .map(|_| line)
                    .map_err(|error| server_error(error, &format!("label cluster {cluster}")));
                (cluster, sent)
            }
        })
        .buffered(CONCURRENCY);
    let mut failed = Vec::new();
    while let Some((cluster, result)) = results.next().await {
        match result {
            Ok(line) => ui.result_line(&line)?,
            Err(error) if asked == 1 => return Err(error),
            Err(error) => {
                ui.failure(&error.render());
                failed.push(cluster);
            }
        }
    }
    if global.dry_run {
        ui.status("Nothing was changed (dry run).");
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(CommandError::new(
        Kind::User,
        format!("not labelled: {}", failed.join(", ")),
    ))
}

fn line(cluster: &str, before: Option<&str>, set: Option<&str>) -> String {
    let before = before.filter(|before| !before.is_empty());
    match (before, set) {
        (Some(before), Some(set)) if before == set => {
            format!("Cluster {cluster} is already in Clusterset {set}")
        }
        (Some(before), Some(set)) => {
            format!("Cluster {cluster} is set, from ClusterSet {before} to Clusterset {set}")
        }
        (None, Some(set)) => format!("Cluster {cluster} is set to Clusterset {set}"),
        (Some(before), None) => format!("Cluster {cluster} is taken out of Clusterset {before}"),
        (None, None) => format!("Cluster {cluster} is in no Clusterset"),
    }
}

/// Adds managed namespaces to what is there; again where somebody else changed
/// the spec meanwhile. The hub may write the status as it likes.
async fn namespaces(
    hub: &Connection,
    args: &Args,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let set = args.name.as_str();
    let api = resources::all(&hub.client, &resources::cluster_set());
    ui.result_line(&format!(
        "Processing managed namespaces: [{}]",
        args.namespaces.join(" ")
    ))?;
    for attempt in 0..5 {
        let current = hub
            .call(api.get(set))
            .await
            .doing(&format!("read cluster set {set}"))?;
        let mut all: Vec<Value> = current
            .data
            .pointer("/spec/managedNamespaces")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut added: Vec<&str> = Vec::new();
        for name in &args.namespaces {
            if !all.iter().any(|known| known["name"] == **name) {
                all.push(json!({"name": name}));
                added.push(name);
            }
        }
        let total = all.len();
        let unchanged = match current.data.get("spec") {
            Some(spec) => json!({"op": "test", "path": "/spec", "value": spec}),
            None => json!({"op": "add", "path": "/spec", "value": {}}),
        };
        let operations =
            json!([unchanged, {"op": "add", "path": "/spec/managedNamespaces", "value": all}]);
        let patch: json_patch::Patch = serde_json::from_value(operations)
            .map_err(|error| CommandError::internal("a patch could not be built").because(error))?;
        let params = resources::patching(global.dry_run);
        if !added.is_empty() && (!global.dry_run || global.dry_run_on_server) {
            match hub
                .call(api.patch(set, &params, &Patch::<()>::Json(patch)))
                .await
            {
                Ok(_) => {}
                // A test of a patch that fails is an invalid request to the server.
                Err(error) if attempt < 4 && is_outdated(&error.failure) => continue,
                Err(error) => {
                    return Err(server_error(error, &format!("update cluster set {set}")));
                }
            }
        }
        if global.dry_run {
            ui.status("Nothing was changed (dry run).");
        } else {
            ui.result_line(&format!("Successfully updated Clusterset {set}"))?;
        }
        ui.result_line(&format!(
            "Added {} managed namespace(s): {}",
            added.len(),
            added.join(", ")
        ))?;
        ui.result_line(&format!("Total managed namespaces in clusterset: {total}"))?;
        return Ok(());
    }
    Ok(())
}

fn is_outdated(failure: &Failure) -> bool {
    matches!(failure, Failure::Conflict(_) | Failure::Invalid(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_that_scripts_know() {
        assert_eq!(
            line("c", None, Some("s")),
            "Cluster c is set to Clusterset s"
        );
        assert_eq!(
            line("c", Some("a"), Some("s")),
            "Cluster c is set, from ClusterSet a to Clusterset s"
        );
        assert_eq!(
            line("c", Some("s"), Some("s")),
            "Cluster c is already in Clusterset s"
        );
        assert_eq!(
            line("c", Some("s"), None),
            "Cluster c is taken out of Clusterset s"
        );
    }
}
