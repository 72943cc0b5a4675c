//! Carries plans out: thin, and safe to repeat.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::ocm::names;
use crate::runtime::Key;

use super::WORK_FINALIZER;
use super::cluster::{Present, Remaining};
use super::rbac::{self, Difference, Kind, Wanted, difference};
use super::view::{Meta, Shaped};

/// The resource of ManagedClusters.
#[must_use]
pub fn clusters() -> ApiResource {
    resource(
        "cluster.open-cluster-management.io",
        "v1",
        "ManagedCluster",
        "managedclusters",
    )
}

/// The resource of ManifestWorks or of ManagedClusterAddOns.
#[must_use]
pub fn remaining(what: Remaining) -> ApiResource {
    match what {
        Remaining::Works => resource(
            "work.open-cluster-management.io",
            "v1",
            "ManifestWork",
            what.plural(),
        ),
        Remaining::Addons => resource(
            "addon.open-cluster-management.io",
            // The version that is stored: no conversion has to be there.
            "v1alpha1",
            "ManagedClusterAddOn",
            what.plural(),
        ),
    }
}

/// A resource by its four names.
#[must_use]
pub fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

fn api(client: &Client, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
    if namespace.is_empty() {
        Api::all_with(client.clone(), resource)
    } else {
        Api::namespaced_with(client.clone(), namespace, resource)
    }
}

/// Whether the API server says that there is no such object.
#[must_use]
pub fn is_not_found(error: &kube::Error) -> bool {
    status_code(error) == Some(404)
}

/// Whether trying again may help without anybody's doing.
#[must_use]
pub fn is_transient(error: &kube::Error) -> bool {
    status_code(error).is_none_or(|code| matches!(code, 404 | 409 | 429) || code >= 500)
}

fn status_code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Creates or corrects an object. `live` is what the cache has of it.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn keep(
    client: &Client,
    wanted: &Wanted,
    live: Option<&Shaped>,
) -> Result<(), kube::Error> {
    let resource = wanted.kind.resource();
    let api = api(client, &resource, &wanted.namespace);
    if let Some(live) = live {
        return correct(&api, &resource, wanted, live).await;
    }
    match create(&api, &resource, wanted).await {
        Err(error) if status_code(&error) == Some(409) => {
            // It is there but the cache does not show it: without our label,
            // or too new.
            let object = api.get(&wanted.name).await?;
            let live = Shaped::of(Meta::of(&object), &object.data);
            correct(&api, &resource, wanted, &live).await
        }
        result => result,
    }
}

async fn create(
    api: &Api<DynamicObject>,
    resource: &ApiResource,
    wanted: &Wanted,
) -> Result<(), kube::Error> {
    let mut object = DynamicObject::new(&wanted.name, resource);
    if !wanted.namespace.is_empty() {
        object.metadata.namespace = Some(wanted.namespace.clone());
    }
    object.metadata.labels = Some(wanted.labels.clone());
    if !wanted.finalizers.is_empty() {
        object.metadata.finalizers = Some(wanted.finalizers.clone());
    }
    object.data = wanted.body.clone();
    api.create(&PostParams::default(), &object).await?;
    Ok(())
}

async fn correct(
    api: &Api<DynamicObject>,
    resource: &ApiResource,
    wanted: &Wanted,
    live: &Shaped,
) -> Result<(), kube::Error> {
    match difference(live, wanted) {
        Difference::None => Ok(()),
        Difference::Patch(patch) => {
            let patched = api
                .patch(&wanted.name, &PatchParams::default(), &Patch::Merge(&patch))
                .await;
            match patched {
                Err(error) if is_not_found(&error) => create(api, resource, wanted).await,
                result => result.map(|_| ()),
            }
        }
        Difference::Replace => {
            delete(api, &wanted.name, &live.meta.uid).await?;
            create(api, resource, wanted).await
        }
    }
}

