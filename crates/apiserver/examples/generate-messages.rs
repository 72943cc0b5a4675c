//! Reduces the Go types of Kubernetes to the numbers that their protobuf
//! encoding needs:
//!
//! ```text
//! cargo run -p apiserver --example generate-messages -- FOLDER
//! ```
//!
//! FOLDER holds the modules `api@VERSION` and `apimachinery@VERSION` (for
//! example `$(go env GOMODCACHE)/k8s.io` after `go mod download k8s.io/api
//! k8s.io/apimachinery`). The result is `src/request/messages.txt`; its format
//! is described in `request::protobuf`.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Folder of the package below `api`, and its `apiVersion`.
const PACKAGES: &[(&str, &str)] = &[
    ("core/v1", "v1"),
    ("apps/v1", "apps/v1"),
    ("batch/v1", "batch/v1"),
    ("rbac/v1", "rbac.authorization.k8s.io/v1"),
    ("certificates/v1", "certificates.k8s.io/v1"),
    ("coordination/v1", "coordination.k8s.io/v1"),
    ("authentication/v1", "authentication.k8s.io/v1"),
    ("authorization/v1", "authorization.k8s.io/v1"),
    (
        "admissionregistration/v1",
        "admissionregistration.k8s.io/v1",
    ),
    ("networking/v1", "networking.k8s.io/v1"),
    ("policy/v1", "policy/v1"),
    ("storage/v1", "storage.k8s.io/v1"),
    ("scheduling/v1", "scheduling.k8s.io/v1"),
    ("events/v1", "events.k8s.io/v1"),
    ("autoscaling/v1", "autoscaling/v1"),
    ("autoscaling/v2", "autoscaling/v2"),
    ("discovery/v1", "discovery.k8s.io/v1"),
    ("node/v1", "node.k8s.io/v1"),
];
const META: &str = "apimachinery/pkg/apis/meta/v1";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Default)]
struct Package {
    /// Struct name to its lines: name, number, Go type, whether zeros stay, inline.
    structs: BTreeMap<String, Vec<Field>>,
    aliases: BTreeMap<String, (String, Imports)>,
}

type Imports = BTreeMap<String, String>;

struct Field {
    name: String,
    number: u32,
    go: String,
    keep_zero: bool,
    imports: Imports,
}

struct Reader {
    packages: BTreeMap<String, Package>,
}

fn module(root: &Path, name: &str) -> Result<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(root)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|file| file.to_str())
                .is_some_and(|file| file.split('@').next() == Some(name))
        })
        .collect();
    found.sort();
    found
        .pop()
        .ok_or_else(|| format!("no module {name} in {}", root.display()).into())
}

fn read_package(folder: &Path) -> Result<Package> {
    let import = Regex::new(r#"^\s+(?:(\w+) )?"k8s\.io/([^"]+)"$"#)?;
    let field = Regex::new(
        r#"^\t(?:\w+\s+)?(\S+)\s+`json:"([^"]*)"(?: \w+:"[^"]*")* protobuf:"\w+,(\d+),[^"]*"(?: \w+:"[^"]*")*`"#,
    )?;
    let alias = Regex::new(r"^type (\w+) =? ?([\w\[\]\.\*]+)$")?;
    let head = Regex::new(r"^type (\w+) struct \{")?;
    let mut package = Package::default();
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("");
            name.ends_with(".go")
                && !name.starts_with("zz_")
                && !name.contains("generated")
                && !name.ends_with("_test.go")
        })
        .collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let mut imports = Imports::new();
        let mut inside: Option<String> = None;
        for line in text.lines() {
            if let Some(found) = import.captures(line) {
                let path = found[2].to_owned();
                let default = path.rsplit('/').next().unwrap_or("").to_owned();
                let name = found
                    .get(1)
                    .map_or(default, |name| name.as_str().to_owned());
                imports.insert(name, path);
            } else if let Some(found) = head.captures(line) {
                inside = Some(found[1].to_owned());
                package.structs.entry(found[1].to_owned()).or_default();
            } else if line == "}" {
                inside = None;
            } else if let Some(found) = alias.captures(line) {
                package
                    .aliases
                    .insert(found[1].to_owned(), (found[2].to_owned(), imports.clone()));
            } else if let (Some(name), Some(found)) = (&inside, field.captures(line)) {
                let json = &found[2];
                let (json_name, options) = json.split_once(',').unwrap_or((json, ""));
                let inline = json_name.is_empty();
                package
                    .structs
                    .entry(name.clone())
                    .or_default()
                    .push(Field {
                        name: if inline {
                            "=".to_owned()
                        } else {
                            json_name.to_owned()
                        },
                        number: found[3].parse()?,
                        go: found[1].to_owned(),
                        keep_zero: !options.contains("omitempty"),
                        imports: imports.clone(),
                    });
            }
        }
    }
    Ok(package)
}

