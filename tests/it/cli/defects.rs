//! What was found wrong with clusteradm, and is not with us. Tests elsewhere:
//!
//! | defect of clusteradm | test |
//! |---|---|
//! | 01 `accept` approves any subject | `bad_input::a_foreign_request_is_never_approved` |
//! | 03 the token goes out unverified | `cmd::join::hub::defect_03_…` |
//! | 07 kubeconfig and proxy of `proxy kubectl` are open to all | `proxy::defect_07_…` |
//! | 04 bootstrap tokens never end | `tokens::defect_04_…` |
//! | 05 the bootstrap role reads every ConfigMap | `tokens::defect_05_…` |
//! | 10 `upgrade klusterlet` renames the cluster | `upgrade::every_klusterlet_keeps_its_name_mode_and_credentials` |
//! | 11 every hosted join makes another agent | `upstream::join_installs_upstreams_agent_here_or_hosted` |
//! | 11 `unjoin` of a hosted agent deletes another | `upstream::unjoin_of_a_hosted_agent_…` |
//! | 12 `clean` takes a namespace that is shared | `leftovers::defect_12_…` |
//! | 13 `addon enable` wipes labels | `sets::addons_are_enabled_kept_and_disabled` |
//! | 13 `create work --overwrite` deletes works of others | `leftovers::defect_13_…` |
//! | 24 `delete work` misses an instant deletion | `commands::a_work_is_created_compared_changed_and_deleted` |
//! | 26 an unknown bundle does not list the valid | `bad_input::components_that_cannot_be` |
//! | 27 one cluster after the other, requests nobody needs | `speed::defect_27_…` |
//! | 28 no JSON of lists | `output::every_list_is_there_as_json_yaml_and_names` |

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::Api;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::ClusterResourceScope;
use kube::{Resource, ResourceExt};
use ocmadm::cmd::resources;
use serde_json::{Value, json};

use super::bad_input::signing_request;
use super::world::World;

const NATIVE: [&str; 2] = ["--components=native", "--image=ocmadm"];

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\ndata: {k: w}\n";

/// What a command line of blank-separated words says.
async fn say(world: &World, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    world.run(&words).await
}

fn stdout(said: &str) -> &str {
    let said = said.split("--- stdout\n").nth(1).unwrap_or_default();
    said.split("--- stderr").next().unwrap_or_default()
}

async fn token(world: &World) -> String {
    stdout(&world.run(&["get", "token", "-o", "token"]).await)
        .trim()
        .to_owned()
}

async fn request(world: &World, agent: &str) -> String {
    let user = format!("system:open-cluster-management:c1:{agent}");
    let csr = signing_request(&user, "system:open-cluster-management:c1", "c1");
    let api: Api<CertificateSigningRequest> = Api::all(world.client.clone());
    api.create(&PostParams::default(), &csr)
        .await
        .unwrap()
        .name_any()
}

async fn is_approved(world: &World, name: &str) -> bool {
    let api: Api<CertificateSigningRequest> = Api::all(world.client.clone());
    let status = api.get(name).await.unwrap().status.unwrap_or_default();
    status.conditions.is_some_and(|all| !all.is_empty())
}

#[tokio::test]
async fn defect_02_an_annotation_is_no_way_round_the_signing_request() {
    let world = World::hub().await;
    world.cluster("c1", false).await;
    let api = resources::all(&world.client, &resources::managed_cluster());
    let arn = json!({"metadata": {"annotations": {"agent.open-cluster-management.io/managed-cluster-arn": "arn:aws:eks:x"}}});
    api.patch("c1", &PatchParams::default(), &Patch::Merge(arn))
        .await
        .unwrap();
    let said = say(&world, "accept --clusters c1 --timeout 2").await;
    assert!(said.starts_with("exit 3\n"), "{said}");
    assert_eq!(
        api.get("c1").await.unwrap().data["spec"]["hubAcceptsClient"],
        false
    );
    // Where the hub admits clusters by ARN, there is no request to wait for.
    let manager = json!({"apiVersion": "operator.open-cluster-management.io/v1", "kind": "ClusterManager",
        "metadata": {"name": "cluster-manager"},
        "spec": {"registrationConfiguration": {"registrationDrivers": [{"authType": "awsirsa", "awsirsa": {"hubClusterArn": "arn:aws:eks:us-west-2:123456789012:cluster/hub"}}]}}});
    let managers = resources::all(&world.client, &resources::cluster_manager());
    let params = PatchParams::apply("test").force();
    managers
        .patch("cluster-manager", &params, &Patch::Apply(manager))
        .await
        .unwrap();
    let said = say(&world, "accept --clusters c1 --timeout 20").await;
    assert!(said.starts_with("exit 0\n"), "{said}");
}

