//! Whatever is sent, the server answers, keeps what it had, and can be asked
//! again. Each target runs a second with the same inputs every time, and with
//! `OCMADM_FUZZ_SECONDS=600` as long as that with new ones:
//!
//! ```text
//! OCMADM_FUZZ_SECONDS=600 cargo test -p apiserver --test fuzz -- --test-threads 1 --nocapture
//! ```

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod crds;
mod found;
mod patches;
mod paths;
mod selectors;
mod values;
mod world;
mod yaml;

use std::time::{Duration, Instant, SystemTime};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

/// How long one input may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the process may need at most, in MiB.
const MEMORY: u64 = 2048;

/// Gives a target inputs until its time is over.
pub(crate) fn fuzz<S: Strategy>(
    name: &str,
    inputs: &S,
    target: impl Fn(S::Value) -> TestCaseResult,
) {
    let seconds: Option<u64> = std::env::var("OCMADM_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let start = match seconds {
        Some(_) => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        None => 0,
    };
    let time = Duration::from_secs(seconds.unwrap_or(1));
    let (begin, mut rounds) = (Instant::now(), 0_u64);
    while begin.elapsed() < time {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&start.to_le_bytes());
        seed[8..16].copy_from_slice(&rounds.to_le_bytes());
        let config = Config {
            cases: 16,
            failure_persistence: None,
            ..Config::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let result = TestRunner::new_with_rng(config, rng).run(inputs, |input| {
            let begin = Instant::now();
            target(input)?;
            proptest::prop_assert!(begin.elapsed() < PATIENCE, "took {:?}", begin.elapsed());
            Ok(())
        });
        if let Err(error) = result {
            panic!("{name}, start {start}, round {rounds}: {error}");
        }
        rounds += 1;
    }
    let most = peak();
    assert!(most < MEMORY, "{name}: {most} MiB");
    if seconds.is_some() {
        println!(
            "{name}: {} inputs in {} s, at most {most} MiB",
            rounds * 16,
            begin.elapsed().as_secs()
        );
    }
}

/// The most memory this process has had, in MiB.
fn peak() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .unwrap_or(0)
        / 1024
}
