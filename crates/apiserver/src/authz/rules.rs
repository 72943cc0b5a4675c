//! One RBAC rule: what it matches, what it covers, how messages print it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Attributes;

/// `rbac.authorization.k8s.io/v1 PolicyRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// What may be done; `*` is everything.
    #[serde(deserialize_with = "nullable")]
    pub verbs: Vec<String>,
    /// In which API groups; `*` is all.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// On which resources: `pods`, `pods/log`, `*/scale`, `*`.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// On which objects; empty is all.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// On which paths; a trailing `*` matches any end.
    #[serde(
        rename = "nonResourceURLs",
        deserialize_with = "nullable",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub non_resource_urls: Vec<String>,
}

fn nullable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|entry| entry == "*" || entry == wanted)
}

impl Rule {
    /// The rules of a Role or ClusterRole; malformed ones grant nothing.
    pub fn of(role: &Value) -> Vec<Self> {
        role["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|rule| Self::deserialize(rule).ok())
            .collect()
    }

    /// Whether it lets the request pass.
    pub fn allows(&self, wanted: &Attributes) -> bool {
        if !has(&self.verbs, &wanted.verb) {
            return false;
        }
        if !wanted.path.is_empty() {
            return self.allows_path(&wanted.path);
        }
        has(&self.api_groups, &wanted.group)
            && self.allows_resource(&wanted.resource, &wanted.subresource)
            && (self.resource_names.is_empty() || self.resource_names.contains(&wanted.name))
    }

    fn allows_path(&self, path: &str) -> bool {
        self.non_resource_urls.iter().any(|url| {
            url == path
                || url
                    .strip_suffix('*')
                    .is_some_and(|prefix| path.starts_with(prefix.trim_end_matches('*')))
        })
    }

    fn allows_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|entry| {
            if entry == "*" {
                return true;
            }
            match entry.split_once('/') {
                None => subresource.is_empty() && entry == resource,
                Some((of, sub)) => {
                    !subresource.is_empty() && sub == subresource && (of == "*" || of == resource)
                }
            }
        })
    }

    /// One rule per verb, group, resource and name.
    fn pieces(&self) -> Vec<Self> {
        let mut pieces = Vec::new();
        for verb in &self.verbs {
            for group in &self.api_groups {
                for resource in &self.resources {
                    let piece = |names: Vec<String>| Self {
                        verbs: vec![verb.clone()],
                        api_groups: vec![group.clone()],
                        resources: vec![resource.clone()],
                        resource_names: names,
                        non_resource_urls: Vec::new(),
                    };
                    if self.resource_names.is_empty() {
                        pieces.push(piece(Vec::new()));
                    }
                    for name in &self.resource_names {
                        pieces.push(piece(vec![name.clone()]));
                    }
                }
            }
            for url in &self.non_resource_urls {
                pieces.push(Self {
                    verbs: vec![verb.clone()],
                    non_resource_urls: vec![url.clone()],
                    ..Self::default()
                });
            }
        }
        pieces
    }

    /// Whether it grants all that a piece grants.
    fn covers(&self, piece: &Self) -> bool {
        let Some(verb) = piece.verbs.first() else {
            return true;
        };
        if !has(&self.verbs, verb) {
            return false;
        }
        if let Some(url) = piece.non_resource_urls.first() {
            return self.allows_path(url);
        }
        let (Some(group), Some(resource)) = (piece.api_groups.first(), piece.resources.first())
        else {
            return false;
        };
        has(&self.api_groups, group)
            && (has(&self.resources, resource)
                || resource
                    .split_once('/')
                    .is_some_and(|(_, sub)| self.resources.contains(&format!("*/{sub}"))))
            && (self.resource_names.is_empty()
                || piece
                    .resource_names
                    .first()
                    .is_some_and(|name| self.resource_names.contains(name)))
    }
}

/// What of the wanted rules the held ones do not cover, as messages print it,
/// sorted; empty when all is covered.
pub fn missing(held: &[Rule], wanted: &[Rule]) -> BTreeSet<String> {
    let mut left: Vec<Rule> = Vec::new();
    for piece in wanted.iter().flat_map(Rule::pieces) {
        if held.iter().any(|rule| rule.covers(&piece)) {
            continue;
        }
        let same = left.iter_mut().find(|other| {
            other.non_resource_urls.is_empty()
                && piece.non_resource_urls.is_empty()
                && other.api_groups == piece.api_groups
                && other.resources == piece.resources
                && other.resource_names == piece.resource_names
        });
        match same {
            Some(other) if other.verbs.contains(&piece.verbs[0]) => {}
            Some(other) => other.verbs.extend(piece.verbs),
            None => left.push(piece),
        }
    }
    left.iter().map(compact).collect()
}

/// `["a" "b"]`, as Go prints a list of quoted strings.
pub(crate) fn quoted<T: AsRef<str>>(list: &[T]) -> String {
    let entries: Vec<String> = list.iter().map(|e| format!("{:?}", e.as_ref())).collect();
    format!("[{}]", entries.join(" "))
}

fn compact(rule: &Rule) -> String {
    let parts: Vec<String> = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ]
    .iter()
    .filter(|(_, list)| !list.is_empty())
    .map(|(name, list)| format!("{name}:{}", quoted(list)))
    .collect();
    format!("{{{}}}", parts.join(", "))
}
