//! Label and field selectors.

use serde_json::Value;

use crate::api::GroupResource;
use crate::status::Status;

#[derive(Clone, Debug, PartialEq, Eq)]
enum LabelRule {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Greater(String, i64),
    Less(String, i64),
}

/// A parsed `labelSelector`: all rules must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<LabelRule>);

fn parse_error(text: &str, why: &str) -> Status {
    Status::bad_request(format!("unable to parse requirement: {why} in \"{text}\""))
}

/// Splits at commas that are not within parentheses.
fn clauses(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn label_key(text: &str, whole: &str) -> Result<String, Status> {
    let key = text.trim();
    if key.is_empty() {
        let found = whole.trim_start().trim_start_matches('!');
        let end = found
            .find(|c: char| !"=!<>(),".contains(c))
            .unwrap_or(found.len());
        return Err(Status::bad_request(format!(
            "found '{}', expected: !, identifier, or 'end of string'",
            &found[..end]
        )));
    }
    let name = key.rsplit('/').next().unwrap_or(key);
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty()
        || name.len() > 63
        || !key.chars().all(|c| good(c) || c == '/')
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.ends_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Err(parse_error(whole, &format!("invalid label key \"{key}\"")));
    }
    Ok(key.to_owned())
}

fn label_value(text: &str, whole: &str) -> Result<String, Status> {
    let value = text.trim();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if value.len() > 63 || !value.chars().all(good) {
        return Err(parse_error(
            whole,
            &format!("invalid label value \"{value}\""),
        ));
    }
    Ok(value.to_owned())
}

impl LabelSelector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub fn parse(text: &str) -> Result<Self, Status> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        clauses(text)
            .into_iter()
            .map(|clause| rule(clause.trim(), text))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object has such labels.
    pub fn matches(&self, object: &Value) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let labels = &object["metadata"]["labels"];
        let label = |key: &str| labels.get(key).and_then(Value::as_str);
        let number = |key: &str| label(key).and_then(|value| value.parse::<i64>().ok());
        self.0.iter().all(|rule| match rule {
            LabelRule::Exists(key) => label(key).is_some(),
            LabelRule::Absent(key) => label(key).is_none(),
            LabelRule::In(key, values) => label(key).is_some_and(|v| values.iter().any(|w| w == v)),
            LabelRule::NotIn(key, values) => {
                label(key).is_none_or(|v| values.iter().all(|w| w != v))
            }
            LabelRule::Greater(key, than) => number(key).is_some_and(|n| n > *than),
            LabelRule::Less(key, than) => number(key).is_some_and(|n| n < *than),
        })
    }
}

fn rule(clause: &str, whole: &str) -> Result<LabelRule, Status> {
    if let Some(key) = clause.strip_prefix('!') {
        return Ok(LabelRule::Absent(label_key(key, whole)?));
    }
    if let Some((head, values)) = clause.split_once('(') {
        let values = values
            .trim_end()
            .strip_suffix(')')
            .ok_or_else(|| parse_error(whole, "a closing parenthesis is missing"))?
            .split(',')
            .map(|value| label_value(value, whole))
            .collect::<Result<Vec<_>, _>>()?;
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(LabelRule::In(label_key(key, whole)?, values)),
            (Some(key), Some("notin"), None) => {
                Ok(LabelRule::NotIn(label_key(key, whole)?, values))
            }
            _ => Err(parse_error(
                whole,
                "expected \"key in (…)\" or \"key notin (…)\"",
            )),
        };
    }
    if let Some((key, value)) = clause.split_once("!=") {
        return Ok(LabelRule::NotIn(
            label_key(key, whole)?,
            vec![label_value(value, whole)?],
        ));
    }
    if let Some((key, value)) = clause.split_once("==").or_else(|| clause.split_once('=')) {
        return Ok(LabelRule::In(
            label_key(key, whole)?,
            vec![label_value(value, whole)?],
        ));
    }
    for (sign, make) in [
        ('>', LabelRule::Greater as fn(String, i64) -> LabelRule),
        ('<', LabelRule::Less),
    ] {
        if let Some((key, value)) = clause.split_once(sign) {
            let value = value.trim().parse().map_err(|_| {
                parse_error(
                    whole,
                    "for 'Gt', 'Lt' operators, the value must be an integer",
                )
            })?;
            return Ok(make(label_key(key, whole)?, value));
        }
    }
    Ok(LabelRule::Exists(label_key(clause, whole)?))
}

