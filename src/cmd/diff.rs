//! What a change would make of objects, as a unified diff of YAML. The data of
//! Secrets is hidden: only whether it changes is shown.

use std::collections::BTreeMap;

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};
use serde_json::Value;

use crate::ui::{Style, Ui, format};

/// Names a manifest within a work.
type Key = (String, String, String, String);

fn key(manifest: &Value) -> Key {
    let text = |pointer: &str| {
        manifest
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (
        text("/apiVersion"),
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name"),
    )
}

/// The differences, manifest by manifest; empty if only the order differs.
#[must_use]
pub fn manifests(before: &[Value], after: &[Value]) -> String {
    let old: BTreeMap<Key, &Value> = before.iter().map(|m| (key(m), m)).collect();
    let new: BTreeMap<Key, &Value> = after.iter().map(|m| (key(m), m)).collect();
    let mut text = String::new();
    let mut keys: Vec<&Key> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let (before, after) = (old.get(key).copied(), new.get(key).copied());
        if before == after {
            continue;
        }
        let (before, after) = hide(before, after);
        let yaml = |value: &Option<Value>| value.as_ref().map_or_else(String::new, format::yaml);
        let (before, after) = (yaml(&before), yaml(&after));
        let name = if key.2.is_empty() {
            format!("{} {}", key.1, key.3)
        } else {
            format!("{} {}/{}", key.1, key.2, key.3)
        };
        text.push_str(&unified(&name, &before, &after));
    }
    text
}

/// The difference of two texts.
fn unified(name: &str, before: &str, after: &str) -> String {
    let lines = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &lines);
    diff.postprocess_lines(&lines);
    let mut config = UnifiedDiffConfig::default();
    config.context_len(2);
    let printer = BasicLineDiffPrinter(&lines.interner);
    format!(
        "--- {name} (now)\n+++ {name} (new)\n{}",
        diff.unified_diff(&printer, config, &lines)
    )
}

/// Shows what a change makes of one value.
pub fn show(what: &str, before: &Value, after: &Value, ui: &Ui) {
    let (before, after) = (format::yaml(before), format::yaml(after));
    print(&unified(what, &before, &after), ui);
}

/// Prints a difference, in colour where there is one.
pub fn print(text: &str, ui: &Ui) {
    for line in text.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => Some(Style::Good),
            Some(b'-') => Some(Style::Bad),
            Some(b'@') => Some(Style::Dim),
            _ => None,
        };
        match style {
            Some(style) => ui.status(&ui.paint(style, line)),
            None => ui.status(line),
        }
    }
}

/// Replaces the values of a Secret so that equal ones stay equal.
fn hide(before: Option<&Value>, after: Option<&Value>) -> (Option<Value>, Option<Value>) {
    let is_secret = |value: Option<&Value>| value.is_some_and(|v| v["kind"] == "Secret");
    let (mut old, mut new) = (before.cloned(), after.cloned());
    if !is_secret(before) && !is_secret(after) {
        return (old, new);
    }
    for field in ["data", "stringData"] {
        let entry =
            |side: Option<&Value>, key: &str| side.and_then(|v| v.get(field)?.get(key).cloned());
        let mask = |side: &mut Option<Value>, other: Option<&Value>, word: &str| {
            let Some(Value::Object(map)) = side.as_mut().and_then(|v| v.get_mut(field)) else {
                return;
            };
            for (key, value) in map.iter_mut() {
                let same = entry(other, key).as_ref() == Some(value);
                *value = if same { "***" } else { word }.into();
            }
        };
        mask(&mut old, after, "*** (now)");
        mask(&mut new, before, "*** (new)");
    }
    // Whatever kubectl apply once kept there.
    for side in [&mut old, &mut new] {
        if let Some(Value::Object(annotations)) = side
            .as_mut()
            .and_then(|v| v.pointer_mut("/metadata/annotations"))
        {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    (old, new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changes_is_shown() {
        let map = |name: &str, value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}, "data": {"k": value}});
        let text = manifests(
            &[map("same", "1"), map("a", "1"), map("gone", "1")],
            &[map("a", "2"), map("same", "1"), map("new", "1")],
        );
        assert!(
            text.contains("--- ConfigMap n/a (now)\n+++ ConfigMap n/a (new)"),
            "{text}"
        );
        assert!(text.contains("-  k: \"1\"\n+  k: \"2\"\n"), "{text}");
        assert!(text.contains("ConfigMap n/gone"), "{text}");
        assert!(text.contains("ConfigMap n/new"), "{text}");
        assert!(!text.contains("same"), "{text}");
    }

    #[test]
    fn secrets_stay_secret() {
        let secret = |a: &str, b: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": a, "b": b}});
        let text = manifests(&[secret("AAAA", "CCCC")], &[secret("BBBB", "CCCC")]);
        for hidden in ["AAAA", "BBBB", "CCCC"] {
            assert!(!text.contains(hidden), "{text}");
        }
        assert!(
            text.contains("-  a: '*** (now)'") || text.contains("*** (now)"),
            "{text}"
        );
    }
}
