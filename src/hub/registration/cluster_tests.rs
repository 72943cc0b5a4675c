use std::collections::BTreeMap;

use super::super::{CONDITION_AVAILABLE, TAINT_UNREACHABLE};
use super::*;

struct Case {
    cluster: Option<Cluster>,
    works: Vec<(Key, Remainder)>,
    addons: Vec<(Key, Remainder)>,
    present: Vec<Present>,
    settings: Settings,
}

fn cluster() -> Cluster {
    Cluster {
        accepted: false,
        lease_duration_seconds: 60,
        ..Cluster::default()
    }
}

impl Case {
    fn new(cluster: Option<Cluster>) -> Self {
        Self {
            cluster,
            works: Vec::new(),
            addons: Vec::new(),
            present: Vec::new(),
            settings: Settings::default(),
        }
    }

    /// All four objects exist.
    fn prepared(mut self) -> Self {
        let extra = BTreeMap::new();
        let mut all = vec![
            rbac::cluster_role("c1", true, &extra),
            rbac::cluster_role_binding("c1", &extra),
        ];
        all.extend(rbac::role_bindings("c1", &extra));
        self.present = all
            .into_iter()
            .map(|wanted| Present {
                kind: wanted.kind,
                namespace: wanted.namespace,
                name: wanted.name,
                deleting: false,
            })
            .collect();
        self
    }

    fn plan(&self) -> Plan {
        self.plan_for("c1")
    }

    fn plan_for(&self, name: &str) -> Plan {
        decide(&Observed {
            name,
            cluster: self.cluster.as_ref(),
            works: &self.works,
            addons: &self.addons,
            present: &self.present,
            settings: &self.settings,
            now: "2026-01-02T03:04:05.6Z".parse().unwrap(),
        })
    }
}

fn remainder(name: &str, priority: u8, deleting: bool) -> (Key, Remainder) {
    (
        Key::new("c1", name),
        Remainder {
            uid: format!("uid-{name}"),
            deleting,
            held: true,
            priority,
        },
    )
}

fn accepted_condition() -> Condition {
    conditions::condition(
        CONDITION_ACCEPTED,
        conditions::TRUE,
        "HubClusterAdminAccepted",
        "Accepted by hub cluster admin",
    )
}

fn names_of(keys: &[(Remaining, Key, String)]) -> Vec<&str> {
    keys.iter().map(|(_, key, _)| key.name.as_str()).collect()
}

#[test]
fn registration_03_a_new_cluster_is_only_marked() {
    let plan = Case::new(Some(cluster())).plan();
    let patch = plan.cluster.unwrap();
    assert_eq!(patch["metadata"]["finalizers"], json!([RESOURCE_FINALIZER]));
    assert_eq!(
        patch["metadata"]["labels"][names::LABEL_CLUSTER_SET],
        "default"
    );
    assert_eq!(patch["spec"]["taints"][0]["key"], TAINT_UNREACHABLE);
    assert_eq!(
        patch["spec"]["taints"][0]["timeAdded"],
        "2026-01-02T03:04:05Z"
    );
    assert!(plan.namespace.is_none() && plan.keep.is_empty() && plan.conditions.is_none());
}

#[test]
fn registration_05_an_accepted_cluster_gets_everything() {
    let mut c = cluster();
    c.accepted = true;
    let plan = Case::new(Some(c)).plan();
    assert_eq!(
        plan.cluster.unwrap()["metadata"]["finalizers"],
        json!([RESOURCE_FINALIZER, API_RESOURCE_FINALIZER])
    );
    assert_eq!(plan.namespace.unwrap().name, "c1");
    assert_eq!(plan.keep.len(), 4);
    let conditions = plan.conditions.unwrap();
    assert!(conditions::is_true(&conditions, CONDITION_ACCEPTED));
    assert_eq!(conditions[0].reason, "HubClusterAdminAccepted");
}

#[test]
fn nothing_to_write_when_all_is_done() {
    let mut c = cluster();
    c.accepted = true;
    c.meta.finalizers = vec![RESOURCE_FINALIZER.into(), API_RESOURCE_FINALIZER.into()];
    c.meta.labels = c.meta.labels.with(names::LABEL_CLUSTER_SET, "other");
    c.conditions = vec![
        accepted_condition(),
        conditions::condition(CONDITION_AVAILABLE, conditions::TRUE, "R", ""),
    ];
    let plan = Case::new(Some(c)).prepared().plan();
    assert_eq!(plan.cluster, None);
    assert_eq!(plan.conditions, None);
    assert!(plan.remove.is_empty() && plan.clear.is_empty() && !plan.release_work_binding);
}

