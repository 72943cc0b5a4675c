use super::*;

/// A Secret with a kubeconfig that uses a token.
fn bootstrap(server: &str, entry: &str, token: &str) -> Data {
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         clusters: [{{name: {entry}, cluster: {{server: '{server}', certificate-authority: /spoke/ca.crt}}}}], \
         contexts: [{{name: c, context: {{cluster: {entry}, user: u}}}}], \
         users: [{{name: u, user: {{token: {token}}}}}]}}"
    );
    BTreeMap::from([
        ("kubeconfig".to_owned(), ByteString(text.into_bytes())),
        ("ca.crt".to_owned(), ByteString(b"CA".to_vec())),
    ])
}

#[test]
fn files_beside_the_kubeconfig_are_keys_of_the_secret() {
    let mut data = bootstrap("https://hub", "hub", "t");
    let credentials = Credentials::read(&data).unwrap();
    assert_eq!(
        credentials.cluster.certificate_authority_data.as_deref(),
        Some("Q0E=")
    );
    data.remove("ca.crt");
    let error = Credentials::read(&data).unwrap_err();
    assert!(error.to_string().contains("\"ca.crt\""), "{error}");
}

#[test]
fn errors_do_not_quote_secrets() {
    let data = BTreeMap::from([(
        "kubeconfig".to_owned(),
        ByteString(b"token: [SECRET".to_vec()),
    )]);
    let error = Credentials::read(&data).unwrap_err();
    assert!(!crate::runtime::source_chain(&error).contains("SECRET"));
    assert!(matches!(
        Credentials::read(&Data::new()),
        Err(Error::Missing("kubeconfig"))
    ));
}

#[test]
fn registration_49_the_same_hub_is_address_ca_and_entry_but_not_the_token() {
    let a = Credentials::read(&bootstrap("https://hub", "hub", "one")).unwrap();
    let token = Credentials::read(&bootstrap("https://hub", "hub", "two")).unwrap();
    let entry = Credentials::read(&bootstrap("https://hub", "other", "one")).unwrap();
    let server = Credentials::read(&bootstrap("https://hub2", "hub", "one")).unwrap();
    assert!(a.same_hub(&token));
    assert!(!a.same_hub(&entry));
    assert!(!a.same_hub(&server));
}

#[test]
fn registration_40_the_hub_kubeconfig_has_the_shape_of_the_protocol() {
    let credentials = Credentials::read(&bootstrap("https://hub:6443", "hub", "t")).unwrap();
    let kubeconfig: Value = serde_saphyr::from_str(&credentials.hub_kubeconfig_yaml()).unwrap();
    assert_eq!(
        kubeconfig,
        serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "default-context",
            "clusters": [{"name": "hub", "cluster": {
                "certificate-authority-data": "Q0E=", "server": "https://hub:6443"}}],
            "contexts": [{"name": "default-context", "context": {
                "cluster": "hub", "namespace": "configuration", "user": "default-auth"}}],
            "users": [{"name": "default-auth", "user": {
                "client-certificate": "tls.crt", "client-key": "tls.key"}}],
        })
    );
}

#[test]
fn a_chain_is_as_good_as_its_weakest_certificate() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = |from: i32, to: i32, name: &str| {
        let mut params = rcgen::CertificateParams::default();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.self_signed(&key).unwrap().pem()
    };
    let pem = certificate(2020, 2030, "ca")
        + &certificate(2021, 2029, "system:open-cluster-management:c1:a");
    let chain = Chain::read(pem.as_bytes()).unwrap();
    assert_eq!(chain.not_before.to_string(), "2021-01-01T00:00:00Z");
    assert_eq!(chain.not_after.to_string(), "2029-01-01T00:00:00Z");
    assert_eq!(chain.agent(), Some(("c1", "a")));
    assert!(chain.is_expired("2029-01-01T00:00:01Z".parse().unwrap()));
    assert!(!chain.is_expired("2028-12-31T23:59:59Z".parse().unwrap()));
    // A quarter of eight years before the end.
    let rotation = chain.rotation(0.25).to_string();
    assert!(rotation.starts_with("2026-12-3") || rotation.starts_with("2027-01-0"));
    assert_eq!(Chain::read(b"nothing"), None);
}
