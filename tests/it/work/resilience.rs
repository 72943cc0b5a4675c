//! Agents that die and hubs that go away.

use std::time::{Duration, Instant};

use serde_json::json;

use super::bed::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_while_applying_converges_without_orphans() {
    let mut bed = Bed::without_agent().await;
    let many: Vec<_> = (0..30).map(|i| config_map(&format!("c{i}"), "1")).collect();
    for pause in [0, 3, 8, 15] {
        let name = format!("w{pause}");
        bed.start_agent(options());
        bed.create_work(&name, many.clone()).await;
        // Somewhere in the middle, at another place each time.
        tokio::time::sleep(Duration::from_millis(pause)).await;
        bed.kill_agent().await;
        // Meanwhile the hub wants something else.
        bed.set_manifests(&name, vec![config_map("other", "1")])
            .await;
        bed.start_agent(options());
        bed.until_available(&name).await;
        until("nothing of the first content is left", || async {
            let maps = bed.spoke.list("ConfigMap", "default").await;
            !maps
                .iter()
                .filter_map(|map| map["metadata"]["name"].as_str())
                .any(|name| name.starts_with('c'))
        })
        .await;
        assert_eq!(bed.records().await, 1);
        bed.hub.delete(&work(&name)).await;
        bed.until_gone(&name).await;
        bed.stop_agent().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_deleted_while_the_agent_was_away_goes() {
    let mut bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    bed.kill_agent().await;
    bed.hub.delete(&work("w")).await;
    bed.start_agent(options());
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_deleted_by_hand_comes_back_with_its_resources() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    let uid = bed.record("w").await.unwrap()["metadata"]["uid"].clone();
    bed.spoke.delete(&record("w")).await;
    until("there is another record", || async {
        bed.record("w")
            .await
            .is_some_and(|r| r["metadata"]["uid"] != uid)
    })
    .await;
    until("the resource is back", || async {
        bed.spoke.get(&config_map("a", "")).await.is_some()
    })
    .await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_works_are_quick() {
    let bed = Bed::start().await;
    bed.create_work("first", vec![config_map("first", "1")])
        .await;
    bed.until_available("first").await;
    let start = Instant::now();
    bed.create_work("one", vec![config_map("one", "1")]).await;
    bed.until_available("one").await;
    println!("one work available after {:?}", start.elapsed());
    let start = Instant::now();
    for i in 0..100 {
        bed.create_work(&format!("w{i}"), vec![config_map(&format!("m{i}"), "1")])
            .await;
    }
    for i in 0..100 {
        bed.until_available(&format!("w{i}")).await;
    }
    println!("100 works available after {:?}", start.elapsed());
    let patched = |work: &serde_json::Value| work["metadata"]["resourceVersion"].clone();
    let before = patched(&bed.work("one").await);
    bed.hub
        .merge(
            &work("first"),
            json!({"metadata": {"annotations": {"a": "b"}}}),
        )
        .await;
    assert_eq!(patched(&bed.work("one").await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_hub_is_away_resources_stay_and_status_catches_up() {
    let mut bed = Bed::without_agent().await;
    let (hub, away) = bed.hub.switchable();
    let spoke = bed.spoke.client.clone();
    bed.start_agent_with(options(), hub, spoke);
    bed.create_work("w", vec![config_map("a", "1"), config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    away.set(true);
    // What is applied is still looked after.
    bed.spoke
        .merge(&config_map("a", ""), json!({"data": {"key": "drift"}}))
        .await;
    until("the drift is corrected", || async {
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"] == "1"
    })
    .await;
    let finalizers = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    bed.spoke.merge(&config_map("b", ""), finalizers).await;
    bed.set_manifests("w", vec![config_map("a", "2")]).await;
    assert_eq!(bed.records().await, 1);
    assert!(bed.spoke.get(&config_map("b", "")).await.is_some());
    away.set(false);
    bed.until_available("w").await;
    assert_eq!(
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"],
        "2"
    );
}

async fn copies(bed: &Bed) -> usize {
    let secrets = bed.spoke.list("Secret", "default").await;
    let copied = |s: &&serde_json::Value| s["type"] == "ocmadm.io/manifestwork";
    secrets.iter().filter(copied).count()
}

/// Options of an agent that copies works, as the klusterlet's does.
fn copying() -> ocmadm::agent::work::Options {
    let mut options = options();
    options.copies = Some("default".to_owned());
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_without_its_hub_corrects_drift_and_resurrects_nothing() {
    let mut bed = Bed::without_agent().await;
    bed.start_agent_with(copying(), bed.hub.client.clone(), bed.spoke.client.clone());
    for name in ["kept", "gone"] {
        bed.create_work(name, vec![config_map(name, "1")]).await;
        bed.until_available(name).await;
    }
    // The copy is of what was applied last.
    bed.set_manifests("kept", vec![config_map("kept", "2")])
        .await;
    bed.until_available("kept").await;
    until("both are copied", async || copies(&bed).await == 2).await;
    bed.kill_agent().await;
    let (hub, away) = bed.hub.switchable();
    away.set(true);
    let spoke = bed.spoke.client.clone();
    bed.start_agent_with(copying(), hub, spoke);
    // While nobody looked, and while the agent does.
    bed.spoke.delete(&config_map("kept", "")).await;
    let is = async |name: &str, value: &str| {
        let live = bed.spoke.get(&config_map(name, "")).await;
        live.is_some_and(|map| map["data"]["key"] == value)
    };
    until("the object is back", async || is("kept", "2").await).await;
    let drift = json!({"data": {"key": "drift"}});
    bed.spoke.merge(&config_map("gone", ""), drift).await;
    until("the drift is corrected", async || is("gone", "1").await).await;
    // The hub comes back without one of the works.
    let before = bed.work("kept").await;
    bed.hub.delete(&work("gone")).await;
    away.set(false);
    bed.until_gone("gone").await;
    until("its object is gone", async || {
        bed.spoke.get(&config_map("gone", "")).await.is_none()
    })
    .await;
    until("its copy too", async || copies(&bed).await == 1).await;
    assert!(is("kept", "2").await);
    // What is as it was reported is not reported again.
    let after = bed.work("kept").await;
    assert_eq!(
        before["metadata"]["resourceVersion"],
        after["metadata"]["resourceVersion"]
    );
    // The object that was made anew is still the work's.
    bed.hub.delete(&work("kept")).await;
    bed.until_gone("kept").await;
    assert!(bed.spoke.get(&config_map("kept", "")).await.is_none());
    until("and its copy", async || copies(&bed).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_that_comes_again_at_once_has_a_copy_of_its_new_self() {
    let mut bed = Bed::without_agent().await;
    bed.start_agent_with(copying(), bed.hub.client.clone(), bed.spoke.client.clone());
    for value in ["1", "2", "3", "4"] {
        bed.create_work("w", vec![config_map("a", "first")]).await;
        bed.set_manifests("w", vec![config_map("a", value)]).await;
        bed.until_available("w").await;
        let record = bed.record("w").await.unwrap();
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": record["metadata"]["name"], "namespace": "default"}});
        // The end of the one before has had its time, too.
        until("it is copied", async || {
            let copy = bed.spoke.get(&secret).await.unwrap_or_default();
            let stamp = copy["metadata"]["annotations"]["ocmadm.io/stamp"].as_str();
            let generation = bed.work("w").await["metadata"]["generation"].to_string();
            let uid = record["metadata"]["uid"].as_str().unwrap();
            stamp.is_some_and(|stamp| {
                let words: Vec<&str> = stamp.split(' ').collect();
                words[0] == uid && words[2] == generation
            })
        })
        .await;
        bed.hub.delete(&work("w")).await;
        bed.until_gone("w").await;
    }
    until("and no copy is left", async || copies(&bed).await == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_its_record_counts_for_nothing() {
    let mut bed = Bed::without_agent().await;
    bed.start_agent_with(copying(), bed.hub.client.clone(), bed.spoke.client.clone());
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    let name = bed.record("w").await.unwrap()["metadata"]["name"].clone();
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"}});
    until("it is copied", async || {
        bed.spoke.get(&secret).await.is_some()
    })
    .await;
    let mut copy = bed.spoke.get(&secret).await.unwrap();
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    until("its copy too", async || {
        bed.spoke.get(&secret).await.is_none()
    })
    .await;
    bed.kill_agent().await;
    // Somebody restores it from a backup.
    for field in [
        "uid",
        "resourceVersion",
        "managedFields",
        "creationTimestamp",
        "ownerReferences",
    ] {
        copy["metadata"].as_object_mut().unwrap().remove(field);
    }
    bed.spoke.create(copy).await;
    let (hub, away) = bed.hub.switchable();
    away.set(true);
    let spoke = bed.spoke.client.clone();
    bed.start_agent_with(copying(), hub, spoke);
    until("the copy is removed", async || {
        bed.spoke.get(&secret).await.is_none()
    })
    .await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_43_a_new_hub_takes_over_and_shared_objects_stay() {
    let mut bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    let uid = bed.spoke.get(&config_map("a", "")).await.unwrap()["metadata"]["uid"].clone();
    bed.stop_agent().await;
    // The same works under another address of the hub.
    let mut moved = options();
    moved.hub_server = "https://other.example:6443".to_owned();
    moved.eviction_grace_period = Duration::from_millis(1500);
    bed.start_agent(moved);
    until("the old record is gone", || async {
        bed.record("w").await.is_none()
    })
    .await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(live["metadata"]["uid"], uid);
    assert_eq!(owners(&live).len(), 1);
    assert_eq!(bed.records().await, 1);
}
