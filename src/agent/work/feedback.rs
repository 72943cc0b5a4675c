//! Values that a work wants to know of its resources. Pure.

use serde_json::Value;

use super::jsonpath;
use super::model::{FeedbackRule, FeedbackValue, FieldValue};
use super::status::Feedback;

/// What may be reported of values that are no scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lists, maps and fractions are reported as JSON text.
    pub raw_json: bool,
    /// Longest JSON text.
    pub max_raw_length: usize,
}

/// Longest text: a status holds many, and the hub stores no more than 1.5 MiB of all.
const MAX_TEXT: usize = 16 * 1024;

/// Values and their paths for the kinds that are well known.
fn well_known(api_version: &str, kind: &str) -> Option<&'static [(&'static str, &'static str)]> {
    Some(match (api_version, kind) {
        ("apps/v1", "Deployment") => &[
            ("ReadyReplicas", ".status.readyReplicas"),
            ("Replicas", ".status.replicas"),
            ("AvailableReplicas", ".status.availableReplicas"),
        ],
        ("apps/v1", "DaemonSet") => &[
            ("NumberReady", ".status.numberReady"),
            ("DesiredNumberScheduled", ".status.desiredNumberScheduled"),
            ("NumberAvailable", ".status.numberAvailable"),
        ],
        ("batch/v1", "Job") => &[
            (
                "JobComplete",
                ".status.conditions[?(@.type==\"Complete\")].status",
            ),
            ("JobSucceeded", ".status.succeeded"),
        ],
        ("v1", "Pod") => &[
            (
                "PodReady",
                ".status.conditions[?(@.type==\"Ready\")].status",
            ),
            ("PodPhase", ".status.phase"),
        ],
        _ => return None,
    })
}

/// Evaluates `rules` on the resource.
pub fn collect(rules: &[FeedbackRule], live: &Value, limits: Limits) -> Feedback {
    let mut feedback = Feedback {
        wanted: !rules.is_empty(),
        ..Feedback::default()
    };
    let api_version = live["apiVersion"].as_str().unwrap_or_default();
    let kind = live["kind"].as_str().unwrap_or_default();
    for rule in rules {
        match rule.kind.as_str() {
            "WellKnownStatus" => match well_known(api_version, kind) {
                Some(paths) => {
                    for (name, path) in paths {
                        add(&mut feedback, name, path, live, limits);
                    }
                }
                None => {
                    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                    feedback.errors.push(format!(
                        "cannot find the wellknown statuses for resource with gvk {group}/{version}, Kind={kind}"
                    ));
                }
            },
            "JSONPaths" => {
                for path in &rule.json_paths {
                    let wanted = path.version.as_deref().unwrap_or_default();
                    let version = api_version.rsplit('/').next().unwrap_or_default();
                    if !wanted.is_empty() && wanted != version {
                        feedback.errors.push(format!(
                            "version set in the path {} is not matched for the related resource",
                            path.name
                        ));
                        continue;
                    }
                    add(&mut feedback, &path.name, &path.path, live, limits);
                }
            }
            other => feedback
                .errors
                .push(format!("feedback rule type {other} is not supported")),
        }
    }
    feedback
}

fn add(feedback: &mut Feedback, name: &str, path: &str, live: &Value, limits: Limits) {
    match value(name, path, live, limits) {
        Ok(Some(field_value)) => {
            // The status is keyed by name: the last one counts.
            feedback.values.retain(|v| v.name != name);
            feedback.values.push(FeedbackValue {
                name: name.to_owned(),
                field_value,
            });
        }
        Ok(None) => {}
        Err(error) => feedback.errors.push(error),
    }
}

