//! The works that carry an add-on's agent to its cluster (protocol, section 10).
//! Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ocm::addon::names;
use crate::ocm::work::v1::{
    FeedbackRule, FeedbackRuleType, JsonPath, ManifestConfigOption, ManifestWorkSpec,
    ManifestsTemplate, ResourceIdentifier,
};

use super::template::{RenderError, Rendered, plural};
use super::view::ManifestId;

/// What the feedback about a job that has given up is called.
pub const JOB_FAILED: &str = "JobFailed";
/// How many bytes of manifests a work takes: 80 % of what one may have.
pub const BUDGET: usize = 500 * 1024 / 10 * 8;

/// A work as it should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// What the add-on is configured with.
    pub config_hashes: Option<String>,
    /// Its spec.
    pub spec: ManifestWorkSpec,
}

/// The number of a work that deploys an add-on.
#[must_use]
pub fn number(addon: &str, work: &str) -> Option<usize> {
    let number = work.strip_prefix("addon-")?.strip_prefix(addon)?;
    number.strip_prefix("-deploy-")?.parse().ok()
}

/// The works that deploy an add-on. `present` is what works of these numbers have
/// already: a manifest stays in the work it is in, so that it is not removed
/// with one work while another one brings it.
///
/// # Errors
/// A manifest that is too big for any work.
pub fn deploy(
    addon: &str,
    rendered: &Rendered,
    config_hashes: Option<&str>,
    present: &BTreeMap<usize, &[ManifestId]>,
) -> Result<Vec<Wanted>, RenderError> {
    let mut works: Vec<(usize, Vec<Value>)> = Vec::new();
    let mut fresh = Vec::new();
    let home = |id: &ManifestId| {
        let mut works = present.iter();
        works.find_map(|(&n, manifests)| manifests.contains(id).then_some(n))
    };
    let mut put = |n: usize, size: usize, manifest: &Value| {
        while works.len() <= n {
            works.push((0, Vec::new()));
        }
        let (used, manifests) = &mut works[n];
        let fits = *used + size <= BUDGET;
        if fits {
            *used += size;
            manifests.push(manifest.clone());
        }
        fits
    };
    for manifest in &rendered.manifests {
        let id = ManifestId::of(manifest);
        let size = manifest.to_string().len();
        if size > BUDGET {
            return Err(RenderError::TooBig {
                manifest: id,
                size,
                limit: BUDGET,
            });
        }
        if !home(&id).is_some_and(|n| put(n, size, manifest)) {
            fresh.push((size, manifest));
        }
    }
    for (size, manifest) in fresh {
        // An empty work takes whatever is within the budget.
        let _ = (0..).find(|&n| put(n, size, manifest));
    }
    let split = works
        .iter()
        .filter(|(_, manifests)| !manifests.is_empty())
        .count()
        > 1;
    let wanted = works
        .into_iter()
        .enumerate()
        .filter(|(_, (_, manifests))| !manifests.is_empty())
        .map(|(n, (_, manifests))| Wanted {
            name: names::deploy_work(addon, n),
            config_hashes: config_hashes.map(ToOwned::to_owned),
            spec: ManifestWorkSpec {
                manifest_configs: configs(rendered, split.then_some(&manifests)),
                workload: ManifestsTemplate { manifests },
                delete_option: rendered.delete_option.clone(),
                executor: rendered.executor.clone(),
            },
        });
    Ok(wanted.collect())
}

/// The options of a work: all, or those that concern none of the manifests that
/// other works have.
fn configs(rendered: &Rendered, only: Option<&Vec<Value>>) -> Vec<ManifestConfigOption> {
    let identify = |manifest: &Value| identifier(&ManifestId::of(manifest));
    let elsewhere = |config: &ManifestConfigOption| {
        let is = |manifest: &Value| identify(manifest) == config.resource_identifier;
        only.is_some_and(|here| rendered.manifests.iter().any(is) && !here.iter().any(is))
    };
    rendered
        .configs
        .iter()
        .filter(|config| !elsewhere(config))
        .cloned()
        .collect()
}

fn identifier(id: &ManifestId) -> ResourceIdentifier {
    ResourceIdentifier {
        group: id.group.clone(),
        resource: plural(&id.kind),
        name: id.name.clone(),
        namespace: id.namespace.clone(),
    }
}

