//! `ocmadm get placements`: what was chosen, and why the rest was not.

use std::collections::BTreeMap;
use std::rc::Rc;

use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use super::list::{ListArgs, View, only_named, text};
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::placement::{self, Explained};
use crate::cmd::{connect, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ui::tree::Node;
use crate::ui::{Ui, format};

/// Arguments of `ocmadm get placements`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these placements
    #[arg(value_name = "NAME", add = crate::cmd::completion::placements())]
    names: Vec<String>,

    /// Only placements of this namespace
    #[arg(long, short, value_name = "NAME", add = crate::cmd::completion::namespaces())]
    namespace: Option<String>,

    /// Those of all namespaces, also without --namespace
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    all_namespaces: bool,

    /// For every cluster: its scores or what keeps it from being chosen, compared with what the hub decided
    #[arg(long, conflicts_with = "watch")]
    explain: bool,

    #[command(flatten)]
    list: ListArgs,
}

/// The clusters each placement has chosen, by namespace and name.
type Decisions = BTreeMap<(String, String), Vec<String>>;

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or an unknown name.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let api = match &args.namespace {
        Some(namespace) => resources::within(&hub.client, &resources::placement(), namespace),
        None => resources::all(&hub.client, &resources::placement()),
    };
    if args.list.watch {
        let view = view(Decisions::new());
        let keep =
            |found: &DynamicObject| args.names.is_empty() || args.names.contains(&found.name_any());
        return args.list.follow(&hub, vec![api], &view, keep, ui).await;
    }
    // Of two failures always the first is told.
    let (found, decisions) = futures::future::join(
        args.list.list(&hub, vec![api], "placements"),
        decisions(args, &hub),
    )
    .await;
    let (mut found, decisions) = (found?, decisions?);
    only_named(&mut found, &args.names, "placement", "placements")?;
    if args.explain {
        return explain(&hub, &found, args, global, ui).await;
    }
    args.list
        .print(ui, &view(decisions), &found, args.names.len() == 1)?;
    if !args.list.output.is_structured()
        && let Some(one) = found.iter().find(|one| !satisfied(one))
    {
        ui.hint(&format!(
            "to see what keeps clusters out: `{} get placements {} -n {} --explain{}`",
            program(),
            one.name_any(),
            one.namespace().unwrap_or_default(),
            same_cluster(global)
        ));
    }
    Ok(())
}

fn satisfied(placement: &DynamicObject) -> bool {
    resources::condition(&placement.data, "PlacementSatisfied") == "True"
}

async fn explain(
    hub: &Connection,
    found: &[DynamicObject],
    args: &Args,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut world = placement::world(hub).await?;
    let explained: Result<Vec<Explained>, CommandError> = found
        .iter()
        .map(|object| placement::explain(&mut world, object))
        .collect();
    let explained = explained?;
    if args.list.output.is_structured() {
        let values: Vec<Value> = explained.iter().map(Explained::json).collect();
        let single = found.len() == 1 && args.names.len() == 1;
        let name = resources::resource_name;
        ui.result(&format::objects(args.list.output, &values, single, name)?)?;
        return Ok(());
    }
    for (number, (one, object)) in explained.iter().zip(found).enumerate() {
        if number > 0 {
            ui.result_line("")?;
        }
        ui.result_line(&format!(
            "placement {}/{}",
            object.namespace().unwrap_or_default(),
            object.name_any()
        ))?;
        for line in one.summary().iter().chain(&one.present()) {
            ui.result_line(line)?;
        }
        ui.result_line(&format!("sets: {}", one.sets()))?;
        ui.result(&one.table(true).render())?;
    }
    let mut hints: Vec<String> = explained
        .iter()
        .filter_map(|one| one.hint(&same_cluster(global)))
        .collect();
    hints.dedup();
    for hint in &hints {
        ui.hint(hint);
    }
    Ok(())
}

