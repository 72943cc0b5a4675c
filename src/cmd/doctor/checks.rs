//! What is well and what is not, out of what both sides show. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use x509_parser::pem::Pem;

use crate::cmd::join::token::{self, Token, TokenError};
use crate::cmd::resources::{condition, human};
use crate::ocm::names;

/// What a server answered, or why it did not.
pub(super) type Seen<T> = Result<T, String>;

/// What the hub shows.
#[derive(Default)]
pub(super) struct Hub {
    /// None: ManagedClusters are not served.
    pub(super) clusters: Option<Seen<Option<Vec<Value>>>>,
    /// The Deployment of its controllers (or of its operator).
    pub(super) manager: Option<Seen<Option<Value>>>,
    /// Signing requests of clusters.
    pub(super) requests: Option<Seen<Vec<Value>>>,
    /// When each cluster last reported, in seconds since 1970.
    pub(super) leases: Option<Seen<BTreeMap<String, i64>>>,
    /// ManifestWorks.
    pub(super) works: Option<Seen<Vec<Value>>>,
}

/// What a managed cluster shows.
#[derive(Default)]
pub(super) struct Managed {
    pub(super) klusterlet: Option<Seen<Option<Value>>>,
    pub(super) agent: Option<Seen<Option<Value>>>,
    /// The Secret of the kubeconfig that the cluster joins with.
    pub(super) bootstrap: Option<Seen<Option<Value>>>,
    /// The Secret of the credentials that it got.
    pub(super) credentials: Option<Seen<Option<Value>>>,
}

/// Everything that is judged.
pub(super) struct Facts {
    /// The hub's URL, and its version or why there is none.
    pub(super) hub: (String, Seen<String>, Hub),
    /// The same of the managed cluster, where there is a way to it.
    pub(super) managed: Option<(String, Seen<String>, Managed)>,
    /// The one cluster that is asked about.
    pub(super) cluster: Option<String>,
    /// Flags that lead to the hub and to the managed cluster, a blank before them.
    pub(super) to_hub: String,
    pub(super) to_managed: Option<String>,
    /// Seconds since 1970.
    pub(super) now: i64,
    /// How this program is called.
    pub(super) program: String,
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// `hub`, or the managed cluster's name.
    pub(super) of: String,
    pub(super) what: String,
    pub(super) well: bool,
    pub(super) detail: String,
    /// The command that mends it, or shows more.
    pub(super) mend: Option<String>,
}

impl Check {
    pub(super) fn value(&self) -> Value {
        json!({"of": self.of, "check": self.what, "ok": self.well, "detail": self.detail, "mend": self.mend})
    }
}

struct List<'a> {
    facts: &'a Facts,
    checks: Vec<Check>,
}

/// Goes through everything, in the order in which a cluster joins and works.
pub(super) fn judge(facts: &Facts) -> Vec<Check> {
    let mut list = List {
        facts,
        checks: Vec::new(),
    };
    list.hub();
    list.managed();
    list.checks
}

