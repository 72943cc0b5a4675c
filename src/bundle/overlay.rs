//! Typed changes to parsed objects.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ResourceRequirements, Secret};
use kube::api::{DynamicObject, ObjectMeta};
use serde::Serialize;
use serde_json::{Value, json};

use super::BundleError;
use crate::ocm::names;
use crate::ocm::operator::v1::{NodePlacement, ResourceQosClass, ResourceRequirement};

/// Whether the object is of this kind and name.
pub(super) fn is(object: &DynamicObject, kind: &str, name: &str) -> bool {
    object
        .types
        .as_ref()
        .is_some_and(|types| types.kind == kind)
        && object.metadata.name.as_deref() == Some(name)
}

/// The kind of an object.
pub(super) fn kind(object: &DynamicObject) -> &str {
    object.types.as_ref().map_or("", |types| &types.kind)
}

/// Adds labels; what an object has already stays.
pub(super) fn label(object: &mut DynamicObject, labels: &BTreeMap<String, String>) {
    if labels.is_empty() {
        return;
    }
    let present = object.metadata.labels.get_or_insert_default();
    for (key, value) in labels {
        present.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

/// Adds the rules of another role to a role.
pub(super) fn add_rules(role: &mut DynamicObject, other: &DynamicObject) {
    let more = other.data["rules"].as_array().cloned().unwrap_or_default();
    if let Some(rules) = role.data["rules"].as_array_mut() {
        rules.extend(more);
    }
}

/// How a Deployment of ours is to run.
pub(super) struct Workload<'a> {
    pub(super) image: &'a str,
    pub(super) replicas: i32,
    pub(super) resources: Option<&'a ResourceRequirement>,
    pub(super) placement: &'a NodePlacement,
    pub(super) arguments: &'a [String],
    pub(super) priority_class: Option<&'a str>,
}

/// Overlays a Deployment.
pub(super) fn deployment(
    object: &mut DynamicObject,
    workload: &Workload<'_>,
) -> Result<(), BundleError> {
    let spec = &mut object.data["spec"];
    spec["replicas"] = workload.replicas.into();
    let pod = &mut spec["template"]["spec"];
    if !workload.placement.node_selector.is_empty() {
        pod["nodeSelector"] = serde_json::to_value(&workload.placement.node_selector)?;
    }
    if !workload.placement.tolerations.is_empty() {
        pod["tolerations"] = serde_json::to_value(&workload.placement.tolerations)?;
    }
    if let Some(class) = workload.priority_class {
        pod["priorityClassName"] = class.into();
    }
    let container = &mut pod["containers"][0];
    container["image"] = workload.image.into();
    if let Some(arguments) = container["args"].as_array_mut() {
        arguments.extend(workload.arguments.iter().map(|a| Value::from(a.as_str())));
    }
    if let Some(resources) = workload.resources {
        match resources.type_.unwrap_or_default() {
            ResourceQosClass::Default => {}
            ResourceQosClass::BestEffort => container["resources"] = json!({}),
            ResourceQosClass::ResourceRequirement => {
                let given: ResourceRequirements =
                    resources.resource_requirements.clone().unwrap_or_default();
                container["resources"] = serde_json::to_value(given)?;
            }
        }
    }
    Ok(())
}

/// Lets a ServiceAccount's pods pull images with the pull secret.
pub(super) fn pull_with_secret(object: &mut DynamicObject) {
    object.data["imagePullSecrets"] = json!([{"name": names::IMAGE_PULL_SECRET}]);
}

/// The Secret with credentials for images, a docker configuration in JSON.
pub(super) fn pull_secret(
    namespace: &str,
    app: &str,
    docker_config: &[u8],
) -> Result<DynamicObject, BundleError> {
    object(&Secret {
        metadata: ObjectMeta {
            name: Some(names::IMAGE_PULL_SECRET.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: Some(BTreeMap::from([("app".to_owned(), app.to_owned())])),
            ..Default::default()
        },
        type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
        data: Some(BTreeMap::from([(
            ".dockerconfigjson".to_owned(),
            ByteString(docker_config.to_vec()),
        )])),
        ..Default::default()
    })
}

/// A typed object among untyped ones.
pub(super) fn object(typed: &impl Serialize) -> Result<DynamicObject, BundleError> {
    Ok(serde_json::from_value(serde_json::to_value(typed)?)?)
}
