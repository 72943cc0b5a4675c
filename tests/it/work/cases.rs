//! Cases of upstream's own tests that no numbered statement covers
//! (`docs/works-test-map.md`).

use serde_json::{Value, json};

use super::bed::*;

fn configured(entries: &[(&str, &str, &str, Value)]) -> Value {
    let configs: Vec<Value> = entries
        .iter()
        .map(|(group, resource, name, more)| {
            let mut config = more.clone();
            config["resourceIdentifier"] =
                json!({"group": group, "resource": resource, "name": name, "namespace": "default"});
            config
        })
        .collect();
    json!({"manifestConfigs": configs})
}

fn job() -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "default"},
        "spec": {"suspend": true, "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "busybox"}]}}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_with_a_failing_manifest_goes() {
    let bed = Bed::start().await;
    let mut lost = config_map("b", "1");
    lost["metadata"]["namespace"] = "nowhere".into();
    bed.create_work("w", vec![config_map("a", "1"), lost]).await;
    bed.until_work("w", |w| is(w, "Applied", "False")).await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
    assert_eq!(bed.records().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_role_with_a_namespace_is_applied_without_it() {
    let bed = Bed::start().await;
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "case-role", "namespace": "default"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    bed.create_work("w", vec![role]).await;
    let done = bed.until_available("w").await;
    let meta = &done["status"]["resourceStatus"]["manifests"][0]["resourceMeta"];
    assert_eq!(meta["namespace"], "");
    until("it is recorded without a namespace", || async {
        let entry = bed.record("w").await.unwrap()["status"]["appliedResources"][0].clone();
        entry["name"] == "case-role"
            && entry["uid"].is_string()
            && entry["namespace"].as_str().unwrap_or_default().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_its_role_and_a_deployment_keep_what_they_are_when_reordered() {
    let bed = Bed::start().await;
    let rbac = "rbac.authorization.k8s.io";
    let account = |name: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}});
    let role = json!({"apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": {"name": "r", "namespace": "default"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    let binding = |account: &str| {
        json!({"apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": {"name": "b", "namespace": "default"},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}]})
    };
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}});
    bed.create_work(
        "w",
        vec![
            account("one"),
            role.clone(),
            binding("one"),
            deployment.clone(),
        ],
    )
    .await;
    let first = bed.until_available("w").await;
    bed.set_manifests("w", vec![deployment, account("two"), binding("two"), role])
        .await;
    let second = bed.until_available("w").await;
    let manifests = &second["status"]["resourceStatus"]["manifests"];
    for manifest in manifests.as_array().unwrap() {
        assert_eq!(manifest["conditions"].as_array().map(Vec::len), Some(3));
    }
    assert_eq!(
        manifests[0]["conditions"][0]["lastTransitionTime"],
        manifest_condition(&first, 3, "Available").unwrap()["lastTransitionTime"]
    );
    until("the old account is gone", || async {
        bed.spoke.get(&account("one")).await.is_none()
    })
    .await;
    assert!(bed.spoke.get(&account("two")).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_while_it_is_held_is_pruned_when_it_is_let_go() {
    let bed = Bed::start().await;
    let mut held = config_map("a", "1");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    bed.create_work("w", vec![held.clone(), config_map("b", "1")])
        .await;
    bed.until_available("w").await;
    bed.set_manifests("w", vec![config_map("b", "1")]).await;
    bed.until_available("w").await;
    let listed = || async {
        let record = bed.record("w").await.unwrap();
        let entries = record["status"]["appliedResources"].as_array().cloned();
        entries
            .into_iter()
            .flatten()
            .filter_map(|entry| entry["name"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    until("it is being deleted", || async {
        let live = bed.spoke.get(&held).await.unwrap();
        live["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    assert_eq!(listed().await, ["a", "b"]);
    bed.spoke
        .merge(&held, json!({"metadata": {"finalizers": null}}))
        .await;
    until("it is gone and unlisted", || async {
        listed().await == ["b"] && bed.spoke.get(&held).await.is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_a_work_reach_its_record() {
    let bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    bed.hub
        .merge(&work("w"), json!({"metadata": {"labels": {"team": "b"}}}))
        .await;
    until("the record has the label", || async {
        bed.record("w").await.unwrap()["metadata"]["labels"]["team"] == "b"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn well_known_values_of_other_kinds_are_no_values() {
    let bed = Bed::start().await;
    let known = json!({"feedbackRules": [{"type": "WellKnownStatus"}]});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s", "namespace": "default"}});
    let daemon_set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "ds", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}});
    let configs = configured(&[
        ("", "serviceaccounts", "s", known.clone()),
        ("apps", "daemonsets", "ds", known),
    ]);
    bed.create_work_with("w", vec![account, daemon_set.clone()], configs)
        .await;
    bed.until_available("w").await;
    let status = json!({"status": {"currentNumberScheduled": 1, "numberMisscheduled": 0,
        "desiredNumberScheduled": 1, "numberReady": 1, "numberAvailable": 1}});
    bed.spoke.merge_status(&daemon_set, status).await;
    // Where a controller of daemon sets runs, it puts its own status back: then
    // nothing is available, which is left out.
    let done = bed
        .until_work("w", |w| {
            let values = &w["status"]["resourceStatus"]["manifests"][1]["statusFeedback"]["values"];
            values.as_array().is_some_and(|values| values.len() >= 2)
        })
        .await;
    let manifests = &done["status"]["resourceStatus"]["manifests"];
    let values = manifests[1]["statusFeedback"]["values"].as_array().unwrap();
    let names: Vec<&Value> = values.iter().map(|value| &value["name"]).collect();
    let all = ["NumberReady", "DesiredNumberScheduled", "NumberAvailable"];
    assert_eq!(names, all[..names.len()]);
    assert!(manifests[0]["statusFeedback"]["values"].is_null());
    assert_eq!(
        manifest_condition(&done, 0, "StatusFeedbackSynced").unwrap()["status"],
        "False"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn feedback_of_a_namespace_is_watched() {
    let bed = Bed::start().await;
    let config = json!({"manifestConfigs": [{
        "resourceIdentifier": {"group": "", "resource": "namespaces", "name": "seen", "namespace": ""},
        "feedbackScrapeType": "Watch",
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": [
            {"name": "phase", "path": ".status.phase"}, {"name": "team", "path": ".metadata.labels.team"}]}]}]});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "seen"}});
    bed.create_work_with("w", vec![namespace.clone()], config)
        .await;
    bed.until_available("w").await;
    bed.spoke
        .merge(&namespace, json!({"metadata": {"labels": {"team": "a"}}}))
        .await;
    bed.until_work("w", |w| {
        let values = &w["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
        values[0]["fieldValue"]["string"] == "Active" && values[1]["fieldValue"]["string"] == "a"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_job_completes_its_work() {
    let bed = Bed::start().await;
    let rule =
        json!({"conditionRules": [{"type": "WellKnownConditions", "condition": "Complete"}]});
    let configs = configured(&[("batch", "jobs", "j", rule)]);
    bed.create_work_with("w", vec![job()], configs).await;
    let running = bed.until_work("w", |w| is(w, "Complete", "False")).await;
    assert_eq!(
        condition(&running, "Complete").unwrap()["message"],
        "Job is not finished"
    );
    let time = jiff::Timestamp::now().to_string();
    // As the job controller writes it: checked by a real API server.
    let conditions: Vec<Value> = ["FailureTarget", "Failed"]
        .iter()
        .map(|kind| json!({"type": kind, "status": "True", "reason": "Test", "message": "", "lastTransitionTime": time, "lastProbeTime": time}))
        .collect();
    let done = crate::harness::eventually("the work is complete", || async {
        let status = json!({"status": {"startTime": time, "conditions": conditions}});
        bed.spoke.merge_status(&job(), status).await;
        let work = bed.work("w").await;
        is(&work, "Complete", "True").then_some(work)
    })
    .await;
    assert_eq!(
        condition(&done, "Complete").unwrap()["message"],
        "Job is finished"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_expression_knows_the_result() {
    let bed = Bed::start().await;
    let rule = json!({"conditionRules": [
        {"type": "CEL", "condition": "One", "celExpressions": ["object.data.key == '1'"],
            "messageExpression": "result ? 'it is one' : 'it is ' + object.data.key"},
        {"type": "WellKnownConditions", "condition": "Unheard"}]});
    let configs = configured(&[("", "configmaps", "a", rule)]);
    bed.create_work_with("w", vec![config_map("a", "2")], configs)
        .await;
    let no = bed.until_work("w", |w| is(w, "One", "False")).await;
    assert_eq!(condition(&no, "One").unwrap()["message"], "it is 2");
    bed.set_manifests("w", vec![config_map("a", "1")]).await;
    let yes = bed.until_work("w", |w| is(w, "One", "True")).await;
    assert_eq!(condition(&yes, "One").unwrap()["message"], "it is one");
    // A well-known condition that nobody knows is none.
    assert!(manifest_condition(&yes, 0, "Unheard").is_none());
}

fn applied_by(manager: &str) -> Value {
    json!({"updateStrategy": {"type": "ServerSideApply", "serverSideApply": {"force": false, "fieldManager": manager}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn two_managers_share_an_object() {
    let bed = Bed::start().await;
    let part = |key: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}, "data": {key: "1"}});
    let by = |manager: &str| configured(&[("", "configmaps", "a", applied_by(manager))]);
    bed.create_work_with("w", vec![part("one")], by("work-agent-1"))
        .await;
    bed.until_available("w").await;
    bed.create_work_with("v", vec![part("two")], by("work-agent-2"))
        .await;
    bed.until_available("v").await;
    let live = || async { bed.spoke.get(&part("")).await.unwrap() };
    assert_eq!(live().await["data"], json!({"one": "1", "two": "1"}));
    assert_eq!(owners(&live().await).len(), 2);
    // What one of them does not want any more goes; the other's stays.
    bed.set_manifests("w", vec![part("three")]).await;
    until("the field is another one", || async {
        live().await["data"] == json!({"three": "1", "two": "1"})
    })
    .await;
    bed.hub
        .merge(
            &work("w"),
            json!({"spec": {"deleteOption": {"propagationPolicy": "Orphan"}}}),
        )
        .await;
    until("one owner is left", || async {
        owners(&live().await).len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_22_what_is_present_is_left_by_every_kind_of_path() {
    let bed = Bed::start().await;
    let ignoring = |fields: Value| json!({"updateStrategy": {"type": "ServerSideApply", "serverSideApply": {"force": true, "ignoreFields": [fields]}}});
    let configs = configured(&[
        (
            "",
            "configmaps",
            "a",
            ignoring(json!({"condition": "OnSpokePresent", "jsonPaths": [".data.key"]})),
        ),
        (
            "",
            "configmaps",
            "b",
            ignoring(json!({"condition": "OnSpokePresent", "jqPathExpressions": [".data.key"]})),
        ),
    ]);
    let maps = |key: &str, other: &str| -> Vec<Value> {
        ["a", "b"]
            .map(|name| {
                let mut map = config_map(name, key);
                map["data"]["other"] = other.into();
                map
            })
            .into()
    };
    bed.create_work_with("w", maps("hub", "1"), configs).await;
    bed.until_available("w").await;
    for name in ["a", "b"] {
        let map = config_map(name, "");
        bed.spoke
            .merge(&map, json!({"data": {"key": "spoke"}}))
            .await;
    }
    bed.set_manifests("w", maps("hub again", "2")).await;
    bed.until_available("w").await;
    for name in ["a", "b"] {
        let live = bed.spoke.get(&config_map(name, "")).await.unwrap();
        assert_eq!(
            live["data"],
            json!({"key": "spoke", "other": "2"}),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_work_by_server_side_apply_keeps_its_generation() {
    let bed = Bed::start().await;
    let definitions = ocmadm::bundle::hub_crds().unwrap();
    let definition = definitions.iter().find(|d| {
        d.metadata.name.as_deref() == Some("manifestworks.work.open-cluster-management.io")
    });
    let definition = serde_json::to_value(definition.unwrap()).unwrap();
    bed.spoke.create(definition).await;
    let mut nested = work("inner");
    nested["metadata"]["namespace"] = "default".into();
    let mut inside = config_map("x", "1");
    inside["metadata"]["creationTimestamp"] = Value::Null;
    nested["spec"] = json!({"workload": {"manifests": [inside]}});
    let configs = configured(&[(
        "work.open-cluster-management.io",
        "manifestworks",
        "inner",
        applied_by("work-agent"),
    )]);
    bed.create_work_with("w", vec![nested.clone()], configs)
        .await;
    bed.until_available("w").await;
    // Looked at again and again, it is not written again.
    for round in ["1", "2", "3"] {
        let label = json!({"metadata": {"labels": {"round": round}}});
        bed.hub.merge(&work("w"), label).await;
        until("the round is over", || async {
            bed.record("w").await.unwrap()["metadata"]["labels"]["round"] == round
        })
        .await;
    }
    let live = bed.spoke.get(&nested).await.unwrap();
    assert_eq!(live["metadata"]["generation"], 1);
}

fn selective(name: &str) -> Value {
    json!({"deleteOption": {"propagationPolicy": "SelectivelyOrphan", "selectivelyOrphans": {"orphaningRules": [
        {"group": "", "resource": "configmaps", "name": name, "namespace": "default"}]}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_orphans_stay_and_the_rest_goes() {
    let bed = Bed::start().await;
    bed.create_work_with(
        "w",
        vec![
            config_map("a", "1"),
            config_map("b", "1"),
            config_map("c", "1"),
        ],
        selective("a"),
    )
    .await;
    bed.until_available("w").await;
    let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
    assert!(owners(&live).is_empty());
    // Out of the manifests, and out of the hub: it stays.
    bed.set_manifests("w", vec![config_map("b", "1")]).await;
    until("c is pruned", || async {
        bed.spoke.get(&config_map("c", "")).await.is_none()
    })
    .await;
    bed.hub.delete(&work("w")).await;
    bed.until_gone("w").await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_some());
    assert!(bed.spoke.get(&config_map("b", "")).await.is_none());
}

fn by(name: &str, mut spec: Value) -> Value {
    spec["executor"] = json!({"subject": {"type": "ServiceAccount", "serviceAccount": {"namespace": "default", "name": name}}});
    spec
}

fn role(name: &str, rules: &Value) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name, "namespace": "default"}, "rules": rules})
}

/// Gives the account rights in its namespace.
async fn allow(bed: &Bed, name: &str, rules: Value) {
    bed.spoke.create(role(name, &rules)).await;
    bed.spoke
        .create(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name, "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_orphans_need_no_permission_to_delete() {
    let bed = Bed::start().await;
    allow(&bed, "creator", json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update", "patch", "get"]}])).await;
    bed.create_work_with(
        "w",
        vec![config_map("a", "1"), config_map("b", "1")],
        by("creator", selective("a")),
    )
    .await;
    let done = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    assert_eq!(statuses(&done, "Applied"), ["True", "False"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_there_is_available_though_it_is_refused() {
    let bed = Bed::start().await;
    let much = role(
        "much",
        &json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
    );
    bed.spoke.create(much.clone()).await;
    let all = json!(["create", "update", "patch", "get", "delete"]);
    allow(
        &bed,
        "builder",
        json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": all}]),
    )
    .await;
    bed.create_work_with("w", vec![much], by("builder", json!({})))
        .await;
    let done = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    assert_eq!(statuses(&done, "Available"), ["True"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_may_escalate_applies_roles() {
    let bed = Bed::start().await;
    let much = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]);
    bed.spoke.create(role("there", &much)).await;
    let all = json!([
        "create", "update", "patch", "get", "delete", "escalate", "bind"
    ]);
    allow(
        &bed,
        "master",
        json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": all}]),
    )
    .await;
    bed.create_work_with(
        "w",
        vec![role("there", &much), role("new", &much)],
        by("master", json!({})),
    )
    .await;
    bed.until_available("w").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agent_on_another_hub_owns_too() {
    let mut bed = Bed::start().await;
    bed.create_work("w", vec![config_map("a", "1")]).await;
    bed.until_available("w").await;
    bed.stop_agent().await;
    let mut other = options();
    other.hub_server = "https://other.example:6443".to_owned();
    other.agent_id = "agent-2".to_owned();
    bed.start_agent(other);
    until("both own it", || async {
        let live = bed.spoke.get(&config_map("a", "")).await.unwrap();
        owners(&live).len() == 2
    })
    .await;
    assert_eq!(bed.records().await, 2);
}
