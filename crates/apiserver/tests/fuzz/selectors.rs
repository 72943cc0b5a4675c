//! Selectors: what is parsed selects the same in a list and in a watch.

use apiserver::request::{FieldSelector, LabelSelector};
use proptest::prelude::*;
use serde_json::json;

use crate::fuzz;
use crate::world::World;

fn text() -> impl Strategy<Value = String> {
    let token = prop::sample::select(
        &[
            "a",
            "b",
            "c",
            "in",
            "notin",
            "(",
            ")",
            ",",
            "=",
            "==",
            "!=",
            "!",
            ">",
            "<",
            "1",
            "-1",
            " ",
            "  ",
            "example.com/x",
            "metadata.name",
            "metadata.namespace",
            "data.a",
            "\\",
            "ä",
            "9223372036854775808",
            ".",
            "/",
            "_",
        ][..],
    );
    prop_oneof![
        4 => prop::collection::vec(token, 0..8).prop_map(|tokens| tokens.concat()),
        3 => "[abc](=|==|!=| in | notin |>|<)(\\([abc1],?[abc1]?\\)|[abc1])(,!?[abc])?",
        1 => any::<String>(),
    ]
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn selectors() {
    let world = World::new();
    let url = "/api/v1/namespaces/default/configmaps";
    for (name, labels) in [
        ("a", json!({"a": "a", "b": "1"})),
        ("b", json!({"a": "b", "c": "1"})),
        ("c", json!({})),
    ] {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}});
        assert_eq!(world.json("POST", url, &body).code, 201);
    }
    fuzz("selectors", &(text(), text()), |(labels, fields)| {
        let parsed = LabelSelector::parse(&labels);
        let list = world.get(&format!("{url}?labelSelector={}", encode(&labels)));
        prop_assert_eq!(list.code, if parsed.is_ok() { 200 } else { 400 });
        if let Ok(selector) = &parsed {
            let all = world.get(url);
            let expected: Vec<_> = all.body["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|item| selector.matches(item))
                .collect();
            let found: Vec<_> = list.body["items"].as_array().unwrap().iter().collect();
            prop_assert_eq!(found, expected);
        }
        if !labels.contains(['(', ',', '!', '=', '<', '>'])
            && parsed.is_ok()
            && !labels.trim().is_empty()
        {
            // What does not have it is the rest.
            let without = world.get(&format!(
                "{url}?labelSelector={}",
                encode(&format!("!{}", labels.trim()))
            ));
            let count = |body: &serde_json::Value| body["items"].as_array().map_or(0, Vec::len);
            prop_assert_eq!(count(&list.body) + count(&without.body), 3);
        }
        let parsed = FieldSelector::parse(&fields);
        let list = world.get(&format!("{url}?fieldSelector={}", encode(&fields)));
        if parsed.is_err() {
            prop_assert_eq!(list.code, 400);
        }
        prop_assert!(matches!(list.code, 200 | 400));
        let watch = world.get(&format!(
            "{url}?watch=true&labelSelector={}&fieldSelector={}",
            encode(&labels),
            encode(&fields)
        ));
        prop_assert!(matches!(watch.code, 200 | 400));
        Ok(())
    });
}