/// Only wide tables and trees show them.
async fn decisions(args: &Args, hub: &Connection) -> Result<Decisions, CommandError> {
    let mut chosen = Decisions::new();
    if !args.list.wide() && !args.list.tree() {
        return Ok(chosen);
    }
    let api = match &args.namespace {
        Some(namespace) => {
            resources::within(&hub.client, &resources::placement_decision(), namespace)
        }
        None => resources::all(&hub.client, &resources::placement_decision()),
    };
    let found = hub.call(api.list(&ListParams::default())).await;
    for decision in found.doing("list the decisions of placements")? {
        let label = decision
            .labels()
            .get("cluster.open-cluster-management.io/placement");
        let (Some(name), Some(namespace)) = (label, decision.namespace()) else {
            continue;
        };
        let names = decision
            .data
            .pointer("/status/decisions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|one| one["clusterName"].as_str().map(str::to_owned));
        chosen
            .entry((namespace, name.clone()))
            .or_default()
            .extend(names);
    }
    Ok(chosen)
}

/// A placement in a tree, with the keys of clusteradm's.
fn branch(placement: &DynamicObject, clusters: &[String]) -> Node {
    let met = |key: &str, kind: &str| Node::pair(key, resources::condition(&placement.data, kind));
    Node::pair(&placement.name_any(), "").over([
        Node::pair("Namespace", &placement.namespace().unwrap_or_default()),
        Node::pair("ClusterSet", &sets(placement).join(",")),
        Node::pair("Status", "").over([
            Node::pair(
                "NumberOfSelectedClusters",
                &text(placement, "/status/numberOfSelectedClusters"),
            ),
            Node::pair("Conditions", "").over([Node::pair("PlacementCondition", "").over([
                met("Satisfied", "PlacementSatisfied"),
                met("Misconfigured", "PlacementMisconfigured"),
            ])]),
        ]),
        Node::pair("PlacementDecision", &clusters.join(",")),
    ])
}

fn sets(placement: &DynamicObject) -> Vec<&str> {
    let sets = placement.data.pointer("/spec/clusterSets");
    let sets = sets.and_then(Value::as_array).into_iter().flatten();
    sets.filter_map(Value::as_str).collect()
}

fn view(mut decisions: Decisions) -> View<'static> {
    decisions.values_mut().for_each(|clusters| clusters.sort());
    let chosen = Rc::new(decisions);
    let decisions = Rc::clone(&chosen);
    let key = |placement: &DynamicObject| {
        (
            placement.namespace().unwrap_or_default(),
            placement.name_any(),
        )
    };
    View {
        resource: resources::placement(),
        what: "placements",
        headers: &["name", "namespace", "satisfied", "selected", "reason"],
        wide: &["clusters", "clustersets", "age"],
        row: Box::new(move |placement, now| {
            let (name, namespace) = (
                placement.name_any(),
                placement.namespace().unwrap_or_default(),
            );
            let clusters = decisions.get(&key(placement));
            (
                vec![
                    name,
                    namespace,
                    resources::condition(&placement.data, "PlacementSatisfied").to_owned(),
                    text(placement, "/status/numberOfSelectedClusters"),
                    reason(&placement.data),
                ],
                vec![
                    clusters
                        .map(|clusters| clusters.join(","))
                        .unwrap_or_default(),
                    sets(placement).join(","),
                    resources::age(placement, now),
                ],
            )
        }),
        tree: Box::new(move |placements| {
            Node::pair("Placement", "").over(placements.iter().map(|placement| {
                let clusters = chosen.get(&key(placement));
                branch(placement, clusters.map_or(&[][..], Vec::as_slice))
            }))
        }),
    }
}

/// What is wrong, if something is: a misconfiguration first.
fn reason(placement: &Value) -> String {
    let misconfigured = resources::find_condition(placement, "PlacementMisconfigured")
        .filter(|condition| condition["status"] == "True");
    misconfigured
        .or_else(|| resources::find_condition(placement, "PlacementSatisfied"))
        .and_then(|condition| condition["reason"].as_str())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clusteradm_18_3_a_placement_without_conditions_is_a_row_too() {
        let placement = |status: Value| -> DynamicObject {
            serde_json::from_value(json!({
                "metadata": {"name": "p", "namespace": "default"}, "spec": {}, "status": status,
            }))
            .unwrap()
        };
        let satisfied = json!({"numberOfSelectedClusters": 2, "conditions": [
            {"type": "PlacementMisconfigured", "status": "False", "reason": "Succeedconfigured"},
            {"type": "PlacementSatisfied", "status": "True", "reason": "AllDecisionsScheduled"},
        ]});
        let objects = [placement(json!({})), placement(satisfied)];
        assert_eq!(
            view(Decisions::new()).table(&objects, false).render(),
            "NAME   NAMESPACE   SATISFIED   SELECTED   REASON\n\
             p      default     <none>      <none>     <none>\n\
             p      default     True        2          AllDecisionsScheduled\n"
        );
        let key = ("default".to_owned(), "p".to_owned());
        let decisions = Decisions::from([(key, vec!["c2".to_owned(), "c1".to_owned()])]);
        assert_eq!(
            (view(decisions).tree)(&objects[1..]).render(),
            "<Placement>\n\
             └── <p>\n\
             \u{20}   ├── <Namespace> default\n\
             \u{20}   ├── <ClusterSet>\n\
             \u{20}   ├── <Status>\n\
             \u{20}   │   ├── <NumberOfSelectedClusters> 2\n\
             \u{20}   │   └── <Conditions>\n\
             \u{20}   │       └── <PlacementCondition>\n\
             \u{20}   │           ├── <Satisfied> True\n\
             \u{20}   │           └── <Misconfigured> False\n\
             \u{20}   └── <PlacementDecision> c1,c2\n"
        );
    }
}
