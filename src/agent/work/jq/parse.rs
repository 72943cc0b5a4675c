//! From the text of an expression to a [`Filter`].

use serde_json::Value;

use super::super::jsonpath::{OPS, Op};

/// How deep an expression may be nested.
const DEEPEST: usize = 64;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// `.`
    Identity,
    /// A value written down.
    Literal(Value),
    /// What is in an array: `[f]`.
    Collect(Box<Filter>),
    /// A term and what follows it: `f.a[0]?`.
    Path(Box<Filter>, Vec<Step>),
    /// One after the other.
    Pipe(Vec<Filter>),
    /// One beside the other.
    Comma(Vec<Filter>),
    /// The first that has something: `a // b`.
    Else(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// All of them.
    And(Vec<Filter>),
    /// A comparison.
    Compare(Box<Filter>, Op, Box<Filter>),
    /// `if a then b else c end`, with the `elif`s in between.
    If(Vec<(Filter, Filter)>, Box<Filter>),
    /// A function and its arguments.
    Call(Function, Vec<Filter>),
}

/// A step from a value to values in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// `.name`
    Key(String),
    /// `[7]`
    Index(i64),
    /// `[]`
    Each,
    /// `?`: what went wrong so far gives nothing.
    Quietly,
}

/// The functions that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    All,
    Any,
    AsciiDowncase,
    AsciiUpcase,
    Contains,
    Empty,
    EndsWith,
    First,
    Has,
    Keys,
    Last,
    Length,
    Map,
    Not,
    Recurse,
    Select,
    StartsWith,
    Test,
    ToString,
    Type,
}

/// Their names, and how many arguments they may have.
const FUNCTIONS: [(&str, Function, &[usize]); 20] = [
    ("all", Function::All, &[0, 1, 2]),
    ("any", Function::Any, &[0, 1, 2]),
    ("ascii_downcase", Function::AsciiDowncase, &[0]),
    ("ascii_upcase", Function::AsciiUpcase, &[0]),
    ("contains", Function::Contains, &[1]),
    ("empty", Function::Empty, &[0]),
    ("endswith", Function::EndsWith, &[1]),
    ("first", Function::First, &[0, 1]),
    ("has", Function::Has, &[1]),
    ("keys", Function::Keys, &[0]),
    ("last", Function::Last, &[0, 1]),
    ("length", Function::Length, &[0]),
    ("map", Function::Map, &[1]),
    ("not", Function::Not, &[0]),
    ("recurse", Function::Recurse, &[0]),
    ("select", Function::Select, &[1]),
    ("startswith", Function::StartsWith, &[1]),
    ("test", Function::Test, &[1, 2]),
    ("tostring", Function::ToString, &[0]),
    ("type", Function::Type, &[0]),
];

