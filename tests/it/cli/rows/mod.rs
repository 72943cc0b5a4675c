//! Every command through the real binary, as a table: what it prints to which
//! stream, and its exit code. A command of clap's without its rows fails here.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use insta::assert_snapshot;
use kube::Api;
use kube::api::PostParams;
use ocmadm::cli;
use regex::Regex;
use serde_json::{Value, json};

use super::bad_input::signing_request;
use super::world::World;
use crate::harness::Kind;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Case {
    /// It does what it shall, and says so.
    Success,
    /// The same as data.
    Json,
    /// It says what it would do.
    DryRun,
    /// It cannot, and says why.
    Error,
}

/// A case and its command line.
type Row = (Case, &'static str);

const STORIES: [&[Row]; 6] = [
    table::HUB,
    table::JOINING,
    table::WORK,
    table::ADDONS,
    table::LEAVING,
    table::SANDBOX,
];

/// Commands without commands below them, by their words; whether they take `-o`.
fn leaves() -> BTreeMap<String, bool> {
    fn walk(command: &clap::Command, words: &str, out: &mut BTreeMap<String, bool>) {
        for sub in command.get_subcommands() {
            let words = format!("{words} {}", sub.get_name());
            if sub.has_subcommands() {
                walk(sub, &words, out);
            } else if !sub.is_hide_set() {
                let output = sub.get_arguments().any(|a| a.get_long() == Some("output"));
                out.insert(words.trim().to_owned(), output);
            }
        }
    }
    let mut out = BTreeMap::new();
    walk(&cli::command(), "", &mut out);
    out
}

/// The command of a line.
fn command_of<'a>(line: &str, leaves: &'a BTreeMap<String, bool>) -> Option<&'a str> {
    let words: Vec<&str> = line.split(' ').collect();
    (1..=words.len().min(3))
        .rev()
        .find_map(|count| leaves.get_key_value(&words[..count].join(" ")))
        .map(|(name, _)| name.as_str())
}

