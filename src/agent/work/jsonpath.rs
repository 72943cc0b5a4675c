//! Kubernetes' JSONPath, as feedback rules and ignored fields use it:
//! `.status.conditions[?(@.type=="Ready")].status`, `['a','b']`, `[0:2]`, `..name`, `*`.
//! Missing keys are no error: they give no result.

use serde_json::Value;

/// One step down into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Of a map.
    Key(String),
    /// Of a list.
    Index(usize),
}

/// The way from the root to a value.
pub type Place = Vec<Segment>;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Fields(Vec<String>),
    Indices(Vec<i64>),
    Slice(Option<i64>, Option<i64>, i64),
    All,
    Descend,
    Filter(Operand, Option<(Op, Operand)>),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Vec<Step>),
    Literal(Value),
}

/// What two values are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

/// Symbols of comparisons; longer ones first.
pub const OPS: [(&str, Op); 6] = [
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    ("<=", Op::LessEqual),
    (">=", Op::GreaterEqual),
    ("<", Op::Less),
    (">", Op::Greater),
];

/// The values at `path`, in order.
///
/// # Errors
/// The path is malformed.
pub fn values<'a>(root: &'a Value, path: &str) -> Result<Vec<&'a Value>, String> {
    Ok(locate(root, path)?
        .iter()
        .filter_map(|place| get(root, place))
        .collect())
}

/// The places at `path`, in order.
///
/// # Errors
/// The path is malformed.
pub fn locate(root: &Value, path: &str) -> Result<Vec<Place>, String> {
    let mut parser = Parser { rest: path.trim() };
    let steps = parser.steps(true)?;
    if !parser.rest.is_empty() {
        return Err(format!("unexpected '{}' in path '{path}'", parser.rest));
    }
    Ok(walk(root, &steps))
}

/// The value at a place.
pub fn get<'a>(root: &'a Value, place: &[Segment]) -> Option<&'a Value> {
    place.iter().try_fold(root, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.get(index),
    })
}

/// The value at a place, to change it.
pub fn get_mut<'a>(root: &'a mut Value, place: &[Segment]) -> Option<&'a mut Value> {
    place.iter().try_fold(root, |value, segment| match segment {
        Segment::Key(key) => value.get_mut(key),
        Segment::Index(index) => value.get_mut(index),
    })
}

fn walk(root: &Value, steps: &[Step]) -> Vec<Place> {
    let mut places: Vec<Place> = vec![Vec::new()];
    for step in steps {
        let mut next = Vec::new();
        for place in places {
            if let Some(value) = get(root, &place) {
                expand(&place, value, step, &mut next);
            }
        }
        places = next;
    }
    places
}

fn child(place: &Place, segment: Segment) -> Place {
    let mut longer = place.clone();
    longer.push(segment);
    longer
}

fn expand(place: &Place, value: &Value, step: &Step, out: &mut Vec<Place>) {
    match (step, value) {
        (Step::Fields(keys), Value::Object(map)) => {
            let present = keys.iter().filter(|key| map.contains_key(*key));
            out.extend(present.map(|key| child(place, Segment::Key(key.clone()))));
        }
        (Step::Indices(indices), Value::Array(items)) => {
            let present = indices.iter().filter_map(|i| absolute(*i, items.len()));
            out.extend(
                present
                    .filter(|i| *i < items.len())
                    .map(|i| child(place, Segment::Index(i))),
            );
        }
        (Step::Slice(from, to, by), Value::Array(items)) => {
            let bound = |i: Option<i64>, default: usize| {
                i.map_or(default, |i| {
                    absolute(i, items.len()).unwrap_or(0).min(items.len())
                })
            };
            let (from, to) = (bound(*from, 0), bound(*to, items.len()));
            let by = usize::try_from(*by).unwrap_or(1).max(1);
            out.extend(
                (from..to)
                    .step_by(by)
                    .map(|i| child(place, Segment::Index(i))),
            );
        }
        (Step::All, Value::Object(map)) => {
            out.extend(
                map.keys()
                    .map(|key| child(place, Segment::Key(key.clone()))),
            );
        }
        (Step::All, Value::Array(items)) => {
            out.extend((0..items.len()).map(|i| child(place, Segment::Index(i))));
        }
        (Step::Descend, _) => descend(place, value, out),
        (Step::Filter(left, right), Value::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                if chosen(item, left, right.as_ref()) {
                    out.push(child(place, Segment::Index(i)));
                }
            }
        }
        _ => {}
    }
}

