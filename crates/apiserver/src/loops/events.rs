//! Events are news: they are deleted when they are old.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::follow::{Outcome, follow, until};
use super::hand::Hand;
use crate::api::GroupResource;
use crate::builtin::text;
use crate::registry::{Event, EventKind, Registry};

/// Kubernetes' `--event-ttl`.
const LIFETIME: Duration = Duration::from_secs(3600);

pub(super) async fn run(registry: Registry, stop: CancellationToken) {
    let resources = ["", "events.k8s.io"].map(|group| GroupResource::new(group, "events"));
    let events = registry.subscribe(&resources, true);
    let hand = Hand::new(registry, "event-ttl");
    let observe = |event: &Event| match event.kind() {
        EventKind::Deleted => Vec::new(),
        _ => vec![(
            event.gr().group.clone(),
            event.namespace().to_owned(),
            event.name().to_owned(),
        )],
    };
    let reconcile = |(group, namespace, name): (String, String, String)| {
        let hand = hand.clone();
        async move {
            reconcile(
                &hand,
                &GroupResource::new(&group, "events"),
                &namespace,
                &name,
            )
            .await
        }
    };
    follow("events", stop, events, observe, reconcile).await;
}

async fn reconcile(hand: &Hand, gr: &GroupResource, namespace: &str, name: &str) -> Outcome {
    let Some(event) = hand.read(gr, namespace, name) else {
        return Ok(None);
    };
    let Some(end) = end(&event) else {
        return Ok(None);
    };
    if Timestamp::now() < end {
        return Ok(Some(until(end)));
    }
    hand.delete(gr, &event, "Background").await?;
    Ok(None)
}

/// When an event is old: some time after it was last seen.
fn end(event: &Value) -> Option<Timestamp> {
    [
        "/lastTimestamp",
        "/series/lastObservedTime",
        "/eventTime",
        "/metadata/creationTimestamp",
    ]
    .iter()
    .filter_map(|field| text(event, field).parse::<Timestamp>().ok())
    .max()
    .map(|last| last + LIFETIME)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_time_counts() {
        let event = json!({
            "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
            "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T05:00:00Z",
            "eventTime": null,
        });
        assert_eq!(end(&event), Some("2026-01-01T06:00:00Z".parse().unwrap()));
        assert_eq!(end(&json!({})), None);
    }
}
