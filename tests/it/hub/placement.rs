//! Placements on an API server: what the controller writes, and that changes
//! reach it. (What is decided is tested purely, in `src/hub/placement/tests`.)

use serde_json::{Value, json};

use super::support::{Hub, condition};
use crate::harness::{eventually, until};

const GROUP_NAME: &str = "cluster.open-cluster-management.io/decision-group-name";
const GROUP_INDEX: &str = "cluster.open-cluster-management.io/decision-group-index";

/// A hub whose placement controller runs, with the set `global`. Registration
/// has stopped: it would taint clusters that no agent speaks for.
async fn bed() -> Hub {
    let mut hub = Hub::start().await;
    until("the set global", || async {
        let set = hub.side.get("ManagedClusterSet", "", "global").await;
        set.is_some()
    })
    .await;
    hub.only_placement();
    hub
}

async fn bind(hub: &Hub, set: &str) {
    hub.side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta2",
            "kind": "ManagedClusterSetBinding",
            "metadata": {"name": set, "namespace": "default"}, "spec": {"clusterSet": set},
        }))
        .await;
}

async fn cluster(hub: &Hub, name: &str, labels: Value) {
    hub.side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": {"name": name, "labels": labels}, "spec": {"hubAcceptsClient": false},
        }))
        .await;
}

async fn placement(hub: &Hub, name: &str, spec: Value) {
    hub.side
        .create(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        }))
        .await;
}

async fn respec(hub: &Hub, name: &str, spec: Value) {
    hub.side
        .merge("Placement", "default", name, json!({"spec": spec}))
        .await;
}

/// Names, groups and clusters of a placement's decisions, in order.
async fn decisions(hub: &Hub, placement: &str) -> Vec<(String, String, String, Vec<String>)> {
    let mut found: Vec<Value> = hub
        .side
        .list("PlacementDecision", "default")
        .await
        .into_iter()
        .filter(|d| {
            d["metadata"]["labels"]["cluster.open-cluster-management.io/placement"] == placement
        })
        .collect();
    found.sort_by_key(|d| {
        let name = d["metadata"]["name"].as_str().unwrap().to_owned();
        (name.len(), name)
    });
    let text = |value: &Value| value.as_str().unwrap_or("absent").to_owned();
    found
        .iter()
        .map(|decision| {
            let labels = &decision["metadata"]["labels"];
            let clusters = decision["status"]["decisions"]
                .as_array()
                .into_iter()
                .flatten();
            (
                text(&decision["metadata"]["name"]),
                text(&labels[GROUP_NAME]),
                text(&labels[GROUP_INDEX]),
                clusters.map(|one| text(&one["clusterName"])).collect(),
            )
        })
        .collect()
}

async fn chosen(hub: &Hub, placement: &str) -> Vec<String> {
    let decisions = decisions(hub, placement).await;
    decisions
        .into_iter()
        .flat_map(|(_, _, _, clusters)| clusters)
        .collect()
}

async fn becomes(hub: &Hub, placement: &str, wanted: &[&str]) {
    until(&format!("{placement} has {wanted:?}"), || async {
        !decisions(hub, placement).await.is_empty() && chosen(hub, placement).await == wanted
    })
    .await;
}

/// Waits for a reason of a condition; gives its message.
async fn told(hub: &Hub, placement: &str, kind: &str, status: &str, reason: &str) -> String {
    eventually(
        &format!("{placement}: {kind} {status} {reason}"),
        || async {
            let object = hub.side.get("Placement", "default", placement).await?;
            let found = condition(&object, kind)?;
            (found == (status.to_owned(), reason.to_owned())).then(|| {
                let conditions = object["status"]["conditions"].as_array().unwrap();
                let condition = conditions.iter().find(|c| c["type"] == kind).unwrap();
                condition["message"].as_str().unwrap().to_owned()
            })
        },
    )
    .await
}

const SATISFIED: &str = "PlacementSatisfied";
const MISCONFIGURED: &str = "PlacementMisconfigured";
const ADVICE: &str = "PlacementAdvice";

