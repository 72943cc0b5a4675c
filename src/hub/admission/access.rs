//! What judges ask the API server and the ClusterManager.

use std::convert::Infallible;
use std::sync::Arc;

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use tokio::sync::OnceCell;

use crate::hub::registration::{apply, settings::Settings};
use crate::hub::work::Gates;
use crate::ocm::names;
use crate::runtime::{Context, Informer, Scope};

use super::review::UserInfo;

/// What the ClusterManager asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    settings: Settings,
    gates: Gates,
}

/// What judges share.
pub struct World {
    client: Client,
    managers: Informer<Asked>,
    /// Who the hub is.
    own: OnceCell<String>,
    fallback: String,
}

impl World {
    /// Follows the ClusterManager until the context's shutdown.
    pub(super) fn start(context: &Context, namespace: &str) -> Arc<Self> {
        let managers = Informer::new(Scope::all(apply::resource(
            "operator.open-cluster-management.io",
            "v1",
            "ClusterManager",
            "clustermanagers",
        )));
        tokio::spawn(managers.clone().run(
            context.client.clone(),
            |object: DynamicObject| {
                Ok::<_, Infallible>(Asked {
                    settings: Settings::of(&object),
                    gates: Gates::of(&object),
                })
            },
            context.metrics.clone(),
            context.shutdown.clone(),
        ));
        Arc::new(Self {
            client: context.client.clone(),
            managers,
            own: OnceCell::new(),
            fallback: format!(
                "system:serviceaccount:{namespace}:{}",
                names::CLUSTER_MANAGER
            ),
        })
    }

    /// The client for questions.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What the ClusterManager says; waits until it is known, as a cluster that
    /// is put in the default set stays there.
    pub(super) async fn settings(&self) -> Settings {
        self.managers.synced().await;
        self.asked().settings.clone()
    }

    fn asked(&self) -> Arc<Asked> {
        self.managers.list().into_iter().next().unwrap_or_default()
    }

    /// What it says about works; waits until it is known, as less would be
    /// demanded meanwhile.
    pub(super) async fn work_gates(&self) -> Gates {
        self.managers.synced().await;
        self.asked().gates
    }

    /// Whether it is the hub itself that writes.
    pub(super) async fn is_hub(&self, user: &UserInfo) -> bool {
        let own = self
            .own
            .get_or_try_init(|| async {
                let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
                let review = api
                    .create(&PostParams::default(), &SelfSubjectReview::default())
                    .await?;
                let name = review
                    .status
                    .and_then(|status| status.user_info)
                    .and_then(|user| user.username);
                Ok::<_, kube::Error>(name.unwrap_or_else(|| self.fallback.clone()))
            })
            .await;
        user.username == *own.unwrap_or(&self.fallback)
    }

    /// Whether a namespace is on its way out.
    pub(super) async fn is_terminating(&self, namespace: &str) -> Result<bool, kube::Error> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        Ok(api
            .get_opt(namespace)
            .await?
            .is_some_and(|found| found.metadata.deletion_timestamp.is_some()))
    }
}

/// Whether a user may do something, by the API server's own word.
///
/// # Errors
/// The API server cannot be asked.
pub async fn may(
    client: &Client,
    user: &UserInfo,
    what: ResourceAttributes,
) -> Result<bool, kube::Error> {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.username.clone()),
            uid: Some(user.uid.clone()).filter(|uid| !uid.is_empty()),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()).filter(|extra| !extra.is_empty()),
            resource_attributes: Some(what),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// A verb on a subresource (or, without one, on a resource) by name.
pub(super) fn attributes(
    verb: &str,
    (group, resource, subresource): (&str, &str, &str),
    name: &str,
) -> ResourceAttributes {
    ResourceAttributes {
        verb: Some(verb.to_owned()),
        group: Some(group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource: Some(subresource.to_owned()).filter(|name| !name.is_empty()),
        name: Some(name.to_owned()),
        ..ResourceAttributes::default()
    }
}
