//! What is well and what is not, out of what both sides show. Pure.

mod agent;
mod cluster;
mod hub;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use serde_json::{Value, json};

use super::facts::{Facts, Operator, Seen, Server};
use super::look::{available, wanted};
use crate::cmd::describe::view::last_seen;
use crate::cmd::resources::human;
use crate::ocm::names;

/// Clocks that differ by more, in seconds, make certificates and heartbeats fail.
const SKEW: i64 = 60;

/// Events that are older, in seconds, say nothing about now.
const FRESH: i64 = 3600;

/// Conditions that are younger, in seconds, may be those of a start.
const SETTLING: i64 = 60;

/// How many events of a side are told.
const EVENTS: usize = 5;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// As it should be.
    Well,
    /// It works, and is worth knowing.
    Note,
    /// It does not.
    Ill,
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// `hub`, `managed cluster`, or the name of a cluster or agent.
    pub(super) of: String,
    pub(super) what: String,
    pub(super) mark: Mark,
    pub(super) detail: String,
    /// The command that mends it, or shows more.
    pub(super) mend: Option<String>,
}

impl Check {
    pub(super) fn value(&self) -> Value {
        json!({
            "of": self.of,
            "check": self.what,
            "ok": self.mark != Mark::Ill,
            "note": self.mark == Mark::Note,
            "detail": self.detail,
            "mend": self.mend,
        })
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
    fn add(&mut self, of: &str, what: &str, mark: Mark, detail: String, mend: String) {
        self.checks.push(Check {
            of: of.to_owned(),
            what: what.to_owned(),
            mark,
            detail,
            mend: Some(mend).filter(|mend| !mend.is_empty()),
        });
    }

    fn well(&mut self, of: &str, what: &str, detail: impl Into<String>) {
        self.add(of, what, Mark::Well, detail.into(), String::new());
    }

    fn note(&mut self, of: &str, what: &str, detail: impl Into<String>, mend: String) {
        self.add(of, what, Mark::Note, detail.into(), mend);
    }

    fn ill(&mut self, of: &str, what: &str, detail: impl Into<String>, mend: String) {
        self.add(of, what, Mark::Ill, detail.into(), mend);
    }

    /// What was read; a failure to read is itself a ✗.
    fn read<'v, T>(&mut self, of: &str, what: &str, seen: &'v Seen<T>) -> Option<&'v T> {
        match seen {
            Ok(value) => Some(value),
            Err(why) => {
                self.ill(of, what, format!("it cannot be read: {why}"), String::new());
                None
            }
        }
    }

    /// The same of what may not have been looked at.
    fn asked<'v, T>(&mut self, of: &str, what: &str, seen: &'v Option<Seen<T>>) -> Option<&'v T> {
        seen.as_ref().and_then(|seen| self.read(of, what, seen))
    }

    /// Whether the API server answers, and whether its clock is this machine's.
    fn server(&mut self, of: &str, server: &Server, to: &str) -> bool {
        match &server.version {
            Ok(version) => {
                self.well(
                    of,
                    "API server",
                    format!("{} answers, {version}", server.url),
                );
            }
            Err(why) => {
                self.ill(of, "API server", why, format!("kubectl{to} version"));
                return false;
            }
        }
        if let Some(ahead) = server.ahead.filter(|ahead| ahead.abs() > SKEW) {
            let detail = format!(
                "it is {} {} this machine's",
                human(ahead.abs()),
                side(ahead)
            );
            self.note(of, "clock", detail, "timedatectl".to_owned());
        }
        true
    }

    /// The controllers of a side, or their operator.
    fn operator(&mut self, of: &str, what: &str, operator: &Operator, absent: &str, pods: String) {
        let Some(found) = self.asked(of, what, &operator.deployment) else {
            return;
        };
        let Some(found) = found else {
            return self.ill(of, what, "they are not installed", absent.to_owned());
        };
        self.deployment(of, what, found, operator.trouble.as_deref(), pods);
    }

    fn deployment(
        &mut self,
        of: &str,
        what: &str,
        found: &Value,
        trouble: Option<&str>,
        pods: String,
    ) {
        let (wanted, up) = (wanted(found), available(found));
        let mut detail = format!("{up} of {wanted} pods are available");
        if let Some(trouble) = trouble {
            detail.push_str(&format!("; {}", trouble.trim()));
        }
        match up {
            0 if wanted > 0 => self.ill(of, what, detail, pods),
            0 => {
                let name = found["metadata"]["name"].as_str().unwrap_or_default();
                let to = pods.split(" -n ").next().unwrap_or("kubectl");
                let namespace = names::OPERATOR_NAMESPACE;
                let mend = format!("{to} -n {namespace} scale deployment {name} --replicas 1");
                self.ill(of, what, "it is scaled down to nothing", mend);
            }
            up if up < wanted => self.note(of, what, detail, pods),
            _ => self.well(of, what, detail),
        }
    }

    /// Conditions that are not as they should be, in the words of who set them.
    fn conditions(
        &mut self,
        of: &str,
        object: &Value,
        but: &[&str],
        mend: &dyn Fn(&str) -> String,
    ) {
        for condition in bad_conditions(object) {
            let text = |key: &str| condition[key].as_str().unwrap_or_default();
            let kind = text("type");
            if but.contains(&kind) {
                continue;
            }
            let message: Vec<&str> = text("message").lines().map(str::trim).collect();
            let mut detail = format!("{} ({})", message.join("; "), text("reason"));
            let since = text("lastTransitionTime").parse::<Timestamp>();
            let age = since.map_or(i64::MAX, |since| self.facts.now - since.as_second());
            let mark = match age < SETTLING {
                // What has only just changed may be on its way.
                true => {
                    detail.push_str(&format!(", for {}: it may pass", human(age)));
                    Mark::Note
                }
                false => Mark::Ill,
            };
            let mend = mend(text("reason"));
            self.add(of, kind, mark, detail, mend);
        }
    }

    /// The latest warnings of these namespaces.
    fn events(&mut self, of: &str, events: &[Event], to: &str, wanted: impl Fn(&str) -> bool) {
        let namespace = |event: &Event| event.metadata.namespace.clone().unwrap_or_default();
        let mut latest: Vec<(i64, &Event)> = events
            .iter()
            .filter(|event| wanted(&namespace(event)))
            .filter_map(|event| Some((last_seen(event)?.as_second(), event)))
            .filter(|(seen, _)| self.facts.now - seen < FRESH)
            .collect();
        latest.sort_by_key(|(seen, _)| -seen);
        for (seen, event) in latest.into_iter().take(EVENTS) {
            let about = &event.involved_object;
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let detail = format!(
                "{} {}: {} ({}, {} ago)",
                text(&about.kind),
                text(&about.name),
                text(&event.message).trim(),
                text(&event.reason),
                human(self.facts.now - seen)
            );
            let mend = format!("kubectl{to} -n {} get events", namespace(event));
            self.note(of, "warning", detail, mend);
        }
    }
}

/// Which of a list of conditions are bad: what is degraded, or is not what it
/// should be. Those that nobody here knows are not judged.
fn bad_conditions(object: &Value) -> impl Iterator<Item = &Value> {
    const GOOD: [&str; 9] = [
        "Applied",
        "Available",
        "ValidFeatureGates",
        "ReadyToApply",
        "HubAcceptedManagedCluster",
        "ManagedClusterJoined",
        "ManagedClusterConditionAvailable",
        "ManagedClusterConditionClockSynced",
        "ManagedClusterImportSucceeded",
    ];
    let conditions = object.pointer("/status/conditions");
    let conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    conditions.filter(|condition| {
        let text = |key: &str| condition[key].as_str().unwrap_or_default();
        let kind = text("type");
        match text("status") {
            "True" => kind.ends_with("Degraded"),
            "False" => GOOD.contains(&kind),
            _ => kind == "ManagedClusterConditionAvailable",
        }
    })
}

/// On which side of another clock one is.
fn side(ahead: i64) -> &'static str {
    match ahead > 0 {
        true => "ahead of",
        false => "behind",
    }
}

fn named(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
