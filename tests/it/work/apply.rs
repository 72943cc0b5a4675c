//! Works that are applied and updated.

use serde_json::{Value, json};

use super::bed::*;

#[tokio::test(flavor = "multi_thread")]
async fn work_01_03_13_31_a_config_map_is_applied_recorded_and_reported() {
    let bed = Bed::start().await;
    let mut object = work("w");
    object["metadata"]["labels"] = json!({"team": "a"});
    object["spec"] = json!({"workload": {"manifests": [config_map("c", "1")]}});
    bed.hub.create(object).await;
    let done = bed.until_available("w").await;
    assert_eq!(
        done["metadata"]["finalizers"],
        json!(["cluster.open-cluster-management.io/manifest-work-cleanup"])
    );
    let meta = &done["status"]["resourceStatus"]["manifests"][0]["resourceMeta"];
    assert_eq!(
        *meta,
        json!({"ordinal": 0, "group": "", "version": "v1", "kind": "ConfigMap", "resource": "configmaps", "name": "c", "namespace": "default"})
    );
    assert_eq!(
        condition(&done, "Applied").unwrap()["reason"],
        "AppliedManifestWorkComplete"
    );

    let live = bed.spoke.get(&config_map("c", "")).await.unwrap();
    assert_eq!(live["data"], json!({"key": "1"}));
    assert_eq!(
        owners(&live),
        [record("w")["metadata"]["name"].as_str().unwrap()]
    );
    let managers = live["metadata"]["managedFields"].as_array().unwrap();
    assert!(!managers.is_empty(), "{live}");
    for entry in managers {
        assert_eq!(entry["manager"], "work-agent");
    }
    let kept = bed.record("w").await.unwrap();
    assert_eq!(kept["spec"]["agentID"], "agent-1");
    assert_eq!(kept["spec"]["manifestWorkName"], "w");
    assert_eq!(kept["metadata"]["labels"], json!({"team": "a"}));
    assert_eq!(
        kept["metadata"]["finalizers"],
        json!(["cluster.open-cluster-management.io/applied-manifest-work-cleanup"])
    );
    until("the record names the resource with its UID", || async {
        bed.record("w").await.unwrap()["status"]["appliedResources"][0]["uid"]
            == live["metadata"]["uid"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_03_nothing_is_created_before_the_finalizer_is_there() {
    let mut bed = Bed::without_agent().await;
    let (hub, switch) = bed.hub.switchable();
    let spoke = bed.spoke.client.clone();
    switch.refuse_changes();
    bed.start_agent_with(options(), hub, spoke);
    bed.create_work("w", vec![config_map("c", "1")]).await;
    // The hub says no to the finalizer, again and again.
    let mut asked = 0;
    until("the finalizer is asked for", || {
        asked += switch
            .sent()
            .iter()
            .filter(|line| line.starts_with("PATCH"))
            .count();
        std::future::ready(asked >= 3)
    })
    .await;
    assert!(bed.spoke.get(&config_map("c", "")).await.is_none());
    assert!(bed.record("w").await.is_none());
    switch.set(false);
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_09_a_namespace_after_its_config_map_is_applied_first() {
    let bed = Bed::start().await;
    let mut inside = config_map("c", "1");
    inside["metadata"]["namespace"] = "fresh".into();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}});
    bed.create_work("w", vec![inside, namespace]).await;
    let done = bed.until_available("w").await;
    let kinds: Vec<_> = (0..2)
        .map(|i| done["status"]["resourceStatus"]["manifests"][i]["resourceMeta"]["kind"].clone())
        .collect();
    assert_eq!(kinds, ["ConfigMap", "Namespace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_10_a_definition_and_its_object_in_one_work() {
    let bed = Bed::start().await;
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x", "namespace": "default"}, "spec": {"a": 1}});
    bed.create_work("w", vec![widget.clone(), definition.clone()])
        .await;
    bed.until_available("w").await;
    assert_eq!(bed.spoke.get(&widget).await.unwrap()["spec"]["a"], 1);
    // Both go with the work.
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    until("the definition is gone", || async {
        bed.spoke.get(&definition).await.is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_11_one_failing_manifest_does_not_stop_the_others() {
    let bed = Bed::start().await;
    let mut lost = config_map("b", "1");
    lost["metadata"]["namespace"] = "nowhere".into();
    bed.create_work("w", vec![config_map("a", "1"), lost, config_map("c", "1")])
        .await;
    let failed = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    assert_eq!(statuses(&failed, "Applied"), ["True", "False", "True"]);
    assert_eq!(statuses(&failed, "Available"), ["True", "False", "True"]);
    let message = manifest_condition(&failed, 1, "Applied").unwrap()["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.starts_with("Failed to apply manifest: ") && message.contains("nowhere"),
        "{message}"
    );
    // It is tried again by itself.
    bed.spoke.namespace("nowhere").await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_12_unknown_kinds_are_said() {
    let bed = Bed::start().await;
    let odd = json!({"apiVersion": "example.com/v1", "kind": "Odd", "metadata": {"name": "x", "namespace": "default"}});
    let homeless = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
    bed.create_work("w", vec![odd, homeless, config_map("c", "1")])
        .await;
    let failed = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    assert_eq!(statuses(&failed, "Applied"), ["False", "False", "True"]);
    assert_eq!(
        manifest_condition(&failed, 0, "Applied").unwrap()["message"],
        "Failed to apply manifest: the server doesn't have a resource type \"Odd\" (tried again within 30s)"
    );
    assert_eq!(
        manifest_condition(&failed, 0, "Available").unwrap()["reason"],
        "IncompleteResourceMeta"
    );
    assert!(
        manifest_condition(&failed, 1, "Applied").unwrap()["message"]
            .as_str()
            .unwrap()
            .ends_with("the server does not allow this method on the requested resource (tried again within 30s)")
    );
    // What failed does not keep the rest from being recorded.
    until("the rest is recorded", async || {
        let record = bed.record("w").await.unwrap();
        let recorded = record["status"]["appliedResources"].as_array();
        recorded.is_some_and(|recorded| recorded.len() == 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_14_15_32_44_45_an_update_is_applied_and_what_left_is_pruned() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1"), config_map("b", "1")])
        .await;
    let first = bed.until_available("w").await;
    bed.spoke
        .merge(
            &config_map("a", ""),
            json!({"metadata": {"labels": {"theirs": "1"}, "finalizers": ["their.example/f"]}}),
        )
        .await;
    bed.set_manifests("w", vec![config_map("a", "2")]).await;
    let second = bed.until_available("w").await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(live["data"]["key"], "2");
    assert_eq!(live["metadata"]["labels"], json!({"theirs": "1"}));
    assert_eq!(live["metadata"]["finalizers"], json!(["their.example/f"]));
    let conditions =
        |work: &Value| work["status"]["resourceStatus"]["manifests"][0]["conditions"].clone();
    let kinds: Vec<Value> = conditions(&second)
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["type"].clone())
        .collect();
    assert_eq!(kinds, ["Available", "StatusFeedbackSynced", "Applied"]);
    assert_eq!(
        manifest_condition(&first, 0, "Available").unwrap()["lastTransitionTime"],
        manifest_condition(&second, 0, "Available").unwrap()["lastTransitionTime"]
    );
    until("b is pruned and unlisted", || async {
        bed.spoke.get(&config_map("b", "")).await.is_none()
            && bed.record("w").await.unwrap()["status"]["appliedResources"]
                .as_array()
                .unwrap()
                .len()
                == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_corrected_at_once() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    bed.spoke
        .merge(
            &config_map("a", ""),
            json!({"data": {"key": "changed", "more": "x"}}),
        )
        .await;
    until("the change is undone", || async {
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"] == json!({"key": "1"})
    })
    .await;
    bed.spoke.delete(&config_map("a", "")).await;
    until("it is created again", || async {
        bed.spoke.get(&config_map("a", "")).await.is_some()
    })
    .await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_19_20_create_only_and_read_only_leave_content_alone() {
    let bed = Bed::start().await;
    let strategy = |name: &str, kind: &str| json!({"resourceIdentifier": {"group": "", "resource": "configmaps", "name": name, "namespace": "default"}, "updateStrategy": {"type": kind}});
    bed.spoke.create(config_map("a", "theirs")).await;
    bed.spoke.create(config_map("b", "theirs")).await;
    let configs = json!({"manifestConfigs": [strategy("a", "CreateOnly"), strategy("b", "ReadOnly"), strategy("c", "ReadOnly")]});
    bed.create_work_with(
        "w",
        vec![
            config_map("a", "ours"),
            config_map("b", "ours"),
            config_map("c", "ours"),
        ],
        configs,
    )
    .await;
    let done = bed.until_work("w", |w| is(w, "Applied", "True")).await;
    assert_eq!(statuses(&done, "Applied"), ["True", "True", "True"]);
    assert_eq!(statuses(&done, "Available"), ["True", "True", "False"]);
    let a = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(
        (a["data"]["key"].as_str(), owners(&a).len()),
        (Some("theirs"), 1)
    );
    let b = bed.spoke.get(&config_map("b", "")).await.unwrap();
    assert_eq!(
        (b["data"]["key"].as_str(), owners(&b).len()),
        (Some("theirs"), 0)
    );
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("b", "")).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_21_server_side_apply_reports_conflicts() {
    let mut bed = Bed::without_agent().await;
    let (spoke, switch) = bed.spoke.switchable();
    let hub = bed.hub.client.clone();
    bed.start_agent_with(options(), hub, spoke);
    let ssa = |force: bool| {
        json!({"manifestConfigs": [{
            "resourceIdentifier": {"group": "", "resource": "configmaps", "name": "a", "namespace": "default"},
            "updateStrategy": {"type": "ServerSideApply", "serverSideApply": {"force": force, "fieldManager": "work-agent-x"}}}]})
    };
    bed.spoke.create(config_map("a", "theirs")).await;
    bed.create_work_with("w", vec![config_map("a", "ours")], ssa(false))
        .await;
    // On a busy machine it may first be told that there is no answer yet.
    let conflict = "Failed to apply manifest: Apply failed with 1 conflict";
    let failed = bed
        .until_work("w", |w| {
            manifest_condition(w, 0, "Applied").is_some_and(|told| {
                let message = told["message"].as_str().unwrap_or_default();
                told["status"] == "False" && message.starts_with(conflict)
            })
        })
        .await;
    assert_eq!(statuses(&failed, "Available"), ["True"]);
    // Only somebody else can help: it is not tried again and again.
    switch.sent();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let sent = switch.sent();
    assert!(
        !sent
            .iter()
            .any(|line| line.starts_with("PATCH") && line.contains("/configmaps/")),
        "{sent:?}"
    );
    bed.hub.merge(&work("w"), json!({"spec": ssa(true)})).await;
    bed.until_available("w").await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(
        (live["data"]["key"].as_str(), owners(&live).len()),
        (Some("ours"), 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_50_feedback_follows_the_resource() {
    let bed = Bed::start().await;
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}});
    let config = json!({"manifestConfigs": [{
        "resourceIdentifier": {"group": "apps", "resource": "deployments", "name": "d", "namespace": "default"},
        "feedbackRules": [{"type": "WellKnownStatus"}]}]});
    bed.create_work_with("w", vec![deployment.clone()], config)
        .await;
    bed.until_available("w").await;
    let before = bed.spoke.get(&deployment).await.unwrap()["metadata"]["generation"].clone();
    let status = json!({"status": {"replicas": 2, "readyReplicas": 1, "availableReplicas": 1}});
    // Where a controller of deployments runs, it puts its own status back.
    let done = crate::harness::eventually("the feedback", || async {
        bed.spoke.merge_status(&deployment, status.clone()).await;
        let work = bed.work("w").await;
        let values = &work["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
        let told = values.as_array().is_some_and(|v| v.len() == 3)
            && values[0]["fieldValue"] == json!({"type": "Integer", "integer": 1});
        told.then_some(work)
    })
    .await;
    assert_eq!(
        manifest_condition(&done, 0, "StatusFeedbackSynced").unwrap()["reason"],
        "StatusFeedbackSynced"
    );
    // Watching a status is no reason to write the object.
    assert_eq!(
        bed.spoke.get(&deployment).await.unwrap()["metadata"]["generation"],
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_22_24_ignored_fields_are_left_to_the_cluster() {
    let bed = Bed::start().await;
    let config = json!({"manifestConfigs": [{
        "resourceIdentifier": {"group": "", "resource": "configmaps", "name": "a", "namespace": "default"},
        "updateStrategy": {"type": "ServerSideApply", "serverSideApply": {"force": true,
            "ignoreFields": [{"condition": "OnSpokePresent", "jsonPointers": ["/data/key"]}]}}}]});
    let map = |key: &str, other: &str| {
        let mut map = config_map("a", key);
        map["data"]["other"] = other.into();
        map
    };
    bed.create_work_with("w", vec![map("hub", "1")], config)
        .await;
    bed.until_available("w").await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(live["data"], json!({"key": "hub", "other": "1"}));
    let hash = &live["metadata"]["annotations"]["open-cluster-management.io/config-spec-hash"];
    assert_eq!(hash.as_str().map(str::len), Some(32));
    bed.spoke
        .merge(
            &config_map("a", ""),
            json!({"data": {"key": "spoke", "other": "drift"}}),
        )
        .await;
    bed.set_manifests("w", vec![map("hub again", "1")]).await;
    bed.until_available("w").await;
    // The manifest without the ignored field is as before: no drift is corrected.
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert_eq!(live["data"], json!({"key": "spoke", "other": "drift"}));
    bed.set_manifests("w", vec![map("hub again", "2")]).await;
    until("the other field follows", || async {
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["other"] == "2"
    })
    .await;
    assert_eq!(
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"],
        "spoke"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_18_a_refused_change_of_a_binding_is_reported() {
    let bed = Bed::start().await;
    let binding = |role: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b", "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]})
    };
    bed.create_work("w", vec![binding("view")]).await;
    bed.until_available("w").await;
    bed.set_manifests("w", vec![binding("edit")]).await;
    let refused = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    assert!(is(&refused, "Available", "True"));
    assert_eq!(statuses(&refused, "Applied"), ["False"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_17_a_secret_of_another_type_is_made_anew() {
    let bed = Bed::start().await;
    let secret = |kind: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "type": kind, "stringData": {"a": "b"}});
    bed.create_work("w", vec![secret("example.com/one")]).await;
    bed.until_available("w").await;
    let first = bed.spoke.get(&secret("")).await.unwrap();
    bed.set_manifests("w", vec![secret("example.com/two")])
        .await;
    bed.until_available("w").await;
    let second = bed.spoke.get(&secret("")).await.unwrap();
    assert_eq!(second["type"], "example.com/two");
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_51_52_a_complete_work_is_not_applied_until_its_rule_goes() {
    let bed = Bed::start().await;
    let rule = json!([{
        "resourceIdentifier": {"group": "", "resource": "configmaps", "name": "a", "namespace": "default"},
        "conditionRules": [{"type": "CEL", "condition": "Complete", "celExpressions": ["object.data.key == '1'"]}]}]);
    bed.create_work_with(
        "w",
        vec![config_map("a", "1"), config_map("b", "1")],
        json!({"manifestConfigs": rule}),
    )
    .await;
    let complete = bed.until_work("w", |w| is(w, "Complete", "True")).await;
    assert_eq!(
        condition(&complete, "Complete").unwrap()["reason"],
        "ConditionRulesAggregated"
    );
    assert_eq!(
        condition(&complete, "Complete").unwrap()["message"],
        "Manifest is Complete"
    );
    // An edit is not applied, and nothing is pruned.
    bed.set_manifests("w", vec![config_map("a", "2")]).await;
    let edited = bed.until_work("w", |w| is(w, "Complete", "True")).await;
    assert_eq!(
        condition(&edited, "Applied").unwrap()["observedGeneration"],
        1
    );
    assert_eq!(
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"],
        "1"
    );
    assert!(bed.spoke.get(&config_map("b", "")).await.is_some());
    // Without the rule the pending edit is.
    bed.hub
        .merge(&work("w"), json!({"spec": {"manifestConfigs": null}}))
        .await;
    bed.until_available("w").await;
    assert_eq!(
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"],
        "2"
    );
    assert!(condition(&bed.work("w").await, "Complete").is_none());
    until("b is pruned", || async {
        bed.spoke.get(&config_map("b", "")).await.is_none()
    })
    .await;
}
