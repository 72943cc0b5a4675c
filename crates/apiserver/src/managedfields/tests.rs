//! Ownership as `kubectl get --show-managed-fields` shows it on Kubernetes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::schema::{ListType, NodeType};

fn scalar() -> Arc<Schema> {
    Arc::new(Schema {
        node: NodeType::String,
        ..Schema::default()
    })
}

fn object(properties: &[(&str, Arc<Schema>)]) -> Schema {
    Schema {
        node: NodeType::Object,
        properties: properties
            .iter()
            .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
            .collect::<BTreeMap<_, _>>(),
        ..Schema::default()
    }
}

/// labels are a map, ports a keyed list, hosts a set, args atomic.
fn sample() -> Schema {
    let port = object(&[
        ("port", scalar()),
        ("name", scalar()),
        ("protocol", {
            Arc::new(Schema {
                node: NodeType::String,
                default: Some(json!("TCP")),
                ..Schema::default()
            })
        }),
    ]);
    let list = |list: ListType, items: Arc<Schema>| {
        Arc::new(Schema {
            node: NodeType::Array,
            items: Some(items),
            list,
            ..Schema::default()
        })
    };
    let keys = vec!["port".to_owned(), "protocol".to_owned()];
    let spec = object(&[
        ("replicas", scalar()),
        ("ports", list(ListType::Map(keys), Arc::new(port))),
        ("hosts", list(ListType::Set, scalar())),
        ("args", list(ListType::Atomic, scalar())),
        (
            "strategy",
            Arc::new(object(&[("type", scalar()), ("surge", scalar())])),
        ),
    ]);
    let labels = Arc::new(Schema {
        node: NodeType::Object,
        additional: Some(scalar()),
        ..Schema::default()
    });
    object(&[
        ("apiVersion", scalar()),
        ("kind", scalar()),
        (
            "metadata",
            Arc::new(object(&[("name", scalar()), ("labels", labels)])),
        ),
        ("spec", Arc::new(spec)),
    ])
}

fn manager(name: &str, operation: &str) -> Manager {
    Manager {
        name: name.to_owned(),
        operation: operation.to_owned(),
        api_version: "v1".to_owned(),
        subresource: String::new(),
    }
}

fn with(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec})
}

fn owned(object: &Value, name: &str) -> Vec<String> {
    Entries::of(object)
        .0
        .iter()
        .filter(|entry| entry.manager.name == name)
        .flat_map(|entry| entry.set.paths())
        .collect()
}

fn applied(live: Option<&Value>, spec: &Value, name: &str, force: bool) -> Result<Value, Status> {
    apply(
        &sample(),
        live,
        &with(spec),
        &Applying {
            manager: &manager(name, "Apply"),
            force,
        },
        "2026-01-01T00:00:00Z",
    )
}

