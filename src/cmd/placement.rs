//! What commands about placements share: the hub as its scheduler sees it, and
//! an explanation for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{ApiResource, ListParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use crate::cmd::explain::Doing;
use crate::cmd::{program, resources};
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
    let found = hub.list_all(&api, &ListParams::default()).await;
    found.doing(&format!("list {what}"))
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
    let found = hub.list_all(&api, &ListParams::default()).await;
    let found = found.doing("list bindings of cluster sets")?;
    Ok(found.iter().map(ResourceExt::name_any).collect())
}

/// Where clusters stand: the index and the name of their group, by cluster.
type Places = BTreeMap<String, (String, String)>;

/// A placement, what the scheduler makes of it, and what was decided.
pub struct Explained {
    namespace: String,
    name: String,
    explanation: Explanation,
    /// Why nothing is decided, if nothing is.
    idle: Option<&'static str>,
    meant: Places,
    decided: Places,
}

/// Explains a placement. The world is that of [`world`].
///
/// # Errors
/// It does not have the shape of one.
pub fn explain(world: &mut World, object: &DynamicObject) -> Result<Explained, CommandError> {
    let placement = read(object)?;
    let key = placement.key.clone();
    world.set_placement(&placement);
    let explanation = world
        .explain(&key, Timestamp::now())
        .ok_or_else(|| CommandError::internal(format!("placement {key} is not there")))?;
    let idle = match (placement.active, &object.metadata.deletion_timestamp) {
        (true, _) => None,
        (false, Some(_)) => Some("it is being deleted"),
        (false, None) => Some("scheduling is disabled by an annotation"),
    };
    let mut meant = Places::new();
    for (index, group) in explanation.outcome.groups.iter().enumerate() {
        let place = (index.to_string(), group.name.clone());
        let names = group.clusters.iter().map(ToString::to_string);
        meant.extend(names.map(|name| (name, place.clone())));
    }
    let mut decided = Places::new();
    for decision in world.decisions(&key) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let place = (text(&decision.group_index), text(&decision.group_name));
        let names = decision.clusters.iter().cloned();
        decided.extend(names.map(|name| (name, place.clone())));
    }
    Ok(Explained {
        namespace: key.namespace,
        name: key.name,
        explanation,
        idle,
        meant,
        decided,
    })
}

impl Explained {
    /// What is not as it is computed here, in words; nothing when all is.
    fn difference(&self) -> Option<String> {
        let only = |a: &Places, b: &Places| -> Vec<String> {
            let names = a.keys().filter(|name| !b.contains_key(*name));
            names.cloned().collect()
        };
        let mut parts = Vec::new();
        for (what, names) in [
            ("without", only(&self.meant, &self.decided)),
            ("with", only(&self.decided, &self.meant)),
        ] {
            if !names.is_empty() {
                parts.push(format!("{what} {}", some(&names)));
            }
        }
        if parts.is_empty() && self.meant != self.decided {
            parts.push("the same clusters in other groups".to_owned());
        }
        let why = self.idle.map_or(
            "the hub has not caught up yet, does not run, or is one that chooses otherwise",
            |idle| idle,
        );
        (!parts.is_empty()).then(|| format!("decided otherwise: {}; {why}", parts.join(", ")))
    }

