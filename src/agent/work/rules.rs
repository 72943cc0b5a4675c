//! Conditions of manifests by rules: CEL expressions over the resource, or
//! what is well known of its kind. Pure.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use guarded_cel::{
    COST_OF_ALL, COST_OF_ONE, CompileError, Fault, Language, Program, Value as Cel, from_json,
    type_name,
};
use serde_json::Value;

use super::model::ConditionRule;
use super::status::RuleCondition;

const EVALUATED: &str = "ConditionRuleEvaluated";
const EXPRESSION_ERROR: &str = "ConditionRuleExpressionError";
const INVALID: &str = "ConditionRuleInvalid";
const INTERNAL_ERROR: &str = "ConditionRuleInternalError";
/// What upstream's agent says of an expression that costs too much.
const BUDGET: &str = "CEL evaluation budget exceeded";
/// What an expression may name.
const LANGUAGE: Language = Language {
    variables: Some(&["object", "result"]),
    functions: &["hasConditions"],
};
/// So many programs are kept a thread.
const PROGRAMS: usize = 64;

/// Evaluates `rules` on the resource.
pub fn evaluate(rules: &[ConditionRule], live: &Value) -> Vec<RuleCondition> {
    let mut object = None;
    let mut left = COST_OF_ALL;
    rules
        .iter()
        .filter_map(|rule| {
            let mut object = || -> Cel { object.get_or_insert_with(|| from_json(live)).clone() };
            match rule.kind.as_str() {
                "CEL" => Some(by_expression(rule, &object(), &mut left)),
                "WellKnownConditions" => well_known(rule, live, object, &mut left),
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

fn by_expression(rule: &ConditionRule, object: &Cel, left: &mut u64) -> RuleCondition {
    let made = |status, reason, message| RuleCondition {
        kind: rule.condition.clone(),
        status,
        reason,
        message,
    };
    let mut holds = true;
    for expression in &rule.cel_expressions {
        match run(expression, &[("object", object.clone())], left) {
            Ok(Cel::Bool(result)) => holds &= result,
            Ok(other) => {
                let message = format!("expected bool result, got {}", type_name(&other));
                return made("False", EXPRESSION_ERROR, message);
            }
            Err(Wrong::Expression(error)) => return made("False", EXPRESSION_ERROR, error),
            Err(Wrong::Internal(error)) => return made("Unknown", INTERNAL_ERROR, error),
        }
    }
    let default = if holds {
        format!("Manifest is {}", rule.condition)
    } else {
        format!("Manifest is not {}", rule.condition)
    };
    let message = message(rule, holds, object, left).unwrap_or(default);
    made(if holds { "True" } else { "False" }, EVALUATED, message)
}

fn well_known(
    rule: &ConditionRule,
    live: &Value,
    object: impl FnOnce() -> Cel,
    left: &mut u64,
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
        message: message(rule, holds, &object(), left).unwrap_or(default),
    })
}

/// The message that the rule asks for, if it asks for one.
fn message(rule: &ConditionRule, holds: bool, object: &Cel, left: &mut u64) -> Option<String> {
    if !rule.message_expression.is_empty() {
        let variables = [("object", object.clone()), ("result", Cel::Bool(holds))];
        return Some(match run(&rule.message_expression, &variables, left) {
            Ok(Cel::String(text)) => text.to_string(),
            Ok(other) => format!("expected string result, got {}", type_name(&other)),
            Err(Wrong::Expression(error) | Wrong::Internal(error)) => error,
        });
    }
    (!rule.message.is_empty()).then(|| rule.message.clone())
}

/// What is wrong with an expression.
#[derive(Clone)]
enum Wrong {
    /// It is not CEL, or fails.
    Expression(String),
    /// It is CEL, but cannot be evaluated here.
    Internal(String),
}

type Compiled = Result<Rc<Program>, Wrong>;

thread_local! {
    /// Rules are evaluated at every event of their resource.
    static KNOWN: RefCell<HashMap<String, Compiled>> = RefCell::default();
}

fn compile(expression: &str) -> Compiled {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(expression).cloned()) {
        return known;
    }
    let compiled = match Program::compile(expression, LANGUAGE) {
        Ok(program) => Ok(Rc::new(program)),
        Err(CompileError::Invalid(what)) => {
            let what = what.lines().next().unwrap_or_default();
            Err(Wrong::Expression(what.to_owned()))
        }
        Err(CompileError::Refused(what)) => Err(Wrong::Internal(what)),
    };
    // Longer ones are not kept, as they are none.
    if expression.len() <= guarded_cel::LONGEST {
        KNOWN.with_borrow_mut(|known| {
            if known.len() >= PROGRAMS {
                known.clear();
            }
            known.insert(expression.to_owned(), compiled.clone());
        });
    }
    compiled
}

/// Whether a status has conditions; never an error.
fn has_conditions(asked: &[Cel]) -> bool {
    let [Cel::Map(status)] = asked else {
        return false;
    };
    let key = guarded_cel::Key::from("conditions");
    matches!(status.map.get(&key), Some(Cel::List(list)) if !list.is_empty())
}

/// What an expression gives, within what is left of the budget of the manifest.
fn run(expression: &str, variables: &[(&str, Cel)], left: &mut u64) -> Result<Cel, Wrong> {
    let program = compile(expression)?;
    let host = |_: &str, asked: &[Cel]| Ok(Cel::Bool(has_conditions(asked)));
    let (made, cost) = program.evaluate(variables, &host, COST_OF_ONE.min(*left));
    *left = left.saturating_sub(cost);
    made.map_err(|fault| match fault {
        Fault::Cost => Wrong::Expression(BUDGET.to_owned()),
        Fault::Broken => Wrong::Internal(fault.to_string()),
        // As CEL's reference implementation words it.
        Fault::Failed(error) => Wrong::Expression(match error.strip_prefix("No such key: ") {
            Some(key) => format!("no such key: {key}"),
            None => error,
        }),
    })
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

    /// What would end the process, or occupy it for ever, if it were evaluated
    /// as it stands.
    #[test]
    fn no_rule_ends_or_occupies_the_agent() {
        let data: serde_json::Map<String, Value> = (0..1_000)
            .map(|number| (format!("key{number}"), json!("value")))
            .collect();
        let live = json!({"data": data});
        let chain =
            |start: &str, link: &str, times: usize| format!("{start}{}", link.repeat(times));
        let all = "object.data.all(a, object.data.all(b, object.data.all(c, true)))";
        let budget = "CEL evaluation budget exceeded";
        for (expression, status, reason, word) in [
            (
                "X{} == X{}".to_owned(),
                "False",
                EXPRESSION_ERROR,
                "undeclared reference to 'X'",
            ),
            (
                "Foo{a: 1}.a == 1".to_owned(),
                "False",
                EXPRESSION_ERROR,
                "undeclared",
            ),
            (
                "b'a'.contains(b'')".to_owned(),
                "Unknown",
                INTERNAL_ERROR,
                "cannot be evaluated",
            ),
            (
                chain("object", ".a", 8_000),
                "Unknown",
                INTERNAL_ERROR,
                "nested",
            ),
            (chain("1", "+1", 8_000), "Unknown", INTERNAL_ERROR, "nested"),
            (chain("", "[", 8_000), "Unknown", INTERNAL_ERROR, "nested"),
            ("x".repeat(100_000), "Unknown", INTERNAL_ERROR, "bytes"),
            (
                "'a'.matches('(')".to_owned(),
                "Unknown",
                INTERNAL_ERROR,
                "invalid regex",
            ),
            (all.to_owned(), "False", EXPRESSION_ERROR, budget),
            (
                chain("'a'", ".replace('a', 'aaaaaaaaaa')", 11) + " == ''",
                "False",
                EXPRESSION_ERROR,
                budget,
            ),
            (
                chain("[1]", ".map(x, [x, x, x, x]).flatten()", 20) + " == []",
                "False",
                EXPRESSION_ERROR,
                budget,
            ),
        ] {
            let begin: String = expression.chars().take(40).collect();
            let rule = json!({"type": "CEL", "condition": "X", "celExpressions": [expression]});
            let made = one(&rule, &live).unwrap();
            assert_eq!(
                (made.status, made.reason),
                (status, reason),
                "{begin}: {}",
                made.message
            );
            assert!(made.message.contains(word), "{begin}: {}", made.message);
            assert!(made.message.len() < 5_000);
            // In a message it is only a message.
            let rule = json!({"type": "CEL", "condition": "X", "messageExpression": expression});
            let made = one(&rule, &live).unwrap();
            assert_eq!((made.status, made.reason), ("True", EVALUATED), "{begin}");
            assert!(made.message.contains(word), "{begin}: {}", made.message);
        }
    }

    #[test]
    fn the_rules_of_a_manifest_share_a_budget() {
        let data: serde_json::Map<String, Value> = (0..1_000)
            .map(|number| (format!("key{number}"), json!("value")))
            .collect();
        let live = json!({"data": data});
        let rules: Vec<ConditionRule> = (0..100)
            .map(|number| {
                let much = "object.data.all(a, ['a', 'b', 'c', 'd', 'e'].map(x, x + a).size() == 5)";
                let rule = json!({"type": "CEL", "condition": format!("C{number}"), "celExpressions": [much, much]});
                serde_json::from_value(rule).unwrap()
            })
            .collect();
        let made = evaluate(&rules, &live);
        assert_eq!(made.len(), 100);
        assert_eq!(made[0].status, "True");
        let last = made.last().unwrap();
        assert_eq!(
            parts(last),
            ("False", EXPRESSION_ERROR, "CEL evaluation budget exceeded")
        );
        // What costs next to nothing is spared nothing either: it is one budget.
        assert!(made.iter().filter(|one| one.status == "True").count() > 2);
    }
}
