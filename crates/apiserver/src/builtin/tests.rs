use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::registry::memory::Objects;

fn view() -> Objects {
    let mut view = Objects {
        catalog: crate::types::builtin(),
        ..Objects::default()
    };
    for name in ["ns", "default"] {
        view.put("", "namespaces", json!({"metadata": {"name": name}}));
    }
    view.put(
        "",
        "serviceaccounts",
        json!({"metadata": {"namespace": "ns", "name": "default"}}),
    );
    view
}

fn user(name: &str) -> UserInfo {
    UserInfo {
        username: name.to_owned(),
        groups: vec!["system:authenticated".to_owned()],
        ..UserInfo::default()
    }
}

fn write(
    view: &Objects,
    user: &UserInfo,
    path: &str,
    old: Option<&Value>,
    new: &Value,
) -> Result<Value, Status> {
    let parts: Vec<&str> = path.split('/').collect();
    let resource = view
        .catalog()
        .find(parts[0], parts[1], parts[2])
        .unwrap()
        .clone();
    let mut new = new.clone();
    let mut write = Write {
        operation: if old.is_some() {
            Operation::Update
        } else {
            Operation::Create
        },
        resource: &resource,
        subresource: parts.get(3).copied().unwrap_or_default(),
        user,
        old,
        new: &mut new,
        warnings: &mut Vec::new(),
    };
    prepare(view, &mut write)?;
    escalate(view, &write)?;
    validate(view, &write)?;
    Ok(new)
}

fn create(path: &str, new: &Value) -> Result<Value, Status> {
    write(&view(), &UserInfo::admin(), path, None, new)
}

fn update(path: &str, old: &Value, new: &Value) -> Result<Value, Status> {
    write(&view(), &UserInfo::admin(), path, Some(old), new)
}

fn message(result: Result<Value, Status>) -> String {
    result.unwrap_err().message
}

fn deployment(label: &str) -> Value {
    json!({
        "metadata": {"namespace": "ns", "name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": label}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    })
}

#[test]
fn names_labels_and_owners_are_checked_in_kubernetes_words() {
    let map = |metadata: Value| {
        let mut metadata = metadata;
        metadata["namespace"] = json!("ns");
        message(create("/v1/configmaps", &json!({"metadata": metadata})))
    };
    assert_eq!(
        map(json!({"name": "Bad_Name"})),
        r#"ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#
    );
    assert!(
        map(json!({"name": "a", "labels": {"a b": "c"}}))
            .contains("metadata.labels: Invalid value: \"a b\": name part must")
    );
    assert!(map(json!({"name": "a", "finalizers": ["x"]})).contains("metadata.finalizers[0]: Invalid value: \"x\": name is neither a standard finalizer name nor is it fully qualified"));
    assert!(
        map(json!({"name": "a", "ownerReferences": [{"name": "x"}]}))
            .contains("metadata.ownerReferences[0].uid: Required value: must not be empty")
    );
    assert!(
        map(json!({"name": "a", "annotations": {"a": "x".repeat(300_000)}}))
            .contains("metadata.annotations: Too long")
    );
    assert!(
        map(json!({})).contains("metadata.name: Required value: name or generateName is required")
    );
    create(
        "/v1/configmaps",
        &json!({"metadata": {"namespace": "ns", "name": "a.b"}}),
    )
    .unwrap();
    create(
        "rbac.authorization.k8s.io/v1/clusterroles",
        &json!({"metadata": {"name": "system:a:B"}}),
    )
    .unwrap();
    assert!(create("/v1/namespaces", &json!({"metadata": {"name": "a.b"}})).is_err());
}

