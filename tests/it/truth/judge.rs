//! A webhook that both servers ask, over TLS. What it answers is the last part of
//! its URL's path: a table says which answer it is about, in `${hook}/deny`.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use apiserver::pki::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Where it listens, and who signed its certificate.
#[derive(Clone)]
pub(super) struct Judge {
    /// `https://127.0.0.1:PORT`.
    pub(super) url: String,
    /// PEM in base64, as `caBundle` has it.
    pub(super) bundle: String,
}

/// Starts it; it lives as long as the runtime of the test.
pub(super) async fn start() -> Judge {
    let authority = Authority::open(None).unwrap();
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let lifetime = Duration::from_secs(24 * 3600);
    let (certificate, key) = authority
        .issue_server("judge", &["localhost"], &[loopback], lifetime)
        .unwrap();
    let certificate = CertificateDer::from(certificate);
    let key = PrivateKeyDer::try_from(key).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certificate], key)
    .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(SocketAddr::from((loopback, 0)))
        .await
        .unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Some do not trust it: that is a test, too.
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
    Judge {
        url,
        bundle: STANDARD.encode(authority.pem()),
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().trim_matches('/').to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let review: Value = serde_json::from_slice(&body).unwrap();
    let (code, kind, body) = match path.as_str() {
        "slow" => std::future::pending().await,
        "broken" => (500, "text/plain", "it broke\n".to_owned()),
        "nowhere" => (404, "text/plain", "404 page not found\n".to_owned()),
        "teapot" => (418, "text/plain", "short and stout".to_owned()),
        "prose" => (200, "application/json", "hello".to_owned()),
        "other-version" => {
            let body = json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "response": {"uid": review["request"]["uid"], "allowed": true}});
            (200, "application/json", body.to_string())
        }
        "silent" => {
            let body = json!({"apiVersion": review["apiVersion"], "kind": review["kind"]});
            (200, "application/json", body.to_string())
        }
        _ => {
            let request = &review["request"];
            let mut response = judged(&path, request);
            if response.get("uid").is_none() {
                response["uid"] = request["uid"].clone();
            }
            let body = json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response});
            (200, "application/json", body.to_string())
        }
    };
    let response = Response::builder()
        .status(code)
        .header("Content-Type", kind);
    Ok(response.body(Full::new(Bytes::from(body))).unwrap())
}

fn patch(operations: &Value) -> Value {
    json!({"allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode(operations.to_string())})
}

/// The response to an admission review.
fn judged(path: &str, request: &Value) -> Value {
    let add = |at: &str, value: Value| patch(&json!([{"op": "add", "path": at, "value": value}]));
    match path {
        "allow" => json!({"allowed": true}),
        "warn" => json!({"allowed": true, "warnings": ["look here", "and \"there\""]}),
        "deny" => {
            json!({"allowed": false, "status": {"message": "not today"}, "warnings": ["a last word"]})
        }
        "deny-bare" => json!({"allowed": false}),
        "deny-reason" => json!({"allowed": false, "status": {"reason": "Because"}}),
        "deny-success" => {
            json!({"allowed": false, "status": {"code": 200, "status": "Success", "message": "fine"}})
        }
        "deny-full" => json!({"allowed": false, "status": {
            "code": 409, "reason": "Conflict", "message": "there is one", "status": "Failure",
            "details": {"name": "n", "group": "g", "kind": "k", "causes": [{"reason": "FieldValueInvalid", "message": "no", "field": "data.a"}]},
        }}),
        // What it was asked, told back.
        "echo" => json!({"allowed": false, "status": {"message": told(request)}}),
        "label" => add("/metadata/labels", json!({"judged": "yes"})),
        "data" => add("/data/added", json!("1")),
        "count" => {
            let before = request["object"]["data"]["count"].as_str().unwrap_or("");
            add("/data/count", json!(format!("{before}i")))
        }
        "size" => add("/spec", json!({"size": 3})),
        "small" => add("/spec", json!({"size": 0})),
        "rename" => add("/metadata/name", json!("another")),
        "status" => add("/status", json!({"phase": "Judged"})),
        "rules" => add(
            "/rules",
            json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]),
        ),
        "unknown" => add("/nothing", json!("x")),
        "mistyped" => add("/data", json!([1])),
        "nothing" => patch(&json!([])),
        "misfit" => patch(&json!([{"op": "remove", "path": "/data/none"}])),
        "no-patch" => {
            json!({"allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode("hello")})
        }
        "other-patch" => {
            json!({"allowed": true, "patchType": "MergePatch", "patch": STANDARD.encode("[{\"op\":\"remove\",\"path\":\"/data\"}]")})
        }
        "bare-patch" => json!({"allowed": true, "patch": STANDARD.encode("[]")}),
        "bare-type" => json!({"allowed": true, "patchType": "JSONPatch"}),
        "other-uid" => json!({"allowed": true, "uid": "another"}),
        other => {
            json!({"allowed": false, "status": {"message": format!("there is no answer {other:?}")}})
        }
    }
}

/// A request, without what is another on every server: who asked how, and who
/// wrote when.
fn told(request: &Value) -> String {
    let mut request = request.clone();
    request["userInfo"].as_object_mut().unwrap().remove("extra");
    request.as_object_mut().unwrap().remove("uid");
    for object in ["object", "oldObject"] {
        if let Some(metadata) = request[object]["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            for field in ["uid", "resourceVersion", "creationTimestamp"] {
                if let Some(value) = metadata.get_mut(field).filter(|value| !value.is_null()) {
                    *value = "<masked>".into();
                }
            }
        }
    }
    request.to_string()
}
