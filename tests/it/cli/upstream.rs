//! Upstream's operators: what is installed on a cluster that is no sandbox.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use ocmadm::bundle;
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
    assert!(other.starts_with("exit 1\n"), "{other}");
    assert!(
        other.contains("registration-operator:v1.3.0 is older"),
        "{other}"
    );
    let other = world
        .run(&[&init[..], &["--bundle-version=1.3.0", "--force"]].concat())
        .await;
    assert!(other.contains(":v1.3.1 becomes"), "{other}");
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

/// What is on the host besides the hosted agent is not its own.
#[tokio::test]
async fn unjoin_of_a_hosted_agent_leaves_the_host_and_sees_the_managed_clusters_works() {
    let (host, managed) = tokio::join!(World::hub(), World::bare());
    managed.cluster.install(bundle::agent_crds().unwrap()).await;
    let token = host.run(&["get", "token", "-o", "token"]).await;
    let token = token
        .lines()
        .find(|line| line.len() > 100)
        .unwrap()
        .to_owned();
    let join = [
        "join",
        "--hub-token",
        &token,
        "--hub-apiserver",
        &host.url,
        "--components=upstream",
    ];
    let here = [&join[..], &["--cluster-name=c1"]].concat();
    let said = host.run(&here).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let kubeconfig = managed.kubeconfig();
    let kubeconfig = format!("--managed-cluster-kubeconfig={}", kubeconfig.display());
    let hosted = [
        "--cluster-name=c2",
        "--mode=hosted",
        "--singleton",
        &kubeconfig,
    ];
    let said = host.run(&[&join[..], &hosted].concat()).await;
    assert!(said.starts_with("exit 0\n"), "{said}");

    let klusterlets = resources::all(&host.client, &resources::klusterlet());
    let all = klusterlets.list(&ListParams::default()).await.unwrap();
    let agent = all
        .items
        .iter()
        .find(|one| one.data["spec"]["deployOption"]["mode"] == "SingletonHosted")
        .unwrap();
    let (name, uid) = (agent.name_any(), agent.uid().unwrap());
    // As older tools write it: the fallback is the host's own agent's namespace.
    let patch = Patch::Merge(json!({"spec": {"namespace": null}}));
    klusterlets
        .patch(&name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    let work = json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "AppliedManifestWork",
        "metadata": {"name": "hash-settings"},
        "spec": {"hubHash": "hash", "manifestWorkName": "settings", "agentID": uid}});
    managed
        .create(&resources::applied_manifest_work(), None, work)
        .await;

    let unjoin = ["unjoin", "--cluster-name", "c2"];
    let said = host.run(&unjoin).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("managed cluster c2: settings"), "{said}");
    let works = resources::all(&managed.client, &resources::applied_manifest_work());
    works
        .delete("hash-settings", &DeleteParams::default())
        .await
        .unwrap();
    let dry = host.run(&[&unjoin[..], &["--dry-run"]].concat()).await;
    assert!(dry.contains(&format!("Namespace {name} would be")), "{dry}");
    assert!(!dry.contains("open-cluster-management-agent"), "{dry}");
    // A Secret that leads nowhere: its works cannot be seen.
    let secrets: Api<Secret> = Api::namespaced(host.client.clone(), &name);
    secrets
        .delete("external-managed-kubeconfig", &DeleteParams::default())
        .await
        .unwrap();
    let said = host.run(&unjoin).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("--force leaves without"), "{said}");
    let said = host.run(&[&unjoin[..], &["--force"]].concat()).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(said.contains("The operator stays"), "{said}");

    let namespaces: Api<Namespace> = Api::all(host.client.clone());
    assert!(namespaces.get_opt(&name).await.unwrap().is_none());
    let own: Api<Secret> = Api::namespaced(host.client.clone(), names::AGENT_NAMESPACE);
    own.get("bootstrap-hub-kubeconfig").await.unwrap();
    klusterlets.get("klusterlet").await.unwrap();
    assert!(klusterlets.get_opt(&name).await.unwrap().is_none());
}
