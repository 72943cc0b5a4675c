//! Help, completions and man pages.

use std::fs;
use std::path::Path;

use ocmadm::{cli, cmd};

use super::world::run;

#[test]
fn completions_and_man_pages_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let generated = cmd::generate::docs(&cli::command());
    for (path, content) in &generated {
        let kept = fs::read(root.join(path)).unwrap_or_default();
        assert!(
            kept == *content,
            "{} is out of date: cargo run --example generate",
            path.display()
        );
    }
    // Nothing is left of commands that are gone.
    for folder in ["completions", "man"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(root).unwrap();
            assert!(
                generated.iter().any(|(known, _)| known == relative),
                "{} is not generated any more",
                relative.display()
            );
        }
    }
}

#[tokio::test]
async fn version_asks_nobody_when_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), None, &["version", "--client"], "").await;
    let own = env!("CARGO_PKG_VERSION");
    assert_eq!(
        said,
        format!("exit 0\n--- stdout\nocmadm\tversion\t:v{own}\ndefault bundle\tversion\t:1.3.1\n")
    );
}

#[tokio::test]
async fn every_shell_has_a_completion_script() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let said = run(folder.path(), None, &["completion", shell], "").await;
        assert!(said.starts_with("exit 0\n--- stdout\n"), "{said}");
        assert!(said.contains("ocmadm"), "{said}");
    }
    let said = run(folder.path(), None, &["completion", "tcsh"], "").await;
    assert!(said.starts_with("exit 2\n--- stderr\n"), "{said}");
    assert!(said.contains("bash, zsh, fish, powershell"), "{said}");
}

#[tokio::test]
async fn a_closed_pipe_is_silent_success() {
    use std::process::Stdio;
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_ocmadm"))
        .args(["completion", "bash"])
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test]
async fn a_mistyped_command_names_its_neighbour() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), None, &["get", "clusterz"], "").await;
    assert!(said.starts_with("exit 2"), "{said}");
    assert!(said.contains("similar subcommand"), "{said}");
}
