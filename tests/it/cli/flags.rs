//! Flags that no other test runs, in what they make.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use ocmadm::cmd::resources;
use ocmadm::k8s::yaml;
use serde_json::{Value, json};

use super::world::World;

/// The CA of the world's server, as a file.
fn ca_file(world: &World) -> String {
    let config = std::fs::read_to_string(world.kubeconfig()).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let encoded = &config["clusters"][0]["cluster"]["certificate-authority-data"];
    let pem = STANDARD.decode(encoded.as_str().unwrap()).unwrap();
    let path = world.write("ca.crt", &String::from_utf8(pem).unwrap());
    path.display().to_string()
}

fn secret<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    objects
        .iter()
        .find(|object| object["kind"] == "Secret" && object["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no Secret {name}"))
}

fn decoded(secret: &Value, key: &str) -> String {
    let bytes = STANDARD
        .decode(secret["data"][key].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn files_and_drivers_of_join_are_in_its_manifests() {
    let world = World::hub().await;
    let said = world.run(&["get", "token", "-o", "token"]).await;
    let token = said
        .lines()
        .find(|line| line.len() > 100)
        .unwrap()
        .to_owned();
    let ca = ca_file(&world);
    let pull = r#"{"auths": {"quay.io": {"auth": "eDp5"}}}"#;
    let pull_file = world.write("pull.json", pull).display().to_string();
    let overrides = world
        .write("o.json", r#"{"ocm": "v9.9.9"}"#)
        .display()
        .to_string();
    let out = world.write("join.yaml", "what was there before\n");
    let join = [
        "join",
        "--dry-run",
        "--hub-token",
        &token,
        "--hub-apiserver",
        &world.url,
        "--cluster-name=c9",
        "--components=upstream",
        "--ca-file",
        &ca,
        "--image-pull-credential-file",
        &pull_file,
        "--bundle-version-overrides",
        &overrides,
        "--registration-auth=grpc",
        "--grpc-server=grpc.example.com",
        "--grpc-ca-file",
        &ca,
        "--resource-qos-class=ResourceRequirement",
        "--resource-limits=cpu=1,memory=1Gi",
        "--output-file",
        out.to_str().unwrap(),
    ];
    let said = world.run(&join).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(!said.contains(&token), "{said}");
    assert!(!said.contains("eDp5"), "{said}");
    let written = std::fs::read(&out).unwrap();
    let objects: Vec<Value> = yaml::read("join.yaml", &written)
        .unwrap()
        .into_iter()
        .map(|manifest| manifest.object)
        .collect();
    let bootstrap = secret(&objects, "bootstrap-hub-kubeconfig");
    assert!(decoded(bootstrap, "kubeconfig").contains(&token));
    let grpc = decoded(bootstrap, "config.yaml");
    assert!(
        grpc.contains("grpc.example.com") && grpc.contains("caData:"),
        "{grpc}"
    );
    let credentials = secret(&objects, "open-cluster-management-image-pull-credentials");
    assert_eq!(decoded(credentials, ".dockerconfigjson"), pull);
    let klusterlet = objects
        .iter()
        .find(|object| object["kind"] == "Klusterlet")
        .unwrap();
    let spec = &klusterlet["spec"];
    assert_eq!(
        spec["workImagePullSpec"],
        "quay.io/open-cluster-management/work:v9.9.9"
    );
    assert_eq!(
        spec["registrationConfiguration"]["registrationDriver"],
        json!({"authType": "grpc"})
    );
    assert_eq!(
        spec["resourceRequirement"]["resourceRequirements"]["limits"],
        json!({"cpu": "1", "memory": "1Gi"})
    );
    // What is asked for is shown.
    let shown = world.run(&[&join[..], &["--show-token"]].concat()).await;
    assert!(shown.contains(bootstrap["data"]["kubeconfig"].as_str().unwrap()));
}

#[tokio::test]
async fn an_operator_stays_where_it_shall_and_works_have_executors() {
    let world = World::hub().await;
    let said = world.run(&["get", "token", "-o", "token"]).await;
    let token = said
        .lines()
        .find(|line| line.len() > 100)
        .unwrap()
        .to_owned();
    let join = [
        "join",
        "--hub-token",
        &token,
        "--hub-apiserver",
        &world.url,
        "--cluster-name=c1",
        "--components=native",
        "--image=ocmadm",
        "--bundle-version=1.2.0",
        "--feature-gates=V1beta1CSRAPICompatibility=true",
    ];
    let said = world.run(&join).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(
        said.contains("Warning: V1beta1CSRAPICompatibility has no effect: "),
        "{said}"
    );
    assert!(
        said.contains("Warning: --bundle-version is of no effect"),
        "{said}"
    );
    let unjoin = ["unjoin", "--cluster-name=c1", "--purge-operator=false"];
    let said = world.run(&unjoin).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let deployments: Api<Deployment> =
        Api::namespaced(world.client.clone(), "open-cluster-management");
    deployments.get("klusterlet").await.unwrap();

    world.cluster("c1", true).await;
    world.write(
        "m.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n",
    );
    let create = [
        "create",
        "work",
        "w",
        "-f",
        "m.yaml",
        "--clusters=c1",
        "--executor=default/robot",
    ];
    let said = world.run(&create).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let works = resources::within(&world.client, &resources::manifest_work(), "c1");
    let work = works.get("w").await.unwrap();
    assert_eq!(
        work.data["spec"]["executor"]["subject"]["serviceAccount"],
        json!({"namespace": "default", "name": "robot"})
    );
}

/// What a values file says counts for native components as well.
#[tokio::test]
async fn a_values_file_is_laid_over_the_flags_of_native_components() {
    let world = World::bare().await;
    let values = world.write(
        "values.yaml",
        "clusterManager:\n  registrationConfiguration:\n    autoApproveUsers: [somebody]\nodd: 1\n",
    );
    let values = format!("--cluster-manager-values-file={}", values.display());
    let gates = "--feature-gates=CloudEventsDrivers=true,DefaultClusterSet=true";
    let init = [
        "init",
        "--components=native",
        "--image=ocmadm",
        &values,
        gates,
    ];
    let said = world.run(&init).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(
        said.contains("Warning: CloudEventsDrivers has no effect: "),
        "{said}"
    );
    assert!(!said.contains("DefaultClusterSet has"), "{said}");
    assert!(said.contains("no effect here: odd\n"), "{said}");
    let managers = resources::all(&world.client, &resources::cluster_manager());
    let manager = managers.get("cluster-manager").await.unwrap();
    assert_eq!(
        manager.data["spec"]["registrationConfiguration"]["autoApproveUsers"],
        json!(["somebody"])
    );
}
