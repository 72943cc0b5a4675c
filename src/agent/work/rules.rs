//! Conditions of manifests by rules: CEL expressions over the resource, or
//! what is well known of its kind. Pure.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Program};
use kube_cel::KubeCelExt as _;
use serde_json::Value;

use super::model::ConditionRule;
use super::status::RuleCondition;

const EVALUATED: &str = "ConditionRuleEvaluated";
const EXPRESSION_ERROR: &str = "ConditionRuleExpressionError";
const INVALID: &str = "ConditionRuleInvalid";

/// Evaluates `rules` on the resource.
pub fn evaluate(rules: &[ConditionRule], live: &Value) -> Vec<RuleCondition> {
    let mut object = None;
    rules
        .iter()
        .filter_map(|rule| {
            let mut object =
                || -> cel::Value { object.get_or_insert_with(|| to_cel(live)).clone() };
            match rule.kind.as_str() {
                "CEL" => Some(by_expression(rule, object())),
                "WellKnownConditions" => well_known(rule, live, object),
                other => Some(RuleCondition {
                    kind: rule.condition.clone(),
                    status: "Unknown",
                    reason: INVALID,
                    message: format!("unrecognized condition rule type {other}"),
                }),
            }
        })
        .collect()
}

fn by_expression(rule: &ConditionRule, object: cel::Value) -> RuleCondition {
    let made = |status, reason, message| RuleCondition {
        kind: rule.condition.clone(),
        status,
        reason,
        message,
    };
    let mut holds = true;
    for expression in &rule.cel_expressions {
        match run(expression, &[("object", object.clone())]) {
            Ok(cel::Value::Bool(result)) => holds &= result,
            Ok(other) => {
                let message = format!("expected bool result, got {}", type_name(&other));
                return made("False", EXPRESSION_ERROR, message);
            }
            Err(error) => return made("False", EXPRESSION_ERROR, error),
        }
    }
    let default = if holds {
        format!("Manifest is {}", rule.condition)
    } else {
        format!("Manifest is not {}", rule.condition)
    };
    let message = message(rule, holds, object).unwrap_or(default);
    made(if holds { "True" } else { "False" }, EVALUATED, message)
}

fn well_known(
    rule: &ConditionRule,
    live: &Value,
    object: impl FnOnce() -> cel::Value,
) -> Option<RuleCondition> {
    if rule.condition != "Complete" {
        return None;
    }
    let (holds, default) = match (live["apiVersion"].as_str()?, live["kind"].as_str()?) {
        ("batch/v1", "Job") => {
            let finished = live["status"]["conditions"].as_array().is_some_and(|all| {
                all.iter().any(|c| {
                    (c["type"] == "Complete" || c["type"] == "Failed") && c["status"] == "True"
                })
            });
            let default = if finished {
                "Job is finished"
            } else {
                "Job is not finished"
            };
            (finished, default.to_owned())
        }
        ("v1", "Pod") => {
            let phase = live["status"]["phase"].as_str().unwrap_or_default();
            (
                matches!(phase, "Succeeded" | "Failed"),
                format!("Pod is in phase {phase}"),
            )
        }
        _ => return None,
    };
    Some(RuleCondition {
        kind: rule.condition.clone(),
        status: if holds { "True" } else { "False" },
        reason: EVALUATED,
        message: message(rule, holds, object()).unwrap_or(default),
    })
}

/// The message that the rule asks for, if it asks for one.
fn message(rule: &ConditionRule, holds: bool, object: cel::Value) -> Option<String> {
    if !rule.message_expression.is_empty() {
        let variables = [("object", object), ("result", cel::Value::Bool(holds))];
        return Some(match run(&rule.message_expression, &variables) {
            Ok(cel::Value::String(text)) => text.to_string(),
            Ok(other) => format!("expected string result, got {}", type_name(&other)),
            Err(error) => error,
        });
    }
    (!rule.message.is_empty()).then(|| rule.message.clone())
}

thread_local! {
    /// Kubernetes' functions and ours, registered once a thread that needs them.
    static FUNCTIONS: RefCell<Context<'static>> = RefCell::new(functions());
}

fn functions() -> Context<'static> {
    let mut context = Context::default().with_all();
    context.add_function("hasConditions", |status: cel::Value| match &status {
        cel::Value::Map(map) => {
            let key = Key::String(Arc::new("conditions".to_owned()));
            matches!(map.map.get(&key), Some(cel::Value::List(list)) if !list.is_empty())
        }
        _ => false,
    });
    context
}

fn run(expression: &str, variables: &[(&str, cel::Value)]) -> Result<cel::Value, String> {
    let program = Program::compile(expression).map_err(|errors| {
        let text = errors.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    })?;
    FUNCTIONS.with_borrow(|functions| {
        let mut context = functions.new_inner_scope();
        for (name, value) in variables {
            context.add_variable_from_value(*name, value.clone());
        }
        program.execute(&context).map_err(|error| {
            // As CEL's reference implementation words it.
            match error.to_string().strip_prefix("No such key: ") {
                Some(key) => format!("no such key: {key}"),
                None => error.to_string(),
            }
        })
    })
}

