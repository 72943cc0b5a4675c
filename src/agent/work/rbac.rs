//! Who may do what on the managed cluster, as far as executors are concerned:
//! a watch of roles and bindings, so that answers about an account may be kept
//! until its permissions change (gate ExecutorValidatingCaches).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::Client;
use tokio_util::sync::CancellationToken;

use super::model::ServiceAccount;
use crate::runtime::{Change, Informer, Key, Metrics, Scope, Tasks, informer};

/// Accounts that a binding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// One.
    One(ServiceAccount),
    /// All of a namespace.
    Of(String),
    /// All.
    All,
}

impl Accounts {
    /// Whether the account is one of them.
    #[must_use]
    pub fn have(&self, account: &ServiceAccount) -> bool {
        match self {
            Self::One(one) => one == account,
            Self::Of(namespace) => *namespace == account.namespace,
            Self::All => true,
        }
    }

    /// The accounts that a subject means.
    fn of(subject: &Subject) -> Option<Self> {
        let one = |namespace: &str, name: &str| {
            Self::One(ServiceAccount {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        };
        match (subject.kind.as_str(), subject.name.as_str()) {
            ("ServiceAccount", name) => {
                Some(one(subject.namespace.as_deref().unwrap_or_default(), name))
            }
            ("User", name) => {
                let (namespace, name) = name
                    .strip_prefix("system:serviceaccount:")?
                    .split_once(':')?;
                Some(one(namespace, name))
            }
            ("Group", "system:serviceaccounts" | "system:authenticated") => Some(Self::All),
            ("Group", name) => name
                .strip_prefix("system:serviceaccounts:")
                .map(|namespace| Self::Of(namespace.to_owned())),
            _ => None,
        }
    }
}

/// What a binding binds: whether to a ClusterRole, its name, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    cluster: bool,
    role: String,
    accounts: Vec<Accounts>,
}

impl Bound {
    fn new(role: &RoleRef, subjects: Option<&Vec<Subject>>) -> Self {
        Self {
            cluster: role.kind == "ClusterRole",
            role: role.name.clone(),
            accounts: subjects
                .into_iter()
                .flatten()
                .filter_map(Accounts::of)
                .collect(),
        }
    }
}

/// The rules of a role.
#[derive(Debug, PartialEq)]
struct Rules(Vec<PolicyRule>);

/// Watches roles and bindings until `shutdown`. Tells of whom it is whose
/// permissions changed, and sets `known` when all of them are watched.
pub async fn watch(
    spoke: Client,
    metrics: Metrics,
    shutdown: CancellationToken,
    known: Arc<AtomicBool>,
    changed: impl Fn(&[Accounts]) + Send + Sync + 'static,
) {
    let changed = Arc::new(changed);
    let bindings: Informer<Bound> = Informer::new(Scope::of::<RoleBinding>());
    let cluster_bindings: Informer<Bound> = Informer::new(Scope::of::<ClusterRoleBinding>());
    let roles: Informer<Rules> = Informer::new(Scope::of::<Role>());
    let cluster_roles: Informer<Rules> = Informer::new(Scope::of::<ClusterRole>());

    for informer in [&bindings, &cluster_bindings] {
        let changed = Arc::clone(&changed);
        informer.on_change(move |_, change| {
            let (old, new) = match change {
                Change::Applied { old, new } => (old.as_ref(), Some(new)),
                Change::Deleted(old) => (Some(old), None),
            };
            if old == new {
                return;
            }
            let both = old.into_iter().chain(new);
            let accounts: Vec<Accounts> = both.flat_map(|one| one.accounts.clone()).collect();
            changed(&accounts);
        });
    }
    for (informer, cluster) in [(&roles, false), (&cluster_roles, true)] {
        let changed = Arc::clone(&changed);
        let (bindings, cluster_bindings) = (bindings.clone(), cluster_bindings.clone());
        informer.on_change(move |key, change| {
            if let Change::Applied {
                old: Some(old),
                new,
            } = change
                && old == new
            {
                return;
            }
            let binds = |of: &Key, bound: &Bound| {
                bound.cluster == cluster
                    && bound.role == key.name
                    && (cluster || of.namespace == key.namespace)
            };
            let mut bound = bindings.filter(binds);
            if cluster {
                bound.extend(cluster_bindings.filter(binds));
            }
            let accounts: Vec<Accounts> = bound
                .iter()
                .flat_map(|(_, bound)| bound.accounts.clone())
                .collect();
            changed(&accounts);
        });
    }

    let mut tasks = Tasks::new(shutdown.clone());
    let parse = |object| {
        informer::typed::<RoleBinding>(object)
            .map(|binding| Bound::new(&binding.role_ref, binding.subjects.as_ref()))
    };
    tasks.spawn(
        bindings
            .clone()
            .run(spoke.clone(), parse, metrics.clone(), shutdown.clone()),
    );
    let parse = |object| {
        informer::typed::<ClusterRoleBinding>(object)
            .map(|binding| Bound::new(&binding.role_ref, binding.subjects.as_ref()))
    };
    tasks.spawn(cluster_bindings.clone().run(
        spoke.clone(),
        parse,
        metrics.clone(),
        shutdown.clone(),
    ));
    let parse =
        |object| informer::typed::<Role>(object).map(|role| Rules(role.rules.unwrap_or_default()));
    tasks.spawn(
        roles
            .clone()
            .run(spoke.clone(), parse, metrics.clone(), shutdown.clone()),
    );
    let parse = |object| {
        informer::typed::<ClusterRole>(object).map(|role| Rules(role.rules.unwrap_or_default()))
    };
    tasks.spawn(cluster_roles.clone().run(spoke, parse, metrics, shutdown));
    tasks.spawn(async move {
        bindings.synced().await;
        cluster_bindings.synced().await;
        roles.synced().await;
        cluster_roles.synced().await;
        known.store(true, Ordering::SeqCst);
    });
    tasks.join().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_mean_accounts() {
        let subject = |kind: &str, namespace: Option<&str>, name: &str| {
            Accounts::of(&Subject {
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
                ..Subject::default()
            })
        };
        let account = ServiceAccount {
            namespace: "n".to_owned(),
            name: "a".to_owned(),
        };
        for (means, expected) in [
            (subject("ServiceAccount", Some("n"), "a"), Some(true)),
            (subject("ServiceAccount", Some("other"), "a"), Some(false)),
            (
                subject("User", None, "system:serviceaccount:n:a"),
                Some(true),
            ),
            (subject("User", None, "somebody"), None),
            (
                subject("Group", None, "system:serviceaccounts:n"),
                Some(true),
            ),
            (
                subject("Group", None, "system:serviceaccounts:m"),
                Some(false),
            ),
            (subject("Group", None, "system:serviceaccounts"), Some(true)),
            (subject("Group", None, "system:authenticated"), Some(true)),
            (subject("Group", None, "system:masters"), None),
        ] {
            assert_eq!(
                means.as_ref().map(|all| all.have(&account)),
                expected,
                "{means:?}"
            );
        }
    }
}
