//! Reduces the discovery documents of a Kubernetes source tree and OpenAPI documents to
//! the data in `src/types/data/`:
//!
//! ```text
//! cargo run -p apiserver --example generate-types -- KUBERNETES_SOURCE_DIRECTORY DOCUMENTS
//! ```
//!
//! DOCUMENTS are the OpenAPI documents of a server of that version, which alone have
//! enumerations: `v2.json` is its `/openapi/v2`, `v3/*.json` are those that `/openapi/v3`
//! names (`tests/apiserver/documents KUBECONFIG DOCUMENTS` gets them).
//!
//! With `--check` after the directories nothing is written: it fails if the data
//! is not what would be.
//!
//! `resources.json` says what is served, `definitions.txt` the structure of
//! the types (see `types::definitions` for its format), `descriptions.txt`
//! what `kubectl explain` shows.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The group versions to serve.
const SERVED: &[(&str, &str)] = &[
    ("", "v1"),
    ("apiregistration.k8s.io", "v1"),
    ("apps", "v1"),
    ("events.k8s.io", "v1"),
    ("authentication.k8s.io", "v1"),
    ("authorization.k8s.io", "v1"),
    ("autoscaling", "v2"),
    ("autoscaling", "v1"),
    ("batch", "v1"),
    ("certificates.k8s.io", "v1"),
    ("networking.k8s.io", "v1"),
    ("policy", "v1"),
    ("rbac.authorization.k8s.io", "v1"),
    ("storage.k8s.io", "v1"),
    ("admissionregistration.k8s.io", "v1"),
    ("apiextensions.k8s.io", "v1"),
    ("scheduling.k8s.io", "v1"),
    ("coordination.k8s.io", "v1"),
    ("node.k8s.io", "v1"),
    ("discovery.k8s.io", "v1"),
];

/// Resources of those groups that are left out: their feature is alpha or beta.
const LEFT_OUT: &[&str] = &["podgroups", "workloads", "compositepodgroups"];

