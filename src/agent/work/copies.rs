//! Copies of the works on the managed cluster, with which an agent that starts
//! while the hub is away goes on correcting drift.
//!
//! A copy is a Secret in the agent's namespace, as works may hold secrets. It
//! belongs to the record of its work: it counts only while that very record is
//! there and is not being deleted, so nothing that was deleted comes back by it.
//! Of an older content there is none: a changed work is copied before it is applied.
//! What has time for that waits until all works are looked after, and is done one after
//! the other: the first copy of a work, and the end of one. No copy is owned by its
//! record, as garbage collection would then spend more requests on its end than the
//! agent does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::model::{AppliedWork, FIELD_MANAGER, Work, WorkSpec, WorkStatus};
use super::status;
use crate::runtime::{Failure, Next, Queue};

/// Label of the copies.
const LABEL: &str = "ocmadm.io/copy-of";
/// Annotation: what of which work it is a copy of.
const STAMP: &str = "ocmadm.io/stamp";
const KEY: &str = "work";
/// How long errands wait for works that do not end.
const PATIENCE: Duration = Duration::from_secs(10);
/// A Secret holds no more than 1 MiB.
const LARGEST: usize = 1_000_000;

/// Where the copies are, and which there are.
pub struct Copies {
    api: Option<Api<Secret>>,
    state: Mutex<State>,
    /// Copies that have something to be done about, by name.
    errands: Queue<String>,
    /// Held while an errand is run.
    running: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The stamps of the copies that are there.
    known: HashMap<String, String>,
    /// What is to be done when there is time.
    errands: HashMap<String, Errand>,
    /// The copy whose errand is run.
    busy: Option<String>,
    /// When the first of the errands began to wait for the works.
    waiting: Option<Instant>,
}

/// What has time.
enum Errand {
    /// The first copy.
    Write(Arc<AppliedWork>, Arc<Work>),
    /// A copy that is of nothing any more.
    Remove,
}

#[derive(Serialize)]
struct Content<'a> {
    metadata: &'a ObjectMeta,
    spec: &'a WorkSpec,
    status: WorkStatus,
}

impl Copies {
    /// Copies in a namespace; none at all without one.
    pub fn new(client: &Client, namespace: Option<&str>) -> Self {
        Self {
            api: namespace.map(|namespace| Api::namespaced(client.clone(), namespace)),
            state: Mutex::default(),
            errands: Queue::default(),
            running: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks which there are, once; those whose record is gone are removed.
    pub async fn look(&self, has_record: impl Fn(&str) -> bool) -> Result<(), kube::Error> {
        let Some(api) = &self.api else { return Ok(()) };
        let labelled = ListParams::default().labels(LABEL);
        for copy in api.list_metadata(&labelled).await?.items {
            let name = copy.name_any();
            let stamp = copy.annotations().get(STAMP).cloned().unwrap_or_default();
            self.state().known.insert(name.clone(), stamp);
            if !has_record(&name) {
                self.remove_later(&name);
            }
        }
        Ok(())
    }

    /// The copies that have something to be done about: for [`Self::run_errand`].
    pub const fn errands(&self) -> &Queue<String> {
        &self.errands
    }

    /// Whether there is a copy, of whatever content, or there will be any moment.
    fn has(&self, record: &str) -> bool {
        let state = self.state();
        state.known.contains_key(record) || state.busy.as_deref() == Some(record)
    }

    /// Copies the work where the copy differs, at once if there is an older one. What
    /// cannot be copied is applied all the same; `false` says that it should be tried
    /// again.
    pub async fn keep(&self, record: &Arc<AppliedWork>, work: &Arc<Work>) -> bool {
        let Some(api) = &self.api else { return true };
        let name = record.name_any();
        if !self.has(&name) {
            let errand = Errand::Write(Arc::clone(record), Arc::clone(work));
            self.state().errands.insert(name.clone(), errand);
            self.errands.add(name);
            return true;
        }
        self.state().errands.remove(&name);
        if self.state().busy.as_ref() == Some(&name) {
            drop(self.running.lock().await);
        }
        match self.write(api, record, work).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(record = %name, %error, "a work cannot be copied: without the hub its drift is not corrected");
                // Rather no copy than an older one.
                if let Err(error) = self.remove(api, &name).await {
                    tracing::warn!(record = %name, %error, "its older copy stays");
                }
                false
            }
        }
    }

