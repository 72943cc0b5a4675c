//! One add-on, or one of its installations: look, decide, carry out.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::ResourceExt;
use kube::api::{Api, ApiResource, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::ocm::addon::GROUP;
use crate::ocm::addon::names;
use crate::ocm::addon::v1alpha1::{
    AddOnConfig, CONDITION_MANIFEST_APPLIED, CONDITION_REGISTRATION_APPLIED,
    ClusterManagementAddOn, ManagedClusterAddOn, ManagedClusterAddOnStatus, Subject,
};
use crate::ocm::conditions::{self, FALSE, condition};
use crate::ocm::names::LABEL_ADDON_NAME;
use crate::ocm::rollout::Group;
use crate::ocm::work::v1::ManifestWork;
use crate::runtime::{Failure, Key, Next, events, source_chain};

use super::config::SpecHash;
use super::offer;
use super::registration::{self, Binding};
use super::view::Work;
use super::works::Wanted;
use super::{Hub, apply, mca, metadata, token};

/// How many writes are under way at a time.
const AT_A_TIME: usize = 16;

/// Looks at one add-on on all clusters.
pub(super) async fn offer(hub: &Hub, name: &str) -> Result<Next, Failure> {
    unshare(hub, name).await?;
    let offer = hub
        .offers
        .get("", name)
        .filter(|offer| offer::is_managed(offer) && offer.metadata.deletion_timestamp.is_none());
    let Some(offer) = offer else {
        assign(hub, name, None);
        return Ok(Next::OnChange);
    };
    let addons: BTreeMap<String, Arc<ManagedClusterAddOn>> = hub
        .addons_of
        .get(&name.to_owned())
        .into_iter()
        .map(|(key, addon)| (key.namespace, addon))
        .collect();
    let placements: Vec<Option<Vec<Group>>> = offer
        .spec
        .install_strategy
        .placements
        .iter()
        .map(|placement| decided(hub, &placement.namespace, &placement.name))
        .collect();
    let plan = offer::decide(&offer::Seen {
        offer: &offer,
        placements: &placements,
        addons: &addons,
        hash: &|config| spec_hash(hub, config),
        now: jiff::Timestamp::now(),
    });
    let recheck = plan.recheck;
    assign(hub, name, Some(plan.assignments));
    let client = &hub.context.client;
    let offer = &offer;
    let creations = futures::stream::iter(plan.create)
        .map(|cluster| async move { create(hub, offer, &cluster).await })
        .buffer_unordered(AT_A_TIME);
    let deletions = futures::stream::iter(plan.delete)
        .map(|cluster| {
            let uid = addons.get(&cluster).and_then(|addon| addon.uid());
            async move { remove(client, &cluster, name, uid).await }
        })
        .buffer_unordered(AT_A_TIME);
    // One cluster that refuses does not keep the others waiting.
    let mut failed = None;
    for result in creations.chain(deletions).collect::<Vec<_>>().await {
        failed = result.err().or(failed);
    }
    write_offer(hub, offer, &plan.status).await?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(recheck.map_or(Next::OnChange, Next::After)),
    }
}

/// Takes back what agents of all clusters had together, once there are none:
/// those bindings are in namespaces of nobody's own, so that no installation owns
/// them. (Upstream leaves them.)
async fn unshare(hub: &Hub, name: &str) -> Result<(), Failure> {
    if !hub.addons_of.get(&name.to_owned()).is_empty() {
        return Ok(());
    }
    let left = hub.bindings.filter(|_, live| {
        let labels = live.labels();
        labels.get(LABEL_ADDON_NAME).is_some_and(|of| of == name)
            && labels.contains_key(names::LABEL_TEMPLATE_NAME)
            && live.owner_references().is_empty()
    });
    let resource = ApiResource::erase::<RoleBinding>(&());
    for (key, live) in left {
        let api = apply::api(&hub.context.client, &resource, &key.namespace);
        apply::delete(&api, &key.name, live.uid().as_deref()).await?;
    }
    Ok(())
}

/// Notes what installations are to be configured with; those for which that
/// is new are looked at.
fn assign(hub: &Hub, name: &str, new: Option<BTreeMap<String, offer::Assignment>>) {
    let mut assignments = hub
        .assignments
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    let old = match new.clone() {
        Some(new) => assignments.insert(name.to_owned(), new),
        None => assignments.remove(name),
    };
    drop(assignments);
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    for (cluster, assignment) in &new {
        if old.get(cluster) != Some(assignment) {
            hub.addon_queue.add(Key::new(cluster, name));
        }
    }
}

