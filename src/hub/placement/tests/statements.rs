//! The statements.

use super::*;

const NO_MATCH: &str = "No ManagedCluster matches any of the cluster predicate";

#[test]
fn placement_01_without_bindings_one_empty_decision() {
    let mut bed = Bed::empty();
    bed.clusters(&["c1"]);
    bed.placement("p", json!({}));
    let (outcome, changes) = bed.settle("p", noon());
    assert_eq!(
        reason(&outcome),
        (
            false,
            "NoManagedClusterSetBindings",
            "No valid ManagedClusterSetBindings found in placement namespace"
        )
    );
    assert_eq!(changes.create.len(), 1);
    assert_eq!(changes.create[0].name, "p-decision-1");
    assert!(changes.create[0].clusters.is_empty());
    let status = changes.status.unwrap();
    assert_eq!(status.number_of_selected_clusters, Some(0));
    assert_eq!(status.decision_groups[0].decisions, ["p-decision-1"]);
    assert_eq!(
        status.conditions[0].message,
        "Placement configurations check pass"
    );
    assert_eq!(status.conditions[0].reason, "Succeedconfigured");
}

#[test]
fn placement_02_the_wanted_set_is_not_bound() {
    let mut bed = Bed::new();
    bed.set("x", json!({}));
    bed.placement("p", json!({"clusterSets": ["x", "z"]}));
    assert_eq!(
        reason(&bed.schedule("p")),
        (
            false,
            "NoIntersection",
            "None of ManagedClusterSets [x,z] is bound to placement namespace"
        )
    );
}

#[test]
fn placement_03_sets_without_clusters() {
    let mut bed = Bed::new();
    bed.set("empty", json!({}));
    bed.bind("empty");
    bed.cluster(
        "c1",
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    );
    bed.placement("p", json!({}));
    assert_eq!(
        reason(&bed.schedule("p")),
        (
            false,
            "AllManagedClusterSetsEmpty",
            "All ManagedClusterSets [empty,global] have no member ManagedCluster"
        )
    );
}

#[test]
fn placement_03_members_that_all_go_are_none() {
    let mut bed = Bed::new();
    let going = json!({"metadata": {"deletionTimestamp": noon().to_string()}});
    for name in ["c1", "c2"] {
        bed.cluster(name, going.clone());
    }
    bed.clusters(&["c3"]);
    let prod =
        json!([{"requiredClusterSelector": {"labelSelector": {"matchLabels": {"env": "prod"}}}}]);
    bed.placement("p", json!({"predicates": prod}));
    assert_eq!(reason(&bed.schedule("p")).1, "NoManagedClusterMatched");
    bed.world.take_dirty();
    // It was not chosen, but it was the last.
    bed.cluster("c3", going);
    assert!(bed.world.take_dirty().contains(&key("p")));
    assert_eq!(reason(&bed.schedule("p")).1, "AllManagedClusterSetsEmpty");
}

#[test]
fn placement_04_equal_totals_are_taken_by_name() {
    let mut bed = Bed::new();
    bed.clusters(&["c3", "c1", "c2"]);
    bed.placement("p", json!({"numberOfClusters": 2}));
    let outcome = bed.schedule("p");
    assert_eq!(names(&outcome), ["c1", "c2"]);
    assert_eq!(
        reason(&outcome),
        (
            true,
            "AllDecisionsScheduled",
            "All cluster decisions scheduled"
        )
    );
    assert_eq!(outcome.scores, "c1:100 c2:100 c3:100 ");
}

#[test]
fn placement_05_fewer_fit_than_asked_for() {
    let mut bed = Bed::new();
    bed.clusters(&["c1", "c2", "c3"]);
    bed.placement("p", json!({"numberOfClusters": 5}));
    let outcome = bed.schedule("p");
    assert_eq!(names(&outcome), ["c1", "c2", "c3"]);
    assert_eq!(
        reason(&outcome),
        (
            false,
            "NotAllDecisionsScheduled",
            "2 cluster decisions unscheduled"
        )
    );
    bed.placement("none", json!({"numberOfClusters": 0}));
    assert_eq!(
        reason(&bed.schedule("none")),
        (false, "NoManagedClusterMatched", NO_MATCH)
    );
}

