//! Objects between the version they are stored in and that of the URL.

use std::sync::Arc;

use serde_json::Value;

use super::{present, shown_version};
use crate::builtin::events;
use crate::schema;
use crate::status::Status;
use crate::store::Object;
use crate::types::ResourceType;
use crate::webhook::convert;

/// The webhook that converts these objects, if one does.
pub(super) fn webhook(resource: &ResourceType) -> Option<&Value> {
    resource.custom.as_ref()?.conversion.as_deref()
}

/// Whether objects of this URL are mostly stored in another version.
pub(super) fn is_other_version(resource: &ResourceType) -> bool {
    resource
        .custom
        .as_ref()
        .is_some_and(|custom| custom.conversion.is_some() || custom.stored_schema.is_some())
}

/// A stored object in the version of the URL.
pub(super) async fn show(
    resource: &ResourceType,
    object: Arc<Value>,
) -> Result<Arc<Value>, Status> {
    let Some(version) = shown_version(resource, &object) else {
        return Ok(object);
    };
    let shown = match webhook(resource) {
        Some(webhook) => only(resource, webhook, &version, object).await?,
        None => present(resource, object),
    };
    Ok(coerced(resource, shown))
}

/// A custom object that comes from another version: what its schema does not
/// know is dropped. (Defaults are those of the stored version.)
fn coerced(resource: &ResourceType, object: Arc<Value>) -> Arc<Value> {
    if resource.custom.is_none() {
        return object;
    }
    let mut object = Arc::unwrap_or_clone(object);
    schema::prune(&resource.schema, &mut object);
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
    let others: Vec<usize> = (0..objects.len())
        .filter(|at| !objects[*at].is_in(&version))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let mut values: Vec<Arc<Value>> = others.iter().map(|at| objects[*at].value()).collect();
    values = match webhook(resource) {
        Some(webhook) => convert::convert(resource, webhook, &version, &values).await?,
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
            let stored = only(resource, webhook, &version, sent).await;
            // Kubernetes gives no reason here.
            let stored = stored.map_err(|status| Status::new(500, "", status.message))?;
            *object = Arc::unwrap_or_clone(stored);
        }
        _ => object["apiVersion"] = version.into(),
    }
    let custom = resource.custom.as_ref();
    if let Some(stored) = custom.and_then(|custom| custom.stored_schema.as_ref()) {
        schema::prune(stored, object);
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
