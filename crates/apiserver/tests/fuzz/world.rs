//! A server in this thread, and a client of it.

use apiserver::api::UserInfo;
use apiserver::http::Service;
use apiserver::{ApiServer, Options};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

pub(crate) struct World {
    runtime: Runtime,
    pub(crate) server: ApiServer,
    service: Service,
}

/// An answer: its code, and its body when that is JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let options = Options {
            controllers: false,
            ..Options::default()
        };
        let server = runtime.block_on(ApiServer::start(options)).unwrap();
        let service = server.service(UserInfo::admin());
        Self {
            runtime,
            server,
            service,
        }
    }

    /// Sends a request as it is; `None` when HTTP cannot say it. The body of a
    /// watch is not read.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).ok()?;
        let watch = url.contains("watch");
        self.runtime.block_on(async {
            let response = self.service.clone().oneshot(request).await.unwrap();
            let code = response.status().as_u16();
            if watch && code == 200 {
                return Some(Answer {
                    code,
                    body: Value::Null,
                });
            }
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            // The server survives a panic, and says so.
            let panicked = body["message"]
                .as_str()
                .is_some_and(|text| text.contains("caused a panic"));
            assert!(!panicked, "{method} {url}");
            Some(Answer { code, body })
        })
    }

    pub(crate) fn json(&self, method: &str, url: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        self.send(method, url, &[("content-type", "application/json")], &body)
            .unwrap()
    }

    pub(crate) fn get(&self, url: &str) -> Answer {
        self.json("GET", url, &Value::Null)
    }
}

/// A deployment with lists of every kind.
pub(crate) fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "labels": {"a": "b"}, "finalizers": ["example.com/a"]},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {
                    "containers": [
                        {"name": "a", "image": "a", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}], "env": [{"name": "A", "value": "1"}]},
                        {"name": "b", "image": "b", "args": ["1", "2"]},
                    ],
                    "tolerations": [{"key": "a", "operator": "Exists"}],
                    "volumes": [{"name": "v", "emptyDir": {}}],
                },
            },
        },
    })
}