#[test]
fn placement_06_pages_of_a_hundred() {
    let mut bed = Bed::new();
    for number in 0..250 {
        bed.cluster(&format!("c{number:03}"), json!({}));
    }
    bed.placement("p", json!({}));
    let (outcome, changes) = bed.settle("p", noon());
    assert_eq!(outcome.selected, 250);
    let pages: Vec<(&str, usize, &str, usize)> = changes
        .create
        .iter()
        .map(|page| {
            (
                page.name.as_str(),
                page.clusters.len(),
                page.group_name.as_str(),
                page.group_index,
            )
        })
        .collect();
    assert_eq!(
        pages,
        [
            ("p-decision-1", 100, "", 0),
            ("p-decision-2", 100, "", 0),
            ("p-decision-3", 50, "", 0)
        ]
    );
    assert_eq!(&*changes.create[1].clusters[0], "c100");
    assert!(bed.settle("p", noon()).1.create.is_empty());
}

#[test]
fn placement_07_groups_are_cut_in_chunks() {
    let mut bed = Bed::new();
    for name in ["c1", "c2", "c4"] {
        bed.cluster(name, labels(json!({"stage": "canary"})));
    }
    bed.cluster("c3", json!({}));
    bed.placement(
        "p",
        json!({"decisionStrategy": {"groupStrategy": {
            "clustersPerDecisionGroup": 2,
            "decisionGroups": [{"groupName": "canary", "groupClusterSelector":
                {"labelSelector": {"matchLabels": {"stage": "canary"}}}}],
        }}}),
    );
    let groups = bed.schedule("p").groups;
    let groups: Vec<(&str, Vec<&str>)> = groups
        .iter()
        .map(|group| {
            (
                group.name.as_str(),
                group.clusters.iter().map(|c| &**c).collect(),
            )
        })
        .collect();
    assert_eq!(
        groups,
        [
            ("canary", vec!["c1", "c2"]),
            ("canary", vec!["c4"]),
            ("", vec!["c3"])
        ]
    );
    let (_, changes) = bed.settle("p", noon());
    let indices: Vec<usize> = changes.create.iter().map(|page| page.group_index).collect();
    assert_eq!(indices, [0, 1, 2]);
    // A percentage rounds up: 30 % of 4 are 2.
    bed.placement(
        "q",
        json!({"decisionStrategy": {"groupStrategy": {"clustersPerDecisionGroup": "30%"}}}),
    );
    assert_eq!(bed.schedule("q").groups.len(), 2);
}

#[test]
fn placement_07_a_wrong_group_selector_keeps_the_groups_before_it() {
    let mut bed = Bed::new();
    bed.cluster("c1", labels(json!({"a": "b"})));
    bed.cluster("c2", json!({}));
    let group = |name: &str, operator: &str| {
        json!({"groupName": name, "groupClusterSelector":
        {"labelSelector": {"matchExpressions": [{"key": "a", "operator": operator}]}}})
    };
    bed.placement(
        "p",
        json!({"decisionStrategy": {"groupStrategy": {
        "decisionGroups": [group("first", "Exists"), group("wrong", "Gt")]}}}),
    );
    let outcome = bed.schedule("p");
    assert_eq!(names(&outcome), ["c1"]);
    assert_eq!(outcome.selected, 2);
    assert!(outcome.misconfigured.unwrap().contains("Gt"));
}

fn tainted(effect: &str, since: i64) -> Value {
    json!({"spec": {"taints": [{"key": "gpu", "value": "no", "effect": effect,
        "timeAdded": at(since).to_string()}]}})
}

