//! Who a template add-on's agent is on the hub, and what it may do there
//! (protocol, section 9). Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    AddOnTemplateSpec, HubPermissionConfig, HubPermissionType, KubeClientDriver,
    ManagedClusterAddOnStatus, RegistrationConfig, RegistrationType, Subject,
};
use crate::ocm::names::{LABEL_ADDON_NAME, SIGNER_KUBE_CLIENT};

/// The API group of roles.
const RBAC: &str = "rbac.authorization.k8s.io";
/// A group that every user is in: nobody is meant by it.
const EVERYBODY: &str = "system:authenticated";

/// The registrations of a template add-on. With the token driver the agent
/// says who it is; that stays.
#[must_use]
pub fn registrations(
    template: &AddOnTemplateSpec,
    cluster: &str,
    addon: &str,
    status: &ManagedClusterAddOnStatus,
) -> Vec<RegistrationConfig> {
    let mut registrations: Vec<RegistrationConfig> = Vec::new();
    for registration in &template.registration {
        let wanted = match registration.type_ {
            RegistrationType::KubeClient => RegistrationConfig {
                signer_name: SIGNER_KUBE_CLIENT.to_owned(),
                subject: kube_client_subject(cluster, addon, status),
            },
            RegistrationType::CustomSigner => {
                let Some(signer) = &registration.custom_signer else {
                    continue;
                };
                RegistrationConfig {
                    signer_name: signer.signer_name.clone(),
                    subject: signer.subject.clone().unwrap_or_else(|| Subject {
                        user: names::default_user(cluster, addon),
                        ..Subject::default()
                    }),
                }
            }
        };
        if !registrations.contains(&wanted) {
            registrations.push(wanted);
        }
    }
    registrations
}

fn kube_client_subject(cluster: &str, addon: &str, status: &ManagedClusterAddOnStatus) -> Subject {
    if status.kube_client_driver == Some(KubeClientDriver::Token) {
        let told = status
            .registrations
            .iter()
            .find(|registration| registration.signer_name == SIGNER_KUBE_CLIENT);
        // What it is with a certificate is not what it is with a token.
        return told
            .filter(|told| told.subject.user != names::default_user(cluster, addon))
            .map(|told| told.subject.clone())
            .unwrap_or_default();
    }
    Subject {
        user: names::default_user(cluster, addon),
        groups: names::default_groups(cluster, addon).into(),
        ..Subject::default()
    }
}

/// The agent's identity for the hub's API, once it is known.
#[must_use]
pub fn subject(registrations: &[RegistrationConfig]) -> Option<&Subject> {
    registrations
        .iter()
        .find(|registration| registration.signer_name == SIGNER_KUBE_CLIENT)
        .map(|registration| &registration.subject)
        .filter(|subject| !subject.user.is_empty() || !subject.groups.is_empty())
}

/// A RoleBinding as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it goes with the ManagedClusterAddOn.
    pub owned: bool,
    /// The role: group, kind and name.
    pub role: Value,
    /// Who has it.
    pub subjects: Value,
}

/// The permissions that a template asks for, in order.
fn permissions(template: &AddOnTemplateSpec) -> impl Iterator<Item = &HubPermissionConfig> {
    template
        .registration
        .iter()
        .filter(|registration| registration.type_ == RegistrationType::KubeClient)
        .filter_map(|registration| registration.kube_client.as_ref())
        .flat_map(|client| &client.hub_permissions)
}

/// Whether agents of all clusters share a binding.
#[must_use]
pub fn is_shared(template: &AddOnTemplateSpec) -> bool {
    permissions(template).any(|permission| permission.type_ == HubPermissionType::SingleNamespace)
}

/// The RoleBindings of an add-on in one cluster. `everywhere` are the subjects
/// of the add-on's agents on all clusters, this one included: a binding in a
/// namespace that is nobody's own is for all of them.
///
/// Within a cluster's namespace the group of the add-on on all clusters gets
/// nothing, other than upstream: one cluster's agent has no business with
/// another cluster.
#[must_use]
pub fn bindings(
    template: &AddOnTemplateSpec,
    cluster: &str,
    addon: &str,
    own: &Subject,
    everywhere: &[Subject],
) -> Vec<Binding> {
    let [_, of_all] = names::default_groups(cluster, addon);
    let mut bindings: Vec<Binding> = Vec::new();
    for permission in permissions(template) {
        let (namespace, kind, name, owned, subjects) = match permission.type_ {
            HubPermissionType::CurrentCluster => {
                let Some(current) = &permission.current_cluster else {
                    continue;
                };
                let own = Subject {
                    groups: own
                        .groups
                        .iter()
                        .filter(|&g| *g != of_all)
                        .cloned()
                        .collect(),
                    ..own.clone()
                };
                let role = current.cluster_role_name.clone();
                (cluster, "ClusterRole", role, true, subjects(&[own]))
            }
            HubPermissionType::SingleNamespace => {
                let Some(single) = &permission.single_namespace else {
                    continue;
                };
                let kind = single.role_ref.kind.as_str();
                let role = single.role_ref.name.clone();
                let whole = subjects_of_all(everywhere, &of_all);
                (single.namespace.as_str(), kind, role, false, whole)
            }
        };
        let role = json!({"apiGroup": RBAC, "kind": kind, "name": name});
        let mut binding = format!(
            "open-cluster-management:{addon}:{}:agent",
            kind.to_lowercase()
        );
        let taken = |binding: &str| {
            let mut others = bindings.iter();
            others
                .find(|b| b.namespace == namespace && b.name == binding)
                .map(|b| &b.role)
        };
        match taken(&binding) {
            Some(same) if *same == role => continue,
            // Upstream lets the last of several have the name.
            Some(_) => binding = format!("{binding}:{name}"),
            None => {}
        }
        bindings.push(Binding {
            namespace: namespace.to_owned(),
            name: binding,
            labels: BTreeMap::from([
                (LABEL_ADDON_NAME.to_owned(), addon.to_owned()),
                (names::LABEL_TEMPLATE_NAME.to_owned(), String::new()),
            ]),
            owned,
            role,
            subjects,
        });
    }
    bindings
}

