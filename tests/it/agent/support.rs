//! A hub, a managed cluster, and an agent between them.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::api::{Api, Patch, PatchParams, PostParams};
use ocmadm::agent::registration::Options;
use ocmadm::bundle::{self, AgentValues};
use ocmadm::runtime::{Clock, Context, Health, Metrics};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::{Cluster, Gate, eventually};
use crate::hub::support::{AVAILABLE, Hub, JOINED, condition};

pub(crate) const AGENT_NAMESPACE: &str = "open-cluster-management-agent";
pub(crate) const SECRET: &str = "hub-kubeconfig-secret";
pub(crate) const BOOTSTRAP: &str = "bootstrap-hub-kubeconfig";

/// Hub and managed cluster, and (mostly) an agent.
pub(crate) struct Bed {
    pub(crate) hub: Hub,
    pub(crate) spoke: Cluster,
    /// The agent reaches the hub through it.
    pub(crate) gate: Gate,
    /// The agent's clock.
    pub(crate) clock: Clock,
    /// What the agent says of its own health.
    pub(crate) health: Health,
    /// What the agent counts.
    pub(crate) metrics: Metrics,
    agent: Option<(CancellationToken, tokio::task::JoinHandle<()>)>,
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some((stop, _)) = &self.agent {
            stop.cancel();
        }
    }
}

impl Bed {
    /// Everything but the agent's process. `spec` is the Klusterlet's.
    pub(crate) async fn prepare(spec: Value) -> Self {
        Self::at(Hub::start(), spec).await
    }

    /// The same with another hub.
    pub(crate) async fn at(hub: impl Future<Output = Hub>, spec: Value) -> Self {
        let (hub, spoke) = tokio::join!(hub, Cluster::start("spoke"));
        let gate = Gate::before(hub.side.address().await).await;
        let bed = Self {
            hub,
            spoke,
            gate,
            clock: Clock::default(),
            health: Health::default(),
            metrics: Metrics::default(),
            agent: None,
        };
        let values = AgentValues {
            bootstrap_kubeconfig: bed.bootstrap("hub").await,
            klusterlet: serde_json::from_value(spec).unwrap(),
            ..AgentValues::default()
        };
        bed.spoke.install(bundle::agent_crds().unwrap()).await;
        bed.spoke.install(bundle::agent(&values).unwrap()).await;
        let components = bundle::agent_components("klusterlet", AGENT_NAMESPACE).unwrap();
        bed.spoke.install(components).await;
        bed
    }

    pub(crate) async fn start(spec: Value) -> Self {
        let mut bed = Self::prepare(spec).await;
        bed.start_agent();
        bed
    }

    /// A kubeconfig that asks with a token of the bootstrap service account.
    pub(crate) async fn bootstrap(&self, entry: &str) -> String {
        kubeconfig(&self.hub, entry, self.gate.address()).await
    }

    pub(crate) fn start_agent(&mut self) {
        let client = self.spoke_client();
        self.start_agent_with(client);
    }

    /// The managed cluster as its agent may use it.
    pub(crate) fn spoke_client(&self) -> kube::Client {
        self.spoke
            .service_account("open-cluster-management", "klusterlet")
    }

    /// Starts an agent that sees the managed cluster through this client.
    pub(crate) fn start_agent_with(&mut self, client: kube::Client) {
        let stop = CancellationToken::new();
        let mut context = Context::new(client, stop.clone());
        context.clock = self.clock.clone();
        context.health = self.health.clone();
        context.metrics = self.metrics.clone();
        let options = Options::default();
        let task = tokio::spawn(ocmadm::agent::registration::run(context, options));
        self.agent = Some((stop, task));
    }

    /// The hub goes away, with its server.
    pub(crate) async fn away(&mut self) {
        self.gate.shut();
        self.hub.stop_controllers();
        self.hub.side.stop().await;
    }

    /// It comes back, with what a folder holds.
    pub(crate) async fn back(&mut self, folder: &std::path::Path) {
        self.hub.side = Cluster::kept("hub", folder).await;
        self.gate.lead_to(self.hub.side.address().await);
        self.gate.open().await;
        self.hub.start_controllers();
    }

    /// Both opt-ins for what has been asked so far; nothing if nothing has.
    pub(crate) async fn accept_what_there_is(&self, cluster: &str) {
        for request in self.requests().await {
            if request["status"]["conditions"].is_null() {
                let name = request["metadata"]["name"].as_str().unwrap();
                self.decide(name, "Approved").await;
            }
        }
        if self
            .hub
            .side
            .get("ManagedCluster", "", cluster)
            .await
            .is_some()
        {
            self.hub.accept(cluster, true).await;
        }
    }

