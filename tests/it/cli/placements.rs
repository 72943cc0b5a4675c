//! Placements through the binary: computed before there are any, explained and
//! compared with what the hub's controller decided.

use std::fmt::Write as _;

use insta::assert_snapshot;
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::World;
use crate::harness::{Cluster, eventually, until};

const SET: &str = "cluster.open-cluster-management.io/clusterset";

/// Commands and what they said, one after another.
struct Told {
    world: World,
    text: String,
    stop: Option<DropGuard>,
}

impl Told {
    /// A hub with the set `apps` and its placement controller; `one` to `four`
    /// are in the set, `five` is in none.
    async fn new() -> Self {
        let world = World::hub().await;
        for (name, env, cpu) in [
            ("one", "prod", "4"),
            ("two", "prod", "8"),
            ("three", "prod", "2"),
            ("four", "dev", "16"),
        ] {
            world.cluster(name, true).await;
            let labels = json!({"metadata": {"labels": {SET: "apps", "env": env}}});
            let side = &world.cluster;
            side.merge("ManagedCluster", "", name, labels).await;
            let claims = json!([{"name": "region", "value": env}]);
            let cpu = json!({"status": {"allocatable": {"cpu": cpu}, "capacity": {"cpu": cpu},
                "clusterClaims": claims}});
            side.merge_status("ManagedCluster", "", name, cpu).await;
        }
        world.cluster("five", true).await;
        let object = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSet", "metadata": {"name": "apps"}, "spec": {}});
        world.cluster.create(object).await;
        let mut told = Self {
            world,
            text: String::new(),
            stop: None,
        };
        told.start();
        told
    }

    fn start(&mut self) {
        let stop = CancellationToken::new();
        let side = &self.world.cluster;
        let client = side.service_account("open-cluster-management", "cluster-manager");
        let context = Context::new(client, stop.clone());
        tokio::spawn(ocmadm::hub::placement::run(context));
        self.stop = Some(stop.drop_guard());
    }

    async fn run(&mut self, args: &[&str]) -> String {
        let said = self.world.run(args).await;
        let _ = writeln!(self.text, "$ ocmadm {}\n{said}", args.join(" "));
        said
    }

    async fn bind(&self) {
        let object = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSetBinding",
            "metadata": {"name": "apps", "namespace": "default"}, "spec": {"clusterSet": "apps"}});
        self.world.cluster.create(object).await;
    }

    async fn placement(&self, name: &str, spec: Value) {
        let object = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1",
            "kind": "Placement", "metadata": {"name": name, "namespace": "default"}, "spec": spec});
        self.world.cluster.create(object).await;
    }

    /// Waits until the hub has decided so.
    async fn decided(&self, placement: &str, clusters: &[&str]) {
        until(&format!("{placement} is {clusters:?}"), async || {
            let name = format!("{placement}-decision-1");
            let side = &self.world.cluster;
            let found = side.get("PlacementDecision", "default", &name).await;
            let status = side.get("Placement", "default", placement).await;
            let told = status.is_some_and(|object| object["status"]["conditions"].is_array());
            found.is_some_and(|found| {
                let decisions = found["status"]["decisions"].as_array();
                let names = decisions.into_iter().flatten();
                let names = names.filter_map(|one| one["clusterName"].as_str());
                told && names.eq(clusters.iter().copied())
            })
        })
        .await;
    }

    async fn tainted(&self, cluster: &str, taints: Value) {
        let taints = json!({"spec": {"taints": taints}});
        let side = &self.world.cluster;
        side.merge("ManagedCluster", "", cluster, taints).await;
    }
}

/// What a program reads of `-o json`.
fn parsed(said: &str) -> Value {
    let json = said.split("--- stdout\n").nth(1).unwrap();
    serde_json::from_str(json.split("--- stderr").next().unwrap()).unwrap()
}

