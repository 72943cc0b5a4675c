//! Regular expressions, which are programs of their own: bounded in what they
//! compile to, weighed by it, and the small ones kept.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// What a compiled expression may take, and what it weighs for every ten bytes
/// that it looks at.
const SIZES: [(usize, u64); 3] = [(16 << 10, 4), (128 << 10, 32), (2 << 20, 512)];
/// What it costs to compile one that is not kept.
const COMPILING: u64 = 40_000;
/// How many are kept a thread.
const KEPT: usize = 16;

/// A compiled expression.
#[derive(Clone)]
pub(crate) struct Compiled {
    pub(crate) regex: Regex,
    /// For every ten bytes of a text.
    pub(crate) weight: u64,
    /// What it costs to have it.
    pub(crate) cost: u64,
}

thread_local! {
    static KNOWN: RefCell<HashMap<String, Compiled>> = RefCell::new(HashMap::new());
}

/// What is wrong with a pattern.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    compile(pattern).map(|_| ())
}

pub(crate) fn compile(pattern: &str) -> Result<Compiled, String> {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(pattern).cloned()) {
        return Ok(known);
    }
    let length = u64::try_from(pattern.len() / 4).unwrap_or(u64::MAX) + 1;
    let plain = ascii(pattern);
    let mut last = String::new();
    for (number, (size, weight)) in SIZES.into_iter().enumerate() {
        let made = RegexBuilder::new(&plain)
            .size_limit(size)
            .dfa_size_limit(512 << 10)
            .nest_limit(100)
            .build();
        match made {
            Ok(regex) => {
                let small = number + 1 < SIZES.len();
                let made = Compiled {
                    regex,
                    weight: weight.max(length),
                    cost: if small { length } else { COMPILING },
                };
                if small {
                    KNOWN.with_borrow_mut(|known| {
                        if known.len() >= KEPT {
                            known.clear();
                        }
                        known.insert(pattern.to_owned(), made.clone());
                    });
                }
                return Ok(made);
            }
            Err(error @ regex::Error::CompiledTooBig(_)) => last = error.to_string(),
            Err(error) => return Err(format!("invalid regex: {}", super::short(&error))),
        }
    }
    Err(format!("invalid regex: {last}"))
}

/// The pattern with the classes of RE2, which Kubernetes has: `\w` and its like
/// are ASCII's, not Unicode's (which are also hundreds of times as large).
fn ascii(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    // How deep in classes, and whether a `]` would be the first thing of one.
    let (mut class, mut first) = (0_usize, false);
    while let Some(c) = chars.next() {
        let was_first = std::mem::replace(&mut first, false);
        match c {
            '\\' => {
                let next = chars.next();
                let within = match next {
                    Some('d' | 'D') => "0-9",
                    Some('w' | 'W') => "0-9A-Za-z_",
                    Some('s' | 'S') => r"\t\n\f\r ",
                    Some('b') if class == 0 => {
                        plain.push_str(r"(?-u:\b)");
                        continue;
                    }
                    other => {
                        plain.push('\\');
                        plain.extend(other);
                        continue;
                    }
                };
                let not = next.is_some_and(char::is_uppercase);
                let (open, close) = match (not, class) {
                    (true, _) => ("[^", "]"),
                    (false, 0) => ("[", "]"),
                    (false, _) => ("", ""),
                };
                plain.extend([open, within, close]);
                continue;
            }
            '[' => {
                class += 1;
                first = true;
            }
            '^' if was_first => first = true,
            ']' if !was_first => class = class.saturating_sub(1),
            _ => {}
        }
        plain.push(c);
    }
    plain
}
