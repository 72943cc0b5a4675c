//! Whether a template add-on is available and its hooks are done, as its works
//! tell (protocol, section 10). Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::ocm::addon::v1alpha1::CONDITION_AVAILABLE;
use crate::ocm::conditions::{self, FALSE, TRUE, UNKNOWN, condition};
use crate::ocm::work::v1::{self as work, FeedbackValue};

use super::template::plural;
use super::view::{ManifestId, Work, Workload};
use super::works::JOB_FAILED;

/// Condition of add-ons: their hooks have run.
pub const CONDITION_HOOKS: &str = "HookManifestCompleted";

/// What is known of a manifest.
fn values<'a>(works: &[&'a Work], id: &ManifestId) -> Option<&'a [FeedbackValue]> {
    let resource = plural(&id.kind);
    works
        .iter()
        .flat_map(|work| &work.reported)
        .find(|reported| {
            reported.group == id.group
                && reported.resource == resource
                && reported.namespace == id.namespace
                && reported.name == id.name
        })
        .map(|reported| reported.values.as_slice())
}

fn number(values: &[FeedbackValue], name: &str) -> Option<i64> {
    let value = values.iter().find(|value| value.name == name)?;
    value.field_value.integer
}

fn text<'a>(values: &'a [FeedbackValue], name: &str) -> Option<&'a str> {
    let value = values.iter().find(|value| value.name == name)?;
    value.field_value.string.as_deref()
}

/// Whether the add-on is available, by the works that deploy it (statement 26).
/// What they bring counts, not what a template says by now: so it is true also
/// while a change waits, or cannot be rendered.
#[must_use]
pub fn available(addon: &str, works: &[&Work]) -> Condition {
    let answer =
        |status, reason, message: String| condition(CONDITION_AVAILABLE, status, reason, message);
    if works.is_empty() {
        return answer(
            UNKNOWN,
            "WorkNotFound",
            "Addon manifestWork is not found".into(),
        );
    }
    for work in works {
        match conditions::find(&work.conditions, work::CONDITION_AVAILABLE) {
            None => {
                let message = "Addon manifestWork is not applied yet".into();
                return answer(UNKNOWN, "WorkNotApplied", message);
            }
            Some(condition) if condition.status != TRUE => {
                return answer(FALSE, "WorkNotApplied", condition.message.clone());
            }
            Some(_) => {}
        }
    }
    let mut workloads = works.iter().flat_map(|work| &work.workloads).peekable();
    if workloads.peek().is_none() {
        return answer(TRUE, "WorkApplied", "Addon manifestWork is applied".into());
    }
    // A workload that is to have no pods reports none.
    for Workload { id, .. } in workloads.filter(|workload| !workload.idle) {
        let Some(values) = values(works, id).filter(|values| !values.is_empty()) else {
            return answer(
                UNKNOWN,
                "NoProbeResult",
                "Probe results are not returned".into(),
            );
        };
        if let Err(error) = probe(id, values) {
            let message = format!("Probe addon unavailable with err {error}");
            return answer(FALSE, "ProbeUnavailable", message);
        }
    }
    answer(
        TRUE,
        "ProbeAvailable",
        format!("{addon} add-on is available."),
    )
}

fn probe(id: &ManifestId, values: &[FeedbackValue]) -> Result<(), String> {
    if id.kind == "DaemonSet" {
        let (ready, desired) = (
            number(values, "NumberReady").unwrap_or(0),
            number(values, "DesiredNumberScheduled").unwrap_or(0),
        );
        return if ready == desired {
            Ok(())
        } else {
            Err(format!("{id} has {ready} of {desired} pods ready"))
        };
    }
    let ready = number(values, "ReadyReplicas").unwrap_or(0);
    match number(values, "Replicas") {
        Some(0) => Ok(()),
        _ if ready >= 1 => Ok(()),
        replicas => Err(format!(
            "{id} has {ready} of {} replicas ready",
            replicas.unwrap_or(0)
        )),
    }
}

