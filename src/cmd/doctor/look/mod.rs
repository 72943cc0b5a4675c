//! Reads what is judged: no more than the question needs, all at once.

mod agent;
mod hub;
mod webhooks;

use http::header::DATE;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use kube::client::Body;
use kube::{Api, Resource};
use serde_json::Value;

pub(super) use self::agent::{cluster_name, look as look_at_managed};
pub(super) use self::hub::look as look_at_hub;
use super::facts::{Operator, Seen, Server};
use crate::cmd::trouble;
use crate::k8s::client::{Connection, ServerError};
use crate::ocm::names;

fn seen<T>(answer: Result<T, ServerError>) -> Seen<T> {
    answer.map_err(|error| error.to_string())
}

/// Whether it answers, with which version, and what time it is there.
async fn server(cluster: &Connection) -> Server {
    let asked = async {
        let request = Request::get("/version").body(Body::empty()).ok()?;
        let answer = cluster.call(cluster.client.send(request)).await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        let date = answer.headers().get(DATE).and_then(|date| {
            let date = date.to_str().ok()?;
            Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
        });
        let ahead = date.map(|date| date.as_second() - jiff::Timestamp::now().as_second());
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        let version: Value = serde_json::from_slice(&body).ok()?;
        Some((version["gitVersion"].as_str()?.to_owned(), ahead))
    };
    let (version, ahead) = match asked.await {
        Some((version, ahead)) => (Ok(version), ahead),
        // Once more, for the words of the failure.
        None => {
            let version = cluster.call(cluster.client.apiserver_version()).await;
            (seen(version).map(|version| version.git_version), None)
        }
    };
    Server {
        url: cluster.url.clone(),
        version,
        ahead,
    }
}

/// The controllers of a side.
async fn operator(cluster: &Connection, name: &str) -> Operator {
    let deployment = one::<Deployment>(cluster, names::OPERATOR_NAMESPACE, name).await;
    let short =
        matches!(&deployment, Ok(Some(deployment)) if available(deployment) < wanted(deployment));
    let trouble = match short {
        true => trouble::of(cluster, names::OPERATOR_NAMESPACE, name).await,
        false => Vec::new(),
    };
    // The first is the most telling.
    let trouble = trouble.into_iter().next();
    Operator {
        deployment: Some(deployment),
        trouble,
    }
}

/// How many pods of a Deployment are wanted.
pub(super) fn wanted(deployment: &Value) -> i64 {
    let replicas = deployment.pointer("/spec/replicas");
    replicas.and_then(Value::as_i64).unwrap_or(1)
}

/// How many pods of a Deployment are available.
pub(super) fn available(deployment: &Value) -> i64 {
    let available = deployment.pointer("/status/availableReplicas");
    available.and_then(Value::as_i64).unwrap_or(0)
}

/// Warnings in these namespaces; what cannot be read is not missed.
async fn warnings(cluster: &Connection, namespaces: &[&str]) -> Vec<Event> {
    let params = ListParams::default().fields("type=Warning").limit(100);
    let lists = namespaces.iter().map(|namespace| {
        let events: Api<Event> = Api::namespaced(cluster.client.clone(), namespace);
        let params = &params;
        async move { cluster.call(events.list(params)).await }
    });
    let lists = futures::future::join_all(lists).await;
    lists
        .into_iter()
        .filter_map(Result::ok)
        .flatten()
        .filter(|event| event.type_.as_deref() == Some("Warning"))
        .collect()
}

/// One object, if it is there.
async fn one<K>(cluster: &Connection, namespace: &str, name: &str) -> Seen<Option<Value>>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + serde::Serialize,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), namespace);
    let found = seen(cluster.call_opt(api.get(name)).await)?;
    Ok(found.map(|object| value(&object)))
}

fn value<T: serde::Serialize>(object: &T) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
