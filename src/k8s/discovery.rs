//! Which resource serves a kind: a cached, lazy mapping from group, version and
//! kind to the plural name and the scope that the server uses.
//!
//! One group version is read at a time (`/apis/<group>/<version>`), when it is
//! first asked for: two small requests for a usual set of manifests instead of
//! the whole discovery document. A kind that is missing from a cached answer is
//! looked up again, but no more often than [`Discovery::MISS_INTERVAL`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource;
use kube::Client;
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A kind as the server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Group, version, kind and plural name.
    pub resource: ApiResource,
    /// Objects live in a namespace.
    pub namespaced: bool,
    /// The server can list and watch them.
    pub watchable: bool,
}

/// Why a kind could not be mapped.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The server serves no such kind.
    #[error("the server doesn't have a resource type \"{kind}\" in {api_version}")]
    UnknownKind {
        /// `v1`, `apps/v1`, …
        api_version: String,
        /// The kind asked for.
        kind: String,
    },
    /// The object says no (or no valid) apiVersion and kind.
    #[error("the object has no valid apiVersion and kind")]
    NoKind,
    /// The server could not be asked.
    #[error("cannot read which resources {api_version} has")]
    Request {
        /// `v1`, `apps/v1`, …
        api_version: String,
        /// What the client says.
        #[source]
        source: kube::Error,
    },
}

impl DiscoveryError {
    /// The server answered, and it has no such kind.
    pub fn is_unknown_kind(&self) -> bool {
        matches!(self, Self::UnknownKind { .. })
    }
}

/// One group version as it was last read.
#[derive(Default)]
struct Slot {
    read: Option<Instant>,
    mappings: Vec<Arc<Mapping>>,
}

/// The cache; cheap to clone, clones share it.
#[derive(Clone)]
pub struct Discovery {
    client: Client,
    miss_interval: Duration,
    slots: Arc<std::sync::Mutex<HashMap<String, Arc<Mutex<Slot>>>>>,
}

impl Discovery {
    /// A kind that was not found is asked for again only after this long
    /// (unless the group version was [forgotten](Discovery::forget)).
    pub const MISS_INTERVAL: Duration = Duration::from_millis(1_000);

