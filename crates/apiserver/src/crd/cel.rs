//! CEL rules of custom resources (`x-kubernetes-validations`). Expressions are
//! compiled once a process, and evaluated within bounds.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use guarded_cel::{
    COST_OF_ALL, Key, Language, Map, OptionalValue, Program, Value as Cel, from_json, no_host,
};
use serde_json::Value;

use crate::schema::{NodeType, Rule, Schema, cause, correlate};
use crate::status::Cause;

/// Names are looked up when they are needed.
const LANGUAGE: Language = Language {
    variables: None,
    functions: &[],
};
/// More compiled expressions are not kept.
const COMPILED: usize = 10_000;

type Compiled = Result<Arc<Program>, String>;

/// Compiles an expression, or finds it compiled. The error says what is wrong
/// with it.
pub(super) fn compile(text: &str) -> Compiled {
    static KNOWN: LazyLock<RwLock<HashMap<String, Compiled>>> = LazyLock::new(RwLock::default);
    {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(text) {
            return found.clone();
        }
    }
    let compiled = Program::compile(text, LANGUAGE)
        .map(Arc::new)
        // cel-go begins the lines that show the place with a space.
        .map_err(|error| error.to_string().replace("\n| ", "\n | "));
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= COMPILED {
        known.clear();
    }
    known.insert(text.to_owned(), compiled.clone());
    compiled
}

/// Whether a rule compares with the value before.
pub(super) fn mentions_old_self(text: &str) -> bool {
    compile(text).is_ok_and(|program| program.mentions("oldSelf"))
}

/// What is wrong with an expression.
pub(crate) fn parses(text: &str) -> Result<(), String> {
    compile(text).map(|_| ())
}

/// Whether an expression about these JSON values holds.
pub(crate) fn condition(text: &str, variables: &[(&str, &Value)]) -> Result<bool, String> {
    let expression = compile(text)?;
    let variables: Vec<(&str, Option<Cel>)> = variables
        .iter()
        .map(|(name, value)| (*name, Some(from_json(value))))
        .collect();
    match evaluate(&expression, &variables)? {
        Cel::Bool(holds) => Ok(holds),
        _ => Err("the expression is not true or false".to_owned()),
    }
}

/// The rules that `new` breaks. `old` is the object before an update.
pub fn validate(schema: &Schema, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    walk(schema, new, old, "", &mut causes);
    causes
}

/// Whether any node has rules; if not, validation has nothing to do.
pub(super) fn has_rules(schema: &Schema) -> bool {
    !schema.rules.is_empty()
        || schema.properties.values().any(|child| has_rules(child))
        || schema.items.as_deref().is_some_and(has_rules)
        || schema.additional.as_deref().is_some_and(has_rules)
}