#[tokio::test]
async fn placement_01_02_03_why_nothing_can_be_chosen() {
    let hub = bed().await;
    placement(&hub, "p", json!({"clusterSets": ["x"]})).await;
    told(&hub, "p", SATISFIED, "False", "NoManagedClusterSetBindings").await;
    told(&hub, "p", MISCONFIGURED, "False", "Succeedconfigured").await;
    let empty = vec![(
        "p-decision-1".to_owned(),
        String::new(),
        "0".to_owned(),
        vec![],
    )];
    assert_eq!(decisions(&hub, "p").await, empty);
    let decision = hub
        .side
        .get("PlacementDecision", "default", "p-decision-1")
        .await
        .unwrap();
    let owner = &decision["metadata"]["ownerReferences"][0];
    assert_eq!(
        (owner["kind"].as_str(), owner["controller"].as_bool()),
        (Some("Placement"), Some(true))
    );
    bind(&hub, "global").await;
    let message = told(&hub, "p", SATISFIED, "False", "NoIntersection").await;
    assert_eq!(
        message,
        "None of ManagedClusterSets [x] is bound to placement namespace"
    );
    respec(&hub, "p", json!({"clusterSets": ["global"]})).await;
    let message = told(&hub, "p", SATISFIED, "False", "AllManagedClusterSetsEmpty").await;
    assert_eq!(
        message,
        "All ManagedClusterSets [global] have no member ManagedCluster"
    );
    cluster(&hub, "c1", json!({})).await;
    becomes(&hub, "p", &["c1"]).await;
    told(&hub, "p", SATISFIED, "True", "AllDecisionsScheduled").await;
    let object = hub.side.get("Placement", "default", "p").await.unwrap();
    assert_eq!(object["status"]["numberOfSelectedClusters"], 1);
    // Events come last.
    until("the events", || async {
        let events = hub.side.list("Event", "default").await;
        let has = |reason: &str, note: &str| {
            events
                .iter()
                .any(|e| e["reason"] == reason && e["note"] == note)
        };
        has(
            "DecisionCreate",
            "Decision p-decision-1 is created with placement p in namespace default",
        ) && has(
            "DecisionUpdate",
            "Decision p-decision-1 is updated with placement p in namespace default",
        ) && has("ScoreUpdate", "c1:100 ")
    })
    .await;
}

#[tokio::test]
async fn placement_04_05_16_numbers_labels_and_a_stop() {
    let hub = bed().await;
    bind(&hub, "global").await;
    for name in ["c1", "c2", "c3"] {
        cluster(&hub, name, json!({"env": "prod"})).await;
    }
    let by =
        json!([{"requiredClusterSelector": {"labelSelector": {"matchLabels": {"env": "prod"}}}}]);
    placement(&hub, "p", json!({"numberOfClusters": 2, "predicates": by})).await;
    becomes(&hub, "p", &["c1", "c2"]).await;
    respec(&hub, "p", json!({"numberOfClusters": 5})).await;
    becomes(&hub, "p", &["c1", "c2", "c3"]).await;
    let message = told(&hub, "p", SATISFIED, "False", "NotAllDecisionsScheduled").await;
    assert_eq!(message, "2 cluster decisions unscheduled");
    let label = |value: &str| json!({"metadata": {"labels": {"env": value}}});
    hub.side
        .merge("ManagedCluster", "", "c2", label("dev"))
        .await;
    becomes(&hub, "p", &["c1", "c3"]).await;
    // Disabled, it stays as it is; another placement shows that time went by.
    let disable = |value: Value| {
        json!({"metadata": {"annotations": {
        "cluster.open-cluster-management.io/experimental-scheduling-disable": value}}})
    };
    hub.side
        .merge("Placement", "default", "p", disable("true".into()))
        .await;
    placement(&hub, "other", json!({"predicates": by})).await;
    becomes(&hub, "other", &["c1", "c3"]).await;
    hub.side
        .merge("ManagedCluster", "", "c2", label("prod"))
        .await;
    becomes(&hub, "other", &["c1", "c2", "c3"]).await;
    assert_eq!(chosen(&hub, "p").await, ["c1", "c3"]);
    hub.side
        .merge("Placement", "default", "p", disable(Value::Null))
        .await;
    becomes(&hub, "p", &["c1", "c2", "c3"]).await;
    // What somebody else writes into decisions does not stay.
    hub.side
        .merge_status(
            "PlacementDecision",
            "default",
            "p-decision-1",
            json!({"status": {"decisions": []}}),
        )
        .await;
    becomes(&hub, "p", &["c1", "c2", "c3"]).await;
}

