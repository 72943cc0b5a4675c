//! Where requests that are no verbs on objects are answered: discovery,
//! OpenAPI, tables, health.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Method, Response};
use serde_json::{Value, json};

use super::Body;
use super::respond;
use crate::pki::ServiceAccountKeys;
use crate::registry::{Registry, View};
use crate::request::Accept;
use crate::request::negotiate::{Include, media_types};
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

/// Answers what is not about a resource.
pub(super) fn answer(
    registry: &Registry,
    keys: &Arc<ServiceAccountKeys>,
    method: &Method,
    path: &str,
    accept: &str,
) -> Result<Response<Body>, Status> {
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
            let aggregated = media_types(accept)
                .into_iter()
                .find(|media| {
                    media.as_kind != "APIGroupDiscoveryList"
                        || matches!(media.version.as_str(), "v2" | "v2beta1")
                })
                .filter(|media| {
                    media.as_kind == "APIGroupDiscoveryList" && media.name == "application/json"
                });
            match aggregated {
                Some(media) => {
                    let list = discovery::aggregated(&catalog, core, &media.version);
                    let mut response = respond::value(200, &Accept::default(), &list);
                    let content_type = format!(
                        "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList",
                        media.version
                    );
                    if let Ok(value) = content_type.parse() {
                        response.headers_mut().insert(CONTENT_TYPE, value);
                    }
                    Ok(response)
                }
                None if core => json(&discovery::legacy_core(&catalog, "")),
                None => json(&discovery::groups(&catalog)),
            }
        }
        ["apis", group] | ["apis", group, _] if !catalog.versions.contains_key(*group) => {
            Ok(respond::text(404, "404 page not found\n"))
        }
        ["apis", group] => found(discovery::group(&catalog, group)),
        ["api", version] => found(discovery::resources(&catalog, "", version)),
        ["apis", group, version] => found(discovery::resources(&catalog, group, version)),
        ["openapi", "v2"] if accept.contains(openapi::V2_PROTOBUF_NAME) => Ok(respond::bytes(
            200,
            openapi::V2_PROTOBUF,
            openapi::v2_protobuf(),
        )),
        ["openapi", "v2"] => json(&openapi::v2(&catalog)),
        ["openapi", "v3"] => json(&openapi::v3_index(&catalog)),
        ["openapi", "v3", path @ ..] => {
            let document = openapi::v3_group(&catalog, &path.join("/"))
                .ok_or_else(super::dispatch::no_such_resource)?;
            Ok(respond::bytes(
                200,
                "application/json",
                document.body.as_slice().to_vec(),
            ))
        }
        _ => Ok(respond::text(404, "404 page not found\n")),
    }
}
