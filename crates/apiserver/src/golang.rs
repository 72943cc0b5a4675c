//! What Go's libraries say, word for word: clients and people compare messages.

use std::fmt::Write as _;

use serde_json::Value;

/// What `encoding/json` says of a text that is no JSON; `None` when it is.
pub(crate) fn json_error(bytes: &[u8]) -> Option<String> {
    let mut scanner = Scanner { bytes, at: 0 };
    let result = scanner
        .value()
        .and_then(|()| match (scanner.space(), scanner.at) {
            (None, _) => Ok(()),
            (Some(_), _) => Err(scanner.unexpected("after top-level value")),
        });
    result.err()
}

/// A value in the words of `cannot unmarshal … into`.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A value as `%v` prints it: `map[a:1 b:[x y]]`.
pub(crate) fn plain(value: &Value) -> String {
    let mut out = String::new();
    write_plain(value, &mut out);
    out
}

fn write_plain(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::String(text) => out.push_str(text),
        Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
        Value::Array(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write_plain(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push_str("map[");
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                out.push_str(key);
                out.push(':');
                write_plain(&map[key], out);
            }
            out.push(']');
        }
    }
}

/// A value as `%#v` prints it: `map[string]interface {}{"a":1}`.
pub(crate) fn typed(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(typed).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            let items: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{key:?}:{}", typed(&map[key])))
                .collect();
            format!("map[string]interface {{}}{{{}}}", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// The beginning of a body, as it is shown behind an error about it.
pub(crate) fn summary(body: &[u8]) -> String {
    const LONGEST: usize = 30;
    let shown = &body[..body.len().min(LONGEST)];
    let more = if body.len() > LONGEST { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(shown).into_owned() + more,
        Some(_) => {
            let mut text = String::new();
            for byte in shown {
                let _ = write!(text, "{byte:02x}");
            }
            text + more
        }
    }
}

/// Reads JSON as Go's scanner does, to stop where it stops.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    /// The next byte that is no space.
    fn space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// The sentence about the byte here.
    fn unexpected(&self, context: &str) -> String {
        let Some(byte) = self.bytes.get(self.at) else {
            return "unexpected end of JSON input".to_owned();
        };
        let shown = match *byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            // Go takes the byte for a character of its own.
            byte => {
                let inner: String = match byte {
                    b'\\' => r"\\".to_owned(),
                    b'\n' => r"\n".to_owned(),
                    b'\t' => r"\t".to_owned(),
                    b'\r' => r"\r".to_owned(),
                    0x07 => r"\a".to_owned(),
                    0x08 => r"\b".to_owned(),
                    0x0b => r"\v".to_owned(),
                    0x0c => r"\f".to_owned(),
                    0..=0x1f | 0x7f => format!("\\x{byte:02x}"),
                    0x80..=0x9f | 0xad => format!("\\u{byte:04x}"),
                    _ => char::from(byte).to_string(),
                };
                format!("'{inner}'")
            }
        };
        format!("invalid character {shown} {context}")
    }

    /// A value; a loop with a stack of its own, for the text may be deep.
    fn value(&mut self) -> Result<(), String> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.space() {
                Some(b'{') => {
                    self.at += 1;
                    if self.space() != Some(b'}') {
                        self.key("looking for beginning of object key string")?;
                        open.push(b'{');
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'[') => {
                    self.at += 1;
                    if self.space() != Some(b']') {
                        open.push(b'[');
                        continue;
                    }
                    self.at += 1;
                }
                _ => self.scalar()?,
            }
            // A value is done: so may be what it is in.
            loop {
                match (open.last(), self.space()) {
                    (None, _) => return Ok(()),
                    (Some(b'{'), Some(b',')) => {
                        self.at += 1;
                        self.key("looking for beginning of object key string")?;
                        break;
                    }
                    (Some(b'['), Some(b',')) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => {
                        self.at += 1;
                        open.pop();
                    }
                    (Some(b'{'), _) => {
                        return Err(self.unexpected("after object key:value pair"));
                    }
                    (Some(_), _) => return Err(self.unexpected("after array element")),
                }
            }
        }
    }

    fn key(&mut self, context: &str) -> Result<(), String> {
        if self.space() != Some(b'"') {
            return Err(self.unexpected(context));
        }
        self.string()?;
        if self.space() != Some(b':') {
            return Err(self.unexpected("after object key"));
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), String> {
        match self.bytes.get(self.at) {
            Some(b'"') => self.string(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for expected in word.bytes() {
            if self.bytes.get(self.at) != Some(&expected) {
                let context = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(self.unexpected(&context));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.bytes.get(self.at) {
                        Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => {}
                        Some(b'u') => {
                            for _ in 0..4 {
                                self.at += 1;
                                if !self.bytes.get(self.at).is_some_and(u8::is_ascii_hexdigit) {
                                    return Err(
                                        self.unexpected("in \\u hexadecimal character escape")
                                    );
                                }
                            }
                        }
                        _ => return Err(self.unexpected("in string escape code")),
                    }
                }
                Some(0x20..) => {}
                _ => return Err(self.unexpected("in string literal")),
            }
            self.at += 1;
        }
    }

    fn number(&mut self) -> Result<(), String> {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                return Err(self.unexpected("after decimal point in numeric literal"));
            }
            self.digits();
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            if !self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                return Err(self.unexpected("in exponent of numeric literal"));
            }
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_go_says_of_bad_json() {
        let table = [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("[{\"a\": 1},", "unexpected end of JSON input"),
            ("\"a", "unexpected end of JSON input"),
            (
                "not json",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            (
                "xyz",
                "invalid character 'x' looking for beginning of value",
            ),
            (
                "{a: 1}",
                "invalid character 'a' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\": 1 2}",
                "invalid character '2' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} {}", "invalid character '{' after top-level value"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u12g4\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("-a", "invalid character 'a' in numeric literal"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            ("1e", "unexpected end of JSON input"),
            ("01", "invalid character '1' after top-level value"),
            (
                "'",
                "invalid character '\\'' looking for beginning of value",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(
                json_error(text.as_bytes()).as_deref(),
                Some(expected),
                "{text}"
            );
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
        for good in [
            "{}",
            "[]",
            " [1, {\"a\": [true, null]}, -0.5e+3] ",
            "\"\\u00e4\"",
        ] {
            assert_eq!(json_error(good.as_bytes()), None, "{good}");
        }
        let deep = "[".repeat(1_000_000);
        assert!(json_error(deep.as_bytes()).is_some());
    }

    #[test]
    fn values_as_go_prints_them() {
        let value = json!({"b": [1, "x", null], "a": {"c": true}});
        assert_eq!(plain(&value), "map[a:map[c:true] b:[1 x <nil>]]");
        assert_eq!(
            typed(&json!({"a": ["x", 1]})),
            "map[string]interface {}{\"a\":[]interface {}{\"x\", 1}}"
        );
        assert_eq!(summary(b""), "<empty>");
        assert_eq!(summary(b"[1]"), "5b315d");
        assert_eq!(
            summary(b"{\"a\": \"a long text that goes on\"}"),
            "{\"a\": \"a long text that goes o ..."
        );
    }
}
