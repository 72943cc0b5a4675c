//! The loops, on a server in this process.

use std::future::Future;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::api::GroupResource;
use crate::builtin::text;
use crate::registry::{DeleteOptions, RequestContext, View};
use crate::server::{ApiServer, Options};
use crate::status::Status;

const PATIENCE: Duration = Duration::from_secs(20);

struct Cluster(ApiServer);

impl Cluster {
    async fn start() -> Self {
        Self(ApiServer::start(Options::default()).await.unwrap())
    }

    fn read(&self, gr: &GroupResource, namespace: &str, name: &str) -> Option<Value> {
        self.0
            .registry()
            .read(gr, namespace, name)
            .map(|o| (*o).clone())
    }

    async fn create(&self, gr: &GroupResource, object: Value) -> Value {
        self.try_create(gr, object).await.unwrap()
    }

    async fn try_create(&self, gr: &GroupResource, object: Value) -> Result<Value, Status> {
        let registry = self.0.registry();
        let resource = registry.catalog().find_resource(gr).unwrap().clone();
        let namespace = text(&object, "/metadata/namespace").to_owned();
        let context = RequestContext::system("test");
        let made = registry
            .create(&context, &resource, &namespace, object)
            .await?;
        Ok((*made).clone())
    }

    async fn update(&self, gr: &GroupResource, subresource: &str, object: Value) -> Value {
        let registry = self.0.registry();
        let resource = registry.catalog().find_resource(gr).unwrap().clone();
        let (namespace, name) = (
            text(&object, "/metadata/namespace").to_owned(),
            text(&object, "/metadata/name").to_owned(),
        );
        let context = RequestContext::system("test");
        let made = registry
            .update(&context, &resource, &namespace, &name, subresource, object)
            .await
            .unwrap();
        (*made).clone()
    }

    async fn delete(&self, gr: &GroupResource, namespace: &str, name: &str, policy: &str) {
        let registry = self.0.registry();
        let resource = registry.catalog().find_resource(gr).unwrap().clone();
        let options = DeleteOptions {
            propagation: Some(policy.to_owned()),
            ..DeleteOptions::default()
        };
        let context = RequestContext::system("test");
        registry
            .delete(&context, &resource, namespace, name, &options)
            .await
            .unwrap();
    }

    /// Waits until the stored objects satisfy a condition.
    async fn until<T>(&self, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
        let mut events = self.0.registry().subscribe(&[], false);
        let wait = async {
            loop {
                if let Some(found) = check() {
                    return found;
                }
                events.recv().await;
            }
        };
        within(what, wait).await
    }

    async fn gone(&self, gr: &GroupResource, namespace: &str, name: &str) {
        let what = format!("{gr} {namespace}/{name} to go");
        self.until(&what, || {
            self.read(gr, namespace, name).is_none().then_some(())
        })
        .await;
    }
}

async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(found) => found,
        Err(_) => panic!("waited too long for {what}"),
    }
}

fn core(resource: &str) -> GroupResource {
    GroupResource::new("", resource)
}

fn namespace(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

fn map(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}})
}

fn owned(name: &str, owner: &Value, blocks: bool) -> Value {
    let mut object = map("ns", name);
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": blocks,
    }]);
    object
}

#[tokio::test]
async fn a_namespace_gets_its_account_and_certificate_and_keeps_them() {
    let cluster = Cluster::start().await;
    cluster.create(&core("namespaces"), namespace("ns")).await;
    let both = || {
        cluster.read(&core("serviceaccounts"), "ns", "default")?;
        cluster.read(&core("configmaps"), "ns", "kube-root-ca.crt")
    };
    let certificate = cluster.until("account and certificate", both).await;
    assert_eq!(certificate["data"]["ca.crt"], cluster.0.ca_pem());
    let mut changed = certificate;
    changed["data"] = json!({"ca.crt": "x"});
    cluster.update(&core("configmaps"), "", changed).await;
    cluster
        .delete(&core("serviceaccounts"), "ns", "default", "Background")
        .await;
    let ca = cluster.0.ca_pem();
    cluster
        .until("both again", || {
            both().filter(|map| map["data"]["ca.crt"] == ca)
        })
        .await;
}

