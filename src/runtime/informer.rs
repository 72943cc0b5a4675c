//! A watch with a store: what the API server has, trimmed to what is needed,
//! shared by every controller that looks at it.
//!
//! Objects are read as they come and handed to a parser; one that the parser
//! refuses is logged and left out, it never stops the watch.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::metrics::Metrics;

/// Namespace (empty for cluster-scoped objects) and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The namespace; empty when there is none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// The key of an object in `namespace`, or of a cluster-scoped one when it is empty.
    #[must_use]
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    fn of<K: Resource>(object: &K) -> Self {
        Self::new(
            object.meta().namespace.clone().unwrap_or_default(),
            object.name_any(),
        )
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// What happened to one object.
#[derive(Debug)]
pub enum Change<T> {
    /// It is there (and was `old` before).
    Applied {
        /// What it was, if it was known.
        old: Option<Arc<T>>,
        /// What it is.
        new: Arc<T>,
    },
    /// It is gone; this was its last known state.
    Deleted(Arc<T>),
}

impl<T> Change<T> {
    /// The newest known state.
    #[must_use]
    pub fn object(&self) -> &Arc<T> {
        match self {
            Self::Applied { new, .. } => new,
            Self::Deleted(old) => old,
        }
    }
}

impl<T: Resource> Change<T> {
    /// Whether the same object is as it was, or older: it was listed again, perhaps
    /// from a store that was put back to a backup.
    #[must_use]
    pub fn is_no_news(&self) -> bool {
        let version =
            |object: &T| -> Option<u64> { object.meta().resource_version.as_ref()?.parse().ok() };
        match self {
            Self::Applied {
                old: Some(old),
                new,
            } => old.meta().uid == new.meta().uid && version(new) <= version(old),
            _ => false,
        }
    }
}

type Handler<T> = Box<dyn Fn(&Key, &Change<T>) + Send + Sync>;
type Farewell<T> = Box<dyn Fn(&Key, &Arc<T>) + Send + Sync>;

/// What to watch.
#[derive(Clone, Debug)]
pub struct Scope {
    resource: ApiResource,
    namespace: Option<String>,
    config: watcher::Config,
    metadata_only: bool,
}

impl Scope {
    /// All objects of `resource`.
    #[must_use]
    pub fn all(resource: ApiResource) -> Self {
        Self {
            resource,
            namespace: None,
            config: watcher::Config::default(),
            metadata_only: false,
        }
    }

    /// All objects of a type of k8s-openapi or of ours.
    #[must_use]
    pub fn of<K>() -> Self
    where
        K: Resource<DynamicType = ()>,
    {
        Self::all(ApiResource::erase::<K>(&()))
    }

    /// Only those in `namespace`.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Only those that the label selector chooses.
    #[must_use]
    pub fn labels(mut self, selector: &str) -> Self {
        self.config = self.config.labels(selector);
        self
    }

    /// Only those that the field selector chooses.
    #[must_use]
    pub fn fields(mut self, selector: &str) -> Self {
        self.config = self.config.fields(selector);
        self
    }

    /// Only the one called `name`.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.fields(&format!("metadata.name={name}"))
    }

    /// Ask the server to end each watch after this long: one over a connection
    /// that is dead is noticed a moment later.
    #[must_use]
    pub fn watch_seconds(mut self, seconds: u32) -> Self {
        self.config = self.config.timeout(seconds);
        self
    }

    /// Ask the server for metadata alone: the parser sees an object without
    /// spec and status.
    #[must_use]
    pub const fn metadata_only(mut self) -> Self {
        self.metadata_only = true;
        self
    }

    /// A list, and a watch from there.
    fn stream(&self, client: Client) -> Events {
        let config = self.config.clone();
        if self.metadata_only {
            let api: Api<PartialObjectMeta<DynamicObject>> = self.api(client);
            return watcher::watcher(api, config)
                .map(|event| event.map(|event| map_event(event, from_metadata)))
                .boxed();
        }
        watcher::watcher(self.api::<DynamicObject>(client), config).boxed()
    }

    fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = ApiResource, Scope = kube::core::DynamicResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &self.resource),
            None => Api::all_with(client, &self.resource),
        }
    }
}

