//! CEL expressions that users write, evaluated within bounds: whatever such an
//! expression is, it ends soon, takes little memory and stack, and never ends
//! the process.
//!
//! The `cel` crate parses, and knows the functions. What walks over the
//! expression is here, as the crate's own interpreter counts nothing:
//!
//! - An expression may be so long and so deep, and is parsed on a stack of its
//!   own, so that neither parsing nor evaluating can overflow one.
//! - Every step costs, and what copies or makes texts, lists and maps is paid
//!   for *before* it is done, by the size of what it takes and gives.
//! - What panics in a function is an error of the expression.
//!
//! Costs of evaluation resemble those of Kubernetes, of which a healthy expression needs
//! some dozens.
//!
//! Before that, `check` says whether an expression fits the types of its variables, in
//! cel-go's words, and `estimate` what it may cost at most, to the unit as Kubernetes
//! reckons.

mod check;
mod cost;
mod estimate;
mod functions;
mod parse;
mod places;
mod regexes;
mod run;
#[cfg(test)]
mod tests;
mod types;
mod value;

use std::fmt::{self, Write as _};

pub use cel::Value;
pub use cel::objects::{Key, Map, OptionalValue};
pub use estimate::{Checked, Inside, Shape};
use parse::Node;
pub use types::Type;
pub use value::{from_json, text, type_name};

/// How many bytes an expression may have.
pub const LONGEST: usize = 16 * 1024;
/// How deep an expression may be nested.
pub const DEEPEST: usize = 200;
/// What one expression may cost.
pub const COST_OF_ONE: u64 = 1_000_000;
/// What all expressions about one thing together may cost.
pub const COST_OF_ALL: u64 = 10_000_000;
/// Longer messages are cut.
const LONGEST_MESSAGE: usize = 4 * 1024;

/// What an expression may name.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// The variables. `None`: names are only looked up when they are needed.
    pub variables: Option<&'static [&'static str]>,
    /// Functions that the host answers.
    pub functions: &'static [&'static str],
}

/// Why an expression is no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// It is not CEL, or names what there is not.
    Invalid(String),
    /// It is CEL, but more than is evaluated here.
    Refused(String),
}

impl CompileError {
    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Invalid(message) | Self::Refused(message) => message,
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for CompileError {}

/// Why a program gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It costs more than it may.
    Cost,
    /// It failed, as CEL words it.
    Failed(String),
    /// It brought a function down.
    Broken,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cost => f.write_str("the expression costs more than it may"),
            Self::Failed(message) => f.write_str(message),
            Self::Broken => f.write_str("the expression cannot be evaluated"),
        }
    }
}

impl std::error::Error for Fault {}

/// A compiled expression.
#[derive(Debug)]
pub struct Program {
    root: Node,
    names: Vec<String>,
    functions: &'static [&'static str],
}

/// What the functions of the host answer: the name, and what it is asked
/// about (the target first).
pub type Host<'a> = &'a dyn Fn(&str, &[Value]) -> Result<Value, String>;

/// A host without functions.
///
/// # Errors
/// Always.
pub fn no_host(name: &str, _: &[Value]) -> Result<Value, String> {
    Err(format!("there is no function {name}"))
}

impl Program {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(text: &str, language: Language) -> Result<Self, CompileError> {
        parse::parse(text, language)
    }

    /// Whether the expression names a variable.
    #[must_use]
    pub fn mentions(&self, variable: &str) -> bool {
        self.names.iter().any(|name| name == variable)
    }

    /// The types of the expression of this `text`, of variables of these types.
    ///
    /// # Errors
    /// What does not fit, and where, as cel-go writes it.
    pub fn check(&self, text: &str, variables: &[(&str, Type)]) -> Result<Checked<'_>, String> {
        check::check(&self.root, text, variables).map_err(|error| short(&error))
    }

    /// What the expression gives, for at most `limit`; and what it cost.
    pub fn evaluate(
        &self,
        variables: &[(&str, Value)],
        host: Host<'_>,
        limit: u64,
    ) -> (Result<Value, Fault>, u64) {
        run::run(&self.root, variables, self.functions, host, limit)
    }
}

/// A message that is cut when it grows too long.
pub(crate) fn short(message: &impl fmt::Display) -> String {
    struct Short(String);
    impl fmt::Write for Short {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            for c in part.chars() {
                if self.0.len() >= LONGEST_MESSAGE {
                    return Err(fmt::Error);
                }
                self.0.push(c);
            }
            Ok(())
        }
    }
    let mut short = Short(String::new());
    if write!(short, "{message}").is_err() {
        short.0.push_str(" …");
    }
    short.0
}
