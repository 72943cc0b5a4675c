//! The functions of CEL and Kubernetes, as the crates have them.

use std::cell::RefCell;

use cel::common::ast::{CallExpr, Expr, IdedExpr};
use cel::{Context, ExecutionError, Value};
use kube_cel::KubeCelExt as _;

thread_local! {
    /// All functions, registered once a thread.
    static FUNCTIONS: RefCell<Context<'static>> =
        RefCell::new(Context::default().with_all());
}

/// The names under which what a function is asked about is handed over.
pub(crate) const TARGET: &str = "@target";

/// As [`TARGET`], of an argument.
pub(crate) fn argument(number: usize) -> String {
    format!("@{number}")
}

/// A call of what the crate knows, its target and arguments by the names above.
pub(crate) fn call(name: &str, target: Option<&str>, arguments: usize) -> IdedExpr {
    let ident = |name: String| IdedExpr {
        id: 0,
        expr: Expr::Ident(name),
    };
    IdedExpr {
        id: 0,
        expr: Expr::Call(CallExpr {
            func_name: name.to_owned(),
            target: target.map(|target| Box::new(ident(target.to_owned()))),
            args: (0..arguments).map(argument).map(ident).collect(),
        }),
    }
}

/// Carries out a call.
pub(crate) fn resolve(
    call: &IdedExpr,
    target: Option<Value>,
    arguments: Vec<Value>,
) -> Result<Value, ExecutionError> {
    FUNCTIONS.with_borrow(|functions| {
        let mut context = functions.new_inner_scope();
        if let Some(target) = target {
            context.add_variable_from_value(TARGET, target);
        }
        for (number, value) in arguments.into_iter().enumerate() {
            context.add_variable_from_value(argument(number), value);
        }
        Value::resolve(call, &context)
    })
}

/// Whether a function of that name is registered: asked by calling it with
/// nothing.
pub(crate) fn is_known(name: &str) -> bool {
    let asked = call(name, None, 0);
    let asked = std::panic::AssertUnwindSafe(|| resolve(&asked, None, Vec::new()));
    !matches!(
        std::panic::catch_unwind(asked),
        Ok(Err(ExecutionError::UndeclaredReference(_)))
    )
}

/// What CEL and Kubernetes have, macros that are read as calls among it: an expression
/// that names one of them is not refused for it, even if it cannot be evaluated here.
const OF_KUBERNETES: &[&str] = &[
    "add",
    "all",
    "asApproximateFloat",
    "asInteger",
    "bind",
    "bool",
    "bytes",
    "charAt",
    "cidr",
    "compareTo",
    "contains",
    "containsCIDR",
    "containsIP",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "exists",
    "existsOne",
    "exists_one",
    "family",
    "filter",
    "find",
    "findAll",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getEscapedPath",
    "getFullYear",
    "getHost",
    "getHostname",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getPort",
    "getQuery",
    "getScheme",
    "getSeconds",
    "has",
    "hasValue",
    "indexOf",
    "int",
    "ip",
    "isCIDR",
    "isCanonical",
    "isGlobalUnicast",
    "isGreaterThan",
    "isIP",
    "isInteger",
    "isLessThan",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isLoopback",
    "isQuantity",
    "isSemver",
    "isSorted",
    "isURL",
    "isUnspecified",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "major",
    "map",
    "masked",
    "matches",
    "max",
    "min",
    "minor",
    "none",
    "of",
    "ofNonZeroValue",
    "optFlatMap",
    "optMap",
    "or",
    "orValue",
    "patch",
    "prefixLength",
    "quantity",
    "quote",
    "replace",
    "reverse",
    "semver",
    "sign",
    "size",
    "split",
    "startsWith",
    "string",
    "sub",
    "substring",
    "sum",
    "timestamp",
    "transformList",
    "transformMap",
    "transformMapEntry",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "url",
    "validate",
    "value",
];

/// Whether there is a function of that name, here or on Kubernetes. (`a.b` is one of
/// a family, of which not all are known here.)
pub(crate) fn is_declared(name: &str) -> bool {
    name.contains('.') || OF_KUBERNETES.contains(&name) || is_known(name)
}
