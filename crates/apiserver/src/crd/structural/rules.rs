//! The CEL rules of a node (`x-kubernetes-validations`), and what is wrong with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use guarded_cel::{Shape, Type};
use serde_json::{Value, json};

use super::super::cel;
use super::costs::{self, Expressions, Looks};
use super::{Level, Scope};
use crate::schema::{NodeType, Rule, Schema, cause};
use crate::status::Cause;

/// The rules of a node whose `schema` is whole but for them. Where it, or what is below
/// it, is not `right`, its expressions are not looked at.
pub(super) fn rules(
    raw: &Value,
    schema: &Schema,
    path: &str,
    scope: Scope<'_>,
    mut right: bool,
    causes: &mut Vec<Cause>,
    found: &mut Expressions,
) -> Vec<Rule> {
    let before = causes.len();
    let list = raw["x-kubernetes-validations"].as_array();
    let rules: Vec<Rule> = list.into_iter().flatten().map(read).collect();
    for (index, rule) in rules.iter().enumerate() {
        let place = format!("{path}.x-kubernetes-validations[{index}]");
        fields(
            rule,
            &raw["x-kubernetes-validations"][index],
            schema,
            &place,
            causes,
        );
    }
    right &= causes.len() == before;
    if rules.is_empty() || !right || found.looks == Looks::None {
        return rules;
    }
    let whole = scope.level == Level::Root || schema.embedded_resource;
    let this = declared(schema, whole).unwrap_or(Type::Unknown);
    let shape = costs::shape(schema, whole);
    for (index, rule) in rules.iter().enumerate() {
        let place = format!("{path}.x-kubernetes-validations[{index}]");
        let optional = &raw["x-kubernetes-validations"][index]["optionalOldSelf"];
        let subject = Subject {
            this: &this,
            shape: shape.as_ref(),
            scope,
        };
        subject.expressions(rule, optional, &place, found);
    }
    rules
}

fn read(entry: &Value) -> Rule {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    Rule {
        rule: text("rule"),
        message: text("message"),
        message_expression: text("messageExpression"),
        reason: text("reason"),
        field_path: text("fieldPath"),
        optional_old_self: entry["optionalOldSelf"] == true,
    }
}

/// What is wrong with the fields of a rule, its expressions aside.
fn fields(rule: &Rule, entry: &Value, schema: &Schema, place: &str, causes: &mut Vec<Cause>) {
    const REASONS: [&str; 4] = [
        "FieldValueDuplicate",
        "FieldValueForbidden",
        "FieldValueInvalid",
        "FieldValueRequired",
    ];
    const BLANK: &str = "must be non-empty if specified";
    const LINES: &str = "must not contain line breaks";
    let broken = |text: &str| text.contains(['\n', '\r']);
    let at = |key: &str| format!("{place}.{key}");
    let message = json!(rule.message);
    let trimmed = rule.message.trim();
    if rule.rule.trim().is_empty() {
        causes.push(cause::required(&at("rule"), "rule is not specified"));
    } else if !rule.message.is_empty() && trimmed.is_empty() {
        causes.push(cause::invalid(&at("message"), &message, BLANK));
    } else if broken(trimmed) {
        causes.push(cause::invalid(&at("message"), &message, LINES));
    } else if broken(rule.rule.trim()) && trimmed.is_empty() {
        causes.push(cause::required(
            &at("message"),
            "message must be specified if rule contains line breaks",
        ));
    }
    if !rule.message_expression.is_empty() && rule.message_expression.trim().is_empty() {
        causes.push(cause::required(
            &at("messageExpression"),
            "messageExpression must be non-empty if specified",
        ));
    }
    // An empty one is one that is not known.
    if entry["reason"].is_string() && !REASONS.contains(&rule.reason.as_str()) {
        let value = json!(rule.reason);
        causes.push(cause::not_supported(&at("reason"), &value, &REASONS));
    }
    let field = &rule.field_path;
    let value = json!(field);
    if !field.is_empty() && field.trim().is_empty() {
        causes.push(cause::invalid(&at("fieldPath"), &value, BLANK));
    }
    if broken(field) {
        causes.push(cause::invalid(&at("fieldPath"), &value, LINES));
    }
    if !field.is_empty() && !leads_somewhere(schema, field) {
        causes.push(cause::invalid(
            &at("fieldPath"),
            &value,
            "must be a valid path",
        ));
    }
}

