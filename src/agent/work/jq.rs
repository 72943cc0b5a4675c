//! The part of jq that names fields to ignore: paths of fields, indices,
//! iteration and `select` with comparisons, joined by `|` or `,`.
//! Anything else is refused with a clear error.

use serde_json::Value;

use super::jsonpath::{Place, Segment, get, get_mut};

/// Deletes what `expression` names, as jq's `del(expression)`.
///
/// # Errors
/// The expression is malformed, or more than this understands.
pub fn delete(object: &mut Value, expression: &str) -> Result<(), String> {
    let mut parser = Parser { rest: expression };
    let alternatives = parser.alternatives()?;
    if !parser.rest.trim().is_empty() {
        return Err(format!("unexpected token \"{}\"", parser.rest.trim()));
    }
    let mut places = Vec::new();
    for steps in &alternatives {
        places.extend(walk(object, steps)?);
    }
    // From the back, so that indices stay true.
    places.sort();
    places.dedup();
    for place in places.into_iter().rev() {
        let Some((last, parent)) = place.split_last() else {
            return Err("the whole object cannot be deleted".to_owned());
        };
        match (get_mut(object, parent), last) {
            (Some(Value::Object(map)), Segment::Key(key)) => {
                map.remove(key);
            }
            (Some(Value::Array(items)), Segment::Index(index)) if *index < items.len() => {
                items.remove(*index);
            }
            _ => {}
        }
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(i64),
    Each(bool),
    Select(Vec<Step>, Option<(bool, Value)>),
}

fn walk(root: &Value, steps: &[Step]) -> Result<Vec<Place>, String> {
    let mut places: Vec<Place> = vec![Vec::new()];
    for step in steps {
        let mut next = Vec::new();
        for place in places {
            let value = get(root, &place).unwrap_or(&Value::Null);
            let child = |segment| {
                let mut longer = place.clone();
                longer.push(segment);
                longer
            };
            match (step, value) {
                (Step::Key(key), Value::Object(_) | Value::Null) => {
                    next.push(child(Segment::Key(key.clone())));
                }
                (Step::Index(index), Value::Array(items)) => {
                    let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
                    let at = if *index < 0 { len + index } else { *index };
                    next.extend(usize::try_from(at).ok().map(|at| child(Segment::Index(at))));
                }
                (Step::Each(_), Value::Array(items)) => {
                    next.extend((0..items.len()).map(|i| child(Segment::Index(i))));
                }
                (Step::Each(_), Value::Object(map)) => {
                    next.extend(map.keys().map(|key| child(Segment::Key(key.clone()))));
                }
                (Step::Each(true), _) | (Step::Index(_), Value::Null) => {}
                (Step::Each(false), other) => {
                    return Err(format!("cannot iterate over {}", kind(other)));
                }
                (Step::Key(key), other) => {
                    return Err(format!(
                        "expected an object but got: {} for \"{key}\"",
                        kind(other)
                    ));
                }
                (Step::Index(_), other) => {
                    return Err(format!("expected an array but got: {}", kind(other)));
                }
                (Step::Select(path, test), value) => {
                    let found = walk(value, path)?;
                    let keep = found.iter().any(|inner| {
                        let inner = get(value, inner).unwrap_or(&Value::Null);
                        match test {
                            Some((equal, literal)) => (inner == literal) == *equal,
                            None => !matches!(inner, Value::Null | Value::Bool(false)),
                        }
                    });
                    if keep {
                        next.push(place);
                    }
                }
            }
        }
        places = next;
    }
    Ok(places)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn eat(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn alternatives(&mut self) -> Result<Vec<Vec<Step>>, String> {
        let mut all = vec![self.pipe()?];
        while self.eat(",") {
            all.push(self.pipe()?);
        }
        Ok(all)
    }

    fn pipe(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = self.term()?;
        while self.eat("|") {
            steps.extend(self.term()?);
        }
        Ok(steps)
    }

    fn term(&mut self) -> Result<Vec<Step>, String> {
        if self.eat("select") {
            if !self.eat("(") {
                return Err("select needs a condition".to_owned());
            }
            let path = self.pipe()?;
            let equal = if self.eat("==") {
                Some(true)
            } else if self.eat("!=") {
                Some(false)
            } else {
                None
            };
            let test = match equal {
                Some(equal) => Some((equal, self.literal()?)),
                None => None,
            };
            if !self.eat(")") {
                return Err(format!("unexpected token \"{}\"", self.rest.trim()));
            }
            return Ok(vec![Step::Select(path, test)]);
        }
        if self.eat("(") {
            let inner = self.pipe()?;
            if !self.eat(")") {
                return Err(format!("unexpected token \"{}\"", self.rest.trim()));
            }
            return self.suffixes(inner);
        }
        if !self.eat(".") {
            return Err(format!("unexpected token \"{}\"", self.rest.trim()));
        }
        let mut steps = Vec::new();
        if !self.rest.starts_with('[') {
            steps.extend(self.key()?);
        }
        self.suffixes(steps)
    }

    fn suffixes(&mut self, mut steps: Vec<Step>) -> Result<Vec<Step>, String> {
        loop {
            if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                if !self.rest.starts_with('[') {
                    steps.extend(Some(self.key()?.ok_or("a field has no name")?));
                }
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                if self.eat("]") {
                    steps.push(Step::Each(false));
                    continue;
                }
                match self.literal()? {
                    Value::String(key) => steps.push(Step::Key(key)),
                    Value::Number(n) => {
                        steps.push(Step::Index(n.as_i64().ok_or("an index is an integer")?));
                    }
                    other => return Err(format!("{} is no index", kind(&other))),
                }
                if !self.eat("]") {
                    return Err(format!("unexpected token \"{}\"", self.rest.trim()));
                }
            } else if let Some(rest) = self.rest.strip_prefix('?') {
                self.rest = rest;
                if let Some(Step::Each(quiet)) = steps.last_mut() {
                    *quiet = true;
                }
            } else {
                return Ok(steps);
            }
        }
    }

    fn key(&mut self) -> Result<Option<Step>, String> {
        if self.rest.starts_with('"') {
            return match self.literal()? {
                Value::String(key) => Ok(Some(Step::Key(key))),
                _ => Err("a field is a string".to_owned()),
            };
        }
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(self.rest.len());
        let (key, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok((!key.is_empty()).then(|| Step::Key(key.to_owned())))
    }

    fn literal(&mut self) -> Result<Value, String> {
        self.rest = self.rest.trim_start();
        let mut stream = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                let end = stream.byte_offset();
                self.rest = &self.rest[end..];
                Ok(value)
            }
            _ => Err(format!("unexpected token \"{}\"", self.rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn named_fields_are_deleted() {
        let containers = || {
            json!({"spec": {"replicas": 1, "containers": [
                {"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}, {"name": "b", "env": []}]}})
        };
        for (expression, pointer) in [
            (".spec.replicas", "/spec/replicas"),
            (".spec[\"replicas\"]", "/spec/replicas"),
            (".spec.containers[0].env[1]", "/spec/containers/0/env/1"),
            (".spec.containers[-1]", "/spec/containers/1"),
            (
                ".spec.containers[] | select(.name == \"a\") | .env[] | select(.name == \"Y\") | .value",
                "/spec/containers/0/env/1/value",
            ),
            (
                ".spec.containers[]|select(.name!=\"a\")",
                "/spec/containers/1",
            ),
            (".spec.missing.more", "/spec/missing"),
        ] {
            let mut object = containers();
            delete(&mut object, expression).unwrap();
            assert!(object.pointer(pointer).is_none(), "{expression}: {object}");
        }
        let mut object = containers();
        delete(&mut object, ".spec.containers[].env[]").unwrap();
        assert_eq!(object["spec"]["containers"][0]["env"], json!([]));
        let mut object = containers();
        delete(&mut object, ".spec.replicas, .spec.containers").unwrap();
        assert_eq!(object, json!({"spec": {}}));
    }

    #[test]
    fn what_it_does_not_understand_is_refused() {
        for expression in [
            "",
            "[[[",
            ".spec | map(.x)",
            ".spec.",
            ".",
            ".spec.replicas[]",
            "select(",
            "$x",
        ] {
            assert!(
                delete(&mut json!({"spec": {"replicas": 1}}), expression).is_err(),
                "{expression}"
            );
        }
    }
}
