//! The objects that give a managed cluster its rights on the hub.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ocm::names;

use super::WORK_FINALIZER;
use super::view::{Meta, Shaped};

/// The kinds of objects that the hub keeps in shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `v1` Namespace.
    Namespace,
    /// `rbac.authorization.k8s.io/v1` ClusterRole.
    ClusterRole,
    /// `rbac.authorization.k8s.io/v1` ClusterRoleBinding.
    ClusterRoleBinding,
    /// `rbac.authorization.k8s.io/v1` RoleBinding.
    RoleBinding,
}

impl Kind {
    /// The resource, for clients.
    #[must_use]
    pub fn resource(self) -> kube::api::ApiResource {
        use k8s_openapi::api::{core::v1 as core, rbac::v1 as rbac};
        use kube::api::ApiResource;
        match self {
            Self::Namespace => ApiResource::erase::<core::Namespace>(&()),
            Self::ClusterRole => ApiResource::erase::<rbac::ClusterRole>(&()),
            Self::ClusterRoleBinding => ApiResource::erase::<rbac::ClusterRoleBinding>(&()),
            Self::RoleBinding => ApiResource::erase::<rbac::RoleBinding>(&()),
        }
    }
}

/// What an object has to look like. Further labels may stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What it is.
    pub kind: Kind,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Labels it must have.
    pub labels: BTreeMap<String, String>,
    /// Finalizers it must have.
    pub finalizers: Vec<String>,
    /// Its fields besides the metadata.
    pub body: Value,
}

/// Labels of a cluster's objects: its name, and what the ClusterManager adds.
fn labels(cluster: &str, extra: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = extra.clone();
    labels.insert(names::LABEL_CLUSTER_NAME.into(), cluster.into());
    labels
}

/// The name of a cluster's ClusterRole and ClusterRoleBinding.
#[must_use]
pub fn cluster_role_name(cluster: &str) -> String {
    format!("open-cluster-management:managedcluster:{cluster}")
}

/// The name of the RoleBinding for leases and add-ons.
#[must_use]
pub fn registration_binding_name(cluster: &str) -> String {
    format!("open-cluster-management:managedcluster:{cluster}:registration")
}

/// The name of the RoleBinding for works.
#[must_use]
pub fn work_binding_name(cluster: &str) -> String {
    format!("open-cluster-management:managedcluster:{cluster}:work")
}

/// The ClusterRole of all clusters for leases and add-ons.
pub const REGISTRATION_ROLE: &str = "open-cluster-management:managedcluster:registration";
/// The ClusterRole of all clusters for works.
pub const WORK_ROLE: &str = "open-cluster-management:managedcluster:work";

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

fn named_rule(groups: &[&str], resources: &[&str], names: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "resourceNames": names, "verbs": verbs})
}

const CLUSTER_GROUP: &str = "cluster.open-cluster-management.io";

/// A cluster's own ClusterRole: all it may while accepted, or the little that
/// a denied one keeps.
#[must_use]
pub fn cluster_role(cluster: &str, accepted: bool, extra: &BTreeMap<String, String>) -> Wanted {
    let rules = if accepted {
        json!([
            rule(
                &["certificates.k8s.io"],
                &["certificatesigningrequests"],
                &["create", "get", "list", "watch"],
            ),
            rule(
                &["register.open-cluster-management.io"],
                &["managedclusters/clientcertificates"],
                &["renew"],
            ),
            named_rule(
                &[CLUSTER_GROUP],
                &["managedclusters"],
                &[cluster],
                &["get", "list", "update", "watch"],
            ),
            named_rule(
                &[CLUSTER_GROUP],
                &["managedclusters/status"],
                &[cluster],
                &["patch", "update"],
            ),
        ])
    } else {
        json!([named_rule(
            &[CLUSTER_GROUP],
            &["managedclusters"],
            &[cluster],
            &["get", "list", "watch"],
        )])
    };
    Wanted {
        kind: Kind::ClusterRole,
        namespace: String::new(),
        name: cluster_role_name(cluster),
        labels: labels(cluster, extra),
        finalizers: Vec::new(),
        body: json!({"rules": rules}),
    }
}

fn subjects(cluster: &str) -> Value {
    let group = |name: String| json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name});
    json!(names::agent_groups(cluster).map(group))
}

fn role_ref(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name})
}

/// The binding of [`cluster_role`].
#[must_use]
pub fn cluster_role_binding(cluster: &str, extra: &BTreeMap<String, String>) -> Wanted {
    let name = cluster_role_name(cluster);
    Wanted {
        kind: Kind::ClusterRoleBinding,
        namespace: String::new(),
        labels: labels(cluster, extra),
        finalizers: Vec::new(),
        body: json!({"subjects": subjects(cluster), "roleRef": role_ref(&name)}),
        name,
    }
}

