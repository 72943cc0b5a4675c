//! Approves the certificate requests that need no person.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition,
};
use kube::ResourceExt;
use kube::api::{Api, PostParams};

use crate::ocm::conditions;
use crate::runtime::{Failure, Next};

use super::csr::{self, Request, Verdict};
use super::{Hub, apply};

/// When a refused renewal is looked at again.
const LATER: Duration = Duration::from_secs(30);
const REASON: &str = "AutoApprovedByHubCSRApprovingController";
const MESSAGE: &str = "Auto approving Managed cluster agent certificate after SubjectAccessReview.";

/// Looks at one request.
pub(super) async fn reconcile(hub: &Hub, name: &str) -> Result<Next, Failure> {
    let Some(request) = hub.requests.get("", name) else {
        return Ok(Next::OnChange);
    };
    match csr::decide(&request, &hub.settings()) {
        Verdict::NotOurs(reason) => {
            tracing::debug!(request = name, reason, "request left alone");
        }
        Verdict::AskAPerson => {
            hub.counts.request("person");
            tracing::info!(request = name, cluster = %request.cluster, "request waits for an administrator");
        }
        Verdict::Approve => {
            let cluster = hub.clusters.get("", &request.cluster);
            let given = given(hub, &request.cluster).into_iter();
            match csr::claim(&request, cluster.as_deref(), given) {
                Ok(()) => approve(hub, name, &request).await?,
                Err(reason) => {
                    hub.counts.request("refused");
                    tracing::warn!(request = name, cluster = %request.cluster, user = %request.username, reason, "not approved without an administrator");
                }
            }
        }
        Verdict::ApproveIfAllowed => {
            let cluster = hub.clusters.get("", &request.cluster);
            if let Err(reason) = csr::current(&request, cluster.as_deref(), hub.context.clock.now())
            {
                // What makes it current is a change of the cluster.
                hub.counts.request("refused");
                tracing::info!(request = name, cluster = %request.cluster, user = %request.username, reason, "renewal not approved");
            } else if may_renew(hub, &request).await? {
                approve(hub, name, &request).await?;
            } else {
                hub.counts.request("refused");
                tracing::info!(request = name, cluster = %request.cluster, user = %request.username, "renewal not approved: the asker has not the right to renew");
                // The right may come later, and no change of the request tells.
                return Ok(Next::After(LATER));
            }
        }
    }
    Ok(Next::OnChange)
}

/// The identities of the cluster's agents that have been approved.
fn given(hub: &Hub, cluster: &str) -> Vec<String> {
    hub.requests
        .filter(|_, request| request.cluster == cluster && request.given.is_some())
        .into_iter()
        .filter_map(|(_, request)| request.given.clone())
        .collect()
}

/// Whether the asker may renew certificates: accepted clusters may.
async fn may_renew(hub: &Hub, request: &Request) -> Result<bool, kube::Error> {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(request.username.clone()),
            uid: request.user_uid.clone().filter(|uid| !uid.is_empty()),
            groups: Some(request.groups.clone()),
            extra: Some(request.extra.clone()).filter(|extra| !extra.is_empty()),
            resource_attributes: Some(ResourceAttributes {
                group: Some("register.open-cluster-management.io".to_owned()),
                resource: Some("managedclusters".to_owned()),
                subresource: Some("clientcertificates".to_owned()),
                verb: Some("renew".to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(hub.context.client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

async fn approve(hub: &Hub, name: &str, request: &Request) -> Result<(), kube::Error> {
    let api: Api<CertificateSigningRequest> = Api::all(hub.context.client.clone());
    let Some(mut csr) = api.get_opt(name).await? else {
        return Ok(());
    };
    let present = csr.status.get_or_insert_default();
    let decided = present.conditions.as_ref().is_some_and(|c| {
        c.iter()
            .any(|c| c.type_ == "Approved" || c.type_ == "Denied")
    });
    // The verdict was about this very object.
    if decided || csr.metadata.uid.as_deref() != Some(request.uid.as_str()) {
        return Ok(());
    }
    let now = conditions::now();
    csr.status
        .get_or_insert_default()
        .conditions
        .get_or_insert_default()
        .push(CertificateSigningRequestCondition {
            type_: "Approved".to_owned(),
            status: "True".to_owned(),
            reason: Some(REASON.to_owned()),
            message: Some(MESSAGE.to_owned()),
            last_update_time: Some(now),
            last_transition_time: None,
        });
    csr.managed_fields_mut().clear();
    match api
        .replace_subresource("approval", name, &PostParams::default(), &csr)
        .await
    {
        Ok(_) => {
            hub.counts.request("approved");
            tracing::info!(request = name, cluster = %request.cluster, "request approved");
            Ok(())
        }
        Err(error) if apply::is_not_found(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
