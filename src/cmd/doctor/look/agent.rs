//! The managed cluster's side: all agents that are there, hosted ones too.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use kube::core::DynamicObject;

use super::super::facts::{Access, Agent, Answer, Managed, Server};
use super::{operator, seen, server, value, warnings};
use crate::agent::certificate::credentials::{Credentials, KEY_CERTIFICATE};
use crate::cmd::resources::{self, agent_namespace};
use crate::k8s::client::{self, Connection, Failure};
use crate::ocm::names;

/// How long the hub may take to answer an agent's credentials.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the managed cluster shows.
pub(crate) async fn look(cluster: &Connection) -> (Server, Managed) {
    let server = server(cluster).await;
    if server.version.is_err() {
        return (server, Managed::default());
    }
    let api = resources::all(&cluster.client, &resources::klusterlet());
    let everything = ListParams::default();
    let (klusterlets, operator) = tokio::join!(
        cluster.list_all_opt(&api, &everything),
        operator(cluster, names::KLUSTERLET),
    );
    let klusterlets = seen(klusterlets);
    let found: Vec<DynamicObject> = klusterlets.clone().ok().flatten().unwrap_or_default();
    let agents = found.iter().map(|klusterlet| agent(cluster, klusterlet));
    let agents = futures::future::join_all(agents).await;
    let mut namespaces = vec![names::OPERATOR_NAMESPACE];
    namespaces.extend(agents.iter().map(|agent| agent.namespace.as_str()));
    let events = warnings(cluster, &namespaces).await;
    let facts = Managed {
        agents: Some(klusterlets.map(|found| found.map(|_| agents))),
        operator,
        events,
    };
    (server, facts)
}

async fn agent(cluster: &Connection, klusterlet: &DynamicObject) -> Agent {
    let namespace = agent_namespace(klusterlet);
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &namespace);
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), &namespace);
    let everything = ListParams::default();
    let (bootstrap, credentials, deployments) = tokio::join!(
        cluster.call_opt(secrets.get(names::BOOTSTRAP_KUBECONFIG_SECRET)),
        cluster.call_opt(secrets.get(names::HUB_KUBECONFIG_SECRET)),
        cluster.call(deployments.list(&everything)),
    );
    let (bootstrap, credentials) = (seen(bootstrap), seen(credentials));
    let deployments = seen(deployments).map(|list| list.items.iter().map(value).collect());
    let mut agent = Agent {
        klusterlet: value(klusterlet),
        namespace,
        deployments,
        bootstrap,
        credentials,
        access: None,
    };
    agent.access = access(&agent).await;
    agent
}

/// Tries the certificate, or the token if there is none yet, where it leads.
async fn access(agent: &Agent) -> Option<Access> {
    let of = |secret: &Option<Secret>| secret.as_ref()?.data.clone();
    let granted = agent.credentials.as_ref().ok().and_then(of);
    let granted = granted.filter(|data| data.contains_key(KEY_CERTIFICATE));
    let bootstrap = agent.bootstrap.as_ref().ok().and_then(of);
    let (data, granted) = match (granted, bootstrap) {
        (Some(data), _) => (data, true),
        (None, Some(data)) => (data, false),
        (None, None) => return None,
    };
    let credentials = match Credentials::read(&data) {
        Ok(credentials) => credentials.without_programs(),
        Err(error) => {
            return Some(Access {
                url: String::new(),
                granted,
                answer: Answer::Unusable(error.to_string()),
            });
        }
    };
    let name = cluster_name(agent);
    let answer = match credentials.client().await {
        Err(error) => Answer::Unusable(error.to_string()),
        Ok(client) => {
            let api = resources::all(&client, &resources::managed_cluster());
            match tokio::time::timeout(PATIENCE, api.get_opt(&name)).await {
                Ok(Ok(found)) => Answer::Reached(found.and_then(|cluster| cluster.metadata.uid)),
                Ok(Err(error)) => Answer::Failed(client::classify(&error), error.to_string()),
                Err(_) => {
                    let why = format!("no answer within {} s", PATIENCE.as_secs());
                    Answer::Failed(Failure::Unreachable(why.clone()), why)
                }
            }
        }
    };
    Some(Access {
        url: credentials.server().to_owned(),
        granted,
        answer,
    })
}

/// The name that an agent has joined, or asks, as: the Klusterlet's, else the
/// one that it has made up.
pub(crate) fn cluster_name(agent: &Agent) -> String {
    let named = agent.klusterlet.pointer("/spec/clusterName");
    let named = named.and_then(serde_json::Value::as_str);
    if let Some(name) = named.filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    let credentials = agent.credentials.as_ref().ok().and_then(Option::as_ref);
    credentials
        .and_then(|secret| secret.data.as_ref()?.get(names::KEY_CLUSTER_NAME))
        .and_then(|name| String::from_utf8(name.0.clone()).ok())
        .unwrap_or_default()
}
