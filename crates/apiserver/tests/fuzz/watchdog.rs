//! Somebody who notices that an input never comes to an end.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Watched {
    /// How many inputs there have been, and the last one.
    count: u64,
    input: String,
    done: bool,
}

/// Ends the process when one input takes longer than allowed.
pub(crate) struct Watchdog(Arc<(Mutex<Watched>, Condvar)>);

impl Watchdog {
    pub(crate) fn start(name: &str, patience: Duration) -> Self {
        let shared: Arc<(Mutex<Watched>, Condvar)> = Arc::default();
        let (watched, name) = (shared.clone(), name.to_owned());
        std::thread::spawn(move || {
            let (lock, changed) = &*watched;
            let mut state = lock.lock().unwrap();
            loop {
                let seen = state.count;
                let moved = |state: &mut Watched| !state.done && state.count == seen;
                let timeout;
                (state, timeout) = changed.wait_timeout_while(state, patience, moved).unwrap();
                if state.done {
                    return;
                }
                if timeout.timed_out() && seen > 0 {
                    // The thread that hangs cannot be told.
                    println!("{name}: no end after {patience:?}: {}", state.input);
                    std::process::abort();
                }
            }
        });
        Self(shared)
    }

    /// The next input begins.
    pub(crate) fn input(&self, input: String) {
        let (lock, changed) = &*self.0;
        let mut state = lock.lock().unwrap();
        state.count += 1;
        state.input = input;
        changed.notify_one();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let (lock, changed) = &*self.0;
        if let Ok(mut state) = lock.lock() {
            state.done = true;
        }
        changed.notify_one();
    }
}
