//! Whether the executor of a work may do what the work does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::Instant;

use super::manifest::Decoded;
use super::model::{Executor, ResourceMeta, ServiceAccount};
use super::rest::Rest;

/// When a denied manifest is tried again, and how long an answer is believed.
pub const RETRY: Duration = Duration::from_secs(60);
/// More answers than this are not kept.
const CACHED: usize = 10_000;

/// Why a manifest may not be applied.
#[derive(Debug)]
pub enum Denied {
    /// The executor lacks a permission.
    Forbidden(String),
    /// It could not be found out.
    Unknown(String),
}

#[derive(PartialEq, Eq, Hash)]
struct Question {
    account: ServiceAccount,
    group: String,
    resource: String,
    namespace: String,
    name: String,
    delete: bool,
}

/// Asks the API server, and remembers what was allowed.
#[derive(Default)]
pub struct Executors {
    allowed: Mutex<HashMap<Question, Instant>>,
}

impl Executors {
    /// Whether `executor` may apply the manifest (and delete it, when owned).
    pub async fn check(
        &self,
        client: &Client,
        executor: Option<&Executor>,
        decoded: &Decoded,
        owned: bool,
    ) -> Result<(), Denied> {
        let Some(executor) = executor else {
            return Ok(());
        };
        let subject = &executor.subject;
        if subject.kind != "ServiceAccount" {
            return Err(Denied::Unknown(
                "only support ServiceAccount type for the executor".to_owned(),
            ));
        }
        let Some(account) = &subject.service_account else {
            return Err(Denied::Unknown(
                "the executor service account is nil".to_owned(),
            ));
        };
        let meta = &decoded.meta;
        self.reviewed(client, account, meta, owned).await?;
        let rbac = meta.group == "rbac.authorization.k8s.io"
            && matches!(
                meta.resource.as_str(),
                "roles" | "rolebindings" | "clusterroles" | "clusterrolebindings"
            );
        if let (true, Ok(mapping)) = (rbac, &decoded.mapping) {
            let rest = Rest::new(client, mapping, &meta.namespace);
            match rest.dry_create_as(&decoded.object, &user(account)).await {
                Err(error) if error.code() == 403 => {
                    return Err(Denied::Forbidden(format!(
                        "{}, error: permission escalation",
                        denial(meta)
                    )));
                }
                Err(error) if error.code() == 0 => return Err(Denied::Unknown(error.to_string())),
                // What exists already, or is invalid, is for the apply to say.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    async fn reviewed(
        &self,
        client: &Client,
        account: &ServiceAccount,
        meta: &ResourceMeta,
        owned: bool,
    ) -> Result<(), Denied> {
        let question = Question {
            account: account.clone(),
            group: meta.group.clone(),
            resource: meta.resource.clone(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            delete: owned,
        };
        let known = self
            .lock()
            .get(&question)
            .is_some_and(|at| at.elapsed() < RETRY);
        if known {
            return Ok(());
        }
        let verbs = ["create", "update", "patch", "get"]
            .into_iter()
            .chain(owned.then_some("delete"));
        for verb in verbs {
            let allowed = review(client, account, meta, verb)
                .await
                .map_err(|error| Denied::Unknown(crate::runtime::source_chain(&error)))?;
            if !allowed {
                return Err(Denied::Forbidden(denial(meta)));
            }
        }
        let mut allowed = self.lock();
        if allowed.len() >= CACHED {
            allowed.retain(|_, at| at.elapsed() < RETRY);
        }
        if allowed.len() < CACHED {
            allowed.insert(question, Instant::now());
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Question, Instant>> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn user(account: &ServiceAccount) -> String {
    format!(
        "system:serviceaccount:{}:{}",
        account.namespace, account.name
    )
}

fn groups(account: &ServiceAccount) -> Vec<String> {
    vec![
        "system:serviceaccounts".to_owned(),
        "system:authenticated".to_owned(),
        format!("system:serviceaccounts:{}", account.namespace),
    ]
}

fn denial(meta: &ResourceMeta) -> String {
    format!(
        "not allowed to apply the resource {} {}, {} {}",
        meta.group, meta.resource, meta.namespace, meta.name
    )
}

async fn review(
    client: &Client,
    account: &ServiceAccount,
    meta: &ResourceMeta,
    verb: &str,
) -> Result<bool, kube::Error> {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user(account)),
            groups: Some(groups(account)),
            resource_attributes: Some(ResourceAttributes {
                group: Some(meta.group.clone()),
                version: Some(meta.version.clone()),
                resource: Some(meta.resource.clone()),
                namespace: Some(meta.namespace.clone()).filter(|n| !n.is_empty()),
                name: Some(meta.name.clone()),
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
