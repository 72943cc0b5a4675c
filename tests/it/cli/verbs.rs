//! Verbs that clusteradm lacks: unaccept, detach, deleting placements and
//! replica sets, describing works; and what clusters get when they are accepted.

use kube::api::DynamicObject;
use ocmadm::bundle;
use ocmadm::cmd::resources;
use serde_json::{Value, json};

use super::world::World;

async fn cluster(world: &World, name: &str) -> Value {
    let found = world.cluster.get("ManagedCluster", "", name).await;
    found.unwrap()
}

fn work(cluster: &str, name: &str, metadata: &Value) -> Value {
    let mut object = json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": metadata, "spec": {"workload": {"manifests": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "default"}}]}}});
    object["metadata"]["name"] = name.into();
    object["metadata"]["namespace"] = cluster.into();
    object
}

#[tokio::test]
async fn what_was_accepted_can_be_taken_back() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    world.cluster("c2", false).await;
    let dry = world
        .run(&["unaccept", "--clusters", "c1", "--dry-run=server"])
        .await;
    assert!(
        dry.contains("set hubAcceptsClient to false for managed cluster c1 (server dry run)"),
        "{dry}"
    );
    assert_eq!(
        cluster(&world, "c1").await["spec"]["hubAcceptsClient"],
        true
    );
    let said = world.run(&["unaccept", "--clusters", "c1,c2"]).await;
    assert_eq!(
        said,
        "exit 0\n--- stdout\nset hubAcceptsClient to false for managed cluster c1\nmanaged cluster c2 is not accepted\n--- stderr\nHint: to let them in again: `ocmadm accept --clusters c1,c2`; to remove them for good: `ocmadm detach`\n"
    );
    assert_eq!(
        cluster(&world, "c1").await["spec"]["hubAcceptsClient"],
        false
    );
    let nobody = world.run(&["unaccept", "--clusters", "c1,nobody"]).await;
    assert!(nobody.starts_with("exit 1\n"), "{nobody}");
    let guest = world
        .run(&["unaccept", "--clusters", "c1", "--context", "guest"])
        .await;
    assert!(
        guest.contains("cannot take back that c1 is accepted"),
        "{guest}"
    );
}

#[tokio::test]
async fn placements_and_replica_sets_are_listed_and_deleted() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    world
        .cluster
        .create(
            json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1",
        "kind": "Placement", "metadata": {"name": "p", "namespace": "default"}, "spec": {}}),
        )
        .await;
    world
        .cluster
        .create(
            json!({"apiVersion": "work.open-cluster-management.io/v1alpha1",
        "kind": "ManifestWorkReplicaSet", "metadata": {"name": "s", "namespace": "default"},
        "spec": {"placementRefs": [{"name": "p"}],
            "manifestWorkTemplate": {"workload": {"manifests": []}}}}),
        )
        .await;
    let label =
        json!({"labels": {"work.open-cluster-management.io/manifestworkreplicaset": "default.s"}});
    world.cluster.create(work("c1", "s-1", &label)).await;

    let said = world.run(&["get", "replicasets"]).await;
    assert_eq!(
        said,
        "exit 0\n--- stdout\nNAMESPACE   NAME   PLACEMENTS   TOTAL   AVAILABLE   DEGRADED\ndefault     s      p            0       0           0\n"
    );
    let named = world
        .run(&["get", "replicaset", "s", "-n", "default", "-o", "name"])
        .await;
    assert_eq!(
        named,
        "exit 0\n--- stdout\nmanifestworkreplicaset.work.open-cluster-management.io/s\n"
    );
    let wide = world.run(&["get", "replicasets", "-A", "-o", "wide"]).await;
    assert!(wide.contains("the hub has not looked at it yet"), "{wide}");
    let unknown = world.run(&["get", "replicasets", "sx"]).await;
    assert!(unknown.contains("did you mean \"s\"?"), "{unknown}");

    // What goes by it is told before it goes.
    let said = world.run(&["delete", "placement", "p", "--dry-run"]).await;
    assert_eq!(
        said,
        "exit 0\n--- stdout\nplacement default/p would be deleted (dry run)\n--- stderr\nWarning: replica set default/s goes by placement p: without it, its choice of clusters ends\n"
    );
    let said = world
        .run(&["delete", "replicaset", "s", "--dry-run=server"])
        .await;
    assert_eq!(
        said,
        "exit 0\n--- stdout\nreplica set default/s would be deleted (server dry run)\n--- stderr\nWith replica set default/s its works go from 1 cluster: c1\n"
    );
    assert!(
        world
            .cluster
            .get("ManifestWorkReplicaSet", "default", "s")
            .await
            .is_some()
    );
    let said = world.run(&["delete", "replicaset", "s"]).await;
    assert!(
        said.contains("--- stdout\nreplica set default/s is deleted\n"),
        "{said}"
    );
    let said = world.run(&["delete", "placement", "p", "q", "--yes"]).await;
    assert_eq!(
        said,
        "exit 0\n--- stdout\nplacement default/p is deleted\nplacement default/q not found or is already deleted\n"
    );
    assert!(
        world
            .cluster
            .get("Placement", "default", "p")
            .await
            .is_none()
    );
    let guest = world
        .run(&["delete", "placement", "p", "--context", "guest"])
        .await;
    assert!(
        guest.contains("cannot delete placement default/p"),
        "{guest}"
    );
}

