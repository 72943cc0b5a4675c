//! Tests of definitions as a whole.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::schema;

fn widget() -> Value {
    let mut crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com", "uid": "u1"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]},
            "versions": [
                {
                    "name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}, "scale": {
                        "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                    }},
                    "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "required": ["size"], "properties": {
                            "size": {"type": "integer", "minimum": 1},
                            "replicas": {"type": "integer", "default": 1},
                            "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                            "manifest": {"type": "object", "x-kubernetes-embedded-resource": true,
                                         "x-kubernetes-preserve-unknown-fields": true},
                        }},
                        "status": {"type": "object", "default": {}, "properties": {
                            "phase": {"type": "string", "default": "New"},
                            "replicas": {"type": "integer"},
                        }},
                    }}},
                },
                {
                    "name": "v1beta1", "served": true, "storage": false, "deprecated": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                },
            ],
        },
    });
    apply_defaults(&mut crd);
    crd
}

fn lines(causes: Vec<Cause>) -> Vec<String> {
    causes
        .into_iter()
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect()
}

#[test]
fn a_definition_adds_its_versions() {
    let crd = widget();
    assert_eq!(lines(validate_definition(&crd, None)), Vec::<String>::new());
    assert_eq!(crd["spec"]["names"]["listKind"], "WidgetList");
    assert_eq!(crd["spec"]["conversion"]["strategy"], "None");
    assert_eq!(crd["status"]["storedVersions"], json!(["v1"]));
    let types = compile(&crd).unwrap();
    assert_eq!(types.len(), 2);
    let v1 = &types[0];
    assert_eq!(v1.gvk, GroupVersionKind::new("example.com", "v1", "Widget"));
    assert_eq!(v1.singular, "widget");
    assert_eq!(v1.subresources.len(), 2);
    assert_eq!(v1.columns[0].json_path, ".spec.size");
    let custom = v1.custom.as_ref().unwrap();
    assert_eq!(custom.storage_version, "v1");
    assert_eq!(
        custom.scale,
        Some((
            ".spec.replicas".into(),
            ".status.replicas".into(),
            String::new()
        ))
    );
    let old = types[1].custom.as_ref().unwrap();
    assert_eq!(
        old.deprecation.as_deref(),
        Some("example.com/v1beta1 Widget is deprecated")
    );
}

#[test]
fn objects_are_pruned_defaulted_and_validated() {
    let types = compile(&widget()).unwrap();
    let v1 = &types[0];
    let mut object = json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "a", "namespace": "ns"},
        "spec": {"size": 0, "port": "http", "foo": 1, "manifest": {"kind": "X", "any": {"thing": 1}}},
    });
    assert_eq!(schema::prune(&v1.schema, &mut object), ["spec.foo"]);
    schema::apply_defaults(&v1.schema, &mut object);
    assert_eq!(object["spec"]["replicas"], 1);
    assert_eq!(object["status"], json!({"phase": "New"}));
    assert_eq!(object["spec"]["manifest"]["any"], json!({"thing": 1}));
    assert_eq!(
        lines(validate(v1, &object, None)),
        [
            "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1",
            "spec.manifest.apiVersion: Required value",
        ]
    );
    object["spec"] = json!({"size": 2});
    assert!(validate(v1, &object, None).is_empty());
    object["metadata"]["name"] = json!("A");
    assert_eq!(validate(v1, &object, None).len(), 1);
}

#[test]
fn nulls_that_are_no_values_are_dropped() {
    let types = compile(&widget()).unwrap();
    let mut object = json!({
        "metadata": {"name": "a", "creationTimestamp": null},
        "spec": {"size": null, "replicas": null, "manifest": {"apiVersion": "v1", "kind": "X", "free": null}},
    });
    crate::types::defaults::drop_nulls(&types[0], &mut object);
    // A default takes the place of the null that is left.
    assert_eq!(
        object,
        json!({
            "metadata": {"name": "a"},
            "spec": {"replicas": null, "manifest": {"apiVersion": "v1", "kind": "X", "free": null}},
        })
    );
    schema::apply_defaults(&types[0].schema, &mut object);
    assert_eq!(object["spec"]["replicas"], 1);
}

#[test]
fn bad_definitions_are_refused_in_kubernetes_words() {
    type Change = fn(&mut Value);
    let table: Vec<(Change, &str)> = vec![
        (
            |crd| crd["metadata"]["name"] = json!("other"),
            "metadata.name: Invalid value: \"other\": must be spec.names.plural+\".\"+spec.group",
        ),
        (
            |crd| crd["spec"]["scope"] = json!("Global"),
            "spec.scope: Unsupported value: \"Global\": supported values: \"Cluster\", \"Namespaced\"",
        ),
        (
            |crd| {
                crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
                    ["x"] = json!({});
            },
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[x].type: Required value: must not be empty for specified object fields",
        ),
        (
            |crd| {
                crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
                    ["x"] = json!({"type": "array"});
            },
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[x].items: Required value: must be specified",
        ),
        (
            |crd| {
                crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
                    ["replicas"]["default"] = json!("one");
            },
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[replicas].default: Invalid value: \"string\":  in body must be of type integer: \"string\"",
        ),
        (
            |crd| crd["spec"]["group"] = json!("widgets.k8s.io"),
            "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111",
        ),
    ];
    for (change, expected) in table {
        let mut crd = widget();
        change(&mut crd);
        let found = lines(validate_definition(&crd, None));
        assert!(
            found.iter().any(|line| line == expected),
            "{expected}\n{found:#?}"
        );
    }
    let mut two = widget();
    two["spec"]["versions"][1]["storage"] = json!(true);
    let found = lines(validate_definition(&two, None));
    assert!(
        found
            .iter()
            .any(|line| line.ends_with("must have exactly one version marked as storage version"))
    );
}

