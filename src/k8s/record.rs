//! Keeps what a server answers to changes: whoever asked for results as data gets
//! the objects as they are now, without another request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Either, Full};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Layer, Service};

/// What was changed, in order; each object once, as it was last.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Vec<Value>>>);

impl Record {
    /// The objects. Contents of Secrets are not among them.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        self.0.lock().map(|kept| kept.clone()).unwrap_or_default()
    }

    fn keep(&self, mut object: Value) {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        // What is asked by a POST is no change.
        if kind.is_empty() || kind.ends_with("Review") || kind == "TokenRequest" {
            return;
        }
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        if kind == "Secret" {
            for key in ["data", "stringData"] {
                let values = object.get_mut(key).and_then(Value::as_object_mut);
                for (_, value) in values.into_iter().flatten() {
                    *value = "***".into();
                }
            }
        }
        let id = |object: &Value| {
            let of = |key: &str| object["metadata"][key].as_str().map(str::to_owned);
            let of_type = (object["apiVersion"].clone(), object["kind"].clone());
            (of_type, of("namespace"), of("name"))
        };
        if let Ok(mut kept) = self.0.lock() {
            let same = id(&object);
            kept.retain(|other| id(other) != same);
            kept.push(object);
        }
    }
}

impl<S> Layer<S> for Record {
    type Service = Recording<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Recording {
            inner,
            record: self.clone(),
        }
    }
}

/// A client's service that keeps a [`Record`].
#[derive(Clone, Debug)]
pub struct Recording<S> {
    inner: S,
    record: Record,
}

impl<S, B> Service<Request<Body>> for Recording<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Either<B, Full<Bytes>>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let changes =
            [Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(request.method());
        let deletes = request.method() == Method::DELETE;
        let path = request.uri().path().to_owned();
        let record = self.record.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await.map_err(|error| -> BoxError { error.into() })?;
            let (head, body) = answer.into_parts();
            if !changes || !head.status.is_success() {
                return Ok(Response::from_parts(head, Either::Left(body)));
            }
            let body = body.collect().await;
            let bytes = body
                .map_err(|error| -> BoxError { error.into() })?
                .to_bytes();
            if let Ok(object) = serde_json::from_slice::<Value>(&bytes) {
                match object["kind"] == "Status" {
                    // What is gone at once is answered with its name alone.
                    true if deletes => record.keep(gone(&path, &object)),
                    true => {}
                    false => record.keep(object),
                }
            }
            Ok(Response::from_parts(head, Either::Right(Full::new(bytes))))
        })
    }
}

/// The object that a DELETE of this path removed.
fn gone(path: &str, status: &Value) -> Value {
    let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let name = parts.pop().unwrap_or_default().to_owned();
    let plural = parts.pop().unwrap_or_default();
    let (version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ((*version).to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        _ => return Value::Null,
    };
    let mut object = json!({
        "apiVersion": version,
        "kind": kind(plural),
        "metadata": {"name": name},
    });
    if let ["namespaces", namespace] = rest {
        object["metadata"]["namespace"] = (*namespace).into();
    }
    let uid = &status["details"]["uid"];
    if uid.is_string() {
        object["metadata"]["uid"] = uid.clone();
    }
    object
}

/// The kind of a plural, for the types that are deleted here; else the plural.
fn kind(plural: &str) -> &str {
    let known: BTreeMap<&str, &str> = BTreeMap::from([
        ("addontemplates", "AddOnTemplate"),
        ("clustermanagementaddons", "ClusterManagementAddOn"),
        ("clustermanagers", "ClusterManager"),
        ("clusterrolebindings", "ClusterRoleBinding"),
        ("clusterroles", "ClusterRole"),
        ("configmaps", "ConfigMap"),
        ("customresourcedefinitions", "CustomResourceDefinition"),
        ("deployments", "Deployment"),
        ("klusterlets", "Klusterlet"),
        ("managedclusteraddons", "ManagedClusterAddOn"),
        ("managedclusters", "ManagedCluster"),
        ("managedclustersetbindings", "ManagedClusterSetBinding"),
        ("managedclustersets", "ManagedClusterSet"),
        ("manifestworkreplicasets", "ManifestWorkReplicaSet"),
        ("manifestworks", "ManifestWork"),
        ("namespaces", "Namespace"),
        ("placements", "Placement"),
        ("rolebindings", "RoleBinding"),
        ("roles", "Role"),
        ("secrets", "Secret"),
        ("serviceaccounts", "ServiceAccount"),
    ]);
    known.get(plural).copied().unwrap_or(plural)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_kept_once_and_secrets_are_not_told() {
        let record = Record::default();
        let object = |kind: &str, set: bool| {
            json!({"apiVersion": "v1", "kind": kind,
                "metadata": {"name": "a", "managedFields": []}, "data": {"k": "v"}, "set": set})
        };
        record.keep(object("ConfigMap", false));
        record.keep(object("Secret", false));
        record.keep(object("ConfigMap", true));
        record.keep(object("TokenRequest", true));
        record.keep(object("SelfSubjectAccessReview", true));
        let kept = record.objects();
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0]["data"]["k"], "***");
        assert_eq!(
            kept[1],
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
                "data": {"k": "v"}, "set": true})
        );
    }

    #[test]
    fn what_is_gone_is_named_by_its_path() {
        let status = json!({"kind": "Status", "details": {"uid": "u"}});
        assert_eq!(
            gone(
                "/apis/work.open-cluster-management.io/v1/namespaces/c/manifestworks/w",
                &status
            ),
            json!({"apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
                "metadata": {"name": "w", "namespace": "c", "uid": "u"}})
        );
        let plain = gone("/api/v1/namespaces/n", &json!({}));
        assert_eq!(
            plain,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
        );
    }
}
