//! Why what was installed does not come up, in the cluster's own words: its
//! pods', its Deployment's, and the latest warning about either.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::k8s::client::Connection;

/// What stops the pods of a Deployment whose label `app` is its name; a line
/// each, the most telling first. Whoever may not look is told nothing.
pub async fn of(cluster: &Connection, namespace: &str, app: &str) -> Vec<String> {
    let client = &cluster.client;
    let (pods, deployments, events): (Api<Pod>, Api<Deployment>, Api<Event>) = (
        Api::namespaced(client.clone(), namespace),
        Api::namespaced(client.clone(), namespace),
        Api::namespaced(client.clone(), namespace),
    );
    let labelled = ListParams::default().labels(&format!("app={app}"));
    let warnings = ListParams::default().fields("type=Warning");
    let (pods, deployment, events) = tokio::join!(
        cluster.call(pods.list(&labelled)),
        cluster.call(deployments.get(app)),
        cluster.call(events.list(&warnings)),
    );
    let pods = pods.map(|list| list.items).unwrap_or_default();
    let events = events.map(|list| list.items).unwrap_or_default();
    told(app, &pods, deployment.ok().as_ref(), &events)
}

/// The same of everything in a namespace: of a few pods.
pub async fn within(cluster: &Connection, namespace: &str) -> Vec<String> {
    const TOLD: usize = 3;
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let pods = cluster.call(pods.list(&ListParams::default())).await;
    let pods = pods.map(|list| list.items).unwrap_or_default();
    pods.iter().filter_map(of_pod).take(TOLD).collect()
}

fn told(app: &str, pods: &[Pod], deployment: Option<&Deployment>, events: &[Event]) -> Vec<String> {
    let mut lines: Vec<String> = pods.iter().find_map(of_pod).into_iter().collect();
    if lines.is_empty()
        && let Some(deployment) = deployment
    {
        lines.extend(of_deployment(app, deployment));
    }
    let latest = events
        .iter()
        .filter(|event| {
            let about = event.involved_object.name.as_deref().unwrap_or_default();
            about == app || about.starts_with(&format!("{app}-"))
        })
        .max_by_key(|event| {
            let last = event.last_timestamp.as_ref().map(|time| time.0);
            let first = event.event_time.as_ref().map(|time| time.0);
            last.or(first).or(event
                .metadata
                .creation_timestamp
                .as_ref()
                .map(|time| time.0))
        });
    if let Some(event) = latest {
        let about = &event.involved_object;
        lines.push(format!(
            "event of {} {}: {} {}",
            about.kind.as_deref().unwrap_or_default().to_lowercase(),
            about.name.as_deref().unwrap_or_default(),
            event.reason.as_deref().unwrap_or_default(),
            one_line(event.message.as_deref().unwrap_or_default()),
        ));
    }
    lines
}

fn of_pod(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let name = pod.name_any();
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    if let Some(line) = containers.iter().find_map(of_container) {
        return Some(format!("pod {name} {line}"));
    }
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let unscheduled = conditions
        .iter()
        .find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    Some(format!(
        "pod {name} has no node: {}",
        one_line(
            unscheduled
                .message
                .as_deref()
                .unwrap_or("the scheduler does not say why")
        )
    ))
}

/// A container that waits, and how it last ended, if it did.
fn of_container(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let ended = container
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref())
        .map(|ended| {
            let reason = ended.reason.as_deref().unwrap_or("ended");
            format!(" (last: {reason}, exit code {})", ended.exit_code)
        });
    Some(format!(
        "waits: {} {}{}",
        waiting.reason.as_deref().unwrap_or_default(),
        one_line(waiting.message.as_deref().unwrap_or_default()),
        ended.unwrap_or_default()
    ))
}

/// Pods that cannot even be made.
fn of_deployment(app: &str, deployment: &Deployment) -> Option<String> {
    let conditions = deployment.status.as_ref()?.conditions.as_deref()?;
    let failed = conditions.iter().find(|one| {
        (one.type_ == "ReplicaFailure" && one.status == "True")
            || (one.type_ == "Progressing" && one.status == "False")
    })?;
    Some(format!(
        "deployment {app}: {}",
        one_line(failed.message.as_deref().unwrap_or_default())
    ))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "app-1"}, "status": status})).unwrap()
    }

    fn event(name: &str, at: &str, message: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": {}, "involvedObject": {"kind": "Pod", "name": name},
            "reason": "Failed", "message": message, "lastTimestamp": at,
        }))
        .unwrap()
    }

    #[test]
    fn the_cause_is_told_where_it_is_known() {
        let waiting = json!({"containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}},
        }]});
        let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False",
            "message": "0/1 nodes are available:\n1 too many pods."}]});
        let deployment = serde_json::from_value(json!({"metadata": {}, "status": {"conditions": [
            {"type": "ReplicaFailure", "status": "True", "message": "quota exceeded"}]}}))
        .unwrap();
        for (pods, line) in [
            (
                vec![pod(&waiting)],
                "pod app-1 waits: CrashLoopBackOff back-off 40s (last: Error, exit code 2)",
            ),
            (
                vec![pod(&unscheduled)],
                "pod app-1 has no node: 0/1 nodes are available: 1 too many pods.",
            ),
            (Vec::new(), "deployment app: quota exceeded"),
            (vec![pod(&json!({}))], "deployment app: quota exceeded"),
        ] {
            assert_eq!(told("app", &pods, Some(&deployment), &[]), [line]);
        }
        assert!(told("app", &[], None, &[]).is_empty());
    }

    #[test]
    fn of_events_the_latest_about_it_is_told() {
        let events = [
            event("app-1", "2026-01-01T00:00:02Z", "no such image"),
            event("app-1", "2026-01-01T00:00:01Z", "older"),
            event("apple", "2026-01-01T00:00:03Z", "of another"),
        ];
        assert_eq!(
            told("app", &[], None, &events),
            ["event of pod app-1: Failed no such image"]
        );
    }
}
