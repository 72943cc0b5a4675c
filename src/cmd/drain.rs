//! Emptying a cluster from its hub: no placement chooses it any more, its works
//! and add-ons go while its agent is there to clean up after them.

use futures::StreamExt as _;
use kube::api::{DeleteParams, ListParams, Patch};
use kube::core::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cmd::explain::{Doing, wait_error};
use crate::cmd::{CONCURRENCY, resources};
use crate::error::CommandError;
use crate::k8s::client::Connection;
use crate::k8s::wait::{self, Objects, State};
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// The taint that keeps placements away from a cluster that leaves.
const TAINT: &str = "ocmadm.open-cluster-management.io/leaving";

/// What a cluster has.
#[derive(Debug)]
pub struct Load {
    /// Names of works.
    pub works: Vec<String>,
    /// Names of add-ons.
    pub addons: Vec<String>,
}

/// Works and add-ons of a cluster.
///
/// # Errors
/// No permission.
pub async fn load(hub: &Connection, cluster: &str) -> Result<Load, CommandError> {
    let all = ListParams::default();
    let (works, addons) = (works(hub, cluster), addons(hub, cluster));
    let (works, addons) = tokio::join!(
        hub.list_all_metadata(&works, &all),
        hub.list_all_metadata(&addons, &all),
    );
    let works = works.doing(&format!("list the works of {cluster}"))?;
    // A hub without add-ons has none.
    let addons = match addons {
        Err(error) if matches!(error.failure, crate::k8s::client::Failure::NotFound(_)) => {
            Vec::new()
        }
        addons => addons.doing(&format!("list the add-ons of {cluster}"))?,
    };
    let name = |meta: &Option<String>| meta.clone().unwrap_or_default();
    Ok(Load {
        works: works.iter().map(|w| name(&w.metadata.name)).collect(),
        addons: addons.iter().map(|a| name(&a.metadata.name)).collect(),
    })
}

impl Load {
    /// Says what goes.
    pub fn tell(&self, cluster: &str, dry_run: bool, ui: &Ui) {
        for (what, names) in [("works", &self.works), ("add-ons", &self.addons)] {
            if names.is_empty() {
                continue;
            }
            let names = names.join(", ");
            ui.status(&match dry_run {
                true => format!("{what} of {cluster} would be deleted (dry run): {names}"),
                false => format!("With {cluster} go its {what}: {names}"),
            });
        }
    }
}

/// Empties a cluster and waits until it is empty. With `force`, what nobody
/// cleans up goes all the same; its resources stay on the managed cluster.
///
/// # Errors
/// No permission, or an agent that does not clean up in time.
pub async fn drain(
    hub: &Connection,
    cluster: &str,
    force: bool,
    until: Instant,
    progress: &Progress<'_>,
) -> Result<(), CommandError> {
    let step = progress.step(format!("Draining {cluster}"));
    keep_placements_away(hub, cluster).await?;
    let left = load(hub, cluster).await?;
    delete(hub, &addons(hub, cluster), &left.addons, force).await?;
    delete(hub, &works(hub, cluster), &left.works, force).await?;
    // Add-ons may have works of their own, placements may have been late.
    for (api, what) in [
        (addons(hub, cluster), "add-ons"),
        (works(hub, cluster), "works"),
    ] {
        wait::until(
            api,
            watcher::Config::default(),
            until,
            |objects| gone(objects, what),
            |detail| step.waiting(detail),
        )
        .await
        .map_err(|error| {
            wait_error(error, hub, &format!("{what} of {cluster} to be gone")).hint(
                "is the agent of the cluster running? --force does not wait for it \
                 and leaves the resources of the works there",
            )
        })?;
    }
    step.done();
    Ok(())
}

fn works(hub: &Connection, cluster: &str) -> Api<DynamicObject> {
    resources::within(&hub.client, &resources::manifest_work(), cluster)
}

fn addons(hub: &Connection, cluster: &str) -> Api<DynamicObject> {
    resources::within(&hub.client, &resources::managed_cluster_addon(), cluster)
}

fn gone(objects: &Objects<DynamicObject>, what: &str) -> State<()> {
    if objects.is_empty() {
        return State::Met(());
    }
    let held: Vec<String> = objects
        .values()
        .map(|object| {
            let finalizers = object.finalizers();
            match (object.metadata.deletion_timestamp.is_some(), finalizers) {
                (true, [first, ..]) => format!("{} (held by {first})", object.name_any()),
                _ => object.name_any(),
            }
        })
        .collect();
    State::Waiting(format!("{what} left: {}", held.join(", ")))
}

/// A taint that stays until the cluster goes.
async fn keep_placements_away(hub: &Connection, cluster: &str) -> Result<(), CommandError> {
    let doing = format!("keep placements away from {cluster}");
    let api = resources::all(&hub.client, &resources::managed_cluster());
    let Some(found) = hub.call_opt(api.get(cluster)).await.doing(&doing)? else {
        return Ok(());
    };
    let taints = found.data.pointer("/spec/taints").and_then(Value::as_array);
    let mut taints = taints.cloned().unwrap_or_default();
    if taints.iter().any(|taint| taint["key"] == TAINT) {
        return Ok(());
    }
    // Since when, the hub alone may say.
    taints.push(json!({"key": TAINT, "effect": "NoSelect"}));
    // A list is written whole: nobody else's taint is lost.
    let patch = json!({
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "spec": {"taints": taints},
    });
    let params = resources::patching(false);
    hub.call_opt(api.patch(cluster, &params, &Patch::Merge(patch)))
        .await
        .doing(&doing)
        .map(drop)
}

async fn delete(
    hub: &Connection,
    api: &Api<DynamicObject>,
    names: &[String],
    force: bool,
) -> Result<(), CommandError> {
    let params = DeleteParams::default();
    let params = &params;
    let mut requests = futures::stream::iter(names)
        .map(|name| async move {
            let doing = format!("delete {name}");
            let answer = hub.call_opt(api.delete(name, params)).await;
            let left = answer.doing(&doing)?.is_some_and(|answer| answer.is_left());
            if force && left {
                let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                let params = resources::patching(false);
                let sent = hub.call_opt(api.patch(name, &params, &patch)).await;
                sent.doing(&doing)?;
            }
            Ok::<(), CommandError>(())
        })
        .buffer_unordered(CONCURRENCY);
    while let Some(result) = requests.next().await {
        result?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named_with_who_holds_it() {
        let object = |value: Value| serde_json::from_value::<DynamicObject>(value).unwrap();
        let held = object(json!({"metadata": {"name": "a", "finalizers": ["f"],
            "deletionTimestamp": "2026-01-01T00:00:00Z"}}));
        let free = object(json!({"metadata": {"name": "b"}}));
        let objects = Objects::from([("a".to_owned(), held), ("b".to_owned(), free)]);
        assert!(matches!(
            gone(&objects, "works"),
            State::Waiting(why) if why == "works left: a (held by f), b"
        ));
        assert!(matches!(gone(&Objects::new(), "works"), State::Met(())));
    }
}