#[test]
fn placement_08_a_toleration_ends() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    bed.placement(
        "p",
        json!({"tolerations": [
        {"key": "gpu", "operator": "Exists", "tolerationSeconds": 60}]}),
    );
    bed.settle("p", at(-60));
    bed.cluster("c1", tainted("NoSelect", -30));
    let (outcome, _) = bed.settle("p", noon());
    assert_eq!(names(&outcome), ["c1"]);
    assert_eq!(outcome.again.unwrap().as_secs(), 30);
    let (outcome, changes) = bed.settle("p", at(30));
    assert!(names(&outcome).is_empty());
    assert_eq!(outcome.again, None);
    assert_eq!(changes.update.len(), 1);
}

#[test]
fn placement_08_a_taint_without_a_time_counts_from_when_it_was_seen() {
    let mut bed = Bed::new();
    let taint = json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSelect"}]}});
    // What it said before does not count, or equal states had unequal decisions.
    let timed = json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSelect",
        "timeAdded": at(-70).to_string()}]}});
    bed.cluster_at("c1", timed, at(-70));
    bed.cluster_at("c1", taint.clone(), at(-50));
    // Anything else changes.
    bed.cluster_at(
        "c1",
        json!({"spec": taint["spec"], "metadata": {"labels": {"a": "b"}}}),
        noon(),
    );
    bed.placement(
        "p",
        json!({"tolerations": [{"operator": "Exists", "tolerationSeconds": 60}]}),
    );
    assert_eq!(bed.schedule("p").again.unwrap().as_secs(), 10);
}

#[test]
fn placement_09_only_new_decisions_are_refused() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    bed.placement("old", json!({}));
    bed.settle("old", noon());
    bed.cluster("c1", tainted("NoSelectIfNew", 0));
    bed.placement("new", json!({}));
    assert_eq!(names(&bed.schedule("old")), ["c1"]);
    assert_eq!(
        reason(&bed.schedule("new")),
        (false, "NoManagedClusterMatched", NO_MATCH)
    );
    bed.cluster("c1", tainted("PreferNoSelect", 0));
    assert_eq!(names(&bed.schedule("new")), ["c1"]);
}

#[test]
fn placement_10_wrong_tolerations_empty_the_decisions() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    bed.placement("p", json!({}));
    bed.settle("p", noon());
    for (toleration, message) in [
        (
            json!({"operator": "Equal"}),
            "If the key is empty, operator must be Exists.",
        ),
        (
            json!({"key": "a", "operator": "Exists", "value": "b"}),
            "If the operator is Exists, the value should be empty.",
        ),
    ] {
        bed.placement("p", json!({"tolerations": [toleration]}));
        let outcome = bed.schedule("p");
        assert_eq!(
            outcome.misconfigured.as_deref(),
            Some(&*format!("TaintToleration:{message}"))
        );
        assert!(names(&outcome).is_empty());
        assert_eq!(
            reason(&outcome),
            (false, "NoManagedClusterMatched", NO_MATCH)
        );
    }
    // Nobody sees it while nothing can be chosen.
    bed.world.remove_cluster("c1");
    assert_eq!(bed.schedule("p").misconfigured, None);
}

fn resources(cpu: &str, memory: &str) -> Value {
    json!({"status": {"allocatable": {"cpu": cpu, "memory": memory},
                      "capacity": {"cpu": cpu, "memory": memory}}})
}

fn exact(built_in: &str) -> Value {
    json!({"prioritizerPolicy": {"mode": "Exact", "configurations":
        [{"scoreCoordinate": {"type": "BuiltIn", "builtIn": built_in}, "weight": 2}]}})
}

