//! Commands that do what they shall.

use insta::assert_snapshot;
use kube::Api;
use kube::api::PostParams;
use ocmadm::cmd::resources;
use serde_json::json;

use super::bad_input::signing_request;
use super::world::World;
use crate::harness::Kind;

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: default\ndata:\n  k: v\n";

#[tokio::test]
async fn clusters_in_every_format() {
    let world = World::hub().await;
    assert_snapshot!(world.run(&["get", "clusters"]).await, @r"
    exit 0
    --- stdout
    NAME   ACCEPTED   JOINED   AVAILABLE   CLUSTERSET   CPU   MEMORY   KUBERNETES VERSION
    --- stderr
    There are no managed clusters.
    Hint: `ocmadm get token` prints the command that joins one
    ");
    world.cluster("cluster2", false).await;
    world.cluster("cluster1", true).await;
    assert_snapshot!(world.run(&["get", "clusters"]).await, @r"
    exit 0
    --- stdout
    NAME       ACCEPTED   JOINED   AVAILABLE   CLUSTERSET   CPU      MEMORY   KUBERNETES VERSION
    cluster1   true       <none>   <none>      <none>       <none>   <none>   <none>
    cluster2   false      <none>   <none>      <none>       <none>   <none>   <none>
    --- stderr
    Hint: to accept a cluster: `ocmadm accept --clusters cluster2`
    ");
    assert_snapshot!(world.run(&["get", "clusters", "-o", "name"]).await, @r"
    exit 0
    --- stdout
    managedcluster.cluster.open-cluster-management.io/cluster1
    managedcluster.cluster.open-cluster-management.io/cluster2
    ");
    let json = world
        .run(&["get", "clusters", "cluster1", "-o", "json"])
        .await;
    let json: serde_json::Value =
        serde_json::from_str(json.strip_prefix("exit 0\n--- stdout\n").unwrap()).unwrap();
    assert_eq!(json["kind"], "ManagedCluster");
    assert_eq!(json["spec"]["hubAcceptsClient"], true);
    let list = world.run(&["get", "clusters", "-o", "yaml"]).await;
    assert!(list.contains("kind: List"), "{list}");
}

#[tokio::test]
async fn a_token_and_the_join_command_that_scripts_parse() {
    let world = World::hub().await;
    let said = world.run(&["get", "token"]).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["exit 0", "--- stdout"], "{said}");
    let token = lines[2].strip_prefix("token=").unwrap();
    assert_eq!(lines[3], "please log on spoke and run:");
    let with_name: Vec<&&str> = lines
        .iter()
        .filter(|line| line.contains("ocmadm"))
        .collect();
    assert_eq!(with_name.len(), 1, "{said}");
    let words: Vec<&str> = with_name[0].split(' ').collect();
    assert_eq!(
        words[..6],
        [
            "ocmadm",
            "join",
            "--hub-token",
            token,
            "--hub-apiserver",
            "https://HUB",
        ]
    );
    assert_eq!(
        words[words.len() - 2..],
        ["--cluster-name", "<cluster_name>"]
    );
    // The embedded server shows its CA to everybody, as kubeadm sets servers up.
    if Kind::of_this_run() == Kind::Embedded {
        assert_eq!(words[6], "--ca-hash", "{said}");
        assert!(words[7].starts_with("sha256:"), "{said}");
    }
    let said = world.run_as("clusteradm", &["get", "token"]).await;
    assert!(said.contains("\nclusteradm join --hub-token "), "{said}");
    assert!(!said.contains("--ca-hash"), "{said}");
    let json = world.run(&["get", "token", "-o", "json"]).await;
    let json: serde_json::Value =
        serde_json::from_str(json.strip_prefix("exit 0\n--- stdout\n").unwrap()).unwrap();
    assert_eq!(json["hub-apiserver"], "https://HUB");
    assert!(json["hub-token"].as_str().unwrap().split('.').count() == 3);
}

#[tokio::test]
async fn accept_waits_approves_and_is_idempotent() {
    let world = World::hub().await;
    let accept = [
        "accept",
        "--clusters",
        "c1",
        "--skip-approve-check",
        "--timeout",
        "30",
    ];
    let later = async {
        // The agent asks while accept waits already (or before: both are fine).
        world.cluster("c1", false).await;
        let csr = signing_request(
            "system:open-cluster-management:c1:agent",
            "system:open-cluster-management:c1",
            "c1",
        );
        let api: Api<k8s_openapi::api::certificates::v1::CertificateSigningRequest> =
            Api::all(world.client.clone());
        api.create(&PostParams::default(), &csr).await.unwrap();
        api
    };
    let (said, api) = tokio::join!(world.run(&accept), later);
    let stdout = said.split("--- stderr").next().unwrap();
    assert_snapshot!(stdout, @r"
    exit 0
    --- stdout
    Starting approve csrs for the cluster c1
    CSR system-open-cluster-management-c1-agent-1 approved
    set hubAcceptsClient to true for managed cluster c1
    Your managed cluster c1 has joined the Hub successfully.
    ");
    let name = "system-open-cluster-management-c1-agent-1";
    let conditions = api
        .get(name)
        .await
        .unwrap()
        .status
        .unwrap()
        .conditions
        .unwrap();
    assert_eq!(conditions.len(), 1);
    assert_eq!(conditions[0].type_, "Approved");
    let again = world.run(&accept).await;
    assert_snapshot!(again, @r"
    exit 0
    --- stdout
    CSR system-open-cluster-management-c1-agent-1 already approved
    hubAcceptsClient already set for managed cluster c1
    Your managed cluster c1 has joined the Hub successfully.
    --- stderr
    Accepting c1 ...
    Accepting c1: done
    Hint: to send work there: `ocmadm create work NAME -f DIR --clusters c1`
    ");
}

#[tokio::test]
async fn accept_checks_who_asked() {
    let world = World::hub().await;
    world.cluster("c1", false).await;
    let csr = signing_request(
        "system:open-cluster-management:c1:agent",
        "system:open-cluster-management:c1",
        "c1",
    );
    let api: Api<k8s_openapi::api::certificates::v1::CertificateSigningRequest> =
        Api::all(world.client.clone());
    api.create(&PostParams::default(), &csr).await.unwrap();
    let said = world
        .run(&["accept", "--clusters", "c1", "--timeout", "300ms"])
        .await;
    assert!(said.starts_with("exit 3"), "{said}");
    assert!(said.contains("it was made by \"admin\""), "{said}");
}

#[tokio::test]
async fn a_work_is_created_compared_changed_and_deleted() {
    let world = World::hub().await;
    world.cluster("cluster1", true).await;
    world.cluster("cluster2", true).await;
    world.write("dir/a.yaml", CONFIG_MAP);
    world.write(
        "dir/sub/b.json",
        "{\"apiVersion\": \"v1\", \"kind\": \"ServiceAccount\", \"metadata\": {\"name\": \"sa\"}}",
    );
    let create = [
        "create",
        "work",
        "w",
        "-f",
        "dir",
        "--clusters",
        "cluster2,cluster1",
    ];
    assert_snapshot!(world.run(&[&create[..], &["--dry-run"]].concat()).await, @r#"
    exit 0
    --- stdout
    create work w in cluster cluster2
    create work w in cluster cluster1
    --- stderr
    Warning: dir/sub/b.json:1: ServiceAccount "sa" names no namespace, "default" will be used
    Nothing was changed (dry run).
    "#);
    assert_snapshot!(world.run(&create).await, @r#"
    exit 0
    --- stdout
    create work w in cluster cluster2
    create work w in cluster cluster1
    --- stderr
    Warning: dir/sub/b.json:1: ServiceAccount "sa" names no namespace, "default" will be used
    Hint: to see what happens: `ocmadm get works w --clusters cluster2,cluster1`
    "#);
    assert_snapshot!(world.run(&create).await, @r#"
    exit 0
    --- stdout
    work w in cluster cluster2 unchanged
    work w in cluster cluster1 unchanged
    --- stderr
    Warning: dir/sub/b.json:1: ServiceAccount "sa" names no namespace, "default" will be used
    Hint: to see what happens: `ocmadm get works w --clusters cluster2,cluster1`
    "#);
    world.write("dir/a.yaml", &CONFIG_MAP.replace("k: v", "k: w"));
    assert_snapshot!(world.run(&create).await, @r#"
    exit 1
    --- stdout
    work w in cluster cluster2 already exists
    work w in cluster cluster1 already exists
    --- stderr
    Warning: dir/sub/b.json:1: ServiceAccount "sa" names no namespace, "default" will be used
    Work w differs in cluster2, cluster1:
    --- ConfigMap default/a (now)
    +++ ConfigMap default/a (new)
    @@ -1,5 +1,5 @@
     apiVersion: v1
     data:
    -  k: v
    +  k: w
     kind: ConfigMap
     metadata:
    Error: work w exists with other content in 2 of 2 clusters, nothing was changed
    Hint: pass --overwrite to change it
    "#);
    assert_snapshot!(world.run(&[&create[..], &["--overwrite"]].concat()).await, @r#"
    exit 0
    --- stdout
    update work w in cluster cluster2
    update work w in cluster cluster1
    --- stderr
    Warning: dir/sub/b.json:1: ServiceAccount "sa" names no namespace, "default" will be used
    Work w differs in cluster2, cluster1:
    --- ConfigMap default/a (now)
    +++ ConfigMap default/a (new)
    @@ -1,5 +1,5 @@
     apiVersion: v1
     data:
    -  k: v
    +  k: w
     kind: ConfigMap
     metadata:
    Hint: to see what happens: `ocmadm get works w --clusters cluster2,cluster1`
    "#);
    let api = resources::within(&world.client, &resources::manifest_work(), "cluster1");
    let work = api.get("w").await.unwrap();
    assert_eq!(
        work.data["spec"]["workload"]["manifests"][0]["data"]["k"],
        "w"
    );
    assert_snapshot!(world.run(&["get", "works"]).await, @r"
    exit 0
    --- stdout
    NAME   CLUSTER    NUMBER OF MANIFESTS   APPLIED   AVAILABLE
    w      cluster1   2                     <none>    <none>
    w      cluster2   2                     <none>    <none>
    ");
    assert_snapshot!(world.run(&["get", "works", "w", "--cluster", "cluster1"]).await, @r"
    exit 0
    --- stdout
    NAME   CLUSTER    NUMBER OF MANIFESTS   APPLIED   AVAILABLE
    w      cluster1   2                     <none>    <none>

    CLUSTER    KIND             NAMESPACE   NAME   APPLIED   AVAILABLE   MESSAGE
    cluster1   ConfigMap        default     a      Unknown   Unknown     not reported by the agent yet
    cluster1   ServiceAccount   default     sa     Unknown   Unknown     not reported by the agent yet
    ");
    let delete = ["delete", "work", "w", "--clusters", "cluster1,cluster2"];
    assert_snapshot!(world.run(&delete).await, @r"
    exit 0
    --- stdout
    work w in cluster cluster1 is deleted
    work w in cluster cluster2 is deleted
    ");
    assert_snapshot!(world.run(&delete).await, @r"
    exit 0
    --- stdout
    work w not found or is already deleted
    work w not found or is already deleted
    ");
}

#[tokio::test]
async fn works_show_what_the_agent_says_of_each_resource() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let resource = resources::manifest_work();
    let work = json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": "w", "namespace": "c1"},
        "spec": {"workload": {"manifests": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}},
        ]}},
    });
    world.create(&resource, Some("c1"), work).await;
    let condition = |kind: &str, status: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": "R", "message": message,
               "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1})
    };
    let api = resources::within(&world.client, &resource, "c1");
    world
        .status(&api, "w", json!({
            "conditions": [condition("Applied", "False", "failed"), condition("Available", "False", "not all")],
            "resourceStatus": {"manifests": [{
                "resourceMeta": {"ordinal": 0, "group": "", "version": "v1", "kind": "ConfigMap", "resource": "configmaps", "name": "a", "namespace": "default"},
                "conditions": [condition("Applied", "False", "no permission for configmaps"), condition("Available", "False", "absent")],
                "statusFeedback": {},
            }]},
        }))
        .await;
    assert_snapshot!(world.run(&["get", "works", "w", "-c", "c1"]).await, @r"
    exit 0
    --- stdout
    NAME   CLUSTER   NUMBER OF MANIFESTS   APPLIED   AVAILABLE
    w      c1        1                     False     False

    CLUSTER   KIND        NAMESPACE   NAME   APPLIED   AVAILABLE   MESSAGE
    c1        ConfigMap   default     a      False     False       no permission for configmaps
    ");
    assert_snapshot!(world.run(&["get", "works", "x", "-c", "c1"]).await, @r#"
    exit 1
    --- stderr
    Error: there is no work "x" in c1
    Hint: `ocmadm get works` lists them all
    "#);
}

#[tokio::test]
async fn waiting_for_a_work_names_the_manifest_and_the_reason() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let create = ["create", "work", "w", "-f", "-", "--clusters", "c1"];
    world.run_with(&create, CONFIG_MAP).await;
    let condition = |kind: &str, status: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": "R", "message": message,
               "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1})
    };
    let meta = json!({"ordinal": 0, "group": "", "version": "v1", "kind": "ConfigMap",
        "resource": "configmaps", "name": "a", "namespace": "default"});
    let status = |applied: &str, word: &str| {
        json!({
            "conditions": [condition("Applied", applied, "Failed to apply manifest work"), condition("Available", applied, "1 of 1")],
            "resourceStatus": {"manifests": [{"resourceMeta": meta, "statusFeedback": {},
                "conditions": [condition("Applied", applied, word), condition("Available", applied, "absent")]}]},
        })
    };
    let api = resources::within(&world.client, &resources::manifest_work(), "c1");
    world
        .status(&api, "w", status("False", "no permission for configmaps"))
        .await;
    let wait = [&create[..], &["--wait", "--timeout", "2s"]].concat();
    let said = world.run_with(&wait, CONFIG_MAP).await;
    assert!(said.starts_with("exit 3"), "{said}");
    assert!(
        said.contains("ConfigMap default/a: no permission for configmaps"),
        "{said}"
    );
    assert!(said.contains("get works w --clusters c1"), "{said}");
    // Of several clusters all are counted.
    world.cluster("c2", true).await;
    let two = [
        "create",
        "work",
        "w",
        "-f",
        "-",
        "--all",
        "--wait",
        "--timeout",
        "1s",
    ];
    let said = world.run_with(&two, CONFIG_MAP).await;
    assert!(said.starts_with("exit 3"), "{said}");
    let error = "Error: work w is not available in 2 of 2 clusters: c1, c2\nCaused by: timed out";
    assert!(said.contains(error), "{said}");
    // Once it is well the wait is over.
    world.status(&api, "w", status("True", "fine")).await;
    let said = world.run_with(&wait, CONFIG_MAP).await;
    assert!(said.starts_with("exit 0"), "{said}");
}

#[tokio::test]
async fn deleting_a_work_names_what_holds_it() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let resource = resources::manifest_work();
    let work = json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": "w", "namespace": "c1", "finalizers": ["example.com/hold"]},
        "spec": {"workload": {"manifests": []}},
    });
    world.create(&resource, Some("c1"), work).await;
    let said = world
        .run(&[
            "delete",
            "work",
            "w",
            "--cluster",
            "c1",
            "--timeout",
            "300ms",
        ])
        .await;
    assert!(said.starts_with("exit 3"), "{said}");
    assert!(said.contains("held by example.com/hold"), "{said}");
    let forced = world
        .run(&["delete", "work", "w", "--cluster", "c1", "--force"])
        .await;
    assert!(
        forced.contains("work w in cluster c1 is deleted"),
        "{forced}"
    );
}

#[tokio::test]
async fn init_dry_run_prints_manifests_and_changes_nothing() {
    let world = World::bare().await;
    let said = world
        .run(&[
            "init",
            "--dry-run",
            "--components=native",
            "--image=registry/ocmadm:v1",
        ])
        .await;
    assert!(said.starts_with("exit 0\n--- stdout\n---\n"), "{said}");
    assert!(said.contains("image: registry/ocmadm:v1"), "{said}");
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(world.client.clone());
    assert!(
        namespaces
            .get_opt("open-cluster-management")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn init_prints_the_join_command_and_can_be_repeated() {
    let world = World::bare().await;
    let init = [
        "init",
        "--components=native",
        "--image=ocmadm",
        "--use-bootstrap-token",
    ];
    let first = world.run(&init).await;
    assert!(first.starts_with("exit 0\n"), "{first}");
    let joins = |said: &str| -> Vec<String> {
        said.lines()
            .filter(|line| line.trim_start().starts_with("ocmadm join "))
            .map(|line| line.trim().to_owned())
            .collect()
    };
    let line = joins(&first);
    assert_eq!(line.len(), 1, "{first}");
    assert!(
        line[0].starts_with("ocmadm join --hub-token ocmhub."),
        "{line:?}"
    );
    assert!(
        line[0].contains(" --hub-apiserver https://HUB ")
            && line[0].ends_with(" --cluster-name <cluster_name>"),
        "{line:?}"
    );
    // The join command printed before stays valid.
    let second = world.run(&init).await;
    assert_eq!(joins(&second), line);
    assert!(second.contains("unchanged"), "{second}");
}

#[tokio::test]
async fn unjoin_leaves_nothing_and_can_be_repeated() {
    let world = World::bare().await;
    let nobody = world.run(&["unjoin", "--cluster-name", "c1"]).await;
    assert!(nobody.starts_with("exit 0"), "{nobody}");
    let mut objects = ocmadm::bundle::agent(&ocmadm::bundle::AgentValues {
        bootstrap_kubeconfig: "{}".to_owned(),
        klusterlet: serde_json::from_value(json!({"clusterName": "c1"})).unwrap(),
        ..Default::default()
    })
    .unwrap();
    objects.retain(|object| object.types.as_ref().unwrap().kind != "Deployment");
    let discovery = ocmadm::k8s::discovery::Discovery::new(world.client.clone());
    ocmadm::k8s::apply::Applier::new(world.client.clone(), discovery, "test")
        .apply(&objects, |_| {})
        .await
        .unwrap();
    let plan = world
        .run(&["unjoin", "--cluster-name", "c1", "--dry-run"])
        .await;
    assert!(
        plan.contains("Klusterlet klusterlet would be deleted"),
        "{plan}"
    );
    let api = resources::all(&world.client, &resources::klusterlet());
    assert!(api.get_opt("klusterlet").await.unwrap().is_some());
    let said = world.run(&["unjoin", "--cluster-name", "c1"]).await;
    assert!(
        said.starts_with("exit 0\n--- stdout\nApplied resources have been deleted"),
        "{said}"
    );
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(world.client.clone());
    for name in ["open-cluster-management", "open-cluster-management-agent"] {
        assert!(namespaces.get_opt(name).await.unwrap().is_none(), "{name}");
    }
    let again = world.run(&["unjoin", "--cluster-name", "c1"]).await;
    assert!(again.contains("there is nothing to do"), "{again}");
}

#[tokio::test]
async fn clean_refuses_while_clusters_are_attached() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let api = resources::all(&world.client, &resources::managed_cluster());
    let available = json!({"conditions": [{
        "type": "ManagedClusterConditionAvailable", "status": "True", "reason": "R", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]});
    world.status(&api, "c1", available).await;
    let said = world.run(&["clean"]).await;
    assert_snapshot!(said, @r"
    exit 1
    --- stderr
    Error: Please detach all managed clusters from the hub control plane: c1
    Hint: run `ocmadm unjoin --cluster-name c1` on it
    Hint: a cluster that has left counts as attached until its lease runs out; delete its ManagedCluster, or pass --force
    ");
    let forced = world.run(&["clean", "--force"]).await;
    assert!(forced.starts_with("exit 0\n"), "{forced}");
    assert_eq!(
        world.run(&["clean"]).await,
        "exit 1\n--- stderr\nError: hub has not been initialized\n\
         Hint: https://HUB has no ClusterManager; --context chooses another cluster\n"
    );
}
