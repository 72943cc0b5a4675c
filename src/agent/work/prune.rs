//! What happens to resources that a work no longer has: [`decide`] is pure,
//! [`prune`] carries it out.

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use kube::Client;
use serde_json::{Value, json};

use super::model::AppliedResource;
use super::owner::{self, Owner};
use super::rest::{PatchKind, Rest, RestError};
use crate::k8s::discovery::Discovery;

/// What to do with one recorded resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Prune {
    /// It is none of ours (any more).
    Forget,
    /// Another work owns it too: only take our reference away.
    Release(Value),
    /// It is being deleted.
    Wait,
    /// Delete the object with this UID.
    Delete(String),
}

/// Decides for one recorded resource; `live` is what exists.
pub fn decide(entry: &AppliedResource, live: Option<&Value>, owner: &Owner) -> Prune {
    let Some(live) = live else {
        return Prune::Forget;
    };
    let references = owner::references(live);
    let ours = |r: &Value| r["uid"] == owner.uid.as_str();
    if !references.iter().any(ours) {
        return Prune::Forget;
    }
    if references
        .iter()
        .any(|r| owner::applied_work(r) && !ours(r))
    {
        let kept: Vec<&Value> = references.iter().filter(|r| !ours(r)).collect();
        return Prune::Release(json!({"metadata": {
            "uid": live["metadata"]["uid"],
            "resourceVersion": live["metadata"]["resourceVersion"],
            "ownerReferences": kept,
        }}));
    }
    let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
    // An entry without UID was written before the object was created.
    if !entry.uid.is_empty() && entry.uid != uid {
        return Prune::Forget;
    }
    if !live["metadata"]["deletionTimestamp"].is_null() {
        return Prune::Wait;
    }
    Prune::Delete(uid.to_owned())
}

/// What is left after pruning.
#[derive(Debug, Default)]
pub struct Left {
    /// Resources that are still there, being deleted.
    pub pending: Vec<AppliedResource>,
    /// The same in words, with what holds them.
    pub held: Vec<String>,
    /// Resources that could not be looked at or deleted, and why.
    pub failed: Vec<(AppliedResource, RestError)>,
}

impl Left {
    /// What is to be said of resources that could not be deleted.
    pub fn unpruned(&self) -> Vec<String> {
        let told = |(entry, error): &(AppliedResource, RestError)| {
            format!("{} ({error}; tried again within 30s)", name_of(entry))
        };
        let mut told: Vec<String> = self.failed.iter().map(told).collect();
        told.sort();
        told
    }
}

/// A resource, for people.
fn name_of(entry: &AppliedResource) -> String {
    let mut resource = entry.resource.clone();
    if !entry.group.is_empty() {
        resource = format!("{resource}.{}", entry.group);
    }
    if entry.namespace.is_empty() {
        format!("{resource} {}", entry.name)
    } else {
        format!("{resource} {}/{}", entry.namespace, entry.name)
    }
}

/// What holds an object that is being deleted.
fn holder(live: &Value) -> String {
    let finalizers: Vec<&str> = live["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if finalizers.is_empty() {
        "is ending".to_owned()
    } else {
        format!("finalizers: {}", finalizers.join(", "))
    }
}

/// Whether the agent itself lacks the right (then garbage collection, which has
/// it, is left to delete what the record owned). Webhooks and policies that say
/// no mean it for everybody.
pub fn is_forbidden(error: &RestError) -> bool {
    error.code() == 403
        && !error.to_string().starts_with("admission webhook ")
        && ["get", "delete", "patch"].iter().any(|verb| {
            error
                .to_string()
                .contains(&format!(" cannot {verb} resource "))
        })
}

/// The version of an object whose only owning work is this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sole {
    /// UID of the record that owns it.
    pub owner: String,
    /// The object's UID.
    pub uid: String,
    /// The object's version.
    pub version: String,
}

