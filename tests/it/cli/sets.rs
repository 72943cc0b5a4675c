//! Cluster sets, add-ons, and choosing clusters by set, labels or all.

use insta::assert_snapshot;
use kube::ResourceExt;
use ocmadm::cmd::resources;
use ocmadm::ocm::names;
use serde_json::{Value, json};

use super::world::World;

/// What was written to stdout.
fn stdout(said: &str) -> &str {
    let after = said.split("--- stdout\n").nth(1).unwrap_or_default();
    after.split("--- stderr\n").next().unwrap_or_default()
}

async fn set_of(world: &World, cluster: &str) -> Option<String> {
    let api = resources::all(&world.client, &resources::managed_cluster());
    let found = api.get(cluster).await.unwrap();
    found.labels().get(names::LABEL_CLUSTER_SET).cloned()
}

#[tokio::test]
async fn a_cluster_set_from_creation_to_deletion() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    world.cluster("c2", true).await;
    let planned = world
        .run(&["create", "clusterset", "eu", "--dry-run"])
        .await;
    assert_eq!(
        stdout(&planned),
        "Clusterset eu would be created (dry run)\n"
    );
    let planned = world
        .run(&["create", "clusterset", "eu", "--dry-run=server"])
        .await;
    assert_eq!(
        stdout(&planned),
        "Clusterset eu would be created (server dry run)\n"
    );
    assert_snapshot!(world.run(&["create", "clusterset", "eu"]).await, @r"
    exit 0
    --- stdout
    Clusterset eu is created
    --- stderr
    Hint: to put clusters into it: `ocmadm clusterset set eu --clusters NAME,...`
    ");
    let again = world.run(&["create", "clusterset", "eu"]).await;
    assert_eq!(
        again,
        "exit 0\n--- stdout\nClusterset eu is already created\n"
    );

    let set = [
        "clusterset",
        "set",
        "eu",
        "--clusters",
        "c1",
        "--namespaces",
        "a,b",
    ];
    let planned = world.run(&[&set[..], &["--dry-run"]].concat()).await;
    assert!(
        planned.contains("Cluster c1 is set to Clusterset eu"),
        "{planned}"
    );
    assert_eq!(
        set_of(&world, "c1").await,
        None,
        "clusteradm 18.2: a dry run changes nothing"
    );
    assert_snapshot!(world.run(&set).await, @r"
    exit 0
    --- stdout
    Cluster c1 is set to Clusterset eu
    Processing managed namespaces: [a b]
    Successfully updated Clusterset eu
    Added 2 managed namespace(s): a, b
    Total managed namespaces in clusterset: 2
    ");
    assert_eq!(set_of(&world, "c1").await.as_deref(), Some("eu"));
    let again = world.run(&set).await;
    assert!(
        again.contains("Cluster c1 is already in Clusterset eu"),
        "{again}"
    );
    assert!(again.contains("Added 0 managed namespace(s)"), "{again}");

    assert_snapshot!(world.run(&["clusterset", "bind", "eu"]).await, @r"
    exit 0
    --- stdout
    Clusterset eu is bound to Namespace default
    ");
    assert_snapshot!(world.run(&["clusterset", "bind", "eu", "--namespace", "default"]).await, @r"
    exit 0
    --- stdout
    Clusterset eu is already bound to Namespace default
    ");
    let listed = world.run(&["get", "clustersets", "eu"]).await;
    assert_snapshot!(stdout(&listed), @r"
    NAME   BOUND NAMESPACES   STATUS   MANAGED NAMESPACES
    eu     default            <none>   a,b
    ");
    assert_snapshot!(world.run(&["delete", "clusterset", "eu"]).await, @r"
    exit 1
    --- stderr
    Error: Clusterset eu still bind to a namespace! Please unbind before deleted: default
    Hint: `ocmadm clusterset unbind eu --namespace default`
    ");
    assert_snapshot!(world.run(&["clusterset", "unbind", "eu"]).await, @r"
    exit 0
    --- stdout
    Clusterset eu is unbind from namespace default
    ");
    let planned = world
        .run(&["delete", "clusterset", "eu", "--dry-run"])
        .await;
    assert_eq!(
        stdout(&planned),
        "Clusterset eu would be deleted (dry run)\n"
    );
    let gone = world.run(&["delete", "clusterset", "eu"]).await;
    assert!(gone.contains("Clusterset eu is deleted"), "{gone}");
    let again = world.run(&["delete", "clusterset", "eu"]).await;
    assert!(again.starts_with("exit 1"), "{again}");
    assert!(
        again.contains("the hub has no cluster set \"eu\""),
        "{again}"
    );
    let out = world
        .run(&["clusterset", "unset", "--clusters", "c1"])
        .await;
    assert_eq!(stdout(&out), "Cluster c1 is taken out of Clusterset eu\n");
    assert_eq!(set_of(&world, "c1").await, None);
    let refused = world.run(&["delete", "clusterset", "default"]).await;
    assert!(
        refused.starts_with("exit 1"),
        "clusteradm 18.1: a refusal is no success: {refused}"
    );
}

#[tokio::test]
async fn clusters_are_chosen_by_set_by_labels_or_all() {
    let world = World::hub().await;
    for name in ["c1", "c2", "c3"] {
        world.cluster(name, true).await;
    }
    world.run(&["create", "clusterset", "eu"]).await;
    world
        .run(&["clusterset", "set", "eu", "--clusters", "c1,c3"])
        .await;
    world
        .cluster
        .merge(
            "ManagedCluster",
            "",
            "c2",
            json!({"metadata": {"labels": {"env": "dev"}}}),
        )
        .await;
    world.write(
        "a.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}}",
    );
    let create = ["create", "work", "w", "-f", "a.yaml", "--dry-run"];
    for (flags, expected) in [
        (&["--clusterset", "eu"][..], &["c1", "c3"][..]),
        (&["-l", "env=dev"], &["c2"]),
        (&["--all"], &["c1", "c2", "c3"]),
        (&["--clusterset", "global", "-l", "env!=dev"], &["c1", "c3"]),
    ] {
        let said = world.run(&[&create[..], flags].concat()).await;
        let lines: Vec<String> = expected
            .iter()
            .map(|cluster| format!("create work w in cluster {cluster}\n"))
            .collect();
        assert_eq!(stdout(&said), lines.concat(), "{flags:?}");
    }
    assert_snapshot!(world.run(&[&create[..], &["--clusterset", "ue"]].concat()).await, @r#"
    exit 1
    --- stderr
    Error: the hub has no cluster set "ue"
    Hint: did you mean "eu"?
    Hint: `ocmadm get clustersets` lists them
    "#);
    assert_snapshot!(world.run(&[&create[..], &["-l", "env=prod"]].concat()).await, @r"
    exit 1
    --- stderr
    Error: there is no managed cluster with labels env=prod
    Hint: `ocmadm get clusters` lists them
    ");
    let both = world
        .run(&[&create[..], &["--all", "--clusters", "c1"]].concat())
        .await;
    assert!(both.starts_with("exit 2"), "{both}");
    let listed = world
        .run(&["get", "clusters", "--clusterset", "eu", "-o", "name"])
        .await;
    assert_eq!(stdout(&listed).lines().count(), 2, "{listed}");
    let sorted = world
        .run(&[
            "get",
            "clusters",
            "--sort-by",
            r".metadata.labels.env",
            "-o",
            "name",
        ])
        .await;
    assert!(stdout(&sorted).trim_end().ends_with("/c2"), "{sorted}");
    let by_field = world
        .run(&[
            "get",
            "clusters",
            "--field-selector",
            "metadata.name=c2",
            "-o",
            "name",
        ])
        .await;
    assert_eq!(
        stdout(&by_field),
        "managedcluster.cluster.open-cluster-management.io/c2\n"
    );
}

#[tokio::test]
async fn addons_are_enabled_kept_and_disabled() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let offered = json!({
        "apiVersion": "addon.open-cluster-management.io/v1alpha1", "kind": "ClusterManagementAddOn",
        "metadata": {"name": "hello"}, "spec": {},
    });
    world
        .create(&resources::cluster_management_addon(), None, offered)
        .await;
    assert_snapshot!(world.run(&["addon", "enable", "--names", "hallo", "--clusters", "c1"]).await, @r#"
    exit 1
    --- stderr
    Error: enabling the unknown addon hallo is not supported
    Hint: did you mean "hello"?
    Hint: add-ons are: hello
    "#);
    let enable = ["addon", "enable", "--names", "hello", "--clusters", "c1"];
    let planned = world.run(&[&enable[..], &["--dry-run"]].concat()).await;
    assert!(planned.starts_with("exit 0"), "{planned}");
    let api = resources::within(&world.client, &resources::managed_cluster_addon(), "c1");
    assert!(
        api.get_opt("hello").await.unwrap().is_none(),
        "18.2: a dry run changes nothing"
    );
    let labelled = world
        .run(&[&enable[..], &["--labels", "a=b", "--annotate", "k=v=w"]].concat())
        .await;
    assert_snapshot!(labelled, @r"
    exit 0
    --- stdout
    Deploying hello add-on to namespaces open-cluster-management-agent-addon of managed cluster: c1.
    --- stderr
    Hint: to see what happens: `ocmadm get addons hello --clusters c1`
    ");
    world.run(&enable).await;
    let addon = api.get("hello").await.unwrap();
    assert_eq!(
        addon.labels()["a"],
        "b",
        "clusteradm 18.2: enabling again wipes nothing"
    );
    assert_eq!(addon.annotations()["k"], "v=w");
    assert_eq!(
        addon.data["spec"]["installNamespace"],
        "open-cluster-management-agent-addon"
    );
    let listed = world.run(&["get", "addons"]).await;
    assert_snapshot!(stdout(&listed), @r"
    NAME    CLUSTER   AVAILABLE   DEGRADED   PROGRESSING   REASON
    hello   c1        <none>      <none>     <none>        <none>
    ");
    let nobody = world.run(&["addon", "disable", "--names", "hello"]).await;
    assert!(
        nobody.starts_with("exit 2"),
        "19.21: all clusters only with --all: {nobody}"
    );
    let disable = ["addon", "disable", "--names", "hello", "--all"];
    let planned = world.run(&[&disable[..], &["--dry-run"]].concat()).await;
    assert!(planned.contains("Nothing was changed"), "{planned}");
    assert!(
        api.get_opt("hello").await.unwrap().is_some(),
        "18.2: a dry run changes nothing"
    );
    let gone = world.run(&disable).await;
    assert_eq!(
        stdout(&gone),
        "Undeploying hello add-on in managed cluster: c1.\n"
    );
    let again = world.run(&disable).await;
    assert_eq!(stdout(&again), "hello add-on not found in cluster: c1.\n");
}

#[tokio::test]
async fn placements_are_listed_with_what_they_chose() {
    let world = World::hub().await;
    let placement = json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement",
        "metadata": {"name": "p", "namespace": "default"}, "spec": {},
    });
    world
        .create(&resources::placement(), Some("default"), placement)
        .await;
    let listed = world.run(&["get", "placements", "-n", "default"]).await;
    assert_snapshot!(stdout(&listed), @r"
    NAME   NAMESPACE   SATISFIED   SELECTED   REASON
    p      default     <none>      <none>     <none>
    ");
    let json = world
        .run(&["get", "placements", "p", "-A", "-o", "json"])
        .await;
    let json: Value = serde_json::from_str(stdout(&json)).unwrap();
    assert_eq!(json["kind"], "Placement");
    assert_snapshot!(world.run(&["get", "placements", "other"]).await, @r#"
    exit 1
    --- stderr
    Error: there is no placement "other"
    Hint: `ocmadm get placements` lists them
    "#);
}

#[tokio::test]
async fn a_watched_list_goes_on_with_what_changes() {
    use std::process::Stdio;
    use tokio::io::{AsyncBufReadExt, BufReader};

    let world = World::hub().await;
    world.cluster("c1", false).await;
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_ocmadm"))
        .args(["get", "clusters", "--watch", "-o", "table"])
        .env_clear()
        .env("KUBECONFIG", world.kubeconfig())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        tokio::time::timeout(crate::harness::PATIENCE, lines.next_line())
            .await
            .expect("a line comes")
            .unwrap()
            .unwrap()
    };
    assert!(next().await.starts_with("NAME "));
    assert!(next().await.starts_with("c1     false"));
    world
        .cluster
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"hubAcceptsClient": true}}),
        )
        .await;
    assert!(next().await.starts_with("c1     true"));
    world.cluster.delete("ManagedCluster", "", "c1").await;
    assert!(next().await.starts_with("c1 (deleted) true"));
}
