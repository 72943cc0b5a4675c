//! Which ClusterProfiles a namespace must have, and what they say. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ocm::cluster::v1::{CONDITION_AVAILABLE, CONDITION_JOINED};
use crate::ocm::{conditions, names};

/// The label that says whose a profile is.
pub const LABEL_MANAGER: &str = "x-k8s.io/cluster-manager";
/// The label that names the cluster's set.
const LABEL_SET: &str = "multicluster.x-k8s.io/clusterset";
/// The cluster manager that this hub is.
pub const MANAGER: &str = "open-cluster-management";
/// What a property's value may have, in characters.
const LONGEST_VALUE: usize = 1024;

/// What is kept of a ManagedCluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    version: Option<String>,
    claims: Vec<Claim>,
    available: Option<Condition>,
    joined: Option<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Claim {
    name: String,
    #[serde(default)]
    value: String,
}

impl Cluster {
    /// Reads a ManagedCluster.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(mut object: DynamicObject) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "camelCase")]
        struct Status {
            cluster_claims: Vec<Claim>,
            conditions: Vec<Condition>,
        }
        let status = object.data["status"].take();
        let version = status["version"]["kubernetes"].as_str().map(str::to_owned);
        let body: Status = match status {
            Value::Null => Status::default(),
            status => serde_json::from_value(status)?,
        };
        let find = |kind| conditions::find(&body.conditions, kind).cloned();
        Ok(Self {
            deleting: object.metadata.deletion_timestamp.is_some(),
            labels: object.metadata.labels.unwrap_or_default(),
            version,
            available: find(CONDITION_AVAILABLE),
            joined: find(CONDITION_JOINED),
            claims: body.cluster_claims,
        })
    }
}

/// What is kept of a ClusterProfile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Tells it from a later object of the same name.
    pub uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its spec.
    pub spec: Value,
    /// Its status.
    pub status: Value,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
}

impl Profile {
    /// Reads a ClusterProfile.
    ///
    /// # Errors
    /// It does not have the shape of one.
    pub fn parse(mut object: DynamicObject) -> Result<Self, serde_json::Error> {
        let mut status = object.data["status"].take();
        let conditions = match status.get_mut("conditions").map(Value::take) {
            None | Some(Value::Null) => Vec::new(),
            Some(conditions) => serde_json::from_value(conditions)?,
        };
        Ok(Self {
            uid: object.uid().unwrap_or_default(),
            labels: object.labels().clone(),
            spec: object.data["spec"].take(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            status,
            conditions,
        })
    }
}

/// What is to be done in a namespace.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// Clusters without profile, with labels and spec of theirs.
    pub create: Vec<(String, Value)>,
    /// Profiles that are not as they should be, with what to merge.
    pub patch: Vec<(String, Value)>,
    /// The same, for their status.
    pub status: Vec<(String, Value)>,
    /// Profiles of clusters that do not belong here, by name and uid.
    pub delete: Vec<(String, String)>,
}

/// Decides about a namespace in which `wanted` clusters are to be known.
#[must_use]
pub fn decide<'a>(
    wanted: &BTreeSet<String>,
    cluster: impl Fn(&str) -> Option<&'a Cluster>,
    present: &BTreeMap<String, &Profile>,
) -> Plan {
    let mut plan = Plan::default();
    for name in wanted {
        let Some(cluster) = cluster(name) else {
            continue;
        };
        let labels = labels(name, cluster);
        let spec = json!({"displayName": name, "clusterManager": {"name": MANAGER}});
        match present.get(name) {
            None => plan.create.push((
                name.clone(),
                json!({"metadata": {"labels": labels}, "spec": spec}),
            )),
            // One of that name that another manager made is left alone.
            Some(live)
                if live.deleting
                    || live.labels.get(LABEL_MANAGER).map(String::as_str) != Some(MANAGER) => {}
            Some(live) => {
                let lacks = labels
                    .iter()
                    .any(|(key, value)| live.labels.get(key) != value.as_ref())
                    || live.spec["displayName"] != **name;
                if lacks {
                    let spec = json!({"displayName": name});
                    let patch = json!({"metadata": {"labels": labels}, "spec": spec});
                    plan.patch.push((name.clone(), patch));
                }
                if let Some(status) = status(cluster, live) {
                    plan.status.push((name.clone(), json!({"status": status})));
                }
            }
        }
    }
    for (name, live) in present {
        let ours = live.labels.get(LABEL_MANAGER).map(String::as_str) == Some(MANAGER);
        if ours && !live.deleting && !wanted.contains(name) {
            plan.delete.push((name.clone(), live.uid.clone()));
        }
    }
    plan
}

/// The labels a profile must have, or must not (`None`).
fn labels(name: &str, cluster: &Cluster) -> BTreeMap<String, Option<String>> {
    let set = cluster.labels.get(names::LABEL_CLUSTER_SET);
    BTreeMap::from([
        (LABEL_MANAGER.to_owned(), Some(MANAGER.to_owned())),
        (names::LABEL_CLUSTER_NAME.to_owned(), Some(name.to_owned())),
        (LABEL_SET.to_owned(), set.cloned()),
    ])
}

