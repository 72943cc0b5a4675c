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
        "Error: 3 of 6 checks failed\n",
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
