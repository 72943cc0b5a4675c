//! The managed cluster's side: the operator, and each agent with its Secrets.

use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::{List, SKEW, named, side};
use crate::agent::certificate::credentials::{Chain, KEY_CERTIFICATE};
use crate::cmd::doctor::facts::{Access, Agent, Answer, Managed};
use crate::cmd::doctor::look::cluster_name;
use crate::cmd::join::token::{self, Token, TokenError};
use crate::cmd::resources::human;
use crate::k8s::client::Failure;
use crate::ocm::names;

const OF: &str = "managed cluster";

impl List<'_> {
    pub(super) fn managed(&mut self) {
        let facts = self.facts;
        let Some((server, managed)) = &facts.managed else {
            return;
        };
        let to = facts.to_managed.as_deref().unwrap_or_default();
        if !self.server(OF, server, to) {
            return;
        }
        if let (Some(hub), Some(own)) = (facts.hub.0.ahead, server.ahead)
            && (own - hub).abs() > SKEW
        {
            let apart = own - hub;
            let detail = format!("it is {} {} the hub's", human(apart.abs()), side(apart));
            self.ill(OF, "clock", detail, "timedatectl".to_owned());
        }
        let name = facts.cluster.as_deref().unwrap_or("NAME");
        let agents = match self.asked(OF, "agent", &managed.agents) {
            None => return,
            Some(None) => {
                return self.ill(OF, "agent", "no agent is installed", self.join(name));
            }
            Some(Some(agents)) if agents.is_empty() => {
                return self.ill(OF, "agent", "no agent is installed", self.join(name));
            }
            Some(Some(agents)) => agents,
        };
        let asked: Vec<&Agent> = match &facts.cluster {
            Some(name) => agents.iter().filter(|a| cluster_name(a) == *name).collect(),
            None => agents.iter().collect(),
        };
        if asked.is_empty() {
            let others: Vec<String> = agents.iter().map(cluster_name).collect();
            let again = format!(
                "{} doctor --cluster {}{} --managed-context CONTEXT",
                facts.program, others[0], facts.to_hub
            );
            let detail = format!("it has joined as {}", others.join(", "));
            return self.ill(OF, "name", detail, again);
        }
        let pods = format!(
            "kubectl{to} -n {} describe pods -l app={}",
            names::OPERATOR_NAMESPACE,
            names::KLUSTERLET
        );
        let join = self.join(&cluster_name(asked[0]));
        self.operator(OF, "operator", &managed.operator, &join, pods);
        self.events(OF, &managed.events, to, |namespace| {
            namespace == names::OPERATOR_NAMESPACE
        });
        for agent in asked {
            self.agent(agent, managed, to);
        }
    }

    /// The command that joins a cluster again.
    fn join(&self, name: &str) -> String {
        let facts = self.facts;
        let to = facts.to_managed.as_deref().unwrap_or_default();
        let hub = facts.to_hub.replace(" --context ", " --hub-context ");
        let program = &facts.program;
        format!("{program} join{to}{hub} --cluster-name {name} --accept --wait")
    }

    fn agent(&mut self, agent: &Agent, managed: &Managed, to: &str) {
        let name = cluster_name(agent);
        let klusterlet = named(&agent.klusterlet);
        let of = format!("agent of {name}");
        let mut join = self.join(&name);
        let mode = agent.klusterlet.pointer("/spec/deployOption/mode");
        let mode = mode.and_then(Value::as_str).unwrap_or("Default");
        if mode.ends_with("Hosted") {
            join.push_str(&format!(
                " --mode hosted --managed-cluster-kubeconfig FILE --klusterlet-name {klusterlet}"
            ));
        }
        self.well(
            &of,
            "Klusterlet",
            format!("{klusterlet}, {mode}, in namespace {}", agent.namespace),
        );
        if let Some(deployments) = self.read(&of, "pods", &agent.deployments) {
            for deployment in deployments {
                let what = format!("deployment {}", named(deployment));
                let pods = format!("kubectl{to} -n {} describe pods", agent.namespace);
                self.deployment(&of, &what, deployment, None, pods);
            }
        }
        let describe = format!("kubectl{to} describe klusterlet {klusterlet}");
        let again = join.clone();
        self.conditions(&of, &agent.klusterlet, &[], &|reason| {
            let credentials = reason.contains("Secret") || reason.contains("Unauthorized");
            match credentials || reason.contains("KubeConfig") {
                true => again.clone(),
                false => describe.clone(),
            }
        });
        let certificate = self.certificate(&of, agent, &name, &join);
        if !certificate {
            self.token(&of, &agent.bootstrap, join.clone());
        }
        if let Some(access) = &agent.access {
            self.access(&of, agent, access, &name, join);
        }
        self.events(&of, &managed.events, to, |namespace| {
            namespace == agent.namespace && namespace != names::OPERATOR_NAMESPACE
        });
    }

    /// Its dates and whom it names; whether there is one that holds.
    fn certificate(&mut self, of: &str, agent: &Agent, name: &str, join: &str) -> bool {
        let what = "certificate";
        let Some(secret) = self.read(of, what, &agent.credentials) else {
            return true;
        };
        let data = secret.as_ref().and_then(|secret| secret.data.as_ref());
        let Some(pem) = data.and_then(|data| data.get(KEY_CERTIFICATE)) else {
            self.ill(of, what, "the hub has issued none yet", join.to_owned());
            return false;
        };
        let Some(chain) = Chain::read(&pem.0) else {
            self.ill(of, what, "it cannot be read", join.to_owned());
            return false;
        };
        let now = self.facts.hub_now();
        let (from, until) = (chain.not_before.as_second(), chain.not_after.as_second());
        if until <= now {
            let detail = format!("it has expired {} ago", human(now - until));
            self.ill(of, what, detail, join.to_owned());
            return false;
        }
        if from > now {
            let detail = format!("it is valid only in {}", human(from - now));
            self.ill(of, what, detail, "timedatectl".to_owned());
            return true;
        }
        let left = human(until - now);
        match chain.agent() {
            Some((cluster, _)) if cluster == name => {
                let group = names::cluster_group(name);
                let in_group = chain
                    .subjects
                    .iter()
                    .any(|subject| subject.organizations.contains(&group));
                match in_group {
                    true => self.well(of, what, format!("valid for another {left}")),
                    false => {
                        let detail = format!("it is not in the group {group}");
                        self.ill(of, what, detail, join.to_owned());
                    }
                }
            }
            Some((other, _)) => {
                let detail = format!("it is the cluster {other}'s, not {name}'s");
                self.ill(of, what, detail, join.to_owned());
            }
            None => {
                let detail = "it does not name an agent";
                self.ill(of, what, detail, join.to_owned());
            }
        }
        // It is renewed when a fifth of its life is left.
        if (until - now) * 10 < until - from {
            let detail = format!("it ends in {left}, and should have been renewed");
            self.note(of, what, detail, String::new());
        }
        true
    }

    /// What the cluster asks with; of no interest once it has a certificate.
    fn token(&mut self, of: &str, bootstrap: &Result<Option<Secret>, String>, join: String) {
        let what = "join token";
        let Some(secret) = self.read(of, what, bootstrap) else {
            return;
        };
        let config = secret
            .as_ref()
            .and_then(|secret| secret.data.as_ref()?.get(names::KEY_KUBECONFIG))
            .and_then(|bytes| std::str::from_utf8(&bytes.0).ok())
            .and_then(|text| serde_saphyr::from_str::<Value>(text).ok());
        let text = config
            .as_ref()
            .and_then(|config| config.pointer("/users/0/user/token")?.as_str());
        let Some(text) = text else {
            return self.ill(of, what, "there is none", join);
        };
        // What is wrong with a token is said without any of it.
        match token::read(text, self.facts.hub_now()) {
            Ok(Token::ServiceAccount {
                expires: Some(until),
            }) => {
                let left = human(until - self.facts.hub_now());
                self.well(of, what, format!("valid for another {left}"));
            }
            Ok(_) => self.well(of, what, ""),
            Err(TokenError::Expired { since }) => {
                let detail = format!("it has expired {} ago", human(since));
                self.ill(of, what, detail, join);
            }
            Err(TokenError::Malformed(why)) => self.ill(of, what, why, join),
        }
    }

    /// Whether the hub that the agent's Secret leads to is this one, and knows it.
    fn access(&mut self, of: &str, agent: &Agent, access: &Access, name: &str, join: String) {
        let what = "way to the hub";
        let with = match access.granted {
            true => "its certificate",
            false => "its join token",
        };
        let url = &access.url;
        let same_url = same_server(url, &self.facts.hub.0.url);
        match &access.answer {
            Answer::Unusable(why) => {
                let secret = match access.granted {
                    true => names::HUB_KUBECONFIG_SECRET,
                    false => names::BOOTSTRAP_KUBECONFIG_SECRET,
                };
                let detail = format!("Secret {}/{secret}: {why}", agent.namespace);
                self.ill(of, what, detail, join);
            }
            Answer::Reached(uid) => {
                let clusters = self.facts.hub.1.clusters.as_ref();
                let clusters = clusters.and_then(|seen| seen.as_ref().ok()?.as_ref());
                let here = clusters
                    .into_iter()
                    .flatten()
                    .find(|cluster| named(cluster) == name)
                    .and_then(|cluster| cluster["metadata"]["uid"].as_str());
                match (uid.as_deref(), here) {
                    (Some(there), Some(here)) if there != here => {
                        let detail = format!("{url} is another hub than the one looked at");
                        self.ill(of, what, detail, join);
                    }
                    (Some(_), None) if self.facts.hub.1.clusters.is_some() => {
                        let detail = format!("{url}, where it has joined, is another hub");
                        self.ill(of, what, detail, join);
                    }
                    _ => self.well(of, what, format!("{url} knows {with}")),
                }
            }
            Answer::Failed(failure, why) => {
                let detail = match failure {
                    Failure::Unauthorized => format!("{url} does not know {with}"),
                    Failure::UntrustedCa => {
                        format!("the CA in its kubeconfig is not that of {url}")
                    }
                    Failure::Forbidden(_) => format!("{url} allows {with} nothing: {why}"),
                    Failure::Unreachable(why) if !same_url => {
                        let detail = format!(
                            "it goes to {url}, which is not to be reached from here ({why}); \
                             you reach the hub at {}",
                            self.facts.hub.0.url
                        );
                        return self.note(of, what, detail, String::new());
                    }
                    _ => format!("{url}: {why}"),
                };
                self.ill(of, what, detail, join);
            }
        }
    }
}

/// Whether two addresses are written for the same place.
fn same_server(a: &str, b: &str) -> bool {
    let plain = |url: &str| {
        let url = url.trim_end_matches('/').to_lowercase();
        url.strip_suffix(":443").unwrap_or(&url).to_owned()
    };
    plain(a) == plain(b)
}
