//! Update and patch: both make a new object out of the live one.

use std::sync::Arc;

use serde_json::Value;

use super::create::{as_decoding, check_namespace, check_size};
use super::meta::{self, text};
use super::stages::How;
use super::{Registry, Target, convert, refused, stages, typemeta};
use crate::api::{GroupResource, GroupVersionKind};
use crate::golang;
use crate::patch;
use crate::request::RequestContext;
use crate::status::{Cause, Status};
use crate::store::{Expect, WriteError};
use crate::types::{ResourceType, decode};

/// How often a write without a `resourceVersion` is tried again after others
/// came first.
const TRIES: usize = 50;

/// How a patch is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// `application/json-patch+json`
    Json,
    /// `application/merge-patch+json`
    Merge,
    /// `application/strategic-merge-patch+json`
    Strategic,
    /// `application/apply-patch+yaml`: server-side apply.
    Apply,
}

/// A patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// How it is meant.
    pub kind: PatchKind,
    /// What it says.
    pub body: Value,
}

impl Registry {
    /// Replaces an object, or the part that a subresource stands for.
    pub async fn update(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        subresource: &str,
        mut object: Value,
    ) -> Result<Arc<Value>, Status> {
        let target = Target {
            resource,
            namespace,
            name,
            subresource,
        };
        if subresource == "scale" {
            return self.update_scale(context, target, &object).await;
        }
        typemeta::check(resource, &mut object)?;
        check_namespace(resource, namespace, &mut object)?;
        if text(&object, "name").is_empty() {
            return Err(nameless(name));
        }
        check_name(name, &mut object)?;
        stages::decode(context, resource, &mut object)
            .map_err(|status| as_decoding(resource, status))?;
        stages::defaults(resource, &mut object);
        let conditional = !text(&object, "resourceVersion").is_empty();
        if !conditional && resource.custom.is_some() {
            let store = self.store();
            if store.head(resource.storage(), namespace, name).is_none() {
                return Err(Status::not_found(&resource.gr, name));
            }
            let cause = Cause {
                reason: "FieldValueInvalid".to_owned(),
                message: "Invalid value: 0: must be specified for an update".to_owned(),
                field: "metadata.resourceVersion".to_owned(),
            };
            // Here Kubernetes names the resource, not the kind.
            let gr = &resource.gr;
            let gvk = GroupVersionKind::new(&gr.group, &resource.gvk.version, &gr.resource);
            return Err(Status::invalid(&gvk, name, vec![cause]));
        }
        self.modify(context, target, |_| Ok(object.clone())).await
    }

    /// Patches an object, or the part that a subresource stands for.
    pub async fn patch(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Patch,
    ) -> Result<Arc<Value>, Status> {
        let target = Target {
            resource,
            namespace,
            name,
            subresource,
        };
        if subresource == "scale" {
            return self.patch_scale(context, target, patch).await;
        }
        if patch.kind == PatchKind::Apply {
            return self.apply(context, target, &patch.body).await;
        }
        self.modify(context, target, |live| {
            let mut patched = apply_patch(resource, live, patch)?;
            let sent = text(&patched, "uid");
            if sent != text(live, "uid") && !sent.is_empty() {
                let cause = Cause {
                    reason: "FieldValueInvalid".to_owned(),
                    message: format!("Invalid value: {sent:?}: field is immutable"),
                    field: "metadata.uid".to_owned(),
                };
                return Err(Status::invalid(&resource.gvk, name, vec![cause]));
            }
            if patch.kind == PatchKind::Strategic {
                // It changes a structure of the kind, in which there is no other.
                patched["apiVersion"] = resource.gvk.api_version().into();
                patched["kind"] = resource.gvk.kind.clone().into();
            }
            let unreadable = |status: Status| refused_patch(resource, live, patch, &status);
            if resource.custom.is_some() {
                match typemeta::check_patched(&patched) {
                    Err(status) if status.code == 400 => return Err(unreadable(status)),
                    other => other?,
                }
            } else {
                typemeta::check(resource, &mut patched).map_err(|status| {
                    let version = patched["apiVersion"].as_str().unwrap_or_default();
                    let kind = patched["kind"].as_str().unwrap_or_default();
                    let known =
                        version.is_empty() || kind.is_empty() || decode::knows(version, kind);
                    let why = match !known {
                        true => Status::bad_request(unregistered_kind(kind, version)),
                        false => status,
                    };
                    unreadable(why)
                })?;
            }
            if text(&patched, "name").is_empty() {
                return Err(nameless(name));
            }
            check_namespace(resource, namespace, &mut patched)?;
            check_name(name, &mut patched)?;
            stages::decode(context, resource, &mut patched).map_err(unreadable)?;
            stages::defaults(resource, &mut patched);
            Ok(patched)
        })
        .await
    }

