//! Where manifests come from: files, folders, patterns, addresses, standard input.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::fetch::{fetch, is_address};
use crate::error::CommandError;
use crate::k8s::yaml::{self, Manifest};

/// Endings of files that folders are searched for.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Reads everything that `-f` names, in that order; folders in the order of
/// their file names.
///
/// # Errors
/// What cannot be read or is no manifest, and folders without any.
pub(super) async fn read(names: &[String], recursive: bool) -> Result<Vec<Manifest>, CommandError> {
    let mut manifests = Vec::new();
    for name in names {
        if name == "-" {
            let mut bytes = Vec::new();
            io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|error| unreadable("standard input", error))?;
            let before = manifests.len();
            manifests.extend(yaml::read("-", &bytes)?);
            if manifests.len() == before {
                return Err(no_manifests("standard input"));
            }
            continue;
        }
        if is_address(name) {
            let before = manifests.len();
            manifests.extend(yaml::read(name, &fetch(name).await?)?);
            if manifests.len() == before {
                return Err(no_manifests(name));
            }
            continue;
        }
        let files = files_of(name, recursive)?;
        let before = manifests.len();
        for file in &files {
            let shown = file.display().to_string();
            let bytes = fs::read(file).map_err(|error| unreadable(&shown, error))?;
            manifests.extend(yaml::read(&shown, &bytes)?);
        }
        if manifests.len() == before {
            return Err(match files.as_slice() {
                [] => no_files(name, recursive),
                _ => no_manifests(name),
            });
        }
    }
    Ok(manifests)
}

fn no_manifests(name: &str) -> CommandError {
    CommandError::user(format!("{name} holds no manifests"))
        .hint("manifests are objects in YAML or JSON, with apiVersion and kind")
}

fn unreadable(name: &str, error: io::Error) -> CommandError {
    let missing = error.kind() == io::ErrorKind::NotFound;
    CommandError::user(format!("cannot read {name}"))
        .because(error)
        .hint_if(missing.then_some(
            "-f takes files, folders, quoted patterns, addresses, or - for standard input",
        ))
}

fn no_files(name: &str, recursive: bool) -> CommandError {
    let below = if recursive { " or below it" } else { "" };
    CommandError::user(format!(
        "there are no manifests in {name}{below} (files ending in .yaml, .yml or .json)"
    ))
    .hint_if((!recursive).then_some("folders in it are searched with -R"))
}

fn files_of(name: &str, recursive: bool) -> Result<Vec<PathBuf>, CommandError> {
    let path = Path::new(name);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            let mut files = Vec::new();
            collect(path, recursive, &mut files)?;
            Ok(files)
        }
        Ok(_) => Ok(vec![path.to_owned()]),
        Err(error) if error.kind() == io::ErrorKind::NotFound && name.contains(['*', '?']) => {
            matching(path)
        }
        Err(error) => Err(unreadable(name, error)),
    }
}

/// Files of a folder, ordered by name; hidden ones are skipped.
fn collect(folder: &Path, recursive: bool, into: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    let entries = |path: &Path| -> io::Result<Vec<PathBuf>> {
        let mut found = fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        found.sort();
        Ok(found)
    };
    let found =
        entries(folder).map_err(|error| unreadable(&folder.display().to_string(), error))?;
    for path in found {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        // Follows links to files; a link to a folder could lead in a circle.
        let is_link = path.is_symlink();
        if path.is_dir() {
            if recursive && !is_link {
                collect(&path, recursive, into)?;
            }
        } else if path.extension().is_some_and(|ending| {
            ENDINGS
                .iter()
                .any(|known| ending.eq_ignore_ascii_case(known))
        }) {
            into.push(path);
        }
    }
    Ok(())
}

/// Files whose last part fits a pattern of `*` and `?`.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let shown = pattern.display().to_string();
    let folder = match pattern.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let wanted: Vec<char> = pattern
        .file_name()
        .map(|name| name.to_string_lossy().chars().collect())
        .unwrap_or_default();
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .map_err(|error| unreadable(&shown, error))?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name: Vec<char> = entry.file_name().to_string_lossy().chars().collect();
            let hidden = name.first() == Some(&'.') && wanted.first() != Some(&'.');
            (!hidden && fits(&wanted, &name)).then(|| entry.path())
        })
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(CommandError::user(format!(
            "no file fits the pattern {shown}"
        )));
    }
    Ok(files)
}

fn fits(pattern: &[char], name: &[char]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some('*'), _) => {
            fits(&pattern[1..], name) || (!name.is_empty() && fits(pattern, &name[1..]))
        }
        (Some('?'), Some(_)) => fits(&pattern[1..], &name[1..]),
        (Some(a), Some(b)) if a == b => fits(&pattern[1..], &name[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[String], recursive: bool) -> Result<Vec<Manifest>, CommandError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(super::read(names, recursive))
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, kind: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("kind: {kind}\n")).unwrap();
        };
        write("b.yaml", "B");
        write("a.yml", "A");
        write("sub/c.json", "C");
        write(".hidden.yaml", "H");
        write("notes.txt", "N");
        // JSON must be JSON.
        fs::write(folder.path().join("sub/c.json"), "{\"kind\": \"C\"}").unwrap();
        folder
    }

    fn kinds(names: &[String], recursive: bool) -> Vec<String> {
        read(names, recursive)
            .unwrap()
            .iter()
            .map(|m| m.object["kind"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn folders_are_read_in_the_order_of_names() {
        let folder = folder();
        let name = folder.path().display().to_string();
        assert_eq!(kinds(std::slice::from_ref(&name), true), ["A", "B", "C"]);
        assert_eq!(kinds(std::slice::from_ref(&name), false), ["A", "B"]);
        assert_eq!(kinds(&[format!("{name}/*.y?ml")], false), ["B"]);
        assert_eq!(
            kinds(
                &[format!("{name}/sub/c.json"), format!("{name}/a.yml")],
                false
            ),
            ["C", "A"]
        );
    }

    #[test]
    fn what_is_empty_or_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().display().to_string();
        let error = read(std::slice::from_ref(&name), true).unwrap_err();
        assert!(
            error.message().starts_with("there are no manifests in "),
            "{error}"
        );
        fs::write(folder.path().join("x.yaml"), "# nothing\n").unwrap();
        let error = read(std::slice::from_ref(&name), true).unwrap_err();
        assert!(error.message().ends_with("holds no manifests"), "{error}");
        let error = read(&[format!("{name}/y.yaml")], true).unwrap_err();
        assert!(error.message().starts_with("cannot read"), "{error}");
    }
}
