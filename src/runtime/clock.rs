//! What time it is, by a clock that can be moved: clocks are wrong at times, and
//! what follows from that has to be tried.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// The system's clock, and how far it has been moved. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    moved: watch::Sender<SignedDuration>,
}

impl Clock {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let moved = *self.moved.borrow();
        let now = Timestamp::now();
        now.checked_add(moved).unwrap_or(now)
    }

    /// Moves it: so far ahead of the system's clock (or behind) it is from now on.
    pub fn set_ahead(&self, by: SignedDuration) {
        self.moved.send_replace(by);
    }

    /// Returns after that time, or when the clock is moved.
    pub async fn sleep(&self, duration: Duration) {
        let mut moved = self.moved.subscribe();
        // The sender is `self`, so that only a move ends the wait early.
        let _ = tokio::time::timeout(duration, moved.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_sleeps_wakes_when_the_clock_is_moved() {
        let clock = Clock::default();
        let sleeper = clock.clone();
        let slept = tokio::spawn(async move { sleeper.sleep(Duration::from_secs(3600)).await });
        tokio::task::yield_now().await;
        let before = clock.now();
        clock.set_ahead(SignedDuration::from_hours(2));
        slept.await.unwrap();
        assert!(clock.now().duration_since(before) > SignedDuration::from_hours(1));
    }
}
