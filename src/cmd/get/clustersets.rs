//! `ocmadm get clustersets`.

use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use super::list::{ListArgs, View, only_named, text};
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::{connect, resources};
use crate::error::CommandError;
use crate::ui::Ui;

/// Arguments of `ocmadm get clustersets`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Only these cluster sets
    #[arg(value_name = "NAME", add = crate::cmd::completion::sets())]
    names: Vec<String>,

    #[command(flatten)]
    list: ListArgs,
}

/// Runs the command.
///
/// # Errors
/// No hub there, no permission, or an unknown name.
pub async fn run(args: &Args, global: &GlobalArgs, ui: &Ui) -> Result<(), CommandError> {
    let hub = connect(global).await?;
    let sets = resources::all(&hub.client, &resources::cluster_set());
    let bound = async {
        if args.list.output.is_structured() {
            return Ok(Vec::new());
        }
        let api = resources::all(&hub.client, &resources::cluster_set_binding());
        let found = hub.call(api.list(&ListParams::default())).await;
        Ok(found.doing("list the bindings of cluster sets")?.items)
    };
    if args.list.watch {
        let view = view(bound.await?);
        let keep =
            |set: &DynamicObject| args.names.is_empty() || args.names.contains(&set.name_any());
        return args.list.follow(&hub, vec![sets], &view, keep, ui).await;
    }
    let (mut found, bindings) =
        futures::future::try_join(args.list.list(&hub, vec![sets], "cluster sets"), bound).await?;
    only_named(&mut found, &args.names, "cluster set", "clustersets")?;
    args.list
        .print(ui, &view(bindings), &found, args.names.len() == 1)
}

fn view(bindings: Vec<DynamicObject>) -> View<'static> {
    View {
        resource: resources::cluster_set(),
        what: "cluster sets",
        headers: &["name", "bound namespaces", "status", "managed namespaces"],
        wide: &["selector", "age"],
        row: Box::new(move |set, now| {
            let name = set.name_any();
            let mut namespaces: Vec<String> = bindings
                .iter()
                .filter(|binding| text(binding, "/spec/clusterSet") == name)
                .filter_map(ResourceExt::namespace)
                .collect();
            namespaces.sort();
            let managed: Vec<&str> = set
                .data
                .pointer("/spec/managedNamespaces")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|namespace| namespace["name"].as_str())
                .collect();
            let status = resources::find_condition(&set.data, "ClusterSetEmpty")
                .and_then(|condition| condition["message"].as_str())
                .unwrap_or_default();
            let selector = crate::cmd::args::choose::selector_in(&set.data, &name);
            (
                vec![
                    name,
                    namespaces.join(","),
                    status.to_owned(),
                    managed.join(","),
                ],
                vec![
                    selector.unwrap_or_else(|| "<all>".to_owned()),
                    resources::age(set, now),
                ],
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_set_with_its_namespaces() {
        let object = |value: Value| -> DynamicObject { serde_json::from_value(value).unwrap() };
        let set = object(json!({
            "metadata": {"name": "eu"},
            "spec": {"managedNamespaces": [{"name": "a"}, {"name": "b"}]},
            "status": {"conditions": [{"type": "ClusterSetEmpty", "status": "False", "message": "2 ManagedClusters selected"}]},
        }));
        let binding = object(json!({
            "metadata": {"name": "eu", "namespace": "default"}, "spec": {"clusterSet": "eu"},
        }));
        assert_eq!(
            view(vec![binding]).table(&[set], false).render(),
            "NAME   BOUND NAMESPACES   STATUS                       MANAGED NAMESPACES\n\
             eu     default            2 ManagedClusters selected   a,b\n"
        );
    }
}
