//! The interpreter, which pays for every step before it takes it.

use std::sync::Arc;

use cel::common::ast::operators;
use cel::objects::{Key, Map, OptionalValue};
use cel::{ExecutionError, Value};

use super::cost::{self, ELEMENT};
use super::parse::{Call, Loop, Node};
use super::value::{items, key};
use super::{Fault, Host, functions, regexes, short};

type Made = Result<Value, Stop>;

/// Why a part has no value.
enum Stop {
    /// It costs too much: nothing more is done.
    Cost,
    Failed(ExecutionError),
}

impl From<ExecutionError> for Stop {
    fn from(error: ExecutionError) -> Self {
        Self::Failed(error)
    }
}

fn failed(function: &str, what: &str) -> Stop {
    Stop::Failed(ExecutionError::function_error(function, what))
}

pub(crate) fn run(
    root: &Node,
    variables: &[(&str, Value)],
    functions: &[&str],
    host: Host<'_>,
    limit: u64,
) -> (Result<Value, Fault>, u64) {
    let mut run = Run {
        variables,
        functions,
        host,
        scope: Vec::new(),
        cost: 0,
        limit,
    };
    // A function that gives up must not take the process with it.
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.value(root)));
    let made = match made {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Stop::Cost)) => Err(Fault::Cost),
        Ok(Err(Stop::Failed(error))) => Err(Fault::Failed(short(&error))),
        Err(_) => Err(Fault::Broken),
    };
    (made, run.cost)
}

struct Run<'a> {
    variables: &'a [(&'a str, Value)],
    functions: &'a [&'a str],
    host: Host<'a>,
    /// The variables of loops, the innermost last.
    scope: Vec<(&'a str, Value)>,
    cost: u64,
    limit: u64,
}

