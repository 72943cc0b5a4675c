//! Looks at one cluster: gathers what the caches know, lets `cluster` and
//! `lease` decide, and writes.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use crate::ocm::conditions::{self, FALSE, condition};
use crate::runtime::events::{self, Note};
use crate::runtime::{Failure, Next, source_chain};

use super::cluster::{Observed, Plan, Present};
use super::rbac::{self, Kind, Wanted};
use super::view::Cluster;
use super::{
    CONDITION_ACCEPTED, CONDITION_DELETING, Hub, apply, cluster, in_namespace, lease, namespaces,
};

/// Gives one cluster what it needs.
pub(super) async fn cluster(hub: &Hub, name: &str) -> Result<Next, Failure> {
    let mut cluster = hub.clusters.get("", name).map(|cluster| (*cluster).clone());
    let settings = hub.settings();
    let healthy = cluster
        .as_ref()
        .is_some_and(|cluster| cluster.accepted && !cluster.meta.deleting);
    // Their works and add-ons matter only to those that are on their way out.
    let remaining = |informer| {
        if healthy {
            Vec::new()
        } else {
            in_namespace(informer, name)
        }
    };
    let works = remaining(&hub.works);
    let addons = remaining(&hub.addons);
    let present = present(hub, name);
    let plan = cluster::decide(&Observed {
        name,
        cluster: cluster.as_ref(),
        works: &works,
        addons: &addons,
        present: &present,
        settings: &settings,
        now: hub.context.clock.now(),
    });
    carry_out(hub, name, cluster.as_mut(), plan).await?;
    match cluster {
        Some(mut cluster) => {
            manage_namespaces(hub, name, &mut cluster).await?;
            check_lease(hub, name, cluster).await
        }
        None => Ok(Next::OnChange),
    }
}

/// Which of a cluster's four objects exist.
fn present(hub: &Hub, name: &str) -> Vec<Present> {
    let own = [
        (Kind::ClusterRole, "", rbac::cluster_role_name(name)),
        (Kind::ClusterRoleBinding, "", rbac::cluster_role_name(name)),
        (
            Kind::RoleBinding,
            name,
            rbac::registration_binding_name(name),
        ),
        (Kind::RoleBinding, name, rbac::work_binding_name(name)),
    ];
    own.into_iter()
        .filter_map(|(kind, namespace, object)| {
            let live = hub.shaped(kind).get(namespace, &object)?;
            Some(Present {
                kind,
                namespace: namespace.to_owned(),
                name: object,
                deleting: live.meta.deleting,
            })
        })
        .collect()
}

async fn carry_out(
    hub: &Hub,
    name: &str,
    mut cluster: Option<&mut Cluster>,
    plan: Plan,
) -> Result<(), Failure> {
    let client = &hub.context.client;
    if let (Some(cluster), Some(patch)) = (cluster.as_deref_mut(), plan.cluster) {
        apply::patch_cluster(client, name, &mut cluster.meta, patch, false).await?;
    }
    let kept = async {
        if let Some(namespace) = &plan.namespace {
            keep(hub, namespace).await?;
        }
        // One after the other would be four round trips.
        let mut results = FuturesUnordered::new();
        for wanted in &plan.keep {
            results.push(keep(hub, wanted));
        }
        let mut outcome = Ok(());
        while let Some(result) = results.next().await {
            if outcome.is_ok() {
                outcome = result;
            }
        }
        outcome
    };
    if let Err(error) = kept.await {
        // What will pass by itself is not worth a condition.
        if !apply::is_transient(&error)
            && let Some(cluster) = cluster
        {
            let failed = condition(CONDITION_ACCEPTED, FALSE, "Error", source_chain(&error));
            tell(hub, name, cluster, failed).await?;
        }
        return Err(error.into());
    }
    for present in &plan.remove {
        apply::remove(client, present).await?;
    }
    for (what, key, uid) in &plan.clear {
        if let Err(error) = apply::clear(client, *what, key, uid).await {
            if let Some(cluster) = cluster.filter(|_| !apply::is_transient(&error)) {
                let message = format!("{} {key}: {}", what.plural(), source_chain(&error));
                let failed = condition(CONDITION_DELETING, FALSE, "DeletingError", message);
                tell(hub, name, cluster, failed).await?;
            }
            return Err(error.into());
        }
    }
    if plan.release_work_binding {
        apply::release_work_binding(client, name).await?;
    }
    let Some(cluster) = cluster else {
        return Ok(());
    };
    if let Some(new) = plan.conditions {
        write_conditions(hub, name, cluster, new).await?;
    }
    if let Some(finalizers) = plan.finalizers {
        let patch = json!({"metadata": {"finalizers": finalizers}});
        match apply::patch_cluster(client, name, &mut cluster.meta, patch, false).await {
            Err(error) if apply::is_not_found(&error) => {}
            result => result?,
        }
    }
    Ok(())
}

