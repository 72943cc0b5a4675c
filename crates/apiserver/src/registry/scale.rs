//! The `scale` subresource: a small object that stands for the replica count.

use std::sync::Arc;

use serde_json::{Value, json};

use super::update::{in_patch, nameless};
use super::{Patch, PatchKind, Registry, RequestContext, Target, meta};
use crate::api::GroupVersionKind;
use crate::golang;
use crate::patch;
use crate::status::Status;
use crate::types::ResourceType;

/// What `scale` takes and answers.
pub fn scale_type() -> GroupVersionKind {
    GroupVersionKind::new("autoscaling", "v1", "Scale")
}

/// Paths of the wanted replicas, the present ones, and the selector.
fn paths(resource: &ResourceType) -> Result<(String, String, String), Status> {
    match &resource.custom {
        Some(custom) => custom
            .scale
            .clone()
            .ok_or_else(|| Status::not_found(&resource.gr, "")),
        None => Ok((
            ".spec.replicas".to_owned(),
            ".status.replicas".to_owned(),
            String::new(),
        )),
    }
}

fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

/// The scale of an object.
pub(super) fn read(resource: &ResourceType, object: &Value) -> Result<Value, Status> {
    let (wanted, present, selector) = paths(resource)?;
    let number = |path: &str| {
        object
            .pointer(&pointer(path))
            .and_then(Value::as_i64)
            .unwrap_or(0)
    };
    let selector = if resource.custom.is_some() {
        object
            .pointer(&pointer(&selector))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    } else {
        selector_text(&object["spec"]["selector"])
    };
    let mut metadata = serde_json::Map::new();
    for field in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut spec = json!({});
    if number(&wanted) != 0 {
        spec["replicas"] = json!(number(&wanted));
    }
    let mut status = json!({"replicas": number(&present)});
    if !selector.is_empty() {
        status["selector"] = json!(selector);
    }
    Ok(json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }))
}

/// A label selector as text.
fn selector_text(selector: &Value) -> String {
    let mut rules = Vec::new();
    let labels =
        if selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some() {
            &selector["matchLabels"]
        } else {
            selector
        };
    for (key, value) in labels.as_object().into_iter().flatten() {
        rules.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for rule in selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let key = rule["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = rule["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        rules.push(match rule["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    rules.join(",")
}

/// The object with the replica count of a scale.
pub(super) fn write(resource: &ResourceType, live: &Value, sent: &Value) -> Result<Value, Status> {
    let (wanted, _, _) = paths(resource)?;
    let replicas = match &sent["spec"]["replicas"] {
        Value::Null => 0,
        value => value
            .as_i64()
            .filter(|replicas| i32::try_from(*replicas).is_ok())
            .ok_or_else(|| {
                let kind = golang::kind(value);
                let found = match value.is_number() {
                    true => format!("{kind} {value}"),
                    false => kind.to_owned(),
                };
                Status::bad_request(format!(
                    "json: cannot unmarshal {found} into Go struct field ScaleSpec.spec.replicas of type int32"
                ))
            })?,
    };
    if replicas < 0 {
        let cause = crate::status::Cause {
            reason: "FieldValueInvalid".to_owned(),
            message: format!("Invalid value: {replicas}: must be greater than or equal to 0"),
            field: "spec.replicas".to_owned(),
        };
        return Err(Status::invalid(
            &scale_type(),
            meta::text(live, "name"),
            vec![cause],
        ));
    }
    let mut new = live.clone();
    let mut node = &mut new;
    for part in wanted.split('.').filter(|part| !part.is_empty()) {
        if !node.is_object() {
            *node = json!({});
        }
        node = &mut node[part];
    }
    *node = json!(replicas);
    for field in ["resourceVersion", "uid"] {
        let metadata = meta::metadata(&mut new);
        match sent["metadata"].get(field) {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
    Ok(new)
}

/// A scale that is sent names its object, and is one.
fn check(name: &str, sent: &Value) -> Result<(), Status> {
    let expected = scale_type();
    let (version, kind) = (&sent["apiVersion"], &sent["kind"]);
    let fits = |value: &Value, expected: &str| value.is_null() || value == expected;
    if !fits(kind, &expected.kind) || !fits(version, &expected.api_version()) {
        let (version, kind) = (
            version.as_str().unwrap_or_default(),
            kind.as_str().unwrap_or_default(),
        );
        let short = version.rsplit('/').next().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "{kind} in version {version:?} cannot be handled as a Scale: converting ({short}.{kind}) to (autoscaling.Scale): unknown conversion"
        )));
    }
    match meta::text(sent, "name") {
        "" => Err(nameless(name)),
        sent if sent == name => Ok(()),
        sent => Err(Status::bad_request(format!(
            "the name of the object ({sent}) does not match the name on the URL ({name})"
        ))),
    }
}

impl Registry {
    pub(super) async fn update_scale(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        sent: &Value,
    ) -> Result<Arc<Value>, Status> {
        check(target.name, sent)?;
        let written = self
            .modify(context, target, |live| write(target.resource, live, sent))
            .await?;
        read(target.resource, &written).map(Arc::new)
    }

    pub(super) async fn patch_scale(
        &self,
        context: &RequestContext,
        target: Target<'_>,
        patch: &Patch,
    ) -> Result<Arc<Value>, Status> {
        if patch.kind == PatchKind::Apply {
            // Of the object it owns what stands for the count, and no more.
            let resource = target.resource;
            let bare = json!({
                "apiVersion": resource.gvk.api_version(),
                "kind": resource.gvk.kind,
                "metadata": {"name": target.name, "namespace": target.namespace},
            });
            let mut applied = write(resource, &bare, &patch.body)?;
            if !resource.namespaced {
                meta::metadata(&mut applied).remove("namespace");
            }
            let written = self.apply(context, target, &applied).await?;
            return read(resource, &written).map(Arc::new);
        }
        let written = self
            .modify(context, target, |live| {
                let scale = read(target.resource, live)?;
                let sent = match patch.kind {
                    PatchKind::Json => patch::json_patch(&scale, &patch.body)?,
                    _ => patch::merge_patch(&scale, &patch.body)?,
                };
                write(target.resource, live, &sent).map_err(|status| match status.code {
                    400 => in_patch(&sent.to_string(), &status.message),
                    _ => status,
                })
            })
            .await?;
        read(target.resource, &written).map(Arc::new)
    }
}