    pub(super) async fn apply(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        applied: &Value,
    ) -> Result<Arc<Value>, Status> {
        let resource = target.resource;
        let mut applied = applied.clone();
        if applied.is_null() {
            return Err(Status::bad_request("invalid object type: /, Kind="));
        }
        if !applied.is_object() {
            return Err(Status::bad_request(format!(
                "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                golang::kind(&applied)
            )));
        }
        if applied["kind"] != resource.gvk.kind.as_str()
            || applied["apiVersion"] != resource.gvk.api_version()
        {
            let version = applied["apiVersion"].as_str().unwrap_or_default();
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            return Err(Status::bad_request(format!(
                "invalid object type: {group}/{version}, Kind={}",
                applied["kind"].as_str().unwrap_or_default()
            )));
        }
        typemeta::check(resource, &mut applied)?;
        let named = text(&applied, "namespace").to_owned();
        check_namespace(resource, target.namespace, &mut applied)?;
        check_name(target.name, &mut applied)?;
        stages::decode_applied(context, target, &mut applied, &named)?;
        if let Some(map) = applied.as_object_mut() {
            // What this URL cannot set is not owned through it.
            if target.subresource == "status" {
                map.retain(|field, _| {
                    matches!(
                        field.as_str(),
                        "apiVersion" | "kind" | "metadata" | "status"
                    )
                });
            } else if meta::has_subresource(resource, "status") && target.subresource.is_empty() {
                map.remove("status");
            }
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let live = self
                .store()
                .head(resource.storage(), target.namespace, target.name);
            if live.is_none() {
                if !target.subresource.is_empty() {
                    return Err(Status::not_found(&resource.gr, target.name));
                }
                if !text(&applied, "uid").is_empty() {
                    return Err(Status::conflict(
                        &resource.gr,
                        target.name,
                        &format!(
                            "uid mismatch: the provided object specified uid {}, and no existing object was found",
                            text(&applied, "uid")
                        ),
                    ));
                }
                let object = stages::apply(context, target, None, &applied)?;
                match self
                    .insert(context, resource, target.namespace, object, true)
                    .await
                {
                    Err(status) if status.reason == "AlreadyExists" && tries < TRIES => continue,
                    result => return result,
                }
            }
            let result = self
                .modify_as(context, target, true, |live| {
                    let mut new = stages::apply(context, target, Some(live), &applied)?;
                    for field in ["resourceVersion", "uid"] {
                        let sent = text(&applied, field);
                        if !sent.is_empty() {
                            meta::metadata(&mut new).insert(field.to_owned(), sent.into());
                        }
                    }
                    stages::defaults(resource, &mut new);
                    Ok(new)
                })
                .await;
            match result {
                // Gone in between: make it anew.
                Err(status)
                    if status.reason == "NotFound"
                        && target.subresource.is_empty()
                        && tries < TRIES => {}
                result => return result,
            }
        }
    }

    /// Writes what `make` makes of the live object, as the version of the URL
    /// has it, unless that is the same.
    pub(super) async fn modify(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        make: impl Fn(&Value) -> Result<Value, Status> + Send + Sync,
    ) -> Result<Arc<Value>, Status> {
        self.modify_as(context, target, false, make).await
    }

