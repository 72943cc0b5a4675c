//! Whether an expression fits the types of its variables, before it is evaluated: what
//! cel-go's checker refuses, in its words. It is careful the other way round: what is
//! not known here (most of the functions) is taken to fit.

mod signatures;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::operators;

use super::estimate::Checked;
use super::functions;
use super::parse::{Call, KNOWN, Loop, Node};
use super::places::Places;
use super::types::Type::{
    self, Bool, Bytes, Double, Duration, Dyn, Int, List, Map, Null, Object, Optional,
    String as Text, Uint, Unknown,
};
use signatures::{binary, converted, literal, made, operator};

/// What does not fit, and where: as cel-go writes it.
struct Complaint {
    line: usize,
    column: usize,
    text: String,
}

/// The types of an expression and its parts.
///
/// # Errors
/// Everything that does not fit, in the order of the text.
pub(crate) fn check<'a>(
    root: &'a Node,
    text: &str,
    variables: &[(&str, Type)],
) -> Result<Checked<'a>, String> {
    let mut checker = Checker {
        scope: variables
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), kind.clone()))
            .collect(),
        places: Places::of(text),
        at: 0,
        mixed: false,
        text,
        kinds: HashMap::new(),
        complaints: Vec::new(),
        unlike: Vec::new(),
    };
    let kind = checker.node(root);
    let mut complaints = checker.complaints;
    if complaints.is_empty() {
        complaints = checker.unlike;
    }
    if complaints.is_empty() {
        return Ok(Checked {
            root,
            kind,
            kinds: checker.kinds,
        });
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
    /// Whether lists may hold values of several types here.
    mixed: bool,
    text: &'a str,
    /// The types of what was looked at, by where it is.
    kinds: HashMap<*const Node, Type>,
    complaints: Vec<Complaint>,
    /// Of lists and maps of several types: told where there is nothing else to tell.
    unlike: Vec<Complaint>,
}

impl Checker<'_> {
    /// Takes down what does not fit at a byte of the text; the rest is not blamed for it.
    fn complain(&mut self, at: usize, what: &str) -> Type {
        let complaint = self.complaint(at, what);
        self.complaints.push(complaint);
        Unknown
    }

    fn complaint(&self, at: usize, what: &str) -> Complaint {
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
        Complaint {
            line,
            column,
            text: format!(
                "ERROR: <input>:{}:{}: {what}\n | {shown}\n | {dots}^",
                line + 1,
                column + 1
            ),
        }
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
        let kind = self.kind(node);
        self.kinds.insert(std::ptr::from_ref(node), kind.clone());
        kind
    }

    fn kind(&mut self, node: &Node) -> Type {
        match node {
            Node::Literal(value) => {
                self.at = self.places.literal();
                literal(value)
            }
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
                let mut first = None;
                for (element, _) in elements {
                    of = Some(self.alike(&mut first, true, of, element));
                }
                self.at = at;
                Type::list(of.unwrap_or(Unknown))
            }
            Node::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                let (mut first_key, mut first_value) = (None, None);
                for (key, value, _) in entries {
                    keys = Some(self.alike(&mut first_key, false, keys, key));
                    values = Some(self.alike(&mut first_value, false, values, value));
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

    /// The type of what a list or a map holds, whose first is of that type, with one more
    /// in it. What is of another type than the first is told, perhaps only `once`.
    fn alike(
        &mut self,
        first: &mut Option<Type>,
        once: bool,
        of: Option<Type>,
        node: &Node,
    ) -> Type {
        let found = self.node(node);
        let like = first.get_or_insert_with(|| found.clone());
        if !(self.mixed || like.is_the_same(&found)) {
            let what = format!("expected type '{like}' but found '{found}'");
            let complaint = self.complaint(self.at, &what);
            self.unlike.push(complaint);
            if once {
                *first = Some(Unknown);
            }
        }
        match of {
            None => found,
            Some(of) if of.agrees(&found) => of.joined(found),
            Some(_) => Dyn,
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
        // What is formatted may be of any types.
        let mixed = self.mixed;
        self.mixed |= name == "format";
        let of: Vec<Type> = call.arguments.iter().map(|one| self.node(one)).collect();
        self.mixed = mixed;
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
            // Of a later version of the functions of texts.
            ("reverse", Some(Text), []) => self.no_method(at, name, &Text, &[]),
            ("contains", Some(of_what), [part]) => match (of_what, part) {
                (Bool | Int | Uint | Double | Null | List(_) | Map(..), _)
                | (Text, Bool | Int | Uint | Double | Null | List(_) | Map(..)) => {
                    self.no_method(at, name, of_what, &of)
                }
                _ => Bool,
            },
            (_, None, [_]) => converted(name),
            (_, Some(of), _) => made(name, of),
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