fn walk(schema: &Schema, new: &Value, old: Option<&Value>, path: &str, causes: &mut Vec<Cause>) {
    if new.is_null() {
        return;
    }
    if !schema.rules.is_empty() {
        node(schema, new, old, path, causes);
    }
    match new {
        Value::Object(map) => {
            let old = old.filter(|_| !schema.atomic_map);
            for (name, value) in map {
                let old = old.and_then(|old| old.get(name));
                if let Some(field) = schema.properties.get(name) {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    walk(field, value, old, &path, causes);
                } else if let Some(field) = &schema.additional {
                    walk(field, value, old, &format!("{path}[{name}]"), causes);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = &schema.items else {
                return;
            };
            for (index, item) in list.iter().enumerate() {
                let old = correlate(schema, item, old);
                walk(items, item, old, &format!("{path}[{index}]"), causes);
            }
        }
        _ => {}
    }
}

fn node(schema: &Schema, new: &Value, old: Option<&Value>, path: &str, causes: &mut Vec<Cause>) {
    let this = to_cel(schema, new);
    let before = old
        .filter(|old| !old.is_null())
        .map(|old| to_cel(schema, old));
    for rule in &schema.rules {
        let expression = match compile(&rule.rule) {
            Ok(expression) => expression,
            Err(error) => {
                let detail = format!("rule compile error: {error}");
                causes.push(cause::invalid_unshown(path, &detail));
                continue;
            }
        };
        let old_self = expression.mentions("oldSelf");
        if old_self && before.is_none() && !rule.optional_old_self {
            continue;
        }
        let unchanged = !old_self && old == Some(new);
        let found = check(schema, rule, &expression, new, &this, before.as_ref(), path);
        if let Some(found) = found
            && !unchanged
        {
            causes.push(found);
        }
    }
}

fn check(
    schema: &Schema,
    rule: &Rule,
    expression: &Program,
    new: &Value,
    this: &Cel,
    before: Option<&Cel>,
    path: &str,
) -> Option<Cause> {
    let old_self = if rule.optional_old_self {
        let optional = before.map_or_else(OptionalValue::none, |value| {
            OptionalValue::of(value.clone())
        });
        Some(Cel::Opaque(Arc::new(optional)))
    } else {
        before.cloned()
    };
    let variables = [("self", Some(this.clone())), ("oldSelf", old_self)];
    let brief = || {
        let text = if rule.message.is_empty() {
            &rule.rule
        } else {
            &rule.message
        };
        text.trim().to_owned()
    };
    let shown = Value::String(type_name(schema).to_owned());
    match evaluate(expression, &variables) {
        Ok(Cel::Bool(true)) => return None,
        Ok(_) => {}
        Err(error) => {
            let detail = if error == "No such overload" {
                format!(
                    "'no such overload': call arguments did not match a supported operator, function or macro signature for rule: {}",
                    brief()
                )
            } else {
                format!("{error} evaluating rule: {}", brief())
            };
            return Some(cause::invalid(path, &shown, &detail));
        }
    }
    let message = message(rule, &variables).unwrap_or_else(|| {
        if rule.message.is_empty() {
            format!("failed rule: {}", brief())
        } else {
            brief()
        }
    });
    let place = join(path, &rule.field_path);
    let whole = matches!(schema.node, NodeType::Object | NodeType::Array);
    Some(match rule.reason.as_str() {
        "FieldValueForbidden" => cause::forbidden(&place, &message),
        "FieldValueRequired" => cause::required(&place, &message),
        "FieldValueDuplicate" if !whole => cause::duplicate(&place, new),
        _ if whole => cause::invalid_unshown(&place, &message),
        _ => cause::invalid(&place, new, &message),
    })
}

/// What a message expression says, if it says one good line.
fn message(rule: &Rule, variables: &[(&str, Option<Cel>)]) -> Option<String> {
    if rule.message_expression.is_empty() {
        return None;
    }
    let expression = compile(&rule.message_expression).ok()?;
    match evaluate(&expression, variables).ok()? {
        Cel::String(text) => {
            let text = text.trim();
            let good = !text.is_empty() && !text.contains('\n') && text.len() <= 5 * 1024;
            good.then(|| text.to_owned())
        }
        _ => None,
    }
}

fn join(path: &str, relative: &str) -> String {
    let relative = relative.replace("['", "[").replace("']", "]");
    if path.is_empty() {
        relative.trim_start_matches('.').to_owned()
    } else {
        format!("{path}{relative}")
    }
}

fn type_name(schema: &Schema) -> &'static str {
    match schema.node {
        NodeType::Object => "object",
        NodeType::Array => "array",
        NodeType::String => "string",
        NodeType::Integer => "integer",
        NodeType::Number => "number",
        NodeType::Boolean => "boolean",
        NodeType::Any | NodeType::IntOrString => "",
    }
}

fn evaluate(expression: &Program, variables: &[(&str, Option<Cel>)]) -> Result<Cel, String> {
    let variables: Vec<(&str, Cel)> = variables
        .iter()
        .filter_map(|(name, value)| Some((*name, value.clone()?)))
        .collect();
    let (made, _) = expression.evaluate(&variables, &no_host, COST_OF_ALL);
    made.map_err(|fault| fault.to_string())
}

/// A JSON value as CEL sees it: field names escaped, dates and durations
/// parsed, base64 decoded.
fn to_cel(schema: &Schema, value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(b) => Cel::Bool(*b),
        Value::Number(number) => match number.as_i64() {
            Some(whole) if schema.node != NodeType::Number => Cel::Int(whole),
            _ => {
                let float = number.as_f64().unwrap_or(f64::NAN);
                // A whole number of an integer field may be written 1.0.
                if schema.node == NodeType::Integer && float.fract() == 0.0 {
                    number
                        .to_string()
                        .trim_end_matches(".0")
                        .parse()
                        .map_or(Cel::Float(float), Cel::Int)
                } else {
                    Cel::Float(float)
                }
            }
        },
        Value::String(text) => string(schema, text),
        Value::Array(list) => {
            let items = schema.items.as_deref();
            let open = Schema::default();
            let entries = list
                .iter()
                .map(|item| to_cel(items.unwrap_or(&open), item))
                .collect();
            Cel::List(Arc::new(entries))
        }
        Value::Object(map) => {
            let open = Schema::default();
            let is_map = schema.additional.is_some();
            let entries = map.iter().map(|(name, child)| {
                let child = to_cel(schema.field(name).map_or(&open, AsRef::as_ref), child);
                let name = if is_map { name.clone() } else { escape(name) };
                (Key::String(Arc::new(name)), child)
            });
            Cel::Map(Map {
                map: Arc::new(entries.collect()),
            })
        }
    }
}

