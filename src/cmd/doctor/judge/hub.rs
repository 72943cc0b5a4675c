//! The hub itself: definitions, controllers, webhooks.

use kube::ResourceExt as _;
use serde_json::Value;

use super::{List, bad_conditions, named};
use crate::agent::certificate::credentials::Chain;
use crate::bundle;
use crate::cmd::doctor::facts::{Endpoints, Hub, Webhook};
use crate::ocm::names;

const OF: &str = "hub";

impl List<'_> {
    pub(super) fn hub(&mut self) {
        let facts = self.facts;
        let (program, to_hub) = (&facts.program, &facts.to_hub);
        let (server, hub) = &facts.hub;
        if !self.server(OF, server, to_hub) {
            return;
        }
        let init = format!("{program} init{to_hub} --wait");
        match self.asked(OF, "definitions", &hub.clusters) {
            None => return,
            Some(None) => return self.ill(OF, "definitions", "it is no hub yet", init),
            Some(Some(_)) => self.definitions(hub, &init),
        }
        let pods = format!(
            "kubectl{to_hub} -n {} describe pods -l app={}",
            names::OPERATOR_NAMESPACE,
            names::CLUSTER_MANAGER
        );
        self.operator(OF, "controllers", &hub.operator, &init, pods);
        if let Some(found) = self.asked(OF, "ClusterManager", &hub.custom) {
            self.cluster_manager(found.as_ref(), &init);
        }
        self.webhooks(hub);
        let ours = [names::OPERATOR_NAMESPACE, names::HUB_NAMESPACE];
        self.events(OF, &hub.events, to_hub, |namespace| {
            ours.contains(&namespace)
        });
        let Some(Some(clusters)) = self.asked(OF, "clusters", &hub.clusters) else {
            return;
        };
        let asked = facts.cluster.as_deref();
        if let Some(name) = asked
            && !clusters.iter().any(|cluster| named(cluster) == name)
        {
            let to = facts.to_managed.as_deref().unwrap_or(" --context CONTEXT");
            let hub = to_hub.replace(" --context ", " --hub-context ");
            let join = format!("{program} join{to}{hub} --cluster-name {name} --accept --wait");
            self.ill(name, "registered", "it has not asked to join", join);
        }
        for cluster in clusters {
            if asked.is_none_or(|name| name == named(cluster)) {
                self.cluster(cluster, hub);
            }
        }
    }

    /// Whether all definitions are there, in the versions that are asked for.
    fn definitions(&mut self, hub: &Hub, init: &str) {
        let mut served = 0;
        let wanted = bundle::hub_crds().unwrap_or_default();
        let what = "definitions";
        for (name, found) in &hub.definitions {
            let Some(found) = self.read(OF, what, found) else {
                // Whoever may not read one may read none.
                return;
            };
            let Some(found) = found else {
                self.ill(OF, what, format!("{name} is not there"), init.to_owned());
                continue;
            };
            let conditions = found.pointer("/status/conditions");
            let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
            let refused = conditions
                .clone()
                .find(|c| c["type"] == "NamesAccepted" && c["status"] == "False");
            if let Some(refused) = refused {
                let why = refused["message"].as_str().unwrap_or_default();
                let to = &self.facts.to_hub;
                let mend = format!("kubectl{to} describe customresourcedefinition {name}");
                self.ill(OF, what, format!("{name} is not served: {why}"), mend);
                continue;
            }
            let ours = wanted.iter().find(|crd| crd.name_any() == *name);
            let missing: Vec<&str> = ours
                .map(|crd| versions(&crd.data))
                .unwrap_or_default()
                .into_iter()
                .filter(|version| !versions(found).contains(version))
                .collect();
            if missing.is_empty() {
                served += 1;
                continue;
            }
            let mend = format!(
                "{} upgrade clustermanager{} --wait",
                self.facts.program, self.facts.to_hub
            );
            let missing = missing.join(", ");
            self.note(OF, what, format!("{name} has no version {missing}"), mend);
        }
        if served == hub.definitions.len() {
            self.well(OF, what, format!("all {served} are served"));
        }
    }

    fn cluster_manager(&mut self, found: Option<&Value>, init: &str) {
        let to_hub = &self.facts.to_hub;
        let Some(found) = found else {
            return self.ill(OF, "ClusterManager", "there is none", init.to_owned());
        };
        let applied = crate::cmd::resources::condition(found, "Applied");
        if bad_conditions(found).next().is_none() {
            return match applied {
                "True" => self.well(OF, "ClusterManager", "applied, nothing degraded"),
                _ => {
                    let mend = format!(
                        "kubectl{to_hub} -n {} logs deployment/{}",
                        names::OPERATOR_NAMESPACE,
                        names::CLUSTER_MANAGER
                    );
                    let detail = "its operator has not reported on it yet";
                    self.ill(OF, "ClusterManager", detail, mend);
                }
            };
        }
        let describe = format!("kubectl{to_hub} describe clustermanager {}", named(found));
        self.conditions(OF, found, &[], &|_| describe.clone());
    }

    /// Who is asked before anything is written.
    fn webhooks(&mut self, hub: &Hub) {
        let facts = self.facts;
        let restart = format!(
            "kubectl{} -n {} rollout restart deployment {}",
            facts.to_hub,
            names::OPERATOR_NAMESPACE,
            names::CLUSTER_MANAGER
        );
        let mut well = 0;
        // What cannot be read is told only if nothing else answers for it.
        let found = match &hub.webhooks {
            Some(Ok(found)) => found.as_slice(),
            _ => &[],
        };
        for webhook in found {
            match trouble(webhook, facts.hub_now()) {
                Some(why) => {
                    let detail = format!("{}: {why}", webhook.name);
                    self.ill(OF, "webhook", detail, restart.clone());
                }
                None => well += 1,
            }
        }
        match &hub.admission {
            Some(Err(why)) if why.contains("webhook") && !why.contains("denied the request") => {
                let detail = format!("no cluster can be written: {why}");
                self.ill(OF, "webhooks", detail, restart);
            }
            Some(answer) if well > 0 => {
                let answered = match answer {
                    Ok(()) => ", and they answer",
                    Err(_) => "",
                };
                self.well(OF, "webhooks", format!("{well} are in order{answered}"));
            }
            _ => {}
        }
    }
}