impl Reader {
    /// The type of a field as `messages.txt` writes it.
    fn token(
        &self,
        go: &str,
        package: &str,
        imports: &Imports,
        found: &mut BTreeSet<String>,
    ) -> Result<String> {
        if let Some(rest) = go.strip_prefix('*') {
            return Ok(format!("*{}", self.token(rest, package, imports, found)?));
        }
        if go == "[]byte" {
            return Ok("y".to_owned());
        }
        if let Some(rest) = go.strip_prefix("[]") {
            return Ok(format!("[]{}", self.token(rest, package, imports, found)?));
        }
        if let Some(rest) = go.strip_prefix("map[") {
            let (_, value) = rest.split_once(']').ok_or("a map without a value")?;
            return Ok(format!(
                "{{}}{}",
                self.token(value, package, imports, found)?
            ));
        }
        match go {
            "string" => return Ok("s".to_owned()),
            "bool" => return Ok("b".to_owned()),
            "int" | "int32" | "int64" | "uint32" | "uint64" => return Ok("i".to_owned()),
            "float64" => return Ok("d".to_owned()),
            _ => {}
        }
        let (home, name) = match go.split_once('.') {
            None => (package.to_owned(), go),
            Some((import, name)) => {
                let path = imports
                    .get(import)
                    .ok_or_else(|| format!("{import} is not imported"))?;
                (path.clone(), name)
            }
        };
        match (home.as_str(), name) {
            (META, "Time") => return Ok("T".to_owned()),
            (META, "MicroTime") => return Ok("U".to_owned()),
            (META, "Duration") => return Ok("D".to_owned()),
            (META, "FieldsV1") | ("apimachinery/pkg/runtime", "RawExtension") => {
                return Ok("R".to_owned());
            }
            ("apimachinery/pkg/api/resource", "Quantity") => return Ok("Q".to_owned()),
            ("apimachinery/pkg/util/intstr", "IntOrString") => return Ok("I".to_owned()),
            ("apimachinery/pkg/types", _) => return Ok("s".to_owned()),
            _ => {}
        }
        let known = self
            .packages
            .get(&home)
            .ok_or_else(|| format!("the package {home} of {name} is unknown"))?;
        if let Some((alias, imports)) = known.aliases.get(name) {
            let token = self.token(alias, &home, imports, found)?;
            // A named list is a message of its own.
            return Ok(if token == "[]s" && name != "ResourceName" {
                "L".to_owned()
            } else {
                token
            });
        }
        if !known.structs.contains_key(name) {
            return Err(format!("{home} has no type {name}").into());
        }
        let message = format!("{}.{name}", prefix(&home));
        found.insert(format!("{home} {name}"));
        Ok(message)
    }
}

fn prefix(home: &str) -> &str {
    if home == META {
        return "meta";
    }
    let folder = home.strip_prefix("api/").unwrap_or(home);
    PACKAGES
        .iter()
        .find(|(path, _)| *path == folder)
        .map_or(home, |(_, version)| version)
}

fn main() -> Result<()> {
    let root = std::env::args()
        .nth(1)
        .ok_or("usage: generate-messages FOLDER")?;
    let root = Path::new(&root);
    let (api, machinery) = (module(root, "api")?, module(root, "apimachinery")?);
    let mut reader = Reader {
        packages: BTreeMap::new(),
    };
    reader.packages.insert(
        META.to_owned(),
        read_package(&machinery.join("pkg/apis/meta/v1"))?,
    );
    let mut todo = BTreeSet::from([format!("{META} DeleteOptions")]);
    for (folder, _) in PACKAGES {
        let home = format!("api/{folder}");
        let package = read_package(&api.join(folder))?;
        for (name, fields) in &package.structs {
            // What is sent: objects, not their lists.
            if !name.ends_with("List") && fields.iter().any(|field| field.name == "metadata") {
                todo.insert(format!("{home} {name}"));
            }
        }
        reader.packages.insert(home, package);
    }
    let mut messages = BTreeMap::new();
    while let Some(next) = todo.pop_first() {
        let (home, name) = next.split_once(' ').ok_or("a type without a name")?;
        let message = format!("{}.{name}", prefix(home));
        if messages.contains_key(&message) {
            continue;
        }
        let mut text = String::new();
        for field in &reader.packages[home].structs[name] {
            let token = match reader.token(&field.go, home, &field.imports, &mut todo) {
                Ok(token) => token,
                Err(error) => {
                    // Fields of alpha features live in packages that are not served.
                    writeln!(
                        std::io::stderr(),
                        "{message}.{} is left out: {error}",
                        field.name
                    )?;
                    continue;
                }
            };
            let zero = if field.keep_zero && field.name != "=" {
                "!"
            } else {
                ""
            };
            writeln!(text, "{} {} {zero}{token}", field.number, field.name)?;
        }
        messages.insert(message, text);
    }
    let mut out = String::new();
    for (message, fields) in messages {
        write!(out, "{message}\n{fields}\n")?;
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/request/messages.txt");
    fs::write(&target, out)?;
    Ok(())
}