/// Whether a path such as `.spec.x` or `['a.b']` leads to a field.
fn leads_somewhere(schema: &Schema, path: &str) -> bool {
    let mut schema = schema;
    let mut rest = path;
    while !rest.is_empty() {
        let name;
        if let Some(quoted) = rest.strip_prefix("['") {
            let Some(end) = quoted.find("']") else {
                return false;
            };
            name = quoted[..end].replace("\\'", "'").replace("\\\\", "\\");
            rest = &quoted[end + 2..];
        } else if let Some(plain) = rest.strip_prefix('.') {
            let end = plain.find(['.', '[', ']']).unwrap_or(plain.len());
            name = plain[..end].to_owned();
            rest = &plain[end..];
            if name.is_empty() {
                return false;
            }
        } else {
            return false;
        }
        let next = match schema.properties.is_empty() {
            true => schema.additional.as_ref(),
            false => schema.properties.get(&name),
        };
        match next {
            Some(next) => schema = next,
            None => return false,
        }
    }
    true
}

/// What rules are about.
struct Subject<'a> {
    this: &'a Type,
    /// Its shape, and how often it fits into a request.
    shape: Option<&'a (Shape, u64)>,
    scope: Scope<'a>,
}

impl Subject<'_> {
    /// What an expression may cost at most, or why it is none that gives a `kind`.
    fn fits(&self, text: &str, old: &Type, kind: &Type, what: &str, other: &str) -> Fits {
        let variables = [("self", self.this.clone()), ("oldSelf", old.clone())];
        let refused = |error: String| format!("{what}: {error}");
        let program = cel::compile(text).map_err(refused)?;
        let checked = program.check(text, &variables).map_err(refused)?;
        if checked.kind != *kind && !matches!(checked.kind, Type::Unknown | Type::Dyn) {
            return Err(other.to_owned());
        }
        Ok(self.shape.and_then(|(shape, _)| checked.most(shape)))
    }

    /// Looks at the expressions of a rule.
    fn expressions(&self, rule: &Rule, optional: &Value, place: &str, found: &mut Expressions) {
        let at = |key: &str| format!("{place}.{key}");
        let old = match rule.optional_old_self {
            true => Type::Optional(Arc::new(self.this.clone())),
            false => self.this.clone(),
        };
        let whole = self.fits(
            &rule.rule,
            &old,
            &Type::Bool,
            "compilation failed",
            "cel expression must evaluate to a bool",
        );
        let mut old_self = false;
        match whole {
            Ok(cost) => {
                if let (Some(cost), Some((_, fitting))) = (cost, self.shape) {
                    let times = self.scope.times.unwrap_or(*fitting);
                    found.costs(&at("rule"), "rule", cost.saturating_mul(times));
                }
                self.message(rule, &old, &at("messageExpression"), found);
                old_self = cel::mentions_old_self(&rule.rule);
            }
            Err(error) => {
                let cause = cause::invalid(&at("rule"), &quoted(rule), &error);
                found.causes.push(cause);
            }
        }
        if old_self {
            if !rule.optional_old_self
                && let Some(outer) = self.scope.no_old_self
            {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {outer}"
                );
                let cause = cause::invalid(&at("rule"), &json!(rule.rule), &detail);
                found.causes.push(cause);
            }
        } else if optional.is_boolean() {
            found.causes.push(cause::invalid(
                &at("optionalOldSelf"),
                optional,
                "may not be set if oldSelf is not used in rule",
            ));
        }
    }

    fn message(&self, rule: &Rule, old: &Type, place: &str, found: &mut Expressions) {
        if rule.message_expression.is_empty() {
            return;
        }
        let fits = self.fits(
            &rule.message_expression,
            old,
            &Type::String,
            "messageExpression compilation failed",
            "messageExpression must evaluate to a string",
        );
        match fits {
            Ok(Some(cost)) => found.costs(place, "messageExpression", cost),
            Ok(None) => {}
            Err(error) => {
                let cause = cause::invalid(place, &quoted(rule), &error);
                found.causes.push(cause);
            }
        }
    }
}

/// What an expression costs at most, where it is known; or what is wrong with it.
type Fits = Result<Option<u64>, String>;

/// A rule as a real server quotes it: by the fields of its struct.
fn quoted(rule: &Rule) -> Value {
    let given = |set: bool, value: Value| if set { value } else { Value::Null };
    json!({
        "Rule": rule.rule,
        "Message": rule.message,
        "MessageExpression": rule.message_expression,
        "Reason": given(!rule.reason.is_empty(), json!(rule.reason)),
        "FieldPath": rule.field_path,
        "OptionalOldSelf": given(rule.optional_old_self, json!(true)),
    })
}

