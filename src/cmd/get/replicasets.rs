//! `ocmadm get replicasets`: works that follow placements.

use kube::ResourceExt;
use kube::core::DynamicObject;
use serde_json::Value;

use super::list::{ListArgs, View, only_named};
use crate::cmd::args::GlobalArgs;
use crate::cmd::{connect, program, replicas, resources, same_cluster};
use crate::error::CommandError;
use crate::ui::Ui;
use crate::ui::tree::Node;

/// Arguments of `ocmadm get replicasets`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these replica sets
    #[arg(value_name = "NAME", add = crate::cmd::completion::replica_sets())]
    names: Vec<String>,

    /// Only replica sets of this namespace
    #[arg(long, short, value_name = "NAME", add = crate::cmd::completion::namespaces())]
    namespace: Option<String>,

    /// Those of all namespaces, also without --namespace
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    all_namespaces: bool,

    #[command(flatten)]
    list: ListArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or an unknown name.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let resource = resources::replica_set();
    let api = match &args.namespace {
        Some(namespace) => resources::within(&hub.client, &resource, namespace),
        None => resources::all(&hub.client, &resource),
    };
    if args.list.watch {
        let keep =
            |found: &DynamicObject| args.names.is_empty() || args.names.contains(&found.name_any());
        return args.list.follow(&hub, vec![api], &view(), keep, ui).await;
    }
    let mut found = args.list.list(&hub, vec![api], "replica sets").await?;
    only_named(&mut found, &args.names, "replica set", "replicasets")?;
    args.list
        .print(ui, &view(), &found, args.names.len() == 1)?;
    if found.is_empty() && !args.list.output.is_structured() {
        ui.status("There are no replica sets.");
        ui.hint(&format!(
            "to make one: `{} create work NAME -f DIR --placement NAMESPACE/NAME --replicaset{}`",
            program(),
            same_cluster(global)
        ));
    }
    Ok(())
}

/// A replica set in a tree.
fn branch(set: &DynamicObject) -> Node {
    let summary = &set.data["status"]["summary"];
    let number = |name: &str, key: &str| {
        let count = summary[key].as_i64().unwrap_or_default();
        Node::pair(name, &count.to_string())
    };
    Node::pair(&set.name_any(), "").over([
        Node::pair("Namespace", &set.namespace().unwrap_or_default()),
        Node::pair("Status", "").over([
            number("Total", "total"),
            number("Available", "available"),
            number("Degraded", "degraded"),
        ]),
    ])
}

fn view() -> View<'static> {
    View {
        resource: resources::replica_set(),
        what: "replica sets",
        headers: &[
            "namespace",
            "name",
            "placements",
            "total",
            "available",
            "degraded",
        ],
        wide: &["applied", "progressing", "age", "message"],
        row: Box::new(|set, now| {
            let number = |key: &str| {
                let summary = set.data.pointer(&format!("/status/summary/{key}"));
                summary
                    .and_then(Value::as_i64)
                    .unwrap_or_default()
                    .to_string()
            };
            let references = set.data.pointer("/spec/placementRefs");
            let placements: Vec<&str> = references
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|reference| reference["name"].as_str())
                .collect();
            (
                vec![
                    set.namespace().unwrap_or_default(),
                    set.name_any(),
                    placements.join(","),
                    number("total"),
                    number("available"),
                    number("degraded"),
                ],
                vec![
                    number("applied"),
                    number("progressing"),
                    resources::age(set, now),
                    replicas::readiness(set).err().unwrap_or_default(),
                ],
            )
        }),
        tree: Box::new(|sets| {
            Node::pair("ManifestWorkReplicaSet", "").over(sets.iter().map(branch))
        }),
    }
}
