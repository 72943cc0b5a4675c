//! Whether an expression fits the types of its variables, before it is evaluated: what
//! cel-go's checker refuses, in its words. It is careful the other way round: what is
//! not known here (most of the functions) is taken to fit.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use cel::Value;
use cel::common::ast::operators;

use super::functions;
use super::parse::{Call, KNOWN, Loop, Node};
use super::places::Places;

/// The type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Not known here: it fits everywhere.
    Unknown,
    /// Whatever it turns out to be.
    Dyn,
    /// `null`.
    Null,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A whole number without a sign.
    Uint,
    /// A number.
    Double,
    /// A text.
    String,
    /// Bytes.
    Bytes,
    /// A point in time.
    Timestamp,
    /// A span of time.
    Duration,
    /// A list of these.
    List(Arc<Self>),
    /// A map from these to those.
    Map(Arc<Self>, Arc<Self>),
    /// An object with these fields, and no others.
    Object(Arc<BTreeMap<String, Self>>),
    /// One of these, or none.
    Optional(Arc<Self>),
}

use Type::{
    Bool, Bytes, Double, Duration, Dyn, Int, List, Map, Null, Object, Optional, String as Text,
    Timestamp, Uint, Unknown,
};

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unknown | Dyn => "dyn",
            Null => "null",
            Bool => "bool",
            Int => "int",
            Uint => "uint",
            Double => "double",
            Text => "string",
            Bytes => "bytes",
            Timestamp => "timestamp",
            Duration => "duration",
            Object(_) => "object",
            List(of) => return write!(f, "list({of})"),
            Map(key, value) => return write!(f, "map({key}, {value})"),
            Optional(of) => return write!(f, "optional_type({of})"),
        })
    }
}

impl Type {
    /// A list of these.
    #[must_use]
    pub fn list(of: Self) -> Self {
        List(Arc::new(of))
    }

    /// A map from texts to these.
    #[must_use]
    pub fn map(to: Self) -> Self {
        Map(Arc::new(Text), Arc::new(to))
    }

    const fn is_open(&self) -> bool {
        matches!(self, Unknown | Dyn)
    }

    const fn is_number(&self) -> bool {
        matches!(self, Int | Uint | Double)
    }

    /// Whether a value may be of both.
    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (one, other) if one.is_open() || other.is_open() => true,
            (Null, other) | (other, Null) => {
                matches!(other, Null | Object(_) | Timestamp | Duration | Optional(_))
            }
            (List(one), List(other)) | (Optional(one), Optional(other)) => one.agrees(other),
            (Map(key, value), Map(other_key, other_value)) => {
                key.agrees(other_key) && value.agrees(other_value)
            }
            // Two are the same only where one was taken from the other: not told apart.
            (Object(_), Object(_)) => true,
            (one, other) => one == other,
        }
    }

    /// What a value is that may be of both.
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (List(one), List(other)) => Self::list((*one).clone().joined((*other).clone())),
            (Null | Dyn, other) => other,
            (one, Null | Dyn) => one,
            (one, other) if one == other => one,
            _ => Unknown,
        }
    }
}

/// What does not fit, and where: as cel-go writes it.
struct Complaint {
    line: usize,
    column: usize,
    text: String,
}

/// What the expression gives.
///
/// # Errors
/// Everything that does not fit, in the order of the text.
pub(crate) fn check(root: &Node, text: &str, variables: &[(&str, Type)]) -> Result<Type, String> {
    let mut checker = Checker {
        scope: variables
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), kind.clone()))
            .collect(),
        places: Places::of(text),
        at: 0,
        text,
        complaints: Vec::new(),
    };
    let found = checker.node(root);
    let mut complaints = checker.complaints;
    if complaints.is_empty() {
        return Ok(found);
    }
    complaints.sort_by_key(|complaint| (complaint.line, complaint.column));
    let said: Vec<String> = complaints
        .into_iter()
        .map(|complaint| complaint.text)
        .collect();
    Err(said.join("\n"))
}

struct Checker<'a> {
    scope: Vec<(String, Type)>,
    places: Places,
    /// Where what was looked at last stands.
    at: usize,
    text: &'a str,
    complaints: Vec<Complaint>,
}

