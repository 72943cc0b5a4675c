//! The CustomResourceDefinitions, generated from the types.
//!
//! schemars gives most of each schema. `tidy` turns the rest into what the
//! Kubernetes API machinery writes itself, by four rules that hold everywhere:
//!
//! 1. `Option` means "may be absent", not "may be null": `nullable` goes,
//!    unless the field is marked `x-ocm-nullable`.
//! 2. `x-ocm-default` becomes the default; defaults of whole objects, which
//!    serde has only so that Rust can read an absent object, go.
//! 3. Int-or-string fields say so in `anyOf` too.
//! 4. The object itself lists `apiVersion`, `kind` and `metadata`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{addon, cluster, operator, work};

/// What stands above each file.
const HEADER: &str = "# Generated from src/ocm by `cargo run --example generate`; do not edit.\n";

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
        vec![
            addon::v1alpha1::AddOnDeploymentConfig::crd(),
            addon::v1beta1::AddOnDeploymentConfig::crd(),
        ],
        vec![cluster::v1alpha1::AddOnPlacementScore::crd()],
        vec![addon::v1alpha1::AddOnTemplate::crd()],
        vec![work::v1::AppliedManifestWork::crd()],
        vec![cluster::v1alpha1::ClusterClaim::crd()],
        vec![
            addon::v1alpha1::ClusterManagementAddOn::crd(),
            addon::v1beta1::ClusterManagementAddOn::crd(),
        ],
        vec![operator::v1::ClusterManager::crd()],
        vec![operator::v1::Klusterlet::crd()],
        vec![
            addon::v1alpha1::ManagedClusterAddOn::crd(),
            addon::v1beta1::ManagedClusterAddOn::crd(),
        ],
        vec![cluster::v1::ManagedCluster::crd()],
        vec![cluster::v1beta2::ManagedClusterSetBinding::crd()],
        vec![cluster::v1beta2::ManagedClusterSet::crd()],
        vec![work::v1alpha1::ManifestWorkReplicaSet::crd()],
        vec![work::v1::ManifestWork::crd()],
        vec![cluster::v1beta1::PlacementDecision::crd()],
        vec![cluster::v1beta1::Placement::crd()],
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
    let mut value = serde_json::to_value(definition).map_err(|source| error(source.into()))?;
    whole_numbers(&mut value);
    let yaml = serde_saphyr::to_string(&value).map_err(|source| error(source.into()))?;
    Ok(format!("{HEADER}{yaml}"))
}

/// Bounds are floats in the Rust type; whole ones are written without a point.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|_| number.is_f64())
                && float.fract() == 0.0
                && float.abs() < f64::from(i32::MAX)
            {
                #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole i32")]
                let whole = float as i64;
                *value = whole.into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole_numbers),
        Value::Object(object) => object.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
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

/// Applies the rules, from the innermost schemas outwards.
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
