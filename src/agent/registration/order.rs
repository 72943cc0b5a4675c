//! The certificate by which the agent is known to the hub (protocol, sections
//! 3.2 to 3.5). Pure.

use std::collections::BTreeMap;

use crate::agent::certificate::credentials::{Credentials, Subject};
use crate::agent::certificate::{Ask, Order};
use crate::ocm::names;

use super::identity::Names;

/// What the agent asks for. `seconds` is how long it shall last.
#[must_use]
pub fn ask(agent: &Names, seconds: Option<i32>) -> Ask {
    Ask {
        prefix: format!("{}-", agent.cluster),
        cluster: agent.cluster.clone(),
        addon: None,
        signer: names::SIGNER_KUBE_CLIENT.to_owned(),
        subject: Subject::of_agent(&agent.cluster, &agent.agent),
        dns_names: Vec::new(),
        seconds,
    }
}

/// The same, and the Secret of `namespace` that it is kept in, with a kubeconfig
/// that leads to the hub as `hub` does.
#[must_use]
pub fn order(agent: &Names, seconds: Option<i32>, namespace: &str, hub: &Credentials) -> Order {
    Order {
        ask: ask(agent, seconds),
        namespace: namespace.to_owned(),
        secret: names::HUB_KUBECONFIG_SECRET.to_owned(),
        beside: BTreeMap::from([
            (names::KEY_CLUSTER_NAME.to_owned(), agent.cluster.clone()),
            (names::KEY_AGENT_NAME.to_owned(), agent.agent.clone()),
            (names::KEY_KUBECONFIG.to_owned(), hub.hub_kubeconfig_yaml()),
        ]),
    }
}
