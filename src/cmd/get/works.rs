//! `ocmadm get works`: works, and what happened to every resource of one.

use kube::ResourceExt;
use kube::core::DynamicObject;
use serde_json::Value;

use super::list::{ListArgs, View};
use super::tree;
use crate::cmd::args::{GlobalArgs, OfClustersArgs};
use crate::cmd::{connect, program, replicas, resources, works};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ui::{Table, Ui, format};

/// Arguments of `ocmadm get works`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only this work, or the works of this replica set, with their resources
    #[arg(value_name = "NAME", add = crate::cmd::completion::works())]
    name: Option<String>,

    #[command(flatten)]
    clusters: OfClustersArgs,

    #[command(flatten)]
    list: ListArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, an unknown cluster or work.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let resource = resources::manifest_work();
    let mut list = args.list.clone();
    if let Some(name) = &args.name {
        let by_name = format!("metadata.name={name}");
        list.field_selector = Some(match list.field_selector {
            Some(fields) => format!("{fields},{by_name}"),
            None => by_name,
        });
    }
    let choice = args.clusters.choice();
    let (names, apis) = if choice.is_empty() {
        (Vec::new(), vec![resources::all(&hub.client, &resource)])
    } else {
        let names = choice.find(&hub).await?.names;
        let apis = names
            .iter()
            .map(|cluster| resources::within(&hub.client, &resource, cluster))
            .collect();
        (names, apis)
    };
    if list.watch {
        return list.follow(&hub, apis, &view(), |_| true, ui).await;
    }
    let mut works = list.list(&hub, apis, "works").await?;
    if list.sort_by.is_none() {
        // Clusters in the order in which they were named.
        works.sort_by_key(|work| {
            let cluster = work.namespace().unwrap_or_default();
            names.iter().position(|name| *name == cluster)
        });
    }
    // A set's works have names of their own; they are found by its name.
    let sets = match &args.name {
        Some(name) => replicas::sets(&hub, Some(name)).await,
        None if choice.is_empty() && !list.output.is_structured() => {
            replicas::sets(&hub, None).await
        }
        None => Vec::new(),
    };
    if args.name.is_some() {
        let of_sets = of_sets(&hub, &args.list, &sets, &names).await?;
        works.extend(of_sets);
    }
    if works.is_empty()
        && sets.is_empty()
        && let Some(name) = &args.name
    {
        let place = if names.is_empty() {
            "any cluster".to_owned()
        } else {
            names.join(", ")
        };
        return Err(
            CommandError::user(format!("there is no work {name:?} in {place}"))
                .hint(format!("`{} get works` lists them all", program())),
        );
    }
    if list.tree() {
        return list.print(ui, &view(), &works, false);
    }
    let single = args.name.is_some() && names.len() == 1;
    if list.output.is_structured() && !sets.is_empty() {
        let set = resources::replica_set();
        let (sets, works) = (sets.iter(), works.iter());
        let values: Vec<Value> = sets
            .map(|object| resources::printable(object, &set))
            .chain(works.map(|object| resources::printable(object, &resource)))
            .collect();
        ui.result(&format::objects(
            list.output,
            &values,
            false,
            resources::resource_name,
        )?)?;
        return Ok(());
    }
    list.print(ui, &view(), &works, single)?;
    if list.output.is_structured() {
        return Ok(());
    }
    for (index, set) in sets.iter().enumerate() {
        if index == 0 {
            ui.result("\n")?;
        }
        ui.result_line(&replicas::line(set))?;
    }
    if works.is_empty() && sets.is_empty() {
        ui.status("There are no works.");
        ui.hint(&format!(
            "to make one: `{} create work NAME -f DIR --clusters CLUSTER`",
            program()
        ));
    }
    if args.name.is_some() {
        ui.result("\n")?;
        ui.result(&resources_table(&works, list.wide()).render())?;
        for line in feedback(&works) {
            ui.result_line(&line)?;
        }
    }
    Ok(())
}

/// The works of these sets, by cluster; in the clusters that were named, if any.
async fn of_sets(
    hub: &Connection,
    list: &ListArgs,
    sets: &[DynamicObject],
    clusters: &[String],
) -> Result<Vec<DynamicObject>, CommandError> {
    let mut works = Vec::new();
    for set in sets {
        let mut list = list.clone();
        let own = replicas::selector(set);
        list.selector = Some(match list.selector {
            Some(labels) => format!("{labels},{own}"),
            None => own,
        });
        let api = resources::all(&hub.client, &resources::manifest_work());
        works.extend(list.list(hub, vec![api], "works").await?);
    }
    let wanted = |work: &DynamicObject| {
        let cluster = work.namespace().unwrap_or_default();
        clusters.is_empty() || clusters.contains(&cluster)
    };
    works.retain(wanted);
    if list.sort_by.is_none() {
        works.sort_by_key(ResourceExt::namespace);
    }
    Ok(works)
}

/// The manifests of a work.
#[must_use]
pub fn manifests(work: &DynamicObject) -> &[Value] {
    work.data
        .pointer("/spec/workload/manifests")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn view() -> View<'static> {
    View {
        resource: resources::manifest_work(),
        what: "works",
        headers: &[
            "name",
            "cluster",
            "number of manifests",
            "applied",
            "available",
        ],
        wide: &["age", "message"],
        tree: Box::new(tree::of_works),
        row: Box::new(|work, now| {
            (
                vec![
                    work.name_any(),
                    work.namespace().unwrap_or_default(),
                    manifests(work).len().to_string(),
                    state(&work.data, "Applied", work),
                    state(&work.data, "Available", work),
                ],
                vec![resources::age(work, now), works::message(&work.data)],
            )
        }),
    }
}

