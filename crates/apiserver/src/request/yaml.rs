//! YAML bodies, read as kubectl and Kubernetes read them: YAML 1.1 numbers,
//! and of a key that stands twice in one map the last one.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// How deep YAML may be nested: its reader needs tens of kilobytes of stack a
/// level. JSON may be twice as deep.
const DEPTH: usize = 60;
/// How much its aliases may repeat in all, in scalars and brackets.
const ALIASED: usize = 50_000;

/// What a text says, and which of its keys are repeated, such as
/// `line 7: key "a" already set in map`.
///
/// # Errors
/// What is wrong and where, without the text itself: it may be secret.
pub fn read(bytes: &[u8]) -> Result<(Value, Vec<String>), String> {
    // JSON is YAML, and read faster.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok((value, Vec::new()));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| "yaml: invalid leading UTF-8 octet".to_owned())?;
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        budget: serde_saphyr::budget! { max_depth: DEPTH },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED },
    };
    let mut repeated = Vec::new();
    let seed = Node(&mut repeated);
    let value =
        serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
            seed.deserialize(deserializer)
        })
        .map_err(|error| format!("yaml: {}", problem(text, &error)))?;
    Ok((value, repeated))
}

/// What is wrong with a text, as Go's reader of YAML says it where it has words for
/// it; never the text itself.
fn problem(text: &str, error: &serde_saphyr::Error) -> String {
    let said = error.without_snippet().to_string();
    let line = error.location().map_or(0, |at| at.line());
    if let Some(open) = unclosed(text)
        && (said.contains("flow")
            || said.contains("bracket")
            || said.to_lowercase().contains("eof"))
    {
        let (at, bracket) = open;
        let close = if bracket == '[' { ']' } else { '}' };
        // Where it was opened, unless that is the first line.
        let opened = text[..at].matches('\n').count();
        let line = if opened > 0 {
            opened
        } else {
            text.lines().count()
        };
        let what = match text.trim_end().chars().next_back() {
            Some('[' | ',') if bracket == '[' => "did not find expected node content".to_owned(),
            _ => format!("did not find expected ',' or '{close}'"),
        };
        return format!("line {line}: {what}");
    }
    let known = [
        "did not find expected node content",
        "did not find expected key",
        "did not find expected '-' indicator",
        "did not find expected ',' or '}'",
        "mapping values are not allowed in this context",
        "block sequence entries are not allowed in this context",
    ];
    match known.into_iter().find(|words| said.contains(words)) {
        // Go counts the lines before it.
        Some(words) if line > 1 => format!("line {}: {words}", line - 1),
        Some(words) => words.to_owned(),
        None => format!("line {line}: the text cannot be read"),
    }
}

/// The last bracket that is never closed: where, and which. Quotes are skipped.
fn unclosed(text: &str) -> Option<(usize, char)> {
    let mut open = Vec::new();
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => open.push((at, c)),
            (None, ']' | '}') => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

/// Reads a value, and collects the keys that are repeated.
struct Node<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.deserialize(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Node(self.0))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let value = entries.next_value_seed(Node(self.0))?;
            if map.contains_key(&key.value) {
                let line = key.referenced.line();
                self.0.push(format!(
                    "line {line}: key {:?} already set in map",
                    key.value
                ));
            }
            map.insert(key.value, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_read() {
        let table = [
            ("{\"a\": 1}", json!({"a": 1}), 0),
            (
                "a: 1\nb: [x, true, null, 1.5, ~]\n",
                json!({"a": 1, "b": ["x", true, null, 1.5, null]}),
                0,
            ),
            ("1: a\ntrue: b\n", json!({"1": "a", "true": "b"}), 0),
            (
                "a: &x {k: v}\nb: *x\n",
                json!({"a": {"k": "v"}, "b": {"k": "v"}}),
                0,
            ),
            ("mode: 0644\n", json!({"mode": 420}), 0),
            ("text: |\n  a\n  b\n", json!({"text": "a\nb\n"}), 0),
            (
                "a: 1\nb: {c: 1, c: 2}\na: 3\n",
                json!({"a": 3, "b": {"c": 2}}),
                2,
            ),
            ("null\n", Value::Null, 0),
        ];
        for (text, expected, repeated) in table {
            let (value, keys) = read(text.as_bytes()).unwrap();
            assert_eq!(value, expected, "{text}");
            assert_eq!(keys.len(), repeated, "{text}: {keys:?}");
        }
        let (_, keys) = read(b"a: 1\nb:\n  c: 1\n  c: 2\n").unwrap();
        assert_eq!(keys, ["line 4: key \"c\" already set in map"]);
    }

    #[test]
    fn errors_do_not_show_the_text() {
        let error = read(b"password: [hunter2").unwrap_err();
        assert!(error.contains("line"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn problems_are_told_in_the_words_of_go() {
        for (text, wrong) in [
            ("a: [b", "yaml: line 1: did not find expected ',' or ']'"),
            ("a: [", "yaml: line 1: did not find expected node content"),
            ("a: {b: c", "yaml: line 1: did not find expected ',' or '}'"),
            (
                "a: 1\nb: [c\nd: 1\n",
                "yaml: line 3: the text cannot be read",
            ),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err(), wrong, "{text}");
        }
    }
}
