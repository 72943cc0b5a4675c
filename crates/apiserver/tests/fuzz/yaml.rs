//! YAML, good and bad.

use proptest::prelude::*;

use crate::fuzz;
use crate::values::{nested, value};
use crate::world::World;

/// Lines of YAML that go together now and then.
fn lines() -> impl Strategy<Value = String> {
    let line = (
        0..4_usize,
        prop::sample::select(
            &[
                "apiVersion: v1",
                "kind: ConfigMap",
                "metadata:",
                "name: a",
                "data:",
                "a: b",
                "- a",
                "- - a",
                "? a",
                ": b",
                "&x a: 1",
                "*x",
                "a: *x",
                "<<: *x",
                "b: &x [*x]",
                "a: |",
                "a: >-",
                "text",
                "a: 'it''s",
                "a: \"\\u00e4\\q\"",
                "a: {b: [c, {d: e}]}",
                "a: [",
                "}",
                "---",
                "...",
                "%YAML 1.1",
                "!!binary aGk=",
                "a: !!str 1",
                "a: 0o17",
                "a: 017",
                "a: 1e400",
                "a: .nan",
                "a: yes",
                "a: ~",
                "# c",
                "\ta: b",
                "a:\tb",
                "a: b: c",
                "a: @x",
                "!<tag:x> a",
                "a: 2001-01-01",
                "\"a\": \"",
                "a: 1_000",
            ][..],
        ),
    )
        .prop_map(|(indent, text)| format!("{}{text}\n", "  ".repeat(indent)));
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

fn text() -> impl Strategy<Value = String> {
    let written = value().prop_map(|value| serde_saphyr::to_string(&value).unwrap_or_default());
    // Each list names the one before it twice and more.
    let bomb = (1..12_usize, 2..12_usize).prop_map(|(levels, width)| {
        let mut text = String::from("l0: &l0 [x]\n");
        for level in 1..levels {
            let names = vec![format!("*l{}", level - 1); width].join(", ");
            text.push_str(&format!("l{level}: &l{level} [{names}]\n"));
        }
        text
    });
    let deep = (1..3000_usize, 0..4_u8).prop_map(|(depth, shape)| match shape {
        0 => "[".repeat(depth),
        1 => format!("{}a", "- ".repeat(depth)),
        shape => nested(depth, shape == 2),
    });
    prop_oneof![
        4 => lines(),
        3 => (written, any::<prop::sample::Index>(), any::<char>()).prop_map(|(mut text, at, c)| {
            // One character is another one.
            let at = at.index(text.chars().count() + 1);
            let byte = text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
            text.insert(byte, c);
            text
        }),
        1 => bomb,
        1 => deep,
        1 => any::<String>(),
    ]
}

#[test]
fn yaml() {
    let world = World::new();
    let inputs = (text(), any::<bool>());
    fuzz("YAML", &inputs, |(text, whole)| {
        let body = if whole {
            text.clone()
        } else {
            let indented = text.replace('\n', "\n  ");
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  {indented}")
        };
        for (method, url, content_type) in [
            (
                "POST",
                "/api/v1/namespaces/default/configmaps?dryRun=All",
                "application/yaml",
            ),
            (
                "PATCH",
                "/api/v1/namespaces/default/configmaps/a?fieldManager=f&dryRun=All",
                "application/apply-patch+yaml",
            ),
        ] {
            let answer = world
                .send(
                    method,
                    url,
                    &[("content-type", content_type)],
                    body.as_bytes(),
                )
                .unwrap();
            let typed = answer.body["message"]
                .as_str()
                .is_some_and(|text| text.contains("typed patch"));
            prop_assert!(answer.code < 500 || typed, "{answer:?}");
        }
        Ok(())
    });
}
