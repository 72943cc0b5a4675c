//! Expressions of predicates: compiled once, bounded in what they may cost, and
//! their verdicts kept until the cluster changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use guarded_cel::{
    COST_OF_ALL, COST_OF_ONE, CompileError, Fault, Key, Language, Map, Program, Value as Cel,
    from_json, text,
};
use serde_json::Value;

use super::view::Cluster;

/// What an expression may name.
const LANGUAGE: Language = Language {
    variables: Some(&["managedCluster"]),
    functions: &["scores", "parseJSON"],
};

/// What an expression may cost that is evaluated while other placements wait: a
/// hundredth of what it may cost at all.
pub const CHEAP: u32 = 10_000;

/// The scores of a cluster that an expression may ask for.
pub type Scores = BTreeMap<String, BTreeMap<String, i64>>;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    program: Program,
}

/// Compiles an expression.
///
/// # Errors
/// What is wrong with it, beginning with `compilation failed:` or, when it is
/// more than is evaluated here, `instantiation failed:`.
pub fn compile(text: &str) -> Result<Expression, String> {
    match Program::compile(text, LANGUAGE) {
        Ok(program) => Ok(Expression { program }),
        Err(CompileError::Invalid(what)) => Err(format!("compilation failed: {what}")),
        Err(CompileError::Refused(what)) => Err(format!("instantiation failed: {what}")),
    }
}

fn score(scores: &Scores, asked: &[Cel]) -> Result<Cel, String> {
    let [_, Cel::String(name)] = asked else {
        return Err("the name of an AddOnPlacementScore is expected".to_owned());
    };
    let Some(values) = scores.get(name.as_str()) else {
        return Err(format!("AddOnPlacementScore {name:?} not found"));
    };
    let list = values.iter().map(|(name, value)| {
        let one = [("name", text(name)), ("value", Cel::Int(*value))];
        let one = one.map(|(key, value)| (Key::String(Arc::new(key.to_owned())), value));
        Cel::Map(Map {
            map: Arc::new(one.into()),
        })
    });
    Ok(Cel::List(Arc::new(list.collect())))
}

/// What an expression says of a cluster, and what that cost. An error with the
/// reason when it says neither yes nor no.
pub fn evaluate(
    expression: &Expression,
    whole: &str,
    scores: impl FnOnce() -> Scores,
) -> (Result<bool, String>, u64) {
    let Ok(object) = serde_json::from_str::<Value>(whole) else {
        return (Err("the ManagedCluster cannot be read".to_owned()), 0);
    };
    let scores = scores();
    let host = |_: &str, asked: &[Cel]| score(&scores, asked);
    let variables = [("managedCluster", from_json(&object))];
    let (made, cost) = expression.program.evaluate(&variables, &host, COST_OF_ONE);
    let verdict = match made {
        Ok(Cel::Bool(truth)) => Ok(truth),
        Ok(other) => Err(format!(
            "the expression gives {}, not true or false",
            guarded_cel::type_name(&other)
        )),
        Err(Fault::Cost) => Err(format!("{} ({COST_OF_ONE})", Fault::Cost)),
        Err(fault) => Err(fault.to_string()),
    };
    (verdict, cost)
}

/// A verdict on a cluster of a version: version, cost and yes (0: none is known).
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    version: u32,
    cost: u32,
    yes: bool,
}

/// An expression that has to be evaluated about a cluster. It holds all that is
/// needed for that.
#[derive(Debug)]
pub struct Question {
    text: Arc<str>,
    expression: Arc<Expression>,
    slot: usize,
    version: u32,
    cluster: Arc<Cluster>,
    scores: Scores,
}

/// The verdict that a [`Question`] asked for.
#[derive(Debug)]
pub struct Answer {
    text: Arc<str>,
    slot: usize,
    known: Known,
}

impl Question {
    /// Evaluates the expression.
    #[must_use]
    pub fn answer(self) -> Answer {
        let whole = &self.cluster.whole;
        let (verdict, cost) = evaluate(&self.expression, whole, || self.scores);
        Answer {
            text: self.text,
            slot: self.slot,
            known: Known {
                version: self.version,
                cost: u32::try_from(cost).unwrap_or(u32::MAX),
                yes: verdict == Ok(true),
            },
        }
    }
}

struct Entry {
    compiled: Result<Arc<Expression>, String>,
    uses: usize,
    verdicts: Vec<Known>,
    /// The most that it has cost so far; nothing when it was never evaluated.
    dearest: Option<u32>,
}

/// Compiled expressions and their verdicts, shared by all placements.
#[derive(Default)]
pub struct Cache {
    entries: HashMap<Arc<str>, Entry>,
    /// How often an expression was evaluated.
    pub evaluations: u64,
    /// What all evaluations have cost.
    pub spent: u64,
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
            compiled: compile(text).map(Arc::new),
            uses: 1,
            verdicts: Vec::new(),
            dearest: None,
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

    /// Whether an expression may cost more than is paid while others wait: it
    /// did so before, or nobody knows yet.
    #[must_use]
    pub fn is_dear(&self, text: &str) -> bool {
        self.entries.get(text).is_some_and(|entry| {
            entry.compiled.is_ok() && entry.dearest.is_none_or(|cost| cost > CHEAP)
        })
    }

    /// Whether all these expressions say yes to a cluster, as it was when its
    /// version was seen.
    ///
    /// # Errors
    /// The first that has to be evaluated before that is known.
    pub fn ask(
        &self,
        texts: &[String],
        (slot, version): (usize, u32),
        cluster: &Arc<Cluster>,
        scores: impl FnOnce() -> Scores,
    ) -> Result<bool, Question> {
        let mut total = 0_u64;
        for text in texts {
            let Some((text, entry)) = self.entries.get_key_value(text.as_str()) else {
                return Ok(false);
            };
            let Ok(expression) = &entry.compiled else {
                return Ok(false);
            };
            let known = entry.verdicts.get(slot);
            let Some(known) = known.filter(|known| known.version == version) else {
                return Err(Question {
                    text: Arc::clone(text),
                    expression: Arc::clone(expression),
                    slot,
                    version,
                    cluster: Arc::clone(cluster),
                    scores: scores(),
                });
            };
            total += u64::from(known.cost);
            if !known.yes || total > COST_OF_ALL {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps a verdict.
    pub fn learn(&mut self, answer: &Answer) {
        self.evaluations += 1;
        self.spent += u64::from(answer.known.cost);
        let Some(entry) = self.entries.get_mut(&answer.text) else {
            return;
        };
        entry.dearest = entry.dearest.max(Some(answer.known.cost));
        if entry.verdicts.len() <= answer.slot {
            entry.verdicts.resize(answer.slot + 1, Known::default());
        }
        entry.verdicts[answer.slot] = answer.known;
    }
}
