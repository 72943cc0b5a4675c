//! Add-ons out of manifests.

use insta::assert_snapshot;
use ocmadm::cmd::resources;
use serde_json::json;

use super::world::World;

const MANIFESTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: apps}
data: {cluster: '{{CLUSTER_NAME}}'}
";

#[tokio::test]
async fn an_addon_is_created_out_of_manifests() {
    let world = World::hub().await;
    world.write("a.yaml", MANIFESTS);
    let create = ["addon", "create", "hello", "-f", "a.yaml"];
    let planned = world.run(&[&create[..], &["--dry-run"]].concat()).await;
    assert_snapshot!(planned, @r"
    exit 0
    --- stdout
    AddonTemplate hello-0.0.1 is created
    ClusterManagementAddon hello is created
    --- stderr
    Nothing was changed (dry run).
    ");
    let templates = resources::all(&world.client, &resources::addon_template());
    let addons = resources::all(&world.client, &resources::cluster_management_addon());
    assert!(templates.get_opt("hello-0.0.1").await.unwrap().is_none());
    assert_snapshot!(world.run(&create).await, @r"
    exit 0
    --- stdout
    AddonTemplate hello-0.0.1 is created
    ClusterManagementAddon hello is created
    --- stderr
    Hint: to install it: `ocmadm addon enable --names hello --clusters NAME,...`
    ");
    let template = templates.get("hello-0.0.1").await.unwrap();
    assert_eq!(
        template.data["spec"],
        json!({"addonName": "hello", "agentSpec": {"workload": {"manifests": [
            {"apiVersion": "v1", "kind": "ConfigMap",
             "metadata": {"name": "settings", "namespace": "apps"},
             "data": {"cluster": "{{CLUSTER_NAME}}"}},
        ]}}})
    );
    let addon = addons.get("hello").await.unwrap();
    assert_eq!(
        addon.metadata.annotations.unwrap()["addon.open-cluster-management.io/lifecycle"],
        "addon-manager"
    );
    assert_eq!(
        addon.data["spec"]["supportedConfigs"],
        json!([{"group": "addon.open-cluster-management.io", "resource": "addontemplates",
            "defaultConfig": {"name": "hello-0.0.1"}}])
    );
    assert_eq!(addon.data["spec"]["installStrategy"]["type"], "Manual");

    assert_snapshot!(world.run(&create).await, @r"
    exit 0
    --- stdout
    AddonTemplate hello-0.0.1 is unchanged
    ClusterManagementAddon hello is unchanged
    --- stderr
    Hint: to install it: `ocmadm addon enable --names hello --clusters NAME,...`
    ");
}

#[tokio::test]
async fn an_addon_that_exists_is_changed_only_when_that_is_said() {
    let world = World::hub().await;
    world.write("a.yaml", MANIFESTS);
    world
        .run(&["addon", "create", "hello", "-f", "a.yaml"])
        .await;
    let addons = resources::all(&world.client, &resources::cluster_management_addon());
    let more = json!({"spec": {"supportedConfigs": [
        {"group": "addon.open-cluster-management.io", "resource": "addontemplates",
            "defaultConfig": {"name": "hello-0.0.1"}},
        {"group": "addon.open-cluster-management.io", "resource": "addondeploymentconfigs"},
    ]}});
    addons
        .patch("hello", &Default::default(), &kube::api::Patch::Merge(more))
        .await
        .unwrap();
    world.write("a.yaml", &MANIFESTS.replace("cluster:", "name:"));
    let changed = [
        "addon",
        "create",
        "hello",
        "-f",
        "a.yaml",
        "--hub-registration",
        "--cluster-role-bind",
        "reader",
        "--placement-ref",
        "default/p",
        "--labels",
        "team=a",
    ];
    assert_snapshot!(world.run(&changed).await, @r#"
    exit 1
    --- stdout
    AddonTemplate hello-0.0.1 is not updated when overwrite is disabled
    ClusterManagementAddon hello is not updated when overwrite is disabled
    --- stderr
    Warning: there is no placement default/p: until there is one, the add-on goes nowhere
    --- AddonTemplate hello-0.0.1 (now)
    +++ AddonTemplate hello-0.0.1 (new)
    @@ -5,7 +5,14 @@
         - apiVersion: v1
           data:
    -        cluster: "{{CLUSTER_NAME}}"
    +        name: "{{CLUSTER_NAME}}"
           kind: ConfigMap
           metadata:
             name: settings
             namespace: apps
    +registration:
    +- kubeClient:
    +    hubPermissions:
    +    - currentCluster:
    +        clusterRoleName: reader
    +      type: CurrentCluster
    +  type: KubeClient
    --- ClusterManagementAddon hello (now)
    +++ ClusterManagementAddon hello (new)
    @@ -1,4 +1,7 @@
     installStrategy:
    -  type: Manual
    +  placements:
    +  - name: p
    +    namespace: default
    +  type: Placements
     supportedConfigs:
     - defaultConfig:
    Error: add-on hello exists with other content, nothing was changed
    Hint: pass --overwrite to change it, or another --version for a template of its own
    "#);
    assert_snapshot!(world.run(&[&changed[..], &["--overwrite"]].concat()).await, @r#"
    exit 0
    --- stdout
    AddonTemplate hello-0.0.1 is updated
    ClusterManagementAddon hello is updated
    --- stderr
    Warning: there is no placement default/p: until there is one, the add-on goes nowhere
    --- AddonTemplate hello-0.0.1 (now)
    +++ AddonTemplate hello-0.0.1 (new)
    @@ -5,7 +5,14 @@
         - apiVersion: v1
           data:
    -        cluster: "{{CLUSTER_NAME}}"
    +        name: "{{CLUSTER_NAME}}"
           kind: ConfigMap
           metadata:
             name: settings
             namespace: apps
    +registration:
    +- kubeClient:
    +    hubPermissions:
    +    - currentCluster:
    +        clusterRoleName: reader
    +      type: CurrentCluster
    +  type: KubeClient
    --- ClusterManagementAddon hello (now)
    +++ ClusterManagementAddon hello (new)
    @@ -1,4 +1,7 @@
     installStrategy:
    -  type: Manual
    +  placements:
    +  - name: p
    +    namespace: default
    +  type: Placements
     supportedConfigs:
     - defaultConfig:
    Hint: the hub can only give what it holds: `kubectl create clusterrolebinding hello-addon --clusterrole reader --serviceaccount open-cluster-management:cluster-manager` (with upstream's components: open-cluster-management-hub:addon-manager-controller-sa)
    Hint: to see where it goes: `ocmadm get addons hello`
    "#);
    let templates = resources::all(&world.client, &resources::addon_template());
    let template = templates.get("hello-0.0.1").await.unwrap();
    assert_eq!(template.metadata.labels.unwrap()["team"], "a");
    assert_eq!(
        template.data["spec"]["registration"],
        json!([{"type": "KubeClient", "kubeClient": {"hubPermissions": [
            {"type": "CurrentCluster", "currentCluster": {"clusterRoleName": "reader"}}]}}])
    );
    let addon = addons.get("hello").await.unwrap();
    let configs = addon.data["spec"]["supportedConfigs"].as_array().unwrap();
    assert_eq!(
        configs.len(),
        2,
        "what others configured stays: {configs:?}"
    );
    assert_eq!(
        addon.data["spec"]["installStrategy"]["placements"][0]["name"],
        "p"
    );
    // Without a placement the one there is stays; the registration goes.
    let again = ["addon", "create", "hello", "-f", "a.yaml", "--overwrite"];
    let said = world.run(&again).await;
    assert!(
        said.contains("AddonTemplate hello-0.0.1 is updated"),
        "{said}"
    );
    assert!(
        said.contains("ClusterManagementAddon hello is unchanged"),
        "{said}"
    );
    let template = templates.get("hello-0.0.1").await.unwrap();
    assert!(template.data["spec"].get("registration").is_none());
    // A version of its own beside the old one.
    let newer = [
        "addon",
        "create",
        "hello",
        "-f",
        "a.yaml",
        "--version",
        "0.0.2",
        "--overwrite",
    ];
    let said = world.run(&newer).await;
    assert!(
        said.contains("AddonTemplate hello-0.0.2 is created"),
        "{said}"
    );
    let addon = addons.get("hello").await.unwrap();
    assert_eq!(
        addon.data["spec"]["supportedConfigs"][0]["defaultConfig"]["name"],
        "hello-0.0.2"
    );
}

#[tokio::test]
async fn an_addon_that_cannot_be_is_refused_before_the_hub_is_asked() {
    let world = World::hub().await;
    world.write("a.yaml", MANIFESTS);
    for (arguments, expected) in [
        (
            &["Hello", "-f", "a.yaml"][..],
            "\"Hello\" cannot be the name of an add-on",
        ),
        (
            &["hello", "-f", "a.yaml", "--version", "1_0"],
            "\"hello-1_0\" cannot be the name of an AddOnTemplate",
        ),
        (&["hello"], "--filename"),
        (&["hello", "-f", "none.yaml"], "cannot read none.yaml"),
        (
            &["hello", "-f", "a.yaml", "--cluster-role-bind", "r"],
            "--hub-registration",
        ),
        (
            &["hello", "-f", "a.yaml", "--placement-ref", "p"],
            "write it as namespace/name",
        ),
        (
            &["hello", "-f", "a.yaml", "--labels", "a"],
            "write it as key=value",
        ),
    ] {
        let said = world.run(&[&["addon", "create"], arguments].concat()).await;
        assert!(!said.starts_with("exit 0"), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
