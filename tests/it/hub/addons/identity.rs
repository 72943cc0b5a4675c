//! Who an add-on's agent is on the hub: certificates, tokens, rights.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use super::bed::{
    addon, addons_v1alpha1, bed, choose, configured, offer, placement, template, told,
};
use crate::harness::{create, eventually, until, user};
use crate::hub::support::Hub;

const USER: &str = "system:open-cluster-management:cluster:c1:addon:a:agent:a-agent";
const GROUPS: &[&str] = &[
    "system:open-cluster-management:cluster:c1:addon:a",
    "system:open-cluster-management:addon:a",
];
const C1: &str = "system:open-cluster-management:c1";
const KUBE_CLIENT: &str = "kubernetes.io/kube-apiserver-client";
const OWN_SIGNER: &str = "open-cluster-management.io/a-signer";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Add-on `a` on c1, with this registration. c1's agent may make requests.
async fn registered(registration: &Value) -> Hub {
    registered_on(&["c1"], registration).await
}

/// The same on these clusters.
async fn registered_on(clusters: &[&str], registration: &Value) -> Hub {
    let hub = bed(clusters).await;
    let allow = |kind: &str, mut rest: Value| {
        rest["apiVersion"] = format!("{RBAC}/v1").into();
        rest["kind"] = kind.into();
        rest["metadata"]["name"] = "agents".into();
        rest
    };
    let rules = json!({"rules": [{"apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"], "verbs": ["create"]}]});
    hub.side.create(allow("ClusterRole", rules)).await;
    let bound = json!({"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "agents"},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": C1}]});
    hub.side.create(allow("ClusterRoleBinding", bound)).await;
    placement(&hub, "p", clusters).await;
    configured(&hub, "info").await;
    hub.side.create(template("a", registration)).await;
    hub.side.create(offer("a")).await;
    hub
}

/// Asks for a certificate as c1's agent.
async fn request(hub: &Hub, signer: &str, user_name: &str, groups: &[&str]) -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = &mut params.distinguished_name;
    // rcgen keeps one value a type: the second organization has its number.
    let kinds = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    for (group, kind) in groups.iter().zip(kinds) {
        name.push(kind, *group);
    }
    name.push(DnType::CommonName, user_name);
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let agent = user(&format!("{C1}:a1"), &[C1, "system:authenticated"]);
    let created = create(
        &hub.side.client_as(&agent),
        json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"generateName": "addon-c1-a-", "labels": {
                "open-cluster-management.io/cluster-name": "c1",
                "open-cluster-management.io/addon-name": "a"}},
            "spec": {"request": STANDARD.encode(pem), "signerName": signer,
                "usages": ["digital signature", "key encipherment", "client auth"]},
        }),
    )
    .await
    .unwrap();
    created["metadata"]["name"].as_str().unwrap().to_owned()
}

async fn csr(hub: &Hub, name: &str) -> Value {
    let csr = hub.side.get("CertificateSigningRequest", "", name).await;
    csr.unwrap()
}

