//! `create work --replicaset`: a ManifestWorkReplicaSet, which makes a work for
//! every cluster that its placement chooses.

use kube::ResourceExt;
use kube::api::{ListParams, Patch};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::{Args, parse_pair};
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::{Doing, server_error, wait_error};
use crate::cmd::{deadline, diff, program, replicas, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::k8s::wait::{self, State};
use crate::ui::{Ui, format};

/// The set as it is to be; what `plan` makes of works, as a template.
fn body(name: &str, namespace: &str, placement: &str, work: &Value) -> Value {
    json!({
        "apiVersion": "work.open-cluster-management.io/v1alpha1",
        "kind": "ManifestWorkReplicaSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "placementRefs": [{"name": placement}],
            "manifestWorkTemplate": work["spec"],
        },
    })
}

/// Makes or changes the set, and waits for its works where that is asked for.
///
/// # Errors
/// No placement, one that does not exist, a set that exists and differs, no
/// permission.
pub(super) async fn run(
    args: &Args,
    hub: &Connection,
    work: &Value,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let name = args.name.as_str();
    let placement = args.placement.as_deref().unwrap_or_default();
    let (namespace, placement_name) = parse_pair(placement).map_err(|_| {
        CommandError::usage(format!(
            "the name of the placement {placement} must be in the format of <namespace>/<name>"
        ))
    })?;
    require_placement(hub, &namespace, &placement_name).await?;
    let resource = resources::replica_set();
    let api = resources::within(&hub.client, &resource, &namespace);
    let wanted = body(name, &namespace, &placement_name, work);
    let found = hub
        .call_opt(api.get(name))
        .await
        .doing(&format!("read manifestworkreplicaset {name}"))?;
    let where_it_is = format!("manifestworkreplicaset {name} in namespace {namespace}");
    let (line, done) = match found {
        Some(live) if same(&live, &wanted) => (format!("{where_it_is} unchanged"), live),
        Some(live) => {
            let manifests = |value: Option<&Value>| -> Vec<Value> {
                let list = value.and_then(Value::as_array);
                list.cloned().unwrap_or_default()
            };
            let pointer = "/spec/manifestWorkTemplate/workload/manifests";
            let (before, after) = (
                manifests(live.data.pointer(pointer)),
                manifests(wanted.pointer(pointer)),
            );
            diff::print(&diff::manifests(&before, &after), ui);
            if !args.overwrite {
                ui.result_line(&format!("{where_it_is} already exists"))?;
                return Err(CommandError::user(format!(
                    "{where_it_is} exists with other content, nothing was changed"
                ))
                .hint("pass --overwrite to change it"));
            }
            args.confirm
                .ask(global, ui, &format!("Change {where_it_is}?"))?;
            let doing = format!("update {where_it_is}");
            let params = resources::patching(global.dry_run);
            let patch = Patch::Merge(json!({"spec": wanted["spec"]}));
            let sent = hub.call(api.patch(name, &params, &patch)).await;
            let sent = sent.map_err(|error| server_error(error, &doing))?;
            (doing, sent)
        }
        None => {
            let doing = format!("create {where_it_is}");
            let object: DynamicObject = serde_json::from_value(wanted).map_err(|error| {
                CommandError::internal("a replica set could not be built").because(error)
            })?;
            let params = resources::posting(global.dry_run);
            let sent = hub.call(api.create(&params, &object)).await;
            let sent = sent.map_err(|error| server_error(error, &doing))?;
            (doing, sent)
        }
    };
    match args.output {
        Some(output) => {
            let value = resources::printable(&done, &resource);
            ui.result(&format::objects(
                output,
                &[value],
                true,
                resources::resource_name,
            )?)?;
        }
        None => ui.result_line(&line)?,
    }
    if global.dry_run {
        ui.status("Nothing was changed (dry run).");
        return Ok(());
    }
    if args.wait {
        follow(args, hub, &done, global, ui).await?;
    }
    ui.hint(&format!(
        "to see where it went: `{} get works {name}{}`",
        program(),
        same_cluster(global)
    ));
    Ok(())
}

