use serde_json::json;

use super::*;

fn role(namespace: &str, name: &str, rules: &Value) -> (GroupResource, Value) {
    let resource = if namespace.is_empty() {
        "clusterroles"
    } else {
        "roles"
    };
    (
        GroupResource::new(GROUP, resource),
        json!({"metadata": {"name": name, "namespace": namespace}, "rules": rules}),
    )
}

fn binding(namespace: &str, name: &str, role: &str, subject: &Value) -> (GroupResource, Value) {
    let resource = if namespace.is_empty() {
        "clusterrolebindings"
    } else {
        "rolebindings"
    };
    let (kind, role) = role.split_once('/').unwrap();
    (
        GroupResource::new(GROUP, resource),
        json!({
            "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
            "subjects": [subject],
        }),
    )
}

fn authorizer(objects: &[(GroupResource, Value)]) -> Authorizer {
    let authorizer = Authorizer::default();
    for (gr, object) in objects {
        authorizer.observe(gr, Some(object), object);
    }
    authorizer
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        username: name.to_owned(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
        ..UserInfo::default()
    }
}

/// `verb group/resource[/sub] namespace name`, or `verb /path`.
fn ask(text: &str) -> Attributes {
    let words: Vec<&str> = text.split(' ').collect();
    if words[1].starts_with('/') && words.len() == 2 {
        return Attributes {
            verb: words[0].to_owned(),
            path: words[1].to_owned(),
            ..Attributes::default()
        };
    }
    let mut parts = words[1].split('/').map(str::to_owned);
    let dash = |word: &str| word.trim_matches('-').to_owned();
    Attributes {
        verb: words[0].to_owned(),
        group: parts.next().unwrap(),
        resource: parts.next().unwrap(),
        subresource: parts.next().unwrap_or_default(),
        namespace: dash(words[2]),
        name: dash(words[3]),
        ..Attributes::default()
    }
}