impl<'a> Run<'a> {
    fn pay(&mut self, cost: u64) -> Result<(), Stop> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit {
            return Err(Stop::Cost);
        }
        Ok(())
    }

    /// Pays for walking over values.
    fn pay_for<'v>(&mut self, values: impl Iterator<Item = &'v Value>) -> Result<u64, Stop> {
        let weight = cost::sum(values, self.limit.saturating_sub(self.cost));
        self.pay(weight)?;
        Ok(weight)
    }

    fn value(&mut self, node: &'a Node) -> Made {
        match node {
            Node::Literal(value) => return Ok(value.clone()),
            Node::Loop(_) => {}
            _ => self.pay(1)?,
        }
        match node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Name(name) => self.named(name),
            Node::Select { of, field, test } => {
                let of = self.value(of)?;
                select(&of, field, *test)
            }
            Node::List(elements) => self.list(elements),
            Node::Map(entries) => self.map(entries),
            Node::And(sides) => self.either(sides, false),
            Node::Or(sides) => self.either(sides, true),
            Node::If(parts) => {
                let [condition, yes, no] = &**parts;
                if self.truth(condition)? {
                    self.value(yes)
                } else {
                    self.value(no)
                }
            }
            Node::NotFalse(of) => match self.truth(of) {
                Err(Stop::Cost) => Err(Stop::Cost),
                Ok(truth) => Ok(Value::Bool(truth)),
                Err(Stop::Failed(_)) => Ok(Value::Bool(true)),
            },
            Node::Call(call) => self.call(call),
            Node::Loop(part) => self.comprehension(part),
        }
    }

    fn named(&self, name: &str) -> Made {
        let inner = self.scope.iter().rev().find(|(known, _)| *known == name);
        inner
            .map(|(_, value)| value)
            .or_else(|| {
                let mut outer = self.variables.iter();
                outer
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| value)
            })
            .cloned()
            .ok_or_else(|| ExecutionError::undeclared_reference(name).into())
    }

    fn truth(&mut self, node: &'a Node) -> Result<bool, Stop> {
        match self.value(node)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(ExecutionError::NoSuchOverload.into()),
        }
    }

    /// `&&` (which `false` decides) and `||` (which `true` decides): the side
    /// that decides does, whatever is wrong with the other.
    fn either(&mut self, sides: &'a [Node; 2], decides: bool) -> Made {
        let left = match self.truth(&sides[0]) {
            Ok(left) if left == decides => return Ok(Value::Bool(decides)),
            Err(Stop::Cost) => return Err(Stop::Cost),
            left => left,
        };
        let right = self.truth(&sides[1])?;
        match left {
            Ok(_) => Ok(Value::Bool(right)),
            Err(_) if right == decides => Ok(Value::Bool(decides)),
            Err(error) => Err(error),
        }
    }

    fn list(&mut self, elements: &'a [(Node, bool)]) -> Made {
        self.pay(cost::count(elements.len()).saturating_mul(ELEMENT))?;
        let mut list = Vec::with_capacity(elements.len());
        for (element, optional) in elements {
            let value = self.value(element)?;
            list.extend(if *optional { inner(value) } else { Some(value) });
        }
        Ok(Value::List(Arc::new(list)))
    }

    fn map(&mut self, entries: &'a [(Node, Node, bool)]) -> Made {
        self.pay(cost::count(entries.len()).saturating_mul(2 * ELEMENT))?;
        let mut map = std::collections::HashMap::with_capacity(entries.len());
        for (name, value, optional) in entries {
            let name = self.value(name)?;
            let name =
                key(&name).ok_or_else(|| Stop::Failed(ExecutionError::UnsupportedKeyType(name)))?;
            let value = self.value(value)?;
            let value = if *optional { inner(value) } else { Some(value) };
            map.extend(value.map(|value| (name, value)));
        }
        Ok(Value::Map(Map { map: Arc::new(map) }))
    }

    fn comprehension(&mut self, part: &'a Loop) -> Made {
        let start = self.value(&part.start)?;
        let range = self.value(&part.range)?;
        self.pay(1)?;
        if let Value::List(_) | Value::Map(_) = &range {
            self.pay(match &range {
                Value::List(list) => cost::count(list.len()),
                Value::Map(map) => cost::count(map.map.len()),
                _ => 0,
            })?;
        }
        let items = items(&range).ok_or(ExecutionError::NoSuchOverload)?;
        drop(range);
        let before = self.scope.len();
        self.scope.push((&part.result, start));
        self.scope.push((&part.item, Value::Null));
        let end = self.turns(part, items, before);
        self.scope.truncate(before);
        end
    }

    fn turns(&mut self, part: &'a Loop, items: Vec<Value>, at: usize) -> Made {
        for item in items {
            if !self.truth(&part.goes_on)? {
                break;
            }
            self.scope[at + 1].1 = item;
            let step = self.value(&part.step)?;
            self.scope[at].1 = step;
        }
        self.value(&part.end)
    }

    fn call(&mut self, call: &'a Call) -> Made {
        if let (operators::ADD, [Node::Name(name), right]) =
            (call.name.as_str(), call.arguments.as_slice())
            && name.starts_with('@')
        {
            return self.grow(name, right);
        }
        let target = call.target.as_ref().map(|target| self.value(target));
        let target = target.transpose()?;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.value(argument)?);
        }
        if target.is_none() {
            let native = match arguments.as_slice() {
                [of] => unary(&call.name, of),
                [left, right] => self.binary(&call.name, left, right)?,
                _ => None,
            };
            if let Some(made) = native {
                return made;
            }
        }
        self.function(call, target, arguments)
    }

    /// What a loop has gathered so far, and one more; in place, as nobody else
    /// can name it.
    fn grow(&mut self, name: &'a str, right: &'a Node) -> Made {
        let right = self.value(right)?;
        let found = self.scope.iter().rposition(|(known, _)| *known == name);
        let Some(at) = found else {
            return Err(ExecutionError::undeclared_reference(name).into());
        };
        match (&self.scope[at].1, &right) {
            (Value::List(_), Value::List(more)) => {
                self.pay(cost::count(more.len()).saturating_mul(ELEMENT))?;
            }
            (left, right) => {
                let (left, right) = (left.clone(), right.clone());
                self.pay_for([&left, &right].into_iter())?;
            }
        }
        let left = std::mem::replace(&mut self.scope[at].1, Value::Null);
        Ok((left + right)?)
    }

    /// The operators that need no detour, for the types that they are used with.
    fn binary(&mut self, name: &str, left: &Value, right: &Value) -> Result<Option<Made>, Stop> {
        Ok(match name {
            operators::EQUALS | operators::NOT_EQUALS => {
                self.pay_for([left, right].into_iter())?;
                Some(Ok(Value::Bool(
                    (left == right) == (name == operators::EQUALS),
                )))
            }
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
                if alike(left, right) || numbers(left, right) =>
            {
                self.pay_for([left, right].into_iter())?;
                left.partial_cmp(right).map(|order| {
                    Ok(Value::Bool(match name {
                        operators::LESS => order.is_lt(),
                        operators::LESS_EQUALS => order.is_le(),
                        operators::GREATER => order.is_gt(),
                        _ => order.is_ge(),
                    }))
                })
            }
            operators::ADD => match (left, right) {
                (Value::List(a), Value::List(b)) => {
                    self.pay(cost::count(a.len() + b.len()).saturating_mul(ELEMENT))?;
                    Some((left.clone() + right.clone()).map_err(Stop::from))
                }
                _ if alike(left, right) => {
                    self.pay_for([left, right].into_iter())?;
                    Some((left.clone() + right.clone()).map_err(Stop::from))
                }
                _ => None,
            },
            operators::OPT_SELECT | operators::OPT_INDEX => Some(Ok(maybe(left, right))),
            operators::INDEX => match (left, right) {
                (Value::Opaque(_), _) if <&OptionalValue>::try_from(left).is_ok() => {
                    Some(Ok(maybe(left, right)))
                }
                (Value::Map(map), name) => key(name)
                    .and_then(|name| map.map.get(&name).cloned())
                    .map(Ok),
                (Value::List(list), Value::Int(at)) => {
                    let at = usize::try_from(*at).ok();
                    at.and_then(|at| list.get(at).cloned()).map(Ok)
                }
                _ => None,
            },
            operators::IN => match right {
                Value::List(list) => {
                    let each = cost::weight(left, self.limit);
                    self.pay(each.saturating_mul(cost::count(list.len())))?;
                    self.pay_for(list.iter())?;
                    Some(Ok(Value::Bool(list.contains(left))))
                }
                Value::Map(map) => {
                    key(left).map(|name| Ok(Value::Bool(map.map.contains_key(&name))))
                }
                _ => None,
            },
            _ => None,
        })
    }

    fn function(&mut self, call: &Call, target: Option<Value>, arguments: Vec<Value>) -> Made {
        let name = call.name.as_str();
        let all: Vec<Value> = target.iter().chain(&arguments).cloned().collect();
        if call.host {
            debug_assert!(self.functions.contains(&name));
            self.pay_for(all.iter().filter(|one| matches!(one, Value::String(_))))?;
            if name == "parseJSON" {
                return self.parse_json(&all);
            }
            let made = (self.host)(name, &all).map_err(|what| failed(name, &what))?;
            self.pay_for([&made].into_iter())?;
            return Ok(made);
        }
        let weight = self.pay_for(all.iter())?;
        if matches!(name, "matches" | "find" | "findAll") {
            return self.regex(name, &all);
        }
        let beyond = cost::beyond(name, &all, weight).map_err(|what| failed(name, &what))?;
        self.pay(beyond)?;
        drop(all);
        let made = functions::resolve(&call.resolved, target, arguments)?;
        self.pay_for([&made].into_iter())?;
        Ok(made)
    }

    fn parse_json(&mut self, all: &[Value]) -> Made {
        let [Value::String(text)] = all else {
            return Err(ExecutionError::NoSuchOverload.into());
        };
        self.pay(cost::count(text.len()))?;
        serde_json::from_str(text)
            .map(|value| super::from_json(&value))
            .map_err(|error| failed("parseJSON", &error.to_string()))
    }

    fn regex(&mut self, name: &str, all: &[Value]) -> Made {
        let [Value::String(text), Value::String(pattern), rest @ ..] = all else {
            return Err(ExecutionError::NoSuchOverload.into());
        };
        let compiled = regexes::compile(pattern).map_err(|what| failed(name, &what))?;
        self.pay(compiled.cost)?;
        let look = cost::bytes(text.len()).saturating_mul(compiled.weight);
        self.pay(look)?;
        let regex = &compiled.regex;
        let made = |found: regex::Match<'_>| super::text(found.as_str());
        Ok(match (name, rest) {
            ("matches", []) => Value::Bool(regex.is_match(text)),
            ("find", []) => regex.find(text).map_or_else(|| super::text(""), made),
            ("findAll", [] | [Value::Int(_)]) => {
                let most = match rest {
                    [Value::Int(most)] => usize::try_from(*most).unwrap_or(usize::MAX),
                    _ => usize::MAX,
                };
                let mut list = Vec::new();
                for found in regex.find_iter(text).take(most) {
                    // The next one may have to look at all the rest.
                    self.pay(ELEMENT + look / 10)?;
                    list.push(made(found));
                }
                Value::List(Arc::new(list))
            }
            _ => return Err(ExecutionError::NoSuchOverload.into()),
        })
    }
}

