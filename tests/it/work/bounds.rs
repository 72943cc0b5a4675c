//! Works and statuses beyond what can be kept: something is always said.

use std::time::Duration;

use serde_json::{Value, json};

use super::bed::*;

fn message(work: &Value, ordinal: usize, kind: &str) -> String {
    manifest_condition(work, ordinal, kind)
        .and_then(|c| c["message"].as_str())
        .unwrap_or_default()
        .to_owned()
}

fn config(name: &str, more: Value) -> Value {
    let mut config = more;
    config["resourceIdentifier"] =
        json!({"group": "", "resource": "configmaps", "name": name, "namespace": "default"});
    config
}

fn paths(count: usize) -> Value {
    let paths: Vec<Value> = (0..count)
        .map(|i| json!({"name": format!("v{i}"), "path": ".data.key"}))
        .collect();
    json!({"feedbackRules": [{"type": "JSONPaths", "jsonPaths": paths}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_values_that_no_status_can_hold_are_told() {
    let bed = Bed::start().await;
    let long = "x".repeat(40_000);
    let odd = json!({"conditionRules": [
        {"type": "CEL", "condition": "My check", "celExpressions": ["true"]},
        {"type": "CEL", "condition": "Available", "celExpressions": ["false"]},
        {"type": "CEL", "condition": "Long", "celExpressions": ["true"], "messageExpression": "object.data.key"}]});
    let more = json!({"manifestConfigs": [config("a", odd), config("b", paths(6))]});
    let manifests = vec![
        config_map("a", &long),
        config_map("b", &"y".repeat(300_000)),
        config_map("c", "1"),
    ];
    bed.create_work_with("w", manifests, more).await;
    bed.create_work("v", vec![config_map("d", "1")]).await;
    let done = bed.until_available("w").await;
    assert_eq!(statuses(&done, "Applied"), ["True", "True", "True"]);
    let rules = message(&done, 0, "ConditionRulesValid");
    assert!(rules.contains("\"My check\" cannot be the type"), "{rules}");
    assert!(
        rules.contains("\"Available\" is a condition of the agent"),
        "{rules}"
    );
    assert_eq!(
        condition(&done, "ConditionRulesValid").unwrap()["status"],
        "False"
    );
    let cut = message(&done, 0, "Long");
    assert!(
        cut.ends_with('…') && cut.len() <= 16 * 1024,
        "{}",
        cut.len()
    );
    let fed = message(&done, 1, "StatusFeedbackSynced");
    assert!(
        fed.contains("the length of the value for v0 is 300000"),
        "{fed}"
    );
    // The built-in condition is the agent's, and stands still.
    let version = done["metadata"]["resourceVersion"].clone();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bed.work("w").await["metadata"]["resourceVersion"], version);
    bed.until_available("v").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_refuses_the_status_is_told_less_and_why() {
    let bed = Bed::start().await;
    bed.hub
        .change_schema(
            "manifestworks.work.open-cluster-management.io",
            "/properties/status/properties/resourceStatus/properties/manifests/items/properties/statusFeedback",
            json!({"type": "object", "properties": {"values": {"type": "array", "maxItems": 0,
                "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}),
        )
        .await;
    let more = json!({"manifestConfigs": [config("a", paths(1))]});
    bed.create_work_with("w", vec![config_map("a", "0"), config_map("b", "1")], more)
        .await;
    // The server notices its definition a moment later: until then all is taken.
    let mut round = 0;
    let told = loop {
        round += 1;
        bed.set_manifests(
            "w",
            vec![config_map("a", &round.to_string()), config_map("b", "1")],
        )
        .await;
        let now = bed.until_available("w").await;
        if condition(&now, "StatusTruncated").is_some() {
            break now;
        }
        assert!(round < 300, "it was never refused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let said = condition(&told, "StatusTruncated").unwrap();
    assert_eq!(said["reason"], "StatusRefused");
    let text = said["message"].as_str().unwrap();
    assert!(
        text.contains("The hub refuses the status") && text.contains("must have at most 0 items"),
        "{text}"
    );
    assert_eq!(statuses(&told, "Applied"), ["True", "True"]);
    // It is not written again and again, and the work is looked after.
    let version = told["metadata"]["resourceVersion"].clone();
    bed.spoke
        .merge(&config_map("a", ""), json!({"data": {"key": "drift"}}))
        .await;
    let wanted = round.to_string();
    until("the drift is corrected", || async {
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"] == wanted
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(bed.work("w").await["metadata"]["resourceVersion"], version);
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_too_long_for_a_record_is_said() {
    let bed = Bed::start().await;
    let (longest, longer) = ("n".repeat(188), "n".repeat(189));
    bed.create_work(&longer, vec![config_map("a", "1")]).await;
    bed.create_work(&longest, vec![config_map("b", "1")]).await;
    let said = bed.until_work(&longer, |w| is(w, "Applied", "False")).await;
    let applied = condition(&said, "Applied").unwrap();
    assert_eq!(applied["reason"], "AppliedManifestWorkFailed");
    let text = applied["message"].as_str().unwrap();
    assert!(
        text.contains("189 characters") && text.contains("up to 188"),
        "{text}"
    );
    bed.until_available(&longest).await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
    bed.hub.delete(&work(&longer)).await;
    bed.until_gone(&longer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_nested_too_deep_is_refused_alone() {
    let mut bed = Bed::without_agent().await;
    // As a hub says it that takes such a manifest.
    let deep = format!("{}1{}", r#"{"n":"#.repeat(400), "}".repeat(400));
    let hub = bed.hub.saying("\"HERE\"", deep);
    let spoke = bed.spoke.client.clone();
    bed.create_work("w", vec![config_map("deep", "HERE"), config_map("a", "1")])
        .await;
    bed.create_work("v", vec![config_map("b", "1")]).await;
    bed.start_agent_with(options(), hub, spoke);
    bed.until_available("v").await;
    let told = bed
        .until_work("w", |w| statuses(w, "Applied") == ["False", "True"])
        .await;
    let text = message(&told, 0, "Applied");
    assert!(text.contains("nested too deep"), "{text}");
    // And the watch goes on, with it and without it.
    bed.set_manifests("w", vec![config_map("deep", "HERE"), config_map("a", "2")])
        .await;
    until("the other is updated", || async {
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"] == "2"
    })
    .await;
    bed.set_manifests("w", vec![config_map("deep", "flat"), config_map("a", "2")])
        .await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_that_cannot_be_read_is_not_gone() {
    let mut bed = Bed::without_agent().await;
    let mut hasty = options();
    hasty.eviction_grace_period = Duration::from_millis(200);
    bed.start_agent(hasty);
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    let uid = bed.spoke.get(&config_map("a", "")).await.unwrap()["metadata"]["uid"].clone();
    bed.hub
        .change_schema(
            "manifestworks.work.open-cluster-management.io",
            "/properties/spec/properties/manifestConfigs",
            json!({"x-kubernetes-preserve-unknown-fields": true}),
        )
        .await;
    let odd = json!({"spec": {"manifestConfigs": {"of another": "hub"}}});
    until("the hub takes it", || async {
        bed.hub.try_merge(&work("w"), odd.clone()).await.is_some()
    })
    .await;
    let told = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    let text = condition(&told, "Applied").unwrap()["message"]
        .as_str()
        .unwrap();
    assert!(
        text.contains("the spec of the work cannot be read"),
        "{text}"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    let kept = bed.record("w").await.unwrap();
    assert!(kept["status"]["evictionStartTime"].is_null());
    bed.hub
        .merge(&work("w"), json!({"spec": {"manifestConfigs": null, "workload": {"manifests": [config_map("a", "2")]}}}))
        .await;
    bed.until_available("w").await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(
        (&live["metadata"]["uid"], &live["data"]["key"]),
        (&uid, &json!("2"))
    );
}
