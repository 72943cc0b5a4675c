//! `ocmadm get placements`: what was chosen, and why the rest was not.

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::{connect, placement, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::k8s::kubeconfig::nearest;
use crate::ocm::cluster::v1beta1::LABEL_PLACEMENT;
use crate::runtime::Key;
use crate::ui::{OutputFormat, Table, Ui, format};

/// Arguments of `ocmadm get placements`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these placements
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Only placements of this namespace
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,

    /// For every cluster: its scores, or what keeps it from being chosen
    #[arg(long)]
    explain: bool,

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
    let resource = resources::placement();
    let api = match &args.namespace {
        Some(namespace) => resources::within(&hub.client, &resource, namespace),
        None => resources::all(&hub.client, &resource),
    };
    let mut found = hub
        .call(api.list(&ListParams::default()))
        .await
        .doing("list placements")?
        .items;
    found.sort_by_key(|placement| (placement.namespace(), placement.name_any()));
    for name in &args.names {
        if !found.iter().any(|placement| placement.name_any() == *name) {
            return Err(unknown(name, &found));
        }
    }
    if !args.names.is_empty() {
        found.retain(|placement| args.names.contains(&placement.name_any()));
    }
    if args.output.is_structured() {
        let values: Vec<Value> = found
            .iter()
            .map(|placement| resources::printable(placement, &resource))
            .collect();
        let single = args.names.len() == 1 && found.len() == 1;
        ui.result(&format::objects(
            args.output,
            &values,
            single,
            resources::resource_name,
        ))?;
        return Ok(());
    }
    if args.explain {
        return explain(&hub, &found, ui).await;
    }
    let decisions = decisions(&hub, args.namespace.as_deref()).await?;
    ui.result(&table(&found, &decisions, args.output == OutputFormat::Wide).render())?;
    if found.is_empty() {
        ui.status("There are no placements.");
        ui.hint(&format!(
            "`{} create placement NAME{}` makes one",
            program(),
            same_cluster(global)
        ));
    } else if let Some(one) = found.iter().find(|placement| !satisfied(placement)) {
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

fn unknown(name: &str, known: &[DynamicObject]) -> CommandError {
    let names: Vec<String> = known.iter().map(ResourceExt::name_any).collect();
    let similar = nearest(name, names.iter().map(String::as_str));
    CommandError::user(format!("there is no placement {name:?}"))
        .hint_if(similar.map(|similar| format!("did you mean {similar:?}?")))
        .hint(format!("`{} get placements` lists them", program()))
}

async fn explain(hub: &Connection, found: &[DynamicObject], ui: &Ui) -> Result<(), CommandError> {
    let mut world = placement::world(hub).await?;
    for (number, object) in found.iter().enumerate() {
        let read = placement::read(object)?;
        let key = read.key.clone();
        world.set_placement(&read);
        let Some(explanation) = world.explain(&key, Timestamp::now()) else {
            continue;
        };
        if number > 0 {
            ui.result_line("")?;
        }
        ui.result_line(&format!("placement {key}"))?;
        for line in placement::summary(&explanation) {
            ui.result_line(&line)?;
        }
        let none = "none".to_owned();
        let sets = Some(explanation.sets.join(", ")).filter(|sets| !sets.is_empty());
        ui.result_line(&format!("sets: {}", sets.unwrap_or(none)))?;
        ui.result(&placement::explained(&explanation).render())?;
    }
    Ok(())
}

/// Placement and cluster of every decision, in order.
async fn decisions(
    hub: &Connection,
    namespace: Option<&str>,
) -> Result<Vec<(Key, String)>, CommandError> {
    let resource = resources::placement_decision();
    let api = match namespace {
        Some(namespace) => resources::within(&hub.client, &resource, namespace),
        None => resources::all(&hub.client, &resource),
    };
    let found = hub
        .call(api.list(&ListParams::default()))
        .await
        .doing("list decisions")?;
    let mut all = Vec::new();
    for decision in &found.items {
        let Some(placement) = decision.labels().get(LABEL_PLACEMENT) else {
            continue;
        };
        let key = Key::new(decision.namespace().unwrap_or_default(), placement);
        let clusters = decision
            .data
            .pointer("/status/decisions")
            .and_then(Value::as_array);
        all.extend(clusters.into_iter().flatten().filter_map(|one| {
            let cluster = one.get("clusterName")?.as_str()?;
            Some((key.clone(), cluster.to_owned()))
        }));
    }
    all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    Ok(all)
}

/// How many clusters a line names, unless it is to be wide.
const NAMED: usize = 4;

fn table(placements: &[DynamicObject], decisions: &[(Key, String)], wide: bool) -> Table {
    let mut headers = vec![
        "namespace",
        "name",
        "satisfied",
        "reason",
        "selected",
        "clusters",
    ];
    if wide {
        headers.push("message");
    }
    let mut table = Table::new(&headers);
    for placement in placements {
        let key = Key::new(
            placement.namespace().unwrap_or_default(),
            placement.name_any(),
        );
        let clusters: Vec<&str> = decisions
            .iter()
            .filter(|(of, _)| *of == key)
            .map(|(_, cluster)| cluster.as_str())
            .collect();
        let shown = match clusters.len().checked_sub(NAMED) {
            Some(more) if more > 0 && !wide => {
                format!("{} and {more} more", clusters[..NAMED].join(","))
            }
            _ => clusters.join(","),
        };
        let condition = resources::find_condition(&placement.data, "PlacementSatisfied");
        let text = |field: &str| {
            let text = condition.and_then(|condition| condition.get(field)?.as_str());
            text.unwrap_or_default().to_owned()
        };
        let selected = placement.data.pointer("/status/numberOfSelectedClusters");
        let misconfigured = resources::find_condition(&placement.data, "PlacementMisconfigured")
            .filter(|_| resources::condition(&placement.data, "PlacementMisconfigured") == "True");
        let reason = match misconfigured {
            Some(_) => "Misconfigured".to_owned(),
            None => text("reason"),
        };
        let mut row = vec![
            key.namespace,
            key.name,
            text("status"),
            reason,
            selected.map_or_else(String::new, Value::to_string),
            shown,
        ];
        if wide {
            let message = misconfigured
                .and_then(|condition| condition.get("message")?.as_str())
                .map_or_else(|| text("message"), str::to_owned);
            row.push(message);
        }
        table.row(row);
    }
    table
}
