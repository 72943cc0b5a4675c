//! Certificate requests: approved without a person, or not.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::support::{ACCEPTED, Hub};
use crate::harness::{create, eventually};

const C1: &str = "system:open-cluster-management:c1";
const COMMON: &str = "system:open-cluster-management:managed-clusters";

/// A request for c1's agent `a1`, made by `user` with its groups.
async fn request(hub: &Hub, user: &str, groups: &[&str], cluster: &str) -> String {
    let names = ocmadm::agent::registration::identity::Names {
        cluster: "c1".into(),
        agent: "a1".into(),
    };
    let mut object = ocmadm::agent::certificate::request::make(
        &ocmadm::agent::registration::order::ask(&names, None),
    )
    .unwrap()
    .object;
    object["metadata"]["labels"]["open-cluster-management.io/cluster-name"] = cluster.into();
    let created = create(
        &hub.side.client_as(&crate::harness::user(user, groups)),
        object,
    )
    .await
    .unwrap();
    created["metadata"]["name"].as_str().unwrap().to_owned()
}

async fn approved(hub: &Hub, name: &str) -> Option<Value> {
    let csr = hub
        .side
        .get("CertificateSigningRequest", "", name)
        .await
        .unwrap();
    let conditions = csr["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == "Approved").cloned()
}

#[tokio::test]
async fn registration_18_to_20_renewals_of_accepted_clusters_only() {
    let hub = Hub::start().await;
    hub.accepted("c1").await;
    let agent = format!("{C1}:a1");
    let groups = [C1, COMMON, "system:authenticated"];
    let name = request(&hub, &agent, &groups, "c1").await;
    let condition = eventually("the renewal is approved", || approved(&hub, &name)).await;
    assert_eq!(
        condition["reason"],
        "AutoApprovedByHubCSRApprovingController"
    );
    assert_eq!(
        condition["message"],
        "Auto approving Managed cluster agent certificate after SubjectAccessReview."
    );
    // And it is signed.
    eventually("the certificate", || async {
        let csr = hub.side.get("CertificateSigningRequest", "", &name).await?;
        csr["status"]["certificate"].as_str().map(str::to_owned)
    })
    .await;
    // A wrong label, and a person's request: left alone. The good one after
    // them tells that they were looked at.
    let wrong = request(&hub, &agent, &groups, "c2").await;
    let person = request(&hub, "somebody", &["system:masters"], "c1").await;
    let good = request(&hub, &agent, &groups, "c1").await;
    eventually("the later one is approved", || approved(&hub, &good)).await;
    assert!(approved(&hub, &wrong).await.is_none());
    assert!(approved(&hub, &person).await.is_none());
    // Denied: it may not even ask, and what is asked for it stays unapproved.
    hub.accept("c1", false).await;
    hub.wait_condition("c1", ACCEPTED, "False").await;
    let mut object = hub
        .side
        .get("CertificateSigningRequest", "", &good)
        .await
        .unwrap();
    object["metadata"] =
        json!({"generateName": "c1-", "labels": {"open-cluster-management.io/cluster-name": "c1"}});
    object.as_object_mut().unwrap().remove("status");
    let refused = create(
        &hub.side.client_as(&crate::harness::user(&agent, &groups)),
        object,
    )
    .await;
    assert!(
        matches!(refused, Err(kube::Error::Api(status)) if status.code == 403),
        "a denied cluster made a request"
    );
}

#[tokio::test]
async fn registration_21_listed_users_bootstrap_without_a_person() {
    let hub = Hub::with(json!({
        "featureGates": [{"feature": "ManagedClusterAutoApproval", "mode": "Enable"}],
        "autoApproveUsers": ["boot"],
    }))
    .await;
    hub.asks("c1").await;
    let groups = ["system:masters"];
    let unlisted = request(&hub, "other", &groups, "c1").await;
    let listed = request(&hub, "boot", &groups, "c1").await;
    eventually("the listed one is approved", || approved(&hub, &listed)).await;
    assert!(approved(&hub, &unlisted).await.is_none());
    // The list is followed as it changes.
    hub.side
        .api("ClusterManager", "")
        .patch(
            "cluster-manager",
            &PatchParams::default(),
            &Patch::Merge(json!({"spec": {"registrationConfiguration": {
                "autoApproveUsers": ["boot", "other"]}}})),
        )
        .await
        .unwrap();
    eventually("the other one too", || approved(&hub, &unlisted)).await;
}

/// The hub's webhook knows who created a cluster. With the list, neither the
/// acceptance nor the certificate of somebody else's cluster is to be had.
#[tokio::test]
async fn auto_approval_gives_nobody_the_cluster_of_another() {
    let hub = Hub::guarded(json!({
        "featureGates": [{"feature": "ManagedClusterAutoApproval", "mode": "Enable"}],
        "autoApproveUsers": ["boot", "eve"],
    }))
    .await;
    let masters = ["system:masters"];
    let asks = async |user: &str, name: &str| {
        let client = hub.side.client_as(&crate::harness::user(user, &masters));
        let cluster = json!({
            "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": {"name": name}, "spec": {"hubAcceptsClient": false},
        });
        create(&client, cluster).await.unwrap();
    };
    // Before there is a cluster nobody can have its certificate in advance.
    let early = request(&hub, "eve", &masters, "c1").await;
    asks("boot", "c1").await;
    let honest = request(&hub, "boot", &masters, "c1").await;
    eventually("the creator's is approved", || approved(&hub, &honest)).await;
    hub.wait_condition("c1", ACCEPTED, "True").await;
    let late = request(&hub, "eve", &masters, "c1").await;
    // Somebody who is not listed creates one: it waits for a person. What is
    // created after it is accepted, so it was looked at.
    asks("stranger", "c2").await;
    asks("eve", "c3").await;
    hub.wait_condition("c3", ACCEPTED, "True").await;
    assert_eq!(hub.cluster("c2").await["spec"]["hubAcceptsClient"], false);
    for name in [early, late] {
        assert!(approved(&hub, &name).await.is_none());
    }
}