/// Types that no resource refers to and clients need nevertheless.
const EXTRA: &[&str] = &[
    "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList",
    "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList",
    "io.k8s.apimachinery.pkg.apis.meta.v1.APIVersions",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
    "io.k8s.apimachinery.pkg.version.Info",
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let usage = "usage: generate-types KUBERNETES_SOURCE_DIRECTORY DOCUMENTS";
    let source = std::env::args().nth(1).ok_or(usage)?;
    let documents = std::env::args().nth(2).ok_or(usage)?;
    let source = Path::new(&source);
    let target: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src", "types", "data"]
        .iter()
        .collect();
    fs::create_dir_all(&target)?;

    let definitions = definitions(Path::new(&documents))?;
    let resources = resources(source)?;
    let kept = closure(&definitions, &resources)?;
    let lines: Vec<String> = resources.iter().map(Value::to_string).collect();
    let files = [
        ("resources.json", format!("[\n{}\n]\n", lines.join(",\n"))),
        ("definitions.txt", structure(&definitions, &kept)?),
        ("descriptions.txt", descriptions(&definitions, &kept)),
    ];
    let check = std::env::args().nth(3).is_some_and(|arg| arg == "--check");
    for (name, content) in files {
        let path = target.join(name);
        if !check {
            fs::write(path, content)?;
        } else if fs::read_to_string(&path)? != content {
            return Err(format!("{} is not up to date", path.display()).into());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// The definitions of the v2 document, with the defaults of the v3 documents,
/// which alone have them.
fn definitions(documents: &Path) -> Result<BTreeMap<String, Value>> {
    let mut swagger = read(&documents.join("v2.json"))?;
    let mut definitions: BTreeMap<String, Value> =
        serde_json::from_value(swagger["definitions"].take())?;
    for entry in fs::read_dir(documents.join("v3"))? {
        let document = read(&entry?.path())?;
        let Some(schemas) = document["components"]["schemas"].as_object() else {
            continue;
        };
        for (name, schema) in schemas {
            let Some(properties) = schema["properties"].as_object() else {
                continue;
            };
            for (field, property) in properties {
                let default = &property["default"];
                let Some(known) = definitions.get_mut(name) else {
                    continue;
                };
                if *default == json!({}) {
                    known["properties"][field]["struct"] = json!(true);
                } else if is_zero(default) {
                    // Go's zero values are told, but fill in nothing.
                    if !default.is_null() {
                        known["properties"][field]["zero"] = json!(true);
                    }
                } else {
                    known["properties"][field]["default"] = default.clone();
                }
            }
        }
    }
    Ok(definitions)
}

/// What Go's zero values look like: no defaults in truth.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    }
}

/// What is served, in the order in which a server lists it.
fn resources(source: &Path) -> Result<Vec<Value>> {
    let folder = source.join("api/discovery");
    let mut found = Vec::new();
    for (group, version) in SERVED {
        let file = if group.is_empty() {
            "api__v1.json".to_owned()
        } else {
            format!("apis__{group}__{version}.json")
        };
        let document = read(&folder.join(file))?;
        let entries = document["resources"].as_array().ok_or("no resources")?;
        for entry in entries {
            let name = entry["name"].as_str().unwrap_or_default();
            if name.contains('/') || LEFT_OUT.contains(&name) {
                continue;
            }
            let subresources: Vec<Value> = entries
                .iter()
                .filter_map(|sub| {
                    let sub_name = sub["name"]
                        .as_str()?
                        .strip_prefix(name)?
                        .strip_prefix('/')?;
                    let mut out =
                        json!({"name": sub_name, "kind": sub["kind"], "verbs": sub["verbs"]});
                    if sub["version"].is_string() {
                        out["group"] = json!(sub["group"].as_str().unwrap_or_default());
                        out["version"] = sub["version"].clone();
                    }
                    Some(out)
                })
                .collect();
            let mut out = json!({
                "group": group,
                "version": version,
                "name": name,
                "kind": entry["kind"],
                "singular": entry["singularName"],
                "namespaced": entry["namespaced"],
                "verbs": entry["verbs"],
            });
            for key in ["shortNames", "categories"] {
                if !entry[key].is_null() {
                    out[key] = entry[key].clone();
                }
            }
            if !subresources.is_empty() {
                out["subresources"] = Value::Array(subresources);
            }
            found.push(out);
        }
    }
    Ok(found)
}

fn kinds_of(definition: &Value) -> Vec<(String, String, String)> {
    let text = |v: &Value, key: &str| v[key].as_str().unwrap_or_default().to_owned();
    definition["x-kubernetes-group-version-kind"]
        .as_array()
        .map(|kinds| {
            kinds
                .iter()
                .map(|k| (text(k, "group"), text(k, "version"), text(k, "kind")))
                .collect()
        })
        .unwrap_or_default()
}

/// The names of all definitions that the resources need.
fn closure(definitions: &BTreeMap<String, Value>, resources: &[Value]) -> Result<BTreeSet<String>> {
    let mut by_kind = BTreeMap::new();
    for (name, definition) in definitions {
        let kinds = kinds_of(definition);
        if let [only] = kinds.as_slice() {
            by_kind.insert(only.clone(), name.clone());
        }
    }
    let mut queue: Vec<String> = EXTRA.iter().map(|&name| name.to_owned()).collect();
    for resource in resources {
        let text = |v: &Value, key: &str| v[key].as_str().unwrap_or_default().to_owned();
        let (group, version) = (text(resource, "group"), text(resource, "version"));
        let kind = text(resource, "kind");
        let mut wanted = vec![
            (group.clone(), version.clone(), kind.clone()),
            (group.clone(), version.clone(), format!("{kind}List")),
        ];
        for sub in resource["subresources"].as_array().into_iter().flatten() {
            if sub["version"].is_string() {
                wanted.push((text(sub, "group"), text(sub, "version"), text(sub, "kind")));
            } else {
                wanted.push((group.clone(), version.clone(), text(sub, "kind")));
            }
        }
        for key in wanted {
            queue.extend(by_kind.get(&key).cloned());
        }
    }
    let mut kept = BTreeSet::new();
    while let Some(name) = queue.pop() {
        let definition = definitions
            .get(&name)
            .ok_or_else(|| format!("no definition {name}"))?;
        if kept.insert(name) {
            references(definition, &mut queue);
        }
    }
    Ok(kept)
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str) {
                found.push(name.trim_start_matches("#/definitions/").to_owned());
            }
            map.values().for_each(|child| references(child, found));
        }
        Value::Array(list) => list.iter().for_each(|child| references(child, found)),
        _ => {}
    }
}

