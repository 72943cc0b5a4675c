//! Whether the hub can be worked with: the condition HubConnectionDegraded.
//!
//! The hub is asked, with the credentials in the agent's Secrets, whether it
//! allows all that the agent does. The hub kubeconfig is tried first; only when
//! it fails the bootstrap kubeconfig is, to tell whether waiting can help.

use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::agent::certificate::credentials::{self, Credentials, Data};
use crate::ocm::conditions::{self, FALSE, TRUE};
use crate::ocm::names;
use crate::ocm::operator::v1::{CONDITION_HUB_CONNECTION_DEGRADED, KlusterletSpec};
use crate::runtime::{Failure, source_chain};

/// One of the two ways to the hub: a reason, and what there is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    reason: &'static str,
    message: String,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The hub kubeconfig is good.
    Works(String),
    /// It is not; this is what bootstrap and hub kubeconfig are like.
    Fails([Box<(&'static str, String)>; 2]),
}

impl Verdict {
    fn fails(bootstrap: Finding, hub: Finding) -> Self {
        Self::Fails([bootstrap, hub].map(|found| Box::new((found.reason, found.message))))
    }

    /// Whether nothing is left to wait for.
    pub(super) fn works(&self) -> bool {
        matches!(self, Self::Works(_))
    }

    /// As a condition.
    pub(super) fn condition(&self) -> Condition {
        let type_ = CONDITION_HUB_CONNECTION_DEGRADED;
        match self {
            Self::Works(message) => {
                conditions::condition(type_, FALSE, "HubConnectionFunctional", message)
            }
            Self::Fails([bootstrap, hub]) => conditions::condition(
                type_,
                TRUE,
                &format!("{},{}", bootstrap.0, hub.0),
                format!("{}\n{}", bootstrap.1, hub.1),
            ),
        }
    }
}

/// One thing the hub is asked: group, resource, subresource, name, namespace, verb.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    name: String,
    namespace: String,
    verb: &'static str,
}

const CLUSTER: &str = "cluster.open-cluster-management.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const WORK: &str = "work.open-cluster-management.io";

/// Questions about a resource, `resource/subresource`, one for each verb.
fn about(
    group: &'static str,
    resource: &'static str,
    name: &str,
    namespace: &str,
    verbs: &[&'static str],
) -> Vec<Question> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    verbs
        .iter()
        .map(|verb| Question {
            group,
            resource,
            subresource,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            verb,
        })
        .collect()
}

/// What a joining cluster must be allowed.
fn bootstrap_questions() -> Vec<Question> {
    let mut all = about(CLUSTER, "managedclusters", "", "", &["create", "get"]);
    all.extend(about(
        CERTIFICATES,
        "certificatesigningrequests",
        "",
        "",
        &["create", "get", "list", "watch"],
    ));
    all
}

/// What an accepted cluster must be allowed.
fn hub_questions(cluster: &str) -> Vec<Question> {
    let requests = "certificatesigningrequests";
    let renewal = "managedclusters/clientcertificates";
    let lease = names::CLUSTER_LEASE;
    [
        about(CERTIFICATES, requests, "", "", &["get", "list", "watch"]),
        about(
            CLUSTER,
            "managedclusters",
            cluster,
            "",
            &["get", "list", "update", "watch"],
        ),
        about(
            CLUSTER,
            "managedclusters/status",
            cluster,
            "",
            &["patch", "update"],
        ),
        about(
            "register.open-cluster-management.io",
            renewal,
            "",
            "",
            &["renew"],
        ),
        about(
            "coordination.k8s.io",
            "leases",
            lease,
            cluster,
            &["get", "update"],
        ),
        about("", "events", "", cluster, &["create", "patch", "update"]),
        about(
            "events.k8s.io",
            "events",
            "",
            cluster,
            &["create", "patch", "update"],
        ),
        about(
            WORK,
            "manifestworks",
            "",
            cluster,
            &["get", "list", "watch", "update"],
        ),
        about(
            WORK,
            "manifestworks/status",
            "",
            cluster,
            &["patch", "update"],
        ),
    ]
    .concat()
}

/// Finds out. An error is one of the managed cluster; the hub's are findings.
pub(super) async fn check(client: &Client, spec: &KlusterletSpec) -> Result<Verdict, Failure> {
    let namespace = spec.agent_namespace();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let read = async |name: &str| -> Result<Option<Data>, kube::Error> {
        let secret = secrets.get_opt(name).await?;
        Ok(secret.map(|secret| secret.data.unwrap_or_default()))
    };
    let hub = read(names::HUB_KUBECONFIG_SECRET).await?;
    let found = match check_hub(namespace, spec, hub.as_ref()).await {
        Ok(message) => return Ok(Verdict::Works(message)),
        Err(found) => found,
    };
    let bootstrap = read(names::BOOTSTRAP_KUBECONFIG_SECRET).await?;
    let first = check_bootstrap(namespace, bootstrap.as_ref()).await;
    Ok(Verdict::fails(first, found))
}

/// Whether a kubeconfig of a Secret may be used to ask a hub for an identity;
/// else why not.
pub(in crate::agent) async fn may_bootstrap(data: &Data) -> Result<(), String> {
    match ask(data, &bootstrap_questions()).await {
        Err(error) => Err(source_chain(error.as_ref())),
        Ok((_, refused)) if refused.is_empty() => Ok(()),
        Ok((_, refused)) => Err(format!("it does not allow to: {}", list(&refused))),
    }
}

async fn check_hub(
    namespace: &str,
    spec: &KlusterletSpec,
    data: Option<&Data>,
) -> Result<String, Finding> {
    let name = names::HUB_KUBECONFIG_SECRET;
    let finding = |reason, message| Err(Finding { reason, message });
    let Some(data) = data else {
        return finding(
            "HubKubeConfigSecretMissing",
            format!("Hub kubeconfig secret {namespace}/{name} is missing"),
        );
    };
    if !data.contains_key(names::KEY_KUBECONFIG) {
        return finding(
            "HubKubeConfigMissing",
            format!("Hub kubeconfig secret {namespace}/{name} has no kubeconfig"),
        );
    }
    let cluster = spec
        .cluster_name
        .as_deref()
        .filter(|name| !name.is_empty())
        .or_else(|| credentials::text(data, names::KEY_CLUSTER_NAME));
    let Some(cluster) = cluster else {
        return finding(
            "ClusterNameMissing",
            format!("Hub kubeconfig secret {namespace}/{name} has no cluster name"),
        );
    };
    let place = format!("Hub kubeconfig secret {namespace}/{name}");
    match ask(data, &hub_questions(cluster)).await {
        Err(error) => finding(
            "HubKubeConfigError",
            format!("{place} cannot be used: {}", source_chain(error.as_ref())),
        ),
        Ok((server, refused)) if refused.is_empty() => {
            Ok(format!("{place} to apiserver {server} is working"))
        }
        Ok((server, refused)) => finding(
            "HubKubeConfigUnauthorized",
            format!(
                "{place} to apiserver {server} is not allowed to: {}",
                list(&refused)
            ),
        ),
    }
}

async fn check_bootstrap(namespace: &str, data: Option<&Data>) -> Finding {
    let name = names::BOOTSTRAP_KUBECONFIG_SECRET;
    let place = format!("Bootstrap kubeconfig secret {namespace}/{name}");
    let Some(data) = data else {
        return Finding {
            reason: "BootstrapSecretMissing",
            message: format!("{place} is missing"),
        };
    };
    match ask(data, &bootstrap_questions()).await {
        Err(error) => Finding {
            reason: "BootstrapSecretError",
            message: format!("{place} cannot be used: {}", source_chain(error.as_ref())),
        },
        Ok((server, refused)) if refused.is_empty() => Finding {
            reason: "BootstrapSecretFunctional",
            message: format!("{place} to apiserver {server} is working"),
        },
        Ok((server, refused)) => Finding {
            reason: "BootstrapSecretUnauthorized",
            message: format!(
                "{place} to apiserver {server} is not allowed to: {}",
                list(&refused)
            ),
        },
    }
}

/// Asks the hub; answers with its address and what it does not allow.
async fn ask(data: &Data, questions: &[Question]) -> Result<(String, Vec<Question>), Failure> {
    let credentials = Credentials::read(data)?;
    let api: Api<SelfSubjectAccessReview> = Api::all(credentials.client().await?);
    let refused: Vec<Option<Question>> = stream::iter(questions.to_vec())
        .map(|question| {
            let api = api.clone();
            async move {
                let review = api
                    .create(&PostParams::default(), &question.review())
                    .await?;
                let allowed = review.status.is_some_and(|status| status.allowed);
                Ok::<_, kube::Error>((!allowed).then_some(question))
            }
        })
        .buffered(4)
        .try_collect()
        .await?;
    let refused = refused.into_iter().flatten().collect();
    Ok((credentials.server().to_owned(), refused))
}

impl Question {
    fn review(&self) -> SelfSubjectAccessReview {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(self.group.to_owned()),
                    resource: Some(self.resource.to_owned()),
                    subresource: some(self.subresource),
                    name: some(&self.name),
                    namespace: some(&self.namespace),
                    verb: Some(self.verb.to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            },
            ..Default::default()
        }
    }
}

