//! From text to a program: parsed on a stack of its own, bounded in depth, its
//! names looked up.

use std::sync::{Arc, Mutex, PoisonError};

use cel::Value;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators};
use cel::parser::Parser;

use super::{CompileError, DEEPEST, LONGEST, Language, Program, functions, regexes, short};

/// The stack of the parser. Its deepest expression is a chain of `LONGEST / 2`
/// links; the memory is only taken when it is needed, and given back.
const STACK: usize = 256 * 1024 * 1024;

/// How deep brackets may be nested, a little less than the parser's own limit.
const BRACKETS: usize = 90;

/// A part of a program.
#[derive(Debug)]
pub(crate) enum Node {
    Literal(Value),
    Name(String),
    Select {
        of: Box<Node>,
        field: Arc<String>,
        test: bool,
    },
    List(Vec<(Node, bool)>),
    Map(Vec<(Node, Node, bool)>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    If(Box<[Node; 3]>),
    NotFalse(Box<Node>),
    Call(Box<Call>),
    Loop(Box<Loop>),
}

/// A call of an operator or a function.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) host: bool,
    pub(crate) target: Option<Node>,
    pub(crate) arguments: Vec<Node>,
    /// As the crate carries it out.
    pub(crate) resolved: IdedExpr,
}

/// A comprehension.
#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) range: Node,
    pub(crate) item: String,
    pub(crate) result: String,
    pub(crate) start: Node,
    pub(crate) goes_on: Node,
    pub(crate) step: Node,
    pub(crate) end: Node,
}

/// Names that stand for themselves: types, and the first halves of functions'
/// names.
pub(crate) const KNOWN: &[&str] = &[
    "optional",
    "math",
    "base64",
    "sets",
    "strings",
    "format",
    "jsonpatch",
    "ip",
    "cidr",
    "quantity",
    "semver",
    "url",
    "type",
    "int",
    "uint",
    "double",
    "string",
    "bool",
    "bytes",
    "list",
    "map",
    "null_type",
];

pub(crate) fn parse(text: &str, language: Language) -> Result<Program, CompileError> {
    /// One at a time, so that their stacks do not add up.
    static ONE: Mutex<()> = Mutex::new(());

    if text.len() > LONGEST {
        let has = text.len();
        return Err(CompileError::Refused(format!(
            "the expression has {has} bytes, more than {LONGEST}"
        )));
    }
    let refused = |what: &str| CompileError::Refused(what.to_owned());
    if brackets(text) > BRACKETS {
        return Err(refused(&format!(
            "the expression is nested more than {BRACKETS} brackets deep"
        )));
    }
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("cel".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || program(text, language))
            .map_err(|error| refused(&format!("the expression cannot be read now: {error}")))?
            .join()
            .map_err(|_| refused("the expression cannot be read"))?
    })
}

/// How deep the brackets of an expression are nested, outside of texts and
/// comments. The parser, which has a limit of its own, takes long to get over
/// reaching it.
fn brackets(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                while bytes.get(at).is_some_and(|byte| *byte != b'\n') {
                    at += 1;
                }
            }
            b'\'' | b'"' => at = behind(bytes, at),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The last byte of the text that begins at a quote; the quote itself, if it
/// does not end.
pub(crate) fn behind(bytes: &[u8], quote: usize) -> usize {
    let mark = bytes[quote];
    let before = |back: usize| {
        quote
            .checked_sub(back)
            .map(|at| bytes[at].to_ascii_lowercase())
    };
    let raw = before(1) == Some(b'r') || before(1) == Some(b'b') && before(2) == Some(b'r');
    let long = bytes[quote..].starts_with(&[mark; 3]);
    let mut at = quote + if long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if !raw => at += 1,
            b'\n' | b'\r' if !long => return quote,
            _ if byte == mark && !long => return at,
            _ if byte == mark && bytes[at..].starts_with(&[mark; 3]) => return at + 2,
            _ => {}
        }
        at += 1;
    }
    quote
}

fn program(text: &str, language: Language) -> Result<Program, CompileError> {
    let parsed = Parser::default()
        .enable_optional_syntax(true)
        .parse(text)
        .map_err(|errors| CompileError::Invalid(short(&errors)))?;
    let mut names = Names {
        language,
        scope: Vec::new(),
        seen: Vec::new(),
        depth: 0,
    };
    let root = names.node(&parsed)?;
    Ok(Program {
        root,
        names: names.seen,
        functions: language.functions,
    })
}

struct Names {
    language: Language,
    scope: Vec<String>,
    seen: Vec<String>,
    depth: usize,
}

type Made = Result<Node, CompileError>;

fn undeclared(name: &str) -> CompileError {
    let name = short(&name);
    CompileError::Invalid(format!("undeclared reference to '{name}'"))
}

