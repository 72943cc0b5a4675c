//! A hub with its controllers, and a few words to talk to API servers.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use apiserver::api::UserInfo;
use apiserver::{ApiServer, Options};
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use ocmadm::bundle::{self, HubValues};
use ocmadm::runtime::Context;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An API server in this process.
pub(crate) struct Side {
    pub(crate) server: ApiServer,
    pub(crate) client: Client,
}

/// What a kind is called in URLs, and where it lives.
fn resource(kind: &str) -> ApiResource {
    let (group, version, plural) = match kind {
        "Namespace" => ("", "v1", "namespaces"),
        "Node" => ("", "v1", "nodes"),
        "Secret" => ("", "v1", "secrets"),
        "ServiceAccount" => ("", "v1", "serviceaccounts"),
        "Lease" => ("coordination.k8s.io", "v1", "leases"),
        "Event" => ("events.k8s.io", "v1", "events"),
        "Deployment" => ("apps", "v1", "deployments"),
        "ClusterRole" => ("rbac.authorization.k8s.io", "v1", "clusterroles"),
        "ClusterRoleBinding" => ("rbac.authorization.k8s.io", "v1", "clusterrolebindings"),
        "Role" => ("rbac.authorization.k8s.io", "v1", "roles"),
        "RoleBinding" => ("rbac.authorization.k8s.io", "v1", "rolebindings"),
        "CertificateSigningRequest" => ("certificates.k8s.io", "v1", "certificatesigningrequests"),
        "CustomResourceDefinition" => ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
        "ManagedCluster" => (
            "cluster.open-cluster-management.io",
            "v1",
            "managedclusters",
        ),
        "ManagedClusterSet" => (
            "cluster.open-cluster-management.io",
            "v1beta2",
            "managedclustersets",
        ),
        "ManagedClusterSetBinding" => (
            "cluster.open-cluster-management.io",
            "v1beta2",
            "managedclustersetbindings",
        ),
        "ClusterClaim" => (
            "cluster.open-cluster-management.io",
            "v1alpha1",
            "clusterclaims",
        ),
        "AppliedManifestWork" => (
            "work.open-cluster-management.io",
            "v1",
            "appliedmanifestworks",
        ),
        "ManifestWork" => ("work.open-cluster-management.io", "v1", "manifestworks"),
        "ManagedClusterAddOn" => (
            "addon.open-cluster-management.io",
            "v1beta1",
            "managedclusteraddons",
        ),
        "ClusterManager" => (
            "operator.open-cluster-management.io",
            "v1",
            "clustermanagers",
        ),
        "Klusterlet" => ("operator.open-cluster-management.io", "v1", "klusterlets"),
        other => panic!("{other} is not in the table"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

impl Side {
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_in(name, None).await
    }

    /// With data on disk.
    pub(crate) async fn start_in(name: &str, folder: Option<&Path>) -> Self {
        let server = ApiServer::start(Options {
            name: name.to_owned(),
            data_dir: folder.map(Path::to_owned),
            controllers: true,
        })
        .await
        .unwrap();
        let client = Client::new(server.service(UserInfo::admin()), "default");
        Self { server, client }
    }

    pub(crate) fn client_as(&self, name: &str, groups: &[&str]) -> Client {
        let user = UserInfo {
            username: name.to_owned(),
            uid: String::new(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            extra: BTreeMap::new(),
        };
        Client::new(self.server.service(user), "default")
    }

    pub(crate) fn service_account(&self, namespace: &str, name: &str) -> Client {
        self.client_as(
            &format!("system:serviceaccount:{namespace}:{name}"),
            &[
                "system:serviceaccounts",
                &format!("system:serviceaccounts:{namespace}"),
                "system:authenticated",
            ],
        )
    }

    pub(crate) fn api(&self, kind: &str, namespace: &str) -> Api<DynamicObject> {
        api(&self.client, kind, namespace)
    }

    pub(crate) async fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let object = self.api(kind, namespace).get_opt(name).await.unwrap()?;
        Some(serde_json::to_value(object).unwrap())
    }

    pub(crate) async fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let list = self.api(kind, namespace).list(&Default::default()).await;
        list.unwrap()
            .items
            .into_iter()
            .map(|object| serde_json::to_value(object).unwrap())
            .collect()
    }

    /// Creates an object of a kind of the table.
    pub(crate) async fn create(&self, object: Value) -> Value {
        create(&self.client, object).await.unwrap()
    }

    pub(crate) async fn merge(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Value {
        let patched = self
            .api(kind, namespace)
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
        serde_json::to_value(patched).unwrap()
    }

    pub(crate) async fn merge_status(&self, kind: &str, namespace: &str, name: &str, patch: Value) {
        self.api(kind, namespace)
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    pub(crate) async fn delete(&self, kind: &str, namespace: &str, name: &str) {
        self.api(kind, namespace)
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Applies what `init` or `join` would, except Deployments.
    pub(crate) async fn install(&self, objects: Vec<DynamicObject>) {
        for object in objects {
            let object = serde_json::to_value(object).unwrap();
            if object["kind"] == "Deployment" {
                continue;
            }
            match create(&self.client, object.clone()).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => panic!("{error}: {object}"),
            }
        }
    }
}

pub(crate) fn api(client: &Client, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let resource = resource(kind);
    if namespace.is_empty() {
        Api::all_with(client.clone(), &resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, &resource)
    }
}

pub(crate) async fn create(client: &Client, object: Value) -> Result<Value, kube::Error> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let api = api(client, object["kind"].as_str().unwrap(), namespace);
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let created = api.create(&PostParams::default(), &object).await?;
    Ok(serde_json::to_value(created).unwrap())
}

/// Waits until `check` gives something.
pub(crate) async fn eventually<T, F, Fut>(what: &str, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

/// A condition of an object, as status and reason.
pub(crate) fn condition(object: &Value, kind: &str) -> Option<(String, String)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let condition = conditions.iter().find(|c| c["type"] == kind)?;
    Some((
        condition["status"].as_str()?.to_owned(),
        condition["reason"].as_str()?.to_owned(),
    ))
}

pub(crate) const ACCEPTED: &str = "HubAcceptedManagedCluster";
pub(crate) const AVAILABLE: &str = "ManagedClusterConditionAvailable";
pub(crate) const JOINED: &str = "ManagedClusterJoined";

/// A hub whose registration controllers run.
pub(crate) struct Hub {
    pub(crate) side: Side,
    folder: tempfile::TempDir,
    stop: CancellationToken,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hub {
    pub(crate) async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// With this registrationConfiguration in the ClusterManager.
    pub(crate) async fn with(configuration: Value) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let folder = tempfile::tempdir().unwrap();
        let side = Side::start_in("hub", Some(folder.path())).await;
        side.install(bundle::hub_crds().unwrap()).await;
        side.install(bundle::hub(&HubValues::default()).unwrap())
            .await;
        side.merge(
            "ClusterManager",
            "",
            "cluster-manager",
            json!({"spec": {"registrationConfiguration": configuration}}),
        )
        .await;
        let mut hub = Self {
            side,
            folder,
            stop: CancellationToken::new(),
        };
        hub.start_controllers();
        hub
    }

    fn start_controllers(&mut self) {
        self.stop = CancellationToken::new();
        let client = self
            .side
            .service_account("open-cluster-management", "cluster-manager");
        tokio::spawn(ocmadm::hub::registration::run(Context::new(
            client,
            self.stop.clone(),
        )));
    }

    /// Stops controllers and API server.
    pub(crate) async fn go_away(&mut self) {
        self.stop.cancel();
        self.side.server.shutdown().await;
    }

    /// Starts both again, with the data they had, at the address they had.
    pub(crate) async fn come_back(&mut self, address: SocketAddr) {
        self.side = Side::start_in("hub", Some(self.folder.path())).await;
        self.side.server.listen(address).await.unwrap();
        self.start_controllers();
    }

    pub(crate) async fn cluster(&self, name: &str) -> Value {
        self.side
            .get("ManagedCluster", "", name)
            .await
            .unwrap_or_else(|| panic!("no cluster {name}"))
    }

    /// Creates a ManagedCluster as an agent would.
    pub(crate) async fn asks(&self, name: &str) {
        self.side
            .create(json!({
                "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
                "metadata": {"name": name}, "spec": {"hubAcceptsClient": false},
            }))
            .await;
    }

    pub(crate) async fn accept(&self, name: &str, accepted: bool) {
        self.side
            .merge(
                "ManagedCluster",
                "",
                name,
                json!({"spec": {"hubAcceptsClient": accepted}}),
            )
            .await;
    }

    pub(crate) async fn wait_condition(&self, name: &str, kind: &str, status: &str) -> Value {
        let what = format!("{name}: {kind} is {status}");
        eventually(&what, || async {
            let cluster = self.side.get("ManagedCluster", "", name).await?;
            (condition(&cluster, kind)?.0 == status).then_some(cluster)
        })
        .await
    }

    /// A cluster that is accepted and prepared, lease included.
    pub(crate) async fn accepted(&self, name: &str) -> Value {
        self.asks(name).await;
        self.accept(name, true).await;
        let cluster = self.wait_condition(name, ACCEPTED, "True").await;
        eventually("the lease", || {
            self.side.get("Lease", name, "managed-cluster-lease")
        })
        .await;
        cluster
    }

    pub(crate) async fn set_available(&self, name: &str, status: &str) {
        // Others write conditions too: read, change, write until nobody was in between.
        eventually("Available is written", || async {
            let cluster = self.cluster(name).await;
            let mut conditions = cluster["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            conditions.retain(|c| c["type"] != AVAILABLE);
            conditions.push(json!({
                "type": AVAILABLE, "status": status, "reason": "Test", "message": "m",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }));
            let patch = json!({
                "metadata": {"resourceVersion": cluster["metadata"]["resourceVersion"]},
                "status": {"conditions": conditions},
            });
            self.side
                .api("ManagedCluster", "")
                .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .ok()
        })
        .await;
    }
}

pub(crate) fn taints(cluster: &Value) -> Vec<&str> {
    cluster["spec"]["taints"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|taint| taint["key"].as_str())
        .collect()
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
