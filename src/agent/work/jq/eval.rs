//! Evaluates a [`Filter`]: values, and where in the object they are.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::RegexBuilder;
use serde_json::Value;

use super::super::jsonpath::{Op, Place, Segment};
use super::parse::{Filter, Function, Step};

/// What an evaluation may cost: each step is one, each value that is copied as
/// many as it has parts. Some tenths of a second.
const BUDGET: usize = 300_000;
/// How large a compiled regular expression may be, bytes.
const LARGEST_REGEX: usize = 1 << 20;

/// A value, and where it is if it is in the object.
#[derive(Clone, Debug)]
struct Item<'a> {
    value: Cow<'a, Value>,
    place: Option<Place>,
}

impl Item<'_> {
    fn made(value: impl Into<Value>) -> Self {
        Self {
            value: Cow::Owned(value.into()),
            place: None,
        }
    }
}

type Items<'a> = Result<Vec<Item<'a>>, Error>;

/// Why there is no result.
enum Error {
    /// The expression does not fit the object: `?` swallows it.
    Unfit(String),
    /// It ends here whatever the expression says.
    Final(String),
}

fn unfit<T>(why: String) -> Result<T, Error> {
    Err(Error::Unfit(why))
}

/// The places that `filter` names in `object`.
///
/// # Errors
/// What does not fit, or that it costs too much.
pub(super) fn places(filter: &Filter, object: &Value) -> Result<Vec<Place>, String> {
    let root = Item {
        value: Cow::Borrowed(object),
        place: Some(Vec::new()),
    };
    let mut run = Run { left: BUDGET };
    let items = match run.eval(filter, root) {
        Ok(items) => items,
        Err(Error::Unfit(why) | Error::Final(why)) => return Err(why),
    };
    items
        .into_iter()
        .map(|item| {
            item.place
                .ok_or_else(|| format!("invalid path expression with result {}", item.value))
        })
        .collect()
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

fn truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// How many parts a value has.
fn parts(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(parts).sum::<usize>() + 1,
        Value::Object(map) => map.values().map(parts).sum::<usize>() + 1,
        _ => 1,
    }
}

/// jq's order of values of all kinds.
fn order(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(false) => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    };
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let number = |n: &serde_json::Number| n.as_f64().unwrap_or(f64::NAN);
            match (a.as_i64(), b.as_i64()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => number(a).total_cmp(&number(b)),
            }
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let differing = a.iter().zip(b).map(|(a, b)| order(a, b));
            differing
                .into_iter()
                .find(|order| order.is_ne())
                .unwrap_or(a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let sorted = |map: &serde_json::Map<String, Value>| {
                let mut keys: Vec<String> = map.keys().cloned().collect();
                keys.sort();
                keys
            };
            let (of_a, of_b) = (sorted(a), sorted(b));
            of_a.cmp(&of_b).then_with(|| {
                let differing = of_a.iter().map(|key| order(&a[key], &b[key]));
                differing
                    .into_iter()
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            })
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn holds(op: Op, a: &Value, b: &Value) -> bool {
    let order = order(a, b);
    match op {
        Op::Equal => order.is_eq(),
        Op::NotEqual => order.is_ne(),
        Op::Less => order.is_lt(),
        Op::LessEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        Op::GreaterEqual => order.is_ge(),
    }
}

/// The part of a value that a step leads to.
fn child<'a>(item: &Item<'a>, segment: Segment) -> Item<'a> {
    fn of<'v>(value: &'v Value, segment: &Segment) -> Option<&'v Value> {
        match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(index) => value.get(index),
        }
    }
    let value = match &item.value {
        Cow::Borrowed(value) => of(value, &segment).map(Cow::Borrowed),
        Cow::Owned(value) => of(value, &segment).cloned().map(Cow::Owned),
    };
    let place = item.place.as_ref().map(|place| {
        let mut longer = place.clone();
        longer.push(segment);
        longer
    });
    Item {
        value: value.unwrap_or(Cow::Owned(Value::Null)),
        place,
    }
}

fn children<'a>(item: &Item<'a>) -> Option<Vec<Item<'a>>> {
    let segments: Vec<Segment> = match item.value.as_ref() {
        Value::Array(items) => (0..items.len()).map(Segment::Index).collect(),
        Value::Object(map) => map.keys().cloned().map(Segment::Key).collect(),
        _ => return None,
    };
    Some(segments.into_iter().map(|s| child(item, s)).collect())
}

