//! Upgrades, what is installed, and add-ons of the hub.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use ocmadm::cmd::resources;
use ocmadm::ocm::names;
use serde_json::json;

use super::world::World;

async fn deployment(world: &World, name: &str) -> Deployment {
    let api: Api<Deployment> = Api::namespaced(world.client.clone(), names::OPERATOR_NAMESPACE);
    api.get(name).await.unwrap()
}

fn image(deployment: &Deployment) -> String {
    let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref();
    pod.unwrap().containers[0].image.clone().unwrap()
}

#[tokio::test]
async fn the_hub_is_upgraded_and_stays_what_it_is_otherwise() {
    let world = World::bare().await;
    assert_snapshot!(world.run(&["upgrade", "clustermanager"]).await, @r"
    exit 1
    --- stderr
    Error: clustermanager is not installed
    Hint: `ocmadm init` makes this cluster a hub
    ");
    let said = world
        .run(&[
            "init",
            "--components=upstream",
            "--bundle-version=1.3.0",
            "--image-registry=registry.example.com/ocm",
            "--feature-gates=ManifestWorkReplicaSet=true",
            "--enable-sync-labels",
        ])
        .await;
    assert!(said.starts_with("exit 0"), "{said}");
    // Somebody wants one operator, and another server for the images' secret.
    let api: Api<Deployment> = Api::namespaced(world.client.clone(), names::OPERATOR_NAMESPACE);
    let scale = Patch::Merge(json!({"spec": {"replicas": 1}}));
    api.patch("cluster-manager", &PatchParams::default(), &scale)
        .await
        .unwrap();

    let older = ["upgrade", "clustermanager", "--bundle-version=1.2.0"];
    assert_snapshot!(world.run(&older).await, @r"
    exit 1
    --- stderr
    Error: v1.2.0 is older than v1.3.0, which runs here
    Hint: choose a newer one with --bundle-version, or add --allow-downgrade
    Hint: versions are: 1.1.0, 1.1.1, 1.1.3, 1.2.0, 1.2.1, 1.3.0, 1.3.1, latest
    ");
    let said = world.run(&["upgrade", "clustermanager", "--dry-run"]).await;
    assert!(said.contains("registration-operator:v1.3.1"), "{said}");
    assert!(!said.contains("kind: Secret"), "{said}");

    assert_snapshot!(world.run(&["upgrade", "clustermanager"]).await, @r"
    exit 0
    --- stdout
    clustermanager installed. starting upgrade
    upgraded completed successfully
    --- stderr
    cluster-manager: registry.example.com/ocm/registration-operator:v1.3.0 becomes registry.example.com/ocm/registration-operator:v1.3.1
    Installing the hub ...
    Installing the hub: 2 configured, 4 unchanged: done
    Hint: `ocmadm get hub-info` shows how far it is; --wait waits for it
    ");
    let after = deployment(&world, "cluster-manager").await;
    assert_eq!(
        image(&after),
        "registry.example.com/ocm/registration-operator:v1.3.1"
    );
    let spec = after.spec.unwrap();
    assert_eq!(spec.replicas, Some(1));
    let args = spec.template.spec.unwrap().containers[0].args.clone();
    assert_eq!(args.unwrap().last().unwrap(), "--enable-sync-labels");
    let managers = resources::all(&world.client, &resources::cluster_manager());
    let manager = managers.get("cluster-manager").await.unwrap();
    let spec = &manager.data["spec"];
    assert_eq!(
        spec["workImagePullSpec"],
        "registry.example.com/ocm/work:v1.3.1"
    );
    assert_eq!(
        spec["workConfiguration"]["featureGates"],
        json!([{"feature": "ManifestWorkReplicaSet", "mode": "Enable"}])
    );
    let again = world.run(&["upgrade", "clustermanager"]).await;
    assert!(again.contains("6 unchanged"), "{again}");
}

#[tokio::test]
async fn every_klusterlet_keeps_its_name_mode_and_credentials() {
    let world = World::bare().await;
    assert_snapshot!(world.run(&["upgrade", "klusterlet"]).await, @r"
    exit 1
    --- stderr
    Error: klusterlet is not installed
    Hint: `ocmadm join` makes this cluster a managed one
    ");
    let agent = |name: &str, mode: &str| {
        ocmadm::bundle::upstream_agent(&ocmadm::bundle::UpstreamAgent {
            create_namespace: true,
            operator: true,
            bootstraps: vec![ocmadm::bundle::Bootstrap::kubeconfig("secret")],
            images: ocmadm::ocm::releases::Images {
                registry: "r/ocm".to_owned(),
                tag: "v1.2.0".to_owned(),
            },
            klusterlet_name: name.to_owned(),
            klusterlet: serde_json::from_value(json!({
                "clusterName": format!("{name}-cluster"),
                "deployOption": {"mode": mode},
            }))
            .unwrap(),
            ..Default::default()
        })
        .unwrap()
    };
    let mut objects = agent("klusterlet", "Singleton");
    let hosted = agent("klusterlet-hosted-a", "SingletonHosted");
    objects.extend(hosted.into_iter().filter(|object| {
        let kind = &object.types.as_ref().unwrap().kind;
        kind == "Klusterlet" || object.metadata.name.as_deref() == Some("klusterlet-hosted-a")
    }));
    world.cluster.apply(&objects).await;
    let said = world.run(&["upgrade", "klusterlet"]).await;
    assert!(said.starts_with("exit 0"), "{said}");
    assert!(said.contains("starting upgrade"), "{said}");
    let klusterlets = resources::all(&world.client, &resources::klusterlet());
    for (name, mode) in [
        ("klusterlet", "Singleton"),
        ("klusterlet-hosted-a", "SingletonHosted"),
    ] {
        let klusterlet = klusterlets.get(name).await.unwrap();
        let spec = &klusterlet.data["spec"];
        assert_eq!(spec["clusterName"], format!("{name}-cluster"));
        assert_eq!(spec["deployOption"]["mode"], mode);
        assert_eq!(spec["workImagePullSpec"], "r/ocm/work:v1.3.1");
    }
    let secrets: Api<k8s_openapi::api::core::v1::Secret> =
        Api::namespaced(world.client.clone(), names::AGENT_NAMESPACE);
    let secret = secrets.get("bootstrap-hub-kubeconfig").await.unwrap();
    assert_eq!(secret.data.unwrap()["kubeconfig"].0, b"secret");
}

#[tokio::test]
async fn an_agent_does_not_get_ahead_of_its_hub() {
    let world = World::bare().await;
    let said = world.run(&["init", "--bundle-version=1.3.0"]).await;
    assert!(said.starts_with("exit 0"), "{said}");
    let agent = ocmadm::bundle::UpstreamAgent {
        operator: true,
        create_namespace: true,
        bootstraps: vec![ocmadm::bundle::Bootstrap::kubeconfig("secret")],
        images: ocmadm::ocm::releases::Images {
            registry: "r/ocm".to_owned(),
            tag: "v1.2.0".to_owned(),
        },
        klusterlet_name: "klusterlet".to_owned(),
        ..Default::default()
    };
    let objects = ocmadm::bundle::upstream_agent(&agent).unwrap();
    world.cluster.apply(&objects).await;
    let upgrade = ["upgrade", "klusterlet", "--hub-context", "hub"];
    assert_snapshot!(world.run(&upgrade).await, @r"
    exit 1
    --- stderr
    Error: the hub runs quay.io/open-cluster-management/registration-operator:v1.3.0, and agents of r/ocm/registration-operator:v1.3.1 would be newer
    Hint: upgrade the hub first: `ocmadm upgrade clustermanager --context hub`
    ");
    assert_eq!(
        image(&deployment(&world, "klusterlet").await),
        "r/ocm/registration-operator:v1.2.0"
    );
    let same = [&upgrade[..], &["--bundle-version=1.3.0"]].concat();
    let said = world.run(&same).await;
    assert!(said.starts_with("exit 0"), "{said}");
}

/// What does not come up is told in the cluster's own words.
#[tokio::test]
async fn a_wait_for_the_hub_says_why_its_pods_do_not_start() {
    let world = World::bare().await;
    let namespace = names::OPERATOR_NAMESPACE;
    let object = |kind: &str, name: &str, rest: serde_json::Value| {
        let mut object = json!({"apiVersion": "v1", "kind": kind,
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": "cluster-manager"}}});
        object
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        object
    };
    world
        .cluster
        .create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}))
        .await;
    world
        .cluster
        .create(object("ServiceAccount", "pods", json!({})))
        .await;
    let pod = json!({"spec": {"serviceAccountName": "pods", "automountServiceAccountToken": false,
        "containers": [{"name": "c", "image": "nowhere/ocmadm:1"}]}});
    world
        .cluster
        .create(object("Pod", "cluster-manager-1", pod))
        .await;
    let status = json!({"status": {"containerStatuses": [{
        "name": "c", "image": "nowhere/ocmadm:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}}]}});
    world
        .cluster
        .merge_status("Pod", namespace, "cluster-manager-1", status)
        .await;
    let event = json!({"type": "Warning", "reason": "Failed", "message": "Failed to pull image",
        "involvedObject": {"kind": "Pod", "name": "cluster-manager-1", "namespace": namespace},
        "lastTimestamp": "2099-01-01T00:00:00Z"});
    world.cluster.create(object("Event", "e", event)).await;
    let init = [
        "init",
        "--components=native",
        "--image=nowhere/ocmadm:1",
        "--wait",
        "--timeout=2s",
    ];
    let said = world.run(&init).await;
    assert!(said.starts_with("exit 3\n"), "{said}");
    for hint in [
        "Hint: pod cluster-manager-1 waits: ErrImagePull no such host\n",
        "Hint: event of pod cluster-manager-1: Failed Failed to pull image\n",
    ] {
        assert!(said.contains(hint), "{said}");
    }
}

#[tokio::test]
async fn what_is_installed_is_shown() {
    let world = World::bare().await;
    assert_snapshot!(world.run(&["get", "hub-info"]).await, @r"
    exit 0
    --- stdout
    Registration Operator:	<none>
    Components:	<uninstalled>
    --- stderr
    Hint: `ocmadm init` makes this cluster a hub
    ");
    assert_snapshot!(world.run(&["get", "klusterlet-info"]).await, @r"
    exit 0
    --- stdout
    No klusterlet detected!
    --- stderr
    Hint: `ocmadm get token` on a hub prints the command that joins this cluster
    ");
    let said = world.run(&["init", "--components=upstream"]).await;
    assert!(said.starts_with("exit 0"), "{said}");
    let said = world.run(&["get", "hub-info"]).await;
    for line in [
        "(0/3) quay.io/open-cluster-management/registration-operator:v1.3.1",
        "(installed) clustermanagers.operator.open-cluster-management.io [*v1]",
        "(absent) manifestworks.work.open-cluster-management.io",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let json = world.run(&["get", "hub-info", "-o", "json"]).await;
    assert!(json.contains("\"kind\": \"ClusterManager\""), "{json}");
    let said = world.run(&["get", "hub-info", "-o", "wide"]).await;
    assert!(said.starts_with("exit 2"), "{said}");
}