fn value(
    name: &str,
    path: &str,
    live: &Value,
    limits: Limits,
) -> Result<Option<FieldValue>, String> {
    let found = jsonpath::values(live, path).map_err(|error| {
        format!("failed to parse json path {path} of {name} with error {error}")
    })?;
    let found = match found.as_slice() {
        [] => return Ok(None),
        [one] => (*one).clone(),
        several if limits.raw_json => Value::Array(several.iter().map(|v| (*v).clone()).collect()),
        [first, ..] => (*first).clone(),
    };
    let field = |kind: &str| FieldValue {
        kind: kind.to_owned(),
        ..FieldValue::default()
    };
    let go_type = match &found {
        Value::Null => return Ok(None),
        Value::Bool(b) => {
            return Ok(Some(FieldValue {
                boolean: Some(*b),
                ..field("Boolean")
            }));
        }
        Value::String(s) if s.len() > MAX_TEXT => {
            return Err(format!(
                "the length of the value for {name} is {}, more than {MAX_TEXT}",
                s.len()
            ));
        }
        Value::String(s) => {
            return Ok(Some(FieldValue {
                string: Some(s.clone()),
                ..field("String")
            }));
        }
        Value::Number(n) => match n.as_i64() {
            Some(n) => {
                return Ok(Some(FieldValue {
                    integer: Some(n),
                    ..field("Integer")
                }));
            }
            None => "float64",
        },
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    if !limits.raw_json {
        return Err(format!(
            "the type {go_type} of the value for {name} is not found"
        ));
    }
    let raw = found
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    if raw.len() > limits.max_raw_length {
        return Err(format!(
            "the length of the value for {name} is {}, more than {}",
            raw.len(),
            limits.max_raw_length
        ));
    }
    Ok(Some(FieldValue {
        json_raw: Some(raw),
        ..field("JsonRaw")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: Limits = Limits {
        raw_json: false,
        max_raw_length: 1024,
    };
    const RAW: Limits = Limits {
        raw_json: true,
        max_raw_length: 1024,
    };

    fn rules(value: Value) -> Vec<FeedbackRule> {
        serde_json::from_value(value).unwrap()
    }

    fn names(feedback: &Feedback) -> Vec<&str> {
        feedback.values.iter().map(|v| v.name.as_str()).collect()
    }

    #[test]
    fn well_known_values_come_in_upstreams_order() {
        let well_known = rules(json!([{"type": "WellKnownStatus"}]));
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "status": {"replicas": 3, "readyReplicas": 2, "availableReplicas": 1}});
        let feedback = collect(&well_known, &deployment, PLAIN);
        assert_eq!(
            names(&feedback),
            ["ReadyReplicas", "Replicas", "AvailableReplicas"]
        );
        assert_eq!(feedback.values[0].field_value.integer, Some(2));
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "status": {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}});
        let feedback = collect(&well_known, &job, PLAIN);
        assert_eq!(
            feedback.values[0].field_value.string.as_deref(),
            Some("True")
        );
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount"});
        let feedback = collect(&well_known, &account, PLAIN);
        assert!(feedback.values.is_empty());
        assert_eq!(
            feedback.errors,
            ["cannot find the wellknown statuses for resource with gvk /v1, Kind=ServiceAccount"]
        );
    }

    #[test]
    fn work_48_a_map_is_no_value_but_others_are_reported() {
        let paths = rules(json!([{"type": "JSONPaths", "jsonPaths": [
            {"name": "map", "path": ".status"}, {"name": "n", "path": ".status.n"}, {"name": "none", "path": ".status.x.y"},
            {"name": "other", "path": ".status.n", "version": "v2"}, {"name": "bad", "path": "[["}]}]));
        let feedback = collect(
            &paths,
            &json!({"apiVersion": "v1", "kind": "X", "status": {"n": true}}),
            PLAIN,
        );
        assert_eq!(names(&feedback), ["n"]);
        assert_eq!(
            feedback.errors[0],
            "the type map[string]interface {} of the value for map is not found"
        );
        assert_eq!(
            feedback.errors[1],
            "version set in the path other is not matched for the related resource"
        );
        assert!(feedback.errors[2].starts_with("failed to parse json path [[ of bad"));
    }

    #[test]
    fn work_49_raw_json_is_bounded() {
        let paths = rules(
            json!([{"type": "JSONPaths", "jsonPaths": [{"name": "raw", "path": ".status"}, {"name": "all", "path": ".status.list[*]"}]}]),
        );
        let feedback = collect(
            &paths,
            &json!({"status": {"list": [1, 2], "a": "<&>"}}),
            RAW,
        );
        assert_eq!(
            feedback.values[0].field_value.json_raw.as_deref(),
            Some(r#"{"a":"\u003c\u0026\u003e","list":[1,2]}"#)
        );
        assert_eq!(
            feedback.values[1].field_value.json_raw.as_deref(),
            Some("[1,2]")
        );
        let long = collect(&paths, &json!({"status": {"a": "x".repeat(2000)}}), RAW);
        assert!(long.values.is_empty() && long.errors.len() == 1);
    }
}
