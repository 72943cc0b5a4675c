//! What one managed cluster needs next: accepted, denied, deleted or gone.
//! Pure; `apply` carries the plan out.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Map, Value, json};

use crate::ocm::{conditions, names};
use crate::runtime::Key;

use super::rbac::{self, Kind, Wanted};
use super::settings::Settings;
use super::taints;
use super::view::{Cluster, Remainder};
use super::{
    API_RESOURCE_FINALIZER, AUTO_ACCEPTED_ANNOTATION, CONDITION_ACCEPTED, CONDITION_DELETING,
    RESOURCE_FINALIZER,
};

/// The reason of a cluster whose acceptance was taken back.
const DENIED: &str = "HubClusterAdminDenied";

/// Works or add-ons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// ManagedClusterAddOns.
    Addons,
    /// ManifestWorks.
    Works,
}

impl Remaining {
    /// The plural, as messages have it.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Addons => "managedclusteraddons",
            Self::Works => "manifestworks",
        }
    }
}

/// An object of the hub's that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// What it is.
    pub kind: Kind,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether its deletion was asked for.
    pub deleting: bool,
}

/// What is known about one cluster.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// Its name.
    pub name: &'a str,
    /// The ManagedCluster, unless it is gone.
    pub cluster: Option<&'a Cluster>,
    /// The works in its namespace.
    pub works: &'a [(Key, Remainder)],
    /// The add-ons in its namespace.
    pub addons: &'a [(Key, Remainder)],
    /// Which of the four RBAC objects exist.
    pub present: &'a [Present],
    /// What the ClusterManager asks for.
    pub settings: &'a Settings,
    /// The time.
    pub now: Timestamp,
}

/// What to do, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// A merge patch of the ManagedCluster's metadata and spec.
    pub cluster: Option<Value>,
    /// The namespace to keep in shape, before all others.
    pub namespace: Option<Wanted>,
    /// Objects to keep in shape.
    pub keep: Vec<Wanted>,
    /// Objects to delete.
    pub remove: Vec<Present>,
    /// Works or add-ons to delete.
    pub clear: Vec<(Remaining, Key, String)>,
    /// Whether the finalizer of the works' RoleBinding goes.
    pub release_work_binding: bool,
    /// The conditions the ManagedCluster must have, when they differ.
    pub conditions: Option<Vec<Condition>>,
    /// The finalizers to leave on a deleted ManagedCluster, when they differ.
    pub finalizers: Option<Vec<String>>,
}

/// Decides what the cluster needs.
#[must_use]
pub fn decide(observed: &Observed<'_>) -> Plan {
    match observed.cluster {
        None => gone(observed),
        Some(cluster) if cluster.meta.deleting => deleting(observed, cluster),
        Some(cluster) => live(observed, cluster),
    }
}

/// All that exists of the cluster's own RBAC and is not being deleted.
fn removable(observed: &Observed<'_>, keep_cluster_scoped: bool) -> Vec<Present> {
    observed
        .present
        .iter()
        .filter(|present| !present.deleting)
        .filter(|present| !(keep_cluster_scoped && present.namespace.is_empty()))
        .cloned()
        .collect()
}

fn has_work_binding(observed: &Observed<'_>) -> bool {
    let name = rbac::work_binding_name(observed.name);
    observed.present.iter().any(|present| present.name == name)
}

/// What still stands, and which of it is to be deleted now: add-ons before
/// works, and of each the ones of the lowest priority.
#[expect(clippy::type_complexity, reason = "read once, three lines below")]
fn remaining<'a>(
    observed: &Observed<'a>,
) -> Option<(
    Remaining,
    &'a [(Key, Remainder)],
    Vec<(Remaining, Key, String)>,
)> {
    let (what, all) = if !observed.addons.is_empty() {
        (Remaining::Addons, observed.addons)
    } else if !observed.works.is_empty() {
        (Remaining::Works, observed.works)
    } else {
        return None;
    };
    let lowest = all.iter().map(|(_, r)| r.priority).min().unwrap_or(0);
    let clear = all
        .iter()
        .filter(|(_, remainder)| remainder.priority == lowest && !remainder.deleting)
        .map(|(key, remainder)| (what, key.clone(), remainder.uid.clone()))
        .collect();
    Some((what, all, clear))
}

