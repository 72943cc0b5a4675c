//! Methods, paths, queries and headers.

use proptest::prelude::*;

use crate::fuzz;
use crate::values::word;
use crate::world::World;

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(&[
            "api", "apis", "v1", "apps", "watch", "namespaces", "default", "kube-system",
            "configmaps", "pods", "deployments", "nodes", "secrets", "services", "status",
            "scale", "log", "exec", "binding", "eviction", "token", "serviceaccounts",
            "apiextensions.k8s.io", "customresourcedefinitions", "authorization.k8s.io",
            "selfsubjectaccessreviews", "openapi", "v2", "v3", "healthz", "readyz", "version",
            "events", "rbac.authorization.k8s.io", "clusterroles", "cluster-admin",
            "certificates.k8s.io", "certificatesigningrequests", "approval", "proxy", "finalize",
        ][..]).prop_map(str::to_owned),
        1 => Just(String::new()),
        1 => prop::sample::select(&["%", "%2", "%2F", "%00", "%ff", "%zz", "..", ".", "%2e%2e", "a:b", "a b"][..]).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9%._~:@!$&'()*+,;=-]{0,12}",
    ]
}

fn parameter() -> impl Strategy<Value = String> {
    let key = prop::sample::select(
        &[
            "watch",
            "follow",
            "labelSelector",
            "fieldSelector",
            "limit",
            "continue",
            "resourceVersion",
            "resourceVersionMatch",
            "timeoutSeconds",
            "allowWatchBookmarks",
            "sendInitialEvents",
            "dryRun",
            "fieldManager",
            "fieldValidation",
            "force",
            "propagationPolicy",
            "gracePeriodSeconds",
            "orphanDependents",
            "pretty",
            "x",
            "",
        ][..],
    );
    let value = prop_oneof![
        prop::sample::select(
            &[
                "true",
                "false",
                "1",
                "0",
                "-1",
                "99999999999999999999",
                "All",
                "Strict",
                "Warn",
                "Exact",
                "NotOlderThan",
                "Foreground",
                "Orphan",
                "a=b",
                "a in (b)",
                "metadata.name=a",
                "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIvYSJ9",
                "%",
                "%00",
                "",
            ][..]
        )
        .prop_map(|text| text.replace(' ', "%20")),
        "[a-zA-Z0-9%._~=,!()-]{0,12}",
    ];
    (key, value).prop_map(|(key, value)| format!("{key}={value}"))
}

#[test]
fn request_paths() {
    let world = World::new();
    let method = prop::sample::select(
        &[
            "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "X",
        ][..],
    );
    let body = prop_oneof![
        3 => Just(String::new()),
        1 => crate::values::value().prop_map(|value| value.to_string()),
        1 => any::<String>(),
    ];
    let content = prop::sample::select(
        &[
            "",
            "application/json",
            "application/yaml",
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
            "application/apply-patch+yaml",
            "application/vnd.kubernetes.protobuf",
            "text/plain",
        ][..],
    );
    let accept = prop_oneof![
        prop::sample::select(
            &[
                "*/*",
                "application/json",
                "application/yaml",
                "",
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io",
                "application/vnd.kubernetes.protobuf",
                "application/json;as=Table;v=v9",
                ";;,;=",
            ][..]
        )
        .prop_map(str::to_owned),
        "[a-z/;=,+*. -]{0,20}",
    ];
    let inputs = (
        method,
        prop::collection::vec(segment(), 0..8),
        prop::collection::vec(parameter(), 0..4),
        content,
        accept,
        prop::option::weighted(0.1, word()),
        body,
    );
    fuzz(
        "request paths",
        &inputs,
        |(method, path, query, content, accept, user, body)| {
            let url = format!("/{}?{}", path.join("/"), query.join("&"));
            let mut headers = vec![("accept", accept.as_str()), ("content-type", content)];
            if let Some(user) = &user {
                headers.push(("impersonate-user", user));
            }
            if let Some(answer) = world.send(method, &url, &headers, body.as_bytes()) {
                prop_assert!((200..=599).contains(&answer.code), "{}", answer.code);
            }
            // It is still there.
            prop_assert_eq!(world.get("/readyz").code, 200);
            Ok(())
        },
    );
}

/// Names for the bytes of protobuf that fit no message.
#[test]
fn protobuf_bodies() {
    let world = World::new();
    let inputs = prop::collection::vec(
        prop_oneof![3 => any::<u8>(), 2 => prop::sample::select(&[0x0a_u8, 0x12, 0x1a, 0x22, 0x08, 0xff, 0x7f, 0x80][..])],
        0..80,
    );
    fuzz("protobuf bodies", &inputs, |bytes| {
        let mut body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12".to_vec();
        body.push(u8::try_from(bytes.len()).unwrap_or(0));
        body.extend_from_slice(&bytes);
        for body in [&body, &bytes] {
            let answer = world.send(
                "POST",
                "/api/v1/namespaces/default/configmaps?dryRun=All",
                &[("content-type", "application/vnd.kubernetes.protobuf")],
                body,
            );
            prop_assert!(answer.is_some_and(|answer| answer.code < 500));
        }
        Ok(())
    });
}
