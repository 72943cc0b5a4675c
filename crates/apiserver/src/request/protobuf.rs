//! Request bodies in Kubernetes' protobuf encoding, as the typed clients of
//! client-go and `kubectl create` send them. They become the JSON that the
//! same client would have sent. Answers are always JSON.
//!
//! `messages.txt` has one block per message: its name (`apiVersion.Kind`, or
//! `meta.…`), then a line `NUMBER NAME TYPE` per field. A type is `s` (string),
//! `b` (bool), `i` (whole number), `d` (double), `y` (bytes), `T`/`U` (times),
//! `D` (duration), `Q` (quantity), `I` (number or string), `R` (raw JSON), `L`
//! (a named list of strings), or a message; before it `[]` (list), `{}` (map by
//! string), `*` (a pointer: zero is a value), `!` (written even when zero). A
//! message whose name is `=` lies flat in its parent. It is made by
//! `examples/generate-messages.rs`.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// What the encoding begins with.
const MAGIC: &[u8] = b"k8s\0";
/// How deep messages may lie in one another.
const DEPTH: usize = 64;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// They end in the middle, or are no protobuf at all.
    #[error("the bytes are no protobuf message")]
    Malformed,
    /// A kind without a protobuf encoding here.
    #[error("{0} has no protobuf encoding on this server")]
    Unknown(String),
}

use ProtobufError::{Malformed, Unknown};

#[derive(Debug)]
struct Field {
    name: &'static str,
    repeated: bool,
    map: bool,
    /// Zero values are written.
    zero: bool,
    base: &'static str,
}

type Messages = HashMap<&'static str, HashMap<u64, Field>>;

static MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    let mut messages = Messages::new();
    for block in include_str!("messages.txt").split("\n\n") {
        let mut lines = block.lines().filter(|line| !line.is_empty());
        let Some(name) = lines.next() else { continue };
        let fields = lines
            .filter_map(|line| {
                let mut words = line.split(' ');
                let (number, name, token) =
                    (words.next()?.parse().ok()?, words.next()?, words.next()?);
                let base = token.trim_start_matches(['!', '*', '[', ']', '{', '}']);
                let prefix = &token[..token.len() - base.len()];
                let field = Field {
                    name,
                    repeated: prefix.contains("[]"),
                    map: prefix.contains("{}"),
                    zero: prefix.contains(['!', '*']),
                    base,
                };
                Some((number, field))
            })
            .collect();
        messages.insert(name, fields);
    }
    messages
});