#[test]
fn registration_08_denial_without_works_is_immediate() {
    let mut c = cluster();
    c.conditions = vec![accepted_condition()];
    let plan = Case::new(Some(c)).prepared().plan();
    let removed: Vec<&str> = plan.remove.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        removed,
        [
            "open-cluster-management:managedcluster:c1:registration",
            "open-cluster-management:managedcluster:c1:work"
        ]
    );
    assert_eq!(plan.keep[0].body["rules"].as_array().unwrap().len(), 1);
    assert!(plan.release_work_binding);
    let condition = &plan.conditions.unwrap()[0];
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_str()),
        ("False", "HubClusterAdminDenied")
    );
}

/// Its agent writes the status too: what it says there saves nothing.
#[test]
fn registration_08_denial_rests_on_the_spec_not_on_the_status() {
    let error = conditions::condition(CONDITION_ACCEPTED, conditions::FALSE, "Error", "e");
    for conditions in [Vec::new(), vec![error]] {
        let mut c = cluster();
        c.conditions = conditions;
        let plan = Case::new(Some(c)).prepared().plan();
        assert_eq!(plan.remove.len(), 2);
        assert_eq!(plan.keep[0].body["rules"].as_array().unwrap().len(), 1);
        assert_eq!(plan.conditions.unwrap()[0].reason, "HubClusterAdminDenied");
    }
    // All done: the role that lets it read itself stays, and nothing is written.
    let mut c = cluster();
    c.conditions = vec![conditions::condition(
        CONDITION_ACCEPTED,
        conditions::FALSE,
        "HubClusterAdminDenied",
        "Denied by hub cluster admin",
    )];
    let mut case = Case::new(Some(c)).prepared();
    case.present.retain(|present| present.namespace.is_empty());
    let plan = case.plan();
    assert!(plan.remove.is_empty() && plan.conditions.is_none());
}

#[test]
fn registration_09_denial_waits_for_works() {
    let mut c = cluster();
    c.conditions = vec![accepted_condition()];
    let mut case = Case::new(Some(c)).prepared();
    case.works = vec![remainder("w", 0, false)];
    let plan = case.plan();
    assert_eq!(plan.remove.len(), 2);
    assert!(!plan.release_work_binding);
    assert_eq!(plan.conditions, None);
    assert!(plan.clear.is_empty(), "denial deletes no works");
}

#[test]
fn registration_10_a_denied_cluster_keeps_its_own_label() {
    let mut c = cluster();
    c.conditions = vec![accepted_condition()];
    let plan = Case::new(Some(c)).prepared().plan();
    assert!(
        plan.keep
            .iter()
            .all(|wanted| wanted.labels[names::LABEL_CLUSTER_NAME] == "c1")
    );
}

#[test]
fn a_cluster_that_never_was_accepted_is_not_denied() {
    let plan = Case::new(Some(cluster())).plan();
    assert!(plan.keep.is_empty() && plan.conditions.is_none());
}

#[test]
fn registration_22_auto_approval_accepts_once() {
    let mut case = Case::new(Some(cluster()));
    case.settings.auto_approval = true;
    let patch = case.plan().cluster.unwrap();
    assert_eq!(patch["spec"]["hubAcceptsClient"], true);
    assert_eq!(
        patch["metadata"]["annotations"][AUTO_ACCEPTED_ANNOTATION],
        "2026-01-02T03:04:05Z"
    );
    // Denied by hand later: the marker keeps it denied.
    let mut denied = cluster();
    denied
        .annotations
        .insert(AUTO_ACCEPTED_ANNOTATION.into(), "t".into());
    case.cluster = Some(denied);
    let patch = case.plan().cluster.unwrap();
    assert_eq!(patch["spec"].get("hubAcceptsClient"), None);
    // Denied by hand before the gate was on: as well, without a marker.
    let mut denied = cluster();
    denied.conditions = vec![conditions::condition(
        CONDITION_ACCEPTED,
        conditions::FALSE,
        "HubClusterAdminDenied",
        "Denied by hub cluster admin",
    )];
    case.cluster = Some(denied);
    let patch = case.plan().cluster.unwrap();
    assert_eq!(patch["spec"].get("hubAcceptsClient"), None);
    assert_eq!(patch["metadata"].get("annotations"), None);
    // No name of a system's is accepted, nor marked as if.
    case.cluster = Some(cluster());
    let patch = case.plan_for("kube-system").cluster.unwrap();
    assert_eq!(patch["spec"].get("hubAcceptsClient"), None);
}

#[test]
fn auto_approval_with_a_list_is_for_clusters_of_those_on_it() {
    let mut case = Case::new(Some(cluster()));
    case.settings.auto_approval = true;
    let accepted = |case: &Case| {
        let patch = case.plan().cluster.unwrap();
        patch["spec"].get("hubAcceptsClient").is_some()
    };
    assert!(accepted(&case), "without a list anybody's are");
    case.settings.auto_approved_users.insert("boot".into());
    assert!(!accepted(&case), "nobody knows who created it");
    for (creator, expected) in [("boot", true), ("eve", false)] {
        let annotations = &mut case.cluster.as_mut().unwrap().annotations;
        annotations.insert(names::ANNOTATION_CREATED_BY.into(), creator.into());
        assert_eq!(accepted(&case), expected, "{creator}");
    }
}