#[test]
fn selectable_fields_are_simple_and_known() {
    let mut crd = widget();
    let v1 = &mut crd["spec"]["versions"][0];
    v1["selectableFields"] = json!([{"jsonPath": ".spec.size"}, {"jsonPath": ".status.phase"}]);
    assert_eq!(lines(validate_definition(&crd, None)), Vec::<String>::new());
    let types = compile(&crd).unwrap();
    assert_eq!(
        types[0].selectable().unwrap(),
        ["spec.size", "status.phase"]
    );
    let v1 = &mut crd["spec"]["versions"][0];
    v1["selectableFields"] = json!([{"jsonPath": ".spec.none"}, {"jsonPath": ".spec.manifest"}]);
    let found = lines(validate_definition(&crd, None));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("spec.versions[0].selectableFields[0].jsonPath: Invalid value"));
}

#[test]
fn one_schema_is_named_as_the_real_server_names_it() {
    let mut crd = widget();
    crd["spec"]["versions"].as_array_mut().unwrap().pop();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["x"] = json!({});
    assert_eq!(
        lines(validate_definition(&crd, None)),
        [
            "spec.validation.openAPIV3Schema.properties[x].type: Required value: must not be empty for specified object fields"
        ]
    );
}

#[test]
fn what_is_established_stays_as_it_is() {
    let mut old = widget();
    old["status"] = status(&old, [], "2024-01-01T00:00:00Z");
    let mut new = old.clone();
    assert_eq!(
        lines(validate_definition(&new, Some(&old))),
        Vec::<String>::new()
    );
    new["spec"]["scope"] = json!("Cluster");
    new["spec"]["versions"][0]["name"] = json!("v2");
    new["status"] = status(&new, [], "2024-01-02T00:00:00Z");
    let found = lines(validate_definition(&new, Some(&old)));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with(
        "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions"
    ));
    assert_eq!(
        found[1],
        "spec.scope: Invalid value: \"Cluster\": field is immutable"
    );
}

#[test]
fn names_are_accepted_once() {
    let mut first = widget();
    first["status"] = status(&first, [], "2024-01-01T00:00:00Z");
    assert!(names_accepted(&first));
    let established = &first["status"]["conditions"][1];
    assert_eq!(established["type"], "Established");
    assert_eq!(established["reason"], "InitialNamesAccepted");
    assert_eq!(first["status"]["acceptedNames"], first["spec"]["names"]);

    let mut second = widget();
    second["metadata"]["name"] = json!("gadgets.example.com");
    second["spec"]["names"] = json!({"plural": "gadgets", "singular": "gadget", "kind": "Widget",
        "listKind": "WidgetList", "shortNames": ["wd"]});
    second["status"] = status(&second, [&first], "2024-01-01T00:00:00Z");
    assert!(!names_accepted(&second));
    let conditions = &second["status"]["conditions"];
    assert_eq!(conditions[0]["reason"], "ListKindConflict");
    assert_eq!(conditions[0]["message"], "\"WidgetList\" is already in use");
    assert_eq!(conditions[1]["reason"], "NotAccepted");
    assert_eq!(
        second["status"]["acceptedNames"],
        json!({"plural": "gadgets", "singular": "gadget"})
    );

    // Seen again, nothing changes, not even the times.
    let again = status(&first, [&second], "2025-01-01T00:00:00Z");
    assert_eq!(again, first["status"]);
}

fn ocm(name: &str) -> Option<Value> {
    let path = Path::new("/work/shared/ocm-crds").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(path).ok()?;
    let mut crd: Value = serde_saphyr::from_str(&text).unwrap();
    apply_defaults(&mut crd);
    Some(crd)
}

/// The definitions of Open Cluster Management are not part of this crate; the
/// tests that use them are skipped where they are not at hand.
#[test]
fn definitions_of_open_cluster_management_are_accepted() {
    let Ok(folder) = std::fs::read_dir("/work/shared/ocm-crds") else {
        return;
    };
    let mut count = 0;
    for file in folder {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let crd = ocm(&name).unwrap();
        let found = lines(validate_definition(&crd, None));
        assert!(found.is_empty(), "{name}: {found:#?}");
        assert!(!compile(&crd).unwrap().is_empty());
        count += 1;
    }
    assert_eq!(count, 16);
}

#[test]
fn objects_of_open_cluster_management_are_validated() {
    let Some(crd) = ocm("manifestworks.work.open-cluster-management.io") else {
        return;
    };
    let types = compile(&crd).unwrap();
    let mut work = json!({
        "apiVersion": "work.open-cluster-management.io/v1", "kind": "ManifestWork",
        "metadata": {"name": "w", "namespace": "cluster1"},
        "spec": {
            "workload": {"manifests": [
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}, "data": {"a": "b"}},
            ]},
            "deleteOption": {"propagationPolicy": "Nope"},
        },
    });
    assert_eq!(
        schema::prune(&types[0].schema, &mut work),
        Vec::<String>::new()
    );
    let found = lines(validate(&types[0], &work, None));
    // The second sentence is about the CEL rules, which wait for a valid object.
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("spec.deleteOption.propagationPolicy: Unsupported value: \"Nope\"")
    );
    work["spec"]["deleteOption"]["propagationPolicy"] = json!("Orphan");
    assert_eq!(
        lines(validate(&types[0], &work, None)),
        Vec::<String>::new()
    );
}