#[test]
fn every_command_has_its_rows() {
    let leaves = leaves();
    let mut rows: BTreeSet<(&str, Case)> = BTreeSet::new();
    for (case, line) in STORIES.concat() {
        match command_of(line, &leaves) {
            Some(command) => rows.insert((command, case)),
            None => panic!("{line}: there is no such command"),
        };
    }
    for (command, case, why) in table::WITHOUT {
        assert!(!why.is_empty());
        assert!(rows.insert((command, *case)), "{command}: it has that row");
    }
    for command in table::READS {
        assert!(leaves.contains_key(*command), "{command} is no command");
    }
    let mut missing = Vec::new();
    for (command, output) in &leaves {
        for case in [Case::Success, Case::Json, Case::DryRun, Case::Error] {
            let wanted = match case {
                Case::Success | Case::Error => true,
                Case::Json => *output,
                Case::DryRun => {
                    !table::READS.contains(&command.as_str()) && command != "plugin list"
                }
            };
            if wanted && !rows.contains(&(command.as_str(), case)) {
                missing.push(format!("{command}: {case:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "rows are missing: {missing:#?}");
}

/// What was said, by the first word of the commands.
#[derive(Default)]
struct Told {
    said: BTreeMap<String, String>,
    token: String,
}

impl Told {
    async fn tell(&mut self, world: &World, rows: &[Row]) {
        for (case, line) in rows {
            let line = line.replace("$TOKEN", &self.token);
            let line = line.replace("$URL", &world.url);
            let words: Vec<&str> = line.split(' ').collect();
            let said = world.run(&words).await;
            check(*case, &line, &said);
            let word = words[0].to_owned();
            let typed = mask(&line.replace(&world.url, "https://HUB"));
            let typed = typed.trim_end();
            let said = mask(&objects(&said));
            let text = format!("$ ocmadm {typed}\n{}\n", brief(&said));
            self.said.entry(word).or_default().push_str(&text);
        }
    }

    fn compare(self) {
        let differ = |word: &str, said: &str| {
            let compared = std::panic::catch_unwind(|| assert_snapshot!(word.to_owned(), said));
            compared.is_err()
        };
        let words = self.said.iter();
        let differing: Vec<&String> = words
            .filter(|(word, said)| differ(word, said))
            .map(|(word, _)| word)
            .collect();
        assert!(differing.is_empty(), "{differing:?}");
    }
}

/// What holds for each row of a case, whatever the snapshot says.
fn check(case: Case, line: &str, said: &str) {
    let ok = said.starts_with("exit 0\n");
    // Doctor's exit code is what it found.
    let told = line.starts_with("doctor");
    assert_eq!(ok || told, case != Case::Error || told, "{line}: {said}");
    assert!(!said.contains("panicked"), "{line}: {said}");
    // What a terminal shows next begins on a line of its own.
    let whole = |text: &str| text.is_empty() || text.ends_with('\n');
    assert!(said.split("--- stderr\n").all(whole), "{line}: {said}");
    let stdout = said.split("--- stdout\n").nth(1).unwrap_or_default();
    let stdout = stdout.split("--- stderr\n").next().unwrap_or_default();
    if case == Case::Json {
        let value: Result<Value, _> = serde_json::from_str(stdout);
        assert!(value.is_ok(), "{line}: {said}");
    }
    if case == Case::Error && !told {
        let errors = said.lines().filter(|line| {
            let line = line.to_ascii_lowercase();
            line.starts_with("error: ")
        });
        assert_eq!(errors.count(), 1, "{line}: {said}");
        is_explained(line, said);
    }
}

/// A failure is told over several lines: what was tried, what was answered, and
/// what to do next. No line is a chain of wrapped errors.
fn is_explained(line: &str, said: &str) {
    let next = [
        "\nHint: ",
        "\nFor more information, try",
        "\n  [possible values: ",
    ];
    assert!(
        next.iter().any(|part| said.contains(part)),
        "{line}: {said}"
    );
    for text in said.lines() {
        let links = text.matches(": ").count();
        assert!(links <= 3, "{line}: a chain: {text}");
    }
}

/// What steps wait for depends on who is faster, and whether a server has a
/// cluster-info on how it was set up.
fn without_waits(said: &str) -> String {
    let steps: Vec<String> = said
        .lines()
        .filter_map(|line| Some(format!("{}: ", line.strip_suffix(" ...")?)))
        .collect();
    let waits = |line: &str| {
        let over = line.ends_with(": done") || line.ends_with(": failed");
        let waits = !over && steps.iter().any(|step| line.starts_with(step));
        waits || line.starts_with("Created kube-public/cluster-info ")
    };
    let kept = said.lines().filter(|line| !waits(line));
    kept.map(|line| format!("{line}\n")).collect()
}

/// What differs from run to run.
fn mask(said: &str) -> String {
    static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            // Only where everybody may see the CA, which is not so on every server.
            (r" --ca-hash sha256:[0-9a-f]{64}", ""),
            (r#""ca-hash": "[^"]+",\n *"#, ""),
            (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN"),
            (r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", "TOKEN"),
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
            (r#"("resourceVersion": )"\d+""#, r#"$1"RV""#),
            (
                r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?Z| UTC)?",
                "TIME",
            ),
            (r"LS0t[\w+/=]+", "PEM"),
            (r"\b\d+(\.\d+)? (ms|s|seconds?|minutes?)\b", "N s"),
            (r"\b\d+(ms|s|m)\b", "AGE"),
            (r"v1\.3\d\.\d+[\w.+-]*", "KUBERNETES"),
            (r"127\.0\.0\.1:\d{4,5}", "ADDRESS"),
            (r#"\bpid(=|": )\d+"#, "pid${1}N"),
        ]
        .map(|(pattern, with)| (Regex::new(pattern).unwrap(), with))
        .into()
    });
    let said = without_waits(said)
        .replace(env!("CARGO_BIN_EXE_ocmadm"), "OCMADM")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION");
    MASKS.iter().fold(said, |text, (mask, with)| {
        mask.replace_all(&text, *with).into_owned()
    })
}

/// A long JSON document by what it holds. The order of objects that were
/// changed at the same time is no promise.
fn objects(said: &str) -> String {
    const MANY: usize = 60;
    let (Some(from), Some(to)) = (said.find("\n{\n"), said.rfind("\n}\n")) else {
        return said.to_owned();
    };
    let (from, to) = (from + 1, to + 3);
    let Ok(value) = serde_json::from_str::<Value>(&said[from..to]) else {
        return said.to_owned();
    };
    if said[from..to].lines().count() < MANY {
        return said.to_owned();
    }
    let items = match value["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![value],
    };
    let mut lines: Vec<String> = items
        .iter()
        .map(|item| {
            let text = |pointer: &str| {
                let found = item.pointer(pointer).and_then(Value::as_str);
                found.unwrap_or_default().to_owned()
            };
            let kind = text("/kind");
            let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
            format!("(JSON of {kind} {namespace}/{name})\n")
        })
        .collect();
    lines.sort();
    format!("{}{}{}", &said[..from], lines.concat(), &said[to..])
}

/// Manifests are told by name (their content has tests of its own), what is
/// long by its beginning.
fn brief(said: &str) -> String {
    const MANY: usize = 60;
    let mut out = String::new();
    let mut kind = "";
    for part in said.split_inclusive("--- ") {
        let lines: Vec<&str> = part.lines().collect();
        if lines
            .iter()
            .filter(|line| line.starts_with("kind: "))
            .count()
            > 1
        {
            for line in &lines {
                if let Some(found) = line.strip_prefix("kind: ") {
                    kind = found;
                } else if let Some(name) = line.strip_prefix("  name: ") {
                    if !kind.is_empty() {
                        out.push_str(&format!("({kind} {name})\n"));
                        kind = "";
                    }
                } else if line.starts_with("std") || line.starts_with("exit ") {
                    out.push_str(&format!("{line}\n"));
                }
            }
            if part.ends_with("--- ") {
                out.push_str("--- ");
            }
        } else if lines.len() > MANY && !part.contains("{\n") {
            for line in &lines[..20] {
                out.push_str(&format!("{line}\n"));
            }
            out.push_str("(and so on)\n");
            if part.ends_with("--- ") {
                out.push_str("--- ");
            }
        } else {
            out.push_str(part);
        }
    }
    out
}

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\ndata: {k: v}\n";

/// A helm that tells what it was asked for.
const HELM: &str = "#!/bin/sh\necho helm \"$@\"\n";

/// c1 asks to join, c2 has joined long ago.
async fn clusters(world: &World) {
    world
        .cluster
        .install(ocmadm::bundle::hub_crds().unwrap())
        .await;
    world.cluster("c1", false).await;
    world.cluster("c2", true).await;
    let organisation = "system:open-cluster-management:c1";
    let csr = signing_request(&format!("{organisation}:agent"), organisation, "c1");
    let api = Api::all(world.client.clone());
    api.create(&PostParams::default(), &csr).await.unwrap();
}

/// What an Argo CD would have brought.
async fn argo(world: &World) {
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "applicationsets.argoproj.io"},
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced",
            "names": {"kind": "ApplicationSet", "listKind": "ApplicationSetList",
                "plural": "applicationsets", "singular": "applicationset"},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": any}}],
        },
    });
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}});
    let objects = [definition, namespace].map(|value| serde_json::from_value(value).unwrap());
    world.cluster.apply(&objects).await;
}

