//! Makes the cluster known to the hub.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::runtime::backoff::between;
use crate::runtime::{Backoff, source_chain};

use super::settings::Settings;

/// The resource of ManagedClusters.
#[must_use]
pub fn clusters() -> ApiResource {
    ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("cluster.open-cluster-management.io", "v1", "ManagedCluster"),
        "managedclusters",
    )
}

/// How the hub may reach the cluster.
#[must_use]
pub fn client_configs(settings: &Settings, ca: Option<&[u8]>) -> Vec<Value> {
    settings
        .external_urls
        .iter()
        .map(|url| {
            let mut config = json!({"url": url});
            if let Some(ca) = ca {
                config["caBundle"] = STANDARD.encode(ca).into();
            }
            config
        })
        .collect()
}

/// The ManagedCluster of an agent that joins.
#[must_use]
pub fn new_cluster(name: &str, settings: &Settings, ca: Option<&[u8]>) -> DynamicObject {
    let mut cluster = DynamicObject::new(name, &clusters());
    if !settings.cluster_annotations.is_empty() {
        cluster.metadata.annotations = Some(settings.cluster_annotations.clone());
    }
    let mut spec = json!({"hubAcceptsClient": false});
    let configs = client_configs(settings, ca);
    if !configs.is_empty() {
        spec["managedClusterClientConfigs"] = configs.into();
    }
    cluster.data = json!({"spec": spec});
    cluster
}

/// The client configs that a present ManagedCluster ought to have, if some are missing.
#[must_use]
pub fn completed(cluster: &DynamicObject, wanted: &[Value]) -> Option<Vec<Value>> {
    let mut present = cluster.data["spec"]["managedClusterClientConfigs"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let before = present.len();
    for config in wanted {
        if !present.iter().any(|p| p["url"] == config["url"]) {
            present.push(config.clone());
        }
    }
    (present.len() != before).then_some(present)
}

/// Creates the ManagedCluster, or completes it.
///
/// # Errors
/// The hub is away or refuses, other than by saying that this is not the
/// agent's business.
pub async fn ensure(
    hub: &Client,
    name: &str,
    settings: &Settings,
    ca: Option<&[u8]>,
) -> Result<(), kube::Error> {
    let api: Api<DynamicObject> = Api::all_with(hub.clone(), &clusters());
    let Some(mut cluster) = swallow(api.get_opt(name).await)? else {
        return Ok(());
    };
    let Some(present) = &mut cluster else {
        let created = api
            .create(&PostParams::default(), &new_cluster(name, settings, ca))
            .await;
        if let Some(_created) = swallow(created)? {
            tracing::info!(cluster = name, "managed cluster created at the hub");
        }
        return Ok(());
    };
    if let Some(configs) = completed(present, &client_configs(settings, ca)) {
        present.data["spec"]["managedClusterClientConfigs"] = configs.into();
        swallow(api.replace(name, &PostParams::default(), present).await)?;
    }
    Ok(())
}

/// What the hub forbids is for its administrator to do; what exists is fine.
fn swallow<T>(result: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match result {
        Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403 | 409) => {
            tracing::debug!(code = status.code, message = %status.message, "the hub would not let us");
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// Keeps the cluster known until `shutdown`; says on `known` when it first is
/// (or when that is not the agent's business).
pub async fn run(
    hub: Client,
    name: String,
    settings: Settings,
    ca: Option<Vec<u8>>,
    known: oneshot::Sender<()>,
    shutdown: CancellationToken,
) {
    let mut known = Some(known);
    let hour = Duration::from_secs(3600);
    let resync = between(hour, hour * 2);
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(15));
    let mut failures = 0;
    loop {
        let pause = match ensure(&hub, &name, &settings, ca.as_deref()).await {
            Ok(()) => {
                failures = 0;
                if let Some(known) = known.take() {
                    // Whoever waited may be shutting down.
                    let _ = known.send(());
                }
                resync
            }
            Err(error) => {
                failures += 1;
                let pause = backoff.delay(failures);
                tracing::warn!(cluster = %name, error = %source_chain(&error), retry_in = ?pause, "cannot create the managed cluster at the hub");
                pause
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn settings(urls: &[&str]) -> Settings {
        Settings {
            external_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            cluster_annotations: BTreeMap::from([(
                "agent.open-cluster-management.io/x".to_owned(),
                "y".to_owned(),
            )]),
            ..Settings::default()
        }
    }

    #[test]
    fn registration_37_the_cluster_has_the_shape_of_the_protocol() {
        let cluster = new_cluster("c1", &settings(&["https://a"]), Some(b"CA"));
        let value = serde_json::to_value(&cluster).unwrap();
        assert_eq!(
            value["spec"],
            json!({"hubAcceptsClient": false, "managedClusterClientConfigs": [
                {"url": "https://a", "caBundle": "Q0E="}]})
        );
        assert_eq!(value["metadata"].get("labels"), None);
        assert_eq!(
            value["metadata"]["annotations"]["agent.open-cluster-management.io/x"],
            "y"
        );
        let bare = new_cluster("c1", &Settings::default(), None);
        assert_eq!(bare.data["spec"], json!({"hubAcceptsClient": false}));
    }

    #[test]
    fn registration_39_only_missing_client_configs_are_added() {
        let cluster = new_cluster("c1", &settings(&["https://a"]), None);
        let same = client_configs(&settings(&["https://a"]), Some(b"other CA"));
        assert_eq!(completed(&cluster, &same), None);
        let more = client_configs(&settings(&["https://a", "https://b"]), None);
        assert_eq!(completed(&cluster, &more).unwrap().len(), 2);
    }
}
