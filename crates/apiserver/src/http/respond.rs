//! Responses: objects and lists in the shape and encoding that was asked for,
//! failures as `Status`.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::body::Body;
use crate::registry::{List, RequestContext, present};
use crate::request::{Accept, Shape};
use crate::status::Status;
use crate::store::Object;
use crate::types::ResourceType;

const JSON: &str = "application/json";

/// A response of this type.
pub(super) fn bytes(
    code: u16,
    content_type: &'static str,
    bytes: impl Into<Bytes>,
) -> Response<Body> {
    with_body(code, content_type, Body::whole(bytes))
}

fn with_body(code: u16, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
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

/// A code and nothing more.
pub(super) fn nothing(code: u16) -> Response<Body> {
    let mut response = text(code, "");
    response.headers_mut().remove(CONTENT_TYPE);
    response
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
    failure_as(&Accept::default(), status)
}

/// A failed request, in the encoding that was asked for.
pub(super) fn failure_as(accept: &Accept, status: &Status) -> Response<Body> {
    let mut response = value(status.code, accept, &status.to_json());
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
        Shape::Metadata if accept.of_list => failure_as(accept, &not_a_list(resource)),
        Shape::Metadata => value(code, accept, &metadata_of(object, &accept.version)),
        Shape::Table => {
            let table = table_of(
                resource,
                std::iter::once(object.clone()),
                accept,
                &object["metadata"],
            );
            value(code, accept, &table)
        }
    }
}

/// One object, as it is stored: the bytes of the store where they are what was
/// asked for. Shown in this version, if any.
pub(super) fn stored(
    accept: &Accept,
    resource: &ResourceType,
    stored: &Object,
    api_version: Option<&str>,
) -> Response<Body> {
    if accept.shape == Shape::Whole && !accept.yaml {
        match api_version {
            Some(version) if !stored.is_in(version) => {
                let mut json = Vec::new();
                stored.write_as(version, &mut json);
                json.push(b'\n');
                return bytes(200, JSON, json);
            }
            _ => return bytes(200, JSON, stored.line()),
        }
    }
    let value = match api_version {
        Some(_) => present(resource, stored.value()),
        None => stored.value(),
    };
    object(200, accept, resource, &value)
}

/// A list.
pub(super) fn list(accept: &Accept, resource: &ResourceType, list: List) -> Response<Body> {
    let mut metadata = Map::new();
    metadata.insert(
        "resourceVersion".to_owned(),
        list.revision.to_string().into(),
    );
    // Whole lists of custom resources always have it.
    let always = resource.custom.is_some() && accept.shape == Shape::Whole;
    if !list.continue_token.is_empty() || always {
        metadata.insert("continue".to_owned(), list.continue_token.as_str().into());
    }
    if let Some(remaining) = list.remaining {
        metadata.insert("remainingItemCount".to_owned(), remaining.into());
    }
    match accept.shape {
        Shape::Whole => {
            let whole = WholeList::new(resource, &metadata, list.items);
            if accept.yaml {
                let json: Vec<u8> = whole.flatten().collect();
                return match serde_json::from_slice::<Value>(&json) {
                    Ok(list) => value(200, accept, &list),
                    Err(error) => failure(&Status::internal(error)),
                };
            }
            with_body(200, JSON, whole.body())
        }
        Shape::Metadata if !accept.of_list => failure_as(accept, &not_an_object(resource)),
        Shape::Metadata => {
            let items: Vec<Value> = list
                .items
                .iter()
                .map(|item| metadata_of(&item.value(), &accept.version))
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
            let items = list
                .items
                .iter()
                .map(|item| present(resource, item.value()));
            let table = table_of(resource, items, accept, &Value::Object(metadata));
            value(200, accept, &table)
        }
    }
}

/// The type of a kind as Go prints it, which clients have come to see.
fn go_type(resource: &ResourceType, kind: &str) -> String {
    let gvk = &resource.gvk;
    if resource.custom.is_some() {
        let list = if kind == gvk.kind { "" } else { "List" };
        return format!("*unstructured.Unstructured{list}");
    }
    let package = match gvk.group.split('.').next() {
        None | Some("") => "core",
        Some(package) => package,
    };
    format!("*{package}.{kind}")
}

/// 406: the metadata of many was asked of one.
fn not_a_list(resource: &ResourceType) -> Status {
    let message = format!(
        "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
        go_type(resource, &resource.gvk.kind)
    );
    Status::new(406, "NotAcceptable", message)
}

/// 406: the metadata of one was asked of many.
fn not_an_object(resource: &ResourceType) -> Status {
    let message = format!(
        "you requested PartialObjectMetadata, but the requested object is a list ({})",
        go_type(resource, &resource.list_kind)
    );
    Status::new(406, "NotAcceptable", message)
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
    objects: impl Iterator<Item = Arc<Value>>,
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

/// How much of a list is made at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The JSON of a list in pieces, out of the stored bytes of its items.
struct WholeList {
    api_version: String,
    /// As the server of Kubernetes does: items of built-in lists come without
    /// their kind.
    bare: bool,
    items: std::vec::IntoIter<Object>,
    /// What is written and not yet sent.
    out: Vec<u8>,
    first: bool,
    done: bool,
}

impl WholeList {
    fn new(resource: &ResourceType, metadata: &Map<String, Value>, items: Vec<Object>) -> Self {
        let api_version = resource.gvk.api_version();
        let mut out = json!({
            "apiVersion": api_version,
            "kind": resource.list_kind,
            "metadata": metadata,
        })
        .to_string()
        .into_bytes();
        // The items come before the last brace.
        out.pop();
        out.extend_from_slice(b",\"items\":[");
        Self {
            api_version,
            bare: resource.custom.is_none(),
            items: items.into_iter(),
            out,
            first: true,
            done: false,
        }
    }

    /// One piece if it is short, else one after the other.
    fn body(mut self) -> Body {
        match self.next() {
            Some(first) if !self.done => {
                Body::stream(stream::iter(std::iter::once(first).chain(self)))
            }
            first => Body::whole(first.unwrap_or_default()),
        }
    }
}

impl Iterator for WholeList {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let mut out = std::mem::take(&mut self.out);
        while out.len() < PIECE_BYTES {
            let Some(item) = self.items.next() else {
                out.extend_from_slice(b"]}\n");
                self.done = true;
                break;
            };
            if !std::mem::take(&mut self.first) {
                out.push(b',');
            }
            if self.bare {
                item.write_bare(&mut out);
            } else {
                item.write_as(&self.api_version, &mut out);
            }
        }
        Some(out.into())
    }
}