#[tokio::test]
async fn a_hub_from_init_to_clean() {
    let world = World::bare().await;
    world.write("m.yaml", CONFIG_MAP);
    world.write("n.yaml", &CONFIG_MAP.replace("k: v", "k: w"));
    // Not every server shows its CA to everybody.
    world.write("ca.crt", &world.cluster.ca_pem());
    let mut told = Told::default();
    told.tell(&world, table::HUB).await;
    clusters(&world).await;
    let token = world.run(&["get", "token", "-o", "token"]).await;
    let token = token.lines().find(|line| line.starts_with("eyJ"));
    told.token = token.unwrap().to_owned();
    told.tell(&world, table::JOINING).await;
    told.tell(&world, table::WORK).await;
    argo(&world).await;
    let helm = world.write("bin/helm", HELM);
    std::fs::set_permissions(&helm, std::fs::Permissions::from_mode(0o755)).unwrap();
    told.tell(&world, table::ADDONS).await;
    told.tell(&world, table::LEAVING).await;
    told.compare();
}

/// Their API servers are the embedded ones, whichever the run is about.
#[tokio::test]
async fn a_sandbox_from_up_to_down() {
    if Kind::of_this_run() != Kind::Embedded {
        return;
    }
    let world = World::bare().await;
    let mut told = Told::default();
    told.tell(&world, table::SANDBOX).await;
    told.compare();
}

