//! Requests that the API server of the managed cluster takes long to answer, most
//! likely because an admission webhook hangs. They go on by themselves, so that the
//! other manifests of their work, its status and other works do not wait for them.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::agent::Key;
use super::apply::{Memory, Outcome};
use super::manifest::Decoded;
use super::model::{AppliedResource, ResourceMeta};
use crate::runtime::Queue;

/// A request that takes longer is left to itself.
pub const SLOW: Duration = Duration::from_secs(2);
/// A request that takes longer than this never ends: API servers end theirs earlier.
const ENDLESS: Duration = Duration::from_secs(120);
/// So many at most; those that come then are waited for.
const MOST: usize = 200;

/// What came out of one manifest.
pub struct Done {
    /// Which one it is in its work.
    pub ordinal: usize,
    /// The manifest.
    pub decoded: Decoded,
    /// Its text, hashed.
    pub text: u64,
    /// What is to be remembered.
    pub memory: Memory,
    /// What came out.
    pub outcome: Outcome,
}

/// A manifest being applied.
pub type Applying = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What a resource is known by: group, plural, namespace and name.
type Name = (String, String, String, String);

fn name_of(meta: &ResourceMeta) -> Name {
    (
        meta.group.clone(),
        meta.resource.clone(),
        meta.namespace.clone(),
        meta.name.clone(),
    )
}

#[derive(Default)]
struct State {
    /// Resources with a request on its way, by work.
    flying: HashMap<String, HashSet<Name>>,
    /// What came out meanwhile, by work.
    landed: HashMap<String, Vec<Done>>,
}

/// The requests that are on their way.
pub struct Late {
    state: Arc<Mutex<State>>,
    tasks: Mutex<JoinSet<()>>,
    queue: Queue<Key>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a request off the list however it ends.
struct Landing {
    state: Arc<Mutex<State>>,
    queue: Queue<Key>,
    work: String,
    name: Name,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if let Some(names) = state.flying.get_mut(&self.work) {
            names.remove(&self.name);
            if names.is_empty() {
                state.flying.remove(&self.work);
            }
        }
        drop(state);
        self.queue.add(Key::Work(self.work.clone()));
    }
}

impl Late {
    /// Works are put into `queue` when a request of theirs has ended.
    pub fn new(queue: Queue<Key>) -> Self {
        Self {
            state: Arc::default(),
            tasks: Mutex::default(),
            queue,
        }
    }

    /// Lets a request go on by itself. It is given back when there are too many.
    pub fn leave(
        &self,
        work: &str,
        meta: &ResourceMeta,
        request: Applying,
    ) -> Result<(), Applying> {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= MOST {
            return Err(request);
        }
        let landing = Landing {
            state: Arc::clone(&self.state),
            queue: self.queue.clone(),
            work: work.to_owned(),
            name: name_of(meta),
        };
        lock(&self.state)
            .flying
            .entry(landing.work.clone())
            .or_default()
            .insert(landing.name.clone());
        tasks.spawn(async move {
            if let Ok(done) = tokio::time::timeout(ENDLESS, request).await {
                lock(&landing.state)
                    .landed
                    .entry(landing.work.clone())
                    .or_default()
                    .push(done);
            }
            drop(landing);
        });
        Ok(())
    }

    /// Whether a request about this resource of the work is on its way.
    pub fn is_flying(&self, work: &str, meta: &ResourceMeta) -> bool {
        let state = lock(&self.state);
        state
            .flying
            .get(work)
            .is_some_and(|names| names.contains(&name_of(meta)))
    }

    /// The same of a recorded resource.
    pub fn has(&self, work: &str, entry: &AppliedResource) -> bool {
        let state = lock(&self.state);
        state.flying.get(work).is_some_and(|names| {
            names.iter().any(|name| {
                (
                    name.0.as_str(),
                    name.1.as_str(),
                    name.2.as_str(),
                    name.3.as_str(),
                ) == entry.key()
            })
        })
    }

    /// Resources of the work with a request on its way, in words.
    pub fn of(&self, work: &str) -> Vec<String> {
        let state = lock(&self.state);
        let mut words: Vec<String> = state
            .flying
            .get(work)
            .into_iter()
            .flatten()
            .map(|(_, resource, namespace, name)| {
                let place = if namespace.is_empty() {
                    name.clone()
                } else {
                    format!("{namespace}/{name}")
                };
                format!("{resource} {place} ({NO_ANSWER})")
            })
            .collect();
        words.sort();
        words
    }

    /// What came out of requests of the work since the last call.
    pub fn landed(&self, work: &str) -> Vec<Done> {
        lock(&self.state).landed.remove(work).unwrap_or_default()
    }

    /// Gives up what is on its way.
    pub fn stop(&self) {
        lock(&self.tasks).abort_all();
    }
}

/// What is said of a resource meanwhile.
pub const NO_ANSWER: &str =
    "the API server has not answered yet, perhaps because an admission webhook hangs";

#[cfg(test)]
mod tests {
    use super::super::apply::{Live, Retry};
    use super::*;

    fn meta(name: &str) -> ResourceMeta {
        ResourceMeta {
            resource: "configmaps".into(),
            namespace: "default".into(),
            name: name.into(),
            ..ResourceMeta::default()
        }
    }

    fn request(name: &str, answer: tokio::sync::oneshot::Receiver<()>) -> Applying {
        let meta = meta(name);
        Box::pin(async move {
            answer.await.unwrap();
            Done {
                ordinal: 0,
                decoded: Decoded {
                    meta,
                    object: serde_json::Value::Null,
                    mapping: Err(String::new()),
                    unknown_kind: false,
                },
                text: 7,
                memory: Memory::default(),
                outcome: Outcome {
                    applied: Ok(()),
                    live: Live::Missing,
                    retry: Retry::No,
                    wrote: true,
                },
            }
        })
    }

    #[tokio::test]
    async fn a_request_is_known_until_it_ends_and_wakes_its_work_then() {
        let queue: Queue<Key> = Queue::default();
        let late = Late::new(queue.clone());
        let (answer, answered) = tokio::sync::oneshot::channel();
        assert!(late.leave("w", &meta("a"), request("a", answered)).is_ok());
        assert!(late.is_flying("w", &meta("a")));
        assert!(!late.is_flying("w", &meta("b")) && !late.is_flying("v", &meta("a")));
        assert_eq!(
            late.of("w"),
            [format!("configmaps default/a ({NO_ANSWER})")]
        );
        assert!(late.landed("w").is_empty());
        answer.send(()).unwrap();
        assert_eq!(queue.next().await, Key::Work("w".into()));
        assert!(late.of("w").is_empty());
        assert_eq!(late.landed("w").len(), 1);
        assert!(late.landed("w").is_empty());
    }

    #[tokio::test]
    async fn one_that_breaks_off_is_not_waited_for_for_ever() {
        let queue: Queue<Key> = Queue::default();
        let late = Late::new(queue.clone());
        let (_answer, answered) = tokio::sync::oneshot::channel();
        assert!(late.leave("w", &meta("a"), request("a", answered)).is_ok());
        late.stop();
        assert_eq!(queue.next().await, Key::Work("w".into()));
        assert!(late.of("w").is_empty() && late.landed("w").is_empty());
    }
}