impl Checker<'_> {
    /// Takes down what does not fit at a byte of the text; the rest is not blamed for it.
    fn complain(&mut self, at: usize, what: &str) -> Type {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count();
        let shown = self.text.lines().nth(line).unwrap_or_default();
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        let dots = ".".repeat(column);
        self.complaints.push(Complaint {
            line,
            column,
            text: format!(
                "ERROR: <input>:{}:{}: {what}\n | {shown}\n | {dots}^",
                line + 1,
                column + 1
            ),
        });
        Unknown
    }

    fn no_overload(&mut self, at: usize, name: &str, of: &[Type]) -> Type {
        let of: Vec<String> = of.iter().map(ToString::to_string).collect();
        let of = of.join(", ");
        self.complain(
            at,
            &format!("found no matching overload for '{name}' applied to '({of})'"),
        )
    }

    fn no_method(&mut self, at: usize, name: &str, target: &Type, of: &[Type]) -> Type {
        let of: Vec<String> = of.iter().map(ToString::to_string).collect();
        let of = of.join(", ");
        self.complain(
            at,
            &format!("found no matching overload for '{name}' applied to '{target}.({of})'"),
        )
    }

    fn node(&mut self, node: &Node) -> Type {
        match node {
            Node::Literal(value) => literal(value),
            Node::Name(name) => self.name(name),
            Node::Select { of, field, test } => {
                let asked = test.then(|| self.places.call("has"));
                let of = self.node(of);
                let dot = self.places.field(field);
                self.at = asked.unwrap_or(dot);
                let found = self.select(&of, field, self.at);
                if *test { Bool } else { found }
            }
            Node::List(elements) => {
                let at = self.places.bracket();
                let mut of = None;
                for (element, _) in elements {
                    of = Some(either(of, self.node(element)));
                }
                self.at = at;
                Type::list(of.unwrap_or(Unknown))
            }
            Node::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for (key, value, _) in entries {
                    keys = Some(either(keys, self.node(key)));
                    values = Some(either(values, self.node(value)));
                }
                let of = |found: Option<Type>| Arc::new(found.unwrap_or(Unknown));
                Map(of(keys), of(values))
            }
            Node::And(parts) => self.logical("&&", parts),
            Node::Or(parts) => self.logical("||", parts),
            Node::If(parts) => {
                let condition = self.node(&parts[0]);
                let at = self.places.token("?");
                let (yes, no) = (self.node(&parts[1]), self.node(&parts[2]));
                self.at = at;
                if !condition.agrees(&Bool) || !yes.agrees(&no) {
                    return self.no_overload(at, operators::CONDITIONAL, &[condition, yes, no]);
                }
                yes.joined(no)
            }
            Node::NotFalse(of) => {
                self.node(of);
                Bool
            }
            Node::Call(call) => self.call(call),
            Node::Loop(each) => self.each(each),
        }
    }

    fn name(&mut self, name: &str) -> Type {
        let at = self.places.name(name);
        self.at = at;
        if let Some((_, kind)) = self.scope.iter().rev().find(|(known, _)| known == name) {
            return kind.clone();
        }
        if KNOWN.contains(&name) {
            return Unknown;
        }
        self.complain(
            at,
            &format!("undeclared reference to '{name}' (in container '')"),
        )
    }

    fn select(&mut self, of: &Type, field: &str, at: usize) -> Type {
        match of {
            Unknown | Dyn => of.clone(),
            Object(fields) => match fields.get(field) {
                Some(kind) => kind.clone(),
                None => self.complain(at, &format!("undefined field '{field}'")),
            },
            Map(_, value) => (**value).clone(),
            Optional(inner) => match self.select(inner, field, at) {
                Unknown => Unknown,
                found => Optional(Arc::new(found)),
            },
            other => self.complain(
                at,
                &format!("type '{other}' does not support field selection"),
            ),
        }
    }

    fn logical(&mut self, token: &str, parts: &[Node; 2]) -> Type {
        self.condition(&parts[0]);
        let at = self.places.token(token);
        self.condition(&parts[1]);
        self.at = at;
        Bool
    }

    /// What must be true or false.
    fn condition(&mut self, node: &Node) {
        let found = self.node(node);
        if !found.agrees(&Bool) {
            let what = format!("expected type 'bool' but found '{found}'");
            self.complain(self.at, &what);
        }
    }

    fn call(&mut self, call: &Call) -> Type {
        let name = call.name.as_str();
        match (name, &call.target, call.arguments.as_slice()) {
            (operators::LOGICAL_NOT | operators::NEGATE, None, [of]) => {
                let token = if name == operators::NEGATE { "-x" } else { "!" };
                let at = self.places.token(token);
                let of = self.node(of);
                self.at = at;
                let fits = match name {
                    operators::NEGATE => of.is_open() || matches!(of, Int | Double | Duration),
                    _ => of.agrees(&Bool),
                };
                match fits {
                    true => of,
                    false => self.no_overload(at, name, &[of]),
                }
            }
            (operators::INDEX, None, [of, index]) => {
                let of = self.node(of);
                let at = self.places.index();
                let index = self.node(index);
                self.at = at;
                let found = match &of {
                    List(item) if index.is_open() || index.is_number() => Some((**item).clone()),
                    Map(key, value) if key.agrees(&index) => Some((**value).clone()),
                    Unknown | Dyn | Optional(_) => Some(Unknown),
                    _ => None,
                };
                found.unwrap_or_else(|| self.no_overload(at, name, &[of, index]))
            }
            (_, None, [left, right]) if operator(name).is_some() => {
                let left = self.node(left);
                let at = self.places.token(operator(name).unwrap_or_default());
                let right = self.node(right);
                self.at = at;
                match binary(name, &left, &right) {
                    Some(found) => found,
                    None => self.no_overload(at, name, &[left, right]),
                }
            }
            _ => self.function(call),
        }
    }

    fn function(&mut self, call: &Call) -> Type {
        let name = call.name.as_str();
        let target = call.target.as_ref().map(|target| self.node(target));
        let at = self.places.call(name.rsplit('.').next().unwrap_or(name));
        let of: Vec<Type> = call.arguments.iter().map(|one| self.node(one)).collect();
        self.at = at;
        if !(name.starts_with(['_', '@']) || functions::is_declared(name)) {
            let what = format!("undeclared reference to '{name}' (in container '')");
            return self.complain(at, &what);
        }
        match (name, &target, of.as_slice()) {
            ("size", None, [one]) | ("size", Some(one), []) => match one {
                Unknown | Dyn | Text | Bytes | List(_) | Map(..) => Int,
                _ if target.is_some() => self.no_method(at, name, one, &[]),
                _ => self.no_overload(at, name, &of),
            },
            ("startsWith" | "endsWith" | "matches", Some(text), [part]) => {
                match text.agrees(&Text) && part.agrees(&Text) {
                    true => Bool,
                    false => self.no_method(at, name, text, &of),
                }
            }
            ("contains", Some(of_what), [part]) => match (of_what, part) {
                (Bool | Int | Uint | Double | Null | List(_) | Map(..), _)
                | (Text, Bool | Int | Uint | Double | Null | List(_) | Map(..)) => {
                    self.no_method(at, name, of_what, &of)
                }
                _ => Bool,
            },
            (_, None, [_]) => converted(name),
            (_, Some(_), _) => made(name),
            _ => Unknown,
        }
    }

    /// A macro such as `all` or `map`.
    fn each(&mut self, each: &Loop) -> Type {
        let range = self.node(&each.range);
        let item = match &range {
            List(item) => (**item).clone(),
            Map(key, _) => (**key).clone(),
            Unknown | Dyn => range.clone(),
            other => {
                let what = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.complain(self.at, &what)
            }
        };
        let at = self.places.a_macro();
        self.places.name(&each.item);
        let before = self.scope.len();
        self.scope.push((each.item.clone(), item));
        let found = self.step(each, &each.step, at);
        self.scope.truncate(before);
        self.at = at;
        // A list is what it gathers; all others are true or false.
        match &each.start {
            Node::List(_) => Type::list(found),
            _ => Bool,
        }
    }

    /// The parts of a macro's step that somebody wrote; what one round of it gathers.
    fn step(&mut self, each: &Loop, step: &Node, at: usize) -> Type {
        let is_result = |node: &Node| matches!(node, Node::Name(name) if *name == each.result);
        match step {
            Node::And(parts) | Node::Or(parts) if is_result(&parts[0]) => {
                self.condition(&parts[1]);
                Bool
            }
            Node::If(parts) if is_result(&parts[2]) => {
                let condition = self.node(&parts[0]);
                let found = self.step(each, &parts[1], at);
                if !condition.agrees(&Bool) {
                    let result = match &each.start {
                        Node::List(_) => Type::list(found.clone()),
                        _ => Int,
                    };
                    let of = [condition, result.clone(), result];
                    self.no_overload(at, operators::CONDITIONAL, &of);
                }
                found
            }
            Node::Call(call) if call.arguments.first().is_some_and(is_result) => {
                match call.arguments.get(1) {
                    Some(Node::List(list)) => match list.first() {
                        // `filter` gathers the item itself, which nobody wrote again.
                        Some((Node::Name(name), _)) if *name == each.item => {
                            let known = self.scope.iter().rev().find(|(one, _)| one == name);
                            known.map_or(Unknown, |(_, kind)| kind.clone())
                        }
                        Some((one, _)) => self.node(one),
                        None => Unknown,
                    },
                    _ => Unknown,
                }
            }
            _ => Unknown,
        }
    }
}

