//! What webhooks refuse: an agent that makes its cluster another one, and a
//! bootstrap token that brings one along.

use kube::Client;
use serde_json::{Value, json};

use super::{clusters, send};
use crate::harness::eventually;
use crate::hub::support::{ACCEPTED, Hub, finalizers};

const SET: &str = "cluster.open-cluster-management.io/clusterset";

/// Writes a cluster by update until nobody was in between.
async fn update(client: &Client, name: &str, change: fn(&mut Value)) -> (u16, String) {
    let path = clusters(&format!("/{name}"));
    eventually("an update that nobody was before", || async {
        let (status, text) = send(client, "GET", &path, &Value::Null).await;
        if status != 200 {
            return Some((status, text));
        }
        let mut object: Value = serde_json::from_str(&text).unwrap();
        change(&mut object);
        let answer = send(client, "PUT", &path, &object).await;
        (answer.0 != 409).then_some(answer)
    })
    .await
}

/// Statement 30 and the protocol's section 10. Upstream lets an agent do most
/// of it, and so match other placements.
#[tokio::test]
async fn an_agent_cannot_make_its_cluster_another_one() {
    let hub = Hub::guarded(json!({})).await;
    hub.accepted("c1").await;
    let agent = hub.agent("c1").await;
    eventually("the hub has its finalizers and taints", || async {
        let cluster = hub.cluster("c1").await;
        (finalizers(&cluster).len() == 2 && cluster["spec"]["taints"].is_array()).then_some(())
    })
    .await;
    type Attack = (&'static str, fn(&mut Value));
    let attacks: &[Attack] = &[
        ("labels", |c| {
            c["metadata"]["labels"]["environment"] = "production".into();
        }),
        ("managedclustersets/join", |c| {
            c["metadata"]["labels"][SET] = "prod".into();
        }),
        ("labels", |c| {
            c["metadata"]["labels"]["feature.open-cluster-management.io/addon-a"] =
                "available".into();
        }),
        ("finalizers", |c| c["metadata"]["finalizers"] = json!([])),
        ("owners", |c| {
            c["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Namespace",
                "name": "default", "uid": "00000000-0000-0000-0000-000000000000"}]);
        }),
        ("annotations", |c| {
            c["metadata"]["annotations"]["open-cluster-management.io/automatically-accepted-on"] =
                "x".into();
        }),
        ("taints", |c| c["spec"]["taints"] = json!([])),
        ("lease duration", |c| {
            c["spec"]["leaseDurationSeconds"] = json!(1_000_000);
        }),
    ];
    for (word, attack) in attacks {
        let (code, message) = update(&agent, "c1", *attack).await;
        assert_eq!(code, 403, "{word}: {message}");
        assert!(message.contains(word), "{message}");
    }
    // What the status is written with changes nothing else.
    let before = hub.cluster("c1").await;
    let patch = json!({
        "metadata": {"labels": {"environment": "production"}, "finalizers": []},
        "spec": {"taints": [], "leaseDurationSeconds": 1_000_000},
    });
    let (code, message) = send(&agent, "PATCH", &clusters("/c1/status"), &patch).await;
    assert_eq!(code, 200, "{message}");
    let after = hub.cluster("c1").await;
    for path in ["/metadata/labels", "/metadata/finalizers", "/spec"] {
        assert_eq!(after.pointer(path), before.pointer(path), "{path}");
    }
    // What is an agent's to say it may say.
    let (code, message) = update(&agent, "c1", |c| {
        c["spec"]["managedClusterClientConfigs"] = json!([{"url": "https://c1.example"}]);
        c["metadata"]["annotations"]["agent.open-cluster-management.io/x"] = "y".into();
    })
    .await;
    assert_eq!(code, 200, "{message}");
    // It may leave by itself, but not come back.
    let (code, message) = update(&agent, "c1", |c| {
        c["spec"]["hubAcceptsClient"] = json!(false);
    })
    .await;
    assert_eq!(code, 200, "{message}");
    let yes = |c: &mut Value| c["spec"]["hubAcceptsClient"] = json!(true);
    let (code, message) = update(&agent, "c1", yes).await;
    assert_eq!(code, 403, "{message}");
    hub.wait_condition("c1", ACCEPTED, "False").await;
    let (code, message) = update(&agent, "c1", yes).await;
    assert_eq!(code, 403, "{message}");
    assert_eq!(hub.cluster("c1").await["spec"]["hubAcceptsClient"], false);
}

/// An administrator accepts a name; labels, set and taints decide which works
/// the cluster gets.
#[tokio::test]
async fn a_bootstrap_token_brings_no_labels_and_no_set() {
    let hub = Hub::guarded(json!({})).await;
    let boot = hub.bootstrap().await;
    let new = |name: &str, mut metadata: Value, mut spec: Value| {
        metadata["name"] = name.into();
        if spec["hubAcceptsClient"].is_null() {
            spec["hubAcceptsClient"] = false.into();
        }
        json!({"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": metadata, "spec": spec})
    };
    let none = || json!({});
    let attacks = [
        (
            403,
            "HubAcceptsClient",
            new("c9", none(), json!({"hubAcceptsClient": true})),
        ),
        (
            403,
            "\"prod\"",
            new("c9", json!({"labels": {SET: "prod"}}), none()),
        ),
        (
            403,
            "labels",
            new(
                "c9",
                json!({"labels": {"environment": "production"}}),
                none(),
            ),
        ),
        (
            403,
            "annotations",
            new(
                "c9",
                json!({"annotations": {"open-cluster-management.io/image-registries": "{}"}}),
                none(),
            ),
        ),
        (
            403,
            "finalizers",
            new("c9", json!({"finalizers": ["example.com/stays"]}), none()),
        ),
        (
            403,
            "taints",
            new(
                "c9",
                none(),
                json!({"taints": [{"key": "k", "effect": "NoSelect"}]}),
            ),
        ),
        (
            403,
            "lease duration",
            new("c9", none(), json!({"leaseDurationSeconds": 1_000_000})),
        ),
        (400, "reserved", new("managed-clusters", none(), none())),
        (400, "metadata.name", new("a.b", none(), none())),
        (
            400,
            "http://x",
            new(
                "c9",
                none(),
                json!({"managedClusterClientConfigs": [{"url": "http://x"}]}),
            ),
        ),
    ];
    for (expected, word, object) in attacks {
        let (code, message) = send(&boot, "POST", &clusters(""), &object).await;
        assert_eq!(code, expected, "{word}: {message}");
        assert!(message.contains(word), "{message}");
    }
    // What an agent asks with is let in.
    let asked = new(
        "c9",
        json!({"annotations": {"agent.open-cluster-management.io/x": "y"}}),
        json!({"managedClusterClientConfigs": [{"url": "https://c9.example"}]}),
    );
    let (code, message) = send(&boot, "POST", &clusters(""), &asked).await;
    assert_eq!(code, 201, "{message}");
    let created = hub.cluster("c9").await;
    assert_eq!(created["metadata"]["labels"][SET], "default");
    // Who may change clusters may bring them as they shall be.
    let whole = new(
        "c8",
        json!({"labels": {"environment": "production", SET: "prod"}}),
        none(),
    );
    hub.side.create(whole).await;
}