    /// Removes the copy, if there is one, when there is time: without its record it
    /// counts for nothing.
    pub fn remove_later(&self, record: &str) {
        if self.has(record) {
            let errand = Errand::Remove;
            self.state().errands.insert(record.to_owned(), errand);
            self.errands.add(record.to_owned());
        } else {
            self.state().errands.remove(record);
        }
    }

    /// Does what is to be done about a copy, when no work wants to be looked after.
    pub async fn run_errand(
        &self,
        name: String,
        works: impl Future<Output = ()>,
    ) -> Result<Next, Failure> {
        let Some(api) = &self.api else {
            return Ok(Next::OnChange);
        };
        let since = *self.state().waiting.get_or_insert_with(Instant::now);
        if timeout_at(since + PATIENCE, works).await.is_ok() {
            self.state().waiting = None;
        }
        let _running = self.running.lock().await;
        let errand = {
            let mut state = self.state();
            let errand = state.errands.remove(&name);
            state.busy = errand.is_some().then(|| name.clone());
            errand
        };
        let Some(errand) = errand else {
            return Ok(Next::OnChange);
        };
        let done = match &errand {
            Errand::Write(record, work) => self.write(api, record, work).await,
            Errand::Remove => self.remove(api, &name).await,
        };
        let mut state = self.state();
        state.busy = None;
        if let Err(error) = done {
            state.errands.entry(name).or_insert(errand);
            return Err(error.into());
        }
        Ok(Next::OnChange)
    }

    /// Writes the copy where it differs.
    async fn write(
        &self,
        api: &Api<Secret>,
        record: &AppliedWork,
        work: &Work,
    ) -> Result<(), kube::Error> {
        let (name, stamp) = (record.name_any(), stamp(record, work));
        if self.state().known.get(&name) == Some(&stamp) {
            return Ok(());
        }
        match secret(record, work, &stamp) {
            Ok(Some(secret)) => {
                self.send(api, &name, &secret).await?;
                self.state().known.insert(name, stamp);
                Ok(())
            }
            Ok(None) => {
                tracing::debug!(record = %name, "too large for a copy");
                self.remove(api, &name).await
            }
            Err(error) => Err(kube::Error::SerdeError(error)),
        }
    }

    /// To an API server, creating and replacing are less work than applying.
    async fn send(
        &self,
        api: &Api<Secret>,
        name: &str,
        secret: &Secret,
    ) -> Result<(), kube::Error> {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let mut exists = self.state().known.contains_key(name);
        let mut looks = 3;
        loop {
            let written = if exists {
                api.replace(name, &params, secret).await
            } else {
                api.create(&params, secret).await
            };
            let was_wrong = match &written {
                Err(kube::Error::Api(status)) if !exists => status.is_already_exists(),
                Err(error) if exists => is_missing(error),
                _ => false,
            };
            looks -= 1;
            if !was_wrong || looks == 0 {
                return written.map(drop);
            }
            // It came or went at the same time.
            exists = !exists;
        }
    }

    /// Removes the copy, if there is one.
    async fn remove(&self, api: &Api<Secret>, name: &str) -> Result<(), kube::Error> {
        if !self.state().known.contains_key(name) {
            return Ok(());
        }
        match api.delete(name, &DeleteParams::background()).await {
            Err(error) if !is_missing(&error) => return Err(error),
            _ => self.state().known.remove(name),
        };
        Ok(())
    }

    /// The work as it was applied last, if this very record is of it.
    pub async fn read(&self, record: &AppliedWork) -> Result<Option<Arc<Work>>, kube::Error> {
        let Some(api) = &self.api else {
            return Ok(None);
        };
        Ok(api
            .get_opt(&record.name_any())
            .await?
            .and_then(|secret| parse(&secret, record))
            .map(Arc::new))
    }
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}

