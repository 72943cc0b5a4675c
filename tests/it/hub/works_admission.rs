//! What the hub's webhook demands of works, tried with real credentials.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::support::Hub;
use crate::harness::{create, eventually, user};

const WORKS: &str = "admission webhook \"manifestworkvalidators.admission.work.open-cluster-management.io\" denied the request: ";
const GROUP: &str = "work.open-cluster-management.io";

/// The message with which the webhook refused (400), or nothing.
fn refused<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> Option<String> {
    match result {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => {
            assert_eq!(status.code, 400, "{}", status.message);
            let message = status.message.strip_prefix(WORKS);
            Some(
                message
                    .unwrap_or_else(|| panic!("{}", status.message))
                    .to_owned(),
            )
        }
        Err(error) => panic!("no answer: {error}"),
    }
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"}})
}

fn work(name: &str, manifests: &[Value], executor: &Value) -> Value {
    let mut work = json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"workload": {"manifests": manifests}},
    });
    if !executor.is_null() {
        work["spec"]["executor"] = executor.clone();
    }
    work
}

fn account(name: &str) -> Value {
    json!({"subject": {"type": "ServiceAccount",
        "serviceAccount": {"namespace": "apps", "name": name}}})
}

fn works(client: &Client) -> Api<DynamicObject> {
    let resource = kube::core::ApiResource::from_gvk_with_plural(
        &kube::core::GroupVersionKind::gvk(GROUP, "v1", "ManifestWork"),
        "manifestworks",
    );
    Api::namespaced_with(client.clone(), "default", &resource)
}

async fn merge(
    api: &Api<DynamicObject>,
    name: &str,
    patch: Value,
) -> Result<DynamicObject, kube::Error> {
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
}

/// Lets `who` do this with works in the namespace `default`.
async fn let_do(hub: &Hub, who: &str, rules: Value) -> Client {
    let role = format!("{who}-works");
    for object in [
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": role, "namespace": "default"}, "rules": rules}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": role, "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who}]}),
    ] {
        hub.side.create(object).await;
    }
    let client = hub.side.client_as(&user(who, &["system:authenticated"]));
    eventually("the role is in force", || async {
        works(&client).get_opt("none").await.ok()
    })
    .await;
    client
}

fn writes() -> Value {
    json!({"apiGroups": [GROUP], "resources": ["manifestworks"],
        "verbs": ["get", "create", "update", "patch"]})
}

#[tokio::test]
async fn work_04_05_06_and_07_what_is_no_work_is_refused_by_the_api_server() {
    let hub = Hub::guarded(json!({})).await;
    let admin = &hub.side.client;
    let none = Value::Null;
    let tried = |manifests: Vec<Value>| {
        let work = work("w", &manifests, &none);
        async move { refused(create(admin, work).await) }
    };
    assert_eq!(
        tried(vec![]).await.as_deref(),
        Some("manifests should not be empty")
    );
    let mut big = map("big");
    big["data"] = json!({"x": "y".repeat(512_000)});
    let message = tried(vec![big]).await.unwrap();
    assert!(
        message.starts_with("the size of manifests is 512")
            && message.ends_with(" bytes which exceeds the 512000 limit"),
        "{message}"
    );
    let mut generated = map("a");
    generated["metadata"]["generateName"] = "a-".into();
    assert_eq!(
        tried(vec![generated]).await.as_deref(),
        Some("generateName must not be set in manifest")
    );
    let nameless =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default"}});
    assert_eq!(
        tried(vec![map("a"), nameless]).await.as_deref(),
        Some("name must be set in manifest")
    );
    let twice = "duplicate manifest for resource default/a with resource type v1.ConfigMap";
    assert_eq!(
        tried(vec![map("a"), map("a")]).await.as_deref(),
        Some(twice)
    );
    assert_eq!(tried(vec![map("a"), map("b")]).await, None);
    // An update is looked at as well; what it would have made does not happen.
    let api = works(admin);
    let worse = json!({"spec": {"workload": {"manifests": [map("a"), map("a")]}}});
    assert_eq!(
        refused(merge(&api, "w", worse).await).as_deref(),
        Some(twice)
    );
    let kept = hub.side.get("ManifestWork", "default", "w").await.unwrap();
    assert_eq!(kept["metadata"]["generation"], 1);
}

