//! What an expression may cost at most, before it is ever evaluated: the estimate of
//! cel-go with the functions of Kubernetes, to the unit. A real server refuses rules by
//! it, so that a rule that is taken here is taken there, too.

mod functions;
mod path;
mod size;

use std::collections::{BTreeMap, HashMap};

use cel::Value;
use cel::common::ast::operators;

use super::parse::{Call, Loop, Node};
use super::types::Type;
use path::{Path, Step};
use size::Size;
use size::times;

/// How large values may grow, beside their type.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// How many entries a list or a map has at most, how many bytes a text; 0 for others.
    pub most: u64,
    /// What is in it.
    pub inside: Inside,
}

/// What is in a value.
#[derive(Clone, Debug, Default)]
pub enum Inside {
    /// Nothing that can be named.
    #[default]
    Nothing,
    /// The fields of an object.
    Fields(BTreeMap<String, Shape>),
    /// The items of a list.
    Items(Box<Shape>),
    /// The values of a map.
    Values(Box<Shape>),
}

/// An expression that fits the types of its variables.
#[derive(Debug)]
pub struct Checked<'a> {
    pub(crate) root: &'a Node,
    /// The type of what it gives.
    pub kind: Type,
    /// The types of its parts, by where they are.
    pub(crate) kinds: HashMap<*const Node, Type>,
}

impl Checked<'_> {
    /// What it may cost at most with variables of this shape; none where it has a part
    /// that is not known here.
    #[must_use]
    pub fn most(&self, variables: &Shape) -> Option<u64> {
        let mut estimate = Estimate {
            variables,
            kinds: &self.kinds,
            local: Vec::new(),
        };
        Some(estimate.node(self.root)?.cost)
    }
}

/// The sizes of what is in a list or a map.
#[derive(Clone, Copy)]
struct Entries {
    list: bool,
    key: Size,
    value: Size,
}

impl Entries {
    fn or(self, other: Self) -> Self {
        Self {
            list: self.list,
            key: self.key.or(other.key),
            value: self.value.or(other.value),
        }
    }
}

/// What is known about a part of an expression.
#[derive(Clone)]
struct Part<'n> {
    cost: u64,
    /// None: it may be anything.
    size: Option<Size>,
    entries: Option<Entries>,
    path: Path<'n>,
    kind: Type,
    /// A number that was written.
    number: Option<u64>,
}

impl Part<'_> {
    fn size(&self) -> Size {
        self.size.unwrap_or(Size::UNKNOWN)
    }

    /// Whether it may be a value of the type that `is` says.
    fn may_be(&self, is: impl Fn(&Type) -> bool) -> bool {
        self.kind.is_open() || is(&self.kind)
    }
}

struct Estimate<'n> {
    variables: &'n Shape,
    kinds: &'n HashMap<*const Node, Type>,
    local: Vec<(&'n str, Part<'n>)>,
}

impl<'n> Estimate<'n> {
    /// A part that costs that much, of what its path and its type say about its size,
    /// unless `size` does.
    fn part(&self, cost: u64, kind: Type, path: Path<'n>, size: Option<Size>) -> Part<'n> {
        let size = size
            .or_else(|| path.most(self.variables).map(Size::up_to))
            .or_else(|| is_scalar(&kind).then(|| Size::of(1)));
        Part {
            cost,
            size,
            entries: None,
            path,
            kind,
            number: None,
        }
    }

    /// A part that comes from nowhere.
    fn made(&self, cost: u64, kind: Type, size: Option<Size>) -> Part<'n> {
        self.part(cost, kind, Path::default(), size)
    }

    fn kind(&self, node: &Node) -> Option<Type> {
        self.kinds.get(&std::ptr::from_ref(node)).cloned()
    }

    fn kind_or_unknown(&self, node: &Node) -> Type {
        self.kind(node).unwrap_or(Type::Unknown)
    }

