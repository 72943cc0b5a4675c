//! Requests for objects as plain JSON: no detour over a typed or flattened form.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, PostParams, Preconditions, PropagationPolicy};
use kube::core::DynamicObject;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::model::{API_VERSION, FIELD_MANAGER};
use crate::k8s::discovery::Mapping;

/// The resource of one kind in one namespace (or cluster-scoped).
#[derive(Clone)]
pub struct Rest {
    client: Client,
    url: String,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The server says no.
    #[error("{}", .0.message)]
    Api(Box<kube::core::Status>),
    /// There is no answer.
    #[error("{0}")]
    Transport(#[source] kube::Error),
    /// The request cannot be written.
    #[error("cannot build the request")]
    Build(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RestError {
    /// The HTTP code of the answer, if there is one.
    pub fn code(&self) -> u16 {
        match self {
            Self::Api(status) => status.code,
            _ => 0,
        }
    }
}

impl From<kube::Error> for RestError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Api(status),
            other => Self::Transport(other),
        }
    }
}

/// Replaces the status of an object of a definition: to an API server that is less
/// work than a patch. Only what says which object it is goes along.
///
/// # Errors
/// As the API server says; 409 when the object is not of this version any more.
pub async fn replace_status<K>(
    api: &Api<K>,
    kind: &str,
    metadata: &ObjectMeta,
    status: &(impl Serialize + Sync),
) -> Result<K, kube::Error>
where
    K: Clone + DeserializeOwned + Resource,
{
    put(api, kind, metadata, ("status", "status"), status).await
}

/// Replaces an object by one that has this spec and nothing beside it, no finalizer
/// either.
///
/// # Errors
/// As the API server says; 409 when the object is not of this version any more.
pub async fn strip<K>(
    api: &Api<K>,
    kind: &str,
    metadata: &ObjectMeta,
    spec: &(impl Serialize + Sync),
) -> Result<K, kube::Error>
where
    K: Clone + DeserializeOwned + Resource,
{
    put(api, kind, metadata, ("", "spec"), spec).await
}

/// Puts to a subresource (or to the object itself) what says which object it is, and
/// one field.
async fn put<K>(
    api: &Api<K>,
    kind: &str,
    metadata: &ObjectMeta,
    (subresource, field): (&str, &str),
    content: &(impl Serialize + Sync),
) -> Result<K, kube::Error>
where
    K: Clone + DeserializeOwned + Resource,
{
    let name = metadata.name.as_deref().unwrap_or_default();
    let body = json!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        field: content,
    });
    let body = serde_json::to_vec(&body).map_err(kube::Error::SerdeError)?;
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let put = kube::core::Request::new(api.resource_url());
    let request = match subresource {
        "" => put.replace(name, &params, body),
        _ => put.replace_subresource(subresource, name, &params, body),
    };
    let request = request.map_err(kube::Error::BuildRequest)?;
    api.clone().into_client().request(request).await
}

/// How a patch is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind<'a> {
    /// JSON merge patch.
    Merge,
    /// Server-side apply as this manager, by force or not.
    Apply(&'a str, bool),
}

impl Rest {
    /// The objects of `mapping` in `namespace`.
    pub fn new(client: &Client, mapping: &Arc<Mapping>, namespace: &str) -> Self {
        let api: Api<DynamicObject> = if mapping.namespaced {
            Api::namespaced_with(client.clone(), namespace, &mapping.resource)
        } else {
            Api::all_with(client.clone(), &mapping.resource)
        };
        Self {
            client: client.clone(),
            url: api.resource_url().to_owned(),
        }
    }

