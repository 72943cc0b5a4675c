//! `ocmadm get addons`: which add-ons run where.

use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use super::list::{ListArgs, View, only_named, text};
use crate::cmd::args::{GlobalArgs, OfClustersArgs};
use crate::cmd::explain::Doing;
use crate::cmd::{connect, offers, program, resources, same_cluster};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ocm::names;
use crate::ui::Ui;
use crate::ui::tree::Node;

/// Arguments of `ocmadm get addons`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these add-ons
    #[arg(value_name = "NAME", add = crate::cmd::completion::addons())]
    names: Vec<String>,

    #[command(flatten)]
    clusters: OfClustersArgs,

    #[command(flatten)]
    list: ListArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, an unknown cluster or add-on.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let resource = resources::managed_cluster_addon();
    let choice = args.clusters.choice();
    let apis = if choice.is_empty() {
        vec![resources::all(&hub.client, &resource)]
    } else {
        let chosen = choice.find(&hub).await?;
        chosen
            .names
            .iter()
            .map(|cluster| resources::within(&hub.client, &resource, cluster))
            .collect()
    };
    if args.list.watch {
        let keep =
            |addon: &DynamicObject| args.names.is_empty() || args.names.contains(&addon.name_any());
        return args
            .list
            .follow(&hub, apis, &view(Works::new()), keep, ui)
            .await;
    }
    let (found, offers) = futures::future::join(
        args.list.list(&hub, apis, "add-ons"),
        offers::named(&hub, &args.names),
    )
    .await;
    let mut found = found?;
    // An add-on that the hub offers is none that does not exist.
    let offered = |name: &&String| !offers.iter().any(|offer| offer.name_any() == **name);
    let unknown: Vec<String> = args.names.iter().filter(offered).cloned().collect();
    only_named(&mut found.clone(), &unknown, "add-on", "addons")?;
    if !args.names.is_empty() {
        found.retain(|addon| args.names.contains(&addon.name_any()));
    }
    let single = found.len() == 1 && args.names.len() == 1;
    let works = match args.list.tree() {
        true => works(&hub).await?,
        false => Works::new(),
    };
    args.list.print(ui, &view(works), &found, single)?;
    if args.list.output.is_structured() || args.list.tree() {
        return Ok(());
    }
    let lines: Vec<String> = offers.iter().flat_map(offers::lines).collect();
    if !lines.is_empty() {
        ui.result("\n")?;
    }
    for line in lines {
        ui.result_line(&line)?;
    }
    if found.is_empty() {
        let cluster = same_cluster(global);
        ui.status("No add-on is enabled on any of these clusters.");
        match offers.iter().flat_map(offers::placements).next() {
            Some((namespace, name)) => ui.hint(&format!(
                "to see what the placement chooses: `{} get placements {name} --namespace {namespace} --explain{cluster}`",
                program()
            )),
            None => ui.hint(&format!(
                "to enable one: `{} addon enable --names NAME --clusters CLUSTER{cluster}`",
                program()
            )),
        }
    }
    Ok(())
}

/// The works of add-ons, by cluster and add-on.
type Works = BTreeMap<(String, String), Vec<String>>;

/// One list of names only; a tree shows them.
async fn works(hub: &Connection) -> Result<Works, CommandError> {
    let api = resources::all(&hub.client, &resources::manifest_work());
    let params = ListParams::default().labels(names::LABEL_ADDON_NAME);
    let found = hub.call(api.list_metadata(&params)).await;
    let mut works = Works::new();
    for work in found.doing("list the works of add-ons")? {
        let addon = work.labels().get(names::LABEL_ADDON_NAME).cloned();
        let key = (
            work.namespace().unwrap_or_default(),
            addon.unwrap_or_default(),
        );
        works.entry(key).or_default().push(work.name_any());
    }
    Ok(works)
}

/// Add-ons, below each its clusters, with the keys of clusteradm's.
fn tree(addons: &[DynamicObject], works: &Works) -> Node {
    let mut by_name: BTreeMap<String, Vec<&DynamicObject>> = BTreeMap::new();
    for addon in addons {
        by_name.entry(addon.name_any()).or_default().push(addon);
    }
    let branch = |addon: &DynamicObject| {
        let cluster = addon.namespace().unwrap_or_default();
        let met = |kind: &str| {
            let word = match resources::condition(&addon.data, kind) {
                "True" => "true",
                "False" => "false",
                _ => "unknown",
            };
            Node::pair(kind, &format!("{kind} -> {word}"))
        };
        let conditions = ["Available", "ManifestApplied", "RegistrationApplied"];
        let its = works.get(&(cluster.clone(), addon.name_any()));
        let its = its.map_or(&[][..], Vec::as_slice);
        Node::pair(&cluster, "").over([
            Node::pair("Status", "").over(conditions.map(met)),
            Node::pair("ManifestWork", &its.join(",")),
        ])
    };
    Node::pair("ManagedClusterAddOn", "").over(
        by_name
            .into_iter()
            .map(|(name, addons)| Node::pair(&name, "").over(addons.into_iter().map(branch))),
    )
}

