//! What cannot be applied: each manifest says why, and everything else goes on.

use serde_json::{Value, json};

use super::bed::*;

fn message(work: &Value, ordinal: usize) -> String {
    manifest_condition(work, ordinal, "Applied")
        .and_then(|c| c["message"].as_str())
        .unwrap_or_default()
        .to_owned()
}

/// Waits until the manifests' Applied conditions have these statuses.
async fn until_applied(bed: &Bed, name: &str, wanted: &[&str]) -> Value {
    bed.until_work(name, |w| {
        statuses(w, "Applied") == wanted
            && condition(w, "Applied")
                .is_some_and(|c| c["observedGeneration"] == w["metadata"]["generation"])
    })
    .await
}

fn rules(group: &str, resource: &str, name: &str, more: Value) -> Value {
    let mut config = more;
    config["resourceIdentifier"] =
        json!({"group": group, "resource": resource, "name": name, "namespace": "default"});
    json!({"manifestConfigs": [config]})
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_break_their_schema_say_which_field() {
    let bed = Bed::start().await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"},
        "spec": {"ports": [{"port": 70000}]}});
    let mut unnamed = config_map("a_b", "1");
    unnamed["data"] = json!({"key": "1"});
    bed.create_work("w", vec![service, unnamed, config_map("c", "1")])
        .await;
    let failed = until_applied(&bed, "w", &["False", "False", "True"]).await;
    let text = message(&failed, 0);
    assert!(
        text.starts_with("Failed to apply manifest: ") && text.contains("spec.ports[0].port"),
        "{text}"
    );
    assert!(
        message(&failed, 1).contains("a_b"),
        "{}",
        message(&failed, 1)
    );
    assert_eq!(statuses(&failed, "Available"), ["False", "False", "True"]);
    // Other works go on.
    bed.create_work("v", vec![config_map("d", "1")]).await;
    bed.until_available("v").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_expressions_and_paths_are_told_beside_good_values() {
    let bed = Bed::start().await;
    let more = rules(
        "",
        "configmaps",
        "a",
        json!({
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [
            {"name": "good", "path": ".data.key"}, {"name": "bad", "path": ".data[?("}]}],
        "conditionRules": [
            {"type": "CEL", "condition": "Odd", "celExpressions": ["object.data.("]},
            {"type": "CEL", "condition": "Lost", "celExpressions": ["object.nothing == 1"]}]}),
    );
    bed.create_work_with("w", vec![config_map("a", "1"), config_map("b", "1")], more)
        .await;
    let done = bed.until_available("w").await;
    let fed = manifest_condition(&done, 0, "StatusFeedbackSynced").unwrap();
    assert_eq!(
        (fed["status"].as_str(), fed["reason"].as_str()),
        (Some("False"), Some("StatusFeedbackSyncFailed"))
    );
    let values = &done["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
    assert_eq!(values.as_array().map(Vec::len), Some(1), "{values}");
    assert_eq!(values[0]["fieldValue"]["string"], "1");
    for kind in ["Odd", "Lost"] {
        let made = manifest_condition(&done, 0, kind).unwrap();
        assert_eq!(made["reason"], "ConditionRuleExpressionError", "{made}");
        assert_eq!(made["status"], "False");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_48_structures_are_no_feedback_and_the_rest_is() {
    let bed = Bed::start().await;
    let more = rules(
        "",
        "configmaps",
        "a",
        json!({
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [
            {"name": "all", "path": ".data"}, {"name": "one", "path": ".data.key"},
            {"name": "none", "path": ".data.missing"}]}]}),
    );
    bed.create_work_with("w", vec![config_map("a", "1")], more)
        .await;
    let done = bed.until_available("w").await;
    let fed = manifest_condition(&done, 0, "StatusFeedbackSynced").unwrap();
    assert_eq!(fed["status"], "False");
    let text = fed["message"].as_str().unwrap();
    assert!(text.contains("all is not found"), "{text}");
    let values = &done["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
    assert_eq!(values.as_array().map(Vec::len), Some(1), "{values}");
    assert_eq!(values[0]["name"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_and_objects_do_no_harm() {
    let bed = Bed::start().await;
    let long = "x".repeat(300_000);
    let more = rules(
        "",
        "configmaps",
        "a",
        json!({
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [{"name": "long", "path": ".data.key"}]}]}),
    );
    // More than annotations may hold, together with those that are there.
    let mut theirs = config_map("c", "1");
    theirs["metadata"]["annotations"] = json!({"theirs": "y".repeat(200_000)});
    bed.spoke.create(theirs).await;
    let mut refused = config_map("c", "1");
    refused["metadata"]["annotations"] = json!({"ours": "y".repeat(100_000)});
    bed.create_work_with(
        "w",
        vec![config_map("a", &long), config_map("b", "1"), refused],
        more,
    )
    .await;
    let told = until_applied(&bed, "w", &["True", "True", "False"]).await;
    let text = message(&told, 2);
    assert!(
        text.contains("metadata.annotations") && text.contains("Too long"),
        "{text}"
    );
    let fed = manifest_condition(&told, 0, "StatusFeedbackSynced").unwrap();
    assert!(
        fed["message"]
            .as_str()
            .unwrap()
            .contains("is 300000, more than 16384"),
        "{fed}"
    );
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(live["data"]["key"].as_str().map(str::len), Some(300_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_goes_is_said_and_waited_for() {
    let mut bed = Bed::without_agent().await;
    let (client, switch) = bed.spoke.switchable();
    bed.start_agent_with(options(), bed.hub.client.clone(), client);
    bed.spoke.namespace("leaving").await;
    let mut held = config_map("held", "1");
    held["metadata"]["namespace"] = "leaving".into();
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    bed.spoke.create(held.clone()).await;
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "leaving"}});
    bed.spoke.delete(&namespace).await;
    let mut inside = config_map("a", "1");
    inside["metadata"]["namespace"] = "leaving".into();
    bed.create_work("w", vec![inside, config_map("b", "1")])
        .await;
    let failed = until_applied(&bed, "w", &["False", "True"]).await;
    let text = message(&failed, 0);
    assert!(text.contains("being terminated"), "{text}");
    // When it is gone and back, the manifest is applied by itself, and at once.
    let mut sent = Vec::new();
    until("namespaces are watched", || {
        sent.extend(switch.sent());
        let watch = |line: &&String| {
            line.starts_with("GET /api/v1/namespaces?") && line.contains("watch=true")
        };
        std::future::ready(sent.iter().any(|line| watch(&line)))
    })
    .await;
    bed.spoke
        .merge(&held, json!({"metadata": {"finalizers": null}}))
        .await;
    until("the namespace is gone", || async {
        bed.spoke.get(&namespace).await.is_none()
    })
    .await;
    bed.spoke.namespace("leaving").await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_works_with_one_object_own_it_together_say_so_and_do_not_race() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    bed.create_work("v", vec![config_map("a", "2"), config_map("b", "2")])
        .await;
    until("both own it", || async {
        let live = bed.spoke.get(&config_map("a", "")).await;
        live.is_some_and(|live| owners(&live).len() == 2)
    })
    .await;
    // Each time it is the other's, a work says whose.
    for (mine, other) in [("w", "v"), ("v", "w")] {
        if mine == "v" {
            // What its work wants is written at once; a correction may be minutes away.
            bed.set_manifests("w", vec![config_map("a", "3")]).await;
        }
        let told = bed.until_work(mine, |w| is(w, "Applied", "False")).await;
        let text = message(&told, 0);
        assert!(
            text.contains(&format!(
                "the work {other} applies it too, with another content"
            )),
            "{text}"
        );
        assert!(text.ends_with("(tried again within 4m)"), "{text}");
    }
    // They do not race: writes get fewer and fewer.
    let mut versions = std::collections::BTreeSet::new();
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_secs(5) {
        let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
        versions.insert(live["metadata"]["resourceVersion"].to_string());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(versions.len() <= 8, "{} writes in 5 s", versions.len());
    bed.create_work("u", vec![config_map("c", "3")]).await;
    bed.until_available("u").await;
    // One gives up: both are well.
    bed.set_manifests("v", vec![config_map("b", "2")]).await;
    bed.until_available("v").await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_16_a_label_with_a_dash_at_the_end_goes() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    bed.spoke
        .merge(
            &config_map("a", ""),
            json!({"metadata": {"labels": {"x": "1", "y": "2"}}}),
        )
        .await;
    let mut taken = config_map("a", "1");
    taken["metadata"]["labels"] = json!({"x-": ""});
    let patch = json!({"spec": {"workload": {"manifests": [taken]}}});
    // A hub that looks at labels of manifests refuses such a work at once.
    assert!(bed.hub.try_merge(&work("w"), patch.clone()).await.is_none());
    bed.hub
        .change_schema(
            "manifestworks.work.open-cluster-management.io",
            "/properties/spec/properties/workload/properties/manifests/items",
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        )
        .await;
    until("the hub takes it", || async {
        bed.hub.try_merge(&work("w"), patch.clone()).await.is_some()
    })
    .await;
    until("the label is gone", || async {
        let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
        live["metadata"]["labels"] == json!({"y": "2"})
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_the_agent_may_not_touch_is_said_in_the_servers_words() {
    let mut bed = Bed::without_agent().await;
    bed.allow_agent(json!([
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]},
        {"apiGroups": ["work.open-cluster-management.io"], "resources": ["*"], "verbs": ["*"]},
    ]))
    .await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "stringData": {"a": "b"}});
    bed.create_work("w", vec![secret, config_map("a", "1")])
        .await;
    let spoke = bed.limited_spoke();
    let hub = bed.hub.client.clone();
    bed.start_agent_with(options(), hub, spoke);
    let failed = until_applied(&bed, "w", &["False", "True"]).await;
    let text = message(&failed, 0);
    assert!(
        text.contains("secrets") && text.contains("forbidden"),
        "{text}"
    );
    assert_eq!(statuses(&failed, "Available"), ["Unknown", "True"]);
    // A right that is given is noticed by itself.
    bed.allow_agent(json!([
        {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["*"]},
        {"apiGroups": ["work.open-cluster-management.io"], "resources": ["*"], "verbs": ["*"]},
    ]))
    .await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_does_not_answer_holds_up_its_own_objects_alone() {
    let bed = Bed::start().await;
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "silent"},
        "webhooks": [{"name": "silent.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "timeoutSeconds": 1, "failurePolicy": "Fail", "clientConfig": {"url": url},
            "objectSelector": {"matchLabels": {"judged": "yes"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}]}]});
    bed.spoke.create(configuration.clone()).await;
    let mut judged = config_map("judged", "1");
    judged["metadata"]["labels"] = json!({"judged": "yes"});
    // An API server notices a configuration a moment later.
    let mut probe = judged.clone();
    probe["metadata"]["name"] = "probe".into();
    until("the webhook is asked", || async {
        let passed = bed.spoke.try_create(probe.clone()).await;
        if passed {
            bed.spoke.delete(&probe).await;
        }
        !passed
    })
    .await;
    bed.create_work("w", vec![judged, config_map("a", "1")])
        .await;
    let failed = until_applied(&bed, "w", &["False", "True"]).await;
    let text = message(&failed, 0);
    assert!(text.contains("failed calling webhook"), "{text}");
    assert!(text.contains("silent.example.com"), "{text}");
    // Others are not held up, and when the webhook is gone it is applied.
    bed.create_work("v", vec![config_map("b", "1")]).await;
    bed.until_available("v").await;
    bed.spoke.delete(&configuration).await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_deleted_is_named_and_deleted_later() {
    let mut bed = Bed::without_agent().await;
    let records = json!({"apiGroups": ["work.open-cluster-management.io"], "resources": ["*"], "verbs": ["*"]});
    let some = ["get", "list", "watch", "create", "update", "patch"];
    bed.allow_agent(
        json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": some}, records]),
    )
    .await;
    let (hub, spoke) = (bed.hub.client.clone(), bed.limited_spoke());
    bed.start_agent_with(options(), hub, spoke);
    bed.create_work("w", vec![config_map("a", "1"), config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    bed.set_manifests("w", vec![config_map("a", "1")]).await;
    let told = bed
        .until_work("w", |w| condition(w, "Pruned").is_some())
        .await;
    let pruned = condition(&told, "Pruned").unwrap();
    assert_eq!(pruned["status"], "False");
    let text = pruned["message"].as_str().unwrap();
    assert!(text.contains("configmaps default/b"), "{text}");
    assert!(text.contains("cannot delete resource"), "{text}");
    assert!(text.contains("tried again within 30s"), "{text}");
    assert!(
        is(&told, "Applied", "True"),
        "what is in the work is applied"
    );
    // The right is given: nobody has to touch the work.
    bed.allow_agent(
        json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}, records]),
    )
    .await;
    until("it is deleted", || async {
        bed.spoke.get(&config_map("b", "")).await.is_none()
    })
    .await;
    bed.until_work("w", |w| condition(w, "Pruned").is_none())
        .await;
}
