//! Objects between the version they are stored in and that of the URL.

use std::sync::Arc;

use serde_json::Value;

use super::meta::text;
use super::{present, shown_version};
use crate::builtin::events;
use crate::schema;
use crate::status::{Cause, Status};
use crate::store::Object;
use crate::types::ResourceType;
use crate::webhook::convert;

/// The webhook that converts these objects, if one does.
pub(super) fn webhook(resource: &ResourceType) -> Option<&Value> {
    resource.custom.as_ref()?.conversion.as_deref()
}

/// Whether objects of this URL are mostly stored in another version.
pub(super) fn is_other_version(resource: &ResourceType) -> bool {
    resource.custom.as_ref().is_some_and(|custom| {
        custom.conversion.is_some() || custom.stored_schema.is_some() || custom.since > 0
    })
}

/// A stored object in the version of the URL.
pub(super) async fn show(
    resource: &ResourceType,
    object: Arc<Value>,
) -> Result<Arc<Value>, Status> {
    let Some(version) = shown_version(resource, &object) else {
        return Ok(
            match is_old(resource, text(&object, "resourceVersion").parse().ok()) {
                true => coerced(resource, object),
                false => object,
            },
        );
    };
    let shown = match webhook(resource) {
        Some(webhook) => only(resource, webhook, &version, object.clone())
            .await
            .map_err(|why| Status::internal(corrupt(resource, "", &object, &why)))?,
        None => present(resource, object),
    };
    Ok(coerced(resource, shown))
}

/// The same for an object that is going to be changed, of which Kubernetes says
/// less when it cannot be shown.
pub(super) async fn show_to_change(
    resource: &ResourceType,
    object: Arc<Value>,
) -> Result<Arc<Value>, Status> {
    match (webhook(resource), shown_version(resource, &object)) {
        (Some(webhook), Some(version)) => {
            let shown = only(resource, webhook, &version, object.clone()).await;
            let shown = shown.map_err(|why| Status::new(500, "", undecodable(&object, &why)))?;
            Ok(coerced(resource, shown))
        }
        _ => show(resource, object).await,
    }
}

/// A stored object in the version of the URL, its bytes where they are that.
pub(super) async fn show_stored(resource: &ResourceType, object: Object) -> Result<Object, Status> {
    if webhook(resource).is_some() && !object.is_in(&resource.gvk.api_version()) {
        let shown = show(resource, object.value()).await?;
        return Ok(Object::new(&shown));
    }
    let mut shown = [object];
    show_all(resource, &mut shown).await?;
    let [object] = shown;
    Ok(object)
}

fn undecodable(object: &Value, why: &Status) -> String {
    let revision = text(object, "resourceVersion");
    format!("object not decodable revision={revision}: {why}")
}

/// What is said of a stored object that cannot be shown in a version.
fn corrupt(resource: &ResourceType, root: &str, object: &Value, why: &Status) -> String {
    format!(
        "StorageError: corrupt object, Code: 7, Key: {}, ResourceVersion: 0, AdditionalErrorMsg: {}",
        key(resource, root, object),
        undecodable(object, why),
    )
}