fn type_name(value: &cel::Value) -> String {
    let name = match value {
        cel::Value::String(_) => "string",
        cel::Value::Int(_) => "int",
        cel::Value::UInt(_) => "uint",
        cel::Value::Float(_) => "double",
        cel::Value::Bool(_) => "bool",
        cel::Value::List(_) => "list",
        cel::Value::Map(_) => "map",
        cel::Value::Null => "null_type",
        _ => "dyn",
    };
    name.to_owned()
}

/// A JSON value as CEL sees it; whole numbers are int.
fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        Value::Number(n) => match n.as_i64() {
            Some(whole) => cel::Value::Int(whole),
            None => cel::Value::Float(n.as_f64().unwrap_or_default()),
        },
        Value::String(s) => cel::Value::String(Arc::new(s.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(map) => {
            let entries: HashMap<Key, cel::Value> = map
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), to_cel(value)))
                .collect();
            cel::Value::Map(Map {
                map: Arc::new(entries),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(rule: &Value, live: &Value) -> Option<RuleCondition> {
        let rules: Vec<ConditionRule> = serde_json::from_value(json!([rule])).unwrap();
        evaluate(&rules, live).pop()
    }

    fn parts(condition: &RuleCondition) -> (&str, &str, &str) {
        (condition.status, condition.reason, &condition.message)
    }

    #[test]
    fn work_51_expressions_make_conditions() {
        let live =
            json!({"status": {"ready": 2, "conditions": [{"type": "Done", "status": "True"}]}});
        let rule = |expressions: Value| json!({"type": "CEL", "condition": "Complete", "celExpressions": expressions});
        for (expressions, expected) in [
            (
                json!(["object.status.ready == 2"]),
                ("True", EVALUATED, "Manifest is Complete"),
            ),
            (
                json!(["object.status.ready == 2", "false"]),
                ("False", EVALUATED, "Manifest is not Complete"),
            ),
            (json!([]), ("True", EVALUATED, "Manifest is Complete")),
            (
                json!(["hasConditions(object.status)"]),
                ("True", EVALUATED, "Manifest is Complete"),
            ),
            (
                json!(["hasConditions(object.status.ready)"]),
                ("False", EVALUATED, "Manifest is not Complete"),
            ),
            (
                json!([
                    "object.status.conditions.exists(c, c.type == 'Done' && c.status == 'True')"
                ]),
                ("True", EVALUATED, "Manifest is Complete"),
            ),
            (
                json!(["object.missing"]),
                ("False", EXPRESSION_ERROR, "no such key: missing"),
            ),
            (
                json!(["'text'"]),
                (
                    "False",
                    EXPRESSION_ERROR,
                    "expected bool result, got string",
                ),
            ),
        ] {
            let made = one(&rule(expressions.clone()), &live).unwrap();
            assert_eq!(parts(&made), expected, "{expressions}");
        }
        assert_eq!(
            one(&rule(json!(["((("])), &live).unwrap().reason,
            EXPRESSION_ERROR
        );
    }

    #[test]
    fn messages_are_chosen_in_order() {
        let rule = |more: Value| {
            let mut rule = json!({"type": "CEL", "condition": "X", "celExpressions": ["true"]});
            rule.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            rule
        };
        let live = json!({"metadata": {"name": "n"}});
        let text = |more: Value| one(&rule(more), &live).unwrap().message;
        assert_eq!(text(json!({"message": "said"})), "said");
        let both = json!({"message": "said", "messageExpression": "object.metadata.name + ' is ' + (result ? 'good' : 'bad')"});
        assert_eq!(text(both), "n is good");
        assert_eq!(
            text(json!({"messageExpression": "object.none"})),
            "no such key: none"
        );
    }

    #[test]
    fn well_known_completion_of_jobs_and_pods() {
        let rule = json!({"type": "WellKnownConditions", "condition": "Complete"});
        let job = |kind: &str| json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [{"type": kind, "status": "True"}]}});
        assert_eq!(
            parts(&one(&rule, &job("Complete")).unwrap()),
            ("True", EVALUATED, "Job is finished")
        );
        assert_eq!(
            parts(&one(&rule, &job("Suspended")).unwrap()),
            ("False", EVALUATED, "Job is not finished")
        );
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}});
        assert_eq!(
            parts(&one(&rule, &pod).unwrap()),
            ("False", EVALUATED, "Pod is in phase Running")
        );
        assert!(one(&rule, &json!({"apiVersion": "v1", "kind": "ConfigMap"})).is_none());
        assert!(
            one(
                &json!({"type": "WellKnownConditions", "condition": "Odd"}),
                &pod
            )
            .is_none()
        );
        assert_eq!(
            one(&json!({"type": "Odd", "condition": "X"}), &pod)
                .unwrap()
                .reason,
            INVALID
        );
    }
}
