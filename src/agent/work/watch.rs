//! Watches on the managed cluster, so that a change of an applied resource
//! reaches its works in milliseconds.
//!
//! A watch asks for metadata only and keeps nothing; works share it. There is
//! one per resource and namespace, and a single one for all namespaces where
//! works use many. What cannot be watched is polled by its works.

use std::cmp;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use crate::k8s::discovery::Mapping;
use crate::runtime::Metrics;
use crate::runtime::backoff::Backoff;
use crate::runtime::informer::is_of_the_connection;

/// From this many namespaces on, one watch serves all.
const NAMESPACES: usize = 8;
/// How long a refused watch is left alone.
const REFUSED: Duration = Duration::from_secs(120);

/// An object of the managed cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Resource and group.
    pub resource: Arc<str>,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// Names an object of `mapping`.
    pub fn new(mapping: &Mapping, namespace: &str, name: &str) -> Self {
        Self {
            resource: format!("{}.{}", mapping.resource.plural, mapping.resource.group).into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Something that a work wants to hear of.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its resource.
    pub mapping: Arc<Mapping>,
    /// Which object.
    pub key: ObjectKey,
    /// The version that the work has seen; 0 when it saw none.
    pub seen: u64,
}

/// Told which work has to look at which object, and its version.
pub type Notify = dyn Fn(&str, &ObjectKey, u64) + Send + Sync;

struct Watch {
    stop: CancellationToken,
    works: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    /// Which works look at an object, and what they saw.
    objects: BTreeMap<ObjectKey, Vec<(Arc<str>, u64)>>,
    by_work: HashMap<Arc<str>, Vec<ObjectKey>>,
    mappings: HashMap<Arc<str>, ApiResource>,
    /// Watches by resource and namespace (empty: all of them).
    watches: HashMap<(Arc<str>, String), Watch>,
}

struct Inner {
    client: Client,
    state: Mutex<State>,
    notify: Box<Notify>,
    metrics: Metrics,
    shutdown: CancellationToken,
}

/// The watches. Clones share them.
#[derive(Clone)]
pub struct Watches {
    inner: Arc<Inner>,
}

impl Watches {
    /// No watches yet; they end with `shutdown`.
    pub fn new(
        client: Client,
        metrics: Metrics,
        shutdown: CancellationToken,
        notify: impl Fn(&str, &ObjectKey, u64) + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                client,
                state: Mutex::default(),
                notify: Box::new(notify),
                metrics,
                shutdown,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on `work` hears of exactly these objects. Returns those that
    /// cannot be watched: the work has to look at them itself.
    pub fn track(&self, work: &str, wanted: Vec<Wanted>) -> Vec<ObjectKey> {
        let mut state = self.state();
        let mut touched: BTreeSet<Arc<str>> = BTreeSet::new();
        let work: Arc<str> = work.into();
        let keys: Vec<ObjectKey> = wanted.iter().map(|w| w.key.clone()).collect();
        let old = state.by_work.remove(&work).unwrap_or_default();
        if old != keys {
            let kept: HashSet<&ObjectKey> = keys.iter().collect();
            for key in old.iter().filter(|key| !kept.contains(key)) {
                touched.insert(Arc::clone(&key.resource));
                if let Some(works) = state.objects.get_mut(key) {
                    works.retain(|(w, _)| *w != work);
                    if works.is_empty() {
                        state.objects.remove(key);
                    }
                }
            }
        }
        let mut unwatchable = Vec::new();
        for wanted in wanted {
            if !wanted.mapping.watchable {
                unwatchable.push(wanted.key);
                continue;
            }
            let works = state.objects.entry(wanted.key.clone()).or_default();
            if let Some(entry) = works.iter_mut().find(|(w, _)| *w == work) {
                entry.1 = wanted.seen;
                continue;
            }
            works.push((Arc::clone(&work), wanted.seen));
            touched.insert(Arc::clone(&wanted.key.resource));
            state
                .mappings
                .entry(wanted.key.resource)
                .or_insert_with(|| wanted.mapping.resource.clone());
        }
        for resource in touched {
            self.arrange(&mut state, &resource);
        }
        let refused = keys.iter().filter(|key| {
            [key.namespace.as_str(), ""].iter().any(|namespace| {
                state
                    .watches
                    .get(&(Arc::clone(&key.resource), (*namespace).to_owned()))
                    .is_some_and(|watch| !watch.works.load(Ordering::Relaxed))
            })
        });
        unwatchable.extend(refused.cloned());
        if !keys.is_empty() {
            state.by_work.insert(work, keys);
        }
        unwatchable
    }

    /// `work` is about to write these objects: it hears of their changes from
    /// now on, besides what it hears of already. What happens between a write
    /// and [`Self::track`] would be lost otherwise.
    pub fn expect(&self, work: &str, wanted: Vec<Wanted>) {
        let mut state = self.state();
        let mut touched: BTreeSet<Arc<str>> = BTreeSet::new();
        let work: Arc<str> = work.into();
        for wanted in wanted.into_iter().filter(|w| w.mapping.watchable) {
            let works = state.objects.entry(wanted.key.clone()).or_default();
            if works.iter().any(|(w, _)| *w == work) {
                continue;
            }
            works.push((Arc::clone(&work), wanted.seen));
            touched.insert(Arc::clone(&wanted.key.resource));
            state
                .mappings
                .entry(Arc::clone(&wanted.key.resource))
                .or_insert_with(|| wanted.mapping.resource.clone());
            state
                .by_work
                .entry(Arc::clone(&work))
                .or_default()
                .push(wanted.key);
        }
        for resource in touched {
            self.arrange(&mut state, &resource);
        }
    }

    /// Starts and stops watches of `resource` as its objects need it.
    fn arrange(&self, state: &mut State, resource: &Arc<str>) {
        let from = ObjectKey {
            resource: Arc::clone(resource),
            namespace: String::new(),
            name: String::new(),
        };
        let mut namespaces: BTreeSet<String> = state
            .objects
            .range(from..)
            .take_while(|(key, _)| key.resource == *resource)
            .map(|(key, _)| key.namespace.clone())
            .collect();
        let everywhere = (Arc::clone(resource), String::new());
        let limit = if state.watches.contains_key(&everywhere) {
            NAMESPACES / 2
        } else {
            NAMESPACES
        };
        if namespaces.len() > limit {
            namespaces = BTreeSet::from([String::new()]);
        }
        let unused: Vec<(Arc<str>, String)> = state
            .watches
            .keys()
            .filter(|(r, namespace)| r == resource && !namespaces.contains(namespace))
            .cloned()
            .collect();
        for key in unused {
            if let Some(watch) = state.watches.remove(&key) {
                watch.stop.cancel();
            }
        }
        let Some(api_resource) = state.mappings.get(resource).cloned() else {
            return;
        };
        if namespaces.is_empty() {
            state.mappings.remove(resource);
        }
        for namespace in namespaces {
            let key = (Arc::clone(resource), namespace.clone());
            if state.watches.contains_key(&key) {
                continue;
            }
            let watch = Watch {
                stop: self.inner.shutdown.child_token(),
                works: Arc::new(AtomicBool::new(true)),
            };
            tokio::spawn(self.clone().run(
                api_resource.clone(),
                Arc::clone(resource),
                namespace,
                watch.stop.clone(),
                Arc::clone(&watch.works),
            ));
            state.watches.insert(key, watch);
        }
    }

    async fn run(
        self,
        api_resource: ApiResource,
        resource: Arc<str>,
        namespace: String,
        stop: CancellationToken,
        works: Arc<AtomicBool>,
    ) {
        let client = self.inner.client.clone();
        let api: Api<PartialObjectMeta<DynamicObject>> = if namespace.is_empty() {
            Api::all_with(client, &api_resource)
        } else {
            Api::namespaced_with(client, &namespace, &api_resource)
        };
        let watch =
            |api: &Api<_>| watcher::watcher(api.clone(), watcher::Config::default()).boxed();
        let mut stream = watch(&api);
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(15));
        let mut failures = 0_u32;
        let mut listed: HashSet<ObjectKey> = HashSet::new();
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = stream.next() => event,
            };
            let error = match event {
                None => return,
                Some(Ok(event)) => {
                    // A list that begins says nothing yet of how it ends.
                    if !matches!(event, Event::Init) {
                        failures = 0;
                        works.store(true, Ordering::Relaxed);
                    }
                    match event {
                        Event::Init => listed.clear(),
                        Event::InitApply(object) => {
                            if let Some(key) = self.tell_listed(&resource, &object) {
                                listed.insert(key);
                            }
                        }
                        Event::InitDone => {
                            self.tell_missing(&resource, &namespace, &std::mem::take(&mut listed));
                        }
                        Event::Apply(object) | Event::Delete(object) => {
                            self.tell(&resource, &object);
                        }
                    }
                    continue;
                }
                Some(Err(error)) => error,
            };
            failures = failures.saturating_add(1);
            self.inner.metrics.watch_failed(&api_resource.plural);
            if is_of_the_connection(&error) {
                // It may come back with an older store: see there.
                stream = watch(&api);
                listed.clear();
            }
            let delay = if refused(&error) {
                if works.swap(false, Ordering::Relaxed) {
                    tracing::info!(%resource, %namespace, %error, "cannot be watched; its works look at it from time to time");
                    self.tell_missing(&resource, &namespace, &HashSet::new());
                }
                REFUSED
            } else {
                backoff.delay(failures)
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    /// Tells the works that look at `object` and saw an older version.
    fn tell(&self, resource: &Arc<str>, object: &PartialObjectMeta<DynamicObject>) {
        self.tell_if(resource, object, |version, seen| {
            (version > seen).then_some(version)
        });
    }

    /// The same of an object in a list. One that is older than what a work saw is
    /// news too: the managed cluster may have been put back to a backup. Its key if
    /// there are works that look at it.
    fn tell_listed(
        &self,
        resource: &Arc<str>,
        object: &PartialObjectMeta<DynamicObject>,
    ) -> Option<ObjectKey> {
        self.tell_if(resource, object, |version, seen| match version.cmp(&seen) {
            cmp::Ordering::Equal => None,
            cmp::Ordering::Greater => Some(version),
            cmp::Ordering::Less => Some(u64::MAX),
        })
    }

    /// Tells the works that look at `object` what `news` makes of its version and
    /// the one they saw.
    fn tell_if(
        &self,
        resource: &Arc<str>,
        object: &PartialObjectMeta<DynamicObject>,
        news: impl Fn(u64, u64) -> Option<u64>,
    ) -> Option<ObjectKey> {
        let key = ObjectKey {
            resource: Arc::clone(resource),
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
        };
        let version = version(object.metadata.resource_version.as_deref());
        let works: Vec<(Arc<str>, u64)> = self
            .state()
            .objects
            .get(&key)?
            .iter()
            .filter_map(|(work, seen)| Some((Arc::clone(work), news(version, *seen)?)))
            .collect();
        for (work, version) in works {
            (self.inner.notify)(&work, &key, version);
        }
        Some(key)
    }

    /// Tells the works whose objects should be there and are not.
    fn tell_missing(&self, resource: &Arc<str>, namespace: &str, present: &HashSet<ObjectKey>) {
        let from = ObjectKey {
            resource: Arc::clone(resource),
            namespace: String::new(),
            name: String::new(),
        };
        let missing: Vec<(Arc<str>, ObjectKey)> = self
            .state()
            .objects
            .range(from..)
            .take_while(|(key, _)| key.resource == *resource)
            .filter(|(key, _)| {
                (namespace.is_empty() || key.namespace == namespace) && !present.contains(key)
            })
            .flat_map(|(key, works)| {
                works
                    .iter()
                    .filter(|(_, seen)| *seen > 0)
                    .map(|(work, _)| (Arc::clone(work), key.clone()))
            })
            .collect();
        for (work, key) in missing {
            (self.inner.notify)(&work, &key, u64::MAX);
        }
    }
}

/// Resource versions are numbers that grow; anything else is newer than all.
pub fn version(text: Option<&str>) -> u64 {
    text.map_or(0, |text| text.parse().unwrap_or(u64::MAX))
}

fn refused(error: &watcher::Error) -> bool {
    let code = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.code,
        watcher::Error::NoResourceVersion => return true,
        _ => 0,
    };
    matches!(code, 403..=405)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use kube::client::Body;
    use serde_json::json;

    use super::*;

    /// A server that answers everything with this error; how often it was asked.
    fn failing(code: u16) -> (Client, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let service = tower::service_fn(move |_: http::Request<Body>| {
            count.fetch_add(1, Ordering::SeqCst);
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "message": "no", "reason": "No", "code": code});
            let answer = http::Response::builder()
                .status(code)
                .body(Body::from(serde_json::to_vec(&status).unwrap()));
            async move { Ok::<_, std::convert::Infallible>(answer.unwrap()) }
        });
        (Client::new(service, "default"), asked)
    }

    type Told = Arc<Mutex<Vec<(String, String, u64)>>>;

    fn watches(client: Client) -> (Watches, Told) {
        let told = Told::default();
        let heard = Arc::clone(&told);
        let watches = Watches::new(
            client,
            Metrics::default(),
            CancellationToken::new(),
            move |work, key, version| {
                let mut told = heard.lock().unwrap();
                told.push((work.to_owned(), key.name.clone(), version));
            },
        );
        (watches, told)
    }

    fn wanted(name: &str, seen: u64) -> Wanted {
        let mapping = Mapping {
            resource: ApiResource {
                group: String::new(),
                version: "v1".into(),
                api_version: "v1".into(),
                kind: "ConfigMap".into(),
                plural: "configmaps".into(),
            },
            namespaced: true,
            watchable: true,
        };
        Wanted {
            key: ObjectKey::new(&mapping, "n", name),
            mapping: Arc::new(mapping),
            seen,
        }
    }

    fn changed(name: &str, version: &str) -> PartialObjectMeta<DynamicObject> {
        serde_json::from_value(json!({"metadata":
            {"namespace": "n", "name": name, "resourceVersion": version}}))
        .unwrap()
    }

    #[tokio::test]
    async fn what_changes_between_the_first_look_and_its_end_is_told() {
        let (watches, told) = watches(failing(500).0);
        // Another work has such a watch already.
        watches.track("other", vec![wanted("b", 1)]);
        watches.expect("w", vec![wanted("a", 0)]);
        let resource = wanted("a", 0).key.resource;
        // Written by the work as version 5, changed by someone before it says so.
        watches.tell(&resource, &changed("a", "6"));
        assert_eq!(*told.lock().unwrap(), [("w".into(), "a".into(), 6)]);
        // What it has seen is no news; what it hears of already stays.
        watches.track("w", vec![wanted("a", 6)]);
        watches.expect("w", vec![wanted("a", 0), wanted("c", 0)]);
        watches.tell(&resource, &changed("a", "6"));
        watches.tell(&resource, &changed("c", "7"));
        assert_eq!(
            told.lock().unwrap()[1..],
            [("w".to_owned(), "c".to_owned(), 7)]
        );
        // What was expected and is not tracked any more is forgotten.
        watches.track("w", vec![wanted("a", 6)]);
        watches.tell(&resource, &changed("c", "8"));
        assert_eq!(told.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn in_a_list_an_older_version_is_news_too() {
        let (watches, told) = watches(failing(500).0);
        watches.track("w", vec![wanted("a", 6)]);
        let resource = wanted("a", 0).key.resource;
        watches.tell(&resource, &changed("a", "5"));
        assert!(watches.tell_listed(&resource, &changed("a", "6")).is_some());
        assert!(watches.tell_listed(&resource, &changed("b", "6")).is_none());
        assert!(told.lock().unwrap().is_empty());
        watches.tell_listed(&resource, &changed("a", "5"));
        let told = told.lock().unwrap();
        assert_eq!(*told, [("w".into(), "a".into(), u64::MAX)]);
    }

    #[tokio::test]
    async fn a_list_that_fails_is_tried_less_and_less_often() {
        let (client, asked) = failing(500);
        let (watches, _) = watches(client);
        watches.track("w", vec![wanted("a", 1)]);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        // Always after 50 ms it would be 30 times; on a slow machine it is less.
        let asked = asked.load(Ordering::SeqCst);
        assert!((1..15).contains(&asked), "{asked} lists");
    }

    #[tokio::test]
    async fn works_look_themselves_at_what_may_not_be_watched() {
        let (watches, told) = watches(failing(403).0);
        assert!(watches.track("w", vec![wanted("a", 1)]).is_empty());
        while told.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(watches.track("w", vec![wanted("a", 1)]).len(), 1);
        assert_eq!(told.lock().unwrap().len(), 1);
    }
}