fn gone(observed: &Observed<'_>) -> Plan {
    if observed.present.is_empty() {
        // Never one of ours, or all done: objects in a namespace of that name
        // are somebody else's.
        return Plan::default();
    }
    let mut plan = Plan {
        remove: removable(observed, false),
        ..Plan::default()
    };
    if observed.settings.resource_cleanup
        && let Some((_, _, clear)) = remaining(observed)
    {
        plan.clear = clear;
    } else if observed.works.is_empty() {
        plan.release_work_binding = has_work_binding(observed);
    }
    plan
}

fn deleting(observed: &Observed<'_>, cluster: &Cluster) -> Plan {
    let mut plan = Plan {
        remove: removable(observed, false),
        ..Plan::default()
    };
    let mut conditions = cluster.conditions.clone();
    let mut finalizers = cluster.meta.finalizers.clone();
    let cleans = cluster
        .meta
        .finalizers
        .iter()
        .any(|finalizer| finalizer == RESOURCE_FINALIZER);
    let rest = remaining(observed);
    if cleans {
        let condition = match &rest {
            Some((what, all, _)) => conditions::condition(
                CONDITION_DELETING,
                conditions::FALSE,
                "ResourceRemaining",
                format!(
                    "The resource {} is remaning, the remaining count is {}, the finalizer pending count is {}",
                    what.plural(),
                    all.len(),
                    all.iter().filter(|(_, r)| r.deleting && r.held).count(),
                ),
            ),
            None => conditions::condition(
                CONDITION_DELETING,
                conditions::TRUE,
                "NoResource",
                "No cleaned resource in cluster ns.",
            ),
        };
        if conditions::set(&mut conditions, condition) {
            plan.conditions = Some(conditions);
        }
        match rest {
            Some((_, _, clear)) => plan.clear = clear,
            None => finalizers.retain(|finalizer| finalizer != RESOURCE_FINALIZER),
        }
    }
    if observed.works.is_empty() {
        plan.release_work_binding = has_work_binding(observed);
        finalizers.retain(|finalizer| finalizer != API_RESOURCE_FINALIZER);
    }
    if finalizers != cluster.meta.finalizers {
        plan.finalizers = Some(finalizers);
    }
    plan
}

/// Why a cluster of this name cannot be accepted, if it cannot.
#[must_use]
pub fn unacceptable(name: &str) -> Option<String> {
    // Its group would be the group of all agents.
    if names::cluster_group(name) == names::GROUP_MANAGED_CLUSTERS {
        return Some(format!(
            "the name {name:?} is reserved: the group of this cluster's agents would be the group of all agents"
        ));
    }
    let label = !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if !label {
        return Some(format!(
            "the name {name:?} cannot be the name of a namespace (DNS-1123 label)"
        ));
    }
    // Agents may write leases, events and works in the cluster's namespace.
    let system = name.starts_with("kube-")
        || [
            "default",
            names::OPERATOR_NAMESPACE,
            names::HUB_NAMESPACE,
            names::AGENT_NAMESPACE,
            names::AGENT_ADDON_NAMESPACE,
        ]
        .contains(&name);
    system.then(|| format!("the name {name:?} is that of a system namespace"))
}

fn live(observed: &Observed<'_>, cluster: &Cluster) -> Plan {
    let mut plan = Plan {
        cluster: patch(observed, cluster),
        ..Plan::default()
    };
    let mut conditions = cluster.conditions.clone();
    let labels = &observed.settings.labels;
    if cluster.accepted {
        let condition = if let Some(reason) = unacceptable(observed.name) {
            conditions::condition(CONDITION_ACCEPTED, conditions::FALSE, "Error", reason)
        } else {
            plan.namespace = Some(rbac::namespace(observed.name, labels));
            plan.keep = vec![
                rbac::cluster_role(observed.name, true, labels),
                rbac::cluster_role_binding(observed.name, labels),
            ];
            plan.keep.extend(rbac::role_bindings(observed.name, labels));
            // Left over from a denial: it must go before it can be made anew.
            let work = rbac::work_binding_name(observed.name);
            plan.release_work_binding = observed
                .present
                .iter()
                .any(|present| present.name == work && present.deleting);
            conditions::condition(
                CONDITION_ACCEPTED,
                conditions::TRUE,
                "HubClusterAdminAccepted",
                "Accepted by hub cluster admin",
            )
        };
        if conditions::set(&mut conditions, condition) {
            plan.conditions = Some(conditions);
        }
    } else if was_accepted(observed, cluster) {
        plan.keep = vec![
            rbac::cluster_role(observed.name, false, labels),
            rbac::cluster_role_binding(observed.name, labels),
        ];
        plan.remove = removable(observed, true);
        // The agent needs its rights until it has removed what the works made.
        if observed.works.is_empty() {
            plan.release_work_binding = has_work_binding(observed);
            let denied = conditions::condition(
                CONDITION_ACCEPTED,
                conditions::FALSE,
                DENIED,
                "Denied by hub cluster admin",
            );
            if conditions::set(&mut conditions, denied) {
                plan.conditions = Some(conditions);
            }
        }
    }
    plan
}