/// The clusters a placement decided on, by group; `None` without the placement.
fn decided(hub: &Hub, namespace: &str, name: &str) -> Option<Vec<Group>> {
    hub.placements.get(namespace, name)?;
    let mut groups: BTreeMap<i32, Group> = BTreeMap::new();
    let decisions = hub.decisions_of.get(&Key::new(namespace, name));
    for (_, decision) in decisions {
        let group = groups.entry(decision.index).or_insert_with(|| Group {
            index: decision.index,
            name: decision.group.clone(),
            ..Group::default()
        });
        group.clusters.extend(decision.clusters.iter().cloned());
    }
    Some(groups.into_values().collect())
}

fn spec_hash(hub: &Hub, config: &AddOnConfig) -> SpecHash {
    let hash = match (config.group.as_str(), config.resource.as_str()) {
        (GROUP, names::TEMPLATES) => hub.templates.get("", &config.name).map(|t| t.hash.clone()),
        (GROUP, names::DEPLOYMENT_CONFIGS) => hub
            .configs
            .get(&config.namespace, &config.name)
            .map(|c| c.hash.clone()),
        _ => return SpecHash::Foreign,
    };
    hash.map_or(SpecHash::Missing, SpecHash::Known)
}

async fn create(
    hub: &Hub,
    offer: &ClusterManagementAddOn,
    cluster: &str,
) -> Result<(), kube::Error> {
    let mut object =
        json!({"metadata": metadata::of_new(offer, hub.clusters.get("", cluster).as_deref())});
    object["metadata"]["name"] = offer.name_any().into();
    object["metadata"]["namespace"] = cluster.into();
    let addon: ManagedClusterAddOn =
        serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    let api: Api<ManagedClusterAddOn> = Api::namespaced(hub.context.client.clone(), cluster);
    match api.create(&PostParams::default(), &addon).await {
        Err(error) if apply::is_conflict(&error) => Ok(()),
        result => result.map(|_| ()),
    }
}

async fn remove(
    client: &kube::Client,
    cluster: &str,
    name: &str,
    uid: Option<String>,
) -> Result<(), kube::Error> {
    let resource = ApiResource::erase::<ManagedClusterAddOn>(&());
    apply::delete(
        &apply::api(client, &resource, cluster),
        name,
        uid.as_deref(),
    )
    .await
}

