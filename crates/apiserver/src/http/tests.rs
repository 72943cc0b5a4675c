//! Verbs as clients send them: plain HTTP requests to the in-process service.

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

#[tokio::test]
async fn an_object_is_created_read_changed_and_deleted() {
    let client = Client::start().await;
    let (code, created) = client.create(MAPS, &map("one")).await;
    assert_eq!(code, 201, "{created}");
    assert_eq!(created["metadata"]["namespace"], "default");
    assert!(created["metadata"]["uid"].is_string());

    let (code, status) = client.create(MAPS, &map("one")).await;
    assert_eq!(code, 409);
    assert_eq!(status["message"], "configmaps \"one\" already exists");

    let (code, read) = client.get(&format!("{MAPS}/one")).await;
    assert_eq!((code, &read), (200, &created));

    let mut changed = read.clone();
    changed["data"]["a"] = json!("2");
    let (code, updated) = client.update(&format!("{MAPS}/one"), &changed).await;
    assert_eq!(code, 200, "{updated}");
    assert_ne!(
        updated["metadata"]["resourceVersion"],
        read["metadata"]["resourceVersion"]
    );

    let (code, status) = client.update(&format!("{MAPS}/one"), &changed).await;
    assert_eq!(code, 409);
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on configmaps \"one\": the object has been modified; please apply your changes to the latest version and try again"
    );

    let (code, status) = client.delete(&format!("{MAPS}/one")).await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert_eq!(status["details"]["uid"], created["metadata"]["uid"]);
    let (code, status) = client.get(&format!("{MAPS}/one")).await;
    assert_eq!(code, 404);
    assert_eq!(status["message"], "configmaps \"one\" not found");
    client.server.shutdown().await;
}

#[tokio::test]
async fn a_watch_continues_a_list() {
    let client = Client::start().await;
    client.create(MAPS, &map("one")).await;
    let (_, list) = client.get(MAPS).await;
    assert_eq!(list["kind"], "ConfigMapList");
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    client.create(MAPS, &map("two")).await;
    let mut watch = client
        .watch(&format!("{MAPS}?watch=1&resourceVersion={revision}"))
        .await;
    assert_eq!(watch.step().await, ("ADDED".to_owned(), "two".to_owned()));
    client
        .patch(
            &format!("{MAPS}/one"),
            "merge",
            &json!({"data": {"b": "2"}}),
        )
        .await;
    assert_eq!(
        watch.step().await,
        ("MODIFIED".to_owned(), "one".to_owned())
    );
    client.delete(&format!("{MAPS}/two")).await;
    assert_eq!(watch.step().await, ("DELETED".to_owned(), "two".to_owned()));
    client.server.shutdown().await;
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn server_side_apply_creates_updates_and_conflicts() {
    let client = Client::start().await;
    let url = format!("{MAPS}/one?fieldManager=first");
    let (code, created) = client.patch(&url, "apply", &map("one")).await;
    assert_eq!(code, 201, "{created}");
    assert_eq!(created["metadata"]["managedFields"][0]["manager"], "first");
    let (code, same) = client.patch(&url, "apply", &map("one")).await;
    assert_eq!(
        (code, &same["metadata"]["resourceVersion"]),
        (200, &created["metadata"]["resourceVersion"])
    );
    let mut other = map("one");
    other["data"]["a"] = json!("2");
    let url = format!("{MAPS}/one?fieldManager=second");
    let (code, conflict) = client.patch(&url, "apply", &other).await;
    assert_eq!(
        (code, &conflict["reason"]),
        (409, &json!("Conflict")),
        "{conflict}"
    );
    let (code, forced) = client
        .patch(&format!("{url}&force=true"), "apply", &other)
        .await;
    assert_eq!((code, &forced["data"]["a"]), (200, &json!("2")), "{forced}");
    let (code, _) = client.patch(&format!("{MAPS}/one"), "apply", &other).await;
    assert_eq!(code, 422);
}
