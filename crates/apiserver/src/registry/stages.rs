//! Where the registry calls the other stages: one place, in pipeline order.

use std::sync::Arc;

use serde_json::Value;

use super::{Registry, Target, View, meta, typemeta};
use crate::api::GroupResource;
use crate::builtin::{self, Operation, Write};
use crate::crd;
use crate::managedfields::{self, Manager};
use crate::request::{DeleteOptions, FieldValidation, RequestContext};
use crate::schema;
use crate::status::Status;
use crate::types::{ResourceType, decode};
use crate::webhook;

/// Where custom resource definitions are stored.
pub(super) fn crd_resource() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Reads an object as its kind: without nulls, without unknown fields.
pub(super) fn decode(
    context: &RequestContext,
    resource: &ResourceType,
    object: &mut Value,
) -> Result<(), Status> {
    crate::types::defaults::drop_nulls(resource, object);
    known(context, resource, object, repeated(context))
}

/// The fields of the body that stand twice.
fn repeated(context: &RequestContext) -> &[String] {
    context.repeated.get().map_or(&[], Vec::as_slice)
}

/// Drops unknown fields, or says or refuses them; checks the types.
fn known(
    context: &RequestContext,
    resource: &ResourceType,
    object: &mut Value,
    repeated: &[String],
) -> Result<(), Status> {
    let unknown = schema::prune(&resource.schema, object);
    check_types(resource, object)?;
    let problems: Vec<String> = repeated
        .iter()
        .cloned()
        .chain(unknown.iter().map(|path| schema::unknown_field(path)))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    match context.field_validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => {
            for problem in problems {
                context.warn(problem);
            }
        }
        FieldValidation::Strict => {
            let lines = problems.iter().filter(|p| p.starts_with("line ")).count();
            let (lines, others) = problems.split_at(lines);
            let mut sentences = others.to_vec();
            if !lines.is_empty() {
                // As the reader of YAML says it, before all else.
                let all = lines.join("\n  ");
                sentences.insert(0, format!("yaml: unmarshal errors:\n  {all}"));
            }
            return Err(Status::bad_request(format!(
                "strict decoding error: {}",
                sentences.join(", ")
            )));
        }
    }
    Ok(())
}

/// `decode` for server-side apply, whose object names this namespace: it meets unknown fields only when it merges
/// them, and then none is ever let pass.
pub(super) fn decode_applied(
    context: &RequestContext,
    target: Target<'_>,
    applied: &mut Value,
    named: &str,
) -> Result<(), Status> {
    let resource = target.resource;
    let mut problems = managedfields::problems(&resource.schema, applied);
    let undeclared = schema::prune(&resource.schema, &mut applied.clone());
    problems.extend(
        undeclared
            .iter()
            .map(|path| format!(".{path}: field not declared in schema")),
    );
    if problems.is_empty() && resource.custom.is_none() {
        problems.extend(schema::mistyped(&resource.schema, applied));
    }
    let why = match managedfields::told(problems) {
        Some(why) => why,
        // A null is a value: its field is owned.
        None => match known(context, resource, applied, &[]) {
            Ok(()) => return applied_once(context),
            Err(status) => status.to_string(),
        },
    };
    Err(Status::new(
        500,
        "",
        format!(
            "failed to create typed patch object ({named}/{}; {}/{}, Kind={}): {why}",
            target.name, resource.gvk.group, resource.gvk.version, resource.gvk.kind
        ),
    ))
}

/// Refuses, or warns of, the keys of an applied text that stand twice.
fn applied_once(context: &RequestContext) -> Result<(), Status> {
    let repeated = repeated(context);
    if repeated.is_empty() {
        return Ok(());
    }
    let why = format!(
        "error converting YAML to JSON: yaml: unmarshal errors:\n  {}",
        repeated.join("\n  ")
    );
    match context.field_validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => {
            for line in repeated {
                context.warn(line.clone());
            }
        }
        FieldValidation::Strict => {
            let message = format!("error strict decoding patch: {why}");
            return Err(Status::bad_request(message));
        }
    }
    Ok(())
}

/// Objects that cannot be read as their kind: a list where a text belongs.
fn check_types(resource: &ResourceType, object: &Value) -> Result<(), Status> {
    if resource.custom.is_some() {
        // Validation says it, with all else that is wrong.
        return Ok(());
    }
    match decode::check(&resource.gvk, object) {
        None => Ok(()),
        Some(wrong) => Err(Status::bad_request(wrong)),
    }
}