async fn keep(hub: &Hub, wanted: &Wanted) -> Result<(), kube::Error> {
    let live = hub.shaped(wanted.kind).get(&wanted.namespace, &wanted.name);
    apply::keep(&hub.context.client, wanted, live.as_deref()).await
}

/// Writes one condition, if it is another one.
async fn tell(
    hub: &Hub,
    name: &str,
    cluster: &mut Cluster,
    condition: Condition,
) -> Result<(), kube::Error> {
    let mut new = cluster.conditions.clone();
    if conditions::set(&mut new, condition) {
        write_conditions(hub, name, cluster, new).await?;
    }
    Ok(())
}

async fn write_conditions(
    hub: &Hub,
    name: &str,
    cluster: &mut Cluster,
    new: Vec<Condition>,
) -> Result<(), kube::Error> {
    let patch = json!({"status": {"conditions": new}});
    apply::patch_cluster(&hub.context.client, name, &mut cluster.meta, patch, true).await?;
    cluster.conditions = new;
    Ok(())
}

/// Lists the namespaces that the cluster's sets manage.
async fn manage_namespaces(
    hub: &Hub,
    name: &str,
    cluster: &mut Cluster,
) -> Result<(), kube::Error> {
    if cluster.meta.deleting {
        return Ok(());
    }
    let sets = hub.sets.filter(|_, set| !set.managed.is_empty());
    let listed = namespaces::decide(
        &cluster.meta.labels,
        &cluster.managed_namespaces,
        sets.iter().map(|(key, set)| (&*key.name, &**set)),
    );
    if let Some(listed) = listed {
        let patch = json!({"status": {"managedNamespaces": listed}});
        let client = &hub.context.client;
        apply::patch_cluster(client, name, &mut cluster.meta, patch, true).await?;
    }
    Ok(())
}

async fn check_lease(hub: &Hub, name: &str, mut cluster: Cluster) -> Result<Next, Failure> {
    if cluster.meta.deleting && cluster.meta.finalizers.is_empty() {
        return Ok(Next::OnChange);
    }
    // Nothing of a cluster is put into a namespace that is somebody else's.
    if cluster::unacceptable(name).is_some() {
        return Ok(Next::OnChange);
    }
    let lease = hub.leases.get(name, crate::ocm::names::CLUSTER_LEASE);
    let renewal = hub
        .renewals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(name)
        .copied();
    let mut plan = lease::decide(&cluster, lease.as_deref(), renewal, hub.context.clock.now());
    if plan.create {
        // Denied clusters have no namespace to put it in, if they never were accepted.
        let ours = apply::create_lease(&hub.context.client, name).await?;
        if let Some(rest) = foreign(
            hub,
            name,
            ours,
            lease::grace(cluster.lease_duration_seconds),
        ) {
            // Its renewals do not count: the time runs from when it was noticed.
            if rest.is_zero() {
                let none = super::view::ClusterLease { renewed: None };
                plan = lease::decide(&cluster, Some(&none), renewal, hub.context.clock.now());
            } else {
                plan.again = Some(rest);
            }
        }
    }
    if let Some(new) = plan.conditions {
        write_conditions(hub, name, &mut cluster, new).await?;
    }
    if plan.lost {
        hub.counts.lost();
        events::publish(
            &hub.context.client,
            Note {
                namespace: name,
                warning: true,
                reason: "AvailableUnknown",
                note: format!(
                    "The {name} is successfully imported. However, the connection check from the managed cluster to the hub cluster has failed"
                ),
                controller: "registration-controller",
                regarding: [
                    "cluster.open-cluster-management.io/v1",
                    "ManagedCluster",
                    name,
                    &cluster.meta.uid,
                ],
            },
        )
        .await;
    }
    Ok(plan.again.map_or(Next::OnChange, Next::After))
}

/// Keeps the time since when a cluster's lease is not ours; how long it may go on.
fn foreign(hub: &Hub, name: &str, ours: bool, grace: Duration) -> Option<Duration> {
    let mut foreign = hub
        .foreign_leases
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if ours {
        foreign.remove(name);
        return None;
    }
    let since = *foreign.entry(name.to_owned()).or_insert_with(Instant::now);
    Some(grace.saturating_sub(since.elapsed()))
}

/// Keeps the two roles that all clusters share, while there is a cluster.
pub(super) async fn common_roles(hub: &Hub) -> Result<Next, Failure> {
    for wanted in rbac::common_roles(&hub.settings().labels) {
        let live = hub.shaped(wanted.kind).get("", &wanted.name);
        if !hub.clusters.is_empty() {
            apply::keep(&hub.context.client, &wanted, live.as_deref()).await?;
        } else if live.is_some_and(|live| !live.meta.deleting) {
            let present = Present {
                kind: wanted.kind,
                namespace: wanted.namespace,
                name: wanted.name,
                deleting: false,
            };
            apply::remove(&hub.context.client, &present).await?;
        }
    }
    Ok(Next::OnChange)
}