/// Reads an expression.
///
/// # Errors
/// What is malformed or not known in it.
pub(super) fn parse(expression: &str) -> Result<Filter, String> {
    let mut parser = Parser {
        rest: expression,
        depth: 0,
    };
    let filter = parser.pipe()?;
    parser.space();
    if parser.rest.is_empty() {
        Ok(filter)
    } else {
        Err(parser.unexpected())
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

type Parsed = Result<Filter, String>;

/// One of several, or the only one.
fn joined(mut filters: Vec<Filter>, join: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match (filters.pop(), filters.is_empty()) {
        (Some(one), true) => one,
        (last, _) => {
            filters.extend(last);
            join(filters)
        }
    }
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self) -> String {
        match self.rest.trim() {
            "" => "unexpected end of the expression".to_owned(),
            rest => format!("unexpected token \"{rest}\""),
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn need(&mut self, text: &str) -> Result<(), String> {
        if self.eat(text) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The name that comes next, without taking it.
    fn name(&self) -> &str {
        let rest = self.rest.trim_start();
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    }

    fn word(&mut self, word: &str) -> bool {
        self.name() == word && self.eat(word)
    }

    fn need_word(&mut self, word: &str) -> Result<(), String> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// What is in brackets.
    fn nested(&mut self) -> Parsed {
        if self.depth == DEEPEST {
            return Err(format!("it is nested more than {DEEPEST} levels deep"));
        }
        self.depth += 1;
        let inner = self.pipe();
        self.depth -= 1;
        inner
    }

    fn pipe(&mut self) -> Parsed {
        let mut all = vec![self.comma()?];
        while self.eat("|") {
            all.push(self.comma()?);
        }
        Ok(joined(all, Filter::Pipe))
    }

    fn comma(&mut self) -> Parsed {
        let mut all = vec![self.alternative()?];
        while self.eat(",") {
            all.push(self.alternative()?);
        }
        Ok(joined(all, Filter::Comma))
    }

    fn alternative(&mut self) -> Parsed {
        let mut all = vec![self.or()?];
        while self.eat("//") {
            all.push(self.or()?);
        }
        Ok(joined(all, Filter::Else))
    }

    fn or(&mut self) -> Parsed {
        let mut all = vec![self.and()?];
        while self.word("or") {
            all.push(self.and()?);
        }
        Ok(joined(all, Filter::Or))
    }

    fn and(&mut self) -> Parsed {
        let mut all = vec![self.comparison()?];
        while self.word("and") {
            all.push(self.comparison()?);
        }
        Ok(joined(all, Filter::And))
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.term()?;
        for (symbol, op) in OPS {
            if self.eat(symbol) {
                let right = self.term()?;
                return Ok(Filter::Compare(Box::new(left), op, Box::new(right)));
            }
        }
        Ok(left)
    }

    fn term(&mut self) -> Parsed {
        self.space();
        let mut steps = Vec::new();
        let head = if self.eat("..") {
            Filter::Call(Function::Recurse, Vec::new())
        } else if self.eat(".") {
            if !self.rest.starts_with('[') {
                steps.extend(self.key()?.map(Step::Key));
            }
            Filter::Identity
        } else if self.eat("(") {
            let inner = self.nested()?;
            self.need(")")?;
            inner
        } else if self.eat("[") {
            if self.eat("]") {
                Filter::Literal(Value::Array(Vec::new()))
            } else {
                let inner = self.nested()?;
                self.need("]")?;
                Filter::Collect(Box::new(inner))
            }
        } else if self.rest.starts_with(['"', '{', '-']) || self.rest.starts_with(digit) {
            Filter::Literal(self.literal()?)
        } else {
            self.called()?
        };
        self.steps(&mut steps)?;
        Ok(if steps.is_empty() {
            head
        } else {
            Filter::Path(Box::new(head), steps)
        })
    }

    /// A word: a function, a condition, or a value.
    fn called(&mut self) -> Parsed {
        let name = self.name().to_owned();
        match name.as_str() {
            "" => return Err(self.unexpected()),
            "null" | "true" | "false" => return Ok(Filter::Literal(self.literal()?)),
            "if" => return self.condition(),
            _ => {}
        }
        let known = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        let Some((_, function, counts)) = known else {
            let names: Vec<&str> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
            return Err(format!(
                "\"{name}\" is not known here; there are: {}",
                names.join(", ")
            ));
        };
        self.eat(&name);
        let mut arguments = Vec::new();
        if self.eat("(") {
            arguments.push(self.nested()?);
            while self.eat(";") {
                arguments.push(self.nested()?);
            }
            self.need(")")?;
        }
        if counts.contains(&arguments.len()) {
            Ok(Filter::Call(*function, arguments))
        } else {
            Err(format!(
                "\"{name}\" cannot have {} arguments",
                arguments.len()
            ))
        }
    }

    fn condition(&mut self) -> Parsed {
        let mut cases = Vec::new();
        self.need_word("if")?;
        loop {
            let test = self.nested()?;
            self.need_word("then")?;
            cases.push((test, self.nested()?));
            if !self.word("elif") {
                break;
            }
        }
        let other = if self.word("else") {
            self.nested()?
        } else {
            Filter::Identity
        };
        self.need_word("end")?;
        Ok(Filter::If(cases, Box::new(other)))
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Result<(), String> {
        loop {
            if self.rest.starts_with("..") {
                return Err(self.unexpected());
            }
            if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                if !self.rest.starts_with('[') {
                    steps.push(Step::Key(self.key()?.ok_or("a field has no name")?));
                }
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                if self.eat("]") {
                    steps.push(Step::Each);
                    continue;
                }
                steps.push(match self.literal()? {
                    Value::String(key) => Step::Key(key),
                    Value::Number(n) => Step::Index(n.as_i64().ok_or("an index is an integer")?),
                    other => return Err(format!("{other} is no index")),
                });
                self.need("]")?;
            } else if let Some(rest) = self.rest.strip_prefix('?') {
                self.rest = rest;
                steps.push(Step::Quietly);
            } else {
                return Ok(());
            }
        }
    }

    fn key(&mut self) -> Result<Option<String>, String> {
        if self.rest.starts_with('"') {
            return match self.literal()? {
                Value::String(key) => Ok(Some(key)),
                _ => Err("a field is a string".to_owned()),
            };
        }
        if self.rest.starts_with(char::is_whitespace) {
            return Ok(None);
        }
        let name = self.name().to_owned();
        self.rest = &self.rest[name.len()..];
        Ok((!name.is_empty()).then_some(name))
    }

    /// A value as JSON writes it.
    fn literal(&mut self) -> Result<Value, String> {
        self.space();
        // What ends a number or a word here does not always end one in JSON.
        let scalar = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let end = match self.rest.find(|c| !scalar(c)) {
            Some(0) => {
                let mut stream = serde_json::Deserializer::from_str(self.rest).into_iter();
                let _: Option<Result<serde::de::IgnoredAny, _>> = stream.next();
                stream.byte_offset()
            }
            Some(end) => end,
            None => self.rest.len(),
        };
        let (literal, rest) = self.rest.split_at(end);
        let value = serde_json::from_str(literal).map_err(|_| self.unexpected())?;
        self.rest = rest;
        Ok(value)
    }
}

fn digit(c: char) -> bool {
    c.is_ascii_digit()
}