/// Fills in defaults.
pub(super) fn defaults(resource: &ResourceType, object: &mut Value) {
    crate::types::defaults::apply(resource, object);
    if resource.custom.is_some() {
        schema::apply_defaults(&resource.schema, object);
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
    // Of some kinds the server writes these parts, whatever was sent.
    let gr = &target.resource.gr;
    let own: &[&str] = match (gr.group.as_str(), gr.resource.as_str()) {
        ("certificates.k8s.io", "certificatesigningrequests") if target.subresource.is_empty() => {
            &["spec", "status"]
        }
        ("", "namespaces") if target.subresource.is_empty() => &["spec"],
        _ => &[],
    };
    let schema = &target.resource.schema;
    if own.is_empty() {
        managedfields::track(schema, old, new, &manager, &meta::now());
        return;
    }
    let without = |object: &mut Value| -> Vec<(&str, Value)> {
        let map = object.as_object_mut();
        map.into_iter()
            .flat_map(|map| {
                own.iter()
                    .filter_map(|part| Some((*part, map.remove(*part)?)))
            })
            .collect()
    };
    let old = old.cloned().map(|mut old| {
        without(&mut old);
        old
    });
    let kept = without(new);
    managedfields::track(schema, old.as_ref(), new, &manager, &meta::now());
    for (part, value) in kept {
        new[part] = value;
    }
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
        &managedfields::Applying {
            manager: &manager,
            force: context.force,
        },
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

/// How an object is written.
#[derive(Clone, Copy)]
pub(super) enum How<'a> {
    /// It is new.
    Create,
    /// It changes.
    Update,
    /// It goes, like this.
    Delete(&'a DeleteOptions),
}

/// Lets a write pass, in Kubernetes' order: what the kind fills in and keeps, the
/// mutating webhooks, escalation, the rules of the kind and of its schema, the
/// validating webhooks. `keep` puts back what this write cannot change.
pub(super) async fn admit(
    registry: &Registry,
    context: &RequestContext,
    target: Target<'_>,
    how: How<'_>,
    old: Option<&Value>,
    new: &mut Value,
    keep: impl Fn(&mut Value),
) -> Result<(), Status> {
    let (operation, deleting) = match how {
        How::Create => (Operation::Create, None),
        How::Update => (Operation::Update, None),
        How::Delete(options) => (Operation::Delete, Some(options)),
    };
    let request = webhook::Request {
        operation,
        resource: target.resource,
        subresource: target.subresource,
        namespace: target.namespace,
        name: target.name,
        user: &context.user,
        dry_run: context.dry_run || deleting.is_some_and(|options| options.dry_run),
        old,
        delete: deleting,
    };
    let asked = webhook::is_needed(registry, &request);
    rules(
        registry,
        context,
        target,
        operation,
        old,
        new,
        Part::Prepare,
    )?;
    if asked && webhook::mutate(registry, context, &request, new).await? {
        reread(target.resource, new)?;
        defaults(target.resource, new);
        keep(new);
        rules(
            registry,
            context,
            target,
            operation,
            old,
            new,
            Part::Prepare,
        )?;
    }
    rules(registry, context, target, operation, old, new, Part::Check)?;
    if asked {
        webhook::validate(registry, context, &request, new).await?;
    }
    Ok(())
}

/// Which rules of a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// What is filled in and kept, and who is let in at all.
    Prepare,
    /// What is refused of the result.
    Check,
}

fn rules(
    registry: &Registry,
    context: &RequestContext,
    target: Target<'_>,
    operation: Operation,
    old: Option<&Value>,
    new: &mut Value,
    part: Part,
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
    let result = match part {
        Part::Prepare => builtin::prepare(registry, &mut write),
        Part::Check => builtin::escalate(registry, &write)
            .and_then(|()| builtin::validate(registry, &write))
            .and_then(|()| match operation {
                Operation::Delete => Ok(()),
                _ => validate(registry, target, old, write.new),
            }),
    };
    for warning in warnings {
        context.warn(warning);
    }
    result
}

/// Reads what webhooks made of an object as its kind; of what that does not know
/// nothing is said.
fn reread(resource: &ResourceType, object: &mut Value) -> Result<(), Status> {
    crate::types::defaults::drop_nulls(resource, object);
    schema::prune(&resource.schema, object);
    check_types(resource, object).map_err(|status| Status::internal(status.message))
}

/// Schemas: of custom resources, and what is wrong with definitions. A
/// definition gets its status here, so that it is established once it is
/// stored.
fn validate(
    registry: &Registry,
    target: Target<'_>,
    old: Option<&Value>,
    new: &mut Value,
) -> Result<(), Status> {
    let resource = target.resource;
    let mut causes = Vec::new();
    typemeta::validate(resource, new)?;
    if resource.custom.is_some() {
        causes = crd::validate(resource, new, old);
    } else if resource.gr == crd_resource() {
        let all = registry.read_all(&crd_resource(), None);
        let others = all.iter().map(|other| &**other);
        new["status"] = crd::status(new, others, &meta::now());
        causes = crd::validate_definition(new, old);
    }
    if causes.is_empty() {
        Ok(())
    } else {
        let name = meta::text(new, "name");
        Err(Status::invalid(&resource.gvk, name, causes))
    }
}

/// The types that a stored definition serves.
pub(super) fn compile(definition: &Value) -> Option<Vec<Arc<ResourceType>>> {
    if !crd::names_accepted(definition) {
        return None;
    }
    match crd::compile(definition) {
        Ok(types) => Some(types),
        Err(causes) => {
            let name = definition["metadata"]["name"].as_str().unwrap_or_default();
            tracing::warn!(name, ?causes, "a stored definition cannot be served");
            None
        }
    }
}
