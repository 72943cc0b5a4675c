//! Works that go, and what goes with them.

use std::time::Duration;

use serde_json::json;

use super::bed::*;

#[tokio::test(flavor = "multi_thread")]
async fn work_39_resources_go_with_the_work() {
    let mut bed = Bed::without_agent().await;
    let (spoke, switch) = bed.spoke.switchable();
    bed.start_agent_with(options(), bed.hub.client.clone(), spoke);
    bed.create_work("w", vec![config_map("a", "1"), config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    switch.sent();
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
    assert!(bed.spoke.get(&config_map("b", "")).await.is_none());
    // The agent does it, no garbage collector.
    let sent = switch.sent();
    for name in ["a", "b"] {
        let path = format!("DELETE /api/v1/namespaces/default/configmaps/{name}");
        let deletions = sent.iter().filter(|line| line.starts_with(&path));
        assert_eq!(deletions.count(), 1, "{sent:#?}");
    }
    assert!(bed.record("w").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_34_a_shared_object_goes_with_its_last_work() {
    let bed = Bed::start().await;
    bed.create_work("v", vec![config_map("a", "1")]).await;
    bed.create_work("w", vec![config_map("a", "1"), config_map("b", "1")])
        .await;
    bed.until_available("v").await;
    bed.until_available("w").await;
    until("both own it", || async {
        owners(&bed.spoke.get(&config_map("a", "")).await.unwrap()).len() == 2
    })
    .await;
    let uid = bed.spoke.get(&config_map("a", "")).await.unwrap()["metadata"]["uid"].clone();
    bed.set_manifests("w", vec![config_map("b", "1")]).await;
    until("one owner is left", || async {
        owners(&bed.spoke.get(&config_map("a", "")).await.unwrap()).len() == 1
    })
    .await;
    assert_eq!(
        bed.spoke.get(&config_map("a", "")).await.unwrap()["metadata"]["uid"],
        uid
    );
    bed.hub.delete(&work("v")).await;
    bed.until_gone("v").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_34_a_shared_object_survives_the_end_of_one_work() {
    let bed = Bed::start().await;
    // The first knew the object as its own alone before the other came.
    for name in ["v", "w"] {
        bed.create_work(name, vec![config_map("a", "1")]).await;
        bed.until_available(name).await;
    }
    let shared = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(owners(&shared).len(), 2);
    bed.hub.delete(&work("v")).await;
    bed.until_gone("v").await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(live["metadata"]["uid"], shared["metadata"]["uid"]);
    assert!(live["metadata"]["deletionTimestamp"].is_null());
    assert_eq!(
        owners(&live),
        [record("w")["metadata"]["name"].as_str().unwrap()]
    );
    bed.until_available("w").await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_36_37_orphans_stay_until_they_are_owned_again() {
    let bed = Bed::start().await;
    bed.create_work_with(
        "w",
        vec![config_map("a", "1")],
        json!({"deleteOption": {"propagationPolicy": "Orphan"}}),
    )
    .await;
    bed.until_available("w").await;
    assert!(owners(&bed.spoke.get(&config_map("a", "")).await.unwrap()).is_empty());
    bed.hub
        .merge(&work("w"), json!({"spec": {"deleteOption": null}}))
        .await;
    until("it is owned", || async {
        owners(&bed.spoke.get(&config_map("a", "")).await.unwrap()).len() == 1
    })
    .await;
    let selective = json!({"propagationPolicy": "SelectivelyOrphan", "selectivelyOrphans": {"orphaningRules": [
        {"group": "", "resource": "configmaps", "name": "a", "namespace": "default"}]}});
    bed.hub.merge(&work("w"), json!({"spec": {"deleteOption": selective, "workload": {"manifests": [config_map("a", "1"), config_map("b", "1")]}}})).await;
    until("it is not owned", || async {
        owners(&bed.spoke.get(&config_map("a", "")).await.unwrap()).is_empty()
    })
    .await;
    bed.until_available("w").await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_some());
    assert!(bed.spoke.get(&config_map("b", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_38_a_blocked_object_holds_its_work() {
    let bed = Bed::start().await;
    let mut blocked = config_map("a", "1");
    blocked["metadata"]["finalizers"] = json!(["example.com/hold"]);
    bed.create_work("w", vec![blocked, config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    bed.hub.delete(&work("w")).await;
    let deleting = bed.until_work("w", |w| is(w, "Deleting", "True")).await;
    assert_eq!(
        condition(&deleting, "Deleting").unwrap()["reason"],
        "WorkDeleting"
    );
    until("the other is gone", || async {
        bed.spoke.get(&config_map("b", "")).await.is_none()
    })
    .await;
    // What holds the work is named.
    let blocker = "still there: configmaps default/a (finalizers: example.com/hold)";
    bed.until_work("w", |w| {
        condition(w, "Deleting").unwrap()["message"]
            .as_str()
            .is_some_and(|text| text.ends_with(blocker))
    })
    .await;
    assert!(bed.record("w").await.is_some());
    bed.spoke
        .merge(
            &config_map("a", ""),
            json!({"metadata": {"finalizers": null}}),
        )
        .await;
    bed.until_gone("w").await;
    assert!(bed.record("w").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_40_an_object_of_others_is_left() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1"), config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    // Nobody's any more, and no longer in the work.
    let mut agentless = bed;
    agentless.stop_agent().await;
    agentless
        .spoke
        .merge(
            &config_map("a", ""),
            json!({"metadata": {"ownerReferences": null}}),
        )
        .await;
    agentless
        .set_manifests("w", vec![config_map("b", "1")])
        .await;
    agentless.start_agent(options());
    agentless.until_available("w").await;
    until("it is not recorded", || async {
        agentless.record("w").await.unwrap()["status"]["appliedResources"]
            .as_array()
            .unwrap()
            .len()
            == 1
    })
    .await;
    assert!(agentless.spoke.get(&config_map("a", "")).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_41_a_record_whose_work_vanished_is_evicted() {
    let mut bed = Bed::without_agent().await;
    let mut short = options();
    short.eviction_grace_period = Duration::from_millis(1500);
    bed.start_agent(short);
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    // Someone forces the work away.
    bed.stop_agent().await;
    bed.hub
        .merge(&work("w"), json!({"metadata": {"finalizers": null}}))
        .await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    let mut short = options();
    short.eviction_grace_period = Duration::from_millis(1500);
    bed.start_agent(short);
    until("the eviction begins", || async {
        bed.record("w")
            .await
            .is_none_or(|r| r["status"]["evictionStartTime"].is_string())
    })
    .await;
    until("the record is gone", || async {
        bed.record("w").await.is_none()
    })
    .await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
}

/// A Kubernetes API server deletes an object over a finalizer that comes at the same
/// moment: its last state has the finalizer, and no time of deletion.
#[tokio::test(flavor = "multi_thread")]
async fn a_work_that_is_deleted_over_the_finalizer_goes_with_its_resources() {
    let mut bed = Bed::without_agent().await;
    // The agent sees a finalizer that the hub knows nothing of.
    let generation = "\"generation\":1";
    let with_finalizer = format!(
        "\"finalizers\":[\"{}\"],{generation}",
        ocmadm::agent::work::model::WORK_FINALIZER
    );
    let hub = bed.hub.saying(generation, with_finalizer);
    let spoke = bed.spoke.client.clone();
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.create_work("v", vec![config_map("b", "1")]).await;
    bed.start_agent_with(options(), hub, spoke);
    bed.until_available("w").await;
    bed.until_available("v").await;
    bed.hub.delete(&work("w")).await;
    assert!(bed.hub.get(&work("w")).await.is_none(), "nothing held it");
    until("its record goes at once", || async {
        bed.record("w").await.is_none()
    })
    .await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
    assert!(bed.spoke.get(&config_map("b", "")).await.is_some());
}

/// What an agent leaves that ends in the middle of a new work: a record that says what
/// was going to be created, and nothing of what was.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_never_finished_goes_at_once_without_its_work() {
    let mut bed = Bed::without_agent().await;
    let resource = |name: &str| json!({"version": "v1", "resource": "configmaps", "namespace": "default", "name": name, "uid": ""});
    for (name, map, finished) in [("v", "a", true), ("w", "b", false)] {
        let mut object = record(name);
        let hash = ocmadm::agent::work::model::hub_hash(HUB);
        object["spec"] = json!({"hubHash": hash, "agentID": "agent-1", "manifestWorkName": name});
        object["metadata"]["finalizers"] = json!([ocmadm::agent::work::model::APPLIED_FINALIZER]);
        object["metadata"]["annotations"] =
            json!({"ocmadm.io/intended": json!([resource(map)]).to_string()});
        let uid = bed.spoke.create(object).await["metadata"]["uid"].clone();
        let mut object = config_map(map, "1");
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "work.open-cluster-management.io/v1", "kind": "AppliedManifestWork",
            "name": record(name)["metadata"]["name"], "uid": uid,
        }]);
        let uid = bed.spoke.create(object).await["metadata"]["uid"].clone();
        if finished {
            let mut resource = resource(map);
            resource["uid"] = uid;
            let status = json!({"status": {"appliedResources": [resource]}});
            bed.spoke.merge_status(&record(name), status).await;
        }
    }
    bed.start_agent(options());
    until("the unfinished one is gone", || async {
        bed.record("w").await.is_none()
    })
    .await;
    assert!(bed.spoke.get(&config_map("b", "")).await.is_none());
    until("the other has its time", || async {
        let record = bed.record("v").await.unwrap();
        record["status"]["evictionStartTime"].is_string()
    })
    .await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_some());
}
