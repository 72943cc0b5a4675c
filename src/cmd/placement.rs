//! What commands about placements share: the hub as its scheduler sees it, and
//! an explanation for people.

use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{ApiResource, ListParams};
use kube::core::DynamicObject;

use crate::cmd::explain::Doing;
use crate::cmd::resources;
use crate::error::CommandError;
use crate::hub::placement::World;
use crate::hub::placement::schedule::{Explanation, Why};
use crate::hub::placement::view;
use crate::k8s::client::Connection;
use crate::ocm::cluster::v1alpha1::AddOnPlacementScore;
use crate::ocm::cluster::v1beta2::{ManagedClusterSet, ManagedClusterSetBinding};
use crate::ui::Table;

async fn list(
    hub: &Connection,
    resource: &ApiResource,
    what: &str,
) -> Result<Vec<DynamicObject>, CommandError> {
    let api = resources::all(&hub.client, resource);
    let found = hub.call(api.list(&ListParams::default())).await;
    Ok(found.doing(&format!("list {what}"))?.items)
}

/// The hub as the scheduler sees it, without placements. Nothing is written.
///
/// # Errors
/// No hub there, or no permission to list what placements depend on.
pub async fn world(hub: &Connection) -> Result<World, CommandError> {
    let now = Timestamp::now();
    let mut world = World::loading();
    let sets = ApiResource::erase::<ManagedClusterSet>(&());
    let bindings = ApiResource::erase::<ManagedClusterSetBinding>(&());
    let scores = ApiResource::erase::<AddOnPlacementScore>(&());
    // What cannot be read is left out by the hub, too.
    for set in list(hub, &sets, "cluster sets").await? {
        world.set_set(&view::Set::parse(set).unwrap_or_default());
    }
    for binding in list(hub, &bindings, "bindings of cluster sets").await? {
        world.set_binding(&view::Binding::parse(binding).unwrap_or_default());
    }
    for score in list(hub, &scores, "scores of add-ons").await? {
        if let Ok(score) = view::Score::parse(score) {
            world.set_score(&Arc::new(score));
        }
    }
    for cluster in list(hub, &resources::managed_cluster(), "managed clusters").await? {
        if let Ok(cluster) = view::Cluster::parse(cluster) {
            world.set_cluster(&Arc::new(cluster), now);
        }
    }
    for decision in list(hub, &resources::placement_decision(), "decisions").await? {
        if let Ok(decision) = view::Decision::parse(decision) {
            world.set_decision(&Arc::new(decision));
        }
    }
    Ok(world)
}

/// The sets that are bound to a namespace.
///
/// # Errors
/// No permission to list bindings.
pub async fn bound_sets(hub: &Connection, namespace: &str) -> Result<Vec<String>, CommandError> {
    let bindings = ApiResource::erase::<ManagedClusterSetBinding>(&());
    let api = resources::within(&hub.client, &bindings, namespace);
    let found = hub.call(api.list(&ListParams::default())).await;
    let found = found.doing("list bindings of cluster sets")?;
    Ok(found.items.iter().map(ResourceExt::name_any).collect())
}

/// Per cluster: chosen or not, its scores, and why.
#[must_use]
pub fn explained(explanation: &Explanation) -> Table {
    let names: Vec<String> = explanation
        .prioritizers
        .iter()
        .map(|(name, weight)| match weight {
            1 => name.clone(),
            weight => format!("{name}×{weight}"),
        })
        .collect();
    let mut headers = vec!["cluster", "chosen", "group", "score"];
    headers.extend(names.iter().map(String::as_str));
    headers.push("why not");
    let mut table = Table::new(&headers);
    for (cluster, why) in &explanation.clusters {
        let group = explanation
            .outcome
            .groups
            .iter()
            .enumerate()
            .find(|(_, group)| group.clusters.iter().any(|name| **name == **cluster));
        let mut row = vec![cluster.clone()];
        let (scores, reason) = match why {
            Why::Scored {
                scores,
                total,
                dropped,
                ..
            } => {
                row.push(if dropped.is_none() { "yes" } else { "no" }.to_owned());
                row.push(group.map_or_else(String::new, |(index, group)| {
                    format!("{index} {}", group.name).trim_end().to_owned()
                }));
                row.push(total.to_string());
                (
                    scores.iter().map(ToString::to_string).collect(),
                    dropped.clone().unwrap_or_default(),
                )
            }
            Why::NotCandidate(reason) | Why::Predicate(reason) | Why::Taint(reason) => {
                row.extend(["no".to_owned(), String::new(), String::new()]);
                (vec![String::new(); names.len()], reason.clone())
            }
        };
        row.extend(scores);
        row.push(if reason.is_empty() {
            "-".to_owned()
        } else {
            reason
        });
        table.row(row);
    }
    table
}

/// The state of a placement in one line, and what to heed.
#[must_use]
pub fn summary(explanation: &Explanation) -> Vec<String> {
    let outcome = &explanation.outcome;
    let (_, reason, message) = &outcome.satisfied;
    let mut lines = vec![format!("{} chosen: {message} ({reason})", outcome.selected)];
    if let Some(error) = &outcome.misconfigured {
        lines.push(format!("misconfigured: {}", error.trim_start_matches(':')));
    }
    if let Some((_, warning)) = &outcome.warning {
        lines.push(warning.clone());
    }
    lines.extend(outcome.advice.iter().cloned());
    lines
}

/// A Placement as the scheduler reads it.
///
/// # Errors
/// It does not have the shape of one.
pub fn read(object: &DynamicObject) -> Result<Arc<crate::hub::placement::Placement>, CommandError> {
    let typed = crate::runtime::informer::typed(object.clone()).map_err(|error| {
        CommandError::user("the placement does not have the shape of one").because(error)
    })?;
    Ok(Arc::new(crate::hub::placement::Placement::of(typed)))
}
