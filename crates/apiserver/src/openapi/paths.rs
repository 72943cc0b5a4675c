//! The URLs of a resource and what can be done there. Clients look here for
//! the kind behind a URL, for the ways to patch it, and for `fieldValidation`.

use serde_json::{Map, Value, json};

use super::components::{kind, name_of};
use crate::api::GroupVersionKind;
use crate::types::ResourceType;
use crate::types::definitions::Definitions;

const JSON: &str = "application/json";
const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// Adds the paths of a resource.
pub(super) fn add(paths: &mut Map<String, Value>, resource: &ResourceType) {
    for (path, methods) in places(resource) {
        let operations = methods
            .into_iter()
            .map(|place| (place.method.to_owned(), operation(resource, &place)));
        let mut entry: Map<String, Value> = operations.collect();
        entry.insert("parameters".to_owned(), json!(path_parameters(&path, true)));
        paths.insert(path, Value::Object(entry));
    }
}

/// The same as Swagger 2 has it.
pub(super) fn add_v2(paths: &mut Map<String, Value>, resource: &ResourceType) {
    for (path, methods) in places(resource) {
        let operations = methods.into_iter().map(|place| {
            let parameters: Vec<Value> = query(&place)
                .into_iter()
                .map(|(name, type_, text)| {
                    json!({"name": name, "in": "query", "type": type_, "description": text, "uniqueItems": true})
                })
                .collect();
            let operation = json!({
                "parameters": parameters,
                "consumes": consumes(resource, &place),
                "produces": [JSON],
                "responses": {"200": {"description": "OK"}, "401": {"description": "Unauthorized"}},
                "x-kubernetes-action": place.action,
                "x-kubernetes-group-version-kind": kind(&place.gvk),
            });
            (place.method.to_owned(), operation)
        });
        let mut entry: Map<String, Value> = operations.collect();
        entry.insert(
            "parameters".to_owned(),
            json!(path_parameters(&path, false)),
        );
        paths.insert(path, Value::Object(entry));
    }
}

/// One method of one path.
struct Place {
    method: &'static str,
    action: &'static str,
    gvk: GroupVersionKind,
    list: bool,
}

/// All paths of a resource with their methods.
fn places(resource: &ResourceType) -> Vec<(String, Vec<Place>)> {
    let gvk = &resource.gvk;
    let root = if gvk.group.is_empty() {
        format!("/api/{}", gvk.version)
    } else {
        format!("/apis/{}/{}", gvk.group, gvk.version)
    };
    let plural = &resource.gr.resource;
    let base = if resource.namespaced {
        format!("{root}/namespaces/{{namespace}}/{plural}")
    } else {
        format!("{root}/{plural}")
    };
    let has = |verb: &str| resource.verbs.iter().any(|known| known == verb);
    let place = |verb: &str, method, action, list: bool| {
        has(verb).then(|| Place {
            method,
            action,
            gvk: gvk.clone(),
            list,
        })
    };
    let mut all = Vec::new();
    if resource.namespaced && has("list") {
        let list = place("list", "get", "list", true);
        all.push((format!("{root}/{plural}"), list.into_iter().collect()));
    }
    let collection = [
        place("list", "get", "list", true),
        place("create", "post", "post", false),
        place("deletecollection", "delete", "deletecollection", true),
    ];
    all.push((base.clone(), collection.into_iter().flatten().collect()));
    let one = [
        place("get", "get", "get", false),
        place("update", "put", "put", false),
        place("patch", "patch", "patch", false),
        place("delete", "delete", "delete", false),
    ];
    let one: Vec<Place> = one.into_iter().flatten().collect();
    if !one.is_empty() {
        all.push((format!("{base}/{{name}}"), one));
    }
    for sub in &resource.subresources {
        // Streams such as exec and log have no body to describe.
        if resource.custom.is_none() && Definitions::get().name_of(&sub.gvk).is_none() {
            continue;
        }
        let methods = [
            ("get", "get", "get"),
            ("create", "post", "post"),
            ("update", "put", "put"),
            ("patch", "patch", "patch"),
        ];
        let methods = methods
            .into_iter()
            .filter(|(verb, _, _)| sub.verbs.iter().any(|known| known == verb))
            .map(|(_, method, action)| Place {
                method,
                action,
                gvk: sub.gvk.clone(),
                list: false,
            })
            .collect();
        all.push((format!("{base}/{{name}}/{}", sub.name), methods));
    }
    all
}

