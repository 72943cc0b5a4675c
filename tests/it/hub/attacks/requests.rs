//! Certificate requests in others' names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde_json::{Value, json};

use super::send;
use crate::harness::eventually;
use crate::hub::support::Hub;

const PATH: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const C1: &str = "system:open-cluster-management:c1";
const C2: &str = "system:open-cluster-management:c2";
const COMMON: &str = "system:open-cluster-management:managed-clusters";

/// A request with this subject and cluster label; and its key, PEM.
pub(crate) fn of(name: &str, organizations: &[&str], label: &str) -> (Value, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // rcgen keeps one value a type: further organizations have the type's number.
    let kinds = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    for (organization, kind) in organizations.iter().zip(kinds) {
        params.distinguished_name.push(kind, *organization);
    }
    params.distinguished_name.push(DnType::CommonName, name);
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let request = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"generateName": format!("{label}-"),
            "labels": {"open-cluster-management.io/cluster-name": label}},
        "spec": {"signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["digital signature", "key encipherment", "client auth"],
            "request": STANDARD.encode(pem)},
    });
    (request, key.serialize_pem())
}

/// What a cluster's agent `a1` renews its certificate with.
pub(crate) fn renewal(cluster: &str) -> (Value, String) {
    let group = format!("system:open-cluster-management:{cluster}");
    of(&format!("{group}:a1"), &[&group, COMMON], cluster)
}

/// Makes a request; its name.
pub(crate) async fn ask(client: &Client, request: Value) -> String {
    let (status, text) = send(client, "POST", PATH, &request).await;
    assert_eq!(status, 201, "{text}");
    let created: Value = serde_json::from_str(&text).unwrap();
    created["metadata"]["name"].as_str().unwrap().to_owned()
}

/// The condition of a request that was approved.
pub(crate) async fn approved(hub: &Hub, name: &str) -> Option<Value> {
    let csr = hub.side.get("CertificateSigningRequest", "", name).await;
    let csr = csr.unwrap();
    let conditions = csr["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == "Approved").cloned()
}

/// Statement 19, by an agent that may ask.
#[tokio::test]
async fn registration_19_no_request_in_anothers_name_is_approved() {
    let hub = Hub::start().await;
    for cluster in ["c1", "c2"] {
        hub.accepted(cluster).await;
    }
    let (agent, other) = (hub.agent("c1").await, hub.agent("c2").await);
    let own = format!("{C1}:a1");
    // That it may ask is told by its honest renewal.
    let honest = eventually("c1's agent may ask", || async {
        let (status, text) = send(&agent, "POST", PATH, &renewal("c1").0).await;
        let created: Value = serde_json::from_str(&text).ok()?;
        (status == 201).then(|| created["metadata"]["name"].as_str().unwrap().to_owned())
    })
    .await;
    eventually("the honest renewal", || approved(&hub, &honest)).await;
    let theirs = format!("{C2}:a1");
    let reserved = format!("{COMMON}:a1");
    let subjects: &[(&str, &str, &[&str], &str)] = &[
        ("c2's identity", &theirs, &[C2, COMMON], "c2"),
        (
            "c2's identity under c1's label",
            &theirs,
            &[C2, COMMON],
            "c1",
        ),
        ("c2's name in c1's group", &theirs, &[C1, COMMON], "c1"),
        ("c1's name in c2's group", &own, &[C2, COMMON], "c1"),
        (
            "another agent of c1",
            &format!("{C1}:a2"),
            &[C1, COMMON],
            "c1",
        ),
        ("c2's label", &own, &[C1, COMMON], "c2"),
        ("both groups", &own, &[C1, C2], "c1"),
        ("no group", &own, &[], "c1"),
        ("three parts", &format!("{C1}:a1:b"), &[C1, COMMON], "c1"),
        ("no agent", &format!("{C1}:"), &[C1, COMMON], "c1"),
        ("no agent at all", C1, &[C1, COMMON], "c1"),
        ("an administrator", "admin", &[C1, COMMON], "c1"),
        (
            "the reserved name",
            &reserved,
            &[COMMON],
            "managed-clusters",
        ),
    ];
    let mut asked = Vec::new();
    for (what, name, organizations, label) in subjects {
        asked.push((*what, ask(&agent, of(name, organizations, label).0).await));
    }
    let mut typed = renewal("c1").0;
    let pem = STANDARD
        .decode(typed["spec"]["request"].as_str().unwrap())
        .unwrap();
    let pem = String::from_utf8(pem).unwrap();
    let pem = pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    typed["spec"]["request"] = STANDARD.encode(pem).into();
    // The API server may refuse it already.
    let (status, text) = send(&agent, "POST", PATH, &typed).await;
    if status == 201 {
        let created: Value = serde_json::from_str(&text).unwrap();
        let name = created["metadata"]["name"].as_str().unwrap();
        asked.push(("another PEM type", name.to_owned()));
    }
    // Another cluster's renewal of c1's certificate.
    asked.push(("c2 asks for c1", ask(&other, renewal("c1").0).await));
    // Anybody at all, with an add-on's label beside the cluster's.
    let mut addon = renewal("c1").0;
    addon["metadata"]["labels"]["open-cluster-management.io/addon-name"] = "a".into();
    asked.push(("an add-on's label", ask(&agent, addon).await));
    let mut signer = renewal("c1").0;
    signer["spec"]["signerName"] = "example.com/mine".into();
    asked.push(("another signer", ask(&agent, signer).await));
    // Administrators of the cluster nobody becomes by asking.
    let masters = of("admin", &["system:masters"], "c1").0;
    let (status, message) = send(&agent, "POST", PATH, &masters).await;
    assert_eq!(status, 403, "{message}");
    // The bootstrap token asks for an identity that somebody has.
    let boot = hub.bootstrap().await;
    asked.push(("bootstrap", ask(&boot, renewal("c1").0).await));
    // All were looked at when the honest one after them is approved.
    let honest = ask(&other, renewal("c2").0).await;
    eventually("the honest one after them", || approved(&hub, &honest)).await;
    for (what, name) in &asked {
        assert!(approved(&hub, name).await.is_none(), "{what}");
    }
}