fn step<'a>(item: &Item<'a>, step: &Step) -> Items<'a> {
    match (step, item.value.as_ref()) {
        (Step::Key(key), Value::Object(_) | Value::Null) => {
            Ok(vec![child(item, Segment::Key(key.clone()))])
        }
        (Step::Key(key), other) => unfit(format!(
            "expected an object but got: {} for \"{key}\"",
            kind(other)
        )),
        (Step::Index(index), Value::Array(_) | Value::Null) => {
            let len = item.value.as_array().map_or(0, Vec::len);
            let len = i64::try_from(len).unwrap_or(i64::MAX);
            let at = if *index < 0 { len + index } else { *index };
            Ok(match usize::try_from(at) {
                Ok(at) => vec![child(item, Segment::Index(at))],
                // Before the first there is nothing.
                Err(_) => vec![Item::made(Value::Null)],
            })
        }
        (Step::Index(_), other) => unfit(format!("expected an array but got: {}", kind(other))),
        (Step::Each, other) => {
            children(item).map_or_else(|| unfit(format!("cannot iterate over {}", kind(other))), Ok)
        }
        (Step::Quietly, _) => Ok(vec![item.clone()]),
    }
}

struct Run {
    left: usize,
}

impl Run {
    fn pay(&mut self, cost: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(cost).ok_or_else(|| {
            Error::Final("the expression costs too much on this object".to_owned())
        })?;
        Ok(())
    }