#[test]
fn placement_11_resources_are_scaled_between_the_extremes() {
    let mut bed = Bed::new();
    bed.cluster("c1", resources("4", "1Gi"));
    bed.cluster("c2", resources("8000m", "1Gi"));
    bed.cluster("c3", resources("12", "1Gi"));
    bed.cluster("c4", json!({"status": {"allocatable": {"cpu": "99"}}}));
    bed.placement("cpu", exact("ResourceAllocatableCPU"));
    assert_eq!(
        scores(&bed.explain("cpu"), "ResourceAllocatableCPU"),
        [-100, 0, 100, 0]
    );
    assert_eq!(bed.schedule("cpu").scores, "c1:-200 c2:0 c3:200 c4:0 ");
    bed.placement("memory", exact("ResourceAllocatableMemory"));
    assert_eq!(
        scores(&bed.explain("memory"), "ResourceAllocatableMemory"),
        [100, 100, 100, 0]
    );
}

#[test]
fn placement_12_balance_counts_other_decisions() {
    let mut bed = Bed::new();
    bed.clusters(&["c1", "c2", "c3"]);
    for (placement, clusters) in [
        ("a", vec!["c1", "c2"]),
        ("b", vec!["c2"]),
        ("p", vec!["c3", "c3"]),
    ] {
        let clusters: Vec<Arc<str>> = clusters.into_iter().map(Arc::from).collect();
        bed.decision(
            placement,
            &format!("{placement}-decision-1"),
            &clusters,
            0,
            "",
        );
    }
    bed.placement("p", json!({}));
    let explanation = bed.explain("p");
    assert_eq!(scores(&explanation, "Balance"), [0, -100, 100]);
    assert_eq!(scores(&explanation, "Steady"), [0, 0, 100]);
}

fn by_addon() -> Value {
    json!({"numberOfClusters": 1, "prioritizerPolicy": {"mode": "Exact", "configurations": [{"scoreCoordinate":
        {"type": "AddOn", "addOn": {"resourceName": "res", "scoreName": "speed"}}}]}})
}

#[test]
fn placement_13_expired_scores_count_nothing_and_are_told() {
    let mut bed = Bed::new();
    bed.clusters(&["c1", "c2", "c3"]);
    bed.score("c1", "res", speed(90, Some(-1)));
    bed.score("c2", "res", speed(80, Some(45)));
    bed.placement("p", by_addon());
    let explanation = bed.explain("p");
    assert_eq!(scores(&explanation, "AddOn/res/speed"), [0, 80, 0]);
    assert_eq!(names(&explanation.outcome), ["c2"]);
    let (plugin, warning) = explanation.outcome.warning.unwrap();
    assert_eq!(plugin, "AddOn/res/speed");
    assert_eq!(warning, "AddOnPlacementScores c1/res expired");
    // Told as long as it is so, whether a decision changes or not.
    assert_eq!(
        explanation.outcome.advice,
        ["AddOnPlacementScores c1/res expired"]
    );
    // No loop of retries: it is looked at again when the next score expires.
    assert_eq!(explanation.outcome.again.unwrap().as_secs(), 45);
    let later = bed.world.schedule(&key("p"), at(45)).unwrap();
    assert_eq!(
        later.warning.unwrap().1,
        "AddOnPlacementScores c1/res c2/res expired"
    );
    assert_eq!(later.again, None);
    for number in 10..17 {
        let name = format!("c{number}");
        bed.clusters(&[&name]);
        bed.score(&name, "res", speed(1, Some(-1)));
    }
    assert_eq!(
        bed.schedule("p").advice,
        ["AddOnPlacementScores c1/res c10/res c11/res c12/res c13/res and 3 more expired"]
    );
}

#[test]
fn placement_14_unknown_prioritizers_are_told() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    let addon =
        json!({"prioritizerPolicy": {"configurations": [{"scoreCoordinate": {"type": "AddOn"}}]}});
    for (spec, message) in [
        (exact("Spread"), ":incorrect builtin prioritizer: Spread"),
        (addon, ":addOn should not be empty"),
        (
            json!({"prioritizerPolicy": {"mode": "Best"}}),
            ":incorrect prioritizer policy mode: Best",
        ),
    ] {
        bed.placement("p", spec);
        let outcome = bed.schedule("p");
        assert_eq!(outcome.misconfigured.as_deref(), Some(message));
        assert_eq!(outcome.selected, 0);
    }
}