type Parameter = (&'static str, &'static str, &'static str);

/// The query parameters of a method.
fn query(place: &Place) -> Vec<Parameter> {
    const PRETTY: Parameter = (
        "pretty",
        "string",
        "If 'true', then the output is pretty printed.",
    );
    const DRY_RUN: Parameter = (
        "dryRun",
        "string",
        "When present, indicates that modifications should not be persisted. The only valid value is All.",
    );
    const MANAGER: Parameter = (
        "fieldManager",
        "string",
        "The name of the actor that makes these changes; at most 128 characters.",
    );
    const VALIDATION: Parameter = (
        "fieldValidation",
        "string",
        "What to do about unknown and duplicate fields: Ignore, Warn (the default) or Strict.",
    );
    let mut all = vec![PRETTY];
    match place.action {
        "post" | "put" => all.extend([DRY_RUN, MANAGER, VALIDATION]),
        "patch" => {
            all.extend([DRY_RUN, MANAGER, VALIDATION]);
            all.push((
                "force",
                "boolean",
                "Take fields from other managers; for apply patches only.",
            ));
        }
        "delete" | "deletecollection" => {
            all.push(DRY_RUN);
            all.push((
                "gracePeriodSeconds",
                "integer",
                "Seconds until the object is deleted.",
            ));
            all.push((
                "propagationPolicy",
                "string",
                "Orphan, Background or Foreground.",
            ));
        }
        _ => {}
    }
    if place.list {
        all.extend([
            ("labelSelector", "string", "Only objects with these labels."),
            ("fieldSelector", "string", "Only objects with these fields."),
            ("limit", "integer", "At most so many at a time."),
            ("continue", "string", "Where the last answer ended."),
            ("resourceVersion", "string", "How new the answer must be."),
            (
                "resourceVersionMatch",
                "string",
                "How resourceVersion is meant: Exact or NotOlderThan.",
            ),
            ("timeoutSeconds", "integer", "When to end a watch."),
            ("watch", "boolean", "Send changes as they come."),
            (
                "allowWatchBookmarks",
                "boolean",
                "Send bookmarks while nothing changes.",
            ),
            (
                "sendInitialEvents",
                "boolean",
                "Begin a watch with what is there.",
            ),
        ]);
    }
    all
}

fn consumes(resource: &ResourceType, place: &Place) -> Vec<&'static str> {
    if place.action == "patch" {
        let all = PATCHES.into_iter();
        let strategic = "application/strategic-merge-patch+json";
        all.filter(|kind| resource.custom.is_none() || *kind != strategic)
            .collect()
    } else {
        vec![JSON, "application/yaml"]
    }
}

fn operation(resource: &ResourceType, place: &Place) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let parameters: Vec<Value> = query(place)
        .into_iter()
        .map(|(name, type_, text)| {
            json!({
                "name": name, "in": "query", "description": text,
                "schema": {"type": type_, "uniqueItems": true},
            })
        })
        .collect();
    let answer = if place.list && place.action == "list" {
        name_of(&GroupVersionKind {
            kind: resource.list_kind.clone(),
            ..place.gvk.clone()
        })
    } else if place.action.starts_with("delete") {
        "io.k8s.apimachinery.pkg.apis.meta.v1.Status".to_owned()
    } else {
        name_of(&place.gvk)
    };
    let mut out = json!({
        "tags": [resource.gvk.api_version().replace(['.', '/'], "_")],
        "parameters": parameters,
        "responses": {
            "200": {"description": "OK", "content": {JSON: {"schema": reference(&answer)}}},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": place.action,
        "x-kubernetes-group-version-kind": kind(&place.gvk),
    });
    let body = match place.action {
        "post" | "put" => Some(reference(&name_of(&place.gvk))),
        "patch" => Some(json!({"type": "object"})),
        "delete" | "deletecollection" => Some(reference(
            "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
        )),
        _ => None,
    };
    if let Some(body) = body {
        let content: Map<String, Value> = consumes(resource, place)
            .into_iter()
            .map(|kind| (kind.to_owned(), json!({ "schema": body })))
            .collect();
        out["requestBody"] = json!({ "content": content });
    }
    out
}

fn path_parameters(path: &str, v3: bool) -> Vec<Value> {
    ["name", "namespace"]
        .into_iter()
        .filter(|name| path.contains(&format!("{{{name}}}")))
        .map(|name| {
            let mut out = json!({"name": name, "in": "path", "required": true});
            if v3 {
                out["schema"] = json!({"type": "string", "uniqueItems": true});
            } else {
                out["type"] = json!("string");
            }
            out
        })
        .collect()
}
