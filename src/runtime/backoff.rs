//! How long to wait after the n-th failure in a row.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// An exponential back-off with jitter: `min × 2ⁿ`, never above `max`, each
/// time shortened by a random part of up to one half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            min: Duration::from_millis(50),
            max: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    /// A back-off between `min` and `max`.
    #[must_use]
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max }
    }

    /// The wait after `failures` failures in a row (1 is the first).
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        jitter(self.ceiling(failures))
    }

    /// The wait without its jitter.
    #[must_use]
    pub fn ceiling(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.min
            .checked_mul(1_u32 << doublings)
            .map_or(self.max, |delay| delay.min(self.max))
    }
}

/// Between one half of `delay` and all of it.
fn jitter(delay: Duration) -> Duration {
    delay.mul_f64(0.5 + 0.5 * fraction())
}

/// A random number in [0, 1). Should the system's randomness fail, one half:
/// a wait needs no secrecy.
#[must_use]
pub fn fraction() -> f64 {
    let mut bytes = [0_u8; 4];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

/// A random duration in [`from`, `to`).
#[must_use]
pub fn between(from: Duration, to: Duration) -> Duration {
    from + to.saturating_sub(from).mul_f64(fraction())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_limit() {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
        let waits: Vec<u128> = (1..8).map(|n| backoff.ceiling(n).as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.ceiling(u32::MAX), Duration::from_secs(1));
    }

    #[test]
    fn jitter_keeps_at_least_half() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
        let waits: Vec<Duration> = (0..50).map(|_| backoff.delay(1)).collect();
        assert!(waits.iter().all(|w| *w >= Duration::from_millis(500)));
        assert!(waits.iter().all(|w| *w <= Duration::from_secs(1)));
        assert!(waits.iter().any(|w| *w != waits[0]), "no jitter at all");
    }
}
