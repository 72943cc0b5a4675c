//! The program under other names: a plugin of kubectl, clusteradm, and what
//! kubectl starts to complete a plugin's arguments.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::world::{World, run_as};

#[tokio::test]
async fn a_plugin_of_kubectl_says_so_in_its_hints_and_help() {
    let world = World::hub().await;
    let said = world
        .run_as("/home/u/.krew/bin/kubectl-ocm", &["get", "clusters"])
        .await;
    assert_snapshot!(said, @r"
    exit 0
    --- stdout
    NAME   ACCEPTED   JOINED   AVAILABLE   CLUSTERSET   CPU   MEMORY   KUBERNETES VERSION
    --- stderr
    There are no managed clusters.
    Hint: `kubectl ocm get token` prints the command that joins one
    ");
    let token = world.run_as("kubectl-ocmadm", &["get", "token"]).await;
    assert!(
        token.contains("\nkubectl ocmadm join --hub-token "),
        "{token}"
    );
    let token = world.run_as("clusteradm", &["get", "token"]).await;
    assert!(token.contains("\nclusteradm join --hub-token "), "{token}");
    let folder = tempfile::tempdir().unwrap();
    let help = run_as(
        "kubectl-ocm",
        folder.path(),
        None,
        &["accept", "--help"],
        "",
    )
    .await;
    assert!(help.contains("Usage: kubectl ocm accept "), "{help}");
    let said = run_as(
        "/bin/clusteradm",
        folder.path(),
        None,
        &["completion", "bash"],
        "",
    )
    .await;
    assert!(
        said.contains(" clusteradm\n") && !said.contains(" ocmadm\n"),
        "{said}"
    );
    let help = run_as(
        "/bin/clusteradm",
        folder.path(),
        None,
        &["accept", "--help"],
        "",
    )
    .await;
    assert!(help.contains("Usage: clusteradm accept "), "{help}");
}

#[tokio::test]
async fn kubectl_completes_names_of_the_hub_through_us() {
    let world = World::hub().await;
    world.cluster("cluster1", true).await;
    world.cluster("cluster2", false).await;
    let complete = |args: &'static [&'static str]| world.run_as("/bin/kubectl_complete-ocm", args);
    assert_snapshot!(complete(&["accept", "--clusters", ""]).await, @r"
    exit 0
    --- stdout
    cluster1
    cluster2
    :4
    ");
    // A context named like a hidden command.
    assert_snapshot!(complete(&["--context", "hub", "accept", "--clusters", ""]).await, @r"
    exit 0
    --- stdout
    cluster1
    cluster2
    :4
    ");
    assert_snapshot!(complete(&["get", "clusters", "--context", ""]).await, @r"
    exit 0
    --- stdout
    guest
    hub
    :4
    ");
    let placement = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1",
        "kind": "Placement", "metadata": {"name": "p", "namespace": "cluster1"}, "spec": {}});
    world.cluster.create(placement).await;
    let placements = complete(&["delete", "placement", ""]).await;
    assert!(placements.contains("--- stdout\np\n"), "{placements}");
    let namespaces = complete(&["get", "placements", "-n", ""]).await;
    assert!(
        namespaces.contains("\ncluster1\ncluster2\n"),
        "{namespaces}"
    );
    // Where nothing can be known, nothing is said, and soon.
    let gone = world.write(
        "gone",
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
        clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
        contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n",
    );
    let gone = gone.display().to_string();
    let args = ["--kubeconfig", &gone, "accept", "--clusters", ""];
    let said = world.run_as("kubectl_complete-ocm", &args).await;
    assert_eq!(said, "exit 0\n--- stdout\n:4\n");
    let said = complete(&["un"]).await;
    assert!(
        said.contains("\nuninstall\t") && said.contains("\nunjoin\t"),
        "{said}"
    );
}

#[test]
fn the_krew_manifest_installs_what_the_plugin_is_called() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/krew/ocm.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let manifest: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["metadata"]["name"], "ocm");
    let version = concat!("v", env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["spec"]["version"], version);
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    let archives: Vec<&str> = platforms
        .iter()
        .map(|platform| platform["uri"].as_str().unwrap())
        .collect();
    for (platform, uri) in platforms.iter().zip(&archives) {
        assert_eq!(platform["bin"], "ocmadm");
        let labels = &platform["selector"]["matchLabels"];
        let (os, arch) = (
            labels["os"].as_str().unwrap(),
            labels["arch"].as_str().unwrap(),
        );
        assert!(
            uri.contains(&format!("{version}/ocmadm-{os}-{arch}.tar.gz")),
            "{uri}"
        );
    }
}
