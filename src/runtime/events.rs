//! Events for people: what happened to an object, written beside it.

use jiff::Timestamp;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use k8s_openapi::api::events::v1::Event;

/// What happened.
#[derive(Clone, Debug)]
pub struct Note<'a> {
    /// Where to write it.
    pub namespace: &'a str,
    /// Whether it is bad news.
    pub warning: bool,
    /// Reason and action in one word.
    pub reason: &'a str,
    /// What happened, in a sentence.
    pub note: String,
    /// Which controller tells it.
    pub controller: &'a str,
    /// `apiVersion`, `kind`, `name` and `uid` of the object it is about.
    pub regarding: [&'a str; 4],
}

/// Writes an event. A failure is only logged: events are for people.
pub async fn publish(client: &Client, note: Note<'_>) {
    let now = Timestamp::now();
    let [api_version, kind, name, uid] = note.regarding;
    let event: Value = json!({
        "metadata": {
            "namespace": note.namespace,
            "name": format!("{name}.{:x}", now.as_nanosecond()),
        },
        "eventTime": format!("{now:.6}"),
        "type": if note.warning { "Warning" } else { "Normal" },
        "reason": note.reason,
        "action": note.reason,
        "note": note.note,
        "reportingController": note.controller,
        "reportingInstance": super::leader::identity(),
        "regarding": {
            "apiVersion": api_version, "kind": kind, "name": name, "uid": uid,
            // The API server wants it to agree with the event's own.
            "namespace": note.namespace,
        },
    });
    let result = match serde_json::from_value::<Event>(event) {
        Ok(event) => {
            let api: Api<Event> = Api::namespaced(client.clone(), note.namespace);
            api.create(&PostParams::default(), &event)
                .await
                .map(|_| ())
                .map_err(|error| super::source_chain(&error))
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = result {
        tracing::debug!(namespace = note.namespace, reason = note.reason, %error, "event not written");
    }
}
