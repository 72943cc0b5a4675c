//! OpenAPI documents, for `kubectl explain` and for clients that ask what a
//! server can do. They are made when they are asked for, one a group version,
//! and kept as long as the types stay the same.

mod components;
mod paths;

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::types::{Catalog, ResourceType};

use components::Components;

/// The release of Kubernetes whose types are built in.
const RELEASE: &str = "v1.37.2";

/// A serialized document and what identifies it.
#[derive(Clone, Debug)]
pub struct Document {
    /// JSON.
    pub body: Arc<Vec<u8>>,
    /// Changes with the content; the `hash` of the document's URL.
    pub hash: String,
}

/// A document and the types it is about.
struct Known {
    types: Vec<Arc<ResourceType>>,
    document: Document,
}

type Cache = BTreeMap<(String, String), Vec<Known>>;

/// How many states of a group version are kept: servers of one process may
/// serve different ones.
const KEPT: usize = 4;

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

/// The path of a group version's document below `/openapi/v3`.
fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

fn types_of(catalog: &Catalog, group: &str, version: &str) -> Vec<Arc<ResourceType>> {
    let start = (group.to_owned(), version.to_owned(), String::new());
    catalog
        .resources
        .range(start..)
        .take_while(|((g, v, _), _)| g == group && v == version)
        .map(|(_, resource)| Arc::clone(resource))
        .collect()
}

/// `/openapi/v3`: where the documents are.
pub fn v3_index(catalog: &Catalog) -> Value {
    let mut paths = serde_json::Map::new();
    for (group, versions) in &catalog.versions {
        for version in versions {
            let types = types_of(catalog, group, version);
            let hash = match release_hash(group, version, &types) {
                Some(hash) => hash,
                None => document(group, version, types).hash,
            };
            let path = path_of(group, version);
            let url = format!("/openapi/v3/{path}?hash={hash}");
            paths.insert(path, json!({ "serverRelativeURL": url }));
        }
    }
    json!({ "paths": paths })
}

/// `/openapi/v3/PATH`, the path being `api/v1` or `apis/GROUP/VERSION`.
pub fn v3_group(catalog: &Catalog, path: &str) -> Option<Document> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version) = match parts.as_slice() {
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return None,
    };
    let served = catalog.versions.get(group)?;
    if !served.iter().any(|known| known == version) {
        return None;
    }
    Some(document(group, version, types_of(catalog, group, version)))
}

fn hash_of(value: &impl std::hash::Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016X}", hasher.finish())
}

/// The hash of what changes with the release only, and need not be made to be
/// listed: of types that are built in.
fn release_hash(group: &str, version: &str, types: &[Arc<ResourceType>]) -> Option<String> {
    let builtin = types.iter().all(|resource| resource.custom.is_none());
    builtin.then(|| hash_of(&(RELEASE, group, version, types.len())))
}

fn document(group: &str, version: &str, types: Vec<Arc<ResourceType>>) -> Document {
    let key = (group.to_owned(), version.to_owned());
    let same = |known: &&Known| {
        known.types.len() == types.len()
            && known
                .types
                .iter()
                .zip(&types)
                .all(|(a, b)| Arc::ptr_eq(a, b))
    };
    {
        let cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        let found = cache.get(&key).and_then(|all| all.iter().find(same));
        if let Some(known) = found {
            return known.document.clone();
        }
    }
    let body = v3(&types).to_string().into_bytes();
    let document = Document {
        hash: release_hash(group, version, &types).unwrap_or_else(|| hash_of(&body)),
        body: Arc::new(body),
    };
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let all = cache.entry(key).or_default();
    if all.len() >= KEPT {
        all.remove(0);
    }
    all.push(Known {
        types,
        document: document.clone(),
    });
    document
}

fn v3(types: &[Arc<ResourceType>]) -> Value {
    let mut components = Components::v3();
    let mut all = serde_json::Map::new();
    for resource in types {
        components.add(resource);
        paths::add(&mut all, resource);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": RELEASE},
        "paths": all,
        "components": {"schemas": components.into_json()},
    })
}

/// What the second version is in protobuf; kubectl reads no other form.
pub const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// What those who ask for it name, with `@` or `.` behind it.
pub const V2_PROTOBUF_NAME: &str = "application/com.github.proto-openapi.spec.v2";

/// `/openapi/v2` in protobuf, without paths and types. kubectl falls back to it
/// for kinds that cannot be patched, such as reviews; finding nothing there, it
/// leaves the validation to the server.
pub fn v2_protobuf() -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap_or_default();
        [&[number << 3 | 2, length], content].concat()
    };
    let info = [field(1, b"Kubernetes"), field(2, b"v1")].concat();
    [field(1, b"2.0"), field(2, &info)].concat()
}

/// `/openapi/v2`: all types in one document, as JSON.
pub fn v2(catalog: &Catalog) -> Value {
    let mut components = Components::v2();
    let mut all = serde_json::Map::new();
    for resource in catalog.resources.values() {
        components.add(resource);
        paths::add_v2(&mut all, resource);
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": RELEASE},
        "paths": all,
        "definitions": components.into_json(),
    })
}

#[cfg(test)]
mod tests;
