//! Cases of upstream's tests of works, one by one, where no other test shows them.

use serde_json::{Value, json};

use super::bed::*;

fn deployment(name: &str, level: &str, mode: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"a": name}},
            "template": {"metadata": {"labels": {"a": name}}, "spec": {"containers": [{"name": "c", "image": "nginx",
                "env": [{"name": "LEVEL", "value": level}, {"name": "MODE", "value": mode}]}]}}}})
}

/// A setting for all objects of a resource in the namespace.
fn for_all(group: &str, resource: &str, more: Value) -> Value {
    let mut config = more;
    config["resourceIdentifier"] =
        json!({"group": group, "resource": resource, "name": "*", "namespace": "default"});
    config
}

fn values(work: &Value, ordinal: usize) -> Vec<(String, Value)> {
    let values =
        &work["status"]["resourceStatus"]["manifests"][ordinal]["statusFeedback"]["values"];
    let one = |value: &Value| {
        let field = &value["fieldValue"];
        let told = field.get("integer").or_else(|| field.get("string"));
        (
            value["name"].as_str().unwrap().to_owned(),
            told.cloned().unwrap_or_default(),
        )
    };
    values.as_array().into_iter().flatten().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wildcard_feeds_back_two_deployments_and_a_bad_path_is_told() {
    let bed = Bed::start().await;
    let paths = json!({"feedbackRules": [{"type": "JSONPaths", "jsonPaths": [
        {"name": "replicas", "path": ".spec.replicas"}, {"name": "bad", "path": ".spec[?("}]}]});
    let more = json!({"manifestConfigs": [for_all("apps", "deployments", paths)]});
    let both = vec![
        deployment("d1", "1", "a"),
        deployment("d2", "1", "a"),
        config_map("c", "1"),
    ];
    bed.create_work_with("w", both, more).await;
    let done = bed.until_available("w").await;
    for ordinal in [0, 1] {
        assert_eq!(values(&done, ordinal), [("replicas".to_owned(), json!(2))]);
        let fed = manifest_condition(&done, ordinal, "StatusFeedbackSynced").unwrap();
        assert_eq!(fed["status"], "False");
        assert!(
            fed["message"].as_str().unwrap().contains(".spec[?("),
            "{fed}"
        );
    }
    assert!(values(&done, 2).is_empty());
    assert_eq!(
        manifest_condition(&done, 2, "StatusFeedbackSynced").unwrap()["reason"],
        "NoStatusFeedbackSynced"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wildcard_judges_two_jobs() {
    let bed = Bed::start().await;
    let job = |name: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
            "spec": {"suspend": true, "template": {"spec": {"restartPolicy": "Never",
                "containers": [{"name": "c", "image": "busybox"}]}}}})
    };
    let rules =
        json!({"conditionRules": [{"type": "WellKnownConditions", "condition": "Complete"}]});
    let more = json!({"manifestConfigs": [for_all("batch", "jobs", rules)]});
    bed.create_work_with("w", vec![job("j1"), job("j2"), config_map("c", "1")], more)
        .await;
    let done = bed.until_available("w").await;
    for ordinal in [0, 1] {
        let made = manifest_condition(&done, ordinal, "Complete").unwrap();
        assert_eq!(
            (&made["status"], &made["message"]),
            (&json!("False"), &json!("Job is not finished"))
        );
    }
    assert!(manifest_condition(&done, 2, "Complete").is_none());
    let complete = condition(&done, "Complete").unwrap();
    assert_eq!(complete["message"], "Aggregated from 2 manifest conditions");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_environment_variable_is_left_to_the_cluster_by_jq() {
    let bed = Bed::start().await;
    let path = r#".spec.template.spec.containers[] | select(.name == "c") | .env[] | select(.name == "MODE") | .value"#;
    let strategy = json!({"updateStrategy": {"type": "ServerSideApply", "serverSideApply": {"force": true,
        "ignoreFields": [{"condition": "OnSpokePresent", "jqPathExpressions": [path]}]}}});
    let more = json!({"manifestConfigs": [for_all("apps", "deployments", strategy)]});
    bed.create_work_with("w", vec![deployment("d", "1", "hub")], more)
        .await;
    bed.until_available("w").await;
    let live = bed.spoke.get(&deployment("d", "", "")).await.unwrap();
    let env = |live: &Value| live["spec"]["template"]["spec"]["containers"][0]["env"].clone();
    assert_eq!(env(&live)[1], json!({"name": "MODE", "value": "hub"}));
    let mut containers = live["spec"]["template"]["spec"]["containers"].clone();
    containers[0]["env"][1]["value"] = "spoke".into();
    bed.spoke
        .merge(
            &live,
            json!({"spec": {"template": {"spec": {"containers": containers}}}}),
        )
        .await;
    bed.set_manifests("w", vec![deployment("d", "2", "hub again")])
        .await;
    bed.until_available("w").await;
    let live = bed.spoke.get(&live).await.unwrap();
    let mut left = env(&live).as_array().unwrap().clone();
    left.sort_by_key(|one| one["name"].to_string());
    assert_eq!(
        left,
        [
            json!({"name": "LEVEL", "value": "2"}),
            json!({"name": "MODE", "value": "spoke"})
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_and_its_object_are_recorded_in_order_and_foreign_annotations_stay() {
    let bed = Bed::start().await;
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "guests.up.example.com"},
        "spec": {"group": "up.example.com", "scope": "Namespaced", "names": {"plural": "guests", "kind": "Guest", "singular": "guest", "listKind": "GuestList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let guest = |seats: i64| {
        json!({"apiVersion": "up.example.com/v1", "kind": "Guest",
            "metadata": {"name": "g", "namespace": "default", "annotations": {"ours": "1"}}, "spec": {"seats": seats}})
    };
    bed.create_work(
        "w",
        vec![guest(1), config_map("c", "1"), definition.clone()],
    )
    .await;
    bed.until_available("w").await;
    let names = |record: &Value| -> Vec<String> {
        let all = record["status"]["appliedResources"].as_array().unwrap();
        all.iter()
            .map(|r| {
                let of = |key: &str| r[key].as_str().unwrap_or_default();
                assert!(!of("uid").is_empty(), "{r}");
                format!(
                    "{}/{}/{}/{}/{}",
                    of("group"),
                    of("version"),
                    of("resource"),
                    of("namespace"),
                    of("name")
                )
            })
            .collect()
    };
    until("all are recorded", || async {
        let record = bed.record("w").await.unwrap();
        let all = record["status"]["appliedResources"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.len() == 3 && all.iter().all(|r| r["uid"].is_string())
    })
    .await;
    assert_eq!(
        names(&bed.record("w").await.unwrap()),
        [
            "/v1/configmaps/default/c",
            "apiextensions.k8s.io/v1/customresourcedefinitions//guests.up.example.com",
            "up.example.com/v1/guests/default/g"
        ]
    );
    bed.spoke
        .merge(
            &guest(0),
            json!({"metadata": {"annotations": {"theirs": "2"}}}),
        )
        .await;
    bed.set_manifests(
        "w",
        vec![guest(2), config_map("c", "1"), definition.clone()],
    )
    .await;
    until("the object is updated", || async {
        bed.spoke.get(&guest(0)).await.unwrap()["spec"]["seats"] == 2
    })
    .await;
    let live = bed.spoke.get(&guest(0)).await.unwrap();
    assert_eq!(
        live["metadata"]["annotations"],
        json!({"ours": "1", "theirs": "2"})
    );
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.record("w").await.is_none());
    assert!(bed.spoke.get(&config_map("c", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_by_wildcard_takes_the_rules_of_the_first_configuration() {
    let bed = Bed::start().await;
    for name in ["a", "b"] {
        bed.spoke.create(config_map(name, "theirs")).await;
    }
    let named = |name: &str, path: &str| json!({"type": "JSONPaths", "jsonPaths": [{"name": name, "path": path}]});
    let first = json!({"feedbackRules": [named("first", ".data.key")]});
    let second = json!({"feedbackRules": [named("second", ".metadata.name")], "updateStrategy": {"type": "ReadOnly"}});
    let more = json!({"manifestConfigs": [for_all("", "configmaps", first), for_all("", "configmaps", second)]});
    bed.create_work_with(
        "w",
        vec![config_map("a", "ours"), config_map("b", "ours")],
        more,
    )
    .await;
    let done = bed.until_available("w").await;
    for (ordinal, name) in ["a", "b"].into_iter().enumerate() {
        assert_eq!(
            values(&done, ordinal),
            [("first".to_owned(), json!("theirs"))]
        );
        let live = bed.spoke.get(&config_map(name, "")).await.unwrap();
        assert_eq!(
            (live["data"]["key"].as_str(), owners(&live).len()),
            (Some("theirs"), 0)
        );
    }
    bed.spoke
        .merge(&config_map("a", ""), json!({"data": {"key": "changed"}}))
        .await;
    bed.until_work("w", |w| {
        values(w, 0) == [("first".to_owned(), json!("changed"))]
    })
    .await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_some());
}
