//! Who is bound to which rules. Kept up to date one object at a time, so that
//! neither a request nor a new role costs a walk over all of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::rules::Rule;
use crate::api::{GroupResource, UserInfo};
use crate::pki::service_account_user;

/// Namespace (empty for the cluster) and name.
type Key = (String, String);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    User(String),
    Group(String),
}

#[derive(Debug)]
struct Binding {
    /// Where the role lives: the cluster or the binding's namespace.
    role: Key,
    /// `ClusterRole` or `Role`.
    role_kind: &'static str,
    /// With the words of messages, `Group "system:masters"`.
    subjects: Vec<(Subject, String)>,
}

/// One way a user holds rules.
pub(super) struct Grant<'a> {
    /// Of the binding.
    namespace: &'a str,
    binding: &'a str,
    inner: &'a Binding,
    subject: &'a str,
    /// `None`: the role does not exist.
    pub(super) rules: Option<&'a Arc<[Rule]>>,
}

impl Grant<'_> {
    /// `RBAC: allowed by …`, without the prefix.
    pub(super) fn describe(&self) -> String {
        let (kind, binding) = if self.namespace.is_empty() {
            ("ClusterRoleBinding", self.binding.to_owned())
        } else {
            (
                "RoleBinding",
                format!("{}/{}", self.binding, self.namespace),
            )
        };
        format!(
            "allowed by {kind} {binding:?} of {} {:?} to {}",
            self.inner.role_kind, self.inner.role.1, self.subject
        )
    }

    /// What Kubernetes says about a binding to a role that is not there.
    pub(super) fn dangling(&self) -> String {
        let plural = if self.inner.role_kind == "Role" {
            "role"
        } else {
            "clusterrole"
        };
        format!(
            "{plural}.rbac.authorization.k8s.io {:?} not found",
            self.inner.role.1
        )
    }
}

/// All roles and bindings.
#[derive(Debug, Default)]
pub(super) struct Index {
    roles: HashMap<Key, Arc<[Rule]>>,
    bindings: BTreeMap<Key, Binding>,
    /// By the binding's namespace: names of the bindings a subject is in.
    subjects: HashMap<String, HashMap<Subject, Vec<String>>>,
}

impl Index {
    /// Takes in a stored, changed or (`None`) deleted object.
    pub(super) fn observe(
        &mut self,
        gr: &GroupResource,
        namespace: &str,
        name: &str,
        object: Option<&Value>,
    ) {
        let key = (namespace.to_owned(), name.to_owned());
        match gr.resource.as_str() {
            "roles" | "clusterroles" => match object {
                Some(role) => {
                    self.roles.insert(key, Rule::of(role).into());
                }
                None => {
                    self.roles.remove(&key);
                }
            },
            "rolebindings" | "clusterrolebindings" => {
                self.unbind(&key);
                if let Some(binding) = object.and_then(|object| read(namespace, object)) {
                    self.bind(key, binding);
                }
            }
            _ => {}
        }
    }

    fn unbind(&mut self, key: &Key) {
        let Some(binding) = self.bindings.remove(key) else {
            return;
        };
        let Some(local) = self.subjects.get_mut(&key.0) else {
            return;
        };
        for (subject, _) in &binding.subjects {
            if let Some(names) = local.get_mut(subject) {
                names.retain(|name| *name != key.1);
                if names.is_empty() {
                    local.remove(subject);
                }
            }
        }
        if local.is_empty() {
            self.subjects.remove(&key.0);
        }
    }

    fn bind(&mut self, key: Key, binding: Binding) {
        let local = self.subjects.entry(key.0.clone()).or_default();
        for (subject, _) in &binding.subjects {
            let names = local.entry(subject.clone()).or_default();
            if !names.contains(&key.1) {
                names.push(key.1.clone());
            }
        }
        self.bindings.insert(key, binding);
    }

    /// What a user holds in the whole cluster and in a namespace.
    pub(super) fn grants<'a>(
        &'a self,
        user: &UserInfo,
        namespace: &str,
    ) -> impl Iterator<Item = Grant<'a>> {
        let subjects: Vec<Subject> = std::iter::once(Subject::User(user.username.clone()))
            .chain(user.groups.iter().cloned().map(Subject::Group))
            .collect();
        let mut scopes = vec![""];
        if !namespace.is_empty() {
            scopes.push(namespace);
        }
        let mut grants = Vec::new();
        for scope in scopes {
            let Some((scope, local)) = self.subjects.get_key_value(scope) else {
                continue;
            };
            for subject in &subjects {
                for name in local.get(subject).into_iter().flatten() {
                    let key = (scope.clone(), name.clone());
                    let Some((key, inner)) = self.bindings.get_key_value(&key) else {
                        continue;
                    };
                    let words = inner.subjects.iter().find(|(s, _)| s == subject);
                    grants.push(Grant {
                        namespace: &key.0,
                        binding: &key.1,
                        inner,
                        subject: words.map_or("", |(_, words)| words),
                        rules: self.roles.get(&inner.role),
                    });
                }
            }
        }
        grants.into_iter()
    }

    /// The rules of a role, `namespace` empty for a ClusterRole.
    pub(super) fn role(&self, namespace: &str, name: &str) -> Option<&Arc<[Rule]>> {
        self.roles.get(&(namespace.to_owned(), name.to_owned()))
    }
}

fn read(namespace: &str, object: &Value) -> Option<Binding> {
    let name = object["roleRef"]["name"].as_str()?.to_owned();
    let (role_kind, role) = match object["roleRef"]["kind"].as_str()? {
        "ClusterRole" => ("ClusterRole", (String::new(), name)),
        "Role" if !namespace.is_empty() => ("Role", (namespace.to_owned(), name)),
        _ => return None,
    };
    let subjects = object["subjects"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|subject| {
            let name = subject["name"].as_str()?;
            Some(match subject["kind"].as_str()? {
                "User" => (Subject::User(name.to_owned()), format!("User {name:?}")),
                "Group" => (Subject::Group(name.to_owned()), format!("Group {name:?}")),
                "ServiceAccount" => {
                    let of = subject["namespace"]
                        .as_str()
                        .filter(|of| !of.is_empty())
                        .unwrap_or(namespace);
                    (
                        Subject::User(service_account_user(of, name)),
                        format!("ServiceAccount {:?}", format!("{name}/{of}")),
                    )
                }
                _ => return None,
            })
        })
        .collect();
    Some(Binding {
        role,
        role_kind,
        subjects,
    })
}
