//! What the agent remembers of a work between two reconciliations. It can be
//! lost: then everything is looked at again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::apply::{Live, Memory, Outcome, Retry};
use super::config::Settings;
use super::feedback::{self, Limits};
use super::manifest::Decoded;
use super::model::{AppliedResource, AppliedWork, ResourceMeta, Work};
use super::prune::Sole;
use super::rules;
use super::status::{Availability, Failure, Feedback, Observed};
use super::watch::version;
use crate::k8s::discovery::Mapping;
use crate::runtime::Backoff;

/// Waits before a manifest that failed is tried again.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(30));
/// What a condition says of that. (A message that counted down would be a
/// write each time.)
const RETRIED_SOON: &str = " (tried again within 30s)";
/// The same of what somebody else has to give up first.
const RETRIED_LATE: &str = " (tried again within 4m)";
/// Corrections that follow one another faster than this are slowed down:
/// someone else wants another content.
const CALM: Duration = Duration::from_secs(10);
/// The longest wait before a correction.
const MAX_CORRECTION_DELAY: Duration = Duration::from_secs(240);

/// What the agent remembers of one work.
#[derive(Default)]
pub struct Local {
    /// The work as the hub answered last.
    pub work: Option<Arc<Work>>,
    /// The record as the managed cluster answered last.
    pub record: Option<Arc<AppliedWork>>,
    /// What was applied last.
    pub applied: Option<Applied>,
    /// The manifests.
    pub items: Vec<Item>,
    /// When everything is looked at again.
    pub resync_at: Option<Instant>,
    /// Rounds of waiting for resources to go.
    pub waits: u32,
    /// The hub deleted the work over the agent's finalizer, and its record is there.
    pub deleted: bool,
}

impl Local {
    /// Whether there is nothing worth remembering.
    pub const fn is_nothing(&self) -> bool {
        self.work.is_none() && self.record.is_none() && self.items.is_empty() && !self.deleted
    }
}

/// Tells whether everything has to be applied again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// UID and generation of the work.
    pub uid: Option<String>,
    /// Its generation.
    pub generation: Option<i64>,
    /// Its labels.
    pub labels: Option<std::collections::BTreeMap<String, String>>,
    /// UID of the record that owns the resources.
    pub record: Option<String>,
}

impl Applied {
    /// What it is once this work was applied for this record.
    pub fn of(work: &Work, record: &AppliedWork) -> Self {
        Self {
            uid: work.metadata.uid.clone(),
            generation: work.metadata.generation,
            labels: work.metadata.labels.clone(),
            record: record.metadata.uid.clone(),
        }
    }
}

/// One manifest.
pub struct Item {
    /// Its text, hashed.
    pub text: u64,
    /// The resource, if it is known.
    pub mapping: Option<Arc<Mapping>>,
    /// The kind was not served.
    pub unknown_kind: bool,
    /// What writes need to know of each other.
    pub memory: Memory,
    /// For the status.
    pub observed: Observed,
    /// UID of the resource; `None` when it is missing.
    pub uid: Option<String>,
    /// Whether the resource could be read.
    pub known: bool,
    /// Version of the resource that was seen; 0 when there is none.
    pub seen: u64,
    /// What was seen belongs to this work alone.
    pub sole: Option<Sole>,
    /// Something happened to the resource.
    pub dirty: bool,
    /// When to try again.
    pub retry_at: Option<Instant>,
    /// What was sent about it is on its way.
    pub flying: bool,
    /// Its namespace is not there, or goes.
    pub homeless: bool,
    failures: u32,
    corrected: Option<Instant>,
    correction_delay: Duration,
}

impl Item {
    /// A manifest that was not applied yet.
    pub fn new(decoded: &Decoded, text: u64) -> Self {
        Self {
            text,
            mapping: decoded.mapping.as_ref().ok().cloned(),
            unknown_kind: decoded.unknown_kind,
            memory: Memory::default(),
            observed: Observed {
                meta: decoded.meta.clone(),
                applied: Err(Failure::apply("not yet applied")),
                availability: Availability::Incomplete,
                feedback: Feedback::default(),
                rules: Vec::new(),
            },
            uid: None,
            known: false,
            seen: 0,
            sole: None,
            dirty: true,
            retry_at: None,
            flying: false,
            homeless: false,
            failures: 0,
            corrected: None,
            correction_delay: Duration::ZERO,
        }
    }

    /// Whether it is the same manifest (its place in the work aside).
    pub fn is(&self, meta: &ResourceMeta, text: u64) -> bool {
        let own = &self.observed.meta;
        self.text == text
            && own.name == meta.name
            && own.namespace == meta.namespace
            && own.kind == meta.kind
    }

