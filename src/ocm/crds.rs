//! The CustomResourceDefinitions, generated from the types.
//!
//! The derives give most of each schema. `tidy` turns the rest into what the
//! Kubernetes API machinery writes itself, by five rules that hold everywhere:
//!
//! 1. `Option` means "may be absent", not "may be null": `nullable` goes,
//!    unless the field is marked `x-ocm-nullable`.
//! 2. `x-ocm-default` becomes the default; defaults of whole objects that
//!    serde has only so that Rust can read an absent object go.
//! 3. Int-or-string fields say so in `anyOf` too.
//! 4. `format` is kept only where Kubernetes knows it.
//! 5. The object itself lists `apiVersion`, `kind` and `metadata`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{cluster, operator, work};

/// What stands above each file.
const HEADER: &str = "# Generated from src/ocm by `ocmadm util crds --write`; do not edit.\n";

/// A definition cannot be written as YAML; a fault of this program.
#[derive(Debug, Error)]
#[error("definition {name} cannot be written as YAML")]
pub struct WriteError {
    name: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// All definitions, by name.
pub fn all() -> Vec<CustomResourceDefinition> {
    [
        vec![cluster::v1::ManagedCluster::crd()],
        vec![cluster::v1alpha1::AddOnPlacementScore::crd()],
        vec![cluster::v1alpha1::ClusterClaim::crd()],
        vec![cluster::v1beta2::ManagedClusterSet::crd()],
        vec![cluster::v1beta2::ManagedClusterSetBinding::crd()],
        vec![operator::v1::ClusterManager::crd()],
        vec![operator::v1::Klusterlet::crd()],
        vec![work::v1::AppliedManifestWork::crd()],
        vec![work::v1::ManifestWork::crd()],
    ]
    .into_iter()
    .map(merge)
    .collect()
}

/// A definition as the file under `embedded-manifests/crds/` has it.
pub fn to_yaml(definition: &CustomResourceDefinition) -> Result<String, WriteError> {
    let error = |source: Box<dyn std::error::Error + Send + Sync>| WriteError {
        name: definition.metadata.name.clone().unwrap_or_default(),
        source,
    };
    let value = serde_json::to_value(definition).map_err(|source| error(source.into()))?;
    let yaml = serde_saphyr::to_string(&value).map_err(|source| error(source.into()))?;
    Ok(format!("{HEADER}{yaml}"))
}

/// The name of a definition's file.
pub fn file_name(definition: &CustomResourceDefinition) -> String {
    format!(
        "{}.{}.yaml",
        definition.spec.names.plural, definition.spec.group
    )
}

/// Merges the versions of one definition; the first is the stored one.
fn merge(mut versions: Vec<CustomResourceDefinition>) -> CustomResourceDefinition {
    let mut definition = versions.remove(0);
    for other in versions {
        definition.spec.versions.extend(other.spec.versions);
    }
    definition
}

/// Applies the five rules, from the innermost schemas outwards.
pub(super) fn tidy(schema: &mut Value) {
    tidy_nested(schema);
    if let Some(root) = schema.as_object_mut() {
        tidy_root(root);
    }
}

fn tidy_nested(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("title");
    object.remove("nullable");
    if object.remove("x-ocm-nullable").is_some() {
        object.insert("nullable".to_owned(), true.into());
    }
    match object.remove("x-ocm-default") {
        Some(default) => {
            object.insert("default".to_owned(), default);
        }
        None if object
            .get("default")
            .is_some_and(|default| default.is_null() || default.is_object()) =>
        {
            object.remove("default");
        }
        None => {}
    }
    if object.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        object.remove("type");
        object.insert(
            "anyOf".to_owned(),
            json!([{"type": "integer"}, {"type": "string"}]),
        );
        return;
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(tidy_nested);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(nested) = object.get_mut(key) {
            tidy_nested(nested);
        }
    }
}

fn tidy_root(root: &mut Map<String, Value>) {
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        properties.insert("apiVersion".to_owned(), json!({
            "description": "The group and version of this form of the object.", "type": "string",
        }));
        properties.insert(
            "kind".to_owned(),
            json!({
                "description": "What the object is.", "type": "string",
            }),
        );
        properties.insert("metadata".to_owned(), json!({"type": "object"}));
    }
}
