//! AppliedManifestWorks: what they look like, and when one without its work goes. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::model::{
    APPLIED_FINALIZER, AppliedResource, AppliedSpec, AppliedStatus, AppliedWork, Work,
};

/// A grace period this long means: never (100 years).
pub const NEVER: Duration = Duration::from_secs(876_000 * 3600);

/// Annotation of a record: what is going to be created for a new work, before its
/// status says it. It saves a write, and counts only while the status lists nothing.
const INTENDED: &str = "ocmadm.io/intended";
/// An annotation of what is intended is no longer, bytes.
const LONGEST: usize = 32 * 1024;

/// The record of a work that is seen for the first time; `intended` is what will be
/// created for it.
pub fn new(
    name: String,
    hub_hash: &str,
    agent_id: &str,
    work_name: &str,
    work: &Work,
    intended: &[AppliedResource],
) -> AppliedWork {
    let annotations = Some(intended)
        .filter(|intended| !intended.is_empty())
        .and_then(|intended| serde_json::to_string(intended).ok())
        .filter(|intended| intended.len() <= LONGEST)
        .map(|intended| BTreeMap::from([(INTENDED.to_owned(), intended)]));
    AppliedWork {
        metadata: ObjectMeta {
            name: Some(name),
            annotations,
            labels: work.metadata.labels.clone(),
            finalizers: Some(vec![APPLIED_FINALIZER.to_owned()]),
            ..ObjectMeta::default()
        },
        spec: AppliedSpec {
            hub_hash: hub_hash.to_owned(),
            agent_id: agent_id.to_owned(),
            manifest_work_name: work_name.to_owned(),
        },
        status: AppliedStatus::default(),
    }
}

/// What may exist because of the record.
pub fn recorded(record: &AppliedWork) -> Cow<'_, [AppliedResource]> {
    if !record.status.applied_resources.is_empty() {
        return Cow::Borrowed(&record.status.applied_resources);
    }
    let annotations = record.metadata.annotations.as_ref();
    let intended = annotations.and_then(|annotations| annotations.get(INTENDED));
    intended
        .and_then(|intended| serde_json::from_str(intended).ok())
        .map_or_else(|| Cow::Borrowed(&[][..]), Cow::Owned)
}

/// Whether the agent that made the record ended before it had applied the work and
/// said so.
pub fn is_unfinished(record: &AppliedWork) -> bool {
    let annotations = record.metadata.annotations.as_ref();
    record.status.applied_resources.is_empty()
        && annotations.is_some_and(|annotations| annotations.contains_key(INTENDED))
}

/// The record without what does not count (any more).
pub fn trimmed(mut record: AppliedWork) -> AppliedWork {
    record.metadata.managed_fields = None;
    if !record.status.applied_resources.is_empty() {
        record.metadata.annotations = None;
    }
    record
}

/// A status with these resources.
pub fn status(
    mut applied_resources: Vec<AppliedResource>,
    eviction_start_time: Option<String>,
) -> AppliedStatus {
    applied_resources.sort();
    AppliedStatus {
        applied_resources,
        eviction_start_time,
    }
}

/// What happens to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// It stays; no start time.
    Keep,
    /// The grace period begins.
    Start,
    /// So much of it is left.
    Wait(Duration),
    /// It is over.
    Delete,
}

/// Decides by whether the work exists and when its absence was first seen.
pub fn evict(
    has_work: bool,
    start: Option<&str>,
    grace: Duration,
    now: jiff::Timestamp,
) -> Eviction {
    if has_work || grace >= NEVER {
        return Eviction::Keep;
    }
    let Some(start) = start.and_then(|s| s.parse::<jiff::Timestamp>().ok()) else {
        return Eviction::Start;
    };
    let passed = Duration::try_from(now.duration_since(start)).unwrap_or_default();
    match grace.checked_sub(passed) {
        Some(left) if !left.is_zero() => Eviction::Wait(left),
        _ => Eviction::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(text: &str) -> jiff::Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_intended_counts_until_the_status_lists_something() {
        let entry = |name: &str| AppliedResource {
            version: "v1".into(),
            resource: "configmaps".into(),
            name: name.into(),
            ..AppliedResource::default()
        };
        let record = |intended: &[AppliedResource]| {
            new("r".into(), "h", "a", "w", &Work::default(), intended)
        };
        let mut one = trimmed(record(&[entry("a")]));
        assert_eq!(*recorded(&one), [entry("a")]);
        assert!(is_unfinished(&one));
        one.status.applied_resources = vec![entry("b")];
        assert_eq!(*recorded(&one), [entry("b")]);
        assert!(!is_unfinished(&one));
        one = trimmed(one);
        one.status.applied_resources.clear();
        assert!(recorded(&one).is_empty());
        // Nothing is said of nothing.
        assert!(record(&[]).metadata.annotations.is_none());
        // What is too long for an annotation is left to the status.
        let many: Vec<_> = (0..1000).map(|i| entry(&format!("map-{i}"))).collect();
        assert!(record(&many).metadata.annotations.is_none());
        assert!(recorded(&record(&many)).is_empty());
        assert!(!is_unfinished(&record(&many)));
    }

    #[test]
    fn work_01_and_02_the_record_says_which_hub_which_agent_which_work() {
        let mut work = Work::default();
        work.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        let record = new("hash-w".into(), "hash", "agent", "w", &work, &[]);
        assert_eq!(
            record.spec,
            AppliedSpec {
                hub_hash: "hash".into(),
                agent_id: "agent".into(),
                manifest_work_name: "w".into()
            }
        );
        assert_eq!(record.metadata.labels, work.metadata.labels);
        assert_eq!(
            record.metadata.finalizers,
            Some(vec![APPLIED_FINALIZER.to_owned()])
        );
    }

    #[test]
    fn work_41_a_record_without_work_goes_after_the_grace() {
        let now = at("2026-01-01T02:00:00Z");
        assert_eq!(evict(false, None, HOUR, now), Eviction::Start);
        assert_eq!(
            evict(false, Some("2026-01-01T01:30:00Z"), HOUR, now),
            Eviction::Wait(HOUR / 2)
        );
        assert_eq!(
            evict(false, Some("2026-01-01T00:59:00Z"), HOUR, now),
            Eviction::Delete
        );
        assert_eq!(
            evict(true, Some("2026-01-01T00:00:00Z"), HOUR, now),
            Eviction::Keep
        );
    }

    #[test]
    fn work_42_a_hundred_years_are_for_ever() {
        let now = at("2026-01-01T02:00:00Z");
        assert_eq!(
            evict(false, Some("1900-01-01T00:00:00Z"), HOUR * 876_000, now),
            Eviction::Keep
        );
    }
}
