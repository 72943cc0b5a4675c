//! Which settings of a work are for which of its manifests. Pure.

use super::model::{
    ConditionRule, FeedbackRule, ManifestConfig, ResourceIdentifier, ResourceMeta, UpdateStrategy,
    WorkSpec,
};

/// The settings of one manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings<'a> {
    /// What to report.
    pub feedback: &'a [FeedbackRule],
    /// Further conditions.
    pub conditions: &'a [ConditionRule],
    /// How to update; none is `Update`.
    pub strategy: Option<&'a UpdateStrategy>,
}

/// Folds the configs that match `meta`: of each kind of rule the first one counts.
pub fn settings<'a>(configs: &'a [ManifestConfig], meta: &ResourceMeta) -> Settings<'a> {
    let mut found = Settings::default();
    for config in configs
        .iter()
        .filter(|c| matches(&c.resource_identifier, meta))
    {
        if found.feedback.is_empty() {
            found.feedback = &config.feedback_rules;
        }
        if found.conditions.is_empty() {
            found.conditions = &config.condition_rules;
        }
        if found.strategy.is_none() {
            found.strategy = config.update_strategy.as_ref();
        }
    }
    found
}

fn matches(id: &ResourceIdentifier, meta: &ResourceMeta) -> bool {
    id.group == meta.group
        && id.resource == meta.resource
        && wildcard(&id.name, &meta.name)
        && wildcard(&id.namespace, &meta.namespace)
}

/// Whether `text` is what `pattern` says, `*` being any text (also none).
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether the work owns the resource, so that it goes with the work.
pub fn owned(spec: &WorkSpec, meta: &ResourceMeta) -> bool {
    let Some(option) = &spec.delete_option else {
        return true;
    };
    match option.propagation_policy.as_str() {
        "Orphan" => false,
        "SelectivelyOrphan" => !option
            .selectively_orphans
            .iter()
            .flat_map(|s| &s.orphaning_rules)
            .any(|rule| {
                rule.group == meta.group
                    && rule.resource == meta.resource
                    && rule.name == meta.name
                    && rule.namespace == meta.namespace
            }),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn meta(name: &str, namespace: &str) -> ResourceMeta {
        ResourceMeta {
            group: "apps".into(),
            version: "v1".into(),
            resource: "deployments".into(),
            name: name.into(),
            namespace: namespace.into(),
            ..ResourceMeta::default()
        }
    }

    #[test]
    fn wildcards_are_anchored_and_the_rest_is_literal() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "anything", true),
            ("", "x", false),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "a", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("a.c", "abc", false),
            ("ab*ba", "aba", false),
            ("*-dev-*", "x-dev-y", true),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn work_26_the_first_match_of_each_rule_kind_wins() {
        let configs: Vec<ManifestConfig> = serde_json::from_value(json!([
            {"resourceIdentifier": {"group": "apps", "resource": "deployments", "name": "other", "namespace": "*"},
             "updateStrategy": {"type": "ReadOnly"}},
            {"resourceIdentifier": {"group": "apps", "resource": "deployments", "name": "*", "namespace": "*"},
             "feedbackRules": [{"type": "WellKnownStatus"}]},
            {"resourceIdentifier": {"group": "apps", "resource": "deployments", "name": "d", "namespace": "n"},
             "feedbackRules": [{"type": "JSONPaths"}], "updateStrategy": {"type": "CreateOnly"}},
            {"resourceIdentifier": {"group": "apps", "resource": "deployments", "name": "d*", "namespace": "n"},
             "updateStrategy": {"type": "ServerSideApply"}, "conditionRules": [{"type": "CEL", "condition": "X"}]},
        ]))
        .unwrap();
        let found = settings(&configs, &meta("d", "n"));
        assert_eq!(found.feedback[0].kind, "WellKnownStatus");
        assert_eq!(found.strategy.map(|s| s.kind.as_str()), Some("CreateOnly"));
        assert_eq!(found.conditions[0].condition, "X");
        assert_eq!(
            settings(&configs, &ResourceMeta::default()),
            Settings::default()
        );
    }

    #[test]
    fn work_36_orphans_are_not_owned() {
        let spec =
            |value| -> WorkSpec { serde_json::from_value(json!({"deleteOption": value})).unwrap() };
        assert!(owned(&WorkSpec::default(), &meta("d", "n")));
        assert!(owned(
            &spec(json!({"propagationPolicy": "Foreground"})),
            &meta("d", "n")
        ));
        assert!(!owned(
            &spec(json!({"propagationPolicy": "Orphan"})),
            &meta("d", "n")
        ));
        let selective = spec(
            json!({"propagationPolicy": "SelectivelyOrphan", "selectivelyOrphans": {"orphaningRules": [
            {"group": "apps", "resource": "deployments", "name": "d", "namespace": "n"}]}}),
        );
        assert!(!owned(&selective, &meta("d", "n")));
        assert!(owned(&selective, &meta("e", "n")));
        assert!(owned(
            &spec(json!({"propagationPolicy": "SelectivelyOrphan"})),
            &meta("d", "n")
        ));
    }
}