#[test]
fn placement_16_disabled_placements_are_left_alone() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    bed.placement_with("p", json!({"metadata": {"annotations": {
        "cluster.open-cluster-management.io/experimental-scheduling-disable": "true"}}, "spec": {}}));
    assert_eq!(bed.world.schedule(&key("p"), noon()), None);
}

#[test]
fn placement_17_surplus_decisions_are_deleted() {
    let mut bed = Bed::new();
    for number in 0..250 {
        bed.cluster(&format!("c{number:03}"), json!({}));
    }
    bed.placement("p", json!({}));
    bed.settle("p", noon());
    bed.placement("p", json!({"numberOfClusters": 3}));
    let (_, changes) = bed.settle("p", noon());
    assert_eq!(changes.delete, ["p-decision-2", "p-decision-3"]);
    assert_eq!(changes.update.len(), 1);
    let status = changes.status.unwrap();
    assert_eq!(status.decision_groups.len(), 1);
    assert_eq!(status.number_of_selected_clusters, Some(3));
}

#[test]
fn selectors_choose_by_labels_and_claims_and_tell_why_not() {
    let mut bed = Bed::new();
    bed.cluster(
        "c1",
        json!({"metadata": {"labels": {"env": "prod"}},
        "status": {"clusterClaims": [{"name": "region", "value": "eu"}]}}),
    );
    bed.cluster("c2", labels(json!({"env": "dev"})));
    bed.cluster("c3", labels(json!({"env": "prod"})));
    bed.placement("p", json!({"predicates": [{"requiredClusterSelector": {
        "labelSelector": {"matchLabels": {"env": "prod"}},
        "claimSelector": {"matchExpressions": [{"key": "region", "operator": "In", "values": ["eu", "us"]}]},
    }}]}));
    let explanation = bed.explain("p");
    assert_eq!(names(&explanation.outcome), ["c1"]);
    assert_eq!(
        explanation.clusters[1].1,
        Why::Predicate("label env is \"dev\", not \"prod\"".into())
    );
    assert_eq!(
        explanation.clusters[2].1,
        Why::Predicate("claim region is missing, not in (eu,us)".into())
    );
    // Predicates are alternatives.
    bed.placement(
        "p",
        json!({"predicates": [
            {"requiredClusterSelector": {"labelSelector": {"matchLabels": {"env": "dev"}}}},
            {"requiredClusterSelector": {"labelSelector": {"matchLabels": {"env": "prod"}}}},
        ]}),
    );
    assert_eq!(bed.schedule("p").selected, 3);
    for wrong in [
        json!({"matchExpressions": [{"key": "env", "operator": "Gt", "values": ["1"]}]}),
        json!({"matchLabels": {"env": "not a value"}}),
        json!({"matchLabels": {"/env": "x"}}),
    ] {
        bed.placement(
            "p",
            json!({"predicates": [{"requiredClusterSelector": {"labelSelector": wrong}}]}),
        );
        let outcome = bed.schedule("p");
        assert!(outcome.misconfigured.unwrap().starts_with("Predicate:"));
        assert_eq!(outcome.selected, 0);
    }
}

