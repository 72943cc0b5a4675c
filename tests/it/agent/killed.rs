//! Hub and agent end without a word in the middle of the handshake, at another
//! moment each time; the cluster joins all the same.

use std::time::Duration;

use super::support::{Bed, c1};
use crate::harness::{Kind, until};

/// A cluster whose administrator says yes while both sides come and go.
async fn seed(number: u64) {
    let mut bed = Bed::prepare(c1()).await;
    // Moments that differ from seed to seed, and the same in every run.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut moment = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_millis(state % 60)
    };
    bed.hub.stop_controllers();
    for round in 0..4 {
        let hub = bed.hub.mortal_controllers().await;
        let agent = bed.mortal_agent().await;
        tokio::time::sleep(moment()).await;
        // What there is to say yes to, there is; the rest comes in a later round.
        if round > 0 {
            bed.accept_what_there_is("c1").await;
        }
        tokio::time::sleep(moment()).await;
        if number.is_multiple_of(2) {
            drop(agent);
            tokio::time::sleep(moment()).await;
            drop(hub);
        } else {
            drop(hub);
            tokio::time::sleep(moment()).await;
            drop(agent);
        }
    }
    bed.hub.start_controllers();
    bed.start_agent();
    until(&format!("seed {number}: joined"), || async {
        bed.accept_what_there_is("c1").await;
        bed.is_joined("c1").await
    })
    .await;
    // One for each agent that began anew, at most.
    let requests = bed.requests().await.len();
    assert!(requests <= 5, "seed {number}: {requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_survives_the_end_of_either_side() {
    // Each takes seconds of a real control plane.
    let seeds = match Kind::of_this_run() {
        Kind::Embedded => 20,
        Kind::Real | Kind::Given => 3,
    };
    for number in 0..seeds {
        seed(number).await;
    }
}
