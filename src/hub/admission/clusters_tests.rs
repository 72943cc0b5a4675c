//! What the judges of ManagedClusters decide.

use super::*;
use crate::hub::admission::UserInfo;

fn request(old: Value, new: Value) -> Request {
    let operation = if old.is_null() { "CREATE" } else { "UPDATE" };
    Request {
        uid: "u".into(),
        operation: operation.into(),
        name: "c1".into(),
        object: new,
        old_object: old,
        ..Request::default()
    }
}

fn cluster(spec: &Value, set: &str) -> Value {
    json!({"metadata": {"name": "c1", "labels": {(names::LABEL_CLUSTER_SET): set}}, "spec": spec})
}

fn taint(key: &str, value: &str, added: Option<&str>) -> Value {
    let mut taint = json!({"key": key, "value": value, "effect": "NoSelect"});
    if let Some(added) = added {
        taint["timeAdded"] = added.into();
    }
    taint
}

#[test]
fn registration_29_a_taints_time_is_the_hubs() {
    let with = |taints: Vec<Value>| cluster(&json!({"taints": taints}), "s");
    let stamped = |request: &Request| mutated(request, true, false, "now");
    // Created: overwritten.
    let new = request(Value::Null, with(vec![taint("k", "v", Some("then"))]));
    assert_eq!(
        stamped(&new).unwrap()["spec"]["taints"][0]["timeAdded"],
        "now"
    );
    let before = with(vec![taint("k", "v", Some("then"))]);
    // Unchanged: kept. Changed or new: stamped, or refused with a time of one's own.
    for (taints, expected) in [
        (vec![taint("k", "v", Some("then"))], Ok("then")),
        (vec![taint("k", "w", None)], Ok("now")),
        (vec![taint("new", "v", None)], Ok("now")),
        (vec![taint("k", "v", Some("other"))], Err("k")),
        (vec![taint("k", "w", Some("then"))], Err("k")),
        (
            vec![taint("a", "", Some("x")), taint("b", "", Some("x"))],
            Err("a,b"),
        ),
    ] {
        let result = stamped(&request(before.clone(), with(taints)));
        match expected {
            Ok(time) => assert_eq!(result.unwrap()["spec"]["taints"][0]["timeAdded"], time),
            Err(keys) => assert_eq!(
                result.unwrap_err(),
                Refusal::bad(format!(
                    "It is not allowed to set TimeAdded of Taint \"{keys}\"."
                ))
            ),
        }
    }
    // The hub's own controllers stamp theirs.
    let own = request(before, with(vec![taint("new", "v", Some("mine"))]));
    assert_eq!(
        mutated(&own, true, true, "now").unwrap()["spec"]["taints"][0]["timeAdded"],
        "mine"
    );
}

#[test]
fn registration_31_no_set_is_the_default_one_with_the_gate() {
    for object in [
        json!({"metadata": {"name": "c1"}, "spec": {}}),
        cluster(&json!({}), ""),
    ] {
        let request = request(Value::Null, object);
        let set = |gate| {
            let object = mutated(&request, gate, false, "now").unwrap();
            object["metadata"]["labels"][names::LABEL_CLUSTER_SET].clone()
        };
        assert_eq!(set(true), "default");
        assert_ne!(set(false), "default");
    }
    let object = json!({"metadata": {"name": "c1"}, "spec": {"a": 1}});
    let untouched = request(object.clone(), object);
    assert_eq!(
        mutated(&untouched, false, false, "now").unwrap(),
        untouched.object
    );
}

#[test]
fn who_created_a_cluster_is_noted_for_good() {
    let signed = |request: &Request| {
        let object = mutated(request, true, false, "now").unwrap();
        object["metadata"]["annotations"][names::ANNOTATION_CREATED_BY].clone()
    };
    let forged = json!({"metadata": {"name": "c1", "annotations": {
        (names::ANNOTATION_CREATED_BY): "forged"}}, "spec": {}});
    let bare = json!({"metadata": {"name": "c1"}, "spec": {}});
    for object in [&forged, &bare] {
        let mut create = request(Value::Null, object.clone());
        create.user_info.username = "eve".into();
        assert_eq!(signed(&create), "eve");
    }
    assert_eq!(signed(&request(forged.clone(), bare.clone())), "forged");
    assert_eq!(signed(&request(bare, forged)), Value::Null);
}

#[test]
fn registration_28_names_and_urls_are_checked_when_they_come() {
    let with = |url: &str| cluster(&json!({"managedClusterClientConfigs": [{"url": url}]}), "s");
    assert_eq!(malformed(&request(Value::Null, with("https://x:1"))), None);
    for url in ["http://x", "https://", "x", ""] {
        assert_eq!(
            malformed(&request(Value::Null, with(url))),
            Some(Refusal::bad(format!(
                "url {url:?} is invalid in client configs"
            )))
        );
        // What was there before the webhooks can still be written.
        assert_eq!(malformed(&request(with(url), with(url))), None);
    }
    let named = |name: &str| Request {
        name: name.into(),
        ..request(Value::Null, json!({"spec": {}}))
    };
    assert_eq!(malformed(&named("a-1")), None);
    for name in ["a.b", "A", "-a", &"a".repeat(64)] {
        let refusal = malformed(&named(name)).unwrap();
        assert!(
            refusal
                .message
                .starts_with("metadata.name format is not correct: "),
            "{}",
            refusal.message
        );
    }
    assert!(malformed(&named("managed-clusters")).is_some());
}

