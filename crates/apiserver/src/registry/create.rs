//! Create.

use std::sync::Arc;

use serde_json::Value;

use super::meta::{self, text};
use super::stages::How;
use super::{Registry, Target, View, convert, refused, stages, typemeta};
use crate::api::GroupResource;
use crate::request::RequestContext;
use crate::status::{Cause, Status};
use crate::store::{Expect, MAX_DEPTH, WriteError};
use crate::types::ResourceType;

/// What etcd takes at most.
const OBJECT_BYTES: usize = 1_572_864;
/// How often a generated name is drawn.
const DRAWS: usize = 8;

impl Registry {
    /// Stores a new object; answers it as stored.
    pub async fn create(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        mut object: Value,
    ) -> Result<Arc<Value>, Status> {
        self.refuse_ending(resource, text(&object, "name"))?;
        typemeta::check(resource, &mut object)?;
        check_namespace(resource, namespace, &mut object)?;
        if !text(&object, "resourceVersion").is_empty() {
            return Err(Status::new(
                500,
                "",
                "resourceVersion should not be set on objects to be created",
            ));
        }
        stages::decode(context, resource, &mut object)
            .map_err(|status| as_decoding(resource, status))?;
        self.insert(context, resource, namespace, object, false)
            .await
    }

    /// 403 for what would be of a definition that is going.
    fn refuse_ending(&self, resource: &ResourceType, object: &str) -> Result<(), Status> {
        let gr = &resource.gr;
        if resource.custom.is_none() {
            return Ok(());
        }
        let name = format!("{}.{}", gr.resource, gr.group);
        let definition = self.store().get(&stages::crd_resource(), "", &name);
        if definition
            .is_some_and(|definition| definition["metadata"].get("deletionTimestamp").is_some())
        {
            let why = "create not allowed while custom resource definition is terminating";
            return Err(Status::forbidden(gr, object, why));
        }
        Ok(())
    }

    /// A question about access with its writer noted in `managedFields`, as
    /// Kubernetes answers it; every other object as it is.
    pub(crate) fn noted(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        mut object: Value,
    ) -> Value {
        if resource.gr.group == "authorization.k8s.io" && object.is_object() {
            for attributes in ["resourceAttributes", "nonResourceAttributes"] {
                if let Some(map) = object["spec"]
                    .get_mut(attributes)
                    .and_then(Value::as_object_mut)
                {
                    map.retain(|_, value| value != "");
                }
            }
            let target = Target {
                resource,
                namespace: "",
                name: "",
                subresource: "",
            };
            meta::metadata(&mut object);
            stages::track(context, target, None, &mut object);
        }
        object
    }

    /// The part of create that server-side apply shares; `applied` when the
    /// owner of the fields is noted already.
    pub(super) async fn insert(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        object: Value,
        applied: bool,
    ) -> Result<Arc<Value>, Status> {
        let prefix = text(&object, "generateName").to_owned();
        let generated = text(&object, "name").is_empty();
        if generated && prefix.is_empty() {
            typemeta::validate(resource, &object)?;
            let cause = Cause {
                reason: "FieldValueRequired".to_owned(),
                message: "Required value: name or generateName is required".to_owned(),
                field: "metadata.name".to_owned(),
            };
            return Err(Status::invalid(&resource.gvk, "", vec![cause]));
        }
        if !generated {
            return self
                .insert_named(context, resource, namespace, object, applied, false)
                .await
                .map_err(|status| match prefix.as_str() {
                    "" => status,
                    _ => taken(status),
                });
        }
        let mut draws = 0;
        loop {
            draws += 1;
            let mut named = object.clone();
            meta::metadata(&mut named)
                .insert("name".to_owned(), meta::generate_name(&prefix)?.into());
            match self
                .insert_named(context, resource, namespace, named, applied, true)
                .await
            {
                Err(status) if status.reason == "AlreadyExists" && draws < DRAWS => {}
                result => return result.map_err(taken),
            }
        }
    }