#[test]
fn spread_is_kept_where_it_must_and_preferred_where_it_may() {
    let mut bed = Bed::new();
    for (name, zone) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")] {
        bed.cluster(name, labels(json!({"zone": zone})));
    }
    bed.cluster("nowhere", json!({}));
    let spec = |action: &str, number: i64| {
        json!({"numberOfClusters": number, "spreadPolicy": {"spreadConstraints": [
        {"topologyKey": "zone", "topologyKeyType": "Label", "maxSkew": 1, "whenUnsatisfiable": action}]}})
    };
    bed.placement("p", spec("ScheduleAnyway", 2));
    assert_eq!(names(&bed.schedule("p")), ["a1", "b1"]);
    bed.placement("p", spec("ScheduleAnyway", 4));
    assert_eq!(names(&bed.schedule("p")), ["a1", "a2", "a3", "b1"]);
    bed.placement("p", spec("DoNotSchedule", 4));
    let outcome = bed.schedule("p");
    assert_eq!(names(&outcome), ["a1", "a2", "b1"]);
    assert_eq!(outcome.satisfied.2, "1 cluster decisions unscheduled");
    assert!(outcome.advice[0].contains("zone"), "{:?}", outcome.advice);
}

#[test]
fn what_cannot_be_as_meant_is_advised() {
    let mut bed = Bed::new();
    bed.clusters(&["c1"]);
    let group = |name: &str| json!({"groupName": name, "groupClusterSelector": {}});
    bed.placement(
        "p",
        json!({"scoreRateLimit": "5m", "decisionStrategy": {"groupStrategy": {
        "decisionGroups": [group("aa"), group("aa")]}}}),
    );
    let (_, changes) = bed.settle("p", noon());
    let status = changes.status.unwrap();
    let advice = status
        .conditions
        .iter()
        .find(|c| c.type_ == decide::CONDITION_ADVICE)
        .unwrap();
    assert!(advice.message.contains("5m") && advice.message.contains("\"aa\" is there twice"));
}

#[test]
fn a_name_that_is_no_label_value_is_told_and_has_no_decisions() {
    let long = "p".repeat(64);
    for mut bed in [Bed::new(), Bed::empty()] {
        bed.clusters(&["c1"]);
        bed.placement(&long, json!({}));
        let (outcome, changes) = bed.settle(&long, noon());
        let error = outcome.misconfigured.unwrap();
        assert!(error.contains("64 characters"), "{error}");
        assert_eq!(changes.create, []);
        let status = changes.status.unwrap();
        let condition = status.conditions.iter().find(|c| c.message == error);
        assert_eq!(condition.unwrap().type_, "PlacementMisconfigured");
        assert_eq!(status.number_of_selected_clusters, Some(0));
        let wanted = placement_of(&bed, &long, status);
        bed.world.note_placement(&wanted);
        assert!(bed.settle(&long, noon()).1.is_empty());
    }
}

/// The placement with that status.
fn placement_of(
    bed: &Bed,
    name: &str,
    status: crate::ocm::cluster::v1beta1::PlacementStatus,
) -> Arc<Placement> {
    let placement = bed.world.placement(&key(name)).unwrap();
    Arc::new(Placement {
        status,
        ..(*placement).clone()
    })
}

