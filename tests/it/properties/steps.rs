//! Random writes, as data.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::sequence::THINGS;

/// One request on one of a few objects.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) method: &'static str,
    /// `configmaps`, `podtemplates` or `things`.
    pub(super) resource: &'static str,
    /// Empty for a create.
    pub(super) name: String,
    pub(super) query: String,
    pub(super) content_type: &'static str,
    pub(super) body: Value,
}

const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![map_step(), template_step(), thing_step()],
        8..20,
    )
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(&["m0", "m1", "m2"][..]).prop_map(str::to_owned)
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["a", "b", "c"][..])
}

/// What is done to an object of either kind.
fn method() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "POST", "POST", "PUT", "DELETE", MERGE, MERGE, STRATEGIC, PATCH, APPLY, APPLY,
        ][..],
    )
}

fn query() -> impl Strategy<Value = String> {
    let manager = prop::sample::select(&["one", "two"][..]);
    (
        manager,
        prop::bool::weighted(0.5),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(manager, force, dry)| {
            let mut query = format!("fieldManager={manager}");
            if force {
                query.push_str("&force=true");
            }
            if dry {
                query.push_str("&dryRun=All");
            }
            query
        })
}

fn metadata() -> impl Strategy<Value = Value> {
    let labels = prop::option::of(prop::option::weighted(
        0.8,
        (key(), prop::option::of(key())),
    ));
    let finalizers = prop::option::weighted(
        0.2,
        prop::collection::vec(
            prop::sample::select(&["example.com/a", "example.com/b"][..]),
            0..2,
        ),
    );
    (labels, finalizers).prop_map(|(labels, finalizers)| {
        let mut metadata = json!({});
        match labels {
            Some(Some((key, value))) => metadata["labels"] = json!({key: value}),
            Some(None) => metadata["labels"] = Value::Null,
            None => {}
        }
        if let Some(finalizers) = finalizers {
            metadata["finalizers"] = json!(finalizers);
        }
        metadata
    })
}

fn map_step() -> impl Strategy<Value = Step> {
    let data = prop::collection::btree_map(key(), prop::option::weighted(0.8, key()), 0..3);
    (method(), name(), query(), metadata(), data, key()).prop_map(
        |(method, name, query, metadata, data, pick)| {
            let body = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": metadata,
                "data": data,
            });
            let operations = json!([
                {"op": "test", "path": "/kind", "value": "ConfigMap"},
                {"op": "add", "path": format!("/data/{pick}"), "value": "patched"},
                {"op": if pick == "a" { "remove" } else { "add" }, "path": "/data/b", "value": "x"},
            ]);
            step("configmaps", method, name, query, body, operations)
        },
    )
}

fn container() -> impl Strategy<Value = Value> {
    let port = prop::sample::select(&[80, 81][..]);
    let protocol = prop::sample::select(&["TCP", "UDP"][..]);
    (
        key(),
        key(),
        prop::option::of((port, protocol)),
        prop::option::of((key(), key())),
    )
        .prop_map(|(name, image, port, env)| {
            let mut container = json!({"name": name, "image": image});
            if let Some((port, protocol)) = port {
                container["ports"] = json!([{"containerPort": port, "protocol": protocol}]);
            }
            if let Some((name, value)) = env {
                container["env"] = json!([{"name": name, "value": value}]);
            }
            container
        })
}

fn template_step() -> impl Strategy<Value = Step> {
    let containers = prop::collection::vec(container(), 1..3);
    let directive = prop::option::weighted(0.2, key());
    (
        method(),
        name(),
        query(),
        metadata(),
        containers,
        directive,
        key(),
    )
        .prop_map(
            |(method, name, query, metadata, mut containers, directive, pick)| {
                if method == STRATEGIC
                    && let Some(name) = directive
                    && containers.iter().any(|container| container["name"] != name)
                {
                    containers.retain(|container| container["name"] != name);
                    containers.push(json!({"name": name, "$patch": "delete"}));
                }
                let mut body = json!({
                    "apiVersion": "v1",
                    "kind": "PodTemplate",
                    "metadata": metadata,
                    "template": {"spec": {"containers": containers}},
                });
                if pick != "a" {
                    body["template"]["metadata"] = json!({"labels": {"app": pick}});
                }
                let operations = json!([
                    {"op": "replace", "path": "/template/spec/containers/0/image", "value": pick},
                    {"op": "add", "path": "/template/spec/containers/0/args", "value": [pick]},
                ]);
                step("podtemplates", method, name, query, body, operations)
            },
        )
}