#[tokio::test]
async fn defect_06_files_with_tokens_are_for_their_owner_alone() {
    let world = World::bare().await;
    // What was there before must be gone, and not be readable for all.
    let old = "x".repeat(100_000);
    for name in ["hub.yaml", "join.sh"] {
        let path = world.write(name, &old);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let init = [
        "init",
        "--output-file=hub.yaml",
        "--output-join-command-file=join.sh",
    ];
    let said = world.run(&[&init[..], &NATIVE].concat()).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    world
        .cluster
        .install(ocmadm::bundle::hub_crds().unwrap())
        .await;
    let token = token(&world).await;
    let join = format!(
        "join --hub-token {token} --hub-apiserver {} --cluster-name c1 --dry-run --output-file agent.yaml --components=native --image=ocmadm",
        world.url
    );
    let said = say(&world, &join).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    for (name, mode) in [
        ("hub.yaml", 0o600),
        ("join.sh", 0o700),
        ("agent.yaml", 0o600),
    ] {
        let path = world.kubeconfig().with_file_name(name);
        let is = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(is, mode, "{name} is {is:o}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("xxx"),
            "{name}: something is left of the old file"
        );
    }
}

/// What exists, and in which state: the spec of our kinds, the uid of others.
async fn state(world: &World) -> BTreeMap<String, String> {
    async fn existing<K>(world: &World, out: &mut BTreeMap<String, String>)
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let api: Api<K> = Api::all(world.client.clone());
        for object in api.list(&ListParams::default()).await.unwrap() {
            let deleted = object.meta().deletion_timestamp.is_some();
            let key = format!("{} {}", K::kind(&()), object.name_any());
            out.insert(key, format!("{:?} {deleted}", object.uid()));
        }
    }
    let mut out = BTreeMap::new();
    existing::<Namespace>(world, &mut out).await;
    existing::<ClusterRole>(world, &mut out).await;
    existing::<ClusterRoleBinding>(world, &mut out).await;
    existing::<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition>(world, &mut out).await;
    let secrets: Api<Secret> = Api::all(world.client.clone());
    for secret in secrets.list(&ListParams::default()).await.unwrap() {
        out.insert(format!("Secret {}", secret.name_any()), String::new());
    }
    let accounts: Api<ServiceAccount> =
        Api::namespaced(world.client.clone(), "open-cluster-management");
    for account in accounts.list(&ListParams::default()).await.unwrap() {
        out.insert(
            format!("ServiceAccount {}", account.name_any()),
            String::new(),
        );
    }
    for resource in [
        resources::managed_cluster(),
        resources::cluster_set(),
        resources::cluster_set_binding(),
        resources::manifest_work(),
        resources::placement(),
        resources::managed_cluster_addon(),
        resources::cluster_manager(),
    ] {
        let api = resources::all(&world.client, &resource);
        for object in api.list(&ListParams::default()).await.unwrap() {
            let key = format!(
                "{} {:?} {}",
                resource.kind,
                object.namespace(),
                object.name_any()
            );
            let meta = &object.metadata;
            let what = json!([
                meta.uid,
                meta.labels,
                meta.annotations,
                meta.deletion_timestamp,
                object.data["spec"]
            ]);
            out.insert(key, what.to_string());
        }
    }
    out
}