#[test]
fn rules_match_as_kubernetes_does() {
    let rules = json!([
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
        {"verbs": ["update"], "apiGroups": ["apps"], "resources": ["*/scale"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"]},
        {"verbs": ["*"], "apiGroups": ["x"], "resources": ["*"]},
        {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/api/*"]},
    ]);
    let subject = json!({"kind": "User", "name": "u"});
    let authorizer = authorizer(&[
        role("", "r", &rules),
        binding("", "b", "ClusterRole/r", &subject),
    ]);
    for (text, allowed) in [
        ("get /pods ns -", true),
        ("list /pods - -", true),
        ("delete /pods ns a", false),
        ("get /pods/log ns a", true),
        ("get /pods/status ns a", false),
        ("get apps/pods ns a", false),
        ("update apps/deployments/scale ns a", true),
        ("update apps/deployments ns a", false),
        ("get /secrets ns one", true),
        ("get /secrets ns two", false),
        ("list /secrets ns -", false),
        ("frobnicate x/things/deep - -", true),
        ("get /healthz", true),
        ("get /healthz/ping", false),
        ("get /api/v1", true),
        ("post /api/v1", false),
    ] {
        let decision = authorizer.authorize(&user("u", &[]), &ask(text));
        assert_eq!(decision.allowed, allowed, "{text}");
        assert!(!authorizer.authorize(&user("v", &[]), &ask(text)).allowed);
    }
}

#[test]
fn bindings_reach_their_namespace_only() {
    let all = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let group = json!({"kind": "Group", "name": "g"});
    let account = json!({"kind": "ServiceAccount", "name": "sa"});
    let authorizer = authorizer(&[
        role("", "all", &all),
        role("a", "local", &all),
        binding("a", "b1", "ClusterRole/all", &group),
        binding("a", "b2", "Role/local", &account),
        binding("b", "b3", "Role/local", &account),
    ]);
    let member = user("m", &["g"]);
    assert!(authorizer.authorize(&member, &ask("get /pods a -")).allowed);
    assert!(!authorizer.authorize(&member, &ask("get /pods b -")).allowed);
    assert!(!authorizer.authorize(&member, &ask("get /pods - -")).allowed);
    let account = user("system:serviceaccount:a:sa", &[]);
    assert_eq!(
        authorizer.authorize(&account, &ask("get /pods a -")).reason,
        r#"RBAC: allowed by RoleBinding "b2/a" of Role "local" to ServiceAccount "sa/a""#
    );
    let elsewhere = user("system:serviceaccount:b:sa", &[]);
    assert_eq!(
        authorizer.authorize(&elsewhere, &ask("get /pods b -")),
        Decision {
            allowed: false,
            reason: "RBAC: role.rbac.authorization.k8s.io \"local\" not found".to_owned(),
        }
    );
}

#[test]
fn the_index_follows_changes() {
    let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let (u, v) = (user("u", &[]), user("v", &[]));
    let get = ask("get /pods - -");
    let authorizer = authorizer(&[
        role("", "r", &rules),
        binding(
            "",
            "b",
            "ClusterRole/r",
            &json!({"kind": "User", "name": "u"}),
        ),
    ]);
    assert!(authorizer.authorize(&u, &get).allowed);
    let (gr, moved) = binding(
        "",
        "b",
        "ClusterRole/r",
        &json!({"kind": "User", "name": "v"}),
    );
    authorizer.observe(&gr, Some(&moved), &moved);
    assert!(!authorizer.authorize(&u, &get).allowed);
    assert!(authorizer.authorize(&v, &get).allowed);
    authorizer.observe(&gr, None, &moved);
    assert!(!authorizer.authorize(&v, &get).allowed);
    let (gr, _) = role("", "r", &rules);
    authorizer.observe(&gr, None, &json!({"metadata": {"name": "r"}}));
    assert_eq!(authorizer.role("", "r"), None);
}

#[test]
fn refusals_read_as_kubernetes_words_them() {
    let x = user("x", &[]);
    for (text, message) in [
        (
            "list /pods y -",
            r#"pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "y""#,
        ),
        (
            "get apps/deployments/status y d",
            r#"deployments.apps "d" is forbidden: User "x" cannot get resource "deployments/status" in API group "apps" in the namespace "y""#,
        ),
        (
            "list /nodes - -",
            r#"nodes is forbidden: User "x" cannot list resource "nodes" in API group "" at the cluster scope"#,
        ),
        (
            "get /metrics",
            r#"forbidden: User "x" cannot get path "/metrics""#,
        ),
    ] {
        let denied = denial(&x, &ask(text), "");
        assert_eq!((denied.code, denied.message.as_str()), (403, message));
    }
    assert!(
        denial(&x, &ask("list /pods y -"), "RBAC: gone")
            .message
            .ends_with(r#"in the namespace "y": RBAC: gone"#)
    );
}

#[test]
fn missing_rules_are_named() {
    let rules = |value: Value| Rule::of(&json!({"rules": value}));
    let held = rules(json!([
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*/scale"]},
        {"verbs": ["get"], "nonResourceURLs": ["/api/*"]},
    ]));
    let none = BTreeSet::new();
    for (wanted, expected) in [
        (
            json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}]),
            vec![],
        ),
        (
            json!([{"verbs": ["update"], "apiGroups": ["apps"], "resources": ["deployments/scale"]}]),
            vec![],
        ),
        (
            json!([{"verbs": ["get"], "nonResourceURLs": ["/api/v1", "/api/*"]}]),
            vec![],
        ),
        (
            json!([{"verbs": ["get", "delete", "create"], "apiGroups": [""], "resources": ["pods", "secrets"]}]),
            vec![
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}"#,
                r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete" "create"]}"#,
            ],
        ),
        (
            json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}, {"verbs": ["get"], "nonResourceURLs": ["*"]}]),
            vec![
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["*"]}"#,
                r#"{NonResourceURLs:["*"], Verbs:["get"]}"#,
            ],
        ),
    ] {
        let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(missing(&held, &rules(wanted.clone())), expected, "{wanted}");
        assert_eq!(missing(&everything(), &rules(wanted)), none);
    }
}

#[test]
fn default_roles_are_complete() {
    let roles = bootstrap_roles();
    let names: Vec<&str> = roles
        .iter()
        .map(|role| role["metadata"]["name"].as_str().unwrap())
        .collect();
    for name in [
        "cluster-admin",
        "admin",
        "edit",
        "view",
        "system:basic-user",
        "system:discovery",
        "system:public-info-viewer",
        "system:node-bootstrapper",
        "system:service-account-issuer-discovery",
        "system:auth-delegator",
        "system:certificates.k8s.io:kube-apiserver-client-approver",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let authorizer = Authorizer::default();
    for role in &roles {
        let resource = match role["kind"].as_str().unwrap() {
            "ClusterRole" => "clusterroles",
            "ClusterRoleBinding" => "clusterrolebindings",
            "Role" => "roles",
            "RoleBinding" => "rolebindings",
            other => panic!("{other}"),
        };
        authorizer.observe(&GroupResource::new(GROUP, resource), Some(role), role);
    }
    let anyone = user("x", &["system:authenticated"]);
    assert!(
        authorizer
            .authorize(&anyone, &ask("get /apis/apps"))
            .allowed
    );
    assert!(
        authorizer
            .authorize(
                &anyone,
                &ask("create authorization.k8s.io/selfsubjectaccessreviews - -")
            )
            .allowed
    );
    let anonymous = user("system:anonymous", &["system:unauthenticated"]);
    assert!(
        authorizer
            .authorize(&anonymous, &ask("get /version"))
            .allowed
    );
    assert!(!authorizer.authorize(&anonymous, &ask("get /api")).allowed);
}
