//! Whether the executor of a work may do what the work does.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::Instant;

use super::manifest::Decoded;
use super::model::{Executor, ResourceMeta, ServiceAccount};
use super::rbac::Accounts;
use super::rest::{Rest, RestError};

/// When a denied manifest is tried again.
pub const RETRY: Duration = Duration::from_secs(60);
/// How long the API server's authorizer may take to know of a change that was
/// watched: what it answers before is not kept, and asked again after.
pub const SETTLED: Duration = Duration::from_secs(3);
/// How long an answer is kept, should an event have been lost.
const KEPT: Duration = Duration::from_secs(600);
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

#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    group: String,
    version: String,
    resource: String,
    namespace: String,
    name: String,
    delete: bool,
}

/// What is known of an account.
#[derive(Default)]
struct Account {
    /// Whether something is allowed, and since when that is known.
    answers: HashMap<Question, (bool, Instant)>,
    /// Works that act as the account.
    works: HashSet<String>,
    /// How often its permissions changed.
    changes: u64,
    /// When they changed last.
    changed: Option<Instant>,
}

/// Asks the API server. With gate ExecutorValidatingCaches, answers are kept
/// until the permissions of the account change.
#[derive(Default)]
pub struct Executors {
    caching: bool,
    /// Changes of permissions are watched.
    watched: Arc<AtomicBool>,
    accounts: Mutex<HashMap<ServiceAccount, Account>>,
}

impl Executors {
    /// Without a cache, or with one that is used as soon as what it depends on
    /// is watched.
    pub fn new(caching: bool) -> Self {
        Self {
            caching,
            ..Self::default()
        }
    }

