//! Objects of custom resources: what is wrong with them, and their other
//! versions.

use serde_json::{Value, json};

use super::cel;
use crate::api::GroupVersionKind;
use crate::schema::{self, Schema, cause, names};
use crate::status::Cause;
use crate::types::{ResourceType, decode};

/// What is wrong with an object that is about to be stored: its metadata, its
/// schema, its lists, its CEL rules. `old` is the object before an update, in
/// the same version.
pub fn validate(resource: &ResourceType, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = if old.is_none() {
        let rule = names::dns_1123_subdomain;
        schema::validate_metadata(&new["metadata"], resource.namespaced, rule)
    } else {
        Vec::new()
    };
    causes.extend(schema::validate(&resource.schema, new, old));
    if let Some((spec, status, selector)) = resource
        .custom
        .as_ref()
        .and_then(|custom| custom.scale.as_ref())
    {
        replicas(new, spec, &mut causes);
        replicas(new, status, &mut causes);
        let found = at(new, selector).filter(|_| !selector.is_empty());
        if let Some(wrong) = found.filter(|found| !found.is_string()) {
            causes.push(cause::invalid(
                selector,
                &json!(""),
                &accessor_error(selector, wrong, "string"),
            ));
        }
    }
    embedded(&resource.schema, new, "", &mut causes);
    causes.extend(schema::validate_lists(&resource.schema, new, old));
    if !cel::has_rules(&resource.schema) {
        return causes;
    }
    let blocking = |cause: &Cause| {
        matches!(
            cause.reason.as_str(),
            "FieldValueNotSupported"
                | "FieldValueRequired"
                | "FieldValueTooLong"
                | "FieldValueTooMany"
                | "FieldValueTypeInvalid"
        )
    };
    if causes.iter().any(blocking) {
        causes.push(cause::invalid(
            "",
            &Value::Null,
            "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
        ));
    } else {
        causes.extend(cel::validate(&resource.schema, new, old));
    }
    causes
}

/// The value at a dotted path.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let steps = path.trim_start_matches('.').split('.');
    steps
        .into_iter()
        .try_fold(object, |node, step| node.get(step))
}

/// What Go says about a value of another type, in its own words for types.
fn accessor_error(path: &str, value: &Value, expected: &str) -> String {
    let (shown, type_) = match value {
        Value::Null => ("<nil>".to_owned(), "<nil>"),
        Value::Bool(_) => (value.to_string(), "bool"),
        Value::Number(n) if n.is_f64() => (value.to_string(), "float64"),
        Value::Number(_) => (value.to_string(), "int64"),
        Value::String(text) => (text.clone(), "string"),
        Value::Array(_) => (value.to_string(), "[]interface {}"),
        Value::Object(_) => (value.to_string(), "map[string]interface {}"),
    };
    format!("{path} accessor error: {shown} is of the type {type_}, expected {expected}")
}

/// The numbers of the scale subresource.
fn replicas(object: &Value, path: &str, causes: &mut Vec<Cause>) {
    let Some(value) = at(object, path) else {
        return;
    };
    let detail = match value.as_i64() {
        None => {
            let detail = accessor_error(path, value, "int64");
            causes.push(cause::invalid(path, &json!(0), &detail));
            return;
        }
        Some(count) if count < 0 => "should be a non-negative integer".to_owned(),
        Some(count) if count > i64::from(i32::MAX) => {
            format!("should be less than or equal to {}", i32::MAX)
        }
        Some(_) => return,
    };
    causes.push(cause::invalid(path, value, &detail));
}

/// Embedded resources have a version and a kind.
fn embedded(schema: &Schema, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::Object(map) => {
            if schema.embedded_resource {
                for key in ["apiVersion", "kind"] {
                    let place = format!("{path}.{key}");
                    match map.get(key) {
                        None => causes.push(cause::required(&place, "")),
                        Some(Value::String(text)) if text.is_empty() => {
                            let detail = "must not be empty";
                            causes.push(cause::invalid(&place, &json!(""), detail));
                        }
                        Some(Value::String(text)) => {
                            if let Some(why) = wrong_type_name(key, text) {
                                causes.push(cause::invalid(&place, &json!(text), &why));
                            }
                        }
                        Some(other) => {
                            causes.push(cause::invalid(&place, other, "must be a string"));
                        }
                    }
                }
                if let Some(metadata) = map.get("metadata") {
                    embedded_metadata(metadata, path, causes);
                }
            }
            for (name, child) in map {
                if let Some(field) = schema.field(name) {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    embedded(field, child, &path, causes);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for (index, item) in list.iter().enumerate() {
                    embedded(items, item, &format!("{path}[{index}]"), causes);
                }
            }
        }
        _ => {}
    }
}

/// What an embedded resource cannot be called: `key` is `apiVersion` or `kind`.
fn wrong_type_name(key: &str, text: &str) -> Option<String> {
    if key == "apiVersion" {
        return (text.matches('/').count() > 1)
            .then(|| format!("unexpected GroupVersion string: {text}"));
    }
    let wrong = names::dns_1035_label(&text.to_lowercase());
    (!wrong.is_empty()).then(|| {
        format!(
            "may have mixed case, but should otherwise match: {}",
            wrong.join(",")
        )
    })
}

/// The metadata of an embedded resource follows the rules of all metadata, but
/// that it needs no name.
fn embedded_metadata(metadata: &Value, path: &str, causes: &mut Vec<Cause>) {
    let place = |field: &str| {
        if path.is_empty() {
            field.to_owned()
        } else {
            format!("{path}.{field}")
        }
    };
    // Every kind's metadata is read alike.
    let any = GroupVersionKind::new("", "v1", "ConfigMap");
    if let Some(why) = decode::check(&any, &json!({"metadata": metadata})) {
        causes.push(cause::invalid(&place("metadata"), metadata, &why));
        return;
    }
    let mut metadata = metadata.clone();
    if metadata["name"].as_str().is_none_or(str::is_empty) && metadata.is_object() {
        metadata["name"] = json!("fakename");
    }
    let namespaced = metadata["namespace"]
        .as_str()
        .is_some_and(|namespace| !namespace.is_empty());
    let found = schema::validate_metadata(&metadata, namespaced, names::path_segment);
    causes.extend(found.into_iter().map(|mut cause| {
        cause.field = place(&cause.field);
        cause
    }));
}

/// Rewrites an object for another version of its resource. Without webhooks
/// only the version changes; what that version does not know is pruned by the
/// caller.
pub fn convert(resource: &ResourceType, object: &mut Value) {
    let version = resource.gvk.api_version();
    if object["apiVersion"] != version.as_str() {
        object["apiVersion"] = json!(version);
    }
}
