//! Manifests out of YAML and JSON, read as kubectl reads them.
//!
//! Several documents, `List` kinds (flattened), YAML 1.1 scalars (`0644` is
//! 420, `yes` is true). A duplicate key is an error. Errors name file, line and
//! column and never quote the content: it may be a Secret's.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use thiserror::Error;

/// One object and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The object, as written.
    pub object: Value,
    /// The file's name as the user knows it, or `-` for standard input.
    pub file: String,
    /// The line its document begins at, counted from 1.
    pub line: u64,
}

impl Manifest {
    /// `file:line`, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// Why a file is no manifest.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{file}:{line}:{column}: {message}")]
pub struct YamlError {
    /// The file's name as the user knows it.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    /// Counted from 1.
    pub column: u64,
    /// What is wrong; holds none of the content but keys.
    pub message: String,
}

/// Every object of a file, in its order; empty documents are skipped.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read(source: &str, bytes: &[u8]) -> Result<Vec<Manifest>, YamlError> {
    let documents = documents(source, bytes)?;
    let mut manifests = Vec::new();
    for (line, value) in documents {
        flatten(source, line, value, &mut manifests)?;
    }
    Ok(manifests)
}

/// Every document of a file with its first line, whatever it holds.
///
/// # Errors
/// The first syntax error.
pub fn documents(source: &str, bytes: &[u8]) -> Result<Vec<(u64, Value)>, YamlError> {
    let wrong = |line, column, message: String| YamlError {
        file: source.to_owned(),
        line,
        column,
        message,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = place_of(bytes, error.valid_up_to());
        wrong(line, column, "this is not UTF-8 text".to_owned())
    })?;
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let is_json = source.ends_with(".json");
    if looks_like_json || is_json {
        match json_documents(text) {
            Ok(documents) => return Ok(documents),
            // `{a: b}` is YAML, but no JSON; a duplicate key is one in both.
            Err(error) if is_json || error.is_data() => {
                let message = json_message(&error);
                return Err(wrong(error.line() as u64, error.column() as u64, message));
            }
            Err(_) => {}
        }
    }
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let documents: Vec<Spanned<Value>> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| {
            let (line, column) = error
                .location()
                .map_or((1, 1), |at| (at.line(), at.column()));
            wrong(line, column, yaml_message(&error))
        })?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.value.is_null())
        .map(|document| (document.referenced.line(), document.value))
        .collect())
}

/// The parser's words without the place, which we say ourselves.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    let options = serde_saphyr::RenderOptions::new(&serde_saphyr::UserMessageFormatter);
    let text = error.without_snippet().render_with_options(options);
    let first = text.lines().next().unwrap_or_default();
    match first.rfind(" at line ") {
        Some(at) => first[..at].to_owned(),
        None => first.to_owned(),
    }
}

fn json_message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

fn json_documents(text: &str) -> Result<Vec<(u64, Value)>, serde_json::Error> {
    let mut found = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Strict>();
    loop {
        let rest = &text[stream.byte_offset()..];
        let start = stream.byte_offset() + (rest.len() - rest.trim_start().len());
        match stream.next() {
            None => return Ok(found),
            Some(Ok(Strict(Value::Null))) => {}
            Some(Ok(Strict(value))) => found.push((place_of(text.as_bytes(), start).0, value)),
            Some(Err(error)) => return Err(error),
        }
    }
}

