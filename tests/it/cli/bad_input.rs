//! Input that must end well: a clear message, what to do next, the right code.

use insta::assert_snapshot;
use serde_json::json;

use super::world::{World, run};

#[tokio::test]
async fn a_context_that_does_not_exist() {
    let world = World::bare().await;
    assert_snapshot!(world.run(&["get", "clusters", "--context", "hbu"]).await, @r#"
    exit 1
    --- stderr
    Error: context "hbu" does not exist
    Hint: did you mean "hub"?
    Hint: contexts are: guest, hub
    "#);
}

#[tokio::test]
async fn no_kubeconfig_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), None, &["get", "clusters"], "").await;
    let said = said.replace(&folder.path().display().to_string(), "HOME");
    assert_snapshot!(said, @r"
    exit 1
    --- stderr
    Error: no kubeconfig found (looked at HOME/.kube/config)
    Hint: pass --kubeconfig FILE, or set KUBECONFIG; to try ocmadm without a cluster: `ocmadm sandbox up`
    ");
}

#[tokio::test]
async fn an_api_server_that_is_not_there() {
    let world = World::bare().await;
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let config = std::fs::read_to_string(world.kubeconfig()).unwrap();
    let config = config.replace(&world.url, &format!("https://{address}"));
    let other = world.write("unreachable", &config).display().to_string();
    let began = std::time::Instant::now();
    for args in [
        &["get", "clusters"][..],
        &["init", "--components", "native"],
        &["accept", "--clusters", "a"],
    ] {
        let said = world.run(&[args, &["--kubeconfig", &other]].concat()).await;
        let said = said.replace(&address, "ADDRESS");
        assert!(said.starts_with("exit 1\n--- stderr\n"), "{said}");
        assert!(
            said.contains("cannot reach the API server at https://ADDRESS: connection refused"),
            "{said}"
        );
        assert!(said.contains("Hint: "), "{said}");
    }
    assert!(began.elapsed().as_secs() < 20, "it gives up at once");
}

