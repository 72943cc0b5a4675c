//! What a ManagedCluster tells of its add-ons, in labels that placements can
//! select by, and what its add-ons are told of it (registration protocol 4.10,
//! statements 12 and 35; placement protocol, statement 28).

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::try_join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, Patch, PatchParams};
use serde_json::{Map, Value, json};

use crate::ocm::addon::names::{FEATURE_PREFIX, feature_label};
use crate::ocm::addon::v1alpha1::{CONDITION_AVAILABLE, ManagedClusterAddOn};
use crate::ocm::cluster::v1::ManagedCluster;
use crate::ocm::conditions::{self, FALSE, TRUE, UNKNOWN};
use crate::runtime::{Failure, Key, Next};

use super::view::Cluster;
use super::{Hub, apply};

/// What is known of an add-on, as a label says it.
fn state(available: Option<&Condition>) -> &'static str {
    match available.map(|condition| condition.status.as_str()) {
        Some(TRUE) => "available",
        Some(FALSE) => "unhealthy",
        _ => "unreachable",
    }
}

fn available(addon: &ManagedClusterAddOn) -> Option<&Condition> {
    conditions::find(&addon.status.as_ref()?.conditions, CONDITION_AVAILABLE)
}

/// The merge patch of a cluster's labels, if any is due; `addons` are its live
/// installations by name.
fn labels(cluster: &Cluster, addons: &BTreeMap<String, Option<Condition>>) -> Option<Value> {
    cluster.available.as_ref()?;
    let wanted: BTreeMap<String, &str> = addons
        .iter()
        .filter_map(|(name, available)| Some((feature_label(name)?, state(available.as_ref()))))
        .collect();
    let mut patch = Map::new();
    for (key, value) in &wanted {
        if cluster.features.get(key).map(String::as_str) != Some(value) {
            patch.insert(key.clone(), (*value).into());
        }
    }
    for key in cluster.features.keys() {
        if !wanted.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    (!patch.is_empty()).then(|| json!({"metadata": {"uid": cluster.uid, "labels": patch}}))
}

/// What an installation is to say of its availability, if it does not already:
/// of a cluster that is not heard of nothing is known.
fn unheard(cluster: &Cluster, said: Option<&Condition>) -> Option<Condition> {
    let heard = cluster.available.as_ref().filter(|c| c.status == UNKNOWN)?;
    let same = said.is_some_and(|said| {
        said.status == heard.status && said.reason == heard.reason && said.message == heard.message
    });
    (!same).then(|| {
        conditions::condition(
            CONDITION_AVAILABLE,
            UNKNOWN,
            &heard.reason,
            heard.message.clone(),
        )
    })
}

/// Looks at the add-ons of one cluster.
pub(super) async fn reconcile(hub: &Hub, name: &str) -> Result<Next, Failure> {
    let cluster = hub.clusters.get("", name);
    let Some(cluster) = cluster.filter(|cluster| !cluster.deleting) else {
        return Ok(Next::OnChange);
    };
    let mut addons: Vec<(Key, Arc<ManagedClusterAddOn>)> = hub.addons_on.get(&name.to_owned());
    addons.retain(|(_, addon)| addon.metadata.deletion_timestamp.is_none());
    let told = addons.iter().filter_map(|(_, addon)| {
        let condition = unheard(&cluster, available(addon))?;
        Some(tell(hub, name, addon, condition))
    });
    try_join_all(told).await?;
    let addons = addons
        .iter()
        .map(|(key, addon)| (key.name.clone(), available(addon).cloned()))
        .collect();
    if let Some(patch) = labels(&cluster, &addons) {
        let resource = ApiResource::erase::<ManagedCluster>(&());
        let api = apply::api(&hub.context.client, &resource, "");
        match api
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
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

async fn tell(
    hub: &Hub,
    cluster: &str,
    addon: &ManagedClusterAddOn,
    condition: Condition,
) -> Result<(), kube::Error> {
    let mut all = addon
        .status
        .as_ref()
        .map(|status| status.conditions.clone())
        .unwrap_or_default();
    conditions::set(&mut all, condition);
    let patch = json!({
        "metadata": {"uid": addon.uid(), "resourceVersion": addon.resource_version()},
        "status": {"conditions": all},
    });
    let api: Api<ManagedClusterAddOn> = Api::namespaced(hub.context.client.clone(), cluster);
    let params = PatchParams::default();
    match api
        .patch_status(&addon.name_any(), &params, &Patch::Merge(patch))
        .await
    {
        Err(error) if apply::is_not_found(&error) => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Which of a cluster's labels are of this controller.
pub(super) fn of(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels
        .iter()
        .filter(|(key, _)| key.starts_with(FEATURE_PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(status: &str, reason: &str) -> Condition {
        conditions::condition(CONDITION_AVAILABLE, status, reason, "m".to_owned())
    }

    fn cluster(available: Option<Condition>, features: &[(&str, &str)]) -> Cluster {
        Cluster {
            uid: "u".to_owned(),
            available,
            features: features
                .iter()
                .map(|(key, value)| (format!("{FEATURE_PREFIX}{key}"), (*value).to_owned()))
                .collect(),
            ..Cluster::default()
        }
    }

    #[test]
    fn registration_35_labels_say_what_addons_say() {
        let heard = Some(says(TRUE, "r"));
        let long = "a".repeat(60);
        let addons = BTreeMap::from([
            ("good".to_owned(), Some(says(TRUE, "r"))),
            ("bad".to_owned(), Some(says(FALSE, "r"))),
            ("lost".to_owned(), Some(says(UNKNOWN, "r"))),
            ("new".to_owned(), None),
            // There is no such label.
            (long, None),
        ]);
        let before = cluster(
            heard.clone(),
            &[("good", "available"), ("gone", "available")],
        );
        assert_eq!(
            labels(&before, &addons).unwrap(),
            json!({"metadata": {"uid": "u", "labels": {
                "feature.open-cluster-management.io/addon-bad": "unhealthy",
                "feature.open-cluster-management.io/addon-lost": "unreachable",
                "feature.open-cluster-management.io/addon-new": "unreachable",
                "feature.open-cluster-management.io/addon-gone": null,
            }}})
        );
        let after = cluster(
            heard,
            &[
                ("good", "available"),
                ("bad", "unhealthy"),
                ("lost", "unreachable"),
                ("new", "unreachable"),
            ],
        );
        assert_eq!(labels(&after, &addons), None);
        // Of a cluster that never said anything nothing is said.
        assert_eq!(labels(&cluster(None, &[]), &addons), None);
    }

    #[test]
    fn addon_28_addons_of_a_cluster_that_is_not_heard_of_are_unknown() {
        let unknown = cluster(Some(says(UNKNOWN, "LeaseStopped")), &[]);
        let told = unheard(&unknown, Some(&says(TRUE, "r"))).unwrap();
        assert_eq!(
            (
                told.status.as_str(),
                told.reason.as_str(),
                told.message.as_str()
            ),
            (UNKNOWN, "LeaseStopped", "m")
        );
        assert_eq!(unheard(&unknown, Some(&told)), None);
        assert!(unheard(&unknown, None).is_some());
        for other in [None, Some(says(TRUE, "r")), Some(says(FALSE, "r"))] {
            assert_eq!(unheard(&cluster(other, &[]), None), None);
        }
    }
}