/// Line and column (both from 1) of a byte.
fn place_of(bytes: &[u8], at: usize) -> (u64, u64) {
    let before = &bytes[..at.min(bytes.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
    let start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |p| p + 1);
    (line, (before.len() - start) as u64 + 1)
}

/// Lists become their items; what is no object is refused.
fn flatten(
    source: &str,
    line: u64,
    value: Value,
    into: &mut Vec<Manifest>,
) -> Result<(), YamlError> {
    let wrong = |message: String| YamlError {
        file: source.to_owned(),
        line,
        column: 1,
        message,
    };
    let Value::Object(mut object) = value else {
        let what = match &value {
            Value::Array(_) => "a list",
            Value::String(_) => "a text",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Object(_) | Value::Null => "nothing",
        };
        return Err(wrong(format!("a manifest is a mapping, this is {what}")));
    };
    let is_list = object
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"))
        && object.get("items").is_some_and(Value::is_array)
        && !object.contains_key("spec");
    if is_list {
        if let Some(Value::Array(items)) = object.remove("items") {
            for item in items {
                flatten(source, line, item, into)?;
            }
        }
        return Ok(());
    }
    into.push(Manifest {
        object: Value::Object(object),
        file: source.to_owned(),
        line,
    });
    Ok(())
}

/// A JSON value in which no key stands twice.
struct Strict(Value);

impl<'de> de::Deserialize<'de> for Strict {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> DeserializeSeed<'de> for StrictVisitor {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(StrictVisitor)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!(
                    "duplicate mapping key `{key}` is not allowed here"
                )));
            }
            let value = entries.next_value_seed(StrictVisitor)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn one(text: &str) -> Value {
        let mut all = read("f.yaml", text.as_bytes()).unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0).object
    }

    fn error(source: &str, text: &str) -> String {
        read(source, text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn scalars_are_read_as_kubectl_reads_them() {
        let object = one("mode: 0644\nyes: yes\nno: \"no\"\ndate: 2020-01-01\nnum: 1.5\nnone: ~\n");
        assert_eq!(
            object,
            json!({"mode": 420, "yes": true, "no": "no", "date": "2020-01-01", "num": 1.5, "none": null})
        );
        assert_eq!(
            one("base: &b {x: 1}\nmore:\n  <<: *b\n  y: 2\n"),
            json!({"base": {"x": 1}, "more": {"x": 1, "y": 2}})
        );
    }

    #[test]
    fn documents_know_their_lines_and_empty_ones_are_skipped() {
        let all = read(
            "f",
            b"---\n# nothing\n---\nkind: A\n---\n\n# c\nkind: B\n---\n",
        )
        .unwrap();
        let places: Vec<_> = all.iter().map(Manifest::place).collect();
        assert_eq!(places, ["f:4", "f:8"]);
    }

    #[test]
    fn lists_are_flattened_in_order() {
        let text = "kind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: ConfigMapList\n  items: [{kind: B}]\n---\nkind: C\n";
        let kinds: Vec<_> = read("f", text.as_bytes())
            .unwrap()
            .into_iter()
            .map(|m| m.object["kind"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(kinds, ["A", "B", "C"]);
    }

    #[test]
    fn json_may_hold_several_documents() {
        let all = read(
            "f.json",
            b"{\"kind\": \"A\"}\n{\"kind\": \"B\",\n\"x\": [1, 2.5, -3, null, true]}",
        )
        .unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].line, all[1].line), (1, 2));
        assert_eq!(all[1].object["x"], json!([1, 2.5, -3, null, true]));
        // Flow style YAML looks like JSON at first.
        assert_eq!(one("{kind: A}"), json!({"kind": "A"}));
    }

    #[test]
    fn errors_name_the_place_and_hold_no_content() {
        let table = [
            ("f.yaml", "a: 1\n---\nb: [1\nc: SECRET\n", "f.yaml:4:2: "),
            (
                "f.yaml",
                "a: 1\n---\nb: 1\nb: SECRET\n",
                "f.yaml:4:1: duplicate mapping key `b`",
            ),
            ("f.yaml", "a: \"SECRET\n", "f.yaml:1:4: unclosed quote"),
            ("f.yaml", "a: b: SECRET\n", "f.yaml:1:5: "),
            ("f.yaml", "a: !!int SECRET\n", "f.yaml:1:10: "),
            (
                "f.yaml",
                "x: 1\n---\n- SECRET\n",
                "f.yaml:3:1: a manifest is a mapping, this is a list",
            ),
            (
                "f.yaml",
                "SECRET\n",
                "f.yaml:1:1: a manifest is a mapping, this is a text",
            ),
            ("f.json", "{\"a\": 1,\n \"a\": \"SECRET\"}", "f.json:2:"),
            ("f.json", "{\"a\": \"SECRET\"", "f.json:1:14: EOF"),
        ];
        for (source, text, start) in table {
            let got = error(source, text);
            assert!(got.starts_with(start), "{text:?}: {got}");
            assert!(!got.contains("SECRET"), "{got}");
        }
        let binary = read("f", b"a: 1\nb: \xff\n").unwrap_err();
        assert_eq!(binary.to_string(), "f:2:4: this is not UTF-8 text");
    }

    proptest! {
        #[test]
        fn json_read_strictly_is_json(text in "[a-z\\\\\"\u{e9}\n]{0,8}", number in any::<i64>(), float in -1e9..1e9f64) {
            let value = json!({"kind": "A", "t": text, "n": [number, {"f": float}]});
            let all = read("f.json", value.to_string().as_bytes()).unwrap();
            let expected: Value = serde_json::from_str(&value.to_string()).unwrap();
            prop_assert_eq!(&all[0].object, &expected);
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read("f", &bytes);
        }
    }
}
