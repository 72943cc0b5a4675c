use std::convert::Infallible;
use std::net::SocketAddr;

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
                        let body = json!({"response": response}).to_string();
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
            403,
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
        "failed calling webhook \"inside.example.com\": service ocm/webhook cannot be reached"
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
        };
        assert_eq!(
            matching::wants(&view, &hook, &request, &labelled),
            wanted,
            "{path} {subresource} {hook}"
        );
    }
}