/// The versions that a definition serves.
fn versions(definition: &Value) -> Vec<&str> {
    let versions = definition.pointer("/spec/versions");
    let versions = versions.and_then(Value::as_array).into_iter().flatten();
    versions
        .filter(|version| version["served"] == true)
        .filter_map(|version| version["name"].as_str())
        .collect()
}

/// Why nobody will answer there.
fn trouble(webhook: &Webhook, now: i64) -> Option<String> {
    if let Some((service, endpoints)) = &webhook.service {
        match endpoints {
            Endpoints::NoService => return Some(format!("there is no Service {service}")),
            Endpoints::Ready(0) => {
                return Some(format!("no pod behind the Service {service} is ready"));
            }
            Endpoints::Ready(_) | Endpoints::Unknown => {}
        }
        // Nobody else's certificate is any Service's.
        let Some(ca) = webhook.ca.as_deref().filter(|ca| !ca.is_empty()) else {
            return Some("it names no CA to trust".to_owned());
        };
        let Some(chain) = Chain::read(ca) else {
            return Some("its caBundle holds no certificates".to_owned());
        };
        let over = now - chain.not_after.as_second();
        // Older ones may stand beside the one in use.
        if over > 0 && chain.subjects.len() == 1 {
            let over = crate::cmd::resources::human(over);
            return Some(format!("its CA has expired {over} ago"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_that_nobody_can_answer_is_found() {
        let webhook = |service: Option<Endpoints>, ca: Option<&[u8]>| Webhook {
            name: "w".to_owned(),
            ca: ca.map(<[u8]>::to_vec),
            service: service.map(|endpoints| ("n/s".to_owned(), endpoints)),
        };
        let own = rcgen::generate_simple_self_signed(vec!["s".to_owned()]).unwrap();
        let pem = own.cert.pem();
        let now = jiff::Timestamp::now().as_second();
        for (webhook, expected) in [
            (webhook(None, None), None),
            (
                webhook(Some(Endpoints::NoService), Some(pem.as_bytes())),
                Some("there is no Service n/s"),
            ),
            (
                webhook(Some(Endpoints::Ready(0)), Some(pem.as_bytes())),
                Some("no pod behind the Service n/s is ready"),
            ),
            (
                webhook(Some(Endpoints::Ready(1)), None),
                Some("it names no CA to trust"),
            ),
            (
                webhook(Some(Endpoints::Unknown), Some(b"rubbish")),
                Some("its caBundle holds no certificates"),
            ),
            (
                webhook(Some(Endpoints::Ready(1)), Some(pem.as_bytes())),
                None,
            ),
        ] {
            assert_eq!(trouble(&webhook, now).as_deref(), expected);
        }
        let old = webhook(Some(Endpoints::Ready(1)), Some(pem.as_bytes()));
        let late = trouble(&old, i64::MAX / 2).unwrap();
        assert!(late.contains("expired"), "{late}");
    }
}