/// Where the real server keeps an object.
fn key(resource: &ResourceType, root: &str, object: &Value) -> String {
    let gr = &resource.gr;
    let namespace = match text(object, "namespace") {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    let name = text(object, "name");
    format!("{root}/{}/{}/{namespace}{name}", gr.group, gr.resource)
}

/// The 500 of a list with an object that cannot be shown.
fn unlistable(resource: &ResourceType, object: &Value, why: &Status) -> Status {
    let gr = &resource.gr;
    let message = corrupt(resource, "/registry", object, why);
    let mut status = Status::new(
        500,
        "StorageReadError",
        format!("failed to read one or more {gr} from the storage: {message}"),
    );
    status.subject = Some((gr.group.clone(), gr.resource.clone(), "list".to_owned()));
    status.causes.push(Cause {
        reason: "UnexpectedServerResponse".to_owned(),
        message,
        field: key(resource, "/registry", object),
    });
    status
}

/// Whether an object may be of an older form of its definition.
fn is_old(resource: &ResourceType, revision: Option<u64>) -> bool {
    resource
        .custom
        .as_ref()
        .is_some_and(|custom| custom.since > 0 && revision.is_some_and(|at| at <= custom.since))
}

/// A custom object that comes from another version, or from an older form of its
/// own: what its schema does not know is dropped, and defaults are filled in.
fn coerced(resource: &ResourceType, object: Arc<Value>) -> Arc<Value> {
    if resource.custom.is_none() {
        return object;
    }
    let mut object = Arc::unwrap_or_clone(object);
    schema::prune(&resource.schema, &mut object);
    if is_old(resource, text(&object, "resourceVersion").parse().ok()) {
        schema::apply_defaults(&resource.schema, &mut object);
    }
    Arc::new(object)
}

/// Objects of the store in the version of the URL, where the bytes of the store
/// are not what they are.
pub(super) async fn show_all(
    resource: &ResourceType,
    objects: &mut [Object],
) -> Result<(), Status> {
    if resource.storage() != &resource.gr {
        for object in objects {
            *object = Object::new(&present(resource, object.value()));
        }
        return Ok(());
    }
    if resource.custom.is_none() {
        return Ok(());
    }
    let version = resource.gvk.api_version();
    if resource
        .custom
        .as_ref()
        .is_some_and(|custom| custom.since > 0)
    {
        for object in objects.iter_mut().filter(|object| object.is_in(&version)) {
            if is_old(resource, object.revision()) {
                *object = Object::new(&coerced(resource, object.value()));
            }
        }
    }
    let others: Vec<usize> = (0..objects.len())
        .filter(|at| !objects[*at].is_in(&version))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let mut values: Vec<Arc<Value>> = others.iter().map(|at| objects[*at].value()).collect();
    values = match webhook(resource) {
        Some(webhook) => match convert::convert(resource, webhook, &version, &values).await {
            Ok(converted) => converted,
            Err(_) => one_by_one(resource, webhook, &version, values).await?,
        },
        None => values
            .into_iter()
            .map(|value| present(resource, value))
            .collect(),
    };
    for (at, value) in others.into_iter().zip(values) {
        objects[at] = Object::new(&coerced(resource, value));
    }
    Ok(())
}

/// Objects that could not be converted together, each by itself: the failure is
/// that of one of them.
async fn one_by_one(
    resource: &ResourceType,
    webhook: &Value,
    version: &str,
    objects: Vec<Arc<Value>>,
) -> Result<Vec<Arc<Value>>, Status> {
    let mut converted = Vec::with_capacity(objects.len());
    for object in objects {
        let one = only(resource, webhook, version, object.clone()).await;
        converted.push(one.map_err(|why| unlistable(resource, &object, &why))?);
    }
    Ok(converted)
}

/// An object of the URL's version as it is stored.
pub(super) async fn store(resource: &ResourceType, object: &mut Value) -> Result<(), Status> {
    let version = match &resource.custom {
        None if resource.storage() != &resource.gr => {
            events::to_core(object);
            return Ok(());
        }
        Some(custom) if resource.gvk.group.is_empty() => custom.storage_version.clone(),
        Some(custom) => format!("{}/{}", resource.gvk.group, custom.storage_version),
        None => resource.gvk.api_version(),
    };
    match webhook(resource) {
        Some(webhook) if object["apiVersion"] != version.as_str() => {
            let sent = Arc::new(object.take());
            let stored = only(resource, webhook, &version, sent).await?;
            *object = Arc::unwrap_or_clone(stored);
        }
        _ => object["apiVersion"] = version.into(),
    }
    let custom = resource.custom.as_ref();
    if let Some(stored) = custom.and_then(|custom| custom.stored_schema.as_ref()) {
        schema::prune(stored, object);
        // The stored version is never without its defaults.
        schema::apply_defaults(stored, object);
    }
    Ok(())
}

async fn only(
    resource: &ResourceType,
    webhook: &Value,
    version: &str,
    object: Arc<Value>,
) -> Result<Arc<Value>, Status> {
    let converted = convert::convert(resource, webhook, version, &[object]).await?;
    converted
        .into_iter()
        .next()
        .ok_or_else(|| Status::internal("a conversion without an answer"))
}
