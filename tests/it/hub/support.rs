//! A hub with its controllers.

use kube::api::{Patch, PatchParams, PostParams};
use ocmadm::bundle::{self, HubValues};
use ocmadm::hub::admission;
use ocmadm::runtime::{Clock, Context, Metrics};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::{Cluster, eventually};

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
    pub(crate) side: Cluster,
    /// The clock of the controllers.
    pub(crate) clock: Clock,
    /// What they count.
    pub(crate) metrics: Metrics,
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
        Self::on(Cluster::start("hub").await, configuration).await
    }

    /// On this cluster.
    pub(crate) async fn on(side: Cluster, configuration: Value) -> Self {
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
            clock: Clock::default(),
            metrics: Metrics::default(),
            stop: CancellationToken::new(),
        };
        hub.start_controllers();
        hub
    }

    /// A hub whose webhooks the API server asks.
    pub(crate) async fn guarded(configuration: Value) -> Self {
        let hub = Self::with(configuration).await;
        hub.serve_webhooks().await;
        hub
    }

    /// Stops everything and starts it again, as another process would be.
    pub(crate) async fn restart_guarded(&mut self) {
        let before = self.webhook_url().await;
        self.stop.cancel();
        // A process that ended listens no more.
        let address = before.trim_start_matches("https://");
        let address = address.split('/').next().unwrap();
        eventually("nobody listens there any more", || async {
            tokio::net::TcpListener::bind(address).await.ok()
        })
        .await;
        self.start_controllers();
        self.serve_webhooks().await;
    }

    /// Where the API server asks.
    pub(crate) async fn webhook_url(&self) -> String {
        let kind = "MutatingWebhookConfiguration";
        let name = "managedclustermutators.admission.cluster.open-cluster-management.io";
        let found = self.side.get(kind, "", name).await.unwrap();
        let url = found["webhooks"][0]["clientConfig"]["url"].as_str();
        url.unwrap().to_owned()
    }

    pub(crate) async fn serve_webhooks(&self) {
        let (namespace, address) = ("open-cluster-management", ([127, 0, 0, 1], 0).into());
        let client = self.side.service_account(namespace, "cluster-manager");
        let context = Context::new(client, self.stop.clone());
        let options = admission::Options {
            listen: address,
            reach: admission::Reach::Address,
        };
        let served = admission::serve(&context, namespace, options)
            .await
            .unwrap();
        tokio::spawn(ocmadm::hub::clustermanager::run(
            context.clone(),
            Some(served.clone()),
        ));
        tokio::spawn(admission::keep(context, served));
        // They are in force when they do what they are for.
        let tries = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        eventually("the webhooks are asked", || async {
            let cluster = json!({
                "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
                "metadata": {"name": "probe"}, "spec": {"hubAcceptsClient": false},
            });
            let object = serde_json::from_value(cluster.clone()).unwrap();
            let answer = self.side.api_of(&cluster).create(&tries, &object).await;
            let set = "cluster.open-cluster-management.io/clusterset";
            let labelled = answer.ok()?.metadata.labels?.contains_key(set);
            let refused = async |name: &str, mut object: Value| {
                object["metadata"]["name"] = name.into();
                let api = self.side.api_of(&object);
                let object = serde_json::from_value(object).unwrap();
                let answer = api.create(&tries, &object).await;
                matches!(answer, Err(kube::Error::Api(status)) if status.code == 400)
            };
            let binding = json!({
                "apiVersion": "cluster.open-cluster-management.io/v1beta2",
                "kind": "ManagedClusterSetBinding",
                "metadata": {"namespace": "default"}, "spec": {"clusterSet": "other"},
            });
            let work = json!({
                "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
                "metadata": {"namespace": "default"}, "spec": {"workload": {"manifests": []}},
            });
            let asked = labelled
                && refused("probe", work).await
                && refused("not.a.label", cluster).await
                && refused("probe", binding).await;
            asked.then_some(())
        })
        .await;
    }

    /// A token of a service account in the hub's namespace.
    pub(crate) async fn token(&self, account: &str) -> String {
        let api: kube::Api<k8s_openapi::api::core::v1::ServiceAccount> =
            kube::Api::namespaced(self.side.client.clone(), "open-cluster-management");
        let request = serde_json::from_value(json!({
            "spec": {"audiences": [], "expirationSeconds": 3600}}))
        .unwrap();
        let answer = eventually("a token", || async {
            let params = PostParams::default();
            let answer = api.create_token_request(account, &params, &request).await;
            answer.ok()?.status
        })
        .await;
        answer.token.unwrap()
    }

    /// A client that has a bootstrap token.
    pub(crate) async fn bootstrap(&self) -> kube::Client {
        let token = self.token("agent-registration-bootstrap").await;
        self.side.client_with(Some(&token)).await
    }

    /// A client with the certificate of a cluster's agent `a1`.
    pub(crate) async fn agent(&self, cluster: &str) -> kube::Client {
        self.side.client_of(&agent(cluster)).await
    }

    /// Starts them (again).
    pub(crate) fn start_controllers(&mut self) {
        self.stop = CancellationToken::new();
        let client = self
            .side
            .service_account("open-cluster-management", "cluster-manager");
        let mut context = Context::new(client, self.stop.clone());
        context.clock = self.clock.clone();
        context.metrics = self.metrics.clone();
        tokio::spawn(ocmadm::hub::registration::run(context));
    }

    /// Starts the placement controller instead of those of registration.
    pub(crate) fn only_placement(&mut self) {
        self.stop.cancel();
        self.stop = CancellationToken::new();
        let client = self
            .side
            .service_account("open-cluster-management", "cluster-manager");
        let context = Context::new(client, self.stop.clone());
        tokio::spawn(ocmadm::hub::placement::run(context));
    }

    /// Starts the add-on controllers instead of those of registration.
    pub(crate) fn only_addons(&mut self) {
        self.stop.cancel();
        self.stop = CancellationToken::new();
        let client = self
            .side
            .service_account("open-cluster-management", "cluster-manager");
        let context = Context::new(client, self.stop.clone());
        tokio::spawn(ocmadm::hub::addon::run(context));
    }

    /// Starts the add-on controllers beside those of registration.
    pub(crate) fn also_addons(&self) {
        let client = self
            .side
            .service_account("open-cluster-management", "cluster-manager");
        let context = Context::new(client, self.stop.clone());
        tokio::spawn(ocmadm::hub::addon::run(context));
    }

    /// Stops the controllers.
    pub(crate) fn stop_controllers(&self) {
        self.stop.cancel();
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

/// Who a cluster's agent `a1` is.
pub(crate) fn agent(cluster: &str) -> apiserver::api::UserInfo {
    let group = format!("system:open-cluster-management:{cluster}");
    let all = "system:open-cluster-management:managed-clusters";
    crate::harness::user(&format!("{group}:a1"), &[&group, all])
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