#[test]
fn nothing_is_created_where_no_namespace_lives() {
    let mut view = view();
    let object = |ns: &str| json!({"metadata": {"namespace": ns, "name": "a"}});
    let admin = UserInfo::admin();
    let missing = write(&view, &admin, "/v1/configmaps", None, &object("gone")).unwrap_err();
    assert_eq!(
        (missing.code, missing.message.as_str()),
        (404, "namespaces \"gone\" not found")
    );
    view.put(
        "",
        "namespaces",
        json!({"metadata": {"name": "end", "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    );
    let ending = write(&view, &admin, "/v1/configmaps", None, &object("end")).unwrap_err();
    assert_eq!(
        ending.message,
        "configmaps \"a\" is forbidden: unable to create new content in namespace end because it is being terminated"
    );
    assert_eq!(ending.causes[0].reason, "NamespaceTerminating");
}

#[test]
fn a_namespace_begins_with_its_finalizer_and_loses_it_through_finalize_only() {
    let new = create("/v1/namespaces", &json!({"metadata": {"name": "a"}})).unwrap();
    assert_eq!(new["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(new["status"]["phase"], "Active");
    assert_eq!(
        new["metadata"]["labels"]["kubernetes.io/metadata.name"],
        "a"
    );
    let mut without = new.clone();
    without["spec"] = json!({});
    assert!(is_held(
        &namespaces::resource(),
        &update("/v1/namespaces", &new, &without).unwrap()
    ));
    assert!(!is_held(
        &namespaces::resource(),
        &update("/v1/namespaces/finalize", &new, &without).unwrap()
    ));
}

#[test]
fn status_and_spec_have_their_own_doors() {
    let mut first = deployment("web");
    first["status"] = json!({"replicas": 9});
    let stored = create("apps/v1/deployments", &first).unwrap();
    assert_eq!(stored["status"], json!({}));
    let mut new = stored.clone();
    new["status"] = json!({"replicas": 2});
    new["spec"]["replicas"] = json!(2);
    let by_spec = update("apps/v1/deployments", &stored, &new).unwrap();
    assert_eq!(
        (&by_spec["status"], &by_spec["spec"]["replicas"]),
        (&json!({}), &json!(2))
    );
    let by_status = update("apps/v1/deployments/status", &stored, &new).unwrap();
    assert_eq!(by_status["status"], json!({"replicas": 2}));
    assert!(by_status["spec"].get("replicas").is_none());
}

#[test]
fn workloads() {
    assert_eq!(
        message(create("apps/v1/deployments", &deployment("other"))),
        r#"Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`"#
    );
    let stored = create("apps/v1/deployments", &deployment("web")).unwrap();
    let mut moved = stored.clone();
    moved["spec"]["selector"] = json!({"matchLabels": {"app": "x"}});
    moved["spec"]["template"]["metadata"]["labels"] = json!({"app": "x"});
    assert_eq!(
        message(update("apps/v1/deployments", &stored, &moved)),
        r#"Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable"#
    );
    let mut broken = deployment("web");
    broken["spec"]["template"]["spec"] =
        json!({"restartPolicy": "Never", "containers": [{"name": "A"}]});
    let broken = create("apps/v1/deployments", &broken).unwrap_err();
    let fields: Vec<&str> = broken.causes.iter().map(|c| c.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "spec.template.spec.containers[0].name",
            "spec.template.spec.containers[0].image",
            "spec.template.spec.restartPolicy",
        ]
    );
    let job = create(
        "batch/v1/jobs",
        &json!({
            "metadata": {"namespace": "ns", "name": "j", "uid": "u"},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}},
        }),
    )
    .unwrap();
    assert_eq!(
        job["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"],
        "u"
    );
}

#[test]
fn a_pod_needs_its_service_account_and_stays_what_it_is() {
    let pod = json!({"metadata": {"namespace": "ns", "name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let stored = create("/v1/pods", &pod).unwrap();
    assert_eq!(stored["spec"]["serviceAccountName"], "default");
    assert_eq!(
        stored["status"],
        json!({"phase": "Pending", "qosClass": "BestEffort"})
    );
    let mut nobody = pod.clone();
    nobody["spec"]["serviceAccountName"] = json!("nobody");
    assert_eq!(
        message(create("/v1/pods", &nobody)),
        r#"pods "p" is forbidden: error looking up service account ns/nobody: serviceaccount "nobody" not found"#
    );
    let mut image = stored.clone();
    image["spec"]["containers"][0]["image"] = json!("j");
    update("/v1/pods", &stored, &image).unwrap();
    let mut host = stored.clone();
    host["spec"]["hostNetwork"] = json!(true);
    assert!(message(update("/v1/pods", &stored, &host)).starts_with(
        "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than"
    ));
}

#[test]
fn secrets_and_config_maps() {
    let secret = json!({"metadata": {"namespace": "ns", "name": "s"}, "stringData": {"k": "v"}, "data": {"a": "YQ=="}});
    let stored = create("/v1/secrets", &secret).unwrap();
    assert_eq!(stored["data"], json!({"a": "YQ==", "k": "dg=="}));
    assert_eq!(stored["type"], "Opaque");
    assert!(stored.get("stringData").is_none());
    let change = |field: &str, value: Value| {
        let mut new = stored.clone();
        new[field] = value;
        new
    };
    assert!(
        message(update(
            "/v1/secrets",
            &stored,
            &change("type", json!("x/y"))
        ))
        .contains("type: Invalid value: \"x/y\": field is immutable")
    );
    let secret_value = message(update(
        "/v1/secrets",
        &stored,
        &change("data", json!({"k": "hunter2!"})),
    ));
    assert!(secret_value.contains("data[k]") && !secret_value.contains("hunter2"));
    assert!(
        create(
            "/v1/secrets",
            &json!({"metadata": {"namespace": "ns", "name": "s"}, "type": "kubernetes.io/tls"})
        )
        .is_err()
    );
    let frozen = json!({"metadata": {"namespace": "ns", "name": "c"}, "immutable": true, "data": {"a": "b"}});
    let mut thawed = frozen.clone();
    thawed["immutable"] = json!(false);
    thawed["data"]["a"] = json!("c");
    let status = update("/v1/configmaps", &frozen, &thawed).unwrap_err();
    assert_eq!(status.causes.len(), 2);
    assert!(
        create(
            "/v1/configmaps",
            &json!({"metadata": {"namespace": "ns", "name": "c"}, "data": {"a/b": ""}})
        )
        .is_err()
    );
}

#[test]
fn services_get_addresses_of_their_own() {
    let mut view = view();
    let admin = UserInfo::admin();
    let service = |name: &str, kind: &str| json!({"metadata": {"namespace": "ns", "name": name}, "spec": {"type": kind, "ports": [{"port": 80}]}});
    let first = write(
        &view,
        &admin,
        "/v1/services",
        None,
        &service("a", "NodePort"),
    )
    .unwrap();
    view.put("", "services", first.clone());
    let second = write(
        &view,
        &admin,
        "/v1/services",
        None,
        &service("b", "NodePort"),
    )
    .unwrap();
    assert!(text(&first, "/spec/clusterIP").starts_with("10.96."));
    assert_ne!(first["spec"]["clusterIP"], second["spec"]["clusterIP"]);
    assert_ne!(
        first["spec"]["ports"][0]["nodePort"],
        second["spec"]["ports"][0]["nodePort"]
    );
    let kept = write(
        &view,
        &admin,
        "/v1/services",
        Some(&first),
        &service("a", "NodePort"),
    )
    .unwrap();
    assert_eq!(kept["spec"], first["spec"]);
    let mut stolen = second;
    stolen["spec"]["clusterIP"] = first["spec"]["clusterIP"].clone();
    assert!(
        message(write(&view, &admin, "/v1/services", None, &stolen))
            .contains("provided IP is already allocated")
    );
    let headless =
        json!({"metadata": {"namespace": "ns", "name": "h"}, "spec": {"clusterIP": "None"}});
    let headless = write(&view, &admin, "/v1/services", None, &headless).unwrap();
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
}

fn grant_fixture() -> Objects {
    let mut view = view();
    let group = "rbac.authorization.k8s.io";
    view.put(group, "clusterroles", json!({"metadata": {"name": "reader"}, "rules": [
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["create", "update"], "apiGroups": [group], "resources": ["roles", "clusterroles", "rolebindings"]},
        {"verbs": ["bind"], "apiGroups": [group], "resources": ["clusterroles"], "resourceNames": ["bindable"]},
    ]}));
    view.put(
        group,
        "clusterroles",
        json!({"metadata": {"name": "big"}, "rules": [
            {"verbs": ["*"], "apiGroups": [""], "resources": ["secrets"]},
        ]}),
    );
    view.put(
        group,
        "clusterrolebindings",
        json!({
            "metadata": {"name": "b"},
            "roleRef": {"kind": "ClusterRole", "name": "reader"},
            "subjects": [{"kind": "User", "name": "jane"}],
        }),
    );
    view
}

#[test]
fn nobody_grants_more_than_they_hold() {
    let mut view = grant_fixture();
    let jane = user("jane");
    let path = "rbac.authorization.k8s.io/v1/roles";
    let role = |verbs: &[&str]| json!({"metadata": {"namespace": "ns", "name": "r"}, "rules": [{"verbs": verbs, "apiGroups": [""], "resources": ["pods"]}]});
    write(&view, &jane, path, None, &role(&["get"])).unwrap();
    let refused = write(&view, &jane, path, None, &role(&["get", "list"])).unwrap_err();
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.message,
        "roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"jane\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}"
    );
    // What is already there may keep its rules.
    let mut labelled = role(&["list"]);
    labelled["metadata"]["labels"] = json!({"a": "b"});
    write(&view, &jane, path, Some(&role(&["list"])), &labelled).unwrap();
    write(&view, &UserInfo::admin(), path, None, &role(&["*"])).unwrap();
    view.put(
        "rbac.authorization.k8s.io",
        "clusterroles",
        json!({"metadata": {"name": "reader"}, "rules": [
            {"verbs": ["escalate"], "apiGroups": ["*"], "resources": ["roles"]},
        ]}),
    );
    write(&view, &jane, path, None, &role(&["*"])).unwrap();
}

#[test]
fn nobody_binds_more_than_they_hold() {
    let view = grant_fixture();
    let jane = user("jane");
    let path = "rbac.authorization.k8s.io/v1/rolebindings";
    let binding = |role: &str| {
        json!({
            "metadata": {"namespace": "ns", "name": "b"},
            "roleRef": {"kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "Group", "name": "g"}, {"kind": "ServiceAccount", "name": "s"}],
        })
    };
    let made = write(&view, &jane, path, None, &binding("bindable")).unwrap();
    assert_eq!(made["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(made["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    // An account without a namespace is of that of the binding, and stays as it is.
    assert_eq!(made["subjects"][1].get("namespace"), None);
    assert!(
        message(write(&view, &jane, path, None, &binding("big")))
            .contains("{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"*\"]}")
    );
    let absent = write(&view, &jane, path, None, &binding("absent")).unwrap_err();
    assert_eq!(
        (absent.code, absent.message.as_str()),
        (
            404,
            "rolebindings.rbac.authorization.k8s.io \"absent\" not found"
        )
    );
    let admin = UserInfo::admin();
    assert!(
        message(write(&view, &admin, path, Some(&made), &binding("big")))
            .contains("roleRef: Invalid value: {\"APIGroup\":")
    );
}

fn request(organization: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "jane");
    params
        .distinguished_name
        .push(rcgen::DnType::OrganizationName, organization);
    STANDARD.encode(params.serialize_request(&key).unwrap().pem().unwrap())
}

const CSR: &str = "certificates.k8s.io/v1/certificatesigningrequests";

fn csr(organization: &str) -> Value {
    json!({
        "metadata": {"name": "c"},
        "spec": {
            "request": request(organization),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "username": "root",
            "groups": ["system:masters"],
        },
    })
}

#[test]
fn a_request_says_who_asks_and_cannot_ask_for_masters() {
    let jane = user("jane");
    let stored = write(&view(), &jane, CSR, None, &csr("dev")).unwrap();
    assert_eq!(stored["spec"]["username"], "jane");
    assert_eq!(stored["spec"]["groups"], json!(["system:authenticated"]));
    assert!(
        message(write(&view(), &jane, CSR, None, &csr("system:masters")))
            .contains("system:masters group is not allowed")
    );
    for (field, value) in [
        ("request", json!("bm9uc2Vuc2U=")),
        ("signerName", json!("nodomain")),
        ("usages", json!(["fly"])),
        ("usages", json!([])),
        ("expirationSeconds", json!(599)),
    ] {
        let mut bad = csr("dev");
        bad["spec"][field] = value;
        let status = write(&view(), &jane, CSR, None, &bad).unwrap_err();
        assert_eq!(status.code, 422, "{field}");
        assert!(
            status.message.contains(&format!("spec.{field}")),
            "{}",
            status.message
        );
    }
    let mut changed = stored.clone();
    changed["spec"]["username"] = json!("root");
    changed["status"] = json!({"certificate": "eA=="});
    assert_eq!(
        write(&view(), &jane, CSR, Some(&stored), &changed).unwrap(),
        stored
    );
}

#[test]
fn approval_and_signing_need_the_right_to_it() {
    let mut view = view();
    let group = "rbac.authorization.k8s.io";
    view.put(group, "clusterroles", json!({"metadata": {"name": "approver"}, "rules": [
        {"verbs": ["approve"], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": ["kubernetes.io/*"]},
    ]}));
    view.put(
        group,
        "clusterrolebindings",
        json!({
            "metadata": {"name": "b"},
            "roleRef": {"kind": "ClusterRole", "name": "approver"},
            "subjects": [{"kind": "User", "name": "jane"}],
        }),
    );
    let stored = write(&view, &user("x"), CSR, None, &csr("dev")).unwrap();
    let mut approved = stored.clone();
    approved["status"] = json!({
        "conditions": [{"type": "Approved", "status": "True", "reason": "r"}],
        "certificate": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
    });
    let approval = format!("{CSR}/approval");
    let status = format!("{CSR}/status");
    assert_eq!(
        message(write(
            &view,
            &user("x"),
            &approval,
            Some(&stored),
            &approved
        )),
        r#"certificatesigningrequests.certificates.k8s.io "c" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client""#
    );
    let good = write(&view, &user("jane"), &approval, Some(&stored), &approved).unwrap();
    assert!(csr::has(&good, "Approved"));
    assert!(good["status"].get("certificate").is_none());
    assert!(good["status"]["conditions"][0]["lastUpdateTime"].is_string());
    // Only the approval door approves, only a signer signs.
    assert!(
        message(write(
            &view,
            &user("jane"),
            &status,
            Some(&stored),
            &approved
        ))
        .contains("sign requests")
    );
    let mut sneaky = approved.clone();
    sneaky["status"]["certificate"] = Value::Null;
    let sneaky = write(&view, &UserInfo::admin(), &status, Some(&stored), &sneaky).unwrap();
    assert!(!csr::has(&sneaky, "Approved"));
    let signed = write(&view, &UserInfo::admin(), &status, Some(&good), &approved).unwrap();
    assert_eq!(
        signed["status"]["certificate"],
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="
    );
    assert!(csr::has(&signed, "Approved"));
    let mut both = approved;
    both["status"]["conditions"] = json!([{"type": "Denied", "status": "True"}]);
    assert!(
        message(write(
            &view,
            &UserInfo::admin(),
            &approval,
            Some(&good),
            &both
        ))
        .contains("may not remove a condition of type \"Approved\"")
    );
}

mod answers {
    use std::sync::Arc;

    use super::*;
    use crate::authn::Authenticator;
    use crate::pki::{Authority, ISSUER, ServiceAccountKeys};

    fn authenticator() -> Authenticator {
        let keys = Arc::new(ServiceAccountKeys::open(None).unwrap());
        Authenticator::new(&Authority::open(None).unwrap(), keys).unwrap()
    }

    fn ask(
        view: &Objects,
        by: &Authenticator,
        who: &UserInfo,
        path: &str,
        name: &str,
        spec: &Value,
    ) -> Result<Value, Status> {
        let parts: Vec<&str> = path.split('/').collect();
        let resource = view
            .catalog()
            .find(parts[0], "v1", parts[1])
            .unwrap()
            .clone();
        let body = json!({"spec": spec});
        let question = Question {
            user: who,
            resource: &resource,
            subresource: parts.get(2).copied().unwrap_or_default(),
            namespace: "ns",
            name,
            body: &body,
        };
        answer(view, by, &question)
            .unwrap()
            .map(|body| body["status"].clone())
    }

    #[test]
    fn a_requested_token_is_reviewed() {
        let (mut view, by, admin) = (view(), authenticator(), UserInfo::admin());
        view.put(
            "",
            "serviceaccounts",
            json!({"metadata": {"namespace": "ns", "name": "sa", "uid": "u"}}),
        );
        view.put("", "pods", json!({"metadata": {"namespace": "ns", "name": "p", "uid": "v"}, "spec": {"serviceAccountName": "sa"}}));
        let token = |name: &str, spec: Value| {
            ask(&view, &by, &admin, "/serviceaccounts/token", name, &spec)
        };
        let review = |token: &Value, audiences: Value| {
            ask(
                &view,
                &by,
                &admin,
                "authentication.k8s.io/tokenreviews",
                "",
                &json!({"token": token, "audiences": audiences}),
            )
            .unwrap()
        };
        let plain = token("sa", json!({})).unwrap();
        let reviewed = review(&plain["token"], json!([]));
        assert_eq!(reviewed["authenticated"], true);
        assert_eq!(reviewed["user"]["username"], "system:serviceaccount:ns:sa");
        assert_eq!(reviewed["audiences"], json!([ISSUER]));
        let other = token("sa", json!({"audiences": ["x", "y"], "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "v"}})).unwrap();
        assert!(review(&other["token"], json!([]))["authenticated"].is_null());
        let reviewed = review(&other["token"], json!(["y", "z"]));
        assert_eq!(reviewed["audiences"], json!(["y"]));
        assert_eq!(
            reviewed["user"]["extra"]["authentication.kubernetes.io/pod-name"],
            json!(["p"])
        );
        for (name, spec, code) in [
            ("nobody", json!({}), 404),
            ("sa", json!({"expirationSeconds": 599}), 422),
            (
                "sa",
                json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "q"}}),
                404,
            ),
            (
                "sa",
                json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "w"}}),
                409,
            ),
            (
                "default",
                json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}}),
                400,
            ),
            (
                "sa",
                json!({"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "p"}}),
                400,
            ),
        ] {
            assert_eq!(token(name, spec.clone()).unwrap_err().code, code, "{spec}");
        }
    }

    #[test]
    fn access_reviews() {
        let (view, by, jane) = (grant_fixture(), authenticator(), user("jane"));
        let pods = json!({"verb": "get", "resource": "pods", "namespace": "ns"});
        let group = "authorization.k8s.io";
        let own = ask(
            &view,
            &by,
            &jane,
            &format!("{group}/selfsubjectaccessreviews"),
            "",
            &json!({"resourceAttributes": pods}),
        )
        .unwrap();
        assert_eq!(own["allowed"], true);
        assert!(
            own["reason"]
                .as_str()
                .unwrap()
                .contains("ClusterRoleBinding \"b\"")
        );
        let theirs = |spec: &Value| {
            ask(
                &view,
                &by,
                &jane,
                &format!("{group}/subjectaccessreviews"),
                "",
                spec,
            )
        };
        assert_eq!(
            theirs(&json!({"user": "joe", "resourceAttributes": pods})).unwrap()["allowed"],
            false
        );
        assert_eq!(theirs(&json!({"user": "joe", "groups": ["system:masters"], "nonResourceAttributes": {"verb": "get", "path": "/x"}})).unwrap()["allowed"], true);
        assert_eq!(
            theirs(&json!({"resourceAttributes": pods}))
                .unwrap_err()
                .code,
            422
        );
        assert_eq!(theirs(&json!({"user": "joe"})).unwrap_err().code, 422);
        let local = |namespace: &str| {
            let spec = json!({"user": "jane", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": namespace}});
            ask(
                &view,
                &by,
                &jane,
                &format!("{group}/localsubjectaccessreviews"),
                "",
                &spec,
            )
        };
        assert_eq!(local("ns").unwrap()["allowed"], true);
        assert_eq!(local("other").unwrap_err().code, 422);
        let rules = ask(
            &view,
            &by,
            &jane,
            &format!("{group}/selfsubjectrulesreviews"),
            "",
            &json!({"namespace": "ns"}),
        )
        .unwrap();
        assert_eq!(rules["resourceRules"].as_array().unwrap().len(), 3);
        let me = ask(
            &view,
            &by,
            &jane,
            "authentication.k8s.io/selfsubjectreviews",
            "",
            &json!({}),
        )
        .unwrap();
        assert_eq!(me["userInfo"]["username"], "jane");
    }
}
