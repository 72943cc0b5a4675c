//! `ocmadm describe work`: a work on each of its clusters, with every resource,
//! what was reported of it, and what happened.

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::core::DynamicObject;
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::view::{self, Fields};
use crate::cmd::args::{GlobalArgs, OfClustersArgs};
use crate::cmd::explain::Doing;
use crate::cmd::get::works::{feedback, manifests, resources_table};
use crate::cmd::{CONCURRENCY, connect, program, resources};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ocm::names;
use crate::ui::{Table, Ui};

/// Arguments of `ocmadm describe work`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The work's name
    #[arg(value_name = "NAME", add = crate::cmd::completion::works())]
    name: String,

    #[command(flatten)]
    clusters: OfClustersArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, an unknown cluster or work.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let resource = resources::manifest_work();
    let choice = args.clusters.choice();
    let mut works: Vec<DynamicObject> = Vec::new();
    let place;
    if choice.is_empty() {
        let api = resources::all(&hub.client, &resource);
        let named = format!("metadata.name={}", args.name);
        let params = ListParams::default().fields(&named);
        works = hub.list_all(&api, &params).await.doing("list works")?;
        works.sort_by_key(ResourceExt::namespace);
        place = "any cluster".to_owned();
    } else {
        let clusters = choice.find(&hub).await?.names;
        for cluster in &clusters {
            let api = resources::within(&hub.client, &resource, cluster);
            let found = hub.call_opt(api.get(&args.name)).await;
            works.extend(found.doing("read the work")?);
        }
        place = clusters.join(", ");
    }
    if works.is_empty() {
        return Err(
            CommandError::user(format!("there is no work {:?} in {place}", args.name))
                .hint(format!("`{} get works` lists them all", program())),
        );
    }
    let described: Vec<String> = futures::stream::iter(&works)
        .map(|work| {
            let hub = &hub;
            async move {
                let events = events(hub, work).await;
                text(work, events.as_deref(), Timestamp::now())
            }
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    ui.result_line(&described.join("\n\n"))?;
    Ok(())
}

async fn events(hub: &Connection, work: &DynamicObject) -> Result<Vec<Event>, String> {
    let namespace = work.namespace().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(hub.client.clone(), &namespace);
    let about = format!("involvedObject.name={}", work.name_any());
    let params = ListParams::default().fields(&about);
    let found = hub.call(api.list(&params)).await;
    found
        .map(|list| list.items)
        .map_err(|error| error.to_string())
}

/// The whole view, without a line break at its end.
fn text(work: &DynamicObject, events: Result<&[Event], &String>, now: Timestamp) -> String {
    let data = &work.data;
    let at = |pointer: &str| {
        let value = data.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let mut out = Fields::default();
    out.field("Name", work.name_any());
    out.field("Cluster", work.namespace().unwrap_or_default());
    let label = |key: &str| work.labels().get(key).cloned().unwrap_or_default();
    let set = label(names::LABEL_MANIFEST_WORK_REPLICA_SET);
    if !set.is_empty() {
        out.field("Replica set", set.replacen('.', "/", 1));
        out.field("Placement", label(names::LABEL_PLACEMENT_NAME));
    }
    out.field("Age", resources::age(work, now));
    if work.metadata.deletion_timestamp.is_some() {
        let held = work.finalizers().join(", ");
        out.field("Being deleted", format!("held by {held}"));
    }
    out.field("Executor", at("/spec/executor/subject/serviceAccount/name"));
    out.field("On deletion", at("/spec/deleteOption/propagationPolicy"));
    out.field("Manifests", manifests(work).len().to_string());
    out.listed("Labels", view::pairs(work.labels()));
    out.listed("Annotations", view::pairs(work.annotations()));
    let configured = data.pointer("/spec/manifestConfigs");
    let configured = configured.and_then(Value::as_array).into_iter().flatten();
    out.listed(
        "Updated",
        configured.filter_map(|config| {
            let of = |key: &str| config["resourceIdentifier"][key].as_str();
            let how = config.pointer("/updateStrategy/type")?.as_str()?;
            Some(format!(
                "{} {}: {how}",
                of("resource").unwrap_or_default(),
                of("name").unwrap_or_default()
            ))
        }),
    );
    out.section("Conditions", Ok(view::conditions(data, now)));
    let table = resources_table(std::slice::from_ref(work), false);
    out.section("Resources", Ok(table));
    let mut values = Table::new(&["resource", "value"]);
    for line in feedback(std::slice::from_ref(work)) {
        // `CLUSTER KIND/NAME: FIELD = VALUE`
        let line = line.split_once(' ').map_or("", |(_, rest)| rest);
        if let Some((of, value)) = line.split_once(": ") {
            values.row([of.to_owned(), value.to_owned()]);
        }
    }
    if !values.is_empty() {
        out.section("Feedback", Ok(values));
    }
    let table = events.map(|all| view::events(all, now));
    out.section("Events", table.map_err(String::as_str));
    out.text()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_work_shows_whose_it_is_and_what_became_of_it() {
        let work: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "w", "namespace": "c1", "labels": {
                "work.open-cluster-management.io/manifestworkreplicaset": "n.s.x",
                "work.open-cluster-management.io/placementname": "p"}},
            "spec": {"deleteOption": {"propagationPolicy": "Orphan"}, "workload": {"manifests": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "d"}}]},
                "manifestConfigs": [{"resourceIdentifier": {"resource": "configmaps", "name": "m"},
                    "updateStrategy": {"type": "CreateOnly"}}]},
            "status": {"conditions": [{"type": "Applied", "status": "False", "reason": "No",
                "message": "not allowed"}], "resourceStatus": {"manifests": [{
                "resourceMeta": {"ordinal": 0, "kind": "ConfigMap", "name": "m", "namespace": "d"},
                "conditions": [{"type": "Applied", "status": "False", "message": "forbidden"}],
                "statusFeedback": {"values": [{"name": "size", "fieldValue": {"type": "Integer", "integer": 3}}]}}]}},
        }))
        .unwrap();
        let shown = text(&work, Err(&"no".to_owned()), Timestamp::now());
        for part in [
            "Name:            w\nCluster:         c1\nReplica set:     n/s.x\nPlacement:       p\n",
            "On deletion:     Orphan\n",
            "Updated:         configmaps m: CreateOnly\n",
            "Applied   False    No",
            "forbidden",
            "ConfigMap/m   size = 3",
            "Events:          cannot be read: no",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
