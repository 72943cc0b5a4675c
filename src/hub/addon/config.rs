//! Which configurations an add-on has: defaults, those of its placement, its
//! own (protocol, section 8).

use std::collections::BTreeSet;

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    AddOnConfig, ClusterManagementAddOnSpec, ConfigReference, ConfigSpecHash,
};

/// What is known of a configuration's spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecHash {
    /// Its hash.
    Known(String),
    /// There is no such object.
    Missing,
    /// Of a kind that the hub does not read: the add-on's own manager tells.
    Foreign,
}

/// One configuration and the hash of its spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The API group.
    pub group: String,
    /// The plural of the kind.
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The hash; empty when it is not known.
    pub hash: String,
}

impl Reference {
    /// Object and hash, as a status has them.
    #[must_use]
    pub fn desired(&self) -> ConfigSpecHash {
        ConfigSpecHash {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            spec_hash: self.hash.clone(),
        }
    }

    /// Whether a reference of a status is about the same object.
    #[must_use]
    pub fn names(&self, reference: &ConfigReference) -> bool {
        let (namespace, name) = reference.desired_config.as_ref().map_or(
            (reference.namespace.as_str(), reference.name.as_str()),
            |desired| (desired.namespace.as_str(), desired.name.as_str()),
        );
        self.group == reference.group
            && self.resource == reference.resource
            && self.namespace == namespace
            && self.name == name
    }

    /// Whether a reference of a status is this one with this hash.
    #[must_use]
    pub fn is(&self, reference: &ConfigReference) -> bool {
        self.group == reference.group
            && self.resource == reference.resource
            && reference.desired_config.as_ref() == Some(&self.desired())
    }
}

/// The default configurations of an add-on.
#[must_use]
pub fn defaults(spec: &ClusterManagementAddOnSpec) -> Vec<AddOnConfig> {
    let configs = spec.supported_configs.iter().filter_map(|supported| {
        let default = supported.default_config.as_ref()?;
        (default.name != names::NO_DEFAULT_CONFIG && !default.name.is_empty()).then(|| {
            AddOnConfig {
                group: supported.group.clone(),
                resource: supported.resource.clone(),
                namespace: default.namespace.clone(),
                name: default.name.clone(),
            }
        })
    });
    override_with(&[], &configs.collect::<Vec<_>>())
}

/// `base`, with all of a kind replaced where `over` has any of that kind;
/// ordered by kind, and within a kind as they were given.
#[must_use]
pub fn override_with(base: &[AddOnConfig], over: &[AddOnConfig]) -> Vec<AddOnConfig> {
    let replaced: BTreeSet<(&str, &str)> = over
        .iter()
        .map(|config| (config.group.as_str(), config.resource.as_str()))
        .collect();
    let kept = base
        .iter()
        .filter(|config| !replaced.contains(&(config.group.as_str(), config.resource.as_str())));
    let mut all: Vec<AddOnConfig> = kept.chain(over).cloned().collect();
    all.sort_by(|a, b| (&a.group, &a.resource).cmp(&(&b.group, &b.resource)));
    // The same object twice says nothing more.
    let mut seen: Vec<AddOnConfig> = Vec::with_capacity(all.len());
    all.retain(|config| {
        let new = !seen.contains(config);
        if new {
            seen.push(config.clone());
        }
        new
    });
    all
}

/// The configurations with their hashes. `known` is what a status has already:
/// it counts for kinds that the hub does not read.
#[must_use]
pub fn references(
    configs: &[AddOnConfig],
    hash: &dyn Fn(&AddOnConfig) -> SpecHash,
    known: &dyn Fn(&AddOnConfig) -> Option<String>,
) -> Vec<Reference> {
    configs
        .iter()
        .map(|config| Reference {
            group: config.group.clone(),
            resource: config.resource.clone(),
            namespace: config.namespace.clone(),
            name: config.name.clone(),
            hash: match hash(config) {
                SpecHash::Known(hash) => hash,
                SpecHash::Missing => String::new(),
                SpecHash::Foreign => known(config).unwrap_or_default(),
            },
        })
        .collect()
}

