//! What the agent writes to the hub: the finalizer and the status of a work.

use std::sync::Arc;

use kube::api::Patch;
use serde_json::json;

use super::agent::{Agent, manager};
use super::fit;
use super::hub::HubError;
use super::local::Local;
use super::model::{KIND, WORK_FINALIZER, Work, WorkStatus, now};
use super::{rest, status};
use crate::runtime::{Failure, Next};

impl Agent {
    /// Puts the finalizer on the work.
    pub(super) async fn add_finalizer(&self, name: &str, work: &Work) -> Result<Work, HubError> {
        let mut finalizers = work.metadata.finalizers.clone().unwrap_or_default();
        finalizers.push(WORK_FINALIZER.to_owned());
        let patch = json!({"metadata": {
            "uid": work.metadata.uid,
            "resourceVersion": work.metadata.resource_version,
            "finalizers": finalizers,
        }});
        let params = manager();
        let patch = Patch::Merge(&patch);
        let request = self.works_api.patch(name, &params, &patch);
        Ok(trimmed(self.hub.ask(name, request).await?))
    }

    /// Takes the finalizer off the work, which then goes.
    pub(super) async fn remove_finalizer(&self, name: &str, work: &Work) -> Result<(), HubError> {
        let mut finalizers = work.metadata.finalizers.clone().unwrap_or_default();
        finalizers.retain(|f| f != WORK_FINALIZER);
        let gone = |answer: Result<Work, HubError>| match answer {
            Err(HubError::Said(kube::Error::Api(status))) if status.is_not_found() => Ok(()),
            answer => answer.map(drop),
        };
        if finalizers.is_empty() && work.unreadable.is_none() {
            // Nothing stays of it: to replace it is less work for the API server.
            let request = rest::strip(&self.works_api, KIND, &work.metadata, &work.spec);
            match self.hub.ask(name, request).await {
                // As it was read its spec is not valid there: only the finalizer, then.
                Err(HubError::Said(kube::Error::Api(status))) if status.code == 422 => {}
                answer => return gone(answer),
            }
        }
        let patch = json!({"metadata": {
            "uid": work.metadata.uid,
            "resourceVersion": work.metadata.resource_version,
            "finalizers": finalizers,
        }});
        let (params, patch) = (manager(), Patch::Merge(&patch));
        let request = self.works_api.patch(name, &params, &patch);
        gone(self.hub.ask(name, request).await)
    }

    /// Writes the status of the work where it differs; a conflict is answered
    /// by computing it again for the newer work, a refusal by saying less.
    pub(super) async fn report(
        &self,
        name: &str,
        work: &Arc<Work>,
        desired: impl Fn(&Work) -> WorkStatus,
    ) -> Result<Arc<Work>, HubError> {
        let mut work = Arc::clone(work);
        for last in [false, false, true] {
            let wanted = desired(&work);
            if wanted == work.status {
                return Ok(work);
            }
            match self.write_status(name, &work, &wanted).await {
                Ok(patched) => return Ok(patched),
                Err(HubError::Said(kube::Error::Api(status))) if status.code == 409 && !last => {
                    let newer = trimmed(self.hub.ask(name, self.works_api.get(name)).await?);
                    if newer.metadata.uid != work.metadata.uid
                        || newer.metadata.generation != work.metadata.generation
                    {
                        // Another spec: its own reconciliation follows.
                        return Ok(Arc::new(newer));
                    }
                    work = Arc::new(newer);
                }
                Err(HubError::Said(kube::Error::Api(status))) if fit::is_refusal(&status) => {
                    return self.report_less(name, work, &wanted, &status.message).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(work)
    }

    /// The hub refuses the status: it is told less, and why.
    async fn report_less(
        &self,
        name: &str,
        work: Arc<Work>,
        wanted: &WorkStatus,
        words: &str,
    ) -> Result<Arc<Work>, HubError> {
        tracing::warn!(work = %name, error = words, "the hub refuses the status; a shorter one is written");
        let mut words = words.to_owned();
        for nothing_else in [false, true] {
            let less = fit::minimal(&work.status, wanted, &words, nothing_else, &now());
            if less == work.status {
                break;
            }
            match self.write_status(name, &work, &less).await {
                Err(HubError::Said(kube::Error::Api(status)))
                    if fit::is_refusal(&status) && !nothing_else =>
                {
                    words = status.message;
                }
                answer => return answer,
            }
        }
        Ok(work)
    }

    async fn write_status(
        &self,
        name: &str,
        work: &Work,
        status: &WorkStatus,
    ) -> Result<Arc<Work>, HubError> {
        let request = rest::replace_status(&self.works_api, KIND, &work.metadata, status);
        Ok(Arc::new(trimmed(self.hub.ask(name, request).await?)))
    }

    /// Says that nothing of the work is applied, and why.
    pub(super) async fn refuse(
        &self,
        name: &str,
        work: &Arc<Work>,
        why: String,
        local: &mut Local,
    ) -> Result<Next, Failure> {
        let generation = work.metadata.generation.unwrap_or_default();
        let said = self
            .report(name, work, |work| {
                status::refused(&work.status, generation, why.clone(), &now())
            })
            .await;
        match said {
            Ok(work) => local.work = Some(work),
            Err(HubError::Silent) => return Ok(super::agent::held()),
            Err(error) => return Err(error.into()),
        }
        Ok(Next::OnChange)
    }

    /// Says that the work is being deleted, and what is `held` once that is known.
    pub(super) async fn say_deleting(
        &self,
        name: &str,
        work: &Arc<Work>,
        held: Option<&[String]>,
    ) -> Result<Arc<Work>, Failure> {
        let generation = work.metadata.generation.unwrap_or_default();
        let said = self
            .report(name, work, |work| {
                status::deleting(&work.status, generation, held, &now())
            })
            .await;
        match said {
            // What belongs to the work can go meanwhile.
            Err(HubError::Silent) => Ok(Arc::clone(work)),
            other => Ok(other?),
        }
    }
}

/// Without managed fields, which nobody here reads.
fn trimmed(mut work: Work) -> Work {
    work.metadata.managed_fields = None;
    work
}