#[test]
fn a_create_owns_what_it_sent_but_not_the_identity() {
    let mut object = with(&json!({"replicas": "1", "ports": [{"port": "80"}]}));
    object["metadata"]["labels"] = json!({"a": "b"});
    track(
        &sample(),
        None,
        &mut object,
        &manager("kubectl", "Update"),
        "2026-01-01T00:00:00Z",
    );
    assert_eq!(
        object["metadata"]["managedFields"][0]["fieldsV1"],
        json!({
            "f:metadata": {".": {}, "f:labels": {".": {}, "f:a": {}}},
            "f:spec": {".": {}, "f:replicas": {}, "f:ports": {".": {},
                "k:{\"port\":\"80\",\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        })
        .as_object()
        .map(|fields| {
            let mut fields = fields.clone();
            // metadata itself has no owner.
            fields["f:metadata"].as_object_mut().unwrap().remove(".");
            Value::Object(fields)
        })
        .unwrap()
    );
}

#[test]
fn an_update_takes_only_what_it_changes() {
    let mut first = with(&json!({"replicas": "1", "args": ["a"]}));
    track(
        &sample(),
        None,
        &mut first,
        &manager("one", "Update"),
        "2026-01-01T00:00:00Z",
    );
    let mut second = first.clone();
    second["spec"]["replicas"] = json!("2");
    track(
        &sample(),
        Some(&first),
        &mut second,
        &manager("two", "Update"),
        "2026-01-02T00:00:00Z",
    );
    assert_eq!(owned(&second, "one"), vec![".spec", ".spec.args"]);
    assert_eq!(owned(&second, "two"), vec![".spec.replicas"]);
    // No change, no new time.
    let mut third = second.clone();
    track(
        &sample(),
        Some(&second),
        &mut third,
        &manager("one", "Update"),
        "2026-01-03T00:00:00Z",
    );
    assert_eq!(third, second);
}

#[test]
fn a_reset_forgets_all_owners() {
    let mut first = with(&json!({"replicas": "1"}));
    track(
        &sample(),
        None,
        &mut first,
        &manager("one", "Update"),
        "2026-01-01T00:00:00Z",
    );
    let mut second = first.clone();
    second["metadata"]["managedFields"] = json!([{}]);
    track(
        &sample(),
        Some(&first),
        &mut second,
        &manager("one", "Update"),
        "2026-01-02T00:00:00Z",
    );
    assert!(second["metadata"].get("managedFields").is_none());
}

#[test]
fn apply_merges_keyed_lists_and_removes_what_it_no_longer_wants() {
    let one = applied(
        None,
        &json!({"replicas": "1", "ports": [{"port": "80", "name": "a"}, {"port": "81"}]}),
        "me",
        false,
    )
    .unwrap();
    let mut live = one.clone();
    live["spec"]["ports"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({"port": "9", "protocol": "TCP"}));
    track(
        &sample(),
        Some(&one),
        &mut live,
        &manager("other", "Update"),
        "2026-01-01T00:00:00Z",
    );
    let two = applied(
        Some(&live),
        &json!({"ports": [{"port": "80", "name": "b"}]}),
        "me",
        false,
    )
    .unwrap();
    assert_eq!(
        two["spec"],
        json!({"ports": [{"port": "9", "protocol": "TCP"}, {"port": "80", "name": "b"}]})
    );
    assert_eq!(
        owned(&two, "me"),
        vec![
            ".spec.ports[port=\"80\",protocol=\"TCP\"]",
            ".spec.ports[port=\"80\",protocol=\"TCP\"].name",
            ".spec.ports[port=\"80\",protocol=\"TCP\"].port"
        ]
    );
}

#[test]
fn what_another_manager_also_applies_stays() {
    let one = applied(
        None,
        &json!({"replicas": "1", "hosts": ["a", "b"]}),
        "me",
        false,
    )
    .unwrap();
    let both = applied(
        Some(&one),
        &json!({"replicas": "1", "hosts": ["b"]}),
        "you",
        false,
    )
    .unwrap();
    let left = applied(Some(&both), &json!({}), "me", false).unwrap();
    assert_eq!(left["spec"], json!({"replicas": "1", "hosts": ["b"]}));
}

#[test]
fn a_removed_structure_takes_its_defaults_with_it() {
    let one = applied(
        None,
        &json!({"strategy": {"type": "a"}, "replicas": "1"}),
        "me",
        false,
    )
    .unwrap();
    let mut live = one.clone();
    live["spec"]["strategy"]["surge"] = json!("defaulted, and nobody's");
    let two = applied(Some(&live), &json!({"replicas": "1"}), "me", false).unwrap();
    assert_eq!(two["spec"], json!({"replicas": "1"}));
}

#[test]
fn conflicts_name_manager_and_field() {
    let mut first = with(&json!({"replicas": "1", "args": ["a"]}));
    track(
        &sample(),
        None,
        &mut first,
        &manager("edit", "Update"),
        "2026-01-01T00:00:00Z",
    );
    // The same value is no conflict.
    applied(Some(&first), &json!({"replicas": "1"}), "me", false).unwrap();
    let error = applied(Some(&first), &json!({"replicas": "2"}), "me", false).unwrap_err();
    assert_eq!(
        error.message,
        "Apply failed with 1 conflict: conflict with \"edit\" using v1: .spec.replicas"
    );
    assert_eq!(
        (error.code, error.causes[0].field.as_str()),
        (409, ".spec.replicas")
    );
    let error = applied(
        Some(&first),
        &json!({"replicas": "2", "args": []}),
        "me",
        false,
    )
    .unwrap_err();
    assert!(
        error
            .message
            .starts_with("Apply failed with 2 conflicts: conflicts with \"edit\""),
        "{}",
        error.message
    );
    let forced = applied(Some(&first), &json!({"replicas": "2"}), "me", true).unwrap();
    assert_eq!(owned(&forced, "edit"), vec![".spec", ".spec.args"]);
    assert_eq!(owned(&forced, "me"), vec![".spec.replicas"]);
}

#[test]
fn applying_again_changes_nothing() {
    let one = applied(
        None,
        &json!({"replicas": "1", "ports": [{"port": "80"}]}),
        "me",
        false,
    )
    .unwrap();
    let two = apply(
        &sample(),
        Some(&one),
        &with(&json!({"replicas": "1", "ports": [{"port": "80"}]})),
        &Applying {
            manager: &manager("me", "Apply"),
            force: false,
        },
        "2027-01-01T00:00:00Z",
    )
    .unwrap();
    assert_eq!(one, two);
}

#[test]
fn an_unowned_object_belongs_to_before_first_apply() {
    let live = with(&json!({"replicas": "1"}));
    let error = applied(Some(&live), &json!({"replicas": "2"}), "me", false).unwrap_err();
    assert!(
        error.message.contains("before-first-apply"),
        "{}",
        error.message
    );
}

#[test]
fn entries_that_cannot_be_told_apart_are_refused() {
    let twice = json!({"ports": [{"port": "80"}, {"port": "80", "protocol": "TCP"}]});
    let said = told(problems(&sample(), &with(&twice))).unwrap_or_default();
    assert!(
        said.contains(".spec.ports: duplicate entries for key"),
        "{said}"
    );
}

#[test]
fn old_updaters_are_folded_into_one() {
    let mut live = with(&json!({"args": ["0"]}));
    track(
        &sample(),
        None,
        &mut live,
        &manager("m0", "Update"),
        "2026-01-01T00:00:00Z",
    );
    for n in 1..15 {
        let mut next = live.clone();
        next["metadata"]["labels"][format!("l{n}")] = json!("x");
        let now = format!("2026-01-{:02}T00:00:00Z", n + 1);
        track(
            &sample(),
            Some(&live),
            &mut next,
            &manager(&format!("m{n}"), "Update"),
            &now,
        );
        live = next;
    }
    let entries = Entries::of(&live);
    assert_eq!(entries.0.len(), 10);
    assert!(
        entries
            .0
            .iter()
            .any(|entry| entry.manager.name == "ancient-changes")
    );
    assert!(entries.0.iter().any(|entry| entry.manager.name == "m14"));
}

#[test]
fn who_empties_a_map_still_owns_it() {
    let catalog = crate::types::builtin();
    let resource = catalog.find("", "v1", "configmaps").unwrap();
    let how = Applying {
        manager: &manager("two", "Apply"),
        force: false,
    };
    let object = |data: Value, labels: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "h", "labels": labels}, "data": data});
    let one = apply(
        &resource.schema,
        None,
        &object(json!({"a": "1"}), json!({"b": "a"})),
        &how,
        "2026-01-01T00:00:00Z",
    )
    .unwrap();
    let mut empty = object(json!({}), json!({}));
    empty["metadata"].as_object_mut().unwrap().remove("labels");
    let two = apply(
        &resource.schema,
        Some(&one),
        &empty,
        &how,
        "2026-01-01T00:00:00Z",
    )
    .unwrap();
    assert_eq!(
        two["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:data": {}}),
        "{two}"
    );
}
