use std::convert::Infallible;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::pki::Authority;
use crate::registry::RequestContext;
use crate::server::{ApiServer, Options};

/// A webhook that answers with `answer(request)`; its URL and caBundle.
async fn serve(answer: fn(&Value) -> Value) -> (String, String) {
    let authority = Authority::open(None).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(authority.server_config(&[]).unwrap()));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let url = format!("https://{}/judge", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let service = service_fn(
                    move |request: http::Request<hyper::body::Incoming>| async move {
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let review: Value = serde_json::from_slice(&body).unwrap();
                        let mut response = answer(&review["request"]);
                        response["uid"] = review["request"]["uid"].clone();
                        let body = json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response});
                        let body = body.to_string();
                        Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(body))))
                    },
                );
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (url, STANDARD.encode(authority.pem()))
}

fn config(kind: &str, name: &str, client: &Value) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "webhooks": [{
            "name": format!("{name}.example.com"),
            "clientConfig": client,
            "rules": [{"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail",
            "timeoutSeconds": 5,
        }],
    })
}

struct Cluster(ApiServer);

impl Cluster {
    async fn start() -> Self {
        let options = Options {
            controllers: false,
            ..Options::default()
        };
        Self(ApiServer::start(options).await.unwrap())
    }

    async fn create(&self, path: &str, object: Value) -> Result<Value, Status> {
        let (group, resource) = path.split_once('/').unwrap();
        let registry = self.0.registry();
        let resource = registry
            .catalog()
            .find_resource(&GroupResource::new(group, resource))
            .unwrap()
            .clone();
        let namespace = text(&object, "/metadata/namespace").to_owned();
        let context = RequestContext::system("test");
        let made = registry
            .create(&context, &resource, &namespace, object)
            .await?;
        Ok((*made).clone())
    }

    async fn configure(&self, kind: &str, name: &str, client: &Value) {
        let path = format!("{GROUP}/{}s", kind.to_lowercase());
        self.create(&path, config(kind, name, client))
            .await
            .unwrap();
    }

    async fn map(&self, name: &str) -> Result<Value, Status> {
        let map = json!({"metadata": {"namespace": "default", "name": name}});
        self.create("/configmaps", map).await
    }
}

#[tokio::test]
async fn a_validating_webhook_says_no() {
    let (url, bundle) = serve(|request| {
        let bad = request["name"] == "bad";
        json!({"allowed": !bad, "status": {"message": "bad name"}, "warnings": ["seen"]})
    })
    .await;
    let cluster = Cluster::start().await;
    let client = json!({"url": url, "caBundle": bundle});
    cluster
        .configure("ValidatingWebhookConfiguration", "judge", &client)
        .await;
    cluster.map("good").await.unwrap();
    let refused = cluster.map("bad").await.unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (
            400,
            "admission webhook \"judge.example.com\" denied the request: bad name"
        )
    );
    // Other resources are none of its business.
    let secret = json!({"metadata": {"namespace": "default", "name": "bad"}});
    cluster.create("/secrets", secret).await.unwrap();
}