    /// Whether it has to be looked at now.
    pub fn due(&self, now: Instant) -> bool {
        self.dirty || self.retry_at.is_some_and(|at| at <= now)
    }

    /// Something changed that may well be what it waits for: it is tried at
    /// once, and again soon if that was too early.
    pub fn hurry(&mut self) {
        self.dirty = true;
        self.failures = 0;
    }

    /// There is no answer yet about what was sent.
    pub fn unanswered(&mut self) {
        self.flying = true;
        self.dirty = false;
        self.retry_at = None;
        self.observed.applied = Err(Failure::apply(super::late::NO_ANSWER));
    }

    /// Whether a correction has to wait, as it was undone too often.
    pub fn calming(&self, now: Instant) -> Option<Instant> {
        let until = self.corrected? + self.correction_delay;
        (until > now).then_some(until)
    }

    /// Takes note of a look at the resource.
    pub fn note(
        &mut self,
        decoded: &Decoded,
        outcome: &Outcome,
        settings: &Settings<'_>,
        limits: Limits,
        correction: bool,
    ) {
        let now = Instant::now();
        self.dirty = false;
        self.flying = false;
        self.mapping = decoded.mapping.as_ref().ok().cloned();
        self.unknown_kind = decoded.unknown_kind;
        self.observed.meta = decoded.meta.clone();
        self.homeless = outcome
            .applied
            .as_ref()
            .is_err_and(|failure| lacks_namespace(&failure.message, &decoded.meta.namespace));
        self.observed.applied = match (&outcome.applied, outcome.retry) {
            (Err(failure), Retry::Backoff) => Err(failure.clone().retried(RETRIED_SOON)),
            (Err(failure), Retry::After(_)) => Err(failure.clone().retried(RETRIED_LATE)),
            (applied, _) => applied.clone(),
        };
        self.sole = match &outcome.live {
            Live::Exists(object) => Sole::of(object),
            Live::Missing | Live::Unknown(_) => None,
        };
        match &outcome.live {
            Live::Exists(object) => {
                self.known = true;
                let metadata = &object["metadata"];
                self.uid = metadata["uid"].as_str().map(str::to_owned);
                self.seen = version(metadata["resourceVersion"].as_str());
                self.observed.availability = Availability::Exists;
                self.observed.feedback = feedback::collect(settings.feedback, object, limits);
                self.observed.rules = rules::evaluate(settings.conditions, object);
            }
            Live::Missing => {
                self.known = true;
                self.uid = None;
                self.seen = 0;
                self.observed.availability = Availability::Missing;
            }
            Live::Unknown(error) => {
                self.known = false;
                let meta = &decoded.meta;
                let incomplete =
                    meta.resource.is_empty() || meta.version.is_empty() || meta.name.is_empty();
                self.observed.availability = if incomplete {
                    Availability::Incomplete
                } else {
                    Availability::Unknown(error.clone())
                };
            }
        }
        self.retry_at = match outcome.retry {
            Retry::No => {
                self.failures = 0;
                None
            }
            Retry::Backoff => {
                self.failures = self.failures.saturating_add(1);
                Some(now + BACKOFF.delay(self.failures))
            }
            Retry::After(delay) => Some(now + delay),
        };
        if correction && outcome.wrote {
            let hasty = self
                .corrected
                .is_some_and(|at| now.duration_since(at) < CALM + self.correction_delay);
            self.correction_delay = if hasty {
                (self.correction_delay * 2).clamp(Duration::from_secs(1), MAX_CORRECTION_DELAY)
            } else {
                Duration::ZERO
            };
            self.corrected = Some(now);
        }
    }