#[tokio::test]
async fn a_placement_is_foreseen_created_and_explained() {
    let mut told = Told::new().await;
    let create = [
        "create",
        "placement",
        "p",
        "--count",
        "1",
        "-l",
        "env=prod",
        "--prioritizers",
        "BuiltIn:ResourceAllocatableCPU:2",
    ];
    let dry = [&create[..], &["--dry-run"]].concat();
    told.run(&dry).await;
    told.bind().await;
    let taint = json!([{"key": "gpu", "value": "a", "effect": "NoSelect",
        "timeAdded": "2026-01-01T00:00:00Z"}]);
    told.tainted("three", taint).await;
    told.run(&dry).await;
    let side = &told.world.cluster;
    assert!(side.list("Placement", "default").await.is_empty());
    told.run(&create).await;
    told.decided("p", &["two"]).await;
    let explain = ["get", "placement", "p", "--explain"];
    told.run(&explain).await;
    // What would become of it otherwise, next to what it is.
    told.run(&[
        "create",
        "placement",
        "p",
        "--overwrite",
        "--claim-selector",
        "region=prod",
        "--tolerate",
        "gpu@60",
        "--group",
        "big:env=prod",
        "--dry-run",
    ])
    .await;
    told.run(&["get", "placements", "-o", "wide"]).await;
    assert_snapshot!(mask_ages(&told.text));
}

