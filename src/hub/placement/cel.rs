//! Expressions of predicates: compiled once, bounded in what they may cost, and
//! their verdicts kept until the cluster changes.
//!
//! The bound is counted while an expression runs: every turn of a loop and every
//! joined text or list is charged by functions that are woven into the compiled
//! expression.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cel::common::ast::operators;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::{Context, ExecutionError, Program, Value as Cel};
use kube_cel::KubeCelExt as _;
use serde_json::Value;

/// What one expression may cost for one cluster.
pub const COST_OF_ONE: u64 = 1_000_000;
/// What all expressions of a selector together may cost for one cluster.
pub const COST_OF_ALL: u64 = 10_000_000;
/// How long an expression may be.
const LONGEST: usize = 16 * 1024;

const TICK: &str = "@tick";
const JOIN: &str = "@join";
const OVER: &str = "the expression costs more than it may";

/// The scores of a cluster that an expression may ask for.
pub type Scores = BTreeMap<String, BTreeMap<String, i64>>;

thread_local! {
    static COST: Cell<u64> = const { Cell::new(0) };
    static SCORES: RefCell<Option<Scores>> = const { RefCell::new(None) };
    /// All functions, registered once a thread.
    static FUNCTIONS: RefCell<Context<'static>> = RefCell::new(functions());
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    body: IdedExpr,
}

/// Compiles an expression.
///
/// # Errors
/// What is wrong with it, beginning with `compilation failed:`.
pub fn compile(text: &str) -> Result<Expression, String> {
    if text.len() > LONGEST {
        return Err(format!(
            "compilation failed: the expression has {} bytes, more than {LONGEST}",
            text.len()
        ));
    }
    // A parser that gives up must not take the hub with it.
    let parsed = std::panic::catch_unwind(|| Program::compile(text))
        .map_err(|_| "compilation failed: the expression cannot be read".to_owned())?
        .map_err(|errors| format!("compilation failed: {errors}"))?;
    let mut body = parsed.expression().clone();
    let mut scope = Vec::new();
    weave(&mut body, &mut scope).map_err(|error| format!("compilation failed: {error}"))?;
    Ok(Expression { body })
}

/// Names that stand for themselves: types, and the first halves of functions' names.
const KNOWN: &[&str] = &[
    "managedCluster",
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

/// Checks names, and charges loops and joins. Gives the number of nodes.
fn weave(node: &mut IdedExpr, scope: &mut Vec<String>) -> Result<i64, String> {
    let id = node.id;
    let mut nodes = 1;
    match &mut node.expr {
        Expr::Unspecified | Expr::Literal(_) => {}
        Expr::Ident(name) => {
            if !scope.contains(name) && !KNOWN.contains(&name.as_str()) {
                return Err(format!("undeclared reference to '{name}'"));
            }
        }
        Expr::Select(select) => nodes += weave(&mut select.operand, scope)?,
        Expr::List(list) => {
            for element in &mut list.elements {
                nodes += weave(element, scope)?;
            }
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    nodes += weave(&mut entry.key, scope)? + weave(&mut entry.value, scope)?;
                }
            }
        }
        Expr::Struct(made) => {
            return Err(format!("undeclared reference to '{}'", made.type_name));
        }
        Expr::Call(call) => {
            let operator = call.func_name.starts_with(['_', '@', '!', '-']);
            if !operator && !is_known(call) {
                return Err(format!("undeclared reference to '{}'", call.func_name));
            }
            if let Some(target) = &mut call.target {
                nodes += weave(target, scope)?;
            }
            for argument in &mut call.args {
                nodes += weave(argument, scope)?;
            }
            if call.func_name == operators::ADD && call.args.len() == 2 {
                call.func_name = JOIN.to_owned();
            }
        }
        Expr::Comprehension(loops) => {
            nodes += weave(&mut loops.iter_range, scope)?;
            nodes += weave(&mut loops.accu_init, scope)?;
            let before = scope.len();
            scope.push(loops.iter_var.clone());
            scope.extend(loops.iter_var2.clone());
            scope.push(loops.accu_var.clone());
            let turn = weave(&mut loops.loop_cond, scope)? + weave(&mut loops.loop_step, scope)?;
            nodes += turn + weave(&mut loops.result, scope)?;
            scope.truncate(before);
            // tick(turn) && condition
            let condition = std::mem::take(&mut loops.loop_cond);
            let tick = call(id, TICK, vec![literal(id, turn)]);
            loops.loop_cond = call(id, operators::LOGICAL_AND, vec![tick, condition]);
        }
    }
    Ok(nodes)
}

