//! Clearing the ground when a Klusterlet goes. What works applied stays.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{Controller, definition, ignore_missing, params};
use crate::bundle;
use crate::bundle::keep;
use crate::ocm::names;
use crate::ocm::operator::v1::Klusterlet;
use crate::ocm::work::v1::AppliedManifestWork;
use crate::runtime::Failure;

/// Clears everything; safe to repeat.
pub(super) async fn run(controller: &Controller, klusterlet: &Klusterlet) -> Result<(), Failure> {
    let name = klusterlet.name_any();
    let namespace = klusterlet.spec.agent_namespace();
    release_works(controller, klusterlet).await?;
    let hub_secret: Api<Secret> = Api::namespaced(controller.client.clone(), namespace);
    ignore_missing(
        hub_secret
            .delete(names::HUB_KUBECONFIG_SECRET, &DeleteParams::default())
            .await,
    )?;
    // The definitions stay, but nobody's version is on them any more.
    for object in bundle::agent_crds()? {
        release_definition(controller, &object.name_any()).await?;
    }
    let mut objects = bundle::agent_components(&name, namespace)?;
    let other_klusterlets = others_are_here(controller, &name).await?;
    objects.retain(|object| {
        let addons = object.name_any() == names::AGENT_ADDON_NAMESPACE;
        !(addons && other_klusterlets)
    });
    // Namespaces may take their time; nothing here depends on them.
    controller
        .components
        .applier()
        .delete(&objects, false, |_| {})
        .await?;
    Ok(())
}

/// Takes the finalizer off the records of this Klusterlet's works. They stay,
/// because what was applied is owned by them.
async fn release_works(controller: &Controller, klusterlet: &Klusterlet) -> Result<(), Failure> {
    let api: Api<AppliedManifestWork> = Api::all(controller.client.clone());
    let works = match api.list(&ListParams::default()).await {
        // The definition is not there, so no work is.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        works => works?,
    };
    for work in works {
        if Some(&work.spec.agent_id) != klusterlet.metadata.uid.as_ref() {
            continue;
        }
        let mut finalizers = work.finalizers().to_vec();
        finalizers.retain(|finalizer| finalizer != names::FINALIZER_APPLIED_MANIFEST_WORK);
        if finalizers.len() == work.finalizers().len() {
            continue;
        }
        let patch = json!({"metadata": {
            "uid": work.uid(),
            "resourceVersion": work.resource_version(),
            "finalizers": finalizers,
        }});
        ignore_missing(
            api.patch(&work.name_any(), &params(), &Patch::Merge(&patch))
                .await,
        )?;
    }
    Ok(())
}

async fn release_definition(controller: &Controller, name: &str) -> Result<(), Failure> {
    let resource = keep::definitions();
    let api: Api<kube::api::DynamicObject> = Api::all_with(controller.client.clone(), &resource);
    let Some(live) = api.get_metadata_opt(name).await? else {
        return Ok(());
    };
    let version = live.annotations().get(names::ANNOTATION_OPERATOR_VERSION);
    if version.map(String::as_str) != Some(env!("CARGO_PKG_VERSION")) {
        return Ok(());
    }
    let patch = json!({"metadata": {"annotations": {(names::ANNOTATION_OPERATOR_VERSION): null}}});
    ignore_missing(
        api.patch(
            &definition(name).name_any(),
            &PatchParams::default(),
            &Patch::Merge(&patch),
        )
        .await,
    )?;
    Ok(())
}

/// Whether another Klusterlet has a namespace on this cluster.
async fn others_are_here(controller: &Controller, name: &str) -> Result<bool, Failure> {
    let api: Api<Namespace> = Api::all(controller.client.clone());
    let params = ListParams::default().labels(names::LABEL_KLUSTERLET);
    let namespaces = api.list_metadata(&params).await?;
    Ok(namespaces.iter().any(|namespace| {
        namespace
            .labels()
            .get(names::LABEL_KLUSTERLET)
            .is_some_and(|owner| owner != name)
    }))
}