#[test]
fn registration_26_only_the_way_to_true_is_acceptance() {
    let spec = |accepted: bool| cluster(&json!({"hubAcceptsClient": accepted}), "s");
    assert!(accepts(&request(Value::Null, spec(true))));
    assert!(accepts(&request(spec(false), spec(true))));
    assert!(!accepts(&request(spec(true), spec(true))));
    assert!(!accepts(&request(spec(true), spec(false))));
    assert!(!accepts(&request(Value::Null, spec(false))));
}

#[test]
fn registration_30_both_sets_are_asked_about() {
    let of = |old: &str, new: &str| {
        let request = request(cluster(&json!({}), old), cluster(&json!({}), new));
        sets_changed(&request)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("a", "b"), ["a", "b"]);
    assert_eq!(of("", "b"), ["b"]);
    assert_eq!(of("a", ""), ["a"]);
    assert!(of("a", "a").is_empty());
}

#[test]
fn an_agent_changes_only_what_is_its_own() {
    let agent_in = |group: &str, old: Value, new: Value| Request {
        user_info: UserInfo {
            username: "system:open-cluster-management:c1:a".into(),
            groups: vec![group.into()],
            ..UserInfo::default()
        },
        ..request(old, new)
    };
    let agent = |old, new| agent_in("system:open-cluster-management:c1", old, new);
    let old = json!({
        "metadata": {"name": "c1", "labels": {"a": "b"}, "finalizers": ["f"]},
        "spec": {"hubAcceptsClient": true, "leaseDurationSeconds": 60},
    });
    let change = |path: &str, value: Value| {
        let mut new = old.clone();
        let patch: json_patch::Patch =
            serde_json::from_value(json!([{"op": "add", "path": path, "value": value}])).unwrap();
        json_patch::patch(&mut new, &patch).unwrap();
        new
    };
    for (path, value, word) in [
        (
            "/metadata/labels",
            json!({"a": "b", "env": "prod"}),
            "labels",
        ),
        ("/metadata/finalizers", json!([]), "finalizers"),
        (
            "/metadata/ownerReferences",
            json!([{"name": "x"}]),
            "owners",
        ),
        ("/metadata/annotations", json!({"x": "y"}), "annotations"),
        ("/spec/taints", json!([{"key": "k"}]), "taints"),
        (
            "/spec/leaseDurationSeconds",
            json!(999_999),
            "lease duration",
        ),
    ] {
        let new = change(path, value);
        let refusal = oversteps(&agent(old.clone(), new.clone())).expect(path);
        assert!(refusal.message.contains(word), "{}", refusal.message);
        assert_eq!(refusal.code, 403);
        // An agent of AWS is one as well.
        let aws = agent_in("open-cluster-management:c1", old.clone(), new.clone());
        assert!(oversteps(&aws).is_some());
        // Anybody else is a matter of roles alone.
        assert_eq!(oversteps(&request(old.clone(), new)), None);
    }
    for (path, value) in [
        (
            "/spec/managedClusterClientConfigs",
            json!([{"url": "https://x"}]),
        ),
        (
            "/metadata/annotations",
            json!({"agent.open-cluster-management.io/x": "y"}),
        ),
        ("/metadata/ownerReferences", json!([])),
        ("/spec/hubAcceptsClient", json!(false)),
    ] {
        assert_eq!(oversteps(&agent(old.clone(), change(path, value))), None);
    }
}

#[test]
fn what_a_new_cluster_brings_that_is_not_an_agents() {
    let new = |object: Value| changed(&request(Value::Null, object)).join(",");
    let set = names::LABEL_CLUSTER_SET;
    let bare = json!({
        "metadata": {"name": "c1", "labels": {(set): "default"}, "annotations": {
            (names::ANNOTATION_CREATED_BY): "boot", "agent.open-cluster-management.io/x": "y"}},
        "spec": {"hubAcceptsClient": false, "leaseDurationSeconds": 60,
                 "managedClusterClientConfigs": [{"url": "https://x"}]},
    });
    assert_eq!(new(bare), "");
    for (object, field) in [
        (
            json!({"metadata": {"labels": {(set): "default", "env": "prod"}}}),
            "labels",
        ),
        (
            json!({"metadata": {"annotations": {"x": "y"}}}),
            "annotations",
        ),
        (json!({"metadata": {"finalizers": ["x"]}}), "finalizers"),
        (
            json!({"metadata": {"ownerReferences": [{"name": "x"}]}}),
            "owners",
        ),
        (json!({"spec": {"taints": [{"key": "k"}]}}), "taints"),
        (
            json!({"spec": {"leaseDurationSeconds": 9999}}),
            "lease duration",
        ),
    ] {
        assert_eq!(new(object), field);
    }
}
