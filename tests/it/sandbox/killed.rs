//! `kill -9` of the agent's process at random moments: nothing is left behind,
//! nothing is missing, and no status lies. Four seeds; `OCMADM_SEEDS=20` for more.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::binary::{ocmadm, succeeds};
use super::path::{Pair, is_available, wait};
use crate::harness::{Dice, eventually};

fn agent(pair: &Pair) -> Child {
    ocmadm()
        .env("KUBECONFIG", pair.managed.dir().join("kubeconfig"))
        .args(["agent", "--context", "cluster1", "--no-leader-election"])
        .args(["--namespace", "open-cluster-management"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn kill(mut agent: Child) {
    agent.kill().unwrap();
    agent.wait().unwrap();
}

/// The content of each work: names of config maps and their value.
type Wanted = BTreeMap<String, (Vec<String>, u64)>;

fn spec(maps: &[String], value: u64) -> Value {
    let manifests: Vec<Value> = maps
        .iter()
        .map(|name| {
            json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "default", "labels": {"dice": "yes"}},
                "data": {"value": value.to_string()}})
        })
        .collect();
    json!({"workload": {"manifests": manifests}})
}

/// Creates, changes or deletes a work.
async fn act(works: &Api<DynamicObject>, wanted: &mut Wanted, dice: &mut Dice, serial: u64) {
    let name = format!("dice-{}", dice.below(3));
    let known = wanted.contains_key(&name);
    if known && dice.below(3) == 0 {
        wanted.remove(&name);
        works.delete(&name, &DeleteParams::default()).await.unwrap();
        return;
    }
    let count = 1 + dice.below(8);
    let from = dice.below(5);
    let maps: Vec<String> = (from..from + count)
        .map(|i| format!("{name}-{i}"))
        .collect();
    let spec = spec(&maps, serial);
    // One of that name may still be on its way out: after it is the next.
    eventually("the work is written", || async {
        let live = works.get_opt(&name).await.unwrap();
        if live.as_ref().is_some_and(|w| w.metadata.deletion_timestamp.is_some()) {
            return None;
        }
        if live.is_some() {
            let patch = Patch::Merge(json!({"spec": spec}));
            works.patch(&name, &PatchParams::default(), &patch).await.ok()
        } else {
            let object = json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
                "metadata": {"name": name}, "spec": spec});
            let object = serde_json::from_value(object).unwrap();
            works.create(&PostParams::default(), &object).await.ok()
        }
    })
    .await;
    wanted.insert(name, (maps, serial));
}

#[tokio::test]
async fn an_agent_killed_at_random_moments_leaves_no_orphan_and_no_lie() {
    let pair = Pair::new();
    // From here on the agent is a process of this test.
    let deployments: Api<Deployment> =
        Api::namespaced(pair.on_cluster().await, "open-cluster-management");
    let none = Patch::Merge(json!({"spec": {"replicas": 0}}));
    deployments
        .patch("klusterlet", &PatchParams::default(), &none)
        .await
        .unwrap();
    let works = pair.works().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(pair.on_cluster().await);
    let kind = GroupVersionKind::gvk(
        "work.open-cluster-management.io",
        "v1",
        "AppliedManifestWork",
    );
    let records: Api<DynamicObject> =
        Api::all_with(pair.on_cluster().await, &ApiResource::from_gvk(&kind));
    let seeds = std::env::var("OCMADM_SEEDS").ok();
    let seeds: u64 = seeds.and_then(|seeds| seeds.parse().ok()).unwrap_or(4);
    let mut wanted = Wanted::new();
    let mut serial = 0;
    for seed in 0..seeds {
        let mut dice = Dice(seed);
        let mut process = agent(&pair);
        for _ in 0..3 {
            serial += 1;
            // What an earlier deletion waits for is the agent, which is there.
            act(&works, &mut wanted, &mut dice, serial).await;
            tokio::time::sleep(Duration::from_millis(dice.below(700))).await;
            kill(process);
            process = agent(&pair);
        }
        for name in wanted.keys() {
            wait(works.clone(), name, is_available).await;
        }
        // Exactly what is wanted, nothing else, and the records say so.
        let state = || async {
            let labelled = ListParams::default().labels("dice=yes");
            let mut there = BTreeMap::new();
            for map in maps.list(&labelled).await.unwrap() {
                let value = map.data.as_ref().and_then(|d| d.get("value")).cloned();
                there.insert(map.name_any(), value.unwrap_or_default());
            }
            let mut recorded: Vec<String> = Vec::new();
            for record in records.list(&ListParams::default()).await.unwrap() {
                let entries = record.data["status"]["appliedResources"]
                    .as_array()
                    .cloned();
                for entry in entries.into_iter().flatten() {
                    recorded.extend(entry["name"].as_str().map(str::to_owned));
                }
            }
            recorded.sort();
            (there, recorded)
        };
        let mut expected = BTreeMap::new();
        for (maps, value) in wanted.values() {
            expected.extend(maps.iter().map(|name| (name.clone(), value.to_string())));
        }
        let names: Vec<String> = expected.keys().cloned().collect();
        eventually(&format!("seed {seed}: what is wanted is there"), || async {
            let (there, recorded) = state().await;
            (there == expected && recorded == names).then_some(())
        })
        .await;
        // Every status still says so: none spoke too early.
        for (name, (maps, _)) in &wanted {
            let work = works.get(name).await.unwrap();
            assert!(is_available(Some(&work)), "seed {seed}: {name}");
            let told = work.data["status"]["resourceStatus"]["manifests"].as_array();
            assert_eq!(told.map(Vec::len), Some(maps.len()), "seed {seed}: {name}");
        }
        // A deleted work goes from the hub after all that it had made.
        eventually(&format!("seed {seed}: no other work is left"), || async {
            let left = works.list(&ListParams::default()).await.unwrap();
            (left.items.len() == wanted.len()).then_some(())
        })
        .await;
        kill(process);
    }
    // What a killed agent left unsaid is not left to the cluster's own agent.
    let one = Patch::Merge(json!({"spec": {"replicas": 1}}));
    deployments
        .patch("klusterlet", &PatchParams::default(), &one)
        .await
        .unwrap();
    for name in wanted.keys() {
        succeeds(
            &pair
                .hub
                .ocmadm(&["delete", "work", name, "--clusters", "cluster1"]),
        );
    }
    eventually("everything is gone", || async {
        let labelled = ListParams::default().labels("dice=yes");
        let left = maps.list(&labelled).await.unwrap();
        left.items.is_empty().then_some(())
    })
    .await;
}