/// The bindings in the cluster's namespace.
#[must_use]
pub fn role_bindings(cluster: &str, extra: &BTreeMap<String, String>) -> [Wanted; 2] {
    let binding = |name: String, role: &str, finalizers: Vec<String>| Wanted {
        kind: Kind::RoleBinding,
        namespace: cluster.to_owned(),
        name,
        labels: labels(cluster, extra),
        finalizers,
        body: json!({"subjects": subjects(cluster), "roleRef": role_ref(role)}),
    };
    [
        binding(
            registration_binding_name(cluster),
            REGISTRATION_ROLE,
            Vec::new(),
        ),
        binding(
            work_binding_name(cluster),
            WORK_ROLE,
            vec![WORK_FINALIZER.into()],
        ),
    ]
}

/// The cluster's namespace.
#[must_use]
pub fn namespace(cluster: &str, extra: &BTreeMap<String, String>) -> Wanted {
    Wanted {
        kind: Kind::Namespace,
        namespace: String::new(),
        name: cluster.to_owned(),
        labels: labels(cluster, extra),
        finalizers: Vec::new(),
        body: json!({}),
    }
}

/// The two ClusterRoles that all clusters share; they exist while there is a cluster.
#[must_use]
pub fn common_roles(extra: &BTreeMap<String, String>) -> [Wanted; 2] {
    let role = |name: &str, rules: Value| Wanted {
        kind: Kind::ClusterRole,
        namespace: String::new(),
        name: name.to_owned(),
        labels: labels("", extra),
        finalizers: Vec::new(),
        body: json!({"rules": rules}),
    };
    [
        role(
            REGISTRATION_ROLE,
            json!([
                rule(
                    &["coordination.k8s.io"],
                    &["leases"],
                    &["get", "list", "watch", "update"],
                ),
                rule(
                    &["addon.open-cluster-management.io"],
                    &["managedclusteraddons"],
                    &["get", "list", "watch"],
                ),
                rule(
                    &["addon.open-cluster-management.io"],
                    &["managedclusteraddons/status"],
                    &["patch", "update"],
                ),
                rule(&["events.k8s.io"], &["events"], &["create"]),
            ]),
        ),
        role(
            WORK_ROLE,
            json!([
                rule(
                    &["", "events.k8s.io"],
                    &["events"],
                    &["create", "patch", "update"],
                ),
                rule(
                    &["work.open-cluster-management.io"],
                    &["manifestworks"],
                    &["get", "list", "watch", "update", "patch"],
                ),
                rule(
                    &["work.open-cluster-management.io"],
                    &["manifestworks/status"],
                    &["patch", "update"],
                ),
            ]),
        ),
    ]
}

/// How a live object differs from what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// It is right.
    None,
    /// This merge patch makes it right.
    Patch(Value),
    /// Its roleRef is wrong, which cannot be changed: it must be made anew.
    Replace,
}

