//! Clusters that ask, are accepted, denied, accepted again.

use serde_json::json;

use super::support::{ACCEPTED, Hub, condition, finalizers, taints};
use crate::harness::eventually;

const ROLE: &str = "open-cluster-management:managedcluster:c1";
const REGISTRATION: &str = "open-cluster-management:managedcluster:c1:registration";
const WORK: &str = "open-cluster-management:managedcluster:c1:work";

#[tokio::test]
async fn registration_01_the_two_sets_exist() {
    let hub = Hub::start().await;
    for (name, selector) in [
        (
            "default",
            json!({"selectorType": "ExclusiveClusterSetLabel"}),
        ),
        (
            "global",
            json!({"selectorType": "LabelSelector", "labelSelector": {}}),
        ),
    ] {
        let set = eventually("an empty set", || async {
            let set = hub.side.get("ManagedClusterSet", "", name).await?;
            (condition(&set, "ClusterSetEmpty")? == ("True".into(), "NoClusterMatched".into()))
                .then_some(set)
        })
        .await;
        assert_eq!(set["spec"]["clusterSelector"], selector);
    }
    // And they notice members.
    hub.asks("c1").await;
    eventually("a member", || async {
        let set = hub.side.get("ManagedClusterSet", "", "default").await?;
        (condition(&set, "ClusterSetEmpty")?.1 == "ClustersSelected").then_some(())
    })
    .await;
}

#[tokio::test]
async fn registration_02_an_edited_default_set_is_put_right() {
    let hub = Hub::start().await;
    for name in ["default", "global"] {
        eventually("the set", || hub.side.get("ManagedClusterSet", "", name)).await;
    }
    let edit = json!({"spec": {"clusterSelector": {
        "selectorType": "LabelSelector", "labelSelector": {"matchLabels": {"a": "b"}}}}});
    hub.side
        .merge("ManagedClusterSet", "", "default", edit.clone())
        .await;
    eventually("the selector is back", || async {
        let set = hub.side.get("ManagedClusterSet", "", "default").await?;
        (set["spec"]["clusterSelector"] == json!({"selectorType": "ExclusiveClusterSetLabel"}))
            .then_some(())
    })
    .await;
    // Unless its owner says otherwise. That nothing happens is told by the
    // other set, which is repaired after it.
    hub.side
        .merge(
            "ManagedClusterSet",
            "",
            "default",
            json!({"metadata": {"annotations":
            {"cluster.open-cluster-management.io/autoupdate": "false"}}}),
        )
        .await;
    hub.side
        .merge("ManagedClusterSet", "", "default", edit.clone())
        .await;
    hub.side
        .merge("ManagedClusterSet", "", "global", edit)
        .await;
    eventually("the other selector is back", || async {
        let set = hub.side.get("ManagedClusterSet", "", "global").await?;
        (set["spec"]["clusterSelector"]["labelSelector"] == json!({})).then_some(())
    })
    .await;
    let set = hub
        .side
        .get("ManagedClusterSet", "", "default")
        .await
        .unwrap();
    assert_eq!(
        set["spec"]["clusterSelector"]["selectorType"],
        "LabelSelector"
    );
}

#[tokio::test]
async fn registration_03_and_04_a_new_cluster_is_marked_and_common_roles_exist() {
    let hub = Hub::start().await;
    hub.asks("c1").await;
    let cluster = eventually("taint, finalizer, set", || async {
        let cluster = hub.cluster("c1").await;
        (taints(&cluster) == ["cluster.open-cluster-management.io/unreachable"]).then_some(cluster)
    })
    .await;
    assert!(cluster["spec"]["taints"][0]["timeAdded"].is_string());
    assert_eq!(
        finalizers(&cluster),
        ["cluster.open-cluster-management.io/resource-cleanup"]
    );
    assert_eq!(
        cluster["metadata"]["labels"]["cluster.open-cluster-management.io/clusterset"],
        "default"
    );
    for name in ["registration", "work"] {
        let name = format!("open-cluster-management:managedcluster:{name}");
        eventually("a common role", || hub.side.get("ClusterRole", "", &name)).await;
    }
    assert!(hub.side.get("Namespace", "", "c1").await.is_none());
    assert!(hub.side.get("ClusterRole", "", ROLE).await.is_none());
    // The last cluster takes the roles along.
    hub.side.delete("ManagedCluster", "", "c1").await;
    eventually("no cluster", || async {
        let gone = hub.side.get("ManagedCluster", "", "c1").await.is_none();
        gone.then_some(())
    })
    .await;
    eventually("no common roles", || async {
        let name = "open-cluster-management:managedcluster:work";
        let gone = hub.side.get("ClusterRole", "", name).await.is_none();
        gone.then_some(())
    })
    .await;
}

