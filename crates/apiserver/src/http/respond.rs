//! Responses: objects and lists in the shape and encoding that was asked for,
//! failures as `Status`.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use http::{Response, StatusCode};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Value, json};

use super::body::Body;
use crate::registry::{List, RequestContext};
use crate::request::{Accept, Shape};
use crate::status::Status;
use crate::types::ResourceType;

/// A response of this type.
pub(super) fn bytes(
    code: u16,
    content_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Body::whole(bytes));
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A short text.
pub(super) fn text(code: u16, text: &str) -> Response<Body> {
    bytes(code, "text/plain; charset=utf-8", text.to_owned())
}

/// A value as JSON or YAML.
pub(super) fn value(code: u16, accept: &Accept, value: &impl Serialize) -> Response<Body> {
    if accept.yaml {
        return match serde_saphyr::to_string(value) {
            Ok(yaml) => bytes(code, "application/yaml", yaml),
            Err(error) => failure(&Status::internal(error)),
        };
    }
    match serde_json::to_vec(value) {
        Ok(mut json) => {
            json.push(b'\n');
            bytes(code, "application/json", json)
        }
        Err(error) => failure(&Status::internal(error)),
    }
}

/// A failed request.
pub(super) fn failure(status: &Status) -> Response<Body> {
    let mut response = bytes(
        status.code,
        "application/json",
        format!("{}\n", status.to_json()),
    );
    if let Some(seconds) = status.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Adds the warnings that came up.
pub(super) fn add_warnings(response: &mut Response<Body>, context: &RequestContext) {
    for warning in context.take_warnings() {
        let mut text = String::with_capacity(warning.len() + 10);
        text.push_str("299 - \"");
        for c in warning.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                c if c.is_control() => text.push(' '),
                c => text.push(c),
            }
        }
        text.push('"');
        if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
            response.headers_mut().append(WARNING, value);
        }
    }
}

/// One object.
pub(super) fn object(
    code: u16,
    accept: &Accept,
    resource: &ResourceType,
    object: &Arc<Value>,
) -> Response<Body> {
    match accept.shape {
        Shape::Whole => value(code, accept, &**object),
        Shape::Metadata => value(code, accept, &metadata_of(object, &accept.version)),
        Shape::Table => {
            let table = table_of(
                resource,
                std::slice::from_ref(object),
                accept,
                &object["metadata"],
            );
            value(code, accept, &table)
        }
    }
}

/// A list.
pub(super) fn list(accept: &Accept, resource: &ResourceType, list: &List) -> Response<Body> {
    let mut metadata = Map::new();
    metadata.insert(
        "resourceVersion".to_owned(),
        list.revision.to_string().into(),
    );
    // Lists of custom resources always have it.
    if !list.continue_token.is_empty() || resource.custom.is_some() {
        metadata.insert("continue".to_owned(), list.continue_token.as_str().into());
    }
    if let Some(remaining) = list.remaining {
        metadata.insert("remainingItemCount".to_owned(), remaining.into());
    }
    match accept.shape {
        Shape::Whole => value(
            200,
            accept,
            &WholeList {
                kind: &resource.list_kind,
                api_version: resource.gvk.api_version(),
                metadata,
                // As the server of Kubernetes does: items of built-in lists
                // come without their kind.
                items: Items {
                    items: &list.items,
                    bare: resource.custom.is_none(),
                },
            },
        ),
        Shape::Metadata => {
            let items: Vec<Value> = list
                .items
                .iter()
                .map(|item| metadata_of(item, &accept.version))
                .collect();
            let body = json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": format!("meta.k8s.io/{}", accept.version),
                "metadata": metadata,
                "items": items,
            });
            value(200, accept, &body)
        }
        Shape::Table => {
            let table = table_of(resource, &list.items, accept, &Value::Object(metadata));
            value(200, accept, &table)
        }
    }
}

/// Only the metadata of an object.
pub(super) fn metadata_of(object: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object["metadata"],
    })
}

/// Objects as a table; of `metadata` those fields that a list has.
pub(super) fn table_of(
    resource: &ResourceType,
    objects: &[Arc<Value>],
    accept: &Accept,
    metadata: &Value,
) -> Value {
    let mut kept = Map::new();
    for field in ["resourceVersion", "continue", "remainingItemCount"] {
        if let Some(value) = metadata.get(field) {
            kept.insert(field.to_owned(), value.clone());
        }
    }
    let mut table = super::stages::table(resource, objects, accept);
    table["kind"] = json!("Table");
    table["apiVersion"] = json!(format!("meta.k8s.io/{}", accept.version));
    table["metadata"] = Value::Object(kept);
    table
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WholeList<'a> {
    kind: &'a str,
    api_version: String,
    metadata: Map<String, Value>,
    items: Items<'a>,
}

struct Items<'a> {
    items: &'a [Arc<Value>],
    bare: bool,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.items.len()))?;
        for item in self.items {
            if self.bare {
                list.serialize_element(&Bare(item))?;
            } else {
                list.serialize_element(&**item)?;
            }
        }
        list.end()
    }
}

/// An object without `apiVersion` and `kind`.
struct Bare<'a>(&'a Value);

impl Serialize for Bare<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(object) = self.0 else {
            return self.0.serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in object {
            if key != "apiVersion" && key != "kind" {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}
