//! Who may do what: RBAC over an index that follows the stored roles and
//! bindings, the sentences of a refusal, and the roles every cluster has.

mod defaults;
mod index;
mod rules;

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use crate::api::{Attributes, GroupResource, UserInfo};
use crate::registry::View;
use crate::status::Status;

pub use defaults::bootstrap_roles;
pub(crate) use rules::quoted;
pub use rules::{Rule, missing};

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";
/// Members may do everything, and no rule can take that away.
pub const MASTERS: &str = "system:masters";

/// The answer to "may they".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request passes.
    pub allowed: bool,
    /// Which binding allows it, or what stands in the way; may be empty.
    pub reason: String,
}

/// Answers from an index of the stored roles and bindings. Whoever stores one
/// calls [`Authorizer::observe`] before the write is acknowledged.
#[derive(Debug, Default)]
pub struct Authorizer {
    index: RwLock<index::Index>,
}

impl Authorizer {
    /// Takes in everything stored; called once when the server starts.
    pub fn load(&self, view: &dyn View) {
        for resource in [
            "clusterroles",
            "roles",
            "clusterrolebindings",
            "rolebindings",
        ] {
            let gr = GroupResource::new(GROUP, resource);
            for object in view.read_all(&gr, None) {
                self.observe(&gr, Some(&object), &object);
            }
        }
    }

    /// Takes in one stored object: `now` is what is stored, `None` after a
    /// delete; `named` is any version of it, for its name. Resources other than
    /// those of RBAC are ignored.
    pub fn observe(&self, gr: &GroupResource, now: Option<&Value>, named: &Value) {
        if gr.group != GROUP {
            return;
        }
        let metadata = &named["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        let name = metadata["name"].as_str().unwrap_or_default();
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .observe(gr, namespace, name, now);
    }

    /// Whether the user may.
    pub fn authorize(&self, user: &UserInfo, wanted: &Attributes) -> Decision {
        if user.groups.iter().any(|group| group == MASTERS) {
            return Decision {
                allowed: true,
                reason: String::new(),
            };
        }
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let mut dangling = BTreeSet::new();
        for grant in index.grants(user, &wanted.namespace) {
            match grant.rules {
                None => {
                    dangling.insert(grant.dangling());
                }
                Some(rules) if rules.iter().any(|rule| rule.allows(wanted)) => {
                    return Decision {
                        allowed: true,
                        reason: format!("RBAC: {}", grant.describe()),
                    };
                }
                Some(_) => {}
            }
        }
        let reason = match dangling.len() {
            0 => String::new(),
            1 => format!("RBAC: {}", dangling.first().map_or("", String::as_str)),
            _ => format!(
                "RBAC: [{}]",
                dangling.into_iter().collect::<Vec<_>>().join(", ")
            ),
        };
        Decision {
            allowed: false,
            reason,
        }
    }

    /// All rules a user holds in a namespace (empty: the cluster-wide ones),
    /// and what could not be resolved.
    pub fn rules(&self, user: &UserInfo, namespace: &str) -> (Vec<Rule>, Vec<String>) {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let (mut rules, mut errors) = (Vec::new(), BTreeSet::new());
        if user.groups.iter().any(|group| group == MASTERS) {
            rules.extend(everything());
        }
        for grant in index.grants(user, namespace) {
            match grant.rules {
                Some(of) => rules.extend(of.iter().cloned()),
                None => {
                    errors.insert(grant.dangling());
                }
            }
        }
        (rules, errors.into_iter().collect())
    }

    /// The rules of a stored role; `namespace` is empty for a ClusterRole.
    pub fn role(&self, namespace: &str, name: &str) -> Option<Vec<Rule>> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.role(namespace, name).map(|rules| rules.to_vec())
    }
}

fn everything() -> [Rule; 2] {
    let any = || vec!["*".to_owned()];
    [
        Rule {
            verbs: any(),
            api_groups: any(),
            resources: any(),
            ..Rule::default()
        },
        Rule {
            verbs: any(),
            non_resource_urls: any(),
            ..Rule::default()
        },
    ]
}

/// The 403 of a request that was not allowed.
pub fn denial(user: &UserInfo, wanted: &Attributes, reason: &str) -> Status {
    let sentence = sentence(user, wanted, reason);
    if !wanted.path.is_empty() {
        return Status::generic(403, "Forbidden", format!("forbidden: {sentence}"));
    }
    let gr = GroupResource::new(&wanted.group, &wanted.resource);
    Status::forbidden(&gr, &wanted.name, &sentence)
}

/// `User "x" cannot list resource "pods" in API group "" in the namespace "y"`.
pub fn sentence(user: &UserInfo, wanted: &Attributes, reason: &str) -> String {
    let Attributes { verb, group, .. } = wanted;
    let mut text = format!("User {:?} cannot {verb} ", user.username);
    if wanted.path.is_empty() {
        let resource = if wanted.subresource.is_empty() {
            wanted.resource.clone()
        } else {
            format!("{}/{}", wanted.resource, wanted.subresource)
        };
        text.push_str(&format!("resource {resource:?} in API group {group:?}"));
        if wanted.namespace.is_empty() {
            text.push_str(" at the cluster scope");
        } else {
            text.push_str(&format!(" in the namespace {:?}", wanted.namespace));
        }
    } else {
        text.push_str(&format!("path {:?}", wanted.path));
    }
    if !reason.is_empty() {
        text.push_str(": ");
        text.push_str(reason);
    }
    text
}

#[cfg(test)]
mod tests;