    /// To be set when changes of permissions are watched.
    pub fn watched(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.watched)
    }

    /// Permissions changed: what was answered about these accounts is forgotten.
    /// Gives the works that act as one of them.
    pub fn changed(&self, whose: &[Accounts]) -> Vec<String> {
        let mut works = Vec::new();
        let mut accounts = self.lock();
        for (name, account) in accounts.iter_mut() {
            if whose.iter().any(|one| one.have(name)) {
                account.answers.clear();
                account.changes += 1;
                account.changed = Some(Instant::now());
                works.extend(account.works.drain());
            }
        }
        works
    }

    /// Whether `executor` may apply the manifest of `work` (and delete it, when
    /// owned).
    pub async fn check(
        &self,
        client: &Client,
        work: &str,
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
        self.reviewed(client, work, account, meta, owned).await?;
        let rbac = meta.group == "rbac.authorization.k8s.io"
            && matches!(
                meta.resource.as_str(),
                "roles" | "rolebindings" | "clusterroles" | "clusterrolebindings"
            );
        if let (true, Ok(mapping)) = (rbac, &decoded.mapping) {
            let rest = Rest::new(client, mapping, &meta.namespace);
            tried(
                rest.dry_create_as(&decoded.object, &user(account)).await,
                meta,
            )?;
        }
        Ok(())
    }

    async fn reviewed(
        &self,
        client: &Client,
        work: &str,
        account: &ServiceAccount,
        meta: &ResourceMeta,
        owned: bool,
    ) -> Result<(), Denied> {
        let question = Question {
            group: meta.group.clone(),
            version: meta.version.clone(),
            resource: meta.resource.clone(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            delete: owned,
        };
        let (known, changes) = self.recall(work, account, &question);
        let allowed = match known {
            Some(allowed) => allowed,
            None => {
                let allowed = reviews(client, account, meta, owned)
                    .await
                    .map_err(|error| Denied::Unknown(crate::runtime::source_chain(&error)))?;
                self.keep(account, question, allowed, changes);
                allowed
            }
        };
        if allowed {
            Ok(())
        } else {
            Err(Denied::Forbidden(denial(meta)))
        }
    }

    /// What was answered before, and how often the permissions had changed then.
    fn recall(
        &self,
        work: &str,
        account: &ServiceAccount,
        question: &Question,
    ) -> (Option<bool>, u64) {
        if !self.caching {
            return (None, 0);
        }
        let mut accounts = self.lock();
        let known = accounts.entry(account.clone()).or_default();
        known.works.insert(work.to_owned());
        let answer = known.answers.get(question);
        let answer = answer.filter(|(_, since)| since.elapsed() < KEPT);
        (answer.map(|(allowed, _)| *allowed), known.changes)
    }

    /// Keeps an answer, unless the permissions changed since it was asked for or
    /// shortly before.
    fn keep(&self, account: &ServiceAccount, question: Question, allowed: bool, changes: u64) {
        if !self.caching || !self.watched.load(Ordering::SeqCst) {
            return;
        }
        let mut accounts = self.lock();
        let Some(known) = accounts.get_mut(account) else {
            return;
        };
        let settled = known.changed.is_none_or(|at| at.elapsed() >= SETTLED);
        if known.changes != changes || !settled {
            return;
        }
        if known.answers.len() >= CACHED {
            known.answers.retain(|_, (_, since)| since.elapsed() < KEPT);
        }
        if known.answers.len() < CACHED {
            known.answers.insert(question, (allowed, Instant::now()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ServiceAccount, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What trying to create an object as the executor says of escalation. Only what
/// could be created, or is there already, is none: an answer of another kind
/// comes from before the question, and opens nothing.
fn tried(answer: Result<(), RestError>, meta: &ResourceMeta) -> Result<(), Denied> {
    match answer {
        Ok(()) => Ok(()),
        Err(RestError::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => {
            Ok(())
        }
        Err(error) if error.code() == 403 => Err(Denied::Forbidden(format!(
            "{}, error: permission escalation",
            denial(meta)
        ))),
        Err(error) => Err(Denied::Unknown(format!(
            "whether it is a permission escalation cannot be found out: {error}"
        ))),
    }
}

/// Whether an account may do all that applying (and deleting) takes.
async fn reviews(
    client: &Client,
    account: &ServiceAccount,
    meta: &ResourceMeta,
    owned: bool,
) -> Result<bool, kube::Error> {
    let verbs = ["create", "update", "patch", "get"];
    for verb in verbs.into_iter().chain(owned.then_some("delete")) {
        if !review(client, account, meta, verb).await? {
            return Ok(false);
        }
    }
    Ok(true)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> ResourceMeta {
        ResourceMeta {
            group: "rbac.authorization.k8s.io".into(),
            resource: "roles".into(),
            name: "much".into(),
            ..ResourceMeta::default()
        }
    }

    #[test]
    fn work_29_only_what_could_be_created_is_no_escalation() {
        let answer = |code: u16, reason: &str| {
            let status = kube::core::Status::failure("words", reason).with_code(code);
            tried(Err(RestError::Api(Box::new(status))), &meta())
        };
        assert!(tried(Ok(()), &meta()).is_ok());
        assert!(answer(409, "AlreadyExists").is_ok());
        assert!(
            matches!(answer(403, "Forbidden"), Err(Denied::Forbidden(m)) if m.ends_with("error: permission escalation"))
        );
        for (code, reason) in [
            (400, "BadRequest"),
            (404, "NotFound"),
            (409, "Conflict"),
            (422, "Invalid"),
            (429, "TooManyRequests"),
            (500, "InternalError"),
            (503, "ServiceUnavailable"),
            (504, "Timeout"),
        ] {
            let denied = answer(code, reason);
            assert!(
                matches!(&denied, Err(Denied::Unknown(m)) if m.contains("words")),
                "{denied:?}"
            );
        }
    }

    fn account(name: &str) -> ServiceAccount {
        ServiceAccount {
            namespace: "n".into(),
            name: name.into(),
        }
    }

    fn question() -> Question {
        Question {
            group: String::new(),
            version: "v1".into(),
            resource: "configmaps".into(),
            namespace: "n".into(),
            name: "c".into(),
            delete: true,
        }
    }

    #[test]
    fn work_30_answers_are_kept_until_permissions_change() {
        let executors = Executors::new(true);
        let ask = |work: &str| executors.recall(work, &account("a"), &question());
        let (known, changes) = ask("w");
        assert_eq!(known, None);
        // Nothing is kept before changes are watched.
        executors.keep(&account("a"), question(), true, changes);
        assert_eq!(ask("w").0, None);
        executors.watched().store(true, Ordering::SeqCst);
        executors.keep(&account("a"), question(), true, changes);
        assert_eq!(ask("v").0, Some(true));
        // Another account's permissions are not its.
        let other = [Accounts::One(account("b"))];
        assert!(executors.changed(&other).is_empty());
        assert_eq!(ask("w").0, Some(true));
        let mut works = executors.changed(&[Accounts::Of("n".into())]);
        works.sort();
        assert_eq!(works, ["v", "w"]);
        // An answer from before the change, or too soon after it, is not kept.
        executors.keep(&account("a"), question(), true, changes);
        assert_eq!(ask("w").0, None);
        let changes = ask("w").1;
        executors.keep(&account("a"), question(), true, changes);
        assert_eq!(ask("w").0, None);
        // As if that had been a while ago.
        let passed = |at: &mut Instant, by: Duration| *at = at.checked_sub(by).unwrap();
        let age = |by: Duration| {
            let mut accounts = executors.lock();
            let known = accounts.get_mut(&account("a")).unwrap();
            passed(known.changed.as_mut().unwrap(), by);
            for (_, since) in known.answers.values_mut() {
                passed(since, by);
            }
        };
        age(SETTLED);
        executors.keep(&account("a"), question(), false, changes);
        assert_eq!(ask("w").0, Some(false));
        age(KEPT);
        assert_eq!(ask("w").0, None);
    }

    #[test]
    fn without_the_gate_nothing_is_kept() {
        let executors = Executors::new(false);
        executors.watched().store(true, Ordering::SeqCst);
        executors.keep(&account("a"), question(), true, 0);
        assert_eq!(executors.recall("w", &account("a"), &question()).0, None);
    }
}