/// What a copy is of: the record, the work, its generation, and what of it is
/// complete and therefore left alone.
fn stamp(record: &AppliedWork, work: &Work) -> String {
    let complete = status::complete(&work.status.conditions);
    let manifests: Vec<String> = work
        .status
        .resource_status
        .manifests
        .iter()
        .filter(|manifest| status::complete(&manifest.conditions))
        .map(|manifest| manifest.resource_meta.ordinal.to_string())
        .collect();
    format!(
        "{} {} {} {complete} {}",
        record.metadata.uid.as_deref().unwrap_or_default(),
        work.metadata.uid.as_deref().unwrap_or_default(),
        work.metadata.generation.unwrap_or_default(),
        manifests.join(",")
    )
}

/// Of the status only what says that something is complete.
fn trimmed(full: &WorkStatus) -> WorkStatus {
    let mut trimmed = WorkStatus::default();
    let complete = |c: &&super::model::Condition| c.kind == "Complete" && c.status == "True";
    trimmed.conditions = full.conditions.iter().filter(complete).cloned().collect();
    for manifest in &full.resource_status.manifests {
        if status::complete(&manifest.conditions) {
            let mut manifest = manifest.clone();
            manifest.status_feedback = super::model::StatusFeedback::default();
            trimmed.resource_status.manifests.push(manifest);
        }
    }
    trimmed
}

/// The Secret; none when it would be too large.
fn secret(
    record: &AppliedWork,
    work: &Work,
    stamp: &str,
) -> Result<Option<Secret>, serde_json::Error> {
    let content = serde_json::to_vec(&Content {
        metadata: &work.metadata,
        spec: &work.spec,
        status: trimmed(&work.status),
    })?;
    if content.len() > LARGEST {
        return Ok(None);
    }
    Ok(Some(Secret {
        metadata: ObjectMeta {
            name: record.metadata.name.clone(),
            labels: Some(BTreeMap::from([(
                LABEL.to_owned(),
                "manifestwork".to_owned(),
            )])),
            annotations: Some(BTreeMap::from([(STAMP.to_owned(), stamp.to_owned())])),
            ..ObjectMeta::default()
        },
        type_: Some("ocmadm.io/manifestwork".to_owned()),
        data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(content))])),
        ..Secret::default()
    }))
}

/// The work in a Secret that belongs to this record.
fn parse(secret: &Secret, record: &AppliedWork) -> Option<Work> {
    let stamp = secret.annotations().get(STAMP)?;
    let of = stamp.split(' ').next();
    if of.is_none_or(str::is_empty)
        || of != record.metadata.uid.as_deref()
        || secret.metadata.deletion_timestamp.is_some()
    {
        return None;
    }
    let content = secret.data.as_ref()?.get(KEY)?;
    // The error would quote what is in it.
    serde_json::from_slice(&content.0).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(uid: &str) -> AppliedWork {
        let mut record = AppliedWork::default();
        record.metadata.name = Some("hash-w".to_owned());
        record.metadata.uid = Some(uid.to_owned());
        record
    }

    fn work(value: &str) -> Work {
        serde_json::from_value(json!({
            "metadata": {"name": "w", "namespace": "c", "uid": "u", "generation": 3},
            "spec": {"workload": {"manifests": [{"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "s"}, "stringData": {"a": value}}]}},
            "status": {"conditions": [
                {"type": "Applied", "status": "True"}, {"type": "Complete", "status": "True"}]},
        }))
        .unwrap()
    }

    #[test]
    fn a_copy_is_read_for_its_record_and_no_other() {
        let (record, other) = (record("r"), record("s"));
        let stamp = stamp(&record, &work("x"));
        let secret = secret(&record, &work("x"), &stamp).unwrap().unwrap();
        assert!(parse(&secret, &other).is_none());
        let read = parse(&secret, &record).unwrap();
        assert_eq!(read.metadata.generation, Some(3));
        assert_eq!(
            read.spec.workload.manifests[0].text(),
            work("x").spec.workload.manifests[0].text()
        );
        assert!(status::complete(&read.status.conditions));
        assert_eq!(read.status.conditions.len(), 1);
        let mut leaving = secret;
        leaving.metadata.deletion_timestamp =
            serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        assert!(parse(&leaving, &record).is_none());
    }

    #[test]
    fn what_is_too_large_has_no_copy() {
        let huge = work(&"x".repeat(LARGEST));
        assert!(secret(&record("r"), &huge, "").unwrap().is_none());
    }
}
