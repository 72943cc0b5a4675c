//! What fuzzing found, each as a test.

use serde_json::json;

use crate::values::nested;
use crate::world::World;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Nesting is limited for JSON, YAML and what patches make; nothing that is
/// stored is too deep to be read again.
#[test]
fn deep_nesting_is_refused() {
    let world = World::new();
    for depth in [100, 1_000, 100_000] {
        for array in [true, false] {
            let deep = nested(depth, array);
            let body = format!(
                r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "a"}}, "x": {deep}}}"#
            );
            for content_type in ["application/json", "application/yaml"] {
                let headers = [("content-type", content_type)];
                let url = format!("{MAPS}?fieldValidation=Strict");
                let answer = world.send("POST", &url, &headers, body.as_bytes()).unwrap();
                assert_eq!(answer.code, 400, "{depth} {content_type}");
            }
            let blocks = format!("{}a\n", "- ".repeat(depth));
            let headers = [("content-type", "application/yaml")];
            let answer = world
                .send("POST", MAPS, &headers, blocks.as_bytes())
                .unwrap();
            assert_eq!(answer.code, 400, "{depth} blocks");
        }
    }
}

/// What is as deep as it may be is read, on the stack that a worker has.
#[test]
fn yaml_may_be_sixty_levels_deep() {
    let world = World::new();
    let headers = [("content-type", "application/yaml")];
    for deep in [nested(56, true), nested(56, false)] {
        let body = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nx: {deep}\n");
        let url = format!("{MAPS}?fieldValidation=Ignore&dryRun=All");
        let answer = world.send("POST", &url, &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.code, 201, "{:?}", answer.body);
    }
}

/// Patches that are shallow themselves make nothing that is too deep.
#[test]
fn patches_do_not_nest_without_end() {
    let world = World::new();
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }}}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(world.json("POST", definitions, &crd).code, 201);
    let things = "/apis/example.com/v1/namespaces/default/things";
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"a": {}}});
    assert_eq!(world.json("POST", things, &thing).code, 201);
    let one = format!("{things}/a");
    // Each step puts the whole of it into itself.
    let twice = json!([
        {"op": "copy", "from": "/spec/a", "path": "/spec/b"},
        {"op": "replace", "path": "/spec/a", "value": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {}}}}}}}}},
        {"op": "move", "from": "/spec/b", "path": "/spec/a/a/a/a/a/a/a/a/a"},
    ]);
    let headers = [("content-type", "application/json-patch+json")];
    let mut codes = Vec::new();
    for _ in 0..40 {
        let answer = world
            .send("PATCH", &one, &headers, twice.to_string().as_bytes())
            .unwrap();
        codes.push(answer.code);
        assert_eq!(world.get(&one).code, 200, "{codes:?}");
    }
    assert_eq!(codes.first(), Some(&200));
    assert_eq!(codes.last(), Some(&400));
}

/// A patch that fails after it has replaced everything is refused; undoing it
/// panicked.
#[test]
fn a_patch_that_moves_into_the_root_is_refused() {
    let world = World::new();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    assert_eq!(world.json("POST", MAPS, &map).code, 201);
    let patch = json!([
        {"op": "move", "from": "/kind", "path": ""},
        {"op": "test", "path": "/x", "value": 1},
    ]);
    let headers = [("content-type", "application/json-patch+json")];
    let one = format!("{MAPS}/a");
    let body = patch.to_string();
    let answer = world
        .send("PATCH", &one, &headers, body.as_bytes())
        .unwrap();
    assert_eq!(answer.code, 422, "{:?}", answer.body);
    assert_eq!(world.get(&one).body["kind"], "ConfigMap");
}