#[tokio::test]
async fn a_namespace_ends_with_all_that_is_in_it() {
    let cluster = Cluster::start().await;
    cluster.create(&core("namespaces"), namespace("ns")).await;
    for index in 0..20 {
        cluster
            .create(&core("configmaps"), map("ns", &format!("m{index}")))
            .await;
    }
    let mut held = map("ns", "held");
    held["metadata"]["finalizers"] = json!(["a.example/b"]);
    cluster.create(&core("secrets"), held).await;
    cluster
        .delete(&core("namespaces"), "", "ns", "Background")
        .await;
    let ending = cluster
        .until("conditions", || {
            cluster
                .read(&core("namespaces"), "", "ns")
                .filter(|ns| ns["status"]["conditions"].is_array())
        })
        .await;
    assert_eq!(ending["status"]["phase"], "Terminating");
    let refused = cluster
        .try_create(&core("configmaps"), map("ns", "late"))
        .await;
    assert_eq!(refused.unwrap_err().code, 403);
    let left = cluster
        .until("the rest to go", || {
            let maps = cluster
                .0
                .registry()
                .read_all(&core("configmaps"), Some("ns"));
            maps.is_empty()
                .then(|| cluster.read(&core("namespaces"), "", "ns"))
                .flatten()
                .filter(|ns| {
                    ns["status"]["conditions"]
                        .to_string()
                        .contains("secrets. has 1")
                })
        })
        .await;
    assert!(
        left["status"]["conditions"]
            .to_string()
            .contains("a.example/b in 1")
    );
    let mut secret = cluster.read(&core("secrets"), "ns", "held").unwrap();
    secret["metadata"]["finalizers"] = json!([]);
    cluster.update(&core("secrets"), "", secret).await;
    cluster.gone(&core("namespaces"), "", "ns").await;
}

#[tokio::test]
async fn dependents_follow_their_owners() {
    let cluster = Cluster::start().await;
    cluster.create(&core("namespaces"), namespace("ns")).await;
    let maps = core("configmaps");
    // In the background.
    let owner = cluster.create(&maps, map("ns", "owner")).await;
    let child = cluster.create(&maps, owned("child", &owner, false)).await;
    cluster
        .create(&maps, owned("grandchild", &child, false))
        .await;
    cluster.delete(&maps, "ns", "owner", "Background").await;
    cluster.gone(&maps, "ns", "grandchild").await;
    assert_eq!(cluster.read(&maps, "ns", "child"), None);
    // In the foreground.
    let owner = cluster.create(&maps, map("ns", "owner")).await;
    let mut child = owned("child", &owner, true);
    child["metadata"]["finalizers"] = json!(["a.example/b"]);
    cluster.create(&maps, child).await;
    cluster.delete(&maps, "ns", "owner", "Foreground").await;
    let mut child = cluster
        .until("the child to end", || {
            cluster
                .read(&maps, "ns", "child")
                .filter(|child| !child["metadata"]["deletionTimestamp"].is_null())
        })
        .await;
    assert!(cluster.read(&maps, "ns", "owner").is_some());
    child["metadata"]["finalizers"] = json!([]);
    cluster.update(&maps, "", child).await;
    cluster.gone(&maps, "ns", "owner").await;
    // Orphaned.
    let owner = cluster.create(&maps, map("ns", "owner")).await;
    cluster.create(&maps, owned("child", &owner, true)).await;
    cluster.delete(&maps, "ns", "owner", "Orphan").await;
    cluster.gone(&maps, "ns", "owner").await;
    let orphan = cluster.read(&maps, "ns", "child").unwrap();
    assert!(
        orphan["metadata"]["ownerReferences"]
            .as_array()
            .is_none_or(Vec::is_empty)
    );
    // Without an owner that ever was.
    let ghost =
        json!({"metadata": {"name": "ghost", "uid": "00000000-0000-4000-8000-000000000000"}});
    cluster.create(&maps, owned("haunted", &ghost, false)).await;
    cluster.gone(&maps, "ns", "haunted").await;
}