#[tokio::test]
async fn placement_06_07_17_pages_and_groups() {
    let hub = bed().await;
    bind(&hub, "global").await;
    for number in 0..250 {
        let canary = if number % 42 == 0 { "yes" } else { "no" };
        cluster(&hub, &format!("c{number:03}"), json!({"canary": canary})).await;
    }
    placement(&hub, "p", json!({})).await;
    let sizes = || async {
        let decisions = decisions(&hub, "p").await;
        let sizes = decisions.into_iter();
        sizes
            .map(|(name, group, index, clusters)| {
                format!("{name} {group}/{index} {}", clusters.len())
            })
            .collect::<Vec<_>>()
    };
    until("three pages", || async {
        let pages = [
            "p-decision-1 /0 100",
            "p-decision-2 /0 100",
            "p-decision-3 /0 50",
        ];
        sizes().await == pages
    })
    .await;
    let all = chosen(&hub, "p").await;
    assert!(all.is_sorted() && all.len() == 250, "{all:?}");
    let strategy = json!({"groupStrategy": {"clustersPerDecisionGroup": 4, "decisionGroups": [
        {"groupName": "canary", "groupClusterSelector": {"labelSelector": {"matchLabels": {"canary": "yes"}}}}]}});
    respec(&hub, "p", json!({"decisionStrategy": strategy})).await;
    // Six are canaries: a chunk of four and one of two.
    until("groups of four", || async {
        let sizes = sizes().await;
        sizes.len() == 63
            && sizes[0] == "p-decision-1 canary/0 4"
            && sizes[1] == "p-decision-2 canary/1 2"
            && sizes[2] == "p-decision-3 /2 4"
            && sizes[62] == "p-decision-63 /62 4"
    })
    .await;
    respec(
        &hub,
        "p",
        json!({"decisionStrategy": null, "numberOfClusters": 1}),
    )
    .await;
    until("one page", || async {
        sizes().await == ["p-decision-1 /0 1"]
    })
    .await;
    until("events of deletion", || async {
        let events = hub.side.list("Event", "default").await;
        let note = "Decision p-decision-63 is deleted with placement p in namespace default";
        events
            .iter()
            .any(|e| e["reason"] == "DecisionDelete" && e["note"] == note)
    })
    .await;
    // The status comes after the decisions.
    until("the groups in the status", || async {
        let object = hub.side.get("Placement", "default", "p").await.unwrap();
        let groups = object["status"]["decisionGroups"].as_array().unwrap();
        groups.len() == 1 && groups[0]["clusterCount"] == 1 && groups[0]["decisionGroupIndex"] == 0
    })
    .await;
}

#[tokio::test]
async fn placement_08_09_10_taints() {
    let hub = bed().await;
    bind(&hub, "global").await;
    cluster(&hub, "c1", json!({})).await;
    let tolerations = json!([{"key": "gone", "operator": "Exists", "tolerationSeconds": 3}]);
    placement(&hub, "p", json!({"tolerations": tolerations})).await;
    becomes(&hub, "p", &["c1"]).await;
    let taint = |effect: &str| json!({"spec": {"taints": [{"key": "new", "effect": effect}]}});
    hub.side
        .merge("ManagedCluster", "", "c1", taint("NoSelectIfNew"))
        .await;
    placement(&hub, "late", json!({})).await;
    told(&hub, "late", SATISFIED, "False", "NoManagedClusterMatched").await;
    assert_eq!(chosen(&hub, "p").await, ["c1"]);
    let now = jiff::Timestamp::now();
    hub.side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"taints": [
            {"key": "gone", "effect": "NoSelect", "timeAdded": format!("{now:.0}")}]}}),
        )
        .await;
    // Tolerated for a while, then not: only time changes.
    becomes(&hub, "p", &[]).await;
    let dropped = jiff::Timestamp::now();
    assert!(
        dropped.as_second() - now.as_second() >= 3,
        "dropped before its toleration ended"
    );
    hub.side
        .merge(
            "ManagedCluster",
            "",
            "c1",
            json!({"spec": {"taints": null}}),
        )
        .await;
    becomes(&hub, "p", &["c1"]).await;
    respec(&hub, "p", json!({"tolerations": [{"operator": "Equal"}]})).await;
    let message = told(&hub, "p", MISCONFIGURED, "True", "Misconfigured").await;
    assert_eq!(
        message,
        "TaintToleration:If the key is empty, operator must be Exists."
    );
    becomes(&hub, "p", &[]).await;
}

