//! Add-ons of the hub.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use ocmadm::cmd::resources;
use serde_json::{Value, json};

use super::world::World;

#[tokio::test]
async fn add_ons_of_the_hub_are_refused_with_the_reason() {
    let world = World::hub().await;
    assert_snapshot!(world.run(&["install", "hub-addon", "--names", "argo"]).await, @r"
    exit 2
    --- stderr
    Error: invalid add-on name argo
    Hint: add-ons are: argocd, argocd-agent, governance-policy-framework
    ");
    // No helm in this environment.
    assert_snapshot!(world.run(&["install", "hub-addon", "--names", "argocd"]).await, @r"
    exit 1
    --- stderr
    Error: cannot run helm
    Caused by: No such file or directory (os error 2)
    Hint: install Helm 3: https://helm.sh/docs/intro/install
    ");
    world.cluster("c1", true).await;
    let addon = json!({
        "apiVersion": "addon.open-cluster-management.io/v1alpha1", "kind": "ManagedClusterAddOn",
        "metadata": {"name": "argocd-agent-addon", "namespace": "c1"}, "spec": {},
    });
    world
        .create(&resources::managed_cluster_addon(), Some("c1"), addon)
        .await;
    assert_snapshot!(world.run(&["uninstall", "hub-addon", "--names", "argocd-agent"]).await, @r"
    exit 1
    --- stderr
    Error: there are still addons for argocd-agent enabled on some clusters: c1
    Hint: `ocmadm addon disable --names argocd-agent-addon --clusters c1`
    ");
}

fn policy(spec: &Value) -> Value {
    json!({
        "apiVersion": "policy.open-cluster-management.io/v1", "kind": "Policy",
        "metadata": {"name": "p", "namespace": "default"}, "spec": spec,
    })
}

#[tokio::test]
async fn the_policy_framework_is_built_in() {
    let world = World::hub().await;
    let install = [
        "install",
        "hub-addon",
        "--names=governance-policy-framework",
        "--image-registry=mirror.example/ocm/",
    ];
    let refused = world
        .run(&[&install[..], &["--bundle-version=newest"]].concat())
        .await;
    assert_snapshot!(refused, @r"
    exit 2
    --- stderr
    Error: couldn't find the requested version bundle: newest
    Hint: versions are: 1.1.0, 1.1.1, 1.1.3, 1.2.0, 1.2.1, 1.3.0, 1.3.1, latest
    ");
    let said = world.run(&install).await;
    // How long definitions take to be served depends on the server.
    let calm = |line: &&str| !line.contains(": waiting until ");
    let said: Vec<&str> = said.lines().filter(calm).collect();
    assert_snapshot!(said.join("\n"), @r"
    exit 0
    --- stdout
    governance-policy-framework is installed on the hub
    --- stderr
    Installing governance-policy-framework ...
    Installing governance-policy-framework: 19 created, 1 unchanged: done
    Hint: `ocmadm addon enable --names governance-policy-framework,config-policy-controller --clusters CLUSTER` brings an add-on to a cluster
    ");
    let deployments: Api<Deployment> =
        Api::namespaced(world.client.clone(), "open-cluster-management");
    for name in [
        "governance-policy-addon-controller",
        "governance-policy-propagator",
    ] {
        let found = deployments.get(name).await.unwrap();
        let pod = found.spec.unwrap().template.spec.unwrap();
        assert_eq!(
            pod.containers[0].image.as_deref().unwrap(),
            format!("mirror.example/ocm/{name}:v0.18.0")
        );
    }
    // Policies are served, and looked at.
    let cluster = &world.cluster;
    assert!(
        crate::harness::create(&world.client, policy(&json!({"disabled": false})))
            .await
            .is_err()
    );
    cluster
        .create(policy(&json!({"disabled": false, "policy-templates": []})))
        .await;
    // Again: nothing is to be done.
    let again = world.run(&install).await;
    assert!(again.contains("20 unchanged"), "{again}");

    let second = world
        .run(&[&install[..], &["--namespace=policies"]].concat())
        .await;
    assert_snapshot!(second, @r"
    exit 1
    --- stderr
    Error: governance-policy-framework is installed in namespace open-cluster-management, not in policies
    Hint: add --namespace open-cluster-management
    ");

    // Clusters can have its add-ons; while one has, it stays.
    world.cluster("c1", true).await;
    let names = "--names=governance-policy-framework,config-policy-controller";
    let enabled = world
        .run(&["addon", "enable", names, "--clusters=c1"])
        .await;
    assert!(enabled.starts_with("exit 0\n"), "{enabled}");
    let uninstall = [
        "uninstall",
        "hub-addon",
        "--names=governance-policy-framework",
    ];
    assert_snapshot!(world.run(&uninstall).await, @r"
    exit 1
    --- stderr
    Error: there are still addons for governance-policy-framework enabled on some clusters: c1
    Hint: `ocmadm addon disable --names config-policy-controller,governance-policy-framework --clusters c1`
    ");
    let disabled = world
        .run(&["addon", "disable", names, "--clusters=c1"])
        .await;
    assert!(disabled.starts_with("exit 0\n"), "{disabled}");
    let planned = world.run(&[&uninstall[..], &["--dry-run"]].concat()).await;
    assert_snapshot!(planned, @r"
    exit 0
    --- stdout
    ClusterManagementAddOn governance-policy-framework would be deleted (dry run)
    ClusterManagementAddOn config-policy-controller would be deleted (dry run)
    Deployment open-cluster-management/governance-policy-propagator would be deleted (dry run)
    RoleBinding open-cluster-management/governance-policy-propagator-leader-election-rolebinding would be deleted (dry run)
    Role open-cluster-management/governance-policy-propagator-leader-election-role would be deleted (dry run)
    ClusterRoleBinding governance-policy-propagator-global would be deleted (dry run)
    ClusterRole governance-policy-propagator would be deleted (dry run)
    ServiceAccount open-cluster-management/governance-policy-propagator would be deleted (dry run)
    Deployment open-cluster-management/governance-policy-addon-controller would be deleted (dry run)
    RoleBinding open-cluster-management/policy-addon-ctrl-leader-election-rolebinding would be deleted (dry run)
    Role open-cluster-management/policy-addon-ctrl-leader-election-role would be deleted (dry run)
    ClusterRoleBinding policy-addon-ctrl-manager-rolebinding would be deleted (dry run)
    ClusterRole policy-addon-ctrl-manager-role would be deleted (dry run)
    ServiceAccount open-cluster-management/policy-addon-ctrl-controller-manager would be deleted (dry run)
    --- stderr
    The definitions of policies, and the policies, stay.
    ");
    let elsewhere = [&uninstall[..], &["--namespace=policies"]].concat();
    assert_snapshot!(world.run(&elsewhere).await, @r"
    exit 1
    --- stderr
    Error: governance-policy-framework is installed in namespace open-cluster-management, not in policies
    Hint: add --namespace open-cluster-management
    ");
    let gone = world.run(&uninstall).await;
    assert!(
        gone.starts_with("exit 0\n")
            && gone.contains("governance-policy-framework is taken off the hub"),
        "{gone}"
    );
    assert!(!gone.contains("not there"), "{gone}");
    let left = deployments.list(&ListParams::default()).await.unwrap();
    assert!(left.iter().all(|one| {
        !one.metadata
            .name
            .as_deref()
            .unwrap()
            .starts_with("governance")
    }),);
    // The policies are whoever's they were.
    let policies = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("policy.open-cluster-management.io", "v1", "Policy"),
        "policies",
    );
    let policies: Api<DynamicObject> =
        Api::namespaced_with(world.client.clone(), "default", &policies);
    assert!(policies.get_opt("p").await.unwrap().is_some());
}

#[tokio::test]
async fn manifests_of_the_policy_framework_go_to_a_file() {
    let world = World::hub().await;
    let file = world.write("out.yaml", "");
    let said = world
        .run(&[
            "install",
            "hub-addon",
            "--names=governance-policy-framework",
            "--namespace=policies",
            "--bundle-version=1.9.0",
            "--output-file",
            file.to_str().unwrap(),
            "--dry-run",
        ])
        .await;
    let (result, rest) = said.split_once("--- stderr").unwrap();
    assert_snapshot!(rest, @r"

    Warning: v1.9.0 is no release that this program knows (1.1.0, 1.1.1, 1.1.3, 1.2.0, 1.2.1, 1.3.0, 1.3.1, latest): the images are v0.18.0, those of v1.3.1; --bundle-version-overrides names others
    ocmadm is running in dry-run mode: nothing is changed
    Hint: `ocmadm addon enable --names governance-policy-framework,config-policy-controller --clusters CLUSTER` brings an add-on to a cluster
    ");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(result.contains(written.trim()));
    let namespaces = written.matches("namespace: policies").count();
    assert_eq!(namespaces, 12, "{written}");
    let addons = resources::all(&world.client, &resources::cluster_management_addon());
    assert!(
        addons
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