/// What is of one type as long as all are.
fn either(before: Option<Type>, next: Type) -> Type {
    match before {
        None => next,
        Some(before) if before == next => before,
        Some(_) => Dyn,
    }
}

fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Null,
        Value::Bool(_) => Bool,
        Value::Int(_) => Int,
        Value::UInt(_) => Uint,
        Value::Float(_) => Double,
        Value::String(_) => Text,
        Value::Bytes(_) => Bytes,
        _ => Unknown,
    }
}

/// What a function makes of one value.
fn converted(name: &str) -> Type {
    match name {
        "int" => Int,
        "uint" => Uint,
        "double" => Double,
        "string" => Text,
        "bytes" => Bytes,
        "timestamp" => Timestamp,
        "duration" => Duration,
        "bool" | "isURL" | "isIP" | "isCIDR" | "isQuantity" => Bool,
        _ => Unknown,
    }
}

/// What a function of texts makes of one.
fn made(name: &str) -> Type {
    match name {
        "lowerAscii" | "upperAscii" | "trim" | "replace" | "substring" | "join" => Text,
        "split" => Type::list(Text),
        "indexOf" | "lastIndexOf" => Int,
        _ => Unknown,
    }
}

/// How an operator between two values is written.
fn operator(name: &str) -> Option<&'static str> {
    Some(match name {
        operators::ADD => "+",
        operators::SUBSTRACT => "-",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        operators::MODULO => "%",
        operators::EQUALS => "==",
        operators::NOT_EQUALS => "!=",
        operators::GREATER => ">",
        operators::GREATER_EQUALS => ">=",
        operators::LESS => "<",
        operators::LESS_EQUALS => "<=",
        operators::IN => "in",
        _ => return None,
    })
}