impl List<'_> {
    fn well(&mut self, of: &str, what: &str, detail: impl Into<String>) {
        self.checks.push(Check {
            of: of.to_owned(),
            what: what.to_owned(),
            well: true,
            detail: detail.into(),
            mend: None,
        });
    }

    fn ill(&mut self, of: &str, what: &str, detail: impl Into<String>, mend: String) {
        self.checks.push(Check {
            of: of.to_owned(),
            what: what.to_owned(),
            well: false,
            detail: detail.into(),
            mend: Some(mend).filter(|mend| !mend.is_empty()),
        });
    }

    /// What was read; a failure to read is itself a ✗.
    fn read<'v, T>(&mut self, of: &str, what: &str, seen: &'v Option<Seen<T>>) -> Option<&'v T> {
        match seen {
            Some(Ok(value)) => Some(value),
            Some(Err(why)) => {
                self.ill(of, what, format!("it cannot be read: {why}"), String::new());
                None
            }
            None => None,
        }
    }

    fn hub(&mut self) {
        let facts = self.facts;
        let (program, to_hub) = (&facts.program, &facts.to_hub);
        let (url, version, hub) = &facts.hub;
        match version {
            Ok(version) => self.well("hub", "API server", format!("{url} answers, {version}")),
            Err(why) => {
                let mend = format!("kubectl{to_hub} version");
                return self.ill("hub", "API server", why, mend);
            }
        }
        let init = format!("{program} init{to_hub} --wait");
        match self.read("hub", "definitions", &hub.clusters) {
            None => return,
            Some(None) => {
                return self.ill("hub", "definitions", "it is no hub yet", init);
            }
            Some(Some(_)) => self.well("hub", "definitions", "ManagedClusters are served"),
        }
        if let Some(found) = self.read("hub", "controllers", &hub.manager) {
            let pods = format!(
                "kubectl{to_hub} -n {} describe pods -l app={}",
                names::OPERATOR_NAMESPACE,
                names::CLUSTER_MANAGER
            );
            self.deployment("hub", "controllers", found.as_ref(), init, pods);
        }
        let Some(Some(clusters)) = self.read("hub", "clusters", &hub.clusters) else {
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

    fn deployment(
        &mut self,
        of: &str,
        what: &str,
        found: Option<&Value>,
        absent: String,
        pods: String,
    ) {
        let Some(found) = found else {
            return self.ill(of, what, "they are not installed", absent);
        };
        let count = |pointer: &str| found.pointer(pointer).and_then(Value::as_i64);
        let wanted = count("/spec/replicas").unwrap_or(1);
        match count("/status/availableReplicas").unwrap_or(0) {
            0 => self.ill(of, what, format!("0 of {wanted} pods are available"), pods),
            up => self.well(of, what, format!("{up} of {wanted} pods are available")),
        }
    }

    /// The handshake of one cluster as far as it came, then its works.
    fn cluster(&mut self, cluster: &Value, hub: &Hub) {
        let facts = self.facts;
        let (program, to_hub) = (&facts.program, &facts.to_hub);
        let name = named(cluster);
        let accept = format!("{program} accept --clusters {name}{to_hub} --wait");
        if cluster.pointer("/spec/hubAcceptsClient") != Some(&Value::Bool(true)) {
            return self.ill(name, "accepted", "the hub has not accepted it", accept);
        }
        self.well(name, "accepted", "");
        let look = format!(
            "{program} doctor --cluster {name}{to_hub} --managed-context {}",
            facts.to_managed.as_deref().map_or("CONTEXT", |flags| {
                flags.rsplit(' ').next().unwrap_or("CONTEXT")
            })
        );
        if condition(cluster, "ManagedClusterJoined") != "True" {
            let requests = self.read(name, "signing request", &hub.requests);
            let waits = requests.is_some_and(|requests| {
                requests.iter().any(|r| {
                    r["metadata"]["labels"][names::LABEL_CLUSTER_NAME] == name
                        && r["status"]["conditions"]
                            .as_array()
                            .is_none_or(Vec::is_empty)
                })
            });
            return match waits {
                true => self.ill(
                    name,
                    "joined",
                    "its signing request is not approved",
                    accept,
                ),
                false => self.ill(name, "joined", "its agent has not joined yet", look),
            };
        }
        self.well(name, "joined", "");
        if let Some(leases) = self.read(name, "heartbeat", &hub.leases) {
            let seconds = cluster.pointer("/spec/leaseDurationSeconds");
            let grace = 5 * seconds
                .and_then(Value::as_i64)
                .filter(|s| *s > 0)
                .unwrap_or(60);
            match leases.get(name).map(|renewed| facts.now - renewed) {
                None => self.ill(name, "heartbeat", "it has never reported", look.clone()),
                Some(age) if age > grace => {
                    let detail = format!("the last was {} ago", human(age));
                    self.ill(name, "heartbeat", detail, look.clone());
                }
                Some(age) if age < -60 => {
                    let detail = format!("its clock is {} ahead of this one", human(-age));
                    self.ill(name, "clock", detail, "timedatectl".to_owned());
                }
                Some(age) => self.well(name, "heartbeat", format!("{} ago", human(age.max(0)))),
            }
        }
        match condition(cluster, "ManagedClusterConditionAvailable") {
            "True" => self.well(name, "available", ""),
            _ => self.ill(name, "available", "the hub takes it for lost", look),
        }
        let works = self.read(name, "works", &hub.works);
        for work in works.into_iter().flatten() {
            if work["metadata"]["namespace"] != name {
                continue;
            }
            let what = format!("work {}", named(work));
            let show = format!(
                "{program} get works {} --cluster {name}{to_hub} -o tree",
                named(work)
            );
            let (applied, available) = (condition(work, "Applied"), condition(work, "Available"));
            match (applied, available) {
                ("True", "True") => self.well(name, &what, "applied and available"),
                ("True", _) => self.ill(name, &what, "not all of it is available", show),
                _ => self.ill(name, &what, "it is not applied", show),
            }
        }
    }

    fn managed(&mut self) {
        let facts = self.facts;
        let Some((url, version, managed)) = &facts.managed else {
            return;
        };
        let program = &facts.program;
        let to = facts.to_managed.as_deref().unwrap_or_default();
        let of = "managed cluster";
        match version {
            Ok(version) => self.well(of, "API server", format!("{url} answers, {version}")),
            Err(why) => return self.ill(of, "API server", why, format!("kubectl{to} version")),
        }
        let hub = facts.to_hub.replace(" --context ", " --hub-context ");
        let name = facts.cluster.as_deref().unwrap_or("NAME");
        let join =
            |name: &str| format!("{program} join{to}{hub} --cluster-name {name} --accept --wait");
        let own = match self.read(of, "agent", &managed.klusterlet) {
            None => return,
            Some(None) => {
                return self.ill(of, "agent", "no agent is installed", join(name));
            }
            Some(Some(klusterlet)) => {
                let own = klusterlet.pointer("/spec/clusterName");
                own.and_then(Value::as_str).unwrap_or_default()
            }
        };
        if facts.cluster.as_deref().is_some_and(|asked| asked != own) {
            let again = format!(
                "{program} doctor --cluster {own}{} --managed-context CONTEXT",
                facts.to_hub
            );
            return self.ill(of, "name", format!("it has joined as {own}"), again);
        }
        self.well(of, "name", own);
        if let Some(found) = self.read(of, "agent", &managed.agent) {
            let pods = format!(
                "kubectl{to} -n {} describe pods -l app={}",
                names::OPERATOR_NAMESPACE,
                names::KLUSTERLET
            );
            self.deployment(of, "agent", found.as_ref(), join(own), pods);
        }
        let Some(credentials) = self.read(of, "certificate", &managed.credentials) else {
            return;
        };
        let certificate = credentials
            .as_ref()
            .and_then(|secret| data(secret, "tls.crt"));
        match certificate.as_deref().map(expires) {
            Some(Some(until)) if until > facts.now => {
                let left = human(until - facts.now);
                self.well(of, "certificate", format!("valid for another {left}"));
            }
            Some(Some(until)) => {
                let detail = format!("it has expired {} ago", human(facts.now - until));
                self.ill(of, "certificate", detail, join(own));
            }
            Some(None) => self.ill(of, "certificate", "it cannot be read", join(own)),
            None => {
                self.ill(of, "certificate", "the hub has issued none yet", join(own));
                self.token(of, &managed.bootstrap, join(own));
            }
        }
    }

    /// What the cluster asks with; of no interest once it has a certificate.
    fn token(&mut self, of: &str, bootstrap: &Option<Seen<Option<Value>>>, join: String) {
        let Some(secret) = self.read(of, "join token", bootstrap) else {
            return;
        };
        let config = secret
            .as_ref()
            .and_then(|secret| data(secret, names::KEY_KUBECONFIG))
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| serde_saphyr::from_str::<Value>(&text).ok());
        let text = config
            .as_ref()
            .and_then(|config| config.pointer("/users/0/user/token")?.as_str());
        let Some(text) = text else {
            return self.ill(of, "join token", "there is none", join);
        };
        // What is wrong with a token is said without any of it.
        match token::read(text, self.facts.now) {
            Ok(Token::ServiceAccount {
                expires: Some(until),
            }) => {
                let left = human(until - self.facts.now);
                self.well(of, "join token", format!("valid for another {left}"));
            }
            Ok(_) => self.well(of, "join token", ""),
            Err(TokenError::Expired { since }) => {
                let detail = format!("it has expired {} ago", human(since));
                self.ill(of, "join token", detail, join);
            }
            Err(TokenError::Malformed(why)) => self.ill(of, "join token", why, join),
        }
    }
}

