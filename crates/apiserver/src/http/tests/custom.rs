//! Custom resources.

use serde_json::json;

use super::*;

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

fn definition() -> Value {
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage,
            "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}},
                "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
            }}},
        })
    };
    json!({
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [version("v1", true), version("v1beta1", false)],
        },
    })
}

fn thing(name: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": name}, "spec": {"size": 2, "odd": 1}})
}

#[tokio::test]
async fn definitions_come_into_effect_at_once_and_go() {
    let client = Client::start().await;
    assert_eq!(client.get(THINGS).await.0, 404);
    let (code, created) = client.create(CRDS, &definition()).await;
    assert_eq!(code, 201, "{created}");
    let (code, created) = client.create(THINGS, &thing("one")).await;
    assert_eq!(code, 201, "{created}");
    assert_eq!(created["spec"], json!({"size": 2}));
    assert_eq!(created["metadata"]["generation"], 1);
    assert!(client.get("/apis/example.com/v1").await.1["resources"].is_array());

    let (_, crd) = client.delete(&format!("{CRDS}/things.example.com")).await;
    assert!(
        crd["metadata"]["finalizers"]
            .to_string()
            .contains("customresourcecleanup"),
        "{crd}"
    );
    let none = json!({"metadata": {"finalizers": null}});
    assert_eq!(
        client
            .patch(&format!("{CRDS}/things.example.com"), "merge", &none)
            .await
            .0,
        200
    );
    assert_eq!(client.get(THINGS).await.0, 404);
    assert_eq!(client.get("/apis/example.com/v1").await.0, 404);
}

#[tokio::test]
async fn a_definition_that_is_wrong_is_refused() {
    let client = Client::start().await;
    let mut wrong = definition();
    wrong["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["type"] = json!("string");
    let (code, status) = client.create(CRDS, &wrong).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
    assert_eq!(client.get(THINGS).await.0, 404);
}

#[tokio::test]
async fn objects_are_shown_in_the_version_of_the_url() {
    let client = Client::start().await;
    client.create(CRDS, &definition()).await;
    let beta = THINGS.replace("/v1/", "/v1beta1/");
    let mut body = thing("one");
    body["apiVersion"] = json!("example.com/v1beta1");
    let (code, created) = client.create(&beta, &body).await;
    assert_eq!(
        (code, &created["apiVersion"]),
        (201, &json!("example.com/v1beta1")),
        "{created}"
    );
    let (_, read) = client.get(&format!("{THINGS}/one")).await;
    assert_eq!(read["apiVersion"], "example.com/v1");
    let (_, list) = client.get(&beta).await;
    assert_eq!(list["items"][0]["apiVersion"], "example.com/v1beta1");
    let mut watch = client
        .watch(&format!("{beta}?watch=1&resourceVersion=0"))
        .await;
    assert_eq!(
        watch.next().await.unwrap()["object"]["apiVersion"],
        "example.com/v1beta1"
    );
    client
        .patch(
            &format!("{THINGS}/one"),
            "merge",
            &json!({"spec": {"size": 5}}),
        )
        .await;
    let event = watch.next().await.unwrap();
    assert_eq!(
        (
            &event["object"]["apiVersion"],
            &event["object"]["spec"]["size"]
        ),
        (&json!("example.com/v1beta1"), &json!(5))
    );
}

#[tokio::test]
async fn custom_resources_follow_their_own_rules() {
    let client = Client::start().await;
    client.create(CRDS, &definition()).await;
    let (_, created) = client.create(THINGS, &thing("one")).await;
    let url = format!("{THINGS}/one");
    // A strategic merge needs to know the type.
    assert_eq!(
        client.patch(&url, "strategic-merge", &json!({})).await.0,
        415
    );
    // An update names its version.
    let mut blind = created.clone();
    blind["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let (code, status) = client.update(&url, &blind).await;
    assert_eq!(code, 422, "{status}");
    let (code, status) = client
        .patch(&url, "merge", &json!({"spec": {"size": 0}}))
        .await;
    assert_eq!(
        (code, &status["details"]["causes"][0]["field"]),
        (422, &json!("spec.size"))
    );
    let (_, patched) = client
        .patch(
            &format!("{url}/status"),
            "merge",
            &json!({"status": {"size": 2}, "metadata": {"labels": {"a": "b"}}}),
        )
        .await;
    assert_eq!(
        (
            &patched["status"]["size"],
            patched["metadata"].get("labels")
        ),
        (&json!(2), None)
    );
    assert_eq!(patched["metadata"]["generation"], 1);
    let (_, patched) = client
        .patch(&url, "merge", &json!({"metadata": {"labels": {"a": "b"}}}))
        .await;
    assert_eq!(patched["metadata"]["generation"], 1);
    let (code, scaled) = client
        .patch(
            &format!("{url}/scale"),
            "merge",
            &json!({"spec": {"replicas": 9}}),
        )
        .await;
    assert_eq!(
        (code, &scaled["spec"]["replicas"]),
        (200, &json!(9)),
        "{scaled}"
    );
    let (_, read) = client.get(&url).await;
    assert_eq!(
        (&read["spec"]["size"], &read["metadata"]["generation"]),
        (&json!(9), &json!(2))
    );
}
