//! Plays a sequence on one server, and watches it from the beginning.

use std::collections::BTreeMap;
use std::time::Duration;

use apiserver::{ApiServer, Options};
use futures::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::steps::Step;
use crate::harness::{admin, until};

/// No server needs longer for an answer or an event.
const PATIENCE: Duration = Duration::from_secs(90);
/// What is written to, and where it is served.
const RESOURCES: [(&str, &str, &str); 3] = [
    ("configmaps", "v1", "ConfigMap"),
    ("podtemplates", "v1", "PodTemplate"),
    ("things", THINGS, "Thing"),
];
/// The group version of the custom kind.
pub(super) const THINGS: &str = "sequences.example.com/v1";
/// The object that is made last.
const LAST: &str = "zz-last";

/// An embedded server of this test.
pub(super) struct Embedded {
    pub(super) client: Client,
    server: ApiServer,
    _folder: tempfile::TempDir,
}

impl Embedded {
    async fn start(on_disk: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = ApiServer::start(Options {
            data_dir: on_disk.then(|| folder.path().to_owned()),
            ..Options::default()
        })
        .await
        .unwrap();
        Self {
            client: Client::new(server.service(admin()), "default"),
            server,
            _folder: folder,
        }
    }

    pub(super) async fn stop(self) {
        self.server.shutdown().await;
    }
}

/// One in memory, one on disk.
pub(super) async fn embedded() -> (Embedded, Embedded) {
    (Embedded::start(false).await, Embedded::start(true).await)
}

/// What a sequence came to. Revisions and times are left out, since they
/// differ; that revisions grow was checked.
#[derive(Default)]
pub(super) struct Outcome {
    /// Of each step: code and body.
    pub(super) answers: Vec<Value>,
    /// By resource and name.
    pub(super) state: BTreeMap<String, Value>,
    /// By resource.
    pub(super) events: BTreeMap<String, Vec<Value>>,
}

async fn send(
    client: &Client,
    method: &str,
    url: &str,
    content_type: &str,
    body: &Value,
) -> (u16, Value) {
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", content_type)
        .body(Body::from(bytes))
        .unwrap();
    let answer = async {
        let response = client.send(request).await.unwrap();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    };
    tokio::time::timeout(PATIENCE, answer).await.unwrap()
}

/// The path of a resource in a namespace.
fn folder(namespace: &str, resource: &str) -> String {
    let of = RESOURCES.iter().find(|(known, ..)| *known == resource);
    let version = of.expect("one of them").1;
    let root = if version.contains('/') { "apis" } else { "api" };
    format!("/{root}/{version}/namespaces/{namespace}/{resource}")
}

/// Defines the custom kind: with defaults, lists that merge, unknown fields here and there,
/// and a rule about what it was before.
pub(super) async fn define(client: &Client) {
    let text = json!({"type": "string"});
    let schema = json!({"type": "object", "properties": {"spec": {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 1, "maximum": 5},
            "fixed": {"type": "string", "x-kubernetes-validations": [
                {"rule": "self == oldSelf", "message": "it stays"}]},
            "parts": {"type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"], "items": {"type": "object",
                    "required": ["name"], "properties": {"name": text, "value": text,
                        "side": {"type": "string", "default": "left"}}}},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
            "plain": {"type": "array", "items": text},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "map": {"type": "object", "additionalProperties": text},
        },
    }}});
    let body = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.sequences.example.com"},
        "spec": {
            "group": "sequences.example.com",
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let (code, answer) = send(client, "POST", definitions, "application/json", &body).await;
    assert_eq!(code, 201, "{answer}");
    until("things are served", async || {
        let url = folder("default", "things");
        send(client, "GET", &url, "application/json", &Value::Null)
            .await
            .0
            == 200
    })
    .await;
}

