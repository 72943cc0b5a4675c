//! Requests to the hub: bounded in time and in number, and held back while it
//! does not answer. A hub that is gone, or swallows what is sent to it, must not
//! keep the agent from the managed cluster, and must not be stormed once it is back.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::agent::Key;
use crate::runtime::{Queue, source_chain};

/// Requests at the same time: fewer than there are workers, so that some are
/// left for the managed cluster when all of these wait.
const REQUESTS: usize = 12;

/// How patient the agent is with its hub.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// How long the hub may take for an answer.
    answer: Duration,
    /// How long a request waits for its turn.
    turn: Duration,
    /// A hub that did not answer is left alone for so long; then one request tries.
    pause: Duration,
}

const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(10),
    turn: Duration::from_secs(1),
    pause: Duration::from_secs(2),
};

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The hub is silent: what was to be said is said when it is back.
    #[error("the hub does not answer")]
    Silent,
    /// It says no.
    #[error(transparent)]
    Said(#[from] kube::Error),
}

#[derive(Default)]
struct State {
    /// Not asked before this moment; `None` while the hub is well.
    silent_until: Option<Instant>,
    /// A request is on its way that tells whether it is back.
    trying: bool,
    /// Works that have something to say.
    waiting: HashSet<String>,
}

/// The way to the hub.
pub struct Hub {
    turns: Semaphore,
    state: Mutex<State>,
    queue: Queue<Key>,
    patience: Patience,
}

impl Hub {
    /// Works that had to wait are put into `queue` when the hub is back.
    pub fn new(queue: Queue<Key>) -> Self {
        Self {
            turns: Semaphore::new(REQUESTS),
            state: Mutex::default(),
            queue,
            patience: PATIENCE,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends `request`, which is about `work`, if the hub can be expected to answer.
    pub async fn ask<T>(
        &self,
        work: &str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, HubError> {
        if !self.may_ask(work) {
            return Err(HubError::Silent);
        }
        let Ok(Ok(_turn)) = timeout(self.patience.turn, self.turns.acquire()).await else {
            let mut state = self.state();
            state.trying = false;
            state.waiting.insert(work.to_owned());
            return Err(HubError::Silent);
        };
        match timeout(self.patience.answer, request).await {
            Ok(Ok(answer)) => {
                self.heard();
                Ok(answer)
            }
            Ok(Err(error)) if is_answer(&error) => {
                self.heard();
                Err(error.into())
            }
            Ok(Err(error)) => {
                self.unheard(work, &source_chain(&error));
                Err(HubError::Silent)
            }
            Err(_) => {
                self.unheard(work, "no answer in time");
                Err(HubError::Silent)
            }
        }
    }

    fn may_ask(&self, work: &str) -> bool {
        let mut state = self.state();
        match state.silent_until {
            None => true,
            Some(until) if Instant::now() >= until && !state.trying => {
                state.trying = true;
                true
            }
            Some(_) => {
                state.waiting.insert(work.to_owned());
                false
            }
        }
    }

    fn heard(&self) {
        let mut state = self.state();
        state.trying = false;
        if state.silent_until.take().is_some() {
            tracing::info!(works = state.waiting.len(), "the hub answers again");
        }
        for work in state.waiting.drain() {
            self.queue.add(Key::Work(work));
        }
    }

    fn unheard(&self, work: &str, error: &str) {
        let mut state = self.state();
        state.trying = false;
        state.waiting.insert(work.to_owned());
        let until = Instant::now() + self.patience.pause;
        if state.silent_until.replace(until).is_none() {
            tracing::warn!(
                error,
                "the hub does not answer; works are looked after without it"
            );
        }
    }
}

/// Whether the hub has spoken, or was not asked at all.
const fn is_answer(error: &kube::Error) -> bool {
    matches!(
        error,
        kube::Error::Api(_) | kube::Error::SerdeError(_) | kube::Error::BuildRequest(_)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn hub() -> (Hub, Queue<Key>) {
        let queue: Queue<Key> = Queue::default();
        let mut hub = Hub::new(queue.clone());
        hub.patience = Patience {
            answer: Duration::from_millis(300),
            turn: Duration::from_millis(100),
            pause: Duration::from_millis(200),
        };
        (hub, queue)
    }

    fn no_answer() -> kube::Error {
        kube::Error::Service("connection refused".into())
    }

    #[tokio::test]
    async fn silence_ends_a_request_in_time_and_holds_back_the_others() {
        let (hub, queue) = hub();
        let asked = AtomicUsize::new(0);
        let start = Instant::now();
        let first: Result<(), _> = hub.ask("a", std::future::pending()).await;
        assert!(matches!(first, Err(HubError::Silent)));
        assert!(start.elapsed() >= hub.patience.answer);
        let ask = async |work: &str, answer: Result<(), kube::Error>| {
            let count = async {
                asked.fetch_add(1, Ordering::SeqCst);
                answer
            };
            hub.ask(work, count).await
        };
        for _ in 0..100 {
            assert!(matches!(ask("b", Ok(())).await, Err(HubError::Silent)));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0, "nothing was sent");
        tokio::time::sleep(hub.patience.pause).await;
        // One tries, in vain; the others still wait.
        assert!(ask("b", Err(no_answer())).await.is_err());
        assert!(ask("c", Ok(())).await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        tokio::time::sleep(hub.patience.pause).await;
        assert!(ask("c", Ok(())).await.is_ok());
        // All that had to wait are told, each once.
        let mut told = Vec::new();
        for _ in 0..3 {
            told.push(queue.next().await.to_string());
        }
        told.sort();
        assert_eq!(told, ["a", "b", "c"]);
        assert!(ask("d", Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn requests_without_answer_leave_workers_for_others() {
        let (hub, _) = hub();
        let hub = Arc::new(hub);
        for i in 0..REQUESTS {
            let hub = Arc::clone(&hub);
            tokio::spawn(async move {
                let _: Result<(), _> = hub.ask(&i.to_string(), std::future::pending()).await;
            });
        }
        tokio::task::yield_now().await;
        let start = Instant::now();
        let late: Result<(), _> = hub.ask("late", std::future::pending()).await;
        assert!(matches!(late, Err(HubError::Silent)));
        let took = start.elapsed();
        assert!(
            took >= hub.patience.turn && took < hub.patience.answer,
            "{took:?}"
        );
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer() {
        let (hub, _) = hub();
        let refused = kube::Error::Api(Box::default());
        let answer: Result<(), _> = hub.ask("a", async { Err(refused) }).await;
        assert!(matches!(answer, Err(HubError::Said(_))));
        assert!(hub.ask("a", async { Ok(()) }).await.is_ok());
    }
}
