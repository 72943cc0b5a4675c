//! Whatever is sent, the server answers, keeps what it had, and can be asked
//! again. Each target runs a second with the same inputs every time, and with
//! `OCMADM_FUZZ_SECONDS=600` as long as that with new ones:
//!
//! ```text
//! OCMADM_FUZZ_SECONDS=600 cargo test -p apiserver --test fuzz -- --test-threads 1 --nocapture
//! ```
//!
//! `.ci/fuzz` does it, each target in a process of its own. An input that takes too
//! long is printed, and ends the process.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod crds;
mod found;
mod parsers;
mod patches;
mod paths;
mod selectors;
mod values;
mod watchdog;
mod world;
mod yaml;

use std::time::{Duration, Instant, SystemTime};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

use watchdog::Watchdog;

/// How long one input may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the process may need at most, in MiB.
const MEMORY: u64 = 2048;
/// By how much more than double the memory may grow after a tenth of the time, in MiB.
const GROWTH: u64 = 128;

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
    let watchdog = Watchdog::start(name, PATIENCE * 2);
    let mut early = None;
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
            watchdog.input(format!("{input:?}"));
            target(input)?;
            proptest::prop_assert!(begin.elapsed() < PATIENCE, "took {:?}", begin.elapsed());
            Ok(())
        });
        if let Err(error) = result {
            panic!("{name}, start {start}, round {rounds}: {error}");
        }
        rounds += 1;
        if early.is_none() && begin.elapsed() > time / 10 {
            early = Some(memory("VmRSS:"));
        }
    }
    drop(watchdog);
    let most = memory("VmHWM:");
    assert!(most < MEMORY, "{name}: {most} MiB");
    // What is kept of every input would grow for ever. (A second says nothing.)
    if let Some(early) = early.filter(|_| seconds.is_some_and(|seconds| seconds >= 60)) {
        let now = memory("VmRSS:");
        assert!(now < 2 * early + GROWTH, "{name}: {early} MiB became {now}");
    }
    if seconds.is_some() {
        println!(
            "{name}: {} inputs in {} s, at most {most} MiB",
            rounds * 16,
            begin.elapsed().as_secs()
        );
    }
}

/// What `/proc` says of the memory of this process, in MiB: now (`VmRSS:`), or at
/// most until now (`VmHWM:`).
fn memory(what: &str) -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with(what))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .unwrap_or(0)
        / 1024
}
