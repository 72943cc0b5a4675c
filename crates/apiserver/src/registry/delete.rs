//! Delete and deletecollection.

use std::sync::Arc;

use serde_json::{Value, json};

use super::meta::{self, text};
use super::stages::How;
use super::{ListOptions, Registry, RequestContext, Target, convert, refused, stages};
use crate::api::GroupResource;
use crate::builtin;
use crate::request::DeleteOptions;
use crate::status::Status;
use crate::store::{Expect, Object, WriteError};
use crate::types::ResourceType;

/// How often a delete is tried again after others came first.
const TRIES: usize = 50;
const CRD_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What became of an object.
#[derive(Clone, Debug)]
pub struct Deleted {
    /// Its last state, or the present one.
    pub object: Arc<Value>,
    /// Whether it is gone; otherwise it waits for its finalizers.
    pub gone: bool,
}

impl Registry {
    /// Deletes an object, or begins to when it has finalizers.
    pub async fn delete(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        let target = Target {
            resource,
            namespace,
            name,
            subresource: "",
        };
        let dry_run = context.dry_run || options.dry_run;
        let mut tries = 0;
        loop {
            tries += 1;
            let live = self
                .store()
                .head(resource.storage(), namespace, name)
                .ok_or_else(|| Status::not_found(&resource.gr, name))?;
            preconditions(target, &live, options)?;
            let mut nothing = Value::Null;
            let how = How::Delete(options);
            let keep = |_: &mut Value| {};
            stages::admit(self, context, target, how, Some(&live), &mut nothing, keep).await?;
            let expect = Expect::Revision(meta::revision(&live));
            let (new, gone) = match mark(resource, &live, options) {
                Mark::Gone => (None, true),
                Mark::Stays => {
                    return Ok(Deleted {
                        object: convert::show(resource, live).await?,
                        gone: false,
                    });
                }
                Mark::Waits(new) => (Some(new), false),
            };
            if dry_run {
                let object = new.map_or(live, Arc::new);
                return Ok(Deleted {
                    object: convert::show(resource, object).await?,
                    gone,
                });
            }
            match self.store_object(target, expect, new).await {
                Ok(mut object) => {
                    if gone && resource.gr == GroupResource::new("", "pods") {
                        // A pod says how long it had.
                        let metadata = meta::metadata(Arc::make_mut(&mut object));
                        metadata.insert("deletionTimestamp".to_owned(), meta::time(0).into());
                        metadata.insert("deletionGracePeriodSeconds".to_owned(), 0.into());
                    }
                    return Ok(Deleted {
                        object: convert::show(resource, object).await?,
                        gone,
                    });
                }
                Err(WriteError::Changed(_)) if tries < TRIES => {}
                Err(error) => return Err(refused(resource, name, error)),
            }
        }
    }

    /// Deletes what a list would show; answers what was there.
    pub async fn delete_collection(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: Option<&str>,
        options: &DeleteOptions,
        selection: &ListOptions,
    ) -> Result<Vec<Object>, Status> {
        let list = self.list(context, resource, namespace, selection).await?;
        for object in &list.items {
            let header = object.header();
            let result = self
                .delete(
                    context,
                    resource,
                    text(&header, "namespace"),
                    text(&header, "name"),
                    options,
                )
                .await;
            match result {
                Err(status) if status.reason != "NotFound" => return Err(status),
                _ => {}
            }
        }
        Ok(list.items)
    }
}

fn preconditions(target: Target<'_>, live: &Value, options: &DeleteOptions) -> Result<(), Status> {
    for (what, field, wanted) in [
        ("UID", "uid", &options.uid),
        (
            "ResourceVersion",
            "resourceVersion",
            &options.resource_version,
        ),
    ] {
        let Some(wanted) = wanted else { continue };
        let present = text(live, field);
        if wanted != present {
            let gvk = &target.resource.gvk;
            let end = if field == "uid" {
                "deleted and then recreated"
            } else {
                "modified"
            };
            // Namespaces have words of their own.
            if target.resource.gr == GroupResource::new("", "namespaces") {
                return Err(Status::conflict(
                    &target.resource.gr,
                    target.name,
                    &format!(
                        "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {present}"
                    ),
                ));
            }
            // Here Kubernetes names the kind.
            let named = GroupResource::new(&gvk.group, &gvk.kind);
            return Err(Status::conflict(
                &named,
                target.name,
                &format!(
                    "the {what} in the precondition ({wanted}) does not match the {what} in record ({present}). The object might have been {end}"
                ),
            ));
        }
    }
    Ok(())
}

enum Mark {
    /// Nothing keeps it.
    Gone,
    /// It is being deleted already, and there is nothing to add.
    Stays,
    /// It is kept with a `deletionTimestamp`.
    Waits(Value),
}

fn mark(resource: &ResourceType, live: &Value, options: &DeleteOptions) -> Mark {
    let mut new = live.clone();
    builtin::on_deletion(&resource.gr, &mut new);
    let metadata = meta::metadata(&mut new);
    let mut finalizers: Vec<Value> = metadata
        .get("finalizers")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let before = finalizers.clone();
    match options.propagation.as_deref() {
        Some("Orphan") => {
            finalizers.retain(|name| name != FOREGROUND);
            if !finalizers.iter().any(|name| name == ORPHAN) {
                finalizers.push(json!(ORPHAN));
            }
        }
        Some("Foreground") => {
            finalizers.retain(|name| name != ORPHAN);
            if !finalizers.iter().any(|name| name == FOREGROUND) {
                finalizers.push(json!(FOREGROUND));
            }
        }
        Some("Background") => finalizers.retain(|name| name != FOREGROUND && name != ORPHAN),
        _ => {}
    }
    // Its objects go before a definition does.
    let definition = resource.gr == stages::crd_resource();
    if definition
        && live["metadata"].get("deletionTimestamp").is_none()
        && !finalizers.iter().any(|name| name == CRD_FINALIZER)
    {
        finalizers.push(json!(CRD_FINALIZER));
    }
    let changed = finalizers != before;
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), Value::Array(finalizers));
    }
    let grace = grace_period(resource, live, options);
    let marked = live["metadata"].get("deletionTimestamp").is_some();
    if grace == 0 && !meta::has_finalizers(&resource.gr, &new) {
        return Mark::Gone;
    }
    let shorter = marked
        && live["metadata"]["deletionGracePeriodSeconds"]
            .as_i64()
            .is_some_and(|before| grace < before);
    if marked && !changed && !shorter {
        return Mark::Stays;
    }
    if !marked || shorter {
        let metadata = meta::metadata(&mut new);
        metadata.insert("deletionTimestamp".to_owned(), meta::time(grace).into());
        metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
        if !marked {
            meta::add_generation(&mut new);
        }
    }
    builtin::on_deletion(&resource.gr, &mut new);
    Mark::Waits(new)
}

/// Only pods on a node take their time.
fn grace_period(resource: &ResourceType, live: &Value, options: &DeleteOptions) -> i64 {
    let is_pod = resource.gr.group.is_empty() && resource.gr.resource == "pods";
    if !is_pod
        || live["spec"]["nodeName"].as_str().is_none_or(str::is_empty)
        || matches!(
            live["status"]["phase"].as_str(),
            Some("Failed" | "Succeeded")
        )
    {
        return 0;
    }
    options
        .grace_period_seconds
        .or_else(|| live["metadata"]["deletionGracePeriodSeconds"].as_i64())
        .or_else(|| live["spec"]["terminationGracePeriodSeconds"].as_i64())
        .unwrap_or(30)
        .max(0)
}