    /// The same; `applied` when `make` has noted the owner of the fields.
    async fn modify_as(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        applied: bool,
        make: impl Fn(&Value) -> Result<Value, Status> + Send + Sync,
    ) -> Result<Arc<Value>, Status> {
        let Target { resource, name, .. } = target;
        let mut tries = 0;
        loop {
            tries += 1;
            let stored = self
                .store()
                .head(resource.storage(), target.namespace, name)
                .ok_or_else(|| Status::not_found(&resource.gr, name))?;
            let live = convert::show_to_change(resource, stored.clone()).await?;
            let mut new = make(&live)?;
            check_preconditions(target, &live, &new)?;
            meta::keep(&live, &mut new);
            reset(target, &live, &mut new);
            if !applied {
                stages::track(context, target, Some(&live), &mut new);
            }
            let keep = |new: &mut Value| {
                meta::keep(&live, new);
                reset(target, &live, new);
            };
            stages::admit(
                self,
                context,
                target,
                How::Update,
                Some(&live),
                &mut new,
                keep,
            )
            .await?;
            if let Some(cause) = meta::late_finalizers(&live, &new) {
                return Err(Status::invalid(&resource.gvk, name, vec![cause]));
            }
            if matches!(target.subresource, "" | "scale") {
                meta::bump_generation(resource, &live, &mut new);
            }
            check_size(&new)?;
            let gone = live["metadata"].get("deletionTimestamp").is_some()
                && new["metadata"]["deletionGracePeriodSeconds"]
                    .as_i64()
                    .unwrap_or(0)
                    == 0
                && !meta::has_finalizers(&resource.gr, &new);
            if !gone && meta::same(&live, &new) {
                return Ok(live);
            }
            if context.dry_run {
                return Ok(Arc::new(new));
            }
            convert::store(resource, &mut new).await?;
            let revision = Expect::Revision(meta::revision(&stored));
            let result = if gone {
                // The last finalizer is gone, and with it the object.
                self.store_object(target, revision, None)
                    .await
                    .map(|mut last| {
                        let version = last["metadata"]["resourceVersion"].clone();
                        let last = Arc::make_mut(&mut last);
                        *last = new;
                        last["metadata"]["resourceVersion"] = version;
                        Arc::new(last.take())
                    })
            } else {
                self.store_object(target, revision, Some(new)).await
            };
            match result {
                Ok(object) => return convert::show(resource, object).await,
                // A write that names its version fails at the next look.
                Err(WriteError::Changed(_)) if tries < TRIES => {}
                Err(error) => return Err(refused(resource, name, error)),
            }
        }
    }
}

fn apply_patch(resource: &ResourceType, live: &Value, patch: &Patch) -> Result<Value, Status> {
    match patch.kind {
        PatchKind::Json => patch::json_patch(live, &patch.body),
        PatchKind::Merge => patch::merge_patch(live, &patch.body),
        PatchKind::Strategic => patch::strategic_merge_patch(&resource.schema, live, &patch.body),
        // Handled before.
        PatchKind::Apply => Err(Status::internal("an apply is no patch of this kind")),
    }
}

/// The 400 of an update whose object does not say what it is.
pub(super) fn nameless(name: &str) -> Status {
    Status::bad_request(format!(
        "the name of the object ({name} based on URL) was undeterminable: name must be provided"
    ))
}

/// The sentence about a type that a server of built-in types has not.
pub(super) fn unregistered_kind(kind: &str, version: &str) -> String {
    format!(
        "no kind \"{kind}\" is registered for version \"{version}\" in scheme \"pkg/runtime/scheme.go:111\""
    )
}

/// The 422 of a patch whose result cannot be read. A strategic patch is shown as
/// it was sent, of others what they make of the object.
fn refused_patch(resource: &ResourceType, live: &Value, patch: &Patch, status: &Status) -> Status {
    let patched = apply_patch(resource, live, patch);
    if patch.kind != PatchKind::Strategic {
        let shown = patched.unwrap_or_default().to_string();
        return in_patch(&shown, &status.message);
    }
    let shown = golang::plain(&patch.body);
    let why = patched
        .ok()
        .and_then(|patched| decode::converted(&resource.gvk, &patched));
    in_patch(&shown, why.as_deref().unwrap_or(&status.message))
}

/// The 422 of a patch, shown like this.
pub(super) fn in_patch(shown: &str, why: &str) -> Status {
    let message = format!("Invalid value: {shown:?}: {why}");
    let mut answer = Status::new(
        422,
        "Invalid",
        format!(" \"\" is invalid: patch: {message}"),
    );
    answer.causes.push(Cause {
        reason: "FieldValueInvalid".to_owned(),
        message,
        field: "patch".to_owned(),
    });
    answer
}