#[tokio::test]
async fn a_mutating_webhook_changes_the_object() {
    let (url, bundle) = serve(|_| {
        let patch = json!([{"op": "add", "path": "/data", "value": {"a": "b"}}]);
        json!({"allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode(patch.to_string())})
    })
    .await;
    let cluster = Cluster::start().await;
    let client = json!({"url": url, "caBundle": bundle});
    cluster
        .configure("MutatingWebhookConfiguration", "change", &client)
        .await;
    assert_eq!(cluster.map("a").await.unwrap()["data"], json!({"a": "b"}));
}

#[tokio::test]
async fn who_cannot_be_reached_fails_the_write_or_is_ignored() {
    let cluster = Cluster::start().await;
    let service = json!({"service": {"namespace": "ocm", "name": "webhook"}});
    cluster
        .configure("ValidatingWebhookConfiguration", "inside", &service)
        .await;
    let failed = cluster.map("a").await.unwrap_err();
    assert_eq!(failed.code, 500);
    assert!(failed.message.contains(
        "failed calling webhook \"inside.example.com\": failed to call webhook: service ocm/webhook cannot be reached"
    ));
    let (url, _) = serve(|_| json!({"allowed": true})).await;
    let stranger = STANDARD.encode(Authority::open(None).unwrap().pem());
    let cluster = Cluster::start().await;
    let mut config = config(
        "ValidatingWebhookConfiguration",
        "w",
        &json!({"url": url, "caBundle": stranger}),
    );
    config["webhooks"][0]["failurePolicy"] = json!("Ignore");
    cluster
        .create(&format!("{GROUP}/validatingwebhookconfigurations"), config)
        .await
        .unwrap();
    cluster.map("a").await.unwrap();
}

#[test]
fn rules_and_selectors() {
    let catalog = crate::types::builtin();
    let user = UserInfo::admin();
    let view = crate::registry::memory::Objects::default();
    let hook = |rule: Value, selector: Value| json!({"rules": [rule], "objectSelector": selector});
    let rule = |group: &str, resource: &str| json!({"operations": ["CREATE"], "apiGroups": [group], "apiVersions": ["v1"], "resources": [resource]});
    let labelled = json!({"metadata": {"labels": {"a": "b"}}});
    for (path, subresource, hook, wanted) in [
        (
            "apps/deployments",
            "",
            hook(rule("apps", "deployments"), json!({})),
            true,
        ),
        (
            "apps/deployments",
            "",
            hook(rule("*", "*"), json!({})),
            true,
        ),
        (
            "apps/deployments",
            "",
            hook(rule("", "*"), json!({})),
            false,
        ),
        (
            "apps/deployments",
            "status",
            hook(rule("apps", "deployments"), json!({})),
            false,
        ),
        (
            "apps/deployments",
            "status",
            hook(rule("apps", "deployments/*"), json!({})),
            true,
        ),
        (
            "apps/deployments",
            "status",
            hook(rule("apps", "*/status"), json!({})),
            true,
        ),
        (
            "apps/deployments",
            "",
            hook(rule("apps", "*"), json!({"matchLabels": {"a": "b"}})),
            true,
        ),
        (
            "apps/deployments",
            "",
            hook(rule("apps", "*"), json!({"matchLabels": {"a": "c"}})),
            false,
        ),
    ] {
        let (group, resource) = path.split_once('/').unwrap();
        let request = Request {
            operation: Operation::Create,
            resource: catalog.find(group, "v1", resource).unwrap(),
            subresource,
            namespace: "default",
            name: "n",
            user: &user,
            dry_run: false,
            old: None,
            delete: None,
        };
        assert_eq!(
            matching::wants(&view, &hook, &request, &labelled),
            wanted,
            "{path} {subresource} {hook}"
        );
    }
}

/// `v1` calls `spec.size` what `v2` calls `spec.length`.
fn turn(request: &Value) -> Value {
    let to = text(request, "/desiredAPIVersion");
    let converted: Vec<Value> = request["objects"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|object| {
            let mut object = object.clone();
            let (from, into) = match to {
                "example.com/v1" => ("length", "size"),
                _ => ("size", "length"),
            };
            if let Some(value) = object["spec"].as_object_mut().unwrap().remove(from) {
                object["spec"][into] = value;
            }
            object["apiVersion"] = json!(to);
            object
        })
        .collect();
    if converted
        .iter()
        .any(|object| object["metadata"]["name"] == "stubborn")
    {
        return json!({"result": {"status": "Failure", "message": "not this one"}});
    }
    json!({"result": {"status": "Success"}, "convertedObjects": converted})
}

fn definition(client: &Value) -> Value {
    let version = |name: &str, field: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {
            "type": "object",
            "properties": {"spec": {"type": "object", "properties": {field: {"type": "integer", "minimum": 1}}}},
        }}})
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "sticks.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "sticks", "kind": "Stick"},
            "versions": [version("v1", "size", true), version("v2", "length", false)],
            "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]}},
        },
    })
}