/// What an operator gives, if it takes these.
fn binary(name: &str, left: &Type, right: &Type) -> Option<Type> {
    let open = left.is_open() || right.is_open();
    let ordered = |one: &Type| {
        matches!(
            one,
            Bool | Int | Uint | Double | Text | Bytes | Timestamp | Duration
        )
    };
    match name {
        operators::EQUALS | operators::NOT_EQUALS => left.agrees(right).then_some(Bool),
        operators::GREATER
        | operators::GREATER_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS => {
            let known = |one: &Type| one.is_open() || ordered(one);
            let alike = open || left == right || left.is_number() && right.is_number();
            (known(left) && known(right) && alike).then_some(Bool)
        }
        operators::IN => match right {
            List(item) => item.agrees(left).then_some(Bool),
            Map(key, _) => key.agrees(left).then_some(Bool),
            Unknown | Dyn => Some(Bool),
            _ => None,
        },
        _ if open => Some(Unknown),
        operators::ADD => match (left, right) {
            (Int | Uint | Double | Text | Bytes | Duration, _) if left == right => {
                Some(left.clone())
            }
            (List(one), List(other)) if one.agrees(other) => {
                Some(left.clone().joined(right.clone()))
            }
            (Timestamp, Duration) | (Duration, Timestamp) => Some(Timestamp),
            _ => None,
        },
        operators::SUBSTRACT => match (left, right) {
            (Int | Uint | Double | Duration, _) if left == right => Some(left.clone()),
            (Timestamp, Duration) => Some(Timestamp),
            (Timestamp, Timestamp) => Some(Duration),
            _ => None,
        },
        operators::MODULO => (left == right && matches!(left, Int | Uint)).then(|| left.clone()),
        _ => (left == right && left.is_number()).then(|| left.clone()),
    }
}