fn check_name(name: &str, object: &mut Value) -> Result<(), Status> {
    let sent = text(object, "name");
    if sent.is_empty() {
        meta::metadata(object).insert("name".to_owned(), name.into());
    } else if sent != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({sent}) does not match the name on the URL ({name})"
        )));
    }
    Ok(())
}

/// Refuses a write meant for another version or another object.
fn check_preconditions(target: Target<'_>, live: &Value, new: &Value) -> Result<(), Status> {
    let gr = &target.resource.gr;
    let (sent_uid, uid) = (text(new, "uid"), text(live, "uid"));
    if !sent_uid.is_empty() && sent_uid != uid {
        return Err(Status::conflict(
            gr,
            target.name,
            &format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {sent_uid}, UID in object meta: {uid}",
                gr.resource,
                if target.namespace.is_empty() {
                    target.name.to_owned()
                } else {
                    format!("{}/{}", target.namespace, target.name)
                },
            ),
        ));
    }
    let sent = text(new, "resourceVersion");
    if sent.is_empty() || sent == "0" {
        return Ok(());
    }
    if sent.parse::<u64>().is_err() {
        return Err(Status::new(
            500,
            "",
            format!("strconv.ParseUint: parsing \"{sent}\": invalid syntax"),
        ));
    }
    if sent != text(live, "resourceVersion") {
        return Err(Status::conflict(gr, target.name, meta::MODIFIED));
    }
    Ok(())
}

/// Puts back what this URL cannot change: the status through the object, all
/// but the status through `status`.
fn reset(target: Target<'_>, live: &Value, new: &mut Value) {
    let resource = target.resource;
    let keep = |new: &mut Value, field: &str| match (live.get(field), new.as_object_mut()) {
        (Some(value), Some(map)) => {
            map.insert(field.to_owned(), value.clone());
        }
        (None, Some(map)) => {
            map.remove(field);
        }
        (_, None) => {}
    };
    match target.subresource {
        "" if meta::has_subresource(resource, "status") => keep(new, "status"),
        "status" => {
            let mut fields: Vec<String> = Vec::new();
            for object in [live, &*new] {
                fields.extend(
                    object
                        .as_object()
                        .into_iter()
                        .flat_map(|map| map.keys().cloned()),
                );
            }
            for field in fields {
                if !matches!(
                    field.as_str(),
                    "apiVersion" | "kind" | "metadata" | "status"
                ) {
                    keep(new, &field);
                }
            }
            let managed = new["metadata"]["managedFields"].take();
            if resource.custom.is_some() {
                new["metadata"] = live["metadata"].clone();
            } else if resource.gr != GroupResource::new("", "nodes") {
                for field in ["labels", "ownerReferences"] {
                    match live["metadata"].get(field) {
                        Some(value) => new["metadata"][field] = value.clone(),
                        None => {
                            meta::metadata(new).remove(field);
                        }
                    }
                }
            }
            if managed.is_null() {
                meta::metadata(new).remove("managedFields");
            } else {
                new["metadata"]["managedFields"] = managed;
            }
        }
        _ => {}
    }
}

impl Registry {
    /// Gives a pod its node, as a scheduler does.
    pub async fn bind(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        node: &str,
    ) -> Result<Arc<Value>, Status> {
        let target = Target {
            resource,
            namespace,
            name,
            subresource: "binding",
        };
        self.modify(context, target, |live| {
            let bound = live["spec"]["nodeName"].as_str().unwrap_or_default();
            if !bound.is_empty() && bound != node {
                let why = format!("pod {name} is already assigned to node {bound:?}");
                return Err(Status::conflict(&resource.gr, name, &why));
            }
            let mut new = live.clone();
            new["spec"]["nodeName"] = node.into();
            let now = meta::now();
            let conditions = &mut new["status"]["conditions"];
            let scheduled = serde_json::json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": now, "lastProbeTime": null});
            match conditions.as_array_mut() {
                Some(list) => {
                    list.retain(|condition| condition["type"] != "PodScheduled");
                    list.push(scheduled);
                }
                None => *conditions = serde_json::json!([scheduled]),
            }
            Ok(new)
        })
        .await
    }
}