async fn write_offer(
    hub: &Hub,
    offer: &ClusterManagementAddOn,
    status: &crate::ocm::addon::v1alpha1::ClusterManagementAddOnStatus,
) -> Result<(), Failure> {
    let old = serde_json::to_value(offer.status.clone().unwrap_or_default())?;
    let Some(difference) = apply::difference(&old, &serde_json::to_value(status)?) else {
        return Ok(());
    };
    let api: Api<ClusterManagementAddOn> = Api::all(hub.context.client.clone());
    let patch = json!({
        "metadata": {"uid": offer.uid(), "resourceVersion": offer.resource_version()},
        "status": difference,
    });
    api.patch_status(
        &offer.name_any(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    )
    .await?;
    Ok(())
}

/// Looks at one installation.
pub(super) async fn addon(hub: &Hub, key: &Key) -> Result<Next, Failure> {
    let Some(addon) = hub.addons.get(&key.namespace, &key.name) else {
        return Ok(Next::OnChange);
    };
    // One that goes may have outlived what it is an installation of.
    let offer = hub.offers.get("", &key.name);
    if offer.is_none() && addon.metadata.deletion_timestamp.is_none() {
        return Ok(Next::OnChange);
    }
    let assignment = hub.assignment(key);
    let works = hub.works_of.get(key);
    let cluster = hub.clusters.get("", &key.namespace);
    let plan = mca::decide(&mca::Seen {
        addon: &addon,
        offer: offer.as_deref(),
        cluster: cluster.as_deref(),
        assignment: assignment.as_ref(),
        works: &works,
        others: &|| identities(hub, key),
        template: &|name, hash| {
            let present = hub.templates.get("", name);
            hub.former_templates
                .find(&Key::new("", name), present, hash)
        },
        config: &|namespace, name, hash| {
            let present = hub.configs.get(namespace, name);
            let key = Key::new(namespace, name);
            hub.former_configs.find(&key, present, hash)
        },
    });
    let api: Api<ManagedClusterAddOn> = Api::namespaced(hub.context.client.clone(), &key.namespace);
    let mut version = addon.resource_version();
    if let Some(mut metadata) = plan.metadata {
        metadata["uid"] = json!(addon.uid());
        metadata["resourceVersion"] = json!(version);
        let patch = Patch::Merge(json!({"metadata": metadata}));
        let patched = api
            .patch(&key.name, &PatchParams::default(), &patch)
            .await?;
        version = patched.resource_version();
    }
    let mut status = plan.status;
    let mut failed: Option<Failure> = None;
    if let Some(bindings) = &plan.bindings
        && let Err(error) = grant(hub, &addon, key, bindings).await
    {
        let message = format!(
            "Failed to set permission for hub agent: {}",
            source_chain(&error)
        );
        let condition = condition(
            CONDITION_REGISTRATION_APPLIED,
            FALSE,
            "SetPermissionFailed",
            message,
        );
        conditions::set(&mut status.conditions, condition);
        failed = Some(error.into());
    }
    if let Err(error) = carry(hub, &addon, key, &plan.works, &plan.remove, &works).await {
        let condition = condition(
            CONDITION_MANIFEST_APPLIED,
            FALSE,
            "ManifestWorkApplyFailed",
            source_chain(error.as_ref()),
        );
        conditions::set(&mut status.conditions, condition);
        failed = Some(error);
    }
    if addon.metadata.deletion_timestamp.is_none()
        && let Err(error) = token::keep(hub, &addon, &mut status).await
    {
        failed = Some(error.into());
    }
    version = write(&api, &addon, &status, version).await?;
    if plan.release && failed.is_none() {
        if let Some(why) = &plan.unhooked {
            unhooked(hub, &addon, key, why).await;
        }
        release(&api, &addon, version).await?;
    }
    failed.map_or(Ok(Next::OnChange), Err)
}

/// The identities of the add-on's agents on the other clusters.
fn identities(hub: &Hub, key: &Key) -> Vec<Subject> {
    let others = hub.addons_of.get(&key.name);
    others
        .iter()
        .filter(|(other, addon)| {
            other.namespace != key.namespace && addon.metadata.deletion_timestamp.is_none()
        })
        .filter_map(|(_, addon)| {
            registration::subject(&addon.status.as_ref()?.registrations).cloned()
        })
        .collect()
}

async fn write(
    api: &Api<ManagedClusterAddOn>,
    addon: &ManagedClusterAddOn,
    status: &ManagedClusterAddOnStatus,
    version: Option<String>,
) -> Result<Option<String>, Failure> {
    let old = serde_json::to_value(addon.status.clone().unwrap_or_default())?;
    let Some(difference) = apply::difference(&old, &serde_json::to_value(status)?) else {
        return Ok(version);
    };
    let patch = json!({
        "metadata": {"uid": addon.uid(), "resourceVersion": version},
        "status": difference,
    });
    let patched = api
        .patch_status(
            &addon.name_any(),
            &PatchParams::default(),
            &Patch::Merge(patch),
        )
        .await?;
    Ok(patched.resource_version())
}

/// Tells that an installation goes without its hooks.
async fn unhooked(hub: &Hub, addon: &ManagedClusterAddOn, key: &Key, why: &str) {
    tracing::warn!(cluster = %key.namespace, addon = %key.name, why, "removed without its hooks");
    let uid = addon.uid().unwrap_or_default();
    let note = events::Note {
        namespace: &key.namespace,
        warning: true,
        reason: "HooksSkipped",
        note: format!("The hooks of add-on {} have not run: {why}", key.name),
        controller: "addon-deploy-controller",
        regarding: [
            "addon.open-cluster-management.io/v1alpha1",
            "ManagedClusterAddOn",
            &key.name,
            &uid,
        ],
    };
    events::publish(&hub.context.client, note).await;
}

/// Lets an installation go whose hooks have run.
async fn release(
    api: &Api<ManagedClusterAddOn>,
    addon: &ManagedClusterAddOn,
    version: Option<String>,
) -> Result<(), kube::Error> {
    let finalizers: Vec<&String> = addon
        .finalizers()
        .iter()
        .filter(|finalizer| *finalizer != names::FINALIZER_PRE_DELETE)
        .collect();
    let patch = Patch::Merge(json!({"metadata": {
        "uid": addon.uid(), "resourceVersion": version, "finalizers": finalizers,
    }}));
    match api
        .patch(&addon.name_any(), &PatchParams::default(), &patch)
        .await
    {
        Err(error) if apply::is_not_found(&error) => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Gives the agent its rights on the hub, and takes those that it has no more.
async fn grant(
    hub: &Hub,
    addon: &ManagedClusterAddOn,
    key: &Key,
    wanted: &[Binding],
) -> Result<(), kube::Error> {
    let resource = ApiResource::erase::<RoleBinding>(&());
    let client = &hub.context.client;
    for binding in wanted {
        if let Some(live) = hub.bindings.get(&binding.namespace, &binding.name)
            && is_as(&live, addon, binding)
        {
            continue;
        }
        let mut object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {
                "name": binding.name, "namespace": binding.namespace, "labels": binding.labels,
            },
            "roleRef": binding.role,
            "subjects": binding.subjects,
        });
        if binding.owned {
            object["metadata"]["ownerReferences"] = json!([token::owner(addon)]);
        }
        apply::ensure(client, &resource, &object).await?;
    }
    let mut stale = hub.bindings_in.get(&key.namespace);
    stale.retain(|(binding, live)| {
        live.labels().get(LABEL_ADDON_NAME) == Some(&key.name)
            && owned_by(live, addon)
            && !wanted
                .iter()
                .any(|w| w.namespace == binding.namespace && w.name == binding.name)
    });
    for (binding, live) in stale {
        let api = apply::api(client, &resource, &binding.namespace);
        apply::delete(&api, &binding.name, live.uid().as_deref()).await?;
    }
    Ok(())
}

fn owned_by(live: &RoleBinding, addon: &ManagedClusterAddOn) -> bool {
    let uid = addon.uid().unwrap_or_default();
    live.owner_references().iter().any(|owner| owner.uid == uid)
}

fn is_as(live: &RoleBinding, addon: &ManagedClusterAddOn, wanted: &Binding) -> bool {
    json!(live.role_ref) == wanted.role
        && json!(live.subjects) == wanted.subjects
        && (!wanted.owned || owned_by(live, addon))
        && wanted
            .labels
            .iter()
            .all(|(key, value)| live.labels().get(key) == Some(value))
}

/// Brings the works to what is wanted.
async fn carry(
    hub: &Hub,
    addon: &ManagedClusterAddOn,
    key: &Key,
    wanted: &[Wanted],
    remove: &[String],
    present: &[(Key, Arc<Work>)],
) -> Result<(), Failure> {
    let api: Api<ManifestWork> = Api::namespaced(hub.context.client.clone(), &key.namespace);
    for work in wanted {
        let work_key = Key::new(&key.namespace, &work.name);
        let live = present
            .iter()
            .find(|(present, _)| *present == work_key)
            .map(|(_, live)| &**live);
        keep(hub, &api, addon, &work_key, work, live).await?;
    }
    for name in remove {
        match api.delete(name, &DeleteParams::default()).await {
            Err(error) if !apply::is_not_found(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Why a work is not written.
#[derive(Debug, thiserror::Error)]
#[error(
    "ManifestWork {0} exists and belongs to somebody else; delete it, or give the add-on another name"
)]
struct Foreign(Key);

async fn keep(
    hub: &Hub,
    api: &Api<ManifestWork>,
    addon: &ManagedClusterAddOn,
    key: &Key,
    wanted: &Wanted,
    live: Option<&Work>,
) -> Result<(), Failure> {
    let uid = addon.uid().unwrap_or_default();
    let fingerprint = super::hash::work_spec(&wanted.spec);
    if let Some(live) = live {
        let differing = hub.differing.lock().unwrap_or_else(PoisonError::into_inner);
        let same = live.fingerprint == fingerprint
            || differing
                .get(key)
                .is_some_and(|(w, l)| *w == fingerprint && *l == live.fingerprint);
        if live.deleting
            || same
                && live.config_hashes == wanted.config_hashes
                && live.owner.as_ref() == Some(&uid)
        {
            return Ok(());
        }
    }
    let mut work = match live {
        Some(_) => api.get_opt(&key.name).await?,
        None => None,
    };
    let fresh = work.is_none();
    let object = work.get_or_insert_with(|| ManifestWork::named(&key.name));
    let foreign = object
        .owner_references()
        .iter()
        .any(|owner| owner.controller == Some(true) && owner.uid != uid);
    if foreign {
        return Err(Foreign(key.clone()).into());
    }
    object.metadata.namespace = Some(key.namespace.clone());
    object
        .labels_mut()
        .insert(LABEL_ADDON_NAME.to_owned(), addon.name_any());
    match &wanted.config_hashes {
        Some(hashes) => {
            let annotations = object.annotations_mut();
            annotations.insert(
                names::ANNOTATION_CONFIG_SPEC_HASH.to_owned(),
                hashes.clone(),
            );
        }
        None => {
            object
                .annotations_mut()
                .remove(names::ANNOTATION_CONFIG_SPEC_HASH);
        }
    }
    let owner: Value = token::owner(addon);
    object.metadata.owner_references = Some(vec![serde_json::from_value(owner)?]);
    object.spec = wanted.spec.clone();
    object.status = None;
    object.managed_fields_mut().clear();
    let written = if fresh {
        match api.create(&PostParams::default(), object).await {
            // Without our label, or too new for the cache.
            Err(error) if apply::is_conflict(&error) => return Err(Foreign(key.clone()).into()),
            result => result?,
        }
    } else {
        api.replace(&key.name, &PostParams::default(), object)
            .await?
    };
    let made = Work::of(&written).fingerprint;
    let mut differing = hub.differing.lock().unwrap_or_else(PoisonError::into_inner);
    if made == fingerprint {
        differing.remove(key);
    } else {
        differing.insert(key.clone(), (fingerprint, made));
    }
    Ok(())
}