/// A parsed `fieldSelector`: field, whether it must be equal, value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Reads `a.b=c,d!=e`.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let bad = |clause: &str| {
            Status::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{clause}'"
            ))
        };
        let mut rules = Vec::new();
        for clause in split_unescaped(text)
            .into_iter()
            .filter(|clause| !clause.trim().is_empty())
        {
            let (key, equal, value) = if let Some((key, value)) = clause.split_once("!=") {
                (key, false, value)
            } else if let Some((key, value)) =
                clause.split_once("==").or_else(|| clause.split_once('='))
            {
                (key, true, value)
            } else {
                return Err(bad(clause));
            };
            rules.push((key.trim().to_owned(), equal, unescape(value)));
        }
        Ok(Self(rules))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether name and namespace are all it looks at.
    pub fn is_of_header(&self) -> bool {
        self.0
            .iter()
            .all(|(field, ..)| matches!(field.as_str(), "metadata.name" | "metadata.namespace"))
    }

    /// The value this field must have, if the selector says so.
    pub fn required(&self, field: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(key, equal, _)| key == field && *equal)
            .map(|(_, _, value)| value.clone())
    }

    /// The same selector, for one name only.
    #[must_use]
    pub fn and_name(mut self, name: &str) -> Self {
        self.0
            .insert(0, ("metadata.name".to_owned(), true, name.to_owned()));
        self
    }

    /// 400 when objects cannot be selected by one of the fields; `selectable`
    /// are those that a custom resource declares,
    /// `None` for a built-in one.
    pub fn check(&self, gr: &GroupResource, selectable: Option<&[String]>) -> Result<(), Status> {
        let own = fields_of(gr);
        for (field, _, _) in &self.0 {
            if !matches!(field.as_str(), "metadata.name" | "metadata.namespace")
                && !selectable.is_some_and(|fields| fields.contains(field))
                && !own.contains(&field.as_str())
            {
                return Err(Status::bad_request(match (selectable, own.is_empty()) {
                    // No conversion of labels is registered for these kinds.
                    (None, true) => format!(
                        "\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    ),
                    _ if gr.group == "batch" => {
                        format!("field label \"{field}\" not supported for Job")
                    }
                    _ => format!("field label not supported: {field}"),
                }));
            }
        }
        Ok(())
    }

    /// Whether an object has such fields.
    pub fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|(field, equal, value)| (field_of(object, field) == *value) == *equal)
    }
}

fn split_unescaped(text: &str) -> Vec<&str> {
    let (mut escaped, mut start, mut parts) = (false, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            ',' if !escaped => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => escaped = false,
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        });
    }
    plain
}

/// The fields of built-in kinds that can be selected by, beyond name and
/// namespace.
fn fields_of(gr: &GroupResource) -> &'static [&'static str] {
    match (gr.group.as_str(), gr.resource.as_str()) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        ("", "secrets") => &["type"],
        ("", "namespaces") => &["status.phase"],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("" | "events.k8s.io", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        ("certificates.k8s.io", "certificatesigningrequests") => &["spec.signerName"],
        _ => &[],
    }
}

fn field_of(object: &Value, field: &str) -> String {
    let field = match field {
        "status.successful" => "status.succeeded",
        "source" => "source.component",
        "reportingController" => "reportingComponent",
        other => other,
    };
    let mut node = object;
    for part in field.split('.') {
        node = &node[part];
    }
    match node {
        // An event is stored as core/v1 has it; events.k8s.io calls the object `regarding`.
        Value::Null if field.starts_with("regarding.") => {
            field_of(object, &field.replacen("regarding", "involvedObject", 1))
        }
        Value::Null if field.starts_with("status.replicas") || field == "status.succeeded" => {
            "0".to_owned()
        }
        Value::Null if matches!(field, "spec.unschedulable" | "spec.hostNetwork") => {
            "false".to_owned()
        }
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_selected() {
        let object =
            json!({"metadata": {"labels": {"app": "web", "tier": "front", "n": "5", "e": ""}}});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app!=web", false),
            ("missing!=web", true),
            ("app in (web, db)", true),
            ("app notin (web,db)", false),
            ("missing notin (web)", true),
            ("app", true),
            ("!app", false),
            ("!missing", true),
            ("n>4", true),
            ("n<4", false),
            ("e=", true),
            ("missing=", false),
            ("example.com/a.b!=x , app", true),
        ] {
            let parsed =
                LabelSelector::parse(selector).unwrap_or_else(|e| panic!("{selector}: {e}"));
            assert_eq!(parsed.matches(&object), expected, "{selector}");
        }
        for selector in ["a in (b", "a b", "=x", "a=b c", ",", "a>b"] {
            assert_eq!(
                LabelSelector::parse(selector).unwrap_err().code,
                400,
                "{selector}"
            );
        }
    }

    #[test]
    fn fields_are_selected() {
        let pods = GroupResource::new("", "pods");
        let object = json!({"metadata": {"name": "a"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        for (selector, expected) in [
            ("metadata.name=a", true),
            ("metadata.name!=a", false),
            ("spec.nodeName=n,status.phase!=Failed", true),
            ("spec.nodeName=", false),
            ("spec.hostNetwork=false", true),
        ] {
            let parsed = FieldSelector::parse(selector).unwrap();
            parsed.check(&pods, None).unwrap();
            assert_eq!(parsed.matches(&object), expected, "{selector}");
        }
        let parsed = FieldSelector::parse("spec.image=x").unwrap();
        let error = parsed.check(&pods, None).unwrap_err();
        assert!(
            error
                .message
                .contains("field label not supported: spec.image"),
            "{error}"
        );
        assert_eq!(FieldSelector::parse("nonsense").unwrap_err().code, 400);
        assert_eq!(
            FieldSelector::parse(r"metadata.name=a\,b")
                .unwrap()
                .required("metadata.name")
                .as_deref(),
            Some("a,b")
        );
    }
}