#[tokio::test]
async fn a_work_is_described_with_all_that_is_known() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    world
        .cluster
        .create(work(
            "c1",
            "w",
            &json!({"finalizers": ["example.org/held"]}),
        ))
        .await;
    let works = resources::within(&world.client, &resources::manifest_work(), "c1");
    world.status(&works, "w", json!({
        "conditions": [{"type": "Applied", "status": "False", "reason": "AppliedManifestWorkFailed",
            "message": "not all", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        "resourceStatus": {"manifests": [{"resourceMeta": {"ordinal": 0, "kind": "ConfigMap",
            "name": "m", "namespace": "default", "group": "", "version": "v1", "resource": "configmaps"},
            "conditions": [{"type": "Applied", "status": "False", "reason": "No", "message": "no permission",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]}]}})).await;
    let said = world
        .run(&["describe", "work", "w", "--clusters", "c1"])
        .await;
    for part in [
        "exit 0\n--- stdout\nName:            w\nCluster:         c1\n",
        "Conditions:\n",
        "AppliedManifestWorkFailed",
        "c1        ConfigMap   default     m      False",
        "no permission",
        "Events:          <none>\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let all = world.run(&["describe", "work", "w"]).await;
    assert_eq!(all.lines().count(), said.lines().count(), "{all}");
    let unknown = world.run(&["describe", "work", "x"]).await;
    assert!(
        unknown.contains("there is no work \"x\" in any cluster"),
        "{unknown}"
    );
    world
        .cluster
        .merge(
            "ManifestWork",
            "c1",
            "w",
            json!({"metadata": {"finalizers": null}}),
        )
        .await;
}

#[tokio::test]
async fn a_cluster_leaves_with_its_works_and_add_ons() {
    let world = World::hub().await;
    for name in ["c1", "c2"] {
        world.cluster(name, true).await;
    }
    let held = json!({"finalizers": ["example.org/held"]});
    world.cluster.create(work("c1", "w", &json!({}))).await;
    world.cluster.create(work("c2", "held", &held)).await;
    world
        .cluster
        .create(
            json!({"apiVersion": "addon.open-cluster-management.io/v1alpha1",
        "kind": "ManagedClusterAddOn", "metadata": {"name": "a", "namespace": "c1"}, "spec": {}}),
        )
        .await;
    let said = world
        .run(&["detach", "--clusters", "c1", "--dry-run"])
        .await;
    assert_eq!(
        said,
        "exit 0\n--- stdout\nmanaged cluster c1 would be detached (dry run)\n--- stderr\nworks of c1 would be deleted (dry run): w\nadd-ons of c1 would be deleted (dry run): a\n"
    );
    assert!(world.cluster.get("ManifestWork", "c1", "w").await.is_some());
    let said = world.run(&["detach", "--clusters", "c1"]).await;
    assert!(
        said.contains("--- stdout\nmanaged cluster c1 is detached\n"),
        "{said}"
    );
    assert!(
        world
            .cluster
            .get("ManagedCluster", "", "c1")
            .await
            .is_none()
    );
    assert!(world.cluster.get("ManifestWork", "c1", "w").await.is_none());
    assert!(
        world
            .cluster
            .get("ManagedClusterAddOn", "c1", "a")
            .await
            .is_none()
    );

    // Nobody cleans up: what is left is named; nothing is lost but by force.
    let said = world
        .run(&["detach", "--clusters", "c2", "--timeout", "8"])
        .await;
    assert!(said.starts_with("exit 3\n"), "{said}");
    assert!(
        said.contains("works left: held (held by example.org/held)"),
        "{said}"
    );
    let taints = cluster(&world, "c2").await["spec"]["taints"].clone();
    assert_eq!(
        taints[0]["key"],
        "ocmadm.open-cluster-management.io/leaving"
    );
    let said = world.run(&["detach", "--clusters", "c2", "--force"]).await;
    assert!(said.contains("managed cluster c2 is detached\n"), "{said}");
    assert!(
        world
            .cluster
            .get("ManagedCluster", "", "c2")
            .await
            .is_none()
    );
}

#[tokio::test]
async fn one_command_leaves_from_both_sides() {
    let world = World::hub().await;
    for name in ["c1", "c2"] {
        world.cluster(name, true).await;
    }
    // The agent of both is on the same server here.
    let values = |name: &str| bundle::AgentValues {
        bootstrap_kubeconfig: "{}".to_owned(),
        klusterlet: serde_json::from_value(json!({"clusterName": name})).unwrap(),
        ..bundle::AgentValues::default()
    };
    world.cluster.install(bundle::agent_crds().unwrap()).await;
    world
        .cluster
        .install(bundle::agent(&values("c1")).unwrap())
        .await;
    world.cluster.create(work("c1", "w", &json!({}))).await;
    let leave = ["unjoin", "--cluster-name", "c1", "--drain"];
    let said = world.run(&leave).await;
    assert!(said.contains("--hub-context"), "{said}");
    let drain = [&leave[..], &["--hub-context", "hub"]].concat();
    let dry = world.run(&[&drain[..], &["--dry-run"]].concat()).await;
    assert!(
        dry.contains("works of c1 would be deleted (dry run): w"),
        "{dry}"
    );
    assert!(world.cluster.get("ManifestWork", "c1", "w").await.is_some());
    let purge = [&drain[..], &["--purge-operator=false"]].concat();
    let said = world.run(&purge).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(world.cluster.get("ManifestWork", "c1", "w").await.is_none());
    assert!(
        world
            .cluster
            .get("Klusterlet", "", "klusterlet")
            .await
            .is_none()
    );
    // The hub keeps it on its list: `detach` takes it off.
    assert!(said.contains("`ocmadm detach --clusters c1`"), "{said}");

    world
        .cluster
        .install(bundle::agent(&values("c2")).unwrap())
        .await;
    let detach = [
        "detach",
        "--clusters",
        "c2",
        "--managed-context",
        "hub",
        "--dry-run",
    ];
    let dry = world.run(&detach).await;
    assert!(
        dry.contains("managed cluster c2 would be detached (dry run)"),
        "{dry}"
    );
    assert!(
        dry.contains("Klusterlet klusterlet would be deleted"),
        "{dry}"
    );
    let several = ["detach", "--all", "--managed-context", "hub"];
    let said = world.run(&several).await;
    assert!(said.starts_with("exit 2\n"), "{said}");
}

#[tokio::test]
async fn clusters_get_labels_taints_and_a_set_when_they_are_accepted() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let clusters = resources::all(&world.client, &resources::managed_cluster());
    let joined = json!({"conditions": [{"type": "ManagedClusterJoined", "status": "True",
        "reason": "r", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    world.status(&clusters, "c1", joined).await;
    let set: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "cluster.open-cluster-management.io/v1beta2", "kind": "ManagedClusterSet",
        "metadata": {"name": "prod"}, "spec": {}}))
    .unwrap();
    let sets = resources::all(&world.client, &resources::cluster_set());
    sets.create(&kube::api::PostParams::default(), &set)
        .await
        .unwrap();
    let accept = [
        "accept",
        "--clusters",
        "c1",
        "--labels",
        "env=prod,tier=1",
        "--taints",
        "gpu=yes:NoSelect",
        "--into-set",
        "prod",
    ];
    let dry = world.run(&[&accept[..], &["--dry-run"]].concat()).await;
    assert!(
        dry.contains("set labels, taints and cluster set of managed cluster c1\n"),
        "{dry}"
    );
    assert_eq!(cluster(&world, "c1").await["spec"]["taints"], Value::Null);
    let said = world.run(&accept).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let found = cluster(&world, "c1").await;
    let labels = &found["metadata"]["labels"];
    assert_eq!(
        (&labels["env"], &labels["tier"]),
        (&json!("prod"), &json!("1"))
    );
    assert_eq!(
        labels["cluster.open-cluster-management.io/clusterset"],
        "prod"
    );
    assert_eq!(found["spec"]["taints"][0]["key"], "gpu");
    assert!(!said.contains("comes with labels"), "{said}");
    // Again: nothing is left to do.
    let said = world.run(&accept).await;
    assert!(!said.contains("set labels"), "{said}");

    let wrong = world
        .run(&["accept", "--clusters", "c1", "--taints", "gpu:NoSchedule"])
        .await;
    assert!(
        wrong.starts_with("exit 2\n") && wrong.contains("PreferNoSelect"),
        "{wrong}"
    );
    let wrong = world
        .run(&["accept", "--clusters", "c1", "--into-set", "prd"])
        .await;
    assert!(
        wrong.starts_with("exit 1\n") && wrong.contains("prod"),
        "{wrong}"
    );
    let late = [
        "join",
        "--hub-token",
        "t",
        "--hub-apiserver",
        "https://h",
        "--cluster-name",
        "c",
        "--labels",
        "a=b",
    ];
    let wrong = world.run(&late).await;
    assert!(
        wrong.starts_with("exit 2\n") && wrong.contains("--accept"),
        "{wrong}"
    );
}

#[tokio::test]
async fn what_was_changed_is_printed_as_data() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let made = world
        .run(&["create", "clusterset", "prod", "-o", "name"])
        .await;
    let name = "managedclusterset.cluster.open-cluster-management.io/prod";
    assert!(
        made.contains(&format!("--- stdout\n{name}\n--- stderr\n")),
        "{made}"
    );
    let set = [
        "clusterset",
        "set",
        "prod",
        "--clusters",
        "c1",
        "-o",
        "json",
    ];
    let said = world.run(&set).await;
    let text = said.split("--- stdout\n").nth(1).unwrap();
    let text = text.split("--- stderr\n").next().unwrap();
    let list: Value = serde_json::from_str(text).unwrap();
    assert_eq!(list["kind"], "List");
    let labels = &list["items"][0]["metadata"]["labels"];
    assert_eq!(
        labels["cluster.open-cluster-management.io/clusterset"], "prod",
        "{said}"
    );
    assert_eq!(list["items"][0]["metadata"]["managedFields"], Value::Null);
    assert!(said.contains("Cluster c1 is set"), "{said}");
    // What goes is named; what only would go, is not.
    let dry = world
        .run(&["delete", "clusterset", "prod", "--dry-run", "-o", "name"])
        .await;
    assert!(!dry.contains(name), "{dry}");
    world
        .run(&["clusterset", "unset", "--clusters", "c1"])
        .await;
    let gone = world
        .run(&["delete", "clusterset", "prod", "-o", "name", "--quiet"])
        .await;
    assert_eq!(gone, format!("exit 0\n--- stdout\n{name}\n"));
    // Also when it fails: nothing was changed, and stdout is data all the same.
    let failed = world
        .run(&["delete", "clusterset", "prod", "-o", "json"])
        .await;
    assert!(failed.starts_with("exit 1\n--- stdout\n{\n"), "{failed}");
    assert!(failed.contains("\"items\": []"), "{failed}");
    let info = world
        .run(&["get", "hub-info", "-o", "jsonpath={.items[*].kind}"])
        .await;
    assert!(info.contains("ClusterManager"), "{info}");
}

#[tokio::test]
async fn a_server_checks_what_init_and_upgrade_would_do() {
    let world = World::bare().await;
    let init = [
        "init",
        "--components",
        "native",
        "--image",
        "a:1",
        "--dry-run=server",
    ];
    let said = world.run(&init).await;
    for part in [
        "exit 0\n",
        "Namespace open-cluster-management would be created\n",
        "would be created; not checked: its namespace open-cluster-management is not there yet\n",
        "would be created; not checked: its definition is not there yet\n",
        "(server dry run)\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        world
            .cluster
            .get("Namespace", "", "open-cluster-management")
            .await
            .is_none()
    );

    let values = bundle::HubValues {
        image: "a:1".to_owned(),
        ..bundle::HubValues::default()
    };
    let objects = bundle::hub(&values).unwrap();
    world.cluster.apply(&objects).await;
    let upgrade = [
        "upgrade",
        "clustermanager",
        "--image",
        "a:2",
        "--dry-run=server",
    ];
    let said = world.run(&upgrade).await;
    let part = "Deployment open-cluster-management/cluster-manager would be configured\n";
    assert!(said.contains(part), "{said}");
    for (sign, image) in [("-", "image: a:1"), ("+", "image: a:2")] {
        let line = |line: &str| line.starts_with(sign) && line.ends_with(image);
        assert!(said.lines().any(line), "{image}: {said}");
    }
    let left = world
        .cluster
        .get("Deployment", "open-cluster-management", "cluster-manager")
        .await;
    let image = &left.unwrap()["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "a:1");
    let refused = [&init[..], &["--context", "guest"]].concat();
    let said = world.run(&refused).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
}

/// Sets what a placement has chosen.
async fn choose(world: &World, clusters: &[&str]) {
    let decisions: Vec<Value> = clusters
        .iter()
        .map(|name| json!({"clusterName": name, "reason": ""}))
        .collect();
    let api = resources::within(&world.client, &resources::placement_decision(), "default");
    world
        .status(&api, "p-1", json!({"decisions": decisions}))
        .await;
}

#[tokio::test]
async fn works_go_where_a_placement_goes_and_foreign_ones_stay() {
    let world = World::hub().await;
    for name in ["c1", "c2", "c3"] {
        world.cluster(name, true).await;
    }
    world
        .cluster
        .create(
            json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1",
        "kind": "Placement", "metadata": {"name": "p", "namespace": "default"}, "spec": {}}),
        )
        .await;
    world
        .cluster
        .create(
            json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1",
        "kind": "PlacementDecision", "metadata": {"name": "p-1", "namespace": "default",
            "labels": {"cluster.open-cluster-management.io/placement": "p"}}}),
        )
        .await;
    choose(&world, &["c1", "c2"]).await;
    // Somebody else's work of the same name, where the placement never was.
    world.cluster.create(work("c3", "w", &json!({}))).await;
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, namespace: default}\n";
    let file = world.write("map.yaml", map).display().to_string();
    let create = [
        "create",
        "work",
        "w",
        "-f",
        &file,
        "--placement",
        "default/p",
    ];
    let said = world.run(&create).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    choose(&world, &["c2"]).await;
    let said = world.run(&create).await;
    assert!(
        said.contains("Warning: work w is still in c1, which the placement has left"),
        "{said}"
    );
    let overwrite = [&create[..], &["--overwrite"]].concat();
    let dry = world.run(&[&overwrite[..], &["--dry-run"]].concat()).await;
    assert!(dry.contains("delete work w in cluster c1"), "{dry}");
    assert!(world.cluster.get("ManifestWork", "c1", "w").await.is_some());
    let said = world.run(&overwrite).await;
    assert!(
        said.contains("work w in cluster c2 unchanged\ndelete work w in cluster c1\n"),
        "{said}"
    );
    for (cluster, there) in [("c1", false), ("c2", true), ("c3", true)] {
        let found = world.cluster.get("ManifestWork", cluster, "w").await;
        assert_eq!(found.is_some(), there, "{cluster}");
    }
}