/// One field on the wire.
enum Wire<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], ProtobufError> {
        let count = usize::try_from(count).map_err(|_| Malformed)?;
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Number and content of the next field; `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, ProtobufError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => {
                let bytes = self.take(8)?.try_into().map_err(|_| Malformed)?;
                Wire::Fixed(u64::from_le_bytes(bytes))
            }
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                let bytes = self.take(4)?.try_into().map_err(|_| Malformed)?;
                Wire::Fixed(u64::from(u32::from_le_bytes(bytes)))
            }
            _ => return Err(Malformed),
        };
        Ok(Some((tag >> 3, wire)))
    }
}

/// Reads an object in its envelope.
pub fn decode(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut envelope = Reader(bytes.strip_prefix(MAGIC).ok_or(Malformed)?);
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some((number, wire)) = envelope.next()? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => {
                let mut reader = Reader(bytes);
                while let Some((number, wire)) = reader.next()? {
                    match (number, wire) {
                        (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
                        (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            // A content encoding of its own is not used by any client.
            (3, Wire::Bytes(encoding)) if !encoding.is_empty() => return Err(Malformed),
            _ => {}
        }
    }
    let name = if kind == "DeleteOptions" {
        "meta.DeleteOptions".to_owned()
    } else {
        format!("{api_version}.{kind}")
    };
    let (name, _) = MESSAGES
        .get_key_value(name.as_str())
        .ok_or_else(|| Unknown(format!("{kind} of {api_version}")))?;
    let mut object = message(name, raw, DEPTH)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

fn text(bytes: &[u8]) -> Result<String, ProtobufError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed)
}

fn message(name: &str, bytes: &[u8], depth: usize) -> Result<Map<String, Value>, ProtobufError> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    let fields = MESSAGES.get(name).ok_or_else(|| Unknown(name.to_owned()))?;
    let mut object = Map::new();
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.next()? {
        let Some(field) = fields.get(&number) else {
            continue;
        };
        if field.map {
            let (key, value) = entry(field.base, &wire, depth)?;
            let map = object.entry(field.name).or_insert_with(|| json!({}));
            map[key] = value;
            continue;
        }
        if field.repeated {
            let list = object.entry(field.name).or_insert_with(|| json!([]));
            let value = value(field.base, wire, depth)?;
            if let Value::Array(list) = list {
                list.push(value);
            }
            continue;
        }
        let value = value(field.base, wire, depth)?;
        if field.name == "=" {
            if let Value::Object(flat) = value {
                object.extend(flat);
            }
            continue;
        }
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Bool(flag) => !flag,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::Array(_) | Value::Object(_) => false,
        };
        if !empty || field.zero && !value.is_null() {
            object.insert(field.name.to_owned(), value);
        }
    }
    Ok(object)
}

/// Key and value of an entry of a map.
fn entry(base: &str, wire: &Wire<'_>, depth: usize) -> Result<(String, Value), ProtobufError> {
    let Wire::Bytes(bytes) = wire else {
        return Err(Malformed);
    };
    let mut reader = Reader(bytes);
    let (mut key, mut found) = (String::new(), None);
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, wire) => found = Some(value(base, wire, depth)?),
            _ => {}
        }
    }
    let found = match found {
        Some(found) => found,
        None => value(base, Wire::Bytes(&[]), depth)?,
    };
    Ok((key, found))
}

fn value(base: &str, wire: Wire<'_>, depth: usize) -> Result<Value, ProtobufError> {
    Ok(match (base, wire) {
        ("i", Wire::Number(number)) => json!(signed(number)),
        ("b", Wire::Number(number)) => json!(number != 0),
        ("d", Wire::Fixed(bits)) => json!(f64::from_bits(bits)),
        ("s", Wire::Bytes(bytes)) => json!(text(bytes)?),
        ("y", Wire::Bytes(bytes)) => json!(STANDARD.encode(bytes)),
        ("L", Wire::Bytes(bytes)) => {
            let mut items = Vec::new();
            let mut reader = Reader(bytes);
            while let Some((number, wire)) = reader.next()? {
                if let (1, Wire::Bytes(bytes)) = (number, wire) {
                    items.push(json!(text(bytes)?));
                }
            }
            Value::Array(items)
        }
        ("T" | "U", Wire::Bytes(bytes)) => time(bytes, base == "U")?,
        ("D", Wire::Bytes(bytes)) => {
            let [nanoseconds, ..] = numbers(bytes)?;
            json!(format!(
                "{}s",
                jiff::SignedDuration::from_nanos(nanoseconds).as_secs_f64()
            ))
        }
        ("Q", Wire::Bytes(bytes)) => match first_text(bytes)? {
            Some(quantity) => json!(quantity),
            None => json!("0"),
        },
        ("I", Wire::Bytes(bytes)) => {
            let [kind, number, _] = numbers(bytes)?;
            if kind == 0 {
                json!(number)
            } else {
                let mut reader = Reader(bytes);
                let mut found = String::new();
                while let Some((number, wire)) = reader.next()? {
                    if let (3, Wire::Bytes(bytes)) = (number, wire) {
                        found = text(bytes)?;
                    }
                }
                json!(found)
            }
        }
        ("R", Wire::Bytes(bytes)) => {
            let mut reader = Reader(bytes);
            let mut found = Value::Null;
            while let Some((number, wire)) = reader.next()? {
                if let (1, Wire::Bytes(bytes)) = (number, wire) {
                    found = serde_json::from_slice(bytes).map_err(|_| Malformed)?;
                }
            }
            found
        }
        (base, Wire::Bytes(bytes)) if base.contains('.') => {
            Value::Object(message(base, bytes, depth)?)
        }
        _ => return Err(Malformed),
    })
}

/// Two's complement, as protobuf writes negative numbers.
fn signed(number: u64) -> i64 {
    i64::from_le_bytes(number.to_le_bytes())
}

/// The numbers of fields 1 to 3.
fn numbers(bytes: &[u8]) -> Result<[i64; 3], ProtobufError> {
    let mut found = [0; 3];
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.next()? {
        if let (1..=3, Wire::Number(value)) = (number, wire) {
            let at = usize::try_from(number - 1).map_err(|_| Malformed)?;
            found[at] = signed(value);
        }
    }
    Ok(found)
}

fn first_text(bytes: &[u8]) -> Result<Option<String>, ProtobufError> {
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.next()? {
        if let (1, Wire::Bytes(bytes)) = (number, wire) {
            return text(bytes).map(Some);
        }
    }
    Ok(None)
}

fn time(bytes: &[u8], micro: bool) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let [seconds, nanoseconds, _] = numbers(bytes)?;
    let nanoseconds = i32::try_from(nanoseconds).map_err(|_| Malformed)?;
    let at = jiff::Timestamp::new(seconds, nanoseconds).map_err(|_| Malformed)?;
    Ok(if micro {
        json!(format!("{at:.6}"))
    } else {
        json!(format!("{at:.0}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let kind = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &kind), bytes(2, raw)].concat()
    }

    #[test]
    fn a_namespace_as_kubectl_sends_it() {
        // Captured: metadata {name, generateName "", …}, an empty spec and status.
        let metadata = [
            bytes(1, b"test"),
            bytes(2, b""),
            bytes(3, b""),
            vec![0x38, 0],
            bytes(8, b""),
        ]
        .concat();
        let raw = [bytes(1, &metadata), bytes(2, b""), bytes(3, &bytes(1, b""))].concat();
        let object = decode(&envelope("v1", "Namespace", &raw)).unwrap();
        assert_eq!(
            object,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}, "spec": {}, "status": {}})
        );
    }

    #[test]
    fn zeros_of_pointers_are_values() {
        // Deployment.spec.replicas = 0 (a pointer), minReadySeconds = 0 (none).
        let raw = bytes(2, &[0x08, 0, 0x28, 0]);
        let object = decode(&envelope("apps/v1", "Deployment", &raw)).unwrap();
        assert_eq!(object["spec"], json!({"replicas": 0}));
    }

    #[test]
    fn maps_bytes_and_flat_messages() {
        let data = [bytes(1, b"k"), bytes(2, b"v")].concat();
        let object = decode(&envelope("v1", "Secret", &bytes(2, &data))).unwrap();
        assert_eq!(object["data"], json!({"k": "dg=="}));
        let config_map = bytes(19, &bytes(1, &bytes(1, b"m")));
        let volume = [
            bytes(1, b"vol"),
            bytes(
                2,
                &[vec![19 << 3 & 0x7f | 2 | 0x80, 1], config_map[1..].to_vec()].concat(),
            ),
        ]
        .concat();
        let object = decode(&envelope("v1", "Pod", &bytes(2, &bytes(1, &volume)))).unwrap();
        assert_eq!(
            object["spec"]["volumes"],
            json!([{"name": "vol", "configMap": {"name": "m"}}])
        );
    }

    #[test]
    fn anything_else_is_an_error() {
        assert_eq!(decode(b"{}"), Err(Malformed));
        assert_eq!(decode(b"k8s\0\x0a\xff"), Err(Malformed));
        assert!(matches!(
            decode(&envelope("v9", "Thing", b"")),
            Err(Unknown(_))
        ));
        for end in 0..40 {
            let whole = envelope("v1", "Namespace", &bytes(1, &bytes(1, b"name")));
            // Whatever it is, it does not panic.
            drop(decode(&whole[..end.min(whole.len())]));
        }
    }
}
