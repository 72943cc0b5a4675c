//! Evaluates what placements ask about clusters, on threads of its own: an
//! expression that costs much holds up the placement that has it, and neither
//! other placements nor the process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::runtime::Key;

use super::Controller;
use super::cel::Question;

/// How many threads evaluate.
const THREADS: usize = 2;
/// How long one placement is served while others wait for a thread.
const TURN: Duration = Duration::from_millis(200);
/// When whoever got no answer asks again.
const RETRY: Duration = Duration::from_secs(5);

/// Who waits for answers.
#[derive(Debug)]
pub(super) struct Warm {
    threads: Arc<Semaphore>,
    asking: Mutex<BTreeSet<Key>>,
}

impl Default for Warm {
    fn default() -> Self {
        Self {
            threads: Arc::new(Semaphore::new(THREADS)),
            asking: Mutex::default(),
        }
    }
}

impl Warm {
    fn asking(&self) -> std::sync::MutexGuard<'_, BTreeSet<Key>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers the questions of a placement, as many as its turn allows, and queues it
/// again. Returns at once.
pub(super) fn answer(controller: &Arc<Controller>, key: &Key, questions: Vec<Question>) {
    if !controller.warm.asking().insert(key.clone()) {
        // It is queued when its answers are there.
        return;
    }
    let (controller, key) = (Arc::clone(controller), key.clone());
    tokio::spawn(async move {
        let shutdown = &controller.context.shutdown;
        let answers = tokio::select! {
            () = shutdown.cancelled() => return,
            answers = evaluate(&controller.warm.threads, questions) => answers,
        };
        let none = answers.is_empty();
        controller.world().learn(answers);
        controller.warm.asking().remove(&key);
        if none {
            tracing::error!(placement = %key, "its expressions could not be evaluated; tried again");
            controller.queue.add_after(key, RETRY);
        } else {
            controller.queue.add(key);
        }
    });
}

async fn evaluate(threads: &Semaphore, questions: Vec<Question>) -> Vec<super::cel::Answer> {
    // It is never closed; if it were, nobody would wait.
    let _permit = threads.acquire().await;
    let answers = tokio::task::spawn_blocking(move || {
        let begin = Instant::now();
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            answers.push(question.answer());
            if begin.elapsed() > TURN {
                break;
            }
        }
        answers
    });
    // Who panics or is cancelled has no answers: they are asked again.
    answers.await.unwrap_or_default()
}