/// Whether the hooks have run (statement 25).
#[must_use]
pub fn hooks(work: Option<&Work>, hooks: &[ManifestId]) -> Condition {
    let unfinished = |message: String| {
        condition(
            CONDITION_HOOKS,
            FALSE,
            "HookManifestIsNotCompleted",
            message,
        )
    };
    let Some(work) = work else {
        return unfinished("the hooks are about to be started".to_owned());
    };
    if !conditions::is_true(&work.conditions, work::CONDITION_AVAILABLE) {
        return unfinished("the work of the hooks is not available yet".to_owned());
    }
    let says = |id: &ManifestId, of_job: (&str, &str), of_pod: &str| {
        values(&[work], id).is_some_and(|values| match id.kind.as_str() {
            "Job" => text(values, of_job.0) == Some(of_job.1),
            _ => text(values, "PodPhase") == Some(of_pod),
        })
    };
    let unfinished_hook = hooks
        .iter()
        .find(|id| !says(id, ("JobComplete", "True"), "Succeeded"));
    match unfinished_hook {
        Some(id) if says(id, (JOB_FAILED, "True"), "Failed") => unfinished(format!(
            "{id} has failed; to run it again, as the template says by then, delete the ManifestWork of the hooks"
        )),
        Some(id) => unfinished(format!("{id} has not completed")),
        None => condition(
            CONDITION_HOOKS,
            TRUE,
            "HookManifestIsCompleted",
            "all hooks have completed",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::hub::addon::view::Reported;

    /// A work with one object, of which these values are known.
    fn work(kind: &str, values: &[(&str, Value)]) -> Work {
        let value = |(name, value): &(&str, Value)| {
            let field = match value {
                Value::String(_) => json!({"type": "String", "string": value}),
                _ => json!({"type": "Integer", "integer": value}),
            };
            serde_json::from_value(json!({"name": name, "fieldValue": field})).unwrap()
        };
        let group = if kind == "Job" { "batch" } else { "apps" };
        let id = ManifestId {
            group: group.into(),
            kind: kind.into(),
            namespace: "n".into(),
            name: "d".into(),
        };
        Work {
            workloads: vec![Workload { id, idle: false }],
            conditions: vec![condition(work::CONDITION_AVAILABLE, TRUE, "R", "m")],
            reported: vec![Reported {
                group: group.into(),
                resource: plural(kind),
                namespace: "n".into(),
                name: "d".into(),
                values: values.iter().map(value).collect(),
            }],
            ..Work::default()
        }
    }

    fn told(condition: &Condition) -> (&str, &str, &str) {
        (&condition.status, &condition.reason, &condition.message)
    }

    #[test]
    fn addon_26_what_the_works_tell() {
        assert_eq!(
            told(&available("a", &[])),
            (UNKNOWN, "WorkNotFound", "Addon manifestWork is not found")
        );
        let mut fresh = work("Deployment", &[]);
        fresh.conditions.clear();
        assert_eq!(
            told(&available("a", &[&fresh])),
            (
                UNKNOWN,
                "WorkNotApplied",
                "Addon manifestWork is not applied yet"
            )
        );
        fresh.conditions = vec![condition(work::CONDITION_AVAILABLE, FALSE, "R", "why")];
        assert_eq!(
            told(&available("a", &[&fresh])),
            (FALSE, "WorkNotApplied", "why")
        );
        assert_eq!(
            told(&available("a", &[&work("Deployment", &[])])),
            (UNKNOWN, "NoProbeResult", "Probe results are not returned")
        );
        let zero = work("Deployment", &[("Replicas", json!(2))]);
        assert_eq!(
            told(&available("a", &[&zero])),
            (
                FALSE,
                "ProbeUnavailable",
                "Probe addon unavailable with err Deployment n/d has 0 of 2 replicas ready"
            )
        );
        let ready = work(
            "Deployment",
            &[("Replicas", json!(2)), ("ReadyReplicas", json!(1))],
        );
        let good = (TRUE, "ProbeAvailable", "a add-on is available.");
        assert_eq!(told(&available("a", &[&ready])), good);
        // No replicas wanted: told by the work, or by the cluster.
        let mut idle = work("Deployment", &[]);
        idle.workloads[0].idle = true;
        assert_eq!(told(&available("a", &[&idle])), good);
        let none = work("Deployment", &[("Replicas", json!(0))]);
        assert_eq!(told(&available("a", &[&none])), good);
        let mut without = none;
        without.workloads.clear();
        assert_eq!(
            told(&available("a", &[&without])),
            (TRUE, "WorkApplied", "Addon manifestWork is applied")
        );
    }

    #[test]
    fn addon_26_a_daemon_set_needs_all_its_pods() {
        let status = |ready: i64| {
            let values = [
                ("NumberReady", json!(ready)),
                ("DesiredNumberScheduled", json!(3)),
            ];
            available("a", &[&work("DaemonSet", &values)]).status
        };
        assert_eq!((status(2).as_str(), status(3).as_str()), (FALSE, TRUE));
    }

    #[test]
    fn addon_25_hooks_are_done_when_their_feedback_says_so() {
        let job = ManifestId {
            group: "batch".into(),
            kind: "Job".into(),
            namespace: "n".into(),
            name: "d".into(),
        };
        let status = |work: Option<&Work>| hooks(work, std::slice::from_ref(&job)).status;
        assert_eq!(status(None), FALSE);
        assert_eq!(status(Some(&work("Job", &[]))), FALSE);
        let failed = work("Job", &[("JobFailed", json!("True"))]);
        let told = hooks(Some(&failed), std::slice::from_ref(&job));
        assert_eq!(told.status, FALSE);
        assert!(
            told.message
                .starts_with("Job n/d has failed; to run it again")
        );
        let mut done = work("Job", &[("JobComplete", json!("True"))]);
        assert_eq!(status(Some(&done)), TRUE);
        done.conditions.clear();
        assert_eq!(status(Some(&done)), FALSE);
    }
}
