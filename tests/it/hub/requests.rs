//! Certificate requests: approved without a person, or not.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::support::{ACCEPTED, Hub};
use crate::harness::{create, eventually};

const C1: &str = "system:open-cluster-management:c1";
const COMMON: &str = "system:open-cluster-management:managed-clusters";

/// A request for the agent `a1` of a cluster, made by `user` with its groups.
async fn request(hub: &Hub, user: &str, groups: &[&str], cluster: &str) -> String {
    let names = ocmadm::agent::registration::identity::Names {
        cluster: cluster.into(),
        agent: "a1".into(),
    };
    let object = ocmadm::agent::certificate::request::make(
        &ocmadm::agent::registration::order::ask(&names, None),
    )
    .unwrap()
    .object;
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
    // A person's request is left alone. The good one after it tells that it was
    // looked at.
    let person = request(&hub, "somebody", &["system:masters"], "c1").await;
    let good = request(&hub, &agent, &groups, "c1").await;
    eventually("the later one is approved", || approved(&hub, &good)).await;
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
    let hub = Hub::guarded(json!({
        "featureGates": [{"feature": "ManagedClusterAutoApproval", "mode": "Enable"}],
        "autoApproveUsers": ["boot"],
    }))
    .await;
    let groups = ["system:masters"];
    for (name, creator) in [("c1", "boot"), ("c2", "other")] {
        let client = hub.side.client_as(&crate::harness::user(creator, &groups));
        let cluster = json!({
            "apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster",
            "metadata": {"name": name}, "spec": {"hubAcceptsClient": false},
        });
        create(&client, cluster).await.unwrap();
    }
    let unlisted = request(&hub, "other", &groups, "c2").await;
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