#[tokio::test]
async fn a_conversion_webhook_stands_between_two_versions() {
    use crate::registry::{DeleteOptions, ListOptions, Patch, PatchKind, WatchEvent};

    let (url, bundle) = serve(turn).await;
    let cluster = Cluster::start().await;
    let client = json!({"url": url, "caBundle": bundle});
    cluster
        .create(
            "apiextensions.k8s.io/customresourcedefinitions",
            definition(&client),
        )
        .await
        .unwrap();
    let registry = cluster.0.registry();
    let catalog = registry.catalog();
    let v1 = catalog.find("example.com", "v1", "sticks").unwrap();
    let v2 = catalog.find("example.com", "v2", "sticks").unwrap();
    let context = RequestContext::system("test");
    let stick = |version: &str, field: &str, name: &str, size: u64| json!({"apiVersion": version, "kind": "Stick", "metadata": {"name": name}, "spec": {field: size}});
    let mut watch = registry
        .watch(&context, v2, Some("default"), &ListOptions::default())
        .unwrap();
    let made = registry
        .create(
            &context,
            v2,
            "default",
            stick("example.com/v2", "length", "a", 2),
        )
        .await
        .unwrap();
    assert_eq!(made["spec"], json!({"length": 2}));
    registry
        .create(
            &context,
            v1,
            "default",
            stick("example.com/v1", "size", "b", 3),
        )
        .await
        .unwrap();
    // It is stored as v1, and judged by the schema of the version it comes in.
    let get = async |resource, name| {
        let object = registry.get(&context, resource, "default", name, "").await;
        object.map(|object| object.value())
    };
    assert_eq!(get(v1, "a").await.unwrap()["spec"], json!({"size": 2}));
    assert_eq!(get(v2, "b").await.unwrap()["spec"], json!({"length": 3}));
    let small = stick("example.com/v2", "length", "c", 0);
    let refused = registry.create(&context, v2, "default", small).await;
    assert_eq!(refused.unwrap_err().code, 422);
    let list = registry
        .list(&context, v2, None, &ListOptions::default())
        .await
        .unwrap();
    let specs: Vec<Value> = list
        .items
        .iter()
        .map(|item| item.value()["spec"].clone())
        .collect();
    assert_eq!(specs, [json!({"length": 2}), json!({"length": 3})]);
    let patch = Patch {
        kind: PatchKind::Merge,
        body: json!({"spec": {"length": 4}}),
    };
    let patched = registry
        .patch(&context, v2, "default", "b", "", &patch)
        .await
        .unwrap();
    assert_eq!(patched["spec"], json!({"length": 4}));
    assert_eq!(get(v1, "b").await.unwrap()["spec"], json!({"size": 4}));
    registry
        .delete(&context, v2, "default", "a", &DeleteOptions::default())
        .await
        .unwrap();
    for expected in [2, 3, 4, 2] {
        let Some(WatchEvent::Object { object, .. }) = watch.next().await else {
            panic!("no event");
        };
        let object = object.value();
        assert_eq!(object["apiVersion"], "example.com/v2");
        assert_eq!(object["spec"], json!({"length": expected}));
    }
    let events = watch.bookmark().await;
    assert!(matches!(events.as_slice(), [WatchEvent::Bookmark { .. }]));
    // What the webhook does not convert fails in the other version alone.
    registry
        .create(
            &context,
            v1,
            "default",
            stick("example.com/v1", "size", "stubborn", 1),
        )
        .await
        .unwrap();
    let failed = get(v2, "stubborn").await.unwrap_err();
    assert_eq!(failed.code, 500);
    assert!(
        failed
            .message
            .contains("conversion webhook for example.com/v1, Kind=Stick failed: not this one")
    );
    assert!(get(v1, "stubborn").await.is_ok());
    assert!(matches!(watch.next().await, Some(WatchEvent::Error(_))));
    assert!(watch.next().await.is_none());
}
