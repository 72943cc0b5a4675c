//! An object as the store keeps it: compact JSON, parsed only for those who
//! look into it. Readers, watchers, the log and the disk share the same bytes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// How deep an object may be nested: what is stored can be read again (the
/// parser stops at 128), and nothing that walks an object runs out of stack.
pub const MAX_DEPTH: usize = 120;

/// How an object begins whose type is known.
const START: &[u8] = br#"{"apiVersion":""#;
const KIND: &[u8] = br#"","kind":""#;

/// One stored object. Clones share it.
#[derive(Clone)]
pub struct Object(Arc<Kept>);

struct Kept {
    /// JSON and a line feed: as it is sent.
    line: Bytes,
    /// Where the `apiVersion` ends, and where what follows the kind begins; 0 when the object
    /// has no type.
    version_end: u32,
    rest: u32,
    /// The parsed object, while somebody has it.
    parsed: Mutex<Weak<Value>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not its content: there are secrets.
        write!(f, "Object({} bytes)", self.0.line.len())
    }
}

impl Object {
    /// Encodes an object. It is not parsed again while `value` is around.
    pub fn new(value: &Arc<Value>) -> Self {
        let line = encode(value);
        let (version_end, rest) = type_of(&line);
        Self(Arc::new(Kept {
            line: Bytes::from(line.into_boxed_slice()),
            version_end,
            rest,
            parsed: Mutex::new(Arc::downgrade(value)),
        }))
    }

    /// Takes JSON as it is, if it is one value.
    ///
    /// # Errors
    /// When it is not, or is nested too deep.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<IgnoredAny>(json)?;
        let (version_end, rest) = type_of(json);
        if rest == 0 || depth(json) > MAX_DEPTH {
            return Ok(Self::new(&Arc::new(serde_json::from_slice(json)?)));
        }
        let mut line = Vec::with_capacity(json.len() + 1);
        line.extend_from_slice(json);
        line.push(b'\n');
        Ok(Self(Arc::new(Kept {
            line: Bytes::from(line.into_boxed_slice()),
            version_end,
            rest,
            parsed: Mutex::default(),
        })))
    }

    /// The object as compact JSON.
    pub fn json(&self) -> &[u8] {
        let line = &self.0.line;
        &line[..line.len() - 1]
    }

    /// The same with a line feed behind it.
    pub fn line(&self) -> Bytes {
        self.0.line.clone()
    }

    /// The object, parsed at most once at a time.
    pub fn value(&self) -> Arc<Value> {
        let mut parsed = self.0.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = parsed.upgrade() {
            return value;
        }
        // It was encoded here or checked when it was read.
        let value: Arc<Value> = Arc::new(serde_json::from_slice(self.json()).unwrap_or_default());
        *parsed = Arc::downgrade(&value);
        value
    }

    /// The object, if it is parsed already.
    pub(super) fn parsed(&self) -> Option<Arc<Value>> {
        self.0
            .parsed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .upgrade()
    }

    /// Only `metadata.name`, `.namespace` and `.labels`, for selectors: less
    /// work than all of it.
    pub fn header(&self) -> Value {
        let header = match &self.parsed() {
            Some(value) => Header::deserialize(&**value),
            None => serde_json::from_slice(self.json()),
        };
        let Metadata {
            name,
            namespace,
            labels,
        } = header.unwrap_or_default().metadata;
        json!({"metadata": {"name": name, "namespace": namespace, "labels": labels}})
    }

    /// Its `metadata.resourceVersion`, read as [`Self::header`] is.
    pub fn revision(&self) -> Option<u64> {
        let stamp = match &self.parsed() {
            Some(value) => Stamp::deserialize(&**value),
            None => serde_json::from_slice(self.json()),
        };
        stamp.ok()?.metadata.version.parse().ok()
    }

    /// Whether this is its `apiVersion`.
    pub fn is_in(&self, api_version: &str) -> bool {
        self.0
            .line
            .get(START.len()..self.0.version_end as usize)
            .is_some_and(|stored| stored == api_version.as_bytes())
    }

    /// Writes its JSON with another `apiVersion`.
    pub fn write_as(&self, api_version: &str, out: &mut Vec<u8>) {
        if self.0.rest == 0 {
            let mut value = (*self.value()).clone();
            value["apiVersion"] = api_version.into();
            out.extend_from_slice(value.to_string().as_bytes());
        } else if self.is_in(api_version) {
            out.extend_from_slice(self.json());
        } else {
            out.extend_from_slice(START);
            out.extend_from_slice(api_version.as_bytes());
            out.extend_from_slice(&self.json()[self.0.version_end as usize..]);
        }
    }

    /// Writes its JSON without `apiVersion` and `kind`.
    pub fn write_bare(&self, out: &mut Vec<u8>) {
        let rest = &self.json()[self.0.rest as usize..];
        match rest.strip_prefix(b",") {
            Some(rest) => {
                out.push(b'{');
                out.extend_from_slice(rest);
            }
            None if self.0.rest == 0 => out.extend_from_slice(rest),
            None => out.extend_from_slice(b"{}"),
        }
    }
}

