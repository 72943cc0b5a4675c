//! Create, read, update, patch.

use serde_json::json;

use super::*;

#[tokio::test]
async fn an_object_is_created_read_changed_and_deleted() {
    let client = Client::start().await;
    let (code, created) = client.create(MAPS, &map("one")).await;
    assert_eq!(code, 201, "{created}");
    assert_eq!(created["metadata"]["namespace"], "default");
    assert!(created["metadata"]["uid"].is_string());

    let (code, status) = client.create(MAPS, &map("one")).await;
    assert_eq!(code, 409);
    assert_eq!(status["message"], "configmaps \"one\" already exists");

    let (code, read) = client.get(&format!("{MAPS}/one")).await;
    assert_eq!((code, &read), (200, &created));

    let mut changed = read.clone();
    changed["data"]["a"] = json!("2");
    let (code, updated) = client.update(&format!("{MAPS}/one"), &changed).await;
    assert_eq!(code, 200, "{updated}");
    assert_ne!(
        updated["metadata"]["resourceVersion"],
        read["metadata"]["resourceVersion"]
    );

    let (code, status) = client.update(&format!("{MAPS}/one"), &changed).await;
    assert_eq!(code, 409);
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on configmaps \"one\": the object has been modified; please apply your changes to the latest version and try again"
    );

    let (code, status) = client.delete(&format!("{MAPS}/one")).await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert_eq!(status["details"]["uid"], created["metadata"]["uid"]);
    let (code, status) = client.get(&format!("{MAPS}/one")).await;
    assert_eq!(code, 404);
    assert_eq!(status["message"], "configmaps \"one\" not found");
    client.server.shutdown().await;
}

