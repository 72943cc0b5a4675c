//! Patches of all four kinds on a deployment, a config map and a custom object.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fuzz;
use crate::values::{value, word};
use crate::world::{World, deployment};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/d";
const THING: &str = "/apis/example.com/v1/namespaces/default/things/d";
const MAP: &str = "/api/v1/namespaces/default/configmaps/d";

#[derive(Clone, Copy, Debug)]
enum Kind {
    Json,
    Merge,
    Strategic,
    Apply,
}

fn container() -> impl Strategy<Value = Value> {
    let directive = prop::option::weighted(
        0.3,
        prop::sample::select(&["delete", "replace", "merge", "other"][..]),
    );
    let name = prop::sample::select(&["a", "b", "c", ""][..]);
    (directive, name, word(), value()).prop_map(|(directive, name, field, value)| {
        let mut container = json!({"name": name, field: value});
        if let Some(directive) = directive {
            container["$patch"] = directive.into();
        }
        container
    })
}

/// A patch that comes to where merging is difficult.
fn tree() -> impl Strategy<Value = Value> {
    let containers = (
        prop::collection::vec(container(), 0..4),
        prop::option::of(prop::collection::vec(container(), 0..3)),
        value(),
    )
        .prop_map(|(containers, order, other)| {
            let mut spec = json!({"containers": containers, "volumes": other});
            if let Some(order) = order {
                spec["$setElementOrder/containers"] = order.into();
            }
            json!({"spec": {"template": {"spec": spec}}})
        });
    let field = (word(), word(), value()).prop_map(|(a, b, value)| json!({a: {b: value}}));
    let metadata = (word(), value()).prop_map(|(field, value)| json!({"metadata": {field: value}}));
    let ports = prop::collection::vec(value(), 0..3).prop_map(|ports| {
        json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "ports": ports}]}}}})
    });
    prop_oneof![3 => containers, 3 => field, 2 => metadata, 2 => ports, 1 => value()]
}

fn pointer() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(
            &[
                "",
                "/",
                "/metadata/name",
                "/metadata/labels/a",
                "/metadata/labels",
                "/metadata/finalizers/0",
                "/metadata/finalizers/-",
                "/spec/template/spec/containers/0",
                "/spec/template/spec/containers/1/args/01",
                "/spec/template/spec/containers/-",
                "/spec/template/spec/containers/99999999999999999999",
                "/data",
                "/data/~1~0",
                "/kind",
                "/spec/replicas",
                "/metadata/managedFields/0",
            ][..]
        )
        .prop_map(str::to_owned),
        prop::collection::vec(word(), 0..4).prop_map(|parts| format!("/{}", parts.join("/"))),
        any::<String>(),
    ]
}

fn operations() -> impl Strategy<Value = Value> {
    let operation = (
        prop::sample::select(&["add", "remove", "replace", "move", "copy", "test", "x"][..]),
        pointer(),
        pointer(),
        value(),
    )
        .prop_map(
            |(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}),
        );
    prop_oneof![
        9 => prop::collection::vec(operation, 0..5).prop_map(Value::from),
        1 => value(),
    ]
}

/// A definition with lists of all kinds, defaults, and what may be two things.
fn thing() -> Value {
    let spec = json!({"type": "object", "properties": {
        "containers": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"},
                "port": {"x-kubernetes-int-or-string": true},
                "args": {"type": "array", "items": {"type": "string"}},
            }},
        },
        "args": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "replicas": {"x-kubernetes-int-or-string": true},
        "template": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "a": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
        "b": {"type": "string", "default": "b"},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
            }],
        },
    })
}

/// Replaces what is there by what was there in the beginning.
fn reset(world: &World, url: &str, fresh: &Value) {
    let live = world.get(url);
    let collection = url.trim_end_matches("/d");
    if live.code == 200 {
        let none = json!([{"op": "replace", "path": "/metadata/finalizers", "value": []}]);
        world.send(
            "PATCH",
            url,
            &[("content-type", "application/json-patch+json")],
            none.to_string().as_bytes(),
        );
        let body = json!({"gracePeriodSeconds": 0});
        let gone = world.json("DELETE", url, &body);
        assert!(matches!(gone.code, 200 | 404), "{gone:?}");
    }
    let created = world.json("POST", collection, fresh);
    assert_eq!(created.code, 201, "{created:?}");
}

#[test]
fn patches() {
    let world = World::new();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}, "data": {"a": "b"}});
    let kind = prop::sample::select(&[Kind::Json, Kind::Merge, Kind::Strategic, Kind::Apply][..]);
    let step = (kind, tree(), operations(), any::<bool>(), any::<bool>());
    let mut definition = thing();
    apiserver::crd::apply_defaults(&mut definition);
    let types = apiserver::crd::compile(&definition).unwrap();
    let registry = world.server.registry();
    registry.set_custom("things.example.com", Some(types));
    let custom = json!({
        "apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "d", "finalizers": ["example.com/a"]},
        "spec": {"containers": [{"name": "a", "port": 80}, {"name": "b"}], "args": ["1", "2"], "replicas": "5"},
    });
    let inputs = (0..3_u8, prop::collection::vec(step, 1..4));
    fuzz("patches", &inputs, |(on, steps)| {
        let (url, fresh) = match on {
            0 => (MAP, map.clone()),
            1 => (THING, custom.clone()),
            _ => (DEPLOYMENT, deployment()),
        };
        reset(&world, url, &fresh);
        for (kind, mut tree, operations, dry, force) in steps {
            let before = world.get(url);
            let (content_type, body) = match kind {
                Kind::Json => ("application/json-patch+json", operations),
                Kind::Merge => ("application/merge-patch+json", tree),
                Kind::Strategic => ("application/strategic-merge-patch+json", tree),
                Kind::Apply => {
                    if let Some(object) = tree.as_object_mut() {
                        object.insert("apiVersion".into(), fresh["apiVersion"].clone());
                        object.insert("kind".into(), fresh["kind"].clone());
                    }
                    ("application/apply-patch+yaml", tree)
                }
            };
            let mut target = format!("{url}?fieldManager=fuzz");
            if dry {
                target.push_str("&dryRun=All");
            }
            if force && matches!(kind, Kind::Apply) {
                target.push_str("&force=true");
            }
            let answer = world
                .send(
                    "PATCH",
                    &target,
                    &[("content-type", content_type)],
                    body.to_string().as_bytes(),
                )
                .unwrap();
            let after = world.get(url);
            if answer.code >= 300 || dry {
                prop_assert_eq!(
                    &after.body,
                    &before.body,
                    "changed by {} {:?}",
                    answer.code,
                    answer.body
                );
            } else if after.code == 200 {
                prop_assert_eq!(&after.body, &answer.body, "not what was answered");
                prop_assert_eq!(&after.body["metadata"]["name"], "d");
            }
            // A second time it changes nothing, if it can be done twice.
            if answer.code == 200
                && after.code == 200
                && !dry
                && matches!(kind, Kind::Merge | Kind::Apply)
            {
                let again = world
                    .send(
                        "PATCH",
                        &target,
                        &[("content-type", content_type)],
                        body.to_string().as_bytes(),
                    )
                    .unwrap();
                if again.code == 200 {
                    let revision = |object: &Value| object["metadata"]["resourceVersion"].clone();
                    prop_assert_eq!(
                        revision(&again.body),
                        revision(&after.body),
                        "changed again: {:?}",
                        again.body
                    );
                }
            }
            if after.code != 200 {
                break;
            }
        }
        Ok(())
    });
}
