//! `create work --replicaset`: a ManifestWorkReplicaSet, which makes a work for
//! every cluster that its placement chooses.

use kube::api::{Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::{Args, chosen, diff, parse_pair};
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::{Doing, server_error, wait_error};
use crate::cmd::{deadline, program, resources, same_cluster};
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
            for line in diff::manifests(&before, &after).lines() {
                ui.status(line);
            }
            if !args.overwrite {
                ui.result_line(&format!("{where_it_is} already exists"))?;
                return Err(CommandError::user(format!(
                    "{where_it_is} exists with other content, nothing was changed"
                ))
                .hint("pass --overwrite to change it"));
            }
            let doing = format!("update {where_it_is}");
            let params = PatchParams {
                dry_run: global.dry_run,
                ..PatchParams::default()
            };
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
            let params = PostParams {
                dry_run: global.dry_run,
                ..PostParams::default()
            };
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
        follow(args, hub, &namespace, global, ui).await?;
    }
    ui.hint(&format!(
        "to see where it went: `{} get works{}`",
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
        None => Err(CommandError::user(format!(
            "there is no placement {namespace}/{name}"
        ))),
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
    namespace: &str,
    global: &GlobalArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let name = args.name.as_str();
    let api = resources::within(&hub.client, &resources::replica_set(), namespace);
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
    ready.map_err(|error| {
        wait_error(error, hub, &format!("replica set {name}")).hint(
            "the hub follows replica sets only with its gate: \
             `init --feature-gates=ManifestWorkReplicaSet=true`",
        )
    })?;
    let clusters = chosen(args.placement.as_deref().unwrap_or_default(), hub).await?;
    step.done_with(format!("available in {}", clusters.join(", ")));
    Ok(())
}

/// Whether the set's works are everywhere and available.
fn readiness(set: &DynamicObject) -> State<()> {
    let find = |kind: &str| resources::find_condition(&set.data, kind);
    let (Some(verified), Some(applied)) = (find("PlacementVerified"), find("ManifestworkApplied"))
    else {
        return State::Waiting("the hub has not looked at it yet".to_owned());
    };
    if verified["status"] != "True" {
        let reason = verified["reason"].as_str().unwrap_or_default();
        let message = verified["message"].as_str().unwrap_or_default();
        return State::Waiting(match (reason, message) {
            ("PlacementDecisionEmpty", _) => "the placement has chosen no clusters".to_owned(),
            (reason, "") => reason.to_owned(),
            (_, message) => message.to_owned(),
        });
    }
    let summary = &set.data["status"]["summary"];
    let number = |key: &str| summary[key].as_i64().unwrap_or_default();
    if applied["status"] == "True" && number("total") > 0 {
        return State::Met(());
    }
    let mut text = format!("{} of {} available", number("available"), number("total"));
    if number("degraded") > 0 {
        text.push_str(&format!(", {} degraded", number("degraded")));
    }
    if let Some(message) = applied["message"].as_str().filter(|m| !m.is_empty()) {
        text.push_str(&format!("; {message}"));
    }
    State::Waiting(text)
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

    fn waiting(status: Value) -> String {
        match readiness(&set(status)) {
            State::Waiting(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_set_says_in_plain_words_what_it_waits_for() {
        let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "reason": reason, "message": message});
        let fine = condition("PlacementVerified", "True", "AsExpected", "");
        assert_eq!(waiting(json!({})), "the hub has not looked at it yet");
        let empty = condition("PlacementVerified", "False", "PlacementDecisionEmpty", "");
        let applied = |status: &str, message: &str| {
            condition("ManifestworkApplied", status, "NotAsExpected", message)
        };
        assert_eq!(
            waiting(json!({"conditions": [empty, applied("False", "")]})),
            "the placement has chosen no clusters"
        );
        let summary = json!({"total": 3, "available": 1, "degraded": 1});
        assert_eq!(
            waiting(
                json!({"conditions": [fine, applied("False", "cannot create")], "summary": summary})
            ),
            "1 of 3 available, 1 degraded; cannot create"
        );
        let done = set(json!({"conditions": [fine, applied("True", "")], "summary": {"total": 1}}));
        assert_eq!(readiness(&done), State::Met(()));
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
