//! Fields that stand twice in one JSON object. The last one counts, here as in
//! Kubernetes, and the client is told.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

/// What Kubernetes says of each: `duplicate field "spec.ports[0].name"`. Nothing
/// when it is no JSON.
pub fn find(json: &[u8]) -> Vec<String> {
    let paths = paths(json);
    let sentences = paths.iter().map(|path| format!("duplicate field {path:?}"));
    sentences.collect()
}

fn paths(json: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut path = String::new();
    let seed = Walk {
        path: &mut path,
        found: &mut found,
    };
    // What cannot be read has been refused by others.
    if seed
        .deserialize(&mut serde_json::Deserializer::from_slice(json))
        .is_err()
    {
        return Vec::new();
    }
    found
}

struct Walk<'a> {
    path: &'a mut String,
    found: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn below(&mut self) -> Walk<'_> {
        Walk {
            path: self.path,
            found: self.found,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let end = self.path.len();
        for index in 0.. {
            self.path.push_str(&format!("[{index}]"));
            let next = list.next_element_seed(self.below())?;
            self.path.truncate(end);
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let end = self.path.len();
        let mut seen: HashSet<String> = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if end > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            if !seen.insert(key) && !self.found.contains(self.path) {
                self.found.push(self.path.clone());
            }
            map.next_value_seed(self.below())?;
            self.path.truncate(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fields() {
        let table: [(&str, &[&str]); 5] = [
            (r#"{"data":{"a":"1","a":"2","a":3}}"#, &["data.a"]),
            (r#"{"a":[{"b":1,"b":null}],"a":true}"#, &["a[0].b", "a"]),
            (r#"{"a":{"x":1},"b":{"x":1.5}}"#, &[]),
            (r#"[{"a":-1},{"a":2}]"#, &[]),
            (r#"{"a":1,"a":"#, &[]),
        ];
        for (json, expected) in table {
            assert_eq!(paths(json.as_bytes()), expected, "{json}");
        }
    }
}
