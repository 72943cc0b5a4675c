//! What holds for every command, read off clap's definitions.

use ocmadm::cli;

use super::world::run;

/// The words of every visible command, and whether it has commands below it.
fn commands() -> Vec<(Vec<String>, bool)> {
    fn walk(command: &clap::Command, path: &[String], out: &mut Vec<(Vec<String>, bool)>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = [path, &[sub.get_name().to_owned()]].concat();
            out.push((path.clone(), sub.has_subcommands()));
            walk(sub, &path, out);
        }
    }
    let mut out = Vec::new();
    walk(&cli::command(), &[], &mut out);
    assert!(out.len() > 40, "{out:?}");
    out
}

/// The man pages pin the words; this, that the binary says them where they belong.
#[tokio::test]
async fn every_command_has_help_on_stdout_and_takes_no_unknown_flag() {
    let folder = tempfile::tempdir().unwrap();
    for (words, is_group) in commands() {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let line = words.join(" ");
        for flag in ["-h", "--help"] {
            let args = [&words[..], &[flag]].concat();
            let said = run(folder.path(), None, &args, "").await;
            assert!(said.starts_with("exit 0\n--- stdout\n"), "{line}: {said}");
            assert!(!said.contains("--- stderr"), "{line}: {said}");
            let usage = format!("Usage: ocmadm {line}");
            assert!(said.contains(&usage), "{line}: {said}");
            assert!(
                said.lines().all(|text| text.chars().count() <= 100),
                "{line}: {said}"
            );
            if is_group {
                assert!(said.contains("Commands:"), "{line}: {said}");
            }
        }
        let said = run(
            folder.path(),
            None,
            &[&words[..], &["--no-such-flag"]].concat(),
            "",
        )
        .await;
        assert!(said.starts_with("exit 2\n--- stderr\n"), "{line}: {said}");
        assert!(said.contains("--no-such-flag"), "{line}: {said}");
        if is_group {
            let said = run(
                folder.path(),
                None,
                &[&words[..], &["no-such-thing"]].concat(),
                "",
            )
            .await;
            assert!(said.starts_with("exit 2\n--- stderr\n"), "{line}: {said}");
        }
    }
}

/// Without a cluster to talk to, each says so or what it lacks: it neither
/// hangs nor panics, and prints no result.
#[tokio::test]
async fn every_command_ends_well_without_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    for (words, is_group) in commands() {
        let line = words.join(" ");
        if is_group || line.starts_with("sandbox") || ["help", "options"].contains(&&*line) {
            continue;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = run(folder.path(), None, &words, "").await;
        assert!(
            !said.contains("panicked") && !said.contains("a bug in ocmadm"),
            "{line}: {said}"
        );
        if line == "version" {
            assert!(said.starts_with("exit 0\n"), "{said}");
            continue;
        }
        let code = said.lines().next().unwrap();
        assert!(["exit 1", "exit 2"].contains(&code), "{line}: {said}");
        assert!(!said.contains("--- stdout"), "{line}: {said}");
        assert!(
            said.contains("--- stderr\nError: ") || said.contains("--- stderr\nerror: "),
            "{line}: {said}"
        );
    }
}

#[tokio::test]
async fn help_and_options_say_what_the_flag_says() {
    let folder = tempfile::tempdir().unwrap();
    let ask = async |words: &[&str]| run(folder.path(), None, words, "").await;
    for words in [&["get", "clusters"][..], &["create", "work"], &["join"]] {
        let flag = ask(&[words, &["--help"]].concat()).await;
        assert_eq!(ask(&[&["help"], words].concat()).await, flag);
    }
    let said = ask(&["help", "get", "clusterz"]).await;
    assert!(said.starts_with("exit 2\n--- stderr\n"), "{said}");
    assert!(said.contains("did you mean \"clusters\"?"), "{said}");
    let said = ask(&["options"]).await;
    assert!(
        said.starts_with("exit 0\n--- stdout\nThe following options can be"),
        "{said}"
    );
    assert!(said.contains("--kubeconfig <FILE>"), "{said}");
    assert!(ask(&["plugin", "list"]).await.starts_with("exit 0\n"));
}

/// The help of a line that pflag alone reads is the one for people.
#[tokio::test]
async fn what_scripts_of_pflag_type_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let ask = async |words: &[&str]| run(folder.path(), None, words, "").await;
    let said = ask(&["init", "--wait", "--wait", "--help"]).await;
    assert!(said.starts_with("exit 0"), "{said}");
    assert!(!said.contains("--wait[="), "{said}");
    let said = ask(&[
        "version",
        "--client=True",
        "--log_dir",
        "d",
        "--logtostderr",
    ])
    .await;
    assert!(said.starts_with("exit 0\n--- stdout\nocmadm"), "{said}");
    assert!(
        said.ends_with(
            "--- stderr\n\
             Warning: the flag --log_dir is written --log-dir\n\
             Warning: --logtostderr has no effect: logs go to stderr, as -v and OCMADM_LOG say\n\
             Warning: --log-dir has no effect: logs go to stderr, as -v and OCMADM_LOG say\n"
        ),
        "{said}"
    );
    let said = ask(&["version", "--client=maybe"]).await;
    assert!(said.starts_with("exit 2"), "{said}");
    assert!(said.contains("write true or false"), "{said}");
    // A switch that is off is not given.
    let said = ask(&["join", "--accept=false", "--hub-token", ""]).await;
    assert!(!said.contains("--hub-context"), "{said}");
}
