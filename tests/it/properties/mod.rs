//! Random sequences of writes leave the same state, with the same answers and
//! the same events, on the embedded server in memory, on the one with a disk,
//! and on the server that this run is about. Few and the same ones each time;
//! `OCMADM_PROPERTY_CASES=200` for many new ones.

mod sequence;
mod steps;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::harness::Cluster;

/// How many sequences are tried without the variable.
const CASES: u64 = 4;

#[tokio::test]
async fn sequences_leave_the_same_state_everywhere() {
    let wanted: Option<u64> = std::env::var("OCMADM_PROPERTY_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let start = match wanted {
        Some(_) => std::time::SystemTime::now()
            .duration_since(std::time::SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        None => 0,
    };
    let cluster = Cluster::start("properties").await;
    let (memory, disk) = sequence::embedded().await;
    for client in [&cluster.client, &memory.client, &disk.client] {
        sequence::define(client).await;
    }
    let mut differences = Vec::new();
    for case in 0..wanted.unwrap_or(CASES) {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&start.to_le_bytes());
        seed[8..16].copy_from_slice(&case.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let steps = steps::steps().new_tree(&mut runner).unwrap().current();
        let namespace = format!("case-{start}-{case}");
        let expected = sequence::play(&cluster.client, &namespace, &steps).await;
        for (name, client) in [("memory", &memory.client), ("disk", &disk.client)] {
            let found = sequence::play(client, &namespace, &steps).await;
            let mut differ = |what: String, found: String, expected: String| {
                if found != expected {
                    differences.push(format!(
                        "{name}, case {start} {case}: {what}:\n   found {found}\nexpected {expected}\n"
                    ));
                }
            };
            for (at, step) in steps.iter().enumerate() {
                differ(
                    format!("answer to step {at}, {step:?}"),
                    found.answers[at].to_string(),
                    expected.answers[at].to_string(),
                );
            }
            differ(
                format!("state after {steps:?}"),
                format!("{:?}", found.state),
                format!("{:?}", expected.state),
            );
            differ(
                format!("events of {steps:?}"),
                format!("{:?}", found.events),
                format!("{:?}", expected.events),
            );
        }
    }
    memory.stop().await;
    disk.stop().await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
