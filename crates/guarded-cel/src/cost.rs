//! What things cost.

use cel::Value;
use cel::objects::{Key, OptionalValue};

/// What is given for an element of a list or a map that is made.
pub(crate) const ELEMENT: u64 = 4;
/// The largest precision of a number that is formatted.
const PRECISION: usize = 1_000;

pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// What a text of so many bytes costs.
pub(crate) fn bytes(length: usize) -> u64 {
    count(length) / 10 + 1
}

/// What it costs to walk over a value with all that is in it, which is walked
/// over no further than `cap`: values share their parts, so that a small one
/// may be endless.
pub(crate) fn weight(value: &Value, cap: u64) -> u64 {
    match value {
        Value::String(text) => bytes(text.len()),
        Value::Bytes(raw) => bytes(raw.len()),
        Value::List(list) => sum(list.iter(), cap),
        Value::Map(map) => {
            let mut total = 1;
            for (key, value) in map.map.iter() {
                total += match key {
                    Key::String(name) => bytes(name.len()),
                    _ => 1,
                };
                if total > cap {
                    break;
                }
                total += weight(value, cap - total);
            }
            total
        }
        Value::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => 1 + optional.value().map_or(0, |inner| weight(inner, cap)),
            None => 5,
        },
        _ => 1,
    }
}

/// The weight of several values.
pub(crate) fn sum<'a>(values: impl Iterator<Item = &'a Value>, cap: u64) -> u64 {
    let mut total = 1;
    for value in values {
        if total > cap {
            break;
        }
        total += weight(value, cap - total);
    }
    total
}

fn length(value: Option<&Value>) -> usize {
    match value {
        Some(Value::String(text)) => text.len(),
        Some(Value::Bytes(raw)) => raw.len(),
        Some(Value::List(list)) => list.len(),
        _ => 0,
    }
}

/// What a function costs beyond the weight of what it is asked about: what it
/// makes out of little, and what it does again and again. `all` is the target,
/// if there is one, and the arguments.
pub(crate) fn beyond(name: &str, all: &[Value], weight: u64) -> Result<u64, String> {
    let first = all.first();
    let second = all.get(1);
    let product = |per: u64| count(length(first)).saturating_mul(count(length(second))) / per;
    Ok(match name {
        "replace" => match (first, second, all.get(2)) {
            (Some(Value::String(text)), Some(Value::String(from)), Some(Value::String(to))) => {
                let places = if from.is_empty() {
                    text.chars().count() + 1
                } else {
                    text.matches(from.as_str()).count()
                };
                bytes(places.saturating_mul(to.len()))
            }
            _ => 0,
        },
        "split" => match (first, second) {
            (Some(Value::String(text)), Some(Value::String(at))) => {
                let parts = if at.is_empty() {
                    text.chars().count() + 2
                } else {
                    text.matches(at.as_str()).count() + 1
                };
                count(parts).saturating_mul(ELEMENT)
            }
            _ => 0,
        },
        "join" => bytes(length(first).saturating_mul(length(second) + 1)).saturating_add(weight),
        "format" => match first {
            Some(Value::String(pattern)) => weight.saturating_add(formatted(pattern)?),
            _ => weight,
        },
        "lists.range" => match first {
            Some(Value::Int(number)) => number.unsigned_abs().saturating_mul(ELEMENT),
            _ => 0,
        },
        "base64.encode" | "base64.decode" | "strings.quote" | "string" | "bytes" | "reverse"
        | "lowerAscii" | "upperAscii" => weight.saturating_mul(2),
        "flatten" | "slice" | "indexOf" | "lastIndexOf" | "contains" => {
            weight.saturating_mul(ELEMENT).saturating_add(product(100))
        }
        "sort" => weight.saturating_mul(16),
        "distinct" | "sum" => count(length(first)).saturating_mul(weight) / 4,
        "sets.contains" | "sets.equivalent" | "sets.intersects" => {
            count(length(first).max(length(second))).saturating_mul(weight)
        }
        _ => 0,
    })
}

/// What the numbers of a format may add.
fn formatted(pattern: &str) -> Result<u64, String> {
    let mut total = 0;
    for part in pattern.split('%').skip(1) {
        total += 100;
        let Some(precise) = part.strip_prefix('.') else {
            continue;
        };
        let digits: String = precise.chars().take_while(char::is_ascii_digit).collect();
        match digits.parse::<usize>() {
            Ok(precision) if precision <= PRECISION => total += bytes(precision),
            _ => return Err(format!("a precision of more than {PRECISION}")),
        }
    }
    Ok(total)
}
