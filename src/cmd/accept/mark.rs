//! What a cluster gets when it is accepted: labels, taints, a cluster set.

use kube::ResourceExt;
use kube::core::DynamicObject;
use serde_json::{Map, Value, json};

use crate::error::CommandError;
use crate::ocm::names;

/// Flags of `accept`, and of `join` with `--accept`.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct MarkArgs {
    /// Labels for the clusters, as key=value (repeatable)
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = parse_label)]
    pub labels: Vec<(String, String)>,

    /// Taints for the clusters, as key=value:Effect or key:Effect (repeatable)
    #[arg(long, value_name = "TAINT,...", value_delimiter = ',', value_parser = parse_taint)]
    pub taints: Vec<Taint>,

    /// Put the clusters into this cluster set
    #[arg(long, value_name = "SET", add = crate::cmd::completion::sets())]
    pub into_set: Option<String>,
}

/// A taint that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    key: String,
    value: String,
    effect: String,
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if is_key(key) && is_value(value) => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(format!("{text:?} is no label: write key=value")),
    }
}

/// The effects of taints on managed clusters.
const EFFECTS: [&str; 3] = ["NoSelect", "PreferNoSelect", "NoSelectIfNew"];

fn parse_taint(text: &str) -> Result<Taint, String> {
    let wrong = || {
        format!(
            "{text:?} is no taint: write key=value:Effect; effects are {}",
            EFFECTS.join(", ")
        )
    };
    let (rest, effect) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    if !EFFECTS.contains(&effect) || !is_key(key) || !is_value(value) {
        return Err(wrong());
    }
    Ok(Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: effect.to_owned(),
    })
}

/// `name` or `prefix/name`.
fn is_key(key: &str) -> bool {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(p, n)| (Some(p), n));
    let dns = |text: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        !text.is_empty() && text.len() <= 253 && text.chars().all(inner)
    };
    !name.is_empty() && is_value(name) && prefix.is_none_or(dns)
}

fn is_value(value: &str) -> bool {
    let end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    value.len() <= 63
        && value.chars().all(inner)
        && end(value.chars().next())
        && end(value.chars().last())
}

impl MarkArgs {
    /// Whether there is nothing to mark.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.taints.is_empty() && self.into_set.is_none()
    }

    /// What may not be: the set's label by another way than the flag for it.
    ///
    /// # Errors
    /// The flag that is meant.
    pub fn check(&self) -> Result<(), CommandError> {
        let set = self
            .labels
            .iter()
            .find(|(key, _)| key == names::LABEL_CLUSTER_SET);
        match set {
            Some((key, value)) => Err(CommandError::usage(format!(
                "the label {key} is the cluster set"
            ))
            .hint(format!("pass --into-set {value}"))),
            None => Ok(()),
        }
    }

    /// Labels that a cluster brings along, as key=value: what nobody asked for here
    /// and what the hub does not set itself.
    #[must_use]
    pub fn unexpected(&self, cluster: &DynamicObject) -> Vec<String> {
        let asked = |key: &str| self.labels.iter().any(|(wanted, _)| wanted == key);
        let set = |key: &str, value: &str| {
            key == names::LABEL_CLUSTER_SET && (value == "default" || self.into_set.is_some())
        };
        let labels = cluster.labels().iter();
        labels
            .filter(|(key, value)| {
                !asked(key)
                    && !set(key, value)
                    && !key.starts_with(names::LABEL_FEATURE_ADDON_PREFIX)
            })
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    }

    /// What of a cluster is not as it shall be, as a merge patch; nothing if all is.
    #[must_use]
    pub fn patch(&self, cluster: &Value) -> Option<Value> {
        let mut labels = Map::new();
        let set = self.into_set.as_ref();
        let set = set.map(|set| (names::LABEL_CLUSTER_SET.to_owned(), set.clone()));
        for (key, value) in self.labels.iter().cloned().chain(set) {
            if cluster["metadata"]["labels"][&key] != *value {
                labels.insert(key, value.into());
            }
        }
        let present = cluster.pointer("/spec/taints").and_then(Value::as_array);
        let mut taints = present.cloned().unwrap_or_default();
        let mut changed = false;
        for wanted in &self.taints {
            let same = |taint: &Value| {
                taint["key"] == wanted.key
                    && taint["effect"] == wanted.effect
                    && taint["value"].as_str().unwrap_or_default() == wanted.value
            };
            if taints.iter().any(same) {
                continue;
            }
            changed = true;
            taints.retain(|taint| taint["key"] != wanted.key);
            // Since when, the hub alone may say.
            let mut taint = json!({"key": wanted.key, "effect": wanted.effect});
            if !wanted.value.is_empty() {
                taint["value"] = wanted.value.as_str().into();
            }
            taints.push(taint);
        }
        let mut patch = json!({});
        if !labels.is_empty() {
            patch["metadata"]["labels"] = labels.into();
        }
        if changed {
            // A list is written whole: nobody else's taint is lost.
            patch["metadata"]["resourceVersion"] = cluster["metadata"]["resourceVersion"].clone();
            patch["spec"]["taints"] = taints.into();
        }
        (patch != json!({})).then_some(patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taints_and_labels_are_read_or_refused() {
        assert_eq!(
            parse_label("env=prod"),
            Ok(("env".to_owned(), "prod".to_owned()))
        );
        assert!(parse_label("a.b/c=").is_ok());
        for wrong in ["env", "=x", "a b=c", "A.B/c=d", "a=b c"] {
            assert!(parse_label(wrong).is_err(), "{wrong}");
        }
        let taint = parse_taint("gpu=yes:NoSelect").unwrap();
        assert_eq!(
            (&*taint.key, &*taint.value, &*taint.effect),
            ("gpu", "yes", "NoSelect")
        );
        assert_eq!(parse_taint("gpu:NoSelectIfNew").unwrap().value, "");
        for wrong in ["gpu", "gpu=yes", "gpu:NoSchedule", ":NoSelect"] {
            assert!(parse_taint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_is_missing_is_written_and_nothing_of_others_is_lost() {
        let marks = MarkArgs {
            labels: vec![("env".to_owned(), "prod".to_owned())],
            taints: vec![parse_taint("gpu:NoSelect").unwrap()],
            into_set: Some("s".to_owned()),
        };
        let other = json!({"key": "other", "effect": "NoSelect"});
        let cluster = json!({"metadata": {"resourceVersion": "7", "labels": {"env": "prod"}},
            "spec": {"taints": [other]}});
        let patch = marks.patch(&cluster).unwrap();
        assert_eq!(
            patch["metadata"],
            json!({"resourceVersion": "7",
                "labels": {"cluster.open-cluster-management.io/clusterset": "s"}})
        );
        assert_eq!(patch["spec"]["taints"][0], other);
        assert_eq!(patch["spec"]["taints"][1]["key"], "gpu");
        let done = json!({"metadata": {"labels": {"env": "prod",
            "cluster.open-cluster-management.io/clusterset": "s"}},
            "spec": {"taints": [{"key": "gpu", "effect": "NoSelect"}]}});
        assert_eq!(marks.patch(&done), None);
        let by_label = MarkArgs {
            labels: vec![(names::LABEL_CLUSTER_SET.to_owned(), "s".to_owned())],
            ..MarkArgs::default()
        };
        assert!(by_label.check().unwrap_err().hints()[0].contains("--into-set s"));
    }
}
