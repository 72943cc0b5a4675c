//! `docs/works-test-map.md` names tests that exist.

use std::collections::BTreeSet;
use std::path::Path;

/// Names of all functions in the Rust files below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            names.extend(text.lines().filter_map(|line| {
                let (_, rest) = line.split_once("fn ")?;
                Some(rest.split(['(', '<']).next()?.to_owned())
            }));
        }
    }
}

/// Cases that upstream's tests of works have.
const CASES: usize = 102;
/// Numbered statements of the protocol.
const STATEMENTS: usize = 64;

#[test]
fn every_case_and_every_statement_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    for folder in ["src", "tests/it"] {
        functions(&root.join(folder), &mut names);
    }
    let map = std::fs::read_to_string(root.join("docs/works-test-map.md")).unwrap();
    let mut cases = 0;
    for line in map
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let (_, tests) = line.trim_end_matches(" |").rsplit_once(" | ").unwrap();
        cases += 1;
        for test in tests.split(", ") {
            let test = test.trim_matches('`');
            assert!(names.contains(test), "{line}: there is no test {test}");
        }
    }
    assert_eq!(cases, CASES);
    // `work_14_15_an_update…` is about the statements 14 and 15.
    let mut numbers = BTreeSet::new();
    for name in names.iter().filter_map(|name| name.strip_prefix("work_")) {
        for part in name.split('_').filter(|part| *part != "and") {
            match part.parse::<usize>() {
                Ok(number) => numbers.insert(number),
                Err(_) => break,
            };
        }
    }
    let missing: Vec<usize> = (1..=STATEMENTS).filter(|n| !numbers.contains(n)).collect();
    assert!(missing.is_empty(), "no test carries {missing:?}");
}
