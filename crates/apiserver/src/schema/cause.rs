//! The entries of `details.causes`, worded as Kubernetes' field errors are.

use serde_json::Value;

use crate::status::Cause;

fn cause(reason: &str, field: &str, message: String) -> Cause {
    Cause {
        reason: reason.to_owned(),
        message,
        field: if field.is_empty() {
            // Go's way to print no path at all; clients have come to see it.
            "<nil>".to_owned()
        } else {
            field.to_owned()
        },
    }
}

fn with_detail(head: &str, detail: &str) -> String {
    if detail.is_empty() {
        head.to_owned()
    } else {
        format!("{head}: {detail}")
    }
}

/// A value that must be given.
pub fn required(field: &str, detail: &str) -> Cause {
    cause(
        "FieldValueRequired",
        field,
        with_detail("Required value", detail),
    )
}

/// A value that breaks a rule.
pub fn invalid(field: &str, value: &Value, detail: &str) -> Cause {
    let head = format!("Invalid value: {}", show(value));
    cause("FieldValueInvalid", field, with_detail(&head, detail))
}

/// A value that breaks a rule, in a form of its own.
pub fn invalid_shown(field: &str, shown: &str, detail: &str) -> Cause {
    let head = format!("Invalid value: {shown}");
    cause("FieldValueInvalid", field, with_detail(&head, detail))
}

/// A value that breaks a rule and is too big to be shown.
pub fn invalid_unshown(field: &str, detail: &str) -> Cause {
    cause(
        "FieldValueInvalid",
        field,
        with_detail("Invalid value", detail),
    )
}

/// A value of the wrong type.
pub fn type_invalid(field: &str, value: &Value, detail: &str) -> Cause {
    let head = format!("Invalid value: {}", show(value));
    cause("FieldValueTypeInvalid", field, with_detail(&head, detail))
}

/// A value that is not one of those allowed.
pub fn not_supported<S: AsRef<str>>(field: &str, value: &Value, supported: &[S]) -> Cause {
    let head = format!("Unsupported value: {}", show(value));
    let quoted: Vec<String> = supported.iter().map(|s| quote(s.as_ref())).collect();
    let detail = if quoted.is_empty() {
        String::new()
    } else {
        format!("supported values: {}", quoted.join(", "))
    };
    cause("FieldValueNotSupported", field, with_detail(&head, &detail))
}

/// A value that may not be given here.
pub fn forbidden(field: &str, detail: &str) -> Cause {
    cause(
        "FieldValueForbidden",
        field,
        with_detail("Forbidden", detail),
    )
}

/// A value that is there twice.
pub fn duplicate(field: &str, value: &Value) -> Cause {
    cause(
        "FieldValueDuplicate",
        field,
        format!("Duplicate value: {}", show(value)),
    )
}

/// A value that is there twice, in a form of its own.
pub fn duplicate_shown(field: &str, shown: &str) -> Cause {
    cause(
        "FieldValueDuplicate",
        field,
        format!("Duplicate value: {shown}"),
    )
}

/// Something named that does not exist.
pub fn not_found(field: &str, value: &Value) -> Cause {
    cause(
        "FieldValueNotFound",
        field,
        format!("Not found: {}", show(value)),
    )
}

/// A string that is too long.
pub fn too_long(field: &str, max: u64) -> Cause {
    let unit = if max == 1 { "byte" } else { "bytes" };
    cause(
        "FieldValueTooLong",
        field,
        format!("Too long: may not be more than {max} {unit}"),
    )
}

/// A list or map with too many entries.
pub fn too_many(field: &str, actual: usize, max: u64) -> Cause {
    let unit = if max == 1 { "item" } else { "items" };
    cause(
        "FieldValueTooMany",
        field,
        format!("Too many: {actual}: must have at most {max} {unit}"),
    )
}

/// A value as it stands in a message: strings in Go's quotes, the rest as JSON.
pub fn show(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(_) | Value::Object(_) => value
            .to_string()
            .replace('&', "\\u0026")
            .replace('<', "\\u003c")
            .replace('>', "\\u003e"),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => float_text(float),
            _ => number.to_string(),
        },
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// A float as Go's `%v` prints it: without a trailing `.0`.
pub fn float_text(float: f64) -> String {
    if float == 0.0 || (1e-4..1e21).contains(&float.abs()) {
        return format!("{float}");
    }
    // Go writes at least two digits of the exponent and always its sign.
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, number) = exponent
                .strip_prefix('-')
                .map_or(('+', exponent), |number| ('-', number));
            format!("{digits}e{sign}{number:0>2}")
        }
        None => text,
    }
}

/// A string as Go's `%q` prints it.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn causes_read_as_kubernetes_words_them() {
        let table = [
            (required("a", ""), "Required value"),
            (required("a", "why"), "Required value: why"),
            (invalid("a", &json!("x"), "d"), "Invalid value: \"x\": d"),
            (invalid("a", &json!(1.0), "d"), "Invalid value: 1: d"),
            (invalid("a", &json!(1e21), "d"), "Invalid value: 1e+21: d"),
            (invalid("a", &json!(null), "d"), "Invalid value: null: d"),
            (
                invalid("a", &json!({"b": [1]}), ""),
                "Invalid value: {\"b\":[1]}",
            ),
            (
                not_supported("a", &json!("x"), &["b", "c"]),
                "Unsupported value: \"x\": supported values: \"b\", \"c\"",
            ),
            (too_long("a", 1), "Too long: may not be more than 1 byte"),
            (
                too_many("a", 3, 2),
                "Too many: 3: must have at most 2 items",
            ),
            (duplicate("a", &json!("x")), "Duplicate value: \"x\""),
        ];
        for (cause, message) in table {
            assert_eq!(cause.message, message);
        }
        assert_eq!(required("", "").field, "<nil>");
    }
}
