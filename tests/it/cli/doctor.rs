//! `doctor`: what is broken on purpose is found, and what mends it is named.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocmadm::bundle;
use ocmadm::cmd::resources;
use serde_json::{Value, json};

use super::world::World;

#[tokio::test]
async fn doctor_names_what_is_broken_and_what_mends_it() {
    let world = World::bare().await;
    let said = world.run(&["doctor"]).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("✓ API server: https://HUB answers"), "{said}");
    let mend = "✗ definitions: it is no hub yet\n      ocmadm init --wait\n";
    assert!(said.contains(mend), "{said}");

    let mut objects = bundle::hub(&bundle::HubValues::default()).unwrap();
    objects.extend(bundle::hub_crds().unwrap());
    world.cluster.install(objects).await;
    world.cluster("c1", false).await;
    world.cluster("c2", true).await;
    let hub = ["doctor", "--context", "hub"];
    let said = world.run(&hub).await;
    for part in [
        "✓ definitions",
        "✗ controllers: they are not installed\n      ocmadm init --context hub --wait\n",
        "c1\n  ✗ accepted: the hub has not accepted it\n      ocmadm accept --clusters c1 --context hub --wait\n",
        "c2\n  ✓ accepted\n  ✗ joined: its agent has not joined yet\n      ocmadm doctor --cluster c2 --context hub --managed-context CONTEXT\n",
        "✗ ClusterManager: its operator has not reported on it yet",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    // The other side, without an agent.
    let both = [&hub[..], &["--cluster", "c2", "--managed-context", "hub"]].concat();
    let join = "ocmadm join --context hub --hub-context hub --cluster-name c2 --accept --wait";
    let said = world.run(&both).await;
    let part = format!("✗ agent: no agent is installed\n      {join}\n");
    assert!(said.contains(&part), "{said}");

    // An agent whose token has expired before it got a certificate.
    let claims = STANDARD.encode(r#"{"exp":1000}"#);
    let token = format!("e30.{}.c2ln", claims.trim_end_matches('='));
    let kubeconfig = json!({"users": [{"name": "u", "user": {"token": token}}]});
    let values = bundle::AgentValues {
        bootstrap_kubeconfig: kubeconfig.to_string(),
        klusterlet: serde_json::from_value(json!({"clusterName": "c2"})).unwrap(),
        ..bundle::AgentValues::default()
    };
    world.cluster.install(bundle::agent_crds().unwrap()).await;
    world.cluster.install(bundle::agent(&values).unwrap()).await;
    let said = world.run(&both).await;
    assert!(said.contains("✗ join token: it has expired"), "{said}");
    assert!(
        said.contains("✗ certificate: the hub has issued none"),
        "{said}"
    );
    assert!(!said.contains(&token), "{said}");

    // As data, and a user who may not look.
    let said = world.run(&[&both[..], &["-o", "json"]].concat()).await;
    let text = said.split("--- stdout\n").nth(1).unwrap();
    let text = text.split("--- stderr\n").next().unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["ok"], false);
    let checks = value["checks"].as_array().unwrap();
    let expired = checks.iter().find(|c| c["check"] == "join token").unwrap();
    assert_eq!(expired["mend"], join);
    let said = world.run(&["doctor", "--context", "guest"]).await;
    assert!(said.contains("✗ definitions: it cannot be read"), "{said}");

    // A cluster that was accepted meanwhile is not told any more.
    let clusters = resources::all(&world.client, &resources::managed_cluster());
    let status = json!({"conditions": [
        {"type": "ManagedClusterJoined", "status": "True", "reason": "r", "message": "m",
         "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    world.status(&clusters, "c2", status).await;
    let said = world.run(&[&hub[..], &["--cluster", "c2"]].concat()).await;
    assert!(said.contains("✓ joined"), "{said}");
    assert!(
        said.contains("✗ heartbeat: it has never reported"),
        "{said}"
    );
    assert!(said.contains("✗ available"), "{said}");
}

/// The Secret of an agent's credentials.
fn secret(namespace: &str, url: &str, ca: &str, certificate: &str, key: &str) -> Value {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "hub", "cluster": {
            "server": url, "certificate-authority-data": STANDARD.encode(ca)}}],
        "contexts": [{"name": "c", "context": {"cluster": "hub", "user": "u"}}],
        "users": [{"name": "u", "user": {
            "client-certificate": "tls.crt", "client-key": "tls.key"}}],
    });
    json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "hub-kubeconfig-secret", "namespace": namespace},
        "stringData": {"kubeconfig": kubeconfig.to_string(), "cluster-name": "c1",
            "tls.crt": certificate, "tls.key": key}})
}

