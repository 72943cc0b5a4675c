//! Tests of validation.

use std::sync::Arc;

use super::*;

fn typed(node: NodeType) -> Schema {
    Schema {
        node,
        ..Schema::default()
    }
}

fn limited(node: NodeType, limits: Limits) -> Schema {
    Schema {
        limits: Some(Box::new(limits)),
        ..typed(node)
    }
}

fn in_spec(field: Schema) -> Schema {
    let object = |name: &str, field: Schema| Schema {
        properties: [(name.to_owned(), Arc::new(field))].into(),
        ..typed(NodeType::Object)
    };
    object("spec", object("x", field))
}

fn complaints(field: Schema, value: &Value) -> Vec<String> {
    let object = json!({"spec": {"x": value}});
    validate(&in_spec(field), &object, None)
        .into_iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect()
}

#[test]
fn types_are_checked_in_kubernetes_words() {
    let table = [
        (
            NodeType::String,
            json!(1),
            "spec.x: Invalid value: \"integer\": spec.x in body must be of type string: \"integer\"",
        ),
        (
            NodeType::Integer,
            json!(1.5),
            "spec.x: Invalid value: \"number\": spec.x in body must be of type integer: \"number\"",
        ),
        (
            NodeType::Boolean,
            json!(null),
            "spec.x: Invalid value: \"null\": spec.x in body must be of type boolean: \"null\"",
        ),
        (
            NodeType::IntOrString,
            json!({}),
            "spec.x: Invalid value: \"object\": spec.x in body must be of type integer,string: \"object\"",
        ),
    ];
    for (node, value, expected) in table {
        assert_eq!(complaints(typed(node), &value), [expected]);
    }
    for (node, value) in [
        (NodeType::Integer, json!(1.0)),
        (NodeType::Number, json!(1)),
        (NodeType::IntOrString, json!("50%")),
        (NodeType::Any, json!(null)),
    ] {
        assert!(complaints(typed(node), &value).is_empty());
    }
}

#[test]
fn values_are_checked_in_kubernetes_words() {
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    };
    type Change = fn(&mut Limits);
    let table: Vec<(NodeType, Change, Value, &str)> = vec![
        (
            NodeType::String,
            |l| l.one_of_values = vec![json!("a"), json!("b")],
            json!("x"),
            "spec.x: Unsupported value: \"x\": supported values: \"a\", \"b\"",
        ),
        (
            NodeType::String,
            |l| l.max_length = Some(2),
            json!("abc"),
            "spec.x: Too long: may not be more than 2 bytes",
        ),
        (
            NodeType::String,
            |l| l.min_length = Some(2),
            json!("a"),
            "spec.x: Invalid value: \"a\": spec.x in body should be at least 2 chars long",
        ),
        (
            NodeType::String,
            |l| l.pattern = Some("^a$".into()),
            json!("b"),
            "spec.x: Invalid value: \"b\": spec.x in body should match '^a$'",
        ),
        (
            NodeType::Integer,
            |l| l.minimum = Some((1.0, false)),
            json!(0),
            "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1",
        ),
        (
            NodeType::Integer,
            |l| l.maximum = Some((1.0, true)),
            json!(1),
            "spec.x: Invalid value: 1: spec.x in body should be less than 1",
        ),
        (
            NodeType::Number,
            |l| l.multiple_of = Some(0.5),
            json!(0.7),
            "spec.x: Invalid value: 0.7: spec.x in body should be a multiple of 0.5",
        ),
        (
            NodeType::Array,
            |l| l.min_items = Some(1),
            json!([]),
            "spec.x: Invalid value: 0: spec.x in body should have at least 1 items",
        ),
        (
            NodeType::Array,
            |l| l.max_items = Some(1),
            json!([1, 2]),
            "spec.x: Too many: 2: must have at most 1 item",
        ),
        (
            NodeType::Object,
            |l| l.min_properties = Some(1),
            json!({}),
            "spec.x: Invalid value: 0: spec.x in body should have at least 1 properties",
        ),
    ];
    for (node, change, value, expected) in table {
        let schema = limited(node, limits(change));
        assert_eq!(complaints(schema, &value), [expected]);
    }
}

#[test]
fn combinations_follow_json_schema() {
    let needs = |name: &str| Schema {
        required: vec![name.to_owned()],
        ..Schema::default()
    };
    let any = limited(
        NodeType::Object,
        Limits {
            any_of: vec![needs("a"), needs("b")],
            ..Limits::default()
        },
    );
    assert!(complaints(any.clone(), &json!({"a": 1})).is_empty());
    assert_eq!(
        complaints(any, &json!({}))[0],
        "<nil>: Invalid value: \"\": \"spec.x\" must validate at least one schema (anyOf)"
    );
    let one = limited(
        NodeType::Object,
        Limits {
            one_of: vec![needs("a"), needs("b")],
            ..Limits::default()
        },
    );
    assert!(complaints(one.clone(), &json!({"b": 1})).is_empty());
    assert_eq!(
        complaints(one, &json!({"a": 1, "b": 1})),
        [
            "<nil>: Invalid value: \"\": \"spec.x\" must validate one and only one schema (oneOf). Found 2 valid alternatives"
        ]
    );
    let not = limited(
        NodeType::Object,
        Limits {
            not: Some(needs("a")),
            ..Limits::default()
        },
    );
    assert!(complaints(not.clone(), &json!({})).is_empty());
    assert_eq!(complaints(not, &json!({"a": 1})).len(), 1);
}

#[test]
fn what_an_update_leaves_alone_is_not_complained_about() {
    let schema = in_spec(limited(
        NodeType::String,
        Limits {
            max_length: Some(1),
            ..Limits::default()
        },
    ));
    let old = json!({"spec": {"x": "long", "y": 1}});
    let mut new = old.clone();
    new["spec"]["y"] = json!(2);
    assert!(validate(&schema, &new, Some(&old)).is_empty());
    new["spec"]["x"] = json!("longer");
    assert_eq!(validate(&schema, &new, Some(&old)).len(), 1);
    assert_eq!(validate(&schema, &old, None).len(), 1);
}

#[test]
fn sets_and_maps_hold_no_duplicates() {
    let mut set = typed(NodeType::Array);
    set.list = ListType::Set;
    let mut map = typed(NodeType::Array);
    map.list = ListType::Map(vec!["name".into()]);
    let found = |field: Schema, value: Value| -> Vec<String> {
        let object = json!({"spec": {"x": value}});
        validate_lists(&in_spec(field), &object, None)
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    };
    assert_eq!(
        found(set, json!(["a", "b", "a"])),
        ["spec.x[2]: Duplicate value: \"a\""]
    );
    assert_eq!(
        found(map, json!([{"name": "a"}, {"name": "a", "v": 1}])),
        ["spec.x[1]: Duplicate value: {\"name\":\"a\"}"]
    );
}