    pub(crate) async fn is_joined(&self, cluster: &str) -> bool {
        let found = self.hub.side.get("ManagedCluster", "", cluster).await;
        found.is_some_and(|found| {
            [JOINED, AVAILABLE]
                .iter()
                .all(|kind| condition(&found, kind).is_some_and(|(status, _)| status == "True"))
        })
    }

    pub(crate) async fn stop_agent(&mut self) {
        let (stop, task) = self.agent.take().unwrap();
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), task)
            .await
            .expect("the agent ends when it is told to")
            .unwrap();
    }

    /// The agent's requests at the hub.
    pub(crate) async fn requests(&self) -> Vec<Value> {
        self.hub.side.list("CertificateSigningRequest", "").await
    }

    pub(crate) async fn first_request(&self) -> String {
        eventually("a certificate request", || async {
            let requests = self.requests().await;
            let name = requests.first()?["metadata"]["name"].as_str()?.to_owned();
            Some(name)
        })
        .await
    }

    /// An administrator's yes or no.
    pub(crate) async fn decide(&self, name: &str, verdict: &str) {
        decide(&self.hub, name, verdict).await;
    }

    /// Both opt-ins, as an administrator gives them.
    pub(crate) async fn accept(&self, cluster: &str) {
        let name = self.first_request().await;
        self.decide(&name, "Approved").await;
        eventually("the managed cluster", || {
            self.hub.side.get("ManagedCluster", "", cluster)
        })
        .await;
        self.hub.accept(cluster, true).await;
    }

    pub(crate) async fn wait_joined(&self, cluster: &str) -> Value {
        self.hub.wait_condition(cluster, JOINED, "True").await;
        self.hub.wait_condition(cluster, AVAILABLE, "True").await
    }

    pub(crate) async fn secret(&self) -> Option<Value> {
        self.spoke.get("Secret", AGENT_NAMESPACE, SECRET).await
    }

    pub(crate) async fn wait_secret(&self) -> Value {
        eventually("the hub kubeconfig", || self.secret()).await
    }

    /// A joined cluster `c1`.
    pub(crate) async fn joined(spec: Value) -> Self {
        let bed = Self::start(spec).await;
        bed.accept("c1").await;
        bed.wait_joined("c1").await;
        bed
    }

    /// Puts another certificate for the same identity into the Secret.
    pub(crate) async fn reissue(&self, user: &str, groups: &[&str], lifetime: Duration) {
        let user = crate::harness::user(user, groups);
        let (certificate, key) = self.hub.side.issue(&user, lifetime).await;
        self.spoke
            .api("Secret", AGENT_NAMESPACE)
            .patch(
                SECRET,
                &PatchParams::default(),
                &Patch::Merge(json!({"data": {
                    "tls.crt": STANDARD.encode(certificate),
                    "tls.key": STANDARD.encode(key),
                }})),
            )
            .await
            .unwrap();
    }
}

/// An administrator's yes or no to a request at a hub.
pub(crate) async fn decide(hub: &Hub, name: &str, verdict: &str) {
    use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
    let api: Api<CertificateSigningRequest> = Api::all(hub.side.client.clone());
    let mut csr = api.get(name).await.unwrap();
    csr.status = serde_json::from_value(json!({"conditions": [{
        "type": verdict, "status": "True", "reason": "Test", "message": "m"}]}))
    .unwrap();
    api.replace_subresource("approval", name, &PostParams::default(), &csr)
        .await
        .unwrap();
}

/// A kubeconfig that leads to a hub at this address and asks with a token of
/// the bootstrap service account.
pub(crate) async fn kubeconfig(hub: &Hub, entry: &str, address: SocketAddr) -> String {
    let token = hub.token("agent-registration-bootstrap").await;
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bootstrap",
        "clusters": [{"name": entry, "cluster": {
            "server": format!("https://{address}"),
            "certificate-authority-data": STANDARD.encode(hub.side.ca_pem()),
        }}],
        "users": [{"name": "bootstrap", "user": {"token": token}}],
        "contexts": [{"name": "bootstrap", "context": {"cluster": entry, "user": "bootstrap"}}],
    })
    .to_string()
}

/// A value of a Secret, as text.
pub(crate) fn text(secret: &Value, key: &str) -> String {
    let data = STANDARD
        .decode(secret["data"][key].as_str().unwrap())
        .unwrap();
    String::from_utf8(data).unwrap()
}

pub(crate) fn c1() -> Value {
    json!({"clusterName": "c1"})
}
