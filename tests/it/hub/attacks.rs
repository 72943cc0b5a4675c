//! The attacks of the protocol's sections 10 and 12, each tried with what its
//! attacker really has: a client certificate, a token, or nothing.

mod approval;
mod former;
mod requests;
mod rights;
mod writes;

use kube::Client;
use serde_json::Value;

/// A request over the wire: the status, and the answer's message or all of it.
pub(crate) async fn send(client: &Client, verb: &str, path: &str, body: &Value) -> (u16, String) {
    let kind = match verb {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = http::Request::builder()
        .method(verb)
        .uri(path)
        .header("content-type", kind)
        .body(kube::client::Body::from(body))
        .unwrap();
    let answer = client.send(request).await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.into_body().collect_bytes().await.unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    let message = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|value| value["message"].as_str().map(str::to_owned));
    (status, message.unwrap_or(text))
}

/// The path of clusters, and of one of them.
pub(crate) fn clusters(name: &str) -> String {
    format!("/apis/cluster.open-cluster-management.io/v1/managedclusters{name}")
}