async fn approved(hub: &Hub, name: &str) -> Option<Value> {
    let csr = csr(hub, name).await;
    let conditions = csr["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == "Approved").cloned()
}

#[tokio::test]
async fn addon_23_an_agent_gets_its_own_identity_and_its_rights() {
    let permissions =
        json!([{"type": "CurrentCluster", "currentCluster": {"clusterRoleName": "a"}}]);
    let registration =
        json!([{"type": "KubeClient", "kubeClient": {"hubPermissions": permissions}}]);
    let hub = registered(&registration).await;
    // The hub gives no more than it has.
    let text = told(
        &hub,
        ("c1", "a"),
        "RegistrationApplied",
        ("False", "SetPermissionFailed"),
    )
    .await;
    assert!(
        text.starts_with("Failed to set permission for hub agent: "),
        "{text}"
    );
    hub.side
        .create(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "a"}, "rules": [{"apiGroups": [""],
                "resources": ["configmaps"], "verbs": ["get"]}]}),
        )
        .await;
    hub.side
        .create(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "a-for-the-hub"},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "a"},
            "subjects": [{"kind": "ServiceAccount", "name": "cluster-manager",
                "namespace": "open-cluster-management"}]}),
        )
        .await;
    told(
        &hub,
        ("c1", "a"),
        "RegistrationApplied",
        ("True", "SetPermissionApplied"),
    )
    .await;
    let binding = hub
        .side
        .get(
            "RoleBinding",
            "c1",
            "open-cluster-management:a:clusterrole:agent",
        )
        .await
        .unwrap();
    let owner = &binding["metadata"]["ownerReferences"][0];
    assert_eq!(owner["kind"], "ManagedClusterAddOn");
    let subjects = binding["subjects"].as_array().unwrap();
    let names: Vec<&Value> = subjects.iter().map(|s| &s["name"]).collect();
    assert_eq!(names, [GROUPS[0], USER]);
    // Somebody else's name stays pending; that the later one is approved tells
    // that it was looked at.
    let other = request(&hub, KUBE_CLIENT, "somebody", GROUPS).await;
    let less = request(&hub, KUBE_CLIENT, USER, &GROUPS[..1]).await;
    let own = request(&hub, KUBE_CLIENT, USER, GROUPS).await;
    let condition = eventually("it is approved", || approved(&hub, &own)).await;
    assert_eq!(
        condition["reason"],
        "AutoApprovedByHubCSRApprovingController"
    );
    assert_eq!(
        condition["message"],
        "Auto approving addon agent certificate."
    );
    assert!(approved(&hub, &other).await.is_none());
    assert!(approved(&hub, &less).await.is_none());
    // Kubernetes signs it.
    until("there is a certificate", || async {
        csr(&hub, &own).await["status"]["certificate"].is_string()
    })
    .await;
    // Denied: what is asked for then waits until it is accepted again.
    hub.accept("c1", false).await;
    let late = request(&hub, KUBE_CLIENT, USER, GROUPS).await;
    assert!(approved(&hub, &late).await.is_none());
    hub.accept("c1", true).await;
    eventually("it is approved then", || approved(&hub, &late)).await;
}