/// A condition's status; `Unknown` while it speaks of an older generation.
#[must_use]
pub fn state(data: &Value, kind: &str, work: &DynamicObject) -> String {
    let Some(condition) = resources::find_condition(data, kind) else {
        return String::new();
    };
    let status = condition["status"].as_str().unwrap_or_default();
    let seen = condition["observedGeneration"].as_i64();
    match (seen, work.metadata.generation) {
        (Some(seen), Some(now)) if seen < now => "Unknown".to_owned(),
        _ => status.to_owned(),
    }
}

/// What the agent says of each manifest; those it has not spoken of yet are
/// listed too.
#[must_use]
pub fn resources_table(works: &[DynamicObject], wide: bool) -> Table {
    let mut headers = vec![
        "cluster",
        "kind",
        "namespace",
        "name",
        "applied",
        "available",
    ];
    if wide {
        headers.push("api version");
    }
    headers.push("message");
    let mut table = Table::new(&headers);
    for work in works {
        let cluster = work.namespace().unwrap_or_default();
        let empty = Vec::new();
        let reported = work
            .data
            .pointer("/status/resourceStatus/manifests")
            .and_then(Value::as_array)
            .unwrap_or(&empty);
        for (ordinal, manifest) in manifests(work).iter().enumerate() {
            let text = |pointer: &str| {
                manifest
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let status = reported.iter().find(|status| {
                let meta = &status["resourceMeta"];
                meta["ordinal"].as_u64() == Some(ordinal as u64)
                    && meta["kind"].as_str().unwrap_or_default() == text("/kind")
                    && meta["name"].as_str().unwrap_or_default() == text("/metadata/name")
            });
            let of = |kind: &str| {
                status.map_or_else(
                    || "Unknown".to_owned(),
                    |status| resources::condition(status, kind).to_owned(),
                )
            };
            let mut row = vec![
                cluster.clone(),
                text("/kind"),
                text("/metadata/namespace"),
                text("/metadata/name"),
                of("Applied"),
                of("Available"),
            ];
            if wide {
                row.push(text("/apiVersion"));
            }
            row.push(status.map_or_else(
                || "not reported by the agent yet".to_owned(),
                works::of_manifest,
            ));
            table.row(row);
        }
    }
    table
}

/// Values and conditions that the agent was asked to report, a line each.
#[must_use]
pub fn feedback(works: &[DynamicObject]) -> Vec<String> {
    let mut lines = Vec::new();
    for work in works {
        let reported = work
            .data
            .pointer("/status/resourceStatus/manifests")
            .and_then(Value::as_array);
        for status in reported.into_iter().flatten() {
            let values = status.pointer("/statusFeedback/values");
            for value in values.and_then(Value::as_array).into_iter().flatten() {
                let shown = field_value(value);
                lines.push(format!(
                    "{} {}/{}: {} = {shown}",
                    work.namespace().unwrap_or_default(),
                    status["resourceMeta"]["kind"].as_str().unwrap_or_default(),
                    status["resourceMeta"]["name"].as_str().unwrap_or_default(),
                    value["name"].as_str().unwrap_or_default(),
                ));
            }
        }
    }
    for work in works {
        lines.extend(works::rule_conditions(
            work,
            &work.namespace().unwrap_or_default(),
        ));
    }
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}

/// A value of a resource's status, as text.
pub(super) fn field_value(value: &Value) -> String {
    value["fieldValue"]
        .as_object()
        .and_then(|fields| fields.iter().find(|(key, _)| *key != "type"))
        .map(|(_, value)| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn work() -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {"name": "w", "namespace": "cluster1", "generation": 2},
            "spec": {"workload": {"manifests": [
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa", "namespace": "default"}},
                {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "nginx", "namespace": "default"}},
            ]}},
            "status": {
                "conditions": [
                    {"type": "Applied", "status": "True", "observedGeneration": 2},
                    {"type": "Available", "status": "True", "observedGeneration": 1},
                ],
                "resourceStatus": {"manifests": [{
                    "resourceMeta": {"ordinal": 0, "kind": "ServiceAccount", "name": "sa"},
                    "conditions": [
                        {"type": "Applied", "status": "False", "message": "no permission"},
                        {"type": "Available", "status": "False", "message": "absent"},
                    ],
                    "statusFeedback": {"values": [{"name": "ready", "fieldValue": {"type": "Integer", "integer": 3}}]},
                }]},
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_condition_of_an_older_generation_is_unknown() {
        assert_eq!(
            view().table(&[work()], false).render(),
            "NAME   CLUSTER    NUMBER OF MANIFESTS   APPLIED   AVAILABLE\n\
             w      cluster1   2                     True      Unknown\n"
        );
    }

    #[test]
    fn every_manifest_has_a_line_reported_or_not() {
        assert_eq!(
            resources_table(&[work()], false).render(),
            "CLUSTER    KIND             NAMESPACE   NAME    APPLIED   AVAILABLE   MESSAGE\n\
             cluster1   ServiceAccount   default     sa      False     False       no permission\n\
             cluster1   Deployment       default     nginx   Unknown   Unknown     not reported by the agent yet\n"
        );
    }

    #[test]
    fn feedback_is_a_line_per_value() {
        assert_eq!(
            feedback(&[work()]),
            ["", "cluster1 ServiceAccount/sa: ready = 3"]
        );
    }
}
