//! Which managed clusters a command is about: by name, by set, by labels, all.

use clap::{ArgAction, Args};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::DynamicObject;
use serde_json::Value;

use crate::cmd::explain::Doing;
use crate::cmd::get::clusters::require_names;
use crate::cmd::{program, resources};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::k8s::kubeconfig::nearest;
use crate::ocm::names;

/// For commands that write: `--clusters`, `--clusterset`, `-l`, `--all`.
#[derive(Args, Clone, Debug, Default)]
pub struct ClustersArgs {
    /// Names of managed clusters, separated by commas (repeatable)
    #[arg(
        long,
        alias = "cluster",
        short = 'c',
        value_name = "NAME,...",
        value_delimiter = ',',
        action = ArgAction::Append,
        add = crate::cmd::completion::clusters()
    )]
    pub clusters: Vec<String>,

    /// All clusters of a cluster set
    #[arg(long, value_name = "SET", conflicts_with = "clusters", add = crate::cmd::completion::sets())]
    pub clusterset: Option<String>,

    /// All clusters with these labels
    #[arg(long, short = 'l', value_name = "LABELS", conflicts_with = "clusters")]
    pub selector: Option<String>,

    /// All clusters of the hub
    #[arg(long, conflicts_with_all = ["clusters", "clusterset", "selector"])]
    pub all: bool,
}

impl ClustersArgs {
    /// What was chosen.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice {
            names: unique(&self.clusters),
            set: self.clusterset.clone(),
            selector: self.selector.clone(),
            all: self.all,
        }
    }

    /// The names in the order given, each once, without blanks around them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        unique(&self.clusters)
    }
}

/// For commands that list something of clusters, where `-l` is about what is
/// listed.
#[derive(Args, Clone, Debug, Default)]
pub struct OfClustersArgs {
    /// Only of these managed clusters, separated by commas (repeatable)
    #[arg(
        long,
        alias = "cluster",
        short = 'c',
        value_name = "NAME,...",
        value_delimiter = ',',
        action = ArgAction::Append,
        add = crate::cmd::completion::clusters()
    )]
    pub clusters: Vec<String>,

    /// Only of clusters of this set
    #[arg(long, value_name = "SET", conflicts_with = "clusters", add = crate::cmd::completion::sets())]
    pub clusterset: Option<String>,

    /// Only of clusters with these labels
    #[arg(long, value_name = "LABELS", conflicts_with = "clusters")]
    pub cluster_selector: Option<String>,
}

impl OfClustersArgs {
    /// What was chosen; nothing chosen means all.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice {
            names: unique(&self.clusters),
            set: self.clusterset.clone(),
            selector: self.cluster_selector.clone(),
            all: false,
        }
    }
}

fn unique(given: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in given {
        let name = name.trim();
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Which clusters are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// These.
    pub names: Vec<String>,
    /// Those of a set.
    pub set: Option<String>,
    /// Those with labels.
    pub selector: Option<String>,
    /// All.
    pub all: bool,
}

/// The clusters that a choice leads to.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// Their names: in the order given, else by name.
    pub names: Vec<String>,
    /// Their objects, as far as the user may read them.
    pub clusters: Vec<DynamicObject>,
}

impl Choice {
    /// Whether nothing was chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.by_property()
    }

    /// Whether the hub must be asked which clusters these are.
    #[must_use]
    pub fn by_property(&self) -> bool {
        self.all || self.set.is_some() || self.selector.is_some()
    }

    /// The command line names no clusters.
    #[must_use]
    pub fn missing() -> CommandError {
        CommandError::usage(
            "which clusters? Pass --clusters NAME,..., --clusterset SET, -l LABELS or --all",
        )
        .hint(format!("`{} get clusters` lists them", program()))
    }

    /// Looks the clusters up. Names are asked for only where names were given;
    /// who may not read clusters is not stopped then.
    ///
    /// # Errors
    /// Unknown names or set, nothing found, or no permission.
    pub async fn find(&self, hub: &Connection) -> Result<Chosen, CommandError> {
        if !self.by_property() {
            let clusters = require_names(hub, &self.names).await?;
            return Ok(Chosen {
                names: self.names.clone(),
                clusters,
            });
        }
        let mut selectors: Vec<String> = self.selector.iter().cloned().collect();
        if let Some(set) = &self.set {
            selectors.extend(selector_of_set(hub, set).await?);
        }
        let params = ListParams::default().labels(&selectors.join(","));
        let api = resources::all(&hub.client, &resources::managed_cluster());
        let found = hub.list_all(&api, &params).await;
        let mut clusters = found.doing("list managed clusters")?;
        clusters.sort_by_key(ResourceExt::name_any);
        if clusters.is_empty() {
            let what = match (&self.set, &self.selector) {
                (Some(set), Some(labels)) => format!("in cluster set {set} with labels {labels}"),
                (Some(set), None) => format!("in cluster set {set}"),
                (None, Some(labels)) => format!("with labels {labels}"),
                (None, None) => "on this hub".to_owned(),
            };
            return Err(
                CommandError::user(format!("there is no managed cluster {what}"))
                    .hint(format!("`{} get clusters` lists them", program())),
            );
        }
        Ok(Chosen {
            names: clusters.iter().map(ResourceExt::name_any).collect(),
            clusters,
        })
    }
}