/// The type of values of a schema; none where an expression cannot name them. `whole`:
/// they are resources, and have what every resource has.
pub(super) fn declared(schema: &Schema, whole: bool) -> Option<Type> {
    let below = |child: &Schema| declared(child, child.embedded_resource);
    Some(match schema.node {
        NodeType::IntOrString => Type::Dyn,
        NodeType::Boolean => Type::Bool,
        NodeType::Integer => Type::Int,
        NodeType::Number => Type::Double,
        NodeType::String => match schema.format.as_deref() {
            Some("byte") => Type::Bytes,
            Some("duration") => Type::Duration,
            Some("date" | "date-time") => Type::Timestamp,
            _ => Type::String,
        },
        NodeType::Array => Type::list(below(schema.items.as_deref()?)?),
        NodeType::Object => {
            if let Some(values) = &schema.additional {
                // What may be anything cannot be told from `true` here.
                return Some(below(values).map_or(Type::Unknown, Type::map));
            }
            let fields = schema.properties.iter();
            let mut fields: BTreeMap<String, Type> = fields
                .filter_map(|(name, child)| Some((cel::escape(name), below(child)?)))
                .collect();
            if whole {
                let names = ["name", "generateName"].map(|name| (name.to_owned(), Type::String));
                let names = Type::Object(Arc::new(names.into()));
                fields.insert("metadata".to_owned(), names);
                for name in ["apiVersion", "kind"] {
                    fields.insert(name.to_owned(), Type::String);
                }
            }
            Type::Object(Arc::new(fields))
        }
        NodeType::Any => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(schema: &Value) -> Vec<String> {
        let mut causes = Vec::new();
        super::super::compile(schema, "s", false, Looks::All, &mut causes);
        let said = causes.into_iter().map(|cause| {
            let message = cause.message.lines().next().unwrap_or_default().to_owned();
            let behind = message.rsplit("}: ").next().unwrap_or_default().to_owned();
            format!("{}: {behind}", cause.field)
        });
        said.collect()
    }

    fn with(rule: &Value) -> Value {
        json!({"type": "object", "properties": {
            "spec": {"type": "object", "x-kubernetes-validations": [rule], "properties": {
                "n": {"type": "integer"},
                "a-b": {"type": "string", "format": "date-time"},
                "any": {"x-kubernetes-int-or-string": true},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "list": {"type": "array", "items": {"type": "object", "properties": {
                    "name": {"type": "string"}}}},
                "pod": {"type": "object", "x-kubernetes-embedded-resource": true,
                    "x-kubernetes-preserve-unknown-fields": true},
            }},
        }, "x-kubernetes-validations": [
            {"rule": "self.metadata.name.startsWith('a') && self.kind == 'X' && has(self.spec)"},
        ]})
    }

    #[test]
    fn rules_fit_their_schema() {
        for rule in [
            "self.n > 1 && self.any == 1",
            "self.any == 'a' || self.a__dash__b > timestamp('2020-01-01T00:00:00Z')",
            "self.map.all(k, self.map[k] != '') && self.map.a == 'b'",
            "self.list.exists(x, x.name == 'a')",
            "self.pod.metadata.name == 'x' && self.pod.kind == 'Pod'",
            "!has(oldSelf.n) || oldSelf.n <= self.n",
        ] {
            assert_eq!(
                complaints(&with(&json!({"rule": rule}))),
                Vec::<String>::new()
            );
        }
    }

    #[test]
    fn rules_that_do_not_fit_are_refused() {
        let at = "s.properties[spec].x-kubernetes-validations[0]";
        for (rule, said) in [
            (
                json!({"rule": "self.free.x == 1"}),
                ".rule: compilation failed: ERROR: <input>:1:10: undefined field 'x'",
            ),
            (
                json!({"rule": "self.list.all(x, x == 'a')"}),
                ".rule: compilation failed: ERROR: <input>:1:20: found no matching overload for '_==_' applied to '(object, string)'",
            ),
            (
                json!({"rule": "self.n"}),
                ".rule: cel expression must evaluate to a bool",
            ),
            (
                json!({"rule": "self.n > 1", "messageExpression": "self.n"}),
                ".messageExpression: messageExpression must evaluate to a string",
            ),
            (
                json!({"rule": "self.n > 1", "fieldPath": ".list.name"}),
                ".fieldPath: Invalid value: \".list.name\": must be a valid path",
            ),
            (
                json!({"rule": "self.n > 1", "fieldPath": "n"}),
                ".fieldPath: Invalid value: \"n\": must be a valid path",
            ),
        ] {
            assert_eq!(complaints(&with(&rule)), [format!("{at}{said}")]);
        }
        for path in [".n", "['a-b']", ".map.anything", ".map['x.y']"] {
            let rule = json!({"rule": "self.n > 1", "fieldPath": path});
            assert_eq!(complaints(&with(&rule)), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn expressions_are_only_looked_at_where_the_schema_is_right() {
        let mut schema = with(&json!({"rule": "self.none == 1"}));
        schema["properties"]["spec"]["properties"]["n"]["type"] = json!("integre");
        let said = complaints(&schema);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("properties[n].type"));
    }
}
