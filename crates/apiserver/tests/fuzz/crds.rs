//! Schemas of custom resources, and objects that may or may not fit them.

use apiserver::crd;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::fuzz;
use crate::values::value;
use crate::world::World;

/// Expressions thrown together: their types and costs are looked at, whatever they are.
fn expression() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(
        &[
            "self",
            "self.a",
            "oldSelf",
            "oldSelf.a",
            "x",
            "1",
            "-2",
            "1u",
            "1.5",
            "'a'",
            "b'a'",
            "r'\\d'",
            "true",
            "null",
            "[]",
            "{}",
            "[1, 'a']",
            "self.a.b",
            "self[0]",
            "@result",
        ][..],
    )
    .prop_map(str::to_owned);
    atom.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(
            &[
                "+", "-", "*", "/", "%", "==", "!=", "<", ">=", "in", "&&", "||",
            ][..],
        );
        let function = prop::sample::select(
            &[
                "size",
                "contains",
                "startsWith",
                "matches",
                "replace",
                "split",
                "join",
                "indexOf",
                "find",
                "sort",
                "distinct",
                "flatten",
                "slice",
                "sum",
                "isSorted",
                "reverse",
                "quantity",
                "ip",
                "cidr",
                "string",
                "bytes",
                "dyn",
                "type",
                "orValue",
                "value",
                "format",
                "sets.contains",
                "lists.range",
                "add",
                "none",
                "",
            ][..],
        );
        let a_macro = prop::sample::select(
            &[
                "all",
                "exists",
                "exists_one",
                "map",
                "filter",
                "sortBy",
                "transformList",
            ][..],
        );
        let three = prop::collection::vec(inner.clone(), 3);
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            (
                inner.clone(),
                function.clone(),
                prop::collection::vec(inner.clone(), 0..3)
            )
                .prop_map(|(of, name, with)| format!("{of}.{name}({})", with.join(", "))),
            (function, prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(name, with)| format!("{name}({})", with.join(", "))),
            (inner.clone(), a_macro, inner.clone())
                .prop_map(|(of, name, step)| format!("{of}.{name}(x, {step})")),
            three
                .clone()
                .prop_map(|of| format!("({} ? {} : {})", of[0], of[1], of[2])),
            three.prop_map(|of| format!("[{}, {}][{}]", of[0], of[1], of[2])),
            (inner.clone(), inner).prop_map(|(key, value)| format!("{{{key}: {value}}}")),
        ]
    })
}

fn schema() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(
        &[
            "string", "integer", "number", "boolean", "object", "array", "x",
        ][..],
    );
    let keyword = prop_oneof![
        3 => (prop::sample::select(
            &[
                "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "multipleOf", "minLength",
                "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
                "enum", "default", "nullable", "required", "anyOf", "allOf", "oneOf", "not",
                "additionalProperties", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
                "x-kubernetes-embedded-resource", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
                "x-kubernetes-map-type", "$ref", "description", "x-other",
            ][..]).prop_map(str::to_owned), value()),
        2 => prop::sample::select(&[
            ("format", "date-time"), ("format", "int32"), ("pattern", "^(a+)+$"), ("pattern", "("),
            ("pattern", "[a-z"), ("x-kubernetes-list-type", "map"), ("x-kubernetes-list-type", "set"),
            ("x-kubernetes-map-type", "atomic"),
        ][..]).prop_map(|(key, value)| (key.to_owned(), value.into())),
        1 => prop::sample::select(&["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "nullable", "x-kubernetes-embedded-resource"][..])
            .prop_map(|key| (key.to_owned(), true.into())),
        1 => prop::sample::select(&[
            "self == oldSelf", "self.a > 1", "self.all(x, x == x)", "size(self) < 3", "self.", "1/0 == 1",
            "self.map(x, self.map(y, x)).size() > 0", "has(self.a) && self.a.matches('(a+)+b')", "true", "",
        ][..]).prop_map(|rule| ("x-kubernetes-validations".to_owned(), json!([{"rule": rule}]))),
        2 => (expression(), prop::option::of(expression()), any::<bool>()).prop_map(|(rule, message, old)| {
            let mut rule = json!({"rule": rule, "messageExpression": message});
            if old {
                rule["optionalOldSelf"] = true.into();
            }
            ("x-kubernetes-validations".to_owned(), json!([rule]))
        }),
    ];
    let leaf = (kind, prop::collection::vec(keyword, 0..3)).prop_map(|(kind, keywords)| {
        let mut schema: Map<String, Value> = keywords.into_iter().collect();
        schema.insert("type".into(), kind.into());
        Value::Object(schema)
    });
    leaf.prop_recursive(4, 12, 3, |inner| {
        let name = prop::sample::select(&["a", "b", "metadata", "$x", ""][..]);
        (inner.clone(), prop::collection::vec((name, inner), 0..3)).prop_map(
            |(mut schema, fields)| {
                if schema["type"] == "array" {
                    schema["items"] = fields
                        .into_iter()
                        .next()
                        .map_or(Value::Null, |(_, field)| field);
                } else if !fields.is_empty() {
                    schema["type"] = "object".into();
                    schema["properties"] = fields
                        .into_iter()
                        .map(|(name, field)| (name.to_owned(), field))
                        .collect::<Map<_, _>>()
                        .into();
                }
                schema
            },
        )
    })
}

/// Paths that are nearly what columns and subresources want.
fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "(\\.(spec|status|metadata|a|b|name)){0,3}",
        2 => "\\.spec(\\.[ab]|\\[[0-9:*-]{0,3}\\]|\\['[a-z.]{1,4}'\\]){0,4}",
        2 => "\\.spec\\.a\\[\\?\\(@\\.[ab] ?(==|!=|<|>=|~) ?(\"[a-z]{0,2}\"|'a'|[0-9.-]{1,3})\\)\\]\\.[ab]",
        1 => "\\{?\\.\\.[ab]\\[?.{0,4}",
        1 => any::<String>(),
    ]
}