#[tokio::test]
async fn placement_11_12_13_14_scores() {
    let hub = bed().await;
    bind(&hub, "global").await;
    for (name, cpu) in [("c1", "4"), ("c2", "8"), ("c3", "12")] {
        cluster(&hub, name, json!({})).await;
        let cpu = json!({"status": {"allocatable": {"cpu": cpu}, "capacity": {"cpu": cpu}}});
        hub.side.merge_status("ManagedCluster", "", name, cpu).await;
    }
    let exact = |coordinate: Value| {
        json!({"numberOfClusters": 1, "prioritizerPolicy": {"mode": "Exact",
        "configurations": [{"scoreCoordinate": coordinate, "weight": 1}]}})
    };
    let built_in = |name: &str| exact(json!({"type": "BuiltIn", "builtIn": name}));
    placement(&hub, "cpu", built_in("ResourceAllocatableCPU")).await;
    becomes(&hub, "cpu", &["c3"]).await;
    // All have a decision but c2, which is neither first nor last by name.
    for name in ["c1", "c3"] {
        let mut spec = built_in("Steady");
        spec["predicates"] = json!([{"requiredClusterSelector": {"labelSelector":
            {"matchLabels": {"name": name}}}}]);
        let label = json!({"metadata": {"labels": {"name": name}}});
        hub.side.merge("ManagedCluster", "", name, label).await;
        placement(&hub, &format!("on-{name}"), spec).await;
        becomes(&hub, &format!("on-{name}"), &[name]).await;
    }
    placement(&hub, "balance", built_in("Balance")).await;
    becomes(&hub, "balance", &["c2"]).await;
    let by_speed =
        || exact(json!({"type": "AddOn", "addOn": {"resourceName": "res", "scoreName": "speed"}}));
    placement(&hub, "addon", by_speed()).await;
    becomes(&hub, "addon", &["c1"]).await;
    told(&hub, "addon", SATISFIED, "True", "AllDecisionsScheduled").await;
    for namespace in ["c1", "c2"] {
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        hub.side.create(object).await;
        hub.side
            .create(json!({"apiVersion": "cluster.open-cluster-management.io/v1alpha1",
                "kind": "AddOnPlacementScore", "metadata": {"name": "res", "namespace": namespace}}))
            .await;
    }
    let score = |value: i64, seconds: i64| {
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        json!({"status": {"scores": [{"name": "speed", "value": value}], "validUntil": format!("{until:.0}")}})
    };
    hub.side
        .merge_status("AddOnPlacementScore", "c1", "res", score(10, 3600))
        .await;
    hub.side
        .merge_status("AddOnPlacementScore", "c2", "res", score(50, 4))
        .await;
    becomes(&hub, "addon", &["c2"]).await;
    // The score of c2 expires.
    becomes(&hub, "addon", &["c1"]).await;
    until("a warning", || async {
        let events = hub.side.list("Event", "default").await;
        events.iter().any(|e| {
            e["type"] == "Warning"
                && e["note"].as_str().is_some_and(|note| {
                    note.ends_with(
                        ": AddOnPlacementScores c2/res expired in plugin AddOn/res/speed",
                    )
                })
        })
    })
    .await;
    let advice = "AddOnPlacementScores c2/res expired";
    let said = told(&hub, "addon", ADVICE, "True", "NotAsMeant").await;
    assert_eq!(said, advice);
    // One that had expired before the placement was there, and changes nothing.
    placement(&hub, "late", by_speed()).await;
    becomes(&hub, "late", &["c1"]).await;
    let said = told(&hub, "late", ADVICE, "True", "NotAsMeant").await;
    assert_eq!(said, advice);
    // Renewed, there is nothing to say.
    let renewed = score(50, 3600);
    hub.side
        .merge_status("AddOnPlacementScore", "c2", "res", renewed)
        .await;
    becomes(&hub, "late", &["c2"]).await;
    until("no advice", || async {
        let object = hub.side.get("Placement", "default", "late").await.unwrap();
        condition(&object, ADVICE).is_none()
    })
    .await;
    respec(&hub, "cpu", built_in("Spread")).await;
    let message = told(&hub, "cpu", MISCONFIGURED, "True", "Misconfigured").await;
    assert_eq!(message, ":incorrect builtin prioritizer: Spread");
}