/// The first row of each command that does something on a cluster.
fn one_of_each() -> Vec<&'static str> {
    const NO_CLUSTER: [&str; 6] = [
        "version",
        "help",
        "options",
        "plugin",
        "completion",
        "doctor",
    ];
    let leaves = leaves();
    let mut seen = BTreeSet::new();
    let rows = STORIES[..5].iter().copied().flatten();
    rows.filter(|(case, line)| {
        let first = line.split(' ').next().unwrap();
        *case == Case::Success
            && !NO_CLUSTER.contains(&first)
            && seen.insert(command_of(line, &leaves).unwrap().to_owned())
    })
    .map(|(_, line)| *line)
    .collect()
}

/// Every command with more words behind it; each has to fail, and to say where.
async fn fail(world: &World, more: &[&str], place: &str) -> String {
    let token = "abcdef.0123456789abcdef";
    world.write("ca.crt", &world.cluster.ca_pem());
    let mut text = String::new();
    for line in one_of_each() {
        let typed = line.replace("$TOKEN", token).replace("$URL", &world.url);
        let words: Vec<&str> = typed.split(' ').chain(more.iter().copied()).collect();
        let said = world.run(&words).await;
        assert!(said.starts_with("exit 1\n"), "{line}: {said}");
        assert!(said.contains(place), "{line} does not say where: {said}");
        is_explained(line, &said);
        let said = said.lines().filter(|line| {
            ["Error: ", "Caused by: ", "Hint: "]
                .iter()
                .any(|label| line.starts_with(label))
        });
        let line = line.replace(&world.url, "https://HUB");
        text.push_str(&format!("$ ocmadm {line}\n"));
        text.extend(said.map(|line| format!("{line}\n")));
    }
    mask(&text)
}

#[tokio::test]
async fn every_command_of_somebody_who_may_do_nothing() {
    let world = World::hub().await;
    argo(&world).await;
    world.write("m.yaml", CONFIG_MAP);
    let said = fail(&world, &["--context", "guest"], "https://HUB answers: ").await;
    assert_snapshot!("forbidden", said);
}

#[tokio::test]
async fn every_command_on_a_server_that_is_down() {
    let world = World::hub().await;
    world.write("m.yaml", CONFIG_MAP);
    let config = std::fs::read_to_string(world.kubeconfig()).unwrap();
    let down = "https://127.0.0.1:1";
    let path = world.write("down", &config.replace(&world.url, down));
    let more = ["--kubeconfig", &path.display().to_string()];
    let said = fail(
        &world,
        &more,
        &format!("cannot reach the API server at {down}: connection refused"),
    )
    .await;
    assert_snapshot!("down", said);
}