    fn eval<'a>(&mut self, filter: &Filter, item: Item<'a>) -> Items<'a> {
        self.pay(1)?;
        match filter {
            Filter::Identity => Ok(vec![item]),
            Filter::Literal(value) => {
                self.pay(parts(value))?;
                Ok(vec![Item::made(value.clone())])
            }
            Filter::Collect(inner) => {
                let values = self.values(inner, &item)?;
                Ok(vec![Item::made(values)])
            }
            Filter::Path(head, steps) => self.path(head, steps, item),
            Filter::Pipe(filters) => {
                let mut items = vec![item];
                for filter in filters {
                    let mut next = Vec::new();
                    for item in items {
                        next.extend(self.eval(filter, item)?);
                    }
                    items = next;
                }
                Ok(items)
            }
            Filter::Comma(filters) => {
                let mut items = Vec::new();
                for filter in filters {
                    items.extend(self.eval(filter, item.clone())?);
                }
                Ok(items)
            }
            Filter::Else(filters) => self.first_with_something(filters, item),
            Filter::Or(filters) => self.logical(filters, &item, true),
            Filter::And(filters) => self.logical(filters, &item, false),
            Filter::Compare(left, op, right) => {
                let left = self.eval(left, item.clone())?;
                let mut results = Vec::new();
                for right in self.eval(right, item)? {
                    for left in &left {
                        self.pay(parts(&left.value).min(parts(&right.value)))?;
                        results.push(Item::made(holds(*op, &left.value, &right.value)));
                    }
                }
                Ok(results)
            }
            Filter::If(cases, other) => self.choose(cases, other, item),
            Filter::Call(function, arguments) => self.call(*function, arguments, item),
        }
    }

    /// What comes out, without where it is.
    fn values(&mut self, filter: &Filter, item: &Item<'_>) -> Result<Vec<Value>, Error> {
        let items = self.eval(filter, item.clone())?;
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            self.pay(parts(&item.value))?;
            values.push(item.value.into_owned());
        }
        Ok(values)
    }

    fn path<'a>(&mut self, head: &Filter, steps: &[Step], item: Item<'a>) -> Items<'a> {
        // What a `?` forgives is the step before it, item by item.
        let quiet = |i: usize| steps.get(i) == Some(&Step::Quietly);
        let mut items = match self.eval(head, item) {
            Err(Error::Unfit(_)) if quiet(0) => Vec::new(),
            other => other?,
        };
        for (i, one) in steps.iter().enumerate() {
            let mut next = Vec::new();
            for item in &items {
                if matches!(item.value, Cow::Owned(_)) {
                    self.pay(parts(&item.value))?;
                }
                match step(item, one) {
                    Err(Error::Unfit(_)) if quiet(i + 1) => {}
                    other => next.extend(other?),
                }
            }
            self.pay(next.len())?;
            items = next;
        }
        Ok(items)
    }

    fn first_with_something<'a>(&mut self, filters: &[Filter], item: Item<'a>) -> Items<'a> {
        let Some((last, others)) = filters.split_last() else {
            return Ok(Vec::new());
        };
        for filter in others {
            let found = match self.eval(filter, item.clone()) {
                Err(Error::Unfit(_)) => Vec::new(),
                other => other?,
            };
            let found: Vec<_> = found.into_iter().filter(|i| truthy(&i.value)).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        self.eval(last, item)
    }

    /// The first that is `decisive` decides.
    fn logical<'a>(&mut self, filters: &[Filter], item: &Item<'a>, decisive: bool) -> Items<'a> {
        let mut results = Vec::new();
        // As many results as there are ways through.
        let mut open = 1_usize;
        for (i, filter) in filters.iter().enumerate() {
            let values = self.eval(filter, item.clone())?;
            let decided = values.iter().filter(|v| truthy(&v.value) == decisive);
            let decided = decided.count() * open;
            let rest = values.len() * open - decided;
            self.pay(decided.saturating_add(rest))?;
            results.extend((0..decided).map(|_| Item::made(decisive)));
            open = rest;
            if open == 0 {
                break;
            }
            if i + 1 == filters.len() {
                results.extend((0..open).map(|_| Item::made(!decisive)));
            }
        }
        Ok(results)
    }

    fn choose<'a>(
        &mut self,
        cases: &[(Filter, Filter)],
        other: &Filter,
        item: Item<'a>,
    ) -> Items<'a> {
        let Some(((test, then), rest)) = cases.split_first() else {
            return self.eval(other, item);
        };
        let mut items = Vec::new();
        for result in self.eval(test, item.clone())? {
            items.extend(if truthy(&result.value) {
                self.eval(then, item.clone())?
            } else {
                self.choose(rest, other, item.clone())?
            });
        }
        Ok(items)
    }

    fn descend<'a>(&mut self, item: Item<'a>, all: &mut Vec<Item<'a>>) -> Result<(), Error> {
        self.pay(item.place.as_ref().map_or(1, Vec::len) + 1)?;
        if matches!(item.value, Cow::Owned(_)) {
            self.pay(parts(&item.value))?;
        }
        let below = children(&item);
        all.push(item);
        for child in below.into_iter().flatten() {
            self.descend(child, all)?;
        }
        Ok(())
    }

    fn call<'a>(&mut self, function: Function, arguments: &[Filter], item: Item<'a>) -> Items<'a> {
        let value = item.value.as_ref();
        let made = |value: Value| Ok(vec![Item::made(value)]);
        match (function, arguments) {
            (Function::Empty, _) => Ok(Vec::new()),
            (Function::Not, _) => made((!truthy(value)).into()),
            (Function::Type, _) => made(kind(value).into()),
            (Function::Length, _) => made(length(value)?),
            (Function::Keys, _) => made(keys(value)?),
            (Function::ToString, _) => {
                self.pay(parts(value))?;
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                made(text.into())
            }
            (Function::AsciiDowncase, _) => made(text(value)?.to_ascii_lowercase().into()),
            (Function::AsciiUpcase, _) => made(text(value)?.to_ascii_uppercase().into()),
            (Function::Recurse, _) => {
                let mut all = Vec::new();
                self.descend(item, &mut all)?;
                Ok(all)
            }
            (Function::Select, [test]) => {
                let results = self.eval(test, item.clone())?;
                let chosen = results.iter().filter(|result| truthy(&result.value));
                Ok(chosen.map(|_| item.clone()).collect())
            }
            (Function::First, []) => step(&item, &Step::Index(0)),
            (Function::Last, []) => step(&item, &Step::Index(-1)),
            (Function::First, [filter]) => {
                let mut found = self.eval(filter, item)?;
                found.truncate(1);
                Ok(found)
            }
            (Function::Last, [filter]) => Ok(self.eval(filter, item)?.pop().into_iter().collect()),
            (Function::Map, [filter]) => {
                let mut values = Vec::new();
                for child in step(&item, &Step::Each)? {
                    values.extend(self.values(filter, &child)?);
                }
                made(values.into())
            }
            (Function::Any | Function::All, _) => {
                let mut results = Vec::new();
                let all = match arguments {
                    [all, _] => self.eval(all, item)?,
                    _ => step(&item, &Step::Each)?,
                };
                for child in all {
                    match arguments {
                        [.., test] => results.extend(self.eval(test, child)?),
                        [] => results.push(child),
                    }
                }
                let mut results = results.iter().map(|result| truthy(&result.value));
                made(Value::Bool(if function == Function::Any {
                    results.any(|yes| yes)
                } else {
                    results.all(|yes| yes)
                }))
            }
            (Function::Test, [pattern, flags @ ..]) => {
                let flags = match flags.first() {
                    Some(flags) => self.values(flags, &item)?,
                    None => vec![Value::Null],
                };
                let mut results = Vec::new();
                for pattern in self.values(pattern, &item)? {
                    for flags in &flags {
                        self.pay(text(value)?.len())?;
                        results.push(Item::made(matches(value, &pattern, flags)?));
                    }
                }
                Ok(results)
            }
            (_, [argument]) => {
                let mut results = Vec::new();
                for argument in self.values(argument, &item)? {
                    self.pay(parts(value).saturating_mul(parts(&argument)))?;
                    results.push(Item::made(compared(function, value, &argument)?));
                }
                Ok(results)
            }
            // The parser has counted them.
            _ => Ok(Vec::new()),
        }
    }
}

