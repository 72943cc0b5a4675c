//! Placeholders in the manifests of a template: `{{NAME}}`.
//!
//! A value replaces its placeholder within a string, and so cannot add fields to
//! a manifest, whatever it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Why placeholders are not replaced.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SubstituteError {
    /// A placeholder has a beginning only.
    #[error("\"{0}\" begins a placeholder with {{{{ and does not end it with }}}}")]
    Open(String),
}

/// `value` with every placeholder replaced; one that `variables` does not have
/// becomes nothing.
///
/// # Errors
/// A placeholder that does not end.
pub fn in_value(
    value: &Value,
    variables: &BTreeMap<String, String>,
) -> Result<Value, SubstituteError> {
    Ok(match value {
        Value::String(text) => Value::String(in_text(text, variables)?),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| in_value(item, variables))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(fields) => {
            let mut map = Map::new();
            for (key, value) in fields {
                map.insert(in_text(key, variables)?, in_value(value, variables)?);
            }
            Value::Object(map)
        }
        other => other.clone(),
    })
}

/// `text` with every placeholder replaced, as [`in_value`] does it.
///
/// # Errors
/// A placeholder that does not end.
pub fn in_text(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, SubstituteError> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        result.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            let shown: String = text.chars().take(80).collect();
            return Err(SubstituteError::Open(shown));
        };
        if let Some(value) = variables.get(name) {
            result.push_str(value);
        }
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholders_become_values_and_unknown_ones_nothing() {
        let variables = BTreeMap::from([
            ("A".to_owned(), "1\", \"x\": \"2".to_owned()),
            ("B".to_owned(), "{{A}}".to_owned()),
        ]);
        let value = json!({"k{{A}}": ["-{{A}}{{B}}-{{C}}-", 7, null], "plain": "}}"});
        assert_eq!(
            in_value(&value, &variables).unwrap(),
            json!({"k1\", \"x\": \"2": ["-1\", \"x\": \"2{{A}}--", 7, null], "plain": "}}"})
        );
        assert_eq!(
            in_value(&json!("a {{A"), &variables)
                .unwrap_err()
                .to_string(),
            "\"a {{A\" begins a placeholder with {{ and does not end it with }}"
        );
    }

    proptest::proptest! {
        #[test]
        fn text_without_placeholders_stays(text in "[^{]{0,40}") {
            let replaced = in_value(&json!(text), &BTreeMap::new());
            proptest::prop_assert_eq!(replaced, Ok(json!(text)));
        }
    }
}
