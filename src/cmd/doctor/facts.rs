//! What both sides show, as it is read before anything is judged.

use std::collections::BTreeMap;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::core::DynamicObject;
use serde_json::Value;

use crate::k8s::client::Failure;

/// What a server answered, or why it did not.
pub(super) type Seen<T> = Result<T, String>;

/// An API server.
pub(super) struct Server {
    pub(super) url: String,
    /// Its version, or why there is none.
    pub(super) version: Seen<String>,
    /// How far its clock is ahead of this machine's, in seconds.
    pub(super) ahead: Option<i64>,
}

/// The controllers of a side, or their operator.
#[derive(Default)]
pub(super) struct Operator {
    pub(super) deployment: Option<Seen<Option<Value>>>,
    /// Why its pods do not start.
    pub(super) trouble: Option<String>,
}

/// What the hub shows.
#[derive(Default)]
pub(super) struct Hub {
    /// None: ManagedClusters are not served.
    pub(super) clusters: Option<Seen<Option<Vec<Value>>>>,
    /// The definitions that a hub has, by name.
    pub(super) definitions: Vec<(String, Seen<Option<Value>>)>,
    pub(super) operator: Operator,
    /// Its ClusterManager.
    pub(super) custom: Option<Seen<Option<Value>>>,
    /// Whom the API server asks before it writes or converts.
    pub(super) webhooks: Option<Seen<Vec<Webhook>>>,
    /// What came of a ManagedCluster that was sent for checks alone.
    pub(super) admission: Option<Seen<()>>,
    /// Signing requests of clusters.
    pub(super) requests: Option<Seen<Vec<CertificateSigningRequest>>>,
    /// When each cluster last reported, in seconds since 1970.
    pub(super) leases: Option<Seen<BTreeMap<String, i64>>>,
    /// ManifestWorks.
    pub(super) works: Option<Seen<Vec<DynamicObject>>>,
    /// ManagedClusterAddOns.
    pub(super) addons: Option<Seen<Vec<DynamicObject>>>,
    /// Warnings of the namespaces that are looked at.
    pub(super) events: Vec<Event>,
    /// What the user may do here that a cluster waits for.
    pub(super) caller: Vec<Right>,
    /// What the agent of the one cluster may do here.
    pub(super) agent: Vec<Right>,
}

/// Somebody that an API server asks.
pub(super) struct Webhook {
    pub(super) name: String,
    /// Certificates (PEM) that it trusts there.
    pub(super) ca: Option<Vec<u8>>,
    /// The Service that answers, and how many of its endpoints are ready; none
    /// where an address stands instead of a Service.
    pub(super) service: Option<(String, Endpoints)>,
}

/// What is behind a Service.
pub(super) enum Endpoints {
    /// There is no such Service.
    NoService,
    /// So many are ready.
    Ready(usize),
    /// Nobody says.
    Unknown,
}

/// Whether somebody may do something.
pub(super) struct Right {
    pub(super) what: String,
    pub(super) allowed: bool,
}

/// What a managed cluster (or the one that hosts its agent) shows.
#[derive(Default)]
pub(super) struct Managed {
    /// None: Klusterlets are not served.
    pub(super) agents: Option<Seen<Option<Vec<Agent>>>>,
    pub(super) operator: Operator,
    pub(super) events: Vec<Event>,
}

/// One agent.
pub(super) struct Agent {
    pub(super) klusterlet: Value,
    /// Where it runs and keeps its Secrets.
    pub(super) namespace: String,
    /// Its own Deployments; native agents have none.
    pub(super) deployments: Seen<Vec<Value>>,
    /// The Secret of the kubeconfig that the cluster joins with.
    pub(super) bootstrap: Seen<Option<Secret>>,
    /// The Secret of the credentials that it got.
    pub(super) credentials: Seen<Option<Secret>>,
    /// What the hub says to whom these credentials name.
    pub(super) access: Option<Access>,
}

/// A try of an agent's credentials at the hub that they lead to.
pub(super) struct Access {
    /// Where they lead.
    pub(super) url: String,
    /// Whether it is the certificate; else it is the join token.
    pub(super) granted: bool,
    pub(super) answer: Answer,
}

/// What came of it.
pub(super) enum Answer {
    /// The uid of its ManagedCluster; none if there is none.
    Reached(Option<String>),
    /// The request failed.
    Failed(Failure, String),
    /// They make no client.
    Unusable(String),
}

/// Everything that is judged.
pub(super) struct Facts {
    pub(super) hub: (Server, Hub),
    /// The same of the managed cluster, where there is a way to it.
    pub(super) managed: Option<(Server, Managed)>,
    /// The one cluster that is asked about.
    pub(super) cluster: Option<String>,
    /// Flags that lead to the hub and to the managed cluster, a blank before them.
    pub(super) to_hub: String,
    pub(super) to_managed: Option<String>,
    /// Seconds since 1970, by this machine's clock.
    pub(super) now: i64,
    /// How this program is called.
    pub(super) program: String,
}

impl Facts {
    /// Seconds since 1970, by the hub's clock where it tells.
    pub(super) fn hub_now(&self) -> i64 {
        self.now + self.hub.0.ahead.unwrap_or_default()
    }
}
