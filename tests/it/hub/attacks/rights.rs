//! What roles refuse: who, verb, where, and the answer.

use kube::Client;
use serde_json::{Value, json};

use super::{clusters, send};
use crate::harness::eventually;
use crate::hub::support::{ACCEPTED, Hub};

/// Verb, path, body, and the answer's status.
type Try<'a> = (&'a str, &'a str, Value, u16);

const WORKS: &str = "/apis/work.open-cluster-management.io/v1";
const ADDONS: &str = "/apis/addon.open-cluster-management.io/v1beta1";
const LEASES: &str = "/apis/coordination.k8s.io/v1";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const SETS: &str = "/apis/cluster.open-cluster-management.io/v1beta2";

async fn try_all(who: &str, client: &Client, tries: &[Try<'_>]) {
    for (verb, path, body, expected) in tries {
        let (status, message) = send(client, verb, path, body).await;
        assert_eq!(
            status, *expected,
            "{who}: {verb} {path} was answered {message}"
        );
    }
}

fn named(kind: &str, version: &str, name: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}})
}

fn work(name: &str) -> Value {
    let mut work = named("ManifestWork", "work.open-cluster-management.io/v1", name);
    work["spec"] = json!({"workload": {"manifests": [named("ConfigMap", "v1", "x")]}});
    work
}

/// Two clusters, each with a work.
async fn bed() -> Hub {
    let hub = Hub::guarded(json!({})).await;
    for cluster in ["c1", "c2"] {
        hub.accepted(cluster).await;
        let mut work = work("w");
        work["metadata"]["namespace"] = cluster.into();
        hub.side.create(work).await;
    }
    hub
}