#[tokio::test]
async fn an_approved_request_is_signed() {
    let cluster = Cluster::start().await;
    let gr = GroupResource::new("certificates.k8s.io", "certificatesigningrequests");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "jane");
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let csr = json!({
        "metadata": {"name": "jane"},
        "spec": {
            "request": STANDARD.encode(pem),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    });
    let mut csr = cluster.create(&gr, csr).await;
    csr["status"] = json!({"conditions": [{"type": "Approved", "status": "True"}]});
    cluster.update(&gr, "approval", csr).await;
    let certificate = cluster
        .until("a certificate", || {
            let csr = cluster.read(&gr, "", "jane")?;
            csr["status"]["certificate"].as_str().map(str::to_owned)
        })
        .await;
    let pem = String::from_utf8(STANDARD.decode(certificate).unwrap()).unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
}

#[tokio::test]
async fn token_secrets_are_filled_and_go_with_their_account() {
    let cluster = Cluster::start().await;
    cluster.create(&core("namespaces"), namespace("ns")).await;
    cluster
        .create(&core("serviceaccounts"), map("ns", "robot"))
        .await;
    let mut secret = map("ns", "robot-token");
    secret["type"] = json!("kubernetes.io/service-account-token");
    secret["metadata"]["annotations"] = json!({"kubernetes.io/service-account.name": "robot"});
    cluster.create(&core("secrets"), secret).await;
    let secret = cluster
        .until("a token", || {
            cluster
                .read(&core("secrets"), "ns", "robot-token")
                .filter(|secret| secret["data"]["token"].is_string())
        })
        .await;
    assert_eq!(secret["data"]["namespace"], json!(STANDARD.encode("ns")));
    cluster
        .delete(&core("serviceaccounts"), "ns", "robot", "Background")
        .await;
    cluster.gone(&core("secrets"), "ns", "robot-token").await;
}

#[tokio::test]
async fn roles_aggregate() {
    let cluster = Cluster::start().await;
    let gr = GroupResource::new("rbac.authorization.k8s.io", "clusterroles");
    let rules = |name: &str, resource: &str| {
        let role = cluster.read(&gr, "", name)?;
        role["rules"].to_string().contains(resource).then_some(())
    };
    cluster
        .until("the default admin", || rules("admin", "rolebindings"))
        .await;
    cluster
        .until("admin to include view", || rules("admin", "configmaps"))
        .await;
    let role = json!({
        "metadata": {"name": "things-view", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"verbs": ["get"], "apiGroups": ["x"], "resources": ["things"]}],
    });
    cluster.create(&gr, role).await;
    for name in ["view", "edit", "admin"] {
        cluster.until(name, || rules(name, "things")).await;
    }
    cluster.delete(&gr, "", "things-view", "Background").await;
    for name in ["view", "edit", "admin"] {
        let without = || rules(name, "things").is_none().then_some(());
        cluster.until(name, without).await;
    }
}

#[tokio::test]
async fn cluster_info_is_published_and_signed_and_old_tokens_go() {
    let cluster = Cluster::start().await;
    let address = cluster
        .0
        .listen("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let token = |id: &str, end: &str| {
        let encode = |text: &str| json!(STANDARD.encode(text));
        json!({
            "metadata": {"namespace": "kube-system", "name": format!("bootstrap-token-{id}")},
            "type": "bootstrap.kubernetes.io/token",
            "data": {
                "token-id": encode(id),
                "token-secret": encode("0123456789abcdef"),
                "usage-bootstrap-signing": encode("true"),
                "expiration": encode(end),
            },
        })
    };
    cluster
        .create(&core("secrets"), token("aaaaaa", "2999-01-01T00:00:00Z"))
        .await;
    cluster
        .create(&core("secrets"), token("bbbbbb", "2001-01-01T00:00:00Z"))
        .await;
    cluster
        .gone(&core("secrets"), "kube-system", "bootstrap-token-bbbbbb")
        .await;
    let info = cluster
        .until("a signature", || {
            cluster
                .read(&core("configmaps"), "kube-public", "cluster-info")
                .filter(|info| info["data"]["jws-kubeconfig-aaaaaa"].is_string())
        })
        .await;
    assert!(info["data"].get("jws-kubeconfig-bbbbbb").is_none());
    let kubeconfig = info["data"]["kubeconfig"].as_str().unwrap();
    assert!(kubeconfig.contains(&format!("server: https://{address}\n")));
    let endpoints = cluster
        .read(&core("endpoints"), "default", "kubernetes")
        .unwrap();
    assert_eq!(endpoints["subsets"][0]["ports"][0]["port"], address.port());
    let service = cluster
        .read(&core("services"), "default", "kubernetes")
        .unwrap();
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
    cluster.0.shutdown().await;
}