#[tokio::test]
async fn addon_23_a_namespace_of_nobodys_own_is_for_agents_of_all_clusters() {
    let permissions = json!([{"type": "SingleNamespace", "singleNamespace": {
        "namespace": "shared", "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "reader"}}}]);
    let registration =
        json!([{"type": "KubeClient", "kubeClient": {"hubPermissions": permissions}}]);
    let hub = registered_on(&["c1", "c2"], &registration).await;
    let version = format!("{RBAC}/v1");
    for object in [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shared"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "news", "namespace": "shared"}}),
        json!({"apiVersion": version, "kind": "Role",
            "metadata": {"name": "reader", "namespace": "shared"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}),
        json!({"apiVersion": version, "kind": "RoleBinding",
            "metadata": {"name": "for-the-hub", "namespace": "shared"},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "cluster-manager",
                "namespace": "open-cluster-management"}]}),
    ] {
        hub.side.create(object).await;
    }
    for cluster in ["c1", "c2"] {
        let applied = ("True", "SetPermissionApplied");
        told(&hub, (cluster, "a"), "RegistrationApplied", applied).await;
    }
    // What an agent of c2 can do there, as the API server sees it.
    let c2 = USER.replace("c1", "c2");
    let groups = [GROUPS[0].replace("c1", "c2"), GROUPS[1].to_owned()];
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let agent = hub.side.client_as(&user(&c2, &groups));
    let news: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(agent, "shared");
    until("it reads", || async { news.get("news").await.is_ok() }).await;
    let params = kube::api::DeleteParams::default();
    let denied = news.delete("news", &params).await;
    assert!(matches!(denied, Err(kube::Error::Api(status)) if status.code == 403));
    // One cluster less takes nothing from the others; the last takes it along.
    choose(&hub, "p", &["c2"]).await;
    until("a has left c1", || async {
        addon(&hub, "c1", "a").await.is_none()
    })
    .await;
    assert!(news.get("news").await.is_ok());
    choose(&hub, "p", &[]).await;
    until("it reads no more", || async {
        let binding = "open-cluster-management:a:role:agent";
        let bound = hub.side.get("RoleBinding", "shared", binding).await;
        bound.is_none() && news.get("news").await.is_err()
    })
    .await;
}

#[tokio::test]
async fn addon_24_a_custom_signer_signs_for_a_day() {
    let hub = registered(&json!([{"type": "CustomSigner", "customSigner": {
        "signerName": OWN_SIGNER, "subject": {"user": "u", "groups": ["g"]},
        "signingCA": {"name": "a-ca"}}}]))
    .await;
    told(
        &hub,
        ("c1", "a"),
        "RegistrationApplied",
        ("True", "NilRegistration"),
    )
    .await;
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let namespace = "open-cluster-management-hub";
    let named = |kind: &str, version: &str, mut rest: Value| {
        rest["apiVersion"] = version.into();
        rest["kind"] = kind.into();
        rest["metadata"] = json!({"name": "a-ca", "namespace": namespace});
        rest
    };
    if hub.side.get("Namespace", "", namespace).await.is_none() {
        hub.side
            .create(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            )
            .await;
    }
    let secret = json!({"stringData": {"tls.crt": ca.pem(), "tls.key": ca_key.serialize_pem()}});
    hub.side.create(named("Secret", "v1", secret)).await;
    let wrong = request(&hub, OWN_SIGNER, "v", &["g"]).await;
    let right = request(&hub, OWN_SIGNER, "u", &["g"]).await;
    eventually("it is approved", || approved(&hub, &right)).await;
    // The hub may not read the authority, and says so.
    until("that is told", || async {
        let events = hub.side.list("Event", "c1").await;
        events.iter().any(|event| {
            let note = event["note"].as_str().unwrap_or_default();
            event["reason"] == "SigningFailed" && note.contains("open-cluster-management-hub/a-ca")
        })
    })
    .await;
    let version = "rbac.authorization.k8s.io/v1";
    let rules = json!({"rules": [{"apiGroups": [""], "resources": ["secrets"],
        "resourceNames": ["a-ca"], "verbs": ["get"]}]});
    hub.side.create(named("Role", version, rules)).await;
    let bound = json!({"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "a-ca"},
        "subjects": [{"kind": "ServiceAccount", "name": "cluster-manager",
            "namespace": "open-cluster-management"}]});
    hub.side.create(named("RoleBinding", version, bound)).await;
    let certificate = eventually("it is signed", || async {
        let csr = csr(&hub, &right).await;
        csr["status"]["certificate"].as_str().map(str::to_owned)
    })
    .await;
    let pem = STANDARD.decode(certificate).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let ca = x509_parser::parse_x509_certificate(ca.der()).unwrap().1;
    certificate.verify_signature(Some(ca.public_key())).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let left = certificate.validity().not_after.timestamp() - now;
    assert!((23 * 3600..=24 * 3600).contains(&left), "{left} s");
    assert!(approved(&hub, &wrong).await.is_none());
}

#[tokio::test]
async fn addon_30_a_service_account_for_agents_with_tokens() {
    let hub = registered(&json!([{"type": "KubeClient", "kubeClient": {}}])).await;
    told(
        &hub,
        ("c1", "a"),
        "RegistrationApplied",
        ("True", "SetPermissionApplied"),
    )
    .await;
    let driver = |driver: &str| json!({"status": {"kubeClientDriver": driver}});
    let api = addons_v1alpha1(&hub, "c1");
    let patch = async |patch: Value| {
        let params = kube::api::PatchParams::default();
        let patch = kube::api::Patch::Merge(patch);
        api.patch_status("a", &params, &patch).await.unwrap();
    };
    patch(driver("token")).await;
    let text = told(
        &hub,
        ("c1", "a"),
        "TokenInfrastructureReady",
        ("True", "TokenInfrastructureReady"),
    )
    .await;
    let account = hub
        .side
        .get("ServiceAccount", "c1", "a-agent")
        .await
        .unwrap();
    let uid = account["metadata"]["uid"].as_str().unwrap();
    assert_eq!(
        text,
        format!("ServiceAccount c1/a-agent (UID: {uid}) is ready")
    );
    let role = hub.side.get("Role", "c1", "a-token-role").await.unwrap();
    assert_eq!(role["rules"][0]["resourceNames"], json!(["a-agent"]));
    let binding = hub
        .side
        .get("RoleBinding", "c1", "a-token-role")
        .await
        .unwrap();
    assert_eq!(binding["subjects"][0]["name"], C1);
    // Until the agent says who it is with a token, it has no rights.
    told(
        &hub,
        ("c1", "a"),
        "RegistrationApplied",
        ("False", "PermissionConfigPending"),
    )
    .await;
    patch(driver("csr")).await;
    until("all of it is gone", || async {
        for (kind, name) in [
            ("ServiceAccount", "a-agent"),
            ("Role", "a-token-role"),
            ("RoleBinding", "a-token-role"),
        ] {
            if hub.side.get(kind, "c1", name).await.is_some() {
                return false;
            }
        }
        let addon = addon(&hub, "c1", "a").await.unwrap();
        crate::hub::support::condition(&addon, "TokenInfrastructureReady").is_none()
    })
    .await;
}
