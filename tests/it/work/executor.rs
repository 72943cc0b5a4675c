//! Works that say who must be allowed to do what they do.

use serde_json::{Value, json};

use super::bed::*;

fn executed_by(name: &str, more: &Value) -> Value {
    let mut spec = more.clone();
    spec["executor"] = json!({"subject": {"type": "ServiceAccount", "serviceAccount": {"namespace": "default", "name": name}}});
    spec
}

async fn allow(bed: &Bed, name: &str, rules: Value) {
    let rbac = "rbac.authorization.k8s.io/v1";
    bed.spoke
        .create(json!({"apiVersion": rbac, "kind": "Role", "metadata": {"name": name, "namespace": "default"}, "rules": rules}))
        .await;
    bed.spoke
        .create(json!({"apiVersion": rbac, "kind": "RoleBinding", "metadata": {"name": name, "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}]}))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_27_an_executor_without_permission_applies_nothing() {
    let bed = Bed::start().await;
    bed.create_work_with(
        "w",
        vec![config_map("a", "1")],
        executed_by("nobody", &json!({})),
    )
    .await;
    let denied = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    assert_eq!(
        manifest_condition(&denied, 0, "Applied").unwrap()["message"],
        "Failed to apply manifest: not allowed to apply the resource  configmaps, default a, will try again in 1m0s"
    );
    assert_eq!(statuses(&denied, "Available"), ["False"]);
    assert!(bed.spoke.get(&config_map("a", "")).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_28_an_executor_without_delete_may_only_orphan() {
    let bed = Bed::start().await;
    allow(&bed, "creator", json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update", "patch", "get"]}])).await;
    bed.create_work_with(
        "w",
        vec![config_map("a", "1")],
        executed_by("creator", &json!({})),
    )
    .await;
    bed.until_work("w", |w| is(w, "Applied", "False")).await;
    let orphan = json!({"deleteOption": {"propagationPolicy": "Orphan"}});
    bed.create_work_with(
        "v",
        vec![config_map("b", "1")],
        executed_by("creator", &orphan),
    )
    .await;
    bed.until_available("v").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_29_30_roles_beyond_the_executor_are_escalation_and_revocation_keeps_objects() {
    let bed = Bed::start().await;
    let all = json!(["create", "update", "patch", "get", "delete"]);
    allow(&bed, "builder", json!([{"apiGroups": ["", "rbac.authorization.k8s.io"], "resources": ["configmaps", "roles"], "verbs": all}])).await;
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "much", "namespace": "default"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    bed.create_work_with(
        "w",
        vec![config_map("a", "1"), role],
        executed_by("builder", &json!({})),
    )
    .await;
    let refused = bed.until_work("w", |w| is(w, "Applied", "False")).await;
    assert_eq!(statuses(&refused, "Applied"), ["True", "False"]);
    let message = manifest_condition(&refused, 1, "Applied").unwrap()["message"]
        .as_str()
        .unwrap();
    assert!(
        message.contains("error: permission escalation"),
        "{message}"
    );

    bed.spoke
        .delete(&json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "builder", "namespace": "default"}}))
        .await;
    bed.create_work_with(
        "v",
        vec![config_map("b", "1")],
        executed_by("builder", &json!({})),
    )
    .await;
    bed.until_work("v", |w| is(w, "Applied", "False")).await;
    assert!(bed.spoke.get(&config_map("a", "")).await.is_some());
}