/// Compares a live object with what is wanted.
#[must_use]
pub fn difference(live: &Shaped, wanted: &Wanted) -> Difference {
    let shape = Shaped::of(Meta::default(), &wanted.body);
    if live.role != shape.role {
        return Difference::Replace;
    }
    let mut patch = serde_json::Map::new();
    let mut metadata = serde_json::Map::new();
    let labels: serde_json::Map<String, Value> = wanted
        .labels
        .iter()
        .filter(|(key, value)| live.meta.labels.get(key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect();
    if !labels.is_empty() {
        metadata.insert("labels".into(), labels.into());
    }
    // A finalizer cannot be added to what is already being deleted.
    if !live.meta.deleting
        && wanted
            .finalizers
            .iter()
            .any(|finalizer| !live.meta.finalizers.contains(finalizer))
    {
        let mut finalizers = live.meta.finalizers.clone();
        for finalizer in &wanted.finalizers {
            if !finalizers.contains(finalizer) {
                finalizers.push(finalizer.clone());
            }
        }
        metadata.insert("finalizers".into(), json!(finalizers));
    }
    for (field, same) in [
        ("rules", live.rules == shape.rules),
        ("subjects", live.subjects == shape.subjects),
    ] {
        if !same && let Some(value) = wanted.body.get(field) {
            patch.insert(field.into(), value.clone());
        }
    }
    if patch.is_empty() && metadata.is_empty() {
        return Difference::None;
    }
    metadata.insert("uid".into(), live.meta.uid.clone().into());
    metadata.insert(
        "resourceVersion".into(),
        live.meta.resource_version.clone().into(),
    );
    patch.insert("metadata".into(), metadata.into());
    Difference::Patch(patch.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocm::intern::Labels;

    fn meta(wanted: &Wanted) -> Meta {
        Meta {
            labels: Labels::from(&wanted.labels),
            finalizers: wanted.finalizers.clone(),
            ..Meta::default()
        }
    }

    #[test]
    fn registration_04_common_roles_have_the_rules_of_the_protocol() {
        // Word for word what section 4.4 has.
        let rule = |groups: Value, resources: &str, verbs: &str| {
            json!({"apiGroups": groups, "resources": [resources],
                   "verbs": verbs.split(' ').collect::<Vec<_>>()})
        };
        let addon = json!(["addon.open-cluster-management.io"]);
        let work = json!(["work.open-cluster-management.io"]);
        let expected = [
            json!([
                rule(
                    json!(["coordination.k8s.io"]),
                    "leases",
                    "get list watch update"
                ),
                rule(addon.clone(), "managedclusteraddons", "get list watch"),
                rule(addon, "managedclusteraddons/status", "patch update"),
                rule(json!(["events.k8s.io"]), "events", "create"),
            ]),
            json!([
                rule(
                    json!(["", "events.k8s.io"]),
                    "events",
                    "create patch update"
                ),
                rule(work.clone(), "manifestworks", "get list watch update patch"),
                rule(work, "manifestworks/status", "patch update"),
            ]),
        ];
        for (role, expected) in common_roles(&BTreeMap::new()).into_iter().zip(expected) {
            assert_eq!(role.labels[names::LABEL_CLUSTER_NAME], "");
            assert_eq!(role.body["rules"], expected, "{}", role.name);
        }
    }

    #[test]
    fn registration_05_an_accepted_cluster_has_four_objects() {
        let extra = BTreeMap::new();
        let role = cluster_role("c1", true, &extra);
        assert_eq!(role.name, "open-cluster-management:managedcluster:c1");
        // Word for word what section 4.3 has.
        assert_eq!(
            role.body["rules"],
            json!([
                {"apiGroups": ["certificates.k8s.io"], "resources": ["certificatesigningrequests"],
                 "verbs": ["create", "get", "list", "watch"]},
                {"apiGroups": ["register.open-cluster-management.io"],
                 "resources": ["managedclusters/clientcertificates"], "verbs": ["renew"]},
                {"apiGroups": [CLUSTER_GROUP], "resources": ["managedclusters"],
                 "resourceNames": ["c1"], "verbs": ["get", "list", "update", "watch"]},
                {"apiGroups": [CLUSTER_GROUP], "resources": ["managedclusters/status"],
                 "resourceNames": ["c1"], "verbs": ["patch", "update"]},
            ])
        );
        let binding = cluster_role_binding("c1", &extra);
        assert_eq!(
            binding.body["subjects"][0]["name"],
            "system:open-cluster-management:c1"
        );
        assert_eq!(
            binding.body["subjects"][1]["name"],
            "open-cluster-management:c1"
        );
        let [registration, work] = role_bindings("c1", &extra);
        assert_eq!(registration.namespace, "c1");
        assert_eq!(registration.body["roleRef"]["name"], REGISTRATION_ROLE);
        assert_eq!(work.finalizers, [WORK_FINALIZER]);
    }

    #[test]
    fn registration_06_drift_is_repaired_and_foreign_labels_stay() {
        let wanted = cluster_role("c1", true, &BTreeMap::new());
        let mut object = Shaped::of(meta(&wanted), &wanted.body);
        object.meta.labels = object.meta.labels.with("mine", "x");
        assert_eq!(difference(&object, &wanted), Difference::None);
        let mut body = wanted.body.clone();
        body["rules"][0]["verbs"] = json!(["*"]);
        object = Shaped::of(object.meta, &body);
        object.meta.labels = object.meta.labels.without(names::LABEL_CLUSTER_NAME);
        let Difference::Patch(patch) = difference(&object, &wanted) else {
            panic!("drift not seen");
        };
        assert_eq!(patch["rules"], wanted.body["rules"]);
        assert_eq!(
            patch["metadata"]["labels"],
            json!({(names::LABEL_CLUSTER_NAME): "c1"})
        );
        let wanted = cluster_role_binding("c1", &BTreeMap::new());
        let mut body = wanted.body.clone();
        body["roleRef"]["name"] = "cluster-admin".into();
        let object = Shaped::of(meta(&wanted), &body);
        assert_eq!(difference(&object, &wanted), Difference::Replace);
    }

    #[test]
    fn registration_07_further_labels_are_carried() {
        let extra = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        for wanted in [namespace("c1", &extra), cluster_role("c1", true, &extra)] {
            assert_eq!(wanted.labels["a"], "b");
            assert_eq!(wanted.labels[names::LABEL_CLUSTER_NAME], "c1");
        }
    }

    #[test]
    fn registration_08_a_denied_cluster_keeps_one_rule_to_read_itself() {
        let role = cluster_role("c1", false, &BTreeMap::new());
        assert_eq!(
            role.body["rules"],
            json!([{"apiGroups": [CLUSTER_GROUP], "resources": ["managedclusters"],
                    "resourceNames": ["c1"], "verbs": ["get", "list", "watch"]}])
        );
    }
}
