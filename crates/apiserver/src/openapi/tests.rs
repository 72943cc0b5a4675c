//! Tests of the documents.

use super::*;
use crate::crd;
use crate::types::builtin;

fn parsed(catalog: &Catalog, path: &str) -> Value {
    serde_json::from_slice(&v3_group(catalog, path).unwrap().body).unwrap()
}

/// Every reference must lead to a schema.
fn references_resolve(value: &Value, schemas: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                let name = target.rsplit('/').next().unwrap();
                assert!(schemas.get(name).is_some(), "{target}");
            }
            map.values()
                .for_each(|child| references_resolve(child, schemas));
        }
        Value::Array(list) => list
            .iter()
            .for_each(|child| references_resolve(child, schemas)),
        _ => {}
    }
}

#[test]
fn the_index_leads_to_documents() {
    let catalog = builtin();
    let index = v3_index(&catalog);
    let paths = index["paths"].as_object().unwrap();
    assert!(paths.contains_key("api/v1") && paths.contains_key("apis/apps/v1"));
    let url = paths["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    assert!(url.starts_with("/openapi/v3/apis/apps/v1?hash="));
    assert!(v3_group(&catalog, "apis/apps/v9").is_none());
    assert!(v3_group(&catalog, "nothing").is_none());
}

#[test]
fn built_in_kinds_can_be_explained_and_applied() {
    let catalog = builtin();
    for path in ["api/v1", "apis/apps/v1", "apis/apiextensions.k8s.io/v1"] {
        let document = parsed(&catalog, path);
        references_resolve(&document, &document["components"]["schemas"]);
    }
    let document = parsed(&catalog, "apis/apps/v1");
    let gvk = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let patch =
        &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"], gvk);
    let parameters = patch["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|p| p["name"] == "fieldValidation"));
    assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
    let list = &document["paths"]["/apis/apps/v1/deployments"]["get"];
    assert_eq!(list["x-kubernetes-group-version-kind"], gvk);
    let schemas = &document["components"]["schemas"];
    let deployment = &schemas["io.k8s.api.apps.v1.Deployment"];
    assert_eq!(deployment["x-kubernetes-group-version-kind"], json!([gvk]));
    assert!(
        deployment["description"]
            .as_str()
            .unwrap()
            .contains("declarative updates")
    );
    let containers = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
    assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
    assert_eq!(containers["x-kubernetes-list-map-keys"], json!(["name"]));
}

#[test]
fn custom_kinds_are_described_and_kept_while_they_last() {
    let mut definition = json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "description": "A thing.", "properties": {"spec": {"type": "object", "properties": {
                    "size": {"type": "integer", "minimum": 1, "description": "How big."},
                }}},
            }}}],
        },
    });
    crd::apply_defaults(&mut definition);
    let with = |definition: &Value| {
        let mut catalog = (*builtin()).clone();
        for resource in crd::compile(definition).unwrap() {
            let key = (
                "example.com".to_owned(),
                "v1".to_owned(),
                "widgets".to_owned(),
            );
            catalog
                .versions
                .insert("example.com".into(), vec!["v1".into()]);
            catalog.resources.insert(key, resource);
        }
        catalog
    };
    let catalog = with(&definition);
    let document = parsed(&catalog, "apis/example.com/v1");
    references_resolve(&document, &document["components"]["schemas"]);
    let widget = &document["components"]["schemas"]["com.example.v1.Widget"];
    assert_eq!(widget["description"], "A thing.");
    assert_eq!(
        widget["properties"]["spec"]["properties"]["size"]["minimum"],
        1.0
    );
    let patch =
        &document["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"]["patch"];
    assert!(
        patch["requestBody"]["content"]
            .get("application/strategic-merge-patch+json")
            .is_none()
    );

    let one = v3_group(&catalog, "apis/example.com/v1").unwrap();
    let two = v3_group(&catalog, "apis/example.com/v1").unwrap();
    assert!(Arc::ptr_eq(&one.body, &two.body));
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] =
        json!("Another.");
    let changed = v3_group(&with(&definition), "apis/example.com/v1").unwrap();
    assert_ne!(one.hash, changed.hash);
}

#[test]
fn the_old_document_has_all_types() {
    let document = v2(&builtin());
    references_resolve(&document, &document["definitions"]);
    let schema = &document["definitions"]["io.k8s.api.core.v1.ConfigMap"];
    assert_eq!(
        schema["x-kubernetes-group-version-kind"][0]["kind"],
        "ConfigMap"
    );
}