#[tokio::test]
async fn a_work_as_input_is_unwrapped_and_bad_manifests_are_named() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let mut given = work("elsewhere", "given", &json!({}));
    given["spec"]["deleteOption"] = json!({"propagationPolicy": "Orphan"});
    let file = world
        .write("work.yaml", &given.to_string())
        .display()
        .to_string();
    let create = ["create", "work", "w", "-f", &file, "--clusters", "c1"];
    let said = world.run(&create).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let found = world.cluster.get("ManifestWork", "c1", "w").await.unwrap();
    assert_eq!(
        found["spec"]["workload"]["manifests"][0]["kind"],
        "ConfigMap"
    );
    assert_eq!(found["spec"]["deleteOption"]["propagationPolicy"], "Orphan");
    let again = world.run(&create).await;
    assert!(again.contains("work w in cluster c1 unchanged"), "{again}");
    let whole = [&create[..], &["--unwrap=false", "--overwrite", "--dry-run"]].concat();
    let said = world.run(&whole).await;
    assert!(
        said.contains("ManifestWork elsewhere/given (new)"),
        "{said}"
    );

    let works = resources::within(&world.client, &resources::manifest_work(), "c1");
    world
        .status(
            &works,
            "w",
            json!({"resourceStatus": {"manifests": [{"resourceMeta": {
        "ordinal": 0, "kind": "ConfigMap", "name": "m", "namespace": "default", "group": "",
        "version": "v1", "resource": "configmaps"}, "conditions": [{"type": "Applied",
        "status": "False", "reason": "No", "message": "no permission",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]}]}}),
        )
        .await;
    let wait = [&create[..], &["--wait", "--timeout", "8"]].concat();
    let said = world.run(&wait).await;
    assert!(said.starts_with("exit 3\n"), "{said}");
    assert!(
        said.contains("Hint: ConfigMap default/m: no permission\n"),
        "{said}"
    );
    let none = world
        .run(&["create", "work", "w", "-k", "nowhere", "--clusters", "c1"])
        .await;
    let told = ["-k needs kubectl or kustomize", "cannot build nowhere"];
    assert!(
        none.starts_with("exit 1\n") && told.iter().any(|told| none.contains(told)),
        "{none}"
    );
}