/// Whether a cluster that is not accepted has anything to lose: by what there
/// is, not by its status alone, which its agent writes too.
fn was_accepted(observed: &Observed<'_>, cluster: &Cluster) -> bool {
    !observed.present.is_empty() || conditions::is_true(&cluster.conditions, CONDITION_ACCEPTED)
}

/// Whether an administrator took back the acceptance of the cluster.
#[must_use]
pub fn is_denied(cluster: &Cluster) -> bool {
    !cluster.accepted
        && conditions::find(&cluster.conditions, CONDITION_ACCEPTED).is_some_and(|condition| {
            condition.status == conditions::FALSE && condition.reason == DENIED
        })
}

/// Finalizers, default set, acceptance without a person, taints: one patch.
fn patch(observed: &Observed<'_>, cluster: &Cluster) -> Option<Value> {
    let settings = observed.settings;
    let mut metadata = Map::new();
    let mut spec = Map::new();

    let mut accepted = cluster.accepted;
    // Stricter than upstream, which accepts whatever anybody creates. Without
    // a list anybody is trusted; with one, who is not known is not on it.
    let users = &settings.auto_approved_users;
    let creator = cluster.annotations.get(names::ANNOTATION_CREATED_BY);
    let trusted = users.is_empty() || creator.is_some_and(|creator| users.contains(creator));
    if settings.auto_approval
        && trusted
        // Denied by hand before the gate was on.
        && !is_denied(cluster)
        && unacceptable(observed.name).is_none()
        && !cluster.annotations.contains_key(AUTO_ACCEPTED_ANNOTATION)
    {
        metadata.insert(
            "annotations".into(),
            json!({(AUTO_ACCEPTED_ANNOTATION): rfc3339(observed.now)}),
        );
        if !accepted {
            spec.insert("hubAcceptsClient".into(), true.into());
            accepted = true;
        }
    }
    let mut finalizers = cluster.meta.finalizers.clone();
    let mut need = |finalizer: &str, needed: bool| {
        if needed && !finalizers.iter().any(|f| f == finalizer) {
            finalizers.push(finalizer.to_owned());
        }
    };
    need(RESOURCE_FINALIZER, settings.resource_cleanup);
    need(API_RESOURCE_FINALIZER, accepted);
    if finalizers != cluster.meta.finalizers {
        metadata.insert("finalizers".into(), json!(finalizers));
    }
    if settings.default_cluster_set
        && cluster
            .meta
            .labels
            .get(names::LABEL_CLUSTER_SET)
            .is_none_or(str::is_empty)
    {
        metadata.insert(
            "labels".into(),
            json!({(names::LABEL_CLUSTER_SET): names::DEFAULT_CLUSTER_SET}),
        );
    }
    if let Some(taints) =
        taints::decide(&cluster.taints, &cluster.conditions, &rfc3339(observed.now))
    {
        spec.insert("taints".into(), json!(taints));
    }
    if metadata.is_empty() && spec.is_empty() {
        return None;
    }
    let mut patch = Map::new();
    if !metadata.is_empty() {
        patch.insert("metadata".into(), metadata.into());
    }
    if !spec.is_empty() {
        patch.insert("spec".into(), spec.into());
    }
    Some(patch.into())
}

/// The time in whole seconds, as Kubernetes writes it.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