fn structure(definitions: &BTreeMap<String, Value>, kept: &BTreeSet<String>) -> Result<String> {
    let mut out = String::new();
    for name in kept {
        let definition = &definitions[name];
        write!(out, "={} {}", short(name), token(definition)?)?;
        attributes(&mut out, definition)?;
        let unions = &definition["x-kubernetes-unions"];
        if unions.is_array() {
            write!(out, " unions={unions}")?;
        }
        if let Some(order) = definition["required"].as_array() {
            let order: Vec<&str> = order.iter().filter_map(Value::as_str).collect();
            if !order.is_sorted() {
                write!(out, " order={}", order.join(","))?;
            }
        }
        if let [(group, version, kind)] = kinds_of(definition).as_slice() {
            write!(out, " gvk={group}/{version}/{kind}")?;
        }
        out.push('\n');
        let required: BTreeSet<&str> = definition["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (field, property) in definition["properties"].as_object().into_iter().flatten() {
            write!(out, "{field} {}", token(property)?)?;
            if required.contains(field.as_str()) {
                out.push_str(" !");
            }
            attributes(&mut out, property)?;
            out.push('\n');
        }
    }
    Ok(out)
}

fn short(name: &str) -> &str {
    name.strip_prefix("io.k8s.").unwrap_or(name)
}

/// The type of a node as one word.
fn token(node: &Value) -> Result<String> {
    if let Some(reference) = node["$ref"].as_str() {
        return Ok(format!(
            "@{}",
            short(reference.trim_start_matches("#/definitions/"))
        ));
    }
    Ok(match node["type"].as_str() {
        None => "*".to_owned(),
        Some("object") if node["additionalProperties"].is_object() => {
            format!("{{{}", token(&node["additionalProperties"])?)
        }
        Some("object") => "o".to_owned(),
        Some("array") => format!("[{}", token(&node["items"])?),
        Some("string") if node["format"] == "int-or-string" => "q".to_owned(),
        Some("string") if node["format"] == "byte" => "y".to_owned(),
        Some("string") => "s".to_owned(),
        Some("integer") => "i".to_owned(),
        Some("number") => "n".to_owned(),
        Some("boolean") => "b".to_owned(),
        Some(other) => return Err(format!("unknown type {other}").into()),
    })
}

fn attributes(out: &mut String, node: &Value) -> Result<()> {
    if let Some(format) = node["format"].as_str()
        && format != "byte"
    {
        write!(out, " format={format}")?;
    }
    if !is_zero(&node["default"]) {
        write!(out, " default={}", node["default"])?;
    }
    if node["struct"] == true {
        out.push_str(" struct");
    }
    if node["zero"] == true {
        out.push_str(" zero");
    }
    enumeration(out, "enum", node)?;
    for below in ["items", "additionalProperties"] {
        enumeration(out, "of.enum", &node[below])?;
        if let Some(format) = node[below]["format"].as_str()
            && !matches!(format, "byte" | "int-or-string")
        {
            write!(out, " of.format={format}")?;
        }
    }
    match node["x-kubernetes-list-type"].as_str() {
        Some("map") => {
            let keys: Vec<&str> = node["x-kubernetes-list-map-keys"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            write!(out, " map={}", keys.join(","))?;
        }
        Some("set") => out.push_str(" set"),
        Some("atomic") => out.push_str(" list"),
        _ => {}
    }
    match node["x-kubernetes-map-type"].as_str() {
        Some("atomic") => out.push_str(" atomic"),
        Some("granular") => out.push_str(" granular"),
        _ => {}
    }
    if let Some(key) = node["x-kubernetes-patch-merge-key"].as_str() {
        write!(out, " key={key}")?;
    }
    if let Some(strategy) = node["x-kubernetes-patch-strategy"].as_str() {
        write!(out, " patch={strategy}")?;
    }
    Ok(())
}

/// The values of an enumeration, with `~` for spaces.
fn enumeration(out: &mut String, name: &str, node: &Value) -> Result<()> {
    let Some(values) = node["enum"].as_array() else {
        return Ok(());
    };
    let values: Option<Vec<String>> = values
        .iter()
        .map(|value| Some(value.as_str()?.replace(' ', "~")))
        .collect();
    let values = values.ok_or("an enumeration of something else than texts")?;
    write!(out, " {name}={}", values.join("|"))?;
    Ok(())
}

fn descriptions(definitions: &BTreeMap<String, Value>, kept: &BTreeSet<String>) -> String {
    let line = |text: &Value| {
        text.as_str()
            .unwrap_or_default()
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
    };
    let mut out = String::new();
    for name in kept {
        let definition = &definitions[name];
        out.push_str(&format!(
            "={}\t{}\n",
            short(name),
            line(&definition["description"])
        ));
        for (field, property) in definition["properties"].as_object().into_iter().flatten() {
            out.push_str(&format!("{field}\t{}\n", line(&property["description"])));
        }
    }
    out
}