    /// The state of the placement in one line, and what to heed.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let outcome = &self.explanation.outcome;
        let (_, reason, message) = &outcome.satisfied;
        let mut lines = vec![format!("{} chosen: {message} ({reason})", outcome.selected)];
        if let Some(error) = &outcome.misconfigured {
            lines.push(format!("misconfigured: {}", error.trim_start_matches(':')));
        }
        lines.extend(outcome.advice.iter().cloned());
        lines
    }

    /// What there is beside what was computed: a line about each.
    #[must_use]
    pub fn present(&self) -> Vec<String> {
        let difference = self.difference();
        let idle = self.idle.filter(|_| difference.is_none());
        let idle = idle.map(|idle| format!("nothing is decided anew: {idle}"));
        idle.into_iter().chain(difference).collect()
    }

    /// The sets that are chosen from.
    #[must_use]
    pub fn sets(&self) -> String {
        match self.explanation.sets.join(", ") {
            sets if sets.is_empty() => "none".to_owned(),
            sets => sets,
        }
    }

    /// What to do about a placement that chooses nothing.
    #[must_use]
    pub fn hint(&self, cluster: &str) -> Option<String> {
        let outcome = &self.explanation.outcome;
        let (program, namespace) = (program(), &self.namespace);
        let set = self.explanation.sets.first().map_or("SET", String::as_str);
        if let Some(error) = &outcome.misconfigured {
            return error.contains("incorrect builtin prioritizer").then(|| {
                format!(
                    "built-in prioritizers are {}",
                    crate::hub::placement::spec::BUILT_IN.join(", ")
                )
            });
        }
        match outcome.satisfied.1 {
            "NoManagedClusterSetBindings" | "NoIntersection" => Some(format!(
                "to bind a set: `{program} clusterset bind SET --namespace {namespace}{cluster}`"
            )),
            "AllManagedClusterSetsEmpty" => Some(format!(
                "to put clusters into a set: `{program} clusterset set {set} --clusters NAME,...{cluster}`"
            )),
            _ => None,
        }
    }

    /// Per cluster: chosen or not, its scores, and why. What is decided has a
    /// column where it differs, if asked for.
    #[must_use]
    pub fn table(&self, compared: bool) -> Table {
        let names: Vec<String> = self
            .explanation
            .prioritizers
            .iter()
            .map(|(name, weight)| match weight {
                1 => name.clone(),
                weight => format!("{name}×{weight}"),
            })
            .collect();
        let compared = compared && self.difference().is_some();
        let mut headers = vec!["cluster", "chosen"];
        headers.extend(compared.then_some("decided"));
        headers.extend(["group", "score"]);
        headers.extend(names.iter().map(String::as_str));
        headers.push("why not");
        let mut table = Table::new(&headers);
        let shown = |place: Option<&(String, String)>| {
            place.map_or_else(String::new, |(index, name)| {
                format!("{index} {name}").trim_end().to_owned()
            })
        };
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        for (cluster, why) in &self.explanation.clusters {
            let mut row = vec![cluster.clone(), yes(is_chosen(why))];
            if compared {
                row.push(yes(self.decided.contains_key(cluster)));
            }
            row.push(shown(self.meant.get(cluster)));
            match why {
                Why::Scored { scores, total, .. } => {
                    row.push(total.to_string());
                    row.extend(scores.iter().map(ToString::to_string));
                }
                _ => row.extend(vec![String::new(); names.len() + 1]),
            }
            row.push(reason(why).unwrap_or_else(|| "-".to_owned()));
            table.row(row);
        }
        table
    }

    /// All of it, for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let explanation = &self.explanation;
        let outcome = &explanation.outcome;
        let place = |place: Option<&(String, String)>| {
            place.map(|(index, name)| json!({"index": index.parse::<u64>().ok(), "name": name}))
        };
        let prioritizers: Vec<Value> = explanation
            .prioritizers
            .iter()
            .map(|(name, weight)| json!({"name": name, "weight": weight}))
            .collect();
        let clusters: Vec<Value> = explanation
            .clusters
            .iter()
            .map(|(name, why)| {
                let mut one = json!({
                    "name": name, "chosen": is_chosen(why), "group": place(self.meant.get(name)),
                    "decided": self.decided.contains_key(name),
                    "decidedGroup": place(self.decided.get(name)),
                    "stage": stage(why), "reason": reason(why),
                });
                if let Why::Scored {
                    scores,
                    total,
                    rank,
                    ..
                } = why
                {
                    let names = explanation
                        .prioritizers
                        .iter()
                        .map(|(name, _)| name.clone());
                    let scores: Vec<Value> = names
                        .zip(scores)
                        .map(|(name, score)| json!({"name": name, "score": score}))
                        .collect();
                    one["scores"] = scores.into();
                    one["total"] = (*total).into();
                    one["rank"] = (*rank).into();
                }
                one
            })
            .collect();
        let (satisfied, reason, message) = &outcome.satisfied;
        json!({
            "apiVersion": "ocmadm/v1", "kind": "PlacementExplanation",
            "metadata": {"namespace": self.namespace, "name": self.name},
            "boundSets": explanation.bound, "sets": explanation.sets,
            "prioritizers": prioritizers, "clusters": clusters,
            "selected": outcome.selected,
            "satisfied": {"status": satisfied, "reason": reason, "message": message},
            "misconfigured": outcome.misconfigured, "advice": outcome.advice,
            "idle": self.idle, "difference": self.difference(),
        })
    }
}

/// The first names, and how many more there are.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(" "),
        more => format!("{} and {more} more", names[..SHOWN].join(" ")),
    }
}

fn is_chosen(why: &Why) -> bool {
    matches!(why, Why::Scored { dropped: None, .. })
}

/// How far a cluster came.
fn stage(why: &Why) -> &'static str {
    match why {
        Why::NotCandidate(_) => "ClusterSets",
        Why::Predicate(_) => "Predicate",
        Why::Taint(_) => "TaintToleration",
        Why::NotScored => "Misconfigured",
        Why::Scored { .. } => "Scored",
    }
}

/// Why a cluster is not chosen.
fn reason(why: &Why) -> Option<String> {
    match why {
        Why::NotCandidate(reason) | Why::Predicate(reason) | Why::Taint(reason) => {
            Some(reason.clone())
        }
        Why::NotScored => Some("the placement is misconfigured".to_owned()),
        Why::Scored { dropped, .. } => dropped.clone(),
    }
}

/// A Placement as the scheduler reads it.
///
/// # Errors
/// It does not have the shape of one.
fn read(object: &DynamicObject) -> Result<Arc<crate::hub::placement::Placement>, CommandError> {
    let typed = crate::runtime::informer::typed(object.clone()).map_err(|error| {
        CommandError::user("the placement does not have the shape of one").because(error)
    })?;
    Ok(Arc::new(crate::hub::placement::Placement::of(typed)))
}