#[tokio::test]
async fn an_api_server_with_another_ca() {
    let (world, other) = tokio::join!(World::bare(), World::bare());
    let encode =
        |text: String| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let config = std::fs::read_to_string(world.kubeconfig()).unwrap();
    let config = config.replace(
        &encode(world.cluster.ca_pem()),
        &encode(other.cluster.ca_pem()),
    );
    let path = world.write("other-ca", &config).display().to_string();
    assert_snapshot!(world.run(&["get", "clusters", "--kubeconfig", &path]).await, @r#"
    exit 1
    --- stderr
    Error: cannot list managed clusters
    Caused by: the certificate of https://HUB is not signed by the CA that is trusted
    Hint: the certificate authority in context "hub" belongs to another server, or to one that was set up anew; get a current kubeconfig from whoever runs the cluster
    "#);
}

#[tokio::test]
async fn credentials_that_nobody_knows() {
    let world = World::bare().await;
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {
            "server": world.url,
            "certificate-authority-data": base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD,
                world.cluster.ca_pem(),
            ),
        }}],
        "users": [{"name": "u", "user": {"token": "nobody-knows-this-SECRET"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    });
    let path = world
        .write("unknown-user", &config.to_string())
        .display()
        .to_string();
    let said = world.run(&["get", "clusters", "--kubeconfig", &path]).await;
    assert!(!said.contains("SECRET"), "{said}");
    assert_snapshot!(said, @r#"
    exit 1
    --- stderr
    Error: cannot list managed clusters
    Caused by: https://HUB does not accept these credentials (401 Unauthorized)
    Hint: the credentials in context "x" are wrong or have expired; get a current kubeconfig from whoever runs the cluster
    "#);
}

#[tokio::test]
async fn a_cluster_that_is_no_hub() {
    let world = World::bare().await;
    assert_snapshot!(world.run(&["get", "clusters"]).await, @r#"
    exit 1
    --- stderr
    Error: cannot list managed clusters
    Caused by: https://HUB answers: the server could not find the requested resource
    Hint: this cluster is no hub yet: run `ocmadm init` on it, or choose the hub with --context
    "#);
    assert_snapshot!(world.run(&["get", "token"]).await, @r#"
    exit 1
    --- stderr
    Error: the cluster at https://HUB is no hub yet
    Caused by: https://HUB answers: namespaces "open-cluster-management" not found
    Hint: run `ocmadm init` on it, or choose the hub with --context
    "#);
    assert_snapshot!(world.run(&["clean"]).await, @r"
    exit 1
    --- stderr
    Error: hub has not been initialized
    Hint: https://HUB has no ClusterManager; --context chooses another cluster
    ");
}

#[tokio::test]
async fn a_cluster_that_never_asked() {
    let world = World::hub().await;
    let said = world
        .run(&["accept", "--clusters", "nobody", "--timeout", "200ms"])
        .await;
    let said = regex_replace(&said, "timed out after", "waiting", "timed out after TIME ");
    assert_snapshot!(said, @r"
    exit 3
    --- stderr
    Accepting nobody ...
    Accepting nobody: it has not asked to join yet
    Accepting nobody: failed
    Error: timed out after TIME waiting for managed cluster nobody on https://HUB: it has not asked to join yet
    Hint: wait longer with --timeout
    Hint: join it first: `ocmadm get token` on the hub prints the command to run there
    Hint: `ocmadm get clusters` lists the clusters that asked
    ");
}

#[tokio::test]
async fn a_foreign_request_is_never_approved() {
    let world = World::hub().await;
    world.cluster("c1", false).await;
    let csr = signing_request("evil", "my-admins", "c1");
    let api: kube::Api<k8s_openapi::api::certificates::v1::CertificateSigningRequest> =
        kube::Api::all(world.client.clone());
    api.create(&kube::api::PostParams::default(), &csr)
        .await
        .unwrap();
    let said = world
        .run(&["accept", "--clusters", "c1", "--timeout", "300ms"])
        .await;
    assert!(said.starts_with("exit 3\n"), "{said}");
    assert!(
        said.contains("CSR evil-1 is not approved: it asks for the user \"evil\""),
        "{said}"
    );
    let after = api.get("evil-1").await.unwrap();
    let conditions = after
        .status
        .unwrap_or_default()
        .conditions
        .unwrap_or_default();
    assert!(conditions.is_empty(), "{conditions:?}");
}

/// A request as anybody could make it, labelled for a cluster.
pub(super) fn signing_request(
    common_name: &str,
    organisation: &str,
    cluster: &str,
) -> k8s_openapi::api::certificates::v1::CertificateSigningRequest {
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, common_name);
    name.push(rcgen::DnType::OrganizationName, organisation);
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = name;
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let object_name = format!("{}-1", common_name.replace(':', "-"));
    serde_json::from_value(json!({
        "metadata": {"name": object_name, "labels": {"open-cluster-management.io/cluster-name": cluster}},
        "spec": {
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["digital signature", "key encipherment", "client auth"],
            "request": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem),
        },
    }))
    .unwrap()
}

#[tokio::test]
async fn join_flags_that_cannot_be() {
    let world = World::bare().await;
    let join = |token: &'static str, server: &'static str, name: &'static str| {
        let world = &world;
        async move {
            world
                .run(&[
                    "join",
                    "--hub-token",
                    token,
                    "--hub-apiserver",
                    server,
                    "--cluster-name",
                    name,
                ])
                .await
        }
    };
    let good = "abcdef.0123456789abcdef";
    assert_snapshot!(join(good, "https://hub", "My_Cluster").await, @r#"
    exit 2
    --- stderr
    Error: "My_Cluster" cannot be the name of a cluster
    Hint: use at most 63 small letters, digits and dashes, with a letter or digit at both ends
    "#);
    assert_snapshot!(join(good, "hub:6443", "c1").await, @r"
    exit 2
    --- stderr
    Error: --hub-apiserver should start with http:// or https://
    ");
    assert_snapshot!(join("<token>", "https://hub", "c1").await, @r"
    exit 1
    --- stderr
    Error: the hub token cannot be used: it is a placeholder, not a token
    Hint: get a new one on the hub: `ocmadm get token`
    ");
    assert_snapshot!(join("eyJhbGciOiJFUzI1NiJ9.cut-SECRET", "https://hub", "c1").await, @r"
    exit 1
    --- stderr
    Error: the hub token cannot be used: a part of it is missing: it was not copied whole
    Hint: get a new one on the hub: `ocmadm get token`
    ");
}

#[tokio::test]
async fn an_expired_token() {
    let world = World::bare().await;
    let part = |text: &str| {
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text)
    };
    // Expired long ago, so that the text does not change.
    let token = format!("{}.{}.{}", part("{}"), part("{\"exp\": 1000}"), part("s"));
    let said = world
        .run(&[
            "join",
            "--hub-token",
            &token,
            "--hub-apiserver",
            "https://hub",
            "--cluster-name",
            "c1",
        ])
        .await;
    assert!(
        said.starts_with("exit 1\n--- stderr\nError: the hub token has expired "),
        "{said}"
    );
    assert!(
        said.contains("Hint: get a new one on the hub: `ocmadm get token`"),
        "{said}"
    );
    assert!(!said.contains(&token), "{said}");
}

#[tokio::test]
async fn a_token_the_hub_does_not_know() {
    let (hub, spoke) = tokio::join!(World::hub(), World::bare());
    let said = spoke
        .run(&[
            "join",
            "--hub-token=abcdef.0123456789abcdef",
            "--hub-apiserver",
            &hub.url,
            "--cluster-name=c1",
            "--components=native",
            "--image=ocmadm",
        ])
        .await
        .replace(&hub.url, "https://THE-HUB");
    assert!(said.starts_with("exit 1\n"), "{said}");
    assert!(said.contains("the hub does not accept the token"), "{said}");
    assert!(said.contains("`ocmadm get token`"), "{said}");
    assert!(!said.contains("0123456789abcdef"), "{said}");
}

#[tokio::test]
async fn joining_under_another_name() {
    let world = World::hub().await;
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
    let said = world
        .run(&[
            "join",
            "--hub-token=abcdef.0123456789abcdef",
            "--hub-apiserver=https://hub",
            "--cluster-name=c2",
        ])
        .await;
    assert_snapshot!(said, @r"
    exit 1
    --- stderr
    Error: this cluster has joined a hub already, as c1
    Hint: to give it another name: `ocmadm unjoin --cluster-name c1`, then join again
    Hint: to join another cluster, choose it with --context or --kubeconfig
    ");
}

#[tokio::test]
async fn components_that_cannot_be() {
    let world = World::bare().await;
    assert_snapshot!(world.run(&["init", "--components", "upstream", "--bundle-version", "1.1.x"]).await, @r"
    exit 2
    --- stderr
    Error: couldn't find the requested version bundle: 1.1.x
    Hint: versions are: 1.1.0, 1.1.1, 1.1.3, 1.2.0, 1.2.1, 1.3.0, 1.3.1, latest
    ");
    assert_snapshot!(world.run(&["init", "--components", "native"]).await, @r"
    exit 1
    --- stderr
    Error: native components need an image that this cluster can pull
    Hint: pass --image REGISTRY/ocmadm:TAG
    ");
    assert_snapshot!(world.run(&["init", "--components", "native", "--image", "ocmadm", "--registration-drivers", "awsirsa"]).await, @r"
    exit 1
    --- stderr
    Error: native components register with csr alone
    Hint: leave --registration-drivers out, or pass --components upstream
    ");
    assert_snapshot!(world.run(&["init", "--singleton"]).await, @r"
    exit 1
    --- stderr
    Error: OCM has given up the multicluster-controlplane (--singleton)
    Hint: `ocmadm sandbox up` makes a hub without a cluster
    ");
}

#[tokio::test]
async fn work_for_clusters_that_are_unknown_or_not_accepted() {
    let world = World::hub().await;
    world.cluster("cluster1", true).await;
    world.cluster("cluster2", false).await;
    world.write("m.yaml", CONFIG_MAP);
    let create = ["create", "work", "w", "-f", "m.yaml", "--clusters"];
    assert_snapshot!(world.run(&[&create[..], &["clsuter1"]].concat()).await, @r#"
    exit 1
    --- stderr
    Error: the hub knows no managed cluster "clsuter1"
    Hint: did you mean "cluster1"?
    Hint: `ocmadm get clusters` lists them
    "#);
    assert_snapshot!(world.run(&[&create[..], &["cluster1,cluster2"]].concat()).await, @r"
    exit 1
    --- stderr
    Error: not accepted by the hub yet: cluster2
    Hint: `ocmadm accept --clusters cluster2`
    ");
}

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: default\ndata:\n  k: v\n";

#[tokio::test]
async fn manifests_that_cannot_be_sent() {
    // No server is asked: the kubeconfig leads nowhere.
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    write(
        "syntax.yaml",
        &format!("{CONFIG_MAP}---\napiVersion: v1\nkind: Secret\ndata: [SECRET\nmore: x\n"),
    );
    write("kindless.yaml", "apiVersion: v1\nmetadata:\n  name: a\n");
    write("twice.yaml", &format!("{CONFIG_MAP}---\n{CONFIG_MAP}"));
    write(
        "keys.yaml",
        "apiVersion: v1\nkind: ConfigMap\nkind: Secret\n",
    );
    write(
        "large.yaml",
        &CONFIG_MAP.replace("k: v", &format!("k: {}", "x".repeat(520_000))),
    );
    let create = async |file: &str| {
        let args = ["create", "work", "w", "--clusters", "c", "-f", file];
        run(folder.path(), None, &args, "").await
    };
    assert_snapshot!(create("empty").await, @r"
    exit 1
    --- stderr
    Error: there are no manifests in empty or below it (files ending in .yaml, .yml or .json)
    ");
    assert_snapshot!(create("missing.yaml").await, @r"
    exit 1
    --- stderr
    Error: cannot read missing.yaml
    Caused by: No such file or directory (os error 2)
    Hint: -f takes files, folders, quoted patterns, addresses, or - for standard input
    ");
    let syntax = create("syntax.yaml").await;
    assert!(!syntax.contains("SECRET"), "{syntax}");
    assert_snapshot!(syntax, @r"
    exit 1
    --- stderr
    Error: syntax.yaml:12:5: illegal placement of ':' indicator
    ");
    assert_snapshot!(create("kindless.yaml").await, @r"
    exit 1
    --- stderr
    Error: kindless.yaml:1: kind is missing
    ");
    assert_snapshot!(create("twice.yaml").await, @r"
    exit 1
    --- stderr
    Error: twice.yaml:9: ConfigMap default/a stands twice, first at twice.yaml:1
    ");
    assert_snapshot!(create("keys.yaml").await, @r"
    exit 1
    --- stderr
    Error: keys.yaml:3:1: duplicate mapping key `kind` is not allowed here
    ");
    assert_snapshot!(create("large.yaml").await, @r#"
    exit 1
    --- stderr
    Error: the manifests are 520104 bytes, a work may hold 512000; the largest is ConfigMap "a" with 520100 bytes
    Hint: split the manifests into several works
    "#);
    assert_snapshot!(create("-").await, @r"
    exit 1
    --- stderr
    Error: standard input holds no manifests
    Hint: manifests are objects in YAML or JSON, with apiVersion and kind
    ");
    let args = ["create", "work", "Not_A_Name", "--clusters", "c", "-f", "x"];
    assert_snapshot!(run(folder.path(), None, &args, "").await, @r#"
    exit 2
    --- stderr
    Error: "Not_A_Name" cannot be the name of a work
    Hint: use small letters, digits, - and . only, with a letter or digit at both ends
    "#);
    let long = "n".repeat(189);
    let args = ["create", "work", &long, "--clusters", "c", "-f", "x"];
    assert_snapshot!(run(folder.path(), None, &args, "").await, @r"
    exit 2
    --- stderr
    Error: the name of the work has 189 characters
    Hint: agents keep a record of names with up to 188 characters: choose a shorter one
    ");
    assert_snapshot!(run(folder.path(), None, &["create", "work", "w", "-f", "x"], "").await, @r"
    exit 2
    --- stderr
    Error: which clusters? Pass --clusters NAME,..., --clusterset SET, -l LABELS, --all or --placement NAMESPACE/NAME
    Hint: `ocmadm get clusters` lists them
    ");
}

#[tokio::test]
async fn work_without_permission() {
    let world = World::hub().await;
    world.cluster("cluster1", true).await;
    world.write("m.yaml", CONFIG_MAP);
    let said = world
        .run(&[
            "create",
            "work",
            "w",
            "-f",
            "m.yaml",
            "--clusters",
            "cluster1",
            "--context",
            "guest",
        ])
        .await;
    assert_snapshot!(said, @r#"
    exit 1
    --- stderr
    Error: cannot read work w in cluster cluster1
    Caused by: https://HUB answers: manifestworks.work.open-cluster-management.io "w" is forbidden: User "guest" cannot get resource "manifestworks" in API group "work.open-cluster-management.io" in the namespace "cluster1"
    Hint: use credentials that may do this, or have them granted to the user of context "guest"
    "#);
}

#[tokio::test]
async fn placements_that_cannot_be() {
    let world = World::hub().await;
    let long = "p".repeat(64);
    let mut said = String::new();
    for args in [
        &["p", "--prioritizers", "BuiltIn:Spread:1"][..],
        &["p", "--prioritizers", "BuiltIn:Balance:11"],
        &["p", "--prioritizers", "Balance"],
        &["p", "--cel", "managedCluster.metadata.name =="],
        &["p", "-l", "env=a b"],
        &["p", "-l", "env in a,b"],
        &["p", "--claim-selector", "=x"],
        &["p", "--count", "-1"],
        &["p", "--tolerate", "gpu:Never"],
        &["p", "--group", "c:stage=canary"],
        &["p", "--group", "canary"],
        &["p", "--clusters-per-group", "0"],
        &["p", "--spread", "zone:0"],
        &[&long],
        &["Not_A_Name"],
    ] {
        let line = args.join(" ").replace(&long, "LONG");
        let told = world.run(&[&["create", "placement"], args].concat()).await;
        said.push_str(&format!(
            "$ create placement {line}\n{}\n",
            told.replace(&long, "LONG")
        ));
    }
    // Nothing was created by any of them; a set that is not bound is told.
    let unbound = ["create", "placement", "p", "--clustersets", "nowhere"];
    said.push_str(&world.run(&unbound).await);
    let missing = [
        "create",
        "work",
        "w",
        "-f",
        "m.yaml",
        "--placement",
        "default/q",
    ];
    world.write("m.yaml", CONFIG_MAP);
    said.push_str(&world.run(&missing).await);
    let empty = [
        "create",
        "work",
        "w",
        "-f",
        "m.yaml",
        "--placement",
        "default/p",
    ];
    said.push_str(&world.run(&empty).await);
    assert_snapshot!(said);
    assert_eq!(world.cluster.list("Placement", "default").await.len(), 1);
}

#[tokio::test]
async fn addons_that_cannot_be() {
    let world = World::hub().await;
    let map = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: '{name}', namespace: default}}\n"
        )
    };
    world.write("good.yaml", &map("a"));
    world.write("open.yaml", &map("{{CLUSTER_NAME"));
    world.write("nameless.yaml", &map("{{LEVEL}}"));
    let hook = "annotations: {addon.open-cluster-management.io/addon-pre-delete: ''}";
    world.write(
        "hook.yaml",
        &format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: default, {hook}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n"),
    );
    let long = "a".repeat(64);
    let mut said = String::new();
    for args in [
        &[&*long, "-f", "good.yaml"][..],
        &["a", "-f", "open.yaml"],
        &["a", "-f", "nameless.yaml", "--dry-run"],
        &["a", "-f", "hook.yaml", "--dry-run"],
        &["a", "-f", "good.yaml", "--version", "1_0"],
    ] {
        let line = args.join(" ").replace(&long, "LONG");
        let told = world.run(&[&["addon", "create"], args].concat()).await;
        said.push_str(&format!(
            "$ addon create {line}\n{}\n",
            told.replace(&long, "LONG")
        ));
    }
    assert_snapshot!(said);
    assert!(world.cluster.list("AddOnTemplate", "").await.is_empty());
}

/// Replaces what stands between two words.
fn regex_replace(text: &str, from: &str, to: &str, with: &str) -> String {
    let start = text
        .find(from)
        .unwrap_or_else(|| panic!("{from:?} in {text}"));
    let end = start + text[start..].find(to).unwrap();
    format!("{}{with}{}", &text[..start], &text[end..])
}
