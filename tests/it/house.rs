//! The house's own rules, read off the sources: who may know whom, no test
//! file forgotten, nothing printed outside `ui`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → the modules of this crate (and the crates beside it) it may name.
/// `ARCHITECTURE.md` draws the same picture.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["cmd", "error", "ui", "k8s"]),
    (
        "cmd",
        &[
            "agent", "bundle", "cli", "error", "hub", "k8s", "ocm", "runtime", "sandbox", "ui",
        ],
    ),
    ("sandbox", &["apiserver", "bundle", "k8s", "ocm", "runtime"]),
    ("hub", &["bundle", "guarded_cel", "k8s", "ocm", "runtime"]),
    ("agent", &["bundle", "guarded_cel", "k8s", "ocm", "runtime"]),
    ("bundle", &["k8s", "ocm"]),
    ("runtime", &["k8s"]),
    ("error", &["ui"]),
    ("ocm", &[]),
    ("k8s", &[]),
    ("ui", &[]),
];

/// The crates beside this one.
const BESIDE: &[&str] = &["apiserver", "guarded_cel"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The top-level module a file of `src/` belongs to.
fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Every module named by `crate::x`, `ocmadm::x` or `apiserver::` in code
/// (comments do not count).
fn named_modules(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for prefix in ["crate::", "ocmadm::"] {
            for (at, _) in code.match_indices(prefix) {
                let rest = &code[at + prefix.len()..];
                // `use crate::{a, b::c}` names several at once.
                let names: Vec<&str> = match rest.strip_prefix('{') {
                    Some(list) => list.split(',').collect(),
                    None => vec![rest],
                };
                for name in names {
                    let name: String = name
                        .trim()
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    if !name.is_empty() {
                        found.push((number + 1, name));
                    }
                }
            }
        }
        // The crates themselves, not a module of another one whose name ends so.
        for beside in BESIDE {
            let named = code.match_indices(&format!("{beside}::")).any(|(at, _)| {
                !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if named {
                found.push((number + 1, (*beside).to_owned()));
            }
        }
    }
    found
}

#[test]
fn modules_know_only_whom_they_may() {
    let rules: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    let mut forbidden = Vec::new();
    for file in rust_files(&root().join("src")) {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let allowed = rules
            .get(module.as_str())
            .unwrap_or_else(|| panic!("src/{module} has no rule in MAY_KNOW"));
        for (line, named) in named_modules(&fs::read_to_string(&file).unwrap()) {
            let known = rules.contains_key(named.as_str()) || BESIDE.contains(&named.as_str());
            if known && named != module && !allowed.contains(&named.as_str()) {
                forbidden.push(format!(
                    "{}:{line}: {module} must not know {named}",
                    file.display()
                ));
            }
        }
    }
    assert!(forbidden.is_empty(), "{}", forbidden.join("\n"));
}

#[test]
fn the_rule_finds_forbidden_edges() {
    let found = named_modules(
        "use crate::{ui, hub::x};\n// crate::cmd\nlet a = apiserver::X;\nuse k8s::apiextensions_apiserver::X;\n",
    );
    assert_eq!(
        found,
        vec![
            (1, "ui".to_owned()),
            (1, "hub".to_owned()),
            (3, "apiserver".to_owned())
        ]
    );
}

#[test]
fn the_api_server_knows_nothing_of_ocm() {
    for file in rust_files(&root().join("crates/apiserver/src")) {
        // Its tests may try the definitions of real projects.
        if file.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        for word in ["open-cluster-management", "ocmadm", "ManifestWork"] {
            assert!(
                !source.contains(word),
                "{} mentions {word}: the crate must stay usable by any project",
                file.display()
            );
        }
    }
}

#[test]
fn only_ui_prints() {
    for file in rust_files(&root().join("src")) {
        if module_of(&file) == "ui" {
            continue;
        }
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.trim_start();
            for call in ["println!", "eprintln!", "print!(", "eprint!("] {
                assert!(
                    !code.starts_with(call),
                    "{}:{}: {call} outside src/ui",
                    file.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for entry in fs::read_dir(root().join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_module = path.is_dir() || path.extension().is_some_and(|e| e == "rs");
        if is_module && name != "main" && name != "snapshots" {
            assert!(
                main.contains(&format!("mod {name};")),
                "tests/it/{name} is not declared in tests/it/main.rs"
            );
        }
    }
}
