//! Scripts of commands, and what came of each: one transcript, masked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use similar::TextDiff;

use super::masks::Masks;
use crate::harness::Kind;

/// The folder of scripts and transcripts.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// The commands of a script: one a line, with its here-documents; comments and
/// blank lines are for readers.
pub(super) fn commands(script: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut command = line.to_owned();
        if line.contains("<<EOF") {
            for line in lines.by_ref() {
                command.push('\n');
                command.push_str(line);
                if line == "EOF" {
                    break;
                }
            }
        }
        commands.push(command);
    }
    commands
}

/// Runs every command by bash in one folder, and tells what each said: its
/// output as it is, its errors behind `!`, its exit code behind `?`.
pub(super) fn play(script: &str, kubeconfig: &Path, home: &Path) -> String {
    let masks = Masks::new();
    let mut transcript = String::new();
    for command in commands(script) {
        let output = Command::new("bash")
            .args(["-c", &command])
            .current_dir(home)
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("HOME", home)
            .env("LC_ALL", "C")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let _ = writeln!(transcript, "$ {command}");
        for (mark, said) in [("", &output.stdout), ("! ", &output.stderr)] {
            for line in masks.apply(&String::from_utf8_lossy(said)).lines() {
                let _ = writeln!(transcript, "{mark}{line}");
            }
        }
        match output.status.code() {
            Some(0) => {}
            Some(code) => {
                let _ = writeln!(transcript, "? {code}");
            }
            None => {
                let _ = writeln!(transcript, "? {}", output.status);
            }
        }
    }
    transcript
}

/// What one server gave, beside what is recorded; recorded anew where that is asked for.
pub(super) fn compare(name: &str, transcript: &str) {
    let file = folder().join(format!("recorded/{name}.txt"));
    if std::env::var_os("OCMADM_RECORD").is_some() {
        assert_eq!(
            Kind::of_this_run(),
            Kind::Real,
            "recorded is what a real server says: OCMADM_TEST_SERVER=real"
        );
        std::fs::write(&file, transcript).unwrap();
    }
    let recorded = std::fs::read_to_string(&file).unwrap_or_default();
    same(name, &recorded, transcript);
}

/// Fails with the lines that differ.
pub(super) fn same(name: &str, real: &str, here: &str) {
    if real != here {
        let diff = TextDiff::from_lines(real, here);
        let diff = diff
            .unified_diff()
            .context_radius(2)
            .header("a real server", "this one")
            .to_string();
        panic!("{name} on {:?}:\n{diff}", Kind::of_this_run());
    }
}