/// Ages differ from run to run.
fn mask_ages(text: &str) -> String {
    let lines = text.lines().map(|line| match line.rsplit_once("   ") {
        Some((rest, age)) if age.ends_with('s') && age.len() <= 4 => format!("{rest}   AGE"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_explanation_is_compared_with_what_was_decided() {
    let mut told = Told::new().await;
    told.bind().await;
    told.placement("p", json!({"numberOfClusters": 2})).await;
    told.decided("p", &["four", "one"]).await;
    let explain = ["get", "placement", "p", "--explain"];
    let json = [&explain[..], &["-o", "json"]].concat();
    let said = parsed(&told.world.run(&json).await);
    assert_eq!(said["kind"], "PlacementExplanation");
    assert_eq!(said["metadata"]["name"], "p");
    assert_eq!(said["difference"], Value::Null);
    assert_eq!(said["satisfied"]["reason"], "AllDecisionsScheduled");
    let clusters = said["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), 5);
    for cluster in clusters {
        let name = cluster["name"].as_str().unwrap();
        let chosen = ["four", "one"].contains(&name);
        assert_eq!(cluster["chosen"], chosen, "{name}");
        assert_eq!(cluster["decided"], chosen, "{name}");
        assert_eq!(cluster["reason"].is_null(), chosen, "{name}");
        assert_eq!(cluster["group"], cluster["decidedGroup"], "{name}");
    }
    assert_eq!(clusters[0]["stage"], "ClusterSets");
    assert_eq!(clusters[1]["total"], 200);
    assert_eq!(
        clusters[1]["scores"][1],
        json!({"name": "Steady", "score": 100})
    );
    let path = [&explain[..], &["-o", "jsonpath={.selected}"]].concat();
    assert_eq!(told.world.run(&path).await, "exit 0\n--- stdout\n2");
    // Scheduling is disabled, and a chosen cluster goes.
    let disable = "cluster.open-cluster-management.io/experimental-scheduling-disable";
    let disabled = json!({"metadata": {"annotations": {disable: "true"}}});
    let side = &told.world.cluster;
    side.merge("Placement", "default", "p", disabled).await;
    told.run(&explain).await;
    let taint = json!([{"key": "down", "effect": "NoSelect", "timeAdded": "2026-01-01T00:00:00Z"}]);
    told.tainted("four", taint).await;
    told.run(&explain).await;
    // The hub does not run.
    told.stop = None;
    let enabled = json!({"metadata": {"annotations": {disable: null}}});
    let side = &told.world.cluster;
    side.merge("Placement", "default", "p", enabled).await;
    told.run(&explain).await;
    let said = parsed(&told.world.run(&json).await);
    assert!(
        said["difference"]
            .as_str()
            .unwrap()
            .contains("does not run")
    );
    // It runs again, and there is nothing to say.
    told.start();
    told.decided("p", &["one", "three"]).await;
    told.run(&explain).await;
    assert_snapshot!(told.text);
}

#[tokio::test]
async fn what_is_wrong_with_a_placement_is_told_by_the_binary() {
    let mut told = Told::new().await;
    told.placement("elsewhere", json!({"clusterSets": ["other"]}))
        .await;
    told.decided("elsewhere", &[]).await;
    told.run(&["get", "placement", "elsewhere", "--explain"])
        .await;
    told.bind().await;
    let label = |key: &str, value: &str| json!([{"requiredClusterSelector": {"labelSelector": {"matchLabels": {key: value}}}}]);
    let cel = |text: &str| json!([{"requiredClusterSelector": {"celSelector": {"celExpressions": [text]}}}]);
    let exact = |coordinate: Value| {
        json!({"mode": "Exact",
        "configurations": [{"scoreCoordinate": coordinate}]})
    };
    let group = |name: &str, env: &str| json!({"groupName": name, "groupClusterSelector": {"labelSelector": {"matchLabels": {"env": env}}}});
    let score = json!({"apiVersion": "cluster.open-cluster-management.io/v1alpha1",
        "kind": "AddOnPlacementScore", "metadata": {"name": "res", "namespace": "one"}});
    let side = &told.world.cluster;
    side.create(score).await;
    let expired = json!({"status": {"scores": [{"name": "speed", "value": 9}],
        "validUntil": "2026-01-01T00:00:00Z"}});
    side.merge_status("AddOnPlacementScore", "one", "res", expired)
        .await;
    let by_score = json!({"type": "AddOn", "addOn": {"resourceName": "res", "scoreName": "speed"}});
    let all = &["four", "one", "three", "two"][..];
    for (name, spec, decided) in [
        ("unbound", json!({"clusterSets": ["other"]}), &[][..]),
        (
            "unknown-prioritizer",
            json!({"prioritizerPolicy": exact(json!({"type": "BuiltIn", "builtIn": "Spread"}))}),
            &[],
        ),
        (
            "wrong-expression",
            json!({"predicates": cel("managedCluster.metadata.name ==")}),
            &[],
        ),
        (
            "failing-expression",
            json!({"predicates": cel("managedCluster.metadata.labels.none == 'a'")}),
            &[],
        ),
        ("no-match", json!({"predicates": label("env", "test")}), &[]),
        (
            "wrong-toleration",
            json!({"tolerations": [{"operator": "Equal"}]}),
            &[],
        ),
        (
            "two-groups",
            json!({"decisionStrategy": {"groupStrategy": {"decisionGroups": [
                group("aa", "dev"), group("aa", "prod")]}}}),
            &["four"],
        ),
        (
            "uneven",
            json!({"spreadPolicy": {"spreadConstraints": [{"topologyKey": "env",
                "topologyKeyType": "Label", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]}}),
            &["four", "one", "three"],
        ),
        (
            "expired",
            json!({"prioritizerPolicy": exact(by_score)}),
            all,
        ),
    ] {
        told.placement(name, spec).await;
        told.decided(name, decided).await;
        told.run(&["get", "placement", name, "--explain"]).await;
    }
    told.run(&["get", "placements"]).await;
    assert_snapshot!(told.text);
    // An expression that would take too long is no match, and that is told.
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let mut dear = "true".to_owned();
    for variable in ["a", "b", "c", "d", "e", "f", "g"] {
        dear = format!("{ten}.all({variable}, {dear})");
    }
    told.placement("dear", json!({"predicates": cel(&dear)}))
        .await;
    told.decided("dear", &[]).await;
    let said = told.run(&["get", "placement", "dear", "--explain"]).await;
    assert_eq!(said.matches("costs more than it may").count(), 4, "{said}");
    // That nothing is asked for is told, too.
    let said = told.run(&["create", "placement", "none", "--count", "0"]);
    let said = said.await;
    assert!(said.contains("no cluster is chosen"), "{said}");
}

#[tokio::test]
async fn work_goes_where_the_placement_says() {
    let mut told = Told::new().await;
    told.bind().await;
    told.world.write(
        "app/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: default}\n",
    );
    let create = ["create", "placement", "p", "-l", "env=prod", "--count", "2"];
    told.run(&create).await;
    told.decided("p", &["one", "three"]).await;
    let work = [
        "create",
        "work",
        "web",
        "-f",
        "app",
        "--placement",
        "default/p",
    ];
    told.run(&work).await;
    let side = &told.world.cluster;
    for (cluster, has) in [("one", 1), ("two", 0), ("three", 1), ("four", 0)] {
        let works = side.list("ManifestWork", cluster).await;
        assert_eq!(works.len(), has, "{cluster}");
    }
    told.run(&work).await;
    // As a replica set it follows the placement; that is waited for.
    let gates = json!([{"feature": "ManifestWorkReplicaSet", "mode": "Enable"}]);
    let spec = json!({"spec": {"workConfiguration": {"featureGates": gates}}});
    let side = &told.world.cluster;
    side.merge("ClusterManager", "", "cluster-manager", spec)
        .await;
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    let client = side.service_account("open-cluster-management", "cluster-manager");
    tokio::spawn(ocmadm::hub::work::run(Context::new(client, stop)));
    let follow = [
        &work[..2],
        &["site"],
        &work[3..],
        &["--replicaset", "--wait"],
    ]
    .concat();
    let agents = async {
        for cluster in ["one", "three"] {
            available(side, cluster).await;
        }
    };
    let (said, ()) = tokio::join!(told.world.run(&follow), agents);
    assert!(said.starts_with("exit 0\n"), "{said}");
    for cluster in ["one", "three"] {
        let line = format!("{cluster}: work site");
        assert!(said.contains(&line), "{said}");
    }
    // Another cluster is chosen: the set goes there, and it is seen where it is.
    let taint = json!([{"key": "down", "effect": "NoSelect", "timeAdded": "2026-01-01T00:00:00Z"}]);
    told.tainted("three", taint).await;
    told.decided("p", &["one", "two"]).await;
    available(&told.world.cluster, "two").await;
    until("the set says so", async || {
        let said = told.world.run(&["get", "works", "site"]).await;
        // Shown where this never comes true.
        eprintln!("{said}");
        said.contains("two ")
            && !said.contains("three ")
            && said.contains("Replica set default/site of placement p: 2 of 2 available")
    })
    .await;
    // Without a cluster there is nothing to send to.
    let none = ["create", "placement", "none", "-l", "env=none"];
    told.run(&none).await;
    told.decided("none", &[]).await;
    told.run(&[&work[..6], &["default/none"]].concat()).await;
    assert_snapshot!(told.text);
}

/// Says for its agent that the work of the set `site` is available.
async fn available(side: &Cluster, cluster: &str) {
    let work = eventually(&format!("a work of site in {cluster}"), || async {
        let works = side.list("ManifestWork", cluster).await;
        works.into_iter().find(|work| {
            let name = work["metadata"]["name"].as_str().unwrap_or_default();
            name.starts_with("site")
        })
    })
    .await;
    let condition = |kind: &str| {
        json!({"type": kind, "status": "True", "reason": "Test",
        "message": "", "observedGeneration": work["metadata"]["generation"],
        "lastTransitionTime": "2026-01-01T00:00:00Z"})
    };
    let status = json!({"status": {"conditions": [condition("Applied"), condition("Available")]}});
    let name = work["metadata"]["name"].as_str().unwrap();
    side.merge_status("ManifestWork", cluster, name, status)
        .await;
}
