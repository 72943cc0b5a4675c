//! Lists, pages, watches, tables.

use serde_json::json;

use super::*;
use crate::api::GroupResource;
use crate::store::Expect;

async fn fill(client: &Client, count: usize) {
    for n in 0..count {
        client.create(MAPS, &map(&format!("m{n:03}"))).await;
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_are_of_one_moment() {
    let client = Client::start().await;
    fill(&client, 10).await;
    let (_, first) = client.get(&format!("{MAPS}?limit=4")).await;
    assert_eq!(names(&first), ["m000", "m001", "m002", "m003"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 6);
    // What happens in between is not seen.
    client.delete(&format!("{MAPS}/m005")).await;
    client.create(MAPS, &map("m0045")).await;
    client
        .patch(
            &format!("{MAPS}/m006"),
            "merge",
            &json!({"data": {"a": "new"}}),
        )
        .await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = client
        .get(&format!("{MAPS}?limit=4&continue={token}"))
        .await;
    assert_eq!(names(&second), ["m004", "m005", "m006", "m007"]);
    assert_eq!(second["items"][2]["data"]["a"], "1");
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let token = second["metadata"]["continue"].as_str().unwrap();
    let (_, third) = client
        .get(&format!("{MAPS}?limit=4&continue={token}"))
        .await;
    assert_eq!(names(&third), ["m008", "m009"]);
    assert_eq!(third["metadata"].get("continue"), None);
    assert_eq!(
        client
            .get(&format!("{MAPS}?limit=4&continue=bogus"))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn revisions_are_matched() {
    let client = Client::start().await;
    client.create(MAPS, &map("one")).await;
    let (_, list) = client.get(MAPS).await;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    client.create(MAPS, &map("two")).await;
    let (_, exact) = client
        .get(&format!(
            "{MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact"
        ))
        .await;
    assert_eq!(names(&exact), ["one"]);
    let (_, newer) = client
        .get(&format!(
            "{MAPS}?resourceVersion={revision}&resourceVersionMatch=NotOlderThan"
        ))
        .await;
    assert_eq!(names(&newer), ["one", "two"]);
    let (code, status) = client.get(&format!("{MAPS}?resourceVersion=99999")).await;
    assert_eq!(
        (code, &status["details"]["causes"][0]["reason"]),
        (504, &json!("ResourceVersionTooLarge"))
    );
    assert_eq!(
        client
            .get(&format!("{MAPS}?resourceVersionMatch=Exact"))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn selectors_select() {
    let client = Client::start().await;
    let mut body = map("a");
    body["metadata"]["labels"] = json!({"app": "x"});
    client.create(MAPS, &body).await;
    client.create(MAPS, &map("b")).await;
    assert_eq!(
        names(&client.get(&format!("{MAPS}?labelSelector=app%3Dx")).await.1),
        ["a"]
    );
    assert_eq!(
        names(&client.get(&format!("{MAPS}?labelSelector=!app")).await.1),
        ["b"]
    );
    assert_eq!(
        names(
            &client
                .get(&format!("{MAPS}?fieldSelector=metadata.name%21%3Da"))
                .await
                .1
        ),
        ["b"]
    );
    let (code, status) = client
        .get(&format!("{MAPS}?fieldSelector=data.a%3D1"))
        .await;
    assert_eq!(code, 400);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .contains("\"data.a\" is not a known field selector")
    );
}

#[tokio::test]
async fn a_watch_begins_with_what_is_there_when_asked() {
    let client = Client::start().await;
    fill(&client, 2).await;
    let mut watch = client.watch(&format!("{MAPS}?watch=1")).await;
    assert_eq!(watch.step().await, ("ADDED".into(), "m000".into()));
    assert_eq!(watch.step().await, ("ADDED".into(), "m001".into()));
    let mut watch = client
        .watch(&format!("{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"))
        .await;
    watch.step().await;
    watch.step().await;
    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    assert_eq!(
        bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    client.create(MAPS, &map("later")).await;
    assert_eq!(watch.step().await, ("ADDED".into(), "later".into()));
}

#[tokio::test]
async fn selectors_turn_changes_into_comings_and_goings() {
    let client = Client::start().await;
    client.create(MAPS, &map("one")).await;
    let mut watch = client
        .watch(&format!(
            "{MAPS}?watch=1&labelSelector=on&resourceVersion=0"
        ))
        .await;
    let url = format!("{MAPS}/one");
    client
        .patch(&url, "merge", &json!({"metadata": {"labels": {"on": "1"}}}))
        .await;
    assert_eq!(watch.step().await.0, "ADDED");
    client
        .patch(&url, "merge", &json!({"data": {"b": "1"}}))
        .await;
    assert_eq!(watch.step().await.0, "MODIFIED");
    let (_, off) = client
        .patch(
            &url,
            "merge",
            &json!({"metadata": {"labels": {"on": null}}}),
        )
        .await;
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(event["object"]["metadata"]["labels"]["on"], "1");
    assert_eq!(
        event["object"]["metadata"]["resourceVersion"],
        off["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn a_watch_from_too_long_ago_is_told_so_and_timeouts_end_it() {
    let client = Client::start().await;
    client.create(MAPS, &map("one")).await;
    let store = client.server.registry().store();
    let gr = GroupResource::new("", "configmaps");
    for _ in 0..4200 {
        let old = store.get(&gr, "default", "one").unwrap();
        let revision = old["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let expect = Expect::Revision(revision);
        store
            .write(&gr, "default", "one", expect, Some((*old).clone()))
            .await
            .unwrap();
    }
    let mut watch = client
        .watch(&format!("{MAPS}?watch=1&resourceVersion=1"))
        .await;
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(watch.next().await, None);
    let mut watch = client
        .watch(&format!(
            "{MAPS}?watch=1&timeoutSeconds=1&labelSelector=none"
        ))
        .await;
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn tables_and_metadata() {
    let client = Client::start().await;
    client.create(MAPS, &map("one")).await;
    let table = [(
        "accept",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    )];
    let (code, body) = client.json("GET", MAPS, &table, &Value::Null).await;
    assert_eq!(
        (code, &body["kind"], &body["apiVersion"]),
        (200, &json!("Table"), &json!("meta.k8s.io/v1"))
    );
    assert_eq!(body["columnDefinitions"][0]["name"], "Name");
    assert_eq!(body["rows"][0]["cells"][0], "one");
    assert_eq!(body["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let (_, body) = client
        .json(
            "GET",
            &format!("{MAPS}/one?includeObject=Object"),
            &table,
            &Value::Null,
        )
        .await;
    assert_eq!(body["rows"][0]["object"]["data"]["a"], "1");
    let response = client
        .send("GET", &format!("{MAPS}?watch=1"), &table, b"")
        .await;
    let mut watch = Lines {
        body: Box::pin(response.into_body()),
        rest: Vec::new(),
    };
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["kind"]),
        (&json!("ADDED"), &json!("Table"))
    );
    let metadata = [(
        "accept",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    )];
    let (_, body) = client.json("GET", MAPS, &metadata, &Value::Null).await;
    assert_eq!(body["kind"], "PartialObjectMetadataList");
    assert_eq!(body["items"][0].get("data"), None);
    let (code, _) = client
        .json("GET", MAPS, &[("accept", "image/png")], &Value::Null)
        .await;
    assert_eq!(code, 406);
    let response = client
        .send(
            "GET",
            &format!("{MAPS}/one"),
            &[("accept", "application/yaml")],
            b"",
        )
        .await;
    assert_eq!(response.headers()["content-type"], "application/yaml");
}

#[tokio::test]
async fn what_was_is_forgotten_and_pages_go_on_in_the_present() {
    let client = Client::start().await;
    fill(&client, 3).await;
    let (_, page) = client.get(&format!("{MAPS}?limit=1")).await;
    let version = page["metadata"]["resourceVersion"].as_str().unwrap();
    let token = page["metadata"]["continue"].as_str().unwrap();
    client.create(MAPS, &map("m003")).await;
    let exact = format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact");
    assert_eq!(names(&client.get(&exact).await.1).len(), 3);
    client.server.compact();
    let (code, gone) = client.get(&exact).await;
    assert_eq!(code, 410);
    let why = "The resourceVersion for the provided list is too old.";
    assert_eq!(gone["message"], why);
    let next = |token: &str| format!("{MAPS}?limit=5&continue={token}");
    let (code, gone) = client.get(&next(token)).await;
    assert_eq!((code, &gone["reason"]), (410, &json!("Expired")));
    // The token beside the failure goes on where the page was to begin.
    let token = gone["metadata"]["continue"].as_str().unwrap();
    let (code, rest) = client.get(&next(token)).await;
    assert_eq!(code, 200);
    assert_eq!(names(&rest), ["m001", "m002", "m003"]);
    let mut watch = client
        .watch(&format!("{MAPS}?watch=1&resourceVersion={version}"))
        .await;
    assert_eq!(watch.next().await.unwrap()["object"]["code"], 410);
}

#[tokio::test]
async fn versions_to_come_are_too_large() {
    let client = Client::start().await;
    fill(&client, 1).await;
    for url in [
        "?resourceVersion=9999999",
        "?resourceVersion=9999999&limit=1",
        "/m000?resourceVersion=9999999",
    ] {
        let (code, late) = client.get(&format!("{MAPS}{url}")).await;
        let details = &late["details"];
        assert_eq!(
            (code, &details["retryAfterSeconds"]),
            (504, &json!(1)),
            "{url}"
        );
        assert_eq!(details["causes"][0]["reason"], "ResourceVersionTooLarge");
    }
    // A watch is silent until then.
    let url = format!("{MAPS}?watch=1&resourceVersion=9999999&timeoutSeconds=1");
    let mut watch = client.watch(&url).await;
    client.create(MAPS, &map("m001")).await;
    assert!(watch.next().await.is_none());
}
