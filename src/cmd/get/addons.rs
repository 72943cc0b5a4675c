//! `ocmadm get addons`: which add-ons run where.

use kube::ResourceExt;
use kube::core::DynamicObject;

use super::list::{ListArgs, View, only_named, text};
use crate::cmd::args::{GlobalArgs, OfClustersArgs};
use crate::cmd::{connect, program, resources};
use crate::error::CommandError;
use crate::ui::Ui;

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
        return args.list.follow(&hub, apis, &view(), keep, ui).await;
    }
    let mut found = args.list.list(&hub, apis, "add-ons").await?;
    only_named(&mut found, &args.names, "add-on", "addons")?;
    let single = found.len() == 1 && args.names.len() == 1;
    args.list.print(ui, &view(), &found, single)?;
    if found.is_empty() && !args.list.output.is_structured() {
        ui.status("No add-on is enabled on any of these clusters.");
        ui.hint(&format!(
            "to enable one: `{} addon enable --names NAME --clusters CLUSTER`",
            program()
        ));
    }
    Ok(())
}

fn view() -> View<'static> {
    View {
        resource: resources::managed_cluster_addon(),
        what: "add-ons",
        headers: &["name", "cluster", "available", "degraded", "progressing"],
        wide: &["namespace", "age", "message"],
        row: Box::new(|addon, now| {
            let condition = |kind: &str| resources::condition(&addon.data, kind).to_owned();
            (
                vec![
                    addon.name_any(),
                    addon.namespace().unwrap_or_default(),
                    condition("Available"),
                    condition("Degraded"),
                    condition("Progressing"),
                ],
                vec![
                    text(addon, "/spec/installNamespace"),
                    resources::age(addon, now),
                    trouble(addon),
                ],
            )
        }),
    }
}

/// Why it is not available.
fn trouble(addon: &DynamicObject) -> String {
    [
        ("Available", "False"),
        ("Degraded", "True"),
        ("ManifestApplied", "False"),
        ("RegistrationApplied", "False"),
        ("Available", "Unknown"),
    ]
    .iter()
    .filter_map(|(kind, bad)| {
        resources::find_condition(&addon.data, kind).filter(|found| found["status"] == *bad)
    })
    .find_map(|condition| condition["message"].as_str())
    .unwrap_or_default()
    .to_owned()
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
        assert_eq!(trouble(&addon), "no lease");
        assert!(
            view()
                .table(&[addon], false)
                .render()
                .contains("a      c1        False")
        );
    }
}