    async fn insert_named(
        &self,
        context: &RequestContext,
        resource: &ResourceType,
        namespace: &str,
        mut object: Value,
        applied: bool,
        generated: bool,
    ) -> Result<Arc<Value>, Status> {
        // Whoever is asked about a name that was drawn is not told it.
        let asked = text(&object, "name").to_owned();
        let mut target = Target {
            resource,
            namespace,
            name: if generated { "" } else { &asked },
            subresource: "",
        };
        stages::defaults(resource, &mut object);
        meta::fill_new(resource, &mut object)?;
        drop_status(resource, &mut object);
        if !applied {
            stages::track(context, target, None, &mut object);
        }
        let keep = |new: &mut Value| drop_status(resource, new);
        stages::admit(self, context, target, How::Create, None, &mut object, keep).await?;
        // Webhooks may have given it another one.
        let name = text(&object, "name").to_owned();
        target.name = &name;
        check_size(&object)?;
        convert::store(resource, &mut object).await?;
        if let Some(live) = self.store().head(resource.storage(), namespace, &name) {
            let mut status = Status::already_exists(&resource.gr, &name);
            if live["metadata"].get("deletionTimestamp").is_some() {
                status.message = format!("object is being deleted: {}", status.message);
            }
            return Err(status);
        }
        if context.dry_run {
            return convert::show(resource, Arc::new(object)).await;
        }
        let stored = self
            .store_object(target, Expect::Absent, Some(object))
            .await
            .map_err(|error| refused(resource, &name, error))?;
        convert::show(resource, stored).await
    }

    /// Writes to the store; a definition is served before it can be seen.
    pub(super) async fn store_object(
        &self,
        target: Target<'_>,
        expect: Expect,
        new: Option<Value>,
    ) -> Result<Arc<Value>, WriteError> {
        let gr = target.resource.storage();
        let definition = *gr == stages::crd_resource();
        if definition && let Some(new) = &new {
            self.serve_definition(new);
        }
        let removed = definition && new.is_none();
        let result = self
            .store()
            .write(gr, target.namespace, target.name, expect, new)
            .await;
        if removed && result.is_ok() {
            self.set_custom(target.name, None);
        } else if definition && result.is_err() {
            match self.read(gr, "", target.name) {
                Some(stored) => self.serve_definition(&stored),
                None => self.set_custom(target.name, None),
            }
        }
        result
    }
}

/// Nodes come with their status; all others get theirs later.
fn drop_status(resource: &ResourceType, object: &mut Value) {
    if meta::has_subresource(resource, "status")
        && resource.gr != GroupResource::new("", "nodes")
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
}

/// A name that could have been generated is taken: the client may try again.
fn taken(mut status: Status) -> Status {
    if status.reason == "AlreadyExists" {
        status
            .message
            .push_str(", the server was not able to generate a unique name for the object");
        status.retry_after = Some(1);
    }
    status
}

/// The 400 of an object that cannot be read as its kind.
pub(super) fn as_decoding(resource: &ResourceType, mut status: Status) -> Status {
    let gvk = &resource.gvk;
    status.message = format!(
        "{kind} in version \"{}\" cannot be handled as a {kind}: {}",
        gvk.version,
        status.message,
        kind = gvk.kind,
    );
    status
}

/// The namespace of the object is that of the URL.
pub(super) fn check_namespace(
    resource: &ResourceType,
    namespace: &str,
    object: &mut Value,
) -> Result<(), Status> {
    let sent = text(object, "namespace");
    if !resource.namespaced {
        if !sent.is_empty() {
            meta::metadata(object).remove("namespace");
        }
        return Ok(());
    }
    if namespace.is_empty() {
        return Err(Status::bad_request(
            "the namespace is required for this resource",
        ));
    }
    if sent.is_empty() {
        meta::metadata(object).insert("namespace".to_owned(), namespace.into());
    } else if sent != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// What etcd would not take.
pub(super) fn check_size(object: &Value) -> Result<(), Status> {
    if is_deeper(object, MAX_DEPTH) {
        return Err(Status::bad_request(format!(
            "the object is nested deeper than {MAX_DEPTH} levels"
        )));
    }
    if size(object) > OBJECT_BYTES {
        return Err(Status::new(500, "", "etcdserver: request is too large"));
    }
    Ok(())
}

/// Whether an object is nested deeper than this.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(left) = levels.checked_sub(1) else {
        return value.is_object() || value.is_array();
    };
    match value {
        Value::Object(map) => map.values().any(|value| is_deeper(value, left)),
        Value::Array(items) => items.iter().any(|value| is_deeper(value, left)),
        _ => false,
    }
}

/// About the length of the JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(map) => {
            2 + map
                .iter()
                .map(|(key, value)| key.len() + 4 + size(value))
                .sum::<usize>()
        }
        Value::Array(list) => 2 + list.iter().map(|value| 1 + size(value)).sum::<usize>(),
        Value::String(text) => text.len() + 2,
        _ => 5,
    }
}