/// Waits until somebody has the rights that the controllers just gave.
async fn may(client: &Client, path: &str) {
    eventually(path, || async {
        let (status, _) = send(client, "GET", path, &Value::Null).await;
        (status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_agent_gets_at_nothing_of_another_cluster_nor_of_the_hub() {
    let hub = bed().await;
    let agent = hub.agent("c1").await;
    may(&agent, &format!("{WORKS}/namespaces/c1/manifestworks/w")).await;
    let none = Value::Null;
    let lease = |namespace: &str| format!("{LEASES}/namespaces/{namespace}/leases");
    let own = clusters("?fieldSelector=metadata.name%3Dc1");
    let tries: Vec<(&str, String, Value, u16)> = vec![
        // Its own, so that the refusals below are not for another reason.
        ("GET", clusters("/c1"), none.clone(), 200),
        ("GET", own, none.clone(), 200),
        (
            "GET",
            format!("{}/managed-cluster-lease", lease("c1")),
            none.clone(),
            200,
        ),
        (
            "GET",
            format!("{ADDONS}/namespaces/c1/managedclusteraddons"),
            none.clone(),
            200,
        ),
        // Another cluster's.
        ("GET", clusters("/c2"), none.clone(), 403),
        ("GET", clusters(""), none.clone(), 403),
        ("GET", clusters("?watch=true"), none.clone(), 403),
        (
            "GET",
            clusters("?fieldSelector=metadata.name%3Dc2"),
            none.clone(),
            403,
        ),
        ("PUT", clusters("/c2"), json!({}), 403),
        ("PATCH", clusters("/c2/status"), json!({"status": {}}), 403),
        ("DELETE", clusters("/c2"), none.clone(), 403),
        ("GET", format!("{WORKS}/manifestworks"), none.clone(), 403),
        (
            "GET",
            format!("{WORKS}/namespaces/c2/manifestworks"),
            none.clone(),
            403,
        ),
        (
            "GET",
            format!("{WORKS}/namespaces/c2/manifestworks/w"),
            none.clone(),
            403,
        ),
        (
            "PATCH",
            format!("{WORKS}/namespaces/c2/manifestworks/w"),
            json!({}),
            403,
        ),
        (
            "PATCH",
            format!("{WORKS}/namespaces/c2/manifestworks/w/status"),
            json!({}),
            403,
        ),
        (
            "POST",
            format!("{WORKS}/namespaces/c2/manifestworks"),
            work("x"),
            403,
        ),
        (
            "GET",
            format!("{}/managed-cluster-lease", lease("c2")),
            none.clone(),
            403,
        ),
        (
            "PUT",
            format!("{}/managed-cluster-lease", lease("c2")),
            json!({}),
            403,
        ),
        (
            "GET",
            format!("{ADDONS}/namespaces/c2/managedclusteraddons"),
            none.clone(),
            403,
        ),
        (
            "PATCH",
            format!("{ADDONS}/namespaces/c2/managedclusteraddons/a/status"),
            json!({}),
            403,
        ),
        (
            "POST",
            "/apis/events.k8s.io/v1/namespaces/c2/events".into(),
            json!({}),
            403,
        ),
        // More of its own than it needs.
        (
            "PATCH",
            clusters("/c1"),
            json!({"metadata": {"labels": {"a": "b"}}}),
            403,
        ),
        ("DELETE", clusters("/c1"), none.clone(), 403),
        (
            "POST",
            clusters(""),
            named(
                "ManagedCluster",
                "cluster.open-cluster-management.io/v1",
                "c9",
            ),
            403,
        ),
        (
            "POST",
            format!("{WORKS}/namespaces/c1/manifestworks"),
            work("x"),
            403,
        ),
        (
            "DELETE",
            format!("{WORKS}/namespaces/c1/manifestworks/w"),
            none.clone(),
            403,
        ),
        (
            "DELETE",
            format!("{}/managed-cluster-lease", lease("c1")),
            none.clone(),
            403,
        ),
        (
            "PATCH",
            format!("{ADDONS}/namespaces/c1/managedclusteraddons/a"),
            json!({}),
            403,
        ),
        (
            "GET",
            "/api/v1/namespaces/c1/secrets".into(),
            none.clone(),
            403,
        ),
        (
            "POST",
            "/api/v1/namespaces/c1/serviceaccounts/default/token".into(),
            json!({}),
            403,
        ),
        // The hub's.
        (
            "GET",
            "/api/v1/namespaces/open-cluster-management/secrets".into(),
            none.clone(),
            403,
        ),
        (
            "PUT",
            format!("{}/ocmadm-hub-lock", lease("open-cluster-management")),
            json!({}),
            403,
        ),
        ("GET", "/api/v1/namespaces".into(), none.clone(), 403),
        ("PUT", format!("{REQUESTS}/x/approval"), json!({}), 403),
        ("PATCH", format!("{REQUESTS}/x/status"), json!({}), 403),
        (
            "PATCH",
            format!("{RBAC}/clusterroles/open-cluster-management:managedcluster:c1"),
            json!({"rules": []}),
            403,
        ),
        (
            "POST",
            format!("{RBAC}/clusterrolebindings"),
            json!({}),
            403,
        ),
        (
            "POST",
            format!("{RBAC}/namespaces/c1/rolebindings"),
            json!({}),
            403,
        ),
        ("POST", format!("{SETS}/managedclustersets"), json!({}), 403),
        (
            "POST",
            format!("{SETS}/namespaces/c1/managedclustersetbindings"),
            json!({}),
            403,
        ),
        (
            "PATCH",
            "/apis/operator.open-cluster-management.io/v1/clustermanagers/cluster-manager".into(),
            json!({}),
            403,
        ),
    ];
    let tries: Vec<Try<'_>> = tries
        .iter()
        .map(|(verb, path, body, status)| (*verb, path.as_str(), body.clone(), *status))
        .collect();
    try_all("c1's agent", &agent, &tries).await;
    // Nor as somebody else.
    let request = http::Request::get(clusters(""))
        .header("impersonate-user", "admin")
        .header("impersonate-group", "system:masters")
        .body(kube::client::Body::empty())
        .unwrap();
    assert_eq!(agent.send(request).await.unwrap().status(), 403);
    // Who has nothing gets nothing.
    let nobody = hub.side.client_with(None).await;
    for path in [clusters(""), clusters("/c1"), REQUESTS.to_owned()] {
        let (status, message) = send(&nobody, "GET", &path, &Value::Null).await;
        assert!([401, 403].contains(&status), "{path}: {message}");
    }
}

#[tokio::test]
async fn a_bootstrap_token_asks_and_reads_and_changes_nothing() {
    let hub = bed().await;
    let boot = hub.bootstrap().await;
    may(&boot, &clusters("/c1")).await;
    let none = Value::Null;
    let lease = format!("{LEASES}/namespaces/c1/leases/managed-cluster-lease");
    let work_of = format!("{WORKS}/namespaces/c1/manifestworks/w");
    let (c1, status) = (clusters("/c1"), clusters("/c1/status"));
    let accept = json!({"spec": {"hubAcceptsClient": true}});
    let approval = format!("{REQUESTS}/x/approval");
    let bindings = format!("{RBAC}/clusterrolebindings");
    let secrets = "/api/v1/namespaces/open-cluster-management/secrets";
    let token = "/api/v1/namespaces/open-cluster-management/serviceaccounts/cluster-manager/token";
    let tries: &[Try<'_>] = &[
        ("PATCH", &c1, accept.clone(), 403),
        ("PUT", &c1, accept, 403),
        ("PATCH", &status, json!({"status": {"conditions": []}}), 403),
        ("DELETE", &c1, none.clone(), 403),
        ("PUT", &approval, json!({}), 403),
        ("GET", &work_of, none.clone(), 403),
        ("GET", &lease, none.clone(), 403),
        ("PUT", &lease, json!({}), 403),
        ("GET", secrets, none.clone(), 403),
        ("POST", token, json!({}), 403),
        ("POST", &bindings, json!({}), 403),
    ];
    try_all("bootstrap", &boot, tries).await;
}

/// Statement 36: the group of the cluster's agents would be every agent's.
#[tokio::test]
async fn registration_36_other_agents_gain_nothing_by_the_reserved_name() {
    // Where no webhook refuses the name, the controllers do.
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    let agent = hub.agent("c1").await;
    may(&agent, &clusters("/c1")).await;
    let name = "managed-clusters";
    hub.side.create(named("Namespace", "v1", name)).await;
    let mut work = work("w");
    work["metadata"]["namespace"] = name.into();
    hub.side.create(work).await;
    hub.asks(name).await;
    hub.accept(name, true).await;
    hub.wait_condition(name, ACCEPTED, "False").await;
    let (cluster, status) = (
        clusters("/managed-clusters"),
        clusters("/managed-clusters/status"),
    );
    let works = format!("{WORKS}/namespaces/{name}/manifestworks");
    let leases = format!("{LEASES}/namespaces/{name}/leases");
    let lease = format!("{leases}/managed-cluster-lease");
    let tries: &[Try<'_>] = &[
        ("GET", &cluster, Value::Null, 403),
        ("PATCH", &status, json!({"status": {}}), 403),
        ("GET", &works, Value::Null, 403),
        ("GET", &leases, Value::Null, 403),
        ("PUT", &lease, json!({}), 403),
    ];
    try_all("c1's agent", &agent, tries).await;
    // Nor is anything of the hub's put there.
    assert!(
        hub.side
            .get("Lease", name, "managed-cluster-lease")
            .await
            .is_none()
    );
    assert!(hub.side.list("RoleBinding", name).await.is_empty());
}