    /// The entry for the record: resources that exist, with their UID.
    pub fn resource(&self) -> Option<AppliedResource> {
        let meta = &self.observed.meta;
        (!meta.resource.is_empty() && !meta.name.is_empty()).then(|| AppliedResource {
            group: meta.group.clone(),
            version: meta.version.clone(),
            resource: meta.resource.clone(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            uid: self.uid.clone().unwrap_or_default(),
        })
    }
}

/// Whether an API server refuses because of the namespace: it is not there, or it is
/// on its way out.
fn lacks_namespace(message: &str, namespace: &str) -> bool {
    !namespace.is_empty()
        && (message.contains(&format!("namespaces \"{namespace}\" not found"))
            || message.contains(&format!(
                "in namespace {namespace} because it is being terminated"
            )))
}

/// What is known to belong to this work alone, by resource.
pub fn sole(items: &[Item]) -> HashMap<AppliedResource, Sole> {
    items
        .iter()
        .filter(|item| !item.dirty)
        .filter_map(|item| Some((item.resource()?, item.sole.clone()?)))
        .collect()
}

/// The list for the record, and what it has that the work does not have any more.
pub fn tracked(
    items: &[Item],
    recorded: &[AppliedResource],
) -> (Vec<AppliedResource>, Vec<AppliedResource>) {
    let mut current = Vec::with_capacity(items.len());
    let mut keys = std::collections::HashSet::new();
    let wanted: Vec<(AppliedResource, bool)> = items
        .iter()
        .filter_map(|i| Some((i.resource()?, i.known)))
        .collect();
    for (entry, known) in &wanted {
        if !keys.insert(entry.key()) {
            continue;
        }
        if !entry.uid.is_empty() {
            current.push(entry.clone());
        } else if !known {
            // It could not be read: what was known stays.
            current.extend(recorded.iter().find(|r| r.key() == entry.key()).cloned());
        }
    }
    // A manifest that cannot be read may be of anything that is recorded.
    let blind = items.iter().any(|i| i.observed.meta.kind.is_empty());
    let mut stale = Vec::new();
    for entry in recorded.iter().filter(|r| !keys.contains(&r.key())) {
        // A kind that is not served at present may be this very resource.
        let hidden = items.iter().any(|item| {
            let meta = &item.observed.meta;
            item.mapping.is_none()
                && meta.group == entry.group
                && meta.name == entry.name
                && meta.resource.is_empty()
        });
        if hidden || blind {
            current.push(entry.clone());
        } else {
            stale.push(entry.clone());
        }
    }
    current.sort();
    (current, stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, uid: Option<&str>, known: bool) -> Item {
        let meta = ResourceMeta {
            version: "v1".into(),
            kind: "ConfigMap".into(),
            resource: "configmaps".into(),
            name: name.into(),
            namespace: "n".into(),
            ..ResourceMeta::default()
        };
        let decoded = Decoded {
            meta,
            object: serde_json::Value::Null,
            mapping: Err(String::new()),
            unknown_kind: false,
        };
        let mut item = Item::new(&decoded, 0);
        item.uid = uid.map(str::to_owned);
        item.known = known;
        item
    }

    fn entry(name: &str, uid: &str) -> AppliedResource {
        AppliedResource {
            version: "v1".into(),
            resource: "configmaps".into(),
            namespace: "n".into(),
            name: name.into(),
            uid: uid.into(),
            ..AppliedResource::default()
        }
    }

    #[test]
    fn work_31_and_32_the_record_has_what_exists_and_names_what_went() {
        let items = [
            item("b", Some("2"), true),
            item("a", Some("1"), true),
            item("missing", None, true),
        ];
        let (current, stale) = tracked(
            &items,
            &[entry("a", "0"), entry("old", "9"), entry("missing", "8")],
        );
        assert_eq!(current, [entry("a", "1"), entry("b", "2")]);
        assert_eq!(stale, [entry("old", "9")]);
    }

    #[test]
    fn what_cannot_be_read_stays_recorded() {
        let (current, stale) = tracked(&[item("a", None, false)], &[entry("a", "1")]);
        assert_eq!((current, stale), (vec![entry("a", "1")], Vec::new()));
        let mut unknown = item("a", None, false);
        unknown.observed.meta.resource.clear();
        let (current, stale) = tracked(&[unknown], &[entry("a", "1"), entry("b", "2")]);
        assert_eq!(
            (current, stale),
            (vec![entry("a", "1")], vec![entry("b", "2")])
        );
    }

    #[test]
    fn while_a_manifest_cannot_be_read_nothing_is_pruned() {
        let mut unread = item("a", None, false);
        unread.observed.meta = ResourceMeta::default();
        let recorded = [entry("a", "1"), entry("b", "2")];
        let (current, stale) = tracked(&[unread], &recorded);
        assert_eq!((current, stale), (recorded.to_vec(), Vec::new()));
    }

    #[test]
    fn work_33_another_version_is_the_same_resource() {
        let mut newer = item("a", Some("1"), true);
        newer.observed.meta.version = "v2".into();
        let (current, stale) = tracked(&[newer], &[entry("a", "1")]);
        assert_eq!(
            (
                current[0].version.as_str(),
                current[0].uid.as_str(),
                stale.len()
            ),
            ("v2", "1", 0)
        );
    }
}
