//! The definitions: the committed files are what the types say, and what the
//! types say is what upstream's definitions say, up to descriptions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ocmadm::ocm::crds;
use serde_json::Value;

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("embedded-manifests/crds")
}

/// Upstream's definitions, where this checkout has them.
fn reference() -> Option<PathBuf> {
    let shared = std::env::var_os("OCMADM_SHARED").map(PathBuf::from);
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    shared
        .into_iter()
        .chain([here.join("../shared"), here.join("../../shared")])
        .map(|shared| shared.join("ocm-crds"))
        .find(|dir| dir.is_dir())
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Rewrite with `cargo run --example generate`.
#[test]
fn committed_files_are_generated() {
    let mut expected = BTreeSet::new();
    for definition in crds::all() {
        let name = crds::file_name(&definition);
        let yaml = crds::to_yaml(&definition).unwrap();
        let path = committed().join(&name);
        if std::env::var_os("OCMADM_UPDATE").is_some() {
            fs::create_dir_all(committed()).unwrap();
            fs::write(&path, &yaml).unwrap();
        }
        let present = fs::read_to_string(&path).unwrap_or_default();
        assert!(present == yaml, "{name} is not what the types say");
        expected.insert(name);
    }
    let present: BTreeSet<String> = fs::read_dir(committed())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(present, expected);
}

#[test]
fn definitions_say_what_upstream_says() {
    let Some(reference) = reference() else {
        println!("skipped: upstream's definitions are not here");
        return;
    };
    let mut differences = Vec::new();
    let mut seen = BTreeSet::new();
    for definition in crds::all() {
        let name = crds::file_name(&definition);
        let ours = serde_json::to_value(&definition).unwrap();
        let theirs = read(&reference.join(&name));
        compare(
            &name,
            Some(&normalized(ours)),
            Some(&normalized(theirs)),
            &mut differences,
        );
        seen.insert(name);
    }
    for entry in fs::read_dir(&reference).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !seen.contains(&name) {
            differences.push(format!("{name}: missing here"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Leaves out what carries no structure: descriptions, spelled-out defaults of
/// the definition itself, the order of sets.
fn normalized(mut definition: Value) -> Value {
    if let Some(metadata) = definition["metadata"].as_object_mut() {
        metadata.retain(|key, _| key == "name");
    }
    if let Some(spec) = definition["spec"].as_object_mut()
        && spec.get("preserveUnknownFields") == Some(&Value::Bool(false))
    {
        spec.remove("preserveUnknownFields");
    }
    for version in definition["spec"]["versions"].as_array_mut().unwrap() {
        let version = version.as_object_mut().unwrap();
        if version
            .get("subresources")
            .is_some_and(|s| *s == serde_json::json!({}))
        {
            version.remove("subresources");
        }
        structure(version.get_mut("schema").unwrap());
    }
    definition
}

fn structure(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            // A property may be called "description" too: its value is an object.
            if object.get("description").is_some_and(Value::is_string) {
                object.remove("description");
            }
            for key in ["required", "enum"] {
                if let Some(Value::Array(values)) = object.get_mut(key) {
                    values.sort_by_key(ToString::to_string);
                }
            }
            object.values_mut().for_each(structure);
        }
        Value::Number(number) => *schema = number.as_f64().unwrap().into(),
        Value::Array(values) => values.iter_mut().for_each(structure),
        _ => {}
    }
}

fn compare(
    path: &str,
    ours: Option<&Value>,
    theirs: Option<&Value>,
    differences: &mut Vec<String>,
) {
    match (ours, theirs) {
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            for key in keys {
                compare(
                    &format!("{path}.{key}"),
                    ours.get(key),
                    theirs.get(key),
                    differences,
                );
            }
        }
        (Some(Value::Array(ours)), Some(Value::Array(theirs))) if ours.len() == theirs.len() => {
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                compare(
                    &format!("{path}[{index}]"),
                    Some(ours),
                    Some(theirs),
                    differences,
                );
            }
        }
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => {
            let text = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            differences.push(format!("{path}: {} vs {}", text(ours), text(theirs)));
        }
    }
}

/// The comparison itself must be able to fail.
#[test]
fn comparison_sees_each_kind_of_difference() {
    let ours = serde_json::json!({"a": 1, "b": [1, 2], "c": {"d": "x"}});
    let theirs = serde_json::json!({"a": 2, "b": [1], "c": {"d": "x", "e": true}});
    let mut differences = Vec::new();
    compare("o", Some(&ours), Some(&theirs), &mut differences);
    assert_eq!(
        differences,
        ["o.a: 1 vs 2", "o.b: [1,2] vs [1]", "o.c.e: nothing vs true"]
    );
}