fn string(schema: &Schema, text: &str) -> Cel {
    let plain = Cel::String(Arc::new(text.to_owned()));
    let function = match schema.format.as_deref() {
        _ if schema.node != NodeType::String => return plain,
        Some("date-time" | "date") => "timestamp(value)",
        Some("duration") => "duration(value)",
        Some("byte") => "base64.decode(value)",
        _ => return plain,
    };
    compile(function)
        .and_then(|expression| evaluate(&expression, &[("value", Some(plain.clone()))]))
        .unwrap_or(plain)
}

/// A field name as an identifier of CEL.
pub(super) fn escape(name: &str) -> String {
    const RESERVED: [&str; 21] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    if !name.contains("__") && !name.contains(['.', '-', '/']) {
        return name.to_owned();
    }
    name.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crd::structural::{self, Looks};

    fn complaints(schema: &Value, new: &Value, old: Option<&Value>) -> Vec<String> {
        let mut causes = Vec::new();
        let schema = structural::compile(schema, "schema", false, Looks::None, &mut causes);
        assert_eq!(causes, []);
        validate(&schema, new, old)
            .into_iter()
            .map(|cause| format!("{} {}: {}", cause.reason, cause.field, cause.message))
            .collect()
    }

    fn spec(properties: &Value, rules: &Value) -> Value {
        json!({"type": "object", "properties": {"spec": {
            "type": "object", "properties": properties, "x-kubernetes-validations": rules,
        }}})
    }

    #[test]
    fn a_broken_rule_is_reported_at_its_field() {
        let schema = spec(
            &json!({"type": {"type": "string"}, "replicas": {"type": "integer"}}),
            &json!([
                {"rule": "self.type != 'CEL' || self.replicas > 0", "message": "CEL needs replicas"},
                {"rule": "self.replicas < 10", "fieldPath": ".replicas", "reason": "FieldValueForbidden",
                 "messageExpression": "'too many: ' + string(self.replicas)"},
            ]),
        );
        assert!(
            complaints(
                &schema,
                &json!({"spec": {"type": "x", "replicas": 3}}),
                None
            )
            .is_empty()
        );
        assert_eq!(
            complaints(
                &schema,
                &json!({"spec": {"type": "CEL", "replicas": 0}}),
                None
            ),
            ["FieldValueInvalid spec: Invalid value: CEL needs replicas"]
        );
        assert_eq!(
            complaints(
                &schema,
                &json!({"spec": {"type": "x", "replicas": 11}}),
                None
            ),
            ["FieldValueForbidden spec.replicas: Forbidden: too many: 11"]
        );
    }

    #[test]
    fn transition_rules_need_an_old_value() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
        }}});
        let (old, new) = (json!({"spec": "a"}), json!({"spec": "b"}));
        assert!(complaints(&schema, &new, None).is_empty());
        assert!(complaints(&schema, &old, Some(&old)).is_empty());
        assert_eq!(
            complaints(&schema, &new, Some(&old)),
            ["FieldValueInvalid spec: Invalid value: \"b\": failed rule: self == oldSelf"]
        );
    }

    #[test]
    fn optional_old_self_is_there_on_create() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "integer", "x-kubernetes-validations": [
                {"rule": "!oldSelf.hasValue() || oldSelf.value() <= self", "optionalOldSelf": true,
                 "message": "may only grow"},
            ],
        }}});
        let (small, big) = (json!({"spec": 1}), json!({"spec": 2}));
        assert!(complaints(&schema, &big, None).is_empty());
        assert!(complaints(&schema, &big, Some(&small)).is_empty());
        assert_eq!(
            complaints(&schema, &small, Some(&big)),
            ["FieldValueInvalid spec: Invalid value: 1: may only grow"]
        );
    }

    #[test]
    fn an_unchanged_part_that_breaks_a_rule_is_left_alone() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "integer", "x-kubernetes-validations": [{"rule": "self > 5"}],
        }}});
        let old = json!({"spec": 1});
        assert!(complaints(&schema, &old, Some(&old)).is_empty());
        assert_eq!(complaints(&schema, &old, None).len(), 1);
    }

    #[test]
    fn kubernetes_functions_and_formats_are_there() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "object",
            "properties": {
                "at": {"type": "string", "format": "date-time"},
                "for": {"type": "string", "format": "duration"},
                "size": {"type": "string"},
                "a-b": {"type": "array", "items": {"type": "string"}},
            },
            "x-kubernetes-validations": [
                {"rule": "!has(self.at) || self.at > timestamp('2020-01-01T00:00:00Z')"},
                {"rule": "!has(self.__for__) || self.__for__ >= duration('1h')"},
                {"rule": "!has(self.size) || quantity(self.size).isGreaterThan(quantity('1Gi'))"},
                {"rule": "!has(self.a__dash__b) || self.a__dash__b.all(x, x.startsWith('x'))"},
            ],
        }}});
        let good = json!({"spec": {"at": "2024-01-01T00:00:00Z", "for": "2h", "size": "2Gi", "a-b": ["xy"]}});
        assert_eq!(complaints(&schema, &good, None), Vec::<String>::new());
        let bad = json!({"spec": {"at": "2014-01-01T00:00:00Z", "for": "2m", "size": "2Mi", "a-b": ["y"]}});
        assert_eq!(complaints(&schema, &bad, None).len(), 4);
    }

    #[test]
    fn no_rule_ends_the_server() {
        let chain =
            |start: &str, link: &str, times: usize| format!("{start}{}", link.repeat(times));
        // Deep ones are refused with their definition,
        for deep in [chain("self", ".a", 8_000), chain("1", "+1", 8_000)] {
            assert!(parses(&deep).is_err_and(|error| error.contains("nested")));
        }
        assert!(parses("X{} == X{}").is_err());
        // and expensive ones when they are asked.
        for rule in [
            chain("'a'", ".replace('a', 'aaaaaaaaaa')", 11) + " == ''",
            "lists.range(100000000000).size() > 0".to_owned(),
            "b'abc'.contains(b'')".to_owned(),
        ] {
            let schema = json!({"type": "object", "properties": {"spec": {
                "type": "integer", "x-kubernetes-validations": [{"rule": rule}],
            }}});
            let said = complaints(&schema, &json!({"spec": 1}), None);
            assert_eq!(said.len(), 1, "{rule}");
            assert!(said[0].contains("evaluating rule"), "{said:?}");
        }
    }

    #[test]
    fn rules_that_do_not_compile_are_refused() {
        let schema = json!({"type": "object", "x-kubernetes-validations": [{"rule": "self.("}]});
        let mut causes = Vec::new();
        structural::compile(&schema, "s", false, Looks::All, &mut causes);
        assert_eq!(causes.len(), 1);
        assert_eq!(causes[0].field, "s.x-kubernetes-validations[0].rule");
        assert!(causes[0].message.contains("compilation failed"));
    }
}