/// The subjects of all agents: the group they have in common stands for those
/// that are in it.
fn subjects_of_all(everywhere: &[Subject], of_all: &str) -> Value {
    let (common, others): (Vec<&Subject>, Vec<&Subject>) = everywhere
        .iter()
        .partition(|subject| subject.groups.iter().any(|group| group == of_all));
    let mut all: Vec<Subject> = others.into_iter().cloned().collect();
    if !common.is_empty() {
        all.push(Subject {
            groups: vec![of_all.to_owned()],
            ..Subject::default()
        });
    }
    subjects(&all)
}

fn subjects(of: &[Subject]) -> Value {
    let mut named = BTreeSet::new();
    for subject in of {
        if !subject.user.is_empty() {
            named.insert(("User", subject.user.as_str()));
        }
        let groups = subject.groups.iter().filter(|group| *group != EVERYBODY);
        named.extend(groups.map(|group| ("Group", group.as_str())));
    }
    named
        .into_iter()
        .map(|(kind, name)| json!({"apiGroup": RBAC, "kind": kind, "name": name}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(registration: &Value) -> AddOnTemplateSpec {
        serde_json::from_value(json!({
            "addonName": "a", "agentSpec": {}, "registration": registration,
        }))
        .unwrap()
    }

    const USER: &str = "system:open-cluster-management:cluster:c1:addon:a:agent:a-agent";
    const OWN: &str = "system:open-cluster-management:cluster:c1:addon:a";
    const ALL: &str = "system:open-cluster-management:addon:a";

    #[test]
    fn addon_23_the_default_identity() {
        let template = template(&json!([
            {"type": "KubeClient", "kubeClient": {}}, {"type": "KubeClient"},
            {"type": "CustomSigner", "customSigner": {"signerName": "e.io/s",
                "subject": {"user": "u"}, "signingCA": {"name": "ca"}}},
            {"type": "CustomSigner", "customSigner": {"signerName": "e.io/t", "signingCA": {"name": "ca"}}},
        ]));
        let mut status = ManagedClusterAddOnStatus::default();
        let found = registrations(&template, "c1", "a", &status);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].signer_name, SIGNER_KUBE_CLIENT);
        assert_eq!(found[0].subject.user, USER);
        assert_eq!(found[0].subject.groups, [OWN, ALL]);
        assert_eq!(found[1].subject.user, "u");
        assert_eq!(found[2].subject.user, USER);
        assert_eq!(subject(&found), Some(&found[0].subject));
        // With a token the agent says who it is, and nobody else.
        status.kube_client_driver = Some(KubeClientDriver::Token);
        status.registrations = found;
        assert_eq!(subject(&registrations(&template, "c1", "a", &status)), None);
        status.registrations[0].subject = Subject {
            user: "system:serviceaccount:c1:a-agent".into(),
            ..Subject::default()
        };
        let found = registrations(&template, "c1", "a", &status);
        assert_eq!(found[0].subject, status.registrations[0].subject);
    }

    #[test]
    fn permissions_are_those_of_the_template_and_nobody_elses() {
        let permission = |role: &str| json!({"type": "CurrentCluster", "currentCluster": {"clusterRoleName": role}});
        let template = template(
            &json!([{"type": "KubeClient", "kubeClient": {"hubPermissions": [
                permission("r"), permission("r"), permission("s"),
                {"type": "SingleNamespace", "singleNamespace": {"namespace": "shared",
                    "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "x"}}},
            ]}}]),
        );
        let own = Subject {
            user: USER.into(),
            groups: vec![OWN.into(), ALL.into(), EVERYBODY.into()],
            ..Subject::default()
        };
        let token = Subject {
            user: "system:serviceaccount:c2:a-agent".into(),
            ..Subject::default()
        };
        let found = bindings(&template, "c1", "a", &own, &[own.clone(), token]);
        let names: Vec<(&str, &str, bool)> = found
            .iter()
            .map(|b| (b.namespace.as_str(), b.name.as_str(), b.owned))
            .collect();
        assert_eq!(
            names,
            [
                ("c1", "open-cluster-management:a:clusterrole:agent", true),
                ("c1", "open-cluster-management:a:clusterrole:agent:s", true),
                ("shared", "open-cluster-management:a:role:agent", false),
            ]
        );
        let who = |n: usize| -> Vec<&str> {
            let subjects = found[n].subjects.as_array().unwrap();
            subjects
                .iter()
                .map(|s| s["name"].as_str().unwrap())
                .collect()
        };
        assert_eq!(who(0), [OWN, USER]);
        assert_eq!(who(2), [ALL, "system:serviceaccount:c2:a-agent"]);
        assert_eq!(found[2].role["kind"], "Role");
    }
}
