//! Works that say how long they stay when they are finished go after that time.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DeleteParams, DynamicObject, Preconditions};

use super::view::Finished;
use crate::ocm::names;
use crate::ocm::work::v1::ManifestWork;
use crate::runtime::{Backoff, Change, Context, Failure, Informer, Key, Next, Queue, Scope, Tasks};

/// Works that are looked at at a time.
const WORKERS: usize = 5;

/// What to do with a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until it changes.
    Keep,
    /// Look again then.
    After(Duration),
    /// Delete it.
    Delete,
}

/// Decides for one work (upstream: `manifestworkgarbagecollection`).
#[must_use]
pub fn decide(work: &Finished, now: Timestamp) -> Step {
    let (Some(ttl), Some(complete), false) = (work.ttl, work.complete, work.deleting) else {
        return Step::Keep;
    };
    let ttl = Duration::from_secs(u64::try_from(ttl).unwrap_or(0));
    let age = Duration::try_from(now.duration_since(complete)).unwrap_or(Duration::ZERO);
    match ttl.checked_sub(age).filter(|left| !left.is_zero()) {
        Some(left) => Step::After(left),
        None => Step::Delete,
    }
}

/// Runs until the context's shutdown.
pub async fn run(context: Context) {
    // Works of replica sets are their sets' business.
    let scope =
        Scope::of::<ManifestWork>().labels(&format!("!{}", names::LABEL_MANIFEST_WORK_REPLICA_SET));
    let works: Informer<Finished> = Informer::new(scope);
    let queue: Queue<Key> = Queue::new(Backoff::new(
        Duration::from_millis(50),
        Duration::from_secs(30),
    ));
    let to = queue.clone();
    works.on_change(move |key, change| {
        if let Change::Applied { old, new } = change
            && new.ttl.is_some()
            && old.as_ref() != Some(new)
        {
            to.add(key.clone());
        }
    });
    let mut tasks = Tasks::new(context.shutdown.clone());
    tasks.spawn(works.clone().run(
        context.client.clone(),
        Finished::parse,
        context.metrics.clone(),
        context.shutdown.clone(),
    ));
    let (works, client) = (Arc::new(works), context.client.clone());
    tasks.controller(
        "finished works",
        &queue,
        WORKERS,
        &context.metrics,
        move |key: Key| {
            let (works, client) = (Arc::clone(&works), client.clone());
            async move {
                let Some(work) = works.get(&key.namespace, &key.name) else {
                    return Ok(Next::OnChange);
                };
                match decide(&work, Timestamp::now()) {
                    Step::Keep => Ok(Next::OnChange),
                    Step::After(left) => Ok(Next::After(left)),
                    Step::Delete => delete(client, &key.namespace, &key.name, &work.uid).await,
                }
            }
        },
    );
    tasks.join().await;
}

/// Deletes this very work; one that is gone is fine.
pub(super) async fn delete(
    client: kube::Client,
    namespace: &str,
    name: &str,
    uid: &str,
) -> Result<Next, Failure> {
    let resource = kube::api::ApiResource::erase::<ManifestWork>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client, namespace, &resource);
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    match api.delete(name, &params).await {
        Ok(_) => Ok(Next::OnChange),
        // Gone, or another one of that name.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Next::OnChange),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_63_finished_works_go_after_their_time() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let work = |ttl: Option<i64>, complete: Option<i64>| Finished {
            uid: "u".into(),
            deleting: false,
            ttl,
            complete: complete.map(at),
        };
        assert_eq!(decide(&work(Some(0), Some(10)), at(10)), Step::Delete);
        assert_eq!(
            decide(&work(Some(5), Some(10)), at(12)),
            Step::After(Duration::from_secs(3))
        );
        assert_eq!(decide(&work(Some(5), Some(10)), at(15)), Step::Delete);
        assert_eq!(decide(&work(None, Some(10)), at(15)), Step::Keep);
        assert_eq!(decide(&work(Some(0), None), at(15)), Step::Keep);
        let deleting = Finished {
            deleting: true,
            ..work(Some(0), Some(10))
        };
        assert_eq!(decide(&deleting, at(15)), Step::Keep);
        // A clock that is behind makes nothing go early.
        assert_eq!(
            decide(&work(Some(5), Some(10)), at(0)),
            Step::After(Duration::from_secs(5))
        );
    }
}
