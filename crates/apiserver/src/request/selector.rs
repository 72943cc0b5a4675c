//! Field selectors.

use serde_json::Value;

use crate::api::GroupResource;
use crate::status::Status;

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
            if let Some(wrong) = wrong_escape(value) {
                return Err(Status::bad_request(format!(
                    "invalid field selector: invalid escape sequence: {wrong}"
                )));
            }
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

/// A backslash that stands before nothing it may escape, with what follows it.
fn wrong_escape(text: &str) -> Option<String> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            match chars.next() {
                Some('\\' | ',' | '=') => {}
                Some(other) => return Some(format!("\\{other}")),
                None => return Some("\\".to_owned()),
            }
        }
    }
    None
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
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("events.k8s.io", "events") => &[
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "regarding.apiVersion",
            "regarding.resourceVersion",
            "regarding.fieldPath",
            "reason",
            "reportingController",
            "type",
        ],
        ("", "replicationcontrollers") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        ("certificates.k8s.io", "certificatesigningrequests") => &["spec.signerName"],
        _ => &[],
    }
}

fn field_of(object: &Value, field: &str) -> String {
    let field = match field {
        "status.successful" => "status.succeeded",
        "source" => "source.component",
        other => other,
    };
    let mut node = object;
    for part in field.split('.') {
        node = &node[part];
    }
    match node {
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