/// Plays the steps in a new namespace.
pub(super) async fn play(client: &Client, namespace: &str, steps: &[Step]) -> Outcome {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    let json = "application/json";
    let (code, _) = send(client, "POST", "/api/v1/namespaces", json, &body).await;
    assert_eq!(code, 201);
    let mut watches = Vec::new();
    for (resource, ..) in RESOURCES {
        let url = folder(namespace, resource);
        let (_, list) = send(client, "GET", &url, json, &Value::Null).await;
        let revision = revision(&list);
        watches.push((resource, watch(client, &url, revision).await));
    }
    let mut outcome = Outcome::default();
    for step in steps {
        let folder = folder(namespace, step.resource);
        let url = format!("{folder}/{}?{}", step.name, step.query);
        let url = url.replace("/?", "?");
        let (code, mut body) = send(client, step.method, &url, step.content_type, &step.body).await;
        mask(&mut body);
        outcome.answers.push(json!({"code": code, "body": body}));
    }
    for (resource, version, kind) in RESOURCES {
        let url = folder(namespace, resource);
        let last = json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": LAST},
            "template": {"spec": {"containers": [{"name": "a", "image": "a"}]}},
            "spec": {},
        });
        let (code, _) = send(client, "POST", &url, json, &last).await;
        assert_eq!(code, 201);
        let (_, list) = send(client, "GET", &url, json, &Value::Null).await;
        for item in list["items"].as_array().unwrap() {
            if is_ours(item) {
                let mut item = item.clone();
                mask(&mut item);
                outcome
                    .state
                    .insert(format!("{resource}/{}", name(&item)), item);
            }
        }
    }
    for (resource, watch) in watches {
        let events = follow(watch).await;
        // What the watch told is what there is.
        let mut told = BTreeMap::new();
        for event in &events {
            let object = &event["object"];
            let path = format!("{resource}/{}", name(object));
            let known = match event["type"].as_str() {
                Some("DELETED") => told.remove(&path).is_some(),
                Some("ADDED") => told.insert(path, object.clone()).is_none(),
                Some("MODIFIED") => told.insert(path, object.clone()).is_some(),
                _ => false,
            };
            assert!(known, "{event} is out of order in {events:#?}");
        }
        let found: BTreeMap<String, Value> = outcome
            .state
            .iter()
            .filter(|(path, _)| path.starts_with(resource))
            .map(|(path, object)| {
                let mut object = object.clone();
                // Of a list, they come without.
                object["apiVersion"] = told[path]["apiVersion"].clone();
                object["kind"] = told[path]["kind"].clone();
                (path.clone(), object)
            })
            .collect();
        assert_eq!(told, found);
        outcome.events.insert(resource.to_owned(), events);
    }
    outcome
}

type Lines = futures::stream::BoxStream<'static, std::io::Result<String>>;

async fn watch(client: &Client, url: &str, revision: u64) -> Lines {
    let url = format!("{url}?watch=true&allowWatchBookmarks=true&resourceVersion={revision}");
    let request = Request::get(url).body(Body::empty()).unwrap();
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let stream = response
        .into_body()
        .into_data_stream()
        .map_err(std::io::Error::other)
        .into_async_read();
    futures::io::BufReader::new(stream).lines().boxed()
}

/// All events until the last object came.
async fn follow(mut lines: Lines) -> Vec<Value> {
    let (mut events, mut before) = (Vec::new(), 0);
    loop {
        let line = tokio::time::timeout(PATIENCE, lines.next()).await.unwrap();
        let mut event: Value = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        let revision = revision(&event["object"]);
        if event["type"] == "BOOKMARK" {
            assert!(revision >= before, "{event}");
            continue;
        }
        assert!(revision > before, "{event} after {before}");
        before = revision;
        if !is_ours(&event["object"]) {
            continue;
        }
        let last = name(&event["object"]) == LAST;
        mask(&mut event["object"]);
        events.push(event);
        if last {
            return events;
        }
    }
}

fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// Every namespace has a map that is not of the sequence.
fn is_ours(object: &Value) -> bool {
    name(object) != "kube-root-ca.crt"
}

/// Puts what was refused in order, and leaves out objects that are quoted.
fn refusal(status: &mut Value) {
    let message = status["message"].as_str().unwrap_or_default();
    // How much more it tells depends on where it stops.
    if let Some((first, _)) = message.split_once("): ")
        && message.contains("field not declared in schema")
    {
        status["message"] = first.into();
    } else if let Some((first, all)) = message.split_once("errors:\n") {
        let mut all: Vec<&str> = all.lines().collect();
        all.sort_unstable();
        status["message"] = format!("{first}{}", all.join("\n")).into();
    }
    let Some(causes) = status.pointer_mut("/details/causes") else {
        return;
    };
    let causes = causes.as_array_mut().unwrap();
    for cause in causes.iter_mut() {
        if let Some((first, _)) = cause["message"].as_str().unwrap().split_once(": \"{") {
            let behind = cause["message"].as_str().unwrap();
            let behind = behind.rsplit("}\": ").next().unwrap();
            cause["message"] = format!("{first}: … {behind}").into();
        }
    }
    causes.sort_by_key(ToString::to_string);
    // It says them all once more.
    status["message"] = Value::Null;
}

/// Takes out what differs from server to server, and from answer to answer: a real one goes
/// through maps in any order, and tells of what it comes upon.
fn mask(object: &mut Value) {
    if object["code"].as_u64().is_some_and(|code| code >= 400) {
        refusal(object);
    }
    for field in ["/details", "/metadata"] {
        if let Some(map) = object.pointer_mut(field).and_then(Value::as_object_mut) {
            for key in [
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "deletionTimestamp",
            ] {
                if map.contains_key(key) {
                    map.insert(key.to_owned(), "…".into());
                }
            }
            if let Some(entries) = map.get_mut("managedFields").and_then(Value::as_array_mut) {
                for entry in entries.iter_mut() {
                    entry["time"] = "…".into();
                }
                // Otherwise the second in which somebody wrote decides.
                entries.sort_by_key(|entry| {
                    ["operation", "manager", "subresource"].map(|key| entry[key].to_string())
                });
            }
        }
    }
}