#[tokio::test]
async fn defect_08_no_dry_run_changes_anything() {
    let world = World::bare().await;
    let said = world
        .run(&[&["init", "--use-bootstrap-token"][..], &NATIVE].concat())
        .await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    world
        .cluster
        .install(ocmadm::bundle::hub_crds().unwrap())
        .await;
    world.cluster("c1", false).await;
    world.cluster("c2", true).await;
    request(&world, "a").await;
    world.write("m.yaml", CONFIG_MAP);
    let object = |kind: &str, version: &str, spec: Value| json!({"apiVersion": version, "kind": kind, "metadata": {"name": "eu"}, "spec": spec});
    let cluster = "cluster.open-cluster-management.io/v1beta2";
    let set = object("ManagedClusterSet", cluster, json!({}));
    world.create(&resources::cluster_set(), None, set).await;
    let old = json!({"apiVersion": cluster, "kind": "ManagedClusterSet", "metadata": {"name": "old"}, "spec": {}});
    world.create(&resources::cluster_set(), None, old).await;
    let binding = object(
        "ManagedClusterSetBinding",
        cluster,
        json!({"clusterSet": "eu"}),
    );
    world
        .create(&resources::cluster_set_binding(), Some("default"), binding)
        .await;
    let placement = object(
        "Placement",
        "cluster.open-cluster-management.io/v1beta1",
        json!({}),
    );
    world
        .create(&resources::placement(), Some("default"), placement)
        .await;
    let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "namespace": "default"}});
    let work = object(
        "ManifestWork",
        "work.open-cluster-management.io/v1",
        json!({"workload": {"manifests": [manifest]}}),
    );
    world
        .create(&resources::manifest_work(), Some("c2"), work)
        .await;
    let addons = "addon.open-cluster-management.io/v1alpha1";
    let offer = object("ClusterManagementAddOn", addons, json!({}));
    world
        .create(&resources::cluster_management_addon(), None, offer)
        .await;
    let addon = object("ManagedClusterAddOn", addons, json!({}));
    world
        .create(&resources::managed_cluster_addon(), Some("c2"), addon)
        .await;

    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "kube-system");
    let bootstrap = secrets.get("bootstrap-token-ocmhub").await.unwrap();
    let secret = String::from_utf8(bootstrap.data.unwrap()["token-secret"].0.clone()).unwrap();
    let shown = say(
        &world,
        "init --components=native --image=other --use-bootstrap-token --dry-run --show-token",
    )
    .await;
    assert!(shown.contains(&secret), "{shown}");

    let before = state(&world).await;
    for line in [
        "accept --clusters c1 --skip-approve-check",
        "create clusterset us",
        "create placement new --namespace default --clustersets eu",
        "create placement eu --namespace default --overwrite --count 3",
        "create work new -f m.yaml --clusters c2",
        "create work eu -f m.yaml --clusters c2 --overwrite",
        "delete work eu --clusters c2",
        "delete work eu --clusters c2 --force",
        "delete clusterset old",
        "delete token",
        "delete token ocmhub",
        "get token",
        "clusterset bind old --namespace default",
        "clusterset unbind eu --namespace default",
        "clusterset set eu --clusters c1,c2 --namespaces default",
        "addon enable --names eu --clusters c1 --labels a=b",
        "addon disable --names eu --clusters c2",
        "unjoin --cluster-name c1",
        "clean --force",
        "init --components=native --image=other --use-bootstrap-token",
    ] {
        for how in ["--dry-run", "--dry-run=server"] {
            let said = say(&world, &format!("{line} {how}")).await;
            // What a server cannot try out as a whole is refused, not played down.
            let whole = ["unjoin", "clean"];
            let refused = how.ends_with("server") && whole.iter().any(|c| line.starts_with(c));
            let exit = if refused { "exit 2\n" } else { "exit 0\n" };
            assert!(said.starts_with(exit), "{line} {how}: {said}");
            assert_eq!(said.contains("cannot be tried out on the server"), refused);
            assert!(!said.contains(&secret), "{line} {how}: {said}");
            let after = state(&world).await;
            for (key, value) in &after {
                assert_eq!(before.get(key), Some(value), "{line} {how} changes {key}");
            }
            let gone: Vec<_> = before
                .keys()
                .filter(|key| !after.contains_key(*key))
                .collect();
            assert!(gone.is_empty(), "{line} {how} deletes {gone:?}");
        }
    }
}

#[tokio::test]
async fn defect_12_clean_leaves_no_roles_and_init_follows_at_once() {
    let world = World::bare().await;
    let init = [&["init"][..], &NATIVE].concat();
    let said = world.run(&init).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let said = world.run(&["clean"]).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let roles: Api<ClusterRole> = Api::all(world.client.clone());
    let bindings: Api<ClusterRoleBinding> = Api::all(world.client.clone());
    let role = roles.get_opt("open-cluster-management:bootstrap").await;
    assert!(role.unwrap().is_none(), "{said}");
    let binding = "open-cluster-management:bootstrap:agent-registration";
    assert!(bindings.get_opt(binding).await.unwrap().is_none(), "{said}");
    let said = world.run(&init).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
}