/// Deletes an object; that it is gone already is as well.
async fn delete(api: &Api<DynamicObject>, name: &str, uid: &str) -> Result<(), kube::Error> {
    let mut params = DeleteParams::default();
    if !uid.is_empty() {
        params.preconditions = Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        });
    }
    match api.delete(name, &params).await {
        Err(error) if is_not_found(&error) => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Deletes one of the hub's own objects.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn remove(client: &Client, present: &Present) -> Result<(), kube::Error> {
    let api = api(client, &present.kind.resource(), &present.namespace);
    delete(&api, &present.name, "").await
}

/// Deletes a work or an add-on.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn clear(
    client: &Client,
    what: Remaining,
    key: &Key,
    uid: &str,
) -> Result<(), kube::Error> {
    let api = api(client, &remaining(what), &key.namespace);
    match delete(&api, &key.name, uid).await {
        // Another object of that name by now: the cache will tell.
        Err(error) if status_code(&error) == Some(409) => Ok(()),
        result => result,
    }
}

/// Takes the finalizer off the works' RoleBinding.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn release_work_binding(client: &Client, cluster: &str) -> Result<(), kube::Error> {
    let api = api(client, &Kind::RoleBinding.resource(), cluster);
    let name = rbac::work_binding_name(cluster);
    let Some(binding) = api.get_opt(&name).await? else {
        return Ok(());
    };
    let finalizers: Vec<&String> = binding
        .finalizers()
        .iter()
        .filter(|finalizer| *finalizer != WORK_FINALIZER)
        .collect();
    if finalizers.len() == binding.finalizers().len() {
        return Ok(());
    }
    let patch = json!({"metadata": {
        "finalizers": finalizers,
        "uid": binding.uid(),
        "resourceVersion": binding.resource_version(),
    }});
    match api
        .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
    {
        Err(error) if is_not_found(&error) => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Sends a merge patch of a ManagedCluster (or its status), guarded by uid and
/// resourceVersion; keeps `meta` at the new version.
///
/// # Errors
/// The API server refuses (409 when the cluster changed meanwhile), or is away.
pub async fn patch_cluster(
    client: &Client,
    name: &str,
    meta: &mut Meta,
    mut patch: Value,
    status: bool,
) -> Result<(), kube::Error> {
    patch["metadata"]["uid"] = meta.uid.clone().into();
    patch["metadata"]["resourceVersion"] = meta.resource_version.clone().into();
    let api = api(client, &clusters(), "");
    let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
    let object = if status {
        api.patch_status(name, &params, &patch).await?
    } else {
        api.patch(name, &params, &patch).await?
    };
    *meta = Meta::of(&object);
    Ok(())
}

/// Creates a cluster's lease. `false` when one exists that is not labelled.
///
/// # Errors
/// The API server refuses, or is away.
pub async fn create_lease(client: &Client, cluster: &str) -> Result<bool, kube::Error> {
    use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
    let mut lease = Lease {
        spec: Some(LeaseSpec {
            holder_identity: Some(names::CLUSTER_LEASE.to_owned()),
            renew_time: Some(MicroTime(jiff::Timestamp::now())),
            ..LeaseSpec::default()
        }),
        ..Lease::default()
    };
    lease.metadata.name = Some(names::CLUSTER_LEASE.to_owned());
    lease
        .labels_mut()
        .insert(names::LABEL_CLUSTER_NAME.to_owned(), cluster.to_owned());
    let api: Api<Lease> = Api::namespaced(client.clone(), cluster);
    match api.create(&PostParams::default(), &lease).await {
        Ok(_) => Ok(true),
        Err(error) if status_code(&error) == Some(409) => {
            let lease = api.get(names::CLUSTER_LEASE).await?;
            // Ours and only too new for the cache, or one that does not count.
            Ok(lease.labels().contains_key(names::LABEL_CLUSTER_NAME))
        }
        Err(error) => Err(error),
    }
}
