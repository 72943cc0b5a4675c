use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;
use crate::api::UserInfo;

const HOUR: Duration = Duration::from_secs(3600);

fn request(algorithm: &'static rcgen::SignatureAlgorithm) -> String {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "system:open:one");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:open");
    params.serialize_request(&key).unwrap().pem().unwrap()
}

#[test]
fn a_signed_request_keeps_subject_key_and_names() {
    let authority = Authority::open(None).unwrap();
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let request = CertificateRequest::parse(&request(algorithm)).unwrap();
        assert_eq!(request.common_name, "system:open:one");
        assert_eq!(request.organizations, ["system:open"]);
        assert_eq!(request.names, [San::Dns("a.example".to_owned())]);
        let usages = [Usage::DigitalSignature, Usage::ClientAuth];
        let signed = authority.sign_request(&request, &usages, HOUR).unwrap();
        let der = unpem("CERTIFICATE", &signed).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        assert_eq!(certificate.subject().as_raw(), request.subject);
        assert_eq!(certificate.public_key().raw, request.public_key);
        let (_, ca) = X509Certificate::from_der(authority.der()).unwrap();
        certificate.verify_signature(Some(ca.public_key())).unwrap();
        assert_eq!(certificate.issuer(), ca.subject());
        let lasts =
            certificate.validity().not_after.timestamp() - jiff::Timestamp::now().as_second();
        assert!((3500..=3600).contains(&lasts), "{lasts}");
        let extended = certificate.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.client_auth && !extended.server_auth);
        assert!(!certificate.is_ca());
        assert!(ca.is_ca());
        ca.verify_signature(None).unwrap();
    }
}

#[test]
fn bad_requests_are_refused() {
    let good = request(&rcgen::PKCS_ECDSA_P256_SHA256);
    let mut der = unpem("CERTIFICATE REQUEST", &good).unwrap();
    let last = der.len() - 1;
    der[last] ^= 1;
    for bad in [
        String::new(),
        good.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        pem("CERTIFICATE REQUEST", b"nonsense"),
        pem("CERTIFICATE REQUEST", &der),
    ] {
        assert!(CertificateRequest::parse(&bad).is_err());
    }
}

#[test]
fn a_certificate_never_outlives_its_authority() {
    let authority = Authority::open(None).unwrap();
    let (pem, _) = authority
        .issue_client(
            &UserInfo::admin(),
            Duration::from_secs(100 * 365 * 24 * 3600),
        )
        .unwrap();
    let der = unpem("CERTIFICATE", &pem).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let (_, ca) = X509Certificate::from_der(authority.der()).unwrap();
    assert_eq!(certificate.validity().not_after, ca.validity().not_after);
}

#[test]
fn keys_survive_in_their_folder_and_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let first = Authority::open(Some(folder.path())).unwrap();
    let again = Authority::open(Some(folder.path())).unwrap();
    assert_eq!(first.pem(), again.pem());
    let keys = ServiceAccountKeys::open(Some(folder.path())).unwrap();
    let same = ServiceAccountKeys::open(Some(folder.path())).unwrap();
    assert_eq!(keys.jwks(), same.jwks());
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.path());
        }
    }
    std::fs::remove_file(folder.path().join("ca.key")).unwrap();
    let error = Authority::open(Some(folder.path())).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("ca.key: is missing, though ca.crt is there")
    );
    std::fs::write(folder.path().join("sa.key"), "x").unwrap();
    assert!(ServiceAccountKeys::open(Some(folder.path())).is_err());
}