fn descend(place: &Place, value: &Value, out: &mut Vec<Place>) {
    out.push(place.clone());
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                descend(&child(place, Segment::Key(key.clone())), inner, out);
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                descend(&child(place, Segment::Index(i)), inner, out);
            }
        }
        _ => {}
    }
}

fn absolute(index: i64, len: usize) -> Option<usize> {
    if index >= 0 {
        usize::try_from(index).ok()
    } else {
        len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    }
}

fn chosen(item: &Value, left: &Operand, right: Option<&(Op, Operand)>) -> bool {
    let value = |operand: &Operand| match operand {
        Operand::Literal(value) => Some(value.clone()),
        Operand::Path(steps) => walk(item, steps)
            .first()
            .and_then(|place| get(item, place))
            .cloned(),
    };
    let left = value(left);
    let Some((op, right)) = right else {
        return left.is_some();
    };
    let (Some(left), Some(right)) = (left, value(right)) else {
        return false;
    };
    let order = match (&left, &right) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().partial_cmp(&b.as_f64()),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match op {
        Op::Equal => left == right || order.is_some_and(std::cmp::Ordering::is_eq),
        Op::NotEqual => left != right,
        Op::Less => order.is_some_and(std::cmp::Ordering::is_lt),
        Op::LessEqual => order.is_some_and(std::cmp::Ordering::is_le),
        Op::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
        Op::GreaterEqual => order.is_some_and(std::cmp::Ordering::is_ge),
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn steps(&mut self, root: bool) -> Result<Vec<Step>, String> {
        if !(root && self.eat("$")) {
            self.eat("@");
        }
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                steps.push(Step::Descend);
                if !self.rest.starts_with('[') {
                    steps.push(self.field()?);
                }
            } else if self.eat(".") {
                if !(self.rest.starts_with('[') || self.rest.is_empty() && steps.is_empty()) {
                    steps.push(self.field()?);
                }
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else if steps.is_empty() && root && !self.rest.is_empty() {
                return Err(format!("unrecognized identifier {}", self.rest));
            } else {
                return Ok(steps);
            }
        }
    }

    fn field(&mut self) -> Result<Step, String> {
        if self.eat("*") {
            return Ok(Step::All);
        }
        let mut name = String::new();
        let mut chars = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    if let Some((_, escaped)) = chars.next() {
                        name.push(escaped);
                    }
                }
                '.' | '[' | ']' | ')' | '=' | '!' | '<' | '>' | ' ' | ',' => {
                    end = at;
                    break;
                }
                c => name.push(c),
            }
        }
        self.rest = &self.rest[end..];
        if name.is_empty() {
            return Err("a field has no name".to_owned());
        }
        Ok(Step::Fields(vec![name]))
    }

    fn bracket(&mut self) -> Result<Step, String> {
        if self.eat("?(") {
            let left = self.operand()?;
            self.space();
            let op = OPS.into_iter().find(|(text, _)| self.eat(text));
            let right = match op {
                Some((_, op)) => Some((op, self.operand()?)),
                None => None,
            };
            self.space();
            return if self.eat(")]") {
                Ok(Step::Filter(left, right))
            } else {
                Err("unterminated filter".to_owned())
            };
        }
        if self.eat("*]") {
            return Ok(Step::All);
        }
        if self.rest.starts_with(['\'', '"']) {
            let mut keys = Vec::new();
            loop {
                self.space();
                match self.quoted()? {
                    Value::String(key) => keys.push(key),
                    _ => return Err("invalid array index".to_owned()),
                }
                self.space();
                if self.eat("]") {
                    return Ok(Step::Fields(keys));
                }
                if !self.eat(",") {
                    return Err("unterminated array".to_owned());
                }
            }
        }
        let Some((inside, rest)) = self.rest.split_once(']') else {
            return Err("unterminated array".to_owned());
        };
        self.rest = rest;
        let invalid = || format!("invalid array index {inside}");
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| invalid());
        if inside.contains(':') {
            let mut bounds = [None, None, None];
            for (i, part) in inside.split(':').enumerate() {
                let bound = bounds.get_mut(i).ok_or_else(invalid)?;
                if !part.trim().is_empty() {
                    *bound = Some(number(part)?);
                }
            }
            return Ok(Step::Slice(bounds[0], bounds[1], bounds[2].unwrap_or(1)));
        }
        inside
            .split(',')
            .map(number)
            .collect::<Result<_, _>>()
            .map(Step::Indices)
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.space();
        if self.rest.starts_with(['\'', '"']) {
            return self.quoted().map(Operand::Literal);
        }
        if self.rest.starts_with(['@', '.', '$', '[']) {
            return self.steps(false).map(Operand::Path);
        }
        let end = self
            .rest
            .find([')', '=', '!', '<', '>', ' '])
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        serde_json::from_str(word)
            .map(Operand::Literal)
            .map_err(|_| format!("unrecognized identifier {word}"))
    }

    fn quoted(&mut self) -> Result<Value, String> {
        let mut chars = self.rest.char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut text = String::new();
        while let Some((at, c)) = chars.next() {
            if Some(c) == quote {
                self.rest = &self.rest[at + 1..];
                return Ok(Value::String(text));
            }
            if c == '\\' {
                text.extend(chars.next().map(|(_, escaped)| escaped));
            } else {
                text.push(c);
            }
        }
        Err("unterminated quoted string".to_owned())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_what_kubernetes_finds() {
        let root = json!({
            "kind": "Job", "a": {"b.c": 1, "d": [10, 20, 30]},
            "status": {"ready": 0, "conditions": [
                {"type": "Ready", "status": "True", "n": 1}, {"type": "Complete", "status": "False", "n": 2}]},
        });
        for (path, expected) in [
            (".kind", json!(["Job"])),
            ("$.kind", json!(["Job"])),
            (".status.ready", json!([0])),
            (".status.missing.more", json!([])),
            (
                ".status.conditions[?(@.type==\"Complete\")].status",
                json!(["False"]),
            ),
            (
                ".status.conditions[?(@.type=='Ready')].status",
                json!(["True"]),
            ),
            (".status.conditions[?(@.n > 1)].type", json!(["Complete"])),
            (".status.conditions[?(@.none)].type", json!([])),
            (".status.conditions[*].type", json!(["Ready", "Complete"])),
            (".status.conditions[0].type", json!(["Ready"])),
            (".status.conditions[-1].type", json!(["Complete"])),
            (".a.d[0:2]", json!([10, 20])),
            (".a.d[1,2]", json!([20, 30])),
            (".a['b.c']", json!([1])),
            (".a.b\\.c", json!([1])),
            ("..type", json!(["Ready", "Complete"])),
            (".a.*", json!([1, [10, 20, 30]])),
        ] {
            let found: Vec<Value> = values(&root, path).unwrap().into_iter().cloned().collect();
            assert_eq!(Value::Array(found), expected, "{path}");
        }
    }

    #[test]
    fn malformed_paths_are_errors() {
        for path in ["kind", ".a[", ".a[?(@.x==\"y\"", ".a['x", ".a[x]", ".a."] {
            assert!(values(&json!({}), path).is_err(), "{path}");
        }
    }
}
