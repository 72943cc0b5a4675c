//! What the binary says of add-ons that are not as they should be, against the
//! hub's controllers of placements and add-ons.

use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::world::World;
use crate::harness::{PATIENCE, eventually};

const MANIFESTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: apps}
data: {cluster: '{{CLUSTER_NAME}}'}
---
apiVersion: batch/v1
kind: Job
metadata: {name: farewell, namespace: apps, annotations: {addon.open-cluster-management.io/addon-pre-delete: ''}}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
";

/// A hub with its controllers; the placement default/p chooses c1 of c1 and c2.
async fn hub() -> (World, DropGuard) {
    let world = World::hub().await;
    let side = &world.cluster;
    for name in ["c1", "c2"] {
        world.cluster(name, true).await;
    }
    let label = json!({"metadata": {"labels": {"in": "yes"}}});
    side.merge("ManagedCluster", "", "c1", label).await;
    let version = "cluster.open-cluster-management.io/v1beta2";
    let all = json!({"clusterSelector": {"selectorType": "LabelSelector", "labelSelector": {}}});
    for object in [
        json!({"apiVersion": version, "kind": "ManagedClusterSet",
            "metadata": {"name": "all"}, "spec": all}),
        json!({"apiVersion": version, "kind": "ManagedClusterSetBinding",
            "metadata": {"name": "all", "namespace": "default"}, "spec": {"clusterSet": "all"}}),
    ] {
        side.create(object).await;
    }
    let said = world
        .run(&["create", "placement", "p", "-l", "in=yes"])
        .await;
    assert!(said.starts_with("exit 0"), "{said}");
    let stop = CancellationToken::new();
    let client = side.service_account("open-cluster-management", "cluster-manager");
    let context = Context::new(client, stop.clone());
    tokio::spawn(ocmadm::hub::placement::run(context.clone()));
    tokio::spawn(ocmadm::hub::addon::run(context));
    (world, stop.drop_guard())
}

/// Waits until a command says all of that.
async fn says(world: &World, command: &str, wanted: &[&str]) -> String {
    let args: Vec<&str> = command.split(' ').collect();
    let start = std::time::Instant::now();
    loop {
        let said = world.run(&args).await;
        if wanted.iter().all(|part| said.contains(part)) {
            return said;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{command} does not say {wanted:?}: {said}"
        );
    }
}

#[tokio::test]
async fn an_addon_is_followed_from_its_rollout_to_its_removal() {
    let (world, _stop) = hub().await;
    world.write("a.yaml", MANIFESTS);
    let said = world
        .run(&[
            "addon",
            "create",
            "hello",
            "-f",
            "a.yaml",
            "--placement-ref",
            "default/p",
        ])
        .await;
    assert!(said.starts_with("exit 0"), "{said}");
    // How far it is, also where nothing is installed yet.
    let said = says(
        &world,
        "get addons hello",
        &["Add-on hello by placement default/p: Progressing: selected clusters 1. configured addons 0/1"],
    )
    .await;
    assert!(said.contains("hello   c1 "), "{said}");
    // By hand on another cluster: it will not stay.
    let said = world
        .run(&[
            "addon",
            "enable",
            "--names",
            "hello",
            "--clusters",
            "c2",
            "--dry-run",
        ])
        .await;
    assert!(said.starts_with("exit 0"), "{said}");
    assert!(
        said.contains(
            "Warning: add-on hello is installed where its placements say (default/p): \
             from clusters that these do not choose the hub removes it again"
        ),
        "{said}"
    );
    // Nor will it stay away from one that is chosen.
    let away = "addon disable --names hello --clusters c1 --dry-run";
    let away: Vec<&str> = away.split(' ').collect();
    let said = world.run(&away).await;
    assert!(
        said.contains("(default/p): on clusters that these choose the hub installs it again"),
        "{said}"
    );
    // A configuration that it does not have.
    let side = &world.cluster;
    let configs = |configs: Value| json!({"spec": {"configs": configs}});
    let other = configs(json!([{"group": "other.io", "resource": "things", "name": "x"}]));
    side.merge("ManagedClusterAddOn", "c1", "hello", other)
        .await;
    says(
        &world,
        "get addons hello -o wide",
        &[
            "ConfigurationUnsupported",
            "Configuration with gvr other.io/things is not supported for this addon",
        ],
    )
    .await;
    side.merge("ManagedClusterAddOn", "c1", "hello", configs(json!(null)))
        .await;
    // A template that somebody broke with another tool.
    let mut template = side.get("AddOnTemplate", "", "hello-0.0.1").await.unwrap();
    let workload = template.pointer_mut("/spec/agentSpec/workload").unwrap();
    let good = workload.clone();
    workload["manifests"][0]["data"]["cluster"] = "{{CLUSTER_NAME".into();
    let spec = |workload: &Value| json!({"spec": {"agentSpec": {"workload": workload}}});
    let broken = spec(workload);
    side.merge("AddOnTemplate", "", "hello-0.0.1", broken).await;
    says(
        &world,
        "get addons hello -o wide",
        &[
            "False ",
            "Failed",
            "begins a placeholder with {{ and does not end it",
        ],
    )
    .await;
    side.merge("AddOnTemplate", "", "hello-0.0.1", spec(&good))
        .await;
    eventually("it is well again, and its hooks are guarded", || async {
        let addon = side.get("ManagedClusterAddOn", "c1", "hello").await?;
        let conditions = addon["status"]["conditions"].as_array()?;
        let failed = conditions
            .iter()
            .any(|c| c["reason"] == "AddonManifestAppliedFailed");
        (!failed && addon["metadata"]["finalizers"].is_array()).then_some(())
    })
    .await;
    // The cluster is chosen no more: nobody runs the hook, and that is told.
    let label = json!({"metadata": {"labels": {"in": "no"}}});
    side.merge("ManagedCluster", "", "c1", label).await;
    says(
        &world,
        "get addons hello -o wide",
        &["Terminating", "the work of the hooks is not available yet"],
    )
    .await;
}