fn named(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn data(secret: &Value, key: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret["data"][key].as_str()?).ok()
}

/// When the first certificate ends, in seconds since 1970.
fn expires(pem: &[u8]) -> Option<i64> {
    let pem = Pem::iter_from_buffer(pem).next()?.ok()?;
    let certificate = pem.parse_x509().ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(cluster: Value, lease: i64, works: Vec<Value>) -> Facts {
        let up = json!({"spec": {"replicas": 1}, "status": {"availableReplicas": 1}});
        let hub = Hub {
            clusters: Some(Ok(Some(vec![cluster]))),
            manager: Some(Ok(Some(up))),
            requests: Some(Ok(vec![])),
            leases: Some(Ok(BTreeMap::from([("c1".to_owned(), lease)]))),
            works: Some(Ok(works)),
        };
        Facts {
            hub: ("https://hub".to_owned(), Ok("v1".to_owned()), hub),
            managed: None,
            cluster: None,
            to_hub: " --context hub".to_owned(),
            to_managed: None,
            now: 1_000,
            program: "ocmadm".to_owned(),
        }
    }

    fn cluster(accepted: bool, joined: &str, available: &str) -> Value {
        json!({"metadata": {"name": "c1"}, "spec": {"hubAcceptsClient": accepted},
        "status": {"conditions": [
            {"type": "ManagedClusterJoined", "status": joined},
            {"type": "ManagedClusterConditionAvailable", "status": available},
        ]}})
    }

    fn work(applied: &str) -> Value {
        json!({"metadata": {"name": "w", "namespace": "c1"}, "status": {"conditions": [
            {"type": "Applied", "status": applied}, {"type": "Available", "status": "True"}]}})
    }

    /// What is ill, and what mends it.
    fn ills(facts: &Facts) -> Vec<(String, String)> {
        judge(facts)
            .into_iter()
            .filter(|check| !check.well)
            .map(|check| (check.what, check.mend.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn what_is_ill_is_told_with_what_mends_it() {
        let accept = "ocmadm accept --clusters c1 --context hub --wait";
        let look = "ocmadm doctor --cluster c1 --context hub --managed-context CONTEXT";
        let show = "ocmadm get works w --cluster c1 --context hub -o tree";
        for (cluster, lease, work, expected) in [
            (cluster(true, "True", "True"), 990, work("True"), vec![]),
            (
                cluster(false, "", ""),
                990,
                work("True"),
                vec![("accepted", accept)],
            ),
            (
                cluster(true, "", ""),
                990,
                work("True"),
                vec![("joined", look)],
            ),
            (
                cluster(true, "True", "True"),
                100,
                work("True"),
                vec![("heartbeat", look)],
            ),
            (
                cluster(true, "True", "True"),
                2_000,
                work("True"),
                vec![("clock", "timedatectl")],
            ),
            (
                cluster(true, "True", "Unknown"),
                990,
                work("True"),
                vec![("available", look)],
            ),
            (
                cluster(true, "True", "True"),
                990,
                work("False"),
                vec![("work w", show)],
            ),
        ] {
            let found = ills(&facts(cluster, lease, vec![work]));
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_request_that_waits_is_approved_by_accept() {
        let mut facts = facts(cluster(true, "", ""), 990, vec![]);
        let request = json!({"metadata": {"labels": {names::LABEL_CLUSTER_NAME: "c1"}}});
        facts.hub.2.requests = Some(Ok(vec![request]));
        assert!(ills(&facts)[0].1.starts_with("ocmadm accept --clusters c1"));
    }

    #[test]
    fn what_cannot_be_reached_or_read_is_ill_too() {
        let mut facts = facts(cluster(true, "True", "True"), 990, vec![]);
        facts.hub.2.works = Some(Err("forbidden".to_owned()));
        assert_eq!(ills(&facts), [("works".to_owned(), String::new())]);
        facts.hub.1 = Err("no answer".to_owned());
        assert_eq!(ills(&facts)[0].0, "API server");
    }
}
