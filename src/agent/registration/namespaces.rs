//! The namespaces that the hub's cluster sets manage on this cluster: created
//! and labelled, let go of when they are no longer listed, never deleted.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::ocm::conditions;
use crate::runtime::{Informer, source_chain};

/// The label by which a hub's agent marks the namespaces it manages.
#[must_use]
pub fn label(hub_server: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, hub_server.as_bytes());
    let mut name = String::new();
    for byte in digest.as_ref() {
        name.push_str(&format!("{byte:02x}"));
    }
    name.truncate(63);
    format!("clusterset.open-cluster-management.io/{name}")
}

/// A namespace with the label: its value.
///
/// # Errors
/// Never; the signature is that of a parser.
#[expect(
    clippy::needless_pass_by_value,
    reason = "parsers own the object; a flag is all that is kept"
)]
pub fn is_managed(object: DynamicObject, label: &str) -> Result<bool, std::convert::Infallible> {
    Ok(object
        .labels()
        .get(label)
        .is_some_and(|value| value == "true"))
}

/// What has to be done to which namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be created or labelled.
    pub take: Vec<String>,
    /// To be let go of.
    pub release: Vec<String>,
}

/// Compares the listed namespaces with those that have the label.
#[must_use]
pub fn decide(listed: &[Value], deleting: bool, managed: &[(String, bool)]) -> Plan {
    let names = || {
        listed
            .iter()
            .filter(|_| !deleting)
            .filter_map(|entry| entry["name"].as_str())
    };
    let mut take: Vec<String> = names()
        .filter(|name| !managed.iter().any(|(has, on)| has == name && *on))
        .map(str::to_owned)
        .collect();
    take.sort_unstable();
    take.dedup();
    let release = managed
        .iter()
        .filter(|(name, on)| *on && !names().any(|listed| listed == name))
        .map(|(name, _)| name.clone())
        .collect();
    Plan { take, release }
}

/// Carries the plan out; answers which namespaces could not be taken, and why.
pub async fn carry_out(client: &Client, label: &str, plan: &Plan) -> Vec<(String, String)> {
    let api: Api<Namespace> = Api::all(client.clone());
    let mut failed = Vec::new();
    for name in &plan.take {
        if let Err(error) = take(&api, name, label).await {
            failed.push((name.clone(), source_chain(&error)));
        }
    }
    for name in &plan.release {
        let patch = json!({"metadata": {"labels": {(label): "false"}}});
        let released = api
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        if let Err(error) = released {
            tracing::debug!(namespace = %name, error = %source_chain(&error), "namespace not released");
        }
    }
    failed
}

async fn take(api: &Api<Namespace>, name: &str, label: &str) -> Result<(), kube::Error> {
    if api.get_opt(name).await?.is_some() {
        let patch = json!({"metadata": {"labels": {(label): "true"}}});
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        return Ok(());
    }
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([(label.to_owned(), "true".to_owned())].into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    api.create(&PostParams::default(), &namespace).await?;
    Ok(())
}

/// The entries with their conditions, when those differ.
#[must_use]
pub fn entries(listed: &[Value], failed: &[(String, String)]) -> Option<Vec<Value>> {
    let new: Vec<Value> = listed
        .iter()
        .map(|entry| {
            let failure = failed
                .iter()
                .find(|(name, _)| entry["name"] == name.as_str());
            let condition = match failure {
                None => conditions::condition(
                    "NamespaceAvailable",
                    conditions::TRUE,
                    "NamespaceApplied",
                    "Namespace successfully applied and managed",
                ),
                Some((_, error)) => conditions::condition(
                    "NamespaceAvailable",
                    conditions::FALSE,
                    "NamespaceApplyFailed",
                    format!("Failed to apply namespace: {error}"),
                ),
            };
            let mut all: Vec<Condition> =
                serde_json::from_value(entry["conditions"].clone()).unwrap_or_default();
            let mut entry = entry.clone();
            if conditions::set(&mut all, condition) {
                entry["conditions"] = json!(all);
            }
            entry
        })
        .collect();
    (new != listed).then_some(new)
}

/// The namespaces with the label, and whether it says `true`.
#[must_use]
pub fn known(namespaces: &Informer<bool>) -> Vec<(String, bool)> {
    namespaces
        .filter(|_, _| true)
        .into_iter()
        .map(|(key, on)| (key.name, *on))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_56_listed_namespaces_are_taken_others_let_go() {
        let listed = [
            json!({"clusterSet": "s", "name": "a"}),
            json!({"clusterSet": "t", "name": "a"}),
            json!({"clusterSet": "s", "name": "b"}),
        ];
        let managed = [
            ("b".to_owned(), true),
            ("c".to_owned(), true),
            ("d".to_owned(), false),
        ];
        let plan = decide(&listed, false, &managed);
        assert_eq!(plan.take, ["a"]);
        assert_eq!(plan.release, ["c"]);
        let plan = decide(&listed, true, &managed);
        assert!(plan.take.is_empty());
        assert_eq!(plan.release, ["b", "c"]);
    }

    #[test]
    fn registration_56_entries_tell_how_it_went() {
        let listed = [json!({"clusterSet": "s", "name": "a"})];
        let good = entries(&listed, &[]).unwrap();
        assert_eq!(good[0]["conditions"][0]["reason"], "NamespaceApplied");
        assert_eq!(entries(&good, &[]), None, "told once");
        let bad = entries(&good, &[("a".into(), "no".into())]).unwrap();
        assert_eq!(bad[0]["conditions"][0]["status"], "False");
        assert_eq!(
            bad[0]["conditions"][0]["message"],
            "Failed to apply namespace: no"
        );
    }

    #[test]
    fn the_label_is_a_label() {
        let label = label("https://hub:6443");
        let (prefix, name) = label.split_once('/').unwrap();
        assert_eq!(prefix, "clusterset.open-cluster-management.io");
        assert_eq!(name.len(), 63);
    }
}
