//! Where things stand in the text of an expression. The parser does not say, so its
//! tokens are read once more; who walks over the expression in the order of the text
//! takes them one after the other, each kind by itself.

use std::collections::{HashMap, VecDeque};

/// What is taken: as it is written, except that a field is `.f`, a call `f(`, a sign
/// `-x`, and an opening bracket behind a value `x[`.
#[derive(Debug, Default)]
pub(crate) struct Places {
    left: HashMap<String, VecDeque<usize>>,
    last: usize,
}

/// How literals are kept.
const LITERAL: &str = "1";

impl Places {
    /// The places in a text.
    pub(crate) fn of(text: &str) -> Self {
        let mut places = Self::default();
        let bytes = text.as_bytes();
        // Whether a value ended before: then `-` is no sign, and `[` an index.
        let mut value = false;
        let mut dot = None;
        // Where a literal began, before its digits or quote.
        let mut begin = None;
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let byte = bytes[at];
            let mut length = 1;
            let field = dot.take();
            match byte {
                _ if byte.is_ascii_whitespace() => {
                    dot = field;
                    at += 1;
                    continue;
                }
                b'/' if rest.starts_with(b"//") => {
                    let end = rest.iter().position(|byte| *byte == b'\n');
                    dot = field;
                    at += end.unwrap_or(rest.len());
                    continue;
                }
                b'"' | b'\'' => {
                    places.put(LITERAL.to_owned(), begin.take().unwrap_or(at));
                    length = super::parse::behind(bytes, at) + 1 - at;
                    value = true;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'`' => {
                    length = word(rest);
                    let name = text[at..at + length].trim_matches('`').to_owned();
                    let behind = text[at + length..].trim_start();
                    if bytes
                        .get(at + length)
                        .is_some_and(|next| matches!(next, b'"' | b'\''))
                    {
                        // The prefix of a text.
                        begin = Some(at);
                    } else if field.is_none() && matches!(&*name, "true" | "false" | "null") {
                        places.put(LITERAL.to_owned(), at);
                        value = true;
                    } else if behind.starts_with('(') {
                        let open = text.len() - behind.len();
                        places.put(format!("{name}("), open);
                        value = false;
                    } else if let Some(dot) = field {
                        places.put(format!(".{name}"), dot);
                        value = true;
                    } else {
                        value = name != "in";
                        places.put(name, at);
                    }
                }
                b'0'..=b'9' => {
                    places.put(LITERAL.to_owned(), begin.take().unwrap_or(at));
                    length = number(rest);
                    value = true;
                }
                b'.' => {
                    dot = Some(at);
                    // `.?f`
                    if rest.starts_with(b".?") {
                        length = 2;
                    }
                }
                b')' | b']' | b'}' => value = true,
                _ => {
                    if rest.len() > 1
                        && matches!(&rest[..2], b"&&" | b"||" | b"==" | b"!=" | b"<=" | b">=")
                    {
                        length = 2;
                    }
                    let token = match byte {
                        b'-' if !value && rest.get(1).is_some_and(u8::is_ascii_digit) => {
                            begin = Some(at);
                            ""
                        }
                        b'-' if !value => "-x",
                        b'[' if value => "x[",
                        _ => text.get(at..at + length).unwrap_or_default(),
                    };
                    if !token.is_empty() {
                        places.put(token.to_owned(), at);
                    }
                    value = false;
                }
            }
            at += length;
        }
        places
    }

    fn put(&mut self, what: String, at: usize) {
        self.left.entry(what).or_default().push_back(at);
    }

    /// The next place of a token.
    pub(crate) fn token(&mut self, what: &str) -> usize {
        let found = self.left.get_mut(what).and_then(VecDeque::pop_front);
        self.last = found.unwrap_or(self.last);
        self.last
    }

    /// The next place of a name that is no field.
    pub(crate) fn name(&mut self, name: &str) -> usize {
        self.token(name)
    }

    /// The next literal.
    pub(crate) fn literal(&mut self) -> usize {
        self.token(LITERAL)
    }

    /// The dot before the next field of that name.
    pub(crate) fn field(&mut self, name: &str) -> usize {
        self.token(&format!(".{name}"))
    }

    /// The bracket behind the next name that is called.
    pub(crate) fn call(&mut self, name: &str) -> usize {
        self.token(&format!("{name}("))
    }

    /// The bracket of the next index.
    pub(crate) fn index(&mut self) -> usize {
        self.token("x[")
    }

    /// The bracket of the next list.
    pub(crate) fn bracket(&mut self) -> usize {
        self.token("[")
    }

    /// The bracket of the next macro that goes through something.
    pub(crate) fn a_macro(&mut self) -> usize {
        const MACROS: [&str; 5] = ["all(", "exists(", "exists_one(", "map(", "filter("];
        let first = MACROS
            .iter()
            .filter_map(|name| Some((self.left.get(*name)?.front()?, *name)))
            .min();
        match first {
            Some((_, name)) => self.token(name),
            None => self.last,
        }
    }
}

fn word(rest: &[u8]) -> usize {
    if rest[0] == b'`' {
        let end = rest[1..].iter().position(|byte| *byte == b'`');
        return end.map_or(rest.len(), |end| end + 2);
    }
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    rest.iter()
        .position(|byte| !part(byte))
        .unwrap_or(rest.len())
}

fn number(rest: &[u8]) -> usize {
    let mut length = 1;
    while let Some(&byte) = rest.get(length) {
        let sign = matches!(byte, b'+' | b'-') && matches!(rest[length - 1], b'e' | b'E');
        let fraction = byte == b'.' && rest.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !(byte.is_ascii_alphanumeric() || sign || fraction) {
            break;
        }
        length += 1;
    }
    length
}
