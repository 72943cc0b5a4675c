//! A client of a server in this process.

use std::path::Path;

use apiserver::api::UserInfo;
use apiserver::http::{Body, Service};
use apiserver::{ApiServer, Options};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Starts a server without controllers.
pub(crate) async fn start(folder: Option<&Path>) -> (ApiServer, Client) {
    let server = ApiServer::start(Options {
        data_dir: folder.map(Path::to_owned),
        controllers: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let client = Client(server.service(UserInfo::admin()));
    (server, client)
}

#[derive(Clone)]
pub(crate) struct Client(Service);

impl Client {
    pub(crate) async fn send(&self, method: &str, url: &str, body: &Value) -> Response<Body> {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("content-type", content_type)
            .body(Full::new(Bytes::from(bytes)))
            .unwrap();
        self.0.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn call(&self, method: &str, url: &str, body: &Value) -> (u16, Value) {
        let response = self.send(method, url, body).await;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap())
    }

    pub(crate) async fn get(&self, url: &str) -> (u16, Value) {
        self.call("GET", url, &Value::Null).await
    }
}

pub(crate) fn map(name: &str, labels: &Value, value: u64) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels},
        "data": {"value": value.to_string()},
    })
}

pub(crate) fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

pub(crate) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}
