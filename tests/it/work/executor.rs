//! Works that say who must be allowed to do what they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use kube::Client;
use kube::client::Body;
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
    // Nobody watches roles without the gate: the retry is all there is.
    allow(&bed, "nobody", json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update", "patch", "get", "delete"]}])).await;
    bed.until_available("w").await;
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

    // Without the right, what is there stays, but none of it is said to be applied.
    revoke(&bed, "builder").await;
    bed.set_manifests("w", vec![config_map("a", "2"), config_map("b", "1")])
        .await;
    let denied = bed
        .until_work("w", |w| {
            is(w, "Applied", "False") && statuses(w, "Applied") == ["False", "False"]
        })
        .await;
    assert!(denial(&denied, 0).contains("not allowed to apply the resource"));
    assert_eq!(
        bed.spoke.get(&config_map("a", "")).await.unwrap()["data"]["key"],
        "1"
    );
    assert!(bed.spoke.get(&config_map("b", "")).await.is_none());
}

fn denial(work: &Value, ordinal: usize) -> &str {
    manifest_condition(work, ordinal, "Applied")
        .and_then(|applied| applied["message"].as_str())
        .unwrap_or_default()
}

fn rbac(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}})
}

/// Takes the binding away, and waits until the API server's authorizer knows.
async fn revoke(bed: &Bed, name: &str) {
    bed.spoke.delete(&rbac("RoleBinding", name)).await;
    until_may(bed, name, false).await;
}

/// Waits until the account may, or may not, write config maps.
async fn until_may(bed: &Bed, name: &str, may: bool) {
    let user = format!("system:serviceaccount:default:{name}");
    let asked = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": {
        "user": user, "resourceAttributes": {"verb": "patch", "resource": "configmaps", "namespace": "default"}}});
    until("the authorizer knows", || async {
        bed.spoke.create(asked.clone()).await["status"]["allowed"] == may
    })
    .await;
}

fn everything() -> Value {
    json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update", "patch", "get", "delete"]}])
}

/// A client whose API server answers what is only tried with this, as it does
/// when a webhook knows no dry runs (400), or cannot be reached (500): before it
/// looks for escalation.
fn without_dry_runs(client: &Client, code: Arc<AtomicU16>) -> Client {
    let client = client.clone();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (client, code) = (client.clone(), code.load(Ordering::SeqCst));
        async move {
            let tried = request.uri().query().is_some_and(|q| q.contains("dryRun"));
            if code == 0 || !tried {
                return client.send(request).await;
            }
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "admission webhook \"w\" does not support dry run", "reason": "", "code": code});
            let answer = http::Response::builder()
                .status(code)
                .header("content-type", "application/json")
                .body(Body::from(status.to_string().into_bytes()));
            Ok(answer.unwrap())
        }
    });
    Client::new(service, "default")
}

#[tokio::test(flavor = "multi_thread")]
async fn work_29_what_cannot_be_tried_is_not_applied() {
    let mut bed = Bed::without_agent().await;
    let code = Arc::new(AtomicU16::new(400));
    let spoke = without_dry_runs(&bed.spoke.client, Arc::clone(&code));
    bed.start_agent_with(options(), bed.hub.client.clone(), spoke);
    let all = json!(["create", "update", "patch", "get", "delete"]);
    allow(
        &bed,
        "builder",
        json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": all}]),
    )
    .await;
    let mut role = rbac("Role", "much");
    role["rules"] = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    bed.create_work_with(
        "w",
        vec![role.clone(), config_map("a", "1")],
        executed_by("builder", &json!({})),
    )
    .await;
    for tried in [400, 409, 429, 500] {
        code.store(tried, Ordering::SeqCst);
        // A new look at all of it.
        let label = json!({"metadata": {"labels": {"tried": tried.to_string()}}});
        bed.hub.merge(&work("w"), label).await;
        let refused = bed
            .until_work("w", |w| {
                is(w, "Applied", "False") && denial(w, 0).contains("cannot be found out")
            })
            .await;
        assert!(denial(&refused, 0).contains("does not support dry run"));
        assert!(bed.spoke.get(&role).await.is_none(), "{tried}");
    }
    // With an answer, it is the one that was asked for.
    code.store(0, Ordering::SeqCst);
    bed.until_work("w", |w| {
        is(w, "Applied", "False") && denial(w, 0).contains("permission escalation")
    })
    .await;
    assert!(bed.spoke.get(&role).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_30_permissions_that_change_are_seen_at_the_next_look() {
    let bed = Bed::start().await;
    let (a, b, c) = (
        config_map("a", "1"),
        config_map("b", "1"),
        config_map("c", "1"),
    );
    bed.create_work_with("w", vec![a.clone()], executed_by("worker", &json!({})))
        .await;
    bed.until_work("w", |w| is(w, "Applied", "False")).await;
    allow(&bed, "worker", everything()).await;
    until_may(&bed, "worker", true).await;
    bed.set_manifests("w", vec![a.clone(), b.clone()]).await;
    bed.until_available("w").await;
    revoke(&bed, "worker").await;
    bed.set_manifests("w", vec![a.clone(), b.clone(), c.clone()])
        .await;
    bed.until_work("w", |w| {
        is(w, "Applied", "False") && statuses(w, "Applied") == ["False", "False", "False"]
    })
    .await;
    assert!(bed.spoke.get(&a).await.is_some() && bed.spoke.get(&b).await.is_some());
    assert!(bed.spoke.get(&c).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_30_with_caches_permissions_that_change_are_noticed() {
    let mut bed = Bed::without_agent().await;
    let mut caching = options();
    caching.executor_caches = true;
    bed.start_agent(caching);
    let (a, b) = (config_map("a", "1"), config_map("b", "1"));
    bed.create_work_with(
        "w",
        vec![a.clone(), b.clone()],
        executed_by("worker", &json!({})),
    )
    .await;
    bed.until_work("w", |w| is(w, "Applied", "False")).await;
    // Another work must not suffer.
    bed.create_work("v", vec![config_map("own", "1")]).await;
    bed.until_available("v").await;
    let said = |work: &Value, status: &str| {
        is(work, "Applied", status) && statuses(work, "Applied") == [status, status]
    };
    // All of it without an edit, long before the minute of the next try.
    allow(&bed, "worker", everything()).await;
    bed.until_work("w", |w| said(w, "True")).await;
    bed.until_available("w").await;
    // By the role,
    let role = rbac("Role", "worker");
    bed.spoke.merge(&role, json!({"rules": []})).await;
    let denied = bed.until_work("w", |w| said(w, "False")).await;
    assert!(
        denial(&denied, 0).contains("not allowed to apply"),
        "{denied}"
    );
    bed.spoke.merge(&role, json!({"rules": everything()})).await;
    bed.until_work("w", |w| said(w, "True")).await;
    // by the binding,
    let binding = rbac("RoleBinding", "worker");
    bed.spoke.delete(&binding).await;
    bed.until_work("w", |w| said(w, "False")).await;
    // and by another one, of a ClusterRole to all accounts of the namespace.
    let mut cluster_role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "worker"}});
    cluster_role["rules"] = everything();
    bed.spoke.create(cluster_role).await;
    let mut all = binding.clone();
    all["roleRef"] =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "worker"});
    all["subjects"] = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:serviceaccounts:default"}]);
    bed.spoke.create(all).await;
    bed.until_work("w", |w| said(w, "True")).await;
    assert!(bed.spoke.get(&a).await.is_some() && bed.spoke.get(&b).await.is_some());
    assert!(is(&bed.work("v").await, "Applied", "True"));
}
