//! Further statements of the protocol, one test each.

use std::time::Duration;

use serde_json::{Value, json};

use super::bed::*;

fn config(group: &str, resource: &str, name: &str, more: Value) -> Value {
    let mut config = more;
    config["resourceIdentifier"] =
        json!({"group": group, "resource": resource, "name": name, "namespace": "default"});
    config
}

fn ignoring(fields: &Value) -> Value {
    let strategy = json!({"updateStrategy": {"type": "ServerSideApply",
        "serverSideApply": {"force": true, "ignoreFields": [fields]}}});
    json!({"manifestConfigs": [config("", "configmaps", "a", strategy)]})
}

fn two_keys(key: &str, other: &str) -> Value {
    let mut map = config_map("a", key);
    map["data"]["other"] = other.into();
    map
}

/// Data of the config map `a`.
async fn data(bed: &Bed) -> Value {
    bed.spoke.get(&config_map("a", "")).await.unwrap()["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn work_02_without_an_id_the_agent_is_its_hubs_hash() {
    let mut bed = Bed::without_agent().await;
    let mut nameless = options();
    nameless.agent_id = String::new();
    bed.start_agent(nameless);
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    let spec = bed.record("w").await.unwrap()["spec"].clone();
    assert_eq!(spec["agentID"], spec["hubHash"]);
    assert_eq!(spec["hubHash"].as_str().map(str::len), Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_23_a_field_ignored_on_change_returns_with_the_next_manifest() {
    let bed = Bed::start().await;
    let fields = json!({"condition": "OnSpokeChange", "jsonPaths": [".data.key"]});
    bed.create_work_with("w", vec![two_keys("hub", "1")], ignoring(&fields))
        .await;
    bed.until_available("w").await;
    bed.spoke
        .merge(&config_map("a", ""), json!({"data": {"key": "spoke"}}))
        .await;
    // A change of something else in the work leaves it alone.
    bed.set_manifests("w", vec![two_keys("hub", "1"), config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    assert_eq!(data(&bed).await["key"], "spoke");
    bed.set_manifests("w", vec![two_keys("hub", "2")]).await;
    until("the field is the hub's again", || async {
        data(&bed).await == json!({"key": "hub", "other": "2"})
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_25_an_invalid_expression_has_a_reason_of_its_own() {
    let bed = Bed::start().await;
    let fields = json!({"condition": "OnSpokePresent", "jqPathExpressions": [".data["]});
    bed.create_work_with("w", vec![config_map("a", "1")], ignoring(&fields))
        .await;
    let failed = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    let applied = manifest_condition(&failed, 0, "Applied").unwrap();
    assert_eq!(applied["reason"], "AppliedManifestSSAIgnoreFieldError");
    let message = applied["message"].as_str().unwrap();
    assert!(
        message.starts_with("Failed to process ignoreFields: JQ expression error in '.data['"),
        "{message}"
    );
    // Mended, it is applied.
    let fields = json!({"condition": "OnSpokePresent", "jqPathExpressions": [".data.key"]});
    bed.hub
        .merge(&work("w"), json!({"spec": ignoring(&fields)}))
        .await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_26_the_first_of_each_kind_of_rule_wins() {
    let bed = Bed::start().await;
    let value = |name: &str, path: &str| json!([{"type": "JSONPaths", "jsonPaths": [{"name": name, "path": path}]}]);
    let rule = |message: &str| json!([{"type": "CEL", "condition": "Fine", "celExpressions": ["true"], "message": message}]);
    let configs = json!({"manifestConfigs": [
        config("", "configmaps", "*", json!({"feedbackRules": value("first", ".data.key")})),
        config("", "configmaps", "a", json!({"feedbackRules": value("second", ".data.key"),
            "conditionRules": rule("of the second")})),
        config("", "configmaps", "a", json!({"conditionRules": rule("of the third")})),
    ]});
    bed.create_work_with("w", vec![config_map("a", "1")], configs)
        .await;
    let done = bed.until_available("w").await;
    let values = &done["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
    assert_eq!(values.as_array().map(Vec::len), Some(1), "{values}");
    assert_eq!(values[0]["name"], "first");
    assert_eq!(
        manifest_condition(&done, 0, "Fine").unwrap()["message"],
        "of the second"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_33_another_version_of_a_kind_is_the_same_object() {
    let bed = Bed::start().await;
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
    };
    bed.spoke
        .create(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "gadgets.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "gadgets", "kind": "Gadget", "singular": "gadget", "listKind": "GadgetList"},
                "versions": [version("v1", true), version("v2", false)]}}))
        .await;
    let gadget = |version: &str| {
        json!({"apiVersion": format!("example.com/{version}"), "kind": "Gadget",
        "metadata": {"name": "x", "namespace": "default"}, "spec": {"a": 1}})
    };
    bed.create_work("w", vec![gadget("v1")]).await;
    bed.until_available("w").await;
    let uid = bed.spoke.get(&gadget("v1")).await.unwrap()["metadata"]["uid"].clone();
    bed.set_manifests("w", vec![gadget("v2")]).await;
    bed.until_available("w").await;
    until("the record has the new version", || async {
        let resources = bed.record("w").await.unwrap()["status"]["appliedResources"].clone();
        resources.as_array().map(Vec::len) == Some(1)
            && resources[0]["version"] == "v2"
            && resources[0]["uid"] == uid
    })
    .await;
    assert_eq!(
        bed.spoke.get(&gadget("v2")).await.unwrap()["metadata"]["uid"],
        uid
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_35_an_owner_that_is_no_work_protects_nothing() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    let other = bed.spoke.create(config_map("other", "1")).await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    let mut references = live["metadata"]["ownerReferences"].clone();
    references.as_array_mut().unwrap().push(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": other["metadata"]["uid"]}));
    bed.spoke
        .merge(
            &config_map("a", ""),
            json!({"metadata": {"ownerReferences": references}}),
        )
        .await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_41_42_what_lost_its_work_waits_for_it_and_a_hundred_years_are_for_ever() {
    let mut bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    bed.stop_agent().await;
    bed.hub
        .merge(&work("w"), json!({"metadata": {"finalizers": null}}))
        .await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    bed.start_agent(options());
    let started = || async {
        let record = bed.record("w").await.unwrap();
        record["status"]["evictionStartTime"].is_string()
    };
    until("the eviction begins", started).await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    until("it is called off", || async { !started().await }).await;
    // With a grace of a hundred years it does not even begin.
    bed.stop_agent().await;
    bed.hub
        .merge(&work("w"), json!({"metadata": {"finalizers": null}}))
        .await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    let started = json!({"status": {"evictionStartTime": "2020-01-01T00:00:00Z"}});
    bed.spoke.merge_status(&record("w"), started).await;
    let mut patient = options();
    patient.eviction_grace_period = Duration::from_secs(876_000 * 3600);
    bed.start_agent(patient);
    until("the time is taken back", || async {
        bed.record("w").await.unwrap()["status"]["evictionStartTime"].is_null()
    })
    .await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_46_47_feedback_without_rules_and_with_values_that_change() {
    let bed = Bed::start().await;
    let rules = json!({"feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "v", "path": ".metadata.labels.v"}]}]});
    let configs = json!({"manifestConfigs": [config("", "configmaps", "a", rules)]});
    bed.create_work_with(
        "w",
        vec![config_map("a", "1"), config_map("b", "1")],
        configs,
    )
    .await;
    let done = bed.until_available("w").await;
    let fed = |work: &Value, i: usize| manifest_condition(work, i, "StatusFeedbackSynced").cloned();
    assert_eq!(fed(&done, 1).unwrap()["reason"], "NoStatusFeedbackSynced");
    let before = fed(&done, 0).unwrap();
    assert_eq!(before["reason"], "StatusFeedbackSynced");
    // Conditions have whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    bed.spoke
        .merge(
            &config_map("a", ""),
            json!({"metadata": {"labels": {"v": "2"}}}),
        )
        .await;
    let after = bed
        .until_work("w", |w| {
            let values = &w["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
            values[0]["fieldValue"]["string"] == "2"
        })
        .await;
    let changed = fed(&after, 0).unwrap();
    assert_eq!(changed["status"], "True");
    assert_ne!(changed["lastTransitionTime"], before["lastTransitionTime"]);
    assert_eq!(fed(&after, 1), fed(&done, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_49_raw_values_are_json_up_to_a_size() {
    let mut bed = Bed::without_agent().await;
    let mut raw = options();
    raw.raw_feedback = true;
    bed.start_agent(raw);
    let rules = json!({"feedbackRules": [{"type": "JSONPaths", "jsonPaths": [
        {"name": "labels", "path": ".metadata.labels"}, {"name": "data", "path": ".data"}]}]});
    let configs = json!({"manifestConfigs": [config("", "configmaps", "a", rules)]});
    let mut map = config_map("a", &"x".repeat(1100));
    map["metadata"]["labels"] = json!({"b": "2", "a": "1"});
    bed.create_work_with("w", vec![map], configs).await;
    let done = bed.until_available("w").await;
    let values = &done["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
    assert_eq!(
        *values,
        json!([{"name": "labels", "fieldValue": {"type": "JsonRaw", "jsonRaw": r#"{"a":"1","b":"2"}"#}}])
    );
    assert_eq!(
        manifest_condition(&done, 0, "StatusFeedbackSynced").unwrap()["status"],
        "False"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_53_54_conditions_add_up_and_nothing_is_written_without_a_change() {
    let bed = Bed::start().await;
    let rule = |kind: &str| json!({"type": "CEL", "condition": kind, "celExpressions": ["object.data.key == '1'"]});
    let rules = json!({"conditionRules": [rule("Progressing"), rule("Ready")]});
    let configs = json!({"manifestConfigs": [config("", "configmaps", "*", rules)]});
    bed.create_work_with(
        "w",
        vec![config_map("a", "1"), config_map("b", "2")],
        configs,
    )
    .await;
    let done = bed.until_available("w").await;
    assert_eq!(condition(&done, "Progressing").unwrap()["status"], "True");
    assert_eq!(condition(&done, "Ready").unwrap()["status"], "False");
    // Another work comes and goes; nobody touches this one, its record or its objects.
    let versions = || async {
        let mut versions = Vec::new();
        for object in [
            bed.work("w").await,
            bed.record("w").await.unwrap(),
            bed.spoke.get(&config_map("a", "")).await.unwrap(),
        ] {
            versions.push(object["metadata"]["resourceVersion"].clone());
        }
        versions
    };
    until("everything is recorded", || async {
        let resources = bed.record("w").await.unwrap()["status"]["appliedResources"].clone();
        resources
            .as_array()
            .is_some_and(|r| r.len() == 2 && r.iter().all(|r| r["uid"].is_string()))
    })
    .await;
    let before = versions().await;
    bed.create_work("v", vec![config_map("c", "1")]).await;
    bed.until_available("v").await;
    bed.hub.delete(&work("v")).await;
    bed.until_gone("v").await;
    assert_eq!(versions().await, before);
}