fn part() -> impl Strategy<Value = Value> {
    let side = prop::option::of(prop::sample::select(&["left", "right"][..]));
    (key(), prop::option::of(prop::option::of(key())), side).prop_map(|(name, value, side)| {
        let mut part = json!({"name": name});
        if let Some(value) = value {
            part["value"] = json!(value);
        }
        if let Some(side) = side {
            part["side"] = json!(side);
        }
        part
    })
}

/// What a thing says, some of it wrong: too large, twice the same, unknown.
fn spec() -> impl Strategy<Value = Value> {
    let some = |of| prop::option::weighted(0.4, of);
    let texts = || prop::collection::vec(key(), 0..3);
    let size = prop::option::weighted(0.4, prop::option::weighted(0.9, 1..7));
    let map = prop::collection::btree_map(key(), prop::option::weighted(0.8, key()), 0..3);
    (
        size,
        prop::option::weighted(0.2, key()),
        prop::option::weighted(0.5, prop::collection::vec(part(), 0..3)),
        some(texts().boxed()),
        some(texts().boxed()),
        prop::option::weighted(0.3, map),
        prop::option::weighted(0.3, (key(), part())),
        prop::option::weighted(0.1, key()),
    )
        .prop_map(|(size, fixed, parts, tags, plain, map, free, unknown)| {
            let mut spec = json!({});
            let mut set = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    spec[name] = value;
                }
            };
            set("size", size.map(|size| json!(size)));
            set("fixed", fixed.map(|text| json!(text)));
            set("parts", parts.map(Value::Array));
            set("tags", tags.map(|tags| json!(tags)));
            set("plain", plain.map(|texts| json!(texts)));
            set("map", map.map(|map| json!(map)));
            set("free", free.map(|(name, part)| json!({ name: part })));
            set("unknown", unknown.map(|text| json!(text)));
            spec
        })
}

fn thing_step() -> impl Strategy<Value = Step> {
    let strict = prop::option::weighted(0.2, prop::sample::select(&["Strict", "Ignore"][..]));
    (method(), name(), query(), metadata(), spec(), strict, key()).prop_map(
        |(method, name, mut query, mut metadata, spec, strict, pick)| {
            // Applied twice, these are an event, if a second lies between.
            if method == APPLY && metadata["labels"].is_null() {
                metadata.as_object_mut().unwrap().remove("labels");
            }
            let body = json!({
                "apiVersion": THINGS,
                "kind": "Thing",
                "metadata": metadata,
                "spec": spec,
            });
            let operations = json!([
                {"op": "add", "path": "/spec/plain", "value": [pick]},
                {"op": if pick == "a" { "remove" } else { "test" }, "path": "/spec/size", "value": 1},
            ]);
            if let Some(strict) = strict {
                query.push_str("&fieldValidation=");
                query.push_str(strict);
            }
            step("things", method, name, query, body, operations)
        },
    )
}

fn step(
    resource: &'static str,
    method: &'static str,
    name: String,
    query: String,
    mut body: Value,
    operations: Value,
) -> Step {
    let forced = |query: &str| query.replace("&force=true", "");
    let (method, content_type, query) = match method {
        "POST" | "PUT" => {
            body["metadata"]["name"] = name.as_str().into();
            (method, JSON, forced(&query))
        }
        "DELETE" => {
            body = json!({});
            let dry = if query.contains("dryRun") {
                "dryRun=All"
            } else {
                ""
            };
            ("DELETE", JSON, dry.to_owned())
        }
        APPLY => {
            body["metadata"]["name"] = name.as_str().into();
            ("PATCH", APPLY, query)
        }
        PATCH => {
            body = operations;
            ("PATCH", PATCH, forced(&query))
        }
        other => ("PATCH", other, forced(&query)),
    };
    Step {
        method,
        resource,
        name: if method == "POST" {
            String::new()
        } else {
            name
        },
        query,
        content_type,
        body,
    }
}