/// The work of the hooks; `None` without hooks (statement 25).
#[must_use]
pub fn pre_delete(addon: &str, rendered: &Rendered) -> Option<Wanted> {
    if rendered.hooks.is_empty() {
        return None;
    }
    let known = |hook: &Value| {
        let resource_identifier = identifier(&ManifestId::of(hook));
        let mut feedback_rules = vec![FeedbackRule {
            type_: FeedbackRuleType::WellKnownStatus,
            json_paths: Vec::new(),
        }];
        // That a job has given up is not among what is well known.
        if resource_identifier.resource == "jobs" {
            feedback_rules.push(FeedbackRule {
                type_: FeedbackRuleType::JsonPaths,
                json_paths: vec![JsonPath {
                    name: JOB_FAILED.to_owned(),
                    version: String::new(),
                    path: ".status.conditions[?(@.type==\"Failed\")].status".to_owned(),
                }],
            });
        }
        ManifestConfigOption {
            resource_identifier,
            feedback_rules,
            ..ManifestConfigOption::default()
        }
    };
    Some(Wanted {
        name: names::pre_delete_work(addon),
        config_hashes: None,
        spec: ManifestWorkSpec {
            manifest_configs: rendered.hooks.iter().map(known).collect(),
            workload: ManifestsTemplate {
                manifests: rendered.hooks.clone(),
            },
            executor: rendered.executor.clone(),
            delete_option: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config_map(name: &str, size: usize) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "n"}, "data": {"k": "x".repeat(size)}})
    }

    fn names_of(works: &[Wanted]) -> Vec<(String, Vec<String>)> {
        works
            .iter()
            .map(|work| {
                let manifests = &work.spec.workload.manifests;
                let names = manifests.iter().map(|m| ManifestId::of(m).name);
                (work.name.clone(), names.collect())
            })
            .collect()
    }

    fn of(list: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        list.iter()
            .map(|(work, names)| {
                let names = names.iter().map(|&name| name.to_owned()).collect();
                ((*work).to_owned(), names)
            })
            .collect()
    }

    #[test]
    fn manifests_are_split_by_size_and_stay_where_they_are() {
        let mut rendered = Rendered {
            manifests: vec![
                config_map("a", BUDGET / 2),
                config_map("b", BUDGET / 2),
                config_map("c", 10),
            ],
            ..Rendered::default()
        };
        let works = deploy("a", &rendered, Some("{}"), &BTreeMap::new()).unwrap();
        assert_eq!(
            names_of(&works),
            of(&[
                ("addon-a-deploy-0", &["a", "c"]),
                ("addon-a-deploy-1", &["b"])
            ])
        );
        assert_eq!(works[1].config_hashes.as_deref(), Some("{}"));
        // With "a" gone there is room in the first work, but "b" does not move.
        let ids: Vec<Vec<ManifestId>> = works
            .iter()
            .map(|w| {
                w.spec
                    .workload
                    .manifests
                    .iter()
                    .map(ManifestId::of)
                    .collect()
            })
            .collect();
        let present = BTreeMap::from([(0, ids[0].as_slice()), (1, ids[1].as_slice())]);
        rendered.manifests.remove(0);
        let works = deploy("a", &rendered, None, &present).unwrap();
        assert_eq!(
            names_of(&works),
            of(&[("addon-a-deploy-0", &["c"]), ("addon-a-deploy-1", &["b"])])
        );
        // And a work that has nothing left is wanted no more.
        rendered.manifests.remove(1);
        let works = deploy("a", &rendered, None, &present).unwrap();
        assert_eq!(names_of(&works), of(&[("addon-a-deploy-1", &["b"])]));
    }

    #[test]
    fn a_manifest_that_fits_nowhere_is_told() {
        let rendered = Rendered {
            manifests: vec![config_map("big", BUDGET)],
            ..Rendered::default()
        };
        let error = deploy("a", &rendered, None, &BTreeMap::new()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("ConfigMap n/big has "), "{text}");
        assert!(
            text.ends_with("takes 409600: split it into smaller objects"),
            "{text}"
        );
    }

    #[test]
    fn addon_25_hooks_have_a_work_of_their_own() {
        assert_eq!(pre_delete("a", &Rendered::default()), None);
        let rendered = Rendered {
            hooks: vec![json!({"apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": "j", "namespace": "n"}})],
            ..Rendered::default()
        };
        let work = pre_delete("a", &rendered).unwrap();
        assert_eq!(work.name, "addon-a-pre-delete");
        let option = &work.spec.manifest_configs[0];
        assert_eq!(option.resource_identifier.resource, "jobs");
        assert_eq!(option.resource_identifier.group, "batch");
        let rules: Vec<_> = option.feedback_rules.iter().map(|r| &r.type_).collect();
        assert_eq!(
            rules,
            [
                &FeedbackRuleType::WellKnownStatus,
                &FeedbackRuleType::JsonPaths
            ]
        );
    }
}