fn definition() -> Value {
    json!({
        "metadata": {"name": "things.x.example"},
        "spec": {
            "group": "x.example",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

#[tokio::test]
async fn custom_resources_end_with_their_namespace_and_their_definition() {
    let cluster = Cluster::start().await;
    let definitions = GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions");
    let things = GroupResource::new("x.example", "things");
    cluster.create(&definitions, definition()).await;
    cluster.create(&core("namespaces"), namespace("ns")).await;
    let thing = |ns: &str, name: &str| json!({"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"namespace": ns, "name": name}});
    cluster.create(&things, thing("ns", "a")).await;
    cluster
        .delete(&core("namespaces"), "", "ns", "Background")
        .await;
    cluster.gone(&core("namespaces"), "", "ns").await;
    assert_eq!(cluster.read(&things, "ns", "a"), None);
    // One of them holds the definition by its finalizer.
    cluster.create(&things, thing("default", "b")).await;
    let mut held = thing("default", "c");
    held["metadata"]["finalizers"] = json!(["a.example/b"]);
    cluster.create(&things, held).await;
    cluster
        .delete(&definitions, "", "things.x.example", "Background")
        .await;
    cluster.gone(&things, "default", "b").await;
    let mut held = cluster
        .until("the end of c to begin", || {
            cluster
                .read(&things, "default", "c")
                .filter(|c| !c["metadata"]["deletionTimestamp"].is_null())
        })
        .await;
    assert!(cluster.read(&definitions, "", "things.x.example").is_some());
    held["metadata"]["finalizers"] = json!([]);
    cluster.update(&things, "", held).await;
    cluster.gone(&definitions, "", "things.x.example").await;
    // And it can come again.
    cluster.create(&definitions, definition()).await;
    cluster.create(&things, thing("default", "d")).await;
}

#[tokio::test]
async fn owners_that_are_custom_resources_take_their_dependents_along() {
    let cluster = Cluster::start().await;
    let definitions = GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions");
    let things = GroupResource::new("x.example", "things");
    cluster.create(&definitions, definition()).await;
    let owner = json!({"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"namespace": "default", "name": "a"}});
    let owner = cluster.create(&things, owner).await;
    let mut child = owned("child", &owner, false);
    child["metadata"]["namespace"] = json!("default");
    cluster.create(&core("configmaps"), child).await;
    cluster.delete(&things, "default", "a", "Background").await;
    cluster.gone(&core("configmaps"), "default", "child").await;
}

#[tokio::test]
async fn what_was_left_undone_is_done_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = |controllers| Options {
        data_dir: Some(folder.path().to_owned()),
        controllers,
        ..Options::default()
    };
    let asleep = Cluster(ApiServer::start(options(false)).await.unwrap());
    asleep.create(&core("namespaces"), namespace("ns")).await;
    asleep.create(&core("namespaces"), namespace("end")).await;
    let owner = asleep.create(&core("configmaps"), map("ns", "owner")).await;
    asleep
        .create(&core("configmaps"), owned("child", &owner, false))
        .await;
    asleep
        .delete(&core("configmaps"), "ns", "owner", "Background")
        .await;
    asleep.create(&core("secrets"), map("end", "s")).await;
    asleep
        .delete(&core("namespaces"), "", "end", "Background")
        .await;
    asleep.0.shutdown().await;
    drop(asleep);
    let awake = Cluster(ApiServer::start(options(true)).await.unwrap());
    awake.gone(&core("configmaps"), "ns", "child").await;
    awake.gone(&core("namespaces"), "", "end").await;
    awake
        .until("the account", || {
            awake.read(&core("serviceaccounts"), "ns", "default")
        })
        .await;
    awake.0.shutdown().await;
}
