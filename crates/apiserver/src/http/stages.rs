//! Where requests that are no verbs on objects are answered: discovery,
//! OpenAPI, tables, health.

use std::sync::Arc;

use http::header::ACCEPT;
use http::{HeaderMap, Method, Response};
use serde_json::{Value, json};

use super::Body;
use super::document::{self, Document};
use super::respond;
use crate::pki::ServiceAccountKeys;
use crate::registry::{Registry, View};
use crate::request::negotiate::{self, Include, media_types};
use crate::request::{Accept, Query, Shape};
use crate::status::Status;
use crate::types::ResourceType;
use crate::{discovery, openapi, table};

/// Columns and rows of a table.
pub(super) fn table(
    resource: &ResourceType,
    objects: impl Iterator<Item = Arc<Value>>,
    accept: &Accept,
) -> Value {
    let now = jiff::Timestamp::now();
    // What the subresource `scale` answers is of another kind than the resource.
    let mut objects = objects.peekable();
    let scale = objects
        .peek()
        .is_some_and(|object| object["kind"] == "Scale" && resource.gvk.kind != "Scale");
    let rows: Vec<Value> = objects
        .map(|object| {
            let mut row = match scale {
                true => table::scale_row(&object, now),
                false => table::row(resource, &object, now),
            };
            match accept.include {
                Include::Metadata => row["object"] = respond::metadata_of(&object, &accept.version),
                Include::Object => row["object"] = (*object).clone(),
                Include::None => row["object"] = Value::Null,
            }
            row
        })
        .collect();
    let columns = match scale {
        true => table::scale_columns(),
        false => table::columns(resource),
    };
    json!({"columnDefinitions": columns, "rows": rows})
}

/// The release of Kubernetes whose API this is.
const VERSION: (&str, &str, &str) = ("1", "37", "v1.37.2");

/// What the documents of the second version of OpenAPI depend on.
const VARY_V2: &str = "Accept-Encoding, Accept";

/// Whether the aggregated form of discovery is what a client would have first.
fn wants_aggregated(accept: &str) -> bool {
    media_types(accept).into_iter().find_map(|media| {
        let json = matches!(
            media.name.as_str(),
            "application/json" | "*/*" | "application/*"
        );
        let aggregated = media.as_kind == "APIGroupDiscoveryList"
            && media.group == "apidiscovery.k8s.io"
            && media.version == discovery::AGGREGATED;
        (json && (aggregated || media.as_kind.is_empty())).then_some(aggregated)
    }) == Some(true)
}

/// Answers what is not about a resource.
pub(super) fn answer(
    registry: &Registry,
    keys: &Arc<ServiceAccountKeys>,
    method: &Method,
    path: &str,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response<Body>, Status> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let accept = accept.unwrap_or_default();
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(super::dispatch::wrong_method());
    }
    let path = path.trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    if let ["healthz" | "livez" | "readyz", check @ ..] = parts.as_slice() {
        return Ok(match check {
            [] | ["ping" | "etcd" | "log"] => respond::text(200, "ok"),
            _ => respond::text(404, "404 page not found\n"),
        });
    }
    let json = |value: &Value| Ok(respond::value(200, &Accept::default(), value));
    let found = |value: Option<Value>| {
        let value = value.ok_or_else(super::dispatch::no_such_resource)?;
        json(&value)
    };
    let catalog = registry.catalog();
    match parts.as_slice() {
        [] => json(
            &json!({"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}),
        ),
        ["version"] => {
            let (major, minor, git) = VERSION;
            json(&json!({
                "major": major,
                "minor": minor,
                "gitVersion": git,
                "gitCommit": "",
                "gitTreeState": "clean",
                "buildDate": "1970-01-01T00:00:00Z",
                "goVersion": "",
                "compiler": "rustc",
                "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
            }))
        }
        [".well-known", "openid-configuration"] => {
            json(&keys.openid_configuration(
                "https://kubernetes.default.svc.cluster.local/openid/v1/jwks",
            ))
        }
        ["openid", "v1", "jwks"] => json(&keys.jwks()),
        ["api" | "apis"] => {
            let core = parts == ["api"];
            if wants_aggregated(accept) {
                let list = discovery::aggregated(&catalog, core).to_string();
                let content_type = format!(
                    "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList",
                    discovery::AGGREGATED
                );
                let document = Document::new(&content_type, list.into_bytes());
                return Ok(document.of_discovery().answer(headers));
            }
            let accept = Accept::parse(accept)?;
            if accept.shape != Shape::Whole {
                return Err(negotiate::only_these());
            }
            let document = match core {
                true => discovery::legacy_core(&catalog, ""),
                false => discovery::groups(&catalog),
            };
            Ok(respond::value(200, &accept, &document))
        }
        ["apis", group] | ["apis", group, _] if !catalog.versions.contains_key(*group) => {
            Ok(respond::text(404, "404 page not found\n"))
        }
        ["apis", group, version]
            if !registry.is_builtin(group)
                && discovery::resources(&catalog, group, version).is_none() =>
        {
            Ok(respond::text(404, "404 page not found\n"))
        }
        ["apis", group] => found(discovery::group(&catalog, group)),
        ["api", version] => found(discovery::resources(&catalog, "", version)),
        ["apis", group, version] => found(discovery::resources(&catalog, group, version)),
        ["openapi", "v2"] if accept.contains(openapi::V2_PROTOBUF_NAME) => {
            let document = Document::new(openapi::V2_PROTOBUF, openapi::v2_protobuf());
            Ok(document.of_openapi(VARY_V2).answer(headers))
        }
        ["openapi", "v2"] => {
            let all = openapi::v2(&catalog).to_string().into_bytes();
            let document = Document::new("application/json", all);
            Ok(document.of_openapi(VARY_V2).answer(headers))
        }
        ["openapi", "v3"] => json(&openapi::v3_index(&catalog)),
        ["openapi", "v3", path @ ..] => {
            let path = path.join("/");
            let Some(found) = openapi::v3_group(&catalog, &path) else {
                return Ok(respond::nothing(404));
            };
            let asked = query.get("hash").filter(|hash| !hash.is_empty());
            if asked.is_some_and(|asked| asked != found.hash) {
                let url = format!("/openapi/v3/{path}?hash={}", found.hash);
                return Ok(document::moved(&url));
            }
            let body = found.body.as_slice().to_vec();
            let mut document = Document::tagged("application/json", body, &found.hash);
            document = document.of_openapi("Accept");
            if asked.is_some() {
                document = document.for_ever();
            }
            Ok(document.answer(headers))
        }
        _ => Ok(respond::text(404, "404 page not found\n")),
    }
}