#[test]
fn registration_23_addons_go_first_then_works_by_priority() {
    let mut c = cluster();
    c.meta.deleting = true;
    c.meta.finalizers = vec![RESOURCE_FINALIZER.into(), API_RESOURCE_FINALIZER.into()];
    let mut case = Case::new(Some(c)).prepared();
    case.addons = vec![remainder("addon", 0, false)];
    case.works = vec![
        remainder("late", 50, false),
        remainder("first", 0, false),
        remainder("going", 0, true),
    ];
    let plan = case.plan();
    assert_eq!(names_of(&plan.clear), ["addon"]);
    assert_eq!(plan.clear[0].0, Remaining::Addons);
    assert_eq!(
        plan.conditions.unwrap()[0].message,
        "The resource managedclusteraddons is remaning, the remaining count is 1, the finalizer pending count is 0"
    );
    case.addons.clear();
    let plan = case.plan();
    assert_eq!(names_of(&plan.clear), ["first"]);
    assert_eq!(plan.finalizers, None);
    assert_eq!(
        plan.conditions.unwrap()[0].message,
        "The resource manifestworks is remaning, the remaining count is 3, the finalizer pending count is 1"
    );
    case.works.retain(|(key, _)| key.name == "late");
    assert_eq!(names_of(&case.plan().clear), ["late"]);
}

#[test]
fn registration_24_a_deleted_cluster_loses_its_rights_at_once() {
    let mut c = cluster();
    c.meta.deleting = true;
    c.meta.finalizers = vec![RESOURCE_FINALIZER.into(), API_RESOURCE_FINALIZER.into()];
    let mut case = Case::new(Some(c)).prepared();
    case.works = vec![remainder("w", 0, false)];
    let plan = case.plan();
    assert_eq!(plan.remove.len(), 4);
    assert!(!plan.release_work_binding, "it goes with the last work");
    case.works.clear();
    assert!(case.plan().release_work_binding);
}

#[test]
fn registration_25_the_finalizers_go_when_nothing_is_left() {
    let mut c = cluster();
    c.meta.deleting = true;
    c.meta.finalizers = vec![
        "foreign".into(),
        RESOURCE_FINALIZER.into(),
        API_RESOURCE_FINALIZER.into(),
    ];
    let plan = Case::new(Some(c)).plan();
    assert_eq!(plan.finalizers.unwrap(), ["foreign"]);
    let condition = &plan.conditions.unwrap()[0];
    assert_eq!(
        (
            condition.status.as_str(),
            condition.reason.as_str(),
            condition.message.as_str()
        ),
        ("True", "NoResource", "No cleaned resource in cluster ns.")
    );
    assert_eq!(plan.namespace, None, "the namespace is left alone");
}

#[test]
fn registration_25_a_cluster_that_is_gone_leaves_no_rights() {
    let mut case = Case::new(None).prepared();
    let plan = case.plan();
    assert_eq!(plan.remove.len(), 4);
    assert!(plan.release_work_binding);
    case.present.clear();
    case.works = vec![remainder("w", 0, false)];
    assert_eq!(
        case.plan(),
        Plan::default(),
        "works in a namespace that was never ours are left alone"
    );
}

#[test]
fn registration_36_the_group_of_all_agents_is_no_cluster() {
    let mut c = cluster();
    c.accepted = true;
    let case = Case::new(Some(c));
    for name in [
        "managed-clusters",
        "a.b",
        "kube-system",
        "default",
        "open-cluster-management-agent-addon",
    ] {
        let plan = case.plan_for(name);
        assert!(plan.keep.is_empty() && plan.namespace.is_none(), "{name}");
        assert_eq!(plan.conditions.unwrap()[0].reason, "Error");
    }
    assert_eq!(case.plan_for("fine").keep.len(), 4);
}

#[test]
fn registration_11_a_denied_cluster_that_is_accepted_again_gets_all_back() {
    let mut c = cluster();
    c.accepted = true;
    c.conditions = vec![conditions::condition(
        CONDITION_ACCEPTED,
        conditions::FALSE,
        "HubClusterAdminDenied",
        "Denied by hub cluster admin",
    )];
    let mut case = Case::new(Some(c)).prepared();
    for present in &mut case.present {
        present.deleting = true;
    }
    let plan = case.plan();
    assert_eq!(plan.keep.len(), 4);
    assert!(plan.release_work_binding, "the old binding must go first");
    assert!(conditions::is_true(
        &plan.conditions.unwrap(),
        CONDITION_ACCEPTED
    ));
}