/// The status, if it is another one.
fn status(cluster: &Cluster, live: &Profile) -> Option<Value> {
    let properties: Vec<Value> = cluster
        .claims
        .iter()
        .filter(|claim| !claim.value.is_empty() && claim.value.chars().count() <= LONGEST_VALUE)
        .map(|claim| json!({"name": claim.name, "value": claim.value}))
        .collect();
    let mut told = live.conditions.clone();
    let mut changed = false;
    for (kind, from) in [
        ("ControlPlaneHealthy", &cluster.available),
        ("Joined", &cluster.joined),
    ] {
        if let Some(from) = from {
            let copy = conditions::condition(kind, &from.status, &from.reason, &from.message);
            changed |= conditions::set(&mut told, copy);
        }
    }
    let version = cluster.version.as_deref().unwrap_or_default();
    let listed = |value: &Value| value.as_array().cloned().unwrap_or_default();
    changed |= live.status["version"]["kubernetes"]
        .as_str()
        .unwrap_or_default()
        != version
        || listed(&live.status["properties"]) != properties;
    changed.then(|| {
        json!({
            "version": {"kubernetes": version},
            "properties": properties,
            "conditions": told,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(set: &str) -> Cluster {
        Cluster::parse(
            serde_json::from_value(json!({
                "metadata": {"name": "c1", "labels": {(names::LABEL_CLUSTER_SET): set}},
                "status": {
                    "version": {"kubernetes": "v1.36.0"},
                    "clusterClaims": [{"name": "id.k8s.io", "value": "x"}, {"name": "none", "value": ""}],
                    "conditions": [
                        {"type": CONDITION_AVAILABLE, "status": "Unknown", "reason": "Lost",
                            "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"},
                        {"type": CONDITION_JOINED, "status": "True", "reason": "Joined",
                            "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
                },
            }))
            .unwrap(),
        )
        .unwrap()
    }

    fn plan(wanted: &[&str], live: Option<&Profile>) -> Plan {
        let cluster = cluster("team");
        let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
        let present = live
            .map(|live| ("c1".to_owned(), live))
            .into_iter()
            .collect();
        decide(&wanted, |_| Some(&cluster), &present)
    }

    #[test]
    fn a_bound_cluster_gets_a_profile_with_its_labels_and_status() {
        let created = plan(&["c1"], None).create.remove(0).1;
        assert_eq!(
            created,
            json!({"metadata": {"labels": {
                "x-k8s.io/cluster-manager": "open-cluster-management",
                "open-cluster-management.io/cluster-name": "c1",
                "multicluster.x-k8s.io/clusterset": "team",
            }}, "spec": {"displayName": "c1", "clusterManager": {"name": "open-cluster-management"}}})
        );
        let mut object: DynamicObject = serde_json::from_value(created).unwrap();
        object.metadata.uid = Some("u".to_owned());
        let live = Profile::parse(object.clone()).unwrap();
        let told = plan(&["c1"], Some(&live));
        assert!(told.patch.is_empty() && told.create.is_empty() && told.delete.is_empty());
        let status = told.status[0].1.clone();
        assert_eq!(status["status"]["version"]["kubernetes"], "v1.36.0");
        assert_eq!(
            status["status"]["properties"],
            json!([{"name": "id.k8s.io", "value": "x"}])
        );
        let conditions = &status["status"]["conditions"];
        assert_eq!(
            (
                &conditions[0]["type"],
                &conditions[0]["status"],
                &conditions[0]["reason"]
            ),
            (
                &json!("ControlPlaneHealthy"),
                &json!("Unknown"),
                &json!("Lost")
            )
        );
        assert_eq!(
            (&conditions[1]["type"], &conditions[1]["status"]),
            (&json!("Joined"), &json!("True"))
        );
        // Told once, it is not told again.
        object.data["status"] = status["status"].clone();
        let live = Profile::parse(object).unwrap();
        assert_eq!(plan(&["c1"], Some(&live)), Plan::default());
        // No longer bound, it goes; another manager's stays as it is.
        assert_eq!(
            plan(&[], Some(&live)).delete,
            [("c1".to_owned(), "u".to_owned())]
        );
        let foreign = Profile {
            labels: BTreeMap::from([(LABEL_MANAGER.to_owned(), "other".to_owned())]),
            ..live
        };
        assert_eq!(plan(&["c1"], Some(&foreign)), Plan::default());
        assert_eq!(plan(&[], Some(&foreign)), Plan::default());
    }

    #[test]
    fn an_edited_profile_is_put_right() {
        let created = plan(&["c1"], None).create.remove(0).1;
        let mut live = Profile::parse(serde_json::from_value(created).unwrap()).unwrap();
        live.labels.remove(names::LABEL_CLUSTER_NAME);
        live.spec["displayName"] = "another".into();
        let (name, patch) = plan(&["c1"], Some(&live)).patch.remove(0);
        assert_eq!(
            (name.as_str(), &patch["spec"]["displayName"]),
            ("c1", &json!("c1"))
        );
    }
}