/// The label selector of a set's members; `None` selects all.
///
/// # Errors
/// There is no such set (names a similar one), or the hub cannot be asked.
pub async fn selector_of_set(hub: &Connection, set: &str) -> Result<Option<String>, CommandError> {
    let api = resources::all(&hub.client, &resources::cluster_set());
    let found = hub
        .call_opt(api.get(set))
        .await
        .doing(&format!("read cluster set {set}"))?;
    match found {
        Some(found) => Ok(selector_in(&found.data, set)),
        // The hub makes this one by itself, and it means all clusters anyway.
        None if set == names::GLOBAL_CLUSTER_SET => Ok(None),
        None => Err(unknown_set(hub, set).await),
    }
}

/// The label selector that a set's specification amounts to.
#[must_use]
pub fn selector_in(set: &Value, name: &str) -> Option<String> {
    let by_labels = set.pointer("/spec/clusterSelector/selectorType")
        == Some(&Value::String("LabelSelector".to_owned()));
    if !by_labels {
        return Some(format!("{}={name}", names::LABEL_CLUSTER_SET));
    }
    let selector = set.pointer("/spec/clusterSelector/labelSelector")?;
    let selector: LabelSelector = serde_json::from_value(selector.clone()).ok()?;
    Some(selector_text(&selector)).filter(|text| !text.is_empty())
}

/// A selector as it is written in a query.
#[must_use]
pub fn selector_text(selector: &LabelSelector) -> String {
    let mut terms: Vec<String> = selector
        .match_labels
        .iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    for expression in selector.match_expressions.iter().flatten() {
        let key = &expression.key;
        let values = expression.values.as_deref().unwrap_or_default().join(",");
        terms.push(match expression.operator.as_str() {
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            "NotIn" => format!("{key} notin ({values})"),
            _ => format!("{key} in ({values})"),
        });
    }
    terms.join(",")
}

/// There is no such set; says which one was meant.
pub async fn unknown_set(hub: &Connection, set: &str) -> CommandError {
    let api = resources::all(&hub.client, &resources::cluster_set());
    let known = hub.call(api.list(&ListParams::default())).await;
    let known: Vec<String> = known
        .map(|found| found.items.iter().map(ResourceExt::name_any).collect())
        .unwrap_or_default();
    let similar = nearest(set, known.iter().map(String::as_str));
    CommandError::user(format!("the hub has no cluster set {set:?}"))
        .hint_if(similar.map(|name| format!("did you mean {name:?}?")))
        .hint(format!("`{} get clustersets` lists them", program()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cluster_names_are_trimmed_and_unique_in_order() {
        let args = ClustersArgs {
            clusters: ["b", " a", "", "b"].map(str::to_owned).to_vec(),
            ..ClustersArgs::default()
        };
        assert_eq!(args.names(), ["b", "a"]);
        assert!(!args.choice().is_empty());
        assert!(ClustersArgs::default().choice().is_empty());
    }

    #[test]
    fn a_set_is_its_label_or_its_selector() {
        let exclusive =
            json!({"spec": {"clusterSelector": {"selectorType": "ExclusiveClusterSetLabel"}}});
        assert_eq!(
            selector_in(&exclusive, "eu").as_deref(),
            Some("cluster.open-cluster-management.io/clusterset=eu")
        );
        let labels = json!({"spec": {"clusterSelector": {"selectorType": "LabelSelector", "labelSelector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["x", "y"]},
                {"key": "d", "operator": "NotIn", "values": ["z"]},
                {"key": "e", "operator": "Exists"},
                {"key": "f", "operator": "DoesNotExist"},
            ],
        }}}});
        assert_eq!(
            selector_in(&labels, "eu").as_deref(),
            Some("a=b,c in (x,y),d notin (z),e,!f")
        );
        let all = json!({"spec": {"clusterSelector": {"selectorType": "LabelSelector", "labelSelector": {}}}});
        assert_eq!(selector_in(&all, "global"), None);
    }
}