    fn node(&mut self, node: &'n Node) -> Option<Part<'n>> {
        Some(match node {
            Node::Literal(value) => self.literal(node, value),
            Node::Name(name) => self.name(node, name),
            Node::Select { of, field, test } => {
                let of = self.node(of)?;
                if *test {
                    return Some(self.made(of.cost, Type::Bool, None));
                }
                let step = u64::from(matches!(of.kind, Type::Map(..) | Type::Object(_)));
                let path = of.path.then(Step::Field(field));
                let kind = self.kind_or_unknown(node);
                self.part(of.cost.saturating_add(step), kind, path, None)
            }
            Node::List(items) => self.list(node, items)?,
            Node::Map(entries) => self.map(node, entries)?,
            Node::And(parts) | Node::Or(parts) => {
                let (left, right) = (self.node(&parts[0])?, self.node(&parts[1])?);
                let cost = left.cost.saturating_add(right.cost);
                self.made(cost, Type::Bool, None)
            }
            Node::If(parts) => {
                let condition = self.node(&parts[0])?;
                let (yes, no) = (self.node(&parts[1])?, self.node(&parts[2])?);
                let cost = condition.cost.saturating_add(yes.cost.max(no.cost));
                let kind = self.kind(node).unwrap_or_else(|| yes.kind.clone());
                let size = yes.size().or(no.size());
                let mut made = self.made(cost, kind, Some(size));
                made.entries = yes.entries.zip(no.entries).map(|(yes, no)| yes.or(no));
                made
            }
            Node::NotFalse(of) => {
                let cost = self.node(of)?.cost.saturating_add(1);
                self.made(cost, Type::Bool, None)
            }
            Node::Call(call) => self.call(node, call)?,
            Node::Loop(each) => self.each(each)?,
        })
    }

    fn literal(&self, node: &Node, value: &Value) -> Part<'n> {
        let size = match value {
            Value::String(text) => Size::of(text.chars().count() as u64),
            Value::Bytes(bytes) => Size::of(bytes.len() as u64),
            _ => Size::of(1),
        };
        let kind = self.kind(node).unwrap_or(match value {
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            _ => Type::Unknown,
        });
        let mut part = self.made(0, kind, Some(size));
        if let Value::Int(number) = value {
            part.number = Some(number.cast_unsigned());
        }
        part
    }

