//! Upstream's operators: what is installed on a cluster that is no sandbox.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{DynamicObject, ListParams};
use ocmadm::cmd::resources;
use ocmadm::ocm::names;
use serde_json::json;

use super::world::World;

async fn image(world: &World, deployment: &str) -> String {
    let api: Api<Deployment> = Api::namespaced(world.client.clone(), names::OPERATOR_NAMESPACE);
    let found = api.get(deployment).await.unwrap();
    let pod = found.spec.unwrap().template.spec.unwrap();
    pod.containers[0].image.clone().unwrap()
}

#[tokio::test]
async fn init_installs_upstreams_operator_and_can_be_repeated() {
    let world = World::bare().await;
    // Nothing said: upstream's, where it is no sandbox.
    let said = world.run(&["init", "--dry-run"]).await;
    assert!(said.contains("registration-operator:v1.3.1"), "{said}");
    let init = [
        "init",
        "--feature-gates=ManifestWorkReplicaSet=true",
        "--registration-drivers=csr,grpc",
        "--grpc-server=grpc.example.com",
        "--resource-qos-class=BestEffort",
    ];
    let first = world.run(&init).await;
    assert!(first.starts_with("exit 0\n"), "{first}");
    assert!(first.contains("11 created"), "{first}");
    let operator = "quay.io/open-cluster-management/registration-operator";
    assert_eq!(
        image(&world, "cluster-manager").await,
        format!("{operator}:v1.3.1")
    );
    let managers = resources::all(&world.client, &resources::cluster_manager());
    let manager: DynamicObject = managers.get("cluster-manager").await.unwrap();
    let spec = &manager.data["spec"];
    assert_eq!(spec["resourceRequirement"], json!({"type": "BestEffort"}));
    assert_eq!(
        spec["workConfiguration"]["featureGates"],
        json!([{"feature": "ManifestWorkReplicaSet", "mode": "Enable"}])
    );
    assert_eq!(
        spec["registrationConfiguration"]["registrationDrivers"],
        json!([{"authType": "csr"}, {"authType": "grpc"}])
    );
    let second = world.run(&init).await;
    assert!(second.contains("11 unchanged"), "{second}");
    // Another version is one object that changes twice: Deployment and ClusterManager.
    let other = world
        .run(&[&init[..], &["--bundle-version=1.3.0"]].concat())
        .await;
    assert!(other.contains("2 configured, 9 unchanged"), "{other}");
    assert_eq!(
        image(&world, "cluster-manager").await,
        format!("{operator}:v1.3.0")
    );
}

#[tokio::test]
async fn join_installs_upstreams_agent_here_or_hosted() {
    let world = World::hub().await;
    let token = world.run(&["get", "token", "-o", "json"]).await;
    let token = token
        .split("\"hub-token\": \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("{token}"))
        .to_owned();
    let values = world.write(
        "values.yaml",
        "klusterlet: {priorityClassName: system-cluster-critical}\nodd: 1\n",
    );
    let values = format!("--klusterlet-values-file={}", values.display());
    let join = [
        "join",
        "--hub-token",
        &token,
        "--hub-apiserver",
        &world.url,
        "--components=upstream",
        "--image-registry=registry.example.com/ocm",
    ];
    let here = [&join[..], &["--cluster-name=c1", "--singleton", &values]].concat();
    let said = world.run(&here).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(said.contains("no effect here: odd"), "{said}");
    assert!(said.contains("accept --clusters c1"), "{said}");
    assert!(!said.contains(&token), "{said}");
    assert_eq!(
        image(&world, "klusterlet").await,
        "registry.example.com/ocm/registration-operator:v1.3.1"
    );
    let klusterlets = resources::all(&world.client, &resources::klusterlet());
    let klusterlet = klusterlets.get("klusterlet").await.unwrap();
    let spec = &klusterlet.data["spec"];
    assert_eq!(spec["deployOption"], json!({"mode": "Singleton"}));
    assert_eq!(spec["priorityClassName"], "system-cluster-critical");
    assert_eq!(
        spec["imagePullSpec"],
        "registry.example.com/ocm/registration-operator:v1.3.1"
    );
    let again = world.run(&here).await;
    assert!(again.contains("unchanged"), "{again}");
    assert!(!again.contains("configured"), "{again}");

    // Hosted: the cluster it manages is this one again; a name of its own, kept.
    let kubeconfig = world.kubeconfig();
    let kubeconfig = format!("--managed-cluster-kubeconfig={}", kubeconfig.display());
    let hosted = [
        &join[..],
        &["--cluster-name=c2", "--mode=hosted", &kubeconfig],
    ]
    .concat();
    for _ in 0..2 {
        let said = world.run(&hosted).await;
        assert!(said.starts_with("exit 0\n"), "{said}");
    }
    let all = klusterlets.list(&ListParams::default()).await.unwrap();
    let hosted: Vec<&DynamicObject> = all
        .items
        .iter()
        .filter(|k| k.data["spec"]["deployOption"]["mode"] == "Hosted")
        .collect();
    assert_eq!(hosted.len(), 1, "one agent, however often it joins");
    let name = hosted[0].metadata.name.clone().unwrap();
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), &name);
    for secret in ["bootstrap-hub-kubeconfig", "external-managed-kubeconfig"] {
        let data = secrets.get(secret).await.unwrap().data.unwrap();
        assert!(data.contains_key("kubeconfig"), "{secret}");
    }
    let namespaces: Api<Namespace> = Api::all(world.client.clone());
    namespaces.get(&name).await.unwrap();
}