fn text(value: &Value) -> Result<&str, Error> {
    let not = || Error::Unfit(format!("expected a string but got: {}", kind(value)));
    value.as_str().ok_or_else(not)
}

fn length(value: &Value) -> Result<Value, Error> {
    Ok(match value {
        Value::Null => 0.into(),
        Value::Bool(_) => return unfit("boolean has no length".to_owned()),
        Value::Number(n) => n.as_f64().unwrap_or_default().abs().into(),
        Value::String(text) => text.chars().count().into(),
        Value::Array(items) => items.len().into(),
        Value::Object(map) => map.len().into(),
    })
}

fn keys(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Array(items) => Ok((0..items.len()).collect::<Vec<_>>().into()),
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Ok(keys.into_iter().cloned().collect::<Vec<_>>().into())
        }
        other => unfit(format!("{} has no keys", kind(other))),
    }
}

fn compared(function: Function, value: &Value, argument: &Value) -> Result<bool, Error> {
    Ok(match function {
        Function::StartsWith => text(value)?.starts_with(text(argument)?),
        Function::EndsWith => text(value)?.ends_with(text(argument)?),
        Function::Has => match (value, argument) {
            (Value::Object(map), Value::String(key)) => map.contains_key(key),
            (Value::Array(items), Value::Number(n)) => n
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .is_some_and(|n| n < items.len()),
            _ => {
                return unfit(format!("{} has no {}", kind(value), kind(argument)));
            }
        },
        _ => contains(value, argument)?,
    })
}

fn contains(value: &Value, part: &Value) -> Result<bool, Error> {
    Ok(match (value, part) {
        (Value::Object(map), Value::Object(parts)) => {
            for (key, part) in parts {
                match map.get(key) {
                    Some(value) if contains(value, part)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Value::Array(items), Value::Array(parts)) => {
            for part in parts {
                let mut found = false;
                for item in items {
                    found |= kind(item) == kind(part) && contains(item, part)?;
                }
                if !found {
                    return Ok(false);
                }
            }
            true
        }
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (a, b) if kind(a) == kind(b) => order(a, b).is_eq(),
        (a, b) => {
            return unfit(format!("{} cannot contain {}", kind(a), kind(b)));
        }
    })
}

fn matches(value: &Value, pattern: &Value, flags: &Value) -> Result<bool, Error> {
    let mut builder = RegexBuilder::new(text(pattern)?);
    builder.size_limit(LARGEST_REGEX);
    if !flags.is_null() {
        for flag in text(flags)?.chars() {
            match flag {
                // All matches, or the first: whether there is one is all that counts.
                'g' => {}
                'i' => _ = builder.case_insensitive(true),
                's' => _ = builder.dot_matches_new_line(true),
                other => return unfit(format!("\"{other}\" is no flag that is known here")),
            }
        }
    }
    let regex = builder
        .build()
        .map_err(|error| Error::Unfit(format!("{pattern} is no regular expression: {error}")))?;
    Ok(regex.is_match(text(value)?))
}
