//! What goes, and what stays: works that a placement has let go, and what two
//! operators share.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use ocmadm::cmd::resources;
use serde_json::{Value, json};

use super::world::World;

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\ndata: {k: v}\n";

async fn decides(world: &World, clusters: &[&str]) {
    let api = resources::within(&world.client, &resources::placement_decision(), "default");
    let decisions: Vec<Value> = clusters
        .iter()
        .map(|name| json!({"clusterName": name, "reason": ""}))
        .collect();
    world
        .status(&api, "p-decision-1", json!({"decisions": decisions}))
        .await;
}

#[tokio::test]
async fn defect_13_a_placement_takes_back_its_own_works_and_no_others() {
    let world = World::hub().await;
    for name in ["c1", "c2", "c3"] {
        world.cluster(name, true).await;
    }
    let version = "cluster.open-cluster-management.io/v1beta1";
    let placement =
        json!({"apiVersion": version, "kind": "Placement", "metadata": {"name": "p"}, "spec": {}});
    world
        .create(&resources::placement(), Some("default"), placement)
        .await;
    let decision = json!({"apiVersion": version, "kind": "PlacementDecision", "metadata": {
        "name": "p-decision-1", "labels": {"cluster.open-cluster-management.io/placement": "p"}}});
    world
        .create(&resources::placement_decision(), Some("default"), decision)
        .await;
    decides(&world, &["c1", "c2"]).await;
    world.write("m.yaml", CONFIG_MAP);
    let create = [
        "create",
        "work",
        "w",
        "-f",
        "m.yaml",
        "--placement",
        "default/p",
    ];
    let said = world.run(&create).await;
    assert!(said.contains("create work w in cluster c1\n"), "{said}");
    assert!(said.contains("create work w in cluster c2\n"), "{said}");
    // Somebody else's, of the same name.
    let foreign = ["create", "work", "w", "-f", "m.yaml", "--clusters", "c3"];
    let said = world.run(&foreign).await;
    assert!(said.starts_with("exit 0\n"), "{said}");

    decides(&world, &["c2"]).await;
    world.write("m.yaml", &CONFIG_MAP.replace("k: v", "k: w"));
    let said = world.run(&create).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    let overwrite = [&create[..], &["--overwrite"]].concat();
    let there = async |cluster: &str| {
        let works = resources::within(&world.client, &resources::manifest_work(), cluster);
        works.get_opt("w").await.unwrap()
    };
    for dry in [true, false] {
        let flags: &[&str] = if dry { &["--dry-run"] } else { &[] };
        let said = world.run(&[&overwrite[..], flags].concat()).await;
        assert!(said.starts_with("exit 0\n"), "{said}");
        assert!(said.contains("update work w in cluster c2\n"), "{said}");
        assert!(said.contains("delete work w in cluster c1\n"), "{said}");
        assert!(!said.contains("c3"), "{said}");
        assert_eq!(there("c1").await.is_some(), dry);
    }
    assert!(there("c3").await.is_some());
    let now = there("c2").await.unwrap();
    let manifest = &now.data["spec"]["workload"]["manifests"][0];
    assert_eq!(manifest["data"]["k"], "w");
}

#[tokio::test]
async fn defect_12_clean_spares_a_namespace_that_an_agent_uses() {
    let world = World::bare().await;
    let init = ["init", "--components=native", "--image=ocmadm"];
    let said = world.run(&init).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let namespace = "open-cluster-management";
    let deployments: Api<Deployment> = Api::namespaced(world.client.clone(), namespace);
    let labels = json!({"app": "klusterlet"});
    let deployment = serde_json::from_value(json!({
        "metadata": {"name": "klusterlet"},
        "spec": {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "klusterlet", "image": "i", "args": ["agent"]}]}}},
    }))
    .unwrap();
    deployments
        .create(&PostParams::default(), &deployment)
        .await
        .unwrap();
    // What would go is on stdout, and only what is there.
    let dry = world.run(&["clean", "--dry-run"]).await;
    let plan = dry.split("--- stderr").next().unwrap();
    assert!(
        plan.contains("Deployment open-cluster-management/cluster-manager would be deleted"),
        "{dry}"
    );
    assert!(
        plan.contains("Role kube-public/open-cluster-management:bootstrap would"),
        "{dry}"
    );
    assert!(!plan.contains("bootstrap:managedcluster"), "{dry}");
    assert!(
        !plan.contains("Namespace open-cluster-management would"),
        "{dry}"
    );
    let said = world.run(&["clean"]).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(
        said.contains("Namespace open-cluster-management stays: klusterlet runs there"),
        "{said}"
    );
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    let found = namespaces.get(namespace).await.unwrap();
    assert!(found.metadata.deletion_timestamp.is_none());
    deployments.get("klusterlet").await.unwrap();
    assert!(
        deployments
            .get_opt("cluster-manager")
            .await
            .unwrap()
            .is_none()
    );
}

/// Definitions of the agent go with it, unless something is left of their kind.
#[tokio::test]
async fn unjoin_takes_the_definitions_that_nobody_uses() {
    let world = World::bare().await;
    let join = async || {
        world
            .cluster
            .install(ocmadm::bundle::agent_crds().unwrap())
            .await;
        let values = ocmadm::bundle::AgentValues {
            bootstrap_kubeconfig: "{}".to_owned(),
            klusterlet: serde_json::from_value(json!({"clusterName": "c1"})).unwrap(),
            ..Default::default()
        };
        world
            .cluster
            .install(ocmadm::bundle::agent(&values).unwrap())
            .await;
    };
    let there = async |name: &str| {
        world
            .cluster
            .get("CustomResourceDefinition", "", name)
            .await
    };
    let (works, claims) = (
        "appliedmanifestworks.work.open-cluster-management.io",
        "clusterclaims.cluster.open-cluster-management.io",
    );
    join().await;
    let claim = json!({"apiVersion": "cluster.open-cluster-management.io/v1alpha1",
        "kind": "ClusterClaim", "metadata": {"name": "mine"}, "spec": {"value": "v"}});
    world.create(&resources::cluster_claim(), None, claim).await;
    let unjoin = ["unjoin", "--cluster-name", "c1"];
    let plan = world.run(&[&unjoin[..], &["--dry-run"]].concat()).await;
    assert!(
        plan.contains(&format!(
            "CustomResourceDefinition {works} would be deleted"
        )),
        "{plan}"
    );
    assert!(!plan.contains(&format!("{claims} would")), "{plan}");
    let said = world.run(&unjoin).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let stays = format!("CustomResourceDefinition {claims} stays: there are 1 clusterclaims.");
    assert!(said.contains(&stays), "{said}");
    assert!(there(works).await.is_none() && there(claims).await.is_some());
    join().await;
    world.cluster.delete("ClusterClaim", "", "mine").await;
    let said = world.run(&unjoin).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(there(works).await.is_none() && there(claims).await.is_none());
}