    /// An empty cache over `client`.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            miss_interval: Self::MISS_INTERVAL,
            slots: Arc::default(),
        }
    }

    /// The resource that serves `gvk`.
    pub async fn resolve(&self, gvk: &GroupVersionKind) -> Result<Arc<Mapping>, DiscoveryError> {
        self.find(&gvk.api_version(), |m| m.resource.kind == gvk.kind)
            .await?
            .ok_or_else(|| DiscoveryError::UnknownKind {
                api_version: gvk.api_version(),
                kind: gvk.kind.clone(),
            })
    }

    /// The resource that serves objects with these type fields.
    pub async fn resolve_types(
        &self,
        types: Option<&TypeMeta>,
    ) -> Result<Arc<Mapping>, DiscoveryError> {
        let gvk = types
            .filter(|t| !t.kind.is_empty())
            .and_then(|t| GroupVersionKind::try_from(t).ok())
            .ok_or(DiscoveryError::NoKind)?;
        self.resolve(&gvk).await
    }

    /// The resource with this plural name, if the server has it.
    pub async fn by_plural(
        &self,
        group: &str,
        version: &str,
        plural: &str,
    ) -> Result<Option<Arc<Mapping>>, DiscoveryError> {
        self.find(&api_version(group, version), |m| {
            m.resource.plural == plural
        })
        .await
    }

    /// Drops what is known of every version of `group`: a CustomResourceDefinition changed.
    pub fn forget(&self, group: &str) {
        let mut slots = self.lock();
        slots.retain(|api_version, _| group_of(api_version) != group);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Mutex<Slot>>>> {
        self.slots
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Looks in the cache, then at the server (one request at a time per group version).
    async fn find(
        &self,
        api_version: &str,
        wanted: impl Fn(&Mapping) -> bool,
    ) -> Result<Option<Arc<Mapping>>, DiscoveryError> {
        let slot = Arc::clone(self.lock().entry(api_version.to_owned()).or_default());
        let mut slot = slot.lock().await;
        if let Some(found) = slot.mappings.iter().find(|m| wanted(m)) {
            return Ok(Some(Arc::clone(found)));
        }
        if slot
            .read
            .is_some_and(|at| at.elapsed() < self.miss_interval)
        {
            return Ok(None);
        }
        slot.mappings = self.read(api_version).await?;
        slot.read = Some(Instant::now());
        Ok(slot.mappings.iter().find(|m| wanted(m)).map(Arc::clone))
    }

    async fn read(&self, api_version: &str) -> Result<Vec<Arc<Mapping>>, DiscoveryError> {
        let answer = if api_version.contains('/') {
            self.client.list_api_group_resources(api_version).await
        } else {
            self.client.list_core_api_resources(api_version).await
        };
        match answer {
            Ok(list) => Ok(mappings(api_version, list.resources)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
            Err(source) => Err(DiscoveryError::Request {
                api_version: api_version.to_owned(),
                source,
            }),
        }
    }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The list of a group version without its subresources.
fn mappings(api_version: &str, resources: Vec<APIResource>) -> Vec<Arc<Mapping>> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    resources
        .into_iter()
        .filter(|r| !r.name.contains('/'))
        .map(|r| {
            let has = |verb: &str| r.verbs.iter().any(|v| v == verb);
            Arc::new(Mapping {
                watchable: has("list") && has("watch"),
                namespaced: r.namespaced,
                resource: ApiResource {
                    group: group.to_owned(),
                    version: version.to_owned(),
                    api_version: api_version.to_owned(),
                    kind: r.kind,
                    plural: r.name,
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A server that counts its answers; `widgets` exists from the second one on.
    fn server() -> (Discovery, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let n = seen.fetch_add(1, Ordering::SeqCst);
            let path = request.uri().path().to_owned();
            async move {
                let resource = |name: &str, kind: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get", "list", "watch"]});
                let mut resources = vec![
                    resource("gadgets", "Gadget"),
                    resource("gadgets/status", "Gadget"),
                ];
                if n > 0 {
                    resources.push(resource("widgets", "Widget"));
                }
                let (code, body) = if path == "/apis/example.com/v1" {
                    (
                        200,
                        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "example.com/v1", "resources": resources}),
                    )
                } else {
                    (
                        404,
                        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": "nothing"}),
                    )
                };
                http::Response::builder()
                    .status(code)
                    .body(kube::client::Body::from(body.to_string().into_bytes()))
            }
        });
        (Discovery::new(Client::new(service, "default")), count)
    }

    fn gvk(version: &str, kind: &str) -> GroupVersionKind {
        GroupVersionKind::gvk("example.com", version, kind)
    }

    #[tokio::test]
    async fn a_group_version_is_read_once() {
        let (discovery, count) = server();
        for _ in 0..3 {
            let mapping = discovery.resolve(&gvk("v1", "Gadget")).await.unwrap();
            assert_eq!(mapping.resource.plural, "gadgets");
            assert!(mapping.namespaced && mapping.watchable);
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(
            discovery
                .by_plural("example.com", "v1", "gadgets")
                .await
                .unwrap()
                .is_some()
        );
    }

    #[tokio::test]
    async fn a_miss_is_looked_up_again_but_not_at_once() {
        let (mut discovery, count) = server();
        assert!(discovery.resolve(&gvk("v1", "Widget")).await.is_err());
        assert!(discovery.resolve(&gvk("v1", "Widget")).await.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        discovery.miss_interval = Duration::ZERO;
        assert!(discovery.resolve(&gvk("v1", "Widget")).await.is_ok());
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn forgetting_a_group_looks_again_at_once() {
        let (discovery, _) = server();
        assert!(discovery.resolve(&gvk("v1", "Widget")).await.is_err());
        discovery.forget("example.com");
        assert!(discovery.resolve(&gvk("v1", "Widget")).await.is_ok());
    }

    #[tokio::test]
    async fn unknown_versions_and_objects_without_a_kind_are_told_apart() {
        let (discovery, _) = server();
        let error = discovery.resolve(&gvk("v2", "Gadget")).await.unwrap_err();
        assert!(error.is_unknown_kind());
        assert_eq!(
            error.to_string(),
            "the server doesn't have a resource type \"Gadget\" in example.com/v2"
        );
        assert!(matches!(
            discovery.resolve_types(None).await,
            Err(DiscoveryError::NoKind)
        ));
    }
}
