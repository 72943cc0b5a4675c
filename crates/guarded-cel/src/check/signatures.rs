//! What operators and functions take and give.

use cel::Value;
use cel::common::ast::operators;

use crate::types::Type::{
    self, Bool, Bytes, Double, Duration, Dyn, Int, List, Map, Null, Optional, Other,
    String as Text, Timestamp, Uint, Unknown,
};
use crate::types::{CIDR, IP, QUANTITY, SEMVER, URL};

pub(super) fn literal(value: &Value) -> Type {
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
pub(super) fn converted(name: &str) -> Type {
    match name {
        "int" => Int,
        "uint" => Uint,
        "double" => Double,
        "string" => Text,
        "bytes" => Bytes,
        "timestamp" => Timestamp,
        "duration" => Duration,
        "bool" | "isURL" | "isIP" | "isCIDR" | "isQuantity" | "isSemver" => Bool,
        "quantity" => Other(QUANTITY),
        "url" => Other(URL),
        "semver" => Other(SEMVER),
        "ip" => Other(IP),
        "cidr" => Other(CIDR),
        _ => Unknown,
    }
}

/// What a function of that value makes of it.
pub(super) fn made(name: &str, of: &Type) -> Type {
    match (name, of) {
        ("add" | "sub", Other(QUANTITY))
        | ("masked", Other(CIDR))
        | ("sort" | "distinct" | "reverse" | "slice", List(_)) => of.clone(),
        ("ip", Other(CIDR)) => Other(IP),
        ("lowerAscii" | "upperAscii" | "trim" | "replace" | "substring" | "join", _) => Text,
        ("split" | "findAll", _) => Type::list(Text),
        ("indexOf" | "lastIndexOf", _) => Int,
        ("value", Optional(inner)) => (**inner).clone(),
        ("hasValue", Optional(_)) => Bool,
        _ => Unknown,
    }
}

/// How an operator between two values is written.
pub(super) fn operator(name: &str) -> Option<&'static str> {
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
pub(super) fn binary(name: &str, left: &Type, right: &Type) -> Option<Type> {
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
