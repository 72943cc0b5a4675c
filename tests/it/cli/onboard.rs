//! `join --hub-context`: one command from nothing to an available cluster.

use std::fs;
use std::sync::atomic::Ordering;

use ocmadm::agent::registration::{self, Options};
use ocmadm::bundle;
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::world::{World, admin, run};
use crate::harness::{Cluster, eventually};
use crate::hub::support::{AVAILABLE, Hub, condition};

/// One kubeconfig out of several, in which `gone` leads nowhere.
async fn kubeconfig(sides: &[(&str, &Cluster)]) -> String {
    let mut merged = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": sides[0].0,
        "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [],
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": ""}}],
    });
    for (name, side) in sides {
        let config: Value = serde_json::from_str(&side.config(&[(name, admin())]).await).unwrap();
        let mut cluster = config["clusters"][0].clone();
        cluster["name"] = json!(name);
        let context = json!({"name": name, "context": {"cluster": name, "user": name}});
        for (list, entry) in [
            ("clusters", cluster),
            ("users", config["users"][0].clone()),
            ("contexts", context),
        ] {
            merged[list].as_array_mut().unwrap().push(entry);
        }
    }
    merged.to_string()
}

/// What the Deployment would run, as soon as there is something to run.
async fn agent(side: &Cluster, stop: CancellationToken) {
    eventually("the agent's rights", || {
        side.get("ServiceAccount", "open-cluster-management", "klusterlet")
    })
    .await;
    eventually("the way to the hub", || {
        side.get(
            "Secret",
            "open-cluster-management-agent",
            "bootstrap-hub-kubeconfig",
        )
    })
    .await;
    let components =
        bundle::agent_components("klusterlet", "open-cluster-management-agent").unwrap();
    side.install(components).await;
    let client = side.service_account("open-cluster-management", "klusterlet");
    tokio::spawn(registration::run(
        Context::new(client, stop),
        Options::default(),
    ));
}

#[tokio::test]
async fn one_command_onboards_a_cluster_and_another_one_a_fleet() {
    let (hub, spoke) = tokio::join!(Hub::start(), Cluster::start("spoke"));
    let stop = CancellationToken::new();
    let _stops = stop.clone().drop_guard();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = kubeconfig(&[("hub", &hub.side), ("c1", &spoke)]).await;
    fs::write(&path, config).unwrap();
    let ocmadm = async |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        run(folder.path(), Some(&path), &words, "").await
    };
    let native = "--components native --image ocmadm --timeout 50";

    let said = ocmadm("join --hub-context hub --accept").await;
    assert!(said.starts_with("exit 2\n"), "{said}");
    assert!(said.contains("the current context is the hub's"), "{said}");

    // A plan takes no token and changes nothing.
    let plan = format!("join --context c1 --hub-context hub --accept --dry-run {native}");
    let said = ocmadm(&plan).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(said.contains("clusterName: c1"), "{said}");
    assert!(said.contains("Would accept c1"), "{said}");
    let namespace = "open-cluster-management";
    assert_eq!(spoke.get("Namespace", "", namespace).await, None);

    let line =
        format!("join --context c1 --hub-context hub --cluster-name c1 --accept --wait {native}");
    let (said, ()) = tokio::join!(ocmadm(&line), agent(&spoke, stop.clone()));
    assert!(said.starts_with("exit 0\n"), "{said}");
    let done = "--- stdout\nc1 is accepted by the hub and available\n";
    assert!(said.contains(done), "{said}");
    let cluster = hub.side.get("ManagedCluster", "", "c1").await.unwrap();
    assert_eq!(condition(&cluster, AVAILABLE).unwrap().0, "True");

    // A fleet: one that is there already, the hub itself, and one out of reach.
    let line = format!("join --context c1,gone,hub --hub-context hub --accept --wait {native}");
    let (said, ()) = tokio::join!(ocmadm(&line), agent(&hub.side, stop.clone()));
    assert!(said.starts_with("exit 1\n"), "{said}");
    for name in ["c1", "hub"] {
        let line = format!("\n{name} is accepted by the hub and available\n");
        assert!(said.contains(&line), "{said}");
    }
    let errors = said.split("--- stderr\n").nth(1).unwrap();
    let at = |text: &str| {
        errors
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {said}"))
    };
    assert!(at("gone:\nError: ") < at("1 of 3 clusters did not come through: gone"));
    // Who came through stays so, and the token is told nobody.
    assert!(!said.contains("eyJ"), "{said}");
    let cluster = hub.side.get("ManagedCluster", "", "c1").await.unwrap();
    assert_eq!(condition(&cluster, AVAILABLE).unwrap().0, "True");
}

/// clusteradm's own calls ignore the proxy that the agent is told of.
#[tokio::test]
async fn joining_goes_through_the_proxy_of_the_agent_where_that_answers() {
    let world = World::hub().await;
    let token = world.run(&["get", "token", "-o", "token"]).await;
    let token = token.lines().find(|line| line.starts_with("eyJ")).unwrap();
    let ca = world.write("ca.crt", &world.cluster.ca_pem());
    let ca = ca.display().to_string();
    let (proxy, connections) = crate::agent::proxy::proxy().await;
    let aside = "asked without it";
    for (url, through) in [
        (format!("http://{proxy}"), true),
        ("http://127.0.0.1:1".to_owned(), false),
    ] {
        let before = connections.load(Ordering::Relaxed);
        let said = world
            .run(&[
                "join",
                "--hub-token",
                token,
                "--hub-apiserver",
                &world.url,
                "--cluster-name",
                "c1",
                "--components=native",
                "--image=ocmadm",
                "--dry-run",
                "--proxy-url",
                &url,
                "--ca-file",
                &ca,
            ])
            .await;
        assert!(said.starts_with("exit 0\n"), "{said}");
        assert_eq!(!said.contains(aside), through, "{said}");
        assert_eq!(
            connections.load(Ordering::Relaxed) > before,
            through,
            "{said}"
        );
    }
}