#[tokio::test]
async fn work_08_nobody_lets_a_work_act_as_an_account_that_is_not_his_to_use() {
    let hub = Hub::guarded(json!({})).await;
    let eve = let_do(&hub, "eve", json!([writes()])).await;
    let ann = let_do(
        &hub,
        "ann",
        json!([writes(), {"apiGroups": [GROUP], "resources": ["manifestworks"],
            "resourceNames": ["system:serviceaccount:apps:deployer"], "verbs": ["execute-as"]}]),
    )
    .await;
    let denied = |who: &str, account: &str| {
        Some(format!(
            "user {who} cannot manipulate the Manifestwork with executor {account} in namespace default"
        ))
    };
    let deployer = account("deployer");
    let by_deployer = |name: &str| work(name, &[map("a")], &deployer);
    assert_eq!(
        refused(create(&eve, by_deployer("eves")).await),
        denied("eve", "apps/deployer")
    );
    assert_eq!(refused(create(&ann, by_deployer("anns")).await), None);
    // Eve may change what it applies as long as it stays the same account's.
    let api = works(&eve);
    let more = json!({"spec": {"workload": {"manifests": [map("a"), map("b")]}}});
    assert_eq!(refused(merge(&api, "anns", more).await), None);
    let other = json!({"spec": {"executor": account("admin")}});
    assert_eq!(
        refused(merge(&api, "anns", other.clone()).await),
        denied("eve", "apps/admin")
    );
    assert_eq!(
        refused(merge(&works(&ann), "anns", other).await),
        denied("ann", "apps/admin")
    );
    let nobody = work(
        "nobody",
        &[map("a")],
        &json!({"subject": {"type": "ServiceAccount"}}),
    );
    assert_eq!(
        refused(create(&eve, nobody).await).as_deref(),
        Some("executor service account can not be nil")
    );
    // Without the gate, and without executor, nobody is asked for.
    let plain = |name: &str| work(name, &[map("a")], &Value::Null);
    assert_eq!(refused(create(&eve, plain("before")).await), None);
    let gates = json!([{"feature": "NilExecutorValidating", "mode": "Enable"}]);
    let configuration = json!({"spec": {"workConfiguration": {"featureGates": gates}}});
    hub.side
        .merge("ClusterManager", "", "cluster-manager", configuration)
        .await;
    let mut tries = 0..;
    let message = eventually("the gate is heard of", || {
        let name = format!("try-{}", tries.next().unwrap_or_default());
        let answer = create(&eve, plain(&name));
        async move { refused(answer.await) }
    })
    .await;
    assert_eq!(Some(message), denied("eve", "/klusterlet-work-sa"));
    // The role that the hub keeps is what she lacks.
    let role = "open-cluster-management:cluster-manager-work-executor-admin:webhook";
    eventually("the hub keeps the role", || {
        hub.side.get("ClusterRole", "", role)
    })
    .await;
    hub.side
        .create(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "eve-executes", "namespace": "default"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}]}))
        .await;
    eventually("she may", || async {
        refused(create(&eve, plain("after")).await)
            .is_none()
            .then_some(())
    })
    .await;
    // It is for no other account, and it comes back when it is taken away.
    assert_eq!(
        refused(create(&eve, by_deployer("still")).await),
        denied("eve", "apps/deployer")
    );
    hub.side.delete("ClusterRole", "", role).await;
    eventually("the role is back", || hub.side.get("ClusterRole", "", role)).await;
}
