//! `ocmadm get clustersets`.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures::{StreamExt, TryStreamExt};
use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use super::list::{ListArgs, View, only_named, text};
use crate::cmd::args::GlobalArgs;
use crate::cmd::explain::Doing;
use crate::cmd::{CONCURRENCY, connect, resources};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::ui::Ui;
use crate::ui::tree::Node;

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
            return Ok::<_, CommandError>(Vec::new());
        }
        let api = resources::all(&hub.client, &resources::cluster_set_binding());
        let found = hub.call(api.list(&ListParams::default())).await;
        Ok(found.doing("list the bindings of cluster sets")?.items)
    };
    if args.list.watch {
        let view = view(bound.await?, Members::new());
        let keep =
            |set: &DynamicObject| args.names.is_empty() || args.names.contains(&set.name_any());
        return args.list.follow(&hub, vec![sets], &view, keep, ui).await;
    }
    // Of two failures always the first is told.
    let (found, bindings) =
        futures::future::join(args.list.list(&hub, vec![sets], "cluster sets"), bound).await;
    let (mut found, bindings) = (found?, bindings?);
    only_named(&mut found, &args.names, "cluster set", "clustersets")?;
    let members = match args.list.tree() {
        true => members(&hub, &found).await?,
        false => Members::new(),
    };
    let single = args.names.len() == 1;
    args.list
        .print(ui, &view(bindings, members), &found, single)
}

/// The clusters of each set.
type Members = BTreeMap<String, Vec<String>>;

/// One list for each set, concurrently, of names only.
async fn members(hub: &Connection, sets: &[DynamicObject]) -> Result<Members, CommandError> {
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let lists = futures::stream::iter(sets).map(|set| {
        let (api, name) = (api.clone(), set.name_any());
        let mut params = ListParams::default();
        if let Some(selector) = crate::cmd::args::choose::selector_in(&set.data, &name) {
            params = params.labels(&selector);
        }
        async move {
            let found = hub.call(api.list_metadata(&params)).await;
            let found = found.doing(&format!("list the clusters of cluster set {name}"))?;
            let mut clusters: Vec<String> = found.iter().map(ResourceExt::name_any).collect();
            clusters.sort();
            Ok((name, clusters))
        }
    });
    lists.buffered(CONCURRENCY).try_collect().await
}

/// The namespaces that use a set.
fn namespaces(bindings: &[DynamicObject], set: &str) -> Vec<String> {
    let mut namespaces: Vec<String> = bindings
        .iter()
        .filter(|binding| text(binding, "/spec/clusterSet") == set)
        .filter_map(ResourceExt::namespace)
        .collect();
    namespaces.sort();
    namespaces
}

fn managed(set: &DynamicObject) -> Vec<&str> {
    set.data
        .pointer("/spec/managedNamespaces")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|namespace| namespace["name"].as_str())
        .collect()
}

fn status(set: &DynamicObject) -> &str {
    resources::find_condition(&set.data, "ClusterSetEmpty")
        .and_then(|condition| condition["message"].as_str())
        .unwrap_or_default()
}

fn view(bindings: Vec<DynamicObject>, members: Members) -> View<'static> {
    let bound = Rc::new(bindings);
    let bindings = Rc::clone(&bound);
    let tree = move |sets: &[DynamicObject]| {
        let branch = |set: &DynamicObject| {
            let name = set.name_any();
            let clusters = members.get(&name).map_or(&[][..], Vec::as_slice);
            Node::pair(&name, "").over([
                Node::pair("BoundNamespace", &namespaces(&bound, &name).join(",")),
                Node::pair("Status", status(set)),
                Node::pair("Clusters", &clusters.join(",")),
                Node::pair("ManagedNamespaces", &managed(set).join(",")),
            ])
        };
        Node::pair("ManagedClusterSet", "").over(sets.iter().map(branch))
    };
    View {
        resource: resources::cluster_set(),
        what: "cluster sets",
        headers: &["name", "bound namespaces", "status", "managed namespaces"],
        wide: &["selector", "age"],
        row: Box::new(move |set, now| {
            let name = set.name_any();
            let selector = crate::cmd::args::choose::selector_in(&set.data, &name);
            (
                vec![
                    name.clone(),
                    namespaces(&bindings, &name).join(","),
                    status(set).to_owned(),
                    managed(set).join(","),
                ],
                vec![
                    selector.unwrap_or_else(|| "<all>".to_owned()),
                    resources::age(set, now),
                ],
            )
        }),
        tree: Box::new(tree),
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
            view(vec![binding.clone()], Members::new())
                .table(std::slice::from_ref(&set), false)
                .render(),
            "NAME   BOUND NAMESPACES   STATUS                       MANAGED NAMESPACES\n\
             eu     default            2 ManagedClusters selected   a,b\n"
        );
        let members = Members::from([("eu".to_owned(), vec!["c1".to_owned(), "c2".to_owned()])]);
        assert_eq!(
            (view(vec![binding], members).tree)(&[set]).render(),
            "<ManagedClusterSet>\n\
             └── <eu>\n\
             \u{20}   ├── <BoundNamespace> default\n\
             \u{20}   ├── <Status> 2 ManagedClusters selected\n\
             \u{20}   ├── <Clusters> c1,c2\n\
             \u{20}   └── <ManagedNamespaces> a,b\n"
        );
    }
}
