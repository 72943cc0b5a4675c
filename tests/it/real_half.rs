//! The other half of the integration tests: this same binary once more, with
//! every cluster of its tests a real control plane.
//!
//! `OCMADM_TEST_SERVER=embedded` leaves it out, for a short edit-test loop.

use std::process::{Command, Output, Stdio};
use std::time::Instant;

use crate::harness::{real, tell};

/// What is about clusters of any server. The rest is about the embedded server
/// itself, or about files.
const SUBJECTS: &[&str] = &[
    "agent::",
    "cli::",
    "clients::",
    "hub::",
    "operators::",
    "properties::",
    "sandbox::node::",
    "truth::",
    "upstream::",
    "work::",
];

/// What needs certificates of seconds, which no cluster but the tests' own signs.
const NOT_GIVEN: &[&str] = &[
    "registration_44_a_certificate_is_renewed_as_its_own_identity",
    "registration_47_an_expired_certificate_leads_back_to_the_bootstrap",
    "registration_43_an_agent_that_joined_says_why_it_stops",
    "works_are_looked_after_while_the_certificate_is_expired_and_the_hub_gone",
];

#[test]
fn every_integration_test_passes_on_a_real_control_plane() {
    if std::env::var_os("OCMADM_TEST_SERVER").is_some() {
        return tell("the real half is left out: OCMADM_TEST_SERVER says which server to test");
    }
    let given = std::env::var("OCMADM_TEST_KUBECONFIG").is_ok_and(|path| !path.is_empty());
    let (kind, threads) = match given {
        true => ("given", "1"),
        // A sixth of two cores is idle with three of them.
        false => ("real", "3"),
    };
    if !given && let Err(why) = real::Assets::find() {
        return tell(&format!("the real half is skipped: {why}"));
    }
    let start = Instant::now();
    // Minutes that change nothing about the server: they are run there by hand
    // (`OCMADM_TEST_SERVER=real`).
    let threads = [
        "--test-threads",
        threads,
        "--skip",
        "agent::killed",
        "--skip",
        "agent::network",
    ];
    let skipped = if given { NOT_GIVEN } else { &[] };
    let skipped: Vec<&str> = skipped.iter().flat_map(|name| ["--skip", *name]).collect();
    let output = again(kind, &[SUBJECTS, &threads, &skipped].concat());
    let said = String::from_utf8_lossy(&output.stdout);
    let result = said
        .lines()
        .rfind(|line| line.starts_with("test result:"))
        .unwrap_or("no result");
    tell(&format!(
        "on a {kind} control plane, {} s: {result}",
        start.elapsed().as_secs()
    ));
    if output.status.success() {
        return;
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let failed = failed(&said);
    assert!(!failed.is_empty(), "{said}{errors}");
    // A test that passes by itself is not broken, but not sound either: it is
    // named, for somebody to mend, and what it printed is kept.
    let alone = again(
        kind,
        &[&failed[..], &["--exact", "--test-threads", "1"]].concat(),
    );
    let passed = alone.status.success();
    let alone = String::from_utf8_lossy(&alone.stdout);
    tell(&format!("{said}{errors}"));
    assert!(passed, "failed on a {kind} control plane twice:\n{alone}");
    tell(&format!(
        "flaky on a {kind} control plane, passed by themselves: {}",
        failed.join(", ")
    ));
}

/// Runs this binary's tests with these arguments on that kind of server.
fn again(kind: &str, args: &[&str]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(args)
        .env("OCMADM_TEST_SERVER", kind)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The tests that libtest lists as failed.
fn failed(said: &str) -> Vec<&str> {
    said.lines()
        .rev()
        .skip_while(|line| !line.starts_with("test result:"))
        .take_while(|line| *line != "failures:")
        .filter_map(|line| line.strip_prefix("    "))
        .collect()
}

#[test]
fn what_failed_is_read() {
    let said = "test a::b ... FAILED\nfailures:\n\n---- a::b stdout ----\n    noise\n\nfailures:\n    a::b\n    c::d\n\ntest result: FAILED. 1 passed";
    assert_eq!(failed(said), ["c::d", "a::b"]);
    assert!(failed("test result: ok. 2 passed").is_empty());
}
