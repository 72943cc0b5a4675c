//! Where the registry calls the other stages: one place, in pipeline order.

use std::sync::Arc;

use serde_json::Value;

use super::{Registry, Target, meta};
use crate::api::GroupResource;
use crate::builtin::{self, Operation, Write};
use crate::managedfields::{self, Manager};
use crate::request::{FieldValidation, RequestContext};
use crate::schema;
use crate::status::Status;
use crate::types::ResourceType;

/// Where custom resource definitions are stored.
pub(super) fn crd_resource() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Drops unknown fields, or says or refuses them.
pub(super) fn decode(
    context: &RequestContext,
    resource: &ResourceType,
    object: &mut Value,
) -> Result<(), Status> {
    let unknown = schema::prune(&resource.schema, object);
    if unknown.is_empty() {
        return Ok(());
    }
    let problems: Vec<String> = unknown
        .iter()
        .map(|path| schema::unknown_field(path))
        .collect();
    match context.field_validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => {
            for problem in problems {
                context.warn(problem);
            }
        }
        FieldValidation::Strict => {
            return Err(Status::bad_request(format!(
                "strict decoding error: {}",
                problems.join(", ")
            )));
        }
    }
    Ok(())
}

/// Fills in defaults.
pub(super) fn defaults(resource: &ResourceType, object: &mut Value) {
    if resource.custom.is_some() {
        schema::apply_defaults(&resource.schema, object);
    } else {
        crate::types::defaults::apply(resource, object);
    }
}

/// Notes in `managedFields` who wrote what.
pub(super) fn track(
    context: &RequestContext,
    target: Target<'_>,
    old: Option<&Value>,
    new: &mut Value,
) {
    let manager = manager(context, target, "Update");
    managedfields::track(&target.resource.schema, old, new, &manager, &meta::now());
}

/// Server-side apply.
pub(super) fn apply(
    context: &RequestContext,
    target: Target<'_>,
    live: Option<&Value>,
    applied: &Value,
) -> Result<Value, Status> {
    let manager = manager(context, target, "Apply");
    managedfields::apply(
        &target.resource.schema,
        live,
        applied,
        &manager,
        context.force,
        &meta::now(),
    )
}

fn manager(context: &RequestContext, target: Target<'_>, operation: &str) -> Manager {
    Manager {
        name: if context.field_manager.is_empty() {
            "unknown".to_owned()
        } else {
            context.field_manager.clone()
        },
        operation: operation.to_owned(),
        api_version: target.resource.gvk.api_version(),
        subresource: target.subresource.to_owned(),
    }
}

/// The rules of the kind: what is filled in, kept, refused.
pub(super) fn admit(
    registry: &Registry,
    context: &RequestContext,
    target: Target<'_>,
    operation: Operation,
    old: Option<&Value>,
    new: &mut Value,
) -> Result<(), Status> {
    let mut warnings = Vec::new();
    let mut write = Write {
        operation,
        resource: target.resource,
        subresource: target.subresource,
        user: &context.user,
        old,
        new,
        warnings: &mut warnings,
    };
    let mut result = builtin::prepare(registry, &mut write);
    if result.is_ok() {
        result = builtin::validate(registry, &write);
    }
    for warning in warnings {
        context.warn(warning);
    }
    result
}

/// The types that a stored definition serves.
pub(super) fn compile(_definition: &Value) -> Option<Vec<Arc<ResourceType>>> {
    None
}

/// Asks the webhooks.
pub(super) async fn webhooks(
    _registry: &Registry,
    _context: &RequestContext,
    _target: Target<'_>,
    _operation: Operation,
    _old: Option<&Value>,
    _new: &mut Value,
) -> Result<(), Status> {
    Ok(())
}