type Events = futures::stream::BoxStream<'static, Result<Event<DynamicObject>, watcher::Error>>;

struct Inner<T> {
    plural: String,
    objects: RwLock<HashMap<Key, Arc<T>>>,
    handlers: Mutex<Vec<Handler<T>>>,
    farewells: Mutex<Vec<Farewell<T>>>,
    synced: watch::Sender<bool>,
}

/// The store and its watch. Clones share it.
pub struct Informer<T> {
    inner: Arc<Inner<T>>,
    scope: Scope,
}

impl<T> Clone for Informer<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            scope: self.scope.clone(),
        }
    }
}

impl<T> fmt::Debug for Informer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Informer({})", self.inner.plural)
    }
}

/// Reads a whole object into a type, without its managedFields.
///
/// # Errors
/// The object does not have the type's shape.
pub fn typed<T: DeserializeOwned>(object: DynamicObject) -> Result<T, serde_json::Error> {
    // The parts as they are, without a detour over text.
    let DynamicObject {
        types,
        metadata,
        data,
    } = object;
    let mut value = data;
    if !value.is_object() {
        value = serde_json::Value::Object(serde_json::Map::new());
    }
    value["metadata"] = serde_json::to_value(metadata)?;
    if let Some(types) = types {
        value["apiVersion"] = types.api_version.into();
        value["kind"] = types.kind.into();
    }
    serde_json::from_value(value)
}