/// On a hub without webhooks whoever asks may ask with labels.
#[tokio::test]
async fn labels_that_a_cluster_brings_along_are_shown_when_it_is_accepted() {
    let world = World::hub().await;
    world.cluster("c1", false).await;
    let clusters = resources::all(&world.client, &resources::managed_cluster());
    let labels = json!({"metadata": {"labels": {"env": "prod", "tier": "1",
        "cluster.open-cluster-management.io/clusterset": "prod",
        "feature.open-cluster-management.io/addon-x": "available"}}});
    let params = kube::api::PatchParams::default();
    let patch = kube::api::Patch::Merge(&labels);
    clusters.patch("c1", &params, &patch).await.unwrap();
    let joined = json!({"conditions": [{"type": "ManagedClusterJoined", "status": "True",
        "reason": "r", "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    world.status(&clusters, "c1", joined).await;
    let accept = ["accept", "--clusters", "c1", "--labels", "tier=2"];
    let said = world.run(&accept).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(
        said.contains(
            "Warning: c1 comes with labels, by which cluster sets and placements may choose it: \
             cluster.open-cluster-management.io/clusterset=prod, env=prod\n"
        ),
        "{said}"
    );
    // Whoever is accepted has been looked at.
    let said = world.run(&accept).await;
    assert!(!said.contains("comes with labels"), "{said}");
}
