//! The cluster sets `default` and `global`, and how many clusters each set has.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ocm::labels::Labelled;
use crate::ocm::{conditions, labels, names};
use crate::runtime::{Change, Failure, Informer, Next, Queue, Tasks};

use super::view::Meta;
use super::{Hub, apply, cluster_sets};

const CONDITION_EMPTY: &str = "ClusterSetEmpty";
/// For how long changes of clusters are gathered.
const CROWD: Duration = Duration::from_millis(100);

/// What is kept of a ManagedClusterSet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterSet {
    /// Its metadata.
    pub meta: Meta,
    /// Whether the hub keeps its selector, if it is one of the hub's own sets.
    pub autoupdate: bool,
    /// Its selector as it stands.
    pub selector: Value,
    /// Its selector as it is meant.
    pub members: Members,
    /// The namespaces it manages on its members.
    pub managed: Vec<String>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    cluster_selector: Value,
    managed_namespaces: Vec<ManagedNamespace>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ManagedNamespace {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

impl ClusterSet {
    /// Reads a ManagedClusterSet.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(object: DynamicObject) -> Result<Self, serde_json::Error> {
        let meta = Meta::of(&object);
        let autoupdate = object
            .annotations()
            .get(names::ANNOTATION_AUTO_UPDATE)
            .is_none_or(|value| value != "false");
        let body: Body = serde_json::from_value(object.data)?;
        Ok(Self {
            meta,
            autoupdate,
            members: Members::of(&body.spec.cluster_selector),
            selector: body.spec.cluster_selector,
            managed: body
                .spec
                .managed_namespaces
                .into_iter()
                .map(|namespace| namespace.name)
                .collect(),
            conditions: body.status.conditions,
        })
    }
}

/// The selector the hub keeps on its own two sets.
fn kept_selector(set: &str) -> Option<Value> {
    match set {
        names::DEFAULT_CLUSTER_SET => Some(json!({"selectorType": "ExclusiveClusterSetLabel"})),
        names::GLOBAL_CLUSTER_SET => {
            Some(json!({"selectorType": "LabelSelector", "labelSelector": {}}))
        }
        _ => None,
    }
}

/// Which clusters are in a set.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Members {
    /// Those whose set label names it.
    Labelled,
    /// Those that the selector chooses.
    Selected(LabelSelector),
    /// None.
    #[default]
    Nobody,
}

impl Members {
    /// Reads `spec.clusterSelector`.
    #[must_use]
    pub fn of(selector: &Value) -> Self {
        match selector["selectorType"].as_str().unwrap_or_default() {
            "" | "ExclusiveClusterSetLabel" => Self::Labelled,
            "LabelSelector" => selector
                .get("labelSelector")
                .filter(|selector| !selector.is_null())
                .and_then(|selector| serde_json::from_value(selector.clone()).ok())
                .map_or(Self::Nobody, Self::Selected),
            _ => Self::Nobody,
        }
    }

    /// Whether a cluster with these labels is in the set of this name.
    #[must_use]
    pub fn has(&self, set: &str, members: &impl Labelled) -> bool {
        match self {
            Self::Labelled => members.value(names::LABEL_CLUSTER_SET) == Some(set),
            Self::Selected(selector) => labels::matches(selector, members).unwrap_or(false),
            Self::Nobody => false,
        }
    }
}

/// The condition that tells how many clusters a set has.
fn empty_condition(members: usize) -> Condition {
    if members == 0 {
        conditions::condition(
            CONDITION_EMPTY,
            conditions::TRUE,
            "NoClusterMatched",
            "No ManagedCluster selected",
        )
    } else {
        conditions::condition(
            CONDITION_EMPTY,
            conditions::FALSE,
            "ClustersSelected",
            format!("{members} ManagedClusters selected"),
        )
    }
}

