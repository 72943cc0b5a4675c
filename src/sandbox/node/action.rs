//! What a decision changes, and the thin applier that does it.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::{Binding, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::DynamicObject;
use kube::{Api, Client};
use serde_json::Value;

use super::object::{Kind, Name};

/// The field manager of every write of the simulator.
pub const FIELD_MANAGER: &str = "ocmadm-sandbox-node";

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates an object in a namespace.
    Create {
        /// Its kind.
        kind: Kind,
        /// Where.
        namespace: String,
        /// The whole object.
        body: Value,
    },
    /// Merges a patch into an object or its status.
    Merge {
        /// Its kind.
        kind: Kind,
        /// Which.
        name: Name,
        /// Whether `body` goes to the subresource `status`.
        status: bool,
        /// The merge patch.
        body: Value,
    },
    /// Deletes exactly this object, not a successor of the same name.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Which.
        name: Name,
        /// The one that is meant.
        uid: String,
        /// Seconds; the object's own when absent.
        grace: Option<u32>,
    },
    /// Puts a pod on a node.
    Bind {
        /// The pod.
        name: Name,
        /// The one that is meant.
        uid: String,
        /// The node's name.
        node: String,
    },
}

/// What to do now, and when to look again without being told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Independent of each other: carried out together.
    pub actions: Vec<Action>,
    /// Only for what time itself drives.
    pub again: Option<Duration>,
}

impl Decision {
    /// Looks again after `delay` at the latest.
    pub fn look_again(&mut self, delay: Duration) {
        self.again = Some(self.again.map_or(delay, |known| known.min(delay)));
    }
}

/// A merge patch that makes `old` into `new` at the top level, `None` where
/// they are equal.
pub fn difference(old: &Value, new: &Value) -> Option<Value> {
    let empty = serde_json::Map::new();
    let old = old.as_object().unwrap_or(&empty);
    let new = new.as_object().unwrap_or(&empty);
    let changed = new
        .iter()
        .filter(|(key, value)| old.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), nulls_for_missing(old.get(key), value)));
    let removed = old
        .keys()
        .filter(|key| !new.contains_key(*key))
        .map(|key| (key.clone(), Value::Null));
    let patch: serde_json::Map<String, Value> = changed.chain(removed).collect();
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// A merge patch merges nested objects: keys that are to go need a null.
fn nulls_for_missing(old: Option<&Value>, new: &Value) -> Value {
    let (Some(Value::Object(old)), Value::Object(new)) = (old, new) else {
        return new.clone();
    };
    let mut patch = new.clone();
    for (key, value) in old {
        match new.get(key) {
            None => patch.insert(key.clone(), Value::Null),
            Some(kept) => patch.insert(key.clone(), nulls_for_missing(Some(value), kept)),
        };
    }
    Value::Object(patch)
}

/// The write that brings an object's status to `new`, if it differs.
pub fn status_action(
    kind: Kind,
    metadata: &ObjectMeta,
    old: &Value,
    new: &Value,
) -> Option<Action> {
    let patch = difference(old, new)?;
    Some(Action::Merge {
        kind,
        name: Name::of(metadata),
        status: true,
        body: serde_json::json!({
            "metadata": {"uid": metadata.uid},
            "status": patch,
        }),
    })
}

/// What came of a decision's actions.
#[derive(Default)]
pub struct Outcome {
    /// Objects as the server has them now.
    pub objects: Vec<(Kind, DynamicObject)>,
    /// Why some actions failed; the decision is taken again later.
    pub errors: Vec<kube::Error>,
}

/// At most this many writes of one decision at the same time.
const CONCURRENT_WRITES: usize = 16;

/// Carries the actions out.
pub async fn apply(client: Client, actions: Vec<Action>) -> Outcome {
    let results = stream::iter(actions.into_iter().map(|action| {
        let client = client.clone();
        async move { apply_one(&client, action).await }
    }))
    .buffer_unordered(CONCURRENT_WRITES)
    .collect::<Vec<_>>()
    .await;
    let mut outcome = Outcome::default();
    for result in results {
        match result {
            Ok(Some(object)) => outcome.objects.push(object),
            Ok(None) => {}
            Err(error) => outcome.errors.push(error),
        }
    }
    outcome
}

async fn apply_one(
    client: &Client,
    action: Action,
) -> Result<Option<(Kind, DynamicObject)>, kube::Error> {
    let api = |kind: Kind, namespace: &str| {
        Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind.api_resource())
    };
    let post = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let result = match action {
        Action::Create {
            kind,
            namespace,
            body,
        } => {
            let object = serde_json::from_value(body).map_err(kube::Error::SerdeError)?;
            let created = api(kind, &namespace).create(&post, &object).await;
            created.map(|object| Some((kind, object)))
        }
        Action::Merge {
            kind,
            name,
            status,
            body,
        } => {
            let api = api(kind, &name.namespace);
            let params = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let patch = Patch::Merge(&body);
            let patched = if status {
                api.patch_status(&name.name, &params, &patch).await
            } else {
                api.patch(&name.name, &params, &patch).await
            };
            patched.map(|object| Some((kind, object)))
        }
        Action::Delete {
            kind,
            name,
            uid,
            grace,
        } => {
            let params = DeleteParams {
                grace_period_seconds: grace,
                preconditions: Some(Preconditions {
                    uid: Some(uid),
                    ..Preconditions::default()
                }),
                ..DeleteParams::default()
            };
            // The watch tells what became of it.
            let deleted = api(kind, &name.namespace).delete(&name.name, &params).await;
            deleted.map(|_| None)
        }
        Action::Bind { name, uid, node } => {
            let pods =
                Api::<k8s_openapi::api::core::v1::Pod>::namespaced(client.clone(), &name.namespace);
            let binding = Binding {
                metadata: ObjectMeta {
                    name: Some(name.name.clone()),
                    uid: Some(uid),
                    ..ObjectMeta::default()
                },
                target: ObjectReference {
                    api_version: Some("v1".to_owned()),
                    kind: Some("Node".to_owned()),
                    name: Some(node),
                    ..ObjectReference::default()
                },
            };
            let bound: Result<Value, _> = pods
                .create_subresource("binding", &name.name, &post, &binding)
                .await;
            bound.map(|_| None)
        }
    };
    match result {
        // Gone, or replaced by another of the same name: the watch says so too.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_is_written_only_where_it_differs() {
        let old = json!({"a": 1, "b": [1], "c": {"x": 1, "y": 2}});
        assert_eq!(difference(&old, &old), None);
        assert_eq!(
            difference(&old, &json!({"a": 2, "c": {"x": 1}})),
            Some(json!({"a": 2, "b": null, "c": {"x": 1, "y": null}}))
        );
        assert_eq!(
            difference(&Value::Null, &json!({"a": 1})),
            Some(json!({"a": 1}))
        );
    }

    #[test]
    fn the_earliest_time_wins() {
        let mut decision = Decision::default();
        decision.look_again(Duration::from_secs(5));
        decision.look_again(Duration::from_secs(9));
        assert_eq!(decision.again, Some(Duration::from_secs(5)));
    }
}