#[derive(Default, Deserialize)]
struct Header {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    namespace: Value,
    #[serde(default)]
    labels: Value,
}

#[derive(Deserialize)]
struct Stamp {
    metadata: Version,
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "resourceVersion")]
    version: String,
}

/// Compact JSON, `apiVersion` and `kind` first, and a line feed.
fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    // Writing to a vector does not fail, and the keys are strings.
    let write = |out: &mut Vec<u8>, value: &Value| {
        let _infallible = serde_json::to_writer(out, value);
    };
    match value.as_object() {
        Some(object)
            if object.get("apiVersion").is_some_and(is_plain)
                && object.get("kind").is_some_and(is_plain) =>
        {
            out.extend_from_slice(br#"{"apiVersion":"#);
            write(&mut out, &object["apiVersion"]);
            out.extend_from_slice(br#","kind":"#);
            write(&mut out, &object["kind"]);
            for (key, value) in object {
                if key != "apiVersion" && key != "kind" {
                    out.push(b',');
                    let _infallible = serde_json::to_writer(&mut out, key);
                    out.push(b':');
                    write(&mut out, value);
                }
            }
            out.push(b'}');
        }
        _ => write(&mut out, value),
    }
    out.push(b'\n');
    out
}

/// Text that is the same in JSON.
fn is_plain(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    })
}

/// The ends of `apiVersion` and of `kind` in what `encode` wrote; 0 when they
/// are not at the start.
fn type_of(json: &[u8]) -> (u32, u32) {
    let find = || {
        let version = json.strip_prefix(START)?;
        let version_end = START.len() + version.iter().position(|b| *b == b'"')?;
        let kind = json[version_end..].strip_prefix(KIND)?;
        let kind_end = version_end + KIND.len() + kind.iter().position(|b| *b == b'"')?;
        let plain = !json[..kind_end].contains(&b'\\');
        let both = (
            u32::try_from(version_end).ok()?,
            u32::try_from(kind_end + 1).ok()?,
        );
        plain.then_some(both)
    };
    find().unwrap_or_default()
}

/// How deep JSON is nested.
fn depth(json: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        Object::new(&Arc::new(value))
    }

    #[test]
    fn the_bytes_are_the_object() {
        for value in [
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"kind": "a\"b"}, "metadata": {"name": "a"}}),
            json!({"apiVersion": "a/v1", "kind": "K"}),
            json!({"apiVersion": "we\"ird", "kind": "K", "x": 1}),
            json!({"metadata": {"name": "no type"}}),
            json!({}),
        ] {
            let kept = object(value.clone());
            assert_eq!(*kept.value(), value);
            let again = Object::from_json(kept.json()).unwrap();
            assert_eq!(*again.value(), value, "parsed");
            assert_eq!(again.json(), kept.json());
            let mut bare = Vec::new();
            kept.write_bare(&mut bare);
            let bare: Value = serde_json::from_slice(&bare).unwrap();
            assert_eq!(bare["metadata"], value["metadata"]);
            if kept.0.rest > 0 {
                assert!(bare.get("kind").is_none() && bare.get("apiVersion").is_none());
            }
            let mut other = Vec::new();
            kept.write_as("b/v2", &mut other);
            let mut expected = value;
            expected["apiVersion"] = json!("b/v2");
            assert_eq!(serde_json::from_slice::<Value>(&other).unwrap(), expected);
        }
    }

    #[test]
    fn json_in_another_order_is_read_too() {
        let json = br#"{"kind":"ConfigMap","metadata":{"name":"a"},"apiVersion":"v1"}"#;
        let kept = Object::from_json(json).unwrap();
        assert!(kept.is_in("v1") && !kept.is_in("v") && !kept.is_in("v12"));
        assert!(Object::from_json(b"{\"a\":").is_err());
    }

    #[test]
    fn selectors_see_the_header() {
        let value = json!({"apiVersion": "v1", "kind": "K", "metadata": {"name": "a", "labels": {"x": "y"}, "uid": "u"}});
        let expected = json!({"metadata": {"name": "a", "namespace": null, "labels": {"x": "y"}}});
        let strong = Arc::new(value);
        let kept = Object::new(&strong);
        assert_eq!(kept.header(), expected);
        drop(strong);
        assert_eq!(kept.header(), expected);
    }

    #[test]
    fn depth_counts_brackets_outside_of_text() {
        assert_eq!(depth(br#"{"a":[{"b":"]][[\"{{"}],"c":{}}"#), 3);
    }
}
