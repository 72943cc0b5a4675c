//! Hashes by which a change of a configuration is known.

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

use crate::ocm::work::v1::{DeletePropagationPolicy, FeedbackScrapeType, ManifestWorkSpec};

/// The `specHash` of an object (protocol, section 8): SHA-256 in hexadecimal of
/// its compact JSON, as Go writes it, without `apiVersion`, `kind`, `metadata`
/// and `status`. `data` may have them.
#[must_use]
pub fn spec_hash(data: &Value) -> String {
    let rest: Map<String, Value> = data
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    hex(&go_json(&Value::Object(rest)))
}

/// JSON as Go's encoder writes it: keys in order, and HTML's characters escaped.
fn go_json(value: &Value) -> String {
    let text = value.to_string();
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

fn hex(text: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The fingerprint of a work's spec. What the API server would add to it does
/// not count, so a work that was just written has that of what was wanted.
#[must_use]
pub fn work_spec(spec: &ManifestWorkSpec) -> String {
    let mut spec = spec.clone();
    if let Some(option) = &mut spec.delete_option {
        option
            .propagation_policy
            .get_or_insert(DeletePropagationPolicy::Foreground);
    }
    for config in &mut spec.manifest_configs {
        config
            .feedback_scrape_type
            .get_or_insert(FeedbackScrapeType::Poll);
        if let Some(strategy) = &mut config.update_strategy
            && let Some(apply) = &mut strategy.server_side_apply
        {
            apply
                .field_manager
                .get_or_insert_with(|| "work-agent".to_owned());
        }
    }
    // Specs are plain data: writing them as JSON does not fail.
    hex(&serde_json::to_string(&spec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addon_20_the_hash_is_that_of_the_spec_alone() {
        let object = |image: &str, label: &str| {
            json!({"apiVersion": "a/v1", "kind": "K", "metadata": {"labels": {"l": label}},
                "spec": {"b": image, "a": 1}, "status": {"s": label}})
        };
        let one = spec_hash(&object("x", "1"));
        assert_eq!(one, spec_hash(&object("x", "2")));
        assert_ne!(one, spec_hash(&object("y", "1")));
        // printf '{"spec":{"a":1,"b":"x"}}' | sha256sum
        assert_eq!(
            one,
            "b63105b6a3f90538ccabe0daa3e2af590d84ab98d51db7593e852679ccf460f1"
        );
    }

    #[test]
    fn json_is_as_go_writes_it() {
        assert_eq!(
            go_json(&json!({"b": "<&>", "a": ["\u{2028}", 1.5, null]})),
            r#"{"a":["\u2028",1.5,null],"b":"\u003c\u0026\u003e"}"#
        );
    }
}