#[tokio::test]
async fn registration_05_and_06_acceptance_gives_rights_and_keeps_them() {
    let hub = Hub::start().await;
    let cluster = hub.accepted("c1").await;
    assert_eq!(
        condition(&cluster, ACCEPTED).unwrap().1,
        "HubClusterAdminAccepted"
    );
    assert!(
        finalizers(&cluster).contains(&"cluster.open-cluster-management.io/api-resource-cleanup")
    );
    let namespace = hub.side.get("Namespace", "", "c1").await.unwrap();
    assert_eq!(
        namespace["metadata"]["labels"]["open-cluster-management.io/cluster-name"],
        "c1"
    );
    let lease = hub
        .side
        .get("Lease", "c1", "managed-cluster-lease")
        .await
        .unwrap();
    assert_eq!(lease["spec"]["holderIdentity"], "managed-cluster-lease");
    assert_eq!(
        lease["metadata"]["labels"]["open-cluster-management.io/cluster-name"],
        "c1"
    );
    for (kind, namespace, name) in [
        ("ClusterRole", "", ROLE),
        ("ClusterRoleBinding", "", ROLE),
        ("RoleBinding", "c1", REGISTRATION),
        ("RoleBinding", "c1", WORK),
    ] {
        assert!(
            hub.side.get(kind, namespace, name).await.is_some(),
            "{name}"
        );
    }
    // Edited: put right. Deleted: made anew.
    hub.side
        .merge("ClusterRole", "", ROLE, json!({"rules": []}))
        .await;
    hub.side.delete("RoleBinding", "c1", REGISTRATION).await;
    eventually("all is back", || async {
        let role = hub.side.get("ClusterRole", "", ROLE).await?;
        hub.side.get("RoleBinding", "c1", REGISTRATION).await?;
        (role["rules"].as_array()?.len() == 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn registration_08_and_11_denied_and_accepted_again() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    hub.accept("c1", false).await;
    let cluster = hub.wait_condition("c1", ACCEPTED, "False").await;
    assert_eq!(
        condition(&cluster, ACCEPTED).unwrap().1,
        "HubClusterAdminDenied"
    );
    let role = hub.side.get("ClusterRole", "", ROLE).await.unwrap();
    assert_eq!(role["rules"].as_array().unwrap().len(), 1);
    eventually("no bindings in the namespace", || async {
        let bindings = hub.side.list("RoleBinding", "c1").await;
        bindings.is_empty().then_some(())
    })
    .await;
    assert!(hub.side.get("Namespace", "", "c1").await.is_some());
    hub.accept("c1", true).await;
    hub.wait_condition("c1", ACCEPTED, "True").await;
    eventually("full rights", || async {
        let role = hub.side.get("ClusterRole", "", ROLE).await?;
        let bindings = hub.side.list("RoleBinding", "c1").await;
        (role["rules"].as_array()?.len() == 4 && bindings.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn registration_09_a_denied_cluster_keeps_its_works_until_they_are_gone() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    hub.side
        .create(json!({
            "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
            "metadata": {"name": "w", "namespace": "c1"}, "spec": {},
        }))
        .await;
    hub.accept("c1", false).await;
    eventually("the work binding is terminating", || async {
        let binding = hub.side.get("RoleBinding", "c1", WORK).await?;
        binding["metadata"]["deletionTimestamp"].as_str()?;
        Some(())
    })
    .await;
    assert!(hub.side.get("RoleBinding", "c1", WORK).await.is_some());
    assert_eq!(
        condition(&hub.cluster("c1").await, ACCEPTED).unwrap().0,
        "True"
    );
    hub.side.delete("ManifestWork", "c1", "w").await;
    hub.wait_condition("c1", ACCEPTED, "False").await;
    assert!(hub.side.get("RoleBinding", "c1", WORK).await.is_none());
}

#[tokio::test]
async fn registration_22_auto_approval_accepts_and_respects_a_later_no() {
    let hub = Hub::with(json!({"featureGates": [
        {"feature": "ManagedClusterAutoApproval", "mode": "Enable"}]}))
    .await;
    hub.asks("c1").await;
    let cluster = hub.wait_condition("c1", ACCEPTED, "True").await;
    assert!(
        cluster["metadata"]["annotations"]["open-cluster-management.io/automatically-accepted-on"]
            .is_string()
    );
    hub.accept("c1", false).await;
    hub.wait_condition("c1", ACCEPTED, "False").await;
    assert_eq!(hub.cluster("c1").await["spec"]["hubAcceptsClient"], false);
}

/// Upstream shares one map of labels, and B's denial relabels A's objects.
#[tokio::test]
async fn registration_10_denying_one_cluster_leaves_the_others_objects_alone() {
    let hub = Hub::start().await;
    for cluster in ["c1", "c2", "c3"] {
        hub.accepted(cluster).await;
    }
    hub.accept("c2", false).await;
    hub.wait_condition("c2", ACCEPTED, "False").await;
    hub.accept("c1", false).await;
    hub.wait_condition("c1", ACCEPTED, "False").await;
    hub.accept("c2", true).await;
    hub.wait_condition("c2", ACCEPTED, "True").await;
    for cluster in ["c1", "c2", "c3"] {
        let name = format!("open-cluster-management:managedcluster:{cluster}");
        for (kind, namespace, name) in [
            ("ClusterRole", "", name.clone()),
            ("ClusterRoleBinding", "", name.clone()),
            ("RoleBinding", cluster, format!("{name}:registration")),
            ("RoleBinding", cluster, format!("{name}:work")),
            ("Namespace", "", cluster.to_owned()),
            ("Lease", cluster, "managed-cluster-lease".to_owned()),
        ] {
            let found = hub.side.get(kind, namespace, &name).await;
            let denied = cluster == "c1" && kind == "RoleBinding";
            assert_eq!(found.is_none(), denied, "{kind} {name}");
            if let Some(found) = found {
                let labels = &found["metadata"]["labels"];
                let label = &labels["open-cluster-management.io/cluster-name"];
                assert_eq!(label, cluster, "{kind} {name}");
            }
        }
    }
}

#[tokio::test]
async fn registration_07_labels_of_the_cluster_manager_are_passed_on() {
    let hub = Hub::start().await;
    let label = async |value: &str| {
        let patch = json!({"metadata": {"labels": {"team": value, "app": "mine"}}});
        hub.side
            .merge("ClusterManager", "", "cluster-manager", patch)
            .await;
    };
    label("a").await;
    hub.accepted("c1").await;
    let carried = async |value: &str| {
        let objects = [
            ("Namespace", "", "c1"),
            ("ClusterRole", "", ROLE),
            ("ClusterRoleBinding", "", ROLE),
            ("RoleBinding", "c1", REGISTRATION),
            ("RoleBinding", "c1", WORK),
            (
                "ClusterRole",
                "",
                "open-cluster-management:managedcluster:work",
            ),
        ];
        for (kind, namespace, name) in objects {
            let what = format!("{kind} {name} of team {value}");
            let found = eventually(&what, || async {
                let found = hub.side.get(kind, namespace, name).await?;
                (found["metadata"]["labels"]["team"] == value).then_some(found)
            })
            .await;
            assert_eq!(found["metadata"]["labels"].get("app"), None, "{name}");
        }
    };
    carried("a").await;
    label("b").await;
    carried("b").await;
}

#[tokio::test]
async fn registration_36_the_reserved_name_is_refused() {
    let hub = Hub::start().await;
    hub.asks("managed-clusters").await;
    hub.accept("managed-clusters", true).await;
    let cluster = hub
        .wait_condition("managed-clusters", ACCEPTED, "False")
        .await;
    assert_eq!(condition(&cluster, ACCEPTED).unwrap().1, "Error");
    assert!(
        hub.side
            .get("Namespace", "", "managed-clusters")
            .await
            .is_none()
    );
}