#[tokio::test]
async fn defect_14_an_overwritten_placement_keeps_its_labels() {
    let world = World::hub().await;
    let placement = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement",
        "metadata": {"name": "p", "labels": {"team": "a"}, "annotations": {"note": "b"}}, "spec": {}});
    let api = resources::within(&world.client, &resources::placement(), "default");
    world
        .create(&resources::placement(), Some("default"), placement)
        .await;
    // The hub writes the status all the while.
    let busy = async {
        for number in 0..20 {
            let status = json!({"numberOfSelectedClusters": number});
            world.status(&api, "p", status).await;
        }
    };
    let line = "create placement p --overwrite --count 2";
    let (said, ()) = tokio::join!(say(&world, line), busy);
    assert!(said.starts_with("exit 0\n"), "{said}");
    let now = api.get("p").await.unwrap();
    assert_eq!(now.data["spec"]["numberOfClusters"], 2);
    assert_eq!(now.labels()["team"], "a");
    assert_eq!(now.annotations()["note"], "b");
}

/// clusteradm's Helm goes where the environment says, whatever the flags say.
#[tokio::test]
async fn defect_15_helm_works_on_the_cluster_of_the_flags() {
    let world = World::hub().await;
    let helm = world.write(
        "bin/helm",
        "#!/bin/sh\necho helm \"$@\"\nenv | grep ^HELM_\nexit 0\n",
    );
    std::fs::set_permissions(&helm, std::fs::Permissions::from_mode(0o755)).unwrap();
    let elsewhere = [
        ("HELM_KUBECONTEXT", "production"),
        ("HELM_KUBEAPISERVER", "https://production"),
        ("HELM_NAMESPACE", "production"),
        ("HELM_CACHE_HOME", "/tmp/cache"),
    ];
    let path = world.kubeconfig().display().to_string();
    let flags = ["--context", "hub", "--kubeconfig", &path];
    for (words, does) in [
        (
            ["install", "hub-addon"],
            "helm upgrade --install argocd-pull-integration",
        ),
        (
            ["uninstall", "hub-addon"],
            "helm uninstall argocd-pull-integration",
        ),
    ] {
        let line = [&words[..], &["--names", "argocd"], &flags].concat();
        let said = world.run_in(&elsewhere, &line).await;
        assert!(said.starts_with("exit 0\n"), "{said}");
        let asked = said.lines().find(|line| line.starts_with("helm ")).unwrap();
        assert!(asked.starts_with(does), "{said}");
        assert!(
            asked.contains("--kubeconfig DIR/config --kube-context hub"),
            "{said}"
        );
        assert!(!said.contains("production"), "{said}");
        assert!(said.contains("HELM_CACHE_HOME=/tmp/cache"), "{said}");
    }
    // Nor does it go anywhere where no hub is.
    let guest = [
        "install",
        "hub-addon",
        "--names",
        "argocd",
        "--context",
        "guest",
    ];
    let said = world.run_in(&elsewhere, &guest).await;
    assert!(
        said.starts_with("exit 1\n") && !said.contains("helm "),
        "{said}"
    );
}

/// clusteradm leaves out the look at the managed cluster with this flag.
#[tokio::test]
async fn defect_17_the_managed_cluster_of_a_hosted_agent_is_tried_all_the_same() {
    let world = World::hub().await;
    let token = token(&world).await;
    let config = world.write(
        "managed",
        &std::fs::read_to_string(world.kubeconfig())
            .unwrap()
            .replace(&world.url, "https://127.0.0.1:1"),
    );
    let line = format!(
        "join --hub-token {token} --hub-apiserver {} --cluster-name c1 --mode hosted --managed-cluster-kubeconfig {} --force-internal-endpoint-lookup --ca-file {}",
        world.url,
        config.display(),
        world.write("ca.crt", &world.cluster.ca_pem()).display(),
    );
    // The hub names its own address.
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> =
        Api::namespaced(world.client.clone(), "kube-public");
    let named = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster-info"},
        "data": {"kubeconfig": json!({"clusters": [{"name": "", "cluster": {"server": world.url}}]}).to_string()}});
    let params = PatchParams::apply("test").force();
    maps.patch("cluster-info", &params, &Patch::Apply(named))
        .await
        .unwrap();
    let said = say(&world, &line).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("cannot reach the managed cluster"), "{said}");
    let klusterlets = resources::all(&world.client, &resources::klusterlet());
    let list = klusterlets.list(&ListParams::default()).await;
    assert!(list.is_err() || list.unwrap().items.is_empty(), "{said}");
}

