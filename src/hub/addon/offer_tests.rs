use serde_json::{Value, json};

use super::*;

const ADDON: &str = "addon.open-cluster-management.io";

fn offer(spec: &Value) -> ClusterManagementAddOn {
    serde_json::from_value(json!({"metadata": {"name": "a", "uid": "u"}, "spec": spec})).unwrap()
}

fn by_placement(strategy: &Value) -> ClusterManagementAddOn {
    offer(&json!({
        "supportedConfigs": [{"group": ADDON, "resource": "addondeploymentconfigs",
            "defaultConfig": {"namespace": "n", "name": "c"}}],
        "installStrategy": {"type": "Placements", "placements": [
            {"namespace": "n", "name": "p", "rolloutStrategy": strategy}]},
    }))
}

fn placed(clusters: &[&str]) -> Vec<Option<Vec<Group>>> {
    vec![Some(vec![Group {
        clusters: clusters.iter().map(|&c| c.to_owned()).collect(),
        ..Group::default()
    }])]
}

/// An installation that has `desired` and has applied `applied`.
fn addon(desired: &str, applied: &str) -> Arc<ManagedClusterAddOn> {
    let config = |hash: &str| json!({"namespace": "n", "name": "c", "specHash": hash});
    Arc::new(
        serde_json::from_value(json!({"metadata": {"name": "a"}, "status": {
            "configReferences": [{"group": ADDON, "resource": "addondeploymentconfigs",
                "namespace": "n", "name": "c",
                "desiredConfig": config(desired), "lastAppliedConfig": config(applied)}],
        }}))
        .unwrap(),
    )
}

fn plan(
    offer: &ClusterManagementAddOn,
    placements: &[Option<Vec<Group>>],
    addons: &[(&str, Arc<ManagedClusterAddOn>)],
) -> Plan {
    let addons = addons
        .iter()
        .map(|(cluster, addon)| ((*cluster).to_owned(), Arc::clone(addon)))
        .collect();
    decide(&Seen {
        offer,
        placements,
        addons: &addons,
        hash: &|_| SpecHash::Known("new".into()),
        now: Timestamp::now(),
    })
}

fn turns(plan: &Plan) -> Vec<&str> {
    let turns = plan.assignments.iter().filter(|(_, a)| a.turn);
    turns.map(|(cluster, _)| cluster.as_str()).collect()
}

fn told(plan: &Plan) -> (&str, &str) {
    let condition = &plan.status.install_progressions[0].conditions[0];
    (&condition.reason, &condition.message)
}

#[test]
fn addon_18_installations_follow_the_decisions() {
    let offer = by_placement(&json!({}));
    let found = plan(&offer, &placed(&["c2"]), &[("c1", addon("new", "new"))]);
    assert_eq!(found.create, BTreeSet::from(["c2".to_owned()]));
    assert_eq!(found.delete, BTreeSet::from(["c1".to_owned()]));
    // A placement that does not exist chose nothing.
    let found = plan(&offer, &[None], &[("c1", addon("new", "new"))]);
    assert!(found.create.is_empty() && found.delete.contains("c1"));
    let (_, message) = told(&found);
    assert!(
        message.ends_with("0 timeout. Placement n/p does not exist."),
        "{message}"
    );
    // By hand is by hand.
    let manual = self::offer(&json!({}));
    let found = plan(&manual, &[], &[("c1", addon("new", "new"))]);
    assert!(found.create.is_empty() && found.delete.is_empty());
    assert!(found.status.install_progressions.is_empty());
}

#[test]
fn addon_19_another_lifecycle_is_left_alone() {
    let mut offer = by_placement(&json!({}));
    assert!(is_managed(&offer));
    for (value, managed) in [("addon-manager", true), ("self", false), ("", false)] {
        let key = names::ANNOTATION_LIFECYCLE.to_owned();
        offer.metadata.annotations = Some([(key, value.to_owned())].into());
        assert_eq!(is_managed(&offer), managed, "{value:?}");
    }
}

#[test]
fn addon_20_a_change_is_progressing_until_it_is_applied() {
    let offer = by_placement(&json!({}));
    let placements = placed(&["c1"]);
    let found = plan(&offer, &placements, &[("c1", addon("old", "old"))]);
    assert_eq!(turns(&found), ["c1"]);
    assert_eq!(
        told(&found),
        (
            "Progressing",
            "selected clusters 1. configured addons 0/1 progressing..., 0 failed 0 timeout."
        )
    );
    let found = plan(&offer, &placements, &[("c1", addon("new", "new"))]);
    assert_eq!(
        told(&found),
        (
            "Completed",
            "selected clusters 1. configured addons 1/1 completed with no errors, 0 failed 0 timeout."
        )
    );
    let reference = &found.status.install_progressions[0].config_references[0];
    assert_eq!(reference.last_applied_config, reference.desired_config);
    assert_eq!(reference.desired_config.as_ref().unwrap().spec_hash, "new");
}

#[test]
fn addon_22_one_cluster_at_a_time() {
    let offer = by_placement(&json!({"type": "Progressive", "progressive": {"maxConcurrency": 1}}));
    let placements = placed(&["c1", "c2"]);
    let turn = |one: Arc<ManagedClusterAddOn>| {
        let found = plan(
            &offer,
            &placements,
            &[("c1", one), ("c2", addon("old", "old"))],
        );
        found.assignments["c2"].turn
    };
    assert!(!turn(addon("old", "old")));
    assert!(!turn(addon("new", "old")), "told is not applied");
    assert!(turn(addon("new", "new")));
}

#[test]
fn a_strategy_that_cannot_be_read_moves_nothing_and_says_so() {
    let offer =
        by_placement(&json!({"type": "Progressive", "progressive": {"maxConcurrency": "x"}}));
    let found = plan(&offer, &placed(&["c1"]), &[("c1", addon("old", "old"))]);
    assert!(turns(&found).is_empty());
    let (reason, message) = told(&found);
    assert_eq!(reason, "Progressing");
    assert!(
        message.contains("rolloutStrategy: maxConcurrency"),
        "{message}"
    );
}
