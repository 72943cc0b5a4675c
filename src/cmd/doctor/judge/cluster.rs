//! One cluster as the hub sees it: the handshake, its heartbeat, works, add-ons.

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::ResourceExt as _;
use kube::core::DynamicObject;
use serde_json::Value;

use super::{List, SKEW, named};
use crate::agent::certificate::request::MAX_REQUESTS;
use crate::cmd::accept::check::{self, Verdict};
use crate::cmd::doctor::facts::Hub;
use crate::cmd::get::addons;
use crate::cmd::get::works::{manifests, state};
use crate::cmd::resources::{condition, find_condition, human};
use crate::cmd::works::message;
use crate::ocm::names;

/// A request that waits for so long, in seconds, is nobody's business.
const PATIENCE: i64 = 60;

impl List<'_> {
    /// The handshake of one cluster as far as it came, then its works.
    pub(super) fn cluster(&mut self, cluster: &Value, hub: &Hub) {
        let facts = self.facts;
        let (program, to_hub) = (&facts.program, &facts.to_hub);
        let name = named(cluster);
        let accept = format!("{program} accept --clusters {name}{to_hub} --wait");
        if cluster.pointer("/spec/hubAcceptsClient") != Some(&Value::Bool(true)) {
            let lacking: Vec<&str> = hub
                .caller
                .iter()
                .filter(|right| !right.allowed)
                .map(|right| right.what.as_str())
                .collect();
            let mut detail = "the hub has not accepted it".to_owned();
            if !lacking.is_empty() {
                let lacking = lacking.join(", ");
                detail.push_str(&format!(
                    ", and with these credentials you may not {lacking}"
                ));
            }
            return self.ill(name, "accepted", detail, accept);
        }
        self.well(name, "accepted", "");
        self.rights(name, hub);
        let look = format!(
            "{program} doctor --cluster {name}{to_hub} --managed-context {}",
            facts.to_managed.as_deref().map_or("CONTEXT", |flags| {
                flags.rsplit(' ').next().unwrap_or("CONTEXT")
            })
        );
        let requests = self.asked(name, "signing request", &hub.requests);
        let requests: Vec<&CertificateSigningRequest> = requests
            .into_iter()
            .flatten()
            .filter(|r| {
                r.labels()
                    .get(names::LABEL_CLUSTER_NAME)
                    .map(String::as_str)
                    == Some(name)
            })
            .collect();
        if condition(cluster, "ManagedClusterJoined") != "True" {
            return self.not_joined(name, &requests, &accept, look);
        }
        self.well(name, "joined", "");
        self.renewals(name, &requests);
        self.heartbeat(cluster, hub, &look);
        let available = find_condition(cluster, "ManagedClusterConditionAvailable");
        let text = |key: &str| {
            let value = available.and_then(|condition| condition[key].as_str());
            value.unwrap_or_default()
        };
        match text("status") {
            "True" => self.well(name, "available", ""),
            _ => {
                let why = match text("message") {
                    "" => String::new(),
                    why => format!(": {why}"),
                };
                let detail = format!("the hub takes it for lost{why}");
                self.ill(name, "available", detail, look.clone());
            }
        }
        let told = [
            "ManagedClusterJoined",
            "ManagedClusterConditionAvailable",
            "HubAcceptedManagedCluster",
        ];
        self.conditions(
            name,
            cluster,
            &told,
            &|reason| match reason.contains("Clock") {
                true => "timedatectl".to_owned(),
                false => look.clone(),
            },
        );
        let of = |object: &&DynamicObject| object.namespace().as_deref() == Some(name);
        let works = self.asked(name, "works", &hub.works);
        for work in works.into_iter().flatten().filter(of) {
            self.work(name, work);
        }
        let addons = self.asked(name, "add-ons", &hub.addons);
        for addon in addons.into_iter().flatten().filter(of) {
            self.addon(name, addon);
        }
        self.events(name, &hub.events, to_hub, |namespace| namespace == name);
    }

    /// What the agent of an accepted cluster needs on the hub.
    fn rights(&mut self, name: &str, hub: &Hub) {
        if hub.agent.is_empty() {
            return;
        }
        let lacking: Vec<&str> = hub
            .agent
            .iter()
            .filter(|right| !right.allowed)
            .map(|right| right.what.as_str())
            .collect();
        if lacking.is_empty() {
            return self.well(name, "rights", "its agent may do on the hub what it has to");
        }
        let mend = format!(
            "kubectl{} -n {} rollout restart deployment {}",
            self.facts.to_hub,
            names::OPERATOR_NAMESPACE,
            names::CLUSTER_MANAGER
        );
        let detail = format!(
            "its agent may not {}: the hub's controllers have not made its roles and bindings",
            lacking.join(", ")
        );
        self.ill(name, "rights", detail, mend);
    }

    /// Where a handshake stands: the request that came last tells.
    fn not_joined(
        &mut self,
        name: &str,
        requests: &[&CertificateSigningRequest],
        accept: &str,
        look: String,
    ) {
        let to_hub = &self.facts.to_hub;
        if requests.len() >= MAX_REQUESTS {
            let label = format!("{}={name}", names::LABEL_CLUSTER_NAME);
            let detail = format!(
                "it has {} of them: its agent makes no further one",
                requests.len()
            );
            let mend = format!("kubectl{to_hub} delete csr -l {label}");
            self.ill(name, "signing requests", detail, mend);
        }
        let verdicts = requests.iter().map(|r| (*r, check::judge(r, name, false)));
        let mut verdicts: Vec<_> = verdicts.collect();
        verdicts.sort_by_key(|(request, verdict)| {
            let waits = matches!(verdict, Verdict::Approve { .. });
            (waits, request.creation_timestamp())
        });
        let Some((request, verdict)) = verdicts.pop() else {
            return self.ill(name, "joined", "its agent has not joined yet", look);
        };
        let csr = request.name_any();
        let describe = format!("kubectl{to_hub} describe csr {csr}");
        let why = |kind: &str| {
            let conditions = request.status.as_ref().and_then(|s| s.conditions.as_ref());
            let found = conditions?.iter().find(|c| c.type_ == kind)?;
            Some(found.message.clone().unwrap_or_default())
        };
        let issued = request
            .status
            .as_ref()
            .is_some_and(|status| status.certificate.is_some());
        let (detail, mend) = match verdict {
            Verdict::Approve { .. } => {
                let detail = "its signing request is not approved".to_owned();
                (format!("{detail} ({csr})"), accept.to_owned())
            }
            Verdict::Refuse(why) => (
                format!("its signing request {csr} is not one that can be accepted: {why}"),
                describe,
            ),
            Verdict::Denied => {
                let why = why("Denied").unwrap_or_default();
                let detail = format!("its signing request {csr} was denied: {}", why.trim());
                (detail, format!("kubectl{to_hub} delete csr {csr}"))
            }
            Verdict::Approved { .. } if issued => {
                let detail = format!("{csr} is signed, but its agent has not said so yet");
                (detail, look)
            }
            Verdict::Approved { .. } => match why("Failed") {
                Some(why) => (format!("{csr} could not be signed: {why}"), describe),
                None => {
                    let detail = format!(
                        "{csr} is approved, but nothing signs it: is the hub's signer for {} on?",
                        request.spec.signer_name
                    );
                    (detail, describe)
                }
            },
        };
        self.ill(name, "joined", detail, mend);
    }

    /// Requests of a cluster that has joined: the hub approves them by itself.
    fn renewals(&mut self, name: &str, requests: &[&CertificateSigningRequest]) {
        for request in requests {
            let made = request.creation_timestamp().map(|time| time.0.as_second());
            let age = self.facts.hub_now() - made.unwrap_or_default();
            let Verdict::Approve { .. } = check::judge(request, name, true) else {
                continue;
            };
            if age > PATIENCE {
                let csr = request.name_any();
                let detail = format!("its request {csr} for a new one waits for {}", human(age));
                let mend = format!("kubectl{} certificate approve {csr}", self.facts.to_hub);
                self.ill(name, "certificate", detail, mend);
            }
        }
    }

    fn heartbeat(&mut self, cluster: &Value, hub: &Hub, look: &str) {
        let name = named(cluster);
        let Some(leases) = self.asked(name, "heartbeat", &hub.leases) else {
            return;
        };
        let seconds = cluster.pointer("/spec/leaseDurationSeconds");
        let grace = 5 * seconds
            .and_then(Value::as_i64)
            .filter(|s| *s > 0)
            .unwrap_or(60);
        let now = self.facts.hub_now();
        match leases.get(name).map(|renewed| now - renewed) {
            None => self.ill(name, "heartbeat", "it has never reported", look.to_owned()),
            Some(age) if age > grace => {
                let detail = format!("the last was {} ago", human(age));
                self.ill(name, "heartbeat", detail, look.to_owned());
            }
            Some(age) if age < -SKEW => {
                let detail = format!("its clock is {} ahead of the hub's", human(-age));
                self.ill(name, "clock", detail, "timedatectl".to_owned());
            }
            Some(age) => self.well(name, "heartbeat", format!("{} ago", human(age.max(0)))),
        }
    }

    fn work(&mut self, cluster: &str, work: &DynamicObject) {
        let facts = self.facts;
        let name = work.name_any();
        let what = format!("work {name}");
        let show = format!(
            "{} get works {name} --cluster {cluster}{} -o tree",
            facts.program, facts.to_hub
        );
        let reason = |detail: &str| match first_bad(work) {
            why if why.is_empty() => detail.to_owned(),
            why => format!("{detail}: {why}"),
        };
        let applied = state(&work.data, "Applied", work);
        let available = state(&work.data, "Available", work);
        if work.metadata.deletion_timestamp.is_some() {
            let held = work.finalizers().join(", ");
            let detail = format!("it is being deleted, held by {held}");
            return self.note(cluster, &what, detail, show);
        }
        match (applied.as_str(), available.as_str()) {
            ("True", "True") => self.well(cluster, &what, "applied and available"),
            ("True", _) => self.ill(cluster, &what, reason("not all of it is available"), show),
            ("" | "Unknown", _) => self.ill(
                cluster,
                &what,
                "its agent has not seen it as it is now",
                show,
            ),
            _ => self.ill(cluster, &what, reason("it is not applied"), show),
        }
    }

    fn addon(&mut self, cluster: &str, addon: &DynamicObject) {
        let name = addon.name_any();
        let what = format!("add-on {name}");
        let detail = match (
            condition(&addon.data, "Available"),
            addons::trouble(addon).1,
        ) {
            ("True", why) if why.is_empty() => return self.well(cluster, &what, "available"),
            ("", why) if why.is_empty() => "it has not reported yet".to_owned(),
            (_, why) if why.is_empty() => "it is not available".to_owned(),
            (_, why) => why,
        };
        let mend = format!(
            "kubectl{} -n {cluster} describe managedclusteraddon {name}",
            self.facts.to_hub
        );
        self.ill(cluster, &what, detail, mend);
    }
}

/// What is wrong with the first manifest that is not well, else with the whole.
fn first_bad(work: &DynamicObject) -> String {
    let reported = work.data.pointer("/status/resourceStatus/manifests");
    let reported = reported.and_then(Value::as_array);
    let bad = reported.into_iter().flatten().find_map(|one| {
        ["Applied", "Available"]
            .into_iter()
            .find_map(|kind| find_condition(one, kind).filter(|found| found["status"] == "False"))
            .map(|condition| (one, condition))
    });
    let Some((one, condition)) = bad else {
        return message(&work.data);
    };
    let of = |key: &str| one["resourceMeta"][key].as_str().unwrap_or_default();
    let place = match of("namespace") {
        "" => of("name").to_owned(),
        namespace => format!("{namespace}/{}", of("name")),
    };
    let kind = match of("kind") {
        // Reported without its kind: it stands in the spec.
        "" => one["resourceMeta"]["ordinal"]
            .as_u64()
            .and_then(|at| manifests(work).get(usize::try_from(at).ok()?))
            .and_then(|manifest| manifest["kind"].as_str())
            .unwrap_or_default(),
        kind => kind,
    };
    let why = condition["message"].as_str().unwrap_or_default();
    format!("{kind} {place}: {}", why.trim())
}
