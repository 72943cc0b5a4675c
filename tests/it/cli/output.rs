//! `-o` of lists: what programs and people with templates get.

use insta::assert_snapshot;
use ocmadm::cmd::resources;
use serde_json::{Value, json};

use super::world::World;

/// A hub with one of everything that `get` lists.
async fn world() -> World {
    let world = World::hub().await;
    for name in ["cluster2", "cluster1"] {
        world.cluster(name, name == "cluster1").await;
    }
    let set = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta2", "kind": "ManagedClusterSet", "metadata": {"name": "eu"}, "spec": {}});
    world.create(&resources::cluster_set(), None, set).await;
    let work = json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork", "metadata": {"name": "web"},
        "spec": {"workload": {"manifests": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b", "namespace": "default"}}]}}});
    world
        .create(&resources::manifest_work(), Some("cluster1"), work)
        .await;
    let placement = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement", "metadata": {"name": "all"}, "spec": {}});
    world
        .create(&resources::placement(), Some("default"), placement)
        .await;
    world
}

#[tokio::test]
async fn templates_and_columns() {
    let world = world().await;
    let names = [
        "get",
        "clusters",
        "-o",
        "jsonpath={.items[*].metadata.name}",
    ];
    assert_snapshot!(world.run(&names).await, @r"
    exit 0
    --- stdout
    cluster1 cluster2
    ");
    let range =
        r#"jsonpath={range .items[*]}{.metadata.name}{"\t"}{.spec.hubAcceptsClient}{"\n"}{end}"#;
    assert_snapshot!(world.run(&["get", "clusters", "-o", range]).await, @r"
    exit 0
    --- stdout
    cluster1	true
    cluster2	false
    ");
    let one = [
        "get",
        "clusters",
        "cluster2",
        "-ojsonpath={.spec.leaseDurationSeconds}",
    ];
    assert_snapshot!(world.run(&one).await, @r"
    exit 0
    --- stdout
    60
    ");
    let columns =
        "custom-columns=WORK:.metadata.name,KINDS:.spec.workload.manifests[*].kind,NONE:.x";
    assert_snapshot!(world.run(&["get", "works", "-o", columns]).await, @r"
    exit 0
    --- stdout
    WORK   KINDS              NONE
    web    ConfigMap,Secret   <none>
    ");
    assert_snapshot!(world.run(&["get", "clusters", "-o", "jsonpath={.items[9]}"]).await, @r"
    exit 1
    --- stderr
    Error: the template of -o does not fit
    Caused by: array index out of bounds: index 9, length 2
    Hint: `-o yaml` shows what there is: one object where one name is given, else a List with .items
    ");
    let said = world
        .run(&["get", "clusters", "-o", "jsonpath={.items[*"])
        .await;
    assert!(said.starts_with("exit 2\n--- stderr\n"), "{said}");
    assert!(said.contains("a brace is not closed: {.items[*"), "{said}");
    let said = world.run(&["get", "clusters", "-o", "xml"]).await;
    assert!(said.starts_with("exit 2"), "{said}");
    assert!(
        said.contains("table, wide, tree, json, yaml, name"),
        "{said}"
    );
}

#[tokio::test]
async fn every_list_is_there_as_json_yaml_and_names() {
    let world = world().await;
    for (list, kind, name) in [
        (
            &["clusters"][..],
            "ManagedCluster",
            "managedcluster.cluster.open-cluster-management.io/cluster1",
        ),
        (
            &["clustersets"],
            "ManagedClusterSet",
            "managedclusterset.cluster.open-cluster-management.io/eu",
        ),
        (
            &["works"],
            "ManifestWork",
            "manifestwork.work.open-cluster-management.io/web",
        ),
        (
            &["placements", "-n", "default"],
            "Placement",
            "placement.cluster.open-cluster-management.io/all",
        ),
        (&["addons"], "", ""),
    ] {
        let get = |format| {
            let args = [&["get"], list, &["-o", format]].concat();
            let world = &world;
            async move {
                let said = world.run(&args).await;
                let rest = said.strip_prefix("exit 0\n");
                let rest = rest.unwrap_or_else(|| panic!("{args:?}: {said}"));
                assert!(!rest.contains("--- stderr"), "{args:?}: {said}");
                rest.strip_prefix("--- stdout\n").unwrap_or(rest).to_owned()
            }
        };
        let value: Value = serde_json::from_str(&get("json").await).unwrap();
        assert_eq!(value["kind"], "List", "{list:?}");
        let yaml: Value = serde_saphyr::from_str(&get("yaml").await).unwrap();
        assert_eq!(yaml, value, "{list:?}");
        let items = value["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["kind"] == kind), "{value}");
        let names = get("name").await;
        assert_eq!(names.lines().count(), items.len(), "{names}");
        assert!(names.contains(name), "{names}");
    }
}