#[test]
fn every_cluster_has_a_reason_when_the_placement_is_misconfigured() {
    let mut bed = Bed::empty();
    bed.set("s", json!({}));
    bed.bind("s");
    let inside = labels(json!({"cluster.open-cluster-management.io/clusterset": "s"}));
    let mut tainted = tainted("NoSelect", 0);
    merge(&mut tainted, inside.clone());
    let mut other = labels(json!({"env": "dev"}));
    merge(&mut other, inside.clone());
    bed.clusters(&["outside"]);
    bed.cluster("c1", inside);
    bed.cluster("c2", tainted);
    bed.cluster("c3", other);
    let not_dev = json!([{"requiredClusterSelector": {"labelSelector":
        {"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}}}]);
    for (spec, not_scored) in [
        (exact("Spread"), vec!["c1"]),
        (json!({"tolerations": [{}]}), vec!["c1", "c2"]),
    ] {
        let mut spec = spec;
        spec["predicates"] = not_dev.clone();
        bed.placement("p", spec);
        let explanation = bed.explain("p");
        assert!(explanation.outcome.misconfigured.is_some());
        let names: Vec<&str> = explanation.clusters.iter().map(|(n, _)| &**n).collect();
        assert_eq!(names, ["c1", "c2", "c3", "outside"]);
        let found: Vec<&str> = explanation
            .clusters
            .iter()
            .filter(|(_, why)| *why == Why::NotScored)
            .map(|(name, _)| &**name)
            .collect();
        assert_eq!(found, not_scored);
    }
    bed.placement("p", cel(&["1 +"]));
    let explanation = bed.explain("p");
    let not_scored = explanation.clusters.iter();
    assert_eq!(
        not_scored.filter(|(_, why)| *why == Why::NotScored).count(),
        3
    );
}

#[test]
fn a_toleration_that_ends_counts_also_for_who_is_not_chosen() {
    let mut bed = Bed::new();
    bed.cluster("c1", resources("4", "1Gi"));
    bed.cluster("c2", resources("8", "1Gi"));
    let mut tainted = tainted("NoSelect", 0);
    merge(&mut tainted, resources("1", "1Gi"));
    bed.cluster("c3", tainted);
    let mut spec = exact("ResourceAllocatableCPU");
    spec["numberOfClusters"] = 1.into();
    spec["tolerations"] = json!([{"operator": "Exists", "tolerationSeconds": 60}]);
    bed.placement("p", spec);
    let outcome = bed.schedule("p");
    assert_eq!(names(&outcome), ["c2"]);
    // Without c3, the least is another.
    assert_eq!(outcome.again.unwrap().as_secs(), 60);
}

#[test]
fn decisions_stand_in_the_order_of_scores_if_asked() {
    let mut bed = Bed::new();
    bed.cluster("c1", resources("1", "1Gi"));
    bed.cluster("c2", resources("9", "1Gi"));
    let mut spec = exact("ResourceAllocatableCPU");
    spec["sortBy"] = "Score".into();
    bed.placement("p", spec);
    assert_eq!(names(&bed.schedule("p")), ["c2", "c1"]);
}

#[test]
fn a_change_concerns_only_whom_it_concerns() {
    let mut bed = Bed::new();
    bed.cluster("c1", labels(json!({"env": "prod"})));
    bed.cluster("c2", labels(json!({"env": "dev"})));
    let by = |env: &str| {
        json!({"predicates": [{"requiredClusterSelector":
        {"labelSelector": {"matchLabels": {"env": env}}}}]})
    };
    bed.placement("prod", by("prod"));
    bed.placement("dev", by("dev"));
    bed.placement("cpu", exact("ResourceAllocatableCPU"));
    bed.world.take_dirty();
    let dirty = |bed: &mut Bed| -> Vec<String> {
        bed.world
            .take_dirty()
            .into_iter()
            .map(|key| key.name)
            .collect()
    };
    bed.cluster("c1", labels(json!({"env": "prod", "other": "x"})));
    assert!(dirty(&mut bed).is_empty());
    bed.cluster("c1", labels(json!({"env": "dev", "other": "x"})));
    assert_eq!(dirty(&mut bed), ["dev", "prod"]);
    let mut with_cpu = labels(json!({"env": "dev", "other": "x"}));
    with_cpu["status"] = json!({"allocatable": {"cpu": "3"}, "capacity": {"cpu": "3"}});
    bed.cluster("c1", with_cpu);
    assert_eq!(dirty(&mut bed), ["cpu"]);
    bed.cluster("c3", labels(json!({"env": "none"})));
    assert_eq!(dirty(&mut bed), ["cpu"]);
    bed.world.remove_cluster("c2");
    assert_eq!(dirty(&mut bed), ["cpu", "dev"]);
    bed.set(
        "global",
        json!({"selectorType": "LabelSelector", "labelSelector": {}}),
    );
    assert!(dirty(&mut bed).is_empty());
    bed.world.remove_set("global");
    assert_eq!(dirty(&mut bed), ["cpu", "dev", "prod"]);
}