async fn require_placement(
    hub: &Connection,
    namespace: &str,
    name: &str,
) -> Result<(), CommandError> {
    let placements = resources::within(&hub.client, &resources::placement(), namespace);
    let found = hub
        .call_opt(placements.get(name))
        .await
        .doing(&format!("read placement {namespace}/{name}"))?;
    match found {
        Some(_) => Ok(()),
        None => Err(
            CommandError::user(format!("there is no placement {namespace}/{name}"))
                .hint(format!("`{} get placements -A` lists them", program())),
        ),
    }
}

fn same(live: &DynamicObject, wanted: &Value) -> bool {
    let equal = |pointer: &str| live.data.pointer(pointer) == wanted.pointer(pointer);
    let wants = |pointer: &str| wanted.pointer(pointer).is_some();
    let executor = "/spec/manifestWorkTemplate/executor";
    equal("/spec/manifestWorkTemplate/workload/manifests")
        && (!wants(executor) || equal(executor))
        && live.data.pointer("/spec/placementRefs/0/name")
            == wanted.pointer("/spec/placementRefs/0/name")
}

/// Waits until the works are everywhere, telling where they went.
async fn follow(
    args: &Args,
    hub: &Connection,
    set: &DynamicObject,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let name = args.name.as_str();
    let namespace = set.namespace().unwrap_or_default();
    let api = resources::within(&hub.client, &resources::replica_set(), &namespace);
    let progress = ui.progress();
    let step = progress.step(format!("Replica set {name}"));
    let ready = wait::until_object(
        api,
        name,
        deadline(global.timeout),
        |set: Option<&DynamicObject>| match set {
            None => State::Failed("it was deleted".to_owned()),
            Some(set) => readiness(set),
        },
        |detail| step.waiting(detail),
    )
    .await;
    let lines = told(hub, set).await;
    if let Err(error) = ready {
        for line in &lines {
            ui.status(line);
        }
        return Err(
            wait_error(error, hub, &format!("replica set {name}")).hint_if(
                lines.is_empty().then_some(
                    "the hub follows replica sets only with its gate: \
                     `init --feature-gates=ManifestWorkReplicaSet=true`",
                ),
            ),
        );
    }
    step.done_with("available");
    for line in &lines {
        ui.status(line);
    }
    Ok(())
}

/// Whether the set's works are everywhere and available.
fn readiness(set: &DynamicObject) -> State<()> {
    replicas::readiness(set).map_or_else(State::Waiting, State::Met)
}

/// A line for every cluster that the set's works are in, by cluster.
async fn told(hub: &Connection, set: &DynamicObject) -> Vec<String> {
    let api = resources::all(&hub.client, &resources::manifest_work());
    let params = ListParams::default().labels(&replicas::selector(set));
    let Ok(works) = hub.call(api.list(&params)).await else {
        return Vec::new();
    };
    let mut lines: Vec<String> = works
        .items
        .iter()
        .map(|work| {
            let state = match crate::cmd::works::readiness(work) {
                State::Met(()) => "available".to_owned(),
                State::Waiting(missing) | State::Failed(missing) => missing,
            };
            let cluster = work.namespace().unwrap_or_default();
            format!("{cluster}: work {} {state}", work.name_any())
        })
        .collect();
    lines.sort();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(status: Value) -> DynamicObject {
        let work = json!({"spec": {"workload": {"manifests": [{"kind": "X"}]}}});
        let mut value = body("s", "n", "p", &work);
        value["status"] = status;
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_set_is_the_same_when_its_content_is() {
        let work = json!({"spec": {"workload": {"manifests": [{"kind": "X"}]}}});
        let wanted = body("s", "n", "p", &work);
        assert!(same(&set(json!({})), &wanted));
        let other = json!({"spec": {"workload": {"manifests": []}}});
        assert!(!same(&set(json!({})), &body("s", "n", "p", &other)));
        assert!(!same(&set(json!({})), &body("s", "n", "q", &work)));
    }
}
