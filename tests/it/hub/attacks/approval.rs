//! Automatic approval: what those on its list get, and those who are not.

use kube::Client;
use serde_json::{Value, json};

use super::requests::{approved, ask, of, renewal};
use super::{clusters, send};
use crate::harness::{eventually, until, user};
use crate::hub::support::{ACCEPTED, Hub};

const BOOT: &str = "system:serviceaccount:open-cluster-management:agent-registration-bootstrap";
const C1: &str = "system:open-cluster-management:c1";
const COMMON: &str = "system:open-cluster-management:managed-clusters";

/// A hub that trusts its bootstrap account and eve; and somebody with the same
/// rights that it does not trust.
async fn bed() -> (Hub, Client, Client, Client) {
    let hub = Hub::guarded(json!({
        "featureGates": [{"feature": "ManagedClusterAutoApproval", "mode": "Enable"}],
        "autoApproveUsers": [BOOT, "eve"],
    }))
    .await;
    let person =
        |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name});
    hub.side
        .create(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "others-bootstrap"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "open-cluster-management:bootstrap"},
            "subjects": [person("eve"), person("stranger")],
        }))
        .await;
    let boot = hub.bootstrap().await;
    let eve = hub.side.client_of(&user("eve", &[])).await;
    let stranger = hub.side.client_of(&user("stranger", &[])).await;
    for client in [&boot, &eve, &stranger] {
        until("they may ask", || async {
            send(client, "GET", &clusters(""), &Value::Null).await.0 == 200
        })
        .await;
    }
    (hub, boot, eve, stranger)
}

async fn asks(client: &Client, name: &str) {
    let cluster = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
        "metadata": {"name": name}, "spec": {"hubAcceptsClient": false},
    });
    let (status, message) = send(client, "POST", &clusters(""), &cluster).await;
    assert_eq!(status, 201, "{message}");
}

/// Upstream accepts whatever anybody creates, and gives who is on the list the
/// identity of any cluster.
#[tokio::test]
async fn auto_approval_gives_nobody_the_cluster_of_another() {
    let (hub, boot, eve, stranger) = bed().await;
    // Before there is a cluster nobody has its certificate in advance.
    let early = ask(&eve, renewal("c1").0).await;
    asks(&boot, "c1").await;
    let unlisted = ask(&stranger, renewal("c1").0).await;
    let honest = ask(&boot, renewal("c1").0).await;
    eventually("the creator's is approved", || approved(&hub, &honest)).await;
    hub.wait_condition("c1", ACCEPTED, "True").await;
    let late = ask(&eve, renewal("c1").0).await;
    // Nor the creator itself, as another agent: somebody else may have its token.
    let twin = of(&format!("{C1}:a2"), &[C1, COMMON], "c1").0;
    let second = ask(&boot, twin).await;
    // What somebody creates who is not on the list waits for a person. What is
    // created after it is accepted, so it was looked at.
    asks(&stranger, "c2").await;
    asks(&eve, "c3").await;
    hub.wait_condition("c3", ACCEPTED, "True").await;
    assert_eq!(hub.cluster("c2").await["spec"]["hubAcceptsClient"], false);
    let last = ask(&eve, renewal("c3").0).await;
    eventually("eve's own", || approved(&hub, &last)).await;
    for (what, name) in [
        ("before the cluster", early),
        ("not on the list", unlisted),
        ("another's cluster", late),
        ("a second agent", second),
    ] {
        assert!(approved(&hub, &name).await.is_none(), "{what}");
    }
}

#[tokio::test]
async fn auto_approval_gives_no_certificate_of_a_cluster_that_was_denied() {
    let (hub, boot, ..) = bed().await;
    asks(&boot, "c1").await;
    hub.wait_condition("c1", ACCEPTED, "True").await;
    hub.accept("c1", false).await;
    hub.wait_condition("c1", ACCEPTED, "False").await;
    let denied = ask(&boot, renewal("c1").0).await;
    asks(&boot, "c2").await;
    let good = ask(&boot, renewal("c2").0).await;
    eventually("another cluster's", || approved(&hub, &good)).await;
    assert!(approved(&hub, &denied).await.is_none());
    assert_eq!(hub.cluster("c1").await["spec"]["hubAcceptsClient"], false);
}

/// Turning the gate on accepts nothing that nobody knows the creator of, that a
/// person denied, or that is a system's.
#[tokio::test]
async fn auto_approval_that_is_turned_on_later_takes_nothing_for_granted() {
    let hub = Hub::start().await;
    hub.asks("unsigned").await;
    hub.accepted("denied").await;
    hub.accept("denied", false).await;
    hub.wait_condition("denied", ACCEPTED, "False").await;
    hub.asks("kube-system").await;
    hub.serve_webhooks().await;
    let gate = json!([{"feature": "ManagedClusterAutoApproval", "mode": "Enable"}]);
    let with = |users: Value| {
        json!({"spec": {"registrationConfiguration": {
        "featureGates": gate, "autoApproveUsers": users}}})
    };
    let manager = async |patch: Value| {
        hub.side
            .merge("ClusterManager", "", "cluster-manager", patch)
            .await;
    };
    manager(with(json!([BOOT]))).await;
    let boot = hub.bootstrap().await;
    until("bootstrap may ask", || async {
        send(&boot, "GET", &clusters(""), &Value::Null).await.0 == 200
    })
    .await;
    asks(&boot, "signed").await;
    hub.wait_condition("signed", ACCEPTED, "True").await;
    for name in ["unsigned", "denied", "kube-system"] {
        assert_eq!(
            hub.cluster(name).await["spec"]["hubAcceptsClient"],
            false,
            "{name}"
        );
    }
    // Without a list everybody's are accepted (statement 22), but these two.
    manager(with(json!([]))).await;
    hub.wait_condition("unsigned", ACCEPTED, "True").await;
    for name in ["denied", "kube-system"] {
        assert_eq!(
            hub.cluster(name).await["spec"]["hubAcceptsClient"],
            false,
            "{name}"
        );
    }
    assert!(
        hub.side
            .get("Lease", "kube-system", "managed-cluster-lease")
            .await
            .is_none()
    );
}
