//! `matchConditions`: CEL about a write that says whether a webhook is asked.

use serde_json::Value;

use crate::builtin::text;
use crate::crd::cel;

/// Whether all conditions of a webhook hold for this request of an
/// `AdmissionReview`. One that does not hold decides, whatever else fails.
///
/// # Errors
/// A condition that cannot be evaluated, by its name.
pub(super) fn hold(hook: &Value, request: &Value) -> Result<bool, String> {
    let conditions = hook["matchConditions"].as_array();
    let Some(conditions) = conditions.filter(|all| !all.is_empty()) else {
        return Ok(true);
    };
    let variables = [
        ("object", &request["object"]),
        ("oldObject", &request["oldObject"]),
        ("request", request),
    ];
    let mut failed = None;
    for condition in conditions {
        match cel::condition(text(condition, "/expression"), &variables) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(why) => {
                let expression = text(condition, "/expression");
                let why = why.replacen("No such key", "no such key", 1);
                failed.get_or_insert(format!(
                    "expression '{expression}' resulted in error: {why}"
                ));
            }
        }
    }
    failed.map_or(Ok(true), Err)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions() {
        let request = json!({
            "object": {"metadata": {"name": "a", "namespace": "n", "labels": {"x": "y"}}, "spec": {"replicas": 2}},
            "oldObject": null,
            "operation": "CREATE",
            "namespace": "n",
            "userInfo": {"username": "jane", "groups": ["g"]},
        });
        let table = [
            (json!([]), Ok(true)),
            (json!(["object.metadata.name == 'a'"]), Ok(true)),
            (json!(["object.metadata.name == 'b'"]), Ok(false)),
            (
                json!([
                    "request.userInfo.username == 'jane'",
                    "'g' in request.userInfo.groups"
                ]),
                Ok(true),
            ),
            (
                json!(["oldObject == null", "object.spec.replicas > 1"]),
                Ok(true),
            ),
            (
                json!(["request.operation == 'CREATE' && object.metadata.labels['x'] == 'y'"]),
                Ok(true),
            ),
            (json!(["has(object.metadata.annotations)"]), Ok(false)),
            (json!(["object.spec.none == 1"]), Err(())),
            // What does not hold decides.
            (json!(["object.spec.none == 1", "false"]), Ok(false)),
            (json!(["1"]), Err(())),
        ];
        for (expressions, expected) in table {
            let conditions: Vec<Value> = expressions
                .as_array()
                .into_iter()
                .flatten()
                .map(|text| json!({"name": "c", "expression": text}))
                .collect();
            let hook = json!({"matchConditions": conditions});
            let result = hold(&hook, &request).map_err(|_| ());
            assert_eq!(result, expected, "{expressions}");
        }
    }
}