#[tokio::test]
async fn placement_15_expressions() {
    let hub = bed().await;
    bind(&hub, "global").await;
    cluster(&hub, "c1", json!({"size": "3"})).await;
    cluster(&hub, "c2", json!({"size": "x"})).await;
    let cel = |text: &str| json!({"predicates": [{"requiredClusterSelector": {"celSelector": {"celExpressions": [text]}}}]});
    placement(
        &hub,
        "p",
        cel("int(managedCluster.metadata.labels.size) > 2"),
    )
    .await;
    becomes(&hub, "p", &["c1"]).await;
    respec(&hub, "p", cel("managedCluster.metadata.labels.size >")).await;
    let message = told(&hub, "p", MISCONFIGURED, "True", "Misconfigured").await;
    assert!(
        message.starts_with("Predicate:compilation failed:"),
        "{message}"
    );
    becomes(&hub, "p", &[]).await;
    respec(&hub, "p", cel("managedCluster.metadata.labels.size == 'x'")).await;
    becomes(&hub, "p", &["c2"]).await;
    hub.side.delete("ManagedCluster", "", "c2").await;
    becomes(&hub, "p", &[]).await;
}

#[tokio::test]
async fn a_name_that_is_no_label_value_ends_in_the_condition() {
    let hub = bed().await;
    let long = "p".repeat(64);
    placement(&hub, &long, json!({})).await;
    // Also without a binding, when nothing else is looked at.
    let message = told(&hub, &long, MISCONFIGURED, "True", "Misconfigured").await;
    assert!(message.contains("has 64 characters"), "{message}");
    bind(&hub, "global").await;
    cluster(&hub, "c1", json!({})).await;
    placement(&hub, "p", json!({})).await;
    becomes(&hub, "p", &["c1"]).await;
    let object = hub.side.get("Placement", "default", &long).await.unwrap();
    let found = condition(&object, SATISFIED);
    let wanted = ("False".to_owned(), "NoManagedClusterMatched".to_owned());
    assert_eq!(found, Some(wanted));
    assert_eq!(hub.side.list("PlacementDecision", "default").await.len(), 1);
}

/// Gives the hub the right to create decisions, or takes it away.
async fn may_create_decisions(hub: &Hub, may: bool) {
    let role = hub.side.get("ClusterRole", "", "cluster-manager").await;
    let mut rules = role.unwrap()["rules"].as_array().cloned().unwrap();
    let rule = rules
        .iter_mut()
        .find(|rule| rule["resources"] == json!(["placementdecisions"]));
    let verbs = rule.unwrap()["verbs"].as_array_mut().unwrap();
    verbs.retain(|verb| verb != "create");
    verbs.extend(may.then(|| json!("create")));
    let rules = json!({"rules": rules});
    hub.side
        .merge("ClusterRole", "", "cluster-manager", rules)
        .await;
}

#[tokio::test]
async fn decisions_that_are_refused_are_told_in_the_status() {
    let hub = bed().await;
    may_create_decisions(&hub, false).await;
    bind(&hub, "global").await;
    cluster(&hub, "c1", json!({})).await;
    placement(&hub, "p", json!({})).await;
    let message = told(&hub, "p", ADVICE, "True", "NotAsMeant").await;
    assert!(
        message.contains("the decisions could not be written") && message.contains("forbidden"),
        "{message}"
    );
    told(&hub, "p", SATISFIED, "True", "AllDecisionsScheduled").await;
    may_create_decisions(&hub, true).await;
    becomes(&hub, "p", &["c1"]).await;
    until("no advice", || async {
        let object = hub.side.get("Placement", "default", "p").await.unwrap();
        condition(&object, ADVICE).is_none()
    })
    .await;
}