fn literal(id: u64, number: i64) -> IdedExpr {
    let expr = Expr::Literal(LiteralValue::Int(number.into()));
    IdedExpr { id, expr }
}

fn call(id: u64, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    let expr = Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    });
    IdedExpr { id, expr }
}

/// Whether a function of that name is registered: asked by calling it with nothing.
fn is_known(call: &CallExpr) -> bool {
    let empty = |name: &str| {
        let expr = Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: None,
            args: Vec::new(),
        });
        FUNCTIONS.with_borrow(|functions| {
            let asked = IdedExpr { id: 0, expr };
            !matches!(
                Cel::resolve(&asked, functions),
                Err(ExecutionError::UndeclaredReference(_))
            )
        })
    };
    let qualified = call
        .target
        .as_deref()
        .and_then(|target| match &target.expr {
            Expr::Ident(name) => Some(format!("{name}.{}", call.func_name)),
            _ => None,
        });
    empty(&call.func_name) || qualified.is_some_and(|name| empty(&name))
}

fn charge(cost: u64) -> Result<(), ExecutionError> {
    let total = COST.get().saturating_add(cost);
    COST.set(total);
    if total > COST_OF_ONE {
        return Err(ExecutionError::function_error("cost", OVER));
    }
    Ok(())
}

fn functions() -> Context<'static> {
    let mut context = Context::default().with_all();
    context.add_function(TICK, |cost: i64| -> Result<Cel, ExecutionError> {
        charge(cost.unsigned_abs())?;
        Ok(Cel::Bool(true))
    });
    context.add_function(
        JOIN,
        |left: Cel, right: Cel| -> Result<Cel, ExecutionError> {
            charge((size(&left) + size(&right)) / 10 + 1)?;
            left + right
        },
    );
    context.add_function("parseJSON", |This(text): This<Arc<String>>| {
        serde_json::from_str::<Value>(&text)
            .map(|value| to_cel(&value))
            .map_err(|error| ExecutionError::function_error("parseJSON", error))
    });
    context.add_function("scores", |This(_): This<Cel>, name: Arc<String>| {
        SCORES.with_borrow(|scores| {
            let values = scores.as_ref().and_then(|scores| scores.get(name.as_str()));
            let Some(values) = values else {
                let what = format!("AddOnPlacementScore {name:?} not found");
                return Err(ExecutionError::function_error("scores", what));
            };
            let list = values.iter().map(|(name, value)| {
                let one = [("name", text(name)), ("value", Cel::Int(*value))];
                Cel::Map(Map {
                    map: Arc::new(
                        one.map(|(key, value)| (Key::String(Arc::new(key.to_owned())), value))
                            .into(),
                    ),
                })
            });
            Ok(Cel::List(Arc::new(list.collect())))
        })
    });
    context
}

fn size(value: &Cel) -> u64 {
    let length = match value {
        Cel::String(text) => text.len(),
        Cel::Bytes(bytes) => bytes.len(),
        Cel::List(list) => list.len().saturating_mul(10),
        _ => 0,
    };
    u64::try_from(length).unwrap_or(u64::MAX / 4)
}

fn text(text: &str) -> Cel {
    Cel::String(Arc::new(text.to_owned()))
}

fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| Cel::Float(number.as_f64().unwrap_or(f64::NAN)), Cel::Int),
        Value::String(string) => text(string),
        Value::Array(list) => Cel::List(Arc::new(list.iter().map(to_cel).collect())),
        Value::Object(map) => Cel::Map(Map {
            map: Arc::new(
                map.iter()
                    .map(|(name, value)| (Key::String(Arc::new(name.clone())), to_cel(value)))
                    .collect(),
            ),
        }),
    }
}