fn definition(schema: &Value, status: bool, paths: &[String; 3]) -> Value {
    let mut version = json!({
        "name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema, "status": {"type": "object"}}}},
    });
    if status {
        version["subresources"] = json!({"status": {}});
    }
    let [column, count, field] = paths;
    version["additionalPrinterColumns"] = json!([
        {"name": "one", "type": "string", "jsonPath": column},
        {"name": "two", "type": "date", "jsonPath": count, "priority": 1},
    ]);
    if count.len() % 2 == 1 {
        version["subresources"]["scale"] =
            json!({"specReplicasPath": count, "statusReplicasPath": field});
    }
    if field.len() % 2 == 1 {
        version["selectableFields"] = json!([{"jsonPath": field}]);
    }
    let mut second = version.clone();
    second["name"] = "v2".into();
    second["storage"] = false.into();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [version, second],
        },
    })
}

#[test]
fn crd_schemas() {
    let world = World::new();
    let objects = prop::collection::vec(
        prop_oneof![
            value(),
            value().prop_map(|value| json!({"a": value})),
            (value(), value()).prop_map(|(a, b)| json!({"a": [a, b], "b": "a".repeat(40)})),
        ],
        1..4,
    );
    let inputs = (schema(), any::<bool>(), objects, [path(), path(), path()]);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All";
    let things = "/apis/example.com/v1/namespaces/default/things";
    fuzz("CRD schemas", &inputs, |(schema, status, specs, paths)| {
        let mut crd = definition(&schema, status, &paths);
        let answer = world.json("POST", definitions, &crd);
        prop_assert!(matches!(answer.code, 201 | 400 | 422), "{answer:?}");
        crd::apply_defaults(&mut crd);
        let Ok(types) = crd::compile(&crd) else {
            prop_assert!(answer.code != 201, "accepted, and cannot be served");
            return Ok(());
        };
        if answer.code != 201 {
            return Ok(());
        }
        let registry = world.server.registry();
        registry.set_custom("things.example.com", Some(types));
        let one = format!("{things}/one");
        for spec in specs {
            let object = json!({
                "apiVersion": "example.com/v1", "kind": "Thing",
                "metadata": {"name": "one"}, "spec": spec,
            });
            let created = world.json("POST", things, &object);
            prop_assert!(matches!(created.code, 201 | 400 | 409 | 422), "{created:?}");
            let body = object.to_string();
            for content_type in [
                "application/apply-patch+yaml",
                "application/merge-patch+json",
            ] {
                let url = format!("{one}?fieldManager=fuzz");
                let headers = [("content-type", content_type)];
                let answer = world
                    .send("PATCH", &url, &headers, body.as_bytes())
                    .unwrap();
                prop_assert!(
                    matches!(answer.code, 200 | 201 | 400 | 404 | 409 | 422 | 500),
                    "{answer:?}"
                );
            }
            let read = world.get(&one);
            if read.code == 200 {
                // What it says itself it takes.
                let put = world.json("PUT", &one, &read.body);
                prop_assert!(matches!(put.code, 200 | 422), "{put:?}");
            }
        }
        let openapi = world.get("/openapi/v3/apis/example.com/v1");
        prop_assert_eq!(openapi.code, 200);
        let table = world.send(
            "GET",
            things,
            &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")],
            b"",
        );
        prop_assert_eq!(table.unwrap().code, 200);
        world.json("DELETE", &one, &Value::Null);
        registry.set_custom("things.example.com", None);
        Ok(())
    });
}
