//! What a command asks of a server, and how much of it at once. The server here
//! is none: it writes down what it is asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::world::run;

/// How many clusters it has.
const CLUSTERS: usize = 48;

/// How many requests about works have to come before any of them is answered.
const AT_ONCE: usize = 12;

struct Listener {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, barrier) = (asked.clone(), Arc::new(Barrier::new(AT_ONCE)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, barrier) = (log.clone(), barrier.clone());
                let service = hyper::service::service_fn(move |request| {
                    answer(request, log.clone(), barrier.clone())
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, asked }
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    log: Arc<Mutex<Vec<String>>>,
    barrier: Arc<Barrier>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (method, uri) = (request.method().to_string(), request.uri().clone());
    log.lock().unwrap().push(format!("{method} {uri}"));
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let about_a_work = uri.path().contains("/manifestworks");
    if about_a_work {
        barrier.wait().await;
    }
    let (code, value) = match (method.as_str(), about_a_work) {
        ("GET", false) => {
            let items: Vec<Value> = (0..CLUSTERS)
                .map(|number| {
                    json!({"metadata": {"name": format!("c{number}")},
                    "spec": {"hubAcceptsClient": true}})
                })
                .collect();
            let list = json!({"apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedClusterList", "metadata": {"resourceVersion": "1"}, "items": items});
            (200, list)
        }
        ("GET", true) => {
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                "status": "Failure", "reason": "NotFound", "code": 404,
                "message": "manifestworks.work.open-cluster-management.io \"w\" not found"});
            (404, status)
        }
        _ => (201, serde_json::from_slice(&body).unwrap()),
    };
    let answer = hyper::Response::builder()
        .status(code)
        .header("content-type", "application/json")
        .body(Full::from(value.to_string()));
    Ok(answer.unwrap())
}

/// clusteradm: one cluster after the other, five requests a second, a
/// description of the whole API for each run, lists in one piece.
#[tokio::test]
async fn defect_27_many_clusters_are_served_at_once_with_no_request_too_many() {
    let server = Listener::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
    });
    let kubeconfig = folder.path().join("config");
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n";
    let create = ["create", "work", "w", "-f", "-", "--all"];
    let said = run(folder.path(), Some(&kubeconfig), &create, manifest).await;
    assert!(said.starts_with("exit 0\n"), "{said}");
    assert_eq!(said.matches("create work w in cluster").count(), CLUSTERS);
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1 + 2 * CLUSTERS, "{asked:#?}");
    let (list, works) = asked.split_first().unwrap();
    assert!(
        list.contains("/managedclusters?") && list.contains("limit=500"),
        "{list}"
    );
    assert!(
        works.iter().all(|line| line.contains("/manifestworks")),
        "{works:#?}"
    );
}