#[tokio::test]
async fn defect_16_a_cluster_of_cluster_api_is_joined_not_its_management_cluster() {
    let (hub, made) = tokio::join!(World::hub(), World::bare());
    let token = token(&hub).await;
    let kubeconfig = std::fs::read_to_string(made.kubeconfig()).unwrap();
    let secrets: Api<Secret> = Api::namespaced(hub.client.clone(), "default");
    let write = async |value: &str| {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made-kubeconfig"},
            "stringData": {"value": value}});
        let params = PatchParams::apply("test").force();
        secrets
            .patch("made-kubeconfig", &params, &Patch::Apply(secret))
            .await
            .unwrap();
    };
    let line = format!(
        "join --hub-token {token} --hub-apiserver {} --cluster-name c1 --components=native --image=ocmadm --capi-import --capi-cluster-name default/made",
        hub.url
    );
    let said = say(&hub, &line).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("no secret default/made-kubeconfig"), "{said}");
    write("users: [{name: SECRET").await;
    let said = say(&hub, &line).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(
        said.contains("holds no kubeconfig") && !said.contains("SECRET"),
        "{said}"
    );
    write(&kubeconfig).await;
    let said = say(&hub, &line).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let name = "open-cluster-management-agent";
    let namespaces: Api<Namespace> = Api::all(made.client.clone());
    assert!(namespaces.get_opt(name).await.unwrap().is_some(), "{said}");
    let namespaces: Api<Namespace> = Api::all(hub.client.clone());
    assert!(namespaces.get_opt(name).await.unwrap().is_none(), "{said}");
    let said = say(&hub, &line.replace("default/made", "made")).await;
    assert!(said.starts_with("exit 2\n"), "{said}");
}

#[tokio::test]
async fn defect_17_no_bootstrap_kubeconfig_without_a_server() {
    let world = World::hub().await;
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> =
        Api::namespaced(world.client.clone(), "kube-public");
    // The embedded server has none; a real one may.
    let _ = maps
        .delete("cluster-info", &kube::api::DeleteParams::default())
        .await;
    let token = token(&world).await;
    let line = format!(
        "join --hub-token {token} --hub-apiserver {} --cluster-name c1 --dry-run --force-internal-endpoint-lookup --components=native --image=ocmadm",
        world.url
    );
    let said = say(&world, &line).await;
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("cluster-info"), "{said}");
}

#[tokio::test]
async fn defect_18_joining_a_hub_without_definitions_is_told_not_panicked() {
    let (hub, spoke) = tokio::join!(World::bare(), World::bare());
    let said = hub.run(&[&["init"][..], &NATIVE].concat()).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    // Definitions are the operator's to make, and no operator runs here.
    let token = token(&hub).await;
    let line = format!(
        "join --hub-token {token} --hub-apiserver {} --cluster-name c1 --wait --timeout 3 --components=native --image=ocmadm",
        hub.url
    );
    let said = say(&spoke, &line).await;
    assert!(said.starts_with("exit 3\n"), "{said}");
    assert!(
        said.contains("Error: ") && !said.contains("panicked"),
        "{said}"
    );
}

#[tokio::test]
async fn defect_19_hosted_mode_names_the_flag_that_is_missing() {
    let world = World::bare().await;
    let said = say(&world, "join --hub-token abcdef.0123456789abcdef --hub-apiserver https://hub --cluster-name c1 --mode hosted").await;
    assert!(said.starts_with("exit 2\n"), "{said}");
    assert!(said.contains("--managed-cluster-kubeconfig"), "{said}");
}

#[tokio::test]
async fn defect_20_placements_without_conditions_are_listed() {
    let world = World::hub().await;
    let placement = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement",
        "metadata": {"name": "p"}, "spec": {}});
    world
        .create(&resources::placement(), Some("default"), placement)
        .await;
    for format in ["table", "wide", "tree", "json", "yaml", "name"] {
        let said = world.run(&["get", "placements", "-o", format]).await;
        assert!(said.starts_with("exit 0\n"), "{said}");
        assert!(stdout(&said).contains('p'), "{said}");
    }
}

