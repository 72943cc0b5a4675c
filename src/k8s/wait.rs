//! Waiting by watch. Closed watches are begun again, one deadline bounds it
//! all, and whoever waits can say what for.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::time::Instant;

use super::client::{Failure, classify};

/// What a look at the objects says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State<T> {
    /// The condition holds.
    Met(T),
    /// Not yet, and why.
    Waiting(String),
    /// It never will, and why.
    Failed(String),
}

/// How a wait ended without its condition.
#[derive(Debug, Error)]
pub enum WaitError {
    /// The deadline came first.
    #[error("timed out after {after:?}: {detail}")]
    Timeout {
        /// How long was waited.
        after: Duration,
        /// What was still missing.
        detail: String,
    },
    /// It will never hold.
    #[error("{0}")]
    Failed(String),
    /// The server does not let us look.
    #[error("cannot watch")]
    Watch(#[source] Box<kube::Error>),
}

/// The objects seen, by `namespace/name` (or `name`).
pub type Objects<K> = BTreeMap<String, K>;

/// Watches the objects that match until `check` is satisfied. `check` runs on
/// the first complete list and on every change after it; `tell` hears what is
/// missing whenever that changes.
///
/// A type that is not served yet counts as an empty list.
///
/// # Errors
/// The deadline, a `Failed` of `check`, or a server that refuses for good.
pub async fn until<K, T>(
    api: Api<K>,
    config: watcher::Config,
    deadline: Instant,
    mut check: impl FnMut(&Objects<K>) -> State<T>,
    mut tell: impl FnMut(&str),
) -> Result<T, WaitError>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let began = Instant::now();
    let mut detail = "no answer yet".to_owned();
    let mut objects = Objects::new();
    let mut arriving = Objects::new();
    let mut pause = FIRST_PAUSE;
    let stream = watcher(api, config);
    pin_mut!(stream);
    loop {
        let Ok(event) = tokio::time::timeout_at(deadline, stream.next()).await else {
            return Err(WaitError::Timeout {
                after: began.elapsed(),
                detail,
            });
        };
        let changed = match event {
            Some(Ok(event)) => {
                pause = FIRST_PAUSE;
                take(event, &mut objects, &mut arriving)
            }
            Some(Err(error)) => {
                let error = kube_error(error);
                let changed = match error.as_ref().map(classify) {
                    Some(
                        Failure::Unauthorized
                        | Failure::Forbidden(_)
                        | Failure::UntrustedCa
                        | Failure::BadCertificate(_)
                        | Failure::NotTls,
                    ) => {
                        let Some(error) = error else { continue };
                        return Err(WaitError::Watch(Box::new(error)));
                    }
                    Some(Failure::NotFound(_)) => {
                        objects.clear();
                        true
                    }
                    Some(Failure::Unreachable(why)) => {
                        detail = why;
                        tell(&detail);
                        false
                    }
                    _ => false,
                };
                let wake = (Instant::now() + pause).min(deadline);
                tokio::time::sleep_until(wake).await;
                pause = (pause * 2).min(LAST_PAUSE);
                changed
            }
            // A watcher begins again by itself; it does not end.
            None => false,
        };
        if changed {
            match check(&objects) {
                State::Met(value) => return Ok(value),
                State::Failed(why) => return Err(WaitError::Failed(why)),
                State::Waiting(why) => {
                    if why != detail {
                        tell(&why);
                        detail = why;
                    }
                }
            }
        }
    }
}

/// [`until`] for one object, by name; `None` while it does not exist.
///
/// # Errors
/// As [`until`].
pub async fn until_object<K, T>(
    api: Api<K>,
    name: &str,
    deadline: Instant,
    mut check: impl FnMut(Option<&K>) -> State<T>,
    tell: impl FnMut(&str),
) -> Result<T, WaitError>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    until(
        api,
        config,
        deadline,
        |objects| check(objects.values().next()),
        tell,
    )
    .await
}

/// Waits until an object is gone.
///
/// # Errors
/// As [`until`].
pub async fn until_gone<K>(
    api: Api<K>,
    name: &str,
    deadline: Instant,
    tell: impl FnMut(&str),
) -> Result<(), WaitError>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    until_object(
        api,
        name,
        deadline,
        |object| match object {
            None => State::Met(()),
            Some(object) => State::Waiting(leaving(object)),
        },
        tell,
    )
    .await
}

/// What keeps an object that shall go.
pub(super) fn leaving<K: Resource>(object: &K) -> String {
    let finalizers = object.meta().finalizers.clone().unwrap_or_default();
    if object.meta().deletion_timestamp.is_none() {
        return format!("{} exists", object.name_any());
    }
    if finalizers.is_empty() {
        format!("{} is being deleted", object.name_any())
    } else {
        format!(
            "{} is being deleted, held by {}",
            object.name_any(),
            finalizers.join(", ")
        )
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Takes an event in; whether the set is complete and may have changed.
fn take<K: Resource>(event: Event<K>, objects: &mut Objects<K>, arriving: &mut Objects<K>) -> bool {
    match event {
        Event::Apply(object) => {
            objects.insert(key(&object), object);
            true
        }
        Event::Delete(object) => {
            objects.remove(&key(&object));
            true
        }
        Event::Init => {
            arriving.clear();
            false
        }
        Event::InitApply(object) => {
            arriving.insert(key(&object), object);
            false
        }
        Event::InitDone => {
            *objects = std::mem::take(arriving);
            true
        }
    }
}

fn key<K: Resource>(object: &K) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name_any()),
        None => object.name_any(),
    }
}

fn kube_error(error: watcher::Error) -> Option<kube::Error> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Some(error),
        watcher::Error::WatchError(status) => Some(kube::Error::Api(status)),
        watcher::Error::NoResourceVersion => None,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn map(name: &str) -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "n"}})).unwrap()
    }

    #[test]
    fn a_list_replaces_what_was_known() {
        let (mut objects, mut arriving) = (Objects::new(), Objects::new());
        assert!(take(Event::Apply(map("old")), &mut objects, &mut arriving));
        assert!(!take(Event::Init, &mut objects, &mut arriving));
        assert!(!take(
            Event::InitApply(map("new")),
            &mut objects,
            &mut arriving
        ));
        assert!(objects.contains_key("n/old"));
        assert!(take(Event::InitDone, &mut objects, &mut arriving));
        assert_eq!(objects.keys().collect::<Vec<_>>(), ["n/new"]);
        assert!(take(Event::Delete(map("new")), &mut objects, &mut arriving));
        assert!(objects.is_empty());
    }

    #[test]
    fn what_leaves_says_what_holds_it() {
        let mut object = map("a");
        assert_eq!(leaving(&object), "a exists");
        object.metadata.finalizers = Some(vec!["x/y".to_owned()]);
        object.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(leaving(&object), "a is being deleted, held by x/y");
    }
}