fn view(works: Works) -> View<'static> {
    View {
        resource: resources::managed_cluster_addon(),
        what: "add-ons",
        headers: &[
            "name",
            "cluster",
            "available",
            "degraded",
            "progressing",
            "reason",
        ],
        wide: &["namespace", "age", "message"],
        row: Box::new(|addon, now| {
            let condition = |kind: &str| resources::condition(&addon.data, kind).to_owned();
            let (reason, message) = trouble(addon);
            let namespace = match text(addon, "/status/namespace") {
                namespace if namespace.is_empty() => text(addon, "/spec/installNamespace"),
                namespace => namespace,
            };
            (
                vec![
                    addon.name_any(),
                    addon.namespace().unwrap_or_default(),
                    condition("Available"),
                    condition("Degraded"),
                    condition("Progressing"),
                    reason,
                ],
                vec![namespace, resources::age(addon, now), message],
            )
        }),
        tree: Box::new(move |addons| tree(addons, &works)),
    }
}

/// Why it is not as it should be: a reason, and all there is to say about it.
/// What is the cause of the rest comes first.
pub(crate) fn trouble(addon: &DynamicObject) -> (String, String) {
    let deleting = addon.metadata.deletion_timestamp.is_some();
    let is_bad = |kind: &str, condition: &Value| match kind {
        "Progressing" => condition["status"] == "False" && condition["reason"] != "Completed",
        "Degraded" => condition["status"] == "True",
        "Available" => condition["status"] != "True",
        // They are done when it goes, and not before.
        "HookManifestCompleted" => deleting && condition["status"] == "False",
        _ => condition["status"] == "False",
    };
    let bad: Vec<&Value> = [
        "HookManifestCompleted",
        "Progressing",
        "ManifestApplied",
        "RegistrationApplied",
        "TokenInfrastructureReady",
        "ClusterCertificateRotated",
        "Configured",
        "Degraded",
        "Available",
    ]
    .iter()
    .filter_map(|kind| {
        resources::find_condition(&addon.data, kind).filter(|found| is_bad(kind, found))
    })
    .collect();
    let mut reasons = bad.iter().filter_map(|found| found["reason"].as_str());
    let reason = match reasons.next() {
        _ if deleting => "Terminating",
        Some(reason) => reason,
        None => resources::find_condition(&addon.data, "Progressing")
            .and_then(|found| found["reason"].as_str())
            .unwrap_or_default(),
    };
    let mut messages: Vec<&str> = Vec::new();
    for message in bad.iter().filter_map(|found| found["message"].as_str()) {
        if !message.is_empty() && !messages.contains(&message) {
            messages.push(message);
        }
    }
    (reason.to_owned(), messages.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_addon_says_why_it_is_not_available() {
        let addon: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "a", "namespace": "c1"}, "spec": {"installNamespace": "ns"},
            "status": {"conditions": [
                {"type": "ManifestApplied", "status": "True", "message": "applied"},
                {"type": "Available", "status": "False", "message": "no lease"},
            ]},
        }))
        .unwrap();
        assert_eq!(trouble(&addon).1, "no lease");
        assert!(
            view(Works::new())
                .table(std::slice::from_ref(&addon), false)
                .render()
                .contains("a      c1        False")
        );
        let works = Works::from([(
            ("c1".to_owned(), "a".to_owned()),
            vec!["addon-a-0".to_owned()],
        )]);
        assert_eq!(
            (view(works).tree)(&[addon]).render(),
            "<ManagedClusterAddOn>\n\
             └── <a>\n\
             \u{20}   └── <c1>\n\
             \u{20}       ├── <Status>\n\
             \u{20}       │   ├── <Available> Available -> false\n\
             \u{20}       │   ├── <ManifestApplied> ManifestApplied -> true\n\
             \u{20}       │   └── <RegistrationApplied> RegistrationApplied -> unknown\n\
             \u{20}       └── <ManifestWork> addon-a-0\n"
        );
    }

    #[test]
    fn the_cause_comes_first_and_what_goes_says_what_it_waits_for() {
        let addon = |deleted: Value, conditions: Value| -> DynamicObject {
            serde_json::from_value(json!({
                "metadata": {"name": "a", "namespace": "c1", "deletionTimestamp": deleted},
                "spec": {}, "status": {"conditions": conditions},
            }))
            .unwrap()
        };
        let condition = |kind: &str, status: &str, reason: &str, message: &str| json!({"type": kind, "status": status, "reason": reason, "message": message});
        let done = condition("Progressing", "False", "Completed", "completed");
        let well = [
            condition("Available", "True", "ProbeAvailable", "well"),
            done.clone(),
        ];
        let said = trouble(&addon(Value::Null, json!(well)));
        assert_eq!(said, ("Completed".into(), String::new()));
        let hook = condition(
            "HookManifestCompleted",
            "False",
            "HookManifestIsNotCompleted",
            "hooks have not completed",
        );
        let bad = [
            condition("Available", "Unknown", "WorkNotFound", "no work"),
            condition(
                "Progressing",
                "False",
                "ConfigurationUnsupported",
                "unsupported",
            ),
            hook,
        ];
        assert_eq!(
            trouble(&addon(Value::Null, json!(bad))),
            (
                "ConfigurationUnsupported".into(),
                "unsupported; no work".into()
            )
        );
        assert_eq!(
            trouble(&addon("2026-01-01T00:00:00Z".into(), json!(bad))),
            (
                "Terminating".into(),
                "hooks have not completed; unsupported; no work".into()
            )
        );
    }
}