/// Starts watching and keeping the sets.
pub(super) fn start(tasks: &mut Tasks, hub: &Arc<Hub>) {
    let sets = hub.sets.clone();
    let queue: Queue<String> = Queue::default();
    let on_set = queue.clone();
    sets.on_change(move |key, _| on_set.add(key.name.clone()));
    let (on_cluster, known) = (queue.clone(), sets.clone());
    hub.clusters.on_change(move |_, change| {
        // Only labels decide about membership.
        if let Change::Applied {
            old: Some(old),
            new,
        } = change
            && old.meta.labels == new.meta.labels
        {
            return;
        }
        for (key, _) in known.filter(|_, _| true) {
            // Clusters come in crowds; counting each is of no use to anybody.
            on_cluster.add_after(key.name, CROWD);
        }
    });
    super::start(tasks, hub, sets.clone(), ClusterSet::parse);
    let this = Arc::clone(hub);
    let (metrics, shutdown) = (hub.context.metrics.clone(), hub.context.shutdown.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = async { sets.synced().await; this.clusters.synced().await; } => {}
        }
        queue.add(names::DEFAULT_CLUSTER_SET.into());
        queue.add(names::GLOBAL_CLUSTER_SET.into());
        crate::runtime::controller::run("clusterset", queue, 2, metrics, shutdown, move |name| {
            let (hub, sets) = (Arc::clone(&this), sets.clone());
            async move { reconcile(&hub, &sets, &name).await }
        })
        .await;
    });
}

async fn reconcile(hub: &Hub, sets: &Informer<ClusterSet>, name: &str) -> Result<Next, Failure> {
    let api: Api<DynamicObject> = Api::all_with(hub.context.client.clone(), &cluster_sets());
    let kept = kept_selector(name).filter(|_| hub.settings().default_cluster_set);
    let Some(set) = sets.get("", name) else {
        if let Some(selector) = kept {
            let mut object = DynamicObject::new(name, &cluster_sets());
            object.data = json!({"spec": {"clusterSelector": selector}});
            match api.create(&PostParams::default(), &object).await {
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                result => {
                    result?;
                }
            }
        }
        return Ok(Next::OnChange);
    };
    if set.meta.deleting {
        return Ok(Next::OnChange);
    }
    if let Some(selector) = kept
        && set.autoupdate
        && set.selector != selector
    {
        // null first: a merge patch would leave the old selector's fields.
        let mut wanted = selector;
        if let (Some(old), Some(new)) = (set.selector.as_object(), wanted.as_object_mut()) {
            for field in old.keys() {
                new.entry(field.clone()).or_insert(Value::Null);
            }
            if let Some(old) = old.get("labelSelector").and_then(Value::as_object)
                && let Some(new) = new.get_mut("labelSelector").and_then(Value::as_object_mut)
            {
                for field in old.keys() {
                    new.insert(field.clone(), Value::Null);
                }
            }
        }
        let patch = json!({
            "metadata": {"uid": set.meta.uid, "resourceVersion": set.meta.resource_version},
            "spec": {"clusterSelector": wanted},
        });
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        // The change comes back by the watch.
        return Ok(Next::OnChange);
    }
    let members = hub
        .clusters
        .filter(|_, cluster| set.members.has(name, &cluster.meta.labels))
        .len();
    let mut new = set.conditions.clone();
    if conditions::set(&mut new, empty_condition(members)) {
        let patch = json!({
            "metadata": {"uid": set.meta.uid, "resourceVersion": set.meta.resource_version},
            "status": {"conditions": new},
        });
        match api
            .patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
        {
            Err(error) if apply::is_not_found(&error) => {}
            result => {
                result?;
            }
        }
    }
    Ok(Next::OnChange)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn registration_01_members_by_label_or_selector() {
        let by_label = json!({"selectorType": "ExclusiveClusterSetLabel"});
        let in_default = labels(&[(names::LABEL_CLUSTER_SET, "default")]);
        assert!(Members::of(&by_label).has("default", &in_default));
        assert!(!Members::of(&by_label).has("other", &in_default));
        assert!(Members::of(&json!({})).has("default", &in_default));
        let global = kept_selector("global").unwrap();
        assert!(Members::of(&global).has("global", &labels(&[])));
        let none = json!({"selectorType": "LabelSelector"});
        assert!(!Members::of(&none).has("x", &in_default));
        let some = json!({"selectorType": "LabelSelector", "labelSelector": {
            "matchExpressions": [{"key": "env", "operator": "In", "values": ["a", "b"]}]}});
        assert!(Members::of(&some).has("x", &labels(&[("env", "b")])));
        assert!(!Members::of(&some).has("x", &labels(&[("env", "c")])));
    }

    #[test]
    fn registration_01_the_empty_condition_counts() {
        let none = empty_condition(0);
        assert_eq!(
            (none.status.as_str(), none.reason.as_str()),
            ("True", "NoClusterMatched")
        );
        let some = empty_condition(3);
        assert_eq!(some.message, "3 ManagedClusters selected");
        assert_eq!(some.status, "False");
    }
}