impl<T: Send + Sync + 'static> Informer<T> {
    /// A store of what `scope` has. It stays empty until [`Self::run`].
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            inner: Arc::new(Inner {
                plural: scope.resource.plural.clone(),
                objects: RwLock::new(HashMap::new()),
                handlers: Mutex::new(Vec::new()),
                farewells: Mutex::new(Vec::new()),
                synced: watch::Sender::new(false),
            }),
            scope,
        }
    }

    /// Calls `handler` for every change from now on, in order, after the store
    /// has it. Handlers only take notes (add keys to a queue).
    pub fn on_change(&self, handler: impl Fn(&Key, &Change<T>) + Send + Sync + 'static) {
        self.inner
            .handlers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(handler));
    }

    /// Calls `handler` with the last known state of what the API server says was
    /// deleted: what a list does not name (any more) may be missing for other reasons,
    /// as after the restoration of a backup. It is called before those of
    /// [`Self::on_change`], which hear of both.
    pub fn on_deleted(&self, handler: impl Fn(&Key, &Arc<T>) + Send + Sync + 'static) {
        self.inner
            .farewells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(handler));
    }

    /// The object of that key.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.read().get(&Key::new(namespace, name)).map(Arc::clone)
    }

    /// All objects, in no order.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<T>> {
        self.read().values().map(Arc::clone).collect()
    }

    /// All keys with their objects that `choose` accepts, in no order.
    pub fn filter(&self, choose: impl Fn(&Key, &T) -> bool) -> Vec<(Key, Arc<T>)> {
        self.read()
            .iter()
            .filter(|(key, object)| choose(key, object))
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Whether there is an object that `choose` accepts.
    pub fn any(&self, choose: impl Fn(&Key, &T) -> bool) -> bool {
        self.read().iter().any(|(key, object)| choose(key, object))
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Whether the first list is complete.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        *self.inner.synced.borrow()
    }

    /// Returns when the first list is complete.
    pub async fn synced(&self) {
        // The sender lives in `inner`, so this cannot fail.
        let _ = self.inner.synced.subscribe().wait_for(|done| *done).await;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Key, Arc<T>>> {
        self.inner
            .objects
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches until `shutdown`; `parse` turns each object into what is kept.
    /// Failures of the API server are waited out with a back-off.
    pub async fn run<E: fmt::Display + 'static>(
        self,
        client: Client,
        parse: impl Fn(DynamicObject) -> Result<T, E> + Send + Sync + 'static,
        metrics: Metrics,
        shutdown: CancellationToken,
    ) {
        let scope = self.scope.clone();
        let store = Box::new(Feed {
            informer: self,
            parse,
        });
        follow(scope, store, client, metrics, shutdown).await;
    }

    pub(super) fn apply<E: fmt::Display>(
        &self,
        mut object: DynamicObject,
        parse: &impl Fn(DynamicObject) -> Result<T, E>,
    ) {
        let key = Key::of(&object);
        object.metadata.managed_fields = None;
        match parse(object) {
            Ok(parsed) => {
                let new = Arc::new(parsed);
                let old = self
                    .inner
                    .objects
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key.clone(), Arc::clone(&new));
                self.tell(&key, &Change::Applied { old, new });
            }
            Err(error) => {
                tracing::warn!(resource = %self.inner.plural, object = %key, %error, "malformed object skipped");
                self.remove(&key, false);
            }
        }
    }

    /// Takes out what is not there any more; `deleted` when that was said, and not
    /// only found out.
    pub(super) fn remove(&self, key: &Key, deleted: bool) {
        let old = self
            .inner
            .objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
        let Some(old) = old else { return };
        if deleted {
            let farewells = self
                .inner
                .farewells
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            for farewell in farewells.iter() {
                farewell(key, &old);
            }
        }
        self.tell(key, &Change::Deleted(old));
    }

    fn keep_only(&self, keys: &HashSet<Key>) {
        let gone: Vec<Key> = self
            .read()
            .keys()
            .filter(|key| !keys.contains(*key))
            .cloned()
            .collect();
        for key in gone {
            self.remove(&key, false);
        }
    }

    fn tell(&self, key: &Key, change: &Change<T>) {
        let handlers = self
            .inner
            .handlers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for handler in handlers.iter() {
            handler(key, change);
        }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Informer<T> {
    /// [`Self::run`] with [`typed`] as parser.
    pub async fn run_typed(self, client: Client, metrics: Metrics, shutdown: CancellationToken) {
        self.run(client, typed, metrics, shutdown).await;
    }
}

/// A store and its parser, whatever they keep: so that the watch is there once
/// in the program, and not once for every type.
trait Store: Send + Sync {
    fn apply(&self, object: DynamicObject);
    fn remove(&self, key: &Key);
    fn keep_only(&self, keys: &HashSet<Key>);
    fn len(&self) -> usize;
    fn synced(&self);
}

struct Feed<T, P> {
    informer: Informer<T>,
    parse: P,
}

impl<T, P, E> Store for Feed<T, P>
where
    T: Send + Sync + 'static,
    E: fmt::Display,
    P: Fn(DynamicObject) -> Result<T, E> + Send + Sync,
{
    fn apply(&self, object: DynamicObject) {
        self.informer.apply(object, &self.parse);
    }

    fn remove(&self, key: &Key) {
        self.informer.remove(key, true);
    }

    fn keep_only(&self, keys: &HashSet<Key>) {
        self.informer.keep_only(keys);
    }

    fn len(&self) -> usize {
        self.informer.len()
    }

    fn synced(&self) {
        self.informer.inner.synced.send_replace(true);
    }
}

/// Keeps `store` as the API server has it, until `shutdown`.
async fn follow(
    scope: Scope,
    store: Box<dyn Store>,
    client: Client,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let resource = scope.resource.plural.as_str();
    let mut stream = scope.stream(client.clone());
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    let mut failures = 0_u32;
    // What the list in progress has named so far.
    let mut listed: Option<HashSet<Key>> = None;
    loop {
        let event = tokio::select! {
            () = shutdown.cancelled() => return,
            event = stream.next() => event,
        };
        match event {
            Some(Ok(event)) => {
                // `Init` only says that a list is about to be asked for.
                if !matches!(event, Event::Init) {
                    failures = 0;
                }
                match event {
                    Event::Init => listed = Some(HashSet::new()),
                    Event::InitApply(object) => {
                        if let Some(keys) = &mut listed {
                            keys.insert(Key::of(&object));
                        }
                        store.apply(object);
                    }
                    Event::InitDone => {
                        if let Some(keys) = listed.take() {
                            store.keep_only(&keys);
                        }
                        store.synced();
                    }
                    Event::Apply(object) => store.apply(object),
                    Event::Delete(object) => store.remove(&Key::of(&object)),
                }
                metrics.cached(resource, store.len());
            }
            Some(Err(error)) => {
                failures = failures.saturating_add(1);
                let delay = if failures < SOON_SERVED && is_not_served(&error) {
                    // Its definition is being installed, most likely by
                    // this very process.
                    backoff.delay(2)
                } else {
                    backoff.delay(failures)
                };
                metrics.watch_failed(resource);
                if is_from_the_future(&error) {
                    tracing::warn!(%resource, "the API server's store went back; listing again");
                }
                if is_from_the_future(&error) || is_of_the_connection(&error) {
                    // The API server may have come back with an older store, as
                    // after the restoration of a backup. A watch from what was
                    // seen last would be silent until it has come as far again.
                    stream = scope.stream(client.clone());
                    listed = None;
                }
                if failures > 5 {
                    tracing::warn!(%resource, error = %source_chain(&error), retry_in = ?delay, "watch failed");
                } else {
                    tracing::debug!(%resource, error = %source_chain(&error), retry_in = ?delay, "watch failed");
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(delay) => {}
                }
            }
            None => return,
        }
    }
}

/// How often an unserved resource is asked for at a brisk pace (some ten seconds).
const SOON_SERVED: u32 = 120;

/// Whether a watch was asked for a revision that the API server does not have yet.
fn is_from_the_future(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => {
            status.code == 504 && status.message.contains("Too large resource version")
        }
        _ => false,
    }
}

/// Whether nobody answered a watch, or the connection broke: the API server, or
/// the way to it, was away. Load balancers say 502 to 504 then.
#[must_use]
pub fn is_of_the_connection(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => {
            matches!(status.code, 502..=504)
        }
        watcher::Error::WatchStartFailed(_) | watcher::Error::WatchFailed(_) => true,
        _ => false,
    }
}