/// What an expression says of a cluster, and what that cost. `None` with the
/// reason when it says neither yes nor no.
pub fn evaluate(
    expression: &Expression,
    whole: &str,
    scores: impl FnOnce() -> Scores,
) -> (Result<bool, String>, u64) {
    let Ok(object) = serde_json::from_str::<Value>(whole) else {
        return (Err("the ManagedCluster cannot be read".to_owned()), 0);
    };
    COST.set(0);
    SCORES.set(Some(scores()));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        FUNCTIONS.with_borrow(|functions| {
            let mut context = functions.new_inner_scope();
            context.add_variable_from_value("managedCluster", to_cel(&object));
            Cel::resolve(&expression.body, &context)
        })
    }));
    SCORES.set(None);
    let cost = COST.get();
    let verdict = match outcome {
        _ if cost > COST_OF_ONE => Err(format!("{OVER} ({COST_OF_ONE})")),
        Ok(Ok(Cel::Bool(truth))) => Ok(truth),
        Ok(Ok(other)) => Err(format!(
            "the expression gives {:?}, not true or false",
            other.type_of()
        )),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the expression cannot be evaluated".to_owned()),
    };
    (verdict, cost)
}

/// A verdict on a cluster of a version: version, cost and yes (0: none is known).
#[derive(Clone, Copy, Default)]
struct Known {
    version: u32,
    cost: u32,
    yes: bool,
}

struct Entry {
    compiled: Result<Expression, String>,
    uses: usize,
    verdicts: Vec<Known>,
}

/// Compiled expressions and their verdicts, shared by all placements.
#[derive(Default)]
pub struct Cache {
    entries: HashMap<Arc<str>, Entry>,
    /// How often an expression was evaluated.
    pub evaluations: u64,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({} expressions)", self.entries.len())
    }
}

impl Cache {
    /// One more placement uses the expression.
    pub fn hold(&mut self, text: &str) {
        if let Some(entry) = self.entries.get_mut(text) {
            entry.uses += 1;
            return;
        }
        let entry = Entry {
            compiled: compile(text),
            uses: 1,
            verdicts: Vec::new(),
        };
        self.entries.insert(Arc::from(text), entry);
    }

    /// One placement less uses it.
    pub fn release(&mut self, text: &str) {
        if let Some(entry) = self.entries.get_mut(text) {
            entry.uses -= 1;
            if entry.uses == 0 {
                self.entries.remove(text);
            }
        }
    }

    /// Whether any placement uses expressions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is wrong with an expression that is held.
    #[must_use]
    pub fn error(&self, text: &str) -> Option<&str> {
        let entry = self.entries.get(text)?;
        entry.compiled.as_ref().err().map(String::as_str)
    }

    /// Whether all expressions say yes to a cluster. The verdicts are kept until
    /// the version changes.
    pub fn all(
        &mut self,
        texts: &[String],
        slot: usize,
        version: u32,
        whole: &str,
        scores: impl Fn() -> Scores,
    ) -> bool {
        let mut total = 0_u64;
        for text in texts {
            let Some(entry) = self.entries.get_mut(text.as_str()) else {
                return false;
            };
            let Ok(expression) = &entry.compiled else {
                return false;
            };
            if entry.verdicts.len() <= slot {
                entry.verdicts.resize(slot + 1, Known::default());
            }
            let known = &mut entry.verdicts[slot];
            if known.version != version {
                self.evaluations += 1;
                let (verdict, cost) = evaluate(expression, whole, &scores);
                *known = Known {
                    version,
                    cost: u32::try_from(cost).unwrap_or(u32::MAX),
                    yes: verdict == Ok(true),
                };
            }
            total += u64::from(known.cost);
            if !known.yes || total > COST_OF_ALL {
                return false;
            }
        }
        true
    }
}