#[tokio::test]
async fn an_addon_that_nothing_is_installed_of_is_none_that_is_unknown() {
    let (world, _stop) = hub().await;
    world.write("a.yaml", MANIFESTS);
    let by_hand = ["addon", "create", "hand", "-f", "a.yaml"];
    let said = world.run(&by_hand).await;
    assert!(said.starts_with("exit 0"), "{said}");
    let said = world.run(&["get", "addons", "hand"]).await;
    assert!(said.starts_with("exit 0"), "{said}");
    assert!(
        said.contains("`ocmadm addon enable --names NAME --clusters CLUSTER`"),
        "{said}"
    );
    let said = world.run(&["get", "addons", "hamd"]).await;
    assert!(said.starts_with("exit 1"), "{said}");
    let said = world
        .run(&["create", "placement", "none", "-l", "in=nowhere"])
        .await;
    assert!(said.starts_with("exit 0"), "{said}");
    let placed = [
        &by_hand[..2],
        &["placed", "-f", "a.yaml", "--placement-ref", "default/none"],
    ];
    let said = world.run(&placed.concat()).await;
    assert!(said.starts_with("exit 0"), "{said}");
    says(
        &world,
        "get addons placed",
        &[
            "Add-on placed by placement default/none: Progressing: selected clusters 0.",
            "`ocmadm get placements none --namespace default --explain`",
        ],
    )
    .await;
}

#[tokio::test]
async fn add_ons_are_waited_for() {
    let world = World::hub().await;
    world.write("a.yaml", MANIFESTS);
    world.cluster("c1", true).await;
    let side = &world.cluster;
    world
        .run(&["addon", "create", "hello", "-f", "a.yaml"])
        .await;
    let line = |verb: &'static str, timeout: &'static str| {
        let line = ["addon", verb, "--names=hello", "--clusters=c1", "--wait"];
        [&line[..], &[timeout]].concat()
    };
    let enable = line("enable", "--timeout=1s");
    let said = world.run(&enable).await;
    assert!(
        said.starts_with("exit 3\n")
            && said.contains("waiting for add-on hello on c1")
            && said.contains("nothing is said of it yet"),
        "{said}"
    );
    let status = |status: &str, message: &str| {
        json!({"conditions": [{"type": "Available", "status": status, "reason": "R",
            "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"}]})
    };
    let api = ocmadm::cmd::resources::within(
        &world.client,
        &ocmadm::cmd::resources::managed_cluster_addon(),
        "c1",
    );
    let no = status("False", "its pods do not start");
    world.status(&api, "hello", no).await;
    let said = world.run(&enable).await;
    assert!(said.contains("its pods do not start"), "{said}");
    // It is waited for while it comes, and while it goes.
    let held = json!({"metadata": {"finalizers": ["example.com/x"]}});
    side.merge("ManagedClusterAddOn", "c1", "hello", held).await;
    let enable = line("enable", "--timeout=1m");
    let (said, ()) = tokio::join!(
        world.run(&enable),
        world.status(&api, "hello", status("True", "it works"))
    );
    assert!(
        said.starts_with("exit 0\n") && said.contains("Add-on hello on c1: available"),
        "{said}"
    );
    let disable = line("disable", "--timeout=1s");
    let said = world.run(&disable).await;
    assert!(
        said.starts_with("exit 3\n") && said.contains("example.com/x"),
        "{said}"
    );
    let disable = line("disable", "--timeout=1m");
    let free = json!({"metadata": {"finalizers": null}});
    let (said, _) = tokio::join!(
        world.run(&disable),
        side.merge("ManagedClusterAddOn", "c1", "hello", free)
    );
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(api.get_opt("hello").await.unwrap().is_none());
}
