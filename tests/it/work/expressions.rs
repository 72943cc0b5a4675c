//! Condition rules that would end an agent, or occupy it for ever, beside works
//! that must not notice.

use serde_json::{Value, json};

use super::bed::*;

#[tokio::test(flavor = "multi_thread")]
async fn works_with_ruinous_expressions_harm_no_others() {
    let bed = Bed::start().await;
    let chain = |start: &str, link: &str, times: usize| format!("{start}{}", link.repeat(times));
    let budget = "CEL evaluation budget exceeded";
    let (wrong, internal) = ("ConditionRuleExpressionError", "ConditionRuleInternalError");
    let ruinous = [
        // Panics of the crate that evaluates.
        (
            "X{} == X{}".to_owned(),
            wrong,
            "undeclared reference to 'X'",
        ),
        (
            "b'a'.contains(b'')".to_owned(),
            internal,
            "cannot be evaluated",
        ),
        // Stacks.
        (chain("object", ".a", 8_000), internal, "nested"),
        (chain("1", "+1", 8_000), internal, "nested"),
        // Memory.
        (
            chain("'a'", ".replace('a', 'aaaaaaaaaa')", 11) + " == ''",
            wrong,
            budget,
        ),
        // Time.
        (
            "object.data.all(a, object.data.all(b, object.data.all(c, object.data.all(d, true))))"
                .to_owned(),
            wrong,
            budget,
        ),
    ];
    let data: serde_json::Map<String, Value> = (0..100)
        .map(|number| (format!("key{number}"), json!("value")))
        .collect();
    for (number, (expression, _, _)) in ruinous.iter().enumerate() {
        let name = format!("bad-{number}");
        let mut object = config_map(&name, "");
        object["data"] = data.clone().into();
        let rules = json!({"manifestConfigs": [{
            "resourceIdentifier": {"group": "", "resource": "configmaps", "namespace": "default", "name": name},
            "conditionRules": [
                {"type": "CEL", "condition": "Good", "celExpressions": ["has(object.data.key1)"]},
                {"type": "CEL", "condition": "Bad", "celExpressions": [expression]},
                {"type": "CEL", "condition": "Told", "celExpressions": [], "messageExpression": expression},
            ],
        }]});
        bed.create_work_with(&name, vec![object], rules).await;
    }
    bed.create_work("well", vec![config_map("well", "1")]).await;
    bed.until_available("well").await;
    for (number, (expression, reason, words)) in ruinous.iter().enumerate() {
        let name = format!("bad-{number}");
        let work = bed
            .until_work(&name, |w| manifest_condition(w, 0, "Bad").is_some())
            .await;
        let begin: String = expression.chars().take(60).collect();
        let of = |kind: &str| manifest_condition(&work, 0, kind).unwrap();
        assert_eq!(of("Bad")["reason"], *reason, "{begin}");
        for kind in ["Bad", "Told"] {
            let said = of(kind)["message"].as_str().unwrap();
            assert!(said.contains(words), "{begin}: {said}");
        }
        // What is good in the same manifest is told.
        for kind in ["Applied", "Available", "Good", "Told"] {
            assert_eq!(of(kind)["status"], "True", "{begin}: {kind}");
        }
        bed.until_available(&name).await;
    }
    // The agent is well: what is undone comes back.
    let well = config_map("well", "1");
    bed.spoke
        .merge(&well, json!({"data": {"key": "changed"}}))
        .await;
    until("the change is undone", || async {
        bed.spoke.get(&well).await.unwrap()["data"]["key"] == "1"
    })
    .await;
}
