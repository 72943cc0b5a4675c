//! Label selectors: which objects they choose.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use thiserror::Error;

/// A selector that chooses nothing because it says nothing sensible.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SelectorError {
    /// The operator is none of the four.
    #[error("{operator:?} is not a label selector operator")]
    Operator {
        /// What was given.
        operator: String,
    },
    /// In or NotIn without values, or Exists or DoesNotExist with some.
    #[error("operator {operator} for key {key:?} has the wrong number of values")]
    Values {
        /// The key it is about.
        key: String,
        /// The operator.
        operator: String,
    },
}

/// Something that has labels.
pub trait Labelled {
    /// The value of a label.
    fn value(&self, key: &str) -> Option<&str>;
}

impl Labelled for BTreeMap<String, String> {
    fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

/// Whether the selector chooses something with these labels. An empty selector
/// chooses everything.
pub fn matches(selector: &LabelSelector, labels: &impl Labelled) -> Result<bool, SelectorError> {
    let equal = selector
        .match_labels
        .iter()
        .flatten()
        .all(|(key, value)| labels.value(key) == Some(value));
    let mut all = equal;
    for requirement in selector.match_expressions.iter().flatten() {
        all &= holds(requirement, labels)?;
    }
    Ok(all)
}

/// Whether one requirement holds for these labels.
pub fn holds(
    requirement: &LabelSelectorRequirement,
    labels: &impl Labelled,
) -> Result<bool, SelectorError> {
    let values = requirement.values.as_deref().unwrap_or_default();
    let value = labels.value(&requirement.key);
    let listed = |value: &str, values: &[String]| values.iter().any(|one| one == value);
    let needs_values = match requirement.operator.as_str() {
        "In" | "NotIn" => true,
        "Exists" | "DoesNotExist" => false,
        operator => {
            return Err(SelectorError::Operator {
                operator: operator.to_owned(),
            });
        }
    };
    if needs_values == values.is_empty() {
        return Err(SelectorError::Values {
            key: requirement.key.clone(),
            operator: requirement.operator.clone(),
        });
    }
    Ok(match requirement.operator.as_str() {
        "In" => value.is_some_and(|value| listed(value, values)),
        "NotIn" => value.is_none_or(|value| !listed(value, values)),
        "Exists" => value.is_some(),
        _ => value.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> BTreeMap<String, String> {
        BTreeMap::from([("env".to_owned(), "prod".to_owned())])
    }

    fn requirement(key: &str, operator: &str, values: &[&str]) -> LabelSelectorRequirement {
        LabelSelectorRequirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: (!values.is_empty()).then(|| values.iter().map(|&v| v.to_owned()).collect()),
        }
    }

    #[test]
    fn operators() {
        for (key, operator, values, expected) in [
            ("env", "In", &["prod", "dev"][..], true),
            ("env", "In", &["dev"], false),
            ("zone", "In", &["a"], false),
            ("env", "NotIn", &["prod"], false),
            ("zone", "NotIn", &["a"], true),
            ("env", "Exists", &[], true),
            ("zone", "Exists", &[], false),
            ("env", "DoesNotExist", &[], false),
            ("zone", "DoesNotExist", &[], true),
        ] {
            let requirement = requirement(key, operator, values);
            assert_eq!(
                holds(&requirement, &labels()),
                Ok(expected),
                "{requirement:?}"
            );
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(holds(&requirement("env", "Gt", &["1"]), &labels()).is_err());
        assert!(holds(&requirement("env", "In", &[]), &labels()).is_err());
        assert!(holds(&requirement("env", "Exists", &["x"]), &labels()).is_err());
    }

    #[test]
    fn all_requirements_must_hold_and_none_chooses_everything() {
        assert_eq!(
            matches(&LabelSelector::default(), &BTreeMap::new()),
            Ok(true)
        );
        let selector = LabelSelector {
            match_labels: Some(labels()),
            match_expressions: Some(vec![requirement("zone", "Exists", &[])]),
        };
        assert_eq!(matches(&selector, &labels()), Ok(false));
    }
}