    /// The object, if it exists.
    pub async fn get(&self, name: &str) -> Result<Option<Value>, RestError> {
        let request = self.request("GET", &format!("/{}", encode(name)), "", None, Vec::new())?;
        match self.client.request(request).await {
            Ok(object) => Ok(Some(trimmed(object))),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates `object`.
    pub async fn create(&self, object: &Value) -> Result<Value, RestError> {
        self.write("POST", "", "", "application/json", object).await
    }

    /// Replaces the object called `name`.
    pub async fn replace(&self, name: &str, object: &Value) -> Result<Value, RestError> {
        let path = format!("/{}", encode(name));
        self.write("PUT", &path, "", "application/json", object)
            .await
    }

    /// Patches the object called `name`.
    pub async fn patch(
        &self,
        name: &str,
        kind: PatchKind<'_>,
        patch: &Value,
    ) -> Result<Value, RestError> {
        let path = format!("/{}", encode(name));
        match kind {
            PatchKind::Merge => {
                self.write("PATCH", &path, "", "application/merge-patch+json", patch)
                    .await
            }
            PatchKind::Apply(manager, force) => {
                let query = format!("&fieldManager={}&force={force}", encode(manager));
                self.write(
                    "PATCH",
                    &path,
                    &query,
                    "application/apply-patch+yaml",
                    patch,
                )
                .await
            }
        }
    }

    /// Asks whether `object` could be created by the user `user` (whose groups
    /// the server knows).
    pub async fn dry_create_as(&self, object: &Value, user: &str) -> Result<(), RestError> {
        let mut request = self.request(
            "POST",
            "",
            "dryRun=All",
            Some("application/json"),
            bytes(object)?,
        )?;
        let user = http::HeaderValue::from_str(user).map_err(|e| RestError::Build(e.into()))?;
        request.headers_mut().insert("impersonate-user", user);
        self.client.request::<Value>(request).await?;
        Ok(())
    }

    /// Deletes the object with this UID in the background. `None` when it is
    /// gone already; the object when something holds it.
    pub async fn delete(&self, name: &str, uid: Option<&str>) -> Result<Option<Value>, RestError> {
        let only = uid.map(|uid| Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        });
        self.delete_if(name, only).await
    }

    /// The same, only if it is still this version of it (409 otherwise).
    pub async fn delete_version(
        &self,
        name: &str,
        uid: &str,
        version: &str,
    ) -> Result<Option<Value>, RestError> {
        let only = Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: Some(version.to_owned()),
        };
        self.delete_if(name, Some(only)).await
    }

    async fn delete_if(
        &self,
        name: &str,
        only: Option<Preconditions>,
    ) -> Result<Option<Value>, RestError> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: only,
            ..DeleteParams::default()
        };
        let body = serde_json::to_vec(&params).map_err(|e| RestError::Build(e.into()))?;
        let path = format!("/{}", encode(name));
        let request = self.request("DELETE", &path, "", Some("application/json"), body)?;
        let answer: Value = self.client.request(request).await?;
        let gone = answer["kind"] == "Status" && answer["apiVersion"] == "v1";
        Ok((!gone).then_some(answer))
    }

    async fn write(
        &self,
        method: &str,
        path: &str,
        query: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<Value, RestError> {
        let query = if query.is_empty() {
            format!("fieldManager={FIELD_MANAGER}")
        } else {
            query.trim_start_matches('&').to_owned()
        };
        let request = self.request(method, path, &query, Some(content_type), bytes(body)?)?;
        Ok(trimmed(self.client.request(request).await?))
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        query: &str,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<http::Request<Vec<u8>>, RestError> {
        let mut builder = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}?{query}", self.url))
            .header(http::header::ACCEPT, "application/json");
        if let Some(content_type) = content_type {
            builder = builder.header(http::header::CONTENT_TYPE, content_type);
        }
        builder.body(body).map_err(|e| RestError::Build(e.into()))
    }
}

fn bytes(value: &Value) -> Result<Vec<u8>, RestError> {
    serde_json::to_vec(value).map_err(|e| RestError::Build(e.into()))
}

/// Without managed fields, which nobody here reads.
fn trimmed(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// Percent-encodes what may not stand in a path segment (names of RBAC objects have colons).
fn encode(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