#[tokio::test]
async fn a_watch_continues_a_list() {
    let client = Client::start().await;
    client.create(MAPS, &map("one")).await;
    let (_, list) = client.get(MAPS).await;
    assert_eq!(list["kind"], "ConfigMapList");
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    client.create(MAPS, &map("two")).await;
    let mut watch = client
        .watch(&format!("{MAPS}?watch=1&resourceVersion={revision}"))
        .await;
    assert_eq!(watch.step().await, ("ADDED".to_owned(), "two".to_owned()));
    client
        .patch(
            &format!("{MAPS}/one"),
            "merge",
            &json!({"data": {"b": "2"}}),
        )
        .await;
    assert_eq!(
        watch.step().await,
        ("MODIFIED".to_owned(), "one".to_owned())
    );
    client.delete(&format!("{MAPS}/two")).await;
    assert_eq!(watch.step().await, ("DELETED".to_owned(), "two".to_owned()));
    client.server.shutdown().await;
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn server_side_apply_creates_updates_and_conflicts() {
    let client = Client::start().await;
    let url = format!("{MAPS}/one?fieldManager=first");
    let (code, created) = client.patch(&url, "apply", &map("one")).await;
    assert_eq!(code, 201, "{created}");
    assert_eq!(created["metadata"]["managedFields"][0]["manager"], "first");
    let (code, same) = client.patch(&url, "apply", &map("one")).await;
    assert_eq!(
        (code, &same["metadata"]["resourceVersion"]),
        (200, &created["metadata"]["resourceVersion"])
    );
    let mut other = map("one");
    other["data"]["a"] = json!("2");
    let url = format!("{MAPS}/one?fieldManager=second");
    let (code, conflict) = client.patch(&url, "apply", &other).await;
    assert_eq!(
        (code, &conflict["reason"]),
        (409, &json!("Conflict")),
        "{conflict}"
    );
    let (code, forced) = client
        .patch(&format!("{url}&force=true"), "apply", &other)
        .await;
    assert_eq!((code, &forced["data"]["a"]), (200, &json!("2")), "{forced}");
    let (code, _) = client.patch(&format!("{MAPS}/one"), "apply", &other).await;
    assert_eq!(code, 422);
}

#[tokio::test]
async fn names_are_generated() {
    let client = Client::start().await;
    let body = json!({"metadata": {"generateName": "web-"}});
    let (code, created) = client.create(MAPS, &body).await;
    assert_eq!(code, 201);
    let name = created["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("web-") && name.len() == 9, "{name}");
    let (code, status) = client.create(MAPS, &json!({"metadata": {}})).await;
    assert_eq!(code, 422);
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .contains("name or generateName is required")
    );
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let client = Client::start().await;
    let (code, created) = client
        .create(&format!("{MAPS}?dryRun=All"), &map("one"))
        .await;
    assert_eq!((code, created["metadata"]["uid"].is_string()), (201, true));
    assert_eq!(client.get(&format!("{MAPS}/one")).await.0, 404);
    client.create(MAPS, &map("one")).await;
    let (code, patched) = client
        .patch(
            &format!("{MAPS}/one?dryRun=All"),
            "merge",
            &json!({"data": {"a": "9"}}),
        )
        .await;
    assert_eq!((code, &patched["data"]["a"]), (200, &json!("9")));
    let (code, _) = client.delete(&format!("{MAPS}/one?dryRun=All")).await;
    assert_eq!(code, 200);
    assert_eq!(client.get(&format!("{MAPS}/one")).await.1["data"]["a"], "1");
    assert_eq!(
        client
            .create(&format!("{MAPS}?dryRun=Some"), &map("two"))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn namespaces_must_be_there_and_stay() {
    let client = Client::start().await;
    let (code, status) = client
        .create("/api/v1/namespaces/none/configmaps", &map("one"))
        .await;
    assert_eq!(
        (code, &status["message"]),
        (404, &json!("namespaces \"none\" not found"))
    );
    client
        .create(
            "/api/v1/namespaces",
            &json!({"metadata": {"name": "going"}}),
        )
        .await;
    let (code, going) = client.delete("/api/v1/namespaces/going").await;
    assert_eq!(
        (code, &going["status"]["phase"]),
        (200, &json!("Terminating"))
    );
    let (code, status) = client
        .create("/api/v1/namespaces/going/configmaps", &map("one"))
        .await;
    assert_eq!(code, 403);
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        "NamespaceTerminating"
    );
    // Without its finalizer it is gone.
    let mut going = client.get("/api/v1/namespaces/going").await.1;
    going["spec"]["finalizers"] = json!([]);
    let (code, _) = client
        .update("/api/v1/namespaces/going/finalize", &going)
        .await;
    assert_eq!(code, 200);
    assert_eq!(client.get("/api/v1/namespaces/going").await.0, 404);
    let (code, status) = client.delete("/api/v1/namespaces/default").await;
    assert_eq!(code, 403, "{status}");
}

#[tokio::test]
async fn concurrent_patches_all_count() {
    let client = Client::start().await;
    client.create(MAPS, &map("one")).await;
    let url = format!("{MAPS}/one");
    let bodies: Vec<Value> = (0..40)
        .map(|n| json!({"data": {format!("k{n}"): "v"}}))
        .collect();
    let patches = bodies.iter().map(|body| client.patch(&url, "merge", body));
    let codes: Vec<u16> = futures::future::join_all(patches)
        .await
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    assert!(codes.iter().all(|code| *code == 200), "{codes:?}");
    let (_, object) = client.get(&url).await;
    assert_eq!(object["data"].as_object().unwrap().len(), 41);
    // A patch that names a version holds to it.
    let old = json!({"metadata": {"resourceVersion": "1"}, "data": {"x": "y"}});
    assert_eq!(client.patch(&url, "merge", &old).await.0, 409);
}

#[tokio::test]
async fn unknown_fields_are_dropped_said_or_refused() {
    let client = Client::start().await;
    let mut body = map("one");
    body["wrong"] = json!(1);
    let (code, status) = client
        .create(&format!("{MAPS}?fieldValidation=Strict"), &body)
        .await;
    assert_eq!((code, &status["reason"]), (400, &json!("BadRequest")));
    assert_eq!(
        status["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"wrong\""
    );
    let url = format!("{MAPS}?fieldValidation=Warn");
    let response = client
        .send("POST", &url, &[], body.to_string().as_bytes())
        .await;
    assert_eq!(response.status(), 201);
    let warning = response.headers()["warning"].to_str().unwrap();
    assert_eq!(warning, r#"299 - "unknown field \"wrong\"""#);
    assert_eq!(
        client.get(&format!("{MAPS}/one")).await.1.get("wrong"),
        None
    );
    let (code, _) = client
        .create(&format!("{MAPS}?fieldValidation=Maybe"), &body)
        .await;
    assert_eq!(code, 422);
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let client = Client::start().await;
    let post = async |content_type: &str, body: &[u8]| {
        let headers = [("content-type", content_type)];
        let response = client.send("POST", MAPS, &headers, body).await;
        response.status().as_u16()
    };
    assert_eq!(post("application/json", b"{").await, 400);
    assert_eq!(post("application/json", b"").await, 400);
    assert_eq!(post("application/json", b"[]").await, 400);
    assert_eq!(post("text/csv", b"a,b").await, 415);
    assert_eq!(
        post("application/vnd.kubernetes.protobuf", b"no").await,
        400
    );
    assert_eq!(post("application/yaml", b"a: [").await, 400);
    assert_eq!(
        post("application/yaml", b"metadata: {name: yaml}\ndata: {a: b}").await,
        201
    );
    assert_eq!(
        post(
            "application/json",
            br#"{"kind":"Secret","metadata":{"name":"a"}}"#
        )
        .await,
        400
    );
    assert_eq!(
        post(
            "application/json",
            br#"{"apiVersion":"v2","metadata":{"name":"a"}}"#
        )
        .await,
        400
    );
    assert_eq!(
        post(
            "application/json",
            br#"{"metadata":{"name":"a","namespace":"b"}}"#
        )
        .await,
        400
    );
    assert_eq!(
        post(
            "application/json",
            br#"{"metadata":{"name":"a"},"data":[]}"#
        )
        .await,
        400
    );
    let large = vec![b' '; 4 << 20];
    let response = client.send("POST", MAPS, &[], &large).await;
    assert_eq!(response.status(), 413);
    let mut large = map("large");
    large["data"]["a"] = json!("x".repeat(1_600_000));
    let (code, status) = client
        .create(
            "/api/v1/namespaces/default/secrets",
            &json!({"metadata": {"name": "large"}, "stringData": {"a": "x".repeat(1_600_000)}}),
        )
        .await;
    assert!(
        code == 422 || status["message"] == "etcdserver: request is too large",
        "{code}"
    );
}

#[tokio::test]
async fn urls_that_are_not_served() {
    let client = Client::start().await;
    for (method, url, expected) in [
        ("GET", "/api/v1/nothings", 404),
        ("POST", "/api/v1/configmaps", 405),
        ("POST", "/api/v1/namespaces/default/configmaps/a", 405),
        ("PUT", "/api/v1/namespaces/default/configmaps", 405),
        ("GET", "/api/v1/namespaces/default/configmaps/a/status", 404),
        ("GET", "/api/v1/namespaces/default/nodes", 404),
        ("OPTIONS", "/api/v1/nodes", 405),
        ("PATCH", "/version", 405),
    ] {
        let (code, status) = client.json(method, url, &[], &Value::Null).await;
        assert_eq!(code, expected, "{method} {url}: {status}");
        assert_eq!(status["kind"], "Status", "{method} {url}");
    }
    // Of a group that is not served there is only a text.
    for url in ["/apis/nowhere/v1/things", "/apis/nowhere", "/nowhere"] {
        let response = client.send("GET", url, &[], b"").await;
        assert_eq!(response.status(), 404, "{url}");
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
    }
    for url in [
        "/version",
        "/healthz",
        "/livez",
        "/readyz",
        "/api",
        "/apis",
        "/api/v1",
        "/apis/apps/v1",
        "/",
    ] {
        assert_eq!(client.get(url).await.0, 200, "{url}");
    }
}

#[tokio::test]
async fn scale_stands_for_the_replicas() {
    let client = Client::start().await;
    let url = "/apis/apps/v1/namespaces/default/deployments";
    let (code, created) = client.create(url, &deployment("web")).await;
    assert_eq!(code, 201, "{created}");
    let (code, scale) = client.get(&format!("{url}/web/scale")).await;
    assert_eq!(code, 200);
    assert_eq!(
        (&scale["kind"], &scale["spec"]["replicas"]),
        (&json!("Scale"), &json!(2))
    );
    assert_eq!(scale["status"]["selector"], "app=web");
    let mut scale = scale;
    scale["spec"]["replicas"] = json!(4);
    let (code, _) = client.update(&format!("{url}/web/scale"), &scale).await;
    assert_eq!(code, 200);
    let (_, deployment) = client.get(&format!("{url}/web")).await;
    assert_eq!(deployment["spec"]["replicas"], 4);
    assert_eq!(deployment["metadata"]["generation"], 2);
    assert_eq!(
        client.update(&format!("{url}/web/scale"), &scale).await.0,
        409
    );
}

#[tokio::test]
async fn status_and_spec_have_their_own_doors() {
    let client = Client::start().await;
    let url = "/apis/apps/v1/namespaces/default/deployments";
    let mut body = deployment("web");
    body["status"] = json!({"replicas": 9});
    let (_, created) = client.create(url, &body).await;
    assert_eq!(created["status"], json!({}));
    let url = format!("{url}/web");
    let both = json!({"spec": {"replicas": 7}, "status": {"replicas": 3}});
    let (_, patched) = client.patch(&format!("{url}/status"), "merge", &both).await;
    assert_eq!(
        (&patched["spec"]["replicas"], &patched["status"]["replicas"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(patched["metadata"]["generation"], 1);
    let (_, patched) = client.patch(&url, "strategic-merge", &both).await;
    assert_eq!(
        (&patched["spec"]["replicas"], &patched["status"]["replicas"]),
        (&json!(7), &json!(3))
    );
    assert_eq!(patched["metadata"]["generation"], 2);
    let entries = patched["metadata"]["managedFields"].as_array().unwrap();
    assert!(
        entries.iter().any(|entry| entry["subresource"] == "status"),
        "{entries:?}"
    );
}

#[tokio::test]
async fn a_pod_is_bound_and_evicted() {
    let client = Client::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    client
        .create(
            "/api/v1/namespaces/default/serviceaccounts",
            &json!({"metadata": {"name": "default"}}),
        )
        .await;
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let (code, created) = client.create(pods, &pod).await;
    assert_eq!(code, 201, "{created}");
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}});
    assert_eq!(
        client
            .create(&format!("{pods}/p/binding"), &binding)
            .await
            .0,
        201
    );
    let (_, bound) = client.get(&format!("{pods}/p")).await;
    assert_eq!(bound["spec"]["nodeName"], "n1");
    // With a node it takes its time to end.
    let eviction = json!({"metadata": {"name": "p"}});
    let (code, status) = client
        .create(&format!("{pods}/p/eviction"), &eviction)
        .await;
    assert_eq!(code, 201, "{status}");
    let (_, ending) = client.get(&format!("{pods}/p")).await;
    assert_eq!(ending["metadata"]["deletionGracePeriodSeconds"], 30);
    let now = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0});
    let (code, _) = client.json("DELETE", &format!("{pods}/p"), &[], &now).await;
    assert_eq!(code, 200);
    assert_eq!(client.get(&format!("{pods}/p")).await.0, 404);
}

#[tokio::test]
async fn users_may_do_what_roles_say_and_impersonate_when_allowed() {
    let client = Client::start().await;
    let nobody = UserInfo {
        username: "nobody".to_owned(),
        groups: vec!["system:authenticated".to_owned()],
        ..UserInfo::default()
    };
    let other = Client {
        service: client.server.service(nobody),
        server: client.server.clone(),
    };
    let (code, status) = other.get(MAPS).await;
    assert_eq!(code, 403);
    assert_eq!(
        status["message"],
        "configmaps is forbidden: User \"nobody\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"default\""
    );
    assert_eq!(other.get("/version").await.0, 200);
    let role = json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "patch"]}]});
    let binding = json!({"metadata": {"name": "r"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}, "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}]});
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    assert_eq!(client.create(&format!("{rbac}/roles"), &role).await.0, 201);
    assert_eq!(
        client
            .create(&format!("{rbac}/rolebindings"), &binding)
            .await
            .0,
        201
    );
    assert_eq!(other.get(MAPS).await.0, 200);
    // To apply something new takes the right to create.
    let (code, _) = other
        .patch(&format!("{MAPS}/new?fieldManager=m"), "apply", &map("new"))
        .await;
    assert_eq!(code, 403);
    let headers = [("impersonate-user", "nobody")];
    let (code, _) = client.json("GET", MAPS, &headers, &Value::Null).await;
    assert_eq!(code, 200);
    let (code, _) = client
        .json("GET", "/api/v1/nodes", &headers, &Value::Null)
        .await;
    assert_eq!(code, 403);
    let headers = [("impersonate-user", "kubernetes-admin")];
    assert_eq!(other.json("GET", MAPS, &headers, &Value::Null).await.0, 403);
}
