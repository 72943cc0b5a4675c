//! Verbs as clients send them: plain HTTP requests to the in-process service.

mod custom;
mod deletes;
mod lists;
mod verbs;

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Body, Service};
use crate::api::UserInfo;
use crate::server::{ApiServer, Options};

/// A server in memory and a client of it.
struct Client {
    service: Service,
    server: ApiServer,
}

/// A watch and the part of a line that has come.
struct Lines {
    body: Pin<Box<Body>>,
    rest: Vec<u8>,
}

impl Client {
    async fn start() -> Self {
        let options = Options {
            controllers: false,
            ..Options::default()
        };
        let server = ApiServer::start(options).await.unwrap();
        Self {
            service: server.service(UserInfo::admin()),
            server,
        }
    }

    async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::copy_from_slice(body)))
            .unwrap();
        self.service.clone().oneshot(request).await.unwrap()
    }

    /// Status and JSON of the answer.
    async fn json(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> (u16, Value) {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let response = self.send(method, url, headers, &bytes).await;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, url: &str) -> (u16, Value) {
        self.json("GET", url, &[], &Value::Null).await
    }

    async fn create(&self, url: &str, body: &Value) -> (u16, Value) {
        self.json("POST", url, &[], body).await
    }

    async fn update(&self, url: &str, body: &Value) -> (u16, Value) {
        self.json("PUT", url, &[], body).await
    }

    async fn patch(&self, url: &str, kind: &str, body: &Value) -> (u16, Value) {
        let content_type = match kind {
            "apply" => "application/apply-patch+yaml".to_owned(),
            kind => format!("application/{kind}-patch+json"),
        };
        self.json("PATCH", url, &[("content-type", &content_type)], body)
            .await
    }

    async fn delete(&self, url: &str) -> (u16, Value) {
        self.json("DELETE", url, &[], &Value::Null).await
    }

    async fn watch(&self, url: &str) -> Lines {
        let response = self.send("GET", url, &[], b"").await;
        assert_eq!(response.status(), StatusCode::OK);
        Lines {
            body: Box::pin(response.into_body()),
            rest: Vec::new(),
        }
    }
}

impl Lines {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(Duration::from_secs(10), self.body.frame())
                .await
                .expect("an event within ten seconds")?;
            self.rest
                .extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
    }

    /// Type and name of the next event.
    async fn step(&mut self) -> (String, String) {
        let event = self.next().await.expect("an event");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&event["type"]),
            text(&event["object"]["metadata"]["name"]),
        )
    }
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    })
}
