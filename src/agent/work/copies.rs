//! Copies of the works on the managed cluster, with which an agent that starts
//! while the hub is away goes on correcting drift.
//!
//! A copy is a Secret in the agent's namespace, as works may hold secrets. It
//! belongs to the record of its work: it counts only while that very record is
//! there and is not being deleted, so nothing that was deleted comes back by it.
//! Of an older content there is none: a changed work is copied before it is applied.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde::Serialize;

use super::model::{AppliedWork, FIELD_MANAGER, Work, WorkSpec, WorkStatus};
use super::owner::Owner;
use super::status;

/// Label of the copies.
const LABEL: &str = "ocmadm.io/copy-of";
/// Annotation: what of which work it is a copy of.
const STAMP: &str = "ocmadm.io/stamp";
const KEY: &str = "work";
/// A Secret holds no more than 1 MiB.
const LARGEST: usize = 1_000_000;

/// Where the copies are, and which there are.
pub struct Copies {
    api: Option<Api<Secret>>,
    known: Mutex<HashMap<String, String>>,
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
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks which there are, once; those whose record is gone are removed.
    pub async fn look(&self, has_record: impl Fn(&str) -> bool) -> Result<(), kube::Error> {
        let Some(api) = &self.api else { return Ok(()) };
        let labelled = ListParams::default().labels(LABEL);
        for copy in api.list_metadata(&labelled).await?.items {
            let name = copy.name_any();
            let stamp = copy.annotations().get(STAMP).cloned().unwrap_or_default();
            self.known().insert(name.clone(), stamp);
            if !has_record(&name) {
                self.remove(&name).await;
            }
        }
        Ok(())
    }

    /// Whether there is a copy, of whatever content.
    pub fn has(&self, record: &str) -> bool {
        self.known().contains_key(record)
    }

    /// Copies the work where the copy differs. What cannot be copied is applied
    /// all the same; `false` says that it should be tried again.
    pub async fn keep(&self, record: &AppliedWork, work: &Work) -> bool {
        let Some(api) = &self.api else { return true };
        let name = record.name_any();
        let stamp = stamp(record, work);
        if self.known().get(&name) == Some(&stamp) {
            return true;
        }
        let secret = match secret(record, work, &stamp) {
            Ok(Some(secret)) => secret,
            Ok(None) => {
                tracing::debug!(record = %name, "too large for a copy");
                self.remove(&name).await;
                return true;
            }
            Err(error) => {
                tracing::warn!(record = %name, %error, "a work cannot be copied");
                return true;
            }
        };
        match self.write(api, &name, &secret).await {
            Ok(()) => {
                self.known().insert(name, stamp);
                true
            }
            Err(error) => {
                tracing::warn!(record = %name, %error, "a work cannot be copied: without the hub its drift is not corrected");
                // Rather no copy than an older one.
                self.remove(&name).await;
                false
            }
        }
    }

    /// To an API server, creating and replacing are less work than applying.
    async fn write(
        &self,
        api: &Api<Secret>,
        name: &str,
        secret: &Secret,
    ) -> Result<(), kube::Error> {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let mut exists = self.has(name);
        // It may come or go at the same time: another look each.
        for last in [false, false, true] {
            let written = if exists {
                api.replace(name, &params, secret).await
            } else {
                api.create(&params, secret).await
            };
            match written {
                Err(kube::Error::Api(status)) if status.is_already_exists() && !last => {
                    exists = true;
                }
                Err(error) if is_missing(&error) && exists && !last => exists = false,
                other => return other.map(drop),
            }
        }
        Ok(())
    }

    /// Removes the copy, if there is one.
    pub async fn remove(&self, record: &str) {
        let Some(api) = &self.api else { return };
        if !self.has(record) {
            return;
        }
        match api.delete(record, &DeleteParams::background()).await {
            Err(error) if !is_missing(&error) => {
                // It counts for nothing without its record, whose end is its own.
                tracing::debug!(%record, %error, "a copy stays");
            }
            _ => {
                self.known().remove(record);
            }
        }
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
    let owner = Owner {
        name: record.name_any(),
        uid: record.metadata.uid.clone().unwrap_or_default(),
    };
    Ok(Some(Secret {
        metadata: ObjectMeta {
            name: record.metadata.name.clone(),
            labels: Some(BTreeMap::from([(
                LABEL.to_owned(),
                "manifestwork".to_owned(),
            )])),
            annotations: Some(BTreeMap::from([(STAMP.to_owned(), stamp.to_owned())])),
            owner_references: Some(vec![serde_json::from_value(owner.reference())?]),
            ..ObjectMeta::default()
        },
        type_: Some("ocmadm.io/manifestwork".to_owned()),
        data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(content))])),
        ..Secret::default()
    }))
}

/// The work in a Secret that belongs to this record.
fn parse(secret: &Secret, record: &AppliedWork) -> Option<Work> {
    let owned = secret
        .owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == record.metadata.uid.as_ref());
    if !owned || secret.metadata.deletion_timestamp.is_some() {
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
