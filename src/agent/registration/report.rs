//! Gathers what `status` decides on, and writes what it decides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};

use crate::runtime::events::{self, Note};
use crate::runtime::{Failure, Informer, Next};

use super::join;
use super::namespaces;
use super::settings::Settings;
use super::status::{self, Cluster, ClusterClaim, Health, Node, Observed};

/// How often the status is looked at without any change.
const RESYNC: Duration = Duration::from_secs(60);
/// How soon an unwell API server is asked again.
const SOON: Duration = Duration::from_secs(5);

/// What the reporter works with.
pub struct Reporter {
    /// The hub.
    pub hub: Client,
    /// The cluster that is reported on.
    pub spoke: Client,
    /// The ManagedCluster's name.
    pub name: String,
    /// What the Klusterlet asks for.
    pub settings: Settings,
    /// The ManagedCluster.
    pub clusters: Informer<Cluster>,
    /// The cluster's nodes.
    pub nodes: Informer<Node>,
    /// The cluster's claims.
    pub claims: Informer<ClusterClaim>,
    /// The cluster's properties; empty while their gate is off.
    pub properties: Informer<ClusterClaim>,
    /// The cluster's namespaces that cluster sets manage, or once did.
    pub namespaces: Informer<bool>,
    /// The label by which they are known.
    pub namespace_label: String,
    /// Since when the API server is unwell.
    pub unwell: Mutex<Option<Instant>>,
}

impl Reporter {
    /// Looks once, and tells the hub what it does not know.
    ///
    /// # Errors
    /// The hub is away, or refuses.
    pub async fn report(&self) -> Result<Next, Failure> {
        let Some(cluster) = self.clusters.get("", &self.name) else {
            return Ok(Next::OnChange);
        };
        if !cluster.is_accepted() {
            return Ok(Next::OnChange);
        }
        let health = self.health().await;
        let version = match self.spoke.apiserver_version().await {
            Ok(version) => version.git_version,
            // The last known version is better than none.
            Err(_) => cluster.reported.version["kubernetes"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        let nodes: Vec<Node> = self
            .nodes
            .list()
            .iter()
            .map(|node| Node::clone(node))
            .collect();
        let claims = self.facts();
        let namespaces = if health == Health::Well && self.namespaces.is_synced() {
            let listed = &cluster.reported.managed_namespaces;
            let known = namespaces::known(&self.namespaces);
            let plan = namespaces::decide(listed, cluster.deleting, &known);
            let failed = namespaces::carry_out(&self.spoke, &self.namespace_label, &plan).await;
            namespaces::entries(listed, &failed)
        } else {
            None
        };
        let plan = status::decide(&Observed {
            namespaces,
            cluster: &cluster,
            health: &health,
            version: &version,
            nodes: &nodes,
            claims: claims.as_ref(),
            settings: &self.settings,
        });
        if let Some(reason) = plan.blocked {
            return Err(reason.into());
        }
        if let Some(patch) = plan.patch {
            let api: Api<DynamicObject> = Api::all_with(self.hub.clone(), &join::clusters());
            api.patch_status(&self.name, &PatchParams::default(), &Patch::Merge(&patch))
                .await?;
        }
        if let Some(available) = plan.available {
            self.announce(&cluster, available).await;
        }
        Ok(Next::After(if plan.soon { SOON } else { RESYNC }))
    }

    /// Claims and properties, as far as their gates are on; nothing while they
    /// are not known. A property goes before a claim of its name.
    fn facts(&self) -> Option<BTreeMap<String, ClusterClaim>> {
        let mut facts = BTreeMap::new();
        for (wanted, informer) in [
            (self.settings.claims, &self.claims),
            (self.settings.properties, &self.properties),
        ] {
            if !wanted {
                continue;
            }
            if !informer.is_synced() {
                return None;
            }
            let visible = informer.filter(|_, fact| !fact.hidden).into_iter();
            facts.extend(visible.map(|(key, fact)| (key.name, ClusterClaim::clone(&fact))));
        }
        Some(facts)
    }

    async fn health(&self) -> Health {
        let (well, code, text) = probe(&self.spoke).await;
        let mut unwell = self.unwell.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            *unwell = None;
            return Health::Well;
        }
        Health::Unwell {
            since: unwell.get_or_insert_with(Instant::now).elapsed(),
            code,
            text,
        }
    }

    async fn announce(&self, cluster: &Arc<Cluster>, available: bool) {
        let name = &self.name;
        let (reason, note) = if available {
            (
                "Available",
                format!(
                    "The {name} is successfully imported, and it is managed by the hub cluster. Its apieserver is available"
                ),
            )
        } else {
            (
                "Unavailable",
                format!(
                    "The {name} is successfully imported. However, its Kube API server is unavailable"
                ),
            )
        };
        events::publish(
            &self.hub,
            Note {
                namespace: name,
                warning: !available,
                reason,
                note,
                controller: "klusterlet-agent",
                regarding: [
                    "cluster.open-cluster-management.io/v1",
                    "ManagedCluster",
                    name,
                    &cluster.uid,
                ],
            },
        )
        .await;
    }
}

/// Asks `/livez`; where that is not to be had, `/healthz`.
async fn probe(spoke: &Client) -> (bool, u16, String) {
    let (code, text) = ask(spoke, "/livez").await;
    let (code, text) = if matches!(code, 403 | 404) {
        ask(spoke, "/healthz").await
    } else {
        (code, text)
    };
    (code == 200, code, text)
}

async fn ask(spoke: &Client, path: &str) -> (u16, String) {
    let asked = async {
        let request = http::Request::get(path).body(Vec::new())?;
        let response = spoke
            .send(request.map(|body| kube::client::Body::from(Bytes::from(body))))
            .await?;
        let code = response.status().as_u16();
        let mut body = response.into_body();
        let mut text = Vec::new();
        // What follows a few lines is of no use in a condition.
        while text.len() < 1000
            && let Some(frame) = http_body_util::BodyExt::frame(&mut body).await
        {
            if let Ok(data) = frame?.into_data() {
                text.extend_from_slice(&data);
            }
        }
        text.truncate(1000);
        Ok::<_, Failure>((code, String::from_utf8_lossy(&text).into_owned()))
    };
    match tokio::time::timeout(Duration::from_secs(10), asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => (500, crate::runtime::source_chain(error.as_ref())),
        Err(_) => (500, "no answer within 10 s".to_owned()),
    }
}