#[tokio::test]
async fn doctor_looks_where_agents_are_and_tries_what_they_have() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    world.cluster("c2", true).await;
    let values = bundle::AgentValues {
        bootstrap_kubeconfig: "{}".to_owned(),
        ..bundle::AgentValues::default()
    };
    let mut definitions = bundle::agent(&values).unwrap();
    definitions.retain(|object| object.types.as_ref().unwrap().kind == "CustomResourceDefinition");
    world.cluster.install(definitions).await;
    // One with a name and a namespace of its own, and one that runs for another cluster.
    for (name, spec) in [
        (
            "moved",
            json!({"clusterName": "c1", "namespace": "open-cluster-management-elsewhere"}),
        ),
        (
            "hosted",
            json!({"clusterName": "c2", "namespace": "open-cluster-management-there",
            "deployOption": {"mode": "Hosted"}}),
        ),
    ] {
        world
            .cluster
            .create(
                json!({"apiVersion": "operator.open-cluster-management.io/v1",
            "kind": "Klusterlet", "metadata": {"name": name}, "spec": spec}),
            )
            .await;
    }
    let agent = super::world::user(
        "system:open-cluster-management:c1:a",
        &[
            "system:open-cluster-management:c1",
            "system:open-cluster-management:managed-clusters",
        ],
    );
    let hour = std::time::Duration::from_secs(3600);
    let (certificate, key) = world.cluster.issue(&agent, hour).await;
    let ca = world.cluster.ca_pem();
    for namespace in ["open-cluster-management-elsewhere", "hosted"] {
        world
            .cluster
            .create(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace}}))
            .await;
        world
            .cluster
            .create(secret(namespace, &world.url, &ca, &certificate, &key))
            .await;
    }
    let of = |cluster| {
        [
            "doctor",
            "--context",
            "hub",
            "--managed-context",
            "hub",
            "--cluster",
            cluster,
        ]
    };
    let said = world.run(&of("c1")).await;
    for part in [
        "agent of c1\n  ✓ Klusterlet: moved, Default, in namespace open-cluster-management-elsewhere\n",
        "✓ certificate: valid for another",
        "✗ way to the hub: https://HUB allows its certificate nothing: ",
        "✗ rights: its agent may not read its ManagedCluster, renew its lease",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("agent of c2"), "{said}");
    assert!(!said.contains(&key), "{said}");

    // The same certificate for another cluster, where hosted agents keep it.
    let said = world.run(&of("c2")).await;
    for part in [
        "✓ Klusterlet: hosted, Hosted, in namespace hosted\n",
        "✗ certificate: it is the cluster c1's, not c2's\n",
        "--mode hosted --managed-cluster-kubeconfig FILE --klusterlet-name hosted\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    // Rights, as the hub's controllers give them.
    world.cluster.create(json!({"apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding", "metadata": {"name": "c1"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
            "name": "system:open-cluster-management:c1"}]})).await;
    let said = world.run(&of("c1")).await;
    for part in [
        "✓ way to the hub: https://HUB knows its certificate\n",
        "✓ rights: its agent may do",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    // A hub that was set up anew: another CA, the same address.
    let other = rcgen::generate_simple_self_signed(vec!["hub".to_owned()]).unwrap();
    world
        .cluster
        .delete(
            "Secret",
            "open-cluster-management-elsewhere",
            "hub-kubeconfig-secret",
        )
        .await;
    let stale = secret(
        "open-cluster-management-elsewhere",
        &world.url,
        &other.cert.pem(),
        &certificate,
        &key,
    );
    world.cluster.create(stale).await;
    let said = world.run(&of("c1")).await;
    let part = "✗ way to the hub: the CA in its kubeconfig is not that of https://HUB\n      ocmadm join --context hub";
    assert!(said.contains(part), "{said}");
}

#[tokio::test]
async fn doctor_finds_a_webhook_that_nobody_answers() {
    let world = World::hub().await;
    world
        .cluster
        .create(json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "clusters"},
        "webhooks": [{"name": "clusters.example.org", "admissionReviewVersions": ["v1"],
            "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"service": {"namespace": "default", "name": "gone"}},
            "rules": [{"apiGroups": ["cluster.open-cluster-management.io"], "apiVersions": ["*"],
                "operations": ["CREATE"], "resources": ["managedclusters"]}]}]}))
        .await;
    let mut said = String::new();
    // A real server takes a moment until it asks.
    for _ in 0..50 {
        said = world.run(&["doctor"]).await;
        if said.contains("no cluster can be written") {
            break;
        }
    }
    for part in [
        "✗ webhook: clusters: there is no Service default/gone\n      kubectl -n open-cluster-management rollout restart deployment cluster-manager\n",
        "✗ webhooks: no cluster can be written: ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