    fn name(&self, node: &Node, name: &'n str) -> Part<'n> {
        let Some((_, known)) = self.local.iter().rev().find(|(known, _)| *known == name) else {
            let kind = self.kind_or_unknown(node);
            return self.part(1, kind, Path::variable(name), None);
        };
        let kind = self.kind(node).unwrap_or_else(|| known.kind.clone());
        let mut part = self.part(1, kind, known.path.clone(), None);
        part.size = part.size.or(known.size);
        part.entries = known.entries;
        part
    }

    fn list(&mut self, node: &Node, items: &'n [(Node, bool)]) -> Option<Part<'n>> {
        let (mut cost, mut value) = (10_u64, Size::NONE);
        for (item, _) in items {
            let item = self.node(item)?;
            cost = cost.saturating_add(item.cost);
            value = value.or(item.size());
        }
        let kind = self.kind(node).unwrap_or(Type::list(Type::Unknown));
        let mut part = self.made(cost, kind, Some(Size::of(items.len() as u64)));
        part.entries = Some(Entries {
            list: true,
            key: Size::of(1),
            value: value.or_empty(items.is_empty()),
        });
        Some(part)
    }

    fn map(&mut self, node: &Node, entries: &'n [(Node, Node, bool)]) -> Option<Part<'n>> {
        let (mut cost, mut key, mut value) = (30_u64, Size::NONE, Size::NONE);
        for (its_key, its_value, _) in entries {
            let (its_key, its_value) = (self.node(its_key)?, self.node(its_value)?);
            cost = cost
                .saturating_add(its_key.cost)
                .saturating_add(its_value.cost);
            key = key.or(its_key.size());
            value = value.or(its_value.size());
        }
        let kind = self.kind_or_unknown(node);
        let size = Size::of(entries.len() as u64);
        let mut part = self.made(cost, kind, Some(size));
        part.entries = Some(Entries {
            list: false,
            key: key.or_empty(entries.is_empty()),
            value: value.or_empty(entries.is_empty()),
        });
        Some(part)
    }

    /// A macro such as `all` or `map`.
    fn each(&mut self, each: &'n Loop) -> Option<Part<'n>> {
        let mut range = self.node(&each.range)?;
        let start = self.node(&each.start)?;
        let before = self.local.len();
        self.local.push((each.result.as_str(), start.clone()));
        let list = match range.entries {
            Some(entries) => entries.list,
            None => matches!(range.kind, Type::List(_)),
        };
        let item = Part {
            cost: 0,
            size: range
                .entries
                .map(|entries| if list { entries.value } else { entries.key }),
            entries: None,
            path: range.path.then(if list { Step::Item } else { Step::Key }),
            kind: match &range.kind {
                Type::List(item) => (**item).clone(),
                Type::Map(key, _) => (**key).clone(),
                _ => Type::Dyn,
            },
            number: None,
        };
        self.local.push((each.item.as_str(), item));
        let goes_on = self.node(&each.goes_on);
        let step = self.node(&each.step);
        self.local.truncate(before + 1);
        let end = self.node(&each.end);
        self.local.truncate(before);
        let (goes_on, step, end) = (goes_on?, step?, end?);
        if let Node::Name(_) | Node::Select { .. } = each.range {
            // By its path as that is now.
            let now = range.path.most(self.variables).map(Size::up_to);
            range.size = now.or(range.size);
        }
        let round = step.cost.saturating_add(goes_on.cost);
        let cost = [start.cost, end.cost, range.size().max.saturating_mul(round)]
            .into_iter()
            .fold(range.cost, u64::saturating_add);
        let gathers = matches!(each.start, Node::List(_) | Node::Map(_));
        let size = if gathers {
            Some(range.size())
        } else {
            start.size
        };
        let mut part = self.made(cost, end.kind, size);
        part.entries = step.entries.filter(|_| gathers);
        if gathers && let Node::List(_) = each.start {
            part.kind = step.kind;
        }
        Some(part)
    }

    fn call(&mut self, node: &Node, call: &'n Call) -> Option<Part<'n>> {
        let name = call.name.as_str();
        let mut of = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            of.push(self.node(argument)?);
        }
        let kind = self.kind(node);
        if let ("dyn", None, [one]) = (name, &call.target, of.as_slice()) {
            let cost = one.cost.saturating_add(1);
            let mut part = self.made(cost, Type::Dyn, one.size);
            part.entries = one.entries;
            return Some(part);
        }
        let target = match &call.target {
            Some(target) => Some(self.node(target)?),
            None => None,
        };
        let arguments = of
            .iter()
            .chain(&target)
            .fold(0_u64, |sum, one| sum.saturating_add(one.cost));
        let sum = |own: u64| arguments.saturating_add(own);
        if let ([left, right], None) = (of.as_slice(), &target) {
            match name {
                operators::INDEX => return Some(self.index(kind, sum(1), left)),
                operators::ADD => return Some(self.added(kind, arguments, left, right)),
                operators::EQUALS | operators::NOT_EQUALS => {
                    let own = functions::special_equality(name, left, right).unwrap_or_else(|| {
                        times(left.size().max.min(right.size().max), size::TRAVERSAL)
                    });
                    return Some(self.made(sum(own), Type::Bool, None));
                }
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS => {
                    let text = [Type::String, Type::Bytes].iter().any(|text| {
                        left.may_be(|one| one == text) && right.may_be(|one| one == text)
                    });
                    let open = left.kind.is_open() && right.kind.is_open();
                    let traversed = times(left.size().max.min(right.size().max), size::TRAVERSAL);
                    let own = match (text, open) {
                        (true, true) => traversed.max(1),
                        (true, false) => traversed,
                        (false, _) => 1,
                    };
                    return Some(self.made(sum(own), Type::Bool, None));
                }
                operators::IN => {
                    let own = match &right.kind {
                        Type::List(_) => right.size().max,
                        Type::Map(..) => 1,
                        _ => right.size().max.max(1),
                    };
                    return Some(self.made(sum(own), Type::Bool, None));
                }
                _ => {}
            }
        }
        if target.is_none() && name == operators::INDEX {
            return None;
        }
        let (own, size) = functions::cost(self, name, target.as_ref(), &of)?;
        Some(self.made(sum(own), kind.unwrap_or(Type::Unknown), size))
    }

    fn index(&self, kind: Option<Type>, cost: u64, of: &Part<'n>) -> Part<'n> {
        let path = match of.kind {
            Type::Optional(_) => Path::default(),
            _ => of.path.then(Step::Item),
        };
        let size = of.entries.map(|entries| entries.value);
        self.part(cost, kind.unwrap_or(Type::Unknown), path, size)
    }

    /// What `+` costs: nothing but for the texts and lists that it makes.
    fn added(
        &self,
        kind: Option<Type>,
        arguments: u64,
        left: &Part<'n>,
        right: &Part<'n>,
    ) -> Part<'n> {
        let both = |is: &dyn Fn(&Type) -> bool| left.may_be(is) && right.may_be(is);
        let text =
            both(&|one| matches!(one, Type::String)) || both(&|one| matches!(one, Type::Bytes));
        let list = both(&|one| matches!(one, Type::List(_)));
        let kind = kind.unwrap_or_else(|| left.kind.clone());
        if !text && !list {
            return self.made(arguments.saturating_add(1), kind, None);
        }
        let size = left.size().add(right.size());
        let own = if text {
            times(size.max, size::TRAVERSAL)
        } else {
            1
        };
        let open = left.kind.is_open() && right.kind.is_open();
        let own = if open || list { own.max(1) } else { own };
        let mut part = self.made(arguments.saturating_add(own), kind, Some(size));
        part.entries = left
            .entries
            .zip(right.entries)
            .map(|(left, right)| left.or(right));
        part
    }
}

/// Whether all values of a type are of one size.
fn is_scalar(kind: &Type) -> bool {
    match kind {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => {
            true
        }
        Type::Optional(of) => is_scalar(of),
        _ => false,
    }
}
