//! The namespaces that a cluster's sets ask for. Pure.

use serde_json::{Value, json};

use crate::ocm::labels::Labelled;

use super::sets::ClusterSet;

/// The entries that `status.managedNamespaces` must have, when they differ:
/// sorted by set and name. What agents wrote into entries that stay is kept.
#[must_use]
pub fn decide<'a>(
    labels: &impl Labelled,
    present: &[Value],
    sets: impl Iterator<Item = (&'a str, &'a ClusterSet)>,
) -> Option<Vec<Value>> {
    let mut wanted: Vec<(&str, &str)> = sets
        .filter(|(name, set)| !set.meta.deleting && set.members.has(name, labels))
        .flat_map(|(name, set)| {
            set.managed
                .iter()
                .map(move |namespace| (name, &**namespace))
        })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let entries: Vec<Value> = wanted
        .into_iter()
        .map(|(set, namespace)| {
            present
                .iter()
                .find(|entry| entry["clusterSet"] == set && entry["name"] == namespace)
                .cloned()
                .unwrap_or_else(|| json!({"clusterSet": set, "name": namespace}))
        })
        .collect();
    (entries != present).then_some(entries)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::hub::registration::sets::Members;
    use crate::ocm::names;

    fn set(managed: &[&str]) -> ClusterSet {
        ClusterSet {
            members: Members::Labelled,
            managed: managed.iter().map(|name| (*name).to_owned()).collect(),
            ..ClusterSet::default()
        }
    }

    #[test]
    fn registration_34_members_list_the_namespaces_of_their_sets() {
        let team = set(&["b", "a"]);
        let sets = || [("team", &team)].into_iter();
        let member = BTreeMap::from([(names::LABEL_CLUSTER_SET.to_owned(), "team".to_owned())]);
        let listed = decide(&member, &[], sets()).unwrap();
        assert_eq!(
            listed,
            [
                json!({"clusterSet": "team", "name": "a"}),
                json!({"clusterSet": "team", "name": "b"})
            ]
        );
        assert_eq!(decide(&member, &listed, sets()), None);
        // What the agent wrote stays.
        let mut told = listed;
        told[0]["conditions"] = json!([{"type": "NamespaceAvailable"}]);
        assert_eq!(decide(&member, &told, sets()), None);
        // A cluster that leaves has none.
        assert_eq!(decide(&BTreeMap::new(), &told, sets()), Some(Vec::new()));
        let mut going = team.clone();
        going.meta.deleting = true;
        assert_eq!(
            decide(&member, &told, [("team", &going)].into_iter()),
            Some(Vec::new())
        );
    }
}
