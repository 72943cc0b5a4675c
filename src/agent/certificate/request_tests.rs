use std::collections::BTreeMap;

use rcgen::{CertificateParams, DistinguishedName, DnType};

use super::super::credentials::Credentials;
use super::*;
use crate::agent::registration::identity::Names;
use crate::agent::registration::order;

fn names() -> Names {
    Names {
        cluster: "c1".into(),
        agent: "a1".into(),
    }
}

fn ordered() -> Order {
    order::order(&names(), None, "n", &bootstrap())
}

fn bootstrap() -> Credentials {
    let text = "{apiVersion: v1, kind: Config, current-context: c, \
                clusters: [{name: hub, cluster: {server: 'https://hub', certificate-authority-data: Q0E=}}], \
                contexts: [{name: c, context: {cluster: hub, user: u}}], \
                users: [{name: u, user: {token: t}}]}";
    Credentials::read(&BTreeMap::from([(
        "kubeconfig".to_owned(),
        ByteString(text.as_bytes().to_vec()),
    )]))
    .unwrap()
}

/// Signs what the hub would: a certificate of the subject for the key.
pub(crate) fn certificate(common_name: &str, organizations: &[&str], years: (i32, i32)) -> String {
    let key = KeyPair::generate().unwrap();
    signed(&key, common_name, organizations, years)
}

fn signed(key: &KeyPair, common_name: &str, organizations: &[&str], years: (i32, i32)) -> String {
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    params.distinguished_name = DistinguishedName::new();
    let kinds = [
        DnType::OrganizationName,
        DnType::CustomDnType(vec![2, 5, 4, 10]),
    ];
    for (organization, kind) in organizations.iter().zip(kinds) {
        params.distinguished_name.push(kind, *organization);
    }
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.self_signed(key).unwrap().pem()
}

const C1: &str = "system:open-cluster-management:c1";
const COMMON: &str = names::GROUP_MANAGED_CLUSTERS;

fn secret(years: (i32, i32)) -> Data {
    let pem = certificate(&format!("{C1}:a1"), &[C1, COMMON], years);
    secret_data(None, &ordered(), "KEY", pem.into_bytes())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn need_now(secret: Option<&Data>) -> Need {
    need(secret, &ordered(), 0.2, at("2021-01-01T00:00:00Z"))
}

#[test]
fn registration_37_the_request_has_the_shape_of_the_protocol() {
    let fresh = make(&order::ask(&names(), None)).unwrap();
    let object = &fresh.object;
    assert_eq!(object["metadata"]["generateName"], "c1-");
    assert_eq!(
        object["metadata"]["labels"],
        json!({(names::LABEL_CLUSTER_NAME): "c1"})
    );
    assert_eq!(
        object["spec"]["usages"],
        json!(["digital signature", "key encipherment", "client auth"])
    );
    assert_eq!(object["spec"].get("expirationSeconds"), None);
    let request: ByteString = serde_json::from_value(object["spec"]["request"].clone()).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(&request.0).unwrap();
    assert_eq!(pem.label, "CERTIFICATE REQUEST");
    let (_, csr) = x509_parser::prelude::FromDer::from_der(&pem.contents)
        .map(
            |(rest, csr): (
                &[u8],
                x509_parser::certification_request::X509CertificationRequest<'_>,
            )| (rest, csr),
        )
        .unwrap();
    csr.verify_signature().unwrap();
    let subject = &csr.certification_request_info.subject;
    let common: Vec<&str> = subject
        .iter_common_name()
        .map(|n| n.as_str().unwrap())
        .collect();
    assert_eq!(common, ["system:open-cluster-management:c1:a1"]);
    let mut organizations: Vec<&str> = subject
        .iter_organization()
        .map(|n| n.as_str().unwrap())
        .collect();
    organizations.sort_unstable();
    assert_eq!(organizations, [C1, COMMON]);
    let timed = make(&order::ask(&names(), Some(7200))).unwrap();
    assert_eq!(timed.object["spec"]["expirationSeconds"], 7200);
}

#[test]
fn the_key_is_an_ec_private_key_that_tls_takes() {
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject;
    let fresh = make(&order::ask(&names(), None)).unwrap();
    assert!(fresh.key.starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
    let der = PrivateKeyDer::from_pem_slice(fresh.key.as_bytes()).unwrap();
    assert!(matches!(der, PrivateKeyDer::Sec1(_)));
    let signing = rustls::crypto::ring::sign::any_ecdsa_type(&der).unwrap();
    let public = signing.public_key().unwrap();
    assert!(public.as_ref().ends_with(&fresh.public), "another key");
}

#[test]
fn registration_40_the_secret_has_exactly_the_five_keys() {
    let data = secret((2020, 2030));
    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "agent-name",
            "cluster-name",
            "kubeconfig",
            "tls.crt",
            "tls.key"
        ]
    );
    assert_eq!(data["cluster-name"].0, b"c1");
    let text = credentials::text(&data, "kubeconfig").unwrap();
    assert!(text.contains("client-certificate: tls.crt"), "{text}");
    let mut old = Data::new();
    old.insert("foreign".into(), ByteString(b"x".to_vec()));
    let data = secret_data(Some(&old), &ordered(), "K", b"C".to_vec());
    assert_eq!(data.len(), 6);
}