/// The hash that a status has of this object.
#[must_use]
pub fn hash_in(desired: Option<&ConfigSpecHash>, config: &AddOnConfig) -> Option<String> {
    desired
        .filter(|desired| desired.namespace == config.namespace && desired.name == config.name)
        .map(|desired| desired.spec_hash.clone())
}

/// The references of an add-on's status once these are desired: what is known
/// of the same objects stays.
#[must_use]
pub fn merged(desired: &[Reference], present: &[ConfigReference]) -> Vec<ConfigReference> {
    desired
        .iter()
        .map(|reference| {
            let old = present.iter().find(|old| reference.names(old));
            ConfigReference {
                group: reference.group.clone(),
                resource: reference.resource.clone(),
                namespace: reference.namespace.clone(),
                name: reference.name.clone(),
                last_observed_generation: old.map_or(0, |old| old.last_observed_generation),
                desired_config: Some(reference.desired()),
                last_applied_config: old.and_then(|old| old.last_applied_config.clone()),
            }
        })
        .collect()
}

/// What works of an add-on with these references are annotated with: a JSON map
/// (protocol, section 10); `None` for none.
#[must_use]
pub fn annotation(references: &[ConfigReference]) -> Option<String> {
    let map: serde_json::Map<String, serde_json::Value> = references
        .iter()
        .filter_map(|reference| {
            let desired = reference.desired_config.as_ref()?;
            let group = match reference.group.as_str() {
                "" => String::new(),
                group => format!(".{group}"),
            };
            let key = format!(
                "{}{group}/{}/{}",
                reference.resource, desired.namespace, desired.name
            );
            Some((key, desired.spec_hash.clone().into()))
        })
        .collect();
    (!map.is_empty()).then(|| serde_json::Value::Object(map).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(resource: &str, name: &str) -> AddOnConfig {
        AddOnConfig {
            group: "g".into(),
            resource: resource.into(),
            namespace: String::new(),
            name: name.into(),
        }
    }

    #[test]
    fn the_nearer_configuration_replaces_all_of_its_kind() {
        let base = [config("b", "1"), config("b", "2"), config("a", "1")];
        let over = [config("b", "9"), config("c", "2"), config("c", "1")];
        assert_eq!(
            override_with(&base, &over),
            [
                config("a", "1"),
                config("b", "9"),
                config("c", "2"),
                config("c", "1")
            ]
        );
        assert_eq!(
            override_with(&base, &[config("a", "1"), config("a", "1")]).len(),
            3
        );
    }

    #[test]
    fn hashes_are_read_missing_or_somebody_elses() {
        let hash = |config: &AddOnConfig| match config.resource.as_str() {
            "a" => SpecHash::Known("h".into()),
            "b" => SpecHash::Missing,
            _ => SpecHash::Foreign,
        };
        let known = |_: &AddOnConfig| Some("old".to_owned());
        let found = references(
            &[config("a", "1"), config("b", "1"), config("c", "1")],
            &hash,
            &known,
        );
        let hashes: Vec<&str> = found.iter().map(|r| r.hash.as_str()).collect();
        assert_eq!(hashes, ["h", "", "old"]);
    }

    #[test]
    fn addon_20_the_annotation_names_objects_and_hashes() {
        let references = [
            ("addondeploymentconfigs", "ns", "c", "1"),
            ("addontemplates", "", "t", "2"),
        ]
        .map(|(resource, namespace, name, hash)| ConfigReference {
            group: "addon.open-cluster-management.io".into(),
            resource: resource.into(),
            desired_config: Some(ConfigSpecHash {
                namespace: namespace.into(),
                name: name.into(),
                spec_hash: hash.into(),
            }),
            ..ConfigReference::default()
        });
        assert_eq!(
            annotation(&references).unwrap(),
            r#"{"addondeploymentconfigs.addon.open-cluster-management.io/ns/c":"1","addontemplates.addon.open-cluster-management.io//t":"2"}"#
        );
        assert_eq!(annotation(&[]), None);
    }
}