impl Names {
    fn node(&mut self, from: &IdedExpr) -> Made {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(CompileError::Refused(format!(
                "the expression is nested more than {DEEPEST} deep"
            )));
        }
        let node = self.made(from)?;
        self.depth -= 1;
        Ok(node)
    }

    fn boxed(&mut self, from: &IdedExpr) -> Result<Box<Node>, CompileError> {
        self.node(from).map(Box::new)
    }

    fn made(&mut self, from: &IdedExpr) -> Made {
        Ok(match &from.expr {
            Expr::Unspecified => return Err(CompileError::Invalid("nothing is said".to_owned())),
            Expr::Literal(literal) => {
                let value = literal.to_val();
                let value = Value::try_from(value.as_ref())
                    .map_err(|error| CompileError::Invalid(short(&error)))?;
                Node::Literal(value)
            }
            Expr::Ident(name) => {
                self.name(name)?;
                Node::Name(name.clone())
            }
            Expr::Select(select) => Node::Select {
                of: self.boxed(&select.operand)?,
                field: Arc::new(select.field.clone()),
                test: select.test,
            },
            Expr::List(list) => {
                let elements = list.elements.iter().enumerate().map(|(number, element)| {
                    let optional = list.optional_indices.contains(&number);
                    Ok((self.node(element)?, optional))
                });
                Node::List(elements.collect::<Result<_, CompileError>>()?)
            }
            Expr::Map(map) => {
                let entries = map.entries.iter().map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        let key = self.node(&entry.key)?;
                        Ok((key, self.node(&entry.value)?, entry.optional))
                    }
                    EntryExpr::StructField(field) => Err(undeclared(&field.field)),
                });
                Node::Map(entries.collect::<Result<_, CompileError>>()?)
            }
            Expr::Struct(made) => return Err(undeclared(&made.type_name)),
            Expr::Call(call) => self.call(call)?,
            Expr::Comprehension(loops) => self.comprehension(loops)?,
        })
    }

    fn name(&mut self, name: &str) -> Result<(), CompileError> {
        if self.scope.iter().any(|known| known == name) {
            return Ok(());
        }
        if !self.seen.iter().any(|seen| seen == name) {
            self.seen.push(name.to_owned());
        }
        match self.language.variables {
            Some(variables) if !variables.contains(&name) && !KNOWN.contains(&name) => {
                Err(undeclared(name))
            }
            _ => Ok(()),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Made {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => {
                return Ok(Node::And(Box::new([self.node(left)?, self.node(right)?])));
            }
            (operators::LOGICAL_OR, [left, right]) => {
                return Ok(Node::Or(Box::new([self.node(left)?, self.node(right)?])));
            }
            (operators::CONDITIONAL, [condition, yes, no]) => {
                let parts = [self.node(condition)?, self.node(yes)?, self.node(no)?];
                return Ok(Node::If(Box::new(parts)));
            }
            (operators::NOT_STRICTLY_FALSE, [of]) => return Ok(Node::NotFalse(self.boxed(of)?)),
            _ => {}
        }
        let operator = name.starts_with(['_', '@', '!', '-']);
        let host = self.language.functions.contains(&name);
        // `math.abs(…)` is one name, as long as there is such a function.
        let qualifier = call
            .target
            .as_deref()
            .and_then(|target| match &target.expr {
                Expr::Ident(prefix) if functions::is_known(&format!("{prefix}.{name}")) => {
                    Some(prefix)
                }
                _ => None,
            });
        if self.language.variables.is_some()
            && !(operator || host || qualifier.is_some() || functions::is_known(name))
        {
            return Err(undeclared(name));
        }
        let target = match (&call.target, qualifier) {
            (Some(target), None) => Some(self.node(target)?),
            _ => None,
        };
        let arguments = call.args.iter().map(|argument| self.node(argument));
        let arguments = arguments.collect::<Result<Vec<_>, CompileError>>()?;
        if matches!(name, "matches" | "find" | "findAll") && !host {
            let pattern = arguments
                .last()
                .filter(|_| arguments.len() + usize::from(target.is_some()) == 2);
            if let Some(Node::Literal(Value::String(pattern))) = pattern {
                regexes::check(pattern).map_err(CompileError::Refused)?;
            }
        }
        let (name, resolved) = match qualifier {
            Some(prefix) => (
                format!("{prefix}.{name}"),
                functions::call(name, Some(prefix), arguments.len()),
            ),
            None => {
                let to = target.as_ref().map(|_| functions::TARGET);
                (name.to_owned(), functions::call(name, to, arguments.len()))
            }
        };
        Ok(Node::Call(Box::new(Call {
            name,
            host,
            target,
            arguments,
            resolved,
        })))
    }

    fn comprehension(&mut self, loops: &ComprehensionExpr) -> Made {
        let range = self.node(&loops.iter_range)?;
        let start = self.node(&loops.accu_init)?;
        let before = self.scope.len();
        self.scope.push(loops.iter_var.clone());
        self.scope.extend(loops.iter_var2.clone());
        self.scope.push(loops.accu_var.clone());
        let goes_on = self.node(&loops.loop_cond)?;
        let step = self.node(&loops.loop_step)?;
        let end = self.node(&loops.result)?;
        self.scope.truncate(before);
        Ok(Node::Loop(Box::new(Loop {
            range,
            item: loops.iter_var.clone(),
            result: loops.accu_var.clone(),
            start,
            goes_on,
            step,
            end,
        })))
    }
}