#[test]
fn registration_44_a_certificate_is_renewed_near_its_end() {
    let secret = secret((2020, 2030));
    let check = |now: &str| need(Some(&secret), &ordered(), 0.2, at(now));
    assert!(matches!(check("2021-01-01T00:00:00Z"), Need::At(_)));
    assert!(matches!(check("2027-12-01T00:00:00Z"), Need::At(_)));
    assert_eq!(check("2028-01-03T00:00:00Z"), Need::Now("it nears its end"));
    assert_eq!(check("2030-01-03T00:00:00Z"), Need::Now("it has expired"));
    let Need::At(rotation) = check("2021-01-01T00:00:00Z") else {
        panic!();
    };
    assert!(rotation.to_string().starts_with("2028-01-0"), "{rotation}");
}

#[test]
fn registration_45_a_good_secret_needs_nothing() {
    assert!(matches!(need_now(Some(&secret((2020, 2030)))), Need::At(_)));
}

#[test]
fn what_makes_a_secret_bad() {
    type Change = fn(&mut Data);
    let cases: &[(&str, Change)] = &[
        ("no certificate", |data| {
            data.remove("tls.crt");
        }),
        ("no key", |data| {
            data.remove("tls.key");
        }),
        ("garbage", |data| {
            data.insert("tls.crt".into(), ByteString(b"x".to_vec()));
        }),
        ("no cluster name", |data| {
            data.remove("cluster-name");
        }),
        ("another agent", |data| {
            data.insert("agent-name".into(), ByteString(b"other".to_vec()));
        }),
        ("another kubeconfig", |data| {
            data.insert("kubeconfig".into(), ByteString(b"{clusters: []}".to_vec()));
        }),
        ("another CN", |data| {
            let pem = certificate(
                "system:open-cluster-management:c1:b",
                &[C1, COMMON],
                (2020, 2030),
            );
            data.insert("tls.crt".into(), ByteString(pem.into_bytes()));
        }),
        ("an organization too few", |data| {
            let pem = certificate("system:open-cluster-management:c1:a1", &[C1], (2020, 2030));
            data.insert("tls.crt".into(), ByteString(pem.into_bytes()));
        }),
    ];
    for (what, change) in cases {
        let mut data = secret((2020, 2030));
        change(&mut data);
        assert!(matches!(need_now(Some(&data)), Need::Now(_)), "{what}");
    }
    assert!(matches!(need_now(None), Need::Now(_)));
}

#[test]
fn a_kubeconfig_of_another_writer_means_the_same() {
    let mut data = secret((2020, 2030));
    let go = "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: Q0E=\n    server: https://hub\n  name: hub\ncontexts:\n- context:\n    cluster: hub\n    namespace: configuration\n    user: default-auth\n  name: default-context\ncurrent-context: default-context\nkind: Config\npreferences: {}\nusers:\n- name: default-auth\n  user:\n    client-certificate: tls.crt\n    client-key: tls.key\n";
    data.insert("kubeconfig".into(), ByteString(go.as_bytes().to_vec()));
    assert!(matches!(need_now(Some(&data)), Need::At(_)));
}

#[test]
fn registration_42_a_denied_request_is_waited_for_until_it_is_gone() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let pending = Pending {
        name: "c1-x".into(),
        key: String::new(),
        public: key.public_key_raw().to_vec(),
    };
    let denied = Request {
        denied: true,
        ..Request::default()
    };
    assert_eq!(outcome(&pending, Some(&denied)), Outcome::Wait);
    assert_eq!(outcome(&pending, None), Outcome::Gone);
    assert_eq!(outcome(&pending, Some(&Request::default())), Outcome::Wait);
    let pem = signed(&key, &format!("{C1}:a1"), &[C1, COMMON], (2020, 2030));
    let issued = Request {
        approved: true,
        certificate: pem.clone().into_bytes(),
        ..Request::default()
    };
    assert_eq!(
        outcome(&pending, Some(&issued)),
        Outcome::Issued(pem.into_bytes())
    );
    let foreign = Request {
        approved: true,
        certificate: certificate("x", &[], (2020, 2030)).into_bytes(),
        ..Request::default()
    };
    assert_eq!(outcome(&pending, Some(&foreign)), Outcome::Foreign);
}

#[test]
fn a_subject_is_both_groups() {
    let subject = Subject::of_agent("c1", "a1");
    assert_eq!(subject.common_name, "system:open-cluster-management:c1:a1");
    assert_eq!(subject.organizations.len(), 2);
}