fn list(refused: &[Question]) -> String {
    let one = |question: &Question| {
        let slash = if question.subresource.is_empty() {
            ""
        } else {
            "/"
        };
        format!(
            "{} {}{slash}{}",
            question.verb, question.resource, question.subresource
        )
    };
    refused.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn data(entries: &[(&str, &str)]) -> Data {
        entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
            .collect()
    }

    #[tokio::test]
    async fn operator_28_neither_secret_gives_both_reasons() {
        let hub = check_hub("ns", &KlusterletSpec::default(), None)
            .await
            .unwrap_err();
        let bootstrap = check_bootstrap("ns", None).await;
        let verdict = Verdict::fails(bootstrap, hub);
        assert!(!verdict.works());
        let condition = verdict.condition();
        assert_eq!(condition.status, TRUE);
        assert_eq!(
            condition.reason,
            "BootstrapSecretMissing,HubKubeConfigSecretMissing"
        );
        assert_eq!(condition.message.lines().count(), 2);
    }

    #[tokio::test]
    async fn what_is_missing_in_the_hub_secret_is_named() {
        let spec = KlusterletSpec::default();
        for (content, reason) in [
            (data(&[]), "HubKubeConfigMissing"),
            (data(&[("kubeconfig", "x")]), "ClusterNameMissing"),
            (
                data(&[("kubeconfig", "secret-content"), ("cluster-name", "c1")]),
                "HubKubeConfigError",
            ),
        ] {
            let found = check_hub("ns", &spec, Some(&content)).await.unwrap_err();
            assert_eq!(found.reason, reason);
            assert!(
                !found.message.contains("secret-content"),
                "{}",
                found.message
            );
        }
    }

    #[test]
    fn operator_26_a_good_connection_is_not_degraded() {
        let condition = Verdict::Works("fine".to_owned()).condition();
        assert_eq!(
            (condition.status.as_str(), condition.reason.as_str()),
            (FALSE, "HubConnectionFunctional")
        );
    }

    #[test]
    fn the_hub_is_asked_for_all_that_agents_do() {
        assert_eq!(bootstrap_questions().len(), 6);
        let questions = hub_questions("c1");
        assert_eq!(questions.len(), 24);
        let review = questions[7].review().spec.resource_attributes.unwrap();
        assert_eq!(review.subresource.as_deref(), Some("status"));
        assert_eq!(review.name.as_deref(), Some("c1"));
        assert_eq!(
            list(&questions[7..9]),
            "patch managedclusters/status, update managedclusters/status"
        );
    }
}
