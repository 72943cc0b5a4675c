//! The JSONPath of printer columns and scale subresources: fields, indexes,
//! wildcards and filters.

use std::cmp::Ordering;

use serde_json::Value;

/// One step of a path.
#[derive(Debug, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    All,
    /// Anything below, at any depth.
    Descend,
    Filter(Vec<Step>, Option<(Compare, Value)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compare {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The values a path leads to. A path that cannot be read leads nowhere.
pub fn find<'a>(object: &'a Value, path: &str) -> Vec<&'a Value> {
    let path = path.trim();
    let path = path
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'))
        .unwrap_or(path);
    match parse(path) {
        Some(steps) => walk(object, &steps),
        None => Vec::new(),
    }
}

fn walk<'a>(value: &'a Value, steps: &[Step]) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in steps {
        found = found
            .into_iter()
            .flat_map(|value| one(value, step))
            .collect();
    }
    found
}

fn one<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match step {
        Step::Field(name) => value.get(name).into_iter().collect(),
        Step::Index(index) => value
            .as_array()
            .and_then(|list| list.get(position(*index, list.len())?))
            .into_iter()
            .collect(),
        Step::Slice(from, to) => {
            let Some(list) = value.as_array() else {
                return Vec::new();
            };
            let edge = |at: Option<i64>, other: usize| {
                at.map_or(other, |at| position(at, list.len()).unwrap_or(list.len()))
            };
            let range = edge(*from, 0)..edge(*to, list.len()).min(list.len());
            list.get(range).unwrap_or_default().iter().collect()
        }
        Step::All => children(value),
        Step::Descend => {
            let mut all = vec![value];
            let mut next = 0;
            while let Some(value) = all.get(next).copied() {
                all.extend(children(value));
                next += 1;
            }
            all
        }
        Step::Filter(path, wanted) => children(value)
            .into_iter()
            .filter(|child| {
                let found = walk(child, path);
                match wanted {
                    None => !found.is_empty(),
                    Some((compare, wanted)) => found
                        .first()
                        .is_some_and(|found| fits(found, *compare, wanted)),
                }
            })
            .collect(),
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok()
}

fn fits(found: &Value, compare: Compare, wanted: &Value) -> bool {
    let order = match (found, wanted) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => a
            .as_f64()
            .zip(b.as_f64())
            .and_then(|(a, b)| a.partial_cmp(&b)),
        (a, b) => (a == b).then_some(Ordering::Equal),
    };
    match compare {
        Compare::Equal => order == Some(Ordering::Equal),
        Compare::Different => order != Some(Ordering::Equal),
        Compare::Less => order == Some(Ordering::Less),
        Compare::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Compare::Greater => order == Some(Ordering::Greater),
        Compare::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn parse(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path.strip_prefix(['$', '@']).unwrap_or(path);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("..") {
            steps.push(Step::Descend);
            let (step, left) = name(after)?;
            steps.extend(step);
            rest = left;
        } else if let Some(after) = rest.strip_prefix('.') {
            let (step, left) = name(after)?;
            steps.extend(step);
            rest = left;
        } else if rest.starts_with('[') {
            let end = closing(rest)?;
            steps.push(bracket(&rest[1..end])?);
            rest = &rest[end + 1..];
        } else {
            return None;
        }
    }
    Some(steps)
}

/// A field name after a dot; a backslash escapes the dot in it.
fn name(text: &str) -> Option<(Option<Step>, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => out.push(chars.next()?.1),
            '.' | '[' => return Some((field(out), &text[at..])),
            c => out.push(c),
        }
    }
    Some((field(out), ""))
}

fn field(name: String) -> Option<Step> {
    match name.as_str() {
        "" => None,
        "*" => Some(Step::All),
        _ => Some(Step::Field(name)),
    }
}

/// Where the bracket that opens a text closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('[', None) => depth += 1,
            (']', None) => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn bracket(inner: &str) -> Option<Step> {
    let inner = inner.trim();
    if inner == "*" {
        return Some(Step::All);
    }
    if let Some(filter) = inner.strip_prefix('?') {
        let filter = filter.trim().strip_prefix('(')?.strip_suffix(')')?;
        return condition(filter.trim());
    }
    if let Some(text) = quoted(inner) {
        return Some(Step::Field(text));
    }
    if let Some((from, to)) = inner.split_once(':') {
        let edge = |text: &str| match text.trim() {
            "" => Some(None),
            number => number.parse().ok().map(Some),
        };
        return Some(Step::Slice(edge(from)?, edge(to)?));
    }
    inner.parse().ok().map(Step::Index)
}

fn quoted(text: &str) -> Option<String> {
    let open = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = text.strip_prefix(open)?.strip_suffix(open)?;
    Some(inner.to_owned())
}

fn condition(text: &str) -> Option<Step> {
    const SIGNS: [(&str, Compare); 6] = [
        ("==", Compare::Equal),
        ("!=", Compare::Different),
        ("<=", Compare::LessOrEqual),
        (">=", Compare::GreaterOrEqual),
        ("<", Compare::Less),
        (">", Compare::Greater),
    ];
    let found = SIGNS
        .iter()
        .filter_map(|(sign, compare)| Some((text.find(sign)?, *sign, *compare)))
        .min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()));
    let Some((at, sign, compare)) = found else {
        return Some(Step::Filter(parse(text)?, None));
    };
    let path = parse(text[..at].trim())?;
    let right = text[at + sign.len()..].trim();
    let wanted = match quoted(right) {
        Some(text) => Value::String(text),
        None => serde_json::from_str(right).ok()?,
    };
    Some(Step::Filter(path, Some((compare, wanted))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find;

    #[test]
    fn paths_lead_where_they_should() {
        let object = json!({
            "spec": {"replicas": 3, "a.b": "dotted", "list": [1, 2, 3]},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "n": 1},
                {"type": "Other", "status": "False", "n": 5},
            ]},
        });
        let table = [
            (".spec.replicas", vec![json!(3)]),
            ("{.spec.replicas}", vec![json!(3)]),
            ("$.spec.replicas", vec![json!(3)]),
            (".spec['a.b']", vec![json!("dotted")]),
            (".spec.a\\.b", vec![json!("dotted")]),
            (".spec.list[0]", vec![json!(1)]),
            (".spec.list[-1]", vec![json!(3)]),
            (".spec.list[1:]", vec![json!(2), json!(3)]),
            (".spec.list[*]", vec![json!(1), json!(2), json!(3)]),
            (
                ".status.conditions[?(@.type==\"Ready\")].status",
                vec![json!("True")],
            ),
            (
                ".status.conditions[?(@.type=='Other')].status",
                vec![json!("False")],
            ),
            (".status.conditions[?(@.n>=5)].type", vec![json!("Other")]),
            (".status.conditions[?(@.n)].n", vec![json!(1), json!(5)]),
            ("..replicas", vec![json!(3)]),
            (".spec.none", vec![]),
            (".spec.list[9]", vec![]),
            ("spec", vec![]),
            (".status.conditions[?(", vec![]),
        ];
        for (path, expected) in table {
            let found: Vec<_> = find(&object, path).into_iter().cloned().collect();
            assert_eq!(found, expected, "{path}");
        }
    }
}