#[tokio::test]
async fn defect_21_requesters_choose_among_several() {
    let world = World::hub().await;
    world.cluster("c1", false).await;
    let (one, other) = (request(&world, "one").await, request(&world, "other").await);
    let said = say(
        &world,
        "accept --clusters c1 --skip-approve-check --timeout 5",
    )
    .await;
    assert!(!said.starts_with("exit 0\n"), "{said}");
    assert!(!is_approved(&world, &one).await && !is_approved(&world, &other).await);
    let said = say(&world, "accept --clusters c1 --skip-approve-check --timeout 20 --requesters system:open-cluster-management:c1:other").await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(!is_approved(&world, &one).await, "{said}");
    assert!(is_approved(&world, &other).await, "{said}");
}

#[tokio::test]
async fn defect_22_accepting_what_joined_long_ago_is_success() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let api = resources::all(&world.client, &resources::managed_cluster());
    let joined = json!({"conditions": [{"type": "ManagedClusterJoined", "status": "True", "reason": "R",
        "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    world.status(&api, "c1", joined).await;
    // Its signing requests are gone, as they are after an hour.
    let said = say(&world, "accept --clusters c1 --timeout 20").await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert!(
        said.contains("already set for managed cluster c1"),
        "{said}"
    );
    // And nothing is called a success that is none.
    world.cluster("c2", false).await;
    let said = say(&world, "accept --clusters c2 --timeout 1").await;
    assert!(said.starts_with("exit 3\n"), "{said}");
    assert!(!said.contains("has joined the Hub successfully"), "{said}");
}

#[tokio::test]
async fn defect_23_a_set_takes_clusters_and_namespaces_at_once() {
    let world = World::hub().await;
    world.cluster("c1", true).await;
    let set = json!({"apiVersion": "cluster.open-cluster-management.io/v1beta2", "kind": "ManagedClusterSet", "metadata": {"name": "eu"}, "spec": {}});
    world.create(&resources::cluster_set(), None, set).await;
    let sets = resources::all(&world.client, &resources::cluster_set());
    // Somebody writes the status all the while.
    let busy = async {
        for round in 0..20 {
            let status = json!({"conditions": [{"type": "ClusterSetEmpty", "status": "True", "reason": "R",
                "message": format!("{round}"), "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
            world.status(&sets, "eu", status).await;
        }
    };
    let line = "clusterset set eu --clusters c1 --namespaces default,kube-public";
    let (said, ()) = tokio::join!(say(&world, line), busy);
    assert!(said.starts_with("exit 0\n"), "{said}");
    let set = sets.get("eu").await.unwrap();
    let namespaces = set.data["spec"]["managedNamespaces"].as_array().unwrap();
    assert_eq!(namespaces.len(), 2, "{said}");
    let clusters = resources::all(&world.client, &resources::managed_cluster());
    let cluster: DynamicObject = clusters.get("c1").await.unwrap();
    assert_eq!(
        cluster.labels()["cluster.open-cluster-management.io/clusterset"],
        "eu"
    );
}

#[tokio::test]
async fn defect_25_a_cluster_name_with_dashes_breaks_no_document() {
    let world = World::hub().await;
    let token = token(&world).await;
    for components in [
        "--components=native --image=ocmadm",
        "--components=upstream",
    ] {
        let line = format!(
            "join --hub-token {token} --hub-apiserver {} --cluster-name a---b --dry-run {components}",
            world.url
        );
        let said = say(&world, &line).await;
        assert!(said.starts_with("exit 0\n"), "{said}");
        let documents: Vec<Value> = serde_saphyr::from_multiple(stdout(&said)).unwrap();
        let klusterlet = documents
            .iter()
            .find(|document| document["kind"] == "Klusterlet");
        assert_eq!(klusterlet.unwrap()["spec"]["clusterName"], "a---b");
    }
}

#[tokio::test]
async fn defect_29_data_on_stdout_is_nothing_but_data() {
    let world = World::bare().await;
    let args = [
        "init",
        "-o",
        "json",
        "--feature-gates=ClusterProfile=true",
        "--image-registry=r",
    ];
    let said = world.run(&[&args[..], &NATIVE].concat()).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    let value: Value = serde_json::from_str(stdout(&said)).unwrap();
    assert_eq!(value["hub-apiserver"], "https://HUB");
    assert!(
        value["hub-token"]
            .as_str()
            .is_some_and(|token| !token.is_empty())
    );
}
