//! The other half of the integration tests: this same binary once more, with
//! every cluster of its tests a real control plane.
//!
//! `OCMADM_TEST_SERVER=embedded` leaves it out, for a short edit-test loop.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::harness::{real, tell};

/// What is about clusters of any server. The rest is about the embedded server
/// itself, or about files.
const SUBJECTS: &[&str] = &[
    "agent::",
    "cli::",
    "hub::",
    "kubectl::",
    "operators::",
    "sandbox::node::",
    "truth::",
    "work::",
];

#[test]
fn every_integration_test_passes_on_a_real_control_plane() {
    if std::env::var_os("OCMADM_TEST_SERVER").is_some() {
        return tell("the real half is left out: OCMADM_TEST_SERVER says which server to test");
    }
    let given = std::env::var("OCMADM_TEST_KUBECONFIG").is_ok_and(|path| !path.is_empty());
    let (kind, threads) = match given {
        true => ("given", "1"),
        false => ("real", "2"),
    };
    if !given && let Err(why) = real::Assets::find() {
        return tell(&format!("the real half is skipped: {why}"));
    }
    let start = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(SUBJECTS)
        .args(["--test-threads", threads])
        .env("OCMADM_TEST_SERVER", kind)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let result = said
        .lines()
        .rfind(|line| line.starts_with("test result:"))
        .unwrap_or("no result");
    tell(&format!(
        "on a {kind} control plane, {} s: {result}",
        start.elapsed().as_secs()
    ));
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