impl Sole {
    /// Of an object that was just read; `None` if it has other works, none, or
    /// is being deleted.
    pub fn of(live: &Value) -> Option<Self> {
        let mut works = owner::references(live)
            .iter()
            .filter(|r| owner::applied_work(r));
        let (one, another) = (works.next()?, works.next());
        let metadata = &live["metadata"];
        if another.is_some() || !metadata["deletionTimestamp"].is_null() {
            return None;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            owner: text(&one["uid"])?,
            uid: text(&metadata["uid"])?,
            version: text(&metadata["resourceVersion"])?,
        })
    }
}

/// Prunes `entries`, a few at a time. Those that `known` finds are deleted
/// without another look, as long as they are what was seen.
pub async fn prune(
    client: &Client,
    discovery: &Discovery,
    entries: Vec<AppliedResource>,
    owner: &Owner,
    known: impl Fn(&AppliedResource) -> Option<Sole>,
) -> Left {
    let entries: Vec<_> = entries
        .into_iter()
        .map(|entry| {
            let sole =
                known(&entry).filter(|sole| sole.owner == owner.uid && sole.uid == entry.uid);
            (entry, sole)
        })
        .collect();
    let outcomes = stream::iter(entries)
        .map(|(entry, sole)| async move {
            let gone = one(client, discovery, &entry, owner, sole).await;
            (entry, gone)
        })
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
    let mut left = Left::default();
    for (entry, outcome) in outcomes {
        match outcome {
            Ok(None) => {}
            Ok(Some(why)) => {
                left.held.push(format!("{} ({why})", name_of(&entry)));
                left.pending.push(entry);
            }
            Err(error) => left.failed.push((entry, error)),
        }
    }
    left.pending.sort();
    left.held.sort();
    left
}

