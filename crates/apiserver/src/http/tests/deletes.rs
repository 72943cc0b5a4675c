//! Delete in all its ways.

use serde_json::json;

use super::*;

fn options(fields: &Value) -> Value {
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    for (key, value) in fields.as_object().unwrap() {
        options[key] = value.clone();
    }
    options
}

#[tokio::test]
async fn preconditions_hold() {
    let client = Client::start().await;
    let (_, created) = client.create(MAPS, &map("one")).await;
    let url = format!("{MAPS}/one");
    let wrong = options(&json!({"preconditions": {"uid": "other"}}));
    let (code, status) = client.json("DELETE", &url, &[], &wrong).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    let wrong = options(&json!({"preconditions": {"resourceVersion": "1"}}));
    assert_eq!(client.json("DELETE", &url, &[], &wrong).await.0, 409);
    let right = options(&json!({"preconditions": {"uid": created["metadata"]["uid"]}}));
    assert_eq!(client.json("DELETE", &url, &[], &right).await.0, 200);
}

#[tokio::test]
async fn finalizers_keep_an_object_until_the_last_is_removed() {
    let client = Client::start().await;
    let mut body = map("one");
    body["metadata"]["finalizers"] = json!(["example.com/a", "example.com/b"]);
    client.create(MAPS, &body).await;
    let url = format!("{MAPS}/one");
    let mut watch = client
        .watch(&format!(
            "{MAPS}?watch=1&fieldSelector=metadata.name%3Done&resourceVersion=0"
        ))
        .await;
    assert_eq!(watch.step().await.0, "ADDED");
    let (code, marked) = client.delete(&url).await;
    assert_eq!(code, 200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(watch.step().await.0, "MODIFIED");
    // Again: nothing changes.
    let (code, again) = client.delete(&url).await;
    assert_eq!(
        (code, &again["metadata"]["resourceVersion"]),
        (200, &marked["metadata"]["resourceVersion"])
    );
    let more = json!({"metadata": {"finalizers": ["example.com/a", "example.com/c"]}});
    let (code, status) = client.patch(&url, "merge", &more).await;
    assert_eq!(code, 422, "{status}");
    let fewer = json!({"metadata": {"finalizers": ["example.com/a"]}});
    assert_eq!(client.patch(&url, "merge", &fewer).await.0, 200);
    assert_eq!(watch.step().await.0, "MODIFIED");
    let none = json!({"metadata": {"finalizers": null}});
    let (code, last) = client.patch(&url, "merge", &none).await;
    assert_eq!((code, last["metadata"].get("finalizers")), (200, None));
    assert_eq!(watch.step().await.0, "DELETED");
    assert_eq!(client.get(&url).await.0, 404);
}

#[tokio::test]
async fn policies_become_finalizers() {
    let client = Client::start().await;
    for (policy, finalizer) in [("Orphan", "orphan"), ("Foreground", "foregroundDeletion")] {
        client.create(MAPS, &map("one")).await;
        let url = format!("{MAPS}/one");
        let body = options(&json!({"propagationPolicy": policy}));
        let (code, marked) = client.json("DELETE", &url, &[], &body).await;
        assert_eq!(
            (code, &marked["metadata"]["finalizers"]),
            (200, &json!([finalizer]))
        );
        let body = options(&json!({"propagationPolicy": "Background"}));
        assert_eq!(client.json("DELETE", &url, &[], &body).await.0, 200);
        assert_eq!(client.get(&url).await.0, 404, "{policy}");
    }
    client.create(MAPS, &map("one")).await;
    let body = options(&json!({"propagationPolicy": "Nonsense"}));
    assert_eq!(
        client
            .json("DELETE", &format!("{MAPS}/one"), &[], &body)
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let client = Client::start().await;
    for (name, app) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let mut body = map(name);
        body["metadata"]["labels"] = json!({"app": app});
        client.create(MAPS, &body).await;
    }
    let (code, gone) = client
        .delete(&format!("{MAPS}?labelSelector=app%3Dx"))
        .await;
    assert_eq!((code, gone["items"].as_array().unwrap().len()), (200, 2));
    let (_, rest) = client.get(MAPS).await;
    assert_eq!(rest["items"][0]["metadata"]["name"], "c");
    assert_eq!(client.delete("/api/v1/configmaps").await.0, 405);
}