/// Whether the API server does not (yet) serve the resource.
fn is_not_served(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}

fn from_metadata(object: PartialObjectMeta<DynamicObject>) -> DynamicObject {
    DynamicObject {
        types: object.types,
        metadata: object.metadata,
        data: serde_json::Value::Null,
    }
}

fn map_event<A, B>(event: Event<A>, f: impl Fn(A) -> B) -> Event<B> {
    match event {
        Event::Apply(object) => Event::Apply(f(object)),
        Event::Delete(object) => Event::Delete(f(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(f(object)),
        Event::InitDone => Event::InitDone,
    }
}

/// An error with all its causes in one line.
#[must_use]
pub fn source_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn object(name: &str, data: &serde_json::Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": name, "namespace": "ns", "managedFields": [{"manager": "m"}]},
        }))
        .unwrap()
    }

    #[test]
    fn malformed_objects_are_left_out_and_do_not_linger() {
        let informer: Informer<ConfigMap> = Informer::new(Scope::of::<ConfigMap>());
        let changes = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&changes);
        informer.on_change(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        informer.apply(object("a", &json!({"k": "v"})), &typed);
        informer.apply(object("b", &json!({"k": 7})), &typed);
        assert_eq!((informer.len(), changes.load(Ordering::SeqCst)), (1, 1));
        let kept = informer.get("ns", "a").unwrap();
        assert_eq!(kept.metadata.managed_fields, None, "memory for nothing");
        // What was good and is no longer so must not stay as it was.
        informer.apply(object("a", &json!({"k": []})), &typed);
        assert_eq!((informer.len(), changes.load(Ordering::SeqCst)), (0, 2));
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_asked_more_and_more_seldom() {
        let (asked, mut requests) = tokio::sync::mpsc::unbounded_channel();
        let refuses = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            asked.send(std::time::Instant::now()).unwrap();
            let body = json!({
                "apiVersion": "v1", "kind": "Status", "status": "Failure",
                "reason": "Forbidden", "message": "no", "code": 403,
            });
            async move {
                http::Response::builder()
                    .status(403)
                    .body(kube::client::Body::from(body.to_string().into_bytes()))
            }
        });
        let shutdown = CancellationToken::new();
        let informer: Informer<ConfigMap> = Informer::new(Scope::of::<ConfigMap>());
        tokio::spawn(informer.run_typed(
            Client::new(refuses, "default"),
            Metrics::default(),
            shutdown.clone(),
        ));
        let mut last = requests.recv().await.unwrap();
        // At least half of 50 ms, 100 ms, 200 ms, ... between two requests.
        for failures in 0..5 {
            let next = requests.recv().await.unwrap();
            let waited = next - last;
            assert!(
                waited >= Duration::from_millis(25) * 2_u32.pow(failures),
                "{waited:?} after {} failures",
                failures + 1
            );
            last = next;
        }
        shutdown.cancel();
    }

    #[tokio::test]
    async fn a_server_whose_store_went_back_is_listed_again() {
        let lists = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&lists);
        let restored = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let is_watch = request.uri().query().unwrap_or_default().contains("watch=");
            let lists = count.fetch_add(usize::from(!is_watch), Ordering::SeqCst);
            let (status, body) = match (is_watch, lists) {
                (true, 1) => (
                    504,
                    json!({"apiVersion": "v1", "kind": "Status", "status": "Failure",
                        "reason": "Timeout", "code": 504,
                        "message": "Timeout: Too large resource version: 100, current: 50"}),
                ),
                (true, _) => (200, serde_json::Value::Null),
                (false, lists) => {
                    let (name, version) = if lists == 0 {
                        ("a", "100")
                    } else {
                        ("b", "50")
                    };
                    (
                        200,
                        json!({"apiVersion": "v1", "kind": "ConfigMapList",
                            "metadata": {"resourceVersion": version}, "items": [
                            {"metadata": {"name": name, "namespace": "ns", "resourceVersion": version}}]}),
                    )
                }
            };
            async move {
                if body.is_null() {
                    // A watch in which nothing happens.
                    std::future::pending::<()>().await;
                }
                http::Response::builder()
                    .status(status)
                    .body(kube::client::Body::from(body.to_string().into_bytes()))
            }
        });
        let shutdown = CancellationToken::new();
        let informer: Informer<ConfigMap> = Informer::new(Scope::of::<ConfigMap>());
        let (told, mut news) = tokio::sync::mpsc::unbounded_channel();
        informer.on_change(move |key, change| {
            let gone = matches!(change, Change::Deleted(_));
            told.send((key.name.clone(), gone)).unwrap();
        });
        tokio::spawn(informer.clone().run_typed(
            Client::new(restored, "default"),
            Metrics::default(),
            shutdown.clone(),
        ));
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(news.recv().await.unwrap());
        }
        let seen: Vec<(&str, bool)> = seen.iter().map(|(name, gone)| (&**name, *gone)).collect();
        assert_eq!(seen, [("a", false), ("b", false), ("a", true)]);
        shutdown.cancel();
    }

    #[test]
    fn a_new_list_removes_what_it_does_not_name() {
        let informer: Informer<ConfigMap> = Informer::new(Scope::of::<ConfigMap>());
        informer.apply(object("a", &json!({})), &typed);
        informer.apply(object("b", &json!({})), &typed);
        let (deleted, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, count_all) = (Arc::clone(&deleted), Arc::clone(&gone));
        informer.on_deleted(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        informer.on_change(move |_, _| {
            count_all.fetch_add(1, Ordering::SeqCst);
        });
        informer.keep_only(&HashSet::from([Key::new("ns", "b")]));
        assert!(informer.get("ns", "a").is_none());
        assert!(informer.any(|key, _| key.to_string() == "ns/b"));
        // That it was deleted nobody has said.
        assert_eq!(deleted.load(Ordering::SeqCst), 0);
        informer.remove(&Key::new("ns", "b"), true);
        assert_eq!(deleted.load(Ordering::SeqCst), 1);
        assert_eq!(gone.load(Ordering::SeqCst), 2);
    }
}