/// Whether both are of one simple type.
fn alike(left: &Value, right: &Value) -> bool {
    matches!(
        (left, right),
        (Value::Int(_), Value::Int(_))
            | (Value::UInt(_), Value::UInt(_))
            | (Value::Float(_), Value::Float(_))
            | (Value::String(_), Value::String(_))
            | (Value::Bool(_), Value::Bool(_))
    )
}

fn numbers(left: &Value, right: &Value) -> bool {
    let number = |value: &Value| matches!(value, Value::Int(_) | Value::UInt(_) | Value::Float(_));
    number(left) && number(right)
}

fn unary(name: &str, of: &Value) -> Option<Made> {
    match (name, of) {
        (operators::LOGICAL_NOT, Value::Bool(truth)) => Some(Ok(Value::Bool(!truth))),
        _ => None,
    }
}

/// What an optional value has; what is none is itself.
fn inner(value: Value) -> Option<Value> {
    match <&OptionalValue>::try_from(&value) {
        Ok(optional) => optional.value().cloned(),
        Err(_) => Some(value),
    }
}

/// What a value, or the one that an optional one has, has under a name, if it
/// has it.
fn maybe(of: &Value, name: &Value) -> Value {
    let of = match <&OptionalValue>::try_from(of) {
        Ok(optional) => optional.value(),
        Err(_) => Some(of),
    };
    let found = match (of, name) {
        (Some(Value::Map(map)), _) => key(name).and_then(|name| map.map.get(&name)),
        (Some(Value::List(list)), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| list.get(at))
        }
        _ => None,
    };
    let found = found
        .cloned()
        .map_or_else(OptionalValue::none, OptionalValue::of);
    Value::Opaque(Arc::new(found))
}

/// A field of a value, or whether there is one.
fn select(of: &Value, field: &Arc<String>, test: bool) -> Made {
    let found = match of {
        Value::Map(map) => map.map.get(&Key::String(Arc::clone(field))),
        Value::Opaque(opaque) => {
            if opaque.downcast_ref::<OptionalValue>().is_some() {
                let found = maybe(of, &Value::String(Arc::clone(field)));
                return Ok(if test {
                    Value::Bool(inner(found).is_some())
                } else {
                    found
                });
            }
            None
        }
        _ => None,
    };
    match (test, found) {
        (true, found) => Ok(Value::Bool(found.is_some())),
        (false, Some(value)) => Ok(value.clone()),
        (false, None) => Err(ExecutionError::NoSuchKey(Arc::clone(field)).into()),
    }
}