/// What holds the resource; `None` when the entry can be forgotten.
async fn one(
    client: &Client,
    discovery: &Discovery,
    entry: &AppliedResource,
    owner: &Owner,
    sole: Option<Sole>,
) -> Result<Option<String>, RestError> {
    let mapping = discovery
        .by_plural(&entry.group, &entry.version, &entry.resource)
        .await
        .map_err(|e| RestError::Build(Box::new(e)))?;
    // A resource that the server does not have (any more) has no objects.
    let Some(mapping) = mapping else {
        return Ok(None);
    };
    let rest = Rest::new(client, &Arc::clone(&mapping), &entry.namespace);
    if let Some(Sole { uid, version, .. }) = sole {
        match rest.delete_version(&entry.name, &uid, &version).await {
            Err(error) if error.code() == 404 => return Ok(None),
            // It is another by now.
            Err(error) if error.code() == 409 => {}
            other => return Ok(other?.map(|object| holder(&object))),
        }
    }
    // Another writer may come between: look again.
    for _ in 0..4 {
        let live = rest.get(&entry.name).await?;
        let answer = match decide(entry, live.as_ref(), owner) {
            Prune::Forget => return Ok(None),
            Prune::Wait => return Ok(live.as_ref().map(holder)),
            Prune::Release(patch) => rest
                .patch(&entry.name, PatchKind::Merge, &patch)
                .await
                .map(|_| None),
            Prune::Delete(uid) => rest.delete(&entry.name, Some(&uid)).await,
        };
        match answer {
            Err(error) if error.code() == 404 => return Ok(None),
            Err(error) if error.code() == 409 => {}
            other => return Ok(other?.map(|object| holder(&object))),
        }
    }
    Ok(Some("somebody changes it all the time".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            name: "hash-w".into(),
            uid: "me".into(),
        }
    }

    fn entry(uid: &str) -> AppliedResource {
        AppliedResource {
            version: "v1".into(),
            resource: "configmaps".into(),
            name: "c".into(),
            uid: uid.into(),
            ..Default::default()
        }
    }

    fn live(references: &[Value]) -> Value {
        json!({"metadata": {"uid": "live", "resourceVersion": "5", "ownerReferences": references}})
    }

    #[test]
    fn work_32_what_is_ours_is_deleted_with_its_uid() {
        let object = live(&[owner().reference()]);
        assert_eq!(
            decide(&entry("live"), Some(&object), &owner()),
            Prune::Delete("live".into())
        );
        assert_eq!(decide(&entry("live"), None, &owner()), Prune::Forget);
        let mut leaving = object;
        leaving["metadata"]["deletionTimestamp"] = "t".into();
        assert_eq!(
            decide(&entry("live"), Some(&leaving), &owner()),
            Prune::Wait
        );
    }

    #[test]
    fn work_34_a_shared_object_only_loses_our_reference() {
        let other = Owner {
            name: "hash-v".into(),
            uid: "other".into(),
        }
        .reference();
        let object = live(&[owner().reference(), other.clone()]);
        let Prune::Release(patch) = decide(&entry("live"), Some(&object), &owner()) else {
            panic!();
        };
        assert_eq!(patch["metadata"]["ownerReferences"], json!([other]));
        assert_eq!(patch["metadata"]["resourceVersion"], "5");
    }

    #[test]
    fn work_35_owners_of_other_kinds_do_not_protect() {
        let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "f", "uid": "x"});
        let object = live(&[foreign, owner().reference()]);
        assert_eq!(
            decide(&entry("live"), Some(&object), &owner()),
            Prune::Delete("live".into())
        );
    }

    #[test]
    fn work_36_and_40_what_is_not_ours_is_left() {
        assert_eq!(
            decide(&entry("live"), Some(&live(&[])), &owner()),
            Prune::Forget
        );
        let recreated = live(&[owner().reference()]);
        assert_eq!(
            decide(&entry("old"), Some(&recreated), &owner()),
            Prune::Forget
        );
    }

    #[test]
    fn only_what_belongs_to_one_work_is_deleted_unseen() {
        let other = Owner {
            name: "hash-v".into(),
            uid: "other".into(),
        }
        .reference();
        let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "f", "uid": "x"});
        let ours = owner().reference();
        assert_eq!(
            Sole::of(&live(&[foreign, ours.clone()])),
            Some(Sole {
                owner: "me".into(),
                uid: "live".into(),
                version: "5".into()
            })
        );
        assert_eq!(Sole::of(&live(&[ours.clone(), other])), None);
        assert_eq!(Sole::of(&live(&[])), None);
        let mut leaving = live(&[ours]);
        leaving["metadata"]["deletionTimestamp"] = "t".into();
        assert_eq!(Sole::of(&leaving), None);
    }

    #[test]
    fn an_entry_without_uid_was_recorded_before_its_object() {
        let object = live(&[owner().reference()]);
        assert_eq!(
            decide(&entry(""), Some(&object), &owner()),
            Prune::Delete("live".into())
        );
    }

    fn refusal(code: u16, message: &str) -> RestError {
        let status = json!({"code": code, "message": message});
        RestError::Api(Box::new(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn only_missing_rights_leave_a_resource_to_garbage_collection() {
        let rights = "configmaps \"a\" is forbidden: User \"u\" cannot delete resource \"configmaps\" in API group \"\"";
        let webhook = "admission webhook \"keep.example.com\" denied the request: it cannot delete resource a";
        let policy =
            "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' denied request: no";
        assert!(is_forbidden(&refusal(403, rights)));
        assert!(!is_forbidden(&refusal(500, rights)));
        assert!(!is_forbidden(&refusal(403, policy)));
        assert!(!is_forbidden(&refusal(403, webhook)));
    }

    #[test]
    fn what_holds_a_resource_is_named() {
        let mut left = Left::default();
        let mut entry = entry("u");
        entry.namespace = "default".into();
        left.failed.push((entry, refusal(403, "denied")));
        assert_eq!(
            left.unpruned(),
            ["configmaps default/c (denied; tried again within 30s)"]
        );
        let mut object = live(&[]);
        assert_eq!(holder(&object), "is ending");
        object["metadata"]["finalizers"] = json!(["a/b", "c"]);
        assert_eq!(holder(&object), "finalizers: a/b, c");
    }
}
